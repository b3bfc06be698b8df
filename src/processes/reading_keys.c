#include "processes/reading_keys.h"

#include "base/clock.h"

#include "formats/openpgp/key.h"
#include "formats/smime/certificate.h"
#include "host/memfd.h"
#include "requests/recipients.h"

void reading_certificate(const struct smime_certificate *c, struct arena *arena,
                         struct recipient_key *out)
{
    *out = (struct recipient_key){
        .kind = RECIPIENT_SMIME,
        .bytes = c->bytes,
        .fingerprint = c->fingerprint,
        .subject = c->subject,
        .algorithm = letter_text(arena, c->algorithm, RECIPIENT_ALGORITHM_MAX),
        .not_before = c->not_before_ms > 0 ? (uint64_t)c->not_before_ms : 0,
        .not_after = c->not_after_ms > 0 ? (uint64_t)c->not_after_ms : 1, /* long ago, not never */
        .names = {c->names, c->n_names},
        .source = RECIPIENT_UPLOADED,
        .reads = c->reads,
    };
}

static bool read_certificate(struct slice file, struct arena *arena, struct recipient_key *out,
                             struct error *e)
{
    struct smime_certificate c;

    if (!smime_certificate_read(file, arena, &c, e)) {
        return false;
    }
    reading_certificate(&c, arena, out);
    return true;
}

static bool read_openpgp(struct slice file, struct arena *arena, struct recipient_key *out,
                         struct error *e)
{
    struct openpgp_key key;

    if (!openpgp_key_read(file, clock_wall_ms() / 1000, arena, &key, e)) {
        return false;
    }
    *out = (struct recipient_key){
        .kind = RECIPIENT_OPENPGP,
        .bytes = key.bytes,
        .fingerprint = key.fingerprint,
        .subject = letter_text(arena, key.user_id, RECIPIENT_SUBJECT_MAX),
        .algorithm = letter_text(arena, key.algorithm, RECIPIENT_ALGORITHM_MAX),
        .not_before = key.created_ms,
        .not_after = key.ends_ms,
        .names = {key.names, key.n_names},
        .source = RECIPIENT_UPLOADED,
    };
    return true;
}

bool reading_on_key(void *reading, struct ipc_request *r, struct error *e)
{
    OWN(memfd_map) struct memfd_map file = {0};

    (void)reading;
    if (!memfd_map(r->fd, RECIPIENT_FILE_MAX, &file, e)) {
        return false;
    }
    if (openpgp_looks_like_key(file.bytes)) {
        return read_openpgp(file.bytes, r->arena, r->answer, e);
    }
    return read_certificate(file.bytes, r->arena, r->answer, e);
}
