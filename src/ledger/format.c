#include <stdio.h>

#include "base/bytes.h"

#include "formats/cbor/cbor.h"
#include "ledger/internal.h"

#define FORMAT 1

static const char segment_magic[8] = {'P', 'S', 'T', 'N', 'L', 'E', 'D', 'G'};
static const char record_magic[4] = {'P', 'R', 'E', 'C'};

enum { FLAG_SEALED = 1 };

/* Offsets of docs/ledger-format.md section 3. */
enum {
    SEG_MAGIC = 0,
    SEG_FORMAT = 8,
    SEG_LENGTH = 10,
    SEG_NUMBER = 12,
    SEG_CREATED = 16,
    SEG_LEDGER = 24,
    SEG_KEY_ID = 40,
    SEG_RESERVED = 56,
    SEG_LEDGER_KEY = 64,
    SEG_SEALED_KEY = 80,
    SEG_RESERVED_2 = 161,
    SEG_DIGEST = 480,
};

/* Section 4. */
enum {
    REC_MAGIC = 0,
    REC_FORMAT = 4,
    REC_FLAGS = 5,
    REC_TYPE = 6,
    REC_TIME = 8,
    REC_LENGTH = 16,
    REC_RESERVED = 20,
    REC_KEY_ID = 24,
    REC_SALT = 40,
    REC_COMMITMENT = 72,
    REC_SEQ = 104,
    REC_DIGEST = 112,
};

_Static_assert(SEG_SEALED_KEY + SEGMENT_KEY_LEN == SEG_RESERVED_2, "section 3");
_Static_assert(REC_DIGEST + DIGEST_LEN == RECORD_HEAD_LEN && REC_SEQ == RECORD_AAD_LEN,
               "section 4");

void segment_name(uint32_t number, char name[static SEGMENT_NAME_MAX])
{
    (void)snprintf(name, SEGMENT_NAME_MAX, "%010u.seg", number);
}

uint32_t segment_number(const char *name)
{
    uint64_t number = 0;
    struct slice s = slice_text(name);

    if (s.len != 14 || !slice_equal(slice_from(s, 10), SLICE(".seg")) ||
        !slice_decimal(slice_head(s, 10), UINT32_MAX, &number)) {
        return 0;
    }
    return (uint32_t)number;
}

void segment_fixed_write(struct segment_head *h)
{
    (void)memset(h->fixed, 0, sizeof(h->fixed));
    (void)memcpy(h->fixed + SEG_MAGIC, segment_magic, sizeof(segment_magic));
    put16(h->fixed + SEG_FORMAT, FORMAT);
    put16(h->fixed + SEG_LENGTH, SEGMENT_HEAD_LEN);
    put32(h->fixed + SEG_NUMBER, h->number);
    put64(h->fixed + SEG_CREATED, (uint64_t)h->created_ms);
    (void)memcpy(h->fixed + SEG_LEDGER, h->ledger_id, sizeof(h->ledger_id));
    (void)memcpy(h->fixed + SEG_KEY_ID, h->key_id, sizeof(h->key_id));
}

void segment_head_write(struct segment_head *h, uint8_t out[static SEGMENT_HEAD_LEN])
{
    segment_fixed_write(h);
    (void)memset(out, 0, SEGMENT_HEAD_LEN);
    (void)memcpy(out, h->fixed, sizeof(h->fixed));
    (void)memcpy(out + SEG_LEDGER_KEY, h->ledger_key_id, sizeof(h->ledger_key_id));
    (void)memcpy(out + SEG_SEALED_KEY, h->sealed_key, sizeof(h->sealed_key));
    digest_of(slice_of(out, SEG_DIGEST), SLICE_NONE, out + SEG_DIGEST);
}

bool segment_head_read(const uint8_t in[static SEGMENT_HEAD_LEN], struct segment_head *h,
                       struct error *e)
{
    uint8_t digest[DIGEST_LEN];

    if (memcmp(in, segment_magic, sizeof(segment_magic)) != 0) {
        return error_set(e, ERROR_CORRUPT, "the header is not a segment's");
    }
    digest_of(slice_of(in, SEG_DIGEST), SLICE_NONE, digest);
    bool whole = memcmp(digest, in + SEG_DIGEST, sizeof(digest)) == 0;
    if (whole && get16(in + SEG_FORMAT) > FORMAT) {
        return error_set(e, ERROR_CONFIG, "written by a newer version of Postern (format %u)",
                         get16(in + SEG_FORMAT));
    }
    if (!whole || get16(in + SEG_FORMAT) != FORMAT || get16(in + SEG_LENGTH) != SEGMENT_HEAD_LEN ||
        !bytes_are_zero(in + SEG_RESERVED, SEG_LEDGER_KEY - SEG_RESERVED) ||
        !bytes_are_zero(in + SEG_RESERVED_2, SEG_DIGEST - SEG_RESERVED_2)) {
        return error_set(e, ERROR_CORRUPT, "the segment's header is damaged");
    }
    h->number = get32(in + SEG_NUMBER);
    h->created_ms = (int64_t)get64(in + SEG_CREATED);
    (void)memcpy(h->ledger_id, in + SEG_LEDGER, sizeof(h->ledger_id));
    (void)memcpy(h->key_id, in + SEG_KEY_ID, sizeof(h->key_id));
    (void)memcpy(h->ledger_key_id, in + SEG_LEDGER_KEY, sizeof(h->ledger_key_id));
    (void)memcpy(h->sealed_key, in + SEG_SEALED_KEY, sizeof(h->sealed_key));
    (void)memcpy(h->fixed, in, sizeof(h->fixed));
    return true;
}

