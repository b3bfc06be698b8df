#include <fcntl.h>
#include <grp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#include "catalog/catalog.h"
#include "letter/redecision.h"
#include "letter/removal.h"
#include "tests/test.h"

/* One letter's life told in records; each test folds a part of it. */
struct story {
    char path[64];
    struct catalog *catalog;
    struct arena arena;
    struct letter_id id;
    uint64_t seq;
};

static const uint8_t key[CATALOG_KEY_LEN] = "a key for the tests of catalogs";

static int begin_story(void **state)
{
    struct story *s = calloc(1, sizeof(*s));
    struct error e;

    arena_init(&s->arena, 16 << 20);
    (void)snprintf(s->path, sizeof(s->path), "/tmp/catalog_test_%d.db", (int)getpid());
    (void)unlink(s->path);
    s->id = letter_id_new();
    assert_ok(catalog_open(s->path, true, slice_of(key, sizeof(key)), &s->catalog, &e), e);
    *state = s;
    return 0;
}

static int end_story(void **state)
{
    struct story *s = *state;

    catalog_close(s->catalog);
    (void)unlink(s->path);
    arena_done(&s->arena);
    free(s);
    return 0;
}

static bool tell(struct story *s, uint16_t type, const struct cbor_schema *schema,
                 const void *value, struct error *e)
{
    OWN(buf) struct buf body = {.max = 65536};
    struct ledger_entry entry = {
        .ref = {.seq = s->seq, .segment = 1, .offset = 100 * s->seq},
        .type = type,
        .time_ms = 1000
    };

    if (schema) {
        cbor_write(&body, schema, value);
        entry.body = arena_copy(&s->arena, buf_slice(&body));
    }
    s->seq++;
    return catalog_apply(s->catalog, &entry, &s->arena, e);
}

static void tell_ok(struct story *s, uint16_t type, const struct cbor_schema *schema,
                    const void *value)
{
    struct error e;
    assert_ok(tell(s, type, schema, value, &e), e);
}

static struct ledger_position next_of(const struct story *s)
{
    return (struct ledger_position){.seq = s->seq, .segment = 1, .offset = 100 * s->seq};
}

static void submit(struct story *s)
{
    static const uint8_t digest[32] = {7};
    struct recipient to[] = {{.address = SLICE_INIT("a@one.test")},
                             {.address = SLICE_INIT("b@one.test")},
                             {.address = SLICE_INIT("c@two.test")}};
    struct facts f = {
        .id = letter_id_slice(&s->id),
        .kind = LETTER_SUBMITTED,
        .received_at = 1000,
        .size = 42,
        .recipients = {to, 3},
        .digest = slice_of(digest, 32)
    };

    tell_ok(s, RECORD_FACTS, &facts_schema, &f);
    tell_ok(s, RECORD_CONTENT, NULL, NULL);
}

static void decide(struct story *s)
{
    struct ruling rulings[] = {
        {.domain = SLICE_INIT("one.test"),
         .recipients = SLICE_INIT("\0\0\0\1"),
         .level = LEVEL_ENCRYPTED,
         .reason = SLICE_INIT("default")},
        { .domain = SLICE_INIT("two.test"),
         .recipients = SLICE_INIT("\0\2"),
         .level = LEVEL_VERIFIED,
         .reason = SLICE_INIT("postern.conf"),
         .hold = true}
    };
    struct decision d = {
        .id = letter_id_slice(&s->id), .rulings = {rulings, 2}
    };

    tell_ok(s, RECORD_DECISION, &decision_schema, &d);
}

static void end(struct story *s, uint64_t index, uint64_t status, uint64_t retry_at)
{
    struct recipient_outcome r = {.index = index, .address = SLICE("a@one.test"), .status = status};
    struct outcome o = {
        .id = letter_id_slice(&s->id),
        .ruling = 0,
        .attempt = 1,
        .domain = SLICE("one.test"),
        .recipients = {&r, 1},
        .retry_at = retry_at
    };

    tell_ok(s, RECORD_OUTCOME, &outcome_schema, &o);
}

static struct catalog_queue_row *queue(struct story *s, size_t *count)
{
    struct catalog_queue_row *rows = NULL;
    struct error e;

    assert_ok(catalog_queue(s->catalog, &s->arena, &rows, count, &e), e);
    return rows;
}

