/* Sessions that rest, with servers that play scripts. */
#include "base/clock.h"

#include "stages/delivery/kept.h"
#include "stages/delivery/scene_test.h"

#define SOON (clock_steady_ms() + 60000)

static struct kept_wish wish_of(const char *key, enum tls_level level)
{
    return (struct kept_wish){
        .key = slice_text(key), .level = level, .settings = &world, .limit = 2};
}

static void begin(struct scene *s)
{
    static const char *const script[] = {READY, GOODBYE, NULL};
    scene_start(s, &world.right, LEVEL_ENCRYPTED, script, NULL);
}

/* Take the right to open and let the scene's session rest. */
static void let_rest(struct kept *k, struct scene *s, const char *key, int64_t until_ms)
{
    const struct kept_wish wish = wish_of(key, LEVEL_ENCRYPTED);
    struct reached reached = {.place = -1};

    assert_int_equal(kept_take(k, &wish, 0, &reached), KEPT_OPEN);
    scene_open(s);
    reached.session = TAKE(s->session, NULL);
    kept_put(k, &wish, &reached, until_ms);
    assert_null(reached.session);
}

static void a_line_has_so_many(void **unused)
{
    (void)unused;
    OWN(kept) struct kept *k = kept_new();
    const struct kept_wish wish = wish_of("partner.test", LEVEL_ENCRYPTED);
    const struct kept_wish other = wish_of("other.test", LEVEL_ENCRYPTED);
    struct reached reached = {.place = -1};

    assert_int_equal(kept_take(k, &wish, 0, &reached), KEPT_OPEN);
    assert_int_equal(kept_take(k, &wish, 0, &reached), KEPT_OPEN);
    assert_int_equal(kept_take(k, &wish, clock_steady_ms() + 20, &reached), KEPT_BUSY);
    assert_int_equal(kept_take(k, &other, 0, &reached), KEPT_OPEN);
    kept_gone(k, &wish);
    assert_int_equal(kept_take(k, &wish, 0, &reached), KEPT_OPEN);
    kept_gone(k, &wish);
    kept_gone(k, &wish);
    kept_gone(k, &other);
}

static void the_next_letter_takes_it(void **unused)
{
    (void)unused;
    OWN(kept) struct kept *k = kept_new();
    struct scene s;
    const struct kept_wish wish = wish_of("partner.test", LEVEL_VERIFIED);
    struct reached reached = {.place = -1};

    begin(&s);
    let_rest(k, &s, "partner.test", SOON);
    assert_int_equal(kept_take(k, &wish, 0, &reached), KEPT_SESSION);
    assert_int_equal(session_level(reached.session), LEVEL_VERIFIED);
    kept_put(k, &wish, &reached, SOON);
    assert_int_equal(kept_expire(k, clock_steady_ms() - 1) > clock_steady_ms(), 1);
    assert_int_equal(kept_expire(k, INT64_MAX), INT64_MAX);
    assert_int_equal(kept_take(k, &wish, 0, &reached), KEPT_OPEN);
    kept_gone(k, &wish);
    scene_end(&s);
}

/* One that does not serve is closed and its place given. */
static void what_does_not_serve_is_closed(void **unused)
{
    (void)unused;

    const struct {
        enum tls_level level;
        const void *settings;
        int64_t rest_ms;
        bool fresh;
    } cases[] = {
        {LEVEL_AUTHENTICATED, &world, 60000, false},
        {LEVEL_ENCRYPTED,     &cases, 60000, false},
        {LEVEL_ENCRYPTED,     &world, -1,    false},
        {LEVEL_ENCRYPTED,     &world, 60000, true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OWN(kept) struct kept *k = kept_new();
        struct scene s;
        struct kept_wish wish = wish_of("partner.test", cases[i].level);
        struct reached reached = {.place = -1};

        wish.settings = cases[i].settings;
        wish.fresh = cases[i].fresh;
        begin(&s);
        let_rest(k, &s, "partner.test", clock_steady_ms() + cases[i].rest_ms);
        assert_int_equal(kept_take(k, &wish, 0, &reached), KEPT_OPEN);
        kept_gone(k, &wish);
        scene_end(&s);
    }
}

static void others_make_room(void **unused)
{
    (void)unused;
    OWN(kept) struct kept *k = kept_new();
    struct scene s;

    begin(&s);
    struct address elsewhere = s.peer.address;
    let_rest(k, &s, "partner.test", SOON);
    address_set_port(&elsewhere, 1);
    assert_false(kept_make_room(k, &elsewhere));
    assert_true(kept_make_room(k, &s.peer.address));
    assert_false(kept_make_room(k, &s.peer.address));
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_so_many),
        cmocka_unit_test(the_next_letter_takes_it),
        cmocka_unit_test(what_does_not_serve_is_closed),
        cmocka_unit_test(others_make_room),
    };
    return cmocka_run_group_tests_name("stages/delivery/kept", tests, make_world, free_world);
}
