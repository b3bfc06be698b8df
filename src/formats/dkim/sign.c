#include <openssl/evp.h>

#include "formats/dkim/internal.h"

#define FOLD_AT    76    /* columns; only looks depend on it */
#define FIELD_MAX  16384 /* far beyond what names of 255 bytes and the lists here can fill */
#define PICKED_MAX 64    /* repeated fields beyond that stay unsigned: sound letters have none */

/* What is signed when it is there, and what is signed once more than it occurs. Sender and the
 * threads' fields are not: a mailing list may add them and leave the letter intact otherwise. */
static const struct {
    struct slice label;
    bool oversign;
} signed_fields[] = {
    {SLICE_INIT("From"),                      true },
    {SLICE_INIT("To"),                        true },
    {SLICE_INIT("Cc"),                        true },
    {SLICE_INIT("Subject"),                   true },
    {SLICE_INIT("Date"),                      true },
    {SLICE_INIT("Message-ID"),                true },
    {SLICE_INIT("Reply-To"),                  true },
    {SLICE_INIT("MIME-Version"),              true },
    {SLICE_INIT("Content-Type"),              true },
    {SLICE_INIT("Content-Transfer-Encoding"), true },
    {SLICE_INIT("Content-Disposition"),       false},
    {SLICE_INIT("Sender"),                    false},
    {SLICE_INIT("In-Reply-To"),               false},
    {SLICE_INIT("References"),                false},
    {SLICE_INIT("List-Unsubscribe"),          false}, /* RFC 8058 section 4 wants both signed */
    {SLICE_INIT("List-Unsubscribe-Post"),     false},
};

struct selection {
    const struct mail_field *picked[PICKED_MAX];
    size_t n_picked;
    struct buf *text; /* the field under construction */
    size_t column;
};

static const char *algorithm_name(enum dkim_algorithm algorithm)
{
    return algorithm == DKIM_ED25519_SHA256 ? "ed25519-sha256" : "rsa-sha256";
}

/* Append a name to h=, with a colon before it unless it is the first. */
static void list_name(struct selection *s, struct slice label, bool first)
{
    buf_add_text(s->text, first ? "" : ":");
    if (s->column + label.len + 2 > FOLD_AT) {
        buf_add_text(s->text, "\r\n\t");
        s->column = 8;
    }
    buf_add(s->text, label);
    s->column += label.len + 1;
}

/* Pick the fields from the last to the first of each name, which is how verifiers take them
 * (RFC 6376 section 5.4.2), and list their names. */
static void select_fields(struct selection *s, const struct mail_field *fields, size_t n_fields)
{
    bool first = true;

    for (size_t k = 0; k < sizeof(signed_fields) / sizeof(signed_fields[0]); k++) {
        struct slice label = signed_fields[k].label;
        for (size_t i = n_fields; i > 0 && s->n_picked < PICKED_MAX; i--) {
            if (slice_equal_nocase(fields[i - 1].label, label)) {
                s->picked[s->n_picked++] = &fields[i - 1];
                list_name(s, label, first);
                first = false;
            }
        }
        if (signed_fields[k].oversign) {
            list_name(s, label, first);
            first = false;
        }
    }
}

static void add_base64(struct buf *out, struct slice s)
{
    uint8_t *room = buf_room(out, (s.len + 2) / 3 * 4 + 1); /* and the NUL it writes */

    if (room) {
        out->len += (size_t)EVP_EncodeBlock(room, s.ptr, (int)s.len);
    }
}

void dkim_prepare(const struct mail_field *fields, size_t n_fields, const struct dkim_key *key,
                  const uint8_t body_hash[static DKIM_DIGEST_LEN], int64_t at_s,
                  struct arena *arena, struct dkim_draft *out)
{
    OWN(buf) struct buf text = {.max = FIELD_MAX};
    struct selection selection = {.text = &text, .column = 8 + 2};

    buf_printf(&text, "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\r\n\td=%.*s; s=%.*s;",
               algorithm_name(key->algorithm), SLICE_ARG(key->domain), SLICE_ARG(key->selector));
    buf_printf(&text, "\r\n\tt=%lld;\r\n\th=", (long long)at_s);
    select_fields(&selection, fields, n_fields);
    buf_add_text(&text, ";\r\n\tbh=");
    add_base64(&text, slice_of(body_hash, DKIM_DIGEST_LEN));
    buf_add_text(&text, ";\r\n\tb=");
    if (text.full) {
        arena_panic("a DKIM-Signature field outgrew its bounds");
    }
    out->field = arena_copy(arena, buf_slice(&text));
    dkim_header_hash(selection.picked, selection.n_picked, out->field, out->digest);
}

struct slice dkim_finish(const struct dkim_draft *draft, struct slice signature,
                         struct arena *arena)
{
    OWN(buf) struct buf base64 = {.max = 2 * FIELD_MAX};
    OWN(buf) struct buf field = {.max = 4 * FIELD_MAX};
    const size_t width = FOLD_AT - 10;

    add_base64(&base64, signature);
    buf_add(&field, draft->field);
    for (struct slice rest = buf_slice(&base64); rest.len; rest = slice_from(rest, width)) {
        buf_add(&field, slice_head(rest, width));
        buf_add_text(&field, rest.len > width ? "\r\n\t" : "");
    }
    buf_add_text(&field, "\r\n");
    if (base64.full || field.full) {
        arena_panic("a signature outgrew its bounds");
    }
    return arena_copy(arena, buf_slice(&field));
}

struct slice dkim_dns_text(enum dkim_algorithm algorithm, struct slice public_key,
                           struct arena *arena)
{
    OWN(buf) struct buf text = {.max = FIELD_MAX};

    buf_printf(&text,
               "v=DKIM1; h=sha256; k=%s; p=", algorithm == DKIM_ED25519_SHA256 ? "ed25519" : "rsa");
    add_base64(&text, public_key);
    if (text.full) {
        arena_panic("a public key outgrew its bounds");
    }
    return arena_copy(arena, buf_slice(&text));
}
