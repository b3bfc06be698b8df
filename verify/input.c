#include "verify/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum input_result input_open(struct input *in, int folder, const char *name)
{
    struct stat st;

    *in = (struct input){.fd = -1};
    /* O_NONBLOCK: a pipe that somebody put there must not stop us. */
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno == ENOENT ? INPUT_MISSING
                               : (errno == ELOOP || errno == ENXIO ? INPUT_NO_FILE : INPUT_FAILED);
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return INPUT_NO_FILE;
    }
    in->window = malloc(INPUT_WINDOW);
    if (!in->window) {
        (void)fputs("postern-verify: no memory\n", stderr);
        exit(2);
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    in->fd = fd;
    in->size = (uint64_t)st.st_size;
    return INPUT_OK;
}

void input_close(struct input *in)
{
    if (in->fd >= 0) {
        (void)close(in->fd);
        free(in->window);
    }
    *in = (struct input){.fd = -1};
}

static void fill(struct input *in, uint64_t at)
{
    in->at = at;
    in->len = 0;
    while (in->len < INPUT_WINDOW && at + in->len < in->size) {
        ssize_t n =
            pread(in->fd, in->window + in->len, INPUT_WINDOW - in->len, (off_t)(at + in->len));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            in->failed |= n < 0;
            return;
        }
        in->len += (size_t)n;
    }
}

struct view input_look(struct input *in, uint64_t at, size_t len)
{
    if (at >= in->size) {
        return (struct view){in->window, 0};
    }
    if (len > in->size - at) {
        len = (size_t)(in->size - at);
    }
    if (at < in->at || at - in->at + len > in->len) {
        fill(in, at);
    }
    size_t skip = (size_t)(at - in->at);
    size_t left = in->len > skip ? in->len - skip : 0;
    return (struct view){in->window + skip, left < len ? left : len};
}

struct view input_some(struct input *in, uint64_t at, size_t least)
{
    struct view bytes = input_look(in, at, least);

    if (bytes.len) {
        bytes.len = (size_t)(in->at + in->len - at);
    }
    return bytes;
}

bool input_hash(struct input *in, uint64_t at, uint64_t len, struct hash *h)
{
    while (len) {
        size_t step = len < INPUT_WINDOW ? (size_t)len : INPUT_WINDOW;
        /* What is left of the window first: so every byte is read once. */
        if (at >= in->at && at < in->at + in->len && step > in->at + in->len - at) {
            step = (size_t)(in->at + in->len - at);
        }
        struct view bytes = input_look(in, at, step);
        if (bytes.len == 0) {
            return false;
        }
        hash_add(h, bytes.at, bytes.len);
        at += bytes.len;
        len -= bytes.len;
    }
    return true;
}

uint64_t input_last(struct input *in, uint64_t from)
{
    uint64_t last = from;

    for (uint64_t at = from; at < in->size;) {
        struct view bytes = input_look(in, at, INPUT_WINDOW);
        if (bytes.len == 0) {
            break;
        }
        for (size_t i = bytes.len; i > 0; i--) {
            if (bytes.at[i - 1]) {
                last = at + i;
                break;
            }
        }
        at += bytes.len;
    }
    return last;
}
