#include "formats/text/links.h"

#define AUTHORITY_MAX 1024 /* bytes that are looked at for one */

static bool starts_nocase(struct slice s, struct slice with)
{
    return s.len >= with.len && slice_equal_nocase(slice_head(s, with.len), with);
}

/* What may stand in a name: also what browsers decode. */
static bool is_name(uint8_t c)
{
    uint8_t lower = ascii_lower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '%' || c >= 0x80;
}

/* What may stand between "//" and the path. */
static bool is_authority(uint8_t c)
{
    return is_name(c) || c == ':' || c == '@' || c == '[' || c == ']' || c == '~' || c == '!' ||
           c == '$' || c == '&' || c == '*' || c == '+' || c == '=';
}

/* How many bytes at the start of s lead to a host; 0: none does. */
static size_t lead(struct slice s, bool word_begins)
{
    if (starts_nocase(s, SLICE("http://"))) {
        return 7;
    }
    if (starts_nocase(s, SLICE("https://"))) {
        return 8;
    }
    return word_begins && starts_nocase(s, SLICE("www.")) ? SIZE_MAX : 0;
}

/* The host in an authority: behind who signs in there, before the port. */
static struct slice host_of(struct slice authority)
{
    struct slice host = authority;
    size_t len = 0;

    for (size_t i = 0; i < authority.len; i++) {
        if (authority.ptr[i] == '@') {
            host = slice_from(authority, i + 1);
        }
    }
    if (host.len && host.ptr[0] == '[') {
        len = slice_find(host, ']');
        return slice_head(host, len < host.len ? len + 1 : 0);
    }
    while (len < host.len && is_name(host.ptr[len])) {
        len++;
    }
    while (len && host.ptr[len - 1] == '.') {
        len--;
    }
    return slice_head(host, len);
}

static bool take(struct slice host, struct link *link)
{
    if (host.len == 0 || host.len > LINK_HOST_MAX) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        link->host[i] = ascii_lower(host.ptr[i]);
    }
    link->len = host.len;
    return true;
}

bool link_next(struct slice *text, struct link *link)
{
    struct slice s = *text;
    bool begins = true;

    for (size_t i = 0; i < s.len;) {
        size_t before = lead(slice_from(s, i), begins);
        begins = !is_name(s.ptr[i]);
        if (before == 0) {
            i++;
            continue;
        }
        size_t from = before == SIZE_MAX ? i : i + before;
        size_t to = from;
        while (to < s.len && to - from < AUTHORITY_MAX && is_authority(s.ptr[to])) {
            to++;
        }
        struct slice authority = slice_of(s.ptr + from, to - from);
        if (take(host_of(authority), link)) {
            *text = slice_from(s, to);
            return true;
        }
        i = to;
        begins = false;
    }
    *text = SLICE_NONE;
    return false;
}
