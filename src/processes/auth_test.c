#include <stdio.h>
#include <string.h>

#include "keyring/keyring.h"
#include "processes/auth_memory.h"
#include "processes/auth_scene_test.h"
#include "processes/auth_slots.h"
#include "processes/auth_throttle.h"
#include "processes/auth_verifier.h"
#include "tests/test.h"

/* ── verifiers ── */

static void a_verifier_opens_with_its_password_and_account_alone(void **unused)
{
    (void)unused;
    struct error e;
    OWN(secret) struct secret *seal = keyring_random();
    OWN(secret) struct secret *other_seal = keyring_random();
    OWN(verifiers) struct verifiers *v = verifiers_new(seal, &e);
    OWN(verifiers) struct verifiers *other = verifiers_new(other_seal, &e);
    OWN(buf) struct buf sealed = {.max = AUTH_VERIFIER_MAX};

    assert_ok(verifier_make(v, ANNA, RIGHT, NULL, &sealed, &e), e);
    struct slice s = buf_slice(&sealed);
    assert_int_equal(verifier_check(v, ANNA, s, RIGHT), VERIFIER_RIGHT);
    assert_int_equal(verifier_check(v, ANNA, s, WRONG), VERIFIER_WRONG);
    assert_int_equal(verifier_check(v, ANNA, s, SLICE_NONE), VERIFIER_WRONG);
    assert_int_equal(verifier_check(v, ANNA, SLICE_NONE, RIGHT), VERIFIER_WRONG);
    assert_int_equal(verifier_check(v, BERT, s, RIGHT), VERIFIER_UNREADABLE);
    assert_int_equal(verifier_check(other, ANNA, s, RIGHT), VERIFIER_UNREADABLE);
    assert_null(memmem(s.ptr, s.len, "argon2", 6)); /* sealed, so nothing to guess against */
}

