#include <stddef.h>

#include "base/bytes.h"
#include "base/secret.h"

#include "formats/nsupdate/internal.h"

#define FIXED_LEN       10 /* of a record behind its name: type, class, TTL, length */
#define SECTIONS        4
#define RESPONSE        0x8000
#define TRUNCATED       0x0200
#define KNOWS           0x0400 /* AA */
#define OPCODE_OF       0x7800
#define RCODE_OF        0x000f
#define POINTER         0xc0
#define TSIG_FIXED      10 /* time, fudge, length of the MAC */
#define OTHER_MAX       64
#define MINIMUM_OF_TSIG 6 /* behind the MAC: id, error, length of other data */

/* A name while it is read. */
struct cursor {
    size_t from;
    size_t low;    /* a pointer leads to before here, so that a name ends */
    size_t behind; /* the first pointer; 0: there was none */
};

static bool follow(struct slice m, struct cursor *c)
{
    if (c->from + 2 > m.len) {
        return false;
    }
    size_t to = (size_t)(get16(m.ptr + c->from) & 0x3fff);
    bool back = to < c->low;
    c->behind = c->behind ? c->behind : c->from + 2;
    c->low = c->from = to;
    return back;
}

static bool add_label(struct slice m, struct cursor *c, uint8_t out[static NSUPDATE_NAME_MAX + 1],
                      size_t *len)
{
    size_t n = m.ptr[c->from];

    if (n > LABEL_MAX || c->from + 1 + n > m.len || *len + (*len > 0) + n > NSUPDATE_NAME_MAX) {
        return false;
    }
    if (*len) {
        out[(*len)++] = '.';
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t letter = ascii_lower(m.ptr[c->from + 1 + i]);
        out[(*len)++] = letter == '.' ? 0 : letter; /* a dot within a label is none between two */
    }
    c->from += 1 + n;
    return true;
}

/* The text of a name, in lower case, dots between; empty for the root. */
static bool read_name(struct slice m, size_t *at, uint8_t out[static NSUPDATE_NAME_MAX + 1],
                      size_t *len)
{
    struct cursor c = {.from = *at, .low = *at};

    *len = 0;
    while (c.from < m.len && m.ptr[c.from]) {
        bool leads = (m.ptr[c.from] & POINTER) == POINTER;
        if (!(leads ? follow(m, &c) : add_label(m, &c, out, len))) {
            return false;
        }
    }
    if (c.from >= m.len) {
        return false;
    }
    *at = c.behind ? c.behind : c.from + 1;
    return true;
}

struct record {
    size_t at; /* where it begins */
    uint8_t name[NSUPDATE_NAME_MAX + 1];
    size_t name_len;
    uint16_t type, class;
    uint32_t ttl_s;
    struct slice rdata;
};

static bool read_record(struct slice m, size_t *at, struct record *r)
{
    r->at = *at;
    if (!read_name(m, at, r->name, &r->name_len) || m.len - *at < FIXED_LEN) {
        return false;
    }
    const uint8_t *fixed = m.ptr + *at;
    size_t len = get16(fixed + 8);
    r->type = get16(fixed);
    r->class = get16(fixed + 2);
    r->ttl_s = get32(fixed + 4);
    *at += FIXED_LEN;
    if (m.len - *at < len) {
        return false;
    }
    r->rdata = slice_of(m.ptr + *at, len);
    *at += len;
    return true;
}

static bool is_named(const struct record *r, struct slice name)
{
    return slice_equal_nocase(slice_of(r->name, r->name_len), name);
}

/* The last record of all, when it is of this type. */
struct found {
    struct record last;
    bool any; /* it is in the additional section */
};