void record_head_write(const struct record_head *h, uint8_t out[static RECORD_HEAD_LEN])
{
    (void)memset(out, 0, RECORD_HEAD_LEN);
    (void)memcpy(out + REC_MAGIC, record_magic, sizeof(record_magic));
    out[REC_FORMAT] = FORMAT;
    out[REC_FLAGS] = h->sealed ? FLAG_SEALED : 0;
    put16(out + REC_TYPE, h->type);
    put64(out + REC_TIME, (uint64_t)h->time_ms);
    put32(out + REC_LENGTH, h->length);
    (void)memcpy(out + REC_KEY_ID, h->key_id, sizeof(h->key_id));
    (void)memcpy(out + REC_SALT, h->salt, sizeof(h->salt));
    (void)memcpy(out + REC_COMMITMENT, h->commitment, sizeof(h->commitment));
    put64(out + REC_SEQ, h->seq);
    (void)memcpy(out + REC_DIGEST, h->digest, sizeof(h->digest));
}

void record_number(uint8_t head[static RECORD_HEAD_LEN], uint64_t seq)
{
    put64(head + REC_SEQ, seq);
}

/* What a record's type says of its head: the ledger's own are clear and small, all others sealed. */
static bool head_fits_type(const uint8_t *in, const struct record_head *h)
{
    if (h->sealed) {
        return h->type >= LEDGER_TYPE_OWN && h->length > RECORD_SEALED_MIN;
    }
    return h->type >= RECORD_START && h->type <= RECORD_ERASED && h->length <= CLEAR_MAX &&
           bytes_are_zero(in + REC_KEY_ID, KEYRING_ID_LEN + SALT_LEN);
}

bool record_head_read(const uint8_t in[static RECORD_HEAD_LEN], struct record_head *h,
                      struct error *e)
{
    if (memcmp(in, record_magic, sizeof(record_magic)) != 0) {
        return error_set(e, ERROR_CORRUPT, "no record begins here");
    }
    h->sealed = in[REC_FLAGS] & FLAG_SEALED;
    h->type = get16(in + REC_TYPE);
    h->time_ms = (int64_t)get64(in + REC_TIME);
    h->length = get32(in + REC_LENGTH);
    (void)memcpy(h->key_id, in + REC_KEY_ID, sizeof(h->key_id));
    (void)memcpy(h->salt, in + REC_SALT, sizeof(h->salt));
    (void)memcpy(h->commitment, in + REC_COMMITMENT, sizeof(h->commitment));
    h->seq = get64(in + REC_SEQ);
    (void)memcpy(h->digest, in + REC_DIGEST, sizeof(h->digest));
    if (in[REC_FORMAT] != FORMAT || (in[REC_FLAGS] & ~FLAG_SEALED) ||
        !bytes_are_zero(in + REC_RESERVED, REC_KEY_ID - REC_RESERVED) || !head_fits_type(in, h)) {
        return error_set(e, ERROR_CORRUPT, "a record's header is damaged");
    }
    return true;
}

void record_leaf(struct digest *d, const struct record_head *h, uint8_t leaf[static MERKLE_LEN])
{
    uint8_t data[8 + 2 + 8 + DIGEST_LEN];

    put64(data, h->seq);
    put16(data + 8, h->type);
    put64(data + 10, (uint64_t)h->time_ms);
    (void)memcpy(data + 18, h->commitment, DIGEST_LEN);
    merkle_leaf(d, SLICE_ARRAY(data), leaf);
}

static const uint8_t no_blind[BLIND_LEN];

void clear_write(struct buf *out, uint16_t type, int64_t time_ms, uint64_t seq, struct slice body)
{
    struct record_head h = {
        .type = type, .time_ms = time_ms, .length = (uint32_t)body.len, .seq = seq};
    uint8_t head[RECORD_HEAD_LEN];

    digest_of(SLICE_ARRAY(no_blind), body, h.commitment);
    digest_of(body, SLICE_NONE, h.digest);
    record_head_write(&h, head);
    buf_add(out, SLICE_ARRAY(head));
    buf_add(out, body);
}

