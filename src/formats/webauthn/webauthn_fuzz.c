#include <stdlib.h>

#include "formats/webauthn/webauthn.h"

/* The first byte says which parser; what is taken stays within its bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void try_client(struct slice in, struct arena *arena)
{
    struct webauthn_client c;
    struct error e;

    if (webauthn_client_read(in, arena, &c, &e)) {
        need(c.origin.len > 0 && c.origin.len <= WEBAUTHN_ORIGIN_MAX && slice_is_utf8(c.origin));
    }
}

static void try_data(struct slice in, bool creates)
{
    struct webauthn_data d;
    struct error e;

    if (webauthn_data_read(in, creates, &d, &e)) {
        need(d.rp_hash.len == WEBAUTHN_HASH_LEN && d.key_len <= WEBAUTHN_KEY_MAX);
        need(creates == (d.key_len > 0) && creates == (d.credential.len > 0));
        need(d.credential.len <= WEBAUTHN_CREDENTIAL_MAX);
    }
}

static void try_attestation(struct slice in, struct arena *arena)
{
    struct webauthn_attestation a;
    struct webauthn_attestation again;
    struct error e;

    if (!webauthn_attestation_read(in, &a, &e)) {
        return;
    }
    need(!a.packed || a.signature.len > 0);
    try_data(a.data, true);
    if (a.data.len <= WEBAUTHN_DATA_MAX && a.data.len) {
        need(webauthn_attestation_read(webauthn_attestation_write(a.data, arena), &again, &e));
        need(slice_equal(a.data, again.data));
    }
}

static void try_reply(struct slice in, bool creates, struct arena *arena)
{
    struct webauthn_reply r;
    struct error e;

    if (webauthn_reply_read(in, creates, arena, &r, &e)) {
        need(r.credential.len > 0 && r.client_data.len > 0);
        need(creates ? r.attestation.len > 0 : r.data.len > 0 && r.signature.len > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct slice in = slice_of(data, size);
    struct slice rest = slice_from(in, 1);

    switch (size ? data[0] : 0) {
    case 'c':
        try_client(rest, &arena);
        break;
    case 'd':
    case 'n':
        try_data(rest, data[0] == 'n');
        break;
    case 'a':
        try_attestation(rest, &arena);
        break;
    case 'r':
    case 's':
        try_reply(rest, data[0] == 'r', &arena);
        break;
    default:
        break;
    }
    return 0;
}
