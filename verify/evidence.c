#include "verify/evidence.h"

#include <stdlib.h>

#include "verify/cbor.h"
#include "verify/format.h"
#include "verify/lines.h"

#define FIRST_LINE "postern-suspension-evidence 1\n"

#define ID_BYTES    10
#define TEXT_MAX    65536
#define LETTERS_MAX (8192 * ID_BYTES)
#define SIGNS_MAX   64
#define LIST_MAX    100000
#define OBJECT_ROOM 512

#define TYPE_FACTS      16
#define TYPE_DECISION   19
#define TYPE_OUTCOME    22
#define TYPE_NOTICE     23
#define TYPE_ORDER      24
#define TYPE_SIGN_IN    32
#define TYPE_ADMIN      33
#define TYPE_READING    34
#define TYPE_LIMIT      64
#define TYPE_SUSPENSION 65

#define STATE_BEGUN    1
#define STATE_ENDED    2
#define STATUS_TAKEN   1
#define STATUS_RELAYED 2

#define TEXT(key, optional_)                                                                       \
    {                                                                                              \
        key, MEMBER_TEXT, optional_, 0, TEXT_MAX                                                   \
    }
#define UINT(key, optional_)                                                                       \
    {                                                                                              \
        key, MEMBER_UINT, optional_, 0, UINT64_MAX                                                 \
    }

/* docs/ledger-format.md section 11; members are found by their key. */
static const struct member suspension_members[] = {
    TEXT(1, false),
    UINT(2, false),
    UINT(3, false),
    TEXT(4, true),
    TEXT(5, true),
    UINT(6, true),
    UINT(7, true),
    {8, MEMBER_LIST,  true, 1, SIGNS_MAX  },
    {9, MEMBER_BYTES, true, 0, LETTERS_MAX},
    TEXT(10, true),
    UINT(11, true),
    UINT(12, true)
};
static const struct member sign_members[] = {TEXT(1, false), UINT(2, false), UINT(3, false)};
static const struct member act_members[] = {
    TEXT(1, false), TEXT(2, false), TEXT(3, true),
    TEXT(4, true),  UINT(5, true),  TEXT(6, true),
    UINT(7, true),  TEXT(8, true),  {9, MEMBER_TRUE, true, 0, 0}
};
static const struct member id_member = {1, MEMBER_BYTES, false, ID_BYTES, ID_BYTES};
static const struct member account_member = TEXT(1, false);
static const struct member facts_account = TEXT(4, false);
static const struct member accepted_member = {4, MEMBER_TRUE, true, 0, 0};
static const struct member outcomes_member = {5, MEMBER_LIST, true, 0, LIST_MAX};
static const struct member status_member = UINT(2, false);

#define COUNT(members) (sizeof(members) / sizeof((members)[0]))

struct letter {
    uint8_t id[ID_BYTES];
    bool left;
};

/* What is judged, and what it takes. */
struct judging {
    struct evidence *x;
    struct letter *letters; /* ascending by id */
    size_t n_letters;
    uint8_t (*named)[ID_BYTES]; /* likewise, each once */
    size_t n_named;
};

static bool is_same(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || same(a.at, b.at, a.len));
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

bool evidence_is(struct view file)
{
    return file.len >= strlen(FIRST_LINE) &&
           same(file.at, (const uint8_t *)FIRST_LINE, strlen(FIRST_LINE));
}

bool evidence_sign(struct view *rest, struct evidence_sign *sign)
{
    struct value v[COUNT(sign_members)];
    struct view item;

    if (rest->len == 0 || !cbor_item(rest, &item) ||
        !cbor_members(item, sign_members, COUNT(sign_members), v)) {
        return false;
    }
    *sign = (struct evidence_sign){v[0].bytes, v[1].number, v[2].number};
    return true;
}

/* ── the suspension ── */

static bool are_signs(struct view signs, uint64_t n)
{
    struct evidence_sign sign;

    for (uint64_t i = 0; i < n; i++) {
        if (!evidence_sign(&signs, &sign)) {
            return false;
        }
    }
    return signs.len == 0;
}

static const char *begin(struct evidence *x, const struct opened_record *r, const struct value *v)
{
    if (v[1].number != STATE_BEGUN || v[0].bytes.len == 0) {
        return "it does not begin with a suspension";
    }
    x->suspension = r->number;
    x->account = v[0].bytes;
    x->begun_at = r->time;
    x->by = v[3].bytes;
    x->because = v[4].bytes;
    x->points = v[5].number;
    x->signs = v[7].bytes;
    x->n_signs = v[7].number;
    x->client = v[9].bytes;
    return are_signs(x->signs, x->n_signs) ? NULL : "a sign in it cannot be read";
}

