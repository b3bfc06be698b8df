/* Who is signed in, looked at and ended from afar: his own by everybody, others' by who runs the system. */
#include <stdlib.h>

#include "base/clock.h"

#include "keeper/admin.h"
#include "keeper/desks.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "requests/sessions.h"

static int newest_first(const void *a, const void *b)
{
    uint64_t x = ((const struct session_seen *)a)->session.since;
    uint64_t y = ((const struct session_seen *)b)->session.since;

    return x < y ? 1 : x > y ? -1 : 0;
}

static bool is_for(struct keeper_admin *admin, const struct session_list_ask *ask,
                   struct arena *arena, struct slice *account, struct error *e)
{
    *account = SLICE_NONE;
    if (!ask->all) {
        return factors_account(admin, ask->account, arena, account, e);
    }
    return admin->role != ACCOUNT_EMPLOYEE ||
           error_set(e, ERROR_DENIED,
                     "everybody's are for an officer, administrator or auditor: `postern login` as "
                     "one");
}

bool keeper_on_session_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct session_list_answer *answer = r->answer;
    struct session_seen *seen = arena_array(r->arena, SESSIONS_SHOWN_MAX, sizeof(*seen));
    struct session_row *rows = arena_array(r->arena, SESSIONS_SHOWN_MAX, sizeof(*rows));
    int64_t ahead = clock_wall_ms() - clock_steady_ms();
    struct slice account;

    if (!is_for(keeper_admin_of(k, r), r->ask, r->arena, &account, e)) {
        return false;
    }
    size_t count = sessions_list(k->sessions, account, r->arena, seen, SESSIONS_SHOWN_MAX);
    size_t n = count < SESSIONS_SHOWN_MAX ? count : SESSIONS_SHOWN_MAX;
    qsort(seen, n, sizeof(*seen), newest_first);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct session_row){.id = seen[i].id,
                                       .account = seen[i].session.account,
                                       .mechanism = seen[i].session.mechanism,
                                       .app = seen[i].session.app_name,
                                       .client = seen[i].session.client,
                                       .device = seen[i].session.device,
                                       .since = seen[i].session.since,
                                       .ends_at = (uint64_t)(seen[i].ends_at_ms + ahead)};
    }
    *answer = (struct session_list_answer){
        {rows, n},
        count
    };
    return true;
}

bool keeper_on_sessions_end(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct session_end_ask *ask = r->ask;
    struct keeper_admin *admin = keeper_admin_of(k, r);
    struct slice account;

    if (!factors_account(admin, ask->account, r->arena, &account, e)) {
        return false;
    }
    struct act act = {.verb = SLICE("session end"),
                      .object = account,
                      .reason = ask->reason,
                      .detail = ask->id.len ? ask->id : SLICE("all of them")};
    if (!keeper_admin_act(admin, &act, e)) {
        return false;
    }
    if (ask->id.len == 0) {
        return desks_end_account(k, account, e);
    }
    return sessions_end_id(k->sessions, account, ask->id)
               ? desks_remember(k, e)
               : error_set(e, ERROR_INPUT,
                           "%.*s has no session `%.*s`; `postern session list` shows those there "
                           "are",
                           SLICE_ARG(account), SLICE_ARG(ask->id));
}
