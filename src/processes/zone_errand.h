/* processes/zone_errand - what courier does at the primary server of a [dns-update] zone: one question or change over TCP, signed.
 *
 * The key is decoded for one exchange and wiped behind it; the answer is read by formats/nsupdate, and counts when the
 * key proves it. Names and types that Postern does not publish are refused (settings_update_covers), whoever asks. */
#pragma once

#include "ipc/ipc.h"

/* Their context is the struct errands. */
ipc_handler zone_errand_on_read;
ipc_handler zone_errand_on_write;
