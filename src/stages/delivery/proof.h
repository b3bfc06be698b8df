/* stages/delivery/proof - what proves that a server is the one that a domain means: the one place where it is
 * decided what counts as `authenticated`.
 *
 * Before the connection proof_of_host() says what is asked of the server; after the handshake proof_level() says what
 * its certificate came to. A local pin counts before DANE, DANE before MTA-STS (RFC 8461 section 2). */
#pragma once

#include "host/conn.h"
#include "letter/ruling.h"
#include "stages/delivery/dane.h"
#include "stages/delivery/sts.h"

#define PROOF_TEXT_MAX 48

enum proof_kind {
    PROOF_NONE, /* nothing does: a certificate from a known authority is the most that can be had */
    PROOF_DANE, /* TLSA records of the domain */
    PROOF_PIN,  /* keys or authorities that the settings name */
    PROOF_STS, /* an MTA-STS policy that is enforced: an authority that is known, and the host's own name */
};

/* What is asked of one server. Looks into the arena of whoever made it. */
struct proof {
    enum proof_kind kind;
    enum tls_level floor;     /* nothing below will do, whatever the letter demands */
    struct slice name;        /* SNI, and the first name that counts */
    bool sni_alone;           /* it does not count: an insecure DNS named the host */
    bool named;               /* it is a host of the domain, whatever an insecure DNS says */
    const struct slice *tlsa; /* usable records; the certificate must match one */
    size_t n_tlsa;
    const struct slice
        *names; /* the certificate may show one of these as well, where names count */
    size_t n_names;
    char sts_id[STS_ID_MAX + 1]; /* of PROOF_STS */
    struct slice
        published; /* what the domain publishes of its servers, for the record; at most 255 octets */
};

/* Whose server it is. */
struct proof_of {
    struct slice
        domain; /* next hop: of the letter's recipients, or empty: the settings name the host */
    struct slice canonical;    /* what that is a proven alias of, or empty */
    const struct slice *names; /* that the settings accept beside the host's */
    size_t n_names;
    const struct slice *pins; /* the settings pin these, as TLSA records (host/tlsa) */
    size_t n_pins;
    bool pinned; /* they do, even if none could be read: then nothing matches */
    bool proven; /* the host's name came from secure MX records or from the settings */
    bool waived; /* what the domain publishes is not asked for */
    const struct sts_rule *sts; /* the MTA-STS policy of the domain; NULL: there is none */
};

/**
 * Find out what must prove a host, by DNS where need be.
 *
 * @param why  set on failure: a sentence
 * @return     false when that is not known now, or an MTA-STS policy does not mean this host (then the kind is
 *             PROOF_STS): nothing may be sent to it
 */
bool proof_of_host(const struct lookup *l, const struct proof_of *of, const struct route_host *host,
                   const struct lookup_addresses *found, struct arena *arena, struct proof *out,
                   struct slice *why) __attribute__((warn_unused_result));

/* Under what its sessions are counted for reports: enum tls_policy. */
uint64_t proof_policy(const struct proof *proof, const struct sts_rule *rule);

/* The level that a connection reached against what was asked. */
enum tls_level proof_level(const struct proof *proof, const struct conn_tls *tls);

/* Whether the proof decides and the certificate failed it: nobody's letter may go there, whatever it demands. */
bool proof_failed(const struct proof *proof, const struct conn_tls *tls);

/* What authenticated the server, for the record: "DANE 3 1 1"; empty below LEVEL_AUTHENTICATED. */
void proof_text(const struct proof *proof, const struct conn_tls *tls,
                char text[static PROOF_TEXT_MAX]);
