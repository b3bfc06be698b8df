/* Packs are made again, of themselves: under fresh keys and the present format, without what was erased.
 *
 * Invariants:
 *  1. One whole pack is in force at any moment, with its keys; the former one's keys and files are touched when the new one is
 *     durable, compared, recorded and in force.
 *  2. What is erased stays so: of it the new pack has the leaf and no key, and nothing is erased while a pack is made. Nothing else is
 *     left out: a pack of which another key is missing stays as it is, and so do objects to which its record may refer.
 *  3. As long as the file `resealing` is there nothing is packed or erased, and no backup begins.
 *
 * | file `resealing` | .pack | .pack.new | what is done |
 * |---|---|---|---|
 * | not there | any | there | .pack.new removed, the keys of its making overwritten, its files removed |
 * | there | the former | the one named | recorded, renamed to .pack, then as below |
 * | there | the one named | not there | the folder synced, keys of other makings overwritten, their files removed, `resealing` removed |
 * | there | the segment is there | any | `resealing` removed |
 *
 * Files of objects that no pack names stay until ledger/sweep has seen that no record refers to them. */
#include "ledger/reseal.h"

#include <fcntl.h>

#include "base/bytes.h"

#include "host/file.h"
#include "ledger/erased.h"
#include "ledger/erasing.h"
#include "ledger/io.h"
#include "ledger/marker.h"
#include "ledger/packing.h"
#include "ledger/resealing.h"
#include "ledger/sweep.h"

#define FILE_NAME "resealing"
#define FILE_LEN  48

static const char magic[8] = {'P', 'S', 'T', 'N', 'R', 'E', 'S', 'L'};

/* What the file says is to be in force. */
struct resealing {
    bool there;
    uint32_t number;
    uint16_t making;
    uint8_t digest[DIGEST_LEN];
};

/* -- the file -- */

static bool announce(const struct ledger *l, const struct pack_made *made, struct error *e)
{
    uint8_t bytes[FILE_LEN] = {0};

    (void)memcpy(bytes, magic, sizeof(magic));
    put32(bytes + 8, made->head.number);
    put16(bytes + 12, made->head.making);
    (void)memcpy(bytes + 16, made->digest, DIGEST_LEN);
    return marker_write(l, FILE_NAME, SLICE_ARRAY(bytes), e);
}

static bool read_file(const struct ledger *l, struct resealing *r, struct error *e)
{
    uint8_t bytes[FILE_LEN] = {0};

    *r = (struct resealing){.there = false};
    if (l->options.record_keys <= 0) {
        return true;
    }
    if (!marker_read(l, FILE_NAME, bytes, sizeof(bytes), &r->there, e)) {
        return false;
    }
    r->number = get32(bytes + 8);
    r->making = get16(bytes + 12);
    (void)memcpy(r->digest, bytes + 16, DIGEST_LEN);
    return !r->there || memcmp(bytes, magic, sizeof(magic)) == 0 ||
           error_set(e, ERROR_CORRUPT, FILE_NAME ": damaged");
}

/* -- what there is -- */

bool resealing_spares(const struct ledger *l, uint32_t number)
{
    struct resealing r;
    struct error unread;

    /* What cannot be read may be about any. */
    return !read_file(l, &r, &unread) ||
           (r.there && r.number == number && !packing_counts(l, number));
}

bool resealing_is_other(const struct ledger *l, uint32_t number, uint16_t making)
{
    struct pack_head head;
    struct error unread;
    char name[PACK_NAME_MAX];
    OWN(fd) int fd = -1;

    pack_name(number, name);
    if (l->options.record_keys <= 0 || packing_is_segment(l, number) ||
        !pack_head_of(l->dirfd, number, name, &head, &unread) || head.making == making) {
        return false;
    }
    record_keys_name(number, head.making, name);
    return file_open(l->options.record_keys, name, O_RDONLY, &fd, &unread) == FILE_FOUND;
}

/* -- the former one goes -- */

struct former {
    const struct ledger *l;
    const struct resealing *r;
};

