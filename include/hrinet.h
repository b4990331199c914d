/**
 * @file hrinet.h
 * CT slice interpolation: increases the through-plane resolution of CT, and keeps every scanned
 * slice bit for bit.
 *
 * Conventions of all functions:
 *
 * - A function that can fail returns an HrinetStatus: HRINET_OK (0) or an error code. 1xx are
 *   errors of the caller, 2xx of a file, 3xx of a device, 4xx cancellation, 5xx of the library.
 *   hrinet_last_error_message() describes the last error of the calling thread.
 * - Outputs are the last arguments and are written only on success, except voxels, which are
 *   unspecified after an error.
 * - Handles (HrinetModel, HrinetPlan, HrinetTrainer) are created by a function and freed by their
 *   _free function, which accepts NULL. Models and plans are immutable: any number of threads may
 *   use one at once. A trainer is used by one thread at a time; others get HRINET_IN_USE.
 * - Structs are set up by their _init function, which sets struct_size. Structs that the library
 *   fills (HrinetModelInfo, HrinetSlice, HrinetStepLosses) need struct_size from the caller. An
 *   unknown size is rejected.
 * - The library keeps no pointer of the caller after a call, except those of the log callback.
 * - Values of enumerations are explicit and only added to; unknown values are rejected.
 * - Lengths are in mm, positions in RAS, grey values in HU; text is UTF-8.
 * - Callbacks are called on the thread that called the library, except the log callback, which may
 *   be called on any. A progress callback may call the library, but not free what is in use.
 * - The process may end while threads work, once a first model or trainer exists: jobs stop and
 *   return HRINET_CANCELLED, as does every later call.
 * - The library prints nothing, never ends the process, installs no signal handler, and changes
 *   neither locale nor rounding mode. hrinet_set_num_threads() sets libtorch's threads for the
 *   calling thread.
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
 * A way to make slices: a network with its weights, the linear blend or the cubic spline.
 * Immutable: any number of threads may use it at once.
 */
typedef struct HrinetModel HrinetModel;

/**
 * An output's grid and where each of its slices comes from. Immutable.
 */
typedef struct HrinetPlan HrinetPlan;

/**
 * A generator in training, with its discriminators and optimisers. One thread at a time may use it;
 * a second one is refused with `HRINET_IN_USE`.
 */
typedef struct HrinetTrainer HrinetTrainer;

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
 * The numbers that a network computes in: one of the `HRINET_PRECISION_*` values.
 */
typedef int32_t HrinetPrecision;

/**
 * What a model is.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * `"hrinet-motion"`, `"hrinet-mse"`, ..., `"linear"` or `"cubic"`: UTF-8, valid as long as the
   * model.
   */
  const char *system;
  /**
   * SHA-256 of the checkpoint file in hexadecimal, empty for `"linear"` and `"cubic"`: valid as
   * long as the model.
   */
  const char *checksum;
  /**
   * Where it computes, `"cpu"` or `"cuda:N"`: valid as long as the model.
   */
  const char *device;
  /**
   * HU that become 0 and 1 of the network's grey window: minus and plus infinity for `"linear"`
   * and `"cubic"`, which have none.
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
typedef int32_t HrinetVoxelType;

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
  HrinetVoxelType voxel_type;
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
  /**
   * For `HRINET_SPACING_LIKE`: a volume whose place counts, not its voxels; else NULL. It is
   * looked at when the plan is made, not later.
   */
  const HrinetVolume *like;
} HrinetResampleOptions;

/**
 * Where an output slice comes from.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
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
   * Size of this struct as the library knows it.
   */
  size_t struct_size;
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
 * How labels between two known slices are chosen: one of the `HRINET_LABELS_*` values.
 */
typedef int32_t HrinetLabelMethod;

/**
 * Course of the learning rate after the warm-up: one of the `HRINET_LR_SCHEDULE_*` values.
 */
typedef int32_t HrinetLrSchedule;

/**
 * Optimizer of the generator: one of the `HRINET_OPTIMIZER_*` values.
 */
typedef int32_t HrinetOptimizer;

/**
 * Content loss of hrinet-motion: one of the `HRINET_CONTENT_*` values.
 */
typedef int32_t HrinetContent;

/**
 * Critic target for a mixed image (equation 2): one of the `HRINET_CRITIC_*` values.
 */
