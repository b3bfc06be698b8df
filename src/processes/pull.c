/* The process that fetches letters from providers (IMAP). It holds what signs in there, and of Postern
 * nothing but the tickets of the folders that the settings name. */
#include "stages/intake/pull.h"

#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/resolver.h"
#include "host/thread.h"
#include "processes/outward.h"
#include "processes/roles.h"
#include "requests/pull.h"

#define WORKERS    4 /* pulls at once */
#define WAIT_MS    20000
#define ANSWER_MS  (5 * 60 * 1000) /* a server's */
#define LOOK_UP_MS 30000
#define PAUSE_US   1000000 /* when the keeper is not there */
#define RUN_ARENA  ((size_t)8 << 20)

struct puller {
    struct role *role;
    struct resolver *resolver;
    uint64_t life; /* this process's, of which the keeper knows it */
};

/* One thread that pulls. */
struct worker {
    const struct puller *puller;
    uint64_t number; /* from 1 */
};

/* One pull while it is done. */
struct run {
    const struct puller *puller;
    const struct settings *settings;
    const struct pull_settings *pull;
    struct arena arena;
    struct address addresses[PULL_ADDRESSES_MAX];
    size_t n_addresses;
    struct tls_client *trust;
    struct slice secret;
    struct keeper_pull_done_ask done;
};

static bool find_addresses(struct run *r, struct error *e)
{
    return outward_find(r->puller->resolver, &r->pull->host, r->settings->delivery.ipv6,
                        clock_steady_ms() + LOOK_UP_MS, &r->arena, r->addresses, PULL_ADDRESSES_MAX,
                        &r->n_addresses, e);
}

static bool prepare(struct run *r, struct error *e)
{
    const struct pull_settings *all = r->settings->pulls.items;
    struct slice file =
        role_file_of(r->puller->role, r->settings, "pull-passwords", (size_t)(r->pull - all));

    r->secret = outward_first_line(file);
    if (r->secret.len == 0) {
        return error_set(e, ERROR_CONFIG, "`password-file` cannot be read, or is empty");
    }
    r->trust = tls_client_from_pem(role_file(r->puller->role, "trust-store"), e);
    return r->trust ? find_addresses(r, e) : error_add(e, "trust-store");
}

static void broke(struct run *r, struct slice mailbox, const struct error *why)
{
    if (r->done.broken++ == 0) {
        r->done.reason = letter_text(
            &r->arena, arena_printf(&r->arena, "%.*s: %s", SLICE_ARG(mailbox), why->text), 900);
    }
}

static void run_mailbox(struct run *r, struct slice mailbox)
{
    const struct pull_target target = {
        .settings = r->pull,
        .mailbox = mailbox,
        .secret = r->secret,
        .addresses = r->addresses,
        .n_addresses = r->n_addresses,
        .trust = r->trust,
        .timeout_ms = ANSWER_MS,
    };
    struct pull_counts counts = {0};
    struct error e;

    r->done.mailboxes++;
    if (!pull_mailbox(&target, role_pool(r->puller->role, "keeper"), &counts, &e)) {
        broke(r, mailbox, &e);
    }
    r->done.taken += counts.taken;
    r->done.known += counts.known;
    r->done.failed += counts.failed;
}

static void run_mailboxes(struct run *r)
{
    const struct slice *mailboxes = r->pull->mailboxes.items;
    struct error e;

    if (!prepare(r, &e)) {
        broke(r, r->pull->name, &e);
        r->done.broken = r->pull->mailboxes.count;
        return;
    }
    for (size_t i = 0; i < r->pull->mailboxes.count && !role_stopping(r->puller->role); i++) {
        run_mailbox(r, mailboxes[i]);
    }
}

/* Do the pull of that name, and say what became of it. */
static void run(const struct worker *w, struct slice name)
{
    const struct puller *p = w->puller;
    const struct settings *settings = role_settings(p->role);
    struct run r = {.puller = p, .settings = settings, .pull = settings_pull(settings, name)};
    OWN(arena) struct arena scratch = {.max = 1 << 20};
    struct error e;

    if (!r.pull) {
        (void)usleep(PAUSE_US); /* the keeper has other settings than we, for a moment */
        r.done.reason = SLICE("the settings have just changed");
    }
    arena_init(&r.arena, RUN_ARENA);
    r.done.pull = name;
    r.done.life = p->life;
    r.done.worker = w->number;
    if (r.pull) {
        run_mailboxes(&r);
    }
    if (!ipc_call(role_pool(p->role, "keeper"), &keeper_pull_done, &r.done, -1, NULL, NULL,
                  &scratch, WAIT_MS, &e)) {
        log_event(LOG_WARNING, "pull.untold", LOG_SLICE("pull", name), LOG_TEXT("reason", e.text));
    }
    tls_client_free(r.trust);
    arena_done(&r.arena);
}

/* worker 0: nothing is taken, the keeper only hears that this process has begun */
static bool next(const struct puller *p, uint64_t worker, struct arena *arena, struct slice *name)
{
    const struct keeper_pull_next_ask ask = {
        .wait_ms = WAIT_MS, .fresh = worker == 0, .life = p->life, .worker = worker};
    struct keeper_pull_next_answer answer = {0};
    struct error e;

    if (!ipc_call(role_pool(p->role, "keeper"), &keeper_pull_next, &ask, -1, &answer, NULL, arena,
                  2 * WAIT_MS, &e)) {
        (void)usleep(PAUSE_US);
        return false;
    }
    *name = answer.name;
    return true;
}

static void work(void *worker)
{
    const struct worker *w = worker;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice name = SLICE_NONE;

    for (;;) {
        arena_reset(&arena);
        if (next(w->puller, w->number, &arena, &name) && name.len) {
            run(w, name);
        }
    }
}

bool pull_run(struct role *r, struct error *e)
{
    static struct puller puller;
    static struct worker workers[WORKERS];
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice name = SLICE_NONE;

    puller.role = r;
    if (getrandom(&puller.life, sizeof(puller.life), 0) != sizeof(puller.life)) {
        return error_errno(e, ERROR_BUSY, "random bytes");
    }
    puller.life |= 1; /* 0 is nobody's */
    if (!outward_resolver(r, &puller.resolver, e)) {
        return false;
    }
    role_ready(r);
    while (!role_stopping(r) && !next(&puller, 0, &arena, &name)) {
        arena_reset(&arena);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){&puller, i + 1};
        if (!thread_start("pull", THREAD_STACK_LARGE, work, &workers[i], e)) {
            return false;
        }
    }
    role_wait(r);
    return true;
}
