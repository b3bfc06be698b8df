/* The bytes of docs/ledger-format.md section 12. */
#include "ledger/pack_format.h"

#include <stdio.h>
#include <time.h>

#include "base/bytes.h"

#include "formats/cbor/cbor.h"

#define FORMAT 1

static const char pack_magic[8] = {'P', 'S', 'T', 'N', 'P', 'A', 'C', 'K'};
static const char payload_magic[8] = {'P', 'S', 'T', 'N', 'D', 'A', 'T', 'A'};

#define PAYLOAD_MAKING 24 /* where it stands in the file's name, behind number, class and month */

enum { FLAG_SEALED = 1, FLAG_DICTIONARY = 2, FLAG_OBJECTS = 4 };

enum {
    PACK_FORMAT = 8,
    PACK_LENGTH = 10,
    PACK_NUMBER = 12,
    PACK_CREATED = 16,
    PACK_LEDGER = 24,
    PACK_ID = 40,
    PACK_FIRST = 56,
    PACK_RECORDS = 64,
    PACK_FILES = 68,
    PACK_SEGMENT = 72,
    PACK_BYTES = 80,
    PACK_MAKING = 88,
    PACK_RESERVED = 90,
    PACK_DICTIONARY = 96,
    PACK_DIGEST = 128,
    PACK_LEDGER_KEY = 160,
    PACK_SEALED_KEY = 176,
    PACK_RESERVED_2 = 257,
    PACK_CHECK = 480,
};

_Static_assert(PACK_DIGEST + DIGEST_LEN == PACK_FIXED_LEN &&
                   PACK_SEALED_KEY + SEGMENT_KEY_LEN == PACK_RESERVED_2,
               "section 12");

void pack_name(uint32_t number, char name[static PACK_NAME_MAX])
{
    (void)snprintf(name, PACK_NAME_MAX, "%010u.pack", number);
}

void pack_name_new(uint32_t number, char name[static PACK_NAME_MAX])
{
    (void)snprintf(name, PACK_NAME_MAX, "%010u.pack.new", number);
}

void pack_payload_name(const struct pack_head *head, const struct pack_row *row,
                       char name[static PACK_NAME_MAX])
{
    if (head->making) {
        (void)snprintf(name, PACK_NAME_MAX, "%010u-%05u-%06u-%05u.data", head->number, row->class,
                       row->month, head->making);
    } else {
        (void)snprintf(name, PACK_NAME_MAX, "%010u-%05u-%06u.data", head->number, row->class,
                       row->month);
    }
}

void segment_name_old(uint32_t number, char name[static SEGMENT_NAME_MAX])
{
    (void)snprintf(name, SEGMENT_NAME_MAX, "%010u.old", number);
}

static bool all_digits(struct slice s)
{
    uint64_t unused = 0;
    return slice_decimal(s, UINT32_MAX, &unused);
}

/* Behind the number: class and month, and in a pack that was made of a pack the making. */
static bool is_payload(struct slice rest)
{
    struct slice ending = slice_from(rest, 13);

    if (rest.len < 18 || rest.ptr[0] != '-' || rest.ptr[6] != '-' ||
        !all_digits(slice_head(slice_from(rest, 1), 5)) ||
        !all_digits(slice_head(slice_from(rest, 7), 6))) {
        return false;
    }
    if (ending.len > 6 && ending.ptr[0] == '-' &&
        all_digits(slice_head(slice_from(ending, 1), 5))) {
        ending = slice_from(ending, 6);
    }
    return slice_equal(ending, SLICE(".data"));
}

static enum ledger_file file_of_objects(struct slice rest)
{
    bool objects = rest.len >= 14 && rest.ptr[0] == '-' &&
                   all_digits(slice_head(slice_from(rest, 1), 5)) &&
                   slice_equal(slice_head(slice_from(rest, 6), 8), SLICE(".objects"));
    struct slice ending = objects ? slice_from(rest, 14) : SLICE_NONE;

    if (objects && ending.len == 0) {
        return FILE_OBJECTS;
    }
    return objects && slice_equal(ending, SLICE(".new")) ? FILE_OBJECTS_NEW : FILE_OTHER;
}

enum ledger_file ledger_file_of(const char *name, uint32_t *number)
{
    static const struct {
        struct slice ending;
        enum ledger_file file;
    } endings[] = {
        {SLICE_INIT(".seg"),      FILE_SEGMENT },
        {SLICE_INIT(".pack"),     FILE_PACK    },
        {SLICE_INIT(".pack.new"), FILE_PACK_NEW},
        {SLICE_INIT(".old"),      FILE_OLD     },
    };
    struct slice s = slice_text(name);
    uint64_t value = 0;

