/* Directories, file by file. Their names are looked at here, their bytes are not. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/import.h"
#include "host/memfd.h"
#include "letter/records.h"
#include "requests/intake.h"

#define DEPTH_MAX   64
#define BATCH_BYTES ((size_t)8 << 20)

struct walk {
    struct importing *import;
    struct buf bytes;
    struct intake_file files[INTAKE_FILES_MAX];
    size_t n_files;
    struct import_failure failures[INTAKE_FILES_MAX];
    size_t n_failures;
    struct arena arena; /* names in the batch */
    struct buf path;    /* of what is looked at, below the import's */
};

static bool flush(struct walk *w, struct error *e)
{
    struct importing *x = w->import;
    struct import_counts counts;
    OWN(fd) int fd = -1;

    if (w->n_files + w->n_failures == 0) {
        return true;
    }
    if (!memfd_from("files", buf_slice(&w->bytes), &fd, e)) {
        return false;
    }
    buf_shrink(&w->bytes, 2 * BATCH_BYTES); /* others may have to do with a large letter for long */
    struct intake_files_ask ask = {
        .files = {w->files,    w->n_files   },
        .failures = {w->failures, w->n_failures},
        .journal = arguments_flag(&x->cli->arguments, "journal"),
    };
    bool taken = false;
    do {
        arena_reset(&x->arena);
        ask.ticket = x->ticket;
        taken = cli_give(x->cli, CLI_INTAKE, &intake_files, &ask, fd, &counts, &x->arena,
                         CLI_LONG_MS, e);
    } while (!taken && import_again(x, e));
    x->failures = taken ? 0 : x->failures;
    arena_reset(&w->arena);
    w->n_files = 0;
    w->n_failures = 0;
    return taken;
}

static bool flush_if_full(struct walk *w, struct error *e)
{
    return (w->n_files + w->n_failures < INTAKE_FILES_MAX && w->bytes.len < BATCH_BYTES) ||
           flush(w, e);
}

static struct slice path_now(struct walk *w)
{
    return letter_text(&w->arena, buf_slice(&w->path), IMPORT_TEXT_MAX);
}

static bool refuse(struct walk *w, struct slice why, struct error *e)
{
    w->failures[w->n_failures++] = (struct import_failure){.path = path_now(w), .reason = why};
    return flush_if_full(w, e);
}

static bool refuse_errno(struct walk *w, struct error *e)
{
    return refuse(w, arena_printf(&w->arena, "it cannot be read: %s", strerror(errno)), e);
}

/* "1767604021.M20P7.host:2,FS": when it came, and its flags. */
static void read_maildir_name(struct walk *w, const char *name, struct intake_file *f)
{
    struct slice rest;
    struct slice seconds = slice_cut(slice_text(name), '.', &rest);
    const char *info = strstr(name, ":2,");
    uint64_t at = 0;

    if (slice_decimal(seconds, INT32_MAX * UINT64_C(2), &at)) {
        f->received_at = at * 1000;
    }
    if (info) {
        f->flags = letter_text(&w->arena, slice_text(info + 3), IMPORT_FLAGS_MAX);
    }
}

/* Append the whole file; false with errno set when it cannot be read. */
static bool read_all(struct walk *w, int fd, size_t max)
{
    size_t before = w->bytes.len;

    for (;;) {
        size_t step = 64 << 10;
        uint8_t *room = buf_room(&w->bytes, step);
        ssize_t n = room ? read(fd, room, step) : -1;
        if (n < 0 && room && errno == EINTR) {
            continue;
        }
        if (n < 0 || w->bytes.len + (size_t)n - before > max) {
            errno = n < 0 && room ? errno : EFBIG;
            w->bytes.len = before;
            return false;
        }
        if (n == 0) {
            return true;
        }
        w->bytes.len += (size_t)n;
    }
}

/* What readpst made up is made the same each time. */
static void settle(struct walk *w, size_t from)
{
    OWN(buf) struct buf settled = {.max = 2 * (size_t)LETTER_BYTES_MAX};

    import_pst_settle(slice_from(buf_slice(&w->bytes), from), &settled);
    if (!settled.full && settled.len <= w->bytes.len - from) {
        w->bytes.len = from;
        buf_add(&w->bytes, buf_slice(&settled));
    }
}

