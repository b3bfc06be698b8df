#include "stages/intake/journal.h"

#include <pthread.h>

#include "base/clock.h"

#include "host/memfd.h"
#include "requests/pull.h"
#include "stages/intake/intake.h"

#define ASK_MS       120000
#define REPORT_ARENA ((size_t)4 << 20)

struct journal_intake {
    struct ipc_pool *keeper;
    pthread_mutex_t lock; /* guards what follows */
    bool known;
    uint8_t ticket[IMPORT_TICKET_LEN];
};

struct journal_intake *journal_intake_new(struct ipc_pool *keeper)
{
    struct journal_intake *j = calloc(1, sizeof(*j));

    if (!j) {
        arena_panic("out of memory");
    }
    j->keeper = keeper;
    (void)pthread_mutex_init(&j->lock, NULL);
    return j;
}

void journal_intake_free(struct journal_intake *j)
{
    if (j) {
        (void)pthread_mutex_destroy(&j->lock);
        explicit_bzero(j->ticket, sizeof(j->ticket));
        free(j);
    }
}

/* The ticket in force; `stale` is one that the keeper does not know (any more), or NULL. */
static bool get_ticket(struct journal_intake *j, const uint8_t *stale,
                       uint8_t ticket[static IMPORT_TICKET_LEN], struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct keeper_journal_begin_answer answer;
    bool got = true;

    (void)pthread_mutex_lock(&j->lock);
    if (!j->known || (stale && memcmp(stale, j->ticket, IMPORT_TICKET_LEN) == 0)) {
        got =
            ipc_call(j->keeper, &keeper_journal_begin, NULL, -1, &answer, NULL, &arena, ASK_MS, e);
        if (got && answer.ticket.len == IMPORT_TICKET_LEN) {
            (void)memcpy(j->ticket, answer.ticket.ptr, IMPORT_TICKET_LEN);
            j->known = true;
        }
    }
    (void)memcpy(ticket, j->ticket, IMPORT_TICKET_LEN);
    (void)pthread_mutex_unlock(&j->lock);
    return got;
}

static bool hand_on(struct journal_intake *j, const struct import_letter *letter,
                    const struct import_failure *remark, int fd, struct arena *arena,
                    struct error *e)
{
    uint8_t ticket[IMPORT_TICKET_LEN];
    struct import_counts counts;
    struct keeper_import_ask ask = {
        .ticket = SLICE_ARRAY(ticket),
        .letters = {(void *)(uintptr_t)letter, 1             },
        .failures = {(void *)(uintptr_t)remark, remark ? 1 : 0},
    };

    /* A keeper that was restarted since knows the ticket no more. What it recorded before is known by its
     * content. */
    for (unsigned i = 0; i < 2; i++) {
        if (!get_ticket(j, i ? ticket : NULL, ticket, e)) {
            return false;
        }
        if (ipc_call(j->keeper, &keeper_import, &ask, fd, &counts, NULL, arena, ASK_MS, e)) {
            return true;
        }
    }
    return false;
}

static bool answer_with(struct keeper_submit_answer *answer, uint64_t code, const char *text)
{
    answer->code = code;
    answer->text = slice_text(text);
    return true;
}

bool journal_intake_take(struct journal_intake *j, const struct keeper_submit_ask *ask, int fd,
                         struct arena *arena, struct keeper_submit_answer *answer, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    OWN(arena) struct arena own = {.max = REPORT_ARENA};
    struct import_failure remark = {.path = SLICE("journal"), .taken = true};
    const uint64_t now = (uint64_t)clock_wall_ms();
    struct import_letter letter = {.source = {.received_at = now}};

    if (!memfd_map(fd, IMPORT_BYTES_MAX, &map, e)) {
        return false;
    }
    if (map.bytes.len == 0) {
        return answer_with(answer, 554, "5.6.0 An empty letter is nothing that could be recorded");
    }
    letter.len = map.bytes.len;
    const char *why = intake_judge(map.bytes);
    if (!why) {
        why = intake_unwrap(map.bytes, &own, &letter);
    }
    if (why) { /* as it came, with the envelope that it came with */
        letter = (struct import_letter){
            .len = map.bytes.len,
            .source = {.envelope = true, .received_at = now},
            .reverse_path = ask->reverse_path,
            .recipients = ask->recipients
        };
        remark.reason = slice_text(why);
    }
    return hand_on(j, &letter, why ? &remark : NULL, fd, arena, e) &&
           answer_with(answer, 250, "2.0.0 Recorded");
}
