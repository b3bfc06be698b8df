/* config/settings_oidc - the settings of OpenID Connect. Conventions as in config/settings.h, which includes this. */
#pragma once

#include "config/config.h"

#define SETTINGS_OIDC_NAME_MAX 20
#define SETTINGS_OIDC_MAX      16 /* sections */

/* [oidc NAME]: a provider whose word counts for who somebody is. */
struct oidc_settings {
    struct slice name;
    struct slice issuer; /* as its tokens have it, letter by letter */
    struct slice client_id;
    struct slice client_secret_file; /* path; empty: a client without a secret */
    struct slice login_scope;
    struct slice claim; /* that names the account */
    bool unverified_email;
    bool device_login;             /* a code may be typed at another machine */
    bool roles;                    /* accounts with a role may sign in by it */
    struct config_list algorithms; /* int: 1 << n is enum jose_algorithm */
    struct config_list
        audiences; /* slices: of access tokens; none: mail clients show no signed ones */
    struct config_list clients; /* slices: that access tokens may be given to, besides client_id */
    struct slice scope;         /* that an access token must have */
    bool plain_tokens;          /* access tokens may be typed "JWT" */
    bool introspection;         /* what is no signed token is shown to the provider */
    struct config_list second_factor; /* slices: values of acr or amr */
};

struct settings;

/* The [oidc] section of that name, or NULL. */
const struct oidc_settings *settings_oidc(const struct settings *s, struct slice name);

/* The first section that takes tokens from mail clients, or NULL. */
const struct oidc_settings *settings_oidc_mail(const struct settings *s);
