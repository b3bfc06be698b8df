/* catalog/known - to whom the company has written, as keyed hashes.
 *
 * A number stands for the sender's domain and the recipient's address, both in lower case: 64 bits of SipHash-2-4 under a key that follows from the catalog's.
 * The file holds it with the letter that was the first to go there, so that it leaves with that letter. Submitted letters count, and
 * imported ones that their own From says somebody sent; their sender's domain is the account's, or that From's. A letter of a domain
 * that is none of ours is of no use to anybody who asks under ours. */
#pragma once

#include "catalog/catalog.h"
#include "letter/findings.h"

/* In the numbers of links, and in no others: they are many, and are not to take the room of recipients. */
#define CATALOG_KNOWN_LINK UINT64_C(1)

/* The number of an address for senders of that domain. Thread-safe. */
uint64_t catalog_known_key(const struct catalog *c, struct slice domain, struct slice address);

/* The network of an address, as a text: the first three parts of an IPv4 one, the first three groups of an IPv6 one. Under an
 * account's name instead of a domain its number says that the account sent from there; that of the empty text, that it sent at all. */
struct slice catalog_known_network(struct slice client);

/* The number of a network for an app password of an account, by its id; of an empty client: that it was used at all. */
uint64_t catalog_known_app(const struct catalog *c, struct slice account, struct slice app,
                           struct slice client);

/* The number of a machine, by the name that it gives itself (letter/device.h), for an account and the app password that it has, if any; of an empty
 * name: that the account was used with a machine that has one. */
uint64_t catalog_known_device(const struct catalog *c, struct slice account, struct slice app,
                              struct slice device);

/* A country, as a text to be asked for under an account's name; of no country: that any is known. In `text`. */
#define CATALOG_COUNTRY_LEN 3
struct slice catalog_known_country(struct slice country, uint8_t text[static CATALOG_COUNTRY_LEN]);

/* Tell every number that a letter makes known; none of other kinds of letters. Thread-safe. */
void catalog_known_of(const struct catalog *c, const struct facts *f,
                      void (*each)(void *context, uint64_t key), void *context);

/* The host of a link, as a text to be asked for under an account's name; of no host: that it linked at all. In the arena. */
struct slice catalog_known_link(struct slice host, struct arena *arena);

/* Tell every number that the links of a letter make known to its account. Thread-safe. */
void catalog_known_links(const struct catalog *c, const struct findings *f, struct arena *arena,
                         void (*each)(void *context, uint64_t key), void *context);

/* Step through all that the file holds. */
bool catalog_known_each(struct catalog *c, void (*each)(void *context, uint64_t key), void *context,
                        struct error *e) MUST_CHECK;

/* Whether that letter, by the number of its facts, was the first to go there. */
bool catalog_known_first(struct catalog *c, uint64_t key, uint64_t letter, bool *first,
                         struct error *e) MUST_CHECK;
