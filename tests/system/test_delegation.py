"""Who may send as an address that is not his own: granted by whom, shown to whom, and until when."""
import datetime
import email
import os
import re
import signal
import time

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Scene
from test_roles import OFFICER, person  # noqa: F401 - a fixture

BOB, BOARD, TO = "bob@example.test", "board@example.test", "paula@partner.test"
AGAIN = ["--password-stdin"]  # an open desk is not enough


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    directory = tmp_path_factory.mktemp("delegation")
    os.chmod(directory, 0o755)
    scene = Scene(directory, auth_failure_delay="0s", dkim_selector="s1",
                  domain="example.test, alerts.example.test")
    scene.company.add_user(BOB, PASSWORD)
    scene.company.postern("dkim", "new", "s1", "--algorithm", "ed25519", "--domain",
                          "example.test")
    yield scene
    scene.close()


def letter(sender, more=""):
    return (f"From: {sender}\r\n{more}To: {TO}\r\nSubject: x {time.monotonic_ns()}\r\n\r\n"
            "Hello\r\n").encode()


def try_to(smtp, content, reverse_path=ALICE):
    """The reply to a letter."""
    smtp.mail(reverse_path)
    smtp.rcpt(TO)
    code, text = smtp.data(content)
    return code, text.decode()


def left(scene, subject):
    """The letter of that subject, as it came to its recipient."""
    def find():
        return next((m for _, octets in scene.receiver.letters()
                     if (m := email.message_from_bytes(octets))["Subject"] == subject), None)
    wait_for("the letter to come", find)
    return find()


def sent(scene, smtp, content, reverse_path=ALICE):
    """What came to the recipient, and what the archive says of it."""
    code, text = try_to(smtp, content, reverse_path)
    assert code == 250, text
    subject = re.search(rb"Subject: (.*)\r", content)[1].decode()
    return left(scene, subject), scene.company.show(re.search(r"\b[0-9a-z]{16}\b", text)[0])


def delegate(who, verb, source, account, *more, **options):
    if "--password-stdin" in more:
        options.setdefault("input", PASSWORD + "\n")
    return who.postern("delegate", verb, "--from", source, "--to", account, "--reason", "a test",
                       *more, **options)


def test_a_shared_name_takes_two_persons(scene, person):
    company, smtp = scene.company, scene.client()
    code, text = try_to(smtp, letter(BOARD))
    assert code == 550 and f"may not send as {BOARD}" in text
    asked = delegate(company, "add", BOARD, ALICE)
    assert f"{ALICE} may send as {BOARD}" in company.postern("approvals")
    assert try_to(smtp, letter(BOARD))[0] == 550
    assert person.login(ALICE).returncode == 0  # who gains by it is nobody's second person
    assert person.postern("approve", request_of_text(asked), "--reason", "x").returncode == 77
    assert "approved and done" in company.second(asked).stdout

    came, shown = sent(scene, smtp, letter(BOARD))
    assert came["From"] == BOARD and came["Sender"] == ALICE
    assert re.search(rf"for +{BOARD}, granted by uid 0 and {OFFICER} on 20", shown), shown
    came, shown = sent(scene, smtp, letter(BOARD, f"Sender: A <{ALICE}>\r\n"), BOARD)
    assert came.get_all("Sender") == [f"A <{ALICE}>"] and BOARD in shown
    code, text = try_to(smtp, letter(BOARD, f"Sender: {BOARD}\r\n"))
    assert code == 550 and "must be an address of your own" in text
    came, shown = sent(scene, smtp, letter(ALICE))
    assert came["Sender"] is None and "granted by" not in shown
    assert try_to(smtp, letter(ALICE), BOARD)[0] == 550
    assert try_to(scene.client(BOB), letter(BOARD), BOB)[0] == 550

    listed = company.postern("delegate", "list")
    assert re.search(rf"{ALICE} +{BOARD} +uid 0, approved by {OFFICER} +20\S+ +- +a test", listed)
    assert "may not send" in delegate(company, "remove", BOARD, ALICE)
    assert try_to(smtp, letter(BOARD))[0] == 550  # the session was open all the time
    acts = person_acts(scene)
    assert f"delegate add {BOARD} to {ALICE}" in acts and f"delegate remove {BOARD}" in acts, acts


