/* processes/master_keys - the master key and those before it, in the supervisor, and what the roles get of them.
 *
 * The supervisor's alone; one thread. */
#pragma once

#include "base/error.h"

#include "keyring/master_list.h"
#include "processes/control.h"
#include "processes/role.h"

struct master_keys {
    struct master master;
    struct master_list former; /* that were in force before it */
};

/* A role's keys: of each label the present one, then the former ones from the latest on. */
struct key_gifts {
    struct secret *derived[CONTROL_KEYS_MAX];
    struct control_key keys[CONTROL_KEYS_MAX];
    size_t count;
};

/* Open what is in the data directory, before there is a process that hears the network; what opens it is asked for, see
 * host/ask. passphrase_fd is closed; -1: none. False as master_open(). */
bool master_keys_open(int data, int passphrase_fd, struct master_keys *k,
                      struct error *e) MUST_CHECK;

/**
 * Take over the key of master.key after a rotation; whoever asks holds master_lock().
 *
 * @param key    what it is said to be: believed when it opens the list of former keys, and that has the one in force
 * @param fresh  whether it is another than the one in force
 * @return       false with ERROR_DENIED when it is not believed; the keys in force stay
 */
bool master_keys_adopt(int data, struct master_keys *k, struct slice key, bool *fresh,
                       struct error *e) MUST_CHECK;

/* Derive what a row names. */
void key_gifts_derive(const struct master_keys *m, const struct role_row *row, struct key_gifts *g);

/* Wipe them. */
void key_gifts_wipe(struct key_gifts *g);
