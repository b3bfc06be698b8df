#include "ledger/erased.h"

#include "ledger/heads.h"

static bool take(void *context, const struct ledger_passed *passed, struct error *e)
{
    struct seq_ranges *erased = context;
    struct erasure_record r;

    return passed->type != RECORD_ERASURE ||
           (erasure_record_read(passed->body, &r, e) && seq_ranges_read(r.ranges, erased)) ||
           error_set(e, ERROR_CORRUPT, "record %llu: an erasure's record is damaged",
                     (unsigned long long)passed->seq);
}

bool erased_know(struct ledger *l, struct error *e)
{
    struct ledger_head head;

    if (!l->erased_known) {
        ledger_head(l, &head);
        seq_ranges_done(&l->erased);
        l->erased_known = ledger_heads(l->dirfd, head.size, take, &l->erased, e);
    }
    seq_ranges_merge(&l->erased);
    return l->erased_known || error_add(e, "what was erased is not known");
}

void erased_note(struct ledger *l, const struct erasures *all)
{
    for (size_t i = 0; l->erased_known && i < all->n; i++) {
        const struct seq_ranges *r = &all->list[i].ranges;
        for (size_t k = 0; k < r->n; k++) {
            seq_ranges_add(&l->erased, r->list[k].first, r->list[k].count);
        }
    }
}

void erased_forget(struct ledger *l)
{
    l->erased_known = false;
}
