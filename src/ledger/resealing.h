/* ledger/resealing - a pack takes the place of a pack. For ledger/'s own files; the caller holds l->packing or is alone. */
#pragma once

#include "ledger/writer.h"

/* End a replacement that was announced, if there is one: nothing else is packed or erased before. */
bool resealing_finish(struct ledger *l, struct error *e) MUST_CHECK;

/* Whether the pack of that number is being replaced: what there is of it, resealing_finish() tidies. */
bool resealing_spares(const struct ledger *l, uint32_t number);

/* Whether what is there of a pack belongs to another making than the one in force, which has its keys. */
bool resealing_is_other(const struct ledger *l, uint32_t number, uint16_t making);
