/* The last 16 bytes of every page of the file are a keyed digest of the page and its number, by way of
 * a VFS between SQLite and its own: what was damaged or changed on the disk is found out when it is
 * read, instead of letting letters vanish from what is found. SQLite keeps the bytes free for it
 * (SQLITE_FCNTL_RESERVE_BYTES). Its log has checksums of its own. */
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "search/internal.h"

#define PAGE 4096

struct sealed_file {
    sqlite3_file base;
    const struct token_keys *keys;
    sqlite3_file real[]; /* as large as the other VFS wants it */
};

static sqlite3_vfs *real;
static sqlite3_vfs vfs;
static _Thread_local const struct token_keys *opening;
static _Thread_local bool damaged; /* FTS5 does not always pass on which error it was */
static atomic_int lenient;         /* files are being emptied, whatever is in them */

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct sealed_file *)f)->real;
}

static void seal_of(sqlite3_file *f, const uint8_t *page, sqlite3_int64 at,
                    uint8_t seal[static PAGES_SEAL_LEN])
{
    const struct token_keys *keys = ((struct sealed_file *)f)->keys;
    uint8_t key[TOKEN_KEY_LEN];

    (void)memcpy(key, keys->check, sizeof(key));
    for (size_t i = 0; i < sizeof(at); i++) {
        key[i] ^=
            (uint8_t)((uint64_t)at >> (8 * i)); /* so that a page is good in its place alone */
    }
    (void)crypto_shorthash_siphashx24(seal, page, PAGE - PAGES_SEAL_LEN, key);
}

static bool is_page(int amount, sqlite3_int64 at)
{
    return amount == PAGE && at % PAGE == 0;
}

static int read_page(sqlite3_file *f, void *to, int amount, sqlite3_int64 at)
{
    uint8_t seal[PAGES_SEAL_LEN];
    int rc = real_of(f)->pMethods->xRead(real_of(f), to, amount, at);

    if (rc != SQLITE_OK || !is_page(amount, at) || atomic_load(&lenient)) {
        return rc;
    }
    seal_of(f, to, at, seal);
    if (memcmp(seal, (const uint8_t *)to + PAGE - PAGES_SEAL_LEN, sizeof(seal)) == 0) {
        return SQLITE_OK;
    }
    damaged = true;
    return SQLITE_IOERR_DATA;
}

static int write_page(sqlite3_file *f, const void *from, int amount, sqlite3_int64 at)
{
    uint8_t page[PAGE];

    if (is_page(amount, at)) {
        (void)memcpy(page, from, PAGE);
        seal_of(f, page, at, page + PAGE - PAGES_SEAL_LEN);
        from = page;
    }
    return real_of(f)->pMethods->xWrite(real_of(f), from, amount, at);
}

/* ---- what is passed on as it is ---- */

static int close_file(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int cut(sqlite3_file *f, sqlite3_int64 size)
{
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int sync_file(sqlite3_file *f, int flags)
{
    return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int size_of(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int lock(sqlite3_file *f, int how)
{
    return real_of(f)->pMethods->xLock(real_of(f), how);
}

static int unlock(sqlite3_file *f, int how)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), how);
}

static int is_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int control(sqlite3_file *f, int what, void *argument)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), what, argument);
}

static int sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int map(sqlite3_file *f, int page, int size, int extend, void volatile **to)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, to);
}

static int lock_map(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

/* Version 2: pages are never mapped, so all come by read_page(). */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_page,
    .xWrite = write_page,
    .xTruncate = cut,
    .xSync = sync_file,
    .xFileSize = size_of,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = is_reserved,
    .xFileControl = control,
    .xSectorSize = sector,
    .xDeviceCharacteristics = traits,
    .xShmMap = map,
    .xShmLock = lock_map,
    .xShmBarrier = barrier,
    .xShmUnmap = unmap,
};

static int open_file(sqlite3_vfs *unused, const char *name, sqlite3_file *f, int flags, int *got)
{
    struct sealed_file *s = (struct sealed_file *)f;

    (void)unused;
    if (!(flags & SQLITE_OPEN_MAIN_DB) || !opening) {
        return real->xOpen(real, name, f, flags, got);
    }
    (void)memset(s, 0, sizeof(*s));
    int rc = real->xOpen(real, name, s->real, flags, got);
    if (s->real->pMethods) {
        s->base.pMethods = &methods;
        s->keys = opening;
    }
    return rc;
}

static void register_once(void)
{
    real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.zName = "postern-search";
    vfs.szOsFile = (int)sizeof(struct sealed_file) + real->szOsFile;
    vfs.xOpen = open_file;
    (void)sqlite3_vfs_register(&vfs, 0);
}

int pages_open(const char *path, int flags, const struct token_keys *keys, sqlite3 **db)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int reserved = PAGES_SEAL_LEN;

    (void)pthread_once(&once, register_once);
    opening = keys;
    int rc = sqlite3_open_v2(path, db, flags, vfs.zName);
    opening = NULL;
    return rc == SQLITE_OK
               ? sqlite3_file_control(*db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved)
               : rc;
}

bool pages_damaged(void)
{
    return TAKE(damaged, false);
}

bool pages_wipe(sqlite3 *db)
{
    (void)atomic_fetch_add(&lenient, 1);
    bool wiped = sqlite_wipe(db);
    (void)atomic_fetch_sub(&lenient, 1);
    return wiped;
}
