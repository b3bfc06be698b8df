/* processes/reading_keys - what a reader of letters answers about recipients' keys, which are as hostile as letters. */
#pragma once

#include "ipc/ipc.h"

ipc_handler reading_on_key; /* inspector_key */
