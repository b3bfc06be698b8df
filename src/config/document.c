#include "config/document.h"

#include "config/internal.h"

#define COLUMNS 78

/* Space for the few words about one row. */
#define WORDS_MAX (1 << 16)

/* Break a paragraph into lines of at most COLUMNS, each behind `lead`. */
static void add_wrapped(struct buf *out, const char *lead, const char *text)
{
    struct slice rest = slice_text(text);
    size_t column = 0;

    while (rest.len) {
        struct slice word = slice_cut(rest, ' ', &rest);
        if (column && column + 1 + word.len > COLUMNS) {
            buf_add_byte(out, '\n');
            column = 0;
        }
        buf_add_text(out, column ? " " : lead);
        buf_add(out, word);
        column += word.len + (column ? 1 : strlen(lead));
    }
    buf_add_byte(out, '\n');
}

static void explain_row(struct buf *out, const struct config_section *section,
                        const struct config_setting *row)
{
    OWN(arena) struct arena arena = {.max = WORDS_MAX};

    if (section->name) {
        buf_printf(out, "%s, in a section [%s%s]\n", row->name, section->name,
                   section->named ? " NAME" : "");
    } else {
        buf_printf(out, "%s\n", row->name);
    }
    add_wrapped(out, "  ", row->help);
    if (row->more) {
        add_wrapped(out, "  ", row->more);
    }
    buf_printf(out, "\n  type     %.*s\n", SLICE_ARG(config_type_text(row, &arena)));
    if (row->initial) {
        buf_printf(out, "  default  %s\n", row->initial);
    } else {
        buf_printf(out, "  default  %s\n", row->required ? "none: it must be set" : "none");
        buf_printf(out, "  example  %s\n", row->example);
    }
    buf_printf(out, "  changed  %s\n",
               row->restart ? "by a restart" : "by a reload (SIGHUP) or a restart");
}

bool config_explain(const struct config_schema *schema, struct slice name, struct buf *out)
{
    bool found = false;

    for (size_t i = 0; i < schema->n_sections; i++) {
        const struct config_setting *row = config_row(schema->sections[i], name);
        if (row) {
            buf_add_text(out, found ? "\n" : "");
            explain_row(out, schema->sections[i], row);
            found = true;
        }
    }
    return found;
}

const char *config_suggest(const struct config_schema *schema, struct slice name)
{
    const char *best = NULL;

    for (size_t i = 0; i < schema->n_sections && !best; i++) {
        best = config_nearest(schema->sections[i], name);
    }
    return best;
}

/* The given values that belong to one section of the file. */
struct selection {
    const struct config_given *all;
    size_t n;
    const char *section;
    const char *argument;
};

static bool same_text(const char *a, const char *b)
{
    return slice_equal(slice_text(a), slice_text(b));
}

static const char *given_value(const struct selection *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct config_given *g = &s->all[i];
        if (same_text(g->section, s->section) && same_text(g->argument, s->argument) &&
            same_text(g->name, name)) {
            return g->value;
        }
    }
    return NULL;
}

static void write_row(struct buf *out, const struct config_setting *row, const char *value)
{
    OWN(arena) struct arena arena = {.max = WORDS_MAX};
    const char *shown = row->initial ? row->initial : row->example;

    add_wrapped(out, "# ", row->help);
    if (row->more) {
        add_wrapped(out, "# ", row->more);
    }
    add_wrapped(out, "# ",
                (const char *)arena_printf(
                    &arena, "Wants %.*s. %s:", SLICE_ARG(config_type_text(row, &arena)),
                    row->initial ? "Default" : "Example")
                    .ptr);
    buf_printf(out, "%s%s = %s\n\n", value ? "" : "#", row->name, value ? value : shown);
}

static void write_tables(struct buf *out, const struct config_section *section,
                         const struct selection *s)
{
    for (size_t t = 0; t < section->n_tables; t++) {
        const struct config_table *table = section->tables[t];
        if (!section->name) {
            buf_printf(out, "## %s\n\n", table->title);
        }
        for (size_t i = 0; i < table->n_settings; i++) {
            const struct config_setting *row = &table->settings[i];
            write_row(out, row, given_value(s, row->name));
        }
    }
}

/* The section of `argument` is already written when an earlier given value named it. */
static bool is_first(const struct config_given *all, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (same_text(all[i].section, all[at].section) &&
            same_text(all[i].argument, all[at].argument)) {
            return false;
        }
    }
    return true;
}

static void write_heading(struct buf *out, const struct config_section *section,
                          const char *argument, bool given)
{
    buf_add_byte(out, '\n');
    add_wrapped(out, "# ", section->help);
    if (section->named) {
        buf_printf(out, "%s[%s %s]\n\n", given ? "" : "#", section->name,
                   argument                           ? argument
                   : section->argument == CONFIG_WORD ? "office"
                                                      : "partner.test");
    } else {
        buf_printf(out, "%s[%s]\n\n", given ? "" : "#", section->name);
    }
}

static void write_section(struct buf *out, const struct config_section *section,
                          const struct config_given *given, size_t n_given)
{
    struct selection s = {given, n_given, section->name, NULL};
    bool written = false;

    for (size_t i = 0; i < n_given; i++) {
        if (same_text(given[i].section, section->name) && is_first(given, i)) {
            s.argument = given[i].argument;
            write_heading(out, section, s.argument, true);
            write_tables(out, section, &s);
            written = true;
        }
    }
    if (!written) {
        write_heading(out, section, NULL, false);
        write_tables(out, section, &s);
    }
}

void config_write_file(const struct config_schema *schema, const struct config_given *given,
                       size_t n_given, struct buf *out)
{
    const struct selection top = {given, n_given, NULL, NULL};

    buf_add_text(
        out, "# postern.conf: the configuration of Postern.\n"
             "#\n"
             "# Everything there is to set stands here. A setting behind a # shows its default\n"
             "# or an example: remove the # to set it. After a change:\n"
             "#\n"
             "#     postern check-config         says whether the file is right\n"
             "#     systemctl reload postern     makes it count\n"
             "#     postern config explain NAME  explains one setting\n"
             "#\n"
             "# Lists: commas, or the same name again. Sections [like this] come last.\n\n");
    write_tables(out, schema->sections[0], &top);
    for (size_t i = 1; i < schema->n_sections; i++) {
        write_section(out, schema->sections[i], given, n_given);
    }
}
