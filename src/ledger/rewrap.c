/* After a rotation: key slots of segments and packs, and key files, under the present ledger key.
 *
 * Invariants:
 *  1. A key slot is written within one sector (docs/ledger-format.md sections 3 and 12), from the slot's beginning to the
 *     header's end: the disk holds the old slot or the new one, and the leaves, the batches and the pack's digest stay.
 *  2. A key file is rewritten as an erasure does it: one whole file is in force at any moment, and the former one is
 *     overwritten.
 *  3. A slot counts as rewritten when the disk has it. One that is found under the present key may be in memory alone, after a
 *     sync that failed in a process before: the first round of a process writes each again (slots_durable).
 *  4. What cannot be opened is left alone and reported: a damaged file does not keep the others under an old key. */
#include "ledger/rewrap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "host/file.h"
#include "keyring/former.h"
#include "ledger/internal.h"
#include "ledger/io.h"
#include "ledger/pack_format.h"
#include "ledger/packing.h"
#include "ledger/record_keys.h"

#define HEAD_LEN SEGMENT_HEAD_LEN /* of segments and packs */

enum at {
    AT_SEGMENT = 64, /* where the public id of the ledger key is */
    AT_PACK = 160,
    AT_KEYS = 56,
};

typedef bool visit(void *context, const char *name, struct error *e);

static bool each_name(int dirfd, visit *call, void *context, struct error *e)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    bool ok = true;

    if (!dir) {
        (void)error_errno(e, ERROR_CONFIG, "open folder");
        own_fd(&fd);
        return false;
    }
    for (const struct dirent *d = readdir(dir); d && ok; d = readdir(dir)) {
        ok = call(context, d->d_name, e);
    }
    (void)closedir(dir);
    return ok;
}

/* Where a file of the ledger's folder names its key; 0: nowhere. */
static size_t slot_of(const char *name, uint32_t *number)
{
    switch (ledger_file_of(name, number)) {
    case FILE_SEGMENT:
    case FILE_OLD:
        return AT_SEGMENT;
    case FILE_PACK:
    case FILE_PACK_NEW:
        return AT_PACK;
    case FILE_OTHER:
    case FILE_PAYLOAD:
    case FILE_OBJECTS:
    case FILE_OBJECTS_NEW:
        break;
    }
    return 0;
}

/* -- counting -- */

struct count {
    int dirfd;
    const uint8_t *id;
    struct ledger_key_use *use;
};

/* Whether the file names the key there. One that went away meanwhile does not. */
static bool names_key(int dirfd, const char *name, size_t at, const uint8_t *id, bool *does,
                      struct error *e)
{
    uint8_t found[KEYRING_ID_LEN];
    OWN(fd) int fd = -1;
    size_t got = 0;

    *does = false;
    switch (file_open(dirfd, name, O_RDONLY, &fd, e)) {
    case FILE_MISSING:
        return true;
    case FILE_FAILED:
        return false;
    case FILE_FOUND:
        break;
    }
    if (!file_read_at(fd, at, found, sizeof(found), &got, e)) {
        return error_add(e, "%s", name);
    }
    *does = got == sizeof(found) && memcmp(found, id, sizeof(found)) == 0;
    return true;
}

static bool count_file(void *context, const char *name, struct error *e)
{
    struct count *c = context;
    uint32_t number = 0;
    size_t at = slot_of(name, &number);
    bool does = false;

    if (at && !names_key(c->dirfd, name, at, c->id, &does, e)) {
        return false;
    }
    c->use->segments += does && at == AT_SEGMENT;
    c->use->packs += does && at == AT_PACK;
    return true;
}

/* While a rewriting has not come to an end, the disk may have the file from before it. */
static bool count_key_file(void *context, const char *name, struct error *e)
{
    struct count *c = context;
    bool rewriting = false;
    bool does = false;
    uint32_t number = 0;
    uint16_t making = 0;

    if (!record_keys_named(name, &number, &making, &rewriting)) {
        return true;
    }
    if (!rewriting && !names_key(c->dirfd, name, AT_KEYS, c->id, &does, e)) {
        return false;
    }
    c->use->record_keys += does || rewriting;
    return true;
}

bool ledger_key_uses(int dirfd, int keys_dirfd, const uint8_t id[static KEYRING_ID_LEN],
                     struct ledger_key_use *use, struct error *e)
{
    struct ledger_key_use found = {0};
    struct count c = {dirfd, id, &found};

    if (!each_name(dirfd, count_file, &c, e)) {
        return error_add(e, "ledger");
    }
    c.dirfd = keys_dirfd;
    if (keys_dirfd > 0 && !each_name(keys_dirfd, count_key_file, &c, e)) {
        return error_add(e, "record keys");
    }
    *use = found;
    return true;
}

/* -- rewriting -- */

struct round {
    struct ledger *l;
    uint32_t current; /* the segment that is written */
    unsigned room;    /* files that may still be rewritten */
    unsigned done;
    struct error why; /* of the last one that could not be */
    unsigned failed;
    bool unsure; /* the disk may lack a slot that reads back as written */
};

/* Put what is sealed at `slot` of a header under the present key. The segment's and the pack's slots differ in
 * their place alone: public id, then the sealed value, whose context is all before. */
