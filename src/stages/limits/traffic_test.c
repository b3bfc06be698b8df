/* Plays the model of office mail (tests/traffic/office.model) through limits and signs, and offenders beside it. Nothing of it is
 * random from run to run. */
#include <stdio.h>
#include <stdlib.h>

#include "stages/limits/signs.h"
#include "stages/limits/traffic_model_test.h"
#include "tests/test.h"

#define MINUTE     INT64_C(60000)
#define DAY        ((int64_t)LIMITS_DAY_MS)
#define BEGIN      (INT64_C(20600) * DAY) /* some Monday */
#define YEARS      200                    /* of one seed */
#define SEEDS      2
#define FOUND_MAX  20
#define KNOWN_EACH 8   /* whom one of the company brings along */
#define SEND_MAX   300 /* recipients of one letter */

/* ── a person ── */

struct person {
    struct limits_count count;
    struct signs signs;
    bool tax, fresh; /* does the accounts; began this year */
    bool thief;      /* who goes through the contacts, and writes to nobody twice */
    bool settling;   /* and this week: most hosts are new */
    int64_t now;
    uint64_t address; /* the last made up */
    unsigned put_off;
    unsigned hosts; /* of its signature, that were seen */
    const struct limits *own;
    unsigned worst;
    bool suspended;
    unsigned reached; /* outside, before that */
    char why[400];
};

static const struct limits limits = {
    .most = {[LIMITS_HOUR] = {150, 500, 300, 40, 500 << 20},
             [LIMITS_DAY] = {600, 1000, 500, 100, UINT64_C(2) << 30}}
};

static void judge(struct person *p)
{
    OWN(buf) struct buf why = {.max = sizeof(p->why) - 1};
    struct signs_verdict v;

    signs_judge(&p->signs, &p->count, p->own, p->now, &v);
    p->worst = v.sum > p->worst ? v.sum : p->worst;
    if (v.stolen && !p->suspended) {
        p->suspended = true;
        signs_sentence(&v, &why);
        (void)snprintf(p->why, sizeof(p->why), "%u: %.*s", v.sum, SLICE_ARG(buf_slice(&why)));
    }
}

/* A letter to `n` outside, of whom `first` are new to the company. */
static void send(struct person *p, unsigned n, unsigned first, uint64_t words, bool link)
{
    uint64_t outside[SEND_MAX];
    bool new[SEND_MAX];
    struct limits_excess x;

    n = n < SEND_MAX ? n : SEND_MAX;
    for (unsigned i = 0; i < n; i++) {
        new[i] = i < first;
        outside[i] = new[i] ? UINT64_C(1) << 40 | ++p->address
                            : 1 + (p->thief ? ++p->address : next()) %
                                      (uint64_t)(of("company-people") * KNOWN_EACH);
    }
    const struct limits_letter l = {
        .bytes = 40000, .outside = outside, .first = new, .n_outside = n};
    if (!limits_allow(&p->count, p->own ? p->own : &limits, &l, p->now, &x)) {
        p->put_off++;
        signs_put_off(&p->signs, &p->count, words, p->now);
        judge(p);
        return;
    }
    const struct signs_letter s = {.words = words, .outside = n, .new_link = link};
    limits_add(&p->count, &l, p->now);
    signs_sent(&p->signs, &p->count, &s, p->now);
    judge(p);
    p->reached += p->suspended ? 0 : n; /* the letter that gives it away is held */
}

static void bounce(struct person *p, unsigned n, double share)
{
    for (unsigned i = 0; i < n; i++) {
        if (happens(share)) {
            limits_note(&p->count, LIMITS_BOUNCES, 1, p->now);
        }
    }
}

