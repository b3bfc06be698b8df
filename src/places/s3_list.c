#include "places/s3_list.h"

#include <string.h>

#define NAME_LEN_MAX 32
#define TEXT_LEN_MAX 2048

/* Where `what` begins in s; s.len: nowhere. */
static size_t find(struct slice s, struct slice what)
{
    const void *at = what.len && s.len ? memmem(s.ptr, s.len, what.ptr, what.len) : NULL;

    return at ? (size_t)((const uint8_t *)at - s.ptr) : s.len;
}

/* What stands between <name> and </name>, the first of them; *rest is what follows. */
static bool element(struct slice s, const char *name, struct slice *inner, struct slice *rest)
{
    OWN(arena) struct arena arena = {.max = 4096};
    struct slice open = arena_printf(&arena, "<%s>", name);
    struct slice close = arena_printf(&arena, "</%s>", name);
    size_t from = find(s, open);

    if (from == s.len) {
        return false;
    }
    struct slice behind = slice_from(s, from + open.len);
    size_t to = find(behind, close);
    if (to == behind.len) {
        return false;
    }
    *inner = slice_head(behind, to);
    *rest = slice_from(behind, to + close.len);
    return true;
}

static uint8_t entity(struct slice *s)
{
    static const struct {
        struct slice text;
        uint8_t byte;
    } all[] = {
        {SLICE_INIT("&amp;"),  '&' },
        {SLICE_INIT("&lt;"),   '<' },
        {SLICE_INIT("&gt;"),   '>' },
        {SLICE_INIT("&quot;"), '"' },
        {SLICE_INIT("&apos;"), '\''},
        {SLICE_INIT("&#34;"),  '"' },
        {SLICE_INIT("&#39;"),  '\''},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (slice_starts(*s, all[i].text)) {
            *s = slice_from(*s, all[i].text.len);
            return all[i].byte;
        }
    }
    uint8_t byte = s->ptr[0];
    *s = slice_from(*s, 1);
    return byte;
}

struct slice s3_list_text(struct slice xml, const char *name, struct arena *arena)
{
    struct slice inner = SLICE_NONE;
    struct slice rest;

    if (!element(xml, name, &inner, &rest) || inner.len == 0 || inner.len > TEXT_LEN_MAX) {
        return SLICE_NONE;
    }
    uint8_t *text = arena_alloc(arena, inner.len + 1);
    size_t len = 0;
    while (inner.len) {
        text[len++] = entity(&inner);
    }
    return slice_of(text, len);
}

static bool visit_each(struct slice xml, const char *name, s3_visit *visit, void *context,
                       struct error *e)
{
    struct slice inner = SLICE_NONE;

    while (element(xml, name, &inner, &xml)) {
        OWN(arena) struct arena arena = {.max = 64 << 10};
        struct slice size = s3_list_text(inner, "Size", &arena);
        struct s3_item item = {.key = s3_list_text(inner, "Key", &arena),
                               .version = s3_list_text(inner, "VersionId", &arena)};
        if (item.key.len == 0 || (size.len && !slice_decimal(size, UINT64_MAX, &item.size))) {
            return error_set(e, ERROR_INPUT, "the server's list of objects is not understood");
        }
        if (!visit(context, &item, e)) {
            return false;
        }
    }
    return true;
}

bool s3_list_read(struct slice xml, s3_visit *visit, void *context, struct arena *arena,
                  struct slice *next, struct error *e)
{
    if (find(xml, SLICE("<ListBucketResult")) == xml.len &&
        find(xml, SLICE("<ListVersionsResult")) == xml.len) {
        return error_set(e, ERROR_INPUT, "the server's answer is no list of objects");
    }
    if (!visit_each(xml, "Contents", visit, context, e) ||
        !visit_each(xml, "Version", visit, context, e) ||
        !visit_each(xml, "DeleteMarker", visit, context, e)) {
        return false;
    }
    bool more = slice_equal(s3_list_text(xml, "IsTruncated", arena), SLICE("true"));
    *next = more ? s3_list_text(xml, "NextContinuationToken", arena) : SLICE_NONE;
    return true;
}
