"""Plans and models through the C library; `hrinet.Plan`, `hrinet.Model`."""

import ctypes
import dataclasses
from typing import List, Optional

import numpy as np

from . import declarations as c
from .handles import Handle, HrinetError, check, choice, floats, progress_callback
from .handles import type_of, volume_of, with_positive_strides

SPACINGS = {
    "isotropic": c.HRINET_SPACING_ISOTROPIC,
    "factor": c.HRINET_SPACING_FACTOR,
    "nearest": c.HRINET_SPACING_NEAREST,
    "exact": c.HRINET_SPACING_EXACT,
    "like": c.HRINET_SPACING_LIKE,
}
LABEL_METHODS = {"nearest": c.HRINET_LABELS_NEAREST, "shape": c.HRINET_LABELS_SHAPE}
# The system whose networks find motion, and can be adapted.
MOTION_SYSTEM = "hrinet-motion"
AXES = {"auto": c.HRINET_AXIS_AUTO, "i": 0, "j": 1, "k": 2}


@dataclasses.dataclass
class Options:
    """How the output's slices are chosen: see docs/how-to/resample.md.

    `spacing`: one of SPACINGS; `factor` belongs to "factor", `spacing_mm` to "nearest" and "exact",
    `like` (shape [k, j, i] and matrix) to "like". `axis`: one of AXES.
    """

    spacing: str = "isotropic"
    factor: int = 2
    spacing_mm: float = 1.0
    axis: str = "auto"
    like_shape: Optional[List[int]] = None
    like_ijk_to_ras: Optional[List[List[float]]] = None


@dataclasses.dataclass(frozen=True)
class Slice:
    """Where an output slice comes from: a copy of `first`, or made between `first` and `second`."""

    is_known: bool
    first: int
    second: int
    alpha: float


class Plan(Handle):
    """The output's grid and where each of its slices comes from. Immutable."""

    _free = "hrinet_plan_free"

    def __init__(self, array, ijk_to_ras, options=None, positions=None, shape=None):
        """`array` gives type and size (`shape` instead of it: int16 of that size); its voxels are
        not looked at. `positions`: mm of each k slice from the first where they are uneven."""
        super().__init__()
        loaded, options = self._library, options or Options()
        shape = array.shape if shape is None else tuple(shape)
        kind = c.HRINET_INT16 if array is None else type_of(array)
        self.dtype = np.dtype(np.int16) if array is None else array.dtype
        volume, keep = volume_of(loaded, shape, ijk_to_ras, positions, voxel_type=kind)
        wanted = c.HrinetResampleOptions()
        check(loaded, loaded.hrinet_resample_options_init(wanted))
        wanted.spacing = choice("spacing", SPACINGS, options.spacing)
        wanted.axis = choice("axis", AXES, options.axis)
        wanted.factor = int(options.factor)
        wanted.spacing_mm = float(options.spacing_mm)
        if options.like_shape is not None:
            like, kept = volume_of(loaded, options.like_shape, options.like_ijk_to_ras, voxel_type=kind)
            wanted.like = ctypes.pointer(like)
            keep.append(kept)
        pointer = ctypes.POINTER(c.HrinetPlan)()
        check(loaded, loaded.hrinet_plan_create(volume, wanted, pointer))
        del keep
        self._pointer = pointer
        output = c.HrinetVolume()
        check(loaded, loaded.hrinet_plan_output(pointer, output))
        self.shape = tuple(reversed(output.size[:]))
        self.ijk_to_ras = np.array(output.ijk_to_ras[:]).reshape(4, 4)
        self.axis = loaded.hrinet_plan_axis(pointer)
        self.slices = [self._slice(index) for index in range(loaded.hrinet_plan_slice_count(pointer))]
        self.bytes = loaded.hrinet_plan_output_bytes(pointer)

    def _slice(self, index):
        found = c.HrinetSlice(struct_size=ctypes.sizeof(c.HrinetSlice))
        check(self._library, self._library.hrinet_plan_slice(self._pointer, index, found))
        return Slice(bool(found.is_known), found.first, found.second, found.alpha)

    def work_bytes(self, model=None):
        """About how many bytes making the volume takes beside input and output."""
        return self._library.hrinet_plan_work_bytes(self._pointer, model and model._pointer)

    def empty(self, dtype=None):
        """An array for the output."""
        return np.empty(self.shape, dtype or self.dtype)

    def labels(self, labels, out, progress=None, method="shape"):
        """Writes a label map (of the input's shape) onto the output grid, into `out`. `method`: one of
        LABEL_METHODS."""
        self._fill("hrinet_interpolate_labels", (self._pointer,),
                   (choice("label method", LABEL_METHODS, method),), labels, out, progress)

    def _fill(self, function, before, between, array, out, progress, *beside):
        """`beside`: more arrays that are written."""
        array = with_positive_strides(array)
        source, kept = volume_of(self._library, array.shape, array=array)
        written = [volume_of(self._library, each.shape, array=each) for each in (out, *beside)]
        callback, failure = progress_callback(progress)
        status = getattr(self._library, function)(
            *before, source, *between, callback, None, *(target for target, _kept in written)
        )
        del kept, written
        if failure:
            raise failure[0]
        check(self._library, status)


