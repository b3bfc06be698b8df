#include <stdlib.h>

#include "formats/scan/rspamd.h"

/* What a spam filter, or who sits in its place, answers; and the same bytes as values of a question, which must stay one
 * header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct slice bytes)
{
    OWN(buf) struct buf question = {.max = RSPAMD_ASK_MAX};
    const struct slice recipients[] = {bytes, bytes};
    const struct rspamd_letter letter = {.from = bytes,
                                         .recipients = recipients,
                                         .n_recipients = 2,
                                         .user = bytes,
                                         .ip = bytes,
                                         .helo = bytes,
                                         .size = bytes.len};

    rspamd_ask(&question, &letter);
    const uint8_t *end = memmem(question.ptr, question.len, "\r\n\r\n", 4);
    if (question.full || !end || (size_t)(end - question.ptr) + 4 != question.len) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice bytes = slice_of(data, size);
    struct rspamd_answer answer;
    struct error e;

    ask(bytes);
    if (rspamd_read(bytes, &arena, &answer, &e) &&
        (answer.score > RSPAMD_SCORE_MAX || answer.action.len == 0 ||
         answer.action.len > RSPAMD_ACTION_MAX)) {
        abort();
    }
    return 0;
}
