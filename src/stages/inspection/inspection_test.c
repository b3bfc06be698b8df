#include <dirent.h>
#include <sys/stat.h>

#include "tests/inspect.h"

/* What an employee would try who wants a word to be read by the recipient and by nobody else. */
static void words_hide_nowhere(void **unused)
{
    (void)unused;
    /* padding in the middle; "Hello" and " secret" */
    struct result *r = inspect(SLICE("Content-Transfer-Encoding: base64\r\n\r\n"
                                     "SGVsbG8=\r\nIHNlY3JldA==\r\nIHRvbw==\r\n"));
    assert_string_equal(words(r, TEXT_BODY), "hello secret too");
    assert_int_equal(r->findings.gaps.count, 0);

    r = inspect(SLICE("Content-Transfer-Encoding: (x) base64\r\n\r\nSGVsbG8=\r\n"));
    assert_int_equal(part(r, 0)->reading, PART_UNREADABLE);

    r = inspect(SLICE("Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n"
                      "--a\r\n\r\nhello\r\n--a--\r\n"
                      "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nc2VjcmV0\r\n--b--\r\n"));
    assert_gap(r, "A part says twice");

    r = inspect(SLICE("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
                      "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n"
                      "\r\nc2VjcmV0\r\n--a--\r\n"));
    assert_gap(r, "A part says twice");
}

static void plain_letter(void **unused)
{
    (void)unused;
    struct result *r = inspect(SLICE("From: Anna Lenz <anna@example.test>\r\n"
                                     "To: =?utf-8?q?J=C3=B6rg?= <joerg@partner.test>,\r\n"
                                     " b@x.test\r\n"
                                     "Subject: =?iso-8859-1?q?Gr=FC=DFe?= aus Ulm\r\n"
                                     "X-Other: not searched\r\n"
                                     "\r\n"
                                     "Guten Tag,\r\nbis morgen.\r\n"));
    assert_int_equal(r->findings.parts.count, 1);
    assert_slice(part(r, 0)->type, "text/plain");
    assert_int_equal(part(r, 0)->reading, PART_TEXT);
    assert_int_equal(part(r, 0)->size, 25);
    assert_int_equal(r->findings.gaps.count, 0);
    assert_string_equal(words(r, TEXT_SUBJECT), "grusse aus ulm");
    assert_string_equal(words(r, TEXT_FROM), "anna lenz anna@example.test anna example test");
    assert_string_equal(words(r, TEXT_TO),
                        "jorg joerg@partner.test joerg partner test b@x.test b x test");
    assert_string_equal(words(r, TEXT_BODY), "guten tag bis morgen");
}

/* Each different number counts once, also where a letter carries its text twice. */
static void numbers_are_counted(void **unused)
{
    (void)unused;
    struct result *r = inspect(SLICE(
        "Subject: 4111 1111 1111 1111\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n"
        "--a\r\n\r\n4111111111111111 and 5555 5555 5555 4444\r\n"
        "--a\r\nContent-Type: text/html\r\n\r\n<b>4111&nbsp;1111&nbsp;1111&nbsp;1111</b>\r\n"
        "<p>DE89 3704 0044 0532 0130 00\r\n--a--\r\n"));
    const struct detected *d = r->findings.detected.items;

    assert_int_equal(r->findings.detected.count, 2);
    assert_int_equal(d[0].kind, DETECTED_CARD);
    assert_int_equal(d[0].count, 2);
    assert_int_equal(d[1].kind, DETECTED_IBAN);
    assert_int_equal(d[1].count, 1);

    r = inspect(SLICE("Subject: order 4111 1111 1111 1112\r\n\r\nDE88370400440532013000\r\n"));
    assert_int_equal(r->findings.detected.count, 0);
}

/* In the text, in the source of HTML, and each once. */
static void links_are_listed(void **unused)
{
    (void)unused;
    struct result *r = inspect(SLICE(
        "Subject: see http://one.test\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n"
        "--a\r\n\r\nhttps://ONE.test/x and www.two.test\r\n"
        "--a\r\nContent-Type: text/html\r\n\r\n<a "
        "href=\"http&#58;//three.test\">one.test</a>\r\n--a--\r\n"));
    const struct slice *hosts = r->findings.links.items;

    assert_int_equal(r->findings.links.count, 3);
    assert_slice(hosts[0], "one.test");
    assert_slice(hosts[1], "www.two.test");
    assert_slice(hosts[2], "three.test");
}

