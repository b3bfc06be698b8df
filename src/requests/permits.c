#include "requests/permits.h"

#include "base/buf.h"

#include "letter/records.h"
#include "requests/acts.h"
#include "requests/admin.h"
#include "requests/approvals.h"
#include "requests/auth.h"
#include "requests/backup.h"
#include "requests/cases.h"
#include "requests/consent.h"
#include "requests/contacts.h"
#include "requests/delegation.h"
#include "requests/directory.h"
#include "requests/disposal.h"
#include "requests/drill.h"
#include "requests/evidence.h"
#include "requests/factors.h"
#include "requests/guard.h"
#include "requests/holds.h"
#include "requests/keys.h"
#include "requests/oidc.h"
#include "requests/openpgp.h"
#include "requests/overrides.h"
#include "requests/own_domain.h"
#include "requests/passkeys.h"
#include "requests/passwords.h"
#include "requests/policy.h"
#include "requests/publish.h"
#include "requests/pull.h"
#include "requests/reader.h"
#include "requests/recipients.h"
#include "requests/redecide.h"
#include "requests/reseal.h"
#include "requests/retention.h"
#include "requests/secrets.h"
#include "requests/sessions.h"
#include "requests/smime.h"
#include "requests/sts.h"
#include "requests/subject.h"

#define AUDITOR       PERMIT_TO(ACCOUNT_AUDITOR)
#define OFFICER       PERMIT_TO(ACCOUNT_OFFICER)
#define ADMINISTRATOR PERMIT_TO(ACCOUNT_ADMINISTRATOR)
#define RUNNING       (OFFICER | ADMINISTRATOR)
#define EVERYBODY     (PERMIT_TO(ACCOUNT_EMPLOYEE) | AUDITOR | RUNNING)

static const struct permit permits[] = {
    {&caller_pass,         "login",            PERMIT_ANYBODY,    false},
    {&admin_sign_in,       "login",            PERMIT_ANYBODY,    false},
    {&passkey_sign_in,     "login",            PERMIT_ANYBODY,    false},
    {&oidc_begin,          "login",            PERMIT_ANYBODY,    false},
    {&oidc_finish,         "login",            PERMIT_ANYBODY,    false},
    {&admin_sign_out,      "logout",           PERMIT_ANYBODY,    false},
    {&admin_status,        "status",           PERMIT_ANYBODY,    false},
    {&admin_user_add,      "user add",         RUNNING,           false},
    {&admin_user_set,      "user set",         RUNNING,           false},
    {&admin_user_list,     "user list",        RUNNING | AUDITOR, false},
    {&password_check,      "password check",   RUNNING,           true },
    {&passwords_imported,  "passwords import", ADMINISTRATOR,     false},
    {&account_limits_set,  "account limits",   RUNNING,           false},
    {&account_show,        "account show",     RUNNING | AUDITOR, false},
    {&account_suspend,     "account suspend",  RUNNING,           false},
    {&account_release,     "account release",  RUNNING,           false},
    {&drill_begin,         "drill",            RUNNING,           false},
    {&drill_look,          "drill",            RUNNING,           false},
    {&drill_end,           "drill",            RUNNING,           false},
    {&admin_dkim_new,      "dkim new",         ADMINISTRATOR,     false},
    {&admin_dkim_list,     "dkim list",        RUNNING | AUDITOR, false},
    {&admin_queue_list,    "queue list",       RUNNING,           false},
    {&admin_order,         "queue order",      RUNNING,           false},
    {&letter_decide,       "queue decide",     RUNNING,           true },
    {&admin_erase,         "erase",            RUNNING,           false},
    {&admin_requests,      "approvals",        RUNNING | AUDITOR, false},
    {&admin_verdict,       "approve",          RUNNING | AUDITOR, false},
    {&admin_pause,         "queue pause",      RUNNING,           false},
    {&admin_domain_forget, "domain forget",    RUNNING,           false},
    {&own_rotate,          "dkim rotate",      ADMINISTRATOR,     false},
    {&own_rotations,       "dkim list",        RUNNING | AUDITOR, false},
    {&own_records,         "domain check",     RUNNING | AUDITOR, false},
    {&own_publish,         "domain publish",   ADMINISTRATOR,     false},
    {&domain_show,         "domain show",      RUNNING | AUDITOR, false},
    {&domain_reports,      "domain reports",   RUNNING | AUDITOR, false},
    {&admin_override,      "domain override",  RUNNING,           false},
    {&admin_checkpoint,    "checkpoint",       RUNNING | AUDITOR, false},
    {&admin_anchored,      "checkpoint",       RUNNING | AUDITOR, false},
    {&admin_rebuild,       "catalog rebuild",  ADMINISTRATOR,     false},
    {&admin_backup,        "backup",           ADMINISTRATOR,     false},
    {&admin_backup_order,  "backup now",       RUNNING,           false},
    {&admin_backups,       "backup list",      RUNNING | AUDITOR, false},
    {&admin_backup_forget, "backup forget",    RUNNING,           false},
    {&admin_import_begin,  "import",           RUNNING,           false},
    {&admin_import_end,    "import",           RUNNING,           false},
    {&reader_imports,      "import list",      RUNNING | AUDITOR, false},
    {&reader_import,       "import report",    RUNNING | AUDITOR, false},
    {&disposal_preview,    "disposal preview", RUNNING | AUDITOR, false},
    {&disposal_ask,        "disposal ask",     RUNNING,           false},
    {&disposal_clock,      "disposal clock",   OFFICER,           false},
    {&subject_preview,     "erase --subject",  OFFICER,           false},
    {&subject_ask,         "erase --subject",  OFFICER,           false},
    {&subject_list,        "subject list",     OFFICER | AUDITOR, false},
    {&subject_letters,     "subject show",     OFFICER | AUDITOR, false},
    {&hold_add,            "hold add",         OFFICER | AUDITOR, false},
    {&hold_list,           "hold list",        RUNNING | AUDITOR, false},
    {&hold_release,        "hold release",     OFFICER | AUDITOR, false},
    {&keys_status,         "key list",         ADMINISTRATOR,     false},
    {&admin_reseal,        "ledger reseal",    RUNNING,           false},
    {&admin_pulls,         "pull status",      RUNNING | AUDITOR, false},
    {&admin_pull_now,      "pull now",         RUNNING,           false},
    {&admin_directory_run, "directory sync",   RUNNING,           false},
    {&admin_directories,   "directory status", RUNNING | AUDITOR, false},
};

