/* What the packs before list. Reading it is a help and no duty: what is damaged or erased is not known,
 * and stored again. */
#include <fcntl.h>

#include "base/bytes.h"

#include "host/file.h"
#include "keyring/former.h"
#include "ledger/pack.h"
#include "ledger/shares_state.h"

#define PACKS_BACK 8 /* an attachment that goes round is listed in each of them again */
#define KNOWN_MAX  ((size_t)1 << 18)

/* It stays under the key that was in force when it was written, and is not known when that is retired. */
static bool open_list(const struct secret *ledger_key, struct slice head, struct slice sealed,
                      struct buf *out)
{
    const struct secret *key = ledger_key;
    struct error why;

    for (size_t n = 0; key; key = keyring_former(ledger_key, n++)) {
        OWN(secret) struct secret *sealing = keyring_derive(key, "objects");
        if (keyring_open(sealing, head, sealed, out, &why)) {
            return true;
        }
    }
    return false;
}

static bool read_list(struct shares *x, const struct pack *p, const struct pack_row *row,
                      struct buf *out)
{
    OWN(buf) struct buf sealed = {.max = KEYRING_SEAL_MAX + KEYRING_SEAL_OVERHEAD};
    OWN(fd) int fd = -1;
    uint8_t head[OBJECTS_HEAD_LEN];
    char name[OBJECTS_NAME_MAX];
    uint64_t at = 0;
    size_t got = 0;
    struct error why;

    objects_name(p->head.number, (uint16_t)row->month, false, name);
    if (file_open(x->dirfd, name, O_RDONLY, &fd, &why) != FILE_FOUND ||
        !file_read_at(fd, 0, head, sizeof(head), &got, &why) || got < sizeof(head) ||
        !objects_head_read(head, p->head.ledger_id, p->head.number, (uint16_t)row->month, &at) ||
        at >= row->length || row->length - at > sealed.max) {
        return false;
    }
    size_t len = (size_t)(row->length - at);
    uint8_t *room = buf_room(&sealed, len);
    if (!room || !file_read_at(fd, at, room, len, &got, &why) || got < len) {
        return false;
    }
    return open_list(x->ledger_key, SLICE_ARRAY(head), slice_of(room, len), out);
}

static void take_entry(struct shares *x, struct pack *p, uint32_t place, const uint8_t *entry)
{
    uint8_t record_key[KEYRING_KEY_LEN];
    uint8_t key[KEYRING_KEY_LEN];
    uint8_t bytes[OBJECT_REF_LEN + TAG_LEN];
    struct object_ref r;
    struct error why;
    bool there = false;

    if (!pack_key(p, get32(entry), record_key, &there, &why) || !there) {
        return;
    }
    shares_list_key(x->digest, record_key, place, key);
    (void)memcpy(bytes, entry + 4, sizeof(bytes));
    if (sealer_unseal(x->sealer, key, SLICE_NONE, bytes, sizeof(bytes)) &&
        object_ref_read(bytes, &r) && r.number < x->number) {
        struct seen *s = shares_find(x, r.digest, r.size, true);
        if (s && !s->ref) {
            s->ref = shares_know(x, &r);
        }
    }
    explicit_bzero(record_key, sizeof(record_key));
    explicit_bzero(key, sizeof(key));
    explicit_bzero(bytes, sizeof(bytes));
    explicit_bzero(&r, sizeof(r));
}

static void load_from(struct shares *x, uint32_t number)
{
    OWN(pack) struct pack *p = NULL;
    OWN(buf) struct buf entries = {.max = LIST_MAX * LIST_ENTRY_LEN};
    struct error why;

    if (pack_open(x->dirfd, x->keys_dirfd, number, NULL, x->ledger_key, &p, &why) != PACK_OPENED ||
        memcmp(p->head.ledger_id, x->objects.ledger_id, LEDGER_ID_LEN) != 0) {
        return;
    }
    const struct pack_row *row = pack_objects(p);
    if (!row || !read_list(x, p, row, &entries)) {
        return;
    }
    for (uint32_t i = 0; i < entries.len / LIST_ENTRY_LEN && x->n_known < KNOWN_MAX; i++) {
        take_entry(x, p, i, entries.ptr + i * LIST_ENTRY_LEN);
    }
}

void shares_load(struct shares *x)
{
    for (uint32_t back = 1; back <= PACKS_BACK && back < x->number; back++) {
        load_from(x, x->number - back);
    }
}
