/**
 * @file hrinet.h
 * Makes the slices in between: CT slice interpolation with HRINet.
 *
 * Conventions, kept by every function:
 *
 * - A function that can fail returns an HrinetStatus: HRINET_OK (0), or what went wrong; then
 *   hrinet_last_error_message() says it in words, for the calling thread. 1xx: the caller's fault,
 *   2xx: the file's, 3xx: the device's, 4xx: cancelled, 5xx: ours.
 * - Outputs are the last arguments and written only on success, except for voxels, which are
 *   unspecified after an error.
 * - Handles (HrinetModel, HrinetPlan) are made by a function and freed by their _free function, which
 *   takes NULL. Models and plans are immutable: any number of threads may use one at once.
 * - Structs are set up by their _init function, which sets struct_size. The library keeps no pointer
 *   of the caller's after a call, but for the log callback's.
 * - Lengths are in mm, places in RAS, grey values in HU; text is UTF-8.
 * - A callback is called from the thread that called the library, but for the log callback, which may
 *   come from any. It may call the library, but not free what calls it.
 * - The library prints nothing, ends no process, installs no signal handler, and changes neither
 *   locale nor rounding. hrinet_set_num_threads() changes libtorch's threads for the calling thread.
 */

#ifndef HRINET_H
#define HRINET_H

#include <stddef.h>
#include <stdint.h>

/**
 * The version of this interface. It grows with every change that a compiled host would notice;
 * wrappers compare it when they load.
 */
#define HRINET_ABI_VERSION 1

/**
 * The axis of `HrinetResampleOptions` that means the one with the largest spacing.
 */
#define HRINET_AXIS_AUTO -1

/**
 * A network with its weights, ready to make slices. Immutable: any number of threads may use it at
 * once.
 */
typedef struct HrinetModel HrinetModel;

/**
 * An output's grid and where each of its slices comes from. Immutable.
 */
typedef struct HrinetPlan HrinetPlan;

/**
 * What a call came to: `HRINET_OK`, or what went wrong. Codes are never reused; new ones are added
 * at the end of their group.
 */
typedef int32_t HrinetStatus;

/**
 * Says one line (UTF-8, valid during the call) of a level: 1 error, 2 warning, 3 information,
 * 4 debugging. It may come from any thread, from several at once; it must not call the library.
 */
typedef void (*HrinetLogCallback)(int32_t level, const char *line, void *user);

/**
 * What a model is.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * `"hrinet-motion"`, `"hrinet-mse"`, ...: UTF-8, valid as long as the model.
   */
  const char *system;
  /**
   * SHA-256 of the checkpoint file in hexadecimal: valid as long as the model.
   */
  const char *checksum;
  /**
   * HU that become 0 and 1 of the network's grey window.
   */
  double window_low_hu;
  /**
   * See `window_low_hu`.
   */
  double window_high_hu;
  /**
   * How many numbers were learnt.
   */
  uint64_t parameter_count;
} HrinetModelInfo;

/**
 * The type of a voxel: one of the `HRINET_INT8`, ... values.
 */
typedef int32_t HrinetScalarType;

/**
 * Describes a volume; owns nothing. Set it up with `hrinet_volume_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * The voxels' type.
   */
  HrinetScalarType scalar_type;
  /**
   * The first voxel, (0, 0, 0), aligned to its type. NULL where only the place matters.
   */
  void *data;
  /**
   * Voxels along i, j, k.
   */
  size_t size[3];
  /**
   * Bytes from one voxel to the next along i, j, k, each greater than zero; all 0 for voxels
   * without gaps, i fastest.
   */
  ptrdiff_t strides[3];
  /**
   * Takes (i, j, k, 1) to RAS in mm, row by row.
   */
  double ijk_to_ras[16];
  /**
   * Where the k slices lie, in mm from the first along k, where they are unevenly spaced; NULL
   * where they are even. `size[2]` numbers, valid while the struct is used.
   */
  const double *slice_positions_mm;
  /**
   * `HU = rescale_slope * stored + rescale_intercept`.
   */
  double rescale_slope;
  /**
   * See `rescale_slope`.
   */
  double rescale_intercept;
} HrinetVolume;

