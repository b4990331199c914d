"""Filling of label maps between drawn slices; used as `hrinet.FillJob` and `hrinet.fill`."""

import ctypes
import dataclasses
from typing import Any, Optional, Tuple

import numpy as np

from . import declarations as c
from . import library
from .handles import (
    Progress,
    check,
    choice,
    invalid_argument,
    progress_callback,
    readable,
    volume_of,
    writeable,
)

_AXES = {"i": 0, "j": 1, "k": 2}


@dataclasses.dataclass
class FillJob:
    """Label map to fill between drawn slices, all arrays [k, j, i].

    `image` has grey values of any unit, `labels` those drawn, with 0 for background; `output` is of
    the type of `labels`. `slices` (first, end) are those to fill; None: all. A label `tapers`
    beyond its first and last drawn slice, or ends there. `positions` are the mm of uneven k slices.
    `progress(done, total)` is called on the thread that calls `fill`; it cancels by returning
    False.
    """

    image: np.ndarray
    labels: np.ndarray
    output: np.ndarray
    ijk_to_ras: Any
    axis: str = "k"
    tapers: bool = True
    slices: Optional[Tuple[int, int]] = None
    positions: Any = None
    progress: Optional[Progress] = None


def fill(job: FillJob) -> None:
    """Runs a job: fills its output, which is unspecified after an error."""
    loaded = library.load()
    native = c.HrinetFillJob()
    check(loaded, loaded.hrinet_fill_job_init(native))
    image, labels = readable(job.image), readable(job.labels)
    output = writeable("the output", job.output)
    described = [
        volume_of(loaded, image.shape, job.ijk_to_ras, job.positions, image),
        volume_of(loaded, labels.shape, array=labels),
        volume_of(loaded, output.shape, array=output),
    ]
    native.image, native.labels, native.output = (
        ctypes.pointer(volume) for volume, _others in described
    )
    native.axis, native.tapers = choice("axis", _AXES, job.axis), int(job.tapers)
    if job.slices is not None:
        first, end = (int(index) for index in job.slices)
        if not 0 <= first < end:
            raise invalid_argument(f"slices={job.slices!r}; give the first and the one after last")
        native.first_slice, native.slice_count = first, end - first
    callback, failures = progress_callback(job.progress)
    native.progress = callback
    status = loaded.hrinet_fill_labels(native)
    if failures:
        raise failures[0]
    check(loaded, status)
