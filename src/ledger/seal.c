#include <openssl/evp.h>
#include <zstd.h>

#include "base/arena.h"

#include "keyring/former.h"
#include "ledger/objects.h"

#define ZSTD_LEVEL      1 /* the packs compress again, and harder */
#define ZSTD_PACK_LEVEL 12
#define ZSTD_CODE_LEVEL 3 /* base64: a higher level finds nothing more */
#define NONCE_LEN       12
#define GCM_STEP        ((size_t)1 << 30)   /* OpenSSL counts in int */
#define JOINED_MAX      ((size_t)256 << 10) /* of a body in two pieces: a longer one is not copied */

struct sealer {
    struct buf joined;
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack; /* made when first needed: writers never do */
    EVP_CIPHER_CTX *gcm;
    EVP_CIPHER *cipher;
    struct digest *digest;
};

/* Each record has its own key: section 4. */
static const uint8_t nonce[NONCE_LEN];

struct sealer *sealer_new(void)
{
    struct sealer *s = calloc(1, sizeof(*s));
    if (!s) {
        arena_panic("out of memory");
    }
    buf_init(&s->joined, JOINED_MAX);
    s->gcm = EVP_CIPHER_CTX_new();
    s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    s->digest = digest_new();
    if (!s->gcm || !s->cipher) {
        arena_panic("AES-256-GCM is not available");
    }
    return s;
}

void sealer_free(struct sealer *s)
{
    if (!s) {
        return;
    }
    (void)ZSTD_freeCCtx(s->pack);
    (void)ZSTD_freeDCtx(s->unpack);
    EVP_CIPHER_CTX_free(s->gcm);
    EVP_CIPHER_free(s->cipher);
    digest_free(s->digest);
    buf_done(&s->joined);
    free(s);
}

/* Run the cipher over `len` bytes in place, in steps that OpenSSL's int can count. */
static bool run(EVP_CIPHER_CTX *c, uint8_t *bytes, size_t len)
{
    while (len) {
        size_t step = len < GCM_STEP ? len : GCM_STEP;
        int n = 0;
        if (EVP_CipherUpdate(c, bytes, &n, bytes, (int)step) != 1) {
            return false;
        }
        bytes += step;
        len -= step;
    }
    return true;
}

/* Key the cipher for one record and give it what is authenticated beside. */
static bool start(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN], struct slice aad,
                  bool sealing)
{
    int n = 0;

    return EVP_CipherInit_ex2(s->gcm, s->cipher, key, nonce, sealing, NULL) == 1 &&
           EVP_CipherUpdate(s->gcm, NULL, &n, aad.ptr, (int)aad.len) == 1;
}

/* Encrypt in place and put the tag behind. */
static void close_seal(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN],
                       struct slice aad, uint8_t *payload, size_t plain)
{
    int n = 0;

    if (!start(s, key, aad, true) || !run(s->gcm, payload, plain) ||
        EVP_CipherFinal_ex(s->gcm, payload + plain, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(s->gcm, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, payload + plain) != 1) {
        arena_panic("sealing failed");
    }
}

static void make_packer(struct sealer *s)
{
    if (!s->pack && !(s->pack = ZSTD_createCCtx())) {
        arena_panic("out of memory");
    }
}

/* Compress into room for ZSTD_compressBound() bytes. */
static size_t compress(struct sealer *s, struct slice dictionary, struct slice body, uint8_t *to,
                       int level)
{
    make_packer(s);
    size_t packed = ZSTD_compress_usingDict(s->pack, to, ZSTD_compressBound(body.len), body.ptr,
                                            body.len, dictionary.ptr, dictionary.len, level);
    if (ZSTD_isError(packed)) {
        arena_panic("compression failed");
    }
    return packed;
}

/* One frame of two pieces as they lie, which says how long they are together. */
static size_t compress_apart(struct sealer *s, struct slice front, struct slice rest, uint8_t *to)
{
    ZSTD_outBuffer out = {to, ZSTD_compressBound(front.len + rest.len), 0};
    ZSTD_inBuffer first = {front.ptr, front.len, 0};
    ZSTD_inBuffer second = {rest.ptr, rest.len, 0};

    make_packer(s);
    bool ok = !ZSTD_isError(ZSTD_CCtx_reset(s->pack, ZSTD_reset_session_and_parameters)) &&
              !ZSTD_isError(ZSTD_CCtx_setParameter(s->pack, ZSTD_c_compressionLevel, ZSTD_LEVEL)) &&
              !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(s->pack, front.len + rest.len)) &&
              !ZSTD_isError(ZSTD_compressStream2(s->pack, &out, &first, ZSTD_e_continue));
    size_t left = 1;
    while (ok && left) { /* with room for all of it, once */
        size_t before = out.pos;
        left = ZSTD_compressStream2(s->pack, &out, &second, ZSTD_e_end);
        ok = !ZSTD_isError(left) && (left == 0 || out.pos > before);
    }
    if (!ok || first.pos < first.size) {
        arena_panic("compression failed");
    }
    return out.pos;
}

