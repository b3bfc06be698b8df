/* ledger/seal - records and parts of them sealed and opened, and the keys of segments. For ledger/'s own files.
 *
 * docs/ledger-format.md sections 4 and 12. A sealer belongs to one thread at a time. */
#pragma once

#include "ledger/internal.h"

struct objects; /* ledger/objects.h */

struct sealer; /* compression and cipher contexts of one thread at a time */

/* Contexts without a key. Free accepts NULL. */
struct sealer *sealer_new(void) __attribute__((returns_nonnull));
void sealer_free(struct sealer *s);
OWN_BY(sealer, struct sealer, sealer_free)

/* Seal a record; out->bytes is the caller's to free. */
void sealer_seal(struct sealer *s, const struct segment_key *key,
                 const struct ledger_record *record, int64_t time_ms, struct sealed *out);

/**
 * Open a sealed record whose head was read from `head`.
 *
 * @param payload  h->length bytes, decrypted in place
 * @param body     set to the body, in the arena
 * @return         false with ERROR_CORRUPT when seal or commitment do not fit, ERROR_LIMIT when the
 *                 arena has no room
 */
bool sealer_open(struct sealer *s, const struct secret *segment_key,
                 const uint8_t head[static RECORD_HEAD_LEN], const struct record_head *h,
                 uint8_t *payload, struct arena *arena, struct slice *body,
                 struct error *e) MUST_CHECK;

/* The same with the record's own key and a dictionary, as packs have them: blind and body are those of the
 * commitment; `front`: what stands before the compressed body. The payload replaces what is in `out`, whose
 * `full` says that it did not fit. */
void sealer_seal_again(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN],
                       struct slice aad, struct slice dictionary,
                       const uint8_t blind[static BLIND_LEN], struct slice front, struct slice body,
                       struct buf *out);

/* A part alone, under a key that serves nothing else. */
void sealer_seal_object(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN],
                        struct slice aad, struct slice part, bool encoded, struct buf *out);

/* Encrypt in place, with the tag behind: room for TAG_LEN more bytes. The key serves nothing else. */
void sealer_seal_bytes(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN], uint8_t *bytes,
                       size_t len);

/* As sealer_open(), with the record's own key; `objects` unless NULL: the body may refer to some. The
 * first BLIND_LEN bytes of an opened payload are the blind. */
bool sealer_open_with(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN], struct slice aad,
                      struct slice dictionary, struct objects *objects,
                      const uint8_t committed[static DIGEST_LEN], uint8_t *payload, size_t length,
                      struct arena *arena, struct slice *body, struct error *e) MUST_CHECK;

/* The steps of opening: decrypt in place (false: altered), how large a frame is unpacked, unpack it. */
bool sealer_unseal(struct sealer *s, const uint8_t key[static KEYRING_KEY_LEN], struct slice aad,
                   uint8_t *payload, size_t length) MUST_CHECK;
bool sealer_unpacked_size(struct slice packed, size_t *size, struct error *e) MUST_CHECK;
bool sealer_unpack(struct sealer *s, struct slice dictionary, struct slice packed, uint8_t *to,
                   size_t size, struct error *e) MUST_CHECK;

/* A random key in locked memory, with one user. Free gives up one user; the last wipes it. */
struct segment_key *segment_key_new(void) __attribute__((returns_nonnull));
void segment_key_free(struct segment_key *k);

/* A segment's key out of its header. ERROR_CONFIG: sealed under another key. ERROR_CORRUPT: damaged. */
bool segment_key_open(const struct segment_head *h, const struct secret *ledger_key,
                      struct segment_key **out, struct error *e) MUST_CHECK;
OWN_BY(segment_key, struct segment_key, segment_key_free)
