/* Packs of rules that laws ask for: files that come with the program, and those that somebody wrote. */
#include <fcntl.h>
#include <unistd.h>

#include "base/own.h"

#include "cli/files.h"
#include "cli/print.h"
#include "cli/retention.h"
#include "requests/retention.h"
#include "stages/retention/book.h"
#include "stages/retention/pack.h"

#define PACKS_PATH POSTERN_DATA "/retention"
#define ENDING     ".conf"

/* In parentheses there would be no braces around: clang-format 14 breaks such a list. */
/* clang-format off */
const struct argument_option retention_packs_options[] = {
    {.name = "from", .value = "DIR", .help = "where the packs are; " PACKS_PATH},
    {.name = NULL},
};

const struct argument_option retention_take_options[] = {
    {.name = "only", .value = "CLASS", .help = "these classes alone, also unverified ones", .many = true},
    RETENTION_CONDITIONS,
    {.name = "fiscal-month", .value = "N", .help = "the last month of the fiscal year; the pack's"},
    {.name = "advice", .value = "TEXT", .help = "on whose advice"},
    {.name = "signed-off-by", .value = "WHO", .help = "who answers for it"},
    {.name = "reason", .value = "TEXT", .help = "why; stands in the ledger"},
    {.name = "from", .value = "DIR", .help = "where the packs are; " PACKS_PATH},
    {.name = NULL},
};

/* clang-format on */

static const char *folder_of(const struct cli *c)
{
    const char *given = arguments_text(&c->arguments, "from", 0);

    return given ? given : PACKS_PATH;
}

/* A pack by its name, which is the file's without its ending. */
static bool load(struct cli *c, struct slice name, struct retention_pack *pack, struct error *e)
{
    struct slice path =
        arena_printf(&c->arena, "%s/%.*s" ENDING, folder_of(c), SLICE_ARG(slice_head(name, 100)));
    const char *file = arena_text(&c->arena, path);
    struct slice bytes;

    if (name.len == 0 || name.len > RULE_CLASS_MAX || slice_find(name, '/') < name.len) {
        return error_set(e, ERROR_INPUT, "`%.*s` is no name of a pack: `postern retention packs`",
                         SLICE_ARG(slice_head(name, 100)));
    }
    return config_load(file, &c->arena, &bytes, e) &&
           retention_pack_read(bytes, file, &c->arena, pack, e);
}

/* ── looking ── */

struct listing {
    struct cli *c;
    struct print_columns columns;
};

static bool list_one(void *context, const char *name, struct error *e)
{
    struct listing *l = context;
    struct slice file = slice_text(name);
    struct slice ending = SLICE(ENDING);
    struct retention_pack pack = {.title = SLICE_NONE};

    if (file.len <= ending.len || !slice_equal(slice_from(file, file.len - ending.len), ending)) {
        return true;
    }
    struct slice pack_name = slice_head(file, file.len - ending.len);
    if (!load(l->c, pack_name, &pack, e)) {
        return false;
    }
    const struct slice cells[] = {arena_copy(&l->c->arena, pack_name), pack.jurisdiction,
                                  arena_printf(&l->c->arena, "%zu", pack.classes.count),
                                  pack.review, pack.title};
    print_row(&l->columns, cells);
    return true;
}

static bool list_all(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"PACK", "JURISDICTION", "RULES", "REVIEW", "TITLE"};
    struct listing l = {
        .c = c, .columns = {.arena = &c->arena, .heads = heads, .count = 5, .right = 4}
    };
    OWN(fd) int folder = open(folder_of(c), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", folder_of(c));
    }
    if (!files_each(folder, list_one, &l, e)) {
        return false;
    }
    print_columns(&l.columns, cli_columns(), &c->out);
    buf_add_text(&c->out, "\nThey are no legal advice.\n");
    return true;
}

static void show_line(struct cli *c, const char *label, struct slice text)
{
    buf_printf(&c->out, "    %-10s", label);
    print_clean(&c->out, text);
    buf_add_byte(&c->out, '\n');
}

static void show_class(struct cli *c, const struct retention_pack *pack,
                       const struct retention_class *class)
{
    OWN(buf) struct buf kept = {.max = RULE_NOTE_MAX};
    struct rule rule;

    retention_pack_rule(pack, class, SLICE_NONE, &rule);
    retention_rule_say(&rule, &kept);
    buf_printf(&c->out, "\n%.*s%s\n", SLICE_ARG(class->name),
               class->unverified ? "  (UNVERIFIED)" : "");
    show_line(c, "about", rule.title);
    show_line(c, "kept", buf_slice(&kept));
    show_line(c, "citation", rule.citation);
    show_line(c, "source", rule.source);
    show_line(c, "review", rule.review);
}

bool cli_retention_packs(struct cli *c, struct error *e)
{
    size_t n = c->arguments.n_words;
    struct retention_pack pack = {.title = SLICE_NONE};

    if (n == 0) {
        return list_all(c, e);
    }
    if (n != 2 || !slice_equal(slice_text(c->arguments.words[0]), SLICE("show"))) {
        return error_set(e, ERROR_INPUT, "say nothing more, or `show NAME`");
    }
    if (!load(c, slice_text(c->arguments.words[1]), &pack, e)) {
        return false;
    }
    const struct retention_class *classes = pack.classes.items;
    print_clean(&c->out, pack.title);
    buf_add_text(&c->out, "\nThis is no legal advice: have each rule compared with its source.\n");
    for (size_t i = 0; i < pack.classes.count; i++) {
        show_class(c, &pack, &classes[i]);
    }
    return true;
}

