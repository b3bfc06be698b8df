/* The process that has letters looked at by the malware scanner and the spam filter that are set. It reads what
 * they answer, which whoever sits there may have written. It can make no connection: the supervisor makes those to
 * the two places of the settings (processes/links). It never judges: the keeper does.
 * It also says where an address is, when there is a database of that. */
#include "requests/scanner.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/scan/clamd.h"
#include "formats/scan/rspamd.h"
#include "host/memfd.h"
#include "letter/records.h"
#include "processes/links.h"
#include "processes/roles.h"
#include "processes/scanner_geo.h"

#define READ_MAX 65536

/* One conversation. */
struct talk {
    int fd;
    int64_t deadline_ms;
    bool answered; /* it says something already, or will not be told more */
};

/* ── bytes ── */

/* Wait for one of the events; *got is what came. */
static bool await(const struct talk *t, short events, short *got, struct error *e)
{
    struct pollfd p = {.fd = t->fd, .events = events};

    for (;;) {
        int64_t left = t->deadline_ms - clock_steady_ms();
        int n = left <= 0 ? 0 : poll(&p, 1, (int)left);
        if (n > 0) {
            *got = p.revents;
            return true;
        }
        if (n == 0) {
            return error_set(e, ERROR_BUSY, "it does not answer in time");
        }
        if (errno != EINTR) {
            return error_errno(e, ERROR_BUSY, "poll");
        }
    }
}

static bool open_talk(struct role *r, enum link_place place, struct talk *t, struct error *e)
{
    int failure = 0;
    socklen_t len = sizeof(failure);
    short got = 0;

    if (!role_link(r, place, t->deadline_ms, &t->fd, e) || !await(t, POLLOUT, &got, e)) {
        return false;
    }
    (void)getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &failure, &len);
    if (failure != 0) {
        errno = failure;
        return error_errno(e, ERROR_BUSY, "nobody listens there");
    }
    return true;
}

/* Say it, unless the other side speaks or hangs up before: then what it says counts. */
static bool say(struct talk *t, struct slice bytes, struct error *e)
{
    while (bytes.len && !t->answered) {
        short got = 0;
        if (!await(t, POLLIN | POLLOUT, &got, e)) {
            return false;
        }
        if (got & (POLLIN | POLLERR | POLLHUP)) {
            t->answered = true;
            break;
        }
        ssize_t n = send(t->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            t->answered = true;
            break;
        }
        bytes = slice_from(bytes, n > 0 ? (size_t)n : 0);
    }
    return true;
}

