/* Lists of recipients' keys, and what one recipient has: over the control socket. */
#include <stdlib.h>

#include "keeper/admin.h"
#include "keeper/internal.h"
#include "keeper/openpgp.h"
#include "keeper/recipient_keys.h"
#include "keeper/smime.h"
#include "requests/recipients.h"
#include "state/recipients.h"

#define ARENA_BYTES ((size_t)2 << 20)

static bool contains(struct slice s, struct slice part)
{
    for (size_t i = 0; i + part.len <= s.len; i++) {
        if (slice_equal_nocase(slice_of(s.ptr + i, part.len), part)) {
            return true;
        }
    }
    return false;
}

static struct recipient_keys copy_without_bytes(const struct recipient_keys *row,
                                                struct arena *arena)
{
    struct recipient_key *keys = arena_array(arena, row->keys.count + 1, sizeof(*keys));
    const struct recipient_key *from = row->keys.items;

    for (size_t i = 0; i < row->keys.count; i++) {
        keys[i] = (struct recipient_key){.kind = from[i].kind,
                                         .fingerprint = arena_copy(arena, from[i].fingerprint),
                                         .subject = arena_copy(arena, from[i].subject),
                                         .algorithm = arena_copy(arena, from[i].algorithm),
                                         .not_before = from[i].not_before,
                                         .not_after = from[i].not_after,
                                         .source = from[i].source,
                                         .added_at = from[i].added_at,
                                         .by = arena_copy(arena, from[i].by),
                                         .vouched = from[i].vouched,
                                         .reads = from[i].reads,
                                         .own = arena_copy(arena, from[i].own)};
    }
    return (struct recipient_keys){
        .address = arena_copy(arena, row->address), .keys = {keys, row->keys.count}
    };
}

static int by_address(const void *a, const void *b)
{
    return slice_compare(((const struct recipient_keys *)a)->address,
                         ((const struct recipient_keys *)b)->address);
}

static bool is_listed(const struct recipient_keys *row, const struct recipient_list_ask *ask)
{
    const struct recipient_key *keys = row->keys.items;
    bool own = !ask->own;

    for (size_t i = 0; i < row->keys.count; i++) {
        own = own || keys[i].own.len;
    }
    return row->keys.count && own && contains(row->address, ask->part);
}

static bool list_all(struct keeper *k, const struct recipient_list_ask *ask, struct arena *arena,
                     struct recipient_list_answer *answer, struct error *e)
{
    OWN(arena) struct arena scratch = {.max = ARENA_BYTES};
    struct recipient_keys *rows = arena_array(arena, RECIPIENTS_LISTED_MAX, sizeof(*rows));
    uint8_t place[STATE_PLACE_LEN] = {0};
    bool found = true;
    size_t n = 0;

    while (found && !answer->more) {
        struct recipient_keys row;
        arena_reset(&scratch);
        if (!state_recipient_next(k->state, place, &scratch, &row, &found, e)) {
            return false;
        }
        if (found && is_listed(&row, ask)) {
            answer->more = n == RECIPIENTS_LISTED_MAX;
            if (!answer->more) {
                rows[n++] = copy_without_bytes(&row, arena);
            }
        }
    }
    qsort(rows, n, sizeof(*rows), by_address);
    answer->rows = (struct cbor_list){rows, n};
    return true;
}

bool keeper_on_recipient_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper_admin_of(ctx, r)->keeper;
    const struct recipient_list_ask *ask = r->ask;
    struct recipient_list_answer *answer = r->answer;
    struct recipient_keys *row = arena_array(r->arena, 1, sizeof(*row));

    if (ask->exactly.len == 0) {
        return list_all(k, ask, r->arena, answer, e);
    }
    struct slice address = recipient_canonical(ask->exactly, r->arena);
    struct recipient_key used;
    bool found = false;
    if (!state_recipient_get(k->state, address, r->arena, row, &found, e)) {
        return false;
    }
    if (!found) {
        *row = (struct recipient_keys){.address = address};
    }
    answer->rows = (struct cbor_list){row, row->keys.count ? 1 : 0};
    (void)openpgp_known(k, row->address, r->arena, &answer->openpgp);
    return smime_known(k, row->address, r->arena, &used, &found, &answer->smime, e);
}
