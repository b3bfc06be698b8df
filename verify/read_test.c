/* What is read from outside, in small: CBOR, keys, checkpoints, headers. */
#include "tests/test.h"
#include "verify/cbor.h"
#include "verify/certificate.h"
#include "verify/evidence.h"
#include "verify/format.h"
#include "verify/note.h"

#define VIEW(text_) ((struct view){(const uint8_t *)(text_), sizeof(text_) - 1})

static const struct member members[] = {
    {1, MEMBER_UINT,  false, 0, 1000},
    {2, MEMBER_BYTES, true,  1, 4   },
    {3, MEMBER_INT,   false, 0, 0   },
    {9, MEMBER_TEXT,  true,  1, 8   },
};

static void a_map_is_read(void **unused)
{
    (void)unused;
    struct value v[4];

    assert_true(
        cbor_members(VIEW("\xa4\x01\x18\x18\x02\x42xy\x03\x20\x09\x62\xc3\xa9"), members, 4, v));
    assert_int_equal(v[0].number, 24);
    assert_int_equal(v[1].bytes.len, 2);
    assert_true((int64_t)v[2].number == -1);
    assert_int_equal(v[3].bytes.len, 2);
    assert_true(cbor_members(VIEW("\xa2\x01\x00\x03\x00"), members, 4, v));
    assert_int_equal(v[1].bytes.len, 0);
}

static void what_is_not_deterministic_is_no_map(void **unused)
{
    (void)unused;
    static const struct view wrong[] = {
        {(const uint8_t *)"",                                     0 },
        {(const uint8_t *)"\xa2\x01\x18\x17\x03\x00",             6 }, /* a long form of 23 */
        {(const uint8_t *)"\xa2\x01\x19\x03\xe9\x03\x00",         7 }, /* too large */
        {(const uint8_t *)"\xa2\x03\x00\x01\x00",                 5 }, /* out of order */
        {(const uint8_t *)"\xa2\x01\x00\x03\x00\x00",             6 }, /* something behind */
        {(const uint8_t *)"\xa1\x01\x00",                         3 }, /* one is missing */
        {(const uint8_t *)"\xa3\x01\x00\x02\x40\x03\x00",         7 }, /* empty and yet there */
        {(const uint8_t *)"\xa3\x01\x00\x03\x00\x04\x00",         7 }, /* an unknown one */
        {(const uint8_t *)"\xa3\x01\x00\x01\x00\x03\x00",         7 }, /* twice */
        {(const uint8_t *)"\xa3\x01\x00\x02\x45zzzzz\x03\x00",    12}, /* too long */
        {(const uint8_t *)"\xa3\x01\x00\x02\x44zz",               7 }, /* cut short */
        {(const uint8_t *)"\xa3\x01\x00\x03\x00\x09\x62\xc3\x28", 9 }, /* no UTF-8 */
        {(const uint8_t *)"\xa3\x01\x00\x03\x00\x09\x62\xc0\x80", 9 }, /* NUL in two bytes */
        {(const uint8_t *)"\xbf\x01\x00\x03\x00\xff",             6 }, /* of indefinite length */
        {(const uint8_t *)"\x82\x01\x00",                         3 }, /* an array */
    };
    struct value v[4];

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (cbor_members(wrong[i], members, 4, v)) {
            fail_msg("number %zu was read", i);
        }
    }
}

static void lists_are_passed_over_whole(void **unused)
{
    (void)unused;
    static const struct member list[] = {
        {1, MEMBER_LIST, false, 1, 3},
        {2, MEMBER_TRUE, true,  0, 0}
    };
    struct value v[2];
    struct view item;

    assert_true(cbor_members(VIEW("\xa2\x01\x82\xa1\x01\x05\x61x\x02\xf5"), list, 2, v));
    assert_int_equal(v[0].number, 2);
    assert_true(v[1].number != 0);
    assert_true(cbor_item(&v[0].bytes, &item) && item.len == 3);
    assert_true(cbor_item(&v[0].bytes, &item) && item.len == 2);
    assert_false(cbor_item(&v[0].bytes, &item));
    static const struct view wrong[] = {
        {(const uint8_t *)"\xa1\x01\x80",                             3 }, /* fewer than one */
        {(const uint8_t *)"\xa1\x01\x84\x01\x01\x01\x01",             7 }, /* more than three */
        {(const uint8_t *)"\xa1\x01\x81",                             3 }, /* cut short */
        {(const uint8_t *)"\xa1\x01\x9a\xff\xff\xff\xff",             7 }, /* of more items than bytes */
        {(const uint8_t *)"\xa1\x01\x81\xba\xff\xff\xff\xff",         8 }, /* likewise within */
        {(const uint8_t *)"\xa1\x01\x81\x81\x81\x81\x81\x81\x81\x00", 10}, /* too deep */
        {(const uint8_t *)"\xa2\x01\x81\x00\x02\xf4",                 6 }, /* false and yet there */
        {(const uint8_t *)"\xa1\x01\x81\xf6",                         4 }, /* null */
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (cbor_members(wrong[i], list, 2, v)) {
            fail_msg("number %zu was read", i);
        }
    }
}

static void a_key_is_read_only_as_it_is_written(void **unused)
{
    (void)unused;
    struct hash *h = hash_new();
    struct note_key key;

    assert_false(note_key_read(VIEW(""), h, &key));
    assert_false(note_key_read(VIEW("+"), h, &key));
    assert_false(note_key_read(VIEW("a+b"), h, &key));
    assert_false(
        note_key_read(VIEW("a b+530f903b+Ae/Kw5NyIhHvQmR1XIHBpWhhbYEIgs3lUTyFRsK9iYVk"), h, &key));
    hash_free(h);
}

