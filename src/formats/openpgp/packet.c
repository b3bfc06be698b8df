#include "formats/openpgp/packet.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/bytes.h"

/* Packet types, RFC 9580 section 5. */
enum {
    TAG_SIGNATURE = 2,
    TAG_ONE_PASS = 4,
    TAG_PUBLIC_KEY = 6,
    TAG_LITERAL = 11,
    TAG_USER_ID = 13,
};

/* Signature types, section 5.2.1. */
enum { TYPE_BINARY = 0x00, TYPE_POSITIVE = 0x13, TYPE_KEY_REVOCATION = 0x20 };

/* Signature subpackets, section 5.2.3.1. */
enum {
    SUB_CREATED = 2,
    SUB_CIPHERS = 11,
    SUB_HASHES = 21,
    SUB_COMPRESSION = 22,
    SUB_PREFERENCES = 23,
    SUB_KEY_FLAGS = 27,
    SUB_REASON = 29,
    SUB_FEATURES = 30,
    SUB_ISSUER = 33,
};

#define VERSION        4
#define EDDSA          22
#define SHA256         8
#define KEY_BODY_MAX   64
#define KEY_ID_LEN     8
#define FLAGS          0x02 /* sign: section 5.2.3.29; that it certifies its own user IDs needs no flag */
#define REASON_UNKNOWN 0
#define REASON_MAX     300
#define ARMOR_LINE     48 /* bytes: 64 characters */

/* Ed25519 of GnuPG, 1.3.6.1.4.1.11591.15.1, with its length before it (RFC 9580 section 9.2). */
static const uint8_t curve[] = {9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01};

/* OpenSSL's digests fail only when there is no memory or no such digest. */
static void must(int ok)
{
    if (ok != 1) {
        arena_panic("a digest is not available");
    }
}

/* ── packets ── */

/* Header of the current format with the shortest length (section 4.2.1). */
static void add_header(struct buf *out, uint8_t tag, size_t len)
{
    uint8_t head[6] = {(uint8_t)(0xc0 | tag)};
    size_t n = 2;

    if (len < 192) {
        head[1] = (uint8_t)len;
    } else if (len < 8384) {
        head[1] = (uint8_t)(((len - 192) >> 8) + 192);
        head[2] = (uint8_t)(len - 192);
        n = 3;
    } else {
        head[1] = 0xff;
        put32(head + 2, (uint32_t)len);
        n = 6;
    }
    buf_add(out, slice_of(head, n));
}

/* A number in network order behind its length in bits (section 3.2). */
static void add_mpi(struct buf *out, struct slice number)
{
    uint8_t head[2];

    while (number.len && number.ptr[0] == 0) {
        number = slice_from(number, 1);
    }
    size_t bits = 8 * number.len;
    for (uint8_t bit = 0x80; number.len && !(number.ptr[0] & bit); bit >>= 1) {
        bits--;
    }
    put16(head, (uint16_t)bits);
    buf_add(out, slice_of(head, sizeof(head)));
    buf_add(out, number);
}

static void add_key_body(struct buf *out, const struct openpgp_own *own)
{
    uint8_t head[6] = {VERSION, 0, 0, 0, 0, EDDSA};
    uint8_t point[1 + OPENPGP_PUBLIC_LEN] = {0x40};

    put32(head + 1, own->created_at);
    (void)memcpy(point + 1, own->public, OPENPGP_PUBLIC_LEN);
    buf_add(out, slice_of(head, sizeof(head)));
    buf_add(out, SLICE_ARRAY(curve));
    add_mpi(out, SLICE_ARRAY(point));
}

/* As it is hashed for fingerprints and signatures (section 5.2.4 and 5.5.4.2). */
static void add_hashed_key(struct buf *out, const struct openpgp_own *own)
{
    OWN(buf) struct buf body = {.max = KEY_BODY_MAX};
    uint8_t head[3] = {0x99, 0, 0};

    add_key_body(&body, own);
    put16(head + 1, (uint16_t)body.len);
    buf_add(out, slice_of(head, sizeof(head)));
    buf_add(out, buf_slice(&body));
}

void openpgp_own_init(struct openpgp_own *own, const uint8_t public[static OPENPGP_PUBLIC_LEN],
                      uint32_t created_at)
{
    OWN(buf) struct buf key = {.max = 2 * (size_t)KEY_BODY_MAX};

    *own = (struct openpgp_own){.created_at = created_at};
    (void)memcpy(own->public, public, OPENPGP_PUBLIC_LEN);
    add_hashed_key(&key, own);
    must(EVP_Digest(key.ptr, key.len, own->fingerprint, NULL, EVP_sha1(), NULL));
}

void openpgp_write_public(const struct openpgp_own *own, struct buf *out)
{
    OWN(buf) struct buf body = {.max = KEY_BODY_MAX};

    add_key_body(&body, own);
    add_header(out, TAG_PUBLIC_KEY, body.len);
    buf_add(out, buf_slice(&body));
}