static size_t compress_body(struct sealer *s, const struct ledger_record *record, uint8_t *to)
{
    if (record->rest.len == 0) {
        return compress(s, SLICE_NONE, record->body, to, ZSTD_LEVEL);
    }
    if (record->body.len + record->rest.len > JOINED_MAX) {
        return compress_apart(s, record->body, record->rest, to);
    }
    buf_reset(&s->joined);
    buf_add(&s->joined, record->body);
    buf_add(&s->joined, record->rest);
    return compress(s, SLICE_NONE, buf_slice(&s->joined), to, ZSTD_LEVEL);
}

static void digest_two(struct digest *d, struct slice a, struct slice b, uint8_t *out)
{
    digest_add(d, a);
    digest_add(d, b);
    digest_end(d, out);
}

void ledger_commit_to(struct slice front, struct slice rest, struct ledger_commitment *out,
                      uint8_t digest[static DIGEST_LEN])
{
    OWN(buf) struct buf before = {.max = BLIND_LEN + front.len};

    keyring_random_bytes(out->blind, BLIND_LEN);
    buf_add(&before, SLICE_ARRAY(out->blind));
    buf_add(&before, front);
    digest_both(buf_slice(&before), rest, digest, out->digest);
    explicit_bzero(before.ptr, before.len);
}

_Static_assert(sizeof(((struct ledger_commitment *)NULL)->blind) == BLIND_LEN, "one blind");

/* Put the blind in front of the payload, and the commitment into the head. */
static void commit_to(struct sealer *s, const struct ledger_record *record,
                      const uint8_t random[static BLIND_LEN], uint8_t *payload,
                      struct record_head *h)
{
    if (record->commitment) {
        (void)memcpy(payload, record->commitment->blind, BLIND_LEN);
        (void)memcpy(h->commitment, record->commitment->digest, sizeof(h->commitment));
        return;
    }
    (void)memcpy(payload, random, BLIND_LEN);
    digest_add(s->digest, slice_of(payload, BLIND_LEN));
    digest_two(s->digest, record->body, record->rest, h->commitment);
}

void sealer_seal(struct sealer *s, const struct segment_key *key,
                 const struct ledger_record *record, int64_t time_ms, struct sealed *out)
{
    struct record_head h = {.sealed = true, .type = record->type, .time_ms = time_ms};
    uint8_t record_key[KEYRING_KEY_LEN];
    uint8_t random[BLIND_LEN + sizeof(h.salt)];

    uint8_t *head = malloc(RECORD_HEAD_LEN + BLIND_LEN +
                           ZSTD_compressBound(record->body.len + record->rest.len) + TAG_LEN);
    if (!head) {
        arena_panic("out of memory");
    }
    uint8_t *payload = head + RECORD_HEAD_LEN;
    keyring_random_bytes(random, sizeof(random)); /* at once: each question has its price */
    (void)memcpy(h.salt, random + BLIND_LEN, sizeof(h.salt));
    commit_to(s, record, random, payload, &h);
    size_t plain = BLIND_LEN + compress_body(s, record, payload + BLIND_LEN);
    h.length = (uint32_t)(plain + TAG_LEN);
    (void)memcpy(h.key_id, key->id, sizeof(h.key_id));
    record_head_write(&h, head);
    keyring_derive_salted(secret_slice(key->key), SLICE_ARRAY(h.salt), "record", record_key);
    close_seal(s, record_key, slice_of(head, RECORD_AAD_LEN), payload, plain);
    explicit_bzero(record_key, sizeof(record_key));
    explicit_bzero(random, sizeof(random)); /* the blind is under the seal alone */
    digest_two(s->digest, slice_of(payload, h.length), SLICE_NONE, h.digest);
    record_head_write(&h, head);
    out->bytes = head;
    out->len = RECORD_HEAD_LEN + h.length;
}

