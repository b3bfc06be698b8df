/* keeper/redecide_look - letters that their policies hold are looked at again by themselves when something becomes known of their recipients:
 * a key, a certificate, a password, a telephone number.
 *
 * Addresses wait in memory until a thread of its own goes over the queue, one letter after the other and behind whatever comes in. When more
 * wait than there is room for, and after a start, it looks at all that is held, and at what of their recipients is newer than their
 * decisions. What cannot be decided now is looked at again, less and less often. Thread-safe. */
#pragma once

#include "letter/records.h"

struct keeper;
struct redecide_looks;

/* None yet, but for a look at all. Free accepts NULL; no thread runs then. */
struct redecide_looks *redecide_looks_new(void);
void redecide_looks_free(struct redecide_looks *l);

/* Have the thread end. NULL is fine. */
void redecide_looks_close(struct redecide_looks *l);

/* Something is known now by which letters to this address, or to all of this domain, may be protected; after it is in the state. */
void redecide_known(struct keeper *k, struct slice address);

/* A letter's decision begins; what becomes known from here on it may not have seen. */
uint64_t redecide_mark(struct keeper *k);

/* It stands in the queue: if something became known meanwhile, have those of its recipients looked at again for whom a policy holds it. */
void redecide_missed(struct keeper *k, uint64_t mark, const struct facts *f,
                     const struct decision *d);

/* The thread. */
void keeper_redecide(void *keeper);