/* ── taking ── */

/* Whether a class was named; names are parted by commas too. */
static bool is_named(const struct cli *c, struct slice class)
{
    for (size_t i = 0; i < arguments_count(&c->arguments, "only"); i++) {
        struct slice rest = slice_text(arguments_text(&c->arguments, "only", i));
        while (rest.len) {
            if (slice_equal(slice_trim(slice_cut(rest, ',', &rest)), class)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_in(const struct retention_pack *pack, struct slice class)
{
    const struct retention_class *classes = pack->classes.items;

    for (size_t i = 0; i < pack->classes.count; i++) {
        if (slice_equal(classes[i].name, class)) {
            return true;
        }
    }
    return false;
}

/* What is named must be there: a slip of the pen would leave a rule out. */
static bool check_names(const struct cli *c, const struct retention_pack *pack, struct error *e)
{
    for (size_t i = 0; i < arguments_count(&c->arguments, "only"); i++) {
        struct slice rest = slice_text(arguments_text(&c->arguments, "only", i));
        while (rest.len) {
            struct slice class = slice_trim(slice_cut(rest, ',', &rest));
            if (!is_in(pack, class)) {
                return error_set(e, ERROR_INPUT, "the pack has no class `%.*s`",
                                 SLICE_ARG(slice_head(class, 100)));
            }
        }
    }
    return true;
}

static bool read_month(const struct cli *c, uint64_t *month, struct error *e)
{
    const char *given = arguments_text(&c->arguments, "fiscal-month", 0);

    *month = 0;
    return !given || (slice_decimal(slice_text(given), 12, month) && *month) ||
           error_set(e, ERROR_INPUT, "--fiscal-month takes a month, 1 to 12");
}

/* The rule as it is taken. */
static bool adopt(struct cli *c, const struct retention_pack *pack,
                  const struct retention_class *class, uint64_t fiscal_month, struct rule *rule,
                  struct error *e)
{
    retention_pack_rule(pack, class, slice_text(c->arguments.words[0]), rule);
    if (rule->fiscal_month && fiscal_month) {
        rule->fiscal_month = fiscal_month;
    }
    if (class->unverified) {
        rule->citation = arena_printf(&c->arena, "UNVERIFIED: %.*s", SLICE_ARG(rule->citation));
    }
    retention_conditions(c, rule);
    rule->advice = slice_text(arguments_text(&c->arguments, "advice", 0));
    rule->signed_off_by = slice_text(arguments_text(&c->arguments, "signed-off-by", 0));
    return retention_rule_check(rule, e);
}

static bool fill(struct cli *c, const struct retention_pack *pack, struct rule *rules,
                 size_t *count, struct error *e)
{
    const struct retention_class *classes = pack->classes.items;
    bool all = arguments_count(&c->arguments, "only") == 0;
    uint64_t fiscal_month = 0;

    if (!read_month(c, &fiscal_month, e)) {
        return false;
    }
    for (size_t i = 0; i < pack->classes.count; i++) {
        bool wanted = all ? !classes[i].unverified : is_named(c, classes[i].name);
        if (wanted && !adopt(c, pack, &classes[i], fiscal_month, &rules[(*count)++], e)) {
            return false;
        }
    }
    return *count ||
           error_set(e, ERROR_INPUT, "all of the pack's rules are unverified: take them by --only");
}

static void tell(struct cli *c, const struct retention_pack *pack, const struct rule *rules,
                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        OWN(buf) struct buf text = {.max = RULE_NOTE_MAX};
        retention_rule_say(&rules[i], &text);
        buf_printf(&c->out, "set %.*s: %.*s\n", SLICE_ARG(rules[i].class),
                   SLICE_ARG(buf_slice(&text)));
    }
    if (count < pack->classes.count && arguments_count(&c->arguments, "only") == 0) {
        buf_printf(&c->out, "%zu unverified rules were left out.\n", pack->classes.count - count);
    }
    if (!retention_has_conditions(&rules[0])) {
        buf_add_text(&c->out, "They are about every letter.\n");
    }
}

bool cli_retention_take(struct cli *c, struct error *e)
{
    struct rule *rules = arena_array(&c->arena, RETENTION_PACK_CLASSES, sizeof(*rules));
    struct retention_pack pack = {.title = SLICE_NONE};
    size_t count = 0;

    if (!arguments_text(&c->arguments, "advice", 0) ||
        !arguments_text(&c->arguments, "signed-off-by", 0)) {
        return error_set(e, ERROR_INPUT,
                         "give --advice and --signed-off-by: a pack is no legal advice, and "
                         "somebody answers for taking it");
    }
    if (!load(c, slice_text(c->arguments.words[0]), &pack, e) || !check_names(c, &pack, e) ||
        !fill(c, &pack, rules, &count, e)) {
        return false;
    }
    const struct retention_set_ask ask = {
        .rules = {rules, count},
          .reason = slice_text(arguments_text(&c->arguments, "reason", 0))
    };
    if (!cli_ask(c, CLI_KEEPER, &retention_set, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    tell(c, &pack, rules, count);
    return true;
}
