#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "config/internal.h"

#define SHOWN_MAX 60 /* bytes of the file's own text in a sentence */

struct reader {
    const struct config_schema *schema;
    const char *file;
    struct arena *arena;
    uint8_t *values;
    struct config_problems *problems;
    struct error *e;
    size_t line;
    size_t n_sections;
    const struct config_section *section; /* NULL below a header that was wrong: skipped */
    size_t section_line;
    struct slice argument;
    uint8_t *target;   /* the section's struct */
    size_t *given_at;  /* for each row of the section the line that set it; 0: none did */
    size_t *single_at; /* for each section that may stand once its line */
};

static bool is_full(const struct config_problems *problems, const struct error *e)
{
    return problems ? problems->count == CONFIG_PROBLEMS_MAX : e->kind != ERROR_NONE;
}

static bool problem(struct config_problems *problems, struct error *e, struct slice sentence)
{
    if (problems && problems->count < CONFIG_PROBLEMS_MAX) {
        problems->sentences[problems->count++] = sentence;
    }
    if (e->kind == ERROR_NONE) {
        return error_set(e, ERROR_CONFIG, "%.*s", SLICE_ARG(sentence));
    }
    return false;
}

bool config_problem(struct config_problems *problems, struct arena *arena, struct error *e,
                    const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return problem(problems, e, arena_copy(arena, slice_text(text)));
}

__attribute__((format(printf, 2, 3))) static void complain(struct reader *r, const char *format,
                                                           ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)problem(r->problems, r->e, arena_printf(r->arena, "%s:%zu: %s", r->file, r->line, text));
}

static void *member_of(uint8_t *target, const struct config_table *table,
                       const struct config_setting *row)
{
    return target + table->base + row->offset;
}

static size_t count_rows(const struct config_section *section)
{
    size_t n = 0;

    for (size_t t = 0; t < section->n_tables; t++) {
        n += section->tables[t]->n_settings;
    }
    return n;
}

/* Defaults are text, read like the file's own; config_schema_sound() says that they fit. */
static void set_defaults(struct reader *r, const struct config_section *section, uint8_t *target)
{
    struct slice culprit = SLICE_NONE;

    for (size_t t = 0; t < section->n_tables; t++) {
        const struct config_table *table = section->tables[t];
        for (size_t i = 0; i < table->n_settings; i++) {
            const struct config_setting *row = &table->settings[i];
            if (row->initial) {
                (void)config_member_read(row, slice_text(row->initial), r->arena,
                                         member_of(target, table, row), &culprit);
            }
        }
    }
}

static struct slice section_text(const struct reader *r)
{
    if (!r->section->name) {
        return SLICE("");
    }
    return r->section->named
               ? arena_printf(r->arena, " in [%s %.*s]", r->section->name, SLICE_ARG(r->argument))
               : arena_printf(r->arena, " in [%s]", r->section->name);
}

/* Name what the section that ends here should have set. */
static void end_section(struct reader *r)
{
    size_t at = 0;
    size_t here = r->line;

    if (!r->section) {
        return;
    }
    r->line = r->section_line;
    for (size_t t = 0; t < r->section->n_tables; t++) {
        for (size_t i = 0; i < r->section->tables[t]->n_settings; i++, at++) {
            const struct config_setting *row = &r->section->tables[t]->settings[i];
            if (row->required && r->given_at[at] == 0) {
                complain(r, "`%s` is not set%.*s: it wants %.*s", row->name,
                         SLICE_ARG(section_text(r)),
                         SLICE_ARG(config_wants(row, CONFIG_MALFORMED, r->arena)));
            }
        }
    }
    r->line = here;
}

static void begin_section(struct reader *r, const struct config_section *section, uint8_t *target)
{
    r->section = section;
    r->section_line = r->line ? r->line : 1;
    r->target = target;
    r->given_at = arena_array(r->arena, count_rows(section) + 1, sizeof(size_t));
}

/* Give back the memory of a new struct at the end of the section's list. */
static uint8_t *add_named(struct reader *r, const struct config_section *section,
                          struct slice argument)
{
    struct config_list list;
    uint8_t *fresh = arena_alloc(r->arena, section->size);

