/* Whatever stands in the files, postern-verify comes to an end and to a verdict.
 *
 * The first byte of an input says what the rest is: a checkpoint, proof or certificate (0), one segment (1), a segment and its
 * successor (2), a pack and its payload file (3); with 4 added, the digests of headers and clear records are
 * made right, so that what is behind them is reached. Two files are divided by the first "\n--\n". */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "verify/certificate.h"
#include "verify/check.h"
#include "verify/evidence.h"
#include "verify/proof.h"

#define SEGMENT 1
#define PACK    3
#define REPAIR  4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/postern-verify-fuzz-XXXXXX";

static void remove_folder(void)
{
    (void)rmdir(path);
}

static void put_digest(struct hash *h, uint8_t *at, const void *bytes, size_t len)
{
    hash_begin(h);
    hash_add(h, bytes, len);
    hash_end(h, at);
}

static void repair(struct hash *h, uint8_t *file, size_t len)
{
    static const uint8_t blind[32];

    if (len >= SEGMENT_HEAD_LEN) {
        put_digest(h, file + 480, file, 480);
    }
    for (size_t at = SEGMENT_HEAD_LEN; at + RECORD_HEAD_LEN <= len;) {
        uint8_t *head = file + at;
        size_t payload = be32(head + 16);
        if (!same(head, (const uint8_t *)"PREC", 4) || payload > len - at - RECORD_HEAD_LEN) {
            return;
        }
        put_digest(h, head + 112, head + RECORD_HEAD_LEN, payload);
        if (!(head[5] & 1)) {
            hash_add(h, blind, sizeof(blind));
            hash_add(h, head + RECORD_HEAD_LEN, payload);
            hash_end(h, head + 72);
        }
        at += RECORD_HEAD_LEN + payload;
    }
}

static void write_file(int folder, const char *name, const uint8_t *bytes, size_t len)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || close(fd) != 0) {
        abort();
    }
}

static void check(int folder)
{
    static FILE *out;
    out = out ? out : fopen("/dev/null", "we");
    struct report report = {.out = out};
    struct checkpoint checkpoint = {.size = 3};
    struct check c;

    check_init(&c, folder, &report, &checkpoint, 1);
    if (!ledger_check(&c) && !report.cannot_judge) {
        abort();
    }
    if (report.findings == 0 && !report.cannot_judge && !checkpoint.holds) {
        abort(); /* a checkpoint that nothing confirms is a finding */
    }
    check_done(&c);
}

static void read_texts(struct hash *h, struct view text)
{
    static struct proof proof;
    struct note_key key = {.name_len = 0};
    struct certificate certificate;
    struct evidence evidence;
    bool malformed = false;
    struct note note;
    struct view first;

    if (!note_key_read(text, h, &key) && !proof_read(text, &key, &proof)) {
        abort(); /* nobody has that key's signature */
    }
    if (!certificate_check(text, &key, &certificate, &malformed)) {
        abort();
    }
    certificate_done(&certificate);
    if (!evidence_check(text, &key, &evidence, &malformed)) {
        abort();
    }
    evidence_done(&evidence);
    while (note_next(&text, &first)) {
        if (note_read(first, &key, &note) == NOTE_SIGNED) {
            abort();
        }
    }
}

static int folder_once(void)
{
    static int folder = -1;

    if (folder < 0) {
        if (!mkdtemp(path)) {
            abort();
        }
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)atexit(remove_folder);
    }
    return folder;
}

static void check_files(unsigned kind, const uint8_t *first, size_t first_len,
                        const uint8_t *second, size_t second_len)
{
    const char *name = kind == PACK ? "0000000001.pack" : "0000000001.seg";
    char other[NAME_ROOM] = "0000000002.seg";
    int folder = folder_once();

    if (kind == PACK) {
        unsigned class = first_len >= 520 ? be16(first + 512) : 0U;
        uint32_t month = first_len >= 520 ? be32(first + 516) : 0U;
        if (class == 65535) {
            (void)snprintf(other, sizeof(other), "0000000001-%05u.objects", month & UINT16_MAX);
        } else {
            (void)snprintf(other, sizeof(other), "0000000001-%05u-%06u.data", class, month);
        }
    }
    write_file(folder, name, first, first_len);
    if (kind != SEGMENT) {
        write_file(folder, other, second, second_len);
    }
    check(folder);
    (void)unlinkat(folder, name, 0);
    (void)unlinkat(folder, other, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct hash *h = hash_new();
    uint8_t *copy = malloc(--size);
    if (!copy) {
        abort();
    }
    (void)memcpy(copy, data + 1, size);
    const uint8_t *gap = memmem(copy, size, "\n--\n", 4);
    size_t first = gap ? (size_t)(gap - copy) : size;
    size_t second = gap ? first + 4 : size;
    if (data[0] & REPAIR) {
        repair(h, copy, first);
        repair(h, copy + second, size - second);
    }
    if ((data[0] & 3) == 0) {
        read_texts(h, (struct view){copy, size});
    } else {
        check_files(data[0] & 3, copy, first, copy + second, size - second);
    }
    free(copy);
    hash_free(h);
    return 0;
}