/* Reading the archive: a table of its own, so that one look shows who may. */
static const struct permit readings[] = {
    {&reader_search,   "search",              AUDITOR,           true },
    {&reader_show,     "show",                AUDITOR,           true },
    {&reader_export,   "export",              AUDITOR,           true },
    {&reader_pull,     "export",              AUDITOR,           false},
    {&reader_exported, "export",              AUDITOR,           false},
    {&reader_acts,     "acts",                AUDITOR | OFFICER, false},
    {&reader_sign_ins, "session list --past", AUDITOR | OFFICER, true },
    {&reader_verify,   "ledger verify",       RUNNING | AUDITOR, false},
    {&reader_prove,    "ledger prove",        AUDITOR,           false},
    {&reader_growth,   "ledger growth",       RUNNING | AUDITOR, false},
    {&reader_anchors,  "ledger anchors",      RUNNING | AUDITOR, false},
};

/* How long letters are kept: the officer says, who runs the system or audits may look. */
static const struct permit rules[] = {
    {&retention_set,    "retention set",    OFFICER,           false},
    {&retention_remove, "retention remove", OFFICER,           false},
    {&retention_list,   "retention list",   RUNNING | AUDITOR, false},
    {&retention_date,   "retention date",   OFFICER,           false},
    {&retention_dates,  "retention date",   RUNNING | AUDITOR, false},
};

/* Who may send as another: whoever has the address says so himself, what is more an officer or administrator asks. */
static const struct permit delegating[] = {
    {&delegation_add,    "delegate add",    RUNNING,           true},
    {&delegation_remove, "delegate remove", RUNNING,           true},
    {&delegation_list,   "delegate list",   RUNNING | AUDITOR, true},
};

/* The keys of people outside: who runs the system puts them in. */
static const struct permit recipients[] = {
    {&recipient_key_add,  "recipient add-key",    RUNNING,           false},
    {&recipient_key_drop, "recipient remove-key", RUNNING,           false},
    {&smime_add,          "smime",                ADMINISTRATOR,     false},
    {&recipient_list,     "recipient list",       RUNNING | AUDITOR, false},
    {&pgp_new,            "pgp new",              RUNNING,           false},
    {&pgp_revoke,         "pgp revoke",           RUNNING,           false},
    {&recipient_secret,   "recipient secret",     RUNNING,           false},
    {&recipient_phone,    "recipient phone",      RUNNING,           false},
    {&letter_secret,      "letter secret",        EVERYBODY,         false},
};

