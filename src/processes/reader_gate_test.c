/* Who reads what. */
#include "processes/reader_scene_test.h"
#include "requests/acts.h"

static bool find(struct place *p, const char *query, const char *reason,
                 struct reader_search_answer *answer, struct error *e)
{
    const struct reader_search_ask ask = {
        .query = slice_text(query), .limit = 10, .reason = slice_text(reason)};

    return ipc_call(p->pool, &reader_search, &ask, -1, answer, NULL, &p->arena, WITHIN, e);
}

static bool show(struct place *p, const char *reason, struct error *e)
{
    const struct reader_letter_ask ask = {.id = letter_id_slice(&p->id),
                                          .reason = slice_text(reason)};
    struct reader_show_answer answer;

    return ipc_call(p->pool, &reader_show, &ask, -1, &answer, NULL, &p->arena, WITHIN, e);
}

static void every_question_has_its_row(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < reader_table.n_rows; i++) {
        assert_non_null(permit_find(reader_table.rows[i].message));
    }
}

static void nobody_reads_without_a_reason(void **state)
{
    struct place *p = scene_place(state);
    struct reader_search_answer answer;
    struct error e;

    assert_false(find(p, "to:zoe@partner.test", "", &answer, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_non_null(strstr(e.text, "--reason"));
    assert_string_equal(scene_recorded(p), "REFUSED uid 0|search|to:zoe@partner.test|0\n");
    assert_false(show(p, " \t", &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_string_equal(scene_recorded(p), "REFUSED uid 0|show|****************|0\n");
    assert_ok(show(p, "an audit", &e), e);
}

static void who_is_nobody_reads_nothing(void **state)
{
    struct place *p = scene_place(state);
    struct reader_search_answer answer;
    struct reader_verify_ask ask = {.since = SLICE_NONE};
    struct reader_verify_answer verified;
    struct error e;

    assert_true(scene_show(p, SCENE_NOBODY));
    assert_false(find(p, "to:zoe@partner.test", "curious", &answer, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_non_null(strstr(e.text, "postern login"));
    assert_string_equal(scene_recorded(p), "REFUSED uid 0|search||0\n");
    assert_false(show(p, "curious", &e));
    assert_false(
        ipc_call(p->pool, &reader_verify, &ask, -1, &verified, NULL, &p->arena, WITHIN, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_false(scene_show(p, SCENE_OVER));
}

static void people_read_their_own_letters(void **state)
{
    struct place *p = scene_place(state);
    struct reader_search_answer answer;
    struct error e;

    assert_true(scene_show(p, SCENE_ANNA));
    assert_ok(find(p, "to:zoe@partner.test", "", &answer, &e), e);
    assert_int_equal(answer.hits.count, 1);
    assert_ok(find(p, "", "", &answer, &e), e);
    assert_int_equal(answer.hits.count, 1);
    assert_ok(find(p, "before:2020-01-01", "", &answer, &e), e);
    assert_int_equal(answer.hits.count, 1);
    assert_ok(find(p, "nothing OR to:bob@partner.test", "", &answer, &e), e);
    assert_int_equal(answer.hits.count, 1);
    assert_ok(show(p, "", &e), e);
    (void)scene_recorded(p);

    assert_true(scene_show(p, SCENE_ZOE));
    const char *const tries[] = {"to:zoe@partner.test", "", "before:2020-01-01",
                                 "to:bob@partner.test OR from:anna@example.test",
                                 "from:anna@example.test OR from:zoe@example.test"};
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        assert_ok(find(p, tries[i], "", &answer, &e), e);
        assert_int_equal(answer.hits.count, 0);
        assert_false(answer.more);
    }
    (void)scene_recorded(p);
    assert_false(show(p, "a good one", &e));
    assert_string_equal(e.text, "there is no letter with this id in the archive");
    assert_string_equal(scene_recorded(p), "REFUSED zoe@example.test|show|****************|0\n");
}

static void a_notice_belongs_to_who_sent_the_letter(void **state)
{
    struct place *p = scene_place(state);
    struct error e;

    scene_archive_notice(p);
    assert_true(scene_show(p, SCENE_ZOE));
    assert_false(show(p, "", &e));
    assert_true(scene_show(p, SCENE_ANNA));
    assert_ok(show(p, "", &e), e);
}

static void append_act(struct place *p, const char *verb)
{
    OWN(buf) struct buf body = {.max = 1 << 16};
    struct act act = {.by = SLICE("somebody"), .verb = slice_text(verb)};
    struct error e;

    cbor_write(&body, &act_schema, &act);
    const struct ledger_record record = {RECORD_ADMIN, buf_slice(&body)};
    assert_ok(ledger_append(p->ledger, &record, 1, NULL, &e), e);
    scene_archive(p, "between two acts"); /* two records more, and the catalog knows of them */
}

/* Every act once, however short the stretches are in which they are asked for. */
static void acts_are_read_from_the_end(void **state)
{
    struct place *p = scene_place(state);
    const char *const verbs[] = {"one", "two", "three", "four", "five"};
    struct error e;

    for (size_t i = 0; i < 5; i++) {
        append_act(p, verbs[i]);
    }
    for (uint64_t stretch = 0; stretch < 9; stretch++) {
        struct reader_acts_ask ask = {.stretch = stretch};
        struct reader_acts_answer answer;
        size_t left = 5;
        do {
            assert_ok(
                ipc_call(p->pool, &reader_acts, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
            const struct reader_record *acts = answer.acts.items;
            for (size_t i = answer.acts.count; i-- > 0;) {
                struct act act;
                assert_ok(cbor_read(acts[i].body, &act_schema, &p->arena, &act, &e), e);
                assert_int_not_equal(left, 0);
                left--;
                assert_slice(act.verb, verbs[left]);
            }
            ask.before = answer.next;
        } while (answer.next);
        assert_int_equal(left, 0);
    }
    assert_true(scene_show(p, SCENE_ANNA));
    const struct reader_acts_ask ask = {.stretch = 5};
    struct reader_acts_answer answer;
    assert_false(ipc_call(p->pool, &reader_acts, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_question_has_its_row),
        WITH_PLACE(nobody_reads_without_a_reason),
        WITH_PLACE(who_is_nobody_reads_nothing),
        WITH_PLACE(people_read_their_own_letters),
        WITH_PLACE(acts_are_read_from_the_end),
        WITH_PLACE(a_notice_belongs_to_who_sent_the_letter),
    };
    return cmocka_run_group_tests_name("reader_gate", tests, NULL, NULL);
}
