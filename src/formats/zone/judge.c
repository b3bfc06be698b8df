#include "formats/zone/spf.h"
#include "formats/zone/tags.h"
#include "formats/zone/zone.h"

#define SHOWN 200 /* bytes of a record in a sentence */

/* One judgement under way. */
struct judging {
    const struct zone_record *record;
    const struct zone_facts *facts;
    const struct zone_lookup *lookup;
    struct arena *arena;
    struct zone_answer answer;
    struct zone_verdict *out;
};

static void say(struct judging *j, enum zone_mark mark, struct slice what, struct slice mend)
{
    *j->out = (struct zone_verdict){mark, what, mend};
}

const char *zone_mark_name(uint64_t mark)
{
    static const char *const names[] = {"?", "good", "advice", "missing", "wrong", "unknown"};

    return names[mark <= ZONE_UNKNOWN ? mark : 0];
}

/* ── SPF ── */

static const char *spf_name(enum spf_result result)
{
    static const char *const names[] = {"none",     "neutral",   "pass",      "fail",
                                        "softfail", "temperror", "permerror", "unknown"};

    return names[result];
}

static enum zone_mark mark_of(enum spf_result result)
{
    switch (result) {
    case SPF_PASS:
        return ZONE_GOOD;
    case SPF_NONE:
        return ZONE_MISSING;
    case SPF_TEMPERROR:
    case SPF_UNKNOWN:
        return ZONE_UNKNOWN;
    case SPF_NEUTRAL:
    case SPF_FAIL:
    case SPF_SOFTFAIL:
    case SPF_PERMERROR:
        return ZONE_WRONG;
    }
    return ZONE_UNKNOWN;
}

/* Whether anybody at all may send: an address for documentation (RFC 5737) is nobody's. */
static bool spf_is_open(struct judging *j)
{
    static const uint8_t nobody[] = {203, 0, 113, 77};
    struct slice why;

    return spf_check(j->lookup, j->facts->domain, SLICE_ARRAY(nobody), j->arena, &why) == SPF_PASS;
}

static void judge_spf(struct judging *j)
{
    const struct zone_facts *f = j->facts;
    static const uint8_t nobody[] = {203, 0, 113, 77};
    struct slice why = SLICE_NONE;
    enum spf_result result = SPF_NEUTRAL;

    if (spf_is_open(j)) {
        say(j, ZONE_WRONG, SLICE("everybody may send for this domain"),
            SLICE("let the record end in `-all`"));
        return;
    }
    if (f->smarthost || f->n_addresses == 0) {
        result = spf_check(j->lookup, f->domain, SLICE_ARRAY(nobody), j->arena, &why);
        bool there = result == SPF_FAIL || result == SPF_SOFTFAIL || result == SPF_NEUTRAL;
        say(j, there ? ZONE_GOOD : mark_of(result),
            there
                ? SLICE("a record is there; whether it names who sends for us cannot be seen here")
                : why,
            there ? SLICE_NONE : j->record->note);
        return;
    }
    for (size_t i = 0; i < f->n_addresses; i++) {
        result = spf_check(j->lookup, f->domain, f->addresses[i], j->arena, &why);
        if (result != SPF_PASS) {
            break;
        }
    }
    say(j, mark_of(result),
        arena_printf(j->arena, "%s: %.*s", spf_name(result), SLICE_ARG(slice_head(why, SHOWN))),
        result == SPF_PASS ? SLICE_NONE
                           : SLICE("publish or widen it, so that this server may send"));
}

/* ── texts: exactly one of a version ── */

