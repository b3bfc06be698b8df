/* What the records of a certificate say, for people. */
#include "verify/certificate.h"
#include "verify/report.h"

/* A hold's name is of characters that a terminal shows: certificate_check() saw to it that there is one. */
static void print_holds(FILE *out, const struct certificate *c)
{
    struct view rest = c->holds;
    struct certified_hold hold;

    while (certificate_hold(&rest, &hold)) {
        (void)fprintf(out, "  %-10s ", "held by");
        report_text(out, hold.name);
        (void)fprintf(out, ": %llu letters\n", (unsigned long long)hold.letters);
    }
    if (c->more_holds) {
        (void)fprintf(out, "  %-10s others as well\n", "held by");
    }
}

void certificate_print(const struct certificate *c, const struct note_key *key, FILE *out)
{
    static const struct view nothing = {NULL, 0};

    (void)fprintf(out, "holds: the ledger of %llu records that ",
                  (unsigned long long)c->file.note.size);
    report_text(out, (struct view){key->name, key->name_len});
    (void)fprintf(out, " signed says of this %s:\n", c->disposal ? "disposal" : "erasure");
    report_act(out, "asked", c->asked_at, c->asked_by, c->asked_for);
    report_act(out, "because", c->asked_at, nothing, c->because);
    report_act(out, "approved", c->approved_at, c->approved_by, nothing);
    print_holds(out, c);
    report_act(out, c->done ? "done" : "given up", c->ended_at, nothing, c->ended);
    (void)fprintf(out,
                  "  %-10s %llu letters with what belongs to them, %llu records; that their keys "
                  "were destroyed is recorded\n",
                  "destroyed", (unsigned long long)c->letters, (unsigned long long)c->records);
    report_act(out, "certified", c->made_at, c->made_by, nothing);
    (void)fputs("and what people read in the file is what was recorded then\n", out);
}
