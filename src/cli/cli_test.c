#include <stdlib.h>
#include <time.h>

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/dns.h"
#include "cli/import.h"
#include "cli/print.h"
#include "cli/timeline.h"
#include "letter/findings.h"
#include "tests/test.h"

static struct arena arena = {.max = 16 << 20};

static const struct argument_option options[] = {
    {.name = "limit",   .value = "N",       .help = "", .letter = 'n', .many = false},
    {.name = "address", .value = "ADDRESS", .help = "", .letter = 0,   .many = true },
    {.name = "as-sent", .value = NULL,      .help = "", .letter = 's', .many = false},
    {.name = NULL,      .value = NULL,      .help = "", .letter = 0,   .many = false},
};
static const struct argument_option *const tables[] = {options, NULL};

#define READ(out, e, ...)                                                                          \
    arguments_read((const char *const[]){__VA_ARGS__},                                             \
                   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), tables, false,     \
                   &arena, out, NULL, e)

static void options_and_words_are_told_apart(void **unused)
{
    (void)unused;
    struct arguments a;
    struct error e;

    assert_ok(READ(&a, &e, "one", "--limit", "5", "--as-sent", "-", "--address=a", "--address",
                   "--b", "--", "--limit", "-x"),
              e);
    assert_int_equal(a.n_words, 4);
    assert_string_equal(a.words[0], "one");
    assert_string_equal(a.words[1], "-");
    assert_string_equal(a.words[2], "--limit");
    assert_string_equal(a.words[3], "-x");
    assert_string_equal(arguments_text(&a, "limit", 0), "5");
    assert_true(arguments_flag(&a, "as-sent"));
    assert_int_equal(arguments_count(&a, "address"), 2);
    assert_string_equal(arguments_text(&a, "address", 1), "--b");
    assert_null(arguments_text(&a, "address", 2));

    assert_ok(READ(&a, &e, "-n7", "-s"), e);
    assert_string_equal(arguments_text(&a, "limit", 0), "7");
    assert_ok(READ(&a, &e, "-n", "8"), e);
    assert_string_equal(arguments_text(&a, "limit", 0), "8");
    assert_ok(READ(&a, &e, "--limit="), e);
    assert_string_equal(arguments_text(&a, "limit", 0), "");
}

static void wrong_options_are_named(void **unused)
{
    (void)unused;
    struct arguments a;
    struct error e;

    assert_false(READ(&a, &e, "--limits", "5"));
    assert_non_null(strstr(e.text, "`--limits`"));
    assert_false(READ(&a, &e, "-q"));
    assert_non_null(strstr(e.text, "`-q`"));
    assert_false(READ(&a, &e, "--limit"));
    assert_non_null(strstr(e.text, "--limit N"));
    assert_false(READ(&a, &e, "--limit", "1", "-n2"));
    assert_non_null(strstr(e.text, "twice"));
    assert_false(READ(&a, &e, "--as-sent=yes"));
    assert_non_null(strstr(e.text, "no value"));
    assert_false(READ(&a, &e, "-sn"));
}

static void reading_stops_at_the_verb(void **unused)
{
    (void)unused;
    struct arguments a;
    struct error e;
    size_t read = 0;
    const char *const argv[] = {"-s", "--limit", "3", "show", "--what"};

    assert_ok(arguments_read(argv, 5, tables, true, &arena, &a, &read, &e), e);
    assert_int_equal(read, 3);
    assert_int_equal(a.n_words, 0);
}

static void verbs_are_found_by_their_words(void **unused)
{
    (void)unused;
    size_t used = 0;
    const char *const two[] = {"user", "add", "anna@example.test"};
    const char *const one[] = {"show", "user"};
    const char *const none[] = {"user"};

    assert_string_equal(verb_match(two, 3, &used)->name, "user add");
    assert_int_equal(used, 2);
    assert_string_equal(verb_match(one, 2, &used)->name, "show");
    assert_int_equal(used, 1);
    assert_null(verb_match(none, 1, &used));
    assert_null(verb_match(none, 0, &used));
}

