/* Invariants:
 *  1. What a row says was recorded before (type 69), in the order of the changes: `changing` below is held over both.
 *  2. A row has each fingerprint once, among its keys or among those that a person took away, and at most one key of WKD and one
 *     of Autocrypt. */
#include "keeper/recipient_keys.h"

#include "base/clock.h"

#include "keeper/admin.h"
#include "keeper/internal.h"
#include "keeper/life.h"
#include "keeper/recipient_merge.h"
#include "keeper/recipient_refused.h"
#include "keeper/redecide_look.h"
#include "requests/recipients.h"
#include "state/recipients.h"

#define RECORD_BYTES_MAX ((size_t)64 << 10)
#define PREFIX_MIN       8 /* characters of a fingerprint by which a key is named */

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

struct slice recipient_canonical(struct slice address, struct arena *arena)
{
    struct slice trimmed = slice_trim(address);
    uint8_t *copy = arena_alloc(arena, trimmed.len + 1);

    for (size_t i = 0; i < trimmed.len; i++) {
        copy[i] = ascii_lower(trimmed.ptr[i]);
    }
    return slice_of(copy, trimmed.len);
}

/* ── reading ── */

static bool get_row(struct keeper *k, struct slice address, struct arena *arena,
                    struct recipient_keys *out, struct error *e)
{
    bool found = false;

    if (!state_recipient_get(k->state, address, arena, out, &found, e)) {
        return false;
    }
    if (!found) {
        *out = (struct recipient_keys){.address = address};
    }
    return true;
}

static void add_newest_first(struct recipient_keys *to, const struct recipient_keys *from)
{
    struct recipient_key *keys = to->keys.items;
    const struct recipient_key *more = from->keys.items;

    for (size_t i = from->keys.count; i > 0; i--) {
        keys[to->keys.count++] = more[i - 1];
    }
}

bool recipient_keys_of(struct keeper *k, struct slice address, struct arena *arena,
                       struct recipient_keys *out, struct error *e)
{
    struct slice name = recipient_canonical(address, arena);
    struct slice domain = letter_domain(name);
    struct recipient_keys own;
    struct recipient_keys shared = {.address = domain};

    if (!get_row(k, name, arena, &own, e) ||
        (domain.len && !get_row(k, domain, arena, &shared, e))) {
        return false;
    }
    *out = (struct recipient_keys){
        .address = name,
        .keys = {arena_array(arena, own.keys.count + shared.keys.count + 1,
                 sizeof(struct recipient_key)),
                 0},
        .refused = own.refused,
    };
    add_newest_first(out, &own);
    add_newest_first(out, &shared);
    return true;
}

bool recipient_key_read(struct keeper *k, struct slice address, int file, struct arena *arena,
                        struct recipient_key *out, struct error *e)
{
    uint8_t tag[INSPECTOR_SENDER_LEN];

    keeper_life_of_address(address, tag);
    const struct inspector_key_ask ask = {.sender = SLICE_ARRAY(tag)};
    return ipc_call(k->options.inspector, &inspector_key, &ask, file, out, NULL, arena,
                    KEEPER_ASK_MS, e);
}

/* ── changes ── */

static bool record(struct keeper *k, struct keeper_admin *admin, struct recipient_change *change,
                   struct error *e)
{
    struct slice end = slice_head(change->key.fingerprint, 16);
    OWN(buf) struct buf body = {.max = RECORD_BYTES_MAX};
    OWN(buf) struct buf acted = {.max = RECORD_BYTES_MAX};
    OWN(buf) struct buf detail = {.max = 200};
    struct ledger_ref refs[2];

    buf_printf(&detail, "%s, %s, fingerprint %.*s", recipient_key_kind_text(change->key.kind),
               recipient_key_source_text(change->key.source), SLICE_ARG(end));
    struct act act = {.verb = change->removed ? SLICE("recipient remove-key")
                                              : SLICE("recipient add-key"),
                      .object = change->address,
                      .reason = change->reason,
                      .detail = buf_slice(&detail)};
    if (admin) {
        act.by = change->by = admin->caller.by;
        act.at = change->at = admin->caller.at;
        act.role = change->role = admin->role;
    }
    cbor_write(&body, &recipient_change_schema, change);
    cbor_write(&acted, &act_schema, &act);
    if (body.full || acted.full) {
        return error_set(e, ERROR_LIMIT, "a key's record does not fit");
    }
    const struct ledger_record records[] = {
        {RECORD_RECIPIENT_KEY, buf_slice(&body) },
        {RECORD_ADMIN,         buf_slice(&acted)},
    };
    return keeper_record(k, LEDGER_AWAITED, records, admin ? 2 : 1, refs, e);
}

