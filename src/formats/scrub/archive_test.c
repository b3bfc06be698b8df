#include <stdlib.h>
#include <zip.h>

#include "formats/scrub/scrub.h"
#include "tests/test.h"

#define OUT_MAX ((size_t)4 << 20)
#define TIME    1700000000 /* of each file; an even second, which ZIP can write */

#define PNG_HEAD "\x89PNG\r\n\x1a\n\0\0\0\1IHDRxCCCC"
#define PNG_TEXT "\0\0\0\6tEXtAuthorCCCC"
#define PNG_END  "\0\0\0\0IENDCCCC"
#define SAYS     SLICE_INIT(PNG_HEAD PNG_TEXT PNG_END)
#define SILENT   SLICE_INIT(PNG_HEAD PNG_END)

/* What a Mac writes beside a file, with how long its fork is. */
#define MAC(len)                                                                                   \
    "\0\5\x16\7\0\2\0\0Mac OS X        \0\2\0\0\0\x09\0\0\0\x32\0\0\0\4\0\0\0\2\0\0\0\x36" len

struct file {
    const char *name;
    struct slice bytes;
};

/* What becomes of an archive, kept until the next. */
static struct buf out;
static struct buf what;

static enum scrub_end scrub(struct slice bytes)
{
    buf_done(&out);
    buf_done(&what);
    buf_init(&out, OUT_MAX);
    buf_init(&what, 1000);
    return scrub_file(bytes, &out, &what);
}

static void pack(const struct file *files, size_t n, const char *password, struct buf *file)
{
    zip_source_t *s = zip_source_buffer_create(NULL, 0, 0, NULL);

    zip_source_keep(s);
    zip_t *z = zip_open_from_source(s, ZIP_CREATE, NULL);
    assert_non_null(z);
    for (size_t i = 0; i < n; i++) {
        zip_source_t *one = zip_source_buffer(z, files[i].bytes.ptr, files[i].bytes.len, 0);
        zip_int64_t at = zip_file_add(z, files[i].name, one, ZIP_FL_ENC_UTF_8);
        assert_true(at >= 0 && zip_file_set_mtime(z, (zip_uint64_t)at, TIME, 0) == 0);
        if (password) {
            assert_int_equal(zip_file_set_encryption(z, (zip_uint64_t)at, ZIP_EM_AES_256, password),
                             0);
        }
    }
    assert_int_equal(zip_close(z), 0);
    uint8_t *room = buf_room(file, 1 << 20);
    assert_true(room && zip_source_open(s) == 0);
    file->len = (size_t)zip_source_read(s, room, 1 << 20);
    (void)zip_source_close(s);
    zip_source_free(s);
}

static void assert_packed(const struct file *files, size_t n)
{
    zip_t *z =
        zip_open_from_source(zip_source_buffer_create(out.ptr, out.len, 0, NULL), ZIP_RDONLY, NULL);

    assert_non_null(z);
    assert_int_equal(zip_get_num_entries(z, 0), n);
    for (size_t i = 0; i < n; i++) {
        uint8_t got[4096];
        zip_stat_t about;
        zip_file_t *f = zip_fopen_index(z, i, 0);
        assert_true(f && zip_stat_index(z, i, 0, &about) == 0);
        assert_string_equal(about.name, files[i].name);
        assert_int_equal(about.mtime, TIME);
        zip_int64_t len = zip_fread(f, got, sizeof(got));
        assert_true(len >= 0 && slice_equal(slice_of(got, (size_t)len), files[i].bytes));
        (void)zip_fclose(f);
    }
    zip_discard(z);
}