static void a_letter_is_queued_by_ruling(void **state)
{
    struct story *s = *state;
    size_t count = 0;

    submit(s);
    (void)queue(s, &count);
    assert_int_equal(count, 0);
    decide(s);
    struct catalog_queue_row *rows = queue(s, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].state, QUEUE_WAITING);
    assert_int_equal(rows[0].pending.len, 4);
    assert_int_equal(rows[1].state, QUEUE_HELD);
    assert_memory_equal(rows[0].id.bytes, s->id.bytes, LETTER_ID_LEN);
}

static void a_redecision_takes_the_place(void **state)
{
    struct story *s = *state;
    struct ruling r = {.domain = SLICE("two.test"), .recipients = SLICE("\0\2"), .level = 2};
    size_t count = 0;

    submit(s);
    decide(s);
    const struct redecision again = {
        .id = letter_id_slice(&s->id), .first = 2, .replaced = SLICE("\0\1"), .rulings = {&r, 1}
    };
    tell_ok(s, RECORD_REDECISION, &redecision_schema, &again);
    const struct catalog_queue_row *rows = queue(s, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[1].ruling, 2);
    assert_int_equal(rows[1].state, QUEUE_WAITING);
}

static void final_outcomes_empty_the_row(void **state)
{
    struct story *s = *state;
    size_t count = 0;

    submit(s);
    decide(s);
    end(s, 1, DELIVERY_DEFERRED, 5000);
    struct catalog_queue_row *rows = queue(s, &count);
    assert_int_equal(rows[0].next_at, 5000);
    assert_int_equal(rows[0].pending.len, 4);
    end(s, 0, DELIVERY_DELIVERED, 0);
    rows = queue(s, &count);
    assert_int_equal(rows[0].pending.len, 2);
    assert_int_equal(rows[0].pending.ptr[1], 1);
    end(s, 1, DELIVERY_FAILED, 0);
    rows = queue(s, &count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].ruling, 1);
    end(s, 1, DELIVERY_FAILED, 0); /* once more changes nothing */
}

static void what_goes_back_has_no_rows(void **state)
{
    static const uint8_t digest[32];
    struct story *s = *state;
    size_t count = 0;
    struct consent_record r = {.id = letter_id_slice(&s->id),
                               .state = CONSENT_TOLD,
                               .rule = SLICE("tagged"),
                               .digest = slice_of(digest, sizeof(digest))};

    submit(s);
    decide(s);
    tell_ok(s, RECORD_CONSENT, &consent_record_schema, &r);
    r.state = CONSENT_APPROVED;
    tell_ok(s, RECORD_CONSENT, &consent_record_schema, &r);
    (void)queue(s, &count);
    assert_int_equal(count, 2);
    r.state = CONSENT_REFUSED;
    tell_ok(s, RECORD_CONSENT, &consent_record_schema, &r);
    (void)queue(s, &count);
    assert_int_equal(count, 0);
    end(s, 0, DELIVERY_FAILED,
        0); /* as after a cancellation at the same time: nothing more to do */
}

static void orders_change_the_row(void **state)
{
    struct story *s = *state;
    size_t count = 0;
    struct order o = {.id = letter_id_slice(&s->id), .kind = ORDER_RELEASE, .by = SLICE("root")};

    submit(s);
    decide(s);
    o.ruling = 2;
    tell_ok(s, RECORD_ORDER, &order_schema, &o);
    assert_int_equal(queue(s, &count)[1].state, QUEUE_WAITING);
    o.ruling = 0;
    o.kind = ORDER_HOLD;
    tell_ok(s, RECORD_ORDER, &order_schema, &o);
    struct catalog_queue_row *rows = queue(s, &count);
    assert_int_equal(rows[0].state, QUEUE_HELD);
    assert_int_equal(rows[1].state, QUEUE_HELD);

    end(s, 0, DELIVERY_DEFERRED, 5000);
    o.kind = ORDER_RELEASE;
    tell_ok(s, RECORD_ORDER, &order_schema, &o);
    rows = queue(s, &count);
    assert_int_equal(rows[0].state, QUEUE_WAITING);
    assert_int_equal(rows[0].next_at, 0); /* at once, as the queue has it */
}

