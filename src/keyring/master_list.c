#include "keyring/master_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/bytes.h"

#include "host/file.h"
#include "keyring/former.h"
#include "keyring/internal.h"
#include "keyring/replace.h"

#define FORMAT   1
#define HEAD_LEN 24
#define ROW_LEN  48
#define NAME     "former-keys-"
#define NAME_HEX 16                                    /* of the key's public name */
#define ROWS_LEN ((size_t)MASTER_FORMER_MAX * ROW_LEN) /* always: unused ones are zeros */
#define FILE_LEN (HEAD_LEN + ROWS_LEN + KEYRING_SEAL_OVERHEAD)

static const char magic[8] = {'P', 'S', 'T', 'N', 'F', 'O', 'R', 'M'};

void master_list_done(struct master_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        secret_free(l->former[i].key);
    }
    *l = (struct master_list){0};
}

static void name_of(const struct secret *key, char out[static REPLACE_NAME_MAX])
{
    uint8_t id[KEYRING_ID_LEN];

    keyring_id(key, id);
    (void)memcpy(out, NAME, sizeof(NAME) - 1);
    keyring_hex(slice_of(id, NAME_HEX / 2), out + sizeof(NAME) - 1);
    out[sizeof(NAME) - 1 + NAME_HEX] = 0;
}

bool master_list_is(const char *name)
{
    return strncmp(name, NAME, sizeof(NAME) - 1) == 0 &&
           strlen(name) == sizeof(NAME) - 1 + NAME_HEX;
}

/* -- bytes -- */

static void head_write(const struct master *m, const struct master_list *l,
                       uint8_t out[static HEAD_LEN])
{
    (void)memset(out, 0, HEAD_LEN);
    (void)memcpy(out, magic, sizeof(magic));
    put16(out + 8, FORMAT);
    put32(out + 12, (uint32_t)m->generation);
    put64(out + 16, (uint64_t)l->since_ms);
}

static bool head_read(struct slice file, const struct master *m, struct master_list *l,
                      struct error *e)
{
    if (file.len < HEAD_LEN || memcmp(file.ptr, magic, sizeof(magic)) != 0) {
        return error_set(e, ERROR_CORRUPT, "no list of former keys");
    }
    if (get16(file.ptr + 8) != FORMAT || get16(file.ptr + 10)) {
        return error_set(e, ERROR_CONFIG, "written by a newer version of Postern");
    }
    l->since_ms = (int64_t)get64(file.ptr + 16);
    return get32(file.ptr + 12) == m->generation ||
           error_set(e, ERROR_CORRUPT, "the list of another generation");
}

static bool rows_read(struct slice rows, uint64_t below, struct master_list *l, struct error *e)
{
    uint64_t last = 0;

    if (rows.len != ROWS_LEN) {
        return error_set(e, ERROR_CORRUPT, "wrong length");
    }
    for (; rows.len && get32(rows.ptr); rows = slice_from(rows, ROW_LEN)) {
        uint64_t generation = get32(rows.ptr);
        if (generation <= last || generation >= below || get32(rows.ptr + 4)) {
            return error_set(e, ERROR_CORRUPT, "a damaged row");
        }
        OWN(secret) struct secret *key = secret_copy(slice_of(rows.ptr + 16, KEYRING_KEY_LEN));
        if (!master_list_add(l, generation, (int64_t)get64(rows.ptr + 8), key, e)) {
            return false;
        }
        last = generation;
    }
    return bytes_are_zero(rows.ptr, rows.len) || error_set(e, ERROR_CORRUPT, "a damaged row");
}

static bool read_list(int dirfd, const char *name, const struct master *m, struct master_list *l,
                      struct error *e)
{
    OWN(buf) struct buf file = {.max = FILE_LEN};
    OWN(secret) struct secret *sealing = keyring_derive(m->key, "former");
    OWN(secret) struct secret *rows = NULL;

    if (!file_read_all(dirfd, name, &file, e) || !head_read(buf_slice(&file), m, l, e)) {
        return false;
    }
    return keyring_open_secret(sealing, slice_head(buf_slice(&file), HEAD_LEN),
                               slice_from(buf_slice(&file), HEAD_LEN), &rows, e) &&
           rows_read(secret_slice(rows), m->generation, l, e);
}

