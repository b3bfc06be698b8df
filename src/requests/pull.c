#include "requests/pull.h"

#define REASON_MAX 1000

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field next_ask_fields[] = {
    MAYBE(1, CBOR_UINT, keeper_pull_next_ask, wait_ms, 600000),
    MAYBE(2, CBOR_BOOL, keeper_pull_next_ask, fresh, 0),
    FIELD(3, CBOR_UINT, keeper_pull_next_ask, life, 0),
    MAYBE(4, CBOR_UINT, keeper_pull_next_ask, worker, 255),
};
static const struct cbor_schema next_ask =
    CBOR_SCHEMA(next_ask_fields, struct keeper_pull_next_ask);

static const struct cbor_field next_answer_fields[] = {
    MAYBE(1, CBOR_TEXT, keeper_pull_next_answer, name, 255),
};
static const struct cbor_schema next_answer =
    CBOR_SCHEMA(next_answer_fields, struct keeper_pull_next_answer);

static const struct cbor_field begin_ask_fields[] = {
    FIELD(1, CBOR_TEXT, keeper_pull_begin_ask, pull, 255),
    FIELD(2, CBOR_TEXT, keeper_pull_begin_ask, mailbox, LETTER_ADDRESS_MAX),
    FIELD(3, CBOR_TEXT, keeper_pull_begin_ask, folder, IMPORT_TEXT_MAX),
    FIELD(4, CBOR_UINT, keeper_pull_begin_ask, uid_validity, UINT32_MAX),
};
static const struct cbor_schema begin_ask =
    CBOR_SCHEMA(begin_ask_fields, struct keeper_pull_begin_ask);

static const struct cbor_field begin_answer_fields[] = {
    FIELD(1, CBOR_BYTES, keeper_pull_begin_answer, ticket, IMPORT_TICKET_LEN),
    MAYBE(2, CBOR_UINT, keeper_pull_begin_answer, uid, UINT32_MAX),
    CBOR_SUB(3, CBOR_STRUCT, struct keeper_pull_begin_answer, counts, 0, &import_counts_schema),
};
static const struct cbor_schema begin_answer =
    CBOR_SCHEMA(begin_answer_fields, struct keeper_pull_begin_answer);

static const struct cbor_field done_fields[] = {
    FIELD(1, CBOR_TEXT, keeper_pull_done_ask, pull, 255),
    MAYBE(2, CBOR_UINT, keeper_pull_done_ask, mailboxes, 0),
    MAYBE(3, CBOR_UINT, keeper_pull_done_ask, broken, 0),
    MAYBE(4, CBOR_UINT, keeper_pull_done_ask, taken, 0),
    MAYBE(5, CBOR_UINT, keeper_pull_done_ask, known, 0),
    MAYBE(6, CBOR_UINT, keeper_pull_done_ask, failed, 0),
    MAYBE(7, CBOR_TEXT, keeper_pull_done_ask, reason, REASON_MAX),
    MAYBE(8, CBOR_UINT, keeper_pull_done_ask, life, 0),
    MAYBE(9, CBOR_UINT, keeper_pull_done_ask, worker, 255),
};
static const struct cbor_schema done = CBOR_SCHEMA(done_fields, struct keeper_pull_done_ask);

static const struct cbor_field pull_fields[] = {
    FIELD(1, CBOR_TEXT, admin_pull, name, 255),
    FIELD(2, CBOR_TEXT, admin_pull, host, 300),
    MAYBE(3, CBOR_UINT, admin_pull, mailboxes, 0),
    MAYBE(4, CBOR_BOOL, admin_pull, running, 0),
    MAYBE(5, CBOR_UINT, admin_pull, next_at, 0),
    MAYBE(6, CBOR_UINT, admin_pull, last_at, 0),
    CBOR_SUB(7, CBOR_STRUCT, struct admin_pull, last, 0, &done),
};
static const struct cbor_schema pull = CBOR_SCHEMA(pull_fields, struct admin_pull);

static const struct cbor_field pulls_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct admin_pulls_answer, pulls, PULLS_MAX, &pull),
};
static const struct cbor_schema pulls = CBOR_SCHEMA(pulls_fields, struct admin_pulls_answer);

static const struct cbor_field now_fields[] = {
    FIELD(1, CBOR_TEXT, admin_pull_now_ask, name, 255),
};
static const struct cbor_schema now = CBOR_SCHEMA(now_fields, struct admin_pull_now_ask);

static const struct cbor_field journal_fields[] = {
    FIELD(1, CBOR_BYTES, keeper_journal_begin_answer, ticket, IMPORT_TICKET_LEN),
};
static const struct cbor_schema journal =
    CBOR_SCHEMA(journal_fields, struct keeper_journal_begin_answer);

const struct ipc_message keeper_journal_begin = {45, "keeper_journal_begin", NULL, &journal,
                                                 .secret = true};
const struct ipc_message keeper_pull_next = {42, "keeper_pull_next", &next_ask, &next_answer};
const struct ipc_message keeper_pull_begin = {43, "keeper_pull_begin", &begin_ask, &begin_answer,
                                              .secret = true};
const struct ipc_message keeper_pull_done = {44, "keeper_pull_done", &done, NULL};
const struct ipc_message admin_pulls = {112, "admin_pulls", NULL, &pulls};
const struct ipc_message admin_pull_now = {113, "admin_pull_now", &now, NULL};
