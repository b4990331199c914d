"""Resampling of NumPy arrays."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

import numpy as np

from .binding import hrinet as binding
from .binding.handles import invalid_argument
from .binding.models import DEFAULT_MODEL
from .progress import Progress, reported


class HrinetWarning(UserWarning):
    """A reason to rely less on interpolated slices, such as values that look like no HU."""


class Settings(TypedDict, total=False):
    """Settings of `resample` that `resample_image` and the transforms take too."""

    model: binding.Model | str | os.PathLike[str]
    device: str
    precision: str
    factor: int | None
    spacing: float | None
    exact_spacing: float | None
    axis: str
    keep_tilt: bool
    window: tuple[float, float] | None
    label_method: str
    threads: int | None
    progress: Progress | bool | None


@dataclasses.dataclass(frozen=True)
class Resampled:
    """Outputs of `resample`.

    `array` [k, j, i] is of the input's type; `ijk_to_ras` is its 4 x 4 matrix to RAS in mm.
    `expected_error` is the expected absolute error of every voxel in HU (float32, 0 in known
    slices), None where it was not asked for. `labels` has an array for each label map.
    `slices` says for every slice along `axis` (0: i, 1: j, 2: k) whether it is known, and from
    which slices it comes. `remark` says how the grid differs from the wish; `warnings` are reasons
    to rely less on interpolated slices.
    """

    array: np.ndarray
    ijk_to_ras: np.ndarray
    expected_error: np.ndarray | None
    labels: list[np.ndarray]
    axis: int
    slices: list[binding.Slice]
    remark: str
    warnings: list[str]


def plan(
    array: np.ndarray,
    ijk_to_ras: Any,
    *,
    factor: int | None = None,
    spacing: float | None = None,
    exact_spacing: float | None = None,
    like: tuple[Sequence[int], Any] | None = None,
    axis: str = "auto",
    keep_tilt: bool = False,
    positions: Sequence[float] | None = None,
) -> binding.Plan:
    """Output grid of `resample` with the same arguments, without reading a voxel.

    `plan(...).shape` is the [k, j, i] that `out` must have; `plan(...).empty()` makes one.
    """
    ways = {"factor": factor, "spacing": spacing, "exact_spacing": exact_spacing, "like": like}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise invalid_argument(f"both {' and '.join(given)} are given; give one of them")
    options = binding.Options(axis=axis, keep_tilt=keep_tilt)
    if factor is not None:
        options.spacing, options.factor = "factor", factor
    elif spacing is not None:
        options.spacing, options.spacing_mm = "nearest", spacing
    elif exact_spacing is not None:
        options.spacing, options.spacing_mm = "exact", exact_spacing
    elif like is not None:
        options.spacing = "like"
        options.like_shape, options.like_ijk_to_ras = list(like[0]), like[1]
    return binding.Plan(array, ijk_to_ras, options, positions)


def resample(
    array: np.ndarray,
    ijk_to_ras: Any,
    *,
    model: binding.Model | str | os.PathLike[str] = DEFAULT_MODEL,
    device: str = "auto",
    precision: str = "auto",
    factor: int | None = None,
    spacing: float | None = None,
    exact_spacing: float | None = None,
    like: tuple[Sequence[int], Any] | None = None,
    axis: str = "auto",
    keep_tilt: bool = False,
    positions: Sequence[float] | None = None,
    rescale: tuple[float, float] = (1.0, 0.0),
    window: tuple[float, float] | None = None,
    expected_error: bool = False,
    labels: Sequence[np.ndarray] = (),
    label_method: str = "auto",
    out: np.ndarray | None = None,
    threads: int | None = None,
    progress: Progress | bool | None = None,
) -> Resampled:
    """Interpolates the slices of a CT, and copies every known slice bit for bit.

    With the model "hrinet-thin" every slice is made, known places included: what slices as thin as
    the new slice distance would show. No known slice is then kept.

    By default the slice spacing is divided by the whole number that brings it closest to the pixel
    spacing. One of `factor`, `spacing`, `exact_spacing` and `like` chooses otherwise.

    Args:
        array: CT [k, j, i] in HU, (u)int8 to (u)int64, float32 or float64, of any strides. It is
            read in place; flipped and broadcast arrays are copied first.
        ijk_to_ras: 4 x 4 matrix from (i, j, k, 1) to RAS in mm (NiBabel's affine).
        model: `Model`, which is kept for further calls, the name of a shipped one ("hrinet-motion",
            "hrinet-motion-small", "hrinet-motion-sharp", "hrinet-thin", "linear", "cubic"), or a
            checkpoint file.
        device: "auto", "cpu", "cuda" or "cuda:N"; of no effect where `model` is a `Model`.
        precision: "auto" (bfloat16 where the processor is faster in it), "float32" or "bfloat16";
            of no effect where `model` is a `Model`.
        factor: number of parts of the slice spacing, 1 or more.
        spacing: wished slice spacing in mm; the closest that keeps every known slice is taken.
        exact_spacing: slice spacing in mm; known slices that the new grid misses are lost.
        like: shape [k, j, i] and matrix to RAS of a grid whose slices are wanted.
        axis: "i", "j", "k", or "auto" for the slice axis of the CT.
        keep_tilt: leave the grid of a tilted gantry sheared, with known slices bit for bit.
        positions: mm of each k slice from the first, for unevenly spaced slices.
        rescale: (slope, intercept) where voxels are stored as (HU - intercept) / slope; so is the
            output.
        window: (low, high) grey values that a network sees as -1000 and 1000 HU, for volumes that
            are not in HU.
        expected_error: whether to compute it; the model must predict it.
        labels: label maps [k, j, i] on the grid of the CT, of integers or bool.
        label_method: "nearest", "shape", "anatomy", or "auto": "anatomy" where the model finds
            flow, else "shape".
        out: array [k, j, i] of the output's shape and the CT's type, of any positive strides, to
            be written; it must share no memory with the inputs. See `plan`.
        threads: number of CPU threads; None: as many as `num_threads` says.
        progress: called with slices done and slices to do, of all outputs, on this thread. It
            cancels by returning False. What it raises ends the job and is raised here. True shows
            a bar of tqdm.

    Raises:
        HrinetError: refused, with the reason; its `code` is a status of hrinet.h.
        Cancelled: `progress` returned False.

    Warns:
        HrinetWarning: values that look like no HU; slices farther apart than in the training.
    """
    grid = plan(
        array,
        ijk_to_ras,
        factor=factor,
        spacing=spacing,
        exact_spacing=exact_spacing,
        like=like,
        axis=axis,
        keep_tilt=keep_tilt,
        positions=positions,
    )
    network_of = _opened(model, device, precision)
    with grid, _threads(threads), network_of as network, reported(progress) as report:
        _check_memory(grid, network, labels, voxels=out is None, errors=expected_error)
        output = grid.empty() if out is None else _fitting(grid, out)
        job = binding.Job(
            network,
            grid,
            array,
            output=output,
            expected_error=grid.empty(np.float32) if expected_error else None,
            labels=_label_jobs(grid, network, labels, label_method),
            progress=report,
            window=window,
            rescale=rescale,
        )
        with binding.collected_warnings() as found:
            binding.resample(job)
        slices = grid.slices_by(network)
    _warn(found)
    return Resampled(
        output,
        grid.ijk_to_ras,
        job.expected_error,
        [each.output.view(label.dtype) for each, label in zip(job.labels, labels)],
        grid.axis,
        slices,
        grid.remark,
        found,
    )


def _warn(texts: Sequence[str]) -> None:
    """Warns at the line outside of this package that called it."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__package__") == __package__:
        level, frame = level + 1, frame.f_back
    for text in texts:
        warnings.warn(text, HrinetWarning, stacklevel=level)


