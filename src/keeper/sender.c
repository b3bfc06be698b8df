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

bool sender_judge(struct keeper *k, const struct session *session,
                  const struct keeper_submit_ask *ask, const struct mail_header *header,
                  struct arena *arena, struct sender *out, struct error *e)
{
    struct delegated delegated = {.count = 0};

    /* An app password that names addresses sends as these alone. */
    if (!session->app_addresses && !delegations_to(k, session->account, arena, &delegated, e)) {
        return false;
    }
    const struct identity_account account = {
        .addresses = session->addresses,
        .n_addresses = session->n_addresses,
        .delegated = delegated.addresses,
        .n_delegated = delegated.count,
    };
    *out = (struct sender){.behalf = {.since = 0}};
    if (identity_judge(ask->reverse_path, header, ask->smtputf8, &account, arena, &out->identity) &&
        out->identity.delegation) {
        size_t i = out->identity.delegation - 1;
        out->behalf = behalf_of(&delegated.by[i], delegated.addresses[i]);
    }
    return true;
}
