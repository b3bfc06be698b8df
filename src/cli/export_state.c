/* The files of an export, and how it goes on after an interruption.
 *
 * 1. What `export.state` counts is durable before it is. 2. What stands in a file behind its size there
 * is cut off when the export goes on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/export_many.h"

#define STATE       "export.state"
#define STATE_NEW   "export.state.new"
#define STATE_MAX   8192
#define PENDING_MAX ((size_t)192 << 20)

bool export_write_all(int fd, struct slice bytes, struct error *e)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno != EINTR) {
            return error_errno(e, ERROR_BUSY, "write the export");
        }
        bytes = slice_from(bytes, n > 0 ? (size_t)n : 0);
    }
    return true;
}

static void write_state(const struct export *x, struct buf *out)
{
    buf_printf(out, "postern-export 1\nformat %d\nquery %.*s\n", (int)x->format,
               SLICE_ARG(x->query));
    if (x->case_name.len) {
        buf_printf(out, "case %.*s\n", SLICE_ARG(x->case_name));
    }
    buf_printf(out, "place %.*s\ncount %llu\nexceptions %llu\n", SLICE_ARG(x->place),
               (unsigned long long)x->count, (unsigned long long)x->exceptions);
    for (size_t i = 0; i < EXPORT_FILES; i++) {
        buf_printf(out, "size %llu\n", (unsigned long long)x->sizes[i]);
    }
    buf_printf(out, "end %d\nwhole %d\n", x->end, x->whole);
}

/* The value of the next line, which must have that name. */
static bool take_line(struct slice *rest, const char *name, struct slice *value)
{
    struct slice line = slice_cut(*rest, '\n', rest);
    size_t len = strlen(name);

    if (!slice_starts(line, slice_text(name)) || line.len <= len || line.ptr[len] != ' ') {
        return false;
    }
    *value = slice_from(line, len + 1);
    return true;
}

/* The case, where there is one: true also when there is none. */
static bool take_case(struct slice *rest, struct slice *value)
{
    struct slice before = *rest;

    if (!take_line(rest, "case", value)) {
        *rest = before;
    }
    return true;
}

static bool take_number(struct slice *rest, const char *name, uint64_t *value)
{
    struct slice text;

    return take_line(rest, name, &text) && slice_decimal(text, INT64_MAX, value);
}

/* Read the state of an export of the same letters in the same format. */
static bool read_state(struct export *x, struct slice text, struct error *e)
{
    struct slice rest = text;
    struct slice version;
    struct slice query;
    struct slice case_name = SLICE_NONE;
    struct slice place;
    uint64_t format = 0;
    uint64_t end = 0;
    uint64_t whole = 0;

    bool known = take_line(&rest, "postern-export", &version) && slice_equal(version, SLICE("1")) &&
                 take_number(&rest, "format", &format) && take_line(&rest, "query", &query) &&
                 take_case(&rest, &case_name) && take_line(&rest, "place", &place) &&
                 take_number(&rest, "count", &x->count) &&
                 take_number(&rest, "exceptions", &x->exceptions);
    for (size_t i = 0; i < EXPORT_FILES; i++) {
        known = known && take_number(&rest, "size", &x->sizes[i]);
    }
    if (!known || !take_number(&rest, "end", &end) || !take_number(&rest, "whole", &whole)) {
        return error_set(e, ERROR_INPUT, STATE " is not readable: export to another directory");
    }
    if (format != (uint64_t)x->format || !slice_equal(query, x->query) ||
        !slice_equal(case_name, x->case_name)) {
        return error_set(e, ERROR_INPUT,
                         "the directory holds another export: choose another directory");
    }
    x->place = arena_copy(&x->cli->arena, place);
    x->end = end != 0;
    x->whole = whole != 0;
    return true;
}

