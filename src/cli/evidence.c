/* What proves a suspension, as one file that an investigator takes away. */
#include "requests/evidence.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/account.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/options.h"
#include "host/memfd.h"
#include "requests/admin.h"
#include "requests/signer.h"

const struct argument_option account_evidence_options[] = {
    OPTION("output", 'o', "FILE", "where to write it: a new file, or - for standard output"),
    OPTION("suspension", 0, "NUMBER", "the number of its record; by default the last one"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

/* The text becomes a record; a checkpoint is signed over that, and everything is proved in its tree. */
bool cli_account_evidence(struct cli *c, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "output", 0);
    const char *number = arguments_text(&c->arguments, "suspension", 0);
    struct suspension_evidence_ask ask = {
        .account = slice_text(c->arguments.words[0]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    OWN(memfd_map) struct memfd_map text = {.bytes = SLICE_NONE};
    OWN(memfd_map) struct memfd_map proof = {.bytes = SLICE_NONE};
    struct checkpoint_record checkpoint;
    uint8_t digest[DIGEST_LEN];

    if (!path) {
        return error_set(e, ERROR_INPUT, "say where to: -o FILE, or -o - for standard output");
    }
    if (number &&
        (!slice_decimal(slice_text(number), INT64_MAX, &ask.suspension) || ask.suspension == 0)) {
        return error_set(e, ERROR_INPUT, "--suspension wants the number of a record, not `%s`",
                         number);
    }
    if (!cli_ask_bytes(c, &suspension_evidence, &ask, EVIDENCE_TEXT_MAX, &text, e) ||
        !cli_ask(c, CLI_KEEPER, &admin_checkpoint, NULL, &checkpoint, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    digest_of(text.bytes, SLICE_NONE, digest);
    ask.digest = SLICE_ARRAY(digest);
    ask.note = checkpoint.note;
    if (!cli_ask_bytes(c, &suspension_evidence, &ask, EVIDENCE_PROOF_MAX, &proof, e)) {
        return false;
    }
    if (strcmp(path, "-") == 0) {
        return files_write(STDOUT_FILENO, text.bytes, e) &&
               files_write(STDOUT_FILENO, proof.bytes, e);
    }
    if (!files_write_new_parts(path, text.bytes, proof.bytes, e)) {
        return false;
    }
    buf_printf(&c->out,
               "%s: keep it with the public key (`postern ledger key`); `postern-verify "
               "--certificate %s --key FILE` proves it\n",
               path, path);
    return true;
}
