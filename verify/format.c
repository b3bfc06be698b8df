#include "verify/format.h"

#include "verify/cbor.h"

#define FORMAT 1
#define SEALED 1 /* flag of a record */

fault segment_head_read(const uint8_t in[static SEGMENT_HEAD_LEN], struct hash *h,
                        struct segment_head *out)
{
    uint8_t digest[HASH_LEN];

    out->number = be32(in + 12);
    (void)memcpy(out->ledger, in + 24, ID_LEN);
    (void)memcpy(out->key, in + 40, ID_LEN);
    hash_begin(h);
    hash_add(h, in, 480);
    hash_end(h, digest);
    if (!same(in, (const uint8_t *)"PSTNLEDG", 8)) {
        return "the file does not begin as a segment does";
    }
    if (!same(digest, in + 480, sizeof(digest))) {
        return "the segment's header is altered";
    }
    if (be16(in + 8) != FORMAT || be16(in + 10) != SEGMENT_HEAD_LEN || !is_zero(in + 56, 8) ||
        !is_zero(in + 161, 319)) {
        return "newer: the segment's header is of another format";
    }
    return NULL;
}

/* What a record's type says of its header. */
static bool fits_type(const uint8_t *in, const struct record *r)
{
    if (r->sealed) {
        return r->type >= TYPE_SEALED && r->length > HASH_LEN + 16 && r->length <= SEALED_MAX;
    }
    return r->type >= TYPE_START && r->type <= TYPE_ERASED && r->length <= CLEAR_MAX &&
           is_zero(in + 24, 48);
}

fault record_read(const uint8_t in[static RECORD_HEAD_LEN], struct record *out)
{
    out->sealed = in[5] & SEALED;
    out->type = be16(in + 6);
    out->time = (int64_t)be64(in + 8);
    out->length = be32(in + 16);
    (void)memcpy(out->key, in + 24, ID_LEN);
    (void)memcpy(out->commitment, in + 72, HASH_LEN);
    out->number = be64(in + 104);
    (void)memcpy(out->digest, in + 112, HASH_LEN);
    if (!same(in, (const uint8_t *)"PREC", 4)) {
        return "no record begins here";
    }
    return in[4] != FORMAT || (in[5] & ~SEALED) || !is_zero(in + 20, 4) || !fits_type(in, out)
               ? "the record's header is altered"
               : NULL;
}

void record_leaf(const struct record *r, struct hash *h, uint8_t leaf[static HASH_LEN])
{
    uint8_t bytes[1 + 8 + 2 + 8 + HASH_LEN] = {0};

    put_be64(bytes + 1, r->number);
    bytes[9] = (uint8_t)(r->type >> 8);
    bytes[10] = (uint8_t)r->type;
    put_be64(bytes + 11, (uint64_t)r->time);
    (void)memcpy(bytes + 19, r->commitment, HASH_LEN);
    hash_begin(h);
    hash_add(h, bytes, sizeof(bytes));
    hash_end(h, leaf);
}

static void clear_digests(struct view payload, struct hash *h, uint8_t digest[static HASH_LEN],
                          uint8_t commitment[static HASH_LEN])
{
    static const uint8_t blind[32];

    hash_begin(h);
    hash_add(h, payload.at, payload.len);
    hash_end(h, digest);
    hash_add(h, blind, sizeof(blind));
    hash_add(h, payload.at, payload.len);
    hash_end(h, commitment);
}

bool clear_stands(const struct record *r, struct view payload, struct hash *h)
{
    uint8_t digest[HASH_LEN];
    uint8_t commitment[HASH_LEN];

    clear_digests(payload, h, digest, commitment);
    return same(digest, r->digest, HASH_LEN) || same(commitment, r->commitment, HASH_LEN);
}

fault clear_check(const struct record *r, struct view payload, struct hash *h)
{
    uint8_t digest[HASH_LEN];
    uint8_t commitment[HASH_LEN];

    clear_digests(payload, h, digest, commitment);
    if (!same(digest, r->digest, HASH_LEN)) {
        return "the record's payload is altered";
    }
    return same(commitment, r->commitment, HASH_LEN) ? NULL
                                                     : "the record is not what was committed to";
}

