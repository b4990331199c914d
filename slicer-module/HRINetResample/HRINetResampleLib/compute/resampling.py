"""Resampling as plain data and arrays: the same on a thread and in a subprocess."""

import dataclasses
import os
from typing import Dict, List, Optional

import numpy as np

from ..binding import declarations, hrinet
from ..binding.models import DEFAULT_MODEL


@dataclasses.dataclass
class Grid:
    """Geometry of a volume.

    `shape` is [k, j, i]; `ijk_to_ras` maps (i, j, k, 1) to RAS; `positions` are the mm of each
    k slice from the first one, where they are uneven.
    """

    shape: List[int]
    ijk_to_ras: List[List[float]]
    positions: Optional[List[float]] = None


@dataclasses.dataclass(frozen=True)
class PlanRequest:
    """Grid, voxel type and options that determine an outcome.

    With the volume's voxels `image` [k, j, i] the outcome has the warnings of a run by `model`.
    """

    grid: Grid
    dtype: np.dtype
    options: hrinet.Options
    model: str = DEFAULT_MODEL
    image: Optional[np.ndarray] = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass
class Settings:
    """Settings of a job."""

    options: hrinet.Options = dataclasses.field(default_factory=hrinet.Options)
    model: str = DEFAULT_MODEL
    device: str = "auto"
    precision: str = "auto"  # or "float32", "bfloat16"
    ensemble: bool = False  # average over both orders of the neighbours
    threads: int = 0  # 0: all cores but one
    # "anatomy", "shape", "nearest", or "auto": "anatomy" if the model has a flow, else "shape".
    label_method: str = "auto"
    # Grey values (low, high) that a network sees as its own window; None: HU.
    window: Optional[List[float]] = None

    def thread_count(self):
        """Number of CPU threads."""
        return self.threads or max(1, (os.cpu_count() or 2) - 1)


@dataclasses.dataclass
class Arrays:
    """Arrays [k, j, i] of a job: the input volume and label maps, and where the outputs go."""

    image: np.ndarray
    output: np.ndarray
    labels: List[np.ndarray] = dataclasses.field(default_factory=list)
    labels_output: List[np.ndarray] = dataclasses.field(default_factory=list)
    expected_error: Optional[np.ndarray] = None  # float32; None where it is not wanted

    @property
    def inputs(self):
        """All arrays that are read."""
        return [self.image, *self.labels]

    @property
    def outputs(self):
        """All arrays that are written."""
        errors = [] if self.expected_error is None else [self.expected_error]
        return [self.output, *self.labels_output, *errors]


@dataclasses.dataclass
class Outcome:
    """Output of a plan, and, after the job, the model and device that made it."""

    shape: List[int]
    ijk_to_ras: List[List[float]]
    axis: int
    known: Dict[int, int]  # output slice: input slice
    # Of each output slice: 2.5 is in the middle between the input slices 2 and 3.
    sources: List[float] = dataclasses.field(default_factory=list)
    system: str = ""
    checksum: str = ""
    device: str = ""
    version: str = ""
    warnings: List[str] = dataclasses.field(default_factory=list)
    remark: str = ""  # of the plan: how the output differs from the wish

    @property
    def slice_count(self):
        """Number of output slices."""
        return self.shape[2 - self.axis]

    @property
    def interpolated_count(self):
        """Number of interpolated slices."""
        return self.slice_count - len(self.known)

    def thin(self):
        """Output by a model of thin slices: no slice of it is a known one."""
        if self.interpolated_count == 0:
            return self
        remark = "; ".join(filter(None, [self.remark, "no known slice is kept"]))
        return dataclasses.replace(self, known={}, remark=remark)

    def bytes_of(self, dtype):
        """Size of the output's voxels in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(dtype).itemsize

    @property
    def spacing(self):
        """Spacing in mm along i, j, k."""
        return np.linalg.norm(np.asarray(self.ijk_to_ras)[:3, :3], axis=0).tolist()


def make_plan(request):
    """Plan of the library for a `PlanRequest`."""
    grid, voxel = request.grid, np.empty((1, 1, 1), request.dtype)
    return hrinet.Plan(voxel, grid.ijk_to_ras, request.options, grid.positions, shape=grid.shape)


def planned_outcome(request):
    """Outcome of a `PlanRequest`."""
    with make_plan(request) as plan:
        outcome = outcome_of(plan)
        if request.image is not None:
            with (
                hrinet.Model(request.model, "cpu") as model,
                hrinet.collected_warnings() as warnings,
            ):
                hrinet.check_job(hrinet.Job(model, plan, request.image))
            outcome.warnings = warnings
        return outcome


def outcome_of(plan, model=None):
    """Outcome that a plan will have, by a model where one is given."""
    known = {index: each.first for index, each in enumerate(plan.slices) if each.is_known}
    sources = [each.first + (0 if each.is_known else each.fraction) for each in plan.slices]
    matrix = plan.ijk_to_ras.tolist()
    outcome = Outcome(list(plan.shape), matrix, plan.axis, known, sources, remark=plan.remark)
    return outcome.thin() if model is not None and model.is_thin else outcome


def run(grid, settings, arrays, progress):
    """Resamples on the calling thread and returns the outcome.

    `progress(done, total)` counts slices of the volume and of each label map; it cancels by
    returning False.
    """
    hrinet.set_num_threads(settings.thread_count())
    plan = make_plan(PlanRequest(grid, arrays.image.dtype, settings.options))
    with plan, _load(settings) as model:
        method = _label_method(settings, model) if arrays.labels else None
        # The system counts the pages of the output only when they are written.
        hrinet.check_memory(plan.work_bytes(model) + sum(array.nbytes for array in arrays.outputs))
        labels = [
            hrinet.LabelJob(source, target, method)
            for source, target in zip(arrays.labels, arrays.labels_output)
        ]
        job = hrinet.Job(
            model, plan, arrays.image, arrays.output, arrays.expected_error, labels, progress
        )
        job.window = settings.window
        with hrinet.collected_warnings() as warnings:
            hrinet.resample(job)
        outcome = outcome_of(plan, model)
        outcome.warnings = warnings
        outcome.system, outcome.checksum = model.system, model.checksum
        outcome.device, outcome.version = model.device, hrinet.version()
        return outcome


def _load(settings):
    return hrinet.Model(settings.model, settings.device, settings.precision, settings.ensemble)


def _label_method(settings, model):
    if settings.label_method == "auto":
        return "anatomy" if model.has_flow else "shape"
    if settings.label_method == "anatomy" and not model.has_flow:
        raise hrinet.HrinetError(
            f"{settings.model} finds no motion for segments to follow; choose hrinet-motion, or "
            "another segmentation method",
            declarations.HRINET_INVALID_ARGUMENT,
        )
    return settings.label_method
