/* processes/telling - the program of `attachments-password-command`: it tells a recipient the password of a letter.
 *
 * The keeper, which can run nothing, asks the supervisor, which runs it, ends it when it takes too long, and says what became of it.
 * Number and password go to its standard input: nobody sees them among the processes. What it writes goes nowhere: it might be
 * the password. The supervisor checks what it hands over, keeps none of it and waits for nobody. */
#pragma once

#include "letter/secret.h"
#include "processes/child.h"

#define TELLING_AT_ONCE 4

struct role;

/* ── the supervisor's ── */

struct telling {
    struct telling_run {
        pid_t program; /* 0: free */
        pid_t asker;
        uint64_t number;
        int64_t end_at; /* steady clock */
    } runs[TELLING_AT_ONCE];
};

/* Run the program for a role that asks; what cannot be is answered at once. False when the role may not ask, asks for what is
 * nonsense, or does not take the answer: it is to be given up. */
bool telling_begin(struct telling *t, struct child *c, const struct ipc_packet *p,
                   const struct documents_settings *settings, struct arena *arena,
                   struct error *e) MUST_CHECK;

/* A process of that id ended; when it was such a program, say what became of it to who asked, if it is still there. */
void telling_ended(struct telling *t, pid_t program, int status, struct child *children, size_t n);

/* End those that take too long; when the next one does, `next` at the latest. */
int64_t telling_watch(struct telling *t, int64_t next);

/* ── the role's ── */

/* Have it run and wait for its end. From TELLING_AT_ONCE threads at once. */
enum secret_told role_tell(struct role *r, struct slice telephone, struct slice password,
                           struct slice letter);

/* The control thread's: one has ended. */
bool role_take_ran(struct role *r, const struct ipc_packet *p, struct arena *arena,
                   struct error *e) MUST_CHECK;
