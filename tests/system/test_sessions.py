"""Who is signed in is seen and ended from afar."""
import os
import re
import smtplib

import pytest

import mmdb
from company import wait_for
from passkeys import Desk, SoftKey
from scene import ALICE, PASSWORD, Client, Scene
from test_factors import add
from test_limits import notices
from test_roles import Person

BOB, BOBS = "bob@example.test", "lantern gravel otter mosaic"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sessions")
    os.chmod(directory, 0o755)
    database = directory / "places.mmdb"
    mmdb.write(database, {"127.0.0.0/24": mmdb.place("DE", 52.5, 13.4)})
    scene = Scene(directory, geo_database=database)
    scene.company.add_user(BOB, BOBS)
    yield scene
    scene.close()


def listed(scene, *arguments):
    """{id: the rest of its line}"""
    said = scene.company.postern("--as", "root", "session", "list", *arguments, check=False).stdout
    return dict(re.findall(r"^([a-r]{8}) +(.+)$", said, re.M))


def send(scene, smtp):
    return scene.send("a letter", smtp=smtp)


def test_a_session_is_seen_and_ended(scene):
    smtp, other = scene.client(), scene.client()
    bob = scene.client(BOB, BOBS)
    rows = listed(scene, ALICE)
    assert len(rows) == 2 and len(listed(scene, "--all")) >= 3
    assert all(re.match(rf"{ALICE} +(PLAIN|SCRAM-SHA-256|LOGIN)(, [\w.-]+)? +127.0.0.1 +2", row)
               for row in rows.values())
    send(scene, smtp)
    send(scene, other)
    (one, _) = rows
    said = scene.company.postern("--as", "root", "session", "end", one, "--account", ALICE,
                                 "--reason", "a stolen laptop")
    assert "signs in again" in said
    assert list(listed(scene, ALICE)) == [name for name in rows if name != one]
    refused = 0
    for each in (smtp, other):
        try:
            send(scene, each)
        except (AssertionError, smtplib.SMTPServerDisconnected):
            refused += 1
    assert refused == 1
    assert bob.noop()[0] == 250 and len(listed(scene, BOB)) == 1
    scene.company.postern("--as", "root", "session", "end", "--all", "--account", BOB,
                          "--reason", "he left")
    assert not listed(scene, BOB)
    scene.company.sign_in()
    assert re.search(rf"session end.*{ALICE}.*{one}", scene.company.postern("acts"))


