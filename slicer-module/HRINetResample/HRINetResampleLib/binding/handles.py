"""Errors, handles, and the passing of arrays and callbacks to C."""

import ctypes
from typing import List

import numpy as np

from . import declarations as c
from . import library

_VOXEL_TYPES = {
    name: getattr(c, f"HRINET_{name.upper()}")
    for name in (
        *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
        *("float32", "float64"),
    )
}


class HrinetError(RuntimeError):
    """Error of the library; `code` is its HRINET_* status."""

    def __init__(self, message, code=c.HRINET_INTERNAL):
        super().__init__(message)
        self.code = code


class Cancelled(HrinetError):
    """The progress callback cancelled the job."""

    def __init__(self, message="cancelled"):
        super().__init__(message, c.HRINET_CANCELLED)


def invalid_argument(message):
    """An error with the status HRINET_INVALID_ARGUMENT."""
    return HrinetError(message, c.HRINET_INVALID_ARGUMENT)


def whole_number(name, value, most=2**32 - 1):
    """A whole number of 1 or more; an error that names it for any other value."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.5
    if not number.is_integer() or not 1 <= number <= most:
        raise invalid_argument(f"{name}={value!r}; it must be a whole number from 1 to {most}")
    return int(number)


def check(loaded, status):
    """Raises the error of a status, with the library's message."""
    if status == c.HRINET_OK:
        return
    message = (loaded.hrinet_last_error_message() or b"").decode("utf-8", "replace")
    if status == c.HRINET_CANCELLED:
        raise Cancelled(message or "cancelled")
    raise HrinetError(message or f"HRINet failed with status {status}", status)


def voxel_type_of(array):
    """HRINET_* voxel type of an array."""
    found = _VOXEL_TYPES.get(array.dtype.name) if array.dtype.isnative else None
    if found is None:
        raise invalid_argument(
            f"voxel type {array.dtype} is not supported; "
            f"convert to one of {', '.join(_VOXEL_TYPES)}"
        )
    return found


def volume_of(loaded, shape, ijk_to_ras=None, positions=None, array=None, voxel_type=None):
    """HrinetVolume of an array or of a bare grid, and a list of what it points to.

    The list must live as long as the volume is used.
    """
    if len(shape) != 3:
        raise invalid_argument(f"an array [k, j, i] has 3 dimensions, not {len(shape)}")
    volume, referenced = c.HrinetVolume(), [array]
    check(loaded, loaded.hrinet_volume_init(volume))
    volume.size[:] = [int(side) for side in reversed(shape)]
    if array is not None:
        volume.voxel_type = voxel_type_of(array)
        volume.data = array.ctypes.data
        volume.strides[:] = list(reversed(array.strides))
    elif voxel_type is not None:
        volume.voxel_type = voxel_type
    if ijk_to_ras is not None:
        volume.ijk_to_ras[:] = np.asarray(ijk_to_ras, float).reshape(16).tolist()
    if positions is not None:
        positions = np.ascontiguousarray(positions, np.float64)
        if positions.shape != (shape[0],):
            raise invalid_argument(f"{positions.size} slice positions for {shape[0]} slices")
        volume.slice_positions_mm = positions.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        referenced.append(positions)
    return volume, referenced


class Handle:
    """Owner of a C handle, freed once: by `close`, by `with`, or when garbage-collected."""

    _free = ""

    def __init__(self):
        self._library = library.load()
        self._pointer = None

    def close(self):
        """Frees the handle; a second call does nothing."""
        pointer, self._pointer = self._pointer, None
        if pointer:
            getattr(self._library, self._free)(pointer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        # The attribute is missing where __init__ raised.
        if getattr(self, "_pointer", None):
            self.close()


def choice(name, choices, value):
    """Looks `value` up in the dictionary `choices`; the error names the valid ones."""
    if value not in choices:
        raise invalid_argument(f"{name} '{value}' is unknown; choose one of {', '.join(choices)}")
    return choices[value]


def with_positive_strides(array):
    """The array itself, or a copy where a stride is negative, which C does not accept."""
    return array if all(step > 0 for step in array.strides) else np.ascontiguousarray(array)


def progress_callback(progress):
    """C callback of `progress(done, total)`, and a list that receives the exception it raises."""
    failures: List[BaseException] = []
    if progress is None:
        return c.HrinetProgressCallback(), failures

    def call(state, _user):
        try:
            state = state.contents
            return 0 if progress(state.slices_done, state.slices_total) is not False else 1
        except BaseException as error:  # raised again by the caller: it must not unwind through C
            failures.append(error)
            return 1

    return c.HrinetProgressCallback(call), failures


def float_pointer(array):
    """Pointer to the elements of a float32 array."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
