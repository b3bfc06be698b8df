/* The process that fetches from outside what is no mail, and posts alarms to `alert-webhook`. It
 * holds nothing but the authorities that https servers are verified with. */
#include "base/log.h"

#include "host/memfd.h"
#include "processes/errand.h"
#include "processes/outward.h"
#include "processes/roles.h"
#include "processes/webhook.h"

#define PER_MINUTE 600

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
    if (!errand_run(errands, ask, body.bytes, r->arena, &got, &fetched, e) ||
        !memfd_from("fetched", buf_slice(&got), &r->answer_fd, e)) {
        return false;
    }
    log_event(LOG_DEBUG, "courier.fetched", LOG_NUMBER("status", fetched.status),
              LOG_NUMBER("bytes", got.len));
    *answer = (struct courier_answer){fetched.status, fetched.type};
    return true;
}

static const struct ipc_row rows[] = {
    {&courier_fetch, PER_MINUTE, on_fetch},
};
static const struct ipc_table table = IPC_TABLE("keeper", rows);

bool courier_prepare(struct role *r, struct error *e)
{
    (void)r;
    return fetch_init(e);
}

bool courier_run(struct role *r, struct error *e)
{
    static struct errands errands;
    static struct ipc_server server;

    errands.role = r;
    if (!outward_resolver(r, &errands.resolver, e) || !webhook_start(&errands, e)) {
        return false;
    }
    ipc_server_init(&server, &table, &errands);
    role_serve(r, "keeper", &server);
    role_ready(r);
    role_wait(r);
    return true;
}