def request_of_text(text):
    return re.search(r"^request (\w+) waits", text, re.M)[1]


def person_acts(scene):
    return re.sub(r" +", " ", scene.company.postern("acts"))


def test_the_owner_grants_what_is_his(scene, person):
    company, smtp = scene.company, scene.client()
    assert person.login(BOB).returncode == 0
    for said in ("", "wrong\n"):  # an open desk is not enough
        done = delegate(person, "add", BOB, ALICE, "--password-stdin", input=said)
        assert done.returncode != 0, done
    assert "give --code" in delegate(person, "add", BOB, ALICE, input="").stderr
    assert ALICE not in person.postern("delegate", "list").stdout
    assert "may send as" in delegate(person, "add", BOB, ALICE, *AGAIN).stdout
    came, shown = sent(scene, smtp, letter(BOB))
    assert came["Sender"] == ALICE and f"granted by {BOB} on" in shown
    for source, said in ((BOARD, "have an officer"), ("sales", "no account is in the group"),
                         ("x@partner.test", "not in a domain of ours"), ("*", "no address such as")):
        done = delegate(person, "add", source, ALICE)
        assert done.returncode != 0 and said in done.stderr, done
    assert ALICE in person.postern("delegate", "list").stdout
    company.postern("user", "set", BOB, "--disable")  # what he granted goes with him
    assert try_to(smtp, letter(BOB))[0] == 550
    company.postern("user", "set", BOB, "--enable")
    assert try_to(smtp, letter(BOB))[0] == 550  # for good
    assert person.login(BOB).returncode == 0
    assert "may send as" in delegate(person, "add", BOB, ALICE, *AGAIN).stdout
    assert try_to(smtp, letter(BOB))[0] == 250
    # It was his alone when he granted it: once another account has it too, it takes two persons.
    company.both("user", "add", "carl@example.test", "--address", BOB, "--reason", "a test", "--password-stdin",
                 input=PASSWORD + "\n")
    assert try_to(smtp, letter(BOB))[0] == 550
    company.postern("user", "set", "carl@example.test", "--no-addresses", "--reason", "a test")
    assert try_to(smtp, letter(BOB))[0] == 250
    assert person.login(ALICE).returncode == 0
    assert delegate(person, "remove", BOB, ALICE).returncode == 0
    assert try_to(smtp, letter(BOB))[0] == 550


def test_it_ends_when_it_was_said_to(scene, person):
    smtp = scene.client()
    assert person.login(BOB).returncode == 0
    done = delegate(person, "add", BOB, ALICE, "--until", "2020-01-31")
    assert done.returncode == 65 and "is over already" in done.stderr
    assert "no day such as" in delegate(person, "add", BOB, ALICE, "--until", "tomorrow").stderr

    def holds_for(seconds):
        """It was in force once; not on a machine so busy that it was over before."""
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        done = delegate(person, "add", BOB, ALICE, "--until", end.strftime("%Y-%m-%dT%H:%M:%SZ"), *AGAIN)
        assert done.returncode == 0 or "is over already" in done.stderr, done
        return try_to(smtp, letter(BOB))[0] == 250

    seconds = next((s for s in (3, 10, 30) if holds_for(s)), None)
    assert seconds
    wait_for("the delegation to end", lambda: try_to(smtp, letter(BOB))[0] == 550, seconds + 10)
    assert "over: 20" in person.postern("delegate", "list").stdout


def test_a_group_is_who_is_in_it_now(scene):
    company, smtp = scene.company, scene.client()
    company.postern("user", "set", BOB, "--group", "sales")
    company.both("delegate", "add", "--from", "sales", "--to", ALICE, "--reason", "cover")
    came, shown = sent(scene, smtp, letter(BOB))
    assert came["Sender"] == ALICE and re.search(r"for +sales, granted by", shown), shown
    company.postern("user", "set", BOB, "--no-groups")
    assert try_to(smtp, letter(BOB))[0] == 550
    # who comes into it can be sent as, and that takes two persons as the delegation did
    said = company.postern("user", "set", BOB, "--group", "sales", "--reason", "moved")
    assert try_to(smtp, letter(BOB))[0] == 550
    company.second(said)
    assert try_to(smtp, letter(BOB))[0] == 250
    assert re.search(r"^request \w+ waits", company.postern(
        "user", "set", BOB, "--address", "bobby@example.test", "--reason", "moved"), re.M)
    company.postern("user", "set", BOB, "--no-groups")


