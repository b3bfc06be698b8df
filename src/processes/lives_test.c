/* What a life may do to us: nothing. Its letters are the first byte of what it is asked. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#include "host/memfd.h"
#include "processes/lives.h"
#include "processes/reading.h"
#include "requests/inspector.h"
#include "stages/inspection/inspection.h"
#include "tests/test.h"

#define VERB 7

static const uint8_t anna[LIVES_TAG_LEN] = {1};
static const uint8_t bert[LIVES_TAG_LEN] = {2};

static void say(int channel, uint16_t verb, const char *text)
{
    const struct ipc_packet p = {.verb = verb, .body = slice_text(text), .fd = -1};
    struct error e;

    (void)!packet_send(channel, &p, &e);
}

static size_t open_files(void)
{
    size_t n = 0;

    for (int fd = 3; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return n;
}

static void answer(int channel, uint8_t what)
{
    char text[64];

    switch (what) {
    case 'p': /* who are you */
        (void)snprintf(text, sizeof(text), "%d", (int)getpid());
        say(channel, VERB, text);
        break;
    case 'f':
        (void)snprintf(text, sizeof(text), "%zu", open_files());
        say(channel, VERB, text);
        break;
    case 'c':                          /* crash */
        (void)kill(getpid(), SIGKILL); /* cmocka catches the others */
        break;
    case 'h': /* hang */
        (void)sleep(60);
        break;
    case 't': /* answer twice: the second is for whoever asks next */
        say(channel, VERB, "first");
        say(channel, VERB, "second");
        break;
    case 'v': /* answer another question */
        say(channel, VERB + 1, "other");
        break;
    case 'n': /* no packet at all */
        (void)!write(channel, "nonsense", 3);
        break;
    default:
        _exit(3);
    }
}

static void live(void *lives, int channel)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct ipc_packet p = {.fd = -1};
    struct error e;

    lives_forked(lives);
    while (packet_receive(channel, &arena, &p, &e) == PACKET_RECEIVED) {
        answer(channel, p.body.ptr[0]);
    }
}

static int begin(void **state)
{
    static struct lives lives;
    const struct lives_options options = {.live = live,
                                          .context = &lives,
                                          .letters_max = 3,
                                          .letter_ms = 300,
                                          .idle_ms = 100,
                                          .stop_fd = -1};

    lives_init(&lives, &options);
    *state = &lives;
    return 0;
}

static int finish(void **state)
{
    lives_done(*state);
    return 0;
}

/* The answer's text, or the error's. */
static const char *ask(struct lives *l, const char *what, const uint8_t sender[LIVES_TAG_LEN])
{
    static char text[ERROR_TEXT_MAX + 16];
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct ipc_packet question = {.verb = VERB, .body = slice_text(what), .fd = -1};
    struct ipc_packet got = {.fd = -1};
    struct error e = {0};

    if (!lives_ask(l, &question, sender, &arena, &got, &e)) {
        (void)snprintf(text, sizeof(text), "%d %s", (int)e.kind, e.text);
        return text;
    }
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARG(got.body));
    lives_wipe(&got);
    return text;
}

static int ask_number(struct lives *l, const char *what, const uint8_t sender[LIVES_TAG_LEN])
{
    uint64_t number = 0;

    assert_true(slice_decimal(slice_text(ask(l, what, sender)), INT32_MAX, &number));
    return (int)number;
}

static void a_life_is_one_senders_and_ends_after_some_letters(void **state)
{
    struct lives *l = *state;
    int first = ask_number(l, "p", anna);

    assert_int_not_equal(first, getpid());
    assert_int_equal(ask_number(l, "p", anna), first);
    int other = ask_number(l, "p", bert);
    assert_int_not_equal(other, first);
    assert_int_equal(ask_number(l, "p", anna), first); /* its third */
    assert_int_not_equal(ask_number(l, "p", anna), first);
    assert_int_equal(kill(first, 0), -1);
    assert_int_equal(ask_number(l, "p", bert), other);
}

static void a_life_has_its_channel_and_nothing_else(void **state)
{
    struct lives *l = *state;
    size_t before = open_files();

    (void)ask(l, "p", anna);
    assert_int_equal(open_files(), before + 1);
    assert_int_equal(ask_number(l, "f", bert), before + 1);
}

static void more_senders_than_lives_take_turns(void **state)
{
    struct lives *l = *state;
    uint8_t sender[LIVES_TAG_LEN] = {0};

    for (int round = 0; round < 2; round++) {
        for (uint8_t i = 0; i < LIVES_MAX + 3; i++) {
            sender[0] = i;
            assert_true(ask_number(l, "p", sender) > 0);
        }
    }
}

