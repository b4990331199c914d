/* What a library has no business with: output, signals, locale, rounding, denormals, limits.
 *
 * usage: surroundings MODEL */
#include "block.h"
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

static int calls, lines[5];

static int32_t count(const HrinetProgress *progress, void *user) {
    (void)progress, (void)user;
    ++calls;
    return 0;
}

static void take(int32_t level, const char *line, void *user) {
    CHECK(level >= 1 && level <= 4 && *line && user == lines);
    ++lines[level];
}

static volatile double smallest = 4.9406564584124654e-324;

int main(int argc, char **argv) {
    static int16_t voxels[VOXELS];
    struct sigaction before[32], after;
    char locale[256];
    HrinetModel *model = NULL, *none = NULL;
    HrinetPlan *plan;
    HrinetVolume in, out;
    FILE *printed = tmpfile();
    int kept[2], i, mode;

    CHECK(argc == 2 && printed);
    for (i = 1; i < 32; ++i) sigaction(i, NULL, &before[i]);
    setlocale(LC_ALL, "");
    snprintf(locale, sizeof locale, "%s", setlocale(LC_ALL, NULL));
    fesetround(FE_UPWARD);
    mode = fegetround();

    fflush(stdout), fflush(stderr);
    for (i = 0; i < 2; ++i) {
        kept[i] = dup(i + 1);
        CHECK(dup2(fileno(printed), i + 1) >= 0);
    }
    CHECK(hrinet_set_log_callback(take, 4, lines) == HRINET_OK);
    model = load(argv[1]);
    CHECK(load_on("nowhere.safetensors", "cpu", &none) == HRINET_FILE_SYSTEM);
    fill(voxels);
    describe(&in, voxels);
    plan = plan_of(&in, 3);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    out.data = allocate(hrinet_plan_output_bytes(plan));
    CHECK(resample(model, plan, &in, count, NULL, &out) == HRINET_OK);
    CHECK(hrinet_set_log_callback(NULL, 0, NULL) == HRINET_OK);
    hrinet_plan_free(plan);
    hrinet_model_free(model);
    free(out.data);
    fflush(stdout), fflush(stderr);
    for (i = 0; i < 2; ++i) CHECK(dup2(kept[i], i + 1) >= 0);

    CHECK(lseek(fileno(printed), 0, SEEK_END) == 0);
    CHECK(calls > 1);
    for (i = 1; i < 32; ++i) {
        sigaction(i, NULL, &after);
        CHECK(before[i].sa_handler == after.sa_handler);
    }
    CHECK(!strcmp(locale, setlocale(LC_ALL, NULL)));
    CHECK(fegetround() == mode);

    /* Denormals are neither flushed nor taken as zero. */
    CHECK(smallest > 0 && smallest * 3 > smallest);
    return 0;
}
