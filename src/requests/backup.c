#include "requests/backup.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field next_ask_fields[] = {
    FIELD(1, CBOR_TEXT, backup_next_ask, prefix, BACKUP_PREFIX_MAX),
    FIELD(2, CBOR_TEXT, backup_next_ask, place, BACKUP_PLACE_MAX),
};
static const struct cbor_schema next_ask = CBOR_SCHEMA(next_ask_fields, struct backup_next_ask);

static const struct cbor_field left_fields[] = {
    FIELD(1, CBOR_TEXT, backup_left, prefix, BACKUP_PREFIX_MAX),
    FIELD(2, CBOR_TEXT, backup_left, place, BACKUP_PLACE_MAX),
    MAYBE(3, CBOR_UINT, backup_left, last_at, 0),
    MAYBE(4, CBOR_UINT, backup_left, number, 0),
    MAYBE(5, CBOR_BYTES, backup_left, digest, 32),
};
const struct cbor_schema backup_left_schema = CBOR_SCHEMA(left_fields, struct backup_left);

static const struct cbor_field next_fields[] = {
    MAYBE(1, CBOR_UINT, backup_next, order, BACKUP_LOOK),
    MAYBE(2, CBOR_UINT, backup_next, number, 0),
    MAYBE(3, CBOR_BYTES, backup_next, digest, 32),
    MAYBE(4, CBOR_UINT, backup_next, records, 0),
    MAYBE(5, CBOR_BYTES, backup_next, root, 32),
    MAYBE(6, CBOR_UINT, backup_next, before, 0),
    CBOR_SUB_OPTIONAL(7, CBOR_LIST, struct backup_next, left, BACKUPS_LEFT_MAX,
                      &backup_left_schema),
    MAYBE(8, CBOR_BOOL, backup_next, lock_due, 0),
    MAYBE(9, CBOR_BYTES, backup_next, lock_from, BACKUP_OWN_NAME_LEN),
    MAYBE(10, CBOR_BYTES, backup_next, lock_next, BACKUP_OWN_NAME_LEN),
    MAYBE(11, CBOR_BOOL, backup_next, lock_wrapped, 0),
};
static const struct cbor_schema next = CBOR_SCHEMA(next_fields, struct backup_next);

static const struct cbor_field view_fields[] = {
    FIELD(1, CBOR_UINT, backup_view, at, 0),
    FIELD(2, CBOR_UINT, backup_view, records, 0),
    FIELD(3, CBOR_TEXT, backup_view, note, 4096),
};
static const struct cbor_schema view = CBOR_SCHEMA(view_fields, struct backup_view);

static const struct cbor_field file_fields[] = {
    FIELD(1, CBOR_TEXT, backup_file, directory, BACKUP_NAME_MAX),
    FIELD(2, CBOR_TEXT, backup_file, name, BACKUP_NAME_MAX),
    FIELD(3, CBOR_UINT, backup_file, size, 0),
    MAYBE(4, CBOR_BOOL, backup_file, grows, 0),
};
static const struct cbor_schema file_schema = CBOR_SCHEMA(file_fields, struct backup_file);

static const struct cbor_field files_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct backup_files, files, BACKUP_FILES_MAX, &file_schema),
};
const struct cbor_schema backup_files_schema = CBOR_SCHEMA(files_fields, struct backup_files);

static const struct cbor_field open_fields[] = {
    FIELD(1, CBOR_TEXT, backup_open_ask, directory, BACKUP_NAME_MAX),
    FIELD(2, CBOR_TEXT, backup_open_ask, name, BACKUP_NAME_MAX),
};
static const struct cbor_schema open_ask = CBOR_SCHEMA(open_fields, struct backup_open_ask);

static const struct cbor_field locked_fields[] = {
    FIELD(1, CBOR_UINT, backup_locked, number, 0),
    FIELD(2, CBOR_BYTES, backup_locked, from, BACKUP_OWN_NAME_LEN),
    FIELD(3, CBOR_BYTES, backup_locked, next, BACKUP_OWN_NAME_LEN),
    MAYBE(4, CBOR_BOOL, backup_locked, wrapped, 0),
    MAYBE(5, CBOR_BOOL, backup_locked, done, 0),
    MAYBE(6, CBOR_TEXT, backup_locked, reason, 1000),
};
static const struct cbor_schema locked = CBOR_SCHEMA(locked_fields, struct backup_locked);

