#include "passwords/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#include "host/file.h"
#include "passwords/filter_write.h"
#include "passwords/internal.h"

#define READ_BYTES ((size_t)1 << 20)
#define DIGITS     40 /* of SHA-1 */
#define LINE_MAX_  128
#define SAMPLE     65536 /* hashes that tell how many there are: within 1 % */
#define MODE       0644  /* no secret: anybody may have the list that it is made of */
#define NAME_MAX_  64
#define GAPS_MAX   40 /* at the end: of as many lines it happens once in 10^17 */

struct reading {
    int fd;
    uint8_t *bytes; /* READ_BYTES */
    size_t len;
    size_t at;
    uint64_t line;
};

struct importing {
    struct reading in;
    const struct dump_options *options;
    uint64_t *sample; /* hashes, until there is a writer */
    size_t n_sample;
    struct filter_writer *writer;
    uint64_t last;      /* hash that was taken */
    uint64_t last_read; /* of all lines */
    int out;
};

/* The next line without its end, inside `bytes`; *end when there is none. */
static bool next_line(struct reading *r, struct slice *line, bool *end, struct error *e)
{
    for (;;) {
        struct slice rest = slice_of(r->bytes + r->at, r->len - r->at);
        size_t found = slice_find(slice_head(rest, LINE_MAX_), '\n');
        if (found < rest.len && found < LINE_MAX_) {
            *line = slice_head(rest, found);
            r->at += found + 1;
            r->line++;
            *end = false;
            return true;
        }
        if (rest.len >= LINE_MAX_) {
            return error_set(e, ERROR_INPUT, "line %llu is too long",
                             (unsigned long long)(r->line + 1));
        }
        (void)memmove(r->bytes, rest.ptr, rest.len);
        r->at = 0;
        r->len = rest.len;
        ssize_t got = read(r->fd, r->bytes + r->len, READ_BYTES - r->len);
        if (got < 0 && errno != EINTR) {
            return error_errno(e, ERROR_BUSY, "read the list");
        }
        if (got == 0) {
            *end = r->len == 0;
            *line = slice_of(r->bytes, r->len);
            r->at = r->len;
            r->line += r->len != 0;
            return true;
        }
        r->len += got > 0 ? (size_t)got : 0;
    }
}

