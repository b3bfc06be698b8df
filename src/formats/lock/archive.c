#include <stdio.h>
#include <time.h>
#include <zip.h>

#include "base/arena.h"

#include "formats/lock/internal.h"

#define ARCHIVE_MAX ((size_t)256 << 20) /* bytes of an archive */
#define STEP        ((size_t)1 << 20)

/* An archive while it is made, in memory. */
struct making {
    zip_source_t *target;
    zip_t *zip;
};

static void abandon(struct making *m)
{
    if (m->zip) {
        zip_discard(m->zip);
    }
    zip_source_free(m->target); /* ours besides the archive's */
}

OWN_VALUE(making, struct making, abandon)

static bool begin(struct making *m)
{
    m->target = zip_source_buffer_create(NULL, 0, 0, NULL);
    if (!m->target) {
        return false;
    }
    zip_source_keep(m->target);
    m->zip = zip_open_from_source(m->target, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    if (!m->zip) {
        zip_source_free(m->target); /* what zip_source_keep() counted */
    }
    return m->zip != NULL;
}

/* Add a file, stored as it is; with a password, encrypted. All have one date, which tells nothing. */
static bool add(struct making *m, const char *name, struct slice bytes, const char *password)
{
    zip_source_t *source = zip_source_buffer(m->zip, bytes.ptr, bytes.len, 0);
    zip_int64_t i = source ? zip_file_add(m->zip, name, source, ZIP_FL_ENC_UTF_8) : -1;

    if (i < 0) {
        zip_source_free(source); /* otherwise it is the archive's now */
        return false;
    }
    return zip_set_file_compression(m->zip, (zip_uint64_t)i, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(m->zip, (zip_uint64_t)i, 0, 0x21, 0) == 0 &&
           (!password ||
            zip_file_set_encryption(m->zip, (zip_uint64_t)i, ZIP_EM_AES_256, password) == 0);
}

static bool read_target(struct making *m, struct buf *out)
{
    zip_int64_t n = 0;
    uint8_t *room = NULL;

    if (zip_source_open(m->target) != 0) {
        return false;
    }
    do {
        room = buf_room(out, STEP);
        n = room ? zip_source_read(m->target, room, STEP) : -1;
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    (void)zip_source_close(m->target);
    return n == 0;
}

/* Write it and take its bytes. */
static bool finish(struct making *m, struct buf *out)
{
    if (zip_close(m->zip) != 0) {
        return false;
    }
    m->zip = NULL;
    return read_target(m, out);
}

/* Whether an earlier name is the same in file systems that know no capital letters. */
static bool is_taken(const char *const *earlier, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_equal_nocase(slice_text(earlier[i]), slice_text(name))) {
            return true;
        }
    }
    return false;
}

static bool add_all(struct making *m, const struct lock_entry *entries, size_t n)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const char **names = arena_array(&arena, n, sizeof(*names));

    for (size_t i = 0; i < n; i++) {
        char name[LOCK_SAFE_NAME_MAX];
        unsigned number = 0;
        do {
            lock_safe_name(entries[i].name, number, name);
            number = number ? number + 1 : 2;
        } while (is_taken(names, i, name));
        names[i] = arena_text(&arena, slice_text(name));
        if (!add(m, name, entries[i].bytes, NULL)) {
            return false;
        }
    }
    return true;
}

bool lock_archive(const struct lock_entry *entries, size_t n, const char *inner,
                  struct slice password, struct buf *out, struct error *e)
{
    OWN(making) struct making within = {0};
    OWN(making) struct making archive = {0};
    OWN(buf) struct buf bytes = {.max = ARCHIVE_MAX};
    char text[LOCK_PASSWORD_MAX + 1] = "";

    if (n == 0 || n > LOCK_FILES_MAX || !lock_password_sound(password)) {
        return error_set(e, ERROR_INPUT, "an archive of no files, or without a password");
    }
    bool good = begin(&within) && add_all(&within, entries, n) && finish(&within, &bytes);
    (void)memcpy(text, password.ptr, password.len);
    good = good && begin(&archive) && add(&archive, inner, buf_slice(&bytes), text) &&
           finish(&archive, out);
    explicit_bzero(text, sizeof(text));
    if (bytes.full || out->full) {
        return error_set(e, ERROR_LIMIT, "the encrypted archive does not fit");
    }
    return good || error_set(e, ERROR_BUSY, "libzip does not make an archive");
}
