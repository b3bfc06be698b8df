#include "processes/adoption.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "requests/supervisor.h"

#define ASKED_MS      1000 /* a visitor that does not take its answer for so long is cut off */
#define KILL_AGAIN_MS 100
#define LOOKS         3 /* in a row, until it counts: a rotation may be under way */

void adoption_init(struct adoption *a, int listening)
{
    *a = (struct adoption){.listening = listening, .visitor = -1};
}

int adoption_fd(const struct adoption *a)
{
    return a->visitor >= 0 ? a->visitor : a->listening;
}

/* ── who asks ── */

static void dismiss(struct adoption *a)
{
    own_fd(&a->visitor);
    a->visitor = -1;
}

static void receive_visitor(struct adoption *a)
{
    OWN(fd) int fd = accept4(a->listening, NULL, NULL, SOCK_CLOEXEC);
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof(peer);

    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
        (peer.uid != geteuid() && peer.uid != 0)) {
        return;
    }
    packet_set_timeout(fd, ASKED_MS);
    a->visitor = TAKE(fd, -1);
}

static void reply(struct adoption *a, const struct ipc_packet *p)
{
    struct error e;

    if (a->visitor >= 0 && !packet_send(a->visitor, p, &e)) {
        dismiss(a);
    }
}

static void refuse(struct adoption *a, const struct error *why)
{
    const struct ipc_packet p = {.verb = supervisor_adopt.id,
                                 .status = (uint8_t)why->kind,
                                 .body = slice_text(why->text),
                                 .fd = -1};

    log_event(LOG_WARNING, "key.not_adopted", LOG_TEXT("reason", why->text));
    reply(a, &p);
}

static void answer(struct adoption *a, int64_t took_ms, int64_t away_ms)
{
    OWN(buf) struct buf body = {.max = IPC_INLINE_MAX};
    const struct supervisor_adopt_answer said = {a->generation, (uint64_t)took_ms,
                                                 (uint64_t)away_ms};

    cbor_write(&body, supervisor_adopt.answer, &said);
    const struct ipc_packet p = {.verb = supervisor_adopt.id, .body = buf_slice(&body), .fd = -1};
    reply(a, &p);
}

/* ── a new key ── */

/* Whoever has keys has old ones now, and who works for the keeper is to finish that first. Who is down or dies before its
 * turn is held too: a keeper with the new keys beside an auth with the old ones would be told that nothing is left under the old. */
static void begin(struct adoption *a, struct child *children, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct child *c = &children[i];
        c->replaced = c->row->keys[0] || c->row->finishes;
        c->stale = c->replaced && c->pid != 0;
        c->restart_at =
            c->pid ? c->restart_at : clock_steady_ms(); /* with other keys it may live */
    }
    a->under_way = true;
    a->left = a->keys_left = true;
    a->began_at = clock_steady_ms();
    a->away_at = a->back_at = 0;
    stopping_begin(&a->old, false);
    log_event(LOG_INFO, "key.adopted", LOG_NUMBER("generation", (int64_t)a->generation));
}

static bool adopt(struct adoption *a, struct provision *p, const struct ipc_packet *packet,
                  struct arena *arena, bool *fresh, struct error *e)
{
    struct supervisor_adopt_ask ask;

    return (packet->verb == supervisor_adopt.id ||
            error_set(e, ERROR_INPUT, "the supervisor is asked for nothing else")) &&
           cbor_read(packet->body, supervisor_adopt.ask, arena, &ask, e) &&
           provision_adopt(p, ask.key, &a->generation, fresh, e);
}

static void on_asked(struct adoption *a, struct provision *p, struct child *children, size_t n,
                     bool ready, struct arena *arena)
{
    struct ipc_packet packet = {.fd = -1};
    struct error e = {0};
    bool fresh = false;

    if (packet_receive(a->visitor, arena, &packet, &e) != PACKET_RECEIVED) {
        dismiss(a);
        return;
    }
    own_fd(&packet.fd);
    bool adopted = (ready || error_set(&e, ERROR_BUSY, "posternd is starting or stopping")) &&
                   adopt(a, p, &packet, arena, &fresh, &e);
    explicit_bzero((void *)(uintptr_t)packet.body.ptr, packet.body.len);
    if (!adopted) {
        refuse(a, &e);
    } else if (fresh) {
        begin(a, children, n);
    } else if (!a->under_way) {
        answer(a, 0, 0);
    }
}

