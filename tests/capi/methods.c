/* Linear and cubic interpolation, label maps, the grid of another volume, devices, precision:
 * closed forms.
 *
 * usage: methods PAPER.safetensors
 * PAPER.safetensors: a checkpoint of a system of the paper. */
#include "check.h"
#include <math.h>

enum { COLUMNS = 6, ROWS = 5, SLICES = 5, FACTOR = 4, MADE = (SLICES - 1) * FACTOR + 1 };
enum { PLANE = COLUMNS * ROWS, SIDE = 64 };

static int32_t cancel(const HrinetProgress *progress, void *user) {
    (void)user;
    return progress->slices_done >= 2;
}

/* A ramp along k stays a ramp by linear interpolation. The cubic spline, which is flat at its ends,
 * deviates by as much before the middle as after. */
static void plain(const char *name, const HrinetVolume *ct, const HrinetPlan *plan) {
    HrinetModel *model = NULL;
    HrinetModelInfo info;
    HrinetVolume out;
    float *made;
    int index;
    CHECK(load_on(name, "auto", &model) == HRINET_OK);
    info.struct_size = sizeof info;
    CHECK(hrinet_model_info(model, &info) == HRINET_OK);
    CHECK(strcmp(info.system, name) == 0 && info.checksum[0] == 0 && info.parameter_count == 0);
    CHECK(isinf(info.window_low_hu) && info.window_low_hu < 0 && isinf(info.window_high_hu));
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    out.data = made = malloc(hrinet_plan_output_bytes(plan));
    CHECK(made && resample(model, plan, ct, NULL, NULL, &out) == HRINET_OK);
    for (index = 0; index < MADE * PLANE; ++index)
        if (strcmp(name, "linear") == 0 || index / PLANE % FACTOR == 0)
            CHECK(fabs(made[index] - (10.0 * (index / PLANE) + index % PLANE)) < 1e-3);
        else
            CHECK(fabs(made[index] + made[(MADE - 1 - index / PLANE) * PLANE + index % PLANE] -
                       (10.0 * (MADE - 1) + 2 * (index % PLANE))) < 1e-3);
    CHECK(hrinet_plan_work_bytes(plan, model) > 0);
    CHECK(hrinet_plan_work_bytes(plan, model) < 100000);
    free(made);
    hrinet_model_free(model);
}

static void labels(const HrinetPlan *plan) {
    uint8_t known[SLICES * PLANE], made[MADE * PLANE];
    HrinetVolume in, out;
    int index;
    for (index = 0; index < SLICES * PLANE; ++index) known[index] = (uint8_t)(index / PLANE + 1);
    CHECK(hrinet_volume_init(&in) == HRINET_OK && hrinet_volume_init(&out) == HRINET_OK);
    in.voxel_type = out.voxel_type = HRINET_UINT8;
    in.data = known, out.data = made;
    in.size[0] = out.size[0] = COLUMNS, in.size[1] = out.size[1] = ROWS;
    in.size[2] = SLICES, out.size[2] = MADE;
    CHECK(resample_labels(NULL, plan, NULL, &in, 7, NULL, &out) == HRINET_INVALID_ARGUMENT);
    CHECK(resample_labels(NULL, plan, NULL, &in, HRINET_LABELS_NEAREST, cancel, &out) ==
          HRINET_CANCELLED);
    CHECK(resample_labels(NULL, plan, NULL, &in, HRINET_LABELS_NEAREST, NULL, &out) == HRINET_OK);
    for (index = 0; index < MADE * PLANE; ++index) /* 0 1 2 are slice 0, 3 to 6 are slice 1, ... */
        CHECK(made[index] == (index / PLANE + 1) / FACTOR + 1);
    out.voxel_type = HRINET_INT8;
    CHECK(resample_labels(NULL, plan, NULL, &in, 0, NULL, &out) == HRINET_INVALID_ARGUMENT);
}

