/* 1. An account is changed after the record of it is durable.
 * 2. Whose an address was is in the state before it is given up.
 * 3. Sessions of an account that is changed end after the change: one that was opened meanwhile sees it. */
#include "keeper/sync_do.h"

#include "keeper/account_parts.h"
#include "keeper/desks.h"
#include "keeper/internal.h"
#include "keeper/leavers.h"
#include "keeper/sessions.h"

#define GROUP 100 /* changes of one commit */

static const char *const verbs[SYNC_KINDS] = {"user add", "user set", "user disable", "user set"};

/* ── addresses ── */

static bool is_ours(struct keeper *k, struct slice address)
{
    const struct settings *settings = k->options.settings(k->options.context);
    const struct slice *domains = settings->general.domains.items;
    bool ours = false;

    for (size_t i = 0; i < settings->general.domains.count; i++) {
        ours = ours || slice_equal_nocase(domains[i], letter_domain(address));
    }
    return ours;
}

enum sync_objection sync_object(void *judge, struct slice account, struct slice address)
{
    struct sync_judge *j = judge;
    bool others = false;
    struct error e;

    if (!is_ours(j->keeper, address)) {
        return SYNC_FOREIGN;
    }
    if (!account_address_is_ours(j->keeper, address, j->arena, &e)) {
        return SYNC_UNREADABLE;
    }
    if (!account_was_others(j->keeper, account, address, j->arena, &others, &e)) {
        j->failure = e;
        return SYNC_WAS_OTHERS;
    }
    return others ? SYNC_WAS_OTHERS : SYNC_FINE;
}

/* ── doing it ── */

static struct slice by_directory(struct slice directory, struct arena *arena)
{
    return arena_printf(arena, "directory %.*s", SLICE_ARG(directory));
}

static bool record(struct keeper *k, const struct sync_change *changes, size_t n,
                   struct slice directory, struct arena *arena, struct error *e)
{
    struct ledger_record *records = arena_array(arena, n, sizeof(*records));

    for (size_t i = 0; i < n; i++) {
        const struct act act = {.by = by_directory(directory, arena),
                                .at = SLICE("directory"),
                                .verb = slice_text(verbs[changes[i].kind]),
                                .object = changes[i].now.name,
                                .detail = letter_text(arena, changes[i].detail, 900)};
        OWN(buf) struct buf body = {.max = LEDGER_BODY_MAX};
        cbor_write(&body, &act_schema, &act);
        if (body.full) {
            return error_set(e, ERROR_LIMIT, "a change does not fit into a record");
        }
        records[i] =
            (struct ledger_record){RECORD_ADMIN, arena_copy(arena, buf_slice(&body)), NULL};
    }
    return keeper_record(k, LEDGER_AWAITED, records, n, NULL, e);
}

/* Of those that are closed now, and of those that are about to be opened. */
static bool end_leavers(struct keeper *k, const struct sync_change *changes, size_t n, bool closed,
                        struct slice directory, struct arena *arena, struct error *e)
{
    const struct act act = {.by = by_directory(directory, arena), .at = SLICE("directory")};

    for (size_t i = 0; i < n; i++) {
        const struct sync_change *c = &changes[i];
        if (c->was && (closed ? c->now.disabled : c->was->disabled && !c->now.disabled) &&
            !leavers_end(k, c->now.name, &act, arena, e)) {
            return false;
        }
    }
    return true;
}

bool sync_end_closed(struct keeper *k, const struct account *accounts, size_t n,
                     struct slice directory, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};
    struct slice *closed = arena_array(&arena, n + 1, sizeof(*closed));
    const struct act act = {.by = by_directory(directory, &arena), .at = SLICE("directory")};
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (accounts[i].disabled && slice_equal(accounts[i].directory, directory)) {
            closed[count++] = accounts[i].name;
        }
    }
    return count == 0 || leavers_end_all(k, closed, count, &act, &arena, e);
}

static bool do_group(struct keeper *k, const struct sync_change *changes, size_t n,
                     struct slice directory, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};
    struct account *accounts = arena_array(&arena, n, sizeof(*accounts));

    for (size_t i = 0; i < n; i++) {
        accounts[i] = changes[i].now;
        if (changes[i].was &&
            !account_remember_addresses(k, changes[i].was, &changes[i].now, &arena, e)) {
            return false;
        }
    }
    if (!end_leavers(k, changes, n, false, directory, &arena, e) ||
        !record(k, changes, n, directory, &arena, e) ||
        !state_accounts_put(k->state, accounts, n, e)) {
        return false;
    }
    bool ended = false;
    for (size_t i = 0; i < n; i++) {
        if (changes[i].was) {
            sessions_end_account(k->sessions, changes[i].now.name);
            ended = true;
        }
    }
    return (!ended || desks_remember(k, e)) &&
           end_leavers(k, changes, n, true, directory, &arena, e);
}

bool sync_do(struct keeper *k, const struct sync_plan *plan, struct slice directory, size_t *done,
             struct error *e)
{
    *done = 0;
    while (*done < plan->n_changes) {
        size_t n = plan->n_changes - *done < GROUP ? plan->n_changes - *done : GROUP;
        if (!do_group(k, plan->changes + *done, n, directory, e)) {
            return false;
        }
        *done += n;
    }
    return true;
}
