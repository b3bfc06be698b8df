#include "keeper/decoy_mint.h"

#include <string.h>

#include "keeper/decoy_names.h"
#include "keyring/keyring.h"

#define LOCAL_MAX   64
#define PHONE_DRAWN 3 /* last digits of a telephone number that are another's */

/* How an address is made of a name. */
enum style {
    FIRST_DOT_LAST,
    INITIAL_DOT_LAST,
    INITIAL_LAST,
    FIRST,
    LAST,
    LAST_DOT_FIRST,
    N_STYLES
};

uint64_t decoy_draw(uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    uint64_t drawn = 0;

    do {
        keyring_random_bytes((uint8_t *)&drawn, sizeof(drawn));
    } while (drawn >= limit);
    return drawn % n;
}

/* ── names ── */

static const struct decoy_names *names_for(struct slice domain)
{
    struct slice rest = domain;
    struct slice top = SLICE_NONE;

    while (rest.len) {
        top = slice_cut(rest, '.', &rest);
    }
    for (size_t i = 1; i < decoy_names_count; i++) {
        struct slice domains = slice_text(decoy_names[i].domains);
        while (domains.len) {
            if (slice_equal_nocase(slice_cut(domains, ' ', &domains), top)) {
                return &decoy_names[i];
            }
        }
    }
    return &decoy_names[0];
}

/* The letters of an address for one letter of a name, which is Latin-1 in UTF-8. */
static const char *spelled(uint8_t second)
{
    static const struct {
        uint8_t from, to;
        const char *text;
    } rows[] = {
        {0x84, 0x84, "ae"},
        {0x80, 0x85, "a" },
        {0x87, 0x87, "c" },
        {0x88, 0x8b, "e" },
        {0x8c, 0x8f, "i" },
        {0x91, 0x91, "n" },
        {0x96, 0x96, "oe"},
        {0x92, 0x95, "o" },
        {0x9c, 0x9c, "ue"},
        {0x99, 0x9b, "u" },
        {0x9f, 0x9f, "ss"},
        {0xa4, 0xa4, "ae"},
        {0xa0, 0xa5, "a" },
        {0xa7, 0xa7, "c" },
        {0xa8, 0xab, "e" },
        {0xac, 0xaf, "i" },
        {0xb1, 0xb1, "n" },
        {0xb6, 0xb6, "oe"},
        {0xb2, 0xb5, "o" },
        {0xbc, 0xbc, "ue"},
        {0xb9, 0xbb, "u" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (second >= rows[i].from && second <= rows[i].to) {
            return rows[i].text;
        }
    }
    return "";
}

/* A name as it stands in addresses: small letters and digits. */
static struct slice local_of(struct slice name, struct arena *arena)
{
    struct slice out = SLICE_NONE;

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = ascii_lower(name.ptr[i]);
        if (c == 0xc3 && i + 1 < name.len) {
            out = arena_printf(arena, "%.*s%s", SLICE_ARG(out), spelled(name.ptr[++i]));
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            out = arena_printf(arena, "%.*s%c", SLICE_ARG(out), c);
        }
    }
    return out;
}

/* ── addresses ── */

static struct slice write_local(enum style style, struct slice first, struct slice last,
                                struct arena *arena)
{
    switch (style) {
    case INITIAL_DOT_LAST:
        return arena_printf(arena, "%.*s.%.*s", SLICE_ARG(slice_head(first, 1)), SLICE_ARG(last));
    case INITIAL_LAST:
        return arena_printf(arena, "%.*s%.*s", SLICE_ARG(slice_head(first, 1)), SLICE_ARG(last));
    case FIRST:
        return first;
    case LAST:
        return last;
    case LAST_DOT_FIRST:
        return arena_printf(arena, "%.*s.%.*s", SLICE_ARG(last), SLICE_ARG(first));
    case FIRST_DOT_LAST:
    case N_STYLES:
        break;
    }
    return arena_printf(arena, "%.*s.%.*s", SLICE_ARG(first), SLICE_ARG(last));
}

static struct slice domain_of(struct slice address)
{
    size_t at = slice_find(address, '@');

    return at < address.len ? slice_from(address, at + 1) : SLICE_NONE;
}

