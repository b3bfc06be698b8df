#include "passwords/standard.h"

#include <pthread.h>

#include "passwords/common.h"
#include "passwords/stems.h"

static struct filter common;

static void open_common(void)
{
    struct error e;

    if (!filter_open_memory(&common, slice_of(password_common_bytes, password_common_len), &e)) {
        arena_panic("the list of common passwords in the program does not hold");
    }
}

const struct filter *password_common(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, open_common);
    return &common;
}

/* ── lists ── */

static bool look_common(const struct password_normal *password, enum password_verdict *verdict,
                        struct error *e)
{
    struct stems stems;
    struct slice stem;
    enum filter_answer answer = FILTER_ABSENT;
    bool first = true;

    stems_begin(&stems, password);
    while (answer == FILTER_ABSENT && stems_next(&stems, &stem)) {
        answer = filter_look(password_common(), filter_hash(stem), e);
        if (answer == FILTER_PRESENT) {
            *verdict = first && stem.len == stems.len ? PASSWORD_COMMON : PASSWORD_DISGUISE;
        }
        first = false;
    }
    stems_wipe(&stems);
    return answer != FILTER_FAILED;
}

/* In the form in which it was typed and in the one that is kept: the list has what clients sent. */
static bool look_breached(const struct filter *breached, struct slice typed,
                          const struct password_normal *password, enum password_verdict *verdict,
                          struct error *e)
{
    enum filter_answer answer = filter_look(breached, filter_hash(typed), e);

    if (answer == FILTER_ABSENT && !slice_equal(typed, password_slice(password))) {
        answer = filter_look(breached, filter_hash(password_slice(password)), e);
    }
    if (answer == FILTER_PRESENT) {
        *verdict = PASSWORD_BREACHED;
    }
    return answer != FILTER_FAILED;
}

static bool look(struct slice typed, const struct password_normal *password,
                 const struct password_facts *facts, enum password_verdict *verdict,
                 struct error *e)
{
    return look_common(password, verdict, e) &&
           (*verdict != PASSWORD_GOOD || !facts->breached ||
            look_breached(facts->breached, typed, password, verdict, e));
}

/* ── guesses ── */

static void weigh(const struct password_normal *password, const struct password_facts *facts,
                  struct password_judgement *j)
{
    double least = facts->second_factor ? PASSWORD_FACTOR_BITS : PASSWORD_ALONE_BITS;

    j->bits = password_bits(password, facts->words);
    if (j->bits < least) {
        bool own = facts->words && password_bits(password, NULL) >= least;
        j->verdict = own ? PASSWORD_OWN : PASSWORD_WEAK;
    }
}

static enum password_verdict verdict_of(enum password_text text)
{
    switch (text) {
    case PASSWORD_TEXT_GOOD:
        return PASSWORD_GOOD;
    case PASSWORD_TEXT_EMPTY:
        return PASSWORD_SHORT;
    case PASSWORD_TEXT_LONG:
        return PASSWORD_LONG;
    case PASSWORD_TEXT_NO_UTF8:
    case PASSWORD_TEXT_CONTROL:
    case PASSWORD_TEXT_UNASSIGNED:
        break;
    }
    return PASSWORD_NO_TEXT;
}

bool password_judge(struct slice typed, const struct password_facts *facts,
                    struct password_judgement *judgement, struct error *e)
{
    struct password_normal password;
    struct password_judgement j = {
        .verdict = verdict_of(password_normalise(typed, &password)),
        .characters = password.characters,
        .wanted = facts->second_factor ? PASSWORD_FACTOR_MIN : PASSWORD_ALONE_MIN,
    };
    bool judged = j.verdict != PASSWORD_GOOD || look(typed, &password, facts, &j.verdict, e);

    if (judged && j.verdict == PASSWORD_GOOD && j.characters < j.wanted) {
        j.verdict = PASSWORD_SHORT;
    }
    if (judged && j.verdict == PASSWORD_GOOD) {
        weigh(&password, facts, &j);
    }
    password_wipe(&password);
    if (judged) {
        *judgement = j;
    }
    return judged;
}

/* ── words ── */

static const char *why(enum password_verdict verdict)
{
    switch (verdict) {
    case PASSWORD_COMMON:
        return "it is among the passwords that attackers try first";
    case PASSWORD_DISGUISE:
        return "it is one of the passwords that attackers try first, with letters changed or "
               "something added";
    case PASSWORD_BREACHED:
        return "it is on the list of passwords that were stolen elsewhere";
    case PASSWORD_OWN:
        return "it is made of the names of the account, its holder or the company, which attackers "
               "try first";
    case PASSWORD_NO_TEXT:
        return "it has characters that cannot be typed everywhere";
    case PASSWORD_WEAK:
        return "it is guessed too soon: well-known words, dates, names, keys side by side or "
               "repetitions are tried first";
    case PASSWORD_GOOD:
    case PASSWORD_SHORT:
    case PASSWORD_LONG:
        break;
    }
    return "";
}

struct slice password_sentence(const struct password_judgement *j, struct arena *arena)
{
    if (j->verdict == PASSWORD_GOOD) {
        return arena_printf(arena, "the password will do: %zu characters, about 2^%.0f guesses",
                            j->characters, j->bits);
    }
    if (j->verdict == PASSWORD_LONG) {
        return arena_printf(arena, "the password is refused: it is longer than %d bytes",
                            PASSWORD_BYTES_MAX);
    }
    struct slice reason =
        j->verdict == PASSWORD_SHORT
            ? arena_printf(arena, "it has %zu characters of the %zu that it needs%s", j->characters,
                           j->wanted,
                           j->wanted == PASSWORD_ALONE_MIN ? " where nothing else is asked for"
                                                           : "")
            : slice_text(why(j->verdict));
    return arena_printf(arena,
                        "the password is refused: %.*s; four or more unrelated words, %zu "
                        "characters or more, would do",
                        SLICE_ARG(reason), j->wanted);
}
