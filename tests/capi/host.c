/* What hosts do to their process: traps and rounding modes of floating point, far too many threads,
 * fork().
 *
 * usage: host MODEL */
#define _GNU_SOURCE
#include "block.h"
#include <fenv.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRAPS = FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW };

static int16_t voxels[VOXELS];
static HrinetVolume in, out;
static HrinetPlan *plan;
static HrinetModel *model;
static size_t bytes;
static void *expected;

/* Resamples into `out`, on as many threads as are set; the voxels must be those of `expected`. */
static void resample_again(HrinetProgressCallback progress) {
    CHECK(resample(model, plan, &in, progress, NULL, &out) == HRINET_OK);
    CHECK(!memcmp(out.data, expected, bytes));
}

static int calls;

/* The host's callbacks run in the host's environment. */
static int32_t in_own_environment(const HrinetProgress *progress, void *user) {
    (void)progress, (void)user;
    CHECK(fegetexcept() == TRAPS && fegetround() == FE_UPWARD);
    ++calls;
    return 0;
}

static void log_in_own_environment(int32_t level, const char *line, void *user) {
    (void)level, (void)line, (void)user;
    CHECK(fegetexcept() == TRAPS && fegetround() == FE_UPWARD);
}

static void traps(const char *path) {
    HrinetModel *second = NULL, *cubic = NULL;
    fesetround(FE_UPWARD);
    feclearexcept(FE_ALL_EXCEPT);
    CHECK(feenableexcept(TRAPS) == 0);
    CHECK(hrinet_set_log_callback(log_in_own_environment, 4, NULL) == HRINET_OK);
    resample_again(in_own_environment);
    CHECK(load_on(path, "cpu", &second) == HRINET_OK);
    CHECK(load_on("cubic", "cpu", &cubic) == HRINET_OK);
    CHECK(resample(cubic, plan, &in, in_own_environment, NULL, &out) == HRINET_OK);
    hrinet_model_free(cubic);
    hrinet_model_free(second);
    CHECK(hrinet_set_log_callback(NULL, 0, NULL) == HRINET_OK);
    CHECK(calls > 2 && fegetexcept() == TRAPS && fegetround() == FE_UPWARD);
    CHECK(fetestexcept(FE_ALL_EXCEPT) == 0);
    fedisableexcept(TRAPS);
    fesetround(FE_TONEAREST);
}

static void threads(void) {
    const int32_t before = hrinet_num_threads();
    REFUSED(hrinet_set_num_threads(1000000000), HRINET_INVALID_ARGUMENT, "1000000000 threads");
    REFUSED(hrinet_set_num_threads(0), HRINET_INVALID_ARGUMENT, "0 threads");
    CHECK(hrinet_num_threads() == before);
}

/* The child of a process that has computed: refused on two threads, the same voxels on one. */
static void child(const char *path) {
    HrinetModel *none = NULL;
    alarm(60);
    REFUSED(resample(model, plan, &in, NULL, NULL, &out), HRINET_FORKED, "forked");
    REFUSED(load_on(path, "cpu", &none), HRINET_FORKED, "spawn");
    CHECK(hrinet_set_num_threads(1) == HRINET_OK);
    resample_again(NULL);
    hrinet_plan_free(plan);
    hrinet_model_free(model);
    exit(0);
}

static void fork_and_compute(const char *path) {
    int status = 0;
    pid_t process;
    CHECK(hrinet_set_num_threads(2) == HRINET_OK);
    CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
    if ((process = fork()) == 0) child(path);
    CHECK(process > 0 && waitpid(process, &status, 0) == process);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    fill(voxels);
    describe(&in, voxels);
    model = load(argv[1]);
    plan = plan_of(&in, 3);
    CHECK(hrinet_set_num_threads(1) == HRINET_OK);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    bytes = hrinet_plan_output_bytes(plan);
    out.data = allocate(bytes), expected = allocate(bytes);
    CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
    memcpy(expected, out.data, bytes);
    traps(argv[1]);
    threads();
    fork_and_compute(argv[1]);
    free(expected);
    free(out.data);
    hrinet_plan_free(plan);
    hrinet_model_free(model);
    return 0;
}
