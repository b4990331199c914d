"""Self-check on the user's own volume: against NumPy, its verdict, the button."""

import dataclasses

import numpy as np
import pytest

import builders
from HRINetResampleLib.binding import hrinet
from HRINetResampleLib.compute import fine_tuning, self_check
from HRINetResampleLib.panel import status
from panels import finished, node, ready, status_of


def smooth(shape=(12, 40, 48), matrix=None):
    """Volume that a network interpolates better than a straight line: a shape that moves."""
    k, j, i = np.indices(shape)
    inside = (i - 20 - 2 * k + shape[0]) ** 2 + (j - 20) ** 2 < 100
    volume = builders.volume(shape, matrix, name="CT")
    builders.array(volume)[...] = np.where(inside, 300, -700)
    return volume


@pytest.mark.parametrize("axis", [2, 0], ids="ki")
@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.uint8])
def test_scores_are_those_of_numpy(logic, axis, dtype):
    volume = builders.volume((7, 24, 32) if axis == 2 else (24, 32, 7), dtype=np.float32)
    builders.array(volume)[...] -= builders.array(volume).min()
    voxels = (builders.array(volume) / 5).astype(dtype)
    volume = builders.slicer.util.addVolumeFromArray(voxels, builders.oblique(), "CT")
    check = logic.selfCheck(volume, axis="ijk"[axis], model="hrinet-motion-small")
    slices = np.moveaxis(voxels, 2 - axis, 0).astype(np.float64)
    linear = (slices[0:-2:2] + slices[2::2]) / 2
    truth = slices[1:-1:2]
    assert check.slice_count == len(truth) == 3
    psnr = np.mean([fine_tuning.psnr(*each, (-1000, 1000)) for each in zip(truth, linear)])
    assert check.scores["linear"].psnr == pytest.approx(psnr, abs=0.3)
    error = np.abs(truth - linear).mean()
    assert check.scores["linear"].mean_absolute_hu == pytest.approx(error, rel=0.05, abs=0.3)
    assert set(check.scores) == {"linear", "cubic", "hrinet-motion-small"}


def test_only_the_middle_of_a_long_volume_is_checked(logic, monkeypatch):
    monkeypatch.setattr(self_check, "MAX_SLICES", 5)
    volume = builders.volume((30, 24, 24))
    middle = builders.array(volume)[12:17].copy()
    check = logic.selfCheck(volume, model="linear")
    assert check.slice_count == 2 and set(check.scores) == {"linear", "cubic", "hrinet-motion"}
    alone = builders.slicer.util.addVolumeFromArray(middle, builders.oblique(), "Middle")
    again = logic.selfCheck(alone, model="linear")
    assert again.scores["linear"] == check.scores["linear"]


@pytest.mark.parametrize(
    "shape, positions, said",
    [
        ((4, 8, 8), None, "4 slices are too few for a check; 5 are needed"),
        ((6, 8, 8), [0, 2, 4, 8, 10, 12.0], "unevenly spaced"),
    ],
)
def test_unfit_volumes_are_refused(tmp_path, shape, positions, said):
    from HRINetResampleLib.compute.resampling import Grid, Settings
    from HRINetResampleLib.compute.thread import Control

    grid = Grid(list(shape), np.eye(4).tolist(), positions)
    with pytest.raises(hrinet.HrinetError, match=said):
        voxels = np.zeros(shape, np.int16)
        self_check.run(grid, 2, Settings(), voxels, str(tmp_path), Control())


def test_verdict_names_the_better_model():
    scores = {
        "linear": self_check.Score(29.4, 30.2),
        "cubic": self_check.Score(29.5, 29.9),
        "hrinet-motion": self_check.Score(27.7, 40.1),
    }
    check = self_check.SelfCheck("hrinet-motion", scores, 12)
    said = status.describe_self_check(check)
    assert "12 slices left out" in said
    assert "cubic 29.5 dB (29.9 HU), linear 29.4 dB (30.2 HU), hrinet-motion 27.7 dB" in said
    assert "Warning: cubic is better on this volume; choose it" in said and "overlap" in said
    other = dataclasses.replace(check, model="cubic")
    assert "cubic is the best on this volume" in status.describe_self_check(other)


def test_button_checks_the_chosen_model(open_panel, complaints):
    smooth()
    widget = ready(open_panel())
    node(widget).model = "hrinet-motion-small"
    ready(widget).ui.checkButton.click()
    assert widget.ui.applyButton.text() == "Cancel"
    finished(widget)
    said = status_of(widget)
    assert "5 slices left out" in said and "hrinet-motion-small is the best" in said
    assert complaints == [] and widget.ui.applyButton.isEnabled()


def test_button_says_why_it_is_grey(open_panel):
    button = ready(open_panel()).ui.checkButton
    assert not button.isEnabled() and "Load and choose a CT" in button.toolTip()
