/* The process that fetches from outside what is no mail, posts alarms to `alert-webhook`, and changes our own domains' records at
 * the servers of [dns-update]. It holds nothing but the authorities that https servers are verified with, what opens the backup
 * target (what it puts there is sealed), the client secrets of [oidc], and the keys of [dns-update]. */
#include "base/clock.h"
#include "base/log.h"

#include "host/memfd.h"
#include "places/places.h"
#include "processes/courier_survey.h"
#include "processes/errand.h"
#include "processes/oidc_errand.h"
#include "processes/outward.h"
#include "processes/roles.h"
#include "processes/webhook.h"
#include "processes/zone_errand.h"
#include "requests/oidc.h"
#include "requests/transport.h"
#include "requests/zone_update.h"

#define PER_MINUTE 600
#define RESOLVE_MS 20000

/* So that who asked knows that somebody outside was asked in vain. */
static bool tell(struct ipc_request *r, struct error *e)
{
    *(struct courier_answer *)r->answer = (struct courier_answer){
        .failed = e->kind, .why = arena_copy(r->arena, slice_text(e->text))};
    return memfd_from("fetched", SLICE_NONE, &r->answer_fd, e);
}

static bool on_fetch(void *errands, struct ipc_request *r, struct error *e)
{
    const struct courier_ask *ask = r->ask;
    struct courier_answer *answer = r->answer;
    OWN(memfd_map) struct memfd_map body = {0};
    OWN(buf) struct buf got = {.max = COURIER_BODY_MAX};
    struct fetch_answer fetched;

    if (r->fd >= 0 && !memfd_map(r->fd, COURIER_BODY_MAX, &body, e)) {
        return false;
    }
    if (!errand_run(errands, ask, body.bytes, r->arena, &got, &fetched, e)) {
        return ask->told && tell(r, e);
    }
    if (!memfd_from("fetched", buf_slice(&got), &r->answer_fd, e)) {
        return false;
    }
    log_event(LOG_DEBUG, "courier.fetched", LOG_NUMBER("status", fetched.status),
              LOG_NUMBER("bytes", got.len));
    *answer = (struct courier_answer){fetched.status, fetched.type};
    return true;
}

static bool on_dns(void *context, struct ipc_request *r, struct error *e)
{
    const struct errands *errands = context;
    const struct courier_dns_ask *ask = r->ask;
    struct courier_dns_answer *answer = r->answer;
    struct dns_answer found;

    (void)e;
    resolver_ask(errands->resolver, ask->name, (enum dns_type)ask->type,
                 clock_steady_ms() + (int64_t)ask->timeout_ms, r->arena, &found);
    struct courier_dns_record *records =
        arena_array(r->arena, found.n_records + 1, sizeof(*records));
    for (size_t i = 0; i < found.n_records; i++) {
        records[i].rdata = found.records[i];
    }
    *answer = (struct courier_dns_answer){
        .status = found.status,
        .secure = found.secure,
        .ttl_s = found.ttl_s,
        .records = {records, found.n_records},
        .why = found.why
    };
    return true;
}

static const struct ipc_row rows[] = {
    {&courier_fetch,  PER_MINUTE, on_fetch            },
    {&courier_dns,    PER_MINUTE, on_dns              },
    {&courier_survey, PER_MINUTE, courier_on_survey   },
    {&zone_read,      PER_MINUTE, zone_errand_on_read },
    {&zone_write,     PER_MINUTE, zone_errand_on_write},
};
static const struct ipc_table table = IPC_TABLE("keeper", rows);

static const struct ipc_row auth_rows[] = {
    {&courier_identity, PER_MINUTE, oidc_errand_on_ask},
};
static const struct ipc_table auth_table = IPC_TABLE("auth", auth_rows);

/* ── backup targets ── */

/* The target as it was set when it was opened. */
static struct target {
    struct errands *errands;
    const struct settings *settings;
    struct places *place;
} target;

static bool resolve(void *context, struct slice host, uint16_t port, struct address *out,
                    size_t *count, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)1 << 20};
    const struct target *t = context;

    return errand_addresses(t->errands, host, port, clock_steady_ms() + RESOLVE_MS, &arena, out,
                            count, e);
}

/* Called with the server's lock. A reload may have changed it. */
static struct places *open_target(void *context, struct error *e)
{
    struct target *t = context;
    const struct settings *now = role_settings(t->errands->role);
    const struct places_options options = {
        .url = now->backup.target,
        .credentials = role_file(t->errands->role, "backup-credentials"),
        .host_key = now->backup.host_key,
        .region = now->backup.region,
        .trust = role_file(t->errands->role, "courier-trust-store"),
        .proxy = now->courier.proxy,
        .lock_ms = now->backup.lock_ms,
        .resolve = resolve,
        .context = t};

    if (t->place && t->settings == now) {
        return t->place;
    }
    places_close(TAKE(t->place, NULL));
    t->settings = now;
    return places_open(&options, &t->place, e) ? t->place : NULL;
}

bool courier_prepare(struct role *r, struct error *e)
{
    (void)r;
    return places_init(e); /* libcurl's as well */
}

bool courier_run(struct role *r, struct error *e)
{
    static struct errands errands;
    static struct ipc_server server;
    static struct ipc_server auth;
    static struct ipc_server places;
    static struct places_server targets = {PTHREAD_MUTEX_INITIALIZER, open_target, &target};

    errands.role = r;
    target.errands = &errands;
    if (!outward_resolver(r, &errands.resolver, e) || !webhook_start(&errands, e)) {
        return false;
    }
    ipc_server_init(&server, &table, &errands);
    role_serve(r, "keeper", &server);
    ipc_server_init(&auth, &auth_table, &errands);
    role_serve(r, "auth", &auth);
    ipc_server_init(&places, &places_table, &targets);
    role_serve(r, "backup", &places);
    role_ready(r);
    role_wait(r);
    return true;
}
