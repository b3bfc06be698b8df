/* The fold of what takes two persons. */
#include "base/bytes.h"

#include "keeper/docket.h"
#include "letter/disposal.h"
#include "tests/test.h"

#define DAY_MS INT64_C(86400000)

static struct docket docket;
static uint64_t seq;

static struct slice id_of(uint8_t n)
{
    static uint8_t ids[256][LETTER_ID_LEN];

    ids[n][0] = n;
    return SLICE_ARRAY(ids[n]);
}

static bool apply(uint16_t type, const struct cbor_schema *schema, const void *value)
{
    OWN(buf) struct buf body = {.max = 100000};
    struct error e = {0};

    cbor_write(&body, schema, value);
    seq++;
    return docket_apply(&docket, seq, type, (int64_t)seq, buf_slice(&body), &e);
}

static bool ask(uint8_t n)
{
    const struct request_record r = {.id = id_of(n),
                                     .kind = REQUEST_ERASE,
                                     .arguments = SLICE("what"),
                                     .object = SLICE("a letter"),
                                     .by = SLICE("anna"),
                                     .reason = SLICE("why"),
                                     .expires_at = 14 * DAY_MS};

    return apply(RECORD_REQUEST, &request_record_schema, &r);
}

static bool say(uint8_t n, uint64_t verdict)
{
    const struct verdict_record v = {
        .id = id_of(n), .verdict = verdict, .by = SLICE("bob"), .reason = SLICE("because")};

    return apply(RECORD_VERDICT, &verdict_record_schema, &v);
}

static int begin(void **unused)
{
    (void)unused;
    docket_done(&docket);
    return 0;
}

static void a_request_waits_until_it_expires(void **unused)
{
    (void)unused;
    assert_true(ask(1));
    const struct docket_request *r = docket_find(&docket, id_of(1));
    assert_non_null(r);
    assert_true(slice_equal(r->record.arguments, SLICE("what")));
    assert_true(docket_waits(r, 14 * DAY_MS - 1));
    assert_false(docket_waits(r, 14 * DAY_MS));
    assert_false(docket_waits(r, -1));
    assert_null(docket_find(&docket, id_of(2)));
}

static void what_is_approved_stays_until_it_is_done(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};

    assert_true(ask(1) && ask(2) && ask(3));
    assert_true(say(2, VERDICT_APPROVED));
    const struct docket_request *r = docket_find(&docket, id_of(2));
    assert_true(r->approved && !docket_waits(r, 0));
    const struct docket_request *copy = docket_copy(r, &arena);
    assert_true(say(2, VERDICT_DONE));
    assert_null(docket_find(&docket, id_of(2)));
    assert_true(slice_equal(copy->approval.by, SLICE("bob")));
    assert_true(slice_equal(copy->record.by, SLICE("anna")));
    assert_int_equal(docket.n_requests, 2);
    assert_true(say(1, VERDICT_REFUSED) && say(3, VERDICT_WITHDRAWN));
    assert_int_equal(docket.n_requests, 0);
    assert_null(docket.oldest);
}

