#include "keeper/develop.h"

#include "base/log.h"

#include "keeper/life.h"
#include "keeper/recipients.h"
#include "requests/inspector.h"
#include "stages/policy/policy.h"

#define INSPECT_TRIES 3 /* a letter that ends every inspector that reads it goes on unread */

const struct mail_limits develop_limits = {.letter_bytes = LETTER_BYTES_MAX,
                                           .header_bytes = LETTER_BYTES_MAX,
                                           .field_bytes = LETTER_BYTES_MAX,
                                           .line_bytes = LETTER_BYTES_MAX,
                                           .fields = 100000};

/* ── inspection ── */

static struct findings unread(struct arena *arena, const char *why)
{
    struct slice *gaps = arena_array(arena, 1, sizeof(*gaps));

    gaps[0] = letter_text(arena, slice_text(why), 300);
    return (struct findings){
        .gaps = {gaps, 1},
          .unread = true
    };
}

void keeper_inspect(struct keeper *k, const struct facts *f, int content_fd, struct arena *arena,
                    struct findings *findings, int *terms_fd)
{
    uint8_t tag[INSPECTOR_SENDER_LEN];
    struct inspector_ask ask = {.sender = slice_of(tag, sizeof(tag))};
    struct inspector_answer answer = {0};
    int64_t within_ms = 2 * k->options.settings(k->options.context)->process.inspector_timeout_ms;
    struct error e = {0};

    keeper_life_of_sender(f, tag);
    *terms_fd = -1;
    for (int i = 0; i < INSPECT_TRIES; i++) {
        if (ipc_call(k->options.inspector, &inspector_inspect, &ask, content_fd, &answer, terms_fd,
                     arena, within_ms, &e)) {
            *findings = answer.findings;
            findings->id = f->id;
            return;
        }
        if (e.kind != ERROR_BUSY && ask.shallow) {
            break;
        }
        /* Its documents may be what ended the reader: then they alone are lost to search. */
        ask.shallow = ask.shallow || e.kind != ERROR_BUSY;
    }
    log_event(LOG_WARNING, "letter.unread", LOG_TEXT("reason", e.text));
    *findings = unread(arena, e.text);
    findings->id = f->id;
    *terms_fd = -1;
}

void develop_inspect(struct letter *l)
{
    keeper_inspect(l->keeper, &l->facts, l->content_fd, l->arena, &l->findings, &l->terms_fd);
    l->findings.scans = l->scans; /* whatever the inspector says of them */
    bool own = l->facts.kind == LETTER_SUBMITTED && l->findings.links.count;
    l->findings.account = own ? l->facts.account : SLICE_NONE;
}

/* ── the decision ── */

bool develop_decide(struct letter *l, const struct settings *settings, bool over, struct error *e)
{
    struct recipient_state *states =
        recipients_look(l->keeper, &l->facts, &l->header, settings, l->arena);
    const struct policy_letter known = {&l->facts, &l->header, &l->findings, states};

    l->copying.source = (struct copy_source){.k = l->keeper,
                                             .settings = settings,
                                             .facts = &l->facts,
                                             .header = &l->header,
                                             .content = l->content,
                                             .arena = l->arena};
    l->copying.policy = policy_decide;
    l->copying.over = over;
    if (over) {
        recipients_give_up(states, l->facts.recipients.count, l->arena);
    }
    copy_source_init(&l->copying.source);
    return copying_decide(&l->copying, &known, states, &l->decision, e) &&
           recipients_known(states, l->facts.recipients.count, settings, &l->decision, e) &&
           policies_stamp(l->keeper, settings, l->arena, &l->decision, e);
}
