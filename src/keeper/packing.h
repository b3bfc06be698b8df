/* keeper/packing - old segments become packs, in the background. */
#pragma once

/* The thread; gets the keeper. */
void keeper_pack(void *keeper);
