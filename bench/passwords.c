/* bench-passwords - how fast a list of hashes becomes a filter, how large that is, how long a look takes, and how many
 * passwords that are not on the list it takes for ones that are.
 *
 *     bench-passwords FOLDER HASHES LOOKS
 *
 * The list comes through a pipe in the form of Have I Been Pwned, from a second process: hashes that ascend at random
 * distances, as SHA-1s do. */
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "passwords/dump.h"

#define PIECE ((size_t)1 << 16)
#define LINE  46 /* bytes: 40 digits, `:12`, CR, LF */

static uint64_t mix(uint64_t n)
{
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

/* Hashes that ascend as those of a hash function do: exponential distances. */
struct hashes {
    uint64_t n;
    uint64_t hash;
    double distance; /* on average */
};

static struct hashes hashes_of(uint64_t count)
{
    return (struct hashes){.distance = 0x1p64 / (double)count};
}

/* The next one; false when the end of the range is reached, after `count` of them or near that. */
static bool next_hash(struct hashes *h)
{
    double even = ((double)(mix(++h->n) >> 11) + 0.5) * 0x1p-53;
    double distance = -log(even) * h->distance;

    if (distance >= (double)(UINT64_MAX - h->hash)) {
        return false;
    }
    h->hash += (uint64_t)distance;
    return true;
}

static void say(int out, uint64_t count)
{
    static const char digits[] = "0123456789ABCDEF";
    static char bytes[PIECE];
    struct hashes h = hashes_of(count);
    size_t len = 0;

    for (bool more = next_hash(&h); more;) {
        char *line = bytes + len;
        uint64_t hash = h.hash;
        for (int i = 15; i >= 0; i--, hash >>= 4) {
            line[i] = digits[hash & 15];
        }
        (void)memcpy(line + 16, "0123456789ABCDEF01234567:12\r\n", LINE - 17);
        len += LINE - 1;
        more = next_hash(&h);
        if (len + LINE > PIECE || !more) {
            for (size_t at = 0; at < len;) {
                ssize_t wrote = write(out, bytes + at, len - at);
                if (wrote < 0) {
                    _exit(1);
                }
                at += (size_t)wrote;
            }
            len = 0;
        }
    }
    _exit(0);
}

static bool import(int folder, uint64_t count, struct dump_report *report, struct error *e)
{
    const struct dump_options options = {.bits = FILTER_BITS};
    int ends[2];
    int status = 0;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_errno(e, ERROR_BUSY, "pipe");
    }
    (void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        say(ends[1], count);
    }
    (void)close(ends[1]);
    bool made = dump_import(ends[0], folder, "list", &options, report, e);
    (void)close(ends[0]);
    return waitpid(child, &status, 0) == child && made &&
           (status == 0 || error_set(e, ERROR_BUSY, "no list came"));
}

/* Some of those on the list, from its whole length, in any order. */
static uint64_t *pick(uint64_t count, uint64_t looks)
{
    struct hashes h = hashes_of(count);
    uint64_t *picked = calloc(looks, sizeof(*picked));
    uint64_t step = count / looks + 1;

    for (uint64_t n = 0; picked && next_hash(&h); n++) {
        if (n % step == 0) {
            picked[mix(n) % looks] = h.hash;
        }
    }
    for (uint64_t i = 0; picked && i < looks; i++) {
        picked[i] = picked[i] ? picked[i] : picked[i ? i - 1 : looks - 1];
    }
    return picked;
}

/* Microseconds of CPU of a look, at hashes of the list or, without one, at any, and how many were found. */
static double look(const struct filter *f, const uint64_t *list, uint64_t looks, uint64_t *found)
{
    clock_t from = clock();
    struct error e;

    *found = 0;
    for (uint64_t i = 0; i < looks; i++) {
        uint64_t hash = list ? list[i] : mix(i * 7919 + 3);
        *found += filter_look(f, hash, &e) == FILTER_PRESENT;
    }
    return (double)(clock() - from) * (1e6 / CLOCKS_PER_SEC) / (double)looks;
}

int main(int argc, char **argv)
{
    uint64_t count = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
    uint64_t looks = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    struct dump_report report;
    struct filter f;
    struct error e;
    uint64_t found = 0;
    uint64_t wrong = 0;

    if (!count || !looks) {
        (void)fprintf(stderr, "usage: bench-passwords FOLDER HASHES LOOKS\n");
        return 64;
    }
    int folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    clock_t from = clock(); /* of this process: the list comes from another */
    if (folder < 0 || !import(folder, count, &report, &e)) {
        (void)fprintf(stderr, "%s: %s\n", argv[1], folder < 0 ? "no folder" : e.text);
        return 1;
    }
    double seconds = (double)(clock() - from) / CLOCKS_PER_SEC;
    int fd = openat(folder, "list", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !filter_open(&f, fd, &e)) {
        (void)fprintf(stderr, "the list is not there\n");
        return 1;
    }
    uint64_t *list = pick(count, looks);
    if (!list || !list[0]) {
        (void)fprintf(stderr, "no memory, or nothing to look for\n");
        return 1;
    }
    double hit_us = look(&f, list, looks, &found);
    double miss_us = look(&f, NULL, looks, &wrong);
    free(list);
    (void)printf("hashes=%" PRIu64 " bytes=%" PRIu64 " seconds=%.2f looks=%" PRIu64
                 " missed=%" PRIu64 " wrong=%" PRIu64 " hit_us=%.2f miss_us=%.2f\n",
                 report.lines, report.bytes, seconds, looks, looks - found, wrong, hit_us, miss_us);
    return looks - found ? 1 : 0;
}
