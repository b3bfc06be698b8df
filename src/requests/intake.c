#include "requests/intake.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field mbox_ask_fields[] = {
    FIELD(1, CBOR_BYTES, intake_mbox_ask, ticket, IMPORT_TICKET_LEN),
    MAYBE(2, CBOR_TEXT, intake_mbox_ask, path, IMPORT_TEXT_MAX),
    MAYBE(3, CBOR_UINT, intake_mbox_ask, offset, INT64_MAX),
    FIELD(4, CBOR_UINT, intake_mbox_ask, quoting, QUOTING_NONE),
    MAYBE(5, CBOR_BOOL, intake_mbox_ask, journal, 0),
};
static const struct cbor_schema mbox_ask = CBOR_SCHEMA(mbox_ask_fields, struct intake_mbox_ask);

static const struct cbor_field mbox_answer_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct intake_mbox_answer, counts, 0, &import_counts_schema),
    MAYBE(2, CBOR_UINT, intake_mbox_answer, next, 0),
    MAYBE(3, CBOR_BOOL, intake_mbox_answer, end, 0),
};
static const struct cbor_schema mbox_answer =
    CBOR_SCHEMA(mbox_answer_fields, struct intake_mbox_answer);

static const struct cbor_field file_fields[] = {
    MAYBE(1, CBOR_UINT, intake_file, start, IMPORT_BYTES_MAX),
    MAYBE(2, CBOR_UINT, intake_file, len, LETTER_BYTES_MAX),
    MAYBE(3, CBOR_TEXT, intake_file, path, IMPORT_TEXT_MAX),
    MAYBE(4, CBOR_TEXT, intake_file, flags, IMPORT_FLAGS_MAX),
    MAYBE(5, CBOR_UINT, intake_file, received_at, 0),
};
static const struct cbor_schema file = CBOR_SCHEMA(file_fields, struct intake_file);

static const struct cbor_field files_ask_fields[] = {
    FIELD(1, CBOR_BYTES, intake_files_ask, ticket, IMPORT_TICKET_LEN),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct intake_files_ask, files, INTAKE_FILES_MAX, &file),
    CBOR_SUB_OPTIONAL(3, CBOR_LIST, struct intake_files_ask, failures, IMPORT_FAILURES_MAX,
                      &import_failure_schema),
    MAYBE(4, CBOR_BOOL, intake_files_ask, journal, 0),
};
static const struct cbor_schema files_ask = CBOR_SCHEMA(files_ask_fields, struct intake_files_ask);

const struct ipc_message intake_mbox = {
    1, "intake_mbox", &mbox_ask, &mbox_answer, .ask_fd = IPC_FD_ANY, .secret = true};
const struct ipc_message intake_files = {
    2, "intake_files", &files_ask, &import_counts_schema, .ask_fd = IPC_FD_SEALED, .secret = true};
