#include "formats/zone/spf.h"

#include <arpa/inet.h>

#define LOOKUPS_MAX 10
#define VOIDS_MAX   2
#define DEPTH_MAX   10
#define MX_MAX      10
#define IP_MAX      16

struct spf {
    const struct zone_lookup *lookup;
    struct slice ip;
    struct arena *arena;
    struct slice *why;
    unsigned lookups, voids;
};

/* One term taken apart: "~ip4:192.0.2.0/24" */
struct term {
    enum spf_result result; /* when it matches */
    struct slice name;
    struct slice value; /* behind ":" or "="; may be empty */
    bool modifier;
    unsigned bits4, bits6; /* of the prefix */
};

static enum spf_result check_host(struct spf *s, struct slice domain, unsigned depth);

bool spf_is(struct slice text)
{
    struct slice rest;

    return slice_equal_nocase(slice_cut(text, ' ', &rest), SLICE("v=spf1"));
}

static enum spf_result wrong(struct spf *s, struct slice why)
{
    *s->why = why;
    return SPF_PERMERROR;
}

/* Ask, and count: false when there were too many questions, or when the answer is none. */
static bool ask(struct spf *s, struct slice name, enum zone_type type, struct zone_answer *answer,
                enum spf_result *result)
{
    s->lookup->ask(s->lookup->context, name, type, s->arena, answer);
    if (answer->found == ZONE_FAILED) {
        *s->why = arena_printf(s->arena, "the DNS does not answer about %.*s", SLICE_ARG(name));
        *result = SPF_TEMPERROR;
        return false;
    }
    if (answer->n_items == 0 && ++s->voids > VOIDS_MAX) {
        *result = wrong(s, SLICE("more than two of its names have no records"));
        return false;
    }
    return true;
}

static bool is_within(struct slice ip, struct slice net, unsigned bits)
{
    if (ip.len != net.len || bits > 8 * ip.len) {
        return false;
    }
    size_t whole = bits / 8;
    uint8_t mask = (uint8_t)(0xff00u >> (bits % 8));
    return memcmp(ip.ptr, net.ptr, whole) == 0 &&
           (bits % 8 == 0 || (ip.ptr[whole] & mask) == (net.ptr[whole] & mask));
}

static bool in_addresses(struct spf *s, const struct term *t, const struct zone_answer *answer)
{
    for (size_t i = 0; i < answer->n_items; i++) {
        if (is_within(s->ip, answer->items[i], s->ip.len == 4 ? t->bits4 : t->bits6)) {
            return true;
        }
    }
    return false;
}

/* Each judges one mechanism: true with *result when that ends everything; *matches otherwise. */
typedef bool judge(struct spf *s, const struct term *t, struct slice domain, unsigned depth,
                   bool *matches, enum spf_result *result);

static bool judge_all(struct spf *s, const struct term *t, struct slice domain, unsigned depth,
                      bool *matches, enum spf_result *result)
{
    (void)s, (void)t, (void)domain, (void)depth, (void)result;
    *matches = true;
    return false;
}

static bool judge_ip(struct spf *s, const struct term *t, struct slice domain, unsigned depth,
                     bool *matches, enum spf_result *result)
{
    bool v4 = slice_equal_nocase(t->name, SLICE("ip4"));
    char text[INET6_ADDRSTRLEN] = {0};
    uint8_t net[IP_MAX];

    (void)domain, (void)depth;
    if (t->value.len && t->value.len < sizeof(text)) {
        (void)memcpy(text, t->value.ptr, t->value.len);
    }
    if (text[0] == 0 || inet_pton(v4 ? AF_INET : AF_INET6, text, net) != 1) {
        *result = wrong(s, arena_printf(s->arena, "`%.*s` is no address", SLICE_ARG(t->value)));
        return true;
    }
    *matches = is_within(s->ip, slice_of(net, v4 ? 4 : IP_MAX), v4 ? t->bits4 : t->bits6);
    return false;
}

static bool judge_a(struct spf *s, const struct term *t, struct slice domain, unsigned depth,
                    bool *matches, enum spf_result *result)
{
    struct zone_answer answer = {0};

    (void)depth;
    if (!ask(s, t->value.len ? t->value : domain, s->ip.len == 4 ? ZONE_A : ZONE_AAAA, &answer,
             result)) {
        return true;
    }
    *matches = in_addresses(s, t, &answer);
    return false;
}

static bool judge_mx(struct spf *s, const struct term *t, struct slice domain, unsigned depth,
                     bool *matches, enum spf_result *result)
{
    struct zone_answer hosts = {0};

    if (!ask(s, t->value.len ? t->value : domain, ZONE_MX, &hosts, result)) {
        return true;
    }
    if (hosts.n_items > MX_MAX) {
        *result = wrong(s, SLICE("`mx` names more than ten hosts"));
        return true;
    }
    for (size_t i = 0; i < hosts.n_items && !*matches; i++) {
        struct term one = *t;
        one.value = hosts.items[i];
        if (judge_a(s, &one, domain, depth, matches, result)) {
            return true;
        }
    }
    return false;
}

