/* Keys of our own people: made, certified and revoked. The private half is made in the signer and stays there; what is
 * published is a row among the keys of recipients, recorded as all of them are. */
#include "base/clock.h"

#include "formats/openpgp/packet.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "keeper/openpgp.h"
#include "keeper/recipient_keys.h"
#include "keyring/keyring.h"
#include "requests/openpgp.h"

#define SPKI_LEN        44 /* SubjectPublicKeyInfo of Ed25519, RFC 8410: 12 bytes, then the key */
#define NAME_RANDOM     8  /* bytes in the name of a private key */
#define CERTIFICATE_MAX ((size_t)4 << 10)
#define PREFIX_MIN      8

/* Nothing that would end the user ID early, or be read as another address. */
static bool is_name(struct slice name)
{
    bool good = slice_is_utf8(name);

    for (size_t i = 0; i < name.len; i++) {
        good = good && name.ptr[i] >= ' ' && name.ptr[i] != 0x7f && name.ptr[i] != '<' &&
               name.ptr[i] != '>' && name.ptr[i] != '@';
    }
    return good;
}

static struct slice private_name(struct arena *arena)
{
    uint8_t random[NAME_RANDOM];
    struct slice name = SLICE("openpgp-");

    keyring_random_bytes(random, sizeof(random));
    for (size_t i = 0; i < NAME_RANDOM; i++) {
        name = arena_printf(arena, "%.*s%02x", SLICE_ARG(name), random[i]);
    }
    return name;
}

static bool sign_draft(struct keeper *k, const struct recipient_key *row, struct slice address,
                       const struct openpgp_draft *draft, struct arena *arena, struct buf *out,
                       struct error *e)
{
    struct slice signature;

    if (!openpgp_sign(k, row, address, SLICE_ARRAY(draft->digest), arena, &signature, e)) {
        return false;
    }
    openpgp_write_signature(draft, signature.ptr, out);
    return true;
}

static void describe(const struct openpgp_own *own, struct arena *arena, struct recipient_key *row)
{
    char fingerprint[2 * OPENPGP_FINGERPRINT_LEN + 1];

    openpgp_fingerprint_text(own->fingerprint, fingerprint);
    row->kind = RECIPIENT_OPENPGP;
    row->fingerprint = arena_copy(arena, slice_text(fingerprint));
    row->algorithm = SLICE("Ed25519, signs");
    row->not_before = (uint64_t)own->created_at * 1000;
    row->source = RECIPIENT_MADE;
}

/* Make the private key and the certificate of its public half. */
static bool make(struct keeper *k, struct slice address, struct slice user_id, struct arena *arena,
                 struct recipient_key *row, struct error *e)
{
    const struct signer_new_ask ask = {
        .kind = KEY_OPENPGP, .domain = letter_domain(address), .name = private_name(arena)};
    OWN(buf) struct buf bytes = {.max = CERTIFICATE_MAX};
    uint32_t now = (uint32_t)(clock_wall_ms() / 1000);
    struct signer_key made;
    struct openpgp_own own;
    struct openpgp_draft draft;

    if (!ipc_call(k->options.signer, &signer_new_key, &ask, -1, &made, NULL, arena,
                  KEEPER_KEYGEN_MS, e)) {
        return false;
    }
    if (made.public.len != SPKI_LEN) {
        return error_set(e, ERROR_CORRUPT, "the signer made no Ed25519 key");
    }
    keeper_keys_changed(k);
    row->own = ask.name;
    openpgp_own_init(&own, made.public.ptr + SPKI_LEN - OPENPGP_PUBLIC_LEN, now);
    describe(&own, arena, row);
    openpgp_write_public(&own, &bytes);
    openpgp_write_user_id(user_id, &bytes);
    openpgp_draft_user_id(&own, user_id, now, &draft);
    if (!sign_draft(k, row, address, &draft, arena, &bytes, e)) {
        return false;
    }
    row->bytes = arena_copy(arena, buf_slice(&bytes));
    return true;
}

