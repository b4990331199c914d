/* A host that links the installed library: interpolates a slice with the shipped model. */
#include <hrinet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 48, COLUMNS = 40 };

int main(void) {
    static float first[ROWS * COLUMNS], second[ROWS * COLUMNS], slice[ROWS * COLUMNS];
    const double alpha = 0.5;
    HrinetModel *model = NULL;
    if (hrinet_abi_version() != HRINET_ABI_VERSION || strcmp(hrinet_version(), VERSION) != 0)
        return fprintf(stderr, "this is %s\n", hrinet_version()), 1;
    for (int at = 0; at < ROWS * COLUMNS; at++) {
        first[at] = (float)(at % 400) - 200;
        second[at] = (float)(at % 300) - 100;
        slice[at] = (float)NAN;
    }
    if (hrinet_model_load("hrinet-motion", NULL, &model) != HRINET_OK ||
        hrinet_interpolate_slices(model, first, second, ROWS, COLUMNS, &alpha, 1, slice) !=
            HRINET_OK)
        return fprintf(stderr, "%s\n", hrinet_last_error_message()), 1;
    hrinet_model_free(model);
    for (int at = 0; at < ROWS * COLUMNS; at++)
        if (!isfinite(slice[at]))
            return fprintf(stderr, "pixel %d was not interpolated\n", at), 1;
    return 0;
}
