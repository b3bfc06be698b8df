/* processes/directory_parts - what the files of the directory process share: directory.c, which answers, directory_link.c,
 * which speaks with one server, and directory_people.c, which makes people of entries. */
#pragma once

#include "base/arena.h"

#include "host/ldap.h"
#include "host/resolver.h"
#include "processes/role.h"
#include "requests/directory.h"

/* One conversation with a server of a section; one thread's. */
struct visit {
    struct role *role;
    struct resolver *resolver;
    const struct settings *settings;
    const struct directory_settings *section;
    struct arena *arena;
    int64_t until_ms; /* of the steady clock: when it ends, whatever the servers do */
    struct dirlink *link;
    struct slice server; /* that answered */
};

/* directory_link.c */

/* Connect to the first server that answers, and sign in as Postern. ERROR_BUSY, ERROR_DENIED, ERROR_CONFIG. */
bool visit_open(struct visit *v, struct error *e) MUST_CHECK;

/* Accepts one that was not opened. */
void visit_close(struct visit *v);

/* Whether this is the password of the person with that key: looks the entry up and signs in as it. Nobody, with an empty key
 * or password, costs the same. An enum directory_verdict. */
enum directory_verdict visit_prove(struct visit *v, struct slice key, struct slice password);

/* Whether the entry says that nobody signs in as it. Its first attributes are those of entry_locks (formats/ldap/entry.h). */
bool visit_is_locked(const struct dirlink_entry *entry);

/* directory_people.c */

/* Read everybody who has an account; in the arena. ERROR_LIMIT: there are more than DIRECTORY_PEOPLE_MAX. */
bool visit_people(struct visit *v, struct directory_person **people, size_t *count,
                  struct error *e) MUST_CHECK;
