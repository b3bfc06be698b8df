/* places/s3_sign - AWS Signature Version 4, the form with the payload's digest. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define S3_DATE_LEN 16 /* "20150830T123600Z" */

struct s3_header {
    const char *name; /* in lower case */
    struct slice value;
};

struct s3_request {
    const char *method;
    struct slice path;               /* from the slash on, each part encoded as s3_encode() does */
    struct slice query;              /* "a=b&c=", names ascending, encoded; empty: none */
    const struct s3_header *headers; /* ascending by name: host and all that is to be signed */
    size_t n_headers;
    struct slice payload_hash; /* 64 hex digits */
    const char *date;          /* S3_DATE_LEN characters */
    struct slice region;
    const char *service;
    struct slice access_key;
    struct slice secret;
};

/* Append the value of the Authorization header. Check out->full. */
void s3_sign(const struct s3_request *r, struct buf *out);

/* Append s percent-encoded (RFC 3986's unreserved bytes stay), a slash too unless `slashes`. */
void s3_encode(struct slice s, bool slashes, struct buf *out);

/* Append 64 hex digits of the SHA-256. */
void s3_hash(struct slice s, struct buf *out);
