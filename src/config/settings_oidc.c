/* The rows of OpenID Connect. */
#include "config/internal.h"
#include "config/settings.h"

static const char *const algorithm_words[] = {"RS256", "PS256", "ES256", "EdDSA", NULL};

static const struct config_setting oidc_rows[] = {
    CONFIG_ROW("issuer", URL, struct oidc_settings, issuer, .required = true, .max = 255,
               .example = "https://id.example.test",
               .help = "The provider, written exactly as its tokens write it; https.",
               .more = "Its document lies below it, at /.well-known/openid-configuration; the "
                       "authorities that its certificate is verified with are those of "
                       "`courier-trust-store`."),
    CONFIG_ROW("client-id", TEXT, struct oidc_settings, client_id, .required = true, .max = 255,
               .example = "postern", .help = "What the provider calls this Postern."),
    CONFIG_ROW("client-secret-file", PATH, struct oidc_settings, client_secret_file,
               .example = "/etc/postern/oidc-office",
               .help = "File with the secret for it in its first line, readable by root alone.",
               .more = "Without it Postern is a public client: it signs people in, and cannot have "
                       "tokens introspected."),
    CONFIG_ROW("claim", TEXT, struct oidc_settings, claim, .initial = "email", .max = 64,
               .help = "The claim of a token that names the account here.",
               .more = "`email` counts only where the provider says that it was verified. Whoever "
                       "can change the claim at the provider becomes another account here: take "
                       "none that people set for themselves. At the desk, what an ID token "
                       "leaves out the provider's userinfo endpoint is asked for."),
    CONFIG_ROW("unverified-email", BOOLEAN, struct oidc_settings, unverified_email, .initial = "no",
               .help = "Whether `email` counts without the provider's word that it was verified."),
    CONFIG_ROW("algorithm", CHOICE, struct oidc_settings, algorithms, .list = true,
               .initial = "RS256, PS256, ES256, EdDSA", .words = algorithm_words,
               .help = "By which algorithms tokens may be signed."),
    CONFIG_ROW("login-scope", TEXT, struct oidc_settings, login_scope, .initial = "openid email",
               .max = 255, .help = "What `postern login --oidc` asks the provider for."),
    CONFIG_ROW("device-login", BOOLEAN, struct oidc_settings, device_login, .initial = "no",
               .help = "Whether `postern login --oidc NAME --device` may be used (RFC 8628).",
               .more = "The page is then opened at any machine, and nothing binds it to the one "
                       "where the sign-in was begun: whoever types a code that somebody else "
                       "gave him signs that other one in. The provider's client must be allowed "
                       "the device flow."),
    CONFIG_ROW("roles", BOOLEAN, struct oidc_settings, roles, .initial = "no",
               .help =
                   "Whether auditors, officers and administrators may sign in by it as well, at "
                   "the desk and to send mail.",
               .more = "Whoever runs the provider could be any of them, and so be two persons "
                       "where two are needed."),
    CONFIG_ROW("second-factor", TEXT, struct oidc_settings, second_factor, .list = true, .max = 255,
               .example = "mfa, phr",
               .help = "Values of the claims acr or amr that say that the provider asked for a "
                       "second factor.",
               .more = "Such a token is enough for an account with a second factor here. "
                       "Without one it sends no mail, and the desk asks for a code."),
    CONFIG_ROW("audience", TEXT, struct oidc_settings, audiences, .list = true, .max = 255,
               .example = "https://mail.example.test",
               .help = "What access tokens of mail clients must be made out for.",
               .more = "With it AUTH OAUTHBEARER and XOAUTH2 are offered. Never the `client-id` of "
                       "a program that people sign in to."),
    CONFIG_ROW("client", TEXT, struct oidc_settings, clients, .list = true, .max = 255,
               .example = "thunderbird",
               .help = "The mail clients, besides `client-id`, whose access tokens are taken."),
    CONFIG_ROW("scope", TEXT, struct oidc_settings, scope, .initial = "mail.send", .max = 255,
               .help = "The scope that an access token must have to send."),
    CONFIG_ROW("plain-tokens", BOOLEAN, struct oidc_settings, plain_tokens, .initial = "no",
               .help = "Whether access tokens may be typed `JWT` and not `at+jwt` (RFC 9068).",
               .more = "For providers from before RFC 9068. What has a nonce or a hash as ID "
                       "tokens have is refused all the same."),
    CONFIG_ROW("introspection", BOOLEAN, struct oidc_settings, introspection, .initial = "no",
               .help = "Whether tokens that are not signed are shown to the provider (RFC 7662).",
               .more =
                   "One section may. The provider must say that it is an access token (token_type "
                   "Bearer), and name an `audience` of the section; in a section without "
                   "`audience` the client and the `scope` alone decide. A right token is "
                   "remembered for `auth-remember`."),
};
const struct config_table settings_oidc_table = {"[oidc]", 0, oidc_rows,
                                                 sizeof(oidc_rows) / sizeof(oidc_rows[0])};

static bool has_text(const struct config_list *list, struct slice text)
{
    const struct slice *items = list->items;

    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal(items[i], text)) {
            return true;
        }
    }
    return false;
}

/* What is wrong with one of them. */
static const char *wrong_with(const struct oidc_settings *o)
{
    if (o->name.len > SETTINGS_OIDC_NAME_MAX) {
        return "the name of an [oidc] has at most 20 characters";
    }
    if (!slice_starts(o->issuer, SLICE("https://")) || slice_find(o->issuer, '?') < o->issuer.len ||
        slice_find(o->issuer, '#') < o->issuer.len) {
        return "`issuer` in an [oidc] wants https, and neither `?` nor `#`";
    }
    if (has_text(&o->audiences, o->client_id)) {
        return "an [oidc] has its `client-id` as an `audience`: a token that somebody signed in "
               "with would send mail";
    }
    if (o->introspection && !o->client_secret_file.len) {
        return "`introspection` in an [oidc] wants a `client-secret-file`";
    }
    return o->algorithms.count ? NULL : "`algorithm` in an [oidc] names none";
}

const char *settings_oidc_contradiction(const struct settings *s)
{
    const struct oidc_settings *all = s->oidcs.items;
    size_t introspections = 0;

    for (size_t i = 0; i < s->oidcs.count; i++) {
        const char *why = wrong_with(&all[i]);
        if (why) {
            return why;
        }
        introspections += all[i].introspection;
    }
    if (s->oidcs.count > SETTINGS_OIDC_MAX) {
        return "there are at most 16 [oidc]";
    }
    return introspections > 1 ? "one [oidc] may have `introspection`: a token would be shown to "
                                "providers that it is not for"
                              : NULL;
}

const struct oidc_settings *settings_oidc(const struct settings *s, struct slice name)
{
    const struct oidc_settings *all = s->oidcs.items;

    for (size_t i = 0; i < s->oidcs.count; i++) {
        if (slice_equal(all[i].name, name)) {
            return &all[i];
        }
    }
    return NULL;
}

const struct oidc_settings *settings_oidc_mail(const struct settings *s)
{
    const struct oidc_settings *all = s->oidcs.items;

    for (size_t i = 0; i < s->oidcs.count; i++) {
        if (all[i].audiences.count || all[i].introspection) {
            return &all[i];
        }
    }
    return NULL;
}
