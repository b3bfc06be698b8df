"""Passkeys as a browser makes them and signs with them: a real Chromium with a virtual authenticator, on pages over https of
our host and of another one, and `postern --json` between it and the daemon; and a passkey in software for what no
browser does."""
import base64
import hmac
import re
import smtplib
import time

import pytest

from browser import Browser, key_hash, serve
from company import CA
from passkeys import Desk, SoftKey
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
def scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("passkeys"), auth_failure_delay="0s", auth_failures="1000")
    scene.company.add_user(BOB, PASSWORD)
    yield scene
    scene.close()


def recorded(scene):
    scene.company.sign_in()
    return scene.company.postern("acts")


@pytest.fixture
def alice(scene, browser):
    """Alice, with one passkey and nothing else; signed in by it."""
    desk = Desk(scene.company, browser, ALICE)
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
    assert done.returncode == 65 and "has a passkey" in done.stderr  # the password alone opens nothing
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
    bob = Desk(scene.company, browser, BOB)
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


# ── without a browser ──

def person(scene, account, **options):
    scene.company.add_user(account, PASSWORD)
    desk = Desk(scene.company, SoftKey(**options), account)
    desk.password()
    done = desk.add("key")
    assert done.returncode == 0, done.stderr
    return desk


def test_one_that_does_not_know_its_holder_is_a_second_factor_alone(scene):
    carl = person(scene, "carl@example.test", verifies=False)
    assert carl.alone().returncode == 77
    assert carl.second().returncode == 0
    assert re.search(r"key +[a-z]{8} .* -$", carl.postern("passkey", "list"), re.M)
    for origin in ("http://mail.example.test", "https://mail.example.test:8443", "https://evil.test"):
        carl.key.origin = origin
        assert carl.second().returncode == 77


def test_one_credential_is_one_accounts_and_an_account_has_twenty(scene):
    dora = person(scene, "dora@example.test")
    scene.company.add_user("emma@example.test", PASSWORD)
    emma = Desk(scene.company, SoftKey(credential=dora.key.credential), "emma@example.test")
    emma.password()
    done = emma.add("key")
    assert done.returncode == 65 and "an account's already" in done.stderr
    assert dora.alone().returncode == 0
    for n in range(2, 21):
        assert dora.add(f"key {n}", key=SoftKey()).returncode == 0
    done = dora.add("key 21", key=SoftKey())
    assert done.returncode != 0 and "at most 20" in done.stderr
    done = dora.add("KEY 2", key=SoftKey())
    assert done.returncode == 65 and "there is a passkey" in done.stderr


def test_the_last_factor_of_an_office_goes_with_a_second_person(scene):
    company, clerk = scene.company, "clerk@example.test"
    company.second(company.postern("user", "add", clerk, "--role", "administrator", "--password-stdin", "--reason",
                                   "hired", input=PASSWORD + "\n"))
    desk = Desk(company, SoftKey(), clerk)
    desk.password()
    assert desk.add("key").returncode == 0
    assert desk.alone().returncode == 0
    spare = SoftKey()
    assert desk.add("spare", key=spare).returncode == 0
    remove = ("--as", "root", "passkey", "remove", "--account", clerk, "--reason", "lost")
    assert "removed" in company.postern(*remove, "spare")  # not the last one
    asked = company.postern(*remove, "key")
    assert desk.alone().returncode == 0  # still good
    assert "without a second factor" in company.second(asked).stdout
    assert desk.alone().returncode == 77
    assert re.search(r"passkey remove.*approved by", recorded(scene))
    desk.password()


def code_of(secret):
    mac = hmac.digest(base64.b32decode(secret), (int(time.time()) // 30).to_bytes(8, "big"), "sha1")
    at = mac[-1] & 15
    return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7fffffff) % 10 ** 6:06}"


def test_who_lost_the_telephone_takes_the_app_off_with_a_passkey(scene):
    greg = person(scene, "greg@example.test")
    assert greg.alone().returncode == 0
    _, secret = greg.postern("totp", "on", "--password-stdin", input=PASSWORD + "\n").splitlines()
    greg.postern("totp", "on", "--code", code_of(secret))
    assert greg.alone().returncode == 0  # that ended the sign-in
    stranger = SoftKey(credential=greg.key.credential)
    assert greg.ask("totp", "off", "--passkey", answer=stranger.sign).returncode == 77
    done = greg.ask("totp", "off", "--passkey", answer=greg.key.sign)
    assert done.returncode == 0, done.stderr
    assert greg.alone().returncode == 0
    assert re.search(r"^greg.* passkey$", scene.company.postern("user", "list"), re.M)


def test_a_passkey_proves_anew_who_sits_there(scene):
    fred = person(scene, "fred@example.test")
    assert fred.alone().returncode == 0
    done = fred.ask("app-password", "add", "phone", "--passkey", answer=fred.key.sign)
    assert done.returncode == 0 and re.search(r"([a-z]{4}-){6}[a-z]{4}$", done.stdout), done.stderr
    stranger = SoftKey(credential=fred.key.credential)
    done = fred.ask("app-password", "add", "stolen", "--passkey", answer=stranger.sign)
    assert done.returncode == 77 and "wrong" in done.stderr
    done = fred.ask("passkey", "remove", "key", answer=stranger.sign)
    assert done.returncode == 77
    done = fred.ask("passkey", "remove", "key", answer=fred.key.sign)
    assert done.returncode == 0 and "removed key" in done.stdout