/* All keys but the one of that fingerprint, and then `add`, if it is one. */
static void without(struct recipient_keys *row, struct slice fingerprint,
                    const struct recipient_key *add, struct arena *arena)
{
    const struct recipient_key *old = row->keys.items;
    struct recipient_key *keys = arena_array(arena, row->keys.count + 2, sizeof(*keys));
    size_t n = 0;

    for (size_t i = 0; i < row->keys.count; i++) {
        if (!slice_equal(old[i].fingerprint, fingerprint)) {
            keys[n++] = old[i];
        }
    }
    if (add) {
        keys[n++] = *add;
    }
    row->keys = (struct cbor_list){keys, n};
}

/* Take keys that were found in one place out of a row, oldest first, until it has no more than `most` of all kinds. */
static bool take_out(struct keeper *k, struct recipient_keys *row, uint64_t source, size_t most,
                     struct slice reason, struct arena *arena, struct error *e)
{
    const struct recipient_keys all = *row;
    const struct recipient_key *keys = all.keys.items;

    for (size_t i = 0; i < all.keys.count && row->keys.count > most; i++) {
        struct recipient_change change = {
            .address = row->address, .removed = true, .key = keys[i], .reason = reason};
        if (keys[i].source != source) {
            continue;
        }
        if (!record(k, NULL, &change, e)) {
            return false;
        }
        without(row, keys[i].fingerprint, NULL, arena);
    }
    return true;
}

static bool make_room(struct keeper *k, struct recipient_keys *row, const struct recipient_key *key,
                      struct arena *arena, struct error *e)
{
    bool newest_alone = key->source == RECIPIENT_WKD || key->source == RECIPIENT_AUTOCRYPT;

    without(row, key->fingerprint, NULL, arena);
    return (!newest_alone || take_out(k, row, key->source, 0,
                                      SLICE("another one was found in its place"), arena, e)) &&
           take_out(k, row, RECIPIENT_AUTOCRYPT, RECIPIENT_KEYS_MAX - 1,
                    SLICE("another key needed its place"), arena, e);
}

static bool keep(struct keeper *k, struct keeper_admin *admin, struct recipient_change *change,
                 struct arena *arena, struct error *e)
{
    struct recipient_keys row;

    if (!get_row(k, change->address, arena, &row, e)) {
        return false;
    }
    bool by_letter =
        change->key.source == RECIPIENT_HARVESTED || change->key.source == RECIPIENT_AUTOCRYPT;
    if (by_letter && recipient_refused(&row, change->key.fingerprint)) {
        return true; /* a person took it away; what a directory says is its domain's word */
    }
    if (recipient_offered_before(&row, &change->key)) {
        return true;
    }
    if (!make_room(k, &row, &change->key, arena, e)) {
        return false;
    }
    without(&row, change->key.fingerprint, &change->key, arena);
    if (admin) {
        recipient_refuse(&row, change->key.fingerprint, false, arena);
    }
    if (row.keys.count > RECIPIENT_KEYS_MAX) {
        return error_set(e, ERROR_LIMIT,
                         "%.*s has %d keys already: `postern recipient remove-key` takes old ones "
                         "away",
                         SLICE_ARG(change->address), RECIPIENT_KEYS_MAX);
    }
    return record(k, admin, change, e) && state_recipient_put(k->state, &row, e);
}

bool recipient_key_keep(struct keeper *k, struct keeper_admin *admin, struct slice address,
                        const struct recipient_key *key, struct slice reason, struct arena *arena,
                        struct error *e)
{
    struct recipient_change change = {
        .address = recipient_canonical(address, arena), .key = *key, .reason = reason};

