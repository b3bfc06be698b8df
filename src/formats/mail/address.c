#include "formats/mail/address.h"

#include "formats/mail/internal.h"
#include "formats/mail/text.h"

#define ADDRESSES_FIRST 4
#define UNCLOSED_MAX    16 /* quotes, comments and brackets without end; each costs a search for it */

enum token_kind {
    TOKEN_END,
    TOKEN_ATOM,    /* a run of atext */
    TOKEN_QUOTED,  /* "..." */
    TOKEN_LITERAL, /* [...] */
    TOKEN_SPECIAL, /* one of < > @ , ; : . */
    TOKEN_BAD,     /* nothing that may stand here; the parser skips it */
};

struct token {
    enum token_kind kind;
    struct slice raw;
    bool spaced; /* white space or a comment stands before it */
};

struct parser {
    struct slice rest;
    struct token token;   /* not consumed yet */
    struct slice comment; /* the latest, without its parentheses */
    bool in_group;
    unsigned unclosed;
    size_t room;
    struct arena *arena;
    struct mail_addresses *out;
};

static void note_flaw(struct parser *p, enum mail_address_flaw flaw)
{
    if (p->out->flaw == MAIL_ADDRESS_CLEAR) {
        p->out->flaw = flaw;
    }
}

static bool is_control(uint8_t c)
{
    return (c < ' ' && !mail_is_space(c)) || c == 0x7f;
}

/* Length of the character at i or of the quoted pair that begins there; 0 for what may stand
 * nowhere. */
static size_t unit_length(struct slice s, size_t i)
{
    if (is_control(s.ptr[i])) {
        return 0;
    }
    if (s.ptr[i] != '\\') {
        return 1;
    }
    bool bad =
        i + 1 < s.len && (is_control(s.ptr[i + 1]) || s.ptr[i + 1] == '\r' || s.ptr[i + 1] == '\n');
    return bad ? 0 : 2;
}

/* Length of what stands between delimiters, both included; 0 when it is not closed, holds
 * control characters or nests too deep. Comments nest, quotes and literals do not. */
static size_t delimited_length(struct slice s, uint8_t open, uint8_t close)
{
    const unsigned deepest = open == '(' ? MAIL_COMMENT_DEPTH : 1;
    unsigned depth = 0;
    size_t len = 0;

    for (size_t i = 0; i < s.len; i += len) {
        len = unit_length(s, i);
        if (len == 0) {
            return 0;
        }
        if (s.ptr[i] == close && i > 0) {
            depth--;
            if (depth == 0) {
                return i + 1;
            }
        } else if (s.ptr[i] == open) {
            depth++;
            if (depth > deepest) {
                return 0;
            }
        }
    }
    return 0;
}

static bool has_angle(struct slice s)
{
    return slice_find(s, '<') != s.len || slice_find(s, '>') != s.len;
}

/* What people see and nothing may decide by: note when it looks like an address or hides one.
 * Programs that decode before they parse, or cut what they cannot show, would find another address
 * than is written. */
static struct slice read_name(struct parser *p, struct slice raw)
{
    bool deceptive = has_angle(raw);
    struct slice name = mail_text_decode_name(raw, p->arena, &deceptive);

    if (deceptive || has_angle(name)) {
        note_flaw(p, MAIL_ADDRESS_CONFUSING);
    }
    if (mail_shows_address(name)) {
        if (p->out->n_shown < MAIL_SHOWN_MAX) {
            p->out->shown[p->out->n_shown] = name;
        }
        p->out->n_shown++;
    }
    return name;
}

/* Pass over folding white space and comments; false when a comment is malformed. */
static bool skip_space(struct parser *p)
{
    while (p->rest.len) {
        if (mail_is_space(p->rest.ptr[0])) {
            p->rest = slice_from(p->rest, 1);
        } else if (p->rest.ptr[0] == '(') {
            size_t len = delimited_length(p->rest, '(', ')');
            if (len == 0) {
                return false;
            }
            p->comment = slice_of(p->rest.ptr + 1, len - 2);
            (void)read_name(p, p->comment);
            p->rest = slice_from(p->rest, len);
        } else {
            break;
        }
    }
    return true;
}

