#include "verify/certificate.h"

#include "verify/cbor.h"
#include "verify/format.h"
#include "verify/lines.h"

#define FIRST_LINE "postern-disposal-certificate 1\n"

#define ID_BYTES  10
#define RANGE_LEN 12
#define TEXT_MAX  65536
#define LIST_MAX  1000
#define HOLDS_MAX 200
#define HOLD_NAME 64

#define TYPE_REMOVAL  26
#define TYPE_READING  34
#define TYPE_RULE     48
#define TYPE_REQUEST  52
#define TYPE_VERDICT  53
#define TYPE_DISPOSAL 54

#define KIND_ERASE       1
#define KIND_DISPOSAL    4
#define KIND_SUBJECT     5
#define VERDICT_APPROVED 1
#define VERDICT_DONE     4
#define VERDICT_FAILED   5
#define DISPOSAL_BEGUN   1

#define ID_MEMBER(key, optional_)                                                                  \
    {                                                                                              \
        key, MEMBER_BYTES, optional_, ID_BYTES, ID_BYTES                                           \
    }
#define TEXT(key, optional_)                                                                       \
    {                                                                                              \
        key, MEMBER_TEXT, optional_, 0, TEXT_MAX                                                   \
    }
#define BYTES(key, optional_)                                                                      \
    {                                                                                              \
        key, MEMBER_BYTES, optional_, 0, TEXT_MAX                                                  \
    }
#define UINT(key, optional_)                                                                       \
    {                                                                                              \
        key, MEMBER_UINT, optional_, 0, UINT64_MAX                                                 \
    }

/* docs/ledger-format.md section 11; members are found by their key. */
static const struct member request_members[] = {
    ID_MEMBER(1, false), UINT(2, false), BYTES(3, false), TEXT(4, false), TEXT(5, false),
    TEXT(6, true),       UINT(7, true),  TEXT(8, false),  UINT(9, false)};
static const struct member verdict_members[] = {ID_MEMBER(1, false), UINT(2, false), TEXT(3, true),
                                                TEXT(4, true),       UINT(5, true),  TEXT(6, true)};
static const struct member disposal_members[] = {
    ID_MEMBER(1, false),
    UINT(2, false),
    UINT(3, false),
    UINT(4, true),
    UINT(5, true),
    UINT(6, true),
    UINT(7, true),
    {8, MEMBER_LIST, true, 1, HOLDS_MAX},
    {9, MEMBER_TRUE, true, 0, 0        }
};
static const struct member asked_members[] = {UINT(1, false), UINT(2, true), UINT(3, true),
                                              UINT(4, true)};
static const struct member hold_members[] = {
    {1, MEMBER_TEXT, false, 1, HOLD_NAME},
    UINT(2, false)
};
static const struct member removal_members[] = {
    ID_MEMBER(1, false), TEXT(2, false), TEXT(3, false), {4, MEMBER_LIST, false, 1, LIST_MAX},
    UINT(5, false),      UINT(6, true),  TEXT(7, true),  ID_MEMBER(8, false)
};
static const struct member letter_members[] = {ID_MEMBER(1, false), UINT(2, false), BYTES(3, true),
                                               BYTES(4, true),      UINT(5, true),  BYTES(6, true)};
static const struct member act_members[] = {
    TEXT(1, false), TEXT(2, false), TEXT(3, true),
    TEXT(4, true),  UINT(5, true),  TEXT(6, true),
    UINT(7, true),  TEXT(8, true),  {9, MEMBER_TRUE, true, 0, 0}
};

#define COUNT(members) (sizeof(members) / sizeof((members)[0]))

static bool is_same(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || same(a.at, b.at, a.len));
}

/* ── what the records say ── */

