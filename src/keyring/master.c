/* Invariants:
 *  1. master.key is one whole form at any moment: it is changed by renames alone.
 *  2. A form is put in force only after it was opened again from the disk and gave the same key.
 *  3. A former form is overwritten, synced and removed: whoever finds the disk later finds one form. */
#include "keyring/master.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"

#include "host/file.h"
#include "keyring/digest.h"
#include "keyring/master_form.h"
#include "keyring/replace.h"

/* Twice the memory that RFC 9106 section 4 asks for as its second choice: half a second at a start, and for each
 * guess. */
#define PASSES 3
#define KIB    ((uint32_t)128 << 10)

#define LOCK_LOOK_US 20000

void master_done(struct master *m)
{
    secret_free(m->key);
    secret_free(m->opened_by);
    m->key = m->opened_by = NULL;
}

static struct buf buf_over(struct secret *room)
{
    return (struct buf){.ptr = room->ptr, .capacity = room->len, .max = room->len};
}

/* -- reading -- */

static bool check_access(int fd, struct error *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return error_errno(e, ERROR_BUSY, "stat");
    }
    if (!S_ISREG(st.st_mode)) {
        return error_set(e, ERROR_CONFIG, "not a regular file");
    }
    if (st.st_uid != geteuid()) {
        return error_set(e, ERROR_CONFIG, "belongs to user %u, expected %u", st.st_uid, geteuid());
    }
    if (st.st_mode & 077) {
        return error_set(
            e, ERROR_CONFIG,
            "others than its owner may use it (mode %04o): chmod 0600 it, and consider "
            "whether it was read",
            st.st_mode & 07777U);
    }
    return true;
}

/* The line, in locked memory, and what it says; the form's context looks into it. */
static bool read_form(int dirfd, const char *name, struct secret **line, struct master_form *f,
                      struct error *e)
{
    OWN(fd) int fd = -1;
    size_t got = 0;

    enum file_found found = file_open(dirfd, name, O_RDONLY, &fd, e);
    if (found == FILE_MISSING) {
        return error_set(e, ERROR_CONFIG,
                         "%s: no master key: restore the file, or recover it with the recovery key",
                         name);
    }
    if (found == FILE_FAILED) {
        return false;
    }
    OWN(secret) struct secret *text = secret_new(MASTER_LINE_MAX);
    if (!check_access(fd, e) || !file_read_at(fd, 0, text->ptr, text->len, &got, e) ||
        !master_form_read(slice_head(secret_slice(text), got), f, e)) {
        return error_add(e, "%s", name);
    }
    *line = TAKE(text, NULL);
    return true;
}

/* The key that a passphrase stands for. */
static bool stretch(const struct master_form *f, const struct secret *passphrase,
                    struct secret **out, struct error *e)
{
    static_assert(MASTER_SALT_LEN == crypto_pwhash_argon2id_SALTBYTES, "salt of argon2id");
    OWN(secret) struct secret *key = secret_new(KEYRING_KEY_LEN);

    if (sodium_init() < 0) {
        arena_panic("libsodium cannot be used");
    }
    if (crypto_pwhash(key->ptr, key->len, (const char *)passphrase->ptr, passphrase->len, f->salt,
                      f->passes, (size_t)f->kib << 10, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return error_set(e, ERROR_BUSY, "no memory (%u KiB) to try a passphrase", f->kib);
    }
    *out = TAKE(key, NULL);
    return true;
}

static bool open_passphrase(const struct master_form *f, const struct master_asker *asker,
                            struct secret **by, struct secret **key, struct error *e)
{
    OWN(secret) struct secret *sealing = NULL;

    if (!asker->ask(asker->context, "Passphrase of the master key", by, e) ||
        !stretch(f, *by, &sealing, e)) {
        return false;
    }
    return keyring_open_secret(sealing, f->context, SLICE_ARRAY(f->sealed), key, e) ||
           error_set(e, ERROR_DENIED, "this is not the passphrase, or the file was changed");
}

static bool open_token(const struct master_form *f, const struct master_asker *asker,
                       struct secret **by, struct secret **key, struct error *e)
{
    OWN(secret) struct secret *sealing = NULL;

