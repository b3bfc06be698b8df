/* S/MIME: which certificates, and the copy that is encrypted with them. What is read or built is an inspector's work, who signs
 * is the signer; here it is only decided with what. */
#include "keeper/smime.h"

#include "base/bytes.h"
#include "base/clock.h"

#include "formats/cms/signing.h"
#include "host/memfd.h"
#include "keeper/copies.h"
#include "keeper/internal.h"
#include "keeper/life.h"
#include "keeper/recipient_keys.h"
#include "keeper/recipients.h"
#include "keeper/smime_copy.h"
#include "keeper/smime_find.h"
#include "keeper/smime_judge.h"
#include "requests/smime.h"
#include "stages/retention/term.h"

#define NO_CERTIFICATE "the sender has no certificate of ours: see `postern smime issue`"

/* As whoever builds the copy reads it. */
static const struct mail_limits limits = {.letter_bytes = LETTER_BYTES_MAX,
                                          .header_bytes = LETTER_BYTES_MAX,
                                          .field_bytes = LETTER_BYTES_MAX,
                                          .line_bytes = LETTER_BYTES_MAX,
                                          .fields = 100000};

static bool holds_now(const struct recipient_key *key)
{
    uint64_t now = (uint64_t)clock_wall_ms();

    return key->kind == RECIPIENT_SMIME && key->not_before <= now &&
           (key->not_after == 0 || now < key->not_after);
}

/* The first good one of that rank; `why` is of the first that was looked at, or of the good one. */
static bool find_of(struct keeper *k, const struct recipient_keys *all, unsigned of,
                    struct arena *arena, const struct recipient_key **best, bool *found,
                    struct slice *why, struct error *e)
{
    const struct recipient_key *keys = all->keys.items;

    for (size_t i = 0; i < all->keys.count && !*found; i++) {
        struct slice said = SLICE("it has expired or is not valid yet");
        if (keys[i].kind != RECIPIENT_SMIME || recipient_key_rank(&keys[i]) != of) {
            continue;
        }
        if (holds_now(&keys[i]) &&
            !smime_worth_of(k, &keys[i], all->address, arena, found, &said, e)) {
            return false;
        }
        if (*found || !*best) {
            *best = &keys[i];
            *why = arena_printf(arena, "the certificate %.*s: %.*s",
                                SLICE_ARG(slice_head(keys[i].fingerprint, 16)), SLICE_ARG(said));
        }
    }
    return true;
}

struct finding {
    struct keeper *keeper;
    struct slice address;
    struct arena *arena;
    bool asks;                   /* the places where certificates are */
    bool later;                  /* one could not be asked now */
    bool gone;                   /* one has not any more what it had */
    const char *note;            /* what one had that is of no use; NULL: nothing */
    struct recipient_keys known; /* as they are now */
};

/* What was found in a place where nobody looks any more goes: it would stand in the way of the same certificate from another. */
static bool forget(struct finding *f, unsigned of, struct error *e)
{
    const struct recipient_key *keys = f->known.keys.items;
    const enum recipient_key_source source =
        of == RECIPIENT_RANK_DIRECTORY ? RECIPIENT_LDAP : RECIPIENT_SMIMEA;
    bool any = false;

    for (size_t i = 0; i < f->known.keys.count; i++) {
        any = any || keys[i].source == source;
    }
    if (!any) {
        return true;
    }
    bool done = recipient_keys_forget(f->keeper, f->address, source,
                                      SLICE("the settings do not let us look there any more"),
                                      f->arena, &any, e);
    smime_find_anew(f->address, f->arena);
    f->gone = true;
    return done;
}

