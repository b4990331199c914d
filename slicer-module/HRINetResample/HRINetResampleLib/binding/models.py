"""Plans and models of the C library; used as `hrinet.Plan` and `hrinet.Model`."""

import ctypes
import dataclasses
from typing import List, Optional

import numpy as np

from . import declarations as c
from .handles import (
    Handle,
    check,
    choice,
    float_pointer,
    invalid_argument,
    progress_callback,
    volume_of,
    voxel_type_of,
    with_positive_strides,
)

SPACINGS = {
    "isotropic": c.HRINET_SPACING_ISOTROPIC,
    "factor": c.HRINET_SPACING_FACTOR,
    "nearest": c.HRINET_SPACING_NEAREST,
    "exact": c.HRINET_SPACING_EXACT,
    "like": c.HRINET_SPACING_LIKE,
}
AXES = {"auto": c.HRINET_AXIS_AUTO, "i": 0, "j": 1, "k": 2}
LABEL_METHODS = {"nearest": c.HRINET_LABELS_NEAREST, "shape": c.HRINET_LABELS_SHAPE}
PRECISIONS = {"float32": c.HRINET_PRECISION_FLOAT32, "bfloat16": c.HRINET_PRECISION_BFLOAT16}
# The system whose networks have a flow, and can be fine-tuned.
MOTION_SYSTEM = "hrinet-motion"
DEFAULT_MODEL = "hrinet-motion"


@dataclasses.dataclass
class Options:
    """Choice of the output slices: see docs/how-to/resample.md.

    `spacing` is one of SPACINGS; `factor` is used by "factor", `spacing_mm` by "nearest" and
    "exact", `like_shape` ([k, j, i]) and `like_ijk_to_ras` by "like". `axis` is one of AXES.
    """

    spacing: str = "isotropic"
    factor: int = 2
    spacing_mm: float = 1.0
    axis: str = "auto"
    like_shape: Optional[List[int]] = None
    like_ijk_to_ras: Optional[List[List[float]]] = None


@dataclasses.dataclass(frozen=True)
class Slice:
    """Source of an output slice: a copy of `first`, or interpolated from `first` and `second`.

    `alpha` is 1 at the first and 0 at the second.
    """

    is_known: bool
    first: int
    second: int
    alpha: float


class Plan(Handle):
    """Output grid, and the source of each of its slices. Immutable."""

    _free = "hrinet_plan_free"

    def __init__(self, array, ijk_to_ras, options=None, positions=None, shape=None):
        """Plans the output for an input like `array`, whose voxels are not read.

        `shape` [k, j, i] replaces that of the array; without an array the type is int16.
        `positions` are the mm of each k slice from the first one, where they are uneven.
        """
        super().__init__()
        loaded, options = self._library, options or Options()
        shape = array.shape if shape is None else tuple(shape)
        voxel_type = c.HRINET_INT16 if array is None else voxel_type_of(array)
        self.dtype = np.dtype(np.int16) if array is None else array.dtype
        volume, referenced = volume_of(loaded, shape, ijk_to_ras, positions, voxel_type=voxel_type)
        wanted = c.HrinetResampleOptions()
        check(loaded, loaded.hrinet_resample_options_init(wanted))
        wanted.spacing = choice("spacing", SPACINGS, options.spacing)
        wanted.axis = choice("axis", AXES, options.axis)
        wanted.factor = int(options.factor)
        wanted.spacing_mm = float(options.spacing_mm)
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
        self.shape = tuple(reversed(output.size[:]))
        self.ijk_to_ras = np.array(output.ijk_to_ras[:]).reshape(4, 4)
        self.axis = loaded.hrinet_plan_axis(pointer)
        count = loaded.hrinet_plan_slice_count(pointer)
        self.slices = [self._slice(index) for index in range(count)]
        self.bytes = loaded.hrinet_plan_output_bytes(pointer)

    def _slice(self, index):
        found = c.HrinetSlice(struct_size=ctypes.sizeof(c.HrinetSlice))
        check(self._library, self._library.hrinet_plan_slice(self._pointer, index, found))
        return Slice(bool(found.is_known), found.first, found.second, found.alpha)

    def work_bytes(self, model=None):
        """Estimated bytes that the job allocates beside input and output."""
        return self._library.hrinet_plan_work_bytes(self._pointer, model and model._pointer)

    def empty(self, dtype=None):
        """Uninitialised array for the output."""
        return np.empty(self.shape, dtype or self.dtype)

    def labels(self, labels, out, progress=None, method="shape"):
        """Interpolates a label map into `out`; `method`: one of LABEL_METHODS."""
        self._fill(
            "hrinet_interpolate_labels",
            (self._pointer,),
            (choice("label method", LABEL_METHODS, method),),
            labels,
            out,
            progress,
        )

    def _fill(self, function, before, between, array, out, progress, *beside):
        """`beside`: more arrays that are written."""
        array = with_positive_strides(array)
        source, kept = volume_of(self._library, array.shape, array=array)
        written = [volume_of(self._library, each.shape, array=each) for each in (out, *beside)]
        callback, failures = progress_callback(progress)
        status = getattr(self._library, function)(
            *before, source, *between, callback, None, *(target for target, _kept in written)
        )
        del kept, written
        if failures:
            raise failures[0]
        check(self._library, status)