static bool load_state(struct export *x, bool *found, struct error *e)
{
    OWN(fd) int fd = openat(x->directory, STATE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char text[STATE_MAX];

    *found = fd >= 0;
    if (fd < 0) {
        return errno == ENOENT || error_errno(e, ERROR_CONFIG, STATE);
    }
    ssize_t n = read(fd, text, sizeof(text));
    return n < 0 ? error_errno(e, ERROR_CONFIG, STATE)
                 : read_state(x, slice_of(text, (size_t)n), e);
}

static bool is_empty(int directory)
{
    struct stat st;
    return fstatat(directory, "manifest.csv", &st, AT_SYMLINK_NOFOLLOW) != 0;
}

static bool open_files(struct export *x, bool again, struct error *e)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_APPEND | (again ? 0 : O_EXCL);

    for (int i = 0; i < EXPORT_FILES; i++) {
        const char *name = export_name(x->format, (enum export_file)i);
        if (!name) {
            continue;
        }
        x->fds[i] = openat(x->directory, name, flags, 0600);
        if (x->fds[i] < 0 || ftruncate(x->fds[i], (off_t)x->sizes[i]) != 0) {
            return error_errno(e, ERROR_CONFIG, "%s", name);
        }
    }
    return true;
}

bool export_open(struct export *x, const char *path, struct error *e)
{
    bool again = false;

    for (int i = 0; i < EXPORT_FILES; i++) {
        x->fds[i] = -1;
        buf_init(&x->pending[i], PENDING_MAX);
    }
    x->natives = -1;
    arena_init(&x->page, (size_t)512 << 20);
    (void)mkdir(path, 0700);
    x->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x->directory < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    if (!load_state(x, &again, e)) {
        return error_add(e, "%s", path);
    }
    if (!again && !is_empty(x->directory)) {
        return error_set(e, ERROR_INPUT, "%s holds an export of somebody else's: choose another",
                         path);
    }
    if (x->format != EXPORT_MBOX) {
        (void)mkdirat(x->directory, "natives", 0700);
        x->natives = openat(x->directory, "natives", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (x->natives < 0) {
            return error_errno(e, ERROR_CONFIG, "%s/natives", path);
        }
    }
    if (!open_files(x, again, e)) {
        return false;
    }
    if (!again) {
        export_begin(x);
        return export_save(x, e);
    }
    return true;
}

static bool save_state(struct export *x, struct error *e)
{
    OWN(buf) struct buf text = {.max = STATE_MAX};
    OWN(fd)
    int fd = openat(x->directory, STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);

    write_state(x, &text);
    if (fd < 0 || text.full) {
        return error_errno(e, ERROR_CONFIG, STATE_NEW);
    }
    if (!export_write_all(fd, buf_slice(&text), e)) {
        return false;
    }
    if (fsync(fd) != 0 || renameat(x->directory, STATE_NEW, x->directory, STATE) != 0 ||
        fsync(x->directory) != 0) {
        return error_errno(e, ERROR_BUSY, STATE);
    }
    return true;
}

bool export_save(struct export *x, struct error *e)
{
    for (int i = 0; i < EXPORT_FILES; i++) {
        struct slice bytes = buf_slice(&x->pending[i]);
        if (x->fds[i] < 0) {
            continue;
        }
        if (x->pending[i].full) {
            return error_set(e, ERROR_LIMIT, "a page of letters does not fit into memory");
        }
        if (!export_write_all(x->fds[i], bytes, e)) {
            return false;
        }
        if (fsync(x->fds[i]) != 0) {
            return error_errno(e, ERROR_BUSY, "write the export");
        }
        x->sizes[i] += bytes.len;
        buf_reset(&x->pending[i]);
    }
    if (x->natives >= 0 && syncfs(x->natives) != 0) {
        return error_errno(e, ERROR_BUSY, "natives");
    }
    return save_state(x, e);
}

void export_close(struct export *x)
{
    for (int i = 0; i < EXPORT_FILES; i++) {
        own_fd(&x->fds[i]);
        buf_done(&x->pending[i]);
    }
    own_fd(&x->natives);
    own_fd(&x->directory);
    arena_done(&x->page);
}
