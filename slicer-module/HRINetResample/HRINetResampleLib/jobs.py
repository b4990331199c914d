"""What is computed, as plain data: the same on a thread and in a process of its own."""

import dataclasses
import os
from typing import Dict, List, Optional

import numpy as np

from . import declarations, hrinet, platforms


@dataclasses.dataclass
class Grid:
    """A volume's place: shape [k, j, i], the matrix that takes (i, j, k, 1) to RAS, and the mm of
    each k slice from the first where they are uneven."""

    shape: List[int]
    ijk_to_ras: List[List[float]]
    positions: Optional[List[float]] = None


@dataclasses.dataclass
class Settings:
    """How a volume is made."""

    options: hrinet.Options = dataclasses.field(default_factory=hrinet.Options)
    model: str = "hrinet-motion"
    device: str = "auto"
    threads: int = 0  # 0: all cores but one
    labels: str = "auto"  # "anatomy" where the model finds motion, else "shape"; or "nearest"

    def thread_count(self):
        return self.threads or max(1, (os.cpu_count() or 2) - 1)


@dataclasses.dataclass
class Outcome:
    """What a plan says will come out, and after the job with what."""

    shape: List[int]
    ijk_to_ras: List[List[float]]
    axis: int
    known: Dict[int, int]  # output slice: input slice
    system: str = ""
    checksum: str = ""
    device: str = ""
    version: str = ""

    @property
    def slice_count(self):
        return self.shape[2 - self.axis]

    def bytes_of(self, dtype):
        """Bytes of the voxels."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(dtype).itemsize

    @property
    def made_count(self):
        return self.slice_count - len(self.known)

    @property
    def spacing(self):
        """mm along i, j, k."""
        return np.linalg.norm(np.asarray(self.ijk_to_ras)[:3, :3], axis=0).tolist()


def make_plan(grid, dtype, options):
    """The library's plan of a grid."""
    voxel = np.empty((1, 1, 1), dtype)
    return hrinet.Plan(voxel, grid.ijk_to_ras, options, grid.positions, shape=grid.shape)


def outcome(plan):
    """What the plan says."""
    known = {index: each.first for index, each in enumerate(plan.slices) if each.is_known}
    return Outcome(list(plan.shape), plan.ijk_to_ras.tolist(), plan.axis, known)


def run(grid, settings, voxels, out, labels, labels_out, progress, errors=None):
    """Makes `out` from `voxels`, and each of `labels_out` from `labels`, on the calling thread; into
    `errors`, where it is an array, the expected error of every voxel.

    `progress(done, total)` counts slices, of the volume and of each label map; False from it cancels.
    Gives the outcome.
    """
    hrinet.set_num_threads(settings.thread_count())
    plan = make_plan(grid, voxels.dtype, settings.options)
    with plan, hrinet.Model(settings.model, settings.device) as model:
        if labels and settings.labels == "anatomy" and not model.finds_motion:
            raise hrinet.HrinetError(
                f"{settings.model} finds no motion for segments to follow; take hrinet-motion, or another "
                "segmentation method",
                declarations.HRINET_INVALID_ARGUMENT,
            )
        # The system counts the output's pages only when they are written.
        written = (out, *labels_out) if errors is None else (out, errors, *labels_out)
        check_memory(plan.work_bytes(model) + sum(each.nbytes for each in written))
        parts = 1 + len(labels)

        def part(number):
            return lambda done, total: progress(number * total + done, parts * total)

        model.interpolate(plan, voxels, out, part(0), errors)
        for number, (source, target) in enumerate(zip(labels, labels_out), 1):
            _labels(settings, model, plan, (voxels, source), target, part(number))
        found = outcome(plan)
        found.system, found.checksum = model.system, model.checksum
        found.device, found.version = model.device, hrinet.version()
        return found


def _labels(settings, model, plan, arrays, target, progress):
    """One label map, by the tissue's motion where that is wanted and the model finds any."""
    voxels, source = arrays
    method = settings.labels
    if method == "auto":
        method = "anatomy" if model.finds_motion else "shape"
    if method == "anatomy":
        model.labels(plan, voxels, source, target, progress)
    else:
        plan.labels(source, target, progress, method)


def check_memory(needed):
    """Refuses work that takes more bytes than are free: the system would end Slicer."""
    available = platforms.available_memory()
    if available is not None and needed > available:
        raise hrinet.HrinetError(
            f"this takes about {needed / 2**20:.0f} MB of memory, and {available / 2**20:.0f} MB are "
            "free; close other volumes, or choose a larger spacing",
            declarations.HRINET_OUT_OF_MEMORY,
        )
