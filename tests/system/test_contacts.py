"""Contacts, how much of them anybody is shown, and the decoys among them."""
import os
import time

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Scene
from test_roles import ADMIN, AUDITOR, BOB, OFFICER, person  # noqa: F401 - a fixture

EVE = "eve@example.test"
REAL = [("paula.partner@partner.test", "Paula Partner"), ("karl.klein@example.test", "Karl Klein"),
        ("greta.gross@example.test", "Greta Groß"), ("otto.ohm@example.test", "Otto Ohm")]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    directory = tmp_path_factory.mktemp("contacts")
    os.chmod(directory, 0o755)
    alarms = directory / "alarms"
    hook = directory / "alarm"
    hook.write_text(f'#!/bin/sh\nread -r sentence\necho "$1: $sentence" >>{alarms}\n')
    hook.chmod(0o755)
    scene = Scene(directory, auth_failure_delay="0s", unknown_recipients="refuse",
                  alert_command=hook, alert_interval="1s", contacts_per_hour="20",
                  contacts_alarm="15", decoys_company="3", decoys_account="1")
    scene.alarms = alarms
    for account in (BOB, EVE):
        scene.company.add_user(account, PASSWORD)
    for address, name in REAL:
        scene.company.postern("contact", "add", address, "--name", name, "--company",
                              "--organisation", "Example Ltd", "--phone", "+49 30 1234567")
    yield scene
    scene.close()


def alarm(scene, name, about=""):
    return wait_for(f"the alarm {name}", lambda: scene.alarms.exists() and next(
        (x for x in scene.alarms.read_text().splitlines()
         if x.startswith(f"{name}:") and about in x), None))


def acts(scene, *more):
    scene.company.sign_in()
    said = scene.company.postern("acts", "--reason", "a test", *more)
    scene.company.postern("logout")
    return said


def addresses(said):
    return [line.split()[0] for line in said.splitlines()[1:]]


def test_contacts_of_one_s_own_and_of_the_company(scene, person):
    assert person.login(ALICE).returncode == 0
    done = person.postern("contact", "add", "rosa@friends.test", "--name", "Rosa Red", "--favourite")
    assert done.returncode == 0, done.stderr
    done = person.postern("contact", "add", "ROSA@friends.test")
    assert done.returncode == 65 and "is there already" in done.stderr
    done = person.postern("contact", "add", "x@partner.test", "--company")
    assert done.returncode == 77 and "officer or administrator" in done.stderr
    found = person.postern("contact", "find", "gro").stdout
    assert "greta.gross@example.test" in found and "company" in found and "karl" not in found
    assert addresses(person.postern("contact", "find").stdout) == ["rosa@friends.test"]
    assert person.postern("contact", "find", "x").returncode == 65
    done = person.postern("contact", "set", "rosa@friends.test", "--phone", "112")
    assert done.returncode == 0, done.stderr
    shown = person.postern("contact", "show", "rosa@friends.test").stdout
    assert "Rosa Red" in shown and "112" in shown
    assert person.login(BOB).returncode == 0  # another one's are nobody else's
    assert person.postern("contact", "find", "rosa").returncode == 1
    assert person.postern("contact", "show", "rosa@friends.test").returncode == 1
    assert person.postern("contact", "remove", "rosa@friends.test").returncode == 65
    done = scene.company.postern("contact", "add", "no address", "--company", check=False)
    assert done.returncode == 65 and "is no address" in done.stderr
    done = scene.company.postern("contact", "list", check=False)
    assert done.returncode == 77 and "signed in" in done.stderr
    assert "contact add" in acts(scene)


@pytest.fixture(scope="module")
def decoys(scene):
    """Addresses that stand in the company's list and that nobody put there."""
    assert "decoys are on" in scene.company.postern("decoys", "on", "--reason", "a test")
    wait_for("the decoys", lambda: "company's contacts   3" in
             scene.company.postern("decoys", "status"))
    real = {address for address, _ in REAL}
    return [a for a in addresses(scene.company.postern("contact", "list", "--company"))
            if a not in real]


def test_decoys_stand_in_lists_alone(scene, person, decoys):
    listed = scene.company.postern("contact", "list", "--company").splitlines()[1:]
    assert len(decoys) == 3 and len(listed) == 7
    for address in decoys:
        assert address.endswith("@example.test") and "." in address.split("@")[0], address
        line, = (x for x in listed if x.startswith(address))
        assert "Example Ltd" in line and "+49 30 1234" in line, "as the others are"
        name = line.split("  ")[1:][0].strip() or line[len(address):].split("  ")[1].strip()
        assert scene.company.postern("contact", "find", *name.split(), check=False).returncode == 1
        assert scene.company.postern("contact", "find", address, check=False).returncode == 1
        done = scene.company.postern("contact", "add", address, "--company", check=False)
        assert done.returncode == 65 and "is there already" in done.stderr
    assert "decoy" in alarm(scene, "decoy-probed")


def is_suspended(scene, account):
    smtp = scene.client(account)
    smtp.mail(account)
    smtp.rcpt("paula@partner.test")
    code, text = smtp.data(f"From: {account}\r\n\r\nx\r\n".encode())
    smtp.close()
    return code == 450 and b"suspended" in text


