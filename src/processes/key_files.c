/* | on disk, after a rotation          | key_files_renew() |
 * |------------------------------------|----------------------|
 * | file of a former key               | writes the one of the present key, then overwrites and removes it |
 * | both (a crash in between)          | the same |
 * | file of the present key            | nothing | */
#include "processes/key_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#include "formats/cbor/cbor.h"
#include "host/file.h"
#include "keyring/digest.h"
#include "keyring/former.h"
#include "keyring/keyring.h"
#include "processes/private_key.h"

#define SUFFIX      ".key"
#define NAME_LEN    16 /* bytes of a file name's hash */
#define FILE_MODE   0600
#define SEALED_MAX  (KEY_FILE_CONTENT_MAX + KEYRING_SEAL_OVERHEAD)
#define SCRATCH_MAX ((size_t)1 << 20)

static const struct cbor_field file_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct key_file, kind, KEY_OPENPGP),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct key_file, domain, SIGNER_NAME_MAX),
    CBOR_FIELD(3, CBOR_TEXT, struct key_file, name, SIGNER_NAME_MAX),
    CBOR_FIELD(4, CBOR_UINT, struct key_file, created_at, 0),
    CBOR_FIELD(5, CBOR_BYTES, struct key_file, key, PRIVATE_KEY_DER_MAX),
};
static const struct cbor_schema file_schema = CBOR_SCHEMA(file_fields, struct key_file);

void key_file_name(const struct secret *seal, struct slice domain, struct slice name,
                   char out[static KEY_FILE_NAME_MAX])
{
    OWN(buf) struct buf text = {.max = 2 * SIGNER_NAME_MAX + 2};
    uint8_t hash[DIGEST_LEN];

    buf_add(&text, domain);
    buf_add_byte(&text, '\n');
    buf_add(&text, name);
    digest_hmac(secret_slice(seal), buf_slice(&text), hash);
    for (size_t i = 0; i < NAME_LEN; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
    (void)memcpy(out + (size_t)2 * NAME_LEN, SUFFIX, sizeof(SUFFIX));
}

bool key_file_is(const char *name)
{
    return strlen(name) == KEY_FILE_NAME_MAX - 1 &&
           strcmp(name + (size_t)2 * NAME_LEN, SUFFIX) == 0;
}

void key_file_wipe(struct buf *content)
{
    if (content->ptr) {
        explicit_bzero(content->ptr, content->capacity);
    }
}

static struct slice context_of(const char *file, struct arena *arena)
{
    return arena_printf(arena, "signer/%s", file);
}

bool key_file_write(int directory, const struct secret *seal, const struct key_file *f,
                    struct error *e)
{
    OWN(arena) struct arena arena = {.max = SCRATCH_MAX};
    OWN(buf) struct buf content = {.max = KEY_FILE_CONTENT_MAX};
    OWN(buf) struct buf sealed = {.max = SEALED_MAX};
    char file[KEY_FILE_NAME_MAX];

    if (!buf_room(&content, KEY_FILE_CONTENT_MAX)) { /* so that it never moves */
        arena_panic("no room for a key");
    }
    key_file_name(seal, f->domain, f->name, file);
    cbor_write(&content, &file_schema, f);
    keyring_seal(seal, context_of(file, &arena), buf_slice(&content), &sealed);
    bool full = content.full || sealed.full;
    key_file_wipe(&content);
    if (full) {
        return error_set(e, ERROR_LIMIT, "a key is too long to be kept");
    }
    return file_replace(directory, file, buf_slice(&sealed), FILE_MODE, e);
}

bool key_file_read(int directory, const struct secret *seal, const char *file, struct buf *content,
                   struct arena *arena, struct key_file *out, struct error *e)
{
    OWN(buf) struct buf sealed = {.max = SEALED_MAX};
    struct key_file f;
    char expected[KEY_FILE_NAME_MAX];

    if (!buf_room(content, KEY_FILE_CONTENT_MAX)) { /* so that it never moves */
        arena_panic("no room for a key");
    }
    if (!file_read_all(directory, file, &sealed, e) ||
        !keyring_open(seal, context_of(file, arena), buf_slice(&sealed), content, e) ||
        !cbor_read(buf_slice(content), &file_schema, arena, &f, e)) {
        return false;
    }
    key_file_name(seal, f.domain, f.name, expected);
    if (strcmp(expected, file) != 0) {
        return error_set(e, ERROR_CORRUPT, "it holds another key");
    }
    *out = f;
    return true;
}

/* -- a rotation -- */

/* Whether the file is of this key; then it is written for the present one too, if that is another. */
static bool renew_from(int directory, const struct secret *seal, const struct secret *from,
                       const char *file, bool *is, struct error *e)
{
    OWN(arena) struct arena arena = {.max = SCRATCH_MAX};
    OWN(buf) struct buf content = {.max = KEY_FILE_CONTENT_MAX};
    struct key_file f;
    struct error unused;

    *is = key_file_read(directory, from, file, &content, &arena, &f, &unused);
    bool ok = !*is || from == seal || key_file_write(directory, seal, &f, e);
    key_file_wipe(&content);
    return ok;
}

static bool renew(int directory, const struct secret *seal, const char *file, struct error *e)
{
    const struct secret *from = NULL;
    bool is = false;

    if (!renew_from(directory, seal, seal, file, &is, e)) {
        return false;
    }
    for (size_t n = 0; !is && (from = keyring_former(seal, n)); n++) {
        if (!renew_from(directory, seal, from, file, &is, e)) {
            return false;
        }
    }
    if (!is || !from) {
        return true;
    }
    log_event(LOG_INFO, "signer.key_renewed", LOG_TEXT("file", file));
    return file_destroy(directory, file, e);
}

bool key_files_renew(int directory, const struct secret *seal, struct error *e)
{
    bool ok = true;

    if (!keyring_former(seal, 0)) {
        return true;
    }
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy >= 0 ? fdopendir(copy) : NULL;
    if (!names) {
        own_fd(&copy);
        return error_errno(e, ERROR_CONFIG, "the keys' directory");
    }
    for (const struct dirent *d = readdir(names); d && ok; d = readdir(names)) {
        ok = !key_file_is(d->d_name) || renew(directory, seal, d->d_name, e);
    }
    (void)closedir(names);
    return ok;
}
