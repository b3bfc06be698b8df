/* postern-verify: is this ledger whole, and is it the one that was signed? Offline, with files and a
 * public key. It shares no code with the program that writes ledgers: docs/ledger-format.md is what both
 * keep to. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "verify/certificate.h"
#include "verify/check.h"
#include "verify/evidence.h"
#include "verify/proof.h"

#define CHECKPOINTS_MAX 4096
#define FILES_MAX       256
#define TEXT_MAX        ((size_t)8 << 20)   /* bytes of a file with checkpoints */
#define LETTER_MAX      ((size_t)256 << 20) /* of a letter */

enum verdict { VERDICT_WHOLE = 0, VERDICT_WRONG = 1, VERDICT_NONE = 2 };

struct job {
    const char *folder;
    const char *key_path;
    const char *notes[FILES_MAX]; /* files with checkpoints */
    size_t n_notes;
    const char *proof;
    const char *letter;
    const char *certificate;
    struct note_key key;
    struct checkpoint checkpoints[CHECKPOINTS_MAX];
    size_t n_checkpoints;
    struct report report;
};

static const char usage[] =
    "usage: postern-verify LEDGER-DIR [--key FILE --checkpoint FILE...]\n"
    "       postern-verify --proof FILE [--letter FILE] --key FILE\n"
    "       postern-verify --certificate FILE --key FILE\n"
    "\n"
    "Checks every byte of a Postern ledger, offline and without its secret key; or one letter, by "
    "a\n"
    "proof instead of the ledger.\n"
    "\n"
    "  --key FILE         the public key, as `postern ledger key` prints it\n"
    "  --checkpoint FILE  signed checkpoints that somebody else kept; the ledger must agree with "
    "them\n"
    "  --proof FILE       a proof, as `postern ledger prove` and `ledger growth` print it\n"
    "  --letter FILE      the letter that it is about, as `postern export` writes it\n"
    "  --certificate FILE a certificate, as `postern disposal certificate` writes it, or evidence, "
    "as\n"
    "                     `postern account evidence` does\n"
    "  --version          print the version\n"
    "\n"
    "Exit status: 0 whole, 1 something is wrong (a line for each says where), 2 there is no "
    "verdict.\n";

static bool fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "postern-verify: %s: %s\n", what, why);
    return false;
}

/* A small file as a whole, in memory that is the caller's to free. */
static bool read_file(const char *path, size_t max, struct view *out)
{
    FILE *f = fopen(path, "rbe");
    uint8_t *bytes = f ? malloc(max + 1) : NULL;

    if (!bytes) {
        if (f) {
            (void)fclose(f);
        }
        return fail(path, strerror(errno));
    }
    size_t n = fread(bytes, 1, max + 1, f);
    bool read = !ferror(f);
    int error = errno;
    (void)fclose(f);
    if (!read || n > max) {
        free(bytes);
        return fail(path, read ? "too large" : strerror(error));
    }
    *out = (struct view){bytes, n};
    return true;
}

static bool read_key(struct job *j)
{
    struct hash *h = hash_new();
    struct view text;
    bool read = read_file(j->key_path, TEXT_MAX, &text);

    if (read) {
        read = note_key_read(text, h, &j->key) ||
               fail(j->key_path, "this is no public key as `postern ledger key` prints it");
        free((void *)(uintptr_t)text.at);
    }
    hash_free(h);
    return read;
}

/* Take one note of a file. False when it is none. */
static bool take_note(struct job *j, const char *path, struct view text)
{
    struct note note;

    switch (note_read(text, &j->key, &note)) {
    case NOTE_MALFORMED:
        return fail(path, "this is no signed checkpoint");
    case NOTE_UNSIGNED:
        j->report.findings++;
        (void)fprintf(j->report.out,
                      "%s: the checkpoint of %llu records is not signed by the key\n", path,
                      (unsigned long long)note.size);
        return true;
    case NOTE_SIGNED:
        break;
    }
    if (j->n_checkpoints == CHECKPOINTS_MAX) {
        return fail(path, "too many checkpoints");
    }
    struct checkpoint *c = &j->checkpoints[j->n_checkpoints++];
    *c = (struct checkpoint){.size = note.size};
    (void)memcpy(c->root, note.root, sizeof(c->root));
    return true;
}

static bool read_notes(struct job *j, const char *path)
{
    struct view text;
    struct view note;
    bool any = false;

    if (!read_file(path, TEXT_MAX, &text)) {
        return false;
    }
    struct view rest = text;
    bool read = true;
    while (read && note_next(&rest, &note)) {
        read = take_note(j, path, note);
        any = true;
    }
    free((void *)(uintptr_t)text.at);
    return read && (any || fail(path, "this is no signed checkpoint"));
}

static int by_size(const void *a, const void *b)
{
    const struct checkpoint *x = a;
    const struct checkpoint *y = b;

    return x->size < y->size ? -1 : x->size > y->size;
}

