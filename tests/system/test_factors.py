"""App passwords: made by their holder at the desk, used by programs and devices within their limits, revoked at once.
Second factors: codes that are good once, recovery codes, and a main password that sends nothing any more."""
import base64
import hashlib
import hmac
import os
import re
import shutil
import smtplib
import subprocess
import time

import pytest

from company import DENIED, wait_for
from passkeys import Desk, SoftKey
from scene import ALICE, PASSWORD, Scene
from test_roles import Person
from test_running import in_moved_time, move_clock
from test_scram import gsasl as scram

DAY = 24 * 3600
AGAIN = ["--password-stdin"]  # an open desk is not enough
SALES = "sales@example.test"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("factors")
    os.chmod(directory, 0o755)
    scene = Scene(directory, auth_failure_delay="0s", auth_failures="1000")
    company = scene.company
    company.postern("user", "set", ALICE, "--address", SALES)
    scene.moved = in_moved_time(directory) if os.geteuid() == 0 else None
    scene.shift = directory / "shift"
    if scene.moved:
        company.stop()
        company.start(scene.moved)
    yield scene
    scene.close()


@pytest.fixture
def person(scene, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    for folder in [tmp_path, *list(tmp_path.parents)[:3]]:
        folder.chmod(folder.stat().st_mode | 0o011)
    return Person(scene.company, tmp_path)


def desk(scene, *arguments, account=ALICE, check=True, **options):
    """Run `postern` as the person who holds this account."""
    env = {**os.environ, "POSTERN_SIGN_INS": str(scene.company.directory / f"desk-{account}")}
    return scene.company.postern(*arguments, check=check, env=env, **options)


def login(scene, account=ALICE, password=PASSWORD, check=True):
    return desk(scene, "login", account, "--password-stdin", account=account, input=password + "\n", check=check)


def add(scene, name, *options, account=ALICE):
    if account == ALICE:
        login(scene)
    password = desk(scene, "app-password", "add", name, *options, *AGAIN, account=account, input=PASSWORD + "\n").strip()
    assert re.fullmatch(r"([a-z]{4}-){6}[a-z]{4}", password)
    return password


def letter(sender=ALICE, subject="by an app password"):
    return f"From: {sender}\r\nTo: paula@partner.test\r\nSubject: {subject}\r\n\r\nKind regards\r\n".encode()


def submit(smtp, sender=ALICE, to="paula@partner.test", subject="by an app password"):
    """The reply to the end of the letter, or to what was refused before."""
    for code, text in (smtp.mail(sender), smtp.rcpt(to)):
        if code != 250:
            return code, text
    return smtp.data(letter(sender, subject))


def refused(scene, password, user=ALICE):
    with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
        scene.client(user, password)
    return raised.value.smtp_code


def test_a_program_sends_with_one_and_the_ledger_says_which(scene):
    password = add(scene, "phone")
    with scene.client(password=password) as smtp:
        code, text = submit(smtp)
        assert code == 250, text
    typed = password.upper().replace("-", " ").replace("I", "1")
    with scene.client(password=typed) as smtp:  # as somebody types it
        code, text = submit(smtp)
    name = re.search(rb"\b[0-9a-z]{16}\b", text)[0].decode()
    listed = desk(scene, "app-password", "list")
    row, = [line for line in listed.splitlines() if line.startswith("phone")]
    key = row.split()[1]
    assert f"phone ({key})" in scene.company.show(name) and "127.0.0.1" in row
    acts = scene.company.postern("acts")
    assert re.search(rf"app-password add.*{ALICE}", acts) and "phone" in acts
    assert password not in acts + listed and password not in scene.company.log.read_text()
    wrong = password[:-1] + ("a" if password[-1] != "a" else "b")
    assert refused(scene, wrong) == 535
    assert refused(scene, password, SALES) == 535  # nobody else's
    done = login(scene, password=password, check=False)
    assert done.returncode == 77 and "wrong" in done.stderr  # it opens no desk


def test_revoked_while_connected_the_next_letter_is_refused(scene):
    password = add(scene, "laptop")
    with scene.client(password=password) as smtp, scene.client() as other:
        assert submit(smtp)[0] == 250
        desk(scene, "app-password", "revoke", "laptop")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            code, text = submit(smtp)
            assert code == 421 and b"has ended" in text, (code, text)
            smtp.noop()
        assert submit(other)[0] == 250  # the main password's session goes on
    assert refused(scene, password) == 535
    assert desk(scene, "app-password", "revoke", "laptop", check=False).returncode == 65
    assert "app-password revoke" in scene.company.postern("acts")


def test_a_device_sends_as_one_address_to_listed_domains(scene):
    password = add(scene, "scanner", "--address", SALES, "--to-domain", "Partner.Test")
    with scene.client(password=password) as smtp:
        assert submit(smtp, SALES)[0] == 250
        code, text = submit(smtp, ALICE)
        assert code == 550, text
        smtp.rset()
        code, text = submit(smtp, SALES, "somebody@elsewhere.test")
        assert code == 550 and b"domains that it names" in text
        smtp.rset()
        code, text = submit(smtp, SALES, "somebody@sub.partner.test")
        assert code == 550, text
        smtp.rset()
        assert smtp.mail(SALES)[0] == 250 and smtp.rcpt("paula@partner.test")[0] == 250
        assert smtp.rcpt("somebody@elsewhere.test")[0] == 250
        assert smtp.data(letter(SALES))[0] == 550  # one of them is enough
    done = desk(scene, "app-password", "add", "other", "--address", "boss@example.test", *AGAIN,
                input=PASSWORD + "\n", check=False)
    assert done.returncode == 65 and "may not send as" in done.stderr


def test_networks_and_scopes_are_kept_to(scene):
    assert refused(scene, add(scene, "office", "--network", "192.0.2.0/24", "--network", "2001:db8::/32")) == 535
    assert refused(scene, add(scene, "reader", "--scope", "read")) == 535
    with scene.client(password=add(scene, "here", "--network", "127.0.0.0/8")) as smtp:
        assert submit(smtp)[0] == 250
    for options in (["--network", "192.0.2.0/33"], ["--to-domain", "a b"], ["--scope", "all"], ["--expires", "1999-01-01"],
                    ["--expires", "soon"]):
        assert desk(scene, "app-password", "add", "bad", *options, *AGAIN, input=PASSWORD + "\n",
                    check=False).returncode == 65, options
    done = desk(scene, "app-password", "add", "office", *AGAIN, input=PASSWORD + "\n", check=False)
    assert done.returncode == 65 and "revoke" in done.stderr  # the name is taken


def test_one_is_made_narrower_at_once_and_wider_with_a_proof(scene):
    password = add(scene, "meter")
    with scene.client(password=password) as smtp:
        assert submit(smtp)[0] == 250
        desk(scene, "app-password", "set", "meter", "--name", "gauge", "--network", "192.0.2.0/24", "--letters-per-day", "5")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            assert submit(smtp)[0] == 421
            smtp.noop()
    assert refused(scene, password) == 535
    row, = [line for line in desk(scene, "app-password", "list").splitlines() if line.startswith("gauge")]
    assert "192.0.2.0/24" in row and "letters-per-day 5" in row
    wider = ("app-password", "set", "gauge", "--network", "anywhere")
    done = desk(scene, *wider, check=False)
    assert done.returncode != 0 and "more than before" in done.stderr and refused(scene, password) == 535
    done = desk(scene, *wider, *AGAIN, input="not the right one\n", check=False)
    assert done.returncode == 77 and refused(scene, password) == 535
    # Who runs the system makes it narrower, not wider.
    company = scene.company
    done = company.postern("app-password", "set", "gauge", "--account", ALICE, "--letters-per-day", "6", "--reason", "test", check=False)
    assert done.returncode == DENIED and "holder alone" in done.stderr
    company.postern("app-password", "set", "gauge", "--account", ALICE, "--letters-per-day", "4", "--reason", "test")
    desk(scene, *wider, *AGAIN, input=PASSWORD + "\n")
    with scene.client(password=password) as smtp:
        assert submit(smtp)[0] == 250
    assert desk(scene, "app-password", "set", "gauge", check=False).returncode == 65
    company.sign_in()
    assert re.search(r"app-password set .*gauge .*, was meter ", company.postern("acts"))


def test_an_open_desk_makes_none_without_the_password(scene):
    login(scene)
    done = desk(scene, "app-password", "add", "stolen", *AGAIN, input="not the right one\n", check=False)
    assert done.returncode == 77 and "wrong" in done.stderr
    done = desk(scene, "totp", "on", *AGAIN, input="not the right one\n", check=False)
    assert done.returncode == 77 and "wrong" in done.stderr and "otpauth" not in done.stdout
    done = desk(scene, "app-password", "add", "stolen", check=False)
    assert done.returncode == 65 and "proof anew" in done.stderr
    assert "stolen" not in desk(scene, "app-password", "list", check=False).stdout


def test_one_that_expires_ends_and_takes_its_session_along(scene):
    if not scene.moved:
        pytest.skip("needs root, mounts and no sanitizer: the clock is moved by a library in /etc")
    password = add(scene, "visitor", "--expires", "3d")
    with scene.client(password=password) as smtp:
        assert submit(smtp)[0] == 250
    move_clock(scene.shift, 3 * DAY + 60)
    assert refused(scene, password) == 535
    move_clock(scene.shift, 0)
    with scene.client(password=password) as smtp:
        assert submit(smtp)[0] == 250


def test_others_are_for_who_runs_the_system(scene, person):
    add(scene, "stolen")
    scene.company.add_user("bert@example.test", PASSWORD)
    assert person.login("bert@example.test").returncode == 0
    for arguments in (["list", ALICE], ["revoke", "stolen", "--account", ALICE]):
        done = person.postern("app-password", *arguments)
        assert done.returncode == 77 and "officer or administrator" in done.stderr
    assert person.postern("app-password", "add", "mine", *AGAIN, input=PASSWORD + "\n").returncode == 0
    assert "mine" in person.postern("app-password", "list").stdout
    done = desk(scene, "app-password", "add", "x", *AGAIN, input=PASSWORD + "\n", account="nobody", check=False)  # root of the machine is no account
    assert done.returncode == 77 and "postern login ACCOUNT" in done.stderr
    assert "stolen" in desk(scene, "app-password", "list", ALICE, account="nobody")
    desk(scene, "app-password", "revoke", "stolen", "--account", ALICE, "--reason", "lost", account="nobody")
    assert "stolen" not in desk(scene, "app-password", "list", ALICE, account="nobody")


def test_foreign_clients_send_with_one(scene):
    password = add(scene, "tools")
    swaks = shutil.which("swaks")
    curl = shutil.which("curl")
    if not swaks and not curl:
        pytest.skip("needs swaks or curl")
    company = scene.company
    path = company.directory / "letter.eml"
    path.write_bytes(letter(subject="by curl"))
    if curl:
        done = subprocess.run(
            [curl, "-sS", "--url", f"smtps://{company.hostname}:{company.submissions}", "--resolve",
             f"{company.hostname}:{company.submissions}:127.0.0.1", "--cacert", company.authority.certificate,
             "--user", f"{ALICE}:{password}", "--login-options", "AUTH=PLAIN", "--mail-from", ALICE, "--mail-rcpt", "paula@partner.test", "-T", path],
            capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    if swaks:
        done = subprocess.run(
            [swaks, "--server", "127.0.0.1", "--port", str(company.submission), "--tls", "--auth", "LOGIN",
             "--auth-user", ALICE, "--auth-password", password, "--from", ALICE, "--to", "paula@partner.test",
             "--header", "Subject: by swaks"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    wanted = {name for name, there in (("by curl", curl), ("by swaks", swaks)) if there}
    wait_for("the letters", lambda: all(any(name in p.read_text(errors="replace") for p in scene.company.directory.parent.glob("partner/*"))
                                        for name in wanted))


class Phone:
    """An authenticator app, as RFC 6238 has it."""

    def __init__(self, secret, scene):
        self.key = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self.scene = scene
        self.shift = 0

    def code(self, steps=0):
        counter = int(time.time() + self.shift) // 30 + steps
        mac = hmac.new(self.key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
        at = mac[-1] & 15
        return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7fffffff) % 10 ** 6:06}"

    def wait(self):
        """A minute later."""
        self.shift += 60
        move_clock(self.scene.shift, self.shift)


def enrol(scene, account):
    """Set up a second factor; the app, and recovery codes."""
    assert login(scene, account).startswith("signed in")
    uri, secret = desk(scene, "totp", "on", *AGAIN, account=account, input=PASSWORD + "\n").splitlines()
    assert uri == f"otpauth://totp/Postern:{account}?secret={secret}&issuer=Postern"
    phone = Phone(secret, scene)
    wrong = f"{(int(phone.code()) + 1) % 10 ** 6:06}"
    assert desk(scene, "totp", "on", "--code", wrong, account=account, check=False).returncode == 77
    with scene.client(account, PASSWORD):  # it counts for nothing yet
        pass
    codes = desk(scene, "totp", "on", "--code", phone.code(), account=account).split()
    assert len(codes) == len(set(codes)) == 10 and all(re.fullmatch("([a-z]{4}-){3}[a-z]{4}", c) for c in codes)
    return phone, codes


def code_login(scene, account, code, password=PASSWORD):
    return desk(scene, "login", account, "--password-stdin", "--code", code, account=account, input=password + "\n",
                check=False).returncode


@pytest.fixture
def clock(scene):
    if not scene.moved:
        pytest.skip("needs root, mounts and no sanitizer: the clock is moved by a library in /etc")
    move_clock(scene.shift, 0)
    yield
    move_clock(scene.shift, 0)


def test_codes_are_good_once_and_the_main_password_sends_nothing(scene, clock):
    carl = "carl@example.test"
    scene.company.add_user(carl, PASSWORD)
    with scene.client(carl, PASSWORD) as before:
        phone, codes = enrol(scene, carl)
        assert before.mail(carl)[0] == 250 and before.rcpt("paula@partner.test")[0] == 250
        assert before.data(letter(carl))[0] == 421  # what the main password opened is ended
    with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
        scene.client(carl, PASSWORD)
    assert b"app-password add" in raised.value.smtp_error
    done = login(scene, carl, check=False)
    assert done.returncode == 65 and "code is wanted" in done.stderr
    assert code_login(scene, carl, phone.code()) == 77  # it set the app up
    phone.wait()
    code = phone.code()
    assert code_login(scene, carl, code, "wrong password") == 77
    assert code_login(scene, carl, code) == 0
    assert code_login(scene, carl, code) == 77 and code_login(scene, carl, phone.code(-1)) == 77
    assert code_login(scene, carl, phone.code(1)) == 0  # a clock that is half a minute off
    with scene.client(carl, add(scene, "phone", account=carl)) as smtp:
        assert submit(smtp, carl)[0] == 250
    assert code_login(scene, carl, codes[3].upper().replace("-", " ")) == 0
    assert code_login(scene, carl, codes[3]) == 77
    acts = scene.company.postern("acts")
    assert "totp on" in acts and "wrong code" in acts
    assert re.search(rf"^{carl} .* yes$", scene.company.postern("user", "list"), re.M)
    secrets = [*codes, phone.code(), PASSWORD]
    assert not any(secret in scene.company.log.read_text() for secret in secrets)


def test_what_was_used_stays_used_after_a_restart(scene, clock):
    dora = "dora@example.test"
    scene.company.add_user(dora, PASSWORD)
    phone, codes = enrol(scene, dora)
    phone.wait()
    code = phone.code()
    assert code_login(scene, dora, code) == 0 and code_login(scene, dora, codes[0]) == 0
    scene.company.kill()
    scene.company.start(scene.moved)
    assert code_login(scene, dora, code) == 77 and code_login(scene, dora, codes[0]) == 77
    assert code_login(scene, dora, phone.code(1)) == 0
    phone.wait()
    again = desk(scene, "totp", "codes", "--code", phone.code(), account=dora).split()
    assert code_login(scene, dora, codes[1]) == 77 and code_login(scene, dora, again[1]) == 0
    assert desk(scene, "totp", "off", "--code", "000000", account=dora, check=False).returncode == 77
    assert desk(scene, "totp", "off", "--code", codes[2], account=dora, check=False).returncode == 77
    desk(scene, "totp", "off", "--code", again[2], account=dora)
    assert code_login(scene, dora, "") == 0
    with scene.client(dora, PASSWORD) as smtp:
        assert submit(smtp, dora)[0] == 250


def test_another_ones_is_taken_off_with_a_reason_and_of_an_office_by_two(scene, clock):
    company = scene.company
    emil, clerk = "emil@example.test", "clerk@example.test"
    company.add_user(emil, PASSWORD)
    enrol(scene, emil)
    done = desk(scene, "totp", "off", "--account", emil, account="nobody", check=False)
    assert done.returncode == 65 and "--reason" in done.stderr
    desk(scene, "totp", "off", "--account", emil, "--reason", "lost the phone", account="nobody")
    assert code_login(scene, emil, "") == 0
    company.second(company.postern("user", "add", clerk, "--role", "administrator", "--password-stdin", "--reason", "hired", input=PASSWORD + "\n"))
    phone, _ = enrol(scene, clerk)
    asked = desk(scene, "totp", "off", "--account", clerk, "--reason", "lost the phone", account="nobody")
    assert code_login(scene, clerk, "") == 65  # still on
    assert "without a second factor" in company.second(asked).stdout
    assert code_login(scene, clerk, "") == 0
    assert re.search(r"totp off.*approved by", company.postern("acts"))


def test_beside_it_a_shorter_password_does_and_is_never_alone(scene, clock):
    """NIST SP 800-63B-4: 8 characters beside a second factor, 15 without."""
    company, short = scene.company, "Wq7#mZ2x!b"
    gerd = "gerd@example.test"

    def change(password):
        return company.postern("user", "set", gerd, "--password-stdin", input=password + "\n", check=False)

    company.add_user(gerd, PASSWORD)
    assert "10 characters of the 15" in change(short).stderr
    enrol(scene, gerd)
    assert change(short).returncode == 0
    off = ("totp", "off", "--account", gerd, "--reason", "lost the phone")
    done = desk(scene, *off, account="nobody", check=False)
    assert done.returncode == 65 and "have a longer one set first" in done.stderr
    assert change(PASSWORD).returncode == 0
    desk(scene, *off, account="nobody")
    assert code_login(scene, gerd, "") == 0


def test_codes_are_not_to_be_guessed(scene, clock):
    fay = "fay@example.test"
    scene.company.add_user(fay, PASSWORD)
    phone, _ = enrol(scene, fay)
    phone.wait()
    for n in range(3):
        assert code_login(scene, fay, f"{(int(phone.code()) + 7 + n) % 10 ** 6:06}") == 77
    tried = [line for line in scene.company.postern("acts", "--refused").splitlines() if fay in line and "wrong code" in line]
    assert len(tried) == 4  # with the one while it was set up


def test_scram_by_the_main_password_is_refused_too(scene, clock):
    if not shutil.which("gsasl"):
        pytest.skip("needs gsasl")
    gwen = "gwen@example.test"
    scene.company.add_user(gwen, PASSWORD)
    with scene.client(gwen, PASSWORD):  # keys are there from now on at the latest
        pass
    assert scram(scene.company, "SCRAM-SHA-256", "--no-cb", user=gwen, password=PASSWORD)[0]
    enrol(scene, gwen)
    signed_in, said = scram(scene.company, "SCRAM-SHA-256", "--no-cb", user=gwen, password=PASSWORD)
    assert not signed_in and "535" in said, said
    assert "an app password is needed" in scene.company.log.read_text()


def test_a_rotation_of_the_master_key_renews_what_is_sealed(scene, clock):
    company = scene.company
    hugo = "hugo@example.test"
    company.add_user(hugo, PASSWORD)
    assert login(scene, hugo).startswith("signed in")
    password = add(scene, "phone", account=hugo)
    phone, codes = enrol(scene, hugo)
    assert code_login(scene, hugo, codes[8]) == 0
    passkey = Desk(company, SoftKey(), hugo)
    assert passkey.add("key").returncode == 0
    company.postern("key", "rotate", "--recovery-key-stdin", input=(company.directory / "recovery.key").read_text())
    company.stop()
    company.start(scene.moved)
    wait_for("the old key to be needed no more", lambda: re.search(
        r"^1 .*nothing$", company.postern("key", "list"), re.M), 60)
    company.postern("key", "retire", "1")
    company.stop()
    company.start(scene.moved)
    phone.wait()
    assert code_login(scene, hugo, phone.code()) == 0 and code_login(scene, hugo, codes[9]) == 0
    assert passkey.alone().returncode == 0
    with scene.client(hugo, password) as smtp:
        assert submit(smtp, hugo)[0] == 250
