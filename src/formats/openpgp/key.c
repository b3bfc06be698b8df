#include "formats/openpgp/key.h"

#include "base/buf.h"

#include "formats/openpgp/internal.h"

#define USER_IDS_MAX  64
#define USER_ID_MAX   500 /* bytes */
#define ADDRESS_MAX   254
#define ALGORITHM_MAX 64
#define NEVER         UINT64_MAX
#define SIGNATURES_NOT                                                                             \
    (RNP_KEY_SIGNATURE_INVALID | RNP_KEY_SIGNATURE_UNKNOWN_KEY | RNP_KEY_SIGNATURE_NON_SELF_SIG)

/* ── what a file is ── */

bool openpgp_looks_like_key(struct slice file)
{
    struct slice head = slice_head(file, 4096);

    if (head.len && memmem(head.ptr, head.len, "-----BEGIN PGP ", 15)) {
        return true;
    }
    /* The header of a public or secret key packet, in either format; DER begins with 0x30, PEM with a letter or dash. */
    uint8_t first = file.len ? file.ptr[0] : 0;
    uint8_t tag = first & 0x40 ? first & 0x3f : (first & 0x3c) >> 2;
    return (first & 0x80) && (tag == 5 || tag == 6);
}

static bool is_private(struct slice file)
{
    uint8_t first = file.len ? file.ptr[0] : 0;
    uint8_t tag = first & 0x40 ? first & 0x3f : (first & 0x3c) >> 2;

    return ((first & 0x80) && tag == 5) ||
           (file.len && memmem(file.ptr, file.len, "-----BEGIN PGP PRIVATE KEY", 26));
}

/* ── user IDs ── */

/* "Anna <anna@x.test>" or the address alone; empty when it names none. */
static struct slice address_of(struct slice user_id)
{
    size_t open = user_id.len;
    struct slice a = user_id;

    if (user_id.len && user_id.ptr[user_id.len - 1] == '>') {
        while (open > 0 && user_id.ptr[open - 1] != '<') {
            open--;
        }
        a = slice_of(user_id.ptr + open, user_id.len - open - 1);
    }
    bool sound = a.len > 2 && a.len <= ADDRESS_MAX && slice_is_utf8(a);
    size_t at = slice_find(a, '@');
    for (size_t i = 0; sound && i < a.len; i++) {
        sound = a.ptr[i] > ' ' && a.ptr[i] != 0x7f && a.ptr[i] != '<' && a.ptr[i] != '>' &&
                a.ptr[i] != ',' && a.ptr[i] != '"' && (a.ptr[i] != '@' || i == at);
    }
    return sound && at > 0 && at + 1 < a.len ? a : SLICE_NONE;
}

static struct slice lower(struct slice s, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, s.len + 1);

    for (size_t i = 0; i < s.len; i++) {
        copy[i] = ascii_lower(s.ptr[i]);
    }
    return slice_of(copy, s.len);
}

static bool is_good(rnp_uid_handle_t uid)
{
    bool valid = false;
    bool revoked = true;
    uint32_t type = 0;

    return rnp_uid_get_type(uid, &type) == RNP_SUCCESS && type == RNP_USER_ID &&
           rnp_uid_is_valid(uid, &valid) == RNP_SUCCESS && valid &&
           rnp_uid_is_revoked(uid, &revoked) == RNP_SUCCESS && !revoked;
}

static void take_name(struct openpgp_key *out, struct slice user_id, struct slice *names,
                      struct arena *arena)
{
    struct slice address = address_of(user_id);

    if (out->user_id.len == 0 && slice_is_utf8(user_id)) {
        out->user_id = arena_copy(arena, slice_head(user_id, USER_ID_MAX));
        while (!slice_is_utf8(out->user_id)) {
            out->user_id.len--;
        }
    }
    if (address.len && out->n_names < OPENPGP_NAMES_MAX) {
        names[out->n_names++] = lower(address, arena);
    }
}

