/* processes/reading - what a reader of letters does in its short life (processes/lives). */
#pragma once

#include "ipc/ipc.h"

#define READING_MEMORY_MAX (UINT64_C(768) << 20) /* bytes of address space */
#define READING_CPU_S      20                    /* of a letter, or of some that take little */
#define READING_LIFE_CPU_S 300                   /* of all letters of a life */

/* Give up what a reader does not need, then answer inspector_inspect until `channel` is closed.
 * The channel is taken over. */
void reading_live(int channel);
