#include "keeper/guard_state.h"

#include "keeper/factors.h"
#include "keeper/internal.h"

_Static_assert(APP_LIMIT_WINDOWS == LIMITS_WINDOWS && APP_LIMIT_MEASURES == LIMITS_MEASURES,
               "rows and stage speak of the same");

struct guarded *guard_find(struct guard *g, uint64_t account)
{
    struct guarded *x = g->buckets[account % GUARD_BUCKETS];

    while (x && x->account != account) {
        x = x->next;
    }
    return x;
}

struct guarded *guard_account(struct guard *g, uint64_t account)
{
    struct guarded *x = guard_find(g, account);

    if (!x) {
        x = calloc(1, sizeof(*x));
        if (!x) {
            arena_panic("out of memory");
        }
        x->account = account;
        x->next = g->buckets[account % GUARD_BUCKETS];
        g->buckets[account % GUARD_BUCKETS] = x; /* -fanalyzer: the bucket holds it */
    }
    return x;
}

struct guarded_app *guard_app_find(struct guard *g, uint64_t number)
{
    struct guarded_app *x = g->apps[number % GUARD_APPS];

    while (x && x->number != number) {
        x = x->next;
    }
    return x;
}

struct guarded_app *guard_app(struct guard *g, uint64_t number)
{
    struct guarded_app *x = guard_app_find(g, number);

    if (!x) {
        x = calloc(1, sizeof(*x));
        if (!x) {
            arena_panic("out of memory");
        }
        x->number = number;
        x->next = g->apps[number % GUARD_APPS];
        g->apps[number % GUARD_APPS] = x; /* -fanalyzer: the bucket holds it */
    }
    return x;
}

void guard_app_limits(const struct keeper *k, const struct facts *f, const struct session *session,
                      struct app_limits *out)
{
    bool any = false;

    *out = (struct app_limits){0};
    for (unsigned w = 0; f->app.len && w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            out->limits.most[w][m] = session->app_most[w][m];
            any = any || session->app_most[w][m];
        }
    }
    if (any) {
        out->number = catalog_known_app(k->tail.catalog, f->account, f->app, SLICE_NONE);
        out->number += out->number == 0;
        out->id = f->app;
        out->name = f->app_name;
    }
}

bool guard_app_limits_now(struct keeper *k, const struct facts *f, struct arena *arena,
                          struct app_limits *out, struct error *e)
{
    struct session session = {.app = f->app};
    struct factors factors;

    if (f->app.len && !state_factors_get(k->state, f->account, arena, &factors, e)) {
        return false;
    }
    const struct app_password *app = f->app.len ? app_password_find(&factors, f->app) : NULL;
    if (app) {
        (void)memcpy(session.app_most, app->most, sizeof(session.app_most));
    }
    guard_app_limits(k, f, &session, out);
    return true;
}
