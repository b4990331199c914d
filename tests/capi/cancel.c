/* Progress: from the calling thread, complete, and a way to stop.
 *
 * usage: cancel MODEL */
#include "block.h"
#include <pthread.h>

typedef struct {
    pthread_t thread;
    uint32_t calls, stop_at, last, total;
    const HrinetModel *model;
} Told;

static int32_t tell(const HrinetProgress *progress, void *user) {
    Told *told = user;
    CHECK(pthread_equal(told->thread, pthread_self()));
    CHECK(progress->slices_done >= told->last && progress->slices_done <= progress->slices_total);
    told->last = progress->slices_done, told->total = progress->slices_total;
    if (told->model) {
        /* A callback may call the library, and even run a job of its own. */
        static float first[256], second[256], slice[256];
        const double half = 0.5;
        CHECK(hrinet_interpolate_slices(told->model, first, second, 16, 16, &half, 1, slice) ==
              HRINET_OK);
    }
    return told->calls++ == told->stop_at ? -7 : 0;
}

int main(int argc, char **argv) {
    static int16_t voxels[VOXELS];
    HrinetModel *model;
    HrinetPlan *plan;
    HrinetVolume in, out;
    Told told;
    uint32_t calls, i;
    int with;
    CHECK(argc == 2);
    model = load(argv[1]);
    fill(voxels);
    describe(&in, voxels);
    plan = plan_of(&in, 10);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    out.data = allocate(hrinet_plan_output_bytes(plan));
    for (with = 0; with < 2; ++with) {
        const HrinetModel *const used = with ? model : NULL;
        memset(&told, 0, sizeof told);
        told.thread = pthread_self(), told.model = model, told.stop_at = UINT32_MAX;
        CHECK(resample(used, plan, &in, tell, &told, &out) == HRINET_OK);
        CHECK(told.total == 3 * 9 && told.last == told.total);
        calls = told.calls;
        CHECK(calls >= 4);
        /* Wherever it is stopped, it stops there, and the next job is not affected. */
        for (i = 0; i < calls; ++i) {
            told.calls = told.last = 0, told.stop_at = i, told.model = NULL;
            REFUSED(resample(used, plan, &in, tell, &told, &out), HRINET_CANCELLED,
                    "cancel");
            CHECK(told.calls == i + 1);
        }
    }
    free(out.data);
    hrinet_plan_free(plan);
    hrinet_model_free(model);
    return 0;
}
