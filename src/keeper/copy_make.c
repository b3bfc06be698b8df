#include "keeper/copy_make.h"

#include "conditions/labels.h"
#include "formats/mail/facts.h"
#include "keeper/copy_outside.h"
#include "keeper/internal.h"
#include "keeper/provider.h"
#include "keyring/keyring.h"
#include "letter/asserted.h"

#define HEADER_MAX ((size_t)4 << 20) /* of a protected letter */

static const struct mail_limits outside = {.letter_bytes = COPY_BYTES_MAX,
                                           .header_bytes = HEADER_MAX,
                                           .field_bytes = HEADER_MAX,
                                           .line_bytes = HEADER_MAX,
                                           .fields = 100000};

void copy_source_init(struct copy_source *s)
{
    keyring_random_bytes(s->random, sizeof(s->random));
    s->bare_fd = -1;
    s->bare = (struct memfd_map){.bytes = SLICE_NONE};
    s->cleaned = (struct copy_cleaned){.fd = -1};
    s->clean_end = COPY_MADE;
}

static void end_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void copy_source_done(struct copy_source *s)
{
    memfd_unmap(&s->bare);
    s->bare = (struct memfd_map){.bytes = SLICE_NONE};
    end_fd(&s->bare_fd);
    copy_cleaned_done(&s->cleaned);
}

void leaving_done(struct leaving *copy)
{
    memfd_unmap(&copy->whole);
    copy->whole = (struct memfd_map){.bytes = SLICE_NONE};
    end_fd(&copy->fd);
}

static struct mail_address from_of(const struct copy_source *s)
{
    struct mail_facts facts;

    mail_facts_read(s->header, s->facts->smtputf8, s->arena, &facts);
    return facts.from.count ? facts.from.items[0]
                            : (struct mail_address){SLICE_NONE, SLICE_NONE, SLICE_NONE};
}

static struct slice signature_name(const struct dkim_key *key, struct arena *arena)
{
    const char *algorithm = key->algorithm == DKIM_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256";

    return arena_printf(arena, "%s %.*s._domainkey.%.*s", algorithm, SLICE_ARG(key->selector),
                        SLICE_ARG(key->domain));
}

/* The recipe as a record; the script's literals and the record's share memory. */
static void describe(const struct copy_source *s, uint64_t number,
                     const struct protect_context *context, struct leaving *out)
{
    struct sealed_edit *edits = arena_array(s->arena, out->script.n_edits + 1, sizeof(*edits));
    struct slice *signatures = arena_array(s->arena, context->n_keys + 1, sizeof(*signatures));
    uint8_t *digest = arena_alloc(s->arena, PROTECT_DIGEST_LEN);

    for (size_t i = 0; i < out->script.n_edits; i++) {
        const struct edit *from = &out->script.edits[i];
        edits[i] = from->literal
                       ? (struct sealed_edit){.literal = from->bytes}
                       : (struct sealed_edit){.offset = from->offset, .len = from->length};
    }
    for (size_t i = 0; i < context->n_keys; i++) {
        signatures[i] = signature_name(&context->keys[i], s->arena);
    }
    (void)memcpy(digest, out->script.digest, PROTECT_DIGEST_LEN);
    out->sealed = (struct sealed){
        .id = s->facts->id,
        .copy = number,
        .digest = slice_of(digest, PROTECT_DIGEST_LEN),
        .size = out->script.size,
        .edits = {edits,      out->script.n_edits},
        .signatures = {signatures, context->n_keys    }
    };
}

/* Without the tags that are taken off. */
static struct slice subject_for(const struct copy_source *s)
{
    if (s->settings->labels.count == 0 || s->facts->kind == LETTER_NOTICE) {
        return SLICE_NONE;
    }
    const struct cbor_list labels = labels_find(s->facts, s->header, s->settings, s->arena);
    return labels_subject(&labels, s->header, s->settings, s->arena);
}

/* What is added to the letter and cut from it, but for the keys. */
static bool context_for(const struct copy_source *s, struct protect_context *out, struct error *e)
{
    const struct facts *f = s->facts;
    bool show_client = s->settings->submission.received_client_address;
    char *text = arena_alloc(s->arena, LETTER_ID_TEXT);
    const struct slice *marks = NULL;
    bool handed_on = asserted_is_mechanism(f->mechanism);
    size_t n_marks = keeper_provider_marks(s->settings, f->mechanism, s->arena, &marks);
    struct letter_id id;

    if (handed_on && n_marks == 0) { /* what of it must not leave is not known any more */
        return error_set(e, ERROR_BUSY, "the [connector] section by which it came is not there");
    }
    if (!letter_id_from(f->id, &id)) {
        return error_set(e, ERROR_CORRUPT, "facts without an id");
    }
    letter_id_text(&id, text);
    *out = (struct protect_context){
        .host = s->settings->general.hostname,
        .letter_id = slice_text(text),
        .received_ms = (int64_t)f->received_at,
        .client_name = show_client ? f->helo : SLICE_NONE,
        .client_address = show_client ? f->client : SLICE_NONE,
        .tls_version = f->tls_version,
        .tls_cipher = f->tls_cipher,
        .sender = f->behalf.from.len ? f->account : SLICE_NONE,
        .handed_on = handed_on,
        .cut = marks,
        .n_cut = n_marks,
        .subject = subject_for(s),
        .utf8 = f->smtputf8,
    };
    (void)memcpy(out->random, s->random, sizeof(out->random));
    return true;
}