bool openpgp_own_read(struct slice packets, struct openpgp_own *own)
{
    enum { TIME_AT = 3, POINT_AT = 21 };

    OWN(buf) struct buf again = {.max = 2 * (size_t)KEY_BODY_MAX};
    struct openpgp_own read;

    if (packets.len < POINT_AT + OPENPGP_PUBLIC_LEN) {
        return false;
    }
    openpgp_own_init(&read, packets.ptr + POINT_AT, get32(packets.ptr + TIME_AT));
    openpgp_write_public(&read, &again);
    if (!slice_starts(packets, buf_slice(&again))) {
        return false;
    }
    *own = read;
    return true;
}

void openpgp_write_user_id(struct slice user_id, struct buf *out)
{
    add_header(out, TAG_USER_ID, user_id.len);
    buf_add(out, user_id);
}

void openpgp_write_literal(struct slice document, struct buf *out)
{
    static const uint8_t head[] = {'b', 0, 0, 0, 0, 0};

    add_header(out, TAG_LITERAL, sizeof(head) + document.len);
    buf_add(out, SLICE_ARRAY(head));
    buf_add(out, document);
}

void openpgp_write_signed(const struct openpgp_draft *draft, struct slice document, struct buf *out)
{
    const uint8_t head[] = {3, draft->hashed[1], SHA256, EDDSA};

    add_header(out, TAG_ONE_PASS, sizeof(head) + KEY_ID_LEN + 1);
    buf_add(out, SLICE_ARRAY(head));
    buf_add(out,
            slice_of(draft->own.fingerprint + OPENPGP_FINGERPRINT_LEN - KEY_ID_LEN, KEY_ID_LEN));
    buf_add_byte(out, 1); /* the only one, or the innermost */
    openpgp_write_literal(document, out);
}

/* ── signatures ── */

static void add_subpacket(struct buf *out, uint8_t type, struct slice body)
{
    if (body.len + 1 < 192) {
        buf_add_byte(out, (uint8_t)(body.len + 1));
    } else {
        size_t len = body.len + 1 - 192;
        buf_add_byte(out, (uint8_t)((len >> 8) + 192));
        buf_add_byte(out, (uint8_t)len);
    }
    buf_add_byte(out, type);
    buf_add(out, body);
}

static void add_common(struct buf *out, const struct openpgp_own *own, uint32_t at)
{
    uint8_t time[4];
    uint8_t issuer[1 + OPENPGP_FINGERPRINT_LEN] = {VERSION};

    put32(time, at);
    (void)memcpy(issuer + 1, own->fingerprint, OPENPGP_FINGERPRINT_LEN);
    add_subpacket(out, SUB_CREATED, SLICE_ARRAY(time));
    add_subpacket(out, SUB_ISSUER, SLICE_ARRAY(issuer));
}

/* The digest is over what is signed, what the signature says of itself, and how long that is. */
static void finish(const struct openpgp_own *own, uint8_t type, const struct buf *subpackets,
                   struct slice before, struct slice document, struct openpgp_draft *out)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t trailer[6] = {VERSION, 0xff};
    uint8_t *h = out->hashed;

    if (!md || subpackets->full || subpackets->len > OPENPGP_HASHED_MAX - 6) {
        arena_panic("a signature's subpackets do not fit");
    }
    out->own = *own;
    h[0] = VERSION;
    h[1] = type;
    h[2] = EDDSA;
    h[3] = SHA256;
    put16(h + 4, (uint16_t)subpackets->len);
    (void)memcpy(h + 6, subpackets->ptr, subpackets->len);
    out->hashed_len = 6 + subpackets->len;
    put32(trailer + 2, (uint32_t)out->hashed_len);
    must(EVP_DigestInit_ex(md, EVP_sha256(), NULL));
    must(EVP_DigestUpdate(md, before.len ? before.ptr : trailer, before.len));
    must(EVP_DigestUpdate(md, document.len ? document.ptr : trailer, document.len));
    must(EVP_DigestUpdate(md, h, out->hashed_len));
    must(EVP_DigestUpdate(md, trailer, sizeof(trailer)));
    must(EVP_DigestFinal_ex(md, out->digest, NULL));
    EVP_MD_CTX_free(md);
}

void openpgp_draft_user_id(const struct openpgp_own *own, struct slice user_id, uint32_t at,
                           struct openpgp_draft *out)
{
    static const uint8_t flags[] = {FLAGS};
    static const uint8_t ciphers[] = {9, 7};     /* AES-256, AES-128 */
    static const uint8_t hashes[] = {10, 9, 8};  /* SHA-512, SHA-384, SHA-256 */
    static const uint8_t compression[] = {0};    /* none: lengths of what is packed tell of it */
    static const uint8_t preferences[] = {0x80}; /* a key server asks us about changes */
    static const uint8_t features[] = {0x01};    /* section 5.2.3.32: encryption with integrity */
    OWN(buf) struct buf sub = {.max = OPENPGP_HASHED_MAX};
    OWN(buf) struct buf before = {.max = 2 * (size_t)KEY_BODY_MAX};
    uint8_t head[5] = {0xb4};

