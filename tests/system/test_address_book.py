"""The company's address book from a directory: a real slapd says whom one may write to."""
import re
import signal

import pytest

import slapd
from company import CA, wait_for
from scene import ALICE, PASSWORD, Scene
from slapd import BASE, PEOPLE, Slapd, person
from test_directory import section

pytestmark = pytest.mark.skipif(slapd.MISSING is not None, reason=str(slapd.MISSING))

OUTSIDE = f"ou=outside,{BASE}"
MANY = 1203  # pages of the server's, and of the keeper's


def partner(uid, mail, *more):
    return "\n" + "\n".join([f"dn: uid={uid},{OUTSIDE}", "objectClass: inetOrgPerson", f"uid: {uid}", f"cn: {uid.capitalize()} Partner",
                             "sn: Partner", f"mail: {mail}", *more]) + "\n"


TREE = f"\ndn: {OUTSIDE}\nobjectClass: organizationalUnit\nou: outside\n" + "".join([
    person("anna", None, None, "proxyAddresses: SMTP:Anna.First@Example.test", "telephoneNumber: +49 30 77", "title: Baker", "o: Example Ltd"),
    person("bob"), person("locked", None, None, "userAccountControl: 514"),
    partner("paula", "paula@partner.test", "telephoneNumber: +49 40 1"), partner("hand", "hand@partner.test"),
    partner("bad", "two..dots@partner.test"), partner("peter", "peter@partner.test"), partner("petra", "petra@partner.test")])


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    folder.chmod(0o755)
    alarms = folder / "alarms"
    hook = folder / "alarm"
    hook.write_text(f'#!/bin/sh\nread -r sentence\necho "$1: $sentence" >>{alarms}\n')
    hook.chmod(0o755)
    authority = CA(folder / "company" / "ca")
    server = Slapd(folder / "slapd", authority, TREE)
    scene = Scene(folder, sections=section(
        "office", server, folder, trust_store=authority.certificate, contact_base=BASE, address_book="no"),
        alert_command=hook, alert_interval="1s", contacts_per_hour="100000", contacts_per_day="100000", contacts_alarm="90000",
        decoys_company="2")
    scene.server, scene.alarms = server, alarms
    wait_for("the first synchronisation", lambda: "people; accounts" in scene.company.postern("directory", "status", check=False).stdout)
    scene.company.postern("contact", "add", "hand@partner.test", "--name", "By Hand", "--company")
    scene.company.postern("contact", "add", "mine@partner.test", "--name", "Mine Alone", "--company")
    yield scene
    scene.close()
    server.stop()


def set_section(scene, old, new):
    company = scene.company
    before = company.log.read_text().count("event=config.reloaded")
    text = company.config.read_text()
    assert old in text
    company.config.write_text(text.replace(old, new))
    company.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: company.log.read_text().count("event=config.reloaded") > before)


def sync(scene, *more, **options):
    return scene.company.postern("directory", "sync", "office", *more, **options)


def listed(scene):
    """{address: the line}"""
    said = scene.company.postern("contact", "list", "--company")
    return {line.split()[0]: line for line in said.splitlines()[1:]}


def counts(said):
    """there, added, changed, removed, left out"""
    found = re.search(r"^  (\d+) contacts; [a-z ]+: (\d+) added, (\d+) changed, (\d+) removed; (\d+) left out$", said, re.M)
    return tuple(map(int, found.groups()))


def acts(scene, *more):
    scene.company.sign_in()
    said = scene.company.postern("acts", "--by", "directory office", "--limit", "50", *more)
    scene.company.postern("logout")
    return said


def test_the_book_is_filled_and_what_a_person_added_stays(scene):
    assert "contacts;" not in sync(scene)  # not before it is set
    assert set(listed(scene)) == {"hand@partner.test", "mine@partner.test"}
    set_section(scene, "address-book = no", "address-book = yes")
    test = scene.company.postern("directory", "test", "office")
    assert counts(test) == (7, 5, 0, 0, 2) and "paula" not in test, test
    assert set(listed(scene)) == {"hand@partner.test", "mine@partner.test"}
    said = sync(scene)
    assert counts(said) == (7, 5, 0, 0, 2), said  # one has no good address, one is a person's
    book = listed(scene)
    assert set(book) == {"hand@partner.test", "mine@partner.test", "anna.first@example.test", "bob@example.test",
                         "paula@partner.test", "peter@partner.test", "petra@partner.test"}
    assert "Anna Example" in book["anna.first@example.test"] and "+49 30 77" in book["anna.first@example.test"]
    assert "By Hand" in book["hand@partner.test"]
    shown = scene.company.postern("contact", "show", "anna.first@example.test")
    assert "Baker" in shown and "Example Ltd" in shown
    done = acts(scene)
    assert len(re.findall("contact add", done)) == 5 and "paula@partner.test" in done and "company contacts" in done
    assert counts(sync(scene)) == (7, 0, 0, 0, 2)
    # It is offered to who writes.
    scene.company.sign_in(scene.company.officer)
    assert "paula@partner.test" in scene.company.postern("contact", "find", "paula")


