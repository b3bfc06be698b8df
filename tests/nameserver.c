#include "tests/nameserver.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "host/address.h"
#include "host/dial.h"
#include "tests/test.h"

#define ATTEMPTS 3

extern char **environ;

uint16_t free_port(void)
{
    struct address any = {0};
    struct error e = {0};
    OWN(fd) int fd = -1;
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    assert_ok(address_parse(SLICE("127.0.0.1"), 1, &any, &e), e);
    address_set_port(&any, 0);
    assert_ok(dial_listen(&any, 1, &fd, &e), e);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
    struct address taken = address_from_socket(&bound, len);
    return address_port(&taken);
}

static bool wait_until_ready(int fd)
{
    char text[7] = "";
    size_t len = 0;
    while (len < 6) {
        ssize_t n = read(fd, text + len, 6 - len);
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
    }
    return strcmp(text, "ready\n") == 0;
}

static bool start(struct nameserver *n, const char *corpus)
{
    char port[8];
    char script[512];
    char zones[512];
    int in[2];
    int out[2];
    posix_spawn_file_actions_t actions;

    (void)snprintf(n->folder, sizeof(n->folder), "/tmp/postern-dns-XXXXXX");
    assert_non_null(mkdtemp(n->folder));
    n->port = free_port();
    (void)snprintf(port, sizeof(port), "%u", n->port);
    (void)snprintf(script, sizeof(script), "%s/../receiver/dns.py", corpus);
    (void)snprintf(zones, sizeof(zones), "%s/../receiver/zones", corpus);
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    char name[] = "/usr/bin/python3";
    char *const arguments[] = {name, script, zones, n->folder, port, NULL};
    assert_int_equal(posix_spawn(&n->pid, name, &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(in[0]);
    (void)close(out[1]);
    n->stdin_of = in[1];
    bool ready = wait_until_ready(out[0]);
    (void)close(out[0]);
    return ready;
}

bool nameserver_start(struct nameserver *n)
{
    const char *corpus = getenv("CORPUS");
    const char *tools =
        "{ command -v nsd && command -v ldns-signzone && command -v python3; } > /dev/null";

    if (!corpus || system(tools) != 0) {
        print_message("nsd, ldns-signzone or python3 is missing: not tested\n");
        return false;
    }
    /* A port that was free may be somebody else's by the time it is used. */
    for (unsigned i = 1; !start(n, corpus); i++) {
        assert_true(i < ATTEMPTS);
        nameserver_stop(n);
    }
    return true;
}

struct slice nameserver_anchors(const struct nameserver *n, struct arena *arena)
{
    char path[128];
    uint8_t bytes[8192];
    (void)snprintf(path, sizeof(path), "%s/anchors", n->folder);
    OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, bytes, sizeof(bytes));
    assert_true(len > 0);
    return arena_copy(arena, slice_of(bytes, (size_t)len));
}

void nameserver_stop(struct nameserver *n)
{
    char command[128];

    if (n->port != 0) {
        (void)close(n->stdin_of);
        (void)waitpid(n->pid, NULL, 0);
        (void)snprintf(command, sizeof(command), "rm -r %s", n->folder);
        assert_int_equal(system(command), 0);
    }
}
