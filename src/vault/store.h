/* vault/store - a place for named objects that we do not trust: a folder, an SFTP server, an S3 bucket.
 *
 * An object is written whole or not at all, read whole, removed. Names are flat: lower-case letters,
 * digits, '-' and '.'. What a store says is what a stranger says: vault/vault opens nothing that it
 * did not seal. The functions are the implementer's; a store is used by one thread at a time. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define STORE_NAME_MAX   100
#define STORE_OBJECT_MAX ((size_t)9 << 20) /* bytes; see VAULT_PIECE */

/* Called for each object; the name lives as long as the call. */
typedef bool store_visit(void *context, struct slice name, uint64_t size, struct error *e);

struct store_ops {
    /* Write an object durably, in place of one of that name. ERROR_BUSY: full, cut off, hung up. */
    bool (*put)(void *context, struct slice name, struct slice bytes, struct error *e);
    /* Append an object's bytes to `out`. ERROR_CORRUPT: there is none; ERROR_LIMIT: it does not fit. */
    bool (*get)(void *context, struct slice name, struct buf *out, struct error *e);
    /* Visit every object whose name begins so, in no order. */
    bool (*list)(void *context, struct slice prefix, store_visit *visit, void *visitor,
                 struct error *e);
    /* Remove an object for good; one that is not there is as good. ERROR_LIMIT: it is locked for some time still. */
    bool (*remove)(void *context, struct slice name, struct error *e);
    /* Lock an object for as long as one that is stored now. NULL: nothing is locked. */
    bool (*renew)(void *context, struct slice name, struct error *e);
};

struct store {
    const struct store_ops *ops;
    void *context;
};

/* Whether this may be an object's name. */
bool store_is_name(struct slice name);

/* The store that is a folder; the descriptor stays the caller's and is read through the pointer. What was
 * not written to its end has a name that ends in ".new". */
struct store store_folder(int *folder);
