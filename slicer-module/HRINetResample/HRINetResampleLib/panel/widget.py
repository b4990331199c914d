"""Widget of the module. It shows the parameter node, and calls the logic."""

import logging

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from ..binding import hrinet
from ..logic import FineTuningChoices, HRINetResampleLogic, ResampleChoices
from ..scene import volumes
from . import status
from .apply_section import ApplySection
from .fine_tuning_section import FineTuningSection
from .model_section import ModelSection
from .parameters import Spacing, choices_of, dicom_problem, sequence_of
from .preview_section import PreviewSection
from .widgets import Availability

log = logging.getLogger("HRINet")
TICK_MS = 25


class HRINetResampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Panel, bound to `Resources/UI/HRINetResample.ui`."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.task = None  # the task that runs
        self._finish, self._progress_text = None, None  # of that task
        self._parameters, self._gui_tag = None, None
        self._input = None  # last input seen: the output of another one must not be overwritten

    def setup(self):
        """Called by Slicer when the module is first opened."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/HRINetResample.ui"))
        self.layout.addWidget(panel)
        self.ui = ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = HRINetResampleLogic()

        self._model_section = ModelSection(ui)
        self._apply_section = ApplySection(ui, self.logic)
        self._fine_tuning_section = FineTuningSection(ui)
        self._preview_section = PreviewSection(ui, self.logic, slicer.util.mainWindow() or panel)
        self._method = Availability(ui.methodCombo)
        self._frames = Availability(ui.framesCheck)
        self._original_slices = Availability(ui.originalSlicesButton)
        self._dicom = Availability(ui.dicomButton)
        self._self_check = Availability(ui.checkButton)
        ui.applyButton.clicked.connect(self._on_apply)
        ui.originalSlicesButton.clicked.connect(self._on_original_slices)
        ui.dicomButton.clicked.connect(self._on_dicom)
        ui.checkButton.clicked.connect(self._on_self_check)
        ui.fineTuneButton.clicked.connect(self._on_fine_tune)
        ui.fineTuneKeepButton.clicked.connect(self._on_keep)
        ui.fineTuneDiscardButton.clicked.connect(lambda *_: self._fine_tuning_section.discard())
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._on_tick)

        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._on_scene_closes)
        self.addObserver(scene, scene.EndCloseEvent, self._on_scene_closed)
        self._timer.start()
        self._bind_parameters()

    def enter(self):
        """Called by Slicer when the user opens the module."""
        self._bind_parameters()

    def exit(self):
        """Called by Slicer when the user opens another module; a running task continues."""
        self._release_parameters()

    def cleanup(self):
        """Called by Slicer when the application ends or the module is reloaded."""
        if self.task is not None:
            self.task.cancel()
            self.task.join()
        self._fine_tuning_section.discard()
        self._preview_section.close()
        self._release_parameters()
        self.removeObservers()
        self._timer.stop()

    # Parameter node.

    def _bind_parameters(self):
        self._release_parameters()
        parameters = self.logic.getParameterNode()
        if parameters.inputVolume is None:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if first is not None:
                parameters.inputVolume = first
        self._parameters = parameters
        self._model_section.bind(parameters)
        self._gui_tag = parameters.connectGui(self.ui)
        node, event = parameters.parameterNode, vtk.vtkCommand.ModifiedEvent
        self.addObserver(node, event, self._on_parameters)
        self._on_parameters()

    def _release_parameters(self):
        if self._parameters is None:
            return
        self._parameters.disconnectGui(self._gui_tag)
        node, event = self._parameters.parameterNode, vtk.vtkCommand.ModifiedEvent
        self.removeObserver(node, event, self._on_parameters)
        self._parameters = None
        self._model_section.bind(None)
        self._apply_section.forget()

    def _on_scene_closes(self, _caller=None, _event=None):
        if self.task is not None:
            self.task.cancel()
        self._fine_tuning_section.discard()
        self._preview_section.stop()
        self._release_parameters()

    def _on_scene_closed(self, _caller=None, _event=None):
        self._bind_parameters()

    def _on_parameters(self, _caller=None, _event=None):
        parameters = self._parameters
        if parameters is None:
            return
        if parameters.inputVolume is not self._input:
            before, self._input = self._input, parameters.inputVolume
            self._fine_tuning_section.input_changed(parameters, before)
            if self._belongs_to_another_input(parameters.outputVolume):
                parameters.outputVolume = None  # which calls this again
                return
        self._show_spacing(parameters.spacing)
        self._show_availability()
        self._show_model()

    def _belongs_to_another_input(self, output):
        source = output.GetNodeReference(volumes.INPUT_ROLE) if output is not None else None
        return source is not None and source is not self._input

    def _show_spacing(self, spacing):
        by_mm = spacing in (Spacing.NEAREST, Spacing.EXACT)
        for visible, *names in (
            (spacing is Spacing.FACTOR, "factorLabel", "factorSpin"),
            (by_mm, "spacingLabel", "spacingSpin"),
            (spacing is Spacing.LIKE, "likeLabel", "likeSelector"),
        ):
            for name in names:
                getattr(self.ui, name).setVisible(visible)

    def _show_availability(self):
        parameters = self._parameters
        self._method.set(None if parameters.segmentation else _("Choose a segmentation first"))
        has_frames = sequence_of(parameters) is not None
        self._frames.set(None if has_frames else _("The input volume does not show a sequence"))
        self._original_slices.set(self._original_slices_problem())
        self._dicom.set(dicom_problem(parameters))
        has_input = parameters.inputVolume is not None
        self._self_check.set(None if has_input else _("Load and choose a CT with thick slices"))

    def _original_slices_problem(self):
        """Why the segmentation cannot be resampled to the original slices; None if it can."""
        output = self._parameters.outputVolume
        if self._parameters.segmentation is None:
            return _("Choose a segmentation of the output volume first")
        if output is None or output.GetNodeReference(volumes.INPUT_ROLE) is None:
            return _("Choose an output volume that Apply has filled")
        return None

    def _show_model(self):
        """Shows model and device, and all that depends on the model's abilities."""
        info = self._model_section.model_info()
        self._model_section.show()
        self._fine_tuning_section.show_button(self._parameters, info)
        self._preview_section.show(self._parameters, info)
        if self.task is None:
            self._apply_section.ask(self._parameters, info)

    # Tasks: Apply and "Adapt to this patient".

    def _on_apply(self, *_arguments):
        if self.task is not None:
            self.task.cancel()
            self._apply_section.show_cancelling()
            return
        parameters, run = self._parameters, self._apply_section.run
        choices = choices_of(parameters, ResampleChoices(show=True))
        choices.expectedError &= self._model_section.expected_error_problem() is None
        choices.allFrames &= sequence_of(parameters) is not None
        self._start(
            lambda: self.logic.start(parameters.inputVolume, choices),
            lambda task: self._finish_resampling(task, run),
            status.resampling_progress,
        )

    def _on_dicom(self, *_arguments):
        parameters = self._parameters
        choices = choices_of(parameters, ResampleChoices())
        self._start(
            lambda: self.logic.startDerivedSeries(parameters.inputVolume, choices),
            lambda task: status.describe_series(task.finish(), task.seconds),
            status.resampling_progress,
        )

    def _on_self_check(self, *_arguments):
        parameters = self._parameters
        choices = choices_of(parameters, ResampleChoices())
        self._start(
            lambda: self.logic.startSelfCheck(parameters.inputVolume, choices),
            lambda task: status.describe_self_check(task.finish()),
            status.self_check_progress,
        )

    def _on_fine_tune(self, *_arguments):
        self._fine_tuning_section.discard()
        volume = self._parameters.inputVolume
        choices = choices_of(self._parameters, FineTuningChoices())
        choices.steps = self._parameters.fineTuningSteps
        self._start(
            lambda: self.logic.startFineTuning(volume, choices),
            lambda task: self._finish_fine_tuning(task, volume),
            status.fine_tuning_progress,
        )

    def _start(self, start, finish, progress_text):
        """Starts a task.

        `finish(task)` puts its result into the scene and returns a text for the status line;
        `progress_text(control)` returns that of the progress bar.
        """
        try:
            self.task = start()
        except (RuntimeError, MemoryError) as error:
            self._show_error(error)
            return
        self._finish, self._progress_text = finish, progress_text
        self._apply_section.pause()
        self._apply_section.show_running(True)
        self._apply_section.show_text(_("Working {where}").format(where=self.task.backend))

    def _on_tick(self):
        if self._model_section.poll() and self._parameters is not None:
            self._show_model()
        self._preview_section.poll(is_busy=self.task is not None)
        if self.task is None:
            self._apply_section.poll()
        elif self.task.finished:
            self._on_finished()
        else:
            control = self.task.control
            self._apply_section.show_progress(control, self._progress_text(control))

    def _on_finished(self):
        text, failure = None, None
        try:
            text = self._finish(self.task)
        except hrinet.Cancelled:
            text = _("Cancelled; nothing was changed")
        except (RuntimeError, MemoryError) as error:
            failure = error
        self.task = None
        self._apply_section.show_running(False)
        if failure is None:
            self._apply_section.show_text(text)
        else:
            self._show_error(failure)
        if self._apply_section.run is None and self._parameters is not None:
            # The parameters have changed shortly before or during the run.
            info = self._model_section.model_info()
            self._apply_section.ask(self._parameters, info, keep_text=True)

    def _finish_resampling(self, task, run):
        output = task.finish()
        run.record(task.seconds)
        self._preview_section.end_preview()
        if self._parameters is not None:
            self._parameters.outputVolume = output
        return status.describe_result(task.outcomes[0], task.seconds, str(task.backend))

    def _finish_fine_tuning(self, task, volume):
        model = task.finish()
        # In another module the panel has no parameters; the user finds the result on coming back.
        if self.logic.getParameterNode().inputVolume is not volume:
            model.discard()
            return _("The input has changed during the run; the adapted model was discarded")
        self._fine_tuning_section.offer(model, volume)
        return status.describe_gain(model)

    def _on_keep(self, *_arguments):
        try:
            path = self._fine_tuning_section.keep(self._parameters)
        except (OSError, RuntimeError) as error:
            self._show_error(error)
            return
        self._apply_section.show_text(_("The next Apply uses {path}").format(path=path))

    def _on_original_slices(self, *_arguments):
        parameters = self._parameters
        try:
            node = self.logic.toOriginalSlices(parameters.segmentation, parameters.outputVolume)
        except RuntimeError as error:
            self._show_error(error)
            return
        self._apply_section.show_text(_("Created {name}").format(name=node.GetName()))

    def _show_error(self, error):
        text = str(error) or type(error).__name__
        log.error("HRINet: %s", text)
        self._apply_section.show_text(text)
        slicer.util.errorDisplay(text, windowTitle="HRINet Resample")