static bool judge_include(struct spf *s, const struct term *t, struct slice domain, unsigned depth,
                          bool *matches, enum spf_result *result)
{
    (void)domain;
    enum spf_result inner = check_host(s, t->value, depth + 1);

    switch (inner) {
    case SPF_PASS:
        *matches = true;
        return false;
    case SPF_FAIL:
    case SPF_SOFTFAIL:
    case SPF_NEUTRAL:
        return false;
    case SPF_NONE:
        *result = wrong(s, arena_printf(s->arena, "it includes %.*s, which has no SPF record",
                                        SLICE_ARG(t->value)));
        return true;
    case SPF_TEMPERROR:
    case SPF_PERMERROR:
    case SPF_UNKNOWN:
        break;
    }
    *result = inner;
    return true;
}

static bool judge_exists(struct spf *s, const struct term *t, struct slice domain, unsigned depth,
                         bool *matches, enum spf_result *result)
{
    struct zone_answer answer = {0};

    (void)domain, (void)depth;
    if (!ask(s, t->value, ZONE_A, &answer, result)) {
        return true;
    }
    *matches = answer.n_items > 0;
    return false;
}

/* Section 5.5: not to be used; nobody's letters depend on it here. */
static bool judge_ptr(struct spf *s, const struct term *t, struct slice domain, unsigned depth,
                      bool *matches, enum spf_result *result)
{
    (void)s, (void)t, (void)domain, (void)depth, (void)matches, (void)result;
    return false;
}

static const struct mechanism {
    const char *name;
    judge *judge;
    bool asks;  /* counts against the ten lookups */
    bool needs; /* a value */
} mechanisms[] = {
    {"all",     judge_all,     false, false},
    {"include", judge_include, true,  true },
    {"a",       judge_a,       true,  false},
    {"mx",      judge_mx,      true,  false},
    {"ip4",     judge_ip,      false, true },
    {"ip6",     judge_ip,      false, true },
    {"exists",  judge_exists,  true,  true },
    {"ptr",     judge_ptr,     true,  false},
};

static const struct mechanism *find(struct slice name)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        if (slice_equal_nocase(name, slice_text(mechanisms[i].name))) {
            return &mechanisms[i];
        }
    }
    return NULL;
}

/* "/24", "/24//64", "//64" at the end; false when a number is none. */
static bool take_prefixes(struct term *t, struct slice lengths)
{
    uint64_t bits4 = 32;
    uint64_t bits6 = 128;
    bool v6 = slice_equal_nocase(t->name, SLICE("ip6"));

    if (lengths.len && !slice_starts(lengths, SLICE("//"))) {
        struct slice first = slice_cut(slice_from(lengths, 1), '/', &lengths);
        if (!slice_decimal(first, v6 ? 128 : 32, v6 ? &bits6 : &bits4)) {
            return false;
        }
    } else {
        lengths = slice_from(lengths, 1);
    }
    if (lengths.len && !slice_decimal(slice_from(lengths, lengths.ptr[0] == '/'), 128, &bits6)) {
        return false;
    }
    t->bits4 = (unsigned)bits4;
    t->bits6 = (unsigned)bits6;
    return true;
}

static bool read_term(struct slice word, struct term *t)
{
    static const char signs[] = "+-~?";

    static const enum spf_result results[] = {SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL};

    size_t end = 0;

    *t = (struct term){.result = SPF_PASS};
    for (size_t i = 0; word.len && i < sizeof(results) / sizeof(results[0]); i++) {
        if (word.ptr[0] == (uint8_t)signs[i]) {
            t->result = results[i];
            word = slice_from(word, 1);
            break;
        }
    }
    while (end < word.len && word.ptr[end] != ':' && word.ptr[end] != '=' && word.ptr[end] != '/') {
        end++;
    }
    t->name = slice_head(word, end);
    word = slice_from(word, end);
    if (word.len && word.ptr[0] == '=') {
        t->modifier = true;
        t->value = slice_from(word, 1);
        return t->name.len > 0;
    }
    if (word.len && word.ptr[0] == ':') {
        word = slice_from(word, 1);
        size_t slash = slice_find(word, '/');
        t->value = slice_head(word, slash);
        word = slice_from(word, slash);
    }
    return t->name.len > 0 && take_prefixes(t, word);
}

/* A mechanism that exists and has what it needs. */
static bool is_mechanism(struct spf *s, const struct term *t, enum spf_result *result)
{
    const struct mechanism *m = find(t->name);
    bool matches = false;

    if (!m || (m->needs && t->value.len == 0)) {
        *result =
            wrong(s, arena_printf(s->arena, "`%.*s` is no mechanism of SPF, or lacks its value",
                                  SLICE_ARG(t->name)));
        return false;
    }
    return m->judge != judge_ip || !judge_ip(s, t, SLICE_NONE, 0, &matches, result);
}

