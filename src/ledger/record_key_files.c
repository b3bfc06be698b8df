/* Invariants of the key files:
 *  1. What is erased is not in the file in force when record_keys_replace() returns, and no other file
 *     that was ever in force is left: it was overwritten, synced and removed.
 *  2. At any moment one whole file is in force: the old one is touched only when the new one is durable.
 *
 * | on disk | in force | record_keys_finish() |
 * |---|---|---|
 * | .key | it | nothing |
 * | .key, .key.new damaged or older | .key | removes .key.new |
 * | .key (whole or overwritten), .key.new whole and newer | .key.new | writes it again, destroys .key, renames |
 * | .key.new alone, whole | it | writes it again, renames */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

#include "host/file.h"
#include "keyring/former.h"
#include "ledger/io.h"
#include "ledger/record_keys_state.h"

#define FORMAT    1
#define SEEDS_MAX (KEYRING_SEAL_MAX / KEYS_SEED_LEN)

#define PAIR_TRIES    3 /* until a pair that does not open counts as damaged */
#define PAIR_PAUSE_US 2000

static const char magic[8] = {'P', 'S', 'T', 'N', 'K', 'E', 'Y', 'S'};

enum {
    KEYS_FORMAT = 8,
    KEYS_RESERVED = 10,
    KEYS_NUMBER = 12,
    KEYS_LEDGER = 16,
    KEYS_PACK = 32,
    KEYS_GENERATION = 48,
    KEYS_LEDGER_KEY = 56,
};

struct secret *record_keys_sealing(const struct secret *ledger_key)
{
    return keyring_derive(ledger_key, "packs");
}

static void head_write(const struct record_keys_head *h, const struct secret *ledger_key,
                       uint8_t out[static KEYS_HEAD_LEN])
{
    (void)memset(out, 0, KEYS_HEAD_LEN);
    (void)memcpy(out, magic, sizeof(magic));
    put16(out + KEYS_FORMAT, FORMAT);
    put32(out + KEYS_NUMBER, h->number);
    (void)memcpy(out + KEYS_LEDGER, h->ledger_id, sizeof(h->ledger_id));
    (void)memcpy(out + KEYS_PACK, h->pack_id, sizeof(h->pack_id));
    put64(out + KEYS_GENERATION, h->generation);
    keyring_id(ledger_key, out + KEYS_LEDGER_KEY);
}

static bool head_read(struct slice file, const struct secret *ledger_key,
                      struct record_keys_head *h, struct error *e)
{
    if (file.len < KEYS_HEAD_LEN || memcmp(file.ptr, magic, sizeof(magic)) != 0) {
        return error_set(e, ERROR_CORRUPT, "not a key file");
    }
    if (get16(file.ptr + KEYS_FORMAT) != FORMAT || get16(file.ptr + KEYS_RESERVED)) {
        return error_set(e, ERROR_CONFIG, "written by a newer version of Postern");
    }
    if (!keyring_find(ledger_key, file.ptr + KEYS_LEDGER_KEY)) {
        return error_set(e, ERROR_CONFIG, "sealed under another master key");
    }
    h->number = get32(file.ptr + KEYS_NUMBER);
    (void)memcpy(h->ledger_id, file.ptr + KEYS_LEDGER, sizeof(h->ledger_id));
    (void)memcpy(h->pack_id, file.ptr + KEYS_PACK, sizeof(h->pack_id));
    h->generation = get64(file.ptr + KEYS_GENERATION);
    return true;
}

/* The seeds of an opened file: ascending, apart, within the tree. */
static bool seeds_read(struct slice plain, struct record_keys *k, struct error *e)
{
    uint64_t behind = 0; /* first index not covered so far */

    for (; plain.len; plain = slice_from(plain, KEYS_SEED_LEN)) {
        if (plain.len < KEYS_SEED_LEN || plain.ptr[0] > k->depth) {
            return error_set(e, ERROR_CORRUPT, "damaged");
        }
        struct seed *s = &k->seeds[k->n++];
        s->depth = plain.ptr[0];
        s->at = get32(plain.ptr + 1);
        (void)memcpy(s->bytes, plain.ptr + 5, KEYRING_KEY_LEN);
        uint64_t first = (uint64_t)s->at << (k->depth - s->depth);
        if (first < behind || first >= (uint64_t)1 << k->depth) {
            return error_set(e, ERROR_CORRUPT, "damaged");
        }
        behind = first + ((uint64_t)1 << (k->depth - s->depth));
    }
    return true;
}

