"""Policies as a person writes them: what they make of real letters, sent, held or returned; from a mail program to a server outside."""
import email
import email.policy
import json
import signal

import pytest

from company import DENIED, wait_for
from scene import ALICE, Scene

PAUL, PETRA, PIA = (f"{name}@partner.test" for name in ("paul", "petra", "pia"))
SECTIONS = """
[domain example.test]
route = 127.0.0.1:{port}
tls-name = mx.partner.test

[label secure]
subject-tag = [secure], [sicher]
remove-tag = yes

[policy one]
label = secure
to = petra@partner.test
methods = openpgp
otherwise = return
reason = Ask Petra for a key.

[policy two]
label = secure
to = pia@partner.test
methods = smime, openpgp
"""


def reload(scene, text):
    scene.company.config.write_text(text)
    before = scene.company.log.read_text().count("event=config.reloaded")
    scene.company.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: scene.company.log.read_text().count("event=config.reloaded") > before)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    made = Scene(tmp_path_factory.mktemp("policy"))
    reload(made, made.company.config.read_text() + SECTIONS.format(port=made.receiver.port))
    yield made
    made.close()


def letter(subject):
    return (f"From: <{ALICE}>\r\nTo: friends\r\nSubject: {subject}\r\nMessage-ID: <{len(subject)}.p@example.test>\r\n"
            "Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n\r\nthe body\r\n").encode()


def received(scene, address):
    """The letters that somebody outside, or Alice, has got."""
    return [email.message_from_bytes(content, policy=email.policy.default)
            for envelope, content in scene.receiver.letters() if address in [to["address"] for to in envelope["to"]]]


def trial(scene, path, *more):
    return scene.company.postern("policy", "test", path, "--from", ALICE, "--to", PAUL, "--to", PETRA, "--to", PIA, *more, check=False)


