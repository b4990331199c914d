/* Trains through the C API alone: losses fall, a saved trainer goes on bit for bit, a snapshot
 * interpolates.
 *
 * usage: train FOLDER
 * FOLDER: where checkpoints may be written. */
#include "check.h"
#include <math.h>

enum { GROUPS = 2, SLICES = 7, SIDE = 64, PLANE = SIDE * SIDE };

static float slices[GROUPS * SLICES * PLANE];
static float beyond[GROUPS * 2 * PLANE];

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

/* The groups, and the slices as far beyond each as its ends are apart. */
static void draw(void) {
    int group, slice;
    for (group = 0; group < GROUPS; ++group) {
        for (slice = 0; slice < SLICES; ++slice)
            draw_slice(group, slice, slices + (group * SLICES + slice) * PLANE);
        draw_slice(group, 1 - SLICES, beyond + 2 * group * PLANE);
        draw_slice(group, 2 * (SLICES - 1), beyond + (2 * group + 1) * PLANE);
    }
}

/* The loss of a first step from the shipped model, with slices beyond the groups or without. */
static double first_loss(const HrinetTrainerOptions *options, const HrinetModel *model, const float *around) {
    HrinetTrainer *trainer = NULL;
    HrinetLosses losses;
    losses.struct_size = sizeof losses;
    CHECK(hrinet_trainer_create_from_model(options, model, &trainer) == HRINET_OK);
    if (around == NULL)
        CHECK(hrinet_trainer_step(trainer, slices, GROUPS, SLICES, SIDE, SIDE, &losses) == HRINET_OK);
    else
        CHECK(hrinet_trainer_step_with_beyond(trainer, slices, around, GROUPS, SLICES, SIDE, SIDE, &losses) ==
              HRINET_OK);
    hrinet_trainer_free(trainer);
    return losses.step_two;
}

static double step(HrinetTrainer *trainer, HrinetLosses *losses) {
    losses->struct_size = sizeof *losses;
    CHECK(hrinet_trainer_step(trainer, slices, GROUPS, SLICES, SIDE, SIDE, losses) == HRINET_OK);
    return losses->step_two;
}

