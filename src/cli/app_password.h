/* cli/app_password - what the commands about app passwords and about devices share. */
#pragma once

#include "cli/cli.h"
#include "letter/app_password.h"

/* What an option that may be repeated says. */
struct cbor_list app_texts(struct cli *c, const char *option);

/* "90d" from now, or a day on which it ends; 0: never. */
bool app_end(struct cli *c, const char *option, uint64_t *expires_at, struct error *e) MUST_CHECK;

/* Whether name and lists may be asked for. */
bool app_is_good(const struct app_password *p, struct error *e) MUST_CHECK;
