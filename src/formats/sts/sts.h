/* formats/sts/sts - what a domain says of itself by MTA-STS (RFC 8461): the TXT record and the policy file.
 *
 * Pure: bytes in, values out. Whoever reads a file here has fetched it from the right place, which is not seen here.
 * What is malformed in a known field makes the whole no policy; unknown fields are passed over (section 3.2). */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#define STS_ID_MAX      32                 /* octets of an id */
#define STS_POLICY_MAX  ((size_t)64 << 10) /* octets of a policy file; the RFC suggests this limit */
#define STS_MX_MAX      128                /* patterns of one policy; more make it none */
#define STS_MAX_AGE_MAX UINT64_C(31557600) /* seconds; what says more is cut to it */
#define STS_TEXT_MAX    1024               /* octets of a TXT record that is read */
#define STS_RECORD_NAME "_mta-sts."        /* in front of the domain: where the TXT record stands */
#define STS_HOST_NAME   "mta-sts."         /* in front of the domain: who serves the file */
#define STS_PATH        "/.well-known/mta-sts.txt"

enum sts_mode {
    STS_NO_MODE = 0,
    STS_NONE = 1,    /* the domain says that it has no policy any more */
    STS_TESTING = 2, /* failures are reported, and letters go on */
    STS_ENFORCE = 3, /* no letter goes to a host that does not fit */
};

struct sts_policy {
    uint64_t mode; /* enum sts_mode, never STS_NO_MODE */
    uint64_t max_age_s;
    struct slice *mx; /* patterns, as the file has them; n_mx, at least one but for STS_NONE */
    size_t n_mx;
};

/* "enforce"; "?" for what is no mode. */
const char *sts_mode_name(uint64_t mode);

/* Join the character-strings of a TXT record (RFC 1035 section 3.3.14); from the arena. False when the bytes are no
 * such record, or it is longer than STS_TEXT_MAX. */
bool sts_text_join(struct slice rdata, struct arena *arena, struct slice *text) MUST_CHECK;

/**
 * Find the id in the texts at _mta-sts.DOMAIN (RFC 8461 section 3.1).
 *
 * @param id  set to a slice of the text
 * @return    false when not exactly one of them begins with "v=STSv1;", or that one is malformed: no policy
 */
bool sts_id_read(const struct slice *texts, size_t n, struct slice *id) MUST_CHECK;

/**
 * Read a policy file (RFC 8461 section 3.2).
 *
 * @param out  its patterns are copied into the arena
 * @return     false with ERROR_INPUT and the line that is wrong
 */
bool sts_policy_read(struct slice text, struct arena *arena, struct sts_policy *out,
                     struct error *e) MUST_CHECK;

/* Whether a pattern is "[*.]name" with a name of letters, digits and hyphens. */
bool sts_pattern_is_good(struct slice pattern);

/* Whether a host is meant by a pattern: "*." stands for exactly one whole label in front (RFC 8461 section 4.1). */
bool sts_pattern_matches(struct slice pattern, struct slice host);

/* Whether one of the policy's patterns means the host. */
bool sts_admits(const struct sts_policy *policy, struct slice host);
