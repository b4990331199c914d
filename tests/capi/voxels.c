/* Ten types and any strides: the same grey values come out, and nothing beside them is touched.
 *
 * usage: voxels MODEL */
#include "block.h"

/* Value `hu` of `type` at `place`, and back. */
static void put(HrinetVoxelType type, void *place, int hu) {
    switch (type) {
#define CASE(name, T) case name: *(T *)place = (T)hu; break
        CASE(HRINET_INT8, int8_t);
        CASE(HRINET_UINT8, uint8_t);
        CASE(HRINET_INT16, int16_t);
        CASE(HRINET_UINT16, uint16_t);
        CASE(HRINET_INT32, int32_t);
        CASE(HRINET_UINT32, uint32_t);
        CASE(HRINET_INT64, int64_t);
        CASE(HRINET_UINT64, uint64_t);
        CASE(HRINET_FLOAT32, float);
        CASE(HRINET_FLOAT64, double);
#undef CASE
        default: CHECK(type == 0);
    }
}

static double get(HrinetVoxelType type, const void *place) {
    switch (type) {
#define CASE(name, T) case name: return (double)*(const T *)place
        CASE(HRINET_INT8, int8_t);
        CASE(HRINET_UINT8, uint8_t);
        CASE(HRINET_INT16, int16_t);
        CASE(HRINET_UINT16, uint16_t);
        CASE(HRINET_INT32, int32_t);
        CASE(HRINET_UINT32, uint32_t);
        CASE(HRINET_INT64, int64_t);
        CASE(HRINET_UINT64, uint64_t);
        CASE(HRINET_FLOAT32, float);
        CASE(HRINET_FLOAT64, double);
#undef CASE
        default: CHECK(type == 0); return 0;
    }
}

static const size_t bytes_of[] = {0, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8};

/* Stored numbers from 0 to 100 are HU from -1000 to 1000, in every type. */
static void ten_types(const HrinetModel *model) {
    enum { MADE = COLUMNS * ROWS * (2 * SLICES - 1) };
    double expected[MADE];
    HrinetVoxelType type;
    int i;
    for (type = HRINET_FLOAT64; type >= HRINET_INT8; --type) {
        const size_t bytes = bytes_of[type];
        char *voxels = allocate(VOXELS * bytes), *made = allocate(MADE * bytes);
        double low = 100, high = 0;
        HrinetVolume in, out;
        HrinetPlan *plan;
        for (i = 0; i < VOXELS; ++i)
            put(type, voxels + (size_t)i * bytes, (i * 37 + i / 480) % 101);
        describe(&in, voxels);
        in.voxel_type = type;
        in.rescale_slope = 20, in.rescale_intercept = -1000;
        plan = plan_of(&in, 2);
        CHECK(hrinet_plan_output_bytes(plan) == MADE * bytes);
        CHECK(hrinet_plan_output(plan, &out) == HRINET_OK && out.voxel_type == type);
        CHECK(out.rescale_slope == 20 && out.rescale_intercept == -1000);
        out.data = made;
        CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
        for (i = 0; i < MADE; ++i) {
            const double value = get(type, made + (size_t)i * bytes);
            if (type == HRINET_FLOAT64) {
                expected[i] = value;
            } else {
                /* Integers are the rounded float64 ones; float32 has 24 bits of them. */
                const double most = type == HRINET_FLOAT32 ? 1e-5 : 0.5 + 1e-9;
                CHECK(value - expected[i] <= most && expected[i] - value <= most);
                CHECK(value >= 0 && value <= 100);
            }
            low = value < low ? value : low, high = value > high ? value : high;
        }
        CHECK(low == 0 && high == 100);
        hrinet_plan_free(plan);
        free(voxels), free(made);
    }
}

