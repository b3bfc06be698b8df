"""What a policy holds is decided once more: by itself when a certificate or a password comes, or by order; once, whenever the
power goes; and never what a person had let go, held or given up."""
import os
import random
import re
import subprocess
import time

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Scene
from test_smime import Person

BOB = "bob@example.test"
POLICY = ("[policy sealed]\nto-domain = partner.test\nmethods = smime, attachments\notherwise = hold\n"
          "[policy proven]\nto-domain = proven.test\nmethods = smime\notherwise = hold\n"
          "[domain proven.test]\nroute = 127.0.0.1:{port}\ntls-name = mx.partner.test\n"
          "[domain example.test]\nroute = 127.0.0.1:{port}\ntls-name = mx.partner.test\n")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    made = Scene(tmp_path_factory.mktemp("redecide"), attachments_password="agreed")
    made.folder = tmp_path_factory.mktemp("people")
    made.company.stop()
    made.company.config.write_text(made.company.config.read_text() + POLICY.format(port=made.receiver.port))
    made.company.start()
    try:
        made.company.postern("smime", "ca", "Example AG", "--reason", "test")
        made.company.postern("smime", "issue", ALICE, "--reason", "test")
        made.company.add_user(BOB, PASSWORD)
        yield made
    finally:
        made.close()


def as_(scene, account, *words):
    """Ask as this account."""
    company = scene.company
    options = {"text": True, "env": {**os.environ, "POSTERN_SIGN_INS": str(company.directory / f"sign-ins-{account}")}}
    company._run("login", account, "--password-stdin",
                 input=company.passwords.get(account, PASSWORD) + "\n", **options)
    return company._run(*words, **options)


def submit(scene, subject, *to):
    letter = f"From: Alice <{ALICE}>\r\nTo: {', '.join(to)}\r\nSubject: {subject}\r\n\r\nOn Monday.\r\n"
    return scene.submit(letter.encode(), list(to))


def shown(scene, letter):
    """Its timeline; nothing while a busy reader does not know it yet."""
    return scene.company.postern("show", letter, check=False).stdout


def queued(scene, letter):
    """Its rows in the queue."""
    return [line for line in scene.company.postern("queue", "list").splitlines() if line.startswith(letter)]


def is_held(scene, letter):
    rows = queued(scene, letter)
    return rows and all("held" in row for row in rows)


def hold(scene, subject, *to):
    """A letter that its policy holds."""
    letter = submit(scene, subject, *to)
    wait_for("the decision", lambda: is_held(scene, letter), 30, 0.2)
    return letter


def give_certificate(scene, address):
    person = Person(scene.folder, address)
    scene.company.postern("recipient", "add-key", address, person.certificate, "--vouched", "--reason", "test")
    return person


def got(scene, address):
    """What came for this address alone or with others."""
    return [content for about, content in scene.receiver.letters()
            if address in [to["address"] for to in about["to"]]]


def opened(person, letter):
    done = subprocess.run(["openssl", "cms", "-decrypt", "-recip", person.certificate, "-inkey", person.key],
                          input=letter, capture_output=True)
    return done.stdout if done.returncode == 0 else b""


def test_a_certificate_lets_it_go_sealed(scene):
    """The one for whom it came gets it; the other one's waits on, and says today's reason."""
    letter = hold(scene, "the merger", "paula@partner.test", "nina@partner.test")
    paula = give_certificate(scene, "paula@partner.test")
    wait_for("the letter", lambda: got(scene, "paula@partner.test"), 30, 0.2)
    sealed, = got(scene, "paula@partner.test")
    assert b"the merger" not in sealed and b"the merger" in opened(paula, sealed)
    wait_for("its outcome", lambda: "delivered" in shown(scene, letter), 30, 0.5)
    said = shown(scene, letter)
    assert said.index("decided\n") < said.index("decided once more, in the place of what was held\n")
    assert "something new is known of a recipient" in said
    receipts = said[said.index("\nReceipts"):]
    one, two = receipts.index("<paula@partner.test>"), receipts.index("<nina@partner.test>")
    assert "held before" in receipts[one:two] and "protected by smime" in receipts[one:two]
    assert "no certificate" in receipts[one:two] and "held for a person" in receipts[two:]
    assert len(queued(scene, letter)) == 1 and is_held(scene, letter) and not got(scene, "nina@partner.test")
    scene.company.postern("recipient", "secret", "nina@partner.test", "set", "--password-stdin", "--reason", "test",
                          input="k7mpx-3qd9r-h2v8t\n")
    wait_for("hers", lambda: got(scene, "nina@partner.test"), 30, 0.2)
    wait_for("the end", lambda: not queued(scene, letter), 30, 0.2)
    assert len(got(scene, "paula@partner.test")) == len(got(scene, "nina@partner.test")) == 1
    sent = scene.company.postern("export", "--as-sent", "--copy", 2, letter, text=False)
    assert sent == sealed or sealed == scene.company.postern("export", "--as-sent", "--copy", 3, letter, text=False)