def refusal(smtp, address):
    began = time.monotonic()
    code, text = smtp.rcpt(address)
    return (code, text), time.monotonic() - began


def test_who_writes_to_a_decoy_is_refused_as_ever_and_suspended(scene, decoys):
    smtp = scene.client(EVE)
    other = scene.client(EVE)
    smtp.mail(EVE)
    for known in (BOB, BOB.replace("@", "+x@"), "greta.gross@example.test", "postmaster@example.test"):
        assert smtp.rcpt(known)[0] == 250, known
    unknown, took = refusal(smtp, "nobody.at.all@example.test")
    assert unknown[0] == 550 and b"5.1.1" in unknown[1]
    decoy, decoy_took = refusal(smtp, decoys[0].upper().replace("@", "+tag@"))
    assert decoy == unknown and abs(decoy_took - took) < 0.1
    assert smtp.data(b"Subject: x\r\n\r\nx\r\n")[0] == 421, "nobody gets it"
    other.mail(EVE)
    other.rcpt("paula@partner.test")
    assert other.data(f"From: {EVE}\r\n\r\nx\r\n".encode())[0] == 421, "every session has ended"
    assert is_suspended(scene, EVE)
    assert EVE in alarm(scene, "decoy-hit")
    done = acts(scene, "--by", EVE)
    assert "decoy hit" in done and decoys[0].split("@")[0].upper() in done


def test_a_decoy_in_the_header_is_one_too(scene, decoys):
    smtp = scene.client(BOB)
    smtp.mail(BOB)
    smtp.rcpt("paula@partner.test")
    code, text = smtp.data(f"From: {BOB}\r\nTo: paula@partner.test\r\nCc: X <{decoys[1]}>\r\n"
                           "\r\nx\r\n".encode())
    assert code == 550 and text.startswith(b"5.1.1 No user of this name"), (code, text)
    assert is_suspended(scene, BOB)
    assert all(b"X <" not in octets for _, octets in scene.receiver.letters())


def test_a_thief_does_not_make_a_decoy_known_himself(scene, decoys):
    """Not by a letter that he sends, and not by one of a mailbox of ours."""
    company = scene.company
    for i, line in enumerate(("To: {who}\r\nReply-To: {d}", 'To: "{d}" <{who}>')):
        who = f"ruth{i}@example.test"
        company.add_user(who, PASSWORD)
        smtp = scene.client(who)
        smtp.mail(who)
        assert smtp.rcpt(who)[0] == 250
        code, text = smtp.data(f"From: {who}\r\n{line.format(d=decoys[0], who=who)}\r\n\r\nx\r\n".encode())
        assert code == 550 and text.startswith(b"5.1.1"), (line, code, text)
        assert is_suspended(scene, who), line
    company.add_user("ruth2@example.test", PASSWORD)
    take(company, "own", letter("ruth2@example.test", decoys[0]))
    smtp = scene.client("ruth2@example.test")
    smtp.mail("ruth2@example.test")
    assert smtp.rcpt(decoys[0])[0] == 550
    assert is_suspended(scene, "ruth2@example.test")


def letter(sender, to):
    return (f"From x@outside.test Mon Jan  5 09:00:00 2026\nFrom: X <{sender}>\nTo: {ALICE}, {to}\n"
            f"Date: Mon, 5 Jan 2026 09:00:00 +0000\nMessage-ID: <q@{sender}>\nSubject: Hello\n\nHello all\n\n")


def take(company, name, letters):
    mbox = company.directory / f"{name}.mbox"
    mbox.write_text(letters)
    company.postern("import", "mbox", mbox, "--owner", ALICE)
    wait_for("the index", lambda: company.status()["index.position"] == company.status()["ledger.records"])


def test_who_answers_all_recipients_is_refused_and_not_suspended(scene, decoys):
    company = scene.company
    take(company, "asked", letter("x@outside.test", decoys[2]) + letter(BOB, decoys[2]))
    smtp = scene.client(ALICE)
    smtp.mail(ALICE)
    assert smtp.rcpt(decoys[2])[0] == 550
    assert ALICE in alarm(scene, "decoy-known")
    assert smtp.rcpt("x@outside.test")[0] == 250, "the session goes on"
    smtp.close()
    assert not is_suspended(scene, ALICE)
    assert "a letter from outside names it" in acts(scene, "--by", ALICE)


def test_nobody_is_shown_all_at_once(scene, person):
    """A list that goes beyond is refused whole; single ones are found until the hour's are used up."""
    file = scene.company.directory / "many.csv"
    file.write_text("Full Name;E-mail Address\n" + "".join(
        f"Many {i};many{i}@partner.test\n" for i in range(30)) + "Nobody;no address\n")
    done = scene.company.postern("contact", "import", file, "--company")
    assert "30 added, 0 changed, 0 as they were, 1 not taken" in done
    done = scene.company.postern("contact", "import", file, "--company")
    assert "0 added, 0 changed, 30 as they were" in done
    assert person.login(ALICE).returncode == 0
    done = person.postern("contact", "list", "--company")
    assert done.returncode == 77 and "another person approves" in done.stderr and not done.stdout
    assert alarm(scene, "contacts-limit", ALICE)
    codes = [person.postern("contact", "find", "many", str(i)).returncode for i in range(25)]
    assert codes[0] == 0 and codes[-1] == 77
    assert alarm(scene, "contacts-harvest", ALICE)
    assert "contact list" in acts(scene, "--by", ALICE, "--refused")