bool master_list_read(int dirfd, const struct master *m, struct master_list *l, struct error *e)
{
    OWN(master_list) struct master_list read = {0};
    char name[REPLACE_NAME_MAX];

    name_of(m->key, name);
    if (m->generation > 1 && !read_list(dirfd, name, m, &read, e)) {
        return error_add(e, "%s", name);
    }
    *l = read;
    read = (struct master_list){0};
    return true;
}

static void list_write(const struct master *m, const struct master_list *l, struct buf *out)
{
    OWN(secret) struct secret *sealing = keyring_derive(m->key, "former");
    OWN(secret) struct secret *rows = secret_new(ROWS_LEN);
    uint8_t head[HEAD_LEN];

    for (size_t i = 0; i < l->count; i++) {
        uint8_t *row = rows->ptr + i * ROW_LEN;
        put32(row, (uint32_t)l->former[i].generation);
        put64(row + 8, (uint64_t)l->former[i].since_ms);
        (void)memcpy(row + 16, l->former[i].key->ptr, KEYRING_KEY_LEN);
    }
    head_write(m, l, head);
    buf_add(out, SLICE_ARRAY(head));
    keyring_seal(sealing, SLICE_ARRAY(head), secret_slice(rows), out);
}

static bool write_beside(int dirfd, const char *name, struct slice bytes, bool *there,
                         struct error *e)
{
    char fresh[REPLACE_NAME_MAX];

    replace_name(name, fresh);
    *there = faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    return file_destroy(dirfd, fresh, e) &&
           file_create(dirfd, *there ? fresh : name, bytes, 0600, e);
}

bool master_list_write(int dirfd, const struct master *m, const struct master_list *l,
                       struct error *e)
{
    OWN(buf) struct buf bytes = {.max = FILE_LEN};
    OWN(master_list) struct master_list back = {0};
    char name[REPLACE_NAME_MAX];
    bool there = false;

    name_of(m->key, name);
    list_write(m, l, &bytes);
    return write_beside(dirfd, name, buf_slice(&bytes), &there, e) &&
           (!there || replace_commit(dirfd, name, e)) && master_list_read(dirfd, m, &back, e);
}

/* -- rows -- */

bool master_list_add(struct master_list *l, uint64_t generation, int64_t since_ms,
                     const struct secret *key, struct error *e)
{
    if (l->count == MASTER_FORMER_MAX) {
        return error_set(e, ERROR_LIMIT,
                         "there are %d former keys already: `postern key retire` takes those away "
                         "that nothing needs",
                         MASTER_FORMER_MAX);
    }
    l->former[l->count++] =
        (struct master_former){generation, since_ms, secret_copy(secret_slice(key))};
    return true;
}

bool master_list_take(struct master_list *l, uint64_t generation)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->former[i].generation == generation) {
            secret_free(l->former[i].key);
            (void)memmove(&l->former[i], &l->former[i + 1],
                          (l->count - i - 1) * sizeof(l->former[0]));
            l->count--;
            return true;
        }
    }
    return false;
}

void master_list_register(const struct master_list *l, const struct secret *master,
                          const char *label)
{
    OWN(secret) struct secret *current = keyring_derive(master, label);

    for (size_t i = l->count; i > 0; i--) {
        OWN(secret) struct secret *former = keyring_derive(l->former[i - 1].key, label);
        keyring_former_add(current, former);
    }
}

bool master_list_tidy(int dirfd, const struct secret *key, struct error *e)
{
    char keep[REPLACE_NAME_MAX];
    bool ok = true;
    int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy >= 0 ? fdopendir(copy) : NULL;

    if (!names) {
        own_fd(&copy);
        return error_errno(e, ERROR_CONFIG, "data directory");
    }
    name_of(key, keep);
    for (const struct dirent *d = readdir(names); d && ok; d = readdir(names)) {
        bool list = strncmp(d->d_name, NAME, sizeof(NAME) - 1) == 0;
        ok = !list || strcmp(d->d_name, keep) == 0 || file_destroy(dirfd, d->d_name, e);
    }
    (void)closedir(names);
    return ok;
}
