/* bench/sender - submits letters as fast as a server takes them, and says how fast that was.
 *
 * One thread waits for all connections (epoll). Each connection carries one letter at a time; with
 * --new it carries one letter altogether, and connecting, TLS and AUTH are part of what is measured.
 * Without --new all connections log in before the clock starts. Prints one line of name=value.
 * --idle opens the connections, says `ready` and holds them until its standard input ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/clock.h"

#include "bench/letters.h"
#include "bench/session.h"

#define CONNECTIONS_MAX 20000
#define LETTERS_MAX     50000000
#define OPENING_MAX     64 /* connections that shake hands at once before the clock starts */
#define STALL_MS        60000
#define FULL_POLL_MS    1

struct options {
    uint64_t port, connections, letters, bytes, first, ahead;
    const char *host, *user, *password, *from, *domain, *counter;
    bool fresh, idle, whole;
};

struct sender {
    struct options options;
    struct session_target target;
    struct letters *source;
    struct session *sessions;
    int epoll;
    bool clock_runs;
    size_t ready;   /* sessions that logged in before the clock started */
    size_t opening; /* sessions that are about to */
    size_t opened;
    size_t waiting; /* sessions that have nothing to do while the queue is full */
    uint64_t begun, accepted, refused;
    uint32_t *latency_us; /* from end of data, or with --whole from connecting, to 250 */
    struct buf recipient;
    const volatile uint64_t *delivered; /* what the sink has counted; NULL without one */
    uint64_t progress;                  /* answers and deliveries until moved_ms */
    int64_t moved_ms;                   /* 0: the clock did not start */
    struct error error;
};

static int usage(void)
{
    (void)fputs(
        "usage: sender --port N [--host ADDRESS] [--user NAME --password WORD]\n"
        "  --from ADDRESS --domain DOMAIN   envelope; recipients are recipientN@DOMAIN\n"
        "  --connections N --letters N --bytes N\n"
        "  --new               a new connection for each letter\n"
        "  --whole             latency from connecting on, with --new\n"
        "  --counter FILE      what the sink counts, with --ahead N: begin no letter while\n"
        "                      N accepted ones are not delivered, and wait for the last\n"
        "  --idle              open the connections, say ready, hold them until EOF\n",
        stderr);
    return 64;
}

static bool number(const char *text, uint64_t max, uint64_t *out)
{
    return slice_decimal(slice_text(text), max, out);
}

static bool read_option(int option, const char *value, struct options *o)
{
    switch (option) {
    case 'p':
        return number(value, 65535, &o->port);
    case 'c':
        return number(value, CONNECTIONS_MAX, &o->connections) && o->connections;
    case 'l':
        return number(value, LETTERS_MAX, &o->letters) && o->letters;
    case 'b':
        return number(value, LETTERS_BYTES_MAX, &o->bytes) && o->bytes >= 500;
    case 'F':
        return number(value, UINT32_MAX, &o->first);
    case 'a':
        return number(value, LETTERS_MAX, &o->ahead) && o->ahead;
    case 'h':
        o->host = value;
        return true;
    case 'u':
        o->user = value;
        return true;
    case 'w':
        o->password = value;
        return true;
    case 'f':
        o->from = value;
        return true;
    case 'd':
        o->domain = value;
        return true;
    case 'C':
        o->counter = value;
        return true;
    case 'n':
        o->fresh = true;
        return true;
    case 'W':
        o->whole = true;
        return true;
    case 'i':
        o->idle = true;
        return true;
    default:
        return false;
    }
}

static bool read_options(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        {"port",        required_argument, NULL, 'p'},
        {"host",        required_argument, NULL, 'h'},
        {"user",        required_argument, NULL, 'u'},
        {"password",    required_argument, NULL, 'w'},
        {"from",        required_argument, NULL, 'f'},
        {"domain",      required_argument, NULL, 'd'},
        {"connections", required_argument, NULL, 'c'},
        {"letters",     required_argument, NULL, 'l'},
        {"bytes",       required_argument, NULL, 'b'},
        {"first",       required_argument, NULL, 'F'},
        {"ahead",       required_argument, NULL, 'a'},
        {"counter",     required_argument, NULL, 'C'},
        {"new",         no_argument,       NULL, 'n'},
        {"whole",       no_argument,       NULL, 'W'},
        {"idle",        no_argument,       NULL, 'i'},
        {NULL,          0,                 NULL, 0  },
    };

    *o = (struct options){.host = "127.0.0.1",
                          .connections = 20,
                          .letters = 1000,
                          .bytes = 4096,
                          .from = "alice@example.test",
                          .domain = "partner.test"};
    for (int c = getopt_long(argc, argv, "", names, NULL); c != -1;
         c = getopt_long(argc, argv, "", names, NULL)) {
        if (!read_option(c, optarg, o)) {
            return false;
        }
    }
    return o->port && optind == argc && !o->user == !o->password && !o->counter == !o->ahead &&
           (o->fresh || !o->whole);
}

/* ── what happens on one connection ── */

