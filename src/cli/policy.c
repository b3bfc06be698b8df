#include "cli/policy.h"

#include <fcntl.h>
#include <stdio.h>

#include "cli/print.h"
#include "cli/receipt.h"
#include "host/file.h"
#include "host/memfd.h"
#include "requests/policy.h"

const struct argument_option policy_test_options[] = {
    OPTION("from", 0, "ADDRESS", "the account that would send it"),
    OPTION_MANY("to", "ADDRESS", "a recipient; may be given again"),
    OPTION("json", 0, NULL, "one line of JSON instead of words"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

/* Line ends as a mail program sends them. */
static bool with_crlf(struct slice text, struct buf *out, struct error *e)
{
    while (text.len) {
        size_t len = slice_find(text, '\n');
        bool ended = len < text.len;
        struct slice line = slice_head(text, len);
        text = slice_from(text, len + ended);
        if (line.len && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        buf_add(out, line);
        buf_add_text(out, "\r\n");
    }
    return !out->full ||
           error_set(e, ERROR_INPUT, "a letter has at most %u MiB", LETTER_BYTES_MAX >> 20);
}

static bool read_letter(struct cli *c, int *fd, struct error *e)
{
    OWN(buf) struct buf file = {.max = LETTER_BYTES_MAX};
    OWN(buf) struct buf letter = {.max = LETTER_BYTES_MAX};

    return file_read_all(AT_FDCWD, c->arguments.words[0], &file, e) &&
           with_crlf(buf_slice(&file), &letter, e) &&
           memfd_from("letter", buf_slice(&letter), fd, e);
}

static struct cbor_list recipients(struct cli *c)
{
    size_t n = arguments_count(&c->arguments, "to");
    struct slice *to = arena_array(&c->arena, n + 1, sizeof(*to));

    for (size_t i = 0; i < n; i++) {
        to[i] = slice_text(arguments_text(&c->arguments, "to", i));
    }
    return (struct cbor_list){to, n};
}

/* The addresses of a ruling, each once, as they were given. */
static void each_address(const struct policy_test_ask *ask, const struct ruling *r, struct cli *c,
                         bool json)
{
    const struct slice *to = ask->recipients.items;

    for (size_t k = 0; k + 1 < r->recipients.len; k += 2) {
        size_t at = (size_t)r->recipients.ptr[k] << 8 | r->recipients.ptr[k + 1];
        if (at >= ask->recipients.count) {
            continue;
        }
        if (json) {
            buf_add_text(&c->out, k ? "," : "");
            receipt_json_text(to[at], &c->out);
        } else {
            buf_printf(&c->out, "%s<%.*s>", k ? ", " : "",
                       SLICE_ARG(print_cleaned(&c->arena, to[at])));
        }
    }
}

static void say(struct cli *c, const struct policy_test_ask *ask,
                const struct policy_test_answer *answer)
{
    const struct decision *d = &answer->decision;
    const struct ruling *r = d->rulings.items;
    const struct slice *labels = d->labels.items;

    for (size_t i = 0; i < d->labels.count; i++) {
        buf_printf(&c->out, "%s%.*s%s", i ? ", " : "Labels: ", SLICE_ARG(labels[i]),
                   i + 1 == d->labels.count ? "\n" : "");
    }
    if (answer->subject.len) {
        buf_printf(&c->out, "Subject that leaves: %.*s\n",
                   SLICE_ARG(print_cleaned(&c->arena, answer->subject)));
    }
    if (d->need.rule.len) {
        buf_printf(&c->out, "A second person must approve it: [approval %.*s]\n",
                   SLICE_ARG(d->need.rule));
    }
    for (size_t i = 0; i < d->rulings.count; i++) {
        each_address(ask, &r[i], c, false);
        buf_add_byte(&c->out, '\n');
        receipt_ruling(d, &r[i], &c->arena, &c->out);
    }
}

static void say_json(struct cli *c, const struct policy_test_ask *ask,
                     const struct policy_test_answer *answer)
{
    const struct decision *d = &answer->decision;
    const struct ruling *r = d->rulings.items;
    const struct slice *labels = d->labels.items;

    buf_add_text(&c->out, "{\"labels\":[");
    for (size_t i = 0; i < d->labels.count; i++) {
        buf_add_text(&c->out, i ? "," : "");
        receipt_json_text(labels[i], &c->out);
    }
    buf_add_text(&c->out, "],\"subject\":");
    receipt_json_text(answer->subject, &c->out);
    buf_add_text(&c->out, ",\"approval\":");
    receipt_json_text(d->need.rule, &c->out);
    buf_add_text(&c->out, ",\"rulings\":[");
    for (size_t i = 0; i < d->rulings.count; i++) {
        buf_printf(&c->out, "%s{\"to\":[", i ? "," : "");
        each_address(ask, &r[i], c, true);
        buf_add_byte(&c->out, ']');
        receipt_ruling_json(d, &r[i], &c->out);
        buf_add_byte(&c->out, '}');
    }
    buf_add_text(&c->out, "]}\n");
}

bool cli_policy_test(struct cli *c, struct error *e)
{
    const char *from = arguments_text(&c->arguments, "from", 0);
    struct policy_test_ask ask = {
        .from = slice_text(from),
        .recipients = recipients(c),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
    };
    struct policy_test_answer answer;
    OWN(fd) int fd = -1;

    if (!from || ask.recipients.count == 0) {
        return error_set(e, ERROR_INPUT,
                         "postern policy test wants --from ADDRESS and --to "
                         "ADDRESS: who would send it, and to whom");
    }
    if (!read_letter(c, &fd, e) ||
        !cli_give(c, CLI_KEEPER, &policy_test, &ask, fd, &answer, &c->arena, CLI_ASK_MS, e)) {
        return false;
    }
    const struct ruling *r = answer.decision.rulings.items;
    for (size_t i = 0; i < answer.decision.rulings.count; i++) {
        c->status = r[i].hold ? CLI_NOTHING : c->status;
    }
    if (answer.no_account) {
        (void)fprintf(stderr,
                      "There is no account %.*s: what a section or label asks of accounts and "
                      "groups is not met.\n",
                      SLICE_ARG(print_cleaned(&c->arena, ask.from)));
    }
    if (arguments_flag(&c->arguments, "json")) {
        say_json(c, &ask, &answer);
    } else {
        say(c, &ask, &answer);
    }
    return true;
}

bool cli_policy_show(struct cli *c, struct error *e)
{
    struct policy_show_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &policy_show, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.text.len == 0) {
        (void)fprintf(stderr, "There are no [policy] sections: [domain] and outbound-tls say how "
                              "letters travel.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    buf_printf(&c->out, "Version %llu, since %.*s\nSHA-256 %.*s\n\n",
               (unsigned long long)answer.version, SLICE_ARG(print_time(&c->arena, answer.since)),
               SLICE_ARG(print_hex(&c->arena, answer.digest)));
    for (struct slice rest = answer.text; rest.len;) {
        buf_add(&c->out, print_cleaned(&c->arena, slice_cut(rest, '\n', &rest)));
        buf_add_byte(&c->out, '\n');
    }
    return true;
}
