/* The delivery role: workers that take jobs from the keeper, each one copy for one next hop, and
 * report what became of it.
 *
 *     keeper_job_next ─► a resting session, or reach ─► keeper_job_begin ─► the letter ─► job_done
 *
 * A session is held from begin to the reply and rests while its worker reports, so that another
 * worker's letter follows at once. Few workers at a time wait for a job, however many there are. */
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/memfd.h"
#include "host/thread.h"
#include "processes/outward.h"
#include "processes/roles.h"
#include "requests/keeper.h"
#include "stages/delivery/kept.h"

#define ARENA_BYTES_MAX ((size_t)16 << 20)             /* of one job: 1000 recipients fit */
#define COPY_BYTES_MAX  ((size_t)2 * LETTER_BYTES_MAX) /* as the job's schema bounds it */
#define ASKERS          2                              /* workers that wait for a job at once */
#define JOB_WAIT_MS     20000 /* how long one question for a job waits in the keeper */
#define CALL_MS         60000 /* beyond which a keeper that is silent counts as gone */
#define PAUSE_MS        500   /* before asking again a keeper that failed */
#define LINE_WAIT_MS    30000 /* for a session of a line that is as busy as it may be */
#define STOP_MS         25000 /* for letters that are on their way when the process must stop */
#define TICK_MS         1000  /* how late a resting session may be closed */

struct delivery {
    struct role *role;
    struct ipc_pool *keeper;
    struct outward_shared shared;
    sem_t askers;
    atomic_uint begun; /* letters that are on their way, until their outcome is reported */
    pthread_mutex_t lock;
    struct outward *outward; /* guarded by lock */
};

/* One job in a worker's hands. */
struct attempt {
    struct delivery *d;
    struct outward *outward;
    const struct keeper_job *job;
    struct slice bytes; /* the copy */
    struct arena *arena;
    struct kept_wish wish;
    struct recipient_outcome *outcomes;
    struct evidence evidence;
    struct tls_tally tally;
    bool begun;      /* counted in the process's `begun` */
    bool busy;       /* no server was asked, because all connections were in use, or we stop */
    bool tls_broken; /* a server was asked for TLS and the handshake broke */
};

static struct outward *outward_now(struct delivery *d)
{
    pthread_mutex_lock(&d->lock);
    struct outward *o = outward_ref(d->outward);
    pthread_mutex_unlock(&d->lock);
    return o;
}

/* ── one attempt ── */

static void settle_all(struct attempt *a, struct recipient_outcome outcome)
{
    const struct recipient *recipients = a->job->recipients.items;

    for (size_t i = 0; i < a->job->recipients.count; i++) {
        a->outcomes[i] = outcome;
        a->outcomes[i].address = recipients[i].address;
    }
}

static void settle_deferred(struct attempt *a, const char *enhanced, const char *why)
{
    settle_all(a, session_outcome(DELIVERY_DEFERRED, 0, enhanced, slice_text(why), a->arena));
}

/* Whether a letter may still begin: counted first, so that a process that stops waits for it or it sees the stop. */
static bool may_begin(struct attempt *a)
{
    if (!a->begun) {
        a->begun = true;
        (void)atomic_fetch_add(&a->d->begun, 1);
    }
    if (!role_stopping(a->d->role)) {
        return true;
    }
    a->busy = true;
    settle_deferred(a, "4.3.2", "the process that delivers is being stopped");
    return false;
}

/* Written down before MAIL FROM: bytes may be about to leave. */
static bool begin(struct attempt *a, const struct session *s)
{
    char address[ADDRESS_TEXT_MAX];
    struct error e = {0};

    if (!may_begin(a)) {
        return false;
    }
    address_print(&session_peer(s)->address, address);
    const struct keeper_begin_ask ask = {
        .job = a->job->job, .host = session_peer(s)->host, .address = slice_text(address)};
    if (ipc_call(a->d->keeper, &keeper_job_begin, &ask, -1, NULL, NULL, a->arena, CALL_MS, &e)) {
        return true;
    }
    log_event(LOG_WARNING, "delivery.not-begun", LOG_TEXT("reason", e.text));
    settle_deferred(a, "4.3.0", "the attempt could not be recorded, so it was not made");
    return false;
}

