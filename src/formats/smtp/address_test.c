#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

#include "formats/smtp/address.h"
#include "tests/test.h"

#define LOCAL_64 "1234567890123456789012345678901234567890123456789012345678901234"
#define LABEL_63 "123456789012345678901234567890123456789012345678901234567890123"
#define DOMAIN_189                                                                                 \
    LABEL_63 "." LABEL_63 ".1234567890123456789012345678901234567890123456789012345678901"

/* The canonical form, or NULL when the address is no mailbox. */
static const char *canonical(const char *text)
{
    static char out[SMTP_CANONICAL_MAX + 1];
    struct smtp_mailbox m;
    struct error e;
    size_t len = 0;

    if (!smtp_mailbox_parse(slice_text(text), &m, &e)) {
        assert_int_equal(e.kind, ERROR_INPUT);
        return NULL;
    }
    if (!smtp_mailbox_canonical(&m, (uint8_t *)out, &len, &e)) {
        return NULL;
    }
    out[len] = '\0';
    return out;
}

static void accepted(void **unused)
{
    static const char *const pairs[][2] = {
        {"a@b",                        "a@b"                    },
        {"Al.Ice@EXAMPLE.Org",         "Al.Ice@example.org"     },
        {"!#$%&'*+-/=?^_`{|}~@x",      "!#$%&'*+-/=?^_`{|}~@x"  },
        {"\"alice\"@x",                "alice@x"                },
        {"\"al\\ice\"@x",              "alice@x"                },
        {"\"a b\"@x",                  "\"a b\"@x"              },
        {"\"a\\ b\"@x",                "\"a b\"@x"              },
        {"\"a\\\\b\\\"\"@x",           "\"a\\\\b\\\"\"@x"       },
        {"\"\"@x",                     "\"\"@x"                 },
        {"\"a..b\"@x",                 "\"a..b\"@x"             },
        {"\"@>\"@x",                   "\"@>\"@x"               },
        {"a@[192.0.2.1]",              "a@[192.0.2.1]"          },
        {"a@[IPv6:2001:DB8::1]",       "a@[ipv6:2001:db8::1]"   },
        {"a@1.2.3.4",                  "a@1.2.3.4"              },
        {"a@b-c.d--e",                 "a@b-c.d--e"             },
        {"\xc3\xa4@x",                 "\xc3\xa4@x"             },
        {"a@b\xc3\xbc\x63her.example", "a@xn--bcher-kva.example"},
        {"a@B\xc3\x9c\x43HER.example", "a@xn--bcher-kva.example"},
        {"a@XN--BCHER-KVA.example",    "a@xn--bcher-kva.example"},
        {"a@stra\xc3\x9f\x65.de",      "a@xn--strae-oqa.de"     },
        {LOCAL_64 "@" DOMAIN_189,      LOCAL_64 "@" DOMAIN_189  },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *got = canonical(pairs[i][0]);
        if (!got || strcmp(got, pairs[i][1]) != 0) {
            fail_msg("%s became %s, not %s", pairs[i][0], got ? got : "nothing", pairs[i][1]);
        }
    }
}

static const char *const malformed[] = {
    "",
    "@",
    "a",
    "a@",
    "@b",
    "a@@b",
    "a@b@c",
    ".a@b",
    "a.@b",
    "a..b@c",
    "a b@c",
    "a@b c",
    "a@b.",
    "a@.b",
    "a@b..c",
    "a@-b",
    "a@b-",
    "a@b_c",
    "\"a@b",
    "\"a\"b@c",
    "a\"b\"@c",
    "\"\t\"@b",
    "\"\x7f\"@b",
    "\"a\\\"@b",
    "\"\\\xc3\xa4\"@b",
    "<a@b>",
    "a@b>",
    "a(x)@b",
    "a,b@c",
    "a:b@c",
    "a;b@c",
    "a\\b@c",
    "a@[",
    "a@[]",
    "a@[1.2.3]",
    "a@[1.2.3.4",
    "a@[01.2.3.4]",
    "a@[1.2.3.4.5]",
    "a@[256.1.1.1]",
    "a@[::1]",
    "a@[IPv6:]",
    "a@[IPv6:1]",
    "a@[IPv6:::1%lo]",
    "a@[x-tag:1]",
    "a@[1.2.3.4]x",
    "\xff@b",
    "a@\xc3",
    "\xc0\x80@b",
    "a\xc2\x85@b",
    "a\xe2\x80\xa8@b",
    (LOCAL_64 "5@b"),
    ("a@" LABEL_63 "4"),
    (LOCAL_64 "@" DOMAIN_189 "2"),
    /* IDNA: maps to a dot, to an at sign, starts with a combining mark, wrong direction */
    "a@b\xe3\x80\x82\xe3\x80\x82\x63",
    "a@b\xef\xbc\xa0\x63",
    "a@\xcc\x88\x62",
};

