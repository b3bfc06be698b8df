/* What a played thief writes. Of words alone, put together anew each time: filters and counts of same words are to have as
 * hard a time as with a real one. */
#include "base/clock.h"

#include "cli/drill.h"
#include "formats/mail/date.h"
#include "keyring/keyring.h"

static const char *const subjects[] = {
    "Your mailbox is almost full",
    "Invoice overdue",
    "A document was shared with you",
    "Your parcel is waiting",
    "Payment could not be made",
    "Please confirm your details",
    "Re: our call",
    "Voice message received",
};

static const char *const openings[] = {
    "We tried to reach you about your account.",
    "Somebody shared a document with you just now.",
    "Your last payment could not be processed.",
    "A parcel with your name waits at the depot.",
    "Your mailbox has used up its space and stops tonight.",
    "As agreed I send you the figures of the last quarter.",
    "Your voice message of this morning is ready.",
    "The bank needs your confirmation for a transfer.",
};

static const char *const middles[] = {
    "It takes less than a minute and must be done today.",
    "Without your answer the matter is closed after midnight.",
    "Sign in with the address to which this was sent.",
    "The page opens in every browser and asks for your password once.",
    "Colleagues of yours have done so already.",
    "Nothing is lost when you act now.",
    "A fee of two euros is due before it is handed over.",
    "You find all that is needed behind the link.",
};

static const char *const names[] = {"anna",  "bruno", "clara", "david", "elsa",  "franz",
                                    "greta", "hugo",  "ines",  "jonas", "karla", "leon"};

static const char *const families[] = {"adler", "brandt", "costa",  "dubois", "egger",    "fontana",
                                       "gross", "huber",  "ivanov", "jansen", "kowalski", "lang"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void write_head(struct slice from, struct slice to, const char *subject, struct buf *out)
{
    char date[MAIL_DATE_MAX];
    uint8_t random[8];

    mail_date_write(clock_wall_ms(), date);
    keyring_random_bytes(random, sizeof(random));
    buf_printf(out, "Date: %s\r\nFrom: %.*s\r\nTo: %.*s\r\nSubject: %s\r\nMessage-ID: <", date,
               SLICE_ARG(from), SLICE_ARG(to), subject);
    for (size_t i = 0; i < sizeof(random); i++) {
        buf_printf(out, "%02x", random[i]);
    }
    buf_printf(out, ".drill@%.*s>\r\nMIME-Version: 1.0\r\n\r\n", SLICE_ARG(letter_domain(from)));
}

void drill_write_phishing(struct slice from, struct slice to, uint64_t number, struct buf *out)
{
    uint64_t n = number;

    write_head(from, to, subjects[n % COUNT(subjects)], out);
    buf_printf(out, "Dear %.*s,\r\n\r\n", SLICE_ARG(slice_head(to, slice_find(to, '.'))));
    for (size_t i = 0; i < 4; i++) {
        const char *const *from_table = i % 2 ? middles : openings;
        buf_printf(out, "%s\r\n", from_table[(n * (3 + 2 * i) + i) % COUNT(openings)]);
        n = n / 3 + number;
    }
    buf_printf(out, "\r\nhttps://%s-%s.site%llu.example/%llu\r\n\r\nThe team for %s\r\n",
               names[number % COUNT(names)], families[number / 5 % COUNT(families)],
               (unsigned long long)number, (unsigned long long)number * 7919 + 13,
               names[(number + 5) % COUNT(names)]);
}

void drill_write_ordinary(struct slice from, struct slice to, uint64_t number, struct buf *out)
{
    write_head(from, to, "Minutes of Monday", out);
    buf_printf(out,
               "Dear colleague,\r\n\r\nhere are the minutes, point %llu is still open.\r\n\r\n"
               "Kind regards\r\n",
               (unsigned long long)number + 1);
}

struct slice drill_stranger(uint64_t number, struct arena *arena)
{
    return arena_printf(arena, "%s.%s%llu@company%llu.example", names[number % COUNT(names)],
                        families[number / COUNT(names) % COUNT(families)],
                        (unsigned long long)number, (unsigned long long)(number % 97));
}
