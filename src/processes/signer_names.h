/* processes/signer_names - names of the keys that the signer keeps. Pure. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#include "requests/signer.h"

/* The name in lower case, cut at SIGNER_NAME_MAX: key names are compared without regard to case, as the DNS does. */
void signer_name_lower(struct slice text, char out[static SIGNER_NAME_MAX + 1]);

/* Whether it is a name in the DNS: labels of letters, digits, hyphens and underscores between dots. */
bool signer_name_is_dns(struct slice name);
