#include "stages/limits/signs.h"

#include <math.h>

#define BURST_SILENCE_MS (6 * (int64_t)LIMITS_HOUR_MS) /* silence before a rush */
#define LARGE_LETTER     4                             /* beyond where the signs begin: put off */
#define LARGE_HOUR       2
#define BURST_MS         (15 * INT64_C(60000)) /* in which it counts */

/* In tenths of a point each above `from`. */
const struct sign_row signs_table[SIGNS] = {
    [SIGN_FIRST_TIME] = {"first-time",     12,  22,  65, "",
                         " recipients within an hour to whom nobody here has written before"                                            },
    [SIGN_FIRST_TIME_DAY] = {"first-time-day", 35,  10,  50, "",
                         " recipients within a day to whom nobody here has written before"                                              },
    [SIGN_REFUSED] = {"refused",        1,   100, 60, "",
                         " different letters went on being sent after a limit was reached"                                              },
    [SIGN_SAME_WORDS] = {"same-words",     20,  10,  35, "the same words to ",             " recipients outside"                        },
    [SIGN_NEW_LINKS] = {"new-links",      3,   60,  45, "",
                         " letters within an hour with links to where it had not linked before"                                         },
    [SIGN_NEW_NETWORK] = {"new-network",    0,   200, 25, "it was used from ",
                         " networks within a day where it had not been before"                                                          },
    [SIGN_MANY_NETWORKS] = {"many-networks",  3,   100, 40, "somebody signed in from ",
                         " networks within an hour"                                                                                     },
    [SIGN_FAILURES] = {"failures",       60,  2,   20, "",                               " wrong passwords within an hour"            },
    [SIGN_BURST] = {"burst",          10,  20,  20, "",                               " letters in a rush after hours of silence"  },
    [SIGN_PACE] = {"pace",           70,  10,  45, "",                               " letters within an hour"                    },
    [SIGN_ADDRESSES] = {"addresses",      45,  10,  40, "",                               " different addresses outside within an hour"},
    [SIGN_MANY] = {"many-addresses", 115, 200, 75, "",
                         " different addresses outside within an hour, more than offices write to"                                      },
    [SIGN_ONE_LETTER] = {"one-letter",     44,  135, 95, "one letter to ",                 " recipients outside"                        },
    [SIGN_BOUNCES] = {"bounces",        4,   60,  50, "",                               " recipients do not exist"                   },
    [SIGN_COUNTRY] = {"country",        0,   150, 30, "it was used from ",
                         " countries within a day where it had not been before"                                                         },
    [SIGN_TRAVEL] = {"travel",         0,   200, 20, "within a day somebody changed ",
                         " times between places faster than anybody travels"                                                            },
    [SIGN_ELSEWHERE] = {"elsewhere",      0,   50,  5,  "an app password was used from ",
                         " networks where it had not been"                                                                              },
    [SIGN_CONTENT] = {"content",        0,   10,  45, "a filter gives a letter ",       " points"                                    },
};

/* ── what is seen ── */

static void note_words(struct signs *s, const struct signs_letter *letter, int64_t now_ms)
{
    size_t oldest = 0;

    for (size_t i = 0; i < SIGNS_BODIES; i++) {
        bool fresh = now_ms - s->bodies[i].at_ms < LIMITS_HOUR_MS;
        if (fresh && s->bodies[i].words == letter->words) {
            s->bodies[i].outside += letter->outside;
            s->bodies[i].at_ms = now_ms;
            return;
        }
        oldest = s->bodies[i].at_ms < s->bodies[oldest].at_ms ? i : oldest;
    }
    s->bodies[oldest].words = letter->words;
    s->bodies[oldest].outside = letter->outside;
    s->bodies[oldest].at_ms = now_ms;
}

/* The largest of the last hour. */
static void note_size(struct signs *s, uint64_t outside, int64_t now_ms)
{
    if (now_ms - s->largest_ms >= LIMITS_HOUR_MS || outside >= s->largest) {
        s->largest = outside;
        s->largest_ms = now_ms;
    }
}

static uint64_t approved(const struct signs *s, int64_t now_ms)
{
    return now_ms - s->approved_ms < LIMITS_HOUR_MS ? s->approved : 0;
}

void signs_sent(struct signs *s, struct limits_count *c, const struct signs_letter *letter,
                int64_t now_ms)
{
    if (letter->words && letter->outside && !letter->approved) {
        note_words(s, letter, now_ms);
    }
    if (letter->new_link) {
        limits_note(c, LIMITS_NEW_LINKS, 1, now_ms);
    }
    if (letter->outside == 0) {
        return;
    }
    if (letter->approved) {
        s->approved = approved(s, now_ms) + letter->outside;
        s->approved_ms = now_ms;
    } else {
        note_size(s, letter->outside, now_ms);
    }
    if (now_ms - s->last_ms > BURST_SILENCE_MS) {
        s->burst_ms = now_ms;
        s->burst = 0;
    }
    s->burst += now_ms - s->burst_ms <= BURST_MS;
    s->last_ms = now_ms;
}

