"""Who leaves: with the account ends all that it signed in with, what it might send as, what it let others send as, and its
sessions, at once and recorded; opened again it has none of it."""
import os
import re
import smtplib

import pytest

from passkeys import Desk, SoftKey
from scene import ALICE, PASSWORD, Scene
from test_delegation import delegate, letter, try_to
from test_devices import certificate, connect, external
from test_factors import AGAIN, desk, login, submit

LEO, BOB = "leo@example.test", "bob@example.test"
CLEO, DAN, INFO = "cleo@example.test", "dan@example.test", "info@example.test"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("leavers")
    os.chmod(directory, 0o755)
    scene = Scene(directory, auth_failure_delay="0s", auth_failures="1000", device_sign_in="yes",
                  device_ca=directory / "company" / "ca" / "ca.pem")
    scene.company.add_user(LEO, PASSWORD)
    scene.company.add_user(BOB, PASSWORD)
    yield scene
    scene.close()


def ended(client, sender=LEO):
    """Whether the open session of a client sends nothing any more."""
    try:
        code = submit(client, sender)[0]
    except smtplib.SMTPServerDisconnected:
        return True
    return code in (421, 535)


def refuses(scene, account, password):
    with pytest.raises(smtplib.SMTPAuthenticationError):
        scene.client(account, password)


class At:
    """A desk as delegate() of test_delegation.py wants one."""

    def __init__(self, scene, account):
        self.scene, self.account = scene, account

    def postern(self, *arguments, **options):
        return desk(self.scene, *arguments, account=self.account, check=False, **options)


def equip(scene):
    """All that an account can have, with the second factor last: from then on the password sends nothing."""
    login(scene, LEO)
    password = desk(scene, "app-password", "add", "phone", *AGAIN, account=LEO, input=PASSWORD + "\n").strip()
    files = certificate(scene, "copier")
    desk(scene, "device", "add", "copier", "--certificate", str(files[0]), *AGAIN, account=LEO, input=PASSWORD + "\n")
    assert "may send as" in delegate(At(scene, LEO), "add", LEO, ALICE, *AGAIN).stdout
    login(scene, BOB)
    assert "may send as" in delegate(At(scene, BOB), "add", BOB, LEO, *AGAIN).stdout
    key = Desk(scene.company, SoftKey(), LEO)
    done = key.add("blue key")
    assert done.returncode == 0, done.stderr
    assert key.second().returncode == 0
    return password, files, key


def test_with_the_account_ends_all_that_it_had(scene):
    password, files, key = equip(scene)
    phone, copier, alice = scene.client(LEO, password), connect(scene, files), scene.client()
    assert external(copier)[0] == 235 and submit(copier, LEO)[0] == 250
    assert submit(phone, LEO)[0] == 250
    assert try_to(phone, letter(BOB), LEO)[0] == 250 and try_to(alice, letter(LEO))[0] == 250
    assert "blue key" in key.postern("passkey", "list")
    scene.company.postern("user", "set", LEO, "--disable", "--reason", "retired")
    # each of them is connected still
    assert ended(phone) and ended(copier)
    assert try_to(alice, letter(LEO))[0] == 550
    alice.rset()
    assert try_to(alice, letter(ALICE))[0] == 250
    done = key.postern("--as", LEO, "passkey", "list", check=False)
    assert done.returncode == 77 and "not signed in" in done.stderr
    refuses(scene, LEO, password)
    refuses(scene, LEO, PASSWORD)
    with connect(scene, files) as client:
        assert external(client)[0] == 535
    assert key.alone().returncode == 77
    scene.company.sign_in()
    acts = re.sub(" +", " ", scene.company.postern("acts"))
    for what in (f"app-password revoke {LEO}", f"device revoke {LEO}", f"passkey remove {LEO}",
                 f"delegate remove {LEO} to {ALICE}", f"delegate remove {BOB} to {LEO}"):
        assert re.search(rf"{what}.*", acts), (what, acts)
    assert acts.count("retired") >= 6 and "the second factor beside it is gone" in acts
    assert LEO not in scene.company.postern("delegate", "list", check=False).stdout


def test_opened_again_it_has_none_of_it(scene):
    scene.company.postern("user", "set", LEO, "--enable", "--reason", "back")
    for verb in ("app-password", "device", "passkey"):
        said = scene.company.postern(verb, "list", "--account" if verb != "passkey" else LEO,
                                     *([LEO] if verb != "passkey" else []), check=False)
        assert "phone" not in said.stdout and "copier" not in said.stdout and "blue key" not in said.stdout
    refuses(scene, LEO, PASSWORD)  # it had a second factor beside it
    scene.company.postern("user", "set", LEO, "--password-stdin", "--reason", "back", input="velvet hinge marmalade goose\n")
    with scene.client(LEO, "velvet hinge marmalade goose") as client:
        assert submit(client, LEO)[0] == 250
        assert try_to(client, letter(BOB), LEO)[0] == 550


def test_a_password_without_a_second_factor_waits(scene):
    """Nothing that it protected has become weaker: it is refused while the account is closed, and good again afterwards."""
    with scene.client(BOB, PASSWORD) as client:
        scene.company.postern("user", "set", BOB, "--disable", "--reason", "a long journey")
        assert ended(client, BOB)
    refuses(scene, BOB, PASSWORD)
    scene.company.postern("user", "set", BOB, "--enable", "--reason", "back")
    with scene.client(BOB, PASSWORD) as client:
        assert submit(client, BOB)[0] == 250


def test_the_last_who_has_an_address_takes_it_along(scene):
    """Who is closed already does not keep it, and nobody is let send as it while they all are."""
    company = scene.company
    grant = ("delegate", "add", "--from", INFO, "--to", ALICE, "--reason", "a test")

    def close(account):
        company.postern("user", "set", account, "--disable", "--reason", "retired")

    def given():
        return f" {INFO} " in company.postern("delegate", "list", check=False).stdout

    for account in (CLEO, DAN):
        company.add_user(account, PASSWORD)
    company.postern("user", "set", CLEO, "--address", INFO, "--reason", "both answer it")
    company.both("user", "set", DAN, "--address", INFO, "--reason", "both answer it")
    company.both(*grant)
    close(CLEO)
    assert given()
    close(DAN)
    assert not given()
    done = company.postern(*grant, check=False)
    assert done.returncode and "is a closed account's" in done.stderr, done
    company.postern("user", "set", DAN, "--enable", "--reason", "back")
    assert not given()
    company.both(*grant)
    assert given()
