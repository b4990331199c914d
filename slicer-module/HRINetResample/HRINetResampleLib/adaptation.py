"""One "Adapt to this patient": the work, the model that came of it, and where that is kept."""

import os
import re
import shutil
import tempfile

import slicer

from . import adapting, placement, processes, volumes, worker
from .task import Watched


class AdaptTask(Watched):
    """Adapts on a thread, watched from the main one; `finish` gives an `Adapted`."""

    def __init__(self, grid, request, voxels, name, separate):
        self._name = name
        # Nothing stays behind where nobody holds it any more: cancelled, failed, never finished.
        self._folder = tempfile.TemporaryDirectory(prefix="hrinet-adapted-")
        path = os.path.join(self._folder.name, "model.safetensors")
        run, self.placement = placement.runner(request.device, separate, adapting.run, processes.adapt)
        super().__init__(worker.Worker(lambda control: run(grid, request, voxels, path, control)))
        self._path = path

    def finish(self):
        """What was measured, and the model, in a file that lives as long as the answer unless it is
        kept; raises what went wrong."""
        try:
            gain = self._worker.result()
        except BaseException:
            self._folder.cleanup()
            raise
        return Adapted(gain, self._path, self._folder, self._name)


class Adapted:
    """An adapted model and what it gains: `psnrBefore`, `psnrAfter`, `gain` in dB, `modelPath`."""

    def __init__(self, gain, path, folder, name):
        self.measured, self.steps = gain.measured, gain.steps
        self.psnrBefore, self.psnrAfter, self.gain = gain.psnrBefore, gain.psnrAfter, gain.gain
        self.checksum, self.device = gain.checksum, gain.device
        self.modelPath = path
        self._folder, self._name = folder, name

    @property
    def helped(self):
        """Whether the held-out slices came out better."""
        return self.gain > 0

    def keep(self, path=None):
        """Moves the model to a file that stays: `path`, or one of the user's folder, named after the
        volume and the weights. Gives the path."""
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
    """Where adapted models are kept: beside the application's settings."""
    return os.path.join(os.path.dirname(slicer.app.slicerUserSettingsFilePath), "HRINet")


def note(volume_node, adapted):
    """Writes into a volume which model was adapted to it."""
    for name, value in {
        "AdaptedModel": adapted.modelPath,
        "AdaptedChecksum": adapted.checksum,
        "AdaptedGain": f"{adapted.gain:.3f} dB",
    }.items():
        volume_node.SetAttribute(volumes.ATTRIBUTE + name, value)


def noted(volume_node):
    """The path of the model that was adapted to a volume; None where there is none."""
    return volume_node.GetAttribute(volumes.ATTRIBUTE + "AdaptedModel") if volume_node else None
