/* letter/device - what a mail program calls the machine that it runs on: the name that it says in EHLO.
 *
 * Nothing proves it, and many programs say an address instead, which is none. It is good enough to notice that an account is used with another
 * machine than before, and to tell sessions apart. */
#pragma once

#include "base/slice.h"

#define DEVICE_NAME_MAX 64

/* The name, if it is one: 1 to DEVICE_NAME_MAX letters, digits, dots, dashes and underscores, not digits and dots alone. Otherwise empty. Points into `helo`. */
struct slice device_name(struct slice helo);
