#include "processes/auth_oidc.h"

#include "base/clock.h"
#include "base/log.h"

#include "formats/jose/form.h"
#include "requests/oidc.h"

#define HTTP_OK           200
#define UNSAID_S          3600 /* how long an introspected token is good that says no end */
#define SIGN_IN_MAX_AGE_S 600  /* an ID token is made while somebody waits */

static bool list_has(const struct config_list *list, struct slice text)
{
    const struct slice *items = list->items;

    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal(items[i], text)) {
            return true;
        }
    }
    return false;
}

static bool lists_meet(const struct config_list *list, const struct jose_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (list_has(list, texts->items[i])) {
            return true;
        }
    }
    return false;
}

static bool allows(const struct oidc_settings *o, enum jose_algorithm algorithm)
{
    const int *allowed = o->algorithms.items;

    for (size_t i = 0; i < o->algorithms.count; i++) {
        if (1U << allowed[i] == (unsigned)algorithm) {
            return true;
        }
    }
    return false;
}

/* A token that is looked at. */
struct judging {
    const struct oidc_judge *with;
    enum provider_side side;
    uint64_t generation; /* of the keys that decide */
};

/* ── what holds for every token ── */

static bool is_in_time(const struct jose_claims *c, int64_t now_s, const char **why)
{
    if (c->expires <= now_s) {
        *why = c->expires ? "the token has expired" : "the token has no end";
        return false;
    }
    if (c->not_before > now_s + TOKEN_SKEW_S || c->issued > now_s + TOKEN_SKEW_S) {
        *why = "the token is from the future";
        return false;
    }
    return true;
}

static bool names_account(const struct oidc_settings *o, const struct jose_claims *c,
                          const char **why)
{
    if (c->account.len == 0 || !slice_is_utf8(c->account)) {
        *why = "the token names no account";
        return false;
    }
    if (slice_equal(o->claim, SLICE("email")) && !c->email_verified && !o->unverified_email) {
        *why = "the provider has not verified the address";
        return false;
    }
    return true;
}

static struct token_identity identity_of(const struct oidc_settings *o, const struct jose_claims *c)
{
    return (struct token_identity){
        .provider = o->name,
        .account = c->account,
        .until_ms = c->expires * 1000,
        .factor = (c->acr.len && list_has(&o->second_factor, c->acr)) ||
                  lists_meet(&o->second_factor, &c->amr),
    };
}

static bool is_signed(struct judging *g, const struct oidc_settings *o, const struct jwt *token,
                      struct arena *arena, enum token_verdict *verdict, const char **why)
{
    struct provider_said said = {.verdict = JOSE_NO_KEY};
    struct error e;

    *verdict = TOKEN_BAD;
    if (!allows(o, token->algorithm)) {
        *why = "the token is signed by an algorithm that is not allowed";
        return false;
    }
    if (!providers_verify(g->with->providers, o, g->side, token, arena, &said, &e)) {
        *verdict = TOKEN_LATER;
        *why = "the provider's keys are not to be had";
        return false;
    }
    g->generation = said.generation;
    *why = said.verdict == JOSE_NO_KEY ? "the token names a key that the provider has not"
                                       : "the token's signature is wrong";
    return said.verdict == JOSE_SIGNED;
}

/* ── access tokens ── */

/* Every client that the token names must be one of ours, and it must name one: another program's token is not for us. */
static bool is_of_client(const struct oidc_settings *o, const struct jose_claims *c)
{
    const struct slice named[] = {c->authorized, c->client};
    bool any = false;

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (named[i].len == 0) {
            continue;
        }
        if (!slice_equal(named[i], o->client_id) && !list_has(&o->clients, named[i])) {
            return false;
        }
        any = true;
    }
    return any;
}

