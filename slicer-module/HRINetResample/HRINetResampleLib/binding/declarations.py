"""Declarations of `hrinet.h` for ctypes: constants, types and functions.

Made by scripts/dev/make-declarations; do not edit.
"""

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    c_char_p,
    c_double,
    c_float,
    c_int32,
    c_size_t,
    c_ssize_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)

HRINET_ABI_VERSION = 1
HRINET_AXIS_AUTO = -1
HRINET_OK = 0
HRINET_NULL_POINTER = 100
HRINET_INVALID_ARGUMENT = 101
HRINET_INVALID_GEOMETRY = 102
HRINET_INVALID_STRUCT_SIZE = 103
HRINET_INVALID_TEXT = 104
HRINET_IN_USE = 105
HRINET_FORKED = 106
HRINET_FILE_SYSTEM = 200
HRINET_FILE_DAMAGED = 201
HRINET_FILE_UNSUPPORTED = 202
HRINET_FILE_NEWER = 203
HRINET_NO_DEVICE = 300
HRINET_OUT_OF_MEMORY = 301
HRINET_CANCELLED = 400
HRINET_INTERNAL = 500
HRINET_TORCH = 501
HRINET_TRAINING = 502
HRINET_PRECISION_FLOAT32 = 0
HRINET_PRECISION_BFLOAT16 = 1
HRINET_PRECISION_AUTO = 2
HRINET_INT8 = 1
HRINET_UINT8 = 2
HRINET_INT16 = 3
HRINET_UINT16 = 4
HRINET_INT32 = 5
HRINET_UINT32 = 6
HRINET_INT64 = 7
HRINET_UINT64 = 8
HRINET_FLOAT32 = 9
HRINET_FLOAT64 = 10
HRINET_SPACING_ISOTROPIC = 0
HRINET_SPACING_FACTOR = 1
HRINET_SPACING_NEAREST = 2
HRINET_SPACING_EXACT = 3
HRINET_SPACING_LIKE = 4
HRINET_LABELS_NEAREST = 0
HRINET_LABELS_SHAPE = 1
HRINET_LABELS_ANATOMY = 2
HRINET_LR_SCHEDULE_COSINE = 0
HRINET_LR_SCHEDULE_CONSTANT = 1
HRINET_OPTIMIZER_ADAMW = 0
HRINET_OPTIMIZER_MUON = 1
HRINET_CONTENT_MSE = 0
HRINET_CONTENT_PSNR = 1
HRINET_CRITIC_FOLDED = 0
HRINET_CRITIC_LITERAL = 1
HRINET_ADVERSARIAL_SATURATING = 0
HRINET_ADVERSARIAL_NON_SATURATING = 1
HRINET_ADVERSARIAL_LEAST_SQUARES = 2
CONSTANTS = {name: value for name, value in globals().items() if name.startswith("HRINET_")}


class HrinetModel(ctypes.Structure):
    """Opaque handle."""


class HrinetPlan(ctypes.Structure):
    """Opaque handle."""


class HrinetTrainer(ctypes.Structure):
    """Opaque handle."""


HrinetStatus = c_int32
HrinetLogCallback = CFUNCTYPE(None, c_int32, c_char_p, c_void_p)
HrinetPrecision = c_int32


class HrinetModelOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("device", c_char_p),
        ("precision", HrinetPrecision),
        ("ensemble", c_int32),
        ("detail_carry", c_int32),
    ]


class HrinetModelInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("system", c_char_p),
        ("checksum", c_char_p),
        ("device", c_char_p),
        ("window_low_hu", c_double),
        ("window_high_hu", c_double),
        ("parameter_count", c_uint64),
        ("predicts_error", c_int32),
        ("has_flow", c_int32),
    ]


HrinetVoxelType = c_int32


class HrinetVolume(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("voxel_type", HrinetVoxelType),
        ("data", c_void_p),
        ("size", c_size_t * 3),
        ("strides", c_ssize_t * 3),
        ("ijk_to_ras", c_double * 16),
        ("slice_positions_mm", POINTER(c_double)),
        ("rescale_slope", c_double),
        ("rescale_intercept", c_double),
    ]


HrinetSpacing = c_int32


class HrinetResampleOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("spacing", HrinetSpacing),
        ("factor", c_uint32),
        ("spacing_mm", c_double),
        ("axis", c_int32),
        ("like", POINTER(HrinetVolume)),
        ("keep_tilt", c_int32),
    ]


