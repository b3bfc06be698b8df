/* A letter that waits for a second person, as it is shown to him. */
#include <sqlite3.h>
#include <stdio.h>

#include "processes/reader_scene_test.h"

#define COPY "X-Signature: none\r\nFrom: anna@example.test\r\nSubject: Angebot\r\n\r\nMorgen.\r\n"

static bool ask_for_copy(struct place *p, const struct letter_id *id, uint64_t copy,
                         struct reader_waiting_answer *answer, struct buf *out, struct error *e)
{
    const struct reader_waiting_ask ask = {.id = letter_id_slice(id), .copy = copy};
    OWN(memfd_map) struct memfd_map map = {0};
    OWN(fd) int fd = -1;

    if (!ipc_call(p->pool, &reader_waiting, &ask, -1, answer, &fd, &p->arena, WITHIN, e)) {
        return false;
    }
    assert_ok(memfd_map(fd, 10000, &map, e), *e);
    assert_int_equal(answer->size, map.bytes.len);
    buf_reset(out);
    buf_add(out, map.bytes);
    return true;
}

static bool ask_for(struct place *p, const struct letter_id *id,
                    struct reader_waiting_answer *answer, struct buf *out, struct error *e)
{
    return ask_for_copy(p, id, 0, answer, out, e);
}

static void it_is_shown_as_it_would_leave(void **state)
{
    struct place *p = scene_place(state);
    OWN(buf) struct buf got = {.max = 10000};
    struct reader_waiting_answer answer;
    struct error e;

    scene_decide(p, GUARD_NONE);
    assert_false(ask_for(p, &p->id, &answer, &got, &e)); /* it does not wait for the auditor */
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_true(scene_show(p, SCENE_ANNA));
    assert_ok(ask_for(p, &p->id, &answer, &got, &e), e);
    assert_slice(buf_slice(&got), COPY);
    assert_false(answer.cut);
    assert_int_equal(answer.records.count, 3);
}

static void all_its_copies_are_shown(void **state)
{
    struct place *p = scene_place(state);
    OWN(buf) struct buf got = {.max = 10000};
    struct reader_waiting_answer answer;
    struct sealed s;
    struct error e;

    scene_add_copy(p, 2, SCENE_HIDDEN_ZOE);
    scene_add_copy(p, 3, SCENE_HIDDEN_BOB);
    scene_decide(p, GUARD_NONE);
    assert_true(scene_show(p, SCENE_BOB));
    assert_ok(ask_for(p, &p->id, &answer, &got, &e), e);
    assert_slice(buf_slice(&got), COPY); /* the one that can be read */
    assert_false(answer.submitted);
    const struct reader_record *records = answer.records.items;
    assert_int_equal(answer.records.count, 5);
    for (uint64_t copy = 1; copy <= 3; copy++) {
        assert_int_equal(records[copy + 1].type, RECORD_SEALED);
        assert_ok(cbor_read(records[copy + 1].body, &sealed_schema, &p->arena, &s, &e), e);
        assert_int_equal(s.copy, copy);
        assert_int_equal(s.method, copy == 1 ? RUNG_NONE : RUNG_SMIME);
        assert_int_equal(s.edits.count, 0);
    }
    assert_ok(ask_for_copy(p, &p->id, 3, &answer, &got, &e), e);
    assert_slice(buf_slice(&got), SCENE_HIDDEN_BOB);
    assert_false(ask_for_copy(p, &p->id, 4, &answer, &got, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_true(scene_show(p, SCENE_CARL)); /* the keeper would not send the first one */
    assert_false(ask_for(p, &p->id, &answer, &got, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

static void what_leaves_protected_for_all_is_shown_as_it_came(void **state)
{
    struct place *p = scene_place(state);
    OWN(buf) struct buf got = {.max = 10000};
    struct reader_waiting_answer answer;
    struct error e;

    scene_archive_uncopied(p, "Geheim");
    scene_add_copy(p, 1, SCENE_HIDDEN_ZOE);
    scene_add_copy(p, 2, SCENE_HIDDEN_BOB);
    scene_decide(p, GUARD_NONE);
    assert_true(scene_show(p, SCENE_CARL));
    assert_ok(ask_for(p, &p->id, &answer, &got, &e), e);
    assert_slice(buf_slice(&got), scene_letter);
    assert_true(answer.submitted);
    assert_ok(ask_for_copy(p, &p->id, 1, &answer, &got, &e), e);
    assert_slice(buf_slice(&got), SCENE_HIDDEN_ZOE);
    assert_false(answer.submitted);
}

/* The keeper would let another copy go than the catalog leads to. */
static void another_copy_is_not_shown(void **state)
{
    struct place *p = scene_place(state);
    OWN(buf) struct buf got = {.max = 10000};
    struct reader_waiting_answer answer;
    struct error e;

    scene_decide(p, GUARD_NONE);
    assert_true(scene_show(p, SCENE_ZOE));
    assert_false(ask_for(p, &p->id, &answer, &got, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

static void what_a_scanner_keeps_back_is_shown_by_its_header(void **state)
{
    struct place *p = scene_place(state);
    OWN(buf) struct buf got = {.max = 10000};
    struct reader_waiting_answer answer;
    struct error e;

    scene_decide(p, GUARD_OFFICER);
    assert_true(scene_show(p, SCENE_ANNA));
    assert_ok(ask_for(p, &p->id, &answer, &got, &e), e);
    assert_slice(buf_slice(&got),
                 "X-Signature: none\r\nFrom: anna@example.test\r\nSubject: Angebot\r\n");
    assert_true(answer.cut);
}

/* Two letters with the same bytes to others change places in the catalog: what is shown must name its own recipients. */
static void an_altered_catalog_is_not_believed(void **state)
{
    struct place *p = scene_place(state);
    OWN(buf) struct buf got = {.max = 10000};
    struct letter_id first = p->id;
    uint64_t first_seq = p->seq;
    struct reader_waiting_answer answer;
    char path[128];
    char sql[300];
    sqlite3 *db = NULL;
    struct error e;

    scene_decide(p, GUARD_NONE);
    scene_archive(p, "Angebot");
    scene_decide(p, GUARD_NONE);
    assert_true(scene_show(p, SCENE_ANNA));
    assert_ok(ask_for(p, &first, &answer, &got, &e), e);
    (void)snprintf(path, sizeof(path), "%s/catalog/catalog.db", p->folder);
    (void)snprintf(
        sql, sizeof(sql),
        "CREATE TEMP TABLE was AS SELECT seq, id FROM letters;"
        "UPDATE letters SET id = randomblob(10);"
        "UPDATE letters SET id = (SELECT id FROM was WHERE was.seq = %llu - letters.seq)",
        (unsigned long long)(first_seq + p->seq));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    assert_false(ask_for(p, &first, &answer, &got, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "another letter's record"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_shown_as_it_would_leave),
        TEST(another_copy_is_not_shown),
        TEST(all_its_copies_are_shown),
        TEST(what_leaves_protected_for_all_is_shown_as_it_came),
        TEST(what_a_scanner_keeps_back_is_shown_by_its_header),
        TEST(an_altered_catalog_is_not_believed),
    };
    return cmocka_run_group_tests_name("processes/reader_waiting", tests, NULL, NULL);
}
