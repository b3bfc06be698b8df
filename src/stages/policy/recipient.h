/* stages/policy/recipient - what is known of one recipient in the moment in which a letter is decided.
 *
 * The keeper asks for it before (keeper/recipients.h); policy reads it and asks nobody. Zeroed, nothing is known: then no step
 * that wants something is taken. Each fact has a sentence that says why it is so, for the record and for who reads it:
 * plain ASCII, without a full stop, such as "a certificate until 2027-03-01" or "no certificate is known". */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* Whether a method of protecting content can be used for this recipient. */
struct recipient_fact {
    bool usable;
    struct slice why; /* in either case */
    bool later;       /* it is not usable because it could not be looked at now */
    bool
        over; /* nor for as long as a letter waits: the policy comes to its end, without a lower step */
};

/* How well the recipient's domain proves whom one talks to. */
enum recipient_transport {
    TRANSPORT_NONE = 0,    /* it publishes nothing, and nothing is pinned: never `authenticated` */
    TRANSPORT_UNKNOWN = 1, /* it could not be looked up now: nothing speaks against it */
    TRANSPORT_PIN = 2,     /* a certificate or CA is pinned in the settings */
    TRANSPORT_MTA_STS = 3, /* RFC 8461, mode enforce */
    TRANSPORT_DANE = 4,    /* RFC 7672, with usable records */
};

struct recipient_state {
    struct recipient_fact smime;          /* a usable certificate */
    struct recipient_fact openpgp;        /* a usable key */
    struct recipient_fact secret;         /* a password that was agreed on */
    struct recipient_fact smime_signed;   /* the sender's certificate, with which we sign */
    struct recipient_fact openpgp_signed; /* the sender's key */
    enum recipient_transport transport;
    struct slice transport_why;
    bool partly; /* what stays is a part: all else can be taken out */
    struct slice
        uncleaned; /* why a copy whose files say nothing of who made them cannot be had; empty: nothing speaks against it */
};
