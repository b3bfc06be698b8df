/* Invariants of the key files:
 *  1. What is erased is not in the file in force when record_keys_replace() returns, and no other file
 *     that was ever in force is left: it was overwritten, synced and removed.
 *  2. At any moment one whole file is in force: the old one is touched only when the new one is durable.
 *
 * | on disk | in force | record_keys_finish() |
 * |---|---|---|
 * | .key | it | nothing |
 * | .key, .key.new damaged or older | .key | removes .key.new |
 * | .key (whole or overwritten), .key.new whole and newer | .key.new | destroys .key, renames |
 * | .key.new alone, whole | it | renames */
#include "ledger/record_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/file.h"
#include "ledger/bytes.h"
#include "ledger/io.h"

#define FORMAT    1
#define DEPTH_MAX 32
#define SEEDS_MAX (KEYRING_SEAL_MAX / KEYS_SEED_LEN)
#define LEFT      0x10
#define RIGHT     0x11
#define KEY       0x12

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

struct seed {
    unsigned depth;
    uint32_t at; /* which of that depth */
    uint8_t bytes[KEYRING_KEY_LEN];
};

/* More seeds than locked memory could hold: wiped when freed. */
struct record_keys {
    uint32_t records;
    unsigned depth;
    struct seed *seeds; /* in the order of what they cover */
    size_t n, room;
    struct digest *digest;
    unsigned path_from; /* path[path_from .. depth] leads to path_index; > depth: nowhere */
    uint32_t path_index;
    uint8_t path[DEPTH_MAX + 1][KEYRING_KEY_LEN];
};

static unsigned depth_for(uint32_t records)
{
    return records < 2 ? 0 : 32 - (unsigned)__builtin_clz(records - 1);
}

struct secret *record_keys_sealing(const struct secret *ledger_key)
{
    return keyring_derive(ledger_key, "packs");
}

static struct record_keys *keys_new(uint32_t records, size_t room)
{
    struct record_keys *k = calloc(1, sizeof(*k));

    if (!k || !(k->seeds = calloc(room, sizeof(*k->seeds)))) {
        arena_panic("out of memory");
    }
    k->records = records;
    k->depth = depth_for(records);
    k->room = room;
    k->digest = digest_new();
    k->path_from = DEPTH_MAX + 1;
    return k;
}

struct record_keys *record_keys_new(uint32_t records)
{
    struct record_keys *k = keys_new(records, 1);

    keyring_random_bytes(k->seeds[0].bytes, KEYRING_KEY_LEN);
    k->n = 1;
    return k;
}

void record_keys_free(struct record_keys *k)
{
    if (!k) {
        return;
    }
    explicit_bzero(k->seeds, k->room * sizeof(*k->seeds));
    free(k->seeds);
    digest_free(k->digest);
    explicit_bzero(k, sizeof(*k));
    free(k);
}

size_t record_keys_seeds(const struct record_keys *k)
{
    return k->n;
}

bool record_keys_seed(const struct record_keys *k, size_t n, uint8_t seed[static KEYRING_KEY_LEN])
{
    if (n >= k->n) {
        return false;
    }
    (void)memcpy(seed, k->seeds[n].bytes, KEYRING_KEY_LEN);
    return true;
}

static void step(struct digest *d, uint8_t way, const uint8_t *from, uint8_t *to)
{
    digest_add(d, slice_of(&way, 1));
    digest_add(d, slice_of(from, KEYRING_KEY_LEN));
    digest_end(d, to);
}

