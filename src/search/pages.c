/* Every page of the file, and of SQLite's log beside it, is encrypted and bound to its place, by way of a VFS
 * between SQLite and its own. A disk that is taken away shows how many pages there are and the first 100
 * bytes of the file, which say no more; what was damaged or changed on it is found out when it is read, instead
 * of letting letters vanish from what is found.
 *
 * XChaCha20-Poly1305 with a random nonce of 24 bytes, so that any number of pages can be written under one key.
 * Nonce and tag stand in the last bytes of the page, which SQLite keeps free (SQLITE_FCNTL_RESERVE_BYTES);
 * in memory they are zero, so that the checksums of the log, which are made of the page in memory, hold. */
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "search/internal.h"

#define PAGE 4096
#define HEAD                                                                                       \
    100 /* of the file, at the beginning of its first page: SQLite reads it before it knows more */
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define KEY_LEN   crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define SEALED    (PAGE - PAGES_SEAL_LEN)
#define LOG_HEAD  32 /* of the log; and of each page in it: its frame's */
#define LOG_FRAME 24

_Static_assert(PAGES_SEAL_LEN == NONCE_LEN + TAG_LEN, "they fill what is reserved");
_Static_assert(KEY_LEN == DIGEST_LEN, "the key is a digest");

struct sealed_file {
    sqlite3_file base;
    bool log;
    uint8_t key[KEY_LEN];
    sqlite3_file real[]; /* as large as the other VFS wants it */
};

static sqlite3_vfs *real;
static sqlite3_vfs vfs;
static _Thread_local const struct token_keys *opening;
static _Thread_local bool damaged; /* FTS5 does not always pass on which error it was */
static atomic_int lenient;         /* files are being emptied, whatever is in them */

static struct sealed_file *sealed_of(sqlite3_file *f)
{
    return (struct sealed_file *)f;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return sealed_of(f)->real;
}

/* -- one page -- */

/* What is not encrypted of it: the head of the file. */
static size_t clear_of(const struct sealed_file *f, sqlite3_int64 at)
{
    return !f->log && at == 0 ? HEAD : 0;
}

/* The place, and what stands in the clear. */
static size_t context_of(const struct sealed_file *f, const uint8_t *page, sqlite3_int64 at,
                         uint8_t context[static 9 + HEAD])
{
    size_t clear = clear_of(f, at);

    context[0] = f->log;
    for (size_t i = 0; i < 8; i++) {
        context[1 + i] = (uint8_t)((uint64_t)at >> (8 * i));
    }
    (void)memcpy(context + 9, page, clear);
    return 9 + clear;
}

static void seal_page(const struct sealed_file *f, sqlite3_int64 at, const uint8_t *page,
                      uint8_t out[static PAGE])
{
    size_t clear = clear_of(f, at);
    uint8_t context[9 + HEAD];
    uint8_t *nonce = out + SEALED;

    keyring_random_bytes(nonce, NONCE_LEN);
    (void)memcpy(out, page, clear);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
        out + clear, nonce + NONCE_LEN, NULL, page + clear, SEALED - clear, context,
        context_of(f, page, at, context), NULL, nonce, f->key);
}

/* In place; false when it is not what was written there. */
static bool open_page(const struct sealed_file *f, sqlite3_int64 at, uint8_t page[static PAGE])
{
    size_t clear = clear_of(f, at);
    uint8_t context[9 + HEAD];
    const uint8_t *nonce = page + SEALED;

    bool opened = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
                      page + clear, NULL, page + clear, SEALED - clear, nonce + NONCE_LEN, context,
                      context_of(f, page, at, context), nonce, f->key) == 0;
    (void)memset(page + SEALED, 0, PAGES_SEAL_LEN);
    return opened;
}

/* -- reading and writing -- */

/* Where in what is read or written at `at` a page begins; false: it is none. The log is read by pages,
 * and by frames, which are a page with a head. */
static bool find_page(const struct sealed_file *f, int amount, sqlite3_int64 at, size_t *skip)
{
    *skip = 0;
    if (!f->log) {
        return amount == PAGE && at % PAGE == 0;
    }
    if (at < LOG_HEAD) {
        return false;
    }
    sqlite3_int64 within = (at - LOG_HEAD) % (LOG_FRAME + PAGE);
    *skip = within == 0 ? LOG_FRAME : 0;
    return within == 0 ? amount == LOG_FRAME + PAGE : within == LOG_FRAME && amount == PAGE;
}

static int read_some(sqlite3_file *file, void *to, int amount, sqlite3_int64 at)
{
    struct sealed_file *f = sealed_of(file);
    size_t skip = 0;
    int rc = real_of(file)->pMethods->xRead(real_of(file), to, amount, at);

    if (rc != SQLITE_OK || !find_page(f, amount, at, &skip) || atomic_load(&lenient)) {
        return rc;
    }
    /* Whole frames are read after a crash: the log ends with the last one whose checksum holds. */
    if (open_page(f, at + (sqlite3_int64)skip, (uint8_t *)to + skip) || skip) {
        return SQLITE_OK;
    }
    damaged = true;
    return SQLITE_IOERR_DATA;
}

static int write_some(sqlite3_file *file, const void *from, int amount, sqlite3_int64 at)
{
    struct sealed_file *f = sealed_of(file);
    uint8_t bytes[LOG_FRAME + PAGE];
    size_t skip = 0;

    if (find_page(f, amount, at, &skip)) {
        (void)memcpy(bytes, from, skip);
        seal_page(f, at + (sqlite3_int64)skip, (const uint8_t *)from + skip, bytes + skip);
        from = bytes;
    } else if (amount > HEAD) {
        return SQLITE_IOERR_WRITE; /* nothing that could be words is written as it is */
    }
    return real_of(file)->pMethods->xWrite(real_of(file), from, amount, at);
}

/* ---- what is passed on as it is ---- */

static int close_file(sqlite3_file *f)
{
    sodium_memzero(sealed_of(f)->key, KEY_LEN);
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

/* Version 2: pages are never mapped, so all come by read_some(). */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_some,
    .xWrite = write_some,
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

/* A log is opened when its file has been, perhaps by another call: SQLite names that file. */
static bool find_key(const char *name, int flags, uint8_t key[static KEY_LEN])
{
    if (flags & SQLITE_OPEN_MAIN_DB && opening) {
        static const struct slice label = SLICE_INIT("postern search pages");
        digest_hmac(slice_of(opening, sizeof(*opening)), label, key);
        return true;
    }
    if (flags & SQLITE_OPEN_WAL) {
        sqlite3_file *base = sqlite3_database_file_object(name);
        if (base && base->pMethods == &methods) {
            (void)memcpy(key, sealed_of(base)->key, KEY_LEN);
            return true;
        }
    }
    return false;
}

static int open_file(sqlite3_vfs *unused, const char *name, sqlite3_file *f, int flags, int *got)
{
    struct sealed_file *s = sealed_of(f);
    uint8_t key[KEY_LEN];

    (void)unused;
    if (!find_key(name, flags, key)) {
        return real->xOpen(real, name, f, flags, got);
    }
    (void)memset(s, 0, sizeof(*s));
    int rc = real->xOpen(real, name, s->real, flags, got);
    if (s->real->pMethods) {
        s->base.pMethods = &methods;
        s->log = flags & SQLITE_OPEN_WAL;
        (void)memcpy(s->key, key, sizeof(key));
    }
    sodium_memzero(key, sizeof(key));
    return rc;
}

static void register_once(void)
{
    (void)!sodium_init(); /* it finds the processor's faster instructions: twice as many pages a second */
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