static const char *take_request(struct certificate *c, const struct opened_record *r)
{
    struct value v[COUNT(request_members)];

    if (c->request.len) {
        return "it opens two requests";
    }
    if (!cbor_members(r->body, request_members, COUNT(request_members), v) ||
        (v[1].number != KIND_ERASE && v[1].number != KIND_DISPOSAL &&
         v[1].number != KIND_SUBJECT)) {
        return "its request is of no kind that destroys letters";
    }
    if (v[1].number == KIND_DISPOSAL) {
        struct value asked[COUNT(asked_members)];
        if (!cbor_members(v[2].bytes, asked_members, COUNT(asked_members), asked)) {
            return "its request does not say which letters";
        }
        c->before = asked[0].number;
    }
    c->request = v[0].bytes;
    c->disposal = v[1].number == KIND_DISPOSAL;
    c->asked_for = v[3].bytes;
    c->asked_by = v[4].bytes;
    c->because = v[7].bytes;
    c->asked_at = r->time;
    return NULL;
}

static const char *take_verdict(struct certificate *c, const struct opened_record *r)
{
    struct value v[COUNT(verdict_members)];

    if (!cbor_members(r->body, verdict_members, COUNT(verdict_members), v)) {
        return "a verdict in it cannot be read";
    }
    if (!is_same(v[0].bytes, c->request)) {
        return "a verdict in it is about another request";
    }
    if (v[1].number == VERDICT_APPROVED) {
        if (c->approved_by.len || !v[2].bytes.len || is_same(v[2].bytes, c->asked_by)) {
            return "it was not approved by a second person, once";
        }
        c->approved_by = v[2].bytes;
        c->approved_at = r->time;
        return NULL;
    }
    if (!c->approved_by.len || c->ended_at ||
        (v[1].number != VERDICT_DONE && v[1].number != VERDICT_FAILED)) {
        return "it was not approved, or came to two ends";
    }
    c->done = v[1].number == VERDICT_DONE;
    c->ended = v[5].bytes;
    c->ended_at = r->time;
    return NULL;
}

bool certificate_hold(struct view *rest, struct certified_hold *hold)
{
    struct value v[COUNT(hold_members)];
    struct view item;

    if (rest->len == 0 || !cbor_item(rest, &item) ||
        !cbor_members(item, hold_members, COUNT(hold_members), v)) {
        return false;
    }
    *hold = (struct certified_hold){v[0].bytes, v[1].number};
    return true;
}

bool certificate_holds_agree(struct view holds, uint64_t n, uint64_t held, bool more)
{
    struct certified_hold hold;
    uint64_t kept = 0;

    for (uint64_t i = 0; i < n; i++) {
        if (!certificate_hold(&holds, &hold) || hold.letters == 0 || hold.letters > held) {
            return false;
        }
        kept += hold.letters;
    }
    return holds.len == 0 && (n == 0 || more || kept >= held);
}

static const char *take_disposal(struct certificate *c, const struct opened_record *r)
{
    struct value v[COUNT(disposal_members)];

    if (!cbor_members(r->body, disposal_members, COUNT(disposal_members), v) ||
        !is_same(v[0].bytes, c->request)) {
        return "a record of a disposal in it is about another one";
    }
    if (!c->disposal || v[2].number != c->before) {
        return "a record of a disposal in it is about other letters than were asked for";
    }
    if (v[1].number == DISPOSAL_BEGUN) {
        c->letters_then = c->letters;
    } else if (v[3].number > c->letters - c->letters_then) {
        return "it leaves out letters that were destroyed";
    }
    if (!certificate_holds_agree(v[7].bytes, v[7].number, v[4].number, v[8].number != 0)) {
        return "the holds in it are not those that kept so many letters";
    }
    c->holds = v[7].bytes;
    c->more_holds = v[8].number != 0;
    return NULL;
}

