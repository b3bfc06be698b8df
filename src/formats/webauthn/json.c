#include <string.h>

#include "formats/webauthn/internal.h"

void json_init(struct json *j, struct slice in, size_t text_max)
{
    *j = (struct json){.rest = in, .text = {.max = text_max}};
}

void json_done(struct json *j)
{
    if (j) {
        buf_done(&j->text);
    }
}

/* ── the tokens ── */

static uint8_t peek(const struct json *j)
{
    return j->rest.len ? j->rest.ptr[0] : 0;
}

static void skip_blanks(struct json *j)
{
    while (j->rest.len && memchr(" \t\r\n", j->rest.ptr[0], 4)) {
        j->rest = slice_from(j->rest, 1);
    }
}

static bool take(struct json *j, const char *word)
{
    struct slice s = slice_text(word);

    if (!slice_starts(j->rest, s)) {
        return false;
    }
    j->rest = slice_from(j->rest, s.len);
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool take_digits(struct json *j)
{
    bool any = false;

    while (is_digit(peek(j))) {
        j->rest = slice_from(j->rest, 1);
        any = true;
    }
    return any;
}

/* number = [ minus ] int [ frac ] [ exp ] */
static bool take_number(struct json *j)
{
    (void)take(j, "-");
    if (take(j, "0") ? is_digit(peek(j)) : !take_digits(j)) {
        return false;
    }
    if (take(j, ".") && !take_digits(j)) {
        return false;
    }
    if (take(j, "e") || take(j, "E")) {
        (void)(take(j, "+") || take(j, "-"));
        return take_digits(j);
    }
    return true;
}

static bool take_hex(struct json *j, uint32_t *unit)
{
    static const char digits[] = "0123456789abcdef";

    *unit = 0;
    for (int i = 0; i < 4; i++) {
        const char *at = peek(j) ? strchr(digits, ascii_lower(peek(j))) : NULL;
        if (!at) {
            return false;
        }
        *unit = *unit << 4 | (uint32_t)(at - digits);
        j->rest = slice_from(j->rest, 1);
    }
    return true;
}

static void add_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_add_byte(out, (uint8_t)c);
    } else if (c < 0x800) {
        buf_add_byte(out, (uint8_t)(0xc0 | c >> 6));
        buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_add_byte(out, (uint8_t)(0xe0 | c >> 12));
        buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        buf_add_byte(out, (uint8_t)(0xf0 | c >> 18));
        buf_add_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

/* Behind "\u". What is no character is refused: half a pair, and NUL. */
static bool take_unicode(struct json *j)
{
    uint32_t c = 0;
    uint32_t low = 0;

    if (!take_hex(j, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff)) {
        return false;
    }
    if (c >= 0xd800 && c <= 0xdbff) {
        if (!take(j, "\\u") || !take_hex(j, &low) || low < 0xdc00 || low > 0xdfff) {
            return false;
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    add_utf8(&j->text, c);
    return true;
}

static bool take_escape(struct json *j)
{
    static const char names[] = "\"\\/bfnrt";
    static const char bytes[] = "\"\\/\b\f\n\r\t";
    const char *at = peek(j) ? strchr(names, peek(j)) : NULL;

    if (take(j, "u")) {
        return take_unicode(j);
    }
    if (!at) {
        return false;
    }
    buf_add_byte(&j->text, (uint8_t)bytes[at - names]);
    j->rest = slice_from(j->rest, 1);
    return true;
}

/* Behind the first quote. */
static bool take_string(struct json *j)
{
    buf_reset(&j->text);
    while (j->rest.len) {
        uint8_t c = peek(j);
        j->rest = slice_from(j->rest, 1);
        if (c == '"') {
            return !j->text.full && slice_is_utf8(buf_slice(&j->text));
        }
        if (c < 0x20 || (c == '\\' && !take_escape(j))) {
            return false;
        }
        if (c != '\\') {
            buf_add_byte(&j->text, c);
        }
    }
    return false;
}

/* ── the grammar ── */

static enum json_event open(struct json *j, bool object)
{
    if (j->depth == JSON_DEPTH_MAX) {
        return JSON_BAD;
    }
    j->is_object[j->depth++] = object;
    j->expects = JSON_FIRST;
    return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_event value(struct json *j)
{
    if (take(j, "{")) {
        return open(j, true);
    }
    if (take(j, "[")) {
        return open(j, false);
    }
    j->expects = JSON_A_COMMA;
    if (take(j, "\"")) {
        return take_string(j) ? JSON_STRING : JSON_BAD;
    }
    if (take(j, "true")) {
        return JSON_TRUE;
    }
    if (take(j, "false")) {
        return JSON_FALSE;
    }
    if (take(j, "null")) {
        return JSON_NULL;
    }
    return take_number(j) ? JSON_NUMBER : JSON_BAD;
}

static enum json_event key(struct json *j)
{
    if (!take(j, "\"") || !take_string(j)) {
        return JSON_BAD;
    }
    skip_blanks(j);
    j->expects = JSON_A_VALUE;
    return take(j, ":") ? JSON_KEY : JSON_BAD;
}

static bool closes(struct json *j)
{
    bool closed = j->depth && take(j, j->is_object[j->depth - 1] ? "}" : "]");

    if (closed) {
        j->depth--;
        j->expects = JSON_A_COMMA;
    }
    return closed;
}

enum json_event json_next(struct json *j)
{
    skip_blanks(j);
    if (j->expects == JSON_A_COMMA && j->depth == 0) {
        return j->rest.len ? JSON_BAD : JSON_END;
    }
    if ((j->expects == JSON_A_COMMA || j->expects == JSON_FIRST) && closes(j)) {
        return JSON_CLOSE;
    }
    bool object = j->depth && j->is_object[j->depth - 1];
    if (j->expects == JSON_A_COMMA) {
        if (!take(j, ",")) {
            return JSON_BAD;
        }
        skip_blanks(j);
    }
    if (object && j->expects != JSON_A_VALUE) {
        return key(j);
    }
    return value(j);
}

/* ── members that are looked for ── */

struct search {
    struct json json;
    struct json_member *members;
    size_t n;
    struct arena *arena;
    struct slice parent; /* the key before the object of depth 2 */
    struct slice key;
};

static bool is_meant(const struct search *s, const struct json_member *m)
{
    unsigned depth = m->parent ? 2 : 1;

    return s->json.depth == depth && slice_equal(s->key, slice_text(m->name)) &&
           (!m->parent || slice_equal(s->parent, slice_text(m->parent)));
}

static bool keep(struct search *s, enum json_event event)
{
    bool truth = event == JSON_TRUE || event == JSON_FALSE;

    for (size_t i = 0; i < s->n; i++) {
        struct json_member *m = &s->members[i];
        if (!is_meant(s, m)) {
            continue;
        }
        if (m->given || (m->kind == JSON_STRING ? event != JSON_STRING : !truth)) {
            return false;
        }
        m->given = true;
        m->truth = event == JSON_TRUE;
        m->text = truth ? SLICE_NONE : arena_copy(s->arena, buf_slice(&s->json.text));
    }
    return true;
}

/* An array is looked into by nobody: what stands there has no key. */
static bool note(struct search *s, enum json_event event)
{
    switch (event) {
    case JSON_KEY:
        s->key = s->json.depth <= 2 ? arena_copy(s->arena, buf_slice(&s->json.text)) : SLICE_NONE;
        return true;
    case JSON_OBJECT:
    case JSON_ARRAY:
        s->parent = s->json.depth == 2 && event == JSON_OBJECT ? s->key : s->parent;
        s->parent = s->json.depth == 2 && event == JSON_ARRAY ? SLICE_NONE : s->parent;
        s->key = SLICE_NONE;
        return true;
    case JSON_CLOSE:
        s->parent = s->json.depth < 2 ? SLICE_NONE : s->parent;
        s->key = SLICE_NONE;
        return true;
    case JSON_STRING:
    case JSON_NUMBER:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        return s->key.len == 0 || keep(s, event);
    case JSON_END:
    case JSON_BAD:
        break;
    }
    return false;
}

bool json_find(struct slice in, struct json_member *members, size_t n, size_t text_max,
               struct arena *arena)
{
    struct search s = {.members = members, .n = n, .arena = arena};

    json_init(&s.json, in, text_max);
    enum json_event event = json_next(&s.json);
    bool good = event == JSON_OBJECT;
    while (good && event != JSON_END) {
        good = note(&s, event);
        event = good ? json_next(&s.json) : JSON_BAD;
    }
    json_done(&s.json);
    return good;
}
