#include "verify/note.h"

#include <openssl/evp.h>

#define ED25519     1 /* the algorithm's number in a C2SP signed note */
#define SIGNERS_MAX 16
#define DASH        "\xe2\x80\x94 "
#define DASH_LEN    4

static struct view cut(struct view s, size_t from, size_t to)
{
    return (struct view){s.at + from, to - from};
}

static size_t find(struct view s, uint8_t byte)
{
    const uint8_t *at = s.len ? memchr(s.at, byte, s.len) : NULL;
    return at ? (size_t)(at - s.at) : s.len;
}

/* Take the first line off, which must end in LF. */
static bool take_line(struct view *rest, struct view *line)
{
    size_t end = find(*rest, '\n');

    if (end == rest->len) {
        return false;
    }
    *line = cut(*rest, 0, end);
    *rest = cut(*rest, end + 1, rest->len);
    return true;
}

/* Decode exactly `len` bytes, at most 96, encoded as base64 encodes them and no other way. */
static bool base64_read(struct view text, uint8_t *out, size_t len)
{
    uint8_t bytes[100];
    uint8_t again[132];

    if (text.len != (len + 2) / 3 * 4 || len > 96 ||
        EVP_DecodeBlock(bytes, text.at, (int)text.len) < (int)len) {
        return false;
    }
    int n = EVP_EncodeBlock(again, bytes, (int)len);
    if (n != (int)text.len || !same(again, text.at, text.len)) {
        return false;
    }
    (void)memcpy(out, bytes, len);
    return true;
}

static bool is_name(struct view s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] <= ' ' || s.at[i] == '+' || s.at[i] == 0x7f) {
            return false;
        }
    }
    return s.len > 0 && s.len <= NOTE_NAME_MAX;
}

bool note_key_read(struct view line, struct hash *h, struct note_key *out)
{
    static const uint8_t separator[2] = {'\n', ED25519};
    static const char digits[] = "0123456789abcdef";
    uint8_t key[33];
    uint8_t digest[HASH_LEN];
    uint8_t hex[8];

    while (line.len && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r')) {
        line.len--;
    }
    size_t name = find(line, '+');
    struct view rest = cut(line, name < line.len ? name + 1 : name, line.len);
    struct view id = cut(rest, 0, find(rest, '+'));
    struct view base64 = cut(rest, id.len < rest.len ? id.len + 1 : id.len, rest.len);
    if (!is_name(cut(line, 0, name)) || id.len != sizeof(hex) ||
        !base64_read(base64, key, sizeof(key)) || key[0] != ED25519) {
        return false;
    }
    hash_begin(h);
    hash_add(h, line.at, name);
    hash_add(h, separator, sizeof(separator));
    hash_add(h, key + 1, 32);
    hash_end(h, digest);
    for (size_t i = 0; i < 4; i++) {
        hex[2 * i] = (uint8_t)digits[digest[i] >> 4];
        hex[2 * i + 1] = (uint8_t)digits[digest[i] & 15];
    }
    if (!same(hex, id.at, sizeof(hex))) {
        return false;
    }
    (void)memcpy(out->name, line.at, name);
    out->name_len = name;
    (void)memcpy(out->public_key, key + 1, sizeof(out->public_key));
    (void)memcpy(out->id, digest, sizeof(out->id));
    return true;
}

static bool size_read(struct view s, uint64_t *size)
{
    uint64_t n = 0;

    if (s.len == 0 || s.len > 18 || (s.len > 1 && s.at[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(s.at[i] - '0');
    }
    *size = n;
    return true;
}

/* What is signed: origin, size, root; then perhaps lines that say nothing to us. */
static bool text_read(struct view text, struct note *out)
{
    struct view size;
    struct view root;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < ' ' && text.at[i] != '\n') {
            return false;
        }
    }
    return take_line(&text, &out->origin) && take_line(&text, &size) && take_line(&text, &root) &&
           is_name(out->origin) && size_read(size, &out->size) &&
           base64_read(root, out->root, sizeof(out->root));
}

/* A signature line: dash, name, base64 of key id and signature. */
static bool signature_read(struct view line, struct view *name, struct view *base64)
{
    if (line.len < DASH_LEN || !same(line.at, (const uint8_t *)DASH, DASH_LEN)) {
        return false;
    }
    line = cut(line, DASH_LEN, line.len);
    size_t end = find(line, ' ');
    *name = cut(line, 0, end);
    *base64 = cut(line, end < line.len ? end + 1 : end, line.len);
    return is_name(*name) && base64->len > 0;
}

static bool signature_holds(struct view text, const struct note_key *key, const uint8_t *signature)
{
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->public_key,
                                                   sizeof(key->public_key));
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool holds = public && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, public) == 1 &&
                 EVP_DigestVerify(c, signature, 64, text.at, text.len) == 1;

    EVP_MD_CTX_free(c);
    EVP_PKEY_free(public);
    return holds;
}

/* Whether one of the lines is the key's signature; *malformed when there is something else than lines. */
static bool signed_by(struct view text, struct view lines, const struct note_key *key,
                      bool *malformed)
{
    struct view line;
    struct view name;
    struct view base64;
    uint8_t bytes[4 + 64];
    bool found = false;
    unsigned n = 0;

    *malformed = lines.len == 0;
    while (lines.len) {
        if (!take_line(&lines, &line) || !signature_read(line, &name, &base64) ||
            ++n > SIGNERS_MAX) {
            *malformed = true;
            return false;
        }
        found = found ||
                (name.len == key->name_len && same(name.at, key->name, name.len) &&
                 base64_read(base64, bytes, sizeof(bytes)) &&
                 same(bytes, key->id, sizeof(key->id)) && signature_holds(text, key, bytes + 4));
    }
    return found;
}

enum note_result note_read(struct view text, const struct note_key *key, struct note *out)
{
    const uint8_t *gap = text.len ? memmem(text.at, text.len, "\n\n", 2) : NULL;
    bool malformed = false;

    if (text.len > NOTE_MAX || !gap) {
        return NOTE_MALFORMED;
    }
    struct view said = cut(text, 0, (size_t)(gap - text.at) + 1);
    struct view lines = cut(text, said.len + 1, text.len);
    bool holds = signed_by(said, lines, key, &malformed);
    if (malformed || !text_read(said, out)) {
        return NOTE_MALFORMED;
    }
    return holds ? NOTE_SIGNED : NOTE_UNSIGNED;
}

bool note_next(struct view *rest, struct view *note)
{
    size_t at = 0;

    while (rest->len && *rest->at == '\n') {
        *rest = cut(*rest, 1, rest->len);
    }
    if (rest->len == 0) {
        return false;
    }
    const uint8_t *gap = memmem(rest->at, rest->len, "\n\n", 2);
    at = gap ? (size_t)(gap - rest->at) + 2 : rest->len;
    struct view behind = cut(*rest, at, rest->len);
    const uint8_t *end = behind.len ? memmem(behind.at, behind.len, "\n\n", 2) : NULL;
    at = end ? at + (size_t)(end - behind.at) + 1 : rest->len;
    *note = cut(*rest, 0, at);
    *rest = cut(*rest, at, rest->len);
    return true;
}
