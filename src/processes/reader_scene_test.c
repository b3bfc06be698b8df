#include "processes/reader_scene_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/sandbox.h"
#include "keyring/digest.h"

#define STRANGER 61396
#define GROUP    61397

const char scene_letter[] = "From: anna@example.test\r\nBcc: zoe@partner.test\r\n"
                            "Subject: Angebot\r\n\r\nMorgen.\r\n";
#define BCC_AT  25
#define BCC_LEN 23
static const char signature[] = "X-Signature: none\r\n";

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

static void make_copy(struct slice content, struct buf *copy)
{
    buf_add(copy, SLICE(signature));
    buf_add(copy, slice_head(content, BCC_AT));
    buf_add(copy, slice_from(content, BCC_AT + BCC_LEN));
}

/* A letter with facts, content and, where wanted, the recipe of its copy. */
static void archive(struct place *p, const char *subject, bool copied)
{
    uint8_t digest[DIGEST_LEN];
    uint8_t copy_digest[DIGEST_LEN];
    struct slice content = SLICE(scene_letter);
    struct recipient to[] = {{.address = SLICE_INIT("bob@partner.test")},
                             {.address = SLICE_INIT("zoe@partner.test")}};
    OWN(buf) struct buf copy = {.max = 1000};
    struct error e;

    p->id = letter_id_new();
    digest_of(content, SLICE_NONE, digest);
    make_copy(content, &copy);
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
        .account = SLICE("anna@example.test"),
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
    if (copied) {
        append_sealed(p, &s);
    }
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

void scene_archive(struct place *p, const char *subject)
{
    archive(p, subject, true);
}

void scene_archive_uncopied(struct place *p, const char *subject)
{
    archive(p, subject, false);
}

void scene_add_copy(struct place *p, uint64_t number, const char *bytes)
{
    struct sealed_edit edit = {.literal = slice_text(bytes)};
    struct slice how = SLICE("AES-256-GCM");
    uint8_t digest[DIGEST_LEN];

    digest_of(edit.literal, SLICE_NONE, digest);
    const struct sealed s = {
        .id = letter_id_slice(&p->id),
        .copy = number,
        .digest = SLICE_ARRAY(digest),
        .size = edit.literal.len,
        .edits = {&edit, 1},
        .method = RUNG_SMIME,
        .protection = {&how,  1}
    };
    append_sealed(p, &s);
    fold(p);
}

void scene_decide(struct place *p, uint64_t guard)
{
    struct ruling ruling = {.domain = SLICE("partner.test"),
                            .recipients = SLICE("\0\0\0\1"),
                            .level = LEVEL_VERIFIED,
                            .hold = guard != GUARD_NONE,
                            .guard = guard};
    const struct decision d = {
        .id = letter_id_slice(&p->id), .rulings = {&ruling, 1}
    };
    OWN(buf) struct buf body = {.max = 1 << 20};
    struct error e;

    cbor_write(&body, &decision_schema, &d);
    const struct ledger_record record = {RECORD_DECISION, buf_slice(&body)};
    assert_ok(ledger_append(p->ledger, &record, 1, NULL, &e), e);
    fold(p);
}

void scene_archive_notice(struct place *p)
{
    struct letter_id about = p->id;
    uint8_t digest[DIGEST_LEN];

    p->id = letter_id_new();
    digest_of(SLICE("notice"), SLICE_NONE, digest);
    const struct facts f = {.id = letter_id_slice(&p->id),
                            .kind = LETTER_NOTICE,
                            .received_at = 6000,
                            .size = 6,
                            .digest = SLICE_ARRAY(digest),
                            .about = letter_id_slice(&about)};
    const struct content c = {letter_id_slice(&p->id), SLICE("notice")};
    p->seq = append_letter(p, &f, &c).seq;
    fold(p);
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
    return dprintf(*fd, "%s%.*s|%.*s|%.*s|%llu\n", act->refused ? "REFUSED " : "",
                   SLICE_ARG(act->by), SLICE_ARG(act->verb), SLICE_ARG(act->object),
                   (unsigned long long)act->count) > 0;
}

static bool who(void *pipe, const struct caller_ask *ask, struct arena *arena,
                struct caller *caller, struct error *e)
{
    static struct slice anna[] = {SLICE_INIT("anna@example.test"),
                                  SLICE_INIT("sales@example.test")};
    /* The second one cannot be said in a query: each letter is judged by its facts. */
    static struct slice zoe[] = {SLICE_INIT("zoe@example.test"),
                                 SLICE_INIT("\"x\" OR from:anna\"@example.test")};

    (void)pipe;
    *caller = (struct caller){.by = SLICE("uid 0"), .at = SLICE("uid 0")};
    switch (ask->pass.len ? ask->pass.ptr[0] : 0) {
    case SCENE_ANNA:
        caller->addresses = (struct cbor_list){anna, 2};
        break;
    case SCENE_ZOE:
        caller->addresses = (struct cbor_list){zoe, 2};
        break;
    case SCENE_NOBODY:
        return true;
    case SCENE_OVER:
        return error_set(e, ERROR_DENIED, "the sign-in is over");
    case SCENE_BOB:
        caller->account = SLICE("bob@example.test");
        caller->role = ACCOUNT_EMPLOYEE;
        return true;
    case SCENE_CARL:
        caller->account = SLICE("carl@example.test");
        caller->role = ACCOUNT_EMPLOYEE;
        return true;
    default:
        caller->account = SLICE("auditor@example.test");
        caller->role = ACCOUNT_AUDITOR;
        return true;
    }
    (void)arena;
    caller->role = ACCOUNT_EMPLOYEE;
    caller->account = ((struct slice *)caller->addresses.items)[0];
    caller->by = caller->account;
    return true;
}

bool scene_show(struct place *p, enum scene_peer peer)
{
    uint8_t pass[IPC_PASS_LEN] = {(uint8_t)peer};
    const struct caller_pass_ask ask = {.pass = SLICE_ARRAY(pass)};
    struct error e;

    return ipc_call(p->pool, &caller_pass, &ask, -1, NULL, NULL, &p->arena, WITHIN, &e);
}

/* What stands for several copies. */
static void several(uint8_t digest[static DIGEST_LEN], bool hidden_alone)
{
    uint8_t all[3 * DIGEST_LEN];

    (void)memcpy(all, digest, DIGEST_LEN);
    digest_of(SLICE(SCENE_HIDDEN_ZOE), SLICE_NONE, all + DIGEST_LEN);
    digest_of(SLICE(SCENE_HIDDEN_BOB), SLICE_NONE, all + (size_t)2 * DIGEST_LEN);
    digest_of(hidden_alone ? slice_from(SLICE_ARRAY(all), DIGEST_LEN) : SLICE_ARRAY(all),
              SLICE_NONE, digest);
}

static bool approves(void *pipe, const struct keeper_consent_ask *ask, struct arena *arena,
                     struct keeper_consent_answer *answer, struct error *e)
{
    OWN(buf) struct buf copy = {.max = 1000};
    uint8_t *digest = arena_alloc(arena, DIGEST_LEN);

    (void)pipe;
    (void)e;
    make_copy(slice_starts(ask->account, SLICE("zoe")) ? SLICE("other") : SLICE(scene_letter),
              &copy);
    digest_of(buf_slice(&copy), SLICE_NONE, digest);
    if (slice_starts(ask->account, SLICE("bob")) || slice_starts(ask->account, SLICE("carl"))) {
        several(digest, slice_starts(ask->account, SLICE("carl")));
    }
    *answer = (struct keeper_consent_answer){.may = !slice_starts(ask->account, SLICE("auditor")),
                                             .digest = slice_of(digest, DIGEST_LEN)};
    return true;
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
                            .who = who,
                            .approves = approves,
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
    server.gate = reader_gate;
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

int scene_set_up(void **state)
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
    scene_archive(&p, "Angebot");
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

int scene_tear_down(void **state)
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

struct place *scene_place(void **state)
{
    if (geteuid() != 0) {
        print_message("skipped: changing the user needs root\n");
        skip();
    }
    return *state;
}

/* What was recorded since the last look, without the id of the letter. */
const char *scene_recorded(struct place *p)
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