    if (s.len < 14 || !slice_decimal(slice_head(s, 10), UINT32_MAX, &value) || value == 0) {
        return FILE_OTHER;
    }
    struct slice rest = slice_from(s, 10);
    *number = (uint32_t)value;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (slice_equal(rest, endings[i].ending)) {
            return endings[i].file;
        }
    }
    return is_payload(rest) ? FILE_PAYLOAD : file_of_objects(rest);
}

uint16_t pack_payload_making(const char *name)
{
    uint64_t making = 0;

    (void)!slice_decimal(slice_head(slice_from(slice_text(name), PAYLOAD_MAKING), 5), UINT16_MAX,
                         &making);
    return (uint16_t)making;
}

void pack_fixed_write(struct pack_head *h)
{
    uint8_t *out = h->fixed;

    (void)memset(out, 0, sizeof(h->fixed));
    (void)memcpy(out, pack_magic, sizeof(pack_magic));
    put16(out + PACK_FORMAT, FORMAT);
    put16(out + PACK_LENGTH, PACK_HEAD_LEN);
    put32(out + PACK_NUMBER, h->number);
    put64(out + PACK_CREATED, (uint64_t)h->created_ms);
    (void)memcpy(out + PACK_LEDGER, h->ledger_id, sizeof(h->ledger_id));
    (void)memcpy(out + PACK_ID, h->id, sizeof(h->id));
    put64(out + PACK_FIRST, h->first);
    put32(out + PACK_RECORDS, h->records);
    put32(out + PACK_FILES, h->files);
    put64(out + PACK_SEGMENT, h->segment_length);
    put64(out + PACK_BYTES, h->length);
    put16(out + PACK_MAKING, h->making);
    (void)memcpy(out + PACK_DICTIONARY, h->dictionary, sizeof(h->dictionary));
    (void)memcpy(out + PACK_DIGEST, h->digest, sizeof(h->digest));
}

void pack_head_write(struct pack_head *h, uint8_t out[static PACK_HEAD_LEN])
{
    pack_fixed_write(h);
    (void)memset(out, 0, PACK_HEAD_LEN);
    (void)memcpy(out, h->fixed, sizeof(h->fixed));
    (void)memcpy(out + PACK_LEDGER_KEY, h->ledger_key_id, sizeof(h->ledger_key_id));
    (void)memcpy(out + PACK_SEALED_KEY, h->sealed_key, sizeof(h->sealed_key));
    digest_of(slice_of(out, PACK_CHECK), SLICE_NONE, out + PACK_CHECK);
}

static void get_head(const uint8_t *in, struct pack_head *h)
{
    h->number = get32(in + PACK_NUMBER);
    h->created_ms = (int64_t)get64(in + PACK_CREATED);
    (void)memcpy(h->ledger_id, in + PACK_LEDGER, sizeof(h->ledger_id));
    (void)memcpy(h->id, in + PACK_ID, sizeof(h->id));
    h->first = get64(in + PACK_FIRST);
    h->records = get32(in + PACK_RECORDS);
    h->files = get32(in + PACK_FILES);
    h->segment_length = get64(in + PACK_SEGMENT);
    h->length = get64(in + PACK_BYTES);
    h->making = get16(in + PACK_MAKING);
    (void)memcpy(h->dictionary, in + PACK_DICTIONARY, sizeof(h->dictionary));
    (void)memcpy(h->digest, in + PACK_DIGEST, sizeof(h->digest));
    (void)memcpy(h->ledger_key_id, in + PACK_LEDGER_KEY, sizeof(h->ledger_key_id));
    (void)memcpy(h->sealed_key, in + PACK_SEALED_KEY, sizeof(h->sealed_key));
    (void)memcpy(h->fixed, in, sizeof(h->fixed));
}

