/* Every error that a host can provoke: its code, the words that help, and outputs left alone.
 *
 * usage: errors CHECKPOINTS    (a folder by make_checkpoints.py)
 *
 * The errors of trainers are in trainer_errors.c, HRINET_TRAINING in train.c, HRINET_IN_USE in
 * threads.c. Not provoked: HRINET_OUT_OF_MEMORY, HRINET_INTERNAL and HRINET_TORCH need a machine or
 * a library that is ill. */
#include "block.h"
#include <math.h>

static const char *folder;

#define at(name) checkpoint_path(folder, name)

static int32_t cancel(const HrinetProgress *progress, void *user) {
    (void)progress, (void)user;
    return 1;
}

static void models(void) {
    HrinetModel *const untouched = (HrinetModel *)(void *)&folder;
    HrinetModel *model = untouched;
    HrinetModelOptions options;
    HrinetModelInfo info;
    uint8_t bytes[64] = {0};

    REFUSED(load_on(NULL, "cpu", &model), HRINET_NULL_POINTER, "name_or_path");
    REFUSED(load_on("hrinet-motion", NULL, &model), HRINET_NULL_POINTER, "device");
    REFUSED(load_on("hrinet-motion", "cpu", NULL), HRINET_NULL_POINTER, "model");
    REFUSED(load_on("a\xff", "cpu", &model), HRINET_INVALID_TEXT, "name_or_path");
    REFUSED(load_on("hrinet-motion", "\xc3", &model), HRINET_INVALID_TEXT, "device");
    REFUSED(load_on("no-such-model", "cpu", &model), HRINET_INVALID_ARGUMENT,
            "no-such-model");
    REFUSED(load_on(at("missing"), "cpu", &model), HRINET_FILE_SYSTEM,
            "missing.safetensors");
    REFUSED(load_on(folder, "cpu", &model), HRINET_FILE_UNSUPPORTED, "folder");
    REFUSED(load_on(at("foreign"), "cpu", &model), HRINET_FILE_UNSUPPORTED,
            "foreign.safetensors");
    REFUSED(load_on(at("empty"), "cpu", &model), HRINET_FILE_UNSUPPORTED, "empty");
    REFUSED(load_on(at("newer"), "cpu", &model), HRINET_FILE_NEWER, "newer.safetensors");
    REFUSED(load_on(at("cut"), "cpu", &model), HRINET_FILE_DAMAGED, "cut.safetensors");
    REFUSED(load_on(at("flipped"), "cpu", &model), HRINET_FILE_DAMAGED, "checksum");
    REFUSED(load_on(at("unknown_system"), "cpu", &model), HRINET_FILE_DAMAGED,
            "hrinet-tomorrow");
    REFUSED(load_on(at("other_sizes"), "cpu", &model), HRINET_FILE_DAMAGED,
            "other_sizes.safetensors");
    REFUSED(load_on("hrinet-motion", "gpu", &model), HRINET_INVALID_ARGUMENT, "gpu");
    REFUSED(load_on("hrinet-motion", "cuda:99", &model), HRINET_NO_DEVICE, "cuda:99");
    REFUSED(hrinet_model_options_init(NULL), HRINET_NULL_POINTER, "options");
    options = options_on("cpu");
    options.precision = 9;
    REFUSED(hrinet_model_load(at("small"), &options, &model), HRINET_INVALID_ARGUMENT, "9");
    options = options_on("cpu");
    options.ensemble = 2;
    REFUSED(hrinet_model_load(at("small"), &options, &model), HRINET_INVALID_ARGUMENT,
            "ensemble is 2");
    options = options_on("cpu");
    options.struct_size = 4;
    REFUSED(hrinet_model_load(at("small"), &options, &model), HRINET_INVALID_STRUCT_SIZE,
            "options");
    REFUSED(hrinet_model_load_from_memory(bytes, 64, &options, &model), HRINET_INVALID_STRUCT_SIZE,
            "options");
    if (!hrinet_cuda_is_available())
        REFUSED(load_on("hrinet-motion", "cuda", &model), HRINET_NO_DEVICE, "cuda");

    REFUSED(load_bytes(NULL, 64, "cpu", &model), HRINET_NULL_POINTER, "bytes");
    REFUSED(load_bytes(bytes, 64, "cpu", NULL), HRINET_NULL_POINTER, "model");
    REFUSED(load_bytes(bytes, 64, NULL, &model), HRINET_NULL_POINTER, "device");
    REFUSED(load_bytes(bytes, 64, "cpu", &model), HRINET_FILE_UNSUPPORTED, "");
    REFUSED(load_bytes(bytes, 0, "cpu", &model), HRINET_FILE_UNSUPPORTED, "");
    CHECK(model == untouched);

    /* A path beyond ASCII is found. */
    model = load(at("gr\xc3\xb6\xc3\x9f" "e"));
    memset(&info, 0, sizeof info);
    REFUSED(hrinet_model_info(model, &info), HRINET_INVALID_STRUCT_SIZE, "0");
    info.struct_size = sizeof info;
    REFUSED(hrinet_model_info(NULL, &info), HRINET_NULL_POINTER, "model");
    REFUSED(hrinet_model_info(model, NULL), HRINET_NULL_POINTER, "info");
    CHECK(hrinet_model_info(model, &info) == HRINET_OK);
    CHECK(!strcmp(info.system, "hrinet-motion") && strlen(info.checksum) == 64);
    CHECK(info.window_low_hu == -1000 && info.window_high_hu == 1000);
    CHECK(info.parameter_count > 1000);
    hrinet_model_free(model);
}

