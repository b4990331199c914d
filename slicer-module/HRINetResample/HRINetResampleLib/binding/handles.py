"""Errors, handles, and the passing of arrays and callbacks to C."""

import ctypes
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple, TypeVar

import numpy as np

from . import declarations as c
from . import library

# Called with the slices done and the slices to do; it cancels by returning False.
Progress = Callable[[int, int], object]
Value = TypeVar("Value")

_VOXEL_TYPES = {
    name: getattr(c, f"HRINET_{name.upper()}")
    for name in (
        *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
        *("float32", "float64"),
    )
}


class HrinetError(RuntimeError):
    """Error of the library; `code` is its HRINET_* status."""

    def __init__(self, message: str, code: int = c.HRINET_INTERNAL) -> None:
        super().__init__(message)
        self.code = code


class Cancelled(HrinetError):
    """The progress callback cancelled the job."""

    def __init__(self, message: str = "cancelled") -> None:
        super().__init__(message, c.HRINET_CANCELLED)


def invalid_argument(message: str) -> HrinetError:
    """An error with the status HRINET_INVALID_ARGUMENT."""
    return HrinetError(message, c.HRINET_INVALID_ARGUMENT)


def whole_number(name: str, value: Any, most: int = 2**32 - 1) -> int:
    """A whole number of 1 or more; an error that names it for any other value."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.5
    if not number.is_integer() or not 1 <= number <= most:
        raise invalid_argument(f"{name}={value!r}; it must be a whole number from 1 to {most}")
    return int(number)


def check(loaded: ctypes.CDLL, status: int) -> None:
    """Raises the error of a status, with the library's message."""
    if status == c.HRINET_OK:
        return
    message = (loaded.hrinet_last_error_message() or b"").decode("utf-8", "replace")
    if status == c.HRINET_CANCELLED:
        raise Cancelled(message or "cancelled")
    raise HrinetError(message or f"HRINet failed with status {status}", status)


def voxel_type_of(array: np.ndarray) -> int:
    """HRINET_* voxel type of an array."""
    found: Optional[int] = _VOXEL_TYPES.get(array.dtype.name) if array.dtype.isnative else None
    if found is None:
        raise invalid_argument(
            f"voxel type {array.dtype} is not supported; "
            f"convert to one of {', '.join(_VOXEL_TYPES)}"
        )
    return found


def volume_of(
    loaded: ctypes.CDLL,
    shape: Sequence[int],
    ijk_to_ras: Any = None,
    positions: Any = None,
    array: Optional[np.ndarray] = None,
    voxel_type: Optional[int] = None,
) -> Tuple[c.HrinetVolume, List[Any]]:
    """HrinetVolume of an array or of a bare grid, and a list of what it points to.

    The list must live as long as the volume is used.
    """
    if len(shape) != 3:
        raise invalid_argument(f"an array [k, j, i] has 3 dimensions, not {len(shape)}")
    volume = c.HrinetVolume()
    referenced: List[Any] = [array]
    check(loaded, loaded.hrinet_volume_init(volume))
    volume.size[:] = [int(side) for side in reversed(shape)]
    if array is not None:
        volume.voxel_type = voxel_type_of(array)
        volume.data = array.ctypes.data
        volume.strides[:] = list(reversed(array.strides))
    elif voxel_type is not None:
        volume.voxel_type = voxel_type
    if ijk_to_ras is not None:
        matrix = np.asarray(ijk_to_ras, float)
        if matrix.shape != (4, 4):
            raise invalid_argument(f"ijk_to_ras has the shape {matrix.shape}; it must be (4, 4)")
        volume.ijk_to_ras[:] = matrix.reshape(16).tolist()
    if positions is not None:
        positions = np.ascontiguousarray(positions, np.float64)
        if positions.shape != (shape[0],):
            raise invalid_argument(f"{positions.size} slice positions for {shape[0]} slices")
        volume.slice_positions_mm = positions.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        referenced.append(positions)
    return volume, referenced


Self = TypeVar("Self", bound="Handle")


class Handle:
    """Owner of a C handle, freed once: by `close`, by `with`, or when garbage-collected."""

    _free = ""

    def __init__(self) -> None:
        self._library = library.load()
        self._pointer: Any = None

    def close(self) -> None:
        """Frees the handle; a second call does nothing."""
        pointer, self._pointer = self._pointer, None
        if pointer:
            getattr(self._library, self._free)(pointer)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __reduce__(self) -> Any:
        kind = type(self).__name__
        raise TypeError(f"a {kind} cannot be copied or sent to another process; make one there")

    def __del__(self) -> None:
        # The attribute is missing where __init__ raised.
        if getattr(self, "_pointer", None):
            self.close()


def choice(name: str, choices: Mapping[str, Value], value: str) -> Value:
    """Looks `value` up in the dictionary `choices`; the error names the valid ones."""
    if value not in choices:
        raise invalid_argument(f"{name} '{value}' is unknown; choose one of {', '.join(choices)}")
    return choices[value]


def readable(array: np.ndarray) -> np.ndarray:
    """The array itself, or a copy where C cannot read it in place.

    That is where a stride is negative (flipped) or 0 (broadcast), or voxels are not aligned.
    """
    in_place = array.flags.aligned and all(step > 0 for step in array.strides)
    return array if in_place else array.copy(order="C")


def writeable(name: str, array: np.ndarray) -> np.ndarray:
    """The array itself; an error where it is read-only."""
    if not array.flags.writeable:
        raise invalid_argument(f"{name} is a read-only array; give one that can be written")
    return array


def progress_callback(progress: Optional[Progress]) -> Tuple[Any, List[BaseException]]:
    """C callback of `progress(done, total)`, and a list that receives the exception it raises."""
    failures: List[BaseException] = []
    if progress is None:
        return c.HrinetProgressCallback(), failures

    def call(state: Any, _user: Any) -> int:
        try:
            state = state.contents
            return 0 if progress(state.slices_done, state.slices_total) is not False else 1
        except BaseException as error:  # raised again by the caller: it must not unwind through C
            failures.append(error)
            return 1

    return c.HrinetProgressCallback(call), failures


def float_pointer(array: np.ndarray) -> Any:
    """Pointer to the elements of a float32 array."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
