#include <arpa/inet.h>

#include "config/internal.h"

#define DOMAIN_MAX     253 /* RFC 1035 section 2.3.4, without the root's dot */
#define LABEL_MAX      63
#define LOCAL_PART_MAX 64 /* RFC 5321 section 4.5.3.1.1 */
#define WORD_MAX       63
#define URL_MAX        2048

struct unit {
    const char *name; /* NULL behind the last */
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"ms",  1            },
    {"s",   CONFIG_SECOND},
    {"min", CONFIG_MINUTE},
    {"h",   CONFIG_HOUR  },
    {"d",   CONFIG_DAY   },
    {NULL,  1            },
};

static const struct unit size_units[] = {
    {"B",   1         },
    {"KiB", CONFIG_KIB},
    {"MiB", CONFIG_MIB},
    {"GiB", CONFIG_GIB},
    {"TiB", CONFIG_TIB},
    {NULL,  1         },
};

static const struct unit *units_of(enum config_type type)
{
    return type == CONFIG_DURATION ? duration_units : size_units;
}

size_t config_value_width(enum config_type type)
{
    switch (type) {
    case CONFIG_TEXT:
    case CONFIG_WORD:
    case CONFIG_PATH:
    case CONFIG_DOMAIN:
    case CONFIG_ZONE:
    case CONFIG_MAILBOX:
    case CONFIG_URL:
        return sizeof(struct slice);
    case CONFIG_DURATION:
    case CONFIG_SIZE:
    case CONFIG_COUNT:
        return sizeof(uint64_t);
    case CONFIG_BOOLEAN:
        return sizeof(bool);
    case CONFIG_CHOICE:
        return sizeof(int);
    case CONFIG_LISTEN:
    case CONFIG_ENDPOINT:
        return sizeof(struct config_endpoint);
    }
    return 0;
}

struct slice config_unit_text(enum config_type type, uint64_t value, struct arena *arena)
{
    const struct unit *best = units_of(type);

    for (const struct unit *u = best; u->name; u++) {
        if (value && value % u->factor == 0) {
            best = u;
        }
    }
    return arena_printf(arena, "%llu%s", (unsigned long long)(value / best->factor), best->name);
}

static enum config_verdict within(const struct config_setting *row, uint64_t value)
{
    if (row->min > 0 && value < (uint64_t)row->min) {
        return CONFIG_TOO_SMALL;
    }
    return row->max > 0 && value > (uint64_t)row->max ? CONFIG_TOO_LARGE : CONFIG_FITS;
}

static enum config_verdict read_number(const struct config_setting *row, struct slice text,
                                       uint64_t *out)
{
    uint64_t value = 0;

    if (!slice_decimal(text, INT64_MAX, &value)) {
        return CONFIG_MALFORMED;
    }
    enum config_verdict verdict = within(row, value);
    *out = verdict == CONFIG_FITS ? value : *out;
    return verdict;
}

static enum config_verdict read_quantity(const struct config_setting *row, struct slice text,
                                         uint64_t *out)
{
    size_t digits = 0;
    uint64_t value = 0;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    struct slice name = slice_trim(slice_from(text, digits));
    const struct unit *unit = units_of(row->type);
    while (unit->name && !slice_equal(slice_text(unit->name), name)) {
        unit++;
    }
    if (!unit->name || digits == 0) {
        return CONFIG_MALFORMED;
    }
    if (!slice_decimal(slice_head(text, digits), INT64_MAX / unit->factor, &value)) {
        return CONFIG_TOO_LARGE;
    }
    enum config_verdict verdict = within(row, value * unit->factor);
    *out = verdict == CONFIG_FITS ? value * unit->factor : *out;
    return verdict;
}

static bool is_label(struct slice s, bool underscores)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = ascii_lower(s.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
            !(underscores && c == '_')) {
            return false;
        }
    }
    return s.len > 0 && s.len <= LABEL_MAX && s.ptr[0] != '-' && s.ptr[s.len - 1] != '-';
}

/* A host or domain name in letters, digits and hyphens (RFC 5321 section 2.3.5); the last label is
 * no number, so that an address is never taken for a name. */
