"""Filling of label maps between drawn slices, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .binding import hrinet as binding
from .binding.handles import choice, invalid_argument
from .progress import Progress, reported


def fill(
    image: np.ndarray,
    labels: np.ndarray,
    ijk_to_ras: Any,
    *,
    axis: str = "k",
    ends: str = "taper",
    slices: tuple[int, int] | None = None,
    positions: Sequence[float] | None = None,
    out: np.ndarray | None = None,
    progress: Progress | bool | None = None,
) -> np.ndarray:
    """Fills every label between the slices on which it is drawn, by its outlines and by the image.

    A slice is drawn for a label where it has a voxel of it. Drawn voxels are copied bit for bit.

    Args:
        image: grey values [k, j, i] of any unit, (u)int8 to (u)int64, float32 or float64.
        labels: label map [k, j, i] of some slices, of integers or bool; 0 is background. For
            labels that overlap call `fill` for each.
        ijk_to_ras: 4 x 4 matrix from (i, j, k, 1) to RAS in mm (NiBabel's affine).
        axis: axis across the drawn slices: "i", "j" or "k".
        ends: "taper" (a label ends beyond its first and last drawn slice, within the distance to
            its next drawn one) or "stop" (it ends there).
        slices: first slice to fill and the one after the last; None: all.
        positions: mm of each k slice from the first, for unevenly spaced slices.
        out: array of the shape and type of `labels` to be written; it must share no memory with
            the inputs.
        progress: called with slices done and slices to do, on this thread; it cancels by returning
            False. True shows a bar of tqdm.

    Returns:
        The filled label map, of the type of `labels`.

    Raises:
        HrinetError: refused, with the reason; its `code` is a status of hrinet.h.
        Cancelled: `progress` returned False.
    """
    tapers = choice("ends", {"taper": True, "stop": False}, ends)
    output = np.empty(labels.shape, labels.dtype) if out is None else out
    if output.shape != labels.shape or output.dtype != labels.dtype:
        raise invalid_argument(
            f"out is {output.dtype} of the shape {output.shape}; labels are {labels.dtype} of the "
            f"shape {labels.shape}"
        )
    numbers, place = (
        each.view(np.uint8) if each.dtype == bool else each for each in (labels, output)
    )
    with reported(progress) as report:
        job = binding.FillJob(
            image, numbers, place, ijk_to_ras, axis, tapers, slices, positions, report
        )
        binding.fill(job)
    return output
