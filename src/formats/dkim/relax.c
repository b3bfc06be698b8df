#include <openssl/evp.h>

#include "formats/dkim/internal.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_space(uint8_t c)
{
    return is_blank(c) || c == '\r' || c == '\n';
}

/* OpenSSL's SHA-256 fails only when there is no memory or no SHA-256. */
static void must(int ok)
{
    if (ok != 1) {
        arena_panic("SHA-256 is not available");
    }
}

static void hash_add(EVP_MD_CTX *md, struct slice s)
{
    if (s.len) {
        must(EVP_DigestUpdate(md, s.ptr, s.len));
    }
}

static EVP_MD_CTX *hash_new(void)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    must(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL));
    return md;
}

static void hash_end(EVP_MD_CTX *md, uint8_t hash[static DKIM_DIGEST_LEN])
{
    must(EVP_DigestFinal_ex(md, hash, NULL));
    EVP_MD_CTX_free(md);
}

void dkim_relax_field(struct buf *out, const struct mail_field *field)
{
    struct slice rest = field->value;

    for (size_t i = 0; i < field->label.len; i++) {
        buf_add_byte(out, ascii_lower(field->label.ptr[i]));
    }
    buf_add_byte(out, ':');
    for (bool first = true; rest.len; first = false) {
        size_t len = 0;
        while (rest.len && is_space(rest.ptr[0])) {
            rest = slice_from(rest, 1);
        }
        while (len < rest.len && !is_space(rest.ptr[len])) {
            len++;
        }
        if (len && !first) {
            buf_add_byte(out, ' ');
        }
        buf_add(out, slice_head(rest, len));
        rest = slice_from(rest, len);
    }
}

void dkim_header_hash(const struct mail_field *const *picked, size_t n_picked,
                      struct slice signature_field, uint8_t hash[static DKIM_DIGEST_LEN])
{
    EVP_MD_CTX *md = hash_new();
    struct mail_field own = {0};
    size_t longest = signature_field.len;

    for (size_t i = 0; i < n_picked; i++) {
        longest = picked[i]->raw.len > longest ? picked[i]->raw.len : longest;
    }
    OWN(buf) struct buf line = {.max = longest + 2}; /* relaxing only shortens; and CRLF */
    for (size_t i = 0; i < n_picked; i++) {
        buf_reset(&line);
        dkim_relax_field(&line, picked[i]);
        buf_add_text(&line, "\r\n");
        hash_add(md, buf_slice(&line));
    }
    buf_reset(&line);
    if (mail_field_read(signature_field, &own)) {
        dkim_relax_field(&line, &own);
    }
    hash_add(md, buf_slice(&line));
    hash_end(md, hash);
}

/* Cut the lines at the end that hold nothing, or nothing but white space. */
static struct slice cut_empty_lines(struct slice body)
{
    size_t kept = body.len; /* ends behind a CRLF, or is the whole body */
    size_t at = body.len;

    for (;;) {
        while (at && is_blank(body.ptr[at - 1])) {
            at--;
        }
        if (at == 0) {
            return slice_head(body, 0);
        }
        bool after_crlf = at >= 2 && body.ptr[at - 1] == '\n' && body.ptr[at - 2] == '\r';
        if (!after_crlf) {
            return slice_head(body, kept);
        }
        kept = at;
        at -= 2;
    }
}

#define EACH(byte) (0x0101010101010101u * (byte))

/* Whether any of eight bytes is zero. */
static bool has_zero(uint64_t v)
{
    return ((v - EACH(1)) & ~v & EACH(0x80)) != 0;
}

/* Index of the first white space at or behind `from` that does not stay as it is: a tab, or a
 * space followed by white space, a CR or the end. A letter of megabytes is mostly base64: eight
 * bytes a step here, and one update of the hash for all that lies between. */
static size_t find_loose_space(struct slice s, size_t from)
{
    size_t i = from;

    for (; i + 9 <= s.len; i += 8) {
        uint64_t here = 0;
        uint64_t next = 0;
        (void)memcpy(&here, s.ptr + i, 8);
        (void)memcpy(&next, s.ptr + i + 1, 8);
        uint64_t space = here ^ EACH(' ');
        if (has_zero(here ^ EACH('\t')) || has_zero(space | (next ^ EACH(' '))) ||
            has_zero(space | (next ^ EACH('\r')))) {
            break;
        }
    }
    for (; i < s.len; i++) {
        bool last = i + 1 == s.len;
        if (s.ptr[i] == '\t' ||
            (s.ptr[i] == ' ' && (last || is_blank(s.ptr[i + 1]) || s.ptr[i + 1] == '\r'))) {
            return i;
        }
    }
    return i;
}

void dkim_body_hash(struct slice body, uint8_t hash[static DKIM_DIGEST_LEN])
{
    EVP_MD_CTX *md = hash_new();
    struct slice s = cut_empty_lines(body);
    size_t done = 0; /* hashed up to here */

    for (;;) {
        size_t at = find_loose_space(s, done);
        /* A space before a tab belongs to the same run; it is not hashed yet. */
        size_t start = at > done && at < s.len && s.ptr[at - 1] == ' ' ? at - 1 : at;
        hash_add(md, slice_from(slice_head(s, start), done));
        if (at == s.len) {
            break;
        }
        while (at < s.len && is_blank(s.ptr[at])) {
            at++;
        }
        bool line_end = at == s.len || slice_starts(slice_from(s, at), SLICE("\r\n"));
        hash_add(md, line_end ? SLICE_NONE : SLICE(" "));
        done = at;
    }
    if (s.len && !(s.len >= 2 && s.ptr[s.len - 1] == '\n' && s.ptr[s.len - 2] == '\r')) {
        hash_add(md, SLICE("\r\n"));
    }
    hash_end(md, hash);
}
