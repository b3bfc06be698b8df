#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ledger/pack.h"
#include "ledger/rig.h"
#include "tests/test.h"

#define IN_MEMORY ((uint64_t)512 << 20) /* bytes; containers often have 64 MB */

static void alarm_given(void *context, enum ledger_alarm alarm, const struct error *why)
{
    struct rig *r = context;
    (void)why;
    r->alarms++;
    r->last_alarm = alarm;
    r->unsettled |= alarm == LEDGER_ALARM_UNSETTLED;
}

void rig_folder(char path[static RIG_PATH_MAX])
{
    struct statvfs memory;
    bool fits = access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &memory) == 0 &&
                (uint64_t)memory.f_bavail * memory.f_bsize >= IN_MEMORY;

    (void)snprintf(path, RIG_PATH_MAX, "%s/postern-ledger-XXXXXX", fits ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(path));
}

void rig_init(struct rig *r)
{
    rig_init_with(r, (struct ledger_options){0});
}

void rig_init_with(struct rig *r, struct ledger_options options)
{
    struct error e = {0};

    *r = (struct rig){.options = options};
    rig_folder(r->path);
    r->dirfd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(r->dirfd >= 0);
    r->key = keyring_random();
    r->options.record_keys = r->dirfd; /* one folder for both: their files have different names */
    r->options.alarm = alarm_given;
    r->options.alarm_context = r;
    (void)pthread_mutex_init(&r->lock, NULL);
    assert_ok(ledger_open(r->dirfd, r->key, &r->options, &r->ledger, &e), e);
}

