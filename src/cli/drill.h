/* cli/drill - a played attack: the offender's half, who signs in and sends as everybody does.
 *
 * The keeper makes the account and says afterwards what came of it (requests/drill.h). Everything between goes through the sockets that are open to
 * all: so what is measured is what a thief would meet. */
#pragma once

#include "cli/cli.h"
#include "cli/options.h"
#include "host/address.h"
#include "host/tls.h"
#include "requests/drill.h"
#include "stages/delivery/session.h"

#define DRILL_NETWORKS_MAX 50

extern const struct argument_option drill_options[];

cli_run cli_drill_stolen_account;

struct drill {
    struct cli *cli;
    struct drill_begin_answer account;
    struct address server;
    bool implicit_tls;
    bool loopback; /* the server is at an IPv4 address: networks can be played */
    struct tls_client *trust;
    struct session_settings settings;
    uint64_t letters; /* to be sent at most */
    uint64_t networks;
    int64_t began_ms;   /* steady clock */
    int64_t sending_ms; /* wall clock, of the first letter to a stranger; 0: none was sent */
    uint64_t taken;     /* letters to strangers */
    bool suspended;     /* it was told so */
    uint64_t number;    /* of letters that were written */
};

/* drill_play.c: one act after the other; what is seen is printed. False when the attack cannot be played at all. */
bool drill_play(struct drill *d, struct error *e) MUST_CHECK;

/* Begin a line with the seconds since the beginning. */
void drill_clock(struct drill *d);

/* drill_letters.c: a letter as a mail program writes it, line ends CRLF; the `number`th of its kind, never the same twice. */
void drill_write_phishing(struct slice from, struct slice to, uint64_t number, struct buf *out);
void drill_write_ordinary(struct slice from, struct slice to, uint64_t number, struct buf *out);

/* The address of the `number`th stranger: at names that can never be anybody's (RFC 2606). */
struct slice drill_stranger(uint64_t number, struct arena *arena);
