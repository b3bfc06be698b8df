/* processes/role - one duty in one process: what it gets from the supervisor, and what it may do.
 *
 * A role is a row in the table of roles.c, a run function in a file of its own, and a line in
 * posternd.c that names it. The supervisor execs `posternd --role NAME`, sends what the row names over the control channel, the process
 * locks itself in (host/sandbox) and calls run(). A new role, for one:
 *
 *     // roles.c
 *     {.name = "reader", .uid = 6, .keys = {"ledger", "search"},
 *      .directories = {{"ledger", ROLE_READ}, {"catalog", ROLE_READ}},
 *      .sockets = {"reader"}, .asks = {{"keeper", 2}}, .sandbox = SANDBOX_FILE_READ},
 *
 *     // posternd.c
 *     {"reader", reader_run, NULL},
 *
 *     // reader.c
 *     bool reader_run(struct role *r, struct error *e)
 *     {
 *         struct ipc_server from_keeper;
 *         struct reader reader = {.keeper = role_pool(r, "keeper"), .key = role_key(r, "ledger")};
 *         ipc_server_init(&from_keeper, &reader_table, &reader);
 *         role_serve(r, "keeper", &from_keeper); // a thread for each channel from now on
 *         role_ready(r);                         // the supervisor goes on starting others
 *         role_wait(r);                          // until the supervisor says stop
 *         return true;                           // finish what must be finished before this
 *     }
 *
 * run() begins in the locked process: what needs files outside the data directory (libraries,
 * tables of the C library) is loaded in prepare(), which sees no byte from the network either.
 * When run() returns the process exits, whatever its other threads do. Everything that role_...()
 * hands out is owned by the role and lives as long as the process. Thread-safe. */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

#include "config/settings.h"
#include "host/sandbox.h"
#include "ipc/ipc.h"
#include "ipc/pool.h"

#define ROLE_KEYS_MAX        4
#define ROLE_DIRECTORIES_MAX 6
#define ROLE_FILES_MAX       6
#define ROLE_FILE_BYTES_MAX  ((size_t)8 << 20)
#define ROLE_SOCKETS_MAX     4
#define ROLE_ASKS_MAX        6
#define ROLE_SERVES_MAX      12

enum role_rights {
    ROLE_READ,  /* files in it and below may be read */
    ROLE_WRITE, /* and made, changed, renamed, removed: the role owns the directory */
};

struct role;

struct role_row {
    const char *name;
    unsigned uid;        /* added to `uid-base` where no system user postern-NAME exists */
    uint64_t sandbox;    /* SANDBOX_...: groups of system calls beyond the ordinary ones */
    uint64_t memory_max; /* bytes of address space, 0: no limit */
    bool tells, hears;   /* is told the alarms: role_on_alert(); what became of them: role_told.h */
    bool runs, links; /* has the supervisor run a program, connect it: processes/telling, links */
    bool finishes;    /* ends before the keeper is started anew, which is told what it has begun */
    bool many;        /* as many processes as `inspectors` says; otherwise one */
    bool apart; /* in a program of its own, posternd-NAME: no other process has its libraries */
    const char *keys[ROLE_KEYS_MAX]; /* labels of derived keys */

    struct {
        const char *name; /* below the data directory */
        enum role_rights rights;
        size_t
            outside; /* not 0: offset of a setting with the URL of a folder elsewhere, file:///... */
    } directories[ROLE_DIRECTORIES_MAX];

    struct {
        const char *name;
        size_t setting;    /* offset in struct settings of the struct slice that holds the path */
        const char *below; /* or a file of the data directory; it may be missing */
        size_t each;  /* not 0: the setting is a list of sections of this size, one file each, */
        size_t path;  /* whose paths stand there; see role_file_of() */
        size_t most;  /* bytes of each of those; 0: SETTINGS_SECRET_MAX */
        bool private; /* it is not taken when others than its owner may read or write it */
    } files[ROLE_FILES_MAX]; /* read by the supervisor, handed over as bytes */

    const char *sockets[ROLE_SOCKETS_MAX]; /* names of listening sockets, see role_socket() */

    struct {
        const char *role;  /* whom this role asks */
        unsigned channels; /* questions at once, to each process of that role */
    } asks[ROLE_ASKS_MAX];
};

extern const struct role_row role_rows[];
extern const size_t role_rows_count; /* in the order of starting; stopped in the reverse order */

/* The row called `name`, or NULL. */
const struct role_row *role_find(const char *name);

