/* A whole keeper that begins over a ledger in which somebody was killed between a decision's commit and the queue: each recipient is
 * handed the copy of his own, whatever is in the catalog. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"

#include "host/memfd.h"
#include "keeper/consent.h"
#include "keeper/internal.h"
#include "keyring/digest.h"
#include "tests/test.h"

#define LETTER "From: anna@example.test\r\nSubject: plan\r\n\r\nThe plan.\r\n"
#define COPIES 3

static const char *const recipients[COPIES] = {"eve@plain.test", "bob@x.test", "carl@x.test"};
static const char *const bytes[COPIES] = {LETTER, "Subject: ...\r\n\r\nfor bob\r\n",
                                          "Subject: ...\r\n\r\nfor carl\r\n"};

struct place {
    char folder[64];
    int ledger;
    int keys;
    struct secret *key;
    struct ipc_pool *nobody; /* who answers nothing */
    struct arena config;
    struct settings settings;
    struct letter_id id;
    struct keeper *k;
};

static struct place place;

static const char *path_of(const char *name)
{
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", place.folder, name);
    return path;
}

static const struct settings *settings_of(void *unused)
{
    (void)unused;
    return &place.settings;
}

static void alert(void *unused, const char *event, const char *sentence)
{
    (void)unused;
    (void)event;
    (void)sentence;
}

static struct slice no_trust(void *unused)
{
    (void)unused;
    return SLICE_NONE;
}

