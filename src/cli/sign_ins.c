#include "cli/sign_ins.h"

#define DIGITS ((size_t)2 * SIGN_INS_PASS_LEN)

static int value_of(uint8_t digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                          : -1;
}

static bool read_line(struct slice line, struct kept_pass *out)
{
    if (line.len <= DIGITS + 1 || line.ptr[DIGITS] != ' ') {
        return false;
    }
    for (size_t i = 0; i < SIGN_INS_PASS_LEN; i++) {
        int high = value_of(line.ptr[2 * i]);
        int low = value_of(line.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out->pass[i] = (uint8_t)(high << 4 | low);
    }
    out->account = slice_from(line, DIGITS + 1);
    return true;
}

/* The next line that is one, taken off the file. */
static bool next_line(struct slice *file, struct kept_pass *out)
{
    while (file->len) {
        size_t end = 0;
        while (end < file->len && file->ptr[end] != '\n') {
            end++;
        }
        struct slice line = slice_head(*file, end);
        *file = slice_from(*file, end < file->len ? end + 1 : end);
        if (read_line(line, out)) {
            return true;
        }
    }
    return false;
}

bool sign_ins_find(struct slice file, struct slice account, struct kept_pass *out)
{
    struct kept_pass line;

    while (next_line(&file, &line)) {
        if (account.len == 0 || slice_equal_nocase(line.account, account)) {
            *out = line;
            return true;
        }
    }
    return false;
}

static void write_line(const struct kept_pass *line, struct buf *out)
{
    for (size_t i = 0; i < SIGN_INS_PASS_LEN; i++) {
        buf_printf(out, "%02x", line->pass[i]);
    }
    buf_printf(out, " %.*s\n", SLICE_ARG(line->account));
}

static void copy_others(struct slice file, struct slice account, size_t max, struct buf *out)
{
    struct kept_pass line;

    while (max > 0 && next_line(&file, &line)) {
        if (!slice_equal_nocase(line.account, account)) {
            write_line(&line, out);
            max--;
        }
    }
}

void sign_ins_put(struct slice file, const struct kept_pass *added, struct buf *out)
{
    write_line(added, out);
    copy_others(file, added->account, SIGN_INS_MAX - 1, out);
}

void sign_ins_drop(struct slice file, struct slice account, struct buf *out)
{
    copy_others(file, account, SIGN_INS_MAX, out);
}