/* Whether what is here from places of that rank counts: what was asked for of late. */
static bool look(struct finding *f, unsigned of, struct error *e)
{
    struct smime_found found = {.state = SMIME_FIND_KNOWN};
    bool asked = f->asks && (of == RECIPIENT_RANK_DIRECTORY || of == RECIPIENT_RANK_DOMAIN);

    if (asked && of == RECIPIENT_RANK_DIRECTORY) {
        /* -fanalyzer: it takes what a function of another file returns for unset */
        found = smime_find_directory(f->keeper, f->address, f->arena);
    } else if (asked) {
        found = smime_find_dns(f->keeper, f->address, f->arena); /* -fanalyzer: as above */
    }
    f->later = f->later || found.state == SMIME_FIND_LATER ||
               (found.state == SMIME_FIND_OFF && !forget(f, of, e));
    f->note = found.note ? found.note : f->note;
    f->gone = f->gone || found.gone;
    if (found.state == SMIME_FIND_KNOWN && asked) {
        f->later = !recipient_keys_of(f->keeper, f->address, f->arena, &f->known, e);
    }
    return found.state == SMIME_FIND_KNOWN && !f->later;
}

/* What a place of more weight may have is waited for: nothing of less stands in for it. */
static bool look_at_all(struct finding *f, const struct recipient_key **best, bool *found,
                        struct slice *why, struct error *e)
{
    *best = NULL;
    *found = false;
    *why = SLICE("no certificate of the recipient is known");
    f->gone = false;
    f->note = NULL;
    for (unsigned of = RECIPIENT_RANK_BEST; of > 0 && !*found && !f->later; of--) {
        if (look(f, of, e) && !find_of(f->keeper, &f->known, of, f->arena, best, found, why, e)) {
            return false;
        }
    }
    return true;
}

/* What one place has not any more another one of more weight may have, which was looked at before: once more. */
static bool find(struct finding *f, struct recipient_key *out, bool *found, struct slice *why,
                 struct error *e)
{
    const struct recipient_key *best = NULL;

    *found = false;
    if (!recipient_keys_of(f->keeper, f->address, f->arena, &f->known, e) ||
        !look_at_all(f, &best, found, why, e) ||
        (f->gone && !f->later && !look_at_all(f, &best, found, why, e))) {
        return false;
    }
    if (best) {
        *out = *best;
    } else if (f->note) {
        *why = slice_text(f->note);
    }
    return !f->later ||
           error_set(e, ERROR_BUSY, "a certificate of the recipient cannot be looked for now");
}

bool smime_of(struct keeper *k, struct slice address, struct arena *arena,
              struct recipient_key *out, bool *found, struct slice *why, struct error *e)
{
    struct finding f = {.keeper = k, .address = address, .arena = arena, .asks = true};

    return find(&f, out, found, why, e);
}

bool smime_known(struct keeper *k, struct slice address, struct arena *arena,
                 struct recipient_key *out, bool *found, struct slice *why, struct error *e)
{
    struct finding f = {.keeper = k, .address = address, .arena = arena};

    return find(&f, out, found, why, e);
}

bool smime_own(struct keeper *k, struct slice address, struct arena *arena,
               struct recipient_key *out, bool *found, struct error *e)
{
    struct recipient_keys all;

    *found = false;
    if (address.len == 0) {
        return true;
    }
    if (!recipient_keys_of(k, address, arena, &all, e)) {
        return false;
    }
    const struct recipient_key *keys = all.keys.items;
    for (size_t i = 0; i < all.keys.count && !*found; i++) {
        *found = keys[i].own.len && holds_now(&keys[i]);
        *out = keys[i];
    }
    return true;
}

/* ── for the policy ── */

void recipients_smime(struct keeper *k, const struct facts *f, struct slice address,
                      struct arena *arena, struct recipient_state *out)
{
    OWN(buf) struct buf day = {.max = 32};
    struct recipient_key key = {0};
    struct error e = {0};
    struct slice why;
    bool found = false;

    (void)f;
    if (!smime_of(k, address, arena, &key, &found, &why, &e)) {
        out->smime.why = arena_printf(arena, "its certificate cannot be looked at now");
        out->smime.later = e.kind != ERROR_INPUT && e.kind != ERROR_LIMIT;
        return;
    }
    out->smime.usable = found;
    out->smime.why = why;
    if (found) {
        retention_day_write((int64_t)key.not_after, &day);
        out->smime.why =
            arena_printf(arena, "a certificate until %.*s", SLICE_ARG(buf_slice(&day)));
    }
}

