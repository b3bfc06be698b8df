#include "stages/receipts/receipts.h"
#include "tests/test.h"

static const struct slice ann = SLICE_INIT("ann@example.test");

struct row {
    enum receipt_state state;
    unsigned notify;
    bool delay_reported, final_reported;
    bool due;
    enum dsn_action action;
};

static void reports_what_was_asked(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {RECEIPT_FAILED,     0,                               0, 0, 1, DSN_FAILED },
        {RECEIPT_FAILED,     RECEIPT_FAILURE,                 0, 0, 1, DSN_FAILED },
        {RECEIPT_FAILED,     RECEIPT_SUCCESS | RECEIPT_DELAY, 0, 0, 0, 0          },
        {RECEIPT_FAILED,     RECEIPT_NEVER,                   0, 0, 0, 0          },
        {RECEIPT_FAILED,     RECEIPT_NEVER | RECEIPT_FAILURE, 0, 0, 0, 0          },
        {RECEIPT_FAILED,     0,                               0, 1, 0, 0          },
        {RECEIPT_FAILED,     0,                               1, 0, 1, DSN_FAILED },
        {RECEIPT_LATE,       0,                               0, 0, 1, DSN_DELAYED},
        {RECEIPT_LATE,       RECEIPT_DELAY,                   0, 0, 1, DSN_DELAYED},
        {RECEIPT_LATE,       RECEIPT_FAILURE,                 0, 0, 0, 0          },
        {RECEIPT_LATE,       RECEIPT_NEVER,                   0, 0, 0, 0          },
        {RECEIPT_LATE,       0,                               1, 0, 0, 0          },
        {RECEIPT_SENT_PLAIN, RECEIPT_SUCCESS,                 0, 0, 1, DSN_RELAYED},
        {RECEIPT_SENT_PLAIN, RECEIPT_SUCCESS,                 0, 1, 0, 0          },
        {RECEIPT_SENT_PLAIN, 0,                               0, 0, 0, 0          },
        {RECEIPT_SENT,       RECEIPT_SUCCESS,                 0, 0, 0, 0          },
        {RECEIPT_WAITING,    RECEIPT_DELAY,                   0, 0, 0, 0          },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct receipt_recipient r = {.state = row->state,
                                      .notify = row->notify,
                                      .delay_reported = row->delay_reported,
                                      .final_reported = row->final_reported};
        size_t due = 99;
        if (receipts_due(ann, &r, 1, &due) != row->due) {
            fail_msg("row %zu", i);
        }
        assert_true(!row->due || (due == 0 && r.about.action == row->action));
        assert_int_equal(receipts_due(SLICE_NONE, &r, 1, &due), 0);
    }
}

static void names_the_due_ones(void **unused)
{
    (void)unused;
    struct receipt_recipient all[] = {{.state = RECEIPT_WAITING},
                                      {.state = RECEIPT_FAILED},
                                      {.state = RECEIPT_SENT},
                                      {.state = RECEIPT_FAILED}};
    size_t due[4];

    assert_int_equal(receipts_due(ann, all, 4, due), 2);
    assert_int_equal(due[0], 1);
    assert_int_equal(due[1], 3);
}

static bool writes(struct receipt_recipient *r, bool full, const char *text)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf out = {.max = 1 << 20};
    struct receipt_letter letter = {.reverse_path = ann,
                                    .return_full = full,
                                    .copy = SLICE("Subject: x\r\n\r\nsecret body\r\n"),
                                    .header_len = 12,
                                    .host = SLICE("gate.example.test"),
                                    .from = SLICE("postmaster@example.test")};
    size_t due = 0;
    bool utf8 = true;

    assert_int_equal(receipts_due(ann, r, 1, &due), 1);
    receipts_write(&out, &letter, r, &due, 1, &arena, &utf8);
    assert_false(out.full);
    assert_false(utf8);
    return memmem(out.ptr, out.len, text, strlen(text)) != NULL;
}

/* The body goes back only where it was asked for, and only with a failure. */
static void returns_the_header_alone(void **unused)
{
    (void)unused;
    struct receipt_recipient failed = {.state = RECEIPT_FAILED,
                                       .about = {.address = SLICE("joe@partner.test")}};
    struct receipt_recipient late = failed;
    late.state = RECEIPT_LATE;

    assert_true(writes(&failed, true, "secret body"));
    assert_true(writes(&failed, true, "Content-Type: message/rfc822\r\n"));
    assert_false(writes(&failed, false, "secret body"));
    assert_true(writes(&failed, false, "Content-Type: text/rfc822-headers\r\n"));
    assert_false(writes(&late, true, "secret body"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_what_was_asked),
        cmocka_unit_test(names_the_due_ones),
        cmocka_unit_test(returns_the_header_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
