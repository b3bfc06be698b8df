/* cli/sign_ins - the file in which a person's passes wait for the next command.
 *
 * One line for each account that is signed in, the last one first: 64 hexadecimal digits, a blank,
 * the account. Pure: bytes in, bytes out; whose file it is, sign_in.c sees to. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#define SIGN_INS_PASS_LEN 32
#define SIGN_INS_MAX      16             /* accounts; older ones are forgotten */
#define SIGN_INS_BYTES    ((size_t)8192) /* of the file */

struct kept_pass {
    struct slice account; /* looks into the file */
    uint8_t pass[SIGN_INS_PASS_LEN];
};

/* The line of an account, or the first when `account` is empty. False when there is none; lines that
 * are none are passed over. */
bool sign_ins_find(struct slice file, struct slice account, struct kept_pass *out);

/* Write the file with this one first, instead of what there was of the same account. */
void sign_ins_put(struct slice file, const struct kept_pass *added, struct buf *out);

/* Write the file without this account. */
void sign_ins_drop(struct slice file, struct slice account, struct buf *out);
