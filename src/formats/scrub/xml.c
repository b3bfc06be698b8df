#include "formats/scrub/xml.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Length of what begins with `open` up to and with `close`; 0: it does not end. */
static size_t span(struct slice s, const char *close)
{
    const uint8_t *end = memmem(s.ptr, s.len, close, strlen(close));

    return end ? (size_t)(end - s.ptr) + strlen(close) : 0;
}

/* Length of a tag, whose attributes may have any character but their quote; 0: it does not end. */
static size_t tag_len(struct slice s)
{
    uint8_t quote = 0;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            return i + 1;
        }
    }
    return 0;
}

static size_t name_len(struct slice s)
{
    size_t len = 0;

    while (len < s.len && !is_space(s.ptr[len]) && s.ptr[len] != '/' && s.ptr[len] != '>') {
        len++;
    }
    return len;
}

static size_t other_len(struct slice s)
{
    if (slice_starts(s, SLICE("<!--"))) {
        return span(s, "-->");
    }
    if (slice_starts(s, SLICE("<![CDATA["))) {
        return span(s, "]]>");
    }
    if (slice_starts(s, SLICE("<?"))) {
        return span(s, "?>");
    }
    return 0; /* a DOCTYPE has no place in these parts */
}

static void read_tag(struct xml_token *token)
{
    struct slice raw = token->raw;
    bool close = raw.len > 1 && raw.ptr[1] == '/';
    struct slice inner = slice_from(raw, close ? 2 : 1);

    token->name = slice_head(inner, name_len(inner));
    token->kind = close ? XML_CLOSE : raw.ptr[raw.len - 2] == '/' ? XML_EMPTY : XML_OPEN;
}

bool xml_next(struct slice *rest, struct xml_token *token, bool *broken)
{
    struct slice s = *rest;
    size_t len = 0;

    *token = (struct xml_token){.kind = XML_TEXT};
    if (s.len == 0) {
        return false;
    }
    if (s.ptr[0] != '<') {
        len = slice_find(s, '<');
    } else if (s.len > 1 && (s.ptr[1] == '!' || s.ptr[1] == '?')) {
        len = other_len(s);
    } else {
        len = tag_len(s);
        token->raw = slice_head(s, len);
        if (len > 2) {
            read_tag(token);
        }
        len = token->name.len ? len : 0;
    }
    token->raw = slice_head(s, len);
    *rest = slice_from(s, len);
    *broken = *broken || len == 0;
    return len != 0;
}

bool xml_next_attribute(struct slice *rest, struct slice *raw, struct slice *name,
                        struct slice *value)
{
    struct slice s = *rest;
    size_t at = 0;

    while (at < s.len && is_space(s.ptr[at])) {
        at++;
    }
    size_t equals = at + slice_find(slice_from(s, at), '=');
    size_t open = equals + 1;
    while (open < s.len && is_space(s.ptr[open])) {
        open++;
    }
    if (open >= s.len || (s.ptr[open] != '"' && s.ptr[open] != '\'')) {
        return false;
    }
    size_t len = slice_find(slice_from(s, open + 1), s.ptr[open]);
    size_t end = equals;
    while (end > at && is_space(s.ptr[end - 1])) {
        end--;
    }
    *name = slice_head(slice_from(s, at), end - at);
    *value = slice_head(slice_from(s, open + 1), len);
    *raw = slice_head(s, open + len + 2);
    *rest = slice_from(s, raw->len);
    return true;
}

struct slice xml_attributes(const struct xml_token *token)
{
    return slice_from(token->raw, (size_t)(token->name.ptr - token->raw.ptr) + token->name.len);
}

struct slice xml_attribute(const struct xml_token *token, const char *name)
{
    struct slice rest = xml_attributes(token);
    struct slice raw;
    struct slice found;
    struct slice value;

    while (xml_next_attribute(&rest, &raw, &found, &value)) {
        if (slice_equal(found, slice_text(name))) {
            return value;
        }
    }
    return SLICE_NONE;
}

static bool begins_as(struct slice name, const char *const *prefixes)
{
    while (*prefixes && !slice_starts(name, slice_text(*prefixes))) {
        prefixes++;
    }
    return *prefixes != NULL;
}

bool xml_without(const struct xml_token *token, const char *const *prefixes, struct buf *out)
{
    struct slice rest = xml_attributes(token);
    struct slice raw;
    struct slice name;
    struct slice value;
    bool found = false;

    buf_add(out, slice_head(token->raw, token->raw.len - rest.len));
    while (xml_next_attribute(&rest, &raw, &name, &value)) {
        if (begins_as(name, prefixes)) {
            found = true;
        } else {
            buf_add(out, raw);
        }
    }
    buf_add(out, rest);
    return found;
}
