/* The rows of what the server is, where its things are, and how its processes and archive work. */
#include "config/internal.h"
#include "config/settings.h"

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const sandbox_words[] = {"strict", "best-effort", NULL};

static const struct config_setting general_rows[] = {
    CONFIG_ROW("domain", DOMAIN, struct general_settings, domains, .list = true, .required = true,
               .example = "example.test",
               .help = "Our own mail domains: people write from addresses in these.",
               .more = "A letter whose From, Sender or reverse-path lies elsewhere is refused."),
    CONFIG_ROW("hostname", DOMAIN, struct general_settings, hostname, .required = true,
               .example = "mail.example.test",
               .help = "The name of this server, as it greets clients and other servers.",
               .more = "It should resolve to this machine's address, and that address back to it; "
                       "the certificate must carry it."),
    CONFIG_ROW("data-directory", PATH, struct general_settings, data_directory, .restart = true,
               .initial = "/var/lib/postern",
               .help = "Where the ledger, the state, the catalog and the keys are.",
               .more = "Nothing in it is readable without master.key, which is in it too: keep the "
                       "recovery key that `postern init` printed somewhere else."),
    CONFIG_ROW("log-level", CHOICE, struct general_settings, log_level, .initial = "info",
               .words = log_levels, .help = "The least important event that is logged.",
               .more =
                   "One line is one event, on standard error; under systemd the journal has it."),
    CONFIG_ROW("log-addresses", BOOLEAN, struct general_settings, log_addresses, .initial = "no",
               .help = "Whether log lines may name accounts and the network addresses of clients.",
               .more = "Without them a line still carries the letter's id, and `postern show` "
                       "tells an authorised person who it was."),
    CONFIG_ROW("alert-command", PATH, struct general_settings, alert_command,
               .example = "/usr/local/sbin/postern-alert",
               .help = "Program that is run for each alarm; none by default.",
               .more =
                   "It gets the alarm's name as its argument and one sentence on standard input. "
                   "posternd(8) lists the alarms."),
    CONFIG_ROW("alert-webhook", URL, struct general_settings, alert_webhook,
               .example = "https://chat.example.test/hooks/postern",
               .help = "URL to which each alarm is posted as JSON; none by default.",
               .more = "An object with alarm, from, sentence, host and time, tried five times "
                       "within half a minute. What `courier` cannot post while it is down itself "
                       "only `alert-command` hears."),
    CONFIG_ROW("alert-interval", DURATION, struct general_settings, alert_interval_ms,
               .initial = "15min", .min = CONFIG_SECOND, .max = CONFIG_DAY,
               .help = "How long the same alarm is quiet after it was raised."),
};
const struct config_table settings_general_table =
    CONFIG_TABLE("The server", struct settings, general, general_rows);

static const struct config_setting process_rows[] = {
    CONFIG_ROW("sandbox", CHOICE, struct process_settings, sandbox, .restart = true,
               .initial = "strict", .words = sandbox_words,
               .help = "What to do when the kernel lacks a means of confinement.",
               .more = "`strict` does not start; `best-effort` starts with what there is and "
                       "raises an alarm that names what is missing."),
    CONFIG_ROW("uid-base", COUNT, struct process_settings, uid_base, .restart = true,
               .initial = "61300", .min = 1, .max = 2000000000,
               .help =
                   "First of the user ids the processes take when no `postern-ROLE` users exist.",
               .more = "Only when started as root. Each role takes one id, counted from this one."),
    CONFIG_ROW("inspectors", COUNT, struct process_settings, inspectors, .restart = true,
               .initial = "2", .min = 1, .max = 64,
               .help = "How many processes take letters apart side by side."),
    CONFIG_ROW("inspector-letters", COUNT, struct process_settings, inspector_letters,
               .initial = "1000", .min = 1, .max = 1000000,
               .help = "Letters after which an inspector is replaced by a fresh process.",
               .more = "It is replaced before another sender's letter in any case."),
    CONFIG_ROW("inspector-timeout", DURATION, struct process_settings, inspector_timeout_ms,
               .initial = "60s", .min = CONFIG_SECOND, .max = CONFIG_HOUR,
               .help = "The longest one letter may take an inspector.",
               .more =
                   "Beyond it the process is ended and the letter listed as not fully inspected."),
    CONFIG_ROW("bytes-in-flight", SIZE, struct process_settings, bytes_in_flight,
               .initial = "512MiB", .min = 16 * CONFIG_MIB, .max = CONFIG_TIB,
               .help = "Memory for letters that are being received, and for those being sent.",
               .more =
                   "As much for each. A client that would exceed it is asked to try again (452); "
                   "a letter that would waits in the queue."),
    CONFIG_ROW("restart-delay", DURATION, struct process_settings, restart_delay_ms,
               .initial = "100ms", .min = 1, .max = CONFIG_MINUTE,
               .help = "Pause before a process that died is started again; doubled each time."),
    CONFIG_ROW("restart-delay-limit", DURATION, struct process_settings, restart_delay_max_ms,
               .initial = "30s", .min = CONFIG_SECOND, .max = CONFIG_HOUR,
               .help = "The longest such pause; reaching it raises an alarm."),
};
const struct config_table settings_process_table =
    CONFIG_TABLE("Processes", struct settings, process, process_rows);

