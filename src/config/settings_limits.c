/* The rows of how much an account may send. */
#include "config/internal.h"
#include "config/settings.h"

#define MOST 100000000

static const struct config_setting limits_rows[] = {
    CONFIG_ROW(
        "letters-per-hour", COUNT, struct limits_settings, hour.letters, .initial = "150",
        .max = MOST, .help = "The most letters that an account sends within an hour.",
        .more =
            "0: no limit. What is beyond a limit is answered with 450 or 452 and a sentence, and "
            "can be "
            "sent later; the person responsible is told once a window. `postern account limits` "
            "gives an account "
            "higher limits, with a reason and an end. Limits need no training and learn nothing."),
    CONFIG_ROW("letters-per-day", COUNT, struct limits_settings, day.letters, .initial = "600",
               .max = MOST, .help = "The most letters that an account sends within 24 hours."),
    CONFIG_ROW("recipients-per-hour", COUNT, struct limits_settings, hour.recipients,
               .initial = "500", .max = MOST,
               .help =
                   "The most recipients outside of our domains, of all its letters within an hour.",
               .more = "Who is named twice in one letter counts once, who gets two letters twice. "
                       "A single letter to more than "
                       "that needs a higher limit."),
    CONFIG_ROW("recipients-per-day", COUNT, struct limits_settings, day.recipients,
               .initial = "1000", .max = MOST,
               .help = "The most recipients outside, of all its letters within 24 hours."),
    CONFIG_ROW(
        "addresses-per-hour", COUNT, struct limits_settings, hour.addresses, .initial = "300",
        .max = MOST,
        .help = "The most different addresses outside to which an account writes within an hour."),
    CONFIG_ROW("addresses-per-day", COUNT, struct limits_settings, day.addresses, .initial = "500",
               .max = MOST,
               .help = "The most different addresses outside to which it writes within 24 hours."),
    CONFIG_ROW("first-time-per-hour", COUNT, struct limits_settings, hour.first_time,
               .initial = "40", .max = MOST,
               .help = "The most recipients within an hour to whom nobody here has written before.",
               .more = "Import the archive of the former system, or of one person at least: then "
                       "the first day knows who is "
                       "known."),
    CONFIG_ROW("first-time-per-day", COUNT, struct limits_settings, day.first_time,
               .initial = "100", .max = MOST, .help = "The most such recipients within 24 hours."),
    CONFIG_ROW("bytes-per-hour", SIZE, struct limits_settings, hour.bytes, .initial = "500MiB",
               .max = CONFIG_TIB, .help = "The most bytes of letters within an hour."),
    CONFIG_ROW("bytes-per-day", SIZE, struct limits_settings, day.bytes, .initial = "2GiB",
               .max = CONFIG_TIB, .help = "The most bytes of letters within 24 hours."),
    CONFIG_ROW(
        "suspend-score", COUNT, struct limits_settings, suspend_score, .initial = "100",
        .max = 1000,
        .help = "The points of signs that an account is stolen at which it is suspended.",
        .more =
            "`postern account show` tells those of an account, and which signs they are "
            "for. 0: signs suspend nobody. A letter to more than 48 recipients outside, or beyond "
            "some 117 different ones within an hour, is put off and suspends nobody, "
            "unless `postern account limits` allows the account more an hour than all, or an "
            "[approval] without further conditions holds it."),
    CONFIG_ROW(
        "sign-in-notices", BOOLEAN, struct limits_settings, sign_in_notices, .initial = "yes",
        .help =
            "Tell who has an account of a sign-in from a network, or with a device, where it had "
            "not been used.",
        .more = "By mail to its address and to the one of `postern user set --notify`, of three "
                "networks and three devices a day at most; of a network by the alarm "
                "`account-new-network` as well. A device "
                "is an app password, a device with a certificate, a passkey, or what a mail "
                "program's machine calls itself (EHLO), if that is a name. What an account was "
                "used from and with says what it sent: before its first letter nobody is told."),
};
const struct config_table settings_limits_table =
    CONFIG_TABLE("Limits", struct settings, limits, limits_rows);
