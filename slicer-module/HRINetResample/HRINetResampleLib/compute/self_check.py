"""Self-check: how well a model interpolates a given volume, compared with plain interpolation.

Every second slice is left out and made again from its neighbours, by the library's program.
"""

import dataclasses
import json
import os
from typing import Dict

import numpy as np

from ..binding import declarations, hrinet
from ..binding.models import DEFAULT_MODEL
from . import program

PLAIN_MODELS = ("linear", "cubic")
MIN_SLICES = 5
MAX_SLICES = 81  # those in the middle of a volume; 40 of them are left out
_NRRD_TYPES = {"float32": "float", "float64": "double"}


@dataclasses.dataclass
class Score:
    """Means over the slices that were left out: PSNR in dB, and absolute error in HU."""

    psnr: float
    mean_absolute_hu: float


@dataclasses.dataclass
class SelfCheck:
    """Scores of the chosen model, and of those that it is compared with."""

    model: str
    scores: Dict[str, Score]
    slice_count: int  # slices that were left out

    @property
    def best(self):
        """Model with the highest PSNR."""
        return max(self.scores, key=lambda model: self.scores[model].psnr)


def run(grid, axis, settings, voxels, folder, progress):
    """Checks a model on a volume [k, j, i], with files in `folder`.

    `settings` is a `resampling.Settings`. `progress(done, total)` counts evaluations; it cancels by
    returning False.
    """
    slices = _middle(np.moveaxis(voxels, 2 - axis, 0))
    if len(slices) < MIN_SLICES:
        raise _unfit(f"{len(slices)} slices are too few for a check; {MIN_SLICES} are needed")
    if grid.positions is not None and axis == 2 and np.ptp(np.diff(grid.positions)) > 0.1:
        raise _unfit("the slices are unevenly spaced; a check needs even spacing")
    ct, report = os.path.join(folder, "ct.nrrd"), os.path.join(folder, "report.json")
    _write(ct, slices, np.linalg.norm(np.asarray(grid.ijk_to_ras)[:3, axis]))
    compared = settings.model if settings.model not in PLAIN_MODELS else DEFAULT_MODEL
    models = ",".join((*PLAIN_MODELS, compared))
    arguments = ["evaluate", "--data", ct, "--gap", "2", "--models", models, "--json", report]
    arguments += ["--device", settings.device, "--precision", settings.precision]
    arguments += ["--threads", str(settings.thread_count())]
    program.run(arguments, progress)
    with open(report, encoding="utf-8") as content:
        means = json.load(content)["mean"]
    names = (*PLAIN_MODELS, compared)  # the program shortens those of files
    scores = {
        name: Score(each["psnr"], each["mean_absolute_hu"]) for name, each in zip(names, means)
    }
    return SelfCheck(settings.model, scores, means[0]["slices"])


def _unfit(message):
    return hrinet.HrinetError(message, declarations.HRINET_INVALID_GEOMETRY)


def _middle(slices):
    first = max(0, (len(slices) - MAX_SLICES) // 2)
    return slices[first : first + MAX_SLICES]


def _write(path, slices, spacing):
    """Writes slices as a NRRD file whose slice axis is the third one."""
    pixel = min(1.0, float(spacing))
    kind = _NRRD_TYPES.get(slices.dtype.name, slices.dtype.name)
    rows = (
        "NRRD0004",
        f"type: {kind}",
        "dimension: 3",
        "sizes: " + " ".join(str(side) for side in reversed(slices.shape)),
        "space: right-anterior-superior",
        f"space directions: ({pixel},0,0) (0,{pixel},0) (0,0,{float(spacing)})",
        "space origin: (0,0,0)",
        "endian: little",
        "encoding: raw",
    )
    with open(path, "wb") as file:
        file.write("\n".join((*rows, "", "")).encode())
        file.write(np.ascontiguousarray(slices, slices.dtype.newbyteorder("<")).data)