static void charsets(void **unused)
{
    (void)unused;

    static const struct {
        struct slice letter;
        const char *body;
    } cases[] = {
        {SLICE_INIT("Content-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdf"),        "gruss" },
        {SLICE_INIT("Content-Type: text/plain; charset=\"UTF-8\"\n\nGr\xc3\xbc\xc3\x9f"), "gruss" },
        {SLICE_INIT("Content-Type: text/plain\n\nGr\xfc\xdf"),                            "gruss" },
        {SLICE_INIT("Content-Type: text/plain; charset=koi8-r\n\n\xcd\xc9\xd2"),          "мир"},
        {SLICE_INIT("Content-Type: text/plain; charset=shift_jis\n\n\x93\x8c"),           "東"   },
        {SLICE_INIT("Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$BEl\x1b(B"),   "東"   },
        {SLICE_INIT("Content-Type: text/plain; charset=utf-16le\n\nh\0i\0"),              "hi"    },
        {SLICE_INIT("Content-Type: text/plain; charset=utf-7\n\nGr+APw-n"),               "grun"  },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct result *r = inspect(cases[i].letter);
        assert_string_equal(words(r, TEXT_BODY), cases[i].body);
        assert_int_equal(part(r, 0)->reading, PART_TEXT);
    }
    struct result *r = inspect(SLICE("Content-Type: text/plain; charset=x-klingon\n\nabc \xff"));
    assert_string_equal(words(r, TEXT_BODY), "abc");
    assert_int_equal(part(r, 0)->reading, PART_UNREADABLE);
    assert_slice(part(r, 0)->charset, "x-klingon");
}

static void transfer_encodings(void **unused)
{
    (void)unused;
    static const struct slice letters[] = {
        SLICE_INIT("Content-Transfer-Encoding: base64\n\nZ3LDvG4g\r\naGF1cw==\r\n"),
        SLICE_INIT("Content-Transfer-Encoding: Quoted-Printable \n\ngr=C3=\n=BCn h=61us"),
        SLICE_INIT("Content-Transfer-Encoding: 8bit (comment)\n\ngr\xc3\xbcn haus"),
        SLICE_INIT(
            "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 t\n*9W+#O&X@:&%U<P  \n`\nend\n"),
    };
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        struct result *r = inspect(letters[i]);
        assert_string_equal(words(r, TEXT_BODY), "grun haus");
        assert_int_equal(part(r, 0)->reading, PART_TEXT);
    }
    struct result *r = inspect(SLICE("Content-Transfer-Encoding: x-new\n\nabc"));
    assert_int_equal(part(r, 0)->reading, PART_UNREADABLE);
    assert_slice(part(r, 0)->reason, "its transfer encoding is unknown");
}

static void multipart(void **unused)
{
    (void)unused;
    struct result *r =
        inspect(SLICE("Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\n"
                      "preamble\r\n"
                      "--a b\r\n\r\nfirst --a b\r\n--a bc\r\n"
                      "--a b \t\r\n"
                      "Content-Type: application/pdf; name*0*=utf-8''R%C3%A9; name*1=sum.pdf\r\n"
                      "Content-Disposition: attachment\r\n\r\n\1\2\3\r\n"
                      "--a b\r\nContent-Type: text/html\r\n\r\n<p>th<i>ird</i></p>\r\n"
                      "--a b\r\nContent-Type: image/png\r\n"
                      "Content-Disposition: inline; "
                      "filename=\"=?utf-8?q?b=C3=A4r?=.png\"\r\n\r\n\x89PNG\r\n\x1a\n\r\n"
                      "--a b--\r\n"
                      "epilogue\r\n"));
    assert_int_equal(r->findings.parts.count, 5);
    assert_int_equal(part(r, 0)->reading, PART_CONTAINER);
    assert_int_equal(part(r, 1)->depth, 1);
    assert_int_equal(part(r, 1)->size, strlen("first --a b\r\n--a bc"));
    assert_slice(part(r, 2)->name, "Résum.pdf");
    assert_int_equal(part(r, 2)->disposition, PART_ATTACHMENT);
    assert_int_equal(part(r, 2)->reading, PART_SKIPPED);
    assert_int_equal(part(r, 3)->reading, PART_HTML);
    assert_slice(part(r, 4)->name, "bär.png");
    assert_int_equal(part(r, 4)->disposition, PART_INLINE);
    assert_slice(part(r, 4)->reason, "an image");
    assert_string_equal(words(r, TEXT_BODY), "preamble first a b a bc third epilogue");
    assert_string_equal(words(r, TEXT_NAMES), "resum pdf bar png");
}