/* What is gathered for a reason, and what was destroyed. */
static const struct permit gathered[] = {
    {&case_act,             "case",                 OFFICER | AUDITOR, false},
    {&case_close,           "case close",           OFFICER | AUDITOR, false},
    {&reader_cases,         "case show",            OFFICER | AUDITOR, false},
    {&disposal_list,        "disposal list",        RUNNING | AUDITOR, false},
    {&disposal_certificate, "disposal certificate", RUNNING | AUDITOR, false},
    {&suspension_evidence,  "account evidence",     OFFICER | AUDITOR, false},
};

/* What an account's holder does about his own sign-ins; who runs the system, about others'. */
static const struct permit factors[] = {
    {&app_password_add,    "app-password add",    0,                 true },
    {&app_password_list,   "app-password list",   RUNNING | AUDITOR, true },
    {&device_add,          "device add",          RUNNING,           true },
    {&app_password_revoke, "app-password revoke", RUNNING,           true },
    {&app_password_set,    "app-password set",    RUNNING,           true },
    {&device_list_all,     "device list",         RUNNING | AUDITOR, false},
    {&totp_begin,          "totp on",             0,                 true },
    {&totp_confirm,        "totp on",             0,                 true },
    {&totp_codes,          "totp codes",          0,                 true },
    {&totp_off,            "totp off",            RUNNING,           true },
    {&passkey_begin,       "passkey add",         0,                 true },
    {&passkey_add,         "passkey add",         0,                 true },
    {&passkey_list,        "passkey list",        RUNNING | AUDITOR, true },
    {&passkey_remove,      "passkey remove",      RUNNING,           true },
    {&session_list,        "session list",        RUNNING | AUDITOR, true },
    {&session_end,         "session end",         RUNNING,           true },
};

/* Contacts: whoever signs in has some of his own, and looks up the company's. */
static const struct permit contacts[] = {
    {&contact_put,    "contact add",    EVERYBODY, false},
    {&contact_remove, "contact remove", EVERYBODY, false},
    {&contact_find,   "contact find",   EVERYBODY, false},
    {&contact_list,   "contact list",   EVERYBODY, false},
    {&contact_export, "contact export", EVERYBODY, false},
    {&decoys_order,   "decoys",         RUNNING,   false},
};

/* Letters that need a second person: who may say yes is what the letter's decision says (keeper/consent). */
static const struct permit consents[] = {
    {&letter_waiting, "letter waiting", EVERYBODY,         false},
    {&letter_verdict, "letter approve", EVERYBODY,         false},
    {&policy_test,    "policy test",    RUNNING | AUDITOR, false},
    {&policy_show,    "policy show",    RUNNING | AUDITOR, false},
    {&reader_waiting, "letter show",    EVERYBODY,         false},
};

static const struct permit *find_in(const struct permit *rows, size_t count,
                                    const struct ipc_message *message)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].message == message) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct permit *permit_find(const struct ipc_message *message)
{
    const struct permit *p = find_in(permits, sizeof(permits) / sizeof(permits[0]), message);

    p = p ? p : find_in(rules, sizeof(rules) / sizeof(rules[0]), message);
    p = p ? p : find_in(delegating, sizeof(delegating) / sizeof(delegating[0]), message);
    p = p ? p : find_in(factors, sizeof(factors) / sizeof(factors[0]), message);
    p = p ? p : find_in(gathered, sizeof(gathered) / sizeof(gathered[0]), message);
    p = p ? p : find_in(consents, sizeof(consents) / sizeof(consents[0]), message);
    p = p ? p : find_in(recipients, sizeof(recipients) / sizeof(recipients[0]), message);
    p = p ? p : find_in(contacts, sizeof(contacts) / sizeof(contacts[0]), message);
    return p ? p : find_in(readings, sizeof(readings) / sizeof(readings[0]), message);
}

