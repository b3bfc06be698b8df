#include "keeper/publish.h"

#include <openssl/sha.h>

#include "base/clock.h"
#include "base/log.h"

#include "config/settings.h"
#include "host/resolver.h"
#include "keeper/internal.h"
#include "keeper/own_domain.h"
#include "keeper/publish_plan.h"
#include "requests/zone_update.h"

#define EXCHANGE_MS 10000
#define IPC_MORE_MS 5000
#define ANSWER_MAX  ((size_t)1 << 20)
#define LOOK_MAX    ((size_t)32 << 20) /* of memory for one judgement, whatever the DNS says */
#define THERE_MAX   ((size_t)64 << 10) /* octets of one name, as many as a message has */
#define DETAIL_MAX  1000
#define NAMES_MAX   (2 * ZONE_RECORDS_MAX)

static const struct settings *settings_of(struct keeper *k)
{
    return k->options.settings(k->options.context);
}

/* ── one run ── */

/* The records of one name and type. */
struct group {
    struct slice name;
    enum zone_type type;
    const struct zone_record *record; /* the first of them; NULL: there are ours alone, which go */
    struct slice wanted[ZONE_UPDATE_RECORDS_MAX];
    size_t n_wanted;
    const struct update_settings *section;
    struct slice there[ZONE_UPDATE_RECORDS_MAX];
    size_t n_there;
    bool alias;
    struct publish_plan plan;
    struct own_publish_row *row;
};

struct run {
    struct keeper *keeper;
    const struct settings *settings;
    const struct publish_wish *wish;
    struct arena *arena;
    struct own_domain own;
    struct published ours;
    struct group *groups;
    size_t n_groups;
    struct own_publish_row *rows;
    size_t n_rows;
    const struct update_settings *dead; /* its server could not be asked: it is not asked again, */
    struct slice why;                   /* and why */
};

static struct own_publish_row *add_row(struct run *r, struct slice name, struct slice type,
                                       enum own_publish_mark mark, struct slice what)
{
    struct own_publish_row *row = r->n_rows < OWN_PUBLISH_MAX
                                      ? &r->rows[r->n_rows++]
                                      : arena_alloc(r->arena, sizeof(*row)); /* not told */

    *row = (struct own_publish_row){.name = name, .type = type, .mark = mark, .what = what};
    return row;
}

static enum publish_company company_of(const struct group *g)
{
    return !g->record                          ? PUBLISH_ALONE
           : g->record->kind == ZONE_KIND_SPF  ? PUBLISH_ONE_SPF
           : g->record->kind == ZONE_KIND_DANE ? PUBLISH_TOGETHER
                                               : PUBLISH_ALONE;
}

static struct group *group_for(struct run *r, struct slice name, enum zone_type type)
{
    for (size_t i = 0; i < r->n_groups; i++) {
        if (r->groups[i].type == type && slice_equal_nocase(r->groups[i].name, name)) {
            return &r->groups[i];
        }
    }
    struct group *g = &r->groups[r->n_groups++];
    g->name = name;
    g->type = type;
    g->section = settings_update(r->settings, name);
    return g;
}

/* Why a record is left to a person; NULL: it is not. */
static const char *left_why(const struct run *r, const struct zone_record *record)
{
    const struct update_settings *u = settings_update(r->settings, record->name);

    if (!u) {
        return "no [dns-update] has this name in its zone";
    }
    if (!settings_update_has(u, publish_setting_of(record->kind))) {
        return "`records` of its [dns-update] does not name it";
    }
    return record->kind == ZONE_KIND_SPF && r->settings->smarthost.present
               ? "which SPF record is right says your smart host's operator"
               : NULL;
}

/* A key that is destroyed, or is about to be. */
static bool is_retired(const struct run *r, struct slice name, enum zone_type type,
                       struct slice rdata)
{
    const struct published_row *row = publish_find(&r->ours, name, type, rdata);

    return row && row->retired;
}

static void add_wanted(struct run *r, const struct zone_record *record)
{
    OWN(buf) struct buf rdata = {.max = ZONE_UPDATE_RDATA_MAX};
    enum zone_type type;

    if (r->wish->keys_only && record->kind != ZONE_KIND_DKIM) {
        return;
    }
    const char *left = left_why(r, record);
    if (left) {
        add_row(r, record->name, record->type, OWN_PUBLISH_LEFT, slice_text(left));
        return;
    }
    if (!zone_rdata(record, &rdata, &type) ||
        is_retired(r, record->name, type, buf_slice(&rdata))) {
        return;
    }
    struct group *g = group_for(r, record->name, type);
    g->record = g->record ? g->record : record;
    if (g->n_wanted < ZONE_UPDATE_RECORDS_MAX) {
        g->wanted[g->n_wanted++] = arena_copy(r->arena, buf_slice(&rdata));
    }
}

