/* What is encrypted is read back here by a reader of our own, small and of this test alone; other
 * programs read it in tests/system/test_documents_sealed.py. */
#include <openssl/evp.h>
#include <stdio.h>
#include <zip.h>

#include "formats/lock/agile.h"
#include "formats/lock/cfb.h"
#include "formats/lock/internal.h"
#include "formats/lock/lock.h"
#include "tests/test.h"

#define PASSWORD  SLICE("tango-42-whiskey")
#define OUT_MAX   ((size_t)64 << 20)
#define MANY      ((size_t)9 << 20) /* bytes that need sectors beyond the header's 109 */
#define CHAIN_END UINT32_C(0xfffffffe)

static uint32_t get32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static const uint8_t *sector(struct slice file, uint32_t i)
{
    assert_true(((uint64_t)i + 2) * 512 <= file.len);
    return file.ptr + ((size_t)i + 1) * 512;
}

/* The row of a sector in the table, by way of header and further tables. */
static uint32_t after(struct slice file, uint32_t i)
{
    uint32_t which = i / 128;
    uint32_t at = get32(file.ptr + 68);

    if (which < 109) {
        return get32(sector(file, get32(file.ptr + 76 + 4 * which)) + 4 * (i % 128));
    }
    for (which -= 109; which >= 127; which -= 127) {
        at = get32(sector(file, at) + 508);
    }
    return get32(sector(file, get32(sector(file, at) + 4 * which)) + 4 * (i % 128));
}

static uint32_t nth(struct slice file, uint32_t start, size_t n)
{
    while (n--) {
        start = after(file, start);
    }
    return start;
}

static const uint8_t *entry_of(struct slice file, const char *name)
{
    uint32_t directory = get32(file.ptr + 48);

    for (size_t i = 0; i < 16; i++) {
        const uint8_t *e = sector(file, nth(file, directory, i / 4)) + i % 4 * 128;
        size_t len = 0;
        while (name[len] && e[2 * len] == (uint8_t)name[len]) {
            len++;
        }
        if (!name[len] && e[64] == 2 * len + 2) {
            return e;
        }
    }
    fail_msg("no entry %s", name);
    return file.ptr;
}

static void stream_of(struct slice file, const char *name, struct buf *out)
{
    const uint8_t *e = entry_of(file, name);
    size_t size = get32(e + 120);
    uint32_t at = get32(e + 116);
    uint32_t minis = get32(file.ptr + 60);
    uint32_t root = get32(sector(file, get32(file.ptr + 48)) + 116);

    buf_reset(out);
    while (at != CHAIN_END && out->len < size) {
        size_t left = size - out->len;
        if (size < 4096) {
            buf_add(out, slice_of(sector(file, nth(file, root, at / 8)) + at % 8 * 64,
                                  left < 64 ? left : 64));
            at = get32(sector(file, nth(file, minis, at / 128)) + 4 * (at % 128));
        } else {
            buf_add(out, slice_of(sector(file, at), left < 512 ? left : 512));
            at = after(file, at);
        }
    }
    assert_int_equal(out->len, size);
    assert_true(at == CHAIN_END);
}

static void a_container_gives_back_what_went_in(void **unused)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 511, 4095, 4096, 4097, 70000, MANY};
    uint8_t *bytes = malloc(MANY);

    (void)unused;
    assert_non_null(bytes);
    for (size_t i = 0; i < MANY; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 512);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        OWN(buf) struct buf file = {.max = OUT_MAX};
        OWN(buf) struct buf got = {.max = OUT_MAX};
        const struct cfb_entry entries[] = {
            {"Root Entry", -1, CFB_ROOT,   SLICE_NONE    },
            {"large",      0,  CFB_STREAM, slice_of(bytes, sizes[i])},
            {"folder",            0,       CFB_STORAGE,     SLICE_NONE },
            {"small",            2,        CFB_STREAM,      SLICE("some text") },
        };
        cfb_write(entries, 4, &file);
        assert_false(file.full);
        stream_of(buf_slice(&file), "large", &got);
        assert_int_equal(got.len, sizes[i]);
        assert_true(sizes[i] == 0 || memcmp(got.ptr, bytes, sizes[i]) == 0);
        stream_of(buf_slice(&file), "small", &got);
        assert_slice(buf_slice(&got), "some text");
    }
    free(bytes);
}

/* ---- agile ---- */

static void attribute(struct slice info, const char *behind, const char *name, uint8_t *out)
{
    const uint8_t *at = memmem(info.ptr, info.len, behind, strlen(behind));

    assert_non_null(at);
    at = memmem(at, (size_t)(info.ptr + info.len - at), name, strlen(name));
    assert_non_null(at);
    at += strlen(name) + 2;
    size_t len = slice_find(slice_of(at, (size_t)(info.ptr + info.len - at)), '"');
    assert_true(EVP_DecodeBlock(out, at, (int)len) > 0);
}