    change.key.added_at = (uint64_t)clock_wall_ms();
    change.key.by = admin ? admin->caller.by : SLICE_NONE;
    (void)pthread_mutex_lock(&changing);
    bool kept = keep(k, admin, &change, arena, e);
    (void)pthread_mutex_unlock(&changing);
    if (kept) {
        redecide_known(k, change.address);
    }
    return kept;
}

/* ── what a place has now ── */

static bool has(const struct recipient_key *keys, size_t n, const struct recipient_key *key)
{
    bool found = false;

    for (size_t i = 0; i < n; i++) {
        found = found || (slice_equal(keys[i].fingerprint, key->fingerprint) &&
                          keys[i].source == key->source && keys[i].vouched == key->vouched);
    }
    return found;
}

static bool drop_gone(struct keeper *k, struct recipient_keys *row, uint64_t source,
                      const struct recipient_key *now, size_t n, struct arena *arena, bool *any,
                      struct error *e)
{
    const struct recipient_keys all = *row;
    const struct recipient_key *keys = all.keys.items;

    for (size_t i = 0; i < all.keys.count; i++) {
        struct recipient_change change = {.address = row->address,
                                          .removed = true,
                                          .key = keys[i],
                                          .reason = SLICE("it is not published any more")};
        if (keys[i].source != source || has(now, n, &keys[i])) {
            continue;
        }
        if (!record(k, NULL, &change, e)) {
            return false;
        }
        without(row, keys[i].fingerprint, NULL, arena);
        *any = true;
    }
    return true;
}

static bool replace(struct keeper *k, struct slice address, uint64_t source,
                    const struct recipient_key *now, size_t n, struct arena *arena, bool *came,
                    bool *gone, struct error *e)
{
    struct recipient_keys row;

    if (!get_row(k, address, arena, &row, e) ||
        !drop_gone(k, &row, source, now, n, arena, gone, e)) {
        return false;
    }
    bool any = *gone;
    for (size_t i = 0; i < n; i++) {
        struct recipient_change change = {.address = address, .key = now[i]};
        if (has(row.keys.items, row.keys.count, &now[i]) || !recipient_merge(&row, &change.key) ||
            row.keys.count >= RECIPIENT_KEYS_MAX) {
            continue;
        }
        change.key.added_at = (uint64_t)clock_wall_ms();
        if (!record(k, NULL, &change, e)) {
            return false;
        }
        without(&row, now[i].fingerprint, &change.key, arena);
        any = true;
        *came = true;
    }
    return !any || state_recipient_put(k->state, &row, e);
}

bool recipient_keys_replace(struct keeper *k, struct slice address,
                            enum recipient_key_source source, const struct recipient_key *now,
                            size_t n, struct arena *arena, bool *gone, struct error *e)
{
    struct recipient_key *unique = arena_array(arena, n + 1, sizeof(*unique));
    struct slice name = recipient_canonical(address, arena);
    bool came = false;

    *gone = false;
    for (size_t i = 0; i < n; i++) {
        unique[i] = now[i];
    }
    n = recipient_merge_unique(unique, n);
    (void)pthread_mutex_lock(&changing);
    bool done = replace(k, name, source, unique, n, arena, &came, gone, e);
    (void)pthread_mutex_unlock(&changing);
    if (done && came) {
        redecide_known(k, name);
    }
    return done;
}

/* ── over the control socket ── */

static bool is_name(struct slice address)
{
    size_t at = slice_find(address, '@');
    struct slice domain = at < address.len ? slice_from(address, at + 1) : address;
    bool good = at != 0 && domain.len > 0 && slice_find(domain, '@') == domain.len &&
                slice_find(domain, '.') < domain.len;

    for (size_t i = 0; i < address.len; i++) {
        good = good && address.ptr[i] > ' ' && address.ptr[i] != 0x7f;
    }
    return good;
}

static void warn(struct recipient_key_added *answer, const char *sentence)
{
    ((struct slice *)answer->warnings.items)[answer->warnings.count++] = slice_text(sentence);
}

