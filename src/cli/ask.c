/* Where the daemon is, and asking it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/own.h"

#include "cli/cli.h"
#include "cli/sign_in.h"
#include "host/memfd.h"

bool cli_settings(struct cli *c, const struct settings **out, struct error *e)
{
    struct slice bytes;

    if (!c->settings) {
        struct settings *settings = arena_alloc(&c->arena, sizeof(*settings));
        if (!config_load(c->config_path, &c->arena, &bytes, e)) {
            return error_add(e,
                             "the configuration (-c FILE names another; `postern init` makes one)");
        }
        if (!settings_read(bytes, c->config_path, &c->arena, settings, NULL, e)) {
            return false;
        }
        c->settings = settings;
    }
    *out = c->settings;
    return true;
}

bool cli_data(struct cli *c, int *fd, struct error *e)
{
    const struct settings *s = NULL;

    if (!cli_settings(c, &s, e)) {
        return false;
    }
    int opened =
        open((const char *)s->general.data_directory.ptr, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) {
        return error_errno(e, errno == EACCES ? ERROR_DENIED : ERROR_CONFIG, "data directory %s",
                           (const char *)s->general.data_directory.ptr);
    }
    *fd = opened;
    return true;
}

static bool not_connected(struct cli *c, const char *name, struct error *e)
{
    const char *data = (const char *)c->settings->general.data_directory.ptr;

    if (errno == EACCES || errno == EPERM) {
        return error_set(e, ERROR_DENIED,
                         "you may not use %s/run/%s: be root or a member of the group postern",
                         data, name);
    }
    return error_set(e, ERROR_BUSY,
                     "posternd does not answer at %s/run/%s (%s); is it started with -c %s?", data,
                     name, strerrorname_np(errno), c->config_path);
}

/* Through /proc, because a data directory's path may be longer than a socket's may. */
static bool connect_to(struct cli *c, const char *name, struct ipc_pool **pool, struct error *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    OWN(fd) int data = -1;

    if (!cli_data(c, &data, e)) {
        return false;
    }
    OWN(fd) int run = openat(data, "run", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    OWN(fd) int channel = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/%s", run, name);
    if (run < 0 || channel < 0 || connect(channel, (const struct sockaddr *)&at, sizeof(at)) != 0) {
        return not_connected(c, name, e);
    }
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(channel, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0) {
        c->supervisor = peer.pid; /* of who called listen(2) */
    }
    *pool = ipc_pool_new("posternd");
    ipc_pool_add(*pool, TAKE(channel, -1));
    ipc_pool_complete(*pool);
    return true;
}

static struct ipc_pool **pool_of(struct cli *c, enum cli_peer peer, const char **name)
{
    switch (peer) {
    case CLI_KEEPER:
        *name = "keeper.sock";
        return &c->keeper;
    case CLI_READER:
        *name = "reader.sock";
        return &c->reader;
    case CLI_SUPERVISOR:
        *name = "supervisor.sock";
        return &c->own;
    case CLI_INTAKE:
    default:
        *name = "intake.sock";
        return &c->intake;
    }
}

static bool ask_with(struct cli *c, enum cli_peer peer, const struct ipc_message *message,
                     const void *ask, int ask_fd, void *answer, int *answer_fd, struct arena *arena,
                     int64_t within_ms, struct error *e)
{
    const char *name = NULL;
    struct ipc_pool **pool = pool_of(c, peer, &name);

    /* What intake takes belongs to an import, which the keeper let somebody begin. */
    bool shows = !c->nobody && peer != CLI_INTAKE && peer != CLI_SUPERVISOR;

    for (int i = 0;; i++) {
        if (!*pool && (!connect_to(c, name, pool, e) || (shows && !sign_in_show(c, *pool, e)))) {
            return false;
        }
        if (ipc_call(*pool, message, ask, ask_fd, answer, answer_fd, arena, within_ms, e)) {
            return true;
        }
        if (ipc_pool_size(*pool) > 0) {
            return false;
        }
        ipc_pool_free(TAKE(*pool, NULL));
        /* A reader that died over the question has a successor, and reading twice changes nothing. */
        if (peer != CLI_READER || i > 0) {
            return false;
        }
    }
}

bool cli_ask(struct cli *c, enum cli_peer peer, const struct ipc_message *message, const void *ask,
             void *answer, int *answer_fd, int64_t within_ms, struct error *e)
{
    return ask_with(c, peer, message, ask, -1, answer, answer_fd, &c->arena, within_ms, e);
}

bool cli_give(struct cli *c, enum cli_peer peer, const struct ipc_message *message, const void *ask,
              int fd, void *answer, struct arena *arena, int64_t within_ms, struct error *e)
{
    return ask_with(c, peer, message, ask, fd, answer, NULL, arena, within_ms, e);
}

bool cli_pull(struct cli *c, const struct ipc_message *message, const void *ask, void *answer,
              int *answer_fd, struct arena *arena, int64_t within_ms, struct error *e)
{
    return ask_with(c, CLI_READER, message, ask, -1, answer, answer_fd, arena, within_ms, e);
}

bool cli_ask_bytes(struct cli *c, const struct ipc_message *message, const void *ask, size_t max,
                   struct memfd_map *map, struct error *e)
{
    OWN(fd) int fd = -1;

    return cli_ask(c, CLI_READER, message, ask, NULL, &fd, CLI_LONG_MS, e) &&
           memfd_map(fd, max, map, e);
}

void cli_reconnect(struct cli *c)
{
    ipc_pool_free(c->keeper);
    ipc_pool_free(c->reader);
    ipc_pool_free(c->intake);
    ipc_pool_free(c->own);
    c->own = NULL;
    c->keeper = NULL;
    c->reader = NULL;
    c->intake = NULL;
}