static void a_disposal_under_way_has_begun(void **unused)
{
    (void)unused;
    struct error e = {0};
    struct disposal_record d = {.request = id_of(2), .state = DISPOSAL_BEGUN};

    assert_true(ask(1) && ask(2) && say(2, VERDICT_APPROVED));
    assert_false(docket_find(&docket, id_of(2))->begun);
    assert_true(apply(RECORD_DISPOSAL, &disposal_record_schema, &d));
    assert_true(docket_find(&docket, id_of(2))->begun);
    assert_false(docket_find(&docket, id_of(1))->begun);
    assert_true(say(2, VERDICT_FAILED) && apply(RECORD_DISPOSAL, &disposal_record_schema, &d));
    assert_int_equal(docket.n_requests, 1);
    assert_false(docket_apply(&docket, 9, RECORD_DISPOSAL, 0, SLICE("x"), &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

static void a_verdict_about_nothing_changes_nothing(void **unused)
{
    (void)unused;
    assert_true(say(1, VERDICT_APPROVED) && say(1, VERDICT_DONE));
    assert_int_equal(docket.n_requests, 0);
    assert_true(ask(1)); /* and what comes behind it does not count as approved */
    assert_false(docket_find(&docket, id_of(1))->approved);
}

static void what_cannot_be_read_is_no_docket(void **unused)
{
    (void)unused;
    struct error e = {0};

    assert_false(docket_apply(&docket, 7, RECORD_REQUEST, 0, SLICE("x"), &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_false(docket_apply(&docket, 8, RECORD_VERDICT, 0, SLICE(""), &e));
    assert_true(ask(1));
    assert_false(ask(1)); /* the same one twice */
    assert_int_equal(docket.n_requests, 1);
    assert_true(docket_apply(&docket, 9, RECORD_FACTS, 0, SLICE("x"), &e));
}

static bool tell_case(const char *name, uint64_t state, bool hold)
{
    const struct case_record r = {
        .name = slice_text(name), .state = state, .by = SLICE("anna"), .hold = hold};

    return apply(RECORD_CASE, &case_record_schema, &r);
}

static void the_name_of_a_closed_case_stays(void **unused)
{
    (void)unused;
    assert_null(docket_case(&docket, SLICE("c1")));
    assert_true(tell_case("c1", CASE_ADDED, false)); /* of nothing */
    assert_int_equal(docket.n_cases, 0);
    assert_true(tell_case("c1", CASE_OPENED, true));
    assert_true(tell_case("c2", CASE_OPENED, false));
    assert_true(tell_case("c1", CASE_OPENED, false)); /* the first one counts */
    assert_int_equal(docket.n_cases, 2);
    assert_true(docket_case(&docket, SLICE("c1"))->hold);
    assert_false(docket_case(&docket, SLICE("c2"))->hold);
    assert_true(tell_case("c1", CASE_CLOSED, false));
    assert_true(docket_case(&docket, SLICE("c1"))->closed);
    assert_false(docket_case(&docket, SLICE("c2"))->closed);
    assert_true(tell_case("c2", CASE_HELD, false));
    assert_true(docket_case(&docket, SLICE("c2"))->hold);
    assert_int_equal(docket_case(&docket, SLICE("c1"))->records, 3);
}

/* One person's places: what is over of a hold is free again, a case's never. */
static void what_one_person_placed_is_counted(void **unused)
{
    (void)unused;
    struct hold_record h = {.name = SLICE("h"),
                            .state = HOLD_PLACED,
                            .query = SLICE("word"),
                            .by = SLICE("anna"),
                            .reason = SLICE("why")};

    assert_true(apply(RECORD_HOLD, &hold_record_schema, &h));
    assert_true(apply(RECORD_HOLD, &hold_record_schema, &h));
    h.by = SLICE("ann");
    assert_true(apply(RECORD_HOLD, &hold_record_schema, &h));
    assert_int_equal(docket_holds_by(&docket, SLICE("anna")), 2);
    assert_int_equal(docket_holds_by(&docket, SLICE("bob")), 0);
    h.state = HOLD_RELEASED;
    assert_true(apply(RECORD_HOLD, &hold_record_schema, &h));
    assert_int_equal(docket_holds_by(&docket, SLICE("anna")), 0);
    assert_true(tell_case("c1", CASE_OPENED, true) && tell_case("c2", CASE_OPENED, true));
    assert_true(tell_case("c1", CASE_CLOSED, false));
    assert_int_equal(docket_cases_by(&docket, SLICE("anna")), 2);
    assert_int_equal(docket_cases_by(&docket, SLICE("ann")), 0);
}

static bool tell_more(const struct case_record *r)
{
    return docket_case_takes(docket_case(&docket, r->name), r) &&
           apply(RECORD_CASE, &case_record_schema, r);
}

/* What a case was told to take, who reads it finds in it. */
static void a_case_takes_no_more_than_is_found(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};
    static uint8_t ids[HOLD_LETTERS_MAX * LETTER_ID_LEN];
    struct case_record r = {.name = SLICE("c"), .state = CASE_OPENED, .by = SLICE("anna")};
    struct case_view view = {.opened_at = 0};
    uint64_t told = 0;

    assert_true(apply(RECORD_CASE, &case_record_schema, &r));
    case_fold(&view, &r, 1, &arena);
    r.state = CASE_ADDED;
    for (;;) {
        r.query = arena_printf(&arena, "word%llu", (unsigned long long)told);
        if (!tell_more(&r)) {
            break;
        }
        case_fold(&view, &r, 1, &arena);
        told++;
    }
    assert_int_equal(told, CASE_QUERIES_MAX);
    assert_int_equal(view.n_queries, told);
    r.query = SLICE_NONE;
    r.letters = SLICE_ARRAY(ids);
    for (told = 0;; told += HOLD_LETTERS_MAX) {
        for (size_t i = 0; i < HOLD_LETTERS_MAX; i++) {
            put64(ids + i * LETTER_ID_LEN, told + i);
        }
        if (!tell_more(&r)) {
            break;
        }
        case_fold(&view, &r, 1, &arena);
    }
    assert_int_equal(told, CASE_LETTERS_MAX);
    assert_int_equal(view.letters.n, told);
    r.state = CASE_REMOVED; /* there is still room for that */
    assert_true(tell_more(&r));
    r.letters = SLICE_NONE;
    r.state = CASE_NOTED;
    assert_true(tell_more(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_request_waits_until_it_expires, begin),
        cmocka_unit_test_setup(what_is_approved_stays_until_it_is_done, begin),
        cmocka_unit_test_setup(a_disposal_under_way_has_begun, begin),
        cmocka_unit_test_setup(a_verdict_about_nothing_changes_nothing, begin),
        cmocka_unit_test_setup(the_name_of_a_closed_case_stays, begin),
        cmocka_unit_test_setup(what_one_person_placed_is_counted, begin),
        cmocka_unit_test_setup(a_case_takes_no_more_than_is_found, begin),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_no_docket, begin, begin),
    };
    return cmocka_run_group_tests_name("docket", tests, NULL, NULL);
}
