#include "processes/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/dial.h"

#define BACKLOG    1024 /* connections that wait while their process is restarted */
#define MODE_OWNER 0600
#define MODE_GROUP 0660
#define GROUP      "postern" /* whose members may use the command line */

static bool add(struct listening *l, const char *name, int fd, struct error *e)
{
    if (l->count == LISTENING_MAX) {
        (void)close(fd);
        return error_set(e, ERROR_CONFIG, "%s: more than %d addresses to listen at", name,
                         LISTENING_MAX);
    }
    l->sockets[l->count].name = name;
    l->sockets[l->count++].fd = fd;
    return true;
}

static bool listen_at(struct listening *l, const char *name, struct slice host, uint16_t port,
                      struct error *e)
{
    struct address at;
    int fd = -1;

    return address_parse(host, port, &at, e) && dial_listen(&at, BACKLOG, &fd, e) &&
           add(l, name, fd, e);
}

/* "*" is every address of both kinds; a machine without IPv6 has only one kind. */
static bool listen_everywhere(struct listening *l, const char *name, uint16_t port, struct error *e)
{
    struct error none;

    if (listen_at(l, name, SLICE("::"), port, &none)) {
        return listen_at(l, name, SLICE("0.0.0.0"), port, e);
    }
    if (access("/proc/net/if_inet6", F_OK) == 0) {
        *e = none;
        return false;
    }
    return listen_at(l, name, SLICE("0.0.0.0"), port, e);
}

static bool listen_tcp(struct listening *l, const char *name, const struct config_list *endpoints,
                       struct error *e)
{
    const struct config_endpoint *all = endpoints->items;

    for (size_t i = 0; i < endpoints->count; i++) {
        bool everywhere = slice_equal(all[i].host, SLICE("*"));
        if (everywhere ? !listen_everywhere(l, name, all[i].port, e)
                       : !listen_at(l, name, all[i].host, all[i].port, e)) {
            return error_add(e, "%s", name);
        }
    }
    return true;
}

/* Members of the group may connect; without the group, or where it is the supervisor who hears, only our own user. */
static bool set_access(const char *path, bool shared, struct error *e)
{
    const struct group *g = shared && geteuid() == 0 ? getgrnam(GROUP) : NULL;

    if (chmod(path, g ? MODE_GROUP : MODE_OWNER) != 0 || (g && chown(path, 0, g->gr_gid) != 0)) {
        return error_errno(e, ERROR_CONFIG, "%s: owner and mode", path);
    }
    return true;
}

static bool listen_unix(struct listening *l, const char *name, int type, const char *path,
                        struct error *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    OWN(fd) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    if (fd < 0 ||
        snprintf(at.sun_path, sizeof(at.sun_path), "%s", path) >= (int)sizeof(at.sun_path)) {
        return error_set(e, ERROR_CONFIG, "%s: too long for a socket's path", path);
    }
    (void)unlink(path);
    mode_t before = umask(0177);
    int bound = bind(fd, (const struct sockaddr *)&at, sizeof(at));
    (void)umask(before);
    if (bound != 0 || listen(fd, BACKLOG) != 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    return set_access(path, strcmp(name, LISTENING_OWN) != 0, e) && add(l, name, TAKE(fd, -1), e);
}

/* Through /proc, because a data directory's path may be longer than a socket's may. */
static bool listen_in(struct listening *l, const char *name, int type, int run, struct error *e)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s.sock", run, name);
    return listen_unix(l, name, type, path, e) || error_add(e, "run/%s.sock", name);
}

static bool listen_metrics(struct listening *l, const struct settings *settings, int run,
                           struct error *e)
{
    struct slice path = settings->metrics.socket;

    return path.len ? listen_unix(l, "metrics", SOCK_STREAM, (const char *)path.ptr, e)
                    : listen_in(l, "metrics", SOCK_STREAM, run, e);
}

int listening_find(const struct listening *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->sockets[i].name, name) == 0) {
            return l->sockets[i].fd;
        }
    }
    return -1;
}

void listening_renew(const struct listening *l, size_t i)
{
    int fd = l->sockets[i].fd;

    (void)listen(fd, BACKLOG);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~(O_NONBLOCK | O_ASYNC));
}

bool listening_open(struct listening *l, const struct settings *settings, int run, struct error *e)
{
    return listen_tcp(l, "submissions", &settings->submission.listen_submissions, e) &&
           listen_tcp(l, "submission", &settings->submission.listen_submission, e) &&
           listen_tcp(l, "journal", &settings->journal.listen, e) &&
           listen_tcp(l, "connector", &settings->connectors.listen, e) &&
           listen_in(l, "keeper", SOCK_SEQPACKET, run, e) &&
           listen_in(l, "reader", SOCK_SEQPACKET, run, e) &&
           listen_in(l, "intake", SOCK_SEQPACKET, run, e) &&
           listen_in(l, LISTENING_OWN, SOCK_SEQPACKET, run, e) &&
           listen_metrics(l, settings, run, e);
}
