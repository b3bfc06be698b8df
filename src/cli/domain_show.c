/* What is known of other people's domains, and what they were told. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/timeline.h"
#include "cli/verbs_domains.h"
#include "requests/sts.h"

#define DAY_MS UINT64_C(86400000)

static void print_policy(struct cli *c, const struct domain_show_answer *a)
{
    const struct slice *mx = a->mx.items;

    if (a->mode == STS_NO_MODE) {
        buf_printf(&c->out, "MTA-STS: no policy%s\n",
                   a->looked_at ? "" : " known; it is looked up with the next letter");
    } else {
        uint64_t until = a->fetched_at + a->max_age_s * 1000;
        buf_printf(&c->out, "MTA-STS: %s, id %.*s, fetched %.*s, in force until %.*s at least\n",
                   sts_mode_name(a->mode), SLICE_ARG(a->id),
                   SLICE_ARG(print_time(&c->arena, a->fetched_at)),
                   SLICE_ARG(print_time(&c->arena, until)));
    }
    for (size_t i = 0; i < a->mx.count; i++) {
        buf_printf(&c->out, "  mx %.*s\n", SLICE_ARG(mx[i]));
    }
    if (a->problem.len) {
        buf_printf(&c->out, "  when it was fetched last: %.*s, ", SLICE_ARG(a->problem));
        print_clean(&c->out, a->why);
        buf_add_byte(&c->out, '\n');
    }
}

static void print_seen(struct cli *c, const struct domain_show_answer *a)
{
    if (a->seen_at == 0) {
        return;
    }
    buf_printf(&c->out, "last session: %.*s\n", SLICE_ARG(print_time(&c->arena, a->seen_at)));
    buf_add_text(&c->out, "  proved by ");
    print_clean(&c->out, a->proof.len ? a->proof : SLICE("nothing"));
    if (a->published.len) {
        buf_add_text(&c->out, "\n  the domain publishes ");
        print_clean(&c->out, a->published);
    }
    buf_add_byte(&c->out, '\n');
}

static void print_override(struct cli *c, const struct domain_show_answer *a)
{
    if (a->override_level == 0) {
        return;
    }
    buf_printf(&c->out, "override: %s is enough until %.*s, whatever it publishes; by ",
               timeline_level(a->override_level),
               SLICE_ARG(print_time(&c->arena, a->override_until)));
    print_clean(&c->out, a->override_by);
    buf_add_text(&c->out, ": ");
    print_clean(&c->out, a->override_reason);
    buf_add_byte(&c->out, '\n');
}

bool cli_domain_show(struct cli *c, struct error *e)
{
    const struct domain_show_ask ask = {slice_text(c->arguments.words[0])};
    struct domain_show_answer a;

    if (!cli_ask(c, CLI_KEEPER, &domain_show, &ask, &a, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%.*s\n", SLICE_ARG(a.domain));
    if (a.fixed) {
        buf_printf(&c->out, "next hop: %.*s, as it is set; MTA-STS does not count\n",
                   SLICE_ARG(a.where));
    }
    print_override(c, &a);
    buf_printf(&c->out, "shown so far: %s\n", a.level ? timeline_level(a.level) : "nothing yet");
    if (a.pinned) {
        buf_add_text(&c->out,
                     "pinned: `tls-pin` or `tls-ca` of its section counts before all else\n");
    }
    print_policy(c, &a);
    print_seen(c, &a);
    return true;
}

static void print_report(struct cli *c, const struct domain_report *r)
{
    const struct slice at = print_time(&c->arena, r->at);
    const struct slice day = print_time(&c->arena, r->day * DAY_MS);

    buf_printf(&c->out, "%.*s  %.*s of %.*s: %llu sessions well, %llu failed; ", SLICE_ARG(at),
               SLICE_ARG(r->domain), SLICE_ARG(slice_head(day, 10)),
               (unsigned long long)r->successes, (unsigned long long)r->failed);
    if (r->place.len == 0) {
        buf_add_text(&c->out, "not sent: ");
        print_clean(&c->out, r->why);
    } else {
        buf_add_text(&c->out, "to ");
        print_clean(&c->out, r->place);
    }
    if (r->letter.len) {
        buf_printf(&c->out, ", letter %.*s", SLICE_ARG(r->letter));
    }
    buf_add_byte(&c->out, '\n');
}

bool cli_domain_reports(struct cli *c, struct error *e)
{
    const struct domain_reports_ask ask = {
        slice_text(c->arguments.n_words ? c->arguments.words[0] : NULL)};
    struct domain_reports_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &domain_reports, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct domain_report *all = answer.reports.items;
    for (size_t i = 0; i < answer.reports.count; i++) {
        print_report(c, &all[i]);
    }
    if (answer.reports.count == 0) {
        (void)fprintf(stderr, "No report on TLS was sent yet.\n");
        c->status = CLI_NOTHING;
    }
    return true;
}
