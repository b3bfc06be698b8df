#include "cli/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#include "host/file.h"

#define CHUNK ((size_t)1 << 20)

bool files_make_directory(const char *path, mode_t mode, struct arena *arena, int *fd,
                          struct error *e)
{
    char *copy = arena_text(arena, slice_text(path));

    for (char *at = strchr(copy + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        if (!file_make_folder(AT_FDCWD, copy, 0755, e)) {
            return false;
        }
        *at = '/';
    }
    if (!file_make_folder(AT_FDCWD, copy, mode, e)) {
        return false;
    }
    int opened = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", copy);
    }
    *fd = opened;
    return true;
}

bool files_make_below(int at, const char *name, mode_t mode, int *fd, struct error *e)
{
    if (!file_make_folder(at, name, mode, e)) {
        return false;
    }
    int opened = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", name);
    }
    *fd = opened;
    return true;
}

static DIR *list(int directory, struct error *e)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;

    if (!entries) {
        (void)error_errno(e, ERROR_CONFIG, "list the directory");
        own_fd(&copy);
    }
    return entries;
}

bool files_is_empty(int directory, bool *empty, struct error *e)
{
    DIR *entries = list(directory, e);

    if (!entries) {
        return false;
    }
    *empty = true;
    for (const struct dirent *d = readdir(entries); d; d = readdir(entries)) {
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
            *empty = false;
        }
    }
    (void)closedir(entries);
    return true;
}

/* ── copying ── */

/* Read and write up to `length` bytes; *copy->size says how many there were. */
static bool pump(int from, int to, uint64_t length, struct files_copy *copy, struct error *e)
{
    OWN(heap) uint8_t *chunk = malloc(CHUNK);
    OWN(digest) struct digest *digest = digest_new();
    uint64_t done = 0;
    size_t got = CHUNK;

    if (!chunk) {
        arena_panic("out of memory");
    }
    while (done < length && got) {
        size_t want = length - done < CHUNK ? (size_t)(length - done) : CHUNK;
        if (!file_read_at(from, done, chunk, want, &got, e) ||
            (got && !file_write_at(to, done, slice_of(chunk, got), e))) {
            return false;
        }
        digest_add(digest, slice_of(chunk, got));
        done += got;
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): clang 14 does not know OWN() */
    digest_end(digest, copy->digest);
    copy->size = done;
    return true;
}

static bool copy_into(int from, int to, uint64_t length, struct files_copy *copy, struct error *e)
{
    if (!pump(from, to, length, copy, e)) {
        return false;
    }
    if (length != FILES_WHOLE && copy->size < length) {
        return error_set(e, ERROR_CONFIG, "has %llu bytes where %llu should be",
                         (unsigned long long)copy->size, (unsigned long long)length);
    }
    return fsync(to) == 0 || error_errno(e, ERROR_BUSY, "sync");
}

bool files_copy(int from_dir, const char *from, int to_dir, const char *to, mode_t mode,
                uint64_t length, struct files_copy *copy, struct error *e)
{
    OWN(fd) int in = openat(from_dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (in < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", from);
    }
    OWN(fd) int out = openat(to_dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", to);
    }
    if (fchmod(out, mode) != 0) {
        (void)unlinkat(to_dir, to, 0);
        return error_errno(e, ERROR_CONFIG, "%s: mode", to);
    }
    if (!copy_into(in, out, length, copy, e)) {
        (void)unlinkat(to_dir, to, 0);
        return error_add(e, "%s", from);
    }
    return true;
}

bool files_write(int fd, struct slice bytes, struct error *e)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno != EINTR) {
            return error_errno(e, ERROR_BUSY, "the file could not be written");
        }
        bytes = slice_from(bytes, n > 0 ? (size_t)n : 0);
    }
    return true;
}

bool files_write_new(const char *path, struct slice bytes, struct error *e)
{
    return files_write_new_parts(path, bytes, SLICE_NONE, e);
}

bool files_write_new_parts(const char *path, struct slice first, struct slice second,
                           struct error *e)
{
    OWN(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    if (!files_write(fd, first, e) || !files_write(fd, second, e) || fsync(fd) != 0) {
        (void)unlink(path);
        return error_set(e, ERROR_BUSY, "%s: the file could not be written", path);
    }
    return true;
}

/* ── every file of a directory ── */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_file(int directory, const char *name)
{
    struct stat about;

    return name[0] != '.' && fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(about.st_mode);
}

/* Names in an arena, in no order yet. */
struct names {
    struct arena arena;
    char **all;
    size_t count;
    size_t room;
};

static void add_name(struct names *n, const char *name)
{
    if (n->count == n->room) {
        n->room = n->room ? 2 * n->room : 64;
        char **more = arena_array(&n->arena, n->room, sizeof(*more));
        if (n->count) {
            (void)memcpy(more, n->all, n->count * sizeof(*more));
        }
        n->all = more;
    }
    n->all[n->count++] = arena_text(&n->arena, slice_text(name));
}

static bool add_names(int directory, struct names *n, struct error *e)
{
    DIR *entries = list(directory, e);

    if (!entries) {
        return false;
    }
    for (const struct dirent *d = readdir(entries); d; d = readdir(entries)) {
        if (is_file(directory, d->d_name)) {
            add_name(n, d->d_name);
        }
    }
    (void)closedir(entries);
    return true;
}

bool files_each(int directory, bool (*visit)(void *context, const char *name, struct error *e),
                void *context, struct error *e)
{
    struct names n = {.arena = {.max = (size_t)64 << 20}};
    bool ok = add_names(directory, &n, e);

    if (n.count) {
        qsort(n.all, n.count, sizeof(*n.all), by_name);
    }
    for (size_t i = 0; i < n.count && ok; i++) {
        ok = visit(context, n.all[i], e);
    }
    arena_done(&n.arena);
    return ok;
}
