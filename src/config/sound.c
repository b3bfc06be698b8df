/* The schema's own check: what a table can get wrong without the compiler noticing. */
#include "config/internal.h"

static bool flaw(struct error *e, const struct config_setting *row, const char *what)
{
    return error_set(e, ERROR_CONFIG, "setting `%s`: %s", row->name, what);
}

static bool default_reads(const struct config_setting *row, const char *text)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    void *member = arena_alloc(&arena, row->width);
    struct slice culprit = SLICE_NONE;

    return config_member_read(row, slice_text(text), &arena, member, &culprit) == CONFIG_FITS;
}

static bool row_sound(const struct config_section *section, const struct config_setting *row,
                      struct error *e)
{
    size_t width = row->list ? sizeof(struct config_list) : config_value_width(row->type);

    if (row->width != width) {
        return flaw(e, row, "its member has not the width of its type");
    }
    if (!row->help || strchr(row->help, '\n')) {
        return flaw(e, row, "help is one line");
    }
    if ((row->type == CONFIG_CHOICE) != (row->words != NULL)) {
        return flaw(e, row, "a choice has words, nothing else has");
    }
    if (config_row(section, slice_text(row->name)) != row) {
        return flaw(e, row, "the name stands twice in its section");
    }
    if (row->required && row->initial) {
        return flaw(e, row, "what the file must give needs no default");
    }
    if (!row->initial && !row->example) {
        return flaw(e, row, "neither default nor example");
    }
    if (row->initial && !default_reads(row, row->initial)) {
        return flaw(e, row, "its default does not fit");
    }
    if (row->example && !default_reads(row, row->example)) {
        return flaw(e, row, "its example does not fit");
    }
    return true;
}

bool config_schema_sound(const struct config_schema *schema, struct error *e)
{
    for (size_t s = 0; s < schema->n_sections; s++) {
        const struct config_section *section = schema->sections[s];
        if ((s == 0) != (section->name == NULL) || (s == 0 && section->named)) {
            return error_set(e, ERROR_CONFIG, "only the first section has no name");
        }
        for (size_t t = 0; t < section->n_tables; t++) {
            for (size_t i = 0; i < section->tables[t]->n_settings; i++) {
                if (!row_sound(section, &section->tables[t]->settings[i], e)) {
                    return false;
                }
            }
        }
    }
    return true;
}