static unsigned recipients(void)
{
    double large = of("recipients-15");
    double r = chance() * (of("recipients-1") + of("recipients-2") + of("recipients-5") + large +
                           of("recipients-40"));

    if ((r -= of("recipients-1")) < 0) {
        return 1;
    }
    if ((r -= of("recipients-2")) < 0) {
        return 2;
    }
    if ((r -= of("recipients-5")) < 0) {
        return 3 + (unsigned)(chance() * 3);
    }
    return r < large ? 6 + (unsigned)(chance() * 10) : 16 + (unsigned)(chance() * 25);
}

/* What filters say of an ordinary letter. */
static void filter(struct person *p, unsigned outside)
{
    double most = of("spam-points-most") - of("spam-points");
    bool spam = outside && happens(of("spam-share"));
    bool malware = happens(of("malware-a-year") / 230 / of("letters-a-day"));

    signs_scanned(&p->signs, malware,
                  spam ? (uint64_t)(100 * (of("spam-points") + chance() * most)) : 0, p->now);
}

/* One of an ordinary day. */
static void letter(struct person *p, double outside, double new, double same)
{
    static uint64_t last = 1;
    unsigned n = happens(outside) ? recipients() : 0;
    unsigned first = 0;

    for (unsigned i = 0; i < n; i++) {
        first += happens(new);
    }
    last = happens(same) ? last : next();
    bool signature = p->hosts < of("signature-hosts"); /* each new with a letter of its own */
    p->hosts += signature;
    send(p, n, first, last,
         signature || (happens(of("links-share")) &&
                       happens(of(p->settling ? "first-week-links-new" : "links-new"))));
    filter(p, n);
    bounce(p, first, of("bounce-share-new"));
    bounce(p, n - first, of("bounce-share"));
}

/* The same words to each of a list. */
static void list(struct person *p, unsigned people, double new, int64_t minutes)
{
    uint64_t words = next();

    for (unsigned i = 0; i < people; i++) {
        p->now += minutes * MINUTE / (people + 1);
        send(p, 1, happens(new), words, i == 0 && happens(0.5));
        bounce(p, 1, of("bounce-share"));
    }
}

static void sign_in(struct person *p, uint64_t network, bool fresh)
{
    signs_signed_in(&p->signs, &p->count, network, fresh, p->now);
    if (fresh) { /* by the app password of a laptop that was taken along */
        signs_elsewhere(&p->signs, network, p->now);
    }
    judge(p);
}

static void wrong_passwords(struct person *p, unsigned n)
{
    limits_note(&p->count, LIMITS_FAILURES, n, p->now);
    judge(p);
}

/* By turns from home and from far away. */
static void change_places(struct person *p, unsigned times, bool fresh)
{
    static const struct signs_place home = {.country = 1, .located = true, .latitude = 52500};
    const struct signs_place far = {
        .country = 2, .located = true, .latitude = 40000, .longitude = -74000};

    for (unsigned i = 0; i < times; i++) {
        signs_came_from(&p->signs, &p->count, 1, &home, false, p->now);
        signs_came_from(&p->signs, &p->count, 77, &far, fresh && i == 0, p->now);
        judge(p);
    }
}

/* Where a day's sign-ins come from. */
static void networks(struct person *p, bool trip)
{
    uint64_t desk = happens(of("home-days")) ? 2 : 1;

    for (unsigned i = 0; i < of("sign-ins-a-day"); i++) {
        sign_in(p, desk, false);
    }
    if (happens(of("telephone-share") * 4)) {
        sign_in(p, 3, false);
    }
    if (happens(of("telephone-new-network"))) {
        sign_in(p, next() | 16, true);
    }
    if (trip && happens(of("trip-networks") / of("trip-days"))) {
        sign_in(p, next() | 16, true);
    }
    if (trip && happens(of("trips-abroad"))) {
        change_places(p, (unsigned)of("abroad-changes"), happens(1 / of("trip-days")));
    }
    if (happens(of("proxy-a-year") / 230)) {
        change_places(p, 1, happens(of("proxy-new")));
    }
}