static void sha512(struct slice a, struct slice b, uint8_t out[static 64])
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    assert_true(EVP_DigestInit_ex(c, EVP_sha512(), NULL) == 1 &&
                EVP_DigestUpdate(c, a.ptr, a.len) == 1 && EVP_DigestUpdate(c, b.ptr, b.len) == 1 &&
                EVP_DigestFinal_ex(c, out, NULL) == 1);
    EVP_MD_CTX_free(c);
}

static void decrypt(const uint8_t *key, const uint8_t *iv, const uint8_t *in, size_t len,
                    uint8_t *out)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;

    assert_true(EVP_DecryptInit_ex(c, EVP_aes_256_cbc(), NULL, key, iv) == 1 &&
                EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
                EVP_DecryptUpdate(c, out, &n, in, (int)len) == 1);
    EVP_CIPHER_CTX_free(c);
}

/* The document's key as a password gives it; false when the password is not the one. */
static bool unlock(struct slice info, struct slice password, uint8_t key[static 32])
{
    static const uint8_t purposes[3][8] = {
        {0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79},
        {0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e},
        {0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6}
    };
    uint8_t salt[64];
    uint8_t sealed[96];
    uint8_t wide[2 * LOCK_PASSWORD_MAX] = {0};
    uint8_t h[64];
    uint8_t k[64];
    uint8_t verifier[16];
    uint8_t digest[64];
    uint8_t expected[64];

    attribute(info, "<p:encryptedKey", " saltValue", salt);
    for (size_t i = 0; i < password.len; i++) {
        wide[2 * i] = password.ptr[i];
    }
    sha512(slice_of(salt, 16), slice_of(wide, 2 * password.len), h);
    for (uint32_t i = 0; i < AGILE_ROUNDS; i++) {
        const uint8_t n[4] = {(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16), 0};
        sha512(SLICE_ARRAY(n), SLICE_ARRAY(h), h);
    }
    attribute(info, "<p:encryptedKey", "encryptedVerifierHashInput", sealed);
    sha512(SLICE_ARRAY(h), SLICE_ARRAY(purposes[0]), k);
    decrypt(k, salt, sealed, 16, verifier);
    attribute(info, "<p:encryptedKey", "encryptedVerifierHashValue", sealed);
    sha512(SLICE_ARRAY(h), SLICE_ARRAY(purposes[1]), k);
    decrypt(k, salt, sealed, 64, digest);
    sha512(SLICE_ARRAY(verifier), SLICE_NONE, expected);
    bool right = memcmp(expected, digest, 64) == 0;
    sha512(SLICE_ARRAY(h), SLICE_ARRAY(purposes[2]), k);
    attribute(info, "<p:encryptedKey", "encryptedKeyValue", sealed);
    decrypt(k, salt, sealed, 32, key);
    return right;
}

static void an_office_document_opens_with_its_password_alone(void **unused)
{
    OWN(buf) struct buf file = {.max = OUT_MAX};
    OWN(buf) struct buf info = {.max = OUT_MAX};
    OWN(buf) struct buf package = {.max = OUT_MAX};
    uint8_t document[10001];
    uint8_t plain[12288];
    uint8_t key[32];
    uint8_t salt[64];
    uint8_t iv[64];
    struct error e;

    (void)unused;
    for (size_t i = 0; i < sizeof(document); i++) {
        document[i] = (uint8_t)(i % 251);
    }
    assert_ok(agile_encrypt(SLICE_ARRAY(document), PASSWORD, &file, &e), e);
    stream_of(buf_slice(&file), "EncryptionInfo", &info);
    stream_of(buf_slice(&file), "EncryptedPackage", &package);
    assert_false(unlock(buf_slice(&info), SLICE("tango-42-whiskez"), key));
    assert_true(unlock(buf_slice(&info), PASSWORD, key));
    assert_int_equal(get32(package.ptr), sizeof(document));
    attribute(buf_slice(&info), "<keyData", " saltValue", salt);
    for (uint32_t i = 0; i < 3; i++) {
        const uint8_t n[4] = {(uint8_t)i, 0, 0, 0};
        sha512(slice_of(salt, 16), SLICE_ARRAY(n), iv);
        size_t left = package.len - 8 - i * 4096;
        decrypt(key, iv, package.ptr + 8 + (size_t)i * 4096, left < 4096 ? left : 4096,
                plain + (size_t)i * 4096);
    }
    assert_memory_equal(plain, document, sizeof(document));
    assert_int_equal(lock_form_of(buf_slice(&file)), LOCK_ARCHIVE);
}