static struct session_letter letter_of(const struct attempt *a)
{
    const struct keeper_job *job = a->job;

    return (struct session_letter){
        .bytes = a->bytes,
        .reverse_path = job->reverse_path,
        .recipients = job->recipients.items,
        .n_recipients = job->recipients.count,
        .has_8bit = job->has_8bit,
        .smtputf8 = job->smtputf8,
        .envelope_id = job->envelope_id,
        .dsn_return = job->dsn_return,
        .require_tls = job->require_tls,
        .relayed = job->smarthost,
    };
}

/* Send through the session, and let it rest or close it. False when it was stale: again. */
static bool send_letter(struct attempt *a, struct reached *reached)
{
    struct kept *kept = a->d->shared.kept;
    struct outward *o = a->outward;
    enum session_sent sent = SESSION_READY;
    bool begun = begin(a, reached->session);

    if (begun) {
        struct session_letter letter = letter_of(a);
        sent = session_send(reached->session, &letter, a->arena, a->outcomes);
        a->evidence = session_evidence(reached->session, a->arena);
    }
    if (sent == SESSION_READY && session_letters(reached->session) < o->letters_per_connection &&
        !role_stopping(a->d->role)) {
        kept_put(kept, &a->wish, reached, clock_steady_ms() + o->idle_ms);
        return true;
    }
    reach_close(reached);
    kept_gone(kept, &a->wish);
    return sent != SESSION_STALE;
}

static bool open_session(struct attempt *a, struct reached *reached)
{
    const struct keeper_job *job = a->job;
    struct session_failure failure = {0};
    const struct domain_settings *own = settings_domain(a->outward->pins.settings, job->domain);
    const struct pins_of_domain pins = job->smarthost || job->unpinned
                                           ? (struct pins_of_domain){0}
                                           : pins_find(&a->outward->pins, job->domain);
    const struct reach_goal goal = {
        .domain = job->domain,
        .route = job->route,
        .level = (enum tls_level)job->level,
        .names = own && !job->smarthost ? own->tls_names.items : NULL,
        .n_names = own && !job->smarthost ? own->tls_names.count : 0,
        .pins = pins.records,
        .n_pins = pins.n_records,
        .pinned = pins.set,
        .require_tls = job->require_tls,
        .unproven = job->unproven,
        .implicit_tls = job->smarthost && a->outward->smarthost_implicit,
        .tally = job->unproven ? NULL : &a->tally,
        .user = job->smarthost ? a->outward->user : SLICE_NONE,
        .password = job->smarthost ? a->outward->password : SLICE_NONE,
    };

    if (reach_open(&a->outward->reach, &goal, a->arena, reached, &failure)) {
        return true;
    }
    kept_gone(a->d->shared.kept, &a->wish);
    a->evidence = failure.seen;
    a->busy = failure.busy;
    a->tls_broken = failure.tls_broken;
    settle_all(a, failure.why);
    return false;
}

/* Come to a session and send. False when a resting one was stale: nothing was sent. */
static bool try_once(struct attempt *a)
{
    struct reached reached = {.place = -1};
    int64_t deadline_ms = clock_steady_ms() + LINE_WAIT_MS;

    switch (kept_take(a->d->shared.kept, &a->wish, deadline_ms, &reached)) {
    case KEPT_SESSION:
        return send_letter(a, &reached);
    case KEPT_OPEN:
        return !open_session(a, &reached) || send_letter(a, &reached);
    case KEPT_BUSY:
        break;
    }
    a->busy = true;
    settle_deferred(a, "4.4.5", "as many connections to this server as allowed are busy");
    return true;
}

