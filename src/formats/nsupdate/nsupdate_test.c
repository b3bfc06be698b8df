/* What other programs make of these messages shows tests/system/test_publish.py, with Knot. */
#include "base/bytes.h"

#include "formats/nsupdate/internal.h"
#include "formats/nsupdate/nsupdate.h"
#include "tests/test.h"

#define NOW  UINT64_C(1800000000)
#define ID   0x1234
#define NAME "a._domainkey.example.test"
#define TXT  16

static const struct nsupdate_key key = {.name = SLICE_INIT("postern"),
                                        .secret = SLICE_INIT("0123456789abcdef0123456789abcdef")};

static struct arena arena;

static int set_up(void **unused)
{
    (void)unused;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    arena_done(&arena);
    return 0;
}

/* ── a server's side ── */

static void add16(struct buf *b, uint16_t value)
{
    uint8_t bytes[2];

    put16(bytes, value);
    buf_add(b, SLICE_ARRAY(bytes));
}

/* The header and question of an answer. */
static void answer_begin(struct buf *b, unsigned flags, bool update, uint16_t answers)
{
    add16(b, ID);
    add16(b, (uint16_t)(0x8000 | (update ? 5 << 11 : 0) | flags));
    add16(b, 1);
    add16(b, answers);
    add16(b, 0);
    add16(b, 0);
    nsupdate_name(b, update ? SLICE("example.test") : SLICE(NAME));
    add16(b, update ? TYPE_SOA : TXT);
    add16(b, CLASS_IN);
}

/* A record whose name is a pointer to the question's. */
static void answer_record(struct buf *b, uint16_t type, struct slice rdata)
{
    add16(b, 0xc00c);
    add16(b, type);
    add16(b, CLASS_IN);
    add16(b, 0);
    add16(b, 60);
    add16(b, (uint16_t)rdata.len);
    buf_add(b, rdata);
}

static void answer_sign(struct buf *b, const struct nsupdate_asked *asked,
                        const struct nsupdate_key *with, uint64_t now_s, uint16_t error)
{
    const struct tsig t = {.time_s = now_s, .fudge_s = NSUPDATE_FUDGE_S, .error = error};
    uint8_t mac[NSUPDATE_MAC_MAX];
    uint8_t time[8];
    size_t len = nsupdate_mac(with, slice_of(asked->mac, asked->mac_len), buf_slice(b), &t, mac);

    put16(b->ptr + 10, 1);
    nsupdate_name(b, with->name);
    add16(b, TYPE_TSIG);
    add16(b, CLASS_ANY);
    add16(b, 0);
    add16(b, 0);
    struct slice algorithm = nsupdate_algorithm_name(with->algorithm);
    add16(b, (uint16_t)(algorithm.len + 2 + 10 + len + 6));
    nsupdate_name(b, algorithm);
    put64(time, now_s);
    buf_add(b, slice_of(time + 2, 6));
    add16(b, NSUPDATE_FUDGE_S);
    add16(b, (uint16_t)len);
    buf_add(b, slice_of(mac, len));
    add16(b, ID);
    add16(b, error);
    add16(b, 0);
}

static struct nsupdate_asked ask(void)
{
    OWN(buf) struct buf out = {.max = NSUPDATE_MESSAGE_MAX};
    struct nsupdate_asked asked;
    struct error e;

    assert_true(nsupdate_ask(ID, SLICE(NAME), TXT, &key, NOW, &out, &asked, &e));
    assert_int_equal(asked.mac_len, 32);
    return asked;
}

static enum nsupdate_verdict understood(const struct buf *b, const struct nsupdate_asked *asked,
                                        struct nsupdate_answer *out)
{
    return nsupdate_read(buf_slice(b), asked, &key, NOW, &arena, out);
}

/* ── tests ── */