int main(int argc, char **argv) {
    HrinetTrainerOptions options;
    HrinetTrainer *trainer = NULL, *again = NULL;
    HrinetModel *model = NULL;
    HrinetModelInfo info;
    HrinetLosses losses, others;
    char path[4096];
    float made[PLANE];
    const double middle = 0.5;
    double first = 0, last = 0;
    int number;

    CHECK(argc == 2);
    draw();
    CHECK(hrinet_trainer_options_init("unet", &options) == HRINET_INVALID_ARGUMENT);
    CHECK(hrinet_trainer_options_init("hrinet-perceptual", &options) == HRINET_OK);
    CHECK(options.lambda == 0.5 && options.beta == 5e-4 && options.size == 256);
    CHECK(options.iterations == 50000 && options.decline == HRINET_DECLINE_CONSTANT);
    options.size = SIDE;
    options.stage_one_iterations = 2;
    options.iterations = 3;
    options.lambda = -1;
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_INVALID_ARGUMENT);
    CHECK(strstr(hrinet_last_error_message(), "lambda of -1"));
    options.lambda = 0.5;
    options.decline = 77;
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_INVALID_ARGUMENT);
    options.decline = HRINET_DECLINE_COSINE;
    CHECK(trainer == NULL);
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_OK);

    /* Stage I has equations 2, 5 and 7; Stage II all of them. */
    step(trainer, &losses);
    CHECK(losses.iteration == 1 && losses.content > 0 && losses.critic >= 0);
    CHECK(losses.against_critic >= 0 && isnan(losses.step_two) && isnan(losses.patch_gan));
    step(trainer, &losses);
    CHECK(step(trainer, &losses) > 0);
    CHECK(losses.patch_gan > 0 && losses.against_patch_gan < 0 && losses.gradient_norm > 0);
    CHECK(hrinet_trainer_iterations(trainer) == 3);

    /* Saved and loaded, it goes on as it would have. */
    sprintf(path, "%s/trainer.safetensors", argv[1]);
    CHECK(hrinet_trainer_save(trainer, path) == HRINET_OK);
    CHECK(hrinet_trainer_load(path, "cpu", &again) == HRINET_OK);
    CHECK(hrinet_trainer_iterations(again) == 3);
    memset(&losses, 0, sizeof losses);
    memset(&others, 0, sizeof others);
    step(trainer, &losses);
    step(again, &others);
    CHECK(memcmp(&losses, &others, sizeof losses) == 0);
    hrinet_trainer_free(again);

    /* Errors say which, and why. */
    again = NULL;
    CHECK(hrinet_trainer_save(trainer, "/nowhere/at/all.safetensors") == HRINET_INVALID_ARGUMENT);
    CHECK(hrinet_trainer_load("nowhere.safetensors", "cpu", &again) == HRINET_FILE_SYSTEM);
    CHECK(hrinet_trainer_step(trainer, slices, 1, 2, SIDE, SIDE, NULL) == HRINET_INVALID_ARGUMENT);
    CHECK(hrinet_trainer_step(trainer, slices, 1, 3, 40, SIDE, NULL) == HRINET_INVALID_ARGUMENT);
    CHECK(strstr(hrinet_last_error_message(), "40 x 64"));
    CHECK(hrinet_trainer_step(NULL, slices, 1, 3, SIDE, SIDE, NULL) == HRINET_NULL_POINTER);
    losses.struct_size = 1;
    CHECK(hrinet_trainer_step(trainer, slices, 1, 3, SIDE, SIDE, &losses) ==
          HRINET_INVALID_STRUCT_SIZE);
    slices[5] = (float)NAN;
    CHECK(hrinet_trainer_step(trainer, slices, 1, 3, SIDE, SIDE, NULL) == HRINET_INVALID_ARGUMENT);
    CHECK(again == NULL && hrinet_trainer_iterations(trainer) == 4);
    hrinet_trainer_free(trainer);
    hrinet_trainer_free(NULL);

    /* Weights that run away are told, not trained on. */
    draw();
    CHECK(hrinet_trainer_options_init("hrinet-motion", &options) == HRINET_OK);
    options.learning_rate = 1e15;
    options.warm_up = 0;
    trainer = NULL;
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_OK);
    {
        HrinetStatus status = HRINET_OK;
        for (number = 0; number < 10 && status == HRINET_OK; ++number)
            status = hrinet_trainer_step(trainer, slices, GROUPS, SLICES, SIDE, SIDE, NULL);
        CHECK(status == HRINET_TRAINING && strstr(hrinet_last_error_message(), "astray"));
    }
    hrinet_trainer_free(trainer);
    trainer = NULL;

    /* The shipped model learns the disc; what it was stays as it was. */
    draw();
    CHECK(hrinet_trainer_options_init("hrinet-motion", &options) == HRINET_OK);
    options.iterations = 20;
    options.learning_rate = 5e-4;
    options.warm_up = 0;
    CHECK(hrinet_model_load("linear", "cpu", &model) == HRINET_OK);
    CHECK(hrinet_trainer_create_from_model(&options, model, &trainer) == HRINET_INVALID_ARGUMENT);
    hrinet_model_free(model);
    CHECK(hrinet_model_load("hrinet-motion", "cpu", &model) == HRINET_OK);
    trainer = NULL;
    CHECK(hrinet_trainer_create_from_model(&options, model, &trainer) == HRINET_OK);
    CHECK(hrinet_interpolate_slices(model, slices, slices + (SLICES - 1) * PLANE, SIDE, SIDE, &middle,
                                    1, made) == HRINET_OK);
    for (number = 0; number < 20; ++number) {
        last = step(trainer, &losses);
        if (number == 0) first = last;
    }
    CHECK(last < 0.5 * first);
    {
        /* Slices beyond help where they are told; those that are not there are as none. */
        double alone = first_loss(&options, model, NULL), around = first_loss(&options, model, beyond);
        float there = beyond[7];
        CHECK(around < 0.999 * alone);
        beyond[7] = (float)NAN;
        CHECK(hrinet_trainer_step_with_beyond(trainer, slices, beyond, GROUPS, SLICES, SIDE, SIDE, NULL) ==
              HRINET_INVALID_ARGUMENT);
        CHECK(strstr(hrinet_last_error_message(), "before group 0"));
        CHECK(hrinet_trainer_step_with_beyond(trainer, slices, NULL, GROUPS, SLICES, SIDE, SIDE, NULL) ==
              HRINET_NULL_POINTER);
        beyond[7] = there;
        for (number = 0; number < GROUPS * 2 * PLANE; ++number) beyond[number] = (float)NAN;
        CHECK(fabs(first_loss(&options, model, beyond) - alone) < 1e-6 * alone);
    }
    {
        float after[PLANE];
        CHECK(hrinet_interpolate_slices(model, slices, slices + (SLICES - 1) * PLANE, SIDE, SIDE,
                                        &middle, 1, after) == HRINET_OK);
        CHECK(memcmp(made, after, sizeof made) == 0);
        hrinet_model_free(model);
        model = NULL;
        CHECK(hrinet_trainer_model(trainer, &model) == HRINET_OK);
        info.struct_size = sizeof info;
        CHECK(hrinet_model_info(model, &info) == HRINET_OK);
        CHECK(strcmp(info.system, "hrinet-motion") == 0 && strcmp(info.device, "cpu") == 0);
        CHECK(hrinet_interpolate_slices(model, slices, slices + (SLICES - 1) * PLANE, SIDE, SIDE,
                                        &middle, 1, after) == HRINET_OK);
        CHECK(memcmp(made, after, sizeof made) != 0);
    }
    hrinet_trainer_free(trainer);
    hrinet_model_free(model);
    return 0;
}
