#include "keyring/recovery.h"

#include <stdio.h>

#include "base/buf.h"

#include "host/file.h"
#include "keyring/digest.h"
#include "keyring/internal.h"
#include "keyring/keyring.h"

/* 30 characters carry 150 bits: 128 of the key, then the first 22 of SHA-256 over it. */
#define KEY_LEN      16
#define CHARACTERS   30
#define GROUP        5
#define BYTES        19 /* that hold 150 bits; the last two are zero */
#define WORD         "postern-recovery "
#define GENERATION_1 "1 " /* nothing is said of it in the file */
#define GENERATION_N "2 "
#define SEALED_LEN   (KEYRING_KEY_LEN + KEYRING_SEAL_OVERHEAD)
#define FILE_ROOM    1024
#define CONTEXT_MAX  64

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* What the sealed key is bound to. */
static struct slice context_of(uint64_t generation, char room[static CONTEXT_MAX])
{
    static const char text[] = "recovery of the master key";
    int len = generation == 1
                  ? snprintf(room, CONTEXT_MAX, "%s", text)
                  : snprintf(room, CONTEXT_MAX, "%s %llu", text, (unsigned long long)generation);

    return slice_of(room, (size_t)len);
}

/* The checksum's 22 bits behind the key's 16 bytes. */
static void add_check(uint8_t bytes[static BYTES])
{
    uint8_t digest[DIGEST_LEN];

    digest_of(SLICE("postern recovery key check"), slice_of(bytes, KEY_LEN), digest);
    (void)memcpy(bytes + KEY_LEN, digest, BYTES - KEY_LEN);
    bytes[BYTES - 1] &= 0xfc;
}

struct secret *recovery_new(void)
{
    OWN(secret) struct secret *bits = secret_new(BYTES);
    struct secret *text = secret_new(RECOVERY_TEXT_LEN);
    uint8_t *out = text->ptr;

    keyring_random_bytes(bits->ptr, KEY_LEN);
    add_check(bits->ptr);
    for (size_t i = 0; i < CHARACTERS; i++) {
        unsigned value = 0;
        for (size_t bit = i * 5; bit < i * 5 + 5; bit++) {
            value = value << 1 | (bits->ptr[bit / 8] >> (7 - bit % 8) & 1U);
        }
        if (i && i % GROUP == 0) {
            *out++ = '-';
        }
        *out++ = (uint8_t)alphabet[value];
    }
    return text;
}

/* The value of a typed character, or -1. People write O for 0, and I or L for 1. */
static int value_of(uint8_t c)
{
    c = ascii_lower(c);
    if (c == 'o') {
        return 0;
    }
    if (c == 'i' || c == 'l') {
        return 1;
    }
    for (int i = 0; alphabet[i]; i++) {
        if (ascii_lower((uint8_t)alphabet[i]) == c) {
            return i;
        }
    }
    return -1;
}

static bool unpack(struct slice typed, uint8_t bytes[static BYTES])
{
    size_t characters = 0;

    (void)memset(bytes, 0, BYTES);
    for (size_t i = 0; i < typed.len; i++) {
        uint8_t c = typed.ptr[i];
        if (c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            continue;
        }
        int value = value_of(c);
        if (value < 0 || characters == CHARACTERS) {
            return false;
        }
        for (size_t bit = 0; bit < 5; bit++) {
            size_t at = characters * 5 + bit;
            bytes[at / 8] |= (uint8_t)(((unsigned)value >> (4 - bit) & 1U) << (7 - at % 8));
        }
        characters++;
    }
    return characters == CHARACTERS;
}

/* The key that was typed; NULL when the characters or the checksum are wrong. */
static struct secret *parse(struct slice typed)
{
    OWN(secret) struct secret *bits = secret_new(BYTES);
    OWN(secret) struct secret *again = secret_new(BYTES);

    if (!unpack(typed, bits->ptr)) {
        return NULL;
    }
    (void)memcpy(again->ptr, bits->ptr, KEY_LEN);
    add_check(again->ptr);
    if (!secret_equal(secret_slice(bits), secret_slice(again))) {
        return NULL;
    }
    OWN(secret) struct secret *key = secret_copy(slice_of(bits->ptr, KEY_LEN));
    return keyring_derive(key, "recovery");
}

bool recovery_check(struct slice typed)
{
    OWN(secret) struct secret *key = parse(typed);
    return key != NULL;
}

