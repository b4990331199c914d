/* Trains through the C API alone: losses fall, a saved trainer resumes bit for bit, a snapshot
 * interpolates.
 *
 * usage: train FOLDER
 * FOLDER: where checkpoints may be written. */
#include "check.h"
#include <math.h>

enum { GROUPS = 2, SLICES = 7, SIDE = 64, PLANE = SIDE * SIDE };

static float slices[GROUPS * SLICES * PLANE];
static float context[GROUPS * 2 * PLANE];
static HrinetTrainingBatch batch;

/* A slice through a disc of soft tissue that grows and moves from slice to slice. */
static void draw_slice(int group, int slice, float *plane) {
    int row, column;
    for (row = 0; row < SIDE; ++row)
        for (column = 0; column < SIDE; ++column) {
            double y = row - 30.0 - 8.0 * group, x = column - 20.0 - 3.0 * slice;
            double inside = 10.0 + slice - sqrt(x * x + y * y);
            double share = inside < 0 ? 0 : inside > 1 ? 1 : inside;
            plane[row * SIDE + column] = (float)(-1000.0 + 1050.0 * share);
        }
}

/* The groups as a batch, and their context slices, which the batch does not have yet. */
static void draw(void) {
    int group, slice;
    for (group = 0; group < GROUPS; ++group) {
        for (slice = 0; slice < SLICES; ++slice)
            draw_slice(group, slice, slices + (group * SLICES + slice) * PLANE);
        draw_slice(group, 1 - SLICES, context + 2 * group * PLANE);
        draw_slice(group, 2 * (SLICES - 1), context + (2 * group + 1) * PLANE);
    }
    CHECK(hrinet_training_batch_init(&batch) == HRINET_OK);
    CHECK(batch.struct_size == sizeof batch && !batch.slices_hu && !batch.context_hu);
    batch.slices_hu = slices;
    batch.groups = GROUPS;
    batch.group_slices = SLICES;
    batch.rows = batch.columns = SIDE;
}

static double step(HrinetTrainer *trainer, HrinetStepLosses *losses) {
    losses->struct_size = sizeof *losses;
    CHECK(hrinet_trainer_step(trainer, &batch, losses) == HRINET_OK);
    return losses->step_two;
}

static void options_are_checked(void) {
    HrinetTrainerOptions options;
    HrinetTrainer *trainer = NULL;
    CHECK(hrinet_trainer_options_init("unet", &options) == HRINET_INVALID_ARGUMENT);
    CHECK(hrinet_trainer_options_init("hrinet-motion", &options) == HRINET_OK);
    CHECK(options.optimizer == HRINET_OPTIMIZER_MUON && options.max_grad_norm == 1);
    CHECK(options.content == HRINET_CONTENT_MSE && options.trainable_prefix == NULL);
    CHECK(hrinet_trainer_options_init("hrinet-perceptual", &options) == HRINET_OK);
    CHECK(options.lambda == 0.5 && options.beta == 5e-4 && options.size == 256);
    CHECK(options.iterations == 50000 && options.lr_schedule == HRINET_LR_SCHEDULE_CONSTANT);
    CHECK(options.optimizer == HRINET_OPTIMIZER_ADAMW && options.weight_decay == 0);
    options.lambda = -1;
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_INVALID_ARGUMENT);
    CHECK(strstr(hrinet_last_error_message(), "lambda = -1"));
    options.lambda = 0.5;
    options.lr_schedule = 77;
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_INVALID_ARGUMENT);
    CHECK(trainer == NULL);
}

