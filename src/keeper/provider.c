#include "keeper/provider.h"

#include "keeper/account_change.h"
#include "keeper/internal.h"
#include "letter/asserted.h"
#include "stages/identity/asserted.h"

/* The marks of a connector's letters; returns how many. */
static size_t marks_of(const struct connector_settings *c, struct arena *arena,
                       struct asserted_mark **out)
{
    const struct slice *texts = c->tenant_headers.items;
    struct asserted_mark *marks = arena_array(arena, c->tenant_headers.count + 1, sizeof(*marks));
    size_t n = 0;

    for (size_t i = 0; i < c->tenant_headers.count; i++) {
        n += settings_tenant_header(texts[i], &marks[n].name, &marks[n].value);
    }
    *out = marks;
    return n;
}

static const struct connector_settings *find_connector(const struct settings *settings,
                                                       const struct keeper_submit_ask *ask,
                                                       const struct mail_header *header,
                                                       struct arena *arena)
{
    const struct slice *names = ask->connectors.items;
    struct asserted_mark *marks = NULL;

    for (size_t i = 0; i < ask->connectors.count; i++) {
        const struct connector_settings *c = settings_connector(settings, names[i]);
        size_t n = c ? marks_of(c, arena, &marks) : 0;
        if (asserted_is_marked(header, marks, n)) {
            return c;
        }
    }
    return NULL;
}

/* The account whose address it is as it stands, of several one that is open. *found tells. */
static bool find_exactly(struct keeper *k, struct slice address, struct arena *arena,
                         struct account *out, bool *found, struct error *e)
{
    struct slice *names = NULL;
    size_t count = 0;

    if (!state_account_get(k->state, account_canonical(address, arena), arena, out, found, e)) {
        return false;
    }
    if (*found) {
        return true;
    }
    if (!directory_accounts(k, address, arena, &names, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count && !(*found && !out->disabled); i++) {
        struct account account;
        bool there = false;
        if (!state_account_get(k->state, names[i], arena, &account, &there, e)) {
            return false;
        }
        if (there) {
            *found = true;
            *out = account;
        }
    }
    return true;
}

/* "anna" of "anna+shop"; false when there is no tag. */
static bool cut_tag(struct slice local, uint8_t separator, struct slice *before)
{
    size_t at = local.len;

    while (at > 0 && local.ptr[at - 1] != separator) {
        at--;
    }
    *before = slice_head(local, at ? at - 1 : 0);
    return separator && before->len;
}

bool keeper_provider_account(struct keeper *k, struct slice *address, struct arena *arena,
                             struct account *out, bool *found, struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    uint8_t separator = setting_separator_byte(settings->submission.separator);
    struct slice domain = letter_domain(*address);
    struct slice local = slice_head(*address, address->len - domain.len - 1);

    if (local.len && local.ptr[0] == '"') {
        return find_exactly(k, *address, arena, out, found, e);
    }
    do {
        *address = arena_printf(arena, "%.*s@%.*s", SLICE_ARG(local), SLICE_ARG(domain));
        if (!find_exactly(k, *address, arena, out, found, e)) {
            return false;
        }
    } while (!*found && cut_tag(local, separator, &local));
    return true;
}

enum provider_verdict keeper_provider_judge(struct keeper *k, const struct keeper_submit_ask *ask,
                                            const struct mail_header *header, struct arena *arena,
                                            struct session *session, struct identity_answer *answer,
                                            struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    const struct connector_settings *c = find_connector(settings, ask, header, arena);
    struct account account = {0};
    struct slice from = SLICE_NONE;
    bool found = false;

    if (!c) {
        return PROVIDER_UNKNOWN;
    }
    if (!asserted_judge(settings->general.domains.items, settings->general.domains.count,
                        ask->reverse_path, header, ask->smtputf8, arena, &from, answer)) {
        return PROVIDER_REFUSED;
    }
    if (!keeper_provider_account(k, &from, arena, &account, &found, e)) {
        return PROVIDER_FAILED;
    }
    if (found && (account.disabled || account.drill_until)) {
        return PROVIDER_CLOSED;
    }
    *session = (struct session){
        .account = found ? account.name : account_canonical(from, arena),
        .mechanism = arena_printf(arena, ASSERTED_BY "%.*s", SLICE_ARG(c->name)),
        .groups = found ? account.groups : (struct cbor_list){NULL, 0}
    };
    return PROVIDER_PROVEN;
}

size_t keeper_provider_marks(const struct settings *settings, struct slice mechanism,
                             struct arena *arena, const struct slice **names)
{
    const struct slice start = SLICE(ASSERTED_BY);
    const struct connector_settings *c =
        slice_starts(mechanism, start)
            ? settings_connector(settings, slice_from(mechanism, start.len))
            : NULL;
    struct asserted_mark *marks = NULL;
    size_t n = c ? marks_of(c, arena, &marks) : 0;
    struct slice *out = arena_array(arena, n + 1, sizeof(*out));

    for (size_t i = 0; i < n; i++) {
        out[i] = marks[i].name;
    }
    *names = out;
    return n;
}
