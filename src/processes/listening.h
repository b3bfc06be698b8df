/* processes/listening - the sockets that clients and the command line connect to.
 *
 * Opened once by the supervisor, while it may still use low ports, and handed to the roles, which
 * cannot open any. Names are those of role_socket(). */
#pragma once

#include <stddef.h>

#include "base/error.h"

#include "config/settings.h"

#define LISTENING_MAX 64
#define LISTENING_OWN "supervisor" /* the supervisor's own, which no role is given: root's alone */

struct listening {
    size_t count;

    struct {
        const char *name;
        int fd;
    } sockets[LISTENING_MAX];
};

/**
 * Open them all.
 *
 * @param run  directory for the Unix sockets; an old one of the same name is replaced
 * @return     false with ERROR_CONFIG that names the address; the process is to end
 */
bool listening_open(struct listening *l, const struct settings *settings, int run,
                    struct error *e) MUST_CHECK;

/* The first socket of that name; -1: there is none. */
int listening_find(const struct listening *l, const char *name);

/* Undo what a process that had the ith socket before may have done to it: shut it down, or changed
 * its flags, which all holders share. */
void listening_renew(const struct listening *l, size_t i);
