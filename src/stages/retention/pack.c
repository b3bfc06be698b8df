#include "stages/retention/pack.h"

#include "stages/retention/book.h"

static const char *const starts[] = {"sent", "year-end", "fiscal-end", "date", NULL};

static const struct config_setting class_rows[] = {
    CONFIG_ROW("title", TEXT, struct retention_class, title, .required = true, .max = RULE_NOTE_MAX,
               .example = "Commercial letters", .help = "What the class is about."),
    CONFIG_ROW("term", TEXT, struct retention_class, term, .required = true, .max = 16,
               .example = "7y", .help = "How long: 90d, 36mo, 7y or forever."),
    CONFIG_ROW("start", CHOICE, struct retention_class, start, .required = true, .words = starts,
               .example = "year-end", .help = "When the term begins."),
    CONFIG_ROW("fiscal-month", COUNT, struct retention_class, fiscal_month, .initial = "12",
               .min = 1, .max = 12, .help = "The last month of the fiscal year."),
    CONFIG_ROW("citation", TEXT, struct retention_class, citation, .required = true,
               .max = RULE_NOTE_MAX, .example = "HGB 257", .help = "Of the law."),
    CONFIG_ROW("source", TEXT, struct retention_class, source, .required = true,
               .max = RULE_NOTE_MAX, .example = "https://law.example/257",
               .help = "Where it can be read."),
    CONFIG_ROW("review", TEXT, struct retention_class, review, .max = 10, .example = "2027-06-30",
               .help = "When to look at it again; the pack's day when not given."),
    CONFIG_ROW("unverified", BOOLEAN, struct retention_class, unverified, .initial = "no",
               .help = "Nobody is sure of it yet: it is taken only when it is named."),
};
static const struct config_table class_table = {"[class]", 0, class_rows,
                                                sizeof(class_rows) / sizeof(class_rows[0])};

static const struct config_setting pack_rows[] = {
    CONFIG_ROW("title", TEXT, struct retention_pack, title, .required = true, .max = RULE_NOTE_MAX,
               .example = "Germany", .help = "What the pack is about."),
    CONFIG_ROW("jurisdiction", TEXT, struct retention_pack, jurisdiction, .required = true,
               .max = 100, .example = "Germany", .help = "Whose law it is."),
    CONFIG_ROW("review", TEXT, struct retention_pack, review, .required = true, .max = 10,
               .example = "2027-06-30", .help = "When to look at it again."),
};
static const struct config_table pack_table = {"Pack", 0, pack_rows,
                                               sizeof(pack_rows) / sizeof(pack_rows[0])};

static const struct config_table *const pack_tables[] = {&pack_table};
static const struct config_table *const class_tables[] = {&class_table};

static const struct config_section pack_section = {.size = sizeof(struct retention_pack),
                                                   .tables = pack_tables,
                                                   .n_tables = 1};
static const struct config_section class_section = {
    .name = "class",
    .named = true,
    .argument = CONFIG_WORD,
    .offset = offsetof(struct retention_pack, classes),
    .size = sizeof(struct retention_class),
    .tables = class_tables,
    .n_tables = 1,
    .help = "A rule; one section for each class.",
};
static const struct config_section *const sections[] = {&pack_section, &class_section};

const struct config_schema retention_pack_schema = {sections, 2, sizeof(struct retention_pack)};

/* The line of a file in which a class begins; the file was read, so there is one. */
static size_t line_of(struct slice bytes, struct slice name)
{
    size_t number = 0;

    while (bytes.len) {
        struct slice line = slice_trim(slice_cut(bytes, '\n', &bytes));
        number++;
        if (!slice_starts(line, SLICE("["))) {
            continue;
        }
        struct slice rest = slice_trim(slice_from(line, 1));
        (void)slice_cut(rest, ' ', &rest);
        rest = slice_trim(rest);
        if (slice_starts(rest, name) &&
            (rest.len == name.len || rest.ptr[name.len] == ']' || rest.ptr[name.len] == ' ')) {
            break;
        }
    }
    return number;
}

/* The line of the pack's own setting of that name. */
static size_t line_of_setting(struct slice bytes, struct slice name)
{
    size_t number = 0;
    bool met = false;

    while (bytes.len && !met) {
        met = slice_starts(slice_trim(slice_cut(bytes, '\n', &bytes)), name);
        number++;
    }
    return number;
}

static bool check_class(const struct retention_pack *p, const struct retention_class *class,
                        struct slice bytes, const char *file, struct error *e)
{
    struct rule rule;
    struct error why = {0};

    retention_pack_rule(p, class, SLICE_NONE, &rule);
    return retention_rule_check(&rule, &why) ||
           error_set(e, ERROR_CONFIG, "%s:%zu: %s", file, line_of(bytes, class->name), why.text);
}

bool retention_pack_read(struct slice bytes, const char *file, struct arena *arena,
                         struct retention_pack *out, struct error *e)
{
    int64_t day = 0;

    if (!config_read(&retention_pack_schema, bytes, file, arena, out, NULL, e)) {
        return false;
    }
    const struct retention_class *classes = out->classes.items;
    if (!retention_day_read(out->review, &day)) {
        return error_set(e, ERROR_CONFIG, "%s:%zu: `review` wants a day such as 2027-06-30", file,
                         line_of_setting(bytes, SLICE("review")));
    }
    if (out->classes.count == 0 || out->classes.count > RETENTION_PACK_CLASSES) {
        return error_set(e, ERROR_CONFIG, "%s: a pack has 1 to %d classes", file,
                         RETENTION_PACK_CLASSES);
    }
    for (size_t i = 0; i < out->classes.count; i++) {
        if (!check_class(out, &classes[i], bytes, file, e)) {
            return false;
        }
    }
    return true;
}

void retention_pack_rule(const struct retention_pack *p, const struct retention_class *class,
                         struct slice pack, struct rule *out)
{
    uint64_t start = (uint64_t) class->start + 1;

    *out = (struct rule){
        .class = class->name,
        .term = class->term,
        .start = start,
        .fiscal_month = start == RETENTION_FROM_FISCAL_END ? class->fiscal_month : 0,
        .title = class->title,
        .citation = class->citation,
        .source = class->source,
        .review = class->review.len ? class->review : p->review,
        .pack = pack,
    };
}
