#include "ledger/disk_test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#include "ledger/io.h"
#include "tests/test.h"

#define FILES_MAX    96
#define NAME_MAX_LEN 48
#define SECTOR       512
#define BYTES_MAX    ((size_t)1 << 20)
#define SECTORS      (BYTES_MAX / SECTOR)

enum kind { CREATE, WRITE, SYNC, TRUNCATE, SYNC_FOLDER, UNLINK, RENAME };

struct op {
    enum kind kind;
    bool failed;
    char name[NAME_MAX_LEN];
    char to[NAME_MAX_LEN]; /* of a renaming */
    size_t at;             /* of a write; the new length of a truncation */
    size_t len;
    uint8_t *bytes;
};

/* A file while the calls are gone through again: what programs see of it, and what the disk has. */
struct file {
    char name[NAME_MAX_LEN], name_on_disk[NAME_MAX_LEN];
    bool named, named_on_disk;
    bool drawn, newer;
    struct file *by; /* a renaming that the disk may not have yet gave its name to this one */
    size_t len, len_on_disk;
    uint8_t bytes[BYTES_MAX], on_disk[BYTES_MAX];
    bool dirty[SECTORS]; /* the next sync brings it to the disk */
};

static struct {
    struct ledger_io real;
    struct op ops[DISK_OPS_MAX];
    _Atomic unsigned n; /* a full segment is ended behind the answer, by the committer */
    unsigned calls, fail_from, fail_count;
    enum disk_mode mode;
} disk;

/* ── noting ── */

static bool fails(void)
{
    errno = EIO;
    if (disk.mode != DISK_NOTES) {
        return disk.mode == DISK_DEAD;
    }
    unsigned n = disk.calls++;
    return n >= disk.fail_from && n - disk.fail_from < disk.fail_count;
}

static struct op *note(enum kind kind, const char *name, bool failed)
{
    static struct op unwanted;
    struct op *op = &unwanted;

    if (disk.mode == DISK_NOTES) {
        assert_true(disk.n < DISK_OPS_MAX);
        op = &disk.ops[disk.n++];
    }
    *op = (struct op){.kind = kind, .failed = failed};
    (void)snprintf(op->name, sizeof(op->name), "%s", name);
    return op;
}

static void name_of(int fd, char name[static NAME_MAX_LEN])
{
    char link[64];
    char path[PATH_MAX] = "";

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    assert_true(readlink(link, path, sizeof(path) - 1) > 0);
    (void)snprintf(name, NAME_MAX_LEN, "%.47s", strrchr(path, '/') + 1);
}

static int noted_create(int dirfd, const char *name, mode_t mode)
{
    if (fails()) {
        return -1;
    }
    (void)note(CREATE, name, false);
    return disk.real.create(dirfd, name, mode);
}

static void keep_bytes(struct op *op, const struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++) {
        op->bytes = realloc(op->bytes, op->len + iov[i].iov_len + 1);
        assert_non_null(op->bytes);
        (void)memcpy(op->bytes + op->len, iov[i].iov_base, iov[i].iov_len);
        op->len += iov[i].iov_len;
    }
}

static ssize_t noted_pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    char name[NAME_MAX_LEN];

    if (fails()) {
        return -1;
    }
    if (disk.mode == DISK_NOTES) {
        name_of(fd, name);
        struct op *op = note(WRITE, name, false);
        op->at = (size_t)at;
        keep_bytes(op, iov, n);
    }
    return disk.real.pwritev(fd, iov, n, at);
}

/* Nothing is really synced: what a power cut leaves is made up here. */
static int noted_fdatasync(int fd)
{
    bool failed = fails();
    char name[NAME_MAX_LEN];

    if (disk.mode != DISK_DEAD) {
        name_of(fd, name);
        (void)note(SYNC, name, failed);
    }
    return failed ? -1 : 0;
}

static int noted_ftruncate(int fd, off_t length)
{
    char name[NAME_MAX_LEN];

    if (fails()) {
        return -1;
    }
    name_of(fd, name);
    note(TRUNCATE, name, false)->at = (size_t)length;
    return disk.real.ftruncate(fd, length);
}

static int noted_sync_folder(int dirfd)
{
    (void)dirfd;
    if (fails()) {
        return -1;
    }
    (void)note(SYNC_FOLDER, "", false);
    return 0;
}

static int noted_unlink(int dirfd, const char *name)
{
    if (fails()) {
        return -1;
    }
    (void)note(UNLINK, name, false);
    return disk.real.unlink(dirfd, name);
}

static int noted_rename(int dirfd, const char *from, const char *to)
{
    if (fails()) {
        return -1;
    }
    struct op *op = note(RENAME, from, false);
    (void)snprintf(op->to, sizeof(op->to), "%s", to);
    return disk.real.rename(dirfd, from, to);
}

