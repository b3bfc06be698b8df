/* processes/reader_scene_test - the reader as it runs, for its tests: another user, locked in by landlock
 * and the filter of system calls, with rights to read only, while the writers have everything open.
 *
 * Whoever shows no pass is an auditor; scene_show() makes the peer somebody else. */
#pragma once

#include "host/memfd.h"
#include "ipc/pool.h"
#include "ledger/ledger.h"
#include "letter/findings.h"
#include "processes/reader.h"
#include "requests/reader.h"
#include "search/index.h"
#include "tests/test.h"

#define WITHIN 20000

/* Who may be behind a pass. */
enum scene_peer {
    SCENE_ANNA = 1,
    SCENE_ZOE = 2,
    SCENE_NOBODY = 3,
    SCENE_OVER = 4,
    SCENE_BOB = 5,
    SCENE_CARL = 6
};

extern const char scene_letter[]; /* the bytes of every letter */

/* An archive, its writers, and the process that reads it. */
struct place {
    char folder[64];
    int ledger_directory;
    struct secret *key;
    struct ledger *ledger;
    struct catalog *catalog;
    struct search_index *index;
    struct letter_id id;
    uint64_t seq;
    pid_t reader;
    int recorded; /* a line for each record that the reader asked for */
    struct ipc_pool *pool;
    struct arena arena;
};

/* Speak for somebody else from now on; false when the reader does not have it. */
bool scene_show(struct place *p, enum scene_peer peer);

/* Archive a letter of anna@example.test to bob and zoe at partner.test. */
void scene_archive(struct place *p, const char *subject);

/* The same without a copy; then give it one whose content is protected: these bytes. */
void scene_archive_uncopied(struct place *p, const char *subject);
void scene_add_copy(struct place *p, uint64_t number, const char *bytes);

#define SCENE_HIDDEN_ZOE "Subject: ...\r\n\r\nfor zoe alone\r\n"
#define SCENE_HIDDEN_BOB "Subject: ...\r\n\r\nfor bob alone\r\n"

/* Decide about p->id; guard: enum ruling_guard. Anna may approve it then, and the copy of every letter here would leave; of
 * Zoe the keeper names another copy, of Bob that copy and two that are hidden, Zoe's and Bob's, of Carl these two alone. */
void scene_decide(struct place *p, uint64_t guard);

/* Archive a notice about p->id, which is then the notice's. */
void scene_archive_notice(struct place *p);

/* For cmocka: set up and tear down; the place, or the test is skipped without root. */
int scene_set_up(void **state);
int scene_tear_down(void **state);
struct place *scene_place(void **state);

/* What was recorded since the last look, without the id of the letter. */
const char *scene_recorded(struct place *p);