static bool watch(struct sender *s, struct session *session, int operation)
{
    struct epoll_event event = {.data.ptr = session};

    event.events = session_wants_room(session) ? EPOLLIN | EPOLLOUT : EPOLLIN;
    return epoll_ctl(s->epoll, operation, session->fd, &event) == 0 ||
           error_errno(&s->error, ERROR_BUSY, "epoll_ctl");
}

/* Watch for other events where what it waits for has changed. */
static bool rewatch(struct sender *s, struct session *session, bool wanted_room)
{
    return session_wants_room(session) == wanted_room || watch(s, session, EPOLL_CTL_MOD);
}

static bool is_full(const struct sender *s)
{
    return s->delivered && s->begun >= *s->delivered + s->refused + s->options.ahead;
}

/* Give the session its next letter, or leave it without work. */
static bool next_letter(struct sender *s, struct session *session)
{
    if (s->begun == s->options.letters) {
        return true;
    }
    if (is_full(s)) {
        s->waiting++;
        return true;
    }
    letters_write(s->source, s->options.first + s->begun, &session->letter);
    buf_reset(&s->recipient);
    letters_recipient(s->source, s->options.first + s->begun, &s->recipient);
    s->begun++;
    return session_send(session, s->options.from, buf_slice(&s->recipient), &s->error);
}

static bool open_session(struct sender *s, struct session *session)
{
    enum session_event event;

    s->opened++;
    s->opening++;
    return session_open(session, &s->target, &s->error) &&
           session_advance(session, &s->target, &event, &s->error) &&
           watch(s, session, EPOLL_CTL_ADD);
}

