#include <string.h>

#include "formats/jose/json.h"
#include "formats/webauthn/internal.h"

static bool read_type(struct slice text, enum webauthn_type *type)
{
    bool creates = slice_equal(text, SLICE("webauthn.create"));

    *type = creates ? WEBAUTHN_CREATE : WEBAUTHN_GET;
    return creates || slice_equal(text, SLICE("webauthn.get"));
}

/* A text of the object, in the arena: empty when there is none of that name. False when it is something else. */
static bool text_of(const json_t *object, const char *name, struct arena *arena, struct slice *out)
{
    const json_t *value = json_object_get(object, name);

    *out = arena_copy(arena, jose_json_text(object, name));
    return !value || json_is_string(value);
}

/* Whether it was given by a page within another one; false is what may be left out. */
static bool read_crossing(const json_t *object, bool *crossed)
{
    const json_t *value = json_object_get(object, "crossOrigin");
    const json_t *top = json_object_get(object, "topOrigin");

    *crossed = json_is_true(value) || top;
    return (!value || json_is_boolean(value)) && (!top || json_is_string(top));
}

bool webauthn_client_read(struct slice text, struct arena *arena, struct webauthn_client *out,
                          struct error *e)
{
    OWN(json) json_t *json = text.len <= WEBAUTHN_CLIENT_DATA_MAX ? jose_json_read(text) : NULL;
    struct slice type;
    struct slice encoded;
    struct slice origin;
    struct slice challenge = SLICE_NONE;

    if (!json || !text_of(json, "type", arena, &type) ||
        !text_of(json, "challenge", arena, &encoded) || !text_of(json, "origin", arena, &origin) ||
        !read_crossing(json, &out->crossed)) {
        return error_set(e, ERROR_INPUT, "the client data of the passkey is no JSON object");
    }
    if (!read_type(type, &out->type)) {
        return error_set(e, ERROR_INPUT, "the client data of the passkey has another type");
    }
    if (!base64_read(encoded, arena, &challenge) || challenge.len != WEBAUTHN_CHALLENGE_LEN) {
        return error_set(e, ERROR_INPUT, "the client data of the passkey has no challenge of ours");
    }
    if (origin.len == 0 || origin.len > WEBAUTHN_ORIGIN_MAX) {
        return error_set(e, ERROR_INPUT, "the client data of the passkey has no origin");
    }
    (void)memcpy(out->challenge, challenge.ptr, WEBAUTHN_CHALLENGE_LEN);
    out->origin = origin;
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

static bool decode(const json_t *object, const char *name, size_t max, struct arena *arena,
                   struct slice *out)
{
    struct slice text;

    return text_of(object, name, arena, &text) && text.len > 0 && base64_read(text, arena, out) &&
           out->len > 0 && out->len <= max;
}

bool webauthn_reply_read(struct slice text, bool creates, struct arena *arena,
                         struct webauthn_reply *out, struct error *e)
{
    OWN(json) json_t *json = text.len <= WEBAUTHN_REPLY_MAX ? jose_json_read(text) : NULL;
    const json_t *response = json_object_get(json, "response");
    struct slice type;

    *out = (struct webauthn_reply){.data = SLICE_NONE};
    if (!json || !text_of(json, "type", arena, &type)) {
        return error_set(e, ERROR_INPUT, "what the browser said is no JSON object of a passkey");
    }
    bool good =
        slice_equal(type, SLICE("public-key")) &&
        decode(json, "rawId", WEBAUTHN_CREDENTIAL_MAX, arena, &out->credential) &&
        decode(response, "clientDataJSON", WEBAUTHN_CLIENT_DATA_MAX, arena, &out->client_data);
    if (creates) {
        good = good && decode(response, "attestationObject", WEBAUTHN_ATTESTATION_MAX, arena,
                              &out->attestation);
    } else {
        good = good &&
               decode(response, "authenticatorData", WEBAUTHN_DATA_MAX, arena, &out->data) &&
               decode(response, "signature", WEBAUTHN_SIGNATURE_MAX, arena, &out->signature);
    }
    return good || error_set(e, ERROR_INPUT,
                             "what the browser said is no %s of a passkey, in the form of its "
                             "toJSON()",
                             creates ? "registration" : "sign-in");
}
