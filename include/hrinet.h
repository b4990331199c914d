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
 * - A C++ exception that leaves a callback ends the process; hrinet.hpp passes it on.
 * - The process may end while threads work, once a first model or trainer exists: jobs stop and
 *   return HRINET_CANCELLED, as does every later call.
 * - In a process that was forked after the library was used, calls that compute are refused with
 *   HRINET_FORKED, unless on one thread.
 * - The library prints nothing, never ends the process, installs no signal handler, and changes
 *   neither locale nor floating-point environment: it computes in the default one, and callbacks
 *   run in the host's. hrinet_set_num_threads() sets libtorch's threads for the calling thread.
 * - Voxels are the same bit for bit where model, device, precision, number of threads, libtorch and
 *   the processor's instruction set are. Known slices are always copied bit for bit.
 */

#ifndef HRINET_H
#define HRINET_H

#include <stddef.h>
#include <stdint.h>

/**
 * Version of this interface. It grows with every change that breaks compiled hosts; wrappers
 * compare it when they load.
 */
#define HRINET_ABI_VERSION 1

/**
 * Value of `axis` in `HrinetResampleOptions` for the slice axis of the volume.
 */
#define HRINET_AXIS_AUTO -1

/**
 * An interpolator: a network with its weights, linear or cubic interpolation. Immutable: any
 * number of threads may use it at once.
 */
typedef struct HrinetModel HrinetModel;

/**
 * Output grid of a volume, and the source of each slice. Immutable.
 */
typedef struct HrinetPlan HrinetPlan;

/**
 * A generator in training, with its discriminators and optimizers. One thread at a time may use
 * it; a second one is refused with `HRINET_IN_USE`.
 */
typedef struct HrinetTrainer HrinetTrainer;

/**
 * Result of a call: `HRINET_OK` or the kind of failure. Codes are never reused; new ones are added
 * at the end of their group.
 */
typedef int32_t HrinetStatus;

/**
 * Receives one log line (UTF-8, valid during the call) of a level: 1 error, 2 warning, 3
 * information, 4 debugging. It may be called from any thread, from several at once. It must not
 * call the library.
 *
 * A C++ exception that leaves it ends the process; it must not leave by `longjmp` or end its
 * thread either.
 */
typedef void (*HrinetLogCallback)(int32_t level, const char *line, void *user);

/**
 * Number format of a network's computation: one of the `HRINET_PRECISION_*` values.
 */
typedef int32_t HrinetPrecision;

/**
 * Options of a model. Set it up with `hrinet_model_options_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * `"auto"` (CUDA where there is one; the default), `"cpu"`, `"cuda"` or `"cuda:N"`: UTF-8.
   */
  const char *device;
  /**
   * `HRINET_PRECISION_FLOAT32` (the default), `HRINET_PRECISION_BFLOAT16` or
   * `HRINET_PRECISION_AUTO`. The systems of the paper compute in float32 alone, and refuse
   * bfloat16.
   */
  HrinetPrecision precision;
  /**
   * 1: interpolate every slice twice, with the pair in either order, and take the mean; a little
   * more accurate, at nearly twice the time. 0 (the default): once.
   */
  int32_t ensemble;
  /**
   * 1 (the default): carry the detail that an autoencoder (the paper's systems) loses of the
   * known slices into interpolated ones. 0: do not.
   */
  int32_t detail_carry;
} HrinetModelOptions;

/**
 * Description of a model.
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
   * The device that computes, `"cpu"` or `"cuda:N"`: valid as long as the model.
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
   * Number of trained parameters.
   */
  uint64_t parameter_count;
  /**
   * 1 for a model with an error head, which a job with `expected_error` needs; else 0.
   */
  int32_t predicts_error;
  /**
   * 1 for a model that finds flow, which `HRINET_LABELS_ANATOMY` needs; else 0.
   */
  int32_t has_flow;
} HrinetModelInfo;

/**
 * Voxel type: one of the `HRINET_INT8`, ... values.
 */
typedef int32_t HrinetVoxelType;