static bool destroy_keys(void *context, const char *name, struct error *e)
{
    const struct former *f = context;
    uint32_t number = 0;
    uint16_t making = 0;
    bool rewriting = false;

    return !record_keys_named(name, &number, &making, &rewriting) || number != f->r->number ||
           making == f->r->making ||
           record_keys_discard(f->l->options.record_keys, number, making, e);
}

static bool remove_payload(void *context, const char *name, struct error *e)
{
    const struct former *f = context;
    uint32_t number = 0;

    return ledger_file_of(name, &number) != FILE_PAYLOAD || number != f->r->number ||
           pack_payload_making(name) == f->r->making || packing_remove(f->l->dirfd, name, e);
}

/* First the new one's name is brought to the disk: after a power cut the former would be in force again, without keys. */
static bool destroy_former(const struct ledger *l, const struct resealing *r, struct error *e)
{
    struct former f = {l, r};

    return packing_sync(l, e) && packing_each(l->options.record_keys, destroy_keys, &f, e) &&
           packing_each(l->dirfd, remove_payload, &f, e) && packing_sync(l, e);
}

/* -- all of it -- */

static bool put_in_force(struct ledger *l, const struct resealing *r,
                         const struct pack_head *former, struct error *e)
{
    struct pack_head head;
    uint8_t digest[DIGEST_LEN];
    char name[PACK_NAME_MAX];
    char name_new[PACK_NAME_MAX];

    pack_name(r->number, name);
    pack_name_new(r->number, name_new);
    if (!pack_head_of(l->dirfd, r->number, name_new, &head, e)) {
        return error_add(e, "the pack that is to be in force");
    }
    pack_digest(&head, digest);
    if (head.making != r->making || memcmp(digest, r->digest, sizeof(digest)) != 0) {
        return error_set(e, ERROR_CORRUPT, "%s: not the one that was announced", name_new);
    }
    pack_digest(former, digest);
    return packing_record(l, &head, digest, e) && packing_rename(l, name_new, name, e);
}

/* Of the file `resealing` memory may show what the disk does not have. */
static bool finish(struct ledger *l, const struct resealing *r, struct error *e)
{
    struct pack_head head;
    char name[PACK_NAME_MAX];

    if (ledger_io.sync_folder(l->options.record_keys) != 0) {
        return error_errno(e, ERROR_BUSY, "record keys: sync folder");
    }

    if (packing_counts(l, r->number)) {
        return marker_remove(l, FILE_NAME, e);
    }
    pack_name(r->number, name);
    return pack_head_of(l->dirfd, r->number, name, &head, e) &&
           (head.making == r->making || put_in_force(l, r, &head, e)) && destroy_former(l, r, e) &&
           marker_remove(l, FILE_NAME, e);
}

bool resealing_finish(struct ledger *l, struct error *e)
{
    OWN(fd) int lock = -1;
    struct resealing r;

    if (!read_file(l, &r, e)) {
        return false;
    }
    return !r.there || (packing_lock_out_backups(l, &lock, e) && finish(l, &r, e)) ||
           error_add(e, FILE_NAME);
}

static bool replace(struct ledger *l, const struct pack_made *made, struct error *e)
{
    struct resealing r = {.there = true, .number = made->head.number, .making = made->head.making};

    (void)memcpy(r.digest, made->digest, sizeof(r.digest));
    return packing_rename_objects(l, made, e) && announce(l, made, e) && finish(l, &r, e);
}

/* Bytes of a pack's own files but its objects. */
static uint64_t bytes_of(const struct pack *p)
{
    uint64_t sum = p->head.length;

    for (uint32_t i = 0; i < p->head.files; i++) {
        sum += p->rows[i].class == PACK_OBJECTS ? 0 : p->rows[i].length;
    }
    return sum;
}