#define COUNT(list_) (sizeof(list_) / sizeof((list_)[0]))

bool start_read(struct view body, struct start *out)
{
    static const struct member members[] = {
        {1, MEMBER_UINT,  false, 1,  UINT32_MAX   },
        {2, MEMBER_UINT,  false, 1,  REASON_FAILED},
        {3, MEMBER_UINT,  false, 0,  INT64_MAX    },
        {4, MEMBER_BYTES, false, 32, 32           },
        {5, MEMBER_BYTES, true,  32, 2048         },
        {6, MEMBER_UINT,  true,  1,  UINT32_MAX   },
        {7, MEMBER_UINT,  true,  1,  INT64_MAX    },
        {8, MEMBER_UINT,  true,  1,  INT64_MAX    },
        {9, MEMBER_TEXT,  true,  1,  100          },
    };
    struct value v[COUNT(members)];

    if (!cbor_members(body, members, COUNT(members), v)) {
        return false;
    }
    *out = (struct start){.number = v[0].number,
                          .reason = v[1].number,
                          .size = v[2].number,
                          .root = v[3].bytes,
                          .peaks = v[4].bytes,
                          .previous = v[5].number,
                          .length = v[6].number,
                          .behind = v[7].number};
    return true;
}

bool commit_read(struct view body, struct commit *out)
{
    static const struct member members[] = {
        {1, MEMBER_UINT,  false, 0,  INT64_MAX},
        {2, MEMBER_BYTES, false, 32, 32       },
        {3, MEMBER_INT,   false, 0,  0        },
        {4, MEMBER_UINT,  false, 0,  INT64_MAX},
        {5, MEMBER_BYTES, false, 32, 32       },
        {6, MEMBER_BYTES, false, 32, 32       },
    };
    struct value v[COUNT(members)];

    if (!cbor_members(body, members, COUNT(members), v)) {
        return false;
    }
    *out = (struct commit){.size = v[0].number,
                           .root = v[1].bytes,
                           .time = (int64_t)v[2].number,
                           .from = v[3].number,
                           .digest = v[4].bytes};
    return true;
}

bool end_read(struct view body, uint64_t *reason)
{
    static const struct member member = {1, MEMBER_UINT, false, 1, 2};
    struct value v;

    if (!cbor_members(body, &member, 1, &v)) {
        return false;
    }
    *reason = v.number;
    return true;
}

bool pack_record_read(struct view body, struct pack_record *out)
{
    static const struct member members[] = {
        {1, MEMBER_UINT,  false, 1,  UINT32_MAX},
        {2, MEMBER_BYTES, false, 32, 32        },
        {3, MEMBER_UINT,  false, 1,  INT64_MAX },
        {4, MEMBER_BYTES, false, 32, 32        },
        {5, MEMBER_UINT,  false, 0,  INT64_MAX },
        {6, MEMBER_UINT,  false, 2,  UINT32_MAX},
    };
    struct value v[COUNT(members)];

    if (!cbor_members(body, members, COUNT(members), v)) {
        return false;
    }
    *out = (struct pack_record){.number = v[0].number,
                                .digest = v[1].bytes,
                                .length = v[2].number,
                                .first = v[4].number,
                                .records = v[5].number};
    return true;
}

bool erasure_read(struct view body, struct erasure *out)
{
    static const struct member members[] = {
        {1, MEMBER_UINT,  false, 1,  UINT32_MAX},
        {2, MEMBER_BYTES, false, 12, CLEAR_MAX },
    };
    struct value v[COUNT(members)];

    if (!cbor_members(body, members, COUNT(members), v) || v[1].bytes.len % 12) {
        return false;
    }
    *out = (struct erasure){v[0].number, v[1].bytes};
    return true;
}

bool erased_read(struct view body, uint64_t *of)
{
    static const struct member member = {1, MEMBER_UINT, false, 0, INT64_MAX};
    struct value v;

    if (!cbor_members(body, &member, 1, &v)) {
        return false;
    }
    *of = v.number;
    return true;
}
