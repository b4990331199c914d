"""HRINet increases the through-plane resolution of CT by interpolating slices.

    import hrinet

    fine = hrinet.resample(thick, ijk_to_ras)          # NumPy, [k, j, i] in HU
    fine = hrinet.resample_image(image).image          # SimpleITK or NiBabel

Every known slice is kept bit for bit. Arrays are [k, j, i], k along the slices of most CTs, and are
read and written in place. Lengths are in mm, matrices map (i, j, k, 1) to RAS, grey values are in
HU. `hrinet.torchio` and `hrinet.monai` have transforms. Guide and reference: docs/how-to/python.md.
"""

from __future__ import annotations

from .binding.handles import Cancelled, HrinetError
from .binding.hrinet import (
    Job,
    LabelJob,
    Model,
    Options,
    Plan,
    Slice,
    Trainer,
    devices,
    num_threads,
    set_log,
    set_num_threads,
    version,
)
from .binding.job import resample as run_job
from .binding.library import LibraryError
from .filling import fill
from .images import ResampledImage, resample_image
from .progress import show_on
from .resampling import HrinetWarning, Resampled, Settings, plan, resample

__all__ = [
    "Cancelled",
    "HrinetError",
    "HrinetWarning",
    "Job",
    "LabelJob",
    "LibraryError",
    "Model",
    "Options",
    "Plan",
    "Resampled",
    "ResampledImage",
    "Settings",
    "Slice",
    "Trainer",
    "devices",
    "fill",
    "num_threads",
    "plan",
    "resample",
    "resample_image",
    "run_job",
    "set_log",
    "set_num_threads",
    "show_on",
    "version",
]
