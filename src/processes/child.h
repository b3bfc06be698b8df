/* processes/child - one process of a role, as the supervisor sees it. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

#include "processes/output.h"
#include "processes/provision.h"
#include "processes/role.h"

enum child_state {
    CHILD_DOWN,     /* to be started at restart_at */
    CHILD_STARTING, /* has everything but its channels, has not said READY */
    CHILD_UP,
    CHILD_ENDING, /* told to stop, or killed: it is never joined to others again */
};

struct child {
    const struct role_row *row;
    unsigned instance;
    enum child_state state;
    pid_t pid;   /* 0: none */
    int control; /* -1: none */
    struct output output;
    int64_t started_at; /* steady milliseconds, as the others */
    int64_t restart_at;
    int64_t delay_ms; /* before the next restart */
    unsigned deaths;  /* in a row, without having lived for a minute */
    unsigned pings;   /* not answered: signs of life that were due */
    uint64_t asked;   /* so many signs of life, those after RELOAD among them, */
    uint64_t said;    /* and so many came */
    uint64_t reload;  /* it has taken the last settings when so many came; 0: nothing is awaited */
    int64_t minute;   /* of the steady clock: in it were */
    unsigned packets; /* so many from it, */
    unsigned alerts;  /* so many of them alerts, */
    unsigned wants;   /* and besides, so many questions for a connection */
    bool stale;       /* it has keys that are not in force any more, or works for who has */
    bool
        replaced; /* it had to end for that: it is held until all of those with keys have, and not at work again yet */
};

/* May it say one more thing now? A process that was taken over must not keep the supervisor busy,
 * nor have it start the alert command without end. */
enum child_heard {
    CHILD_HEARD,
    CHILD_IGNORED, /* an alert too many: pass over it */
    CHILD_NOISY,   /* give it up */
};

/* Count a message of the process, by its verb, and say what is due to it: it may say so much in a minute. */
enum child_heard child_hear(struct child *c, uint16_t verb) MUST_CHECK;

/* Start the process and hand it what its row says. False with ERROR_BUSY when there is none now; a
 * process that was started but takes nothing is killed. */
bool child_start(struct child *c, struct provision *p, struct error *e) MUST_CHECK;

/* Send it a signal after which it is not expected to live. */
void child_end(struct child *c, int sig);

/* Send it the settings and files that are in force now. child_reloaded() says when it has taken them. */
void child_reload(struct child *c, struct provision *p);
bool child_reloaded(const struct child *c);

/* Kill it because it cannot be talked to: it will be started again. `what` and *e go to the log. */
void child_give_up(struct child *c, const char *what, const struct error *e);

/* Give `asker` new channels to `asked`, when its row says that it has any. Both are up. */
void child_join(struct child *asker, struct child *asked);

/* Ask for a sign of life; kill it when it owes too many. child_alive() counts one that came. */
void child_ping(struct child *c);
void child_alive(struct child *c);

/**
 * Note that it ended and decide when it starts again: `restart-delay`, doubled with each death up
 * to `restart-delay-limit`, from the beginning once it has lived for a minute.
 *
 * @param how  what process_status_text() said
 * @return     true when it died so often in a row that somebody should know
 */
bool child_ended(struct child *c, const char *how, const struct process_settings *settings);
