#include "formats/zone/spf.h"
#include "formats/zone/tags.h"
#include "formats/zone/zone.h"
#include "tests/test.h"

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

/* ── a DNS of rows ── */

struct row {
    const char *name;
    enum zone_type type;
    struct slice data;
};

struct zone {
    const struct row *rows;
    size_t count;
    bool secure;
    const char *silent; /* a name about which nothing is answered */
};

static void ask(void *context, struct slice name, enum zone_type type, struct arena *a,
                struct zone_answer *answer)
{
    const struct zone *z = context;

    *answer = (struct zone_answer){.found = ZONE_NOTHING, .secure = z->secure};
    if (z->silent && slice_equal(name, slice_text(z->silent))) {
        answer->found = ZONE_FAILED;
        return;
    }
    answer->items = arena_array(a, z->count + 1, sizeof(struct slice));
    for (size_t i = 0; i < z->count; i++) {
        if (z->rows[i].type == type && slice_equal_nocase(name, slice_text(z->rows[i].name))) {
            answer->items[answer->n_items++] = z->rows[i].data;
            answer->found = ZONE_FOUND;
        }
    }
}

#define TXT(name, text)                                                                            \
    {                                                                                              \
        name, ZONE_TXT, SLICE_INIT(text)                                                           \
    }

/* ── SPF ── */

static const struct row spf_rows[] = {
    TXT("direct.test", "v=spf1 a:mail.direct.test -all"),
    TXT("direct.test", "something else"),
    {"mail.direct.test", ZONE_A,    SLICE_INIT("\xc0\x00\x02\x01")                        },
    {"mail.direct.test", ZONE_AAAA, SLICE_INIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1")},
    TXT("net.test", "V=SPF1 ip4:192.0.2.0/25  ip6:2001:db8::/32 ~all"),
    TXT("host.test", "v=spf1 ip4:192.0.2.1 ?all"),
    TXT("outer.test", "v=spf1 include:net.test -all"),
    TXT("moved.test", "v=spf1 redirect=net.test"),
    TXT("mx.test", "v=spf1 mx/24//64 -all"),
    {"mx.test",          ZONE_MX,   SLICE_INIT("mail.direct.test")                        },
    TXT("twice.test", "v=spf1 -all"),
    TXT("twice.test", "v=spf1 +all"),
    TXT("loop.test", "v=spf1 include:loop.test -all"),
    TXT("bad.test", "v=spf1 ip4:192.0.2.x -all"),
    TXT("worse.test", "v=spf1 everybody -all"),
    TXT("prefix.test", "v=spf1 ip4:192.0.2.0/33 -all"),
    TXT("empty.test", "v=spf1"),
    TXT("gone.test", "v=spf1 include:nothing.test -all"),
    TXT("macro.test", "v=spf1 exists:%{i}.x.test -all"),
    TXT("void.test", "v=spf1 a:n1.test a:n2.test a:n3.test -all"),
    TXT("deaf.test", "v=spf1 a:silent.test -all"),
    TXT("late.test", "v=spf1 ip4:192.0.2.1 -all ip4:junk"),
    TXT("last.test", "v=spf1 ip4:192.0.2.1 -all junk"),
    TXT("both.test", "v=spf1 redirect=net.test redirect=net.test"),
    TXT("macro2.test", "v=spf1 redirect=_spf.%{d}"),
    TXT("open.test", "v=spf1 +all"),
    TXT("not.test", "v=spf10 +all"),
};
static struct zone spf_zone = {spf_rows, sizeof(spf_rows) / sizeof(spf_rows[0]), false,
                               "silent.test"};

static enum spf_result check(const char *domain, struct slice ip)
{
    const struct zone_lookup lookup = {ask, &spf_zone};
    struct slice why;

    enum spf_result result = spf_check(&lookup, slice_text(domain), ip, &arena, &why);
    assert_true(why.len > 0);
    return result;
}

static void spf_says_who_may_send(void **unused)
{
    (void)unused;
    const struct slice ours = SLICE("\xc0\x00\x02\x01");
    const struct slice near = SLICE("\xc0\x00\x02\x80");
    const struct slice six = SLICE("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1");

    assert_int_equal(check("direct.test", ours), SPF_PASS);
    assert_int_equal(check("direct.test", six), SPF_PASS);
    assert_int_equal(check("direct.test", near), SPF_FAIL);
    assert_int_equal(check("net.test", ours), SPF_PASS);
    assert_int_equal(check("net.test", near), SPF_SOFTFAIL);
    assert_int_equal(check("net.test", six), SPF_PASS);
    assert_int_equal(check("host.test", ours), SPF_PASS);
    assert_int_equal(check("host.test", near), SPF_NEUTRAL);
    assert_int_equal(check("outer.test", ours), SPF_PASS);
    assert_int_equal(check("outer.test", near), SPF_FAIL);
    assert_int_equal(check("moved.test", near), SPF_SOFTFAIL);
    assert_int_equal(check("mx.test", near), SPF_PASS);
    assert_int_equal(check("empty.test", ours), SPF_NEUTRAL);
    assert_int_equal(check("open.test", near), SPF_PASS);
}

static void spf_that_cannot_be_followed_passes_nobody(void **unused)
{
    (void)unused;

    static const struct {
        const char *domain;
        enum spf_result result;
    } cases[] = {
        {"twice.test",   SPF_PERMERROR},
        {"loop.test",    SPF_PERMERROR},
        {"bad.test",     SPF_PERMERROR},
        {"worse.test",   SPF_PERMERROR},
        {"prefix.test",  SPF_PERMERROR},
        {"gone.test",    SPF_PERMERROR},
        {"void.test",    SPF_PERMERROR},
        {"macro.test",   SPF_UNKNOWN  },
        {"deaf.test",    SPF_TEMPERROR},
        {"silent.test",  SPF_TEMPERROR},
        {"nothing.test", SPF_NONE     },
        {"not.test",     SPF_NONE     },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i].domain, SLICE("\xc0\x00\x02\x01")), cases[i].result);
    }
}