static void a_crash_loses_only_what_was_not_committed(void **state)
{
    struct story *s = *state;
    struct catalog_letter found;
    bool there = false;
    struct error e;

    assert_ok(catalog_begin(s->catalog, &e), e);
    submit(s);
    assert_ok(catalog_commit(s->catalog, next_of(s), &e), e);
    assert_ok(catalog_begin(s->catalog, &e), e);
    decide(s);
    catalog_close(s->catalog); /* as a crash would */
    assert_ok(catalog_open(s->path, true, slice_of(key, sizeof(key)), &s->catalog, &e), e);
    assert_int_equal(catalog_position(s->catalog).seq, 2);
    assert_ok(catalog_find(s->catalog, &s->id, &found, &there, &e), e);
    assert_true(there && !found.decided && found.size == 42 && found.facts.seq == 0);
    struct catalog_letter *undecided = NULL;
    size_t count = 0;
    assert_ok(
        catalog_letters(s->catalog, CATALOG_UNDECIDED, 0, 10, &s->arena, &undecided, &count, &e),
        e);
    assert_int_equal(count, 1);
}

static void what_makes_no_sense_is_corrupt(void **state)
{
    struct story *s = *state;
    struct error e;
    struct order o = {.id = letter_id_slice(&s->id), .kind = ORDER_HOLD, .by = SLICE("root")};

    assert_false(tell(s, RECORD_ORDER, &order_schema, &o, &e)); /* of no letter */
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_false(tell(s, RECORD_FACTS, &order_schema, &o, &e)); /* no facts */
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_true(tell(s, RECORD_SIGN_IN, NULL, NULL, &e)); /* about no letter */
}

static void a_newer_format_is_refused(void **state)
{
    struct story *s = *state;
    struct catalog *again = NULL;
    struct error e;
    sqlite3 *newer = NULL; /* stands in for a newer program */

    catalog_close(s->catalog);
    s->catalog = NULL;
    assert_int_equal(sqlite3_open(s->path, &newer), SQLITE_OK);
    assert_int_equal(sqlite3_exec(newer, "PRAGMA user_version = 3", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(newer), SQLITE_OK);
    assert_false(catalog_open(s->path, true, slice_of(key, sizeof(key)), &again, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
}

/* ── a reader in another process, who may not write ── */

#define STRANGER 61399
#define TORN_MS  100

static int be_the_reader(const char *path, int told)
{
    OWN(catalog) struct catalog *c = NULL;
    struct error e;
    char go = 0;

    if (setgroups(0, NULL) != 0 || setresuid(STRANGER, STRANGER, STRANGER) != 0 ||
        open(path, O_RDWR | O_CLOEXEC) >= 0) {
        return 10; /* it could write: the test shows nothing */
    }
    if (read(told, &go, 1) != 1) {
        return 11;
    }
    int64_t began = clock_steady_ms();
    if (!catalog_open(path, false, SLICE_NONE, &c, &e)) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 12;
    }
    return clock_steady_ms() - began < TORN_MS / 2 ? 13 : 0; /* the head was whole: nothing shown */
}

/* Of the counter of changes in the first of the head's two copies. */
static void turn_a_byte_of_the_head(int fd)
{
    uint8_t byte = 0;

    assert_int_equal(pread(fd, &byte, 1, 8), 1);
    byte = (uint8_t)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, 8), 1);
}

static void a_reader_waits_while_the_writer_changes_the_head(void **state)
{
    struct story *s = *state;
    char name[80];
    int told[2];
    int status = 0;
    struct error e;

    if (geteuid() != 0) {
        print_message("skipped: changing the user needs root\n");
        skip();
    }
    catalog_close(TAKE(s->catalog, NULL)); /* the child must not inherit what SQLite knows */
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(be_the_reader(s->path, told[0]));
    }
    assert_ok(catalog_open(s->path, true, slice_of(key, sizeof(key)), &s->catalog, &e), e);
    assert_ok(catalog_begin(s->catalog, &e), e);
    assert_ok(catalog_commit(s->catalog, (struct ledger_position){.seq = 1}, &e), e);
    (void)snprintf(name, sizeof(name), "%s-shm", s->path);
    int head = open(name, O_RDWR | O_CLOEXEC);
    turn_a_byte_of_the_head(head);
    assert_int_equal(write(told[1], "", 1), 1);
    (void)usleep(TORN_MS * 1000);
    turn_a_byte_of_the_head(head);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    (void)close(told[0]);
    (void)close(told[1]);
    (void)close(head); /* not before: a process that closes a file loses SQLite's locks on it */
}

