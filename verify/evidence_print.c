/* What the records of evidence say, for people. */
#include "verify/evidence.h"
#include "verify/report.h"

static void print_signs(FILE *out, const struct evidence *x)
{
    struct view rest = x->signs;
    struct evidence_sign sign;

    while (evidence_sign(&rest, &sign)) {
        (void)fprintf(out, "  %-10s ", "sign");
        report_words(out, sign.name);
        (void)fprintf(out, ": %llu, %llu points\n", (unsigned long long)sign.value,
                      (unsigned long long)sign.points);
    }
}

static void print_letters(FILE *out, const struct evidence *x)
{
    (void)fprintf(out,
                  "  %-10s %llu, of which %llu left for one recipient at least; of %llu that the "
                  "suspension names %llu are not in the file\n",
                  "letters", (unsigned long long)x->letters, (unsigned long long)x->left,
                  (unsigned long long)x->named, (unsigned long long)x->missing);
}

void evidence_print(const struct evidence *x, const struct note_key *key, FILE *out)
{
    static const struct view nothing = {NULL, 0};
    static const struct view signs = {(const uint8_t *)"its signs", 9};

    (void)fprintf(out, "holds: the ledger of %llu records that ",
                  (unsigned long long)x->file.note.size);
    report_text(out, (struct view){key->name, key->name_len});
    (void)fprintf(out, " signed says of this suspension:\n  %-10s ", "account");
    report_words(out, x->account);
    (void)fputc('\n', out);
    report_act(out, "suspended", x->begun_at, x->by.len ? x->by : signs, x->because);
    print_signs(out, x);
    if (x->ended) {
        report_act(out, "released", x->ended_at, x->ended_by, x->ended_because);
    }
    (void)fprintf(out,
                  "  %-10s %llu, of which %llu were refused; limits reached: %llu; acts: %llu\n",
                  "sign-ins", (unsigned long long)x->sign_ins, (unsigned long long)x->refused,
                  (unsigned long long)x->limits, (unsigned long long)x->acts);
    print_letters(out, x);
    report_act(out, "taken", x->made_at, x->made_by, nothing);
    (void)fputs("and what people read in the file is what was recorded then\n", out);
}
