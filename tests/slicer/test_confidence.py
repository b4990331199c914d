"""The expected error: beside the volume, and greyed out where a model has none."""

import subprocess
import sys

import making
import numpy as np
import pytest
from conftest import ROOT
from HRINetResampleLib import confidences, hrinet, volumes
from test_widget import complaints, node, open_panel, pump, ready  # noqa: F401 (fixtures)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A small model with a confidence, and the same without, by name."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, ROOT / "tests/capi/make_checkpoints.py",
                    ROOT / "tests/fixtures/motion.safetensors", folder], check=True)
    return {name: str(folder / f"{name}.safetensors") for name in ("confident", "small")}


@pytest.mark.parametrize("separate", [False, True])
def test_a_second_volume_says_what_to_expect(logic, models, separate):
    thick = making.volume(name="Chest")
    choices = {"model": models["confident"], "separateProcess": separate, "device": "cpu"}
    fine = logic.resample(thick, confidence=True, **choices)
    errors = logic.expectedErrorOf(fine)
    assert errors.GetName() == "Chest HRINet expected error"
    expected = making.array(errors)
    assert expected.dtype == np.float32 and expected.shape == making.array(fine).shape
    new = np.arange(25) % 4 != 0
    assert np.all(expected[~new] == 0) and np.all(expected[new] >= 0.1)
    for ijk in ((0, 0, 0), (47, 39, 24)):
        assert np.abs(making.world(errors, ijk) - making.world(fine, ijk)).max() < 1e-9
    # What the library makes of the same array, on this thread.
    voxels = np.ascontiguousarray(making.array(thick))
    plan = hrinet.Plan(voxels, making.oblique())
    alone = plan.empty(np.float32)
    with hrinet.Model(models["confident"], "cpu") as model:
        model.interpolate(plan, voxels, plan.empty(), errors=alone)
    assert np.array_equal(alone, expected)
    plain = logic.resample(thick, **choices)
    assert np.array_equal(making.array(plain), making.array(fine))
    assert logic.expectedErrorOf(plain) is None


def test_it_looks_like_errors_and_says_what_it_is(logic, models):
    thick = making.volume()
    fine = logic.resample(thick, confidence=True, model=models["confident"])
    errors = logic.expectedErrorOf(fine)
    assert errors.GetAttribute("HRINet.Quantity") == "expected absolute error in HU"
    assert errors.GetNodeReference(volumes.INPUT_ROLE) is thick
    assert errors.GetAttribute("HRINet.KnownSlices") == fine.GetAttribute("HRINet.KnownSlices")
    assert errors.GetVoxelValueUnits().GetCodeMeaning() == "Hounsfield unit"
    display = errors.GetDisplayNode()
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeIron"
    assert not display.GetAutoWindowLevel()
    low, high = (display.GetLevel() + sign * display.GetWindow() / 2 for sign in (-1, 1))
    values = making.array(errors)
    assert low == 0 and high == pytest.approx(max(1, np.percentile(values[values > 0], 99)))

    # A second run fills the same volume, and leaves the user's window alone.
    display.SetWindowLevel(77, 7)
    again = logic.resample(thick, outputVolume=fine, spacing="factor", factor=2, confidence=True,
                           model=models["confident"])
    assert logic.expectedErrorOf(again) is errors and making.array(errors).shape == (13, 40, 48)
    assert display.GetWindow() == 77


@pytest.mark.parametrize("model", ["linear", "cubic", "small"])
def test_a_model_without_is_refused(logic, models, model):
    thick = making.volume()
    before = making.contents()
    with pytest.raises(RuntimeError, match="no expected error"):
        logic.resample(thick, confidence=True, model=models.get(model, model))
    assert making.contents() == before


def test_the_library_is_asked_once_a_model():
    asked = []

    def ask(model):
        asked.append(model)
        if model == "broken":
            raise RuntimeError("no model")
        return model == "good"

    known = confidences.Confidences(ask)
    for model, found in (("good", True), ("plain", False), ("broken", False)):
        assert known.of(model) is None
        pump(known.poll)
        assert known.of(model) is found and not known.poll()
    assert asked == ["good", "plain", "broken"]


def test_the_panel_offers_it_where_the_model_has_it(open_panel, models):  # noqa: F811
    thick = making.volume(name="CT")
    widget = ready(open_panel())
    box = widget.ui.confidenceCheck
    for model, offered in ((models["confident"], True), ("linear", False), (models["small"], False),
                           ("no such model", False), (models["confident"], True)):
        node(widget).model = model
        pump(lambda: "Looking" not in box.toolTip())
        assert box.isEnabled() is offered
        assert ("learnt no" in box.toolTip()) is not offered, box.toolTip()
    box.setChecked(True)
    assert node(widget).expectedError
    pump(widget.ui.applyButton.isEnabled)
    widget.ui.applyButton.click()
    pump(lambda: widget.task is None)
    output = node(widget).outputVolume
    assert making.array(widget.logic.expectedErrorOf(output)).shape == making.array(output).shape

    # Ticked for another model, it is of no effect with one that has none.
    node(widget).outputVolume, node(widget).model = None, "linear"
    pump(lambda: "learnt no" in box.toolTip() and widget.ui.applyButton.isEnabled())
    widget.ui.applyButton.click()
    pump(lambda: widget.task is None)
    made = node(widget).outputVolume
    assert made is not None and made is not output and made is not thick
    assert widget.logic.expectedErrorOf(made) is None