static bool take_file(struct walk *w, int directory, const char *name, struct error *e)
{
    OWN(fd) int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    size_t before = w->bytes.len;

    if (fd < 0 || fstat(fd, &st) != 0) {
        return refuse_errno(w, e);
    }
    if (!S_ISREG(st.st_mode)) {
        return refuse(w, SLICE("it is no file"), e);
    }
    if (!read_all(w, fd, LETTER_BYTES_MAX)) {
        return errno == EFBIG ? refuse(w, SLICE("it is longer than 64 MiB"), e)
                              : refuse_errno(w, e);
    }
    if (w->import->record.kind == SOURCE_PST) {
        settle(w, before);
    }
    struct intake_file *f = &w->files[w->n_files++];
    *f = (struct intake_file){.start = before, .len = w->bytes.len - before, .path = path_now(w)};
    if (w->import->record.kind == SOURCE_MAILDIR) {
        read_maildir_name(w, name, f);
    }
    return flush_if_full(w, e);
}

static bool ends_in_eml(const char *name)
{
    size_t len = strlen(name);
    return len > 4 && strcasecmp(name + len - 4, ".eml") == 0;
}

/* Letters of a Maildir lie in directories of two names; beside them lie the server's own files. */
static bool look_at_file(struct walk *w, int directory, const char *name, bool letters,
                         struct error *e)
{
    if (w->import->record.kind == SOURCE_MAILDIR) {
        return !letters || name[0] == '.' || take_file(w, directory, name, e);
    }
    return ends_in_eml(name) ? take_file(w, directory, name, e)
                             : refuse(w, SLICE("its name does not end in .eml"), e);
}

static bool walk_directory(struct walk *w, int parent, const char *name, unsigned depth,
                           struct error *e);

static bool look_at(struct walk *w, DIR *dir, const struct dirent *entry, bool letters,
                    unsigned depth, struct error *e)
{
    size_t before = w->path.len;
    struct stat st;
    bool ok = false;

    buf_printf(&w->path, "%s%s", before ? "/" : "", entry->d_name);
    if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
        ok = walk_directory(w, dirfd(dir), entry->d_name, depth + 1, e);
    } else {
        ok = look_at_file(w, dirfd(dir), entry->d_name, letters, e);
    }
    w->path.len = before;
    w->path.full = false;
    return ok;
}

static bool walk_directory(struct walk *w, int parent, const char *name, unsigned depth,
                           struct error *e)
{
    bool letters = strcmp(name, "cur") == 0 || strcmp(name, "new") == 0;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    bool ok = true;

    if (!dir || depth > DEPTH_MAX) {
        ok = dir ? refuse(w, SLICE("directories in directories, too deep"), e) : refuse_errno(w, e);
    }
    for (struct dirent *entry = NULL; ok && dir && depth <= DEPTH_MAX;) {
        entry = readdir(dir);
        if (!entry) {
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            ok = look_at(w, dir, entry, letters, depth, e);
        }
    }
    if (dir) {
        (void)closedir(dir);
    } else {
        own_fd(&fd);
    }
    return ok;
}

bool import_walk(struct importing *x, struct error *e)
{
    struct walk *w = arena_alloc(&x->cli->arena, sizeof(*w));
    struct stat st;

    if (stat(x->path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return error_set(e, ERROR_INPUT, "not a directory; `import mbox` takes files");
    }
    w->import = x;
    buf_init(&w->bytes, IMPORT_BYTES_MAX);
    buf_init(&w->path, 64 << 10);
    arena_init(&w->arena, 16 << 20);
    for (size_t i = 0; i < x->n_found; i++) {
        w->failures[w->n_failures++] = x->found[i];
    }
    bool walked = walk_directory(w, AT_FDCWD, x->path, 0, e) && flush(w, e);
    buf_done(&w->bytes);
    buf_done(&w->path);
    arena_done(&w->arena);
    return walked;
}
