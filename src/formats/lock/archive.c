#include "base/arena.h"

#include "formats/lock/internal.h"
#include "formats/lock/zip.h"

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

static bool add_all(struct zip_writer *w, struct arena *arena, const struct lock_entry *entries,
                    size_t n)
{
    const char **names = arena_array(arena, n, sizeof(*names));

    for (size_t i = 0; i < n; i++) {
        char name[LOCK_SAFE_NAME_MAX];
        unsigned number = 0;
        do {
            lock_safe_name(entries[i].name, number, name);
            number = number ? number + 1 : 2;
        } while (is_taken(names, i, name));
        names[i] = arena_text(arena, slice_text(name));
        if (!zip_add(w, names[i], entries[i].bytes)) {
            return false;
        }
    }
    zip_finish(w);
    return true;
}

static size_t room_for(const struct lock_entry *entries, size_t n)
{
    size_t room = zip_room(0); /* of the archive that holds the other */

    for (size_t i = 0; i < n; i++) {
        room += zip_room(entries[i].bytes.len);
    }
    return room;
}

bool lock_archive(const struct lock_entry *entries, size_t n, const char *inner,
                  struct slice password, struct buf *out, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct zip_writer archive = {.out = out, .begins = out->len};
    struct zip_writer within = {.out = out};

    if (n == 0 || n > LOCK_FILES_MAX || !lock_password_sound(password)) {
        return error_set(e, ERROR_INPUT, "an archive of no files, or without a password");
    }
    if (!buf_room(out, room_for(entries, n))) { /* at once, since it is large */
        return error_set(e, ERROR_LIMIT, "the encrypted archive does not fit");
    }
    bool begun = zip_begin_encrypted(&archive, inner);
    within.begins = out->len;
    if (!begun || !add_all(&within, &arena, entries, n) || !zip_seal(&archive, password)) {
        out->len = archive.begins;
        return error_set(e, ERROR_BUSY, "OpenSSL does not make an archive");
    }
    zip_finish(&archive);
    return true;
}
