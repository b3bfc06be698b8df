#include "cli/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/secret.h"

#include "formats/jose/form.h"

#define VISIT_MS 3000
#define BACKLOG  8

static const char brought[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 58\r\n"
    "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    "Postern has the answer. You can close this page and go on.";
static const char elsewhere[] =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

bool loopback_listen(uint16_t *port, int *fd, struct error *e)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    OWN(fd) int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (s < 0 || bind(s, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(s, BACKLOG) != 0 || getsockname(s, (struct sockaddr *)&at, &len) != 0) {
        return error_errno(e, ERROR_CONFIG, "127.0.0.1 port %u", *port);
    }
    *port = ntohs(at.sin_port);
    *fd = TAKE(s, -1);
    return true;
}

bool loopback_read(struct slice head, struct slice state, struct arena *arena,
                   struct loopback_answer *out)
{
    static const struct slice path = SLICE_INIT("GET /postern?");
    struct slice rest;
    struct slice given;

    if (!slice_starts(head, path)) {
        return false;
    }
    struct slice line = slice_cut(head, '\r', &rest);
    struct slice query = slice_cut(slice_from(line, path.len), ' ', &rest);
    if (!slice_starts(rest, SLICE("HTTP/1.")) || !form_value(query, "state", arena, &given) ||
        state.len == 0 || !secret_equal(given, state)) {
        return false;
    }
    *out = (struct loopback_answer){.code = SLICE_NONE};
    if (!form_value(query, "iss", arena, &out->issuer)) {
        out->issuer = SLICE_NONE;
    }
    return form_value(query, "code", arena, &out->code) ||
           form_value(query, "error", arena, &out->problem);
}

static bool is_readable(int fd, int64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = until_ms - clock_steady_ms();

    return left > 0 && poll(&p, 1, (int)left) > 0;
}

/* A browser's header, as far as it comes in time. */
static struct slice read_head(int fd, struct arena *arena)
{
    uint8_t *bytes = arena_alloc(arena, LOOPBACK_HEAD_MAX);
    int64_t until_ms = clock_steady_ms() + VISIT_MS;
    size_t len = 0;

    while (len < LOOPBACK_HEAD_MAX && is_readable(fd, until_ms)) {
        ssize_t n = recv(fd, bytes + len, LOOPBACK_HEAD_MAX - len, MSG_DONTWAIT);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        if (memmem(bytes, len, "\r\n\r\n", 4)) {
            return slice_of(bytes, len);
        }
    }
    return SLICE_NONE;
}

bool loopback_wait(int fd, struct slice state, int64_t until_ms, struct arena *arena,
                   struct loopback_answer *out, struct error *e)
{
    while (is_readable(fd, until_ms)) {
        OWN(arena) struct arena one = {.max = (size_t)64 << 10};
        struct loopback_answer answer;
        OWN(fd) int visitor = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (visitor < 0) {
            continue;
        }
        bool ours = loopback_read(read_head(visitor, &one), state, &one, &answer);
        const char *reply = ours ? brought : elsewhere;
        (void)!send(visitor, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)shutdown(visitor, SHUT_WR);
        if (ours) {
            *out = (struct loopback_answer){arena_copy(arena, answer.code),
                                            arena_copy(arena, answer.issuer),
                                            arena_copy(arena, answer.problem)};
            return true;
        }
    }
    return error_set(e, ERROR_BUSY, "no browser brought an answer in time: begin again");
}
