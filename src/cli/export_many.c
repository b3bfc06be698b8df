/* All letters that a query finds: page by page, each durable before the next. */
#include "cli/export_many.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/print.h"
#include "host/file.h"
#include "host/memfd.h"
#include "keyring/digest.h"
#include "requests/admin.h"
#include "requests/signer.h"

#define CHUNK        65536
#define MANIFEST_MAX ((size_t)256 << 20)

static bool format_of(struct cli *c, enum export_format *format, struct error *e)
{
    static const char *const names[] = {[EXPORT_EML] = "eml",
                                        [EXPORT_MBOX] = "mbox",
                                        [EXPORT_EDRM] = "edrm",
                                        [EXPORT_CONCORDANCE] = "concordance"};
    const char *name = arguments_text(&c->arguments, "format", 0);

    *format = EXPORT_EML;
    for (int i = 0; name && i <= EXPORT_CONCORDANCE; i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (enum export_format)i;
            return true;
        }
    }
    return !name || error_set(e, ERROR_INPUT,
                              "--format wants eml, mbox, edrm or concordance, not `%s`", name);
}

static struct slice reason_of(struct export *x)
{
    return slice_text(arguments_text(&x->cli->arguments, "reason", 0));
}

/* ── a page ── */

static bool write_letter(struct export *x, const struct reader_pulled *from, struct slice bytes,
                         struct error *e)
{
    struct export_letter l = {.id = from->id, .seq = from->seq};
    struct error why;

    if (from->failure.len) {
        export_exception(x, from->id, SLICE("letter, not exported"), from->failure);
        return true;
    }
    if (from->start > bytes.len || from->len > bytes.len - from->start) {
        return error_set(e, ERROR_CORRUPT, "a letter's bytes did not come along");
    }
    if (!cbor_read(from->facts, &facts_schema, &x->page, &l.facts, &why) ||
        (from->findings.len &&
         !cbor_read(from->findings, &findings_schema, &x->page, &l.findings, &why))) {
        export_exception(x, from->id, SLICE("letter, not exported"),
                         arena_copy(&x->page, slice_text(why.text)));
        return true;
    }
    l.bytes = slice_of(bytes.ptr + from->start, from->len);
    return export_letter(x, &l, e);
}

/* Ask for the letters of these ids until all have come. */
static bool pull(struct export *x, struct slice *ids, size_t n, struct error *e)
{
    while (n) {
        OWN(fd) int fd = -1;
        OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
        struct reader_pull_answer answer;
        const struct reader_pull_ask ask = {
            .ids = {ids, n < READER_PULL_MAX ? n : READER_PULL_MAX},
            .reason = reason_of(x),
            .case_name = x->case_name
        };
        if (!cli_pull(x->cli, &reader_pull, &ask, &answer, &fd, &x->page, CLI_ASK_MS, e) ||
            !memfd_map(fd, READER_PULL_BYTES_MAX, &map, e)) {
            return false;
        }
        const struct reader_pulled *letters = answer.letters.items;
        if (answer.letters.count == 0 || answer.letters.count > n) {
            return error_set(e, ERROR_BUSY, "the reader gave no letters");
        }
        for (size_t i = 0; i < answer.letters.count; i++) {
            if (!write_letter(x, &letters[i], map.bytes, e)) {
                return false;
            }
        }
        ids += answer.letters.count;
        n -= answer.letters.count;
    }
    return true;
}

static struct slice id_text(struct arena *arena, struct slice bytes)
{
    char text[LETTER_ID_TEXT] = "";
    struct letter_id id;

    if (letter_id_from(bytes, &id)) {
        letter_id_text(&id, text);
    }
    return arena_copy(arena, slice_text(text));
}

/* What is not in the index is not found, and must not be missed in silence. */
static void say_coverage(struct export *x, const struct reader_search_answer *answer)
{
    if (answer->indexed < answer->archived) {
        export_exception(x, SLICE_NONE, SLICE("search"),
                         arena_printf(&x->page,
                                      "only %llu of %llu letters were searchable at that time",
                                      (unsigned long long)answer->indexed,
                                      (unsigned long long)answer->archived));
    }
}

static bool write_page(struct export *x, struct error *e)
{
    const struct reader_search_ask ask = {.query = x->query,
                                          .limit = READER_PULL_MAX,
                                          .after = x->place,
                                          .reason = reason_of(x),
                                          .case_name = x->case_name};
    struct reader_search_answer answer;

    arena_reset(&x->page);
    if (!cli_pull(x->cli, &reader_search, &ask, &answer, NULL, &x->page, CLI_ASK_MS, e)) {
        return false;
    }
    const struct reader_hit *hits = answer.hits.items;
    struct slice *ids = arena_array(&x->page, answer.hits.count + 1, sizeof(*ids));
    for (size_t i = 0; i < answer.hits.count; i++) {
        ids[i] = id_text(&x->page, hits[i].id);
    }
    if (x->place.len == 0) {
        say_coverage(x, &answer);
    }
    if (!pull(x, ids, answer.hits.count, e)) {
        return false;
    }
    x->end = !answer.more;
    x->place = x->end ? x->place : arena_copy(&x->cli->arena, answer.next);
    return export_save(x, e);
}

/* ── the end ── */

