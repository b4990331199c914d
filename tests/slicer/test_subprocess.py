"""Jobs in a subprocess: the same voxels, and failures."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import slicer

import builders
from conftest import MODULE, ROOT
from HRINetResampleLib.binding import hrinet, library, platforms
from HRINetResampleLib.compute import backend, subprocess_client


def test_subprocess_gives_the_same_voxels_as_a_thread(logic):
    thick = builders.volume()
    mask = builders.array(thick) > 0
    drawn = builders.segmentation(thick, {"bright": mask})
    one = logic.resample(thick, segmentation=drawn)
    two = logic.resample(thick, segmentation=drawn, separateProcess=True)
    assert np.array_equal(builders.array(one), builders.array(two))
    for name in ("Model", "Checksum", "Version", "Device", "SliceAxis", "KnownSlices"):
        assert one.GetAttribute(f"HRINet.{name}") == two.GetAttribute(f"HRINet.{name}")
    first, second = (logic.segmentationOf(node) for node in (one, two))
    assert np.array_equal(
        slicer.util.arrayFromSegmentBinaryLabelmap(first, "bright", one),
        slicer.util.arrayFromSegmentBinaryLabelmap(second, "bright", two),
    )


def children():
    """IDs of the running subprocesses."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "HRINetResampleLib.compute.subprocess_server"],
        capture_output=True,
        text=True,
    )
    return [int(pid) for pid in found.stdout.split()]


@pytest.mark.parametrize(
    "how, said",
    [
        (signal.SIGSEGV, r"crashed \(SIGSEGV\)"),
        (signal.SIGKILL, "ran out of memory"),
        (signal.SIGABRT, r"crashed \(SIGABRT\)"),
    ],
)
def test_crash_is_reported_and_slicer_survives(logic, how, said):
    thick = builders.volume((24, 192, 192), builders.oblique((0.5, 0.5, 4.0)))
    before = builders.contents()
    task = logic.start(thick, separateProcess=True)
    while task.control.done < 1:
        assert not task.finished
        time.sleep(0.01)
    (child,) = children()
    os.kill(child, how)
    assert task.join(20)
    with pytest.raises(subprocess_client.SubprocessError, match=said):
        task.finish()
    assert builders.contents() == before
    assert logic.resample(builders.volume(name="Next"), model="linear") is not None


def test_last_output_of_a_failed_subprocess_is_reported(logic, monkeypatch, tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'text on standard error' >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setattr(platforms, "python_program", lambda: str(fake))
    with pytest.raises(subprocess_client.SubprocessError, match="status 3.*text on standard error"):
        logic.resample(builders.volume(), separateProcess=True)


def test_insufficient_memory_is_reported_before_the_job(logic, monkeypatch):
    monkeypatch.setattr(platforms, "available_memory", lambda: 1000)
    with pytest.raises(hrinet.HrinetError, match="MB of memory, but only.*are free"):
        logic.resample(builders.volume())


def test_library_errors_are_passed_on(logic):
    with pytest.raises(hrinet.HrinetError, match="/nowhere/model.safetensors"):
        logic.resample(builders.volume(), model="/nowhere/model.safetensors", separateProcess=True)


def test_subprocess_ends_when_its_parent_dies():
    code = f"""
import os, sys
sys.path.insert(0, {str(MODULE)!r})
import numpy as np
from HRINetResampleLib.compute import resampling, subprocess_client, thread
voxels = np.zeros((40, 256, 256), np.int16)
grid = resampling.Grid(list(voxels.shape), np.diag([1, 1, 8, 1.0]).tolist())
out = np.empty((313, 256, 256), np.int16)
arrays = resampling.Arrays(voxels, out)
running = thread.Worker(
    lambda control: subprocess_client.run(grid, resampling.Settings(), arrays, control)
)
while running.control.done < 1:
    running.join(0.01)
os.system(f"pgrep -P {{os.getpid()}} -f HRINetResampleLib.compute.subprocess_server")
sys.stdout.flush()
os._exit(9)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60
    )
    child = int(done.stdout.split()[0])
    for _ in range(100):
        if (
            not os.path.exists(f"/proc/{child}")
            or "Z" in open(f"/proc/{child}/stat").read().split()[2]
        ):
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the subprocess outlived its parent")


def test_no_temporary_files_are_left(logic, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    logic.resample(builders.volume(), separateProcess=True, model="linear")
    task = logic.start(builders.volume((24, 192, 192)), separateProcess=True)
    while task.control.done < 1:
        time.sleep(0.01)
    task.cancel()
    task.join()
    assert list(tmp_path.iterdir()) == []


def test_backend_is_chosen_with_a_reason(monkeypatch):
    assert backend.choose().in_process
    assert not backend.choose(separate=True).in_process
    cuda = backend.choose("cuda:0")
    assert not cuda.in_process and "CUDA" in cuda.reason
    monkeypatch.setattr(library, "is_private", lambda path: False)
    monkeypatch.setattr(platforms, "loaded_torch", lambda: ["/another/libtorch_cpu.so"])
    stock = backend.choose()
    assert not stock.in_process
    assert "usual name" in stock.reason and "/another/libtorch_cpu.so" in stock.reason


def test_backend_is_logged(logic, caplog):
    with caplog.at_level("INFO", "HRINet"):
        logic.resample(builders.volume(), model="linear", separateProcess=True)
    assert "in a separate process: chosen by the user" in caplog.text


def test_library_with_stock_libtorch_is_never_loaded_in_process(logic, monkeypatch):
    """Plans and devices are read in a subprocess too."""
    monkeypatch.setattr(library, "is_private", lambda path: False)
    monkeypatch.setattr(library, "load", lambda path=None: pytest.fail("loaded in this process"))
    assert backend.devices()[0][0] == "cpu"
    fine = logic.resample(builders.volume(), model="linear")
    assert builders.array(fine).shape == (25, 40, 48)


BUILT = ROOT / "target" / "release" / "libhrinet.so"


@pytest.mark.skipif(not BUILT.is_file(), reason=f"{BUILT} is not built")
def test_built_library_with_stock_libtorch_gives_the_same_voxels(logic, monkeypatch):
    thick = builders.volume()
    private = logic.resample(thick)
    monkeypatch.setenv(library.LIBRARY_VARIABLE, str(BUILT))
    assert "usual name" in backend.choose().reason
    assert np.array_equal(builders.array(logic.resample(thick)), builders.array(private))
    assert platforms.loaded_torch() == []