static void plans(void) {
    HrinetVolume volume;
    HrinetResampleOptions options;
    HrinetSlice slice;
    HrinetVolume other;
    HrinetPlan *const untouched = (HrinetPlan *)(void *)&folder;
    HrinetPlan *plan = untouched;
    const double positions[SLICES] = {0, 3, 3, 9};

    REFUSED(hrinet_volume_init(NULL), HRINET_NULL_POINTER, "volume");
    REFUSED(hrinet_resample_options_init(NULL), HRINET_NULL_POINTER, "options");
    describe(&volume, NULL);
    CHECK(hrinet_resample_options_init(&options) == HRINET_OK);
    REFUSED(hrinet_plan_create(NULL, &options, &plan), HRINET_NULL_POINTER, "volume");
    REFUSED(hrinet_plan_create(&volume, NULL, &plan), HRINET_NULL_POINTER, "options");
    REFUSED(hrinet_plan_create(&volume, &options, NULL), HRINET_NULL_POINTER, "plan");

#define WITH(change, code, words)                                                    \
    do {                                                                             \
        const HrinetVolume volume_before = volume;                                   \
        const HrinetResampleOptions options_before = options;                        \
        change;                                                                      \
        REFUSED(hrinet_plan_create(&volume, &options, &plan), code, words);          \
        CHECK(plan == untouched);                                                    \
        volume = volume_before, options = options_before;                            \
    } while (0)
    WITH(volume.struct_size = 8, HRINET_INVALID_STRUCT_SIZE, "volume");
    WITH(options.struct_size = 0, HRINET_INVALID_STRUCT_SIZE, "options");
    WITH(volume.voxel_type = 0, HRINET_INVALID_ARGUMENT, "voxel_type of 0");
    WITH(volume.voxel_type = 11, HRINET_INVALID_ARGUMENT, "voxel_type of 11");
    WITH(volume.size[2] = 1, HRINET_INVALID_GEOMETRY, "");
    WITH(volume.size[0] = 0, HRINET_INVALID_GEOMETRY, "");
    WITH(volume.ijk_to_ras[10] = 0, HRINET_INVALID_GEOMETRY, "");
    WITH(volume.ijk_to_ras[10] = NAN, HRINET_INVALID_GEOMETRY, "");
    WITH(volume.ijk_to_ras[2] = 3, HRINET_INVALID_GEOMETRY, "");
    WITH(volume.slice_positions_mm = positions, HRINET_INVALID_GEOMETRY, "");
    WITH(volume.rescale_slope = 0, HRINET_INVALID_ARGUMENT, "slope");
    WITH(volume.rescale_intercept = INFINITY, HRINET_INVALID_ARGUMENT, "inf");
    WITH(options.spacing = 77, HRINET_INVALID_ARGUMENT, "77");
    WITH(options.axis = 3, HRINET_INVALID_ARGUMENT, "3");
    WITH((options.spacing = HRINET_SPACING_FACTOR, options.factor = 0), HRINET_INVALID_ARGUMENT,
         "0");
    WITH((options.spacing = HRINET_SPACING_FACTOR, options.factor = UINT32_MAX),
         HRINET_INVALID_ARGUMENT, "");
    WITH((options.spacing = HRINET_SPACING_NEAREST, options.spacing_mm = -1),
         HRINET_INVALID_ARGUMENT, "-1");
    WITH((options.spacing = HRINET_SPACING_EXACT, options.spacing_mm = NAN),
         HRINET_INVALID_ARGUMENT, "NaN");

    WITH(options.spacing = HRINET_SPACING_LIKE, HRINET_NULL_POINTER, "like");
    describe(&other, NULL);
    other.struct_size = 5;
    WITH((options.spacing = HRINET_SPACING_LIKE, options.like = &other), HRINET_INVALID_STRUCT_SIZE,
         "like");
    describe(&other, NULL);
    other.ijk_to_ras[11] = 1000;
    WITH((options.spacing = HRINET_SPACING_LIKE, options.like = &other), HRINET_INVALID_GEOMETRY,
         "");

    slice.struct_size = sizeof slice;
    CHECK(hrinet_plan_create(&volume, &options, &plan) == HRINET_OK);
    REFUSED(hrinet_plan_output(NULL, &volume), HRINET_NULL_POINTER, "plan");
    REFUSED(hrinet_plan_output(plan, NULL), HRINET_NULL_POINTER, "output");
    REFUSED(hrinet_plan_slice(NULL, 0, &slice), HRINET_NULL_POINTER, "plan");
    REFUSED(hrinet_plan_slice(plan, 0, NULL), HRINET_NULL_POINTER, "slice");
    REFUSED(hrinet_plan_slice(plan, hrinet_plan_slice_count(plan), &slice),
            HRINET_INVALID_ARGUMENT, "13");
    slice.struct_size = 4;
    REFUSED(hrinet_plan_slice(plan, 0, &slice), HRINET_INVALID_STRUCT_SIZE, "slice");
    CHECK(hrinet_plan_output_bytes(NULL) == 0 && hrinet_plan_slice_count(NULL) == 0);
    CHECK(hrinet_plan_axis(NULL) == -1);
    hrinet_plan_free(plan);
}