bool recovery_same(struct slice a, struct slice b)
{
    OWN(secret) struct secret *one = parse(a);
    OWN(secret) struct secret *other = parse(b);

    return one && other && secret_equal(secret_slice(one), secret_slice(other));
}

static bool malformed(struct error *e)
{
    return error_set(e, ERROR_INPUT,
                     "this is not a recovery key: six groups of five letters and digits, and the "
                     "last group must fit the others");
}

bool recovery_seal(int dirfd, const char *name, struct slice typed, const struct secret *master,
                   uint64_t generation, struct error *e)
{
    OWN(buf) struct buf sealed = {.max = SEALED_LEN};
    OWN(buf) struct buf text = {.max = FILE_ROOM};
    uint8_t hex[2 * SEALED_LEN];
    char room[CONTEXT_MAX];

    OWN(secret) struct secret *key = parse(typed);
    if (!key) {
        return malformed(e);
    }
    if (master->len != KEYRING_KEY_LEN) {
        return error_set(e, ERROR_INPUT, "a master key has %d bytes", KEYRING_KEY_LEN);
    }
    buf_add_text(&text, generation == 1 ? WORD GENERATION_1 : WORD GENERATION_N);
    if (generation != 1) {
        buf_printf(&text, "%llu ", (unsigned long long)generation);
    }
    keyring_seal(key, context_of(generation, room), secret_slice(master), &sealed);
    keyring_hex(buf_slice(&sealed), (char *)hex);
    buf_add(&text, SLICE_ARRAY(hex));
    buf_add_byte(&text, '\n');
    return file_replace(dirfd, name, buf_slice(&text), 0600, e);
}

static bool read_file(struct slice text, uint64_t *generation, uint8_t sealed[static SEALED_LEN],
                      struct error *e)
{
    if (!slice_starts(text, SLICE(WORD))) {
        return error_set(e, ERROR_CORRUPT, "not a recovery file");
    }
    text = slice_from(text, sizeof(WORD) - 1);
    bool first = slice_starts(text, SLICE(GENERATION_1));
    if (!first && !slice_starts(text, SLICE(GENERATION_N))) {
        return error_set(e, ERROR_CONFIG, "written by a newer version of Postern");
    }
    text = slice_from(text, sizeof(GENERATION_1) - 1);
    if (!first && !slice_decimal(slice_cut(text, ' ', &text), UINT32_MAX, generation)) {
        return error_set(e, ERROR_CORRUPT, "damaged");
    }
    return (text.len == (size_t)2 * SEALED_LEN + 1 &&
            keyring_unhex(slice_head(text, (size_t)2 * SEALED_LEN), sealed, SEALED_LEN)) ||
           error_set(e, ERROR_CORRUPT, "damaged");
}

bool recovery_open_bytes(struct slice text, struct slice typed, struct secret **master,
                         uint64_t *generation, struct error *e)
{
    uint8_t sealed[SEALED_LEN];
    char room[CONTEXT_MAX];
    uint64_t of = 1;

    OWN(secret) struct secret *key = parse(typed);
    if (!key) {
        return malformed(e);
    }
    if (!read_file(text, &of, sealed, e)) {
        return false;
    }
    if (!keyring_open_secret(key, context_of(of, room), SLICE_ARRAY(sealed), master, e)) {
        return error_set(e, ERROR_DENIED, "sealed under another recovery key, or damaged");
    }
    *generation = of;
    return true;
}

bool recovery_open(int dirfd, const char *name, struct slice typed, struct secret **master,
                   uint64_t *generation, struct error *e)
{
    OWN(buf) struct buf file = {.max = FILE_ROOM};

    if (!recovery_check(typed)) {
        return malformed(e);
    }
    return file_read_all(dirfd, name, &file, e) &&
           (recovery_open_bytes(buf_slice(&file), typed, master, generation, e) ||
            error_add(e, "%s", name));
}

bool recovery_look(int dirfd, const char *name, uint64_t *generation, struct error *e)
{
    OWN(buf) struct buf file = {.max = FILE_ROOM};

    return file_read_all(dirfd, name, &file, e) &&
           (recovery_look_bytes(buf_slice(&file), generation, e) || error_add(e, "%s", name));
}

bool recovery_look_bytes(struct slice text, uint64_t *generation, struct error *e)
{
    uint8_t sealed[SEALED_LEN];
    uint64_t of = 1;

    if (!read_file(text, &of, sealed, e)) {
        return false;
    }
    *generation = of;
    return true;
}
