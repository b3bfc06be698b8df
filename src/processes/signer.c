/* The process of the private keys: signs digests and checkpoints, makes DKIM keys, counts. */
#include <poll.h>
#include <stdatomic.h>

#include "base/log.h"

#include "host/memfd.h"
#include "ledger/checkpoint.h"
#include "processes/roles.h"
#include "processes/signer_files.h"
#include "processes/signer_keys.h"
#include "processes/signer_maker.h"
#include "processes/signer_smime.h"
#include "requests/openpgp.h"

#define COUNT_EVERY_MS    60000
#define NEW_KEYS_A_MINUTE 30
#define LISTS_A_MINUTE    600
#define NOTES_A_MINUTE    600
#define DIGEST_BYTES      32
#define ALERT_UNREADABLE  "signer-key-unreadable"
#define ALERT_TLS         "tls-key-refused"

struct signer {
    struct role *role;
    struct signer_store *keys;
    atomic_ullong tls; /* signatures since the start */
    atomic_ullong dkim;
    atomic_ullong notes;
    atomic_ullong openpgp;
    atomic_ullong smime;
    atomic_ullong refused;
};

/* Sign, into the arena; counts. */
static bool answer(struct signer *s, const struct private_key *k, enum signature_scheme scheme,
                   struct slice data, struct arena *arena, struct signer_signature *out,
                   atomic_ullong *counter, struct error *e)
{
    OWN(buf) struct buf signature = {.max = SIGNER_SIGNATURE_MAX};

    if (!private_key_sign(k, scheme, data, &signature, e)) {
        (void)atomic_fetch_add(&s->refused, 1);
        return false;
    }
    out->signature = arena_copy(arena, buf_slice(&signature));
    (void)atomic_fetch_add(counter, 1);
    return true;
}

static bool refuse(struct signer *s, struct error *e, const char *sentence)
{
    (void)atomic_fetch_add(&s->refused, 1);
    return error_set(e, ERROR_INPUT, "%s", sentence);
}

/* The hash may be named; then it must be the one that the digest's length says. */
static bool hash_fits(const struct signer_tls_ask *ask)
{
    static const struct {
        size_t len;
        const char *name;
    } hashes[] = {
        {32, "SHA256"},
        {48, "SHA384"},
        {64, "SHA512"},
    };

    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        if (hashes[i].len == ask->data.len) {
            return ask->hash.len == 0 || slice_equal(ask->hash, slice_text(hashes[i].name));
        }
    }
    return false;
}

static bool on_tls(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer *s = ctx;
    const struct signer_tls_ask *ask = r->ask;
    enum private_key_type type = ask->scheme == SCHEME_ECDSA ? PRIVATE_KEY_EC : PRIVATE_KEY_RSA;

    if (ask->scheme == SCHEME_ED25519 || !hash_fits(ask)) {
        return refuse(s, e, "a handshake's signature is made over a digest");
    }
    OWN(private_key) struct private_key *k = signer_store_tls(s->keys, ask->key, type);
    if (!k) {
        return refuse(s, e, "there is no such TLS key");
    }
    return answer(s, k, (enum signature_scheme)ask->scheme, ask->data, r->arena, r->answer, &s->tls,
                  e);
}

static bool grant(struct signer *s, const struct signer_dkim_wish *wish, struct arena *arena,
                  struct signer_signature *out, struct error *e)
{
    if (wish->digest.len != DIGEST_BYTES) {
        return refuse(s, e, "a DKIM signature is made over a SHA-256 digest");
    }
    OWN(private_key)
    struct private_key *k = signer_store_dkim(s->keys, wish->domain, wish->selector);
    if (!k) {
        return refuse(s, e, "there is no such DKIM key");
    }
    bool rsa = private_key_type(k) == PRIVATE_KEY_RSA;
    return answer(s, k, rsa ? SCHEME_RSA_PKCS1 : SCHEME_ED25519, wish->digest, arena, out, &s->dkim,
                  e);
}

