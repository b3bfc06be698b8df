/* vault/vault - a repository of backups in a store that nobody trusts: docs/backup-format.md.
 *
 * Everything in it is sealed under keys that follow from the one labelled "backup", each object bound to
 * its name, its length rounded up. Data objects are named by a keyed hash of what is in them, so the same
 * bytes are stored once and a run that was cut off goes on where it was; manifests by number and time.
 * A vault is used by one thread at a time. */
#pragma once

#include "base/arena.h"
#include "base/secret.h"

#include "vault/manifest.h"
#include "vault/store.h"

#define VAULT_ENTRY_MAX  55 /* characters of an object's name: prefix, "d-", 32 digits, ".new" */
#define VAULT_NUMBER_MAX UINT64_C(9999999999)
#define VAULT_PREFIX_LEN 17 /* characters of a vault's own before each name: 16 digits and '-' */

struct vault {
    struct store store;
    char prefix[VAULT_PREFIX_LEN + 1];
    struct secret *sealing;
    struct secret *naming;
    struct buf sealed; /* room to work in */
    struct buf plain;
    bool absent; /* vault_get() failed because the store says that there is no such object */
};

/* Begin to use the vault of a key, labelled "backup". */
void vault_init(struct vault *v, struct store store, const struct secret *key);
void vault_done(struct vault *v);

/* What stands before the names of such a vault's objects. */
void vault_prefix(const struct secret *key, char out[static VAULT_PREFIX_LEN + 1]);

/* ── objects ── */

/* What is in a vault, by name. */
struct vault_entry {
    char name[VAULT_ENTRY_MAX + 1];
    uint64_t size;
};

struct vault_listing {
    struct vault_entry *items; /* ascending */
    size_t count;
    size_t room;
};

/* List the objects whose names begin with the vault's prefix and `rest`. ERROR_LIMIT: too many. */
bool vault_list(struct vault *v, const char *rest, struct vault_listing *out,
                struct error *e) MUST_CHECK;
void vault_listing_done(struct vault_listing *l);

/* The entry of that name, or NULL. */
const struct vault_entry *vault_listed(const struct vault_listing *l, const char *name);

/* The whole name of a data object, from its own. */
void vault_data_name(const struct vault *v, struct slice own, char out[static STORE_NAME_MAX + 1]);

/* The other way round: false when it is not the whole name of a data object of this vault. */
bool vault_data_own(const struct vault *v, const char *name,
                    uint8_t out[static VAULT_NAME_LEN]) MUST_CHECK;

/* For bsearch() over own names. */
int vault_by_name(const void *a, const void *b);

/* Sort own names, and leave each once. */
void vault_names_sort(struct buf *names);

/* The own name of these bytes: VAULT_NAME_LEN. */
void vault_own_name(const struct vault *v, struct slice bytes, uint8_t out[static VAULT_NAME_LEN]);

/* Size of the object that so many bytes become. */
uint64_t vault_sealed_size(uint64_t length);

/* Seal and store; `digest`, if not NULL, gets the SHA-256 of the object. */
bool vault_put(struct vault *v, const char *name, struct slice bytes, uint8_t *digest,
               struct error *e) MUST_CHECK;

/* Fetch and open; the bytes live until the next use of the vault. ERROR_CORRUPT: it is not there, or not what was
 * stored under that name. */
bool vault_get(struct vault *v, const char *name, struct slice *bytes, uint8_t *digest,
               struct error *e) MUST_CHECK;

/* After a failure with ERROR_CORRUPT, for a name that was listed: an object that is said not to be there although it
 * was listed is no damage but a store that is not to be relied on now; the error becomes ERROR_BUSY, and false. */
bool vault_is_damage(const struct vault *v, struct error *e) MUST_CHECK;

/* ── manifests ── */

/* What a manifest's name says. */
struct vault_name {
    uint64_t number;
    uint64_t at;
};

/* Whether an object of the vault is a manifest. */
bool vault_manifest_name(const struct vault *v, const char *name, struct vault_name *out);

/* The manifests among the listed, oldest first; from the arena. */
const struct vault_entry **vault_manifests(const struct vault *v, const struct vault_listing *l,
                                           struct arena *arena, size_t *count);

/* Fetch a manifest whose name was listed; it lives in the arena. ERROR_CORRUPT also when it says another number
 * or time than its name. */
bool vault_get_manifest(struct vault *v, const char *name, struct arena *arena,
                        struct vault_manifest *m, uint8_t *digest, struct error *e) MUST_CHECK;

/* Store a manifest under its name. */
bool vault_put_manifest(struct vault *v, const struct vault_manifest *m, uint8_t *digest,
                        struct error *e) MUST_CHECK;

OWN_VALUE(vault_listing, struct vault_listing, vault_listing_done)
