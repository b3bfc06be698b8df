/* The policy is a pure function: ten thousand letters under policies made at random are decided twice, with the same bytes, and as a
 * model of a few lines says, which knows nothing of how the module works and looks at each recipient for himself. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

#include "stages/policy/policy.h"
#include "tests/test.h"

#define POLICIES     400
#define LETTERS      25
#define SECTIONS_MAX 4
#define TO_MAX       5
#define MIDDLE       5000 /* bytes: letters are smaller or larger */

static const char *const domains[] = {"one.test", "two.test",
                                      "example.test"}; /* the last is ours */
static const char *const people[] = {"anna", "bert"};

/* Steps as the settings name them, and as records do; those from FIRST_LAST on end a list. */
#define FIRST_LAST 4

static const struct {
    const char *word;
    enum rung rung;
} steps[] = {
    {"smime",         RUNG_SMIME        },
    {"openpgp",       RUNG_OPENPGP      },
    {"attachments",   RUNG_ATTACHMENTS  },
    {"authenticated", RUNG_AUTHENTICATED},
    {"verified",      RUNG_VERIFIED     },
    {"encrypted",     RUNG_ENCRYPTED    },
    {"cleartext",     RUNG_CLEARTEXT    },
};

static const char *const level_words[] = {NULL, "cleartext", "encrypted", "verified",
                                          "authenticated"};

/* ── what is made at random ── */

static uint64_t seed = 20261130;

static unsigned any(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % n;
}

/* A section; -1: without that condition. */
struct section {
    int person, domain; /* `to` is both together, `to-domain` the latter alone */
    bool outside, large, group;
    bool returns;
    unsigned steps[8];
    size_t n_steps;
};

struct made {
    struct section sections[SECTIONS_MAX + 1];
    size_t n_sections;
    bool with_default; /* the last one is for all */
    unsigned outbound; /* levels; of [domain one.test] 0 when it says none */
    unsigned one;
    bool smarthost, smarthost_clear;
};

static void make_steps(struct section *s)
{
    bool used[FIRST_LAST] = {false};

    for (unsigned i = any(4); i > 0; i--) {
        unsigned step = any(FIRST_LAST);
        if (!used[step]) {
            used[step] = true;
            s->steps[s->n_steps++] = step;
        }
    }
    if (s->n_steps == 0 || any(3) == 0) {
        s->steps[s->n_steps++] = FIRST_LAST + any(s->domain >= 0 ? 3 : 2);
    }
}

static void make_section(struct section *s, bool for_all)
{
    *s = (struct section){.person = -1, .domain = -1, .returns = any(2)};
    if (!for_all) {
        s->domain = any(2) ? (int)any(3) : -1;
        s->person = s->domain >= 0 && any(2) ? (int)any(2) : -1;
        s->large = any(4) == 0;
        s->group = any(4) == 0;
        s->outside = (s->domain < 0 && !s->large && !s->group) || any(5) == 0;
    }
    make_steps(s);
}

static void make_policy(struct made *m)
{
    *m = (struct made){
        .n_sections = any(SECTIONS_MAX), .with_default = any(2), .outbound = 2 + any(3)};
    for (size_t i = 0; i < m->n_sections; i++) {
        make_section(&m->sections[i], false);
    }
    if (m->with_default) {
        make_section(&m->sections[m->n_sections++], true);
    }
    m->one = any(2) ? 1 + any(4) : 0;
    m->smarthost = any(4) == 0;
    m->smarthost_clear = any(2);
}

static void write_section(const struct section *s, size_t number, bool for_all, struct buf *out)
{
    if (for_all) {
        buf_add_text(out, "[policy default]\n");
    } else {
        buf_printf(out, "[policy p%zu]\n", number);
    }
    if (s->person >= 0) {
        buf_printf(out, "to = %s@%s\n", people[s->person], domains[s->domain]);
    } else if (s->domain >= 0) {
        buf_printf(out, "to-domain = %s\n", domains[s->domain]);
    }
    buf_add_text(out, s->outside ? "outside = yes\n" : "");
    buf_add_text(out, s->group ? "group = sales\n" : "");
    if (s->large) {
        buf_printf(out, "larger-than = %dB\n", MIDDLE);
    }
    buf_add_text(out, "methods = ");
    for (size_t i = 0; i < s->n_steps; i++) {
        buf_printf(out, "%s%s", i ? ", " : "", steps[s->steps[i]].word);
    }
    buf_printf(out, "\notherwise = %s\n", s->returns ? "return" : "hold");
}

