/* The process may end while threads work: by return from main, by exit(), by exit() in a callback.
 * That holds once it has loaded its first model.
 *
 * usage: exit MODEL ROUNDS      runs itself, ROUNDS times each way, and looks how that ends
 *        exit MODEL way MS      one such process */
#include "block.h"
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIDE = 96, DEEP = 3, THREADS = 2 };

static const char *path, *way;
static int16_t voxels[SIDE * SIDE * DEEP];

static void wait_ms(long ms) {
    struct timespec time;
    time.tv_sec = ms / 1000, time.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&time, NULL);
}

/* A second exit() beside the first would be undefined. */
static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;

static int32_t tell(const HrinetProgress *progress, void *user) {
    (void)user;
    if (!strcmp(way, "callback") && progress->slices_done > 2 && !pthread_mutex_trylock(&once))
        exit(0);
    return 0;
}

/* Works on and on, and frees what it used as a host's thread would, whatever the calls return. */
static void *work(void *user) {
    HrinetVolume in, out;
    (void)user;
    for (;;) {
        HrinetModel *model = NULL;
        HrinetPlan *plan;
        int i;
        if (load_on(path, "cpu", &model) != HRINET_OK) break;
        if (hrinet_volume_init(&in) != HRINET_OK) break;
        in.data = voxels;
        in.size[0] = in.size[1] = SIDE, in.size[2] = DEEP;
        in.ijk_to_ras[10] = 3;
        {
            HrinetResampleOptions options;
            plan = NULL;
            if (hrinet_resample_options_init(&options) != HRINET_OK) break;
            options.spacing = HRINET_SPACING_FACTOR, options.factor = 40;
            if (hrinet_plan_create(&in, &options, &plan) != HRINET_OK) break;
            if (hrinet_plan_output(plan, &out) != HRINET_OK) break;
        }
        out.data = malloc(hrinet_plan_output_bytes(plan));
        for (i = 0; i < 3; ++i)
            if (resample(model, plan, &in, tell, NULL, &out) != HRINET_OK) break;
        hrinet_plan_free(plan);
        hrinet_model_free(model);
        free(out.data);
    }
    /* The host's thread may go on after a refusal, and look why. */
    CHECK(strlen(hrinet_last_error_message()) > 0);
    wait_ms(10);
    return NULL;
}

/* Trains on and on. */
static void *train(void *user) {
    static float slices[3 * 64 * 64];
    HrinetTrainerOptions options;
    HrinetTrainer *trainer = NULL;
    HrinetModel *model = NULL;
    HrinetTrainingBatch batch;
    (void)user;
    hrinet_training_batch_init(&batch);
    batch.slices_hu = slices;
    batch.groups = 1, batch.group_slices = 3, batch.rows = batch.columns = 64;
    while (hrinet_trainer_options_init("hrinet-motion", &options) == HRINET_OK) {
        int i;
        options.size = 64;
        if (hrinet_trainer_create(&options, "cpu", &trainer) != HRINET_OK) break;
        for (i = 0; i < 4; ++i)
            if (hrinet_trainer_step(trainer, &batch, NULL) != HRINET_OK) break;
        if (hrinet_trainer_model(trainer, &model) == HRINET_OK) hrinet_model_free(model);
        hrinet_trainer_free(trainer);
    }
    wait_ms(10);
    return NULL;
}

/* One process of the other kind: 0 if it ended as it should. */
static int run(char *self, const char *how, long ms) {
    char delay[32];
    pid_t child;
    int status = 0;
    snprintf(delay, sizeof delay, "%ld", ms);
    if ((child = fork()) == 0) {
        execl(self, self, path, how, delay, (char *)NULL);
        _exit(127);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s after %ld ms: signal %d\n", how, ms, WTERMSIG(status));
    else if (WEXITSTATUS(status))
        fprintf(stderr, "%s after %ld ms: status %d\n", how, ms, WEXITSTATUS(status));
    return status != 0;
}

int main(int argc, char **argv) {
    static const char *const ways[] = {"return", "exit", "callback", "train"};
    pthread_t threads[THREADS];
    struct timespec before, after;
    int i, w, bad = 0;
    CHECK(argc == 3 || argc == 4);
    path = argv[1];
    if (argc == 3) {
        const int rounds = atoi(argv[2]);
        clock_gettime(CLOCK_MONOTONIC, &before);
        for (w = 0; w < 4; ++w)
            for (i = 0; i < rounds; ++i) bad += run(argv[0], ways[w], 13 * i % 170);
        clock_gettime(CLOCK_MONOTONIC, &after);
        printf("%d of %d processes ended badly; %.2f s each\n", bad, 4 * rounds,
               (double)(after.tv_sec - before.tv_sec) / (4 * rounds));
        return bad != 0;
    }
    way = argv[2];
    fill(voxels);
    hrinet_model_free(load(path));
    for (i = 0; i < THREADS; ++i)
        CHECK(!pthread_create(&threads[i], NULL, strcmp(way, "train") ? work : train, NULL));
    wait_ms(strcmp(way, "callback") ? strtol(argv[3], NULL, 10) : 20000);
    if (!strcmp(way, "exit")) exit(0);
    return strcmp(way, "callback") ? 0 : 3;
}