static enum token_verdict judge_access(const struct oidc_settings *o, const struct jose_claims *c,
                                       const char **why)
{
    if (c->bound) { /* RFC 8705, RFC 9449: SASL carries no proof of a key, so whoever stole it would show it as well */
        *why = "the token is bound to a key (cnf), which a mail client cannot show here";
        return TOKEN_BAD;
    }
    if (!is_of_client(o, c)) {
        *why = "the token was given to a client that is not in the settings";
        return TOKEN_BAD;
    }
    if (!is_in_time(c, clock_wall_ms() / 1000, why) || !names_account(o, c, why)) {
        return TOKEN_BAD;
    }
    if (!jose_texts_have(&c->scopes, o->scope)) {
        *why = "the token has not the scope for sending";
        return TOKEN_SCOPE;
    }
    return TOKEN_GOOD;
}

/* Whether it may be an access token at all. */
static bool is_access(const struct oidc_settings *o, const struct jwt *token)
{
    const struct jose_claims *c = &token->claims;
    bool plain = token->type.len == 0 || slice_equal_nocase(token->type, SLICE("JWT"));

    if (slice_equal_nocase(token->type, SLICE("at+jwt"))) {
        return true;
    }
    return plain && o->plain_tokens && !c->of_sign_in &&
           (c->kind.len == 0 || slice_equal_nocase(c->kind, SLICE("Bearer")));
}

/* The section whose issuer made it; of several, one that it is made out for. */
static const struct oidc_settings *section_of(const struct settings *s, const struct jose_claims *c)
{
    const struct oidc_settings *all = s->oidcs.items;
    const struct oidc_settings *found = NULL;

    for (size_t i = 0; i < s->oidcs.count; i++) {
        if (slice_equal(all[i].issuer, c->issuer) && lists_meet(&all[i].audiences, &c->audience)) {
            return &all[i];
        }
        found = !found && slice_equal(all[i].issuer, c->issuer) ? &all[i] : found;
    }
    return found;
}

static enum token_verdict access_signed(struct judging *g, struct slice text, struct arena *arena,
                                        struct token_identity *out, const char **why)
{
    enum token_verdict verdict = TOKEN_BAD;
    struct jwt token;

    *why = "the token cannot be read";
    if (!jwt_read(text, "sub", arena, &token)) {
        return TOKEN_BAD;
    }
    const struct oidc_settings *o = section_of(g->with->settings, &token.claims);
    if (!o || !jwt_read(text, (const char *)arena_text(arena, o->claim), arena, &token)) {
        *why = "the token is another issuer's";
        return TOKEN_BAD;
    }
    out->provider = o->name;
    if (!is_access(o, &token)) {
        *why = "the token is no access token";
        return TOKEN_BAD;
    }
    if (!lists_meet(&o->audiences, &token.claims.audience)) {
        *why = "the token is made out for another audience";
        return TOKEN_BAD;
    }
    if (!is_signed(g, o, &token, arena, &verdict, why)) {
        return verdict;
    }
    *out = identity_of(o, &token.claims);
    return judge_access(o, &token.claims, why);
}

/* Whether what the provider says of a token is about us. Without an audience in the settings client and scope decide. */
static bool is_ours(const struct oidc_settings *o, const struct jose_claims *c)
{
    bool met = o->audiences.count ? lists_meet(&o->audiences, &c->audience) : !c->audience.count;

    return c->active && met && (c->issuer.len == 0 || slice_equal(c->issuer, o->issuer));
}

static bool is_one_of(struct slice text, const char *const *words)
{
    for (size_t i = 0; words[i]; i++) {
        if (slice_equal_nocase(text, slice_text(words[i]))) {
            return true;
        }
    }
    return false;
}

/* Refresh tokens are active as well, and lie about for months. Some providers say what they are by `typ` or `token_use`,
 * others by no `token_type`; one that is bound to a key (DPoP) is shown here without that key. */
static bool is_said_to_be_access(const struct jose_claims *c)
{
    static const char *const kinds[] = {"Bearer", "JWT", "at+jwt", NULL};
    static const char *const uses[] = {"access_token", "access", NULL};

    return slice_equal_nocase(c->token_type, SLICE("Bearer")) &&
           (c->kind.len == 0 || is_one_of(c->kind, kinds)) &&
           (c->use.len == 0 || is_one_of(c->use, uses));
}