/* One mechanism: true when it decides. */
static bool evaluate(struct spf *s, const struct term *t, struct slice domain, unsigned depth,
                     enum spf_result *result)
{
    const struct mechanism *m = find(t->name);
    bool matches = false;

    if (!m) { /* is_sound() saw that there is one */
        return false;
    }
    if (m->asks && ++s->lookups > LOOKUPS_MAX) {
        *result = wrong(s, SLICE("it takes more than ten lookups, so receivers give up"));
        return true;
    }
    if (slice_find(t->value, '%') < t->value.len) {
        *s->why = SLICE("its verdict depends on a macro, which is not expanded here");
        *result = SPF_UNKNOWN;
        return true;
    }
    if (m->judge(s, t, domain, depth, &matches, result)) {
        return true;
    }
    if (matches) {
        *s->why = arena_printf(s->arena, "`%.*s%s%.*s` of %.*s", SLICE_ARG(t->name),
                               t->value.len ? ":" : "", SLICE_ARG(t->value), SLICE_ARG(domain));
        *result = t->result;
    }
    return matches;
}

static enum spf_result follow(struct spf *s, struct slice domain, unsigned depth)
{
    if (slice_find(domain, '%') < domain.len) {
        *s->why = SLICE("its verdict depends on a macro, which is not expanded here");
        return SPF_UNKNOWN;
    }
    if (++s->lookups > LOOKUPS_MAX) {
        return wrong(s, SLICE("it takes more than ten lookups, so receivers give up"));
    }
    enum spf_result result = check_host(s, domain, depth + 1);
    return result == SPF_NONE ? wrong(s, SLICE("`redirect` leads to a domain without SPF"))
                              : result;
}

/* Section 4.6: what is wrong anywhere makes all of it an error, whatever matches before. */
static bool is_sound(struct spf *s, struct slice text, enum spf_result *result)
{
    unsigned redirects = 0;
    struct term t;

    while (text.len) {
        struct slice word = slice_cut(text, ' ', &text);
        if (word.len == 0) {
            continue;
        }
        if (!read_term(word, &t)) {
            *result = wrong(s, arena_printf(s->arena, "`%.*s` cannot be read", SLICE_ARG(word)));
            return false;
        }
        redirects += t.modifier && slice_equal_nocase(t.name, SLICE("redirect"));
        if (!t.modifier && !is_mechanism(s, &t, result)) {
            return false;
        }
    }
    if (redirects > 1) {
        *result = wrong(s, SLICE("it has more than one `redirect`"));
    }
    return redirects <= 1;
}

static enum spf_result walk(struct spf *s, struct slice text, struct slice domain, unsigned depth)
{
    struct slice redirect = SLICE_NONE;
    enum spf_result result = SPF_NEUTRAL;
    struct term t;

    (void)slice_cut(text, ' ', &text);
    if (!is_sound(s, text, &result)) {
        return result;
    }
    while (text.len) {
        struct slice word = slice_cut(text, ' ', &text);
        if (word.len == 0 || !read_term(word, &t)) {
            continue;
        }
        if (t.modifier) {
            redirect = slice_equal_nocase(t.name, SLICE("redirect")) ? t.value : redirect;
        } else if (evaluate(s, &t, domain, depth, &result)) {
            return result;
        }
    }
    *s->why = arena_printf(s->arena, "nothing in the record of %.*s matches", SLICE_ARG(domain));
    return redirect.len ? follow(s, redirect, depth) : SPF_NEUTRAL;
}

static enum spf_result check_host(struct spf *s, struct slice domain, unsigned depth)
{
    struct zone_answer answer = {0};
    const struct slice *record = NULL;
    enum spf_result result = SPF_NONE;

    if (depth > DEPTH_MAX) {
        return wrong(s, SLICE("its records include each other too deeply"));
    }
    if (!ask(s, domain, ZONE_TXT, &answer, &result)) {
        return result;
    }
    for (size_t i = 0; i < answer.n_items; i++) {
        if (spf_is(answer.items[i]) && record) {
            return wrong(s, arena_printf(s->arena, "%.*s has two SPF records", SLICE_ARG(domain)));
        }
        record = spf_is(answer.items[i]) ? &answer.items[i] : record;
    }
    return record ? walk(s, *record, domain, depth) : SPF_NONE;
}

enum spf_result spf_check(const struct zone_lookup *lookup, struct slice domain, struct slice ip,
                          struct arena *arena, struct slice *why)
{
    struct spf s = {.lookup = lookup, .ip = ip, .arena = arena, .why = why};

    *why = SLICE("there is no SPF record");
    return check_host(&s, domain, 0);
}
