#include <stdio.h>

#include "ledger/record_keys_state.h"

#define LEFT  0x10
#define RIGHT 0x11
#define KEY   0x12

static unsigned depth_for(uint32_t records)
{
    return records < 2 ? 0 : 32 - (unsigned)__builtin_clz(records - 1);
}

struct record_keys *record_keys_alloc(uint32_t records, size_t room)
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
    struct record_keys *k = record_keys_alloc(records, 1);

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
    struct seed beside[DEPTH_MAX] = {0};
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
    if (n == 0) { /* one fewer than before: behind the others nothing else was ever written */
        explicit_bzero(k->seeds + k->n, sizeof(*at));
    }
    explicit_bzero(beside, sizeof(beside));
    forget_path(k);
    return true;
}

/* -- names -- */

static void write_name(uint32_t number, uint16_t making, const char *ending,
                       char name[static KEYS_NAME_MAX])
{
    if (making) {
        (void)snprintf(name, KEYS_NAME_MAX, "%010u-%05u%s", number, making, ending);
    } else {
        (void)snprintf(name, KEYS_NAME_MAX, "%010u%s", number, ending);
    }
}

void record_keys_name(uint32_t number, uint16_t making, char name[static KEYS_NAME_MAX])
{
    write_name(number, making, ".key", name);
}

void record_keys_name_new(uint32_t number, uint16_t making, char name[static KEYS_NAME_MAX])
{
    write_name(number, making, ".key.new", name);
}

bool record_keys_named(const char *name, uint32_t *number, uint16_t *making, bool *rewriting)
{
    struct slice s = slice_text(name);
    struct slice ending = slice_from(s, 10);
    uint64_t value = 0;
    uint64_t made = 0;

    if (s.len < 10 || !slice_decimal(slice_head(s, 10), UINT32_MAX, &value) || value == 0) {
        return false;
    }
    if (ending.len > 6 && ending.ptr[0] == '-') {
        if (!slice_decimal(slice_head(slice_from(ending, 1), 5), UINT16_MAX, &made) || made == 0) {
            return false;
        }
        ending = slice_from(ending, 6);
    }
    *number = (uint32_t)value;
    *making = (uint16_t)made;
    *rewriting = slice_equal(ending, SLICE(".key.new"));
    return *rewriting || slice_equal(ending, SLICE(".key"));
}