/* The one text that begins so; false when the verdict is said already. */
static bool the_one(struct judging *j, const char *version, struct slice *text, struct tags *tags)
{
    size_t count = 0;

    for (size_t i = 0; i < j->answer.n_items; i++) {
        if (tags_begin(j->answer.items[i], version)) {
            *text = j->answer.items[i];
            count++;
        }
    }
    if (count == 0) {
        say(j, ZONE_MISSING, SLICE("nothing is published"), SLICE("publish the record"));
    } else if (count > 1) {
        say(j, ZONE_WRONG, SLICE("there are several records, so that none counts"),
            SLICE("leave one"));
    } else if (!tags_read(*text, tags)) {
        say(j, ZONE_WRONG,
            arena_printf(j->arena, "it cannot be read: %.*s", SLICE_ARG(slice_head(*text, SHOWN))),
            SLICE("publish the record as `postern domain dns` prints it"));
    } else {
        return true;
    }
    return false;
}

/* Compare base64 but for blanks between. */
static bool is_same(struct slice a, struct slice b)
{
    size_t i = 0;
    size_t k = 0;

    for (; i < a.len || k < b.len;) {
        if (i < a.len && (a.ptr[i] == ' ' || a.ptr[i] == '\t')) {
            i++;
        } else if (i < a.len && k < b.len && a.ptr[i] == b.ptr[k]) {
            i++, k++;
        } else {
            return false;
        }
    }
    return true;
}

/* k= is rsa where it is left out, and s= anything (RFC 6376 section 3.6.1). */
static bool is_for_us(const struct judging *j, const struct tags *tags)
{
    const struct slice *k = tags_find(tags, "k");
    const struct slice *s = tags_find(tags, "s");
    bool rsa = j->record->key->algorithm == DKIM_RSA_SHA256;
    bool kind = k ? slice_equal_nocase(*k, rsa ? SLICE("rsa") : SLICE("ed25519")) : rsa;
    bool mail = !s;
    struct slice rest = s ? *s : SLICE_NONE;

    while (rest.len) {
        struct slice service = slice_trim(slice_cut(rest, ':', &rest));
        mail =
            mail || slice_equal(service, SLICE("*")) || slice_equal_nocase(service, SLICE("email"));
    }
    return kind && mail;
}

static void judge_key(struct judging *j, const struct tags *tags, struct slice wanted)
{
    const struct slice *p = tags_find(tags, "p");
    const struct slice *h = tags_find(tags, "h");
    const struct slice *t = tags_find(tags, "t");
    struct tags ours;

    if (!p || !tags_read(wanted, &ours)) {
        say(j, ZONE_WRONG, SLICE("it has no key (p=)"), SLICE("publish it again"));
    } else if (p->len == 0) {
        say(j, ZONE_WRONG, SLICE("the key is marked as revoked (p= is empty)"),
            SLICE("publish the key, or make a new one: `postern dkim new`"));
    } else if (!is_same(*p, *tags_find(&ours, "p"))) {
        say(j, ZONE_WRONG, SLICE("another key is published than the one we sign with"),
            SLICE("publish ours: `postern dkim dns`"));
    } else if (!is_for_us(j, tags)) {
        say(j, ZONE_WRONG, SLICE("k= or s= say that it is of another kind or use"),
            SLICE("publish it as it is printed"));
    } else if (h && slice_find(*h, '2') == h->len) {
        say(j, ZONE_WRONG, SLICE("it does not allow SHA-256 (h=)"), SLICE("publish it again"));
    } else if (t && slice_find(*t, 'y') < t->len) {
        say(j, ZONE_ADVICE, SLICE("it says that it is a test (t=y)"), SLICE("take t=y away"));
    } else {
        say(j, ZONE_GOOD, SLICE("our key is published"), SLICE_NONE);
    }
}

/* A record without v= is one as well (RFC 6376 section 3.6.1). */
static void judge_dkim(struct judging *j)
{
    struct slice text = j->answer.n_items ? j->answer.items[0] : SLICE_NONE;
    struct tags tags;
    bool bare = j->answer.n_items == 1 && tags_read(text, &tags) && !tags_find(&tags, "v");

    if (bare || the_one(j, "v=DKIM1", &text, &tags)) {
        judge_key(j, &tags, j->record->data);
    } else if (j->out->mark == ZONE_MISSING && j->record->optional) {
        j->out->what = SLICE("not published yet; nothing is signed with it");
    }
}

