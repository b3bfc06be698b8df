#include "keeper/openpgp.h"

#include "base/clock.h"

#include "formats/openpgp/packet.h"
#include "host/memfd.h"
#include "keeper/internal.h"
#include "keeper/life.h"
#include "keeper/openpgp_find.h"
#include "keeper/recipient_keys.h"
#include "keeper/recipients.h"
#include "requests/openpgp.h"

#define TRIES                                                                                      \
    2 /* a reader that ended over the letter is one; a second says that it is the letter */
#define TEXT_MAX 380
#define NO_KEY   "the sender has no OpenPGP key of ours: see `postern pgp new`"
#define PREPARED_MAX                                                                               \
    (3 * (size_t)LETTER_BYTES_MAX) /* outer header and payload, as the inspector takes them back */

/* ── keys ── */

static bool in_force(const struct recipient_key *key, uint64_t now_ms)
{
    return key->kind == RECIPIENT_OPENPGP && key->not_before <= now_ms &&
           (key->not_after == 0 || key->not_after > now_ms);
}

/* The best that is in force; of equals the first, which is the newest. *ended: there is one that is not any more. */
static bool choose(struct keeper *k, struct slice address, struct arena *arena,
                   const struct recipient_key **best, bool *ended, struct error *e)
{
    uint64_t now_ms = (uint64_t)clock_wall_ms();
    struct recipient_keys all;

    *best = NULL;
    if (!recipient_keys_of(k, address, arena, &all, e)) {
        return false;
    }
    const struct recipient_key *keys = all.keys.items;
    for (size_t i = 0; i < all.keys.count; i++) {
        bool theirs = keys[i].kind == RECIPIENT_OPENPGP && !keys[i].own.len; /* ours sign alone */
        bool good = theirs && in_force(&keys[i], now_ms);
        *ended = *ended || (theirs && !good);
        if (good && (!*best || recipient_key_rank(&keys[i]) > recipient_key_rank(*best))) {
            *best = &keys[i];
        }
    }
    return true;
}

static struct slice say_why(const struct recipient_key *best, bool ended, struct arena *arena)
{
    if (best) {
        return arena_printf(arena, "OpenPGP key %.*s, %.*s, %s", SLICE_ARG(best->fingerprint),
                            SLICE_ARG(best->algorithm), recipient_key_source_text(best->source));
    }
    return ended ? SLICE("the OpenPGP key of the recipient has expired")
                 : SLICE("no OpenPGP key of the recipient is known");
}

const struct recipient_key *openpgp_known(struct keeper *k, struct slice address,
                                          struct arena *arena, struct slice *why)
{
    const struct recipient_key *best = NULL;
    bool ended = false;
    struct error e;

    if (!choose(k, address, arena, &best, &ended, &e)) {
        *why = letter_text(arena, slice_text(e.text), TEXT_MAX);
        return NULL;
    }
    *why = say_why(best, ended, arena);
    return best;
}

const struct recipient_key *openpgp_recipient(struct keeper *k, struct slice address,
                                              struct arena *arena, struct slice *why, bool *later)
{
    const struct recipient_key *best = NULL;
    enum openpgp_found found = OPENPGP_SAME;
    bool ended = false;
    struct error e;

    bool known = choose(k, address, arena, &best, &ended, &e);
    if (known && (!best || recipient_key_rank(best) < RECIPIENT_RANK_BEST)) {
        found = openpgp_find(k, address, arena);
    }
    if (found == OPENPGP_CHANGED || (found == OPENPGP_NOT_NOW && !best)) { /* or meanwhile */
        known = choose(k, address, arena, &best, &ended, &e);
    }
    *later = !known || (!best && found == OPENPGP_NOT_NOW);
    if (!known) {
        *why = letter_text(arena, slice_text(e.text), TEXT_MAX);
        return NULL;
    }
    *why = *later ? SLICE("the directory of its OpenPGP keys cannot be asked just now")
                  : say_why(best, ended, arena);
    return best;
}

void recipients_openpgp(struct keeper *k, const struct facts *f, struct slice address,
                        struct arena *arena, struct recipient_state *out)
{
    (void)f;
    out->openpgp.usable =
        openpgp_recipient(k, address, arena, &out->openpgp.why, &out->openpgp.later) != NULL;
}

