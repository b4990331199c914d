"""The C library with NumPy arrays, which are passed without a copy.

Arrays are [k, j, i], as `slicer.util.arrayFromVolume` returns them; matrices map (i, j, k, 1) to
RAS.

    from HRINetResampleLib.binding import hrinet

    plan = hrinet.Plan(thick, ijk_to_ras, hrinet.Options())
    with hrinet.Model("hrinet-motion", "cpu") as model:
        fine = plan.empty()
        hrinet.resample(hrinet.Job(model, plan, thick, output=fine))
"""

import contextlib

from . import declarations as c
from . import library
from .handles import Cancelled, HrinetError, check
from .job import LABEL_METHODS, Job, LabelJob, resample
from .models import AXES, SPACINGS, Model, Options, Plan, Slice
from .trainer import Trainer

__all__ = [
    "AXES",
    "LABEL_METHODS",
    "SPACINGS",
    "Cancelled",
    "HrinetError",
    "Job",
    "LabelJob",
    "Model",
    "Options",
    "Plan",
    "Slice",
    "Trainer",
    "collected_warnings",
    "devices",
    "num_threads",
    "resample",
    "set_log",
    "set_num_threads",
    "version",
]


def version():
    """Version of the library."""
    return library.load().hrinet_version().decode()


def devices():
    """Names and descriptions of the usable devices: [("cpu", "CPU, 8 cores"), ...]."""
    loaded = library.load()
    return [
        (
            loaded.hrinet_device_name(index).decode(),
            loaded.hrinet_device_description(index).decode(),
        )
        for index in range(loaded.hrinet_device_count())
    ]


def set_num_threads(threads):
    """Sets the number of CPU threads for work of the calling thread."""
    loaded = library.load()
    check(loaded, loaded.hrinet_set_num_threads(threads))


def num_threads():
    """Number of CPU threads for work of the calling thread."""
    return library.load().hrinet_num_threads()


_log_callback = None
_log_wanted = (None, 2)  # callback and level of the last `set_log`


def set_log(callback, level=2):
    """Sends log lines up to `level` (1 error to 4 debug) to `callback(level, line)`.

    The callback may be called from any thread. None ends logging.
    """
    global _log_callback, _log_wanted
    _log_wanted = (callback, level)
    loaded = library.load()

    def call(line_level, line, _user):
        try:
            callback(line_level, line.decode("utf-8", "replace"))
        except Exception:  # must not unwind through C
            pass

    new = c.HrinetLogCallback() if callback is None else c.HrinetLogCallback(call)
    check(loaded, loaded.hrinet_set_log_callback(new, level, None))
    _log_callback = new  # referenced as long as C may call it


@contextlib.contextmanager
def collected_warnings():
    """Yields a list that receives the warnings of the library meanwhile, of any thread.

    The callback of `set_log` still gets its lines.
    """
    before, level = _log_wanted
    warnings = []

    def collect(line_level, line):
        if line_level <= 2:
            warnings.append(line)
        if before is not None and line_level <= level:
            before(line_level, line)

    set_log(collect, max(2, level if before is not None else 0))
    try:
        yield warnings
    finally:
        set_log(before, level)
