/* The process to which a provider hands on what our people send with it: sockets in, the keeper behind them. It
 * proves who hands on, the keeper judges what; nobody signs in. */
#include "base/log.h"

#include "processes/front.h"
#include "processes/roles.h"

#define SUBMIT_MS  120000
#define NOT_PROVEN "5.7.1 Nobody may send from here who does not prove who he is"

/* From there and with that certificate: whose letters then come is the tenant header's to say. */
static bool is_peer_of(const struct connector_settings *p, const struct conn *c)
{
    const struct conn_tls *tls = conn_tls(c);
    const struct slice *names = p->certificate_names.items;
    bool named = p->certificate_names.count == 0;

    if (p->networks.count && !settings_networks_have(&p->networks, address_bytes(conn_peer(c)))) {
        return false;
    }
    for (size_t i = 0; i < p->certificate_names.count && !named; i++) {
        named = tls->verdict == TLS_VERIFIED && conn_peer_has_name(c, names[i]);
    }
    return named;
}

static const struct config_list *sections(void *role)
{
    return &role_settings(role)->connector_sections;
}

/* Whether it is worth a handshake. */
static bool admits(void *role, const struct address *from)
{
    const struct config_list *list = sections(role);
    const struct connector_settings *all = list->items;

    for (size_t i = 0; i < list->count; i++) {
        if (all[i].networks.count == 0 ||
            settings_networks_have(&all[i].networks, address_bytes(from))) {
            return true;
        }
    }
    return false;
}

static bool passes(void *role, const struct conn *c)
{
    const struct config_list *list = sections(role);
    const struct connector_settings *all = list->items;

    for (size_t i = 0; i < list->count; i++) {
        if (is_peer_of(&all[i], c)) {
            return true;
        }
    }
    log_event(LOG_WARNING, "connector.refused",
              LOG_TEXT("certificate", tls_verdict_text(conn_tls(c)->verdict)));
    return false;
}

/* Two providers can come from one network: the keeper knows them by the marks of their letters. */
static bool take(void *role, const struct conn *c, struct keeper_submit_ask *ask, int fd,
                 struct arena *arena, struct keeper_submit_answer *answer, struct error *e)
{
    const struct config_list *list = sections(role);
    const struct connector_settings *all = list->items;
    struct slice *names = arena_array(arena, SUBMIT_CONNECTORS_MAX, sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; i < list->count && n < SUBMIT_CONNECTORS_MAX; i++) {
        if (is_peer_of(&all[i], c)) {
            names[n++] = all[i].name;
        }
    }
    if (n == 0) { /* it was one until a reload just now */
        *answer = (struct keeper_submit_answer){.code = 550, .text = SLICE(NOT_PROVEN)};
        return true;
    }
    ask->session = SLICE_NONE;
    ask->connectors = (struct cbor_list){names, n};
    return ipc_call(role_pool(role, "keeper"), &keeper_assert, ask, fd, answer, NULL, arena,
                    SUBMIT_MS, e);
}

bool connector_run(struct role *r, struct error *e)
{
    static struct submission_door door;

    door = (struct submission_door){.context = r, .admits = admits, .passes = passes, .take = take};
    return front_run_door(r, &door, role_settings(r)->connectors.listen.count != 0, "connector",
                          "clients", e);
}