int main(int argc, char **argv) {
    float known[SLICES * PLANE], slices[2 * SIDE * SIDE], whole[SIDE * SIDE], half[SIDE * SIDE];
    float either[SIDE * SIDE];
    HrinetResampleOptions options;
    HrinetModelOptions half_precision;
    HrinetPlan *plan = NULL, *like = NULL;
    HrinetModel *model = NULL;
    HrinetVolume ct, other, out;
    const double middle = 0.5;
    double difference = 0;
    uint32_t device;
    int index;

    CHECK(argc == 2);
    for (index = 0; index < SLICES * PLANE; ++index)
        known[index] = (float)(10 * FACTOR * (index / PLANE) + index % PLANE);
    CHECK(hrinet_volume_init(&ct) == HRINET_OK);
    ct.voxel_type = HRINET_FLOAT32;
    ct.data = known;
    ct.size[0] = COLUMNS, ct.size[1] = ROWS, ct.size[2] = SLICES;
    ct.ijk_to_ras[10] = 4.0;
    CHECK(hrinet_resample_options_init(&options) == HRINET_OK);
    CHECK(hrinet_plan_create(&ct, &options, &plan) == HRINET_OK); /* isotropic: 4 parts */
    CHECK(hrinet_plan_slice_count(plan) == MADE);
    plain("linear", &ct, plan);
    plain("cubic", &ct, plan);
    labels(plan);

    /* The slices of another volume: 2 mm apart, from 4 mm on. */
    options.spacing = HRINET_SPACING_LIKE;
    CHECK(hrinet_plan_create(&ct, &options, &like) == HRINET_NULL_POINTER);
    other = ct;
    other.data = NULL;
    other.size[2] = 5;
    other.ijk_to_ras[10] = 2.0, other.ijk_to_ras[11] = 4.0;
    options.like = &other;
    CHECK(hrinet_plan_create(&ct, &options, &like) == HRINET_OK);
    CHECK(hrinet_plan_output(like, &out) == HRINET_OK);
    CHECK(out.size[2] == 5 && out.ijk_to_ras[11] == 4.0 && out.ijk_to_ras[10] == 2.0);
    hrinet_plan_free(like);

    /* Devices: the CPU is always there, and every name loads. */
    CHECK(hrinet_device_count() >= 1 && strcmp(hrinet_device_name(0), "cpu") == 0);
    CHECK(hrinet_device_name(hrinet_device_count()) == NULL);
    CHECK(strncmp(hrinet_device_description(0), "CPU, ", 5) == 0);
    CHECK((hrinet_device_count() > 1) == (hrinet_cuda_is_available() == 1));
    for (device = 0; device < hrinet_device_count(); ++device) {
        CHECK(load_on("hrinet-motion", hrinet_device_name(device), &model) == HRINET_OK);
        CHECK(hrinet_plan_work_bytes(plan, model) > 100000000);
        hrinet_model_free(model);
    }
    CHECK(hrinet_set_num_threads(1) == HRINET_OK && hrinet_num_threads() == 1);

    /* Precision: the same network with 8 bits, near by but not the same. */
    model = NULL;
    half_precision = options_on("cpu");
    half_precision.precision = HRINET_PRECISION_BFLOAT16;
    for (index = 0; index < 2 * SIDE * SIDE; ++index)
        slices[index] = (float)((index % SIDE) * 12 - 400 + 100 * (index / SIDE / SIDE));
    CHECK(load_on("hrinet-motion-small", "cpu", &model) == HRINET_OK);
    CHECK(hrinet_interpolate_slices(model, slices, slices + SIDE * SIDE, SIDE, SIDE, &middle, 1,
                                    whole) == HRINET_OK);
    hrinet_model_free(model);
    CHECK(hrinet_model_load("hrinet-motion-small", &half_precision, &model) == HRINET_OK);
    CHECK(hrinet_interpolate_slices(model, slices, slices + SIDE * SIDE, SIDE, SIDE, &middle, 1,
                                    half) == HRINET_OK);
    hrinet_model_free(model);
    for (index = 0; index < SIDE * SIDE; ++index)
        difference = fmax(difference, fabs(whole[index] - half[index]));
    CHECK(difference > 0 && difference < 25); /* of 2000 HU */
    /* A system of the paper has no other precision than float32. */
    CHECK(hrinet_model_load(argv[1], &half_precision, &model) == HRINET_INVALID_ARGUMENT);
    CHECK(strstr(hrinet_last_error_message(), "float32") != NULL);
    /* Auto is one of both. */
    half_precision.precision = HRINET_PRECISION_AUTO;
    CHECK(hrinet_model_load(argv[1], &half_precision, &model) == HRINET_OK);
    hrinet_model_free(model);
    CHECK(hrinet_model_load("hrinet-motion-small", &half_precision, &model) == HRINET_OK);
    CHECK(hrinet_interpolate_slices(model, slices, slices + SIDE * SIDE, SIDE, SIDE, &middle, 1,
                                    either) == HRINET_OK);
    hrinet_model_free(model);
    CHECK(memcmp(either, whole, sizeof whole) == 0 || memcmp(either, half, sizeof half) == 0);
    CHECK(hrinet_interpolate_slices(NULL, slices, slices + SIDE * SIDE, SIDE, SIDE, &middle, 1,
                                    half) == HRINET_OK);
    for (index = 0; index < SIDE * SIDE; ++index)
        CHECK(fabs(half[index] - (slices[index] + 50.0)) < 1e-3);
    hrinet_plan_free(plan);
    return 0;
}