static int folder(const char *name)
{
    assert_int_equal(mkdir(path_of(name), 0700), 0);
    int fd = open(path_of(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void begin(void)
{
    uint8_t key[32] = {7};
    struct config_problems problems;
    struct error e;

    place = (struct place){.folder = "/tmp/postern-copies-XXXXXX"};
    assert_non_null(mkdtemp(place.folder));
    place.ledger = folder("ledger");
    place.keys = folder("keys");
    place.key = secret_copy(SLICE_ARRAY(key));
    place.nobody = ipc_pool_new("nobody");
    ipc_pool_complete(place.nobody);
    arena_init(&place.config, CONFIG_ARENA_MAX);
    assert_ok(settings_read(SLICE("domain = example.test\nhostname = mail.example.test\n"), "x",
                            &place.config, &place.settings, &problems, &e),
              e);
    place.id = letter_id_new();
}

static void finish(void)
{
    char command[128];

    ipc_pool_free(place.nobody);
    secret_free(place.key);
    arena_done(&place.config);
    (void)close(place.ledger);
    (void)close(place.keys);
    (void)snprintf(command, sizeof(command), "rm -rf %s", place.folder);
    assert_int_equal(system(command), 0);
}

static void start(void)
{
    const struct keeper_options options = {.settings = settings_of,
                                           .alert = alert,
                                           .timestamp_trust = no_trust,
                                           .ledger_directory = place.ledger,
                                           .record_keys = place.keys,
                                           .ledger_path = path_of("ledger"),
                                           .catalog_path = path_of("catalog.db"),
                                           .search_path = path_of("search.db"),
                                           .state_path = path_of("state.db"),
                                           .ledger_key = place.key,
                                           .state_key = place.key,
                                           .search_key = place.key,
                                           .auth = place.nobody,
                                           .signer = place.nobody,
                                           .inspector = place.nobody,
                                           .courier = place.nobody,
                                           .scanner = place.nobody};
    struct error e;

    assert_ok(keeper_open(&options, &place.k, &e), e);
}

/* ── the ledger, as the worker leaves it ── */

static void add(struct ledger_record *records, size_t *n, struct arena *a, uint16_t type,
                const struct cbor_schema *schema, const void *value)
{
    OWN(buf) struct buf body = {.max = 1 << 20};

    cbor_write(&body, schema, value);
    assert_false(body.full);
    records[(*n)++] = (struct ledger_record){type, arena_copy(a, buf_slice(&body)), NULL};
}

static void write_copy(struct ledger_record *records, size_t *n, struct arena *a, size_t i)
{
    struct slice copy = slice_text(bytes[i]);
    const struct sealed_edit range = {.offset = 0, .len = copy.len};
    const struct sealed_edit literal = {.literal = copy};
    struct sealed_edit edit = i ? literal : range;
    uint8_t digest[DIGEST_LEN];

    digest_of(copy, SLICE_NONE, digest);
    const struct sealed s = {
        .id = letter_id_slice(&place.id),
        .copy = i + 1,
        .digest = SLICE_ARRAY(digest),
        .size = copy.len,
        .edits = {&edit, 1},
        .method = i ? RUNG_SMIME : RUNG_NONE
    };
    add(records, n, a, RECORD_SEALED, &sealed_schema, &s);
}

/* Facts, content; and behind them in one commit the decision with three copies. */
static void write_letter(struct slice waits)
{
    OWN(ledger) struct ledger *ledger = NULL;
    OWN(arena) struct arena a = {.max = 1 << 20};
    const struct ledger_options options = {.record_keys = place.keys};
    struct ledger_record records[COPIES + 1];
    struct recipient to[COPIES];
    struct ruling rulings[COPIES];
    uint8_t indexes[COPIES][2] = {0};
    uint8_t digest[DIGEST_LEN];
    size_t n = 0;
    struct error e;

    assert_ok(ledger_open(place.ledger, place.key, &options, &ledger, &e), e);
    digest_of(SLICE(LETTER), SLICE_NONE, digest);
    for (size_t i = 0; i < COPIES; i++) {
        to[i] = (struct recipient){.address = slice_text(recipients[i])};
        indexes[i][1] = (uint8_t)i;
        rulings[i] = (struct ruling){.domain = letter_domain(to[i].address),
                                     .recipients = SLICE_ARRAY(indexes[i]),
                                     .level = LEVEL_ENCRYPTED,
                                     .copy = i + 1,
                                     .method = i ? RUNG_SMIME : RUNG_NONE};
    }
    const struct facts f = {
        .id = letter_id_slice(&place.id),
        .kind = LETTER_SUBMITTED,
        .received_at = (uint64_t)clock_wall_ms(),
        .account = SLICE("anna@example.test"),
        .reverse_path = SLICE("anna@example.test"),
        .recipients = {to, COPIES},
        .size = sizeof(LETTER) - 1,
        .digest = SLICE_ARRAY(digest)
    };
    const struct content c = {letter_id_slice(&place.id), SLICE(LETTER)};
    const struct decision d = {
        .id = letter_id_slice(&place.id),
        .rulings = {rulings,                        COPIES                 },
        .need = { .rule = waits, .digest = SLICE_ARRAY(digest), .until = UINT64_MAX / 4}
    };
    add(records, &n, &a, RECORD_FACTS, &facts_schema, &f);
    add(records, &n, &a, RECORD_CONTENT, &content_schema, &c);
    assert_ok(ledger_append(ledger, records, n, NULL, &e), e);
    n = 0;
    add(records, &n, &a, RECORD_DECISION, &decision_schema, &d);
    for (size_t i = 0; i < COPIES; i++) {
        write_copy(records, &n, &a, i);
    }
    assert_ok(ledger_append(ledger, records, n, NULL, &e), e);
}

/* ── what delivery gets ── */

/* Take a job; the index of its one recipient, or -1 when there is none. Its bytes are his. */
static int take_job(uint64_t life)
{
    struct keeper_courier courier = {place.k, life};
    OWN(arena) struct arena a = {.max = 16 << 20};
    OWN(memfd_map) struct memfd_map map = {0};
    const struct keeper_job_ask ask = {.wait_ms = 200};
    struct keeper_job job = {0};
    struct ipc_request r = {.ask = &ask, .answer = &job, .answer_fd = -1, .fd = -1, .arena = &a};
    struct error e;

    assert_ok(keeper_on_job_next(&courier, &r, &e), e);
    if (job.job == 0) {
        return -1;
    }
    assert_int_equal(job.recipients.count, 1);
    for (int i = 0; i < COPIES; i++) {
        const struct recipient *to = job.recipients.items;
        if (slice_equal(to->address, slice_text(recipients[i]))) {
            assert_ok(memfd_map(r.answer_fd, 10000, &map, &e), e);
            assert_slice(map.bytes, bytes[i]);
            assert_int_equal(job.size, strlen(bytes[i]));
            (void)close(r.answer_fd);
            return i;
        }
    }
    fail_msg("a job for nobody");
    return -1;
}

static unsigned take_all(void)
{
    uint64_t life = keeper_delivery_restarted(place.k);
    unsigned taken = 0;

    for (int i = take_job(life); i >= 0; i = take_job(life)) {
        taken |= 1U << i;
    }
    return taken;
}

static void stop(void)
{
    keeper_close(place.k);
    place.k = NULL;
}

static void alter(const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path_of("catalog.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_true(sqlite3_changes(db) > 0);
    (void)sqlite3_close(db);
}

/* ── tests ── */

static void each_gets_his_copy_after_a_kill(void **unused)
{
    (void)unused;
    begin();
    write_letter(SLICE_NONE);
    start();
    assert_int_equal(take_all(), 7);
    assert_int_equal(take_all(), 7); /* delivery died: from memory, the same */
    tail_rebuild(place.k);
    stop();
    start(); /* from the catalog that was made anew */
    assert_int_equal(take_all(), 7);
    stop();
    finish();
}

/* Exchange where two records are said to be: no recipient gets the other one's. */
static void an_altered_catalog_gives_nobody_anothers_copy(void **unused)
{
    (void)unused;
    begin();
    write_letter(SLICE_NONE);
    start();
    stop();
    alter("CREATE TABLE was AS SELECT * FROM records WHERE type = 20 ORDER BY seq;"
          "UPDATE records SET offset = (SELECT max(offset) FROM was) WHERE type = 20 AND offset ="
          " (SELECT offset FROM was ORDER BY seq LIMIT 1 OFFSET 1); DROP TABLE was;"
          "UPDATE meta SET name = name");
    start();
    assert_int_equal(take_all() & 2, 0);
    stop();
    finish();
}

/* What stands for all copies is what a second person approves. */
static void all_copies_have_one_digest(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    uint8_t digests[COPIES * DIGEST_LEN];
    uint8_t whole[DIGEST_LEN];
    struct parcel **waiting = NULL;
    struct slice digest;
    struct error e;

    begin();
    write_letter(SLICE("rule"));
    start();
    assert_int_equal(take_all(), 0);
    assert_int_equal(consent_list(place.k, &a, &waiting), 1);
    assert_int_equal(waiting[0]->n_copies, COPIES);
    assert_ok(parcel_digest(place.k, waiting[0], &a, &digest, &e), e);
    for (size_t i = 0; i < COPIES; i++) {
        digest_of(slice_text(bytes[i]), SLICE_NONE, digests + i * DIGEST_LEN);
    }
    digest_of(SLICE_ARRAY(digests), SLICE_NONE, whole);
    assert_true(slice_equal(digest, SLICE_ARRAY(whole)));
    parcel_drop(waiting[0]);
    stop();
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gets_his_copy_after_a_kill),
        cmocka_unit_test(an_altered_catalog_gives_nobody_anothers_copy),
        cmocka_unit_test(all_copies_have_one_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
