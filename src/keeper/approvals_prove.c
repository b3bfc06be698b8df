/* What is held and approved, and which rules hold, from the ledger alone: before something is destroyed, whatever
 * somebody did to the catalog. */
#include "base/log.h"

#include "keeper/approvals.h"
#include "keeper/internal.h"

#define ARENA_MAX ((size_t)64 << 20)

/* What is made. */
struct proof {
    struct docket docket;
    struct rule_proof rules;
    struct ledger_position at; /* all before it was folded */
};

static bool is_of_docket(uint16_t type)
{
    return type >= RECORD_HOLD && type <= RECORD_DISPOSAL;
}

/* A reader that opens rules, dates and what the docket knows, and only heads of all others: stamps, of which there are as
 * many as letters, among them. */
static bool open_reader(struct keeper *k, struct ledger_reader **reader, struct error *e)
{
    _Static_assert(RECORD_RULE < (int)RECORD_HOLD && (int)RECORD_DISPOSAL < RECORD_DATE,
                   "one range holds them all");

    if (!keeper_reader(k, reader, e)) {
        return false;
    }
    ledger_reader_only(*reader, RECORD_RULE, RECORD_DATE);
    ledger_reader_leave_out(*reader, RECORD_CLASSES);
    return true;
}

/* Fold one record; `docket` may be NULL. */
static bool fold_one(const struct ledger_entry *entry, struct docket *docket,
                     struct rule_proof *rules, struct error *e)
{
    return (!docket || !is_of_docket(entry->type) ||
            docket_apply(docket, entry->ref.seq, entry->type, entry->time_ms, entry->body, e)) &&
           rule_proof_apply(rules, entry->ref.seq, entry->type, entry->body, e);
}

/* Fold all from a position to the ledger's end. After a failure *at is before the record that could not be folded, so
 * that nothing is passed over. */
static bool fold_from(struct keeper *k, struct ledger_reader *reader, struct ledger_position *at,
                      struct docket *docket, struct rule_proof *rules, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    enum ledger_next next = LEDGER_ENTRY;
    struct ledger_head head;

    ledger_head(k->ledger, &head);
    while (next == LEDGER_ENTRY && !atomic_load(&k->closing)) {
        const struct ledger_position before = *at;
        struct ledger_entry entry;
        arena_reset(&arena);
        next = ledger_reader_next(reader, at, &head, &arena, &entry, e);
        if (next == LEDGER_ENTRY && !fold_one(&entry, docket, rules, e)) {
            *at = before;
            return false;
        }
    }
    return next == LEDGER_AT_END || (next == LEDGER_ENTRY && error_set(e, ERROR_BUSY, "closing"));
}

/* What came meanwhile, with nobody adding to it; then this is the docket. */
static bool take_over(struct keeper *k, struct ledger_reader *reader, struct proof *p,
                      struct error *e)
{
    approvals_hold(k);
    bool ok = fold_from(k, reader, &p->at, &p->docket, &p->rules, e);
    if (ok) {
        (void)pthread_mutex_lock(&k->approvals.lock);
        const struct docket old = k->approvals.docket;
        const struct rule_proof rules = k->approvals.rules;
        k->approvals.docket = p->docket;
        k->approvals.rules = p->rules;
        k->approvals.proven_to = p->at;
        p->docket = old;
        p->rules = rules;
        k->approvals.proven = true;
        (void)pthread_mutex_unlock(&k->approvals.lock);
    }
    approvals_let_go(k);
    return ok;
}

bool approvals_prove(struct keeper *k, struct error *e)
{
    OWN(ledger_reader) struct ledger_reader *reader = NULL;
    struct proof p = {0};

    (void)pthread_mutex_lock(&k->approvals.lock);
    bool proven = k->approvals.proven;
    (void)pthread_mutex_unlock(&k->approvals.lock);
    if (proven) {
        return true;
    }
    if (!open_reader(k, &reader, e)) {
        return false;
    }
    bool ok = fold_from(k, reader, &p.at, &p.docket, &p.rules, e) && take_over(k, reader, &p, e);
    docket_done(&p.docket);
    rule_proof_done(&p.rules);
    return ok || error_add(e, "what is held and approved could not be read from the ledger");
}

bool approvals_prove_rules(struct keeper *k, const struct retention_rules *rules, struct error *e)
{
    OWN(ledger_reader) struct ledger_reader *reader = NULL;
    struct approvals *a = &k->approvals;

    if (!a->proven) {
        return error_set(e, ERROR_BUSY, "the ledger was not read yet");
    }
    if (!open_reader(k, &reader, e) || !fold_from(k, reader, &a->proven_to, NULL, &a->rules, e)) {
        return error_add(e, "which rules hold could not be read from the ledger");
    }
    if (retention_fits(rules, &a->rules)) {
        a->disproved = 0;
        return true;
    }
    if (a->disproved != a->rules.version + 1) { /* once */
        a->disproved = a->rules.version + 1;
        keeper_alert(k, "catalog-altered",
                     "the rules of retention that the catalog names are not those of the ledger: "
                     "nothing is destroyed until `postern catalog rebuild` has made it anew");
    }
    return error_set(e, ERROR_BUSY,
                     "the rules that the catalog names are not those of the ledger: run `postern "
                     "catalog rebuild`");
}
