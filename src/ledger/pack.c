/* Reading a pack, one record at a time. */
#include "ledger/pack.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/bytes.h"

#include "host/file.h"
#include "keyring/former.h"
#include "ledger/dictionary.h"
#include "ledger/scan.h"

static struct pack *pack_new(int fd)
{
    struct pack *p = calloc(1, sizeof(*p));

    if (!p) {
        arena_panic("out of memory");
    }
    p->entries.fd = p->clear.fd = fd;
    p->payload.fd = -1;
    p->objects.fd = -1;
    buf_init(&p->dictionary, (size_t)1 << 20);
    return p;
}

void pack_close(struct pack *p)
{
    if (!p) {
        return;
    }
    own_fd(&p->entries.fd);
    for (uint32_t i = 0; p->files && i < p->head.files; i++) {
        own_fd(&p->files[i]);
    }
    free(p->rows);
    free(p->files);
    buf_done(&p->dictionary);
    objects_done(&p->objects);
    secret_free(p->commit_key);
    record_keys_free(p->keys);
    free(p);
}

/* Bytes of a file through a window; *got is smaller at its end. */
static bool look(struct window *w, uint64_t at, size_t len, const uint8_t **bytes, size_t *got,
                 struct error *e)
{
    if (at < w->at || at + len > w->at + w->len) {
        w->at = at;
        w->len = 0;
        if (!file_read_at(w->fd, at, w->bytes, sizeof(w->bytes), &w->len, e)) {
            w->len = 0;
            return false;
        }
    }
    size_t skip = (size_t)(at - w->at);
    size_t left = w->len > skip ? w->len - skip : 0;
    *bytes = w->bytes + skip;
    *got = left < len ? left : len;
    return true;
}

static bool corrupt(const struct pack *p, const char *why, struct error *e)
{
    return error_set(e, ERROR_CORRUPT, "pack %u: %s", p->head.number, why);
}

static bool read_rows(struct pack *p, struct error *e)
{
    size_t n = p->head.files;

    p->rows = calloc(n + 1, sizeof(*p->rows));
    p->files = calloc(n + 1, sizeof(*p->files));
    if (!p->rows || !p->files) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        p->files[i] = -1;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *bytes = NULL;
        size_t got = 0;
        if (!look(&p->entries, PACK_HEAD_LEN + i * PACK_ROW_LEN, PACK_ROW_LEN, &bytes, &got, e)) {
            return false;
        }
        const struct pack_row *r = &p->rows[i];
        const struct pack_row *former = i ? r - 1 : NULL;
        if (got < PACK_ROW_LEN || !pack_row_read(bytes, &p->rows[i]) ||
            (former && (r->class < former->class || former->class == PACK_OBJECTS ||
                        (r->class == former->class && r->month <= former->month)))) {
            return corrupt(p, "the list of its payload files is damaged", e);
        }
    }
    return true;
}

static bool open_commit_key(struct pack *p, const struct secret *ledger_key, struct error *e)
{
    const struct secret *sealing = keyring_find(ledger_key, p->head.ledger_key_id);

    if (!sealing) {
        return error_set(e, ERROR_CONFIG, "the ledger was written under another master key");
    }
    return keyring_open_secret(sealing, SLICE_ARRAY(p->head.fixed), SLICE_ARRAY(p->head.sealed_key),
                               &p->commit_key, e) ||
           corrupt(p, "its commit key does not open", e);
}

static bool read_head(struct pack *p, uint32_t number, struct error *e)
{
    const uint8_t *bytes = NULL;
    size_t got = 0;

    if (!look(&p->entries, 0, PACK_HEAD_LEN, &bytes, &got, e)) {
        return false;
    }
    if (got < PACK_HEAD_LEN) {
        return error_set(e, ERROR_CORRUPT, "too short to be a pack");
    }
    if (!pack_head_read(bytes, &p->head, e)) {
        return false;
    }
    return p->head.number == number ||
           error_set(e, ERROR_CORRUPT, "the file bears another pack's name");
}

bool pack_head_of(int dirfd, uint32_t number, const char *name, struct pack_head *head,
                  struct error *e)
{
    uint8_t bytes[PACK_HEAD_LEN];
    OWN(fd) int fd = -1;
    size_t got = 0;

    enum file_found found = file_open(dirfd, name, O_RDONLY, &fd, e);
    if (found == FILE_MISSING) {
        return error_set(e, ERROR_CORRUPT, "%s: missing", name);
    }
    if (found != FILE_FOUND || !file_read_at(fd, 0, bytes, sizeof(bytes), &got, e)) {
        return false;
    }
    if (got < sizeof(bytes)) {
        return error_set(e, ERROR_CORRUPT, "%s: too short to be a pack", name);
    }
    return pack_head_read(bytes, head, e) &&
           (head->number == number ||
            error_set(e, ERROR_CORRUPT, "%s: it bears another pack's name", name));
}

