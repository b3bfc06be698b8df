#include "keeper/copies.h"

#include "keeper/documents.h"
#include "keeper/openpgp.h"
#include "keeper/smime_copy.h"

const struct copy_method copy_methods[] = {
    {RUNG_SMIME,       false, smime_copy    },
    {RUNG_OPENPGP,     false, openpgp_copy  },
    {RUNG_ATTACHMENTS, true,  documents_copy},
    {0,                false, NULL          },
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