typedef int32_t HrinetCriticTarget;

/**
 * Form of the adversarial loss of generator and PatchGAN (equations 1 and 8): one of the
 * `HRINET_ADVERSARIAL_*` values.
 */
typedef int32_t HrinetAdversarial;

/**
 * Settings of a trainer, named as the options of `hrinet train`. Set it up with
 * `hrinet_trainer_options_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * `"hrinet-motion"`, `"hrinet-mse"`, ...: valid while the struct is used. The name that
   * `hrinet_trainer_options_init` sets is valid for the life of the process.
   */
  const char *system;
  /**
   * Side of the training planes in pixels, a multiple of 64 (16 for hrinet-motion, ae and
   * acai): the systems of the paper have a narrower third map from 512 on.
   */
  uint32_t size;
  /**
   * Iterations of Stage I before Stage II; 0 for systems of one stage.
   */
  uint64_t stage_one_iterations;
  /**
   * Iterations of the only or the last stage, over which the learning rate is scheduled.
   */
  uint64_t iterations;
  /**
   * Seed of the first weights and of random alphas.
   */
  uint64_t seed;
  /**
   * Peak of the learning rate.
   */
  double learning_rate;
  /**
   * Steps over which the learning rate rises to its peak.
   */
  uint64_t warm_up;
  /**
   * Course of the learning rate after the warm-up.
   */
  HrinetLrSchedule lr_schedule;
  /**
   * Optimizer of the generator. Discriminators have AdamW.
   */
  HrinetOptimizer optimizer;
  /**
   * Decay of the weights; 0 makes AdamW the Adam of the paper.
   */
  double weight_decay;
  /**
   * Norm at which gradients are clipped; 0: never.
   */
  double max_grad_norm;
  /**
   * Precision of forward and backward passes.
   */
  HrinetPrecision precision;
  /**
   * Content loss; hrinet-motion alone has another than `HRINET_CONTENT_MSE`.
   */
  HrinetContent content;
  /**
   * Weight of 1 - SSIM beside the content loss; hrinet-motion alone.
   */
  double ssim_weight;
  /**
   * Weight of the squared bias by tissue beside the content loss; hrinet-motion alone.
   */
  double tissue_bias;
  /**
   * Weight of the loss against the critic D1 (equations 3 and 4); 0 trains without D1.
   */
  double lambda;
  /**
   * Weight of the loss against the PatchGAN D2 (equation 4; beside equation 9 for
   * hrinet-motion); 0 trains without D2.
   */
  double beta;
  /**
   * Share of the real slice in the critic's anchor (equation 2), 0 to 1.
   */
  double gamma;
  /**
   * Critic target for a mixed image.
   */
  HrinetCriticTarget critic_target;
  /**
   * Form of the adversarial loss.
   */
  HrinetAdversarial adversarial;
  /**
   * Prefix of the weights of hrinet-motion to train, all others frozen: `"refinement"`, for
   * example. NULL: all train.
   */
  const char *trainable_prefix;
} HrinetTrainerOptions;

/**
 * Groups of consecutive slices to train on. Set it up with `hrinet_training_batch_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * `groups` x `group_slices` x `rows` x `columns` HU, the column index fastest. The first and the
   * last slice of each group are the known ones; the others, evenly between them, are the truth to
   * be interpolated (the paper's n is 7). HU are clipped to the grey window.
   */
  const float *slices_hu;
  /**
   * `groups` x 2 x `rows` x `columns` HU: the context slices before the first and after the last
   * slice of each group, each as far from it as both from each other; all NaN where the volume has
   * none. hrinet-motion sees them when it interpolates volumes, and should be trained with them;
   * other systems ignore them. NULL: none.
   */
  const float *context_hu;
  /**
   * Number of groups, at least 1.
   */
  size_t groups;
  /**
   * Slices of a group, at least 3.
   */
  size_t group_slices;
  /**
   * Rows of a slice.
   */
  size_t rows;
  /**
   * Columns of a slice.
   */
  size_t columns;
} HrinetTrainingBatch;

