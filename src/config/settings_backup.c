/* The rows of backups: where they go, how often, how long they are kept, how they are tried. */
#include "config/internal.h"
#include "config/settings.h"

static const struct config_setting rows[] = {
    CONFIG_ROW("backup-target", TEXT, struct backup_settings, target, .restart = true,
               .example = "file:///srv/backup/postern",
               .help = "Where the daemon puts its backups; none by default.",
               .more = "`file:///FOLDER`: an existing folder, of storage that survives this "
                       "machine; name one below a mount point, so that nothing is written when it "
                       "is not mounted. `sftp://USER@HOST[:PORT]/FOLDER`, with `~/` for what is "
                       "below the home directory. `https://HOST[:PORT]/BUCKET[/PREFIX]`: an "
                       "S3-compatible server. Everything there is sealed."),
    CONFIG_ROW("backup-credentials", PATH, struct backup_settings, credentials,
               .example = "/etc/postern/backup.key",
               .help = "File with what opens the target, readable by root alone.",
               .more = "For SFTP an OpenSSH private key without passphrase, or one line with a "
                       "password; for S3 one line: ACCESS-KEY SECRET."),
    CONFIG_ROW("backup-host-key", TEXT, struct backup_settings, host_key,
               .example = "SHA256:uNiVztksCsDhcc0u9e8BrqsdsrH+VUlLSnyZSoGdFhE",
               .help = "Fingerprint of the SFTP server's host key, as `ssh-keygen -l` prints it.",
               .more = "Of its Ed25519 key, if it has one. Another server is not spoken to."),
    CONFIG_ROW("backup-region", WORD, struct backup_settings, region, .initial = "us-east-1",
               .help = "Region of the S3 server, which requests are signed for."),
    CONFIG_ROW(
        "backup-lock", DURATION, struct backup_settings, lock_ms, .initial = "0s",
        .max = 3660 * CONFIG_DAY,
        .help = "How long an object is locked when it is stored in S3 (Object Lock).",
        .more =
            "In COMPLIANCE mode: nobody can remove it before. The bucket must have Object "
            "Lock. At most `backup-keep`, or old backups could not be removed. An object "
            "that later backups share is locked anew by each of them, for which the credentials "
            "need the right s3:PutObjectRetention; without it all is stored again each time."),
    CONFIG_ROW("backup-interval", DURATION, struct backup_settings, interval_ms, .initial = "1d",
               .min = CONFIG_SECOND, .max = 90 * CONFIG_DAY,
               .help = "How often a backup is made; what is new since the last is stored."),
    CONFIG_ROW("backup-keep", DURATION, struct backup_settings, keep_ms, .initial = "30d",
               .min = CONFIG_SECOND, .max = 3660 * CONFIG_DAY,
               .help = "How long a backup is kept; the newest stays in any case.",
               .more = "So long after an erasure or disposal a backup may still hold the keys of "
                       "what was erased. After it they are in none."),
    CONFIG_ROW("backup-try-interval", DURATION, struct backup_settings, try_interval_ms,
               .initial = "7d", .max = 90 * CONFIG_DAY,
               .help = "How often the newest backup is really restored, on trial.",
               .more = "It is fetched into an empty folder of the data directory, verified, read "
                       "and removed again; that takes as much free space as the archive has. `0s` "
                       "turns it off."),
    CONFIG_ROW("backup-report", MAILBOX, struct backup_settings, report, .list = true,
               .example = "officer@example.test",
               .help = "People who get the report of each trial restore by mail.",
               .more = "It is a record of the ledger in any case, and a failure an alarm."),
};
const struct config_table settings_backup_table =
    CONFIG_TABLE("Backups", struct settings, backup, rows);
