"""The C library with NumPy arrays, which go in and out without a copy.

Arrays are [k, j, i], as `slicer.util.arrayFromVolume` gives them; matrices take (i, j, k, 1) to RAS.

    from HRINetResampleLib import hrinet
    plan = hrinet.Plan(thick, ijk_to_ras, hrinet.Options())
    with hrinet.Model("hrinet-motion", "cpu") as model:
        model.interpolate(plan, thick, plan.empty())
"""

from . import declarations as c
from . import library
from .handles import Cancelled, HrinetError, check  # noqa: F401 (this is where users look)
from .models import AXES, MOTION_SYSTEM, SPACINGS, Model, Options, Plan, Slice  # noqa: F401
from .training import Trainer  # noqa: F401


def version():
    """The library's version."""
    return library.load().hrinet_version().decode()


def devices():
    """Names and descriptions of the devices that can be used: [("cpu", "CPU, 8 cores"), ...]."""
    loaded = library.load()
    return [
        (loaded.hrinet_device_name(index).decode(), loaded.hrinet_device_description(index).decode())
        for index in range(loaded.hrinet_device_count())
    ]


def set_num_threads(threads):
    """CPU threads of the calling thread's work."""
    loaded = library.load()
    check(loaded, loaded.hrinet_set_num_threads(threads))


def num_threads():
    """CPU threads of the calling thread's work."""
    return library.load().hrinet_num_threads()


_log_callback = None


def set_log(callback, level=2):
    """Sends log lines up to `level` (1 errors to 4 debugging) to `callback(level, line)`, from any
    thread; None ends it."""
    global _log_callback
    loaded = library.load()

    def told(line_level, line, _user):
        try:
            callback(line_level, line.decode("utf-8", "replace"))
        except Exception:  # it must not unwind through C
            pass

    kept = c.HrinetLogCallback() if callback is None else c.HrinetLogCallback(told)
    check(loaded, loaded.hrinet_set_log_callback(kept, level, None))
    _log_callback = kept
