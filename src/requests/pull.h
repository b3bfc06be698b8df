/* requests/pull - what the process that fetches letters from providers (pull) may ask of the keeper, and
 * what people may about it. Besides this it may ask keeper_import, for the tickets it gets here. */
#pragma once

#include "ipc/ipc.h"
#include "requests/keeper.h"

#define PULLS_MAX 10000

/* keeper_pull_next: wait until a [pull] section is due, and take it. What this worker took before is given
 * back: it asks for the next one only when it has none in hand, whatever became of an answer. */
struct keeper_pull_next_ask {
    uint64_t wait_ms;
    bool fresh;      /* the process has just begun: nothing is in hand, and nothing is taken yet */
    uint64_t life;   /* of the process, drawn at random: questions of one that died get nothing */
    uint64_t worker; /* which of its threads asks, from 1 */
};

struct keeper_pull_next_answer {
    struct slice name; /* of the section; empty: nothing was due in time */
};

extern const struct ipc_message keeper_pull_next;

/* keeper_pull_begin: letters of this folder come now. ERROR_DENIED when the settings name no such pull or
 * mailbox: who they belong to is the settings' word and not the process's. */
struct keeper_pull_begin_ask {
    struct slice pull;
    struct slice mailbox;
    struct slice folder; /* UTF-8 */
    uint64_t uid_validity;
};

struct keeper_pull_begin_answer {
    struct slice ticket;
    uint64_t uid; /* up to which everything is taken or reported; 0: nothing is */
    struct import_counts counts;
};

extern const struct ipc_message keeper_pull_begin;

/* keeper_journal_begin: from journal. Letters of the journal come now, under this ticket. */
struct keeper_journal_begin_answer {
    struct slice ticket;
};

extern const struct ipc_message keeper_journal_begin;

/* keeper_pull_done: the section is through, until it is due again. */
struct keeper_pull_done_ask {
    struct slice pull;
    uint64_t mailboxes; /* that were read */
    uint64_t broken;    /* and that could not be */
    uint64_t taken;
    uint64_t known;
    uint64_t failed;     /* letters that could not be taken */
    struct slice reason; /* of the first broken mailbox */
    uint64_t life;       /* whose it was, as in keeper_pull_next_ask */
    uint64_t worker;
};

extern const struct ipc_message keeper_pull_done;

/* admin_pulls: what they are doing. */
struct admin_pull {
    struct slice name;
    struct slice host;
    uint64_t mailboxes;
    bool running;
    uint64_t next_at; /* wall milliseconds; 0: now */
    uint64_t last_at; /* of the last one's end; 0: none ended since the start */
    struct keeper_pull_done_ask last;
};

struct admin_pulls_answer {
    struct cbor_list pulls; /* struct admin_pull, in the order of the file */
};

extern const struct ipc_message admin_pulls;

/* admin_pull_now: have one begin at once; one that runs begins again behind that. */
struct admin_pull_now_ask {
    struct slice name;
};

extern const struct ipc_message admin_pull_now;
