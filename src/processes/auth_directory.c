/* Accounts whose password is a directory's: auth throttles and counts as for others, and asks there.
 *
 * Of a name that is no account's the directory is asked as well, for nobody: so that it costs the same, and a server that is
 * away is away for both. How long a refusal takes from its beginning is then the same for all (auth_rest_of()). */
#include "base/clock.h"
#include "base/log.h"

#include "processes/auth_parts.h"
#include "requests/directory.h"

#define ASK_MS  15000 /* the directory process answers before that */
#define SPAN_MS 1000  /* the shortest that a refusal takes where there is a directory */

static const struct settings *settings_of(const struct auth *a)
{
    return a->options.settings(a->options.context);
}

bool auth_is_of_directory(const struct auth *a, const struct login *l)
{
    return l->account.found ? l->account.directory.len > 0 : settings_of(a)->directories.count > 0;
}

uint64_t auth_rest_of(const struct auth *a, const struct login *l, int64_t delay_ms)
{
    int64_t whole = delay_ms > SPAN_MS ? delay_ms : SPAN_MS;
    int64_t gone = clock_steady_ms() - l->now_ms;

    if (settings_of(a)->directories.count == 0) {
        return (uint64_t)delay_ms;
    }
    return gone < whole ? (uint64_t)(whole - gone) : 0;
}

/* Which is asked for a name that nobody has: always the same one. */
static struct slice directory_of_nobody(const struct auth *a, struct slice user)
{
    const struct settings *s = settings_of(a);
    const struct directory_settings *all = s->directories.items;
    uint32_t sum = 2166136261U;

    for (size_t i = 0; i < user.len; i++) {
        sum = (sum ^ user.ptr[i]) * 16777619U; /* FNV-1a: which of them tells nobody anything */
    }
    return s->directories.count ? all[sum % s->directories.count].name : SLICE_NONE;
}

/* What a remembered password is bound to. */
static struct slice binding_of(const struct login *l, struct arena *arena)
{
    return arena_printf(arena, "directory\n%.*s\n%.*s", SLICE_ARG(l->account.directory),
                        SLICE_ARG(l->account.directory_key));
}

static enum directory_verdict ask(struct auth *a, const struct login *l, bool usable,
                                  struct arena *arena)
{
    const struct directory_prove_ask question = {
        .directory =
            l->account.directory.len ? l->account.directory : directory_of_nobody(a, l->user),
        .key = usable ? l->account.directory_key : SLICE_NONE,
        .password = l->ask->password};
    struct directory_prove_answer answer = {.verdict = DIRECTORY_AWAY};
    struct error e;

    if (!a->options.directory || !ipc_call(a->options.directory, &directory_prove, &question, -1,
                                           &answer, NULL, arena, ASK_MS, &e)) {
        log_event(LOG_WARNING, "auth.no_directory",
                  LOG_TEXT("reason", a->options.directory ? e.text : "there is no such process"));
        return DIRECTORY_AWAY;
    }
    return (enum directory_verdict)answer.verdict;
}

enum login_verdict auth_ask_directory(struct auth *a, struct login *l, bool remembers,
                                      struct arena *arena)
{
    const struct keeper_account_answer *account = &l->account;
    bool usable = account->found && !account->disabled && l->password.len > 0;
    struct slice binding = binding_of(l, arena);

    if (usable && remembers &&
        auth_memory_knows(a->memory, account->account, binding, l->password, l->now_ms)) {
        return LOGIN_ACCEPTED;
    }
    switch (ask(a, l, usable, arena)) {
    case DIRECTORY_RIGHT:
        if (usable && remembers) {
            auth_memory_add(a->memory, account->account, binding, l->password, l->now_ms,
                            l->now_ms + auth_settings_of(a)->remember_ms);
        }
        l->reason = "closed account";
        return usable ? LOGIN_ACCEPTED : LOGIN_REFUSED;
    case DIRECTORY_WRONG:
        l->reason = !account->found     ? "unknown account"
                    : account->disabled ? "closed account"
                                        : "wrong password";
        return LOGIN_REFUSED;
    case DIRECTORY_CLOSED:
        l->reason = "the directory has locked the account";
        return LOGIN_REFUSED;
    case DIRECTORY_AWAY:
        break;
    }
    return LOGIN_BUSY;
}
