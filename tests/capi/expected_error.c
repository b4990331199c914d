/* Expected errors beside the slices that stay as they are.
 *
 * usage: expected_error FOLDER
 * FOLDER: small.safetensors, a model without error head, and confident.safetensors, one with it. */
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

static int predicts_error(const HrinetModel *model) {
    HrinetModelInfo info;
    info.struct_size = sizeof info;
    CHECK(hrinet_model_info(model, &info) == HRINET_OK);
    CHECK(info.predicts_error == 0 || info.predicts_error == 1);
    CHECK(info.has_flow == (strcmp(info.system, "hrinet-motion") == 0));
    CHECK(hrinet_model_is_thin(model) == 0 && hrinet_model_is_thin(NULL) == 0);
    return info.predicts_error;
}

/* Resamples with expected errors. */
static HrinetStatus both(const HrinetModel *model, const HrinetPlan *plan, const HrinetVolume *ct,
                         HrinetProgressCallback progress, const HrinetVolume *output,
                         const HrinetVolume *expected_error) {
    HrinetJob job = job_of(model, plan, ct);
    job.progress = progress, job.output = output, job.expected_error = expected_error;
    return hrinet_resample(&job);
}

int main(int argc, char **argv) {
    HrinetModel *plain, *confident, *linear = load("linear");
    HrinetPlan *plan;
    HrinetVolume ct, out, also, errors, wrong;
    int16_t known[VOXELS], made[MADE * PLANE], same[MADE * PLANE];
    float *expected = allocate(2 * MADE * PLANE * sizeof *expected);
    float *alone = allocate(MADE * PLANE * sizeof *alone);
    int index;

    CHECK(argc == 2);
    plain = load_from(argv[1], "small");
    confident = load_from(argv[1], "confident");
    CHECK(predicts_error(confident) && !predicts_error(plain) && !predicts_error(linear));

    fill(known);
    describe(&ct, known);
    plan = plan_of(&ct, FACTOR);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    also = errors = out;
    out.data = made, also.data = same;
    CHECK(resample(confident, plan, &ct, NULL, NULL, &out) == HRINET_OK);

    /* Every other float: what lies between stays. */
    errors.data = expected;
    errors.voxel_type = HRINET_FLOAT32;
    errors.strides[0] = 2 * (int64_t)sizeof *expected;
    errors.strides[1] = COLUMNS * errors.strides[0];
    errors.strides[2] = ROWS * errors.strides[1];
    for (index = 0; index < 2 * MADE * PLANE; ++index) expected[index] = -7.0f;
    CHECK(both(confident, plan, &ct, NULL, &also, &errors) ==
          HRINET_OK);
    CHECK(memcmp(made, same, sizeof made) == 0);
    for (index = 0; index < MADE * PLANE; ++index) {
        CHECK(expected[2 * index + 1] == -7.0f);
        if (index / PLANE % FACTOR == 0 || index % PLANE == 4 * COLUMNS + 3)
            CHECK(expected[2 * index] == 0.0f); /* scanned, or metal that is the same in all */
        else
            CHECK(expected[2 * index] >= 0.1f && expected[2 * index] < 2000.0f);
    }

    REFUSED(both(plain, plan, &ct, NULL, &also, &errors),
            HRINET_INVALID_ARGUMENT, "no expected error");
    REFUSED(both(linear, plan, &ct, NULL, &also, &errors),
            HRINET_INVALID_ARGUMENT, "no expected error");
    REFUSED(both(NULL, plan, &ct, NULL, &also, &errors), HRINET_INVALID_ARGUMENT,
            "no expected error");
    wrong = out;
    wrong.data = expected;
    REFUSED(both(confident, plan, &ct, NULL, &wrong, &errors), HRINET_INVALID_ARGUMENT,
            "expected_error overlaps output");

    /* Expected errors alone are the same. */
    also = errors;
    also.data = alone, also.strides[0] = also.strides[1] = also.strides[2] = 0;
    CHECK(both(confident, plan, &ct, NULL, NULL, &also) == HRINET_OK);
    for (index = 0; index < MADE * PLANE; ++index) CHECK(alone[index] == expected[2 * index]);
    also = out;
    also.data = same;
    CHECK(both(confident, plan, &ct, cancel, &also, &errors) ==
          HRINET_CANCELLED);
    wrong = errors;
    wrong.voxel_type = HRINET_FLOAT64;
    REFUSED(both(confident, plan, &ct, NULL, &also, &wrong),
            HRINET_INVALID_ARGUMENT, "expected_error has voxel_type");
    wrong = errors;
    wrong.size[2] = SLICES;
    REFUSED(both(confident, plan, &ct, NULL, &also, &wrong),
            HRINET_INVALID_ARGUMENT, "expected_error has size");
    wrong = also;
    wrong.voxel_type = HRINET_FLOAT32;
    REFUSED(both(confident, plan, &ct, NULL, &wrong, &errors),
            HRINET_INVALID_ARGUMENT, "output has voxel_type");

    free(expected);
    free(alone);
    hrinet_plan_free(plan);
    hrinet_model_free(plain);
    hrinet_model_free(confident);
    hrinet_model_free(linear);
    return 0;
}
