/* Several threads use one model and one plan at once; each gets what one alone gets, and its own
 * error message.
 *
 * usage: threads MODEL [trainer]      trainer: also two threads at one trainer */
#include "block.h"
#include <pthread.h>

enum { THREADS = 2, ROUNDS = 6 };

static HrinetModel *model;
static HrinetPlan *plan;
static HrinetVolume in;
static int16_t voxels[VOXELS];
static char *expected;

static char *made(void) {
    HrinetVolume out;
    CHECK(hrinet_set_num_threads(1) == HRINET_OK);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    out.data = allocate(hrinet_plan_output_bytes(plan));
    CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
    return out.data;
}

static void *work(void *user) {
    const char *const name = user;
    HrinetModel *none = NULL;
    int round;
    CHECK(!strcmp(hrinet_last_error_message(), ""));
    REFUSED(load_on(name, "cpu", &none), HRINET_INVALID_ARGUMENT, name);
    for (round = 0; round < ROUNDS; ++round) {
        char *mine = made();
        HrinetModelInfo info;
        CHECK(!memcmp(mine, expected, hrinet_plan_output_bytes(plan)));
        free(mine);
        memset(&info, 0, sizeof info);
        info.struct_size = sizeof info;
        CHECK(hrinet_model_info(model, &info) == HRINET_OK);
    }
    CHECK(strstr(hrinet_last_error_message(), name));
    return NULL;
}

/* A trainer is for one thread at a time; the other is refused, not let in. */
static void *train(void *user) {
    static float slices[7 * 64 * 64];
    HrinetTrainer *const trainer = user;
    HrinetTrainingBatch batch;
    int refused = 0;
    HrinetStatus status;
    CHECK(hrinet_training_batch_init(&batch) == HRINET_OK);
    batch.slices_hu = slices;
    batch.groups = 1, batch.group_slices = 7, batch.rows = batch.columns = 64;
    do {
        status = hrinet_trainer_step(trainer, &batch, NULL);
        CHECK(status == HRINET_OK || status == HRINET_IN_USE);
        refused += status == HRINET_IN_USE;
    } while (hrinet_trainer_iterations(trainer) < 6);
    return refused ? user : NULL;
}

static void one_trainer(void) {
    HrinetTrainerOptions options;
    HrinetTrainer *trainer = NULL;
    pthread_t other;
    void *refused, *mine;
    CHECK(hrinet_trainer_options_init("hrinet-motion", &options) == HRINET_OK);
    options.size = 64;
    CHECK(hrinet_trainer_create(&options, "cpu", &trainer) == HRINET_OK);
    CHECK(!pthread_create(&other, NULL, train, trainer));
    mine = train(trainer);
    CHECK(!pthread_join(other, &refused));
    CHECK(mine || refused);
    hrinet_trainer_free(trainer);
}

int main(int argc, char **argv) {
    static char names[THREADS][8] = {"one", "two"};
    pthread_t threads[THREADS];
    int i;
    CHECK(argc >= 2);
    model = load(argv[1]);
    fill(voxels);
    describe(&in, voxels);
    plan = plan_of(&in, 5);
    expected = made();
    for (i = 0; i < THREADS; ++i) CHECK(!pthread_create(&threads[i], NULL, work, names[i]));
    for (i = 0; i < THREADS; ++i) CHECK(!pthread_join(threads[i], NULL));
    CHECK(!strcmp(hrinet_last_error_message(), ""));
    if (argc > 2) one_trainer();
    free(expected);
    hrinet_plan_free(plan);
    hrinet_model_free(model);
    return 0;
}