/* One that is in force may come again; its end comes last. */
static const char *take_suspension(struct judging *j, const struct opened_record *r)
{
    struct evidence *x = j->x;
    struct value v[COUNT(suspension_members)];

    if (!cbor_members(r->body, suspension_members, COUNT(suspension_members), v) ||
        v[8].bytes.len % ID_BYTES) {
        return "a suspension in it cannot be read";
    }
    if (x->account.len == 0) {
        const char *what = begin(x, r, v);
        if (what) {
            return what;
        }
    } else if (!is_same(v[0].bytes, x->account) || x->ended) {
        return "a suspension in it is another one";
    } else if (v[1].number == STATE_ENDED) {
        x->ended = true;
        x->ended_at = r->time;
        x->ended_by = v[3].bytes;
        x->ended_because = v[4].bytes;
    }
    if (v[8].bytes.len) {
        (void)memcpy(j->named[j->n_named], v[8].bytes.at, v[8].bytes.len);
        j->n_named += v[8].bytes.len / ID_BYTES;
    }
    return NULL;
}

/* ── letters ── */

static const char *take_facts(struct judging *j, const struct opened_record *r)
{
    struct value id;
    struct value account;

    if (!cbor_pick(r->body, &id_member, &id) || !cbor_pick(r->body, &facts_account, &account)) {
        return "a letter in it cannot be read";
    }
    if (!is_same(account.bytes, j->x->account)) {
        return "a letter in it is another account's";
    }
    (void)memcpy(j->letters[j->n_letters++].id, id.bytes.at, ID_BYTES);
    return NULL;
}

static struct letter *find_letter(const struct judging *j, struct view id)
{
    return j->n_letters ? bsearch(id.at, j->letters, j->n_letters, sizeof(*j->letters), by_id)
                        : NULL;
}

/* Whether a server took it for somebody. */
static bool has_left(const struct opened_record *r, bool *left)
{
    struct value list;

    if (!cbor_pick(r->body, &outcomes_member, &list)) {
        return false;
    }
    for (uint64_t i = 0; i < list.number; i++) {
        struct value status;
        struct view item;
        if (!cbor_item(&list.bytes, &item) || !cbor_pick(item, &status_member, &status)) {
            return false;
        }
        *left = *left || status.number == STATUS_TAKEN || status.number == STATUS_RELAYED;
    }
    return true;
}

static const char *take_about(struct judging *j, const struct opened_record *r)
{
    struct value id;

    if (!cbor_pick(r->body, &id_member, &id)) {
        return "a record about a letter in it cannot be read";
    }
    struct letter *letter = find_letter(j, id.bytes);
    if (!letter) {
        return "it opens a record about a letter that it does not open";
    }
    return r->type != TYPE_OUTCOME || has_left(r, &letter->left)
               ? NULL
               : "what became of a letter in it cannot be read";
}

/* ── what the account did ── */

/* "suspension NUMBER of SIZE records text DIGEST of ACCOUNT" */
static bool is_this_text(struct evidence *x, struct view object)
{
    char expected[OBJECT_ROOM + TEXT_MAX];
    char digest[2 * HASH_LEN];
    struct view rest = object;
    struct view word = {NULL, 0};

    for (int i = 0; i < 4; i++) {
        if (!word_take(&rest, &word)) {
            return false;
        }
    }
    opened_text_hex(&x->file, digest);
    int n =
        snprintf(expected, sizeof(expected), "suspension %llu of %.*s records text %.*s of %.*s",
                 (unsigned long long)x->suspension, (int)word.len, (const char *)word.at,
                 2 * HASH_LEN, digest, (int)x->account.len, (const char *)x->account.at);
    return number_read(word, &x->looked_at) && n > 0 && object.len == (size_t)n &&
           same(object.at, (const uint8_t *)expected, object.len);
}

static const char *take_act(struct evidence *x, const struct opened_record *r)
{
    struct value v[COUNT(act_members)];

    if (!cbor_members(r->body, act_members, COUNT(act_members), v)) {
        return "an act in it cannot be read";
    }
    bool made = r->type == TYPE_READING && line_is(v[1].bytes, "account evidence") && !v[8].number;
    if (made && r->number == x->file.list[x->file.n - 1].number) {
        if (!is_this_text(x, v[2].bytes)) {
            return "what people read in it is not what was recorded: it was changed";
        }
        x->made_by = v[0].bytes;
        x->made_at = r->time;
        x->made_of = v[4].number;
        return NULL;
    }
    if (!is_same(v[0].bytes, x->account) &&
        (r->type == TYPE_READING || !is_same(v[2].bytes, x->account))) {
        return "an act in it is no business of the account's";
    }
    x->acts++;
    return NULL;
}

static const char *take_sign_in(struct evidence *x, const struct opened_record *r)
{
    struct value account;
    struct value accepted;

    if (!cbor_pick(r->body, &account_member, &account) ||
        !cbor_pick(r->body, &accepted_member, &accepted) || !is_same(account.bytes, x->account)) {
        return "a sign-in in it is not the account's";
    }
    x->sign_ins++;
    x->refused += accepted.number ? 0 : 1;
    return NULL;
}