/* The settings in force now. They never change; a reload brings new ones, and the old ones live
 * on, so that a thread may keep what it got for as long as it works on one thing. */
const struct settings *role_settings(struct role *r);

/* Which of its equals this process is, from 0. */
unsigned role_instance(struct role *r);

/* The derived key of that label, whose former ones keyring/former knows; ends the process when the row does not name it. */
const struct secret *role_key(struct role *r, const char *label);

/* The master key in force, of which no role but the supervisor has more. */
struct role_master {
    uint64_t generation; /* 1 for the first */
    uint64_t kept;       /* enum master_kept */
    int64_t since_ms;    /* when it came into force; 0: at the beginning */
    uid_t owner;         /* who alone can change it */
    uint64_t formers;    /* how many former ones are kept */
};

/* What is known of the master key that this role's keys follow from. */
const struct role_master *role_master(struct role *r);

/* Descriptor of a directory of the row, for openat(); -1: it is outside, and not set or not there. Ends the
 * process when it is not in the row. */
int role_directory(struct role *r, const char *name);

/* Path of the same directory as this process sees it, for libraries that want a path. */
const char *role_path(struct role *r, const char *name);

/* The configuration file that the settings in force were read from. Lives as they do. */
struct slice role_config(struct role *r);

/* What was in a file of the row at the start or the last reload; empty when its setting is. */
struct slice role_file(struct role *r, const char *name);

/**
 * What was in the file of the nth section, where the row has one for each.
 *
 * @param settings  what role_settings() gave: the file is the one that was read with them, also when
 *                  others are in force by now
 * @return          empty when it could not be read. It is read again whenever it changes, which comes
 *                  as a reload
 */
struct slice role_file_of(const struct role *r, const struct settings *settings, const char *name,
                          size_t nth);

/* The nth listening socket of that name (a setting may name several addresses); -1 behind the last.
 * "submissions" (implicit TLS), "submission", "journal" and "connector" (STARTTLS): TCP. "metrics": a Unix stream socket.
 * "keeper", "reader", "intake": Unix sockets that speak ipc, see role_serve_socket(). */
int role_socket(struct role *r, const char *name, size_t nth);

/* Channels to a role that the row asks; filled and refilled by the supervisor at any time. */
struct ipc_pool *role_pool(struct role *r, const char *peer);

/* Serve every channel from `peer`, those of now and those to come, in a thread each. The server
 * lives as long as the process. */
void role_serve(struct role *r, const char *peer, struct ipc_server *server);

/* Serve whoever connects to a Unix socket of the row: the command line. A thread each, up to
 * ROLE_VISITORS_MAX at once; who may connect is up to the socket's owner and mode. */
#define ROLE_VISITORS_MAX 16
bool role_serve_socket(struct role *r, const char *name, struct ipc_server *server,
                       struct error *e) MUST_CHECK;

/* For a role that serves its channels itself instead: wait for the next channel that nobody
 * serves. Returns the socket, then the caller's, and sets *peer; -1 once the supervisor said stop. */
int role_next_channel(struct role *r, const char **peer);

/* In a forked copy of the process: close what belongs to the original alone, the control channel
 * and the channels that nobody serves. Afterwards only settings, keys and files may be used. */
void role_forked(struct role *r);

/* Tell the supervisor that this role is at work. It starts the others only then, so a role does not
 * wait for an answer of a later one before. */
void role_ready(struct role *r);

/* Call back on a reload, after role_settings() and role_file() give the new; one for the process,
 * set before role_ready(). Called in the control thread: be quick. */
void role_on_reload(struct role *r, void (*reloaded)(void *argument), void *argument);

/* Call back for each alarm that the supervisor raises, of whichever process, while this role is at
 * work; one for the process, set before role_ready(), for a row that tells. Called in the control
 * thread: be quick. */
void role_on_alert(struct role *r,
                   void (*told)(void *argument, struct slice from, struct slice event,
                                struct slice sentence),
                   void *argument);

/* Has the supervisor said stop? */
bool role_stopping(struct role *r);

/* Wait for that. */
void role_wait(struct role *r);

/* Readable once that is so: for poll() beside a listening socket. Never read from it. */
int role_stop_fd(struct role *r);

/* Raise an alert: the supervisor logs it and runs the operator's alert command, at most once in
 * `alert-interval` for each event. `event` is a name such as "ledger-sync-failed". */
void role_alert(struct role *r, const char *event, const char *sentence);