/* Every verb has what its explanation and its call need. */
static void verbs_are_complete(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < verbs_count; i++) {
        OWN(buf) struct buf text = {.max = 1 << 16};
        const struct verb *v = &verbs[i];
        assert_ptr_equal(verb_find(slice_text(v->name)), v);
        assert_non_null(v->run);
        assert_true(v->words_min <= v->words_max);
        assert_int_equal(v->words[0] != 0, v->words_max > 0);
        assert_int_equal(v->help[strlen(v->help) - 1], '.');
        verb_explain(v, &text);
        for (const struct argument_option *o = v->options; o && o->name; o++) {
            assert_non_null(memmem(text.ptr, text.len, o->help, strlen(o->help)));
            for (const struct argument_option *p = v->options; p < o; p++) {
                assert_string_not_equal(p->name, o->name);
                assert_true(!o->letter || p->letter != o->letter);
            }
        }
    }
}

/* ── printing ── */

static void assert_cleaned(struct slice from, const char *to)
{
    assert_slice(print_cleaned(&arena, from), to);
}

static void hostile_text_is_escaped(void **unused)
{
    (void)unused;
    assert_cleaned(SLICE("plain Grüße 你好 👍"), "plain Grüße 你好 👍");
    assert_cleaned(SLICE("\x1b]0;owned\x07\x1b[2J"), "\\x1b]0;owned\\x07\\x1b[2J");
    assert_cleaned(SLICE("a\r\nb\tc\\d"), "a\\r\\nb\\tc\\\\d");
    assert_cleaned(SLICE("\x7f\xc2\x9b"), "\\x7f\\u{9b}"); /* DEL, and CSI in one character */
    assert_cleaned(SLICE("exe.\xe2\x80\xaegpj"), "exe.\\u{202e}gpj"); /* right-to-left override */
    assert_cleaned(SLICE("\xff\xc0\xaf"), "\\xff\\xc0\\xaf");
    assert_cleaned(SLICE("\xe2\x80\xa8"), "\\u{2028}");
    assert_cleaned(SLICE(""), "");
    assert_cleaned(slice_of("\0", 1), "\\x00");
}

static void widths_are_of_the_terminal(void **unused)
{
    (void)unused;
    assert_int_equal(print_width(SLICE("abc")), 3);
    assert_int_equal(print_width(SLICE("你好")), 4);
    assert_int_equal(print_width(SLICE("u\xcc\x88")), 1);
    assert_slice(print_cut(&arena, SLICE("abcdef"), 6), "abcdef");
    assert_slice(print_cut(&arena, SLICE("abcdef"), 5), "abcd…");
    assert_slice(print_cut(&arena, SLICE("你好你"), 4), "你…");
    assert_slice(print_cut(&arena, SLICE("ab"), 0), "");
}

static void times_are_local(void **unused)
{
    (void)unused;
    (void)setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    assert_slice(print_time(&arena, UINT64_C(1764000000123)), "2025-11-24T17:00:00+01:00");
    assert_slice(print_time_ms(&arena, UINT64_C(1764000000123)), "2025-11-24T17:00:00.123+01:00");
    assert_slice(print_time(&arena, UINT64_C(1750000000000)), "2025-06-15T17:06:40+02:00");
    (void)setenv("TZ", "NST3:30", 1);
    tzset();
    assert_slice(print_time(&arena, UINT64_C(1764000000123)), "2025-11-24T12:30:00-03:30");
    assert_slice(print_time(&arena, 0), "-");
}

static void sizes_and_durations_are_short(void **unused)
{
    (void)unused;
    assert_slice(print_size(&arena, 0), "0 bytes");
    assert_slice(print_size(&arena, 1), "1 byte");
    assert_slice(print_size(&arena, 1023), "1023 bytes");
    assert_slice(print_size(&arena, 1024), "1.0 KiB");
    assert_slice(print_size(&arena, 1536), "1.5 KiB");
    assert_slice(print_size(&arena, 1048576), "1.0 MiB");
    assert_slice(print_size(&arena, UINT64_C(5) << 40), "5.0 TiB");
    assert_slice(print_duration(&arena, 340), "0.3 s");
    assert_slice(print_duration(&arena, 150000), "2 min");
    assert_slice(print_duration(&arena, 7200000), "2 h");
    assert_slice(print_duration(&arena, UINT64_C(5) * 86400000), "5 d");
    assert_slice(print_hex(&arena, SLICE("\x01\xfe")), "01fe");
}