static bool is_name(struct slice s, bool underscores)
{
    struct slice label;
    uint64_t number = 0;

    if (s.len > DOMAIN_MAX || (s.len && s.ptr[s.len - 1] == '.')) {
        return false;
    }
    do {
        label = slice_cut(s, '.', &s);
        if (!is_label(label, underscores)) {
            return false;
        }
    } while (s.len);
    return !slice_decimal(label, UINT64_MAX, &number);
}

static bool is_domain(struct slice s)
{
    return is_name(s, false);
}

static struct slice lower_copy(struct arena *arena, struct slice s)
{
    char *text = arena_text(arena, s);

    for (size_t i = 0; i < s.len; i++) {
        text[i] = (char)ascii_lower((uint8_t)text[i]);
    }
    return slice_of(text, s.len);
}

static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
            return false;
        }
    }
    return s.len > 0 && s.len <= WORD_MAX;
}

/* Dot-string local parts only: what needs quotes is no address for an operator's alarms. */
static bool is_mailbox(struct slice s)
{
    struct slice domain = SLICE_NONE;
    struct slice local = slice_cut(s, '@', &domain);

    if (local.len == 0 || local.len > LOCAL_PART_MAX || local.ptr[0] == '.' ||
        local.ptr[local.len - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < local.len; i++) {
        uint8_t c = local.ptr[i];
        bool double_dot = c == '.' && local.ptr[i + 1] == '.';
        if (c <= ' ' || double_dot || memchr("\"(),:;<>[\\]", c, 11)) {
            return false;
        }
    }
    return is_domain(domain);
}

/* http or https, a host, nothing but visible ASCII, and no user name: a password has no place in a
 * file that is shown to people who ask for help. */
static bool is_url(struct slice s)
{
    bool tls = slice_starts(s, SLICE("https://"));
    struct slice rest = slice_from(s, tls ? 8 : s.len < 7 ? s.len : 7);
    struct slice path;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f) {
            return false;
        }
    }
    struct slice authority = slice_cut(rest, '/', &path);
    return (tls || slice_starts(s, SLICE("http://"))) && s.len <= URL_MAX && authority.len > 0 &&
           slice_find(authority, '@') == authority.len;
}

static enum config_verdict read_text(const struct config_setting *row, struct slice text,
                                     struct arena *arena, struct slice *out)
{
    bool good = true;

    switch ((enum config_type)row->type) {
    case CONFIG_WORD:
        good = is_word(text);
        break;
    case CONFIG_PATH:
        good = text.len > 0 && text.ptr[0] == '/';
        break;
    case CONFIG_MAILBOX:
        good = is_mailbox(text);
        break;
    case CONFIG_URL:
        good = is_url(text);
        break;
    case CONFIG_DOMAIN:
        good = is_domain(text);
        break;
    case CONFIG_ZONE:
        good = is_name(text, true);
        break;
    case CONFIG_TEXT:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
    case CONFIG_COUNT:
    case CONFIG_BOOLEAN:
    case CONFIG_CHOICE:
    case CONFIG_LISTEN:
    case CONFIG_ENDPOINT:
        good = text.len > 0;
        break;
    }
    if (!good) {
        return CONFIG_MALFORMED;
    }
    enum config_verdict verdict = within(row, text.len);
    if (verdict == CONFIG_FITS) {
        *out = row->type == CONFIG_DOMAIN || row->type == CONFIG_ZONE ? lower_copy(arena, text)
                                                                      : arena_copy(arena, text);
    }
    return verdict;
}

static bool is_address(struct slice s, int family)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (s.len >= sizeof(text)) {
        return false;
    }
    (void)memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return inet_pton(family, text, &address) == 1;
}

/* Take the host off the front of *rest, which then holds nothing or ":port". */
static bool take_host(const struct config_setting *row, struct slice *rest,
                      struct config_endpoint *out)
{
    struct slice s = *rest;
    size_t len = 0;

    if (s.len && s.ptr[0] == '[') {
        len = slice_find(s, ']');
        out->host = slice_head(slice_from(s, 1), len ? len - 1 : 0);
        out->is_address = true;
        *rest = slice_from(s, len + 1);
        return len < s.len && is_address(out->host, AF_INET6);
    }
    len = slice_find(s, ':');
    out->host = slice_head(s, len);
    *rest = slice_from(s, len);
    out->is_address = out->host.len && is_address(out->host, AF_INET);
    if (out->is_address) {
        return true;
    }
    return row->type == CONFIG_LISTEN ? slice_equal(out->host, SLICE("*")) : is_domain(out->host);
}

