/* What the reader may ask: every reading of the archive is itself a record. */
#include <stdio.h>

#include "keeper/callers.h"
#include "keeper/internal.h"
#include "requests/consent.h"
#include "requests/evidence.h"
#include "requests/holds.h"

#define SUSPICIONS_A_MINUTE 20   /* several at once are one look */
#define READINGS_A_MINUTE   6000 /* a reader that was taken over must not fill the disk with them */

static bool on_reading(void *keeper, struct ipc_request *r, struct error *e)
{
    const struct act *act = r->ask;
    char sentence[ERROR_TEXT_MAX];

    if (!keeper_record_one(keeper, LEDGER_AWAITED, RECORD_READING, &act_schema, act, e)) {
        return false;
    }
    if (!act->refused && slice_equal(act->verb, SLICE(EVIDENCE_VERB))) {
        (void)snprintf(sentence, sizeof(sentence),
                       "%.*s took the evidence of a suspension, with subjects and recipients of "
                       "letters; `postern acts` says of whom and why",
                       SLICE_ARG(slice_head(act->by, 100)));
        keeper_alert(keeper, "evidence-taken", sentence);
    }
    return true;
}

static bool on_settle(void *keeper, struct ipc_request *r, struct error *e)
{
    (void)r;
    (void)e;
    (void)tail_settle(keeper); /* otherwise the answer comes from what there is */
    return true;
}

static bool on_suspect(void *keeper, struct ipc_request *r, struct error *e)
{
    (void)r;
    (void)e;
    indexer_suspect(keeper);
    return true;
}

static bool on_caller(void *keeper, struct ipc_request *r, struct error *e)
{
    const struct caller_ask *ask = r->ask;

    return keeper_caller_find(keeper, ask->pass, ask->uid, r->arena, r->answer, e);
}

static const struct ipc_row rows[] = {
    {&keeper_reading,       READINGS_A_MINUTE,   on_reading       },
    {&keeper_caller,        0,                   on_caller        },
    {&keeper_settle,        0,                   on_settle        },
    {&keeper_held,          0,                   keeper_on_held   },
    {&keeper_consent,       0,                   keeper_on_consent},
    {&keeper_index_suspect, SUSPICIONS_A_MINUTE, on_suspect       },
};
const struct ipc_table keeper_reader_table = IPC_TABLE("reader", rows);
