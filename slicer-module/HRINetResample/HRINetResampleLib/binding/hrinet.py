"""All of the binding: the C library with NumPy arrays, which are passed without a copy.

Arrays are [k, j, i], as `slicer.util.arrayFromVolume` returns them; matrices map (i, j, k, 1) to
RAS.

    plan = hrinet.Plan(thick, ijk_to_ras, hrinet.Options())
    with hrinet.Model("hrinet-motion", "cpu") as model:
        fine = plan.empty()
        hrinet.resample(hrinet.Job(model, plan, thick, output=fine))
"""

from typing import List, Tuple

from . import library
from .fill import FillJob, fill
from .handles import Cancelled, HrinetError, check
from .job import LABEL_METHODS, Job, LabelJob, check_job, resample
from .log import collected_warnings, set_log
from .memory import check_memory
from .models import AXES, SPACINGS, Model, Options, Plan, Slice
from .trainer import Trainer

__all__ = [
    "AXES",
    "LABEL_METHODS",
    "SPACINGS",
    "Cancelled",
    "FillJob",
    "HrinetError",
    "Job",
    "LabelJob",
    "Model",
    "Options",
    "Plan",
    "Slice",
    "Trainer",
    "check_job",
    "check_memory",
    "collected_warnings",
    "devices",
    "fill",
    "num_threads",
    "resample",
    "set_log",
    "set_num_threads",
    "version",
]


def version() -> str:
    """Version of the library."""
    name: bytes = library.load().hrinet_version()
    return name.decode()


def devices() -> List[Tuple[str, str]]:
    """Names and descriptions of the usable devices: [("cpu", "CPU, 8 cores"), ...]."""
    loaded = library.load()
    return [
        (
            loaded.hrinet_device_name(index).decode(),
            loaded.hrinet_device_description(index).decode(),
        )
        for index in range(loaded.hrinet_device_count())
    ]


def set_num_threads(threads: int) -> None:
    """Sets the number of CPU threads for work of the calling thread."""
    loaded = library.load()
    check(loaded, loaded.hrinet_set_num_threads(threads))


def num_threads() -> int:
    """Number of CPU threads for work of the calling thread."""
    return int(library.load().hrinet_num_threads())
