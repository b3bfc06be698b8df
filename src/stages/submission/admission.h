/* stages/submission/admission - how many connections there are, in all and from each address.
 *
 * One address is an IPv4 address or the first 64 bits of an IPv6 address: that is what a provider
 * gives to one customer, who may use any of what follows. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

#include "host/address.h"

struct admission;

enum admission_verdict {
    ADMISSION_GRANTED,      /* counted: admission_leave() must follow */
    ADMISSION_FULL,         /* there are too many in all */
    ADMISSION_ADDRESS_FULL, /* there are too many from there */
    ADMISSION_CLOSED,       /* nobody may sign in from there */
};

/* Make one with nobody in. */
struct admission *admission_new(void) __attribute__((returns_nonnull));

/* Nobody may be in. NULL is fine. */
void admission_free(struct admission *a);

/* Let a connection in while there are fewer than `limit`, and fewer than `limit_of_one` from its
 * address. `now_ms` is of clock_steady_ms(). */
enum admission_verdict admission_enter(struct admission *a, const struct address *from,
                                       uint64_t limit, uint64_t limit_of_one, int64_t now_ms)
    __attribute__((warn_unused_result));

/* Let none in from an address until then. So many addresses can be closed at once; of more, those whose time is over first are
 * forgotten, which costs them the trying. False: it was closed already. */
bool admission_close(struct admission *a, const struct address *from, int64_t until_ms,
                     int64_t now_ms);

/* Somebody signed in from there after all. */
void admission_open(struct admission *a, const struct address *from);

/* One that was let in has ended. */
void admission_leave(struct admission *a, const struct address *from);

/* Wait until nobody is in, up to the deadline (of clock_steady_ms()); how many still are. */
size_t admission_wait(struct admission *a, int64_t deadline_ms);

OWN_BY(admission, struct admission, admission_free)
