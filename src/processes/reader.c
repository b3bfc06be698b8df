#include "processes/reader.h"

#include <stdio.h>

#include "base/log.h"

#include "processes/roles.h"
#include "requests/acts.h"
#include "requests/cases.h"
#include "requests/consent.h"
#include "requests/disposal.h"
#include "requests/evidence.h"
#include "requests/holds.h"
#include "requests/keeper.h"
#include "requests/reader.h"

#define RECORD_MS 30000
#define SETTLE_MS 2000

bool reader_open_ledger(struct reader *r, struct ledger_reader **ledger, struct error *e)
{
    if (!ledger_reader_open(r->ledger_directory, r->ledger_key, ledger, e)) {
        return false;
    }
    ledger_reader_record_keys(*ledger, r->record_keys);
    return true;
}

bool desk_open(struct reader *r, struct desk *d, struct error *e)
{
    d->reader = r;
    r->settle(r->context);
    arena_init(&d->arena, READER_ARENA_MAX);
    return reader_open_ledger(r, &d->ledger, e) &&
           catalog_open(r->catalog_path, false, SLICE_NONE, &d->catalog, e);
}

void desk_done(struct desk *d)
{
    ledger_reader_close(d->ledger);
    catalog_close(d->catalog);
    arena_done(&d->arena);
}

bool desk_read(struct desk *d, struct ledger_ref ref, uint16_t type,
               const struct cbor_schema *schema, void *out, struct error *e)
{
    struct ledger_entry entry;

    if (!ledger_reader_get(d->ledger, ref, &d->arena, &entry, e)) {
        return false;
    }
    if (entry.type != type) {
        return error_set(e, ERROR_CORRUPT, "record %llu is not of the type that was looked for",
                         (unsigned long long)ref.seq);
    }
    if (!cbor_read(entry.body, schema, &d->arena, out, e)) {
        e->kind = ERROR_CORRUPT;
        return error_add(e, "record %llu", (unsigned long long)ref.seq);
    }
    return true;
}

static const struct ipc_row rows[] = {
    {&caller_pass,          0, reader_on_pass       },
    {&reader_search,        0, reader_on_search     },
    {&reader_show,          0, reader_on_show       },
    {&reader_export,        0, reader_on_export     },
    {&reader_waiting,       0, reader_on_waiting    },
    {&reader_verify,        0, reader_on_verify     },
    {&reader_prove,         0, reader_on_prove      },
    {&reader_growth,        0, reader_on_growth     },
    {&reader_anchors,       0, reader_on_anchors    },
    {&reader_pull,          0, reader_on_pull       },
    {&reader_exported,      0, reader_on_exported   },
    {&reader_acts,          0, reader_on_acts       },
    {&reader_sign_ins,      0, reader_on_sign_ins   },
    {&reader_imports,       0, reader_on_imports    },
    {&reader_import,        0, reader_on_import     },
    {&reader_cases,         0, reader_on_cases      },
    {&disposal_list,        0, reader_on_disposals  },
    {&disposal_certificate, 0, reader_on_certificate},
    {&suspension_evidence,  0, reader_on_evidence   },
};
const struct ipc_table reader_table = IPC_TABLE("the reader's socket", rows);

/* ── the process ── */

static bool record(void *keeper, const struct act *act, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};

    return ipc_call(keeper, &keeper_reading, act, -1, NULL, NULL, &arena, RECORD_MS, e);
}

static bool who(void *keeper, const struct caller_ask *ask, struct arena *arena,
                struct caller *caller, struct error *e)
{
    return ipc_call(keeper, &keeper_caller, ask, -1, caller, NULL, arena, RECORD_MS, e);
}

/* Without a keeper the archive is read as it stands. */
static void settle(void *keeper)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct error e;

    if (!ipc_call(keeper, &keeper_settle, NULL, -1, NULL, NULL, &arena, SETTLE_MS, &e)) {
        log_event(LOG_DEBUG, "catalog.unsettled", LOG_TEXT("reason", e.text));
    }
}

static void suspect(void *keeper)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct error e;

    if (!ipc_call(keeper, &keeper_index_suspect, NULL, -1, NULL, NULL, &arena, SETTLE_MS, &e)) {
        log_event(LOG_DEBUG, "index.untold", LOG_TEXT("reason", e.text));
    }
}

static bool held(void *keeper, const struct letter_id *id, struct arena *arena, struct slice *holds,
                 struct error *e)
{
    const struct keeper_held_ask ask = {letter_id_slice(id)};
    struct keeper_held_answer answer;

    if (!ipc_call(keeper, &keeper_held, &ask, -1, &answer, NULL, arena, RECORD_MS, e)) {
        return false;
    }
    *holds = answer.holds;
    return true;
}

static bool approves(void *keeper, const struct keeper_consent_ask *ask, struct arena *arena,
                     struct keeper_consent_answer *answer, struct error *e)
{
    return ipc_call(keeper, &keeper_consent, ask, -1, answer, NULL, arena, RECORD_MS, e);
}

static const char *path_in(struct role *r, const char *directory, const char *file)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", role_path(r, directory), file) < 0) {
        arena_panic("out of memory");
    }
    return path; /* lives as long as the process */
}

bool reader_run(struct role *r, struct error *e)
{
    static struct reader reader;
    static struct ipc_server server;

    reader.ledger_directory = role_directory(r, "ledger");
    reader.record_keys = role_directory(r, "record-keys");
    reader.ledger_key = role_key(r, "ledger");
    reader.search_key = role_key(r, "search");
    reader.catalog_path = path_in(r, "catalog", "catalog.db");
    reader.search_path = path_in(r, "catalog", "search.db");
    reader.record = record;
    reader.settle = settle;
    reader.who = who;
    reader.suspect = suspect;
    reader.held = held;
    reader.approves = approves;
    reader.context = role_pool(r, "keeper");
    ipc_server_init(&server, &reader_table, &reader);
    server.gate = reader_gate;
    if (!role_serve_socket(r, "reader", &server, e)) {
        return false;
    }
    role_ready(r);
    role_wait(r);
    return true;
}
