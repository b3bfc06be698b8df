#include "stages/retention/book.h"
#include "tests/test.h"

/* A letter of Anna's to two companies. */
struct scene {
    struct arena arena;
    struct recipient to[2];
    struct facts facts;
    struct retention_letter letter;
    struct text_list list;
    struct buf bytes;
    struct text_terms terms;
};

static int begin(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    arena_init(&s->arena, 8 << 20);
    s->to[0].address = SLICE("dieter@kunde.test");
    s->to[1].address = SLICE("eva@mail.firma.test");
    s->facts = (struct facts){
        .kind = LETTER_SUBMITTED,
        .account = SLICE("anna@example.test"),
        .reverse_path = SLICE("anna@example.test"),
        .from = SLICE("\"Anna, Sales\" <sales@example.test>"),
        .recipients = {s->to, 2},
        .received_at = UINT64_C(1772668800000), /* 5 March 2026 */
    };
    s->letter.facts = &s->facts;
    text_list_init(&s->list);
    buf_init(&s->bytes, TEXT_LIST_BYTES_MAX);
    *state = s;
    return 0;
}

static int finish(void **state)
{
    struct scene *s = *state;

    text_list_done(&s->list);
    buf_done(&s->bytes);
    arena_done(&s->arena);
    free(s);
    return 0;
}

static void says(struct scene *s, const char *subject, const char *body)
{
    struct error e;

    text_list_reset(&s->list);
    buf_reset(&s->bytes);
    text_list_add(&s->list, TEXT_SUBJECT, slice_text(subject));
    text_list_add(&s->list, TEXT_BODY, slice_text(body));
    text_list_write(&s->list, &s->bytes);
    assert_ok(text_terms_read(buf_slice(&s->bytes), &s->terms, &e), e);
    s->letter.terms = &s->terms;
}

/* A rule with at most one condition of each kind. */
struct conditions {
    const char *sender, *account, *domain, *words, *finding, *label;
};

static void add(struct scene *s, struct cbor_list *list, const char *text)
{
    struct slice *items = arena_array(&s->arena, 1, sizeof(*items));

    if (text) {
        items[0] = slice_text(text);
        *list = (struct cbor_list){items, 1};
    }
}

static struct retention_version rule_of(struct scene *s, const char *class, const char *term,
                                        struct conditions c)
{
    struct retention_version v = {
        .rule = {.class = slice_text(class),
                 .term = slice_text(term),
                 .start = RETENTION_FROM_SENT},
        .seq = 7
    };
    struct error e;

    add(s, &v.rule.senders, c.sender);
    add(s, &v.rule.accounts, c.account);
    add(s, &v.rule.domains, c.domain);
    add(s, &v.rule.words, c.words);
    add(s, &v.rule.findings, c.finding);
    add(s, &v.rule.labels, c.label);
    assert_ok(retention_rule_check(&v.rule, &e), e);
    return v;
}

static bool is_under(struct scene *s, struct conditions c)
{
    const struct retention_version v = rule_of(s, "some", "7y", c);
    struct retention_book book;
    struct classes out;

    retention_book_make(&v, 1, NULL, 0, 7, &s->arena, &book);
    retention_stamp(&book, &s->letter, &s->arena, &out);
    return out.classes.count == 1;
}

static void addresses_are_patterns(void **state)
{
    struct scene *s = *state;
    const char *const right[] = {
        "anna@example.test", "*@example.test", "ANNA@EXAMPLE.TEST", "*", "sales@example.test",
        "a*a@*.test",        "*anna*"};
    const char *const wrong[] = {"nna@example.test",    "*@example.tes",      "bert@*",
                                 "anna@example.test*x", "*Sales*@other.test", "sales@example"};

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        assert_true(is_under(s, (struct conditions){.sender = right[i]}));
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(is_under(s, (struct conditions){.sender = wrong[i]}));
    }
    assert_true(is_under(s, (struct conditions){.account = "Anna@Example.test"}));
    assert_false(is_under(s, (struct conditions){.account = "sales@example.test"}));
    assert_true(is_under(s, (struct conditions){.domain = "kunde.test"}));
    assert_true(is_under(s, (struct conditions){.domain = "*.firma.test"}));
    assert_false(is_under(s, (struct conditions){.domain = "firma.test"}));
    assert_false(is_under(s, (struct conditions){.domain = "*.kunde.test"}));
}