    (void)memcpy(fresh, &argument, sizeof(argument));
    set_defaults(r, section, fresh);
    (void)memcpy(&list, r->values + section->offset, sizeof(list));
    config_list_add(&list, r->arena, fresh, section->size);
    (void)memcpy(r->values + section->offset, &list, sizeof(list));
    return (uint8_t *)list.items + (list.count - 1) * section->size;
}

static bool is_taken(const struct reader *r, const struct config_section *section,
                     struct slice argument)
{
    struct config_list list;

    (void)memcpy(&list, r->values + section->offset, sizeof(list));
    for (size_t i = 0; i < list.count; i++) {
        struct slice other;
        (void)memcpy(&other, (const uint8_t *)list.items + i * section->size, sizeof(other));
        if (slice_equal(other, argument)) {
            return true;
        }
    }
    return false;
}

static void open_named(struct reader *r, const struct config_section *section, struct slice text)
{
    struct slice argument = SLICE_NONE;
    const struct config_setting row = {.type = section->argument};

    if (config_value_read(&row, text, r->arena, &argument) != CONFIG_FITS) {
        complain(r, "[%s ...] wants %.*s; it says `%.*s`", section->name,
                 SLICE_ARG(config_wants(&row, CONFIG_MALFORMED, r->arena)),
                 SLICE_ARG(slice_head(text, SHOWN_MAX)));
        return;
    }
    if (is_taken(r, section, argument)) {
        complain(r, "there is already a section [%s %.*s]", section->name,
                 SLICE_ARG(slice_head(argument, SHOWN_MAX)));
        return;
    }
    r->argument = argument;
    begin_section(r, section, add_named(r, section, argument));
}

/* Where the line of a section that may stand once is remembered. */
static size_t *single_line(const struct reader *r, const struct config_section *section)
{
    size_t i = 0;

    while (r->schema->sections[i] != section) {
        i++;
    }
    return &r->single_at[i];
}

static void open_single(struct reader *r, const struct config_section *section, struct slice text)
{
    size_t *at = single_line(r, section);
    const bool present = true;

    if (text.len) {
        complain(r, "[%s] stands alone; it says `%.*s` behind the name", section->name,
                 SLICE_ARG(slice_head(text, SHOWN_MAX)));
        return;
    }
    if (*at) {
        complain(r, "there is already a section [%s], in line %zu", section->name, *at);
        return;
    }
    *at = r->line;
    (void)memcpy(r->values + section->offset, &present, sizeof(present));
    begin_section(r, section, r->values + section->offset);
}

static void open_section(struct reader *r, const struct config_line *l)
{
    const char *near = NULL;

    end_section(r);
    r->section = NULL;
    if (++r->n_sections > CONFIG_SECTIONS_MAX) {
        complain(r, "a file may have %d sections", CONFIG_SECTIONS_MAX);
        return;
    }
    for (size_t i = 1; i < r->schema->n_sections; i++) {
        const struct config_section *section = r->schema->sections[i];
        if (slice_equal(slice_text(section->name), l->name)) {
            if (section->named) {
                open_named(r, section, l->value);
            } else {
                open_single(r, section, l->value);
            }
            return;
        }
        near = config_distance(slice_text(section->name), l->name) <= 2 ? section->name : near;
    }
    complain(r, "there is no section [%.*s]%s%s%s", SLICE_ARG(slice_head(l->name, SHOWN_MAX)),
             near ? "; did you mean [" : "", near ? near : "", near ? "]?" : "");
}

