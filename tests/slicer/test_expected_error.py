"""Expected error: a second volume, offered for models that predict it."""

import subprocess
import sys

import numpy as np
import pytest

import builders
from conftest import ROOT
from HRINetResampleLib.binding import hrinet
from HRINetResampleLib.compute import thread
from HRINetResampleLib.panel import capabilities
from HRINetResampleLib.scene import volumes
from panels import finished, node, pump, ready


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Paths of a small model with and without an error head."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run(
        [
            sys.executable,
            ROOT / "tests/capi/make_checkpoints.py",
            ROOT / "tests/fixtures/motion.safetensors",
            folder,
        ],
        check=True,
    )
    return {name: str(folder / f"{name}.safetensors") for name in ("confident", "small")}


@pytest.mark.parametrize("separate", [False, True])
def test_expected_error_is_a_second_volume(logic, models, separate):
    thick = builders.volume(name="Chest")
    choices = {"model": models["confident"], "separateProcess": separate, "device": "cpu"}
    choices["threads"] = 1  # with another count sums are ordered differently
    fine = logic.resample(thick, expectedError=True, **choices)
    errors = logic.expectedErrorOf(fine)
    assert errors.GetName() == "Chest HRINet expected error"
    expected = builders.array(errors)
    assert expected.dtype == np.float32 and expected.shape == builders.array(fine).shape
    new = np.arange(25) % 4 != 0
    assert np.all(expected[~new] == 0) and np.all(expected[new] >= 0.1)
    for ijk in ((0, 0, 0), (47, 39, 24)):
        assert np.abs(builders.world(errors, ijk) - builders.world(fine, ijk)).max() < 1e-9
    # The library on the same array, on another thread.
    voxels = np.ascontiguousarray(builders.array(thick))
    plan = hrinet.Plan(voxels, builders.oblique())
    alone = plan.empty(np.float32)

    def interpolate(_control):
        hrinet.set_num_threads(1)
        with hrinet.Model(models["confident"], "cpu") as model:
            hrinet.resample(hrinet.Job(model, plan, voxels, expected_error=alone))

    thread.Worker(interpolate).result()
    assert np.array_equal(alone, expected)
    plain = logic.resample(thick, **choices)
    assert np.array_equal(builders.array(plain), builders.array(fine))
    assert logic.expectedErrorOf(plain) is None


def test_expected_error_has_its_own_display_and_attributes(logic, models):
    thick = builders.volume()
    fine = logic.resample(thick, expectedError=True, model=models["confident"])
    errors = logic.expectedErrorOf(fine)
    assert errors.GetAttribute("HRINet.Quantity") == "expected absolute error in HU"
    assert errors.GetNodeReference(volumes.INPUT_ROLE) is thick
    assert errors.GetAttribute("HRINet.KnownSlices") == fine.GetAttribute("HRINet.KnownSlices")
    assert errors.GetVoxelValueUnits().GetCodeMeaning() == "Hounsfield unit"
    display = errors.GetDisplayNode()
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeIron"
    assert not display.GetAutoWindowLevel()
    low, high = (display.GetLevel() + sign * display.GetWindow() / 2 for sign in (-1, 1))
    values = builders.array(errors)
    assert low == 0 and high == pytest.approx(max(1, np.percentile(values[values > 0], 99)))

    # A second run fills the same volume, and keeps the user's window.
    display.SetWindowLevel(77, 7)
    again = logic.resample(
        thick,
        outputVolume=fine,
        spacing="factor",
        factor=2,
        expectedError=True,
        model=models["confident"],
    )
    assert logic.expectedErrorOf(again) is errors and builders.array(errors).shape == (13, 40, 48)
    assert display.GetWindow() == 77


@pytest.mark.parametrize("model", ["linear", "cubic", "small"])
def test_model_without_error_head_is_rejected(logic, models, model):
    thick = builders.volume()
    before = builders.contents()
    with pytest.raises(RuntimeError, match="no expected error"):
        logic.resample(thick, expectedError=True, model=models.get(model, model))
    assert builders.contents() == before


def test_each_model_is_read_once():
    read = []

    def read_model(model):
        read.append(model)
        if model == "broken":
            raise RuntimeError("no model")
        return f"info of {model}"

    known = capabilities.Capabilities(read_model)
    for model in ("good", "broken"):
        assert known.of(model) is None
        pump(known.poll)
        assert not known.poll()
    assert known.of("good") == "info of good"
    assert str(known.of("broken")) == "no model"
    assert read == ["good", "broken"]


def test_panel_offers_expected_error_for_models_that_predict_it(open_panel, models):
    thick = builders.volume(name="CT")
    widget = ready(open_panel())
    box = widget.ui.expectedErrorCheck
    for model, offered in (
        (models["confident"], True),
        ("linear", False),
        (models["small"], False),
        ("no such model", False),
        (models["confident"], True),
    ):
        node(widget).model = model
        pump(lambda: "Reading" not in box.toolTip())
        assert box.isEnabled() is offered
        problem = "" if offered else "no such" if "no such" in model else "does not predict"
        assert problem in box.toolTip() and ("absolute error" in box.toolTip()) is offered
    box.setChecked(True)
    assert node(widget).expectedError
    pump(widget.ui.applyButton.isEnabled)
    widget.ui.applyButton.click()
    finished(widget)
    output = node(widget).outputVolume
    assert (
        builders.array(widget.logic.expectedErrorOf(output)).shape == builders.array(output).shape
    )

    # The tick has no effect with a model that does not predict its error.
    node(widget).outputVolume, node(widget).model = None, "linear"
    pump(lambda: "does not predict" in box.toolTip() and widget.ui.applyButton.isEnabled())
    widget.ui.applyButton.click()
    finished(widget)
    second = node(widget).outputVolume
    assert second is not None and second is not output and second is not thick
    assert widget.logic.expectedErrorOf(second) is None