static void a_proven_answer_is_read(void **unused)
{
    (void)unused;
    OWN(buf) struct buf b = {.max = NSUPDATE_MESSAGE_MAX};
    struct nsupdate_asked asked = ask();
    struct nsupdate_answer answer;

    answer_begin(&b, 0x0400, false, 2);
    answer_record(&b, TXT, SLICE("\3one"));
    answer_record(&b, TXT, SLICE("\3two"));
    answer_sign(&b, &asked, &key, NOW + 200, 0);
    assert_int_equal(understood(&b, &asked, &answer), NSUPDATE_PROVEN);
    assert_int_equal(answer.n_records, 2);
    assert_true(slice_equal(answer.records[1], SLICE("\3two")));
    assert_true(answer.authoritative);
    assert_null(nsupdate_why(&answer));
    for (size_t i = 0; i < b.len; i++) { /* one bit anywhere, and it is not proven */
        b.ptr[i] ^= 1;
        assert_int_not_equal(understood(&b, &asked, &answer), NSUPDATE_PROVEN);
        b.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < b.len; len++) {
        struct slice cut = slice_of(b.ptr, len);
        assert_int_equal(nsupdate_read(cut, &asked, &key, NOW, &arena, &answer),
                         NSUPDATE_MALFORMED);
    }
    asked.mac[0] ^= 1; /* the answer to another question */
    assert_int_equal(understood(&b, &asked, &answer), NSUPDATE_UNPROVEN);
    assert_int_equal(answer.n_records, 0);
}

static void clocks_must_agree(void **unused)
{
    (void)unused;
    OWN(buf) struct buf b = {.max = NSUPDATE_MESSAGE_MAX};
    struct nsupdate_asked asked = ask();
    struct nsupdate_answer answer;

    answer_begin(&b, 0, false, 0);
    answer_sign(&b, &asked, &key, NOW - 301, 0);
    assert_int_equal(understood(&b, &asked, &answer), NSUPDATE_UNPROVEN);
    assert_int_equal(answer.tsig_error, NSUPDATE_BADTIME);
    assert_non_null(strstr(nsupdate_why(&answer), "clock"));
}

static void another_key_proves_nothing(void **unused)
{
    (void)unused;
    const struct nsupdate_key other = {.name = SLICE("postern"),
                                       .secret = SLICE("0123456789abcdef0123456789abcdeX")};
    const struct nsupdate_key longer = {
        .name = SLICE("postern"), .algorithm = NSUPDATE_HMAC_SHA512, .secret = key.secret};
    const struct nsupdate_key *const keys[] = {&other, &longer};
    struct nsupdate_asked asked = ask();
    struct nsupdate_answer answer;

    for (size_t i = 0; i < 2; i++) {
        OWN(buf) struct buf b = {.max = NSUPDATE_MESSAGE_MAX};
        answer_begin(&b, 0, false, 1);
        answer_record(&b, TXT, SLICE("\3one"));
        answer_sign(&b, &asked, keys[i], NOW, 0);
        assert_int_equal(understood(&b, &asked, &answer), NSUPDATE_UNPROVEN);
        assert_int_equal(answer.n_records, 0);
    }
}

/* What a server says that does not know the key is not signed (RFC 8945 section 5.2). */
static void a_refusal_is_told_and_not_believed(void **unused)
{
    (void)unused;
    OWN(buf) struct buf b = {.max = NSUPDATE_MESSAGE_MAX};
    struct nsupdate_asked asked = ask();
    struct nsupdate_answer answer;

    answer_begin(&b, NSUPDATE_NOTAUTH, false, 0);
    answer_sign(&b, &asked, &key, NOW, NSUPDATE_BADKEY);
    assert_int_equal(understood(&b, &asked, &answer), NSUPDATE_UNPROVEN);
    assert_int_equal(answer.tsig_error, NSUPDATE_BADKEY);
    assert_non_null(strstr(nsupdate_why(&answer), "does not know this key"));
}

static void an_alias_is_seen(void **unused)
{
    (void)unused;
    OWN(buf) struct buf b = {.max = NSUPDATE_MESSAGE_MAX};
    struct nsupdate_asked asked = ask();
    struct nsupdate_answer answer;

    answer_begin(&b, 0, false, 1);
    answer_record(&b, TYPE_CNAME, SLICE("\1a\0"));
    answer_sign(&b, &asked, &key, NOW, 0);
    assert_int_equal(understood(&b, &asked, &answer), NSUPDATE_PROVEN);
    assert_true(answer.alias);
}