static bool on_dkim(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer *s = ctx;
    const struct signer_dkim_ask *ask = r->ask;
    struct signer_dkim_answer *out = r->answer;
    size_t n = ask->wishes.count;
    struct signer_signature *signatures = arena_array(r->arena, n + 1, sizeof(*signatures));

    for (size_t i = 0; i < n; i++) {
        const struct signer_dkim_wish *wish =
            (const struct signer_dkim_wish *)ask->wishes.items + i;
        if (!grant(s, wish, r->arena, &signatures[i], e)) {
            return false;
        }
    }
    out->signatures = (struct cbor_list){signatures, n};
    return true;
}

static bool on_openpgp(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer *s = ctx;
    const struct signer_openpgp_ask *ask = r->ask;
    struct signer_openpgp_answer *out = r->answer;
    struct signer_signature signature;

    if (ask->digest.len != DIGEST_BYTES) {
        return refuse(s, e, "an OpenPGP signature is made over a SHA-256 digest");
    }
    OWN(private_key) struct private_key *k = signer_store_openpgp(s->keys, ask->domain, ask->name);
    if (!k) {
        return refuse(s, e, "there is no such OpenPGP key");
    }
    if (!answer(s, k, SCHEME_ED25519, ask->digest, r->arena, &signature, &s->openpgp, e)) {
        return false;
    }
    out->signature = signature.signature;
    return true;
}

/* Only what is a checkpoint and nothing else: the key vouches for the ledger's tree alone. The text
 * of a note is what stands before its first empty line, so the text with one must read as itself. */
static bool is_checkpoint(struct slice text)
{
    OWN(buf) struct buf note = {.max = CHECKPOINT_NOTE_MAX};
    OWN(buf) struct buf again = {.max = CHECKPOINT_NOTE_MAX};
    struct checkpoint c;
    struct error e;

    buf_add(&note, text);
    buf_add_text(&note, "\n\xe2\x80\x94 x AAAAAAAA\n");
    if (note.full || !checkpoint_read(buf_slice(&note), &c, &e)) {
        return false;
    }
    checkpoint_text(&c, &again);
    return !again.full && slice_equal(buf_slice(&again), text);
}

static bool on_note(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer *s = ctx;
    const struct signer_note_ask *ask = r->ask;
    struct signer_signature *out = r->answer;

    OWN(private_key) struct private_key *k = signer_store_checkpoint(s->keys);
    if (!k) {
        return refuse(s, e, "the checkpoint key cannot be read");
    }
    if (!is_checkpoint(ask->text)) {
        return refuse(s, e, "only checkpoints are signed");
    }
    if (!answer(s, k, SCHEME_ED25519, ask->text, r->arena, out, &s->notes, e)) {
        return false;
    }
    out->public = arena_copy(r->arena, private_key_public(k));
    return true;
}

static bool on_new_key(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer_key *made = r->answer;

    (void)ctx;
    if (!signer_maker_new(r->ask, r->arena, made, e)) {
        return false;
    }
    log_event(LOG_INFO, "signer.key_made", LOG_NUMBER("kind", made->kind),
              LOG_SLICE("domain", made->domain), LOG_SLICE("selector", made->name));
    return true;
}

static bool on_drop_key(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer *s = ctx;
    const struct signer_new_ask *ask = r->ask;

    if (!signer_store_drop(s->keys, ask->domain, ask->name, e)) {
        return false;
    }
    log_event(LOG_INFO, "signer.key_destroyed", LOG_SLICE("domain", ask->domain),
              LOG_SLICE("selector", ask->name));
    return true;
}

static bool on_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer *s = ctx;

    (void)e;
    *(struct signer_keys *)r->answer = signer_store_list(s->keys, r->arena);
    return true;
}

static bool on_smime_key(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer *s = ctx;
    const struct signer_smime_key_answer *answer = r->answer;

    if (!signer_smime_keep(s->keys, r->ask, r->arena, r->answer, e)) {
        return false;
    }
    log_event(LOG_INFO, "signer.smime_key_kept", LOG_SLICE("key", answer->name));
    return true;
}

static bool on_smime_sign(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer *s = ctx;
    bool signed_it = signer_smime_signature(s->keys, r->ask, r->arena, r->answer, e);

    (void)atomic_fetch_add(signed_it ? &s->smime : &s->refused, 1);
    return signed_it;
}

