"""A process of its own: the same voxels, and what happens when it breaks down."""

import os
import signal
import subprocess
import sys
import time

import making
import numpy as np
import pytest
import slicer
from conftest import MODULE, ROOT
from HRINetResampleLib import hrinet, library, placement, platforms, processes


def test_the_same_voxels_as_on_a_thread(logic):
    thick = making.volume()
    mask = making.array(thick) > 0
    drawn = making.segmentation(thick, {"bright": mask})
    one = logic.resample(thick, segmentation=drawn)
    two = logic.resample(thick, segmentation=drawn, separateProcess=True)
    assert np.array_equal(making.array(one), making.array(two))
    for name in ("Model", "Checksum", "Version", "Device", "SliceAxis", "KnownSlices"):
        assert one.GetAttribute(f"HRINet.{name}") == two.GetAttribute(f"HRINet.{name}")
    first, second = (logic.segmentationOf(node) for node in (one, two))
    assert np.array_equal(
        slicer.util.arrayFromSegmentBinaryLabelmap(first, "bright", one),
        slicer.util.arrayFromSegmentBinaryLabelmap(second, "bright", two),
    )


def children():
    """Processes of ours that run now."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "HRINetResampleLib.child"], capture_output=True, text=True
    )
    return [int(pid) for pid in found.stdout.split()]


@pytest.mark.parametrize("how, said", [
    (signal.SIGSEGV, r"crashed \(SIGSEGV\)"),
    (signal.SIGKILL, "ran out of memory"),
    (signal.SIGABRT, r"crashed \(SIGABRT\)"),
])
def test_a_crash_is_reported_and_we_live(logic, how, said):
    thick = making.volume((24, 192, 192), making.oblique((0.5, 0.5, 4.0)))
    before = making.contents()
    task = logic.start(thick, separateProcess=True)
    while task.control.done < 1:
        assert not task.finished
        time.sleep(0.01)
    (child,) = children()
    os.kill(child, how)
    assert task.join(20)
    with pytest.raises(processes.ProcessError, match=said):
        task.finish()
    assert making.contents() == before
    assert logic.resample(making.volume(name="Next"), model="linear") is not None


def test_what_it_said_before_it_broke_down_is_told(logic, monkeypatch, tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'a word on standard error' >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setattr(platforms, "python_program", lambda: str(fake))
    with pytest.raises(processes.ProcessError, match="status 3.*a word on standard error"):
        logic.resample(making.volume(), separateProcess=True)


def test_out_of_memory_is_said_before_it_happens(logic, monkeypatch):
    monkeypatch.setattr(platforms, "available_memory", lambda: 1000)
    with pytest.raises(hrinet.HrinetError, match="MB of memory.*are free"):
        logic.resample(making.volume())


def test_errors_of_the_library_come_through(logic):
    with pytest.raises(hrinet.HrinetError, match="/nowhere/model.safetensors"):
        logic.resample(making.volume(), model="/nowhere/model.safetensors", separateProcess=True)


def test_no_process_stays_when_its_parent_dies():
    code = f"""
import os, sys
sys.path.insert(0, {str(MODULE)!r})
import numpy as np
from HRINetResampleLib import jobs, hrinet, processes, worker
voxels = np.zeros((40, 256, 256), np.int16)
grid = jobs.Grid(list(voxels.shape), np.diag([1, 1, 8, 1.0]).tolist())
out = np.empty((313, 256, 256), np.int16)
running = worker.Worker(lambda c: processes.run(grid, jobs.Settings(), voxels, out, [], [], c))
while running.control.done < 1:
    running.join(0.01)
os.system(f"pgrep -P {{os.getpid()}} -f HRINetResampleLib.child")
sys.stdout.flush()
os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60)
    child = int(done.stdout.split()[0])
    for _ in range(100):
        if not os.path.exists(f"/proc/{child}") or "Z" in open(f"/proc/{child}/stat").read().split()[2]:
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the process outlived its parent")


def test_nothing_stays_on_disk(logic, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    logic.resample(making.volume(), separateProcess=True, model="linear")
    task = logic.start(making.volume((24, 192, 192)), separateProcess=True)
    while task.control.done < 1:
        time.sleep(0.01)
    task.cancel()
    task.join()
    assert list(tmp_path.iterdir()) == []


def test_where_a_job_runs_and_why(monkeypatch):
    assert placement.decide().in_process
    assert not placement.decide(separate=True).in_process
    cuda = placement.decide("cuda:0")
    assert not cuda.in_process and "CUDA" in cuda.reason
    monkeypatch.setattr(library, "is_private", lambda path: False)
    monkeypatch.setattr(platforms, "loaded_torch", lambda: ["/another/libtorch_cpu.so"])
    stock = placement.decide()
    assert not stock.in_process
    assert "usual name" in stock.reason and "/another/libtorch_cpu.so" in stock.reason


def test_the_log_says_where_and_why(logic, caplog):
    with caplog.at_level("INFO", "HRINet"):
        logic.resample(making.volume(), model="linear", separateProcess=True)
    assert "in a process of its own: chosen by the user" in caplog.text


def test_a_stock_library_runs_in_a_process_only(logic, monkeypatch):
    """Plans and devices too are asked there: this process never loads that libtorch."""
    monkeypatch.setattr(library, "is_private", lambda path: False)
    monkeypatch.setattr(library, "load", lambda path=None: pytest.fail("loaded in this process"))
    assert placement.devices()[0][0] == "cpu"
    fine = logic.resample(making.volume(), model="linear")
    assert making.array(fine).shape == (25, 40, 48)


BUILT = ROOT / "target" / "release" / "libhrinet.so"


@pytest.mark.skipif(not BUILT.is_file(), reason=f"skipped: {BUILT} is not built")
def test_the_library_as_built_which_uses_a_stock_libtorch(logic, monkeypatch):
    thick = making.volume()
    private = logic.resample(thick)
    monkeypatch.setenv(library.LIBRARY_VARIABLE, str(BUILT))
    assert "usual name" in placement.decide().reason
    assert np.array_equal(making.array(logic.resample(thick)), making.array(private))
    assert platforms.loaded_torch() == []