static const struct oidc_settings *introspecting(const struct settings *s)
{
    const struct oidc_settings *all = s->oidcs.items;

    for (size_t i = 0; i < s->oidcs.count; i++) {
        if (all[i].introspection) {
            return &all[i];
        }
    }
    return NULL;
}

/* Have the provider say what a token is. */
static enum token_verdict introspect(const struct oidc_judge *j, const struct oidc_settings *o,
                                     struct slice token, struct arena *arena,
                                     struct jose_claims *claims, const char **why)
{
    OWN(buf) struct buf form = {.max = OIDC_FORM_MAX};
    struct slice body;
    uint64_t status = 0;
    struct error e;

    form_add(&form, "token", token);
    form_add(&form, "token_type_hint", SLICE("access_token"));
    const struct provider_question q = {PROVIDER_MAIL, IDENTITY_INTROSPECTION, buf_slice(&form)};
    if (!providers_ask(j->providers, o, &q, arena, &body, &status, &e)) {
        *why = e.kind == ERROR_LIMIT ? "too many wait for a provider"
                                     : "the provider does not say what the token is";
        return e.kind == ERROR_LIMIT ? TOKEN_LATER : TOKEN_UNSAID;
    }
    *why = "the provider does not say what the token is";
    return status == HTTP_OK &&
                   jose_claims_read(body, (const char *)arena_text(arena, o->claim), arena, claims)
               ? TOKEN_GOOD
               : TOKEN_UNSAID;
}

static enum token_verdict access_opaque(const struct oidc_judge *j, struct slice text,
                                        struct arena *arena, struct token_identity *out,
                                        const char **why)
{
    const struct oidc_settings *o = introspecting(j->settings);
    struct jose_claims claims;

    *why = "the token cannot be read";
    if (!o || text.len > OIDC_FORM_MAX / 4) {
        return TOKEN_BAD;
    }
    out->provider = o->name;
    enum token_verdict said = introspect(j, o, text, arena, &claims, why);
    if (said != TOKEN_GOOD) {
        return said;
    }
    if (!is_ours(o, &claims)) {
        *why = "the provider does not know the token, or it is not for us";
        return TOKEN_BAD;
    }
    if (!is_said_to_be_access(&claims)) {
        *why = "the provider does not say that the token is an access token";
        return TOKEN_BAD;
    }
    claims.expires = claims.expires ? claims.expires : clock_wall_ms() / 1000 + UNSAID_S;
    *out = identity_of(o, &claims);
    return judge_access(o, &claims, why);
}

enum token_verdict oidc_access(const struct oidc_judge *j, struct slice token, struct arena *arena,
                               struct token_identity *out, const char **why)
{
    struct judging g = {j, PROVIDER_MAIL, providers_generation(j->providers)};
    const struct token_ground ground = {j->settings, g.generation};
    int64_t now_ms = clock_wall_ms();

    *out = (struct token_identity){.factor = false};
    if (auth_tokens_find(j->tokens, token, &ground, now_ms, arena, out)) {
        return TOKEN_GOOD;
    }
    enum token_verdict verdict = jwt_is_one(token) ? access_signed(&g, token, arena, out, why)
                                                   : access_opaque(j, token, arena, out, why);
    if (verdict == TOKEN_GOOD) {
        int64_t until_ms = now_ms + j->settings->auth.remember_ms;
        const struct token_ground now = {j->settings, g.generation};
        auth_tokens_add(j->tokens, token, &now, out, now_ms,
                        out->until_ms < until_ms ? out->until_ms : until_ms);
    }
    return verdict;
}

/* ── ID tokens ── */

/* Section 3.1.3.7: for us, and when for others as well, given to us. */
static bool is_for_client(const struct oidc_settings *o, const struct jose_claims *c)
{
    bool us = c->authorized.len ? slice_equal(c->authorized, o->client_id) : c->audience.count == 1;

    return us && jose_texts_have(&c->audience, o->client_id);
}

