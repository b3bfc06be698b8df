#include "cli/timeline_more.h"

#include "cli/print.h"
#include "letter/redecision.h"

static const char *clean(struct arena *arena, struct slice s)
{
    return arena_text(arena, print_cleaned(arena, s));
}

static const char *day_of(struct arena *arena, uint64_t ms)
{
    return arena_text(arena, slice_head(print_time_ms(arena, ms), 10));
}

/* A line of detail; nothing when the text is empty. */
static void detail(struct buf *out, const char *label, const char *text)
{
    if (text[0]) {
        buf_printf(out, "    %-12s%s\n", label, text);
    }
}

void timeline_classes(const struct classes *c, struct arena *arena, struct buf *out)
{
    const struct class_stamp *stamps = c->classes.items;

    if (c->classes.count == 0) {
        buf_add_text(out, "under no rule any more: kept for ever\n");
        return;
    }
    buf_printf(out, c->until ? "kept until %s\n" : "kept for ever%s\n",
               c->until ? day_of(arena, c->until) : "");
    for (size_t i = 0; i < c->classes.count; i++) {
        const struct class_stamp *s = &stamps[i];
        const char *until = s->ends ? day_of(arena, s->ends) : "";
        buf_printf(out, "    %s: %s%s (%s; rule of record %llu)\n", clean(arena, s->class),
                   s->ends ? "until " : "no end", until, clean(arena, s->why),
                   (unsigned long long)s->rule);
    }
}

static const char *joined(struct arena *arena, const struct cbor_list *list)
{
    const struct slice *items = list->items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < list->count; i++) {
        text =
            arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(text), i ? ", " : "", SLICE_ARG(items[i]));
    }
    return clean(arena, text);
}

void timeline_need(const struct consent_need *n, struct arena *arena, struct buf *out)
{
    if (n->rule.len == 0) {
        return;
    }
    buf_printf(out, "    needs approval by the rule %s: %s\n", clean(arena, n->rule),
               clean(arena, n->why));
    detail(out, "  by", joined(arena, &n->approvers));
    detail(out, "  until", arena_text(arena, print_time(arena, n->until)));
    detail(out, "  rule",
           arena_text(arena,
                      arena_printf(arena, "SHA-256 %.*s", SLICE_ARG(print_hex(arena, n->digest)))));
}

void timeline_consent(const struct consent_record *r, struct arena *arena, struct buf *out)
{
    static const char *const words[] = {"?", "waits for approval: sender and approvers were told",
                                        "approved", "refused: back to its sender",
                                        "approved by nobody in time: back to its sender"};

    buf_printf(out, "%s%s%s\n", words[r->state <= CONSENT_TIMED_OUT ? r->state : 0],
               r->by.len ? ", by " : "", clean(arena, r->by));
    detail(out, "reason", clean(arena, r->reason));
    detail(out, "told", joined(arena, &r->told));
}

void timeline_order(const struct order *o, struct arena *arena, struct buf *out)
{
    static const char *const words[] = {"?", "held", "released", "to be tried at once",
                                        "cancelled"};

    buf_printf(out, "%s by %s\n", o->kind < 5 ? words[o->kind] : "?", clean(arena, o->by));
    detail(out, "domain", clean(arena, o->domain));
    detail(out, "reason", clean(arena, o->reason));
}

void timeline_redecision(const struct redecision *r, struct arena *arena, struct buf *out)
{
    buf_printf(out, "decided once more, in the place of what was held%s%s\n",
               r->by.len ? ", by order of " : "", clean(arena, r->by));
    detail(out, "reason", clean(arena, r->reason));
}

void timeline_place(const struct source *s, struct arena *arena, struct buf *out)
{
    detail(out, "file", clean(arena, s->path));
    if (s->kind == SOURCE_MBOX) {
        detail(out, "place",
               (const char *)arena_printf(arena, "byte %llu, behind the line `From %s`",
                                          (unsigned long long)s->offset, clean(arena, s->from_line))
                   .ptr);
    }
    if (s->unquoted) {
        detail(out, "unquoted",
               (const char *)arena_printf(arena, "a `>` was taken from %llu lines (%s)",
                                          (unsigned long long)s->unquoted,
                                          s->quoting == QUOTING_MBOXO ? "mboxo" : "mboxrd")
                   .ptr);
    }
    if (s->uid) {
        detail(out, "place",
               (const char *)arena_printf(arena, "UID %llu of UIDVALIDITY %llu",
                                          (unsigned long long)s->uid,
                                          (unsigned long long)s->uid_validity)
                   .ptr);
    }
}
