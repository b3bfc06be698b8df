/* requests/reader - what the command line may ask of the process that reads the archive. */
#pragma once

#include "ipc/ipc.h"
#include "letter/records.h"

#define READER_HITS_MAX    1000
#define READER_FAULTS_MAX  1000
#define READER_RECORDS_MAX 100000

/* reader_search */
struct reader_search_ask {
    struct slice query;
    uint64_t limit;  /* hits wanted, at most READER_HITS_MAX */
    uint64_t before; /* continue behind the hit with this seq; 0: from the newest */
};

struct reader_hit {
    uint64_t seq; /* of the facts record */
    struct slice id;
    uint64_t received_at;
    struct slice from;
    struct slice to; /* envelope recipients, comma-separated, cut */
    struct slice subject;
    uint64_t size;
};

struct reader_search_answer {
    struct cbor_list hits;
    bool more;
    uint64_t indexed;  /* coverage: letters in the index ... */
    uint64_t archived; /* ... of letters in the ledger */
};

extern const struct ipc_message reader_search;

/* reader_show: every record about a letter, in the order of the ledger. Content is left out. */
struct reader_letter_ask {
    struct slice id;
    bool as_sent; /* reader_export: the sealed copy instead of what was submitted */
};

struct reader_record {
    uint64_t seq;
    uint64_t type; /* enum record_type */
    uint64_t time;
    struct slice body; /* CBOR of that type's schema */
};

struct reader_show_answer {
    struct cbor_list records;
};

extern const struct ipc_message reader_show;

/* reader_export: the letter's bytes as a sealed memfd. */
extern const struct ipc_message reader_export;

/* reader_verify: check the whole ledger. */
struct reader_verify_ask {
    struct slice since; /* a signed checkpoint somebody kept, or empty */
};

struct reader_fault {
    uint64_t segment;
    uint64_t offset;
    uint64_t seq;
    struct slice what;
};

struct reader_verify_answer {
    uint64_t records;
    uint64_t segments;
    struct slice root;
    bool since_checked;
    struct cbor_list faults; /* none: the ledger is whole */
};

extern const struct ipc_message reader_verify;
