#include "formats/mail/date.h"

#include <stdio.h>
#include <time.h>

#include "formats/mail/internal.h"

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void mail_date_write(int64_t wall_ms, char text[static MAIL_DATE_MAX])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm t;

    (void)gmtime_r(&seconds, &t);
    (void)snprintf(text, MAIL_DATE_MAX, "%s, %d %s %04d %02d:%02d:%02d +0000", day_names[t.tm_wday],
                   t.tm_mday, month_names[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min,
                   t.tm_sec);
}

/* The next token of a date: a run of letters, digits and signs; commas, colons, comments and
 * white space part them. Sets *sep to the byte behind it, 0 at the end. */
static struct slice take_token(struct slice *rest, uint8_t *sep)
{
    size_t len = 0;
    int depth = 0;

    while (rest->len && (depth || mail_is_space(rest->ptr[0]) || rest->ptr[0] == '(')) {
        depth += (rest->ptr[0] == '(') - (rest->ptr[0] == ')');
        *rest = slice_from(*rest, 1);
    }
    while (len < rest->len && mail_is_atext(rest->ptr[len])) {
        len++;
    }
    struct slice token = slice_head(*rest, len);
    *rest = slice_from(*rest, len);
    *sep = rest->len ? rest->ptr[0] : 0;
    if (*sep == ',' || *sep == ':') {
        *rest = slice_from(*rest, 1);
    }
    return token;
}

static bool read_month(struct slice token, int *month)
{
    for (int i = 0; i < 12; i++) {
        if (slice_equal_nocase(token, slice_text(month_names[i]))) {
            *month = i;
            return true;
        }
    }
    return false;
}

/* RFC 5322 section 4.3: two digits below 50 are 20yy, three digits and the rest 1900 more. */
static bool read_year(struct slice token, int *year)
{
    uint64_t value = 0;

    if (token.len < 2 || !slice_decimal(token, 9999, &value)) {
        return false;
    }
    if (token.len == 2 && value < 50) {
        value += 2000;
    } else if (token.len < 4) {
        value += 1900;
    }
    *year = (int)value;
    return value >= 1900 && value <= 9999;
}

/* Minutes east of Greenwich; a zone that nobody knows counts as -0000 (section 4.3). */
static int read_zone(struct slice token)
{
    static const struct {
        struct slice name;
        int minutes;
    } zones[] = {
        {SLICE_INIT("EST"), -300},
        {SLICE_INIT("EDT"), -240},
        {SLICE_INIT("CST"), -360},
        {SLICE_INIT("CDT"), -300},
        {SLICE_INIT("MST"), -420},
        {SLICE_INIT("MDT"), -360},
        {SLICE_INIT("PST"), -480},
        {SLICE_INIT("PDT"), -420},
    };

    uint64_t value = 0;

    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        if (slice_equal_nocase(token, zones[i].name)) {
            return zones[i].minutes;
        }
    }
    if (token.len != 5 || !slice_decimal(slice_from(token, 1), 9959, &value)) {
        return 0;
    }
    int minutes = (int)(value / 100 * 60 + value % 100);
    return token.ptr[0] == '-' ? -minutes : minutes;
}

static bool read_clock(struct slice *rest, struct tm *t)
{
    uint64_t hour = 0;
    uint64_t minute = 0;
    uint64_t second = 0;
    uint8_t sep = 0;

    if (!slice_decimal(take_token(rest, &sep), 23, &hour) || sep != ':' ||
        !slice_decimal(take_token(rest, &sep), 59, &minute)) {
        return false;
    }
    if (sep == ':' && !slice_decimal(take_token(rest, &sep), 60, &second)) {
        return false;
    }
    t->tm_hour = (int)hour;
    t->tm_min = (int)minute;
    t->tm_sec = second == 60 ? 59 : (int)second;
    return true;
}

bool mail_date_read(struct slice value, int64_t *wall_ms)
{
    struct slice rest = value;
    uint8_t sep = 0;
    uint64_t day = 0;
    struct tm t = {0};
    struct slice token = take_token(&rest, &sep);

    if (sep == ',') {
        token = take_token(&rest, &sep); /* behind the day of the week */
    }
    if (!slice_decimal(token, 31, &day) || day == 0 ||
        !read_month(take_token(&rest, &sep), &t.tm_mon) ||
        !read_year(take_token(&rest, &sep), &t.tm_year) || !read_clock(&rest, &t)) {
        return false;
    }
    int zone = read_zone(take_token(&rest, &sep));
    t.tm_year -= 1900;
    t.tm_mday = (int)day;
    *wall_ms = ((int64_t)timegm(&t) - (int64_t)zone * 60) * 1000;
    return true;
}

struct slice mail_id_make(const uint8_t random[static MAIL_ID_RANDOM_LEN], struct slice host,
                          struct arena *arena)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    char text[MAIL_ID_RANDOM_LEN * 8 / 5 + 1];
    unsigned bits = 0;
    unsigned count = 0;
    size_t len = 0;

    for (size_t i = 0; i < MAIL_ID_RANDOM_LEN; i++) {
        bits = (bits << 8 | random[i]) & 0xfffff;
        count += 8;
        while (count >= 5) {
            count -= 5;
            text[len++] = digits[bits >> count & 31];
        }
    }
    return arena_printf(arena, "<%.*s@%.*s>", (int)len, text, SLICE_ARG(host));
}
