#include "keyring/master_form.h"

#include "keyring/digest.h"
#include "keyring/internal.h"

/* Version 1 is the first key of an archive as it is: WORD, "1 ", key, check. Version 2 says generation and
 * way of keeping. The check is no authenticator, it catches a damaged or mistyped file before everything sealed
 * under the key looks damaged instead. */
#define WORD      "postern-master-key "
#define KEY_TEXT  ((size_t)2 * KEYRING_KEY_LEN)
#define CHECK_LEN 8

void master_form_done(struct master_form *f)
{
    secret_free(f->key);
    explicit_bzero(f, sizeof(*f));
}

static void check_of(struct slice before, struct slice key, uint8_t check[static CHECK_LEN])
{
    uint8_t digest[DIGEST_LEN];
    OWN(digest) struct digest *d = digest_new();

    digest_add(d, SLICE("postern master key check"));
    digest_add(d, before);
    digest_add(d, key);
    digest_end(d, digest);
    (void)memcpy(check, digest, CHECK_LEN);
}

static bool damaged(struct error *e, const char *what)
{
    return error_set(e, ERROR_CORRUPT, "damaged: %s", what);
}

/* The next word; the rest of the line behind it. */
static struct slice word(struct slice *rest)
{
    return slice_cut(*rest, ' ', rest);
}

static bool read_plain(struct slice before, struct slice rest, struct master_form *f,
                       struct error *e)
{
    uint8_t check[CHECK_LEN];
    uint8_t wanted[CHECK_LEN];

    OWN(secret) struct secret *key = secret_new(KEYRING_KEY_LEN);
    if (!keyring_unhex(word(&rest), key->ptr, key->len) ||
        !keyring_unhex(rest, wanted, sizeof(wanted))) {
        return damaged(e, "key and check are not hexadecimal of their lengths");
    }
    check_of(before, secret_slice(key), check);
    if (!secret_equal(SLICE_ARRAY(check), SLICE_ARRAY(wanted))) {
        return damaged(e, "the check does not fit the key");
    }
    f->kept = MASTER_FILE;
    f->key = TAKE(key, NULL);
    return true;
}

static bool read_number(struct slice text, uint64_t min, uint64_t max, uint64_t *out)
{
    return text.len && slice_decimal(text, max, out) && *out >= min;
}

static bool read_sealed(struct slice line, struct slice rest, struct master_form *f,
                        struct error *e)
{
    f->context = slice_head(line, line.len - rest.len);
    return keyring_unhex(rest, f->sealed, sizeof(f->sealed)) || damaged(e, "what is sealed");
}

static bool read_passphrase(struct slice line, struct slice rest, struct master_form *f,
                            struct error *e)
{
    uint64_t passes = 0;
    uint64_t kib = 0;

    f->kept = MASTER_PASSPHRASE;
    if (!slice_equal(word(&rest), SLICE("argon2id"))) {
        return error_set(e, ERROR_CONFIG, "written by a newer version of Postern");
    }
    if (!read_number(word(&rest), 1, MASTER_PASSES_MAX, &passes) ||
        !read_number(word(&rest), MASTER_KIB_MIN, MASTER_KIB_MAX, &kib) ||
        !keyring_unhex(word(&rest), f->salt, sizeof(f->salt))) {
        return damaged(e, "the passphrase's parameters");
    }
    f->passes = (uint32_t)passes;
    f->kib = (uint32_t)kib;
    return read_sealed(line, rest, f, e);
}

static bool read_token(struct slice line, struct slice rest, struct master_form *f, struct error *e)
{
    struct slice uri = word(&rest);
    struct slice wrapped = word(&rest);

    f->kept = MASTER_TOKEN;
    if (uri.len == 0 || uri.len > MASTER_URI_MAX || !slice_is_ascii(uri) ||
        memchr(uri.ptr, 0, uri.len)) {
        return damaged(e, "the token's name");
    }
    (void)memcpy(f->uri, uri.ptr, uri.len);
    f->wrapped_len = wrapped.len / 2;
    if (f->wrapped_len == 0 || f->wrapped_len > sizeof(f->wrapped) ||
        !keyring_unhex(wrapped, f->wrapped, f->wrapped_len)) {
        return damaged(e, "what the token opens");
    }
    return read_sealed(line, rest, f, e);
}

