#include "requests/directory.h"

#include "letter/group.h"
#include "letter/records.h"
#include "requests/auth.h"

#define NAME_TEXT_MAX   255
#define SENTENCE_MAX    400
#define DIRECTORIES_MAX 16

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field prove_fields[] = {
    FIELD(1, CBOR_TEXT, directory_prove_ask, directory, DIRECTORY_NAME_MAX),
    MAYBE(2, CBOR_BYTES, directory_prove_ask, key, DIRECTORY_KEY_MAX),
    MAYBE(3, CBOR_BYTES, directory_prove_ask, password, AUTH_PASSWORD_MAX),
};
static const struct cbor_schema prove = CBOR_SCHEMA(prove_fields, struct directory_prove_ask);

static const struct cbor_field proved_fields[] = {
    FIELD(1, CBOR_UINT, directory_prove_answer, verdict, DIRECTORY_AWAY),
};
static const struct cbor_schema proved = CBOR_SCHEMA(proved_fields, struct directory_prove_answer);

static const struct cbor_field people_ask_fields[] = {
    FIELD(1, CBOR_TEXT, directory_people_ask, directory, DIRECTORY_NAME_MAX),
    MAYBE(2, CBOR_UINT, directory_people_ask, reading, 0),
    MAYBE(3, CBOR_UINT, directory_people_ask, from, DIRECTORY_PEOPLE_MAX),
};
static const struct cbor_schema people_ask =
    CBOR_SCHEMA(people_ask_fields, struct directory_people_ask);

static const struct cbor_field person_fields[] = {
    FIELD(1, CBOR_BYTES, directory_person, key, DIRECTORY_KEY_MAX),
    MAYBE(2, CBOR_TEXT, directory_person, name, NAME_TEXT_MAX),
    MAYBE(3, CBOR_TEXTS, directory_person, addresses, DIRECTORY_ADDRESSES_MAX),
    MAYBE(4, CBOR_UINT, directory_person, role, ACCOUNT_ADMINISTRATOR),
    MAYBE(5, CBOR_TEXTS, directory_person, groups, GROUPS_MAX),
    MAYBE(6, CBOR_BOOL, directory_person, closed, 0),
};
static const struct cbor_schema person = CBOR_SCHEMA(person_fields, struct directory_person);

static const struct cbor_field people_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct directory_people_answer, people, DIRECTORY_PAGE,
                      &person),
    FIELD(2, CBOR_UINT, directory_people_answer, reading, 0),
    FIELD(3, CBOR_UINT, directory_people_answer, total, DIRECTORY_PEOPLE_MAX),
    MAYBE(4, CBOR_TEXT, directory_people_answer, server, SENTENCE_MAX),
};
static const struct cbor_schema people = CBOR_SCHEMA(people_fields, struct directory_people_answer);

static const struct cbor_field contacts_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct directory_contacts_answer, contacts,
                      DIRECTORY_CONTACTS_PAGE, &contact_schema),
    FIELD(2, CBOR_UINT, directory_contacts_answer, reading, 0),
    FIELD(3, CBOR_UINT, directory_contacts_answer, total, DIRECTORY_CONTACTS_MAX),
};
static const struct cbor_schema contacts =
    CBOR_SCHEMA(contacts_fields, struct directory_contacts_answer);

static const struct cbor_field certificates_ask_fields[] = {
    FIELD(1, CBOR_TEXT, directory_certificates_ask, section, DIRECTORY_NAME_MAX),
    FIELD(2, CBOR_TEXT, directory_certificates_ask, address, LETTER_ADDRESS_MAX),
    FIELD(3, CBOR_UINT, directory_certificates_ask, within_ms, DIRECTORY_CERTIFICATES_MS_MAX),
};
static const struct cbor_schema certificates_ask =
    CBOR_SCHEMA(certificates_ask_fields, struct directory_certificates_ask);