static void a_group_is_what_the_letter_s_record_says(void **state)
{
    struct scene *s = *state;
    struct slice in[] = {SLICE("accounting"), SLICE("board")};
    struct slice wanted[] = {SLICE("sales"), SLICE("board")};
    struct retention_version v = rule_of(s, "some", "7y", (struct conditions){.sender = "anna@*"});
    OWN(buf) struct buf text = {.max = 200};
    struct retention_book book;
    struct classes out;
    struct error e;

    v.rule.groups = (struct cbor_list){wanted, 2};
    assert_ok(retention_rule_check(&v.rule, &e), e);
    retention_conditions_say(&v.rule, &text);
    assert_slice(buf_slice(&text), "sender anna@*, group sales or board");
    for (size_t n = 0; n < 3; n++) {
        s->facts.groups = (struct cbor_list){in, n};
        retention_book_make(&v, 1, NULL, 0, 7, &s->arena, &book);
        retention_stamp(&book, &s->letter, &s->arena, &out);
        assert_int_equal(out.classes.count, n == 2);
    }
    assert_slice(((struct class_stamp *)out.classes.items)->why, "sender, group");
    wanted[0] = SLICE("Sales!");
    assert_false(retention_rule_check(&v.rule, &e));
}

static void words_stand_one_after_the_other(void **state)
{
    struct scene *s = *state;

    says(s, "Ihre Rechnung",
         "die die Rechnung Nr. 4711 an anna@example.test \xc3\xbc"
         "ber 1.234,50");
    assert_true(is_under(s, (struct conditions){.words = "RECHNUNG nr"}));
    assert_true(is_under(s, (struct conditions){.words = "die Rechnung"}));
    assert_true(is_under(s, (struct conditions){.words = "4711 an anna@example.test uber"}));
    assert_true(is_under(s, (struct conditions){.words = "Ihre"}));
    assert_false(is_under(s, (struct conditions){.words = "Rechnung 4711"}));
    assert_false(is_under(s, (struct conditions){.words = "Ihre Rechnung die"}));
    assert_false(is_under(s, (struct conditions){.words = "1.234,50 noch"}));
}

static void what_was_not_read_counts_as_there(void **state)
{
    struct scene *s = *state;

    s->letter.unread = true;
    assert_true(is_under(s, (struct conditions){.words = "invoice"}));
    assert_true(is_under(s, (struct conditions){.finding = "encrypted"}));
    assert_false(is_under(s, (struct conditions){.words = "invoice", .sender = "bert@*"}));
    s->letter.unread = false;
    assert_false(is_under(s, (struct conditions){.words = "invoice"}));
    assert_false(is_under(s, (struct conditions){.finding = "encrypted"}));
}

static void conditions_must_all_hold(void **state)
{
    struct scene *s = *state;
    const struct slice labels[] = {SLICE("Contract"), SLICE("$Tax")};

    says(s, "", "the contract");
    s->letter.labels = labels;
    s->letter.n_labels = 2;
    s->letter.findings = RETENTION_ATTACHMENT;
    const struct conditions all = {.sender = "anna@*",
                                   .account = "anna@example.test",
                                   .domain = "kunde.test",
                                   .words = "contract",
                                   .finding = "attachment",
                                   .label = "contract"};
    assert_true(is_under(s, all));
    for (size_t i = 0; i < 6; i++) {
        struct conditions c = all;
        const char **fields[] = {&c.sender, &c.account, &c.domain, &c.words, &c.finding, &c.label};
        static const char *const others[] = {"b@x",       "b@x.test", "x.test",
                                             "agreement", "mismatch", "tax"};
        *fields[i] = others[i];
        assert_false(is_under(s, c));
    }
    assert_true(is_under(s, (struct conditions){.sender = NULL}));
}

static void more_classes_than_a_record_names_count_all_the_same(void **state)
{
    struct scene *s = *state;
    size_t n = STAMP_MAX + 1;
    struct retention_version *rules = arena_array(&s->arena, n, sizeof(*rules));
    struct retention_book book;
    struct classes out;

    for (size_t i = 0; i < n; i++) {
        const char *class = (const char *)arena_printf(&s->arena, "c%04zu%c", i, 0).ptr;
        rules[i] = rule_of(s, class, i == n - 1 ? "70y" : "1y", (struct conditions){0});
    }
    retention_book_make(rules, n, NULL, 0, 7, &s->arena, &book);
    retention_stamp(&book, &s->letter, &s->arena, &out);
    assert_int_equal(out.classes.count, STAMP_MAX);
    const struct class_stamp *last = (const struct class_stamp *)out.classes.items + STAMP_MAX - 1;
    assert_true(out.until > last->ends);
}

