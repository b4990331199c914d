"""Worker threads: responsiveness, cancel, and exit during a job."""

import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import builders
from conftest import MODULE
from HRINetResampleLib.binding import hrinet, library
from HRINetResampleLib.compute import thread


def long_volume():
    """Volume that takes some seconds."""
    return builders.volume((24, 128, 128), builders.oblique((0.5, 0.5, 4.0)))


class Ticker:
    """Measures the longest gap between two ticks of 10 ms, as an event loop would see it."""

    def __init__(self):
        self.worst, self.ticks, self._last = 0.0, 0, time.monotonic()

    def tick(self):
        time.sleep(0.01)
        now = time.monotonic()
        self.worst, self._last, self.ticks = max(self.worst, now - self._last), now, self.ticks + 1


def test_interface_stays_responsive(logic):
    thick = long_volume()
    start = time.monotonic()
    task = logic.start(thick, threads=1)
    ticker = Ticker()
    while not task.finished:
        ticker.tick()
    elapsed = time.monotonic() - start
    assert task.finish() is not None
    assert ticker.ticks > 50, "the job is too short for this test"
    # The aim is 0.1 s; a busy machine may take longer, but never a large part of the job.
    assert ticker.worst < max(0.1, elapsed / 5), f"the worst gap was {1000 * ticker.worst:.0f} ms"


def test_resample_processes_application_events(logic, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "slicer.app.processEvents", lambda: calls.append(threading.current_thread())
    )
    logic.resample(long_volume())
    assert len(calls) > 10 and set(calls) == {threading.main_thread()}


def test_progress_and_remaining_time_are_reported(logic):
    task, seen = logic.start(long_volume()), []
    while not task.finished:
        seen.append((task.control.fraction(), task.control.seconds_left()))
        time.sleep(0.02)
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and 0 < max(fractions) <= 1
    left = [seconds for _, seconds in seen if seconds is not None]
    assert left and left[-1] < task.seconds
    assert task.control.fraction() == 1


@pytest.mark.parametrize("separate", [False, True], ids=["thread", "process"])
def test_cancel_leaves_the_scene_unchanged(logic, separate):
    thick = long_volume()
    output = builders.volume(name="Output")
    old, before = builders.array(output).copy(), builders.contents()
    task = logic.start(thick, outputVolume=output, separateProcess=separate, markInterpolated=True)
    while task.control.done < 3 and not task.finished:
        time.sleep(0.01)
    start = time.monotonic()
    task.cancel()
    assert task.join(20) and time.monotonic() - start < 2
    with pytest.raises(hrinet.Cancelled):
        task.finish()
    assert builders.contents() == before
    assert np.array_equal(builders.array(output), old)


def test_exception_of_the_progress_callback_is_raised_to_the_caller():
    voxels = np.zeros((3, 32, 32), np.int16)
    plan = hrinet.Plan(voxels, np.diag([1, 1, 4, 1]))

    def fails(done, total):
        raise KeyError("mine")

    with hrinet.Model("linear") as model, pytest.raises(KeyError, match="mine"):
        hrinet.resample(hrinet.Job(model, plan, voxels, plan.empty(), progress=fails))


def test_shutdown_cancels_and_joins_workers():
    running = thread.Worker(lambda control: [time.sleep(0.01) for _ in iter(control, False)])
    start = time.monotonic()
    thread.shutdown()
    assert running.finished and time.monotonic() - start < 1


LEAVING = """
    import atexit, sys
    # Registered before the module's own, so called after it.
    atexit.register(lambda: print("joined", running.finished, running.control.cancelled))
    sys.path.insert(0, {module!r})
    import numpy as np
    from HRINetResampleLib.binding import hrinet
    from HRINetResampleLib.compute import resampling, thread
    voxels = np.random.default_rng(0).normal(0, 300, (40, 256, 256)).astype(np.int16)
    grid = resampling.Grid(list(voxels.shape), np.diag([1, 1, 8, 1.0]).tolist())
    with resampling.make_plan(resampling.PlanRequest(grid, voxels.dtype, hrinet.Options())) as plan:
        out = plan.empty()
    arrays = resampling.Arrays(voxels, out)
    running = thread.Worker(
        lambda control: resampling.run(grid, resampling.Settings(), arrays, control)
    )
    while running.control.done < 2:
        running.join(0.01)
    {end}
"""


@pytest.mark.parametrize("end", ["pass", "sys.exit(0)", "raise KeyboardInterrupt"])
def test_python_exits_cleanly_during_a_job(end):
    """Slicer ends its Python while libtorch works on a thread."""
    code = textwrap.dedent(LEAVING).format(module=str(MODULE), end=end)
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode in ((0,) if end != "raise KeyboardInterrupt" else (1, -2)), done.stderr
    assert time.monotonic() - start < 15
    assert done.stdout == "joined True True\n"


def test_loading_does_not_block_other_threads():
    """First load in a new process, while the main thread ticks."""
    code = f"""
import sys, threading, time
sys.path.insert(0, {str(MODULE)!r})
from HRINetResampleLib.binding import library
loading = threading.Thread(target=library.load)
worst, last = 0, time.monotonic()
start = last
loading.start()
while loading.is_alive():
    time.sleep(0.005)
    now = time.monotonic()
    worst, last = max(worst, now - last), now
assert library.is_loaded(library.find())
print(worst / max(0.3, last - start))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.5  # of the loading time; 1 where Python is blocked


def test_thread_count_is_set_on_the_worker_only():
    library.load()
    here = hrinet.num_threads()
    counts = []

    def work(_control):
        hrinet.set_num_threads(1)
        counts.append(hrinet.num_threads())

    thread.Worker(work).result()
    assert counts == [1] and hrinet.num_threads() == here
