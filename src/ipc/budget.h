/* ipc/budget - how many bytes of letters may be on their way through this process at once.
 *
 * Before bytes are taken in they are taken from the budget; what it refuses is answered 452, so
 * that many large letters at once cost their senders a retry and not everybody the process.
 * Thread-safe. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define IPC_BUDGET_DEFAULT ((size_t)512 << 20) /* bytes */

struct ipc_budget {
    _Atomic size_t used;
    size_t max;
};

/* Nothing in flight, at most max_bytes allowed. */
void ipc_budget_init(struct ipc_budget *b, size_t max_bytes);

/* Take `bytes`; false, and nothing taken, when that would pass the maximum. */
bool ipc_budget_acquire(struct ipc_budget *b, size_t bytes) __attribute__((warn_unused_result));

/* Give back what was acquired. */
void ipc_budget_release(struct ipc_budget *b, size_t bytes);

/* Bytes acquired at this moment. */
size_t ipc_budget_used(struct ipc_budget *b);
