"""The same letter twice: sent again because nobody saw the 250, it arrives once; whatever is not
certainly the same letter is delivered."""
import threading

import pytest

from company import wait_for
from test_faults import ADA, Faults, World, pytestmark  # noqa: F401

JOE, KIM = "joe@partner.test", "kim@partner.test"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("repeats"))
    yield w
    w.end()


def give(smtp, letter, *recipients):
    """Submit it; the code and the id in the answer."""
    assert smtp.docmd("MAIL", f"FROM:<{ADA}>")[0] == 250
    for recipient in recipients:
        assert smtp.docmd("RCPT", f"TO:<{recipient}>")[0] == 250
    code, text = smtp.data(letter)
    return code, text.split()[-1].decode()


def test_a_letter_sent_again_arrives_once(world):
    token, letter = world.make()
    first = give(world.client(), letter, JOE, KIM)
    assert first[0] == 250
    assert give(world.client(), letter, JOE, KIM) == first
    world.wait_for_arrival(token)
    world.accepts_again()
    assert world.arrived()[token] == 1


def test_the_same_text_to_somebody_else_is_another_letter(world):
    """A client that hides its recipients from each other sends the same bytes to one after another."""
    token, letter = world.make()
    smtp = world.client()
    first, second = give(smtp, letter, JOE), give(smtp, letter, KIM)
    assert first[0] == second[0] == 250 and first[1] != second[1]
    wait_for("both to arrive", lambda: world.arrived().get(token) == 2)


def test_a_letter_without_message_id_is_always_a_new_one(world):
    """A device says the same every hour."""
    token, letter = world.make()
    letter = b"\r\n".join(l for l in letter.split(b"\r\n") if not l.startswith(b"Message-ID"))
    smtp = world.client()
    first, second = give(smtp, letter, JOE), give(smtp, letter, JOE)
    assert first[0] == second[0] == 250 and first[1] != second[1]
    wait_for("both to arrive", lambda: world.arrived().get(token) == 2)


def test_two_at_once_while_the_disk_is_slow(world):
    """The client lost patience before the disk was done, and sends again."""
    token, letter = world.make()
    answers = []
    threads = [threading.Thread(target=lambda smtp: answers.append(give(smtp, letter, JOE)),
                                args=[world.client()]) for _ in range(3)]
    with Faults(world, "fdatasync:delay_enter=1500000:when=1..2") as faults:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert faults.injected()
    assert len(answers) == 3 and len(set(answers)) == 1 and answers[0][0] == 250, answers
    world.wait_for_arrival(token)
    world.accepts_again()
    assert world.arrived()[token] == 1