/* ---- the archive ---- */

static void read_entry(struct slice archive, const char *name, const char *password,
                       struct buf *out, bool *got)
{
    zip_source_t *s = zip_source_buffer_create(archive.ptr, archive.len, 0, NULL);
    zip_t *z = zip_open_from_source(s, ZIP_RDONLY, NULL);

    assert_non_null(z);
    zip_file_t *f = zip_fopen_encrypted(z, name, 0, password);
    buf_reset(out);
    *got = f != NULL;
    if (f) {
        uint8_t *room = buf_room(out, 65536);
        zip_int64_t n = room ? zip_fread(f, room, 65536) : -1;
        assert_true(n >= 0);
        out->len = (size_t)n;
        (void)zip_fclose(f);
    }
    zip_discard(z);
}

/* An encrypted archive that says something besides to everybody is not kept as it is. */
static void assert_says_more(struct slice zip)
{
    static const struct slice clear =
        SLICE_INIT("PK\3\4\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\6\0\0\0\6\0\0\0\1\0\0\0amerger");
    OWN(buf) struct buf comment = {.max = OUT_MAX};
    OWN(buf) struct buf before = {.max = OUT_MAX};
    OWN(buf) struct buf behind = {.max = OUT_MAX};

    buf_add(&comment, slice_head(zip, zip.len - 2));
    buf_add(&comment, SLICE("\6\0merger"));
    assert_int_equal(lock_form_of(buf_slice(&comment)), LOCK_ARCHIVE);
    buf_add(&before, clear); /* a file that the directory does not list */
    buf_add(&before, zip);
    assert_int_equal(lock_form_of(buf_slice(&before)), LOCK_ARCHIVE);
    buf_add(&behind, zip);
    buf_add(&behind, SLICE("merger"));
    assert_int_equal(lock_form_of(buf_slice(&behind)), LOCK_ARCHIVE);
}

static void an_archive_tells_no_names(void **unused)
{
    OWN(buf) struct buf file = {.max = OUT_MAX};
    OWN(buf) struct buf inner = {.max = OUT_MAX};
    OWN(buf) struct buf text = {.max = OUT_MAX};
    const struct lock_entry entries[] = {
        {SLICE("merger plan.txt"),       SLICE("first") },
        {SLICE("../../Merger Plan.TXT"), SLICE("second")},
        {SLICE("gr\xc3\xbc\xc3\x9f"
               "e.txt"),
         SLICE("third")                                 },
    };
    bool got = false;
    struct error e;

    (void)unused;
    assert_ok(lock_archive(entries, 3, "documents.zip", PASSWORD, &file, &e), e);
    assert_null(memmem(file.ptr, file.len, "erger", 5));
    assert_int_equal(lock_form_of(buf_slice(&file)), LOCK_ENCRYPTED);
    assert_says_more(buf_slice(&file));
    read_entry(buf_slice(&file), "documents.zip", NULL, &inner, &got);
    assert_false(got);
    read_entry(buf_slice(&file), "documents.zip", "tango-42-whiskez", &inner, &got);
    assert_false(got);
    read_entry(buf_slice(&file), "documents.zip", "tango-42-whiskey", &inner, &got);
    assert_true(got);
    read_entry(buf_slice(&inner), "merger plan.txt", NULL, &text, &got);
    assert_slice(buf_slice(&text), "first");
    read_entry(buf_slice(&inner), "Merger Plan-2.TXT", NULL, &text, &got);
    assert_true(got);
    assert_slice(buf_slice(&text), "second");
    read_entry(buf_slice(&inner),
               "gr\xc3\xbc\xc3\x9f"
               "e.txt",
               NULL, &text, &got);
    assert_slice(buf_slice(&text), "third");
}

