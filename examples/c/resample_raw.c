/* Interpolates slices of raw voxels in a file, with nothing but hrinet.h.
 *
 * usage: resample_raw IN.raw COLUMNS ROWS SLICES PIXEL_MM SLICE_MM OUT.raw [MODEL]
 *
 * IN.raw: int16 HU in the machine's byte order, column by column, row by row, slice by slice.
 * Says size and spacing of OUT.raw, which is of the same kind. Ctrl-C stops it. */
#include <hrinet.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t stop;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    stop = 1;
}

/* Called now and then on this thread; anything but 0 cancels. */
static int32_t on_progress(const HrinetProgress *progress, void *user) {
    (void)user;
    fprintf(stderr, "\r%u of %u slices", (unsigned)progress->slices_done,
            (unsigned)progress->slices_total);
    return stop;
}

static int failed(const char *what) {
    fprintf(stderr, "%s\n", what);
    return 1;
}

static size_t number(const char *text) { return (size_t)strtoul(text, NULL, 10); }

/* Reads or writes the whole file; 0 on failure. */
static int transfer(const char *path, const char *mode, void *voxels, size_t bytes) {
    FILE *file = fopen(path, mode);
    size_t moved = 0;
    if (!file) return 0;
    moved = *mode == 'r' ? fread(voxels, 1, bytes, file) : fwrite(voxels, 1, bytes, file);
    return fclose(file) == 0 && moved == bytes;
}

int main(int argc, char **argv) {
    HrinetModel *model = NULL;
    HrinetPlan *plan = NULL;
    HrinetResampleOptions options;
    HrinetVolume ct, fine;
    HrinetJob job;
    HrinetStatus status;
    const char *name = argc == 9 ? argv[8] : "hrinet-motion";
    size_t bytes;
    int result = 1;

    if (argc < 8 || argc > 9)
        return failed("usage: resample_raw IN.raw COLUMNS ROWS SLICES PIXEL_MM SLICE_MM OUT.raw "
                      "[MODEL]");
    if (hrinet_abi_version() != HRINET_ABI_VERSION)
        return failed("libhrinet is of another version than hrinet.h");

    /* The input: voxels that stay ours, and their geometry. */
    hrinet_volume_init(&ct);
    ct.voxel_type = HRINET_INT16;
    ct.size[0] = number(argv[2]), ct.size[1] = number(argv[3]), ct.size[2] = number(argv[4]);
    ct.ijk_to_ras[0] = ct.ijk_to_ras[5] = strtod(argv[5], NULL);
    ct.ijk_to_ras[10] = strtod(argv[6], NULL);

    /* The output grid: by default slices as close as the pixels. */
    hrinet_resample_options_init(&options);
    if (hrinet_plan_create(&ct, &options, &plan) != HRINET_OK)
        return failed(hrinet_last_error_message());
    hrinet_plan_output(plan, &fine);

    bytes = ct.size[0] * ct.size[1] * ct.size[2] * sizeof(int16_t);
    ct.data = malloc(bytes);
    fine.data = malloc(hrinet_plan_output_bytes(plan));
    if (!ct.data || !fine.data) {
        failed("not enough memory");
    } else if (!transfer(argv[1], "rb", ct.data, bytes)) {
        failed("the input file is missing or too short");
    } else if (hrinet_model_load(name, NULL, &model) != HRINET_OK) {
        failed(hrinet_last_error_message());
    } else {
        signal(SIGINT, on_interrupt);
        hrinet_job_init(&job);
        job.model = model, job.plan = plan;
        job.input = &ct, job.output = &fine;
        job.progress = on_progress;
        status = hrinet_resample(&job);
        fprintf(stderr, "\n");
        if (status != HRINET_OK) {
            failed(hrinet_last_error_message());
        } else if (!transfer(argv[7], "wb", fine.data, hrinet_plan_output_bytes(plan))) {
            failed("the output cannot be written");
        } else {
            printf("%lu %lu %lu voxels, slices %g mm apart\n", (unsigned long)fine.size[0],
                   (unsigned long)fine.size[1], (unsigned long)fine.size[2], fine.ijk_to_ras[10]);
            result = 0;
        }
    }
    free(ct.data);
    free(fine.data);
    hrinet_model_free(model);
    hrinet_plan_free(plan);
    return result;
}