@contextlib.contextmanager
def _opened(
    model: binding.Model | str | os.PathLike[str], device: str, precision: str
) -> Iterator[binding.Model]:
    """The model itself, or one that is loaded for this job alone."""
    if isinstance(model, binding.Model):
        yield model
        return
    with binding.Model(model, device, precision) as loaded:
        yield loaded


@contextlib.contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    """Sets the number of threads of this thread's work, and restores it."""
    if threads is None:
        yield
        return
    before = binding.num_threads()
    binding.set_num_threads(threads)
    try:
        yield
    finally:
        binding.set_num_threads(before)


def _check_memory(
    grid: binding.Plan,
    model: binding.Model,
    labels: Sequence[np.ndarray],
    voxels: bool,
    errors: bool,
) -> None:
    """Raises where the outputs that `resample` allocates, or the work, do not fit into memory."""
    a_voxel = sum(each.itemsize for each in labels)
    a_voxel += grid.dtype.itemsize * voxels + np.dtype(np.float32).itemsize * errors
    outputs = grid.bytes // grid.dtype.itemsize * a_voxel
    binding.check_memory(grid.work_bytes(model) + outputs)


def _fitting(grid: binding.Plan, out: np.ndarray) -> np.ndarray:
    """The array itself; an error where the output does not fit into it."""
    if out.shape != grid.shape or out.dtype != grid.dtype:
        raise invalid_argument(
            f"out is {out.dtype} of the shape {out.shape}; the output is {grid.dtype} of the shape "
            f"{grid.shape}"
        )
    return out


def _label_jobs(
    grid: binding.Plan, model: binding.Model, labels: Sequence[np.ndarray], method: str
) -> list[binding.LabelJob]:
    if method == "auto":
        method = "anatomy" if model.has_flow else "shape"
    as_numbers = [each.view(np.uint8) if each.dtype == bool else each for each in labels]
    return [binding.LabelJob(each, grid.empty(each.dtype), method) for each in as_numbers]