/**
 * How the output's slices are chosen: one of the `HRINET_SPACING_*` values.
 */
typedef int32_t HrinetSpacing;

/**
 * What is wanted. Set it up with `hrinet_resample_options_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * How the output's slices are chosen.
   */
  HrinetSpacing spacing;
  /**
   * For `HRINET_SPACING_FACTOR`.
   */
  uint32_t factor;
  /**
   * For `HRINET_SPACING_NEAREST` and `HRINET_SPACING_EXACT`.
   */
  double spacing_mm;
  /**
   * The axis across which slices are made: 0 (i), 1 (j), 2 (k) or `HRINET_AXIS_AUTO`.
   */
  int32_t axis;
} HrinetResampleOptions;

/**
 * Where an output slice comes from.
 */
typedef struct {
  /**
   * 1 for a copy of a known slice, 0 for one that is made.
   */
  int32_t is_known;
  /**
   * The known slice; or the first of the two on both sides.
   */
  uint32_t first;
  /**
   * The known slice; or the second of the two on both sides.
   */
  uint32_t second;
  /**
   * The paper's coefficient: 1 is the first slice, 0 the second.
   */
  double alpha;
} HrinetSlice;

/**
 * How far a job has come.
 */
typedef struct {
  /**
   * New slices made so far.
   */
  uint32_t slices_done;
  /**
   * New slices in all.
   */
  uint32_t slices_total;
} HrinetProgress;

/**
 * Told after every few slices, from the thread that called the job. Anything but 0 cancels the job:
 * it returns `HRINET_CANCELLED`. It may call the library, but not free what the job uses.
 */
typedef int32_t (*HrinetProgressCallback)(const HrinetProgress *progress, void *user);

/**
 * Done.
 */
#define HRINET_OK 0

/**
 * A pointer that must not be NULL is.
 */
#define HRINET_NULL_POINTER 100

/**
 * An argument or option that makes no sense.
 */
#define HRINET_INVALID_ARGUMENT 101

/**
 * A grid that cannot be worked on: zero spacing, sheared axes, a single slice.
 */
#define HRINET_INVALID_GEOMETRY 102

/**
 * A struct whose `struct_size` this library does not know: it was not initialised by its
 * `*_init` function.
 */
#define HRINET_INVALID_STRUCT_SIZE 103

/**
 * Text that is not UTF-8.
 */
#define HRINET_INVALID_TEXT 104

/**
 * The file system refused: not found, no permission, disk full.
 */
#define HRINET_FILE_SYSTEM 200

/**
 * A file that is cut short or contradicts itself.
 */
#define HRINET_FILE_DAMAGED 201

/**
 * A sound file of a kind that is not read.
 */
#define HRINET_FILE_UNSUPPORTED 202

/**
 * A checkpoint that a later version wrote.
 */
#define HRINET_FILE_NEWER 203

/**
 * A device that does not exist here.
 */
#define HRINET_NO_DEVICE 300

/**
 * The work does not fit into memory.
 */
#define HRINET_OUT_OF_MEMORY 301

/**
 * The host's callback asked to stop.
 */
#define HRINET_CANCELLED 400

/**
 * A defect of this library, caught.
 */
#define HRINET_INTERNAL 500

/**
 * libtorch failed.
 */
#define HRINET_TORCH 501

/**
 * Training went astray: a loss that is not a number.
 */
#define HRINET_TRAINING 502

/**
 * 8-bit signed integers.
 */
#define HRINET_INT8 1

/**
 * 8-bit unsigned integers.
 */
#define HRINET_UINT8 2

/**
 * 16-bit signed integers.
 */
#define HRINET_INT16 3

/**
 * 16-bit unsigned integers.
 */
#define HRINET_UINT16 4

