/* The rows of who looks at letters besides us. */
#include "config/settings_scanners.h"

#include <arpa/inet.h>

#include "config/internal.h"
#include "config/settings.h"

static const char *const malware_words[] = {"hold", "refuse", NULL};
static const char *const away_words[] = {"wait", "send", NULL};

static const struct config_setting rows[] = {
    CONFIG_ROW("clamd", TEXT, struct scanners_settings, clamd, .max = 200,
               .example = "unix:/run/clamav/clamd.ctl",
               .help = "Where the malware scanner clamd listens; a letter in which it finds "
                       "something is not sent.",
               .more =
                   "`unix:` and a path, or an address with a port; no name. Each letter that an "
                   "account sends is looked at after its 250, as a whole: clamd opens "
                   "attachments and archives itself. Set `AlertExceedsMax yes` in its clamd.conf: "
                   "otherwise "
                   "it calls clean what it does not look at, an archive within too many others or "
                   "beyond its MaxScanSize. With it, such a letter counts as one not looked at, as "
                   "does one above its StreamMaxLength, which is to be above `size-limit`."),
    CONFIG_ROW("rspamd", TEXT, struct scanners_settings, rspamd, .max = 200,
               .example = "http://127.0.0.1:11333",
               .help = "Where the spam filter Rspamd listens; its score is a sign that an account "
                       "is stolen.",
               .more = "An address with a port, of the machine itself or of a network that is "
                       "trusted: letters go there as they are."),
    CONFIG_ROW("scan-timeout", DURATION, struct scanners_settings, timeout_ms, .initial = "30s",
               .min = CONFIG_SECOND, .max = 10 * CONFIG_MINUTE,
               .help = "How long each of the two may take for one letter.",
               .more = "More than the MaxScanTime of clamd.conf, so that clamd ends first."),
    CONFIG_ROW("malware", CHOICE, struct scanners_settings, malware, .initial = "hold",
               .words = malware_words,
               .help = "What becomes of a letter in which malware was found.",
               .more = "With `hold` it waits in the queue, its sender is told, and the officer "
                       "alone can let it go, with a reason. With `refuse` it goes back to its "
                       "sender, without its text. Both raise the alarm `malware`."),
    CONFIG_ROW("scanner-away", CHOICE, struct scanners_settings, away, .initial = "wait",
               .words = away_words, .help = "What becomes of letters that nobody can look at now.",
               .more = "With `wait` they wait until a scanner that is set answers again; one that "
                       "clamd does not look at, or not at all of it, or of which there is no "
                       "verdict again and again while others have theirs, is held for the officer. "
                       "With `send` they leave, "
                       "and their record says that nobody looked. Both raise the alarm "
                       "`scanner-away`."),
    CONFIG_ROW("spam-score-hold", COUNT, struct scanners_settings, spam_hold, .initial = "0",
               .max = 1000,
               .help = "The points of Rspamd from which on a letter is held for a person.",
               .more = "0: none is held."),
    CONFIG_ROW("geo-database", PATH, struct scanners_settings, geo, .restart = true,
               .example = "/usr/share/GeoIP/GeoLite2-City.mmdb",
               .help = "A database of MaxMind's form that says in which country an address is.",
               .more =
                   "With it a sign-in from a country where the account had not been used is a "
                   "sign that it is stolen, and, when the database has coordinates, so are two "
                   "from places between which nobody travels so fast. Without it networks alone "
                   "are compared. The file is read by a process of its own; a new one is used "
                   "after a restart."),
};
const struct config_table settings_scanners_table =
    CONFIG_TABLE("Scanners", struct settings, scanners, rows);

static bool read_port(struct slice digits, uint16_t *port)
{
    unsigned value = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9' || digits.len > 5) {
            return false;
        }
        value = value * 10 + (unsigned)(digits.ptr[i] - '0');
    }
    *port = (uint16_t)value;
    return value > 0 && value <= UINT16_MAX;
}

static bool is_host(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (host.len == 0 || host.len >= sizeof(text)) {
        return false;
    }
    (void)memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_path(struct slice path)
{
    return path.len > 1 && path.len <= SETTINGS_SOCKET_PATH_MAX && path.ptr[0] == '/' &&
           slice_find(path, '\0') == path.len;
}

bool settings_scanner_place(struct slice text, struct slice scheme,
                            struct settings_scanner_place *out)
{
    struct settings_scanner_place place = {.path = SLICE_NONE};

    if (scheme.len == 0 && slice_starts(text, SLICE("unix:"))) {
        place.path = slice_from(text, 5);
        *out = place;
        return is_path(place.path);
    }
    if (!slice_starts(text, scheme)) {
        return false;
    }
    text = slice_from(text, scheme.len);
    if (scheme.len && text.len && text.ptr[text.len - 1] == '/') {
        text = slice_head(text, text.len - 1);
    }
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 || !read_port(slice_from(text, colon), &place.port)) {
        return false;
    }
    place.host = slice_head(text, colon - 1);
    bool bracketed = place.host.ptr[0] == '[' && place.host.ptr[place.host.len - 1] == ']';
    if (bracketed && place.host.len > 2) {
        place.host = slice_head(slice_from(place.host, 1), place.host.len - 2);
    } else if (slice_find(place.host, ':') < place.host.len) {
        return false; /* an IPv6 address wants brackets before a port */
    }
    *out = place;
    return is_host(place.host);
}
