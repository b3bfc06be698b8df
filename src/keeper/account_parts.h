/* keeper/account_parts - what the files about a change of an account share: account_change.c, which makes it,
 * account_request.c, where it waits for another person, account_mail.c and account_group.c, which say what it gives. */
#pragma once

#include "keeper/account_change.h"
#include "keeper/admin.h"
#include "keyring/digest.h"
#include "letter/group.h"
#include "requests/admin.h"
#include "requests/approvals.h"
#include "state/state.h"

/* A change under way. */
struct change {
    struct keeper_admin *admin;
    const struct admin_user_ask *ask;
    struct arena *arena;
    const char *verb;
    struct account old; /* as it is now, if `found` */
    bool found;
    struct account account; /* as it is to be */
    struct slice takes;     /* an address by which it would read what was another's; empty: none */
};

/* account_change.c */

/* Whether it is an address in a domain of ours: nobody else's mail may leave through us. False with ERROR_INPUT. */
bool account_address_is_ours(struct keeper *k, struct slice address, struct arena *arena,
                             struct error *e) MUST_CHECK;

/* Have auth make the account's verifier of a new password. False with what speaks against the password. */
bool account_make_verifier(struct keeper *k, struct account *account, struct slice password,
                           struct arena *arena, struct error *e) MUST_CHECK;

/* How many officers are in office, besides the account of that name. */
bool account_count_officers(struct keeper *k, struct slice besides, struct arena *arena,
                            size_t *others, struct error *e) MUST_CHECK;

/* account_wildcard.c */

/**
 * Take `*@domain` out of the addresses that were asked for.
 *
 * @param addresses  what is left of them; in the arena
 * @param domains    of those
 */
void account_split_addresses(const struct cbor_list *asked, struct arena *arena,
                             struct cbor_list *addresses, struct cbor_list *domains);

/* Whether it may have the domains that it is to have: an application's, ours, and nobody has an address in them. */
bool account_check_domains(const struct change *c, struct error *e) MUST_CHECK;

/* Whether it gains one. */
bool account_gains_domain(const struct change *c);

/* The addresses, and `*@domain` for each domain; in the arena. */
struct cbor_list account_join_addresses(const struct account *a, struct arena *arena);

/* account_request.c */

/* An account as the state holds it, encoded, and the SHA-256 of that. */
void account_digest(const struct account *a, struct arena *arena, struct slice *encoded,
                    uint8_t digest[static DIGEST_LEN]);

/* Record that somebody asked for it; `giving`: its holder cannot approve it. */
bool account_ask_for(const struct change *c, bool giving, struct admin_asked *asked,
                     struct error *e) MUST_CHECK;

/* What became of it, for an act: "role auditor, groups accounting, sales"; `end` is put behind. Empty when there is
 * nothing to say. */
struct slice account_detail(const struct change *c, bool role, const char *end);

/* account_mail.c */

/* Whether the address is one of its. */
bool account_has_address(const struct account *a, struct slice address);

/**
 * Find an address by which the account would come to read mail that is, or was, another's: it is another account's, was
 * one's before, or mail was imported as its.
 *
 * @param address  set to the first, in the arena; empty: there is none
 * @return         false when that cannot be told
 */
bool account_takes_mail(const struct change *c, struct slice *address, struct error *e) MUST_CHECK;

/* Whether the address is one that another account than this had before. */
bool account_was_others(struct keeper *k, struct slice account, struct slice address,
                        struct arena *arena, bool *others, struct error *e) MUST_CHECK;

/* Keep in the state whose the addresses were that it has no longer; `was` may be NULL. Before it is written. */
bool account_remember_addresses(struct keeper *k, const struct account *was,
                                const struct account *now, struct arena *arena,
                                struct error *e) MUST_CHECK;

/* account_group.c */

/* Whether a group that a rule of retention in force names gains or loses it as a member. */
bool account_changes_ruled_group(const struct change *c);

/* Whether others may send as more than before: the account comes into a group that is delegated to somebody, or is in one and
 * gains an address. */
bool account_adds_to_delegation(const struct change *c);

/* Whether it is in a group. */
bool account_is_in_group(const struct account *a, struct slice group);