/* The first of ours in force, which is the newest; NULL: none. */
static bool find_ours(struct keeper *k, struct slice address, struct arena *arena,
                      const struct recipient_key **own, struct error *e)
{
    uint64_t now_ms = (uint64_t)clock_wall_ms();
    struct recipient_keys all = {0};

    *own = NULL;
    if (address.len && !recipient_keys_of(k, address, arena, &all, e)) {
        return false;
    }
    const struct recipient_key *keys = all.keys.items;
    for (size_t i = 0; i < all.keys.count; i++) {
        if (keys[i].own.len && in_force(&keys[i], now_ms)) {
            *own = &keys[i];
            return true;
        }
    }
    return true;
}

const struct recipient_key *openpgp_signing_key(struct keeper *k, struct slice address,
                                                struct arena *arena)
{
    const struct recipient_key *own = NULL;
    struct error e;

    return find_ours(k, address, arena, &own, &e) ? own : NULL;
}

void senders_openpgp(struct keeper *k, struct slice sender, struct arena *arena,
                     struct recipient_fact *out)
{
    const struct recipient_key *own = NULL;
    struct error e = {0};
    bool known = find_ours(k, sender, arena, &own, &e);

    out->usable = own != NULL;
    out->later = !known && copy_end_of(&e) == COPY_LATER;
    out->why = own     ? arena_printf(arena, "key %.*s", SLICE_ARG(own->fingerprint))
               : known ? SLICE(NO_KEY)
                       : SLICE("the sender's OpenPGP key cannot be looked at now");
}

bool openpgp_sign(struct keeper *k, const struct recipient_key *own, struct slice address,
                  struct slice digest, struct arena *arena, struct slice *signature,
                  struct error *e)
{
    const struct signer_openpgp_ask ask = {
        .domain = letter_domain(address), .name = own->own, .digest = digest};
    struct signer_openpgp_answer answer;

    if (!ipc_call(k->options.signer, &signer_openpgp, &ask, -1, &answer, NULL, arena, KEEPER_ASK_MS,
                  e)) {
        return false;
    }
    if (answer.signature.len != OPENPGP_SIGNATURE_LEN) {
        return error_set(e, ERROR_CORRUPT, "the signer's signature is no Ed25519 signature");
    }
    *signature = answer.signature;
    return true;
}

/* ── a copy ── */

struct making {
    struct keeper *keeper;
    const struct copy_ask *ask;
    struct arena *arena;
    bool signs_alone;
    uint8_t tag[INSPECTOR_SENDER_LEN];
    struct openpgp_blob *keys;
    const struct recipient_key *own; /* NULL: nobody signs */
    struct openpgp_own public;
    struct openpgp_signer by;
    struct slice texts[COPY_TEXTS_MAX];
    size_t n_texts;
};

static void say(struct making *m, struct slice text)
{
    if (m->n_texts < COPY_TEXTS_MAX) {
        m->texts[m->n_texts++] = letter_text(m->arena, text, TEXT_MAX);
    }
}

/* What the inspector answers; a reader that ends over a letter twice does so because of it. */
static bool ask_inspector(struct making *m, const struct ipc_message *message, const void *ask,
                          int fd, void *answer, int *answer_fd, struct error *e)
{
    const struct settings *settings = m->keeper->options.settings(m->keeper->options.context);
    int64_t within_ms = 2 * settings->process.inspector_timeout_ms;

    for (int i = 0; i < TRIES; i++) {
        if (ipc_call(m->keeper->options.inspector, message, ask, fd, answer, answer_fd, m->arena,
                     within_ms, e)) {
            return true;
        }
        if (e->kind == ERROR_BUSY) {
            return false;
        }
    }
    return false;
}

static bool find_keys(struct making *m, struct error *e)
{
    m->keys = arena_array(m->arena, m->ask->n_recipients + 1, sizeof(*m->keys));
    say(m,
        SLICE(
            "OpenPGP (PGP/MIME, RFC 3156): AES-256 with modification detection, subject and header "
            "inside"));
    for (size_t i = 0; i < m->ask->n_recipients; i++) {
        struct slice to = m->ask->recipients[i];
        struct slice why;
        bool later = false;
        const struct recipient_key *key = openpgp_recipient(m->keeper, to, m->arena, &why, &later);
        if (!key) {
            return error_set(e, later ? ERROR_BUSY : ERROR_INPUT, "%.*s", SLICE_ARG(why));
        }
        m->keys[i].bytes = key->bytes;
        say(m, arena_printf(m->arena, "to %.*s: %.*s", SLICE_ARG(to), SLICE_ARG(why)));
    }
    return true;
}