void clear_make(const struct ledger_record *record, int64_t time_ms, struct sealed *out)
{
    OWN(buf) struct buf bytes = {.max = RECORD_HEAD_LEN + CLEAR_MAX};

    clear_write(&bytes, record->type, time_ms, 0, record->body);
    if (bytes.full) {
        arena_panic("a record of the ledger's own is too large");
    }
    out->len = bytes.len;
    out->bytes = TAKE(bytes.ptr, NULL);
}

bool clear_check(const struct record_head *h, struct slice payload, struct error *e)
{
    uint8_t digest[DIGEST_LEN];

    digest_of(payload, SLICE_NONE, digest);
    if (memcmp(digest, h->digest, sizeof(digest)) != 0) {
        return error_set(e, ERROR_CORRUPT, "the payload does not have its digest");
    }
    digest_of(SLICE_ARRAY(no_blind), payload, digest);
    if (memcmp(digest, h->commitment, sizeof(digest)) != 0) {
        return error_set(e, ERROR_CORRUPT, "the payload is not what was committed to");
    }
    return true;
}

static const struct cbor_field start_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct segment_start, number, UINT32_MAX),
    CBOR_FIELD(2, CBOR_UINT, struct segment_start, reason, 255),
    CBOR_FIELD(3, CBOR_UINT, struct segment_start, size, INT64_MAX),
    CBOR_FIELD(4, CBOR_BYTES, struct segment_start, root, MERKLE_LEN),
    CBOR_OPTIONAL(5, CBOR_BYTES, struct segment_start, peaks, MERKLE_PEAKS_MAX *MERKLE_LEN),
    CBOR_OPTIONAL(6, CBOR_UINT, struct segment_start, previous, UINT32_MAX),
    CBOR_OPTIONAL(7, CBOR_UINT, struct segment_start, length, INT64_MAX),
    CBOR_OPTIONAL(8, CBOR_UINT, struct segment_start, behind, INT64_MAX),
    CBOR_OPTIONAL(9, CBOR_TEXT, struct segment_start, program, 100),
};
static const struct cbor_schema start_schema = CBOR_SCHEMA(start_fields, struct segment_start);

static const struct cbor_field commit_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct commit, size, INT64_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct commit, root, MERKLE_LEN),
    CBOR_FIELD(3, CBOR_INT, struct commit, time_ms, 0),
    CBOR_FIELD(4, CBOR_UINT, struct commit, from, INT64_MAX),
    CBOR_FIELD(5, CBOR_BYTES, struct commit, digest, DIGEST_LEN),
    CBOR_OPTIONAL(6, CBOR_BYTES, struct commit, mac, DIGEST_LEN),
};
static const struct cbor_schema commit_schema = CBOR_SCHEMA(commit_fields, struct commit);

struct segment_end {
    uint64_t reason;
};

static const struct cbor_field end_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct segment_end, reason, 255),
};
static const struct cbor_schema end_schema = CBOR_SCHEMA(end_fields, struct segment_end);

/* These bodies hold no lists: reading them allocates nothing. */
static bool read_flat(struct slice body, const struct cbor_schema *schema, void *value,
                      struct error *e)
{
    OWN(arena) struct arena none = {.max = 0};
    return cbor_read(body, schema, &none, value, e) || error_set(e, ERROR_CORRUPT, "%s", e->text);
}

void start_write(struct buf *body, const struct segment_start *s)
{
    cbor_write(body, &start_schema, s);
}

bool start_read(struct slice body, struct segment_start *s, struct error *e)
{
    if (!read_flat(body, &start_schema, s, e)) {
        return false;
    }
    if (s->root.len != MERKLE_LEN || s->number == 0) {
        return error_set(e, ERROR_CORRUPT, "a segment's start is damaged");
    }
    return true;
}

void commit_write(struct buf *body, const struct commit *c)
{
    cbor_write(body, &commit_schema, c);
}

bool commit_read(struct slice body, struct commit *c, struct error *e)
{
    if (!read_flat(body, &commit_schema, c, e)) {
        return false;
    }
    if (c->root.len != MERKLE_LEN || c->digest.len != DIGEST_LEN || c->mac.len != DIGEST_LEN) {
        return error_set(e, ERROR_CORRUPT, "a commit is damaged");
    }
    return true;
}

void commit_mac(const struct commit *c, const struct secret *commit_key,
                uint8_t mac[static DIGEST_LEN])
{
    OWN(buf) struct buf bytes = {.max = CLEAR_MAX};
    struct commit bare = *c;

    bare.mac = SLICE_NONE;
    commit_write(&bytes, &bare);
    digest_hmac(secret_slice(commit_key), buf_slice(&bytes), mac);
}

void end_write(struct buf *body, enum end_reason reason)
{
    struct segment_end end = {.reason = reason};
    cbor_write(body, &end_schema, &end);
}

bool end_read(struct slice body, struct error *e)
{
    struct segment_end end;
    return read_flat(body, &end_schema, &end, e);
}