def test_what_would_become_of_a_letter_is_shown_and_nothing_leaves(scene, tmp_path):
    path = tmp_path / "letter.eml"
    path.write_bytes(letter("=?utf-8?Q?[SICHER]_f=C3=BCr_euch?=").replace(b"\r\n", b"\n"))
    done = trial(scene, path, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1 and said["labels"] == ["secure"] and said["subject"] == "für euch"
    outcomes = {to: (r["outcome"], r["policy"], r["version"]) for r in said["rulings"] for to in r["to"]}
    assert outcomes == {PAUL: ("send", "", 1), PETRA: ("return", "one", 1), PIA: ("hold", "two", 1)}
    pia = next(r for r in said["rulings"] if PIA in r["to"])
    assert [(s["step"], s["taken"]) for s in pia["steps"]] == [("smime", False), ("openpgp", False), ("hold", True)]
    words = trial(scene, path).stdout
    assert f"<{PETRA}>" in words and "goes back to its sender" in words and "Ask Petra for a key." in words
    path.write_bytes(letter("Hello"))
    assert trial(scene, path).returncode == 0 and "no account" not in trial(scene, path).stderr
    wrong = scene.company.postern("policy", "test", path, "--from", "alcie@example.test", "--to", PAUL, check=False)
    assert wrong.returncode == 0 and "There is no account alcie@example.test" in wrong.stderr
    for given in (["--from", "alice", "--to", PAUL], ["--from", ALICE, "--to", "not an address"], ["--from", ALICE, "--to", f"a@{'b' * 300}.test"],
                  ["--from", ALICE, "--to", PAUL, "--reason", "r" * 1001]):
        wrong = scene.company.postern("policy", "test", path, *given, check=False)
        assert wrong.returncode == 65 and ("is no address such as" in wrong.stderr or "at most 1000 bytes" in wrong.stderr), wrong
    assert scene.receiver.letters() == []
    scene.company.sign_in()
    assert "policy test" in scene.company.postern("acts")


def test_each_recipient_gets_what_his_policy_says(scene):
    company = scene.company
    sent = scene.submit(letter("[Secure] Offer"), [PAUL, PETRA, PIA], options=["RET=FULL"])
    mail = wait_for("what is sent and the two notices", lambda: (m := received(scene, ALICE)) and len(m) == 2 and received(scene, PAUL) and m)
    assert [m["Subject"] for m in received(scene, PAUL)] == ["Offer"]
    assert received(scene, PETRA) == received(scene, PIA) == []
    notice = next(m for m in mail if m.get_content_type() == "text/plain")
    assert PIA in notice.get_content() and "not smime" in notice.get_content() and PETRA not in notice.get_content()
    bounce = next(m for m in mail if m.get_content_type() == "multipart/report").as_string()
    assert PETRA in bounce and "Ask Petra for a key." in bounce and PIA not in bounce and "5.7.0" in bounce
    for told in (notice.as_string(), bounce):  # what could not be protected is not told on the way back
        assert "Offer" not in told and "the body" not in told and "<14.p@example.test>" in told
    assert "alert=policy-holds " in company.log.read_text()

    shown = company.show(sent)
    receipts = shown[shown.index("Receipts"):]
    assert "two, version 1" in receipts and "not   smime" in receipts and "goes back to its sender" in receipts
    assert "delivered on" in receipts and "verified, TLSv1.3" in receipts

    # No administrator lets it go, and what goes back nobody.
    assert company.postern("queue", "release", sent, "--reason", "hurry", check=False).returncode == DENIED
    company.stop()
    company.start()
    assert any(sent in line and " held " in line for line in company.postern("queue", "list").splitlines())
    company.sign_in(company.officer)
    assert "released: 1" in company.postern("queue", "release", sent, "--reason", "She reads it on paper")
    company.sign_in()
    wait_for("the letter at Pia's", lambda: received(scene, PIA))
    assert received(scene, PETRA) == [] and len(received(scene, PAUL)) == 1


def test_an_account_released_lets_go_what_no_policy_keeps(scene):
    """Of one letter: what leaves unprotected stays with the officer, also when who sent it was suspended."""
    company = scene.company
    before = len(received(scene, PAUL)), len(received(scene, PIA))
    company.postern("queue", "pause")
    sent = scene.submit(letter("[secure] Second offer"), [PAUL, PIA])
    wait_for("both", lambda: sum(sent in line for line in company.postern("queue", "list").splitlines()) == 2)
    company.postern("account", "suspend", ALICE, "--reason", "Her notebook was stolen")
    said = company.postern("account", "release", ALICE, "--reason", "It was found", "--send-held")
    assert said.endswith("letters on their way: 1\n"), said
    company.kill()
    company.start()
    company.postern("queue", "resume")
    wait_for("the letter at Paul's", lambda: len(received(scene, PAUL)) == before[0] + 1)
    line, = [line for line in company.postern("queue", "list").splitlines() if sent in line]
    assert " held " in line and len(received(scene, PIA)) == before[1]
    assert company.postern("queue", "release", sent, "--reason", "hurry", check=False).returncode == DENIED
    company.sign_in(company.officer)
    assert "released: 1" in company.postern("queue", "release", sent, "--reason", "She reads it on paper")
    company.sign_in()
    wait_for("the letter at Pia's", lambda: len(received(scene, PIA)) == before[1] + 1)


def test_every_recipient_has_a_receipt(scene):
    people = [f"person{n}@partner.test" for n in range(130)]
    sent = scene.submit(letter("To many of them"), people)
    wait_for("the letter outside", lambda: received(scene, people[-1]))
    text = wait_for("all outcomes", lambda: (s := scene.company.show(sent)) and s.count("    outcome ") >= len(people) and s)
    receipts = text[text.index("Receipts"):]
    assert [to for to in people if receipts.count(f"  <{to}>\n    protected by ") != 1] == []


def test_a_changed_policy_is_another_version_and_a_wrong_one_is_none(scene):
    company = scene.company
    text = company.config.read_text()
    assert company.postern("policy", "show").startswith("Version 1, since ")
    reload(scene, text.replace("methods = openpgp", "methods = openpgp, smime"))
    shown = wait_for("the next version", lambda: (s := company.postern("policy", "show")).startswith("Version 2") and s)
    assert "methods = openpgp, smime\n" in shown and "reason = Ask Petra for a key.\n" in shown
    company.config.write_text(text.replace("\nlabel = secure\n", "\nlabel = secrt\n", 1))
    wrong = company.postern("check-config", check=False)
    line = 1 + next(i for i, l in enumerate(company.config.read_text().splitlines()) if l == "label = secrt")
    assert wrong.returncode != 0 and f":{line}: [policy one]: `label` wants" in wrong.stdout + wrong.stderr
    reload(scene, text[:text.index("[label secure]")])
    gone = company.postern("policy", "show", check=False)
    assert gone.returncode == 1 and "no [policy] sections" in gone.stderr
