/* processes/control - what supervisor and role tell each other over the control channel.
 *
 * One-way packets of ipc/packet, in this order:
 *
 *     supervisor -> role   SETUP, GIVE*, START, then PEER, GIVE* RELOAD, PING, TELL, TOLD, STOP at any time
 *     role -> supervisor   READY once, then ALIVE for each PING, ALERT, TOLD
 *
 * Nothing of these is answered, so neither side ever waits for the other. A role whose row says `links` also sends WANT, and
 * gets a LINK for it (processes/links); the supervisor makes that at once or not at all. One whose row says `runs` also sends RUN,
 * and gets RAN for it when the program has ended. */
#pragma once

#include "base/arena.h"

#include "config/config.h"
#include "formats/cbor/cbor.h"
#include "ipc/packet.h"

#define CONTROL_NAME_MAX     64
#define CONTROL_KEYS_MAX     512 /* with former ones */
#define CONTROL_SENTENCE_MAX ERROR_TEXT_MAX
#define CONTROL_ARENA_MAX    ((size_t)4 << 20) /* bytes for one packet and what it is read into */

enum control_verb {
    CONTROL_SETUP = 1,
    CONTROL_GIVE = 2, /* one descriptor */
    CONTROL_START = 3,
    CONTROL_PEER = 4, /* the end of a channel to another role */
    CONTROL_RELOAD = 5,
    CONTROL_STOP = 6,
    CONTROL_PING = 7,
    CONTROL_READY = 8,
    CONTROL_ALIVE = 9,
    CONTROL_ALERT = 10,
    CONTROL_TELL = 11, /* an alarm that was raised, for the role that tells it outside */
    CONTROL_WANT = 12, /* a connection */
    CONTROL_LINK = 13, /* it, as a descriptor; or why not */
    CONTROL_TOLD = 14, /* what became of that, or of the operator's program */
    CONTROL_RUN = 15,  /* the program that tells a password, see processes/telling */
    CONTROL_RAN = 16,  /* what became of it */
};

struct control_key {
    struct slice label;
    struct slice key;
};

/* CONTROL_SETUP */
struct control_setup {
    struct slice config; /* the file's bytes: each role reads its settings itself */
    struct slice config_name;
    struct slice data; /* path of the data directory */
    uint64_t uid;      /* 0: stay who we are, not being root */
    uint64_t gid;
    uint64_t instance;
    struct cbor_list
        keys; /* struct control_key; of one label the present one first, then former ones */
    uint64_t generation; /* of the master key, and what else struct role_master says */
    uint64_t kept;
    uint64_t since_ms;
    uint64_t owner;
    uint64_t formers;
};

enum control_kind {
    CONTROL_DIRECTORY = 1,
    CONTROL_FILE = 2, /* sealed memory file with the content */
    CONTROL_SOCKET = 3,
    CONTROL_ROOT = 4, /* what becomes "/" */
};

/* CONTROL_GIVE, with a descriptor */
struct control_give {
    uint64_t kind;
    struct slice name;
};

/* CONTROL_PEER, with a descriptor */
struct control_peer {
    struct slice role;
    bool asks; /* this process asks; otherwise it is asked */
};

/* CONTROL_RELOAD: the files given since the last one belong to it */
struct control_reload {
    struct slice config;
};

/* CONTROL_ALERT */
struct control_alert {
    struct slice event;
    struct slice sentence;
};

/* CONTROL_TELL */
struct control_tell {
    struct slice from; /* the process that raised it */
    struct slice event;
    struct slice sentence;
};

/* CONTROL_TOLD */
struct control_told {
    struct slice event;
    struct slice way; /* "command", "webhook" */
    struct slice sentence;
    bool done;
};

/* CONTROL_WANT */
struct control_want {
    uint64_t number; /* of the question */
    uint64_t place;  /* enum link_place */
};

/* CONTROL_LINK */
struct control_link {
    uint64_t number;
    uint64_t failed; /* enum error_kind; 0: there is a descriptor */
    struct slice reason;
};

/* CONTROL_RUN */
struct control_run {
    uint64_t number; /* of the question */
    struct slice telephone;
    struct slice password;
    struct slice letter; /* its id, as people read it */
};

/* CONTROL_RAN */
struct control_ran {
    uint64_t number;
    uint64_t told; /* enum secret_told */
};

extern const struct cbor_schema control_run_schema;
extern const struct cbor_schema control_ran_schema;
extern const struct cbor_schema control_want_schema;
extern const struct cbor_schema control_link_schema;
extern const struct cbor_schema control_told_schema;
extern const struct cbor_schema control_setup_schema;
extern const struct cbor_schema control_give_schema;
extern const struct cbor_schema control_peer_schema;
extern const struct cbor_schema control_reload_schema;
extern const struct cbor_schema control_alert_schema;
extern const struct cbor_schema control_tell_schema;

/* Send one packet; schema NULL: no body. fd stays the caller's, -1: none. ERROR_BUSY when the
 * other side is gone or does not read. */
bool control_send(int channel, enum control_verb verb, const struct cbor_schema *schema,
                  const void *value, int fd, struct error *e) MUST_CHECK;

/* Read a received packet's body; ERROR_INPUT when it is not what its verb says. */
bool control_read(const struct ipc_packet *p, const struct cbor_schema *schema, struct arena *arena,
                  void *value, struct error *e) MUST_CHECK;
