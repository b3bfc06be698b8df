/* formats/nsupdate/internal - what the files of formats/nsupdate share. */
#pragma once

#include "formats/nsupdate/nsupdate.h"

#define HEADER_LEN    12
#define WIRE_NAME_MAX 255
#define LABEL_MAX     63

enum { CLASS_IN = 1, CLASS_NONE = 254, CLASS_ANY = 255 };

enum { TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_TSIG = 250 };

enum { OPCODE_QUERY = 0, OPCODE_UPDATE = 5 };

/* The part of a TSIG record that is signed with the message (RFC 8945 section 4.3.3), and its MAC. */
struct tsig {
    uint64_t time_s;
    uint16_t fudge_s;
    uint16_t error;
    struct slice other;
};

/* Append a name in wire form, in lower case; buf->full when it is none. */
void nsupdate_name(struct buf *out, struct slice name);

/* "hmac-sha256" */
struct slice nsupdate_algorithm_name(enum nsupdate_algorithm algorithm);

/**
 * Compute the MAC of a message.
 *
 * @param before   MAC of the question that this answers; empty: it is one
 * @param message  without its TSIG record, with the number of records and the id as they were then
 * @return         its length; 0: it could not be done
 */
size_t nsupdate_mac(const struct nsupdate_key *key, struct slice before, struct slice message,
                    const struct tsig *tsig, uint8_t out[static NSUPDATE_MAC_MAX]);
