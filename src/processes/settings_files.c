#include "processes/settings_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"

#include "host/memfd.h"

#define LENGTH_LEN 4

static bool read_whole(int fd, struct buf *out)
{
    for (;;) {
        uint8_t *room = buf_room(out, PIPE_BUF);
        ssize_t n = room ? read(fd, room, PIPE_BUF) : -1;
        if (n == 0) {
            return true;
        }
        if (n < 0 && (!room || errno != EINTR)) {
            return false;
        }
        out->len += n < 0 ? 0 : (size_t)n;
    }
}

/* A key that others than its owner could read, or change, is none. */
static bool is_private(int fd)
{
    struct stat about;

    if (fstat(fd, &about) != 0) {
        return false;
    }
    errno = EPERM;
    return (about.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

static bool read_file(struct slice path, bool private, struct buf *content)
{
    OWN(fd) int from = open((const char *)path.ptr, O_RDONLY | O_CLOEXEC);

    return from >= 0 && (!private || is_private(from)) && read_whole(from, content);
}

/* A private key, perhaps. */
static void wipe(struct buf *content)
{
    if (content->ptr) {
        explicit_bzero(content->ptr, content->capacity);
    }
}

static bool copy_one(struct slice path, int *fd, struct error *e)
{
    OWN(buf) struct buf content = {.max = ROLE_FILE_BYTES_MAX};

    if (!read_file(path, false, &content)) {
        return error_errno(e, ERROR_CONFIG, "%.*s", SLICE_ARG(path));
    }
    bool ok = memfd_from("file", buf_slice(&content), fd, e);
    wipe(&content);
    return ok;
}

/* The path that stands in the nth section of the list. */
static struct slice path_of(const struct role_row *row, size_t k, const struct config_list *list,
                            size_t nth)
{
    struct slice path;
    const uint8_t *section = (const uint8_t *)list->items + nth * row->files[k].each;

    (void)memcpy(&path, section + row->files[k].path, sizeof(path));
    return path;
}

static struct config_list list_of(const struct role_row *row, size_t k, const struct settings *s)
{
    struct config_list list;

    (void)memcpy(&list, (const uint8_t *)s + row->files[k].setting, sizeof(list));
    return list;
}

static bool copy_each(const struct role_row *row, size_t k, const struct settings *s, int *fd,
                      struct error *e)
{
    const struct config_list list = list_of(row, k, s);
    const size_t most = row->files[k].most ? row->files[k].most : SETTINGS_SECRET_MAX;
    OWN(buf) struct buf all = {.max = ROLE_FILE_BYTES_MAX};

    for (size_t i = 0; i < list.count; i++) {
        OWN(buf) struct buf one = {.max = most + PIPE_BUF};
        uint8_t length[LENGTH_LEN];
        struct slice path = path_of(row, k, &list, i);
        if (path.len && (!read_file(path, row->files[k].private, &one) || one.len > most)) {
            log_event(LOG_WARNING, "file.unread", LOG_TEXT("file", row->files[k].name),
                      LOG_NUMBER("section", i + 1), LOG_NUMBER("errno", errno));
            wipe(&one);
            one.len = 0;
        }
        put32(length, (uint32_t)one.len);
        buf_add(&all, SLICE_ARRAY(length));
        buf_add(&all, buf_slice(&one));
        wipe(&one);
    }
    bool ok = all.full ? error_set(e, ERROR_CONFIG, "%s: too much", row->files[k].name)
                       : memfd_from("file", buf_slice(&all), fd, e);
    wipe(&all);
    return ok;
}

/* Where the file is; empty: there is none. */
static struct slice path_for(const struct role_row *row, size_t k, const struct settings *s,
                             char room[static PATH_MAX])
{
    struct slice path;

    if (!row->files[k].below) {
        (void)memcpy(&path, (const uint8_t *)s + row->files[k].setting, sizeof(path));
        return path;
    }
    int len = snprintf(room, PATH_MAX, "%s/%s", (const char *)s->general.data_directory.ptr,
                       row->files[k].below);
    bool there = len > 0 && len < PATH_MAX && access(room, F_OK) == 0;
    return there ? slice_of(room, (size_t)len) : SLICE_NONE;
}

bool settings_file_copy(const struct role_row *row, size_t k, const struct settings *s, int *fd,
                        struct error *e)
{
    char room[PATH_MAX];

    *fd = -1;
    if (row->files[k].each) {
        return copy_each(row, k, s, fd, e);
    }
    struct slice path = path_for(row, k, s, room);
    return path.len == 0 || copy_one(path, fd, e) || error_add(e, "%s", row->files[k].name);
}

/* FNV-1a: nobody gains by two files that look alike. */
static uint64_t mix(uint64_t hash, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        hash = (hash ^ (value >> (8 * i) & 0xff)) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static uint64_t stamp_of(struct slice path, uint64_t hash)
{
    struct stat about = {0};

    (void)!stat((const char *)path.ptr, &about);
    hash = mix(hash, (uint64_t)about.st_ino);
    hash = mix(hash, (uint64_t)about.st_size);
    hash = mix(hash, (uint64_t)about.st_mtim.tv_sec);
    hash = mix(hash, (uint64_t)about.st_mtim.tv_nsec);
    /* The one that nobody sets: a file of the same size may get back the time that it had. */
    hash = mix(hash, (uint64_t)about.st_ctim.tv_sec);
    return mix(hash, (uint64_t)about.st_ctim.tv_nsec);
}

bool settings_files_stamp(const struct role_row *row, const struct settings *s, uint64_t *stamp)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    bool any = false;

    for (size_t k = 0; k < ROLE_FILES_MAX && row->files[k].name; k++) {
        if (row->files[k].each) {
            const struct config_list list = list_of(row, k, s);
            for (size_t i = 0; i < list.count; i++) {
                hash = stamp_of(path_of(row, k, &list, i), hash);
            }
            any = any || list.count;
        }
    }
    *stamp = hash;
    return any;
}

struct slice settings_file_in(struct slice all, size_t nth)
{
    for (;;) {
        if (all.len < LENGTH_LEN) {
            return SLICE_NONE;
        }
        struct slice rest = slice_from(all, LENGTH_LEN);
        uint32_t len = get32(all.ptr);
        if (nth-- == 0) {
            return slice_head(rest, len);
        }
        all = slice_from(rest, len);
    }
}