static void a_damaged_file_begins_anew(void **state)
{
    struct story *s = *state;
    struct catalog_counts counts;
    struct error e;

    catalog_close(s->catalog);
    s->catalog = NULL;
    FILE *file = fopen(s->path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < 5000; i++) {
        (void)fputs("no database ", file);
    }
    (void)fclose(file);
    assert_false(catalog_open(s->path, true, slice_of(key, sizeof(key)), &s->catalog, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_ok(catalog_open_anew(s->path, slice_of(key, sizeof(key)), &s->catalog, &e), e);
    assert_int_equal(catalog_position(s->catalog).seq, 0);
    assert_ok(catalog_counts(s->catalog, &counts, &e), e);
    assert_int_equal(counts.letters, 0);
}

static const uint8_t imported_key[CATALOG_REPEAT_LEN] = {7};

static void remove_letter(struct story *s, uint64_t seq)
{
    struct removed_letter l = {
        .id = letter_id_slice(&s->id), .seq = seq, .imported = SLICE_ARRAY(imported_key)};
    const struct removal r = {
        .id = l.id,
        .by = SLICE("uid 0"),
        .reason = SLICE("asked for"),
        .letters = {&l, 1},
        .records = 3
    };

    tell_ok(s, RECORD_REMOVAL, &removal_schema, &r);
}

static void expect_removed(struct story *s, uint64_t seq)
{
    struct catalog_letter letter;
    struct catalog_record *records = NULL;
    struct ledger_ref ref;
    uint64_t *seqs = NULL;
    size_t count = 0;
    bool found = true;
    struct error e;

    assert_ok(catalog_find(s->catalog, &s->id, &letter, &found, &e), e);
    assert_false(found);
    assert_ok(catalog_records(s->catalog, seq, &s->arena, &records, &count, &e), e);
    assert_int_equal(count, 0);
    (void)queue(s, &count);
    assert_int_equal(count, 0);
    assert_ok(catalog_removal(s->catalog, &s->id, &ref, &found, &e), e);
    assert_true(found);
    assert_int_equal(ref.seq, 3);
    int64_t erased_ms = 0;
    assert_ok(catalog_erased_import(s->catalog, imported_key, &erased_ms, &e), e);
    assert_true(erased_ms > 0);
    assert_ok(
        catalog_erased_import(s->catalog, (const uint8_t[CATALOG_REPEAT_LEN]){8}, &erased_ms, &e),
        e);
    assert_int_equal(erased_ms, 0);
    assert_ok(catalog_removed(s->catalog, &s->arena, &seqs, &count, &e), e);
    assert_int_equal(count, 1);
    assert_int_equal(seqs[0], seq);
}

/* An order about a letter that is gone; what is about none is still damage. */
static void order_hold(struct story *s)
{
    const struct order o = {
        .id = letter_id_slice(&s->id), .kind = ORDER_HOLD, .by = SLICE("uid 0")};

    tell_ok(s, RECORD_ORDER, &order_schema, &o);
}

static void a_removed_letter_is_gone(void **state)
{
    struct story *s = *state;
    struct ledger_entry erased = {.ref = {.segment = 1}, .type = RECORD_FACTS, .erased = true};
    struct error e;

    submit(s);
    decide(s);
    remove_letter(s, 0);
    expect_removed(s, 0);
    order_hold(s);
    expect_removed(s, 0);

    /* Made again: what is erased has no body, nor an id. */
    assert_ok(catalog_clear(s->catalog, &e), e);
    s->seq = 1;
    assert_ok(catalog_apply(s->catalog, &erased, &s->arena, &e), e);
    tell_ok(s, RECORD_CONTENT, NULL, NULL); /* left out by its reader */
    order_hold(s);                          /* that was recorded before the removal */
    remove_letter(s, 0);
    expect_removed(s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_letter_is_queued_by_ruling, begin_story, end_story),
        cmocka_unit_test_setup_teardown(a_redecision_takes_the_place, begin_story, end_story),
        cmocka_unit_test_setup_teardown(final_outcomes_empty_the_row, begin_story, end_story),
        cmocka_unit_test_setup_teardown(what_goes_back_has_no_rows, begin_story, end_story),
        cmocka_unit_test_setup_teardown(orders_change_the_row, begin_story, end_story),
        cmocka_unit_test_setup_teardown(a_crash_loses_only_what_was_not_committed, begin_story,
                                        end_story),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_corrupt, begin_story, end_story),
        cmocka_unit_test_setup_teardown(a_removed_letter_is_gone, begin_story, end_story),
        cmocka_unit_test_setup_teardown(a_damaged_file_begins_anew, begin_story, end_story),
        cmocka_unit_test_setup_teardown(a_newer_format_is_refused, begin_story, end_story),
        cmocka_unit_test_setup_teardown(a_reader_waits_while_the_writer_changes_the_head,
                                        begin_story, end_story),
    };
    return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
