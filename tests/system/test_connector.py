"""Letters that a provider hands on for our people: only from it, only as ours, archived and delivered like any."""
import datetime
import os
import pathlib
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import tempfile

import pytest

from company import CA, free_port, wait_for
from scene import ALICE, PASSWORD, Scene
from test_contacts import REAL, addresses
from test_roles import Person
from test_running import parse, scrape
from town import MASTER_CF

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
multi_instance_name = postfix-provider
multi_instance_enable = yes
myhostname = mail.protection.provider.test
inet_protocols = ipv4
mydestination =
alias_maps =
maillog_file_prefixes = {folder}
maillog_file = {folder}/mail.log
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_data_restrictions = check_client_access static:{{PREPEND X-OriginatorOrg: example.onmicrosoft.test}}
relayhost = [127.0.0.1]:{port}
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = {hostname}
smtp_tls_CAfile = {authority}
smtp_tls_chain_files = {key}, {certificate}
"""
MARK = "X-OriginatorOrg: example.onmicrosoft.test\r\n"
SECRET = "X-Passed-By: 5b1f0c2e-a-long-random-value\r\n"
TO = "paula@partner.test"
NAME = "mail.protection.provider.test"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("connector")
    os.chmod(directory, 0o755)
    port = free_port()
    scene = Scene(directory, listen_connector=f"127.0.0.1:{port}",
                  connector_trust_store=directory / "company" / "ca" / "ca.pem",
                  sections=f"\n[connector office]\ncertificate-name = {NAME}\ntenant-header = {MARK}"
                           f"\n[connector workspace]\nnetwork = 127.0.0.0/8\ntenant-header = {SECRET}"
                           .replace("\r", ""))
    scene.port = port
    yield scene
    scene.close()


def connect(scene, name=None, authority=None, tls=True):
    """As the provider's server does: STARTTLS, with its certificate where it has one."""
    client = smtplib.SMTP("127.0.0.1", scene.port, local_hostname="out.provider.test", timeout=30)
    client._host = scene.company.hostname  # the name that the certificate must show
    if tls:
        context = scene.company.context()
        if name:
            authority = authority or scene.company.authority
            files = authority.folder / f"{name}.pem", authority.folder / f"{name}.key"
            context.load_cert_chain(*(files if files[0].exists() else authority.issue(name)))
        client.starttls(context=context)
        client.ehlo()
    return client


def letter(n, mark=MARK, sender="anna@example.test", more=""):
    return (f"{mark}From: Anna <{sender}>\r\nTo: {TO}\r\nSubject: handed{n}\r\n{more}"
            f"Message-ID: <{n}@provider.test>\r\n\r\nwords of handed{n}\r\n").encode()


def give(scene, content, path="anna@example.test", to=TO, **who):
    """The last reply to a letter."""
    with connect(scene, **who) as client:
        code, text = client.mail(path)
        if code == 250:
            code, text = client.rcpt(to)
        return (code, text) if code != 250 else client.data(content)


def arrivals(scene, word):
    return [content for _, content in scene.receiver.letters() if word in content]


def letter_id(reply):
    assert reply[0] == 250, reply
    return re.search(rb"\b[0-9a-z]{16}\b", reply[1])[0].decode()


def test_a_letter_is_recorded_signed_and_delivered_as_the_providers_word(scene):
    content = letter(1)
    number = letter_id(give(scene, content, name=NAME))
    wait_for("delivery", lambda: "delivered (250" in scene.company.show(number))
    said = scene.company.show(number)
    assert "anna@example.test (asserted by office)" in said
    assert scene.company.postern("export", "-o", "-", number, text=False) == content
    (arrived,) = arrivals(scene, b"handed1")
    assert b"DKIM-Signature" not in arrived or b"d=example.test" in arrived
    assert b"X-OriginatorOrg" not in arrived and b" with ESMTPS id " in arrived
    wait_for("the index", lambda: number in scene.company.postern(
        "search", "from:anna@example.test", "handed1", check=False).stdout)
    # the same letter again, because the answer was lost
    assert letter_id(give(scene, content, name=NAME)) == number


