/* Outlook's PST files, by readpst (Debian: pst-utils). It knows files only, so the letters lie in a
 * private folder while they are taken.
 *
 * 1. The folder is removed whatever becomes of us: by a janitor, a copy of this process that waits for
 *    our end, and by then readpst has ended or ends with us. Only its own death or the machine's leaves
 *    the folder.
 * 2. readpst reads what strangers wrote. It runs confined: it reads that file, the system's libraries and
 *    nothing else, writes into the folder, and has no sockets. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/import.h"
#include "host/sandbox.h"
#include "letter/records.h"

#define READPST      "/usr/bin/readpst"
#define MEMORY_MAX   (UINT64_C(8) << 30)
#define SAID_MAX     ((size_t)1 << 20) /* bytes of what readpst prints that are looked at */
#define SENTENCE_MAX 500
#define REMARKS_MAX  100
#define FOLDERS_FD   64 /* descriptors that removing may take */

/* A readpst that is about to die may still write behind a walk that removes. */
#define WALKS_MAX     300
#define WALK_PAUSE_US 100000

struct outlook {
    char *folder;  /* the private one */
    char *letters; /* below it: what readpst writes */
    char *said;    /* and what it printed */
    int janitor_pipe;
    pid_t janitor;
    pid_t self; /* with whom readpst ends */
};

/* ── the folder ── */

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

/* Wait for the other process's end, which closes the pipe, and clean up. */
_Noreturn static void be_janitor(const char *folder, int pipe_end)
{
    char byte = 0;

    (void)setsid();
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    for (int fd = 0; fd < pipe_end; fd++) {
        (void)close(fd);
    }
    sandbox_close_others(pipe_end + 1);
    while (read(pipe_end, &byte, 1) < 0 && errno == EINTR) {
    }
    for (int i = 0; i < WALKS_MAX && access(folder, F_OK) == 0; i++) {
        (void)usleep(i ? WALK_PAUSE_US : 0);
        (void)nftw(folder, remove_one, FOLDERS_FD, FTW_DEPTH | FTW_PHYS);
    }
    _exit(0);
}

static bool make_folder(struct outlook *o, struct arena *arena, struct error *e)
{
    const char *parent = getenv("TMPDIR");
    int ends[2];

    o->folder = arena_text(arena, arena_printf(arena, "%s/postern-pst-XXXXXX",
                                               parent && *parent == '/' ? parent : "/var/tmp"));
    o->janitor = -1;
    if (!mkdtemp(o->folder) || pipe2(ends, O_CLOEXEC) != 0) {
        return error_errno(e, ERROR_CONFIG, "a folder for the letters: %s", o->folder);
    }
    o->janitor_pipe = ends[1];
    o->janitor = fork();
    if (o->janitor == 0) {
        (void)close(ends[1]);
        be_janitor(o->folder, ends[0]);
    }
    (void)close(ends[0]);
    o->letters = arena_text(arena, arena_printf(arena, "%s/letters", o->folder));
    o->said = arena_text(arena, arena_printf(arena, "%s/said", o->folder));
    return (o->janitor > 0 && mkdir(o->letters, 0700) == 0) ||
           error_errno(e, ERROR_BUSY, "a folder for the letters: %s", o->folder);
}

static void remove_folder(struct outlook *o)
{
    own_fd(&o->janitor_pipe);
    if (o->janitor > 0) {
        (void)waitpid(o->janitor, NULL, 0);
    }
}

/* ── readpst ── */