bool pack_head_read(const uint8_t in[static PACK_HEAD_LEN], struct pack_head *h, struct error *e)
{
    uint8_t digest[DIGEST_LEN];

    if (memcmp(in, pack_magic, sizeof(pack_magic)) != 0) {
        return error_set(e, ERROR_CORRUPT, "the header is not a pack's");
    }
    digest_of(slice_of(in, PACK_CHECK), SLICE_NONE, digest);
    bool whole = memcmp(digest, in + PACK_CHECK, sizeof(digest)) == 0;
    if (whole && get16(in + PACK_FORMAT) > FORMAT) {
        return error_set(e, ERROR_CONFIG, "written by a newer version of Postern");
    }
    get_head(in, h);
    if (!whole || get16(in + PACK_FORMAT) != FORMAT || get16(in + PACK_LENGTH) != PACK_HEAD_LEN ||
        !bytes_are_zero(in + PACK_RESERVED, PACK_DICTIONARY - PACK_RESERVED) ||
        !bytes_are_zero(in + PACK_RESERVED_2, PACK_CHECK - PACK_RESERVED_2) ||
        h->files > PACK_FILES_MAX || h->records < 2 || h->first > INT64_MAX ||
        h->length < pack_clear_at(h)) {
        return error_set(e, ERROR_CORRUPT, "the pack's header is damaged");
    }
    return true;
}

void pack_digest(const struct pack_head *h, uint8_t digest[static DIGEST_LEN])
{
    digest_of(SLICE_ARRAY(h->fixed), SLICE_NONE, digest);
}

uint64_t pack_clear_at(const struct pack_head *h)
{
    return PACK_HEAD_LEN + (uint64_t)h->files * PACK_ROW_LEN +
           (uint64_t)h->records * PACK_ENTRY_LEN;
}

void pack_row_write(const struct pack_row *r, uint8_t out[static PACK_ROW_LEN])
{
    (void)memset(out, 0, PACK_ROW_LEN);
    put16(out, r->class);
    put32(out + 4, r->month);
    put64(out + 8, r->length);
    (void)memcpy(out + 16, r->digest, DIGEST_LEN);
}

bool pack_row_read(const uint8_t in[static PACK_ROW_LEN], struct pack_row *r)
{
    r->class = get16(in);
    r->month = get32(in + 4);
    r->length = get64(in + 8);
    (void)memcpy(r->digest, in + 16, DIGEST_LEN);
    if (get16(in + 2) || r->length <= PAYLOAD_HEAD_LEN) {
        return false;
    }
    return r->class == PACK_OBJECTS ? r->month && r->month <= UINT16_MAX
                                    : bytes_are_zero(r->digest, DIGEST_LEN) && r->month <= 999999;
}

static uint8_t flags_of(const struct pack_entry *n)
{
    return (uint8_t)((n->sealed ? FLAG_SEALED : 0) | (n->dictionary ? FLAG_DICTIONARY : 0) |
                     (n->objects ? FLAG_OBJECTS : 0));
}

void pack_entry_write(const struct pack_entry *n, uint8_t out[static PACK_ENTRY_LEN])
{
    uint8_t offset[8];

    (void)memset(out, 0, PACK_ENTRY_LEN);
    put16(out, n->type);
    out[2] = flags_of(n);
    put32(out + 4, n->length);
    put64(out + 8, (uint64_t)n->time_ms);
    put16(out + 16, n->file);
    put64(offset, n->offset);
    (void)memcpy(out + 18, offset + 2, 6);
    (void)memcpy(out + 24, n->commitment, DIGEST_LEN);
    (void)memcpy(out + 56, n->digest, PAYLOAD_DIGEST_LEN);
}

bool pack_entry_read(const uint8_t in[static PACK_ENTRY_LEN], struct pack_entry *n)
{
    uint8_t offset[8] = {0};

    n->type = get16(in);
    n->sealed = in[2] & FLAG_SEALED;
    n->dictionary = in[2] & FLAG_DICTIONARY;
    n->objects = in[2] & FLAG_OBJECTS;
    n->length = get32(in + 4);
    n->time_ms = (int64_t)get64(in + 8);
    n->file = get16(in + 16);
    (void)memcpy(offset + 2, in + 18, 6);
    n->offset = get64(offset);
    (void)memcpy(n->commitment, in + 24, DIGEST_LEN);
    (void)memcpy(n->digest, in + 56, PAYLOAD_DIGEST_LEN);
    n->left_out = n->sealed && n->file == 0;
    if (n->left_out) {
        return in[2] == FLAG_SEALED && in[3] == 0 && n->type >= LEDGER_TYPE_OWN && n->length == 0 &&
               n->offset == 0 && bytes_are_zero(n->digest, sizeof(n->digest));
    }
    if ((in[2] & ~(FLAG_SEALED | FLAG_DICTIONARY | FLAG_OBJECTS)) || in[3] ||
        n->sealed != (n->file != 0) || ((n->dictionary || n->objects) && !n->sealed)) {
        return false;
    }
    return n->sealed
               ? n->type >= LEDGER_TYPE_OWN && n->length > RECORD_SEALED_MIN
               : n->type >= RECORD_START && n->type <= RECORD_ERASED && n->length <= CLEAR_MAX;
}