static size_t atom_length(struct slice s)
{
    size_t len = 0;

    while (len < s.len && mail_is_atext(s.ptr[len])) {
        len++;
    }
    return len;
}

static void advance(struct parser *p)
{
    const uint8_t *before = p->rest.ptr;
    size_t len = 0;
    bool comments_closed = skip_space(p);

    p->token = (struct token){.spaced = p->rest.ptr != before};
    if (p->rest.len == 0) {
        p->token.raw = p->rest;
        return;
    }
    uint8_t c = p->rest.ptr[0];
    if (c == '"') {
        p->token.kind = TOKEN_QUOTED;
        len = delimited_length(p->rest, '"', '"');
    } else if (c == '[') {
        p->token.kind = TOKEN_LITERAL;
        len = delimited_length(p->rest, '[', ']');
    } else if (mail_is_atext(c)) {
        p->token.kind = TOKEN_ATOM;
        len = atom_length(p->rest);
    } else if (c && memchr("<>@,;:.", c, 7)) {
        p->token.kind = TOKEN_SPECIAL;
        len = 1;
    }
    if (len == 0 || !comments_closed) {
        bool delimiter = c == '(' || c == '"' || c == '[';
        p->token.kind = TOKEN_BAD;
        p->unclosed += delimiter;
        len = p->unclosed > UNCLOSED_MAX ? p->rest.len : 1;
    }
    p->token.raw = slice_head(p->rest, len);
    p->rest = slice_from(p->rest, len);
}

static bool is_special(const struct parser *p, uint8_t c)
{
    return p->token.kind == TOKEN_SPECIAL && p->token.raw.ptr[0] == c;
}

/* Take a run of words and dots as they stand, from the first to the last. *glued: nothing
 * stands between them. */
static struct slice take_words(struct parser *p, bool *glued)
{
    const uint8_t *start = p->token.raw.ptr;
    const uint8_t *end = start;

    *glued = true;
    while (p->token.kind == TOKEN_ATOM || p->token.kind == TOKEN_QUOTED || is_special(p, '.')) {
        *glued = *glued && (end == start || !p->token.spaced);
        end = p->token.raw.ptr + p->token.raw.len;
        advance(p);
    }
    return slice_of(start, (size_t)(end - start));
}

/* A copy without quotes, the backslashes in them, and comments. */
static struct slice unquote(struct slice s, struct arena *arena)
{
    uint8_t *text = arena_alloc(arena, s.len + 1);
    size_t len = 0;
    bool quoted = false;

    for (size_t i = 0; i < s.len; i++) {
        if (!quoted && s.ptr[i] == '(') {
            size_t comment = delimited_length(slice_from(s, i), '(', ')');
            i += comment ? comment - 1 : 0;
        } else if (s.ptr[i] == '"') {
            quoted = !quoted;
        } else {
            i += quoted && s.ptr[i] == '\\' && i + 1 < s.len;
            text[len++] = s.ptr[i];
        }
    }
    return slice_of(text, len);
}

static enum mail_address_flaw read_local(struct slice raw, struct arena *arena, struct slice *local)
{
    if (mail_text_has_encoded_word(raw)) {
        return MAIL_ADDRESS_ENCODED;
    }
    if (mail_is_dot_atom(raw)) {
        *local = raw;
    } else if (raw.len > 2 && raw.ptr[0] == '"' && delimited_length(raw, '"', '"') == raw.len) {
        *local = unquote(raw, arena);
        if (slice_find(raw, '\t') != raw.len || slice_find(raw, '\n') != raw.len ||
            slice_find(raw, '\r') != raw.len) {
            return MAIL_ADDRESS_OBSOLETE;
        }
    } else {
        return slice_find(raw, '"') != raw.len ? MAIL_ADDRESS_OBSOLETE : MAIL_ADDRESS_MALFORMED;
    }
    return local->len > MAIL_LOCAL_MAX ? MAIL_ADDRESS_LONG : MAIL_ADDRESS_CLEAR;
}