/**
 * Losses of one iteration, before its optimizer steps; NaN where the stage or the system has none.
 * `struct_size` must be set to `sizeof(HrinetStepLosses)`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * Iterations so far, this one included.
   */
  uint64_t iteration;
  /**
   * Equation 5 or 6: reconstruction.
   */
  double content;
  /**
   * Equation 7: G against the critic D1.
   */
  double against_critic;
  /**
   * Equation 8: G against the PatchGAN D2.
   */
  double against_patch_gan;
  /**
   * Equation 9, Step II: interpolated slices; the only loss of hrinet-motion without D2.
   */
  double step_two;
  /**
   * Equation 2: loss of the critic.
   */
  double critic;
  /**
   * Equation 1: loss of the PatchGAN.
   */
  double patch_gan;
  /**
   * Norm of the generator's gradient before clipping.
   */
  double gradient_norm;
  /**
   * Learning rate of the iteration.
   */
  double learning_rate;
} HrinetStepLosses;

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
 * A trainer that another thread is using at the moment.
 */
#define HRINET_IN_USE 105

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
 * Float32, the default: on a CPU the same bits every time.
 */
#define HRINET_PRECISION_FLOAT32 0

/**
 * Bfloat16: half the memory, less exact; not for hrinet-motion.
 */
#define HRINET_PRECISION_BFLOAT16 1

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

/**
 * The slices of the grid of `like`, as far as they lie within the volume.
 */
#define HRINET_SPACING_LIKE 4

/**
 * Those of the nearer known slice; of the first where both are equally near.
 */
#define HRINET_LABELS_NEAREST 0

/**
 * Outlines in between, by signed distances in mm, label by label: no staircase, and what ends between
 * two slices tapers. 0 is the background.
 */
#define HRINET_LABELS_SHAPE 1

/**
 * Half a cosine down to one hundredth of the peak at the end of the iterations.
 */
#define HRINET_LR_SCHEDULE_COSINE 0

/**
 * The peak throughout, as in the paper.
 */
#define HRINET_LR_SCHEDULE_CONSTANT 1

/**
 * AdamW for all weights; Adam where `weight_decay` is 0.
 */
#define HRINET_OPTIMIZER_ADAMW 0

/**
 * Muon for convolutions, AdamW for the rest.
 */
#define HRINET_OPTIMIZER_MUON 1

/**
 * Mean squared error, equation 5.
 */
#define HRINET_CONTENT_MSE 0

/**
 * Logarithm of each crop's mean squared error.
 */
#define HRINET_CONTENT_PSNR 1

/**
 * min(alpha, 1 - alpha).
 */
#define HRINET_CRITIC_FOLDED 0

/**
 * alpha.
 */
#define HRINET_CRITIC_LITERAL 1

/**
 * log(1 - D2), the paper's.
 */
#define HRINET_ADVERSARIAL_SATURATING 0

/**
 * -log D2.
 */
#define HRINET_ADVERSARIAL_NON_SATURATING 1

/**
 * Least squares.
 */
#define HRINET_ADVERSARIAL_LEAST_SQUARES 2

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
 * @pre `callback` is a function of this signature.
 */
HrinetStatus hrinet_set_log_callback(HrinetLogCallback callback, int32_t level, void *user);

/**
 * How many devices can be used: the CPU, and each CUDA device. What is found at the first call
 * holds for the life of the process.
 */
uint32_t hrinet_device_count(void);

/**
 * The name of a device, as `hrinet_model_load` takes it: `"cpu"` for index 0, then `"cuda:0"`, ...
 * UTF-8, valid for the life of the process; NULL where there is no such device.
 */
const char *hrinet_device_name(uint32_t index);

/**
 * What a device is, for people: `"CPU, 8 cores"`. UTF-8, valid for the life of the process; NULL
 * where there is no such device.
 */
const char *hrinet_device_description(uint32_t index);

/**
 * Whether a CUDA device can be used: 1 or 0.
 */
int32_t hrinet_cuda_is_available(void);

/**
 * Sets how many CPU threads the calling thread's work uses from now on, at least 1.
 */
HrinetStatus hrinet_set_num_threads(int32_t threads);

/**
 * How many CPU threads the calling thread's work uses.
 */
int32_t hrinet_num_threads(void);

/**
 * Loads a shipped model by its name (`"hrinet-motion"`) or a checkpoint file by its path onto a
 * device: `"auto"` (CUDA where there is one), `"cpu"`, `"cuda"` or `"cuda:N"`. `"linear"` and
 * `"cubic"` are the plain interpolators, which compute on the CPU whatever the device. Free it with
 * `hrinet_model_free`.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` (no such name), the file's codes, `HRINET_NO_DEVICE`.
 *
 * @pre `name_or_path` and `device` are strings; `model` points to a place for a pointer.
 */
