"""Resampling jobs of the C library; used as `hrinet.Job` and `hrinet.resample`."""

import ctypes
import dataclasses
from typing import Any, List, Optional, Tuple

import numpy as np

from . import declarations as c
from . import library
from .handles import Progress, check, choice, progress_callback, readable, volume_of, writeable
from .models import Model, Plan

LABEL_METHODS = {
    "nearest": c.HRINET_LABELS_NEAREST,
    "shape": c.HRINET_LABELS_SHAPE,
    "anatomy": c.HRINET_LABELS_ANATOMY,
}


@dataclasses.dataclass
class LabelJob:
    """A label map [k, j, i] of a job, and its output; `method` is one of LABEL_METHODS."""

    input: np.ndarray
    output: np.ndarray
    method: str = "shape"


@dataclasses.dataclass
class Job:
    """Inputs and wanted outputs of `resample`, all arrays [k, j, i].

    `rescale` (slope, intercept) gives the HU of a stored voxel, slope * stored + intercept; outputs
    are stored in the same way. `window` (low, high) are grey values that a network sees as its own
    window, for volumes that are not in Hounsfield units. `output` and `expected_error` are None
    where they are not wanted. `expected_error` is a float32 array for the expected absolute error
    in HU, with a model that `predicts_error`.
    `progress(done, total)` counts slices of all outputs, and is called on the thread that calls
    `resample`; it cancels by returning False.
    """

    model: Model
    plan: Plan
    input: np.ndarray
    output: Optional[np.ndarray] = None
    expected_error: Optional[np.ndarray] = None
    labels: List[LabelJob] = dataclasses.field(default_factory=list)
    progress: Optional[Progress] = None
    window: Optional[Tuple[float, float]] = None
    rescale: Tuple[float, float] = (1.0, 0.0)


def resample(job: Job) -> None:
    """Runs a job: fills its outputs, which are unspecified after an error."""
    native = _Native(job)
    job_struct, loaded = native.struct, native.loaded
    if job.output is not None:
        job_struct.output = native.volume(writeable("output", job.output))
    if job.expected_error is not None:
        job_struct.expected_error = native.volume(writeable("expected_error", job.expected_error))
    labels = (c.HrinetLabelJob * len(job.labels))()
    for each, native_labels in zip(job.labels, labels):
        check(loaded, loaded.hrinet_label_job_init(native_labels))
        native_labels.input = native.volume(readable(each.input))
        native_labels.output = native.volume(writeable("a label map's output", each.output))
        native_labels.method = choice("label method", LABEL_METHODS, each.method)
    job_struct.labels, job_struct.label_count = labels, len(labels)
    callback, failures = progress_callback(job.progress)
    job_struct.progress = callback
    status = loaded.hrinet_resample(job_struct)
    if failures:
        raise failures[0]
    check(loaded, status)


def check_job(job: Job) -> None:
    """Gives the warnings of `resample` without running the job, whose outputs may be missing."""
    native = _Native(job)
    check(native.loaded, native.loaded.hrinet_job_check(native.struct))


class _Native:
    """HrinetJob with model, plan, input and window, and the volumes that it points to."""

    def __init__(self, job: Job) -> None:
        self.loaded = library.load()
        self._rescale = job.rescale
        self._referenced: List[Any] = []
        self.struct = c.HrinetJob()
        check(self.loaded, self.loaded.hrinet_job_init(self.struct))
        self.struct.model, self.struct.plan = job.model._pointer, job.plan._pointer
        self.struct.input = self.volume(readable(job.input))
        if job.window is not None:
            self.struct.window_low, self.struct.window_high = (float(end) for end in job.window)

    def volume(self, array: np.ndarray) -> Any:
        """Pointer to the HrinetVolume of an array."""
        described, others = volume_of(self.loaded, array.shape, array=array)
        described.rescale_slope, described.rescale_intercept = self._rescale
        self._referenced.append((described, others))
        return ctypes.pointer(described)
