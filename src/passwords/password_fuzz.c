/* A password that somebody typed, and names of account and company: judging it ends, says a sentence,
 * and its normal form stays as it is when it is brought into normal form again. */
#include "passwords/standard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct password_normal once;
    struct password_normal twice;
    struct password_words words = {.count = 0};
    struct password_judgement judgement;
    OWN(arena) struct arena arena;
    struct error e;
    struct slice names;
    struct slice typed = slice_cut(slice_of(data, len), '\n', &names);

    arena_init(&arena, 65536);
    if (password_normalise(typed, &once) == PASSWORD_TEXT_GOOD &&
        (password_normalise(password_slice(&once), &twice) != PASSWORD_TEXT_GOOD ||
         !slice_equal(password_slice(&once), password_slice(&twice)))) {
        __builtin_trap();
    }
    password_words_add(&words, names);
    const struct password_facts facts = {.second_factor = names.len & 1, .words = &words};
    if (!password_judge(typed, &facts, &judgement, &e) ||
        password_sentence(&judgement, &arena).len == 0) {
        __builtin_trap();
    }
    return 0;
}
