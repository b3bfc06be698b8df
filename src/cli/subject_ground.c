/* Why letters of or about a person are kept, as people read it. */
#include "cli/print.h"
#include "cli/subject.h"

/* ── groups of letters that are kept for the same reason ── */

struct subject_group *subject_group_of(struct cli *c, struct subject_groups *all,
                                       const struct subject_ground *g)
{
    for (size_t i = 0; i < all->n; i++) {
        struct subject_group *at = &all->list[i];
        if (at->ground.why == g->why && slice_equal(at->ground.name, g->name) &&
            slice_equal(at->ground.citation, g->citation)) {
            return at;
        }
    }
    if (all->n == SUBJECT_GROUPS_MAX) {
        all->more = true;
        return NULL;
    }
    all->list[all->n] = (struct subject_group){
        .ground = {g->why, arena_copy(&c->arena, g->name), arena_copy(&c->arena, g->citation)}
    };
    return &all->list[all->n++];
}

static void group_add(struct cli *c, struct subject_groups *all, const struct subject_ground *g,
                      uint64_t until)
{
    struct subject_group *at = subject_group_of(c, all, g);

    if (!at) {
        return;
    }
    at->letters++;
    at->endless += until == 0;
    if (until && (at->first == 0 || until < at->first)) {
        at->first = until;
    }
    at->last = until > at->last ? until : at->last;
}

static const struct subject_ground *ground_at(const struct cbor_list *grounds, uint64_t at)
{
    static const struct subject_ground unknown = {.why = SUBJECT_UNTOLD};

    return at < grounds->count ? (const struct subject_ground *)grounds->items + at : &unknown;
}

struct slice subject_day(struct cli *c, uint64_t ms)
{
    return slice_head(print_time(&c->arena, ms), 10);
}

/* ── for the file ── */

static struct slice law_of(struct cli *c, const struct subject_ground *g)
{
    return g->citation.len ? print_cleaned(&c->arena, g->citation) : SLICE("the rule names no law");
}

static struct slice ground_text(struct cli *c, const struct subject_ground *g)
{
    struct slice name = g->name.len ? print_cleaned(&c->arena, g->name) : SLICE("not named");

    switch (g->why) {
    case SUBJECT_HELD:
        return arena_printf(&c->arena, "legal claims: held by %.*s", SLICE_ARG(name));
    case SUBJECT_DUTY:
        return arena_printf(&c->arena, "duty to keep: class %.*s (%.*s)", SLICE_ARG(name),
                            SLICE_ARG(law_of(c, g)));
    case SUBJECT_QUEUE:
        return SLICE("still to be delivered, or a report about it is");
    case SUBJECT_OTHER:
        return SLICE("the index names it, and the letter itself says nothing of it");
    case SUBJECT_MUCH:
        return SLICE("more belongs to it than is erased at once: `postern erase ID` says what");
    case SUBJECT_UNTOLD:
    default:
        return SLICE("nobody can tell whether it may go: it cannot be read whole, or the clock is "
                     "not believed");
    }
}

static struct slice until_text(struct cli *c, const struct subject_group *g)
{
    struct slice text = SLICE_NONE;

    if (g->ground.why != SUBJECT_DUTY) {
        return g->ground.why == SUBJECT_HELD ? SLICE("until the hold is released") : SLICE_NONE;
    }
    if (g->last) {
        text =
            g->first == g->last
                ? arena_printf(&c->arena, "until %.*s", SLICE_ARG(subject_day(c, g->last)))
                : arena_printf(&c->arena, "until %.*s to %.*s", SLICE_ARG(subject_day(c, g->first)),
                               SLICE_ARG(subject_day(c, g->last)));
    }
    return g->endless
               ? arena_printf(&c->arena, "%.*s%s%llu without an end that is known", SLICE_ARG(text),
                              text.len ? ", " : "", (unsigned long long)g->endless)
               : text;
}

void subject_say_groups(struct cli *c, const struct subject_groups *all)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct subject_group *g = &all->list[i];
        struct slice until = until_text(c, g);
        buf_printf(&c->out, "  %llu: %.*s%s%.*s\n", (unsigned long long)g->letters,
                   SLICE_ARG(ground_text(c, &g->ground)), until.len ? "; " : "", SLICE_ARG(until));
    }
    if (all->n > 1) {
        buf_add_text(&c->out, "  A letter may be kept for several reasons.\n");
    }
    if (all->more) {
        buf_printf(&c->out, "  There are other reasons, beyond the first %d.\n",
                   SUBJECT_GROUPS_MAX);
    }
}

void subject_say_letters(struct cli *c, const struct cbor_list *grounds,
                         const struct cbor_list *letters)
{
    const struct subject_kept *kept = letters->items;

    for (size_t i = 0; i < letters->count; i++) {
        const struct subject_ground *g = ground_at(grounds, kept[i].ground);
        char text[LETTER_ID_TEXT] = "?";
        struct letter_id id;
        if (letter_id_from(kept[i].id, &id)) {
            letter_id_text(&id, text);
        }
        buf_printf(&c->out, "%s  %-10.*s  %.*s\n", text,
                   SLICE_ARG(kept[i].until ? subject_day(c, kept[i].until) : SLICE("-")),
                   SLICE_ARG(ground_text(c, g)));
    }
}

void subject_group_letters(struct cli *c, struct subject_groups *all,
                           const struct cbor_list *grounds, const struct cbor_list *letters)
{
    const struct subject_kept *kept = letters->items;

    for (size_t i = 0; i < letters->count; i++) {
        group_add(c, all, ground_at(grounds, kept[i].ground), kept[i].until);
    }
}

/* ── what a request is ── */

struct slice subject_persons(struct cli *c, const struct subject_record *r)
{
    const struct slice *texts = r->addresses.items;
    struct slice all = SLICE_NONE;

    for (size_t i = 0; i < r->addresses.count; i++) {
        all = arena_printf(&c->arena, "%.*s%s%.*s", SLICE_ARG(all), all.len ? ", " : "",
                           SLICE_ARG(texts[i]));
    }
    texts = r->words.items;
    for (size_t i = 0; i < r->words.count; i++) {
        all = arena_printf(&c->arena, "%.*s%s\"%.*s\"", SLICE_ARG(all), all.len ? ", " : "",
                           SLICE_ARG(texts[i]));
    }
    return all;
}

bool subject_number(struct cli *c, uint64_t *number, struct error *e)
{
    return (slice_decimal(slice_text(c->arguments.words[0]), UINT32_MAX, number) && *number) ||
           error_set(e, ERROR_INPUT,
                     "`%s` is no request's number: `postern subject list` lists them",
                     c->arguments.words[0]);
}
