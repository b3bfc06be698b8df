#include "cli/place.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/file.h"
#include "host/sandbox.h"
#include "places/places.h"

#define CREDENTIALS_MAX ((size_t)64 << 10)
#define TRUST_MAX       ((size_t)8 << 20)
#define NOBODY          65534
#define FILES_MAX       256
#define PORT_CHARS      8
#define CHANNEL         (STDERR_FILENO + 1) /* in the other process */

static const struct slice file_url = SLICE_INIT("file://");

/* What the other process gets. */
struct means {
    struct places_options options;
    struct address addresses[PLACES_ADDRESSES_MAX];
    size_t count;
    bool looked_up;
};

/* ── in the other process ── */

/* Names are looked up before the walls are up, for the system's resolver reads files. */
static bool resolve(void *context, struct slice host, uint16_t port, struct address *out,
                    size_t *count, struct error *e)
{
    struct means *m = context;
    OWN(arena) struct arena arena = {.max = 8192};
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[PORT_CHARS];

    if (!m->looked_up) {
        (void)snprintf(service, sizeof(service), "%u", port);
        if (getaddrinfo(arena_text(&arena, host), service, &hints, &found) != 0) {
            return error_set(e, ERROR_BUSY, "%.*s has no address", SLICE_ARG(host));
        }
        for (struct addrinfo *a = found; a && m->count < PLACES_ADDRESSES_MAX; a = a->ai_next) {
            struct sockaddr_storage storage = {0};
            (void)memcpy(&storage, a->ai_addr, a->ai_addrlen);
            m->addresses[m->count++] = address_from_socket(&storage, a->ai_addrlen);
        }
        freeaddrinfo(found);
        m->looked_up = true;
    }
    for (size_t i = 0; i < m->count; i++) {
        out[i] = m->addresses[i];
        address_set_port(&out[i], port);
    }
    *count = m->count;
    return m->count > 0 || error_set(e, ERROR_BUSY, "%.*s has no address", SLICE_ARG(host));
}

static struct places *give_place(void *place, struct error *e)
{
    (void)e;
    return place;
}

/* Of what the command has open the channel alone comes along, no terminal, and stderr until the walls are up. */
static bool leave_all(int channel, struct error *e)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || setsid() < 0 ||
        dup2(channel, CHANNEL) < 0) {
        return error_errno(e, ERROR_BUSY, "begin the process that speaks to the backup target");
    }
    sandbox_close_others(CHANNEL + 1);
    return true;
}

static bool serve(struct means *m, struct places *place, pid_t parent, int channel, struct error *e)
{
    const struct sandbox walls = {.groups = SANDBOX_CONNECT,
                                  .uid = NOBODY,
                                  .gid = NOBODY,
                                  .root = -1,
                                  .parent = parent,
                                  .best_effort = true,
                                  .files_max = FILES_MAX};
    struct places_server server = {PTHREAD_MUTEX_INITIALIZER, give_place, place};
    static struct ipc_server answering;
    struct address first[PLACES_ADDRESSES_MAX];
    struct slice host;
    uint16_t port = 0;
    size_t count = 0;

    if (!leave_all(channel, e)) {
        return false;
    }
    places_host(place, &host, &port);
    if (!resolve(m, host, port, first, &count, e)) {
        (void)error_add(e, "the backup target"); /* each question is answered so */
    }
    if (!sandbox_enter(&walls, e) || dup2(STDIN_FILENO, STDERR_FILENO) < 0) {
        return false;
    }
    ipc_server_init(&answering, &places_table, &server);
    return ipc_serve(&answering, CHANNEL, e);
}

static _Noreturn void be_other(struct means *m, struct places *place, pid_t parent, int channel)
{
    struct error e = {0};

    (void)signal(SIGPIPE, SIG_IGN);
    if (!serve(m, place, parent, channel, &e)) {
        (void)fprintf(stderr, "postern: %s\n", e.text);
    }
    _exit(0);
}

/* ── here ── */

static bool read_if(struct cli *c, const char *path, size_t max, struct slice *out, struct error *e)
{
    OWN(buf) struct buf text = {.max = max};

    if (!path || !*path) {
        return true;
    }
    if (!file_read_all(AT_FDCWD, path, &text, e)) {
        return error_add(e, "%s", path);
    }
    *out = arena_copy(&c->arena, buf_slice(&text));
    return true;
}

static const char *either(const char *given, struct slice set)
{
    return given ? given : (const char *)set.ptr;
}

static bool gather(struct cli *c, struct slice url, struct means *m, struct error *e)
{
    static const struct backup_settings none = {.region = SLICE_INIT("us-east-1")};
    const struct arguments *a = &c->arguments;
    const struct settings *s = NULL;
    const char *trust = "/etc/ssl/certs/ca-certificates.crt";

    if (access(c->config_path, F_OK) == 0) {
        if (!cli_settings(c, &s, e)) {
            return false;
        }
        trust = (const char *)s->courier.trust_store.ptr;
    }
    const struct backup_settings *b = s ? &s->backup : &none;
    const char *region = arguments_text(a, "region", 0);
    const char *host_key = arguments_text(a, "host-key", 0);
    m->options = (struct places_options){.url = url,
                                         .host_key = host_key ? slice_text(host_key) : b->host_key,
                                         .region = region ? slice_text(region) : b->region,
                                         .resolve = resolve,
                                         .context = m};
    return read_if(c, either(arguments_text(a, "credentials", 0), b->credentials), CREDENTIALS_MAX,
                   &m->options.credentials, e) &&
           (!slice_starts(url, SLICE("https:")) ||
            read_if(c, trust, TRUST_MAX, &m->options.trust, e));
}

static bool open_server(struct cli *c, struct slice url, struct place *out, struct error *e)
{
    struct means *m = arena_alloc(&c->arena, sizeof(*m));
    OWN(places) struct places *place = NULL;
    int ends[2];

    if (!gather(c, url, m, e) || !places_init(e) || !places_open(&m->options, &place, e) ||
        !packet_pair(ends, e)) {
        return false;
    }
    pid_t self = getpid();
    out->child = fork();
    if (out->child == 0) {
        (void)close(ends[0]);
        be_other(m, place, self, ends[1]);
    }
    (void)close(ends[1]);
    if (out->child < 0) {
        (void)close(ends[0]);
        return error_errno(e, ERROR_BUSY, "begin a process");
    }
    out->pool = ipc_pool_new("the backup target");
    ipc_pool_add(out->pool, ends[0]);
    return true;
}

bool place_open(struct cli *c, struct slice url, struct place *out, struct error *e)
{
    if (!slice_starts(url, SLICE("file:///"))) {
        return open_server(c, url, out, e);
    }
    const char *path = arena_text(&c->arena, slice_from(url, file_url.len));
    out->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return out->folder >= 0 || error_errno(e, ERROR_CONFIG, "%s", path);
}

void place_close(struct place *p)
{
    ipc_pool_free(p->pool);
    if (p->child > 0) { /* it may be waiting for a server that says nothing */
        (void)kill(p->child, SIGKILL);
        while (waitpid(p->child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    own_fd(&p->folder);
    *p = (struct place)PLACE_NONE;
}

struct store place_store(struct place *p)
{
    return p->pool ? places_remote(p->pool) : store_folder(&p->folder);
}
