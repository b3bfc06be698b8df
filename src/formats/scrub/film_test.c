#include "formats/scrub/scrub_test.h"
#include "tests/test.h"

/* ---- boxes ---- */

static void add_number(struct buf *b, size_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        buf_add_byte(b, (uint8_t)(value >> (24 - 8 * i)));
    }
}

static size_t begin(struct buf *b, const char *type)
{
    size_t at = b->len;

    add_number(b, 0);
    buf_add_text(b, type);
    return at;
}

static void finish(struct buf *b, size_t at)
{
    size_t len = b->len - at;

    for (unsigned i = 0; i < 4; i++) {
        b->ptr[at + i] = (uint8_t)(len >> (24 - 8 * i));
    }
}

static void add_box(struct buf *b, const char *type, struct slice body)
{
    size_t at = begin(b, type);

    buf_add(b, body);
    finish(b, at);
}

#define NONE  "\0\0\0\0"
#define TIMES "\0\0\0\0TIMETIME"

struct wish {
    const char *handler;
    const char *sizes;  /* type of its table */
    const char *dref;   /* its entry's flags, "\1": all is in this file */
    const char *within; /* of moov, a box more */
    size_t at;          /* where its samples are */
};

static void add_tables(struct buf *b, const struct wish *wish)
{
    size_t stbl = begin(b, "stbl");
    size_t stsd = begin(b, "stsd");
    buf_add(b, SLICE("\0\0\0\0\0\0\0\1"));
    add_box(b, "avc1",
            SLICE("123456\0\1\0\0\0\0LENZ" NONE NONE "wwhhrrrrrrrr" NONE "\0\1"
                  "\x04Lenz...........................dp"));
    finish(b, stsd);
    if (strcmp(wish->sizes, "stsz") == 0) {
        add_box(b, "stsz", SLICE(NONE "\0\0\0\0\0\0\0\3\0\0\0\1\0\0\0\2\0\0\0\3"));
    } else {
        add_box(b, wish->sizes, SLICE(NONE "\0\0\0\x10\0\0\0\3\0\1\0\2\0\3"));
    }
    add_box(b, "stsc", SLICE(NONE "\0\0\0\2\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\1"));
    size_t stco = begin(b, "stco");
    buf_add(b, SLICE(NONE "\0\0\0\2"));
    add_number(b, wish->at);
    add_number(b, wish->at + 3);
    finish(b, stco);
    finish(b, stbl);
}

static void add_track(struct buf *b, const struct wish *wish)
{
    size_t trak = begin(b, "trak");
    add_box(b, "tkhd", SLICE(TIMES "track"));
    size_t tref = begin(b, "tref");
    add_box(b, strcmp(wish->handler, "soun") == 0 ? "chap" : "cdsc", SLICE("\0\0\0\1"));
    finish(b, tref);
    add_box(b, "udta", SLICE("Lenz"));
    size_t mdia = begin(b, "mdia");
    add_box(b, "mdhd", SLICE("\1\0\0\0TIMETIMETIMETIMEmedia"));
    size_t hdlr = begin(b, "hdlr");
    buf_add(b, SLICE(NONE "mhlr"));
    buf_add_text(b, wish->handler);
    buf_add(b, SLICE(NONE NONE NONE "Lenz"));
    finish(b, hdlr);
    size_t minf = begin(b, "minf");
    size_t dinf = begin(b, "dinf");
    size_t dref = begin(b, "dref");
    buf_add(b, SLICE("\0\0\0\0\0\0\0\1"));
    size_t url = begin(b, "url ");
    buf_add(b, SLICE("\0\0\0"));
    buf_add(b, slice_of(wish->dref, 1));
    finish(b, url);
    finish(b, dref);
    finish(b, dinf);
    add_tables(b, wish);
    finish(b, minf);
    finish(b, mdia);
    finish(b, trak);
}

