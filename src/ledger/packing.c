/* Segments become packs, while others append; and records are erased. docs/ledger-format.md section 12, "Order of writing", has the
 * steps and what a crash between them leaves; tidy() is that table. Nothing here holds the ledger's lock
 * but for counting: a commit never waits for a pack. */
#include "ledger/packing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "host/file.h"
#include "ledger/erasing.h"
#include "ledger/io.h"
#include "ledger/pack.h"
#include "ledger/resealing.h"
#include "ledger/scan.h"
#include "ledger/writer.h"

static bool exists(const struct ledger *l, const char *name)
{
    struct stat st;
    return fstatat(l->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool packing_remove(int dirfd, const char *name, struct error *e)
{
    return ledger_io.unlink(dirfd, name) == 0 || errno == ENOENT ||
           error_errno(e, ERROR_BUSY, "%s: remove", name);
}

bool packing_sync(const struct ledger *l, struct error *e)
{
    return ledger_io.sync_folder(l->dirfd) == 0 ||
           error_errno(e, ERROR_BUSY, "ledger: sync folder");
}

/* -- the segment goes -- */

/* Overwrite what the segment's key is sealed in, and remove the file. First its name is brought to the disk: after a power
 * cut the segment would be in force again, without a key. */
static bool destroy_segment(const struct ledger *l, uint32_t number, struct error *e)
{
    uint8_t zeros[SEGMENT_HEAD_LEN - SEGMENT_FIXED_LEN] = {0};
    struct iovec iov = {zeros, sizeof(zeros)};
    char name[SEGMENT_NAME_MAX];
    OWN(fd) int fd = -1;

    segment_name_old(number, name);
    if (!packing_sync(l, e)) {
        return false;
    }
    if (file_open(l->dirfd, name, O_RDWR, &fd, e) != FILE_FOUND ||
        !ledger_write(fd, &iov, 1, SEGMENT_FIXED_LEN, e) || !ledger_sync(fd, e)) {
        return error_add(e, "%s: overwrite its key", name);
    }
    return packing_remove(l->dirfd, name, e) && packing_sync(l, e);
}

bool packing_rename(const struct ledger *l, const char *from, const char *to, struct error *e)
{
    return (ledger_io.rename(l->dirfd, from, to) == 0 && ledger_io.sync_folder(l->dirfd) == 0) ||
           error_errno(e, ERROR_BUSY, "%s: rename", from);
}

bool packing_record(struct ledger *l, const struct pack_head *head,
                    const uint8_t replaced[static DIGEST_LEN], struct error *e)
{
    OWN(buf) struct buf body = {.max = CLEAR_MAX};
    uint8_t digest[DIGEST_LEN];

    pack_digest(head, digest);
    const struct pack_record r = {
        .number = head->number,
        .digest = SLICE_ARRAY(digest),
        .length = head->segment_length,
        .replaced = slice_of(replaced, DIGEST_LEN),
        .first = head->first,
        .records = head->records,
    };

    pack_record_write(&body, &r);
    const struct ledger_record record = {RECORD_PACK, buf_slice(&body)};
    return ledger_append_any(l, LEDGER_PATIENT, &record, 1, NULL, e);
}

bool packing_rename_objects(const struct ledger *l, const struct pack_made *made, struct error *e)
{
    char name[OBJECTS_NAME_MAX];
    char name_new[OBJECTS_NAME_MAX];

    objects_name(made->head.number, made->objects, false, name);
    objects_name(made->head.number, made->objects, true, name_new);
    return made->objects == 0 || packing_rename(l, name_new, name, e);
}

/* Put a pack that was made in the segment's place. */
static bool replace(struct ledger *l, const struct pack_made *made, struct error *e)
{
    uint32_t number = made->head.number;
    char name[PACK_NAME_MAX];
    char name_new[PACK_NAME_MAX];
    char segment[SEGMENT_NAME_MAX];
    char old[SEGMENT_NAME_MAX];

    pack_name(number, name);
    pack_name_new(number, name_new);
    segment_name(number, segment);
    segment_name_old(number, old);
    return packing_rename_objects(l, made, e) && packing_rename(l, name_new, name, e) &&
           packing_record(l, &made->head, made->replaced, e) &&
           packing_rename(l, segment, old, e) && destroy_segment(l, number, e);
}

/* -- tidying -- */

/* A pack goes for the sake of its segment: only of one that can be in force. */
bool packing_counts(const struct ledger *l, uint32_t number)
{
    uint8_t bytes[SEGMENT_HEAD_LEN];
    char name[SEGMENT_NAME_MAX];
    struct segment_head head;
    struct error unread;
    OWN(fd) int fd = -1;
    size_t got = 0;

    segment_name(number, name);
    return file_open(l->dirfd, name, O_RDONLY, &fd, &unread) == FILE_FOUND &&
           file_read_at(fd, 0, bytes, sizeof(bytes), &got, &unread) && got == sizeof(bytes) &&
           segment_head_read(bytes, &head, &unread);
}

/* A whole pack that is not in force yet may have had its objects renamed: nobody else refers to those. */
static void remove_objects(const struct ledger *l, uint32_t number, struct error *e)
{
    OWN(pack) struct pack *p = NULL;
    char name[PACK_NAME_MAX];

    pack_name_new(number, name);
    if (pack_open(l->dirfd, -1, number, name, NULL, &p, e) == PACK_OPENED && pack_objects(p)) {
        char objects[OBJECTS_NAME_MAX];
        objects_name(number, (uint16_t)pack_objects(p)->month, false, objects);
        (void)!packing_remove(l->dirfd, objects, e);
    }
}

/* Remove what was begun of a pack. Objects that have their name are left to packing_tidy_objects(). */
static bool remove_attempt(const struct ledger *l, const char *name, enum ledger_file file,
                           uint32_t number, struct error *e)
{
    if (file == FILE_OLD) {
        return destroy_segment(l, number, e);
    }
    if (resealing_spares(l, number)) {
        return true;
    }
    if (file == FILE_PACK_NEW) {
        struct error unread;
        remove_objects(l, number, &unread);
    }
    bool begun = file == FILE_PACK_NEW || file == FILE_OBJECTS_NEW ||
                 ((file == FILE_PACK || file == FILE_PAYLOAD) && packing_counts(l, number)) ||
                 (file == FILE_PAYLOAD && resealing_is_other(l, number, pack_payload_making(name)));
    return !begun || packing_remove(l->dirfd, name, e);
}

bool packing_each(int dirfd, bool (*visit)(void *context, const char *name, struct error *e),
                  void *context, struct error *e)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    bool ok = true;

    if (!dir) {
        (void)error_errno(e, ERROR_CONFIG, "ledger: open folder");
        own_fd(&fd);
        return false;
    }
    for (const struct dirent *d = readdir(dir); d && ok; d = readdir(dir)) {
        ok = visit(context, d->d_name, e);
    }
    (void)closedir(dir);
    return ok;
}

static bool tidy_file(void *context, const char *name, struct error *e)
{
    const struct ledger *l = context;
    uint32_t number = 0;

    enum ledger_file file = ledger_file_of(name, &number);
    return file == FILE_OTHER || remove_attempt(l, name, file, number, e);
}

/* Key files: finish what was being rewritten, and destroy those of packs that were not made. */
static bool tidy_keys(void *context, const char *name, struct error *e)
{
    const struct ledger *l = context;
    uint32_t number = 0;
    uint16_t making = 0;
    bool rewriting = false;

    if (!record_keys_named(name, &number, &making, &rewriting) || resealing_spares(l, number)) {
        return true;
    }
    if (packing_counts(l, number) || resealing_is_other(l, number, making)) {
        return record_keys_discard(l->options.record_keys, number, making, e);
    }
    return !rewriting || record_keys_finish(l->options.record_keys, l->key, number, making, e);
}

/* The highest number of a pack; one whose segment counts is none. */
struct objects_look {
    const struct ledger *l;
    uint32_t last;
};

static bool find_last_pack(void *context, const char *name, struct error *e)
{
    struct objects_look *look = context;
    uint32_t number = 0;

    (void)e;
    if (ledger_file_of(name, &number) == FILE_PACK && number > look->last &&
        !packing_counts(look->l, number)) {
        look->last = number;
    }
    return true;
}

/* Only records of a pack refer to objects, and only to those of its own number and lower ones. */
static bool remove_unused_objects(void *context, const char *name, struct error *e)
{
    const struct objects_look *look = context;
    uint32_t number = 0;

    return ledger_file_of(name, &number) != FILE_OBJECTS || number <= look->last ||
           !packing_counts(look->l, number) || packing_remove(look->l->dirfd, name, e);
}

bool packing_tidy_objects(const struct ledger *l, struct error *e)
{
    struct objects_look look = {.l = l};

    return (packing_each(l->dirfd, find_last_pack, &look, e) &&
            packing_each(l->dirfd, remove_unused_objects, &look, e)) ||
           error_add(e, "ledger");
}

bool packing_tidy(struct ledger *l, struct error *e)
{
    if (!packing_each(l->dirfd, tidy_file, l, e)) {
        return error_add(e, "ledger");
    }
    return l->options.record_keys <= 0 || packing_each(l->options.record_keys, tidy_keys, l, e) ||
           error_add(e, "ledger: record keys");
}

/* -- one by one -- */

bool packing_is_segment(const struct ledger *l, uint32_t number)
{
    char name[SEGMENT_NAME_MAX];

    segment_name(number, name);
    return exists(l, name);
}

/* The first segment from `from` on, before the one that is written; 0: none. */
static uint32_t next_segment(const struct ledger *l, uint32_t from, uint32_t current)
{
    for (; from < current; from++) {
        if (packing_is_segment(l, from)) {
            return from;
        }
    }
    return 0;
}

/* When the segment behind began. */
static bool ended_at(const struct ledger *l, uint32_t number, int64_t *ended_ms, struct error *e)
{
    OWN(scan) struct scan *s = NULL;
    OWN(pack) struct pack *p = NULL;
    struct pack_entry n;

    switch (scan_open(l->dirfd, number + 1, O_RDONLY, NULL, &s, e)) {
    case SCAN_OPENED:
        if (scan_next(s, e) != SCAN_BATCH) {
            return false;
        }
        *ended_ms = scan_state(s)->head.created_ms;
        return true;
    case SCAN_NOT_OPENED:
        return false;
    case SCAN_MISSING:
        break;
    }
    if (pack_open(l->dirfd, 0, number + 1, NULL, NULL, &p, e) != PACK_OPENED ||
        !pack_entry(p, 0, &n, e)) {
        return error_set(e, ERROR_CORRUPT, "segment %u is missing", number + 1);
    }
    *ended_ms = n.time_ms;
    return true;
}

/* Keys in the ledger's own folder are under the ledger's lock. */
bool packing_lock_out_backups(const struct ledger *l, int *lock, struct error *e)
{
    struct stat st = {0};
    struct stat keys = {0};

    if (fstat(l->dirfd, &st) == 0 && fstat(l->options.record_keys, &keys) == 0 &&
        st.st_ino == keys.st_ino && st.st_dev == keys.st_dev) {
        return true;
    }
    *lock = openat(l->options.record_keys, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0) {
        return error_errno(e, ERROR_CONFIG, "ledger: folder of record keys");
    }
    return flock(*lock, LOCK_EX | LOCK_NB) == 0 ||
           error_set(e, ERROR_BUSY, "a backup is being made");
}

/* Of a pack that did not come into force. */
static void remove_made_objects(const struct ledger *l, const struct pack_made *made)
{
    char name[OBJECTS_NAME_MAX];
    struct error unremoved;

    objects_name(made->head.number, made->objects, false, name);
    if (made->objects && packing_is_segment(l, made->head.number)) {
        (void)!packing_remove(l->dirfd, name, &unremoved); /* it is in nobody's way */
    }
}

bool packing_number(struct ledger *l, uint32_t number, struct error *e)
{
    struct pack_made made = {.objects = 0};
    OWN(fd) int lock = -1;
    struct error why;

    if (!packing_lock_out_backups(l, &lock, e)) {
        return false; /* before all the work */
    }
    own_fd(&lock);
    l->packed++;
    if (!pack_make(l->dirfd, l->options.record_keys, l->key, number, ledger_now(l), l->options.mode,
                   &made, e) ||
        !packing_lock_out_backups(l, &lock, e) || !replace(l, &made, e)) {
        remove_made_objects(l, &made);
        /* What cannot be tidied now is at the next start. */
        return packing_tidy(l, &why) ? false : error_add(e, "%s", why.text);
    }
    (void)atomic_fetch_add(&l->saved_bytes,
                           (int64_t)made.head.segment_length - (int64_t)made.bytes);
    return true;
}

bool ledger_pack(struct ledger *l, int64_t before_ms, bool *packed, struct error *e)
{
    struct ledger_head head;
    int64_t ended_ms = 0;
    bool ok = true;

    *packed = false;
    if (l->options.record_keys <= 0) {
        return true;
    }
    (void)pthread_mutex_lock(&l->packing);
    ledger_head(l, &head);
    uint32_t number = next_segment(l, l->pack_next, head.segment);
    ok = resealing_finish(l, e) && erasing_finish(l, e);
    if (ok && number) {
        l->pack_next = number;
        ok = ended_at(l, number, &ended_ms, e);
        if (ok && ended_ms < before_ms) {
            ok = *packed = packing_number(l, number, e);
        }
    }
    (void)pthread_mutex_unlock(&l->packing);
    return ok || error_add(e, "ledger");
}
