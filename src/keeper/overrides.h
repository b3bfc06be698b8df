/* keeper/overrides - domains for which a person lowered, until a day, what their servers must prove.
 *
 * While one holds, letters to that domain need its level and no more: neither what the settings or a policy demand, nor what
 * the domain showed before, nor its pins, TLSA records or MTA-STS count. It ends by itself. What the smart host must
 * prove it does not touch, nor letters whose senders want REQUIRETLS: no administrator takes back what that promises them
 * (RFC 8689 section 4.2.1), so all counts that would count without it. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#include "letter/records.h"

#define OVERRIDES_MAX 64 /* at once */

struct keeper;
struct overrides;
struct queue_entry;

/* One that holds. */
struct override_row {
    struct slice domain; /* lower case, A-labels */
    uint64_t level;      /* enum tls_level: encrypted or verified */
    uint64_t until;      /* wall milliseconds */
    struct slice by;
    struct slice reason;
};

/* Read what the state holds. Before the threads run. */
bool overrides_open(struct keeper *k, struct error *e) MUST_CHECK;
void overrides_close(struct keeper *k);

/* The level that holds for a domain now; 0: none does. */
uint64_t overrides_level(struct keeper *k, struct slice domain);

/* The level that is enough for a letter without REQUIRETLS, whatever else is known: by an override, or by the sender's `TLS-Required: No` where
 * nothing is demanded (RFC 8689 section 4). 0: neither, or the smart host takes it. */
uint64_t overrides_waived(struct keeper *k, const struct queue_entry *entry, const struct facts *f);

/* Those that hold now, in the arena. */
size_t overrides_list(struct keeper *k, struct arena *arena, struct override_row **rows);