static void make(struct buf *b, const struct wish *tracks, size_t n)
{
    static const struct slice xmp =
        SLICE_INIT("\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xacLenz");

    add_box(b, "ftyp", SLICE("isom\0\0\0\0"));
    add_box(b, "mdat", SLICE("picturesPLACES!soundsof"));
    size_t moov = begin(b, "moov");
    add_box(b, "mvhd", SLICE(TIMES "film"));
    for (size_t i = 0; i < n; i++) {
        add_track(b, &tracks[i]);
        if (tracks[i].within) {
            add_box(b, tracks[i].within, SLICE("Lenz"));
        }
    }
    add_box(b, "meta", SLICE("Lenz"));
    finish(b, moov);
    add_box(b, "free", SLICE("Lenz"));
    add_box(b, "uuid", xmp);
}

#define AT 24 /* where the film's data begin */

/* Each byte that is seen or heard stays where it is. */
static void a_film_keeps_what_is_seen_and_heard(void **unused)
{
    static const struct wish tracks[] = {
        {"vide", "stsz", "\1", NULL,   AT     },
        {"meta", "stsz", "\1", NULL,   AT + 8 },
        {"soun", "stz2", "\1", "udta", AT + 15},
    };
    OWN(buf) struct buf file = {.max = OUT_MAX};
    OWN(buf) struct buf once = {.max = OUT_MAX};

    (void)unused;
    make(&file, tracks, 3);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what),
                 "time, data of sensors, descriptions, names, data of programs, XMP");
    assert_int_equal(out.len, file.len);
    assert_false(has("Lenz") || has("LENZ") || has("TIME") || has("meta") || has("udta") ||
                 has("uuid"));
    assert_non_null(memmem(out.ptr, out.len, "pictures\0\0\0\0\0\0!soundsof", 23));
    assert_true(has("film") && has("track") && has("media") && has("wwhhrrrr") && has("chap"));
    buf_add(&once, buf_slice(&out));
    assert_int_equal(scrub(buf_slice(&once)), SCRUB_NOTHING);
}

static void what_is_not_understood_stays(void **unused)
{
    static const struct {
        struct wish track;
        const char *why;
    } rows[] = {
        {{"vide", "stsz", "\0", NULL, AT},   "it needs other files, whose places it names"},
        {{"sprt", "stsz", "\1", NULL, AT},   "it is of a kind that is not changed"        },
        {{"vide", "stsz", "\1", "mvex", AT}, "it is of a kind that is not changed"        },
        {{"vide", "stsz", "\1", "cmov", AT}, "it is of a kind that is not changed"        },
        {{"vide", "stsz", "\1", "rmra", AT}, "it is of a kind that is not changed"        },
        {{"vide", "stsz", "\1", "moov", AT}, NULL                                         },
        {{"meta", "stsz", "\1", NULL, 4},    "it is damaged"                              },
        {{"meta", "stsz", "\1", NULL, 9999}, "it is damaged"                              },
        {{"tmcd", "stz2", "\1", NULL, AT},   NULL                                         },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWN(buf) struct buf file = {.max = OUT_MAX};
        make(&file, &rows[i].track, 1);
        assert_int_equal(scrub(buf_slice(&file)), rows[i].why ? SCRUB_CANNOT : SCRUB_CLEANED);
        if (rows[i].why) {
            assert_slice(buf_slice(&what), rows[i].why);
        }
    }
    assert_int_equal(scrub(SLICE("\0\0\0\x10"
                                 "ftypcrx \0\0\0\0")),
                     SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE("\0\0\0\x10"
                                 "ftypisom\0\0\0\0\0\0\0\x08moof")),
                     SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is of a kind that is not changed");
}

/* Only what leads to a track that goes is taken from what leads to others. */
static void a_track_keeps_what_it_belongs_to(void **unused)
{
    static const struct wish track = {"vide", "stsz", "\1", NULL, AT};
    OWN(buf) struct buf file = {.max = OUT_MAX};

    (void)unused;
    make(&file, &track, 1);
    uint8_t *cdsc = memmem(file.ptr, file.len, "cdsc", 4);
    assert_non_null(cdsc);
    (void)memcpy(cdsc, "tmcd", 4);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_true(has("tref") && !has("tmcd"));
    (void)memcpy(cdsc, "chap", 4);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_true(has("tref") && has("chap"));
}

