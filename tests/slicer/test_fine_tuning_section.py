"""Section "Adapt to this patient" of the panel."""

import os

import pytest
import slicer

import builders
from HRINetResampleLib import fine_tuning_task
from HRINetResampleLib.compute import fine_tuning
from HRINetResampleLib.logic import FineTuningChoices
from HRINetResampleLib.panel import status
from HRINetResampleLib.panel.parameters import Axis, Spacing
from panels import finished, node, pump, ready, status_of
from test_fine_tuning import patient

pytestmark = pytest.mark.usefixtures("folders")

BUTTONS = ("fineTuneLabel", "fineTuneKeepButton", "fineTuneDiscardButton")


def shown(widget):
    return [getattr(widget.ui, name).isVisible() for name in BUTTONS]


@pytest.fixture
def fine_tuned_panel(open_panel):
    """A panel after fine_tuning."""
    patient()
    widget = ready(open_panel())
    assert shown(widget) == [False] * 3
    widget.ui.fineTuneStepsSpin.setValue(10)
    assert node(widget).fineTuningSteps == 10
    widget.ui.fineTuneButton.click()
    assert widget.ui.applyButton.text() == "Cancel" and not widget.ui.advancedButton.isEnabled()
    finished(widget, 60)
    assert shown(widget) == [True] * 3
    return widget


def test_gain_is_shown_before_the_user_decides(fine_tuned_panel, folders):
    widget, kept = fine_tuned_panel, folders[1]
    model = widget._fine_tuning_section.model
    said = widget.ui.fineTuneLabel.text()
    assert said == status_of(widget) == status.describe_gain(model)
    for number in (model.psnrBefore, model.psnrAfter):
        assert f"{number:.2f} dB" in said
    assert f"{model.gain:+.2f} dB" in said and "3 held-out slices" in said
    assert node(widget).model == "hrinet-motion" and not kept.exists()


def test_kept_model_is_chosen_for_its_volume_only(fine_tuned_panel, folders, complaints):
    temporary, kept = folders
    widget, volume = fine_tuned_panel, node(fine_tuned_panel).inputVolume
    checksum = widget._fine_tuning_section.model.checksum
    widget.ui.fineTuneKeepButton.click()
    (file,) = kept.iterdir()
    assert node(widget).model == str(file) == volume.GetAttribute("HRINet.FineTunedModel")
    assert volume.GetAttribute("HRINet.FineTunedChecksum") == checksum
    assert volume.GetAttribute("HRINet.FineTunedGain").endswith(" dB")
    assert shown(widget) == [False] * 3 and list(temporary.iterdir()) == []
    node(widget).spacing, node(widget).factor = Spacing.FACTOR, 2
    ready(widget)
    widget.ui.applyButton.click()
    finished(widget)
    assert node(widget).outputVolume.GetAttribute("HRINet.Checksum") == checksum
    # It is not used for another patient.
    node(widget).inputVolume = patient(name="Another")
    assert node(widget).model == "hrinet-motion" and complaints == []


def test_result_waits_while_another_module_is_open(open_panel, folders):
    patient()
    widget = ready(open_panel())
    node(widget).fineTuningSteps = 10
    widget.ui.fineTuneButton.click()
    widget.exit()
    finished(widget, 60)
    widget.enter()
    assert shown(widget) == [True] * 3
    widget.ui.fineTuneKeepButton.click()
    assert node(widget).model == str(next(folders[1].iterdir()))


def test_result_for_another_input_is_discarded(open_panel, folders):
    patient()
    widget = ready(open_panel())
    node(widget).fineTuningSteps = 10
    widget.ui.fineTuneButton.click()
    node(widget).inputVolume = patient(name="Another")
    finished(widget, 60)
    assert "discarded" in status_of(widget) and shown(widget) == [False] * 3
    assert list(folders[0].iterdir()) == []


def test_discard_removes_the_model(fine_tuned_panel, folders):
    temporary, kept = folders
    fine_tuned_panel.ui.fineTuneDiscardButton.click()
    assert shown(fine_tuned_panel) == [False] * 3
    assert list(temporary.iterdir()) == [] and not kept.exists()
    assert node(fine_tuned_panel).model == "hrinet-motion"
    assert node(fine_tuned_panel).inputVolume.GetAttribute("HRINet.FineTunedModel") is None


@pytest.mark.parametrize(
    "leave",
    [
        lambda widget: setattr(node(widget), "inputVolume", patient(name="Another")),
        lambda widget: slicer.mrmlScene.Clear(0),
        lambda widget: widget.cleanup(),
    ],
)
def test_undecided_model_is_discarded_on_leaving(fine_tuned_panel, folders, leave):
    leave(fine_tuned_panel)
    assert list(folders[0].iterdir()) == [] and fine_tuned_panel._fine_tuning_section.model is None


def test_cancel_changes_nothing(open_panel, folders, complaints):
    patient((41, 64, 64))
    widget = ready(open_panel())
    node(widget).fineTuningSteps = 5000
    before = builders.contents()
    widget.ui.fineTuneButton.click()
    pump(lambda: "left" in widget.ui.progressBar.format())
    assert widget.ui.progressBar.format().startswith("adapting: ")
    widget.ui.applyButton.click()
    finished(widget, 10)
    assert "Cancelled; nothing was changed" in status_of(widget)
    assert builders.contents() == before and complaints == [] and shown(widget) == [False] * 3
    assert list(folders[0].iterdir()) == [] and not os.path.exists(folders[1])


def test_every_choice_reaches_the_logic(open_panel, monkeypatch, complaints):
    volume = patient()
    widget = ready(open_panel())
    found, calls = node(widget), []
    found.axis, found.device, found.separateProcess, found.fineTuningSteps = (
        Axis.K,
        "cpu",
        True,
        77,
    )

    def start(node, choices):
        calls.append((node, choices))
        raise RuntimeError("enough")

    monkeypatch.setattr(widget.logic, "startFineTuning", start)
    widget.ui.fineTuneButton.click()
    wanted = FineTuningChoices(device="cpu", axis="k", separateProcess=True, steps=77)
    assert calls == [(volume, wanted)]
    assert complaints == ["enough"] and widget.task is None


def test_button_says_why_it_is_disabled(open_panel, complaints):
    widget = ready(open_panel())
    assert not widget.ui.fineTuneButton.isEnabled()
    node(widget).inputVolume = patient((10, 40, 48))
    ready(widget)
    assert widget.ui.fineTuneButton.isEnabled()
    node(widget).model = "cubic"
    ready(widget)
    assert (
        not widget.ui.fineTuneButton.isEnabled()
        and "cubic cannot be adapted" in widget.ui.fineTuneButton.toolTip()
    )
    node(widget).model = "hrinet-motion-sharp"
    assert not widget.ui.fineTuneButton.isEnabled()
    assert "choose hrinet-motion" in widget.ui.fineTuneButton.toolTip()
    node(widget).model = "hrinet-motion"
    ready(widget)
    widget.ui.fineTuneButton.click()
    finished(widget)
    assert complaints == ["10 slices are too few to adapt to; at least 16 are needed"]


@pytest.mark.parametrize(
    "after, advice",
    [(30.5, "closer to this patient"), (29.9, "better discard it"), (30.0, "better discard it")],
)
def test_advice_follows_the_gain(after, advice):
    gain = fine_tuning.Gain(30.0, after, 12, 300, "abc", "cpu")
    model = fine_tuning_task.FineTunedModel(gain, "/nowhere", None, "CT")
    assert advice in status.describe_gain(
        model
    ) and "On 12 held-out slices" in status.describe_gain(model)
