/* keeper/suspend - an account that sends no more: because it looks stolen, or because a person said so.
 *
 * The record comes first, with the evidence; the state holds the one in force, so that it outlives a restart. Its sessions end, what it sent
 * within the hour before and has not left is held, and the person responsible is told. It may sign in, and reads why nothing is
 * sent. Another person lets it send again. */
#pragma once

#include "letter/guard.h"
#include "stages/limits/signs.h"

#define SUSPENSION_WHY_HELD "its sender is suspended: `postern account show`"

struct keeper;
struct parcel;

/* What its row in the state is called. */
struct slice suspension_row(struct slice account, struct arena *arena);

/* Read the suspension in force, if there is one. */
bool suspension_of(struct keeper *k, struct slice account, struct arena *arena,
                   struct suspension_record *out, bool *found, struct error *e) MUST_CHECK;

/* Suspend an account for what was seen; `client` is from where that came, or empty. What fails is logged: it sends nothing in any case until
 * the next start. */
void suspension_by_signs(struct keeper *k, struct slice account, struct slice client,
                         const struct signs_verdict *verdict, struct arena *arena);

/* Suspend an account; by, reason and role are in the record, the rest is filled in. */
bool suspension_begin(struct keeper *k, struct suspension_record *r, struct arena *arena,
                      struct error *e) MUST_CHECK;

/* This letter of an account that is suspended is held for it as well: what becomes of the others becomes of it. With
 * the lock of keeper/consent, under which the row is written and deleted too. False with ERROR_LIMIT when the list is full. */
bool suspension_add(struct keeper *k, struct slice account, const struct letter_id *id,
                    struct arena *arena, struct error *e) MUST_CHECK;

/* Have the rulings of a letter hold it when its sender is suspended, or was while it was not decided yet, and what was held then did not go
 * on its way; whether so. `seq` is the number of its facts. */
bool suspension_hold(struct keeper *k, const struct facts *f, uint64_t seq, struct arena *arena,
                     struct decision *d);

/* The letter was decided, and held or not by that, and stands in the queue: its sender may have been suspended meanwhile, or released. Then
 * what became of his other letters becomes of it. `held`: suspension_hold() held it. */
void suspension_settle(struct keeper *k, const struct facts *f, const struct parcel *p, bool held,
                       struct arena *arena);

/* Likewise of what stands in the queue. */
void suspension_hold_queued(struct keeper *k, const struct facts *f, const struct letter_id *id,
                            struct arena *arena);

/* Hold what a crash kept from being held; when the queue is there again. Of addresses without an account too, whose letters a
 * provider hands on. */
bool suspension_restore(struct keeper *k, struct error *e) MUST_CHECK;
