#include "keeper/rotation_keys.h"

#include <time.h>

#include "base/clock.h"

#include "keeper/internal.h"
#include "requests/signer.h"

#define NAMES_MAX 26 /* changes in one day */
#define LIST_MAX  ((size_t)16 << 20)

static bool is_taken(const struct own_domain *own, struct slice name)
{
    for (size_t i = 0; i < own->facts.n_keys; i++) {
        if (slice_equal_nocase(own->facts.keys[i].selector, name)) {
            return true;
        }
    }
    return false;
}

/* "p20261130a-rsa": unused, and it says when it was made. */
static bool make_name(const struct own_domain *own, enum dkim_algorithm algorithm,
                      struct arena *arena, struct slice *out)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm day;
    char text[16] = "";

    (void)gmtime_r(&now, &day);
    (void)strftime(text, sizeof(text), "%Y%m%d", &day);
    for (int i = 0; i < NAMES_MAX; i++) {
        *out = arena_printf(arena, "p%s%c-%s", text, 'a' + i,
                            algorithm == DKIM_RSA_SHA256 ? "rsa" : "ed25519");
        if (!is_taken(own, *out)) {
            return true;
        }
    }
    return false;
}

/* As many bits as the RSA key has that it follows; by the length of its SubjectPublicKeyInfo. */
static uint64_t bits_like(const struct zone_key *former)
{
    return former->public.len > 480 ? 4096 : former->public.len > 360 ? 3072 : 2048;
}

bool rotation_make_key(struct keeper *k, const struct own_domain *own,
                       const struct zone_key *former, struct slice *name, struct arena *arena,
                       struct error *e)
{
    bool rsa = former->algorithm == DKIM_RSA_SHA256;
    struct signer_new_ask ask = {.kind = rsa ? KEY_DKIM_RSA : KEY_DKIM_ED25519,
                                 .domain = own->domain,
                                 .bits = rsa ? bits_like(former) : 0};
    struct signer_key made;

    if (!make_name(own, former->algorithm, arena, &ask.name)) {
        return error_set(e, ERROR_LIMIT, "too many keys were made today");
    }
    *name = ask.name;
    return ipc_call(k->options.signer, &signer_new_key, &ask, -1, &made, NULL, arena,
                    KEEPER_KEYGEN_MS, e);
}

bool rotation_drop_keys(struct keeper *k, struct slice domain, const struct cbor_list *selectors,
                        struct arena *arena, struct error *e)
{
    const struct slice *names = selectors->items;
    bool well = true;

    for (size_t i = 0; i < selectors->count && well; i++) {
        struct signer_new_ask ask = {.kind = KEY_DKIM_RSA, .domain = domain, .name = names[i]};
        well = ipc_call(k->options.signer, &signer_drop_key, &ask, -1, NULL, NULL, arena,
                        KEEPER_ASK_MS, e);
    }
    keeper_keys_changed(k);
    return well;
}

bool rotation_has_keys(const struct own_domain *own, const struct cbor_list *selectors)
{
    const struct slice *names = selectors->items;

    for (size_t i = 0; i < selectors->count; i++) {
        if (!is_taken(own, names[i])) {
            return false;
        }
    }
    return true;
}

static bool is_listed(const struct signer_keys *keys, struct slice domain, struct slice name)
{
    const struct signer_key *all = keys->keys.items;

    for (size_t i = 0; i < keys->keys.count; i++) {
        if (slice_equal_nocase(all[i].domain, domain) && slice_equal_nocase(all[i].name, name)) {
            return true;
        }
    }
    return false;
}

bool rotation_keys_missing(struct keeper *k, struct slice domain, const struct cbor_list *selectors,
                           bool *missing, struct error *e)
{
    OWN(arena) struct arena arena = {.max = LIST_MAX};
    const struct slice *names = selectors->items;
    struct signer_keys keys;

    *missing = false;
    if (!ipc_call(k->options.signer, &signer_list, NULL, -1, &keys, NULL, &arena, KEEPER_ASK_MS,
                  e)) {
        return false;
    }
    for (size_t i = 0; i < selectors->count; i++) {
        *missing = *missing || !is_listed(&keys, domain, names[i]);
    }
    return true;
}
