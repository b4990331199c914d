"""The part of the panel that adapts to a patient: the button, what was gained, keep or discard."""

from slicer.i18n import tr as _

from . import adaptation, status
from .parameters import DEFAULT_MODEL, PLAIN_MODELS, SHARP_MODEL


class AdaptPanel:
    """Holds the adapted model until the user has decided."""

    TOOL_TIP = _("Trains the model on this volume, and measures on slices that are held out whether that "
                 "helped. You decide then.")

    def __init__(self, ui):
        self.ui = ui
        self.adapted, self._volume = None, None
        self.show()

    def refuses(self, parameters):
        """Why the button is grey; None where it is not."""
        if parameters.inputVolume is None:
            return _("Load and choose a CT with thick slices")
        if parameters.model in PLAIN_MODELS:
            return _("{model} learns nothing; choose {default}").format(
                model=parameters.model, default=DEFAULT_MODEL
            )
        if parameters.model == SHARP_MODEL:
            return _("Adapting would take the noise out of {model} again; choose {default}").format(
                model=SHARP_MODEL, default=DEFAULT_MODEL
            )
        return None

    def offer(self, adapted, volume):
        """Shows what was gained."""
        self.adapted, self._volume = adapted, volume
        self.show()

    def keep(self, parameters):
        """The user accepts: the model is kept and chosen."""
        path = self.adapted.keep()
        adaptation.note(self._volume, self.adapted)
        self.adapted = None
        self.show()
        parameters.model = path
        return path

    def discard(self):
        """The user does not, or it is of no use any more."""
        if self.adapted is not None:
            self.adapted.discard()
        self.adapted, self._volume = None, None
        self.show()

    def follow(self, parameters, before):
        """Another input than `before` was chosen: a model adapted to that is not for this."""
        self.discard()
        if before is not None and parameters.model == adaptation.noted(before):
            parameters.model = DEFAULT_MODEL

    def show(self):
        """Result and buttons, where there is a result."""
        there = self.adapted is not None
        for name in ("adaptLabel", "adaptKeepButton", "adaptDiscardButton"):
            getattr(self.ui, name).setVisible(there)
        if there:
            self.ui.adaptLabel.setText(status.gained(self.adapted))


def request_of(parameters):
    """What the panel's choices ask for."""
    return {"model": parameters.model, "device": parameters.device, "axis": parameters.axis.value,
            "separateProcess": parameters.separateProcess, "steps": parameters.adaptSteps}
