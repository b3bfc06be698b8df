#include "formats/cbor/cbor.h"
#include "tests/test.h"

struct item {
    uint64_t n;
};

struct sample {
    uint64_t u;
    int64_t i;
    bool b;
    struct slice bytes;
    struct slice text;
    struct cbor_list items;
    struct cbor_list texts;
};

static const struct cbor_field item_fields[] = {CBOR_FIELD(1, CBOR_UINT, struct item, n, 0)};
static const struct cbor_schema item_schema = CBOR_SCHEMA(item_fields, struct item);

static const struct cbor_field sample_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct sample, u, 0),
    CBOR_OPTIONAL(2, CBOR_INT, struct sample, i, 0),
    CBOR_OPTIONAL(3, CBOR_BOOL, struct sample, b, 0),
    CBOR_OPTIONAL(4, CBOR_BYTES, struct sample, bytes, 4),
    CBOR_OPTIONAL(5, CBOR_TEXT, struct sample, text, 4),
    CBOR_SUB_OPTIONAL(6, CBOR_LIST, struct sample, items, 3, &item_schema),
    CBOR_OPTIONAL(7, CBOR_TEXTS, struct sample, texts, 3),
};
static const struct cbor_schema sample_schema = CBOR_SCHEMA(sample_fields, struct sample);

static bool reads(struct slice in)
{
    OWN(arena) struct arena a = {.max = 4096};
    struct sample s;
    struct error e;
    return cbor_read(in, &sample_schema, &a, &s, &e);
}

static void round_trip(void **unused)
{
    (void)unused;
    struct item items[] = {{24}, {65536}};
    struct slice texts[] = {SLICE_INIT("x"), SLICE_INIT("")};
    struct sample in = {
        .u = UINT64_MAX,
        .i = -500,
        .b = true,
        .bytes = SLICE("\0\xff"),
        .text = SLICE("\xc3\xa4"),
        .items = {items, 2},
        .texts = {texts, 2}
    };
    struct sample out;
    struct error e;
    OWN(buf) struct buf b = {.max = 200};
    OWN(arena) struct arena a = {.max = 4096};

    cbor_write(&b, &sample_schema, &in);
    assert_false(b.full);
    assert_ok(cbor_read(buf_slice(&b), &sample_schema, &a, &out, &e), e);
    assert_true(out.u == UINT64_MAX && out.i == -500 && out.b);
    assert_true(slice_equal(out.bytes, in.bytes) && slice_equal(out.text, in.text));
    assert_int_equal(((struct item *)out.items.items)[1].n, 65536);
    assert_int_equal(out.texts.count, 2);
    for (size_t cut = 0; cut < b.len; cut++) {
        assert_false(reads(slice_head(buf_slice(&b), cut)));
    }
}

struct long_item {
    uint64_t n;
    struct slice bytes;
};

static void the_front_of_what_ends_in_bytes(void **unused)
{
    (void)unused;
    static const struct cbor_field fields[] = {
        CBOR_OPTIONAL(1, CBOR_UINT, struct long_item, n, 0),
        CBOR_FIELD(2, CBOR_BYTES, struct long_item, bytes, 100000),
    };
    static const struct cbor_schema schema = CBOR_SCHEMA(fields, struct long_item);
    static const uint8_t zeros[70000];
    static const size_t lengths[] = {0, 1, 23, 24, 255, 256, 65535, 65536, sizeof(zeros)};

    for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct long_item item = {.n = i % 2, .bytes = slice_of(zeros, lengths[i / 2])};
        OWN(buf) struct buf whole = {.max = 100000};
        OWN(buf) struct buf pieces = {.max = 100000};
        cbor_write(&whole, &schema, &item);
        cbor_write_front(&pieces, &schema, &item);
        assert_true(pieces.len < 20);
        buf_add(&pieces, item.bytes);
        assert_true(!whole.full && slice_equal(buf_slice(&whole), buf_slice(&pieces)));
    }
}

static void one_encoding_only(void **unused)
{
    (void)unused;
    assert_true(reads(SLICE("\xa1\x01\x05")));
    assert_true(reads(SLICE("\xa1\x01\x18\x18")));
    assert_false(reads(SLICE("\xa1\x01\x18\x17")));         /* 23 in two bytes        */
    assert_false(reads(SLICE("\xa1\x01\x19\x00\xff")));     /* 255 in three           */
    assert_false(reads(SLICE("\xa1\x01\x05\x00")));         /* something behind       */
    assert_false(reads(SLICE("\xa0")));                     /* key 1 missing          */
    assert_false(reads(SLICE("\xa2\x01\x05\x01\x05")));     /* repeated               */
    assert_false(reads(SLICE("\xa2\x03\xf5\x01\x05")));     /* out of order           */
    assert_false(reads(SLICE("\xa2\x01\x05\x02\x00")));     /* optional but empty     */
    assert_false(reads(SLICE("\xa2\x01\x05\x09\x01")));     /* unknown                */
    assert_false(reads(SLICE("\xbf\x01\x05\xff")));         /* indefinite             */
    assert_false(reads(SLICE("\xa2\x01\x05\x05\x61\xff"))); /* text is not UTF-8      */
    assert_false(
        reads(SLICE("\xa2\x01\x05\x04\x45\x61\x62\x63\x64\x65"))); /* longer than its bound  */
    assert_false(reads(SLICE("\xa2\x01\x05\x06\x9b\xff\xff\xff\xff\xff\xff\xff\xff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(the_front_of_what_ends_in_bytes),
        cmocka_unit_test(one_encoding_only),
    };
    return cmocka_run_group_tests_name("formats/cbor", tests, NULL, NULL);
}
