#include <jansson.h>
#include <zlib.h>

#include "formats/sts/sts.h"
#include "formats/sts/tlsrpt.h"
#include "tests/test.h"

/* ── the TXT record (RFC 8461 section 3.1) ── */

static bool id_of(const char *one, const char *two, struct slice *id)
{
    const struct slice texts[] = {slice_text(one), slice_text(two)};

    return sts_id_read(texts, two ? 2 : 1, id);
}

static void the_record_has_an_id(void **state)
{
    struct slice id;

    (void)state;
    assert_true(id_of("v=STSv1; id=20160831085700Z;", NULL, &id)); /* the RFC's own */
    assert_slice(id, "20160831085700Z");
    assert_true(id_of("v=STSv1;id=1", NULL, &id));
    assert_slice(id, "1");
    assert_true(id_of("v=STSv1; more=x/y; id=2 ; id=3;", NULL, &id)); /* the first counts */
    assert_slice(id, "2");
    assert_true(id_of("v=spf1 -all", "v=STSv1; id=4;", &id)); /* others are discarded */
    assert_slice(id, "4");
}

static void another_record_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "v=STSv1",
        "v=STSv1;",
        "v=STSv1 ; id=1",
        "v=STSv2; id=1",
        "V=STSv1; id=1",
        " v=STSv1; id=1",
        "v=STSv1; id=",
        "v=STSv1; id=a-b",
        "v=STSv1; id=123456789012345678901234567890123",
        "v=STSv1; ID=1",
        "v=STSv1; id=1;; x=1",
        "v=STSv1; id=1; x",
        "v=STSv1; id=1; =x",
        "v=STSv1; id=1; x=a b",
        "id=1; v=STSv1;",
    };
    struct slice id = SLICE("as before");

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(id_of(bad[i], NULL, &id));
    }
    assert_false(id_of("v=STSv1; id=1;", "v=STSv1; id=1;", &id)); /* exactly one */
    assert_slice(id, "as before");
}

static void strings_of_a_record_are_joined(void **state)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice text;

    (void)state;
    assert_true(sts_text_join(SLICE("\x08v=STSv1;\x05 id=1"), &arena, &text));
    assert_slice(text, "v=STSv1; id=1");
    assert_true(sts_text_join(SLICE("\0"), &arena, &text));
    assert_true(text.len == 0);
    assert_false(sts_text_join(SLICE("\x05xx"), &arena, &text));
}

/* ── the policy file (section 3.2) ── */

static void the_rfcs_policy_is_read(void **state)
{
    static const char text[] = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\n"
                               "mx: *.example.net\r\nmx: backupmx.example.com\r\n"
                               "max_age: 604800\r\n";
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct sts_policy p;
    struct error e;

    (void)state;
    assert_ok(sts_policy_read(slice_text(text), &arena, &p, &e), e);
    assert_int_equal(p.mode, STS_ENFORCE);
    assert_int_equal(p.max_age_s, 604800);
    assert_int_equal(p.n_mx, 3);
    assert_slice(p.mx[1], "*.example.net");
    assert_true(sts_admits(&p, SLICE("mail.example.com")));
    assert_true(sts_admits(&p, SLICE("MX1.example.NET")));
    assert_false(sts_admits(&p, SLICE("example.net")));
    assert_false(sts_admits(&p, SLICE("mail.example.com.evil.test")));
}

static void lines_may_end_either_way_and_unknown_fields_are_passed_over(void **state)
{
    static const char text[] = "mode: testing\nnew_thing: x: y z\nversion:STSv1\nmode: enforce\n\n"
                               "max_age:9999999999 \nmax_age: nonsense\nmx: a.example";
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct sts_policy p;
    struct error e;

    (void)state;
    assert_ok(sts_policy_read(slice_text(text), &arena, &p, &e), e);
    assert_int_equal(p.mode, STS_TESTING); /* the first of two */
    assert_int_equal(p.max_age_s, STS_MAX_AGE_MAX);
    assert_ok(sts_policy_read(SLICE("version: STSv1\nmode: none\nmax_age: 0\n"), &arena, &p, &e),
              e);
    assert_int_equal(p.mode, STS_NONE);
}

