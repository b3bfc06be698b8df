#include "keeper/contact_meter.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

struct window {
    int64_t from_ms;
    uint64_t count;
};

struct meter {
    struct meter *next;
    struct window hour, day;
    bool alarmed, refused;           /* in this hour */
    struct contact_shown kept;       /* that was written down last */
    uint64_t missed[CONTACT_MISSED]; /* decoys that were looked for, in this day */
    size_t n_missed;
    int64_t missed_from_ms;
    bool probed;
    int64_t probed_ms; /* when it was told last */
    size_t len;
    uint8_t who[];
};

struct contact_meter {
    struct meter *first;
    size_t n;
};

struct contact_meter *contact_meter_new(void)
{
    struct contact_meter *m = calloc(1, sizeof(*m));

    if (!m) {
        arena_panic("out of memory");
    }
    return m;
}

void contact_meter_free(struct contact_meter *m)
{
    while (m && m->first) {
        struct meter *next = m->first->next;
        free(m->first);
        m->first = next;
    }
    free(m);
}

/* Whoever was shown nothing for a day needs no place. */
static void forget_old(struct contact_meter *m, int64_t now_ms)
{
    struct meter **at = &m->first;

    while (*at) {
        struct meter *it = *at;
        if (now_ms >= it->day.from_ms + DAY_MS) {
            *at = it->next;
            m->n--;
            free(it);
        } else {
            at = &it->next;
        }
    }
}

static struct meter *find(const struct contact_meter *m, struct slice who)
{
    struct meter *it = m->first;

    while (it && !slice_equal(slice_of(it->who, it->len), who)) {
        it = it->next;
    }
    return it;
}

static struct meter *begin(struct contact_meter *m, struct slice who, int64_t now_ms)
{
    forget_old(m, now_ms);
    if (m->n >= CONTACT_METERS_MAX) {
        return NULL;
    }
    struct meter *it = calloc(1, sizeof(*it) + who.len);
    if (!it) {
        arena_panic("out of memory");
    }
    it->len = who.len;
    (void)memcpy(it->who, who.ptr, who.len);
    it->hour.from_ms = now_ms;
    it->day.from_ms = now_ms;
    it->next = m->first;
    m->first = it;
    m->n++;
    return it;
}

static uint64_t in_window(const struct window *w, int64_t lasts_ms, int64_t now_ms)
{
    return now_ms >= w->from_ms + lasts_ms ? 0 : w->count;
}

static void count(struct window *w, uint64_t n, int64_t lasts_ms, int64_t now_ms)
{
    if (now_ms >= w->from_ms + lasts_ms) {
        *w = (struct window){.from_ms = now_ms};
    }
    w->count += n;
}

static uint64_t left_of(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

uint64_t contact_meter_left(const struct contact_meter *m, struct slice who,
                            const struct contact_limits *limits, int64_t now_ms)
{
    const struct meter *it = find(m, who);
    uint64_t hour = left_of(limits->hour, it ? in_window(&it->hour, HOUR_MS, now_ms) : 0);
    uint64_t day = left_of(limits->day, it ? in_window(&it->day, DAY_MS, now_ms) : 0);

    return hour < day ? hour : day;
}

enum contact_metered contact_meter_take(struct contact_meter *m, struct slice who, uint64_t n,
                                        const struct contact_limits *limits, int64_t now_ms)
{
    struct meter *it = find(m, who);

    it = it ? it : begin(m, who, now_ms);
    if (!it) {
        return CONTACT_REFUSED; /* more accounts than anybody has */
    }
    if (now_ms >= it->hour.from_ms + HOUR_MS) {
        it->alarmed = false;
        it->refused = false;
        it->hour = (struct window){.from_ms = now_ms};
    }
    if (n > contact_meter_left(m, who, limits, now_ms)) {
        bool first = !it->refused;
        it->refused = true;
        return first ? CONTACT_REFUSED_ALARM : CONTACT_REFUSED;
    }
    count(&it->hour, n, HOUR_MS, now_ms);
    count(&it->day, n, DAY_MS, now_ms);
    if (it->hour.count > limits->alarm && !it->alarmed) {
        it->alarmed = true;
        return CONTACT_GRANTED_ALARM;
    }
    return CONTACT_GRANTED;
}

bool contact_meter_missed(struct contact_meter *m, struct slice who, uint64_t decoy, int64_t now_ms)
{
    struct meter *it = find(m, who);

    it = it ? it : begin(m, who, now_ms);
    if (!it) {
        return true; /* more accounts than anybody has */
    }
    if (it->n_missed == 0 || now_ms >= it->missed_from_ms + DAY_MS) {
        it->missed_from_ms = now_ms;
        it->n_missed = 0;
    }
    for (size_t i = 0; i < it->n_missed; i++) {
        if (it->missed[i] == decoy) {
            return false;
        }
    }
    it->missed[it->n_missed++] = decoy;
    if (it->n_missed < CONTACT_MISSED) {
        return false;
    }
    it->n_missed = 0;
    return true;
}

bool contact_meter_probed(struct contact_meter *m, struct slice who, int64_t now_ms)
{
    struct meter *it = find(m, who);

    it = it ? it : begin(m, who, now_ms);
    if (!it) {
        return true;
    }
    if (it->probed && now_ms < it->probed_ms + HOUR_MS) {
        return false;
    }
    it->probed = true;
    it->probed_ms = now_ms;
    return true;
}

/* ── beyond a restart ── */

bool contact_meter_has(const struct contact_meter *m, struct slice who)
{
    return find(m, who) != NULL;
}

void contact_meter_restore(struct contact_meter *m, struct slice who,
                           const struct contact_shown *was, int64_t now_ms)
{
    struct meter *it = find(m, who) ? NULL : begin(m, who, now_ms);

    if (it) {
        it->hour = (struct window){was->hour_from_ms, was->hour};
        it->day = (struct window){was->day_from_ms, was->day};
        it->kept = *was;
    }
}

bool contact_meter_is_due(const struct contact_meter *m, struct slice who, uint64_t ahead,
                          struct contact_shown *out)
{
    const struct meter *it = find(m, who);

    if (!it || (it->hour.from_ms == it->kept.hour_from_ms && it->hour.count <= it->kept.hour &&
                it->day.from_ms == it->kept.day_from_ms && it->day.count <= it->kept.day)) {
        return false;
    }
    *out = (struct contact_shown){it->hour.from_ms, it->hour.count + ahead, it->day.from_ms,
                                  it->day.count + ahead};
    return true;
}

void contact_meter_kept(struct contact_meter *m, struct slice who, const struct contact_shown *was)
{
    struct meter *it = find(m, who);

    if (it) {
        it->kept = *was;
    }
}
