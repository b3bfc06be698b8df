/* Sign-ins of accounts whose password is a directory's. */
#include "processes/auth_scene_test.h"
#include "requests/directory.h"

static struct directory_settings office = {.name = SLICE_INIT("office")};

/* The settings have a directory, and Anna is one of its people. */
static void with_directory(uint64_t says)
{
    scene_settings.directories = (struct config_list){&office, 1};
    scene.directory_says = says;
}

static int finish(void **state)
{
    scene_settings.directories = (struct config_list){NULL, 0};
    return scene_finish(state);
}

#define OFFICE_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_begin, finish)

static void the_directory_says_whether_it_is_right(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    with_directory(DIRECTORY_RIGHT);
    assert_int_equal(scene_sign_in(ANNA, WRONG, OFFICE, &delay), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "wrong password");
    assert_true(scene.directory_knew);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
    assert_int_equal(scene.sessions, 1);
    assert_int_equal(scene.directory_asked, 2);
}

static void what_was_right_is_remembered(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    with_directory(DIRECTORY_RIGHT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
    }
    assert_int_equal(scene.directory_asked, 1);
    scene.disabled = true; /* closed here meanwhile: nothing is remembered for it */
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "closed account");
    assert_false(scene.directory_knew);
}

static void an_empty_password_is_nobodys(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    with_directory(DIRECTORY_RIGHT);
    assert_int_equal(scene_sign_in(ANNA, SLICE_NONE, OFFICE, &delay), LOGIN_REFUSED);
    assert_false(scene.directory_knew);
}

static void a_server_that_is_away_is_no_refusal_and_no_failure(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    with_directory(DIRECTORY_AWAY);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_BUSY);
    assert_int_equal(scene_sign_in(BERT, RIGHT, OFFICE, &delay), LOGIN_BUSY); /* nobody */
    assert_int_equal(scene.failures, 0);
    assert_int_equal(scene.sessions, 0);
}

static void one_that_hangs_is_not_asked_again_at_once(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    with_directory(DIRECTORY_AWAY);
    scene.directory_us = 1100000;
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_BUSY);
    scene.directory_says = DIRECTORY_RIGHT;
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_BUSY);
    assert_int_equal(scene_sign_in(BERT, RIGHT, OFFICE, &delay), LOGIN_BUSY); /* nobody */
    assert_int_equal(scene.directory_asked, 1);
    scene_password(RIGHT);
    scene.directory_says = 0; /* Anna's is a password of ours */
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
}

static void who_is_locked_there_does_not_come_in(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    with_directory(DIRECTORY_CLOSED);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "the directory has locked the account");
}

static void a_name_that_nobody_has_costs_a_question_too(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    with_directory(DIRECTORY_RIGHT);
    assert_int_equal(scene_sign_in(SLICE("*)(uid=*"), RIGHT, OFFICE, &delay), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "unknown account");
    assert_int_equal(scene.directory_asked, 1);
    assert_false(scene.directory_knew);
}

static void failures_count_as_for_everybody(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    with_directory(DIRECTORY_RIGHT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scene_sign_in(ANNA, WRONG, OFFICE, &delay), LOGIN_REFUSED);
        assert_in_range(delay, 1, 4000);
    }
    assert_int_equal(scene.failures, 3);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_BLOCKED);
    assert_int_equal(scene.directory_asked, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OFFICE_SCENE(the_directory_says_whether_it_is_right),
        OFFICE_SCENE(what_was_right_is_remembered),
        OFFICE_SCENE(an_empty_password_is_nobodys),
        OFFICE_SCENE(a_server_that_is_away_is_no_refusal_and_no_failure),
        OFFICE_SCENE(one_that_hangs_is_not_asked_again_at_once),
        OFFICE_SCENE(who_is_locked_there_does_not_come_in),
        OFFICE_SCENE(a_name_that_nobody_has_costs_a_question_too),
        OFFICE_SCENE(failures_count_as_for_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