/* Open a file's seeds. `records` 0: only see whether it is whole. */
static bool keys_open(struct slice file, const struct secret *ledger_key, uint32_t records,
                      struct record_keys **out, struct error *e)
{
    const struct secret *under = keyring_find(ledger_key, file.ptr + KEYS_LEDGER_KEY);
    OWN(secret) struct secret *sealing = record_keys_sealing(under);
    OWN(buf) struct buf plain = {.max = KEYRING_SEAL_MAX};

    if (!keyring_open(sealing, slice_head(file, KEYS_HEAD_LEN), slice_from(file, KEYS_HEAD_LEN),
                      &plain, e)) {
        return false;
    }
    OWN(record_keys)
    struct record_keys *k = record_keys_alloc(records, plain.len / KEYS_SEED_LEN + 1);
    bool ok = records == 0 || seeds_read(buf_slice(&plain), k, e);
    if (plain.len) {
        explicit_bzero(plain.ptr, plain.len);
    }
    if (ok && out) {
        *out = TAKE(k, NULL);
    }
    return ok;
}

static enum file_found load(int dirfd, const char *name, struct buf *out, struct error *e)
{
    OWN(fd) int fd = -1;
    struct stat st;
    size_t got = 0;

    enum file_found found = file_open(dirfd, name, O_RDONLY, &fd, e);
    if (found != FILE_FOUND) {
        return found;
    }
    if (fstat(fd, &st) != 0) {
        (void)error_errno(e, ERROR_BUSY, "%s", name);
        return FILE_FAILED;
    }
    size_t len = (size_t)st.st_size < out->max ? (size_t)st.st_size : out->max;
    uint8_t *room = len ? buf_room(out, len) : NULL;
    if (room && !file_read_at(fd, 0, room, len, &got, e)) {
        return FILE_FAILED;
    }
    out->len = got;
    return FILE_FOUND;
}

/* Read one file into head and, with `records`, into keys; *found is false when there is none or it is
 * not whole. */
static bool try_file(int dirfd, const char *name, const struct secret *ledger_key, uint32_t records,
                     struct record_keys_head *h, struct record_keys **out, bool *found,
                     struct error *why, struct error *e)
{
    OWN(buf) struct buf file = {.max = KEYRING_SEAL_MAX};

    *found = false;
    switch (load(dirfd, name, &file, e)) {
    case FILE_FOUND:
        break;
    case FILE_MISSING:
        (void)error_set(why, ERROR_CORRUPT, "%s: missing", name);
        return true;
    case FILE_FAILED:
        return false;
    }
    if (head_read(buf_slice(&file), ledger_key, h, why) &&
        keys_open(buf_slice(&file), ledger_key, records, out, why)) {
        *found = true;
        return true;
    }
    if (why->kind == ERROR_CONFIG) {
        *e = *why;
        return error_add(e, "%s", name);
    }
    (void)error_add(why, "%s", name);
    return true;
}

static bool same_pack(const struct record_keys_head *a, const struct record_keys_head *b)
{
    return a->number == b->number &&
           memcmp(a->ledger_id, b->ledger_id, sizeof(a->ledger_id)) == 0 &&
           memcmp(a->pack_id, b->pack_id, sizeof(a->pack_id)) == 0;
}

