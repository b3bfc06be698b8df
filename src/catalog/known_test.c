#include <stdio.h>
#include <unistd.h>

#include "catalog/known.h"
#include "letter/removal.h"
#include "tests/test.h"

#define OURS  SLICE("example.test")
#define OWNER SLICE("anna@example.test")

struct story {
    char path[64];
    struct catalog *catalog;
    struct arena arena;
    uint64_t seq;
};

static const uint8_t key[CATALOG_KEY_LEN] = "a key for the tests of catalogs";

static int begin_story(void **state)
{
    struct story *s = calloc(1, sizeof(*s));
    struct error e;

    arena_init(&s->arena, 16 << 20);
    (void)snprintf(s->path, sizeof(s->path), "/tmp/known_test_%d.db", (int)getpid());
    (void)unlink(s->path);
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

static void tell(struct story *s, uint16_t type, const struct cbor_schema *schema,
                 const void *value)
{
    OWN(buf) struct buf body = {.max = 65536};
    struct ledger_entry entry = {
        .ref = {.seq = s->seq, .segment = 1, .offset = 100 * s->seq},
        .type = type,
        .time_ms = 1000
    };
    struct error e;

    cbor_write(&body, schema, value);
    entry.body = arena_copy(&s->arena, buf_slice(&body));
    s->seq++;
    assert_ok(catalog_apply(s->catalog, &entry, &s->arena, &e), e);
}

static struct letter_id letter(struct story *s, struct facts f)
{
    static const uint8_t digest[32] = {7};
    struct letter_id id = letter_id_new();

    f.id = letter_id_slice(&id);
    f.digest = slice_of(digest, sizeof(digest));
    tell(s, RECORD_FACTS, &facts_schema, &f);
    return id;
}

static struct letter_id sent(struct story *s, const char *to)
{
    struct recipient r = {.address = slice_text(to)};

    return letter(s, (struct facts){
                         .kind = LETTER_SUBMITTED, .account = OWNER, .recipients = {&r, 1}
    });
}

struct look {
    uint64_t wanted;
    bool found;
    size_t count;
};

static void look_at(void *context, uint64_t k)
{
    struct look *l = context;

    l->found = l->found || k == l->wanted;
    l->count++;
}

static bool is_known(struct story *s, struct slice domain, const char *address, size_t *count)
{
    struct look l = {.wanted = catalog_known_key(s->catalog, domain, slice_text(address))};
    struct error e;

    assert_ok(catalog_known_each(s->catalog, look_at, &l, &e), e);
    *count = l.count;
    return l.found;
}

static void whom_somebody_wrote_to_is_known(void **state)
{
    struct story *s = *state;
    struct error e;
    size_t count = 0;
    bool first = false;

    assert_false(is_known(s, OURS, "paula@partner.test", &count));
    (void)sent(s, "Paula@Partner.test");
    (void)sent(s, "paula@partner.test");
    assert_true(is_known(s, OURS, "paula@partner.test", &count));
    assert_int_equal(count, 1);
    assert_false(is_known(s, SLICE("other.test"), "paula@partner.test", &count));
    uint64_t k = catalog_known_key(s->catalog, OURS, SLICE("paula@partner.test"));
    assert_ok(catalog_known_first(s->catalog, k, 0, &first, &e), e);
    assert_true(first);
    assert_ok(catalog_known_first(s->catalog, k, 1, &first, &e), e);
    assert_false(first);
}

static bool has_number(struct story *s, uint64_t number)
{
    struct look l = {.wanted = number};
    struct error e;

    assert_ok(catalog_known_each(s->catalog, look_at, &l, &e), e);
    return l.found;
}

static void the_networks_of_each_app_password_are_known(void **state)
{
    struct story *s = *state;
    const struct slice app = SLICE("abcdefgh");
    const struct catalog *c = s->catalog;
    struct recipient r = {.address = SLICE("paula@partner.test")};

    (void)letter(s, (struct facts){
                        .kind = LETTER_SUBMITTED,
                        .account = OWNER,
                        .recipients = {&r, 1},
                        .app = app,
                        .client = SLICE("192.0.2.7")
    });
    assert_true(has_number(s, catalog_known_app(c, OWNER, app, SLICE_NONE)));
    assert_true(has_number(s, catalog_known_app(c, OWNER, app, SLICE("192.0.2.99"))));
    assert_false(has_number(s, catalog_known_app(c, OWNER, app, SLICE("192.0.3.7"))));
    assert_false(has_number(s, catalog_known_app(c, OWNER, SLICE("hgfedcba"), SLICE("192.0.2.7"))));
    assert_false(has_number(s, catalog_known_app(c, OURS, app, SLICE("192.0.2.7"))));
    assert_true(has_number(s, catalog_known_key(c, OWNER, SLICE("192.0.2"))));
}

static void an_imported_letter_of_ours_counts(void **state)
{
    struct story *s = *state;
    size_t count = 0;
    struct source source = {.kind = SOURCE_MBOX, .import = SLICE("0123456789"), .owner = OWNER};

    (void)letter(s, (struct facts){.kind = LETTER_IMPORTED,
                                   .source = source,
                                   .from = SLICE("Anna <anna@example.test>"),
                                   .to = SLICE("Paul, P. <paul@partner.test>, x@one.test"),
                                   .cc = SLICE("@ <>, quinn@two.test")});
    assert_true(is_known(s, OURS, "paul@partner.test", &count));
    assert_true(is_known(s, OURS, "x@one.test", &count));
    assert_true(is_known(s, OURS, "quinn@two.test", &count));
    assert_int_equal(count, 3);
    /* Somebody else's, in her mailbox: whom he wrote to nobody here has written to. */
    (void)letter(s, (struct facts){.kind = LETTER_IMPORTED,
                                   .source = source,
                                   .from = SLICE("mallory@elsewhere.test"),
                                   .to = SLICE("anna@example.test, victim@three.test")});
    assert_false(is_known(s, OURS, "victim@three.test", &count));
    (void)letter(s, (struct facts){.kind = LETTER_REPEAT, .account = OWNER});
    (void)letter(s, (struct facts){.kind = LETTER_IMPORTED, .source = source, .from = SLICE("@")});
}

/* Numbers of links are told from others by themselves. */
static bool has_linked(struct story *s, struct slice account, const char *text)
{
    return has_number(s, catalog_known_key(s->catalog, account, slice_text(text)) |
                             CATALOG_KNOWN_LINK) &&
           !has_number(s, catalog_known_key(s->catalog, account, slice_text(text)));
}

static void where_an_account_linked_is_known(void **state)
{
    struct story *s = *state;
    const struct slice hosts[] = {SLICE("shop.partner.test"), SLICE("192.0.2")};
    size_t count = 0;

    struct letter_id id = sent(s, "paula@partner.test");
    const struct findings f = {
        .id = letter_id_slice(&id), .links = {(void *)(uintptr_t)hosts, 2},
             .account = OWNER
    };
    tell(s, RECORD_FINDINGS, &findings_schema, &f);
    assert_true(has_linked(s, OWNER, "//shop.partner.test"));
    assert_true(has_linked(s, OWNER, "//")); /* it linked at all */
    assert_false(has_linked(s, SLICE("bob@example.test"), "//shop.partner.test"));
    assert_false(has_linked(s, OWNER, "//other.test"));
    assert_false(is_known(s, OWNER, "192.0.2", &count)); /* no link makes a network known */
    assert_int_equal(count, 4);
}

static void whom_a_drill_writes_to_stays_a_stranger(void **state)
{
    struct story *s = *state;
    size_t count = 0;
    struct recipient r = {.address = SLICE("paula@partner.test")};
    struct facts f = {
        .kind = LETTER_SUBMITTED, .account = OWNER, .recipients = {&r, 1},
                .drill = true
    };

    (void)letter(s, f);
    assert_false(is_known(s, OURS, "paula@partner.test", &count));
    assert_int_equal(count, 0);
}

static void it_goes_with_its_letter(void **state)
{
    struct story *s = *state;
    size_t count = 0;
    struct letter_id id = sent(s, "paula@partner.test");
    struct removed_letter gone = {.id = letter_id_slice(&id), .seq = 0};
    const struct removal r = {
        .id = letter_id_slice(&id), .by = SLICE("a"), .reason = SLICE("b"), .letters = {&gone, 1}
    };

    tell(s, RECORD_REMOVAL, &removal_schema, &r);
    assert_false(is_known(s, OURS, "paula@partner.test", &count));
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whom_somebody_wrote_to_is_known, begin_story, end_story),
        cmocka_unit_test_setup_teardown(the_networks_of_each_app_password_are_known, begin_story,
                                        end_story),
        cmocka_unit_test_setup_teardown(an_imported_letter_of_ours_counts, begin_story, end_story),
        cmocka_unit_test_setup_teardown(where_an_account_linked_is_known, begin_story, end_story),
        cmocka_unit_test_setup_teardown(whom_a_drill_writes_to_stays_a_stranger, begin_story,
                                        end_story),
        cmocka_unit_test_setup_teardown(it_goes_with_its_letter, begin_story, end_story),
    };

    return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}
