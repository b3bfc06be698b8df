/* Making a pack of a pack. Of what was erased nothing comes along but its leaf, whether it has a key or not; all else is opened,
 * compared with its commitment and sealed anew. When a key of that is missing no pack is made: it may be put back, and what it opens
 * is in the pack in force alone. Parts that are stored apart are stored anew as well: the objects of the pack before are left to those
 * later packs that refer to them. */
#include "ledger/pack_maker.h"

#define SEE_MIN 512 /* as in pack_write.c */

/* -- the pack in force -- */

static void on_fault(void *context, uint64_t offset, uint64_t seq, const char *text)
{
    struct error *why = context;

    (void)offset;
    if (why->kind == ERROR_NONE) {
        (void)error_set(why, ERROR_CORRUPT, "record %llu: %s", (unsigned long long)seq, text);
    }
}

static void on_erased(void *context, uint64_t seq)
{
    (void)context;
    (void)seq;
}

/* All of it, so that nothing that is damaged is taken for what was recorded. */
static bool check(struct maker *m, struct error *e)
{
    struct error why = {.kind = ERROR_NONE};
    struct pack_check c = {.sealer = m->sealer,
                           .watch_size = UINT64_MAX,
                           .fault = on_fault,
                           .erased = on_erased,
                           .context = &why};

    if (!pack_check(m->from, &c, e)) {
        return false;
    }
    if (why.kind != ERROR_NONE) {
        *e = why;
        return false;
    }
    m->start_tree = c.start_tree;
    m->tree = c.tree;
    return true;
}

static bool open_pack(struct maker *m, struct error *e)
{
    const struct pack_head *h = NULL;

    if (pack_open(m->dirfd, m->keys_dirfd, m->head.number, NULL, m->ledger_key, &m->from, e) !=
        PACK_OPENED) {
        return error_add(e, "the pack in force");
    }
    h = &m->from->head;
    if (h->making == UINT16_MAX) {
        return error_set(e, ERROR_LIMIT, "it was made too often");
    }
    uint8_t key[KEYRING_KEY_LEN];
    bool there = false;
    if (!pack_key(m->from, 0, key, &there, e)) { /* the file is there, whatever is left in it */
        return false;
    }
    explicit_bzero(key, sizeof(key));
    m->commit_key = m->from->commit_key;
    m->head.making = (uint16_t)(h->making + 1);
    m->head.first = h->first;
    m->head.records = h->records;
    m->head.segment_length = h->segment_length;
    (void)memcpy(m->head.ledger_id, h->ledger_id, sizeof(m->head.ledger_id));
    return check(m, e);
}

/* -- its records -- */

static bool is_erased(const struct maker *m, uint32_t n)
{
    return seq_ranges_has(m->erased, m->head.first + n);
}

/* The key of a record that was not erased. */
static bool key_of(struct maker *m, uint32_t n, uint8_t key[static KEYRING_KEY_LEN],
                   struct error *e)
{
    bool there = false;

    return pack_key(m->from, n, key, &there, e) &&
           (there || error_set(e, ERROR_CORRUPT,
                               "its key is missing, and no record says that it was erased: put "
                               "the pack's key file back from a backup"));
}

/* Read the n-th record: *there says whether it has content, which is in m->payload and, of a sealed one, in *body. */
static bool read_record(struct maker *m, uint32_t n, struct pack_entry *entry, bool *there,
                        struct slice *body, struct error *e)
{
    uint8_t key[KEYRING_KEY_LEN] = {0};

    if (!pack_entry(m->from, n, entry, e)) {
        return false;
    }
    *there = !entry->sealed || !is_erased(m, n);
    if (!*there) {
        return true;
    }
    arena_reset(&m->arena);
    bool ok = (!entry->sealed || key_of(m, n, key, e)) &&
              pack_payload(m->from, entry, m->digest, &m->payload, e) &&
              (!entry->sealed || pack_body(m->from, m->sealer, entry, m->head.first + n, key,
                                           m->payload.ptr, &m->arena, body, e));
    explicit_bzero(key, sizeof(key));
    return ok || error_add(e, "record %llu", (unsigned long long)(m->head.first + n));
}

static bool count_all(struct maker *m, struct error *e)
{
    for (uint32_t i = 0; i < m->head.records; i++) {
        struct pack_entry n;
        struct slice body = SLICE_NONE;
        bool there = false;
        if (!pack_entry(m->from, i, &n, e)) {
            return false;
        }
        if (!n.sealed) {
            continue;
        }
        if (!read_record(m, i, &n, &there, &body, e) || (there && !maker_count(m, n.time_ms, e))) {
            return false;
        }
        if (there && body.len >= SEE_MIN) {
            shares_see(m->shares, body);
        }
    }
    return true;
}

static bool leave_out(struct maker *m, const struct pack_entry *n, struct error *e)
{
    struct pack_entry out = {
        .type = n->type, .sealed = true, .left_out = true, .time_ms = n->time_ms};
    uint8_t bytes[PACK_ENTRY_LEN];

    (void)memcpy(out.commitment, n->commitment, sizeof(out.commitment));
    pack_entry_write(&out, bytes);
    return stream_add(&m->entries, SLICE_ARRAY(bytes), e);
}

static bool take_all(struct maker *m, struct error *e)
{
    for (uint32_t i = 0; i < m->head.records; i++) {
        struct pack_entry before;
        struct slice body = SLICE_NONE;
        bool there = false;
        if (!read_record(m, i, &before, &there, &body, e)) {
            return false;
        }
        struct pack_entry n = {
            .type = before.type, .sealed = before.sealed, .time_ms = before.time_ms};
        (void)memcpy(n.commitment, before.commitment, sizeof(n.commitment));
        if (!there) {
            if (!leave_out(m, &n, e)) {
                return false;
            }
            continue;
        }
        if ((n.sealed && !maker_seal(m, &n, m->head.first + i, body, e)) ||
            !maker_add(m, &n, buf_slice(n.sealed ? &m->packed : &m->payload), e)) {
            return false;
        }
    }
    return true;
}

static bool make(struct maker *m, struct pack_made *made, struct error *e)
{
    if (!open_pack(m, e)) {
        return false;
    }
    maker_share(m);
    if (!count_all(m, e) || !maker_begin(m, is_erased, e) || !take_all(m, e) ||
        !maker_finish(m, e) || !maker_compare(m, e)) {
        return false;
    }
    maker_tell(m, made);
    pack_digest(&m->from->head, made->replaced);
    return true;
}

bool pack_make_again(int dirfd, int keys_dirfd, const struct secret *ledger_key, uint32_t number,
                     const struct seq_ranges *erased, int64_t now_ms, mode_t mode,
                     struct pack_made *made, struct error *e)
{
    struct maker *m = maker_new(dirfd, keys_dirfd, ledger_key, number, now_ms, mode);

    m->erased = erased;
    bool made_it = make(m, made, e) || error_add(e, "pack %u", number);
    maker_done(m);
    return made_it;
}