/* Of each name with records of ours that are to go. */
static void add_retired(struct run *r)
{
    const struct published_row *rows = r->ours.rows.items;

    for (size_t i = 0; i < r->ours.rows.count && r->n_groups < NAMES_MAX; i++) {
        if (rows[i].retired && publish_does_keys(r->settings, r->wish->domain)) {
            (void)group_for(r, rows[i].name, (enum zone_type)rows[i].type);
        }
    }
}

static int64_t patience(const struct run *r)
{
    int64_t left = r->wish->deadline_ms - clock_steady_ms();

    return left < EXCHANGE_MS ? left : EXCHANGE_MS;
}

static void give_up(struct run *r, struct group *g, uint64_t state, struct slice why)
{
    g->row->mark = OWN_PUBLISH_FAILED;
    g->row->what = letter_text(r->arena, why, OWN_PUBLISH_TEXT);
    if (state != ZONE_UPDATE_MOVED && state != ZONE_UPDATE_NAME) {
        r->dead = g->section;
        r->why = g->row->what;
    }
}

/* ── asking ── */

/* What the server has of it. */
static bool read_there(struct run *r, struct group *g)
{
    OWN(arena) struct arena scratch = {.max = ANSWER_MAX};
    const struct zone_read_ask ask = {g->section->zone, g->name, g->type,
                                      (uint64_t)(patience(r) > 0 ? patience(r) : 1)};
    struct zone_read_answer answer = {0};
    struct error e;

    if (r->dead == g->section) {
        give_up(r, g, ZONE_UPDATE_MOVED, r->why);
        return false;
    }
    bool asked = ipc_call(r->keeper->options.courier, &zone_read, &ask, -1, &answer, NULL, &scratch,
                          EXCHANGE_MS + IPC_MORE_MS, &e);
    if (!asked || answer.state != ZONE_UPDATE_DONE) {
        give_up(r, g, asked ? answer.state : ZONE_UPDATE_FAILED,
                asked ? answer.why : slice_text(e.text));
        return false;
    }
    const struct zone_rdata *records = answer.records.items;
    size_t octets = 0;
    for (size_t i = 0; i < answer.records.count; i++) {
        octets += records[i].rdata.len;
        if (octets > THERE_MAX) {
            give_up(r, g, ZONE_UPDATE_NAME, SLICE("the records at the name are too long"));
            return false;
        }
        g->there[g->n_there++] = arena_copy(r->arena, records[i].rdata);
    }
    g->alias = answer.alias;
    return true;
}

/* How the judgement gets what is there: from what the server said, all else from the DNS. */
struct seen {
    const struct group *group;
    struct zone_lookup other;
};

static void look_there(void *context, struct slice name, enum zone_type type, struct arena *arena,
                       struct zone_answer *out)
{
    const struct seen *s = context;
    const struct group *g = s->group;

    if (type != g->type || !slice_equal_nocase(name, g->name)) {
        s->other.ask(s->other.context, name, type, arena, out);
        return;
    }
    *out = (struct zone_answer){.found = g->n_there ? ZONE_FOUND : ZONE_NOTHING,
                                .items = arena_array(arena, g->n_there + 1, sizeof(struct slice))};
    for (size_t i = 0; i < g->n_there; i++) {
        struct slice text = g->there[i];
        if (type != ZONE_TXT || dns_txt_read(g->there[i], arena, &text)) {
            out->items[out->n_items++] = text;
        }
    }
}

/* Somebody else's record: does it do as well? */
static void judge_other(struct run *r, struct group *g)
{
    OWN(arena) struct arena scratch = {.max = LOOK_MAX};
    struct seen seen = {g, own_domain_lookup(&r->own)};
    const struct zone_lookup lookup = {look_there, &seen};
    struct zone_verdict verdict = {.mark = ZONE_WRONG};

    if (g->alias) {
        verdict.what = SLICE("the name is an alias");
    } else {
        zone_judge(g->record, &r->own.facts, &lookup, &scratch, &verdict);
    }
    if (verdict.mark == ZONE_MISSING) {
        verdict.what = SLICE("it is none of the kind");
    }
    bool does = verdict.mark == ZONE_GOOD || verdict.mark == ZONE_ADVICE;
    struct slice what = letter_text(r->arena, verdict.what, OWN_PUBLISH_TEXT / 2);
    g->row->mark = does ? OWN_PUBLISH_KEPT : OWN_PUBLISH_BLOCKED;
    g->row->what =
        arena_printf(r->arena, "somebody else's record is there, and stays: %.*s", SLICE_ARG(what));
    g->row->mend =
        does ? SLICE_NONE : SLICE("take it away or mend it where it was made, then publish again");
}

