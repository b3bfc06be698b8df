#include "processes/reading_smime.h"

#include "formats/smime/harvest.h"
#include "formats/smime/seal.h"
#include "host/memfd.h"
#include "letter/records.h"
#include "processes/reading.h"
#include "processes/reading_keys.h"
#include "requests/recipients.h"
#include "requests/smime.h"

#define PROTECTED_MAX (2 * (size_t)LETTER_BYTES_MAX) /* bytes of a letter that was encrypted */

static const struct mail_limits limits = {.letter_bytes = LETTER_BYTES_MAX,
                                          .header_bytes = LETTER_BYTES_MAX,
                                          .field_bytes = LETTER_BYTES_MAX,
                                          .line_bytes = LETTER_BYTES_MAX,
                                          .fields = 100000};

static bool seal(const struct smime_seal_ask *ask, const struct mail_header *header,
                 struct arena *arena, struct buf *out, struct smime_made *made, struct error *e)
{
    const struct smime_copy_recipient *to = ask->recipients.items;
    struct smime_recipient *all = arena_array(arena, ask->recipients.count + 1, sizeof(*all));

    for (size_t i = 0; i < ask->recipients.count; i++) {
        all[i] = (struct smime_recipient){to[i].chain, (unsigned)(to[i].reads & 3)};
    }
    const struct smime_ask what = {.letter = header,
                                   .encrypt = ask->encrypt,
                                   .signer = ask->signer,
                                   .attributes = ask->attributes,
                                   .signature = ask->signature,
                                   .recipients = all,
                                   .n_recipients = ask->recipients.count,
                                   .gcm = ask->modern,
                                   .oaep = ask->modern};
    return smime_seal(&what, arena, out, made, e);
}

bool reading_on_smime_seal(void *reading, struct ipc_request *r, struct error *e)
{
    OWN(memfd_map) struct memfd_map letter = {0};
    OWN(buf) struct buf out = {.max = PROTECTED_MAX};
    struct smime_seal_answer *answer = r->answer;
    struct mail_header header;
    struct smime_made made;

    (void)reading;
    if (!memfd_map(r->fd, LETTER_BYTES_MAX, &letter, e)) {
        return false;
    }
    mail_header_read(letter.bytes, &limits, true, r->arena, &header);
    if (!seal(r->ask, &header, r->arena, &out, &made, e)) {
        return false;
    }
    *answer = (struct smime_seal_answer){made.gcm, made.n_oaep, made.n_rsa, made.n_ecdh,
                                         letter_text(r->arena, made.outer, 1500)};
    return memfd_from("protected", buf_slice(&out), &r->answer_fd, e);
}

static const struct slice *bytes_of(const struct cbor_list *lists, struct arena *arena)
{
    struct slice *all = arena_array(arena, lists->count + 1, sizeof(*all));
    const struct smime_list *in = lists->items;

    for (size_t i = 0; i < lists->count; i++) {
        all[i] = in[i].bytes;
    }
    return all;
}

static void tell(const struct smime_places *places, size_t n_answers, struct arena *arena,
                 struct smime_judge_answer *out)
{
    struct smime_ask_of *questions = arena_array(arena, SMIME_LISTS_MAX, sizeof(*questions));
    struct smime_until *until = arena_array(arena, SMIME_LISTS_MAX, sizeof(*until));

    for (size_t i = 0; i < places->n_questions; i++) {
        questions[i] =
            (struct smime_ask_of){places->questions[i].url, places->questions[i].request};
    }
    for (size_t i = 0; i < n_answers; i++) {
        until[i].at_s = places->until_s[i] > 0 ? (uint64_t)places->until_s[i] : 0;
    }
    out->lists = (struct cbor_list){places->urls, places->n};
    out->questions = (struct cbor_list){questions, places->n_questions};
    out->until = (struct cbor_list){until, n_answers};
}

bool reading_on_smime_judge(void *reading, struct ipc_request *r, struct error *e)
{
    OWN(memfd_map) struct memfd_map chain = {0};
    const struct smime_judge_ask *ask = r->ask;
    struct smime_judge_answer *answer = r->answer;
    struct arena *arena = r->arena;
    const struct smime_wish wish = {.anchors = ask->anchors,
                                    .address = ask->address,
                                    .now_s = (int64_t)ask->now_s,
                                    .vouched = ask->vouched,
                                    .signing = ask->signing,
                                    .crls = bytes_of(&ask->crls, arena),
                                    .n_crls = ask->crls.count,
                                    .answers = bytes_of(&ask->answers, arena),
                                    .n_answers = ask->answers.count,
                                    .must_know = ask->must_know};
    struct smime_places places = {
        .arena = arena,
        .urls = arena_array(arena, SMIME_LISTS_MAX, sizeof(struct slice)),
        .max = SMIME_LISTS_MAX,
        .questions = arena_array(arena, SMIME_LISTS_MAX, sizeof(struct smime_question)),
        .max_questions = SMIME_LISTS_MAX,
        .until_s = arena_array(arena, SMIME_LISTS_MAX, sizeof(int64_t))};

    (void)reading;
    if (!memfd_map(r->fd, RECIPIENT_FILE_MAX, &chain, e)) {
        return false;
    }
    enum smime_worth worth = smime_judge(chain.bytes, &wish, &places);
    answer->worth = (uint64_t)worth;
    answer->why = slice_text(smime_worth_text(worth));
    tell(&places, ask->answers.count, arena, answer);
    return true;
}

bool reading_on_smime_harvest(void *reading, struct ipc_request *r, struct error *e)
{
    OWN(memfd_map) struct memfd_map letter = {0};
    const struct smime_harvest_ask *ask = r->ask;
    struct smime_harvest_answer *answer = r->answer;
    const struct smime_wish wish = {.anchors = ask->anchors, .now_s = (int64_t)ask->now_s};
    struct smime_certificate c;

    (void)reading;
    if (!memfd_map(r->fd, LETTER_BYTES_MAX, &letter, e)) {
        return false;
    }
    enum smime_offer offer = smime_harvest(letter.bytes, &wish, r->arena, &c, &answer->from);
    answer->why = slice_text(smime_offer_text(offer));
    if (offer == SMIME_OFFERED) {
        reading_certificate(&c, r->arena, &answer->key);
    }
    return true;
}