static bool digest_manifest(struct export *x, uint8_t *digest, struct error *e)
{
    OWN(fd) int fd = openat(x->directory, "manifest.csv", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    OWN(digest) struct digest *d = digest_new();
    uint8_t chunk[CHUNK];
    ssize_t n = 1;

    while (fd >= 0 && n > 0) {
        n = read(fd, chunk, sizeof(chunk));
        digest_add(d, slice_of(chunk, n > 0 ? (size_t)n : 0));
    }
    if (fd < 0 || n < 0) {
        return error_errno(e, ERROR_BUSY, "manifest.csv");
    }
    digest_end(d, digest);
    return true;
}

/* One letter's proof as a file; its id is the first field of a line of the manifest. */
static bool write_proof(struct export *x, int directory, struct slice text, struct slice note,
                        struct error *e)
{
    char name[LETTER_ID_TEXT + 8];
    struct letter_id id;
    struct reader_prove_answer answer;

    if (!letter_id_parse(text, &id)) {
        return error_set(e, ERROR_CORRUPT, "manifest.csv was changed meanwhile");
    }
    arena_reset(&x->page);
    const struct reader_prove_ask ask = {
        .note = note, .id = letter_id_slice(&id), .reason = reason_of(x)};
    if (!cli_pull(x->cli, &reader_prove, &ask, &answer, NULL, &x->page, CLI_LONG_MS, e)) {
        return false;
    }
    (void)snprintf(name, sizeof(name), "%.*s.proof", SLICE_ARG(text));
    OWN(fd)
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "proofs/%s", name);
    }
    return export_write_all(fd, answer.proof, e);
}

/* A proof for each letter, which `postern-verify --proof` checks without the ledger. Each reads the heads
 * of the whole ledger. */
static bool write_proofs(struct export *x, struct slice note, struct error *e)
{
    OWN(buf) struct buf manifest = {.max = MANIFEST_MAX};

    (void)mkdirat(x->directory, "proofs", 0700);
    OWN(fd) int directory = openat(x->directory, "proofs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return error_errno(e, ERROR_CONFIG, "proofs");
    }
    if (!file_read_all(x->directory, "manifest.csv", &manifest, e)) {
        return error_add(e, "manifest.csv, for --proofs");
    }
    struct slice rest = buf_slice(&manifest);
    (void)slice_cut(rest, '\n', &rest); /* the heads of the columns */
    while (rest.len) {
        struct slice line = slice_cut(rest, '\n', &rest);
        struct slice id = slice_head(slice_from(line, 1), LETTER_ID_TEXT - 1);
        if (!write_proof(x, directory, id, note, e)) {
            return false;
        }
    }
    return syncfs(directory) == 0 || error_errno(e, ERROR_BUSY, "proofs");
}

/* The manifest's digest becomes a record, and then a checkpoint is signed over that record. */
static bool anchor(struct export *x, struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    struct checkpoint_record checkpoint;

    if (!digest_manifest(x, digest, e)) {
        return false;
    }
    const struct reader_exported_ask ask = {
        .query = x->query,
        .digest = print_hex(&x->page, slice_of(digest, DIGEST_LEN)),
        .count = x->count,
        .reason = reason_of(x),
        .case_name = x->case_name,
    };
    if (!cli_pull(x->cli, &reader_exported, &ask, NULL, NULL, &x->page, CLI_ASK_MS, e) ||
        !cli_ask(x->cli, CLI_KEEPER, &admin_checkpoint, NULL, &checkpoint, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    OWN(fd)
    int fd = openat(x->directory, "checkpoint.txt",
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "checkpoint.txt");
    }
    buf_printf(&x->cli->out, "manifest.csv has SHA-256 %.*s, which the ledger holds\n",
               SLICE_ARG(ask.digest));
    if (!export_write_all(fd, checkpoint.note, e)) {
        return false;
    }
    if (fsync(fd) != 0) {
        return error_errno(e, ERROR_BUSY, "checkpoint.txt");
    }
    return !arguments_flag(&x->cli->arguments, "proofs") || write_proofs(x, checkpoint.note, e);
}

static bool finish(struct export *x, struct error *e)
{
    if (!export_end(x, e) || !anchor(x, e)) {
        return false;
    }
    x->whole = true;
    return export_save(x, e);
}

static bool run(struct export *x, const char *path, struct error *e)
{
    if (!export_open(x, path, e)) {
        return false;
    }
    if (x->whole) {
        return error_set(e, ERROR_INPUT, "%s holds this export already, and it is whole", path);
    }
    if (x->count) {
        (void)fprintf(stderr, "An export that was interrupted goes on behind letter %llu.\n",
                      (unsigned long long)x->count);
    }
    while (!x->end) {
        if (!write_page(x, e)) {
            return false;
        }
    }
    if (!finish(x, e)) {
        return false;
    }
    buf_printf(&x->cli->out, "%llu letters exported, %llu exceptions\n",
               (unsigned long long)x->count, (unsigned long long)x->exceptions);
    x->cli->status = x->count && !x->exceptions ? 0 : CLI_NOTHING;
    return true;
}

bool export_many(struct cli *c, struct error *e)
{
    struct slice query = slice_text(arguments_text(&c->arguments, "query", 0));
    struct slice case_name = slice_text(arguments_text(&c->arguments, "case", 0));
    const char *output = arguments_text(&c->arguments, "output", 0);
    const char *path = c->arguments.n_words ? c->arguments.words[0] : output;
    struct export x = {.cli = c, .query = query, .case_name = case_name, .directory = -1};

    if (!format_of(c, &x.format, e)) {
        return false;
    }
    if (!path || (output && c->arguments.n_words)) {
        return error_set(e, ERROR_INPUT, "name one directory, as a word or by -o");
    }
    if ((query.len == 0 && !case_name.len) || slice_find(case_name, '\n') < case_name.len ||
        slice_find(query, '\n') < query.len) {
        return error_set(e, ERROR_INPUT, "--query wants words to find, in one line");
    }
    bool done = run(&x, path, e);
    export_close(&x);
    return done;
}