static const char *take_limit(struct evidence *x, const struct opened_record *r)
{
    struct value account;

    if (!cbor_pick(r->body, &account_member, &account) || !is_same(account.bytes, x->account)) {
        return "a limit in it is not the account's";
    }
    x->limits++;
    return NULL;
}

static const char *take_other(struct judging *j, const struct opened_record *r)
{
    switch (r->type) {
    case TYPE_SUSPENSION:
    case TYPE_FACTS:
        return NULL;
    case TYPE_DECISION:
    case TYPE_OUTCOME:
    case TYPE_NOTICE:
    case TYPE_ORDER:
        return take_about(j, r);
    case TYPE_SIGN_IN:
        return take_sign_in(j->x, r);
    case TYPE_ADMIN:
    case TYPE_READING:
        return take_act(j->x, r);
    case TYPE_LIMIT:
        return take_limit(j->x, r);
    default:
        return "it opens a record that is no business of a suspension";
    }
}

/* ── all of it ── */

static bool make_room(struct judging *j)
{
    const struct opened_file *f = &j->x->file;
    size_t ids = 1;

    for (size_t i = 0; i < f->n; i++) {
        ids += f->list[i].type == TYPE_SUSPENSION ? f->list[i].body.len / ID_BYTES : 0;
    }
    j->letters = calloc(f->n + 1, sizeof(*j->letters));
    j->named = calloc(ids, sizeof(*j->named));
    return j->letters && j->named;
}

/* The records of one type. */
static const char *take_all(struct judging *j, uint16_t type,
                            const char *(*take)(struct judging *j, const struct opened_record *r))
{
    const struct opened_file *f = &j->x->file;

    for (size_t i = 0; i < f->n; i++) {
        if (!f->list[i].opened) {
            return "it lists a record that it does not open";
        }
        const char *what = type == 0 || f->list[i].type == type ? take(j, &f->list[i]) : NULL;
        if (what) {
            return what;
        }
    }
    return NULL;
}

static const char *sort_letters(struct judging *j)
{
    if (j->n_letters) {
        qsort(j->letters, j->n_letters, sizeof(*j->letters), by_id);
    }
    if (j->n_named) {
        qsort(j->named, j->n_named, sizeof(*j->named), by_id);
    }
    for (size_t i = 1; i < j->n_letters; i++) {
        if (by_id(&j->letters[i - 1], &j->letters[i]) == 0) {
            return "it opens a letter twice";
        }
    }
    return NULL;
}

static void count_letters(struct judging *j)
{
    struct evidence *x = j->x;

    x->letters = j->n_letters;
    for (size_t i = 0; i < j->n_letters; i++) {
        x->left += j->letters[i].left;
    }
    for (size_t i = 0; i < j->n_named; i++) {
        if (i == 0 || by_id(j->named[i - 1], j->named[i]) != 0) {
            x->named++;
            x->missing += !find_letter(j, (struct view){j->named[i], ID_BYTES});
        }
    }
}

/* All that was looked at stands before what binds the text, and all that was found is there. */
static const char *heed_made(const struct evidence *x)
{
    const struct opened_file *f = &x->file;

    if (!x->looked_at) {
        return "the record of the text is missing";
    }
    for (size_t i = 0; i + 1 < f->n; i++) {
        if (f->list[i].number >= x->looked_at) {
            return "it opens a record that was not looked at for its text";
        }
    }
    return x->made_of == f->n - 1 ? NULL : "it leaves out some of what was found";
}

static const char *judge_records(struct judging *j)
{
    if (!make_room(j)) {
        return "there is not enough memory";
    }
    const char *what = take_all(j, TYPE_SUSPENSION, take_suspension);
    what = what || j->x->account.len ? what : "it opens no suspension";
    what = what ? what : take_all(j, TYPE_FACTS, take_facts);
    what = what ? what : sort_letters(j);
    what = what ? what : take_all(j, 0, take_other);
    if (!what) {
        count_letters(j);
        what = heed_made(j->x);
    }
    return what;
}

static const char *judge(struct evidence *x, struct hash *h)
{
    struct judging j = {.x = x};
    const char *what = judge_records(&j);

    free(j.letters);
    free(j.named);
    return opened_verdict(&x->file, what, h);
}

const char *evidence_check(struct view file, const struct note_key *key, struct evidence *out,
                           bool *malformed)
{
    struct hash *h = hash_new();

    *out = (struct evidence){.letters = 0};
    const char *what = opened_read(file, FIRST_LINE, key, &out->file, h);
    *malformed = what != NULL;
    what = what ? what : judge(out, h);
    hash_free(h);
    return what;
}

void evidence_done(struct evidence *x)
{
    opened_done(&x->file);
}