bool keeper_on_pgp_new(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct pgp_new_ask *ask = r->ask;
    struct recipient_key *row = r->answer;
    struct slice address = recipient_canonical(ask->address, r->arena);
    struct slice *names = arena_array(r->arena, 1, sizeof(*names));

    if (slice_find(address, '@') == 0 || !slice_is_ascii(address) || !is_name(ask->name) ||
        !settings_is_ours(k->options.settings(k->options.context), letter_domain(address))) {
        return error_set(e, ERROR_INPUT,
                         "a key is made for an address in a domain of ours, and a name without "
                         "angle brackets and at sign");
    }
    const struct recipient_key *is = openpgp_signing_key(k, address, r->arena);
    if (is) {
        return error_set(e, ERROR_INPUT,
                         "%.*s has a key, %.*s: revoke it first, `postern pgp revoke`",
                         SLICE_ARG(address), SLICE_ARG(is->fingerprint));
    }
    struct slice user_id = ask->name.len ? arena_printf(r->arena, "%.*s <%.*s>",
                                                        SLICE_ARG(ask->name), SLICE_ARG(address))
                                         : address;
    names[0] = address;
    *row = (struct recipient_key){
        .subject = user_id, .names = {names, 1}
    };
    return make(k, address, user_id, r->arena, row, e) &&
           recipient_key_keep(k, admin, address, row, ask->reason, r->arena, e);
}

/* ── revoking ── */

/* The one key of ours that is meant. */
static bool find(struct keeper *k, const struct pgp_revoke_ask *ask, struct arena *arena,
                 struct recipient_key *out, struct error *e)
{
    struct recipient_keys all;
    size_t n = 0;

    if (!recipient_keys_of(k, ask->address, arena, &all, e)) {
        return false;
    }
    const struct recipient_key *keys = all.keys.items;
    for (size_t i = 0; i < all.keys.count; i++) {
        if (keys[i].kind == RECIPIENT_OPENPGP && keys[i].own.len &&
            slice_starts_nocase(keys[i].fingerprint, ask->fingerprint)) {
            *out = keys[i];
            n++;
        }
    }
    if (n != 1 || ask->fingerprint.len < PREFIX_MIN) {
        return error_set(e, ERROR_INPUT,
                         "there is no such key of ours, or less than 8 characters of its "
                         "fingerprint were given: `postern pgp list` shows them");
    }
    return out->not_after == 0 || error_set(e, ERROR_INPUT, "this key was revoked before");
}

/* The signature goes behind the key itself, before its user IDs (RFC 9580 section 10.1). */
static bool revoke_key(struct keeper *k, const struct pgp_revoke_ask *ask, struct arena *arena,
                       struct recipient_key *row, struct error *e)
{
    int64_t now_ms = clock_wall_ms();
    OWN(buf) struct buf bytes = {.max = CERTIFICATE_MAX + OPENPGP_HASHED_MAX};
    struct openpgp_own own;
    struct openpgp_draft draft;

    if (!find(k, ask, arena, row, e)) {
        return false;
    }
    if (!openpgp_own_read(row->bytes, &own)) {
        return error_set(e, ERROR_CORRUPT, "the key of %.*s is damaged", SLICE_ARG(ask->address));
    }
    openpgp_write_public(&own, &bytes);
    size_t public_len = bytes.len;
    openpgp_draft_revocation(&own, (uint32_t)(now_ms / 1000), ask->reason, &draft);
    if (!sign_draft(k, row, ask->address, &draft, arena, &bytes, e)) {
        return false;
    }
    buf_add(&bytes, slice_from(row->bytes, public_len));
    row->bytes = arena_copy(arena, buf_slice(&bytes));
    row->not_after = (uint64_t)now_ms;
    return !bytes.full || error_set(e, ERROR_LIMIT, "a revoked key is too long");
}

bool keeper_on_pgp_revoke(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct pgp_revoke_ask ask = *(const struct pgp_revoke_ask *)r->ask;

    ask.address = recipient_canonical(ask.address, r->arena);
    if (slice_trim(ask.reason).len == 0) {
        return error_set(e, ERROR_INPUT,
                         "say why with --reason TEXT; it stands in the ledger and in the "
                         "revocation, which is published");
    }
    return revoke_key(admin->keeper, &ask, r->arena, r->answer, e) &&
           recipient_key_keep(admin->keeper, admin, ask.address, r->answer, ask.reason, r->arena,
                              e);
}