static void mishaps(struct person *p)
{
    if (happens(of("mistyped-a-week") / 5)) {
        wrong_passwords(p, 1 + (unsigned)(chance() * 3));
    }
    if (happens(of("forgotten-device-a-year") / 230)) {
        for (unsigned h = 0; h < of("forgotten-device-hours"); h++, p->now += LIMITS_HOUR_MS) {
            wrong_passwords(
                p, (unsigned)(of("forgotten-device-tries") / of("forgotten-device-hours")));
        }
    }
    if (happens(of("stuck-outbox-a-year") / 230)) {
        for (unsigned i = 0; i < of("stuck-outbox-tries"); i++) {
            signs_put_off(&p->signs, &p->count, 4711, p->now);
            judge(p);
        }
    }
}

static void invitation(struct person *p)
{
    unsigned outside = about(of("invitation-people") * of("invitation-outside"));
    unsigned first = 0;

    for (unsigned i = 0; i < outside; i++) {
        first += happens(of("invitation-new"));
    }
    send(p, outside, first, next(), false);
}

static void day(struct person *p, int64_t midnight, double factor, double new, bool tax)
{
    unsigned n = about(of("letters-a-day") * factor * (tax ? of("tax-factor") : 1));
    int64_t begins = midnight + (int64_t)of("day-begins") * MINUTE;
    int64_t ends = midnight + (int64_t)of("day-ends") * MINUTE;

    p->now = begins;
    networks(p, happens(of("trips-a-year") * of("trip-days") / 230));
    unsigned late = about(n * of("evening-share"));

    for (unsigned i = late; i < n; i++) {
        bool burst = happens(of("bursts-share"));
        p->now += burst ? within(0, 3 * MINUTE) : within(0, 2 * (ends - begins) / (n + 1) * 3 / 2);
        letter(p, tax ? of("tax-outside") : of("outside-share"), tax ? of("tax-new") : new,
               tax ? of("tax-same-body") : of("same-body-share"));
    }
    if (happens(of("invitations-a-week") / 5)) {
        invitation(p);
    }
    if (happens(of("large-meetings-a-year") / 230)) {
        list(p, about(of("large-meeting-people")), of("large-meeting-new"),
             (int64_t)of("large-meeting-minutes"));
    }
    mishaps(p);
    for (unsigned i = 0; i < late; i++) {
        int64_t at = midnight + within((int64_t)of("day-ends"), 1380) * MINUTE;
        p->now = at > p->now ? at : p->now;
        letter(p, of("outside-share"), new, 0);
    }
}

static void first_day(struct person *p, int64_t midnight)
{
    p->now = midnight + (int64_t)of("day-begins") * MINUTE;
    for (unsigned i = 0; i < of("first-day-networks"); i++) {
        sign_in(p, 1 + i, i > 0);
    }
    list(p, (unsigned)of("first-week-announcement"), of("first-week-announcement-new"),
         (int64_t)within(60, 120));
}

static void weekend_day(struct person *p, int64_t midnight)
{
    p->now = midnight + within(9 * 60, 22 * 60) * MINUTE;
    for (unsigned n = about(of("weekend-letters")); n; n--, p->now += 10 * MINUTE) {
        letter(p, of("outside-share"), of("new-to-company"), 0);
    }
}

static void year(struct person *p)
{
    int64_t begins = p->fresh ? within(0, 200) : 0;
    unsigned taxed = 0;

    p->signs.since_ms = BEGIN + begins * DAY;
    for (int64_t d = begins; d < 364; d++) {
        int64_t midnight = BEGIN + d * DAY;
        bool holiday = (d / 7 * 5 + (int64_t)p->tax) % 52 < (int64_t)of("holidays-a-year");
        bool back =
            d % 7 == 0 && (d / 7 * 5 - 5 + (int64_t)p->tax) % 52 < (int64_t)of("holidays-a-year");
        bool first_week = p->fresh && d < begins + 7;
        bool tax = p->tax && d >= 20 && taxed < of("tax-days");
        p->settling =
            first_week || d < 7; /* the first days with Postern are as those of a new one */
        if (holiday) {
            continue;
        }
        if (d % 7 >= 5) {
            weekend_day(p, midnight);
            continue;
        }
        if (p->fresh && d == begins) {
            first_day(p, midnight);
        }
        double spread = 1 + of("letters-a-day-spread") * (chance() + chance() - 1) * 1.5;
        day(p, midnight, spread * (back ? of("return-factor") : 1),
            of(first_week ? "first-week-new" : "new-to-company"), tax);
        taxed += tax;
    }
}