void signs_recall(struct signs *s, uint64_t outside, int64_t at_ms)
{
    if (outside > s->largest) {
        s->largest = outside;
        s->largest_ms = at_ms;
    }
}

void signs_put_off(struct signs *s, struct limits_count *c, uint64_t digest, int64_t now_ms)
{
    for (size_t i = 0; i < SIGNS_PUT_OFF; i++) {
        if (s->put_off[i] == digest) {
            return; /* a program that tries again is none that goes on */
        }
    }
    s->put_off[s->next_put_off++ % SIGNS_PUT_OFF] = digest;
    limits_note(c, LIMITS_REFUSED, 1, now_ms);
}

void signs_signed_in(struct signs *s, struct limits_count *c, uint64_t network, bool fresh,
                     int64_t now_ms)
{
    size_t at = 0;

    for (size_t i = 0; i < SIGNS_NETWORKS; i++) {
        if (s->networks[i].network == network) {
            at = i;
            break;
        }
        at = s->networks[i].at_ms < s->networks[at].at_ms ? i : at;
    }
    s->networks[at].country = s->networks[at].network == network ? s->networks[at].country : 0;
    s->networks[at].network = network;
    s->networks[at].at_ms = now_ms;
    if (fresh) {
        limits_note(c, LIMITS_NETWORKS, 1, now_ms);
    }
}

double signs_distance(const struct signs_place *a, const struct signs_place *b)
{
    const double radius_km = 6371;
    const double unit = 3.14159265358979323846 / 180 / 1000;
    double south = sin((b->latitude - a->latitude) * unit / 2);
    double east = sin((b->longitude - a->longitude) * unit / 2);
    double h = south * south + cos(a->latitude * unit) * cos(b->latitude * unit) * east * east;

    return 2 * radius_km * asin(sqrt(h < 1 ? h : 1));
}

static bool is_impossible(const struct signs *s, const struct signs_place *place, int64_t now_ms)
{
    if (!place->located || !s->place.located || now_ms < s->place_ms) {
        return false;
    }
    double km = signs_distance(&s->place, place);
    double hours = (double)(now_ms - s->place_ms) / LIMITS_HOUR_MS;
    return km > SIGNS_TRAVEL_KM && km > hours * SIGNS_TRAVEL_KM_AN_HOUR;
}

void signs_came_from(struct signs *s, struct limits_count *c, uint64_t network,
                     const struct signs_place *place, bool fresh, int64_t now_ms)
{
    if (fresh) {
        limits_note(c, LIMITS_COUNTRIES, 1, now_ms);
    }
    if (is_impossible(s, place, now_ms)) {
        limits_note(c, LIMITS_TRAVELS, 1, now_ms);
    }
    for (size_t i = 0; i < SIGNS_NETWORKS; i++) {
        if (s->networks[i].network == network) {
            s->networks[i].country = place->country;
        }
    }
    if (place->located) {
        s->place = *place;
        s->place_ms = now_ms;
    }
}

uint16_t signs_country(const struct signs *s, uint64_t network)
{
    for (size_t i = 0; i < SIGNS_NETWORKS; i++) {
        if (s->networks[i].network == network) {
            return s->networks[i].country;
        }
    }
    return 0;
}

bool signs_met_country(const struct signs *s, uint16_t country)
{
    for (size_t i = 0; i < SIGNS_NETWORKS; i++) {
        if (country && s->networks[i].country == country) {
            return true;
        }
    }
    return false;
}

void signs_scanned(struct signs *s, bool malware, uint64_t score, int64_t now_ms)
{
    uint64_t spam = score > SIGNS_SPAM_FROM ? (score - SIGNS_SPAM_FROM) * 2 / 100 : 0;
    uint64_t points = malware ? SIGNS_MALWARE : spam < SIGNS_SPAM_MOST ? spam : SIGNS_SPAM_MOST;

    if (now_ms - s->content_ms >= LIMITS_HOUR_MS) {
        s->content = 0;
    }
    if (points > s->content || (points == s->content && points && now_ms > s->content_ms)) {
        s->content = points;
        s->content_ms = now_ms;
    }
}