/* The script over a letter, signed. */
static bool make_script(const struct copy_source *s, struct slice letter,
                        const struct mail_header *header, struct protect_context *context,
                        struct edit_script *out, struct error *e)
{
    struct dkim_key *keys = arena_array(s->arena, PROTECT_KEYS_MAX, sizeof(*keys));
    struct signing signing = {s->k, keys};

    if (!context_for(s, context, e)) {
        return false;
    }
    if (!s->facts->drill && /* nobody is to get phishing with our signature out of the archive */
        !keeper_dkim_keys(s->k, from_of(s).domain, s->arena, keys, &context->n_keys, e)) {
        return false;
    }
    if (header != s->header) { /* of a protected letter that is what its method shows */
        context->subject = SLICE_NONE;
    }
    context->keys = keys;
    context->sign = keeper_sign;
    context->sign_ctx = &signing;
    return protect_letter(letter, header, context, s->arena, out, e);
}

bool copy_make_plain(const struct copy_source *s, uint64_t number, struct leaving *out,
                     struct error *e)
{
    struct protect_context context;

    if (!make_script(s, s->content, s->header, &context, &out->script, e)) {
        return false;
    }
    describe(s, number, &context, out);
    return true;
}

/* ── protected ones ── */

static bool write_script(const struct edit_script *script, struct slice letter, int fd,
                         bool *has_8bit, struct error *e)
{
    for (size_t i = 0; i < script->n_edits; i++) {
        struct slice piece;
        if (!protect_piece(&script->edits[i], letter, &piece, e) || !memfd_add(fd, piece, e)) {
            return false;
        }
        *has_8bit = *has_8bit || !slice_is_ascii(piece);
    }
    return memfd_seal(fd, e);
}

/* The letter as it would leave unprotected, once for all methods. */
static bool make_bare(struct copy_source *s, struct error *e)
{
    OWN(fd) int fd = -1;
    struct protect_context context;
    struct edit_script script;
    bool has_8bit = false;

    if (s->bare_fd >= 0) {
        return true;
    }
    if (!context_for(s, &context, e)) {
        return false;
    }
    context.bare = true;
    if (!protect_letter(s->content, s->header, &context, s->arena, &script, e) ||
        !memfd_open("bare", &fd, e) || !write_script(&script, s->content, fd, &has_8bit, e) ||
        !memfd_map(fd, COPY_BYTES_MAX, &s->bare, e)) {
        return false;
    }
    s->bare_fd = TAKE(fd, -1);
    return true;
}

enum copy_end copy_ask_method(struct copy_source *s, const struct copy_method *method, bool clean,
                              const uint16_t *indexes, size_t n, struct copy_made *made,
                              struct error *e)
{
    const struct recipient *all = s->facts->recipients.items;
    struct slice *recipients = arena_array(s->arena, n + 1, sizeof(*recipients));
    struct mail_address from = from_of(s);

    if (!make_bare(s, e)) {
        return COPY_LATER;
    }
    for (size_t i = 0; i < n; i++) {
        recipients[i] = all[indexes[i]].address;
    }
    bool other = clean && s->cleaned.changed;
    const struct copy_ask ask = {.letter = other ? s->cleaned.map.bytes : s->bare.bytes,
                                 .letter_fd = other ? s->cleaned.fd : s->bare_fd,
                                 .facts = s->facts,
                                 .sender = from.domain.len ? mail_address_text(&from, s->arena)
                                                           : SLICE_NONE,
                                 .recipients = recipients,
                                 .n_recipients = n};
    return method->make(s->k, &ask, s->arena, made, e);
}

static struct cbor_list texts_of(const struct copy_source *s, const struct copy_made *made)
{
    size_t n = made->n_texts < COPY_TEXTS_MAX ? made->n_texts : COPY_TEXTS_MAX;
    struct slice *texts = arena_array(s->arena, n + 1, sizeof(*texts));