void sealer_seal_again(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN],
                       struct slice aad, struct slice dictionary,
                       const uint8_t blind[static BLIND_LEN], struct slice front, struct slice body,
                       struct buf *out)
{
    buf_reset(out);
    uint8_t *payload =
        buf_room(out, BLIND_LEN + front.len + ZSTD_compressBound(body.len) + TAG_LEN);
    if (!payload) {
        return;
    }
    (void)memcpy(payload, blind, BLIND_LEN);
    if (front.len) {
        (void)memcpy(payload + BLIND_LEN, front.ptr, front.len);
    }
    size_t plain = BLIND_LEN + front.len;
    plain += compress(s, dictionary, body, payload + plain, ZSTD_PACK_LEVEL);
    close_seal(s, key, aad, payload, plain);
    out->len = plain + TAG_LEN;
}

void sealer_seal_object(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN],
                        struct slice aad, struct slice part, bool encoded, struct buf *out)
{
    buf_reset(out);
    uint8_t *stored = buf_room(out, ZSTD_compressBound(part.len) + TAG_LEN);
    if (!stored) {
        return;
    }
    size_t plain =
        compress(s, SLICE_NONE, part, stored, encoded ? ZSTD_CODE_LEVEL : ZSTD_PACK_LEVEL);
    close_seal(s, key, aad, stored, plain);
    out->len = plain + TAG_LEN;
}

void sealer_seal_bytes(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN], uint8_t *bytes,
                       size_t len)
{
    close_seal(s, key, SLICE_NONE, bytes, len);
}

bool sealer_unpacked_size(struct slice packed, size_t *size, struct error *e)
{
    unsigned long long len = ZSTD_getFrameContentSize(packed.ptr, packed.len);

    if (len == ZSTD_CONTENTSIZE_UNKNOWN || len == ZSTD_CONTENTSIZE_ERROR || len > LEDGER_BODY_MAX) {
        return error_set(e, ERROR_CORRUPT, "the body is not one compressed frame");
    }
    *size = (size_t)len;
    return true;
}

bool sealer_unpack(struct sealer *s, struct slice dictionary, struct slice packed, uint8_t *to,
                   size_t size, struct error *e)
{
    if (!s->unpack && !(s->unpack = ZSTD_createDCtx())) {
        arena_panic("out of memory");
    }
    size_t got = ZSTD_decompress_usingDict(s->unpack, to, size, packed.ptr, packed.len,
                                           dictionary.ptr, dictionary.len);
    return (!ZSTD_isError(got) && got == size) ||
           error_set(e, ERROR_CORRUPT, "the body does not decompress");
}

static bool unpack(struct sealer *s, struct slice dictionary, struct slice packed,
                   struct arena *arena, struct slice *body, struct error *e)
{
    size_t len = 0;

    if (!sealer_unpacked_size(packed, &len, e)) {
        return false;
    }
    if (len + 64 > arena->max - arena->total) {
        return error_set(e, ERROR_LIMIT, "a body of %zu bytes is larger than allowed here", len);
    }
    uint8_t *to = arena_alloc(arena, len + 1);
    *body = slice_of(to, len);
    return sealer_unpack(s, dictionary, packed, to, len, e);
}

