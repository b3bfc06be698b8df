/* The rows of contacts: how much of a book is shown, and the decoys in it. */
#include "config/internal.h"
#include "config/settings.h"

static const char *const unknown_words[] = {"accept", "refuse", NULL};

static const struct config_setting rows[] = {
    CONFIG_ROW("contacts-found", COUNT, struct contacts_settings, found, .initial = "10", .min = 1,
               .max = 100, .help = "How many contacts one `postern contact find` shows at most."),
    CONFIG_ROW("contacts-per-hour", COUNT, struct contacts_settings, per_hour, .initial = "200",
               .min = 1, .max = 100000,
               .help = "How many contacts an account is shown in an hour, found or listed.",
               .more = "A list that would go beyond is refused as a whole. Whoever needs all of a "
                       "book asks for an export, which another person approves."),
    CONFIG_ROW("contacts-per-day", COUNT, struct contacts_settings, per_day, .initial = "500",
               .min = 1, .max = 1000000,
               .help = "How many contacts an account is shown in a day, found or listed."),
    CONFIG_ROW("contacts-alarm", COUNT, struct contacts_settings, alarm, .initial = "100", .min = 1,
               .max = 100000,
               .help = "From how many contacts an hour on the alarm `contacts-harvest` is raised.",
               .more = "Once an hour for each account. What is beyond `contacts-per-hour` is "
                       "refused, with the alarm `contacts-limit`."),
    CONFIG_ROW("contacts-export-within", DURATION, struct contacts_settings, export_within_ms,
               .initial = "1d", .min = CONFIG_MINUTE, .max = 30 * CONFIG_DAY,
               .help = "How long an export of contacts can be taken once it is approved."),
    CONFIG_ROW("unknown-recipients", CHOICE, struct contacts_settings, unknown, .initial = "accept",
               .words = unknown_words,
               .help = "What becomes of recipients in our domains whom Postern does not know.",
               .more =
                   "`refuse`: who is no account, no address of one and not in the company's "
                   "contacts is refused with 550 5.1.1. Set it when that is everybody: then a "
                   "mistyped colleague is noticed at once, and a decoy looks like one. With "
                   "`accept` the next hop says who is unknown, except in `decoy-domain`, where "
                   "nobody is real. Where `address-book` of a `[directory]` fills the contacts, "
                   "that directory says who is known."),
    CONFIG_ROW("decoy-domain", DOMAIN, struct contacts_settings, decoy_domains, .list = true,
               .example = "example-partners.test",
               .help = "Domains of the company's in which decoys have addresses; its own if none.",
               .more =
                   "Nobody must have a mailbox there: whoever is written to in such a domain is "
                   "refused as unknown."),
    CONFIG_ROW("decoys-company", COUNT, struct contacts_settings, decoys_company, .initial = "5",
               .max = 1000, .help = "How many decoys stand in the company's contacts."),
    CONFIG_ROW("decoys-account", COUNT, struct contacts_settings, decoys_account, .initial = "2",
               .max = 100, .help = "How many decoys stand in an account's own contacts."),
    CONFIG_ROW("decoy-rotation", DURATION, struct contacts_settings, decoy_rotation_ms,
               .initial = "90d", .min = CONFIG_SECOND, .max = 3660 * CONFIG_DAY,
               .help = "How long a decoy stands in lists, on the average, before another one takes "
                       "its place.",
               .more = "A letter to one that was rotated suspends its sender all the same."),
};
const struct config_table settings_contacts_table =
    CONFIG_TABLE("Contacts", struct settings, contacts, rows);
