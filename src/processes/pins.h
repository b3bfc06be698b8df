/* processes/pins - the keys and authorities that [domain] sections pin, as delivery compares them with certificates.
 *
 * One reading of the settings; it changes with a reload alone. Thread-safe once read. */
#pragma once

#include "processes/role.h"

struct pins_of_domain {
    bool set; /* the section pins something */
    struct slice *
        records; /* TLSA records (host/tlsa); n_records of them, 0 when what is pinned cannot be read */
    size_t n_records;
};

struct pins {
    const struct settings *settings;
    struct pins_of_domain *of; /* one for each [domain], in their order */
};

/* Read them from the settings and from the role's file `domain-authorities`; they live in the arena. */
void pins_read(const struct role *r, const struct settings *s, struct arena *arena,
               struct pins *out);

/* Those of a domain; none pinned when it has no section. */
struct pins_of_domain pins_find(const struct pins *p, struct slice domain);