static void every_stage_resumes_bit_for_bit(const char *folder) {
    HrinetTrainerOptions options;
    HrinetTrainer *trainer = NULL, *again = NULL;
    HrinetStepLosses losses, others;
    char path[4096];
    int number;
    CHECK(hrinet_trainer_options_init("hrinet-perceptual", &options) == HRINET_OK);
    options.size = SIDE;
    options.stage_one_iterations = 2;
    options.iterations = 3;
    options.optimizer = HRINET_OPTIMIZER_MUON;
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_OK);

    /* Stage I has equations 2, 5 and 7; Stage II all of them. */
    step(trainer, &losses);
    CHECK(losses.iteration == 1 && losses.content > 0 && losses.critic >= 0);
    CHECK(losses.against_critic >= 0 && isnan(losses.step_two) && isnan(losses.patch_gan));
    for (number = 1; number < 4; ++number) {
        sprintf(path, "%s/trainer.safetensors", folder);
        CHECK(hrinet_trainer_save(trainer, path) == HRINET_OK);
        CHECK(hrinet_trainer_load(path, "cpu", &again) == HRINET_OK);
        CHECK(hrinet_trainer_iterations(again) == (uint64_t)number);
        memset(&losses, 0, sizeof losses);
        memset(&others, 0, sizeof others);
        step(trainer, &losses);
        step(again, &others);
        CHECK(memcmp(&losses, &others, sizeof losses) == 0);
        hrinet_trainer_free(again);
    }
    CHECK(losses.step_two > 0);
    CHECK(losses.patch_gan > 0 && losses.against_patch_gan < 0 && losses.gradient_norm > 0);
    hrinet_trainer_free(trainer);
}

static void batches_are_checked(void) {
    HrinetTrainerOptions options;
    HrinetTrainer *trainer = NULL, *again = NULL;
    HrinetStepLosses losses;
    CHECK(hrinet_trainer_options_init("ae", &options) == HRINET_OK);
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_OK);
    CHECK(hrinet_trainer_save(trainer, "/nowhere/at/all.safetensors") == HRINET_INVALID_ARGUMENT);
    CHECK(hrinet_trainer_load("nowhere.safetensors", "cpu", &again) == HRINET_FILE_SYSTEM);
    CHECK(again == NULL);
    batch.groups = 1;
    batch.group_slices = 2;
    CHECK(hrinet_trainer_step(trainer, &batch, NULL) == HRINET_INVALID_ARGUMENT);
    batch.group_slices = 3;
    batch.rows = 40;
    CHECK(hrinet_trainer_step(trainer, &batch, NULL) == HRINET_INVALID_ARGUMENT);
    CHECK(strstr(hrinet_last_error_message(), "40 x 64"));
    batch.rows = SIDE;
    CHECK(hrinet_trainer_step(NULL, &batch, NULL) == HRINET_NULL_POINTER);
    losses.struct_size = 1;
    CHECK(hrinet_trainer_step(trainer, &batch, &losses) == HRINET_INVALID_STRUCT_SIZE);
    slices[5] = (float)NAN;
    CHECK(hrinet_trainer_step(trainer, &batch, NULL) == HRINET_INVALID_ARGUMENT);
    CHECK(hrinet_trainer_iterations(trainer) == 0);
    hrinet_trainer_free(trainer);
    hrinet_trainer_free(NULL);
    draw();
}

static void diverging_training_is_an_error(void) {
    HrinetTrainerOptions options;
    HrinetTrainer *trainer = NULL;
    HrinetStatus status = HRINET_OK;
    int number;
    CHECK(hrinet_trainer_options_init("hrinet-motion", &options) == HRINET_OK);
    options.learning_rate = 1e15;
    options.warm_up = 0;
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_OK);
    for (number = 0; number < 10 && status == HRINET_OK; ++number)
        status = hrinet_trainer_step(trainer, &batch, NULL);
    CHECK(status == HRINET_TRAINING && strstr(hrinet_last_error_message(), "diverged"));
    hrinet_trainer_free(trainer);
}