bool permit_ends_with_suspension(const struct ipc_message *message)
{
    static const struct ipc_message *const refused[] = {
        &app_password_add,   &app_password_set,  &device_add,
        &totp_begin,         &totp_confirm,      &totp_codes,
        &passkey_begin,      &passkey_add,       &delegation_add,
        &contact_put,        &contact_remove,    &contact_find,
        &contact_list,       &contact_export,    &letter_verdict,
        &admin_user_add,     &admin_verdict,     &account_limits_set,
        &account_release,    &recipient_key_add, &totp_off,
        &passkey_remove,     &admin_user_set,    &account_suspend,
        &drill_begin,        &admin_order,       &letter_decide,
        &admin_override,     &admin_pause,       &recipient_key_drop,
        &recipient_secret,   &recipient_phone,   &pgp_new,
        &pgp_revoke,         &smime_add,         &delegation_remove,
        &passwords_imported,
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (refused[i] == message) {
            return true;
        }
    }
    return false;
}

/* "an auditor or officer" */
static void name_roles(unsigned roles, struct buf *out)
{
    for (uint64_t i = ACCOUNT_EMPLOYEE; i <= ACCOUNT_ADMINISTRATOR; i++) {
        if (roles & PERMIT_TO(i)) {
            buf_printf(out, "%s%s", out->len ? " or " : "", account_role_name(i));
        }
    }
}

static bool refuse(const struct permit *p, const struct caller *caller, struct error *e)
{
    OWN(buf) struct buf who = {.max = 100};

    if (p->roles == 0) {
        return error_set(e, ERROR_DENIED, "%s is for who is signed in: `postern login ACCOUNT`",
                         p->verb);
    }
    name_roles(p->roles, &who);
    if (caller->role == 0) {
        return error_set(e, ERROR_DENIED,
                         "%s is for who is signed in as %.*s%s: `postern login ACCOUNT`", p->verb,
                         SLICE_ARG(buf_slice(&who)), p->own ? ", or for what is one's own" : "");
    }
    return error_set(e, ERROR_DENIED,
                     "%s is for the role %.*s, and %.*s is %s: `postern login` as another", p->verb,
                     SLICE_ARG(buf_slice(&who)), SLICE_ARG(caller->account),
                     account_role_name(caller->role));
}

bool permit_allows(const struct permit *p, const struct caller *caller, uint64_t *role,
                   struct error *e)
{
    if (caller->role && p->roles & PERMIT_TO(caller->role)) {
        *role = caller->role;
    } else if (caller->machine && p->roles & ADMINISTRATOR) {
        *role = ACCOUNT_ADMINISTRATOR;
    } else if (p->roles & PERMIT_ANYBODY) {
        *role = 0;
    } else if (p->own && caller->role) {
        *role = ACCOUNT_EMPLOYEE;
    } else {
        return refuse(p, caller, e);
    }
    return true;
}

static const struct cbor_field caller_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct caller, by, LETTER_ADDRESS_MAX),
    CBOR_FIELD(2, CBOR_TEXT, struct caller, at, 64),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct caller, account, LETTER_ADDRESS_MAX),
    CBOR_OPTIONAL(4, CBOR_TEXTS, struct caller, addresses, 1001),
    CBOR_OPTIONAL(5, CBOR_UINT, struct caller, role, ACCOUNT_ROLE_LAST),
    CBOR_OPTIONAL(6, CBOR_BOOL, struct caller, machine, 0),
};
static const struct cbor_schema caller_schema = CBOR_SCHEMA(caller_fields, struct caller);

static const struct cbor_field caller_ask_fields[] = {
    CBOR_OPTIONAL(1, CBOR_BYTES, struct caller_ask, pass, AUTH_SESSION_LEN),
    CBOR_OPTIONAL(2, CBOR_UINT, struct caller_ask, uid, UINT32_MAX),
};
static const struct cbor_schema caller_ask_schema =
    CBOR_SCHEMA(caller_ask_fields, struct caller_ask);

static const struct cbor_field pass_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct caller_pass_ask, pass, AUTH_SESSION_LEN),
};
static const struct cbor_schema pass_schema = CBOR_SCHEMA(pass_fields, struct caller_pass_ask);

const struct ipc_message keeper_caller = {11, "keeper_caller", &caller_ask_schema, &caller_schema,
                                          .secret = true};
const struct ipc_message caller_pass = {90, "caller_pass", &pass_schema, NULL, .secret = true};
