#include "base/clock.h"

#include "keeper/sessions.h"
#include "tests/test.h"

static const struct account ada = {.name = SLICE_INIT("ada@example.test")};

static void begin(struct sessions *s, int64_t ends_at_ms, uint8_t handle[static AUTH_SESSION_LEN])
{
    struct error e;

    assert_true(sessions_begin(s,
                               &(struct session_start){.account = &ada,
                                                       .app = NULL,
                                                       .mechanism = SLICE("PLAIN"),
                                                       .client = SLICE("192.0.2.7"),
                                                       .desk = false,
                                                       .ends_at_ms = ends_at_ms},
                               handle, &e));
}

static bool is_open(struct sessions *s, const uint8_t *handle)
{
    OWN(arena) struct arena a = {.max = 1 << 16};
    struct session session;

    return sessions_find(s, slice_of(handle, AUTH_SESSION_LEN), &a, &session);
}

static void ends_by_handle_by_account_and_by_time(void **unused)
{
    (void)unused;
    struct sessions *s = sessions_new();
    int64_t later = clock_steady_ms() + 3600000;
    uint8_t first[AUTH_SESSION_LEN];
    uint8_t second[AUTH_SESSION_LEN];
    uint8_t over[AUTH_SESSION_LEN];

    begin(s, later, first);
    begin(s, later, second);
    begin(s, clock_steady_ms(), over);
    assert_true(is_open(s, first) && is_open(s, second));
    assert_false(is_open(s, over));
    assert_int_equal(sessions_count(s), 2);
    sessions_end(s, slice_of(first, sizeof(first)));
    assert_false(is_open(s, first));
    assert_true(is_open(s, second));
    sessions_end_account(s, ada.name);
    assert_false(is_open(s, second));
    sessions_free(s);
}

static void people_see_them_and_end_one(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct sessions *s = sessions_new();
    int64_t later = clock_steady_ms() + 3600000;
    uint8_t first[AUTH_SESSION_LEN];
    uint8_t second[AUTH_SESSION_LEN];
    uint8_t over[AUTH_SESSION_LEN];
    struct session_seen seen[3];

    begin(s, later, first);
    begin(s, later, second);
    begin(s, clock_steady_ms(), over);
    assert_int_equal(sessions_list(s, SLICE_NONE, &arena, seen, 1), 2);
    assert_int_equal(sessions_list(s, SLICE("bob@example.test"), &arena, seen, 3), 0);
    assert_int_equal(sessions_list(s, ada.name, &arena, seen, 3), 2);
    assert_slice(seen[0].session.client, "192.0.2.7");
    assert_true(seen[0].session.since > 0 && seen[0].ends_at_ms == later);
    assert_int_equal(seen[0].id.len, SESSION_ID_LEN);
    assert_false(slice_equal(seen[0].id, seen[1].id));
    assert_false(sessions_end_id(s, ada.name, SLICE("none")));
    assert_false(sessions_end_id(s, SLICE("bob@example.test"), seen[0].id));
    assert_true(sessions_end_id(s, ada.name, seen[0].id));
    assert_false(sessions_end_id(s, ada.name, seen[0].id));
    assert_int_equal(is_open(s, first) + is_open(s, second), 1);
    sessions_free(s);
}

/* A submission process that died, or never says that a client has left, takes nobody's place for
 * longer than a session may last. */