static void a_life_that_dies_gives_an_answer(void **state)
{
    struct lives *l = *state;

    assert_string_equal(ask(l, "c", anna),
                        "1 could not be read: its reader ended: killed by SIGKILL");
    assert_string_equal(ask(l, "x", anna), "1 could not be read: its reader ended: exited with 3");
    assert_true(ask_number(l, "p", anna) > 0);
}

static void a_life_that_hangs_is_ended(void **state)
{
    struct lives *l = *state;
    int64_t before = clock_steady_ms();

    assert_string_equal(ask(l, "h", anna), "1 could not be read in time");
    assert_in_range(clock_steady_ms() - before, 250, 5000);
    assert_true(ask_number(l, "p", anna) > 0);
}

static void a_life_that_lies_reaches_nobody_else(void **state)
{
    struct lives *l = *state;
    int liar = ask_number(l, "p", anna);

    assert_string_equal(ask(l, "t", anna), "first");
    (void)usleep(20000);                 /* let it lie */
    int next = ask_number(l, "p", anna); /* and not "second" */
    assert_true(next > 0 && next != liar);
    assert_string_equal(ask(l, "v", anna), "1 could not be read: its reader answered nonsense");
    assert_string_equal(ask(l, "n", anna), "1 could not be read: its reader answered nonsense");
}

static void idle_lives_end(void **state)
{
    struct lives *l = *state;

    assert_int_equal(lives_rest(l), -1);
    int pid = ask_number(l, "p", anna);
    assert_in_range(lives_rest(l), 1, 100);
    (void)usleep(120000);
    assert_int_equal(lives_rest(l), -1);
    assert_int_equal(kill(pid, 0), -1);
}

static void a_letter_is_given_up_when_it_is_time_to_stop(void **state)
{
    struct lives *l = *state;
    OWN(fd) int stop = eventfd(1, EFD_CLOEXEC);

    l->options.stop_fd = stop;
    assert_string_equal(ask(l, "h", anna), "3 the inspector was told to stop");
}

/* ── the real reader ── */

static void live_reading(void *lives, int channel)
{
    lives_forked(lives);
    reading_live(channel);
}

static void read_letter(struct lives *l, const char *letter, struct arena *arena,
                        struct inspector_answer *out, struct text_terms *terms)
{
    static struct memfd_map map;
    OWN(buf) struct buf body = {.max = 1000};
    OWN(fd) int fd = -1;
    const struct inspector_ask tag = {.sender = slice_of(anna, sizeof(anna))};
    struct ipc_packet got = {.fd = -1};
    struct error e = {0};

    cbor_write(&body, inspector_inspect.ask, &tag);
    assert_ok(memfd_from("letter", slice_text(letter), &fd, &e), e);
    const struct ipc_packet question = {
        .verb = inspector_inspect.id, .body = buf_slice(&body), .fd = fd};
    assert_ok(lives_ask(l, &question, anna, arena, &got, &e), e);
    assert_int_equal(got.status, ERROR_NONE);
    assert_ok(cbor_read(got.body, inspector_inspect.answer, arena, out, &e), e);
    memfd_unmap(&map);
    assert_ok(memfd_map(got.fd, TEXT_LIST_BYTES_MAX, &map, &e), e);
    assert_ok(text_terms_read(map.bytes, terms, &e), e);
    own_fd(&got.fd);
}

static void letters_are_read(void **state)
{
    struct lives *l = *state;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct inspector_answer found;
    struct text_terms terms;
    struct text_term term;

    l->options.live = live_reading;
    l->options.letter_ms = 10000;
    for (int i = 0; i < 5; i++) { /* one life and the beginning of another */
        read_letter(l, "Subject: Eilig\r\n\r\nMorgen\r\n", &arena, &found, &terms);
        assert_int_equal(found.findings.parts.count, 1);
        assert_int_equal(found.findings.terms, 2);
        assert_true(text_terms_next(&terms.fields[TEXT_BODY], &term));
        assert_slice(term.bytes, "morgen");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_life_is_one_senders_and_ends_after_some_letters, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(a_life_has_its_channel_and_nothing_else, begin, finish),
        cmocka_unit_test_setup_teardown(more_senders_than_lives_take_turns, begin, finish),
        cmocka_unit_test_setup_teardown(a_life_that_dies_gives_an_answer, begin, finish),
        cmocka_unit_test_setup_teardown(a_life_that_hangs_is_ended, begin, finish),
        cmocka_unit_test_setup_teardown(a_life_that_lies_reaches_nobody_else, begin, finish),
        cmocka_unit_test_setup_teardown(idle_lives_end, begin, finish),
        cmocka_unit_test_setup_teardown(a_letter_is_given_up_when_it_is_time_to_stop, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(letters_are_read, begin, finish),
    };

    inspection_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
