#include "keeper/smime_find.h"

#include "formats/zone/smimea.h"
#include "host/resolver.h"
#include "keeper/internal.h"
#include "keeper/patience.h"
#include "keeper/recipient_keys.h"
#include "keeper/smime_finds.h"
#include "requests/courier.h"

#define DNS_MS 5000

/* What is no certificate is passed over. False when it cannot be read now. */
static bool add(struct keeper *k, struct slice address, struct slice certificate, bool vouched,
                struct arena *arena, struct smime_finds *finds)
{
    if (finds->n == SMIME_FINDS_MAX) {
        return true;
    }
    struct recipient_key *key = &finds->keys[finds->n];
    if (!smime_finds_read(k, address, certificate, arena, key)) {
        return false;
    }
    key->source = RECIPIENT_SMIMEA;
    key->vouched = vouched;
    finds->n += key->kind ? 1 : 0;
    return true;
}

enum told { TOLD, TOLD_NOTHING, TOLD_UNASKED };

/* What did not come in less time than it may take says nothing. */
static enum told ask_dns(struct keeper *k, struct slice name, struct arena *arena,
                         struct courier_dns_answer *out)
{
    const int64_t within_ms = patience_left_ms(DNS_MS);
    const struct courier_dns_ask ask = {name, DNS_SMIMEA, (uint64_t)within_ms};
    struct error e;

    if (!ipc_call(k->options.courier, &courier_dns, &ask, -1, out, NULL, arena,
                  within_ms + SMIME_ASK_CHANNEL_MS, &e)) {
        return TOLD_UNASKED;
    }
    if (out->status == DNS_FAILED) {
        return within_ms < DNS_MS ? TOLD_UNASKED : TOLD_NOTHING;
    }
    return out->status == DNS_BOGUS ? TOLD_NOTHING : TOLD;
}

/* False when a certificate cannot be read now. */
static bool read_records(struct keeper *k, struct slice address,
                         const struct courier_dns_answer *answer, struct arena *arena,
                         struct smime_finds *finds)
{
    const struct courier_dns_record *records = answer->records.items;
    bool read = true;

    if (answer->status == DNS_FOUND && !answer->secure) {
        finds->note = "its domain publishes one that DNSSEC does not prove";
        return true;
    }
    for (size_t i = 0; read && answer->status == DNS_FOUND && i < answer->records.count; i++) {
        struct slice certificate = SLICE_NONE;
        switch (smimea_read(records[i].rdata, &certificate)) {
        case SMIMEA_ISSUED:
            read = add(k, address, certificate, false, arena, finds);
            break;
        case SMIMEA_TRUSTED:
            read = add(k, address, certificate, true, arena, finds);
            break;
        case SMIMEA_AUTHORITY:
            finds->note = "its domain publishes who issues certificates, and none of the recipient";
            break;
        case SMIMEA_DIGEST:
            finds->note = "its domain publishes a key or a hash, and not the certificate";
            break;
        case SMIMEA_UNREADABLE:
            finds->note = "its domain publishes a record that cannot be read";
            break;
        }
    }
    return read;
}

/* That there is none counts for longest: most people have none, and their zones say so for a minute only. */
static int64_t known_for_s(const struct courier_dns_answer *answer, const struct smime_finds *finds)
{
    if (finds->n == 0 || answer->ttl_s > SMIME_AGAIN_MAX_S) {
        return SMIME_AGAIN_MAX_S;
    }
    return answer->ttl_s < SMIME_AGAIN_MIN_S ? SMIME_AGAIN_MIN_S : (int64_t)answer->ttl_s;
}

struct smime_found smime_find_dns(struct keeper *k, struct slice address, struct arena *arena)
{
    const struct settings *settings = k->options.settings(k->options.context);
    struct slice who = recipient_canonical(address, arena);
    const struct smime_found later = {.state = SMIME_FIND_LATER};
    struct smime_found found = {.state = SMIME_FIND_OFF};
    struct courier_dns_answer answer;
    struct smime_finds finds = {.n = 0};
    struct slice name;

    if (!settings->smime.dns || !smime_find_matters(settings) || !smimea_name(who, arena, &name)) {
        return found;
    }
    uint64_t hash = smime_asked_of(SMIME_PLACE_DNS, SLICE_NONE, who, arena);
    uint64_t domain = smime_asked_hash(SLICE("smimea domain"), letter_domain(who));
    if (smime_asked_recall(hash, &found) || smime_asked_recall(domain, &found)) {
        return found;
    }
    if (!smime_may_ask(SMIME_PLACE_DNS)) {
        return later;
    }
    enum told told = ask_dns(k, name, arena, &answer);
    patience_give();
    if (told == TOLD_NOTHING) {
        smime_asked_remember(domain, later, SMIME_AFTER_SILENCE_S);
    }
    if (told != TOLD || !read_records(k, who, &answer, arena, &finds) ||
        !smime_finds_keep(k, who, SMIME_PLACE_DNS, &finds, arena)) {
        return later;
    }
    found = (struct smime_found){.state = SMIME_FIND_KNOWN, .note = finds.n ? NULL : finds.note};
    smime_asked_remember(hash, found, known_for_s(&answer, &finds));
    found.gone = finds.gone;
    return found;
}
