/* formats/openpgp/internal - librnp's handles as variables that release themselves, and how an engine is set up. */
#pragma once

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>

#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

#define OPENPGP_RSA_BITS_MIN 2048
#define OPENPGP_RSA_BITS_MAX 8192

static inline void openpgp_ffi_end(rnp_ffi_t ffi)
{
    (void)rnp_ffi_destroy(ffi);
}

static inline void openpgp_input_end(rnp_input_t input)
{
    (void)rnp_input_destroy(input);
}

static inline void openpgp_output_end(rnp_output_t output)
{
    (void)rnp_output_destroy(output);
}

static inline void openpgp_key_end(rnp_key_handle_t key)
{
    (void)rnp_key_handle_destroy(key);
}

static inline void openpgp_uid_end(rnp_uid_handle_t uid)
{
    (void)rnp_uid_handle_destroy(uid);
}

static inline void openpgp_signature_end(rnp_signature_handle_t s)
{
    (void)rnp_signature_handle_destroy(s);
}

static inline void openpgp_encrypt_end(rnp_op_encrypt_t op)
{
    (void)rnp_op_encrypt_destroy(op);
}

OWN_BY(rnp_ffi, struct rnp_ffi_st, openpgp_ffi_end)
OWN_BY(rnp_input, struct rnp_input_st, openpgp_input_end)
OWN_BY(rnp_output, struct rnp_output_st, openpgp_output_end)
OWN_BY(rnp_key, struct rnp_key_handle_st, openpgp_key_end)
OWN_BY(rnp_uid, struct rnp_uid_handle_st, openpgp_uid_end)
OWN_BY(rnp_signature, struct rnp_signature_handle_st, openpgp_signature_end)
OWN_BY(rnp_encrypt, struct rnp_op_encrypt_st, openpgp_encrypt_end)

static inline void openpgp_text_end(char *text)
{
    rnp_buffer_destroy(text);
}

OWN_BY(rnp_text, char, openpgp_text_end)

/* An engine that trusts no MD5 and no SHA-1, as of `now_s`; NULL with ERROR_BUSY. */
rnp_ffi_t openpgp_engine(int64_t now_s, struct error *e) MUST_CHECK;

/* Put the keys of a file into an engine. ERROR_INPUT when it cannot be read. */
bool openpgp_load(rnp_ffi_t ffi, struct slice file, struct error *e) MUST_CHECK;

/* Why a key in the engine cannot be encrypted to; NULL when it can: then *sub is what to encrypt with, the caller's. */
const char *openpgp_unusable(rnp_key_handle_t key, rnp_key_handle_t *sub);