static void same_words_once(void **unused)
{
    (void)unused;
    struct result *r = inspect(SLICE("Content-Type: multipart/alternative; boundary=x\n\n"
                                     "--x\n\none two\n"
                                     "--x\nContent-Type: text/html\n\n<b>One</b> two\n"
                                     "--x\nContent-Type: text/html\n\n<b>One</b> three\n"
                                     "--x--\n"));
    assert_string_equal(words(r, TEXT_BODY), "one two one three");
    assert_int_equal(r->findings.terms, 4);
    assert_int_equal(part(r, 2)->reading, PART_HTML);
}

static void embedded_letters(void **unused)
{
    (void)unused;
    struct result *r = inspect(SLICE("Subject: outer\n"
                                     "Content-Type: message/rfc822\n"
                                     "Content-Transfer-Encoding: base64\n\n"
                                     /* Subject: inner, From: a@b.c, text */
                                     "U3ViamVjdDogaW5uZXIKRnJvbTogYUBiLmMKCnRleHQK\n"));
    assert_int_equal(r->findings.parts.count, 2);
    assert_string_equal(words(r, TEXT_SUBJECT), "outer");
    assert_string_equal(words(r, TEXT_BODY), "inner a@b.c a b c text");
    assert_string_equal(words(r, TEXT_FROM), "");

    r = inspect(SLICE("Content-Type: multipart/digest; boundary=x\n\n"
                      "--x\n\nSubject: one\n\ntext\n--x--"));
    assert_int_equal(r->findings.parts.count, 3);
    assert_string_equal(words(r, TEXT_BODY), "one text");
}

static void what_is_encrypted_is_listed(void **unused)
{
    (void)unused;
    struct result *r = inspect(SLICE("Content-Type: multipart/encrypted; boundary=x\n\n"
                                     "--x\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n"
                                     "--x\n\n-----BEGIN PGP MESSAGE-----\n--x--\n"));
    assert_int_equal(part(r, 2)->reading, PART_UNREADABLE);
    assert_slice(part(r, 2)->reason, "encrypted");
    r = inspect(SLICE("Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMII"));
    assert_slice(part(r, 0)->reason, "encrypted");
    r = inspect(SLICE("Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nMII"));
    assert_slice(part(r, 0)->reason, "inside an S/MIME signature");
}

static void odd_letters(void **unused)
{
    (void)unused;
    struct result *r = inspect(SLICE(""));
    assert_int_equal(r->findings.parts.count, 1);
    r = inspect(SLICE("no header at all\nsecond"));
    assert_string_equal(words(r, TEXT_BODY), "no header at all second");
    r = inspect(SLICE("\nbody"));
    assert_string_equal(words(r, TEXT_BODY), "body");
    r = inspect(SLICE("Subject: s\nhidden words\n\nbody"));
    assert_string_equal(words(r, TEXT_BODY), "hidden words body");
    r = inspect(SLICE("From me Mon Jan 1\nSubject : s\n\nbody"));
    assert_string_equal(words(r, TEXT_SUBJECT), "s");
    r = inspect(SLICE("Content-Type: nonsense\n\nbody"));
    assert_int_equal(part(r, 0)->reading, PART_TEXT);
    r = inspect(SLICE("Content-Type: text/html\nContent-Type: image/png\n\nbody"));
    assert_int_equal(part(r, 0)->reading, PART_HTML);
    r = inspect(SLICE("Content-Type: multipart/mixed\n\nbody"));
    assert_int_equal(part(r, 0)->reading, PART_UNREADABLE);
    assert_string_equal(words(r, TEXT_BODY), "body");
    r = inspect(SLICE("Content-Type: multipart/mixed; boundary=x\n\n--x\n--x\n\nb\n--x\nc: d"));
    assert_int_equal(r->findings.parts.count, 4);
}