/* ── tags ── */

static void tag_lists_are_read(void **unused)
{
    (void)unused;
    struct tags tags;

    assert_true(tags_read(SLICE(" v=DMARC1 ;p = reject;"), &tags));
    assert_int_equal(tags.count, 2);
    assert_slice(*tags_find(&tags, "P"), "reject");
    assert_null(tags_find(&tags, "sp"));
    assert_false(tags_read(SLICE("v=1; nothing; p=x"), &tags));
    assert_false(tags_read(SLICE("v=1; V=2"), &tags));
    assert_false(tags_read(SLICE("=1"), &tags));
    assert_true(tags_begin(SLICE("v = DMARC1; p=none"), "v=DMARC1"));
    assert_false(tags_begin(SLICE("v=DMARC12; p=none"), "v=DMARC1"));
    assert_false(tags_begin(SLICE("p=none; v=DMARC1"), "v=DMARC1"));
}

/* ── records ── */

static const uint8_t raw_key[32] = {1};
static const struct zone_key keys[] = {
    {SLICE_INIT("s1"), DKIM_ED25519_SHA256, {raw_key, 32}, true },
    {SLICE_INIT("s2"), DKIM_ED25519_SHA256, {raw_key, 32}, false},
};
static const struct slice mx[] = {SLICE_INIT("mx.example.test")};
static const struct slice digests[] = {SLICE_INIT("0123456789abcdef0123456789abcdef")};
static const struct slice addresses[] = {SLICE_INIT("\xc0\x00\x02\x01")};
static const struct zone_facts facts = {.domain = SLICE_INIT("example.test"),
                                        .hostname = SLICE_INIT("post.example.test"),
                                        .mx = mx,
                                        .n_mx = 1,
                                        .keys = keys,
                                        .n_keys = 2,
                                        .tls = digests,
                                        .n_tls = 1,
                                        .addresses = addresses,
                                        .n_addresses = 1,
                                        .implicit_port = 465,
                                        .starttls_port = 587};

static struct zone_verdict judge(const struct zone_facts *f, size_t index, const struct row *rows,
                                 size_t count, bool secure)
{
    struct zone zone = {rows, count, secure, NULL};
    const struct zone_lookup lookup = {ask, &zone};
    struct zone_record *wanted = NULL;
    struct zone_verdict verdict;

    assert_true(zone_wanted(f, &arena, &wanted) > index);
    zone_judge(&wanted[index], f, &lookup, &arena, &verdict);
    assert_true(verdict.what.len > 0);
    return verdict;
}