void signs_elsewhere(struct signs *s, uint64_t network, int64_t now_ms)
{
    size_t oldest = 0;

    for (size_t i = 0; i < SIGNS_ELSEWHERE; i++) {
        if (s->elsewhere[i].network == network && now_ms - s->elsewhere[i].at_ms < LIMITS_DAY_MS) {
            return;
        }
        oldest = s->elsewhere[i].at_ms < s->elsewhere[oldest].at_ms ? i : oldest;
    }
    s->elsewhere[oldest].network = network;
    s->elsewhere[oldest].at_ms = now_ms;
}

static uint64_t elsewhere(const struct signs *s, int64_t now_ms)
{
    uint64_t n = 0;

    for (size_t i = 0; i < SIGNS_ELSEWHERE; i++) {
        n += s->elsewhere[i].network && now_ms - s->elsewhere[i].at_ms < LIMITS_DAY_MS;
    }
    return n;
}

bool signs_met(const struct signs *s, uint64_t network)
{
    for (size_t i = 0; i < SIGNS_NETWORKS; i++) {
        if (s->networks[i].network == network) {
            return true;
        }
    }
    return false;
}

/* ── what it says ── */

static uint64_t same_words(const struct signs *s, int64_t now_ms)
{
    uint64_t most = 0;

    for (size_t i = 0; i < SIGNS_BODIES; i++) {
        bool fresh = s->bodies[i].words && now_ms - s->bodies[i].at_ms < LIMITS_HOUR_MS;
        most = fresh && s->bodies[i].outside > most ? s->bodies[i].outside : most;
    }
    return most;
}

static uint64_t networks(const struct signs *s, int64_t now_ms)
{
    uint64_t n = 0;

    for (size_t i = 0; i < SIGNS_NETWORKS; i++) {
        n += s->networks[i].network && now_ms - s->networks[i].at_ms < LIMITS_HOUR_MS;
    }
    return n;
}

static uint64_t less_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void look(const struct signs *s, struct limits_count *c, int64_t now_ms,
                 uint64_t value[static SIGNS])
{
    value[SIGN_FIRST_TIME] = limits_sent(c, LIMITS_HOUR, LIMITS_FIRST_TIME, now_ms);
    value[SIGN_FIRST_TIME_DAY] = limits_sent(c, LIMITS_DAY, LIMITS_FIRST_TIME, now_ms);
    value[SIGN_REFUSED] = limits_sent(c, LIMITS_HOUR, LIMITS_REFUSED, now_ms);
    value[SIGN_SAME_WORDS] = same_words(s, now_ms);
    value[SIGN_NEW_LINKS] = limits_sent(c, LIMITS_HOUR, LIMITS_NEW_LINKS, now_ms);
    value[SIGN_NEW_NETWORK] = limits_sent(c, LIMITS_DAY, LIMITS_NETWORKS, now_ms);
    value[SIGN_MANY_NETWORKS] = networks(s, now_ms);
    value[SIGN_FAILURES] = limits_sent(c, LIMITS_HOUR, LIMITS_FAILURES, now_ms);
    value[SIGN_BURST] = now_ms - s->burst_ms <= BURST_MS ? s->burst : 0;
    value[SIGN_PACE] = limits_sent(c, LIMITS_HOUR, LIMITS_LETTERS, now_ms);
    value[SIGN_ADDRESSES] = limits_sent(c, LIMITS_HOUR, LIMITS_ADDRESSES, now_ms);
    value[SIGN_ADDRESSES] -= less_of(approved(s, now_ms), value[SIGN_ADDRESSES]);
    value[SIGN_MANY] = value[SIGN_ADDRESSES];
    value[SIGN_ONE_LETTER] = now_ms - s->largest_ms < LIMITS_HOUR_MS ? s->largest : 0;
    value[SIGN_BOUNCES] = limits_sent(c, LIMITS_HOUR, LIMITS_BOUNCES, now_ms);
    value[SIGN_COUNTRY] = limits_sent(c, LIMITS_DAY, LIMITS_COUNTRIES, now_ms);
    value[SIGN_TRAVEL] = limits_sent(c, LIMITS_DAY, LIMITS_TRAVELS, now_ms);
    value[SIGN_ELSEWHERE] = elsewhere(s, now_ms);
    value[SIGN_CONTENT] = now_ms - s->content_ms < LIMITS_HOUR_MS ? s->content : 0;
}

static void raise_to(struct signs_verdict *v, enum sign sign, uint64_t own)
{
    v->from[sign] = own > v->from[sign] ? own : v->from[sign];
}

