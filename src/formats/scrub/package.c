#include <stdlib.h>

#include "formats/scrub/internal.h"

#define STEP         ((size_t)1 << 20)
#define UNPACKED_MAX ((size_t)96 << 20) /* of all parts that are looked at */
#define NAMES_MAX    ((size_t)16 << 20)

bool package_open(struct package *p, struct slice bytes, size_t *spent)
{
    void *copy = malloc(bytes.len + 1);

    *p = (struct package){.arena = {.max = NAMES_MAX}};
    p->spent = spent ? spent : &p->unpacked;
    if (copy && bytes.len) {
        (void)memcpy(copy, bytes.ptr, bytes.len);
    }
    /* The copy is libzip's: where the first parts stay as they are it takes the bytes for its own, and frees them (1.7.3). */
    p->source = copy ? zip_source_buffer_create(copy, bytes.len, 1, NULL) : NULL;
    if (!p->source) {
        free(copy);
        return false;
    }
    zip_source_keep(p->source); /* NOLINT(clang-analyzer-unix.Malloc): libzip frees the copy */
    p->zip = zip_open_from_source(p->source, 0, NULL);
    if (!p->zip) {
        zip_source_free(p->source); /* what zip_source_keep() counted */
    }
    if (p->zip && package_count(p) > PACKAGE_PARTS_MAX) {
        p->why = SCRUB_LARGE;
    }
    /* -fanalyzer: libzip frees the copy */
    return p->zip && !p->why;
}

void package_done(struct package *p)
{
    if (p->zip) {
        zip_discard(p->zip);
    }
    zip_source_free(p->source);
    arena_done(&p->arena);
}

size_t package_count(const struct package *p)
{
    zip_int64_t n = zip_get_num_entries(p->zip, 0);

    return n > 0 ? (size_t)n : 0;
}

struct slice package_name(struct package *p, size_t i)
{
    const char *name = zip_get_name(p->zip, i, ZIP_FL_ENC_RAW);

    return name ? slice_text(name) : SLICE("");
}

struct slice package_name_before(struct package *p, size_t i)
{
    const char *name = zip_get_name(p->zip, i, ZIP_FL_ENC_RAW | ZIP_FL_UNCHANGED);

    return name ? slice_text(name) : SLICE("");
}

bool package_has(const struct package *p, const char *name)
{
    return zip_name_locate(p->zip, name, 0) >= 0;
}

size_t package_find(const struct package *p, const char *name)
{
    zip_int64_t at = zip_name_locate(p->zip, name, ZIP_FL_ENC_RAW);

    return at >= 0 ? (size_t)at : package_count(p);
}

/* Why a part cannot be unpacked. */
static const char *why_not(const struct package *p, size_t i, const struct buf *out)
{
    zip_stat_t about;
    bool known = zip_stat_index(p->zip, i, ZIP_FL_UNCHANGED, &about) == 0;

    if (*p->spent >= UNPACKED_MAX || out->full) {
        return SCRUB_LARGE;
    }
    return known && about.valid & ZIP_STAT_ENCRYPTION_METHOD &&
                   about.encryption_method != ZIP_EM_NONE
               ? SCRUB_ENCRYPTED
               : NULL;
}

bool package_read(struct package *p, size_t i, struct buf *out)
{
    zip_file_t *f = zip_fopen_index(p->zip, i, ZIP_FL_UNCHANGED);
    zip_int64_t n = f ? 1 : -1;

    buf_reset(out);
    while (n > 0) {
        uint8_t *room = buf_room(out, STEP);
        n = room && *p->spent < UNPACKED_MAX ? zip_fread(f, room, STEP) : -1;
        out->len += n > 0 ? (size_t)n : 0;
        *p->spent += n > 0 ? (size_t)n : 0;
    }
    if (f) {
        (void)zip_fclose(f);
    }
    if (n != 0 && !p->failed) {
        p->failed = true;
        p->why = why_not(p, i, out);
    }
    return n == 0;
}

void package_replace(struct package *p, size_t i, struct slice bytes)
{
    void *copy = malloc(bytes.len + 1);
    zip_source_t *s = NULL;

    if (copy && bytes.len) {
        (void)memcpy(copy, bytes.ptr, bytes.len);
    }
    s = copy ? zip_source_buffer(p->zip, copy, bytes.len, 1) : NULL; /* which frees the copy */
    if (!s) {
        free(copy);
        p->failed = true;
    } else if (zip_file_replace(p->zip, i, s, 0) != 0) { /* NOLINT(clang-analyzer-unix.Malloc) */
        zip_source_free(s);
        p->failed = true;
    }
} /* -fanalyzer: libzip frees the copy */

void package_delete(struct package *p, size_t i)
{
    p->failed = p->failed || zip_delete(p->zip, i) != 0;
}

void package_keep_time(struct package *p, size_t i)
{
    zip_stat_t about;
    bool known = zip_stat_index(p->zip, i, ZIP_FL_UNCHANGED, &about) == 0 &&
                 (about.valid & ZIP_STAT_MTIME) != 0;

    p->failed = p->failed || (known && zip_file_set_mtime(p->zip, i, about.mtime, 0) != 0);
}

static bool read_all(zip_source_t *source, struct buf *out)
{
    zip_int64_t n = 0;

    if (zip_source_open(source) != 0) {
        return false;
    }
    do {
        uint8_t *room = buf_room(out, STEP);
        n = room ? zip_source_read(source, room, STEP) : -1;
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    (void)zip_source_close(source);
    return n == 0;
}

bool package_write(struct package *p, struct buf *out)
{
    if (p->failed || zip_close(p->zip) != 0) {
        return false;
    }
    p->zip = NULL;
    return read_all(p->source, out);
}