HrinetStatus hrinet_model_load(const char *name_or_path, const char *device, HrinetModel **model);

/**
 * As `hrinet_model_load`, for a network that computes in another precision.
 *
 * Fails also with `HRINET_INVALID_ARGUMENT` for a precision that the network cannot compute in.
 *
 * @pre As `hrinet_model_load`.
 */
HrinetStatus hrinet_model_load_with_precision(const char *name_or_path,
                                              const char *device,
                                              HrinetPrecision precision,
                                              HrinetModel **model);

/**
 * Loads a checkpoint from `size` bytes in memory, which are not needed after the call.
 *
 * @pre `bytes` points to `size` bytes; `device` is a string; `model` points to a place for a pointer.
 */
HrinetStatus hrinet_model_load_from_memory(const uint8_t *bytes,
                                           size_t size,
                                           const char *device,
                                           HrinetModel **model);

/**
 * Describes a model. `info->struct_size` must be set to `sizeof(HrinetModelInfo)`.
 *
 * @pre `model` is a loaded model; `info` points to a struct.
 */
HrinetStatus hrinet_model_info(const HrinetModel *model, HrinetModelInfo *info);

/**
 * Whether a model has learnt how far off its slices are expected to be, so that
 * `hrinet_interpolate_with_confidence` takes it: 1 or 0; 0 for NULL.
 *
 * @pre `model` is NULL or a loaded model.
 */
int32_t hrinet_model_has_confidence(const HrinetModel *model);

/**
 * Frees a model; NULL is allowed. No other thread may be using it.
 *
 * @pre `model` is NULL or a loaded model, which must not be used again.
 */
void hrinet_model_free(HrinetModel *model);

/**
 * Sets all fields to their defaults: no voxels, size 0, spacing 1 mm, stored numbers are HU.
 *
 * @pre `volume` points to a struct.
 */
HrinetStatus hrinet_volume_init(HrinetVolume *volume);

/**
 * Sets all fields to their defaults: isotropic, the axis with the largest spacing.
 *
 * @pre `options` points to a struct.
 */
HrinetStatus hrinet_resample_options_init(HrinetResampleOptions *options);

/**
 * Plans the output of a volume; its `data` is not looked at. Free it with `hrinet_plan_free`.
 *
 * Fails with `HRINET_INVALID_GEOMETRY` for a grid that cannot be worked on (a single slice, sheared
 * axes), `HRINET_INVALID_ARGUMENT` for options that make no sense.
 *
 * @pre `volume` and `options` point to structs; `plan` points to a place for a pointer.
 */
HrinetStatus hrinet_plan_create(const HrinetVolume *volume,
                                const HrinetResampleOptions *options,
                                HrinetPlan **plan);

/**
 * Describes the output: size, place, type and rescale; `data` is NULL, the voxels lie without gaps,
 * i fastest. `output->data` is then the host's to set, and `strides` to change.
 *
 * @pre `plan` is a plan; `output` points to a struct.
 */
HrinetStatus hrinet_plan_output(const HrinetPlan *plan, HrinetVolume *output);

/**
 * Bytes of the output's voxels without gaps; 0 for NULL.
 *
 * @pre `plan` is NULL or a plan.
 */
size_t hrinet_plan_output_bytes(const HrinetPlan *plan);

/**
 * About how many bytes of memory `hrinet_interpolate_volume` takes with this model (NULL: the linear
 * blend) beside the voxels of input and output; 0 for a NULL plan.
 *
 * @pre `plan` and `model` are NULL or what they say.
 */
uint64_t hrinet_plan_work_bytes(const HrinetPlan *plan,
                                const HrinetModel *model);

/**
 * How many slices the output has across the slice axis; 0 for NULL.
 *
 * @pre `plan` is NULL or a plan.
 */
uint32_t hrinet_plan_slice_count(const HrinetPlan *plan);

/**
 * The slice axis: 0 (i), 1 (j) or 2 (k); -1 for NULL.
 *
 * @pre `plan` is NULL or a plan.
 */
int32_t hrinet_plan_axis(const HrinetPlan *plan);

