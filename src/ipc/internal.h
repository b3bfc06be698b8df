/* ipc/internal - what both ends of a channel share. */
#pragma once

#include "ipc/ipc.h"

/* Does a descriptor (or -1) agree with the message's enum ipc_fd? */
bool ipc_fd_fits(uint8_t rule, int fd);

/* cbor_read() that never makes the arena reach its limit; a message without schema has no body. */
bool ipc_read_body(const struct cbor_schema *schema, struct slice body, struct arena *arena,
                   void *value, struct error *e) MUST_CHECK;

/* Overwrite a packet's copy in memory. */
void ipc_wipe(struct slice s);
