/* What a person asks about the policy in force. */
#include <unistd.h>

#include "conditions/labels.h"
#include "formats/mail/facts.h"
#include "formats/mail/text.h"
#include "formats/smtp/address.h"
#include "host/memfd.h"
#include "keeper/admin.h"
#include "keeper/consent.h"
#include "keeper/internal.h"
#include "requests/policy.h"
#include "stages/policy/policy.h"

static const struct mail_limits limits = {.letter_bytes = LETTER_BYTES_MAX,
                                          .header_bytes = LETTER_BYTES_MAX,
                                          .field_bytes = LETTER_BYTES_MAX,
                                          .line_bytes = LETTER_BYTES_MAX,
                                          .fields = 100000};

/* A letter that is not there: what would be recorded of it as far as a policy asks. */
struct testing {
    struct keeper *keeper;
    const struct policy_test_ask *ask;
    struct arena *arena;
    struct facts facts;
    struct mail_header header;
    struct findings findings;
    bool known; /* there is such an account */
};

static bool read_facts(struct testing *t, struct slice bytes, struct error *e)
{
    const struct slice *to = t->ask->recipients.items;
    size_t n = t->ask->recipients.count;
    struct recipient *recipients = arena_array(t->arena, n + 1, sizeof(*recipients));
    struct mail_facts read;
    struct account account;
    bool found = false;

    for (size_t i = 0; i < n; i++) {
        recipients[i].address = to[i];
    }
    t->facts = (struct facts){
        .id = slice_of(arena_alloc(t->arena, LETTER_ID_LEN), LETTER_ID_LEN),
        .kind = LETTER_SUBMITTED,
        .account = t->ask->from,
        .reverse_path = t->ask->from,
        .recipients = {recipients, n},
        .size = bytes.len,
    };
    mail_header_read(bytes, &limits, true, t->arena, &t->header);
    t->facts.smtputf8 = t->header.eight_bit;
    mail_facts_read(&t->header, true, t->arena, &read);
    t->facts.subject = read.subject;
    if (!state_account_get(t->keeper->state, t->ask->from, t->arena, &account, &found, e)) {
        return false;
    }
    t->facts.groups = found ? account.groups : t->facts.groups;
    t->known = found;
    return true;
}

static bool judge(struct testing *t, int fd, struct policy_test_answer *answer, struct error *e)
{
    struct keeper *k = t->keeper;
    const struct settings *s = k->options.settings(k->options.context);
    int terms_fd = -1;

    keeper_inspect(k, &t->facts, fd, t->arena, &t->findings, &terms_fd);
    if (terms_fd >= 0) {
        (void)close(terms_fd);
    }
    if (!policies_decide(k, &t->facts, &t->header, &t->findings, s, t->arena, &answer->decision,
                         e)) {
        return false;
    }
    answer->no_account = !t->known;
    consent_judge(k, &t->facts, &t->header, &t->findings, t->arena, &answer->decision);
    struct slice field = labels_subject(&answer->decision.labels, &t->header, s, t->arena);
    struct slice value = SLICE_NONE;
    (void)slice_cut(field, ':', &value);
    answer->subject = field.len ? slice_trim(mail_text_decode(value, t->arena)) : t->facts.subject;
    return true;
}

/* A name that no letter could have says nothing of a policy. */
static bool is_address(struct slice address, struct error *e)
{
    struct smtp_mailbox parsed;
    struct error ignored = {0};

    return smtp_mailbox_parse(address, &parsed, &ignored) ||
           error_set(e, ERROR_INPUT, "`%.*s` is no address such as `anna@example.org`",
                     SLICE_ARG(slice_head(address, 100)));
}

static bool are_addresses(const struct policy_test_ask *ask, struct error *e)
{
    const struct slice *to = ask->recipients.items;

    for (size_t i = 0; i < ask->recipients.count; i++) {
        if (!is_address(to[i], e)) {
            return false;
        }
    }
    return is_address(ask->from, e);
}

bool keeper_on_policy_test(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    struct testing t = {.keeper = admin->keeper, .ask = r->ask, .arena = r->arena};
    struct policy_test_answer *answer = r->answer;

    if (t.ask->recipients.count == 0) {
        return error_set(e, ERROR_INPUT, "to whom? Give --to ADDRESS");
    }
    return are_addresses(t.ask, e) && memfd_map(r->fd, LETTER_BYTES_MAX, &map, e) &&
           read_facts(&t, map.bytes, e) &&
           keeper_admin_record(admin, "policy test", t.ask->from, t.ask->reason, e) &&
           judge(&t, r->fd, answer, e);
}

bool keeper_on_policy_show(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper_admin_of(ctx, r)->keeper;
    const struct settings *s = k->options.settings(k->options.context);
    struct policy_show_answer *answer = r->answer;
    struct policies_state now;

    if (!policies_look(k, s, r->arena, &now, e)) {
        return false;
    }
    answer->version = now.version;
    answer->since = now.since;
    answer->digest = now.version ? now.digest : SLICE_NONE;
    answer->text = policy_text(s, r->arena);
    return true;
}