static bool reseal_number(struct ledger *l, uint32_t number, uint64_t before, struct error *e)
{
    struct pack_made made = {.objects = 0};
    OWN(fd) int lock = -1;
    struct error why;

    if (!packing_lock_out_backups(l, &lock, e)) {
        return false; /* before all the work */
    }
    own_fd(&lock);
    l->packed++;
    l->resealed = true;
    if (!pack_make_again(l->dirfd, l->options.record_keys, l->key, number, &l->erased,
                         ledger_now(l), l->options.mode, &made, e) ||
        !packing_lock_out_backups(l, &lock, e) || !replace(l, &made, e)) {
        /* What cannot be tidied now is at the next start; what was announced is finished by what comes next. */
        return packing_tidy(l, &why) ? false : error_add(e, "%s", why.text);
    }
    (void)atomic_fetch_add(&l->saved_bytes, (int64_t)before - (int64_t)made.bytes);
    return true;
}

/* -- which -- */

/* How much of what is sealed in it was erased, in percent of its bytes. */
static bool erased_share(const struct ledger *l, struct pack *p, unsigned *percent, struct error *e)
{
    uint64_t all = 0;
    uint64_t erased = 0;

    for (uint32_t i = 0; i < p->head.records; i++) {
        struct pack_entry n;
        if (!pack_entry(p, i, &n, e)) {
            return false;
        }
        uint64_t length = n.sealed ? n.length : 0;
        all += length;
        erased += seq_ranges_has(&l->erased, p->head.first + i) ? length : 0;
    }
    *percent = erased ? (unsigned)(erased * 100 / all) : 0;
    return true;
}

/* Whether it is to be made again, by what was ordered. */
static bool is_due(const struct ledger *l, struct pack *p, const struct ledger_reseal *order,
                   bool *due, struct error *e)
{
    struct pack_entry last;
    unsigned percent = 0;

    *due = false;
    if (p->head.created_ms >= order->made_before_ms) {
        return true;
    }
    if (!pack_entry(p, p->head.records - 1, &last, e)) {
        return false;
    }
    *due = last.time_ms < order->before_ms;
    if (*due || order->erased_percent == 0) {
        return true;
    }
    if (!erased_share(l, p, &percent, e)) {
        return false;
    }
    *due = percent >= order->erased_percent;
    return true;
}

/* Look at one number; *did: its pack was made again. */
static bool look(struct ledger *l, uint32_t number, const struct ledger_reseal *order, bool *did,
                 struct error *e)
{
    OWN(pack) struct pack *p = NULL;
    bool due = false;

    if (packing_is_segment(l, number)) {
        return true;
    }
    switch (pack_open(l->dirfd, l->options.record_keys, number, NULL, l->key, &p, e)) {
    case PACK_OPENED:
        break;
    case PACK_MISSING:
        return error_set(e, ERROR_CORRUPT, "pack %u is missing", number);
    case PACK_NOT_OPENED:
        return false;
    }
    if (!is_due(l, p, order, &due, e)) {
        return false;
    }
    *did = due && reseal_number(l, number, bytes_of(p), e);
    return *did || !due;
}

uint64_t ledger_erasures(const struct ledger *l)
{
    return atomic_load(&l->erasures);
}

bool ledger_reseal(struct ledger *l, struct ledger_reseal *order, bool *did, struct error *e)
{
    struct ledger_head head;
    bool ok = true;
    bool more = false;

    *did = false;
    if (l->options.record_keys <= 0) {
        return true;
    }
    order->next = order->next ? order->next : 1;
    (void)pthread_mutex_lock(&l->packing);
    ledger_head(l, &head);
    ok = resealing_finish(l, e) && erasing_finish(l, e) && erased_know(l, e);
    for (unsigned looks = 0; ok && !*did && looks < LEDGER_RESEAL_LOOKS; looks++) {
        if (order->next >= head.segment) {
            break;
        }
        ok = look(l, order->next, order, did, e);
        order->next += ok;
    }
    if (ok && !*did && order->next >= head.segment) {
        /* That reads the archive: not when nothing can have changed. */
        ok = (!l->resealed && order->made_before_ms == INT64_MAX) || sweep_step(l, &more, e);
        l->resealed = l->resealed && !(ok && !more);
        order->done = ok && !more;
    }
    (void)pthread_mutex_unlock(&l->packing);
    return ok || error_add(e, "ledger");
}