void disk_begin(void)
{
    /* A struct file is large and hardly written: from the kernel, not from the heap, it is zero without being touched. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 17);
    disk.real = ledger_io;
    disk.n = 0;
    disk.calls = disk.fail_count = 0;
    disk.mode = DISK_NOTES;
    ledger_io =
        (struct ledger_io){noted_create,      noted_pwritev, noted_fdatasync, noted_ftruncate,
                           noted_sync_folder, noted_unlink,  noted_rename};
}

void disk_done(void)
{
    for (unsigned i = 0; i < disk.n; i++) {
        free(disk.ops[i].bytes);
        disk.ops[i].bytes = NULL;
    }
    disk.n = 0;
    ledger_io = disk.real;
}

unsigned disk_calls(void)
{
    return disk.n;
}

void disk_fail(unsigned from, unsigned count)
{
    disk.fail_from = disk.calls + from;
    disk.fail_count = count;
}

void disk_mode(enum disk_mode mode)
{
    disk.mode = mode;
}

/* ── going through it again ── */

static struct file *file_of(struct file **files, const char *name)
{
    size_t i = 0;
    size_t former = FILES_MAX + 1; /* one that had the name */

    for (; files[i] && (strcmp(files[i]->name, name) != 0 || !files[i]->named); i++) {
        former = strcmp(files[i]->name, name) == 0 ? i : former;
    }
    i = !files[i] && former <= FILES_MAX ? former : i;
    assert_true(i < FILES_MAX);
    if (!files[i]) {
        files[i] = calloc(1, sizeof(**files));
        assert_non_null(files[i]);
        (void)snprintf(files[i]->name, sizeof(files[i]->name), "%s", name);
    }
    return files[i];
}

static void mark_dirty(struct file *f, size_t from, size_t to)
{
    for (size_t i = from / SECTOR; i * SECTOR < to; i++) {
        f->dirty[i] = true;
    }
}

static void resize(struct file *f, size_t len)
{
    assert_true(len <= BYTES_MAX);
    if (len < f->len) {
        (void)memset(f->bytes + len, 0, f->len - len);
        mark_dirty(f, len, f->len);
    }
    f->len = len;
}

static void bring_to_disk(struct file *f, size_t sector)
{
    (void)memcpy(f->on_disk + sector * SECTOR, f->bytes + sector * SECTOR, SECTOR);
}

static void do_sync(struct file *f, bool failed)
{
    for (size_t i = 0; i < SECTORS; i++) {
        if (f->dirty[i] && !failed) {
            bring_to_disk(f, i);
        }
        f->dirty[i] = false;
    }
    if (!failed) {
        f->len_on_disk = f->len;
    }
}

static void rename_over(struct file **files, struct file *f, const char *to)
{
    for (size_t i = 0; files[i]; i++) {
        if (files[i] != f && files[i]->named && strcmp(files[i]->name, to) == 0) {
            files[i]->named = false;
            files[i]->by = f;
        }
    }
    (void)snprintf(f->name, sizeof(f->name), "%s", to);
}

static void do_op(struct file **files, const struct op *op)
{
    struct file *f = op->kind == SYNC_FOLDER ? NULL : file_of(files, op->name);

    switch (op->kind) {
    case CREATE:
        resize(f, 0);
        f->named = true;
        break;
    case WRITE:
        resize(f, op->at + op->len > f->len ? op->at + op->len : f->len);
        (void)memcpy(f->bytes + op->at, op->bytes, op->len);
        mark_dirty(f, op->at, op->at + op->len);
        break;
    case SYNC:
        do_sync(f, op->failed);
        break;
    case TRUNCATE:
        resize(f, op->at);
        break;
    case SYNC_FOLDER:
        for (size_t i = 0; files[i]; i++) {
            files[i]->named_on_disk = files[i]->named;
            files[i]->by = NULL;
            (void)memcpy(files[i]->name_on_disk, files[i]->name, sizeof(files[i]->name));
        }
        break;
    case UNLINK:
        f->named = false;
        break;
    case RENAME:
        rename_over(files, f, op->to);
        break;
    }
}

static bool draw(enum disk_rest rest, unsigned *seed)
{
    return rest == DISK_EVERYTHING || (rest == DISK_SOME && rand_r(seed) % 2);
}

/* Whether the disk has what was last done to its name; to one that was renamed over, the same as to the other. */
static bool is_newer(struct file *f, enum disk_rest rest, unsigned *seed)
{
    struct file *of = f->by ? f->by : f;
    bool same = of->named == of->named_on_disk && strcmp(of->name, of->name_on_disk) == 0;

    if (!of->drawn) {
        of->drawn = true;
        of->newer = same || draw(rest, seed);
    }
    return of->newer;
}

static void write_file(struct file *f, enum disk_rest rest, unsigned *seed, int dirfd)
{
    bool newer = is_newer(f, rest, seed);
    bool named = newer ? f->named : f->named_on_disk;
    size_t len = f->len == f->len_on_disk || draw(rest, seed) ? f->len : f->len_on_disk;

    for (size_t i = 0; i < SECTORS; i++) {
        if (f->dirty[i] && draw(rest, seed)) {
            bring_to_disk(f, i);
        }
    }
    if (!named) {
        return;
    }
    const char *name = newer ? f->name : f->name_on_disk;
    OWN(fd) int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, f->on_disk, len), len);
}

void disk_cut(unsigned calls, enum disk_rest rest, unsigned seed, int dirfd)
{
    struct file *files[FILES_MAX + 1] = {NULL};

    for (unsigned i = 0; i < calls && i < disk.n; i++) {
        do_op(files, &disk.ops[i]);
    }
    for (size_t i = 0; files[i]; i++) {
        write_file(files[i], rest, &seed, dirfd);
    }
    for (size_t i = 0; files[i]; i++) {
        free(files[i]);
    }
}
