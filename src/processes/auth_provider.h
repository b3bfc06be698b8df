/* processes/auth_provider - OpenID providers as auth knows them: their keys, fetched by courier when they are needed, and what
 * is asked of them.
 *
 * Keys are fetched anew when they are PROVIDER_FRESH_MS old; while the provider cannot be reached those that there are count
 * on for PROVIDER_STALE_MS. A token that names an unknown key has them fetched at once, but not again within
 * PROVIDER_PAUSE_MS: whoever makes such tokens up makes us ask no more often.
 *
 * Who waits for a provider holds a channel on which others ask auth: so of mail clients PROVIDER_MAIL_MAX wait and no more,
 * of desks PROVIDER_DESK_MAX, and one more is told so at once. Nobody waits to have a token verified by keys that count while
 * somebody else fetches newer ones. Thread-safe. */
#pragma once

#include "base/own.h"

#include "config/settings.h"
#include "formats/jose/keys.h"
#include "formats/jose/provider.h"
#include "ipc/pool.h"

#define PROVIDER_FRESH_MS 600000
#define PROVIDER_STALE_MS 3600000
#define PROVIDER_PAUSE_MS 3000
#define PROVIDER_MAIL_MAX                                                                          \
    8 /* of the 32 channels of submission; and with the next, as many as courier has */
#define PROVIDER_DESK_MAX 2 /* of the 4 of the keeper */

/* For whom it is asked. */
enum provider_side { PROVIDER_MAIL, PROVIDER_DESK, PROVIDER_SIDES };

struct provider_question {
    enum provider_side side;
    uint64_t kind; /* enum identity_kind */
    struct slice form;
};

struct provider_said {
    enum jose_verdict verdict;
    uint64_t generation; /* of the keys that it was judged with: providers_generation() of then */
};

/* What is counted of each section. */
enum provider_event { PROVIDER_ACCEPTED, PROVIDER_REFUSED, PROVIDER_UNANSWERED, PROVIDER_EVENTS };

struct provider_record {
    uint64_t counts[PROVIDER_EVENTS];
    int64_t keys_at_ms; /* of the wall clock: when its keys were last fetched; 0: never */
};

struct providers;

/* Make a table that knows none. `courier` is asked; NULL: nobody is, and all is ERROR_BUSY. */
struct providers *providers_new(struct ipc_pool *courier) __attribute__((returns_nonnull));

/* Nobody may be in a question. NULL is fine. */
void providers_free(struct providers *p);

/* How often keys were replaced by others: what was judged by former ones is to be judged again. */
uint64_t providers_generation(struct providers *p);

/**
 * Whether a token is signed with a key that the provider has, as far as is known.
 *
 * @return  false with ERROR_BUSY when its keys are not to be had
 */
bool providers_verify(struct providers *p, const struct oidc_settings *provider,
                      enum provider_side side, const struct jwt *token, struct arena *arena,
                      struct provider_said *out, struct error *e) MUST_CHECK;

/**
 * Ask a provider (requests/oidc.h).
 *
 * @param body    what it answers, in the arena
 * @param status  of HTTP
 * @return        false with ERROR_BUSY when it cannot be reached, ERROR_LIMIT at once when too many wait
 */
bool providers_ask(struct providers *p, const struct oidc_settings *provider,
                   const struct provider_question *q, struct arena *arena, struct slice *body,
                   uint64_t *status, struct error *e) MUST_CHECK;

/* Whether an answer says that the provider is not well, and nothing of what it was asked: 5xx, 408 (RFC 9110 section 15.5.9) and
 * 429 (RFC 6585 section 4). */
bool providers_in_trouble(uint64_t status);

/* Count what came of a sign-in. Questions that came to nothing are counted here. */
void providers_count(struct providers *p, const struct oidc_settings *provider,
                     enum provider_event event);

/* What was counted since the process started. */
void providers_look(struct providers *p, const struct oidc_settings *provider,
                    struct provider_record *out);

/* The provider's document, read, for a desk. */
bool providers_document(struct providers *p, const struct oidc_settings *provider,
                        struct arena *arena, struct jose_provider *out, struct error *e) MUST_CHECK;

OWN_BY(providers, struct providers, providers_free)
