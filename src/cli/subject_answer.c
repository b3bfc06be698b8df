/* What a person can be told of his request for erasure. */
#include "cli/print.h"
#include "cli/subject.h"

static struct slice letters_were(struct cli *c, uint64_t n)
{
    return n == 1 ? SLICE("1 letter was")
                  : arena_printf(&c->arena, "%llu letters were", (unsigned long long)n);
}

static struct slice told_until(struct cli *c, const struct subject_group *g)
{
    if (g->ground.why == SUBJECT_HELD) {
        return SLICE("Kept until the claims are settled.");
    }
    if (g->ground.why != SUBJECT_DUTY) {
        return SLICE("To be looked at again.");
    }
    if (g->endless == g->letters) {
        return SLICE("When that ends is not known yet.");
    }
    return g->endless
               ? arena_printf(&c->arena,
                              "Kept until %.*s at the latest; of %llu it is not known yet.",
                              SLICE_ARG(subject_day(c, g->last)), (unsigned long long)g->endless)
               : arena_printf(&c->arena, "Kept until %.*s at the latest.",
                              SLICE_ARG(subject_day(c, g->last)));
}

static struct slice told_ground(struct cli *c, const struct subject_ground *g)
{
    switch (g->why) {
    case SUBJECT_HELD:
        return SLICE("needed to establish, exercise or defend legal claims.");
    case SUBJECT_DUTY:
        return g->citation.len
                   ? arena_printf(&c->arena, "kept because of a legal obligation (%.*s).",
                                  SLICE_ARG(print_cleaned(&c->arena, g->citation)))
                   : arena_printf(&c->arena, "kept by our rule of retention \"%.*s\".",
                                  SLICE_ARG(print_cleaned(&c->arena, g->name)));
    case SUBJECT_QUEUE:
        return SLICE("on their way just now.");
    case SUBJECT_OTHER:
        return SLICE("found by mistake: they do not name you.");
    case SUBJECT_MUCH:
    case SUBJECT_UNTOLD:
    default:
        return SLICE("not erased yet, because it could not be told for certain that they may be.");
    }
}

/* Holds have names that are nobody else's business: they are one group, and so are classes under one law. */
static void merge(struct cli *c, const struct subject_groups *all, struct subject_groups *told)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct subject_group *g = &all->list[i];
        struct subject_ground as = g->ground;
        if (as.why == SUBJECT_HELD || (as.why == SUBJECT_DUTY && as.citation.len)) {
            as.name = SLICE_NONE;
        }
        struct subject_group *at = subject_group_of(c, told, &as);
        if (at) {
            at->letters += g->letters;
            at->endless += g->endless;
            at->first = at->first && (!g->first || at->first < g->first) ? at->first : g->first;
            at->last = g->last > at->last ? g->last : at->last;
        }
    }
}

static void tell_kept(struct cli *c, const struct subject_record *n,
                      const struct subject_groups *all)
{
    struct subject_groups *told = arena_alloc(&c->arena, sizeof(*told));

    if (n->kept == 0) {
        return;
    }
    merge(c, all, told);
    buf_printf(&c->out, "%.*s not erased:\n", SLICE_ARG(letters_were(c, n->kept)));
    for (size_t i = 0; i < told->n; i++) {
        const struct subject_group *g = &told->list[i];
        buf_printf(&c->out, "  - %llu: %.*s %.*s\n", (unsigned long long)g->letters,
                   SLICE_ARG(told_ground(c, &g->ground)), SLICE_ARG(told_until(c, g)));
    }
    if (told->n > 1) {
        buf_add_text(&c->out, "A letter may be kept for several of these reasons.\n");
    }
    buf_add_text(&c->out, "What is kept is erased when no reason to keep it is left.\n");
}

bool subject_tell(struct cli *c, const struct subject_row *row, const struct subject_groups *all,
                  int fd, struct error *e)
{
    const struct subject_record *n = &row->ended;

    if (n->state != SUBJECT_ENDED) {
        return error_set(e, ERROR_BUSY,
                         "it is still being carried out, and an answer would not be true: `postern "
                         "subject list` says when it is done");
    }
    buf_printf(&c->out, "Your request for erasure (our number %llu)\n\n",
               (unsigned long long)n->number);
    buf_printf(&c->out, "We looked for e-mail from, to or naming: %.*s\n",
               SLICE_ARG(print_cleaned(&c->arena, subject_persons(c, &row->begun))));
    buf_printf(&c->out, "%.*s found in our archive.\n",
               SLICE_ARG(letters_were(c, n->erased + n->kept)));
    if (n->erased) {
        buf_printf(&c->out, "%.*s erased on %.*s.\n", SLICE_ARG(letters_were(c, n->erased)),
                   SLICE_ARG(subject_day(c, row->ended_at)));
    }
    tell_kept(c, n, all);
    if (n->unread) {
        buf_printf(
            &c->out,
            "%llu other letters of the archive could not be read whole by the search, for "
            "instance because\nthey are encrypted; whether they name you it could not tell.\n",
            (unsigned long long)n->unread);
    }
    if (n->erased && n->backups && !row->gone) {
        buf_printf(&c->out, "Backups that were made before can hold what was erased until %.*s.\n",
                   SLICE_ARG(subject_day(c, n->backups)));
    }
    return subject_put(c, fd, e);
}