bool sealer_unseal(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN], struct slice aad,
                   uint8_t *payload, size_t length)
{
    uint8_t end[16];
    int n = 0;

    if (length < TAG_LEN) {
        return false;
    }
    size_t plain = length - TAG_LEN;
    return start(s, key, aad, false) && run(s->gcm, payload, plain) &&
           EVP_CIPHER_CTX_ctrl(s->gcm, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, payload + plain) == 1 &&
           EVP_CipherFinal_ex(s->gcm, end, &n) == 1;
}

bool sealer_open_with(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN], struct slice aad,
                      struct slice dictionary, struct objects *objects,
                      const uint8_t committed[static DIGEST_LEN], uint8_t *payload, size_t length,
                      struct arena *arena, struct slice *body, struct error *e)
{
    uint8_t commitment[DIGEST_LEN];
    struct slice opened = SLICE_NONE;

    if (length <= RECORD_SEALED_MIN) {
        return error_set(e, ERROR_CORRUPT, "not a sealed record");
    }
    if (!sealer_unseal(s, key, aad, payload, length)) {
        return error_set(e, ERROR_CORRUPT, "the seal does not open");
    }
    struct slice packed = slice_of(payload + BLIND_LEN, length - TAG_LEN - BLIND_LEN);
    if (!(objects ? objects_body(objects, s, dictionary, packed, arena, &opened, e)
                  : unpack(s, dictionary, packed, arena, &opened, e))) {
        return false;
    }
    digest_two(s->digest, slice_of(payload, BLIND_LEN), opened, commitment);
    if (memcmp(commitment, committed, sizeof(commitment)) != 0) {
        return error_set(e, ERROR_CORRUPT, "the body is not what was committed to");
    }
    *body = opened;
    return true;
}

bool sealer_open(struct sealer *s, const struct secret *segment_key,
                 const uint8_t head[static RECORD_HEAD_LEN], const struct record_head *h,
                 uint8_t *payload, struct arena *arena, struct slice *body, struct error *e)
{
    uint8_t key[KEYRING_KEY_LEN];

    if (!h->sealed) {
        return error_set(e, ERROR_CORRUPT, "not a sealed record");
    }
    keyring_derive_salted(secret_slice(segment_key), SLICE_ARRAY(h->salt), "record", key);
    bool opened = sealer_open_with(s, key, slice_of(head, RECORD_AAD_LEN), SLICE_NONE, NULL,
                                   h->commitment, payload, h->length, arena, body, e);
    explicit_bzero(key, sizeof(key));
    return opened;
}

struct segment_key *segment_key_new(void)
{
    struct segment_key *k = calloc(1, sizeof(*k));
    if (!k) {
        arena_panic("out of memory");
    }
    k->users = 1;
    k->key = keyring_random();
    k->commit_key = keyring_derive(k->key, "commit");
    keyring_random_bytes(k->id, sizeof(k->id));
    return k;
}

void segment_key_free(struct segment_key *k)
{
    if (!k) {
        return;
    }
    secret_free(k->key);
    secret_free(k->commit_key);
    free(k);
}

bool segment_key_open(const struct segment_head *h, const struct secret *ledger_key,
                      struct segment_key **out, struct error *e)
{
    OWN(secret) struct secret *key = NULL;
    const struct secret *sealing = keyring_find(ledger_key, h->ledger_key_id);

    if (!sealing) {
        return error_set(e, ERROR_CONFIG, "the ledger was written under another master key");
    }
    if (!keyring_open_secret(sealing, SLICE_ARRAY(h->fixed), SLICE_ARRAY(h->sealed_key), &key, e) ||
        key->len != KEYRING_KEY_LEN) {
        return error_set(e, ERROR_CORRUPT, "the segment's key does not open");
    }
    struct segment_key *k = calloc(1, sizeof(*k));
    if (!k) {
        arena_panic("out of memory");
    }
    k->users = 1;
    (void)memcpy(k->id, h->key_id, sizeof(k->id));
    k->commit_key = keyring_derive(key, "commit");
    k->key = TAKE(key, NULL);
    *out = k;
    return true;
}
