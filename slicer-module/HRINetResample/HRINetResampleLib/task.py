"""One Apply: what a worker computes, and what is put into the scene when it is done."""

import dataclasses
from typing import Any, Callable, List, Optional

import numpy as np
import slicer

from . import jobs, placement, volumes, worker


@dataclasses.dataclass
class Frame:
    """A volume to make: the only one, or one of a sequence."""

    grid: jobs.Grid
    voxels: np.ndarray
    promised: jobs.Outcome
    image: Any  # the vtkImageData that the voxels are written into
    errors: Any = None  # the one for their expected errors, where these are wanted


class Watched:
    """Work on a thread, watched from the main one: `finished`, `control`, `cancel`."""

    def __init__(self, work):
        self._worker = work

    @property
    def control(self):
        """Progress and time left."""
        return self._worker.control

    @property
    def finished(self):
        """Whether `finish` answers at once."""
        return self._worker.finished

    @property
    def seconds(self):
        """How long the work took."""
        return self._worker.seconds

    def cancel(self):
        """Asks the work to stop; `finish` then raises `hrinet.Cancelled`, the scene stays as it was."""
        self._worker.cancel()

    def join(self, timeout=None):
        """Waits for the work, not for `finish`."""
        return self._worker.join(timeout)

    def wait(self):
        """Waits for the work while the application stays alive."""
        while not self.join(0.03):
            slicer.app.processEvents()


class Task(Watched):
    """One Apply; `finish` puts it into the scene."""

    def __init__(self, frames, settings, separate, layers, finish: Callable):
        """`layers`: label maps on the grid of the first frame. `finish(task)` runs on the main
        thread after good work, and gives what `finish` gives."""
        self.frames: List[Frame] = frames
        self.layers = layers
        self.layers_made = [np.empty(frames[0].promised.shape, np.uint8) for _ in layers]
        self.outcomes: List[jobs.Outcome] = []
        self._finish: Optional[Callable] = finish
        self._settings = settings
        self._run, self.placement = placement.runner(settings.device, separate)
        super().__init__(worker.Worker(self._work))

    def _work(self, control):
        # Slices of every frame, and those of each label map.
        total = sum(frame.promised.made_count for frame in self.frames)
        total += len(self.layers) * self.frames[0].promised.made_count
        before = 0
        for index, frame in enumerate(self.frames):
            progress = _Offset(control, before, total)
            labels = (self.layers, self.layers_made) if index == 0 else ([], [])
            errors = {} if frame.errors is None else {"errors": volumes.array_of(frame.errors)}
            self.outcomes.append(self._run(
                frame.grid, self._settings, frame.voxels, volumes.array_of(frame.image), *labels,
                progress, **errors,
            ))
            before += (1 + len(labels[0])) * frame.promised.made_count
        return True

    def finish(self):
        """Puts what was made into the scene, on the main thread; raises what went wrong."""
        self._worker.result()
        finish, self._finish = self._finish, None
        if finish is None:
            raise RuntimeError("this task is finished already")
        return finish(self)


class _Offset:
    """Progress of one frame among several."""

    def __init__(self, control, before, total):
        self._control, self._before, self._total = control, before, total

    def __call__(self, done, _total):
        return self._control(self._before + done, self._total)

    @property
    def cancelled(self):
        return self._control.cancelled

    @property
    def on_cancel(self):
        return self._control.on_cancel

    @on_cancel.setter
    def on_cancel(self, stop):
        self._control.on_cancel = stop
