/* Accounts whose password is a directory's: auth throttles and counts as for others, and asks there.
 *
 * Of a name that is no account's the directory is asked as well, for nobody: so that it costs the same, and a server that is
 * away is away for both. How long a refusal takes from its beginning is then the same for all (auth_rest_of()). */
#include "base/clock.h"
#include "base/log.h"

#include "keyring/keyring.h"
#include "processes/auth_parts.h"
#include "requests/directory.h"

#define ASK_MS      15000 /* the directory process answers before that */
#define SPAN_MS     1000  /* the shortest that a refusal takes where there is a directory */
#define ASKED_MAX   8     /* at once: fewer than the sign-ins that are answered at once */
#define WAITING_MAX 8     /* for one of these */
#define SLOT_MS     500   /* so long */
#define HANGS_MS    1000  /* no answer in that time: nobody is asked for a while */
#define AWAY_MS     10000
#define REMEMBER_MS 60000 /* at most: a password changed there is not told here */

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

void auth_begin_directories(struct auth *a)
{
    keyring_random_bytes(a->directory_of, sizeof(a->directory_of));
    auth_slots_init(&a->directory_slots, ASKED_MAX, WAITING_MAX);
}

/* Which is asked for a name that nobody has: one and the same until the next start, and nobody outside can tell which. */
static struct slice directory_of_nobody(const struct auth *a, struct slice user)
{
    const struct settings *s = settings_of(a);
    const struct directory_settings *all = s->directories.items;
    uint8_t tag[DIGEST_LEN];

    digest_hmac(SLICE_ARRAY(a->directory_of), user, tag);
    return s->directories.count ? all[((size_t)tag[0] << 8 | tag[1]) % s->directories.count].name
                                : SLICE_NONE;
}

/* What a remembered password is bound to. */
static struct slice binding_of(const struct login *l, struct arena *arena)
{
    return arena_printf(arena, "directory\n%.*s\n%.*s", SLICE_ARG(l->account.directory),
                        SLICE_ARG(l->account.directory_key));
}

/* ── a directory that does not answer ── */

/* Of the section with that name; NULL: the settings have none. */
static atomic_llong *away_of(struct auth *a, struct slice name)
{
    const struct settings *s = settings_of(a);
    const struct directory_settings *all = s->directories.items;

    for (size_t i = 0; i < s->directories.count && i < SETTINGS_DIRECTORIES_MAX; i++) {
        if (slice_equal(all[i].name, name)) {
            return &a->directory_away[i];
        }
    }
    return NULL;
}

/* When the time is over one may look whether it is back, and the others wait for what he finds. */
static bool may_ask(atomic_llong *away)
{
    long long until = atomic_load(away);
    int64_t now = clock_steady_ms();

    return until == 0 ||
           (until <= now && atomic_compare_exchange_strong(away, &until, now + ASK_MS));
}

static enum directory_verdict ask_it(struct auth *a, const struct directory_prove_ask *question,
                                     struct arena *arena)
{
    struct directory_prove_answer answer = {.verdict = DIRECTORY_AWAY};
    struct error e;

    if (!a->options.directory || !ipc_call(a->options.directory, &directory_prove, question, -1,
                                           &answer, NULL, arena, ASK_MS, &e)) {
        log_event(LOG_WARNING, "auth.no_directory",
                  LOG_TEXT("reason", a->options.directory ? e.text : "there is no such process"));
        return DIRECTORY_AWAY;
    }
    return (enum directory_verdict)answer.verdict;
}

/* A directory that hangs takes few of the threads that answer sign-ins, and each of them once: others are for whom it does not
 * concern. */
static enum directory_verdict ask(struct auth *a, const struct login *l, bool usable,
                                  struct arena *arena)
{
    const struct directory_prove_ask question = {
        .directory =
            l->account.directory.len ? l->account.directory : directory_of_nobody(a, l->user),
        .key = usable ? l->account.directory_key : SLICE_NONE,
        .password = l->ask->password};
    atomic_llong *away = away_of(a, question.directory);

    if (!away || !auth_slots_take(&a->directory_slots, SLOT_MS)) {
        return DIRECTORY_AWAY;
    }
    if (!may_ask(away)) {
        auth_slots_give(&a->directory_slots);
        return DIRECTORY_AWAY;
    }
    int64_t began = clock_steady_ms();
    enum directory_verdict verdict = ask_it(a, &question, arena);
    int64_t now = clock_steady_ms();
    bool hangs = verdict == DIRECTORY_AWAY && now - began >= HANGS_MS;
    atomic_store(away, hangs ? now + AWAY_MS : 0);
    auth_slots_give(&a->directory_slots);
    return verdict;
}

static int64_t remember_until(const struct auth *a, const struct login *l)
{
    int64_t for_ms = auth_settings_of(a)->remember_ms;

    return l->now_ms + (for_ms < REMEMBER_MS ? for_ms : REMEMBER_MS);
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
                            remember_until(a, l));
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