void adoption_hear(struct adoption *a, struct provision *p, struct child *children, size_t n,
                   bool ready, struct arena *arena)
{
    arena_reset(arena);
    if (a->visitor < 0) {
        receive_visitor(a);
    } else {
        on_asked(a, p, children, n, ready, arena);
    }
}

/* ── the processes ── */

/* Whether a client who sends a letter waits for it. */
static bool is_needed(const struct role_row *row)
{
    const struct role_row *submission = role_find("submission");
    bool needed = false;

    for (size_t i = 0; submission && i < ROLE_ASKS_MAX && submission->asks[i].role; i++) {
        needed = needed || strcmp(submission->asks[i].role, row->name) == 0;
    }
    return needed;
}

/* Whether it has ended, or is to, and is not there anew. */
static bool is_away(const struct child *c)
{
    return c->replaced && (c->stale ? c->state == CHILD_ENDING : c->state != CHILD_UP);
}

static bool is_needed_away(const struct child *children, size_t n)
{
    bool away = false;

    for (size_t i = 0; i < n; i++) {
        away = away || (is_needed(children[i].row) && is_away(&children[i]));
    }
    return away;
}

/* Whether one with keys is gone while somebody above it still runs: nobody gets there by the order of ending. */
static bool is_early(const struct child *children, size_t n)
{
    bool gone = false;
    bool early = false;

    for (size_t i = 0; i < n; i++) { /* in the order of starting */
        const struct child *c = &children[i];
        early = early || (gone && c->stale);
        gone = gone || (c->replaced && c->row->keys[0] && c->pid == 0);
    }
    return early;
}

static bool have_keys_left(const struct child *children, size_t n)
{
    bool left = false;

    for (size_t i = 0; i < n; i++) {
        left = left || (children[i].stale && children[i].row->keys[0]);
    }
    return left;
}

/* Whether all that were ended are back, or those alone for whom clients wait. */
static bool are_back(const struct child *children, size_t n, bool needed)
{
    bool back = true;

    for (size_t i = 0; i < n; i++) {
        const struct child *c = &children[i];
        back = back && (!c->replaced || (c->state == CHILD_UP && !c->stale) ||
                        (needed && !is_needed(c->row)));
    }
    return back;
}

static void end(struct adoption *a, struct child *children, size_t n)
{
    int64_t took = clock_steady_ms() - a->began_at;
    int64_t away = a->back_at - a->away_at;

    for (size_t i = 0; i < n; i++) {
        children[i].replaced = false;
    }
    a->under_way = false;
    log_event(LOG_INFO, "key.in_force", LOG_NUMBER("generation", (int64_t)a->generation),
              LOG_NUMBER("ms", took), LOG_NUMBER("away_ms", away));
    answer(a, took, away);
}

void adoption_step(struct adoption *a, struct child *children, size_t n)
{
    if (!a->under_way) {
        return;
    }
    if (is_early(children, n)) {
        stopping_keys(&a->old, children, n);
    }
    a->left = stopping_step(&a->old, children, n);
    a->keys_left = have_keys_left(children, n);
    int64_t now = clock_steady_ms();
    if (a->away_at == 0 && is_needed_away(children, n)) {
        a->away_at = now;
    }
    if (a->back_at == 0 && are_back(children, n, true)) {
        a->back_at = now;
    }
    if (!a->left && are_back(children, n, false)) {
        end(a, children, n);
    }
}

bool adoption_holds(const struct adoption *a, const struct child *c)
{
    return a->under_way && a->keys_left && c->replaced;
}

int64_t adoption_next(const struct adoption *a, int64_t otherwise)
{
    if (!a->under_way || !a->left || a->old.row == role_rows_count) {
        return otherwise;
    }
    int64_t now = clock_steady_ms();
    int64_t due = a->old.give_up > now ? a->old.give_up : now + KILL_AGAIN_MS;
    if (a->keys_left && a->old.keys_give_up && a->old.keys_give_up < due) {
        due = a->old.keys_give_up > now ? a->old.keys_give_up : now + KILL_AGAIN_MS;
    }
    return due < otherwise ? due : otherwise;
}

bool adoption_is_missing(struct adoption *a, const struct provision *p)
{
    a->unadopted = !a->under_way && provision_key_waits(p) ? a->unadopted + 1 : 0;
    return a->unadopted == LOOKS;
}
