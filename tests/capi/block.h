/* The volume that most programs here work on. */
#ifndef BLOCK_H
#define BLOCK_H

#include "check.h"

enum { COLUMNS = 24, ROWS = 20, SLICES = 4, VOXELS = COLUMNS * ROWS * SLICES };

/* A block of HU with edges, air and some metal; the same in every program. */
static inline void fill(int16_t *voxels) {
    int i, j, k;
    for (k = 0; k < SLICES; ++k)
        for (j = 0; j < ROWS; ++j)
            for (i = 0; i < COLUMNS; ++i) {
                const int ball = (i - 12) * (i - 12) + (j - 10) * (j - 10) + 9 * (k - 1) * (k - 2);
                const int hu = ball < 40 ? 60 + 5 * i - 3 * j : -990 + (i * 131 + j * 57) % 90;
                *voxels++ = (int16_t)(i == 3 && j == 4 ? 2500 : hu);
            }
}

/* Describes VOXELS voxels of 0.8 x 0.8 x 3 mm. */
static inline void describe(HrinetVolume *volume, void *voxels) {
    CHECK(hrinet_volume_init(volume) == HRINET_OK);
    volume->data = voxels;
    volume->size[0] = COLUMNS;
    volume->size[1] = ROWS;
    volume->size[2] = SLICES;
    volume->ijk_to_ras[0] = volume->ijk_to_ras[5] = 0.8;
    volume->ijk_to_ras[10] = 3.0;
}

/* The plan that divides by `factor`. */
static inline HrinetPlan *plan_of(const HrinetVolume *volume, uint32_t factor) {
    HrinetResampleOptions options;
    HrinetPlan *plan = NULL;
    CHECK(hrinet_resample_options_init(&options) == HRINET_OK);
    options.spacing = HRINET_SPACING_FACTOR;
    options.factor = factor;
    CHECK(hrinet_plan_create(volume, &options, &plan) == HRINET_OK);
    return plan;
}

static inline void *allocate(size_t bytes) {
    void *memory = malloc(bytes);
    CHECK(memory);
    return memory;
}

static inline HrinetModel *load(const char *name_or_path) {
    HrinetModel *model = NULL;
    CHECK(load_on(name_or_path, "cpu", &model) == HRINET_OK);
    return model;
}

#endif