static void what_is_malformed_is_no_policy(void **state)
{
    static const char *const bad[] = {
        "",
        "<html><body>Not here: sorry</body></html>",
        "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1\n",
        "mode: enforce\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.example\n",
        "version: STSv1\nmode: enforce\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n",
        "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 10000000000\n",
        "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 00000000001\n",
        "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: *.\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: mx*.example\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a..example\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: .example\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.example.\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\ntext\n",
    };
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct sts_policy p = {.mode = 9};
    struct error e;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(sts_policy_read(slice_text(bad[i]), &arena, &p, &e));
        assert_int_equal(e.kind, ERROR_INPUT);
    }
    assert_int_equal(p.mode, 9);
}

static void a_star_is_one_whole_label_in_front(void **state)
{
    (void)state;
    assert_true(sts_pattern_matches(SLICE("*.example.com"), SLICE("mx.example.com")));
    assert_true(sts_pattern_matches(SLICE("*.Example.com"), SLICE("mx.example.com.")));
    assert_false(sts_pattern_matches(SLICE("*.example.com"), SLICE("a.mx.example.com")));
    assert_false(sts_pattern_matches(SLICE("*.example.com"), SLICE("example.com")));
    assert_false(sts_pattern_matches(SLICE("*.example.com"), SLICE(".example.com")));
    assert_false(sts_pattern_matches(SLICE("*.example.com"), SLICE("mxexample.com")));
    assert_false(sts_pattern_matches(SLICE("mx.example.com"), SLICE("example.com")));
    assert_false(sts_pattern_matches(SLICE_NONE, SLICE_NONE));
}

/* ── reports (RFC 8460) ── */

static size_t places_of(const char *text, struct arena *arena, struct tlsrpt_place *places)
{
    const struct slice one = slice_text(text);

    return tlsrpt_places_read(&one, 1, arena, places);
}

static void reports_go_where_the_record_says(void **state)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct tlsrpt_place p[TLSRPT_PLACES_MAX];

    (void)state;
    assert_int_equal(places_of("v=TLSRPTv1;rua=mailto:reports@example.com", &arena, p), 1);
    assert_true(p[0].mail);
    assert_slice(p[0].where, "reports@example.com");
    assert_int_equal(places_of("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt?a=b , "
                               "ftp://x/,mailto:tls%2Drpt@example.com?subject=x;",
                               &arena, p),
                     2);
    assert_false(p[0].mail);
    assert_slice(p[0].where, "https://reporting.example.com/v1/tlsrpt?a=b");
    assert_slice(p[1].where, "tls-rpt@example.com");
    assert_int_equal(places_of("v=TLSRPTv1; rua=", &arena, p), 0);
    assert_int_equal(places_of("v=TLSRPTv1;", &arena, p), 0);
    assert_int_equal(places_of("v=TLSRPTv2; rua=mailto:a@b.example", &arena, p), 0);
    assert_int_equal(places_of("v=TLSRPTv1; rua=mailto:a%0d%0a@b.example", &arena, p), 0);
    assert_int_equal(places_of("v=TLSRPTv1; rua=mailto:a%2Cc@b.example", &arena, p), 0);
    assert_int_equal(places_of("v=TLSRPTv1; rua=http://b.example/", &arena, p), 0);
}

static const struct slice lines[] = {SLICE_INIT("version: STSv1"), SLICE_INIT("mode: enforce")};
static const struct slice patterns[] = {SLICE_INIT("*.mail.company-y.example")};
static const struct tlsrpt_failure failures[] = {
    {SLICE_INIT("certificate-expired"),    SLICE_INIT("2001:db8::1"),
     SLICE_INIT("mx1.mail.company-y.example"),                             SLICE_INIT("192.0.2.7"), 100},
    {SLICE_INIT("sts-policy-fetch-error"), {0},                       {0}, {0},                     2  },
};
static const struct tlsrpt_policy policies[] = {
    {SLICE_INIT("sts"),             lines, 2, patterns, 1, 5326, 102, failures, 2},
    {SLICE_INIT("no-policy-found"), NULL,  0, NULL,     0, 1,    0,   NULL,     0},
};
static const struct tlsrpt_report report = {.organisation = SLICE_INIT("Company-X"),
                                            .contact =
                                                SLICE_INIT("sts-reporting@company-x.example"),
                                            .id = SLICE_INIT("5065427c-23d3-47ca-b6e0"),
                                            .domain = SLICE_INIT("company-y.example"),
                                            .from_s = 1459468800,
                                            .to_s = 1459555199,
                                            .policies = policies,
                                            .n_policies = 2};