static void an_ordinary_year_is_left_in_peace(void **unused)
{
    (void)unused;
    unsigned suspended = 0;
    unsigned put_off = 0;
    unsigned worst = 0;
    uint64_t letters = 0;
    const char *more = getenv("TRAFFIC_SEEDS"); /* so many times as many years */
    unsigned years = YEARS * (more ? (unsigned)strtoul(more, NULL, 10) : SEEDS);

    for (unsigned i = 0; i < years; i++) {
        if (i % YEARS == 0) { /* another chain of chances */
            traffic_seed = TRAFFIC_FIRST + i / YEARS * UINT64_C(0x9e3779b97f4a7c15);
        }
        struct person p = {.tax = happens(of("tax-people")), .fresh = happens(of("new-people"))};
        year(&p);
        suspended += p.suspended;
        put_off += p.put_off;
        worst = p.worst > worst ? p.worst : worst;
        letters += p.reached;
        if (p.suspended) {
            print_message("suspended at %s\n", p.why);
        }
        limits_count_done(&p.count);
    }
    print_message("%u years, %llu recipients outside, %u letters put off, most points %u of %d\n",
                  years, (unsigned long long)letters, put_off, worst, SIGNS_THRESHOLD);
    assert_true(letters > 2500 * (uint64_t)years); /* the model is played */
    assert_int_equal(suspended, 0);
    assert_in_range(worst, 1, SIGNS_THRESHOLD - 5); /* nobody came near */
    assert_true(put_off < years / 10);
}

/* ── a program ── */

/* The newsletters of a year, each to one reader after the other, as a rule of its own allows or as all may. */
static void newsletters(struct person *p, const struct limits *own)
{
    unsigned readers = (unsigned)of("newsletter-recipients");

    p->own = own;
    for (int64_t month = 0; month < 12; month++) {
        for (unsigned n = 0; n < of("newsletter-a-month"); n++) {
            uint64_t words = next() | 1;
            p->now = BEGIN + (month * 30 + n) * DAY + 600 * MINUTE;
            for (unsigned i = 0; i < readers; i++, p->now += 1000) {
                bool new = happens(of("newsletter-new"));
                send(p, 1, new, words, i < of("newsletter-links"));
                bounce(p, 1, of(new ? "bounce-share-new" : "bounce-share"));
            }
        }
    }
}

static void a_program_sends_by_its_rule(void **unused)
{
    (void)unused;
    static const struct limits own = {
        .most = {[LIMITS_HOUR] = {2500, 2500, 2500, 250, UINT64_C(2) << 30},
                 [LIMITS_DAY] = {2500, 2500, 2500, 250, UINT64_C(2) << 30}}
    };
    struct person with = {.thief = true};
    struct person without = {.thief = true};

    newsletters(&with, &own);
    print_message("newsletters: most points %u of %d, %u letters put off\n", with.worst,
                  SIGNS_THRESHOLD, with.put_off);
    assert_false(with.suspended);
    assert_int_equal(with.put_off, 0);
    assert_in_range(with.worst, 1, SIGNS_THRESHOLD - 5);
    newsletters(&without, NULL);
    assert_true(without.suspended);
    for (unsigned i = 0; i < 3000 && !with.suspended;
         i++) { /* and behind it a thief, all at once */
        send(&with, 1, 1, next() | 1, true);
    }
    assert_true(with.suspended);
    limits_count_done(&with.count);
    limits_count_done(&without.count);
}

