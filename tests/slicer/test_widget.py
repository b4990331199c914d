"""The panel: controls and parameters, presets, the status line."""

from xml.etree import ElementTree

import slicer

import builders
from HRINetResampleLib.binding import library, platforms
from HRINetResampleLib.compute import backend
from HRINetResampleLib.panel import parameters, presets
from HRINetResampleLib.panel.parameters import Axis, SegmentationMethod, Spacing
from panels import UI, node, ready, status_of


def test_every_parameter_has_one_control(open_panel):
    names = [
        each.findtext("string")
        for each in ElementTree.parse(UI).iter("property")
        if each.get("name") == "SlicerParameterName"
    ]
    by_hand = {"model", "device"}
    annotations = parameters.HRINetResampleParameterNode
    fields = {name for name in vars(annotations) if isinstance(vars(annotations)[name], property)}
    assert len(names) == len(set(names))
    assert set(names) == fields - by_hand


def test_controls_write_parameters(open_panel):
    thick, other = builders.volume(name="CT"), builders.volume(name="Other")
    drawn = builders.segmentation(thick, {"a": builders.array(thick) > 0})
    widget = open_panel()
    ui = widget.ui
    ui.inputSelector.setCurrentNode(other)
    ui.segmentationSelector.setCurrentNode(drawn)
    ui.outputSelector.setCurrentNode(thick)
    ui.likeSelector.setCurrentNode(thick)
    ui.spacingCombo.setCurrentIndex(3)
    ui.factorSpin.setValue(7)
    ui.spacingSpin.setValue(1.25)
    ui.axisCombo.setCurrentIndex(2)
    ui.methodCombo.setCurrentIndex(3)
    ui.modelCombo.setCurrentText("cubic")
    for box in (ui.separateCheck, ui.markCheck, ui.expectedErrorCheck, ui.framesCheck):
        box.setChecked(True)
    found = node(widget)
    assert (found.inputVolume, found.outputVolume, found.likeVolume) == (other, thick, thick)
    assert found.segmentation is drawn
    assert (found.spacing, found.factor, found.spacingMm) == (Spacing.EXACT, 7, 1.25)
    assert (found.axis, found.model) == (Axis.J, "cubic")
    assert found.segmentationMethod is SegmentationMethod.NEAREST
    assert found.separateProcess and found.markInterpolated and found.allFrames
    assert found.expectedError


def test_parameters_are_shown_in_controls(open_panel):
    widget = ready(open_panel())
    found, ui = node(widget), widget.ui
    found.spacing, found.factor, found.spacingMm, found.axis = Spacing.NEAREST, 5, 0.75, Axis.K
    found.model, found.device, found.markInterpolated = "linear", "cpu", True
    found.segmentationMethod = SegmentationMethod.SHAPE
    assert ui.spacingCombo.currentIndex() == 2 and "About" in ui.spacingCombo.currentText()
    assert (ui.factorSpin.value(), ui.spacingSpin.value()) == (5, 0.75)
    assert (ui.axisCombo.currentText(), ui.modelCombo.currentText()) == ("K", "linear")
    assert ui.deviceCombo.currentData() == "cpu" and "cores" in ui.deviceCombo.currentText()
    assert ui.methodCombo.currentIndex() == 2 and "Outlines alone" == ui.methodCombo.currentText()
    assert ui.markCheck.isChecked()


def test_only_controls_of_the_chosen_spacing_are_visible(open_panel):
    widget = open_panel()
    shown = {
        Spacing.ISOTROPIC: set(),
        Spacing.FACTOR: {"factorSpin"},
        Spacing.NEAREST: {"spacingSpin"},
        Spacing.EXACT: {"spacingSpin"},
        Spacing.LIKE: {"likeSelector"},
    }
    for spacing, expected in shown.items():
        node(widget).spacing = spacing
        found = {
            name
            for name in ("factorSpin", "spacingSpin", "likeSelector")
            if getattr(widget.ui, name).isVisible()
        }
        assert found == expected


def test_first_volume_is_chosen(open_panel):
    thick = builders.volume(name="CT")
    assert node(open_panel()).inputVolume is thick


def test_status_describes_the_output(open_panel):
    builders.volume(name="CT")
    widget = ready(open_panel())
    said = status_of(widget)
    assert "48 × 40 × 25 voxels of 0.5 × 0.5 × 0.5 mm" in said
    assert (
        "0.0916 MB of voxel data" in said
        and "7 known slices, 18 interpolated" in said
        and "in about" in said
    )
    assert widget.ui.applyButton.isEnabled()
    node(widget).spacing, node(widget).factor = Spacing.FACTOR, 2
    assert not widget.ui.applyButton.isEnabled()
    ready(widget)
    assert "48 × 40 × 13 voxels" in status_of(widget)


