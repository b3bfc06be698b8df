#include "formats/openpgp/seal.h"

#include <stdio.h>

#include "formats/openpgp/internal.h"
#include "formats/openpgp/key.h"
#include "formats/openpgp/packet.h"

/* Each key in an engine of its own first: two files with one fingerprint are not merged into something else. */
static bool add_recipient(rnp_ffi_t ffi, rnp_op_encrypt_t op, struct slice file, int64_t now_s,
                          struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)1 << 20};
    OWN(rnp_key) rnp_key_handle_t key = NULL;
    OWN(rnp_key) rnp_key_handle_t sub = NULL;
    struct openpgp_key read;

    if (!openpgp_key_read(file, now_s, &arena, &read, e) || !openpgp_load(ffi, read.bytes, e)) {
        return false;
    }
    const char *fingerprint = arena_text(&arena, read.fingerprint);
    if (rnp_locate_key(ffi, "fingerprint", fingerprint, &key) != RNP_SUCCESS || !key ||
        openpgp_unusable(key, &sub) || rnp_op_encrypt_add_recipient(op, sub) != RNP_SUCCESS) {
        return error_set(e, ERROR_INPUT, "the OpenPGP library does not encrypt to key %s",
                         fingerprint);
    }
    return true;
}

static bool set_up(rnp_op_encrypt_t op)
{
    return rnp_op_encrypt_set_cipher(op, "AES256") == RNP_SUCCESS &&
           rnp_op_encrypt_set_compression(op, "Uncompressed", 0) == RNP_SUCCESS &&
           rnp_op_encrypt_set_flags(op, RNP_ENCRYPT_NOWRAP) == RNP_SUCCESS &&
           rnp_op_encrypt_set_armor(op, true) == RNP_SUCCESS;
}

bool openpgp_encrypt(const struct slice *keys, size_t n_keys, struct slice packets, int64_t now_s,
                     struct buf *out, struct error *e)
{
    OWN(rnp_ffi) rnp_ffi_t ffi = openpgp_engine(now_s, e);
    OWN(rnp_input) rnp_input_t input = NULL;
    OWN(rnp_output) rnp_output_t output = NULL;
    OWN(rnp_encrypt) rnp_op_encrypt_t op = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;

    if (!ffi) {
        return false;
    }
    if (rnp_input_from_memory(&input, packets.ptr, packets.len, false) != RNP_SUCCESS ||
        rnp_output_to_memory(&output, out->max) != RNP_SUCCESS ||
        rnp_op_encrypt_create(&op, ffi, input, output) != RNP_SUCCESS || !set_up(op)) {
        return error_set(e, ERROR_BUSY, "the OpenPGP library does not encrypt");
    }
    for (size_t i = 0; i < n_keys; i++) {
        if (!add_recipient(ffi, op, keys[i], now_s, e)) {
            return false;
        }
    }
    if (n_keys == 0 || rnp_op_encrypt_execute(op) != RNP_SUCCESS ||
        rnp_output_memory_get_buf(output, &bytes, &len, false) != RNP_SUCCESS) {
        return error_set(e, ERROR_LIMIT, "the OpenPGP library cannot encrypt this letter");
    }
    buf_add(out, slice_of(bytes, len));
    return !out->full || error_set(e, ERROR_LIMIT, "the encrypted letter is too long");
}

static void write_mark(const uint8_t boundary[static OPENPGP_BOUNDARY_LEN],
                       char mark[static 2 * OPENPGP_BOUNDARY_LEN + 1])
{
    for (size_t i = 0; i < OPENPGP_BOUNDARY_LEN; i++) {
        (void)snprintf(mark + 2 * i, 3, "%02x", boundary[i]);
    }
}

void openpgp_mime_begin(struct slice outer, const uint8_t boundary[static OPENPGP_BOUNDARY_LEN],
                        struct buf *out)
{
    char mark[2 * OPENPGP_BOUNDARY_LEN + 1];

    write_mark(boundary, mark);
    buf_add(out, outer);
    buf_printf(out,
               "MIME-Version: 1.0\r\n"
               "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n"
               " boundary=\"=_%s\"\r\n"
               "\r\n"
               "This letter is encrypted with OpenPGP (RFC 3156).\r\n"
               "--=_%s\r\n"
               "Content-Type: application/pgp-encrypted\r\n"
               "Content-Description: PGP/MIME version identification\r\n"
               "\r\n"
               "Version: 1\r\n"
               "\r\n"
               "--=_%s\r\n"
               "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n"
               "Content-Description: OpenPGP encrypted message\r\n"
               "Content-Disposition: inline; filename=\"encrypted.asc\"\r\n"
               "\r\n",
               mark, mark, mark);
}

void openpgp_mime_end(const uint8_t boundary[static OPENPGP_BOUNDARY_LEN], struct buf *out)
{
    char mark[2 * OPENPGP_BOUNDARY_LEN + 1];

    write_mark(boundary, mark);
    buf_printf(out, "\r\n--=_%s--\r\n", mark);
}

void openpgp_signed_begin(struct slice outer, const uint8_t boundary[static OPENPGP_BOUNDARY_LEN],
                          struct buf *out)
{
    char mark[2 * OPENPGP_BOUNDARY_LEN + 1];

    write_mark(boundary, mark);
    buf_add(out, outer);
    buf_printf(out,
               "MIME-Version: 1.0\r\n"
               "Content-Type: multipart/signed; micalg=pgp-sha256;\r\n"
               " protocol=\"application/pgp-signature\";\r\n"
               " boundary=\"=_%s\"\r\n"
               "\r\n"
               "--=_%s\r\n",
               mark, mark);
}

void openpgp_signed_end(struct slice signature, const uint8_t boundary[static OPENPGP_BOUNDARY_LEN],
                        struct buf *out)
{
    char mark[2 * OPENPGP_BOUNDARY_LEN + 1];

    write_mark(boundary, mark);
    buf_printf(out,
               "\r\n--=_%s\r\n"
               "Content-Type: application/pgp-signature; name=\"signature.asc\"\r\n"
               "Content-Description: OpenPGP digital signature\r\n"
               "Content-Disposition: attachment; filename=\"signature.asc\"\r\n"
               "\r\n",
               mark);
    openpgp_armor(OPENPGP_ARMOR_SIGNATURE, signature, out);
    buf_printf(out, "\r\n--=_%s--\r\n", mark);
}
