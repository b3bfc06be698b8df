/* requests/subject - a person asks that letters of or about him are erased, over the control socket of the
 * keeper. */
#pragma once

#include "letter/subject.h"
#include "requests/approvals.h"

#define SUBJECT_PAGE_MAX   500 /* letters on a page of a preview */
#define SUBJECT_PARTS_MAX  8   /* batches in an answer */
#define SUBJECT_LISTED_MAX 200

/* subject_preview: what would be erased and what kept now, as far as catalog and index say, a page at a time. Each
 * is recorded: it tells whose letters say what. */
struct subject_preview_ask {
    struct cbor_list addresses; /* texts, as in struct request_subject */
    struct cbor_list words;
    uint64_t number; /* in their place: of a request that was carried out */
    uint64_t head;   /* 0: the first page */
    uint64_t next;   /* from the page before, with its head */
    struct slice reason;
};

struct subject_preview_answer {
    uint64_t head;
    uint64_t next; /* 0: this is the last page */
    uint64_t free; /* letters that would be erased */
    uint64_t kept;
    struct cbor_list grounds; /* struct subject_ground */
    struct cbor_list letters; /* struct subject_kept */
    uint64_t archived;        /* on the first page, with what follows */
    uint64_t indexed;         /* letters of these that were searched */
    uint64_t unread;          /* that could not be read whole, and were not found */
    uint64_t named;           /* that have one of the addresses in their text alone: not found */
    uint64_t left;            /* letters that the rules in force still are to be applied to */
    bool doubted;             /* nobody knows what time it is */
};

extern const struct ipc_message subject_preview;

/* subject_ask: takes two persons; answered with struct admin_asked. */
struct subject_ask_ask {
    struct cbor_list addresses;
    struct cbor_list words;
    uint64_t number; /* in their place: run that one again */
    struct slice reason;
};

extern const struct ipc_message subject_ask;

/* subject_list: requests that were approved, by their last runs, the newest first. */
struct subject_list_ask {
    uint64_t number; /* that one alone; 0: all */
};

struct subject_row {
    struct subject_record begun; /* as recorded */
    struct subject_record ended; /* likewise, or how far it came: the last of its records */
    uint64_t begun_at;
    uint64_t ended_at; /* when that was recorded */
    uint64_t runs;
    uint64_t from; /* its batches' records stand behind this one ... */
    uint64_t end;  /* ... and before this one */
    bool gone;     /* no backup holds the keys any more */
    bool due;      /* the time is over of something that was kept */
};

struct subject_list_answer {
    struct cbor_list rows; /* struct subject_row */
};

extern const struct ipc_message subject_list;

/* subject_letters: the letters that a run kept, some batches at a time. */
struct subject_letters_ask {
    uint64_t from; /* as in the row; then what the answer before said */
    uint64_t end;
};

struct subject_letters_answer {
    struct cbor_list parts; /* struct subject_record */
    uint64_t next;          /* 0: there are no more */
};

extern const struct ipc_message subject_letters;
