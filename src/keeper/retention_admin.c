/* Rules and dates as a person sets them. Each is a record with an act about it, in one commit, before it
 * holds. */
#include "base/clock.h"
#include "base/log.h"

#include "catalog/retention.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "requests/retention.h"
#include "stages/retention/book.h"

#define ANSWER_BYTES                                                                               \
    ((size_t)2 << 20) /* of rules or dates in an answer; the rest on asking again */
#define ANSWER_ROWS 1000
#define LIST_ARENA  ((size_t)512 << 20)

/* Records and the acts about them. */
struct writing {
    struct keeper_admin *admin;
    struct arena *arena;
    struct ledger_record records[2 * RETENTION_SET_MAX];
    size_t count;
    size_t bytes; /* of rules */
    size_t rules; /* that come: a changed one counts as well */
    size_t dates;
};

static bool put(struct writing *w, uint16_t type, const struct cbor_schema *schema,
                const void *value, struct error *e)
{
    OWN(buf) struct buf body = {.max = RETENTION_RULE_BYTES};

    cbor_write(&body, schema, value);
    if (body.full) {
        return error_set(e, ERROR_LIMIT, "a rule with more than %zu KiB of conditions and texts",
                         RETENTION_RULE_BYTES >> 10);
    }
    w->bytes += type == RECORD_RULE ? body.len : 0;
    w->records[w->count++] = (struct ledger_record){type, arena_copy(w->arena, buf_slice(&body))};
    return true;
}

static bool put_act(struct writing *w, struct act *act, struct error *e)
{
    act->by = w->admin->caller.by;
    act->at = w->admin->caller.at;
    act->role = w->admin->role;
    log_event(LOG_INFO, "admin.act", LOG_SLICE("verb", act->verb), LOG_SLICE("by", act->at));
    return put(w, RECORD_ADMIN, &act_schema, act, e);
}

/* With `order` held, so that no other rule comes between: there is room for what is written. What is in force must be
 * what was recorded last, or it would be counted without that. */
static bool has_room(struct writing *w, struct error *e)
{
    struct keeper *k = w->admin->keeper;
    struct retention_rules *rules = retention_hold(k);
    uint64_t version = retention_version_of(rules);
    size_t classes = 0;
    size_t dates = 0;
    size_t bytes = retention_bytes(rules, &classes, &dates);

    retention_release(k, rules);
    bool adds = w->rules || w->dates;
    if (adds && version < atomic_load(&k->retention.wanted)) {
        return error_set(e, ERROR_BUSY,
                         "the rule or date set last is still being put in force: try again in a "
                         "moment");
    }
    if (w->dates && dates >= RETENTION_DATES_MAX) {
        return error_set(e, ERROR_LIMIT, "there are at most %d dates: remove some",
                         RETENTION_DATES_MAX);
    }
    return w->rules == 0 ||
           (classes + w->rules <= RETENTION_RULES_MAX &&
            bytes + w->bytes <= RETENTION_BOOK_BYTES) ||
           error_set(e, ERROR_LIMIT, "there are at most %d rules, of %zu MiB together: remove some",
                     RETENTION_RULES_MAX, RETENTION_BOOK_BYTES >> 20);
}

static bool append(struct writing *w, struct error *e)
{
    struct ledger_ref *refs = arena_array(w->arena, w->count, sizeof(*refs));
    struct keeper *k = w->admin->keeper;

    approvals_hold(k);
    bool recorded =
        has_room(w, e) && keeper_record(k, LEDGER_AWAITED, w->records, w->count, refs, e);
    if (recorded) {
        retention_wants(k, refs[w->count - 2].seq); /* the last is the act about it */
    }
    approvals_let_go(k);
    if (recorded) {
        retention_changed(k);
    }
    return recorded;
}

static bool wants_reason(struct slice reason, struct error *e)
{
    return slice_trim(reason).len != 0 ||
           error_set(e, ERROR_INPUT, "give --reason TEXT: why; it stands in the ledger");
}

/* ── rules ── */

static bool put_rule(struct writing *w, const struct rule *from, struct slice reason,
                     struct error *e)
{
    OWN(buf) struct buf text = {.max = RULE_NOTE_MAX};
    struct rule rule = *from;

    rule.removed = false;
    rule.by = w->admin->caller.by;
    rule.at = w->admin->caller.at;
    rule.role = w->admin->role;
    rule.reason = reason;
    if (!retention_rule_check(&rule, e)) {
        return false;
    }
    retention_rule_say(&rule, &text);
    struct act act = {.verb = SLICE("retention set"),
                      .object = rule.class,
                      .reason = reason,
                      .detail = buf_slice(&text)};
    return put(w, RECORD_RULE, &rule_schema, &rule, e) && put_act(w, &act, e);
}