enum pack_found pack_open(int dirfd, int keys_dirfd, uint32_t number, const char *name,
                          const struct secret *ledger_key, struct pack **out, struct error *e)
{
    char usual[PACK_NAME_MAX];
    int fd = -1;

    pack_name(number, usual);
    switch (file_open(dirfd, name ? name : usual, O_RDONLY, &fd, e)) {
    case FILE_FOUND:
        break;
    case FILE_MISSING:
        return PACK_MISSING;
    case FILE_FAILED:
        return PACK_NOT_OPENED;
    }
    OWN(pack) struct pack *p = pack_new(fd);
    p->dirfd = dirfd;
    p->keys_dirfd = keys_dirfd;
    p->ledger_key = ledger_key;
    if (!read_head(p, number, e) || !read_rows(p, e) ||
        (ledger_key && !open_commit_key(p, ledger_key, e))) {
        (void)error_add(e, "segment %u", number);
        return PACK_NOT_OPENED;
    }
    objects_init(&p->objects, dirfd, p->head.ledger_id);
    p->objects.being_made = name != NULL;
    p->objects.making_number = number;
    *out = TAKE(p, NULL);
    return PACK_OPENED;
}

const struct pack_row *pack_objects(const struct pack *p)
{
    const struct pack_row *last = p->head.files ? &p->rows[p->head.files - 1] : NULL;
    return last && last->class == PACK_OBJECTS ? last : NULL;
}

static bool is_payload_file(const struct pack *p, uint16_t file)
{
    return file == 0 || (file <= p->head.files && p->rows[file - 1].class != PACK_OBJECTS);
}

bool pack_entry(struct pack *p, uint32_t n, struct pack_entry *entry, struct error *e)
{
    const uint8_t *bytes = NULL;
    size_t got = 0;
    uint64_t at = PACK_HEAD_LEN + (uint64_t)p->head.files * PACK_ROW_LEN;

    if (!look(&p->entries, at + (uint64_t)n * PACK_ENTRY_LEN, PACK_ENTRY_LEN, &bytes, &got, e)) {
        return false;
    }
    return (n < p->head.records && got == PACK_ENTRY_LEN && pack_entry_read(bytes, entry) &&
            is_payload_file(p, entry->file)) ||
           corrupt(p, "a record's entry is damaged", e);
}

/* Point the payload window at the file of an entry, which is opened and must be this pack's. */
static bool open_payload(struct pack *p, uint16_t file, struct error *e)
{
    char name[PACK_NAME_MAX];
    uint8_t wanted[PAYLOAD_HEAD_LEN];
    uint8_t seen[PAYLOAD_HEAD_LEN];
    size_t got = 0;
    const struct pack_row *row = &p->rows[file - 1];
    int *fd = &p->files[file - 1];

    if (*fd < 0) {
        OWN(fd) int opened = -1;
        pack_payload_name(&p->head, row, name);
        switch (file_open(p->dirfd, name, O_RDONLY, &opened, e)) {
        case FILE_FOUND:
            break;
        case FILE_MISSING:
            return error_set(e, ERROR_CONFIG, "%s: the payload file is missing", name);
        case FILE_FAILED:
            return false;
        }
        if (!file_read_at(opened, 0, seen, sizeof(seen), &got, e)) {
            return false;
        }
        payload_head_write(&p->head, row, wanted);
        if (got < sizeof(seen) || memcmp(wanted, seen, sizeof(seen)) != 0) {
            return error_set(e, ERROR_CORRUPT, "%s: the header is not that of the pack", name);
        }
        *fd = TAKE(opened, -1);
    }
    if (p->payload.fd != *fd) {
        p->payload.fd = *fd;
        p->payload.len = 0;
    }
    return true;
}

bool pack_payload(struct pack *p, const struct pack_entry *entry, struct digest *d, struct buf *out,
                  struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    struct window *w = entry->file ? &p->payload : &p->clear;

    if (entry->file && !open_payload(p, entry->file, e)) {
        return false;
    }
    buf_reset(out);
    for (size_t done = 0; done < entry->length;) {
        const uint8_t *bytes = NULL;
        size_t got = 0;
        size_t left = entry->length - done;
        size_t step = left < PACK_WINDOW ? left : PACK_WINDOW;
        if (!look(w, entry->offset + done, step, &bytes, &got, e)) {
            return false;
        }
        if (got < step) {
            return corrupt(p, "a payload is cut short", e);
        }
        buf_add(out, slice_of(bytes, got));
        done += got;
    }
    if (out->full) {
        return corrupt(p, "a record is impossibly large", e);
    }
    digest_add(d, buf_slice(out));
    digest_end(d, digest);
    return memcmp(digest, entry->digest, PAYLOAD_DIGEST_LEN) == 0 ||
           corrupt(p, "the record's payload is altered", e);
}

