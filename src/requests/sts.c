#include "requests/sts.h"

static const struct cbor_field sts_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct keeper_sts_ask, domain, 255),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct keeper_sts_ask, renew, 0),
};
static const struct cbor_schema sts_ask = CBOR_SCHEMA(sts_fields, struct keeper_sts_ask);

static const struct cbor_field sts_answer_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct keeper_sts_answer, mode, STS_ENFORCE),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct keeper_sts_answer, id, STS_ID_MAX),
    CBOR_OPTIONAL(3, CBOR_TEXTS, struct keeper_sts_answer, mx, STS_MX_MAX),
    CBOR_OPTIONAL(4, CBOR_UINT, struct keeper_sts_answer, max_age_s, STS_MAX_AGE_MAX),
    CBOR_OPTIONAL(5, CBOR_BOOL, struct keeper_sts_answer, doubt, 0),
};
static const struct cbor_schema sts_answer =
    CBOR_SCHEMA(sts_answer_fields, struct keeper_sts_answer);

const struct ipc_message keeper_sts = {350, "keeper_sts", &sts_ask, &sts_answer};

static const struct cbor_field result_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct tls_result, policy, TLS_POLICY_STS),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct tls_result, type, 32),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct tls_result, host, 255),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct tls_result, address, 64),
};
const struct cbor_schema tls_result_schema = CBOR_SCHEMA(result_fields, struct tls_result);

static const struct cbor_field show_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct domain_show_ask, domain, 255),
};
static const struct cbor_schema show_ask = CBOR_SCHEMA(show_fields, struct domain_show_ask);

static const struct cbor_field shown_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct domain_show_answer, domain, 255),
    CBOR_FIELD(2, CBOR_TEXT, struct domain_show_answer, where, 600),
    CBOR_OPTIONAL(3, CBOR_UINT, struct domain_show_answer, level, 4),
    CBOR_OPTIONAL(4, CBOR_BOOL, struct domain_show_answer, fixed, 0),
    CBOR_OPTIONAL(5, CBOR_UINT, struct domain_show_answer, mode, STS_ENFORCE),
    CBOR_OPTIONAL(6, CBOR_TEXT, struct domain_show_answer, id, STS_ID_MAX),
    CBOR_OPTIONAL(7, CBOR_TEXTS, struct domain_show_answer, mx, STS_MX_MAX),
    CBOR_OPTIONAL(8, CBOR_UINT, struct domain_show_answer, max_age_s, STS_MAX_AGE_MAX),
    CBOR_OPTIONAL(9, CBOR_UINT, struct domain_show_answer, fetched_at, 0),
    CBOR_OPTIONAL(10, CBOR_UINT, struct domain_show_answer, looked_at, 0),
    CBOR_OPTIONAL(11, CBOR_TEXT, struct domain_show_answer, problem, 32),
    CBOR_OPTIONAL(12, CBOR_TEXT, struct domain_show_answer, why, 1000),
    CBOR_OPTIONAL(13, CBOR_TEXT, struct domain_show_answer, proof, 255),
    CBOR_OPTIONAL(14, CBOR_TEXT, struct domain_show_answer, published, 255),
    CBOR_OPTIONAL(15, CBOR_UINT, struct domain_show_answer, seen_at, 0),
    CBOR_OPTIONAL(16, CBOR_BOOL, struct domain_show_answer, pinned, 0),
    CBOR_OPTIONAL(17, CBOR_UINT, struct domain_show_answer, override_level, 4),
    CBOR_OPTIONAL(18, CBOR_UINT, struct domain_show_answer, override_until, 0),
    CBOR_OPTIONAL(19, CBOR_TEXT, struct domain_show_answer, override_by, 320),
    CBOR_OPTIONAL(20, CBOR_TEXT, struct domain_show_answer, override_reason, 1000),
};
static const struct cbor_schema show_answer = CBOR_SCHEMA(shown_fields, struct domain_show_answer);

const struct ipc_message domain_show = {351, "domain_show", &show_ask, &show_answer};

static const struct cbor_field reports_ask_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXT, struct domain_reports_ask, domain, 255),
};
static const struct cbor_schema reports_ask =
    CBOR_SCHEMA(reports_ask_fields, struct domain_reports_ask);

static const struct cbor_field report_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct domain_report, at, 0),
    CBOR_FIELD(2, CBOR_TEXT, struct domain_report, domain, 255),
    CBOR_FIELD(3, CBOR_UINT, struct domain_report, day, 0),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct domain_report, place, 255),
    CBOR_OPTIONAL(5, CBOR_TEXT, struct domain_report, letter, 32),
    CBOR_OPTIONAL(6, CBOR_UINT, struct domain_report, successes, 0),
    CBOR_OPTIONAL(7, CBOR_UINT, struct domain_report, failed, 0),
    CBOR_OPTIONAL(8, CBOR_TEXT, struct domain_report, why, 160),
};
static const struct cbor_schema report = CBOR_SCHEMA(report_fields, struct domain_report);

static const struct cbor_field reports_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct domain_reports_answer, reports, DOMAIN_REPORTS_MAX,
                      &report),
};
const struct cbor_schema domain_reports_schema =
    CBOR_SCHEMA(reports_fields, struct domain_reports_answer);

const struct ipc_message domain_reports = {352, "domain_reports", &reports_ask,
                                           &domain_reports_schema};
