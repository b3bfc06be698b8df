/* keeper/callers - who asks over the control socket, and the gate before what he asks for.
 *
 * The kernel names the machine's user (SO_PEERCRED); a pass that was shown, the account. Account and
 * role are looked up for every question, so that who was closed or given another role asks nothing
 * more as what he was. */
#pragma once

#include "keeper/keeper.h"
#include "requests/admin.h"
#include "requests/auth.h"
#include "requests/permits.h"

/**
 * Who is it?
 *
 * @param pass    as it was shown, or empty
 * @param uid     of the process at the other end
 * @param caller  filled; lives in the arena
 * @return        false with ERROR_DENIED when the pass is over
 */
bool keeper_caller_find(struct keeper *k, struct slice pass, uint64_t uid, struct arena *arena,
                        struct caller *caller, struct error *e) MUST_CHECK;

/* Before everything that is asked over the control socket: r->caller is set. A refusal is recorded. */
bool keeper_gate(void *keeper, const struct ipc_message *m, struct ipc_request *r, struct error *e);

/* Whoever is signing in is right so far, and has a second factor: which passkeys will do, and whether a code will. */
bool keeper_ask_second(struct keeper *k, struct slice user, struct slice challenge,
                       struct arena *arena, struct admin_sign_in_answer *answer,
                       struct error *e) MUST_CHECK;

/* Answer with the pass of whoever auth has let in (struct admin_sign_in_answer), or with why it has not. */
bool keeper_signed_in(struct keeper *k, struct ipc_request *r, const struct auth_login_answer *said,
                      struct error *e) MUST_CHECK;