/* What one look at the pair finds; *settled is false when a rewriting by another process may have come between. */
static bool read_pair(int dirfd, const struct secret *ledger_key, uint32_t records,
                      struct record_keys_head *head, struct record_keys **out, bool *settled,
                      struct error *e)
{
    char name[KEYS_NAME_MAX];
    char name_2[KEYS_NAME_MAX];
    struct record_keys_head h = {0};
    struct record_keys_head h_2 = {0};
    OWN(record_keys) struct record_keys *k = NULL;
    OWN(record_keys) struct record_keys *k_2 = NULL;
    bool found = false;
    bool found_2 = false;
    struct error why;
    struct error why_2;

    record_keys_name(head->number, head->making, name);
    record_keys_name_new(head->number, head->making, name_2);
    *settled = false;
    if (!try_file(dirfd, name_2, ledger_key, records, &h_2, &k_2, &found_2, &why_2, e) ||
        !try_file(dirfd, name, ledger_key, records, &h, &k, &found, &why, e)) {
        return false;
    }
    if (!found && !found_2) {
        *e = why;
        return false;
    }
    *settled = true;
    bool newer = found_2 && (!found || h_2.generation > h.generation);
    if (!same_pack(newer ? &h_2 : &h, head)) {
        return error_set(e, ERROR_CORRUPT, "%s: the keys of another pack", name);
    }
    head->generation = newer ? h_2.generation : h.generation;
    *out = newer ? TAKE(k_2, NULL) : TAKE(k, NULL);
    return true;
}

/* Between the look at the one and at the other, whoever rewrites may have destroyed the one and renamed the other. */
bool record_keys_read(int dirfd, const struct secret *ledger_key, uint32_t records,
                      struct record_keys_head *head, struct record_keys **out, struct error *e)
{
    for (unsigned tries = 1;; tries++) {
        bool settled = false;
        if (read_pair(dirfd, ledger_key, records, head, out, &settled, e)) {
            return true;
        }
        if (settled || tries == PAIR_TRIES) {
            return false;
        }
        (void)usleep(PAIR_PAUSE_US);
    }
}

static void file_write(const struct secret *ledger_key, const struct record_keys_head *h,
                       const struct record_keys *k, struct buf *out)
{
    OWN(secret) struct secret *sealing = record_keys_sealing(ledger_key);
    OWN(buf) struct buf plain = {.max = KEYRING_SEAL_MAX};
    uint8_t head[KEYS_HEAD_LEN];

    for (size_t i = 0; i < k->n; i++) {
        uint8_t row[KEYS_SEED_LEN];
        row[0] = (uint8_t)k->seeds[i].depth;
        put32(row + 1, k->seeds[i].at);
        (void)memcpy(row + 5, k->seeds[i].bytes, KEYRING_KEY_LEN);
        buf_add(&plain, SLICE_ARRAY(row));
        explicit_bzero(row, sizeof(row));
    }
    head_write(h, ledger_key, head);
    buf_add(out, SLICE_ARRAY(head));
    keyring_seal(sealing, SLICE_ARRAY(head), buf_slice(&plain), out);
    if (plain.len) {
        explicit_bzero(plain.ptr, plain.len);
    }
}

bool record_keys_destroy(int dirfd, const char *name, struct error *e)
{
    static uint8_t zeros[64 << 10];
    OWN(fd) int fd = -1;
    struct stat st;

    switch (file_open(dirfd, name, O_RDWR, &fd, e)) {
    case FILE_FOUND:
        break;
    case FILE_MISSING:
        return true;
    case FILE_FAILED:
        return false;
    }
    if (fstat(fd, &st) != 0) {
        return error_errno(e, ERROR_BUSY, "%s", name);
    }
    for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros)) {
        size_t left = (size_t)(st.st_size - at);
        struct iovec iov = {zeros, left < sizeof(zeros) ? left : sizeof(zeros)};
        if (!ledger_write(fd, &iov, 1, (uint64_t)at, e)) {
            return error_add(e, "%s: overwrite", name);
        }
    }
    if (!ledger_sync(fd, e)) {
        return error_add(e, "%s: overwrite", name);
    }
    return (ledger_io.unlink(dirfd, name) == 0 && ledger_io.sync_folder(dirfd) == 0) ||
           error_errno(e, ERROR_BUSY, "%s: remove", name);
}

