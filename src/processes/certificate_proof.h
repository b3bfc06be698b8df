/* processes/certificate_proof - what certificates and evidence are written with: lines that people read, and the proof behind
 * them. docs/ledger-format.md section 14. */
#pragma once

#include "ledger/checkpoint.h"
#include "processes/certificate.h"

/* Append bytes as lower-case digits. */
void certificate_hex(struct buf *out, struct slice bytes);

/* Append a line of a label and its value, of which nothing can end the line or change its direction; none when it is empty. */
void certificate_line(struct buf *out, struct arena *arena, const char *label, struct slice value);

/* A time, in the arena. */
const char *certificate_time(struct arena *arena, int64_t ms);

/**
 * Append the proof that everything which was gathered is in the tree of a checkpoint.
 *
 * @param c     its lists ascend
 * @param note  the signed checkpoint, which `to` was read from
 * @return      false with ERROR_LIMIT when it is too much, and as ledger_prove_records()
 */
bool certificate_proof(const struct certificate *c, int ledger, struct slice note,
                       const struct checkpoint *to, struct buf *out, struct error *e) MUST_CHECK;
