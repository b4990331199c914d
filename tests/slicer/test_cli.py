"""The program as a command-line module, run by Slicer's own engine."""

import os
import pathlib
import re
import signal
import subprocess
import time

import numpy as np
import pytest
import slicer

import builders
from conftest import PROGRAM, ROOT
from HRINetResampleLib.binding import hrinet
from standins import cli_engine


@pytest.fixture(scope="module")
def threads(app_logic):
    app_logic.CreateProcessingThread()
    yield
    app_logic.TerminateProcessingThread()


@pytest.fixture
def module(app_logic, threads):
    return cli_engine.logic_of(PROGRAM, app_logic)


@pytest.fixture
def run(app_logic, module):
    """Starts the module on a volume; returns its node and the output."""

    def start(thick, **parameters):
        node = module.CreateNodeInScene()
        output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Output")
        node.SetParameterAsNode("inputVolume", thick)
        node.SetParameterAsNode("outputVolume", output)
        for name, value in parameters.items():
            if isinstance(value, slicer.vtkMRMLNode):
                node.SetParameterAsNode(name, value)
            else:
                node.SetParameterAsString(name, str(value))
        module.Apply(node, False)
        return node, output

    return start


def finished(node):
    return node.GetStatus() in (node.Completed, node.CompletedWithErrors, node.Cancelled)


def error_text(node):
    return node.GetErrorText()


def test_slicer_parses_the_description(module):
    node = module.CreateNodeInScene()
    assert node.GetModuleTitle() == "HRINet Resample (command line)"
    assert node.GetModuleVersion() == hrinet.version()
    names = {
        node.GetParameterName(group, index): node.GetParameterTag(group, index)
        for group in range(node.GetNumberOfParameterGroups())
        for index in range(node.GetNumberOfParametersInGroup(group))
    }
    assert names == {
        "inputVolume": "image",
        "outputVolume": "image",
        "spacing": "string-enumeration",
        "factor": "integer",
        "spacingMm": "double",
        "likeVolume": "image",
        "axis": "string-enumeration",
        "keepTilt": "boolean",
        "model": "string",
        "window": "string",
        "device": "string",
        "threads": "integer",
        "knownSlices": "integer",
        "interpolatedSlices": "integer",
    }


def test_program_and_module_give_the_same_voxels(app_logic, run, logic):
    thick = builders.volume()
    # With another thread count sums are ordered differently, and a voxel on a half may round
    # the other way.
    node, output = run(thick, threads=1)
    cli_engine.wait(app_logic, lambda: finished(node))
    assert node.GetStatus() == node.Completed, error_text(node)
    assert error_text(node) == ""
    fine = logic.resample(thick, threads=1)
    assert np.array_equal(builders.array(output), builders.array(fine))
    for ijk in ((0, 0, 0), (47, 39, 24)):
        assert np.abs(builders.world(output, ijk) - builders.world(fine, ijk)).max() < 1e-6
    assert node.GetParameterAsString("knownSlices") == "7"
    assert node.GetParameterAsString("interpolatedSlices") == "18"


@pytest.mark.parametrize(
    "choices",
    [
        {"spacing": "factor", "factor": 3},
        {"spacing": "nearest", "spacingMm": 0.9},
        {"spacing": "exact", "spacingMm": 0.7},
        {"spacing": "like"},
        {"axis": "k"},
    ],
    ids=lambda choices: "-".join(map(str, choices.values())),
)
def test_program_and_module_agree_on_every_option(app_logic, run, logic, choices):
    thick = builders.volume(dtype=np.float64)  # integers would hide or double rounding
    if choices.get("spacing") == "like":
        step = builders.oblique() @ np.diag([1, 1, 0.4, 1])
        choices = {**choices, "likeVolume": builders.volume((9, 40, 48), step, "Like")}
    node, output = run(thick, model="linear", **choices)
    cli_engine.wait(app_logic, lambda: finished(node))
    assert error_text(node) == ""
    fine = builders.array(logic.resample(thick, model="linear", **choices))
    assert builders.array(output).shape == fine.shape
    assert np.abs(builders.array(output) - fine).max() < 1e-6