static const struct cbor_field order_fields[] = {
    FIELD(1, CBOR_UINT, backup_order_ask, order, BACKUP_LOOK),
    MAYBE(2, CBOR_TEXT, backup_order_ask, reason, 1000),
};
static const struct cbor_schema order_ask = CBOR_SCHEMA(order_fields, struct backup_order_ask);

static const struct cbor_field forget_fields[] = {
    FIELD(1, CBOR_TEXT, backup_forget_ask, prefix, BACKUP_PREFIX_MAX),
    FIELD(2, CBOR_TEXT, backup_forget_ask, place, BACKUP_PLACE_MAX),
    MAYBE(3, CBOR_TEXT, backup_forget_ask, reason, 1000),
};
static const struct cbor_schema forget_ask = CBOR_SCHEMA(forget_fields, struct backup_forget_ask);

static const struct cbor_field ordered_fields[] = {
    MAYBE(1, CBOR_UINT, backup_order_answer, reports, 0),
    MAYBE(2, CBOR_UINT, backup_order_answer, life, 0),
    MAYBE(3, CBOR_UINT, backup_order_answer, records, 0),
};
static const struct cbor_schema ordered = CBOR_SCHEMA(ordered_fields, struct backup_order_answer);

static const struct cbor_field line_fields[] = {
    FIELD(1, CBOR_UINT, backup_line, time, 0),
    FIELD(2, CBOR_UINT, backup_line, order, BACKUP_LOOK),
    MAYBE(3, CBOR_UINT, backup_line, number, 0),
    MAYBE(4, CBOR_UINT, backup_line, at, 0),
    MAYBE(5, CBOR_UINT, backup_line, records, 0),
    MAYBE(6, CBOR_UINT, backup_line, bytes, 0),
    MAYBE(7, CBOR_TEXT, backup_line, reason, 1000),
};
static const struct cbor_schema line_schema = CBOR_SCHEMA(line_fields, struct backup_line);

static const struct cbor_field backups_fields[] = {
    MAYBE(1, CBOR_TEXT, backups_answer, place, BACKUP_PLACE_MAX),
    MAYBE(2, CBOR_UINT, backups_answer, reports, 0),
    MAYBE(3, CBOR_UINT, backups_answer, oldest_at, 0),
    MAYBE(4, CBOR_UINT, backups_answer, keep_ms, 0),
    MAYBE(5, CBOR_UINT, backups_answer, busy, BACKUP_LOOK),
    CBOR_SUB_OPTIONAL(6, CBOR_LIST, struct backups_answer, lines, BACKUPS_LIST_MAX, &line_schema),
    CBOR_SUB_OPTIONAL(7, CBOR_LIST, struct backups_answer, left, BACKUPS_LEFT_MAX,
                      &backup_left_schema),
    MAYBE(8, CBOR_BOOL, backups_answer, more_left, 0),
    MAYBE(9, CBOR_UINT, backups_answer, life, 0),
};
const struct cbor_schema backups_answer_schema = CBOR_SCHEMA(backups_fields, struct backups_answer);

const struct ipc_message keeper_backup_next = {1, "keeper_backup_next", &next_ask, &next};
const struct ipc_message keeper_backup_view = {2, "keeper_backup_view", NULL, &view,
                                               .answer_fd = IPC_FD_SEALED};
const struct ipc_message keeper_backup_open = {3, "keeper_backup_open", &open_ask, NULL,
                                               .answer_fd = IPC_FD_ANY};
const struct ipc_message keeper_backup_made = {4, "keeper_backup_made", &backup_record_schema,
                                               NULL};
const struct ipc_message keeper_backup_tried = {5, "keeper_backup_tried", &trial_record_schema,
                                                NULL};
const struct ipc_message keeper_backup_locked = {7, "keeper_backup_locked", &locked, NULL};
const struct ipc_message keeper_backup_end = {6, "keeper_backup_end", NULL, NULL};
const struct ipc_message admin_backup_order = {95, "admin_backup_order", &order_ask, &ordered};
const struct ipc_message admin_backups = {96, "admin_backups", NULL, &backups_answer_schema};
const struct ipc_message admin_backup_forget = {97, "admin_backup_forget", &forget_ask, NULL};