/* Write the whole file and bring it and its name to the disk. */
static bool write_durably(int dirfd, int fd, const char *name, struct slice bytes, struct error *e)
{
    struct iovec iov = {NULL, bytes.len};

    (void)memcpy(&iov.iov_base, &bytes.ptr, sizeof(iov.iov_base));
    if (!ledger_write(fd, &iov, 1, 0, e) || !ledger_sync(fd, e)) {
        return error_add(e, "%s", name);
    }
    return ledger_io.sync_folder(dirfd) == 0 || error_errno(e, ERROR_BUSY, "%s: sync folder", name);
}

/* A failed attempt does not stay: it could be read back whole though the disk does not have it. */
static bool write_file(int dirfd, const char *name, struct slice bytes, mode_t mode,
                       struct error *e)
{
    struct error unremoved;

    if (ledger_io.unlink(dirfd, name) != 0 && errno != ENOENT) {
        return error_errno(e, ERROR_BUSY, "%s: remove a failed attempt", name);
    }
    OWN(fd) int fd = ledger_io.create(dirfd, name, mode);
    if (fd < 0) {
        return error_errno(e, ERROR_BUSY, "%s: create", name);
    }
    if (write_durably(dirfd, fd, name, bytes, e)) {
        return true;
    }
    if (!record_keys_destroy(dirfd, name, &unremoved)) {
        (void)error_add(e, "%s", unremoved.text); /* the next attempt removes it */
    }
    return false;
}

bool record_keys_create(int dirfd, const struct secret *ledger_key,
                        const struct record_keys_head *head, const struct record_keys *k,
                        mode_t mode, struct error *e)
{
    OWN(buf) struct buf bytes = {.max = KEYRING_SEAL_MAX};
    char name[KEYS_NAME_MAX];

    if (!record_keys_discard(dirfd, head->number, head->making, e)) {
        return false;
    }
    record_keys_name(head->number, head->making, name);
    file_write(ledger_key, head, k, &bytes);
    return write_file(dirfd, name, buf_slice(&bytes), mode, e);
}

bool record_keys_discard(int dirfd, uint32_t number, uint16_t making, struct error *e)
{
    char name[KEYS_NAME_MAX];
    char name_2[KEYS_NAME_MAX];

    record_keys_name(number, making, name);
    record_keys_name_new(number, making, name_2);
    return record_keys_destroy(dirfd, name_2, e) && record_keys_destroy(dirfd, name, e);
}

/* The new file is durable: the old one goes, and the new one gets its name. */
static bool put_in_force(int dirfd, uint32_t number, uint16_t making, struct error *e)
{
    char name[KEYS_NAME_MAX];
    char name_2[KEYS_NAME_MAX];

    record_keys_name(number, making, name);
    record_keys_name_new(number, making, name_2);
    if (!record_keys_destroy(dirfd, name, e)) {
        return false;
    }
    return (ledger_io.rename(dirfd, name_2, name) == 0 && ledger_io.sync_folder(dirfd) == 0) ||
           error_errno(e, ERROR_BUSY, "%s: rename", name_2);
}

bool record_keys_fit(const struct record_keys *k)
{
    return k->n <= SEEDS_MAX - 8;
}

bool record_keys_replace(int dirfd, const struct secret *ledger_key, struct record_keys_head *head,
                         const struct record_keys *k, mode_t mode, struct error *e)
{
    OWN(buf) struct buf bytes = {.max = KEYRING_SEAL_MAX};
    char name[KEYS_NAME_MAX];

    if (!record_keys_fit(k)) {
        return error_set(e, ERROR_LIMIT, "too many single records of pack %u are erased",
                         head->number);
    }
    head->generation++;
    record_keys_name_new(head->number, head->making, name);
    file_write(ledger_key, head, k, &bytes);
    return write_file(dirfd, name, buf_slice(&bytes), mode, e) &&
           put_in_force(dirfd, head->number, head->making, e);
}

