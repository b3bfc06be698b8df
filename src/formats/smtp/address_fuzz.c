#include <stdlib.h>

#include "formats/smtp/address.h"

/* A canonical form is a mailbox, and its own canonical form; a path is as long as it says. */
static void require(bool what)
{
    if (!what) {
        abort();
    }
}

static void check_mailbox(const struct smtp_mailbox *m)
{
    uint8_t first[SMTP_CANONICAL_MAX];
    uint8_t second[SMTP_CANONICAL_MAX];
    size_t first_len = 0;
    size_t second_len = 0;
    struct smtp_mailbox again;
    struct error e;

    require(m->local.len <= SMTP_LOCAL_MAX && m->text.len <= SMTP_MAILBOX_MAX);
    require(slice_is_utf8(m->text));
    if (!smtp_mailbox_canonical(m, first, &first_len, &e)) {
        require(m->utf8 && e.kind == ERROR_INPUT);
        return;
    }
    if (m->domain.len == 0 || first_len > SMTP_MAILBOX_MAX) {
        return;
    }
    require(smtp_mailbox_parse(slice_of(first, first_len), &again, &e));
    require(smtp_mailbox_canonical(&again, second, &second_len, &e));
    require(slice_equal(slice_of(first, first_len), slice_of(second, second_len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    struct smtp_mailbox m;
    struct slice rest;
    struct error e = {0};

    if (smtp_mailbox_parse(in, &m, &e)) {
        require(m.text.len == size && m.local.len + 1 + m.domain.len == size);
        check_mailbox(&m);
    } else {
        require(e.kind == ERROR_INPUT);
    }
    if (smtp_reverse_path_parse(in, &m, &rest, &e)) {
        require(rest.len < size);
        check_mailbox(&m);
    }
    if (smtp_forward_path_parse(in, &m, &rest, &e)) {
        require(rest.len < size && m.local.len > 0);
        check_mailbox(&m);
    }
    return 0;
}