static int digit_of(uint8_t c)
{
    uint8_t lower = ascii_lower(c);

    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* HASH or HASH:COUNT. */
static bool read_entry(struct slice line, uint64_t *hash, uint64_t *seen)
{
    uint64_t head = 0;
    bool good = line.len >= DIGITS;

    for (size_t i = 0; good && i < DIGITS; i++) {
        int digit = digit_of(line.ptr[i]);
        good = digit >= 0;
        head = i < 16 ? head << 4 | (uint64_t)(digit & 15) : head;
    }
    struct slice rest = slice_from(line, DIGITS);
    if (rest.len && rest.ptr[rest.len - 1] == '\r') {
        rest.len--;
    }
    *hash = head;
    *seen = UINT64_MAX;
    return good && (rest.len == 0 ||
                    (rest.ptr[0] == ':' && slice_decimal(slice_from(rest, 1), UINT64_MAX, seen)));
}

/* The sample is full, or all there is: now the number of hashes is known well enough. */
static bool begin_writing(struct importing *i, bool all, struct error *e)
{
    uint64_t expected = i->n_sample;
    bool added = true;

    if (!all) {
        uint64_t last = i->sample[i->n_sample - 1];
        filter_wide whole = ((filter_wide)i->n_sample << 64) / (last ? last : 1);
        if (whole > FILTER_COUNT_MAX) {
            return error_set(e, ERROR_INPUT,
                             "the first hashes lie so close that there would be more than 8 "
                             "billion: that is no whole list");
        }
        expected = (uint64_t)whole;
    }
    i->writer = filter_writer_new(i->out, expected ? expected : 1, i->options->bits);
    for (size_t n = 0; n < i->n_sample && added; n++) {
        added = filter_writer_add(i->writer, i->sample[n], e);
    }
    i->n_sample = 0;
    return added;
}

static bool take(struct importing *i, uint64_t hash, struct error *e)
{
    if (hash < i->last) {
        return error_set(e, ERROR_INPUT, "the hashes do not ascend: sort the lines (`sort`)");
    }
    i->last = hash;
    if (i->writer) {
        return filter_writer_add(i->writer, hash, e);
    }
    i->sample[i->n_sample++] = hash;
    return i->n_sample < SAMPLE || begin_writing(i, false, e);
}

/* Hashes lie evenly: a list whose last one is far from the highest there can be has lost its end. */
static bool is_whole(const struct importing *i, struct error *e)
{
    uint64_t gap = UINT64_MAX / i->in.line;
    uint64_t behind = UINT64_MAX - i->last_read;

    return behind / GAPS_MAX <= gap ||
           error_set(
               e, ERROR_INPUT,
               "the list was cut: its %llu lines end at %016llX..., and hashes go up to FFFF...; "
               "fetch it again",
               (unsigned long long)i->in.line, (unsigned long long)i->last_read);
}

static bool read_all(struct importing *i, struct error *e)
{
    struct slice line = SLICE_NONE;
    bool end = false;

    while (next_line(&i->in, &line, &end, e)) {
        uint64_t hash = 0;
        uint64_t seen = 0;
        if (end) {
            return i->in.line ? is_whole(i, e) && (i->writer || begin_writing(i, true, e))
                              : error_set(e, ERROR_INPUT, "the list is empty");
        }
        if (!read_entry(line, &hash, &seen)) {
            return error_set(e, ERROR_INPUT,
                             "line %llu is no SHA-1 in hexadecimal with a count, `HASH:COUNT`",
                             (unsigned long long)i->in.line);
        }
        i->last_read = hash;
        if (seen >= i->options->seen_least && !take(i, hash, e)) {
            return error_add(e, "line %llu", (unsigned long long)i->in.line);
        }
    }
    return false;
}

static bool write_file(struct importing *i, struct dump_report *report, struct error *e)
{
    struct stat about;

    i->in.bytes = malloc(READ_BYTES);
    i->sample = calloc(SAMPLE, sizeof(*i->sample));
    if (!i->in.bytes || !i->sample) {
        arena_panic("out of memory");
    }
    bool written = read_all(i, e) && filter_writer_end(i->writer, &report->entries, e);
    filter_writer_free(i->writer);
    free(i->sample);
    free(i->in.bytes);
    if (!written) {
        return false;
    }
    if (fstat(i->out, &about) != 0) {
        return error_errno(e, ERROR_BUSY, "the new list");
    }
    if (report->entries == 0) {
        return error_set(e, ERROR_INPUT,
                         "no password of the list was seen so often: the list in force stays");
    }
    report->lines = i->in.line;
    report->bytes = (uint64_t)about.st_size;
    return true;
}

bool dump_import(int in, int folder, const char *name, const struct dump_options *options,
                 struct dump_report *report, struct error *e)
{
    struct importing i = {.in = {.fd = in}, .options = options, .out = -1};
    struct dump_report made = {.lines = 0};
    char fresh[NAME_MAX_];

    if (snprintf(fresh, sizeof(fresh), "%s.new", name) >= (int)sizeof(fresh)) {
        return error_set(e, ERROR_INPUT, "the name of the file is too long");
    }
    (void)unlinkat(folder, fresh, 0);
    OWN(fd)
    int out = openat(folder, fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE);
    if (out < 0) {
        return error_errno(e, ERROR_CONFIG, "make %s", fresh);
    }
    i.out = out;
    if (!write_file(&i, &made, e)) {
        (void)unlinkat(folder, fresh, 0);
        return false;
    }
    if (fchmod(out, MODE) != 0 || renameat(folder, fresh, folder, name) != 0) {
        (void)error_errno(e, ERROR_BUSY, "put the new list in place");
        (void)unlinkat(folder, fresh, 0);
        return false;
    }
    *report = made;
    return file_sync_folder(folder, e);
}
