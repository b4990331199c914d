/* What the programs here share: a check that says where it failed. */
#ifndef CHECK_H
#define CHECK_H

#include <hrinet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What CTest takes as "skipped". */
#define SKIPPED 77

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "%s:%d: %s (last error: %s)\n", __FILE__, __LINE__, #condition,  \
                    hrinet_last_error_message());                                            \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)

/* The call fails with this code, and the message contains these words. */
#define REFUSED(call, code, words)                                                           \
    do {                                                                                     \
        const HrinetStatus status_ = (call);                                                 \
        if (status_ != (code) || !strstr(hrinet_last_error_message(), (words))) {            \
            fprintf(stderr, "%s:%d: %s is %d, not %d with \"%s\" (last error: %s)\n",        \
                    __FILE__, __LINE__, #call, (int)status_, (int)(code), (words),           \
                    hrinet_last_error_message());                                            \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)

/* Path of a checkpoint that make_checkpoints.py wrote into `folder`; valid until the next call. */
static inline const char *checkpoint_path(const char *folder, const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    return path;
}

/* Options of a model on a device. */
static inline HrinetModelOptions options_on(const char *device) {
    HrinetModelOptions options;
    CHECK(hrinet_model_options_init(&options) == HRINET_OK);
    options.device = device;
    return options;
}

/* Loads a model on a device; fails where every call does, once the process is ending. */
static inline HrinetStatus load_on(const char *name_or_path, const char *device,
                                   HrinetModel **model) {
    HrinetModelOptions options;
    const HrinetStatus status = hrinet_model_options_init(&options);
    if (status != HRINET_OK) return status;
    options.device = device;
    return hrinet_model_load(name_or_path, &options, model);
}

static inline HrinetStatus load_bytes(const uint8_t *bytes, size_t size, const char *device,
                                      HrinetModel **model) {
    const HrinetModelOptions options = options_on(device);
    return hrinet_model_load_from_memory(bytes, size, &options, model);
}

/* A job without output yet. */
static inline HrinetJob job_of(const HrinetModel *model, const HrinetPlan *plan,
                               const HrinetVolume *input) {
    HrinetJob job;
    CHECK(hrinet_job_init(&job) == HRINET_OK);
    job.model = model, job.plan = plan, job.input = input;
    return job;
}

/* Resamples a volume alone; fails where every call does, once the process is ending. */
static inline HrinetStatus resample(const HrinetModel *model, const HrinetPlan *plan,
                                    const HrinetVolume *input, HrinetProgressCallback progress,
                                    void *user, const HrinetVolume *output) {
    HrinetJob job;
    const HrinetStatus status = hrinet_job_init(&job);
    if (status != HRINET_OK) return status;
    job.model = model, job.plan = plan, job.input = input;
    job.progress = progress, job.user = user, job.output = output;
    return hrinet_resample(&job);
}

/* Resamples a label map alone; `image` is the CT, for anatomy. */
static inline HrinetStatus resample_labels(const HrinetModel *model, const HrinetPlan *plan,
                                           const HrinetVolume *image, const HrinetVolume *input,
                                           HrinetLabelMethod method,
                                           HrinetProgressCallback progress,
                                           const HrinetVolume *output) {
    HrinetJob job = job_of(model, plan, image);
    HrinetLabelJob labels;
    CHECK(hrinet_label_job_init(&labels) == HRINET_OK);
    labels.input = input, labels.output = output, labels.method = method;
    job.labels = &labels, job.label_count = 1, job.progress = progress;
    return hrinet_resample(&job);
}

#endif