/* One label of a domain: letters, digits, hyphens inside (RFC 5321 section 4.1.2), or UTF-8. */
static bool is_label(struct slice s)
{
    if (s.len == 0 || s.len > 63 || s.ptr[0] == '-' || s.ptr[s.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = ascii_lower(s.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c < 0x80) {
            return false;
        }
    }
    return true;
}

/* An address literal (RFC 5321 section 4.1.3); RFC 5322 would allow far more in the brackets. */
static enum mail_address_flaw check_literal(struct slice s)
{
    if (s.len < 3 || s.ptr[s.len - 1] != ']') {
        return MAIL_ADDRESS_MALFORMED;
    }
    for (size_t i = 1; i < s.len - 1; i++) {
        uint8_t c = ascii_lower(s.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != ':' &&
            c != '-') {
            return MAIL_ADDRESS_OBSOLETE;
        }
    }
    return MAIL_ADDRESS_CLEAR;
}

static enum mail_address_flaw check_domain(struct slice domain)
{
    struct slice rest = domain;

    if (mail_text_has_encoded_word(domain)) {
        return MAIL_ADDRESS_ENCODED;
    }
    if (domain.len > MAIL_DOMAIN_MAX) {
        return MAIL_ADDRESS_LONG;
    }
    if (domain.len && domain.ptr[0] == '[') {
        return check_literal(domain);
    }
    for (bool more = true; more;) {
        struct slice label = slice_cut(rest, '.', &rest);
        more = label.ptr + label.len < domain.ptr + domain.len;
        if (!is_label(label)) {
            return MAIL_ADDRESS_MALFORMED;
        }
    }
    return MAIL_ADDRESS_CLEAR;
}

/* Read local@domain where the local part's words were taken and the token is the "@". */
static enum mail_address_flaw read_spec(struct parser *p, struct slice words, bool glued,
                                        struct mail_address *a)
{
    enum mail_address_flaw flaw = MAIL_ADDRESS_CLEAR;

    glued = glued && !p->token.spaced;
    advance(p);
    glued = glued && !p->token.spaced;
    if (p->token.kind == TOKEN_LITERAL) {
        a->domain = p->token.raw;
        advance(p);
    } else {
        bool domain_glued = true;
        a->domain = take_words(p, &domain_glued);
        glued = glued && domain_glued;
    }
    if (!glued && words.len && a->domain.len) {
        return MAIL_ADDRESS_OBSOLETE;
    }
    flaw = read_local(words, p->arena, &a->local);
    return flaw != MAIL_ADDRESS_CLEAR ? flaw : check_domain(a->domain);
}

/* Read what follows "<", up to and with ">". */
static enum mail_address_flaw read_angle(struct parser *p, struct mail_address *a)
{
    bool glued = true;

    advance(p);
    if (is_special(p, '@') || is_special(p, ',')) {
        return MAIL_ADDRESS_OBSOLETE; /* a route, section 4.4 */
    }
    bool spaced = p->token.spaced;
    struct slice words = take_words(p, &glued);
    if (!is_special(p, '@')) {
        return mail_text_has_encoded_word(words) ? MAIL_ADDRESS_ENCODED : MAIL_ADDRESS_MALFORMED;
    }
    enum mail_address_flaw flaw = read_spec(p, words, glued, a);
    if (flaw != MAIL_ADDRESS_CLEAR) {
        return flaw;
    }
    if (!is_special(p, '>')) {
        return MAIL_ADDRESS_MALFORMED;
    }
    spaced = spaced || p->token.spaced;
    advance(p);
    return spaced ? MAIL_ADDRESS_OBSOLETE : MAIL_ADDRESS_CLEAR;
}

static bool at_item_end(const struct parser *p)
{
    return p->token.kind == TOKEN_END || is_special(p, ',') || is_special(p, ';');
}

static void add_address(struct parser *p, struct mail_address *a, struct slice name)
{
    struct mail_addresses *out = p->out;

    if (out->count == MAIL_ADDRESSES_MAX) {
        note_flaw(p, MAIL_ADDRESS_MANY);
        return;
    }
    if (out->count == p->room) {
        size_t room = p->room ? p->room * 2 : ADDRESSES_FIRST;
        struct mail_address *more = arena_array(p->arena, room, sizeof(*more));
        if (out->count) {
            (void)memcpy(more, out->items, out->count * sizeof(*more));
        }
        out->items = more;
        p->room = room;
    }
    a->name = read_name(p, name);
    out->items[out->count++] = *a;
}

static enum mail_address_flaw read_mailbox(struct parser *p, struct slice words, bool glued)
{
    struct mail_address a = {0};
    bool angle = is_special(p, '<');
    enum mail_address_flaw flaw = MAIL_ADDRESS_CLEAR;

    if (angle) {
        flaw = read_angle(p, &a);
    } else if (is_special(p, '@')) {
        flaw = read_spec(p, words, glued, &a);
    } else if (mail_text_has_encoded_word(words)) {
        return MAIL_ADDRESS_ENCODED;
    } else {
        /* Nothing between two commas is obsolete; a word without address is nothing at all. */
        return words.len || !at_item_end(p) ? MAIL_ADDRESS_MALFORMED : MAIL_ADDRESS_OBSOLETE;
    }
    if (flaw == MAIL_ADDRESS_CLEAR && !at_item_end(p)) {
        flaw = MAIL_ADDRESS_MALFORMED;
    }
    if (flaw == MAIL_ADDRESS_CLEAR) {
        struct slice name = angle && words.len ? unquote(words, p->arena) : p->comment;
        add_address(p, &a, name);
    }
    return flaw;
}

/* Read one member of the list: a mailbox, or the beginning or end of a group. */
static void read_item(struct parser *p)
{
    bool glued = true;

    p->comment = SLICE_NONE;
    struct slice words = take_words(p, &glued);
    if (words.len && is_special(p, ':') && !p->in_group) {
        p->out->groups = true;
        p->in_group = true;
        advance(p);
        if (!is_special(p, ';')) {
            read_item(p); /* not again a group: in_group is set */
        }
        return;
    }
    enum mail_address_flaw flaw = read_mailbox(p, words, glued);
    if (flaw == MAIL_ADDRESS_CLEAR) {
        return;
    }
    note_flaw(p, flaw);
    while (!at_item_end(p)) {
        advance(p);
    }
}

static void end_group(struct parser *p)
{
    if (!p->in_group) {
        note_flaw(p, MAIL_ADDRESS_MALFORMED);
    }
    p->in_group = false;
    advance(p);
    if (p->token.kind != TOKEN_END && !is_special(p, ',')) {
        note_flaw(p, MAIL_ADDRESS_MALFORMED);
        while (!at_item_end(p)) {
            advance(p);
        }
    }
}

void mail_addresses_read(struct slice value, bool utf8, struct arena *arena,
                         struct mail_addresses *out)
{
    struct parser p = {.rest = value, .arena = arena, .out = out};

    *out = (struct mail_addresses){0};
    if (!slice_is_ascii(value) && !(utf8 && slice_is_utf8(value))) {
        note_flaw(&p, MAIL_ADDRESS_EIGHT_BIT);
    }
    advance(&p);
    if (p.token.kind == TOKEN_END) {
        return;
    }
    read_item(&p);
    while (p.token.kind != TOKEN_END) {
        if (is_special(&p, ';')) {
            end_group(&p);
        } else {
            advance(&p); /* the comma */
            read_item(&p);
        }
    }
    if (p.in_group) {
        note_flaw(&p, MAIL_ADDRESS_MALFORMED);
    }
}

enum mail_address_flaw mail_address_read(struct slice text, bool utf8, struct arena *arena,
                                         struct mail_address *out)
{
    struct mail_address a = {0};
    size_t at = text.len;

    if (!slice_is_ascii(text) && !(utf8 && slice_is_utf8(text))) {
        return MAIL_ADDRESS_EIGHT_BIT;
    }
    while (at > 0 && text.ptr[at - 1] != '@') {
        at--; /* a domain holds no "@", a quoted local part may */
    }
    if (at == 0) {
        return MAIL_ADDRESS_MALFORMED;
    }
    enum mail_address_flaw flaw = read_local(slice_head(text, at - 1), arena, &a.local);
    a.domain = slice_from(text, at);
    flaw = flaw != MAIL_ADDRESS_CLEAR ? flaw : check_domain(a.domain);
    if (flaw == MAIL_ADDRESS_CLEAR) {
        *out = a;
    }
    return flaw;
}