    if (!asker->ask(asker->context, "PIN of the token with the master key", by, e) ||
        !token_unwrap(f->uri, *by, slice_of(f->wrapped, f->wrapped_len), &sealing, e)) {
        return false;
    }
    return keyring_open_secret(sealing, f->context, SLICE_ARRAY(f->sealed), key, e) ||
           error_set(e, ERROR_CORRUPT, "the token's key does not open it: damaged");
}

static bool open_form(struct master_form *f, const struct master_asker *asker, struct secret **by,
                      struct secret **key, struct error *e)
{
    switch (f->kept) {
    case MASTER_PASSPHRASE:
        return open_passphrase(f, asker, by, key, e);
    case MASTER_TOKEN:
        return open_token(f, asker, by, key, e);
    case MASTER_FILE:
        break;
    }
    *key = TAKE(f->key, NULL);
    return true;
}

bool master_open(int dirfd, const char *name, const struct master_asker *asker, struct master *out,
                 struct error *e)
{
    OWN(secret) struct secret *line = NULL;
    OWN(master_form) struct master_form f = {0};
    OWN(secret) struct secret *key = NULL;
    OWN(secret) struct secret *by = NULL;

    if (!read_form(dirfd, name, &line, &f, e)) {
        return false;
    }
    if (!open_form(&f, asker, &by, &key, e)) {
        return error_add(e, "%s", name);
    }
    if (key->len != KEYRING_KEY_LEN) {
        return error_set(e, ERROR_CORRUPT, "%s: a master key has %d bytes", name, KEYRING_KEY_LEN);
    }
    *out = (struct master){TAKE(key, NULL), f.generation, f.kept, "", TAKE(by, NULL)};
    (void)memcpy(out->uri, f.uri, sizeof(out->uri));
    return true;
}

bool master_look(int dirfd, const char *name, struct master *out, struct error *e)
{
    OWN(secret) struct secret *line = NULL;
    OWN(master_form) struct master_form f = {0};

    if (!read_form(dirfd, name, &line, &f, e)) {
        return false;
    }
    *out = (struct master){.generation = f.generation, .kept = f.kept};
    return true;
}

/* -- writing -- */

static bool is_uri(const char *uri)
{
    size_t len = strlen(uri);

    for (size_t i = 0; i < len; i++) {
        if (uri[i] <= ' ' || uri[i] > '~') {
            return false;
        }
    }
    return len > 0 && len <= MASTER_URI_MAX;
}

/* Fill the form for a way of keeping and get the key that seals. */
static bool fill_form(const struct master_way *way, struct master_form *f, struct secret **sealing,
                      struct error *e)
{
    if (way->kept == MASTER_PASSPHRASE) {
        if (way->passphrase->len < MASTER_PASSPHRASE_MIN) {
            return error_set(e, ERROR_INPUT, "the passphrase is shorter than %d characters",
                             MASTER_PASSPHRASE_MIN);
        }
        f->passes = PASSES;
        f->kib = KIB;
        keyring_random_bytes(f->salt, sizeof(f->salt));
        return stretch(f, way->passphrase, sealing, e);
    }
    if (!is_uri(way->uri)) {
        return error_set(e, ERROR_INPUT,
                         "this is no PKCS#11 URI: printable, without blanks, at "
                         "most %d characters",
                         MASTER_URI_MAX);
    }
    (void)memcpy(f->uri, way->uri, strlen(way->uri) + 1);
    OWN(secret) struct secret *fresh = keyring_random();
    if (!token_wrap(way->uri, way->pin, fresh, f->wrapped, &f->wrapped_len, e)) {
        return false;
    }
    *sealing = TAKE(fresh, NULL);
    return true;
}

static bool write_form(const struct master_way *way, const struct secret *key, uint64_t generation,
                       struct buf *out, struct error *e)
{
    OWN(master_form) struct master_form f = {.generation = generation, .kept = way->kept};
    OWN(secret) struct secret *sealing = NULL;
    OWN(buf) struct buf sealed = {.max = MASTER_SEALED_LEN};

