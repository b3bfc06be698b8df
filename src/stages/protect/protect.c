#include "stages/protect/protect.h"

#include <openssl/evp.h>

#include "base/buf.h"

#define ADDED_MAX      (48 << 10) /* Received, Date, Message-ID, Sender, Subject; names cut as below */
#define NAME_SHOWN_MAX 255        /* of what a client calls itself */
#define ADDED_FIELDS   5          /* as many fields */
#define LITERAL_MAX    (3u << 20) /* these, the signatures, and at worst a copied header */

struct maker {
    struct slice letter;
    const struct mail_header *header;
    const struct protect_context *context;
    struct arena *arena;
    struct mail_field *fields; /* of the copy, signatures aside */
    size_t n_fields;
};

static bool is_cut(const struct protect_context *c, const struct mail_field *f)
{
    for (size_t i = 0; i < c->n_cut; i++) {
        if (slice_equal_nocase(f->label, c->cut[i])) {
            return true;
        }
    }
    return f->name == MAIL_BCC || f->name == MAIL_RESENT_BCC || f->name == MAIL_RETURN_PATH ||
           (f->name == MAIL_SUBJECT && c->subject.len);
}

/* Append what a client said: a name's characters stay, all others become question marks, so that
 * nothing it says can end a field or a comment. */
static void add_name(struct buf *out, struct slice s)
{
    s = slice_head(s, NAME_SHOWN_MAX);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = ascii_lower(s.ptr[i]);
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        buf_add_byte(out, letter || (c && memchr("-._:[]", c, 6)) ? s.ptr[i] : '?');
    }
}

/* RFC 5321 section 4.4, but for the "from" clause when the client is not to be shown: where an
 * employee sits is nobody's business. */
static void add_received(struct buf *out, const struct protect_context *c, const char *date)
{
    buf_add_text(out, "Received: ");
    if (c->client_name.len || c->client_address.len) {
        buf_add_text(out, "from ");
        add_name(out, c->client_name.len ? c->client_name : SLICE("unknown"));
        if (c->client_address.len) {
            bool ip6 = slice_find(c->client_address, ':') != c->client_address.len;
            buf_add_text(out, ip6 ? " ([IPv6:" : " ([");
            add_name(out, c->client_address);
            buf_add_text(out, "])");
        }
        buf_add_text(out, "\r\n\t");
    }
    buf_add_text(out, "by ");
    add_name(out, c->host);
    buf_add_text(out, " (Postern)");
    if (c->tls_version.len) {
        /* The names: RFC 3848 and RFC 6531 section 4.3. */
        buf_add_text(out, c->utf8 ? " with UTF8SMTPS" : " with ESMTPS");
        buf_add_text(out, c->handed_on ? "" : "A");
    }
    buf_add_text(out, " id ");
    add_name(out, c->letter_id);
    if (c->tls_version.len) {
        buf_add_text(out, "\r\n\t(");
        add_name(out, c->tls_version);
        buf_add_text(out, " ");
        add_name(out, c->tls_cipher);
        buf_add_text(out, ")");
    }
    buf_printf(out, ";\r\n\t%s\r\n", date);
}

/* Append the fields that the submission server adds (RFC 6409 section 8.1 and 8.2). */
static void add_missing(struct maker *m, struct buf *out)
{
    const struct protect_context *c = m->context;
    char date[MAIL_DATE_MAX];

    mail_date_write(c->received_ms, date);
    if (!c->bare) {
        add_received(out, c, date);
    }
    if (!mail_header_find(m->header, MAIL_DATE)) {
        buf_printf(out, "Date: %s\r\n", date);
    }
    if (!mail_header_find(m->header, MAIL_MESSAGE_ID)) {
        buf_add_text(out, "Message-ID: ");
        buf_add(out, mail_id_make(c->random, c->host, m->arena));
        buf_add_text(out, "\r\n");
    }
    if (c->sender.len && !mail_header_find(m->header, MAIL_SENDER)) {
        buf_printf(out, "Sender: %.*s\r\n", SLICE_ARG(c->sender)); /* RFC 5322 section 3.6.2 */
    }
    buf_add(out, c->subject);
}

