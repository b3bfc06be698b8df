/* processes/front - a process whose listening sockets the stage submission serves: mail clients', or
 * another door's. */
#pragma once

#include "processes/role.h"
#include "stages/submission/submission.h"

/**
 * Serve until the supervisor says stop. The row names the file `tls-certificate` and asks the signer.
 *
 * @param implicit  name of the sockets with TLS from the first byte, or NULL
 * @param starttls  name of those with STARTTLS
 * @param clients   name of the row's file with who may have issued clients' certificates, or NULL: none is asked for
 * @return          false with ERROR_CONFIG when the certificate cannot be used
 */
bool front_run(struct role *r, const struct submission_options *options, const char *implicit,
               const char *starttls, const char *clients, struct error *e) MUST_CHECK;

/* The same behind a door, which lives as long as the process; `open` is whether its setting names an address: when not,
 * nothing is served. */
bool front_run_door(struct role *r, const struct submission_door *door, bool open,
                    const char *starttls, const char *clients, struct error *e) MUST_CHECK;

/* The settings in force, for submission_options; the context is the role. */
const struct settings *front_settings(void *role);