/**
 * Description of a volume; owns nothing. Set it up with `hrinet_volume_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * Voxel type.
   */
  HrinetVoxelType voxel_type;
  /**
   * The first voxel, (0, 0, 0), aligned to its type. NULL where only the geometry matters.
   */
  void *data;
  /**
   * Number of voxels along i, j, k.
   */
  size_t size[3];
  /**
   * Bytes from one voxel to the next along i, j, k, each greater than zero; all 0 for voxels
   * without gaps, i fastest.
   */
  ptrdiff_t strides[3];
  /**
   * Matrix from (i, j, k, 1) to RAS in mm, row by row.
   */
  double ijk_to_ras[16];
  /**
   * Positions of the k slices in mm from the first, for unevenly spaced slices; else NULL.
   * `size[2]` numbers, valid while the struct is used.
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
 * Wished spacing of the output slices: one of the `HRINET_SPACING_*` values.
 */
typedef int32_t HrinetSpacing;

/**
 * Options of a plan. Set it up with `hrinet_resample_options_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * Wished spacing of the output slices.
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
   * Axis along which to interpolate: 0 (i), 1 (j), 2 (k) or `HRINET_AXIS_AUTO`.
   */
  int32_t axis;
  /**
   * For `HRINET_SPACING_LIKE`: a volume, whose geometry alone is read; else NULL. It is read
   * when the plan is created, not later.
   */
  const HrinetVolume *like;
  /**
   * 1: the output of a tilted gantry (a sheared `ijk_to_ras`) is sheared like the input, and its
   * known slices stay bit for bit. 0: slices are moved in their plane, by cubic convolution,
   * onto a right-angled grid that covers all of them.
   */
  int32_t keep_tilt;
} HrinetResampleOptions;

/**
 * Source of an output slice.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * 1 for a copy of a known slice, 0 for an interpolated one. With a model of thin slices
   * (`hrinet_model_is_thin`) none is a copy.
   */
  int32_t is_known;
  /**
   * The known slice, or the first of the two on both sides.
   */
  uint32_t first;
  /**
   * The known slice, or the second of the two on both sides.
   */
  uint32_t second;
  /**
   * Position between them: 0 at the first, 1 at the second.
   */
  double fraction;
} HrinetSlice;

/**
 * Method for labels between two known slices: one of the `HRINET_LABELS_*` values.
 */
typedef int32_t HrinetLabelMethod;

/**
 * A label map of a job. Set it up with `hrinet_label_job_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * Labels on the grid of the CT, of any voxel type; their geometry and rescale are not read.
   */
  const HrinetVolume *input;
  /**
   * Labels on the output grid, of the voxel type of `input`; their geometry and rescale are not
   * read.
   */
  const HrinetVolume *output;
  /**
   * Method between known slices; `HRINET_LABELS_SHAPE` by default.
   */
  HrinetLabelMethod method;
} HrinetLabelJob;

/**
 * Progress of a job.
 */
typedef struct {
  /**
   * Size of this struct as the library knows it.
   */
  size_t struct_size;
  /**
   * Slices interpolated so far, of all outputs.
   */
  uint32_t slices_done;
  /**
   * Slices to interpolate, of all outputs: those of the volume (with its expected errors) and of
   * each label map.
   */
  uint32_t slices_total;
} HrinetProgress;

/**
 * Called after every few slices, from the thread that called the job. Anything but 0 cancels the
 * job, which then returns `HRINET_CANCELLED`. It may call the library, but not free what the job
 * uses.
 *
 * A C++ exception that leaves it ends the process: catch it, return 1 and throw it again after the
 * call, as hrinet.hpp does. It must not leave by `longjmp` or end its thread either.
 */
typedef int32_t (*HrinetProgressCallback)(const HrinetProgress *progress, void *user);

/**
 * A resampling: inputs, plan, model and the wanted outputs. Set it up with `hrinet_job_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * The model; NULL: linear interpolation.
   */
  const HrinetModel *model;
  /**
   * The plan of `input`.
   */
  const HrinetPlan *plan;
  /**
   * The CT, of the plan's voxel type. May be NULL for label maps whose method is not
   * `HRINET_LABELS_ANATOMY`.
   */
  const HrinetVolume *input;
  /**
   * Called after every few slices; may be NULL.
   */
  HrinetProgressCallback progress;
  /**
   * Passed to `progress`.
   */
  void *user;
  /**
   * Place for the resampled CT, of the plan's voxel type and output size; NULL where it is not
   * wanted.
   */
  const HrinetVolume *output;
  /**
   * Place for the expected absolute error of every voxel in HU, 0 in known slices: of
   * `HRINET_FLOAT32` and the plan's output size; NULL where it is not wanted. Needs a model with
   * `predicts_error`. An expected error is a mean, not a bound.
   */
  const HrinetVolume *expected_error;
  /**
   * Label maps to resample; NULL where there are none.
   */
  const HrinetLabelJob *labels;
  /**
   * Number of label maps.
   */
  size_t label_count;
  /**
   * Grey values that a network sees as its own window, from here to `window_high`, for volumes
   * that are not in HU; the expected error is then in these grey values. Both 0: HU.
   */
  double window_low;
  /**
   * See `window_low`.
   */
  double window_high;
} HrinetJob;

