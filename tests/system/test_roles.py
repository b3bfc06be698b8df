"""Who may do what at the command line, and what is recorded of it."""
import os
import re
import subprocess

import pytest

from company import BUILD, wait_for
from scene import ALICE, PASSWORD, Scene

AUDITOR, OFFICER, ADMIN = "auditor@example.test", "officer@example.test", "admin@example.test"
BOB = "bob@example.test"
STRANGER = 61396


class Person:
    """A user of the machine who is not root, in the group that may use the sockets."""

    def __init__(self, company, directory):
        self.company = company
        self.passes = directory / "passes"
        self.passes.mkdir(mode=0o700)
        os.chown(self.passes, STRANGER, STRANGER)
        company.config.chmod(0o644)

    def postern(self, *arguments, **options):
        for name in ("keeper", "reader"):
            sock = self.company.data / "run" / f"{name}.sock"
            os.chown(sock, 0, STRANGER)
            sock.chmod(0o660)
        return subprocess.run(
            [str(BUILD / "postern"), "-c", str(self.company.config), *map(str, arguments)],
            capture_output=True, text=True, check=False, user=STRANGER, group=STRANGER,
            extra_groups=[], env={**os.environ, "POSTERN_SIGN_INS": str(self.passes)}, **options)

    def login(self, account, password=None):
        password = password or self.company.passwords.get(account, PASSWORD)
        return self.postern("login", account, "--password-stdin", input=password + "\n")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    directory = tmp_path_factory.mktemp("roles")
    os.chmod(directory, 0o755)
    scene = Scene(directory, auth_failure_delay="0s")
    for account, role in ((ADMIN, "administrator"), (BOB, "employee")):
        done = scene.company.postern("user", "add", account, "--role", role, "--password-stdin",
                                     "--reason", "hired", input=PASSWORD + "\n")
        if role != "employee":
            assert "is changed" in scene.company.second(done).stdout
    yield scene
    scene.close()


