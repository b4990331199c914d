/* Resamples a volume through the C API alone, and provokes its errors.
 *
 * usage: resample MODEL|- INPUT.raw OUTPUT.raw
 * INPUT.raw: int16, 24 x 20 x 4 voxels, i fastest, 0.8 x 0.8 x 3 mm; OUTPUT.raw: what was made. */
#include "check.h"

enum { COLUMNS = 24, ROWS = 20, SLICES = 4, FACTOR = 3, MADE = (SLICES - 1) * FACTOR + 1 };

static uint32_t last_done;

static int32_t count(const HrinetProgress *progress, void *user) {
    ++*(int *)user;
    last_done = progress->slices_done;
    return 0;
}

static void count_warnings(int32_t level, const char *line, void *user) {
    *(int *)user += level == 2 && *line != 0;
}

static int32_t cancel(const HrinetProgress *progress, void *user) {
    (void)user;
    return progress->slices_done >= 2;
}

int main(int argc, char **argv) {
    HrinetModel *model = NULL;
    HrinetModelInfo info;
    HrinetResampleOptions options;
    HrinetPlan *plan = NULL, *none = NULL;
    HrinetVolume ct, out;
    HrinetSlice slice;
    int16_t *voxels, *made, *padded, *spread;
    HrinetJob job;
    int calls = 0, warnings = 0, i, j, k;
    FILE *file;

    CHECK(argc == 4);
    CHECK(hrinet_abi_version() == HRINET_ABI_VERSION);
    CHECK(strlen(hrinet_version()) >= 5);

    /* Errors say which, and why. */
    CHECK(load_on(NULL, "cpu", &model) == HRINET_NULL_POINTER);
    CHECK(strstr(hrinet_last_error_message(), "name_or_path"));
    CHECK(load_on("no-such-model", "cpu", &model) == HRINET_INVALID_ARGUMENT);
    CHECK(load_on("nowhere.safetensors", "cpu", &model) == HRINET_FILE_SYSTEM);
    CHECK(load_on(argv[2], "cpu", &model) == HRINET_FILE_UNSUPPORTED);
    CHECK(load_on("linear\xff", "cpu", &model) == HRINET_INVALID_TEXT);
    CHECK(load_on("hrinet-motion", "cuda:99", &model) == HRINET_NO_DEVICE);
    CHECK(load_on("", "cpu", &model) == HRINET_INVALID_ARGUMENT);
    CHECK(model == NULL);
    hrinet_model_free(NULL);
    hrinet_plan_free(NULL);

    if (strcmp(argv[1], "-") != 0) {
        CHECK(load_on(argv[1], "cpu", &model) == HRINET_OK);
        info.struct_size = 3;
        CHECK(hrinet_model_info(model, &info) == HRINET_INVALID_STRUCT_SIZE);
        info.struct_size = sizeof info;
        CHECK(hrinet_model_info(model, &info) == HRINET_OK);
        CHECK(strcmp(info.system, "hrinet-motion") == 0 && strlen(info.checksum) == 64);
        CHECK(info.window_low_hu == -1000 && info.window_high_hu == 1000);
        CHECK(info.parameter_count > 1000000);
    }
    CHECK(hrinet_set_num_threads(0) == HRINET_INVALID_ARGUMENT);
    CHECK(hrinet_set_num_threads(1) == HRINET_OK);

    voxels = malloc(COLUMNS * ROWS * SLICES * sizeof *voxels);
    file = fopen(argv[2], "rb");
    CHECK(voxels && file);
    CHECK(fread(voxels, sizeof *voxels, COLUMNS * ROWS * SLICES, file) == COLUMNS * ROWS * SLICES);
    fclose(file);

    CHECK(hrinet_volume_init(&ct) == HRINET_OK);
    ct.data = voxels;
    ct.size[0] = COLUMNS, ct.size[1] = ROWS, ct.size[2] = SLICES;
    ct.ijk_to_ras[0] = ct.ijk_to_ras[5] = 0.8, ct.ijk_to_ras[10] = 3.0, ct.ijk_to_ras[3] = -7.5;
    CHECK(hrinet_resample_options_init(&options) == HRINET_OK);
    options.spacing = 77;
    CHECK(hrinet_plan_create(&ct, &options, &plan) == HRINET_INVALID_ARGUMENT);
    options.spacing = HRINET_SPACING_FACTOR;
    options.factor = FACTOR;
    ct.ijk_to_ras[10] = 0;
    CHECK(hrinet_plan_create(&ct, &options, &none) == HRINET_INVALID_GEOMETRY);
    ct.ijk_to_ras[10] = 3.0;
    ct.ijk_to_ras[15] = 2.0;
    CHECK(hrinet_plan_create(&ct, &options, &none) == HRINET_INVALID_GEOMETRY);
    CHECK(strstr(hrinet_last_error_message(), "last row"));
    ct.ijk_to_ras[15] = 1.0;
    CHECK(none == NULL);
    CHECK(hrinet_plan_create(&ct, &options, &plan) == HRINET_OK);
    CHECK(hrinet_plan_axis(plan) == 2 && hrinet_plan_slice_count(plan) == MADE);
    slice.struct_size = 0;
    CHECK(hrinet_plan_slice(plan, 4, &slice) == HRINET_INVALID_STRUCT_SIZE);
    slice.struct_size = sizeof slice;
    CHECK(hrinet_plan_slice(plan, MADE, &slice) == HRINET_INVALID_ARGUMENT);
    CHECK(hrinet_plan_slice(plan, 4, &slice) == HRINET_OK);
    CHECK(!slice.is_known && slice.first == 1 && slice.second == 2);
    CHECK(slice.fraction > 0.3333 && slice.fraction < 0.3334);

    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    CHECK(out.size[0] == COLUMNS && out.size[1] == ROWS && out.size[2] == MADE);
    CHECK(out.ijk_to_ras[10] == 1.0 && out.ijk_to_ras[3] == -7.5 && out.data == NULL);
    CHECK(hrinet_plan_output_bytes(plan) == COLUMNS * ROWS * MADE * sizeof *made);
    CHECK(resample(model, plan, &ct, NULL, NULL, &out) == HRINET_NULL_POINTER);
    made = malloc(hrinet_plan_output_bytes(plan));
    CHECK(made);
    out.data = made;
    CHECK(resample(model, plan, &ct, cancel, NULL, &out) == HRINET_CANCELLED);
    out.voxel_type = HRINET_UINT16;
    CHECK(resample(model, plan, &ct, NULL, NULL, &out) == HRINET_INVALID_ARGUMENT);
    out.voxel_type = HRINET_INT16;
    CHECK(resample(model, plan, &ct, count, &calls, &out) == HRINET_OK);
    CHECK(calls > 1 && last_done == MADE - SLICES);
    for (k = 0; k < SLICES; ++k)
        CHECK(!memcmp(voxels + k * ROWS * COLUMNS, made + k * FACTOR * ROWS * COLUMNS,
                      ROWS * COLUMNS * sizeof *made));

    /* The same through other strides: rows padded on the way in, k fastest on the way out. */
    padded = malloc((COLUMNS + 5) * ROWS * SLICES * sizeof *padded);
    spread = malloc(hrinet_plan_output_bytes(plan));
    CHECK(padded && spread);
    for (k = 0; k < SLICES; ++k)
        for (j = 0; j < ROWS; ++j)
            memcpy(padded + (k * ROWS + j) * (COLUMNS + 5), voxels + (k * ROWS + j) * COLUMNS,
                   COLUMNS * sizeof *padded);
    ct.data = padded;
    ct.strides[0] = 2, ct.strides[1] = 2 * (COLUMNS + 5), ct.strides[2] = 2 * (COLUMNS + 5) * ROWS;
    out.data = spread;
    out.strides[2] = 2, out.strides[1] = 2 * MADE, out.strides[0] = 2 * MADE * (ROWS - 1);
    CHECK(resample(model, plan, &ct, NULL, NULL, &out) == HRINET_INVALID_ARGUMENT);
    CHECK(strstr(hrinet_last_error_message(), "overlap"));
    out.strides[0] = 2 * MADE * ROWS;
    CHECK(resample(model, plan, &ct, NULL, NULL, &out) == HRINET_OK);
    for (k = 0; k < MADE; ++k)
        for (j = 0; j < ROWS; ++j)
            for (i = 0; i < COLUMNS; ++i)
                CHECK(spread[(i * ROWS + j) * MADE + k] == made[(k * ROWS + j) * COLUMNS + i]);

    if (model) {
        /* The paper's operation: both ends come back as they are. */
        float first[16 * 16], second[16 * 16], between[3 * 16 * 16];
        double alphas[3] = {1.0, 0.5, 0.0}, beyond = 1.5;
        for (i = 0; i < 16 * 16; ++i)
            first[i] = (float)(i % 16) * 40 - 200, second[i] = (float)(i / 16) * 40 - 200;
        CHECK(hrinet_interpolate_slices(model, first, second, 16, 16, &beyond, 1, between) ==
              HRINET_INVALID_ARGUMENT);
        CHECK(hrinet_interpolate_slices(model, first, second, 16, 16, alphas, 3, between) ==
              HRINET_OK);
        CHECK(!memcmp(between, first, sizeof first));
        CHECK(!memcmp(between + 2 * 16 * 16, second, sizeof second));
        CHECK(memcmp(between + 16 * 16, first, sizeof first));
    }

    /* A check warns as the job would, of values that are no HU, and needs no output. */
    CHECK(hrinet_set_log_callback(count_warnings, 2, &warnings) == HRINET_OK);
    CHECK(hrinet_job_check(NULL) == HRINET_NULL_POINTER);
    CHECK(hrinet_job_init(&job) == HRINET_OK);
    job.model = model;
    CHECK(hrinet_job_check(&job) == HRINET_NULL_POINTER);
    job.plan = plan;
    REFUSED(hrinet_job_check(&job), HRINET_NULL_POINTER, "input");
    ct.data = spread, ct.strides[0] = ct.strides[1] = ct.strides[2] = 0;
    for (i = 0; i < COLUMNS * ROWS * SLICES; ++i) spread[i] = (int16_t)(i % 100);
    job.input = &ct;
    CHECK(hrinet_job_check(&job) == HRINET_OK);
    CHECK(warnings == (model ? 1 : 0));
    job.window_high = 100;
    CHECK(hrinet_job_check(&job) == HRINET_OK);
    CHECK(warnings == (model ? 1 : 0));
    job.window_low = 200;
    CHECK(hrinet_job_check(&job) == HRINET_INVALID_ARGUMENT);
    CHECK(hrinet_set_log_callback(NULL, 0, NULL) == HRINET_OK);

    file = fopen(argv[3], "wb");
    CHECK(file);
    CHECK(fwrite(made, 1, hrinet_plan_output_bytes(plan), file) == hrinet_plan_output_bytes(plan));
    fclose(file);
    hrinet_plan_free(plan);
    hrinet_model_free(model);
    free(voxels), free(made), free(padded), free(spread);
    return 0;
}
