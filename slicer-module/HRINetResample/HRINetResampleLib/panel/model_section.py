"""Section of preset, model and device, whose lists Slicer's parameter node cannot bind."""

import logging

import qt
from slicer.i18n import tr as _

from ..compute import backend, thread
from .capabilities import Capabilities
from .parameters import frame_count
from .presets import CUSTOM, MODELS, PRESETS, index_of
from .widgets import Availability, set_quietly, value_of

log = logging.getLogger("HRINet")


class ModelSection:
    """Binds preset, model and device, and enables what the chosen model is able to do."""

    def __init__(self, ui):
        self.ui = ui
        self._parameters = None
        self._capabilities = Capabilities()
        self._devices = thread.Worker(lambda _control: backend.devices())
        self._expected_error = Availability(ui.expectedErrorCheck)
        ui.presetCombo.addItems([preset.label for preset in PRESETS])
        ui.modelCombo.addItems(list(MODELS))
        ui.deviceCombo.addItem(_("Automatic"), "auto")
        ui.presetCombo.currentIndexChanged.connect(self._on_preset)
        ui.modelCombo.currentTextChanged.connect(self._on_model)
        ui.modelBrowseButton.clicked.connect(self._on_browse)
        ui.deviceCombo.currentIndexChanged.connect(self._on_device)

    @property
    def busy(self):
        """Whether devices or the chosen model are still being read."""
        return self._devices is not None or (
            self._parameters is not None and self.model_info() is None
        )

    def bind(self, parameters):
        """Follows a parameter node; None ends that."""
        self._parameters = parameters

    def model_info(self):
        """`backend.ModelInfo` of the chosen model; its error; None while it is read."""
        return self._capabilities.of(self._parameters.model)

    def expected_error_problem(self):
        """Why expected errors are not available; None if they are."""
        if frame_count(self._parameters) > 1:
            return _("Available for a single volume, not for a sequence")
        info = self.model_info()
        if info is None:
            return _("Reading the model")
        if isinstance(info, Exception):
            return str(info)
        return None if info.predicts_error else _("This model does not predict its error")

    def show(self):
        """Shows the parameters in the controls."""
        model = self._parameters.model
        if value_of(self.ui.modelCombo.currentText) != model:  # else the cursor would move
            set_quietly(self.ui.modelCombo, "setCurrentText", model)
        preset = index_of(model)
        set_quietly(self.ui.presetCombo, "setCurrentIndex", preset)
        self.ui.presetLabel.setText(PRESETS[preset].description)
        index = self.ui.deviceCombo.findData(self._parameters.device)
        if index >= 0:
            set_quietly(self.ui.deviceCombo, "setCurrentIndex", index)
        self._expected_error.set(self.expected_error_problem())

    def poll(self):
        """Takes what was read meanwhile; returns whether the abilities of a model are new."""
        if self._devices is not None and self._devices.finished:
            self._add_devices()
        return self._capabilities.poll()

    def _add_devices(self):
        worker, self._devices = self._devices, None
        try:
            devices = worker.result()
        except RuntimeError as error:
            log.error("HRINet: %s", error)
            return
        for name, description in devices:
            set_quietly(self.ui.deviceCombo, "addItem", f"{description} ({name})", name)
        if self._parameters is not None:
            self.show()

    def _on_preset(self, *_arguments):
        if self._parameters is None:
            return
        index = value_of(self.ui.presetCombo.currentIndex)
        if index == CUSTOM:
            self._on_browse()
            self.show()  # the old preset where no file was chosen
        else:
            self._parameters.model = PRESETS[index].model

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
            name = self.ui.deviceCombo.itemData(value_of(self.ui.deviceCombo.currentIndex))
            self._parameters.device = str(name or "auto")