def test_window_reaches_the_network(app_logic, run, logic):
    thick = builders.volume(dtype=np.float64)
    node, output = run(thick, threads=1, window="-2000,3000")
    cli_engine.wait(app_logic, lambda: finished(node))
    assert error_text(node) == ""
    fine = builders.array(logic.resample(thick, threads=1, window=(-2000, 3000)))
    assert np.abs(builders.array(output) - fine).max() < 1e-3
    plain = builders.array(logic.resample(thick, threads=1))
    assert np.abs(builders.array(output) - plain).max() > 0.1


def test_progress_is_reported(app_logic, run):
    node, _output = run(builders.volume((24, 192, 192), builders.oblique((0.5, 0.5, 4.0))))
    seen = []

    def done():
        seen.append(node.GetProgress())
        return finished(node)

    cli_engine.wait(app_logic, done)
    between = {progress for progress in seen if 0 < progress < 100}
    assert len(between) > 3, seen


def files_of(app_logic):
    return sorted(path.name for path in pathlib.Path(app_logic.GetTemporaryPath()).iterdir())


def test_cancel_leaves_scene_and_disk_unchanged(app_logic, run):
    thick = builders.volume((24, 192, 192), builders.oblique((0.5, 0.5, 4.0)))
    node, output = run(thick)
    cli_engine.wait(app_logic, lambda: node.GetProgress() > 2)
    node.Cancel()
    start = time.monotonic()
    cli_engine.wait(app_logic, lambda: node.GetStatus() == node.Cancelled)
    assert time.monotonic() - start < 5
    assert output.GetImageData() is None
    left = [name for name in files_of(app_logic) if not name.startswith("RemoteIO")]
    assert [name for name in left if "partial" in name or "Output" in name] == []


def test_crash_is_reported_and_slicer_survives(app_logic, run, logic):
    node, output = run(builders.volume((24, 192, 192), builders.oblique((0.5, 0.5, 4.0))))
    cli_engine.wait(app_logic, lambda: node.GetProgress() > 2)
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-x", "hrinet-torch"], capture_output=True, text=True
    )
    (child,) = [int(pid) for pid in found.stdout.split()]
    os.kill(child, signal.SIGABRT)
    cli_engine.wait(app_logic, lambda: finished(node))
    assert node.GetStatus() == node.CompletedWithErrors
    assert output.GetImageData() is None
    assert logic.resample(builders.volume(name="Next"), model="linear") is not None


def test_error_is_one_readable_line(app_logic, run):
    node, _output = run(builders.volume((1, 40, 48)))
    cli_engine.wait(app_logic, lambda: finished(node))
    assert node.GetStatus() == node.CompletedWithErrors
    lines = [line for line in error_text(node).splitlines() if line.startswith("hrinet:")]
    assert len(lines) == 1 and "single slice" in lines[0]


def by_hand(tmp_path, *arguments):
    return subprocess.run([PROGRAM, *arguments], cwd=tmp_path, capture_output=True, text=True)


def test_progress_tags_and_return_parameters_are_written(tmp_path):
    """Output that Slicer reads: every tag on lines of its own, nothing on standard error."""
    thick = builders.volume()
    writer = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    writer.SetFileName(str(tmp_path / "in.nrrd"))
    assert writer.WriteData(thick)
    done = by_hand(
        tmp_path, "--returnparameterfile", "back", "--model", "linear", "--window", "",
        "--keepTilt", "in.nrrd", "out.nrrd"
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == ""
    assert (tmp_path / "back").read_text() == "knownSlices = 7\ninterpolatedSlices = 18\n"
    start, middle, end = (
        done.stdout.find(tag)
        for tag in (
            "<filter-start>\n<filter-name>slices</filter-name>",
            "<filter-progress>",
            "<filter-end>",
        )
    )
    assert 0 <= start < middle < end
    shares = [
        float(share)
        for share in re.findall(
            r"^<filter-progress>(.*)</filter-progress>$", done.stdout, flags=re.M
        )
    ]
    assert shares == sorted(shares) and shares[-1] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "in.nrrd", "out.nrrd"]


def test_description_is_printed_without_an_environment(tmp_path):
    done = by_hand(tmp_path, "--xml")
    assert done.returncode == 0 and done.stdout.startswith("<?xml") and done.stderr == ""
    source = (ROOT / "src/bin/hrinet/slicer_cli.xml").read_text()
    assert done.stdout == source.replace("@VERSION@", hrinet.version())