static void deliver(struct attempt *a)
{
    const struct keeper_job *job = a->job;
    const struct domain_settings *own = settings_domain(role_settings(a->d->role), job->domain);
    bool named =
        own && !job->smarthost && (own->tls_names.count || own->tls_pins.count || own->tls_ca.len);

    /* The smart host's account is not for those who only share its address, and a certificate that
     * one domain's names or pins accept proves nothing to another. A session that
     * was opened without asking what the domain publishes is not for letters that obey it. */
    a->wish = (struct kept_wish){
        .key = arena_printf(a->arena, "%s%.*s %.*s",
                            job->smarthost  ? "+"
                            : job->unpinned ? "?"
                            : job->unproven ? "!"
                                            : "",
                            SLICE_ARG(job->route.len ? job->route : job->domain),
                            SLICE_ARG(named ? job->domain : SLICE_NONE)),
        .level = (enum tls_level)job->level,
        .require_tls = job->require_tls,
        .settings = a->outward,
        .limit = a->outward->reach.per_address,
    };
    if (!try_once(a)) {
        a->wish.fresh = true; /* and that one is never stale */
        (void)try_once(a);
    }
}

/* What MTA-STS policy is in force (stages/delivery/sts). Without the keeper's word nothing is sent. */
static bool ask_policy(void *keeper, struct slice domain, bool renew, struct arena *arena,
                       struct sts_rule *out, struct slice *why)
{
    const struct keeper_sts_ask ask = {domain, renew};
    struct keeper_sts_answer answer = {0};
    struct error e = {0};

    if (!ipc_call(keeper, &keeper_sts, &ask, -1, &answer, NULL, arena, CALL_MS, &e)) {
        *why = arena_printf(arena, "it is not known whether the domain has an MTA-STS policy: %s",
                            e.text);
        return false;
    }
    *out = (struct sts_rule){
        .policy = {answer.mode, answer.max_age_s, answer.mx.items, answer.mx.count},
        .id = answer.id,
        .doubt = answer.doubt,
    };
    return true;
}

/* ── jobs ── */

/* Report until the keeper has heard it; one that was started anew knows of no such job. */
static void report(struct attempt *a)
{
    const struct keeper_done_ask ask = {
        .job = a->job->job,
        .evidence = a->evidence,
        .recipients = {a->outcomes,      a->job->recipients.count},
        .busy = a->busy,
        .tls_broken = a->tls_broken,
        .tls = {a->tally.results, a->tally.n              },
    };
    struct error e = {0};

    while (!ipc_call(a->d->keeper, &keeper_job_done, &ask, -1, NULL, NULL, a->arena, CALL_MS, &e)) {
        log_event(LOG_WARNING, "delivery.not-reported", LOG_TEXT("reason", e.text));
        if (e.kind != ERROR_BUSY) {
            return;
        }
        (void)poll(NULL, 0, PAUSE_MS);
    }
}

static void serve_job(struct delivery *d, const struct keeper_job *job, int fd, struct arena *arena)
{
    OWN(memfd_map) struct memfd_map map = {SLICE_NONE};
    struct error e = {0};
    struct attempt a = {
        .d = d,
        .outward = outward_now(d),
        .job = job,
        .arena = arena,
        .outcomes = arena_array(arena, job->recipients.count + 1, sizeof(*a.outcomes)),
    };
    uint64_t started_at = (uint64_t)clock_wall_ms();

    if (job->recipients.count == 0 || !memfd_map(fd, COPY_BYTES_MAX, &map, &e)) {
        log_event(LOG_ERROR, "delivery.bad-job", LOG_TEXT("reason", e.text));
        settle_deferred(&a, "4.3.0", "the copy could not be read");
    } else {
        a.bytes = map.bytes;
        deliver(&a);
    }
    a.evidence.started_at = started_at;
    a.evidence.ended_at = (uint64_t)clock_wall_ms();
    report(&a);
    (void)atomic_fetch_sub(&d->begun, a.begun ? 1 : 0);
    outward_drop(a.outward);
}

