/* posternd - the daemon: the supervisor, or with --role one of the processes that it starts. The inspector is
 * a program of its own, posternd_inspector.c. */
#include <getopt.h>
#include <stdio.h>

#include "processes/roles.h"
#include "processes/supervisor.h"

#define CONFIG_PATH "/etc/postern/postern.conf"
#define EXIT_USAGE  64
#define FD_MAX      1023

static void usage(FILE *to)
{
    (void)fprintf(
        to,
        "posternd [-c FILE] [--passphrase-fd N]\n"
        "         run in the foreground; FILE defaults to %s; descriptor N gives the line\n"
        "         that opens the master key\n"
        "posternd --version\n",
        CONFIG_PATH);
}

static const struct role_duty duties[] = {
    {"keeper",     keeper_run,     NULL             },
    {"signer",     signer_run,     NULL             },
    {"auth",       auth_run,       NULL             },
    {"scanner",    scanner_run,    scanner_prepare  },
    {"reader",     reader_run,     NULL             },
    {"backup",     backup_run,     NULL             },
    {"intake",     intake_run,     NULL             },
    {"delivery",   delivery_run,   NULL             },
    {"courier",    courier_run,    courier_prepare  },
    {"pull",       pull_run,       NULL             },
    {"directory",  directory_run,  directory_prepare},
    {"journal",    journal_run,    NULL             },
    {"connector",  connector_run,  NULL             },
    {"submission", submission_run, NULL             },
    {NULL,         NULL,           NULL             },
};

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config",        required_argument, NULL, 'c'},
        {"role",          required_argument, NULL, 'r'},
        {"passphrase-fd", required_argument, NULL, 'p'},
        {"version",       no_argument,       NULL, 'v'},
        {"help",          no_argument,       NULL, 'h'},
        {NULL,            0,                 NULL, 0  },
    };
    const char *config = CONFIG_PATH;
    uint64_t passphrase_fd = 0;
    bool has_fd = false;

    for (int c = 0; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            config = optarg;
            break;
        case 'r':
            return role_main(optarg, duties);
        case 'p':
            has_fd = slice_decimal(slice_text(optarg), FD_MAX, &passphrase_fd);
            if (!has_fd) {
                usage(stderr);
                return EXIT_USAGE;
            }
            break;
        case 'v':
            (void)printf("posternd %s\n", POSTERN_VERSION);
            return 0;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        usage(stderr);
        return EXIT_USAGE;
    }
    return supervisor_main(config, has_fd ? (int)passphrase_fd : -1);
}
