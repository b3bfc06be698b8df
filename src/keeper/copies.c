#include "keeper/copies.h"

#include "keeper/documents.h"
#include "keeper/openpgp.h"
#include "keeper/smime_copy.h"

const struct copy_method copy_methods[] = {
    {RUNG_SMIME,          false, smime_copy,          false},
    {RUNG_OPENPGP,        false, openpgp_copy,        false},
    {RUNG_ATTACHMENTS,    true,  documents_copy,      false},
    {RUNG_SMIME_SIGNED,   false, smime_signed_copy,   true },
    {RUNG_OPENPGP_SIGNED, false, openpgp_signed_copy, true },
    {0,                   false, NULL,                false},
};

const struct copy_method *copy_method_of(const struct copy_method *table, uint64_t rung)
{
    while (table->rung && table->rung != rung) {
        table++;
    }
    return table->rung ? table : NULL;
}

enum copy_end copy_end_of(const struct error *e)
{
    return e->kind == ERROR_INPUT || e->kind == ERROR_LIMIT ? COPY_CANNOT : COPY_LATER;
}
