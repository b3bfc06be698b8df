#include "cli/recovery_key.h"

#include <fcntl.h>
#include <stdio.h>

#include "cli/terminal.h"
#include "host/file.h"
#include "keyring/recovery.h"

#define TYPED_TRIES 3
#define TYPED_MAX   128

/* The person shows that the key was written down. */
static bool typed_back(struct cli *c, const struct secret *key, struct error *e)
{
    bool piped = arguments_flag(&c->arguments, "recovery-key-stdin");

    if (!piped && !terminal_has_person()) {
        return error_set(e, ERROR_INPUT,
                         "the recovery key wants to be typed back, and nobody is at the terminal: "
                         "--recovery-key-out FILE or --recovery-key-stdin");
    }
    (void)printf("Recovery key:\n\n    %.*s\n\n"
                 "Write it down and keep it away from this machine. Without it and without\n"
                 "master.key nobody can read the archive, nor any backup of it.\n",
                 SLICE_ARG(secret_slice(key)));
    (void)fflush(stdout);
    for (int tries = 0; tries < TYPED_TRIES; tries++) {
        OWN(secret) struct secret *typed = NULL;
        if (!piped) {
            (void)fprintf(stderr, "Type it back: ");
        }
        if (!terminal_read_secret(TYPED_MAX, &typed, e)) {
            return false;
        }
        if (recovery_same(secret_slice(typed), secret_slice(key))) {
            return true;
        }
        (void)fprintf(stderr, "That is not the key.\n");
    }
    return error_set(e, ERROR_INPUT, "the recovery key was not typed back; nothing was made");
}

bool recovery_key_hand_over(struct cli *c, const struct secret *key, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "recovery-key-out", 0);
    uint8_t line[RECOVERY_TEXT_LEN + 1];

    if (!path) {
        return typed_back(c, key, e);
    }
    (void)memcpy(line, key->ptr, RECOVERY_TEXT_LEN);
    line[RECOVERY_TEXT_LEN] = '\n';
    bool written = file_create(AT_FDCWD, path, SLICE_ARRAY(line), 0600, e);
    explicit_bzero(line, sizeof(line));
    return written;
}

bool recovery_key_ask(struct cli *c, struct secret **typed, struct error *e)
{
    if (arguments_flag(&c->arguments, "recovery-key-stdin")) {
        return terminal_read_secret(TYPED_MAX, typed, e);
    }
    if (!terminal_has_person()) {
        return error_set(e, ERROR_INPUT,
                         "the recovery key is needed, and nobody is at the terminal: give it on "
                         "standard input, with --recovery-key-stdin");
    }
    return terminal_ask_secret("Recovery key", TYPED_MAX, typed, e);
}
