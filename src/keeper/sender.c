#include "keeper/sender.h"

#include "base/log.h"

#include "keeper/internal.h"

static struct behalf behalf_of(const struct delegation *d, struct slice address)
{
    return (struct behalf){.from = delegation_is_of_group(d) ? d->from : address,
                           .by = d->by,
                           .approved_by = d->approved_by,
                           .since = d->since,
                           .until = d->until};
}

/* What is asked while a letter is judged; once something cannot be told, everything is another's. */
struct asked {
    struct keeper *keeper;
    struct slice account;
    bool failed;
    struct error why;
};

static bool is_taken(void *ctx, struct slice local, struct slice domain)
{
    struct asked *asked = ctx;
    bool another = true;

    asked->failed = asked->failed || !directory_has_another(asked->keeper, asked->account, local,
                                                            domain, &another, &asked->why);
    return asked->failed || another;
}

bool sender_judge(struct keeper *k, const struct session *session,
                  const struct keeper_submit_ask *ask, const struct mail_header *header,
                  struct arena *arena, struct sender *out, struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    struct asked asked = {.keeper = k, .account = session->account};
    struct delegated delegated = {.count = 0};

    /* An app password that names addresses sends as these alone, as they stand. */
    if (!session->app_addresses && !delegations_to(k, session->account, arena, &delegated, e)) {
        return false;
    }
    const struct identity_account account = {
        .addresses = session->addresses,
        .n_addresses = session->n_addresses,
        .delegated = delegated.addresses,
        .n_delegated = delegated.count,
        .domains = session->wildcards.items,
        .n_domains = session->app_addresses ? 0 : session->wildcards.count,
        .taken = is_taken,
        .taken_ctx = &asked,
        .separator =
            session->app_addresses ? 0 : setting_separator_byte(settings->submission.separator),
    };
    *out = (struct sender){.behalf = {.since = 0}};
    if (identity_judge(ask->reverse_path, header, ask->smtputf8, &account, arena, &out->identity) &&
        out->identity.delegation && delegated.addresses) {
        size_t i = out->identity.delegation - 1;
        out->behalf = behalf_of(&delegated.by[i], delegated.addresses[i]);
    }
    if (asked.failed) {
        *e = asked.why;
    }
    return !asked.failed;
}
