/* A ledger's folder in which somebody wrote what he likes: verify, readers and recovery must take it
 * for what it is. A ledger without fault can be read from end to end; one that opens takes records
 * and gives them back.
 *
 * An input is a list of changes to two segments that a writer left:
 *
 *     first byte   bit 0: as after a crash, with space taken in advance; else stopped in order.
 *                  bit 1: instead of that, the first segment is a pack with its other files
 *     changes      kind (bits 0 to 2) and file (bit 7, of a pack bits 3 to 7) in 1 byte, then by kind
 *       0 write    offset (2 bytes), length (1 byte), bytes
 *       1 cut      length (2 bytes)
 *       2 append   length (1 byte), bytes
 *       3 copy     from, to, length (2 bytes each)
 *       4 mend     nothing: make each header and payload fit its digest again
 *       5 remove   nothing */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyring/keyring.h"
#include "ledger/pack_format.h"
#include "ledger/reader.h"
#include "ledger/verify.h"

#define FILES_MAX   8
#define FILE_MAX    65536
#define ENTRIES_MAX 1000
#define ARENA_MAX   ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct file {
    char name[256];
    uint8_t bytes[FILE_MAX];
    size_t len;
    bool removed;
};

struct folder {
    struct file files[FILES_MAX];
    size_t n;
    bool packed;
};

static char path[] =
    "/dev/shm/postern-ledger-fuzz-XXXXXX"; /* memory: nothing here waits for a disk */
static int dirfd_of_path = -1;
static struct secret *key;
static struct folder stopped, crashed, packed; /* as a writer leaves them */