static void the_longest_decides(void **state)
{
    struct scene *s = *state;
    struct retention_version rules[] = {rule_of(s, "short", "1y", (struct conditions){0}),
                                        rule_of(s, "long", "7y", (struct conditions){0}),
                                        rule_of(s, "case", "1y", (struct conditions){0})};
    struct retention_date dates[] = {
        {SLICE("x"),                 0                     },
        {SLICE("anna@example.test"), INT64_C(1893456000000)}, /* 1 January 2030 */
    };
    struct retention_book book;
    struct classes out;

    retention_book_make(rules, 2, NULL, 0, 9, &s->arena, &book);
    retention_stamp(&book, &s->letter, &s->arena, &out);
    const struct class_stamp *stamps = out.classes.items;
    assert_int_equal(out.classes.count, 2);
    assert_slice(stamps[0].class, "long");
    assert_slice(stamps[0].why, "every letter");
    assert_int_equal(out.until, stamps[0].ends);
    assert_int_equal(out.rules, 9);
    assert_true(stamps[1].ends < stamps[0].ends && stamps[1].ends);

    rules[2].rule.start = RETENTION_FROM_DATE;
    retention_book_make(rules, 3, NULL, 0, 9, &s->arena, &book);
    retention_stamp(&book, &s->letter, &s->arena, &out);
    assert_int_equal(out.until, 0); /* nobody said when it ended */
    retention_book_make(rules, 3, dates, 2, 9, &s->arena, &book);
    retention_stamp(&book, &s->letter, &s->arena, &out);
    stamps = out.classes.items;
    assert_slice(stamps[0].class, "case");
    assert_int_equal(stamps[0].ends, INT64_C(1925121600000)); /* noon of 2 January 2031 */
    assert_int_equal(out.until, stamps[1].ends);
}

static void a_notice_is_its_readers(void **state)
{
    struct scene *s = *state;

    s->facts.kind = LETTER_NOTICE;
    s->facts.account = s->facts.reverse_path = SLICE_NONE;
    s->facts.from = SLICE("Mail Delivery System <postmaster@example.test>");
    assert_true(is_under(s, (struct conditions){.account = "dieter@kunde.test"}));
    assert_true(is_under(s, (struct conditions){.sender = "dieter@*"}));
    assert_false(is_under(s, (struct conditions){.sender = "postmaster@*"}));
}

/* What was imported without its envelope is asked by its header. */
static void an_imported_letter_is_for_whom_its_header_names(void **state)
{
    struct scene *s = *state;
    const struct conditions c = {.domain = "*.ort.test"};

    s->facts.kind = LETTER_IMPORTED;
    s->facts.source.kind = SOURCE_EML;
    s->facts.to = SLICE("Paul <paul@other.test>");
    s->facts.cc = SLICE("x@y.test, \"O, P\" <op@mail.ort.test>");
    assert_true(is_under(s, c));
    assert_false(is_under(s, (struct conditions){.domain = "ort.test"}));
    s->facts.source.envelope = true;
    assert_false(is_under(s, c));
    s->facts.kind = LETTER_SUBMITTED;
    s->facts.source.envelope = false;
    assert_false(is_under(s, c));
}

static void it_is_read_again_only_where_that_matters(void **state)
{
    struct scene *s = *state;
    const struct retention_version rules[] = {
        rule_of(s, "a", "7y", (struct conditions){.sender = "*"}),
        rule_of(s, "b", "7y", (struct conditions){.sender = "bert@*", .words = "x"}),
        rule_of(s, "c", "7y", (struct conditions){.label = "x", .finding = "encrypted"})};
    struct retention_book book;

    retention_book_make(rules, 2, NULL, 0, 9, &s->arena, &book);
    assert_false(retention_must_read(&book, &s->facts));
    retention_book_make(rules, 3, NULL, 0, 9, &s->arena, &book);
    assert_true(retention_must_read(&book, &s->facts));
}

