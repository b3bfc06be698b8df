#include "vault/vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#include "keyring/digest.h"
#include "keyring/keyring.h"

#define PREFIX_BYTES 8
#define LENGTH_LEN   4
#define LISTED_MAX   2000000
#define OBJECT_ROOM  (VAULT_PIECE + LENGTH_LEN)
#define NUMBER_CHARS 10
#define TIME_CHARS   12

static void hex(struct slice s, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < s.len; i++) {
        out[2 * i] = digits[s.ptr[i] >> 4];
        out[2 * i + 1] = digits[s.ptr[i] & 15];
    }
    out[2 * s.len] = 0;
}

void vault_prefix(const struct secret *key, char out[static VAULT_PREFIX_LEN + 1])
{
    uint8_t id[KEYRING_ID_LEN];

    keyring_id(key, id);
    hex(slice_of(id, PREFIX_BYTES), out);
    out[VAULT_PREFIX_LEN - 1] = '-';
    out[VAULT_PREFIX_LEN] = 0;
}

void vault_init(struct vault *v, struct store store, const struct secret *key)
{
    *v = (struct vault){.store = store,
                        .sealing = keyring_derive(key, "backup-objects"),
                        .naming = keyring_derive(key, "backup-names"),
                        .sealed = {.max = STORE_OBJECT_MAX},
                        .plain = {.max = OBJECT_ROOM}};
    vault_prefix(key, v->prefix);
}

void vault_done(struct vault *v)
{
    secret_free(v->sealing);
    secret_free(v->naming);
    buf_done(&v->sealed);
    buf_done(&v->plain);
}

/* ── what is there ── */

static bool add_listed(void *context, struct slice name, uint64_t size, struct error *e)
{
    struct vault_listing *l = context;

    if (!store_is_name(name) || name.len > VAULT_ENTRY_MAX) {
        return true; /* not of our making */
    }
    if (l->count == LISTED_MAX) {
        return error_set(e, ERROR_LIMIT, "the store holds too many objects");
    }
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 256;
        struct vault_entry *more = realloc(l->items, l->room * sizeof(*more));
        if (!more) {
            arena_panic("out of memory");
        }
        l->items = more;
    }
    struct vault_entry *entry = &l->items[l->count++];
    (void)memcpy(entry->name, name.ptr, name.len);
    entry->name[name.len] = 0;
    entry->size = size;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct vault_entry *)a)->name, ((const struct vault_entry *)b)->name);
}

bool vault_list(struct vault *v, const char *rest, struct vault_listing *out, struct error *e)
{
    char prefix[STORE_NAME_MAX + 1];
    OWN(vault_listing) struct vault_listing l = {0};

    (void)snprintf(prefix, sizeof(prefix), "%s%s", v->prefix, rest);
    if (!v->store.ops->list(v->store.context, slice_text(prefix), add_listed, &l, e)) {
        return error_add(e, "list what is there");
    }
    if (l.count) {
        qsort(l.items, l.count, sizeof(*l.items), by_name);
    }
    *out = l;
    l = (struct vault_listing){0};
    return true;
}

void vault_listing_done(struct vault_listing *l)
{
    free(l->items);
    *l = (struct vault_listing){0};
}

const struct vault_entry *vault_listed(const struct vault_listing *l, const char *name)
{
    struct vault_entry key = {.size = 0};

    (void)snprintf(key.name, sizeof(key.name), "%s", name);
    return l->count ? bsearch(&key, l->items, l->count, sizeof(key), by_name) : NULL;
}

/* ── objects ── */

