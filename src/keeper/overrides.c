/* 1. What holds is in the state before it counts, and recorded before that.
 * 2. What is over counts nowhere, whether it was taken out of the state or not.
 *
 *     state row            says
 *     domain/overrides     all of them, at most OVERRIDES_MAX */
#include "keeper/overrides.h"

#include <pthread.h>

#include "base/clock.h"

#include "formats/smtp/address.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "requests/overrides.h"

#define ROW_NAME    SLICE("domain/overrides")
#define SAVED_MAX   (OVERRIDES_MAX * (OVERRIDE_REASON_MAX + 1024))
#define ARENA_BYTES ((size_t)1 << 20)
#define BY_MAX      320

struct overrides {
    pthread_mutex_t lock; /* guards what follows */
    struct arena arena;   /* of the rows' texts; made anew with each change */
    struct override_row *rows;
    size_t n;
};

struct saved {
    struct cbor_list rows;
};

static const struct cbor_field row_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct override_row, domain, SMTP_DOMAIN_MAX),
    CBOR_FIELD(2, CBOR_UINT, struct override_row, level, LEVEL_VERIFIED),
    CBOR_FIELD(3, CBOR_UINT, struct override_row, until, 0),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct override_row, by, BY_MAX),
    CBOR_OPTIONAL(5, CBOR_TEXT, struct override_row, reason, OVERRIDE_REASON_MAX),
};
static const struct cbor_schema row_schema = CBOR_SCHEMA(row_fields, struct override_row);

static const struct cbor_field saved_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct saved, rows, OVERRIDES_MAX, &row_schema),
};
static const struct cbor_schema saved_schema = CBOR_SCHEMA(saved_fields, struct saved);

static bool holds(const struct override_row *r)
{
    return (uint64_t)clock_wall_ms() < r->until;
}

/* Read the state's row into the arena; the caller holds the lock, or is alone. */
static bool load(struct keeper *k, struct overrides *o, struct error *e)
{
    struct slice value = SLICE_NONE;
    struct saved saved = {0};
    bool found = false;

    o->rows = NULL;
    o->n = 0;
    arena_reset(&o->arena);
    if (!state_value_get(k->state, ROW_NAME, &o->arena, &value, &found, e) ||
        (found && !cbor_read(value, &saved_schema, &o->arena, &saved, e))) {
        return false;
    }
    o->rows = saved.rows.items;
    o->n = saved.rows.count;
    return true;
}

bool overrides_open(struct keeper *k, struct error *e)
{
    struct overrides *o = calloc(1, sizeof(*o));

    if (!o) {
        arena_panic("overrides");
    }
    (void)pthread_mutex_init(&o->lock, NULL);
    arena_init(&o->arena, ARENA_BYTES);
    k->overrides = o;
    return load(k, o, e) || error_add(e, "overrides of domains");
}

void overrides_close(struct keeper *k)
{
    if (k->overrides) {
        arena_done(&k->overrides->arena);
        (void)pthread_mutex_destroy(&k->overrides->lock);
        free(k->overrides);
        k->overrides = NULL;
    }
}

/* Under the lock. */
static const struct override_row *find(const struct overrides *o, struct slice domain)
{
    for (size_t i = 0; i < o->n; i++) {
        if (slice_equal(o->rows[i].domain, domain) && holds(&o->rows[i])) {
            return &o->rows[i];
        }
    }
    return NULL;
}

uint64_t overrides_level(struct keeper *k, struct slice domain)
{
    (void)pthread_mutex_lock(&k->overrides->lock);
    const struct override_row *r = find(k->overrides, domain);
    uint64_t level = r ? r->level : 0;
    (void)pthread_mutex_unlock(&k->overrides->lock);
    return level;
}

uint64_t overrides_waived(struct keeper *k, const struct queue_entry *entry, const struct facts *f)
{
    uint64_t level = entry->smarthost || f->require_tls ? 0 : overrides_level(k, entry->domain);
    bool waives = f->tls_optional && !entry->smarthost && entry->level <= LEVEL_CLEARTEXT;

    return level ? level : waives ? entry->level : 0;
}

static struct override_row copy_of(const struct override_row *r, struct arena *arena)
{
    return (struct override_row){
        .domain = arena_copy(arena, r->domain),
        .level = r->level,
        .until = r->until,
        .by = arena_copy(arena, r->by),
        .reason = arena_copy(arena, r->reason),
    };
}

