#include "keeper/rotation.h"

#include "keeper/admin.h"
#include "keeper/handlers.h"
#include "keeper/internal.h"
#include "keeper/rotation_parts.h"
#include "requests/own_domain.h"

static const struct settings *settings_of(struct keeper *k)
{
    return k->options.settings(k->options.context);
}

static struct slice lower(struct arena *arena, struct slice domain)
{
    uint8_t *text = arena_alloc(arena, domain.len + 1);

    for (size_t i = 0; i < domain.len; i++) {
        text[i] = ascii_lower(domain.ptr[i]);
    }
    return slice_of(text, domain.len);
}

static struct slice state_name(struct arena *arena, struct slice domain)
{
    return arena_printf(arena, ROTATION_STATE "%.*s", SLICE_ARG(lower(arena, domain)));
}

/* dkim-selector as one text. */
struct slice rotation_selectors(const struct settings *s, struct arena *arena)
{
    const struct slice *selectors = s->dkim.selectors.items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < s->dkim.selectors.count; i++) {
        text = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(text), i ? "," : "",
                            SLICE_ARG(selectors[i]));
    }
    return text;
}

/* ── what is known ── */

bool rotation_read(struct keeper *k, struct slice domain, struct arena *arena,
                   struct dkim_rotation *out, struct error *e)
{
    struct slice value = SLICE_NONE;
    bool found = false;

    *out = (struct dkim_rotation){0};
    return state_value_get(k->state, state_name(arena, domain), arena, &value, &found, e) &&
           (!found || cbor_read(value, &dkim_rotation_schema, arena, out, e));
}

static bool read_all(struct keeper *k, struct error *e)
{
    const struct settings *s = settings_of(k);
    const struct slice *domains = s->general.domains.items;
    struct rotations *r = k->rotations;
    struct arena arena;

    arena_init(&arena, (size_t)4 << 20);
    struct slice *names = arena_array(&arena, s->general.domains.count + 1, sizeof(*names));
    struct dkim_rotation *items = arena_array(&arena, s->general.domains.count + 1, sizeof(*items));
    for (size_t i = 0; i < s->general.domains.count; i++) {
        names[i] = lower(&arena, domains[i]);
        if (!rotation_read(k, domains[i], &arena, &items[i], e)) {
            arena_done(&arena);
            return error_add(e, "dkim rotation");
        }
    }
    (void)pthread_mutex_lock(&r->lock);
    arena_done(&r->arena);
    r->arena = arena;
    r->domains = names;
    r->items = items;
    r->count = s->general.domains.count;
    (void)pthread_mutex_unlock(&r->lock);
    return true;
}

bool rotation_keep(struct keeper *k, struct slice domain, const struct dkim_rotation *rotation,
                   struct arena *arena, struct error *e)
{
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};

    cbor_write(&value, &dkim_rotation_schema, rotation);
    if (value.full) {
        return error_set(e, ERROR_LIMIT, "a rotation does not fit");
    }
    return state_value_put(k->state, state_name(arena, domain), buf_slice(&value), e) &&
           read_all(k, e);
}

bool rotations_open(struct keeper *k, struct error *e)
{
    k->rotations = calloc(1, sizeof(*k->rotations));
    if (!k->rotations) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&k->rotations->lock, NULL);
    (void)pthread_mutex_init(&k->rotations->turn, NULL);
    return read_all(k, e);
}

void rotations_free(struct rotations *r)
{
    if (r) {
        arena_done(&r->arena);
        for (size_t i = 0; i < r->n_pauses; i++) {
            free((void *)(uintptr_t)r->pauses[i].domain.ptr);
        }
        free(r->pauses);
        (void)pthread_mutex_destroy(&r->lock);
        (void)pthread_mutex_destroy(&r->turn);
        free(r);
    }
}

struct rotation_pause *rotation_pause_of(struct keeper *k, struct slice domain)
{
    struct rotations *r = k->rotations;

