/* stages/intake/pull - fetch the letters of one mailbox at a provider (IMAP) and hand them to the keeper.
 *
 * A session is one signed-in connection; TLS and a certificate that convinces are not negotiable. What
 * the server says is bounded, and believed as far as its own letters go: it can lie about those. One
 * letter that it does not give, gives twice or too long stops no other. One thread's. */
#pragma once

#include "base/buf.h"

#include "config/settings.h"
#include "formats/imap/imap.h"
#include "host/conn.h"
#include "ipc/pool.h"
#include "requests/keeper.h"

#define PULL_ADDRESSES_MAX 8
#define PULL_FOLDERS_MAX   64 /* of one mailbox */

/* How a session is opened; everything stays the caller's and lives as long. */
struct pull_target {
    const struct pull_settings *settings;
    struct slice mailbox;
    struct slice secret; /* password or token */
    const struct address *addresses;
    size_t n_addresses;
    struct tls_client *trust;
    int64_t timeout_ms; /* for each answer */
};

struct pull_session {
    struct conn *conn;
    struct imap_reader *reader;
    struct buf in;
    struct slice unread;
    struct buf out;
    uint32_t tag; /* of the last command */
    unsigned capabilities;
    int64_t timeout_ms;
    int64_t until_ms; /* whatever the server says, the last command's answers end by then */
};

/* Connect and sign in. ERROR_BUSY: not reached, or not now; ERROR_DENIED: certificate or sign-in are
 * refused. */
bool pull_open(const struct pull_target *target, struct pull_session *s,
               struct error *e) MUST_CHECK;

/* Say good-bye, or not when the connection is broken; free. A zeroed session is fine. */
void pull_close(struct pull_session *s, bool kindly);

/* Send what is in s->out. */
bool pull_send(struct pull_session *s, struct error *e) MUST_CHECK;

/* Wait for the next response or run of a letter; never IMAP_MORE or IMAP_BROKEN, nor BYE. */
bool pull_next(struct pull_session *s, enum imap_got *got, struct slice *run,
               struct imap_response *r, struct error *e) MUST_CHECK;

/* The names on the wire of the folders that are to be read, from the arena. ERROR_INPUT when there is none. */
bool pull_folders(struct pull_session *s, const struct pull_settings *settings, struct arena *arena,
                  struct slice *names, size_t *count, struct error *e) MUST_CHECK;

/* One mailbox's counts, added up. */
struct pull_counts {
    uint64_t taken;
    uint64_t known;
    uint64_t failed;
};

/**
 * Take everything of a mailbox that was not taken before.
 *
 * @param target  to open a session, and others when a server hangs up over a letter
 * @param keeper  asked for tickets, told the letters
 * @param counts  added to as the keeper answers, also when false comes back
 * @return        false when the mailbox could not be read to its end: what was taken is recorded, and the
 *                next pull goes on there
 */
bool pull_mailbox(const struct pull_target *target, struct ipc_pool *keeper,
                  struct pull_counts *counts, struct error *e) MUST_CHECK;

/* pull_mailbox() for one folder, with *s open (or zeroed, when it broke and could not be opened again). */
bool pull_folder(const struct pull_target *target, struct ipc_pool *keeper, struct slice wire_name,
                 struct pull_session *s, struct pull_counts *counts, struct error *e) MUST_CHECK;