/* A record of the answer section. */
static bool take(const struct record *r, const struct nsupdate_asked *asked,
                 struct nsupdate_answer *out)
{
    if (asked->update || r->class != CLASS_IN || !is_named(r, asked->name)) {
        return true; /* behind an alias, perhaps */
    }
    out->alias = out->alias || r->type == TYPE_CNAME;
    if (r->type != asked->type) {
        return true;
    }
    if (out->n_records == NSUPDATE_RECORDS_MAX || r->rdata.len > NSUPDATE_RDATA_MAX) {
        out->crowded = true;
        return true;
    }
    out->records[out->n_records++] = r->rdata;
    return true;
}

/* The question must be ours; of a change it is the zone. */
static bool walk_questions(struct slice m, size_t *at, const struct nsupdate_asked *asked)
{
    size_t questions = get16(m.ptr + 4);

    for (size_t i = 0; i < questions; i++) {
        uint8_t name[NSUPDATE_NAME_MAX + 1];
        size_t len;
        if (!read_name(m, at, name, &len) || m.len - *at < 4) {
            return false;
        }
        bool ours = slice_equal_nocase(slice_of(name, len), asked->name) &&
                    get16(m.ptr + *at) == asked->type;
        if (!asked->update && !ours) {
            return false;
        }
        *at += 4;
    }
    return asked->update || questions == 1;
}

static bool walk(struct slice m, const struct nsupdate_asked *asked, struct nsupdate_answer *out,
                 struct found *found)
{
    size_t at = HEADER_LEN;

    if (!walk_questions(m, &at, asked)) {
        return false;
    }
    for (size_t section = 1; section < SECTIONS; section++) {
        size_t count = get16(m.ptr + 4 + 2 * section);
        for (size_t i = 0; i < count; i++) {
            if (!read_record(m, &at, &found->last) ||
                (section == 1 && !take(&found->last, asked, out))) {
                return false;
            }
            found->any = section == SECTIONS - 1;
        }
    }
    return at == m.len;
}

/* What stands in a TSIG record (RFC 8945 section 4.2). */
static bool read_tsig(const struct record *r, const struct nsupdate_key *key, struct tsig *t,
                      struct slice *mac, uint16_t *id)
{
    uint8_t algorithm[NSUPDATE_NAME_MAX + 1];
    size_t len;
    size_t at = 0;

    if (r->type != TYPE_TSIG || r->class != CLASS_ANY || r->ttl_s || !is_named(r, key->name) ||
        !read_name(r->rdata, &at, algorithm, &len) || r->rdata.len - at < TSIG_FIXED) {
        return false;
    }
    struct slice rest = slice_from(r->rdata, at);
    t->time_s = (uint64_t)get16(rest.ptr) << 32 | get32(rest.ptr + 2);
    t->fudge_s = get16(rest.ptr + 6);
    size_t mac_len = get16(rest.ptr + 8);
    rest = slice_from(rest, TSIG_FIXED);
    if (rest.len < mac_len || rest.len - mac_len < MINIMUM_OF_TSIG) {
        return false;
    }
    *mac = slice_head(rest, mac_len);
    rest = slice_from(rest, mac_len);
    *id = get16(rest.ptr);
    t->error = get16(rest.ptr + 2);
    t->other = slice_from(rest, MINIMUM_OF_TSIG);
    return get16(rest.ptr + 4) == t->other.len && t->other.len <= OTHER_MAX &&
           slice_equal_nocase(slice_of(algorithm, len), nsupdate_algorithm_name(key->algorithm));
}

static bool is_in_time(const struct tsig *t, uint64_t now_s)
{
    uint64_t apart = t->time_s > now_s ? t->time_s - now_s : now_s - t->time_s;

    return apart <= NSUPDATE_FUDGE_S;
}

