#include <stdlib.h>

#include "formats/dsn/dsn.h"

#define RECIPIENTS_MAX 4

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* The next text: up to a byte that no one types, so that texts may hold NUL and line ends. */
static struct slice take(struct slice *rest)
{
    return slice_cut(*rest, 0x1e, rest);
}

/* What nobody could know who wrote the texts: made from all of them. */
static void make_random(struct slice in, uint8_t random[static DSN_RANDOM_LEN])
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < in.len; i++) {
        hash = (hash ^ in.ptr[i]) * 0x100000001b3;
    }
    for (size_t i = 0; i < DSN_RANDOM_LEN; i++) {
        random[i] = (uint8_t)(hash >> (8 * (i % 8)));
    }
}

/* Whole lines, short ones, and exactly as many boundaries as parts. */
static void check_lines(struct slice letter, bool ascii)
{
    static const char parameter[] = "\n\tboundary=\""; /* no text can begin a line */
    const uint8_t *quoted = memmem(letter.ptr, letter.len, parameter, sizeof(parameter) - 1);
    size_t boundaries = 0;
    struct slice rest = letter;

    check(quoted != NULL);
    struct slice boundary = slice_of(quoted + sizeof(parameter) - 1, 2 * DSN_RANDOM_LEN);

    check(letter.len > 2 && letter.ptr[letter.len - 1] == '\n');
    check(slice_find(letter, '\0') == letter.len);
    check(!ascii || slice_is_ascii(letter));
    while (rest.len) {
        struct slice line = slice_cut(rest, '\n', &rest);
        check(line.len > 0 && line.len < 998 && line.ptr[line.len - 1] == '\r');
        check(slice_find(line, '\r') == line.len - 1);
        boundaries +=
            slice_starts(line, SLICE("--")) && slice_starts(slice_from(line, 2), boundary);
    }
    check(boundaries == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the number of recipients and their actions. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct slice original = SLICE_INIT("Subject: x\r\n");
    OWN(buf) struct buf out = {.max = 1 << 20};
    struct dsn_recipient recipients[RECIPIENTS_MAX];
    struct slice rest = slice_of(data + 1, size ? size - 1 : 0);

    if (size == 0) {
        return 0;
    }
    struct dsn_report report = {.reporting_mta = take(&rest),
                                .from = SLICE("postmaster@example.test"),
                                .to = take(&rest),
                                .envelope_id = take(&rest),
                                .subject = take(&rest),
                                .arrived_ms = 1795505400000,
                                .now_ms = 1795505400000,
                                .recipients = recipients,
                                .n_recipients = 1 + (data[0] & 3U),
                                .original = original};
    make_random(slice_of(data, size), report.random);
    for (size_t i = 0; i < report.n_recipients; i++) {
        recipients[i] = (struct dsn_recipient){.action = (enum dsn_action)(data[0] >> (2 * i) & 3),
                                               .address = take(&rest),
                                               .original = take(&rest),
                                               .status = take(&rest),
                                               .remote_mta = take(&rest),
                                               .diagnostic = take(&rest),
                                               .reason = take(&rest),
                                               .retry_until_ms = data[0]};
    }
    dsn_write(&out, &report);
    check(!out.full);
    check_lines(buf_slice(&out), !dsn_needs_utf8(&report));
    return 0;
}
