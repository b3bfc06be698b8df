#include "ledger/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "ledger/dictionary.h"
#include "ledger/pack_format.h"

bool ledger_copy_lock(int record_keys, int *lock, struct error *e)
{
    OWN(fd) int fd = openat(record_keys, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "folder of record keys");
    }
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? error_set(e, ERROR_BUSY, "records are being packed or erased: try again")
                   : error_errno(e, ERROR_CONFIG, "folder of record keys: lock");
    }
    *lock = TAKE(fd, -1);
    return true;
}

static bool is_packed(int dirfd, uint32_t number)
{
    char name[SEGMENT_NAME_MAX];
    struct stat st;

    segment_name(number, name);
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0;
}

bool ledger_copy_needs(int dirfd, const char *name, uint32_t last)
{
    uint32_t number = 0;

    if (dictionary_is_name(name)) {
        return true;
    }
    switch (ledger_file_of(name, &number)) {
    case FILE_SEGMENT:
        return number <= last;
    case FILE_PACK:
    case FILE_PAYLOAD:
        return number < last && is_packed(dirfd, number);
    case FILE_OBJECTS:
        return number <
               last; /* packs with a higher number may refer to them, whatever their own is */
    case FILE_OTHER:
    case FILE_OBJECTS_NEW:
    case FILE_PACK_NEW:
    case FILE_OLD:
        break;
    }
    return false;
}

bool ledger_copy_needs_key(int dirfd, const char *name, uint32_t last)
{
    struct slice s = slice_text(name);
    uint64_t number = 0;

    if (slice_equal(s, SLICE("erasing"))) {
        return true;
    }
    return s.len > 10 && slice_decimal(slice_head(s, 10), UINT32_MAX, &number) && number < last &&
           (slice_equal(slice_from(s, 10), SLICE(".key")) ||
            slice_equal(slice_from(s, 10), SLICE(".key.new"))) &&
           is_packed(dirfd, (uint32_t)number);
}
