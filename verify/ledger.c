/* All files of a ledger, in order. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "verify/check.h"
#include "verify/pack.h"

#define FILES_MAX ((size_t)1 << 22)

/* The numbers of the segments and packs that are there, ascending, each once. */
struct numbers {
    uint32_t *list;
    size_t n, room;
};

/* The number of a segment's or pack's name; 0 when it is another file. */
static uint32_t number_of(const char *name)
{
    uint64_t number = 0;

    for (size_t i = 0; i < 10; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }
        number = number * 10 + (uint64_t)(name[i] - '0');
    }
    bool ours = strcmp(name + 10, ".seg") == 0 || strcmp(name + 10, ".pack") == 0;
    return ours && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static bool add_number(struct numbers *l, uint32_t number)
{
    if (l->n == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        uint32_t *more = l->room > FILES_MAX ? NULL : realloc(l->list, l->room * sizeof(*more));
        if (!more) {
            return false;
        }
        l->list = more;
    }
    l->list[l->n++] = number;
    return true;
}

static bool read_numbers(struct check *c, struct numbers *l)
{
    int fd = openat(c->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    bool ok = dir != NULL;

    errno = 0;
    for (const struct dirent *d = dir ? readdir(dir) : NULL; ok && d; d = readdir(dir)) {
        uint32_t number = number_of(d->d_name);
        ok = !number || add_number(l, number);
        errno = 0;
    }
    ok = ok && errno == 0;
    if (!ok) {
        report_stop(c->report, 0, "the ledger's folder cannot be read", errno);
    }
    if (dir) {
        (void)closedir(dir);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    if (ok && l->n) {
        qsort(l->list, l->n, sizeof(*l->list), ascending);
    }
    return ok;
}

/* Open segment `number`, or else its pack. */
static enum input_result open_file(const struct check *c, uint32_t number, struct input *in,
                                   bool *packed)
{
    char name[NAME_ROOM];

    (void)snprintf(name, sizeof(name), "%010u.seg", number);
    enum input_result result = input_open(in, c->folder, name);
    *packed = result == INPUT_MISSING;
    if (*packed) {
        (void)snprintf(name, sizeof(name), "%010u.pack", number);
        result = input_open(in, c->folder, name);
    }
    return result;
}

/* Whether a file can be judged; if not, it is said why. */
static bool opened(struct check *c, uint32_t number, enum input_result result)
{
    struct place where = {.segment = number, .first = c->next, .last = c->next};

    switch (result) {
    case INPUT_OK:
        return true;
    case INPUT_MISSING:
        break;
    case INPUT_FAILED:
        report_stop(c->report, number, "the file cannot be opened", errno);
        return false;
    case INPUT_NO_FILE:
        report_finding(c->report, &where, "the segment is no ordinary file");
        return false;
    }
    report_finding(c->report, &where, "the segment's file is missing");
    return false;
}

static void look_at_successor(struct check *c, uint32_t number, struct successor *out)
{
    struct input in;
    bool packed = false;

    *out = (struct successor){.exists = true};
    if (open_file(c, number, &in, &packed) == INPUT_OK) {
        if (packed) {
            pack_successor(c, &in, number, out);
        } else {
            segment_successor(c, &in, number, out);
        }
    }
    input_close(&in);
}

/* What follows is not known to go on from what is before. */
static void lose_count(struct check *c)
{
    c->counted = false;
    c->trusted = false;
    c->former.known = false;
}

static void check_file(struct check *c, uint32_t number, bool last)
{
    struct successor successor = {0};
    struct input in;
    bool packed = false;

    if (!last) {
        look_at_successor(c, number + 1, &successor);
    }
    enum input_result result = open_file(c, number, &in, &packed);
    if (!opened(c, number, result)) {
        lose_count(c);
    } else if (packed) {
        pack_check(c, &in, number, &successor);
    } else {
        segment_check(c, &in, number, &successor, last);
    }
    input_close(&in);
}

/* Numbers without a file, though later ones are there. */
static void check_gap(struct check *c, uint32_t from, uint32_t to)
{
    struct place where = {.segment = from, .first = c->next, .last = c->next};

    report_finding(c->report, &where,
                   to - from > 1 ? "this segment's file and those up to the next that is there are "
                                   "missing"
                                 : "the segment's file is missing");
    lose_count(c);
}

static void check_rest_of_checkpoints(struct check *c, uint32_t last)
{
    while (c->next_checkpoint < c->n_checkpoints) {
        struct checkpoint *p = &c->checkpoints[c->next_checkpoint++];
        struct place where = {.segment = last, .first = c->next, .last = p->size - 1};
        report_finding(c->report, &where,
                       "a checkpoint is over these records, and they are not there: the ledger was "
                       "cut off or rolled back");
    }
}

static void check_files(struct check *c, const struct numbers *l)
{
    uint32_t wanted = 1;

    for (size_t i = 0; i < l->n && !c->report->cannot_judge; i++) {
        uint32_t number = l->list[i];
        if (number < wanted) {
            continue; /* a segment and its pack */
        }
        if (number > wanted) {
            check_gap(c, wanted, number);
        }
        check_file(c, number, number == l->list[l->n - 1]);
        wanted = number + 1;
    }
}

bool ledger_check(struct check *c)
{
    struct numbers l = {NULL, 0, 0};

    if (!read_numbers(c, &l)) {
        free(l.list);
        return false;
    }
    if (l.n == 0) {
        report_stop(c->report, 0, "the folder holds no ledger", 0);
        free(l.list);
        return false;
    }
    check_start_of_all(c);
    check_files(c, &l);
    if (!c->report->cannot_judge) {
        check_rest_of_checkpoints(c, l.list[l.n - 1]);
        c->erased = claims_compare(&c->claims, c->report);
    }
    free(l.list);
    return !c->report->cannot_judge;
}

void check_init(struct check *c, int folder, struct report *report, struct checkpoint *checkpoints,
                size_t n)
{
    *c = (struct check){.folder = folder,
                        .report = report,
                        .hash = hash_new(),
                        .batch = hash_new(),
                        .checkpoints = checkpoints,
                        .n_checkpoints = n,
                        .counted = true,
                        .trusted = true};
}

void check_done(struct check *c)
{
    hash_free(c->hash);
    hash_free(c->batch);
    claims_done(&c->claims);
}