static void volumes(void) {
    static int16_t voxels[VOXELS];
    static float floats[VOXELS];
    HrinetModel *model = load(at("small"));
    HrinetVolume in, out;
    HrinetPlan *plan;
    int16_t *made;

    fill(voxels);
    describe(&in, voxels);
    plan = plan_of(&in, 2);
    made = allocate(hrinet_plan_output_bytes(plan));
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    REFUSED(resample(model, plan, &in, NULL, NULL, &out), HRINET_NULL_POINTER,
            "data");
    out.data = made;
    REFUSED(resample(model, NULL, &in, NULL, NULL, &out), HRINET_NULL_POINTER,
            "plan");
    REFUSED(resample(model, plan, NULL, NULL, NULL, &out), HRINET_NULL_POINTER,
            "input");
    REFUSED(resample(model, plan, &in, NULL, NULL, NULL), HRINET_INVALID_ARGUMENT,
            "without output");
    REFUSED(resample(model, plan, &in, cancel, NULL, &out), HRINET_CANCELLED, "");
#undef WITH
#define WITH(change, code, words)                                                              \
    do {                                                                                       \
        const HrinetVolume in_before = in, out_before = out;                                   \
        change;                                                                                \
        REFUSED(resample(model, plan, &in, NULL, NULL, &out), code, words);   \
        in = in_before, out = out_before;                                                      \
    } while (0)
    WITH(in.data = NULL, HRINET_NULL_POINTER, "data");
    WITH(in.struct_size = 1, HRINET_INVALID_STRUCT_SIZE, "input");
    WITH(out.struct_size = 1, HRINET_INVALID_STRUCT_SIZE, "output");
    WITH(in.voxel_type = HRINET_UINT16, HRINET_INVALID_ARGUMENT, "input");
    WITH(out.voxel_type = HRINET_FLOAT32, HRINET_INVALID_ARGUMENT, "output");
    WITH(in.size[2] = 3, HRINET_INVALID_ARGUMENT, "input");
    WITH(out.size[2] = SLICES, HRINET_INVALID_ARGUMENT, "output");
    WITH(in.data = (char *)voxels + 1, HRINET_INVALID_ARGUMENT, "aligned");
    WITH(in.rescale_slope = NAN, HRINET_INVALID_ARGUMENT, "slope");
    WITH(in.strides[0] = 2, HRINET_INVALID_ARGUMENT, "strides");
    WITH((in.strides[0] = 2, in.strides[1] = 48, in.strides[2] = -960), HRINET_INVALID_ARGUMENT,
         "strides");
    WITH((in.strides[0] = 3, in.strides[1] = 72, in.strides[2] = 1440), HRINET_INVALID_ARGUMENT,
         "strides");
    WITH((out.strides[0] = 2, out.strides[1] = 48, out.strides[2] = 900), HRINET_INVALID_ARGUMENT,
         "overlap");
    WITH((in.strides[0] = 2, in.strides[1] = 48, in.strides[2] = PTRDIFF_MAX - 1),
         HRINET_INVALID_ARGUMENT, "large");
    CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
    hrinet_plan_free(plan), free(made);

    /* Voxels that are infinite, or NaN alone. */
    describe(&in, floats);
    in.voxel_type = HRINET_FLOAT32;
    plan = plan_of(&in, 2);
    made = allocate(hrinet_plan_output_bytes(plan));
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    out.data = made;
    floats[COLUMNS + 2] = -INFINITY;
    WITH(, HRINET_INVALID_ARGUMENT, "inf");
    for (size_t at = 0; at < sizeof floats / sizeof *floats; ++at) floats[at] = NAN;
    WITH(, HRINET_INVALID_ARGUMENT, "NaN");
    hrinet_plan_free(plan), free(made);
    hrinet_model_free(model);
}

