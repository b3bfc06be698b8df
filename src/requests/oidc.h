/* requests/oidc - signing in by OpenID Connect: what a person's command line asks of the keeper, the keeper of auth, and auth
 * of courier. */
#pragma once

#include "ipc/ipc.h"
#include "requests/auth_factors.h"

#define OIDC_NAME_MAX      20 /* of a provider's section */
#define OIDC_ID_LEN        16
#define OIDC_URL_MAX       4096
#define OIDC_CODE_MAX      2048
#define OIDC_STATE_MAX     128
#define OIDC_PROVIDERS_MAX 16
#define OIDC_USER_CODE_MAX 64
#define OIDC_WAIT_MAX_MS   60000
#define OIDC_FORM_MAX      ((size_t)16 << 10)
#define OIDC_BODY_MAX      ((size_t)64 << 10) /* of what a provider answers */

/* oidc_begin: over the control socket. Begin to sign in at the desk: the answer is what a browser is to open. */
struct oidc_begin_ask {
    struct slice provider;
    uint64_t port; /* on loopback, where the browser brings the code to; 0 with the next */
    bool device;   /* by a browser on any machine, where a person types a code (RFC 8628) */
};

struct oidc_begin_answer {
    struct slice id; /* OIDC_ID_LEN bytes, for oidc_finish */
    struct slice url;
    struct slice user_code; /* of a device: what is typed there */
    uint64_t wait_ms;       /* likewise: ask how it ended after so long */
};

extern const struct ipc_message oidc_begin;

/* oidc_finish: with what the browser brought; of a device with the id alone, again and again. Answered as admin_sign_in is. */
struct oidc_finish_ask {
    struct slice id;
    struct slice code;   /* of the provider's; empty at the second try, with a second factor */
    struct slice state;  /* as the browser brought it */
    struct slice issuer; /* likewise (RFC 9207); may be empty */
    struct slice factor; /* a code of our own second factor, ... */
    struct auth_assertion passkey; /* ... or a passkey of it */
};

extern const struct ipc_message oidc_finish;

/* auth_oidc_begin: from keeper, with who asks. */
struct auth_oidc_begin_ask {
    struct oidc_begin_ask begin;
    struct slice client;
};

extern const struct ipc_message auth_oidc_begin;

/* auth_oidc_finish: from keeper; answered as auth_desk is. */
struct auth_oidc_finish_ask {
    struct oidc_finish_ask finish;
    struct slice client;
};

extern const struct ipc_message auth_oidc_finish;

/* auth_providers: from keeper. What came of each [oidc] section since auth started. */
struct provider_count {
    struct slice name;
    uint64_t accepted;   /* sign-ins by it, at the desk and of mail clients */
    uint64_t refused;    /* tokens and sign-ins that it was named in, or that it gave */
    uint64_t unanswered; /* questions to it that came to nothing */
    uint64_t keys_at;    /* wall milliseconds: when its keys were last fetched; 0: never */
};

struct providers_answer {
    struct cbor_list providers; /* struct provider_count */
};

extern const struct ipc_message auth_providers;

/* courier_identity: from auth. Ask a provider of the settings something. Where, courier finds out itself, from the
 * provider's own document: auth cannot send anything to anybody else. The answer's body is a sealed memfd. */
enum identity_kind {
    IDENTITY_DOCUMENT = 1, /* what the provider says of itself */
    IDENTITY_KEYS,         /* its JWK set */
    IDENTITY_TOKEN, /* post the form to the token endpoint; courier adds the client's secret */
    IDENTITY_INTROSPECTION, /* likewise to the introspection endpoint */
    IDENTITY_DEVICE,        /* likewise to the device authorization endpoint */
    IDENTITY_USERINFO,      /* the form is an access token that the provider gave us */
    IDENTITY_LAST = IDENTITY_USERINFO,
};

struct provider_ask {
    struct slice provider;
    struct slice issuer; /* of the settings that auth has: another one is refused */
    uint64_t kind;
    struct slice form;
};

struct provider_answer {
    uint64_t status; /* of HTTP */
};

extern const struct ipc_message courier_identity;
