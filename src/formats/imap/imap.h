/* formats/imap/imap - what an IMAP server says, and what is said to it, as far as fetching letters needs.
 *
 * RFC 3501 (and 9051 where it differs), 6154 (special use), 4959 (SASL-IR). The reader does no I/O and
 * allocates nothing: octets go in, one response at a time comes out. A letter's octets are streamed
 * past it in runs, whatever their length; all else of a response is bounded. What breaks the format ends
 * the reader: the connection is then to be closed. Stricter than the RFC: only CRLF ends a line, no NUL
 * outside of a literal, tags are ours. One connection's. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define IMAP_TEXT_MAX    32768 /* octets of one response without the letter in it */
#define IMAP_LITERAL_MAX 8192  /* of a literal that is no letter: a folder's name */
#define IMAP_TAG_MAX     999999999
#define IMAP_NAME_MAX    1024 /* octets of a folder's name on the wire */

enum imap_got {
    IMAP_MORE,     /* all was consumed: read more and call again */
    IMAP_BODY,     /* *run holds octets of a letter; its FETCHED follows */
    IMAP_RESPONSE, /* the response is filled */
    IMAP_BROKEN,   /* no IMAP: close */
};

enum imap_kind {
    IMAP_OTHER, /* well formed, and of no interest */
    IMAP_OK,    /* tag 0: untagged; code and number, text */
    IMAP_NO,
    IMAP_BAD,
    IMAP_BYE,
    IMAP_PREAUTH,
    IMAP_GO_ON,        /* "+": text */
    IMAP_CAPABILITIES, /* capabilities; also with an OK that says them */
    IMAP_EXISTS,       /* number */
    IMAP_FOLDER,       /* a line of LIST */
    IMAP_FETCHED,      /* letter */
};

enum imap_code { IMAP_NO_CODE, IMAP_UIDVALIDITY, IMAP_UIDNEXT, IMAP_OTHER_CODE };

#define IMAP_CAN_PLAIN   (1U << 0) /* AUTH=PLAIN */
#define IMAP_CAN_XOAUTH2 (1U << 1) /* AUTH=XOAUTH2 */
#define IMAP_CAN_SASL_IR (1U << 2)
#define IMAP_CAN_KNOWN   (1U << 3) /* capabilities were told at all */

struct imap_folder {
    bool sent;         /* \Sent */
    bool noselect;     /* \Noselect or \NonExistent: holds no letters */
    uint8_t delimiter; /* 0: none */
    struct slice name; /* as on the wire */
};

struct imap_letter {
    uint32_t uid;       /* 0: not said */
    bool has_size;      /* RFC822.SIZE */
    uint64_t size;      /* as the server counts */
    bool has_date;      /* INTERNALDATE */
    int64_t date_ms;    /* wall clock, UTC */
    struct slice flags; /* "\Seen \Flagged" */
    bool has_body;      /* the letter came along: streamed before, or in `body` */
    bool streamed;
    struct slice body; /* when it was not streamed */
};

/* Slices live until the next call. */
struct imap_response {
    enum imap_kind kind;
    uint32_t tag;
    enum imap_code code;
    uint32_t number;
    unsigned capabilities;
    struct slice text;
    struct imap_folder folder;
    struct imap_letter letter;
};

struct imap_reader {
    uint8_t state;       /* reader.c */
    bool streamed;       /* a letter of this response was */
    bool said;           /* the text is of a response that was handed out */
    uint64_t left;       /* octets of the literal still to come */
    uint64_t letter_len; /* of the letter that is being streamed, as announced */
    size_t part;         /* where in the text the line behind the last literal begins */
    size_t len;
    size_t scratch_len;
    uint8_t text[IMAP_TEXT_MAX];
    uint8_t scratch[IMAP_TEXT_MAX]; /* strings without their quotes */
};

/* Begin with the server's greeting. */
void imap_reader_init(struct imap_reader *r);

/**
 * Consume input up to the next thing of interest.
 *
 * @param in   advanced past what was read; may come in any split
 * @param run  set with IMAP_BODY: a view into the input
 * @param out  filled with IMAP_RESPONSE
 */
enum imap_got imap_reader_next(struct imap_reader *r, struct slice *in, struct slice *run,
                               struct imap_response *out) MUST_CHECK;

/* ── commands: appended with their tag and CRLF; the caller checks out->full ── */

/* "aN TEXT". */
void imap_say(struct buf *out, uint32_t tag, const char *text);

/* AUTHENTICATE, with the first answer behind it when the server takes that; else it is for
 * imap_say_answer() after IMAP_GO_ON. */
void imap_say_authenticate(struct buf *out, uint32_t tag, const char *mechanism,
                           struct slice answer, bool at_once);
void imap_say_answer(struct buf *out, struct slice answer);

/* PLAIN's message (RFC 4616), and XOAUTH2's, neither encoded yet. `authorize` is whose mailbox it is
 * when that is somebody else's, or empty. */
void imap_plain(struct buf *out, struct slice authorize, struct slice user, struct slice password);
void imap_xoauth2(struct buf *out, struct slice user, struct slice token);

/* EXAMINE a folder by its name on the wire: nothing in it is changed. */
void imap_say_examine(struct buf *out, uint32_t tag, struct slice name);

/* What there is of these UIDs: size, date, flags. */
void imap_say_list(struct buf *out, uint32_t tag, uint32_t from, uint32_t to);

/* One letter, without marking it as read. */
void imap_say_fetch(struct buf *out, uint32_t tag, uint32_t uid);

/* The letter with the highest UID that there is (RFC 9051 section 9, seq-number), likewise. */
void imap_say_fetch_last(struct buf *out, uint32_t tag);

/* ── names of folders ── */

/* Append a name in UTF-8 as it stands on the wire (modified UTF-7, RFC 3501 section 5.1.3). False when it is
 * no UTF-8 or has control characters. */
bool imap_name_encode(struct slice name, struct buf *out) MUST_CHECK;

/* The reverse; what is not well formed is appended as it stands. */
void imap_name_decode(struct slice wire, struct buf *out);
