/* What is known of a letter only after its 250, among the signs of its account. */
#include "base/clock.h"

#include "keeper/guard_state.h"
#include "keeper/internal.h"
#include "keeper/suspend.h"

/* The numbers of a letter's hosts. */
struct hosts {
    uint64_t numbers[FINDINGS_LINKS_MAX +
                     1]; /* the first is that of the account's having linked at all */
    size_t n;
};

static void add(void *context, uint64_t number)
{
    struct hosts *h = context;

    h->numbers[h->n++] = number;
}

/* Make them known. An account that never linked before has nothing to be compared with. */
static bool learn(struct guard *g, const struct hosts *h)
{
    bool linked = h->n && set_get(&g->links, h->numbers[0]) && g->links.count < g->links.max;
    bool fresh = false;

    for (size_t i = 0; i < h->n; i++) {
        fresh = fresh || !set_get(&g->links, h->numbers[i]);
        guard_make_known(g, h->numbers[i]);
    }
    return linked && fresh;
}

void guard_note_scans(struct guarded *x, const struct findings *findings, int64_t at_ms)
{
    const struct scan *all = findings->scans.items;

    for (size_t i = 0; i < findings->scans.count; i++) {
        signs_scanned(&x->signs, all[i].verdict == SCAN_MALWARE, all[i].score, at_ms);
    }
}

void guard_found(struct keeper *k, const struct facts *f, const struct findings *findings,
                 struct arena *arena)
{
    struct guard *g = k->guard;
    struct hosts hosts = {.n = 0};
    struct signs_verdict verdict = {0};
    int64_t now_ms = clock_wall_ms();

    if (f->kind != LETTER_SUBMITTED || f->account.len == 0) {
        return;
    }
    catalog_known_links(k->tail.catalog, findings, arena, add, &hosts);
    uint64_t number = guard_number(k, f->account);
    bool known = guard_know(k, f->account, number, arena);
    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = guard_account(g, number);
    guard_note_scans(x, findings, now_ms);
    if (learn(g, &hosts)) {
        limits_note(&x->count, LIMITS_NEW_LINKS, 1, now_ms);
    }
    bool stolen = known && guard_tips(k, x, now_ms, &verdict);
    (void)pthread_mutex_unlock(&g->lock);
    if (stolen) {
        suspension_by_signs(k, f->account, f->client, &verdict, arena);
    }
}