static void refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        const char *got = canonical(malformed[i]);
        if (got) {
            fail_msg("%s was taken as %s", malformed[i], got);
        }
    }
}

static void parts(void **unused)
{
    struct smtp_mailbox m;
    struct error e;

    (void)unused;
    assert_ok(smtp_mailbox_parse(SLICE("\"a@b\"@[192.0.2.1]"), &m, &e), e);
    assert_slice(m.local, "\"a@b\"");
    assert_slice(m.domain, "[192.0.2.1]");
    assert_true(m.quoted && m.literal && !m.utf8);
    assert_ok(smtp_mailbox_parse(SLICE("a@\xc3\xa4"), &m, &e), e);
    assert_true(!m.quoted && !m.literal && m.utf8);
}

static void paths(void **unused)
{
    struct smtp_mailbox m;
    struct slice rest;
    struct error e;

    (void)unused;
    assert_ok(smtp_reverse_path_parse(SLICE("<a@b> SIZE=1"), &m, &rest, &e), e);
    assert_slice(m.text, "a@b");
    assert_slice(rest, " SIZE=1");
    assert_ok(smtp_reverse_path_parse(SLICE("<>"), &m, &rest, &e), e);
    assert_slice(m.text, "");
    assert_false(smtp_forward_path_parse(SLICE("<>"), &m, &rest, &e));
    assert_ok(smtp_forward_path_parse(SLICE("<POSTmaster>x"), &m, &rest, &e), e);
    assert_slice(m.local, "POSTmaster");
    assert_int_equal(m.domain.len, 0);
    assert_slice(rest, "x");
    assert_false(smtp_reverse_path_parse(SLICE("<postmaster>"), &m, &rest, &e));
    assert_ok(smtp_forward_path_parse(SLICE("<@a.b,@[1.2.3.4]:c@d>"), &m, &rest, &e), e);
    assert_slice(m.text, "c@d");
    assert_false(smtp_forward_path_parse(SLICE("<@a@b>"), &m, &rest, &e));
    assert_false(smtp_forward_path_parse(SLICE("<@a,c@d>"), &m, &rest, &e));
    assert_false(smtp_forward_path_parse(SLICE("<@a:>"), &m, &rest, &e));
    assert_ok(smtp_forward_path_parse(SLICE("<\"a>\"@b>"), &m, &rest, &e), e);
    assert_slice(m.text, "\"a>\"@b");
    assert_slice(rest, "");
}

/* The lists of others, flat JSON objects of strings: the value of `key` from *at on. */
static bool next_value(struct slice *at, const char *key, struct arena *a, struct slice *value)
{
    struct slice mark = arena_printf(a, "\"%s\": \"", key);
    const uint8_t *found = memmem(at->ptr, at->len, mark.ptr, mark.len);
    size_t len = 0;

    if (!found) {
        return false;
    }
    struct slice in = slice_from(*at, (size_t)(found - at->ptr) + mark.len);
    uint8_t *out = arena_alloc(a, in.len);
    while (in.len && in.ptr[0] != '"') {
        char hex[5] = {0};
        if (in.ptr[0] != '\\') {
            out[len++] = in.ptr[0];
            in = slice_from(in, 1);
        } else if (in.ptr[1] != 'u') {
            static const struct slice names = SLICE_INIT("nrtbf");
            size_t name = slice_find(names, in.ptr[1]);
            out[len++] = name < names.len ? (uint8_t) "\n\r\t\b\f"[name] : in.ptr[1];
            in = slice_from(in, 2);
        } else {
            (void)memcpy(hex, in.ptr + 2, 4);
            unsigned long u = strtoul(hex, NULL, 16);
            if (u >= 0x800) {
                out[len++] = (uint8_t)(0xe0 | u >> 12);
                out[len++] = (uint8_t)(0x80 | (u >> 6 & 63));
                out[len++] = (uint8_t)(0x80 | (u & 63));
            } else if (u >= 0x80) {
                out[len++] = (uint8_t)(0xc0 | u >> 6);
                out[len++] = (uint8_t)(0x80 | (u & 63));
            } else {
                out[len++] = (uint8_t)u;
            }
            in = slice_from(in, 6);
        }
    }
    *at = in;
    *value = slice_of(out, len);
    return true;
}

static struct slice corpus_file(const char *name, struct arena *a)
{
    const char *folder = getenv("POSTERN_CORPORA");
    const char *corpus = getenv("CORPUS");
    char path[4096];

