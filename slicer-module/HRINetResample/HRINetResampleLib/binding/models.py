"""Plans and models of the C library; used as `hrinet.Plan` and `hrinet.Model`."""

import ctypes
import dataclasses
import os
from typing import Any, List, Optional, Sequence, Tuple, Type, TypeVar

import numpy as np

from . import declarations as c
from .handles import (
    Handle,
    check,
    choice,
    float_pointer,
    invalid_argument,
    volume_of,
    voxel_type_of,
    whole_number,
)

SPACINGS = {
    "isotropic": c.HRINET_SPACING_ISOTROPIC,
    "factor": c.HRINET_SPACING_FACTOR,
    "nearest": c.HRINET_SPACING_NEAREST,
    "exact": c.HRINET_SPACING_EXACT,
    "like": c.HRINET_SPACING_LIKE,
}
AXES = {"auto": c.HRINET_AXIS_AUTO, "i": 0, "j": 1, "k": 2}
PRECISIONS = {
    "float32": c.HRINET_PRECISION_FLOAT32,
    "bfloat16": c.HRINET_PRECISION_BFLOAT16,
    "auto": c.HRINET_PRECISION_AUTO,
}
# The system whose networks can be fine-tuned.
MOTION_SYSTEM = "hrinet-motion"
DEFAULT_MODEL = "hrinet-motion"


@dataclasses.dataclass
class Options:
    """Choice of the output slices: see docs/how-to/resample.md.

    `spacing` is one of SPACINGS; `factor` is used by "factor", `spacing_mm` by "nearest" and
    "exact", `like_shape` ([k, j, i]) and `like_ijk_to_ras` by "like". `axis` is one of AXES.
    `keep_tilt` leaves the output of a tilted gantry sheared, with known slices bit for bit.
    """

    spacing: str = "isotropic"
    factor: int = 2
    spacing_mm: float = 1.0
    axis: str = "auto"
    like_shape: Optional[List[int]] = None
    like_ijk_to_ras: Optional[List[List[float]]] = None
    keep_tilt: bool = False


@dataclasses.dataclass(frozen=True)
class Slice:
    """Source of an output slice: a copy of `first`, or interpolated from `first` and `second`.

    `fraction` is 0 at the first and 1 at the second.
    """

    is_known: bool
    first: int
    second: int
    fraction: float


class Plan(Handle):
    """Output grid, and the source of each of its slices. Immutable.

    `shape` is [k, j, i], `ijk_to_ras` the 4 x 4 matrix to RAS in mm, `dtype` that of the input.
    `axis` is the slice axis: 0 (i), 1 (j) or 2 (k); `slices` has a `Slice` for each of its slices.
    `bytes` is the size of the output's voxels. `remark` says how the output differs from the wish.
    """

    _free = "hrinet_plan_free"

    def __init__(
        self,
        array: Optional[np.ndarray],
        ijk_to_ras: Any,
        options: Optional[Options] = None,
        positions: Optional[Sequence[float]] = None,
        shape: Optional[Sequence[int]] = None,
    ) -> None:
        """Plans the output for an input like `array`, whose voxels are not read.

        `shape` [k, j, i] replaces that of the array; without an array the type is int16.
        `positions` are the mm of each k slice from the first one, where they are uneven.
        """
        super().__init__()
        loaded, options = self._library, options or Options()
        if shape is None:
            if array is None:
                raise invalid_argument("neither an array nor a shape; give one of them")
            shape = array.shape
        voxel_type = c.HRINET_INT16 if array is None else voxel_type_of(array)
        self.dtype = np.dtype(np.int16) if array is None else array.dtype
        volume, referenced = volume_of(loaded, shape, ijk_to_ras, positions, voxel_type=voxel_type)
        wanted = c.HrinetResampleOptions()
        check(loaded, loaded.hrinet_resample_options_init(wanted))
        wanted.spacing = choice("spacing", SPACINGS, options.spacing)
        wanted.axis = choice("axis", AXES, options.axis)
        if options.spacing == "factor":
            wanted.factor = whole_number("factor", options.factor)
        wanted.spacing_mm = float(options.spacing_mm)
        wanted.keep_tilt = int(options.keep_tilt)
        if options.like_shape is not None:
            like, also_referenced = volume_of(
                loaded, options.like_shape, options.like_ijk_to_ras, voxel_type=voxel_type
            )
            wanted.like = ctypes.pointer(like)
            referenced.append(also_referenced)
        pointer = ctypes.POINTER(c.HrinetPlan)()
        check(loaded, loaded.hrinet_plan_create(volume, wanted, pointer))
        del referenced
        self._pointer = pointer
        output = c.HrinetVolume()
        check(loaded, loaded.hrinet_plan_output(pointer, output))
        i, j, k = output.size[:]
        self.shape: Tuple[int, int, int] = (k, j, i)
        self.ijk_to_ras: np.ndarray = np.array(output.ijk_to_ras[:]).reshape(4, 4)
        self.axis = int(loaded.hrinet_plan_axis(pointer))
        count = loaded.hrinet_plan_slice_count(pointer)
        self.slices = [self._slice(index) for index in range(count)]
        self.bytes = int(loaded.hrinet_plan_output_bytes(pointer))
        remark: bytes = loaded.hrinet_plan_remark(pointer) or b""
        self.remark = remark.decode("utf-8", "replace")

    def _slice(self, index: int) -> Slice:
        found = c.HrinetSlice(struct_size=ctypes.sizeof(c.HrinetSlice))
        check(self._library, self._library.hrinet_plan_slice(self._pointer, index, found))
        return Slice(bool(found.is_known), found.first, found.second, found.fraction)

    def slices_by(self, model: "Model") -> List[Slice]:
        """`slices`, or with a model of thin slices, all of them interpolated."""
        if not model.is_thin or all(each.is_known for each in self.slices):
            return self.slices
        return [dataclasses.replace(each, is_known=False) for each in self.slices]

    def work_bytes(self, model: Optional["Model"] = None) -> int:
        """Estimated bytes that the job allocates beside input and output."""
        pointer = model and model._pointer
        return int(self._library.hrinet_plan_work_bytes(self._pointer, pointer))

    def empty(self, dtype: Any = None) -> np.ndarray:
        """Uninitialised array for the output."""
        return np.empty(self.shape, dtype or self.dtype)