    for (size_t i = 0; i < n; i++) {
        texts[i] = letter_text(s->arena, made->texts[i], COPY_TEXT_MAX);
    }
    return (struct cbor_list){texts, n};
}

static enum copy_end too_large(uint64_t size, struct error *e)
{
    (void)error_set(e, ERROR_LIMIT, "protected it has %llu MiB, more than %llu can be recorded",
                    (unsigned long long)(size >> 20), (unsigned long long)(COPY_BYTES_MAX >> 20));
    return COPY_CANNOT;
}

/* Against the letter that it was made from. */
static bool shows_its_letter(const struct copy_source *s, const struct mail_header *made)
{
    struct mail_header bare;

    mail_header_read(s->bare.bytes, &outside, s->facts->smtputf8, s->arena, &bare);
    return copy_outside_is_of(&bare, made);
}

enum copy_end copy_make_protected(const struct copy_source *s, uint64_t number, uint64_t rung,
                                  const struct copy_made *made, struct leaving *out,
                                  struct error *e)
{
    struct protect_context context;
    struct mail_header header;

    if (!memfd_map(made->fd, COPY_BYTES_MAX, &out->whole, e)) {
        return e->kind == ERROR_BUSY ? COPY_LATER : COPY_CANNOT;
    }
    mail_header_read(out->whole.bytes, &outside, s->facts->smtputf8, s->arena, &header);
    if (header.defect != MAIL_SOUND) {
        (void)error_set(e, ERROR_INPUT, "what protects it made a header with a defect in line %zu",
                        header.defect_line);
        return COPY_CANNOT;
    }
    if (!shows_its_letter(s, &header)) {
        keeper_alert(
            s->k, "copy-altered",
            "what protects a letter names another sender, recipient or date than the letter: it "
            "does not leave so. A process that reads letters may have been taken over");
        (void)error_set(e, ERROR_INPUT, "what protects it changed its header");
        return COPY_CANNOT;
    }
    if (!make_script(s, out->whole.bytes, &header, &context, &out->script, e) ||
        !protect_whole(&out->script, out->whole.bytes, s->arena, e)) {
        return e->kind == ERROR_LIMIT ? COPY_CANNOT : COPY_LATER;
    }
    if (out->script.size > COPY_BYTES_MAX) {
        return too_large(out->script.size, e);
    }
    describe(s, number, &context, out);
    out->generated = made->generated;
    out->told = made->told;
    out->sealed.method = rung;
    out->sealed.protection = texts_of(s, made);
    return COPY_MADE;
}

/* ── cleaned ones ── */

enum copy_end copy_make_clean(struct copy_source *s, struct error *e)
{
    if (s->cleaned.made) {
        return COPY_MADE;
    }
    if (s->clean_end != COPY_MADE) {
        *e = s->clean_error;
        return s->clean_end;
    }
    if (!make_bare(s, e)) {
        return COPY_LATER;
    }
    const struct copy_ask ask = {
        .letter = s->bare.bytes, .letter_fd = s->bare_fd, .facts = s->facts};
    s->clean_end = copy_clean(s->k, &ask, s->arena, &s->cleaned, e);
    if (s->clean_end != COPY_MADE) {
        s->clean_error = *e;
    }
    return s->clean_end;
}

enum copy_end copy_make_cleaned(const struct copy_source *s, uint64_t number, struct leaving *out,
                                struct error *e)
{
    const struct copy_made made = {.fd = s->cleaned.fd};

    if (!s->cleaned.changed) {
        return copy_make_plain(s, number, out, e) ? COPY_MADE : COPY_LATER;
    }
    return copy_make_protected(s, number, RUNG_NONE, &made, out, e);
}

void copy_note_cleaned(const struct copy_source *s, struct leaving *copy)
{
    static const struct slice nothing = SLICE_INIT("nothing was found to take out");

    copy->sealed.metadata = s->cleaned.texts.count
                                ? s->cleaned.texts
                                : (struct cbor_list){(void *)(uintptr_t)&nothing, 1};
}

/* For the first attempt, which usually follows at once; where too many wait in memory already none is written: then parcel_copy() makes
 * it, and looks for bytes above 127, when its turn comes. What was declared is no matter: clients say SMTPUTF8 and 8BITMIME of
 * letters that need neither. */
bool copy_keep(struct leaving *copy, struct slice content, struct error *e)
{
    OWN(fd) int fd = -1;

    if (!parcel_may_keep_copy(copy->script.size)) {
        return true;
    }
    if (!memfd_open("copy", &fd, e) ||
        !write_script(&copy->script, content, fd, &copy->has_8bit, e)) {
        return false;
    }
    copy->fd = TAKE(fd, -1);
    return true;
}