    add_common(&sub, own, at);
    add_subpacket(&sub, SUB_KEY_FLAGS, SLICE_ARRAY(flags));
    add_subpacket(&sub, SUB_CIPHERS, SLICE_ARRAY(ciphers));
    add_subpacket(&sub, SUB_HASHES, SLICE_ARRAY(hashes));
    add_subpacket(&sub, SUB_COMPRESSION, SLICE_ARRAY(compression));
    add_subpacket(&sub, SUB_PREFERENCES, SLICE_ARRAY(preferences));
    add_subpacket(&sub, SUB_FEATURES, SLICE_ARRAY(features));
    add_hashed_key(&before, own);
    put32(head + 1, (uint32_t)user_id.len);
    buf_add(&before, SLICE_ARRAY(head));
    finish(own, TYPE_POSITIVE, &sub, buf_slice(&before), user_id, out);
}

void openpgp_draft_revocation(const struct openpgp_own *own, uint32_t at, struct slice reason,
                              struct openpgp_draft *out)
{
    OWN(buf) struct buf sub = {.max = OPENPGP_HASHED_MAX};
    OWN(buf) struct buf before = {.max = 2 * (size_t)KEY_BODY_MAX};
    OWN(buf) struct buf why = {.max = REASON_MAX + 1};

    add_common(&sub, own, at);
    buf_add_byte(&why, REASON_UNKNOWN);
    buf_add(&why, slice_head(reason, REASON_MAX));
    add_subpacket(&sub, SUB_REASON, buf_slice(&why));
    add_hashed_key(&before, own);
    finish(own, TYPE_KEY_REVOCATION, &sub, buf_slice(&before), SLICE_NONE, out);
}

void openpgp_draft_document(const struct openpgp_own *own, struct slice document, uint32_t at,
                            struct openpgp_draft *out)
{
    OWN(buf) struct buf sub = {.max = OPENPGP_HASHED_MAX};

    add_common(&sub, own, at);
    finish(own, TYPE_BINARY, &sub, SLICE_NONE, document, out);
}

void openpgp_write_signature(const struct openpgp_draft *draft,
                             const uint8_t signature[static OPENPGP_SIGNATURE_LEN], struct buf *out)
{
    OWN(buf) struct buf body = {.max = OPENPGP_HASHED_MAX + 256};
    uint8_t unhashed[2 + 2 + KEY_ID_LEN] = {0, 2 + KEY_ID_LEN, 1 + KEY_ID_LEN, 16};

    /* The issuer's key id as well, where programs of old look for it; nothing relies on it. */
    (void)memcpy(unhashed + 4, draft->own.fingerprint + OPENPGP_FINGERPRINT_LEN - KEY_ID_LEN,
                 KEY_ID_LEN);
    buf_add(&body, slice_of(draft->hashed, draft->hashed_len));
    buf_add(&body, SLICE_ARRAY(unhashed));
    buf_add(&body, slice_of(draft->digest, 2));
    add_mpi(&body, slice_of(signature, OPENPGP_SIGNATURE_LEN / 2));
    add_mpi(&body, slice_of(signature + OPENPGP_SIGNATURE_LEN / 2, OPENPGP_SIGNATURE_LEN / 2));
    add_header(out, TAG_SIGNATURE, body.len);
    buf_add(out, buf_slice(&body));
}

/* ── armor (section 6) ── */

static uint32_t crc24(struct slice bytes)
{
    uint32_t crc = 0xb704ce;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (uint32_t)bytes.ptr[i] << 16;
        for (int k = 0; k < 8; k++) {
            crc <<= 1;
            crc ^= crc & 0x1000000 ? 0x1864cfb : 0;
        }
    }
    return crc & 0xffffff;
}

static void add_base64(struct buf *out, struct slice bytes)
{
    uint8_t *room = buf_room(out, 4 * ((bytes.len + 2) / 3) + 1);

    if (room) {
        out->len += (size_t)EVP_EncodeBlock(room, bytes.ptr, (int)bytes.len);
    }
}

void openpgp_armor(enum openpgp_armor kind, struct slice bytes, struct buf *out)
{
    static const char *const labels[] = {"MESSAGE", "PUBLIC KEY BLOCK", "SIGNATURE"};
    uint32_t sum = crc24(bytes);
    const uint8_t check[] = {(uint8_t)(sum >> 16), (uint8_t)(sum >> 8), (uint8_t)sum};

    buf_printf(out, "-----BEGIN PGP %s-----\r\n\r\n", labels[kind]);
    while (bytes.len) {
        struct slice line = slice_head(bytes, ARMOR_LINE);
        add_base64(out, line);
        buf_add_text(out, "\r\n");
        bytes = slice_from(bytes, line.len);
    }
    buf_add_byte(out, '=');
    add_base64(out, SLICE_ARRAY(check));
    buf_printf(out, "\r\n-----END PGP %s-----\r\n", labels[kind]);
}

void openpgp_fingerprint_text(const uint8_t fingerprint[static OPENPGP_FINGERPRINT_LEN],
                              char text[static 2 * OPENPGP_FINGERPRINT_LEN + 1])
{
    for (size_t i = 0; i < OPENPGP_FINGERPRINT_LEN; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", fingerprint[i]);
    }
}
