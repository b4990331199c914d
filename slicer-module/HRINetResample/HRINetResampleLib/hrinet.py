"""The C library with NumPy arrays, which go in and out without a copy.

Arrays are [k, j, i], as `slicer.util.arrayFromVolume` gives them; matrices take (i, j, k, 1) to RAS.

    from HRINetResampleLib import hrinet
    plan = hrinet.Plan(thick, ijk_to_ras, hrinet.Options())
    with hrinet.Model("hrinet-motion", "cpu") as model:
        model.interpolate(plan, thick, plan.empty())
"""

import ctypes
import dataclasses
from typing import Any, List, Optional

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
SPACINGS = {
    "isotropic": c.HRINET_SPACING_ISOTROPIC,
    "factor": c.HRINET_SPACING_FACTOR,
    "nearest": c.HRINET_SPACING_NEAREST,
    "exact": c.HRINET_SPACING_EXACT,
    "like": c.HRINET_SPACING_LIKE,
}
AXES = {"auto": c.HRINET_AXIS_AUTO, "i": 0, "j": 1, "k": 2}


class HrinetError(RuntimeError):
    """What the library refused; `code` is its HRINET_* status."""

    def __init__(self, message, code=c.HRINET_INTERNAL):
        super().__init__(message)
        self.code = code


class Cancelled(HrinetError):
    """The progress callback asked to stop."""

    def __init__(self, message="cancelled"):
        super().__init__(message, c.HRINET_CANCELLED)


@dataclasses.dataclass
class Options:
    """How the output's slices are chosen: see docs/resample.md.

    `spacing`: one of SPACINGS; `factor` belongs to "factor", `spacing_mm` to "nearest" and "exact",
    `like` (shape [k, j, i] and matrix) to "like". `axis`: one of AXES.
    """

    spacing: str = "isotropic"
    factor: int = 2
    spacing_mm: float = 1.0
    axis: str = "auto"
    like_shape: Optional[List[int]] = None
    like_ijk_to_ras: Optional[List[List[float]]] = None


def _check(loaded, status):
    if status == c.HRINET_OK:
        return
    message = (loaded.hrinet_last_error_message() or b"").decode("utf-8", "replace")
    if status == c.HRINET_CANCELLED:
        raise Cancelled(message or "cancelled")
    raise HrinetError(message or f"HRINet's status {status}", status)


def _type_of(array):
    found = _TYPES.get(array.dtype.name) if array.dtype.isnative else None
    if found is None:
        known = ", ".join(_TYPES)
        raise HrinetError(f"voxels of type {array.dtype} are not read; convert them to one of {known}",
                          c.HRINET_INVALID_ARGUMENT)
    return found


def _volume(loaded, shape, ijk_to_ras=None, positions=None, array=None, scalar_type=None):
    """A HrinetVolume and what must live as long as it."""
    if len(shape) != 3:
        raise HrinetError(f"an array [k, j, i] has 3 dimensions, not {len(shape)}",
                          c.HRINET_INVALID_ARGUMENT)
    volume, keep = c.HrinetVolume(), [array]
    _check(loaded, loaded.hrinet_volume_init(volume))
    volume.size[:] = [int(side) for side in reversed(shape)]
    if array is not None:
        volume.scalar_type = _type_of(array)
        volume.data = array.ctypes.data
        volume.strides[:] = list(reversed(array.strides))
    elif scalar_type is not None:
        volume.scalar_type = scalar_type
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


class _Handle:
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


@dataclasses.dataclass(frozen=True)
class Slice:
    """Where an output slice comes from: a copy of `first`, or made between `first` and `second`."""

    is_known: bool
    first: int
    second: int
    alpha: float


