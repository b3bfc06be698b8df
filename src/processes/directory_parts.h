/* processes/directory_parts - what the files of the directory process share: directory.c, which answers, directory_link.c,
 * which speaks with one server, directory_people.c, which makes people of entries, and directory_certificates.c, which takes
 * certificates of recipients out of them. */
#pragma once

#include <stdatomic.h>

#include "base/arena.h"

#include "host/ldap.h"
#include "host/resolver.h"
#include "processes/role.h"
#include "requests/directory.h"

/* How to come to a server of a section, and as whom. */
struct visit_door {
    struct slice section; /* its name */
    const struct config_list *servers;
    bool starttls;
    struct slice tls_name; /* empty: the host's */
    struct slice trust;    /* PEM */
    struct slice bind_dn;  /* empty: as nobody */
    struct slice password;
    int64_t timeout_ms;
    atomic_size_t
        *first; /* the server to begin with: that answered last, or is behind one that failed */
};

/* One conversation with a server of a section; one thread's. */
struct visit {
    struct role *role;
    struct resolver *resolver;
    const struct settings *settings;
    const struct directory_settings *section; /* NULL: it is one of the next kind */
    const struct certificates_settings *certificates;
    struct visit_door door;
    struct arena *arena;
    int64_t until_ms; /* of the steady clock: when it ends, whatever the servers do */
    struct dirlink *link;
    struct slice server; /* that answered */
    size_t number;       /* its */
};

/* directory_link.c */

/* Until when one of `left` that are tried in turn may take, so that a dead one leaves time for the others. */
int64_t visit_share(int64_t now_ms, int64_t until_ms, size_t left);

/* Have it be one to the [directory], or the [certificates], section of that name; false when the settings have none. */
bool visit_directory(struct visit *v, struct slice name) MUST_CHECK;
bool visit_certificates(struct visit *v, struct slice name) MUST_CHECK;

/* Connect to the first server that answers, and sign in as Postern, if the section says as whom. ERROR_BUSY, ERROR_DENIED, ERROR_CONFIG. */
bool visit_open(struct visit *v, struct error *e) MUST_CHECK;

/* The server that was opened answers no questions: the next visit begins with another one. */
void visit_failed(struct visit *v);

/* Accepts one that was not opened. */
void visit_close(struct visit *v);

/* Whether this is the password of the person with that key: looks the entry up and signs in as it. Nobody, with an empty key
 * or password, costs the same. An enum directory_verdict. */
enum directory_verdict visit_prove(struct visit *v, struct slice key, struct slice password);

/* Whether the entry says that nobody signs in as it. Its first attributes are those of entry_locks (formats/ldap/entry.h). */
bool visit_is_locked(const struct dirlink_entry *entry);

/* Begin the names of attributes that are asked for by those of entry_locks; returns how many these are. */
size_t visit_name_locks(struct slice names[static DIRLINK_ATTRIBUTES_MAX]);

/* Go on with those of a setting, `max` of them at most. */
void visit_name_more(struct slice *names, size_t *n, const struct config_list *list, size_t max);

/* directory_people.c */

/* Read everybody who has an account; in the arena. ERROR_LIMIT: there are more than DIRECTORY_PEOPLE_MAX. */
bool visit_people(struct visit *v, struct directory_person **people, size_t *count,
                  struct error *e) MUST_CHECK;

/* directory_contacts.c */

/* Read every entry that is a contact of the company's; in the arena. ERROR_LIMIT: there are more than DIRECTORY_CONTACTS_MAX. */
bool visit_contacts(struct visit *v, struct contact **contacts, size_t *count,
                    struct error *e) MUST_CHECK;

/* directory_certificates.c */

/* Read what stands there beside an address, in the visit's arena. An answer too: that no server says yes or no, which is logged. */
void visit_take_certificates(struct visit *v, struct slice address,
                             struct directory_certificates_answer *out);