static void read_settings(const struct made *m, struct arena *arena, struct settings *s)
{
    OWN(buf) struct buf text = {.max = 1 << 16};
    struct error e;

    buf_printf(&text,
               "domain = example.test\nhostname = mail.example.test\ndata-directory = /d\n"
               "tls-certificate = /c.pem\ntls-key = /k.pem\noutbound-tls = %s\n",
               level_words[m->outbound]);
    for (size_t i = 0; i < m->n_sections; i++) {
        write_section(&m->sections[i], i, m->with_default && i + 1 == m->n_sections, &text);
    }
    if (m->one) {
        buf_printf(&text, "[domain one.test]\ntls = %s\n", level_words[m->one]);
    }
    if (m->smarthost) {
        buf_printf(&text, "[smarthost]\nhost = relay.test:587\n%s",
                   m->smarthost_clear ? "tls = none\n" : "");
    }
    struct slice bytes = arena_copy(arena, buf_slice(&text));
    assert_ok(settings_read(bytes, "postern.conf", arena, s, NULL, &e), e);
}

struct letter {
    struct recipient to[TO_MAX];
    int person[TO_MAX], domain[TO_MAX];
    struct recipient_state states[TO_MAX];
    struct slice groups[1];
    struct facts facts;
};

static void make_letter(struct letter *l, struct arena *arena)
{
    size_t n = 1 + any(TO_MAX);

    *l = (struct letter){.groups = {SLICE("sales")}};
    for (size_t i = 0; i < n; i++) {
        struct recipient_state *s = &l->states[i];
        l->person[i] = (int)any(2);
        l->domain[i] = (int)any(3);
        l->to[i].address =
            arena_printf(arena, "%s@%s", people[l->person[i]], domains[l->domain[i]]);
        s->smime = (struct recipient_fact){.usable = any(3) == 0, .over = any(6) == 0};
        s->openpgp = (struct recipient_fact){.usable = any(3) == 0, .over = any(6) == 0};
        s->secret = (struct recipient_fact){.usable = any(3) == 0, .over = any(6) == 0};
        s->transport = (enum recipient_transport)any(5);
    }
    l->facts = (struct facts){
        .kind = LETTER_SUBMITTED,
        .account = SLICE("carl@example.test"),
        .reverse_path = SLICE("carl@example.test"),
        .size = any(2) ? MIDDLE + 1 : MIDDLE,
        .recipients = {l->to,     n     },
        .groups = {l->groups, any(2)}
    };
}

/* ── the model ── */

struct outcome_of {
    const struct section *section; /* NULL: none counts */
    size_t number;
    uint64_t level, method;
    bool stopped;
    uint64_t tried[10];
    size_t n_tried;
};

static const struct section *section_for(const struct made *m, const struct letter *l, size_t to,
                                         size_t *number)
{
    for (*number = 0; *number < m->n_sections; ++*number) {
        const struct section *s = &m->sections[*number];
        bool is_him = (s->domain < 0 || s->domain == l->domain[to]) &&
                      (s->person < 0 || s->person == l->person[to]) &&
                      (!s->outside || l->domain[to] != 2);
        bool is_it = (!s->large || l->facts.size > MIDDLE) && (!s->group || l->facts.groups.count);
        if (is_him && is_it) {
            return s;
        }
    }
    return NULL;
}

static bool works(const struct made *m, const struct recipient_state *s, uint64_t level,
                  uint64_t rung)
{
    switch (rung) {
    case RUNG_SMIME:
        return s->smime.usable;
    case RUNG_OPENPGP:
        return s->openpgp.usable;
    case RUNG_ATTACHMENTS:
        return s->secret.usable;
    default:
        break;
    }
    return m->smarthost ? rung != RUNG_AUTHENTICATED && rung <= level
                        : rung != RUNG_AUTHENTICATED || s->transport != TRANSPORT_NONE;
}

static bool is_end(const struct recipient_state *s, uint64_t rung)
{
    return (rung == RUNG_SMIME && s->smime.over && !s->smime.usable) ||
           (rung == RUNG_OPENPGP && s->openpgp.over && !s->openpgp.usable) ||
           (rung == RUNG_ATTACHMENTS && s->secret.over && !s->secret.usable);
}

