/* tests/senders - what leaves always shows who may send it.
 *
 *     senders [FIRST COUNT [copies]]
 *
 * Makes COUNT letters (tests/senders/variants), has each judged as the keeper does, and reads the copy that would leave of
 * those that are accepted as a generous mail program would (tests/senders/reading). Any that could show somebody else
 * goes to standard error, and the exit status is 1. With `copies` the accepted copies go to standard output, one a line:
 * 1 when it was sent by delegation or 0, a blank, and its bytes in hexadecimal, for readers of others. Last comes a line of
 * counts. */
#include <stdio.h>
#include <stdlib.h>

#include "formats/mail/structure.h"
#include "stages/identity/identity.h"
#include "stages/protect/protect.h"
#include "tests/senders/reading.h"
#include "tests/senders/variants.h"

#define VERDICTS (IDENTITY_RESENT_FOREIGN + 1)

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
static const struct slice own[] = {SLICE_INIT("anna@example.test"),
                                   SLICE_INIT("info@example.test")};
static const struct slice delegated[] = {SLICE_INIT("board@example.test")};

struct counts {
    uint64_t letters, unsound, accepted, delegated;
    uint64_t verdicts[VERDICTS];
};

/* ── who has what, once for the judge and once for the reading ── */

static bool is_taken(void *ctx, struct slice local, struct slice domain)
{
    (void)ctx;
    return slice_equal(domain, SLICE("example.test")) &&
           (slice_equal_nocase(local, SLICE("anna+private")) ||
            slice_equal_nocase(local, SLICE("board")) || slice_equal_nocase(local, SLICE("ceo")));
}

static bool is_tagged(struct slice local, struct slice base)
{
    return slice_equal(local, base) ||
           (local.len > base.len + 1 && slice_starts(local, base) && local.ptr[base.len] == '+');
}

static bool is_own(void *ctx, struct slice address)
{
    struct slice domain;
    struct slice local = slice_cut(address, '@', &domain);
    struct slice private = slice_head(local, 12);

    (void)ctx;
    return slice_equal_nocase(domain, SLICE("example.test")) &&
           (is_tagged(local, SLICE("anna")) || is_tagged(local, SLICE("info"))) &&
           !(slice_equal_nocase(private, SLICE("anna+private")) &&
             (local.len == 12 || local.ptr[12] == '+'));
}

static bool is_own_or_the_boards(void *ctx, struct slice address)
{
    struct slice domain;
    struct slice local = slice_cut(address, '@', &domain);

    return is_own(ctx, address) ||
           (slice_equal_nocase(domain, SLICE("example.test")) && is_tagged(local, SLICE("board")));
}

/* ── one letter ── */

static void write_copy(const struct edit_script *script, struct slice letter, struct buf *copy)
{
    struct slice piece;
    struct error e;

    buf_reset(copy);
    for (size_t i = 0; i < script->n_edits; i++) {
        if (!protect_piece(&script->edits[i], letter, &piece, &e)) {
            abort();
        }
        buf_add(copy, piece);
    }
}

/* Whether it is accepted; then the copy that leaves. */
static bool is_accepted(const struct variant *v, struct arena *arena, struct buf *copy,
                        struct identity_answer *answer, struct counts *counts)
{
    static const struct identity_account account = {.addresses = own,
                                                    .n_addresses = 2,
                                                    .delegated = delegated,
                                                    .n_delegated = 1,
                                                    .taken = is_taken,
                                                    .separator = '+'};
    struct slice letter = buf_slice(&v->letter);
    struct mail_structure structure;
    struct edit_script script;
    struct mail_header h;
    struct error e;

    mail_header_read(letter, &limits, v->utf8, arena, &h);
    if (!mail_structure_judge(letter, &h, &limits, &structure)) {
        counts->unsound++;
        return false;
    }
    bool proven = identity_judge(buf_slice(&v->reverse_path), &h, v->utf8, &account, arena, answer);
    counts->verdicts[answer->verdict]++;
    if (!proven) {
        return false;
    }
    const struct protect_context context = {.host = SLICE("mail.example.test"),
                                            .letter_id = SLICE("0123456789abcdef"),
                                            .sender = answer->delegation ? own[0] : SLICE_NONE,
                                            .utf8 = v->utf8};
    if (!protect_letter(letter, &h, &context, arena, &script, &e)) {
        abort();
    }
    write_copy(&script, letter, copy);
    return true;
}

static void print_hex(FILE *to, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        (void)fprintf(to, "%02x", s.ptr[i]);
    }
}

/* Returns whether no reader could be fooled. */
static bool try_one(uint64_t seed, struct variant *v, struct buf *copy, bool print,
                    struct counts *counts)
{
    OWN(arena) struct arena arena = {.max = 64 << 20};
    struct identity_answer answer = {.delegation = 0};

    variant_make(seed, v);
    counts->letters++;
    if (!is_accepted(v, &arena, copy, &answer, counts)) {
        return true;
    }
    const struct reading_rules rules = {.from = answer.delegation ? is_own_or_the_boards : is_own,
                                        .sender = is_own,
                                        .needs_sender = answer.delegation != 0};
    const char *flaw = reading_flaw(buf_slice(copy), &rules);
    counts->accepted++;
    counts->delegated += answer.delegation != 0;
    if (flaw) {
        (void)fprintf(stderr, "letter %llu: %s\n%.*s\n", (unsigned long long)seed, flaw,
                      SLICE_ARG(buf_slice(copy)));
    }
    if (print) {
        (void)printf("%d ", answer.delegation != 0);
        print_hex(stdout, buf_slice(copy));
        (void)printf("\n");
    }
    return !flaw;
}

int main(int argc, char **argv)
{
    OWN(buf) struct buf copy = {.max = 4 * VARIANT_MAX};
    struct variant v = {{.max = VARIANT_MAX}, {.max = 1000}, false};
    struct counts counts = {0};
    bool fooled = false;

    uint64_t first = argc > 2 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    for (uint64_t i = 0; i < count; i++) {
        fooled = !try_one(first + i, &v, &copy, argc > 3, &counts) || fooled;
    }
    buf_done(&v.letter);
    buf_done(&v.reverse_path);
    (void)printf("letters %llu unsound %llu accepted %llu delegated %llu verdicts",
                 (unsigned long long)counts.letters, (unsigned long long)counts.unsound,
                 (unsigned long long)counts.accepted, (unsigned long long)counts.delegated);
    bool all = true;
    for (size_t i = 0; i < VERDICTS; i++) {
        (void)printf(" %llu", (unsigned long long)counts.verdicts[i]);
        /* A null reverse-path and several of the rare ones need no proof here; the others must have been met. */
        all = all && (counts.verdicts[i] || i == IDENTITY_REVERSE_PATH_NULL ||
                      i == IDENTITY_SENDER_REPEATED || i == IDENTITY_FROM_REPEATED);
    }
    (void)printf("\n");
    return fooled || (count >= 50000 && !all);
}
