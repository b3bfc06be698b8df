/* cli/restore - what restoring from a folder of copies and from a vault have in common. */
#pragma once

#include <sys/types.h>

#include "base/secret.h"

#include "cli/cli.h"
#include "cli/manifest.h"
#include "keyring/master.h"

#define RESTORE_RECORD_KEYS "record-keys"

struct restore {
    struct cli *cli;
    int from; /* the folder of copies; -1: a vault */
    int data;
    const char *data_path;
    bool with_config;    /* there is none at its place: the backup's goes there */
    struct slice config; /* the backup's postern.conf */
    struct manifest manifest;
    struct slice note;
    uint64_t records;
    struct master master;
};

/* Open the data directory of the configuration in force, or of the backup's. It must be empty. */
bool restore_open_data(struct restore *r, struct error *e) MUST_CHECK;

/* Ask for the recovery key, or take it from standard input; the caller owns it. */
bool restore_ask_key(struct cli *c, struct secret **typed, struct error *e) MUST_CHECK;

/* Permission bits of what is restored to this directory of the data directory. */
mode_t restore_mode(struct slice directory);

/* Verify what was restored, pause the queue, put configuration and master key in their places. */
bool restore_finish(struct restore *r, struct error *e) MUST_CHECK;

/* Restore from a vault: everything, or some letters to files. */
bool restore_from_vault(struct cli *c, struct error *e) MUST_CHECK;
