/* stages/intake - read mail that was kept elsewhere, and hand it to the keeper letter by letter.
 *
 * Works on descriptors that it was given and on memory, opens nothing. One question is one batch and
 * one answer of the keeper's; between questions nothing is remembered. */
#pragma once

#include "ipc/pool.h"
#include "requests/intake.h"

/**
 * Read the letters of an mbox from an offset on, as many as one batch holds.
 *
 * @param file    of which any part may be read; it may change meanwhile, which yields other letters
 * @param arena   for the batch's list
 * @param answer  filled when the batch is in the ledger
 * @return        false with ERROR_INPUT when no letter begins at the offset, or what reading or the
 *                keeper says
 */
bool intake_take_mbox(struct ipc_pool *keeper, int file, const struct intake_mbox_ask *ask,
                      struct arena *arena, struct intake_mbox_answer *answer,
                      struct error *e) MUST_CHECK;

/* Look at files that came in one sealed memfd, and hand those on that are letters. */
bool intake_take_files(struct ipc_pool *keeper, int files, const struct intake_files_ask *ask,
                       struct arena *arena, struct import_counts *counts,
                       struct error *e) MUST_CHECK;

/* A question to the keeper is closed when what it says of its letters reaches so many bytes. */
#define INTAKE_TOLD_MAX ((size_t)64 << 10)

/* How many bytes a question takes for a letter, at most, without the letter itself; and for a failure. */
size_t intake_told(const struct import_letter *letter);
size_t intake_told_failure(const struct import_failure *failure);

/* Why these bytes are no letter, a sentence; NULL when they may be one. */
const char *intake_judge(struct slice bytes);

/* Make what is known of a journal report into what is known of the letter in it: its place and its
 * envelope, which lives in the arena. Why not, or NULL. */
const char *intake_unwrap(struct slice report, struct arena *arena, struct import_letter *letter);
