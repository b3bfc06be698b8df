#include "formats/mail/date.h"

#include <stdio.h>

#include "formats/mbox/internal.h"
#include "formats/mbox/mbox.h"

/* What asctime(3) wrote, in the order in which it stands, other orders forgiven. */
struct words {
    struct slice day_name, month, day, time, year, zone;
};

static bool is_digits(struct slice s)
{
    bool digits = s.len != 0;

    for (size_t i = 0; i < s.len; i++) {
        digits = digits && s.ptr[i] >= '0' && s.ptr[i] <= '9';
    }
    return digits;
}

static bool is_one_of(struct slice word, const char *names)
{
    bool found = false;

    for (const char *name = names; *name; name += 3) {
        found = found || slice_equal_nocase(word, slice_of(name, 3));
    }
    return found;
}

/* "7:05" and "07:05:33". */
static bool is_time(struct slice word)
{
    struct slice rest;
    struct slice hour = slice_cut(word, ':', &rest);
    struct slice minute = slice_cut(rest, ':', &rest);

    return hour.len <= 2 && is_digits(hour) && minute.len == 2 && is_digits(minute) &&
           (rest.len == 0 || (rest.len == 2 && is_digits(rest)));
}

static bool is_zone(struct slice word)
{
    return word.len == 5 && (word.ptr[0] == '+' || word.ptr[0] == '-') &&
           is_digits(slice_from(word, 1));
}

static bool is_year(struct slice word)
{
    return word.len == 4 && is_digits(word) &&
           (slice_starts(word, SLICE("19")) || slice_starts(word, SLICE("20")));
}

static void sort_word(struct slice word, struct words *w)
{
    if (is_one_of(word, "MonTueWedThuFriSatSun")) {
        w->day_name = word;
    } else if (is_one_of(word, "JanFebMarAprMayJunJulAugSepOctNovDec")) {
        w->month = word;
    } else if (is_time(word)) {
        w->time = word;
    } else if (is_year(word)) {
        w->year = word;
    } else if (is_zone(word)) {
        w->zone = word;
    } else if (word.len <= 2 && is_digits(word)) {
        w->day = word;
    }
}

/* Sort the words behind the sender, who may hold blanks as well. */
static void sort_words(struct slice line, struct words *w)
{
    struct slice rest = slice_head(line, 512);

    *w = (struct words){0};
    (void)slice_cut(rest, ' ', &rest);
    while (rest.len) {
        struct slice word = slice_cut(rest, ' ', &rest);
        if (word.len && word.ptr[word.len - 1] == ',') {
            word.len--;
        }
        sort_word(word, w);
    }
}

bool mbox_is_dated(struct slice from_line)
{
    struct words w;

    sort_words(from_line, &w);
    return w.time.len && w.year.len;
}

bool mbox_is_certain(struct slice from_line)
{
    struct words w;

    sort_words(from_line, &w);
    return w.time.len && w.year.len && w.day_name.len && w.month.len && w.day.len;
}

bool mbox_from_date(struct slice from_line, int64_t *wall_ms)
{
    struct words w;
    char text[64];

    sort_words(from_line, &w);
    if (!w.month.len || !w.day.len || !w.time.len || !w.year.len) {
        return false;
    }
    struct slice zone = w.zone.len ? w.zone : SLICE("+0000");
    int len = snprintf(text, sizeof(text), "%.*s %.*s %.*s %.*s%.*s %.*s", SLICE_ARG(w.day),
                       SLICE_ARG(w.month), SLICE_ARG(w.year), w.time.ptr[1] == ':' ? 1 : 0, "0",
                       SLICE_ARG(w.time), SLICE_ARG(zone));
    return mail_date_read(slice_of(text, (size_t)len), wall_ms);
}
