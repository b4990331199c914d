/* Filling of label maps: a tube that leans, between the slices on which it is drawn. */
#include "check.h"

enum { COLUMNS = 40, ROWS = 30, SLICES = 13, GAP = 4, PLANE = COLUMNS * ROWS };
enum { VOXELS = PLANE * SLICES };

static uint32_t calls, stop_at;

static int32_t tell(const HrinetProgress *progress, void *user) {
    CHECK(user == &calls && progress->slices_done <= progress->slices_total);
    return calls++ == stop_at;
}

static int inside(int index) {
    const int k = index / PLANE, y = index % PLANE / COLUMNS - 15, x = index % COLUMNS - 10 - k;
    return x * x + y * y <= 36;
}

static void describe(HrinetVolume *volume, int32_t type, void *data) {
    CHECK(hrinet_volume_init(volume) == HRINET_OK);
    volume->voxel_type = type, volume->data = data;
    volume->size[0] = COLUMNS, volume->size[1] = ROWS, volume->size[2] = SLICES;
    volume->ijk_to_ras[10] = 3.0;
}

int main(void) {
    static int16_t grey[VOXELS];
    static uint8_t drawn[VOXELS], filled[VOXELS];
    HrinetVolume image, labels, output;
    HrinetFillJob job;
    int index, wrong = 0;
    for (index = 0; index < VOXELS; ++index) {
        grey[index] = (int16_t)(100 * inside(index));
        drawn[index] = (uint8_t)(index / PLANE % GAP == 0 && inside(index) ? 5 : 0);
    }
    describe(&image, HRINET_INT16, grey);
    describe(&labels, HRINET_UINT8, drawn);
    describe(&output, HRINET_UINT8, filled);
    CHECK(hrinet_fill_job_init(NULL) == HRINET_NULL_POINTER);
    CHECK(hrinet_fill_job_init(&job) == HRINET_OK);
    CHECK(job.axis == 2 && job.tapers == 1 && job.slice_count == 0);
    job.image = &image, job.labels = &labels;
    REFUSED(hrinet_fill_labels(&job), HRINET_NULL_POINTER, "output");
    job.output = &output, job.progress = tell, job.user = &calls, stop_at = UINT32_MAX;
    CHECK(hrinet_fill_labels(&job) == HRINET_OK && calls > 9);
    for (index = 0; index < VOXELS; ++index) {
        CHECK(drawn[index] == 0 || filled[index] == drawn[index]);
        wrong += (filled[index] > 0) != inside(index);
    }
    CHECK(wrong < 60);
    /* Some slices alone. */
    job.first_slice = 2, job.slice_count = 3;
    CHECK(hrinet_fill_labels(&job) == HRINET_OK);
    for (index = 0; index < VOXELS; ++index)
        CHECK((filled[index] == drawn[index]) || (index / PLANE >= 2 && index / PLANE < 5));
    job.slice_count = 12;
    REFUSED(hrinet_fill_labels(&job), HRINET_INVALID_ARGUMENT, "there are 13");
    job.first_slice = job.slice_count = 0;

    calls = 0, stop_at = 3;
    REFUSED(hrinet_fill_labels(&job), HRINET_CANCELLED, "cancel");
    CHECK(calls == 4);
    job.progress = NULL;
    job.axis = 3;
    REFUSED(hrinet_fill_labels(&job), HRINET_INVALID_ARGUMENT, "axis");
    job.axis = 2, job.tapers = 2;
    REFUSED(hrinet_fill_labels(&job), HRINET_INVALID_ARGUMENT, "tapers");
    job.tapers = 0, output.voxel_type = HRINET_INT8;
    REFUSED(hrinet_fill_labels(&job), HRINET_INVALID_ARGUMENT, "output has voxel_type");
    output.voxel_type = HRINET_UINT8, output.data = drawn;
    REFUSED(hrinet_fill_labels(&job), HRINET_INVALID_ARGUMENT, "overlaps labels");
    output.data = filled, output.size[2] = SLICES - 1;
    REFUSED(hrinet_fill_labels(&job), HRINET_INVALID_ARGUMENT, "the output has 40 x 30 x 12");
    job.struct_size = 1;
    REFUSED(hrinet_fill_labels(&job), HRINET_INVALID_STRUCT_SIZE, "job");
    return 0;
}
