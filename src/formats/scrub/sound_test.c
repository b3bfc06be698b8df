#include "formats/scrub/scrub_test.h"
#include "tests/test.h"

#define FRAMES "\xff\xfb\x90\x64sound"
#define ID3    "ID3\4\0\0\0\0\0\4Lenz"
#define ID3_FOOTER                                                                                 \
    "ID3\4\0\x10\0\0\0\4Lenz"                                                                      \
    "3DI\4\0\x10\0\0\0\4"
#define TEN     "..........."
#define ID3_OLD "TAG" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "...."
#define APE                                                                                        \
    "APETAGEX\xd0\7\0\0\x24\0\0\0\1\0\0\0\0\0\0\xa0........Lenz"                                   \
    "APETAGEX\xd0\7\0\0\x24\0\0\0\1\0\0\0\0\0\0\x80........"
#define LYRICS "LYRICSBEGINLenz000015LYRICS200"

static void expect(struct slice file, struct slice made, const char *said)
{
    assert_int_equal(scrub(file), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), said);
    assert_true(slice_equal(buf_slice(&out), made));
}

static void a_sound_keeps_its_frames(void **unused)
{
    (void)unused;
    assert_int_equal(sizeof(ID3_OLD) - 1, 128);
    expect(SLICE(ID3 FRAMES), SLICE(FRAMES), "tags");
    expect(SLICE(ID3 ID3_FOOTER FRAMES), SLICE(FRAMES), "tags");
    expect(SLICE(FRAMES ID3_OLD), SLICE(FRAMES), "tags");
    expect(SLICE(FRAMES APE), SLICE(FRAMES), "tags");
    expect(SLICE(ID3 "\0\0" FRAMES LYRICS APE ID3_OLD), SLICE("\0\0" FRAMES), "tags");
    expect(SLICE(FRAMES ID3_FOOTER), SLICE(FRAMES), "tags");
    expect(SLICE(ID3 "\xff\xf1\x50\x80"
                     "AAC"),
           SLICE("\xff\xf1\x50\x80"
                 "AAC"),
           "tags");
    assert_int_equal(scrub(SLICE(FRAMES)), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE("\xff\xfe<\0")), SCRUB_NOTHING); /* a text of wide characters */
}

static void a_sound_that_is_none_stays(void **unused)
{
    static const struct slice files[] = {
        SLICE_INIT(ID3),
        SLICE_INIT(ID3 "words"),
        SLICE_INIT("ID3\4\0\0\0\0\1\0Lenz" FRAMES),
        SLICE_INIT(ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3 ID3
                       ID3 FRAMES),
        SLICE_INIT("fLaC\0\0\0\3str\4\0\0\xffLenz"),
        SLICE_INIT("fLaC\x84\0\0\4Lenz"),
        SLICE_INIT("fLaC"),
        SLICE_INIT("RIFF\0\0\0\0WAVEdata\x05\0\0\0soun"),
        SLICE_INIT("RIFF\0\0\0\0WAVEdata\0\0\0"),
        SLICE_INIT("RIFF\0\0\0\0WAVE"
                   "fmt \2\0\0\0fm"),
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(scrub(files[i]), SCRUB_CANNOT);
        assert_slice(buf_slice(&what), "it is damaged");
    }
}

#define FLAC_INFO  "\0\0\0\3str"
#define FLAC_SEEK  "\3\0\0\2sk"
#define FLAC_LAST  "\x83\0\0\2sk"
#define FLAC_GOES  "\4\0\0\4Lenz\6\0\0\4Lenz\2\0\0\4Lenz\1\0\0\2\0\0"
#define FLAC_SOUND "\xff\xf8sound"

static void a_flac_sound_keeps_where_it_is_found(void **unused)
{
    (void)unused;
    expect(SLICE("fLaC" FLAC_INFO FLAC_SEEK FLAC_GOES "\x84\0\0\4Lenz" FLAC_SOUND),
           SLICE("fLaC" FLAC_INFO FLAC_LAST FLAC_SOUND), "tags, pictures, data of programs");
    expect(SLICE(ID3 "fLaC" FLAC_INFO FLAC_LAST FLAC_SOUND),
           SLICE("fLaC" FLAC_INFO FLAC_LAST FLAC_SOUND), "tags");
    assert_int_equal(scrub(SLICE("fLaC" FLAC_INFO FLAC_LAST FLAC_SOUND)), SCRUB_NOTHING);
}

#define FLAC_MASK "&\0\0\0WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x3f"

