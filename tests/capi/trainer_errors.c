/* Every error of a trainer that a host can provoke: its code, the words that help, and outputs left
 * alone.
 *
 * usage: trainer_errors CHECKPOINTS    (a folder by make_checkpoints.py) */
#include "block.h"
#include <math.h>

static const char *folder;

#define at(name) checkpoint_path(folder, name)

static void trainers(void) {
    static float slices[3 * 64 * 64];
    HrinetTrainer *const untouched = (HrinetTrainer *)(void *)&folder;
    HrinetTrainer *trainer = untouched;
    HrinetTrainerOptions options;
    HrinetTrainingBatch batch;
    HrinetStepLosses losses;
    HrinetModel *model = NULL;
    char path[4096];
    REFUSED(hrinet_trainer_options_init(NULL, &options), HRINET_NULL_POINTER, "system");
    REFUSED(hrinet_trainer_options_init("ae", NULL), HRINET_NULL_POINTER, "options");
    REFUSED(hrinet_trainer_options_init("\xff", &options), HRINET_INVALID_TEXT, "system");
    REFUSED(hrinet_trainer_options_init("unet", &options), HRINET_INVALID_ARGUMENT, "unet");
    CHECK(hrinet_trainer_options_init("hrinet-motion", &options) == HRINET_OK);
    options.size = 64;
#define WITH(change, code, words)                                               \
    do {                                                                        \
        const HrinetTrainerOptions before = options;                            \
        change;                                                                 \
        REFUSED(hrinet_trainer_create(&options, "cpu", &trainer), code, words); \
        CHECK(trainer == untouched);                                            \
        options = before;                                                       \
    } while (0)
    WITH(options.struct_size = 7, HRINET_INVALID_STRUCT_SIZE, "options");
    WITH(options.system = NULL, HRINET_NULL_POINTER, "system");
    WITH(options.system = "unet", HRINET_INVALID_ARGUMENT, "unet");
    WITH(options.size = 50, HRINET_INVALID_ARGUMENT, "50");
    WITH(options.lr_schedule = 2, HRINET_INVALID_ARGUMENT, "2");
    WITH(options.optimizer = 2, HRINET_INVALID_ARGUMENT, "optimizer of 2");
    WITH(options.content = 2, HRINET_INVALID_ARGUMENT, "content of 2");
    WITH(options.ssim_weight = -1, HRINET_INVALID_ARGUMENT, "-1");
    WITH(options.tissue_bias = NAN, HRINET_INVALID_ARGUMENT, "NaN");
    WITH(options.trainable_prefix = "\xff", HRINET_INVALID_TEXT, "trainable_prefix");
    WITH(options.trainable_prefix = "nothing", HRINET_INVALID_ARGUMENT, "nothing");
    WITH(options.precision = 2, HRINET_INVALID_ARGUMENT, "2");
    WITH(options.critic_target = 2, HRINET_INVALID_ARGUMENT, "2");
    WITH(options.adversarial = 3, HRINET_INVALID_ARGUMENT, "3");
    WITH(options.learning_rate = NAN, HRINET_INVALID_ARGUMENT, "NaN");
    WITH(options.learning_rate = -1, HRINET_INVALID_ARGUMENT, "-1");
    WITH(options.weight_decay = -1, HRINET_INVALID_ARGUMENT, "-1");
    WITH(options.max_grad_norm = INFINITY, HRINET_INVALID_ARGUMENT, "inf");
    WITH(options.lambda = NAN, HRINET_INVALID_ARGUMENT, "NaN");
    WITH(options.gamma = 2, HRINET_INVALID_ARGUMENT, "2");
    REFUSED(hrinet_trainer_create(NULL, "cpu", &trainer), HRINET_NULL_POINTER, "options");
    REFUSED(hrinet_trainer_create(&options, NULL, &trainer), HRINET_NULL_POINTER, "device");
    REFUSED(hrinet_trainer_create(&options, "cpu", NULL), HRINET_NULL_POINTER, "trainer");
    REFUSED(hrinet_trainer_create(&options, "cuda:99", &trainer), HRINET_NO_DEVICE, "cuda:99");
    REFUSED(hrinet_trainer_create_from_model(&options, NULL, &trainer), HRINET_NULL_POINTER,
            "model");
    REFUSED(hrinet_trainer_load(NULL, "cpu", &trainer), HRINET_NULL_POINTER, "path");
    REFUSED(hrinet_trainer_load(at("missing"), "cpu", &trainer), HRINET_FILE_SYSTEM, "missing");
    REFUSED(hrinet_trainer_load(at("cut"), "cpu", &trainer), HRINET_FILE_DAMAGED, "cut");
    REFUSED(hrinet_trainer_load(at("newer"), "cpu", &trainer), HRINET_FILE_NEWER, "newer");
    CHECK(hrinet_trainer_load(at("small"), "cpu", &trainer) != HRINET_OK);
    CHECK(strstr(hrinet_last_error_message(), "no training state"));
    CHECK(trainer == untouched);

    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_OK);
    losses.struct_size = sizeof losses;
    REFUSED(hrinet_training_batch_init(NULL), HRINET_NULL_POINTER, "batch");
    CHECK(hrinet_training_batch_init(&batch) == HRINET_OK);
    REFUSED(hrinet_trainer_step(trainer, &batch, &losses), HRINET_NULL_POINTER, "slices_hu");
    batch.slices_hu = slices;
    batch.groups = 1, batch.group_slices = 3, batch.rows = batch.columns = 64;
