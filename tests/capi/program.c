/* What the library makes of a volume is what the program makes of it, bit for bit.
 *
 * usage: program PROGRAM MODEL FOLDER [CT.nii.gz FIRST COUNT]
 * Works in FOLDER; takes slices FIRST to FIRST + COUNT - 1 of the CT, or a volume of its own. */
#include "block.h"

static char *voxels;
static HrinetVolume in;

/* A NIfTI-1 file as far as it is needed here: sizes, type, spacing, voxels. */
typedef struct {
    int16_t size[8];
    int16_t type;
    float spacing[8];
    float offset;
} Nifti;

static void read_header(FILE *file, Nifti *nifti) {
    char header[348];
    CHECK(fread(header, 1, sizeof header, file) == sizeof header);
    memcpy(nifti->size, header + 40, sizeof nifti->size);
    memcpy(&nifti->type, header + 70, sizeof nifti->type);
    memcpy(nifti->spacing, header + 76, sizeof nifti->spacing);
    memcpy(&nifti->offset, header + 108, sizeof nifti->offset);
}

static void skip(FILE *file, size_t bytes) {
    while (bytes-- > 0) CHECK(fgetc(file) != EOF);
}

/* Type, bytes and NRRD's name for a NIfTI type. */
static const struct {
    int16_t nifti;
    HrinetVoxelType type;
    size_t bytes;
    const char *nrrd;
} types[] = {{4, HRINET_INT16, 2, "int16"},
             {8, HRINET_INT32, 4, "int32"},
             {16, HRINET_FLOAT32, 4, "float"},
             {512, HRINET_UINT16, 2, "uint16"}};

static size_t type;

static void take(const char *path, size_t first, size_t count) {
    char command[4096];
    Nifti nifti;
    FILE *file;
    size_t plane;
    snprintf(command, sizeof command, "gzip -dc '%s'", path);
    CHECK((file = popen(command, "r")));
    read_header(file, &nifti);
    for (type = 0; type < 4 && types[type].nifti != nifti.type; ++type) {}
    CHECK(type < 4);
    CHECK((size_t)nifti.size[3] >= first + count);
    describe(&in, NULL);
    in.size[0] = (size_t)nifti.size[1], in.size[1] = (size_t)nifti.size[2], in.size[2] = count;
    in.ijk_to_ras[0] = -(double)nifti.spacing[1], in.ijk_to_ras[5] = -(double)nifti.spacing[2];
    in.ijk_to_ras[10] = (double)nifti.spacing[3];
    plane = in.size[0] * in.size[1] * types[type].bytes;
    skip(file, (size_t)nifti.offset - 348 + first * plane);
    voxels = allocate(count * plane);
    CHECK(fread(voxels, plane, count, file) == count);
    pclose(file);
}

static void invent(void) {
    voxels = allocate(VOXELS * sizeof(int16_t));
    fill((int16_t *)(void *)voxels);
    describe(&in, NULL);
    in.ijk_to_ras[0] = in.ijk_to_ras[5] = -0.8;
    in.ijk_to_ras[3] = 11.5, in.ijk_to_ras[7] = -4.25, in.ijk_to_ras[11] = 100;
}

static void write_nrrd(const char *path) {
    const double *m = in.ijk_to_ras;
    FILE *file = fopen(path, "wb");
    size_t count = in.size[0] * in.size[1] * in.size[2];
    CHECK(file);
    fprintf(file,
            "NRRD0004\ntype: %s\ndimension: 3\nspace: right-anterior-superior\nsizes: %zu %zu %zu\n"
            "space directions: (%.17g,0,0) (0,%.17g,0) (0,0,%.17g)\nkinds: domain domain domain\n"
            "endian: little\nencoding: raw\nspace origin: (%.17g,%.17g,%.17g)\n\n",
            types[type].nrrd, in.size[0], in.size[1], in.size[2], m[0], m[5], m[10], m[3], m[7],
            m[11]);
    CHECK(fwrite(voxels, types[type].bytes, count, file) == count);
    CHECK(fclose(file) == 0);
}

int main(int argc, char **argv) {
    char input[4096], output[4096], command[16384];
    HrinetModel *model = NULL;
    HrinetResampleOptions options;
    HrinetPlan *plan = NULL;
    HrinetVolume out;
    Nifti nifti;
    char *made, *expected;
    size_t bytes;
    FILE *file;
    int axis;

    CHECK(argc == 4 || argc == 7);
    if (argc == 7) {
        if (!(file = fopen(argv[4], "rb")))
            return printf("skipped: there is no %s\n", argv[4]), SKIPPED;
        fclose(file);
        take(argv[4], (size_t)strtoul(argv[5], NULL, 10), (size_t)strtoul(argv[6], NULL, 10));
    } else {
        invent();
    }
    in.data = voxels;
    in.voxel_type = types[type].type;
    snprintf(input, sizeof input, "%s/in%d.nrrd", argv[3], argc);
    snprintf(output, sizeof output, "%s/out%d.nii", argv[3], argc);
    write_nrrd(input);
    if (strcmp(argv[2], "linear") != 0) model = load(argv[2]);
    snprintf(command, sizeof command,
             "'%s' resample '%s' '%s' --model '%s' --device cpu --threads 1 --precision float32 "
             "--overwrite --quiet",
             argv[1], input, output, argv[2]);
    CHECK(system(command) == 0);

    CHECK(hrinet_resample_options_init(&options) == HRINET_OK);
    CHECK(hrinet_plan_create(&in, &options, &plan) == HRINET_OK);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    bytes = hrinet_plan_output_bytes(plan);
    out.data = made = allocate(bytes), expected = allocate(bytes);
    CHECK(hrinet_set_num_threads(1) == HRINET_OK);
    CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);

    CHECK((file = fopen(output, "rb")));
    read_header(file, &nifti);
    CHECK(nifti.type == types[type].nifti);
    for (axis = 0; axis < 3; ++axis) {
        const double spacing = (double)nifti.spacing[axis + 1];
        CHECK((size_t)nifti.size[axis + 1] == out.size[axis]);
        CHECK(spacing / out.ijk_to_ras[5 * axis] < 0 ? axis < 2 : axis == 2);
        CHECK(spacing * spacing / (out.ijk_to_ras[5 * axis] * out.ijk_to_ras[5 * axis]) - 1 < 1e-6);
    }
    skip(file, (size_t)nifti.offset - 348);
    CHECK(fread(expected, 1, bytes, file) == bytes && fgetc(file) == EOF);
    fclose(file);
    CHECK(out.size[2] > in.size[2]);
    CHECK(!memcmp(made, expected, bytes));
    printf("%zu x %zu x %zu voxels, the same bits\n", out.size[0], out.size[1], out.size[2]);
    hrinet_plan_free(plan);
    hrinet_model_free(model);
    free(made), free(expected), free(voxels);
    return 0;
}
