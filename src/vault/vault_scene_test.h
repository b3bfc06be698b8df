/* vault/vault_scene_test - a store in a folder that fails when it is told to, files to back up, and a vault of both: for the
 * vault's tests. */
#pragma once

#include "tests/test.h"
#include "vault/fetch.h"
#include "vault/run.h"

#define SCENE_FILES 3

struct scene {
    char path[64];
    int from, to, store;
    struct store folder;
    unsigned puts_left;     /* then it is full */
    unsigned gets_absent;   /* so many it says are not there */
    unsigned gets_wrong;    /* then so many come with another byte */
    bool locked;            /* it removes nothing */
    bool no_renewal;        /* it locks nothing for longer */
    unsigned renewals_left; /* then it does not answer; 0: it always does */
    unsigned renewed;       /* locks */
    struct secret *key;
    struct vault vault;
    struct vault_source_file files[SCENE_FILES];
    struct vault_source source;
    struct vault_view view;
    struct vault_known known;
    struct vault_made made;
    struct error e;
};

/* Make one and take it away again: what SCENE_TEST() does for each test. */
int scene_setup(void **state);
int scene_teardown(void **state);
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(test_##name, scene_setup, scene_teardown)

/* Fill a file from `at` on with bytes that depend on their place and on `salt`. */
void scene_write(struct scene *s, size_t which, uint64_t at, uint64_t size, unsigned salt);

/* Make a backup, which is then the known one. */
void scene_back_up(struct scene *s, uint64_t at);

/* How many objects the vault has. */
uint64_t scene_count(struct scene *s);

/* Fetch backup `number` into an emptied folder and compare it with the files. */
void scene_compare(struct scene *s, uint64_t number);

/* Go on with the vault of another master key. */
void scene_be_vault_of(struct scene *s, const struct secret *master);
