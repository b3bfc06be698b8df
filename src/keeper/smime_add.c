/* Certificates of our own people: keys that are imported, and a small authority whose key the signer has. What is kept is the
 * certificate, as a recipient's; that its private key is ours is said beside it. */
#include "base/clock.h"

#include "host/memfd.h"
#include "keeper/account_parts.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "keeper/recipient_keys.h"
#include "keeper/smime.h"
#include "requests/smime.h"

#define AUTHORITY_DAYS 3650
#define PERSON_DAYS    730
#define DAY_S          INT64_C(86400)

/* Ask the signer, and have an inspector read the certificate that it made. */
static bool make(struct keeper *k, const struct signer_smime_key_ask *ask, struct slice issuers,
                 struct arena *arena, struct recipient_key *key, struct error *e)
{
    struct signer_smime_key_answer made;
    OWN(buf) struct buf chain = {.max = RECIPIENT_KEY_BYTES_MAX};
    OWN(fd) int fd = -1;

    if (!ipc_call(k->options.signer, &signer_smime_key, ask, -1, &made, NULL, arena, KEEPER_ASK_MS,
                  e)) {
        return false;
    }
    buf_add(&chain, made.certificate);
    buf_add(&chain, issuers);
    if (chain.full || !memfd_from("certificate", buf_slice(&chain), &fd, e) ||
        !recipient_key_read(k, ask->address.len ? ask->address : ask->name, fd, arena, key, e)) {
        return chain.full ? error_set(e, ERROR_LIMIT, "the certificate is too long") : false;
    }
    key->own = made.name;
    key->source = RECIPIENT_MADE;
    return true;
}

static uint64_t now_s(void)
{
    return (uint64_t)(clock_wall_ms() / 1000);
}

static bool make_authority(struct keeper_admin *admin, const struct smime_add_ask *ask,
                           struct arena *arena, struct recipient_key *key, struct error *e)
{
    uint64_t days = ask->days ? ask->days : AUTHORITY_DAYS;
    const struct signer_smime_key_ask wish = {.name = ask->address,
                                              .not_before_s = now_s() - 3600,
                                              .not_after_s = now_s() + days * (uint64_t)DAY_S};

    return make(admin->keeper, &wish, SLICE_NONE, arena, key, e) &&
           recipient_key_keep(admin->keeper, admin, SMIME_AUTHORITY, key, ask->reason, arena, e);
}

/* "CN=Example AG", as formats/smime writes it, and as the signer called it. */
static struct slice name_of(const struct recipient_key *authority)
{
    return slice_from(authority->subject, slice_starts(authority->subject, SLICE("CN=")) ? 3 : 0);
}

static bool issue(struct keeper_admin *admin, const struct smime_add_ask *ask, struct arena *arena,
                  struct recipient_key *key, struct error *e)
{
    struct slice address = recipient_canonical(ask->address, arena);
    uint64_t days = ask->days ? ask->days : PERSON_DAYS;
    struct recipient_key authority = {0};
    bool found = false;

    if (!account_address_is_ours(admin->keeper, address, arena, e) ||
        !smime_own(admin->keeper, SMIME_AUTHORITY, arena, &authority, &found, e)) {
        return false;
    }
    uint64_t until = now_s() + days * (uint64_t)DAY_S;
    if (!found) {
        return error_set(e, ERROR_INPUT,
                         "there is no authority yet: `postern smime ca \"Example AG\"` makes one");
    }
    const struct signer_smime_key_ask wish = {
        .address = address,
        .issuer = name_of(&authority),
        .issuer_key = authority.own,
        .not_before_s = now_s() - 3600,
        .not_after_s = until < authority.not_after / 1000 ? until : authority.not_after / 1000};
    return make(admin->keeper, &wish, authority.bytes, arena, key, e) &&
           recipient_key_keep(admin->keeper, admin, address, key, ask->reason, arena, e);
}

static bool import(struct keeper_admin *admin, const struct smime_add_ask *ask, int file,
                   struct arena *arena, struct recipient_key *key, struct error *e)
{
    struct keeper *k = admin->keeper;
    struct slice address = recipient_canonical(ask->address, arena);
    const struct signer_smime_key_ask keep = {.key = ask->key};
    struct signer_smime_key_answer kept;

    if (file < 0 || ask->key.len == 0) {
        return error_set(e, ERROR_INPUT, "a private key and its certificate are needed");
    }
    if (!recipient_key_read(k, address, file, arena, key, e)) {
        return false;
    }
    if (!recipient_key_names(key, address) && !ask->other) {
        return error_set(e, ERROR_INPUT,
                         "the certificate names another address: say --other-address if it is "
                         "meant for `%.*s` all the same",
                         SLICE_ARG(slice_head(address, 100)));
    }
    if (key->not_after && key->not_after <= (uint64_t)clock_wall_ms()) {
        return error_set(e, ERROR_INPUT, "the certificate has expired");
    }
    if (!ipc_call(k->options.signer, &signer_smime_key, &keep, -1, &kept, NULL, arena,
                  KEEPER_ASK_MS, e)) {
        return false;
    }
    key->own = kept.name;
    key->source = RECIPIENT_UPLOADED;
    key->vouched = true;
    return recipient_key_keep(k, admin, address, key, ask->reason, arena, e);
}

bool keeper_on_smime_add(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct smime_add_ask *ask = r->ask;

    switch ((enum smime_add_kind)ask->kind) {
    case SMIME_ADD_IMPORT:
        return import(admin, ask, r->fd, r->arena, r->answer, e);
    case SMIME_ADD_AUTHORITY:
        return make_authority(admin, ask, r->arena, r->answer, e);
    case SMIME_ADD_ISSUE:
        return issue(admin, ask, r->arena, r->answer, e);
    }
    return error_set(e, ERROR_INPUT, "import, make an authority or issue");
}