/* Wait for a job. Only ASKERS workers do at a time: each question occupies a channel. */
static bool next_job(struct delivery *d, struct keeper_job *job, int *fd, struct arena *arena)
{
    const struct keeper_job_ask ask = {.wait_ms = JOB_WAIT_MS};
    struct error e = {0};

    while (sem_wait(&d->askers) != 0) {
    }
    bool answered = !role_stopping(d->role) && ipc_call(d->keeper, &keeper_job_next, &ask, -1, job,
                                                        fd, arena, JOB_WAIT_MS + CALL_MS, &e);
    (void)sem_post(&d->askers);
    if (!answered) {
        (void)poll(NULL, 0, PAUSE_MS);
    }
    return answered && job->job != 0;
}

static void work(void *context)
{
    struct delivery *d = context;
    OWN(arena) struct arena arena;

    arena_init(&arena, ARENA_BYTES_MAX);
    while (!role_stopping(d->role)) {
        struct keeper_job job = {0};
        OWN(fd) int fd = -1;
        if (next_job(d, &job, &fd, &arena)) {
            serve_job(d, &job, fd, &arena);
        }
        arena_reset(&arena);
    }
}

/* ── the process ── */

static bool renew(struct delivery *d, struct error *e)
{
    struct outward *o = outward_new(d->role, &d->shared, e);

    if (!o) {
        return false;
    }
    o->reach.sts = ask_policy;
    o->reach.sts_context = d->keeper;
    pthread_mutex_lock(&d->lock);
    struct outward *old = d->outward;
    o->older = old;
    d->outward = o;
    pthread_mutex_unlock(&d->lock);
    outward_drop(old);
    return true;
}

static void on_reload(void *context)
{
    struct error e = {0};

    if (!renew(context, &e)) {
        log_event(LOG_ERROR, "delivery.old-settings", LOG_TEXT("reason", e.text));
    }
}

/* Close sessions that rested long enough until the supervisor says stop. */
static void tidy_up(struct delivery *d)
{
    struct pollfd stop = {.fd = role_stop_fd(d->role), .events = POLLIN};
    int64_t next_ms = 0;

    while (!role_stopping(d->role)) {
        int64_t now_ms = clock_steady_ms();
        if (now_ms >= next_ms) {
            next_ms = kept_expire(d->shared.kept, now_ms);
        }
        next_ms = next_ms < now_ms + TICK_MS ? next_ms : now_ms + TICK_MS;
        (void)poll(&stop, 1, (int)(next_ms > now_ms ? next_ms - now_ms : 1));
    }
}

static bool start_workers(struct delivery *d, uint64_t n, struct error *e)
{
    for (uint64_t i = 0; i < n; i++) {
        if (!thread_start("deliver", THREAD_STACK_LARGE, work, d, e)) {
            return error_add(e, "worker %llu", (unsigned long long)i);
        }
    }
    return true;
}

bool delivery_run(struct role *r, struct error *e)
{
    static struct delivery d; /* as long as the process: the workers are never joined */
    uint64_t workers = role_settings(r)->delivery.concurrency;

    d.role = r;
    d.keeper = role_pool(r, "keeper");
    pthread_mutex_init(&d.lock, NULL);
    (void)sem_init(&d.askers, 0, ASKERS);
    if (!outward_share(r, &d.shared, e) || !renew(&d, e)) {
        return false;
    }
    role_on_reload(r, on_reload, &d);
    role_ready(r);
    if (!start_workers(&d, workers, e)) {
        return false;
    }
    tidy_up(&d);
    int64_t end_ms = clock_steady_ms() + STOP_MS;
    /* Those who still look for a server have sent nothing: the keeper gives their letters out again. */
    while (atomic_load(&d.begun) > 0 && clock_steady_ms() < end_ms) {
        (void)poll(NULL, 0, 10);
    }
    return true;
}
