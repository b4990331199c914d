"""Task of one "Adapt to this patient": the work, the fine-tuned model, and where it is kept."""

import os
import re
import shutil
import tempfile

import slicer

from .compute import backend, fine_tuning, subprocess_client
from .scene import volumes
from .task import Task


class FineTuningTask(Task):
    """Fine-tunes a model; `finish` returns a `FineTunedModel`."""

    def __init__(self, grid, request, voxels, name, separate):
        """Starts the work; `name` is that of the volume."""
        self._name = name
        # Removed when nothing refers to it: after a cancel, a failure, or without `finish`.
        self._folder = tempfile.TemporaryDirectory(prefix="hrinet-fine-tuned-")
        path = os.path.join(self._folder.name, "model.safetensors")
        run, self.backend = backend.runner(
            request.device, separate, fine_tuning.run, subprocess_client.fine_tune
        )
        self._path = path
        super().__init__(lambda control: run(grid, request, voxels, path, control))

    def finish(self):
        """`FineTunedModel` with a temporary file; raises the error of the work."""
        try:
            gain = self._worker.result()
        except BaseException:
            self._folder.cleanup()
            raise
        return FineTunedModel(gain, self._path, self._folder, self._name)


class FineTunedModel:
    """A fine-tuned model and its gain: `psnrBefore`, `psnrAfter`, `gain` in dB, `modelPath`."""

    def __init__(self, gain, path, folder, name):
        self.compared, self.steps = gain.compared, gain.steps
        self.psnrBefore, self.psnrAfter, self.gain = gain.psnr_before, gain.psnr_after, gain.gain
        self.checksum, self.device = gain.checksum, gain.device
        self.modelPath = path
        self._folder, self._name = folder, name

    @property
    def helped(self):
        """Whether the held-out slices are predicted better than before."""
        return self.gain > 0

    def keep(self, path=None):
        """Moves the model to `path` and returns it.

        The default is a file in the user's folder, named after the volume and the weights.
        """
        if path is None:
            os.makedirs(kept_folder(), exist_ok=True)
            name = re.sub(r"[^\w.-]+", "_", self._name)
            path = os.path.join(kept_folder(), f"{name}-{self.checksum[:8]}.safetensors")
        shutil.move(self.modelPath, path)
        self.modelPath = str(path)
        self._folder.cleanup()
        return self.modelPath

    def discard(self):
        """Removes the model, kept or not."""
        if os.path.exists(self.modelPath):
            os.remove(self.modelPath)
        self._folder.cleanup()


def kept_folder():
    """Folder of kept models, beside the application's settings."""
    return os.path.join(os.path.dirname(slicer.app.slicerUserSettingsFilePath), "HRINet")


def record(volume_node, model):
    """Records in a volume's attributes which model was fine-tuned on it."""
    for name, value in {
        "FineTunedModel": model.modelPath,
        "FineTunedChecksum": model.checksum,
        "FineTunedGain": f"{model.gain:.3f} dB",
    }.items():
        volume_node.SetAttribute(volumes.ATTRIBUTE + name, value)


def recorded(volume_node):
    """Path of the model that was fine-tuned on a volume; None if there is none."""
    return volume_node.GetAttribute(volumes.ATTRIBUTE + "FineTunedModel") if volume_node else None