    if (folder) {
        (void)snprintf(path, sizeof(path), "%s/addresses/%s", folder, name);
    } else {
        (void)snprintf(path, sizeof(path), "%s/../../../shared/corpora/addresses/%s",
                       corpus ? corpus : "tests/corpus", name);
    }
    FILE *f = fopen(path, "rb");
    if (!f) {
        print_message("skipped: no %s\n", path);
        return SLICE_NONE;
    }
    uint8_t *text = arena_alloc(a, 1 << 16);
    size_t len = fread(text, 1, 1 << 16, f);
    (void)fclose(f);
    return slice_of(text, len);
}

/* isemail's categories up to RFC5321 are what SMTP allows, those of RFC 5322 alone are not. One of its
 * wishes is not ours: that `::` in an IPv6 address stands for two groups at least. */
static void isemail_corpus(void **unused)
{
    OWN(arena) struct arena a = {.max = 64 << 20};
    struct slice at = corpus_file("isemail/tests.json", &a);
    struct slice address;
    struct slice category;
    size_t n = 0;

    (void)unused;
    if (!at.ptr) {
        skip();
        return;
    }
    while (next_value(&at, "address", &a, &address) && next_value(&at, "category", &a, &category)) {
        struct smtp_mailbox m;
        struct error e;
        bool allowed =
            slice_equal(category, SLICE("ISEMAIL_VALID_CATEGORY")) ||
            slice_equal(category, SLICE("ISEMAIL_DNSWARN")) ||
            slice_equal(category, SLICE("ISEMAIL_RFC5321")) ||
            slice_equal(address, SLICE("test@[IPv6:1111:2222:3333:4444:5555:6666::8888]"));
        if (smtp_mailbox_parse(address, &m, &e) != allowed) {
            fail_msg("%.*s: %.*s", SLICE_ARG(address), SLICE_ARG(category));
        }
        n++;
    }
    assert_true(n > 70);
}

static void python_valid(struct slice address, struct slice expect, struct arena *a)
{
    const char *got = canonical(arena_text(a, address));
    const char *ascii = strstr(arena_text(a, expect), "ascii_domain='");

    if (slice_find(address, '<') < address.len) {
        return; /* a display name: a header's business */
    }
    if (!got) {
        fail_msg("%.*s was refused", SLICE_ARG(address));
        return;
    }
    if (ascii) {
        struct slice rest;
        struct slice domain = slice_cut(slice_text(ascii + strlen("ascii_domain='")), '\'', &rest);
        (void)slice_cut(slice_text(got), '@', &rest);
        assert_true(slice_equal(rest, domain));
    }
}

/* python-email-validator's verdicts and the A-labels it makes of a domain. It asks more of a domain
 * than syntax: a dot, and A-labels that decode. */
static void python_corpus(void **unused)
{
    OWN(arena) struct arena a = {.max = 64 << 20};
    struct slice at = corpus_file("python-email-validator/cases.json", &a);
    struct slice test;
    struct slice address;
    struct slice expect;
    size_t n = 0;

    (void)unused;
    if (!at.ptr) {
        skip();
        return;
    }
    while (next_value(&at, "test", &a, &test) && next_value(&at, "address", &a, &address) &&
           next_value(&at, "expect", &a, &expect)) {
        if (slice_starts(test, SLICE("test_email_valid"))) {
            python_valid(address, expect, &a);
            n++;
        } else if (slice_starts(test, SLICE("test_email_invalid_syntax"))) {
            const char *got = canonical(arena_text(&a, address));
            const char *domain = got ? strrchr(got, '@') : NULL;
            if (domain && strchr(domain, '.') && !strstr(domain, "@xn--")) {
                fail_msg("%s was accepted: %.*s", got, SLICE_ARG(expect));
            }
            n++;
        }
    }
    assert_true(n > 50);
}

/* What the PHP library EmailValidator refuses even as a header's address. */
static void php_corpus(void **unused)
{
    OWN(arena) struct arena a = {.max = 64 << 20};
    struct slice at = corpus_file("EmailValidator/cases.json", &a);
    struct slice set;
    struct slice address;
    size_t n = 0;

    (void)unused;
    if (!at.ptr) {
        skip();
        return;
    }
    while (next_value(&at, "set", &a, &set) && next_value(&at, "address", &a, &address)) {
        if (strstr(arena_text(&a, set), "InvalidEmails")) {
            assert_null(canonical(arena_text(&a, address)));
            n++;
        }
    }
    assert_true(n > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),       cmocka_unit_test(refused),
        cmocka_unit_test(parts),          cmocka_unit_test(paths),
        cmocka_unit_test(isemail_corpus), cmocka_unit_test(python_corpus),
        cmocka_unit_test(php_corpus),
    };
    return cmocka_run_group_tests_name("formats/smtp/address", tests, NULL, NULL);
}