size_t overrides_list(struct keeper *k, struct arena *arena, struct override_row **rows)
{
    struct overrides *o = k->overrides;
    size_t n = 0;

    *rows = arena_array(arena, OVERRIDES_MAX, sizeof(**rows));
    (void)pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->n; i++) {
        if (holds(&o->rows[i])) {
            (*rows)[n++] = copy_of(&o->rows[i], arena);
        }
    }
    (void)pthread_mutex_unlock(&o->lock);
    return n;
}

/* Under the lock: write those that hold but for the domain's own, and `more` with them. */
static bool save(struct keeper *k, struct slice domain, const struct override_row *more,
                 struct arena *arena, struct error *e)
{
    struct overrides *o = k->overrides;
    OWN(buf) struct buf out = {.max = SAVED_MAX};
    struct override_row *rows = arena_array(arena, OVERRIDES_MAX + 1, sizeof(*rows));
    size_t n = 0;

    for (size_t i = 0; i < o->n && n < OVERRIDES_MAX; i++) {
        if (holds(&o->rows[i]) && !slice_equal(o->rows[i].domain, domain)) {
            rows[n++] = o->rows[i];
        }
    }
    if (more && n == OVERRIDES_MAX) {
        return error_set(e, ERROR_LIMIT, "%d domains have an override: end one of them first",
                         OVERRIDES_MAX);
    }
    if (more) {
        rows[n++] = *more;
    }
    const struct saved saved = {
        {rows, n}
    };
    cbor_write(&out, &saved_schema, &saved);
    if (out.full) {
        return error_set(e, ERROR_LIMIT, "overrides of domains: there is no room for more");
    }
    return state_value_put(k->state, ROW_NAME, buf_slice(&out), e) && load(k, o, e);
}

static bool check(const struct admin_override_ask *ask, struct error *e)
{
    if (ask->level == 0) {
        return true;
    }
    if (ask->level < LEVEL_ENCRYPTED) {
        return error_set(e, ERROR_INPUT,
                         "an override is `encrypted` or `verified`; cleartext needs "
                         "`tls = cleartext` in the domain's section");
    }
    if (ask->until <= (uint64_t)clock_wall_ms()) {
        return error_set(e, ERROR_INPUT,
                         "an override ends by itself: --until says when, in the future");
    }
    return ask->reason.len > 0 || error_set(e, ERROR_INPUT, "an override needs a --reason");
}

/* Nothing of the domain's counts where the smart host takes the letter, and that one gets our password. */
static bool has_own_servers(struct keeper *k, struct slice domain, struct error *e)
{
    const struct settings *s = k->options.settings(k->options.context);
    const struct domain_settings *own = settings_domain(s, domain);

    return !s->smarthost.present || (own && own->route.port) ||
           error_set(e, ERROR_INPUT,
                     "the smart host takes letters to this domain: no override changes what that "
                     "one must prove");
}

static bool record(struct keeper_admin *admin, const struct override_row *r, bool end,
                   struct error *e)
{
    char until[CLOCK_TEXT_MAX];
    OWN(arena) struct arena arena = {.max = 4096};

    clock_rfc3339((int64_t)r->until, until);
    struct act act = {
        .verb = SLICE("domain override"),
        .object = r->domain,
        .reason = r->reason,
        .detail = end ? SLICE("ended")
                      : arena_printf(&arena, "%s until %s",
                                     r->level == LEVEL_VERIFIED ? "verified" : "encrypted", until),
    };
    return keeper_admin_act(admin, &act, e);
}

bool keeper_on_override(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct admin_override_ask *ask = r->ask;
    struct admin_override_answer *answer = r->answer;
    uint8_t text[SMTP_DOMAIN_MAX];
    size_t len = 0;

    if (!smtp_domain_canonical(ask->domain, text, &len, e)) {
        return error_add(e, "this is no domain");
    }
    const struct override_row row = {
        .domain = slice_of(text, len),
        .level = ask->level,
        .until = ask->until,
        .by = slice_head(admin->caller.by, BY_MAX),
        .reason = ask->reason,
    };
    if (!check(ask, e) || (ask->level && !has_own_servers(k, row.domain, e))) {
        return false;
    }
    (void)pthread_mutex_lock(&k->overrides->lock);
    answer->found = find(k->overrides, row.domain) != NULL;
    bool end = ask->level == 0;
    bool done = (end && !answer->found) || (record(admin, &row, end, e) &&
                                            save(k, row.domain, end ? NULL : &row, r->arena, e));
    (void)pthread_mutex_unlock(&k->overrides->lock);
    return done;
}