/* List the copy's fields: those added, then those of the letter that stay. */
static void list_fields(struct maker *m, struct slice added)
{
    m->fields = arena_array(m->arena, m->header->n_fields + ADDED_FIELDS, sizeof(*m->fields));
    while (added.len) {
        size_t len = 0;
        do { /* a line and its continuations */
            len += slice_find(slice_from(added, len), '\n') + 1;
        } while (len < added.len && (added.ptr[len] == '\t' || added.ptr[len] == ' '));
        if (mail_field_read(slice_head(added, len), &m->fields[m->n_fields])) {
            m->n_fields++;
        }
        added = slice_from(added, len);
    }
    for (size_t i = 0; i < m->header->n_fields; i++) {
        if (!is_cut(m->context, &m->header->fields[i])) {
            m->fields[m->n_fields++] = m->header->fields[i];
        }
    }
}

static bool add_signatures(struct maker *m, struct buf *out, struct error *e)
{
    const struct protect_context *c = m->context;
    uint8_t body_hash[DKIM_DIGEST_LEN];
    struct dkim_draft drafts[PROTECT_KEYS_MAX];
    struct protect_signature signatures[PROTECT_KEYS_MAX] = {0};
    size_t n = c->n_keys < PROTECT_KEYS_MAX ? c->n_keys : PROTECT_KEYS_MAX;

    if (n == 0) {
        return true;
    }
    dkim_body_hash(m->header->body, body_hash);
    for (size_t i = 0; i < n; i++) {
        dkim_prepare(m->fields, m->n_fields, &c->keys[i], body_hash, c->received_ms / 1000,
                     m->arena, &drafts[i]);
    }
    if (!c->sign(c->sign_ctx, drafts, n, signatures, e)) {
        return error_add(e, "sign as %.*s", SLICE_ARG(c->keys[0].domain));
    }
    for (size_t i = 0; i < n; i++) {
        if (signatures[i].len > PROTECT_SIGNATURE_MAX) {
            return error_set(e, ERROR_CORRUPT, "a signature of %zu bytes", signatures[i].len);
        }
        struct slice signature = slice_of(signatures[i].bytes, signatures[i].len);
        buf_add(out, dkim_finish(&drafts[i], signature, m->arena));
    }
    return true;
}

static void add_range(struct edit_script *s, size_t from, size_t to)
{
    if (to > from) {
        s->edits[s->n_edits++] = (struct edit){.offset = from, .length = to - from};
    }
}

/* The ranges of the letter that stay: all but the cut fields, the last with the body. */
static void add_ranges(struct maker *m, struct edit_script *s)
{
    size_t from = 0;

    for (size_t i = 0; i < m->header->n_fields; i++) {
        const struct mail_field *f = &m->header->fields[i];
        size_t at = (size_t)(f->raw.ptr - m->letter.ptr);
        if (is_cut(m->context, f)) {
            add_range(s, from, at);
            from = at + f->raw.len;
        }
    }
    add_range(s, from, m->letter.len);
}

static size_t count_cuts(const struct protect_context *c, const struct mail_header *h)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n_fields; i++) {
        n += is_cut(c, &h->fields[i]);
    }
    return n;
}

/* A header with very many fields to cut becomes part of the literal, so that a script stays
 * small enough for its record. */
static void copy_header(struct maker *m, struct buf *out)
{
    for (size_t i = 0; i < m->header->n_fields; i++) {
        if (!is_cut(m->context, &m->header->fields[i])) {
            buf_add(out, m->header->fields[i].raw);
        }
    }
}

static void must(int ok)
{
    if (ok != 1) {
        arena_panic("SHA-256 is not available");
    }
}

