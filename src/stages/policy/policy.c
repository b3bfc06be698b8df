#include "stages/policy/policy.h"

#include "base/buf.h"

#include "conditions/conditions.h"
#include "conditions/labels.h"
#include "formats/smtp/address.h"

#define WHY_MAX 900 /* bytes of a reason; the record takes 1000 */

static const enum rung rungs[] = {
    [SETTING_METHOD_SMIME] = RUNG_SMIME,
    [SETTING_METHOD_OPENPGP] = RUNG_OPENPGP,
    [SETTING_METHOD_ATTACHMENTS] = RUNG_ATTACHMENTS,
    [SETTING_METHOD_AUTHENTICATED] = RUNG_AUTHENTICATED,
    [SETTING_METHOD_VERIFIED] = RUNG_VERIFIED,
    [SETTING_METHOD_ENCRYPTED] = RUNG_ENCRYPTED,
    [SETTING_METHOD_CLEARTEXT] = RUNG_CLEARTEXT,
};

enum tls_level policy_level(enum setting_tls tls)
{
    switch (tls) {
    case SETTING_TLS_CLEARTEXT:
        return LEVEL_CLEARTEXT;
    case SETTING_TLS_VERIFIED:
        return LEVEL_VERIFIED;
    case SETTING_TLS_AUTHENTICATED:
        return LEVEL_AUTHENTICATED;
    case SETTING_TLS_ENCRYPTED:
    case SETTING_TLS_DEFAULT:
        return LEVEL_ENCRYPTED;
    }
    return LEVEL_VERIFIED;
}

/* ── what [domain], outbound-tls and [smarthost] say ── */

/* As settings and the DNS name it. What no such name is comes back from delivery. */
static struct slice canonical(struct slice domain, struct arena *arena)
{
    uint8_t text[SMTP_DOMAIN_MAX];
    size_t len = 0;
    struct error ignored = {0};

    return smtp_domain_canonical(domain, text, &len, &ignored)
               ? arena_copy(arena, slice_of(text, len))
               : domain;
}

static struct slice endpoint_text(const struct config_endpoint *host, struct arena *arena)
{
    bool v6 = slice_find(host->host, ':') < host->host.len;

    return arena_printf(arena, v6 ? "[%.*s]:%u" : "%.*s:%u", SLICE_ARG(host->host), host->port);
}

/* The way to a recipient, before any policy. */
struct way {
    struct ruling r; /* domain, level, route and reason */
    bool named;      /* a [domain] section says the level */
    bool smarthost;
};

static struct way way_of(struct slice domain, const struct settings *s, struct arena *arena)
{
    const struct domain_settings *own = settings_domain(s, domain);
    struct way w = {.r.domain = domain, .named = own && own->tls != SETTING_TLS_DEFAULT};

    w.r.level = policy_level(settings_domain_tls(s, domain));
    w.r.reason = own && w.named ? arena_printf(arena, "[domain %.*s] tls", SLICE_ARG(own->name))
                                : SLICE("outbound-tls");
    if (own && own->route.port) {
        w.r.route = endpoint_text(&own->route, arena);
    } else if (s->smarthost.present) {
        w.smarthost = true;
        w.r.route = endpoint_text(&s->smarthost.host, arena);
        w.r.level = s->smarthost.tls == SETTING_SMARTHOST_NONE ? LEVEL_CLEARTEXT : LEVEL_VERIFIED;
        w.r.reason = SLICE("[smarthost] tls");
    }
    return w;
}

/* ── one recipient ── */

/* A letter while it is decided. */
struct deciding {
    const struct policy_letter *letter;
    const struct settings *settings;
    struct arena *arena;
    struct cbor_list labels;
    bool *meets;       /* for each [policy] section: the conditions about the letter hold */
    struct slice *why; /* and which those are */
};

static struct slice or_else(struct slice why, const char *words)
{
    return why.len ? slice_head(why, WHY_MAX) : slice_text(words);
}

static bool content_works(enum rung rung, const struct recipient_state *state, struct slice *why,
                          bool *over)
{
    const struct recipient_fact *fact = rung == RUNG_SMIME     ? &state->smime
                                        : rung == RUNG_OPENPGP ? &state->openpgp
                                                               : &state->secret;

    *over = fact->over && !fact->usable;
    *why = or_else(fact->why, fact->usable ? "it can be used" : "nothing is known of it");
    return fact->usable;
}

