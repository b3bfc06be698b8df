/* processes/signer_keys - the keys the signer holds: on disk sealed, in memory ready to sign.
 *
 * DKIM keys, OpenPGP and S/MIME keys of our own people, that of our authority and the one checkpoint key are
 * files of the directory `keys`, each sealed under the signer's key and bound to its own name, which is a hash:
 * neither a domain nor a key can be read there. A key in a file never changes and is never replaced; DKIM keys
 * that were changed are destroyed (signer_store_drop). TLS keys belong to the operator's
 * certificate and live in memory alone; the generations before the last stay for handshakes and
 * contexts that began with them. Thread-safe but for open and close.
 *
 *     state of NAME.key        after a crash there
 *     absent                   absent
 *     being written as .new    absent, .new is replaced by the next attempt
 *     renamed, folder synced   present, whole: only then it is told or used */
#pragma once

#include "base/arena.h"
#include "base/secret.h"

#include "processes/private_key.h"

#define SIGNER_CHECKPOINT "checkpoint" /* the name of that key */
#define SIGNER_TLS        "tls-key"    /* the name of the newest TLS key of a type */
#define SIGNER_TLS_MAX    8            /* TLS keys in memory, all generations together */

struct signer_store;

/**
 * Read all keys, and make the checkpoint key when there is none.
 *
 * @param directory   of the keys; stays the caller's, open
 * @param seal        key that seals them; outlives the store
 * @param unreadable  set to the number of files that look like keys and cannot be opened: they are
 *                    left alone and their names stay taken
 * @return            NULL with ERROR_CONFIG or ERROR_BUSY when the directory cannot be used
 */
struct signer_store *signer_store_open(int directory, const struct secret *seal, size_t *unreadable,
                                       struct error *e) MUST_CHECK;

/* Give its references to keys up. NULL is fine. */
void signer_store_close(struct signer_store *s);

/**
 * Make a DKIM key and keep it durably.
 *
 * @param ask  kind KEY_DKIM_RSA or KEY_DKIM_ED25519; domain and selector in any case
 * @param out  its texts are in the arena
 * @return     false with ERROR_INPUT when kind, domain, selector or size will not do or the
 *             selector is taken in that domain, ERROR_LIMIT when there are too many keys
 */
bool signer_store_new(struct signer_store *s, const struct signer_new_ask *ask, struct arena *arena,
                      struct signer_key *out, struct error *e) MUST_CHECK;

/**
 * Destroy a DKIM key, any case: its file first, then it is out of use. Who signs with it in that moment still does.
 *
 * @return  false with ERROR_BUSY when the file cannot be removed; true when there is no such key
 */
bool signer_store_drop(struct signer_store *s, struct slice domain, struct slice selector,
                       struct error *e) MUST_CHECK;

/* Describe all keys, texts in the arena. */
struct signer_keys signer_store_list(struct signer_store *s, struct arena *arena);

/* The key of a domain and selector, any case, with a reference for the caller; NULL: none. */
struct private_key *signer_store_dkim(struct signer_store *s, struct slice domain,
                                      struct slice selector);

/* The OpenPGP key of that name, with a reference for the caller; NULL when there is none. */
struct private_key *signer_store_openpgp(struct signer_store *s, struct slice domain,
                                         struct slice name);

/* The checkpoint key, or NULL when its file cannot be read. */
struct private_key *signer_store_checkpoint(struct signer_store *s);

/* Keep a private key for S/MIME durably; one that is kept already is as good. *name is set to that by which it is found, in the
 * arena. The key stays the caller's. False with ERROR_LIMIT, ERROR_BUSY. */
bool signer_store_add_smime(struct signer_store *s, enum key_kind kind, struct private_key *key,
                            struct arena *arena, struct slice *name, struct error *e) MUST_CHECK;

/* The key of that name, if it is of that kind, with a reference for the caller; NULL: none. */
struct private_key *signer_store_smime(struct signer_store *s, struct slice name,
                                       enum key_kind kind);

/* Put the keys of a PEM file in use. False with ERROR_CONFIG: those of before stay in use. */
bool signer_store_set_tls(struct signer_store *s, struct slice pem, struct error *e) MUST_CHECK;

/* The TLS key of that name: 64 hexadecimal digits of its id, or SIGNER_TLS. NULL: none. */
struct private_key *signer_store_tls(struct signer_store *s, struct slice name,
                                     enum private_key_type type);

OWN_BY(signer_store, struct signer_store, signer_store_close)
