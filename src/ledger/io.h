/* ledger/io - the few calls that change the disk, through a seam by which tests make it fail. For
 * ledger/'s own files. */
#pragma once

#include <sys/uio.h>

#include "base/error.h"

#include "ledger/ledger.h"

struct ledger_io {
    int (*create)(int dirfd, const char *name, mode_t mode);
    ssize_t (*pwritev)(int fd, const struct iovec *iov, int n, off_t at);
    int (*fdatasync)(int fd);
    int (*ftruncate)(int fd, off_t length);
    int (*sync_folder)(int dirfd);
    int (*unlink)(int dirfd, const char *name);
    int (*rename)(int dirfd, const char *from, const char *to);
};

extern struct ledger_io ledger_io;

/* Write all of the vector at an offset; `iov` is used up. False with ERROR_BUSY on any failure. */
bool ledger_write(int fd, struct iovec *iov, size_t n, uint64_t at, struct error *e) MUST_CHECK;

/* fdatasync once. False with ERROR_BUSY. */
bool ledger_sync(int fd, struct error *e) MUST_CHECK;

struct segment_list {
    uint32_t last;  /* highest number, 0 for none */
    uint32_t count; /* equal to `last` when none is missing */
    uint64_t bytes;
};

/* List the folder's segments. */
bool segment_list(int dirfd, struct segment_list *list, struct error *e) MUST_CHECK;