void vault_data_name(const struct vault *v, struct slice own, char out[static STORE_NAME_MAX + 1])
{
    char text[2 * VAULT_NAME_LEN + 1];

    hex(slice_head(own, VAULT_NAME_LEN), text);
    (void)snprintf(out, STORE_NAME_MAX + 1, "%sd-%s", v->prefix, text);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool vault_data_own(const struct vault *v, const char *name, uint8_t out[static VAULT_NAME_LEN])
{
    const char *digits = name + VAULT_PREFIX_LEN + 2;

    if (strlen(name) != VAULT_PREFIX_LEN + 2 + 2 * VAULT_NAME_LEN ||
        strncmp(name, v->prefix, VAULT_PREFIX_LEN) != 0 ||
        strncmp(name + VAULT_PREFIX_LEN, "d-", 2) != 0) {
        return false;
    }
    for (size_t i = 0; i < VAULT_NAME_LEN; i++) {
        int high = digit_of(digits[2 * i]);
        int low = digit_of(digits[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

int vault_by_name(const void *a, const void *b)
{
    return memcmp(a, b, VAULT_NAME_LEN);
}

void vault_names_sort(struct buf *names)
{
    size_t count = names->len / VAULT_NAME_LEN;
    size_t kept = 0;

    if (count == 0) {
        return;
    }
    qsort(names->ptr, count, VAULT_NAME_LEN, vault_by_name);
    for (size_t i = 1; i < count; i++) {
        const uint8_t *name = names->ptr + i * VAULT_NAME_LEN;
        if (memcmp(name, names->ptr + kept * VAULT_NAME_LEN, VAULT_NAME_LEN) != 0) {
            kept++;
            (void)memmove(names->ptr + kept * VAULT_NAME_LEN, name, VAULT_NAME_LEN);
        }
    }
    names->len = (kept + 1) * VAULT_NAME_LEN;
}

void vault_own_name(const struct vault *v, struct slice bytes, uint8_t out[static VAULT_NAME_LEN])
{
    uint8_t mac[DIGEST_LEN];

    digest_hmac(secret_slice(v->naming), bytes, mac);
    (void)memcpy(out, mac, VAULT_NAME_LEN);
}

/* Padmé (Nikitin and others, 2019): so few lengths are left that they tell little, and at most an eighth is
 * added. */
static uint64_t rounded(uint64_t n)
{
    if (n < 256) {
        return 256;
    }
    unsigned bits = 63 - (unsigned)__builtin_clzll(n);
    unsigned kept = 31 - (unsigned)__builtin_clz(bits);
    uint64_t mask = (UINT64_C(1) << (bits - kept - 1)) - 1;
    return (n + mask) & ~mask;
}

uint64_t vault_sealed_size(uint64_t length)
{
    return rounded(length + LENGTH_LEN) + KEYRING_SEAL_OVERHEAD;
}

bool vault_put(struct vault *v, const char *name, struct slice bytes, uint8_t *digest,
               struct error *e)
{
    uint8_t length[LENGTH_LEN];
    size_t whole = (size_t)rounded(bytes.len + LENGTH_LEN);

    if (bytes.len > VAULT_PIECE) {
        return error_set(e, ERROR_LIMIT, "too much for one object");
    }
    buf_reset(&v->plain);
    buf_reset(&v->sealed);
    put32(length, (uint32_t)bytes.len);
    buf_add(&v->plain, SLICE_ARRAY(length));
    buf_add(&v->plain, bytes);
    size_t padding = whole - v->plain.len;
    uint8_t *room = padding ? buf_room(&v->plain, padding) : NULL;
    if (room) {
        (void)memset(room, 0, padding);
        v->plain.len += padding;
    }
    keyring_seal(v->sealing, slice_text(name), buf_slice(&v->plain), &v->sealed);
    if (digest) {
        digest_of(buf_slice(&v->sealed), SLICE_NONE, digest);
    }
    return v->store.ops->put(v->store.context, slice_text(name), buf_slice(&v->sealed), e) ||
           error_add(e, "store an object");
}

bool vault_get(struct vault *v, const char *name, struct slice *bytes, uint8_t *digest,
               struct error *e)
{
    buf_reset(&v->plain);
    buf_reset(&v->sealed);
    v->absent = false;
    if (!v->store.ops->get(v->store.context, slice_text(name), &v->sealed, e)) {
        v->absent = e->kind == ERROR_CORRUPT;
        return error_add(e, "fetch an object");
    }
    if (digest) {
        digest_of(buf_slice(&v->sealed), SLICE_NONE, digest);
    }
    if (!keyring_open(v->sealing, slice_text(name), buf_slice(&v->sealed), &v->plain, e)) {
        return error_set(e, ERROR_CORRUPT, "object %s is not what was stored", name);
    }
    struct slice all = buf_slice(&v->plain);
    if (all.len < LENGTH_LEN || get32(all.ptr) > all.len - LENGTH_LEN) {
        return error_set(e, ERROR_CORRUPT, "object %s is not what was stored", name);
    }
    *bytes = slice_of(all.ptr + LENGTH_LEN, get32(all.ptr));
    return true;
}

bool vault_is_damage(const struct vault *v, struct error *e)
{
    if (e->kind == ERROR_CORRUPT && v->absent) {
        e->kind = ERROR_BUSY;
        return error_add(e, "the store lists what it does not give");
    }
    return e->kind == ERROR_CORRUPT;
}

/* ── manifests ── */

static bool read_hex(struct slice s, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f')) {
            return false;
        }
        value = value << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    *out = value;
    return true;
}

bool vault_manifest_name(const struct vault *v, const char *name, struct vault_name *out)
{
    struct slice s = slice_text(name);
    struct vault_name read;

    if (s.len != VAULT_PREFIX_LEN + 2 + NUMBER_CHARS + 1 + TIME_CHARS ||
        !slice_starts(s, slice_text(v->prefix))) {
        return false;
    }
    s = slice_from(s, VAULT_PREFIX_LEN);
    if (!slice_starts(s, SLICE("m-")) || s.ptr[2 + NUMBER_CHARS] != '-' ||
        !slice_decimal(slice_of(s.ptr + 2, NUMBER_CHARS), UINT64_MAX, &read.number) ||
        !read_hex(slice_from(s, 2 + NUMBER_CHARS + 1), &read.at) || read.number == 0) {
        return false;
    }
    *out = read;
    return true;
}

const struct vault_entry **vault_manifests(const struct vault *v, const struct vault_listing *l,
                                           struct arena *arena, size_t *count)
{
    const struct vault_entry **all = arena_array(arena, l->count + 1, sizeof(struct vault_entry *));
    struct vault_name ignored;

    *count = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (vault_manifest_name(v, l->items[i].name, &ignored)) {
            all[(*count)++] = &l->items[i]; /* their numbers have equally many digits */
        }
    }
    return all;
}

bool vault_get_manifest(struct vault *v, const char *name, struct arena *arena,
                        struct vault_manifest *m, uint8_t *digest, struct error *e)
{
    struct slice bytes;
    struct vault_name said;

    if (!vault_manifest_name(v, name, &said) || !vault_get(v, name, &bytes, digest, e)) {
        return error_add(e, "manifest");
    }
    if (!vault_manifest_read(arena_copy(arena, bytes), arena, m, e)) {
        return false;
    }
    return (m->number == said.number && m->at == said.at) ||
           error_set(e, ERROR_CORRUPT, "a manifest is not what its name says");
}

bool vault_put_manifest(struct vault *v, const struct vault_manifest *m, uint8_t *digest,
                        struct error *e)
{
    OWN(buf) struct buf text = {.max = MANIFEST_SIZE_MAX};
    char name[STORE_NAME_MAX + 1];

    vault_manifest_write(m, &text);
    if (text.full) {
        return error_set(e, ERROR_LIMIT, "the backup's manifest is too long");
    }
    (void)snprintf(name, sizeof(name), "%sm-%010llu-%012llx", v->prefix,
                   (unsigned long long)m->number, (unsigned long long)m->at);
    return vault_put(v, name, buf_slice(&text), digest, e);
}