class Model(Handle):
    """A network, "linear" or "cubic". May be used by any number of threads at once."""

    _free = "hrinet_model_free"

    def __init__(self, name=DEFAULT_MODEL, device="auto", precision="float32"):
        """Loads a shipped model or a checkpoint file, to "auto", "cpu", "cuda" or "cuda:N"."""
        super().__init__()
        pointer = ctypes.POINTER(c.HrinetModel)()
        status = self._library.hrinet_model_load_with_precision(
            str(name).encode(),
            device.encode(),
            choice("precision", PRECISIONS, precision),
            pointer,
        )
        check(self._library, status)
        self._take(pointer)

    @classmethod
    def from_bytes(cls, content, device="auto"):
        """Loads a checkpoint from memory."""
        model = cls.__new__(cls)
        Handle.__init__(model)
        pointer = ctypes.POINTER(c.HrinetModel)()
        data = (ctypes.c_uint8 * len(content)).from_buffer_copy(content)
        status = model._library.hrinet_model_load_from_memory(
            data, len(content), device.encode(), pointer
        )
        check(model._library, status)
        model._take(pointer)
        return model

    def _take(self, pointer):
        """Owns `pointer` from now on, and reads what the model is."""
        self._pointer = pointer
        info = c.HrinetModelInfo(struct_size=ctypes.sizeof(c.HrinetModelInfo))
        check(self._library, self._library.hrinet_model_info(pointer, info))
        self.system = info.system.decode()
        self.checksum = info.checksum.decode()
        self.device = info.device.decode()
        self.window_hu = (info.window_low_hu, info.window_high_hu)
        self.parameter_count = info.parameter_count
        self.has_flow = self.system == MOTION_SYSTEM
        self.predicts_error = bool(self._library.hrinet_model_has_confidence(pointer))

    def interpolate(self, plan, array, out, progress=None, expected_error=None):
        """Interpolates the planned volume from `array` into `out`.

        `expected_error` is a float32 array of the output's shape for the expected absolute error in
        HU, for a model that `predicts_error`. `progress(done, total)` is called on this thread; it
        cancels by returning False.
        """
        if expected_error is not None:
            plan._fill(
                "hrinet_interpolate_with_confidence",
                (self._pointer, plan._pointer),
                (),
                array,
                out,
                progress,
                expected_error,
            )
            return
        plan._fill(
            "hrinet_interpolate_volume",
            (self._pointer, plan._pointer),
            (),
            array,
            out,
            progress,
        )

    def labels(self, plan, image, labels, out, progress=None):
        """Interpolates a label map into `out` along the flow that the model finds in `image`."""
        image, kept = volume_of(self._library, image.shape, array=with_positive_strides(image))
        plan._fill(
            "hrinet_interpolate_labels_with_image",
            (self._pointer, plan._pointer, image),
            (),
            labels,
            out,
            progress,
        )
        del kept

    def between(self, first, second, alphas):
        """Interpolated slices [alpha, row, column] in HU; alpha is 1 at `first`, 0 at `second`."""
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