@pytest.fixture()
def provider(scene):
    """A Postfix that our people send with and that hands everything on, as Microsoft's servers do; its port."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="provider-"))  # where its own user gets in
    folder.chmod(0o755)
    certificate, key = scene.company.authority.issue(NAME)
    for part in ("spool", "data", "etc"):
        (folder / part).mkdir()
    shutil.chown(folder / "data", "postfix", "postfix")
    (folder / "etc/main.cf").write_text(MAIN_CF.format(
        folder=folder, port=scene.port, certificate=certificate, key=key,
        hostname=scene.company.hostname, authority=scene.company.authority.certificate))
    port = free_port()
    (folder / "etc/master.cf").write_text(
        f"127.0.0.1:{port} inet n - n - - smtpd\nsmtp unix - - n - - smtp\n{MASTER_CF}")
    with (folder / "start.log").open("wb") as log:
        process = subprocess.Popen(["postfix", "-c", folder / "etc", "start-fg"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True)
    log = folder / "mail.log"
    wait_for("Postfix to start", lambda: log.exists() and "daemon started" in log.read_text())
    yield port, log
    subprocess.run(["postfix", "-c", folder / "etc", "stop"], capture_output=True, check=False)
    process.terminate()
    process.wait(20)
    shutil.rmtree(folder)


def test_a_real_server_hands_on(scene, provider):
    port, log = provider
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.sendmail("anna@example.test", [TO, "peter@partner.test"], letter(7, mark=""))
    taken = wait_for("the letter to be handed on", lambda: re.findall(
        r"status=sent \(250 2\.0\.0 Recorded as ([0-9a-z]{16})", log.read_text()))
    number = taken[0]
    wait_for("delivery", lambda: scene.company.show(number).count("delivered (250") == 2)
    assert "anna@example.test (asserted by office)" in scene.company.show(number)
    (arrived,) = arrivals(scene, b"handed7")
    assert b"X-OriginatorOrg" not in arrived and b"by " + NAME.encode() + b" (Postfix)" in arrived


def test_of_two_providers_the_mark_says_which(scene):
    number = letter_id(give(scene, letter(2, SECRET), path=""))
    assert "(asserted by workspace)" in scene.company.show(number)
    wait_for("delivery", lambda: "delivered (250" in scene.company.show(number))
    (arrived,) = arrivals(scene, b"handed2")
    assert b"5b1f0c2e" not in arrived


def test_who_has_an_account_is_known_by_it(scene):
    number = letter_id(give(scene, letter(3, sender="Alice@example.test"), path=ALICE, name=NAME))
    assert f"{ALICE} (asserted by office)" in scene.company.show(number)
    wait_for("delivery", lambda: "delivered (250" in scene.company.show(number))
    # and by an address with a tag, which is none of its own
    number = letter_id(give(scene, letter(8, sender="alice+shop@example.test"), path=ALICE, name=NAME))
    assert f"{ALICE} (asserted by office)" in scene.company.show(number)
    number = letter_id(give(scene, letter(9, sender="anna+a+b@example.test"), name=NAME))
    assert "anna@example.test (asserted by office)" in scene.company.show(number)
    scene.company.postern("user", "add", "gone@example.test", "--password-stdin",
                          input="pewter walrus knits quietly\n")
    scene.company.postern("user", "set", "--disable", "gone@example.test")
    for sender in ("gone@example.test", "gone+x@example.test"):
        code, text = give(scene, letter(4, sender=sender), name=NAME)
        assert code == 550 and b"closed" in text


def test_the_mark_is_no_employee_s_to_read(scene, tmp_path):
    """With it he could send as anybody from a tenant of his own."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    for folder in [tmp_path, *list(tmp_path.parents)[:3]]:
        folder.chmod(folder.stat().st_mode | 0o011)
    number = letter_id(give(scene, letter(10, SECRET, sender=ALICE), path=ALICE))
    wait_for("delivery", lambda: "delivered (250" in scene.company.show(number))
    alice = Person(scene.company, tmp_path)
    assert alice.login(ALICE, PASSWORD).returncode == 0
    said = alice.postern("export", "-o", "-", number, "--reason", "mine")
    assert said.returncode == 0 and "words of handed10" in said.stdout, said
    assert "5b1f0c2e" not in said.stdout + alice.postern("show", number, "--reason", "mine").stdout
    assert b"5b1f0c2e" in scene.company.postern("export", "-o", "-", number, text=False)