/* What an entry's payload is compressed with; empty: nothing. Lives as long as the pack. */
static bool read_dictionary(struct pack *p, const struct pack_entry *entry, struct slice *out,
                            struct error *e)
{
    *out = SLICE_NONE;
    if (!entry->dictionary) {
        return true;
    }
    if (bytes_are_zero(p->head.dictionary, DIGEST_LEN)) {
        return corrupt(p, "it has no dictionary, and a record needs one", e);
    }
    if (p->dictionary.len == 0 &&
        !dictionary_read(p->dirfd, p->head.dictionary, &p->dictionary, e)) {
        return error_add(e, "pack %u", p->head.number);
    }
    *out = buf_slice(&p->dictionary);
    return true;
}

bool pack_body(struct pack *p, struct sealer *s, const struct pack_entry *n, uint64_t seq,
               const uint8_t key[static KEYRING_KEY_LEN], uint8_t *payload, struct arena *arena,
               struct slice *body, struct error *e)
{
    uint8_t aad[PACK_AAD_LEN];
    struct slice dictionary = SLICE_NONE;

    pack_aad(&p->head, n, seq, aad);
    return read_dictionary(p, n, &dictionary, e) &&
           sealer_open_with(s, key, SLICE_ARRAY(aad), dictionary, n->objects ? &p->objects : NULL,
                            n->commitment, payload, n->length, arena, body, e);
}

/* Read the key file when that was not done, or when another has taken its place. */
static bool load_keys(struct pack *p, struct error *e)
{
    struct record_keys_head h = {.number = p->head.number, .making = p->head.making};
    char name[KEYS_NAME_MAX];
    struct stat st = {0};

    if (p->keys && p->given++ < p->look_every) {
        return true;
    }
    p->given = 0;
    if (p->keys_dirfd <= 0 || !p->ledger_key) {
        return error_set(e, ERROR_CONFIG, "pack %u: the keys of its records are not here",
                         p->head.number);
    }
    record_keys_name(p->head.number, p->head.making, name);
    bool there = fstatat(p->keys_dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && p->keys && st.st_ino == p->keys_inode &&
        st.st_ctim.tv_sec == p->keys_changed.tv_sec &&
        st.st_ctim.tv_nsec == p->keys_changed.tv_nsec) {
        return true;
    }
    record_keys_free(TAKE(p->keys, NULL));
    (void)memcpy(h.ledger_id, p->head.ledger_id, sizeof(h.ledger_id));
    (void)memcpy(h.pack_id, p->head.id, sizeof(h.pack_id));
    p->keys_inode = st.st_ino;
    p->keys_changed = st.st_ctim;
    return record_keys_read(p->keys_dirfd, p->ledger_key, p->head.records, &h, &p->keys, e) ||
           error_add(e, "pack %u: record keys", p->head.number);
}

bool pack_key(struct pack *p, uint32_t n, uint8_t key[static KEYRING_KEY_LEN], bool *there,
              struct error *e)
{
    if (!load_keys(p, e)) {
        return false;
    }
    *there = record_keys_get(p->keys, n, key);
    return true;
}

bool pack_start(struct pack *p, struct buf *room, struct segment_start *start, struct error *e)
{
    OWN(digest) struct digest *d = digest_new();
    struct pack_entry n;

    if (!pack_entry(p, 0, &n, e) || !pack_payload(p, &n, d, room, e)) {
        return false;
    }
    return n.type == RECORD_START ? start_read(buf_slice(room), start, e)
                                  : corrupt(p, "it has no start", e);
}

bool pack_start_length(int dirfd, uint32_t number, uint64_t *length, struct error *e)
{
    OWN(pack) struct pack *p = NULL;
    OWN(buf) struct buf room = {.max = CLEAR_MAX};
    struct segment_start start;

    switch (pack_open(dirfd, -1, number, NULL, NULL, &p, e)) {
    case PACK_OPENED:
        break;
    case PACK_MISSING:
        return error_set(e, ERROR_INPUT, "segment %u is not there", number);
    case PACK_NOT_OPENED:
        return false;
    }
    if (!pack_start(p, &room, &start, e)) {
        return false;
    }
    *length = start.length;
    return true;
}
