/* keeper/documents - the row `attachments` of keeper/copies: documents and archives that a password opens, made in an
 * inspector. One recipient a copy: each may have a password of his own. */
#pragma once

#include "keeper/copies.h"

copy_make_fn documents_copy;