static void plan(struct run *r, struct group *g)
{
    static const enum own_publish_mark marks[] = {
        [PUBLISH_NOTHING] = OWN_PUBLISH_SAME,    [PUBLISH_PUT] = OWN_PUBLISH_PUT,
        [PUBLISH_CHANGE] = OWN_PUBLISH_CHANGED,  [PUBLISH_REMOVE] = OWN_PUBLISH_REMOVED,
        [PUBLISH_BLOCKED] = OWN_PUBLISH_BLOCKED,
    };
    const struct publish_facts facts = {.name = g->name,
                                        .type = g->type,
                                        .company = company_of(g),
                                        .alias = g->alias,
                                        .there = g->there,
                                        .n_there = g->n_there,
                                        .wanted = g->wanted,
                                        .n_wanted = g->n_wanted,
                                        .ours = &r->ours};

    publish_plan(&facts, r->arena, &g->plan);
    g->row->mark = marks[g->plan.act];
    if (g->plan.act == PUBLISH_BLOCKED) {
        judge_other(r, g);
    }
}

static struct slice type_text(const struct group *g)
{
    return g->type == ZONE_TXT ? SLICE("TXT") : g->type == ZONE_SRV ? SLICE("SRV") : SLICE("TLSA");
}

static void look_at_all(struct run *r)
{
    for (size_t i = 0; i < r->n_groups; i++) {
        struct group *g = &r->groups[i];
        g->row = add_row(r, g->name, type_text(g), OWN_PUBLISH_FAILED, SLICE_NONE);
        if (read_there(r, g)) {
            plan(r, g);
        }
    }
}

/* ── doing ── */

static bool changes(const struct group *g)
{
    return g->row->mark == OWN_PUBLISH_PUT || g->row->mark == OWN_PUBLISH_CHANGED ||
           g->row->mark == OWN_PUBLISH_REMOVED;
}

static bool stands(const struct group *g)
{
    return changes(g) || g->row->mark == OWN_PUBLISH_SAME;
}

static void remember(struct run *r, struct published_row *rows, const struct group *g)
{
    for (size_t i = 0; i < g->n_wanted && r->ours.rows.count < PUBLISHED_MAX; i++) {
        if (!publish_find(&r->ours, g->name, g->type, g->wanted[i])) {
            uint8_t *digest = arena_alloc(r->arena, PUBLISHED_DIGEST_LEN);
            (void)SHA256(g->wanted[i].ptr, g->wanted[i].len, digest);
            rows[r->ours.rows.count++] = (struct published_row){
                .name = g->name, .type = g->type, .digest = slice_of(digest, PUBLISHED_DIGEST_LEN)};
        }
    }
}

/* What is there as we want it is ours from now on, whoever put it there; what is about to be put there as well. */
static bool remember_all(struct run *r, struct error *e)
{
    struct published_row *rows = arena_array(r->arena, PUBLISHED_MAX, sizeof(*rows));
    const struct published_row *former = r->ours.rows.items;
    size_t before = r->ours.rows.count;

    for (size_t i = 0; i < before; i++) {
        rows[i] = former[i];
    }
    r->ours.rows.items = rows;
    for (size_t i = 0; i < r->n_groups; i++) {
        if (stands(&r->groups[i])) {
            remember(r, rows, &r->groups[i]);
        }
    }
    return r->ours.rows.count == before || publish_keep(r->keeper, r->wish->domain, &r->ours, e);
}

static bool is_among(struct slice digest, const struct slice *records, size_t n)
{
    uint8_t of[PUBLISHED_DIGEST_LEN];

    for (size_t i = 0; i < n; i++) {
        (void)SHA256(records[i].ptr, records[i].len, of);
        if (slice_equal(digest, SLICE_ARRAY(of))) {
            return true;
        }
    }
    return false;
}

/* Of a name that was dealt with, what is wanted no more is there no more. */
static bool is_gone(const struct run *r, const struct published_row *row)
{
    for (size_t i = 0; i < r->n_groups; i++) {
        const struct group *g = &r->groups[i];
        if (row->type == g->type && slice_equal_nocase(row->name, g->name)) {
            return stands(g) && !is_among(row->digest, g->wanted, g->n_wanted);
        }
    }
    return false;
}

static bool forget_gone(struct run *r, struct error *e)
{
    struct published_row *rows = r->ours.rows.items;
    size_t kept = 0;

    for (size_t i = 0; i < r->ours.rows.count; i++) {
        if (!is_gone(r, &rows[i])) {
            rows[kept++] = rows[i];
        }
    }
    bool same = kept == r->ours.rows.count;
    r->ours.rows.count = kept;
    return same || publish_keep(r->keeper, r->wish->domain, &r->ours, e);
}

