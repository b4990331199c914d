"""Derived series in the DICOM database; read by ITK, as Slicer loads them."""

import os
import pathlib
import time

import numpy as np
import pytest
import slicer

import builders
from conftest import ROOT
from HRINetResampleLib.binding import hrinet, library
from HRINetResampleLib.compute import derived_series, resampling, thread
from HRINetResampleLib.compute.program import ProgramError
from HRINetResampleLib.panel.parameters import Axis, Spacing
from HRINetResampleLib.scene.volumes import VolumeError
from panels import finished, node, ready, status_of
from standins.dicom import Database

FILES = sorted((ROOT / ".samples" / "dicom" / "pat_2").glob("DCM_IMG*.dcm"))
pytestmark = pytest.mark.skipif(
    not FILES, reason=".samples/dicom is missing; run scripts/dev/fetch-samples"
)


@pytest.fixture
def database(tmp_path, monkeypatch):
    folder = tmp_path / "database"
    folder.mkdir()
    return Database(folder, monkeypatch)


def load(database, files):
    """Volume as Slicer's DICOM import loads it."""
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Series")
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(files[0]))
    for path in files:
        storage.AddFileName(str(path))
    storage.SetSingleFile(0)
    assert storage.ReadData(volume)
    uids = [database.link(path) for path in files]
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    return volume


def test_series_is_what_resample_makes(database, logic):
    ct = load(database, FILES[:9])
    series = logic.toDicomDatabase(ct, spacing="factor", factor=3, model="hrinet-motion-small")
    assert (series.known_count, series.interpolated_count, series.file_count) == (9, 16, 25)
    paths = database.filesForSeries(series.series_uid)
    assert len(paths) == 25 and all(pathlib.Path(path).is_file() for path in paths)
    fine = load(database, paths)
    made = logic.resample(ct, spacing="factor", factor=3, model="hrinet-motion-small")
    assert np.array_equal(builders.array(fine)[::3], builders.array(ct))
    assert np.array_equal(builders.array(fine), builders.array(made))
    assert np.allclose(fine.GetSpacing(), made.GetSpacing(), atol=1e-4)
    assert np.allclose(fine.GetOrigin(), made.GetOrigin(), atol=1e-3)
    ((folder, copied),) = database.imported
    assert copied and not os.path.exists(folder)


def test_button_adds_the_series(database, open_panel):
    load(database, FILES[:5])
    widget = ready(open_panel())
    node(widget).model, node(widget).spacing = "linear", Spacing.FACTOR
    ready(widget)
    assert widget.ui.dicomButton.isEnabled()
    widget.ui.dicomButton.click()
    assert widget.ui.applyButton.text() == "Cancel"
    finished(widget)
    said = status_of(widget)
    assert "Added a series to the DICOM database: 5 known slices, 4 interpolated" in said
    assert len(database.imported) == 1 and node(widget).outputVolume is None


def test_button_says_why_it_is_grey(database, open_panel):
    widget = ready(open_panel())

    def reason():
        ready(widget)
        assert not widget.ui.dicomButton.isEnabled()
        return widget.ui.dicomButton.toolTip()

    assert "Load and choose a CT" in reason()
    node(widget).inputVolume = builders.volume(name="From a file")
    assert "From a file was not loaded from Slicer's DICOM database" in reason()
    node(widget).inputVolume = load(database, FILES[:5])
    assert ready(widget).ui.dicomButton.isEnabled()
    node(widget).axis = Axis.I
    assert "slice axis" in reason()
    node(widget).axis, node(widget).spacing = Axis.K, Spacing.LIKE
    assert "another slice spacing" in reason()
    node(widget).spacing = Spacing.ISOTROPIC
    assert ready(widget).ui.dicomButton.isEnabled()
    database.isOpen = False
    node(widget).spacing = Spacing.FACTOR
    assert "not open" in reason()


def test_missing_files_are_named(database, logic, tmp_path):
    ct = load(database, FILES[:5])
    uid = database.link(FILES[7])
    database._paths[uid] = str(tmp_path / "gone.dcm")
    ct.SetAttribute("DICOM.instanceUIDs", f"{ct.GetAttribute('DICOM.instanceUIDs')} {uid} 1.2.3")
    with pytest.raises(VolumeError, match=f"2 of the 7 files of Series.*{uid}"):
        logic.startDerivedSeries(ct)


def test_series_that_does_not_arrive_is_reported(database, logic, monkeypatch):
    ct = load(database, FILES[:5])
    monkeypatch.setattr(database, "filesForSeries", lambda uid: ["one"])
    with pytest.raises(VolumeError, match="1 of the 9 files of the new series"):
        logic.toDicomDatabase(ct, spacing="factor", model="linear")


def test_refusal_of_the_program_is_passed_on(database, logic):
    ct = load(database, FILES[:5])
    database._paths[ct.GetAttribute("DICOM.instanceUIDs").split()[0]] = __file__
    with pytest.raises(ProgramError, match="no-such-model"):
        logic.toDicomDatabase(ct, model="no-such-model")
    assert database.imported == []


def test_cancel_ends_the_program(database, logic, folders):
    temporary, _ = folders
    ct = load(database, FILES)
    task = logic.startDerivedSeries(ct, spacing="factor", factor=9, threads=1)
    while not any(temporary.glob("hrinet-program-*/source")):
        time.sleep(0.01)
    start = time.monotonic()
    task.cancel()
    assert task.join(20) and time.monotonic() - start < 5
    with pytest.raises(hrinet.Cancelled):
        task.finish()
    assert database.imported == [] and list(temporary.iterdir()) == []


def test_missing_program_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "program", lambda: None)
    with pytest.raises(ProgramError, match="program hrinet.*missing"):
        derived_series.run(FILES[:5], resampling.Settings(), str(tmp_path), thread.Control())


def test_files_are_copied_where_there_are_no_links(monkeypatch, tmp_path):
    def refuse(_source, _target):
        raise OSError("no links here")

    monkeypatch.setattr(os, "symlink", refuse)
    settings = resampling.Settings(hrinet.Options("factor"), "linear", "cpu")
    series = derived_series.run(FILES[:5], settings, str(tmp_path), thread.Control())
    assert series.file_count == 9 and len(list((tmp_path / "series").iterdir())) == 9


@pytest.mark.parametrize(
    "options, expected",
    [
        (hrinet.Options(), ["--isotropic"]),
        (hrinet.Options("factor", factor=5), ["--factor", "5"]),
        (hrinet.Options("nearest", spacing_mm=1.25), ["--spacing", "1.25"]),
        (hrinet.Options("exact", spacing_mm=0.1), ["--exact-spacing=0.1"]),
    ],
)
def test_settings_become_arguments(options, expected):
    settings = resampling.Settings(options, "linear", "cpu", "float32", True, 3, "auto", [0, 1.5])
    options.keep_tilt = True
    arguments = derived_series.arguments_of(settings)
    assert arguments[: len(expected)] == expected
    rest = "--model linear --device cpu --precision float32 --threads 3 --keep-tilt --ensemble"
    assert arguments[len(expected) :] == rest.split() + ["--window=0.0,1.5"]


@pytest.mark.parametrize(
    "options, said",
    [
        (hrinet.Options("like"), "slices of another volume"),
        (hrinet.Options(axis="j"), "choose the axis k, not j"),
    ],
)
def test_series_of_other_slices_is_refused(options, said):
    with pytest.raises(ProgramError, match=said):
        derived_series.arguments_of(resampling.Settings(options))