    if (key->len != KEYRING_KEY_LEN) {
        return error_set(e, ERROR_INPUT, "a master key has %d bytes", KEYRING_KEY_LEN);
    }
    if (way->kept == MASTER_FILE) {
        f.key = secret_copy(secret_slice(key));
        master_form_begin(&f, out);
    } else {
        if (!fill_form(way, &f, &sealing, e)) {
            return false;
        }
        master_form_begin(&f, out);
        keyring_seal(sealing, f.context, secret_slice(key), &sealed);
        (void)memcpy(f.sealed, sealed.ptr, sizeof(f.sealed));
        master_form_end(&f, out);
    }
    return !out->full || error_set(e, ERROR_LIMIT, "a master key file would be too long");
}

bool master_write(int dirfd, const char *name, const struct secret *key, uint64_t generation,
                  struct error *e)
{
    static const struct master_way as_it_is = {.kept = MASTER_FILE};
    OWN(secret) struct secret *room = secret_new(MASTER_LINE_MAX);
    struct buf line = buf_over(room);

    return write_form(&as_it_is, key, generation, &line, e) &&
           file_create(dirfd, name, buf_slice(&line), 0600, e);
}

bool master_create(int dirfd, const char *name, struct secret **key, struct error *e)
{
    OWN(secret) struct secret *fresh = keyring_random();
    if (!master_write(dirfd, name, fresh, 1, e)) {
        return false;
    }
    *key = TAKE(fresh, NULL);
    return true;
}

/* -- changing -- */

/* Answers with the secret that the new form was made with. */
static bool answer_again(void *context, const char *question, struct secret **answer,
                         struct error *e)
{
    const struct master_way *way = context;
    const struct secret *known = way->kept == MASTER_TOKEN ? way->pin : way->passphrase;

    (void)question;
    (void)e;
    *answer = secret_copy(secret_slice(known));
    return true;
}

static bool opens_again(int dirfd, const char *name, const struct master_way *way,
                        const struct secret *key, uint64_t generation, struct error *e)
{
    struct master_way again = *way;
    const struct master_asker asker = {answer_again, &again};
    OWN(master) struct master back = {0};

    if (!master_open(dirfd, name, &asker, &back, e)) {
        return error_add(e, "read back");
    }
    return (back.generation == generation &&
            secret_equal(secret_slice(back.key), secret_slice(key))) ||
           error_set(e, ERROR_BUSY, "%s: what was read back is another key", name);
}

bool master_prepare(int dirfd, const char *name, const struct master_way *way,
                    const struct secret *key, uint64_t generation, struct error *e)
{
    OWN(secret) struct secret *room = secret_new(MASTER_LINE_MAX);
    struct buf line = buf_over(room);
    char fresh[REPLACE_NAME_MAX];
    struct error why;

    replace_name(name, fresh);
    if (!master_tidy(dirfd, name, e) || !write_form(way, key, generation, &line, e) ||
        !file_create(dirfd, fresh, buf_slice(&line), 0600, e)) {
        return false;
    }
    if (opens_again(dirfd, fresh, way, key, generation, e)) {
        return true;
    }
    return master_tidy(dirfd, name, &why) ? false : error_add(e, "%s", why.text);
}

bool master_tidy(int dirfd, const char *name, struct error *e)
{
    return replace_tidy(dirfd, name, e);
}

bool master_commit(int dirfd, const char *name, struct error *e)
{
    return replace_commit(dirfd, name, e);
}

bool master_lock(int dirfd, int64_t wait_ms, int *lock, struct error *e)
{
    int64_t until = clock_steady_ms() + wait_ms;
    OWN(fd) int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return error_errno(e, errno == EACCES ? ERROR_DENIED : ERROR_CONFIG, "data directory");
    }
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return error_errno(e, ERROR_CONFIG, "lock the data directory");
        }
        if (clock_steady_ms() >= until) {
            return error_set(e, ERROR_BUSY,
                             "another `postern key` or a start of posternd is at work: try again "
                             "when it is done");
        }
        (void)usleep(LOCK_LOOK_US);
    }
    *lock = TAKE(fd, -1);
    return true;
}
