/* Random schedules of holds, expiries, requests, verdicts, crashes and clock jumps against a simple model: nothing
 * is destroyed early or against a hold, and nothing that is over stays without a reason.
 *
 * What is tested decides by records and clocks: the docket, the trusted clock, the verdict. The model knows what
 * really happened: true time, which the wall clock need not show, and sets of holds and requests as plain bits.
 * POSTERN_SCHEDULES says how many, DISPOSAL_SEED which. */
#include <stdio.h>
#include <stdlib.h>

#include "keeper/docket.h"
#include "letter/disposal.h"
#include "stages/retention/disposal.h"
#include "stages/retention/term.h"
#include "tests/test.h"

#define SCHEDULES 100000
#define STEPS     60
#define LETTERS   6
#define HOLDS     3
#define REQUESTS  3
#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    (24 * HOUR_MS)
#define BEGIN_MS  INT64_C(1700000000000)

/* ── chance ── */

static uint64_t chance_state;

static uint64_t chance(uint64_t below)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return (chance_state >> 11) % below;
}

/* ── the world: what really is ── */

struct world {
    int64_t truth;        /* time that really passed since 1970 */
    int64_t steady;       /* of this life of the machine */
    int64_t skew;         /* the wall clock shows truth + skew */
    bool confirmed_wrong; /* a person said once that a wrong clock is right */

    /* the model */
    bool held[HOLDS][LETTERS];

    struct {
        bool there, approved, over;
        int64_t expires, before;
        uint64_t letters; /* bits: those asked for */
    } requests[REQUESTS];

    bool gone[LETTERS];
    int64_t until[LETTERS]; /* true end of retention; 0: never */
    bool ruled[LETTERS];

    /* what is tested */
    struct docket docket;
    struct trusted_clock clock;
    int64_t kept;
    uint64_t seq;
    unsigned lives;
};

static int64_t wall(const struct world *w)
{
    return w->truth + w->skew;
}

static struct slice name_of(size_t n)
{
    static const struct slice names[] = {SLICE_INIT("a"), SLICE_INIT("b"), SLICE_INIT("c")};
    return names[n];
}

static struct slice id_of(uint8_t kind, size_t n)
{
    static uint8_t ids[2][16][LETTER_ID_LEN];

    ids[kind][n][0] = (uint8_t)(kind + 1);
    ids[kind][n][1] = (uint8_t)n;
    return SLICE_ARRAY(ids[kind][n]);
}

static void apply(struct world *w, uint16_t type, const struct cbor_schema *schema,
                  const void *value)
{
    OWN(buf) struct buf body = {.max = 1 << 16};
    struct error e = {0};

    cbor_write(&body, schema, value);
    w->seq++;
    assert_true(docket_apply(&w->docket, w->seq, type, wall(w), buf_slice(&body), &e));
}

/* ── what happens ── */

static void time_passes(struct world *w)
{
    int64_t passed =
        (int64_t)chance(5) == 0 ? (int64_t)chance(40) * DAY_MS : (int64_t)chance(48) * HOUR_MS;

    for (int64_t left = passed; left > 0; left -= 6 * HOUR_MS) {
        int64_t step = left < 6 * HOUR_MS ? left : 6 * HOUR_MS;
        w->truth += step;
        w->steady += step;
        trusted_clock_step(&w->clock, wall(w), w->steady);
    }
}

/* Somebody sets the clock: by minutes, hours or twenty years, or right. */
static void clock_jumps(struct world *w)
{
    static const int64_t jumps[] = {60000, HOUR_MS, 23 * HOUR_MS, 3 * DAY_MS, 20 * 365 * DAY_MS};
    int64_t jump = jumps[chance(5)];

    w->skew = chance(3) == 0 ? 0 : w->skew + (chance(2) ? jump : -jump);
    w->skew = wall(w) < 0 ? 0 : w->skew; /* no clock shows a time before 1970 */
    trusted_clock_step(&w->clock, wall(w), w->steady);
}

/* The machine is off for a while: what was believed was kept. */
static void crash(struct world *w)
{
    w->kept = w->clock.at;
    w->truth += (int64_t)chance(30) * HOUR_MS;
    w->steady = (int64_t)chance(1000);
    w->lives++;
    trusted_clock_begin(&w->clock, w->kept, false, wall(w), w->steady);
}

/* Who says that the clock is right looked at his watch; sometimes he errs by the jump of before. */
static void confirm(struct world *w)
{
    if (w->skew > 0) {
        w->confirmed_wrong = true;
    }
    trusted_clock_confirm(&w->clock, wall(w), w->steady);
}

static void place_hold(struct world *w)
{
    size_t n = chance(HOLDS);
    size_t letter = chance(LETTERS);
    const struct hold_record h = {.name = name_of(n),
                                  .state = HOLD_PLACED,
                                  .letters = id_of(0, letter),
                                  .by = SLICE("officer"),
                                  .reason = SLICE("a court")};

    apply(w, RECORD_HOLD, &hold_record_schema, &h);
    w->held[n][letter] = true;
}

