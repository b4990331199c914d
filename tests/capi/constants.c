/* Every macro and enum value of hrinet.h: hosts have them compiled in, so none may ever change.
 * The test constants_all_listed finds those that are missing here. */
#include "block.h"

static const struct {
    const char *name;
    long value, expected;
} all[] = {
#define IS(name, expected) {#name, (long)(name), expected}
    IS(HRINET_ABI_VERSION, 1),
    IS(HRINET_AXIS_AUTO, -1),
    IS(HRINET_OK, 0),
    IS(HRINET_NULL_POINTER, 100),
    IS(HRINET_INVALID_ARGUMENT, 101),
    IS(HRINET_INVALID_GEOMETRY, 102),
    IS(HRINET_INVALID_STRUCT_SIZE, 103),
    IS(HRINET_INVALID_TEXT, 104),
    IS(HRINET_IN_USE, 105),
    IS(HRINET_FORKED, 106),
    IS(HRINET_FILE_SYSTEM, 200),
    IS(HRINET_FILE_DAMAGED, 201),
    IS(HRINET_FILE_UNSUPPORTED, 202),
    IS(HRINET_FILE_NEWER, 203),
    IS(HRINET_NO_DEVICE, 300),
    IS(HRINET_OUT_OF_MEMORY, 301),
    IS(HRINET_CANCELLED, 400),
    IS(HRINET_INTERNAL, 500),
    IS(HRINET_TORCH, 501),
    IS(HRINET_TRAINING, 502),
    IS(HRINET_INT8, 1),
    IS(HRINET_UINT8, 2),
    IS(HRINET_INT16, 3),
    IS(HRINET_UINT16, 4),
    IS(HRINET_INT32, 5),
    IS(HRINET_UINT32, 6),
    IS(HRINET_INT64, 7),
    IS(HRINET_UINT64, 8),
    IS(HRINET_FLOAT32, 9),
    IS(HRINET_FLOAT64, 10),
    IS(HRINET_SPACING_ISOTROPIC, 0),
    IS(HRINET_SPACING_FACTOR, 1),
    IS(HRINET_SPACING_NEAREST, 2),
    IS(HRINET_SPACING_EXACT, 3),
    IS(HRINET_SPACING_LIKE, 4),
    IS(HRINET_PRECISION_FLOAT32, 0),
    IS(HRINET_PRECISION_BFLOAT16, 1),
    IS(HRINET_PRECISION_AUTO, 2),
    IS(HRINET_LABELS_NEAREST, 0),
    IS(HRINET_LABELS_SHAPE, 1),
    IS(HRINET_LABELS_ANATOMY, 2),
    IS(HRINET_LR_SCHEDULE_COSINE, 0),
    IS(HRINET_LR_SCHEDULE_CONSTANT, 1),
    IS(HRINET_OPTIMIZER_ADAMW, 0),
    IS(HRINET_OPTIMIZER_MUON, 1),
    IS(HRINET_CONTENT_MSE, 0),
    IS(HRINET_CONTENT_PSNR, 1),
    IS(HRINET_CRITIC_FOLDED, 0),
    IS(HRINET_CRITIC_LITERAL, 1),
    IS(HRINET_ADVERSARIAL_SATURATING, 0),
    IS(HRINET_ADVERSARIAL_NON_SATURATING, 1),
    IS(HRINET_ADVERSARIAL_LEAST_SQUARES, 2),
};

int main(void) {
    HrinetVolume volume;
    HrinetResampleOptions options;
    HrinetModelOptions model;
    HrinetJob job;
    HrinetLabelJob labels;
    size_t i;
    int wrong = 0;
    for (i = 0; i < sizeof all / sizeof *all; ++i)
        if (all[i].value != all[i].expected) {
            fprintf(stderr, "%s is %ld, not %ld\n", all[i].name, all[i].value, all[i].expected);
            wrong = 1;
        }
    CHECK(!wrong);
    CHECK(sizeof(HrinetStatus) == 4 && sizeof(HrinetVoxelType) == 4 && sizeof(HrinetSpacing) == 4);
    CHECK(sizeof(HrinetPrecision) == 4 && sizeof(HrinetLabelMethod) == 4);
    CHECK(sizeof(HrinetLrSchedule) == 4 && sizeof(HrinetOptimizer) == 4);
    CHECK(sizeof(HrinetContent) == 4);
    CHECK(sizeof(HrinetCriticTarget) == 4 && sizeof(HrinetAdversarial) == 4);
    CHECK(hrinet_abi_version() == HRINET_ABI_VERSION);

    /* And what the _init functions set. */
    memset(&volume, 0xA5, sizeof volume);
    CHECK(hrinet_volume_init(&volume) == HRINET_OK);
    CHECK(volume.struct_size == sizeof volume && volume.voxel_type == HRINET_INT16);
    CHECK(!volume.data && !volume.slice_positions_mm);
    for (i = 0; i < 3; ++i) CHECK(volume.size[i] == 0 && volume.strides[i] == 0);
    for (i = 0; i < 16; ++i) CHECK(volume.ijk_to_ras[i] == (i % 5 == 0 ? 1.0 : 0.0));
    CHECK(volume.rescale_slope == 1.0 && volume.rescale_intercept == 0.0);
    memset(&options, 0xA5, sizeof options);
    CHECK(hrinet_resample_options_init(&options) == HRINET_OK);
    CHECK(options.struct_size == sizeof options && options.spacing == HRINET_SPACING_ISOTROPIC);
    CHECK(options.axis == HRINET_AXIS_AUTO && !options.like && options.keep_tilt == 0);
    memset(&model, 0xA5, sizeof model);
    CHECK(hrinet_model_options_init(&model) == HRINET_OK);
    CHECK(model.struct_size == sizeof model && !strcmp(model.device, "auto"));
    CHECK(model.precision == HRINET_PRECISION_FLOAT32 && model.ensemble == 0);
    CHECK(model.detail_carry == 1);
    memset(&job, 0xA5, sizeof job);
    CHECK(hrinet_job_init(&job) == HRINET_OK);
    CHECK(job.struct_size == sizeof job && !job.model && !job.plan && !job.input && !job.output);
    CHECK(job.window_low == 0.0 && job.window_high == 0.0);
    CHECK(!job.progress && !job.user && !job.expected_error && !job.labels && !job.label_count);
    memset(&labels, 0xA5, sizeof labels);
    CHECK(hrinet_label_job_init(&labels) == HRINET_OK);
    CHECK(labels.struct_size == sizeof labels && !labels.input && !labels.output);
    CHECK(labels.method == HRINET_LABELS_SHAPE);
    return 0;
}
