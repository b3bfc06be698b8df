#include <stdlib.h>

#include "base/buf.h"

#include "formats/smtp/data.h"

/* What the writer makes of a letter the reader takes back; any octets, however cut, read the same. */
static void require(bool what)
{
    if (!what) {
        abort();
    }
}

static enum smtp_data_result read_all(struct slice wire, bool dots, size_t cut, struct buf *letter,
                                      struct smtp_data_reader *r)
{
    enum smtp_data_result result = SMTP_DATA_MORE;
    struct slice run;

    smtp_data_reader_init(r, dots);
    while (wire.len && result == SMTP_DATA_MORE) {
        struct slice piece = slice_head(wire, cut);
        size_t offered = piece.len;
        while ((result = smtp_data_read(r, &piece, &run)) == SMTP_DATA_RUN) {
            require(run.len > 0);
            buf_add(letter, run);
        }
        wire = slice_from(wire, offered - piece.len);
    }
    require(r->octets == letter->len);
    return result;
}

static void write_all(struct slice letter, size_t cut, struct buf *wire)
{
    struct smtp_data_writer w;
    struct slice piece;

    smtp_data_writer_init(&w);
    while (letter.len) {
        struct slice part = slice_head(letter, cut);
        letter = slice_from(letter, part.len);
        while (smtp_data_write(&w, &part, &piece)) {
            buf_add(wire, piece);
        }
    }
    buf_add(wire, smtp_data_writer_end(&w));
}

static void check_round(struct slice letter, size_t cut)
{
    OWN(buf) struct buf wire = {.max = 1 << 24};
    OWN(buf) struct buf back = {.max = 1 << 24};
    struct smtp_data_reader r;
    bool ended = letter.len == 0 || letter.ptr[letter.len - 1] == '\n';

    write_all(letter, cut, &wire);
    require(read_all(buf_slice(&wire), true, 7, &back, &r) == SMTP_DATA_END);
    require(back.len == letter.len + (ended ? 0 : 2));
    require(slice_equal(slice_head(buf_slice(&back), letter.len), letter));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(buf) struct buf whole = {.max = 1 << 24};
    OWN(buf) struct buf cut = {.max = 1 << 24};
    struct smtp_data_reader r;
    struct smtp_data_reader s;

    if (size < 1) {
        return 0;
    }
    bool dots = data[0] & 1;
    size_t step = 1 + data[0] % 16U;
    struct slice in = slice_from(slice_of(data, size), 1);
    enum smtp_data_result result = read_all(in, dots, size, &whole, &r);
    require(read_all(in, dots, step, &cut, &s) == result);
    require(slice_equal(buf_slice(&whole), buf_slice(&cut)) && r.longest == s.longest);
    if (!dots && result == SMTP_DATA_MORE && smtp_data_finish(&r) == SMTP_DATA_END) {
        check_round(in, step);
    }
    return 0;
}
