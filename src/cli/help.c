/* What a person reads about the verbs, from their table. */
#include <stdio.h>

#include "cli/cli.h"

#define COLUMN 34 /* where the explanation of an option begins */

const struct verb *verb_find(struct slice name)
{
    for (size_t i = 0; i < verbs_count; i++) {
        if (slice_equal(name, slice_text(verbs[i].name))) {
            return &verbs[i];
        }
    }
    return NULL;
}

const struct verb *verb_match(const char *const *words, size_t count, size_t *used)
{
    char two[64];

    if (count >= 2 && snprintf(two, sizeof(two), "%s %s", words[0], words[1]) < (int)sizeof(two)) {
        const struct verb *v = verb_find(slice_text(two));
        if (v) {
            *used = 2;
            return v;
        }
    }
    *used = 1;
    return count ? verb_find(slice_text(words[0])) : NULL;
}

void verb_usage(const struct verb *v, struct buf *out)
{
    buf_printf(out, "postern %s", v->name);
    for (const struct argument_option *o = v->options; o && o->name; o++) {
        buf_printf(out, o->value ? " [--%s %s]%s" : " [--%s%s]%s", o->name,
                   o->value ? o->value : "", o->many ? "..." : "");
    }
    buf_printf(out, "%s%s", v->words[0] ? " " : "", v->words);
}

void verb_list(struct buf *out)
{
    buf_add_text(out, "postern [-c FILE] VERB ...\n\n");
    for (size_t i = 0; i < verbs_count; i++) {
        buf_printf(out, "  %-21s %s\n", verbs[i].name, verbs[i].help);
    }
    buf_add_text(out, "\n`postern help VERB` explains one; postern(1) is the manual.\n");
}

static void explain_option(const struct argument_option *o, struct buf *out)
{
    char letter[8] = "";

    if (o->letter) {
        (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    }
    int width = COLUMN - 4 - (int)strlen(letter) - (int)strlen(o->name);
    buf_printf(out, "  %s--%s %*s%s\n", letter, o->name, -width + 1, o->value ? o->value : "",
               o->help);
}

void verb_explain(const struct verb *v, struct buf *out)
{
    verb_usage(v, out);
    buf_printf(out, "\n\n%s\n", v->help);
    if (v->options && v->options->name) {
        buf_add_byte(out, '\n');
    }
    for (const struct argument_option *o = v->options; o && o->name; o++) {
        explain_option(o, out);
    }
    if (v->more) {
        buf_printf(out, "\n%s", v->more);
    }
}

void verb_siblings(struct slice word, struct buf *out)
{
    for (size_t i = 0; i < verbs_count; i++) {
        struct slice rest;
        if (slice_equal(slice_cut(slice_text(verbs[i].name), ' ', &rest), word)) {
            buf_printf(out, "%s%s", out->len ? ", " : "", verbs[i].name);
        }
    }
}

/* `postern help dkim` shows all whose first word it is. */
static size_t explain_group(struct slice word, struct buf *out)
{
    size_t shown = 0;

    for (size_t i = 0; i < verbs_count; i++) {
        struct slice rest;
        if (slice_equal(slice_cut(slice_text(verbs[i].name), ' ', &rest), word)) {
            buf_add_text(out, shown++ ? "\n" : "");
            verb_explain(&verbs[i], out);
        }
    }
    return shown;
}

bool cli_help(struct cli *c, struct error *e)
{
    const char **words = c->arguments.words;
    size_t count = c->arguments.n_words;

    if (count == 0) {
        verb_list(&c->out);
        return true;
    }
    struct slice name =
        count > 1 ? arena_printf(&c->arena, "%s %s", words[0], words[1]) : slice_text(words[0]);
    const struct verb *v = verb_find(name);
    if (v) {
        verb_explain(v, &c->out);
        return true;
    }
    return (count == 1 && explain_group(name, &c->out)) ||
           error_set(e, ERROR_INPUT, "there is no verb `%.*s`; `postern help` lists them",
                     SLICE_ARG(slice_head(name, 100)));
}
