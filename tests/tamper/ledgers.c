/* Ledgers for tests/tamper/campaign.py, and what src/ledger says of them.
 *
 *   ledgers make DIR SHAPE SEED   a new one in DIR/ledger, its key in DIR/key, and signed checkpoints of it
 *   ledgers check DIR             what ledger_verify() finds, with the key and the newest checkpoint
 *
 * Shapes: see shapes[]. Everything but the keys and salts follows from the seed. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"

#include "keyring/keyring.h"
#include "ledger/checkpoint.h"
#include "ledger/io.h"
#include "ledger/ledger.h"
#include "ledger/verify.h"

#define ORIGIN   "example.test/ledger"
#define ROOM     20000
#define APPEND   6 /* records at most */
#define NOTE_TEN 10

struct maker {
    char path[512];
    int ledger, keys;
    struct secret *key;
    EVP_PKEY *signer;
    uint8_t public_key[CHECKPOINT_KEY_LEN];
    uint64_t random;
    struct ledger_options options;
    struct ledger *l;
};

static void need(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "ledgers: %s: %s\n", what, strerror(errno));
        exit(2);
    }
}

static void need_ok(bool ok, const struct error *e)
{
    if (!ok) {
        (void)fprintf(stderr, "ledgers: %s\n", e->text);
        exit(2);
    }
}

/* xorshift64*: the same numbers everywhere. */
static uint64_t next_random(struct maker *m, uint64_t below)
{
    m->random ^= m->random >> 12;
    m->random ^= m->random << 25;
    m->random ^= m->random >> 27;
    return (m->random * 2685821657736338717ULL >> 16) % below;
}

static void write_file(const struct maker *m, const char *name, struct slice bytes)
{
    char path[600];

    (void)snprintf(path, sizeof(path), "%s/%s", m->path, name);
    FILE *f = fopen(path, "ab");
    need(f && fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len && fclose(f) == 0, path);
}

static void sign_checkpoint(struct maker *m)
{
    struct ledger_head head;
    uint8_t signature[CHECKPOINT_SIGNED_LEN];
    size_t len = sizeof(signature);
    OWN(buf) struct buf text = {.max = CHECKPOINT_NOTE_MAX};
    OWN(buf) struct buf note = {.max = CHECKPOINT_NOTE_MAX};

    ledger_head(m->l, &head);
    struct checkpoint c = {.origin = SLICE(ORIGIN), .size = head.size};
    (void)memcpy(c.root, head.root, sizeof(c.root));
    checkpoint_text(&c, &text);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    need(context && EVP_DigestSignInit(context, NULL, NULL, NULL, m->signer) == 1 &&
             EVP_DigestSign(context, signature, &len, text.ptr, text.len) == 1,
         "sign");
    EVP_MD_CTX_free(context);
    checkpoint_note(&c, SLICE(ORIGIN), m->public_key, signature, &note);
    buf_add_byte(&note, '\n');
    write_file(m, "checkpoints", buf_slice(&note));
}

static void append(struct maker *m)
{
    static uint8_t room[APPEND][ROOM];
    struct ledger_record records[APPEND];
    size_t n = 1 + next_random(m, APPEND);
    struct error e;

    for (size_t i = 0; i < n; i++) {
        size_t len = 1 + next_random(m, next_random(m, 4) ? 400 : ROOM);
        for (size_t at = 0; at < len; at++) {
            room[i][at] = (uint8_t)next_random(m, 256);
        }
        records[i] = (struct ledger_record){
            (uint16_t)(16 + next_random(m, 9)), {room[i], len}
        };
    }
    need_ok(ledger_append(m->l, records, n, NULL, &e), &e);
}

/* Letters with attachments, of which there are three. */
static void append_letters(struct maker *m, unsigned n)
{
    OWN(buf) struct buf b = {.max = 16384};
    struct error e;

    for (unsigned i = 0; i < n; i++) {
        unsigned which = (unsigned)next_random(m, 3);
        buf_reset(&b);
        buf_printf(&b, "Subject: letter %llu\r\n\r\n--b\r\n\r\n",
                   (unsigned long long)next_random(m, 1000000));
        uint64_t x = which + 1;
        for (unsigned digit = 0; digit < 5000 + which; digit++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            buf_printf(&b, "%x%s", (unsigned)(x >> 60), digit % 76 == 75 ? "\r\n" : "");
        }
        buf_add(&b, SLICE("\r\n"));
        buf_add(&b, SLICE("--b--\r\n"));
        const struct ledger_record record = {17, buf_slice(&b)};
        need_ok(ledger_append(m->l, &record, 1, NULL, &e), &e);
    }
}

static void begin(struct maker *m)
{
    struct error e;
    need_ok(ledger_open(m->ledger, m->key, &m->options, &m->l, &e), &e);
}