def test_an_employee_sees_and_ends_his_own_alone(scene, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    for folder in [tmp_path, *list(tmp_path.parents)[:3]]:
        folder.chmod(folder.stat().st_mode | 0o011)
    alice = Person(scene.company, tmp_path)
    smtp = scene.client(BOB, BOBS)
    assert alice.login(ALICE, PASSWORD).returncode == 0
    said = alice.postern("session", "list").stdout
    assert ALICE in said and "postern login  uid" in said and BOB not in said
    for words in (("list", BOB), ("list", "--all"), ("end", "--all", "--account", BOB)):
        done = alice.postern("session", *words)
        assert done.returncode == 77 and "are for an officer" in done.stderr, done
    assert "an id of `postern session list`" in alice.postern("session", "end").stderr
    assert "has no session" in alice.postern("session", "end", "abcdefgh").stderr
    assert alice.postern("session", "end", "--all").returncode == 0
    assert alice.postern("session", "list").returncode == 77  # the desk is over too
    assert smtp.noop()[0] == 250 and len(listed(scene, BOB)) == 1


def test_past_sign_ins_are_listed(scene, tmp_path):
    """Of mail programs too, with what was refused: one's own, and others' for who may see acts."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    for folder in [tmp_path, *list(tmp_path.parents)[:3]]:
        folder.chmod(folder.stat().st_mode | 0o011)
    company = scene.company
    with Client(company.hostname, company.submissions, context=company.context(), local_hostname="tablet.example.test",
                timeout=30) as smtp:
        smtp.login(ALICE, PASSWORD)
    for who in (ALICE, "nobody.here@example.test"):
        with pytest.raises(smtplib.SMTPAuthenticationError):
            scene.client(who, "not the right one")
    with scene.client(BOB, BOBS):
        pass
    alice = Person(company, tmp_path)
    assert alice.login(ALICE, PASSWORD).returncode == 0
    said = alice.postern("session", "list", "--past")
    assert said.returncode == 0 and BOB not in said.stdout and "nobody" not in said.stdout, said
    rows = [re.split(r"  +", line) for line in said.stdout.splitlines()[1:]]
    assert all(row[1] == ALICE for row in rows)
    assert rows[0][2].startswith("postern login") and rows[0][-1] == "in"  # the newest first
    refused = [row for row in rows if row[-1].startswith("REFUSED: ")]
    assert refused and len(refused[0][-1]) > len("REFUSED: ") and "127.0.0.1" in refused[0]
    assert any(row[3:] == ["tablet.example.test", "127.0.0.1", "DE", "in"] for row in rows), rows
    assert len(alice.postern("session", "list", "--past", "--limit", "1").stdout.splitlines()) == 2
    for words in ((BOB,), ("--all",)):
        done = alice.postern("session", "list", "--past", *words)
        assert done.returncode == 77 and "are for an officer or auditor" in done.stderr, done
    assert "go with --past" in alice.postern("session", "list", "--days", "3").stderr
    company.sign_in()
    bobs = company.postern("session", "list", "--past", BOB, "--days", "1")
    assert BOB in bobs and ALICE not in bobs
    everybody = company.postern("session", "list", "--past", "--all", "--limit", "1000")
    assert ALICE in everybody and BOB in everybody and re.search("nobody's .*REFUSED", everybody)
    acts = company.postern("acts")
    assert re.search(rf"session list --past +{BOB}", acts) and re.search("session list --past +everybody", acts)
    assert re.search(rf"{ALICE}.*REFUSED session list --past +{BOB}", acts)


def test_who_is_suspended_leaves_no_door_open(scene, tmp_path):
    """Its sign-ins stay ended over a restart, nothing is added to it or read of its contacts meanwhile, and its release says what was added before."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    for folder in [tmp_path, *list(tmp_path.parents)[:3]]:
        folder.chmod(folder.stat().st_mode | 0o011)
    company = scene.company
    thief = Person(company, tmp_path)
    assert thief.login(BOB, BOBS).returncode == 0
    password = thief.postern("app-password", "add", "old phone", "--password-stdin", input=BOBS + "\n")
    assert password.returncode == 0, password
    assert thief.postern("contact", "list").returncode in (0, 1)
    company.postern("--as", "root", "account", "suspend", BOB, "--reason", "stolen")
    company.kill()
    company.start()
    over = thief.postern("session", "list")
    assert over.returncode == 77 and "is over" in over.stderr, over  # a restart lets nobody in again
    # He knows the password: he gets in, and nowhere from there.
    assert thief.login(BOB, BOBS).returncode == 0
    assert thief.postern("session", "list").returncode == 0
    for words in (("contact", "list"), ("contact", "find", "paula"), ("contact", "add", "x@partner.test", "--name", "X"),
                  ("app-password", "add", "mine", "--password-stdin"), ("totp", "on", "--password-stdin"),
                  ("passkey", "add", "mine", "--json", "--password-stdin"), ("delegate", "add", "--from", BOB, "--to", ALICE, "--reason", "x")):
        done = thief.postern(*words, input=BOBS + "\n")
        assert done.returncode == 77 and "is refused while your account is suspended" in done.stderr, (words, done)
    company.stop()
    company.start()
    assert thief.postern("session", "list").returncode == 0  # he signed in after it, and may see why
    said = company.postern("--as", "root", "account", "release", BOB, "--reason", "a new password is set")
    assert "whose are they?" in said and re.search(r"^  2\S+  app password old phone$", said, re.M), said
    assert "mine" not in said
    assert thief.postern("contact", "list").returncode in (0, 1)
    company.sign_in()
    assert re.search(rf"{BOB}.*REFUSED app-password add", company.postern("acts"))


def test_a_new_device_is_told_of_once(tmp_path):
    """What a machine calls itself, an app password and a passkey are devices: the first sign-in with one is told to the holder."""
    scene = Scene(tmp_path, limits=True)
    company = scene.company

    def sign_in(name, password=PASSWORD):
        smtp = Client(company.hostname, company.submissions, context=company.context(), local_hostname=name, timeout=30)
        smtp.login(ALICE, password)
        return smtp

    def told():
        return [text for _, text in notices(scene, "A sign-in with a new device")]

    try:
        company.postern("user", "set", ALICE, "--notify", "alice.home@partner.test")
        with sign_in("desk.example.test") as smtp:
            scene.send("the first", smtp=smtp)
        wait_for("the letter outside", lambda: scene.receiver.letters())
        for name in ("desk.example.test", "[192.0.2.7]", "laptop.example.test", "laptop.example.test", "desk.example.test"):
            with sign_in(name):
                rows = listed(scene, ALICE).values()
                assert any(f", {name} " in row for row in rows) or name.startswith("["), rows
        password = add(scene, "phone")
        for _ in range(2):
            with sign_in("phone.example.test", password):
                pass
        key = Desk(company, SoftKey(), ALICE)
        key.password()
        assert key.add("blue key").returncode == 0
        for _ in range(2):
            assert key.alone().returncode == 0
        assert "blue key" in key.postern("session", "list")
        wait_for("the notices", lambda: len(told()) >= 3)
        first, second, third = told()
        assert "laptop.example.test" in first and "its main password" in first and "had not been used" in first
        assert '"phone"' in second and '"blue key"' in third
        assert "account.new_device" in company.log.read_text()
    finally:
        scene.close()
