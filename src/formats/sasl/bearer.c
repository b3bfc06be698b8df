#include "formats/sasl/bearer.h"

#include "formats/sasl/scram.h"

#define SEPARATOR 0x01

_Static_assert(BEARER_NAME_MAX == SCRAM_NAME_MAX, "a name is decoded in place");

static bool is_key(struct slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = ascii_lower(key.ptr[i]);
        if (c < 'a' || c > 'z') {
            return false;
        }
    }
    return key.len > 0;
}

/* value = *(VCHAR / SP / HTAB / CR / LF) */
static bool is_value(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* b64token of RFC 6750 section 2.1. */
static bool is_token(struct slice token)
{
    size_t end = token.len;

    while (end && token.ptr[end - 1] == '=') {
        end--;
    }
    for (size_t i = 0; i < end; i++) {
        uint8_t c = token.ptr[i];
        uint8_t letter = ascii_lower(c);
        if ((letter < 'a' || letter > 'z') && (c < '0' || c > '9') &&
            slice_find(SLICE("-._~+/"), c) == 6) {
            return false;
        }
    }
    return end > 0;
}

/* "Bearer TOKEN", the scheme in any case. */
static bool read_token(struct slice value, struct slice *token)
{
    static const struct slice scheme = SLICE_INIT("bearer ");

    if (!slice_starts_nocase(value, scheme)) {
        return false;
    }
    *token = slice_trim(slice_from(value, scheme.len));
    return is_token(*token);
}

/* *(key "=" value kvsep) kvsep: of the keys only `auth` counts. Which others there are the client knows. */
static bool read_pairs(struct slice pairs, struct slice *token)
{
    bool has = false;

    while (pairs.len && pairs.ptr[0] != SEPARATOR) {
        if (slice_find(pairs, SEPARATOR) == pairs.len) {
            return false;
        }
        struct slice value;
        struct slice pair = slice_cut(pairs, SEPARATOR, &pairs);
        if (slice_find(pair, '=') == pair.len) {
            return false;
        }
        struct slice key = slice_cut(pair, '=', &value);
        bool is_auth = slice_equal_nocase(key, SLICE("auth"));
        if (!is_key(key) || !is_value(value) || (is_auth && (has || !read_token(value, token)))) {
            return false;
        }
        has = has || is_auth;
    }
    return pairs.len == 1;
}

/* gs2-header = ("n" / "y") "," ["a=" name] "," (RFC 5801 section 4): we bind no channel. */
static bool read_header(struct slice header, struct bearer_message *out)
{
    struct slice rest;
    struct slice flag = slice_cut(header, ',', &rest);

    if ((!slice_equal(flag, SLICE("n")) && !slice_equal(flag, SLICE("y"))) ||
        slice_find(rest, ',') + 1 != rest.len) {
        return false;
    }
    struct slice name = slice_head(rest, rest.len - 1);
    if (name.len == 0) {
        return true;
    }
    return slice_starts(name, SLICE("a=")) && name.len > 2 &&
           scram_name(slice_from(name, 2), out->user, &out->user_len) && out->user_len &&
           slice_is_utf8(slice_of(out->user, out->user_len));
}

bool bearer_read(struct slice message, struct bearer_message *out)
{
    struct slice pairs;

    *out = (struct bearer_message){.user_len = 0};
    if (message.len > BEARER_MESSAGE_MAX || slice_find(message, 0) < message.len) {
        return false;
    }
    struct slice header = slice_cut(message, SEPARATOR, &pairs);
    return read_header(header, out) && read_pairs(pairs, &out->token);
}

bool bearer_read_xoauth2(struct slice message, struct bearer_message *out)
{
    static const struct slice key = SLICE_INIT("user=");
    struct slice pairs;

    *out = (struct bearer_message){.user_len = 0};
    if (message.len > BEARER_MESSAGE_MAX || slice_find(message, 0) < message.len ||
        !slice_starts(message, key)) {
        return false;
    }
    struct slice user = slice_cut(slice_from(message, key.len), SEPARATOR, &pairs);
    if (user.len == 0 || user.len > BEARER_NAME_MAX || !slice_is_utf8(user)) {
        return false;
    }
    (void)memcpy(out->user, user.ptr, user.len);
    out->user_len = user.len;
    return read_pairs(pairs, &out->token) && out->token.len;
}

/* A member of the object, when its value stands in a JSON text as it is. */
static void add_member(struct buf *out, const char *name, struct slice value)
{
    if (value.len && is_value(value) && slice_find(value, '"') == value.len &&
        slice_find(value, '\\') == value.len && slice_find(value, '\n') == value.len &&
        slice_find(value, '\r') == value.len && slice_find(value, '\t') == value.len) {
        buf_printf(out, "%s\"%s\":\"%.*s\"", out->len > 1 ? "," : "", name, SLICE_ARG(value));
    }
}

void bearer_write_error(const struct bearer_error *error, struct buf *out)
{
    buf_add_byte(out, '{');
    add_member(out, "status", error->status);
    add_member(out, "schemes", error->schemes ? SLICE("bearer") : SLICE_NONE);
    add_member(out, "scope", error->scope);
    add_member(out, "openid-configuration", error->document);
    buf_add_byte(out, '}');
}
