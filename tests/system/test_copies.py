"""A letter in several copies: each recipient gets the one of his own, also after a power cut; no copy says more than
is meant for who gets it; and what left can be shown, exported and reported on."""
import email
import email.policy
import re
import subprocess

import pytest

from company import wait_for
from scene import ALICE, Scene
from test_smime import Person

PLAN = b"Secret plan for the merger"
PAULA, PIA, HIDDEN = "paula@partner.test", "pia@partner.test", "hidden@partner.test"
GONE, LOCKED, NOBODY = "refuse-gone@partner.test", "locked@partner.test", "nobody@strict.test"
PASSWORD = "k7mpx-3qd9r-h2v8t"
POLICY = ("[policy sealed]\nto-domain = partner.test\nmethods = smime, attachments\notherwise = hold\n"
          "[policy strict]\nto-domain = strict.test\nmethods = openpgp\notherwise = hold\n"
          "[domain example.test]\nroute = 127.0.0.1:{port}\ntls-name = mx.partner.test\n")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    return {address: Person(folder, address) for address in (PAULA, PIA, HIDDEN, GONE)}


@pytest.fixture(scope="module")
def scene(tmp_path_factory, people):
    made = Scene(tmp_path_factory.mktemp("copies"))
    made.company.stop()
    text = made.company.config.read_text()
    made.company.config.write_text(text + POLICY.format(port=made.receiver.port))
    made.company.start()
    try:
        made.company.postern("smime", "ca", "Example AG", "--reason", "test")
        made.company.postern("smime", "issue", ALICE, "--reason", "test")
        for address, person in people.items():
            made.company.postern("recipient", "add-key", address, person.certificate, "--vouched", "--reason",
                                 "test")
        made.company.postern("recipient", "secret", LOCKED, "set", "--password-stdin", "--reason", "test",
                             input=PASSWORD + "\n")
        yield made
    finally:
        made.close()


def opened(person, letter):
    """The letter that this person finds inside, or None."""
    done = subprocess.run(["openssl", "cms", "-decrypt", "-recip", person.certificate, "-inkey", person.key],
                          input=letter, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def whose(about):
    """To whom a letter came in one go."""
    return tuple(sorted(to["address"] for to in about["to"]))


def since(scene, before):
    """{recipients: letter} of what came since then."""
    return {whose(about): content for about, content in scene.receiver.letters()[before:]}


def shown(company, letter):
    """Its timeline; nothing while a busy reader does not know it yet."""
    return company.postern("show", letter, check=False).stdout


def copies(said):
    """The digests of the copies in a timeline."""
    return re.findall(r"^    SHA-256 +([0-9a-f]{64})", said, re.MULTILINE)


def submit(scene, to, bcc=(), subject=PLAN):
    letter = (f"From: Alice <{ALICE}>\r\nTo: {', '.join(to)}\r\n".encode() + b"Subject: " + subject +
              b"\r\n\r\nOn Monday.\r\n")
    return scene.submit(letter, [*to, *bcc])


def test_each_gets_his_own_also_after_a_power_cut(scene, people):
    """Nothing is taken at first; then the power goes. What comes afterwards was made, and recorded, before."""
    company = scene.company
    before = len(scene.receiver.letters())
    scene.receiver.behave("later-dot")
    letter = submit(scene, [PAULA, PIA, LOCKED, NOBODY], [HIDDEN])
    wait_for("the first attempts", lambda: shown(company, letter).count("451") >= 3, 30, 0.5)
    said = company.postern("show", letter)
    digests = copies(said)
    assert "copy 1 made\n" in said and said.count("its content protected by smime") >= 2, said
    assert "its content protected by attachments" in said
    company.kill()
    scene.receiver.behave("")
    company.start()
    assert len(digests) == 4 and copies(company.postern("show", letter)) == digests
    company.postern("queue", "retry", letter, "--reason", "test")
    wanted = {(PAULA, PIA), (HIDDEN,), (LOCKED,)}
    wait_for("all copies", lambda: wanted <= set(since(scene, before)), 40, 0.5)
    arrived = since(scene, before)
    assert set(arrived) - wanted <= {(ALICE,)}  # she is told who waits
    arrived = {to: arrived[to] for to in wanted}
    sent = [company.postern("export", "--as-sent", "--copy", n, letter, text=False) for n in range(1, len(digests) + 1)]
    assert all(content in sent for content in arrived.values())
    assert "has 4 copies" in company.postern("export", "--as-sent", letter, check=False).stderr
    for to, content in arrived.items():
        inside = b"".join(part.get_payload(decode=True) or b"" for part in email.message_from_bytes(content).walk())
        assert b"hidden" not in content and (b"hidden" not in inside or to == (HIDDEN,))
        assert PLAN not in content and PLAN not in inside or to == (LOCKED,)
    for address in (PAULA, PIA):
        inside = opened(people[address], arrived[(PAULA, PIA)])
        assert PLAN in inside and b"hidden" not in inside
        assert opened(people[address], arrived[(HIDDEN,)]) is None
    assert PLAN in opened(people[HIDDEN], arrived[(HIDDEN,)])
    assert opened(people[HIDDEN], arrived[(PAULA, PIA)]) is None
    assert letter in company.postern("queue", "list")  # for who can have nothing it waits for a person


def test_a_report_says_no_more_than_the_copy(scene):
    before = len(scene.receiver.letters())
    submit(scene, [GONE])
    wait_for("the report", lambda: GONE.encode() in since(scene, before).get((ALICE,), b""), 30, 0.5)
    report = since(scene, before)[(ALICE,)]
    assert PLAN not in report
    message = email.message_from_bytes(report, policy=email.policy.default)
    assert not any(PLAN.decode() in str(part) for part in message.walk())


def test_an_open_letter_has_one_copy(scene):
    """The recipient is under no [policy]: everything is as it was."""
    letter = submit(scene, [ALICE], subject=b"lunch")
    wait_for("its delivery", lambda: "delivered" in shown(scene.company, letter), 30, 0.5)
    said = scene.company.postern("show", letter)
    assert said.count(" made\n") == 1 and "  get " not in said
    assert b"Subject: lunch" in scene.company.postern("export", "--as-sent", letter, text=False)
