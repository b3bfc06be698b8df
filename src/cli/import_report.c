/* What imports did. */
#include <stdio.h>

#include "cli/import.h"
#include "cli/print.h"
#include "requests/reader.h"

static const char *kind_name(uint64_t kind)
{
    static const char *const names[] = {
        [SOURCE_MBOX] = "mbox", [SOURCE_EML] = "eml",         [SOURCE_MAILDIR] = "maildir",
        [SOURCE_IMAP] = "imap", [SOURCE_JOURNAL] = "journal", [SOURCE_PST] = "pst"};

    return kind && kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

static bool read_record(struct cli *c, const struct reader_record *r, struct import_record *out,
                        struct error *e)
{
    return cbor_read(r->body, &import_record_schema, &c->arena, out, e) ||
           error_add(e, "record %llu", (unsigned long long)r->seq);
}

static struct slice id_of(struct cli *c, struct slice bytes)
{
    char text[LETTER_ID_TEXT] = "?";
    struct letter_id id;

    if (letter_id_from(bytes, &id)) {
        letter_id_text(&id, text);
    }
    return arena_copy(&c->arena, slice_text(text));
}

static struct slice number(struct cli *c, uint64_t n)
{
    return arena_printf(&c->arena, "%llu", (unsigned long long)n);
}

/* Of a folder that is pulled, or a journal, more comes for as long as it is configured. */
static bool stands(const struct import_record *first)
{
    return first->kind == SOURCE_IMAP || first->kind == SOURCE_JOURNAL;
}

static const char *state_name(const struct import_record *first, const struct import_record *last)
{
    if (last->state == IMPORT_ENDED) {
        return "ended";
    }
    return stands(first) ? "goes on" : "not ended";
}

/* ── list ── */

static bool add_row(struct cli *c, struct print_columns *columns, const struct reader_record *r,
                    struct error *e)
{
    struct import_record first;
    struct import_record last;

    if (!read_record(c, &r[0], &first, e) || !read_record(c, &r[1], &last, e)) {
        return false;
    }
    const struct slice cells[] = {
        id_of(c, first.id),
        print_time(&c->arena, r[0].time),
        slice_text(kind_name(first.kind)),
        first.name,
        first.owner,
        number(c, last.taken),
        number(c, last.known),
        number(c, last.failed),
        slice_text(state_name(&first, &last)),
    };
    print_row(columns, cells);
    return true;
}

bool cli_import_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"ID",    "BEGAN", "KIND",   "SOURCE", "OWNER",
                                        "TAKEN", "KNOWN", "FAILED", "STATE"};
    struct print_columns columns = {
        .arena = &c->arena, .heads = heads, .count = 9, .right = 1U << 5 | 1U << 6 | 1U << 7};
    struct reader_letter_ask ask = {0};
    struct reader_show_answer answer = {.more = true};
    size_t shown = 0;

    while (answer.more) {
        if (!cli_ask(c, CLI_READER, &reader_imports, &ask, &answer, NULL, CLI_ASK_MS, e)) {
            return false;
        }
        const struct reader_record *records = answer.records.items;
        for (size_t i = 0; i + 1 < answer.records.count; i += 2, shown++) {
            if (!add_row(c, &columns, &records[i], e)) {
                return false;
            }
            ask.from = records[i].seq;
        }
        answer.more = answer.more && answer.records.count;
    }
    if (shown) {
        print_columns(&columns, cli_columns(), &c->out);
    } else {
        (void)fprintf(stderr, "Nothing was imported.\n");
        c->status = CLI_NOTHING;
    }
    return true;
}

/* ── report ── */

static void print_line(struct cli *c, const char *label, struct slice text)
{
    if (text.len) {
        buf_printf(&c->out, "%-10s", label);
        print_clean(&c->out, text);
        buf_add_byte(&c->out, '\n');
    }
}

static void print_head(struct cli *c, const struct import_record *r, uint64_t time)
{
    print_line(c, "import", id_of(c, r->id));
    print_line(c, "kind", slice_text(kind_name(r->kind)));
    print_line(c, "source", r->name);
    print_line(c, "from", r->path);
    print_line(c, "owner", r->owner);
    print_line(c, "by", r->by);
    print_line(c, "reason", r->reason);
    print_line(c, "began", print_time(&c->arena, time));
}

static void print_failures(struct cli *c, const struct import_record *r)
{
    const struct import_failure *f = r->failures.items;

    for (size_t i = 0; i < r->failures.count; i++) {
        buf_add_text(&c->out, f[i].taken ? "taken as it is: " : "not taken: ");
        print_clean(&c->out, f[i].path);
        if (r->kind == SOURCE_MBOX) {
            buf_printf(&c->out, ", byte %llu", (unsigned long long)f[i].offset);
        }
        if (f[i].uid) {
            buf_printf(&c->out, ", UID %llu", (unsigned long long)f[i].uid);
        }
        buf_add_text(&c->out, ": ");
        print_clean(&c->out, f[i].reason);
        buf_add_byte(&c->out, '\n');
    }
}

static void print_state(struct cli *c, const struct import_record *r, uint64_t time)
{
    if (r->state == IMPORT_CONTINUED) {
        print_line(c, "went on", print_time(&c->arena, time));
    } else if (r->state == IMPORT_ENDED) {
        print_line(c, "ended", print_time(&c->arena, time));
    }
}

static void print_counts(struct cli *c, const struct import_record *r, bool standing)
{
    buf_printf(&c->out, "%llu taken, %llu were there already, %llu could not be taken%s\n",
               (unsigned long long)r->taken, (unsigned long long)r->known,
               (unsigned long long)r->failed,
               r->state == IMPORT_ENDED ? ""
               : standing               ? "; more comes"
                                        : "; it has not ended: import it again to go on");
}

bool import_print(struct cli *c, struct slice id, uint64_t *failed, struct error *e)
{
    struct reader_letter_ask ask = {.id = id};
    struct reader_show_answer answer = {.more = true};
    struct import_record r = {0};
    bool first = true;
    bool standing = false;

    while (answer.more) {
        if (!cli_ask(c, CLI_READER, &reader_import, &ask, &answer, NULL, CLI_ASK_MS, e)) {
            return false;
        }
        const struct reader_record *records = answer.records.items;
        for (size_t i = 0; i < answer.records.count; i++) {
            if (!read_record(c, &records[i], &r, e)) {
                return false;
            }
            if (first) {
                standing = stands(&r);
                print_head(c, &r, records[i].time);
            }
            print_state(c, &r, records[i].time);
            print_failures(c, &r);
            first = false;
            ask.from = records[i].seq + 1;
        }
        answer.more = answer.more && answer.records.count;
        cli_flush(c);
    }
    print_counts(c, &r, standing);
    *failed = r.failed;
    return true;
}

bool cli_import_report(struct cli *c, struct error *e)
{
    struct letter_id id;
    uint64_t failed = 0;

    return cli_letter(c->arguments.words[0], &id, e) &&
           import_print(c, letter_id_slice(&id), &failed, e);
}