static bool is_authentic(struct deciding *d, const struct recipient_state *state, struct slice *why)
{
    *why = or_else(state->transport_why, "nothing proves which servers are the domain's");
    if (state->transport == TRANSPORT_UNKNOWN) {
        *why = arena_printf(d->arena, "nothing known speaks against it: %.*s", SLICE_ARG(*why));
    }
    return state->transport != TRANSPORT_NONE;
}

static bool connection_works(struct deciding *d, enum rung rung, const struct way *w,
                             const struct recipient_state *state, struct slice *why)
{
    if (w->smarthost && rung == RUNG_AUTHENTICATED) {
        *why = SLICE("it goes by the smart host: beyond it nothing is known");
        return false;
    }
    if (w->smarthost && (uint64_t)rung > w->r.level) {
        *why = SLICE("the smart host is spoken to without TLS");
        return false;
    }
    if (rung == RUNG_AUTHENTICATED) {
        return is_authentic(d, state, why);
    }
    *why = rung == RUNG_CLEARTEXT ? SLICE("the policy names it for this recipient")
           : w->smarthost         ? SLICE("as far as the smart host; beyond it nothing is known")
                                  : SLICE("nothing known speaks against it");
    return true;
}

/* The floor that a step about the connection sets: below what [domain] says never, below outbound-tls only for whom the section
 * names. */
static uint64_t floor_of(const struct policy_settings *p, enum rung rung, const struct way *w)
{
    bool may_lower = !w->named && !w->smarthost && p->when.recipients.count + p->when.domains.count;

    return may_lower || (uint64_t)rung > w->r.level ? (uint64_t)rung : w->r.level;
}

static bool is_content(enum rung rung)
{
    return rung >= RUNG_SMIME && rung < RUNG_HOLD;
}

/* None of the steps worked: as `otherwise` says. */
static struct ruling_try stop(const struct policy_settings *p, const struct recipient_state *state,
                              bool uncleaned, struct ruling *r)
{
    bool back = p->otherwise == SETTING_OTHERWISE_RETURN;

    r->hold = true;
    r->guard = back ? GUARD_RETURN : GUARD_POLICY;
    if (uncleaned) { /* who lets it go lets go what stays */
        r->clean = state->partly ? (uint64_t)CLEAN_REMOVE : (uint64_t)CLEAN_NOT;
    }
    return (struct ruling_try){back ? RUNG_RETURN : RUNG_HOLD,
                               uncleaned ? slice_head(state->uncleaned, WHY_MAX)
                                         : or_else(p->reason, "none of the steps works")};
}

/* Go down the steps of a section until one works. */
static void climb(struct deciding *d, const struct policy_settings *p, const struct way *w,
                  const struct recipient_state *state, struct ruling *r)
{
    const int *methods = p->methods.items;
    struct ruling_try *tried = arena_array(d->arena, SETTINGS_METHODS_MAX + 1, sizeof(*tried));
    size_t n = 0;
    bool works = false;
    bool uncleaned = r->clean && state->uncleaned.len;
    bool over = uncleaned;

    for (size_t i = 0; i < p->methods.count && n < SETTINGS_METHODS_MAX && !works && !over; i++) {
        enum rung rung = rungs[methods[i]];
        tried[n].rung = rung;
        works = is_content(rung) ? content_works(rung, state, &tried[n].why, &over)
                                 : connection_works(d, rung, w, state, &tried[n].why);
        if (works && is_content(rung)) {
            r->method = rung;
        } else if (works) {
            r->level = floor_of(p, rung, w);
        }
        n++;
    }
    if (!works) {
        tried[n++] = stop(p, state, uncleaned, r);
    }
    r->tried = (struct cbor_list){tried, n};
}

/* He has a key, or may have one, and it could not be had for as long as a letter waits: it does not leave without. */
static void stop_unsigned(struct deciding *d, struct slice why, struct ruling *r)
{
    const struct ruling_try *old = r->tried.items;
    struct ruling_try *tried = arena_array(d->arena, r->tried.count + 1, sizeof(*tried));

    for (size_t i = 0; i < r->tried.count; i++) {
        tried[i] = old[i];
    }
    tried[r->tried.count] =
        (struct ruling_try){RUNG_HOLD, arena_printf(d->arena, "it cannot be signed: %.*s",
                                                    SLICE_ARG(slice_head(why, WHY_MAX / 2)))};
    r->tried = (struct cbor_list){tried, r->tried.count + 1};
    r->hold = true;
    r->guard = GUARD_POLICY;
}