/* That a file reads back whole does not say that the disk has it: a sync may have failed. */
static bool write_again(int dirfd, const char *name, struct error *e)
{
    OWN(buf) struct buf file = {.max = KEYRING_SEAL_MAX};
    OWN(fd) int fd = -1;

    if (load(dirfd, name, &file, e) != FILE_FOUND ||
        file_open(dirfd, name, O_RDWR, &fd, e) != FILE_FOUND) {
        return error_add(e, "%s: write again", name);
    }
    return write_durably(dirfd, fd, name, buf_slice(&file), e);
}

bool record_keys_finish(int dirfd, const struct secret *ledger_key, uint32_t number,
                        uint16_t making, struct error *e)
{
    char name[KEYS_NAME_MAX];
    char name_2[KEYS_NAME_MAX];
    struct record_keys_head h = {0};
    struct record_keys_head h_2 = {0};
    bool found = false;
    bool found_2 = false;
    struct error why;

    record_keys_name(number, making, name);
    record_keys_name_new(number, making, name_2);
    if (!try_file(dirfd, name_2, ledger_key, 0, &h_2, NULL, &found_2, &why, e) ||
        !try_file(dirfd, name, ledger_key, 0, &h, NULL, &found, &why, e)) {
        return false;
    }
    if (found_2 && (!found || h_2.generation > h.generation)) {
        return write_again(dirfd, name_2, e) && put_in_force(dirfd, number, making, e);
    }
    return record_keys_destroy(dirfd, name_2, e);
}

/* The same seeds in a file of the next generation. */
static bool seal_again(struct slice file, const struct secret *ledger_key,
                       struct record_keys_head *h, struct buf *out, struct error *e)
{
    const struct secret *under = keyring_find(ledger_key, file.ptr + KEYS_LEDGER_KEY);
    OWN(secret) struct secret *former = record_keys_sealing(under);
    OWN(secret) struct secret *sealing = record_keys_sealing(ledger_key);
    OWN(buf) struct buf plain = {.max = KEYRING_SEAL_MAX};
    uint8_t head[KEYS_HEAD_LEN];

    if (!buf_room(&plain, file.len)) { /* so that it never moves */
        return error_set(e, ERROR_LIMIT, "too large");
    }
    bool ok = keyring_open(former, slice_head(file, KEYS_HEAD_LEN), slice_from(file, KEYS_HEAD_LEN),
                           &plain, e);
    if (ok) {
        h->generation++;
        head_write(h, ledger_key, head);
        buf_add(out, SLICE_ARRAY(head));
        keyring_seal(sealing, SLICE_ARRAY(head), buf_slice(&plain), out);
    }
    explicit_bzero(plain.ptr, plain.capacity);
    return ok && (!out->full || error_set(e, ERROR_LIMIT, "too large"));
}

bool record_keys_rewrap(int dirfd, const struct secret *ledger_key, uint32_t number,
                        uint16_t making, mode_t mode, bool *did, struct error *e)
{
    OWN(buf) struct buf file = {.max = KEYRING_SEAL_MAX};
    OWN(buf) struct buf bytes = {.max = KEYRING_SEAL_MAX};
    struct record_keys_head h = {0};
    uint8_t own[KEYRING_ID_LEN];
    char name[KEYS_NAME_MAX];

    record_keys_name(number, making, name);
    if (!record_keys_finish(dirfd, ledger_key, number, making, e)) {
        return false;
    }
    switch (load(dirfd, name, &file, e)) {
    case FILE_MISSING:
        return true;
    case FILE_FAILED:
        return false;
    case FILE_FOUND:
        break;
    }
    if (!head_read(buf_slice(&file), ledger_key, &h, e)) {
        return false;
    }
    keyring_id(ledger_key, own);
    if (memcmp(own, file.ptr + KEYS_LEDGER_KEY, sizeof(own)) == 0) {
        return true;
    }
    if (!seal_again(buf_slice(&file), ledger_key, &h, &bytes, e)) {
        return false;
    }
    record_keys_name_new(number, making, name);
    *did = true;
    return write_file(dirfd, name, buf_slice(&bytes), mode, e) &&
           put_in_force(dirfd, number, making, e);
}