/* First and last word of a name. */
static void split_name(struct slice name, struct slice *first, struct slice *last)
{
    struct slice rest = slice_trim(name);

    *first = slice_cut(rest, ' ', &rest);
    *last = SLICE_NONE;
    while (rest.len) {
        *last = slice_cut(rest, ' ', &rest);
    }
}

/* The way in which most of the models with a name are written. */
static enum style style_of(struct slice domain, const struct contact *models, size_t n,
                           struct arena *arena)
{
    size_t counts[N_STYLES] = {0};
    enum style best = FIRST_DOT_LAST;

    for (size_t i = 0; i < n; i++) {
        struct slice first;
        struct slice last;
        struct slice local = slice_head(models[i].address, slice_find(models[i].address, '@'));
        split_name(models[i].name, &first, &last);
        if (!last.len || !slice_equal_nocase(domain_of(models[i].address), domain)) {
            continue;
        }
        first = local_of(first, arena);
        last = local_of(last, arena);
        for (size_t s = 0; s < N_STYLES; s++) {
            counts[s] += slice_equal_nocase(write_local((enum style)s, first, last, arena), local);
        }
    }
    for (size_t s = 0; s < N_STYLES; s++) {
        best = counts[s] > counts[best] ? (enum style)s : best;
    }
    return best;
}

/* ── the rest ── */

/* The last digits are others. */
static struct slice draw_phone(struct slice phone, struct arena *arena)
{
    struct slice copy = arena_copy(arena, phone);
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.ptr;
    size_t drawn = 0;

    for (size_t i = copy.len; i > 0 && drawn < PHONE_DRAWN; i--) {
        if (bytes[i - 1] >= '0' && bytes[i - 1] <= '9') {
            bytes[i - 1] = (uint8_t)('0' + decoy_draw(10));
            drawn++;
        }
    }
    return copy;
}

/* One of the models in the domain or, when there is none, of all, and then *strange; NULL: there are no models. */
static const struct contact *draw_model(struct slice domain, const struct contact *models, size_t n,
                                        bool *strange)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        count += slice_equal_nocase(domain_of(models[i].address), domain);
    }
    *strange = count == 0;
    if (*strange) {
        return n ? &models[decoy_draw(n)] : NULL;
    }
    uint64_t left = decoy_draw(count);
    for (size_t i = 0; i < n; i++) {
        if (slice_equal_nocase(domain_of(models[i].address), domain) && left-- == 0) {
            return &models[i];
        }
    }
    return NULL;
}

/* "Other" of other.example: what a company without a model is called. */
static struct slice name_company(struct slice domain, struct arena *arena)
{
    struct slice rest;
    struct slice label = arena_copy(arena, slice_cut(domain, '.', &rest));
    uint8_t *first = (uint8_t *)(uintptr_t)label.ptr;

    if (label.len && *first >= 'a' && *first <= 'z') {
        *first = (uint8_t)(*first - 'a' + 'A');
    }
    return label;
}

/* The parts of a contact that others of the book have; nobody is a copy of one other. */
static void draw_parts(struct contact *c, struct slice domain, const struct contact *models,
                       size_t n, struct arena *arena)
{
    bool strange = false;
    const struct contact *part = draw_model(domain, models, n, &strange);

    if (!part) {
        return;
    }
    if (part->organisation.len) {
        c->organisation =
            strange ? name_company(domain, arena) : arena_copy(arena, part->organisation);
    }
    c->phone = draw_phone(part->phone, arena);
    c->title = arena_copy(arena, draw_model(domain, models, n, &strange)->title);
}

struct contact decoy_mint(struct slice domain, const struct contact *models, size_t n,
                          size_t n_parts, struct arena *arena)
{
    const struct decoy_names *names = names_for(domain);
    struct slice first = slice_text(names->first[decoy_draw(names->n_first)]);
    struct slice last = slice_text(names->last[decoy_draw(names->n_last)]);
    struct slice local = write_local(style_of(domain, models, n, arena), local_of(first, arena),
                                     local_of(last, arena), arena);
    struct contact c = {
        .address = arena_printf(arena, "%.*s@%.*s", SLICE_ARG(slice_head(local, LOCAL_MAX)),
                                SLICE_ARG(domain)),
        .name = arena_printf(arena, "%.*s %.*s", SLICE_ARG(first), SLICE_ARG(last)),
    };

    draw_parts(&c, domain, models, n_parts, arena);
    return c;
}
