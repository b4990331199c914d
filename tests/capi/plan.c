/* What a plan says, for each way to choose the slices. */
#include "block.h"
#include <math.h>
#include <string.h>

static HrinetVolume volume;
static HrinetResampleOptions options;

static HrinetPlan *planned(void) {
    HrinetPlan *plan = NULL;
    CHECK(hrinet_plan_create(&volume, &options, &plan) == HRINET_OK);
    return plan;
}

/* Slice distance and count; every slice is at its fraction between two known ones; `known` of them
 * are copies. */
static void expect(double mm, uint32_t slices, uint32_t known) {
    HrinetPlan *plan = planned();
    HrinetVolume out;
    HrinetSlice slice;
    uint32_t i, copies = 0;
    slice.struct_size = sizeof slice;
    CHECK(hrinet_plan_axis(plan) == 2 && hrinet_plan_slice_count(plan) == slices);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    CHECK(fabs(out.ijk_to_ras[10] - mm) < 1e-12 && out.size[2] == slices);
    CHECK(out.size[0] == COLUMNS && out.size[1] == ROWS);
    CHECK(out.ijk_to_ras[0] == 0.8 && out.ijk_to_ras[5] == 0.8 && out.ijk_to_ras[15] == 1);
    CHECK(out.ijk_to_ras[3] == -7.5 && out.ijk_to_ras[11] == 12.25);
    CHECK(hrinet_plan_output_bytes(plan) == COLUMNS * ROWS * slices * sizeof(int16_t));
    for (i = 0; i < slices; ++i) {
        double place;
        CHECK(hrinet_plan_slice(plan, i, &slice) == HRINET_OK);
        CHECK(slice.second == (slice.is_known ? slice.first : slice.first + 1));
        place = 3.0 * (slice.first + slice.fraction);
        CHECK(fabs(place - i * mm) < 1e-4);
        copies += slice.is_known != 0;
    }
    CHECK(copies == known);
    hrinet_plan_free(plan);
}

int main(void) {
    const double positions[SLICES] = {0, 2, 4, 10};
    HrinetPlan *plan;
    HrinetVolume out;
    describe(&volume, NULL);
    volume.ijk_to_ras[3] = -7.5, volume.ijk_to_ras[11] = 12.25;
    CHECK(hrinet_resample_options_init(&options) == HRINET_OK);
    expect(0.75, 13, 4);
    options.spacing = HRINET_SPACING_FACTOR;
    options.factor = 1;
    expect(3.0, 4, 4);
    options.factor = 5;
    expect(0.6, 16, 4);
    options.spacing = HRINET_SPACING_NEAREST;
    options.spacing_mm = 1.1;
    expect(1.0, 10, 4);
    options.spacing = HRINET_SPACING_EXACT;
    options.spacing_mm = 2.0;
    expect(2.0, 5, 2);

    /* Uneven slices come out even. */
    volume.slice_positions_mm = positions;
    options.spacing = HRINET_SPACING_NEAREST;
    options.spacing_mm = 2.0;
    plan = planned();
    CHECK(hrinet_plan_slice_count(plan) == 6);
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK && out.ijk_to_ras[10] == 2.0);
    CHECK(!out.slice_positions_mm);
    hrinet_plan_free(plan);
    volume.slice_positions_mm = NULL;

    /* Those of another volume, one of which lies outside. */
    {
        HrinetVolume other;
        describe(&other, NULL);
        other.size[2] = 6, other.ijk_to_ras[10] = 2, other.ijk_to_ras[11] = 12.25 - 1;
        options.spacing = HRINET_SPACING_LIKE;
        options.like = &other;
        plan = planned();
        CHECK(hrinet_plan_slice_count(plan) == 5 && hrinet_plan_output(plan, &out) == HRINET_OK);
        CHECK(out.ijk_to_ras[10] == 2 && fabs(out.ijk_to_ras[11] - 13.25) < 1e-12);
        hrinet_plan_free(plan);
        options.like = NULL;
    }

    /* A named axis. */
    options.spacing = HRINET_SPACING_FACTOR;
    options.factor = 2;
    options.axis = 1;
    plan = planned();
    CHECK(hrinet_plan_axis(plan) == 1 && hrinet_plan_slice_count(plan) == 2 * ROWS - 1);
    CHECK(hrinet_plan_work_bytes(plan, NULL) > 0 && hrinet_plan_work_bytes(NULL, NULL) == 0);
    CHECK(!strcmp(hrinet_plan_remark(plan), "") && !hrinet_plan_remark(NULL));
    hrinet_plan_free(plan);

    /* A tilted gantry: each slice lies a pixel and a quarter further along j. */
    options.axis = HRINET_AXIS_AUTO;
    volume.ijk_to_ras[6] = 1;
    plan = planned();
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
    CHECK(out.size[0] == COLUMNS && out.size[1] == ROWS + 4 && out.size[2] == 2 * SLICES - 1);
    CHECK(out.ijk_to_ras[6] == 0 && fabs(out.ijk_to_ras[10] - 1.5) < 1e-12);
    CHECK(strstr(hrinet_plan_remark(plan), "cubic convolution"));
    hrinet_plan_free(plan);
    options.keep_tilt = 1;
    plan = planned();
    CHECK(hrinet_plan_output(plan, &out) == HRINET_OK && out.size[1] == ROWS);
    CHECK(fabs(out.ijk_to_ras[6] - 0.5) < 1e-12);
    hrinet_plan_free(plan);
    options.keep_tilt = 2;
    plan = NULL;
    CHECK(hrinet_plan_create(&volume, &options, &plan) == HRINET_INVALID_ARGUMENT && !plan);
    return 0;
}