static void print_summary(const struct job *j, const struct check *c)
{
    FILE *out = j->report.out;
    uint8_t root[HASH_LEN];

    (void)fprintf(out, "%llu records in %llu segments", (unsigned long long)c->next,
                  (unsigned long long)c->segments);
    if (c->packs) {
        (void)fprintf(out, ", %llu of them packs", (unsigned long long)c->packs);
    }
    if (c->trusted) {
        tree_root(&c->tree, c->hash, root);
        (void)fputs(", root ", out);
        for (size_t i = 0; i < sizeof(root); i++) {
            (void)fprintf(out, "%02x", root[i]);
        }
    }
    (void)fputc('\n', out);
    if (c->erased) {
        (void)fprintf(out, "%llu records were erased, as the ledger says\n",
                      (unsigned long long)c->erased);
    }
    if (c->tail) {
        (void)fprintf(
            out,
            "%llu bytes stand behind the last commit and are no part of the ledger: a batch "
            "that was\nunder way, or the last one damaged; a checkpoint over it would tell\n",
            (unsigned long long)c->tail);
    }
}

static void print_verdict(const struct job *j)
{
    FILE *out = j->report.out;
    uint64_t newest = 0;

    if (j->report.findings) {
        (void)fprintf(out, "not whole: %llu finding%s\n", (unsigned long long)j->report.findings,
                      j->report.findings == 1 ? "" : "s");
        return;
    }
    if (j->n_checkpoints == 0) {
        (void)fputs(
            "whole in itself. Without a checkpoint that somebody else kept (--checkpoint) this "
            "does not\nexclude that the ledger was cut off or written anew\n",
            out);
        return;
    }
    for (size_t i = 0; i < j->n_checkpoints; i++) {
        newest = j->checkpoints[i].size > newest ? j->checkpoints[i].size : newest;
    }
    (void)fputs("whole, and its first ", out);
    (void)fprintf(out, "%llu records are those that ", (unsigned long long)newest);
    report_text(out, (struct view){j->key.name, j->key.name_len});
    (void)fprintf(out, " signed (%zu checkpoint%s)\n", j->n_checkpoints,
                  j->n_checkpoints == 1 ? "" : "s");
}

static enum verdict check_ledger(struct job *j)
{
    int folder = open(j->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct check c;

    if (folder < 0) {
        (void)fail(j->folder, strerror(errno));
        return VERDICT_NONE;
    }
    check_init(&c, folder, &j->report, j->checkpoints, j->n_checkpoints);
    bool judged = ledger_check(&c);
    if (judged) {
        print_summary(j, &c);
        print_verdict(j);
    }
    check_done(&c);
    (void)close(folder);
    if (!judged) {
        return VERDICT_NONE;
    }
    return j->report.findings ? VERDICT_WRONG : VERDICT_WHOLE;
}

static void print_proved(const struct job *j, const struct proof *p)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* section 11 */
    char when[REPORT_TIME_ROOM];

    if (p->kind == PROOF_GROWTH) {
        (void)fprintf(j->report.out,
                      "holds: the ledger of %llu records goes on from the one of %llu\n",
                      (unsigned long long)p->note.size, (unsigned long long)p->from.size);
        return;
    }
    report_time(p->time, when);
    (void)fputs("holds: these bytes are the letter ", j->report.out);
    for (size_t bit = 0; bit < (size_t)LETTER_ID_LEN * 8; bit += 5) {
        unsigned two = (unsigned)p->id[bit / 8] << 8;
        two |= bit / 8 + 1 < LETTER_ID_LEN ? p->id[bit / 8 + 1] : 0U;
        (void)fputc(alphabet[two >> (11 - bit % 8) & 31], j->report.out);
    }
    (void)fprintf(j->report.out, ", recorded %s as number %llu of a ledger of %llu records\n", when,
                  (unsigned long long)p->number, (unsigned long long)p->note.size);
}

static enum verdict judge_proof(struct job *j, const struct proof *p)
{
    struct hash *h = hash_new();
    struct view letter = {NULL, 0};
    bool holds = false;

    if (p->kind == PROOF_GROWTH) {
        holds = proof_growth_holds(p, h);
    } else if (!j->letter) {
        (void)fail(j->proof, "it is about a letter: give that with --letter");
        hash_free(h);
        return VERDICT_NONE;
    } else if (!read_file(j->letter, LETTER_MAX, &letter)) {
        hash_free(h);
        return VERDICT_NONE;
    } else {
        holds = proof_letter_holds(p, letter, h);
    }
    if (holds) {
        print_proved(j, p);
    } else if (p->kind == PROOF_LETTER) {
        (void)fputs("does not hold: these are not the bytes that were recorded, to the last line "
                    "end, or the "
                    "proof is\nabout another letter\n",
                    j->report.out);
    } else {
        (void)fputs("does not hold: the newer ledger is no continuation of the older\n",
                    j->report.out);
    }
    free((void *)(uintptr_t)letter.at);
    hash_free(h);
    return holds ? VERDICT_WHOLE : VERDICT_WRONG;
}

