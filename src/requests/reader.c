#include "requests/reader.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field search_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, reader_search_ask, query, 4096),
    FIELD(2, CBOR_UINT, reader_search_ask, limit, READER_HITS_MAX),
    MAYBE(3, CBOR_TEXT, reader_search_ask, after, READER_PLACE_MAX),
    MAYBE(4, CBOR_TEXT, reader_search_ask, reason, READER_REASON_MAX),
    MAYBE(5, CBOR_UINT, reader_search_ask, order, 2),
    MAYBE(6, CBOR_TEXT, reader_search_ask, case_name, HOLD_NAME_MAX),
};
static const struct cbor_schema search_ask =
    CBOR_SCHEMA(search_ask_fields, struct reader_search_ask);

static const struct cbor_field hit_fields[] = {
    FIELD(1, CBOR_UINT, reader_hit, seq, 0),
    FIELD(2, CBOR_BYTES, reader_hit, id, LETTER_ID_LEN),
    FIELD(3, CBOR_UINT, reader_hit, received_at, 0),
    MAYBE(4, CBOR_TEXT, reader_hit, from, 1024),
    MAYBE(5, CBOR_TEXT, reader_hit, to, 1024),
    MAYBE(6, CBOR_TEXT, reader_hit, subject, 1024),
    MAYBE(7, CBOR_UINT, reader_hit, size, 0),
};
static const struct cbor_schema hit = CBOR_SCHEMA(hit_fields, struct reader_hit);

static const struct cbor_field search_answer_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct reader_search_answer, hits, READER_HITS_MAX, &hit),
    MAYBE(2, CBOR_BOOL, reader_search_answer, more, 0),
    MAYBE(3, CBOR_UINT, reader_search_answer, indexed, 0),
    MAYBE(4, CBOR_UINT, reader_search_answer, archived, 0),
    MAYBE(5, CBOR_UINT, reader_search_answer, unread, 0),
    MAYBE(6, CBOR_TEXT, reader_search_answer, next, READER_PLACE_MAX),
};
static const struct cbor_schema search_answer =
    CBOR_SCHEMA(search_answer_fields, struct reader_search_answer);

static const struct cbor_field letter_fields[] = {
    FIELD(1, CBOR_BYTES, reader_letter_ask, id, LETTER_ID_LEN),
    MAYBE(2, CBOR_BOOL, reader_letter_ask, as_sent, 0),
    MAYBE(3, CBOR_TEXT, reader_letter_ask, reason, READER_REASON_MAX),
    MAYBE(4, CBOR_UINT, reader_letter_ask, from, 0),
    MAYBE(5, CBOR_TEXT, reader_letter_ask, case_name, HOLD_NAME_MAX),
    MAYBE(6, CBOR_UINT, reader_letter_ask, copy, LETTER_RECIPIENTS_MAX),
};
static const struct cbor_schema letter_ask = CBOR_SCHEMA(letter_fields, struct reader_letter_ask);

static const struct cbor_field record_fields[] = {
    FIELD(1, CBOR_UINT, reader_record, seq, 0),
    FIELD(2, CBOR_UINT, reader_record, type, UINT16_MAX),
    FIELD(3, CBOR_UINT, reader_record, time, 0),
    FIELD(4, CBOR_BYTES, reader_record, body, LETTER_BYTES_MAX),
};
const struct cbor_schema reader_record_schema = CBOR_SCHEMA(record_fields, struct reader_record);

static const struct cbor_field show_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct reader_show_answer, records, READER_RECORDS_MAX,
                      &reader_record_schema),
    MAYBE(2, CBOR_BOOL, reader_show_answer, more, 0),
    MAYBE(3, CBOR_TEXT, reader_show_answer, held, 2000),
    CBOR_SUB_OPTIONAL(4, CBOR_LIST, struct reader_show_answer, rules, READER_RULES_MAX,
                      &reader_record_schema),
};
static const struct cbor_schema show_answer = CBOR_SCHEMA(show_fields, struct reader_show_answer);