static const struct cbor_field certificate_fields[] = {
    FIELD(1, CBOR_BYTES, directory_certificate, bytes, DIRECTORY_CERTIFICATE_MAX),
};
static const struct cbor_schema certificate =
    CBOR_SCHEMA(certificate_fields, struct directory_certificate);

static const struct cbor_field certificates_fields[] = {
    FIELD(1, CBOR_UINT, directory_certificates_answer, told, DIRECTORY_LIMITED),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct directory_certificates_answer, certificates,
                      DIRECTORY_CERTIFICATES_MAX, &certificate),
    MAYBE(3, CBOR_BOOL, directory_certificates_answer, more, 0),
};
static const struct cbor_schema certificates =
    CBOR_SCHEMA(certificates_fields, struct directory_certificates_answer);

static const struct cbor_field run_fields[] = {
    FIELD(1, CBOR_TEXT, admin_directory_run_ask, directory, 255),
    MAYBE(2, CBOR_BOOL, admin_directory_run_ask, test, 0),
    MAYBE(3, CBOR_UINT, admin_directory_run_ask, close, UINT32_MAX),
    MAYBE(4, CBOR_UINT, admin_directory_run_ask, drop, UINT32_MAX),
};
static const struct cbor_schema run = CBOR_SCHEMA(run_fields, struct admin_directory_run_ask);

static const struct cbor_field report_fields[] = {
    FIELD(1, CBOR_TEXT, directory_report, directory, DIRECTORY_NAME_MAX),
    MAYBE(2, CBOR_UINT, directory_report, people, 0),
    MAYBE(3, CBOR_UINT, directory_report, added, 0),
    MAYBE(4, CBOR_UINT, directory_report, changed, 0),
    MAYBE(5, CBOR_UINT, directory_report, closed, 0),
    MAYBE(6, CBOR_UINT, directory_report, opened, 0),
    MAYBE(7, CBOR_UINT, directory_report, left_out, 0),
    MAYBE(8, CBOR_TEXTS, directory_report, lines, DIRECTORY_LINES_MAX),
    MAYBE(9, CBOR_UINT, directory_report, more, 0),
    MAYBE(10, CBOR_TEXT, directory_report, failure, SENTENCE_MAX),
    MAYBE(11, CBOR_TEXT, directory_report, server, SENTENCE_MAX),
    MAYBE(12, CBOR_UINT, directory_report, ended_at, 0),
    MAYBE(13, CBOR_UINT, directory_report, next_at, 0),
    MAYBE(14, CBOR_BOOL, directory_report, running, 0),
    MAYBE(15, CBOR_UINT, directory_report, accounts, 0),
    MAYBE(16, CBOR_BOOL, directory_report, fills_book, 0),
    MAYBE(17, CBOR_UINT, directory_report, contacts, 0),
    MAYBE(18, CBOR_UINT, directory_report, contacts_added, 0),
    MAYBE(19, CBOR_UINT, directory_report, contacts_changed, 0),
    MAYBE(20, CBOR_UINT, directory_report, contacts_removed, 0),
    MAYBE(21, CBOR_UINT, directory_report, contacts_left_out, 0),
};
static const struct cbor_schema report = CBOR_SCHEMA(report_fields, struct directory_report);

static const struct cbor_field directories_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct admin_directories_answer, directories, DIRECTORIES_MAX,
                      &report),
};
static const struct cbor_schema directories =
    CBOR_SCHEMA(directories_fields, struct admin_directories_answer);

const struct ipc_message directory_prove = {243, "directory_prove", &prove, &proved,
                                            .secret = true};
const struct ipc_message directory_people = {244, "directory_people", &people_ask, &people};
const struct ipc_message directory_contacts = {452, "directory_contacts", &people_ask, &contacts};
const struct ipc_message directory_certificates = {415, "directory_certificates", &certificates_ask,
                                                   &certificates};
const struct ipc_message admin_directory_run = {240, "admin_directory_run", &run, &report};
const struct ipc_message admin_directories = {241, "admin_directories", NULL, &directories};