#define STEP_WITH(change, code, words)                                       \
    do {                                                                     \
        const HrinetTrainingBatch before = batch;                            \
        change;                                                              \
        REFUSED(hrinet_trainer_step(trainer, &batch, &losses), code, words); \
        batch = before;                                                      \
    } while (0)
    STEP_WITH(batch.struct_size = 0, HRINET_INVALID_STRUCT_SIZE, "batch");
    STEP_WITH(batch.groups = 0, HRINET_INVALID_ARGUMENT, "");
    STEP_WITH(batch.groups = SIZE_MAX, HRINET_INVALID_ARGUMENT, "");
    STEP_WITH(batch.group_slices = 2, HRINET_INVALID_ARGUMENT, "2 slices");
    STEP_WITH(batch.rows = 60, HRINET_INVALID_ARGUMENT, "60");
    REFUSED(hrinet_trainer_step(trainer, NULL, &losses), HRINET_NULL_POINTER, "batch");
    REFUSED(hrinet_trainer_step(NULL, &batch, &losses), HRINET_NULL_POINTER, "trainer");
    STEP_WITH(losses.struct_size = 0, HRINET_INVALID_STRUCT_SIZE, "losses");
    losses.struct_size = sizeof losses;
    STEP_WITH(slices[100] = NAN, HRINET_INVALID_ARGUMENT, "NaN");
    REFUSED(hrinet_trainer_save(trainer, NULL), HRINET_NULL_POINTER, "path");
    REFUSED(hrinet_trainer_save(NULL, "somewhere"), HRINET_NULL_POINTER, "trainer");
    snprintf(path, sizeof path, "%s/no/folder/x.safetensors", folder);
    CHECK(hrinet_trainer_save(trainer, path) != HRINET_OK);
    CHECK(strstr(hrinet_last_error_message(), "no/folder"));
    REFUSED(hrinet_trainer_model(trainer, NULL), HRINET_NULL_POINTER, "model");
    REFUSED(hrinet_trainer_model(NULL, &model), HRINET_NULL_POINTER, "trainer");
    CHECK(hrinet_trainer_iterations(trainer) == 0 && hrinet_trainer_iterations(NULL) == 0);
    hrinet_trainer_free(trainer);
    /* A linear model has nothing to train. */
    model = load("linear");
    trainer = untouched;
    REFUSED(hrinet_trainer_create_from_model(&options, model, &trainer), HRINET_INVALID_ARGUMENT,
            "");
    CHECK(trainer == untouched);
    hrinet_model_free(model);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    folder = argv[1];
    trainers();
    hrinet_trainer_free(NULL);
    return 0;
}