static struct slice key_text(const struct recipient_key *key, struct arena *arena)
{
    return arena_printf(arena, "%.*s, certificate %.*s", SLICE_ARG(key->algorithm),
                        SLICE_ARG(slice_head(key->fingerprint, 16)));
}

void senders_smime(struct keeper *k, struct slice sender, struct arena *arena,
                   struct recipient_fact *out)
{
    struct recipient_key key = {0};
    struct error e = {0};
    bool found = false;

    if (!smime_own(k, sender, arena, &key, &found, &e)) {
        *out = (struct recipient_fact){
            .why = SLICE("the sender's certificate cannot be looked at now"),
            .later = copy_end_of(&e) == COPY_LATER};
        return;
    }
    *out = (struct recipient_fact){.usable = found,
                                   .why = found ? key_text(&key, arena) : SLICE(NO_CERTIFICATE)};
}

/* ── the copy ── */

struct copying {
    struct keeper *keeper;
    const struct copy_ask *ask;
    struct arena *arena;
    struct copy_made *out;
    struct recipient_key *keys; /* of the recipients; NULL: it is signed alone */
    struct recipient_key own;   /* of the sender */
    bool signs;
    uint8_t tag[INSPECTOR_SENDER_LEN];
    int letter;
};

static void say(struct copying *c, struct slice text)
{
    if (c->out->n_texts < COPY_TEXTS_MAX) {
        c->out->texts[c->out->n_texts++] = letter_text(c->arena, text, COPY_TEXT_MAX);
    }
}

static enum copy_end find_keys(struct copying *c, struct error *e)
{
    c->keys = arena_array(c->arena, c->ask->n_recipients, sizeof(*c->keys));
    for (size_t i = 0; i < c->ask->n_recipients; i++) {
        struct slice why;
        bool found = false;
        if (!smime_of(c->keeper, c->ask->recipients[i], c->arena, &c->keys[i], &found, &why, e)) {
            return copy_end_of(e);
        }
        if (!found) {
            (void)error_set(e, ERROR_INPUT, "%.*s", SLICE_ARG(why));
            return COPY_CANNOT;
        }
    }
    return smime_own(c->keeper, c->ask->sender, c->arena, &c->own, &c->signs, e) ? COPY_MADE
                                                                                 : copy_end_of(e);
}

/* Have the letter signed. What is signed is written here, of the letter that we have: no reader has a say in it. */
static bool sign(struct copying *c, struct smime_seal_ask *seal, struct error *e)
{
    struct mail_header header;
    struct signer_signature signature;
    struct cms_draft draft;

    mail_header_read(c->ask->letter, &limits, true, c->arena, &header);
    if (header.defect != MAIL_SOUND) {
        return error_set(e, ERROR_INPUT, "the letter's header cannot be read");
    }
    if (!cms_draft_write(&header, seal->encrypt, c->own.bytes, clock_wall_ms() / 1000, c->arena,
                         &draft, e)) {
        return false;
    }
    const struct signer_smime_sign_ask ask = {.key = c->own.own,
                                              .digest = SLICE_ARRAY(draft.digest)};
    if (!ipc_call(c->keeper->options.signer, &signer_smime_sign, &ask, -1, &signature, NULL,
                  c->arena, KEEPER_ASK_MS, e)) {
        return error_add(e, "sign by S/MIME");
    }
    seal->signer = c->own.bytes;
    seal->attributes = draft.attributes;
    seal->signature = signature.signature;
    return true;
}