/* Section 5.3.1: the MAC of the question, the message as it was before it was signed, and the variables. */
static bool is_proven(struct slice m, const struct record *last, const struct tsig *t,
                      struct slice mac, const struct nsupdate_asked *asked,
                      const struct nsupdate_key *key)
{
    OWN(buf) struct buf before = {.max = NSUPDATE_MESSAGE_MAX};
    uint8_t right[NSUPDATE_MAC_MAX];

    buf_add(&before, slice_head(m, last->at));
    if (before.full || before.len < HEADER_LEN) {
        return false;
    }
    put16(before.ptr + 10, (uint16_t)(get16(before.ptr + 10) - 1));
    size_t len =
        nsupdate_mac(key, slice_of(asked->mac, asked->mac_len), buf_slice(&before), t, right);
    return len && secret_equal(slice_of(right, len), mac);
}

enum nsupdate_verdict nsupdate_read(struct slice m, const struct nsupdate_asked *asked,
                                    const struct nsupdate_key *key, uint64_t now_s,
                                    struct arena *arena, struct nsupdate_answer *out)
{
    struct slice records[NSUPDATE_RECORDS_MAX];
    struct nsupdate_answer answer = {.records = records};
    struct found found = {0};
    struct tsig t = {0};
    struct slice mac = SLICE_NONE;
    uint16_t id = 0;

    if (m.len < HEADER_LEN || m.len > NSUPDATE_MESSAGE_MAX || get16(m.ptr) != asked->id) {
        return NSUPDATE_MALFORMED;
    }
    uint16_t flags = get16(m.ptr + 2);
    unsigned opcode = asked->update ? OPCODE_UPDATE : OPCODE_QUERY;
    if (!(flags & RESPONSE) || (flags & TRUNCATED) || (flags & OPCODE_OF) >> 11 != opcode ||
        !walk(m, asked, &answer, &found)) {
        return NSUPDATE_MALFORMED;
    }
    answer.rcode = flags & RCODE_OF;
    answer.authoritative = flags & KNOWS;
    bool has = found.any && read_tsig(&found.last, key, &t, &mac, &id);
    bool proven = has && id == asked->id && (t.error == 0 || t.error == NSUPDATE_BADTIME) &&
                  is_proven(m, &found.last, &t, mac, asked, key);
    answer.tsig_error = has ? t.error : 0;
    if (proven && !is_in_time(&t, now_s)) {
        answer.tsig_error = NSUPDATE_BADTIME;
        proven = false;
    }
    *out = answer;
    out->n_records = proven ? answer.n_records : 0;
    out->alias = proven && answer.alias;
    out->records = arena_array(arena, out->n_records + 1, sizeof(*out->records));
    for (size_t i = 0; i < out->n_records; i++) {
        out->records[i] = arena_copy(arena, records[i]);
    }
    return proven ? NSUPDATE_PROVEN : NSUPDATE_UNPROVEN;
}

const char *nsupdate_why(const struct nsupdate_answer *a)
{
    static const struct {
        unsigned code;
        const char *why;
    } rows[] = {
        {NSUPDATE_BADSIG,  "the server has another secret for this key: compare `key-file` with it"},
        {NSUPDATE_BADKEY,
         "the server does not know this key: compare `key-name` and `key-algorithm` with it"       },
        {NSUPDATE_BADTIME, "the server's clock and ours are more than five minutes apart"          },
        {NSUPDATE_REFUSED, "the server does not let this key do that"                              },
        {NSUPDATE_YXRRSET, "what is there has changed meanwhile"                                   },
        {NSUPDATE_NXRRSET, "what is there has changed meanwhile"                                   },
        {NSUPDATE_NOTAUTH, "the server does not take this key, or has no such zone"                },
        {NSUPDATE_NOTZONE, "the name is not in the server's zone"                                  },
        {1,                "the server does not understand the question"                           },
        {2,                "the server has a fault of its own (SERVFAIL)"                          },
        {4,                "the server takes no dynamic updates"                                   },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].code == (a->tsig_error ? a->tsig_error : a->rcode)) {
            return rows[i].why;
        }
    }
    return a->rcode || a->tsig_error ? "the server says no" : NULL;
}
