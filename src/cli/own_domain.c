#include "cli/own_domain.h"

#include <stdio.h>

#include "cli/print.h"
#include "formats/zone/zone.h"
#include "requests/own_domain.h"

#define CHECK_MS 90000 /* many questions to the DNS */

static bool ask(struct cli *c, bool check, struct own_records_answer *answer, struct error *e)
{
    const char *word = c->arguments.n_words ? c->arguments.words[0] : NULL;
    const struct own_records_ask question = {slice_text(word), check};

    return cli_ask(c, CLI_KEEPER, &own_records, &question, answer, NULL, CHECK_MS, e);
}

static void print_note(struct cli *c, const char *before, struct slice note)
{
    if (note.len) {
        buf_add_text(&c->out, before);
        print_clean(&c->out, note);
        buf_add_byte(&c->out, '\n');
    }
}

bool cli_domain_dns(struct cli *c, struct error *e)
{
    struct own_records_answer answer;

    if (!ask(c, false, &answer, e)) {
        return false;
    }
    const struct own_record *records = answer.records.items;
    for (size_t i = 0; i < answer.records.count; i++) {
        if (i == 0 || !slice_equal(records[i].domain, records[i - 1].domain)) {
            buf_printf(&c->out, "%s; %.*s\n", i ? "\n" : "", SLICE_ARG(records[i].domain));
        }
        print_note(c, records[i].optional ? "; optional: " : "; ", records[i].note);
        buf_add(&c->out, records[i].line); /* made by us, and a zone file has lines */
    }
    const struct own_policy *policies = answer.policies.items;
    for (size_t i = 0; i < answer.policies.count; i++) {
        buf_printf(&c->out, "\n; https://mta-sts.%.*s/.well-known/mta-sts.txt\n",
                   SLICE_ARG(policies[i].domain));
        struct slice rest = policies[i].file;
        while (rest.len) {
            print_note(c, "; ", slice_trim(slice_head(slice_cut(rest, '\n', &rest), 512)));
        }
    }
    return true;
}

static void print_record(struct cli *c, const struct own_record *r)
{
    buf_printf(&c->out, "  %-8s %-4.*s ", zone_mark_name(r->mark), SLICE_ARG(r->type));
    print_clean(&c->out, r->name);
    print_note(c, "\n             ", r->what);
    if (r->mark != ZONE_GOOD) {
        print_note(c, "             do: ", r->mend);
    }
}

static bool is_trouble(const struct own_record *r)
{
    return r->mark == ZONE_WRONG || r->mark == ZONE_UNKNOWN ||
           (r->mark == ZONE_MISSING && !r->optional);
}

bool cli_domain_check(struct cli *c, struct error *e)
{
    struct own_records_answer answer;
    size_t troubles = 0;

    if (!ask(c, true, &answer, e)) {
        return false;
    }
    const struct own_record *records = answer.records.items;
    for (size_t i = 0; i < answer.records.count; i++) {
        if (i == 0 || !slice_equal(records[i].domain, records[i - 1].domain)) {
            buf_printf(&c->out, "%s%.*s\n", i ? "\n" : "", SLICE_ARG(records[i].domain));
        }
        print_record(c, &records[i]);
        troubles += is_trouble(&records[i]);
    }
    c->status = troubles ? CLI_NOTHING : c->status;
    if (troubles) {
        cli_flush(c);
        (void)fprintf(stderr,
                      "\n%zu record%s to mend; `postern domain dns` prints what to publish.\n",
                      troubles, troubles == 1 ? "" : "s");
    }
    return true;
}

/* "SELECTOR._domainkey.DOMAIN" */
static bool is_key(struct slice name)
{
    struct slice rest;

    while (name.len) {
        if (slice_equal(slice_cut(name, '.', &rest), SLICE("_domainkey"))) {
            return true;
        }
        name = rest;
    }
    return false;
}

bool cli_dkim_rotate(struct cli *c, struct error *e)
{
    const char *word = c->arguments.n_words ? c->arguments.words[0] : NULL;
    const struct own_rotate_ask question = {slice_text(word),
                                            slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct own_records_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &own_rotate, &question, NULL, NULL, CHECK_MS, e) ||
        !ask(c, false, &answer, e)) {
        return false;
    }
    const struct own_record *records = answer.records.items;
    for (size_t i = 0; i < answer.records.count; i++) {
        if (records[i].optional && is_key(records[i].name)) {
            buf_add(&c->out, records[i].line);
        }
    }
    cli_flush(c);
    (void)fprintf(
        stderr,
        "\nA [dns-update] publishes these records; without one, publish them beside those that\n"
        "are there. The keys sign when the DNS shows them; `postern dkim list` says how far\n"
        "that is.\n");
    return true;
}
