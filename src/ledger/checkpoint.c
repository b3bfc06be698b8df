#include "ledger/checkpoint.h"

#include <openssl/evp.h>

#include "keyring/digest.h"

#define ROOT_BASE64 44 /* 32 bytes */
#define SIG_BASE64  92 /* 4 + 64 bytes */
#define KEY_BASE64  44 /* 1 + 32 bytes */
#define KEY_ID_LEN  4
#define ALGORITHM   0x01 /* Ed25519, C2SP signed-note */
#define SIGNERS_MAX 16
#define BASE64_MAX  128
#define SIZE_DIGITS 20

static const struct slice dash = SLICE_INIT("\xe2\x80\x94 ");

OWN_BY(pkey, EVP_PKEY, EVP_PKEY_free)
OWN_BY(md_context, EVP_MD_CTX, EVP_MD_CTX_free)

static void add_base64(struct buf *out, struct slice s)
{
    uint8_t text[BASE64_MAX];
    int n = EVP_EncodeBlock(text, s.ptr, (int)s.len);
    buf_add(out, slice_of(text, n > 0 ? (size_t)n : 0));
}

/* Decode exactly `len` bytes. OpenSSL forgives much; comparing with what encoding gives does not. */
static bool read_base64(struct slice text, uint8_t *out, size_t len)
{
    uint8_t bytes[BASE64_MAX];
    OWN(buf) struct buf again = {.max = BASE64_MAX};

    if (text.len != (len + 2) / 3 * 4 || text.len >= sizeof(bytes)) {
        return false;
    }
    if (EVP_DecodeBlock(bytes, text.ptr, (int)text.len) < (int)len) {
        return false;
    }
    add_base64(&again, slice_of(bytes, len));
    if (!slice_equal(buf_slice(&again), text)) {
        return false;
    }
    (void)memcpy(out, bytes, len);
    return true;
}

static void key_id(struct slice name, const uint8_t public_key[static CHECKPOINT_KEY_LEN],
                   uint8_t id[static KEY_ID_LEN])
{
    static const uint8_t separator[2] = {'\n', ALGORITHM};
    uint8_t digest[DIGEST_LEN];
    OWN(digest) struct digest *d = digest_new();

    digest_add(d, name);
    digest_add(d, SLICE_ARRAY(separator));
    digest_add(d, slice_of(public_key, CHECKPOINT_KEY_LEN));
    digest_end(d, digest);
    (void)memcpy(id, digest, KEY_ID_LEN);
}

void checkpoint_text(const struct checkpoint *c, struct buf *out)
{
    buf_add(out, c->origin);
    buf_printf(out, "\n%llu\n", (unsigned long long)c->size);
    add_base64(out, SLICE_ARRAY(c->root));
    buf_add_byte(out, '\n');
}

void checkpoint_note(const struct checkpoint *c, struct slice name,
                     const uint8_t public_key[static CHECKPOINT_KEY_LEN],
                     const uint8_t signature[static CHECKPOINT_SIGNED_LEN], struct buf *out)
{
    uint8_t line[KEY_ID_LEN + CHECKPOINT_SIGNED_LEN];

    checkpoint_text(c, out);
    buf_add_byte(out, '\n');
    buf_add(out, dash);
    buf_add(out, name);
    buf_add_byte(out, ' ');
    key_id(name, public_key, line);
    (void)memcpy(line + KEY_ID_LEN, signature, CHECKPOINT_SIGNED_LEN);
    add_base64(out, SLICE_ARRAY(line));
    buf_add_byte(out, '\n');
}

/* Split at the first empty line: the text keeps its last LF, *signatures begins behind the empty line. */
static bool split(struct slice note, struct slice *text, struct slice *signatures)
{
    if (note.len > CHECKPOINT_NOTE_MAX || !slice_is_utf8(note)) {
        return false;
    }
    for (size_t i = 0; i + 1 < note.len; i++) {
        if (note.ptr[i] == '\n' && note.ptr[i + 1] == '\n') {
            *text = slice_head(note, i + 1);
            *signatures = slice_from(note, i + 2);
            return true;
        }
    }
    return false;
}

/* Cut off the first line, which must end in LF. */
static bool take_line(struct slice *rest, struct slice *line)
{
    size_t at = slice_find(*rest, '\n');

    if (at == rest->len) {
        return false;
    }
    *line = slice_head(*rest, at);
    *rest = slice_from(*rest, at + 1);
    return true;
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] == '+' || s.ptr[i] == 0x7f) {
            return false;
        }
    }
    return s.len > 0 && s.len <= CHECKPOINT_NAME_MAX;
}

static bool is_size(struct slice s, uint64_t *size)
{
    return s.len <= SIZE_DIGITS && (s.len == 1 || (s.len && s.ptr[0] != '0')) &&
           slice_decimal(s, UINT64_MAX, size);
}