@pytest.mark.parametrize("content, path, says", [
    pytest.param(letter(5, "X-OriginatorOrg: other.onmicrosoft.test\r\n"), None, b"our company", id="another tenant"),
    pytest.param(letter(5, ""), None, b"our company", id="no mark"),
    pytest.param(letter(5, MARK + "X-OriginatorOrg: other.test\r\n"), None, b"our company", id="the mark twice"),
    pytest.param(letter(5, sender="anna@partner.test"), None, b"may not send as", id="From of another domain"),
    pytest.param(letter(5), "anna@partner.test", b"may not send as", id="another return address"),
    pytest.param(letter(5, more="Sender: ceo@partner.test\r\n"), None, b"may not send as", id="two senders"),
    pytest.param(letter(5, more="Received: by x; Tue, 24 Nov 2026 07:30:00 +0000\r\n" * 51), None, b"round in circles", id="in circles"),
])
def test_what_is_not_ours_is_refused(scene, content, path, says):
    code, text = give(scene, content, path=path or "anna@example.test", name=NAME)
    assert code == 550 and says in text, text


ANNA = "anna@example.test"


@pytest.fixture()
def watched(tmp_path):
    """The same provider, limits as they are by default, and decoys; Anna has no account."""
    os.chmod(tmp_path, 0o755)
    port = free_port()
    scene = Scene(tmp_path, limits=True, decoys_company="3", decoys_account="1",
                  listen_connector=f"127.0.0.1:{port}",
                  connector_trust_store=tmp_path / "company" / "ca" / "ca.pem",
                  sections=f"\n[connector office]\ncertificate-name = {NAME}\ntenant-header = {MARK}"
                           "[domain example.test]\nroute = @RECEIVER@\ntls-name = mx.partner.test\n".replace("\r", ""))
    scene.port = port
    yield scene
    scene.close()


def suspended(scene):
    """What three places say: the account's own words, the list of users, the count."""
    company = scene.company
    shown = company.postern("account", "show", ANNA)
    listed = [line.split() for line in company.postern("user", "list").splitlines() if line.startswith(ANNA)]
    assert listed in ([], [[ANNA, "no", "account", "suspended", "-", "-"]]), listed
    count = company.status()["accounts.suspended"]
    assert parse(scrape(company).partition("\r\n\r\n")[2])["postern_accounts_suspended"] == int(count)
    assert ("suspended: since" in shown, len(listed), count) in ((True, 1, "1"), (False, 0, "0"))
    return bool(listed)