static void a_report_is_the_rfcs_json(void **state)
{
    OWN(buf) struct buf out = {.max = TLSRPT_REPORT_MAX};
    struct error e;

    (void)state;
    assert_ok(tlsrpt_report_write(&report, &out, &e), e);
    json_t *root = json_loadb((const char *)out.ptr, out.len, 0, NULL);
    assert_non_null(root);
    const char *org = NULL, *start = NULL, *end = NULL, *type = NULL, *domain = NULL, *mx = NULL;
    const char *result = NULL, *ip = NULL;
    json_int_t good = 0, bad = 0, count = 0;
    assert_int_equal(
        json_unpack(root, "{s:s,s:{s:s,s:s},s:[{s:{s:s,s:s,s:[s]},s:{s:I,s:I},s:[{s:s,s:s,s:I}]}]}",
                    "organization-name", &org, "date-range", "start-datetime", &start,
                    "end-datetime", &end, "policies", "policy", "policy-type", &type,
                    "policy-domain", &domain, "mx-host", &mx, "summary",
                    "total-successful-session-count", &good, "total-failure-session-count", &bad,
                    "failure-details", "result-type", &result, "receiving-ip", &ip,
                    "failed-session-count", &count),
        0);
    assert_string_equal(org, "Company-X");
    assert_string_equal(start, "2016-04-01T00:00:00Z");
    assert_string_equal(end, "2016-04-01T23:59:59Z");
    assert_string_equal(type, "sts");
    assert_string_equal(domain, "company-y.example");
    assert_string_equal(mx, "*.mail.company-y.example");
    assert_true(good == 5326 && bad == 102 && count == 100);
    assert_string_equal(result, "certificate-expired");
    assert_string_equal(ip, "192.0.2.7");
    json_t *second = json_array_get(json_object_get(root, "policies"), 1);
    assert_null(json_object_get(second, "failure-details"));
    assert_null(json_object_get(json_object_get(second, "policy"), "mx-host"));
    json_decref(root);
}

static void a_report_without_room_or_of_bad_text_is_none(void **state)
{
    OWN(buf) struct buf out = {.max = 100};
    struct tlsrpt_report bad = report;
    struct error e;

    (void)state;
    assert_false(tlsrpt_report_write(&report, &out, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    bad.organisation = SLICE("\xff");
    assert_false(tlsrpt_report_write(&bad, &out, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
}

static void what_is_packed_comes_out_again(void **state)
{
    OWN(buf) struct buf packed = {.max = 4096};
    uint8_t plain[256];
    z_stream z = {0};
    struct error e;

    (void)state;
    assert_ok(tlsrpt_gzip(SLICE("a report, a report"), &packed, &e), e);
    assert_int_equal(packed.ptr[0], 0x1f);
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    z.next_in = packed.ptr;
    z.avail_in = (uInt)packed.len;
    z.next_out = plain;
    z.avail_out = sizeof(plain);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_slice(slice_of(plain, z.total_out), "a report, a report");
    (void)inflateEnd(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_record_has_an_id),
        cmocka_unit_test(another_record_is_none),
        cmocka_unit_test(strings_of_a_record_are_joined),
        cmocka_unit_test(the_rfcs_policy_is_read),
        cmocka_unit_test(lines_may_end_either_way_and_unknown_fields_are_passed_over),
        cmocka_unit_test(what_is_malformed_is_no_policy),
        cmocka_unit_test(a_star_is_one_whole_label_in_front),
        cmocka_unit_test(reports_go_where_the_record_says),
        cmocka_unit_test(a_report_is_the_rfcs_json),
        cmocka_unit_test(a_report_without_room_or_of_bad_text_is_none),
        cmocka_unit_test(what_is_packed_comes_out_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