/**
 * 32-bit signed integers.
 */
#define HRINET_INT32 5

/**
 * 32-bit unsigned integers.
 */
#define HRINET_UINT32 6

/**
 * 64-bit signed integers.
 */
#define HRINET_INT64 7

/**
 * 64-bit unsigned integers.
 */
#define HRINET_UINT64 8

/**
 * 32-bit floating point.
 */
#define HRINET_FLOAT32 9

/**
 * 64-bit floating point.
 */
#define HRINET_FLOAT64 10

/**
 * The whole division of the slice spacing that comes closest to the in-plane spacing.
 */
#define HRINET_SPACING_ISOTROPIC 0

/**
 * `factor` parts a known spacing.
 */
#define HRINET_SPACING_FACTOR 1

/**
 * The whole division that comes closest to `spacing_mm`.
 */
#define HRINET_SPACING_NEAREST 2

/**
 * Exactly `spacing_mm`, even where known slices are then missed.
 */
#define HRINET_SPACING_EXACT 3

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the interface of the library that is loaded: `HRINET_ABI_VERSION` of its header.
 */
uint32_t hrinet_abi_version(void);

/**
 * The version of the library, `"0.1.0"`: UTF-8, valid for the life of the process.
 */
const char *hrinet_version(void);

/**
 * What went wrong in the last call of this thread that did not return `HRINET_OK`: one line of
 * UTF-8 with the value, the path or the shape. Valid until this thread's next call fails; empty
 * where none has failed.
 */
const char *hrinet_last_error_message(void);

/**
 * Sends log lines up to `level` (0 none, 1 errors, 2 warnings, 3 information, 4 debugging) to
 * `callback` with `user`; NULL ends it. Without a callback the library says nothing. `user` must
 * stay valid, and both be usable from any thread, until the callback is replaced.
 *
 * # Safety
 * `callback` is a function of this signature.
 */
HrinetStatus hrinet_set_log_callback(HrinetLogCallback callback, int32_t level, void *user);

/**
 * Whether a CUDA device can be used: 1 or 0.
 */
int32_t hrinet_cuda_is_available(void);

/**
 * Sets how many CPU threads the calling thread's work uses from now on, at least 1.
 */
HrinetStatus hrinet_set_num_threads(int32_t threads);

/**
 * Loads a shipped model by its name (`"hrinet-motion"`) or a checkpoint file by its path onto a
 * device: `"auto"`, `"cpu"`, `"cuda"` or `"cuda:N"`. Free it with `hrinet_model_free`.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` (no such name), the file's codes, `HRINET_NO_DEVICE`.
 *
 * # Safety
 * `name_or_path` and `device` are strings; `model` points to a place for a pointer.
 */
HrinetStatus hrinet_model_load(const char *name_or_path, const char *device, HrinetModel **model);

/**
 * Loads a checkpoint from `size` bytes in memory, which are not needed after the call.
 *
 * # Safety
 * `bytes` points to `size` bytes; `device` is a string; `model` points to a place for a pointer.
 */
HrinetStatus hrinet_model_load_from_memory(const uint8_t *bytes,
                                           size_t size,
                                           const char *device,
                                           HrinetModel **model);

/**
 * Describes a model. `info->struct_size` must be set to `sizeof(HrinetModelInfo)`.
 *
 * # Safety
 * `model` is a loaded model; `info` points to a struct.
 */
HrinetStatus hrinet_model_info(const HrinetModel *model, HrinetModelInfo *info);

/**
 * Frees a model; NULL is allowed. No other thread may be using it.
 *
 * # Safety
 * `model` is NULL or a loaded model, which must not be used again.
 */
void hrinet_model_free(HrinetModel *model);

/**
 * Sets all fields to their defaults: no voxels, size 0, spacing 1 mm, stored numbers are HU.
 *
 * # Safety
 * `volume` points to a struct.
 */
HrinetStatus hrinet_volume_init(HrinetVolume *volume);

