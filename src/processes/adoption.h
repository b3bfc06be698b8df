/* processes/adoption - a new master key is put in force while all is running.
 *
 * `postern key rotate` has changed the files and says so, with the key, over run/supervisor.sock (requests/supervisor):
 * root's alone, by the socket's mode and by what the kernel says of the other end. From then on every process that starts
 * gets the new keys. Those that have the old ones are ended row by row, as when all stops, and started anew together:
 *
 * | step | at work | killed here |
 * |---|---|---|
 * | master.key is changed, the supervisor not told | all, with the old keys | the next start, or `postern key adopt` |
 * | told | all; delivery finishes what it has in hand | whoever has keys is held until all with old keys have left |
 * | backup, reader, auth, signer, keeper end | submission, whose questions wait for a channel | the same |
 * | they start | the same | the same |
 * | all are up | all, with the new keys | it is in force |
 *
 * Old keys and new ones are never at work side by side: whoever dies before its turn is held until all with old keys have left,
 * and these are told at once then, so that nobody waits for delivery, which has no keys.
 *
 * What is sealed under the old keys is opened by the new processes, which have both; what the old ones would not open is
 * written when the keeper, which ends last, is there anew. Listening sockets are the supervisor's: connections wait in
 * them. The supervisor's; one thread. */
#pragma once

#include "processes/child.h"
#include "processes/stopping.h"

struct adoption {
    int listening; /* the socket; the provision's */
    int visitor;   /* who asked last; -1: nobody */
    bool under_way;
    struct stopping old; /* the processes with the old keys */
    bool left;           /* some of them still run */
    bool keys_left;      /* some of those that have keys do */
    uint64_t generation; /* that is in force, or is being put in force */
    int64_t began_at;    /* steady milliseconds, as the others */
    int64_t away_at;     /* since when submission asks in vain; 0: it does not yet */
    int64_t back_at;
    unsigned unadopted; /* looks in a row at which master.key was another one */
};

/* Begin with nothing under way, at a socket that listens. */
void adoption_init(struct adoption *a, int listening);

/* What to poll for reading; each time it is, adoption_hear(). */
int adoption_fd(const struct adoption *a);

/* Take a connection, or what was asked on it. `ready`: all were at work once, and nothing is being stopped. */
void adoption_hear(struct adoption *a, struct provision *p, struct child *children, size_t n,
                   bool ready, struct arena *arena);

/* Do what is due of one that is under way. */
void adoption_step(struct adoption *a, struct child *children, size_t n);

/* Whether the process is not to be started yet. */
bool adoption_holds(const struct adoption *a, const struct child *c);

/* When something is due by itself, steady milliseconds; `otherwise` when that is earlier or nothing is. */
int64_t adoption_next(const struct adoption *a, int64_t otherwise);

/* Look now and then: true once when master.key has been another than the one in force for a while, and nobody told. */
bool adoption_is_missing(struct adoption *a, const struct provision *p);