static void labels_come_from_header_and_flags(void **state)
{
    struct scene *s = *state;
    struct mail_field fields[] = {
        {.label = SLICE("Subject"),  .value = SLICE(" a, b")              },
        {.label = SLICE("keywords"), .value = SLICE(" Contract,\r\n Tax ")}
    };
    const struct mail_header h = {.fields = fields, .n_fields = 2};
    struct slice *labels = NULL;
    size_t count = 0;
    bool doubt = true;

    s->facts.source.flags = SLICE("\\Seen $Case");
    retention_labels(&h, &s->facts, &s->arena, &labels, &count, &doubt);
    assert_int_equal(count, 4);
    assert_slice(labels[1], "$Case");
    assert_slice(labels[2], "Contract");
    assert_slice(labels[3], "Tax");
    assert_false(doubt);
}

/* Who writes many labels hides none, and what was not read may be any. */
static void labels_that_may_be_missing_count(void **state)
{
    struct scene *s = *state;
    uint8_t many[3 * RETENTION_LABELS_MAX];
    struct mail_field field = {.label = SLICE("Keywords")};
    struct mail_header h = {.fields = &field, .n_fields = 1};
    struct slice *labels = NULL;
    size_t count = 0;
    bool doubt = false;

    for (size_t i = 0; i < sizeof(many); i++) {
        many[i] = i & 1 ? ',' : 'a';
    }
    s->facts.source.flags = SLICE("$Case");
    field.value = SLICE_ARRAY(many);
    retention_labels(&h, &s->facts, &s->arena, &labels, &count, &doubt);
    assert_int_equal(count, RETENTION_LABELS_MAX);
    assert_slice(labels[0], "$Case");
    assert_true(doubt);

    field.value = SLICE(" =?UTF-8?Q?Vertr=C3=A4ge?=");
    retention_labels(&h, &s->facts, &s->arena, &labels, &count, &doubt);
    assert_true(doubt);

    field.value = SLICE(" tax");
    retention_labels(&h, &s->facts, &s->arena, &labels, &count, &doubt);
    assert_false(doubt);
    h.defect = MAIL_FIELDS_MANY;
    retention_labels(&h, &s->facts, &s->arena, &labels, &count, &doubt);
    assert_true(doubt);

    struct retention_version rule =
        rule_of(s, "case", "10y", (struct conditions){.label = "other"});
    struct retention_letter letter = {.facts = &s->facts, .labels_doubted = true};
    struct retention_book book;
    struct classes out;
    retention_book_make(&rule, 1, NULL, 0, 1, &s->arena, &book);
    retention_stamp(&book, &letter, &s->arena, &out);
    assert_int_equal(out.classes.count, 1);
}

static void nonsense_is_refused(void **state)
{
    struct scene *s = *state;
    struct error e = {0};
    const struct rule sound = rule_of(s, "some", "7y", (struct conditions){0}).rule;
    struct rule r;

    for (size_t i = 0; i < 11; i++) {
        r = sound;
        switch (i) {
        case 0:
            r.class = SLICE("-x");
            break;
        case 1:
            r.class = SLICE("Some class");
            break;
        case 2:
            r.term = SLICE("7");
            break;
        case 3:
            r.start = 0;
            break;
        case 4:
            r.start = RETENTION_FROM_FISCAL_END;
            break;
        case 5:
            r.fiscal_month = 3;
            break;
        case 6:
            r.date_key = SLICE("x");
            break;
        case 7:
            add(s, &r.senders, "@example.test");
            break;
        case 8:
            add(s, &r.words, " ... ");
            break;
        case 9:
            add(s, &r.findings, "cards");
            break;
        default:
            r.review = SLICE("2027-02-29");
            break;
        }
        e = (struct error){0};
        assert_false(retention_rule_check(&r, &e));
        assert_int_equal(e.kind, ERROR_INPUT);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        TEST(addresses_are_patterns),
        TEST(a_group_is_what_the_letter_s_record_says),
        TEST(words_stand_one_after_the_other),
        TEST(what_was_not_read_counts_as_there),
        TEST(conditions_must_all_hold),
        TEST(more_classes_than_a_record_names_count_all_the_same),
        TEST(the_longest_decides),
        TEST(a_notice_is_its_readers),
        TEST(an_imported_letter_is_for_whom_its_header_names),
        TEST(it_is_read_again_only_where_that_matters),
        TEST(labels_come_from_header_and_flags),
        TEST(labels_that_may_be_missing_count),
        TEST(nonsense_is_refused),
    };
    return cmocka_run_group_tests_name("retention/match", tests, NULL, NULL);
}