void payload_head_write(const struct pack_head *h, const struct pack_row *r,
                        uint8_t out[static PAYLOAD_HEAD_LEN])
{
    (void)memset(out, 0, PAYLOAD_HEAD_LEN);
    (void)memcpy(out, payload_magic, sizeof(payload_magic));
    put16(out + 8, FORMAT);
    put16(out + 10, PAYLOAD_HEAD_LEN);
    put32(out + 12, h->number);
    (void)memcpy(out + 16, h->ledger_id, sizeof(h->ledger_id));
    (void)memcpy(out + 32, h->id, sizeof(h->id));
    put16(out + 48, r->class);
    put32(out + 52, r->month);
}

uint32_t pack_month(int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;

    if (time_ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900) {
        return 0;
    }
    return (uint32_t)(tm.tm_year + 1900) * 100 + (uint32_t)tm.tm_mon + 1;
}

struct record_head pack_record_head(const struct pack_entry *n, uint64_t seq)
{
    struct record_head h = {.sealed = n->sealed,
                            .type = n->type,
                            .time_ms = n->time_ms,
                            .length = n->length,
                            .seq = seq};

    (void)memcpy(h.commitment, n->commitment, DIGEST_LEN);
    return h;
}

void pack_aad(const struct pack_head *h, const struct pack_entry *n, uint64_t seq,
              uint8_t aad[static PACK_AAD_LEN])
{
    aad[0] = 0;
    put64(aad + 1, seq);
    put16(aad + 9, n->type);
    put64(aad + 11, (uint64_t)n->time_ms);
    (void)memcpy(aad + 19, n->commitment, DIGEST_LEN);
    (void)memcpy(aad + 51, h->id, KEYRING_ID_LEN);
    aad[67] = flags_of(n);
}

static const struct cbor_field pack_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct pack_record, number, UINT32_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct pack_record, digest, DIGEST_LEN),
    CBOR_FIELD(3, CBOR_UINT, struct pack_record, length, INT64_MAX),
    CBOR_FIELD(4, CBOR_BYTES, struct pack_record, replaced, DIGEST_LEN),
    CBOR_FIELD(5, CBOR_UINT, struct pack_record, first, INT64_MAX),
    CBOR_FIELD(6, CBOR_UINT, struct pack_record, records, UINT32_MAX),
};
static const struct cbor_schema pack_schema = CBOR_SCHEMA(pack_fields, struct pack_record);

void pack_record_write(struct buf *body, const struct pack_record *r)
{
    cbor_write(body, &pack_schema, r);
}

bool pack_record_read(struct slice body, struct pack_record *r, struct error *e)
{
    OWN(arena) struct arena none = {.max = 0};

    return (cbor_read(body, &pack_schema, &none, r, e) && r->digest.len == DIGEST_LEN) ||
           error_set(e, ERROR_CORRUPT, "a pack's record is damaged");
}

static const struct cbor_field erasure_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct erasure_record, number, UINT32_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct erasure_record, ranges, CLEAR_MAX),
};
static const struct cbor_schema erasure_schema = CBOR_SCHEMA(erasure_fields, struct erasure_record);

struct erased_record {
    uint64_t erasure;
};

static const struct cbor_field erased_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct erased_record, erasure, INT64_MAX),
};
static const struct cbor_schema erased_schema = CBOR_SCHEMA(erased_fields, struct erased_record);

void erasure_record_write(struct buf *body, const struct erasure_record *r)
{
    cbor_write(body, &erasure_schema, r);
}

bool erasure_record_read(struct slice body, struct erasure_record *r, struct error *e)
{
    OWN(arena) struct arena none = {.max = 0};
    return cbor_read(body, &erasure_schema, &none, r, e);
}

void erased_record_write(struct buf *body, uint64_t erasure)
{
    const struct erased_record r = {erasure};
    cbor_write(body, &erased_schema, &r);
}

bool erased_record_read(struct slice body, uint64_t *erasure, struct error *e)
{
    OWN(arena) struct arena none = {.max = 0};
    struct erased_record r;

    if (!cbor_read(body, &erased_schema, &none, &r, e)) {
        return false;
    }
    *erasure = r.erasure;
    return true;
}
