#include "tests/dialogue.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"

struct play {
    const struct dialogue_player *player;
    const char *file;
    bool by_octets;
    bool skip;     /* this dialogue is not for this way of playing */
    unsigned line; /* of the input that led to what is expected */
    struct buf expected;
};

struct slice dialogue_option(struct slice options, const char *name)
{
    while (options.len) {
        struct slice value;
        struct slice word = slice_cut(options, ' ', &options);
        struct slice key = slice_cut(word, '=', &value);
        if (slice_equal(key, slice_text(name))) {
            return key.len < word.len ? value : slice_head(word, 0);
        }
    }
    return SLICE_NONE;
}

void dialogue_escape(struct buf *out, struct slice octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        uint8_t c = octets.ptr[i];
        if (c == '\r' || c == '\n') {
            buf_add_text(out, c == '\r' ? "\\r" : "\\n");
        } else if (c == '\\') {
            buf_add_text(out, "\\\\");
        } else if (c < ' ' || c == 0x7f) {
            buf_printf(out, "\\x%02x", c);
        } else {
            buf_add_byte(out, c);
        }
    }
}

void dialogue_log_lines(struct buf *out, char who, struct slice octets)
{
    while (octets.len) {
        struct slice line = slice_cut(octets, '\n', &octets);
        assert_true(line.len > 0 && line.ptr[line.len - 1] == '\r');
        line.len--;
        buf_printf(out, "%c: ", who);
        dialogue_escape(out, line);
        buf_add_byte(out, '\n');
    }
}

static void unescape_one(struct buf *out, struct slice *in)
{
    uint8_t c = in->len > 1 ? in->ptr[1] : '\\';
    char hex[3] = {0};

    *in = slice_from(*in, 2);
    if (c == 'x' && in->len >= 2) {
        (void)memcpy(hex, in->ptr, 2);
        *in = slice_from(*in, 2);
        buf_add_byte(out, (uint8_t)strtoul(hex, NULL, 16));
        return;
    }
    buf_add_byte(out, c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? 0 : c);
}

void dialogue_unescape(struct buf *out, struct slice in)
{
    while (in.len) {
        struct slice rest;
        uint64_t times = 0;
        if (in.ptr[0] == '{' &&
            slice_decimal(slice_cut(slice_from(in, 1), '*', &rest), 1000000, &times)) {
            struct slice text = slice_cut(rest, '}', &in);
            for (uint64_t i = 0; i < times; i++) {
                dialogue_unescape(out, text);
            }
        } else if (in.ptr[0] == '\\') {
            unescape_one(out, &in);
        } else {
            buf_add_byte(out, in.ptr[0]);
            in = slice_from(in, 1);
        }
    }
}

/* What came out since the last input is what stands in the file. */
static void compare(struct play *p)
{
    struct slice got = buf_slice(p->player->log);
    struct slice expected = buf_slice(&p->expected);

    if (!slice_equal(got, expected)) {
        fail_msg("%s:%u%s: expected\n%.*sgot\n%.*s", p->file, p->line,
                 p->by_octets ? " (octet by octet)" : "", SLICE_ARG(expected), SLICE_ARG(got));
    }
    buf_reset(p->player->log);
    buf_reset(&p->expected);
}

static void feed(struct play *p, struct slice octets)
{
    if (!p->by_octets) {
        p->player->feed(p->player->self, octets);
        return;
    }
    for (size_t i = 0; i < octets.len; i++) {
        p->player->feed(p->player->self, slice_of(octets.ptr + i, 1));
    }
}

/* Input lines that follow each other are one piece of input: pipelined. */
struct pending {
    struct buf octets;
    unsigned line;
};

static void flush_input(struct play *p, struct pending *input)
{
    if (input->octets.len) {
        p->line = input->line;
        feed(p, buf_slice(&input->octets));
        buf_reset(&input->octets);
    }
}

static void play_line(struct play *p, struct pending *input, struct slice line, unsigned number)
{
    char kind = (char)line.ptr[0];
    struct slice text = slice_from(line, 3);

    if (slice_starts(line, SLICE("== "))) {
        flush_input(p, input);
        compare(p);
        p->line = number;
        (void)slice_cut(text, '|', &text);
        p->skip = p->by_octets && dialogue_option(text, "whole").ptr;
        if (!p->skip) {
            p->player->begin(p->player->self, text);
        }
        return;
    }
    if (p->skip) {
        return;
    }
    if (toupper(kind) == p->player->input) {
        if (input->octets.len == 0) {
            compare(p);
            input->line = number;
        }
        dialogue_unescape(&input->octets, text);
        buf_add_text(&input->octets, kind == p->player->input ? "\r\n" : "");
        return;
    }
    flush_input(p, input);
    if (kind == 'O') {
        compare(p);
        p->line = number;
        p->player->order(p->player->self, text);
    } else {
        OWN(buf) struct buf octets = {.max = 1 << 20};
        dialogue_unescape(&octets, text);
        buf_printf(&p->expected, "%c: ", kind);
        dialogue_escape(&p->expected, buf_slice(&octets));
        buf_add_byte(&p->expected, '\n');
    }
}

static void play_file(struct play *p, struct slice text)
{
    OWN(buf) struct buf octets = {.max = 1 << 22};
    struct pending input = {.octets = octets};
    unsigned number = 0;

    while (text.len) {
        struct slice line = slice_cut(text, '\n', &text);
        number++;
        if (line.len && line.ptr[0] != '#') {
            assert_true(line.len >= 2);
            play_line(p, &input, line, number);
        }
    }
    flush_input(p, &input);
    compare(p);
    octets = input.octets;
}

void dialogue_play(const char *file, const struct dialogue_player *player)
{
    const char *corpus = getenv("CORPUS");
    char path[4096];
    OWN(buf) struct buf text = {.max = 1 << 20};

    (void)snprintf(path, sizeof(path), "%s/../dialogues/%s", corpus ? corpus : "tests/corpus",
                   file);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("cannot open %s", path);
        return;
    }
    for (int c = fgetc(f); c != EOF; c = fgetc(f)) {
        buf_add_byte(&text, (uint8_t)c);
    }
    (void)fclose(f);
    assert_true(text.len > 0 && !text.full);
    for (int by_octets = 0; by_octets < 2; by_octets++) {
        struct play p = {.player = player, .file = file, .by_octets = by_octets != 0};
        buf_init(&p.expected, 1 << 20);
        buf_reset(player->log);
        play_file(&p, buf_slice(&text));
        buf_done(&p.expected);
    }
}