static const struct config_setting auth_rows[] = {
    CONFIG_ROW("auth-parallel", COUNT, struct auth_settings, parallel, .restart = true,
               .initial = "2", .min = 1, .max = 64,
               .help =
                   "Passwords verified side by side; each takes 19 MiB and some 30 ms of a core."),
    CONFIG_ROW("auth-remember", DURATION, struct auth_settings, remember_ms, .initial = "5min",
               .max = CONFIG_DAY,
               .help = "How long a verified password is recognised without computing it again.",
               .more =
                   "Under a keyed hash in the memory of one process; a password changed here or a "
                   "closed account ends it at once. One that was changed in a directory is not "
                   "told, so its accounts' are remembered for a minute at most. `0s` turns it "
                   "off."),
    CONFIG_ROW("auth-failures", COUNT, struct auth_settings, failures_limit, .initial = "10",
               .min = 1, .max = 10000,
               .help = "Failed sign-ins from one address or to one account before it is blocked."),
    CONFIG_ROW("auth-failures-window", DURATION, struct auth_settings, failures_window_ms,
               .initial = "10min", .min = CONFIG_SECOND, .max = CONFIG_DAY,
               .help = "The time within which failed sign-ins are counted together."),
    CONFIG_ROW(
        "auth-block", DURATION, struct auth_settings, block_ms, .initial = "15min",
        .min = CONFIG_SECOND, .max = 30 * CONFIG_DAY, .help = "How long such a block lasts.",
        .more =
            "That of an account does not hold where its holder signed in within the last 30 days, "
            "nor for an app password. Who goes on guessing, each time with another password, at an "
            "address that nobody signed in from in that time is not let in at all, each time for "
            "twice as long, up to 16 times."),
    CONFIG_ROW("auth-failure-delay", DURATION, struct auth_settings, failure_delay_ms,
               .initial = "1s", .max = CONFIG_MINUTE,
               .help = "Pause before a failed sign-in is answered; doubled with each further one."),
    CONFIG_ROW("desk-timeout", DURATION, struct auth_settings, desk_timeout_ms, .initial = "8h",
               .min = CONFIG_MINUTE, .max = 7 * CONFIG_DAY,
               .help = "How long a person is signed in with `postern login`.",
               .more = "A restart does not end it; a change of the account does."),
    CONFIG_ROW(
        "auth-scram", BOOLEAN, struct auth_settings, scram, .initial = "yes",
        .help = "Whether SCRAM-SHA-256 is offered, and keys for it are kept of passwords.",
        .more = "With SCRAM a client proves that it knows the password without saying it. Its keys "
                "follow from the password by PBKDF2, which takes no memory, so that who gets "
                "them in clear guesses faster than against argon2id alone; they are sealed "
                "as the verifiers are. An account from before gets them when its password "
                "is set, or at the next sign-in with it by PLAIN or LOGIN."),
    CONFIG_ROW(
        "auth-scram-iterations", COUNT, struct auth_settings, scram_iterations, .initial = "100000",
        .min = 4096, .max = 10000000,
        .help = "Iterations of PBKDF2 for such keys; a client computes them at each sign-in.",
        .more = "It is for new keys: those that there are stay good, and are made anew at the next "
                "sign-in by PLAIN or LOGIN. All keys of an account have one number, so who has "
                "app passwords keeps theirs as long as there are any."),
    CONFIG_ROW("passkey-site", DOMAIN, struct auth_settings, passkey_site,
               .example = "example.test",
               .help = "The site that passkeys are made for; by default `hostname`.",
               .more = "WebAuthn's RP ID. A browser offers a passkey on pages of that host and of "
                       "hosts within it, and nowhere else. Passkeys that were made for another "
                       "site are good no more when it is changed."),
    CONFIG_ROW("passkey-origin", TEXT, struct auth_settings, passkey_origins, .list = true,
               .max = 300, .example = "https://mail.example.test",
               .help = "The pages from which passkeys are taken; by default the site's own.",
               .more = "Compared byte by byte with what the browser says. A security key that "
                       "`postern` itself asks is asked for the first of them."),
    CONFIG_ROW(
        "device-sign-in", BOOLEAN, struct auth_settings, devices, .initial = "no",
        .help = "Whether clients are asked for a certificate, by which devices may sign in.",
        .more = "AUTH EXTERNAL is offered to who shows one; `postern device add` says whose it is. "
                "Mail programs in which a certificate is set up may ask their users for it."),
    CONFIG_ROW("device-ca", PATH, struct auth_settings, device_ca,
               .example = "/etc/postern/device-ca.pem",
               .help = "The authorities that must have issued devices' certificates (PEM).",
               .more = "Without it any certificate will do whose key was given to `postern device "
                       "add`, also one that signed itself."),
};
const struct config_table settings_auth_table =
    CONFIG_TABLE("Signing in", struct settings, auth, auth_rows);