/**
 * Where output slice `index` comes from. `slice->struct_size` must be set to `sizeof(HrinetSlice)`.
 *
 * @pre `plan` is a plan; `slice` points to a struct.
 */
HrinetStatus hrinet_plan_slice(const HrinetPlan *plan, uint32_t index, HrinetSlice *slice);

/**
 * Frees a plan; NULL is allowed. No other thread may be using it.
 *
 * @pre `plan` is NULL or a plan, which must not be used again.
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
 * @pre Handles and structs are what they say; `data` of both volumes reaches as far as their sizes and
 * strides; nobody else touches the voxels of `output`, or writes those of `input`, meanwhile.
 */
HrinetStatus hrinet_interpolate_volume(const HrinetModel *model,
                                       const HrinetPlan *plan,
                                       const HrinetVolume *input,
                                       HrinetProgressCallback progress,
                                       void *user,
                                       const HrinetVolume *output);

/**
 * As `hrinet_interpolate_volume`, and writes to `expected_error` how far off every voxel of `output` is
 * expected to be: mean absolute errors in HU, 0 in known slices. `expected_error` is of
 * `HRINET_FLOAT32` and of the plan's output size, with any strides, and overlaps neither of the others;
 * of its geometry and rescale nothing is read. The voxels of `output` are the same as without.
 *
 * An expected error is no bound: single voxels are off by more. To what lies outside the model's grey
 * window, which it does not see, half the difference of the two known slices there is added.
 *
 * Fails also with `HRINET_INVALID_ARGUMENT` for a model that has learnt none
 * (`hrinet_model_has_confidence`).
 *
 * @pre As `hrinet_interpolate_volume`, `expected_error` as `output`.
 */
HrinetStatus hrinet_interpolate_with_confidence(const HrinetModel *model,
                                                const HrinetPlan *plan,
                                                const HrinetVolume *input,
                                                HrinetProgressCallback progress,
                                                void *user,
                                                const HrinetVolume *output,
                                                const HrinetVolume *expected_error);

/**
 * Makes the slices between two known ones: the paper's operation, for interactive hosts.
 *
 * `first`, `second`: `rows` x `columns` in HU, row by row. `alphas`: `count` numbers from 0 to 1,
 * 1 is `first`. `made`: room for `count` x `rows` x `columns` HU. HU outside the model's window are
 * blended as in a volume. `model` may be NULL: then they are the linear blend.
 *
 * @pre `model` is NULL or a model; the pointers reach as far as said.
 */
HrinetStatus hrinet_interpolate_slices(const HrinetModel *model,
                                       const float *first,
                                       const float *second,
                                       size_t rows,
                                       size_t columns,
                                       const double *alphas,
                                       size_t count,
                                       float *made);

/**
 * Brings a label map onto the output grid of the plan of its CT: reads `input`, writes the voxels of
 * `output`, both of the plan's sizes and of one type, which need not be the CT's, with any strides,
 * and not overlapping. Known slices are copied bit for bit.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for another size, two types, a method that is not known;
 * `HRINET_CANCELLED`. The voxels of `output` are then unspecified.
 *
 * @pre As `hrinet_interpolate_volume`.
 */
HrinetStatus hrinet_interpolate_labels(const HrinetPlan *plan,
                                       const HrinetVolume *input,
                                       HrinetLabelMethod method,
                                       HrinetProgressCallback progress,
                                       void *user,
                                       const HrinetVolume *output);

/**
 * As `hrinet_interpolate_labels`, along with the tissue: outlines in between follow the motion that
 * `model` finds in `image`, the CT of the plan, where its slices differ, and as with
 * `HRINET_LABELS_SHAPE` where they do not.
 *
 * Fails also with `HRINET_INVALID_ARGUMENT` for a model that finds no motion (any but
 * `"hrinet-motion"`), an image of another size and voxels of it that are NaN or infinite;
 * `HRINET_TORCH`.
 *
 * @pre As `hrinet_interpolate_volume`; `image` is read as `input` is.
 */
HrinetStatus hrinet_interpolate_labels_with_image(const HrinetModel *model,
                                                  const HrinetPlan *plan,
                                                  const HrinetVolume *image,
                                                  const HrinetVolume *input,
                                                  HrinetProgressCallback progress,
                                                  void *user,
                                                  const HrinetVolume *output);

