/* formats/mail/address - addresses in header fields, read strictly (RFC 5322 section 3.4).
 *
 * Whoever decides by an address must read it as every other program does. So this reader takes
 * the grammar of today, and whatever else it meets (obsolete forms, encoded words where none may
 * stand, angle brackets in comments) it names as a flaw instead of interpreting it. Addresses
 * that come before and after a flaw are still listed, for facts and for search; only a list
 * whose flaw is MAIL_ADDRESS_CLEAR may prove anything. Pure; results come from the arena. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

#define MAIL_ADDRESSES_MAX 10000 /* in one field; a field of 64 KiB holds fewer real ones */
#define MAIL_LOCAL_MAX     64    /* octets, RFC 5321 section 4.5.3.1.1 */
#define MAIL_DOMAIN_MAX    255   /* octets, RFC 5321 section 4.5.3.1.2 */
#define MAIL_COMMENT_DEPTH 20    /* comments in comments */
#define MAIL_SHOWN_MAX     8     /* names that look like addresses, kept of one field */

enum mail_address_flaw {
    MAIL_ADDRESS_CLEAR,
    MAIL_ADDRESS_MALFORMED, /* not an address by any grammar                               */
    MAIL_ADDRESS_OBSOLETE,  /* routes, empty list members, white space inside an address   */
    MAIL_ADDRESS_ENCODED,   /* an encoded word (RFC 2047) inside an address                */
    MAIL_ADDRESS_CONFUSING, /* a name or comment that holds an angle bracket, encodes control
                             * characters, turns the direction of writing or is encoded so
                             * that programs decode it differently                         */
    MAIL_ADDRESS_EIGHT_BIT, /* bytes above 127 without SMTPUTF8, or not UTF-8              */
    MAIL_ADDRESS_LONG,      /* local part, domain or the nesting of comments               */
    MAIL_ADDRESS_MANY,      /* more than MAIL_ADDRESSES_MAX; those behind are not listed   */
};

struct mail_address {
    struct slice name;   /* for people: display name or comment, decoded; empty when none */
    struct slice local;  /* without quotes and backslashes */
    struct slice domain; /* as written; a domain literal keeps its brackets */
};

struct mail_addresses {
    struct mail_address *items;
    size_t count;
    struct slice shown[MAIL_SHOWN_MAX]; /* the first names and comments, decoded, that look like
                                         * an address to people and to careless programs */
    size_t n_shown;                     /* how many there were, which may be more */
    bool groups; /* a group was among them; its members are listed like the others */
    enum mail_address_flaw flaw; /* the first one */
};

/**
 * Read an address list: mailboxes and groups, separated by commas.
 *
 * @param value  a field's value, still folded
 * @param utf8   bytes above 127 are allowed when they are UTF-8 (RFC 6532)
 * @param out    an empty list, with or without comments, has count 0 and no flaw
 */
void mail_addresses_read(struct slice value, bool utf8, struct arena *arena,
                         struct mail_addresses *out);

/**
 * Read one bare address as it stands in an envelope or a setting: local@domain and nothing else.
 *
 * @param out  name is empty; local part and domain come from the arena or look into `text`
 */
enum mail_address_flaw mail_address_read(struct slice text, bool utf8, struct arena *arena,
                                         struct mail_address *out)
    __attribute__((warn_unused_result));

/* Append local@domain, with quotes where the local part needs them (RFC 5321 section 4.1.2). */
void mail_address_write(struct buf *out, const struct mail_address *address);

/* The same as text from the arena. */
struct slice mail_address_text(const struct mail_address *address, struct arena *arena);

/* Whether a text looks as if it held an address: an at sign, and a dot within a word behind it. */
bool mail_shows_address(struct slice text);

/**
 * Take the next word with an at sign off the text.
 *
 * @param word  without quotes, brackets and the like around it; a quote inside stays
 * @return      false when there is none left
 */
bool mail_shown_word(struct slice *text, struct slice *word) __attribute__((warn_unused_result));

/* The same mailbox? Domains match whatever the case of their ASCII letters (RFC 5321 section
 * 2.4); local parts byte by byte, or like the domain when `local_nocase`. Names do not count. */
bool mail_address_same(const struct mail_address *a, const struct mail_address *b,
                       bool local_nocase);

/* What is wrong, to follow "The From line ": "has a comma too many or ...". Never NULL. */
const char *mail_address_flaw_text(enum mail_address_flaw flaw);
