/* requests/store - objects put to and taken from a backup target. From backup to courier, and from a restore to
 * the process that it begins for it.
 *
 * The courier connects and has the credentials; what passes through it is sealed. It may lie: whoever asks
 * opens nothing that it did not seal. */
#pragma once

#include "ipc/ipc.h"

#define STORE_LIST_BYTES_MAX ((size_t)160 << 20)

struct store_ask {
    struct slice name; /* or the beginning of names */
};

extern const struct ipc_message object_put;  /* the bytes come along */
extern const struct ipc_message object_get;  /* the bytes go back */
extern const struct ipc_message object_list; /* lines "name size" go back, in no order */
extern const struct ipc_message object_remove;
extern const struct ipc_message object_renew; /* its lock */