static void columns_line_up(void **unused)
{
    (void)unused;
    static const char *const heads[] = {"NAME", "N", "REST"};
    OWN(buf) struct buf out = {.max = 4096};
    struct print_columns c = {.arena = &arena, .heads = heads, .count = 3, .right = 1U << 1};

    print_row(&c, (const struct slice[]){SLICE("你"), SLICE("7"), SLICE("x\ny")});
    print_row(&c, (const struct slice[]){SLICE("longer"), SLICE("123"), SLICE("")});
    print_columns(&c, 0, &out);
    assert_slice(buf_slice(&out), "NAME      N  REST\n"
                                  "你        7  x\\ny\n"
                                  "longer  123\n");
    buf_reset(&out);
    print_columns(&c, 10, &out);
    assert_slice(buf_slice(&out), "NAME     …\n"
                                  "你       …\n"
                                  "longer  1…\n");
}

/* ── records to publish ── */

static void dkim_records_hold_the_key(void **unused)
{
    (void)unused;
    /* RFC 8463 appendix A.2: the key there, in its SubjectPublicKeyInfo. */
    static const uint8_t spki[] = {
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0xd7, 0x5a, 0x98,
        0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1,
        0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
    struct signer_key key = {.kind = KEY_DKIM_ED25519, .public = SLICE_ARRAY(spki)};

    assert_slice(dns_dkim_text(&key, &arena),
                 "v=DKIM1; h=sha256; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    key.kind = KEY_DKIM_RSA;
    key.public = SLICE("ab");
    assert_slice(dns_dkim_text(&key, &arena), "v=DKIM1; h=sha256; k=rsa; p=YWI=");
    key.kind = KEY_TLS;
    assert_slice(dns_dkim_text(&key, &arena), "");
}

/* ── the timeline ── */

static struct slice encoded(const struct cbor_schema *schema, const void *value)
{
    OWN(buf) struct buf body = {.max = 1 << 20};

    cbor_write(&body, schema, value);
    assert_false(body.full);
    return arena_copy(&arena, buf_slice(&body));
}

static void assert_says(const struct buf *b, const char *text)
{
    if (!memmem(b->ptr, b->len, text, strlen(text))) {
        fail_msg("not found: %s\nin: %.*s", text, SLICE_ARG(buf_slice(b)));
    }
}

#define ID SLICE("0123456789")

static struct facts some_facts(void)
{
    static struct recipient recipients[] = {{.address = SLICE_INIT("bob@partner.test")},
                                            {.address = SLICE_INIT("cy@else.test")}};

    return (struct facts){
        .id = ID,
        .kind = LETTER_SUBMITTED,
        .received_at = 1764000000000,
        .account = SLICE("anna@example.test"),
        .mechanism = SLICE("PLAIN"),
        .client = SLICE("192.0.2.7"),
        .helo = SLICE("[192.0.2.7]"),
        .tls_version = SLICE("TLSv1.3"),
        .tls_cipher = SLICE("TLS_AES_256_GCM_SHA384"),
        .reverse_path = SLICE("anna@example.test"),
        .recipients = {recipients, 2},
        .size = 2048,
        .digest = SLICE("0123456789abcdef0123456789abcdef"),
        .subject = SLICE("Hi \x1b[31m"),
    };
}

static void a_timeline_says_what_happened(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 1 << 20};
    struct error e;
    struct facts facts = some_facts();
    struct ruling ruling = {.domain = SLICE("partner.test"),
                            .recipients = slice_of("\0\0", 2),
                            .level = LEVEL_VERIFIED,
                            .reason = SLICE("outbound-tls")};
    struct decision decision = {
        .id = ID, .rulings = {&ruling, 1}
    };
    struct recipient_outcome delivered = {.address = SLICE("bob@partner.test"),
                                          .status = DELIVERY_DELIVERED,
                                          .code = 250,
                                          .enhanced = SLICE("2.0.0"),
                                          .reply = SLICE("queued\r\n\x1b]0;x\x07")};
    struct outcome outcome = {
        .id = ID,
        .attempt = 1,
        .domain = SLICE("partner.test"),
        .evidence = {.host = SLICE("mx.partner.test"),
                     .address = SLICE("198.51.100.2:25"),
                     .tls_version = SLICE("TLSv1.3"),
                     .tls_cipher = SLICE("TLS_AES_128_GCM_SHA256"),
                     .certificate = SLICE("0123456789abcdef0123456789abcdef"),
                     .verdict = SLICE("verified"),
                     .level = LEVEL_VERIFIED,
                     .started_at = 1764000001000,
                     .ended_at = 1764000001500},
        .recipients = {&delivered, 1},
    };
    const struct reader_record records[] = {
        {5, RECORD_FACTS,    1764000000001, encoded(&facts_schema,    &facts)   },
        {7, RECORD_DECISION, 1764000000100, encoded(&decision_schema, &decision)},
        {9, RECORD_OUTCOME,  1764000001501, encoded(&outcome_schema,  &outcome) },
    };

    assert_ok(timeline_write(records, 3, &arena, &out, &e), e);
    assert_says(&out, "Subject     Hi \\x1b[31m\n");
    assert_says(&out, "<cy@else.test>\n");
    assert_says(&out, "Size        2.0 KiB\n");
    assert_says(&out, "record 5  accepted and recorded\n");
    assert_says(&out, "anna@example.test (PLAIN)\n");
    assert_says(&out, "TLSv1.3, TLS_AES_256_GCM_SHA384\n");
    assert_says(&out, "partner.test: verified or better, by MX (outbound-tls)\n");
    assert_says(&out, "for       bob@partner.test\n");
    assert_says(&out, "record 9  attempt 1 to partner.test ended\n");
    assert_says(&out, "mx.partner.test 198.51.100.2:25\n");
    assert_says(&out, "SHA-256 3031323334353637");
    assert_says(&out, "took        0.5 s, from ");
    assert_says(&out, "bob@partner.test: delivered (250 2.0.0) queued\\r\\n\\x1b]0;x\\x07\n");
    assert_null(memchr(out.ptr, 0x1b, out.len));
}

static void a_damaged_record_is_an_error(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 1 << 20};
    struct error e;
    const struct reader_record record = {5, RECORD_FACTS, 1, SLICE("no CBOR")};

    assert_false(timeline_write(&record, 1, &arena, &out, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

static void what_readpst_makes_up_is_settled(void **unused)
{
    OWN(buf) struct buf out = {.max = 1000};
    (void)unused;
    import_pst_settle(
        SLICE("b=\"--boundary-LibPST-iamunique-218_-_-\" alt---boundary-LibPST-iamunique-218_-_- "
              "boundary-LibPST-iamunique-7 boundary-LibPST-iamunique-x boundary-LibPST-iamunique-"),
        &out);
    assert_slice(
        buf_slice(&out),
        "b=\"--boundary-LibPST-iamunique-1_-_-\" alt---boundary-LibPST-iamunique-1_-_- "
        "boundary-LibPST-iamunique-2 boundary-LibPST-iamunique-x boundary-LibPST-iamunique-");
    buf_reset(&out);
    import_pst_settle(SLICE("nothing to do"), &out);
    assert_slice(buf_slice(&out), "nothing to do");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_are_told_apart),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(reading_stops_at_the_verb),
        cmocka_unit_test(verbs_are_found_by_their_words),
        cmocka_unit_test(verbs_are_complete),
        cmocka_unit_test(hostile_text_is_escaped),
        cmocka_unit_test(widths_are_of_the_terminal),
        cmocka_unit_test(times_are_local),
        cmocka_unit_test(sizes_and_durations_are_short),
        cmocka_unit_test(columns_line_up),
        cmocka_unit_test(dkim_records_hold_the_key),
        cmocka_unit_test(a_timeline_says_what_happened),
        cmocka_unit_test(what_readpst_makes_up_is_settled),
        cmocka_unit_test(a_damaged_record_is_an_error),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
