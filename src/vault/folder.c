/* A folder as a store: one file for each object. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "vault/store.h"

#define MODE 0600

bool store_is_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool fine =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '.' && i > 0);
        if (!fine) {
            return false;
        }
    }
    return name.len > 0 && name.len <= STORE_NAME_MAX;
}

static bool name_text(struct slice name, char out[static STORE_NAME_MAX + 1], struct error *e)
{
    if (!store_is_name(name)) {
        return error_set(e, ERROR_INPUT, "this is no name of an object");
    }
    (void)memcpy(out, name.ptr, name.len);
    out[name.len] = 0;
    return true;
}

/* What is listed counts as stored. Where the folder could not be synced, the disk may not have the name, and no
 * later sync that succeeds says that it has: so it goes again. */
static bool put(void *context, struct slice name, struct slice bytes, struct error *e)
{
    char text[STORE_NAME_MAX + 1];

    if (!name_text(name, text, e)) {
        return false;
    }
    if (!file_replace(*(int *)context, text, bytes, MODE, e)) {
        (void)unlinkat(*(int *)context, text, 0);
        return false;
    }
    return true;
}

static bool get(void *context, struct slice name, struct buf *out, struct error *e)
{
    char text[STORE_NAME_MAX + 1];

    if (!name_text(name, text, e)) {
        return false;
    }
    if (faccessat(*(int *)context, text, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
        return error_set(e, ERROR_CORRUPT, "%s is not there", text);
    }
    return file_read_all(*(int *)context, text, out, e);
}

static bool visit_entry(int folder, const char *text, struct slice prefix, store_visit *visit,
                        void *visitor, struct error *e)
{
    struct slice name = slice_of(text, strlen(text));
    struct stat about;

    if (!slice_starts(name, prefix) || !store_is_name(name) ||
        fstatat(folder, text, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode)) {
        return true;
    }
    return visit(visitor, name, (uint64_t)about.st_size, e);
}

static bool list(void *context, struct slice prefix, store_visit *visit, void *visitor,
                 struct error *e)
{
    int folder = *(int *)context;
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;

    if (!entries) {
        own_fd(&copy);
        return error_errno(e, ERROR_BUSY, "list the folder");
    }
    bool ok = true;
    errno = 0;
    for (const struct dirent *d = readdir(entries); d && ok; d = readdir(entries)) {
        ok = visit_entry(folder, d->d_name, prefix, visit, visitor, e);
        errno = 0;
    }
    if (ok && errno != 0) {
        ok = error_errno(e, ERROR_BUSY, "list the folder");
    }
    (void)closedir(entries);
    return ok;
}

static bool remove_object(void *context, struct slice name, struct error *e)
{
    char text[STORE_NAME_MAX + 1];

    if (!name_text(name, text, e)) {
        return false;
    }
    if (unlinkat(*(int *)context, text, 0) != 0 && errno != ENOENT) {
        return error_errno(e, ERROR_BUSY, "remove %s", text);
    }
    return file_sync_folder(*(int *)context, e);
}

struct store store_folder(int *folder)
{
    static const struct store_ops ops = {put, get, list, remove_object};

    return (struct store){&ops, folder};
}
