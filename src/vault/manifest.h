/* vault/manifest - what one backup holds: docs/backup-format.md. Pure. */
#pragma once

#include "formats/cbor/cbor.h"

#define VAULT_PIECE       (((size_t)8 << 20) - 4) /* bytes of a file in one object, at most */
#define VAULT_NAME_LEN    16                      /* bytes of an object's own name */
#define VAULT_ROW_LEN     20                      /* of a piece: name, length (4) */
#define VAULT_HEAD_LEN    32
#define VAULT_FILES_MAX   1000000
#define MANIFEST_SIZE_MAX (((size_t)8 << 20) - 4) /* bytes */

/* One file. `pieces` holds VAULT_ROW_LEN bytes for each, in order. */
struct vault_file {
    struct slice directory; /* of the data directory; "": itself */
    struct slice name;
    uint64_t size;
    struct slice head; /* SHA-256 of its first 512 bytes, by which it is known again */
    struct slice pieces;
};

struct vault_manifest {
    uint64_t number;       /* 1 for a vault's first backup, then one more each */
    uint64_t at;           /* wall clock, of the view */
    struct slice previous; /* SHA-256 of the sealed manifest before; empty: none is known */
    uint64_t records;      /* leaves of the ledger */
    struct slice note;     /* signed checkpoint over a beginning of that */
    struct slice program;
    struct cbor_list files; /* struct vault_file */
};

struct vault_piece {
    struct slice name;
    uint32_t length;
};

/* Append the encoding. Check out->full. */
void vault_manifest_write(const struct vault_manifest *m, struct buf *out);

/**
 * Read a manifest; its slices look into `bytes`.
 *
 * @return  false with ERROR_INPUT when it is none, when a name could lead out of a folder, or when a
 *          file's pieces do not add up to its size
 */
bool vault_manifest_read(struct slice bytes, struct arena *arena, struct vault_manifest *m,
                         struct error *e) MUST_CHECK;

/* How many pieces a file has, and the nth. */
size_t vault_pieces(const struct vault_file *f);
struct vault_piece vault_piece(const struct vault_file *f, size_t n);

/* Append a piece's row. */
void vault_piece_add(struct buf *rows, struct slice name, uint32_t length);
