/* A person has a letter decided once more: the officer any, its sender his own. */
#include "base/log.h"

#include "keeper/account_parts.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "keeper/redecide.h"
#include "requests/redecide.h"

#define NOTHING                                                                                    \
    "its policy alone holds nothing of this letter: what was let go or held by an order, what a "  \
    "suspension, a scanner, a password in it or a second person keeps back, and what is being "    \
    "sent is not decided once more (`postern queue list`, `postern show`)"
#define NO_LETTER                                                                                  \
    "no letter of yours with this id waits: the officer can have letters of others decided once "  \
    "more"

static pthread_mutex_t deciding = PTHREAD_MUTEX_INITIALIZER;

/* One at a time: a decision may wait for servers of others, as those about letters that come in (keeper/patience). */
static bool decide(struct keeper *k, const struct letter_id *id, const struct redecide_order *order,
                   struct arena *arena, struct redecide_done *done, struct error *e)
{
    if (pthread_mutex_trylock(&deciding) != 0) {
        return error_set(e, ERROR_BUSY,
                         "another letter is being decided by order: try again in a moment");
    }
    bool decided = redecide_letter(k, id, order, arena, done, e);
    (void)pthread_mutex_unlock(&deciding);
    return decided;
}

/* As of an order that lets go what a policy holds: where there is no officer, whoever runs this. */
static bool may_any(struct keeper_admin *admin, struct arena *arena, bool *may, struct error *e)
{
    size_t officers = 0;

    if (!account_count_officers(admin->keeper, SLICE_NONE, arena, &officers, e)) {
        return false;
    }
    *may = admin->role == ACCOUNT_OFFICER || (!officers && admin->role == ACCOUNT_ADMINISTRATOR);
    return true;
}

static bool is_own(struct keeper_admin *admin, const struct letter_id *id, struct arena *arena,
                   bool *own, struct error *e)
{
    OWN(parcel) struct parcel *p = redecide_find(admin->keeper, id);
    struct facts f = {.kind = LETTER_SUBMITTED};

    if (p && !parcel_facts(admin->keeper, p, arena, &f, e)) {
        return false;
    }
    *own = f.account.len && slice_equal(f.account, admin->caller.account);
    return true;
}

bool keeper_on_decide(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct letter_decide_ask *ask = r->ask;
    struct letter_decide_answer *answer = r->answer;
    const struct redecide_order order = {
        .by = admin->caller.by, .at = admin->caller.at, .role = admin->role, .reason = ask->reason};
    struct redecide_done done;
    struct letter_id id;
    bool may = false;

    if (!letter_id_from(ask->id, &id)) {
        return error_set(e, ERROR_INPUT, "no letter's id");
    }
    if (!may_any(admin, r->arena, &may, e) || (!may && !is_own(admin, &id, r->arena, &may, e))) {
        return false;
    }
    if (!may) {
        return error_set(e, ERROR_DENIED, NO_LETTER);
    }
    log_event(LOG_INFO, "queue.decide", LOG_SLICE("by", admin->caller.at));
    if (!decide(admin->keeper, &id, &order, r->arena, &done, e)) {
        return false;
    }
    *answer = (struct letter_decide_answer){done.sent, done.held, done.reason};
    return done.decided || error_set(e, ERROR_INPUT, NOTHING);
}
