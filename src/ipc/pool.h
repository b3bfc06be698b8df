/* ipc/pool - the asking end: a set of channels to one peer, from which a call takes a free one.
 *
 *     struct submit_letter_answer answer;
 *     if (!ipc_call(keeper, &submit_letter, &ask, letter_fd, &answer, NULL, &arena, 30000, e)) {
 *         return false;
 *     }
 *
 * Channels come at run time (the supervisor hands out new ones when the peer was restarted) and go
 * when the peer dies. A call whose deadline passes leaves its channel owing an answer; the channel
 * is used again once that answer has come and was thrown away. Thread-safe. */
#pragma once

#include "ipc/ipc.h"

#define IPC_POOL_MAX 64 /* channels */

struct ipc_pool;

/* An empty pool; `peer` names it in sentences and outlives it. */
struct ipc_pool *ipc_pool_new(const char *peer) __attribute__((returns_nonnull));

/* Close all channels. Nobody may be in a call. NULL is fine. */
void ipc_pool_free(struct ipc_pool *p);

/* Take over a channel. Beyond IPC_POOL_MAX that are alive it is closed at once. */
void ipc_pool_add(struct ipc_pool *p, int channel);

/* No channel comes any more: a call fails at once when none is alive, where it would wait for one. */
void ipc_pool_complete(struct ipc_pool *p);

/* Channels that are alive, as far as is known. */
size_t ipc_pool_size(struct ipc_pool *p);

/**
 * Ask and wait for the answer.
 *
 * @param ask        struct of message->ask; NULL when the message has none
 * @param fd         goes along; stays the caller's. -1: none
 * @param answer     struct of message->answer, filled on success; its slices and lists live in
 *                   the arena. NULL when the message has none
 * @param answer_fd  set to what came along (then the caller's) or -1; may be NULL when the message
 *                   gives none
 * @param within_ms  for everything: waiting for a free channel, the peer's work, the answer
 * @return           false with the peer's own kind and sentence; ERROR_BUSY when the peer is gone
 *                   or the time is over (then it may or may not have done what was asked);
 *                   ERROR_INPUT when `ask` breaks its schema's bounds; ERROR_LIMIT when the arena
 *                   is too small for the answer
 */
bool ipc_call(struct ipc_pool *p, const struct ipc_message *message, const void *ask, int fd,
              void *answer, int *answer_fd, struct arena *arena, int64_t within_ms,
              struct error *e) MUST_CHECK;

OWN_BY(ipc_pool, struct ipc_pool, ipc_pool_free)
