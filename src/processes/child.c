#include "processes/child.h"

#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/process.h"
#include "processes/control.h"

#define SEND_MS        5000  /* a child that does not take a packet for so long is ended */
#define LIVED_MS       60000 /* who lived that long starts again without delay */
#define LOOP_DEATHS    5     /* so many deaths without having lived: a restart loop */
#define PINGS_OWED_MAX 3
#define MINUTE_MS      60000
#define PACKETS_MAX    600 /* in a minute: a few are usual */
#define ALERTS_MAX     20
#define WANTS_MAX      60000 /* two for each letter */

void child_end(struct child *c, int sig)
{
    c->state = CHILD_ENDING;
    (void)kill(c->pid, sig);
}

void child_give_up(struct child *c, const char *what, const struct error *e)
{
    log_event(LOG_ERROR, "process.unreachable", LOG_TEXT("process", c->row->name),
              LOG_TEXT("while", what), LOG_TEXT("reason", e->text));
    child_end(c, SIGKILL);
}

bool child_start(struct child *c, struct provision *p, struct error *e)
{
    const char *argv[] = {"posternd", "--role", c->row->name, NULL};
    int ends[2];

    if (!packet_pair(ends, e)) {
        return false;
    }
    OWN(fd) int ours = ends[0];
    OWN(fd) int theirs = ends[1];
    OWN(fd) int errors = -1;
    packet_set_timeout(ours, SEND_MS);
    if (!output_open(&c->output, &errors, e)) {
        return false;
    }
    if (!process_spawn(provision_program(p, c->row), argv, theirs, errors, &c->pid, e)) {
        output_close(&c->output, c->row->name);
        return false;
    }
    c->control = TAKE(ours, -1);
    c->state = CHILD_STARTING;
    c->stale = false;
    c->started_at = clock_steady_ms();
    c->pings = 0;
    c->asked = c->said = c->reload = 0;
    c->packets = c->alerts = c->wants = 0;
    log_event(LOG_INFO, "process.started", LOG_TEXT("process", c->row->name),
              LOG_NUMBER("pid", c->pid));
    if (!provision_give(p, c->row, c->instance, c->control, e)) {
        child_give_up(c, "starting", e);
    }
    return true;
}

enum child_heard child_hear(struct child *c, uint16_t verb)
{
    bool alert = verb == CONTROL_ALERT;
    int64_t minute = clock_steady_ms() / MINUTE_MS;

    if (c->minute != minute) {
        c->minute = minute;
        c->packets = c->alerts = c->wants = 0;
    }
    if (verb == CONTROL_WANT && c->row->links) {
        return ++c->wants > WANTS_MAX ? CHILD_NOISY : CHILD_HEARD;
    }
    c->packets++;
    c->alerts += alert ? 1 : 0;
    if (c->packets > PACKETS_MAX) {
        return CHILD_NOISY;
    }
    return alert && c->alerts > ALERTS_MAX ? CHILD_IGNORED : CHILD_HEARD;
}

static bool send_peer(struct child *to, const struct child *other, bool asks, int fd)
{
    struct control_peer peer = {slice_text(other->row->name), asks};
    struct error e;

    if (control_send(to->control, CONTROL_PEER, &control_peer_schema, &peer, fd, &e)) {
        return true;
    }
    child_give_up(to, "joining", &e);
    return false;
}

void child_join(struct child *asker, struct child *asked)
{
    unsigned channels = 0;
    struct error e;

    for (size_t i = 0; i < ROLE_ASKS_MAX && asker->row->asks[i].role; i++) {
        if (strcmp(asker->row->asks[i].role, asked->row->name) == 0) {
            channels = asker->row->asks[i].channels;
        }
    }
    for (unsigned i = 0; i < channels; i++) {
        int ends[2];
        if (!packet_pair(ends, &e)) {
            log_event(LOG_ERROR, "process.not_joined", LOG_TEXT("reason", e.text));
            return;
        }
        OWN(fd) int asking = ends[0];
        OWN(fd) int answering = ends[1];
        if (!send_peer(asked, asker, false, answering) || !send_peer(asker, asked, true, asking)) {
            return;
        }
    }
}

static bool ask(struct child *c)
{
    struct error e;

    if (!control_send(c->control, CONTROL_PING, NULL, NULL, -1, &e)) {
        child_give_up(c, "asking for a sign of life", &e);
        return false;
    }
    c->asked++;
    return true;
}

void child_ping(struct child *c)
{
    struct error e;

    if (c->pings == PINGS_OWED_MAX) {
        (void)error_set(&e, ERROR_BUSY, "it owes %u signs of life", c->pings);
        child_give_up(c, "waiting", &e);
    } else if (ask(c)) {
        c->pings++;
    }
}

void child_alive(struct child *c)
{
    c->pings = 0;
    c->said = c->said < c->asked ? c->said + 1 : c->said;
}

/* Packets are taken in their order: whoever gives a sign of life that was asked for after RELOAD has taken it. */
void child_reload(struct child *c, struct provision *p)
{
    struct error e;

    if (!provision_regive(p, c->row, c->control, &e)) {
        child_give_up(c, "reloading", &e);
    } else if (c->state == CHILD_UP && ask(c)) {
        c->reload = c->asked;
    }
}

bool child_reloaded(const struct child *c)
{
    return c->state != CHILD_UP || c->said >= c->reload;
}

bool child_ended(struct child *c, const char *how, const struct process_settings *settings)
{
    int64_t now = clock_steady_ms();
    int64_t lived = now - c->started_at;
    int64_t most = settings->restart_delay_max_ms;

    output_close(&c->output, c->row->name);
    log_event(c->state == CHILD_ENDING ? LOG_INFO : LOG_WARNING, "process.ended",
              LOG_TEXT("process", c->row->name), LOG_NUMBER("pid", c->pid), LOG_TEXT("how", how),
              LOG_NUMBER("lived_ms", lived));
    own_fd(&c->control);
    c->control = -1;
    c->pid = 0;
    c->state = CHILD_DOWN;
    if (c->stale && c->replaced) { /* as it was told, or just before: no death */
        c->stale = false;
        c->deaths = 0;
        c->delay_ms = 0;
        c->restart_at = now;
        return false;
    }
    c->stale = false;
    if (lived >= LIVED_MS) {
        c->deaths = 0;
        c->delay_ms = 0;
    }
    c->delay_ms = c->delay_ms == 0 ? settings->restart_delay_ms : c->delay_ms * 2;
    c->delay_ms = c->delay_ms > most ? most : c->delay_ms;
    c->restart_at = now + c->delay_ms;
    c->deaths = c->deaths == LOOP_DEATHS ? 1 : c->deaths + 1;
    return c->deaths == LOOP_DEATHS;
}
