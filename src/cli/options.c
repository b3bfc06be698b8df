#include "cli/options.h"

#include "cli/master.h"

const struct argument_option init_options[] = {
    OPTION_MANY("domain", "NAME", "a mail domain of ours"),
    OPTION("hostname", 0, "NAME", "the name of this server"),
    OPTION("next-hop", 0, "HOP", "`direct` (by MX) or HOST[:PORT] of a smart host"),
    OPTION("smarthost-user", 0, "NAME", "account at the smart host"),
    OPTION("smarthost-password-file", 0, "FILE", "file with its password"),
    OPTION_MANY("anchor", "WHERE", "mailbox, /file or time stamp authority's URL outside"),
    OPTION("data-directory", 0, "DIR", "where everything is kept"),
    OPTION("listen-submissions", 0, "ADDRESS", "where clients connect with TLS, *:465"),
    OPTION("listen-submission", 0, "ADDRESS", "where clients connect for STARTTLS, *:587"),
    OPTION("tls-certificate", 0, "FILE", "certificate shown to clients, PEM"),
    OPTION("tls-key", 0, "FILE", "its private key, PEM"),
    OPTION_MANY("set", "SETTING", "any other: NAME=VALUE or SECTION/NAME=VALUE"),
    OPTION("recovery-key-stdin", 0, NULL, "take the key typed back from standard input"),
    OPTION("recovery-key-out", 0, "FILE", "write the recovery key there instead of asking"),
    OPTION_END,
};

const struct argument_option login_options[] = {
    OPTION("password-stdin", 0, NULL, "the password is one line of standard input"),
    OPTION("code", 0, "CODE", "of the second factor, or a recovery code, instead of asking"),
    OPTION("passkey", 0, NULL, "with a passkey alone, and no password"),
    OPTION("oidc", 0, "NAME", "by the provider of that [oidc]: in a browser on this machine"),
    OPTION("device", 0, NULL, "with --oidc: in a browser on any machine, by a code to type there"),
    OPTION("port", 0, "PORT", "on loopback, where the browser brings the answer to; any"),
    JSON_OPTION,
    OPTION_END,
};

const struct argument_option app_password_options[] = {
    OPTION_MANY("scope", "WHAT", "what it is good for: `send`, `read`; send"),
    OPTION_MANY("address", "ADDRESS", "it sends as this address alone, one of the account's"),
    OPTION_MANY("to-domain", "NAME", "it sends to recipients in this domain alone"),
    OPTION_MANY("network", "NETWORK", "it signs in from there alone: 192.0.2.0/24"),
    LIMIT_OPTIONS,
    OPTION("expires", 0, "WHEN", "when it ends: `90d` from now, or a day as 2027-01-31; never"),
    PROOF_OPTIONS,
    OPTION_END,
};

