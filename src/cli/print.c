#include "cli/print.h"

#include <stdio.h>
#include <time.h>
#include <utf8proc.h>

#define ELLIPSIS    "…"
#define CLEAN_TIMES 8 /* a byte becomes at most so many: `\u{10ffff}` takes the place of four */

/* Is the character seen, and only seen? Joiners make no mark of their own, but names in several
 * scripts are not readable without them. */
static bool is_visible(utf8proc_int32_t c)
{
    const unsigned hidden = 1U << UTF8PROC_CATEGORY_CC | 1U << UTF8PROC_CATEGORY_CF |
                            1U << UTF8PROC_CATEGORY_CN | 1U << UTF8PROC_CATEGORY_CO |
                            1U << UTF8PROC_CATEGORY_CS | 1U << UTF8PROC_CATEGORY_ZL |
                            1U << UTF8PROC_CATEGORY_ZP;

    return !(hidden >> (unsigned)utf8proc_category(c) & 1U) || c == 0x200c || c == 0x200d;
}

static void escape(struct buf *out, utf8proc_int32_t c)
{
    if (c == '\n') {
        buf_add_text(out, "\\n");
    } else if (c == '\r') {
        buf_add_text(out, "\\r");
    } else if (c == '\t') {
        buf_add_text(out, "\\t");
    } else if (c < 0x80) {
        buf_printf(out, "\\x%02x", (unsigned)c);
    } else {
        buf_printf(out, "\\u{%x}", (unsigned)c);
    }
}

void print_clean(struct buf *out, struct slice s)
{
    while (s.len) {
        utf8proc_int32_t c = 0;
        utf8proc_ssize_t n = utf8proc_iterate(s.ptr, (utf8proc_ssize_t)s.len, &c);
        if (n <= 0) {
            buf_printf(out, "\\x%02x", s.ptr[0]);
            n = 1;
        } else if (c == '\\') {
            buf_add_text(out, "\\\\");
        } else if (is_visible(c)) {
            buf_add(out, slice_head(s, (size_t)n));
        } else {
            escape(out, c);
        }
        s = slice_from(s, (size_t)n);
    }
}

struct slice print_cleaned(struct arena *arena, struct slice s)
{
    OWN(buf) struct buf clean = {.max = s.len * CLEAN_TIMES + 1};

    print_clean(&clean, s);
    return arena_copy(arena, buf_slice(&clean));
}

/* Take one character of clean text and tell its width. */
static size_t take_character(struct slice *s)
{
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t n = utf8proc_iterate(s->ptr, (utf8proc_ssize_t)s->len, &c);
    int width = n > 0 ? utf8proc_charwidth(c) : 1;

    *s = slice_from(*s, n > 0 ? (size_t)n : 1);
    return width > 0 ? (size_t)width : 0;
}

size_t print_width(struct slice s)
{
    size_t width = 0;

    while (s.len) {
        width += take_character(&s);
    }
    return width;
}

struct slice print_cut(struct arena *arena, struct slice s, size_t columns)
{
    struct slice rest = s;
    size_t width = 0;
    size_t fits = 0; /* bytes that leave room for the ellipsis */

    while (rest.len) {
        width += take_character(&rest);
        if (width > columns) {
            return columns ? arena_printf(arena, "%.*s%s", SLICE_ARG(slice_head(s, fits)), ELLIPSIS)
                           : SLICE_NONE;
        }
        if (width < columns) {
            fits = s.len - rest.len;
        }
    }
    return s;
}

static struct slice time_text(struct arena *arena, uint64_t wall_ms, bool with_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm local;
    char date[32];
    char fraction[8] = "";
    char offset[8];

    if (wall_ms == 0) {
        return SLICE("-");
    }
    if (!localtime_r(&seconds, &local) ||
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &local) == 0 ||
        strftime(offset, sizeof(offset), "%z", &local) != 5) {
        return arena_printf(arena, "@%llu", (unsigned long long)wall_ms);
    }
    if (with_ms) {
        (void)snprintf(fraction, sizeof(fraction), ".%03u", (unsigned)(wall_ms % 1000));
    }
    return arena_printf(arena, "%s%s%.3s:%s", date, fraction, offset, offset + 3);
}

