#include "host/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#define COPIED_MAX   ((size_t)64 << 10) /* bytes; malloc() would map what is much longer */
#define SEALS_NEEDED (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

bool memfd_open(const char *name, int *fd, struct error *e)
{
    int made = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made < 0) {
        return error_errno(e, ERROR_BUSY, "make memory file");
    }
    *fd = made;
    return true;
}

bool memfd_add(int fd, struct slice s, struct error *e)
{
    while (s.len > 0) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno != EINTR) {
            return error_errno(e, ERROR_BUSY, "fill memory file");
        }
        s = slice_from(s, n < 0 ? 0 : (size_t)n);
    }
    return true;
}

bool memfd_seal(int fd, struct error *e)
{
    if (fcntl(fd, F_ADD_SEALS, SEALS_NEEDED | F_SEAL_SEAL) != 0) {
        return error_errno(e, ERROR_BUSY, "seal memory file");
    }
    return true;
}

bool memfd_from(const char *name, struct slice content, int *fd, struct error *e)
{
    OWN(fd) int made = -1;
    if (!memfd_open(name, &made, e) || !memfd_add(made, content, e) || !memfd_seal(made, e)) {
        return false;
    }
    *fd = TAKE(made, -1);
    return true;
}

bool memfd_is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & SEALS_NEEDED) == SEALS_NEEDED;
}

static bool copy_all(int fd, size_t len, struct memfd_map *map, struct error *e)
{
    uint8_t *memory = malloc(len);
    size_t done = 0;

    if (!memory) {
        arena_panic("out of memory");
    }
    while (done < len) {
        ssize_t n = pread(fd, memory + done, len - done, (off_t)done);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            free(memory);
            return error_errno(e, ERROR_BUSY, "read memory file");
        }
        done += n > 0 ? (size_t)n : 0;
    }
    *map = (struct memfd_map){.bytes = slice_of(memory, len), .copied = true};
    return true;
}

bool memfd_map(int fd, size_t max_bytes, struct memfd_map *map, struct error *e)
{
    if (!memfd_is_sealed(fd)) {
        return error_set(e, ERROR_DENIED, "descriptor is not a sealed memory file");
    }
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return error_errno(e, ERROR_BUSY, "look at memory file");
    }
    if ((uint64_t)about.st_size > max_bytes) {
        return error_set(e, ERROR_LIMIT, "memory file of %lld bytes, at most %zu are taken",
                         (long long)about.st_size, max_bytes);
    }
    if (about.st_size == 0) { /* mmap refuses length 0 */
        *map = (struct memfd_map){.bytes = SLICE_NONE};
        return true;
    }
    if ((size_t)about.st_size <= COPIED_MAX) {
        return copy_all(fd, (size_t)about.st_size, map, e);
    }
    /* At once: whoever maps it reads all of it. */
    void *at = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED) {
        return error_errno(e, ERROR_BUSY, "map memory file");
    }
    *map = (struct memfd_map){.bytes = slice_of(at, (size_t)about.st_size)};
    return true;
}

void memfd_unmap(struct memfd_map *map)
{
    if (map->bytes.len > 0) {
        void *at = NULL;
        memcpy(&at, &map->bytes.ptr, sizeof(at));
        if (map->copied) {
            free(at);
        } else {
            (void)munmap(at, map->bytes.len);
        }
    }
    *map = (struct memfd_map){.bytes = SLICE_NONE};
}