/**
 * Sets all fields to the defaults of a system: those of the paper for its five.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for an unknown system.
 *
 * @pre `system` is a string; `options` points to a struct.
 */
HrinetStatus hrinet_trainer_options_init(const char *system, HrinetTrainerOptions *options);

/**
 * Creates a trainer with random weights by the seed, on a device. Free it with
 * `hrinet_trainer_free`.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for contradictory options, `HRINET_NO_DEVICE`.
 *
 * @pre `options` points to a struct; `device` is a string; `trainer` points to a place for a pointer.
 */
HrinetStatus hrinet_trainer_create(const HrinetTrainerOptions *options,
                                   const char *device,
                                   HrinetTrainer **trainer);

/**
 * Creates a trainer with a model's weights, on the model's device: fine-tuning. The model does not
 * change. Free it with `hrinet_trainer_free`.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for `"linear"` and `"cubic"`, which have no weights, and for
 * a model with another kind of generator than the options' system.
 *
 * @pre `options` points to a struct; `model` is a model; `trainer` points to a place for a pointer.
 */
HrinetStatus hrinet_trainer_create_from_model(const HrinetTrainerOptions *options,
                                              const HrinetModel *model,
                                              HrinetTrainer **trainer);

/**
 * Resumes a training from a checkpoint of `hrinet_trainer_save` or of `hrinet train`. Free the
 * trainer with `hrinet_trainer_free`.
 *
 * Fails with the codes of files, `HRINET_FILE_DAMAGED` also for a checkpoint without training state (a
 * model); `HRINET_NO_DEVICE`.
 *
 * @pre `path` and `device` are strings; `trainer` points to a place for a pointer.
 */
HrinetStatus hrinet_trainer_load(const char *path,
                                 const char *device,
                                 HrinetTrainer **trainer);

/**
 * Sets `struct_size`, all pointers to NULL and all counts to 0.
 *
 * @pre `batch` points to a struct.
 */
HrinetStatus hrinet_training_batch_init(HrinetTrainingBatch *batch);

/**
 * Trains one iteration on a batch.
 *
 * The stage follows from the options and the iterations so far: Stage I (equations 2 and 3), or
 * Stage II with Step I (equations 1, 2, 4) and Step II (equation 9). Iterations beyond those of the
 * options belong to the last stage.
 *
 * `losses->struct_size` must be set to `sizeof(HrinetStepLosses)`; NULL where they are not wanted.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for sides that the network cannot halve often enough, groups
 * of fewer than 3 slices, non-finite voxels and context slices that are NaN in part;
 * `HRINET_TRAINING` where training diverged: the trainer is of no use then, a saved checkpoint is;
 * `HRINET_IN_USE`.
 *
 * @pre `trainer` is a trainer; `batch` points to a struct whose arrays are as large as it says; `losses`
 * is NULL or points to a struct.
 */
HrinetStatus hrinet_trainer_step(HrinetTrainer *trainer,
                                 const HrinetTrainingBatch *batch,
                                 HrinetStepLosses *losses);

/**
 * Iterations so far; 0 for NULL and while another thread uses the trainer.
 *
 * @pre `trainer` is NULL or a trainer.
 */
uint64_t hrinet_trainer_iterations(HrinetTrainer *trainer);

/**
 * Writes a checkpoint that `hrinet_trainer_load` resumes, bit for bit on a CPU. A file of that name
 * is replaced once the new one is complete.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for a missing folder, `HRINET_FILE_SYSTEM` where writing
 * fails: an earlier file is kept.
 *
 * @pre `trainer` is a trainer; `path` is a string.
 */
HrinetStatus hrinet_trainer_save(HrinetTrainer *trainer, const char *path);

/**
 * Copies the generator as it is now to a model on the trainer's device, which later steps do not
 * change. Free it with `hrinet_model_free`.
 *
 * @pre `trainer` is a trainer; `model` points to a place for a pointer.
 */
HrinetStatus hrinet_trainer_model(HrinetTrainer *trainer, HrinetModel **model);

/**
 * Frees a trainer; NULL is allowed. No other thread may be using it.
 *
 * @pre `trainer` is NULL or a trainer, which must not be used again.
 */
void hrinet_trainer_free(HrinetTrainer *trainer);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HRINET_H */
