/* processes/reading_openpgp - what a reader of letters does to have one encrypted with OpenPGP: public keys alone, and
 * nothing kept from one question to the next. */
#pragma once

#include "ipc/ipc.h"

ipc_handler reading_on_openpgp_prepare; /* inspector_openpgp_prepare */
ipc_handler reading_on_openpgp_seal;    /* inspector_openpgp_seal */
