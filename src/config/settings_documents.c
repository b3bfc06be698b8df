/* The rows of files that a password opens. */
#include "config/settings_documents.h"

#include "config/internal.h"
#include "config/settings.h"

static const char *const password_words[] = {"generated", "agreed", "told", NULL};
static const char *const text_words[] = {"inside", "outside", NULL};
static const char *const language_words[] = {"english", "german", "french", NULL};

static const struct config_setting rows[] = {
    CONFIG_ROW("attachments-password", CHOICE, struct documents_settings, password,
               .initial = "generated", .words = password_words,
               .help = "Which password opens the files of a letter that the method `attachments` "
                       "protects, when none was agreed on with the recipient.",
               .more = "With `generated` each letter gets one of its own, which `postern letter "
                       "secret` shows to its sender and nobody sends by mail. With `agreed` the "
                       "method cannot be used for a recipient who has none: see `postern recipient "
                       "secret`. With `told` it can also be used for who has a telephone number "
                       "here (`postern recipient phone`): `attachments-password-command` tells him "
                       "a password that is made for the letter."),
    CONFIG_ROW("attachments-password-keep", DURATION, struct documents_settings, keep_ms,
               .initial = "30d", .min = CONFIG_DAY, .max = 365 * CONFIG_DAY,
               .help = "How long a generated password can be shown to the letter's sender.",
               .more = "Then it is destroyed; what the recipient has still opens with it."),
    CONFIG_ROW("attachments-password-command", PATH, struct documents_settings, command,
               .example = "/usr/local/bin/send-sms",
               .help = "A program that tells a recipient the password that was made for a letter, "
                       "by SMS for example.",
               .more = "It is run as root, without arguments, for each letter and each recipient "
                       "who has a telephone number here, unless a password was agreed on with "
                       "him. Standard input has three lines: the number (`+` and digits), the "
                       "password, the letter's id. What it writes goes nowhere. Exit status 0: it "
                       "was told. 75: not now, try again. Any other: it cannot be told so, and the "
                       "policy's next step is taken. Write neither number nor password to a log."),
    CONFIG_ROW("attachments-password-timeout", DURATION, struct documents_settings, command_ms,
               .initial = "30s", .min = 1000, .max = 300000,
               .help = "How long `attachments-password-command` may take.",
               .more = "Then it is ended, and whether the password was told is not known: it is "
                       "not run again, the letter leaves, and its sender is told. After status 75 "
                       "it is run again after as long, five times in all."),
    CONFIG_ROW(
        "attachments-text", CHOICE, struct documents_settings, text, .initial = "inside",
        .words = text_words,
        .help = "Where the letter's own text goes when the method `attachments` protects it.",
        .more = "With `inside` it is a file in the archive, and a text that says how to open "
                "it stands in its place. With `outside` it stays as it is, and the files "
                "alone are protected; a letter without files then is not. The subject is "
                "readable in either case."),
    CONFIG_ROW("attachments-language", CHOICE, struct documents_settings, language,
               .initial = "english", .words = language_words,
               .help = "The language of the text that says how to open the files."),
    CONFIG_ROW("attachments-cover", TEXT, struct documents_settings, cover, .max = 4000,
               .example = "Call us for the password: +49 30 1234",
               .help = "A text of your own instead of the one that says how to open the files."),
    CONFIG_ROW(
        "attachments-metadata", BOOLEAN, struct documents_settings, scrub, .initial = "no",
        .help =
            "Whether to take out what files say of who made them, where and with what, when the "
            "method `attachments` protects a letter.",
        .more = "EXIF, XMP, IPTC and comments of JPEG, WebP, GIF, HEIC, AVIF and JPEG XL, texts of "
                "PNG, "
                "information and XMP of PDF, properties and comments of Office and OpenDocument "
                "documents, whose "
                "tracked changes are accepted. What is signed or damaged stays, and so do files "
                "of older forms, such as .doc. `postern show` says what was taken out; the "
                "letter in the archive stays as it was submitted. `metadata` in a [policy] "
                "section does that whatever protects a letter."),
};
const struct config_table settings_documents_table =
    CONFIG_TABLE("Encrypted attachments", struct settings, documents, rows);
