#include "cli/timeline_findings.h"

#include "cli/print.h"

struct lines {
    struct arena *arena;
    struct buf *out;
};

/* Text from outside. */
static const char *clean(struct lines *t, struct slice s)
{
    return arena_text(t->arena, print_cleaned(t->arena, s));
}

static const char *size_text(struct lines *t, uint64_t size)
{
    return arena_text(t->arena, print_size(t->arena, size));
}

static const char *reading_text(uint64_t reading)
{
    static const char *const words[] = {"?",       "read",     "read", "taken apart",
                                        "skipped", "NOT READ", "read"};

    return reading < sizeof(words) / sizeof(words[0]) ? words[reading] : "?";
}

static void detected(struct lines *t, const struct detected *d)
{
    const char *what = d->kind == DETECTED_CARD ? "payment card number"
                       : d->kind == DETECTED_IBAN
                           ? "bank account number (IBAN)"
                           : "number of a kind that this program is too old for";

    buf_printf(t->out, "    in it: %s%llu %s%s\n",
               d->count == DETECTED_COUNT_MAX ? "at least " : "", (unsigned long long)d->count,
               what, d->count == 1 ? "" : "s");
}

static void scanned(struct lines *t, const struct scan *s)
{
    const char *who = s->by == SCAN_CLAMD ? "malware scanner" : "spam filter";

    switch (s->verdict) {
    case SCAN_CLEAN:
        buf_printf(t->out, "    %s: nothing found\n", who);
        break;
    case SCAN_MALWARE:
        buf_printf(t->out, "    %s: found %s\n", who, clean(t, s->name));
        break;
    case SCAN_SCORED:
        buf_printf(t->out, "    %s: %llu.%02llu points, %s\n", who,
                   (unsigned long long)(s->score / 100), (unsigned long long)(s->score % 100),
                   clean(t, s->name));
        break;
    case SCAN_TOO_LARGE:
        if (s->name.len) {
            buf_printf(t->out, "    %s: did not look at all of it: %s\n", who, clean(t, s->name));
        } else {
            buf_printf(t->out, "    %s: did not look, it is too large for it\n", who);
        }
        break;
    default:
        buf_printf(t->out, "    %s: did not look: %s\n", who, clean(t, s->name));
    }
}

static void parts_of(struct lines *t, const struct findings *f)
{
    const struct part *parts = f->parts.items;

    buf_printf(t->out, f->unread ? "could not be inspected\n" : "inspected: %zu part%s\n",
               f->parts.count, f->parts.count == 1 ? "" : "s");
    for (size_t i = 0; i < f->parts.count; i++) {
        const struct part *p = &parts[i];
        uint64_t depth = p->depth < 20 ? p->depth : 20;
        buf_printf(t->out, "    %*s%s%s%s, %s, %s%s%s\n", (int)depth * 2, "", clean(t, p->type),
                   p->name.len ? " " : "", clean(t, p->name), size_text(t, p->size),
                   reading_text(p->reading), p->reason.len ? ": " : "", clean(t, p->reason));
        if (p->note.len) {
            buf_printf(t->out, "    %*s  (%s)\n", (int)depth * 2, "", clean(t, p->note));
        }
    }
}

static void links_of(struct lines *t, const struct findings *f)
{
    for (size_t i = 0; i < f->links.count; i++) {
        buf_printf(t->out, "%s%s", i ? ", " : "    links to    ",
                   clean(t, ((const struct slice *)f->links.items)[i]));
    }
    buf_add_text(t->out, f->links.count ? "\n" : "");
}

void timeline_findings(const struct findings *f, struct arena *arena, struct buf *out)
{
    struct lines lines = {arena, out};
    struct lines *t = &lines;
    const struct slice *gaps = f->gaps.items;

    parts_of(t, f);
    for (size_t i = 0; i < f->detected.count; i++) {
        detected(t, &((const struct detected *)f->detected.items)[i]);
    }
    links_of(t, f);
    for (size_t i = 0; i < f->scans.count; i++) {
        scanned(t, &((const struct scan *)f->scans.items)[i]);
    }
    for (size_t i = 0; i < f->gaps.count; i++) {
        buf_printf(out, "    %-12s%s\n", "left out", clean(t, gaps[i]));
    }
}
