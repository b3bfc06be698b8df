/* keyring/master_list - the master keys that were in force before the one of master.key, sealed under it.
 *
 * A rotation writes a list with the key that it replaces; what is still sealed under that one stays readable until
 * it was sealed anew and the generation is retired. The file is named by the public name of the key that opens it, so
 * that the lists of two keys never meet: while a rotation is under way both are there. docs/ledger-format.md
 * section 9. Root's alone; one thread. */
#pragma once

#include "keyring/master.h"

#define MASTER_FORMER_MAX 64

struct master_former {
    uint64_t generation;
    int64_t since_ms; /* when it came into force; 0: at the beginning */
    struct secret *key;
};

struct master_list {
    int64_t since_ms;                               /* the same of the key that opens the list */
    struct master_former former[MASTER_FORMER_MAX]; /* the oldest first */
    size_t count;
};

/* Wipe; a zeroed one is fine. */
void master_list_done(struct master_list *l);
OWN_VALUE(master_list, struct master_list, master_list_done)

/* Read the list of a key; that of the first generation is empty and has no file. False with ERROR_CONFIG when it is
 * missing or newer, ERROR_CORRUPT when it is damaged, ERROR_BUSY when the disk fails. */
bool master_list_read(int dirfd, const struct master *m, struct master_list *l,
                      struct error *e) MUST_CHECK;

/* Write the list for a key, durably, in the place of one that is there, and read it back. ERROR_LIMIT when there are
 * too many. */
bool master_list_write(int dirfd, const struct master *m, const struct master_list *l,
                       struct error *e) MUST_CHECK;

/* Append a key; it is copied. ERROR_LIMIT when there are too many. */
bool master_list_add(struct master_list *l, uint64_t generation, int64_t since_ms,
                     const struct secret *key, struct error *e) MUST_CHECK;

/* Take a generation out; whether it was there. */
bool master_list_take(struct master_list *l, uint64_t generation);

/* Destroy every list but that of this key. */
bool master_list_tidy(int dirfd, const struct secret *key, struct error *e) MUST_CHECK;

/* Tell keyring/former the former keys of a label. */
void master_list_register(const struct master_list *l, const struct secret *master,
                          const char *label);

/* Whether this is the name of a list. */
bool master_list_is(const char *name);