/* Who signs it, or why somebody does not; of our own notices nothing is said. */
static void say_who_signs(struct deciding *d, const struct recipient_fact *fact, enum rung rung,
                          struct ruling *r)
{
    if (fact->why.len == 0) {
        return;
    }
    struct slice text =
        arena_printf(d->arena, "%.*s; %s%s: %.*s", SLICE_ARG(r->reason), fact->usable ? "" : "not ",
                     rung_name(rung), SLICE_ARG(fact->why));
    r->reason = letter_text(d->arena, text, WHY_MAX);
}

/* What leaves without being encrypted is signed by the first of its sender's keys that does; how it must travel is no other for it. */
static void add_signature(struct deciding *d, const struct recipient_state *state, struct ruling *r)
{
    const int *methods = d->settings->signing.methods.items;
    const struct recipient_fact *over = NULL;
    bool leaves = !guard_goes_back(r->guard);

    for (size_t i = 0; i < d->settings->signing.methods.count && leaves && !r->method; i++) {
        bool smime = methods[i] == SETTING_SIGN_SMIME;
        const struct recipient_fact *fact = smime ? &state->smime_signed : &state->openpgp_signed;
        enum rung rung = smime ? RUNG_SMIME_SIGNED : RUNG_OPENPGP_SIGNED;
        if (fact->usable) {
            r->method = rung;
        }
        over = fact->over && !over ? fact : over;
        say_who_signs(d, fact, rung, r);
    }
    if (over && leaves && !r->method && !r->hold) {
        stop_unsigned(d, over->why, r);
    }
}

/* Why it is held, for who reads the queue and for its sender. */
static struct slice why_stopped(struct deciding *d, const struct policy_settings *p,
                                const struct ruling *r)
{
    const struct ruling_try *tried = r->tried.items;
    OWN(buf) struct buf text = {.max = (size_t)16 << 10};

    buf_printf(&text, "%.*s%s(policy %.*s", SLICE_ARG(p->reason), p->reason.len ? " " : "",
               SLICE_ARG(p->name));
    for (size_t i = 0; i + 1 < r->tried.count; i++) {
        buf_printf(&text, "; not %s: %.*s", rung_name(tried[i].rung), SLICE_ARG(tried[i].why));
    }
    if (r->tried.count == 1) { /* no step was looked at */
        buf_printf(&text, "; its files: %.*s", SLICE_ARG(tried[0].why));
    }
    buf_add_text(&text, ")");
    return letter_text(d->arena, buf_slice(&text), WHY_MAX);
}

/* The first section that the letter and this recipient meet, or NULL. */
static const struct policy_settings *section_for(struct deciding *d,
                                                 const struct conditions_recipient *to,
                                                 struct slice *why)
{
    const struct policy_settings *all = d->settings->policies.items;

    for (size_t i = 0; i < d->settings->policies.count; i++) {
        OWN(buf) struct buf met = {.max = WHY_MAX};
        buf_add(&met, d->why[i]);
        if (d->meets[i] && conditions_recipients_hold(&all[i].when, d->settings, to, 1, &met)) {
            *why = arena_copy(d->arena, buf_slice(&met));
            return &all[i];
        }
    }
    return NULL;
}

static struct ruling decide_one(struct deciding *d, struct slice address,
                                const struct recipient_state *state)
{
    struct slice domain = canonical(letter_domain(address), d->arena);
    const struct conditions_recipient to = {address, domain};
    const struct way w = way_of(domain, d->settings, d->arena);
    struct ruling r = w.r;
    struct slice why = SLICE_NONE;

    if (d->settings->policies.count == 0 || d->letter->facts->kind == LETTER_NOTICE) {
        return r;
    }
    const struct policy_settings *p = section_for(d, &to, &why);
    if (!p) {
        r.reason =
            arena_printf(d->arena, "%.*s; no [policy] section is for it", SLICE_ARG(w.r.reason));
        return r;
    }
    r.policy = p->name;
    r.clean = p->metadata == SETTING_METADATA_REQUIRE  ? CLEAN_REQUIRE
              : p->metadata == SETTING_METADATA_REMOVE ? CLEAN_REMOVE
                                                       : CLEAN_NOT;
    climb(d, p, &w, state, &r);
    r.reason = r.hold
                   ? why_stopped(d, p, &r)
                   : letter_text(d->arena,
                                 arena_printf(d->arena, "[policy %.*s]%s%.*s", SLICE_ARG(p->name),
                                              why.len ? ": " : "", SLICE_ARG(why)),
                                 WHY_MAX);
    return r;
}

/* ── all of them ── */

/* Recipients' indexes of one ruling while they are gathered. */
struct group {
    struct ruling r;
    uint8_t *indexes;
    size_t count;
};