/* RFC 8628 has no nonce, and few providers repeat one; what came for the code of this machine is of this sign-in. */
static bool repeats_nonce(const struct oidc_grant *grant, const struct jose_claims *c)
{
    return (grant->device && c->nonce.len == 0) ||
           (grant->nonce.len && slice_equal(c->nonce, grant->nonce));
}

static bool is_id_token(const struct oidc_settings *o, const struct jwt *token,
                        const struct oidc_grant *grant, const char **why)
{
    const struct jose_claims *c = &token->claims;
    int64_t now_s = clock_wall_ms() / 1000;

    *why = "the provider gave no ID token for us";
    if ((token->type.len && !slice_equal_nocase(token->type, SLICE("JWT"))) ||
        (c->kind.len && !slice_equal_nocase(c->kind, SLICE("ID"))) || c->subject.len == 0 ||
        !slice_equal(c->issuer, o->issuer) || !is_for_client(o, c)) {
        return false;
    }
    if (!repeats_nonce(grant, c)) {
        *why = "the ID token is of another sign-in";
        return false;
    }
    if (c->issued < now_s - SIGN_IN_MAX_AGE_S) {
        *why = "the ID token is old";
        return false;
    }
    return is_in_time(c, now_s, why);
}

/* What the ID token leaves out the userinfo endpoint says, if there is one: of the same person, or it does not count
 * (section 5.3.2). Only an answer in JSON is read, which no more than TLS proves, as with introspection. */
static enum token_verdict complete(const struct oidc_judge *j, const struct oidc_settings *o,
                                   struct slice access_token, struct jose_claims *c,
                                   struct arena *arena, const char **why)
{
    const struct provider_question q = {PROVIDER_DESK, IDENTITY_USERINFO, access_token};
    struct jose_provider document;
    struct jose_claims said;
    struct slice body;
    uint64_t status = 0;
    struct error e;

    if (c->account.len || access_token.len == 0 || access_token.len > JOSE_TOKEN_MAX) {
        return TOKEN_GOOD;
    }
    *why = "the provider does not say who it was";
    if (!providers_document(j->providers, o, arena, &document, &e)) {
        return TOKEN_LATER;
    }
    if (document.userinfo.len == 0) {
        return TOKEN_GOOD;
    }
    if (!providers_ask(j->providers, o, &q, arena, &body, &status, &e) ||
        providers_in_trouble(status)) {
        return TOKEN_LATER;
    }
    if (status != HTTP_OK ||
        !jose_claims_read(body, (const char *)arena_text(arena, o->claim), arena, &said)) {
        return TOKEN_BAD;
    }
    *why = "the provider speaks of somebody else than its ID token";
    if (!slice_equal(said.subject, c->subject)) {
        return TOKEN_BAD;
    }
    c->account = said.account;
    c->email_verified = said.email_verified;
    return TOKEN_GOOD;
}

enum token_verdict oidc_sign_in(const struct oidc_judge *j, const struct oidc_settings *provider,
                                const struct oidc_grant *grant, struct arena *arena,
                                struct token_identity *out, const char **why)
{
    struct judging g = {.with = j, .side = PROVIDER_DESK};
    enum token_verdict verdict = TOKEN_BAD;
    struct jwt read;

    *why = "the ID token cannot be read";
    if (!jwt_read(grant->id_token, (const char *)arena_text(arena, provider->claim), arena,
                  &read) ||
        !is_signed(&g, provider, &read, arena, &verdict, why) ||
        !is_id_token(provider, &read, grant, why)) {
        return verdict;
    }
    verdict = complete(j, provider, grant->access_token, &read.claims, arena, why);
    if (verdict != TOKEN_GOOD) {
        return verdict;
    }
    if (!names_account(provider, &read.claims, why)) {
        return TOKEN_BAD;
    }
    *out = identity_of(provider, &read.claims);
    return TOKEN_GOOD;
}
