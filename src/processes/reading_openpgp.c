#include "processes/reading_openpgp.h"

#include <openssl/rand.h>

#include "base/clock.h"

#include "formats/mail/covered.h"
#include "formats/openpgp/packet.h"
#include "formats/openpgp/seal.h"
#include "host/memfd.h"
#include "letter/records.h"
#include "requests/openpgp.h"

#define ROOM ((size_t)2 << 20) /* beside a letter's bytes: HP-Outer fields, MIME, packets */

/* As keeper/work reads it: nothing that was accepted is too long here. */
static const struct mail_limits limits = {.letter_bytes = LETTER_BYTES_MAX,
                                          .header_bytes = LETTER_BYTES_MAX,
                                          .field_bytes = LETTER_BYTES_MAX,
                                          .line_bytes = LETTER_BYTES_MAX,
                                          .fields = 100000};

static bool has_signer(const struct openpgp_signer *by)
{
    return by->public.len == OPENPGP_PUBLIC_LEN;
}

static void draft_of(const struct openpgp_signer *by, struct slice payload,
                     struct openpgp_draft *out)
{
    struct openpgp_own own;

    openpgp_own_init(&own, by->public.ptr, (uint32_t)by->created_at);
    openpgp_draft_document(&own, payload, (uint32_t)by->at, out);
}

/* ── sharing out ── */

static bool share_out(struct slice letter, bool signs_alone, struct arena *arena, struct buf *outer,
                      struct buf *payload, struct error *e)
{
    struct mail_header h;

    mail_header_read(letter, &limits, true, arena, &h);
    if (signs_alone) {
        return covered_signed_write(&h, outer, payload, e);
    }
    buf_init(outer, LETTER_BYTES_MAX);
    buf_init(payload, 2 * letter.len + ROOM);
    covered_outer_write(&h, COVERED_BY_ENCRYPTION, outer);
    covered_payload_write(&h, COVERED_BY_ENCRYPTION, buf_slice(outer), payload);
    return (!outer->full && !payload->full) ||
           error_set(e, ERROR_LIMIT, "the letter's header is too long to be encrypted");
}

bool reading_on_openpgp_prepare(void *reading, struct ipc_request *r, struct error *e)
{
    const struct openpgp_prepare_ask *ask = r->ask;
    struct openpgp_prepare_answer *answer = r->answer;
    OWN(memfd_map) struct memfd_map letter = {0};
    OWN(buf) struct buf outer = {.max = 0};
    OWN(buf) struct buf payload = {.max = 0};
    OWN(fd) int fd = -1;

    (void)reading;
    if (!memfd_map(r->fd, LETTER_BYTES_MAX, &letter, e)) {
        return false;
    }
    if (!share_out(letter.bytes, ask->signs_alone, r->arena, &outer, &payload, e)) {
        return false;
    }
    answer->outer_len = outer.len;
    answer->outside = letter_text(r->arena, covered_outer_text(buf_slice(&outer), r->arena), 400);
    if (!memfd_open("payload", &fd, e) || !memfd_add(fd, buf_slice(&outer), e) ||
        !memfd_add(fd, buf_slice(&payload), e) || !memfd_seal(fd, e)) {
        return false;
    }
    r->answer_fd = TAKE(fd, -1);
    return true;
}

/* ── sealing ── */

/* The message that is encrypted: signed when there is a signature. */
static bool write_packets(const struct openpgp_seal_ask *ask, struct slice payload,
                          struct buf *packets, struct error *e)
{
    if (!has_signer(&ask->by)) {
        openpgp_write_literal(payload, packets);
    } else if (ask->signature.len == OPENPGP_SIGNATURE_LEN) {
        struct openpgp_draft draft;
        draft_of(&ask->by, payload, &draft);
        openpgp_write_signed(&draft, payload, packets);
        openpgp_write_signature(&draft, ask->signature.ptr, packets);
    } else {
        return error_set(e, ERROR_INPUT, "there is no signature");
    }
    return !packets->full || error_set(e, ERROR_LIMIT, "the letter is too long to be encrypted");
}