static const struct cbor_field export_fields[] = {
    FIELD(1, CBOR_UINT, reader_hit, size, 0),
};
static const struct cbor_schema export_answer = CBOR_SCHEMA(export_fields, struct reader_hit);

static const struct cbor_field verify_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, reader_verify_ask, since, 4096),
    MAYBE(2, CBOR_TEXT, reader_verify_ask, reason, READER_REASON_MAX),
};
static const struct cbor_schema verify_ask =
    CBOR_SCHEMA(verify_ask_fields, struct reader_verify_ask);

static const struct cbor_field fault_fields[] = {
    MAYBE(1, CBOR_UINT, reader_fault, segment, 0),
    MAYBE(2, CBOR_UINT, reader_fault, offset, 0),
    MAYBE(3, CBOR_UINT, reader_fault, seq, 0),
    FIELD(4, CBOR_TEXT, reader_fault, what, 512),
};
static const struct cbor_schema fault = CBOR_SCHEMA(fault_fields, struct reader_fault);

static const struct cbor_field verify_answer_fields[] = {
    MAYBE(1, CBOR_UINT, reader_verify_answer, records, 0),
    MAYBE(2, CBOR_UINT, reader_verify_answer, segments, 0),
    MAYBE(3, CBOR_BYTES, reader_verify_answer, root, 32),
    MAYBE(4, CBOR_BOOL, reader_verify_answer, since_checked, 0),
    CBOR_SUB_OPTIONAL(5, CBOR_LIST, struct reader_verify_answer, faults, READER_FAULTS_MAX, &fault),
    MAYBE(6, CBOR_UINT, reader_verify_answer, faults_found, 0),
};
static const struct cbor_schema verify_answer =
    CBOR_SCHEMA(verify_answer_fields, struct reader_verify_answer);

const struct ipc_message reader_search = {1, "reader_search", &search_ask, &search_answer};
const struct ipc_message reader_show = {2, "reader_show", &letter_ask, &show_answer};
const struct ipc_message reader_export = {3, "reader_export", &letter_ask, &export_answer,
                                          .answer_fd = IPC_FD_SEALED};
const struct ipc_message reader_verify = {4, "reader_verify", &verify_ask, &verify_answer};

static const struct cbor_field prove_ask_fields[] = {
    FIELD(1, CBOR_TEXT, reader_prove_ask, note, 4096),
    MAYBE(2, CBOR_BYTES, reader_prove_ask, id, LETTER_ID_LEN),
    MAYBE(3, CBOR_TEXT, reader_prove_ask, since, 4096),
    MAYBE(4, CBOR_TEXT, reader_prove_ask, reason, READER_REASON_MAX),
};
static const struct cbor_schema prove_ask = CBOR_SCHEMA(prove_ask_fields, struct reader_prove_ask);

static const struct cbor_field prove_answer_fields[] = {
    FIELD(1, CBOR_TEXT, reader_prove_answer, proof, READER_PROOF_MAX),
};
static const struct cbor_schema prove_answer =
    CBOR_SCHEMA(prove_answer_fields, struct reader_prove_answer);

const struct ipc_message reader_prove = {7, "reader_prove", &prove_ask, &prove_answer};
const struct ipc_message reader_growth = {8, "reader_growth", &prove_ask, &prove_answer};

static const struct cbor_field anchors_ask_fields[] = {
    MAYBE(1, CBOR_UINT, reader_anchors_ask, seq, 0),
    MAYBE(2, CBOR_UINT, reader_anchors_ask, segment, UINT32_MAX),
    MAYBE(3, CBOR_UINT, reader_anchors_ask, offset, 0),
};
static const struct cbor_schema anchors_ask =
    CBOR_SCHEMA(anchors_ask_fields, struct reader_anchors_ask);

