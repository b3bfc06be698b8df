/* host/ldap_entry - an entry of an answer taken out of the library's hands. For host/ldap alone.
 *
 * How much a server says is its own affair: what does not fit into the arena is an error, never its end. */
#pragma once

/* The library's header. */
#include <ldap.h>

#include "host/ldap.h"

/* Whether so many bytes can be had in one piece. Otherwise ERROR_LIMIT. */
bool ldap_entry_fits(const struct arena *arena, size_t bytes, struct error *e) MUST_CHECK;

/* Copy the entry's name and the values of its attributes that were asked for. ERROR_LIMIT. */
bool ldap_entry_take(LDAP *ldap, LDAPMessage *message, char *const *names, size_t n,
                     struct arena *arena, struct dirlink_entry *out, struct error *e) MUST_CHECK;
