#include "formats/webauthn/internal.h"

static bool read_type(struct slice text, enum webauthn_type *type)
{
    bool creates = slice_equal(text, SLICE("webauthn.create"));

    *type = creates ? WEBAUTHN_CREATE : WEBAUTHN_GET;
    return creates || slice_equal(text, SLICE("webauthn.get"));
}

bool webauthn_client_read(struct slice json, struct arena *arena, struct webauthn_client *out,
                          struct error *e)
{
    struct json_member m[] = {
        {.name = "type",        .kind = JSON_STRING},
        {.name = "challenge",   .kind = JSON_STRING},
        {.name = "origin",      .kind = JSON_STRING},
        {.name = "crossOrigin", .kind = JSON_TRUE  },
        {.name = "topOrigin",   .kind = JSON_STRING},
    };
    struct slice challenge = SLICE_NONE;

    if (json.len > WEBAUTHN_CLIENT_DATA_MAX ||
        !json_find(json, m, sizeof(m) / sizeof(m[0]), WEBAUTHN_CLIENT_DATA_MAX, arena)) {
        return error_set(e, ERROR_INPUT, "the client data of the passkey is no JSON object");
    }
    if (!read_type(m[0].text, &out->type)) {
        return error_set(e, ERROR_INPUT, "the client data of the passkey has another type");
    }
    if (!base64_read(m[1].text, arena, &challenge) || challenge.len != WEBAUTHN_CHALLENGE_LEN) {
        return error_set(e, ERROR_INPUT, "the client data of the passkey has no challenge of ours");
    }
    if (m[2].text.len == 0 || m[2].text.len > WEBAUTHN_ORIGIN_MAX) {
        return error_set(e, ERROR_INPUT, "the client data of the passkey has no origin");
    }
    (void)memcpy(out->challenge, challenge.ptr, WEBAUTHN_CHALLENGE_LEN);
    out->origin = m[2].text;
    out->crossed = m[3].truth || m[4].given;
    return true;
}

struct slice webauthn_client_write(enum webauthn_type type,
                                   const uint8_t challenge[static WEBAUTHN_CHALLENGE_LEN],
                                   struct slice origin, struct arena *arena)
{
    struct slice text = webauthn_base64(slice_of(challenge, WEBAUTHN_CHALLENGE_LEN), arena);

    return arena_printf(arena,
                        "{\"type\":\"webauthn.%s\",\"challenge\":\"%.*s\",\"origin\":\"%.*s\","
                        "\"crossOrigin\":false}",
                        type == WEBAUTHN_CREATE ? "create" : "get", SLICE_ARG(text),
                        SLICE_ARG(origin));
}

/* ── what a browser hands over ── */

static bool decode(const struct json_member *m, size_t max, struct arena *arena, struct slice *out)
{
    return m->given && base64_read(m->text, arena, out) && out->len > 0 && out->len <= max;
}

bool webauthn_reply_read(struct slice json, bool creates, struct arena *arena,
                         struct webauthn_reply *out, struct error *e)
{
    struct json_member m[] = {
        {.name = "rawId",      .kind = JSON_STRING},
        {                    .name = "type", .kind = JSON_STRING                   },
        { .parent = "response", .name = "clientDataJSON",                    .kind = JSON_STRING},
        { .parent = "response", .name = "attestationObject",                    .kind = JSON_STRING},
        { .parent = "response", .name = "authenticatorData",                    .kind = JSON_STRING},
        { .parent = "response", .name = "signature",                    .kind = JSON_STRING},
    };

    *out = (struct webauthn_reply){.data = SLICE_NONE};
    if (json.len > WEBAUTHN_REPLY_MAX ||
        !json_find(json, m, sizeof(m) / sizeof(m[0]), WEBAUTHN_REPLY_MAX, arena)) {
        return error_set(e, ERROR_INPUT, "what the browser said is no JSON object of a passkey");
    }
    bool good = slice_equal(m[1].text, SLICE("public-key")) &&
                decode(&m[0], WEBAUTHN_CREDENTIAL_MAX, arena, &out->credential) &&
                decode(&m[2], WEBAUTHN_CLIENT_DATA_MAX, arena, &out->client_data);
    if (creates) {
        good = good && decode(&m[3], WEBAUTHN_ATTESTATION_MAX, arena, &out->attestation);
    } else {
        good = good && decode(&m[4], WEBAUTHN_DATA_MAX, arena, &out->data) &&
               decode(&m[5], WEBAUTHN_SIGNATURE_MAX, arena, &out->signature);
    }
    return good || error_set(e, ERROR_INPUT,
                             "what the browser said is no %s of a passkey, in the form of its "
                             "toJSON()",
                             creates ? "registration" : "sign-in");
}
