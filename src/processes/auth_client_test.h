/* processes/auth_client_test - a client of SCRAM, written from RFC 5802, against the auth process of auth_scene_test. */
#pragma once

#include "processes/auth_scene_test.h"
#include "processes/auth_scram.h"

#define MINE "rOprNGfwEbeRWgbNEkqO"

extern const uint8_t here[AUTH_EXCHANGE_LEN];
extern const uint8_t elsewhere[AUTH_EXCHANGE_LEN];

/* A client between its two messages. */
struct client {
    char user[64];
    char header[64];
    struct slice exporter; /* that submission tells */
    struct slice binding;  /* that the client sees */
    char first[256];       /* bare */
    char server_first[512];
    char nonce[256];
    uint8_t salt[SCRAM_SALT_LEN];
    uint64_t iterations;
    uint8_t exchange[AUTH_EXCHANGE_LEN];
    struct scram_keys keys;
    char said[1500]; /* AuthMessage */
    uint64_t delay_ms;
    char answer[512]; /* of the server, at the end */
};

/* Its steps; verdicts come back. */
uint64_t client_say_first(struct client *c, const char *mechanism, struct slice message);
uint64_t client_begin_bound(struct client *c, const char *user, const char *mechanism,
                            const char *header, struct slice exporter);
uint64_t client_begin(struct client *c, const char *user);
struct slice client_without_proof(struct client *c, struct buf *out);
void client_add_proof(struct client *c, struct slice password, struct buf *message);
uint64_t client_say_last(struct client *c, const uint8_t *connection, struct slice message);
uint64_t client_finish(struct client *c, struct slice password);
uint64_t client_sign_in(struct client *c, const char *user, struct slice password);