static void notes_are_cut_apart(void **unused)
{
    (void)unused;
    struct view rest = VIEW("\n\na\n1\nx\n\n\xe2\x80\x94 k s\n\nb\n2\ny\n\n\xe2\x80\x94 k t\n\n");
    struct view note;

    assert_true(note_next(&rest, &note));
    assert_int_equal(note.len, strlen("a\n1\nx\n\n") + strlen("\xe2\x80\x94 k s\n"));
    assert_true(note_next(&rest, &note));
    assert_int_equal(note.at[0], 'b');
    assert_false(note_next(&rest, &note));
}

static void a_start_that_says_too_much_is_none(void **unused)
{
    (void)unused;
    struct start start;
    uint8_t body[64] = "\xa5\x01\x01\x02\x01\x03\x00\x04\x58\x20";
    size_t len = 10 + 32;

    body[0] = 0xa4;
    assert_true(start_read((struct view){body, len}, &start));
    assert_int_equal(start.number, 1);
    body[4] = 6; /* a reason that there is not */
    assert_false(start_read((struct view){body, len}, &start));
    body[4] = 1;
    assert_false(start_read((struct view){body, len - 1}, &start));
}

/* Two holds, a with 1 letter and b with 2. */
static void holds_fit_what_they_kept(void **unused)
{
    (void)unused;
    struct view holds = VIEW("\xa2\x01\x61"
                             "a\x02\x01\xa2\x01\x61"
                             "b\x02\x02");
    struct view nothing = VIEW("\xa2\x01\x61"
                               "a\x02\x00");
    struct view unnamed = VIEW("\xa2\x01\x60\x02\x01");
    struct view rest = holds;
    struct certified_hold hold;

    assert_true(certificate_hold(&rest, &hold) && hold.letters == 1 && hold.name.at[0] == 'a');
    assert_true(certificate_hold(&rest, &hold) && hold.letters == 2 && hold.name.at[0] == 'b');
    assert_false(certificate_hold(&rest, &hold));
    assert_true(certificate_holds_agree(holds, 2, 3, false));
    assert_true(certificate_holds_agree(holds, 2, 2, false));  /* one letter is held by both */
    assert_false(certificate_holds_agree(holds, 2, 4, false)); /* by what else? */
    assert_true(certificate_holds_agree(holds, 2, 4, true));
    assert_false(certificate_holds_agree(holds, 2, 1, true)); /* more than were held */
    assert_false(certificate_holds_agree(holds, 1, 3, true)); /* something behind */
    assert_false(certificate_holds_agree(nothing, 1, 1, true));
    assert_false(certificate_holds_agree(unnamed, 1, 1, true));
    assert_true(certificate_holds_agree((struct view){NULL, 0}, 0, 5, false));
}

/* {1: h'00', 3: [{1: 1}], 4: "ab"} */
static void one_member_is_picked(void **unused)
{
    (void)unused;
    static const struct member bytes = {1, MEMBER_BYTES, false, 1, 1};
    static const struct member text = {4, MEMBER_TEXT, false, 0, 9};
    static const struct member list = {3, MEMBER_LIST, true, 0, 9};
    static const struct member other = {2, MEMBER_UINT, false, 0, 9};
    static const struct member may_be = {2, MEMBER_UINT, true, 0, 9};
    struct view map = {(const uint8_t *)"\xa3\x01\x41\x00\x03\x81\xa1\x01\x01\x04\x62"
                                        "ab",
                       13};
    struct view twice = VIEW("\xa2\x02\x01\x02\x01");
    struct view cut = {map.at, map.len - 1};
    struct value v;

    assert_true(cbor_pick(map, &bytes, &v) && v.bytes.len == 1 && v.bytes.at[0] == 0);
    assert_true(cbor_pick(map, &text, &v) && v.bytes.len == 2 && v.bytes.at[1] == 'b');
    assert_true(cbor_pick(map, &list, &v) && v.number == 1 && v.bytes.len == 3);
    assert_false(cbor_pick(map, &other, &v));
    assert_true(cbor_pick(map, &may_be, &v) && v.number == 0);
    assert_false(cbor_pick(twice, &may_be, &v));
    assert_false(cbor_pick(cut, &bytes, &v));
    assert_false(cbor_pick((struct view){map.at + 1, map.len - 1}, &bytes, &v));
}

/* "a": 1, 7 points */
static void signs_are_read_one_by_one(void **unused)
{
    (void)unused;
    struct view rest = VIEW("\xa3\x01\x61"
                            "a\x02\x01\x03\x07");
    struct evidence_sign sign;

    assert_true(evidence_sign(&rest, &sign) && sign.value == 1 && sign.points == 7);
    assert_false(evidence_sign(&rest, &sign));
    rest = VIEW("\xa1\x01\x61"
                "a");
    assert_false(evidence_sign(&rest, &sign));
    assert_true(evidence_is(VIEW("postern-suspension-evidence 1\n")));
    assert_false(evidence_is(VIEW("postern-suspension-evidence 1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_is_read),
        cmocka_unit_test(what_is_not_deterministic_is_no_map),
        cmocka_unit_test(lists_are_passed_over_whole),
        cmocka_unit_test(a_key_is_read_only_as_it_is_written),
        cmocka_unit_test(notes_are_cut_apart),
        cmocka_unit_test(holds_fit_what_they_kept),
        cmocka_unit_test(one_member_is_picked),
        cmocka_unit_test(signs_are_read_one_by_one),
        cmocka_unit_test(a_start_that_says_too_much_is_none),
    };
    return cmocka_run_group_tests_name("verify/read", tests, NULL, NULL);
}
