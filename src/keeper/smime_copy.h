/* keeper/smime_copy - the row of S/MIME in the table of keeper/copies. */
#pragma once

#include "keeper/copies.h"

/* RUNG_SMIME: signed when the sender has a certificate of ours, encrypted for exactly these recipients. */
copy_make_fn smime_copy;

/* RUNG_SMIME_SIGNED: signed alone, for all. */
copy_make_fn smime_signed_copy;
