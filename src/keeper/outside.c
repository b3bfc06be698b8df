#include "keeper/outside.h"

#include <stdlib.h>

#include "catalog/known.h"
#include "keeper/internal.h"

static bool is_ours(const struct general_settings *s, struct slice domain)
{
    const struct slice *ours = s->domains.items;

    for (size_t i = 0; i < s->domains.count; i++) {
        if (slice_equal_nocase(ours[i], domain)) {
            return true;
        }
    }
    return false;
}

static void list_domains(const struct general_settings *s, struct slice own, struct outside *o)
{
    const struct slice *ours = s->domains.items;

    o->domains[o->n_domains++] = own;
    for (size_t i = 0; i < s->domains.count && o->n_domains < OUTSIDE_DOMAINS_MAX; i++) {
        if (!slice_equal_nocase(ours[i], own)) {
            o->domains[o->n_domains++] = ours[i];
        }
    }
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void outside_read(struct keeper *k, const struct facts *f, struct arena *arena, struct outside *o)
{
    const struct general_settings *s = &k->options.settings(k->options.context)->general;
    const struct recipient *all = f->recipients.items;
    size_t n = 0;

    *o = (struct outside){0};
    list_domains(s, letter_domain(f->account), o);
    size_t width = o->n_domains;
    o->numbers = arena_array(arena, width * f->recipients.count + 1, sizeof(*o->numbers));
    o->first = arena_array(arena, f->recipients.count + 1, sizeof(*o->first));
    for (size_t i = 0; i < f->recipients.count; i++) {
        if (is_ours(s, letter_domain(all[i].address))) {
            continue;
        }
        for (size_t d = 0; d < width; d++) {
            o->numbers[n * width + d] =
                catalog_known_key(k->tail.catalog, o->domains[d], all[i].address);
        }
        n++;
    }
    if (n > 1) {
        qsort(o->numbers, n, width * sizeof(*o->numbers), by_number);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t *from = &o->numbers[i * width];
        if (o->n && o->numbers[(o->n - 1) * width] == *from) {
            continue;
        }
        (void)memmove(&o->numbers[o->n * width], from, width * sizeof(*from));
        o->n++;
    }
}

uint64_t *outside_numbers(const struct outside *o, struct arena *arena)
{
    uint64_t *out = arena_array(arena, o->n + 1, sizeof(*out));

    for (size_t i = 0; i < o->n; i++) {
        out[i] = o->numbers[i * o->n_domains];
    }
    return out;
}