/**
 * Sets all fields to their defaults: isotropic, the axis with the largest spacing.
 *
 * # Safety
 * `options` points to a struct.
 */
HrinetStatus hrinet_resample_options_init(HrinetResampleOptions *options);

/**
 * Plans the output of a volume; its `data` is not looked at. Free it with `hrinet_plan_free`.
 *
 * Fails with `HRINET_INVALID_GEOMETRY` for a grid that cannot be worked on (a single slice, sheared
 * axes), `HRINET_INVALID_ARGUMENT` for options that make no sense.
 *
 * # Safety
 * `volume` and `options` point to structs; `plan` points to a place for a pointer.
 */
HrinetStatus hrinet_plan_create(const HrinetVolume *volume,
                                const HrinetResampleOptions *options,
                                HrinetPlan **plan);

/**
 * Describes the output: size, place, type and rescale; `data` is NULL, the voxels lie without gaps,
 * i fastest. `output->data` is then the host's to set, and `strides` to change.
 *
 * # Safety
 * `plan` is a plan; `output` points to a struct.
 */
HrinetStatus hrinet_plan_output(const HrinetPlan *plan, HrinetVolume *output);

/**
 * Bytes of the output's voxels without gaps; 0 for NULL.
 *
 * # Safety
 * `plan` is NULL or a plan.
 */
size_t hrinet_plan_output_bytes(const HrinetPlan *plan);

/**
 * How many slices the output has across the slice axis; 0 for NULL.
 *
 * # Safety
 * `plan` is NULL or a plan.
 */
uint32_t hrinet_plan_slice_count(const HrinetPlan *plan);

/**
 * The slice axis: 0 (i), 1 (j) or 2 (k); -1 for NULL.
 *
 * # Safety
 * `plan` is NULL or a plan.
 */
int32_t hrinet_plan_axis(const HrinetPlan *plan);

/**
 * Where output slice `index` comes from.
 *
 * # Safety
 * `plan` is a plan; `slice` points to a struct.
 */
HrinetStatus hrinet_plan_slice(const HrinetPlan *plan, uint32_t index, HrinetSlice *slice);

/**
 * Frees a plan; NULL is allowed. No other thread may be using it.
 *
 * # Safety
 * `plan` is NULL or a plan, which must not be used again.
 */
void hrinet_plan_free(HrinetPlan *plan);

/**
 * Makes the planned volume: reads `input`, writes the voxels of `output`, both of the plan's type
 * and sizes, with any strides, and not overlapping.
 *
 * Known slices are copied bit for bit. `model` may be NULL: then slices in between are the linear
 * blend. Several jobs may use one model and one plan at once.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for a type or a size that is not the plan's and for voxels
 * that are NaN or infinite, `HRINET_CANCELLED`, `HRINET_TORCH`. The voxels of `output` are then
 * unspecified.
 *
 * # Safety
 * Handles and structs are what they say; `data` of both volumes reaches as far as their sizes and
 * strides; nobody else touches the voxels of `output`, or writes those of `input`, meanwhile.
 */
HrinetStatus hrinet_interpolate_volume(const HrinetModel *model,
                                       const HrinetPlan *plan,
                                       const HrinetVolume *input,
                                       HrinetProgressCallback progress,
                                       void *user,
                                       const HrinetVolume *output);

/**
 * Makes the slices between two known ones: the paper's operation, for interactive hosts.
 *
 * `first`, `second`: `rows` x `columns` in HU, row by row. `alphas`: `count` numbers from 0 to 1,
 * 1 is `first`. `made`: room for `count` x `rows` x `columns` HU. HU outside the model's window are
 * blended as in a volume.
 *
 * # Safety
 * `model` is a model; the pointers reach as far as said.
 */
HrinetStatus hrinet_interpolate_slices(const HrinetModel *model,
                                       const float *first,
                                       const float *second,
                                       size_t rows,
                                       size_t columns,
                                       const double *alphas,
                                       size_t count,
                                       float *made);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HRINET_H */
