/* What the keeper has signed by the process that holds the keys: letters' header digests and the
 * tree's heads. */
#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"
#include "keeper/rotation.h"
#include "ledger/checkpoint.h"

#define KEYS_AGE_MS    300000
#define KEYS_ARENA_MAX ((size_t)16 << 20)

void keeper_keys_changed(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->keys.lock);
    k->keys.read_at = 0;
    (void)pthread_mutex_unlock(&k->keys.lock);
}

/* Ask the signer which keys it has. */
static bool refresh(struct keeper *k, struct error *e)
{
    struct signer_keys keys;
    struct arena arena;

    arena_init(&arena, KEYS_ARENA_MAX);
    if (!ipc_call(k->options.signer, &signer_list, NULL, -1, &keys, NULL, &arena, KEEPER_ASK_MS,
                  e)) {
        log_event(LOG_WARNING, "signer.unreachable", LOG_TEXT("reason", e->text));
        arena_done(&arena);
        return false;
    }
    (void)pthread_mutex_lock(&k->keys.lock);
    arena_done(&k->keys.arena);
    k->keys.arena = arena;
    k->keys.keys = keys;
    k->keys.read_at = clock_steady_ms();
    k->keys.known = true;
    (void)pthread_mutex_unlock(&k->keys.lock);
    return true;
}

/* Have the keys of now, or the last answer when the signer does not answer now. */
static bool have_keys(struct keeper *k, struct error *e)
{
    (void)pthread_mutex_lock(&k->keys.lock);
    bool stale = k->keys.read_at == 0 || clock_steady_ms() > k->keys.read_at + KEYS_AGE_MS;
    bool known = k->keys.known;
    (void)pthread_mutex_unlock(&k->keys.lock);
    return !stale || refresh(k, e) || known;
}

bool keeper_signs_with(struct keeper *k, const struct signer_key *key)
{
    return (key->kind == KEY_DKIM_RSA || key->kind == KEY_DKIM_ED25519) && rotation_signs(k, key);
}

bool keeper_keys_copy(struct keeper *k, struct arena *arena, struct signer_keys *out,
                      struct error *e)
{
    if (!have_keys(k, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&k->keys.lock);
    const struct signer_key *all = k->keys.keys.keys.items;
    size_t n = k->keys.keys.keys.count;
    struct signer_key *copy = arena_array(arena, n + 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++) {
        copy[i] = all[i];
        copy[i].domain = arena_copy(arena, all[i].domain);
        copy[i].name = arena_copy(arena, all[i].name);
        copy[i].public = arena_copy(arena, all[i].public);
    }
    (void)pthread_mutex_unlock(&k->keys.lock);
    out->keys = (struct cbor_list){copy, n};
    return true;
}

bool keeper_dkim_keys(struct keeper *k, struct slice domain, struct arena *arena,
                      struct dkim_key *keys, size_t *count, struct error *e)
{
    size_t n = 0;

    if (!have_keys(k, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&k->keys.lock);
    const struct signer_key *all = k->keys.keys.keys.items;
    for (size_t i = 0; i < k->keys.keys.keys.count && n < PROTECT_KEYS_MAX; i++) {
        if (slice_equal_nocase(all[i].domain, domain) && keeper_signs_with(k, &all[i])) {
            keys[n++] = (struct dkim_key){
                .algorithm = all[i].kind == KEY_DKIM_RSA ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256,
                .domain = arena_copy(arena, all[i].domain),
                .selector = arena_copy(arena, all[i].name)};
        }
    }
    (void)pthread_mutex_unlock(&k->keys.lock);
    *count = n;
    return true;
}

static bool keep_signatures(const struct signer_dkim_answer *answer, size_t n,
                            struct protect_signature *signatures, struct error *e)
{
    const struct signer_signature *made = answer->signatures.items;

    if (answer->signatures.count != n) {
        return error_set(e, ERROR_CORRUPT, "the signer's answer has %zu signatures, not %zu",
                         answer->signatures.count, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (made[i].signature.len > PROTECT_SIGNATURE_MAX) {
            return error_set(e, ERROR_CORRUPT, "the signer's signature is too long");
        }
        (void)memcpy(signatures[i].bytes, made[i].signature.ptr, made[i].signature.len);
        signatures[i].len = made[i].signature.len;
    }
    return true;
}

_Static_assert(PROTECT_KEYS_MAX <= SIGNER_WISHES_MAX,
               "all signatures of a letter are one question");

bool keeper_sign(void *signing, const struct dkim_draft *drafts, size_t n,
                 struct protect_signature *signatures, struct error *e)
{
    const struct signing *s = signing;
    struct signer_dkim_wish wishes[PROTECT_KEYS_MAX];
    struct signer_dkim_ask ask = {
        .wishes = {wishes, n}
    };
    struct signer_dkim_answer answer;
    OWN(arena) struct arena arena = {.max = 1 << 20};

    for (size_t i = 0; i < n; i++) {
        wishes[i] = (struct signer_dkim_wish){.domain = s->keys[i].domain,
                                              .selector = s->keys[i].selector,
                                              .digest = SLICE_ARRAY(drafts[i].digest)};
    }
    return ipc_call(s->keeper->options.signer, &signer_dkim, &ask, -1, &answer, NULL, &arena,
                    KEEPER_ASK_MS, e) &&
           keep_signatures(&answer, n, signatures, e);
}

/* The raw Ed25519 key is the end of its SubjectPublicKeyInfo (RFC 8410 section 4). */
static bool make_note(const struct checkpoint *c, const struct signer_signature *s,
                      struct buf *note, struct error *e)
{
    if (s->signature.len != CHECKPOINT_SIGNED_LEN || s->public.len < CHECKPOINT_KEY_LEN) {
        return error_set(e, ERROR_CORRUPT, "the signer's signature is no Ed25519 signature");
    }
    checkpoint_note(c, c->origin, s->public.ptr + s->public.len - CHECKPOINT_KEY_LEN,
                    s->signature.ptr, note);
    return !note->full || error_set(e, ERROR_LIMIT, "a checkpoint does not fit");
}

bool keeper_checkpoint(struct keeper *k, struct arena *arena, struct slice *note, struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    const struct slice *domains = settings->general.domains.items;
    struct ledger_head head;
    struct signer_signature answer;
    OWN(buf) struct buf text = {.max = CHECKPOINT_NOTE_MAX};
    OWN(buf) struct buf whole = {.max = CHECKPOINT_NOTE_MAX};

    ledger_head(k->ledger, &head);
    struct checkpoint c = {.origin = arena_printf(arena, "%.*s/ledger", SLICE_ARG(domains[0])),
                           .size = head.size};
    (void)memcpy(c.root, head.root, sizeof(c.root));
    checkpoint_text(&c, &text);
    struct signer_note_ask ask = {.text = buf_slice(&text)};
    if (!ipc_call(k->options.signer, &signer_note, &ask, -1, &answer, NULL, arena, KEEPER_ASK_MS,
                  e) ||
        !make_note(&c, &answer, &whole, e)) {
        return error_add(e, "checkpoint");
    }
    *note = arena_copy(arena, buf_slice(&whole));
    struct checkpoint_record record = {.note = *note};
    if (!keeper_record_one(k, LEDGER_PATIENT, RECORD_CHECKPOINT, &checkpoint_schema, &record, e)) {
        return false;
    }
    atomic_store(&k->checkpoint_at, clock_wall_ms());
    log_event(LOG_INFO, "ledger.checkpoint", LOG_NUMBER("size", head.size));
    return true;
}