static void release_hold(struct world *w)
{
    size_t n = chance(HOLDS);
    const struct hold_record h = {.name = name_of(n),
                                  .state = HOLD_RELEASED,
                                  .by = SLICE("officer"),
                                  .reason = SLICE("over")};

    apply(w, RECORD_HOLD, &hold_record_schema, &h);
    for (size_t i = 0; i < LETTERS; i++) {
        w->held[n][i] = false;
    }
}

static void ask(struct world *w)
{
    size_t n = chance(REQUESTS);
    OWN(buf) struct buf arguments = {.max = 1000};
    uint64_t head = chance(LETTERS + 1);
    const struct request_disposal asked = {.before = (uint64_t)wall(w), .head = head};
    struct request_record r = {.id = id_of(1, n),
                               .kind = REQUEST_DISPOSAL,
                               .object = SLICE("disposal"),
                               .by = SLICE("anna"),
                               .reason = SLICE("over"),
                               .expires_at = (uint64_t)(wall(w) + 14 * DAY_MS)};

    if (w->requests[n].there) {
        return;
    }
    cbor_write(&arguments, &request_disposal_schema, &asked);
    r.arguments = buf_slice(&arguments);
    apply(w, RECORD_REQUEST, &request_record_schema, &r);
    w->requests[n].there = true;
    w->requests[n].approved = false;
    w->requests[n].before = wall(w);
    w->requests[n].expires = wall(w) + 14 * DAY_MS;
    w->requests[n].letters = (UINT64_C(1) << head) - 1;
}

static void say(struct world *w)
{
    size_t n = chance(REQUESTS);
    uint64_t verdict = 1 + chance(5);
    const struct docket_request *r = docket_find(&w->docket, id_of(1, n));
    const struct verdict_record v = {.id = id_of(1, n), .verdict = verdict, .by = SLICE("bob")};

    assert_int_equal(r != NULL, w->requests[n].there);
    bool waits = r && docket_waits(r, wall(w));
    assert_int_equal(waits, w->requests[n].there && !w->requests[n].approved &&
                                wall(w) < w->requests[n].expires);
    /* As the keeper does: yes and no while it waits, done and failed when it was approved. */
    if ((verdict <= VERDICT_WITHDRAWN && !waits) ||
        (verdict > VERDICT_WITHDRAWN && !w->requests[n].approved)) {
        return;
    }
    apply(w, RECORD_VERDICT, &verdict_record_schema, &v);
    w->requests[n].approved = verdict == VERDICT_APPROVED;
    w->requests[n].there = verdict == VERDICT_APPROVED;
}

/* ── disposal, and what the model says to it ── */

static bool is_held(const struct world *w, size_t letter)
{
    bool held = false;

    for (const struct docket_hold *h = w->docket.holds; h; h = h->next) {
        held = held || slice_equal(h->record.letters, id_of(0, letter));
    }
    return held;
}

static bool model_holds(const struct world *w, size_t letter)
{
    bool held = false;

    for (size_t n = 0; n < HOLDS; n++) {
        held = held || w->held[n][letter];
    }
    return held;
}

/* What must be true of a letter that is destroyed. */
static void expect_allowed(const struct world *w, size_t n, size_t letter)
{
    assert_true(w->requests[n].there && w->requests[n].approved);
    assert_true(w->requests[n].letters >> letter & 1);
    assert_false(model_holds(w, letter));
    assert_true(w->ruled[letter] && w->until[letter]);
    assert_true(w->until[letter] <= w->requests[n].before);
    /* Early by no more than what a clock may be wrong unnoticed: a day for each life, and one in a
     * hundred; unless a person vouched for a wrong clock. */
    int64_t slack = (int64_t)(w->lives + 1) * DAY_MS + (w->truth - BEGIN_MS) / 100;
    assert_true(w->confirmed_wrong || w->until[letter] <= w->truth + slack);
}

/* What explains that a letter stays which, so the model, is over and was to go. */
static void expect_reason(const struct world *w, size_t n, size_t letter,
                          enum disposal_verdict verdict)
{
    bool asked = w->requests[n].letters >> letter & 1;
    bool over = w->ruled[letter] && w->until[letter] && w->until[letter] <= w->requests[n].before &&
                w->until[letter] <= w->truth;

    switch (verdict) {
    case DISPOSAL_UNASKED:
        assert_false(asked);
        break;
    case DISPOSAL_DOUBT:
        assert_true(w->clock.doubted || w->clock.at <= 0);
        break;
    case DISPOSAL_UNRULED:
        assert_false(w->ruled[letter]);
        break;
    case DISPOSAL_HELD:
        assert_true(model_holds(w, letter));
        break;
    case DISPOSAL_KEPT: /* or the clock is, or was, behind */
        assert_true(!over || w->clock.at < w->until[letter] || wall(w) < w->until[letter]);
        break;
    case DISPOSAL_DESTROY:
    case DISPOSAL_BUSY:
    default:
        fail_msg("no reason");
    }
}

