#include "keyring/master.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "host/file.h"
#include "keyring/digest.h"
#include "keyring/internal.h"
#include "keyring/keyring.h"

/* "postern-master-key 1 " + key + " " + check + LF. The check is no authenticator, it catches a
 * damaged or mistyped file before everything sealed under the key looks damaged instead. */
#define WORD      "postern-master-key "
#define FORMAT    "1 "
#define KEY_TEXT  ((size_t)2 * KEYRING_KEY_LEN)
#define CHECK_LEN 8
#define FILE_LEN  (sizeof(WORD) - 1 + sizeof(FORMAT) - 1 + KEY_TEXT + 1 + (size_t)2 * CHECK_LEN + 1)
#define FILE_ROOM 512

static void check_of(struct slice key, uint8_t check[static CHECK_LEN])
{
    uint8_t digest[DIGEST_LEN];
    digest_of(SLICE("postern master key check"), key, digest);
    (void)memcpy(check, digest, CHECK_LEN);
}

bool master_write(int dirfd, const char *name, const struct secret *key, struct error *e)
{
    uint8_t check[CHECK_LEN];

    if (key->len != KEYRING_KEY_LEN) {
        return error_set(e, ERROR_INPUT, "a master key has %d bytes", KEYRING_KEY_LEN);
    }
    OWN(secret) struct secret *text = secret_new(FILE_LEN);
    char *at = (char *)text->ptr;
    at = mempcpy(at, WORD FORMAT, sizeof(WORD FORMAT) - 1);
    keyring_hex(secret_slice(key), at);
    at += KEY_TEXT;
    *at++ = ' ';
    check_of(secret_slice(key), check);
    keyring_hex(SLICE_ARRAY(check), at);
    text->ptr[FILE_LEN - 1] = '\n';
    return file_create(dirfd, name, secret_slice(text), 0600, e);
}

bool master_create(int dirfd, const char *name, struct secret **key, struct error *e)
{
    OWN(secret) struct secret *fresh = keyring_random();
    if (!master_write(dirfd, name, fresh, e)) {
        return false;
    }
    *key = TAKE(fresh, NULL);
    return true;
}

static bool check_access(int fd, const char *name, struct error *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return error_errno(e, ERROR_BUSY, "%s: stat", name);
    }
    if (!S_ISREG(st.st_mode)) {
        return error_set(e, ERROR_CONFIG, "%s: not a regular file", name);
    }
    if (st.st_uid != geteuid()) {
        return error_set(e, ERROR_CONFIG, "%s: belongs to user %u, expected %u", name, st.st_uid,
                         geteuid());
    }
    if (st.st_mode & 077) {
        return error_set(e, ERROR_CONFIG,
                         "%s: others than its owner may use it (mode %04o): chmod 0600 it, and "
                         "consider whether it was read",
                         name, st.st_mode & 07777U);
    }
    return true;
}

static bool parse(struct slice text, const char *name, struct secret **key, struct error *e)
{
    uint8_t check[CHECK_LEN];
    uint8_t wanted[CHECK_LEN];

    if (!slice_starts(text, SLICE(WORD))) {
        return error_set(e, ERROR_CORRUPT, "%s: not a master key file", name);
    }
    text = slice_from(text, sizeof(WORD) - 1);
    if (!slice_starts(text, SLICE(FORMAT))) {
        return error_set(e, ERROR_CONFIG, "%s: written by a newer version of Postern", name);
    }
    text = slice_from(text, sizeof(FORMAT) - 1);
    if (text.len != KEY_TEXT + 1 + sizeof(check) * 2 + 1 || text.ptr[KEY_TEXT] != ' ' ||
        text.ptr[text.len - 1] != '\n') {
        return error_set(e, ERROR_CORRUPT, "%s: damaged: wrong length", name);
    }
    OWN(secret) struct secret *read = secret_new(KEYRING_KEY_LEN);
    struct slice check_text = slice_head(slice_from(text, KEY_TEXT + 1), sizeof(check) * 2);
    if (!keyring_unhex(slice_head(text, KEY_TEXT), read->ptr, read->len) ||
        !keyring_unhex(check_text, wanted, sizeof(wanted))) {
        return error_set(e, ERROR_CORRUPT, "%s: damaged: not hexadecimal", name);
    }
    check_of(secret_slice(read), check);
    if (!secret_equal(SLICE_ARRAY(check), SLICE_ARRAY(wanted))) {
        return error_set(e, ERROR_CORRUPT, "%s: damaged: the check does not fit the key", name);
    }
    *key = TAKE(read, NULL);
    return true;
}

bool master_read(int dirfd, const char *name, struct secret **key, struct error *e)
{
    OWN(fd) int fd = -1;
    size_t got = 0;

    enum file_found found = file_open(dirfd, name, O_RDONLY, &fd, e);
    if (found == FILE_MISSING) {
        return error_set(e, ERROR_CONFIG,
                         "%s: no master key: restore the file, or recover it with the recovery key",
                         name);
    }
    if (found == FILE_FAILED || !check_access(fd, name, e)) {
        return false;
    }
    OWN(secret) struct secret *text = secret_new(FILE_ROOM);
    if (!file_read_at(fd, 0, text->ptr, text->len, &got, e)) {
        return error_add(e, "%s", name);
    }
    return parse(slice_head(secret_slice(text), got), name, key, e);
}