static bool read_text(struct slice text, struct checkpoint *out)
{
    struct slice origin = SLICE_NONE;
    struct slice size = SLICE_NONE;
    struct slice root = SLICE_NONE;
    struct checkpoint c = {0};

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' && text.ptr[i] != '\n') {
            return false;
        }
    }
    if (!take_line(&text, &origin) || !take_line(&text, &size) || !take_line(&text, &root)) {
        return false;
    }
    if (!is_name(origin) || !is_size(size, &c.size) || !read_base64(root, c.root, sizeof(c.root))) {
        return false;
    }
    c.origin = origin;
    *out = c; /* what follows are extension lines, which say nothing to us */
    return true;
}

/* A signature line is "dash name base64"; *name and *bytes are what it holds. */
static bool read_signature(struct slice line, struct slice *name, struct slice *base64)
{
    if (!slice_starts(line, dash)) {
        return false;
    }
    *name = slice_cut(slice_from(line, dash.len), ' ', base64);
    return is_name(*name) && base64->len > 0;
}

static bool signatures_well_formed(struct slice signatures)
{
    struct slice line = SLICE_NONE;
    struct slice name = SLICE_NONE;
    struct slice base64 = SLICE_NONE;
    size_t n = 0;

    while (signatures.len) {
        if (!take_line(&signatures, &line) || !read_signature(line, &name, &base64) ||
            ++n > SIGNERS_MAX) {
            return false;
        }
    }
    return n > 0;
}

static bool read_note(struct slice note, struct slice *text, struct slice *signatures,
                      struct checkpoint *out, struct error *e)
{
    if (!split(note, text, signatures) || !signatures_well_formed(*signatures) ||
        !read_text(*text, out)) {
        return error_set(e, ERROR_INPUT, "this is not a signed checkpoint");
    }
    return true;
}

bool checkpoint_read(struct slice note, struct checkpoint *out, struct error *e)
{
    struct slice text = SLICE_NONE;
    struct slice signatures = SLICE_NONE;
    return read_note(note, &text, &signatures, out, e);
}

static bool signed_by(struct slice text, const uint8_t *public_key, const uint8_t *signature)
{
    OWN(pkey)
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, CHECKPOINT_KEY_LEN);
    OWN(md_context) EVP_MD_CTX *c = EVP_MD_CTX_new();

    return key && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) == 1 &&
           EVP_DigestVerify(c, signature, CHECKPOINT_SIGNED_LEN, text.ptr, text.len) == 1;
}

bool checkpoint_verify(struct slice note, struct slice name,
                       const uint8_t public_key[static CHECKPOINT_KEY_LEN], struct checkpoint *out,
                       struct error *e)
{
    struct slice text = SLICE_NONE;
    struct slice signatures = SLICE_NONE;
    struct slice line = SLICE_NONE;
    struct checkpoint c;
    uint8_t id[KEY_ID_LEN];
    uint8_t bytes[KEY_ID_LEN + CHECKPOINT_SIGNED_LEN];

    if (!read_note(note, &text, &signatures, &c, e)) {
        return false;
    }
    key_id(name, public_key, id);
    while (signatures.len && take_line(&signatures, &line)) {
        struct slice signer = SLICE_NONE;
        struct slice base64 = SLICE_NONE;
        if (read_signature(line, &signer, &base64) && slice_equal(signer, name) &&
            read_base64(base64, bytes, sizeof(bytes)) && memcmp(bytes, id, sizeof(id)) == 0 &&
            signed_by(text, public_key, bytes + KEY_ID_LEN)) {
            *out = c;
            return true;
        }
    }
    return error_set(e, ERROR_DENIED, "the checkpoint has no valid signature of this key");
}

void checkpoint_verifier(struct slice name, const uint8_t public_key[static CHECKPOINT_KEY_LEN],
                         struct buf *out)
{
    uint8_t id[KEY_ID_LEN];
    uint8_t key[1 + CHECKPOINT_KEY_LEN] = {ALGORITHM};

    key_id(name, public_key, id);
    (void)memcpy(key + 1, public_key, CHECKPOINT_KEY_LEN);
    buf_add(out, name);
    buf_printf(out, "+%02x%02x%02x%02x+", id[0], id[1], id[2], id[3]);
    add_base64(out, SLICE_ARRAY(key));
}

bool checkpoint_read_verifier(struct slice line, struct slice *name,
                              uint8_t public_key[static CHECKPOINT_KEY_LEN], struct error *e)
{
    struct slice rest = SLICE_NONE;
    uint8_t key[1 + CHECKPOINT_KEY_LEN];
    OWN(buf) struct buf again = {.max = CHECKPOINT_NOTE_MAX};

    struct slice read = slice_cut(line, '+', &rest);
    (void)slice_cut(rest, '+', &rest);
    if (!is_name(read) || !read_base64(rest, key, sizeof(key)) || key[0] != ALGORITHM) {
        return error_set(e, ERROR_INPUT, "this is not an Ed25519 verifier line");
    }
    checkpoint_verifier(read, key + 1, &again); /* with the hash that belongs to it */
    if (!slice_equal(buf_slice(&again), line)) {
        return error_set(e, ERROR_INPUT, "the verifier line's hash does not fit its key");
    }
    *name = read;
    (void)memcpy(public_key, key + 1, CHECKPOINT_KEY_LEN);
    return true;
}