static void what_to_publish_is_written(void **unused)
{
    (void)unused;
    struct zone_record *wanted = NULL;
    OWN(buf) struct buf out = {.max = 1 << 16};
    size_t n = zone_wanted(&facts, &arena, &wanted);

    assert_int_equal(n, 10);
    zone_line(&out, &wanted[0]);
    assert_slice(buf_slice(&out), "example.test. IN TXT \"v=spf1 a:post.example.test -all\"\n");
    buf_reset(&out);
    zone_line(&out, &wanted[6]);
    assert_slice(buf_slice(&out),
                 "_submissions._tcp.example.test. IN SRV 0 1 465 post.example.test.\n");
    buf_reset(&out);
    zone_line(&out, &wanted[8]);
    assert_slice(buf_slice(&out), "_465._tcp.post.example.test. IN TLSA 3 1 1 "
                                  "3031323334353637383961626364656630313233343536373839616263646566"
                                  "\n");
    assert_slice(zone_sts_file(&facts, &arena), "version: STSv1\r\nmode: testing\r\n"
                                                "mx: mx.example.test\r\nmax_age: 604800\r\n");
}

static void long_records_are_split(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 4096};
    char text[301];

    zone_txt(&out, SLICE("example.test"), SLICE("v=spf1 \"\\ -all"));
    assert_slice(buf_slice(&out), "example.test. IN TXT \"v=spf1 \\\"\\\\ -all\"\n");
    buf_reset(&out);
    (void)memset(text, 'a', 300);
    text[300] = 0;
    zone_txt(&out, SLICE("s._domainkey.example.test"), slice_text(text));
    text[255] = 0;
    struct slice expected = arena_printf(
        &arena, "s._domainkey.example.test. IN TXT (\n    \"%s\"\n    \"%.45s\" )\n", text, text);
    assert_slice(buf_slice(&out), (const char *)expected.ptr);
}

