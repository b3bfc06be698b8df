/* processes/lives - forked copies of this process that answer questions, one sender's each.
 *
 * For a process that reads what nobody vouches for: a copy that was taken over by one sender's
 * letter never sees another sender's. The copy (a life) has one socket, to us; every question goes
 * through us and is answered exactly once, whatever the life does: it may die, hang, answer without
 * being asked or send nonsense. Only the frame of its packets is looked at here (ipc/packet), never
 * their content, and what passes through is wiped, since the next life is a copy of this memory.
 *
 * One thread. Nobody else in the process may wait for children. */
#pragma once

#include <sys/types.h>

#include "ipc/packet.h"

#define LIVES_MAX     32 /* at once: as many senders as alternate without a fresh start each time */
#define LIVES_TAG_LEN 16 /* bytes that stand for a sender */

struct lives_options {
    /* What a life does: answers what comes on `channel`, until that is closed. First it closes
     * whatever else is open. The process ends when it returns. */
    void (*live)(void *context, int channel);
    void *context;
    unsigned letters_max; /* questions answered in one life */
    int64_t letter_ms;    /* for one question, by the clock on the wall */
    int64_t idle_ms;      /* without questions, then the life ends */
    int stop_fd;          /* readable: give up what is being done; -1: none */
};

struct life {
    pid_t pid; /* 0: none */
    int fd;
    uint8_t sender[LIVES_TAG_LEN];
    unsigned letters;
    int64_t used_at; /* steady clock */
};

struct lives {
    struct lives_options options;
    struct life lives[LIVES_MAX];
};

/* Begin without a life; the options are copied. */
void lives_init(struct lives *l, const struct lives_options *options);

/* End all of them and wait until they have ended. */
void lives_done(struct lives *l);

/* End those that were idle for long. Returns the milliseconds until it is to be called again, -1
 * when there is none. */
int lives_rest(struct lives *l);

/**
 * Put a question to the sender's life, which is begun when there is none.
 *
 * @param ask     as received; its descriptor stays the caller's
 * @param sender  LIVES_TAG_LEN bytes
 * @param arena   holds the answer's body; the caller wipes it with lives_wipe()
 * @param answer  filled on success; its descriptor is the caller's
 * @return        false with ERROR_INPUT: the life ended over this question or took too long, so
 *                asking again would be in vain; ERROR_BUSY: none could be begun, or it is time to
 *                stop
 */
bool lives_ask(struct lives *l, const struct ipc_packet *ask, const uint8_t sender[LIVES_TAG_LEN],
               struct arena *arena, struct ipc_packet *answer, struct error *e) MUST_CHECK;

/* Overwrite a body and close the descriptor. */
void lives_wipe(struct ipc_packet *p);

/* In a life: close our ends of the others' sockets. */
void lives_forked(struct lives *l);

OWN_VALUE(lives, struct lives, lives_done)
