"""Passkeys as a browser makes them and signs with them: a real Chromium with a virtual authenticator, on pages over https of
our host and of another one, and `postern --json` between it and the daemon."""
import os
import re
import smtplib
import subprocess

import pytest

from browser import Browser, key_hash, serve
from company import BUILD, CA
from scene import ALICE, PASSWORD, Scene

BOB = "bob@example.test"
HOST, OTHER = "mail.example.test", "other.mail.example.test"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    authority = CA(tmp_path_factory.mktemp("authority"))
    pairs = {host: authority.issue(host) for host in (HOST, OTHER)}
    servers = {host: serve(*pair) for host, pair in pairs.items()}
    browser = Browser({host: server.server_address[1] for host, server in servers.items()},
                      [key_hash(certificate) for certificate, _ in pairs.values()])
    yield browser
    browser.close()
    for server in servers.values():
        server.shutdown()


@pytest.fixture(scope="module")
def scene(browser, tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("passkeys"), auth_failure_delay="0s", auth_failures="1000")
    scene.company.add_user(BOB, PASSWORD)
    yield scene
    scene.close()


class Desk:
    """Whoever holds an account, before a browser."""

    def __init__(self, scene, browser, account):
        self.company, self.browser, self.account = scene.company, browser, account
        self.env = {**os.environ, "POSTERN_SIGN_INS": str(scene.company.directory / f"desk-{account}")}

    def postern(self, *arguments, **options):
        return self.company.postern(*arguments, env=self.env, **options)

    def ask(self, *arguments, answer, password=None):
        """Run a verb that asks a browser; `answer` gets what it is asked with and returns what it says."""
        process = subprocess.Popen(
            [str(BUILD / "postern"), "-c", str(self.company.config), *arguments, "--json"], env=self.env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if password:
            process.stdin.write(password + "\n")
            process.stdin.flush()
        options = process.stdout.readline()
        out, err = process.communicate(answer(options) + "\n" if options else None, timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, options + out, err)

    def password(self):
        return self.postern("login", self.account, "--password-stdin", input=PASSWORD + "\n")

    def add(self, name, password=PASSWORD, answer=None):
        return self.ask("passkey", "add", name, "--password-stdin", password=password,
                        answer=answer or self.browser.make)

    def alone(self, answer=None):
        return self.ask("login", self.account, "--passkey", answer=answer or self.browser.sign)

    def second(self, answer=None):
        return self.ask("login", self.account, "--password-stdin", password=PASSWORD,
                        answer=answer or self.browser.sign)


def recorded(scene):
    scene.company.sign_in()
    return scene.company.postern("acts")


@pytest.fixture
def alice(scene, browser):
    """Alice, with one passkey and nothing else; signed in by it."""
    desk = Desk(scene, browser, ALICE)
    browser.go(f"https://{HOST}/")
    browser.forget()
    for row in scene.company.postern("passkey", "list", ALICE, check=False).stdout.splitlines()[1:]:
        scene.company.postern("passkey", "remove", re.search(r"\b[a-z]{8}\b", row)[0], "--account", ALICE,
                              "--reason", "a test")
    desk.password()
    done = desk.add("laptop")
    assert done.returncode == 0, done.stderr
    done = desk.alone()
    assert done.returncode == 0 and "signed in as " + ALICE in done.stdout, done.stderr
    return desk


def test_a_passkey_signs_in_alone_and_after_the_password(scene, alice):
    listed = alice.postern("passkey", "list")
    assert re.search(r"laptop +[a-z]{8} .* yes", listed) and "never" not in listed
    assert "postern login --passkey" in alice.postern("session", "list")
    assert re.search(rf"{ALICE}.* passkey\b", scene.company.postern("user", "list"))
    with pytest.raises(smtplib.SMTPAuthenticationError):  # the main password sends nothing any more
        scene.client(ALICE, PASSWORD)
    done = alice.second()
    assert done.returncode == 0, done.stderr
    assert "postern login + passkey" in alice.postern("session", "list")
    done = scene.company.postern("login", ALICE, "--password-stdin", input=PASSWORD + "\n", check=False)
    assert done.returncode != 0  # the password alone opens nothing
    acts = recorded(scene)
    assert re.search(r"passkey add.*laptop", acts) and re.search(r"login.*passkey laptop", acts)
    scene.company.stop()
    scene.company.start()
    assert "postern login + passkey" in alice.postern("session", "list")  # a restart ends nothing


def test_an_open_desk_adds_none_without_a_proof(alice):
    done = alice.add("stolen", password="another one entirely")
    assert done.returncode == 77 and "wrong" in done.stderr
    done = alice.postern("passkey", "add", "stolen", "--json", check=False)
    assert done.returncode == 65 and "proof anew" in done.stderr
    assert "stolen" not in alice.postern("passkey", "list")


def test_a_page_of_another_host_is_refused(alice, browser):
    browser.go(f"https://{OTHER}/")  # the browser lets it: the host is within the site
    done = alice.alone()
    assert done.returncode == 77 and "wrong" in done.stderr
    browser.go(f"https://{HOST}/")
    assert alice.alone().returncode == 0


def test_what_was_signed_once_opens_nothing_again(alice, browser):
    said = []
    assert alice.alone(lambda options: said.append(browser.sign(options)) or said[0]).returncode == 0
    done = alice.alone(lambda _: said[0])
    assert done.returncode == 77 and "wrong" in done.stderr


def test_another_ones_passkey_opens_nothing(scene, alice, browser):
    bob = Desk(scene, browser, BOB)
    done = bob.alone()  # the authenticator finds Alice's
    assert done.returncode == 77 and "wrong" in done.stderr
    browser.forget()
    bob.password()
    made = bob.add("own")
    assert made.returncode == 0, made.stderr
    assert bob.alone().returncode == 0
    assert alice.alone().returncode == 77
    scene.company.postern("passkey", "remove", "own", "--account", BOB, "--reason", "a test")


def test_a_counter_that_goes_back_is_an_alarm(scene, alice, browser):
    old, = browser.keys()
    assert alice.alone().returncode == 0
    browser.put_back(old)  # a copy that was made before
    done = alice.alone()
    assert done.returncode == 77 and "wrong" in done.stderr
    assert "passkey-counter" in scene.company.log.read_text()


def test_removed_while_signed_in_the_desk_is_closed(scene, alice):
    assert ALICE in alice.postern("session", "list")
    done = scene.company.postern("passkey", "remove", "laptop", "--account", ALICE, check=False)
    assert done.returncode == 65 and "--reason" in done.stderr
    scene.company.postern("passkey", "remove", "laptop", "--account", ALICE, "--reason", "lost")
    done = alice.postern("--as", ALICE, "session", "list", check=False)
    assert done.returncode == 77 and "not signed in" in done.stderr
    assert alice.alone().returncode == 77
    assert re.search(r"passkey remove.*laptop.*lost", recorded(scene))
    with scene.client(ALICE, PASSWORD):  # as before there was one
        pass


def test_its_holder_removes_it_with_it(alice, browser):
    done = alice.ask("passkey", "remove", "laptop", answer=browser.sign)
    assert done.returncode == 0 and "removed laptop" in done.stdout, done.stderr
    assert alice.password()
