/* Expected errors beside the slices that stay as they are.
 *
 * usage: confidence FOLDER
 * FOLDER: small.safetensors, a model without a confidence, and confident.safetensors, one with it. */
#include "block.h"

enum { FACTOR = 3, MADE = (SLICES - 1) * FACTOR + 1, PLANE = COLUMNS * ROWS };

static int32_t cancel(const HrinetProgress *progress, void *user) {
    (void)user;
    return progress->slices_done >= 2;
}

static HrinetModel *load_from(const char *folder, const char *name) {
    char path[4096];
    CHECK(snprintf(path, sizeof path, "%s/%s.safetensors", folder, name) < (int)sizeof path);
    return load(path);
}

int main(int argc, char **argv) {
    HrinetModel *plain, *confident, *linear = load("linear");
    HrinetPlan *plan;
    HrinetVolume ct, out, also, errors, wrong;
    int16_t known[VOXELS], made[MADE * PLANE], same[MADE * PLANE];
    float *expected = allocate(2 * MADE * PLANE * sizeof *expected);
    int index;

    CHECK(argc == 2);
    plain = load_from(argv[1], "small");
    confident = load_from(argv[1], "confident");
    CHECK(hrinet_model_has_confidence(confident) == 1);
    CHECK(hrinet_model_has_confidence(plain) == 0 && hrinet_model_has_confidence(linear) == 0);
    CHECK(hrinet_model_has_confidence(NULL) == 0);

    fill(known);
    describe(&ct, known);
    plan = plan_of(&ct, FACTOR);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    also = errors = out;
    out.data = made, also.data = same;
    CHECK(hrinet_interpolate_volume(confident, plan, &ct, NULL, NULL, &out) == HRINET_OK);

    /* Every other float: what lies between stays. */
    errors.data = expected;
    errors.voxel_type = HRINET_FLOAT32;
    errors.strides[0] = 2 * (int64_t)sizeof *expected;
    errors.strides[1] = COLUMNS * errors.strides[0];
    errors.strides[2] = ROWS * errors.strides[1];
    for (index = 0; index < 2 * MADE * PLANE; ++index) expected[index] = -7.0f;
    CHECK(hrinet_interpolate_with_confidence(confident, plan, &ct, NULL, NULL, &also, &errors) ==
          HRINET_OK);
    CHECK(memcmp(made, same, sizeof made) == 0);
    for (index = 0; index < MADE * PLANE; ++index) {
        CHECK(expected[2 * index + 1] == -7.0f);
        if (index / PLANE % FACTOR == 0 || index % PLANE == 4 * COLUMNS + 3)
            CHECK(expected[2 * index] == 0.0f); /* scanned, or metal that is the same in all */
        else
            CHECK(expected[2 * index] >= 0.1f && expected[2 * index] < 2000.0f);
    }

    REFUSED(hrinet_interpolate_with_confidence(plain, plan, &ct, NULL, NULL, &also, &errors),
            HRINET_INVALID_ARGUMENT, "no expected error");
    REFUSED(hrinet_interpolate_with_confidence(linear, plan, &ct, NULL, NULL, &also, &errors),
            HRINET_INVALID_ARGUMENT, "no expected error");
    REFUSED(hrinet_interpolate_with_confidence(NULL, plan, &ct, NULL, NULL, &also, &errors),
            HRINET_NULL_POINTER, "model");
    REFUSED(hrinet_interpolate_with_confidence(confident, plan, &ct, NULL, NULL, &also, NULL),
            HRINET_NULL_POINTER, "expected_error");
    CHECK(hrinet_interpolate_with_confidence(confident, plan, &ct, cancel, NULL, &also, &errors) ==
          HRINET_CANCELLED);
    wrong = errors;
    wrong.voxel_type = HRINET_FLOAT64;
    REFUSED(hrinet_interpolate_with_confidence(confident, plan, &ct, NULL, NULL, &also, &wrong),
            HRINET_INVALID_ARGUMENT, "HRINET_FLOAT32");
    wrong = errors;
    wrong.size[2] = SLICES;
    REFUSED(hrinet_interpolate_with_confidence(confident, plan, &ct, NULL, NULL, &also, &wrong),
            HRINET_INVALID_ARGUMENT, "expected_error has size");
    wrong = also;
    wrong.voxel_type = HRINET_FLOAT32;
    REFUSED(hrinet_interpolate_with_confidence(confident, plan, &ct, NULL, NULL, &wrong, &errors),
            HRINET_INVALID_ARGUMENT, "output has voxel_type");

    free(expected);
    hrinet_plan_free(plan);
    hrinet_model_free(plain);
    hrinet_model_free(confident);
    hrinet_model_free(linear);
    return 0;
}