/* Read until the end, or the first NUL where that is one. */
static bool hear(const struct talk *t, bool to_nul, struct buf *in, struct error *e)
{
    uint8_t bytes[READ_MAX];

    for (;;) {
        short got = 0;
        if (!await(t, POLLIN, &got, e)) {
            return false;
        }
        ssize_t n = recv(t->fd, bytes, sizeof(bytes), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (n <= 0) {
            return true; /* what there is will be read, and is a verdict or none */
        }
        buf_add(in, slice_of(bytes, (size_t)n));
        if (in->full) {
            return error_set(e, ERROR_INPUT, "it answers too much");
        }
        if (to_nul && bytes[n - 1] == '\0') {
            return true;
        }
    }
}

/* ── the malware scanner ── */

static bool tell_letter(struct talk *t, struct slice letter, struct error *e)
{
    uint8_t head[CLAMD_HEAD_LEN];
    bool ok = say(t, slice_of((const uint8_t *)CLAMD_ASK, sizeof(CLAMD_ASK)), e);

    while (ok && letter.len && !t->answered) {
        struct slice chunk = slice_head(letter, CLAMD_CHUNK_MAX);
        clamd_chunk((uint32_t)chunk.len, head);
        ok = say(t, SLICE_ARRAY(head), e) && say(t, chunk, e);
        letter = slice_from(letter, chunk.len);
    }
    clamd_chunk(0, head);
    return ok && say(t, SLICE_ARRAY(head), e);
}

static bool ask_clamd(struct role *r, const struct scanner_ask *ask, struct slice letter,
                      struct talk *t, struct arena *arena, struct scan *out, struct error *e)
{
    OWN(buf) struct buf in = {.max = CLAMD_ANSWER_MAX};
    struct clamd_answer answer;

    (void)ask;
    if (!open_talk(r, LINK_CLAMD, t, e) || !tell_letter(t, letter, e) || !hear(t, true, &in, e) ||
        !clamd_read(buf_slice(&in), &answer, e)) {
        return false;
    }
    if (t->answered && answer.verdict == CLAMD_CLEAN) {
        return error_set(e, ERROR_INPUT, "it says that the letter is clean before it has it");
    }
    switch (answer.verdict) {
    case CLAMD_CLEAN:
        out->verdict = SCAN_CLEAN;
        break;
    case CLAMD_FOUND:
        out->verdict = SCAN_MALWARE;
        break;
    case CLAMD_TOO_LARGE:
        out->verdict = SCAN_TOO_LARGE;
        break;
    }
    out->name = arena_copy(arena, answer.name);
    return true;
}

/* ── the spam filter ── */

static bool ask_rspamd(struct role *r, const struct scanner_ask *ask, struct slice letter,
                       struct talk *t, struct arena *arena, struct scan *out, struct error *e)
{
    OWN(buf) struct buf question = {.max = RSPAMD_ASK_MAX};
    OWN(buf) struct buf in = {.max = RSPAMD_ANSWER_MAX};
    const struct rspamd_letter about = {.from = ask->from,
                                        .recipients = ask->recipients.items,
                                        .n_recipients = ask->recipients.count,
                                        .user = ask->user,
                                        .ip = ask->client,
                                        .helo = ask->helo,
                                        .size = letter.len};
    struct rspamd_answer answer;

    rspamd_ask(&question, &about);
    if (question.full) {
        return error_set(e, ERROR_LIMIT, "too much would be asked");
    }
    if (!open_talk(r, LINK_RSPAMD, t, e) || !say(t, buf_slice(&question), e) ||
        !say(t, letter, e) || !hear(t, false, &in, e) ||
        !rspamd_read(buf_slice(&in), arena, &answer, e)) {
        return false;
    }
    if (t->answered) {
        return error_set(e, ERROR_INPUT, "it gives points before it has the letter");
    }
    out->verdict = SCAN_SCORED;
    out->score = answer.score;
    out->name = answer.action;
    return true;
}

/* ── questions ── */

typedef bool asking(struct role *r, const struct scanner_ask *ask, struct slice letter,
                    struct talk *t, struct arena *arena, struct scan *out, struct error *e);

/* Without a verdict it says why there is none. */
static struct scan ask_one(struct role *r, asking *how, enum scan_by by,
                           const struct scanner_ask *ask, struct slice letter, struct arena *arena)
{
    struct talk t = {.fd = -1};
    struct scan scan = {.by = by};
    struct error e = {0};

    t.deadline_ms = clock_steady_ms() + role_settings(r)->scanners.timeout_ms;
    if (!how(r, ask, letter, &t, arena, &scan, &e)) {
        log_event(LOG_DEBUG, "scanner.away",
                  LOG_TEXT("scanner", by == SCAN_CLAMD ? "clamd" : "rspamd"),
                  LOG_TEXT("reason", e.text));
        scan = (struct scan){.by = by,
                             .verdict = SCAN_AWAY,
                             .name = letter_text(arena, slice_text(e.text), SCAN_NAME_MAX)};
    }
    own_fd(&t.fd);
    return scan;
}

static bool on_scan(void *role, struct ipc_request *request, struct error *e)
{
    struct role *r = role;
    const struct scanners_settings *set = &role_settings(r)->scanners;
    OWN(memfd_map) struct memfd_map letter = {0};
    const struct scanner_ask *ask = request->ask;
    struct scanner_answer *answer = request->answer;
    struct scan *scans = arena_array(request->arena, SCANS_MAX, sizeof(*scans));
    size_t n = 0;

    if (!memfd_map(request->fd, LETTER_BYTES_MAX, &letter, e)) {
        return false;
    }
    if (set->clamd.len) {
        scans[n++] = ask_one(r, ask_clamd, SCAN_CLAMD, ask, letter.bytes, request->arena);
    }
    if (set->rspamd.len) {
        scans[n++] = ask_one(r, ask_rspamd, SCAN_RSPAMD, ask, letter.bytes, request->arena);
    }
    answer->scans = (struct cbor_list){scans, n};
    return true;
}

static bool on_locate(void *role, struct ipc_request *request, struct error *e)
{
    const struct scanner_locate_ask *ask = request->ask;

    (void)role;
    (void)e;
    geo_find(ask->address, request->arena, request->answer);
    return true;
}

static const struct ipc_row rows[] = {
    {&scanner_scan,   0, on_scan  },
    {&scanner_locate, 0, on_locate},
};
static const struct ipc_table table = IPC_TABLE("keeper", rows);

static struct error no_database; /* why, until somebody can be told */

bool scanner_prepare(struct role *r, struct error *e)
{
    struct slice path = role_settings(r)->scanners.geo;

    (void)e;
    rspamd_init();
    if (path.len && !geo_open(path, &no_database)) {
        log_event(LOG_ERROR, "scanner.no_geo_database", LOG_TEXT("reason", no_database.text));
    }
    return true;
}

bool scanner_run(struct role *r, struct error *e)
{
    static struct ipc_server server;

    (void)e;
    if (no_database.kind != ERROR_NONE) {
        role_alert(r, "geo-database", no_database.text);
    }
    ipc_server_init(&server, &table, r);
    role_serve(r, "keeper", &server);
    role_ready(r);
    role_wait(r);
    return true;
}