static void a_name_ends(void **unused)
{
    (void)unused;
    struct nsupdate_asked asked = ask();
    struct nsupdate_answer answer;
    const struct slice bad[] = {SLICE("\xc0\x0c"), SLICE("\xc0\x0e\1a\0"), SLICE("\x40"),
                                SLICE("\1a\xc0\x0c")};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        OWN(buf) struct buf b = {.max = NSUPDATE_MESSAGE_MAX};
        answer_begin(&b, 0, false, 0);
        b.len = HEADER_LEN;
        buf_add(&b, bad[i]);
        buf_add(&b, SLICE("\0\x10\0\1"));
        assert_int_equal(understood(&b, &asked, &answer), NSUPDATE_MALFORMED);
    }
}

static void a_change_says_what_must_be_there(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = NSUPDATE_MESSAGE_MAX};
    const struct slice was[] = {SLICE("\3old")};
    const struct slice add[] = {SLICE("\3new")};
    struct nsupdate_change c = {.zone = SLICE("example.test"),
                                .name = SLICE("_dmarc.Example.test"),
                                .type = TXT,
                                .ttl_s = 3600,
                                .was = was,
                                .n_was = 1,
                                .remove = was,
                                .n_remove = 1,
                                .add = add,
                                .n_add = 1};
    struct nsupdate_asked asked;
    struct error e;

    assert_true(nsupdate_write(ID, &c, &key, NOW, &out, &asked, &e));
    assert_int_equal(get16(out.ptr + 2), 5 << 11);
    assert_int_equal(get16(out.ptr + 4), 1);
    assert_int_equal(get16(out.ptr + 6), 2); /* no alias, and what is there */
    assert_int_equal(get16(out.ptr + 8), 2);
    assert_int_equal(get16(out.ptr + 10), 1);
    buf_reset(&out);
    c.name = SLICE("example.org");
    assert_false(nsupdate_write(ID, &c, &key, NOW, &out, &asked, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
}

static void names_are_in_form(void **unused)
{
    (void)unused;
    assert_true(nsupdate_is_name(SLICE("_465._tcp.mail.example.test")));
    assert_false(nsupdate_is_name(SLICE("")));
    assert_false(nsupdate_is_name(SLICE("a..b")));
    assert_false(nsupdate_is_name(SLICE(".a")));
    assert_false(nsupdate_is_name(SLICE("a.")));
    assert_false(nsupdate_is_name(SLICE("a b")));
    assert_false(nsupdate_is_name(
        SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test")));
    assert_true(nsupdate_is_below(SLICE("a.example.test"), SLICE("Example.test")));
    assert_true(nsupdate_is_below(SLICE("example.test"), SLICE("example.test")));
    assert_false(nsupdate_is_below(SLICE("anexample.test"), SLICE("example.test")));
    assert_false(nsupdate_is_below(SLICE("test"), SLICE("example.test")));
}

static void a_short_secret_signs_nothing(void **unused)
{
    (void)unused;
    const struct nsupdate_key weak = {.name = SLICE("postern"), .secret = SLICE("short")};
    OWN(buf) struct buf out = {.max = NSUPDATE_MESSAGE_MAX};
    struct nsupdate_asked asked;
    struct error e;

    assert_false(nsupdate_ask(ID, SLICE(NAME), TXT, &weak, NOW, &out, &asked, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proven_answer_is_read),
        cmocka_unit_test(clocks_must_agree),
        cmocka_unit_test(another_key_proves_nothing),
        cmocka_unit_test(a_refusal_is_told_and_not_believed),
        cmocka_unit_test(an_alias_is_seen),
        cmocka_unit_test(a_name_ends),
        cmocka_unit_test(a_change_says_what_must_be_there),
        cmocka_unit_test(names_are_in_form),
        cmocka_unit_test(a_short_secret_signs_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
