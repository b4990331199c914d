/* Thousands of rounds of loading, working and freeing take no more memory than some.
 *
 * usage: growth MODEL ROUNDS */
#include "block.h"

/* Resident memory of this process in kB. */
static long resident(void) {
    char line[256];
    long kilobytes = -1;
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &kilobytes) == 1) break;
    fclose(file);
    CHECK(kilobytes > 0);
    return kilobytes;
}

static uint8_t *file_bytes(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes;
    CHECK(file && !fseek(file, 0, SEEK_END));
    *size = (size_t)ftell(file);
    rewind(file);
    bytes = allocate(*size);
    CHECK(fread(bytes, 1, *size, file) == *size);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    static int16_t voxels[VOXELS];
    HrinetVolume in, out;
    uint8_t *bytes;
    size_t size;
    long rounds, round, before = 0, after;
    CHECK(argc == 3);
    rounds = strtol(argv[2], NULL, 10);
    bytes = file_bytes(argv[1], &size);
    CHECK(hrinet_set_num_threads(1) == HRINET_OK);
    fill(voxels);
    describe(&in, voxels);
    for (round = 0; round < rounds; ++round) {
        HrinetModel *model = NULL, *refused = NULL;
        HrinetPlan *plan;
        /* By turns from a file and from memory; now and then it does some work, or fails. */
        if (round % 2)
            CHECK(load_bytes(bytes, size, "cpu", &model) == HRINET_OK);
        else
            model = load(argv[1]);
        plan = plan_of(&in, 2);
        if (round % 16 == 0) {
            CHECK(hrinet_plan_output(plan, &out) == HRINET_OK);
            out.data = allocate(hrinet_plan_output_bytes(plan));
            CHECK(resample(model, plan, &in, NULL, NULL, &out) == HRINET_OK);
            free(out.data);
            CHECK(load_bytes(bytes, size / 2, "cpu", &refused) ==
                  HRINET_FILE_DAMAGED);
        }
        hrinet_plan_free(plan);
        hrinet_model_free(model);
        /* By then every cache and pool is filled. */
        if (round == rounds / 5) before = resident();
    }
    after = resident();
    printf("%ld rounds; resident after a fifth %ld kB, at the end %ld kB\n", rounds, before, after);
    /* One byte in twenty of a model for each round would be 70 MB. Where there are few rounds, a
     * sanitizer or Valgrind looks for what is lost, and takes memory of its own. */
    CHECK(rounds < 1000 || after - before < 8000);
    free(bytes);
    return 0;
}