static bool same_steps(const struct ruling *a, const struct ruling *b)
{
    const struct ruling_try *x = a->tried.items;
    const struct ruling_try *y = b->tried.items;

    for (size_t i = 0; i < a->tried.count && i < b->tried.count; i++) {
        if (x[i].rung != y[i].rung) {
            return false;
        }
    }
    return a->tried.count == b->tried.count;
}

static bool same_outcome(const struct ruling *a, const struct ruling *b)
{
    return slice_equal(a->domain, b->domain) && slice_equal(a->policy, b->policy) &&
           a->method == b->method && a->clean == b->clean && a->level == b->level &&
           a->guard == b->guard && same_steps(a, b);
}

static bool holds_text(struct slice text, struct slice part)
{
    return part.len == 0 || (text.len && memmem(text.ptr, text.len, part.ptr, part.len));
}

/* What is said of one recipient stands beside what is said of the others. */
static void add_reasons(struct ruling *r, const struct ruling *more, struct arena *arena)
{
    struct ruling_try *tried = r->tried.items;
    const struct ruling_try *others = more->tried.items;

    for (size_t i = 0; i < r->tried.count; i++) {
        if (!holds_text(tried[i].why, others[i].why)) {
            struct slice both = arena_printf(arena, "%.*s; %.*s", SLICE_ARG(tried[i].why),
                                             SLICE_ARG(others[i].why));
            tried[i].why = letter_text(arena, both, WHY_MAX);
        }
    }
}

static struct group *find_group(struct group *groups, size_t count, const struct ruling *r)
{
    for (size_t i = 0; i < count; i++) {
        if (same_outcome(&groups[i].r, r)) {
            return &groups[i];
        }
    }
    return NULL;
}

static size_t gather(struct deciding *d, struct group *groups)
{
    static const struct recipient_state unknown = {0};
    const struct cbor_list *list = &d->letter->facts->recipients;
    const struct recipient *all = list->items;
    size_t n_groups = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct ruling r =
            decide_one(d, all[i].address, d->letter->states ? &d->letter->states[i] : &unknown);
        add_signature(d, d->letter->states ? &d->letter->states[i] : &unknown, &r);
        struct group *g = find_group(groups, n_groups, &r);
        if (g) {
            add_reasons(&g->r, &r, d->arena);
        } else {
            g = &groups[n_groups++];
            g->r = r;
            g->indexes = arena_alloc(d->arena, 2 * list->count);
        }
        g->indexes[2 * g->count] = (uint8_t)(i >> 8);
        g->indexes[2 * g->count + 1] = (uint8_t)i;
        g->count++;
    }
    return n_groups;
}

/* Judge the letter's part of every section's conditions, once for all recipients. */
static void judge_letter(struct deciding *d)
{
    const struct policy_settings *all = d->settings->policies.items;
    size_t n = d->settings->policies.count;
    const struct conditions_letter l = {d->letter->facts, d->letter->header, d->letter->findings,
                                        d->labels};

    d->meets = arena_array(d->arena, n + 1, sizeof(*d->meets));
    d->why = arena_array(d->arena, n + 1, sizeof(*d->why));
    for (size_t i = 0; i < n; i++) {
        OWN(buf) struct buf met = {.max = WHY_MAX};
        d->meets[i] = conditions_letter_holds(&all[i].when, &l, d->arena, &met);
        d->why[i] = arena_copy(d->arena, buf_slice(&met));
    }
}

void policy_decide(const struct policy_letter *l, const struct settings *settings,
                   struct arena *arena, struct decision *out)
{
    const struct facts *facts = l->facts;
    struct deciding d = {.letter = l, .settings = settings, .arena = arena};

    if (facts->drill) { /* without a ruling nothing comes into the queue */
        *out = (struct decision){.id = facts->id, .drill = true};
        return;
    }
    if (settings->labels.count && facts->kind != LETTER_NOTICE) {
        d.labels = labels_find(facts, l->header, settings, arena);
    }
    judge_letter(&d);
    struct group *groups = arena_array(arena, facts->recipients.count + 1, sizeof(*groups));
    size_t n_groups = gather(&d, groups);
    struct ruling *rulings = arena_array(arena, n_groups + 1, sizeof(*rulings));

    for (size_t i = 0; i < n_groups; i++) {
        rulings[i] = groups[i].r;
        rulings[i].recipients = slice_of(groups[i].indexes, 2 * groups[i].count);
    }
    *out = (struct decision){
        .id = facts->id, .rulings = {rulings, n_groups},
             .labels = d.labels
    };
}