def test_who_has_no_account_is_limited_suspended_shown_and_released(watched):
    scene, company = watched, watched.company

    def send(n, *to):
        with connect(scene, name=NAME) as client:
            client.mail(ANNA)
            replies = [client.rcpt(address) for address in to]
            return max(replies) if max(replies)[0] >= 400 else client.data(letter(n))
    assert "there is no account" in company.postern("account", "show", "x@other.test", check=False).stderr
    assert f"is an address of the account `{ALICE}`" in company.postern(
        "account", "suspend", "alice+x@example.test", "--reason", "x", check=False).stderr
    # 41 strangers are one too many; with limits of her own they are not.
    strangers = [f"stranger{i}@partner.test" for i in range(41)]
    assert send(20, *strangers[:20])[0] == send(21, *strangers[20:40])[0] == 250
    code, text = send(22, strangers[40])
    assert code == 452 and b"40 recipients" in text
    shown = company.postern("account", "show", ANNA.upper().replace("ANNA", "Anna"))
    assert "no account here; a provider hands its letters on" in shown
    assert ["first-time-per-hour", "40", "40"] in [line.split() for line in shown.splitlines()]
    day = (datetime.date.today() + datetime.timedelta(days=2)).isoformat()
    company.postern("account", "limits", ANNA, "--first-time-per-hour", "50", "--first-time-per-day", "90",
                    "--until", day, "--reason", "the fair")
    number = letter_id(send(22, strangers[40]))
    wait_for("delivery", lambda: "delivered (250" in company.show(number))
    # A letter to a decoy suspends her; what waits is held, and stays so when the server dies there.
    company.postern("queue", "pause", "--reason", "a test")
    waiting = letter_id(send(23, TO))
    for address, name in REAL:
        company.postern("--as", "root", "contact", "add", address, "--name", name, "--company")
    company.postern("decoys", "on", "--reason", "a test")
    wait_for("the decoys", lambda: "company's contacts   3" in company.postern("decoys", "status"))
    decoy = next(address for address in addresses(company.postern("contact", "list", "--company"))
                 if address not in dict(REAL))
    assert not suspended(scene)
    assert send(24, decoy)[0] >= 400
    assert suspended(scene)
    code, text = send(25, TO)
    assert code == 450 and b"suspended" in text
    company.kill()
    company.start()
    assert suspended(scene) and send(25, TO)[0] == 450
    assert "held" in company.show(waiting)
    # Another person lets her send again.
    company.postern("queue", "resume")
    said = company.postern("account", "release", ANNA, "--send-held", "--reason", "it was she")
    assert "sends again" in said
    assert not suspended(scene)
    wait_for("her own notice", lambda: [octets for octets in arrivals(scene, b"Subject: Your account sends no letters")
                                        if b"To: anna@example.test" in octets or b"To: <anna@" in octets])
    wait_for("delivery of what was held", lambda: "delivered (250" in company.show(waiting))
    assert send(26, TO)[0] == 250
    company.postern("account", "suspend", ANNA, "--reason", "a test")
    assert suspended(scene)
    company.stop()
    company.start()
    assert suspended(scene) and send(27, TO)[0] == 450


def test_it_is_no_open_relay(scene, tmp_path):
    """Whoever is not the provider gets nothing through, whatever the letter says."""
    company = scene.company
    delivered = len(scene.receiver.letters())
    company.set("log-addresses", "no")
    text = company.config.read_text()
    company.config.write_text(re.sub(r"network = 127.0.0.0/8", "network = 192.0.2.0/24", text))
    reloads = company.log.read_text().count("event=config.reloaded")
    os.kill(company.process.pid, signal.SIGHUP)
    wait_for("the reload", lambda: company.log.read_text().count("event=config.reloaded") > reloads)

    def refused(**who):
        return give(scene, letter(6), **who)[0] == 550
    wait_for("strangers to be refused", refused)                     # no certificate
    assert refused(name="mail.stranger.test")                        # another name
    assert refused(name=NAME, authority=CA(tmp_path / "ca"))         # of another authority
    assert give(scene, letter(6, SECRET))[0] == 550                  # the mark of a network that it is not in
    with connect(scene, tls=False) as client:                        # no TLS
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.mail("anna@example.test")[0] == 530
    with connect(scene) as client:                                   # signing in opens nothing here
        with pytest.raises(smtplib.SMTPException):
            client.login(ALICE, "correct horse battery")
        assert client.mail(ALICE)[0] == 550
    assert len(scene.receiver.letters()) == delivered
    # nor does the port of mail clients know a provider
    with smtplib.SMTP("127.0.0.1", company.submission, timeout=30) as client:
        client._host = company.hostname
        context = company.context()
        context.load_cert_chain(company.authority.folder / f"{NAME}.pem",
                                company.authority.folder / f"{NAME}.key")
        client.starttls(context=context)
        client.ehlo()
        assert client.mail("anna@example.test")[0] == 530
    company.config.write_text(text)


def test_old_tls_and_cleartext_get_nowhere(scene):
    context = scene.company.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")  # neither forward secrecy nor AEAD
    client = smtplib.SMTP("127.0.0.1", scene.port, timeout=30)
    client._host = scene.company.hostname
    with pytest.raises((ssl.SSLError, smtplib.SMTPException, OSError)):
        client.starttls(context=context)
