/* letter/record_type - the numbers of the records that are about letters and those who handle them.
 *
 * The ledger keeps those below 16 for itself. docs/ledger-format.md describes each; a number once used
 * keeps its meaning for ever. */
#pragma once

enum record_type {
    RECORD_FACTS = 16,
    RECORD_CONTENT = 17,
    RECORD_FINDINGS = 18,
    RECORD_DECISION = 19,
    RECORD_SEALED = 20,
    RECORD_INTENT = 21,
    RECORD_OUTCOME = 22,
    RECORD_NOTICE = 23,  /* a bounce, delay warning or success notice was made of this letter */
    RECORD_ORDER = 24,   /* a person held, released, retried or cancelled it                  */
    RECORD_IMPORT = 25,  /* an import began, went on or ended                                 */
    RECORD_REMOVAL = 26, /* it was erased, and with it what was recorded about it             */
    RECORD_SIGN_IN = 32, /* an account proved itself, or somebody failed to                   */
    RECORD_ADMIN = 33,   /* an account, key or setting changed                                */
    RECORD_READING = 34, /* somebody searched, read or exported                               */
    RECORD_CHECKPOINT = 40,
    RECORD_RULE = 48,       /* how long letters of a class are kept: letter/retention.h         */
    RECORD_CLASSES = 49,    /* which classes a letter is of, and until when it is kept           */
    RECORD_DATE = 55,       /* the day from which a term runs                                    */
    RECORD_KEYS = 60,       /* another master key, or kept in another way: letter/keys.h */
    RECORD_RENEWED = 61,    /* nothing needs a former master key any more                */
    RECORD_LIMIT = 64,      /* an account reached a limit: letter/guard.h */
    RECORD_SUSPENSION = 65, /* an account sends no more, or again: letter/guard.h */
    RECORD_CONSENT =
        67, /* a letter waited for a second person, and what he said: letter/consent.h */
    RECORD_POLICY = 68,        /* by which letters are decided from here on: letter/policy.h */
    RECORD_RECIPIENT_KEY = 69, /* a key of a recipient came or went: letter/recipient_key.h */
    RECORD_REDECISION = 72,    /* what a policy held was decided once more: letter/redecision.h */
};