bool keeper_on_rule_set(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct retention_set_ask *ask = r->ask;
    const struct rule *rules = ask->rules.items;
    struct writing *w = arena_alloc(r->arena, sizeof(*w));

    w->admin = keeper_admin_of(ctx, r);
    w->arena = r->arena;
    if (ask->rules.count == 0) {
        return error_set(e, ERROR_INPUT, "there is no rule to be set");
    }
    for (size_t i = 0; i < ask->rules.count; i++) {
        if (!put_rule(w, &rules[i], ask->reason, e)) {
            return false;
        }
    }
    w->rules = ask->rules.count;
    return append(w, e);
}

/* The rules in force, read from the ledger. */
static bool read_rows(struct keeper *k, struct catalog *c, bool counted, struct arena *arena,
                      struct retention_row **out, size_t *count, struct error *e)
{
    struct catalog_rule *rules = NULL;
    size_t n = 0;

    if (!catalog_rules(c, counted, arena, &rules, &n, e)) {
        return false;
    }
    struct retention_row *rows = arena_array(arena, n + 1, sizeof(*rows));
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        struct retention_row *row = &rows[*count];
        if (rules[i].removed) {
            continue;
        }
        if (!keeper_read_at(k, rules[i].ref, &rule_schema, arena, &row->rule, &row->time, e)) {
            return false;
        }
        row->seq = rules[i].ref.seq;
        row->letters = rules[i].letters;
        (*count)++;
    }
    *out = rows;
    return true;
}

static int by_class(const void *a, const void *b)
{
    const struct retention_row *x = a;
    const struct retention_row *y = b;

    return slice_compare(x->rule.class, y->rule.class);
}

static bool is_there(struct keeper *k, struct slice class, struct arena *arena, bool *there,
                     struct error *e)
{
    OWN(catalog) struct catalog *c = NULL;
    struct retention_row *rows = NULL;
    size_t count = 0;

    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &c, e) ||
        !read_rows(k, c, false, arena, &rows, &count, e)) {
        return false;
    }
    *there = false;
    for (size_t i = 0; i < count; i++) {
        *there = *there || slice_equal(rows[i].rule.class, class);
    }
    return true;
}

bool keeper_on_rule_remove(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct retention_remove_ask *ask = r->ask;
    OWN(arena) struct arena arena = {.max = LIST_ARENA};
    struct writing *w = arena_alloc(r->arena, sizeof(*w));
    bool there = false;

    w->admin = keeper_admin_of(ctx, r);
    w->arena = r->arena;
    if (!wants_reason(ask->reason, e) || !is_there(ctx, ask->class, &arena, &there, e)) {
        return false;
    }
    if (!there) {
        return error_set(e, ERROR_INPUT,
                         "there is no class `%.*s`; `postern retention list` shows those there are",
                         SLICE_ARG(ask->class));
    }
    const struct rule rule = {.class = ask->class,
                              .removed = true,
                              .by = w->admin->caller.by,
                              .at = w->admin->caller.at,
                              .role = w->admin->role,
                              .reason = ask->reason};
    struct act act = {
        .verb = SLICE("retention remove"), .object = ask->class, .reason = ask->reason};
    return put(w, RECORD_RULE, &rule_schema, &rule, e) && put_act(w, &act, e) && append(w, e);
}

/* ── listing ── */

/* A copy that lives as long as the request. */
static bool copy_out(const struct cbor_schema *schema, const void *from, struct arena *arena,
                     void *to, size_t *bytes, struct error *e)
{
    OWN(buf) struct buf body = {.max = 2 * RETENTION_RULE_BYTES};

    cbor_write(&body, schema, from);
    *bytes += body.len;
    return cbor_read(arena_copy(arena, buf_slice(&body)), schema, arena, to, e);
}

static bool fill_rows(const struct retention_list_ask *ask, const struct retention_row *rows,
                      size_t count, struct arena *arena, struct retention_list_answer *answer,
                      struct error *e)
{
    struct retention_row *out = arena_array(arena, ANSWER_ROWS, sizeof(*out));
    size_t n = 0;
    size_t bytes = 0;