static uint64_t most_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What an account may send by a rule of its own is no sign; what is beyond is one. */
static void allow_own(const struct limits *own, struct signs_verdict *v)
{
    const uint64_t *hour = own->most[LIMITS_HOUR];
    uint64_t many =
        most_of(hour[LIMITS_RECIPIENTS], most_of(hour[LIMITS_FIRST_TIME], hour[LIMITS_ADDRESSES]));

    raise_to(v, SIGN_FIRST_TIME, hour[LIMITS_FIRST_TIME]);
    raise_to(v, SIGN_FIRST_TIME_DAY, own->most[LIMITS_DAY][LIMITS_FIRST_TIME]);
    raise_to(v, SIGN_ADDRESSES, hour[LIMITS_ADDRESSES]);
    raise_to(v, SIGN_MANY, many);
    raise_to(v, SIGN_ONE_LETTER, many);
    raise_to(v, SIGN_SAME_WORDS, many);
    raise_to(v, SIGN_PACE, hour[LIMITS_LETTERS]);
    raise_to(v, SIGN_BURST, hour[LIMITS_LETTERS]);
}

/* Several signs of one and the same thing: together they weigh `most`. */
static void bound(unsigned points[static SIGNS], const enum sign *group, size_t n, unsigned most)
{
    unsigned left = most;

    for (size_t i = 0; i < n; i++) {
        unsigned *p = &points[group[i]];
        *p = *p < left ? *p : left;
        left -= *p;
    }
}

/* Who travels, and whose telephone goes on to show the way out at home, has all signs of the place at once, and has sent nothing that is odd. Who invites people whom the
 * company knows writes the same words to many. And what is new says little of an account that is new itself. */
static void bound_groups(const struct signs *s, int64_t now_ms, unsigned points[static SIGNS])
{
    static const enum sign place[] = {SIGN_NEW_NETWORK,   SIGN_COUNTRY,   SIGN_TRAVEL,
                                      SIGN_MANY_NETWORKS, SIGN_ELSEWHERE, SIGN_NEW_LINKS};

    static const enum sign mailing[] = {SIGN_SAME_WORDS, SIGN_ADDRESSES};

    const size_t n_place = sizeof(place) / sizeof(place[0]);
    bool young = s->since_ms && now_ms - s->since_ms < SIGNS_YOUNG_MS;

    bound(points, place, n_place - 1, SIGNS_PLACE_MOST);
    bound(points, mailing, sizeof(mailing) / sizeof(mailing[0]),
          young ? SIGNS_YOUNG_MAILING : SIGNS_MAILING_MOST);
    if (young) {
        bound(points, place, n_place, SIGNS_YOUNG_MOST);
    }
}

void signs_judge(const struct signs *s, struct limits_count *c, const struct limits *own,
                 int64_t now_ms, struct signs_verdict *verdict)
{
    *verdict = (struct signs_verdict){0};
    look(s, c, now_ms, verdict->value);
    for (size_t i = 0; i < SIGNS; i++) {
        verdict->from[i] = signs_table[i].from;
    }
    if (own) {
        allow_own(own, verdict);
    }
    for (size_t i = 0; i < SIGNS; i++) {
        const struct sign_row *row = &signs_table[i];
        uint64_t above = signs_is_seen(verdict, i) ? verdict->value[i] - verdict->from[i] : 0;
        uint64_t points = above < 1000 ? above * row->weight / 10 : row->most;
        verdict->points[i] = points < row->most ? (unsigned)points : row->most;
    }
    bound_groups(s, now_ms, verdict->points);
    for (size_t i = 0; i < SIGNS; i++) {
        verdict->sum += verdict->points[i];
    }
    verdict->large = verdict->points[SIGN_MANY] + verdict->points[SIGN_ONE_LETTER];
    verdict->stolen = verdict->sum >= SIGNS_THRESHOLD;
}

bool signs_is_large(const struct signs_verdict *verdict, uint64_t outside, uint64_t added)
{
    return outside > verdict->from[SIGN_ONE_LETTER] + LARGE_LETTER ||
           (added && verdict->value[SIGN_MANY] + added > verdict->from[SIGN_MANY] + LARGE_HOUR);
}

bool signs_is_seen(const struct signs_verdict *verdict, size_t sign)
{
    return verdict->value[sign] > verdict->from[sign];
}

void signs_sentence(const struct signs_verdict *verdict, struct buf *out)
{
    bool said[SIGNS] = {false};

    for (size_t n = 0; n < SIGNS; n++) {
        size_t best = SIGNS;
        for (size_t i = 0; i < SIGNS; i++) {
            bool more = !said[i] && signs_is_seen(verdict, i) &&
                        (best == SIGNS || verdict->points[i] > verdict->points[best]);
            best = more ? i : best;
        }
        if (best == SIGNS) {
            return;
        }
        said[best] = true;
        buf_add_text(out, out->len ? "; " : "");
        buf_printf(out, "%s%llu%s", signs_table[best].before,
                   (unsigned long long)verdict->value[best], signs_table[best].after);
    }
}