static const struct cbor_field anchor_fields[] = {
    MAYBE(1, CBOR_UINT, reader_anchor, seq, 0),
    MAYBE(2, CBOR_UINT, reader_anchor, time, 0),
    FIELD(3, CBOR_BYTES, reader_anchor, body, READER_ANCHOR_MAX),
};
static const struct cbor_schema anchor = CBOR_SCHEMA(anchor_fields, struct reader_anchor);

static const struct cbor_field anchors_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct reader_anchors_answer, anchors, READER_ANCHORS_MAX,
                      &anchor),
    MAYBE(2, CBOR_UINT, reader_anchors_answer, seq, 0),
    MAYBE(3, CBOR_UINT, reader_anchors_answer, segment, UINT32_MAX),
    MAYBE(4, CBOR_UINT, reader_anchors_answer, offset, 0),
    MAYBE(5, CBOR_BOOL, reader_anchors_answer, more, 0),
};
static const struct cbor_schema anchors = CBOR_SCHEMA(anchors_fields, struct reader_anchors_answer);

const struct ipc_message reader_anchors = {5, "reader_anchors", &anchors_ask, &anchors};

static const struct cbor_field imports_fields[] = {
    MAYBE(3, CBOR_TEXT, reader_letter_ask, reason, READER_REASON_MAX),
    MAYBE(4, CBOR_UINT, reader_letter_ask, from, 0),
};
static const struct cbor_schema imports_ask = CBOR_SCHEMA(imports_fields, struct reader_letter_ask);

const struct ipc_message reader_imports = {40, "reader_imports", &imports_ask, &show_answer};
const struct ipc_message reader_import = {41, "reader_import", &letter_ask, &show_answer};

static const struct cbor_field pull_ask_fields[] = {
    FIELD(1, CBOR_TEXTS, reader_pull_ask, ids, READER_PULL_MAX),
    MAYBE(2, CBOR_TEXT, reader_pull_ask, reason, READER_REASON_MAX),
    MAYBE(3, CBOR_TEXT, reader_pull_ask, case_name, HOLD_NAME_MAX),
};
static const struct cbor_schema pull_ask = CBOR_SCHEMA(pull_ask_fields, struct reader_pull_ask);

static const struct cbor_field pulled_fields[] = {
    FIELD(1, CBOR_TEXT, reader_pulled, id, LETTER_ID_TEXT),
    MAYBE(2, CBOR_UINT, reader_pulled, seq, 0),
    MAYBE(3, CBOR_BYTES, reader_pulled, facts, IPC_BODY_MAX),
    MAYBE(4, CBOR_BYTES, reader_pulled, findings, IPC_BODY_MAX),
    MAYBE(5, CBOR_UINT, reader_pulled, start, 0),
    MAYBE(6, CBOR_UINT, reader_pulled, len, 0),
    MAYBE(7, CBOR_TEXT, reader_pulled, failure, ERROR_TEXT_MAX),
};
static const struct cbor_schema pulled = CBOR_SCHEMA(pulled_fields, struct reader_pulled);

static const struct cbor_field pull_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct reader_pull_answer, letters, READER_PULL_MAX, &pulled),
};
static const struct cbor_schema pull_answer = CBOR_SCHEMA(pull_fields, struct reader_pull_answer);

static const struct cbor_field exported_fields[] = {
    MAYBE(1, CBOR_TEXT, reader_exported_ask, query, 4096),
    FIELD(2, CBOR_TEXT, reader_exported_ask, digest, 64),
    MAYBE(3, CBOR_UINT, reader_exported_ask, count, 0),
    MAYBE(4, CBOR_TEXT, reader_exported_ask, reason, READER_REASON_MAX),
    MAYBE(5, CBOR_TEXT, reader_exported_ask, case_name, HOLD_NAME_MAX),
};
static const struct cbor_schema exported_ask =
    CBOR_SCHEMA(exported_fields, struct reader_exported_ask);

const struct ipc_message reader_pull = {42, "reader_pull", &pull_ask, &pull_answer,
                                        .answer_fd = IPC_FD_SEALED};
const struct ipc_message reader_exported = {43, "reader_exported", &exported_ask, NULL};
