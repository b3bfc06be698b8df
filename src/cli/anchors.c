#include "cli/anchors.h"

#include <fcntl.h>

#include "cli/files.h"
#include "cli/print.h"
#include "host/file.h"
#include "ledger/checkpoint.h"
#include "requests/reader.h"

#define ANCHORS_MAX 100000
#define OUT_MODE    0755
#define FILE_MODE   0644
#define FIRST_ROOM  64

const char *anchor_kind_text(uint64_t kind)
{
    static const char *const names[] = {
        [ANCHOR_FILE] = "file", [ANCHOR_MAIL] = "mail", [ANCHOR_TIMESTAMP] = "time stamp"};

    return kind >= ANCHOR_FILE && kind <= ANCHOR_TIMESTAMP ? names[kind] : "unknown";
}

/* What is read grows by doubling; the arena keeps the old ones. */
struct anchor_list {
    struct anchor *items;
    size_t count;
    size_t room;
};

static struct anchor *next_place(struct anchor_list *l, struct arena *arena)
{
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : FIRST_ROOM;
        struct anchor *longer = arena_array(arena, room, sizeof(*longer));
        for (size_t i = 0; i < l->count; i++) {
            longer[i] = l->items[i];
        }
        l->items = longer;
        l->room = room;
    }
    return &l->items[l->count++];
}

static bool add(struct cli *c, struct anchor_list *l, const struct reader_anchor *found,
                struct error *e)
{
    struct anchor *a = next_place(l, &c->arena);
    struct checkpoint checkpoint;

    *a = (struct anchor){.seq = found->seq, .time = found->time};
    if (!cbor_read(found->body, &checkpoint_schema, &c->arena, &a->record, e) ||
        !checkpoint_read(a->record.note, &checkpoint, e)) {
        return error_add(e, "record %llu", (unsigned long long)found->seq);
    }
    a->size = checkpoint.size;
    return true;
}

bool anchors_read(struct cli *c, struct anchor **out, size_t *count, struct error *e)
{
    struct reader_anchors_ask ask = {0};
    struct reader_anchors_answer answer = {.more = true};
    struct anchor_list l = {0};

    while (answer.more && l.count < ANCHORS_MAX) {
        if (!cli_ask(c, CLI_READER, &reader_anchors, &ask, &answer, NULL, CLI_LONG_MS, e)) {
            return false;
        }
        const struct reader_anchor *found = answer.anchors.items;
        for (size_t i = 0; i < answer.anchors.count; i++) {
            if (!add(c, &l, &found[i], e)) {
                return false;
            }
        }
        ask = (struct reader_anchors_ask){answer.seq, answer.segment, answer.offset};
    }
    *out = l.items;
    *count = l.count;
    return true;
}

static void print_anchors(struct cli *c, const struct anchor *anchors, size_t count)
{
    static const char *const heads[] = {"RECORDED", "BY", "RECORDS", "WHERE", "TIME STAMPED"};
    struct print_columns columns = {
        .arena = &c->arena, .heads = heads, .count = 5, .right = 1 << 2};

    for (size_t i = 0; i < count; i++) {
        const struct checkpoint_record *r = &anchors[i].record;
        const struct slice cells[] = {
            print_time(&c->arena, anchors[i].time), slice_text(anchor_kind_text(r->kind)),
            arena_printf(&c->arena, "%llu", (unsigned long long)anchors[i].size), r->anchored_to,
            r->token_at ? print_time(&c->arena, r->token_at) : SLICE_NONE};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
}

static bool write_file(struct cli *c, int folder, uint64_t seq, const char *suffix,
                       struct slice bytes, struct error *e)
{
    struct slice name = arena_printf(&c->arena, "anchor-%llu.%s", (unsigned long long)seq, suffix);

    return bytes.len == 0 || file_create(folder, arena_text(&c->arena, name), bytes, FILE_MODE, e);
}

/* Notes, tokens, and how somebody else proves them. */
static bool write_out(struct cli *c, const char *path, const struct anchor *anchors, size_t count,
                      struct error *e)
{
    static const char how[] =
        "Each anchor-N.checkpoint is a signed statement of how large the ledger was and what its\n"
        "Merkle root was (C2SP signed note). Where there is an anchor-N.tst, an authority for "
        "time\n"
        "stamps (RFC 3161) vouches that the statement existed at the time in it:\n\n"
        "    openssl ts -verify -token_in -in anchor-N.tst -data anchor-N.checkpoint \\\n"
        "        -CAfile AUTHORITY.pem\n"
        "    openssl ts -reply -token_in -in anchor-N.tst -token_out -text\n\n"
        "That the ledger still begins as the statement says: postern ledger verify --since FILE\n";
    OWN(fd) int folder = -1;

    if (!files_make_directory(path, OUT_MODE, &c->arena, &folder, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct checkpoint_record *r = &anchors[i].record;
        if (!write_file(c, folder, anchors[i].seq, "checkpoint", r->note, e) ||
            !write_file(c, folder, anchors[i].seq, "tst", r->token, e)) {
            return false;
        }
    }
    return file_replace(folder, "HOW-TO-VERIFY", slice_text(how), FILE_MODE, e);
}

bool cli_ledger_anchors(struct cli *c, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "output", 0);
    struct anchor *anchors = NULL;
    size_t count = 0;

    if (!anchors_read(c, &anchors, &count, e) || (path && !write_out(c, path, anchors, count, e))) {
        return false;
    }
    if (count == 0) {
        buf_add_text(&c->out, "no checkpoint has gone to anybody else\n");
        c->status = CLI_NOTHING;
        return true;
    }
    print_anchors(c, anchors, count);
    return true;
}