static void say_all(struct copying *c, const struct smime_seal_answer *made)
{
    struct arena *a = c->arena;

    if (!c->keys) {
        say(c, SLICE("header and content are signed, and can be read by everybody"));
        say(c, arena_printf(a, "signed by %.*s: %.*s, SHA-256", SLICE_ARG(c->ask->sender),
                            SLICE_ARG(key_text(&c->own, a))));
        return;
    }
    for (size_t i = 0; i < c->ask->n_recipients; i++) {
        say(c, arena_printf(a, "encrypted for %.*s: %.*s", SLICE_ARG(c->ask->recipients[i]),
                            SLICE_ARG(key_text(&c->keys[i], a))));
    }
    say(c, c->signs ? arena_printf(a, "signed by %.*s: %.*s, SHA-256", SLICE_ARG(c->ask->sender),
                                   SLICE_ARG(key_text(&c->own, a)))
                    : arena_printf(a, "not signed: %.*s has no certificate of ours",
                                   SLICE_ARG(c->ask->sender)));
    say(c, slice_text(made->gcm ? "content: AES-256-GCM, which all recipients read"
                                : "content: AES-256-CBC, which every program reads; not all "
                                  "recipients have shown that theirs reads AES-GCM"));
    if (made->n_oaep) {
        say(c, arena_printf(a, "key: RSA-OAEP with SHA-256 for %u", (unsigned)made->n_oaep));
    }
    if (made->n_rsa) {
        say(c, arena_printf(a,
                            "key: RSA PKCS #1 v1.5 for %u, which every program reads; RSA-OAEP was "
                            "not shown to be read",
                            (unsigned)made->n_rsa));
    }
    if (made->n_ecdh) {
        say(c, arena_printf(a, "key: ECDH with SHA-256 for %u", (unsigned)made->n_ecdh));
    }
    say(c, made->outer);
}

static enum copy_end seal(struct copying *c, struct error *e)
{
    const struct settings *settings = c->keeper->options.settings(c->keeper->options.context);
    size_t n = c->keys ? c->ask->n_recipients : 0;
    struct smime_copy_recipient *to = arena_array(c->arena, n + 1, sizeof(*to));
    struct smime_seal_ask ask = {
        .sender = SLICE_ARRAY(c->tag),
        .encrypt = c->keys != NULL,
        .recipients = {to, n},
        .modern = settings->smime.modern
    };
    struct smime_seal_answer made;
    int fd = -1;

    for (size_t i = 0; i < n; i++) {
        to[i] = (struct smime_copy_recipient){c->keys[i].bytes, c->keys[i].reads};
    }
    if ((c->signs && !sign(c, &ask, e)) ||
        !ipc_call(c->keeper->options.inspector, &inspector_smime_seal, &ask, c->letter, &made, &fd,
                  c->arena, KEEPER_ASK_MS, e)) {
        return copy_end_of(e);
    }
    c->out->texts = arena_array(c->arena, COPY_TEXTS_MAX, sizeof(struct slice));
    c->out->fd = fd;
    say_all(c, &made);
    return COPY_MADE;
}

enum copy_end smime_copy(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                         struct copy_made *out, struct error *e)
{
    OWN(fd) int letter = -1;
    struct copying c = {.keeper = k, .ask = ask, .arena = arena, .out = out};

    if (ask->n_recipients == 0 || ask->n_recipients > SMIME_COPY_RECIPIENTS_MAX) {
        (void)error_set(e, ERROR_LIMIT, "a copy is encrypted for 1 to %d recipients",
                        SMIME_COPY_RECIPIENTS_MAX);
        return COPY_CANNOT;
    }
    if (!memfd_from("letter", ask->letter, &letter, e)) {
        return COPY_LATER;
    }
    keeper_life_of_sender(ask->facts, c.tag);
    c.letter = letter;
    enum copy_end end = find_keys(&c, e);
    return end == COPY_MADE ? seal(&c, e) : end;
}

enum copy_end smime_signed_copy(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                                struct copy_made *out, struct error *e)
{
    OWN(fd) int letter = -1;
    struct copying c = {.keeper = k, .ask = ask, .arena = arena, .out = out};

    if (!memfd_from("letter", ask->letter, &letter, e) ||
        !smime_own(k, ask->sender, arena, &c.own, &c.signs, e)) {
        return copy_end_of(e);
    }
    keeper_life_of_sender(ask->facts, c.tag);
    c.letter = letter;
    bool may = c.signs || error_set(e, ERROR_INPUT, NO_CERTIFICATE);
    return may ? seal(&c, e) : COPY_CANNOT;
}