static void names_are_safe_everywhere(void **unused)
{
    static const struct {
        const char *name;
        unsigned number;
        const char *safe;
    } rows[] = {
        {"report.docx",      0, "report.docx"  },
        {"report.docx",      2, "report-2.docx"},
        {"C:\\temp\\a.pdf",  0, "a.pdf"        },
        {"../../etc/passwd", 0, "passwd"       },
        {"a?b*c.txt",        0, "a_b_c.txt"    },
        {"nul.txt",          0, "_nul.txt"     },
        {"COM1",             0, "_COM1"        },
        {".profile",         0, "_.profile"    },
        {"x.exe. .",         0, "x.exe"        },
        {"..",               0, "file"         },
        {"",                 0, "file"         },
        {"\xff\xfe",         0, "file"         },
        {"fdp\xe2\x80\xae"
         "exe.txt", 0, "fdpexe.txt"   },
    };

    char out[LOCK_SAFE_NAME_MAX];
    char longest[1000];

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        lock_safe_name(slice_text(rows[i].name), rows[i].number, out);
        assert_string_equal(out, rows[i].safe);
    }
    for (size_t i = 0; i < sizeof(longest); i += 2) {
        (void)memcpy(longest + i, "\xc3\xbc", 2);
    }
    (void)memcpy(longest + sizeof(longest) - 4, ".pdf", 4);
    lock_safe_name(SLICE_ARRAY(longest), 17, out);
    assert_true(strlen(out) < LOCK_NAME_MAX && slice_is_utf8(slice_text(out)));
    assert_non_null(strstr(out, "-17.pdf"));
}

/* ---- PDF, and what is not ---- */

#define PDF_HEAD                                                                                   \
    "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"                                   \
    "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"                                       \
    "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>\nendobj\n"
#define PDF_TAIL                                                                                   \
    "xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n"                   \
    "0000000105 00000 n \ntrailer\n<</Size 4/Root 1 0 R>>\nstartxref\n168\n%%EOF\n"

static void a_pdf_document_is_encrypted_when_it_is_sound(void **unused)
{
    OWN(buf) struct buf file = {.max = OUT_MAX};
    struct slice pdf = SLICE(PDF_HEAD PDF_TAIL);
    struct error e;

    (void)unused;
    lock_init();
    assert_int_equal(lock_form_of(pdf), LOCK_PDF);
    assert_ok(lock_file(LOCK_PDF, pdf, PASSWORD, &file, &e), e);
    assert_non_null(memmem(file.ptr, file.len, "/AESV3", 6));
    assert_int_equal(lock_form_of(buf_slice(&file)), LOCK_ARCHIVE);
    assert_int_equal(lock_form_of(SLICE(PDF_HEAD)), LOCK_ARCHIVE);
    assert_int_equal(lock_form_of(SLICE(PDF_HEAD PDF_TAIL "%/ByteRange\n")), LOCK_ARCHIVE);
    assert_int_equal(lock_form_of(SLICE(PDF_HEAD PDF_TAIL "%/ByteRang\n")), LOCK_PDF);
    assert_int_equal(lock_form_of(SLICE("plain words")), LOCK_ARCHIVE);
    assert_int_equal(lock_form_of(SLICE_NONE), LOCK_ARCHIVE);
}

/* A message of Outlook with an encrypted document in it, or no more than the word. */
static void a_compound_file_is_not_believed_to_be_encrypted(void **unused)
{
    OWN(buf) struct buf file = {.max = OUT_MAX};
    const struct cfb_entry entries[] = {
        {"Root Entry",              -1, CFB_ROOT,    SLICE_NONE           },
        {"__substg1.0_1000001F",    0,  CFB_STREAM,  SLICE("in the clear")},
        {"__attach_version1.0_#00", 0,  CFB_STORAGE, SLICE_NONE           },
        {"EncryptedPackage",        2,  CFB_STREAM,  SLICE("sealed")      },
    };

    (void)unused;
    cfb_write(entries, 4, &file);
    assert_false(file.full);
    assert_int_equal(lock_form_of(buf_slice(&file)), LOCK_ARCHIVE);
}

static void passwords_are_what_all_programs_take(void **unused)
{
    OWN(buf) struct buf out = {.max = OUT_MAX};
    const struct lock_entry entry = {SLICE("a"), SLICE("b")};
    struct error e;

    (void)unused;
    assert_true(lock_password_sound(PASSWORD));
    assert_false(lock_password_sound(SLICE("elevenchars")));
    assert_false(lock_password_sound(SLICE("with a blank in it")));
    assert_false(lock_password_sound(SLICE("gr\xc3\xbc\xc3\x9f"
                                           "e-aus-kiel")));
    assert_false(lock_archive(&entry, 1, "d.zip", SLICE("short"), &out, &e));
    assert_false(lock_file(LOCK_OFFICE, SLICE("x"), SLICE("short"), &out, &e));
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_gives_back_what_went_in),
        cmocka_unit_test(an_office_document_opens_with_its_password_alone),
        cmocka_unit_test(an_archive_tells_no_names),
        cmocka_unit_test(names_are_safe_everywhere),
        cmocka_unit_test(a_pdf_document_is_encrypted_when_it_is_sound),
        cmocka_unit_test(a_compound_file_is_not_believed_to_be_encrypted),
        cmocka_unit_test(passwords_are_what_all_programs_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