bool protect_piece(const struct edit *edit, struct slice letter, struct slice *bytes,
                   struct error *e)
{
    if (edit->literal) {
        *bytes = edit->bytes;
        return true;
    }
    if (edit->offset > letter.len || edit->length > letter.len - edit->offset) {
        return error_set(e, ERROR_CORRUPT, "an edit script reaches beyond its letter");
    }
    *bytes = slice_of(letter.ptr + edit->offset, (size_t)edit->length);
    return true;
}

bool protect_whole(struct edit_script *script, struct slice letter, struct arena *arena,
                   struct error *e)
{
    size_t n = script->n_edits + (size_t)(script->size / PROTECT_LITERAL_MAX);
    struct edit_script whole = *script;

    whole.edits = arena_array(arena, n + 1, sizeof(*whole.edits));
    whole.n_edits = 0;
    for (size_t i = 0; i < script->n_edits; i++) {
        struct slice piece = SLICE_NONE;
        if (!protect_piece(&script->edits[i], letter, &piece, e)) {
            return false;
        }
        while (piece.len) {
            struct slice part = slice_head(piece, PROTECT_LITERAL_MAX);
            whole.edits[whole.n_edits++] = (struct edit){.literal = true, .bytes = part};
            piece = slice_from(piece, part.len);
        }
    }
    *script = whole;
    return true;
}

/* Walk the copy for its size and digest. */
static bool measure(const struct edit_script *script, struct slice letter, uint64_t *size,
                    uint8_t digest[static PROTECT_DIGEST_LEN], struct error *e)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint64_t sum = 0;
    bool ok = true;

    must(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL));
    for (size_t i = 0; ok && i < script->n_edits; i++) {
        struct slice piece = SLICE_NONE;
        ok = protect_piece(&script->edits[i], letter, &piece, e);
        if (ok && piece.len) {
            must(EVP_DigestUpdate(md, piece.ptr, piece.len));
            sum += piece.len;
        }
    }
    must(EVP_DigestFinal_ex(md, digest, NULL));
    EVP_MD_CTX_free(md);
    *size = sum;
    return ok;
}

bool protect_letter(struct slice letter, const struct mail_header *header,
                    const struct protect_context *context, struct arena *arena,
                    struct edit_script *out, struct error *e)
{
    struct maker m = {.letter = letter, .header = header, .context = context, .arena = arena};
    struct edit_script s = {0};
    OWN(buf) struct buf added = {.max = ADDED_MAX};
    OWN(buf) struct buf literal = {.max = LITERAL_MAX};
    bool copied = count_cuts(context, header) >= PROTECT_RANGES_MAX;

    add_missing(&m, &added);
    list_fields(&m, buf_slice(&added));
    if (!add_signatures(&m, &literal, e)) {
        return false;
    }
    buf_add(&literal, buf_slice(&added));
    if (copied) {
        copy_header(&m, &literal);
    }
    if (added.full || literal.full) {
        return error_set(e, ERROR_LIMIT, "the header is too large to be signed");
    }
    s.edits = arena_array(arena, PROTECT_RANGES_MAX + 2, sizeof(*s.edits));
    s.edits[s.n_edits++] =
        (struct edit){.literal = true, .bytes = arena_copy(arena, buf_slice(&literal))};
    if (copied) {
        add_range(&s, header->bytes.len, letter.len);
    } else {
        add_ranges(&m, &s);
    }
    if (!measure(&s, letter, &s.size, s.digest, e)) {
        return false;
    }
    *out = s;
    return true;
}

bool protect_verify(const struct edit_script *script, struct slice letter, struct error *e)
{
    uint8_t digest[PROTECT_DIGEST_LEN];
    uint64_t size = 0;

    if (!measure(script, letter, &size, digest, e)) {
        return false;
    }
    if (size != script->size || memcmp(digest, script->digest, sizeof(digest)) != 0) {
        return error_set(e, ERROR_CORRUPT, "a rebuilt copy differs from the one that was recorded");
    }
    return true;
}
