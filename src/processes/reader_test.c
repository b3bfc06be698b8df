/* The reader as it runs: another user, locked in by landlock and the filter of system calls, with
 * rights to read only, while the writers have everything open. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/memfd.h"
#include "host/sandbox.h"
#include "ipc/pool.h"
#include "keyring/digest.h"
#include "ledger/checkpoint.h"
#include "ledger/ledger.h"
#include "processes/reader.h"
#include "requests/reader.h"
#include "search/index.h"
#include "tests/test.h"

#define STRANGER 61396
#define GROUP    61397
#define WITHIN   20000

static const char letter_bytes[] = "From: anna@example.test\r\nBcc: zoe@partner.test\r\n"
                                   "Subject: Angebot\r\n\r\nMorgen.\r\n";
#define BCC_AT  25
#define BCC_LEN 23
static const char signature[] = "X-Signature: none\r\n";

/* An archive, its writers, and the process that reads it. */
struct place {
    char folder[64];
    int ledger_directory;
    struct secret *key;
    struct ledger *ledger;
    struct catalog *catalog;
    struct search_index *index;
    struct letter_id id;
    uint64_t seq;
    pid_t reader;
    int recorded; /* a line for each record that the reader asked for */
    struct ipc_pool *pool;
    struct arena arena;
};

static const char *path_of(const struct place *p, const char *name)
{
    static char paths[4][128];
    static size_t next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", p->folder, name);
    return path;
}

/* Append facts and content together, as the keeper does. */
static struct ledger_ref append_letter(struct place *p, const struct facts *f,
                                       const struct content *c)
{
    OWN(buf) struct buf facts = {.max = 1 << 20};
    OWN(buf) struct buf content = {.max = 1 << 20};
    struct ledger_ref refs[2];
    struct error e;

    cbor_write(&facts, &facts_schema, f);
    cbor_write(&content, &content_schema, c);
    const struct ledger_record records[] = {
        {RECORD_FACTS,   buf_slice(&facts)  },
        {RECORD_CONTENT, buf_slice(&content)}
    };
    assert_ok(ledger_append(p->ledger, records, 2, refs, &e), e);
    return refs[0];
}

static void append_sealed(struct place *p, const struct sealed *sealed)
{
    OWN(buf) struct buf body = {.max = 1 << 20};
    struct error e;

    cbor_write(&body, &sealed_schema, sealed);
    const struct ledger_record record = {RECORD_SEALED, buf_slice(&body)};
    assert_ok(ledger_append(p->ledger, &record, 1, NULL, &e), e);
}

static void fold(struct place *p)
{
    OWN(ledger_reader) struct ledger_reader *reader = NULL;
    struct ledger_position at = catalog_position(p->catalog);
    struct ledger_entry entry;
    struct error e;

    assert_ok(ledger_reader_open(p->ledger_directory, p->key, &reader, &e), e);
    assert_ok(catalog_begin(p->catalog, &e), e);
    while (ledger_reader_next(reader, &at, NULL, &p->arena, &entry, &e) == LEDGER_ENTRY) {
        assert_ok(catalog_apply(p->catalog, &entry, &p->arena, &e), e);
    }
    assert_ok(catalog_commit(p->catalog, at, &e), e);
}

/* A letter with facts, content and the recipe of its copy. */
static void archive_letter(struct place *p, const char *subject)
{
    uint8_t digest[DIGEST_LEN];
    uint8_t copy_digest[DIGEST_LEN];
    struct slice content = SLICE(letter_bytes);
    struct recipient to[] = {{.address = SLICE_INIT("bob@partner.test")},
                             {.address = SLICE_INIT("zoe@partner.test")}};
    OWN(buf) struct buf copy = {.max = 1000};
    struct error e;

    p->id = letter_id_new();
    digest_of(content, SLICE_NONE, digest);
    buf_add(&copy, SLICE(signature));
    buf_add(&copy, slice_head(content, BCC_AT));
    buf_add(&copy, slice_from(content, BCC_AT + BCC_LEN));
    digest_of(buf_slice(&copy), SLICE_NONE, copy_digest);
    struct sealed_edit edits[] = {
        {.literal = SLICE(signature)           },
        { .offset = 0,                         .len = BCC_AT},
        { .offset = BCC_AT + BCC_LEN, .len = content.len - BCC_AT - BCC_LEN}
    };
    const struct facts f = {
        .id = letter_id_slice(&p->id),
        .kind = LETTER_SUBMITTED,
        .received_at = 5000,
        .reverse_path = SLICE("anna@example.test"),
        .recipients = {to, 2},
        .size = content.len,
        .digest = slice_of(digest, DIGEST_LEN),
        .subject = slice_text(subject)
    };
    const struct content c = {letter_id_slice(&p->id), content};
    const struct sealed s = {
        .id = letter_id_slice(&p->id),
        .copy = 1,
        .digest = slice_of(copy_digest, DIGEST_LEN),
        .size = copy.len,
        .edits = {edits, 3}
    };
    p->seq = append_letter(p, &f, &c).seq;
    append_sealed(p, &s);
    fold(p);
    const struct slice recipients[] = {to[0].address, to[1].address};
    struct search_letter indexed = {.seq = p->seq,
                                    .at = 5000,
                                    .reading = SEARCH_UNREAD,
                                    .sender = f.reverse_path,
                                    .recipients = recipients,
                                    .n_recipients = 2};
    assert_ok(search_index_write(p->index, &indexed, 1, p->seq + 1, &e), e);
}