static void each_file_of_an_archive_is_cleaned(void **unused)
{
    static const struct file before[] = {
        {"photos/a.png",     SAYS                                },
        {"__MACOSX/._a.png", SLICE_INIT(MAC("\0\0\0\0") "Lenz")  },
        {"photos/.DS_Store", SLICE_INIT("Lenz")                  },
        {"words.txt",        SLICE_INIT("words")                 },
        {"Thumbs.db",        SLICE_INIT("Lenz")                  },
        {"text.rtf",         SLICE_INIT("{\\rtf1{\\info Lenz}x}")},
        {"empty",            SLICE_INIT("")                      },
    };
    static const struct file after[] = {
        {"photos/a.png", SILENT                  },
        {"words.txt",    SLICE_INIT("words")     },
        {"text.rtf",     SLICE_INIT("{\\rtf1 x}")},
        {"empty",        SLICE_INIT("")          },
    };
    OWN(buf) struct buf file = {.max = OUT_MAX};
    OWN(buf) struct buf once = {.max = OUT_MAX};

    (void)unused;
    pack(before, 7, NULL, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "texts, data of programs, previews, document properties");
    assert_packed(after, 4);
    buf_add(&once, buf_slice(&out));
    assert_int_equal(scrub(buf_slice(&once)), SCRUB_NOTHING);
}