@pytest.fixture
def person(scene, tmp_path):
    os.chmod(tmp_path, 0o755)
    for parent in list(tmp_path.parents)[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    return Person(scene.company, tmp_path)


def test_who_is_not_signed_in_may_do_nothing(person):
    assert person.postern("status").returncode == 0
    for verb in (["user", "list"], ["queue", "list"], ["queue", "pause"], ["checkpoint"],
                 ["user", "set", ALICE, "--disable"], ["search", "-r", "curious", "x"],
                 ["show", "-r", "curious", "0" * 16], ["export", "-r", "x", "-o", "-", "0" * 16],
                 ["ledger", "verify"]):
        done = person.postern(*verb)
        assert done.returncode == 77 and "postern login ACCOUNT" in done.stderr, verb


def test_signing_in_and_out(scene, person):
    done = person.login(AUDITOR, "wrong password")
    assert done.returncode == 77 and "wrong" in done.stderr
    done = person.login("nobody@example.test")
    assert done.returncode == 77 and "wrong" in done.stderr
    done = person.login(AUDITOR)
    assert done.returncode == 0 and f"signed in as {AUDITOR} (auditor) until" in done.stdout
    file, = person.passes.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert person.postern("user", "list").returncode == 0
    done = person.postern("queue", "pause")
    assert done.returncode == 77 and "officer or administrator" in done.stderr
    assert person.login(ADMIN).returncode == 0
    assert person.postern("queue", "pause", "--reason", "a try").returncode == 0
    assert person.postern("queue", "resume").returncode == 0
    assert person.postern("--as", AUDITOR, "queue", "pause").returncode == 77
    assert person.postern("--as", ALICE, "user", "list").returncode == 77
    kept = file.read_bytes()
    assert person.postern("logout").returncode == 0
    assert person.postern("queue", "resume").returncode == 77  # the auditor again
    file.write_bytes(kept)  # a copy of the pass is worth nothing any more
    done = person.postern("queue", "resume")
    assert done.returncode == 77 and f"sign-in of {ADMIN} is over" in done.stderr
    file.chmod(0o644)  # who else has read it?
    assert person.postern("user", "list").returncode == 77


def test_root_acts_as_root_although_somebody_is_signed_in(scene, person, tmp_path):
    env = {**os.environ, "POSTERN_SIGN_INS": str(tmp_path / "root")}
    company = scene.company
    company.postern("login", company.officer, "--password-stdin", input=company.passwords[company.officer] + "\n",
                    env=env)
    change = ("user", "set", BOB, "--role", "administrator", "--reason", "as root")
    assert re.search(r"^request \w+ waits", company.postern("--as", "root", *change, env=env), re.M)
    asked = company.postern("approvals", env=env)
    assert "as root" in asked and company.officer not in asked.split("as root")[0].splitlines()[-1]
    request = re.search(r"^(\w+) .*as root", asked, re.M)[1]
    company.postern("refuse", request, "--reason", "a try", env=env)
    assert person.login(ADMIN).returncode == 0
    done = person.postern("--as", "root", "queue", "pause")
    assert done.returncode == 77 and "root is not signed in" in done.stderr


def test_what_an_account_loses_it_loses_at_once(scene, person):
    assert person.login(ADMIN).returncode == 0
    assert person.postern("queue", "list").returncode == 0
    scene.company.postern("user", "set", ADMIN, "--role", "employee")
    assert person.postern("queue", "list").returncode == 77
    assert person.login(ADMIN).returncode == 0
    assert person.postern("queue", "list").returncode == 77
    scene.company.both("user", "set", ADMIN, "--role", "administrator", "--reason", "again")
    assert person.login(ADMIN).returncode == 0
    scene.company.postern("user", "set", ADMIN, "--disable")
    assert person.postern("queue", "list").returncode == 77
    assert person.login(ADMIN).returncode == 77
    scene.company.both("user", "set", ADMIN, "--enable", "--reason", "back")


def test_the_officer_says_who_reads(scene, person):
    company = scene.company
    before = company.log.read_text().count("role-override")
    for change in (["--role", "employee"], ["--disable"]):
        done = company.postern("user", "set", AUDITOR, *change, check=False)
        assert done.returncode == 77 and "--reason" in done.stderr, change
    assert company.log.read_text().count("role-override") == before
    said = company.both("user", "set", ALICE, "--role", "auditor", "--reason", "elected")
    assert "is changed" in said
    assert person.login(OFFICER).returncode == 0
    assert person.postern("user", "set", ALICE, "--role", "employee").returncode == 0
    assert company.log.read_text().count("role-override") == before
    company.postern("user", "set", AUDITOR, "--name", "Audit", "--reason", "the officer is ill")
    assert company.log.read_text().count("role-override") > before


@pytest.fixture(scope="module")
def letter(scene):
    """One of Alice's, delivered and indexed."""
    found, _ = scene.send("glockenspiel")
    wait_for("it to be delivered", lambda: "delivered (250" in scene.company.show(found))
    wait_for("it to be found", lambda: found in scene.company.postern(
        "search", "glockenspiel", check=False).stdout)
    return found


def test_an_auditor_gives_a_reason(scene, person, letter):
    assert person.login(AUDITOR).returncode == 0
    for verb in (["search", "glockenspiel"], ["show", letter], ["export", "-o", "-", letter]):
        done = person.postern(*verb)
        assert done.returncode == 77 and "--reason" in done.stderr, verb
        done = person.postern(*verb, "--reason", "case 2026-17")
        assert done.returncode == 0 and "glockenspiel" in done.stdout, verb
    assert person.postern("ledger", "verify").returncode == 0


def test_people_read_their_own_letters_alone(scene, person, letter, tmp_path):
    assert person.login(ALICE).returncode == 0
    assert letter in person.postern("search", "glockenspiel").stdout
    assert "delivered (250" in person.postern("show", letter).stdout
    assert "glockenspiel" in person.postern("export", "-o", "-", letter).stdout
    for account in (BOB, ADMIN, OFFICER):
        assert person.login(account).returncode == 0
        for query in ("glockenspiel", "from:alice", "x OR from:alice@example.test"):
            done = person.postern("search", "-r", "curious", query)
            assert done.returncode == 1 and letter not in done.stdout, (account, query)
        for verb in ("show", "export"):
            done = person.postern(verb, letter, *(["-o", "-"] if verb == "export" else []))
            assert done.returncode == 65 and "no letter with this id" in done.stderr
    done = subprocess.run([str(BUILD / "postern"), "-c", str(scene.company.config), "search", "-r",
                           "I am root", "glockenspiel"], capture_output=True, text=True, check=False,
                          env={**os.environ, "POSTERN_SIGN_INS": str(tmp_path / "nobody")})
    assert done.returncode == 77 and "postern login ACCOUNT" in done.stderr


def test_acts_say_who_did_what_and_why(scene, person, letter):
    assert person.login(BOB).returncode == 0
    assert person.postern("acts").returncode == 77
    assert person.postern("show", letter).returncode == 65
    assert person.login(AUDITOR).returncode == 0
    assert person.postern("show", letter, "--reason", "case 2026-18").returncode == 0
    scene.company.both("user", "set", BOB, "--role", "administrator", "--reason", "promoted")
    scene.company.postern("user", "set", BOB, "--role", "employee")
    assert person.login(OFFICER).returncode == 0
    acts = person.postern("acts", "-n", "1000").stdout
    for pattern in (rf"{AUDITOR} \(uid {STRANGER}\) +auditor +show +{letter} +case 2026-18",
                    rf"{BOB} \(uid {STRANGER}\) +employee +REFUSED acts ",
                    rf"{BOB} \(uid {STRANGER}\) +employee +REFUSED show +{letter} ",
                    rf"{BOB} \(uid {STRANGER}\) +login",
                    rf"administrator +user set +{BOB}: role administrator, approved by {OFFICER} +"
                    "promoted",
                    rf"administrator +ask: account +{BOB}: role administrator \(request \w+\)",
                    rf"{OFFICER} .*officer +approved +request \w+ +a test"):
        assert re.search(pattern, acts), (pattern, acts)
    mine = person.postern("acts", "--by", BOB, "--refused").stdout.splitlines()[1:]
    assert len(mine) >= 2 and all(BOB in line and "REFUSED" in line for line in mine)
    assert len(person.postern("acts", "-n", "3").stdout.splitlines()) == 4


def test_the_log_names_nobody_here(scene):
    assert not re.search(r"[\w.]@[\w.]", scene.company.log.read_text())