    for (size_t i = 0; i < r->n_pauses; i++) {
        if (slice_equal_nocase(r->pauses[i].domain, domain)) {
            return &r->pauses[i];
        }
    }
    struct rotation_pause *grown = realloc(r->pauses, (r->n_pauses + 1) * sizeof(*grown));
    uint8_t *name = malloc(domain.len + 1);
    if (!grown || !name) {
        arena_panic("out of memory");
    }
    (void)memcpy(name, domain.ptr, domain.len);
    r->pauses = grown;
    grown[r->n_pauses] = (struct rotation_pause){.domain = slice_of(name, domain.len)};
    return &grown[r->n_pauses++];
}

bool rotation_is_among(const struct cbor_list *texts, struct slice name)
{
    const struct slice *all = texts->items;

    for (size_t i = 0; i < texts->count; i++) {
        if (slice_equal_nocase(all[i], name)) {
            return true;
        }
    }
    return false;
}

static bool is_set(const struct settings *s, struct slice name)
{
    const struct slice *selectors = s->dkim.selectors.items;

    for (size_t i = 0; i < s->dkim.selectors.count; i++) {
        if (slice_equal_nocase(selectors[i], name)) {
            return true;
        }
    }
    return false;
}

/* Whether a selector stood in `dkim-selector` when the change began. */
static bool stood_then(const struct dkim_rotation *r, struct slice name)
{
    struct slice rest = r->based_on;

    while (rest.len) {
        if (slice_equal_nocase(slice_cut(rest, ',', &rest), name)) {
            return true;
        }
    }
    return false;
}

/* From the first change on its keys sign, and those that a person named in the settings since. What the settings named before
 * is no matter any more: it may be destroyed. */
static bool signs(const struct dkim_rotation *r, const struct settings *s, struct slice name)
{
    if (r->active.count == 0) {
        return is_set(s, name);
    }
    return rotation_is_among(&r->active, name) || (is_set(s, name) && !stood_then(r, name));
}

bool rotation_signs(struct keeper *k, const struct signer_key *key)
{
    OWN(arena) struct arena arena = {.max = (size_t)256 << 10};
    const struct settings *s = settings_of(k);
    struct rotations *all = k->rotations;
    struct dkim_rotation of_state = {0};
    struct error ignored;

    (void)pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->count; i++) {
        if (slice_equal_nocase(all->domains[i], key->domain)) {
            bool does = signs(&all->items[i], s, key->name);
            (void)pthread_mutex_unlock(&all->lock);
            return does;
        }
    }
    (void)pthread_mutex_unlock(&all->lock);
    /* A domain that came with a reload, and may have been ours before. When the state cannot be read all its keys sign: one too
     * many harms nobody, a letter without a signature is lost. */
    return !rotation_read(k, key->domain, &arena, &of_state, &ignored) ||
           signs(&of_state, s, key->name);
}

bool rotations_refresh(struct keeper *k, struct error *e)
{
    return read_all(k, e);
}

/* ── for people ── */

/* The selectors of a domain's keys that sign. */
static struct cbor_list signing_now(struct keeper *k, const struct signer_keys *keys,
                                    struct slice domain, struct arena *arena)
{
    const struct signer_key *all = keys->keys.items;
    struct slice *names = arena_array(arena, keys->keys.count + 1, sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; i < keys->keys.count && n < OWN_SIGNS_MAX; i++) {
        if (slice_equal_nocase(all[i].domain, domain) && keeper_signs_with(k, &all[i])) {
            names[n++] = all[i].name;
        }
    }
    return (struct cbor_list){names, n};
}

bool keeper_on_own_rotations(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper_admin_of(ctx, r)->keeper;
    struct own_rotations_answer *answer = r->answer;
    const struct settings *s = settings_of(k);
    const struct slice *domains = s->general.domains.items;
    struct own_rotation *out = arena_array(r->arena, s->general.domains.count + 1, sizeof(*out));
    struct signer_keys keys;

    if (!keeper_keys_copy(k, r->arena, &keys, e)) {
        return false;
    }
    for (size_t i = 0; i < s->general.domains.count; i++) {
        out[i].domain = domains[i];
        if (!rotation_read(k, domains[i], r->arena, &out[i].rotation, e)) {
            return false;
        }
        out[i].signs = signing_now(k, &keys, domains[i], r->arena);
    }
    answer->rotations = (struct cbor_list){out, s->general.domains.count};
    return true;
}
