"""The panel. What it shows follows from the parameter node, the preview and the task; it decides
nothing that the logic does not."""

import logging
import os

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from . import hrinet, jobs, placement, sequences, status, volumes, worker
from .adaptpanel import AdaptPanel, request_of
from .confidences import Confidences
from .logic import HRINetResampleLogic
from .parameters import MODELS, PLAIN_MODELS, SegmentationMethod, Spacing
from .preview import Preview

log = logging.getLogger("HRINet")
TICK_MS = 50


class HRINetResampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Bound to `Resources/UI/HRINetResample.ui`."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.task = None
        self._parameters, self._guiTag = None, None
        self._preview, self._devices = Preview(), None
        self._confidences = Confidences()
        self._input = None  # of the last look: another one must not fill this one's output
        self._outcome = None  # what Apply would make; None: Apply is disabled

    def setup(self):
        """Called once, when the module is first opened."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/HRINetResample.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = HRINetResampleLogic()

        self.ui.modelCombo.addItems(list(MODELS))
        self.ui.deviceCombo.addItem(_("Automatic"), "auto")
        self.ui.modelCombo.currentTextChanged.connect(self._on_model)
        self.ui.modelBrowseButton.clicked.connect(self._on_browse)
        self.ui.deviceCombo.currentIndexChanged.connect(self._on_device)
        self.ui.applyButton.clicked.connect(self._on_apply)
        self.ui.backButton.clicked.connect(self._on_back)
        self.ui.adaptButton.clicked.connect(self._on_adapt)
        self.ui.adaptKeepButton.clicked.connect(self._on_keep)
        self.ui.adaptDiscardButton.clicked.connect(lambda *_: self._adaptPanel.discard())
        self._adaptPanel = AdaptPanel(self.ui)
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._on_tick)

        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._on_scene_closes)
        self.addObserver(scene, scene.EndCloseEvent, self._on_scene_closed)
        self._devices = worker.Worker(lambda _control: placement.devices())
        self._timer.start()
        self._take_parameters()

    def enter(self):
        """The user opens the module."""
        self._take_parameters()

    def exit(self):
        """The user opens another module; what runs goes on."""
        self._leave_parameters()

    def cleanup(self):
        """The application ends, or the module is reloaded."""
        if self.task is not None:
            self.task.cancel()
            self.task.join()
        self._adaptPanel.discard()
        self._leave_parameters()
        self.removeObservers()
        self._timer.stop()

    # The parameter node.

    def _take_parameters(self):
        self._leave_parameters()
        parameters = self.logic.getParameterNode()
        if parameters.inputVolume is None:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if first is not None:
                parameters.inputVolume = first
        self._parameters = parameters
        self._guiTag = parameters.connectGui(self.ui)
        self.addObserver(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._on_parameters)
        self._on_parameters()

    def _leave_parameters(self):
        if self._parameters is None:
            return
        self._parameters.disconnectGui(self._guiTag)
        self.removeObserver(self._parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._on_parameters)
        self._parameters = None

    def _on_scene_closes(self, _caller=None, _event=None):
        if self.task is not None:
            self.task.cancel()
        self._adaptPanel.discard()
        self._leave_parameters()

    def _on_scene_closed(self, _caller=None, _event=None):
        self._take_parameters()

    def _on_parameters(self, _caller=None, _event=None):
        parameters = self._parameters
        if parameters is None:
            return
        if parameters.inputVolume is not self._input:
            before, self._input = self._input, parameters.inputVolume
            self._adaptPanel.follow(parameters, before)
            if self._is_of_another_input(parameters.outputVolume):
                parameters.outputVolume = None  # which calls this again
                return
        spacing = parameters.spacing
        for shown, *names in (
            (spacing is Spacing.FACTOR, "factorLabel", "factorSpin"),
            (spacing in (Spacing.NEAREST, Spacing.EXACT), "spacingLabel", "spacingSpin"),
            (spacing is Spacing.LIKE, "likeLabel", "likeSelector"),
        ):
            for name in names:
                getattr(self.ui, name).setVisible(shown)
        if _value(self.ui.modelCombo.currentText) != parameters.model:  # not under the user's cursor
            _quietly(self.ui.modelCombo, "setCurrentText", parameters.model)
        self._show_device()
        refused = self._adaptPanel.refuses(parameters)
        self.ui.adaptButton.setEnabled(refused is None)
        self.ui.adaptButton.setToolTip(refused or self._adaptPanel.TOOL_TIP)
        self.ui.methodCombo.setEnabled(parameters.segmentation is not None)
        self.ui.framesCheck.setEnabled(self._sequence() is not None)
        self._show_confidence()
        output = parameters.outputVolume
        self.ui.backButton.setEnabled(bool(
            parameters.segmentation and output and output.GetNodeReference(volumes.INPUT_ROLE)
        ))
        self._ask()

    def _is_of_another_input(self, output):
        made_from = output.GetNodeReference(volumes.INPUT_ROLE) if output is not None else None
        return made_from is not None and made_from is not self._input

    def _sequence(self):
        volume = self._parameters.inputVolume
        return None if volume is None else sequences.browser_of(volume)[1]

    def _without_confidence(self):
        """Why there can be no expected error; None where there can."""
        if self._frame_count() > 1:
            return _("Of one volume, not of a sequence.")
        model = self._parameters.model
        found = self._confidences.of(model) if _is_there(model) else False
        if found is None:
            return _("Looking at the model.")
        return None if found else _("This model has learnt no expected error.")

    def _show_confidence(self):
        refused = self._without_confidence()
        self.ui.confidenceCheck.setEnabled(refused is None)
        self.ui.confidenceCheck.setToolTip(refused or _(
            "Also makes a volume that says for every voxel how far off it is expected to be on average, "
            "in HU: 0 in scanned slices."
        ))

    def _frame_count(self):
        sequence = self._sequence() if self._parameters.allFrames else None
        return 1 if sequence is None else sequence.GetNumberOfDataNodes()

    def _choices(self):
        parameters = self._parameters
        return {
            "spacing": parameters.spacing.value,
            "factor": parameters.factor,
            "spacingMm": parameters.spacingMm,
            "likeVolume": parameters.likeVolume,
            "axis": parameters.axis.value,
        }

    # Model and device, which Slicer's parameter node cannot bind: their lists are open.

    def _on_model(self, text):
        if self._parameters is not None and text:
            self._parameters.model = str(text)

    def _on_browse(self, *_arguments):
        chosen = qt.QFileDialog.getOpenFileName(
            None, _("Choose a checkpoint"), "", _("Checkpoints") + " (*.safetensors)"
        )
        path = chosen[0] if isinstance(chosen, tuple) else chosen
        if path:
            self.ui.modelCombo.setCurrentText(path)

    def _on_device(self, *_arguments):
        if self._parameters is not None:
            name = self.ui.deviceCombo.itemData(_value(self.ui.deviceCombo.currentIndex))
            self._parameters.device = str(name or "auto")

    def _show_device(self):
        index = self.ui.deviceCombo.findData(self._parameters.device)
        if index >= 0:
            _quietly(self.ui.deviceCombo, "setCurrentIndex", index)

    def _on_devices(self):
        found, self._devices = self._devices, None
        try:
            devices = found.result()
        except RuntimeError as error:
            log.error("HRINet: %s", error)
            return
        for name, description in devices:
            _quietly(self.ui.deviceCombo, "addItem", f"{description} ({name})", name)
        if self._parameters is not None:
            self._show_device()

    # The line above Apply.

    def _ask(self):
        if self.task is not None:
            return
        self._outcome = None
        self._preview.ask(None)
        parameters = self._parameters
        if parameters.inputVolume is None:
            self._disable(_("Load and choose a CT with thick slices"))
            return
        if parameters.inputVolume is parameters.outputVolume:
            self._disable(_("Input and output are the same volume; choose another output"))
            return
        if parameters.spacing is Spacing.LIKE and parameters.likeVolume is None:
            self._disable(_("Choose the volume whose slices are wanted"))
            return
        if not _is_there(parameters.model):
            self._disable(_("{model} is neither a model nor a file").format(model=parameters.model))
            return
        wants_motion = parameters.segmentationMethod is SegmentationMethod.ANATOMY
        if parameters.segmentation and wants_motion and parameters.model in PLAIN_MODELS:
            self._disable(_("{model} finds no motion for the segmentation to follow; choose another model "
                            "or segmentation method").format(model=parameters.model))
            return
        try:
            self._preview.ask(self.logic.question(parameters.inputVolume, **self._choices()))
        except RuntimeError as error:
            self._disable(str(error))
            return
        self._disable(_("Looking at the volume"))

    def _disable(self, why):
        self.ui.statusLabel.setText(why)
        self.ui.applyButton.setEnabled(False)
        self.ui.applyButton.setToolTip(why)

    def _on_answer(self, question, answer):
        if self.task is not None or self._parameters is None:
            return
        if isinstance(answer, Exception):
            self._disable(str(answer))
            return
        parameters = self._parameters
        try:
            jobs.check_memory(answer.bytes_of(question[1]) * self._frame_count())
        except RuntimeError as error:
            self._disable(str(error))
            return
        self._outcome = answer
        text = status.before(
            answer, question[1], parameters.model, parameters.device, self._frame_count()
        )
        self.ui.statusLabel.setText(text)
        self.ui.applyButton.setEnabled(True)
        self.ui.applyButton.setToolTip(_("Make the slices in between"))

    # Apply and Cancel.

    def _on_apply(self, *_arguments):
        if self.task is not None:
            self.task.cancel()
            self.ui.applyButton.setEnabled(False)
            self.ui.statusLabel.setText(_("Cancelling"))
            return
        parameters = self._parameters
        try:
            self.task = self.logic.start(
                parameters.inputVolume,
                outputVolume=parameters.outputVolume,
                segmentation=parameters.segmentation,
                segmentationMethod=parameters.segmentationMethod.value,
                model=parameters.model,
                device=parameters.device,
                separateProcess=parameters.separateProcess,
                markSynthetic=parameters.markSynthetic,
                confidence=parameters.expectedError and self._without_confidence() is None,
                allFrames=parameters.allFrames and self._sequence() is not None,
                show=True,
                **self._choices(),
            )
        except (RuntimeError, MemoryError) as error:
            self._complain(error)
            return
        self._running = (self._outcome, parameters.model, parameters.device, self._frame_count())
        self._on_begun(self._finish_apply, status.during)

    def _on_begun(self, finish, progress_text):
        self._finish, self._progress_text = finish, progress_text
        self._show_running(True)
        self.ui.statusLabel.setText(_("Working {where}").format(where=self.task.placement))

    def _show_running(self, running):
        self.ui.applyButton.setText(_("Cancel") if running else _("Apply"))
        self.ui.applyButton.setToolTip(_("Stop; nothing is changed") if running else "")
        self.ui.applyButton.setEnabled(True)
        self.ui.progressBar.setVisible(running)
        self.ui.progressBar.setValue(0)
        for name in ("inputsButton", "advancedButton"):
            getattr(self.ui, name).setEnabled(not running)

    def _on_tick(self):
        if self._devices is not None and self._devices.finished:
            self._on_devices()
        if self._confidences.poll() and self._parameters is not None:
            self._show_confidence()
        answer = self._preview.poll()
        if answer is not None:
            self._on_answer(*answer)
        if self.task is None:
            return
        if self.task.finished:
            self._on_finished()
            return
        control = self.task.control
        self.ui.progressBar.setValue(int(1000 * control.fraction()))
        self.ui.progressBar.setFormat(self._progress_text(control))

    def _on_finished(self):
        task = self.task
        try:
            said = self._finish(task)
        except hrinet.Cancelled:
            said = _("Cancelled; nothing was changed")
        except (RuntimeError, MemoryError) as error:
            said = None
            failure = error
        self.task = None
        self._show_running(False)
        if said is None:
            self._complain(failure)
        else:
            self.ui.statusLabel.setText(said)

    def _finish_apply(self, task):
        output = task.finish()
        outcome, model, device, frames = self._running
        status.remember(outcome, model, device, task.seconds, frames)
        if self._parameters is not None:
            self._parameters.outputVolume = output
        return status.after(task.outcomes[0], task.seconds, str(task.placement))

    # Adapt to this patient.

    def _on_adapt(self, *_arguments):
        self._adaptPanel.discard()
        parameters = self._parameters
        try:
            self.task = self.logic.startAdapting(parameters.inputVolume, **request_of(parameters))
        except (RuntimeError, MemoryError) as error:
            self._complain(error)
            return
        self._adapted_volume = parameters.inputVolume
        self._on_begun(self._finish_adapting, status.adapting)

    def _finish_adapting(self, task):
        adapted = task.finish()
        # The user may have gone to another module meanwhile, and finds the result on coming back.
        if self.logic.getParameterNode().inputVolume is not self._adapted_volume:
            adapted.discard()
            return _("The input was changed meanwhile; the adapted model was discarded")
        self._adaptPanel.offer(adapted, self._adapted_volume)
        return status.gained(adapted)

    def _on_keep(self, *_arguments):
        try:
            path = self._adaptPanel.keep(self._parameters)
        except (OSError, RuntimeError) as error:
            self._complain(error)
            return
        self.ui.statusLabel.setText(_("The next Apply uses {path}").format(path=path))

    def _complain(self, error):
        said = str(error) or type(error).__name__
        log.error("HRINet: %s", said)
        self.ui.statusLabel.setText(said)
        slicer.util.errorDisplay(said, windowTitle="HRINet Resample")

    def _on_back(self, *_arguments):
        parameters = self._parameters
        try:
            made = self.logic.toOriginalSlices(parameters.segmentation, parameters.outputVolume)
        except RuntimeError as error:
            self._complain(error)
            return
        self.ui.statusLabel.setText(_("Made {name}").format(name=made.GetName()))


def _is_there(model):
    return model in MODELS or os.path.isfile(model)


def _value(read):
    """A property of Slicer's PythonQt; in other bindings it is a function."""
    return read() if callable(read) else read


def _quietly(widget, method, *arguments):
    """Changes a widget without hearing of it."""
    was = widget.blockSignals(True)
    getattr(widget, method)(*arguments)
    widget.blockSignals(was)
