"""Task of one Apply: what a worker computes, and what is put into the scene afterwards."""

import dataclasses
from typing import Any, Callable, List, Optional

import numpy as np
import slicer

from .compute import backend, resampling, thread
from .scene import volumes


class Task:
    """Work on a thread, watched from the main thread."""

    def __init__(self, work):
        self._worker = thread.Worker(work)

    @property
    def control(self):
        """Progress and remaining time."""
        return self._worker.control

    @property
    def finished(self):
        """Whether `finish` returns without waiting."""
        return self._worker.finished

    @property
    def seconds(self):
        """Duration of the work."""
        return self._worker.seconds

    def cancel(self):
        """Asks the work to stop; `finish` then raises `hrinet.Cancelled`."""
        self._worker.cancel()

    def join(self, timeout=None):
        """Waits for the work, without `finish`; returns whether it has ended."""
        return self._worker.join(timeout)

    def wait(self):
        """Waits for the work while the application processes events."""
        while not self.join(0.03):
            slicer.app.processEvents()


@dataclasses.dataclass
class Frame:
    """A volume to resample: the only one, or one of a sequence."""

    grid: resampling.Grid
    voxels: np.ndarray
    planned: resampling.Outcome
    image: Any  # vtkImageData for the output
    expected_error: Any = None  # vtkImageData for the expected error; None where it is not wanted


class ResampleTask(Task):
    """Resamples volumes and label maps; `finish` puts them into the scene."""

    def __init__(self, frames, settings, separate, layers, finish: Callable):
        """Starts the work.

        `layers` are label maps on the grid of the first frame. `finish(task)` is called on the main
        thread after the work succeeds; its result is that of the method `finish`.
        """
        self.frames: List[Frame] = frames
        self.layers = layers
        self.layers_output = [np.empty(frames[0].planned.shape, np.uint8) for _ in layers]
        self.outcomes: List[resampling.Outcome] = []
        self._finish: Optional[Callable] = finish
        self._settings = settings
        self._run, self.backend = backend.runner(settings.device, separate)
        super().__init__(self._work)

    def _work(self, control):
        # Slices of every frame, and of each label map.
        total = sum(frame.planned.interpolated_count for frame in self.frames)
        total += len(self.layers) * self.frames[0].planned.interpolated_count
        before = 0
        for index, frame in enumerate(self.frames):
            arrays = resampling.Arrays(frame.voxels, volumes.array_of(frame.image))
            if index == 0:
                arrays.labels, arrays.labels_output = self.layers, self.layers_output
            if frame.expected_error is not None:
                arrays.expected_error = volumes.array_of(frame.expected_error)
            progress = _FrameProgress(control, before, total)
            self.outcomes.append(self._run(frame.grid, self._settings, arrays, progress))
            before += (1 + len(arrays.labels)) * frame.planned.interpolated_count
        return True

    def finish(self):
        """Puts the outputs into the scene, on the main thread; raises the error of the work."""
        self._worker.result()
        finish, self._finish = self._finish, None
        if finish is None:
            raise RuntimeError("finish() was already called for this task")
        return finish(self)


class _FrameProgress:
    """Control for one of several frames."""

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
