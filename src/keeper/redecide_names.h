/* keeper/redecide_names - a bounded set of addresses and domains, in lower case. Not thread-safe; a plain value. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

#define REDECIDE_NAMES_MAX 256
#define REDECIDE_NAME_MAX  320

struct redecide_names {
    struct {
        char text[REDECIDE_NAME_MAX];
        size_t len;
    } names[REDECIDE_NAMES_MAX];

    size_t n;
    bool all; /* there were more than fit, or all are meant */
};

/* Put a name in; one that is in already, or is too long to be anybody's, changes nothing. */
void redecide_names_add(struct redecide_names *s, struct slice name);

/* Put all of another set in. */
void redecide_names_join(struct redecide_names *s, const struct redecide_names *others);

/* Whether the address or its domain is in; `all` does not count. */
bool redecide_names_has(const struct redecide_names *s, struct slice address);

/* Whether somebody of that domain may be in, or it itself. */
bool redecide_names_has_domain(const struct redecide_names *s, struct slice domain);

/* Whether nothing is in, and nothing is meant; and have it so. */
bool redecide_names_are_empty(const struct redecide_names *s);
void redecide_names_clear(struct redecide_names *s);
