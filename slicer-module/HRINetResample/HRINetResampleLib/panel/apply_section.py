"""Section of the status line, the progress bar and the button Apply, which is Cancel in a run."""

from slicer.i18n import tr as _

from ..binding.memory import check_memory
from ..logic import ResampleChoices
from . import status
from .parameters import SegmentationMethod, Spacing, choices_of, frame_count
from .planned_outcome import PlannedOutcome


class ApplySection:
    """Shows what Apply will compute, or why it is disabled, and the progress of a run."""

    def __init__(self, ui, logic):
        self.ui, self._logic = ui, logic
        self._planned = PlannedOutcome()
        self._parameters, self._info = None, None
        self._keep_text = False
        self.run = None  # `status.Run` that Apply would start; None: Apply is disabled

    @property
    def busy(self):
        """Whether the outcome is being computed."""
        return self._planned.busy

    def ask(self, parameters, info, keep_text=False):
        """Shows the outcome of the parameters, once it is known; `info`: that of the model.

        `keep_text`: only enables or disables Apply, and keeps the text of the status line.
        """
        self.run, self._keep_text = None, keep_text
        self._planned.ask(None)
        self._parameters, self._info = parameters, info
        problem = self._problem()
        if problem is None:
            choices = choices_of(parameters, ResampleChoices())
            try:
                self._planned.ask(self._logic.planRequest(parameters.inputVolume, choices))
                problem = _("Reading the volume")
            except RuntimeError as error:
                problem = str(error)
        self._disable(problem)

    def _problem(self):
        """Why Apply is disabled, as far as the parameters tell; None if they do not."""
        parameters, info = self._parameters, self._info
        if parameters.inputVolume is None:
            return _("Load and choose a CT with thick slices")
        if parameters.inputVolume is parameters.outputVolume:
            return _("Input and output are the same volume; choose another output")
        if parameters.spacing is Spacing.LIKE and parameters.likeVolume is None:
            return _("Choose the volume whose slices are wanted")
        if info is None:
            return _("Reading the model")
        if isinstance(info, Exception):
            return str(info)
        follows = parameters.segmentationMethod is SegmentationMethod.ANATOMY
        if parameters.segmentation and follows and not info.has_flow:
            return _(
                "{model} finds no motion for the segmentation to follow; choose another model or "
                "segmentation method"
            ).format(model=parameters.model)
        return None

    def poll(self):
        """Shows the outcome if it has become known."""
        answer = self._planned.poll()
        if answer is None or self._parameters is None:
            return
        request, outcome = answer
        if isinstance(outcome, Exception):
            self._disable(str(outcome))
            return
        if self._info.is_thin:
            outcome = outcome.thin()
        parameters = self._parameters
        frames = frame_count(parameters)
        try:
            check_memory(outcome.bytes_of(request.dtype) * frames)
        except RuntimeError as error:
            self._disable(str(error))
            return
        self.run = status.Run(
            outcome, parameters.model, parameters.device, frames, self._info.is_network
        )
        if not self._keep_text:
            self.show_text(status.describe_plan(self.run, request.dtype))
        self.ui.applyButton.setEnabled(True)
        self.ui.applyButton.setToolTip(_("Interpolate the slices"))

    def pause(self):
        """Ignores a pending outcome: a run has started."""
        self._parameters = None
        self._planned.ask(None)

    def forget(self):
        """Forgets the outcome: the parameters are gone."""
        self.pause()
        self.run = None

    def show_text(self, text):
        """Shows a text in the status line."""
        self.ui.statusLabel.setText(text)

    def show_running(self, running):
        """Turns Apply into Cancel and back."""
        self.ui.applyButton.setText(_("Cancel") if running else _("Apply"))
        self.ui.applyButton.setToolTip(_("Stop; nothing is changed") if running else "")
        self.ui.applyButton.setEnabled(True)
        self.ui.progressBar.setVisible(running)
        self.ui.progressBar.setValue(0)
        for name in ("inputsButton", "advancedButton"):
            getattr(self.ui, name).setEnabled(not running)

    def show_cancelling(self):
        """Shows that the run is being cancelled."""
        self.ui.applyButton.setEnabled(False)
        self.show_text(_("Cancelling"))

    def show_progress(self, control, text):
        """Shows the progress of a run."""
        self.ui.progressBar.setValue(int(1000 * control.fraction()))
        self.ui.progressBar.setFormat(text)

    def _disable(self, problem):
        if not self._keep_text:
            self.show_text(problem)
        self.ui.applyButton.setEnabled(False)
        self.ui.applyButton.setToolTip(problem)
