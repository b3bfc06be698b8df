/* keeper/recipient_keys - the keys that letters to somebody are encrypted with, of every kind: who has which.
 *
 * One row of the state for an address or a domain; a key that comes or goes is a record first. Files with keys are read
 * by an inspector, never here. Whether a key may be used now is the business of who uses it. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/recipient_key.h"

struct keeper;
struct keeper_admin;

/**
 * The keys for a recipient: those of the address, then those of its domain.
 *
 * @param out  keys in the arena, those that were added last first; none when there are none
 */
bool recipient_keys_of(struct keeper *k, struct slice address, struct arena *arena,
                       struct recipient_keys *out, struct error *e) MUST_CHECK;

/* Have an inspector read a file with a key, which comes as a sealed memory file. ERROR_INPUT when it is none. */
bool recipient_key_read(struct keeper *k, struct slice address, int file, struct arena *arena,
                        struct recipient_key *out, struct error *e) MUST_CHECK;

/**
 * Keep a key, recorded first; one with the same fingerprint is replaced. Of what came from a directory (WKD), and of what
 * letters offered (Autocrypt), the newest alone is kept; the latter gives way when there is no room.
 *
 * @param admin  who orders it; NULL: Postern found it
 * @return       false with ERROR_LIMIT when the address has too many
 */
bool recipient_key_keep(struct keeper *k, struct keeper_admin *admin, struct slice address,
                        const struct recipient_key *key, struct slice reason, struct arena *arena,
                        struct error *e) MUST_CHECK;

/* Take the keys away that Postern found in one place, recorded first. *any: there were some. */
bool recipient_keys_forget(struct keeper *k, struct slice address, enum recipient_key_source source,
                           struct slice reason, struct arena *arena, bool *any,
                           struct error *e) MUST_CHECK;

/**
 * Have an address have these keys of one place where Postern looks, and no others of it, recorded first. One that a person
 * took away is left out, and so is one that is here from a place of more weight, or for which there is no room.
 *
 * @param gone  whether something that it had is not there any more
 */
bool recipient_keys_replace(struct keeper *k, struct slice address,
                            enum recipient_key_source source, const struct recipient_key *now,
                            size_t n, struct arena *arena, bool *gone, struct error *e) MUST_CHECK;

/* An address or domain in lower case; in the arena. */
struct slice recipient_canonical(struct slice address, struct arena *arena);
