#include "formats/scrub/scrub.h"
#include "tests/test.h"

#define FILE_MAX ((size_t)1 << 20)
#define PIXELS   "eighteen of pixels"
#define CAMERA   "\0\0\0\0MM\0*Camera of Lenz!"

/* What a file is made with. */
struct wish {
    const char *first;  /* the type of the first item */
    const char *second; /* and of the second */
    const char *property;
    const char *outermost; /* a further box */
    size_t shift;          /* added to where the second is said to stand */
    size_t more;           /* and to its length */
    unsigned method;
    unsigned id; /* of the second, when it is not 2 */
};

static const struct wish usual = {.first = "hvc1",
                                  .second = "Exif",
                                  .property = "udes",
                                  .outermost = "free"};

static void add(struct buf *b, size_t number, size_t bytes)
{
    for (size_t i = bytes; i > 0; i--) {
        buf_add_byte(b, (uint8_t)(number >> 8 * (i - 1)));
    }
}

static size_t begin(struct buf *b, const char *type)
{
    size_t at = b->len;

    add(b, 0, 4);
    buf_add_text(b, type);
    return at;
}

static void end(struct buf *b, size_t at)
{
    size_t size = b->len - at;

    b->len = at;
    add(b, size, 4);
    b->len = at + size;
}

static void add_item(struct buf *b, unsigned id, const char *type)
{
    size_t infe = begin(b, "infe");

    add(b, 2u << 24, 4);
    add(b, id, 2);
    add(b, 0, 2);
    buf_add_text(b, type);
    buf_add(b, SLICE("Lenz\0"));
    end(b, infe);
}

static void add_location(struct buf *b, unsigned id, unsigned method, size_t at, size_t len)
{
    add(b, id, 2);
    add(b, method, 2);
    add(b, 0, 2);
    add(b, 1, 2);
    add(b, at, 4);
    add(b, len, 4);
}

static void add_meta(struct buf *b, const struct wish *w, size_t at)
{
    size_t meta = begin(b, "meta");

    add(b, 0, 4);
    size_t iinf = begin(b, "iinf");
    add(b, 0, 4);
    add(b, 2, 2);
    add_item(b, 1, w->first);
    add_item(b, w->id ? w->id : 2, w->second);
    end(b, iinf);
    size_t iloc = begin(b, "iloc");
    add(b, 1u << 24, 4);
    add(b, 0x4400, 2);
    add(b, 2, 2);
    add_location(b, 1, 0, at, sizeof(PIXELS) - 1);
    add_location(b, 2, w->method, at + sizeof(PIXELS) - 1 + w->shift, sizeof(CAMERA) - 1 + w->more);
    end(b, iloc);
    size_t iprp = begin(b, "iprp");
    size_t ipco = begin(b, "ipco");
    size_t irot = begin(b, "irot");
    add(b, 1, 1);
    end(b, irot);
    size_t udes = begin(b, w->property);
    buf_add_text(b, "by Anna Lenz");
    end(b, udes);
    end(b, ipco);
    end(b, iprp);
    end(b, meta);
}

/* A picture, its EXIF, and behind both a name that no item is read from. */
static void make(struct buf *b, const struct wish *w)
{
    size_t at = 0;

    for (int round = 0; round < 2; round++) { /* the second time it is known where mdat stands */
        buf_reset(b);
        size_t ftyp = begin(b, "ftyp");
        buf_add(b, SLICE("heic\0\0\0\0mif1heic"));
        end(b, ftyp);
        add_meta(b, w, at);
        size_t mdat = begin(b, "mdat");
        at = b->len;
        buf_add(b, SLICE(PIXELS CAMERA "Lenz, Anna"));
        end(b, mdat);
        size_t more = begin(b, w->outermost);
        buf_add_text(b, "Lenz");
        end(b, more);
    }
}

static bool has(const struct buf *b, const char *word)
{
    return memmem(b->ptr, b->len, word, strlen(word)) != NULL;
}