static enum verdict check_proof(struct job *j)
{
    static struct proof proof;
    struct view text;

    if (!j->key_path) {
        (void)fail("--proof", "it takes --key as well");
        return VERDICT_NONE;
    }
    if (!read_key(j) || !read_file(j->proof, PROOF_MAX, &text)) {
        return VERDICT_NONE;
    }
    const char *what = proof_read(text, &j->key, &proof);
    enum verdict verdict = VERDICT_NONE;
    if (what) {
        (void)fail(j->proof, what);
    } else {
        verdict = judge_proof(j, &proof);
    }
    free((void *)(uintptr_t)text.at);
    return verdict;
}

static const char *check_evidence(const struct job *j, struct view file, bool *malformed)
{
    struct evidence evidence;
    const char *what = evidence_check(file, &j->key, &evidence, malformed);

    if (!what) {
        evidence_print(&evidence, &j->key, j->report.out);
    }
    evidence_done(&evidence);
    return what;
}

static const char *check_disposal(const struct job *j, struct view file, bool *malformed)
{
    struct certificate certificate;
    const char *what = certificate_check(file, &j->key, &certificate, malformed);

    if (!what) {
        certificate_print(&certificate, &j->key, j->report.out);
    }
    certificate_done(&certificate);
    return what;
}

/* Its first line says of which kind it is. */
static enum verdict check_certificate(struct job *j)
{
    struct view file;
    bool malformed = false;

    if (!j->key_path) {
        (void)fail("--certificate", "it takes --key as well");
        return VERDICT_NONE;
    }
    if (!read_key(j) || !read_file(j->certificate, OPENED_MAX, &file)) {
        return VERDICT_NONE;
    }
    const char *what = evidence_is(file) ? check_evidence(j, file, &malformed)
                                         : check_disposal(j, file, &malformed);
    if (malformed) {
        (void)fail(j->certificate, what);
    } else if (what) {
        (void)fprintf(j->report.out, "does not hold: %s\n", what);
    }
    free((void *)(uintptr_t)file.at);
    return !what ? VERDICT_WHOLE : malformed ? VERDICT_NONE : VERDICT_WRONG;
}

static enum verdict run(struct job *j)
{
    if (j->proof) {
        return check_proof(j);
    }
    if (j->certificate) {
        return check_certificate(j);
    }
    if ((j->key_path == NULL) != (j->n_notes == 0)) {
        (void)fail("--key and --checkpoint", "one is nothing without the other");
        return VERDICT_NONE;
    }
    if (j->key_path && !read_key(j)) {
        return VERDICT_NONE;
    }
    for (size_t i = 0; i < j->n_notes; i++) {
        if (!read_notes(j, j->notes[i])) {
            return VERDICT_NONE;
        }
    }
    if (j->n_checkpoints) {
        qsort(j->checkpoints, j->n_checkpoints, sizeof(*j->checkpoints), by_size);
    }
    return check_ledger(j);
}

static bool read_arguments(struct job *j, int argc, char **argv)
{
    static const struct option options[] = {
        {"key",         required_argument, NULL, 'k'},
        {"checkpoint",  required_argument, NULL, 'c'},
        {"proof",       required_argument, NULL, 'p'},
        {"letter",      required_argument, NULL, 'l'},
        {"certificate", required_argument, NULL, 'd'},
        {"version",     no_argument,       NULL, 'v'},
        {"help",        no_argument,       NULL, 'h'},
        {NULL,          0,                 NULL, 0  },
    };

    for (int o = 0; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'k':
            j->key_path = optarg;
            break;
        case 'c':
            if (j->n_notes == FILES_MAX) {
                return fail(optarg, "too many files");
            }
            j->notes[j->n_notes++] = optarg;
            break;
        case 'p':
            j->proof = optarg;
            break;
        case 'l':
            j->letter = optarg;
            break;
        case 'd':
            j->certificate = optarg;
            break;
        case 'v':
            (void)puts("postern-verify " POSTERN_VERSION ", ledger format 1");
            exit(VERDICT_WHOLE);
        case 'h':
            (void)fputs(usage, stdout);
            exit(VERDICT_WHOLE);
        default:
            (void)fputs(usage, stderr);
            return false;
        }
    }
    bool one = j->proof || j->certificate;
    if (optind + (one ? 0 : 1) != argc || (j->letter && !j->proof) || (one && j->n_notes) ||
        (j->proof && j->certificate)) {
        (void)fputs(usage, stderr);
        return false;
    }
    j->folder = argv[optind];
    return true;
}

int main(int argc, char **argv)
{
    static struct job job;

    job.report.out = stdout;
    if (!read_arguments(&job, argc, argv)) {
        return VERDICT_NONE;
    }
    enum verdict verdict = run(&job);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fail("stdout", strerror(errno));
        return VERDICT_NONE;
    }
    return (int)verdict;
}