/* Take what the valid ones name, and remove the others, pictures among them. */
static void take_user_ids(rnp_key_handle_t key, struct openpgp_key *out, struct arena *arena)
{
    struct slice *names = arena_array(arena, OPENPGP_NAMES_MAX, sizeof(*names));
    size_t n = 0;

    out->names = names;
    (void)rnp_key_get_uid_count(key, &n);
    for (size_t i = 0, seen = 0; i < n && seen < USER_IDS_MAX; seen++) {
        OWN(rnp_uid) rnp_uid_handle_t uid = NULL;
        void *data = NULL;
        size_t size = 0;
        if (rnp_key_get_uid_handle_at(key, i, &uid) != RNP_SUCCESS) {
            return;
        }
        if (is_good(uid) && rnp_uid_get_data(uid, &data, &size) == RNP_SUCCESS) {
            take_name(out, slice_of(data, size), names, arena);
            rnp_buffer_destroy(data);
            i++;
        } else if (rnp_uid_remove(key, uid) == RNP_SUCCESS) {
            n--;
        } else {
            i++;
        }
    }
}

/* ── the whole key ── */

static struct slice algorithm_text(rnp_key_handle_t sub, struct arena *arena)
{
    OWN(rnp_text) char *algorithm = NULL;
    OWN(rnp_text) char *curve = NULL;
    uint32_t bits = 0;

    if (rnp_key_get_alg(sub, &algorithm) != RNP_SUCCESS) {
        return SLICE("?");
    }
    if (rnp_key_get_curve(sub, &curve) == RNP_SUCCESS) {
        return slice_head(arena_printf(arena, "%s %s", algorithm, curve), ALGORITHM_MAX);
    }
    (void)rnp_key_get_bits(sub, &bits);
    return arena_printf(arena, "%s %u", algorithm, bits);
}

/* Without what others certified: that is long, and nothing here believes it. */
static bool export(rnp_key_handle_t key, struct arena *arena, struct slice *out, struct error *e)
{
    OWN(rnp_output) rnp_output_t output = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;

    if (rnp_key_remove_signatures(key, SIGNATURES_NOT, NULL, NULL) != RNP_SUCCESS ||
        rnp_output_to_memory(&output, OPENPGP_FILE_MAX) != RNP_SUCCESS ||
        rnp_key_export(key, output, RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS) !=
            RNP_SUCCESS ||
        rnp_output_memory_get_buf(output, &bytes, &len, false) != RNP_SUCCESS) {
        return error_set(e, ERROR_INPUT, "this OpenPGP key cannot be written again");
    }
    if (len > OPENPGP_KEY_MAX) {
        return error_set(e, ERROR_LIMIT,
                         "the key has %zu bytes without others' signatures, and at most %zu are "
                         "kept: have its holder send one with fewer user IDs and subkeys",
                         len, OPENPGP_KEY_MAX);
    }
    *out = arena_copy(arena, slice_of(bytes, len));
    return true;
}

static bool describe(rnp_key_handle_t key, rnp_key_handle_t sub, struct arena *arena,
                     struct openpgp_key *out, struct error *e)
{
    OWN(rnp_text) char *fingerprint = NULL;
    uint32_t created = 0;
    uint64_t till = 0;
    uint64_t sub_till = 0;

    if (rnp_key_get_fprint(key, &fingerprint) != RNP_SUCCESS ||
        rnp_key_get_creation(key, &created) != RNP_SUCCESS ||
        rnp_key_valid_till64(key, &till) != RNP_SUCCESS ||
        rnp_key_valid_till64(sub, &sub_till) != RNP_SUCCESS) {
        return error_set(e, ERROR_INPUT, "this OpenPGP key cannot be described");
    }
    till = sub_till < till ? sub_till : till;
    *out = (struct openpgp_key){
        .fingerprint = lower(slice_text(fingerprint), arena),
        .algorithm = algorithm_text(sub, arena),
        .created_ms = (uint64_t)created * 1000,
        .ends_ms = till == NEVER || till > UINT64_MAX / 1000 ? 0 : till * 1000,
    };
    take_user_ids(key, out, arena);
    if (out->user_id.len == 0) {
        return error_set(e, ERROR_INPUT,
                         "this OpenPGP key cannot be used: it has no valid user ID");
    }
    return export(key, arena, &out->bytes, e);
}

