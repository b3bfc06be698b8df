#include "ledger/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/dictionary.h"
#include "ledger/pack.h"

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
    if (faccessat(fd, "resealing", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return error_set(e, ERROR_BUSY, "a pack is being replaced: try again");
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

/* Which making of a pack is in force. What cannot be read is copied as it is: whoever verifies the copy says what is wrong. */
static bool is_making(int dirfd, uint32_t number, uint16_t making)
{
    char name[PACK_NAME_MAX];
    struct pack_head head;
    struct error unread;

    pack_name(number, name);
    return !pack_head_of(dirfd, number, name, &head, &unread) || head.making == making;
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
        return number < last && is_packed(dirfd, number);
    case FILE_PAYLOAD:
        return number < last && is_packed(dirfd, number) &&
               is_making(dirfd, number, pack_payload_making(name));
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
    uint32_t number = 0;
    uint16_t making = 0;
    bool rewriting = false;

    if (slice_equal(slice_text(name), SLICE("erasing"))) {
        return true;
    }
    return record_keys_named(name, &number, &making, &rewriting) && number < last &&
           is_packed(dirfd, number) && is_making(dirfd, number, making);
}