static void passwords_may_hold_any_byte_but_not_be_empty(void **unused)
{
    (void)unused;
    struct error e;
    static const uint8_t odd[] = {'a', 0, 0xff, '\n', 'b'};
    uint8_t cut[sizeof(odd)];
    uint8_t long_one[AUTH_PASSWORD_MAX + 1] = {1};
    OWN(secret) struct secret *seal = keyring_random();
    OWN(verifiers) struct verifiers *v = verifiers_new(seal, &e);
    OWN(buf) struct buf sealed = {.max = AUTH_VERIFIER_MAX};

    assert_ok(verifier_make(v, ANNA, SLICE_ARRAY(odd), NULL, &sealed, &e), e);
    memcpy(cut, odd, sizeof(odd));
    cut[4] = 'c'; /* behind the NUL */
    assert_int_equal(verifier_check(v, ANNA, buf_slice(&sealed), SLICE_ARRAY(odd)), VERIFIER_RIGHT);
    assert_int_equal(verifier_check(v, ANNA, buf_slice(&sealed), SLICE_ARRAY(cut)), VERIFIER_WRONG);
    assert_false(verifier_make(v, ANNA, SLICE_NONE, NULL, &sealed, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_false(verifier_make(v, ANNA, SLICE_ARRAY(long_one), NULL, &sealed, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
}

/* ── memory ── */

static void what_was_right_is_known_for_its_time(void **unused)
{
    (void)unused;
    OWN(auth_memory) struct auth_memory *m = auth_memory_new();
    OWN(auth_memory) struct auth_memory *other = auth_memory_new();
    struct slice v1 = SLICE("verifier 1");

    assert_false(auth_memory_knows(m, ANNA, v1, RIGHT, 0));
    auth_memory_add(m, ANNA, v1, RIGHT, 0, 5 * MINUTE);
    assert_true(auth_memory_knows(m, ANNA, v1, RIGHT, 5 * MINUTE - 1));
    assert_false(auth_memory_knows(m, ANNA, v1, RIGHT, 5 * MINUTE));
    assert_false(auth_memory_knows(m, ANNA, v1, WRONG, 1));
    assert_false(auth_memory_knows(m, BERT, v1, RIGHT, 1));
    assert_false(auth_memory_knows(m, ANNA, SLICE("verifier 2"), RIGHT, 1)); /* changed */
    assert_false(auth_memory_knows(other, ANNA, v1, RIGHT, 1));
    auth_memory_add(m, BERT, v1, RIGHT, 0, 0); /* `auth-remember = 0s` */
    assert_false(auth_memory_knows(m, BERT, v1, RIGHT, 0));
}

static void memory_is_bounded_and_recent_ones_stay(void **unused)
{
    (void)unused;
    OWN(auth_memory) struct auth_memory *m = auth_memory_new();
    char name[32];
    size_t known = 0;

    for (int i = 0; i < 40000; i++) {
        int n = snprintf(name, sizeof(name), "user%d", i);
        auth_memory_add(m, slice_of(name, (size_t)n), SLICE("v"), RIGHT, i, i + 5 * MINUTE);
        assert_true(auth_memory_knows(m, slice_of(name, (size_t)n), SLICE("v"), RIGHT, i));
    }
    for (int i = 0; i < 40000; i++) {
        int n = snprintf(name, sizeof(name), "user%d", i);
        known += auth_memory_knows(m, slice_of(name, (size_t)n), SLICE("v"), RIGHT, 1) ? 1 : 0;
    }
    assert_in_range(known, 7000, 8192);
}

/* ── throttle ── */

static int64_t fail_at(struct auth_throttle *t, struct slice who, struct slice from, int64_t at)
{
    bool blocked = false;
    return auth_throttle_failed(t, &scene_settings.auth, who, from, at, &blocked);
}

static void failures_delay_then_block_then_are_forgotten(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();
    bool blocked = true;

    assert_int_equal(fail_at(t, ANNA, OFFICE, 0), 1000);
    assert_int_equal(fail_at(t, ANNA, OFFICE, 1), 2000);
    assert_true(auth_throttle_allows(t, ANNA, OFFICE, 2));
    assert_int_equal(auth_throttle_failed(t, &scene_settings.auth, ANNA, OFFICE, 2, &blocked),
                     4000);
    assert_true(blocked);
    assert_false(auth_throttle_allows(t, ANNA, OFFICE, 3));
    assert_false(auth_throttle_allows(t, ANNA, CAFE, 3));   /* the account */
    assert_false(auth_throttle_allows(t, BERT, OFFICE, 3)); /* the address */
    assert_true(auth_throttle_allows(t, BERT, CAFE, 3));
    assert_false(auth_throttle_allows(t, ANNA, OFFICE, 15 * MINUTE));
    assert_true(auth_throttle_allows(t, ANNA, OFFICE, 15 * MINUTE + 2));
    assert_int_equal(fail_at(t, ANNA, OFFICE, 15 * MINUTE + 3), 1000); /* begins anew */
}

static void failures_far_apart_do_not_add_up(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();

    for (int64_t i = 0; i < 20; i++) {
        assert_int_equal(fail_at(t, ANNA, OFFICE, i * 11 * MINUTE), 1000);
        assert_true(auth_throttle_allows(t, ANNA, OFFICE, i * 11 * MINUTE + 1));
    }
}

static void the_delay_has_an_end(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();
    int64_t delay = 0;

    for (int i = 0; i < 100; i++) {
        delay = fail_at(t, ANNA, OFFICE, 1);
    }
    assert_int_equal(delay, AUTH_THROTTLE_DELAY_MAX_MS);
}

static void a_neighbour_in_the_same_64_shares_the_block(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();

    for (int i = 0; i < 3; i++) {
        (void)fail_at(t, ANNA, i ? SLICE("2001:db8:0:1::5") : SLICE("2001:db8:0:1:ffff::"), 0);
    }
    assert_false(auth_throttle_allows(t, BERT, SLICE("2001:db8:0:1::77"), 1));
    assert_true(auth_throttle_allows(t, BERT, SLICE("2001:db8:0:2::5"), 1));
    for (int i = 0; i < 3; i++) {
        (void)fail_at(t, SLICE("nobody"), SLICE("::ffff:203.0.113.5"), 0);
    }
    assert_false(auth_throttle_allows(t, BERT, SLICE("203.0.113.5"), 1));
    assert_true(auth_throttle_allows(t, BERT, SLICE("203.0.113.6"), 1));
}

static void a_stranger_locks_nobody_out_of_his_desk(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();

    auth_throttle_succeeded(t, ANNA, OFFICE, 0);
    for (int i = 0; i < 50; i++) {
        (void)fail_at(t, ANNA, CAFE, 1);   /* a stranger tries her name */
        (void)fail_at(t, BERT, OFFICE, 1); /* a colleague's telephone */
    }
    assert_true(auth_throttle_allows(t, ANNA, OFFICE, 2));
    assert_false(auth_throttle_allows(t, ANNA, CAFE, 2));
    assert_false(auth_throttle_allows(t, BERT, OFFICE, 2));
    for (int i = 0; i < 3; i++) {
        (void)fail_at(t, ANNA, OFFICE, 3); /* but there is no guessing from there either */
    }
    assert_false(auth_throttle_allows(t, ANNA, OFFICE, 4));
}

/* So many guesses from somewhere while nobody may try: each another password. */
static void guess_at(struct auth_throttle *t, struct slice who, struct slice from, int64_t at)
{
    for (int i = 0; i < 4; i++) { /* of the first it is not known yet that it is one */
        auth_throttle_knocked(t, &scene_settings.auth, who, from, slice_of(&"abcd"[i], 1), at);
    }
}

static int64_t closed_at(struct auth_throttle *t, struct slice from, int64_t at)
{
    return auth_throttle_closed(t, &scene_settings.auth, from, at);
}

/* Whoever goes on while the account is blocked loses his address, each time for longer; and what nobody guesses is shown all
 * the while. */
static void who_goes_on_guessing_loses_his_address(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();
    const struct slice elsewhere = SLICE("192.0.2.77");
    int64_t now = 0;

    for (int64_t n = 1; n <= 32; n *= 2) {
        for (int i = 0; i < 3; i++) {
            (void)fail_at(t, ANNA, OFFICE, now);
        }
        assert_false(auth_throttle_allows(t, ANNA, CAFE, now));
        assert_int_equal(closed_at(t, CAFE, now), 0); /* he is told why not */
        guess_at(t, ANNA, CAFE, now);
        int64_t closed = (n < 16 ? n : 16) * 15 * MINUTE;
        assert_int_equal(closed_at(t, CAFE, now), closed);
        assert_int_equal(closed_at(t, OFFICE, now), 0);
        assert_false(auth_throttle_allows_unguessable(t, ANNA, CAFE, now));
        assert_false(auth_throttle_allows_unguessable(t, ANNA, OFFICE, now));
        assert_true(auth_throttle_allows_unguessable(t, ANNA, elsewhere, now));
        assert_false(auth_throttle_allows(t, ANNA, elsewhere, now));
        now += closed + 1;
        assert_true(auth_throttle_allows(t, ANNA, elsewhere, now)); /* its holder */
        assert_true(auth_throttle_allows(t, BERT, CAFE, now));
    }
    now += 17 * 16 * MINUTE; /* quiet for as long again: as if nothing had been */
    assert_true(auth_throttle_allows(t, BERT, CAFE, now));
    guess_at(t, BERT, CAFE, now);
    assert_int_equal(closed_at(t, CAFE, now), 15 * MINUTE);
}

/* Programs that say what they always said close nothing, however many, and wherever somebody is at home nothing does. */
static void who_only_says_the_same_again_closes_nothing(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();
    const struct auth_settings *settings = &scene_settings.auth;
    char name[32];

    for (int i = 0; i < 100; i++) {
        int n = snprintf(name, sizeof(name), "n%d", i % 20);
        const struct slice who = slice_of(name, (size_t)n);
        auth_throttle_knocked(t, settings, who, CAFE, who, 1);
        auth_throttle_knocked(t, settings, who, CAFE, SLICE_NONE, 1); /* it is not known which */
    }
    assert_int_equal(closed_at(t, CAFE, 2), 0);
    assert_true(auth_throttle_allows(t, SLICE("carl"), CAFE, 2));
    auth_throttle_succeeded(t, ANNA, OFFICE, 0);
    guess_at(t, BERT, OFFICE, 1);
    guess_at(t, BERT, SLICE("uid 1000"), 1);
    assert_int_equal(closed_at(t, OFFICE, 2) + closed_at(t, SLICE("uid 1000"), 2), 0);
    assert_true(auth_throttle_allows(t, SLICE("carl"), OFFICE, 2)); /* somebody new there */
    assert_true(auth_throttle_allows(t, SLICE("carl"), SLICE("uid 1000"), 2));
}

/* Neither does whoever has many addresses have it forgotten where somebody is at home. */
static void a_flood_of_guesses_does_not_push_out_who_is_known(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();
    char from[48];

    auth_throttle_succeeded(t, ANNA, OFFICE, 0);
    for (int i = 0; i < 60000; i++) {
        int n = snprintf(from, sizeof(from), "2001:db8:%x::1", i);
        guess_at(t, BERT, slice_of(from, (size_t)n), 1);
    }
    guess_at(t, BERT, OFFICE, 2);
    assert_int_equal(closed_at(t, OFFICE, 2), 0);
}

static void success_elsewhere_washes_nobody_clean(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();

    (void)fail_at(t, ANNA, CAFE, 0);
    (void)fail_at(t, ANNA, CAFE, 0);
    auth_throttle_succeeded(t, ANNA, OFFICE, 1); /* the holder at work */
    auth_throttle_succeeded(t, BERT, CAFE, 1);   /* the attacker's own account */
    (void)fail_at(t, ANNA, CAFE, 2);
    assert_false(auth_throttle_allows(t, ANNA, CAFE, 3));
}

static void a_flood_of_names_does_not_push_out_a_block(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();
    char name[32];
    char from[32];

    for (int i = 0; i < 3; i++) {
        (void)fail_at(t, ANNA, CAFE, 0);
    }
    for (int i = 0; i < 60000; i++) {
        int n = snprintf(name, sizeof(name), "n%d", i);
        int f = snprintf(from, sizeof(from), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        (void)fail_at(t, slice_of(name, (size_t)n), slice_of(from, (size_t)f), 1);
    }
    assert_false(auth_throttle_allows(t, ANNA, OFFICE, 2));
    assert_false(auth_throttle_allows(t, BERT, CAFE, 2));
}

/* ── slots ── */

static void slots_are_counted_and_the_queue_is_bounded(void **unused)
{
    (void)unused;
    struct auth_slots s;

    auth_slots_init(&s, 1, 0);
    assert_true(auth_slots_take(&s, 0));
    assert_false(auth_slots_take(&s, WITHIN)); /* at once: nobody may wait */
    auth_slots_give(&s);
    assert_true(auth_slots_take(&s, 0));
    auth_slots_init(&s, 0, 1);
    assert_false(auth_slots_take(&s, 20)); /* the time is over */
    assert_int_equal(s.waiting, 0);
}

/* ── the whole, with a keeper that knows Anna ── */

static void the_right_password_opens_a_session(void **unused)
{
    (void)unused;
    uint64_t delay = 1;

    scene_password(RIGHT);
    assert_int_equal(scene_sign_in(SLICE("Anna@Example.TEST"), RIGHT, OFFICE, &delay),
                     LOGIN_ACCEPTED);
    assert_int_equal(delay, 0);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED); /* remembered */
    assert_int_equal(scene.sessions, 2);
    scene_password(OTHER);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_REFUSED); /* forgotten */
    assert_int_equal(scene_sign_in(ANNA, OTHER, OFFICE, &delay), LOGIN_ACCEPTED);
    scene.disabled = true;
    assert_int_equal(scene_sign_in(ANNA, OTHER, OFFICE, &delay), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "closed account");
}

static void refusals_look_alike_and_end_in_a_block(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    scene_password(RIGHT);
    assert_int_equal(scene_sign_in(ANNA, WRONG, CAFE, &delay), LOGIN_REFUSED);
    assert_int_equal(delay, 1000);
    assert_true(scene.last_had_account);
    assert_int_equal(scene_sign_in(SLICE("my-password!"), WRONG, OFFICE, &delay), LOGIN_REFUSED);
    assert_int_equal(delay, 1000);
    assert_false(scene.last_had_account); /* a mistyped user name may be a password */
    assert_int_equal(scene_sign_in(ANNA, WRONG, CAFE, &delay), LOGIN_REFUSED);
    assert_int_equal(delay, 2000);
    assert_int_equal(scene_sign_in(ANNA, WRONG, CAFE, &delay), LOGIN_REFUSED);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, CAFE, &delay), LOGIN_BLOCKED);
    assert_int_equal(scene.failures, 4);
    assert_int_equal(scene.sessions, 0);
}

static void a_channel_may_ask_only_its_own_questions(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct auth_verifier_ask ask = {.account = ANNA, .password = RIGHT};
    struct auth_verifier_answer answer;
    struct error e;

    assert_false(
        ipc_call(scene.submission, &auth_verifier, &ask, -1, &answer, NULL, &arena, WITHIN, &e));
}

/* An auth whose present key is another than the keeper's says neither that something is to be done nor that nothing is. */
static void of_another_generation_nothing_is_said(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct auth_renew_ask ask = {.account = ANNA};
    struct auth_factor_renew_ask factor = {.account = ANNA, .label = SLICE("recovery")};
    struct auth_recovery_answer made;
    struct auth_verifier_answer renewed;
    struct auth_sealed_answer resealed;
    const struct auth_account_ask whose = {ANNA};
    struct error e;

    scene_password(RIGHT);
    assert_ok(
        ipc_call(scene.admin, &auth_recovery_new, &whose, -1, &made, NULL, &arena, WITHIN, &e), e);
    ask.verifier = scene.verifier;
    factor.sealed = made.sealed;
    for (uint64_t g = SCENE_GENERATION - 1; g <= SCENE_GENERATION + 1; g++) {
        ask.generation = factor.generation = g;
        bool ok = g == SCENE_GENERATION;
        assert_true(
            ipc_call(scene.admin, &auth_renew, &ask, -1, &renewed, NULL, &arena, WITHIN, &e) == ok);
        assert_true(ok ? renewed.verifier.len == 0 : e.kind == ERROR_BUSY);
        assert_true(ipc_call(scene.admin, &auth_factor_renew, &factor, -1, &resealed, NULL, &arena,
                             WITHIN, &e) == ok);
        assert_true(ok ? resealed.sealed.len == 0 : e.kind == ERROR_BUSY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verifier_opens_with_its_password_and_account_alone),
        cmocka_unit_test(passwords_may_hold_any_byte_but_not_be_empty),
        cmocka_unit_test(what_was_right_is_known_for_its_time),
        cmocka_unit_test(memory_is_bounded_and_recent_ones_stay),
        cmocka_unit_test(failures_delay_then_block_then_are_forgotten),
        cmocka_unit_test(failures_far_apart_do_not_add_up),
        cmocka_unit_test(the_delay_has_an_end),
        cmocka_unit_test(a_neighbour_in_the_same_64_shares_the_block),
        cmocka_unit_test(a_stranger_locks_nobody_out_of_his_desk),
        cmocka_unit_test(who_goes_on_guessing_loses_his_address),
        cmocka_unit_test(who_only_says_the_same_again_closes_nothing),
        cmocka_unit_test(a_flood_of_guesses_does_not_push_out_who_is_known),
        cmocka_unit_test(success_elsewhere_washes_nobody_clean),
        cmocka_unit_test(a_flood_of_names_does_not_push_out_a_block),
        cmocka_unit_test(slots_are_counted_and_the_queue_is_bounded),
        SCENE(the_right_password_opens_a_session),
        SCENE(refusals_look_alike_and_end_in_a_block),
        SCENE(of_another_generation_nothing_is_said),
        SCENE(a_channel_may_ask_only_its_own_questions),
    };
    return cmocka_run_group_tests_name("processes/auth", tests, NULL, NULL);
}