static bool has_old_tags(const struct tags *tags)
{
    return tags_find(tags, "pct") || tags_find(tags, "rf") || tags_find(tags, "ri");
}

static void judge_dmarc(struct judging *j)
{
    struct slice text = SLICE_NONE;
    struct tags tags;

    if (!the_one(j, "v=DMARC1", &text, &tags)) {
        return;
    }
    const struct slice *p = tags_find(&tags, "p");
    const struct slice *t = tags_find(&tags, "t");
    const struct slice *sp = tags_find(&tags, "sp");
    bool strict = p && (slice_equal_nocase(*p, SLICE("reject")) ||
                        slice_equal_nocase(*p, SLICE("quarantine")));
    if (!strict) {
        say(j, ZONE_ADVICE, SLICE("p=none: whoever sends as you is delivered all the same"),
            SLICE("p=reject; t=y at first, then without t=y"));
    } else if (sp && slice_equal_nocase(*sp, SLICE("none"))) {
        say(j, ZONE_ADVICE,
            SLICE("sp=none: whoever sends as a name below your domain is delivered all the same"),
            SLICE("take sp= away: p= then counts for those names as well"));
    } else if (has_old_tags(&tags)) {
        say(j, ZONE_ADVICE, SLICE("pct=, rf= and ri= mean nothing any more (RFC 9989)"),
            SLICE("take them away; t=y is the careful way in"));
    } else if (t && slice_equal_nocase(*t, SLICE("y"))) {
        say(j, ZONE_ADVICE, SLICE("it is a test (t=y): receivers do less than it says"),
            SLICE("take t=y away when the reports show nobody but you"));
    } else if (!tags_find(&tags, "rua")) {
        say(j, ZONE_ADVICE, SLICE("nobody gets the reports (rua=)"), SLICE("name an address"));
    } else {
        say(j, ZONE_GOOD,
            arena_printf(j->arena, "p=%.*s, with reports", SLICE_ARG(slice_head(*p, SHOWN))),
            SLICE_NONE);
    }
}

static void judge_tlsrpt(struct judging *j)
{
    struct slice text = SLICE_NONE;
    struct tags tags;

    if (!the_one(j, "v=TLSRPTv1", &text, &tags)) {
        return;
    }
    const struct slice *rua = tags_find(&tags, "rua");
    bool usable = rua && (slice_starts_nocase(*rua, SLICE("mailto:")) ||
                          slice_starts_nocase(*rua, SLICE("https:")));
    say(j, usable ? ZONE_GOOD : ZONE_WRONG,
        usable ? SLICE("others know where to report to") : SLICE("rua= names no mailto: or https:"),
        usable ? SLICE_NONE : SLICE("name an address"));
}

static void judge_sts(struct judging *j)
{
    struct slice text = SLICE_NONE;
    struct tags tags;

    if (!the_one(j, "v=STSv1", &text, &tags)) {
        return;
    }
    const struct slice *id = tags_find(&tags, "id");
    bool sound = id && id->len >= 1 && id->len <= 32;
    say(j, sound ? ZONE_GOOD : ZONE_WRONG,
        sound ? SLICE("a policy is announced; whether the file is served is not looked at here")
              : SLICE("id= is missing or longer than 32"),
        sound ? SLICE_NONE : SLICE("publish the record as it is printed"));
}

/* ── SRV and TLSA: RDATA ── */

