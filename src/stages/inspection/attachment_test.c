#include <zip.h>

#include "tests/inspect.h"

struct file {
    const char *name;
    struct slice bytes;
};

/* An archive of these files, in memory that lives as long as the test. */
static struct slice zipped(const struct file *files, size_t count)
{
    static uint8_t space[4][1 << 20];
    static size_t used;
    uint8_t *to = space[used++ % 4];
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);

    zip_source_keep(source);
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
    assert_non_null(zip);
    for (size_t i = 0; i < count; i++) {
        zip_source_t *from = zip_source_buffer(zip, files[i].bytes.ptr, files[i].bytes.len, 0);
        assert_true(zip_file_add(zip, files[i].name, from, 0) >= 0);
    }
    assert_int_equal(zip_close(zip), 0);
    assert_int_equal(zip_source_open(source), 0);
    zip_int64_t n = zip_source_read(source, to, sizeof(space[0]));
    assert_true(n > 0);
    (void)zip_source_close(source);
    zip_source_free(source);
    return slice_of(to, (size_t)n);
}

static struct slice docx(const char *word)
{
    static char body[512];

    (void)snprintf(body, sizeof(body), "<w:d xmlns:w='urn:w'><w:t>%s</w:t></w:d>", word);
    const struct file files[] = {
        {"[Content_Types].xml", SLICE_INIT("<T/>")              },
        {"word/document.xml",   slice_text(body)                },
        {"docProps/core.xml",   SLICE_INIT("<c><t>plan</t></c>")}
    };
    return zipped(files, 3);
}

static void documents_are_read(void **unused)
{
    (void)unused;
    struct result *r = inspect_attached("application/octet-stream", "a.docx", docx("turbine"));
    assert_int_equal(r->findings.parts.count, 1);
    assert_int_equal(part(r, 0)->reading, PART_DOCUMENT);
    assert_string_equal(words(r, TEXT_BODY), "turbine plan");

    r = inspect_attached("image/png", "a.png", docx("turbine"));
    assert_string_equal(words(r, TEXT_BODY), "turbine plan");
    assert_slice(part(r, 0)->note, "says it is an image, a sound or a film and is a ZIP archive or "
                                   "a document made of one");
    assert_string_equal(words(r, TEXT_NAMES), "a png");

    r = inspect_attached("application/rtf", "a.rtf", SLICE("{\\rtf1 gr\\'fcn\\par haus}"));
    assert_string_equal(words(r, TEXT_BODY), "grun haus");
    r = inspect_attached("application/octet-stream", "a.eml", SLICE("Subject: inner\n\nhidden"));
    assert_string_equal(words(r, TEXT_BODY), "inner hidden");
    assert_int_equal(part(r, 1)->depth, 1);
    r = inspect_attached("application/octet-stream", "a.csv", SLICE("gr\xfcn;haus"));
    assert_string_equal(words(r, TEXT_BODY), "grun haus");
    r = inspect_attached("text/plain", "a.txt", SLICE("\xff\xfeh\0i\0"));
    assert_string_equal(words(r, TEXT_BODY), "hi");
}

static void archives_are_opened(void **unused)
{
    (void)unused;
    const struct file inner[] = {
        {"deep.txt", SLICE_INIT("treasure")}
    };
    const struct file files[] = {
        {"in.zip", zipped(inner, 1)},
        {"b.docx",        docx("turbine")            }
    };
    struct result *r = inspect_attached("application/zip", "a.zip", zipped(files, 2));

    assert_int_equal(r->findings.parts.count, 4);
    assert_int_equal(part(r, 0)->reading, PART_CONTAINER);
    assert_slice(part(r, 2)->name, "deep.txt");
    assert_int_equal(part(r, 2)->depth, 2);
    assert_int_equal(part(r, 2)->size, 8);
    assert_int_equal(part(r, 3)->reading, PART_DOCUMENT);
    assert_string_equal(words(r, TEXT_BODY), "treasure turbine plan");
    assert_string_equal(words(r, TEXT_NAMES), "a zip in zip deep txt b docx");
}

/* An archive that calls itself a document hides nothing. */
static void documents_hide_no_files(void **unused)
{
    (void)unused;
    const struct file files[] = {
        {"[Content_Types].xml", SLICE_INIT("<T/>")      },
        {"secret.txt",          SLICE_INIT("smuggled")  },
        {"word/theme/b.txt",    SLICE_INIT("contraband")}
    };
    struct result *r = inspect_attached("application/octet-stream", "a.docx", zipped(files, 3));

    assert_int_equal(r->findings.parts.count, 3);
    assert_string_equal(words(r, TEXT_BODY), "smuggled contraband");
}

static void what_cannot_be_opened_is_listed(void **unused)
{
    (void)unused;

    static const struct {
        const char *name;
        struct slice bytes;
        const char *reason;
    } cases[] = {
        {"a.zip",  SLICE_INIT("PK\3\4nothing"),                          "damaged: its list of entries cannot be read"},
        {"a.7z",   SLICE_INIT("7z\xbc\xaf\x27\x1c"),                     "an archive of a kind that is not opened"    },
        {"a.docx",
         SLICE_INIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
                    "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0"),
         "encrypted with a password"                                                                                  },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct result *r =
            inspect_attached("application/octet-stream", cases[i].name, cases[i].bytes);
        assert_int_equal(part(r, 0)->reading, PART_UNREADABLE);
        assert_slice(part(r, 0)->reason, cases[i].reason);
    }
}

/* Archives within archives, each only once as large as its limit, do no harm. */
static void archives_are_bounded(void **unused)
{
    (void)unused;
    OWN(buf) struct buf zeros = {.max = 80 << 20};
    struct file files[] = {
        {"0", SLICE_NONE},
        {"1", SLICE_NONE}
    };

    uint8_t *room = buf_room(&zeros, 80 << 20);
    assert_non_null(room);
    (void)memset(room, 0, 80 << 20);
    files[0].bytes = slice_of(room, 80 << 20);
    files[1].bytes = slice_of(room, 60 << 20);
    struct slice bomb = zipped(files, 2);
    struct result *r = inspect_attached("application/zip", "bomb.zip", bomb);
    assert_gap(r, "The files within files are too large");
    assert_int_equal(part(r, 1)->reading, PART_UNREADABLE);

    struct slice nested = SLICE("end");
    for (int i = 0; i < 60; i++) {
        const struct file one = {i ? "n.zip" : "n.txt", nested};
        nested = zipped(&one, 1);
    }
    r = inspect_attached("application/zip", "n.zip", nested);
    assert_int_equal(r->findings.parts.count, INSPECTION_DEPTH_MAX + 1);
    assert_gap(r, "Parts are nested");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(archives_are_opened),
        cmocka_unit_test(documents_hide_no_files),
        cmocka_unit_test(what_cannot_be_opened_is_listed),
        cmocka_unit_test(archives_are_bounded),
    };
    return cmocka_run_group_tests(tests, start_inspection, NULL);
}
