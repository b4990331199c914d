"""Filling between drawn slices on a thread, of what has changed alone. No Slicer and no Qt."""

import dataclasses

import numpy as np

from ..binding import hrinet
from . import backend, subprocess_client, thread
from .resampling import Grid


@dataclasses.dataclass(frozen=True)
class Request:
    """Options of a filling: grid, whether segments taper at their ends, slices (first, end)."""

    grid: Grid
    tapers: bool
    slices: tuple


def run(request, image, labels, output, progress):
    """Fills a label map by an image, all [k, j, i], in this process."""
    grid = request.grid
    hrinet.fill(
        hrinet.FillJob(
            image,
            labels,
            output,
            grid.ijk_to_ras,
            tapers=request.tapers,
            slices=request.slices,
            positions=grid.positions,
            progress=progress,
        )
    )


def changed_slices(before, now):
    """Slices (first, end) whose filling changes with the drawn label maps; None if none does.

    A label reaches from a changed slice over two drawn slices of its own on each side. One that is
    drawn on one slice alone reaches as far as the next drawn slices of the others.
    """
    changed = before != now
    if not changed.any():
        return None
    first, end = len(now), 0
    for label in np.unique(np.concatenate([before[changed], now[changed]])):
        if label == 0:
            continue
        masks = (before == label), (now == label)
        drawn = np.flatnonzero((masks[0] | masks[1]).any((1, 2)))
        own = np.flatnonzero((masks[0] != masks[1]).any((1, 2)))
        below, above = drawn[drawn < own[0]], drawn[drawn > own[-1]]
        first = min(first, below[-2] if len(below) > 1 else 0)
        end = max(end, above[1] + 1 if len(above) > 1 else len(now))
    # A drawn voxel of one label stands before the filling of all others in its layer.
    own = np.flatnonzero(changed.any((1, 2)))
    first, end = min(first, own[0]), max(end, own[-1] + 1)
    drawn = [np.flatnonzero(labels.any((1, 2))) for labels in (before, now)]
    if not np.array_equal(*drawn):
        for labels, indices in zip((before, now), drawn):
            for reach in _reaches_of_single_slices(labels, indices):
                first, end = min(first, reach[0]), max(end, reach[1])
    return int(max(first, 0)), int(min(end, len(now)))


def _reaches_of_single_slices(labels, drawn):
    """Slices (first, end) as far as which a label on one of the `drawn` slices alone may reach."""
    on_slices = [np.unique(labels[index][labels[index] != 0]) for index in drawn]
    names, counts = np.unique(np.concatenate([labels[:0].ravel(), *on_slices]), return_counts=True)
    for number, found in enumerate(on_slices):
        if np.isin(found, names[counts == 1]).any():
            neighbours = np.concatenate([drawn[:number][-1:], drawn[number + 1 :][:1]])
            step = np.abs(neighbours - drawn[number]).max(initial=0)
            yield drawn[number] - step, drawn[number] + step + 1


class Filling:
    """Fills label maps on a thread, and again where they have changed. Used by one thread."""

    def __init__(self, run_here=run, run_apart=None):
        self._run_here, self._run_apart = run_here, run_apart or subprocess_client.fill
        self._worker = None
        self._done = None  # key, drawn and filled layers of the latest result

    def start(self, grid, image, layers, tapers, stamp=None):
        """Begins to fill `layers` [k, j, i] by `image`; cancels what is running.

        `stamp` stands for the voxels of the image.
        """
        self.cancel()
        key = (stamp, tapers, repr(grid), len(layers))
        before = self._done if self._done and self._done[0] == key else None
        self._worker = thread.Worker(
            lambda control: self._fill(key, before, grid, image, layers, tapers, control)
        )

    @property
    def running(self):
        """Whether there is work whose result was not taken."""
        return self._worker is not None

    @property
    def finished(self):
        """Whether `take` returns without waiting."""
        return self._worker is not None and self._worker.finished

    def cancel(self):
        """Stops the work; its result is lost."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()

    def take(self):
        """Filled layers; raises the error of the work."""
        worker, self._worker = self._worker, None
        self._done = worker.result()
        return self._done[2]

    def _fill(self, key, before, grid, image, layers, tapers, control):
        run_it = self._run_here if backend.choose().in_process else self._run_apart
        filled = []
        for index, labels in enumerate(layers):
            output = np.empty_like(labels)
            span = (0, len(labels))
            if before is not None:
                span = changed_slices(before[1][index], labels)
                output[...] = before[2][index]
            if span is not None:
                part = np.empty_like(labels)
                request = Request(grid, tapers, span)
                run_it(request, image, labels, part, control)
                output[span[0] : span[1]] = part[span[0] : span[1]]
            filled.append(output)
        return key, layers, filled