static struct slice detail_of(struct run *r)
{
    static const char *const words[] = {[OWN_PUBLISH_PUT] = "put",
                                        [OWN_PUBLISH_CHANGED] = "replace",
                                        [OWN_PUBLISH_REMOVED] = "take away"};
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < r->n_groups; i++) {
        const struct group *g = &r->groups[i];
        if (changes(g)) {
            text =
                arena_printf(r->arena, "%.*s%s%s %.*s %.*s", SLICE_ARG(text), text.len ? ", " : "",
                             words[g->row->mark], SLICE_ARG(g->row->type), SLICE_ARG(g->name));
        }
    }
    return letter_text(r->arena, text, DETAIL_MAX);
}

/* Before anything is sent. */
static bool record(struct run *r, struct error *e)
{
    struct act act = {.by = SLICE("postern"),
                      .verb = SLICE("domain publish"),
                      .object = r->wish->domain,
                      .reason = r->wish->reason,
                      .detail = detail_of(r)};

    if (act.detail.len == 0) {
        return true;
    }
    return r->wish->admin
               ? keeper_admin_act(r->wish->admin, &act, e)
               : keeper_record_one(r->keeper, LEDGER_PATIENT, RECORD_ADMIN, &act_schema, &act, e);
}

static struct cbor_list rdata_list(struct run *r, const struct slice *records, size_t n)
{
    struct zone_rdata *items = arena_array(r->arena, n + 1, sizeof(*items));

    for (size_t i = 0; i < n; i++) {
        items[i].rdata = records[i];
    }
    return (struct cbor_list){items, n};
}

static void write_there(struct run *r, struct group *g)
{
    OWN(arena) struct arena scratch = {.max = ANSWER_MAX};
    const struct zone_write_ask ask = {.zone = g->section->zone,
                                       .name = g->name,
                                       .type = g->type,
                                       .ttl_s = (uint64_t)g->section->ttl_ms / 1000,
                                       .was = rdata_list(r, g->there, g->n_there),
                                       .remove = rdata_list(r, g->plan.remove, g->plan.n_remove),
                                       .add = rdata_list(r, g->plan.add, g->plan.n_add),
                                       .timeout_ms = (uint64_t)(patience(r) > 0 ? patience(r) : 1)};
    struct zone_write_answer answer = {0};
    struct error e;

    if (!ipc_call(r->keeper->options.courier, &zone_write, &ask, -1, &answer, NULL, &scratch,
                  EXCHANGE_MS + IPC_MORE_MS, &e)) {
        give_up(r, g, ZONE_UPDATE_FAILED, slice_text(e.text));
    } else if (answer.state == ZONE_UPDATE_REFUSED) {
        give_up(r, g, ZONE_UPDATE_MOVED, answer.why); /* others may be taken */
    } else if (answer.state != ZONE_UPDATE_DONE) {
        give_up(r, g, answer.state, answer.why);
    }
}

static bool act(struct run *r, struct error *e)
{
    if (!remember_all(r, e) || !record(r, e)) {
        return false;
    }
    for (size_t i = 0; i < r->n_groups; i++) {
        struct group *g = &r->groups[i];
        if (!changes(g)) {
            continue;
        }
        if (r->dead == g->section) {
            give_up(r, g, ZONE_UPDATE_MOVED, r->why);
        } else {
            write_there(r, g);
        }
    }
    if (!forget_gone(r, e)) { /* the next run does; what was sent is reported */
        log_event(LOG_WARNING, "publish.not_kept", LOG_TEXT("reason", e->text));
    }
    return true;
}

bool publish_domain(struct keeper *k, const struct publish_wish *wish, struct arena *arena,
                    struct publish_report *out, struct error *e)
{
    struct run r = {.keeper = k,
                    .settings = settings_of(k),
                    .wish = wish,
                    .arena = arena,
                    .groups = arena_array(arena, NAMES_MAX, sizeof(struct group)),
                    .rows = arena_array(arena, OWN_PUBLISH_MAX, sizeof(struct own_publish_row))};
    struct zone_record *wanted = NULL;

    if (!own_domain_gather(k, wish->domain, wish->deadline_ms, arena, &r.own, e) ||
        !publish_read(k, wish->domain, arena, &r.ours, e)) {
        return false;
    }
    size_t n = zone_wanted(&r.own.facts, arena, &wanted);
    for (size_t i = 0; i < n; i++) {
        add_wanted(&r, &wanted[i]);
    }
    add_retired(&r);
    look_at_all(&r);
    if (!wish->dry_run && !act(&r, e)) {
        return false;
    }
    *out = (struct publish_report){r.rows, r.n_rows};
    return true;
}
