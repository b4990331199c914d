"""Errors, warnings, progress and cancelling."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
from tqdm import tqdm

import hrinet
from conftest import IJK_TO_RAS, PACKAGE, phantom


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"factor": 2, "spacing": 1}, "both factor and spacing are given"),
        ({"factor": 2.5}, "factor=2.5; it must be a whole number"),
        ({"spacing": -1}, "-1"),
        ({"axis": "z"}, "axis 'z' is unknown; choose one of auto, i, j, k"),
        ({"model": "no-such"}, "no-such"),
        ({"device": "gpu"}, "gpu"),
        ({"labels": [np.zeros((2, 3, 4), np.uint8)]}, r"labels->input has size \[4, 3, 2\]"),
        ({"labels": [np.zeros((6, 40, 48), "U1")]}, "voxel type <U1 is not supported"),
        ({"label_method": "smooth", "labels": [phantom()]}, "label method 'smooth' is unknown"),
        ({"model": "linear", "expected_error": True}, "error"),
        ({"positions": [0, 1]}, "2 slice positions for 6 slices"),
        ({"threads": 10**6}, "1000000"),
    ],
)
def test_wrong_arguments_are_refused_by_name(ct, arguments, said):
    with pytest.raises(hrinet.HrinetError, match=said) as caught:
        hrinet.resample(ct, IJK_TO_RAS, **arguments)
    assert 100 <= caught.value.code < 400


@pytest.mark.parametrize(
    "array, matrix, said",
    [
        (phantom()[0], IJK_TO_RAS, "3 dimensions, not 2"),
        (phantom()[:1], IJK_TO_RAS, "slice"),
        (phantom().astype(">i2"), IJK_TO_RAS, "voxel type >i2 is not supported"),
        (phantom().astype(complex), IJK_TO_RAS, "complex128 is not supported"),
        (phantom(), np.eye(3), r"ijk_to_ras has the shape \(3, 3\); it must be \(4, 4\)"),
        (phantom(), np.zeros((4, 4)), "ijk_to_ras"),
        (np.full((4, 8, 8), np.inf), IJK_TO_RAS, "inf"),
    ],
)
def test_wrong_volumes_are_refused(array, matrix, said):
    with pytest.raises(hrinet.HrinetError, match=said):
        hrinet.resample(array, matrix)


def test_memory_that_is_not_there_is_not_asked_for():
    array = np.broadcast_to(np.int16(0), (10_000, 30_000, 30_000))
    with pytest.raises(hrinet.HrinetError, match="MB of memory, but only"):
        hrinet.resample(array, IJK_TO_RAS, model="linear")


def test_values_that_are_no_hounsfield_units_warn_at_the_callers_line(ct):
    with pytest.warns(hrinet.HrinetWarning, match="no Hounsfield units") as caught:
        fine = hrinet.resample(ct / 2000, IJK_TO_RAS)
    assert [each.filename for each in caught] == [__file__]
    assert fine.warnings == [str(caught[0].message)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(hrinet.HrinetWarning):
            hrinet.resample(ct / 2000, IJK_TO_RAS)
        hrinet.resample(ct, IJK_TO_RAS)


def test_warnings_go_to_the_job_that_they_are_about(ct):
    """Two threads: one with HU, one without."""
    found = {}

    def work(name, array):
        for _ in range(5):
            found.setdefault(name, []).extend(hrinet.resample(array, IJK_TO_RAS).warnings)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        threads = [
            threading.Thread(target=work, args=arguments)
            for arguments in (("hu", ct), ("unit", ct / 2000))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found["unit"]) == 5 and found["hu"] == []


def test_log_lines_reach_the_callback_beside_warnings(ct):
    lines = []
    hrinet.set_log(lambda level, line: lines.append((level, line)), level=2)
    with pytest.warns(hrinet.HrinetWarning):
        hrinet.resample(ct / 2000, IJK_TO_RAS)
    hrinet.set_log(None)
    assert [level for level, _ in lines] == [2]


def test_progress_counts_slices(ct, vessel):
    counts = []
    hrinet.resample(
        ct, IJK_TO_RAS, labels=[vessel], progress=lambda *both: counts.append(both) or True
    )
    done = [each for each, _ in counts]
    assert done == sorted(done) and counts[-1] == (30, 30)


def test_progress_is_shown_on_a_bar(ct, capsys):
    with tqdm(unit=" slices") as bar:
        hrinet.resample(ct, IJK_TO_RAS, progress=hrinet.show_on(bar))
        assert (bar.n, bar.total) == (15, 15)
    hrinet.resample(ct, IJK_TO_RAS, progress=True)
    assert capsys.readouterr().err.count("15/15") >= 2


def test_false_cancels_and_an_exception_passes(ct):
    with pytest.raises(hrinet.Cancelled):
        hrinet.resample(ct, IJK_TO_RAS, progress=lambda done, total: done < 3)

    def fail(done, total):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        hrinet.resample(ct, IJK_TO_RAS, progress=fail)


def test_ctrl_c_ends_a_job_without_a_callback():
    code = f"""
import sys
sys.path[:0] = [{str(PACKAGE)!r}, {os.path.dirname(__file__)!r}]
import hrinet
from conftest import IJK_TO_RAS, phantom
array = phantom((120, 256, 256))
print("ready", flush=True)
hrinet.resample(array, IJK_TO_RAS, threads=1)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background of a script, they ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT and "KeyboardInterrupt" in said


def test_handles_cannot_be_copied():
    with hrinet.Model("linear") as model:
        for function in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="a Model cannot be copied"):
                function(model)


def test_errors_of_files_have_their_codes(tmp_path):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"not a checkpoint")
    with pytest.raises(hrinet.HrinetError, match="damaged.safetensors") as caught:
        hrinet.Model(damaged)
    assert 200 <= caught.value.code < 300