static void find_signer(struct making *m)
{
    m->own = openpgp_signing_key(m->keeper, m->ask->sender, m->arena);
    if (m->own && openpgp_own_read(m->own->bytes, &m->public)) {
        m->by = (struct openpgp_signer){
            .public = arena_copy(m->arena, SLICE_ARRAY(m->public.public)),
            .created_at = m->public.created_at,
            .at = (uint64_t)clock_wall_ms() / 1000,
        };
        say(m,
            arena_printf(m->arena, "signed with OpenPGP key %.*s", SLICE_ARG(m->own->fingerprint)));
    } else {
        m->own = NULL;
        say(m, SLICE("not signed: the sender has no OpenPGP key here"));
    }
}

/* The digest is computed here, as that of a document and of now: a reader that was taken over gets no signature of another
 * type, such as one that binds a subkey of its own to the sender's key. */
static bool sign_payload(struct making *m, int prepared, uint64_t outer_len,
                         struct slice *signature, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {0};
    struct openpgp_draft draft;

    if (!memfd_map(prepared, PREPARED_MAX, &map, e)) {
        return false;
    }
    if (outer_len > map.bytes.len) {
        return error_set(e, ERROR_INPUT, "the inspector's outer header is longer than its file");
    }
    openpgp_draft_document(&m->public, slice_from(map.bytes, (size_t)outer_len), (uint32_t)m->by.at,
                           &draft);
    return openpgp_sign(m->keeper, m->own, m->ask->sender, SLICE_ARRAY(draft.digest), m->arena,
                        signature, e);
}

static bool make(struct making *m, int *copy, struct error *e)
{
    struct openpgp_prepare_ask prepare = {.sender = SLICE_ARRAY(m->tag),
                                          .signs_alone = m->signs_alone};
    struct openpgp_prepare_answer prepared = {0};
    struct openpgp_seal_ask seal = {
        .sender = SLICE_ARRAY(m->tag),
        .by = m->by,
        .keys = {m->keys, m->signs_alone ? 0 : m->ask->n_recipients},
        .signs_alone = m->signs_alone
    };
    OWN(fd) int letter = -1;
    OWN(fd) int between = -1;

    if (seal.keys.count > OPENPGP_KEYS_ASKED) {
        return error_set(e, ERROR_LIMIT, "more than %d recipients share a copy",
                         OPENPGP_KEYS_ASKED);
    }
    if (!memfd_from("letter", m->ask->letter, &letter, e) ||
        !ask_inspector(m, &inspector_openpgp_prepare, &prepare, letter, &prepared, &between, e)) {
        return false;
    }
    say(m, m->signs_alone ? SLICE("header and content are signed, and can be read by everybody")
                          : prepared.outside);
    seal.outer_len = prepared.outer_len;
    if (m->own && !sign_payload(m, between, prepared.outer_len, &seal.signature, e)) {
        return false;
    }
    return ask_inspector(m, &inspector_openpgp_seal, &seal, between, NULL, copy, e);
}

static enum copy_end finish(struct making *m, struct copy_made *out, struct error *e)
{
    int copy = -1;

    keeper_life_of_sender(m->ask->facts, m->tag);
    if (!make(m, &copy, e)) {
        return copy_end_of(e);
    }
    struct slice *texts = arena_array(m->arena, m->n_texts, sizeof(*texts));
    (void)memcpy(texts, m->texts, m->n_texts * sizeof(*texts));
    *out = (struct copy_made){.fd = copy, .texts = texts, .n_texts = m->n_texts};
    return COPY_MADE;
}

enum copy_end openpgp_copy(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                           struct copy_made *out, struct error *e)
{
    struct making m = {.keeper = k, .ask = ask, .arena = arena};

    if (!find_keys(&m, e)) {
        return copy_end_of(e);
    }
    find_signer(&m);
    return finish(&m, out, e);
}

enum copy_end openpgp_signed_copy(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                                  struct copy_made *out, struct error *e)
{
    struct making m = {.keeper = k, .ask = ask, .arena = arena, .signs_alone = true};

    find_signer(&m);
    if (!m.own) {
        (void)error_set(e, ERROR_INPUT, NO_KEY);
        return COPY_CANNOT;
    }
    return finish(&m, out, e);
}