    for (size_t i = 0; i < count && !answer->more; i++) {
        bool wanted = ask->class.len ? slice_equal(rows[i].rule.class, ask->class)
                                     : slice_compare(rows[i].rule.class, ask->after) > 0;
        answer->more = wanted && (n == ANSWER_ROWS || bytes >= ANSWER_BYTES);
        if (wanted && !answer->more) {
            out[n] = rows[i];
            if (!copy_out(&rule_schema, &rows[i].rule, arena, &out[n++].rule, &bytes, e)) {
                return false;
            }
        }
    }
    answer->rows = (struct cbor_list){out, n};
    return true;
}

bool keeper_on_rule_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper_admin_of(ctx, r)->keeper;
    struct retention_list_answer *answer = r->answer;
    OWN(arena) struct arena arena = {.max = LIST_ARENA};
    OWN(catalog) struct catalog *c = NULL;
    struct catalog_retention_counts counts;
    struct retention_row *rows = NULL;
    size_t count = 0;

    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &c, e) ||
        !read_rows(k, c, true, &arena, &rows, &count, e) ||
        !catalog_retention_counts(c, (uint64_t)clock_wall_ms(), &counts, e) ||
        !retention_left(k, c, &answer->left, e)) {
        return false;
    }
    qsort(rows, count, sizeof(*rows), by_class);
    answer->letters = counts.letters;
    answer->unruled = counts.unruled;
    answer->for_ever = counts.for_ever;
    answer->ended = counts.ended;
    return fill_rows(r->ask, rows, count, r->arena, answer, e);
}

/* ── dates ── */

static struct slice lower(struct slice s, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, s.len + 1);

    for (size_t i = 0; i < s.len; i++) {
        copy[i] = ascii_lower(s.ptr[i]);
    }
    return slice_of(copy, s.len);
}

bool keeper_on_rule_date(void *ctx, struct ipc_request *r, struct error *e)
{
    struct rule_date date = *(const struct rule_date *)r->ask;
    struct writing *w = arena_alloc(r->arena, sizeof(*w));
    OWN(buf) struct buf day = {.max = 32};

    w->admin = keeper_admin_of(ctx, r);
    w->arena = r->arena;
    date.key = lower(slice_trim(date.key), r->arena);
    date.date = date.removed ? 0 : date.date;
    date.by = w->admin->caller.by;
    date.at = w->admin->caller.at;
    date.role = w->admin->role;
    if (!wants_reason(date.reason, e)) {
        return false;
    }
    if (date.key.len == 0 || date.date > INT64_MAX) {
        return error_set(e, ERROR_INPUT, "a date needs an account or a case whose it is");
    }
    w->dates = !date.removed;
    retention_day_write((int64_t)date.date, &day);
    struct act act = {.verb = SLICE("retention date"),
                      .object = date.key,
                      .reason = date.reason,
                      .detail = date.removed ? SLICE("removed") : buf_slice(&day)};
    return put(w, RECORD_DATE, &rule_date_schema, &date, e) && put_act(w, &act, e) && append(w, e);
}

static int by_key(const void *a, const void *b)
{
    const struct rule_date *x = a;
    const struct rule_date *y = b;

    return slice_compare(x->key, y->key);
}

bool keeper_on_rule_dates(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper_admin_of(ctx, r)->keeper;
    const struct retention_dates_ask *ask = r->ask;
    struct retention_dates_answer *answer = r->answer;
    struct rule_date *out = arena_array(r->arena, ANSWER_ROWS, sizeof(*out));
    OWN(arena) struct arena arena = {.max = LIST_ARENA};
    OWN(catalog) struct catalog *c = NULL;
    struct ledger_ref *refs = NULL;
    size_t count = 0;
    size_t n = 0;
    size_t bytes = 0;

    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &c, e) ||
        !catalog_rule_dates(c, &arena, &refs, &count, e)) {
        return false;
    }
    struct rule_date *all = arena_array(&arena, count + 1, sizeof(*all));
    for (size_t i = 0; i < count; i++) {
        if (!keeper_read(k, refs[i], &rule_date_schema, &arena, &all[i], e)) {
            return false;
        }
    }
    qsort(all, count, sizeof(*all), by_key);
    for (size_t i = 0; i < count && !answer->more; i++) {
        bool wanted = !all[i].removed && slice_compare(all[i].key, ask->after) > 0;
        answer->more = wanted && (n == ANSWER_ROWS || bytes >= ANSWER_BYTES);
        if (wanted && !answer->more &&
            !copy_out(&rule_date_schema, &all[i], r->arena, &out[n++], &bytes, e)) {
            return false;
        }
    }
    answer->dates = (struct cbor_list){out, n};
    return true;
}
