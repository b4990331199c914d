"""Below `hrinet`: errors, handles, and how arrays and callbacks are handed to C."""

import ctypes
from typing import List

import numpy as np

from . import declarations as c
from . import library

_TYPES = {
    "int8": c.HRINET_INT8,
    "uint8": c.HRINET_UINT8,
    "int16": c.HRINET_INT16,
    "uint16": c.HRINET_UINT16,
    "int32": c.HRINET_INT32,
    "uint32": c.HRINET_UINT32,
    "int64": c.HRINET_INT64,
    "uint64": c.HRINET_UINT64,
    "float32": c.HRINET_FLOAT32,
    "float64": c.HRINET_FLOAT64,
}


class HrinetError(RuntimeError):
    """What the library refused; `code` is its HRINET_* status."""

    def __init__(self, message, code=c.HRINET_INTERNAL):
        super().__init__(message)
        self.code = code


class Cancelled(HrinetError):
    """The progress callback asked to stop."""

    def __init__(self, message="cancelled"):
        super().__init__(message, c.HRINET_CANCELLED)


def check(loaded, status):
    """Raises what a status means, in the library's words."""
    if status == c.HRINET_OK:
        return
    message = (loaded.hrinet_last_error_message() or b"").decode("utf-8", "replace")
    if status == c.HRINET_CANCELLED:
        raise Cancelled(message or "cancelled")
    raise HrinetError(message or f"HRINet's status {status}", status)


def type_of(array):
    """The HRINET_* type of an array's voxels."""
    found = _TYPES.get(array.dtype.name) if array.dtype.isnative else None
    if found is None:
        known = ", ".join(_TYPES)
        raise HrinetError(f"voxels of type {array.dtype} are not read; convert them to one of {known}",
                          c.HRINET_INVALID_ARGUMENT)
    return found


def volume_of(loaded, shape, ijk_to_ras=None, positions=None, array=None, voxel_type=None):
    """A HrinetVolume and what must live as long as it."""
    if len(shape) != 3:
        raise HrinetError(f"an array [k, j, i] has 3 dimensions, not {len(shape)}",
                          c.HRINET_INVALID_ARGUMENT)
    volume, keep = c.HrinetVolume(), [array]
    check(loaded, loaded.hrinet_volume_init(volume))
    volume.size[:] = [int(side) for side in reversed(shape)]
    if array is not None:
        volume.voxel_type = type_of(array)
        volume.data = array.ctypes.data
        volume.strides[:] = list(reversed(array.strides))
    elif voxel_type is not None:
        volume.voxel_type = voxel_type
    if ijk_to_ras is not None:
        volume.ijk_to_ras[:] = np.asarray(ijk_to_ras, float).reshape(16).tolist()
    if positions is not None:
        numbers = np.ascontiguousarray(positions, np.float64)
        if numbers.shape != (shape[0],):
            raise HrinetError(f"{numbers.size} slice positions for {shape[0]} slices",
                              c.HRINET_INVALID_ARGUMENT)
        volume.slice_positions_mm = numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        keep.append(numbers)
    return volume, keep


class Handle:
    """Something of the library's that is freed once: by `close`, `with`, or when nobody holds it."""

    _free = ""

    def __init__(self):
        self._library = library.load()
        self._pointer = None

    def close(self):
        pointer, self._pointer = self._pointer, None
        if pointer:
            getattr(self._library, self._free)(pointer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        # Without the attributes where __init__ raised.
        if getattr(self, "_pointer", None):
            self.close()


def choice(what, choices, value):
    """The value of a name among `choices`."""
    if value not in choices:
        raise HrinetError(f"{what} is '{value}'; there are {', '.join(choices)}",
                          c.HRINET_INVALID_ARGUMENT)
    return choices[value]


def with_positive_strides(array):
    """The array itself, or a copy where it runs backwards, which C cannot be told."""
    return array if all(step > 0 for step in array.strides) else np.ascontiguousarray(array)


def progress_callback(progress):
    """The C callback, and a list that holds what `progress` raised: C cannot pass it on."""
    failure: List[BaseException] = []
    if progress is None:
        return c.HrinetProgressCallback(), failure

    def told(state, _user):
        try:
            state = state.contents
            return 0 if progress(state.slices_done, state.slices_total) is not False else 1
        except BaseException as error:  # noqa: B902 (it is raised again on this thread)
            failure.append(error)
            return 1

    return c.HrinetProgressCallback(told), failure


def floats(array):
    """A pointer to an array of float32."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