static bool write_letter(struct slice outer, struct slice armored, int *fd, struct error *e)
{
    OWN(buf) struct buf head = {.max = outer.len + ROOM};
    OWN(buf) struct buf tail = {.max = 200};
    uint8_t boundary[OPENPGP_BOUNDARY_LEN];

    if (RAND_bytes(boundary, sizeof(boundary)) != 1) {
        return error_set(e, ERROR_BUSY, "there are no random bytes");
    }
    openpgp_mime_begin(outer, boundary, &head);
    openpgp_mime_end(boundary, &tail);
    return memfd_open("copy", fd, e) && memfd_add(*fd, buf_slice(&head), e) &&
           memfd_add(*fd, armored, e) && memfd_add(*fd, buf_slice(&tail), e) && memfd_seal(*fd, e);
}

/* RFC 3156 section 5: what was signed, and the signature behind it. */
static bool write_signed(const struct openpgp_seal_ask *ask, struct slice outer,
                         struct slice payload, int *fd, struct error *e)
{
    OWN(buf) struct buf packet = {.max = ROOM};
    OWN(buf) struct buf head = {.max = outer.len + ROOM};
    OWN(buf) struct buf tail = {.max = ROOM};
    uint8_t boundary[OPENPGP_BOUNDARY_LEN];
    struct openpgp_draft draft;

    if (!has_signer(&ask->by) || ask->signature.len != OPENPGP_SIGNATURE_LEN ||
        ask->keys.count > 0) {
        return error_set(e, ERROR_INPUT, "there is no signature, or somebody to encrypt for");
    }
    if (RAND_bytes(boundary, sizeof(boundary)) != 1) {
        return error_set(e, ERROR_BUSY, "there are no random bytes");
    }
    draft_of(&ask->by, payload, &draft);
    openpgp_write_signature(&draft, ask->signature.ptr, &packet);
    openpgp_signed_begin(outer, boundary, &head);
    openpgp_signed_end(buf_slice(&packet), boundary, &tail);
    return memfd_open("copy", fd, e) && memfd_add(*fd, buf_slice(&head), e) &&
           memfd_add(*fd, payload, e) && memfd_add(*fd, buf_slice(&tail), e) && memfd_seal(*fd, e);
}

bool reading_on_openpgp_seal(void *reading, struct ipc_request *r, struct error *e)
{
    const struct openpgp_seal_ask *ask = r->ask;
    const struct openpgp_blob *blobs = ask->keys.items;
    struct slice *keys = arena_array(r->arena, ask->keys.count + 1, sizeof(*keys));
    OWN(memfd_map) struct memfd_map prepared = {0};
    OWN(fd) int fd = -1;

    (void)reading;
    if (!memfd_map(r->fd, 3 * (size_t)LETTER_BYTES_MAX, &prepared, e)) {
        return false;
    }
    struct slice all = prepared.bytes;
    struct slice outer = slice_head(all, (size_t)ask->outer_len);
    struct slice payload = slice_from(all, (size_t)ask->outer_len);
    if (ask->signs_alone) {
        return write_signed(ask, outer, payload, &r->answer_fd, e);
    }
    OWN(buf) struct buf packets = {.max = payload.len + ROOM};
    OWN(buf) struct buf armored = {.max = 2 * payload.len + ROOM};
    for (size_t i = 0; i < ask->keys.count; i++) {
        keys[i] = blobs[i].bytes;
    }
    if (!write_packets(ask, payload, &packets, e) ||
        !openpgp_encrypt(keys, ask->keys.count, buf_slice(&packets), clock_wall_ms() / 1000,
                         &armored, e) ||
        !write_letter(outer, buf_slice(&armored), &fd, e)) {
        return false;
    }
    r->answer_fd = TAKE(fd, -1);
    return true;
}