static enum config_verdict read_endpoint(const struct config_setting *row, struct slice text,
                                         struct arena *arena, struct config_endpoint *out)
{
    struct config_endpoint endpoint = {.port = (uint16_t)row->min};
    uint64_t port = 0;

    if (!take_host(row, &text, &endpoint)) {
        return CONFIG_MALFORMED;
    }
    if (text.len == 0 && endpoint.port == 0) {
        return CONFIG_MALFORMED;
    }
    if (text.len) {
        if (text.ptr[0] != ':' || !slice_decimal(slice_from(text, 1), UINT16_MAX, &port) ||
            port == 0) {
            return CONFIG_MALFORMED;
        }
        endpoint.port = (uint16_t)port;
    }
    endpoint.host = lower_copy(arena, endpoint.host);
    *out = endpoint;
    return CONFIG_FITS;
}

static enum config_verdict read_choice(const struct config_setting *row, struct slice text,
                                       int *out)
{
    for (int i = (int)row->min; row->words[i]; i++) {
        if (slice_equal(text, slice_text(row->words[i]))) {
            *out = i;
            return CONFIG_FITS;
        }
    }
    return CONFIG_MALFORMED;
}

static enum config_verdict read_boolean(struct slice text, bool *out)
{
    bool yes = slice_equal(text, SLICE("yes"));

    if (!yes && !slice_equal(text, SLICE("no"))) {
        return CONFIG_MALFORMED;
    }
    *out = yes;
    return CONFIG_FITS;
}

enum config_verdict config_value_read(const struct config_setting *row, struct slice text,
                                      struct arena *arena, void *out)
{
    switch ((enum config_type)row->type) {
    case CONFIG_TEXT:
    case CONFIG_WORD:
    case CONFIG_PATH:
    case CONFIG_DOMAIN:
    case CONFIG_ZONE:
    case CONFIG_MAILBOX:
    case CONFIG_URL:
        return read_text(row, text, arena, out);
    case CONFIG_DURATION:
    case CONFIG_SIZE:
        return read_quantity(row, text, out);
    case CONFIG_COUNT:
        return read_number(row, text, out);
    case CONFIG_BOOLEAN:
        return read_boolean(text, out);
    case CONFIG_CHOICE:
        return read_choice(row, text, out);
    case CONFIG_LISTEN:
    case CONFIG_ENDPOINT:
        return read_endpoint(row, text, arena, out);
    }
    return CONFIG_MALFORMED;
}

/* A list's room is the power of two at or above its count, so it grows when the count is one. */
void config_list_add(struct config_list *list, struct arena *arena, const void *item, size_t width)
{
    size_t n = list->count;

    if ((n & (n - 1)) == 0) {
        void *moved = arena_array(arena, n ? 2 * n : 1, width);
        if (n) {
            (void)memcpy(moved, list->items, n * width);
        }
        list->items = moved;
    }
    (void)memcpy((uint8_t *)list->items + n * width, item, width);
    list->count = n + 1;
}

enum config_verdict config_member_read(const struct config_setting *row, struct slice text,
                                       struct arena *arena, void *member, struct slice *culprit)
{
    enum config_verdict verdict = CONFIG_FITS;
    size_t width = config_value_width(row->type);

    union {
        struct slice text;
        uint64_t number;
        struct config_endpoint endpoint;
    } value;

    if (row->list && text.len == 0) {
        return CONFIG_FITS;
    }
    do {
        struct slice item = SLICE_NONE;
        (void)memset(&value, 0, sizeof(value));
        *culprit = text;
        if (!config_line_item(&text, row->list, &item)) {
            return CONFIG_MALFORMED;
        }
        *culprit = item;
        verdict = config_value_read(row, item, arena, &value);
        if (verdict == CONFIG_FITS && row->list) {
            if (((struct config_list *)member)->count == CONFIG_LIST_MAX) {
                return CONFIG_TOO_LARGE;
            }
            config_list_add(member, arena, &value, width);
        } else if (verdict == CONFIG_FITS) {
            (void)memcpy(member, &value, width);
        }
    } while (verdict == CONFIG_FITS && text.len);
    return verdict;
}