def test_by_order(scene):
    """The officer any letter, its sender his own, nobody else; without a way it stays held and says why."""
    company = scene.company
    letter = hold(scene, "by order", "otto@proven.test")
    for who in (BOB, company.auditor):
        done = as_(scene, who, "queue", "decide", letter)
        assert done.returncode != 0 and "no letter of yours" in done.stderr, (who, done)
    done = as_(scene, ALICE, "queue", "decide", letter)
    assert done.returncode == 1 and "stays held: 1, because:" in done.stdout and "not smime" in done.stdout, done
    assert is_held(scene, letter) and not got(scene, "otto@proven.test")
    wait_for("it to be shown", lambda: f"by order of {ALICE}" in shown(scene, letter), 20, 0.5)
    both = hold(scene, "for both", "olga@proven.test", "otto@proven.test")
    company.stop()
    text = company.config.read_text()
    company.config.write_text(text.replace("methods = smime\n", "methods = smime, verified\n"))
    company.start()
    olga = give_certificate(scene, "olga@proven.test")  # one of two recipients has news, the other's waits on
    wait_for("hers", lambda: got(scene, "olga@proven.test"), 30, 0.2)
    sealed, = got(scene, "olga@proven.test")
    assert b"for both" in opened(olga, sealed)
    company.postern("recipient", "secret", "otto@proven.test", "set", "--password-stdin", "--reason", "test",
                    input="k7mpx-3qd9r-h2v8t\n")  # news, of which his policy makes no use
    for each in (letter, both):  # by itself nothing leaves whose content is not encrypted
        wait_for("the look", lambda: "by itself nothing leaves" in shown(scene, each), 30, 0.5)
    assert is_held(scene, letter) and is_held(scene, both) and not got(scene, "otto@proven.test")
    company.postern("queue", "cancel", both, "--reason", "test")
    done = as_(scene, company.officer, "queue", "decide", letter, "--reason", "the policy is another one")
    assert done.returncode == 0 and "goes: 1;" in done.stdout, done
    wait_for("the letter", lambda: len(got(scene, "otto@proven.test")) == 1, 30, 0.2)
    said = shown(scene, letter)
    assert f"by order of {company.officer}" in said and "the policy is another one" in said
    assert "queue decide" in company.postern("acts", "--reason", "test")
    wait_for("the end", lambda: not queued(scene, letter), 30, 0.2)
    assert as_(scene, company.officer, "queue", "decide", letter).returncode not in (0, 1)


def test_what_people_said_stays_said(scene):
    """Let go, held or given up: the certificate that comes changes nothing, nor does an order to decide."""
    company = scene.company
    scene.receiver.behave("later-dot")  # what was let go is tried and comes again
    letters = {verb: hold(scene, f"it was {verb}", f"{verb}@partner.test") for verb in ("release", "hold", "cancel")}
    for verb, letter in letters.items():
        done = as_(scene, company.officer, "queue", verb, letter, "--reason", "test")
        assert done.returncode == 0, done
    wait_for("the first attempt", lambda: "451" in shown(scene, letters["release"]), 30, 0.5)
    people = {verb: give_certificate(scene, f"{verb}@partner.test") for verb in letters}
    time.sleep(1)
    for letter in letters.values():
        done = as_(scene, company.officer, "queue", "decide", letter)
        assert done.returncode != 0 and "its policy alone holds nothing" in done.stderr, done
        assert "decided once more" not in shown(scene, letter)
    assert is_held(scene, letters["hold"]) and not queued(scene, letters["cancel"])
    scene.receiver.behave("")
    company.postern("queue", "retry", letters["release"], "--reason", "test")
    wait_for("what was let go", lambda: got(scene, "release@partner.test"), 30, 0.2)
    assert b"it was release" in got(scene, "release@partner.test")[0] and not opened(
        people["release"], got(scene, "release@partner.test")[0])
    assert not got(scene, "hold@partner.test") and not got(scene, "cancel@partner.test")


def test_the_power_goes(scene):
    """Wherever it is cut behind the certificate: one copy for each, sealed; and the catalog made anew is the same."""
    company, rng = scene.company, random.Random(5)
    letters = {}
    for n in range(4):
        address = f"cut{n}@partner.test"
        letters[address] = hold(scene, f"cut {n}", address)
        give_certificate(scene, address)
        time.sleep(rng.random() * 0.15)
        company.kill()
        company.start()
    for address, letter in letters.items():
        wait_for(f"the letter to {address}", lambda: got(scene, address), 60, 0.2)
        wait_for("the end", lambda: not queued(scene, letter), 60, 0.2)
        assert shown(scene, letter).count("decided once more") == 1
    waits = hold(scene, "it waits", "wait@partner.test")
    as_(scene, company.officer, "queue", "decide", waits)
    before = company.postern("queue", "list"), [timeline(scene, letter) for letter in (waits, *letters.values())]
    company.postern("catalog", "rebuild", timeout=60)
    assert before == (company.postern("queue", "list"),
                      [timeline(scene, letter) for letter in (waits, *letters.values())])
    company.kill()
    company.start()
    assert is_held(scene, waits) and len(queued(scene, waits)) == 1
    assert all(len(got(scene, address)) == 1 for address in letters)


def timeline(scene, letter):
    """What is shown of it without the readings, of which each look is one."""
    return re.sub(r"(?m)^.*\bshow\b.*\n(    .*\n)*", "", shown(scene, letter))


def test_many_are_held(scene):
    """One certificate, one letter after the other, each once."""
    smtp = scene.client()
    letters = [scene.send(f"many {n}", "many@partner.test", smtp=smtp)[0] for n in range(25)]
    smtp.quit()
    wait_for("the decisions", lambda: scene.company.postern("queue", "list").count("held") >= 25, 120, 0.5)
    give_certificate(scene, "many@partner.test")
    wait_for("all of them", lambda: len(got(scene, "many@partner.test")) >= 25, 180, 0.5)
    wait_for("the end", lambda: not any(queued(scene, letter) for letter in letters[:5]), 30, 0.5)
    assert len(got(scene, "many@partner.test")) == 25