/* One step of a section; true when it works. */
static bool take_step(const struct made *m, const struct recipient_state *state, uint64_t rung,
                      bool lowers, struct outcome_of *o)
{
    o->tried[o->n_tried++] = rung;
    if (!works(m, state, o->level, rung)) {
        return false;
    }
    if (rung >= RUNG_SMIME) {
        o->method = rung;
    } else if (lowers || rung > o->level) {
        o->level = rung;
    }
    return true;
}

static struct outcome_of model(const struct made *m, const struct letter *l, size_t to)
{
    const struct recipient_state *state = &l->states[to];
    bool named = m->one && l->domain[to] == 0;
    struct outcome_of o = {.level = named ? m->one : m->outbound};
    bool found = false;
    bool end = false;

    if (m->smarthost) {
        o.level = m->smarthost_clear ? LEVEL_CLEARTEXT : LEVEL_VERIFIED;
    }
    o.section = section_for(m, l, to, &o.number);
    for (size_t i = 0; o.section && i < o.section->n_steps && !found && !end; i++) {
        uint64_t rung = steps[o.section->steps[i]].rung;
        bool lowers = !named && !m->smarthost && o.section->domain >= 0;
        found = take_step(m, state, rung, lowers, &o);
        end = is_end(state, rung);
    }
    o.stopped = o.section && !found;
    if (o.stopped) {
        o.tried[o.n_tried++] = o.section->returns ? RUNG_RETURN : RUNG_HOLD;
    }
    return o;
}

/* ── both ── */

static const struct ruling *ruling_about(const struct decision *d, size_t to)
{
    const struct ruling *all = d->rulings.items;
    const struct ruling *found = NULL;

    for (size_t i = 0; i < d->rulings.count; i++) {
        for (size_t k = 1; k < all[i].recipients.len; k += 2) {
            if (all[i].recipients.ptr[k] == to) {
                assert_null(found); /* nobody gets a letter twice */
                found = &all[i];
            }
        }
    }
    if (!found) {
        fail_msg("nothing is decided about recipient %zu", to);
        abort();
    }
    return found;
}

static void compare(const struct made *m, const struct letter *l, size_t to,
                    const struct decision *d)
{
    const struct outcome_of o = model(m, l, to);
    const struct ruling *r = ruling_about(d, to);
    const struct ruling_try *tried = r->tried.items;
    char name[16] = "";

    if (o.section) {
        bool for_all = m->with_default && o.number + 1 == m->n_sections;
        (void)snprintf(name, sizeof(name), for_all ? "default" : "p%zu", o.number);
    }
    assert_slice(r->domain, domains[l->domain[to]]);
    assert_slice(r->policy, name);
    assert_int_equal(r->level, o.level);
    assert_int_equal(r->method, o.method);
    assert_int_equal(r->hold, o.stopped);
    assert_int_equal(r->guard, !o.stopped           ? GUARD_NONE
                               : o.section->returns ? GUARD_RETURN
                                                    : GUARD_POLICY);
    assert_int_equal(r->tried.count, o.n_tried);
    for (size_t i = 0; i < o.n_tried; i++) {
        assert_int_equal(tried[i].rung, o.tried[i]);
    }
}

static struct slice decide(const struct letter *l, const struct settings *s, struct arena *arena,
                           struct decision *d)
{
    const struct policy_letter known = {.facts = &l->facts, .states = l->states};
    OWN(buf) struct buf body = {.max = 1 << 20};

    policy_decide(&known, s, arena, d);
    cbor_write(&body, &decision_schema, d);
    assert_false(body.full);
    return arena_copy(arena, buf_slice(&body));
}

static void ten_thousand_letters(void **unused)
{
    (void)unused;
    for (unsigned p = 0; p < POLICIES; p++) {
        OWN(arena) struct arena arena = {.max = 1 << 24};
        struct settings settings;
        struct made made;
        make_policy(&made);
        read_settings(&made, &arena, &settings);
        for (unsigned n = 0; n < LETTERS; n++) {
            struct letter l;
            struct decision first;
            struct decision second;
            make_letter(&l, &arena);
            const struct letter before = l;
            struct slice bytes = decide(&l, &settings, &arena, &first);
            assert_true(slice_equal(bytes, decide(&l, &settings, &arena, &second)));
            assert_memory_equal(&before, &l, sizeof(l)); /* nothing of what is known was changed */
            for (size_t to = 0; to < l.facts.recipients.count; to++) {
                compare(&made, &l, to, &first);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_letters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