/* Drones note where they are as subtitles; what people wrote stays. */
static void subtitles_of_a_drone_stay_and_are_named(void **unused)
{
    static const struct {
        const char *data; /* of 23 bytes; samples have 1, 2 and 3, or as many as is said */
        const char *handler;
        bool stays;
    } rows[] = {
        {"a.......bb.......\0\1cc.",   "sbtl", false},
        {"\0\7GPS(1,2).............",  "sbtl", true },
        {"\0\7F/2.8................",  "text", true },
        {"\0\7a [latitude: 1].......", "subt", true },
        {"\0\7the GPS of Lenz.......", "text", false},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct wish track = {rows[i].handler, "stsz", "\1", NULL, AT};
        OWN(buf) struct buf file = {.max = OUT_MAX};
        make(&file, &track, 1);
        (void)memcpy(file.ptr + AT, rows[i].data, 23);
        uint8_t *sizes = memmem(file.ptr, file.len, "stsz", 4);
        assert_non_null(sizes);
        sizes[11] = 0;
        sizes[15] = 1; /* one sample, of 20 bytes */
        sizes[19] = 20;
        assert_int_equal(scrub(buf_slice(&file)), rows[i].stays ? SCRUB_CANNOT : SCRUB_CLEANED);
        if (rows[i].stays) {
            assert_slice(buf_slice(&what),
                         "it has subtitles that are notes of a camera, which are not changed");
        }
        uint8_t *name = memmem(file.ptr, file.len, "mhlr", 4);
        assert_non_null(name);
        (void)memcpy(name + 20, "DJI.", 4);
        assert_int_equal(scrub(buf_slice(&file)), SCRUB_CANNOT);
    }
}

/* A film within a sphere, which would be seen flat. */
static void a_film_within_a_sphere_stays(void **unused)
{
    static const struct wish track = {"vide", "stsz", "\1", NULL, AT};
    static const uint8_t sphere[] = {0xff, 0xcc, 0x82, 0x63, 0xf8, 0x55, 0x4a, 0x93,
                                     0x88, 0x14, 0x58, 0x7a, 0x02, 0x52, 0x1f, 0xdd};
    OWN(buf) struct buf file = {.max = OUT_MAX};

    (void)unused;
    add_box(&file, "ftyp", SLICE("isom\0\0\0\0"));
    size_t moov = begin(&file, "moov");
    size_t at = file.len;
    add_track(&file, &track);
    add_box(&file, "uuid", SLICE_ARRAY(sphere));
    finish(&file, at); /* it is the track's last */
    finish(&file, moov);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is of a kind that is not changed");
}

/* Nothing is read or written beside a file that ends anywhere, nor one any byte of which was changed. */
static void damaged_films_are_endured(void **unused)
{
    static const struct wish tracks[] = {
        {"meta", "stz2", "\1", NULL, AT},
        {"vide", "stsz", "\1", NULL, AT}
    };
    OWN(buf) struct buf file = {.max = OUT_MAX};
    size_t cleaned = 0;

    (void)unused;
    make(&file, tracks, 2);
    for (size_t i = 0; i < file.len; i++) {
        cleaned += scrub(slice_head(buf_slice(&file), i)) == SCRUB_CLEANED;
        uint8_t before = file.ptr[i];
        static const uint8_t values[] = {0, 0x7f, 0xff};
        for (size_t n = 0; n < sizeof(values); n++) {
            file.ptr[i] = values[n];
            cleaned += scrub(buf_slice(&file)) == SCRUB_CLEANED;
        }
        file.ptr[i] = before;
    }
    assert_true(cleaned > 0 && cleaned < 4 * file.len);
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
        cmocka_unit_test(a_film_keeps_what_is_seen_and_heard),
        cmocka_unit_test(what_is_not_understood_stays),
        cmocka_unit_test(a_track_keeps_what_it_belongs_to),
        cmocka_unit_test(subtitles_of_a_drone_stay_and_are_named),
        cmocka_unit_test(a_film_within_a_sphere_stays),
        cmocka_unit_test(damaged_films_are_endured),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