static void pixels_stay_and_nothing_else(void **unused)
{
    OWN(buf) struct buf file = {.max = FILE_MAX};
    OWN(buf) struct buf out = {.max = FILE_MAX};
    OWN(buf) struct buf again = {.max = FILE_MAX};
    OWN(buf) struct buf what = {.max = 200};

    (void)unused;
    make(&file, &usual);
    assert_int_equal(scrub_file(buf_slice(&file), &out, &what), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "names, descriptions, data of programs, EXIF");
    assert_int_equal(out.len, file.len);
    assert_true(has(&out, PIXELS) && has(&out, "irot\1"));
    assert_true(has(&file, "Camera") && has(&file, "Lenz") && has(&file, "udes"));
    assert_true(!has(&out, "Camera") && !has(&out, "Lenz") && !has(&out, "udes"));
    buf_reset(&what);
    assert_int_equal(scrub_file(buf_slice(&out), &again, &what), SCRUB_NOTHING);
}

static void xmp_becomes_blank(void **unused)
{
    OWN(buf) struct buf file = {.max = FILE_MAX};
    OWN(buf) struct buf out = {.max = FILE_MAX};
    OWN(buf) struct buf what = {.max = 200};
    struct wish wish = usual;

    (void)unused;
    wish.second = "mime";
    make(&file, &wish);
    assert_int_equal(scrub_file(buf_slice(&file), &out, &what), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "names, descriptions, data of programs, XMP");
    assert_true(has(&out, PIXELS "          ") && !has(&out, "Camera"));
}

/* What says something that is not understood stays, and that is told. */
static void what_is_not_understood_is_kept_back(void **unused)
{
    const struct wish wishes[] = {
        {.first = "????",      .second = "Exif", .property = "udes", .outermost = "free"                },
        {.first = "hvc1",      .second = "Exif", .property = "????", .outermost = "free"                },
        {.first = "hvc1",      .second = "Exif", .property = "udes", .outermost = "moov"                },
        {.first = "hvc1",      .second = "Exif", .property = "udes", .outermost = "free",                 .shift = 1000},
        {.first = "hvc1",                    .second = "Exif",                      .property = "udes",     .outermost = "free", .more = 100},
        {.first = "hvc1",         .second = "Exif",                         .property = "udes",                             .outermost = "free",                                        .method = 2},
        {.first = "hvc1", .second = "Exif",      .property = "udes",.outermost = "meta"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        OWN(buf) struct buf file = {.max = FILE_MAX};
        OWN(buf) struct buf out = {.max = FILE_MAX};
        OWN(buf) struct buf what = {.max = 200};
        make(&file, &wishes[i]);
        assert_int_equal(scrub_file(buf_slice(&file), &out, &what), SCRUB_CANNOT);
        assert_slice(buf_slice(&what), "it is damaged");
    }
}

/* Nothing is read or written beside a file that ends anywhere, nor one any byte of which was changed. */
static void damaged_files_are_endured(void **unused)
{
    OWN(buf) struct buf file = {.max = FILE_MAX};
    size_t cleaned = 0;

    (void)unused;
    make(&file, &usual);
    for (size_t i = 0; i < 2 * file.len; i++) {
        OWN(buf) struct buf out = {.max = FILE_MAX};
        OWN(buf) struct buf what = {.max = 200};
        size_t at = i < file.len ? i : i - file.len;
        uint8_t before = file.ptr[at];
        file.ptr[at] = i < file.len ? before : (uint8_t)(before ^ 0xff);
        struct slice bytes = i < file.len ? slice_head(buf_slice(&file), at) : buf_slice(&file);
        enum scrub_end now = scrub_file(bytes, &out, &what);
        cleaned += now == SCRUB_CLEANED;
        assert_true(now != SCRUB_CLEANED || out.len == bytes.len);
        file.ptr[at] = before;
    }
    assert_true(cleaned > 0 && cleaned < 2 * file.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_stay_and_nothing_else),
        cmocka_unit_test(xmp_becomes_blank),
        cmocka_unit_test(what_is_not_understood_is_kept_back),
        cmocka_unit_test(damaged_files_are_endured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