/* The seed that covers an index, or the number of seeds. */
static size_t find_seed(const struct record_keys *k, uint32_t index)
{
    size_t low = 0;
    size_t high = k->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct seed *s = &k->seeds[middle];
        uint32_t at = (uint32_t)((uint64_t)index >> (k->depth - s->depth));
        if (s->at == at) {
            return middle;
        }
        if (s->at < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return k->n;
}

/* Have path[] lead to the index, keeping what it shares with the last one. */
static bool lead_to(struct record_keys *k, uint32_t index)
{
    unsigned known = k->path_from;

    if (index >= k->records) {
        return false;
    }
    if (known <= k->depth) {
        uint32_t apart = index ^ k->path_index;
        unsigned shared = k->depth - (apart ? 32 - (unsigned)__builtin_clz(apart) : 0);
        known = shared >= known ? shared : DEPTH_MAX + 1;
    }
    if (known > k->depth) {
        size_t i = find_seed(k, index);
        if (i == k->n) {
            return false;
        }
        known = k->path_from = k->seeds[i].depth;
        (void)memcpy(k->path[known], k->seeds[i].bytes, KEYRING_KEY_LEN);
    }
    for (; known < k->depth; known++) {
        bool right = index >> (k->depth - known - 1) & 1;
        step(k->digest, right ? RIGHT : LEFT, k->path[known], k->path[known + 1]);
    }
    k->path_index = index;
    return true;
}

bool record_keys_get(struct record_keys *k, uint32_t index, uint8_t key[static KEYRING_KEY_LEN])
{
    if (!lead_to(k, index)) {
        return false;
    }
    step(k->digest, KEY, k->path[k->depth], key);
    return true;
}

static void forget_path(struct record_keys *k)
{
    explicit_bzero(k->path, sizeof(k->path));
    k->path_from = DEPTH_MAX + 1;
}

static void make_room(struct record_keys *k, size_t more)
{
    if (k->n + more <= k->room) {
        return;
    }
    size_t room = (k->n + more) * 2;
    struct seed *seeds = calloc(room, sizeof(*seeds));
    if (!seeds) {
        arena_panic("out of memory");
    }
    (void)memcpy(seeds, k->seeds, k->n * sizeof(*seeds));
    explicit_bzero(k->seeds, k->room * sizeof(*k->seeds));
    free(k->seeds);
    k->seeds = seeds;
    k->room = room;
}

bool record_keys_erase(struct record_keys *k, uint32_t index)
{
    struct seed beside[DEPTH_MAX];
    size_t n_left = 0; /* of the path: from the front */
    size_t n_right = 0;

    if (!lead_to(k, index)) {
        return false;
    }
    size_t i = find_seed(k, index);
    unsigned top = k->seeds[i].depth;
    unsigned n = k->depth - top;
    for (unsigned d = top; d < k->depth; d++) {
        bool right = index >> (k->depth - d - 1) & 1;
        struct seed *s = right ? &beside[n_left++] : &beside[n - ++n_right];
        s->depth = d + 1;
        s->at = (index >> (k->depth - d - 1)) ^ 1;
        step(k->digest, right ? LEFT : RIGHT, k->path[d], s->bytes);
    }
    make_room(k, n);
    struct seed *at = k->seeds + i;
    (void)memmove(at + n, at + 1, (k->n - i - 1) * sizeof(*at));
    (void)memcpy(at, beside, n * sizeof(*at));
    k->n = k->n - 1 + n;
    explicit_bzero(k->seeds + k->n, (k->room - k->n) * sizeof(*at));
    explicit_bzero(beside, sizeof(beside));
    forget_path(k);
    return true;
}

/* ── files ── */

void record_keys_name(uint32_t number, char name[static KEYS_NAME_MAX])
{
    (void)snprintf(name, KEYS_NAME_MAX, "%010u.key", number);
}

static void name_new(uint32_t number, char name[static KEYS_NAME_MAX])
{
    (void)snprintf(name, KEYS_NAME_MAX, "%010u.key.new", number);
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
    uint8_t id[KEYRING_ID_LEN];

    if (file.len < KEYS_HEAD_LEN || memcmp(file.ptr, magic, sizeof(magic)) != 0) {
        return error_set(e, ERROR_CORRUPT, "not a key file");
    }
    if (get16(file.ptr + KEYS_FORMAT) != FORMAT || get16(file.ptr + KEYS_RESERVED)) {
        return error_set(e, ERROR_CONFIG, "written by a newer version of Postern");
    }
    keyring_id(ledger_key, id);
    if (memcmp(id, file.ptr + KEYS_LEDGER_KEY, sizeof(id)) != 0) {
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
    OWN(secret) struct secret *sealing = record_keys_sealing(ledger_key);
    OWN(buf) struct buf plain = {.max = KEYRING_SEAL_MAX};

    if (!keyring_open(sealing, slice_head(file, KEYS_HEAD_LEN), slice_from(file, KEYS_HEAD_LEN),
                      &plain, e)) {
        return false;
    }
    OWN(record_keys) struct record_keys *k = keys_new(records, plain.len / KEYS_SEED_LEN + 1);
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

bool record_keys_read(int dirfd, const struct secret *ledger_key, uint32_t records,
                      struct record_keys_head *head, struct record_keys **out, struct error *e)
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

    record_keys_name(head->number, name);
    name_new(head->number, name_2);
    if (!try_file(dirfd, name_2, ledger_key, records, &h_2, &k_2, &found_2, &why_2, e) ||
        !try_file(dirfd, name, ledger_key, records, &h, &k, &found, &why, e)) {
        return false;
    }
    if (!found && !found_2 && why.kind) {
        *e = why;
        return false;
    }
    bool newer = found_2 && (!found || h_2.generation > h.generation);
    if (!same_pack(newer ? &h_2 : &h, head)) {
        return error_set(e, ERROR_CORRUPT, "%s: the keys of another pack", name);
    }
    head->generation = newer ? h_2.generation : h.generation;
    *out = newer ? TAKE(k_2, NULL) : TAKE(k, NULL);
    return true;
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

static bool write_file(int dirfd, const char *name, struct slice bytes, mode_t mode,
                       struct error *e)
{
    struct iovec iov = {NULL, bytes.len};

    (void)memcpy(&iov.iov_base, &bytes.ptr, sizeof(iov.iov_base));
    if (ledger_io.unlink(dirfd, name) != 0 && errno != ENOENT) {
        return error_errno(e, ERROR_BUSY, "%s: remove a failed attempt", name);
    }
    OWN(fd) int fd = ledger_io.create(dirfd, name, mode);
    if (fd < 0) {
        return error_errno(e, ERROR_BUSY, "%s: create", name);
    }
    if (!ledger_write(fd, &iov, 1, 0, e) || !ledger_sync(fd, e)) {
        return error_add(e, "%s", name);
    }
    return ledger_io.sync_folder(dirfd) == 0 || error_errno(e, ERROR_BUSY, "%s: sync folder", name);
}

bool record_keys_create(int dirfd, const struct secret *ledger_key,
                        const struct record_keys_head *head, const struct record_keys *k,
                        mode_t mode, struct error *e)
{
    OWN(buf) struct buf bytes = {.max = KEYRING_SEAL_MAX};
    char name[KEYS_NAME_MAX];

    record_keys_name(head->number, name);
    file_write(ledger_key, head, k, &bytes);
    return write_file(dirfd, name, buf_slice(&bytes), mode, e);
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

/* The new file is durable: the old one goes, and the new one gets its name. */
static bool put_in_force(int dirfd, uint32_t number, struct error *e)
{
    char name[KEYS_NAME_MAX];
    char name_2[KEYS_NAME_MAX];

    record_keys_name(number, name);
    name_new(number, name_2);
    if (!record_keys_destroy(dirfd, name, e)) {
        return false;
    }
    return (ledger_io.rename(dirfd, name_2, name) == 0 && ledger_io.sync_folder(dirfd) == 0) ||
           error_errno(e, ERROR_BUSY, "%s: rename", name_2);
}

bool record_keys_replace(int dirfd, const struct secret *ledger_key, struct record_keys_head *head,
                         const struct record_keys *k, mode_t mode, struct error *e)
{
    OWN(buf) struct buf bytes = {.max = KEYRING_SEAL_MAX};
    char name[KEYS_NAME_MAX];

    if (k->n > SEEDS_MAX - 8) {
        return error_set(e, ERROR_LIMIT, "too many single records of pack %u are erased",
                         head->number);
    }
    head->generation++;
    name_new(head->number, name);
    file_write(ledger_key, head, k, &bytes);
    return write_file(dirfd, name, buf_slice(&bytes), mode, e) &&
           put_in_force(dirfd, head->number, e);
}

bool record_keys_finish(int dirfd, const struct secret *ledger_key, uint32_t number,
                        struct error *e)
{
    char name[KEYS_NAME_MAX];
    char name_2[KEYS_NAME_MAX];
    struct record_keys_head h = {0};
    struct record_keys_head h_2 = {0};
    bool found = false;
    bool found_2 = false;
    struct error why;

    record_keys_name(number, name);
    name_new(number, name_2);
    if (!try_file(dirfd, name_2, ledger_key, 0, &h_2, NULL, &found_2, &why, e) ||
        !try_file(dirfd, name, ledger_key, 0, &h, NULL, &found, &why, e)) {
        return false;
    }
    if (found_2 && (!found || h_2.generation > h.generation)) {
        return put_in_force(dirfd, number, e);
    }
    return record_keys_destroy(dirfd, name_2, e);
}
