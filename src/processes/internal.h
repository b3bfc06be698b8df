/* processes/internal - the inside of a role, for the files that make one up. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/secret.h"

#include "processes/alerts.h"
#include "processes/control.h"
#include "processes/role.h"
#include "processes/telling.h"

#define ROLE_LISTENING_MAX 64  /* addresses of all listening sockets of one role */
#define ROLE_UNSERVED_MAX  256 /* channels that came before somebody served them */

/* One reading of the configuration. Never freed: see role_settings(). */
struct role_snapshot {
    struct arena arena;
    struct settings settings;
    struct slice config;                /* that they were read from */
    struct slice files[ROLE_FILES_MAX]; /* as in the row */
};

struct role {
    /* set before the walls go up, then constant */
    const struct role_row *row;
    const struct role_duty *duty;
    unsigned instance;
    int control;
    pid_t parent;
    uid_t uid;
    gid_t gid;
    int root;
    char *data; /* path of the data directory as this process sees it, without final slash */
    char *config_name;
    struct secret *keys[ROLE_KEYS_MAX];
    struct role_master master;

    struct {
        int fd;
        char *path;
    } directories[ROLE_DIRECTORIES_MAX];

    struct {
        char name[CONTROL_NAME_MAX + 1];
        int fd;
    } sockets[ROLE_LISTENING_MAX];

    size_t n_sockets;
    struct ipc_pool *pools[ROLE_ASKS_MAX];
    int stop_fd;

    _Atomic(struct role_snapshot *) now;
    struct slice staged[ROLE_FILES_MAX]; /* the control thread's: files of the next reload */
    atomic_bool stopping;
    atomic_uint visitors;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct alerts alerts; /* raised by this process */

    struct {
        pthread_mutex_t lock; /* one asks at a time; what follows is guarded as the rest */
        uint64_t number;      /* of the last question */
        bool answered;
        int fd; /* -1: none, for this reason */
        enum error_kind failed;
        char reason[ERROR_TEXT_MAX];
    } link; /* see processes/links */

    struct {
        uint64_t number; /* of the last question */

        struct {
            uint64_t number; /* 0: free */
            uint64_t told;   /* enum secret_told */
        } asked[TELLING_AT_ONCE];
    } telling; /* see processes/telling */

    struct {
        const char *peer;
        struct ipc_server *server;
    } servers[ROLE_SERVES_MAX];

    size_t n_servers;

    struct {
        const char *peer;
        int fd;
    } unserved[ROLE_UNSERVED_MAX];

    size_t n_unserved;
    void (*reloaded)(void *argument);
    void *reloaded_argument;
    void (*told)(void *argument, struct slice from, struct slice event, struct slice sentence);
    void *told_argument;
    void (*heard)(void *argument, struct slice event, struct slice way, struct slice sentence,
                  bool done);
    void *heard_argument;
};

/* Receive everything up to START. False with ERROR_CONFIG or ERROR_BUSY. */
bool role_receive_setup(struct role *r, struct error *e) MUST_CHECK;

/* role_told.c: what became of an alarm. */
bool role_take_told(struct role *r, const struct ipc_packet *p, struct arena *arena,
                    struct error *e) MUST_CHECK;

/* The control thread: what the supervisor sends from START on; never returns. */
void role_obey(void *role);

/* Serve a new channel from `peer` (a name from the table of roles), or keep it until somebody
 * does. */
void role_add_channel(struct role *r, const char *peer, int fd);