/* ── offenders ── */

struct attack {
    const char *name;
    bool elsewhere; /* from a network that is not the account's */
    double links;   /* share of letters with them */
    bool same;      /* words */
    double strangers;
    int64_t every_ms;
    double bounces;
    unsigned spam; /* hundredths of a point that a filter gives, if there is one */
    unsigned each; /* recipients of a letter */
    unsigned most; /* outside, that it may reach */
};

static void play(const struct attack *a)
{
    struct person p = {.now = BEGIN + 10 * 60 * MINUTE};

    day(&p, BEGIN, 1, of("new-to-company"), false);
    p.reached = 0;
    p.thief = true;
    p.now = BEGIN + 2 * DAY;
    if (a->elsewhere) {
        sign_in(&p, 99, true);
    }
    for (unsigned i = 0; i < 10000 && !p.suspended; i++, p.now += a->every_ms) {
        bool stranger = happens(a->strangers);
        send(&p, a->each, stranger ? a->each : 0, a->same ? 5 : 1000 + i, happens(a->links));
        bounce(&p, a->each, a->bounces);
        signs_scanned(&p.signs, false, a->spam, p.now);
    }
    print_message("%-28s reached %u outside: %s\n", a->name, p.reached,
                  p.suspended ? p.why : "not noticed");
    assert_true(p.suspended);
    assert_in_range(p.reached, 0, a->most);
    limits_count_done(&p.count);
}

static void an_offender_reaches_few(void **unused)
{
    (void)unused;
    static const struct attack attacks[] = {
        {"strangers, links, elsewhere",   true,  0.6, false, 1,   300,        0.1,  0,    1,   FOUND_MAX + 10},
        {"strangers, same words",         true,  0.6, true,  1,   300,        0.1,  0,    1,   FOUND_MAX + 10},
        {"strangers, at the desk",        false, 0.3, false, 1,   1000,       0.05, 0,    1,   50            },
        {"strangers, no link, no bounce", false, 0,   false, 1,   300,        0,    0,    1,   50            },
        {"strangers, one a minute",       true,  0.6, false, 1,   MINUTE,     0.1,  0,    1,   50            },
        {"who is known, same link",       true,  0.9, true,  0.1, 300,        0.02, 0,    1,   90            },
        {"strangers, ten an hour",        true,  0.6, false, 1,   6 * MINUTE, 0.1,  0,    1,   100           },
        {"strangers, a filter sees spam", false, 0.6, false, 1,   6 * MINUTE, 0.1,  1500, 1,   100           },
        {"who is known, all in one",      false, 0,   true,  0,   300,        0,    0,    300, 0             },
        {"who is known, all, elsewhere",  true,  0,   false, 0,   300,        0,    0,    300, 0             },
        {"who is known, fifty a letter",  false, 0,   true,  0,   300,        0,    0,    50,  50            },
        {"who is known, forty, at once",  true,  1,   true,  0,   300,        0,    0,    40,  80            },
        {"who is known, forty, varied",   false, 0,   false, 0,   300,        0,    0,    40,  80            },
        {"who is known, one by one",      false, 0,   false, 0,   300,        0,    0,    1,   115           },
    };

    traffic_seed = TRAFFIC_FIRST; /* however many years were played before */
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        play(&attacks[i]);
    }
}

/* What nobody reads says nothing about an office. */
static void every_figure_is_played(void **unused)
{
    (void)unused;

    print_message("version %g of the model\n", of("version"));
    assert_null(traffic_unread());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_year_is_left_in_peace),
        cmocka_unit_test(a_program_sends_by_its_rule),
        cmocka_unit_test(an_offender_reaches_few),
        cmocka_unit_test(every_figure_is_played),
    };

    traffic_read();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
