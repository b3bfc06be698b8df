/* Every verb there is. docs/man/postern.1 describes them in the same order. */
#include "cli/cli.h"
#include "cli/letter.h"
#include "cli/master.h"
#include "cli/options.h"
#include "cli/passwords.h"
#include "cli/policy.h"
#include "cli/session.h"
#include "cli/user.h"
#include "cli/verbs_account.h"
#include "cli/verbs_devices.h"
#include "cli/verbs_directory.h"
#include "cli/verbs_domain.h"
#include "cli/verbs_domains.h"
#include "cli/verbs_drill.h"
#include "cli/verbs_pgp.h"
#include "cli/verbs_recipients.h"
#include "cli/verbs_totp.h"

static const struct argument_option order_options[] = {
    OPTION("all", 0, NULL, "everything that it can be done to"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

static const struct argument_option reason_options[] = {
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

static const struct argument_option backup_options[] = {
    OPTION("with-master-key", 0, NULL, "so that it opens without the recovery key: guard it well"),
    MASTER_OPTION,
    OPTION_END,
};

#define READING_REASON                                                                             \
    OPTION("reason", 'r', "TEXT", "why you read others' letters; stands in the ledger")

#define READING_CASE OPTION("case", 0, "NAME", "only letters of this case, whose reason counts")

static const struct argument_option prove_options[] = {
    READING_REASON,
    OPTION_END,
};

static const struct argument_option show_options[] = {
    READING_REASON,
    READING_CASE,
    OPTION_END,
};

static const struct argument_option acts_options[] = {
    OPTION("limit", 'n', "N", "show at most so many, the newest; 50"),
    OPTION("by", 0, "WHO", "only what this account did, or a user of the machine, `uid 0`"),
    OPTION("refused", 0, NULL, "only what was refused"),
    OPTION("reason", 'r', "TEXT", "why you look; stands in the ledger"),
    OPTION_END,
};

static const struct argument_option search_options[] = {
    OPTION("limit", 'n', "N", "show at most so many; 50"),
    OPTION("order", 0, "ORDER",
           "`archived`, what came last first, `date` of the letters, or `relevance`; archived"),
    OPTION("after", 0, "PLACE", "go on where a list ended that said so"),
    READING_REASON,
    READING_CASE,
    OPTION_END,
};

static const struct argument_option export_options[] = {
    READING_REASON,
    READING_CASE,
    OPTION("eml", 0, NULL, "as an .eml file, which is how letters are; for clarity"),
    OPTION("as-sent", 0, NULL, "what left, with its signatures, not what was submitted"),
    OPTION("copy", 0, "N", "with --as-sent, which of several copies; `show` has their numbers"),
    OPTION("output", 'o', "FILE", "write there, to a new file; - is standard output"),
    OPTION("query", 0, "QUERY", "all letters that it finds, to a directory"),
    OPTION("format", 0, "NAME", "`eml`, `mbox`, `edrm` or `concordance`; eml"),
    OPTION("proofs", 0, NULL, "with --query, a proof for each letter, for postern-verify"),
    OPTION_END,
};

#define IMPORT_OPTIONS                                                                             \
    OPTION("source", 0, "NAME", "what this mail is called from now on; the file's name"),          \
        OPTION("journal", 0, NULL, "take the letters within journal reports"),                     \
        OPTION("owner", 0, "ADDRESS", "whose mail it is"),                                         \
        OPTION("reason", 0, "TEXT", "why; stands in the ledger")

static const struct argument_option import_mbox_options[] = {
    IMPORT_OPTIONS,
    OPTION("quoting", 0, "KIND",
           "how \"From \" is protected in letters: `mboxrd`, `mboxo` or `none`; mboxrd"),
    OPTION_END,
};

static const struct argument_option import_options[] = {
    IMPORT_OPTIONS,
    OPTION_END,
};

static const struct argument_option reseal_options[] = {
    OPTION("before", 0, "DATE", "those whose last record is older than that day, 2026-01-31"),
    OPTION("all", 0, NULL, "all of them"),
    OPTION_END,
};

static const struct argument_option verify_options[] = {
    OPTION("since", 0, "CHECKPOINT",
           "file with a checkpoint that somebody kept; - is standard input"),
    OPTION_END,
};

static const struct argument_option anchors_options[] = {
    OPTION("output", 'o', "DIR", "write notes and time stamps there as files, to a new directory"),
    OPTION_END,
};

const struct verb verbs[] = {
    VERB(.name = "help", .words = "[VERB]", .words_max = 2,
         .help = "List the verbs, or explain one.", .run = cli_help),
    VERB(.name = "init", .words = "", .options = init_options,
         .help = "Set up: write postern.conf, make the keys, tell what to publish.",
         .more = "Asks for what is not given when a person sits at the terminal.\n"
                 "Nothing that exists is overwritten.\n",
         .run = cli_init),
    VERB(.name = "login", .words = "[ACCOUNT]", .words_max = 1, .options = login_options,
         .help = "Sign in: the verbs that follow are asked for as this account.",
         .more =
             "Ends with `postern logout`, after `desk-timeout`, and when the account is changed.\n",
         .run = cli_login),
    VERB(.name = "logout", .words = "", .help = "Sign out.", .run = cli_logout),
    VERB(.name = "user add", .words = "ACCOUNT", .words_min = 1, .words_max = 1,
         .options = user_add_options,
         .help = "Make an account; its name is the address its holder logs in with.",
         .run = cli_user_add),
    VERB(.name = "user set", .words = "ACCOUNT", .words_min = 1, .words_max = 1,
         .options = user_set_options, .help = "Change an account; what is not given stays.",
         .run = cli_user_set),
    VERB(.name = "user list", .words = "", .options = user_list_options,
         .help = "List the accounts, with their roles and groups.", .run = cli_user_list),
    VERB(.name = "delegate add", .words = "", .options = delegate_add_options,
         .help =
             "Let an account send as an address that is not its own; Sender then shows its own.",
         .more =
             "Whoever has the address alone grants it himself, signed in. Otherwise an officer "
             "or\nadministrator asks, and where there is an officer another person must approve "
             "it.\n",
         .run = cli_delegate_add),
    VERB(.name = "delegate list", .words = "",
         .help = "List who may send as whom, by whom that was granted, and until when.",
         .run = cli_delegate_list),
    VERB(.name = "delegate remove", .words = "", .options = delegate_remove_options,
         .help = "Take that away again, at once, also from who is connected.",
         .run = cli_delegate_remove),
    DEVICE_VERBS,
    VERB(.name = "password check", .words = "", .options = password_check_options,
         .help = "Say whether a password would do, and why not; nothing is kept of it.",
         .more = "For one that is used elsewhere, too. The exit status is 1 when it would be "
                 "refused.\n",
         .run = cli_password_check),
    VERB(.name = "passwords import", .words = "FILE", .words_min = 1, .words_max = 1,
         .options = passwords_import_options,
         .help = "Refuse the passwords of a list of stolen ones from now on.",
         .more = "FILE is that of Have I Been Pwned, HASH:COUNT on each line, SHA-1 in ascending "
                 "order; - is\nstandard input. The list before is replaced when the new one is "
                 "whole.\n",
         .run = cli_passwords_import),
    ACCOUNT_VERBS,
    DRILL_VERBS,
    TOTP_VERBS,
    PASSKEY_VERBS,
    DIRECTORY_VERBS,
    VERB(.name = "session list", .words = "[ACCOUNT]", .words_max = 1,
         .options = session_list_options,
         .help = "List who is signed in: your own mail programs and sign-ins, or an account's.",
         .run = cli_session_list),
    VERB(.name = "session end", .words = "[ID]", .words_max = 1, .options = session_end_options,
         .help = "End a session, or all of an account, at once; its next letter is refused.",
         .more = "A program that knows the password signs in again: after a theft change it with\n"
                 "`postern user set`, or revoke the app password, which ends the sessions too.\n",
         .run = cli_session_end),
    VERB(.name = "dkim new", .words = "SELECTOR", .words_min = 1, .words_max = 1,
         .options = dkim_new_options,
         .help = "Make DKIM keys: SELECTOR-rsa and SELECTOR-ed25519 for each of our domains.",
         .run = cli_dkim_new),
    DKIM_VERBS,
    VERB(.name = "key wrap", .words = "", .options = key_wrap_options,
         .help = "Keep the master key in another way, without changing it.",
         .more = "The former way is destroyed when the new one was opened again.\n",
         .run = cli_key_wrap),
    VERB(.name = "key rotate", .words = "", .options = key_rotate_options,
         .help = "Put a new master key in force; what the old one opens stays readable.",
         .more =
             "Asks for the recovery key, which goes on working, or hands out a new one. A running\n"
             "posternd starts its processes anew with it.\n",
         .run = cli_key_rotate),
    VERB(.name = "key adopt", .words = "", .options = key_options,
         .help = "Have a running posternd work with master.key as it is now.",
         .run = cli_key_adopt),
    VERB(.name = "key list", .words = "", .options = key_options,
         .help = "List the master key and its former generations, and what each still opens.",
         .run = cli_key_list),
    VERB(.name = "key retire", .words = "GENERATION", .words_min = 1, .words_max = 1,
         .options = key_options, .help = "Destroy a former master key that nothing needs any more.",
         .run = cli_key_retire),
    VERB(.name = "queue list", .words = "", .help = "List what waits to be delivered.",
         .run = cli_queue_list),
    VERB(.name = "queue retry", .words = "[ID...]", .words_max = 1000, .options = order_options,
         .help = "Try to deliver letters at once.", .run = cli_queue_retry),
    VERB(.name = "queue cancel", .words = "[ID...]", .words_max = 1000, .options = order_options,
         .help = "Give letters up: their senders are told.", .run = cli_queue_cancel),
    VERB(.name = "queue hold", .words = "[ID...]", .words_max = 1000, .options = order_options,
         .help = "Keep letters from being delivered.", .run = cli_queue_hold),
    VERB(.name = "queue release", .words = "[ID...]", .words_max = 1000, .options = order_options,
         .help = "Let letters go that are held.", .run = cli_queue_release),
    VERB(.name = "queue decide", .words = "ID...", .words_min = 1, .words_max = 1000,
         .options = reason_options, .help = "Decide once more what their policies hold.",
         .run = cli_queue_decide),
    VERB(.name = "queue pause", .words = "", .options = reason_options,
         .help = "Deliver nothing until resumed, also after a restart; letters are still accepted.",
         .run = cli_queue_pause),
    VERB(.name = "queue resume", .words = "", .options = reason_options, .help = "Deliver again.",
         .run = cli_queue_resume),
    DOMAIN_VERBS,
    OTHER_DOMAIN_VERBS,
    VERB(.name = "acts", .words = "", .options = acts_options,
         .help = "List who signed in, searched, read, exported, ordered or changed what, and why.",
         .run = cli_acts),
    VERB(.name = "search", .words = "[QUERY...]", .words_min = 0, .words_max = 64,
         .options = search_options, .help = "Find letters, newest first.",
         .more =
             "  invoice 2026                  both words, anywhere\n"
             "  '\"annual report\"'             a phrase: quotes for us within quotes for the "
             "shell\n"
             "  from:anna to:partner.test     also subject:, body:, name: (of attachments)\n"
             "  after:2026-11-01 before:2026-12-01\n"
             "  invoice OR reminder, NOT paid, ( ... ); behind -- a word may begin with a dash\n",
         .run = cli_search),
    VERB(.name = "show", .words = "ID", .words_min = 1, .words_max = 1, .options = show_options,
         .help = "Show what is known about a letter and everything that happened to it.",
         .run = cli_show),
    VERB(.name = "export", .words = "[ID|DIR]", .words_min = 0, .words_max = 1,
         .options = export_options,
         .help = "Write a letter, byte for byte as it came; with --query or --case, all that are "
                 "found.",
         .more = "With --query, or with --case and no letter, all go to the directory DIR, or -o "
                 "DIR; what was\ninterrupted goes on when the same is typed again.\n",
         .run = cli_export),
    VERB(.name = "import mbox", .words = "FILE...", .words_min = 1, .words_max = 1000,
         .options = import_mbox_options,
         .help = "Take the letters of mailbox files into the archive; nothing is delivered.",
         .more =
             "What was interrupted goes on where it stopped; what is there is not taken twice.\n",
         .run = cli_import_mbox),
    VERB(.name = "import eml", .words = "DIR...", .words_min = 1, .words_max = 1000,
         .options = import_options,
         .help = "The same with the .eml files of a directory and all below it.",
         .run = cli_import_eml),
    VERB(.name = "import maildir", .words = "DIR...", .words_min = 1, .words_max = 1000,
         .options = import_options, .help = "The same with a Maildir and its folders.",
         .run = cli_import_maildir),
    VERB(.name = "import pst", .words = "FILE...", .words_min = 1, .words_max = 1000,
         .options = import_options, .help = "The same with Outlook's PST files, by readpst.",
         .run = cli_import_pst),
    VERB(.name = "import list", .words = "", .help = "List what was imported, the newest first.",
         .run = cli_import_list),
    VERB(.name = "import report", .words = "ID", .words_min = 1, .words_max = 1,
         .help = "Show what an import took, and what could not be taken, where and why.",
         .run = cli_import_report),
    VERB(.name = "pull status", .words = "",
         .help = "Show what is fetched from providers, when, and what became of it.",
         .run = cli_pull_status),
    VERB(.name = "pull now", .words = "NAME", .words_min = 1, .words_max = 1,
         .help = "Have the letters of a [pull] section fetched at once.", .run = cli_pull_now),
    VERB(.name = "erase", .words = "[ID]", .words_max = 1, .options = erase_options,
         .help = "Take a letter out of the archive for good; that it was there stays provable.",
         .more =
             "With --subject, all letters of a person, but for those that a hold or rule keeps. "
             "Nobody can\nread them any more, and nothing brings them back. Give --reason. It "
             "is done when another person\napproved it.\n",
         .run = cli_erase),
    VERB(.name = "subject list", .words = "",
         .help = "List persons' requests for erasure that were approved, and what became of them.",
         .run = cli_subject_list),
    VERB(.name = "subject show", .words = "NUMBER", .words_min = 1, .words_max = 1,
         .options = subject_options,
         .help = "Show what a request erased, what it kept, why, and until when.",
         .more = "With --answer, what the person who asked can be told.\n",
         .run = cli_subject_show),
    VERB(.name = "subject again", .words = "NUMBER", .words_min = 1, .words_max = 1,
         .options = again_options,
         .help = "Ask for the same once more: what is not to be kept any more is erased.",
         .run = cli_subject_again),
    VERB(.name = "retention set", .words = "CLASS TERM", .words_min = 2, .words_max = 2,
         .options = retention_set_options,
         .help = "Say how long letters of a class are kept: 90d, 36mo, 7y or forever.",
         .more = "Conditions of one kind are alternatives, those of different kinds must all hold; "
                 "without\nany it is about every letter. The longest of a letter's classes wins, "
                 "and a letter of none\nis kept for ever. Letters that are there are looked at "
                 "again in the background.\n",
         .run = cli_retention_set),
    VERB(.name = "retention remove", .words = "CLASS", .words_min = 1, .words_max = 1,
         .options = reason_options, .help = "Take a class's rule away; --reason says why.",
         .run = cli_retention_remove),
    VERB(.name = "retention list", .words = "",
         .help = "List the rules, how many letters are under each, and under none.",
         .run = cli_retention_list),
    VERB(.name = "retention show", .words = "CLASS", .words_min = 1, .words_max = 1,
         .help = "Show all about a rule: for whom, by which law, on whose advice.",
         .run = cli_retention_show),
    VERB(.name = "retention date", .words = "set KEY DATE | remove KEY | list", .words_min = 1,
         .words_max = 3, .options = reason_options,
         .help = "Say on which day something ended from which terms run: an employment, a case.",
         .more = "KEY is an account's name, or what a rule was given as --date-key. Until the day "
                 "is said,\nits letters are kept.\n",
         .run = cli_retention_date),
    VERB(.name = "retention packs", .words = "[show NAME]", .words_max = 2,
         .options = retention_packs_options,
         .help = "List packs of rules that laws ask for, or show one with its citations.",
         .more = "They are no legal advice.\n", .run = cli_retention_packs),
    VERB(.name = "retention take", .words = "PACK", .words_min = 1, .words_max = 1,
         .options = retention_take_options,
         .help = "Set the rules of a pack, on somebody's advice that is recorded.",
         .more = "A pack says how long, and you say for which letters, with the conditions of "
                 "`retention set`;\nwithout any its rules are about every letter. What is not "
                 "verified is taken only by --only.\n",
         .run = cli_retention_take),
    VERB(.name = "disposal preview", .words = "", .options = preview_options,
         .help =
             "Show how many letters are kept by no rule any more, of which classes, and what is "
             "held.",
         .run = cli_disposal_preview),
    VERB(.name = "disposal ask", .words = "", .options = disposal_options,
         .help =
             "Ask that letters whose time is over are destroyed; another person must approve it.",
         .more =
             "What is held stays. Each letter is looked at again in the moment in which it would "
             "be\ndestroyed. Give --reason.\n",
         .run = cli_disposal_ask),
    VERB(.name = "disposal clock", .words = "", .options = reason_options,
         .help = "Say that the clock is right, where it went further than time did.",
         .more = "Until then nothing is disposed of. Give --reason: how you know.\n",
         .run = cli_disposal_clock),
    VERB(.name = "disposal list", .words = "", .options = reason_options,
         .help = "List disposals and erasures: who asked, who approved, what became of them.",
         .run = cli_disposal_list),
    VERB(.name = "disposal certificate", .words = "NUMBER", .words_min = 1, .words_max = 1,
         .options = certificate_options,
         .help = "Write the certificate of a disposal or erasure, which postern-verify proves.",
         .more =
             "NUMBER is that of `disposal list`, or the request's id. It says who asked and who "
             "approved, by\nwhich rules, which records were destroyed, and until when backups "
             "hold their keys; no text of\nthe letters is in it.\n",
         .run = cli_disposal_certificate),
    VERB(.name = "hold add", .words = "NAME [QUERY...]", .words_min = 1, .words_max = 64,
         .options = hold_options,
         .help =
             "Hold letters: nothing of them is disposed of or erased until the hold is released.",
         .more =
             "A query holds all that it finds, also later; `postern help search` explains it. A "
             "name can be\nused again: what is said is added. Give --reason.\n",
         .run = cli_hold_add),
    VERB(.name = "hold list", .words = "", .help = "List the holds.", .run = cli_hold_list),
    VERB(.name = "hold show", .words = "NAME", .words_min = 1, .words_max = 1,
         .help = "Show what a hold holds, and how many letters its queries find now.",
         .run = cli_hold_show),
    VERB(.name = "hold release", .words = "NAME", .words_min = 1, .words_max = 1,
         .options = reason_options, .help = "Ask that a hold ends; another person must approve it.",
         .run = cli_hold_release),
    VERB(.name = "case open", .words = "NAME [ID...]", .words_min = 1, .words_max = 1000,
         .options = case_open_options,
         .help = "Open a case: letters that are gathered for a reason, by ids and by queries.",
         .more = "Its reason stands for whoever reads its letters: `search`, `show` and `export` "
                 "take --case NAME.\nA name is used once.\n",
         .run = cli_case_open),
    VERB(.name = "case add", .words = "NAME [ID...]", .words_min = 1, .words_max = 1000,
         .options = case_options, .help = "Add letters to a case, or a query that goes on finding.",
         .run = cli_case_add),
    VERB(.name = "case remove", .words = "NAME [ID...]", .words_min = 1, .words_max = 1000,
         .options = case_options,
         .help = "Take letters out of a case, whatever finds them, or one of its queries.",
         .run = cli_case_remove),
    VERB(.name = "case note", .words = "NAME TEXT...", .words_min = 2, .words_max = 1000,
         .help = "Write a note into a case; it stands in the ledger.", .run = cli_case_note),
    VERB(.name = "case hold", .words = "NAME", .words_min = 1, .words_max = 1,
         .options = reason_options,
         .help = "Hold what is in a case, and what is added to it: a hold of the same name.",
         .more = "For a case that was opened without --hold. Give --reason.\n",
         .run = cli_case_hold),
    VERB(.name = "case list", .words = "", .options = reason_options, .help = "List the cases.",
         .run = cli_case_list),
    VERB(.name = "case show", .words = "NAME", .words_min = 1, .words_max = 1,
         .options = reason_options,
         .help =
             "Show a case: its reason, queries, how many letters, and everything that was done.",
         .run = cli_case_show),
    VERB(.name = "case close", .words = "NAME", .words_min = 1, .words_max = 1,
         .options = reason_options,
         .help = "Close a case; when it has a hold, ask that this ends, which takes two persons.",
         .more = "Nothing is read for a closed case any more. Give --reason.\n",
         .run = cli_case_close),
    CONTACT_VERBS,
    RECIPIENT_VERBS,
    PGP_VERBS,
    LETTER_VERBS,
    POLICY_VERBS,
    VERB(.name = "approvals", .words = "",
         .help = "List what was asked for and waits for a second person.", .run = cli_approvals),
    VERB(.name = "approve", .words = "REQUEST", .words_min = 1, .words_max = 1,
         .options = reason_options,
         .help = "Be the second person: have done what another one asked for.",
         .more = "It is done at once, exactly as it was asked. Give --reason.\n",
         .run = cli_approve),
    VERB(.name = "refuse", .words = "REQUEST", .words_min = 1, .words_max = 1,
         .options = reason_options, .help = "Say no to what another person asked for.",
         .run = cli_refuse),
    VERB(.name = "withdraw", .words = "REQUEST", .words_min = 1, .words_max = 1,
         .options = reason_options, .help = "Take back what you asked for.", .run = cli_withdraw),
    VERB(.name = "ledger verify", .words = "", .options = verify_options,
         .help = "Check that every record is there, in order and unaltered.",
         .run = cli_ledger_verify),
    VERB(.name = "ledger anchors", .words = "", .options = anchors_options,
         .help = "List the checkpoints that went to somebody else: mailed, time-stamped, to files.",
         .run = cli_ledger_anchors),
    VERB(.name = "ledger prove", .words = "ID", .words_min = 1, .words_max = 1,
         .options = prove_options,
         .help =
             "Print a proof that a letter's bytes are in the ledger, for postern-verify --proof.",
         .run = cli_ledger_prove),
    VERB(.name = "ledger growth", .words = "CHECKPOINT", .words_min = 1, .words_max = 1,
         .help = "Print a proof that the ledger goes on from a checkpoint, for postern-verify "
                 "--proof.",
         .run = cli_ledger_growth),
    VERB(.name = "ledger reseal", .words = "", .options = reseal_options,
         .help = "Make packs again, under fresh keys and without what was erased.",
         .more = "It is done in the background. Without options: those of which 1 % is erased.\n",
         .run = cli_ledger_reseal),
    VERB(.name = "ledger key", .words = "",
         .help = "Print the public key that checkpoints are signed with, for who keeps them.",
         .run = cli_ledger_key),
    VERB(.name = "checkpoint", .words = "",
         .help = "Sign the ledger's state now and print the checkpoint, for somebody else to keep.",
         .run = cli_checkpoint),
    VERB(.name = "status", .words = "", .help = "Show how it is going.", .run = cli_status),
    VERB(.name = "check-config", .words = "",
         .help = "Say whether the configuration file is right, and if not, what is wrong in which "
                 "line.",
         .run = cli_check_config),
    VERB(.name = "config explain", .words = "NAME", .words_min = 1, .words_max = 1,
         .help = "Explain one setting.", .run = cli_config_explain),
    VERB(.name = "catalog rebuild", .words = "",
         .help = "Make catalog and search index again from the ledger alone.",
         .run = cli_catalog_rebuild),
    VERB(.name = "backup", .words = "DIR", .words_min = 1, .words_max = 1,
         .options = backup_options,
         .help =
             "Copy ledger, state, keys and configuration to a new directory, and verify the copy.",
         .more =
             "posternd goes on meanwhile. TLS certificate and key are not ours and not copied.\n",
         .run = cli_backup),
    VERB(.name = "backup now", .words = "", .options = reason_options,
         .help = "Have the daemon make a backup at `backup-target` now, and wait for it.",
         .run = cli_backup_now),
    VERB(.name = "backup list", .words = "",
         .help = "List the backups and trial restores that were made, the newest first.",
         .run = cli_backup_list),
    VERB(.name = "backup forget", .words = "OBJECTS TARGET", .words_min = 2, .words_max = 2,
         .options = reason_options, .help = "Say that the backups at a former target were removed.",
         .more =
             "OBJECTS and TARGET as `backup list` shows them. Remove them first; give --reason.\n",
         .run = cli_backup_forget),
    VERB(.name = "backup verify", .words = "", .options = reason_options,
         .help = "Fetch and open every object of the newest backup.", .run = cli_backup_verify),
    VERB(.name = "backup try", .words = "", .options = reason_options,
         .help = "Really restore the newest backup to an empty folder, verify it, remove it again.",
         .run = cli_backup_try),
    VERB(.name = "restore", .words = "[DIR]", .words_max = 1, .options = restore_options,
         .help = "Make an empty data directory from a backup, and verify it; or take letters out.",
         .more = "Without DIR the backup is fetched from a backup target. Delivery begins paused\n"
                 "unless --resume is given. Letters are written to files; no ledger is touched.\n",
         .run = cli_restore),
};
const size_t verbs_count = sizeof(verbs) / sizeof(verbs[0]);
