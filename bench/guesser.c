/* bench/guesser - guesses the password of one account, from many addresses, at a rate of its own.
 *
 * A guess is due every so often, whatever became of those before. It goes over a connection of the next address that waits for nothing,
 * or a new one; an address whose connections all wait for an answer loses its turn. One thread (epoll). Guesses until its standard
 * input ends; then it prints one line of name=value.
 *
 * Addresses are 127.1.0.1 and following, of which every one is this machine's. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/clock.h"

#include "bench/session.h"

#define ADDRESSES_MAX 254
#define EACH_MAX      20 /* connections of one address */
#define RATE_MAX      100000

struct guess {
    struct session session;
    struct session_target target; /* its address and its word */
    char word[32];
    bool waits; /* for an answer, or for its connection */
};

struct guesser {
    uint64_t port, addresses, rate;
    const char *user;
    SSL_CTX *tls;
    struct sockaddr_storage sources[ADDRESSES_MAX];
    struct guess *guesses; /* EACH_MAX of each address */
    int epoll;
    uint64_t turn, due, begun, denied, in, closed, lost;
    struct error error;
};

static int usage(void)
{
    (void)fputs("usage: guesser --port N --user NAME --addresses N --rate N (guesses a second)\n",
                stderr);
    return 64;
}

static bool read_options(int argc, char **argv, struct guesser *g)
{
    static const struct option names[] = {
        {"port",      required_argument, NULL, 'p'},
        {"user",      required_argument, NULL, 'u'},
        {"addresses", required_argument, NULL, 'a'},
        {"rate",      required_argument, NULL, 'r'},
        {NULL,        0,                 NULL, 0  },
    };

    for (int c = getopt_long(argc, argv, "", names, NULL); c != -1;
         c = getopt_long(argc, argv, "", names, NULL)) {
        struct slice value = slice_text(optarg ? optarg : "");
        if (c == 'u') {
            g->user = optarg;
        } else if ((c == 'p' && !slice_decimal(value, 65535, &g->port)) ||
                   (c == 'a' && !slice_decimal(value, ADDRESSES_MAX, &g->addresses)) ||
                   (c == 'r' && !slice_decimal(value, RATE_MAX, &g->rate)) || c == '?') {
            return false;
        }
    }
    return optind == argc && g->port && g->user && g->addresses && g->rate;
}

static bool watch(struct guesser *g, struct guess *guess, int operation)
{
    struct epoll_event event = {.data.ptr = guess};

    event.events = session_wants_room(&guess->session) ? EPOLLIN | EPOLLOUT : EPOLLIN;
    return epoll_ctl(g->epoll, operation, guess->session.fd, &event) == 0 ||
           error_errno(&g->error, ERROR_BUSY, "epoll_ctl");
}

/* The server closed it, or would not have it: that is an answer too. */
static void drop(struct guesser *g, struct guess *guess)
{
    g->closed += guess->waits;
    guess->waits = false;
    session_close(&guess->session);
}

static bool advance(struct guesser *g, struct guess *guess)
{
    struct session *s = &guess->session;
    enum session_event event = SESSION_WAIT;
    struct error e = {0};

    do {
        if (!session_advance(s, &guess->target, &event, &e)) {
            drop(g, guess);
            return true;
        }
        g->denied += event == SESSION_DENIED;
        g->in += event == SESSION_READY;
        guess->waits = guess->waits && event == SESSION_WAIT;
    } while (s->phase != SESSION_HANDSHAKE && session_has_pending(s));
    return watch(g, guess, EPOLL_CTL_MOD);
}

/* One more guess, from the address whose turn it is. */
static bool guess_once(struct guesser *g)
{
    struct guess *of = g->guesses + g->turn++ % g->addresses * EACH_MAX;
    struct guess *guess = NULL;
    struct error e = {0};

    for (size_t i = 0; i < EACH_MAX && (!guess || guess->session.phase == SESSION_CLOSED); i++) {
        guess = of[i].waits ? guess : &of[i];
    }
    if (!guess) {
        g->lost++;
        return true;
    }
    (void)snprintf(guess->word, sizeof(guess->word), "guess number %llu",
                   (unsigned long long)g->begun++);
    guess->waits = true;
    if (guess->session.phase == SESSION_IDLE) {
        if (!session_auth(&guess->session, &guess->target, &e)) {
            drop(g, guess);
            return true;
        }
        return watch(g, guess, EPOLL_CTL_MOD);
    }
    return session_open(&guess->session, &guess->target, &g->error) &&
           watch(g, guess, EPOLL_CTL_ADD) && advance(g, guess);
}

static bool has_ended(void)
{
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};

    return poll(&in, 1, 0) > 0;
}

static bool run(struct guesser *g)
{
    int64_t start = clock_steady_ms();
    struct epoll_event events[256];

    (void)puts("ready");
    (void)fflush(stdout);
    while (!has_ended()) {
        uint64_t due = (uint64_t)(clock_steady_ms() - start) * g->rate / 1000;
        for (; g->due < due; g->due++) {
            if (!guess_once(g)) {
                return false;
            }
        }
        int n = epoll_wait(g->epoll, events, 256, 1);
        for (int i = 0; i < n; i++) {
            if (!advance(g, events[i].data.ptr)) {
                return false;
            }
        }
    }
    struct rusage u;
    double seconds = (double)(clock_steady_ms() - start) / 1000;
    (void)getrusage(RUSAGE_SELF, &u);
    (void)printf("seconds=%.1f due=%llu begun=%llu denied=%llu closed=%llu lost=%llu in=%llu "
                 "cpu=%.1f\n",
                 seconds, (unsigned long long)g->due, (unsigned long long)g->begun,
                 (unsigned long long)g->denied, (unsigned long long)g->closed,
                 (unsigned long long)g->lost, (unsigned long long)g->in,
                 (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                     (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
    return true;
}

static bool prepare(struct guesser *g)
{
    struct rlimit files = {.rlim_cur = 0};
    struct sockaddr_storage server = {.ss_family = AF_INET};

    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    g->guesses = calloc(g->addresses * EACH_MAX, sizeof(*g->guesses));
    g->epoll = epoll_create1(EPOLL_CLOEXEC);
    g->tls = SSL_CTX_new(TLS_client_method());
    if (!g->guesses || g->epoll < 0 || !g->tls) {
        return error_set(&g->error, ERROR_BUSY, "out of memory");
    }
    ((struct sockaddr_in *)&server)->sin_port = htons((uint16_t)g->port);
    ((struct sockaddr_in *)&server)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < g->addresses * EACH_MAX; i++) {
        struct guess *guess = &g->guesses[i];
        struct sockaddr_in *source = (struct sockaddr_in *)&g->sources[i / EACH_MAX];
        source->sin_family = AF_INET;
        source->sin_addr.s_addr = htonl(0x7f010001 + (uint32_t)(i / EACH_MAX));
        session_init(&guess->session);
        guess->target = (struct session_target){.address = server,
                                                .address_len = sizeof(struct sockaddr_in),
                                                .tls = g->tls,
                                                .source = &g->sources[i / EACH_MAX],
                                                .user = g->user,
                                                .password = guess->word};
    }
    return true;
}

int main(int argc, char **argv)
{
    struct guesser g = {.epoll = -1};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    if (!read_options(argc, argv, &g)) {
        return usage();
    }
    (void)sigaction(SIGPIPE, &ignore, NULL);
    if (!prepare(&g) || !run(&g)) {
        (void)fprintf(stderr, "guesser: %s\n", g.error.text);
        return error_exit_code(&g.error);
    }
    return 0;
}
