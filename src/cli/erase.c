/* A letter is taken out of the archive, for good. */
#include "cli/approvals.h"
#include "cli/cli.h"
#include "cli/subject.h"
#include "requests/admin.h"

bool cli_erase(struct cli *c, struct error *e)
{
    const char *reason = arguments_text(&c->arguments, "reason", 0);
    struct admin_asked answer;
    struct letter_id id;

    if (subject_is_meant(c)) {
        return subject_erase(c, e);
    }
    if (c->arguments.n_words == 0) {
        return error_set(e, ERROR_INPUT,
                         "say what is to be erased: the ID of a letter, or --subject ADDRESS for "
                         "all letters of a person");
    }
    if (!reason) {
        return error_set(e, ERROR_INPUT,
                         "nothing is erased without a reason: give --reason TEXT; it stands in the "
                         "ledger");
    }
    if (!cli_letter(c->arguments.words[0], &id, e)) {
        return false;
    }
    const struct admin_erase_ask ask = {letter_id_slice(&id), slice_text(reason)};
    if (!cli_ask(c, CLI_KEEPER, &admin_erase, &ask, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    approvals_say(c, &answer);
    return true;
}