struct slice print_time(struct arena *arena, uint64_t wall_ms)
{
    return time_text(arena, wall_ms, false);
}

struct slice print_time_ms(struct arena *arena, uint64_t wall_ms)
{
    return time_text(arena, wall_ms, true);
}

struct slice print_size(struct arena *arena, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    uint64_t tenths = 0;
    size_t unit = 0;

    if (bytes < 1024) {
        return arena_printf(arena, "%llu byte%s", (unsigned long long)bytes, bytes == 1 ? "" : "s");
    }
    for (uint64_t whole = bytes; unit < 5; unit++, whole /= 1024) {
        tenths = whole / 1024 * 10 + whole % 1024 * 10 / 1024;
        if (tenths < 10240 || unit == 4) {
            break;
        }
    }
    return arena_printf(arena, "%llu.%llu %s", (unsigned long long)(tenths / 10),
                        (unsigned long long)(tenths % 10), units[unit]);
}

struct slice print_duration(struct arena *arena, uint64_t ms)
{
    if (ms < 60000) {
        return arena_printf(arena, "%llu.%llu s", (unsigned long long)(ms / 1000),
                            (unsigned long long)(ms % 1000 / 100));
    }
    if (ms < 2 * UINT64_C(3600000)) {
        return arena_printf(arena, "%llu min", (unsigned long long)(ms / 60000));
    }
    if (ms < 2 * UINT64_C(86400000)) {
        return arena_printf(arena, "%llu h", (unsigned long long)(ms / 3600000));
    }
    return arena_printf(arena, "%llu d", (unsigned long long)(ms / 86400000));
}

struct slice print_hex(struct arena *arena, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *hex = arena_alloc(arena, bytes.len * 2 + 1);

    for (size_t i = 0; i < bytes.len; i++) {
        hex[2 * i] = (uint8_t)digits[bytes.ptr[i] >> 4];
        hex[2 * i + 1] = (uint8_t)digits[bytes.ptr[i] & 15];
    }
    return slice_of(hex, bytes.len * 2);
}

/* ── columns ── */

struct print_row {
    struct print_row *next;
    struct slice cells[PRINT_COLUMNS_MAX];
};

static void widen(struct print_columns *c, size_t i, struct slice cell)
{
    size_t width = print_width(cell);

    c->widths[i] = width > c->widths[i] ? width : c->widths[i];
}

void print_row(struct print_columns *c, const struct slice *cells)
{
    struct print_row *row = arena_alloc(c->arena, sizeof(*row));

    for (size_t i = 0; i < c->count; i++) {
        row->cells[i] = print_cleaned(c->arena, cells[i]);
        widen(c, i, row->cells[i]);
    }
    if (c->last) {
        c->last->next = row;
    } else {
        c->first = row;
    }
    c->last = row;
}

static void pad(struct buf *out, size_t columns)
{
    while (columns--) {
        buf_add_byte(out, ' ');
    }
}

static void write_line(struct print_columns *c, const struct slice *cells, size_t limit,
                       struct buf *out)
{
    OWN(buf) struct buf line = {.max = SIZE_MAX / 2};
    size_t last = c->count;
    size_t owed = 0; /* blanks that are due when another cell comes */

    while (last && cells[last - 1].len == 0) {
        last--;
    }
    for (size_t i = 0; i < last; i++) {
        size_t room = c->widths[i] - print_width(cells[i]);
        bool right = c->right >> i & 1U;
        pad(&line, owed + (right ? room : 0));
        buf_add(&line, cells[i]);
        owed = (right ? 0 : room) + 2;
    }
    buf_add(out, limit ? print_cut(c->arena, buf_slice(&line), limit) : buf_slice(&line));
    buf_add_byte(out, '\n');
}

void print_columns(struct print_columns *c, size_t limit, struct buf *out)
{
    struct slice heads[PRINT_COLUMNS_MAX];

    for (size_t i = 0; c->heads && i < c->count; i++) {
        heads[i] = slice_text(c->heads[i]);
        widen(c, i, heads[i]);
    }
    if (c->heads) {
        write_line(c, heads, limit, out);
    }
    for (const struct print_row *row = c->first; row; row = row->next) {
        write_line(c, row->cells, limit, out);
    }
}