static void fill(struct maker *m, unsigned appends)
{
    for (unsigned i = 0; i < appends; i++) {
        append(m);
        if (i % NOTE_TEN == NOTE_TEN - 1) {
            sign_checkpoint(m);
        }
    }
}

static void end(struct maker *m)
{
    ledger_close(m->l);
    m->l = NULL;
}

/* As if the machine had gone off: the files stay as they are. */
static void crash(struct maker *m, unsigned appends)
{
    pid_t child = fork();

    need(child >= 0, "fork");
    if (child == 0) {
        begin(m);
        fill(m, appends);
        sign_checkpoint(m);
        _exit(0);
    }
    int status = 0;
    need(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
         "child");
}

static int refuse(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static int refuse_to_cut(int fd, off_t length)
{
    (void)length;
    return refuse(fd);
}

/* A batch that failed, and stands behind the last commit because it could not be cut off. */
static void fail_once(struct maker *m)
{
    struct ledger_io real = ledger_io;
    struct ledger_record record = {20, SLICE_INIT("this was refused")};
    struct ledger_head head;
    struct error e;

    /* Not while the committer ends a segment that has grown enough: the calls are exchanged under it. */
    for (ledger_head(m->l, &head); head.offset > m->options.segment_bytes / 2;
         ledger_head(m->l, &head)) {
        append(m);
    }
    ledger_io.fdatasync = refuse;
    ledger_io.ftruncate = refuse_to_cut;
    need(!ledger_append(m->l, &record, 1, NULL, &e), "an append that had to fail");
    ledger_io = real;
}

static void plain(struct maker *m)
{
    begin(m);
    fill(m, 60);
    end(m);
    begin(m);
    fill(m, 5);
    sign_checkpoint(m);
    end(m);
}

static void crashed(struct maker *m)
{
    crash(m, 20);
    crash(m, 3);
    crash(m, 25);
}

static void failed(struct maker *m)
{
    begin(m);
    fill(m, 15);
    fail_once(m);
    fill(m, 15);
    sign_checkpoint(m);
    end(m);
    crash(m, 5);
}

static void packed(struct maker *m)
{
    struct error e;
    bool more = true;

    begin(m);
    append_letters(m, 5);
    fill(m, 40);
    append_letters(m, 5);
    fill(m, 5);
    for (unsigned i = 0; more; i++) {
        need_ok(ledger_pack(m->l, INT64_MAX, &more, &e), &e);
        more = more && i < 2; /* the rest stays segments */
    }
    fill(m, 10);
    sign_checkpoint(m);
    end(m);
}

static void erased(struct maker *m)
{
    const struct ledger_record why = {21, SLICE_INIT("somebody asked for it")};
    struct ledger_record records[3] = {
        {16, SLICE_INIT("a")},
        {17, SLICE_INIT("b")},
        {18, SLICE_INIT("c")}
    };
    struct ledger_ref refs[3];
    struct error e;
    bool recorded = false;

    begin(m);
    fill(m, 8);
    append_letters(m, 4);
    need_ok(ledger_append(m->l, records, 3, refs, &e), &e);
    fill(m, 12);
    need_ok(ledger_erase(m->l, refs, 2, &why, 1, &recorded, &e), &e);
    fill(m, 12);
    sign_checkpoint(m);
    end(m);
}

#define LARGE_BYTES  ((uint64_t)160 << 20)
#define LARGE_RECORD 8192
#define LARGE_BATCH  40

/* Words of a language that nobody speaks, common ones more often: text that compresses as letters do. */
static size_t write_text(struct maker *m, uint8_t *out, size_t len)
{
    size_t at = 0;

    while (at < len) {
        uint64_t word = next_random(m, 1 + next_random(m, 30000));
        for (uint64_t rest = word + 26; rest && at < len; rest /= 26) {
            out[at++] = (uint8_t)('a' + rest % 26);
        }
        if (at < len) {
            out[at++] = next_random(m, 12) ? ' ' : '\n';
        }
    }
    return at;
}

/* For bench/run: much text, in segments as they are in use. */
static void large(struct maker *m)
{
    static uint8_t room[LARGE_BATCH][LARGE_RECORD];
    struct ledger_record records[LARGE_BATCH];
    struct ledger_head head = {0};
    struct error e;

    m->options.segment_bytes = 64 << 20;
    begin(m);
    while (head.stored_bytes < LARGE_BYTES) {
        for (size_t i = 0; i < LARGE_BATCH; i++) {
            size_t len =
                write_text(m, room[i], i % 2 ? LARGE_RECORD / 2 + next_random(m, 4096) : 300);
            records[i] = (struct ledger_record){
                (uint16_t)(16 + i % 2), {room[i], len}
            };
        }
        need_ok(ledger_append(m->l, records, LARGE_BATCH, NULL, &e), &e);
        ledger_head(m->l, &head);
    }
    sign_checkpoint(m);
    end(m);
}

/* The same as packs. */
static void large_packs(struct maker *m)
{
    struct error e;
    bool more = true;

    large(m);
    begin(m);
    need_ok(ledger_roll(m->l, &e), &e);
    while (more) {
        need_ok(ledger_pack(m->l, INT64_MAX, &more, &e), &e);
    }
    sign_checkpoint(m);
    end(m);
}

static const struct {
    const char *name;
    void (*make)(struct maker *m);
} shapes[] = {
    {"plain",   plain      },
    {"crashed", crashed    },
    {"failed",  failed     },
    {"packed",  packed     },
    {"erased",  erased     },
    {"large",   large      },
    {"packs",   large_packs},
};

static int open_folder(const struct maker *m, const char *name, bool create)
{
    char path[600];

    (void)snprintf(path, sizeof(path), "%s/%s", m->path, name);
    need(!create || mkdir(path, 0700) == 0, path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    need(fd >= 0, path);
    return fd;
}

static void make(struct maker *m, const char *shape)
{
    OWN(buf) struct buf line = {.max = 512};
    uint8_t seed[32];
    size_t len = sizeof(m->public_key);

    for (size_t i = 0; i < sizeof(seed); i++) {
        seed[i] = (uint8_t)next_random(m, 256);
    }
    m->signer = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
    need(m->signer && EVP_PKEY_get_raw_public_key(m->signer, m->public_key, &len) == 1, "key");
    m->ledger = open_folder(m, "ledger", true);
    m->keys = open_folder(m, "keys", true);
    m->key = keyring_random();
    write_file(m, "key", secret_slice(m->key));
    checkpoint_verifier(SLICE(ORIGIN), m->public_key, &line);
    buf_add_byte(&line, '\n');
    write_file(m, "public", buf_slice(&line));
    m->options = (struct ledger_options){.segment_bytes = 60000, .record_keys = m->keys};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (strcmp(shapes[i].name, shape) == 0) {
            shapes[i].make(m);
            EVP_PKEY_free(m->signer);
            return;
        }
    }
    need(false, "no such shape");
}

static void print_fault(void *context, const struct ledger_fault *f)
{
    (void)context;
    (void)printf("segment %u, byte %llu, record %llu: %s\n", f->segment,
                 (unsigned long long)f->offset, (unsigned long long)f->seq, f->text);
}

static struct slice read_file(const struct maker *m, const char *name, uint8_t *room, size_t len)
{
    char path[600];

    (void)snprintf(path, sizeof(path), "%s/%s", m->path, name);
    FILE *f = fopen(path, "rb");
    need(f != NULL, path);
    size_t n = fread(room, 1, len, f);
    (void)fclose(f);
    return slice_of(room, n);
}

static int check(struct maker *m)
{
    static uint8_t room[1 << 20];
    struct ledger_verdict v;
    struct checkpoint since;
    struct error e;

    struct slice key = read_file(m, "key", room, sizeof(room));
    m->key = secret_copy(key);
    struct slice notes = read_file(m, "checkpoints", room, sizeof(room));
    /* The last note: three lines and, behind an empty one, the signature. */
    size_t at = notes.len - 1;
    for (unsigned gaps = 0; at > 1 && gaps < 2;) {
        at--;
        gaps += notes.ptr[at] == '\n' && notes.ptr[at - 1] == '\n' && at + 1 < notes.len - 1;
    }
    at = at > 1 ? at + 1 : 0;
    need_ok(checkpoint_read(slice_of(notes.ptr + at, notes.len - 1 - at), &since, &e), &e);
    m->ledger = open_folder(m, "ledger", false);
    m->keys = open_folder(m, "keys", false);
    const struct ledger_verify_options options = {
        .key = m->key, .record_keys = m->keys, .since = &since, .fault = print_fault};
    if (!ledger_verify(m->ledger, &options, &v, &e)) {
        (void)printf("no verdict: %s\n", e.text);
        return 2;
    }
    return v.faults || !v.since_proved;
}

int main(int argc, char **argv)
{
    static struct maker m;

    if (argc < 3) {
        (void)fputs("usage: ledgers make DIR SHAPE SEED | check DIR\n", stderr);
        return 2;
    }
    (void)snprintf(m.path, sizeof(m.path), "%s", argv[2]);
    if (strcmp(argv[1], "check") == 0) {
        return check(&m);
    }
    need(argc == 5, "make DIR SHAPE SEED");
    m.random = strtoull(argv[4], NULL, 10) * 2 + 1;
    make(&m, argv[3]);
    return 0;
}
