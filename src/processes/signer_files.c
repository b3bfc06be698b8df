#include "processes/signer_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "host/file.h"
#include "requests/signer.h"

#define SUFFIX   ".key"
#define FILE_MAX ((size_t)64 << 10)

static bool is_key_file(struct slice name)
{
    size_t len = sizeof(SUFFIX) - 1;

    return name.len > len && slice_equal(slice_from(name, name.len - len), SLICE(SUFFIX));
}

static bool add_file(int directory, const char *name, struct arena *arena, struct signer_file *to,
                     struct error *e)
{
    OWN(buf) struct buf bytes = {.max = FILE_MAX};

    if (!file_read_all(directory, name, &bytes, e)) {
        return false;
    }
    to->name = arena_copy(arena, slice_text(name));
    to->bytes = arena_copy(arena, buf_slice(&bytes));
    return true;
}

bool signer_files_read(int directory, struct arena *arena, struct buf *out, struct error *e)
{
    struct signer_file *all = arena_array(arena, SIGNER_KEYS_MAX, sizeof(*all));
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy >= 0 ? fdopendir(copy) : NULL;
    size_t count = 0;
    bool ok = true;

    if (!names) {
        own_fd(&copy);
        return error_errno(e, ERROR_CONFIG, "the keys' directory");
    }
    for (const struct dirent *d = readdir(names); d && ok; d = readdir(names)) {
        if (is_key_file(slice_text(d->d_name)) && count < SIGNER_KEYS_MAX) {
            ok = add_file(directory, d->d_name, arena, &all[count++], e);
        }
    }
    (void)closedir(names);
    if (!ok) {
        return false;
    }
    const struct signer_files files = {
        {all, count}
    };
    cbor_write(out, &signer_files_schema, &files);
    return !out->full || error_set(e, ERROR_LIMIT, "there are too many key files");
}
