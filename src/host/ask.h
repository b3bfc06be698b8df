/* host/ask - a secret that a person gives when a program starts: a passphrase, the PIN of a token.
 *
 * Taken from the first of these that is there: a descriptor that was named on the command line, a
 * credential of systemd's (a file in $CREDENTIALS_DIRECTORY), the terminal, systemd-ask-password. Nothing is
 * kept: asking twice asks twice, and a descriptor gives its next line. One thread, before the process
 * has anything to do with the network. */
#pragma once

#include "base/error.h"
#include "base/secret.h"

#define ASK_SECRET_MAX 1024 /* bytes */

struct ask_way {
    int fd;                 /* lines are read from it; -1: none was named */
    const char *credential; /* file name in $CREDENTIALS_DIRECTORY; NULL: none */
};

/**
 * Get one line from whoever gives it.
 *
 * @param question  shown where there is a person: "Passphrase of the master key"
 * @param answer    1 to ASK_SECRET_MAX bytes without the end of the line; the caller owns it
 * @return          false with ERROR_CONFIG when nobody is there to be asked, ERROR_INPUT when the answer is empty
 *                  or too long
 */
bool ask_secret(const struct ask_way *way, const char *question, struct secret **answer,
                struct error *e) MUST_CHECK;