void rig_empty(int dirfd)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(fd);

    for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
        if (d->d_name[0] != '.') {
            (void)unlinkat(dirfd, d->d_name, 0);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

void rig_twin(struct rig *r, const struct rig *of)
{
    *r = *of;
    r->ledger = NULL;
    rig_folder(r->path);
    r->dirfd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r->options.record_keys = r->dirfd;
    r->options.alarm = NULL;
    r->key = secret_copy(secret_slice(of->key));
    (void)pthread_mutex_init(&r->lock, NULL);
}

void rig_done(struct rig *r)
{
    ledger_close(r->ledger);
    rig_empty(r->dirfd);
    (void)close(r->dirfd);
    (void)rmdir(r->path);
    secret_free(r->key);
    (void)pthread_mutex_destroy(&r->lock);
}

void rig_reopen(struct rig *r)
{
    struct error e = {0};

    ledger_close(TAKE(r->ledger, NULL));
    assert_ok(ledger_open(r->dirfd, r->key, &r->options, &r->ledger, &e), e);
}

/* A letter's attachment, the same in all that have it: packs store it once. */
static size_t write_attachment(uint8_t *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t x = 1;
    size_t at = 0;

    out[at++] = '\n';
    out[at++] = '\n';
    for (unsigned i = 0; i < 4200; i++) {
        x = x * 1664525 + 1013904223;
        out[at++] = (uint8_t)alphabet[x >> 26];
        if (i % 76 == 75) {
            out[at++] = '\n';
        }
    }
    return at;
}

struct slice rig_body(unsigned number, uint8_t room[static 8192])
{
    if (number % 6 == 5) {
        (void)memcpy(room, &number, sizeof(number));
        return slice_of(room, sizeof(number) + write_attachment(room + sizeof(number)));
    }
    size_t len = 4 + (size_t)number * 7919 % 5000;

    for (size_t i = 0; i < len; i++) {
        room[i] = (uint8_t)(i * (number + 3) >> 3);
    }
    (void)memcpy(room, &number, sizeof(number));
    return slice_of(room, len);
}

bool rig_append(struct rig *r, unsigned number)
{
    uint8_t room[8192];
    struct error e = {0};
    struct ledger_ref ref;
    struct ledger_record record = {(uint16_t)(16 + number % 5), rig_body(number, room)};

    if (!ledger_append(r->ledger, &record, 1, &ref, &e)) {
        assert_true(e.kind == ERROR_BUSY || e.kind == ERROR_LIMIT);
        return false;
    }
    (void)pthread_mutex_lock(&r->lock);
    r->acked[r->n++] = (struct rig_ack){number, ref};
    (void)pthread_mutex_unlock(&r->lock);
    return true;
}

struct ledger_reader *rig_reader(struct rig *r)
{
    struct ledger_reader *reader = NULL;
    struct error e = {0};

    assert_ok(ledger_reader_open(r->dirfd, r->key, &reader, &e), e);
    ledger_reader_record_keys(reader, r->dirfd);
    return reader;
}

static const struct rig_ack *find_ack(const struct rig *r, const struct ledger_entry *entry)
{
    unsigned number = 0;

    (void)memcpy(&number, entry->body.ptr, sizeof(number));
    for (unsigned i = 0; i < r->n; i++) {
        if (r->acked[i].number == number) {
            return &r->acked[i];
        }
    }
    return NULL;
}

bool rig_same_place(const struct ledger_ref *a, const struct ledger_ref *b)
{
    return a->seq == b->seq && a->segment == b->segment &&
           (a->offset == b->offset || b->offset == 0);
}

unsigned rig_pack(struct rig *r)
{
    struct error e = {0};
    bool packed = true;
    unsigned n = 0;

    while (packed) {
        assert_ok(ledger_pack(r->ledger, INT64_MAX, &packed, &e), e);
        n += packed;
    }
    return n;
}

void rig_expect(struct rig *r, unsigned n)
{
    struct ledger_position at = {0};
    struct ledger_entry entry;
    struct error e = {0};
    uint8_t room[8192];
    unsigned seen = 0;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(r);

    for (;;) {
        enum ledger_next next = ledger_reader_next(reader, &at, NULL, &a, &entry, &e);
        if (next == LEDGER_FAILED) {
            fail_msg("%s", e.text);
        }
        if (next == LEDGER_AT_END) {
            break;
        }
        const struct rig_ack *ack = find_ack(r, &entry);
        if (!ack) {
            fail_msg("record %llu was never acknowledged", (unsigned long long)entry.ref.seq);
            return;
        }
        assert_true(rig_same_place(&ack->ref, &entry.ref));
        assert_true(slice_equal(entry.body, rig_body(ack->number, room)));
        assert_int_equal(entry.type, 16 + ack->number % 5);
        seen++;
        arena_reset(&a);
    }
    assert_int_equal(seen, n);
}

static void print_fault(void *context, const struct ledger_fault *f)
{
    (void)context;
    print_message("segment %u offset %llu record %llu: %s\n", f->segment,
                  (unsigned long long)f->offset, (unsigned long long)f->seq, f->text);
}

void rig_verify_clean(struct rig *r)
{
    struct ledger_verdict v;
    struct error e = {0};
    struct ledger_verify_options without = {.fault = print_fault};
    struct ledger_verify_options with = {
        .key = r->key, .record_keys = r->dirfd, .fault = print_fault};

    assert_ok(ledger_verify(r->dirfd, &without, &v, &e), e);
    assert_int_equal(v.faults, 0);
    assert_ok(ledger_verify(r->dirfd, &with, &v, &e), e);
    assert_int_equal(v.faults, 0);
}

void rig_key_file(const struct rig *r, uint32_t number, struct buf *bytes)
{
    char name[KEYS_NAME_MAX];

    record_keys_name(number, 0, name);
    OWN(fd) int fd = openat(r->dirfd, name, O_RDONLY | O_CLOEXEC);
    buf_reset(bytes);
    ssize_t got = pread(fd, buf_room(bytes, 1 << 16), 1 << 16, 0);
    assert_true(got > 0);
    bytes->len = (size_t)got;
}

void rig_key_file_back(const struct rig *r, uint32_t number, const struct buf *bytes)
{
    char name[KEYS_NAME_MAX];

    record_keys_name(number, 0, name);
    assert_int_equal(unlinkat(r->dirfd, name, 0), 0);
    OWN(fd) int fd = openat(r->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(pwrite(fd, bytes->ptr, bytes->len, 0), (ssize_t)bytes->len);
}

void rig_lose_key(const struct rig *r, uint32_t number, uint64_t seq)
{
    struct error e = {0};
    struct pack_head head;
    struct record_keys_head h = {.number = number};
    OWN(record_keys) struct record_keys *keys = NULL;
    char name[PACK_NAME_MAX];

    pack_name(number, name);
    assert_ok(pack_head_of(r->dirfd, number, name, &head, &e), e);
    (void)memcpy(h.ledger_id, head.ledger_id, sizeof(h.ledger_id));
    (void)memcpy(h.pack_id, head.id, sizeof(h.pack_id));
    assert_ok(record_keys_read(r->dirfd, r->key, head.records, &h, &keys, &e), e);
    assert_true(record_keys_erase(keys, (uint32_t)(seq - head.first)));
    assert_ok(record_keys_replace(r->dirfd, r->key, &h, keys, 0600, &e), e);
}