class Plan(_Handle):
    """The output's grid and where each of its slices comes from. Immutable."""

    _free = "hrinet_plan_free"

    def __init__(self, array, ijk_to_ras, options=None, positions=None, shape=None):
        """`array` gives type and size (`shape` instead of it: int16 of that size); its voxels are
        not looked at. `positions`: mm of each k slice from the first where they are uneven."""
        super().__init__()
        loaded, options = self._library, options or Options()
        shape = array.shape if shape is None else tuple(shape)
        kind = c.HRINET_INT16 if array is None else _type_of(array)
        self.dtype = np.dtype(np.int16) if array is None else array.dtype
        volume, keep = _volume(loaded, shape, ijk_to_ras, positions, scalar_type=kind)
        wanted = c.HrinetResampleOptions()
        _check(loaded, loaded.hrinet_resample_options_init(wanted))
        wanted.spacing = _choice("spacing", SPACINGS, options.spacing)
        wanted.axis = _choice("axis", AXES, options.axis)
        wanted.factor = int(options.factor)
        wanted.spacing_mm = float(options.spacing_mm)
        if options.like_shape is not None:
            like, kept = _volume(loaded, options.like_shape, options.like_ijk_to_ras, scalar_type=kind)
            wanted.like = ctypes.pointer(like)
            keep.append(kept)
        pointer = ctypes.POINTER(c.HrinetPlan)()
        _check(loaded, loaded.hrinet_plan_create(volume, wanted, pointer))
        del keep
        self._pointer = pointer
        output = c.HrinetVolume()
        _check(loaded, loaded.hrinet_plan_output(pointer, output))
        self.shape = tuple(reversed(output.size[:]))
        self.ijk_to_ras = np.array(output.ijk_to_ras[:]).reshape(4, 4)
        self.axis = loaded.hrinet_plan_axis(pointer)
        self.slices = [self._slice(index) for index in range(loaded.hrinet_plan_slice_count(pointer))]
        self.bytes = loaded.hrinet_plan_output_bytes(pointer)

    def _slice(self, index):
        found = c.HrinetSlice(struct_size=ctypes.sizeof(c.HrinetSlice))
        _check(self._library, self._library.hrinet_plan_slice(self._pointer, index, found))
        return Slice(bool(found.is_known), found.first, found.second, found.alpha)

    def work_bytes(self, model=None):
        """About how many bytes making the volume takes beside input and output."""
        return self._library.hrinet_plan_work_bytes(self._pointer, model and model._pointer)

    def empty(self, dtype=None):
        """An array for the output."""
        return np.empty(self.shape, dtype or self.dtype)

    def labels(self, labels, out, progress=None):
        """Writes a label map (of the input's shape) onto the output grid, into `out`."""
        self._fill("hrinet_interpolate_labels", (self._pointer,), (c.HRINET_LABELS_NEAREST,),
                   labels, out, progress)

    def _fill(self, function, before, between, array, out, progress):
        array = _with_positive_strides(array)
        source, kept = _volume(self._library, array.shape, array=array)
        target, kept_out = _volume(self._library, out.shape, array=out)
        callback, failure = _progress_callback(progress)
        status = getattr(self._library, function)(
            *before, source, *between, callback, None, target
        )
        del kept, kept_out
        if failure:
            raise failure[0]
        _check(self._library, status)


def _choice(what, choices, value):
    if value not in choices:
        raise HrinetError(f"{what} is '{value}'; there are {', '.join(choices)}",
                          c.HRINET_INVALID_ARGUMENT)
    return choices[value]


def _with_positive_strides(array):
    return array if all(step > 0 for step in array.strides) else np.ascontiguousarray(array)


def _progress_callback(progress):
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


class Model(_Handle):
    """A network, "linear" or "cubic". Any number of threads may use one."""

    _free = "hrinet_model_free"

    def __init__(self, name="hrinet-motion", device="auto", precision="float32"):
        """A shipped name or the path of a checkpoint; "auto", "cpu", "cuda", "cuda:N"."""
        super().__init__()
        pointer = ctypes.POINTER(c.HrinetModel)()
        precisions = {"float32": c.HRINET_PRECISION_FLOAT32, "bfloat16": c.HRINET_PRECISION_BFLOAT16}
        _check(self._library, self._library.hrinet_model_load_with_precision(
            str(name).encode(), device.encode(), _choice("precision", precisions, precision), pointer
        ))
        self._take(pointer)

    @classmethod
    def from_bytes(cls, content, device="auto"):
        """A checkpoint that is in memory."""
        model = cls.__new__(cls)
        _Handle.__init__(model)
        pointer = ctypes.POINTER(c.HrinetModel)()
        data = (ctypes.c_uint8 * len(content)).from_buffer_copy(content)
        _check(model._library, model._library.hrinet_model_load_from_memory(
            data, len(content), device.encode(), pointer
        ))
        model._take(pointer)
        return model

    def _take(self, pointer):
        self._pointer = pointer
        info = c.HrinetModelInfo(struct_size=ctypes.sizeof(c.HrinetModelInfo))
        _check(self._library, self._library.hrinet_model_info(pointer, info))
        self.system = info.system.decode()
        self.checksum = info.checksum.decode()
        self.device = info.device.decode()
        self.window_hu = (info.window_low_hu, info.window_high_hu)
        self.parameter_count = info.parameter_count

    def interpolate(self, plan, array, out, progress=None):
        """Makes the planned volume from `array` into `out`.

        `progress(done, total)` is called from this thread; False from it cancels.
        """
        plan._fill("hrinet_interpolate_volume", (self._pointer, plan._pointer), (),
                   array, out, progress)

    def between(self, first, second, alphas):
        """The slices [alpha, row, column] in HU between two; alpha 1 is `first`, 0 `second`."""
        first = np.ascontiguousarray(first, np.float32)
        second = np.ascontiguousarray(second, np.float32)
        alphas = np.ascontiguousarray(alphas, np.float64).reshape(-1)
        if first.ndim != 2 or first.shape != second.shape:
            raise HrinetError(f"two slices of one size, not {first.shape} and {second.shape}",
                              c.HRINET_INVALID_ARGUMENT)
        made = np.empty((alphas.size, *first.shape), np.float32)
        _check(self._library, self._library.hrinet_interpolate_slices(
            self._pointer, _floats(first), _floats(second), *first.shape,
            alphas.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), alphas.size, _floats(made),
        ))
        return made