/* The records that an erasure names must be there, as destroyed ones, each named once. */
static bool name_destroyed(struct certificate *c, const struct opened_record *r, uint64_t *records)
{
    struct erasure erasure;

    if (!erasure_read(r->body, &erasure)) {
        return false;
    }
    for (size_t at = 0; at + RANGE_LEN <= erasure.ranges.len; at += RANGE_LEN) {
        uint64_t first = be64(erasure.ranges.at + at);
        uint32_t count = be32(erasure.ranges.at + at + 8);
        for (uint32_t i = 0; i < count; i++) {
            struct opened_record *gone = opened_find(&c->file, first + i);
            if (!gone || gone->opened || gone->named) {
                return false;
            }
            gone->named = true;
        }
        *records += count;
    }
    return true;
}

/* The letters' own lists of records, where they have them, are exactly what was erased. */
static bool letters_agree(const struct certificate *c, struct view letters, uint64_t n,
                          uint64_t records)
{
    uint64_t listed = 0;

    for (uint64_t i = 0; i < n; i++) {
        struct value v[COUNT(letter_members)];
        struct view item;
        if (!cbor_item(&letters, &item) ||
            !cbor_members(item, letter_members, COUNT(letter_members), v) || v[3].bytes.len % 8) {
            return false;
        }
        for (size_t at = 0; at < v[3].bytes.len; at += 8) {
            const struct opened_record *gone = opened_find(&c->file, be64(v[3].bytes.at + at));
            if (!gone || !gone->named) {
                return false;
            }
            listed++;
        }
    }
    return listed == 0 || listed == records;
}

/* The rules that letters were under are opened, and by a disposal no letter went before its time was over. */
static const char *heed_rules(const struct certificate *c, struct view letters, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        struct value v[COUNT(letter_members)];
        struct view item;
        if (!cbor_item(&letters, &item) ||
            !cbor_members(item, letter_members, COUNT(letter_members), v) || v[5].bytes.len % 8) {
            return "a removal in it cannot be read";
        }
        if (c->disposal && v[4].number > c->before) {
            return "a letter in it was destroyed before its retention had ended";
        }
        for (size_t at = 0; at < v[5].bytes.len; at += 8) {
            struct opened_record *rule = opened_find(&c->file, be64(v[5].bytes.at + at));
            if (!rule || !rule->opened || rule->type != TYPE_RULE) {
                return "a rule that a letter was under is missing";
            }
            rule->named = true;
        }
    }
    return NULL;
}

/* A removal stands right behind the erasures of which it says why. */
static const char *take_removal(struct certificate *c, size_t at)
{
    const struct opened_record *r = &c->file.list[at];
    struct value v[COUNT(removal_members)];
    uint64_t records = 0;

    if (!cbor_members(r->body, removal_members, COUNT(removal_members), v) ||
        !is_same(v[7].bytes, c->request)) {
        return "a removal in it is about another request";
    }
    if (!c->approved_by.len || c->ended_at) {
        return "letters were destroyed before it was approved, or after it had ended";
    }
    for (size_t i = at; i-- > 0 && c->file.list[i].type == TYPE_ERASURE;) {
        if (c->file.list[i].number != r->number - (at - i)) {
            break;
        }
        c->file.list[i].named = true;
        if (!name_destroyed(c, &c->file.list[i], &records)) {
            return "what was erased is not what it lists";
        }
    }
    if (records != v[4].number || !letters_agree(c, v[3].bytes, v[3].number, records)) {
        return "a removal says another number of records than were erased";
    }
    c->records += records;
    c->letters += v[3].number;
    return heed_rules(c, v[3].bytes, v[3].number);
}

/* "request ID text DIGEST" */
static bool is_this_text(const struct certificate *c, struct view object)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* section 11 */
    char expected[8 + 16 + 6 + 2 * HASH_LEN] = "request ";
    size_t n = 8;

    for (size_t bit = 0; bit < (size_t)ID_BYTES * 8; bit += 5) {
        unsigned two = (unsigned)c->request.at[bit / 8] << 8;
        two |= bit / 8 + 1 < ID_BYTES ? c->request.at[bit / 8 + 1] : 0U;
        expected[n++] = alphabet[two >> (11 - bit % 8) & 31];
    }
    (void)memcpy(expected + n, " text ", 6);
    n += 6;
    opened_text_hex(&c->file, expected + n);
    n += 2 * (size_t)HASH_LEN;
    return object.len == n && same(object.at, (const uint8_t *)expected, n);
}

