/* places/internal - the two kinds of places, for this module's own files. */
#pragma once

#include "base/arena.h"

#include "host/fetch.h"
#include "places/places.h"

#define PLACES_PART_MAX 1024

/* What a server may take of us. One that says little is given up, not waited for. */
#define PLACES_OBJECT_MS (5 * 60 * 1000)
#define PLACES_LIST_MS   (8 * 60 * 1000)
#define PLACES_LIST_MAX  4000000 /* entries, whatever they are */

/* A list while it is read. */
struct places_list {
    int64_t until; /* steady clock */
    size_t count;
};

/* Count an entry; ERROR_LIMIT when there were too many. */
bool places_list_count(struct places_list *l, struct error *e) MUST_CHECK;

/* ERROR_BUSY when it took too long. */
bool places_list_in_time(const struct places_list *l, struct error *e) MUST_CHECK;

/* A URL taken apart; the slices look into an arena. */
struct places_parts {
    struct slice scheme;
    struct slice user;
    struct slice host;
    uint16_t port;
    struct slice path; /* without the slash at either end */
};

/* ERROR_CONFIG for what is no URL of a place. */
bool places_parse(struct slice url, struct arena *arena, struct places_parts *out,
                  struct error *e) MUST_CHECK;

struct places {
    struct places_options options;
    struct arena arena; /* of the parts */
    struct places_parts parts;
    const struct store_ops *ops; /* of its kind; the context is this */
    struct sftp *sftp;
    int versioned;           /* S3: -1 not known yet */
    struct fetch_line *line; /* S3: kept between exchanges; NULL before the first */
};

/* s3.c, sftp.c */
extern const struct store_ops places_s3_ops;
extern const struct store_ops places_sftp_ops;
bool places_s3_check(const struct places *p, struct error *e) MUST_CHECK;
bool places_sftp_check(const struct places *p, struct error *e) MUST_CHECK;
void places_sftp_close(struct places *p);