/**
 * A label map to fill between drawn slices. Set it up with `hrinet_fill_job_init`.
 */
typedef struct {
  /**
   * Size of this struct as the host knows it.
   */
  size_t struct_size;
  /**
   * The image: its geometry counts, its grey values may be of any unit.
   */
  const HrinetVolume *image;
  /**
   * Labels on the grid of the image, of any voxel type; their geometry and rescale are not read.
   * A slice is drawn for a label where it has a voxel of it; 0 is the background.
   */
  const HrinetVolume *labels;
  /**
   * Place for the filled labels, of the voxel type of `labels`; its geometry and rescale are not
   * read.
   */
  const HrinetVolume *output;
  /**
   * Called after every few slices; may be NULL.
   */
  HrinetProgressCallback progress;
  /**
   * Passed to `progress`.
   */
  void *user;
  /**
   * Index of the first slice to fill.
   */
  size_t first_slice;
  /**
   * Number of slices to fill, others stay as they are drawn; 0: all from `first_slice` on.
   */
  size_t slice_count;
  /**
   * The axis across the drawn slices: 0 (i), 1 (j) or 2 (k, the default).
   */
  int32_t axis;
  /**
   * 1 (the default): a label tapers beyond its first and last drawn slice, for less than the
   * distance to its next drawn one; 0: it ends there.
   */
  int32_t tapers;
} HrinetFillJob;

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
   * `groups` x `group_slices` x `rows` x `columns` HU, the column index fastest. The first and
   * the last slice of each group are the known ones; the others, evenly between them, are the
   * truth to be interpolated (the paper's n is 7). HU are clipped to the grey window.
   */
  const float *slices_hu;
  /**
   * `groups` x 2 x `rows` x `columns` HU: the context slices before the first and after the last
   * slice of each group, each as far from it as both from each other; all NaN where the volume
   * has none. hrinet-motion sees them when it interpolates volumes, and should be trained with
   * them; other systems ignore them. NULL: none.
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
 * Success.
 */
#define HRINET_OK 0

/**
 * A pointer is NULL that must not be.
 */
#define HRINET_NULL_POINTER 100

/**
 * An invalid argument or option.
 */
#define HRINET_INVALID_ARGUMENT 101

/**
 * An invalid grid: zero spacing, axes sheared further than a tilted gantry, a single slice.
 */
#define HRINET_INVALID_GEOMETRY 102

/**
 * A struct with an unknown `struct_size`: it was not initialised by its `_init` function.
 */
#define HRINET_INVALID_STRUCT_SIZE 103

/**
 * Text that is not UTF-8.
 */
#define HRINET_INVALID_TEXT 104

/**
 * A trainer is in use by another thread.
 */
#define HRINET_IN_USE 105

/**
 * The process was forked from one that had used the library, and would compute on several threads.
 */
#define HRINET_FORKED 106

/**
 * The file system failed: not found, no permission, disk full.
 */
#define HRINET_FILE_SYSTEM 200

/**
 * A file is truncated or inconsistent.
 */
#define HRINET_FILE_DAMAGED 201

/**
 * A valid file of an unsupported kind.
 */
#define HRINET_FILE_UNSUPPORTED 202

/**
 * A checkpoint of a later version.
 */
#define HRINET_FILE_NEWER 203

/**
 * A device does not exist.
 */
#define HRINET_NO_DEVICE 300

/**
 * The work does not fit into memory.
 */
#define HRINET_OUT_OF_MEMORY 301

/**
 * The callback of the host cancelled the job.
 */
#define HRINET_CANCELLED 400

/**
 * An internal error of this library, caught.
 */
#define HRINET_INTERNAL 500

/**
 * libtorch failed.
 */
#define HRINET_TORCH 501

/**
 * Training diverged: a non-finite loss.
 */
#define HRINET_TRAINING 502

/**
 * Float32, the default: on a CPU the same bits every time.
 */
#define HRINET_PRECISION_FLOAT32 0

/**
 * Bfloat16: faster on processors and cards that compute in it, less exact. hrinet-motion finds and
 * follows the flow in float32 all the same; no training of it in bfloat16.
 */
#define HRINET_PRECISION_BFLOAT16 1

/**
 * Bfloat16 on processors that compute in it, else float32; for models alone, not for training.
 */
#define HRINET_PRECISION_AUTO 2

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
 * The whole division of the slice spacing closest to the in-plane spacing.
 */
#define HRINET_SPACING_ISOTROPIC 0

/**
 * The slice spacing divided by `factor`.
 */
#define HRINET_SPACING_FACTOR 1

/**
 * The whole division of the slice spacing closest to `spacing_mm`.
 */
#define HRINET_SPACING_NEAREST 2

/**
 * Exactly `spacing_mm`, even where known slices are then missed.
 */
#define HRINET_SPACING_EXACT 3

/**
 * The slices of the grid of `like`, as far as they are within the volume.
 */
#define HRINET_SPACING_LIKE 4

/**
 * The labels of the nearer known slice; of the first one halfway between both.
 */
#define HRINET_LABELS_NEAREST 0

/**
 * Outlines between those of both slices, by signed distances in mm, label by label: no staircase;
 * a label that ends between two slices tapers. 0 is the background.
 */
#define HRINET_LABELS_SHAPE 1

/**
 * As `HRINET_LABELS_SHAPE`, along the flow that the model finds in the CT: needs a model with
 * `has_flow`, and the job's `input`.
 */
#define HRINET_LABELS_ANATOMY 2

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
 * Version of the interface of the loaded library: `HRINET_ABI_VERSION` of its header.
 */
uint32_t hrinet_abi_version(void);

/**
 * Version of the library, `"0.1.0"`: UTF-8, valid for the life of the process.
 */
const char *hrinet_version(void);

/**
 * Message of the last call of this thread that did not return `HRINET_OK`: one line of UTF-8 with
 * the value, path or shape. Valid until the next call of this thread fails; empty before the first
 * failure.
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
 * Number of usable devices: the CPU and each CUDA device. The list of the first call is kept for
 * the life of the process.
 */
uint32_t hrinet_device_count(void);

/**
 * Name of a device, as `HrinetModelOptions` takes it: `"cpu"` for index 0, then `"cuda:0"`, ...
 * UTF-8, valid for the life of the process; NULL where there is no such device.
 */
const char *hrinet_device_name(uint32_t index);

/**
 * Description of a device for people: `"CPU, 8 cores"`. UTF-8, valid for the life of the process;
 * NULL where there is no such device.
 */
const char *hrinet_device_description(uint32_t index);

/**
 * Whether a CUDA device can be used: 1 or 0.
 */
int32_t hrinet_cuda_is_available(void);

/**
 * Sets the number of CPU threads for the work of the calling thread: from 1 to four for each core,
 * or 16 on machines of fewer than four cores. A network decodes as many pairs of slices side by
 * side; callbacks come on the calling thread alone.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for other numbers, `HRINET_NO_DEVICE` where the system does
 * not start so many.
 */
HrinetStatus hrinet_set_num_threads(int32_t threads);

/**
 * Number of CPU threads for the work of the calling thread.
 */
int32_t hrinet_num_threads(void);

/**
 * Sets all fields to their defaults: device `"auto"`, float32, no ensemble, detail carry.
 *
 * @pre `options` points to a struct.
 */
HrinetStatus hrinet_model_options_init(HrinetModelOptions *options);

/**
 * Loads a model by name (`"hrinet-motion"`, `"linear"`, `"cubic"`) or a checkpoint file by its
 * path; `options` may be NULL for the defaults. `"linear"` and `"cubic"` compute on the CPU
 * whatever the device. Free it with `hrinet_model_free`.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for an unknown name; the file's codes; `HRINET_NO_DEVICE`.
 *
 * @pre `name_or_path` is a string, `options` NULL or a struct, `model` a place for a pointer.
 */
HrinetStatus hrinet_model_load(const char *name_or_path,
                               const HrinetModelOptions *options,
                               HrinetModel **model);

/**
 * Loads a checkpoint from `size` bytes in memory, which are not needed after the call; `options`
 * may be NULL for the defaults. Fails as `hrinet_model_load`.
 *
 * @pre `bytes` has `size` bytes, `options` is NULL or a struct, `model` a place for a pointer.
 */
HrinetStatus hrinet_model_load_from_memory(const uint8_t *bytes,
                                           size_t size,
                                           const HrinetModelOptions *options,
                                           HrinetModel **model);

/**
 * Describes a model. `info->struct_size` must be set to `sizeof(HrinetModelInfo)`.
 *
 * @pre `model` is a loaded model; `info` points to a struct.
 */
HrinetStatus hrinet_model_info(const HrinetModel *model, HrinetModelInfo *info);

/**
 * Whether a model makes thin slices from thick ones (`"hrinet-thin"`): 1 or 0, 0 for NULL. Then
 * `hrinet_resample` makes every slice, and keeps no known one, whatever `hrinet_plan_slice` says;
 * known slices are the averages over their thickness. Its plan must divide evenly spaced slices by
 * a whole number.
 *
 * @pre `model` is NULL or a loaded model.
 */
int32_t hrinet_model_is_thin(const HrinetModel *model);

/**
 * Frees a model; NULL is allowed. No other thread may be using it.
 *
 * @pre `model` is NULL or a loaded model, which must not be used again.
 */
void hrinet_model_free(HrinetModel *model);

/**
 * Sets all fields to their defaults: no voxels, size 0, spacing 1 mm, stored values are HU.
 *
 * @pre `volume` points to a struct.
 */
HrinetStatus hrinet_volume_init(HrinetVolume *volume);

/**
 * Sets all fields to their defaults: isotropic, along the slice axis of the volume.
 *
 * @pre `options` points to a struct.
 */
HrinetStatus hrinet_resample_options_init(HrinetResampleOptions *options);

/**
 * Plans the output grid of a volume, whose `data` is not read. Free it with `hrinet_plan_free`.
 *
 * Fails with `HRINET_INVALID_GEOMETRY` for an invalid grid (a single slice, axes sheared further
 * than a tilted gantry),
 * `HRINET_INVALID_ARGUMENT` for invalid options.
 *
 * @pre `volume` and `options` point to structs; `plan` points to a place for a pointer.
 */
HrinetStatus hrinet_plan_create(const HrinetVolume *volume,
                                const HrinetResampleOptions *options,
                                HrinetPlan **plan);

/**
 * Describes the output: size, geometry, voxel type and rescale; `data` is NULL, for voxels without
 * gaps, i fastest. The host sets `output->data`, and may set `strides`.
 *
 * @pre `plan` is a plan; `output` points to a struct.
 */
HrinetStatus hrinet_plan_output(const HrinetPlan *plan, HrinetVolume *output);

/**
 * Bytes of the voxels of the output, without gaps; 0 for NULL.
 *
 * @pre `plan` is NULL or a plan.
 */
size_t hrinet_plan_output_bytes(const HrinetPlan *plan);

/**
 * Approximate bytes of memory that `hrinet_resample` takes for the volume with a model (NULL:
 * linear interpolation) beside the voxels of input and output; 0 for a NULL plan.
 *
 * @pre `plan` and `model` are NULL or what they say.
 */
uint64_t hrinet_plan_work_bytes(const HrinetPlan *plan, const HrinetModel *model);

/**
 * How the output differs from what was asked for, in words (UTF-8): a volume that is copied,
 * rounded slice positions, slices of a tilted gantry that are moved in their plane. Empty where
 * there is nothing to say, NULL for NULL; valid as long as the plan.
 *
 * @pre `plan` is NULL or a plan.
 */
const char *hrinet_plan_remark(const HrinetPlan *plan);

/**
 * Number of output slices along the slice axis; 0 for NULL.
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
 * Source of output slice `index`. `slice->struct_size` must be set to `sizeof(HrinetSlice)`.
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
 * Sets all fields to their defaults: NULL and 0, with `HRINET_LABELS_SHAPE`.
 *
 * @pre `labels` points to a struct.
 */
HrinetStatus hrinet_label_job_init(HrinetLabelJob *labels);

/**
 * Sets all fields to their defaults: NULL and 0.
 *
 * @pre `job` points to a struct.
 */
HrinetStatus hrinet_job_init(HrinetJob *job);

/**
 * Resamples a volume: reads `input` and the label maps, writes the voxels of the wanted outputs,
 * with any strides. Known slices are copied bit for bit, unless the model makes thin slices
 * (`hrinet_model_is_thin`). Several jobs may use one model and one plan at once.
 *
 * The memory from the first to the last voxel of an output must not overlap that of an input or of
 * another output.
 *
 * A warning goes to the log callback where known slices are farther apart than in the training of
 * the model, and where values look like no Hounsfield units.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for a voxel type or size that does not fit the plan,
 * overlapping memory, infinite voxels, an output that the model does not offer and a job without
 * output; `HRINET_CANCELLED`; `HRINET_TORCH`. The voxels of all outputs are then unspecified.
 *
 * @pre `job` points to a struct, its handles and pointers are what they say or NULL; `data` of each
 * volume reaches as far as size and strides; meanwhile no other thread touches the voxels of
 * outputs or writes those of inputs.
 */
HrinetStatus hrinet_resample(const HrinetJob *job);

/**
 * Sends the warnings that `hrinet_resample` would give to the log callback, without resampling:
 * for a host that shows them before it offers the job. Of the job it reads model, plan, input and
 * window.
 *
 * Fails as `hrinet_resample` does for these.
 *
 * @pre As for `hrinet_resample`.
 */
HrinetStatus hrinet_job_check(const HrinetJob *job);

/**
 * Sets all fields to their defaults.
 *
 * @pre `job` points to a struct.
 */
HrinetStatus hrinet_fill_job_init(HrinetFillJob *job);

/**
 * Fills every label between the slices on which it is drawn, by its outlines there and by the
 * image of the slices between; reads `labels`, writes `output`, with any strides. Drawn voxels are
 * copied bit for bit. Needs no model, and computes on the calling thread.
 *
 * The memory from the first to the last voxel of `output` must not overlap that of an input.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for volumes of different sizes, an output of another voxel
 * type, overlapping memory, labels that are not finite and slices that are not there;
 * `HRINET_CANCELLED`. The voxels of the output are then unspecified.
 *
 * @pre `job` points to a struct, its pointers are what they say or NULL; `data` of each volume
 * reaches as far as size and strides; meanwhile no other thread touches the voxels of the output
 * or writes those of inputs.
 */
HrinetStatus hrinet_fill_labels(const HrinetFillJob *job);

/**
 * Interpolates slices between two known ones: the paper's operation, for interactive hosts.
 *
 * `first`, `second`: `rows` x `columns` in HU, row by row. `alphas`: `count` interpolation
 * coefficients from 0 to 1; 1 is `first`, 0 is `second`. `slices`: place for `count` x `rows` x
 * `columns` HU, which must not overlap the inputs. HU outside the model's window are interpolated
 * as in a volume. `model` may be NULL for linear interpolation.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for no pixels, an alpha outside 0 to 1, non-finite pixels
 * and overlapping memory; `HRINET_TORCH`.
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
                                       float *slices);

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
 * @pre `options` is a struct, `device` a string, `trainer` a place for a pointer.
 */
HrinetStatus hrinet_trainer_create(const HrinetTrainerOptions *options,
                                   const char *device,
                                   HrinetTrainer **trainer);

/**
 * Creates a trainer with a model's weights, on the model's device: fine-tuning. The model does not
 * change. Free it with `hrinet_trainer_free`.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for `"linear"` and `"cubic"`, which have no weights, and
 * for a model with another kind of generator than the options' system.
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
 * Fails with the codes of files, `HRINET_FILE_DAMAGED` also for a checkpoint without training
 * state (a model); `HRINET_NO_DEVICE`.
 *
 * @pre `path` and `device` are strings; `trainer` points to a place for a pointer.
 */
HrinetStatus hrinet_trainer_load(const char *path, const char *device, HrinetTrainer **trainer);

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
 * Stage II with Step I (equations 1, 2, 4) and Step II (equation 9). Iterations beyond those of
 * the options belong to the last stage.
 *
 * `losses->struct_size` must be set to `sizeof(HrinetStepLosses)`; NULL where they are not wanted.
 *
 * Fails with `HRINET_INVALID_ARGUMENT` for sides that the network cannot halve often enough,
 * groups of fewer than 3 slices, non-finite voxels and context slices that are NaN in part;
 * `HRINET_TRAINING` where training diverged: the trainer is of no use then, a saved checkpoint is;
 * `HRINET_IN_USE`.
 *
 * @pre `trainer` is a trainer; `batch` points to a struct whose arrays are as large as it says;
 * `losses` is NULL or points to a struct.
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
 * Writes a checkpoint that `hrinet_trainer_load` resumes, bit for bit on a CPU. A file of that
 * name is replaced once the new one is complete.
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
