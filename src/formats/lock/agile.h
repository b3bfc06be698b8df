/* formats/lock/agile - a document of Office under a password: ECMA-376 agile encryption (MS-OFFCRYPTO 2.3.4.10).
 *
 * AES-256 in CBC mode, SHA-512, 100,000 rounds over the password, as Office writes it; the integrity of the
 * document is protected by HMAC. Word, Excel, PowerPoint and LibreOffice ask for the password. The whole file
 * goes in as it is and comes out as it was. Pure but for random numbers. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define AGILE_ROUNDS 100000

/**
 * Append the encrypted document to `out`.
 *
 * @param document  DOCX, XLSX or PPTX, any bytes
 * @param password  as lock_password_sound() wants it
 * @return          false with ERROR_LIMIT when it does not fit, ERROR_BUSY when OpenSSL fails
 */
bool agile_encrypt(struct slice document, struct slice password, struct buf *out,
                   struct error *e) MUST_CHECK;
