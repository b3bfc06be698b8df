#include "verify/cbor.h"

#define DEPTH_MAX 6 /* of lists and maps in each other */

enum major {
    MAJOR_UINT = 0,
    MAJOR_NEGATIVE = 1,
    MAJOR_BYTES = 2,
    MAJOR_TEXT = 3,
    MAJOR_LIST = 4,
    MAJOR_MAP = 5,
    MAJOR_SIMPLE = 7,
};

#define SIMPLE_TRUE 21

/* The number that follows a type, in the shortest form that holds it. */
static bool take_number(struct view *rest, unsigned info, uint64_t *number)
{
    static const uint64_t least[] = {24, 0x100, 0x10000, 0x100000000};
    uint8_t bytes[8] = {0};

    if (info < 24) {
        *number = info;
        return true;
    }
    if (info > 27) {
        return false;
    }
    size_t len = (size_t)1 << (info - 24);
    if (rest->len < len) {
        return false;
    }
    (void)memcpy(bytes + 8 - len, rest->at, len);
    rest->at += len;
    rest->len -= len;
    *number = be64(bytes);
    return *number >= least[info - 24];
}

static bool take_head(struct view *rest, unsigned *major, uint64_t *number)
{
    if (rest->len == 0) {
        return false;
    }
    unsigned first = *rest->at++;
    rest->len--;
    *major = first >> 5;
    return take_number(rest, first & 31, number);
}

/* How long the character is that begins here, and its least code point; 0: none begins here. */
static size_t character(uint8_t first, uint32_t *code, uint32_t *least)
{
    static const struct {
        uint8_t mask, value;
        uint32_t least;
    } forms[] = {
        {0x80, 0x00, 0      },
        {0xe0, 0xc0, 0x80   },
        {0xf0, 0xe0, 0x800  },
        {0xf8, 0xf0, 0x10000}
    };

    for (size_t i = 0; i < 4; i++) {
        if ((first & forms[i].mask) == forms[i].value) {
            *code = (uint8_t)(first & ~forms[i].mask);
            *least = forms[i].least;
            return i + 1;
        }
    }
    return 0;
}

static bool is_utf8(struct view s)
{
    while (s.len) {
        uint32_t code = 0;
        uint32_t least = 0;
        size_t n = character(*s.at, &code, &least);
        if (n == 0 || n > s.len) {
            return false;
        }
        for (size_t i = 1; i < n; i++) {
            if ((s.at[i] & 0xc0) != 0x80) {
                return false;
            }
            code = code << 6 | (s.at[i] & 0x3f);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
            return false;
        }
        s.at += n;
        s.len -= n;
    }
    return true;
}

static bool take_string(struct view *rest, const struct member *m, uint64_t len, struct value *v)
{
    if (len > rest->len || len < m->min || len > m->max) {
        return false;
    }
    v->bytes = (struct view){rest->at, (size_t)len};
    rest->at += len;
    rest->len -= (size_t)len;
    return (m->kind == MEMBER_BYTES || is_utf8(v->bytes)) && !(m->optional && len == 0);
}

static bool pass(struct view *rest, unsigned depth);

static bool pass_items(struct view *rest, uint64_t n, unsigned depth)
{
    bool passed = n <= rest->len; /* each takes a byte at least */

    for (uint64_t i = 0; passed && i < n; i++) {
        passed = pass(rest, depth);
    }
    return passed;
}

/* Pass over one item, whatever it is of what records have. As deep as DEPTH_MAX. */
static bool pass(struct view *rest, unsigned depth)
{
    unsigned major = 0;
    uint64_t n = 0;

    if (depth > DEPTH_MAX || !take_head(rest, &major, &n)) {
        return false;
    }
    switch (major) {
    case MAJOR_UINT:
    case MAJOR_NEGATIVE:
        return true;
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        if (n > rest->len) {
            return false;
        }
        rest->at += n;
        rest->len -= (size_t)n;
        return true;
    case MAJOR_LIST:
        return pass_items(rest, n, depth + 1);
    case MAJOR_MAP:
        return n <= rest->len && pass_items(rest, 2 * n, depth + 1);
    default:
        return major == MAJOR_SIMPLE && n == SIMPLE_TRUE;
    }
}

bool cbor_item(struct view *rest, struct view *item)
{
    const uint8_t *from = rest->at;

    if (!pass(rest, 1)) {
        return false;
    }
    *item = (struct view){from, (size_t)(rest->at - from)};
    return true;
}

static bool take_list(struct view *rest, const struct member *m, uint64_t n, struct value *v)
{
    const uint8_t *from = rest->at;

    if (n < m->min || n > m->max || (m->optional && n == 0)) {
        return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        if (!pass(rest, 1)) {
            return false;
        }
    }
    *v = (struct value){
        n, {from, (size_t)(rest->at - from)}
    };
    return true;
}

static bool take_value(struct view *rest, const struct member *m, struct value *v)
{
    static const unsigned majors[] = {MAJOR_UINT, MAJOR_UINT,   MAJOR_BYTES,
                                      MAJOR_TEXT, MAJOR_SIMPLE, MAJOR_LIST};
    unsigned major = 0;
    uint64_t number = 0;

    if (!take_head(rest, &major, &number)) {
        return false;
    }
    if (m->kind == MEMBER_INT && major == MAJOR_NEGATIVE) {
        v->number = ~number; /* -1 - number */
        return number <= INT64_MAX;
    }
    if (major != majors[m->kind]) {
        return false;
    }
    if (m->kind == MEMBER_BYTES || m->kind == MEMBER_TEXT) {
        return take_string(rest, m, number, v);
    }
    if (m->kind == MEMBER_LIST) {
        return take_list(rest, m, number, v);
    }
    v->number = number;
    if (m->kind == MEMBER_TRUE) {
        return number == SIMPLE_TRUE;
    }
    return m->kind == MEMBER_INT
               ? number <= INT64_MAX
               : number >= m->min && number <= m->max && !(m->optional && number == 0);
}

/* Take a key, if there is one that waits for its member; `left` counts those behind it. */
static bool take_key(struct view *body, uint64_t *left, bool *waits, uint64_t *key)
{
    unsigned major = 0;

    if (*waits || *left == 0) {
        return true;
    }
    --*left;
    *waits = true;
    return take_head(body, &major, key) && major == MAJOR_UINT;
}

bool cbor_members(struct view body, const struct member *members, size_t n, struct value *values)
{
    unsigned major = 0;
    uint64_t left = 0;
    uint64_t key = 0;
    bool waits = false;

    if (!take_head(&body, &major, &left) || major != MAJOR_MAP) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = (struct value){0};
        if (!take_key(&body, &left, &waits, &key)) {
            return false;
        }
        if (!waits || key != members[i].key) {
            if (!members[i].optional) {
                return false;
            }
            continue;
        }
        if (!take_value(&body, &members[i], &values[i])) {
            return false;
        }
        waits = false;
    }
    return !waits && left == 0 && body.len == 0;
}

bool cbor_pick(struct view body, const struct member *member, struct value *value)
{
    unsigned major = 0;
    uint64_t n = 0;
    uint64_t key = 0;
    bool found = false;

    *value = (struct value){0};
    if (!take_head(&body, &major, &n) || major != MAJOR_MAP) {
        return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        if (!take_head(&body, &major, &key) || major != MAJOR_UINT) {
            return false;
        }
        bool is_it = key == member->key;
        if ((is_it && found) || !(is_it ? take_value(&body, member, value) : pass(&body, 1))) {
            return false;
        }
        found = found || is_it;
    }
    return body.len == 0 && (found || member->optional);
}