static const char *take_made(struct certificate *c, const struct opened_record *r)
{
    struct value v[COUNT(act_members)];

    if (!cbor_members(r->body, act_members, COUNT(act_members), v) || v[8].number ||
        !line_is(v[1].bytes, "certificate") || !c->request.len || !is_this_text(c, v[2].bytes)) {
        return "what people read in it is not what was recorded: it was changed";
    }
    c->made_by = v[0].bytes;
    c->made_at = r->time;
    c->made_of = v[4].number;
    return NULL;
}

static const char *take_record(struct certificate *c, size_t at)
{
    const struct opened_record *r = &c->file.list[at];

    if (!r->opened) {
        return NULL;
    }
    if (r->type != TYPE_REQUEST && r->type >= TYPE_REMOVAL && r->type != TYPE_RULE &&
        !c->request.len) {
        return "something stands in it before the request";
    }
    switch (r->type) {
    case TYPE_REQUEST:
        return take_request(c, r);
    case TYPE_VERDICT:
        return take_verdict(c, r);
    case TYPE_DISPOSAL:
        return take_disposal(c, r);
    case TYPE_REMOVAL:
        return take_removal(c, at);
    case TYPE_READING:
        return take_made(c, r);
    case TYPE_RULE:
    case TYPE_ERASURE:
    case TYPE_ERASED:
        return NULL;
    default:
        return "it opens a record that is no business of a certificate";
    }
}

/* What an erased record says is done: marks the erasure. */
static bool mark_done(struct certificate *c, const struct opened_record *r)
{
    uint64_t of = 0;

    if (!erased_read(r->body, &of)) {
        return false;
    }
    struct opened_record *erasure = opened_find(&c->file, of);
    if (!erasure || erasure->type != TYPE_ERASURE || !erasure->named) {
        return false;
    }
    erasure->done = true;
    return true;
}

/* Everything that is listed belongs to a removal, and its keys' end is recorded. */
static const char *all_named(struct certificate *c)
{
    for (size_t i = 0; i < c->file.n; i++) {
        if (c->file.list[i].type == TYPE_ERASED && !mark_done(c, &c->file.list[i])) {
            return "an erasure in it belongs to nothing";
        }
    }
    for (size_t i = 0; i < c->file.n; i++) {
        const struct opened_record *r = &c->file.list[i];
        if (r->type == TYPE_ERASURE && !r->done) {
            return "that the keys were destroyed is not recorded";
        }
        if (!r->opened && !r->named) {
            return "it lists a record that no erasure names";
        }
        if (r->type == TYPE_RULE && !r->named) {
            return "it opens a rule that no letter was under";
        }
    }
    return NULL;
}

/* What its records say, as if they were those of the ledger. */
static const char *judge_records(struct certificate *c)
{
    for (size_t i = 0; i < c->file.n; i++) {
        const char *what = take_record(c, i);
        if (what) {
            return what;
        }
    }
    if (!c->request.len || !c->approved_by.len || !c->ended_at || !c->made_at) {
        return "the request, its approval, its end or the record of the text is missing";
    }
    /* Leaves alone do not show that some were left out: who has them makes the nodes. */
    const char *what = all_named(c);
    return what                       ? what
           : c->made_of != c->records ? "it leaves out some of what was destroyed"
                                      : NULL;
}

const char *certificate_check(struct view file, const struct note_key *key, struct certificate *out,
                              bool *malformed)
{
    struct hash *h = hash_new();

    *out = (struct certificate){.records = 0};
    const char *what = opened_read(file, FIRST_LINE, key, &out->file, h);
    *malformed = what != NULL;
    what = what ? what : opened_verdict(&out->file, judge_records(out), h);
    hash_free(h);
    return what;
}

void certificate_done(struct certificate *c)
{
    opened_done(&c->file);
}
