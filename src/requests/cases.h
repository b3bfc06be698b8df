/* requests/cases - cases: opened, filled and closed over the control socket of the keeper, looked at over the
 * reader's. */
#pragma once

#include "letter/case.h"
#include "requests/approvals.h"
#include "requests/reader.h"

/* case_act: open a case, add to it, remove from it, note: a struct case_record, of which name, state, query, letters,
 * reason and hold count. */
struct case_act_answer {
    bool hold; /* a hold of the same name keeps what was added, or what was removed */
};

extern const struct ipc_message case_act;

/* case_close: answered with struct admin_asked when the case has a hold, whose end takes two persons. */
struct case_close_ask {
    struct slice name;
    struct slice reason;
};

extern const struct ipc_message case_close;

/* reader_cases: all records of all cases, or of one, in the order of the ledger; of one its letters are counted. */
struct reader_cases_ask {
    struct slice name; /* empty: all */
    uint64_t from;     /* only records from this number on, see `more` */
    struct slice reason;
};

struct reader_cases_answer {
    struct cbor_list records; /* struct reader_record */
    bool more;                /* ask again from behind the last number */
    uint64_t letters;         /* that are in the case now */
    uint64_t indexed;         /* letters in the index, of ... */
    uint64_t archived;        /* ... in the archive */
    bool not_counted;         /* the index could not be asked, or there are very many */
};

extern const struct ipc_message reader_cases;
