"""The part of the panel that adapts to a patient."""

import os

import making
import pytest
import slicer
import test_widget
from test_adapting import folders, patient  # noqa: F401 (a fixture)
from test_widget import complaints, node, open_panel, pump, ready, status_of  # noqa: F401 (fixtures)
from HRINetResampleLib import adapting, status

BUTTONS = ("adaptLabel", "adaptKeepButton", "adaptDiscardButton")


def shown(widget):
    return [getattr(widget.ui, name).isVisible() for name in BUTTONS]


@pytest.fixture
def adapted_panel(open_panel):  # noqa: F811
    """A panel after adapting."""
    patient()
    widget = ready(open_panel())
    assert shown(widget) == [False] * 3
    widget.ui.adaptStepsSpin.setValue(10)
    assert node(widget).adaptSteps == 10
    widget.ui.adaptButton.click()
    assert widget.ui.applyButton.text() == "Cancel" and not widget.ui.advancedButton.isEnabled()
    pump(lambda: widget.task is None, 60)
    assert shown(widget) == [True] * 3
    return widget


def test_the_gain_is_shown_before_the_user_accepts(adapted_panel, folders):  # noqa: F811
    widget, kept = adapted_panel, folders[1]
    adapted = widget._adaptPanel.adapted
    said = widget.ui.adaptLabel.text()
    assert said == status_of(widget) == status.gained(adapted)
    for number in (adapted.psnrBefore, adapted.psnrAfter):
        assert f"{number:.2f} dB" in said
    assert f"{adapted.gain:+.2f} dB" in said and "3 slices held out" in said
    assert node(widget).model == "hrinet-motion" and not kept.exists()


def test_keep(adapted_panel, folders, complaints):  # noqa: F811
    temporary, kept = folders
    widget, volume = adapted_panel, node(adapted_panel).inputVolume
    checksum = widget._adaptPanel.adapted.checksum
    widget.ui.adaptKeepButton.click()
    (file,) = kept.iterdir()
    assert node(widget).model == str(file) == volume.GetAttribute("HRINet.AdaptedModel")
    assert volume.GetAttribute("HRINet.AdaptedChecksum") == checksum
    assert volume.GetAttribute("HRINet.AdaptedGain").endswith(" dB")
    assert shown(widget) == [False] * 3 and list(temporary.iterdir()) == []
    node(widget).spacing, node(widget).factor = test_widget.Spacing.FACTOR, 2
    ready(widget)
    widget.ui.applyButton.click()
    pump(lambda: widget.task is None)
    assert node(widget).outputVolume.GetAttribute("HRINet.Checksum") == checksum
    # Another patient is not worked on with it.
    node(widget).inputVolume = patient(name="Another")
    assert node(widget).model == "hrinet-motion" and complaints == []


def test_another_module_meanwhile(open_panel, folders):  # noqa: F811
    patient()
    widget = ready(open_panel())
    node(widget).adaptSteps = 10
    widget.ui.adaptButton.click()
    widget.exit()
    pump(lambda: widget.task is None, 60)
    widget.enter()
    assert shown(widget) == [True] * 3
    widget.ui.adaptKeepButton.click()
    assert node(widget).model == str(next(folders[1].iterdir()))


def test_another_input_meanwhile(open_panel, folders):  # noqa: F811
    patient()
    widget = ready(open_panel())
    node(widget).adaptSteps = 10
    widget.ui.adaptButton.click()
    node(widget).inputVolume = patient(name="Another")
    pump(lambda: widget.task is None, 60)
    assert "discarded" in status_of(widget) and shown(widget) == [False] * 3
    assert list(folders[0].iterdir()) == []


def test_discard(adapted_panel, folders):  # noqa: F811
    temporary, kept = folders
    adapted_panel.ui.adaptDiscardButton.click()
    assert shown(adapted_panel) == [False] * 3
    assert list(temporary.iterdir()) == [] and not kept.exists()
    assert node(adapted_panel).model == "hrinet-motion"
    assert node(adapted_panel).inputVolume.GetAttribute("HRINet.AdaptedModel") is None


@pytest.mark.parametrize("leave", [
    lambda widget: setattr(node(widget), "inputVolume", patient(name="Another")),
    lambda widget: slicer.mrmlScene.Clear(0),
    lambda widget: widget.cleanup(),
])
def test_what_was_not_accepted_goes(adapted_panel, folders, leave):  # noqa: F811
    leave(adapted_panel)
    assert list(folders[0].iterdir()) == [] and adapted_panel._adaptPanel.adapted is None


def test_cancel(open_panel, folders, complaints):  # noqa: F811
    patient((41, 64, 64))
    widget = ready(open_panel())
    node(widget).adaptSteps = 5000
    before = making.contents()
    widget.ui.adaptButton.click()
    pump(lambda: "left" in widget.ui.progressBar.format())
    assert widget.ui.progressBar.format().startswith("adapting: ")
    widget.ui.applyButton.click()
    pump(lambda: widget.task is None, 10)
    assert "Cancelled; nothing was changed" in status_of(widget)
    assert making.contents() == before and complaints == [] and shown(widget) == [False] * 3
    assert list(folders[0].iterdir()) == [] and not os.path.exists(folders[1])


def test_every_choice_reaches_the_logic(open_panel, monkeypatch, complaints):  # noqa: F811
    volume = patient()
    widget = ready(open_panel())
    found, calls = node(widget), []
    found.axis, found.device, found.separateProcess, found.adaptSteps = test_widget.Axis.K, "cpu", True, 77

    def start(node, **choices):
        calls.append((node, choices))
        raise RuntimeError("enough")

    monkeypatch.setattr(widget.logic, "startAdapting", start)
    widget.ui.adaptButton.click()
    assert calls == [(volume, {"model": "hrinet-motion", "device": "cpu", "axis": "k",
                               "separateProcess": True, "steps": 77})]
    assert complaints == ["enough"] and widget.task is None


def test_when_it_cannot_be_begun(open_panel, complaints):  # noqa: F811
    widget = ready(open_panel())
    assert not widget.ui.adaptButton.isEnabled()
    node(widget).inputVolume = patient((10, 40, 48))
    assert widget.ui.adaptButton.isEnabled()
    node(widget).model = "cubic"
    assert not widget.ui.adaptButton.isEnabled() and "cubic learns" in widget.ui.adaptButton.toolTip()
    node(widget).model = "hrinet-motion-sharp"
    assert not widget.ui.adaptButton.isEnabled()
    assert "choose hrinet-motion" in widget.ui.adaptButton.toolTip()
    node(widget).model = "hrinet-motion"
    widget.ui.adaptButton.click()
    pump(lambda: widget.task is None)
    assert complaints == ["10 slices are too few to adapt to; it takes 16"]


@pytest.mark.parametrize("after, advice", [(30.5, "closer to this patient"), (29.9, "better discard it"),
                                           (30.0, "better discard it")])
def test_the_advice(after, advice):
    from HRINetResampleLib import adaptation

    gain = adapting.Gain(30.0, after, 12, 300, "abc", "cpu")
    adapted = adaptation.Adapted(gain, "/nowhere", None, "CT")
    assert advice in status.gained(adapted) and "On 12 slices" in status.gained(adapted)
