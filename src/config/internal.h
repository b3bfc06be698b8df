/* config/internal - what the reader, the value types and the documentation share. */
#pragma once

#include "config/config.h"

enum config_verdict {
    CONFIG_FITS,
    CONFIG_MALFORMED, /* not how a value of this type is written */
    CONFIG_TOO_SMALL,
    CONFIG_TOO_LARGE,
};

/* One line of a file, taken apart. */
struct config_line {
    enum { CONFIG_LINE_EMPTY, CONFIG_LINE_SECTION, CONFIG_LINE_SETTING, CONFIG_LINE_BAD } kind;
    struct slice name;  /* of the section or setting */
    struct slice value; /* a setting's text behind the `=`, still quoted, or a section's argument;
                              comments and blanks at either end are gone */
    const char *complaint; /* CONFIG_LINE_BAD: what was expected */
};

/* Take one line apart, given without its line end. */
struct config_line config_line_read(struct slice line);

/* Take the next value of a list from *rest, or the only value when `list` is false; without its
 * quotes. False when a quote is not closed or something follows it. */
bool config_line_item(struct slice *rest, bool list, struct slice *item);

/* Bytes a value of the type takes in a struct. */
size_t config_value_width(enum config_type type);

/* Read `text` as a value of the row's type into *out (config_value_width() bytes). *out is
 * untouched unless the verdict is CONFIG_FITS. */
enum config_verdict config_value_read(const struct config_setting *row, struct slice text,
                                      struct arena *arena, void *out);

/* Add one item behind the list's others, as a copy. */
void config_list_add(struct config_list *list, struct arena *arena, const void *item, size_t width);

/* Read every item of `text` into `member`, which stands where the row says. Lists are added to.
 * *culprit is the item that did not fit. */
enum config_verdict config_member_read(const struct config_setting *row, struct slice text,
                                       struct arena *arena, void *member, struct slice *culprit);

/* What the row wants, for a person: "a size with a unit such as `50MiB`". */
struct slice config_wants(const struct config_setting *row, enum config_verdict verdict,
                          struct arena *arena);

/* "a size, from 64KiB to 1GiB": type and bounds for the manual. */
struct slice config_type_text(const struct config_setting *row, struct arena *arena);

/* A duration or size in the largest unit that divides it. */
struct slice config_unit_text(enum config_type type, uint64_t value, struct arena *arena);

/* The row of that name, or NULL. */
const struct config_setting *config_row(const struct config_section *section, struct slice name);

/* The setting of this section whose name is nearest to a mistyped one, or NULL. */
const char *config_nearest(const struct config_section *section, struct slice name);

/* How many single-letter changes lead from a to b; SIZE_MAX when either is unreasonably long. */
size_t config_distance(struct slice a, struct slice b);

/* The tables of settings_server.c and settings_mail.c. */
extern const struct config_table settings_general_table;
extern const struct config_table settings_process_table;
extern const struct config_table settings_archive_table;
extern const struct config_table settings_auth_table;
extern const struct config_table settings_limits_table;
extern const struct config_table settings_reports_table;
extern const struct config_table settings_scanners_table;
extern const struct config_table settings_documents_table;
extern const struct config_table settings_courier_table;
extern const struct config_table settings_backup_table;
extern const struct config_table settings_contacts_table;
extern const struct config_table settings_openpgp_table;
extern const struct config_table settings_smime_table;
extern const struct config_table settings_signing_table;
extern const struct config_table settings_metrics_table;
extern const struct config_table settings_submission_table;
extern const struct config_table settings_dns_table;
extern const struct config_table settings_delivery_table;
extern const struct config_table settings_dkim_table;
extern const struct config_table settings_domain_table;
extern const struct config_table settings_smarthost_table;
extern const struct config_table settings_pull_table;
extern const struct config_table settings_journal_table;
extern const struct config_table settings_connectors_table;
extern const struct config_table settings_connector_table;
extern const struct config_table *const settings_approval_tables[2];
extern const struct config_table *const settings_policy_tables[2];
extern const struct config_table *const settings_label_tables[1];
extern const struct config_table settings_directory_table;
extern const struct config_table settings_certificates_table;
extern const struct config_table settings_oidc_table;
extern const struct config_table settings_update_table;

struct settings;

/* What contradicts itself in the [oidc] sections, or NULL. */
const char *settings_oidc_contradiction(const struct settings *s);