static void what_nobody_ended_leaves_its_place(void **unused)
{
    (void)unused;
    struct sessions *s = sessions_new();
    int64_t later = clock_steady_ms() + 3600000;
    uint8_t handle[AUTH_SESSION_LEN];
    struct error e;

    for (size_t i = 0; i < SESSIONS_MAX - 1; i++) {
        begin(s, clock_steady_ms(), handle);
    }
    begin(s, later, handle);
    for (size_t i = 0; i < SESSIONS_MAX - 1; i++) {
        uint8_t another[AUTH_SESSION_LEN];
        begin(s, later, another);
    }
    assert_int_equal(sessions_count(s), SESSIONS_MAX);
    assert_true(is_open(s, handle));
    assert_false(sessions_begin(s,
                                &(struct session_start){.account = &ada,
                                                        .app = NULL,
                                                        .mechanism = SLICE("PLAIN"),
                                                        .client = SLICE("192.0.2.7"),
                                                        .desk = false,
                                                        .ends_at_ms = later},
                                handle, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    sessions_free(s);
}

static void a_desk_is_told_from_a_client(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 16};
    struct sessions *s = sessions_new();
    int64_t later = clock_steady_ms() + 3600000;
    uint8_t client[AUTH_SESSION_LEN];
    uint8_t desk[AUTH_SESSION_LEN];
    struct session session;
    struct error e;

    begin(s, later, client);
    assert_true(sessions_begin(s,
                               &(struct session_start){.account = &ada,
                                                       .app = NULL,
                                                       .mechanism = SLICE("postern login"),
                                                       .client = SLICE("192.0.2.7"),
                                                       .desk = true,
                                                       .ends_at_ms = later},
                               desk, &e));
    assert_true(sessions_find(s, slice_of(client, AUTH_SESSION_LEN), &a, &session));
    assert_false(session.desk);
    assert_true(sessions_find(s, slice_of(desk, AUTH_SESSION_LEN), &a, &session));
    assert_true(session.desk);
    sessions_free(s);
}

/* What is remembered is no pass, and opens the desk again for whoever shows the pass. */
static void a_desk_is_resumed(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct sessions *before = sessions_new();
    struct sessions *after = sessions_new();
    int64_t later = clock_steady_ms() + 3600000;
    uint8_t client[AUTH_SESSION_LEN];
    uint8_t desk[AUTH_SESSION_LEN];
    uint8_t over[AUTH_SESSION_LEN];
    struct desk_session found[4];
    struct session session;
    struct error e;

    begin(before, later, client);
    assert_true(sessions_begin(before,
                               &(struct session_start){.account = &ada,
                                                       .app = NULL,
                                                       .mechanism = SLICE("postern login"),
                                                       .client = SLICE("192.0.2.7"),
                                                       .desk = true,
                                                       .ends_at_ms = later},
                               desk, &e));
    assert_true(sessions_begin(before,
                               &(struct session_start){.account = &ada,
                                                       .app = NULL,
                                                       .mechanism = SLICE("postern login"),
                                                       .client = SLICE("192.0.2.7"),
                                                       .desk = true,
                                                       .ends_at_ms = clock_steady_ms()},
                               over, &e));
    assert_int_equal(sessions_desks(before, &a, found, 4), 1);
    assert_memory_not_equal(found[0].hash, desk, sizeof(desk));
    assert_int_equal(found[0].ends_at_ms, later);
    assert_true(sessions_resume(after, &ada, SLICE("postern login"), &found[0], &e));
    assert_true(sessions_find(after, slice_of(desk, AUTH_SESSION_LEN), &a, &session));
    assert_true(session.desk && slice_equal(session.account, ada.name));
    assert_false(is_open(after, client) || is_open(after, found[0].hash));
    sessions_end(after, slice_of(desk, AUTH_SESSION_LEN));
    assert_int_equal(sessions_desks(after, &a, found, 4), 0);
    sessions_free(before);
    sessions_free(after);
}

static void an_app_password_narrows_its_session_and_ends_it(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 16};
    struct slice also[] = {SLICE_INIT("sales@example.test"), SLICE_INIT("press@example.test")};
    struct slice only[] = {SLICE_INIT("press@example.test"), SLICE_INIT("lost@example.test")};
    struct slice domains[] = {SLICE_INIT("partner.test")};
    const struct account eve = {
        .name = SLICE("eve@example.test"), .addresses = {also, 2}
    };
    const struct app_password app = {
        .id = SLICE("abcdefgh"),
        .name = SLICE("scanner"),
        .addresses = {only,    2},
        .domains = {domains, 1}
    };
    struct sessions *s = sessions_new();
    int64_t later = clock_steady_ms() + 3600000;
    uint8_t narrow[AUTH_SESSION_LEN];
    uint8_t wide[AUTH_SESSION_LEN];
    struct session session;
    struct error e;

    assert_true(sessions_begin(s,
                               &(struct session_start){.account = &eve,
                                                       .app = &app,
                                                       .mechanism = SLICE("PLAIN"),
                                                       .client = SLICE("192.0.2.7"),
                                                       .desk = false,
                                                       .ends_at_ms = later},
                               narrow, &e));
    assert_true(sessions_begin(s,
                               &(struct session_start){.account = &eve,
                                                       .app = NULL,
                                                       .mechanism = SLICE("PLAIN"),
                                                       .client = SLICE("192.0.2.7"),
                                                       .desk = false,
                                                       .ends_at_ms = later},
                               wide, &e));
    assert_true(sessions_find(s, slice_of(narrow, AUTH_SESSION_LEN), &a, &session));
    assert_true(slice_equal(session.app, app.id) && slice_equal(session.app_name, app.name));
    assert_true(session.app_addresses && session.n_addresses == 1 && session.domains.count == 1);
    assert_true(slice_equal(session.addresses[0], only[0])); /* not what the account lost */
    assert_true(sessions_find(s, slice_of(wide, AUTH_SESSION_LEN), &a, &session));
    assert_true(session.n_addresses == 3 && !session.app.len && !session.app_addresses);
    sessions_end_app(s, ada.name, app.id);
    sessions_end_app(s, eve.name, SLICE("hgfedcba"));
    assert_true(is_open(s, narrow));
    sessions_end_app(s, eve.name, app.id);
    assert_false(is_open(s, narrow));
    assert_true(is_open(s, wide));
    sessions_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_see_them_and_end_one),
        cmocka_unit_test(ends_by_handle_by_account_and_by_time),
        cmocka_unit_test(a_desk_is_told_from_a_client),
        cmocka_unit_test(what_nobody_ended_leaves_its_place),
        cmocka_unit_test(a_desk_is_resumed),
        cmocka_unit_test(an_app_password_narrows_its_session_and_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
