#include "vault/manifest.h"

#include "base/bytes.h"

#define DIRECTORY_MAX 64
#define FILE_NAME_MAX 128

static const struct cbor_field file_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXT, struct vault_file, directory, DIRECTORY_MAX),
    CBOR_FIELD(2, CBOR_TEXT, struct vault_file, name, FILE_NAME_MAX),
    CBOR_OPTIONAL(3, CBOR_UINT, struct vault_file, size, 0),
    CBOR_FIELD(4, CBOR_BYTES, struct vault_file, head, VAULT_HEAD_LEN),
    CBOR_OPTIONAL(5, CBOR_BYTES, struct vault_file, pieces, MANIFEST_SIZE_MAX),
};
static const struct cbor_schema file_schema = CBOR_SCHEMA(file_fields, struct vault_file);

static const struct cbor_field manifest_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct vault_manifest, number, 0),
    CBOR_FIELD(2, CBOR_UINT, struct vault_manifest, at, INT64_MAX),
    CBOR_OPTIONAL(3, CBOR_BYTES, struct vault_manifest, previous, 32),
    CBOR_FIELD(4, CBOR_UINT, struct vault_manifest, records, 0),
    CBOR_FIELD(5, CBOR_TEXT, struct vault_manifest, note, 4096),
    CBOR_OPTIONAL(6, CBOR_TEXT, struct vault_manifest, program, 100),
    CBOR_SUB(7, CBOR_LIST, struct vault_manifest, files, VAULT_FILES_MAX, &file_schema),
};
static const struct cbor_schema manifest_schema =
    CBOR_SCHEMA(manifest_fields, struct vault_manifest);

void vault_manifest_write(const struct vault_manifest *m, struct buf *out)
{
    cbor_write(out, &manifest_schema, m);
}

/* Letters, digits, '.', '-' and '_', the first of them no '.': nothing that leads elsewhere. */
static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        uint8_t low = ascii_lower(c);
        bool fine = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                    (c == '.' && i > 0);
        if (!fine) {
            return false;
        }
    }
    return true;
}

static bool is_sound(const struct vault_file *f)
{
    uint64_t size = 0;

    if (!is_plain(f->directory) || !is_plain(f->name) || f->name.len == 0 ||
        f->head.len != VAULT_HEAD_LEN || f->pieces.len % VAULT_ROW_LEN != 0) {
        return false;
    }
    for (size_t i = 0; i < vault_pieces(f); i++) {
        uint32_t length = vault_piece(f, i).length;
        if (length == 0 || length > VAULT_PIECE) {
            return false;
        }
        size += length; /* of bounded many */
    }
    return size == f->size;
}

bool vault_manifest_read(struct slice bytes, struct arena *arena, struct vault_manifest *m,
                         struct error *e)
{
    if (bytes.len > MANIFEST_SIZE_MAX || !cbor_read(bytes, &manifest_schema, arena, m, e)) {
        return error_set(e, ERROR_INPUT, "this is no manifest of a backup");
    }
    const struct vault_file *files = m->files.items;
    for (size_t i = 0; i < m->files.count; i++) {
        if (!is_sound(&files[i])) {
            return error_set(e, ERROR_INPUT, "a manifest's file %zu is not sound", i);
        }
    }
    return true;
}

size_t vault_pieces(const struct vault_file *f)
{
    return f->pieces.len / VAULT_ROW_LEN;
}

struct vault_piece vault_piece(const struct vault_file *f, size_t n)
{
    const uint8_t *row = f->pieces.ptr + n * VAULT_ROW_LEN;

    return (struct vault_piece){slice_of(row, VAULT_NAME_LEN), get32(row + VAULT_NAME_LEN)};
}

void vault_piece_add(struct buf *rows, struct slice name, uint32_t length)
{
    uint8_t bytes[4];

    put32(bytes, length);
    buf_add(rows, slice_head(name, VAULT_NAME_LEN));
    buf_add(rows, SLICE_ARRAY(bytes));
}
