"""Section "Adapt to this patient": the button, the measured gain, keep or discard."""

from slicer.i18n import tr as _

from .. import fine_tuning_task
from ..binding.models import DEFAULT_MODEL
from . import status
from .presets import SHARP_MODEL
from .widgets import Availability


class FineTuningSection:
    """Holds the fine-tuned model until the user keeps or discards it."""

    def __init__(self, ui):
        self.ui = ui
        self.model, self._volume = None, None
        self._button = Availability(ui.fineTuneButton)
        self._show()

    def show_button(self, parameters, info):
        """Enables the button, or says why it is disabled; `info`: that of the chosen model."""
        self._button.set(self._problem(parameters, info))

    def _problem(self, parameters, info):
        if parameters.inputVolume is None:
            return _("Load and choose a CT with thick slices")
        if parameters.model == SHARP_MODEL:
            return _("Adapting would remove the noise of {model}; choose {default}").format(
                model=SHARP_MODEL, default=DEFAULT_MODEL
            )
        if info is None:
            return _("Reading the model")
        if isinstance(info, Exception):
            return str(info)
        if not info.has_flow or info.is_thin:
            return _("{model} cannot be adapted; choose {default}").format(
                model=parameters.model, default=DEFAULT_MODEL
            )
        return None

    def offer(self, model, volume):
        """Shows the gain of a model that was fine-tuned on a volume."""
        self.model, self._volume = model, volume
        self._show()

    def keep(self, parameters):
        """Keeps the model, chooses it, and returns its path."""
        path = self.model.keep()
        fine_tuning_task.record(self._volume, self.model)
        self.model = None
        self._show()
        parameters.model = path
        return path

    def discard(self):
        """Discards the model, if there is one."""
        if self.model is not None:
            self.model.discard()
        self.model, self._volume = None, None
        self._show()

    def input_changed(self, parameters, before):
        """Discards the model, and unchooses one that was fine-tuned on the input `before`."""
        self.discard()
        if before is not None and parameters.model == fine_tuning_task.recorded(before):
            parameters.model = DEFAULT_MODEL

    def _show(self):
        for name in ("fineTuneLabel", "fineTuneKeepButton", "fineTuneDiscardButton"):
            getattr(self.ui, name).setVisible(self.model is not None)
        if self.model is not None:
            self.ui.fineTuneLabel.setText(status.describe_gain(self.model))