static bool read_kept(struct slice line, struct slice rest, struct master_form *f, struct error *e)
{
    struct slice kept = word(&rest);

    if (slice_equal(kept, SLICE("file"))) {
        return read_plain(slice_head(line, line.len - rest.len), rest, f, e);
    }
    if (slice_equal(kept, SLICE("passphrase"))) {
        return read_passphrase(line, rest, f, e);
    }
    if (slice_equal(kept, SLICE("pkcs11"))) {
        return read_token(line, rest, f, e);
    }
    return error_set(e, ERROR_CONFIG, "written by a newer version of Postern");
}

bool master_form_read(struct slice line, struct master_form *f, struct error *e)
{
    OWN(master_form) struct master_form read = {.generation = 1};
    bool ok = false;

    if (!slice_starts(line, SLICE(WORD))) {
        return error_set(e, ERROR_CORRUPT, "not a master key file");
    }
    if (line.len > MASTER_LINE_MAX || line.ptr[line.len - 1] != '\n') {
        return damaged(e, "wrong length");
    }
    line.len--;
    struct slice rest = slice_from(line, sizeof(WORD) - 1);
    struct slice version = word(&rest);
    if (slice_equal(version, SLICE("1"))) {
        ok = read_plain(SLICE_NONE, rest, &read, e);
    } else if (!slice_equal(version, SLICE("2"))) {
        return error_set(e, ERROR_CONFIG, "written by a newer version of Postern");
    } else if (!read_number(word(&rest), 1, MASTER_GENERATION_MAX, &read.generation)) {
        return damaged(e, "its generation");
    } else {
        ok = read_kept(line, rest, &read, e);
    }
    if (ok) {
        *f = read;
        read = (struct master_form){0};
    }
    return ok;
}

static void add_hex(struct buf *out, struct slice s)
{
    uint8_t *room = buf_room(out, 2 * s.len);

    if (room) {
        keyring_hex(s, (char *)room);
        out->len += 2 * s.len;
    }
}

static void add_plain(const struct master_form *f, struct slice before, struct buf *out)
{
    uint8_t check[CHECK_LEN];

    check_of(before, secret_slice(f->key), check);
    add_hex(out, secret_slice(f->key));
    buf_add_byte(out, ' ');
    add_hex(out, SLICE_ARRAY(check));
    buf_add_byte(out, '\n');
}

void master_form_begin(struct master_form *f, struct buf *out)
{
    if (f->kept == MASTER_FILE && f->generation == 1) {
        buf_add_text(out, WORD "1 ");
        add_plain(f, SLICE_NONE, out);
        return;
    }
    buf_printf(out, WORD "2 %llu ", (unsigned long long)f->generation);
    switch (f->kept) {
    case MASTER_FILE:
        buf_add_text(out, "file ");
        add_plain(f, buf_slice(out), out);
        return;
    case MASTER_PASSPHRASE:
        buf_printf(out, "passphrase argon2id %u %u ", f->passes, f->kib);
        add_hex(out, SLICE_ARRAY(f->salt));
        break;
    case MASTER_TOKEN:
        buf_printf(out, "pkcs11 %s ", f->uri);
        add_hex(out, slice_of(f->wrapped, f->wrapped_len));
        break;
    }
    buf_add_byte(out, ' ');
    f->context = buf_slice(out);
}

void master_form_end(const struct master_form *f, struct buf *out)
{
    if (f->kept != MASTER_FILE) {
        add_hex(out, SLICE_ARRAY(f->sealed));
        buf_add_byte(out, '\n');
    }
}
