#include "keyring/digest.h"
#include "ledger/checkpoint.h"
#include "processes/reader_scene_test.h"

static void search_finds_what_was_just_archived(void **state)
{
    struct place *p = scene_place(state);
    const struct reader_search_ask ask = {
        .query = SLICE("to:zoe@partner.test"), .limit = 10, .reason = SLICE("test")};
    struct reader_search_answer answer;
    struct error e;

    for (size_t i = 1; i < 20;
         i++) { /* each in a transaction of its own, the reader staying open */
        assert_ok(ipc_call(p->pool, &reader_search, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e),
                  e);
        size_t shown = i < 10 ? i : 10;
        assert_int_equal(answer.hits.count, shown);
        assert_int_equal(answer.indexed, i);
        assert_int_equal(answer.archived, i);
        const struct reader_hit *hits = answer.hits.items;
        assert_int_equal(hits[0].seq, p->seq);
        assert_true(slice_equal(hits[0].id, letter_id_slice(&p->id)));
        assert_slice(hits[0].subject, i == 1 ? "Angebot" : "Noch eins");
        assert_slice(hits[0].from, "anna@example.test");
        assert_slice(hits[0].to, "bob@partner.test, zoe@partner.test");
        scene_archive(p, "Noch eins");
    }
    assert_non_null(strstr(scene_recorded(p), "uid 0|search|to:zoe@partner.test|1\n"));
}

