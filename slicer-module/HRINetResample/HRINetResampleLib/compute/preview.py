"""Preview: interpolates pairs of known slices around a place before the whole volume is.

The pairs that are wanted are computed one after the other on a thread, or in a subprocess, and
kept. Needs no Slicer and no Qt.
"""

import dataclasses
import math
import os
import threading
from typing import Any, Callable, List, Tuple

import numpy as np

from ..binding import hrinet
from . import backend, resampling, subprocess_client, thread
from .known_slices import KnownSlices

SLAB_PAIRS = 9  # shown at once
CACHE_BYTES = 256 << 20
# Known slices beside a pair that its interpolation looks at. A spline through all slices forgets
# nearly four fifths of a slice with every further one.
_CONTEXT = {"linear": 0, "cubic": 10}
_NETWORK_CONTEXT = 1


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that the voxels of a preview depend on; `stamp` stands for the input's voxels."""

    grid: resampling.Grid
    options: hrinet.Options
    model: str
    device: str = "auto"
    separate: bool = False
    stamp: Any = None
    voxels: Any = dataclasses.field(default=None, compare=False)  # array [k, j, i]


@dataclasses.dataclass(frozen=True, eq=False)
class Slab:
    """Output slices of neighbouring pairs: `pairs` (first, end), and their grid."""

    pairs: Tuple[int, int]
    shape: List[int]
    ijk_to_ras: np.ndarray
    parts: List[Tuple[Any, np.ndarray]]  # index of each pair in an array of the shape, and voxels

    def write(self, array):
        """Writes the voxels into an array [k, j, i] of the slab's shape."""
        for place, voxels in self.parts:
            array[place] = voxels


def wanted_pairs(spans, pair_count, most=SLAB_PAIRS):
    """Pairs that views cross, and one more on each side: the nearest to the place looked at first.

    `spans` are the lowest and the highest slice coordinate of each view. The place looked at is the
    middle of the view with the shortest span: of an axial view of axial slices.
    """
    seen = [(low, high) for low, high in spans if high >= 0 and low <= pair_count]
    if not seen:
        return ()
    low, high = min(seen, key=lambda span: span[1] - span[0])
    centre = (max(0, low) + min(pair_count, high)) / 2
    first = max(0, math.floor(min(low for low, _ in seen)) - 1)
    end = min(pair_count, math.ceil(max(high for _, high in seen)) + 1)
    nearest = sorted(range(first, end), key=lambda pair: abs(pair + 0.5 - centre))
    return tuple(nearest[:most])


class Preview:
    """Pairs of one recipe at a time. Used by one thread."""

    def __init__(self, run_here=resampling.run, run_apart=subprocess_client.run, threads=None):
        self._how = _How(run_here, run_apart, threads or os.cpu_count() or 1)
        self._pairs = None

    @property
    def recipe(self):
        """Recipe of the pairs; None if there is none."""
        return self._pairs and self._pairs.recipe

    @property
    def known_slices(self):
        """`KnownSlices` of the recipe's volume; None before they are planned."""
        return self._pairs and self._pairs.known_slices

    @property
    def problem(self):
        """Why there is no preview; None if there is one."""
        return self._pairs and self._pairs.problem

    @property
    def progress(self):
        """Number of wanted pairs that are done, and of all wanted ones."""
        return self._pairs.progress if self._pairs else (0, 0)

    def ask(self, recipe):
        """Begins with a recipe; goes on where it is the present one. None forgets all pairs."""
        if self.recipe == recipe:
            return
        if self._pairs is not None:
            self._pairs.cancel()
        self._pairs = recipe and _Pairs(recipe, self._how)

    def look_at(self, wanted):
        """Computes these pairs, in this order; none of them pauses the work."""
        if self._pairs is not None:
            self._pairs.wanted = tuple(wanted)

    def poll(self):
        """Continues the work, and returns the `Slab` around the first wanted pair, or None.

        It is the same object as long as it has the same pairs.
        """
        if self._pairs is None:
            return None
        self._pairs.poll()
        return self._pairs.slab()


@dataclasses.dataclass(frozen=True)
class _How:
    """Functions that compute in this process and in a subprocess, and the number of CPU threads."""

    run_here: Callable
    run_apart: Callable
    threads: int


