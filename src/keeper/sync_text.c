/* What a change of an account is called, and lists of texts compared. */
#include "keeper/sync_plan.h"

#define DETAIL_MAX 800

bool sync_has(const struct cbor_list *list, struct slice text)
{
    const struct slice *all = list->items;
    bool has = false;

    for (size_t i = 0; i < list->count; i++) {
        has = has || slice_equal(all[i], text);
    }
    return has;
}

bool sync_is_same(const struct cbor_list *a, const struct cbor_list *b)
{
    const struct slice *x = a->items;
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++) { /* their order means nothing */
        same = sync_has(b, x[i]);
    }
    return same;
}

static void add_list(struct buf *out, const char *what, const struct cbor_list *list)
{
    const struct slice *all = list->items;

    buf_printf(out, "%s%s", out->len ? ", " : "", what);
    for (size_t i = 0; i < list->count && out->len + all[i].len + 1 < DETAIL_MAX; i++) {
        buf_printf(out, " %.*s", SLICE_ARG(all[i]));
    }
    if (list->count == 0) {
        buf_add_text(out, " none");
    }
}

struct slice sync_describe(const struct account *was, const struct account *now, const char *why,
                           struct arena *arena)
{
    OWN(buf) struct buf text = {.max = (size_t)2 * DETAIL_MAX};
    static const struct account nobody = {.role = ACCOUNT_EMPLOYEE};
    const struct account *before = was ? was : &nobody;

    buf_add_text(&text, why);
    if (now->role != before->role) {
        buf_printf(&text, "%srole %s", text.len ? ", " : "", account_role_name(now->role));
    }
    if (!sync_is_same(&now->groups, &before->groups)) {
        add_list(&text, "groups", &now->groups);
    }
    if (!sync_is_same(&now->addresses, &before->addresses)) {
        add_list(&text, "also sends as", &now->addresses);
    }
    if (was && !slice_equal(now->display, was->display)) {
        buf_printf(&text, "%sits holder's name", text.len ? ", " : "");
    }
    return arena_copy(arena, slice_head(buf_slice(&text), DETAIL_MAX));
}