static void search_refuses_what_it_does_not_understand(void **state)
{
    struct place *p = scene_place(state);
    struct reader_search_ask ask = {.query = SLICE("to:\""), .reason = SLICE("test")};
    struct reader_search_answer answer;
    struct error e;

    assert_false(ipc_call(p->pool, &reader_search, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_string_equal(scene_recorded(p), "");
    ask.query = SLICE_NONE; /* the newest */
    assert_ok(ipc_call(p->pool, &reader_search, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
    assert_int_equal(answer.hits.count, 1);
}

static void show_tells_everything_but_the_content(void **state)
{
    struct place *p = scene_place(state);
    struct reader_letter_ask ask = {.id = letter_id_slice(&p->id), .reason = SLICE("test")};
    struct reader_show_answer answer;
    struct facts f;
    struct error e;

    assert_ok(ipc_call(p->pool, &reader_show, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
    const struct reader_record *records = answer.records.items;
    assert_int_equal(answer.records.count, 2);
    assert_false(answer.more);
    assert_int_equal(records[0].type, RECORD_FACTS);
    assert_int_equal(records[0].seq, p->seq);
    assert_true(records[0].time > 0);
    assert_ok(cbor_read(records[0].body, &facts_schema, &p->arena, &f, &e), e);
    assert_slice(f.subject, "Angebot");
    assert_int_equal(records[1].type, RECORD_SEALED);
    assert_string_equal(scene_recorded(p), "uid 0|show|****************|2\n");
    ask.from = records[0].seq + 1;
    assert_ok(ipc_call(p->pool, &reader_show, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
    assert_int_equal(answer.records.count, 1);
}

static bool try_export(struct place *p, uint64_t copy, struct buf *out, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {0};
    OWN(fd) int fd = -1;
    const struct reader_letter_ask ask = {
        .id = letter_id_slice(&p->id), .as_sent = true, .copy = copy, .reason = SLICE("test")};
    struct reader_hit answer;

    if (!ipc_call(p->pool, &reader_export, &ask, -1, &answer, &fd, &p->arena, WITHIN, e)) {
        return false;
    }
    assert_ok(memfd_map(fd, 10000, &map, e), *e);
    buf_reset(out);
    buf_add(out, map.bytes);
    return true;
}

static void export(struct place *p, bool as_sent, struct buf *out)
{
    OWN(memfd_map) struct memfd_map map = {0};
    OWN(fd) int fd = -1;
    const struct reader_letter_ask ask = {
        .id = letter_id_slice(&p->id), .as_sent = as_sent, .reason = SLICE("test")};
    struct reader_hit answer;
    struct error e;

    assert_ok(ipc_call(p->pool, &reader_export, &ask, -1, &answer, &fd, &p->arena, WITHIN, &e), e);
    assert_ok(memfd_map(fd, 10000, &map, &e), e);
    assert_int_equal(answer.size, map.bytes.len);
    buf_reset(out);
    buf_add(out, map.bytes);
    buf_add_byte(out, '\0');
}

static void export_gives_the_bytes_submitted_and_those_sent(void **state)
{
    struct place *p = scene_place(state);
    OWN(buf) struct buf got = {.max = 10000};

    export(p, false, &got);
    assert_string_equal((const char *)got.ptr, scene_letter);
    assert_string_equal(scene_recorded(p), "uid 0|export|****************|77\n");
    export(p, true, &got);
    assert_string_equal((const char *)got.ptr, "X-Signature: none\r\nFrom: anna@example.test\r\n"
                                               "Subject: Angebot\r\n\r\nMorgen.\r\n");
    assert_string_equal(scene_recorded(p), "uid 0|export as sent|****************|73\n");
}

static void export_gives_the_copy_that_was_asked_for(void **state)
{
    struct place *p = scene_place(state);
    OWN(buf) struct buf got = {.max = 10000};
    struct error e;

    assert_ok(try_export(p, 1, &got, &e), e);
    assert_int_equal(got.len, 73);
    assert_false(try_export(p, 2, &got, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    scene_add_copy(p, 2, SCENE_HIDDEN_ZOE);
    scene_add_copy(p, 3, SCENE_HIDDEN_BOB);
    assert_false(try_export(p, 0, &got, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_non_null(strstr(e.text, "has 3 copies"));
    assert_ok(try_export(p, 1, &got, &e), e);
    assert_int_equal(got.len, 73);
    assert_ok(try_export(p, 2, &got, &e), e);
    assert_slice(buf_slice(&got), SCENE_HIDDEN_ZOE);
    assert_ok(try_export(p, 3, &got, &e), e);
    assert_slice(buf_slice(&got), SCENE_HIDDEN_BOB);
    assert_non_null(strstr(scene_recorded(p), "|export copy 3 as sent|"));
    scene_add_copy(
        p, 3,
        SCENE_HIDDEN_ZOE); /* as an altered catalog would have it: its number is another one */
    assert_false(try_export(p, 4, &got, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

static void nothing_is_read_unrecorded(void **state)
{
    struct place *p = scene_place(state);
    OWN(fd) int fd = -1;
    const struct reader_letter_ask ask = {.id = letter_id_slice(&p->id),
                                          .reason = SLICE("unrecordable")};
    struct reader_hit answer;
    struct error e;

    assert_false(ipc_call(p->pool, &reader_export, &ask, -1, &answer, &fd, &p->arena, WITHIN, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_int_equal(fd, -1);
}

static void unknown_letters_are_not_found(void **state)
{
    struct place *p = scene_place(state);
    const struct letter_id other = letter_id_new();
    struct reader_letter_ask ask = {.id = letter_id_slice(&other), .reason = SLICE("test")};
    struct reader_show_answer answer;
    struct error e;

    assert_false(ipc_call(p->pool, &reader_show, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    ask.id = SLICE("short");
    assert_false(ipc_call(p->pool, &reader_show, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
}

static void note_of(struct place *p, bool of_another, struct buf *note)
{
    static const uint8_t public[CHECKPOINT_KEY_LEN] = {1};
    static const uint8_t signed_with[CHECKPOINT_SIGNED_LEN] = {2};
    struct ledger_head head;
    struct checkpoint c = {.origin = SLICE("example.test/ledger")};

    ledger_head(p->ledger, &head);
    c.size = head.size;
    (void)memcpy(c.root, head.root, sizeof(c.root));
    c.root[0] ^= of_another ? 1 : 0;
    checkpoint_note(&c, c.origin, public, signed_with, note);
}

static void verify_holds_against_a_checkpoint_and_reports_faults(void **state)
{
    struct place *p = scene_place(state);
    OWN(buf) struct buf right = {.max = CHECKPOINT_NOTE_MAX};
    OWN(buf) struct buf wrong = {.max = CHECKPOINT_NOTE_MAX};
    struct reader_verify_ask ask = {.since = SLICE_NONE};
    struct reader_verify_answer answer;
    struct error e;

    assert_ok(ipc_call(p->pool, &reader_verify, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
    assert_int_equal(answer.faults_found, 0);
    assert_false(answer.since_checked);
    assert_int_equal(answer.root.len, LEDGER_ROOT_LEN);
    assert_non_null(strstr(scene_recorded(p), "uid 0|verify||"));
    note_of(p, false, &right);
    scene_archive(p, "Noch eins");
    ask.since = buf_slice(&right);
    assert_ok(ipc_call(p->pool, &reader_verify, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
    assert_int_equal(answer.faults_found, 0);
    assert_true(answer.since_checked);
    note_of(p, true, &wrong);
    ask.since = buf_slice(&wrong);
    assert_ok(ipc_call(p->pool, &reader_verify, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
    assert_false(answer.since_checked);
    assert_int_equal(answer.faults_found, 1);
    assert_int_equal(answer.faults.count, 1);
    ask.since = SLICE("no checkpoint");
    assert_false(ipc_call(p->pool, &reader_verify, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(search_finds_what_was_just_archived),
        WITH_PLACE(search_refuses_what_it_does_not_understand),
        WITH_PLACE(show_tells_everything_but_the_content),
        WITH_PLACE(export_gives_the_bytes_submitted_and_those_sent),
        WITH_PLACE(export_gives_the_copy_that_was_asked_for),
        WITH_PLACE(nothing_is_read_unrecorded),
        WITH_PLACE(unknown_letters_are_not_found),
        WITH_PLACE(verify_holds_against_a_checkpoint_and_reports_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