static bool letter_done(struct sender *s, struct session *session, bool accepted)
{
    if (accepted) {
        int64_t from = s->options.whole ? session->begun_ns : session->end_of_data_ns;
        int64_t us = (clock_steady_ns() - from) / 1000;
        s->latency_us[s->accepted++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    } else if (s->refused++ < 5) {
        (void)fprintf(stderr, "sender: a letter was refused: %s\n", session->last_reply);
    }
    if (!s->options.fresh) {
        return next_letter(s, session);
    }
    session_close(session);
    return s->opened == s->options.letters || open_session(s, session);
}

static bool on_event(struct sender *s, struct session *session, enum session_event event)
{
    switch (event) {
    case SESSION_WAIT:
        return true;
    case SESSION_READY:
        s->opening--;
        s->ready++;
        return !s->clock_runs || next_letter(s, session);
    case SESSION_DENIED:
        return error_set(&s->error, ERROR_INPUT, "not signed in: %s", session->last_reply);
    case SESSION_ACCEPTED:
    case SESSION_REFUSED:
        return letter_done(s, session, event == SESSION_ACCEPTED);
    }
    return false;
}

static bool advance(struct sender *s, struct session *session)
{
    bool wanted_room = session_wants_room(session);
    enum session_event event = SESSION_WAIT;

    do {
        int fd = session->fd;
        if (!session_advance(session, &s->target, &event, &s->error) ||
            !on_event(s, session, event)) {
            return false;
        }
        if (session->fd < 0 || session->fd != fd || session->phase == SESSION_HANDSHAKE) {
            return true; /* ended, or another connection by now, which is already watched */
        }
    } while (session_has_pending(session));
    return rewatch(s, session, wanted_room);
}

/* ── the loop ── */

static bool wait_once(struct sender *s, int timeout_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(s->epoll, events, 256, timeout_ms);

    if (n < 0 && errno != EINTR) {
        return error_errno(&s->error, ERROR_BUSY, "epoll_wait");
    }
    if (n == 0 && timeout_ms == STALL_MS) {
        return error_set(&s->error, ERROR_BUSY, "nothing happened for %d s", STALL_MS / 1000);
    }
    for (int i = 0; i < n; i++) {
        if (!advance(s, events[i].data.ptr)) {
            return false;
        }
    }
    return true;
}

/* Open all connections and log in. */
static bool log_in(struct sender *s)
{
    while (s->ready < s->options.connections) {
        while (s->opened < s->options.connections && s->opening < OPENING_MAX) {
            if (!open_session(s, &s->sessions[s->opened])) {
                return false;
            }
        }
        if (!wait_once(s, STALL_MS)) {
            return false;
        }
    }
    return true;
}

/* The queue has room again: wake those that waited for that. */
static bool wake_waiting(struct sender *s)
{
    for (size_t i = 0; s->waiting && i < s->options.connections && !is_full(s); i++) {
        struct session *session = &s->sessions[i];
        if (session->phase == SESSION_IDLE && s->begun < s->options.letters) {
            s->waiting--;
            if (!next_letter(s, session) || !rewatch(s, session, false)) {
                return false;
            }
        }
    }
    return true;
}

/* False when neither server nor sink did anything for long: a letter that is put off would be
 * waited for without end. */
static bool is_moving(struct sender *s)
{
    uint64_t delivered = s->delivered ? *s->delivered : s->accepted;
    uint64_t progress = s->accepted + s->refused + delivered;
    int64_t now_ms = clock_steady_ms();

    if (progress != s->progress || s->moved_ms == 0) {
        s->progress = progress;
        s->moved_ms = now_ms;
    }
    return now_ms - s->moved_ms < STALL_MS ||
           error_set(&s->error, ERROR_BUSY, "%llu of %llu letters are not delivered after %d s",
                     (unsigned long long)(s->accepted > delivered ? s->accepted - delivered : 0),
                     (unsigned long long)s->accepted, STALL_MS / 1000);
}

static bool send_all(struct sender *s)
{
    s->clock_runs = true;
    for (size_t i = 0; i < s->options.connections; i++) {
        struct session *session = &s->sessions[i];
        if (s->options.fresh) {
            if (i < s->options.letters && !open_session(s, session)) {
                return false;
            }
            continue;
        }
        if (!next_letter(s, session) || !rewatch(s, session, false)) {
            return false;
        }
    }
    while (s->accepted + s->refused < s->options.letters) {
        if (!wait_once(s, s->waiting ? FULL_POLL_MS : STALL_MS) || !wake_waiting(s) ||
            !is_moving(s)) {
            return false;
        }
    }
    while (s->delivered && *s->delivered < s->accepted) {
        if (!is_moving(s)) {
            return false;
        }
        (void)usleep(FULL_POLL_MS * 1000);
    }
    return true;
}

/* ── the report ── */

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double percentile_ms(const struct sender *s, unsigned percent)
{
    return s->accepted ? s->latency_us[(s->accepted - 1) * percent / 100] / 1000.0 : 0;
}

static double cpu_seconds(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void report(struct sender *s, double seconds, double cpu)
{
    qsort(s->latency_us, s->accepted, sizeof(*s->latency_us), by_value);
    (void)printf("accepted=%llu refused=%llu seconds=%.3f rate=%.1f p50_ms=%.2f p99_ms=%.2f "
                 "max_ms=%.2f cpu_ms=%.4f\n",
                 (unsigned long long)s->accepted, (unsigned long long)s->refused, seconds,
                 (double)s->accepted / seconds, percentile_ms(s, 50), percentile_ms(s, 99),
                 percentile_ms(s, 100), cpu * 1000 / (double)s->options.letters);
}

static bool hold(struct sender *s)
{
    char byte;

    if (!log_in(s)) {
        return false;
    }
    (void)puts("ready");
    (void)fflush(stdout);
    return read(STDIN_FILENO, &byte, 1) >= 0;
}

static bool run(struct sender *s)
{
    if (s->options.idle) {
        return hold(s);
    }
    if (!s->options.fresh && !log_in(s)) {
        return false;
    }
    double cpu = cpu_seconds();
    int64_t start = clock_steady_ns();
    if (!send_all(s)) {
        return false;
    }
    report(s, (double)(clock_steady_ns() - start) / 1e9, cpu_seconds() - cpu);
    return true;
}

/* ── setting up ── */

static bool map_counter(struct sender *s)
{
    OWN(fd) int fd = open(s->options.counter, O_RDONLY | O_CLOEXEC);
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(uint64_t), PROT_READ, MAP_SHARED, fd, 0);

    if (page == MAP_FAILED) {
        return error_errno(&s->error, ERROR_CONFIG, "%s", s->options.counter);
    }
    s->delivered = page;
    return true;
}

static bool set_target(struct sender *s)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&s->target.address;

    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)s->options.port);
    s->target.address_len = sizeof(*in);
    s->target.user = s->options.user;
    s->target.password = s->options.password;
    s->target.tls = SSL_CTX_new(TLS_client_method());
    if (inet_pton(AF_INET, s->options.host, &in->sin_addr) != 1 || !s->target.tls ||
        !SSL_CTX_set_min_proto_version(s->target.tls, TLS1_3_VERSION)) {
        return error_set(&s->error, ERROR_CONFIG, "no address or no TLS 1.3");
    }
    (void)SSL_CTX_set_session_cache_mode(s->target.tls, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(s->target.tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(s->target.tls, 1);
    return true;
}

static bool prepare(struct sender *s)
{
    const struct options *o = &s->options;
    struct letters_options source = {o->bytes, o->from, o->domain};
    struct rlimit files = {.rlim_cur = 0};

    s->source = letters_new(&source);
    s->sessions = calloc(o->connections, sizeof(*s->sessions));
    s->latency_us = calloc(o->letters, sizeof(*s->latency_us));
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!s->sessions || !s->latency_us || s->epoll < 0) {
        return error_set(&s->error, ERROR_BUSY, "out of memory");
    }
    for (size_t i = 0; i < o->connections; i++) {
        session_init(&s->sessions[i]);
    }
    buf_init(&s->recipient, 1024);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    return set_target(s) && (!o->counter || map_counter(s));
}

int main(int argc, char **argv)
{
    struct sender s = {.epoll = -1};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    if (!read_options(argc, argv, &s.options)) {
        return usage();
    }
    (void)sigaction(SIGPIPE, &ignore, NULL);
    if (!prepare(&s) || !run(&s)) {
        (void)fprintf(stderr, "sender: %s\n", s.error.text);
        return error_exit_code(&s.error);
    }
    return s.refused ? 1 : 0;
}