def test_status_says_why_apply_is_disabled(open_panel, tmp_path):
    widget = ready(open_panel())

    def disabled():
        ready(widget)
        assert not widget.ui.applyButton.isEnabled()
        assert widget.ui.applyButton.toolTip() == status_of(widget)
        return status_of(widget)

    assert "Load and choose a CT" in disabled()
    thick = builders.volume(name="CT")
    node(widget).inputVolume = thick
    ready(widget)
    node(widget).outputVolume = thick
    assert "same volume" in disabled()
    node(widget).outputVolume = None
    node(widget).spacing = Spacing.LIKE
    assert "Choose the volume" in disabled()
    node(widget).spacing = Spacing.ISOTROPIC
    node(widget).model = str(tmp_path / "gone.safetensors")
    assert "gone.safetensors" in disabled()
    node(widget).model = "linear"
    drawn = builders.segmentation(thick, {"a": builders.array(thick) > 0})
    node(widget).segmentation, node(widget).segmentationMethod = drawn, SegmentationMethod.ANATOMY
    assert "linear finds no motion" in disabled()
    node(widget).segmentationMethod = SegmentationMethod.SHAPE
    assert ready(widget).ui.applyButton.isEnabled()
    node(widget).inputVolume = builders.volume((1, 40, 48), name="Single")
    assert "single slice" in disabled()
    node(widget).inputVolume = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLScalarVolumeNode", "Empty"
    )
    assert "Empty has no voxels" in disabled()


def test_missing_library_is_reported(open_panel, monkeypatch, tmp_path):
    builders.volume(name="CT")
    monkeypatch.delenv(library.LIBRARY_VARIABLE)
    monkeypatch.setattr(library, "TREES", [tmp_path])
    widget = ready(open_panel())
    said = status_of(widget)
    assert "library is missing" in said and "install HRINet again" in said
    assert not widget.ui.applyButton.isEnabled()


def test_apply_is_disabled_if_memory_does_not_suffice(open_panel, monkeypatch):
    monkeypatch.setattr(platforms, "available_memory", lambda: 50_000)
    builders.volume(name="CT")
    widget = ready(open_panel())
    assert not widget.ui.applyButton.isEnabled() and "are free" in status_of(widget)
    node(widget).spacing = Spacing.FACTOR  # half as many slices
    node(widget).factor = 1
    ready(widget)
    assert widget.ui.applyButton.isEnabled()


def test_panel_follows_parameters_only_while_open(open_panel):
    thick = builders.volume(name="CT")
    widget = ready(open_panel())
    widget.exit()
    assert widget._parameters is None
    widget.ui.factorSpin.setValue(9)
    widget.enter()
    assert node(widget).factor == 2 and node(widget).inputVolume is thick


def test_preset_chooses_the_model(open_panel):
    widget = open_panel()
    ui = widget.ui
    for index, preset in enumerate(presets.PRESETS[:-1]):
        ui.presetCombo.setCurrentIndex(index)
        assert node(widget).model == ui.modelCombo.currentText() == preset.model
        assert ui.presetLabel.text() == preset.description
    node(widget).model = "hrinet-motion-small"
    assert ui.presetCombo.currentText() == "Fast" and "three times" in ui.presetLabel.text()
    node(widget).model = "/models/mine.safetensors"
    assert ui.presetCombo.currentText() == "Custom file"


def test_custom_preset_asks_for_a_file(open_panel, monkeypatch):
    import qt

    widget = open_panel()
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *_: "")
    widget.ui.presetCombo.setCurrentIndex(presets.CUSTOM)
    assert widget.ui.presetCombo.currentText() == "Measure"
    assert node(widget).model == "hrinet-motion"
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *_: "/models/mine.safetensors")
    widget.ui.presetCombo.setCurrentIndex(presets.CUSTOM)
    assert widget.ui.presetCombo.currentText() == "Custom file"
    assert node(widget).model == "/models/mine.safetensors"


def test_every_preset_but_custom_is_a_model_of_the_library():
    for model in presets.MODELS:
        assert backend.model_info(model).system


def test_disabled_controls_say_why(open_panel):
    widget = ready(open_panel())
    ui = widget.ui
    for control, reason in (
        (ui.methodCombo, "Choose a segmentation first"),
        (ui.framesCheck, "does not show a sequence"),
        (ui.originalSlicesButton, "Choose a segmentation"),
        (ui.fineTuneButton, "Load and choose a CT"),
        (ui.applyButton, "Load and choose a CT"),
    ):
        assert not control.isEnabled() and reason in control.toolTip()
    thick = builders.volume(name="CT")
    drawn = builders.segmentation(thick, {"a": builders.array(thick) > 0})
    node(widget).inputVolume, node(widget).segmentation = thick, drawn
    ready(widget)
    assert ui.methodCombo.isEnabled() and "follow the anatomy" in ui.methodCombo.toolTip()
    assert "Choose an output volume" in ui.originalSlicesButton.toolTip()


def test_panel_says_what_it_is_not_for(open_panel):
    assert "not for diagnosis or treatment" in open_panel().ui.disclaimerLabel.text()


def test_checkpoint_can_be_chosen(open_panel, monkeypatch):
    import qt

    widget = open_panel()
    monkeypatch.setattr(
        qt.QFileDialog, "getOpenFileName", lambda *_: ("/models/mine.safetensors", "")
    )
    widget.ui.modelBrowseButton.click()
    assert node(widget).model == "/models/mine.safetensors"
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *_: "")
    widget.ui.modelBrowseButton.click()
    assert node(widget).model == "/models/mine.safetensors"