const struct argument_option device_options[] = {
    OPTION("account", 0, "ACCOUNT", "whose it is, for an officer or administrator; yours"),
    OPTION("certificate", 0, "FILE", "its certificate (PEM), whose key counts"),
    OPTION("pin", 0, "HEX", "or the SHA-256 of that key (SubjectPublicKeyInfo)"),
    OPTION_MANY("from", "ADDRESS", "it sends as this address alone, one of the account's"),
    OPTION_MANY("to-domain", "NAME", "it sends to recipients in this domain alone"),
    OPTION_MANY("network", "NETWORK", "it signs in from there alone: 192.0.2.0/24"),
    LIMIT_OPTIONS,
    OPTION("until", 0, "WHEN", "when it ends: `90d` from now, or a day as 2027-01-31; never"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    PROOF_OPTIONS,
    OPTION_END,
};

const struct argument_option app_revoke_options[] = {
    OPTION("account", 0, "ACCOUNT", "another one's, for an officer or administrator"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option restore_options[] = {
    OPTION("from", 0, "URL", "a backup target; the one of the configuration"),
    OPTION("credentials", 0, "FILE", "what opens the target; as `backup-credentials`"),
    OPTION("host-key", 0, "PRINT", "of an SFTP target; as `backup-host-key`"),
    OPTION("region", 0, "NAME", "of an S3 target; as `backup-region`"),
    OPTION("number", 0, "N", "of the backup, with a backup target; the newest"),
    OPTION("letter", 0, "ID", "only this letter, to the file --output"),
    OPTION("account", 0, "ADDRESS", "only the letters of this account, to the directory --output"),
    OPTION("output", 'o', "PATH", "where letters are written to"),
    OPTION("recovery-key-stdin", 0, NULL, "the recovery key is one line of standard input"),
    MASTER_OPTION,
    OPTION("resume", 0, NULL, "deliver at once, perhaps what was delivered already"),
    OPTION_END,
};

const struct argument_option preview_options[] = {
    OPTION("before", 0, "DATE", "only what was over by the beginning of that day, 2026-01-31"),
    OPTION_END,
};

const struct argument_option disposal_options[] = {
    OPTION("before", 0, "DATE", "only what was over by the beginning of that day, 2026-01-31"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option certificate_options[] = {
    OPTION("output", 'o', "FILE", "write there, to a new file; - is standard output"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option hold_options[] = {
    OPTION_MANY("letter", "ID", "a letter that it holds, besides what the query finds"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option case_open_options[] = {
    OPTION("reason", 0, "TEXT", "why its letters are read; stands in the ledger"),
    OPTION("query", 0, "QUERY", "letters that it finds, also later, are in the case"),
    OPTION("hold", 0, NULL, "hold what is added to it, until two persons end that"),
    OPTION_END,
};

const struct argument_option case_options[] = {
    OPTION("query", 0, "QUERY", "letters that it finds, also later"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option dkim_new_options[] = {
    OPTION("domain", 0, "NAME", "only for this domain; all of ours when not given"),
    OPTION("algorithm", 0, "NAME", "`rsa` or `ed25519`: one key called SELECTOR"),
    OPTION("bits", 0, "N", "of the RSA key, 2048 to 4096"),
    OPTION_END,
};

const struct argument_option delegate_add_options[] = {
    OPTION("from", 0, "ADDRESS|GROUP", "as whom: an address of ours, or every address of a group"),
    OPTION("to", 0, "ACCOUNT", "the account that may send so"),
    OPTION("until", 0, "DATE", "the last day, 2027-01-31, or the moment, 2027-01-31T12:00:00Z"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION("password-stdin", 0, NULL,
           "for an address that is yours: your password is one line of standard input"),
    OPTION("code", 0, "CODE", "of the second factor, or a recovery code, instead of the password"),
    OPTION("passkey", 0, NULL, "a passkey of yours instead of the password"),
    JSON_OPTION,
    OPTION_END,
};

const struct argument_option delegate_remove_options[] = {
    OPTION("from", 0, "ADDRESS|GROUP", "as it was given to `delegate add`"),
    OPTION("to", 0, "ACCOUNT", "likewise"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option erase_options[] = {
    OPTION_MANY("subject", "ADDRESS", "all letters from or to this person; commas between several"),
    OPTION_MANY("words", "TEXT", "and those in which this stands, a name for instance"),
    OPTION("preview", 0, NULL, "with these, only show what would be erased, what kept, and why"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option again_options[] = {
    OPTION("preview", 0, NULL, "only show what would be erased now"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option subject_options[] = {
    OPTION("answer", 0, NULL, "only what the person can be told"),
    OPTION("output", 'o', "FILE", "write there, to a new file; - is standard output"),
    OPTION_END,
};

const struct argument_option code_options[] = {
    OPTION("code", 0, "CODE", "instead of asking for it"),
    OPTION_END,
};

const struct argument_option passkey_options[] = {
    OPTION("password-stdin", 0, NULL, "the password is one line of standard input"),
    OPTION("code", 0, "CODE", "of the second factor, or a recovery code, instead of the password"),
    OPTION("passkey", 0, NULL, "a passkey that there is instead of the password"),
    JSON_OPTION,
    OPTION_END,
};

const struct argument_option passkey_remove_options[] = {
    OPTION("code", 0, "CODE", "of the second factor, or a recovery code, instead of a passkey"),
    JSON_OPTION,
    OPTION("account", 0, "ACCOUNT", "another one's, for an officer or administrator"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option totp_on_options[] = {
    OPTION("code", 0, "CODE", "the first one, instead of showing a secret"),
    OPTION("password-stdin", 0, NULL, "your password is one line of standard input"),
    OPTION("passkey", 0, NULL, "a passkey of yours instead of the password"),
    JSON_OPTION,
    OPTION_END,
};

const struct argument_option totp_off_options[] = {
    OPTION("code", 0, "CODE", "of the second factor, or a recovery code, instead of asking"),
    OPTION("passkey", 0, NULL, "a passkey of yours instead of a code"),
    JSON_OPTION,
    OPTION("account", 0, "ACCOUNT", "another one's, for an officer or administrator"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};