/* ── the process ── */

/* The test folds before it asks. */
static void settle(void *pipe)
{
    (void)pipe;
}

static bool record(void *pipe, const struct act *act, struct error *e)
{
    const int *fd = pipe;

    if (slice_equal(act->reason, SLICE("unrecordable"))) {
        return error_set(e, ERROR_BUSY, "the disk is full");
    }
    return dprintf(*fd, "%.*s|%.*s|%.*s|%llu\n", SLICE_ARG(act->by), SLICE_ARG(act->verb),
                   SLICE_ARG(act->object), (unsigned long long)act->count) > 0;
}

static void be_the_reader(struct place *p, int channel, int tell)
{
    struct reader reader = {.ledger_directory = p->ledger_directory,
                            .ledger_key = p->key,
                            .search_key = p->key,
                            .catalog_path = path_of(p, "catalog/catalog.db"),
                            .search_path = path_of(p, "catalog/search.db"),
                            .record = record,
                            .settle = settle,
                            .context = &tell};
    int catalog = open(path_of(p, "catalog"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct sandbox walls = {
        .groups = SANDBOX_FILE_READ | SANDBOX_ACCEPT,
        .uid = STRANGER,
        .gid = GROUP,
        .root = -1,
        .best_effort = true,
        .files_max = 100,
        .n_paths = 2,
        .paths = {{p->ledger_directory, SANDBOX_READ}, {catalog, SANDBOX_READ}}
    };
    struct ipc_server server;
    struct error e;

    if (!sandbox_enter(&walls, &e) || open(reader.catalog_path, O_RDWR | O_CLOEXEC) >= 0) {
        (void)fprintf(stderr, "not locked in: %s\n", e.text);
        _exit(9);
    }
    ipc_server_init(&server, &reader_table, &reader);
    _exit(ipc_serve(&server, channel, &e) ? 0 : 8);
}

static void start_reader(struct place *p)
{
    int ends[2], pipe_ends[2];
    struct error e;

    assert_ok(packet_pair(ends, &e), e);
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
    p->reader = fork();
    if (p->reader == 0) {
        (void)close(ends[0]);
        be_the_reader(p, ends[1], pipe_ends[1]);
    }
    (void)close(ends[1]);
    (void)close(pipe_ends[1]);
    p->recorded = pipe_ends[0];
    p->pool = ipc_pool_new("reader");
    ipc_pool_add(p->pool, ends[0]);
}

static void make_folder(const char *path)
{
    assert_true(mkdir(path, 0700) == 0 && chown(path, 0, GROUP) == 0 && chmod(path, 02750) == 0);
}

static int set_up(void **state)
{
    static struct place p;
    uint8_t key[32] = {9};
    struct error e;

    *state = &p;
    p = (struct place){.folder = "/tmp/postern-reader-XXXXXX"};
    if (geteuid() != 0) {
        return 0;
    }
    (void)umask(027);
    assert_non_null(mkdtemp(p.folder));
    assert_int_equal(chmod(p.folder, 0755), 0);
    make_folder(path_of(&p, "ledger"));
    make_folder(path_of(&p, "catalog"));
    arena_init(&p.arena, 64 << 20);
    p.key = secret_copy(SLICE_ARRAY(key));
    p.ledger_directory = open(path_of(&p, "ledger"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_ok(ledger_open(p.ledger_directory, p.key, NULL, &p.ledger, &e), e);
    assert_ok(
        catalog_open(path_of(&p, "catalog/catalog.db"), true, SLICE_ARRAY(key), &p.catalog, &e), e);
    assert_ok(search_index_open(path_of(&p, "catalog/search.db"), SLICE_ARRAY(key), &p.index, &e),
              e);
    archive_letter(&p, "Angebot");
    start_reader(&p);
    return 0;
}

static void remove_all(const struct place *p, const char *name)
{
    DIR *dir = opendir(path_of(p, name));

    assert_non_null(dir);
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        (void)unlinkat(dirfd(dir), d->d_name, 0);
    }
    (void)closedir(dir);
    (void)rmdir(path_of(p, name));
}

static int tear_down(void **state)
{
    struct place *p = *state;
    int status = 0;

    if (geteuid() != 0) {
        return 0;
    }
    ipc_pool_free(p->pool);
    (void)waitpid(p->reader, &status, 0);
    search_index_close(p->index);
    catalog_close(p->catalog);
    ledger_close(p->ledger);
    secret_free(p->key);
    arena_done(&p->arena);
    (void)close(p->recorded);
    (void)close(p->ledger_directory);
    remove_all(p, "ledger");
    remove_all(p, "catalog");
    (void)rmdir(p->folder);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

static struct place *place_of(void **state)
{
    if (geteuid() != 0) {
        print_message("skipped: changing the user needs root\n");
        skip();
    }
    return *state;
}

/* What was recorded since the last look, without the id of the letter. */
static const char *recorded(struct place *p)
{
    static char text[1000];
    char id[LETTER_ID_TEXT];
    ssize_t n = read(p->recorded, text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    letter_id_text(&p->id, id);
    char *at = strstr(text, id);
    if (at) {
        (void)memset(at, '*', LETTER_ID_TEXT - 1);
    }
    return text;
}

static void search_finds_what_was_just_archived(void **state)
{
    struct place *p = place_of(state);
    const struct reader_search_ask ask = {.query = SLICE("to:zoe@partner.test"), .limit = 10};
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
        archive_letter(p, "Noch eins");
    }
    assert_non_null(strstr(recorded(p), "uid 0|search|to:zoe@partner.test|1\n"));
}

static void search_refuses_what_it_does_not_understand(void **state)
{
    struct place *p = place_of(state);
    struct reader_search_ask ask = {.query = SLICE("to:\"")};
    struct reader_search_answer answer;
    struct error e;

    assert_false(ipc_call(p->pool, &reader_search, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_string_equal(recorded(p), "");
    ask.query = SLICE_NONE; /* the newest */
    assert_ok(ipc_call(p->pool, &reader_search, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
    assert_int_equal(answer.hits.count, 1);
}

static void show_tells_everything_but_the_content(void **state)
{
    struct place *p = place_of(state);
    struct reader_letter_ask ask = {.id = letter_id_slice(&p->id)};
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
    assert_string_equal(recorded(p), "uid 0|show|****************|2\n");
    ask.from = records[0].seq + 1;
    assert_ok(ipc_call(p->pool, &reader_show, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
    assert_int_equal(answer.records.count, 1);
}

static void export(struct place *p, bool as_sent, struct buf *out)
{
    OWN(memfd_map) struct memfd_map map = {0};
    OWN(fd) int fd = -1;
    const struct reader_letter_ask ask = {.id = letter_id_slice(&p->id), .as_sent = as_sent};
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
    struct place *p = place_of(state);
    OWN(buf) struct buf got = {.max = 10000};

    export(p, false, &got);
    assert_string_equal((const char *)got.ptr, letter_bytes);
    assert_string_equal(recorded(p), "uid 0|export|****************|77\n");
    export(p, true, &got);
    assert_string_equal((const char *)got.ptr, "X-Signature: none\r\nFrom: anna@example.test\r\n"
                                               "Subject: Angebot\r\n\r\nMorgen.\r\n");
    assert_string_equal(recorded(p), "uid 0|export as sent|****************|73\n");
}

static void nothing_is_read_unrecorded(void **state)
{
    struct place *p = place_of(state);
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
    struct place *p = place_of(state);
    const struct letter_id other = letter_id_new();
    struct reader_letter_ask ask = {.id = letter_id_slice(&other)};
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
    struct place *p = place_of(state);
    OWN(buf) struct buf right = {.max = CHECKPOINT_NOTE_MAX};
    OWN(buf) struct buf wrong = {.max = CHECKPOINT_NOTE_MAX};
    struct reader_verify_ask ask = {.since = SLICE_NONE};
    struct reader_verify_answer answer;
    struct error e;

    assert_ok(ipc_call(p->pool, &reader_verify, &ask, -1, &answer, NULL, &p->arena, WITHIN, &e), e);
    assert_int_equal(answer.faults_found, 0);
    assert_false(answer.since_checked);
    assert_int_equal(answer.root.len, LEDGER_ROOT_LEN);
    assert_non_null(strstr(recorded(p), "uid 0|verify||"));
    note_of(p, false, &right);
    archive_letter(p, "Noch eins");
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

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(search_finds_what_was_just_archived),
        WITH_PLACE(search_refuses_what_it_does_not_understand),
        WITH_PLACE(show_tells_everything_but_the_content),
        WITH_PLACE(export_gives_the_bytes_submitted_and_those_sent),
        WITH_PLACE(nothing_is_read_unrecorded),
        WITH_PLACE(unknown_letters_are_not_found),
        WITH_PLACE(verify_holds_against_a_checkpoint_and_reports_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