/* What a walk over the keys of a file found. */
struct walk {
    size_t keys;
    size_t usable;
    const char *why; /* of the last that is not */
    char fingerprint[80];
};

static bool look(rnp_ffi_t ffi, const char *fingerprint, struct walk *w)
{
    OWN(rnp_key) rnp_key_handle_t key = NULL;
    OWN(rnp_key) rnp_key_handle_t sub = NULL;
    bool primary = false;

    if (rnp_locate_key(ffi, "fingerprint", fingerprint, &key) != RNP_SUCCESS || !key ||
        rnp_key_is_primary(key, &primary) != RNP_SUCCESS || !primary) {
        return true;
    }
    w->keys++;
    const char *why = openpgp_unusable(key, &sub);
    if (why) {
        w->why = why;
    } else {
        w->usable++;
        (void)snprintf(w->fingerprint, sizeof(w->fingerprint), "%s", fingerprint);
    }
    return w->keys < OPENPGP_KEYS_MAX;
}

static bool walk_keys(rnp_ffi_t ffi, struct walk *w, struct error *e)
{
    rnp_identifier_iterator_t it = NULL;
    const char *fingerprint = NULL;

    if (rnp_identifier_iterator_create(ffi, &it, "fingerprint") != RNP_SUCCESS) {
        return error_set(e, ERROR_BUSY, "the OpenPGP library lists no keys");
    }
    while (rnp_identifier_iterator_next(it, &fingerprint) == RNP_SUCCESS && fingerprint &&
           look(ffi, fingerprint, w)) {
    }
    (void)rnp_identifier_iterator_destroy(it);
    if (w->usable == 1) {
        return true;
    }
    if (w->usable > 1) {
        return error_set(e, ERROR_INPUT,
                         "there are %zu usable keys in this file: give one alone, `gpg --export "
                         "FINGERPRINT`",
                         w->usable);
    }
    if (w->keys == 0) {
        return error_set(e, ERROR_INPUT,
                         "there is no OpenPGP key of version 4 in this that can be read");
    }
    return error_set(e, ERROR_INPUT, "this OpenPGP key cannot be used: %s", w->why);
}

bool openpgp_key_read(struct slice file, int64_t now_s, struct arena *arena,
                      struct openpgp_key *out, struct error *e)
{
    struct walk w = {0};
    OWN(rnp_key) rnp_key_handle_t key = NULL;
    OWN(rnp_key) rnp_key_handle_t sub = NULL;

    if (file.len > OPENPGP_FILE_MAX) {
        return error_set(e, ERROR_LIMIT, "a file with keys may have 256 KB");
    }
    if (is_private(file)) {
        return error_set(e, ERROR_INPUT,
                         "this is a private key, which nobody should hand out: export the public "
                         "one, `gpg --armor --export ADDRESS`");
    }
    OWN(rnp_ffi) rnp_ffi_t ffi = openpgp_engine(now_s, e);
    if (!ffi || !openpgp_load(ffi, file, e) || !walk_keys(ffi, &w, e)) {
        return false;
    }
    if (rnp_locate_key(ffi, "fingerprint", w.fingerprint, &key) != RNP_SUCCESS || !key ||
        openpgp_unusable(key, &sub)) {
        return error_set(e, ERROR_BUSY, "the OpenPGP library lost a key");
    }
    return describe(key, sub, arena, out, e);
}