AnyModel = TypeVar("AnyModel", bound="Model")


class Model(Handle):
    """A network, "linear" or "cubic". May be used by any number of threads at once.

    `system` is its kind, `checksum` the SHA-256 of its checkpoint, `device` the one that computes.
    `window_hu` are the HU from low to high that the network sees. `predicts_error` says whether it
    has an error head, `has_flow` whether it finds flow, which the label method "anatomy" needs.
    `is_thin` says whether it makes thin slices from thick ones, none of which is then kept.
    """

    _free = "hrinet_model_free"

    def __init__(
        self,
        name: Any = DEFAULT_MODEL,
        device: str = "auto",
        precision: str = "auto",
        ensemble: bool = False,
        detail_carry: bool = True,
    ) -> None:
        """Loads a shipped model or a checkpoint file, to "auto", "cpu", "cuda" or "cuda:N".

        `precision` is "float32", "bfloat16", or "auto": bfloat16 where the processor computes in
        it. `ensemble` interpolates every slice twice, with its neighbours in either order, and
        averages. `detail_carry` adds the detail that an autoencoder loses of the known slices to
        interpolated ones.
        """
        super().__init__()
        options = _model_options(self._library, device, precision, ensemble, detail_carry)
        pointer = ctypes.POINTER(c.HrinetModel)()
        path = os.fsencode(name)
        check(self._library, self._library.hrinet_model_load(path, options, pointer))
        self._take(pointer)

    @classmethod
    def from_bytes(
        cls: Type[AnyModel],
        content: bytes,
        device: str = "auto",
        precision: str = "auto",
        ensemble: bool = False,
        detail_carry: bool = True,
    ) -> AnyModel:
        """Loads a checkpoint from memory."""
        model = cls.__new__(cls)
        Handle.__init__(model)
        options = _model_options(model._library, device, precision, ensemble, detail_carry)
        pointer = ctypes.POINTER(c.HrinetModel)()
        data = (ctypes.c_uint8 * len(content)).from_buffer_copy(content)
        status = model._library.hrinet_model_load_from_memory(data, len(content), options, pointer)
        check(model._library, status)
        model._take(pointer)
        return model

    def _take(self, pointer: Any) -> None:
        """Owns `pointer` from now on, and reads what the model is."""
        self._pointer = pointer
        info = c.HrinetModelInfo(struct_size=ctypes.sizeof(c.HrinetModelInfo))
        check(self._library, self._library.hrinet_model_info(pointer, info))
        self.system: str = info.system.decode()
        self.checksum: str = info.checksum.decode()
        self.device: str = info.device.decode()
        self.window_hu: Tuple[float, float] = (info.window_low_hu, info.window_high_hu)
        self.parameter_count = int(info.parameter_count)
        self.has_flow = bool(info.has_flow)
        self.predicts_error = bool(info.predicts_error)
        self.is_thin = bool(self._library.hrinet_model_is_thin(pointer))

    def between(self, first: Any, second: Any, alphas: Any) -> np.ndarray:
        """Interpolated slices [alpha, row, column] in HU, as float32.

        `first` and `second` are known slices [row, column] in HU. Alphas are from 0 to 1: 1 is
        `first`, 0 is `second`.
        """
        first = np.ascontiguousarray(first, np.float32)
        second = np.ascontiguousarray(second, np.float32)
        alphas = np.ascontiguousarray(alphas, np.float64).reshape(-1)
        if first.ndim != 2 or first.shape != second.shape:
            raise invalid_argument(
                f"two slices of one size are needed, not {first.shape} and {second.shape}"
            )
        interpolated = np.empty((alphas.size, *first.shape), np.float32)
        status = self._library.hrinet_interpolate_slices(
            self._pointer,
            float_pointer(first),
            float_pointer(second),
            *first.shape,
            alphas.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
            alphas.size,
            float_pointer(interpolated),
        )
        check(self._library, status)
        return interpolated


def _model_options(
    loaded: ctypes.CDLL, device: str, precision: str, ensemble: bool, detail_carry: bool
) -> c.HrinetModelOptions:
    options = c.HrinetModelOptions()
    check(loaded, loaded.hrinet_model_options_init(options))
    options.device = device.encode()
    options.precision = choice("precision", PRECISIONS, precision)
    options.ensemble = int(ensemble)
    options.detail_carry = int(detail_carry)
    return options
