/* verify/input - a file that is read through a window, wherever one looks.
 *
 * Nothing of it is believed: not its kind, not its length, not that it stays as it is. */
#pragma once

#include "verify/hash.h"

#define INPUT_WINDOW ((size_t)1 << 20) /* as much can be looked at in one piece */

enum input_result { INPUT_OK, INPUT_MISSING, INPUT_NO_FILE, INPUT_FAILED };

struct input {
    int fd; /* -1: none is open */
    uint64_t size;
    uint64_t at; /* of the window in the file */
    size_t len;  /* of what is in the window */
    uint8_t *window;
    bool failed; /* the disk did, once: what was looked at since counts for nothing */
};

/* Open a file of a folder. INPUT_NO_FILE: it is a link, a folder or a device. INPUT_FAILED leaves errno. */
enum input_result input_open(struct input *in, int folder, const char *name);

/* Close; one that is not open is fine. */
void input_close(struct input *in);

/* Look at `len` bytes, at most INPUT_WINDOW. They live until the next look. The result is shorter where
 * the file ends and when the disk fails. */
struct view input_look(struct input *in, uint64_t at, size_t len);

/* Look at what the window holds from there on: `least` bytes or more, fewer only where the file ends. */
struct view input_some(struct input *in, uint64_t at, size_t least);

/* Add bytes of the file to a hash. False when they are not all there. */
bool input_hash(struct input *in, uint64_t at, uint64_t len, struct hash *h);

/* Where the last byte that is not zero ends, or `from` when all behind are zero. */
uint64_t input_last(struct input *in, uint64_t from);