static void slices(void) {
    HrinetModel *model = load(at("small"));
    static float first[256], second[256], made[512 + 256];
    const double alphas[2] = {0.5, 0.25}, beyond = 1.5, none = NAN;
    REFUSED(hrinet_interpolate_slices(model, NULL, second, 16, 16, alphas, 2, made),
            HRINET_NULL_POINTER, "first");
    REFUSED(hrinet_interpolate_slices(model, first, NULL, 16, 16, alphas, 2, made),
            HRINET_NULL_POINTER, "second");
    REFUSED(hrinet_interpolate_slices(model, first, second, 16, 16, NULL, 2, made),
            HRINET_NULL_POINTER, "alphas");
    REFUSED(hrinet_interpolate_slices(model, first, second, 16, 16, alphas, 2, NULL),
            HRINET_NULL_POINTER, "slices");
    REFUSED(hrinet_interpolate_slices(model, first, second, 0, 16, alphas, 2, made),
            HRINET_INVALID_ARGUMENT, "0 x 16");
    REFUSED(hrinet_interpolate_slices(model, first, second, SIZE_MAX, 2, alphas, 2, made),
            HRINET_INVALID_ARGUMENT, "x 2");
    REFUSED(hrinet_interpolate_slices(model, first, second, 16, 16, alphas, 0, made),
            HRINET_INVALID_ARGUMENT, "0 slices");
    REFUSED(hrinet_interpolate_slices(model, first, second, 16, 16, &beyond, 1, made),
            HRINET_INVALID_ARGUMENT, "1.5");
    REFUSED(hrinet_interpolate_slices(model, first, second, 16, 16, &none, 1, made),
            HRINET_INVALID_ARGUMENT, "NaN");
    REFUSED(hrinet_interpolate_slices(model, first, made + 500, 16, 16, alphas, 2, made),
            HRINET_INVALID_ARGUMENT, "slices overlaps second");
    first[17] = NAN;
    REFUSED(hrinet_interpolate_slices(model, first, second, 16, 16, alphas, 2, made),
            HRINET_INVALID_ARGUMENT, "(1, 1)");
    hrinet_model_free(model);
}

