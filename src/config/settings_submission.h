/* config/settings_submission - how letters come in from mail clients. */
#pragma once

#include "config/config.h"

/* Written as the character it is. */
enum setting_separator {
    SETTING_SEPARATOR_OFF,
    SETTING_SEPARATOR_PLUS,
    SETTING_SEPARATOR_MINUS,
    SETTING_SEPARATOR_EQUALS,
    SETTING_SEPARATOR_UNDERSCORE,
};

/* That character; 0: there is none. */
uint8_t setting_separator_byte(enum setting_separator separator);

struct submission_settings {
    struct config_list listen_submissions; /* endpoints: implicit TLS, port 465 */
    struct config_list listen_submission;  /* endpoints: STARTTLS, port 587 */
    struct slice tls_certificate;
    struct slice tls_key;
    uint64_t size_limit;
    uint64_t recipients_limit;
    uint64_t header_limit;
    uint64_t header_field_limit;
    uint64_t line_limit;
    uint64_t connections_limit;
    uint64_t connections_per_address;
    uint64_t letters_per_connection;
    int64_t command_timeout_ms;
    int64_t data_timeout_ms;
    int64_t session_timeout_ms;
    int64_t login_timeout_ms;
    bool received_client_address;
    enum setting_separator separator; /* of subaddresses */
};