bool keeper_on_recipient_add(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct recipient_key_add_ask *ask = r->ask;
    struct recipient_key_added *answer = r->answer;
    struct slice address = recipient_canonical(ask->address, r->arena);
    struct recipient_key key;
    int64_t now = clock_wall_ms();

    answer->warnings.items = arena_array(r->arena, RECIPIENT_WARNINGS_MAX, sizeof(struct slice));
    if (!is_name(address)) {
        return error_set(e, ERROR_INPUT,
                         "`%.*s` is no address such as `anna@example.org` and no domain such as "
                         "`example.org`",
                         SLICE_ARG(slice_head(address, 100)));
    }
    if (!recipient_key_read(admin->keeper, address, r->fd, r->arena, &key, e)) {
        return false;
    }
    if (!recipient_key_names(&key, address) && !ask->other) {
        return error_set(e, ERROR_INPUT,
                         "the key names another address: give it to that one, or say "
                         "--other-address if you know that it is meant for `%.*s`",
                         SLICE_ARG(slice_head(address, 100)));
    }
    if (key.not_after && (int64_t)key.not_after <= now) {
        return error_set(e, ERROR_INPUT, "the key has expired: ask its holder for a new one");
    }
    if ((int64_t)key.not_before > now) {
        warn(answer, "it is not valid yet, and is used from its first day on");
    }
    key.source = RECIPIENT_UPLOADED;
    key.vouched = ask->vouched;
    key.own = SLICE_NONE;
    if (!recipient_key_keep(admin->keeper, admin, address, &key, ask->reason, r->arena, e)) {
        return false;
    }
    answer->key = key;
    answer->key.added_at = (uint64_t)now;
    answer->key.by = admin->caller.by;
    return true;
}

/* The one key that is meant; NULL with ERROR_INPUT. */
static const struct recipient_key *meant(const struct recipient_keys *row, struct slice fingerprint,
                                         struct error *e)
{
    const struct recipient_key *keys = row->keys.items;
    const struct recipient_key *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i < row->keys.count; i++) {
        if (slice_starts_nocase(keys[i].fingerprint, fingerprint)) {
            found = &keys[i];
            n++;
        }
    }
    if (n != 1 || fingerprint.len < PREFIX_MIN) {
        (void)error_set(e, ERROR_INPUT,
                        n > 1 ? "several keys begin so: give more of the fingerprint"
                              : "there is no such key, or less than 8 characters of its "
                                "fingerprint were given: `postern recipient show` lists them");
        return NULL;
    }
    return found;
}

static bool remove_key(struct keeper_admin *admin, const struct recipient_key_drop_ask *ask,
                       struct arena *arena, struct error *e)
{
    struct keeper *k = admin->keeper;
    struct recipient_change change = {.address = recipient_canonical(ask->address, arena),
                                      .removed = true,
                                      .reason = ask->reason};
    struct recipient_keys row;

    if (!get_row(k, change.address, arena, &row, e)) {
        return false;
    }
    const struct recipient_key *key = meant(&row, ask->fingerprint, e);
    if (!key) {
        return false;
    }
    change.key = *key;
    without(&row, key->fingerprint, NULL, arena);
    recipient_refuse(&row, change.key.fingerprint, true, arena);
    return record(k, admin, &change, e) && state_recipient_put(k->state, &row, e);
}

static bool forget(struct keeper *k, struct slice address, uint64_t source, struct slice reason,
                   struct arena *arena, bool *any, struct error *e)
{
    struct recipient_keys row;

    if (!get_row(k, address, arena, &row, e)) {
        return false;
    }
    size_t had = row.keys.count;
    if (!take_out(k, &row, source, 0, reason, arena, e)) {
        return false;
    }
    *any = row.keys.count < had;
    return !*any || state_recipient_put(k->state, &row, e);
}

bool recipient_keys_forget(struct keeper *k, struct slice address, enum recipient_key_source source,
                           struct slice reason, struct arena *arena, bool *any, struct error *e)
{
    (void)pthread_mutex_lock(&changing);
    bool done = forget(k, recipient_canonical(address, arena), source, reason, arena, any, e);
    (void)pthread_mutex_unlock(&changing);
    return done;
}

bool keeper_on_recipient_drop(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct recipient_key_drop_ask *ask = r->ask;

    if (slice_trim(ask->reason).len == 0) {
        return error_set(e, ERROR_INPUT, "say why with --reason TEXT; it stands in the ledger");
    }
    (void)pthread_mutex_lock(&changing);
    bool removed = remove_key(keeper_admin_of(ctx, r), ask, r->arena, e);
    (void)pthread_mutex_unlock(&changing);
    return removed;
}
