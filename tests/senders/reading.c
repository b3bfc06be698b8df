#include "tests/senders/reading.h"

#include <stdint.h>
#include <string.h>

#define TEXT_MAX 20000

/* How generous a reader is about ends of lines. */
enum ends { ENDS_CRLF, ENDS_ASCII, ENDS_ANY };

struct text {
    size_t len;
    uint8_t bytes[TEXT_MAX];
};

/* What was met so far. */
struct met {
    const struct reading_rules *rules;
    unsigned froms;
    unsigned senders;
    const char *flaw;
};

/* Octets of a line's end at i; 0: there is none. */
static size_t end_at(struct slice s, size_t i, enum ends ends)
{
    struct slice rest = slice_from(s, i);

    if (slice_starts(rest, SLICE("\r\n"))) {
        return 2;
    }
    if (ends == ENDS_CRLF) {
        return 0;
    }
    if (rest.ptr[0] == '\r' || rest.ptr[0] == '\n') {
        return 1;
    }
    if (ends == ENDS_ASCII) {
        return 0;
    }
    if (rest.ptr[0] == 0 || rest.ptr[0] == 0x0b || rest.ptr[0] == 0x0c ||
        (rest.ptr[0] >= 0x1c && rest.ptr[0] <= 0x1e)) {
        return 1;
    }
    if (slice_starts(rest, SLICE("\xc2\x85"))) {
        return 2;
    }
    return slice_starts(rest, SLICE("\xe2\x80\xa8")) || slice_starts(rest, SLICE("\xe2\x80\xa9"))
               ? 3
               : 0;
}

/* ── values ── */

static void put(struct text *t, uint8_t c)
{
    if (t->len < TEXT_MAX) {
        t->bytes[t->len++] = c;
    }
}

/* At signs and dots of other scripts as ASCII, without quotes, backslashes and what is not seen. */
static void normalize(struct slice s, struct text *out)
{
    static const struct {
        struct slice from;
        uint8_t to; /* 0: nothing */
    } looks[] = {
        {SLICE_INIT("\xef\xbc\xa0"), '@'},
        {SLICE_INIT("\xef\xb9\xab"), '@'},
        {SLICE_INIT("\xe3\x80\x82"), '.'},
        {SLICE_INIT("\xef\xbc\x8e"), '.'},
        {SLICE_INIT("\xef\xbd\xa1"), '.'},
        {SLICE_INIT("\xc2\xad"),     0  },
        {SLICE_INIT("\xe2\x80\x8b"), 0  },
        {SLICE_INIT("\""),           0  },
        {SLICE_INIT("\\"),           0  },
    };

    out->len = 0;
    for (size_t i = 0; i < s.len;) {
        size_t used = 0;
        for (size_t k = 0; k < sizeof(looks) / sizeof(looks[0]) && !used; k++) {
            if (slice_starts(slice_from(s, i), looks[k].from)) {
                used = looks[k].from.len;
                if (looks[k].to) {
                    put(out, looks[k].to);
                }
            }
        }
        if (!used) {
            put(out, s.ptr[i]);
            used = 1;
        }
        i += used;
    }
}

static bool is_break(uint8_t c)
{
    return c <= ' ' || c == 0x7f || memchr("<>(),;:[]{}|", c, 12);
}

/* A word with an at sign, and a dot behind it: what people and programs take for an address. */
static bool looks_like_address(struct slice word)
{
    struct slice domain = slice_from(word, slice_find(word, '@'));
    size_t dot = slice_find(domain, '.');

    return domain.len > 1 && dot + 1 < domain.len && domain.ptr[dot + 1] != '@';
}

/* Without the quotes and stops that people put around a word. */
static struct slice bare_word(struct slice word)
{
    while (word.len && memchr("'.!?`*_~", word.ptr[0], 8)) {
        word = slice_from(word, 1);
    }
    while (word.len && memchr("'.!?`*_~", word.ptr[word.len - 1], 8)) {
        word.len--;
    }
    return word;
}

/* All of them must be allowed; counts them. One that holds an encoded word is looked at when that is decoded. */
static bool all_allowed(struct slice value, reading_may_show *may, void *ctx, size_t *count)
{
    static struct text text;
    size_t from = 0;
    bool allowed = true;

    normalize(value, &text);
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && !is_break(text.bytes[i])) {
            continue;
        }
        struct slice word = bare_word(slice_of(text.bytes + from, i - from));
        if (looks_like_address(word) && !memmem(word.ptr, word.len, "=?", 2)) {
            allowed = allowed && may(ctx, word);
            (*count)++;
        }
        from = i + 1;
    }
    return allowed;
}

/* ── encoded words ── */

static int hex(uint8_t c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_q(struct slice s, struct text *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '=' && i + 2 < s.len && hex(s.ptr[i + 1]) >= 0 && hex(s.ptr[i + 2]) >= 0) {
            put(out, (uint8_t)(hex(s.ptr[i + 1]) * 16 + hex(s.ptr[i + 2])));
            i += 2;
        } else {
            put(out, s.ptr[i] == '_' ? ' ' : s.ptr[i]);
        }
    }
}