def test_a_whole_book_leaves_when_another_person_approved_it(scene, person, decoys):
    company = scene.company
    card = company.directory / "card.vcf"
    card.write_text("BEGIN:VCARD\nVERSION:3.0\nN:Formula;=1+1;;;\nEMAIL:f@partner.test\nORG:@x\n"
                    "END:VCARD\nBEGIN:VCARD\nFN:x\n")
    assert person.login(ALICE).returncode == 0
    card.chmod(0o644)
    company.directory.chmod(0o755)
    done = person.postern("contact", "import", card)
    assert "1 added" in done.stdout and "line 7 has a card without an end" in done.stderr
    ask = ["contact", "export", "--company", "--format", "csv", "-o", "-", "--reason", "moving"]
    done = person.postern(*ask)
    assert done.returncode == 0 and "waits" in done.stdout and "many0@" not in done.stdout
    assert person.postern(*ask).returncode == 75, "it waits already"
    assert "takes it with the same command" in company.second(done.stdout).stdout
    got = person.postern(*ask)
    assert got.returncode == 0 and "many0@partner.test" in got.stdout
    assert all(address in got.stdout for address in decoys), "a thief takes these along"
    assert "waits" in person.postern(*ask).stdout, "once"
    own = ["contact", "export", "--format", "csv", "-o", "-", "--reason", "moving"]
    assert person.postern(*own).returncode == 75
    done = acts(scene, "--by", ALICE)
    assert "contact export" in done and "moving" in done


def test_a_restart_begins_no_new_hour(scene, person):
    """20 contacts an hour, and the account of nobody else's test: what is left of them is left behind a restart."""
    company = scene.company
    company.add_user("harry@example.test", PASSWORD)
    assert person.login("harry@example.test").returncode == 0

    def find():
        return person.postern("contact", "find", "karl")
    shown = 0
    while (done := find()).returncode == 0:
        shown += 1
        assert shown <= 20, done
    assert shown == 20 and done.returncode == 77 and "you are shown 0 more for now" in done.stderr, (shown, done)
    company.kill()
    company.start()
    done = find()
    assert done.returncode == 77 and "you are shown 0 more for now" in done.stderr, done


def test_it_is_all_there_after_a_restart(scene, decoys):
    company = scene.company
    for path in (company.data / "state").iterdir():
        assert b"paula.partner" not in path.read_bytes() and b"Klein" not in path.read_bytes()
    company.stop()
    company.start()
    company.set("contacts-per-hour", "1000")
    company.set("decoy-rotation", "1s")
    company.stop()
    company.start()
    listed = addresses(company.postern("contact", "list", "--company"))
    assert set(decoys) < set(listed) and "paula.partner@partner.test" in listed
    assert "decoys are on" in company.postern("decoys", "status")
    assert "is no decoy" in company.postern("decoys", "forget", ALICE, check=False).stderr
    forgotten = company.postern("decoys", "forget", decoys[2], "--reason", "there is such a person")
    assert "decoys are on" in forgotten
    assert "decoys are off" in company.postern("decoys", "off", "--reason", "a test")
    listed = addresses(company.postern("contact", "list", "--company"))
    assert not set(decoys) & set(listed)


def test_one_that_was_rotated_is_watched_still(scene, decoys):
    """With a rotation of a second: one is made, has its time, another one takes its place."""
    company = scene.company
    company.postern("decoys", "on")
    before = watch(company, 3)
    company.postern("decoys", "off")
    time.sleep(1.6)
    company.postern("decoys", "on")
    after = watch(company, 3)
    rotated, = before - after
    assert rotated not in decoys and set(decoys[:2]) <= after
    smtp = scene.client(ALICE)
    smtp.mail(ALICE)
    assert smtp.rcpt(rotated)[0] == 550
    assert alarm(scene, "decoy-hit", ALICE)
    assert is_suspended(scene, ALICE)
    company.postern("account", "release", ALICE, "--reason", "it was a test")
    smtp = scene.client(ALICE)
    smtp.mail(ALICE)
    assert smtp.rcpt(decoys[2])[0] == 550, "forgotten: an unknown user, and no more"
    company.add_user(decoys[0], PASSWORD)
    assert smtp.rcpt(decoys[0])[0] == 250, "who got the address of a decoy is somebody"
    assert smtp.data(f"From: {ALICE}\r\n\r\nx\r\n".encode())[0] == 250


def watch(company, count):
    """The decoys of the company's book, when there are so many."""
    wait_for("the decoys", lambda: f"company's contacts   {count}" in
             company.postern("decoys", "status"))
    return set(addresses(company.postern("contact", "list", "--company"))) - {
        *(address for address, _ in REAL), *(f"many{i}@partner.test" for i in range(30))}
