#include "cli/manifest.h"

#include <string.h>

#include "cli/print.h"

#define WORD "postern-backup "

static const char *const directories[] = {"ledger", "record-keys", "state", "keys", NULL};

void manifest_begin(struct buf *out, uint64_t records)
{
    buf_printf(out, WORD "1\nrecords %llu\n", (unsigned long long)records);
}

void manifest_add(struct buf *out, const char *directory, const char *name,
                  const struct files_copy *copy)
{
    OWN(arena) struct arena arena = {.max = 4096};
    struct slice digest = print_hex(&arena, SLICE_ARRAY(copy->digest));

    buf_printf(out, "file %.*s %llu %s%s%s\n", SLICE_ARG(digest), (unsigned long long)copy->size,
               directory, directory[0] ? "/" : "", name);
}

static bool malformed(size_t line, struct error *e)
{
    return error_set(e, ERROR_CORRUPT, "%s: line %zu is damaged", MANIFEST_NAME, line);
}

static int nibble(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_digest(struct slice text, uint8_t digest[static DIGEST_LEN])
{
    if (text.len != (size_t)2 * DIGEST_LEN) {
        return false;
    }
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        int high = nibble(text.ptr[2 * i]);
        int low = nibble(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = ascii_lower(s.ptr[i]);
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                     c == '@' || (c == '.' && i);
        if (!plain) {
            return false;
        }
    }
    return s.len > 0 && s.len < 256;
}

static bool read_path(struct slice path, struct arena *arena, struct manifest_file *f)
{
    size_t slash = slice_find(path, '/');
    struct slice name = slash < path.len ? slice_from(path, slash + 1) : path;
    bool known = slash == path.len;

    f->directory = slash < path.len ? slice_head(path, slash) : SLICE_NONE;
    for (size_t i = 0; directories[i]; i++) {
        known = known || slice_equal(f->directory, slice_text(directories[i]));
    }
    f->name = arena_text(arena, name);
    return known && is_name(name);
}

static bool read_file(struct slice line, struct arena *arena, struct manifest_file *f)
{
    struct slice rest;
    struct slice word = slice_cut(line, ' ', &rest);
    struct slice digest = slice_cut(rest, ' ', &rest);
    struct slice size = slice_cut(rest, ' ', &rest);

    return slice_equal(word, SLICE("file")) && read_digest(digest, f->copy.digest) &&
           slice_decimal(size, INT64_MAX, &f->copy.size) && read_path(rest, arena, f);
}

static size_t count_lines(struct slice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '\n';
    }
    return count;
}

bool manifest_read(struct slice text, struct arena *arena, struct manifest *out, struct error *e)
{
    struct slice rest = arena_copy(arena, text);
    size_t lines = count_lines(text);

    if (text.len == 0 || text.ptr[text.len - 1] != '\n' || lines < 2 ||
        lines > MANIFEST_FILES_MAX || !slice_starts(text, SLICE(WORD))) {
        return error_set(e, ERROR_CORRUPT, "%s: this is not, or not all of, a backup's list",
                         MANIFEST_NAME);
    }
    struct slice head = slice_cut(rest, '\n', &rest);
    if (!slice_equal(head, SLICE(WORD "1"))) {
        return error_set(e, ERROR_CONFIG, "%s: written by a newer version of Postern",
                         MANIFEST_NAME);
    }
    *out = (struct manifest){.files = arena_array(arena, lines, sizeof(*out->files))};
    struct slice records = slice_cut(rest, '\n', &rest);
    if (!slice_starts(records, SLICE("records ")) ||
        !slice_decimal(slice_from(records, 8), INT64_MAX, &out->records)) {
        return malformed(2, e);
    }
    while (rest.len) {
        if (!read_file(slice_cut(rest, '\n', &rest), arena, &out->files[out->count])) {
            return malformed(out->count + 3, e);
        }
        out->count++;
    }
    return true;
}

const struct manifest_file *manifest_find(const struct manifest *m, const char *directory,
                                          const char *name)
{
    for (size_t i = 0; i < m->count; i++) {
        if (slice_equal(m->files[i].directory, slice_text(directory)) &&
            strcmp(m->files[i].name, name) == 0) {
            return &m->files[i];
        }
    }
    return NULL;
}