/* By it the sound is heard where it belongs. */
static void a_flac_sound_keeps_its_channels(void **unused)
{
    static const struct slice once =
        SLICE_INIT("fLaC" FLAC_INFO "\x84\0\0\x32\0\0\0\0\1\0\0\0" FLAC_MASK FLAC_SOUND);

    (void)unused;
    expect(SLICE("fLaC" FLAC_INFO "\4\0\0\x3e\4\0\0\0Lenz\2\0\0\0\4\0\0\0a=Le" FLAC_MASK
                 "\x81\0\0\2\0\0" FLAC_SOUND),
           once, "tags, data of programs");
    assert_int_equal(scrub(once), SCRUB_NOTHING);
    expect(SLICE("fLaC\x80\0\0\3str" FLAC_SOUND ID3_OLD), SLICE("fLaC\x80\0\0\3str" FLAC_SOUND),
           "tags");
    expect(SLICE("fLaC\x80\0\0\3str" FLAC_SOUND APE), SLICE("fLaC\x80\0\0\3str" FLAC_SOUND),
           "tags");
}

static void a_flac_sound_keeps_where_its_tracks_begin(void **unused)
{
    enum { HEAD = 396, TRACK = 36, POINT = 12, LEN = HEAD + TRACK + POINT + TRACK };

    uint8_t sheet[LEN] = "4006381333931";
    OWN(buf) struct buf file = {.max = OUT_MAX};

    (void)unused;
    sheet[HEAD - 1] = 2;
    (void)memcpy(sheet + HEAD, "OFFSETOF\1DELENZ000001", 21);
    sheet[HEAD + TRACK - 1] = 1;
    (void)memcpy(sheet + HEAD + TRACK, "POINTPOINTPO", POINT);
    (void)memcpy(sheet + HEAD + TRACK + POINT, "OFFSETOF\xaa", 9);
    buf_add(&file, SLICE("fLaC" FLAC_INFO "\x85\0\1\xe0"));
    buf_add(&file, SLICE_ARRAY(sheet));
    buf_add(&file, SLICE(FLAC_SOUND));
    assert_int_equal(LEN, 0x1e0);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "data of programs");
    assert_int_equal(out.len, file.len);
    assert_null(memmem(out.ptr, out.len, "LENZ", 4));
    assert_null(memmem(out.ptr, out.len, "4006", 4));
    assert_non_null(memmem(out.ptr, out.len, "POINTPOINTPOOFFSETOF\xaa", 21));
    OWN(buf) struct buf once = {.max = OUT_MAX};
    buf_add(&once, buf_slice(&out));
    assert_int_equal(scrub(buf_slice(&once)), SCRUB_NOTHING);
    file.ptr[15 + HEAD - 1] = 3; /* one more than there are: it goes */
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_true(slice_equal(buf_slice(&out), SLICE("fLaC\x80\0\0\3str" FLAC_SOUND)));
}

#define WAVE_FORM "fmt \3\0\0\0frm\0"
#define WAVE_DATA "data\4\0\0\0soun"

static void a_wave_sound_keeps_its_samples(void **unused)
{
    (void)unused;
    expect(SLICE("RIFF\xff\0\0\0WAVE" WAVE_FORM "bext\4\0\0\0Lenz" WAVE_DATA
                 "LIST\4\0\0\0INFOid3 \3\0\0\0len\0_PMX\4\0\0\0Lenz"),
           SLICE("RIFF\x1c\0\0\0WAVE" WAVE_FORM WAVE_DATA), "data of programs, tags, XMP");
    assert_int_equal(scrub(SLICE("RIFF\x1c\0\0\0WAVE" WAVE_FORM WAVE_DATA)), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE("RIFF\xff\0\0\0WAVELIST\x10\0\0\0wavl" WAVE_DATA)), SCRUB_NOTHING);
    static const struct slice others[] = {
        SLICE_INIT("RIFF\xff\0\0\0WAVE" WAVE_DATA "LIST\4\0\0\0what"),
        SLICE_INIT("RIFF\xff\0\0\0WAVE" WAVE_DATA "axml\4\0\0\0Lenzchna\4\0\0\0ADM.")};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(scrub(others[i]), SCRUB_CANNOT);
        assert_slice(buf_slice(&what), "it is of a kind that is not changed");
    }
    assert_int_equal(scrub(SLICE("RIFF\x0f\0\0\0WAVEdata\3\0\0\0sou")), SCRUB_NOTHING);
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
        cmocka_unit_test(a_sound_keeps_its_frames),
        cmocka_unit_test(a_sound_that_is_none_stays),
        cmocka_unit_test(a_flac_sound_keeps_where_it_is_found),
        cmocka_unit_test(a_flac_sound_keeps_its_channels),
        cmocka_unit_test(a_flac_sound_keeps_where_its_tracks_begin),
        cmocka_unit_test(a_wave_sound_keeps_its_samples),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