static void unknown_setting(struct reader *r, struct slice name)
{
    struct slice shown = slice_head(name, SHOWN_MAX);
    struct slice where = section_text(r);

    for (size_t i = 0; i < r->schema->n_sections; i++) {
        const struct config_section *other = r->schema->sections[i];
        if (other != r->section && config_row(other, name) && other->name) {
            complain(r, "`%.*s` belongs into a section [%s%s]", SLICE_ARG(shown), other->name,
                     other->named ? " ..." : "");
            return;
        }
        if (other != r->section && config_row(other, name)) {
            complain(r, "`%.*s` belongs above the first section", SLICE_ARG(shown));
            return;
        }
    }
    const char *near = config_nearest(r->section, name);
    complain(r, "there is no setting `%.*s`%.*s%s%s%s", SLICE_ARG(shown), SLICE_ARG(where),
             near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

static void set_row(struct reader *r, const struct config_table *table,
                    const struct config_setting *row, size_t at, struct slice text)
{
    void *member = member_of(r->target, table, row);
    struct slice culprit = SLICE_NONE;

    if (r->given_at[at] && !row->list) {
        complain(r, "`%s` was already set in line %zu", row->name, r->given_at[at]);
        return;
    }
    if (r->given_at[at] == 0 && row->list) {
        (void)memset(member, 0, sizeof(struct config_list)); /* the file replaces the default */
    }
    r->given_at[at] = r->line;
    enum config_verdict verdict = config_member_read(row, text, r->arena, member, &culprit);
    if (verdict == CONFIG_FITS) {
        return;
    }
    bool long_list = row->list && ((struct config_list *)member)->count == CONFIG_LIST_MAX;
    if (verdict == CONFIG_TOO_LARGE && long_list) {
        complain(r, "`%s` may have %d values", row->name, CONFIG_LIST_MAX);
        return;
    }
    struct slice wants = config_wants(row, verdict, r->arena);
    if (culprit.len == 0) {
        complain(r, "`%s` wants %.*s; it says nothing", row->name, SLICE_ARG(wants));
        return;
    }
    complain(r, "`%s` wants %.*s; it says `%.*s`", row->name, SLICE_ARG(wants),
             SLICE_ARG(slice_head(culprit, SHOWN_MAX)));
}

static void set(struct reader *r, const struct config_line *l)
{
    size_t at = 0;

    if (!r->section) {
        return;
    }
    for (size_t t = 0; t < r->section->n_tables; t++) {
        const struct config_table *table = r->section->tables[t];
        for (size_t i = 0; i < table->n_settings; i++, at++) {
            if (slice_equal(slice_text(table->settings[i].name), l->name)) {
                set_row(r, table, &table->settings[i], at, l->value);
                return;
            }
        }
    }
    unknown_setting(r, l->name);
}

static void read_line(struct reader *r, struct slice text)
{
    const struct config_line l = config_line_read(text);

    switch (l.kind) {
    case CONFIG_LINE_EMPTY:
        return;
    case CONFIG_LINE_BAD:
        complain(r, "%s", l.complaint);
        return;
    case CONFIG_LINE_SECTION:
        open_section(r, &l);
        return;
    case CONFIG_LINE_SETTING:
        set(r, &l);
        return;
    }
}

bool config_read(const struct config_schema *schema, struct slice bytes, const char *file,
                 struct arena *arena, void *values, struct config_problems *problems,
                 struct error *e)
{
    struct reader r = {.schema = schema,
                       .file = file,
                       .arena = arena,
                       .values = values,
                       .problems = problems,
                       .e = e};

    *e = (struct error){0};
    if (problems) {
        *problems = (struct config_problems){0};
    }
    (void)memset(values, 0, schema->size);
    r.single_at = arena_array(arena, schema->n_sections, sizeof(size_t));
    for (size_t i = 0; i < schema->n_sections; i++) {
        if (!schema->sections[i]->named) {
            set_defaults(&r, schema->sections[i], r.values + schema->sections[i]->offset);
        }
    }
    begin_section(&r, schema->sections[0], r.values);
    if (bytes.len > CONFIG_FILE_MAX) {
        complain(&r, "a configuration file may have %d bytes", CONFIG_FILE_MAX);
        return false;
    }
    while (bytes.len && !is_full(problems, e)) {
        struct slice text = slice_cut(bytes, '\n', &bytes);
        r.line++;
        if (text.len && text.ptr[text.len - 1] == '\r') {
            text.len--;
        }
        read_line(&r, text);
    }
    end_section(&r);
    return e->kind == ERROR_NONE;
}

bool config_load(const char *path, struct arena *arena, struct slice *bytes, struct error *e)
{
    OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    size_t len = 0;

    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return error_set(e, ERROR_CONFIG, "%s: not a regular file", path);
    }
    if (st.st_size > CONFIG_FILE_MAX) {
        return error_set(e, ERROR_CONFIG, "%s: larger than %d bytes", path, CONFIG_FILE_MAX);
    }
    size_t size = (size_t)st.st_size;
    uint8_t *text = arena_alloc(arena, size + 1);
    while (len < size) {
        ssize_t n = read(fd, text + len, size - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_errno(e, ERROR_CONFIG, "%s", path);
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    *bytes = slice_of(text, len);
    return true;
}
