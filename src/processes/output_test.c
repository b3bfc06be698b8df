#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

#include "processes/output.h"
#include "tests/test.h"

#define OWN_LINE    "time=2026-11-24T07:30:00.000Z level=info role=auth event=x id=1"
#define OTHERS_LINE "time=2026-11-24T07:30:00.000Z level=info role=keeper event=ledger.fine"

/* What comes out on stderr when a process of the role auth writes the pieces, then ends. */
static void out(const char *const *pieces, char text[static 32768])
{
    struct output o = {.fd = -1};
    struct error e;
    int theirs = -1;
    FILE *sink = tmpfile();
    int kept = dup(STDERR_FILENO);

    assert_ok(output_open(&o, &theirs, &e), e);
    (void)dup2(fileno(sink), STDERR_FILENO);
    for (size_t i = 0; pieces[i]; i++) {
        (void)!write(theirs, pieces[i], strlen(pieces[i]));
        (void)output_pass(&o, "auth");
    }
    (void)close(theirs);
    bool more = output_pass(&o, "auth");
    output_close(&o, "auth");
    (void)dup2(kept, STDERR_FILENO);
    (void)close(kept);
    assert_false(more);
    rewind(sink);
    size_t n = fread(text, 1, 32767, sink);
    text[n] = '\0';
    (void)fclose(sink);
}

static void own_lines_pass_whole(void **unused)
{
    (void)unused;
    char text[32768];
    const char *const pieces[] = {OWN_LINE "\n" OWN_LINE, "\n<6>" OWN_LINE "\n", NULL};

    out(pieces, text);
    assert_string_equal(text, OWN_LINE "\n" OWN_LINE "\n<6>" OWN_LINE "\n");
}

static void whatever_else_is_quoted(void **unused)
{
    (void)unused;
    static const char *const lines[] = {
        OTHERS_LINE "\n",
        "<6>" OTHERS_LINE "\n",
        OWN_LINE " \033[2J\n", /* a terminal's escape */
        "==1==ERROR: AddressSanitizer\n",
        "time=x level=info role=authority event=x\n",
        "no end",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[32768];
        const char *const pieces[] = {lines[i], NULL};
        out(pieces, text);
        assert_non_null(strstr(text, "event=process.said process=auth text="));
        assert_null(strstr(text, "\033"));
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
    }
}

static void a_line_without_end_is_bounded(void **unused)
{
    (void)unused;
    char text[32768];
    char piece[3 * OUTPUT_LINE_MAX];
    const char *const pieces[] = {piece, "\n" OWN_LINE "\n", NULL};

    memset(piece, 'a', sizeof(piece));
    piece[sizeof(piece) - 1] = '\0';
    out(pieces, text);
    assert_non_null(strstr(text, "\n" OWN_LINE "\n"));
    assert_true(strlen(text) < 2048);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_lines_pass_whole),
        cmocka_unit_test(whatever_else_is_quoted),
        cmocka_unit_test(a_line_without_end_is_bounded),
    };
    return cmocka_run_group_tests_name("processes/output", tests, NULL, NULL);
}