static bool reseal(const struct ledger *l, uint8_t *head, size_t slot, struct error *e)
{
    const struct secret *former = keyring_find(l->key, head + slot);
    OWN(secret) struct secret *key = NULL;
    OWN(buf) struct buf sealed = {.max = SEGMENT_KEY_LEN};
    uint8_t *value = head + slot + KEYRING_ID_LEN;
    struct slice context = slice_of(head, slot);

    if (!former ||
        !keyring_open_secret(former, context, slice_of(value, SEGMENT_KEY_LEN), &key, e)) {
        return error_set(e, ERROR_CORRUPT, "its key does not open");
    }
    keyring_id(l->key, head + slot);
    keyring_seal(l->key, context, secret_slice(key), &sealed);
    (void)memcpy(value, sealed.ptr, SEGMENT_KEY_LEN);
    digest_of(slice_of(head, HEAD_LEN - DIGEST_LEN), SLICE_NONE, head + HEAD_LEN - DIGEST_LEN);
    return true;
}

static bool is_whole(const uint8_t *head, size_t slot, struct error *e)
{
    struct segment_head segment;
    struct pack_head pack;

    return slot == AT_SEGMENT ? segment_head_read(head, &segment, e)
                              : pack_head_read(head, &pack, e);
}

static bool put_slot(int fd, uint8_t *head, size_t slot, struct error *e)
{
    struct iovec iov = {head + slot, HEAD_LEN - slot};

    return ledger_write(fd, &iov, 1, slot, e) && ledger_sync(fd, e);
}

/* What cannot be brought to the disk must not be found under the present key: the old bytes go back. */
static bool replace_slot(int fd, uint8_t *old, uint8_t *head, size_t slot, struct error *e)
{
    struct iovec iov = {old + slot, HEAD_LEN - slot};
    struct error why;

    if (put_slot(fd, head, slot, e)) {
        return true;
    }
    if (!ledger_write(fd, &iov, 1, slot, &why)) {
        (void)error_add(e, "%s", why.text);
    }
    return false;
}

static bool rewrap_slot(struct round *r, const char *name, size_t slot, bool *did, struct error *e)
{
    uint8_t head[HEAD_LEN];
    uint8_t old[HEAD_LEN];
    uint8_t own[KEYRING_ID_LEN];
    OWN(fd) int fd = -1;
    size_t got = 0;

    keyring_id(r->l->key, own);
    if (file_open(r->l->dirfd, name, O_RDWR, &fd, e) != FILE_FOUND ||
        !file_read_at(fd, 0, head, sizeof(head), &got, e)) {
        return false;
    }
    if (got < sizeof(head)) {
        return error_set(e, ERROR_CORRUPT, "too short");
    }
    bool ok = true;
    if (memcmp(head + slot, own, sizeof(own)) == 0) {
        ok = r->l->slots_durable || put_slot(fd, head, slot, e);
    } else {
        (void)memcpy(old, head, sizeof(old));
        if (!is_whole(head, slot, e) || !reseal(r->l, head, slot, e)) {
            return false;
        }
        *did = true;
        ok = replace_slot(fd, old, head, slot, e);
    }
    r->unsure |= !ok;
    return ok;
}

static bool took_part(struct round *r, const char *name, bool ok, bool did, const struct error *e)
{
    r->done += ok && did;
    r->room -= did && r->room;
    if (!ok) {
        r->failed++;
        r->why = *e;
        (void)error_add(&r->why, "%s", name);
    }
    return true;
}

static bool rewrap_file(void *context, const char *name, struct error *e)
{
    struct round *r = context;
    uint32_t number = 0;
    size_t slot = slot_of(name, &number);
    bool did = false;

    if (!slot || number >= r->current || r->room == 0) {
        return true;
    }
    bool ok = rewrap_slot(r, name, slot, &did, e);
    return took_part(r, name, ok, did, e);
}

static bool rewrap_key_file(void *context, const char *name, struct error *e)
{
    struct round *r = context;
    bool rewriting = false;
    bool did = false;
    uint32_t number = 0;
    uint16_t making = 0;

    if (!record_keys_named(name, &number, &making, &rewriting) || r->room == 0) {
        return true;
    }
    bool ok = record_keys_rewrap(r->l->options.record_keys, r->l->key, number, making,
                                 r->l->options.mode, &did, e);
    return took_part(r, name, ok, did, e);
}

static bool rewrap(struct round *r, struct error *e)
{
    OWN(fd) int lock = -1;
    struct ledger *l = r->l;

    if (l->options.record_keys > 0 && !packing_lock_out_backups(l, &lock, e)) {
        return false;
    }
    if (!each_name(l->dirfd, rewrap_file, r, e)) {
        return false;
    }
    l->slots_durable = !r->unsure && (l->slots_durable || r->room > 0);
    if (l->options.record_keys > 0 && !each_name(l->options.record_keys, rewrap_key_file, r, e)) {
        return false;
    }
    if (r->failed) {
        *e = r->why;
        return false;
    }
    return true;
}

bool ledger_rewrap(struct ledger *l, unsigned *done, struct error *e)
{
    struct round r = {.l = l, .room = LEDGER_REWRAP_MAX};
    struct ledger_head head;

    *done = 0;
    if (!keyring_former(l->key, 0)) {
        return true;
    }
    (void)pthread_mutex_lock(&l->packing);
    ledger_head(l, &head);
    r.current = head.segment;
    bool ok = rewrap(&r, e);
    (void)pthread_mutex_unlock(&l->packing);
    *done = r.done;
    return ok || error_add(e, "ledger");
}
