/* stages/identity - may this account send this letter under this name?
 *
 * The first of the three promises: reverse-path, From and Sender belong to the account that
 * logged in; Resent-From and Resent-Sender too, which some programs show instead (RFC 4407).
 * Judged from the raw bytes by formats/mail alone. Anything but exactly one clear
 * From mailbox is refused, because a recipient's program may pick another one than we did; so is a
 * name that shows an address which the account may not use.
 * From, and the reverse-path with it, may also be an address of somebody else that was delegated to the
 * account. Then Sender is an address of the account's own, or missing, and stages/protect adds it.
 *
 * An address belongs to whoever has it, as it is written. With a separator, "anna+tag" belongs to who has
 * the longest beginning of it that anybody has ("anna+tag", then "anna"); What nobody has belongs to who
 * may use its whole domain. Both only where the local part is of letters and digits of ASCII and of ".-_+=~": then every
 * program takes it apart alike, and it looks like nothing else.
 * Domains are the same when their A-labels are (formats/smtp/address.h) and the claimed one is
 * written without characters to be mapped away; local parts when their bytes are. Pure; the keeper supplies the account's addresses. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#include "formats/mail/header.h"

#define IDENTITY_SENTENCE_MAX 320 /* with the NUL */

/* Whether an account other than this one has exactly that address; domain in canonical form, case of no matter. A function
 * of its arguments as long as a letter is judged. */
typedef bool identity_taken_fn(void *ctx, struct slice local, struct slice domain);

enum identity_verdict {
    IDENTITY_PROVEN,
    IDENTITY_REVERSE_PATH_NULL,
    IDENTITY_REVERSE_PATH_UNCLEAR,
    IDENTITY_REVERSE_PATH_FOREIGN,
    IDENTITY_FROM_MISSING,
    IDENTITY_FROM_REPEATED,
    IDENTITY_FROM_UNCLEAR, /* the sentence says why */
    IDENTITY_FROM_GROUP,
    IDENTITY_FROM_SEVERAL,
    IDENTITY_FROM_FOREIGN,
    IDENTITY_SENDER_REPEATED,
    IDENTITY_SENDER_UNCLEAR, /* not exactly one clear mailbox */
    IDENTITY_SENDER_FOREIGN,
    IDENTITY_RESENT_UNCLEAR,
    IDENTITY_RESENT_FOREIGN,
};

struct identity_account {
    const struct slice *addresses; /* local@domain, all that the account may use; one that is no
                                    * address allows nothing */
    size_t n_addresses;
    const struct slice *delegated; /* of others: what From may show beside an own Sender */
    size_t n_delegated;
    const struct slice *domains; /* whose every address it may use that nobody has */
    size_t n_domains;
    identity_taken_fn *taken; /* NULL: nobody else has any */
    void *taken_ctx;
    uint8_t separator; /* of subaddresses, '+'; 0: there are none */
    bool local_nocase; /* the company's local parts do not differ by case */
};

struct identity_answer {
    enum identity_verdict verdict;
    size_t
        delegation; /* when proven: 1 + the index of the delegated address that From shows; 0: an own one */
    const char *code; /* enhanced status code, "5.7.1"; "2.0.0" when proven */
    char sentence
        [IDENTITY_SENTENCE_MAX]; /* for the person who sent it, in ASCII; empty when proven */
};

/**
 * Judge a letter for submission.
 *
 * @param reverse_path  of the envelope, without angle brackets; empty is the null path
 * @param header        of a letter that mail_structure_judge() found sound
 * @param utf8          MAIL had SMTPUTF8
 * @param arena         for what is read; nothing of it is in the answer
 * @return              answer->verdict == IDENTITY_PROVEN
 */
bool identity_judge(struct slice reverse_path, const struct mail_header *header, bool utf8,
                    const struct identity_account *account, struct arena *arena,
                    struct identity_answer *answer);

/* The reverse-path alone, as can be said at MAIL. The same verdicts. */
bool identity_judge_reverse_path(struct slice reverse_path, bool utf8,
                                 const struct identity_account *account, struct arena *arena,
                                 struct identity_answer *answer);
