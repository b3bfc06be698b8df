/* The engine of one question: made, told what not to trust, given keys, asked whether they are good. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#include "formats/openpgp/internal.h"
#include "formats/openpgp/key.h"

#define SUBKEYS_MAX    64 /* of a key that are looked at */
#define SIGNATURES_MAX 64

rnp_ffi_t openpgp_engine(int64_t now_s, struct error *e)
{
    static const char *const weak[] = {"MD5", "SHA1", "RIPEMD160"};
    OWN(rnp_ffi) rnp_ffi_t ffi = NULL;

    bool made = rnp_ffi_create(&ffi, "GPG", "GPG") == RNP_SUCCESS &&
                rnp_set_timestamp(ffi, (uint64_t)now_s) == RNP_SUCCESS;
    for (size_t i = 0; made && i < sizeof(weak) / sizeof(weak[0]); i++) {
        made = rnp_add_security_rule(ffi, RNP_FEATURE_HASH_ALG, weak[i], RNP_SECURITY_OVERRIDE, 0,
                                     RNP_SECURITY_INSECURE) == RNP_SUCCESS;
    }
    if (!made) {
        (void)error_set(e, ERROR_BUSY, "the OpenPGP library cannot be set up");
        return NULL;
    }
    return TAKE(ffi, NULL);
}

void openpgp_init(void)
{
    FILE *nowhere = fopen("/dev/null", "we");
    struct error e;

    if (nowhere) {
        stderr = nowhere; /* as glibc allows: Debian's librnp tells there what it thinks of a key */
    }
    rnp_ffi_t ffi = openpgp_engine(clock_wall_ms() / 1000, &e);
    if (ffi) {
        openpgp_ffi_end(ffi);
    }
}

bool openpgp_load(rnp_ffi_t ffi, struct slice file, struct error *e)
{
    OWN(rnp_input) rnp_input_t input = NULL;
    OWN(rnp_text) char *results = NULL;

    if (file.len == 0 || rnp_input_from_memory(&input, file.ptr, file.len, false) != RNP_SUCCESS ||
        rnp_import_keys(ffi, input, RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_PERMISSIVE,
                        &results) != RNP_SUCCESS) {
        return error_set(e, ERROR_INPUT, "this is no OpenPGP key that can be read");
    }
    return true;
}

/* ── is it good? ── */

static bool is_weak(rnp_signature_handle_t s)
{
    OWN(rnp_text) char *hash = NULL;

    return rnp_signature_get_hash_alg(s, &hash) == RNP_SUCCESS && hash &&
           (strcmp(hash, "MD5") == 0 || strcmp(hash, "SHA1") == 0 ||
            strcmp(hash, "RIPEMD160") == 0);
}

/* Whether the newest thing that binds a user ID or subkey was made with a weak hash: for the sentence alone. */
static bool uid_is_weak(rnp_key_handle_t key)
{
    OWN(rnp_uid) rnp_uid_handle_t uid = NULL;
    size_t n = 0;
    bool weak = false;

    if (rnp_key_get_uid_handle_at(key, 0, &uid) != RNP_SUCCESS ||
        rnp_uid_get_signature_count(uid, &n) != RNP_SUCCESS) {
        return false;
    }
    for (size_t i = 0; i < n && i < SIGNATURES_MAX && !weak; i++) {
        OWN(rnp_signature) rnp_signature_handle_t s = NULL;
        weak = rnp_uid_get_signature_at(uid, i, &s) == RNP_SUCCESS && is_weak(s);
    }
    return weak;
}

static bool subkey_is_weak(rnp_key_handle_t sub)
{
    size_t n = 0;
    bool weak = false;

    if (rnp_key_get_signature_count(sub, &n) != RNP_SUCCESS) {
        return false;
    }
    for (size_t i = 0; i < n && i < SIGNATURES_MAX && !weak; i++) {
        OWN(rnp_signature) rnp_signature_handle_t s = NULL;
        weak = rnp_key_get_signature_at(sub, i, &s) == RNP_SUCCESS && is_weak(s);
    }
    return weak;
}

static bool says(rnp_result_t ask(rnp_key_handle_t, bool *), rnp_key_handle_t key)
{
    bool yes = false;

    return ask(key, &yes) == RNP_SUCCESS && yes;
}

/* What is wrong with a key's algorithm, or NULL. Of ElGamal nobody can see whether its group is sound (a small
 * subgroup gives the letter away), and RFC 9580 section 9.1 has done with it. */
static const char *algorithm_why(rnp_key_handle_t key)
{
    OWN(rnp_text) char *algorithm = NULL;
    uint32_t bits = 0;

    if (rnp_key_get_alg(key, &algorithm) != RNP_SUCCESS || !algorithm ||
        rnp_key_get_bits(key, &bits) != RNP_SUCCESS) {
        return "its algorithm is not known here";
    }
    if (strcmp(algorithm, "ELGAMAL") == 0) {
        return "it encrypts with ElGamal, which is out of use";
    }
    if (strcmp(algorithm, "RSA") != 0 && strcmp(algorithm, "DSA") != 0) {
        return NULL;
    }
    if (bits < OPENPGP_RSA_BITS_MIN) {
        return "it is shorter than 2048 bits";
    }
    return bits > OPENPGP_RSA_BITS_MAX ? "it is longer than 8192 bits, which few programs read"
                                       : NULL;
}

/* Of the subkeys of a key without one that encrypts: what is wrong with the last of them. */
static const char *subkeys_why(rnp_key_handle_t key)
{
    const char *why = "it has no key to encrypt with";
    size_t n = 0;

    (void)rnp_key_get_subkey_count(key, &n);
    for (size_t i = 0; i < n && i < SUBKEYS_MAX; i++) {
        OWN(rnp_key) rnp_key_handle_t sub = NULL;
        bool encrypts = false;
        if (rnp_key_get_subkey_at(key, i, &sub) != RNP_SUCCESS) {
            continue;
        }
        if (says(rnp_key_is_revoked, sub)) {
            why = "what it encrypts with was revoked";
        } else if (says(rnp_key_is_expired, sub)) {
            why = "what it encrypts with has expired";
        } else if (subkey_is_weak(sub)) {
            why = "what it encrypts with is bound by MD5 or SHA-1 alone, which can be forged";
        } else if (rnp_key_allows_usage(sub, "encrypt", &encrypts) == RNP_SUCCESS && encrypts) {
            why = "what it encrypts with is not bound by a valid signature";
        }
    }
    return why;
}

static const char *primary_why(rnp_key_handle_t key)
{
    if (says(rnp_key_is_revoked, key)) {
        return "it was revoked";
    }
    if (says(rnp_key_is_expired, key)) {
        return "it has expired";
    }
    if (!says(rnp_key_is_valid, key)) {
        return uid_is_weak(key) ? "it is bound by MD5 or SHA-1 alone, which can be forged"
                                : "it has no valid signature of its own";
    }
    return algorithm_why(key);
}

const char *openpgp_unusable(rnp_key_handle_t key, rnp_key_handle_t *sub)
{
    const char *why = primary_why(key);
    OWN(rnp_key) rnp_key_handle_t found = NULL;

    if (why) {
        return why;
    }
    if (rnp_key_get_default_key(key, "encrypt", 0, &found) != RNP_SUCCESS || !found) {
        return subkeys_why(key);
    }
    if (!says(rnp_key_is_valid, found) || says(rnp_key_is_revoked, found) ||
        says(rnp_key_is_expired, found)) {
        return subkeys_why(key);
    }
    why = algorithm_why(found);
    if (why) {
        return why;
    }
    *sub = TAKE(found, NULL);
    return NULL;
}
