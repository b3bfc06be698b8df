/* Publishing when a person says so. */
#include "base/clock.h"

#include "keeper/handlers.h"
#include "keeper/internal.h"
#include "keeper/publish.h"
#include "keeper/rotation_parts.h"

#define WITHIN_MS 60000

static bool is_ours(const struct settings *s, struct slice domain)
{
    const struct slice *domains = s->general.domains.items;

    for (size_t i = 0; i < s->general.domains.count; i++) {
        if (slice_equal_nocase(domains[i], domain)) {
            return true;
        }
    }
    return false;
}

bool keeper_on_own_publish(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct own_publish_ask *ask = r->ask;
    struct own_publish_answer *answer = r->answer;
    const struct settings *s = k->options.settings(k->options.context);
    const struct publish_wish wish = {.domain = ask->domain,
                                      .admin = admin,
                                      .reason = ask->reason,
                                      .dry_run = ask->dry_run,
                                      .deadline_ms = clock_steady_ms() + WITHIN_MS};
    struct publish_report report = {0};

    if (!is_ours(s, ask->domain)) {
        return error_set(e, ERROR_INPUT, "%.*s is none of our domains; `domains` lists them",
                         SLICE_ARG(ask->domain));
    }
    if (!settings_update(s, ask->domain) && !publish_does_keys(s, ask->domain)) {
        return error_set(e, ERROR_CONFIG,
                         "no [dns-update] in postern.conf has %.*s in its zone; `postern domain "
                         "dns` prints what a person publishes",
                         SLICE_ARG(ask->domain));
    }
    (void)pthread_mutex_lock(&k->rotations->turn);
    bool well = publish_domain(k, &wish, r->arena, &report, e);
    (void)pthread_mutex_unlock(&k->rotations->turn);
    answer->rows = (struct cbor_list){report.rows, report.n_rows};
    return well;
}