static void a_file_that_stays_is_named_and_the_others_are_cleaned(void **unused)
{
    static const struct file before[] = {
        {"a.png",     SAYS                                              },
        {"old/b.doc", SLICE_INIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old")},
        {"c.7z",      SLICE_INIT("7z\xbc\xaf\x27\x1c")                  },
    };
    static const struct file after[] = {
        {"a.png",     SILENT                                            },
        {"old/b.doc", SLICE_INIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old")},
        {"c.7z",      SLICE_INIT("7z\xbc\xaf\x27\x1c")                  },
    };
    OWN(buf) struct buf file = {.max = OUT_MAX};
    OWN(buf) struct buf others = {.max = OUT_MAX};

    (void)unused;
    pack(before, 3, NULL, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_PARTLY);
    assert_slice(buf_slice(&what),
                 "texts; it holds old/b.doc: it is of an older form, which is not changed");
    assert_packed(after, 3);
    pack(before + 2, 1, NULL, &others);
    assert_int_equal(scrub(buf_slice(&others)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it holds c.7z: it is an archive that is not opened");
}

static void an_archive_that_cannot_be_changed_stays(void **unused)
{
    static const char *const signatures[] = {"META-INF/signatures.xml",
                                             "META-INF/A.SF",
                                             "META-INF/ASiCManifest-signature",
                                             "a.png.p7s",
                                             "a.png.asc",
                                             "AppxSignature.p7x"};
    struct file files[] = {
        {"a.png", SAYS},
        {NULL,    SAYS}
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        OWN(buf) struct buf file = {.max = OUT_MAX};
        files[1].name = signatures[i];
        pack(files, 2, NULL, &file);
        assert_int_equal(scrub(buf_slice(&file)), SCRUB_CANNOT);
        assert_slice(buf_slice(&what), "it is signed");
    }
    OWN(buf) struct buf locked = {.max = OUT_MAX};
    pack(files, 1, "secret", &locked);
    assert_int_equal(scrub(buf_slice(&locked)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is encrypted");
    assert_int_equal(scrub(SLICE("7z\xbc\xaf\x27\x1c")), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is an archive that is not opened");
}

/* Android's programs have their signatures before the list of files, and nothing else tells them from other archives. */
static void a_signed_program_stays(void **unused)
{
    static const struct file files[] = {
        {"a.png", SAYS}
    };
    OWN(buf) struct buf file = {.max = OUT_MAX};
    OWN(buf) struct buf program = {.max = OUT_MAX};

    (void)unused;
    pack(files, 1, NULL, &file);
    uint8_t *end = memmem(file.ptr, file.len, "PK\5\6", 4);
    assert_non_null(end);
    size_t at = end[16] | (size_t)end[17] << 8;
    buf_add(&program, slice_head(buf_slice(&file), at));
    buf_add(&program, SLICE("APK Sig Block 42"));
    buf_add(&program, slice_from(buf_slice(&file), at));
    uint8_t *list = program.ptr + program.len - 22 + 16;
    list[0] = (uint8_t)(at + 16);
    list[1] = (uint8_t)((at + 16) >> 8);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_int_equal(scrub(buf_slice(&program)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is signed");
}

/* Old typefaces are nothing but that. */
static void a_part_of_a_file_of_a_mac_stays(void **unused)
{
    static const struct file before[] = {
        {"__MACOSX/._a", SLICE_INIT(MAC("\0\0\1\x1e"))},
        {"__MACOSX/._b", SLICE_INIT(MAC("\0\0\1\x1f"))},
        {"__MACOSX/._c", SLICE_INIT("words")          },
        {"__MACOSX/d",   SLICE_INIT("words")          },
    };
    OWN(buf) struct buf file = {.max = OUT_MAX};

    (void)unused;
    pack(before, 4, NULL, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_PARTLY);
    assert_slice(buf_slice(&what), "data of programs; it holds __MACOSX/._b: it is a part of a "
                                   "file of a Mac, which is not changed");
    assert_packed(before + 1, 3);
}

/* Also documents, which are archives themselves. */
static void documents_within_are_cleaned(void **unused)
{
    static const struct file parts[] = {
        {"[Content_Types].xml", SLICE_INIT("<Types/>")        },
        {"docProps/core.xml",   SLICE_INIT("<a>Anna Lenz</a>")},
    };
    OWN(buf) struct buf inner = {.max = OUT_MAX};
    OWN(buf) struct buf file = {.max = OUT_MAX};

    (void)unused;
    pack(parts, 2, NULL, &inner);
    const struct file files[] = {
        {"a.docx", buf_slice(&inner)}
    };
    pack(files, 1, NULL, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "document properties");
}

/* What stays of a document within is named as the document's. */
static void a_document_within_is_cleaned_in_part(void **unused)
{
    static const struct file parts[] = {
        {"[Content_Types].xml", SLICE_INIT("<Types/>")                    },
        {"docProps/core.xml",   SLICE_INIT("<a>Anna Lenz</a>")            },
        {"word/media/a.mp4",    SLICE_INIT("\0\0\0\x08styp\0\0\0\x08moof")},
    };
    OWN(buf) struct buf inner = {.max = OUT_MAX};
    OWN(buf) struct buf file = {.max = OUT_MAX};

    (void)unused;
    pack(parts, 3, NULL, &inner);
    const struct file files[] = {
        {"a.docx", buf_slice(&inner)}
    };
    pack(files, 1, NULL, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_PARTLY);
    assert_slice(buf_slice(&what),
                 "document properties; it holds a.docx: it holds a film that cannot be changed");
}

/* What is unpacked of documents within counts, or many of them would be as large as one likes. */
static void all_that_is_unpacked_counts(void **unused)
{
    enum { EACH = 50 << 20 };

    static const char type[] = "<Types/>";
    OWN(buf) struct buf inner = {.max = OUT_MAX};
    OWN(buf) struct buf file = {.max = OUT_MAX};
    char *blanks = malloc(EACH);

    (void)unused;
    assert_non_null(blanks);
    (void)memset(blanks, ' ', EACH);
    const struct file parts[] = {
        {"[Content_Types].xml", slice_text(type)},
        { "word/document.xml",      slice_of(blanks,            EACH)}
    };
    pack(parts, 2, NULL, &inner);
    const struct file files[] = {
        {"a.docx", buf_slice(&inner)},
        {"b.docx", buf_slice(&inner)}
    };
    pack(files, 1, NULL, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_NOTHING);
    buf_reset(&file);
    pack(files, 2, NULL, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it holds b.docx: it is too large");
    free(blanks);
}

static int end(void **unused)
{
    (void)unused;
    buf_done(&out);
    buf_done(&what);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_of_an_archive_is_cleaned),
        cmocka_unit_test(a_file_that_stays_is_named_and_the_others_are_cleaned),
        cmocka_unit_test(an_archive_that_cannot_be_changed_stays),
        cmocka_unit_test(a_signed_program_stays),
        cmocka_unit_test(a_part_of_a_file_of_a_mac_stays),
        cmocka_unit_test(documents_within_are_cleaned),
        cmocka_unit_test(a_document_within_is_cleaned_in_part),
        cmocka_unit_test(all_that_is_unpacked_counts),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