/* Loss of the first step from the shipped model with this context. */
static double first_loss(const HrinetTrainerOptions *options, const HrinetModel *model,
                         const float *context_hu) {
    HrinetTrainer *trainer = NULL;
    HrinetStepLosses losses;
    double loss;
    batch.context_hu = context_hu;
    CHECK(hrinet_trainer_create_from_model(options, model, &trainer) == HRINET_OK);
    loss = step(trainer, &losses);
    hrinet_trainer_free(trainer);
    batch.context_hu = NULL;
    return loss;
}

static void context_lowers_the_loss(const HrinetTrainerOptions *options, const HrinetModel *model) {
    const double without = first_loss(options, model, NULL);
    HrinetTrainer *trainer = NULL;
    int number;
    CHECK(first_loss(options, model, context) < 0.999 * without);
    CHECK(hrinet_trainer_create_from_model(options, model, &trainer) == HRINET_OK);
    context[7] = (float)NAN;
    batch.context_hu = context;
    CHECK(hrinet_trainer_step(trainer, &batch, NULL) == HRINET_INVALID_ARGUMENT);
    CHECK(strstr(hrinet_last_error_message(), "before group 0"));
    hrinet_trainer_free(trainer);
    /* Slices of NaN alone are absent. */
    for (number = 0; number < GROUPS * 2 * PLANE; ++number) context[number] = (float)NAN;
    CHECK(fabs(first_loss(options, model, context) - without) < 1e-6 * without);
}

static void interpolate(const HrinetModel *model, float *plane) {
    const double middle = 0.5;
    const float *last = slices + (SLICES - 1) * PLANE;
    CHECK(hrinet_interpolate_slices(model, slices, last, SIDE, SIDE, &middle, 1, plane) ==
          HRINET_OK);
}

static void fine_tuning_changes_a_copy(void) {
    HrinetTrainerOptions options;
    HrinetTrainer *trainer = NULL;
    HrinetModel *model = NULL, *tuned = NULL;
    HrinetModelInfo info;
    HrinetStepLosses losses;
    static float before[PLANE], after[PLANE];
    double first = 0, last = 0;
    int number;
    CHECK(hrinet_trainer_options_init("hrinet-motion", &options) == HRINET_OK);
    options.iterations = 20;
    options.learning_rate = 5e-4;
    options.warm_up = 0;
    CHECK(load_on("linear", "cpu", &model) == HRINET_OK);
    CHECK(hrinet_trainer_create_from_model(&options, model, &trainer) == HRINET_INVALID_ARGUMENT);
    hrinet_model_free(model);
    CHECK(load_on("hrinet-motion", "cpu", &model) == HRINET_OK);
    interpolate(model, before);
    CHECK(hrinet_trainer_create_from_model(&options, model, &trainer) == HRINET_OK);
    for (number = 0; number < 20; ++number) {
        last = step(trainer, &losses);
        if (number == 0) first = last;
    }
    CHECK(last < 0.5 * first);
    interpolate(model, after);
    CHECK(memcmp(before, after, sizeof before) == 0);
    CHECK(hrinet_trainer_model(trainer, &tuned) == HRINET_OK);
    info.struct_size = sizeof info;
    CHECK(hrinet_model_info(tuned, &info) == HRINET_OK);
    CHECK(strcmp(info.system, "hrinet-motion") == 0 && strcmp(info.device, "cpu") == 0);
    interpolate(tuned, after);
    CHECK(memcmp(before, after, sizeof before) != 0);
    hrinet_trainer_free(trainer);
    hrinet_model_free(tuned);
    context_lowers_the_loss(&options, model);
    /* Frozen weights do not move. */
    options.trainable_prefix = "refinement";
    CHECK(hrinet_trainer_create_from_model(&options, model, &trainer) == HRINET_OK);
    step(trainer, &losses);
    hrinet_trainer_free(trainer);
    hrinet_model_free(model);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    draw();
    options_are_checked();
    every_stage_resumes_bit_for_bit(argv[1]);
    batches_are_checked();
    diverging_training_is_an_error();
    fine_tuning_changes_a_copy();
    return 0;
}