def _floats(array):
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


class Trainer(_Handle):
    """A generator in training. One thread at a time."""

    _free = "hrinet_trainer_free"

    def __init__(self, system="hrinet-motion", model=None, device="cpu", **options: Any):
        """Begins with new weights on `device`, or with those of `model`; `options` are fields of
        HrinetTrainerOptions (`iterations`, `learning_rate`, `lambda`...)."""
        super().__init__()
        wanted = c.HrinetTrainerOptions()
        _check(self._library, self._library.hrinet_trainer_options_init(system.encode(), wanted))
        fields = {name for name, _ in wanted._fields_}
        for name, value in options.items():
            if name not in fields:
                raise HrinetError(f"there is no option '{name}' of training", c.HRINET_INVALID_ARGUMENT)
            setattr(wanted, name, value)
        pointer = ctypes.POINTER(c.HrinetTrainer)()
        if model is None:
            status = self._library.hrinet_trainer_create(wanted, device.encode(), pointer)
        else:
            status = self._library.hrinet_trainer_create_from_model(wanted, model._pointer, pointer)
        _check(self._library, status)
        self._pointer = pointer

    @classmethod
    def load(cls, path, device="cpu"):
        """Goes on where `save` stopped."""
        trainer = cls.__new__(cls)
        _Handle.__init__(trainer)
        pointer = ctypes.POINTER(c.HrinetTrainer)()
        _check(trainer._library, trainer._library.hrinet_trainer_load(
            str(path).encode(), device.encode(), pointer
        ))
        trainer._pointer = pointer
        return trainer

    def step(self, groups):
        """One iteration on HU [groups, slices, rows, columns]; gives the losses by name."""
        groups = np.ascontiguousarray(groups, np.float32)
        if groups.ndim != 4:
            raise HrinetError(f"groups have 4 dimensions, not {groups.ndim}", c.HRINET_INVALID_ARGUMENT)
        losses = c.HrinetLosses(struct_size=ctypes.sizeof(c.HrinetLosses))
        _check(self._library, self._library.hrinet_trainer_step(
            self._pointer, _floats(groups), *groups.shape, losses
        ))
        return {name: getattr(losses, name) for name, _ in losses._fields_ if name != "struct_size"}

    @property
    def iterations(self):
        """Iterations so far."""
        return self._library.hrinet_trainer_iterations(self._pointer)

    def save(self, path):
        """Writes a checkpoint that `load` goes on from."""
        _check(self._library, self._library.hrinet_trainer_save(self._pointer, str(path).encode()))

    def model(self):
        """The generator as it is now."""
        model = Model.__new__(Model)
        _Handle.__init__(model)
        pointer = ctypes.POINTER(c.HrinetModel)()
        _check(self._library, self._library.hrinet_trainer_model(self._pointer, pointer))
        model._take(pointer)
        return model


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
    _check(loaded, loaded.hrinet_set_num_threads(threads))


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
    _check(loaded, loaded.hrinet_set_log_callback(kept, level, None))
    _log_callback = kept
