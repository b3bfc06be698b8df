/* requests/holds - holds, over the control socket of the keeper; and over its channel from the reader, what
 * holds a letter. */
#pragma once

#include "letter/hold.h"
#include "requests/approvals.h"

#define HOLDS_LISTED_MAX 10000
#define HOLDS_NAMES_MAX  1000 /* bytes of names in one line */

/* hold_add: a struct hold_record, of which name, query, letters and reason count. Answered with what it is now. */
struct hold_row {
    struct slice name;
    struct slice query;
    struct slice letters;
    struct slice by;
    struct slice reason;
    uint64_t since;
    uint64_t found;   /* letters that the query finds now, as far as the index is */
    bool more;        /* and there are more than were counted */
    bool not_counted; /* the index could not be asked */
};

/* hold_list: all records of all holds, or of one; letters are counted for one alone. */
struct hold_list_ask {
    struct slice name; /* empty: all */
};

struct hold_list_answer {
    struct cbor_list rows; /* the oldest first */
    uint64_t indexed;      /* letters in the index, of ... */
    uint64_t archived;     /* ... in the archive */
};

/* hold_release: takes two persons; answered with struct admin_asked. */
struct hold_release_ask {
    struct slice name;
    struct slice reason;
};

/* keeper_held: from reader. What holds this letter? */
struct keeper_held_ask {
    struct slice id;
};

struct keeper_held_answer {
    struct slice holds; /* names, ", " between them; empty: none */
};

extern const struct ipc_message hold_add;
extern const struct ipc_message hold_list;
extern const struct ipc_message hold_release;
extern const struct ipc_message keeper_held;