/* Sealed as they lie there: whoever gets them cannot open them. */
static bool on_files(void *ctx, struct ipc_request *r, struct error *e)
{
    struct signer *s = ctx;
    OWN(buf) struct buf files = {.max = SIGNER_FILES_BYTES_MAX};

    return signer_files_read(role_directory(s->role, "keys"), r->arena, &files, e) &&
           memfd_from("key-files", buf_slice(&files), &r->answer_fd, e);
}

/* Who may ask what. Nobody is answered with a key that he could use. */
static const struct ipc_row submission_rows[] = {
    {&signer_tls, 0, on_tls},
};
static const struct ipc_table submission_table = IPC_TABLE("submission", submission_rows);

static const struct ipc_row keeper_rows[] = {
    {&signer_dkim,       0,                 on_dkim      },
    {&signer_note,       NOTES_A_MINUTE,    on_note      },
    {&signer_new_key,    NEW_KEYS_A_MINUTE, on_new_key   },
    {&signer_list,       LISTS_A_MINUTE,    on_list      },
    {&signer_files,      LISTS_A_MINUTE,    on_files     },
    {&signer_openpgp,    0,                 on_openpgp   },
    {&signer_smime_key,  NEW_KEYS_A_MINUTE, on_smime_key },
    {&signer_smime_sign, 0,                 on_smime_sign},
    {&signer_drop_key,   NEW_KEYS_A_MINUTE, on_drop_key  },
};
static const struct ipc_table keeper_table = IPC_TABLE("keeper", keeper_rows);

static void take_tls_keys(void *argument)
{
    struct signer *s = argument;
    struct slice pem = role_file(s->role, SIGNER_TLS);
    struct error e;

    if (pem.len && !signer_store_set_tls(s->keys, pem, &e)) {
        log_event(LOG_ERROR, "signer.tls_key_refused", LOG_TEXT("reason", e.text));
        role_alert(s->role, ALERT_TLS, e.text);
    }
}

/* One line for all signatures of a minute: a line for each would say no more. */
static void count(struct signer *s, unsigned long long *logged)
{
    unsigned long long tls = atomic_load(&s->tls);
    unsigned long long dkim = atomic_load(&s->dkim);
    unsigned long long notes = atomic_load(&s->notes);
    unsigned long long openpgp = atomic_load(&s->openpgp);
    unsigned long long smime = atomic_load(&s->smime);
    unsigned long long refused = atomic_load(&s->refused);

    if (tls + dkim + notes + openpgp + smime + refused != *logged) {
        *logged = tls + dkim + notes + openpgp + smime + refused;
        log_event(LOG_INFO, "signer.signatures", LOG_NUMBER("tls", tls), LOG_NUMBER("dkim", dkim),
                  LOG_NUMBER("notes", notes), LOG_NUMBER("openpgp", openpgp),
                  LOG_NUMBER("smime", smime), LOG_NUMBER("refused", refused));
    }
}

static void count_until_stop(struct signer *s)
{
    struct pollfd stop = {.fd = role_stop_fd(s->role), .events = POLLIN};
    unsigned long long logged = 0;

    while (!role_stopping(s->role)) {
        (void)poll(&stop, 1, COUNT_EVERY_MS);
        count(s, &logged);
    }
}

bool signer_run(struct role *r, struct error *e)
{
    static struct signer s; /* threads use it until the process ends */
    static struct ipc_server submission;
    static struct ipc_server keeper;
    size_t unreadable = 0;

    private_key_protect_memory();
    s.role = r;
    s.keys = signer_store_open(role_directory(r, "keys"), role_key(r, "signer"), &unreadable, e);
    if (!s.keys) {
        return error_add(e, "keys");
    }
    if (unreadable) {
        role_alert(r, ALERT_UNREADABLE,
                   "some files in keys/ cannot be read; the log says which and why");
    }
    if (!signer_maker_start(s.keys, e)) {
        return false;
    }
    take_tls_keys(&s);
    role_on_reload(r, take_tls_keys, &s);
    ipc_server_init(&submission, &submission_table, &s);
    ipc_server_init(&keeper, &keeper_table, &s);
    keeper.background = true; /* handshakes come first */
    role_serve(r, "submission", &submission);
    role_serve(r, "journal", &submission);
    role_serve(r, "connector", &submission);
    role_serve(r, "keeper", &keeper);
    role_ready(r);
    count_until_stop(&s);
    return true;
}
