/* tests/nameserver - NSD with the zones of tests/receiver/zones, started for one test program.
 *
 * Every function ends the test when something fails that should not. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"

struct nameserver {
    pid_t pid;
    int stdin_of; /* closing it ends the server */
    char folder[64];
    uint16_t port; /* on 127.0.0.1; 0: not started */
};

/* Start it. False, and a message, where its tools are not installed. */
bool nameserver_start(struct nameserver *n);

void nameserver_stop(struct nameserver *n);

/* A TCP port of loopback that nobody listens on at this moment. */
uint16_t free_port(void);

/* The DNSKEY records that prove the signed zones. */
struct slice nameserver_anchors(const struct nameserver *n, struct arena *arena);
