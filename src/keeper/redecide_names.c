#include "keeper/redecide_names.h"

#include "letter/records.h"

static struct slice name_at(const struct redecide_names *s, size_t i)
{
    return slice_of(s->names[i].text, s->names[i].len);
}

static bool has(const struct redecide_names *s, struct slice name)
{
    bool found = false;

    for (size_t i = 0; i < s->n && !found; i++) {
        found = slice_equal_nocase(name_at(s, i), name);
    }
    return found;
}

void redecide_names_add(struct redecide_names *s, struct slice name)
{
    if (name.len == 0 || name.len > REDECIDE_NAME_MAX || has(s, name)) {
        return;
    }
    if (s->n == REDECIDE_NAMES_MAX) {
        s->all = true;
        return;
    }
    (void)memcpy(s->names[s->n].text, name.ptr, name.len);
    s->names[s->n++].len = name.len;
}

void redecide_names_join(struct redecide_names *s, const struct redecide_names *others)
{
    for (size_t i = 0; i < others->n; i++) {
        redecide_names_add(s, name_at(others, i));
    }
    s->all = s->all || others->all;
}

bool redecide_names_has(const struct redecide_names *s, struct slice address)
{
    return has(s, address) || has(s, letter_domain(address));
}

bool redecide_names_has_domain(const struct redecide_names *s, struct slice domain)
{
    bool found = false;

    for (size_t i = 0; i < s->n && !found; i++) {
        struct slice name = name_at(s, i);
        struct slice of = letter_domain(name);
        /* Rulings have A-labels. */
        found = !slice_is_ascii(name) || slice_equal_nocase(of.len ? of : name, domain);
    }
    return found;
}

bool redecide_names_are_empty(const struct redecide_names *s)
{
    return s->n == 0 && !s->all;
}

void redecide_names_clear(struct redecide_names *s)
{
    s->n = 0;
    s->all = false;
}
