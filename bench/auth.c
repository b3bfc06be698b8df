/* bench/auth - how many sign-ins a second auth and keeper get through: the daemon as it is, but for its submission process,
 * which after a reload signs one account in as fast as it is answered, and says how often that was.
 *
 * PLAIN with a password that is remembered: what a busy program costs that signs in for each letter. TLS and SMTP, which are
 * measured elsewhere, are left out; each sign-in is recorded durably, and its session ended. */
#include "requests/auth.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "processes/roles.h"
#include "requests/keeper.h"

#define THREADS  32
#define LASTS_MS 5000
#define CALL_MS  20000
#define USER     "alice@example.test" /* as bench/postern.py makes it */
#define PASSWORD "correct horse battery staple"

struct bench {
    struct role *role;
    int64_t until_ms;
    _Atomic uint64_t accepted, refused;
};

static bool sign_in(struct bench *b, struct arena *arena)
{
    const struct auth_login_ask ask = {SLICE(USER), SLICE(PASSWORD), SLICE("127.0.0.1"),
                                       SLICE("PLAIN")};
    struct auth_login_answer answer = {0};
    struct error e;

    if (!ipc_call(role_pool(b->role, "auth"), &auth_login, &ask, -1, &answer, NULL, arena, CALL_MS,
                  &e) ||
        answer.verdict != LOGIN_ACCEPTED) {
        return false;
    }
    const struct keeper_session_end_ask end = {answer.session};
    return ipc_call(role_pool(b->role, "keeper"), &keeper_session_end, &end, -1, NULL, NULL, arena,
                    CALL_MS, &e);
}

static void go_on(void *argument)
{
    struct bench *b = argument;
    OWN(arena) struct arena arena = {.max = 1 << 20};

    while (clock_steady_ms() < b->until_ms) {
        (void)atomic_fetch_add(sign_in(b, &arena) ? &b->accepted : &b->refused, 1);
        arena_reset(&arena);
    }
}

static void measure(void *argument)
{
    struct bench *b = argument;
    pthread_t threads[THREADS];
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct error e;

    (void)sign_in(b, &arena); /* the first costs argon2 */
    b->until_ms = clock_steady_ms() + LASTS_MS;
    for (size_t i = 0; i < THREADS; i++) {
        if (!thread_start_joinable("bench", THREAD_STACK_LARGE, go_on, b, &threads[i], &e)) {
            arena_panic(e.text);
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
    }
    log_event(LOG_INFO, "bench.signed_in", LOG_NUMBER("accepted", (int64_t)b->accepted),
              LOG_NUMBER("refused", (int64_t)b->refused), LOG_NUMBER("ms", LASTS_MS));
}

static void on_reload(void *argument)
{
    struct error e;

    if (!thread_start("measure", THREAD_STACK_LARGE, measure, argument, &e)) {
        arena_panic(e.text);
    }
}

bool submission_run(struct role *r, struct error *e)
{
    static struct bench bench;

    (void)e;
    bench.role = r;
    role_on_reload(r, on_reload, &bench);
    role_ready(r);
    role_wait(r);
    return true;
}