static void decode_b(struct slice s, struct text *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned n = 0;

    for (size_t i = 0; i < s.len; i++) {
        const char *digit = s.ptr[i] ? memchr(digits, s.ptr[i], 64) : NULL;
        if (!digit) {
            continue; /* as careless ones do */
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        n += 6;
        if (n >= 8) {
            n -= 8;
            put(out, (uint8_t)(bits >> n));
        }
    }
}

/* Decode the encoded word at the start of s; returns its octets, 0 when there is none. */
static size_t decode_word(struct slice s, struct text *out)
{
    size_t marks[3];
    size_t at = 2;

    if (!slice_starts(s, SLICE("=?"))) {
        return 0;
    }
    for (size_t i = 0; i < 3; i++) {
        marks[i] = at + slice_find(slice_from(s, at), '?');
        if (marks[i] >= s.len) {
            return 0;
        }
        at = marks[i] + 1;
    }
    if (marks[1] != marks[0] + 2 || at >= s.len || s.ptr[at] != '=') {
        return 0;
    }
    struct slice text = slice_of(s.ptr + marks[1] + 1, marks[2] - marks[1] - 1);
    uint8_t how = ascii_lower(s.ptr[marks[0] + 1]);
    if (how == 'q') {
        decode_q(text, out);
    } else if (how == 'b') {
        decode_b(text, out);
    } else {
        return 0;
    }
    return at + 1;
}

/* Words side by side are one text, whatever blanks stand between them. */
static void decode_all(struct slice s, struct text *out)
{
    bool behind_word = false;
    size_t blanks = 0;

    out->len = 0;
    for (size_t i = 0; i < s.len;) {
        size_t used = decode_word(slice_from(s, i), out);
        if (used) {
            i += used;
            behind_word = true;
            blanks = 0;
            continue;
        }
        bool blank = s.ptr[i] <= ' ' && s.ptr[i] != 0;
        if (blank && behind_word) {
            blanks++;
        } else {
            for (; blanks; blanks--) {
                put(out, ' ');
            }
            put(out, s.ptr[i]);
            behind_word = false;
        }
        i++;
    }
}

/* ── fields ── */

/* A field's name without what some programs leave out around it. */
static struct slice bare(struct slice s)
{
    static const struct slice blanks[] = {
        SLICE_INIT("\xef\xbb\xbf"), SLICE_INIT("\xc2\xa0"), SLICE_INIT(" "),
        SLICE_INIT("\t"),           SLICE_INIT("\r"),       SLICE_INIT("\n")};
    for (bool again = true; again && s.len;) {
        again = s.ptr[0] == 0;
        if (again) {
            s = slice_from(s, 1);
        }
        for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
            if (slice_starts(s, blanks[i])) {
                s = slice_from(s, blanks[i].len);
                again = true;
            }
        }
    }
    while (s.len &&
           (s.ptr[s.len - 1] <= ' ' || s.ptr[s.len - 1] == 0xa0 || s.ptr[s.len - 1] == 0xc2)) {
        s.len--;
    }
    return s;
}

static void check_value(struct met *m, struct slice value, reading_may_show *may, const char *flaw,
                        bool needs_one)
{
    static struct text decoded;
    size_t count = 0;
    size_t after = 0;

    bool allowed = all_allowed(value, may, m->rules->ctx, &count);
    decode_all(value, &decoded);
    allowed =
        all_allowed(slice_of(decoded.bytes, decoded.len), may, m->rules->ctx, &after) && allowed;
    if (!allowed || (needs_one && count == 0)) {
        m->flaw = flaw;
    }
}

static void on_field(struct met *m, struct slice field)
{
    size_t colon = slice_find(field, ':');
    struct slice name = bare(slice_head(field, colon));

    if (colon == field.len) {
        return;
    }
    struct slice value = slice_from(field, colon + 1);
    if (slice_equal_nocase(name, SLICE("from"))) {
        m->froms++;
        check_value(m, value, m->rules->from, "From shows somebody else", true);
    } else if (slice_equal_nocase(name, SLICE("sender"))) {
        m->senders++;
        check_value(m, value, m->rules->sender, "Sender shows somebody else", true);
    } else if (slice_equal_nocase(name, SLICE("resent-from")) ||
               slice_equal_nocase(name, SLICE("resent-sender"))) {
        check_value(m, value, m->rules->sender, "a Resent field shows somebody else", true);
    }
}

/* One field with its continuations, as that reader sees them; returns its octets with the end. */
static size_t field_length(struct slice s, enum ends ends, size_t *text)
{
    for (size_t i = 0; i < s.len; i++) {
        size_t end = end_at(s, i, ends);
        if (end == 0) {
            continue;
        }
        if (i + end < s.len && (s.ptr[i + end] == ' ' || s.ptr[i + end] == '\t') && i > 0) {
            i += end - 1;
            continue;
        }
        *text = i;
        return i + end;
    }
    *text = s.len;
    return s.len;
}

static const char *read_so(struct slice letter, const struct reading_rules *rules, enum ends ends)
{
    struct met m = {.rules = rules};

    while (letter.len) {
        size_t text = 0;
        size_t used = field_length(letter, ends, &text);
        if (text == 0) {
            break; /* the empty line */
        }
        on_field(&m, slice_head(letter, text));
        letter = slice_from(letter, used);
    }
    if (m.flaw) {
        return m.flaw;
    }
    return m.froms != 1                            ? "not one From"
           : m.senders > 1                         ? "more than one Sender"
           : rules->needs_sender && m.senders != 1 ? "no Sender"
                                                   : NULL;
}

const char *reading_flaw(struct slice letter, const struct reading_rules *rules)
{
    const char *flaw = NULL;

    for (enum ends ends = ENDS_CRLF; ends <= ENDS_ANY && !flaw; ends++) {
        flaw = read_so(letter, rules, ends);
    }
    return flaw;
}