class Model(Handle):
    """A network, "linear" or "cubic". Any number of threads may use one."""

    _free = "hrinet_model_free"

    def __init__(self, name="hrinet-motion", device="auto", precision="float32"):
        """A shipped name or the path of a checkpoint; "auto", "cpu", "cuda", "cuda:N"."""
        super().__init__()
        pointer = ctypes.POINTER(c.HrinetModel)()
        precisions = {"float32": c.HRINET_PRECISION_FLOAT32, "bfloat16": c.HRINET_PRECISION_BFLOAT16}
        check(self._library, self._library.hrinet_model_load_with_precision(
            str(name).encode(), device.encode(), choice("precision", precisions, precision), pointer
        ))
        self._take(pointer)

    @classmethod
    def from_bytes(cls, content, device="auto"):
        """A checkpoint that is in memory."""
        model = cls.__new__(cls)
        Handle.__init__(model)
        pointer = ctypes.POINTER(c.HrinetModel)()
        data = (ctypes.c_uint8 * len(content)).from_buffer_copy(content)
        check(model._library, model._library.hrinet_model_load_from_memory(
            data, len(content), device.encode(), pointer
        ))
        model._take(pointer)
        return model

    def _take(self, pointer):
        self._pointer = pointer
        info = c.HrinetModelInfo(struct_size=ctypes.sizeof(c.HrinetModelInfo))
        check(self._library, self._library.hrinet_model_info(pointer, info))
        self.system = info.system.decode()
        self.checksum = info.checksum.decode()
        self.device = info.device.decode()
        self.window_hu = (info.window_low_hu, info.window_high_hu)
        self.parameter_count = info.parameter_count

    @property
    def has_confidence(self):
        """Whether it has learnt how far off its slices are expected to be."""
        return bool(self._library.hrinet_model_has_confidence(self._pointer))

    def interpolate(self, plan, array, out, progress=None, errors=None):
        """Makes the planned volume from `array` into `out`; into `errors`, a float32 array of the same
        shape, the expected absolute error of every voxel in HU, where the model has_confidence.

        `progress(done, total)` is called from this thread; False from it cancels.
        """
        if errors is not None:
            plan._fill("hrinet_interpolate_with_confidence", (self._pointer, plan._pointer), (),
                       array, out, progress, errors)
            return
        plan._fill("hrinet_interpolate_volume", (self._pointer, plan._pointer), (),
                   array, out, progress)

    @property
    def finds_motion(self):
        """Whether `labels` can be used."""
        return self.system == MOTION_SYSTEM

    def labels(self, plan, image, labels, out, progress=None):
        """Writes a label map onto the output grid, into `out`, along with the tissue: by the motion
        that the model finds in `image`, the CT of the plan."""
        image, kept = volume_of(self._library, image.shape, array=with_positive_strides(image))
        plan._fill("hrinet_interpolate_labels_with_image", (self._pointer, plan._pointer, image), (),
                   labels, out, progress)
        del kept

    def between(self, first, second, alphas):
        """The slices [alpha, row, column] in HU between two; alpha 1 is `first`, 0 `second`."""
        first = np.ascontiguousarray(first, np.float32)
        second = np.ascontiguousarray(second, np.float32)
        alphas = np.ascontiguousarray(alphas, np.float64).reshape(-1)
        if first.ndim != 2 or first.shape != second.shape:
            raise HrinetError(f"two slices of one size, not {first.shape} and {second.shape}",
                              c.HRINET_INVALID_ARGUMENT)
        made = np.empty((alphas.size, *first.shape), np.float32)
        check(self._library, self._library.hrinet_interpolate_slices(
            self._pointer, floats(first), floats(second), *first.shape,
            alphas.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), alphas.size, floats(made),
        ))
        return made