static void must(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

/* ── the folder ── */

static void empty_folder(void)
{
    DIR *dir = fdopendir(openat(dirfd_of_path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

    must(dir != NULL);
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        if (d->d_name[0] != '.') {
            (void)unlinkat(dirfd_of_path, d->d_name, 0);
        }
    }
    (void)closedir(dir);
}

static void remove_folder(void)
{
    empty_folder();
    (void)rmdir(path);
    secret_free(key);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void load(struct folder *f)
{
    DIR *dir = fdopendir(openat(dirfd_of_path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

    must(dir != NULL);
    f->n = 0;
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        if (d->d_name[0] == '.') {
            continue;
        }
        must(f->n < FILES_MAX);
        struct file *to = &f->files[f->n++];
        (void)snprintf(to->name, sizeof(to->name), "%s", d->d_name);
        int fd = openat(dirfd_of_path, to->name, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, to->bytes, FILE_MAX);
        must(n > 0);
        to->len = (size_t)n;
        (void)close(fd);
    }
    (void)closedir(dir);
    qsort(f->files, f->n, sizeof(f->files[0]),
          by_name); /* so that an input means the same each time */
}

static void store(const struct folder *f)
{
    empty_folder();
    for (size_t i = 0; i < f->n; i++) {
        const struct file *s = &f->files[i];
        if (s->removed) {
            continue;
        }
        int fd = openat(dirfd_of_path, s->name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        must(write(fd, s->bytes, s->len) == (ssize_t)s->len);
        (void)close(fd);
    }
}

static void append_some(struct ledger *l, unsigned n)
{
    uint8_t body[200];
    struct error e;

    for (unsigned i = 0; i < n; i++) {
        (void)memset(body, (int)i, sizeof(body));
        const struct ledger_record records[] = {
            {16, SLICE_ARRAY(body)},
            {17, SLICE("x")       }
        };
        must(ledger_append(l, records, 1 + i % 2, NULL, &e));
    }
}

static void append_letter(struct ledger *l)
{
    uint8_t body[6000];
    uint32_t x = 1;
    struct error e;

    (void)memcpy(body, "a: b\n\n--x\n\n", 12);
    for (size_t i = 12; i < sizeof(body); i++) {
        x = x * 1664525 + 1013904223;
        body[i] = i % 77 == 11 ? '\n' : (uint8_t)('A' + (x >> 24) % 26);
    }
    const struct ledger_record record = {17, SLICE_ARRAY(body)};
    must(ledger_append(l, &record, 1, NULL, &e));
}

/* A pack of a segment in which two letters share an attachment, and a segment behind it. */
static void make_pack(void)
{
    const struct ledger_options options = {.segment_bytes = 1 << 20, .record_keys = dirfd_of_path};
    struct ledger *l = NULL;
    struct error e;
    bool done = false;

    empty_folder();
    must(ledger_open(dirfd_of_path, key, &options, &l, &e));
    append_some(l, 2);
    append_letter(l);
    append_letter(l);
    must(ledger_roll(l, &e));
    must(ledger_pack(l, INT64_MAX, &done, &e) && done);
    ledger_close(l);
    load(&packed);
    packed.packed = true;
    must(packed.n == 6); /* pack, payloads, objects, keys, dictionary, segment */
}

/* Two segments: the first full, the second still written and then ended. */
static void make_ledger(void)
{
    static const uint8_t key_bytes[KEYRING_KEY_LEN] = {1};
    const struct ledger_options options = {.segment_bytes = 2500};
    struct ledger *l = NULL;
    struct error e;

    must(mkdtemp(path) != NULL);
    dirfd_of_path = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    key = secret_copy(SLICE_ARRAY(key_bytes));
    must(ledger_open(dirfd_of_path, key, &options, &l, &e));
    append_some(l, 5);
    load(&crashed);
    ledger_close(l);
    load(&stopped);
    make_pack();
    (void)atexit(remove_folder);
}

/* ── changes ── */

static size_t number(struct slice *in, size_t bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < bytes && in->len; i++) {
        n = n << 8 | in->ptr[0];
        *in = slice_from(*in, 1);
    }
    return n;
}

static struct slice take(struct slice *in, size_t len)
{
    struct slice taken = slice_head(*in, len < in->len ? len : in->len);

    *in = slice_from(*in, taken.len);
    return taken;
}

static void put(struct file *f, size_t at, struct slice bytes)
{
    if (at < FILE_MAX && bytes.len <= FILE_MAX - at) {
        (void)memmove(f->bytes + at, bytes.ptr, bytes.len);
        f->len = at + bytes.len > f->len ? at + bytes.len : f->len;
    }
}

/* What anybody can do who has no key. */
static void mend_record(uint8_t *head, struct record_head *h)
{
    struct slice payload = slice_of(head + RECORD_HEAD_LEN, h->length);

    digest_of(payload, SLICE_NONE, h->digest);
    if (!h->sealed) {
        static const uint8_t no_blind[BLIND_LEN];
        digest_of(SLICE_ARRAY(no_blind), payload, h->commitment);
    }
    record_head_write(h, head);
}

/* Likewise of a pack: what its header says of the rest, and the header. */
static void mend_pack(struct file *f)
{
    if (f->len >= PACK_HEAD_LEN) {
        digest_of(slice_from(slice_of(f->bytes, f->len), PACK_HEAD_LEN), SLICE_NONE,
                  f->bytes + 128);
        digest_of(slice_of(f->bytes, 480), SLICE_NONE, f->bytes + 480);
    }
}

static void mend(struct file *f)
{
    size_t at = SEGMENT_HEAD_LEN;
    struct record_head h;
    struct error e;

    if (strstr(f->name, ".pack")) {
        mend_pack(f);
        return;
    }
    if (f->len < at || !strstr(f->name, ".seg")) {
        return;
    }
    digest_of(slice_of(f->bytes, SEGMENT_HEAD_LEN - DIGEST_LEN), SLICE_NONE,
              f->bytes + SEGMENT_HEAD_LEN - DIGEST_LEN);
    while (f->len - at >= RECORD_HEAD_LEN && record_head_read(f->bytes + at, &h, &e) &&
           h.length <= f->len - at - RECORD_HEAD_LEN) {
        mend_record(f->bytes + at, &h);
        at += RECORD_HEAD_LEN + h.length;
    }
}

static void copy(struct file *f, size_t from, size_t to, size_t len)
{
    if (from < f->len && len <= f->len - from) {
        put(f, to, slice_of(f->bytes + from, len));
    }
}

static void change(struct folder *folder, struct slice *in)
{
    size_t what = number(in, 1);
    struct file *f = &folder->files[folder->packed ? (what >> 3) % folder->n : what >> 7];
    size_t a = 0;
    size_t b = 0;

    switch (what & 7) {
    case 0:
        a = number(in, 2);
        put(f, a, take(in, number(in, 1)));
        break;
    case 1:
        a = number(in, 2);
        f->len = a < f->len ? a : f->len;
        break;
    case 2:
        put(f, f->len, take(in, number(in, 1)));
        break;
    case 3:
        a = number(in, 2);
        b = number(in, 2);
        copy(f, a, b, number(in, 2));
        break;
    case 4:
        mend(f);
        break;
    case 5:
        f->removed = true;
        break;
    default:
        break;
    }
}

/* ── what must hold ── */

static uint64_t count_entries(struct ledger_reader *r, bool *failed)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct ledger_position at = {0};
    struct ledger_entry entry;
    enum ledger_next next = LEDGER_ENTRY;
    struct error e;
    uint64_t n = 0;

    while (n < ENTRIES_MAX &&
           (next = ledger_reader_next(r, &at, NULL, &arena, &entry, &e)) == LEDGER_ENTRY) {
        arena_reset(&arena);
        n++;
    }
    *failed = next == LEDGER_FAILED;
    return n;
}

static void read_everything(void)
{
    struct ledger_verify_options options = {.key = NULL, .record_keys = dirfd_of_path};
    struct ledger_verdict verdict;
    struct ledger_reader *r = NULL;
    struct error e;
    bool failed = false;

    (void)!ledger_verify(dirfd_of_path, &options, &verdict, &e);
    options.key = key;
    bool whole = ledger_verify(dirfd_of_path, &options, &verdict, &e) && verdict.faults == 0;
    if (!ledger_reader_open(dirfd_of_path, key, &r, &e)) {
        must(!whole);
        return;
    }
    ledger_reader_record_keys(r, dirfd_of_path);
    uint64_t n = count_entries(r, &failed);
    must(!whole || (!failed && n == verdict.records));
    for (uint64_t seq = 0; seq < 10; seq++) {
        struct ledger_ref ref;
        (void)!ledger_reader_find(r, seq, &ref, &e);
    }
    ledger_reader_close(r);
}

static void write_on(void)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    const struct ledger_record record = {18, SLICE("written later")};
    struct ledger *l = NULL;
    struct ledger_reader *r = NULL;
    struct ledger_entry entry;
    struct ledger_ref ref;
    struct error e;

    if (!ledger_open(dirfd_of_path, key, NULL, &l, &e)) {
        return;
    }
    if (ledger_append(l, &record, 1, &ref, &e)) {
        must(ledger_reader_open(dirfd_of_path, key, &r, &e));
        must(ledger_reader_get(r, ref, &arena, &entry, &e));
        must(slice_equal(entry.body, record.body));
        ledger_reader_close(r);
    }
    ledger_close(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct folder folder;
    struct slice in = slice_of(data, len);

    if (!key) {
        make_ledger();
    }
    size_t which = number(&in, 1);
    folder = which & 2 ? packed : which & 1 ? crashed : stopped;
    while (in.len) {
        change(&folder, &in);
    }
    store(&folder);
    read_everything();
    write_on();
    return 0;
}