static void labels(void) {
    static uint8_t voxels[VOXELS], made[VOXELS * 2 + 1], ct[VOXELS * 3];
    HrinetVolume in, out, small, image, fine;
    HrinetPlan *plan;
    HrinetModel *model, *linear;
    HrinetLabelJob label;
    HrinetJob job;
    describe(&in, voxels);
    in.voxel_type = HRINET_UINT8;
    plan = plan_of(&in, 2);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    out.data = made;
#define LABELS(plan, in, method, out) resample_labels(NULL, plan, NULL, in, method, NULL, out)
    REFUSED(LABELS(NULL, &in, 0, &out), HRINET_NULL_POINTER, "plan");
    REFUSED(LABELS(plan, NULL, 0, &out), HRINET_NULL_POINTER, "labels->input");
    REFUSED(LABELS(plan, &in, 0, NULL), HRINET_NULL_POINTER, "labels->output");
    REFUSED(LABELS(plan, &in, 77, &out), HRINET_INVALID_ARGUMENT, "77");
    REFUSED(resample_labels(NULL, plan, NULL, &in, HRINET_LABELS_SHAPE, cancel, &out),
            HRINET_CANCELLED, "");
    REFUSED(resample_labels(NULL, plan, NULL, &in, 0, cancel, &out), HRINET_CANCELLED, "");
    model = load("hrinet-motion");
    linear = load("linear");
    small = image = in;
    image.data = ct;
    small.size[0] -= 1;
#define ANATOMY(model, plan, image, in, out) \
    resample_labels(model, plan, image, in, HRINET_LABELS_ANATOMY, NULL, out)
    REFUSED(ANATOMY(NULL, plan, &image, &in, &out), HRINET_INVALID_ARGUMENT, "finds flow");
    REFUSED(ANATOMY(model, NULL, &image, &in, &out), HRINET_NULL_POINTER, "plan");
    REFUSED(ANATOMY(model, plan, NULL, &in, &out), HRINET_NULL_POINTER, "input");
    REFUSED(ANATOMY(model, plan, &image, NULL, &out), HRINET_NULL_POINTER, "labels->input");
    REFUSED(ANATOMY(model, plan, &image, &in, NULL), HRINET_NULL_POINTER, "labels->output");
    REFUSED(ANATOMY(linear, plan, &image, &in, &out), HRINET_INVALID_ARGUMENT, "finds flow");
    REFUSED(ANATOMY(model, plan, &small, &in, &out), HRINET_INVALID_ARGUMENT, "input has size");
    REFUSED(resample_labels(model, plan, &image, &in, HRINET_LABELS_ANATOMY, cancel, &out),
            HRINET_CANCELLED, "");
    CHECK(ANATOMY(model, plan, &image, &in, &out) == HRINET_OK);
    hrinet_model_free(model);
    hrinet_model_free(linear);
    out.voxel_type = HRINET_UINT16;
    REFUSED(LABELS(plan, &in, 0, &out), HRINET_INVALID_ARGUMENT, "voxel_type");
    out.voxel_type = HRINET_UINT8, out.size[2] = 3;
    REFUSED(LABELS(plan, &in, 0, &out), HRINET_INVALID_ARGUMENT, "labels->output");
    out.size[2] = 2 * SLICES - 1;

    /* The structs of a job. */
    REFUSED(hrinet_job_init(NULL), HRINET_NULL_POINTER, "job");
    REFUSED(hrinet_label_job_init(NULL), HRINET_NULL_POINTER, "labels");
    REFUSED(hrinet_resample(NULL), HRINET_NULL_POINTER, "job");
    job = job_of(NULL, plan, &image);
    REFUSED(hrinet_resample(&job), HRINET_INVALID_ARGUMENT, "without output");
    job.label_count = 1;
    REFUSED(hrinet_resample(&job), HRINET_NULL_POINTER, "labels");
    CHECK(hrinet_label_job_init(&label) == HRINET_OK);
    label.input = &in, label.output = &out;
    job.labels = &label;
    label.struct_size = 1;
    REFUSED(hrinet_resample(&job), HRINET_INVALID_STRUCT_SIZE, "labels");
    label.struct_size = sizeof label;
    job.struct_size = 1;
    REFUSED(hrinet_resample(&job), HRINET_INVALID_STRUCT_SIZE, "job");
    job.struct_size = sizeof job;
    in.data = NULL;
    REFUSED(hrinet_resample(&job), HRINET_NULL_POINTER, "data");
    in.data = voxels;
    CHECK(hrinet_resample(&job) == HRINET_OK);

    /* Memory that an output shares with an input or another output. */
    out.data = voxels;
    REFUSED(hrinet_resample(&job), HRINET_INVALID_ARGUMENT,
            "labels->output overlaps labels->input");
    out.data = made + 1;
    job.output = &fine;
    fine = out;
    fine.data = made;
    REFUSED(hrinet_resample(&job), HRINET_INVALID_ARGUMENT, "labels->output overlaps output");
    fine.data = ct + VOXELS - 1;
    REFUSED(hrinet_resample(&job), HRINET_INVALID_ARGUMENT, "output overlaps input");
    hrinet_plan_free(plan);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    folder = argv[1];
    CHECK(!strcmp(hrinet_last_error_message(), ""));
    hrinet_model_free(NULL);
    hrinet_plan_free(NULL);
    models();
    plans();
    volumes();
    slices();
    labels();
    REFUSED(hrinet_set_num_threads(0), HRINET_INVALID_ARGUMENT, "0 threads");
    REFUSED(hrinet_set_num_threads(-3), HRINET_INVALID_ARGUMENT, "-3");
    REFUSED(hrinet_set_log_callback(NULL, 5, NULL), HRINET_INVALID_ARGUMENT, "5");
    REFUSED(hrinet_set_log_callback(NULL, -1, NULL), HRINET_INVALID_ARGUMENT, "-1");
    /* A call that succeeds leaves the message alone. */
    CHECK(hrinet_set_log_callback(NULL, 0, NULL) == HRINET_OK);
    CHECK(strstr(hrinet_last_error_message(), "-1"));
    return 0;
}
