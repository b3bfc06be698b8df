/* processes/reading_smime - what a reader of letters does for S/MIME: it judges certificates, which are as hostile as letters, and
 * builds the protected letter. It has no private key. */
#pragma once

#include "ipc/ipc.h"

ipc_handler reading_on_smime_seal;    /* inspector_smime_seal */
ipc_handler reading_on_smime_judge;   /* inspector_smime_judge */
ipc_handler reading_on_smime_harvest; /* inspector_smime_harvest */