static void dispose(struct world *w)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};

    for (size_t n = 0; n < REQUESTS; n++) {
        const struct docket_request *r = docket_find(&w->docket, id_of(1, n));
        struct request_disposal asked;
        struct error e;
        if (!r || !r->approved) {
            continue;
        }
        assert_true(cbor_read(r->record.arguments, &request_disposal_schema, &arena, &asked, &e));
        const struct disposal_order order = {asked.before, asked.head};
        for (size_t i = 0; i < LETTERS; i++) {
            const struct disposal_letter letter = {.seq = i,
                                                   .ruled = w->ruled[i],
                                                   .until = (uint64_t)w->until[i],
                                                   .held = is_held(w, i),
                                                   .at_rest = true};
            if (w->gone[i]) {
                continue;
            }
            enum disposal_verdict v = disposal_judge(&order, &w->clock, wall(w), &letter);
            if (v == DISPOSAL_DESTROY) {
                expect_allowed(w, n, i);
                w->gone[i] = true;
            } else {
                expect_reason(w, n, i, v);
            }
        }
    }
}

/* ── schedules ── */

static void begin(struct world *w)
{
    const struct retention_rule rule = {
        .unit = RETENTION_DAYS, .count = 1 + chance(60), .start = RETENTION_FROM_SENT};

    *w = (struct world){.truth = BEGIN_MS + (int64_t)chance(100) * DAY_MS, .steady = 5};
    for (size_t i = 0; i < LETTERS; i++) {
        w->ruled[i] = chance(8) != 0;
        w->until[i] =
            chance(8) == 0 ? 0 : retention_ends(&rule, w->truth - (int64_t)chance(90) * DAY_MS);
    }
    trusted_clock_begin(&w->clock, 0, true, wall(w), w->steady);
}

static size_t run(uint64_t seed)
{
    static void (*const events[])(struct world *) = {
        time_passes, time_passes, time_passes, clock_jumps, crash,   place_hold, release_hold,
        ask,         ask,         say,         say,         confirm, dispose,    dispose};
    struct world w;
    size_t gone = 0;

    chance_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    (void)chance(2);
    begin(&w);
    for (size_t i = 0; i < STEPS; i++) {
        events[chance(sizeof(events) / sizeof(events[0]))](&w);
    }
    for (size_t i = 0; i < LETTERS; i++) {
        gone += w.gone[i];
    }
    docket_done(&w.docket);
    return gone;
}

static void nothing_goes_early_or_stays_without_reason(void **unused)
{
    (void)unused;
    const char *count = getenv("POSTERN_SCHEDULES");
    const char *from = getenv("DISPOSAL_SEED");
    uint64_t schedules = count ? strtoull(count, NULL, 10) : SCHEDULES;
    uint64_t seed = from ? strtoull(from, NULL, 10) : 1;
    size_t gone = 0;

    for (uint64_t i = 0; i < schedules; i++) {
        gone += run(seed + i);
    }
    (void)printf("%llu schedules from seed %llu, %zu letters destroyed\n",
                 (unsigned long long)schedules, (unsigned long long)seed, gone);
    assert_true(gone > schedules / 10); /* otherwise nothing was tested */
}

/* Twenty years ahead: nothing is over until somebody says that this is the time. */
static void a_clock_far_ahead_is_doubted(void **unused)
{
    (void)unused;
    const struct disposal_order order = {UINT64_MAX, 10};
    const struct disposal_letter letter = {
        .ruled = true, .until = (uint64_t)(BEGIN_MS + DAY_MS), .at_rest = true};
    struct trusted_clock c;
    int64_t later = BEGIN_MS + 20 * 365 * DAY_MS;

    trusted_clock_begin(&c, BEGIN_MS, false, BEGIN_MS + HOUR_MS, 0);
    assert_int_equal(disposal_judge(&order, &c, BEGIN_MS + HOUR_MS, &letter), DISPOSAL_KEPT);
    trusted_clock_step(&c, later, 1000);
    assert_int_equal(disposal_judge(&order, &c, later, &letter), DISPOSAL_DOUBT);
    trusted_clock_begin(&c, c.at, false, later, 0); /* and a restart does not help */
    assert_int_equal(disposal_judge(&order, &c, later, &letter), DISPOSAL_DOUBT);
    trusted_clock_begin(&c, 0, false, later, 0); /* nor that nobody remembers */
    assert_int_equal(disposal_judge(&order, &c, later, &letter), DISPOSAL_DOUBT);
    trusted_clock_confirm(&c, later, 0);
    assert_int_equal(disposal_judge(&order, &c, later, &letter), DISPOSAL_DESTROY);
    assert_int_equal(disposal_judge(&order, &c, BEGIN_MS, &letter), DISPOSAL_KEPT); /* set back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_early_or_stays_without_reason),
        cmocka_unit_test(a_clock_far_ahead_is_doubted),
    };
    return cmocka_run_group_tests_name("disposal", tests, NULL, NULL);
}