def test_an_address_is_written_as_it_is_compared(scene):
    done = scene.company.postern("user", "set", BOB, "--address", '"alice"@example.test', check=False)
    assert done.returncode == 65 and 'write `"alice"@example.test` as `alice@example.test`' in done.stderr


def test_an_address_with_a_tag_is_its_holder_s(scene):
    """Unless another one has it as it stands; and with another separator there is none."""
    company, smtp = scene.company, scene.client()
    came, _ = sent(scene, smtp, letter("alice+shop@example.test"), "alice+news@example.test")
    assert came["Sender"] is None
    assert try_to(smtp, letter("bob+x@example.test"))[0] == 550
    company.postern("user", "set", BOB, "--address", "alice+shop@example.test")
    assert try_to(smtp, letter("alice+shop@example.test"))[0] == 550
    assert try_to(smtp, letter("alice+shop+x@example.test"))[0] == 550
    assert try_to(scene.client(BOB), letter("alice+shop@example.test"), BOB)[0] == 250
    company.set("subaddress-separator", "off")
    company.process.send_signal(signal.SIGHUP)
    wait_for("the setting to hold", lambda: try_to(smtp, letter("alice+x@example.test"))[0] == 550)
    company.set("subaddress-separator", "+")
    company.process.send_signal(signal.SIGHUP)
    wait_for("the setting to hold", lambda: try_to(smtp, letter("alice+x@example.test"))[0] == 250)


def test_a_shared_address_is_shown_as_such(scene):
    company = scene.company
    company.both("user", "set", BOB, "--address", "info@example.test", "--address", ALICE,
                 "--reason", "deputy")
    listed = company.postern("user", "list")
    assert re.search(rf"^{BOB} .* info@example.test, {ALICE} \(shared\)$", listed, re.M), listed
    assert re.search(rf"^{ALICE} \(shared\) ", listed, re.M), listed
    assert sent(scene, scene.client(BOB), letter(ALICE), BOB)[0]["Sender"] is None


def test_an_application_sends_as_a_domain_of_its_own(scene):
    company, app = scene.company, "monitor@example.test"
    wild = ("--address", "*@alerts.example.test", "--reason", "alerts", "--password-stdin")

    def add(account, *arguments):
        return company.postern("user", "add", account, *arguments, check=False,
                               input=PASSWORD + "\n")

    assert "only an application" in add(app, *wild).stderr
    assert "only an application" in add(app, "--role", "officer", *wild).stderr
    for address, said in (("*", "no address such as"), ("*@*", "no address such as"),
                          ("*@partner.test", "not in a domain of ours"),
                          ("*@example.test", "give applications a domain of their own")):
        done = add(app, "--role", "application", "--address", address, "--password-stdin")
        assert done.returncode != 0 and said in done.stderr, done
    asked = add(app, "--role", "application", *wild)
    assert "sends as every address of alerts.example.test" in company.postern("approvals")
    assert "is changed" in company.second(asked.stdout).stdout
    assert re.search(rf"^{app} +application .*[*]@alerts.example.test$",
                     company.postern("user", "list"), re.M)
    smtp = scene.client(app)
    came, _ = sent(scene, smtp, letter("disk-3@alerts.example.test"), "x@alerts.example.test")
    assert came["From"] == "disk-3@alerts.example.test"
    company.postern("user", "set", BOB, "--address", "root@alerts.example.test")
    for sender in ("root@alerts.example.test", "x@sub.alerts.example.test", "x@example.test",
                   "a@alerts.example.test, b@alerts.example.test"):
        assert try_to(smtp, letter(sender), app)[0] == 550, sender
    done = company.postern("user", "set", app, "--role", "employee", "--reason", "x", check=False)
    assert "only an application" in done.stderr


def test_it_outlives_a_restart_and_signatures_cover_it(scene):
    company = scene.company
    company.both("delegate", "add", "--from", BOARD, "--to", ALICE, "--reason", "elected")
    company.stop()
    company.start()
    came, _ = sent(scene, scene.client(), letter(BOARD))
    assert came["Sender"] == ALICE
    assert "sender" in re.search(r"h=([^;]*);", came["DKIM-Signature"])[1].lower()
