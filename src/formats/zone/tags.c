#include "formats/zone/tags.h"

const struct slice *tags_find(const struct tags *tags, const char *name)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (slice_equal_nocase(tags->items[i].name, slice_text(name))) {
            return &tags->items[i].value;
        }
    }
    return NULL;
}

static bool is_new(const struct tags *tags, struct slice name)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (slice_equal_nocase(tags->items[i].name, name)) {
            return false;
        }
    }
    return name.len > 0;
}

bool tags_read(struct slice text, struct tags *out)
{
    out->count = 0;
    while (text.len) {
        struct slice part = slice_trim(slice_cut(text, ';', &text));
        size_t at = slice_find(part, '=');
        struct slice name = slice_trim(slice_head(part, at));
        if (part.len == 0 && slice_trim(text).len == 0) {
            break;
        }
        if (at == part.len || !is_new(out, name) || out->count == TAGS_MAX) {
            return false;
        }
        out->items[out->count++] = (struct tag){name, slice_trim(slice_from(part, at + 1))};
    }
    return true;
}

bool tags_begin(struct slice text, const char *version)
{
    struct slice first = slice_trim(slice_head(text, slice_find(text, ';')));
    struct slice wanted = slice_text(version);
    size_t at = slice_find(first, '=');
    size_t middle = slice_find(wanted, '=');

    return at < first.len &&
           slice_equal_nocase(slice_trim(slice_head(first, at)), slice_head(wanted, middle)) &&
           slice_equal(slice_trim(slice_from(first, at + 1)), slice_from(wanted, middle + 1));
}
