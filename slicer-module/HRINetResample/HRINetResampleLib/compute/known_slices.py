"""Known slices of a planned volume: where they are, and jobs for a few pairs of them."""

import dataclasses
from typing import Any

import numpy as np

from ..binding import hrinet
from .resampling import Grid


@dataclasses.dataclass(frozen=True)
class Part:
    """Job for neighbouring pairs: index of its known slices in the input array, and their grid."""

    known: Any
    grid: Grid
    options: hrinet.Options


class KnownSlices:
    """Known slices of a `Grid` with an `Outcome`, which kept the tilt of the gantry.

    A slice coordinate counts known slices: 2.5 is in the middle between slices 2 and 3.
    """

    def __init__(self, grid, outcome):
        self.grid, self.outcome = grid, outcome
        self.axis = outcome.axis
        matrix = np.asarray(grid.ijk_to_ras, float)
        column = matrix[:3, self.axis]
        normal = np.cross(*(matrix[:3, other] for other in range(3) if other != self.axis))
        self._normal = normal / np.linalg.norm(normal) * np.sign(normal @ column)
        self._origin, self._direction = matrix[:3, 3], column / np.linalg.norm(column)
        self._lean = self._direction @ self._normal  # cosine of the tilt
        self._step = np.asarray(outcome.ijk_to_ras)[:3, self.axis] @ self._normal
        self.positions = self._positions(np.linalg.norm(column))

    def _positions(self, spacing):
        """Positions along the normal in mm from the first slice."""
        count, known = self.grid.shape[2 - self.axis], self.outcome.known
        if len(known) == count:  # as the library has read them, without the header's rounding
            by_slice = {first: index * self._step for index, first in known.items()}
            return np.array([by_slice[first] for first in range(count)])
        if self.grid.positions is not None and self.axis == 2:
            return np.asarray(self.grid.positions) * self._lean
        return np.arange(count) * spacing * self._lean

    @property
    def pair_count(self):
        """Number of pairs; pair 0 is that of the slices 0 and 1."""
        return len(self.positions) - 1

    def coordinates(self, points):
        """Slice coordinates of RAS points [point, 3], at most 1 beyond the first and last slice."""
        at = (np.asarray(points, float) - self._origin) @ self._normal
        first, last = self.positions[1], self.positions[-1] - self.positions[-2]
        ends = [-first, *self.positions, self.positions[-1] + last]
        return np.interp(at, ends, np.arange(-1, len(self.positions) + 1))

    def outputs(self, first, last):
        """Output slices from the known slice `first` to `last`, as a slice."""
        sources = np.asarray(self.outcome.sources)
        start, stop = np.searchsorted(sources, first), np.searchsorted(sources, last, "right")
        return slice(int(start), int(stop))

    def across(self, start, stop):
        """Index of slices in an array [k, j, i]."""
        index = [slice(None)] * 3
        index[2 - self.axis] = slice(start, stop)
        return tuple(index)

    def within(self, pair, outputs):
        """Index of the output slices of a pair in an array of `outputs`."""
        own = self.outputs(pair, pair + 1)
        return self.across(own.start - outputs.start, own.stop - outputs.start)

    def shape_of(self, outputs):
        """Shape [k, j, i] of output slices."""
        shape = list(self.outcome.shape)
        shape[2 - self.axis] = outputs.stop - outputs.start
        return shape

    def matrix_of(self, outputs):
        """IJK to RAS matrix of output slices."""
        matrix = np.array(self.outcome.ijk_to_ras, float)
        matrix[:3, 3] += outputs.start * matrix[:3, self.axis]
        return matrix

    def part(self, first, last, context):
        """Job that makes `outputs(first, last)`; its input has `context` more slices on each side.

        Between the same known slices it gives the voxels of the whole job.
        """
        start = max(0, first - context)
        stop = min(len(self.positions), last + context + 1)
        outputs = self.outputs(first, last)
        options = hrinet.Options("like", axis="ijk"[self.axis], keep_tilt=True)
        options.like_shape = self.shape_of(outputs)
        options.like_ijk_to_ras = self._reference(outputs.start).tolist()
        return Part(self.across(start, stop), self._grid_of(start, stop), options)

    def _reference(self, first_output):
        """Upright matrix of a reference, whose first slice is an output slice."""
        matrix = np.array(self.grid.ijk_to_ras, float)
        matrix[:3, self.axis] = self._normal * self._step
        offset = np.asarray(self.outcome.ijk_to_ras)[:3, 3] - self._origin
        at = offset @ self._normal + first_output * self._step
        matrix[:3, 3] = self._origin + at * self._normal
        return matrix

    def _grid_of(self, start, stop):
        """Grid of the known slices from `start` to before `stop`."""
        along = self.positions / self._lean
        shape, matrix = list(self.grid.shape), np.array(self.grid.ijk_to_ras, float)
        shape[2 - self.axis] = stop - start
        steps = np.diff(along[start:stop])
        matrix[:3, self.axis] = self._direction * steps.mean()
        matrix[:3, 3] = self._origin + along[start] * self._direction
        even = np.ptp(steps) < 1e-6 * steps.mean()
        positions = None if even else (along[start:stop] - along[start]).tolist()
        return Grid(shape, matrix.tolist(), positions)
