/* A host that loads the installed library while another libtorch is in the process, as beside the
 * PyTorch of another extension: beside LIBRARY OTHER ours|theirs (which one comes first). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <hrinet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 48, COLUMNS = 40 };

static void *load(const char *path, int flags) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | flags);
    if (library == NULL)
        fprintf(stderr, "%s\n", dlerror());
    return library;
}

/* ISO C has no cast from an object's pointer to a function's; POSIX has. */
#define FIND(name) (*(void **)&name = dlsym(ours, "hrinet_" #name))

int main(int count, char **arguments) {
    static float first[ROWS * COLUMNS], second[ROWS * COLUMNS], slice[ROWS * COLUMNS];
    const double alpha = 0.5;
    HrinetModel *model = NULL;
    void *ours, *theirs;
    HrinetStatus (*model_load)(const char *, const HrinetModelOptions *, HrinetModel **);
    HrinetStatus (*interpolate_slices)(const HrinetModel *, const float *, const float *, size_t,
                                       size_t, const double *, size_t, float *);
    if (count != 4)
        return 2;
    if (strcmp(arguments[3], "theirs") == 0) {
        theirs = load(arguments[2], 0);
        ours = load(arguments[1], RTLD_DEEPBIND);
    } else {
        ours = load(arguments[1], RTLD_DEEPBIND);
        theirs = load(arguments[2], 0);
    }
    if (ours == NULL || theirs == NULL)
        return 1;
    FIND(model_load);
    FIND(interpolate_slices);
    second[7] = 100;
    slice[7] = (float)NAN;
    if (model_load("hrinet-motion", NULL, &model) != HRINET_OK ||
        interpolate_slices(model, first, second, ROWS, COLUMNS, &alpha, 1, slice) != HRINET_OK)
        return fprintf(stderr, "no slice was interpolated\n"), 1;
    return isfinite(slice[7]) ? 0 : 1;
}