/* The target of an SRV record is at its end, as labels; compared with a host name. */
static bool names_host(struct slice rdata, struct slice host, uint64_t port)
{
    if (rdata.len < 7 || (uint64_t)(rdata.ptr[4] << 8 | rdata.ptr[5]) != port) {
        return false;
    }
    rdata = slice_from(rdata, 6);
    while (rdata.len && rdata.ptr[0]) {
        size_t len = rdata.ptr[0];
        struct slice label = slice_head(slice_from(rdata, 1), len);
        if (!slice_equal_nocase(label, slice_cut(host, '.', &host))) {
            return false;
        }
        rdata = slice_from(rdata, len + 1);
    }
    return host.len == 0;
}

static void judge_service(struct judging *j)
{
    bool implicit = slice_starts(j->record->name, SLICE("_submissions."));
    uint64_t port = implicit ? j->facts->implicit_port : j->facts->starttls_port;
    bool ours = false;

    for (size_t i = 0; i < j->answer.n_items; i++) {
        ours = ours || names_host(j->answer.items[i], j->facts->hostname, port);
    }
    if (j->answer.n_items == 0) {
        say(j, ZONE_MISSING, SLICE("nothing is published"),
            SLICE("publish it, and mail clients find this server by themselves"));
    } else {
        say(j, ours ? ZONE_GOOD : ZONE_ADVICE,
            ours ? SLICE("it leads here") : SLICE("it leads to another server or port than ours"),
            SLICE_NONE);
    }
}

/* RFC 6698 section 2.1: usage, selector, matching type, data. */
static bool is_ours(const struct zone_facts *f, struct slice rdata)
{
    static const uint8_t kind[] = {3, 1, 1};

    for (size_t i = 0; i < f->n_tls; i++) {
        if (slice_starts(rdata, SLICE_ARRAY(kind)) &&
            slice_equal(slice_from(rdata, sizeof(kind)), f->tls[i])) {
            return true;
        }
    }
    return false;
}

static void judge_dane(struct judging *j)
{
    bool ours = false;

    for (size_t i = 0; i < j->answer.n_items; i++) {
        ours = ours || is_ours(j->facts, j->answer.items[i]);
    }
    if (j->answer.n_items == 0) {
        say(j, ZONE_MISSING, SLICE("nothing is published"), SLICE("only if DNSSEC signs the zone"));
    } else if (!ours) {
        say(j, ZONE_WRONG,
            SLICE("no record is of the key in use: who looks at them is turned away"),
            SLICE("publish ours, or take them all away"));
    } else if (!j->answer.secure) {
        say(j, ZONE_ADVICE, SLICE("it is ours, but DNSSEC does not prove it: nobody may use it"),
            SLICE("sign the zone"));
    } else {
        say(j, ZONE_GOOD, SLICE("our key is published, and DNSSEC proves it"), SLICE_NONE);
    }
}

void zone_judge(const struct zone_record *record, const struct zone_facts *facts,
                const struct zone_lookup *lookup, struct arena *arena, struct zone_verdict *out)
{
    static void (*const judges[])(struct judging *) = {
        [ZONE_KIND_SPF] = judge_spf,     [ZONE_KIND_DKIM] = judge_dkim,
        [ZONE_KIND_DMARC] = judge_dmarc, [ZONE_KIND_TLSRPT] = judge_tlsrpt,
        [ZONE_KIND_STS] = judge_sts,     [ZONE_KIND_SERVICE] = judge_service,
        [ZONE_KIND_DANE] = judge_dane,
    };
    enum zone_type type = slice_equal(record->type, SLICE("SRV"))    ? ZONE_SRV
                          : slice_equal(record->type, SLICE("TLSA")) ? ZONE_TLSA
                                                                     : ZONE_TXT;
    struct judging j = {
        .record = record, .facts = facts, .lookup = lookup, .arena = arena, .out = out};

    lookup->ask(lookup->context, record->name, type, arena, &j.answer);
    if (j.answer.found == ZONE_FAILED) {
        say(&j, ZONE_UNKNOWN, SLICE("the DNS does not answer"), SLICE("try again later"));
        return;
    }
    judges[record->kind](&j);
}