class HrinetSlice(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("is_known", c_int32),
        ("first", c_uint32),
        ("second", c_uint32),
        ("fraction", c_double),
    ]


HrinetLabelMethod = c_int32


class HrinetLabelJob(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("input", POINTER(HrinetVolume)),
        ("output", POINTER(HrinetVolume)),
        ("method", HrinetLabelMethod),
    ]


class HrinetProgress(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("slices_done", c_uint32),
        ("slices_total", c_uint32),
    ]


HrinetProgressCallback = CFUNCTYPE(c_int32, POINTER(HrinetProgress), c_void_p)


class HrinetJob(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("model", POINTER(HrinetModel)),
        ("plan", POINTER(HrinetPlan)),
        ("input", POINTER(HrinetVolume)),
        ("progress", HrinetProgressCallback),
        ("user", c_void_p),
        ("output", POINTER(HrinetVolume)),
        ("expected_error", POINTER(HrinetVolume)),
        ("labels", POINTER(HrinetLabelJob)),
        ("label_count", c_size_t),
        ("window_low", c_double),
        ("window_high", c_double),
    ]


class HrinetFillJob(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("image", POINTER(HrinetVolume)),
        ("labels", POINTER(HrinetVolume)),
        ("output", POINTER(HrinetVolume)),
        ("progress", HrinetProgressCallback),
        ("user", c_void_p),
        ("first_slice", c_size_t),
        ("slice_count", c_size_t),
        ("axis", c_int32),
        ("tapers", c_int32),
    ]


HrinetLrSchedule = c_int32
HrinetOptimizer = c_int32
HrinetContent = c_int32
HrinetCriticTarget = c_int32
HrinetAdversarial = c_int32


class HrinetTrainerOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("system", c_char_p),
        ("size", c_uint32),
        ("stage_one_iterations", c_uint64),
        ("iterations", c_uint64),
        ("seed", c_uint64),
        ("learning_rate", c_double),
        ("warm_up", c_uint64),
        ("lr_schedule", HrinetLrSchedule),
        ("optimizer", HrinetOptimizer),
        ("weight_decay", c_double),
        ("max_grad_norm", c_double),
        ("precision", HrinetPrecision),
        ("content", HrinetContent),
        ("ssim_weight", c_double),
        ("tissue_bias", c_double),
        ("lambda", c_double),
        ("beta", c_double),
        ("gamma", c_double),
        ("critic_target", HrinetCriticTarget),
        ("adversarial", HrinetAdversarial),
        ("trainable_prefix", c_char_p),
    ]


class HrinetTrainingBatch(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("slices_hu", POINTER(c_float)),
        ("context_hu", POINTER(c_float)),
        ("groups", c_size_t),
        ("group_slices", c_size_t),
        ("rows", c_size_t),
        ("columns", c_size_t),
    ]


class HrinetStepLosses(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("iteration", c_uint64),
        ("content", c_double),
        ("against_critic", c_double),
        ("against_patch_gan", c_double),
        ("step_two", c_double),
        ("critic", c_double),
        ("patch_gan", c_double),
        ("gradient_norm", c_double),
        ("learning_rate", c_double),
    ]


STRUCTS = (
    HrinetModelOptions,
    HrinetModelInfo,
    HrinetVolume,
    HrinetResampleOptions,
    HrinetSlice,
    HrinetLabelJob,
    HrinetProgress,
    HrinetJob,
    HrinetFillJob,
    HrinetTrainerOptions,
    HrinetTrainingBatch,
    HrinetStepLosses,
)
CALLBACKS = {
    "HrinetLogCallback": HrinetLogCallback,
    "HrinetProgressCallback": HrinetProgressCallback,
}