static bool confine(const struct outlook *o, int pst, struct error *e)
{
    int letters = open(o->letters, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int programs = open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int cache = open("/etc/ld.so.cache", O_PATH | O_CLOEXEC);
    const struct sandbox walls = {
        .root = -1,
        .parent = o->self,
        .best_effort =
            true, /* as far as the kernel goes: whoever imports may read the file anyway */
        .memory_max = MEMORY_MAX,
        .files_max = 256,
        .n_paths = cache >= 0 ? 4 : 3,
        .paths = {{pst, SANDBOX_READ},
                  {letters, SANDBOX_WRITE},
                  {programs, SANDBOX_RUN},
                  {cache, SANDBOX_READ}},
    };

    return (letters >= 0 && programs >= 0 && sandbox_enclose(&walls, e)) ||
           error_add(e, "confine readpst");
}

_Noreturn static void be_readpst(const struct outlook *o, const char *path, int pst)
{
    static const char *const environment[] = {"LC_ALL=C.UTF-8", "TZ=UTC", NULL};
    const char *const argv[] = {"readpst", "-e", "-D",       "-t", "e", "-j",
                                "0",       "-o", o->letters, path, NULL};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int said = open(o->said, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct error e = {0};

    if (null < 0 || said < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(said, STDOUT_FILENO) < 0 ||
        dup2(said, STDERR_FILENO) < 0) {
        _exit(126);
    }
    if (confine(o, pst, &e)) {
        (void)execve(READPST, (char *const *)(uintptr_t)argv,
                     (char *const *)(uintptr_t)environment);
        (void)error_errno(&e, ERROR_CONFIG, "%s", READPST);
    }
    (void)dprintf(STDERR_FILENO, "%s\n", e.text);
    _exit(126);
}

static bool run_readpst(const struct outlook *o, const char *path, int pst, int *status,
                        struct error *e)
{
    pid_t child = fork();

    if (child < 0) {
        return error_errno(e, ERROR_BUSY, "start readpst");
    }
    if (child == 0) {
        be_readpst(o, path, pst);
    }
    while (waitpid(child, status, 0) < 0) {
        if (errno != EINTR) {
            return error_errno(e, ERROR_BUSY, "wait for readpst");
        }
    }
    return true;
}

/* ── what it passed over ── */

static struct import_failure remark(struct importing *x, struct slice path, struct slice why)
{
    struct arena *arena = &x->cli->arena;

    return (struct import_failure){.path = letter_text(arena, path, IMPORT_TEXT_MAX),
                                   .reason = letter_text(arena, why, SENTENCE_MAX)};
}

/* `"Inbox" - 1 items done, 2 items skipped.`: how many, or 0. */
static uint64_t skipped_in(struct slice line, struct slice *folder)
{
    static const char end[] = " items skipped.";
    size_t close = slice_find(slice_from(line, line.len ? 1 : 0), '"') + 1;
    struct slice number = slice_head(line, line.len > sizeof(end) ? line.len - sizeof(end) + 1 : 0);
    uint64_t count = 0;

    if (number.len == 0 || close >= line.len || line.ptr[0] != '"' ||
        memcmp(number.ptr + number.len, end, sizeof(end) - 1) != 0) {
        return 0;
    }
    size_t begin = number.len;
    while (begin && number.ptr[begin - 1] >= '0' && number.ptr[begin - 1] <= '9') {
        begin--;
    }
    *folder = slice_of(line.ptr + 1, close - 1);
    return slice_decimal(slice_from(number, begin), UINT32_MAX, &count) ? count : 0;
}

static void look_at_said(struct importing *x, const struct outlook *o, int status)
{
    OWN(buf) struct buf said = {.max = SAID_MAX};
    OWN(fd) int fd = open(o->said, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint8_t *room = fd < 0 ? NULL : buf_room(&said, SAID_MAX);
    ssize_t n = room ? read(fd, room, SAID_MAX) : 0;
    struct slice rest = slice_of(room, n > 0 ? (size_t)n : 0);
    struct slice last = SLICE_NONE;
    bool whole = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    x->n_found = whole ? 0 : 1; /* the first place is for the worst */
    while (rest.len) {
        struct slice line = slice_trim(slice_cut(rest, '\n', &rest));
        struct slice folder = SLICE_NONE;
        uint64_t skipped = skipped_in(line, &folder);
        if (skipped && x->n_found < REMARKS_MAX) {
            x->found[x->n_found++] =
                remark(x, folder,
                       arena_printf(&x->cli->arena,
                                    "readpst passed over %llu items: no letters, or damaged ones",
                                    (unsigned long long)skipped));
        }
        last = line.len ? line : last;
    }
    if (!whole) {
        x->found[0] = remark(
            x, x->record.name,
            arena_printf(&x->cli->arena,
                         "readpst did not come to the end of the file, what it did not reach is "
                         "missing: %.*s",
                         SLICE_ARG(last)));
    }
}

/* ── its random numbers ── */

#define BOUNDARIES_MAX 256 /* of one letter; those beyond keep their number */

static const char boundary[] = "boundary-LibPST-iamunique-";

/* How many digits begin the text. */
static size_t digits_in(struct slice s)
{
    size_t n = 0;

    while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9') {
        n++;
    }
    return n;
}

/* The place of a number among those that were met, from 1; 0 when there are too many. */
static size_t place_of(struct slice number, struct slice *met, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        if (slice_equal(met[i], number)) {
            return i + 1;
        }
    }
    if (*count == BOUNDARIES_MAX) {
        return 0;
    }
    met[(*count)++] = number;
    return *count;
}

void import_pst_settle(struct slice letter, struct buf *out)
{
    const struct slice mark = slice_of(boundary, sizeof(boundary) - 1);
    struct slice met[BOUNDARIES_MAX];
    size_t count = 0;

    while (letter.len) {
        const uint8_t *at = memmem(letter.ptr, letter.len, mark.ptr, mark.len);
        size_t before = at ? (size_t)(at - letter.ptr) + mark.len : letter.len;
        buf_add(out, slice_head(letter, before));
        letter = slice_from(letter, before);
        struct slice number = slice_head(letter, digits_in(letter));
        size_t place = number.len ? place_of(number, met, &count) : 0;
        if (place) {
            buf_printf(out, "%zu", place);
            letter = slice_from(letter, number.len);
        }
    }
}

/* ── the verb ── */

static bool take(struct importing *x, struct outlook *o, const char *path, struct error *e)
{
    OWN(fd) int pst = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    int status = 0;

    if (pst < 0 || fstat(pst, &about) != 0) {
        return error_errno(e, ERROR_CONFIG, "open");
    }
    if (!S_ISREG(about.st_mode)) {
        return error_set(e, ERROR_INPUT, "it is no file");
    }
    if (!make_folder(o, &x->cli->arena, e) || !run_readpst(o, path, pst, &status, e)) {
        return false;
    }
    x->found = arena_array(&x->cli->arena, REMARKS_MAX, sizeof(*x->found));
    look_at_said(x, o, status);
    x->path = o->letters;
    return import_walk(x, e);
}

static bool import_pst(struct cli *c, const char *word, struct error *e)
{
    struct outlook o = {.janitor_pipe = -1, .janitor = -1, .self = getpid()};
    struct importing x;

    if (!import_begin(&x, c, SOURCE_PST, word, e)) {
        return false;
    }
    bool taken = take(&x, &o, x.path, e);
    remove_folder(&o);
    if (!taken) {
        arena_done(&x.arena);
        return error_add(e, "%s", word);
    }
    return import_end(&x, e);
}

bool cli_import_pst(struct cli *c, struct error *e)
{
    if (access(READPST, X_OK) != 0) {
        return error_set(
            e, ERROR_CONFIG,
            "PST files are read by %s, which is not here: install the package pst-utils", READPST);
    }
    for (size_t i = 0; i < c->arguments.n_words; i++) {
        if (!import_pst(c, c->arguments.words[i], e)) {
            return false;
        }
    }
    return true;
}