static const char *const second_words[] = {"account", "root", NULL};

static const struct config_setting archive_rows[] = {
    CONFIG_ROW("segment-size", SIZE, struct archive_settings, segment_size, .restart = true,
               .initial = "1GiB", .min = CONFIG_MIB, .max = 64 * CONFIG_GIB,
               .help = "Size at which the ledger begins a new segment file with a new key."),
    CONFIG_ROW("pack-after", DURATION, struct archive_settings, pack_after_ms, .initial = "35d",
               .max = 3660 * CONFIG_DAY,
               .help = "Age at which a segment becomes a pack, whose records have a key each.",
               .more =
                   "A pack takes less room, and a single record of it can be erased. It is made in "
                   "the background. A segment that is written for as long as that is ended. "
                   "With `0s` nothing is packed by its age."),
    CONFIG_ROW(
        "reseal-erased", COUNT, struct archive_settings, reseal_erased, .initial = "20", .max = 100,
        .help = "How much of a pack is erased, in percent of its bytes, when it is made again.",
        .more = "That gives back the space, at the price of new keys, and of a backup that stores "
                "the pack anew. It is done in the background. With `0` it is only done by `postern "
                "ledger reseal`."),
    CONFIG_ROW("reseal-after", DURATION, struct archive_settings, reseal_after_ms, .initial = "1h",
               .max = 365 * CONFIG_DAY,
               .help = "How long after the last erasure, or a start, it is looked for such packs."),
    CONFIG_ROW("checkpoint-interval", DURATION, struct archive_settings, checkpoint_interval_ms,
               .initial = "1h", .min = CONFIG_SECOND, .max = 7 * CONFIG_DAY,
               .help = "How often a signed checkpoint of the ledger is made."),
    CONFIG_ROW("anchor-mail", MAILBOX, struct archive_settings, anchor_mail, .list = true,
               .example = "auditor@audit.example",
               .help = "People outside who get the checkpoints by mail and can prove a rollback.",
               .more =
                   "Every `anchor-mail-interval`, and whenever `postern checkpoint` is called. "
                   "Without any anchor the ledger proves that nothing was changed in the middle, "
                   "but not that its end was not cut off; `postern ledger verify` then says so."),
    CONFIG_ROW("anchor-mail-interval", DURATION, struct archive_settings, anchor_mail_interval_ms,
               .initial = "1d", .min = CONFIG_SECOND, .max = 90 * CONFIG_DAY,
               .help = "How often they get one.",
               .more = "Also when nothing was sent since: that the last one was delivered is "
                       "itself recorded. So who gets none for that long knows that something is "
                       "wrong, and should ask."),
    CONFIG_ROW("timestamp-url", URL, struct archive_settings, timestamp_url, .list = true,
               .example = "https://tsa.example/tsr",
               .help = "Time stamp authorities (RFC 3161) that stamp the checkpoints.",
               .more = "The first that gives a good stamp is enough. It gets the SHA-256 of a "
                       "checkpoint and nothing else. The stamp is kept in the ledger; `postern "
                       "ledger anchors --output DIR` writes it out for `openssl ts -verify`."),
    CONFIG_ROW("timestamp-trust", PATH, struct archive_settings, timestamp_trust,
               .example = "/etc/postern/tsa-roots.pem",
               .help = "The authorities whose time stamps count, PEM.",
               .more = "The root certificates that the authority publishes, and no others."),
    CONFIG_ROW("timestamp-interval", DURATION, struct archive_settings, timestamp_interval_ms,
               .initial = "1d", .min = CONFIG_SECOND, .max = 90 * CONFIG_DAY,
               .help = "How often a checkpoint is stamped, when there is something new."),
    CONFIG_ROW("anchor-alarm", DURATION, struct archive_settings, anchor_alarm_ms, .initial = "3d",
               .min = CONFIG_SECOND, .max = 365 * CONFIG_DAY,
               .help =
                   "How long a kind of anchor that is configured may be missing before an alarm.",
               .more = "Counted for mail, time stamps and files apart."),
    CONFIG_ROW(
        "anchor-file", PATH, struct archive_settings, anchor_file, .list = true,
        .example = "/mnt/worm/postern-checkpoints",
        .help = "Files and folders to which `postern checkpoint` writes, on storage of others.",
        .more = "A file is appended to; a folder gets one file for each checkpoint, "
                "NAME-SIZE.checkpoint, which is never replaced. The daemon cannot reach them: "
                "run the command from a timer, as root."),
    CONFIG_ROW("request-lifetime", DURATION, struct archive_settings, request_lifetime_ms,
               .initial = "14d", .min = CONFIG_MINUTE, .max = 365 * CONFIG_DAY,
               .help = "How long something that takes two persons waits for the second one."),
    CONFIG_ROW("second-person", CHOICE, struct archive_settings, second_person,
               .initial = "account", .words = second_words,
               .help = "Who approves where no other account could.",
               .more = "Erasing, disposal, ending a hold and giving a role take two persons with "
                       "an account each; where there is no second one, they are refused. With "
                       "`root`, root of the machine who did not sign in may approve then, and "
                       "the alarm `second-person-root` tells of it; never what he asked for "
                       "himself. For a company in which one person is all of these."),
    CONFIG_ROW("disk-warning", SIZE, struct archive_settings, disk_warning, .initial = "5GiB",
               .max = 64 * CONFIG_TIB,
               .help = "Free space of the data directory below which an alarm is raised."),
    CONFIG_ROW("disk-watermark", SIZE, struct archive_settings, disk_watermark, .initial = "1GiB",
               .min = CONFIG_MIB, .max = 64 * CONFIG_TIB,
               .help = "Free space below which no new letter is accepted (452).",
               .more = "What is left is the reserve for bounces, receipts and the audit trail."),
};
const struct config_table settings_archive_table =
    CONFIG_TABLE("Archive", struct settings, archive, archive_rows);

static const struct config_setting courier_rows[] = {
    CONFIG_ROW("courier-trust-store", PATH, struct courier_settings, trust_store,
               .initial = "/etc/ssl/certs/ca-certificates.crt",
               .help = "The authorities that https servers outside are verified with, PEM.",
               .more = "For what `courier` fetches and posts."),
    CONFIG_ROW("courier-proxy", URL, struct courier_settings, proxy,
               .example = "http://proxy.example.test:3128",
               .help = "HTTP proxy by which `courier` reaches the outside; none by default.",
               .more = "The environment's proxy variables are not looked at."),
};
const struct config_table settings_courier_table =
    CONFIG_TABLE("Fetching from outside", struct settings, courier, courier_rows);

static const struct config_setting metrics_rows[] = {
    CONFIG_ROW("metrics-socket", PATH, struct metrics_settings, socket, .restart = true,
               .example = "/run/postern/metrics.sock",
               .help = "Unix socket that answers with the metrics as Prometheus text.",
               .more = "By default `run/metrics.sock` in the data directory."),
};
const struct config_table settings_metrics_table =
    CONFIG_TABLE("Metrics", struct settings, metrics, metrics_rows);
