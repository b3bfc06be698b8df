/* What a row expects, in words, and which name a mistyped one was probably meant to be. */
#include "config/internal.h"

#define NAME_MAX_COMPARED 48

static const char *type_name(enum config_type type)
{
    switch (type) {
    case CONFIG_TEXT:
        return "a text";
    case CONFIG_WORD:
        return "a word of a-z, 0-9, `-` and `_`";
    case CONFIG_PATH:
        return "an absolute path";
    case CONFIG_DOMAIN:
        return "a domain name";
    case CONFIG_ZONE:
        return "a name in the DNS";
    case CONFIG_MAILBOX:
        return "a mail address";
    case CONFIG_URL:
        return "an http or https URL without a user name";
    case CONFIG_DURATION:
        return "a duration with a unit (ms, s, min, h, d)";
    case CONFIG_SIZE:
        return "a size with a unit (B, KiB, MiB, GiB, TiB)";
    case CONFIG_COUNT:
        return "a whole number";
    case CONFIG_BOOLEAN:
        return "`yes` or `no`";
    case CONFIG_CHOICE:
        return "one of";
    case CONFIG_LISTEN:
        return "an address with a port";
    case CONFIG_ENDPOINT:
        return "a host or address with a port";
    }
    return "a value";
}

static struct slice choice_text(const struct config_setting *row, struct arena *arena)
{
    struct slice text = SLICE("one of");

    for (int64_t i = row->min; row->words[i]; i++) {
        text = arena_printf(arena, "%.*s%s `%s`", SLICE_ARG(text), i > row->min ? "," : "",
                            row->words[i]);
    }
    return text;
}

static struct slice bound_text(const struct config_setting *row, int64_t bound, struct arena *arena)
{
    if (row->type == CONFIG_DURATION || row->type == CONFIG_SIZE) {
        return config_unit_text(row->type, (uint64_t)bound, arena);
    }
    return arena_printf(arena, "%lld%s", (long long)bound,
                        row->type == CONFIG_COUNT ? "" : " bytes");
}

struct slice config_type_text(const struct config_setting *row, struct arena *arena)
{
    struct slice text =
        row->type == CONFIG_CHOICE ? choice_text(row, arena) : slice_text(type_name(row->type));
    bool bounded = row->type != CONFIG_ENDPOINT && row->type != CONFIG_CHOICE;

    if (bounded && row->min > 0 && row->max > 0) {
        text = arena_printf(arena, "%.*s, from %.*s to %.*s", SLICE_ARG(text),
                            SLICE_ARG(bound_text(row, row->min, arena)),
                            SLICE_ARG(bound_text(row, row->max, arena)));
    } else if (bounded && row->min > 0) {
        text = arena_printf(arena, "%.*s, at least %.*s", SLICE_ARG(text),
                            SLICE_ARG(bound_text(row, row->min, arena)));
    } else if (bounded && row->max > 0) {
        text = arena_printf(arena, "%.*s, at most %.*s", SLICE_ARG(text),
                            SLICE_ARG(bound_text(row, row->max, arena)));
    }
    return row->list ? arena_printf(arena, "%.*s; a list", SLICE_ARG(text)) : text;
}

/* An item of the row's own default or example: the best model of how to write one. */
static struct slice model_of(const struct config_setting *row)
{
    struct slice all = slice_text(row->initial ? row->initial : row->example);
    struct slice item = SLICE_NONE;

    return config_line_item(&all, row->list, &item) ? item : SLICE_NONE;
}

static const char *unit_type_name(enum config_type type)
{
    return type == CONFIG_DURATION ? "a duration with a unit" : "a size with a unit";
}

struct slice config_wants(const struct config_setting *row, enum config_verdict verdict,
                          struct arena *arena)
{
    struct slice model = model_of(row);
    const char *name = type_name(row->type);

    if (verdict == CONFIG_TOO_SMALL) {
        return arena_printf(arena, "at least %.*s", SLICE_ARG(bound_text(row, row->min, arena)));
    }
    if (verdict == CONFIG_TOO_LARGE) {
        return row->max > 0 ? arena_printf(arena, "at most %.*s",
                                           SLICE_ARG(bound_text(row, row->max, arena)))
                            : slice_text("less than that");
    }
    if (row->type == CONFIG_CHOICE) {
        return choice_text(row, arena);
    }
    if (row->type == CONFIG_BOOLEAN || model.len == 0) {
        return slice_text(name);
    }
    if (row->type == CONFIG_DURATION || row->type == CONFIG_SIZE) {
        name = unit_type_name(row->type);
    }
    return arena_printf(arena, "%s such as `%.*s`", name, SLICE_ARG(model));
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

size_t config_distance(struct slice a, struct slice b)
{
    size_t row[NAME_MAX_COMPARED + 1];

    if (a.len > NAME_MAX_COMPARED || b.len > NAME_MAX_COMPARED) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            size_t differs = ascii_lower(a.ptr[i - 1]) != ascii_lower(b.ptr[j - 1]);
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + differs);
            diagonal = above;
        }
    }
    return row[b.len];
}

const struct config_setting *config_row(const struct config_section *section, struct slice name)
{
    for (size_t t = 0; t < section->n_tables; t++) {
        const struct config_table *table = section->tables[t];
        for (size_t i = 0; i < table->n_settings; i++) {
            if (slice_equal(slice_text(table->settings[i].name), name)) {
                return &table->settings[i];
            }
        }
    }
    return NULL;
}

const char *config_nearest(const struct config_section *section, struct slice name)
{
    const char *best = NULL;
    size_t best_distance = name.len / 3 + 1; /* further away is another word, no slip */

    for (size_t t = 0; t < section->n_tables; t++) {
        const struct config_table *table = section->tables[t];
        for (size_t i = 0; i < table->n_settings; i++) {
            size_t distance = config_distance(name, slice_text(table->settings[i].name));
            if (distance <= best_distance) {
                best = table->settings[i].name;
                best_distance = distance - (distance > 0);
            }
        }
    }
    return best;
}