def test_it_follows_the_directory_and_not_what_is_changed_here(scene):
    scene.server.change(f"dn: uid=paula,{OUTSIDE}\nchangetype: modify\nreplace: telephoneNumber\ntelephoneNumber: +49 40 2\n")
    scene.server.change(f"dn: uid=petra,{OUTSIDE}\nchangetype: delete\n")
    assert counts(sync(scene)) == (6, 0, 1, 1, 2)
    book = listed(scene)
    assert "+49 40 2" in book["paula@partner.test"] and "petra@partner.test" not in book
    done = acts(scene)
    assert "contact set" in done and "contact remove" in done
    scene.company.postern("contact", "set", "paula@partner.test", "--company", "--name", "Paula By Hand")
    scene.company.postern("contact", "remove", "peter@partner.test", "--company")
    scene.server.change(f"dn: uid=paula,{OUTSIDE}\nchangetype: delete\n")
    assert counts(sync(scene)) == (5, 1, 0, 0, 2)  # who was taken out comes again
    book = listed(scene)
    assert "Paula By Hand" in book["paula@partner.test"] and "peter@partner.test" in book


def test_a_decoy_stays_one_and_is_told_from_nothing(scene):
    company = scene.company
    before = set(listed(scene))
    company.postern("decoys", "on", "--reason", "a test")
    wait_for("the decoys", lambda: len(set(listed(scene)) - before) == 2)
    decoy, retired = sorted(set(listed(scene)) - before)
    company.postern("contact", "remove", retired, "--company")
    scene.server.change("".join(partner(uid, mail).replace("objectClass", "changetype: add\nobjectClass", 1)
                                for uid, mail in (("guess", decoy), ("guessed", retired))))
    assert counts(sync(scene)) == (7, 1, 0, 0, 3)  # as one that a person added, and as one that was not there
    assert counts(sync(scene)) == (7, 0, 0, 0, 3)
    assert "Guess Partner" not in listed(scene)[decoy] and retired in listed(scene)
    assert company.postern("contact", "find", retired, check=False).returncode == 1  # a decoy is found by nobody
    scene.server.change("".join(f"dn: uid={uid},{OUTSIDE}\nchangetype: delete\n\n" for uid in ("guess", "guessed")))
    assert counts(sync(scene)) == (5, 0, 0, 1, 2)
    assert decoy in listed(scene) and retired not in listed(scene)
    smtp = scene.client(ALICE, PASSWORD)
    smtp.mail(ALICE)
    assert smtp.rcpt(retired)[0] == 550  # and is watched as before
    wait_for("the alarm", lambda: "decoy-hit" in scene.alarms.read_text())


def test_many_come_in_pages_and_none_go_by_a_mistake(scene):
    many = "".join(partner(f"p{i}", f"p{i}@many.test").replace("objectClass", "changetype: add\nobjectClass", 1) for i in range(MANY))
    scene.server.change(many)
    there, added, _, _, _ = counts(sync(scene))
    assert (there, added) == (5 + MANY, MANY)
    before = set(listed(scene))
    set_section(scene, f"contact-base = {BASE}", f"contact-base = {PEOPLE}")  # somebody writes the wrong base
    failed = sync(scene, check=False)
    gone = MANY + 1
    assert failed.returncode == 75 and f"{gone} of " in failed.stderr and f"--drop {gone}" in failed.stderr, failed
    assert set(listed(scene)) == before
    assert wait_for("the alarm", lambda: "directory-closes" in scene.alarms.read_text())
    assert sync(scene, "--drop", str(gone - 1), check=False).returncode == 75
    assert counts(sync(scene, "--drop", str(gone)))[3] == gone
    assert len(listed(scene)) == len(before) - gone
    # Without the setting nothing comes and nothing goes, but by order.
    set_section(scene, "address-book = yes", "address-book = no")
    sync(scene)
    assert "anna.first@example.test" in listed(scene)
    wanted = int(re.search(r"--drop (\d+)", scene.company.postern("directory", "test", "office", check=False).stderr)[1])
    sync(scene, "--drop", str(wanted))
    assert {"hand@partner.test", "mine@partner.test", "paula@partner.test"} <= set(listed(scene))
    assert "anna.first@example.test" not in listed(scene) and "bob@example.test" not in listed(scene)


def test_a_restart_keeps_whose_they_are(scene):
    set_section(scene, "address-book = no", "address-book = yes")
    sync(scene)
    scene.company.stop()
    scene.company.start()
    scene.server.modify("bob", "replace: cn", "cn: Robert Example")
    assert counts(sync(scene))[1:4] == (0, 1, 0)
    assert "Robert Example" in listed(scene)["bob@example.test"]
