/* Says which records of a ledger hold a word, for who has the master key: what is left of an erased letter.
 *
 *   words DIR WORD...   DIR is a data directory whose key is kept as it is. Prints a line `RECORD TYPE WORD` for
 *                       each, then `read N, erased M`. Words are looked for in records' bodies, whatever their case */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

#include "keyring/keyring.h"
#include "keyring/master.h"
#include "ledger/reader.h"

#define BODY_MAX ((size_t)256 << 20)

static bool holds(struct slice body, struct slice word)
{
    for (size_t at = 0; at + word.len <= body.len; at++) {
        if (slice_equal_nocase(slice_head(slice_from(body, at), word.len), word)) {
            return true;
        }
    }
    return false;
}

static bool read_all(struct ledger_reader *reader, char **words, int n, struct error *e)
{
    OWN(arena) struct arena arena = {.max = BODY_MAX};
    struct ledger_position at = {0};
    struct ledger_entry entry;
    unsigned long long read = 0;
    unsigned long long erased = 0;

    for (;;) {
        enum ledger_next next = ledger_reader_next(reader, &at, NULL, &arena, &entry, e);
        if (next != LEDGER_ENTRY) {
            (void)printf("read %llu, erased %llu\n", read, erased);
            return next == LEDGER_AT_END;
        }
        erased += entry.erased;
        read += !entry.erased;
        for (int i = 0; !entry.erased && i < n; i++) {
            if (holds(entry.body, slice_text(words[i]))) {
                (void)printf("%llu %u %s\n", (unsigned long long)entry.ref.seq, entry.type,
                             words[i]);
            }
        }
        arena_reset(&arena);
    }
}

static bool look(const char *path, char **words, int n, struct error *e)
{
    OWN(fd) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN(fd) int ledger = openat(dir, "ledger", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN(fd) int keys = openat(dir, "record-keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN(ledger_reader) struct ledger_reader *reader = NULL;
    struct master master = {0};

    if (!master_open(dir, "master.key", NULL, &master, e)) {
        return false;
    }
    OWN(secret) struct secret *key = keyring_derive(master.key, "ledger");
    master_done(&master);
    if (!ledger_reader_open(ledger, key, &reader, e)) {
        return false;
    }
    ledger_reader_record_keys(reader, keys);
    return read_all(reader, words, n, e);
}

int main(int argc, char **argv)
{
    struct error e = {0};

    if (argc < 3) {
        (void)fprintf(stderr, "usage: words DIR WORD...\n");
        return 64;
    }
    if (!look(argv[1], argv + 2, argc - 2, &e)) {
        (void)fprintf(stderr, "words: %s\n", e.text);
        return 1;
    }
    return 0;
}
