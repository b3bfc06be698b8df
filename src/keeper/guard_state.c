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

bool guard_app_limits(struct keeper *k, const struct facts *f, struct arena *arena,
                      struct app_limits *out, struct error *e)
{
    bool any = false;
    struct factors factors;

    *out = (struct app_limits){0};
    if (f->app.len == 0) {
        return true;
    }
    if (!state_factors_get(k->state, f->account, arena, &factors, e)) {
        return false;
    }
    const struct app_password *app = app_password_find(&factors, f->app);
    for (unsigned w = 0; app && w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            out->limits.most[w][m] = app->most[w][m];
            any = any || app->most[w][m];
        }
    }
    if (any) {
        out->number = catalog_known_app(k->tail.catalog, f->account, f->app, SLICE_NONE);
        out->number += out->number == 0;
        out->id = app->id;
        out->name = app->name;
    }
    return true;
}