class _Pairs:
    """Computed pairs of a recipe, and the thread that computes them."""

    def __init__(self, recipe, how):
        self.recipe, self.problem, self.known_slices = recipe, None, None
        self.wanted = ()
        self._how = how
        self._done = {}  # pair: voxels of its output slices; the oldest first
        self._slab = None
        self._lock = threading.Lock()
        self._worker = thread.Worker(self._plan)

    @property
    def progress(self):
        with self._lock:
            return sum(pair in self._done for pair in self.wanted), len(self.wanted)

    def cancel(self):
        self.wanted = ()
        if self._worker is not None:
            self._worker.cancel()

    def poll(self):
        """Starts the thread where there is something to do."""
        if self._worker is not None:
            if not self._worker.finished:
                return
            finished, self._worker = self._worker, None
            try:
                finished.result()
            except (RuntimeError, MemoryError) as error:
                self.problem = str(error) or type(error).__name__
        if self.problem is None and self._next() is not None:
            self._worker = thread.Worker(self._compute)

    def slab(self):
        """Slab of the done pairs around the first wanted one; None where that one is not done."""
        with self._lock:
            done = {pair: self._done[pair] for pair in self.wanted if pair in self._done}
        if not done or self.wanted[0] not in done:
            return None
        first = end = self.wanted[0]
        while first - 1 in done:
            first -= 1
        while end in done:
            end += 1
        if self._slab is None or self._slab.pairs != (first, end):
            known = self.known_slices
            whole = known.outputs(first, end)
            parts = [(known.within(pair, whole), done[pair]) for pair in range(first, end)]
            shape, matrix = known.shape_of(whole), known.matrix_of(whole)
            self._slab = Slab((first, end), shape, matrix, parts)
        return self._slab if all(self._slab.shape) else None

    def _plan(self, _control):
        recipe = self.recipe
        options = dataclasses.replace(recipe.options, keep_tilt=True)
        request = resampling.PlanRequest(recipe.grid, recipe.voxels.dtype, options)
        self.known_slices = KnownSlices(recipe.grid, backend.outcome(request))

    def _compute(self, control):
        in_process = backend.choose(self.recipe.device, self.recipe.separate).in_process
        run = self._how.run_here if in_process else self._how.run_apart
        # A subprocess takes longer to start than a few pairs take; here the place looked at comes
        # first, alone.
        alone, most = (1, self._how.threads) if in_process else (SLAB_PAIRS, SLAB_PAIRS)
        while True:
            pairs = self._next(alone, most)
            if pairs is None or control.cancelled:
                return
            for pair, voxels in self._run(run, *pairs, control):
                self._keep(pair, voxels)

    def _next(self, alone=1, most=1):
        """First and end of neighbouring pairs to compute, the first missing one among them.

        At most `alone` pairs with the first wanted one, else `most`.
        """
        with self._lock:
            missing = [pair for pair in self.wanted if pair not in self._done]
            if not missing:
                return None
            most = alone if missing[0] == self.wanted[0] else most
        first, end = missing[0], missing[0] + 1
        while end in missing and end - first < most:
            end += 1
        while first - 1 in missing and end - first < most:
            first -= 1
        return first, end

    def _run(self, run, first, end, control):
        """Computes pairs; yields each with its output slices."""
        recipe, known = self.recipe, self.known_slices
        whole = known.outputs(first, end)
        output = np.empty(known.shape_of(whole), recipe.voxels.dtype)
        if output.size:
            context = _CONTEXT.get(recipe.model, _NETWORK_CONTEXT)
            part = known.part(first, end, context)
            settings = resampling.Settings(part.options, recipe.model, recipe.device)
            settings.threads = self._how.threads
            arrays = resampling.Arrays(recipe.voxels[part.known], output)
            run(part.grid, settings, arrays, control)
        for pair in range(first, end):
            yield pair, output[known.within(pair, whole)]

    def _keep(self, pair, voxels):
        """Keeps a pair, and forgets the oldest ones that are not wanted and do not fit."""
        with self._lock:
            self._done[pair] = voxels
            total = sum(each.nbytes for each in self._done.values())
            for old in [each for each in self._done if each not in self.wanted]:
                if total <= CACHE_BYTES:
                    break
                total -= self._done.pop(old).nbytes