/* What is published, as text, at the name of the record with that index, and what is made of it. */
static const struct {
    size_t index;
    struct row row;
    enum zone_mark mark;
} judged[] = {
    {0,                                                                                        TXT("example.test",                                                                 "v=spf1 ip4:192.0.2.1 -all"),ZONE_GOOD},
    {0,                                                                                        TXT("example.test",                                                                                                                                                                          "v=spf1 ip4:192.0.2.2 -all"),ZONE_WRONG},
    {0,                                                                              TXT("example.test",                                                                                                                                                                "v=spf1 +all"),                                                                                                ZONE_WRONG},
    {0,                                                                          TXT("other.test","v=spf1 -all"),ZONE_MISSING},
    {1,
     TXT("s1._domainkey.example.test",                                                                                 "v=DKIM1; k=ed25519; "
                                       "p=AQAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAA="),
     ZONE_GOOD},
    {1,
     TXT("s1._domainkey.example.test",                                                                                                                                             "k=ed25519; p=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
     ZONE_GOOD},
    {1,
     TXT("s1._domainkey.example.test",                                                                                                                                                                          "v=DKIM1; k=ed25519; t=s:y; "
                                       "p=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
     ZONE_ADVICE},
    {1,
     TXT("s1._domainkey.example.test",                                                                                                                                                                  "v=DKIM1; k=ed25519; h=sha1; "
                                       "p=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
     ZONE_WRONG},
    {1, TXT("s1._domainkey.example.test",                                                                                                                                                                  "v=DKIM1; p="),ZONE_WRONG},
    {1,                                                         TXT("s1._domainkey.example.test",                                                    "v=DKIM1; p=AAAA"),ZONE_WRONG},
    {1,                                                                                        TXT("s1._domainkey.example.test",                                                                                                                                          "v=DKIM1"),ZONE_WRONG},
    {1,                                                                                        TXT("s1._domainkey.example.test",                                                                                                                                                                          "v=DKIM1; nonsense"),ZONE_WRONG},
    {2,                                                                              TXT("s1._domainkey.example.test",                                                                                                                                                                "v=DKIM1; p=AAAA"),ZONE_MISSING},
    {3,                                                                              TXT("_dmarc.example.test",             "v=DMARC1; p=reject; rua=mailto:a@example.test"),                                                   ZONE_GOOD},
    {3,TXT("_dmarc.example.test","v=DMARC1; p=none; rua=mailto:a@example.test"),ZONE_ADVICE},
    {3,                                                                                        TXT("_dmarc.example.test",                                                             "v=DMARC1; p=reject; sp=none; rua=mailto:a@example.test"),
     ZONE_ADVICE},
    {3,                                                                                        TXT("_dmarc.example.test",                                                                                                                                                                          "v=DMARC1; p=reject; sp=reject; rua=mailto:a@example.test"),
     ZONE_GOOD},
    {3,                                                                               TXT("_dmarc.example.test",                                                                                                                                                                 "v=DMARC1; p=reject; pct=50"),ZONE_ADVICE},
    {3,                                          TXT("_dmarc.example.test",                                                                                                                                                                                                                                                            "v=DMARC1; p=reject; t=y; rua=mailto:a@b.test"),                                                                                                                                                                                                                                                                                                 ZONE_ADVICE},
    {3,TXT("_dmarc.example.test","v=DMARC1; p=quarantine"),ZONE_ADVICE},
    {3,                                                                                        TXT("_dmarc.example.test",                                                          "p=reject"),ZONE_MISSING},
    {4,                                                                                        TXT("_smtp._tls.example.test",                                                                                                                                                                          "v=TLSRPTv1; rua=mailto:a@b.test"),ZONE_GOOD},
    {4,                                                                             TXT("_smtp._tls.example.test",                                                                                                                                                               "v=TLSRPTv1; rua=ftp://b.test"),                                                 ZONE_WRONG},
    {5,                                         TXT("_mta-sts.example.test","v=STSv1; id=20261130;"),ZONE_GOOD},
    {5,                                                                                        TXT("_mta-sts.example.test",                                                                                                                                                                                                             "v=STSv1;"),                               ZONE_WRONG},
    {6,
     {"_submissions._tcp.example.test", ZONE_SRV,
      SLICE_INIT("\0\0\0\1\1\xd1\4post\7example\4test\0")},
     ZONE_GOOD},
    {6,
     {"_submissions._tcp.example.test", ZONE_SRV, SLICE_INIT("\0\0\0\1\1\xd1\4mail\4test\0")},
     ZONE_ADVICE},
    {6,
     {"_submissions._tcp.example.test", ZONE_SRV, SLICE_INIT("\0\0\0\1\1\xd1\x3fpo")},
     ZONE_ADVICE                                                                                              },
    {8,
     {"_465._tcp.post.example.test", ZONE_TLSA,
      SLICE_INIT("\3\1\1"
                 "0123456789abcdef0123456789abcdef")},
     ZONE_ADVICE}, /* not secure */
    {8,                     {"_465._tcp.post.example.test", ZONE_TLSA, SLICE_INIT("\3\1\1")},                                                                                                                                                                                                                           ZONE_WRONG                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             },
};

static void what_is_published_is_judged(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
        struct zone_verdict v = judge(&facts, judged[i].index, &judged[i].row, 1, false);
        if (v.mark != judged[i].mark) {
            fail_msg("case %zu: %s: %.*s", i, zone_mark_name(v.mark), SLICE_ARG(v.what));
        }
    }
    const size_t last = sizeof(judged) / sizeof(judged[0]) - 2;
    assert_int_equal(judge(&facts, 8, &judged[last].row, 1, true).mark, ZONE_GOOD);
}

static void two_records_are_worse_than_one(void **unused)
{
    (void)unused;
    static const struct row rows[] = {TXT("_dmarc.example.test", "v=DMARC1; p=reject"),
                                      TXT("_dmarc.example.test", "v=DMARC1; p=none")};

    assert_int_equal(judge(&facts, 3, rows, 2, false).mark, ZONE_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spf_says_who_may_send),
        cmocka_unit_test(spf_that_cannot_be_followed_passes_nobody),
        cmocka_unit_test(tag_lists_are_read),
        cmocka_unit_test(what_to_publish_is_written),
        cmocka_unit_test(long_records_are_split),
        cmocka_unit_test(what_is_published_is_judged),
        cmocka_unit_test(two_records_are_worse_than_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