# name: (result, arguments)
FUNCTIONS = {
    "hrinet_abi_version": (c_uint32, []),
    "hrinet_version": (c_char_p, []),
    "hrinet_last_error_message": (c_char_p, []),
    "hrinet_set_log_callback": (HrinetStatus, [HrinetLogCallback, c_int32, c_void_p]),
    "hrinet_device_count": (c_uint32, []),
    "hrinet_device_name": (c_char_p, [c_uint32]),
    "hrinet_device_description": (c_char_p, [c_uint32]),
    "hrinet_cuda_is_available": (c_int32, []),
    "hrinet_set_num_threads": (HrinetStatus, [c_int32]),
    "hrinet_num_threads": (c_int32, []),
    "hrinet_model_options_init": (HrinetStatus, [POINTER(HrinetModelOptions)]),
    "hrinet_model_load": (
        HrinetStatus,
        [c_char_p, POINTER(HrinetModelOptions), POINTER(POINTER(HrinetModel))],
    ),
    "hrinet_model_load_from_memory": (
        HrinetStatus,
        [POINTER(c_uint8), c_size_t, POINTER(HrinetModelOptions), POINTER(POINTER(HrinetModel))],
    ),
    "hrinet_model_info": (HrinetStatus, [POINTER(HrinetModel), POINTER(HrinetModelInfo)]),
    "hrinet_model_is_thin": (c_int32, [POINTER(HrinetModel)]),
    "hrinet_model_free": (None, [POINTER(HrinetModel)]),
    "hrinet_volume_init": (HrinetStatus, [POINTER(HrinetVolume)]),
    "hrinet_resample_options_init": (HrinetStatus, [POINTER(HrinetResampleOptions)]),
    "hrinet_plan_create": (
        HrinetStatus,
        [POINTER(HrinetVolume), POINTER(HrinetResampleOptions), POINTER(POINTER(HrinetPlan))],
    ),
    "hrinet_plan_output": (HrinetStatus, [POINTER(HrinetPlan), POINTER(HrinetVolume)]),
    "hrinet_plan_output_bytes": (c_size_t, [POINTER(HrinetPlan)]),
    "hrinet_plan_work_bytes": (c_uint64, [POINTER(HrinetPlan), POINTER(HrinetModel)]),
    "hrinet_plan_remark": (c_char_p, [POINTER(HrinetPlan)]),
    "hrinet_plan_slice_count": (c_uint32, [POINTER(HrinetPlan)]),
    "hrinet_plan_axis": (c_int32, [POINTER(HrinetPlan)]),
    "hrinet_plan_slice": (HrinetStatus, [POINTER(HrinetPlan), c_uint32, POINTER(HrinetSlice)]),
    "hrinet_plan_free": (None, [POINTER(HrinetPlan)]),
    "hrinet_label_job_init": (HrinetStatus, [POINTER(HrinetLabelJob)]),
    "hrinet_job_init": (HrinetStatus, [POINTER(HrinetJob)]),
    "hrinet_resample": (HrinetStatus, [POINTER(HrinetJob)]),
    "hrinet_job_check": (HrinetStatus, [POINTER(HrinetJob)]),
    "hrinet_fill_job_init": (HrinetStatus, [POINTER(HrinetFillJob)]),
    "hrinet_fill_labels": (HrinetStatus, [POINTER(HrinetFillJob)]),
    "hrinet_interpolate_slices": (
        HrinetStatus,
        [
            POINTER(HrinetModel),
            POINTER(c_float),
            POINTER(c_float),
            c_size_t,
            c_size_t,
            POINTER(c_double),
            c_size_t,
            POINTER(c_float),
        ],
    ),
    "hrinet_trainer_options_init": (HrinetStatus, [c_char_p, POINTER(HrinetTrainerOptions)]),
    "hrinet_trainer_create": (
        HrinetStatus,
        [POINTER(HrinetTrainerOptions), c_char_p, POINTER(POINTER(HrinetTrainer))],
    ),
    "hrinet_trainer_create_from_model": (
        HrinetStatus,
        [POINTER(HrinetTrainerOptions), POINTER(HrinetModel), POINTER(POINTER(HrinetTrainer))],
    ),
    "hrinet_trainer_load": (HrinetStatus, [c_char_p, c_char_p, POINTER(POINTER(HrinetTrainer))]),
    "hrinet_training_batch_init": (HrinetStatus, [POINTER(HrinetTrainingBatch)]),
    "hrinet_trainer_step": (
        HrinetStatus,
        [POINTER(HrinetTrainer), POINTER(HrinetTrainingBatch), POINTER(HrinetStepLosses)],
    ),
    "hrinet_trainer_iterations": (c_uint64, [POINTER(HrinetTrainer)]),
    "hrinet_trainer_save": (HrinetStatus, [POINTER(HrinetTrainer), c_char_p]),
    "hrinet_trainer_model": (HrinetStatus, [POINTER(HrinetTrainer), POINTER(POINTER(HrinetModel))]),
    "hrinet_trainer_free": (None, [POINTER(HrinetTrainer)]),
}


def declare(library: ctypes.CDLL) -> None:
    """Sets the types of all functions of a loaded library.

    Raises an AttributeError that names a function which the library lacks.
    """
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
