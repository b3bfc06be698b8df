/* From where an account is used: networks, and countries where a database tells of them. */
#include "base/clock.h"
#include "base/log.h"

#include "keeper/guard_state.h"
#include "keeper/internal.h"
#include "keeper/suspend.h"
#include "requests/scanner.h"

#define NOTICED_MAX 3 /* new networks a day of which its holder is told, and as many new devices */

#define LOCATE_MS 250 /* nobody waits longer for a sign-in because of this */

static uint64_t country_number(struct keeper *k, struct slice account, struct slice country)
{
    uint8_t text[CATALOG_COUNTRY_LEN];

    return catalog_known_key(k->tail.catalog, account, catalog_known_country(country, text));
}

/* What cannot be told is not known: networks are compared all the same. */
static struct signs_place locate(struct keeper *k, struct slice client, struct arena *arena)
{
    const struct scanner_locate_ask ask = {client};
    struct scanner_locate_answer a = {0};
    struct error e;

    if (k->options.settings(k->options.context)->scanners.geo.len == 0 || client.len > 64) {
        return (struct signs_place){0};
    }
    if (!ipc_call(k->options.scanner, &scanner_locate, &ask, -1, &a, NULL, arena, LOCATE_MS, &e)) {
        log_event(LOG_WARNING, "limits.not_located", LOG_TEXT("reason", e.text));
        return (struct signs_place){0};
    }
    return (struct signs_place){
        .country = a.country.len == 2 ? (uint16_t)(a.country.ptr[0] << 8 | a.country.ptr[1]) : 0,
        .located = a.located,
        .latitude = (int32_t)a.latitude - 90000,
        .longitude = (int32_t)a.longitude - 180000,
    };
}

static struct slice country_text(uint16_t country, struct arena *arena)
{
    const uint8_t letters[] = {(uint8_t)(country >> 8), (uint8_t)country};

    return country ? arena_copy(arena, SLICE_ARRAY(letters)) : SLICE_NONE;
}

struct slice guard_locate(struct keeper *k, struct slice client, struct arena *arena)
{
    return country_text(locate(k, client, arena).country, arena);
}

/* Who changes networks all the time, or devices, is no news. */
static bool is_news(struct guard_notices *n, int64_t now_ms)
{
    int64_t day = now_ms / LIMITS_DAY_MS;

    if (n->day != day) {
        *n = (struct guard_notices){.day = day};
    }
    return n->told++ < NOTICED_MAX;
}

/* Since the start: letters make it known for longer. */
static bool is_met(struct guarded *x, uint64_t device)
{
    for (size_t i = 0; i < GUARD_DEVICES && i < x->n_devices; i++) {
        if (x->devices[i] == device) {
            return true;
        }
    }
    x->devices[x->n_devices++ % GUARD_DEVICES] = device;
    return false;
}

/* Whether it is another machine than before: one that calls itself otherwise, or an app password that nobody has used. Under the lock. */
static bool is_new_device(struct keeper *k, struct guarded *x, const struct guard_sign_in *in,
                          bool used)
{
    struct guard *g = k->guard;
    const struct catalog *c = k->tail.catalog;
    uint64_t name = catalog_known_device(c, in->account, in->app, in->device);
    bool named = in->device.len &&
                 set_get(&g->known, catalog_known_device(c, in->account, SLICE_NONE, SLICE_NONE));

    bool unmet = in->device.len && !is_met(x, name);
    if (in->app_unused) {
        return used && !is_met(x, catalog_known_app(c, in->account, in->app, SLICE_NONE));
    }
    return named && unmet && !set_get(&g->known, name);
}

unsigned guard_signed_in(struct keeper *k, const struct guard_sign_in *in, struct arena *arena)
{
    struct guard *g = k->guard;
    const struct catalog *c = k->tail.catalog;
    uint64_t app_network = catalog_known_app(c, in->account, in->app, in->client);
    uint64_t app_history = catalog_known_app(c, in->account, in->app, SLICE_NONE);
    uint64_t network = guard_network(c, in->account, in->client);
    uint64_t history = guard_network(c, in->account, SLICE_NONE);
    const struct signs_place place = locate(k, in->client, arena);
    uint64_t country = country_number(k, in->account, country_text(place.country, arena));
    uint64_t countries = country_number(k, in->account, SLICE_NONE);
    uint64_t number = guard_number(k, in->account);
    int64_t now_ms = clock_wall_ms();
    struct signs_verdict verdict = {0};

    bool known = guard_know(k, in->account, number, arena);
    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = guard_account(g, number);
    bool used = set_get(&g->known, history);
    bool fresh = used && !set_get(&g->known, network) && !signs_met(&x->signs, network);
    bool abroad = place.country && set_get(&g->known, countries) && !set_get(&g->known, country) &&
                  !signs_met_country(&x->signs, place.country);
    bool device = is_new_device(k, x, in, used);
    signs_signed_in(&x->signs, &x->count, network, fresh, now_ms);
    signs_came_from(&x->signs, &x->count, network, &place, abroad, now_ms);
    if (in->app.len && set_get(&g->known, app_history) && !set_get(&g->known, app_network)) {
        signs_elsewhere(&x->signs, app_network, now_ms);
    }
    fresh = fresh && is_news(&x->networks, now_ms);
    device = device && is_news(&x->machines, now_ms);
    bool stolen = known && guard_tips(k, x, now_ms, &verdict);
    (void)pthread_mutex_unlock(&g->lock);
    if (stolen) {
        suspension_by_signs(k, in->account, in->client, &verdict, arena);
    }
    return (fresh ? GUARD_NEW_NETWORK : 0) | (device ? GUARD_NEW_DEVICE : 0);
}

struct slice guard_country(struct keeper *k, struct slice account, struct slice client,
                           struct arena *arena)
{
    struct guard *g = k->guard;
    uint64_t network = guard_network(k->tail.catalog, account, client);
    uint16_t country = 0;

    (void)pthread_mutex_lock(&g->lock);
    const struct guarded *x = guard_find(g, guard_number(k, account));
    if (x) {
        country = signs_country(&x->signs, network);
    }
    (void)pthread_mutex_unlock(&g->lock);
    return country_text(country, arena);
}