/* Every order of the axes, with gaps, against i fastest without any. */
static void strides(const HrinetModel *model) {
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static int16_t plain[VOXELS];
    HrinetVolume in, out;
    HrinetPlan *plan;
    int16_t *expected;
    size_t made;
    int order, gap;

    fill(plain);
    describe(&in, plain);
    plan = plan_of(&in, 3);
    made = hrinet_plan_output_bytes(plan) / sizeof *expected;
    expected = allocate(made * sizeof *expected);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    out.data = expected;
    CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
    for (order = 0; order < 6; ++order)
        for (gap = 0; gap < 3; ++gap) {
            HrinetVolume views[2];
            int16_t *memory[2];
            size_t length[2], i, j, k, at, touched = 0;
            int which, rank;
            views[0] = in, views[1] = out;
            for (which = 0; which < 2; ++which) {
                ptrdiff_t step = (ptrdiff_t)sizeof(int16_t) * (gap == 2 ? 3 : 1);
                for (rank = 0; rank < 3; ++rank) {
                    const int axis = orders[order][rank];
                    views[which].strides[axis] = step;
                    step *= (ptrdiff_t)views[which].size[axis] + gap;
                }
                length[which] = (size_t)step / sizeof(int16_t);
                memory[which] = allocate((size_t)step);
                for (at = 0; at < length[which]; ++at) memory[which][at] = 12345;
                views[which].data = memory[which];
            }
#define AT(which, i, j, k)                                                              \
    memory[which][((ptrdiff_t)(i) * views[which].strides[0] +                           \
                   (ptrdiff_t)(j) * views[which].strides[1] +                           \
                   (ptrdiff_t)(k) * views[which].strides[2]) / (ptrdiff_t)sizeof(int16_t)]
            for (k = 0; k < SLICES; ++k)
                for (j = 0; j < ROWS; ++j)
                    for (i = 0; i < COLUMNS; ++i)
                        AT(0, i, j, k) = plain[(k * ROWS + j) * COLUMNS + i];
            CHECK(resample(model, plan, &views[0], NULL, NULL, &views[1]) == HRINET_OK);
            for (k = 0; k < out.size[2]; ++k)
                for (j = 0; j < ROWS; ++j)
                    for (i = 0; i < COLUMNS; ++i)
                        CHECK(AT(1, i, j, k) == expected[(k * ROWS + j) * COLUMNS + i]);
            for (at = 0; at < length[1]; ++at) touched += memory[1][at] != 12345;
            CHECK(touched <= made);
            free(memory[0]), free(memory[1]);
        }
    hrinet_plan_free(plan);
    free(expected);
}

/* The slice axis may be any of the three: a volume turned by hand comes out turned. */
static void axes(const HrinetModel *model) {
    static int16_t plain[VOXELS], turned[VOXELS];
    int16_t made[2][VOXELS * 2];
    HrinetVolume in, out;
    int which;
    size_t i, j, k;
    fill(plain);
    for (k = 0; k < SLICES; ++k)
        for (j = 0; j < ROWS; ++j)
            for (i = 0; i < COLUMNS; ++i)
                turned[(j * COLUMNS + i) * SLICES + k] = plain[(k * ROWS + j) * COLUMNS + i];
    for (which = 0; which < 2; ++which) {
        HrinetPlan *plan;
        describe(&in, which ? turned : plain);
        if (which) {
            in.size[0] = SLICES, in.size[1] = COLUMNS, in.size[2] = ROWS;
            in.ijk_to_ras[0] = 3, in.ijk_to_ras[5] = in.ijk_to_ras[10] = 0.8;
        }
        plan = plan_of(&in, 2);
        CHECK(hrinet_plan_axis(plan) == (which ? 0 : 2));
        CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
        CHECK(hrinet_plan_output_bytes(plan) <= sizeof made[which]);
        out.data = made[which];
        CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
        hrinet_plan_free(plan);
    }
    for (k = 0; k < 2 * SLICES - 1; ++k)
        for (j = 0; j < ROWS; ++j)
            for (i = 0; i < COLUMNS; ++i)
                CHECK(made[0][(k * ROWS + j) * COLUMNS + i] ==
                      made[1][(j * COLUMNS + i) * (2 * SLICES - 1) + k]);
}

/* Slices between two are those of a volume, whose voxels also stay within its own range. */
static void between(const HrinetModel *model) {
    static float voxels[VOXELS], made[VOXELS * 2], single[COLUMNS * ROWS * 3];
    static int16_t hu[VOXELS];
    const double alphas[3] = {1, 0.5, 0};
    const size_t plane = COLUMNS * ROWS;
    HrinetVolume in, out;
    HrinetPlan *plan;
    float low = 3000, high = -3000;
    size_t i;
    fill(hu);
    for (i = 0; i < VOXELS; ++i) {
        voxels[i] = hu[i];
        low = voxels[i] < low ? voxels[i] : low, high = voxels[i] > high ? voxels[i] : high;
    }
    describe(&in, voxels);
    in.voxel_type = HRINET_FLOAT32;
    plan = plan_of(&in, 2);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    out.data = made;
    CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
    CHECK(hrinet_interpolate_slices(model, voxels + plane, voxels + 2 * plane, ROWS, COLUMNS,
                                    alphas, 3, single) == HRINET_OK);
    CHECK(!memcmp(single, voxels + plane, plane * sizeof *single));
    CHECK(!memcmp(single + 2 * plane, voxels + 2 * plane, plane * sizeof *single));
    for (i = 0; i < plane; ++i) {
        const float value = single[plane + i];
        const float difference =
            (value < low ? low : value > high ? high : value) - made[3 * plane + i];
        CHECK(difference < 0.01f && difference > -0.01f);
    }
    hrinet_plan_free(plan);
}

int main(int argc, char **argv) {
    HrinetModel *model;
    CHECK(argc == 2);
    model = load(argv[1]);
    CHECK(hrinet_set_num_threads(1) == HRINET_OK);
    ten_types(NULL);
    ten_types(model);
    strides(NULL);
    strides(model);
    axes(NULL);
    axes(model);
    between(model);
    hrinet_model_free(model);
    return 0;
}
