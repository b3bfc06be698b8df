/* tests/fuzz_replay - run a fuzz target over its kept corpus, so that what a fuzzer once found
 * stays found in every ordinary test run. Arguments: files or folders. A missing or empty corpus is
 * an error: a replay that replays nothing must not pass. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (16 << 20)

static size_t replayed;

static void replay_file(const char *path)
{
    uint8_t *data = malloc(INPUT_MAX);
    FILE *f = fopen(path, "rb");

    if (!f || !data) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    size_t size = fread(data, 1, INPUT_MAX, f);
    (void)fclose(f);
    uint8_t *exact = malloc(size ? size : 1); /* so that ASan sees a read behind the end */
    if (!exact) {
        exit(1);
    }
    (void)memcpy(exact, data, size);
    free(data);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    replayed++;
}

static void replay(const char *path)
{
    struct stat st;
    DIR *dir = NULL;

    if (stat(path, &st) != 0) {
        (void)fprintf(stderr, "cannot find %s\n", path);
        exit(1);
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    dir = opendir(path);
    for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
        char child[4096];
        if (d->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(child, sizeof(child), "%s/%s", path, d->d_name);
        replay_file(child);
    }
    if (dir) {
        (void)closedir(dir);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        replay(argv[i]);
    }
    (void)printf("replayed %zu inputs\n", replayed);
    return replayed ? 0 : 1;
}