static void limits_hold(void **unused)
{
    (void)unused;
    OWN(buf) struct buf b = {.max = 32u << 20};

    for (unsigned i = 0; i < 60; i++) { /* too deep */
        buf_printf(&b, "Content-Type: multipart/mixed; boundary=b%u\n\n--b%u\n", i, i);
    }
    buf_add_text(&b, "\ndeep");
    struct result *r = inspect(buf_slice(&b));
    assert_int_equal(r->findings.parts.count, INSPECTION_DEPTH_MAX + 1);
    assert_int_equal(part(r, INSPECTION_DEPTH_MAX)->reading, PART_UNREADABLE);
    assert_gap(r, "Parts are nested");

    buf_reset(&b); /* too many */
    buf_add_text(&b, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (unsigned i = 0; i < 200000; i++) {
        buf_add_text(&b, "--b\n\nx\n");
    }
    r = inspect(buf_slice(&b));
    assert_int_equal(r->findings.parts.count, FINDINGS_PARTS_MAX);
    assert_gap(r, "There are more than 10000 parts");

    buf_reset(&b); /* parameters */
    buf_add_text(&b, "Content-Type: text/plain");
    for (unsigned i = 0; i < 101; i++) {
        buf_printf(&b, "; p%u=1", i);
    }
    buf_add_text(&b, "\n\nx");
    r = inspect(buf_slice(&b));
    assert_int_equal(part(r, 0)->reading, PART_UNREADABLE);

    buf_reset(&b); /* a long field, then a long header */
    buf_add_text(&b, "Subject: a\nSubject:");
    for (unsigned i = 0; i < 400000; i++) {
        buf_add_text(&b, " (:=?,");
    }
    r = inspect(buf_slice(&b));
    assert_gap(r, "A header field is longer");
    assert_gap(r, "A header is longer");
    assert_string_equal(words(r, TEXT_SUBJECT), "a");
}

/* A hostile inspector's worst case is our own limit: the findings still fit in an answer. */
static void long_names_are_bounded(void **unused)
{
    (void)unused;
    OWN(buf) struct buf b = {.max = 32u << 20};
    OWN(buf) struct buf record = {.max = FINDINGS_CBOR_MAX};
    char name[1000];

    (void)memset(name, 'n', sizeof(name));
    buf_add_text(&b, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (unsigned i = 0; i < 10000; i++) {
        buf_printf(&b, "--b\nContent-Type: image/png; name=%.*s\n\n", 1000, name);
    }
    struct result *r = inspect(buf_slice(&b));
    assert_gap(r, "The names of the parts");
    cbor_write(&record, &findings_schema, &r->findings);
    assert_false(record.full);
}

/* Every letter and every document of the shared corpora gives findings in which nothing unread
 * lacks a reason. */
static void inspect_file(const char *path, size_t *count)
{
    OWN(buf) struct buf b = {.max = 32u << 20};
    FILE *f = fopen(path, "rb");
    size_t n = 0;

    assert_non_null(f);
    do {
        uint8_t *room = buf_room(&b, 65536);
        assert_non_null(room);
        n = fread(room, 1, 65536, f);
        b.len += n;
    } while (n > 0);
    (void)fclose(f);
    bool is_file = strstr(path, "/documents/") || strstr(path, "/outlook/");
    struct result *r = is_file ? inspect_attached("application/octet-stream",
                                                  strrchr(path, '/') + 1, buf_slice(&b))
                               : inspect(buf_slice(&b));
    assert_true(r->findings.parts.count > 0);
    for (size_t i = 0; i < r->findings.parts.count; i++) {
        const struct part *p = part(r, i);
        assert_true(p->reading >= PART_TEXT && p->reading <= PART_DOCUMENT);
        bool unread = p->reading == PART_SKIPPED || p->reading == PART_UNREADABLE;
        assert_true(!unread || p->reason.len > 0);
    }
    ++*count;
}

static void inspect_folder(const char *path, size_t *count)
{
    DIR *dir = opendir(path);

    for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
        char child[4096];
        struct stat st;
        if (d->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(child, sizeof(child), "%s/%s", path, d->d_name);
        if (stat(child, &st) == 0 && S_ISDIR(st.st_mode)) {
            inspect_folder(child, count);
        } else {
            inspect_file(child, count);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

static void corpora(void **unused)
{
    (void)unused;
    static const char *const folders[] = {"mime",  "spamassassin", "reports",
                                          "smime", "documents",    "outlook"};
    const char *root = getenv("POSTERN_CORPORA");
    const char *kept = getenv("CORPUS");
    char beside[2048];
    size_t count = 0;

    (void)snprintf(beside, sizeof(beside), "%s/../../../shared/corpora", kept ? kept : ".");
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", root ? root : beside, folders[i]);
        inspect_folder(path, &count);
    }
    if (count == 0) {
        print_message("skipped: no ../shared/corpora, and POSTERN_CORPORA names no other folder\n");
        skip();
    }
    print_message("inspected %zu letters\n", count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_hide_nowhere),
        cmocka_unit_test(plain_letter),
        cmocka_unit_test(numbers_are_counted),
        cmocka_unit_test(links_are_listed),
        cmocka_unit_test(charsets),
        cmocka_unit_test(transfer_encodings),
        cmocka_unit_test(multipart),
        cmocka_unit_test(same_words_once),
        cmocka_unit_test(embedded_letters),
        cmocka_unit_test(what_is_encrypted_is_listed),
        cmocka_unit_test(odd_letters),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(long_names_are_bounded),
        cmocka_unit_test(corpora),
    };
    return cmocka_run_group_tests(tests, start_inspection, NULL);
}
