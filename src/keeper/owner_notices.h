/* keeper/owner_notices - letters to the holder of an account about what happened to it: it was suspended, somebody signed in from a network where it
 * had not been used.
 *
 * They go to the account's address and to the one that is kept for that (`postern user set --notify`). A thief who reads that
 * mailbox too learns that he was seen and nothing more: no sign, no weight, no limit, nothing of how it is ended. The person responsible is told all by
 * alarms. Accounts of drills get none. */
#pragma once

#include "state/state.h"

struct keeper;

/* Its sending is suspended. What fails is logged: nothing waits for it. */
void owner_told_suspended(struct keeper *k, struct slice account, struct arena *arena);

/* A sign-in of which something is new. */
struct owner_sign_in {
    struct slice client;
    struct slice app;     /* name of the app password or device that he had; empty: none */
    struct slice passkey; /* likewise, at the desk */
    struct slice device;  /* what the machine calls itself; empty: nothing */
    bool
        new_network; /* the account had not been used from there: the person responsible gets an alarm as well */
    bool new_device; /* nor with that machine, app password or passkey */
};

/* Somebody signed in. */
void owner_told_sign_in(struct keeper *k, const struct account *a, const struct owner_sign_in *s,
                        struct arena *arena);
