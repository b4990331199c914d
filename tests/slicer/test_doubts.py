"""What the panel says of the input before Apply, and what Undo takes back."""

import numpy as np
import pytest
import slicer

import builders
from HRINetResampleLib.binding import hrinet
from HRINetResampleLib.compute import backend, subprocess_client
from panels import finished, node, ready, status_of


def test_slices_beyond_the_training_are_named(open_panel):
    builders.volume(matrix=builders.oblique((0.5, 0.5, 40.0)), name="CT")
    widget = ready(open_panel())
    assert "Warning: the known slices are up to 40.0 mm apart, farther than" in status_of(widget)
    assert widget.ui.applyButton.isEnabled()
    node(widget).model = "linear"
    assert "Warning" not in status_of(ready(widget))


def test_values_that_are_no_hounsfield_units_are_named(open_panel):
    volume = builders.volume(name="MR")
    builders.array(volume)[...] = (
        np.arange(volume.GetImageData().GetNumberOfPoints()).reshape(builders.array(volume).shape)
        % 200
    )
    widget = ready(open_panel())
    said = status_of(widget)
    assert "Warning: values from 0 to 199 look like no Hounsfield units" in said
    assert "interpolate by `linear`" in said
    assert widget.ui.applyButton.isEnabled()


def test_usual_ct_gives_no_warning(open_panel):
    builders.volume(name="CT")
    assert "Warning" not in status_of(ready(open_panel()))


def test_tilt_is_named(open_panel):
    matrix = builders.oblique()
    matrix[:3, 2] += np.tan(np.radians(15)) * 2.0 * matrix[:3, 1] / np.linalg.norm(matrix[:3, 1])
    builders.volume(matrix=matrix, name="CT")
    widget = ready(open_panel())
    assert "Note: the gantry is tilted by 15.00 degrees" in status_of(widget)
    node(widget).keepTilt = True
    assert "the output is sheared like the input" in status_of(ready(widget))


def test_infinite_voxels_disable_apply(open_panel):
    volume = builders.volume(dtype=np.float32, name="CT")
    builders.array(volume)[3, 4, 5] = np.inf
    widget = ready(open_panel())
    assert not widget.ui.applyButton.isEnabled() and "(5, 4, 3)" in status_of(widget)


def test_subprocess_gives_the_same_warnings(logic):
    thick = builders.volume(matrix=builders.oblique((0.5, 0.5, 40.0)))
    builders.array(thick)[...] = 7
    builders.array(thick)[::2] = 9
    request = logic.planRequest(thick)
    outcome = backend.outcome(request)
    assert len(outcome.warnings) == 2 and subprocess_client.outcome(request) == outcome


@pytest.mark.parametrize("window, warned", [(None, True), ((0, 200), False)])
def test_check_of_a_job_needs_no_output(window, warned):
    voxels = (np.indices((5, 16, 16)).sum(0) * 5).astype(np.int16)
    plan = hrinet.Plan(voxels, np.diag([1, 1, 3, 1.0]))
    with hrinet.Model("hrinet-motion", "cpu") as model, hrinet.collected_warnings() as warnings:
        job = hrinet.Job(model, plan, voxels, window=window)
        hrinet.check_job(job)
        assert bool(warnings) == warned
    if window is None:
        with hrinet.Model("hrinet-motion", "cpu") as model:
            with hrinet.collected_warnings() as of_the_run:
                hrinet.resample(hrinet.Job(model, plan, voxels, plan.empty()))
        assert of_the_run == warnings
    with pytest.raises(hrinet.HrinetError, match="size"):
        hrinet.check_job(hrinet.Job(hrinet.Model("linear", "cpu"), plan, voxels[:3]))


def test_undo_takes_back_what_apply_made(open_panel):
    thick = builders.volume(name="CT")
    thick.SetUndoEnabled(True)
    slicer.mrmlScene.SetUndoOn()
    try:
        widget = ready(open_panel())
        node(widget).model = "linear"
        ready(widget).ui.applyButton.click()
        finished(widget)
        output = node(widget).outputVolume
        assert slicer.mrmlScene.IsNodePresent(output)
        slicer.mrmlScene.Undo()
        assert not slicer.mrmlScene.IsNodePresent(output)
        assert slicer.mrmlScene.IsNodePresent(thick)
    finally:
        slicer.mrmlScene.SetUndoOff()
        slicer.mrmlScene.ClearUndoStack()
