"""Devices that sign in by the key of a certificate (AUTH EXTERNAL), within their limits, until they are revoked."""
import base64
import os
import re
import smtplib
import ssl
import subprocess

import pytest

from company import CA, wait_for
from scene import ALICE, PASSWORD, Scene
from test_factors import AGAIN, desk, login, submit
from test_factors import add as add_app

SALES = "sales@example.test"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("devices")
    os.chmod(directory, 0o755)
    scene = Scene(directory, auth_failure_delay="0s", auth_failures="1000", device_sign_in="yes",
                  device_ca=directory / "company" / "ca" / "ca.pem")
    scene.company.postern("user", "set", ALICE, "--address", SALES)
    scene.company.add_user("bert@example.test", PASSWORD)
    yield scene
    scene.close()


def certificate(scene, name, authority=None, **options):
    options.setdefault("usage", "clientAuth")
    return (authority or scene.company.authority).issue(f"{name}.example.test", **options)


def connect(scene, files=None):
    context = scene.company.context()
    if files:
        context.load_cert_chain(*files)
    client = smtplib.SMTP_SSL("127.0.0.1", scene.company.submissions, context=context_for(scene, context),
                              local_hostname="copier.example.test", timeout=30)
    client.ehlo()
    return client


def context_for(scene, context):
    """The client looks for the server's own name, wherever it connects."""
    real = context.wrap_socket
    context.wrap_socket = lambda sock, **options: real(sock, **{**options, "server_hostname": scene.company.hostname})
    return context


def external(client, name=None):
    """The reply to AUTH EXTERNAL: with a name, or as whosever the certificate is."""
    word = base64.b64encode(name.encode()).decode() if name else "="
    return client.docmd("AUTH", f"EXTERNAL {word}")


def add(scene, name, files, *options, **how):
    login(scene)
    return desk(scene, "device", "add", name, "--certificate", str(files[0]), *options, *AGAIN, input=PASSWORD + "\n", **how)


def test_it_is_offered_to_who_shows_a_certificate(scene):
    with connect(scene) as client:
        assert "EXTERNAL" not in client.esmtp_features["auth"] and external(client)[0] == 504
    with connect(scene, certificate(scene, "stranger")) as client:
        assert "EXTERNAL" in client.esmtp_features["auth"].split()
        code, text = external(client)
        assert code == 535 and b"certificate" in text
        assert client.login(ALICE, PASSWORD)[0] == 235  # it is no reason to refuse the password


def test_a_device_sends_by_its_key_and_the_ledger_says_which(scene):
    files = certificate(scene, "copier")
    assert ALICE in add(scene, "copier", files, "--from", SALES, "--to-domain", "partner.test")
    everybody = scene.company.postern("device", "list", "--all")
    assert re.search(rf"^{ALICE} +copier ", everybody, re.M)
    with connect(scene, files) as client:
        assert external(client)[0] == 235
        code, text = submit(client, SALES)
        assert code == 250, text
        assert submit(client, ALICE)[0] == 550  # another address of the account
        client.rset()
        assert submit(client, SALES, "somebody@elsewhere.test")[0] == 550
    number = re.search(rb"\b[0-9a-z]{16}\b", text)[0].decode()
    shown = scene.company.show(number)
    assert "copier" in shown and "EXTERNAL" in shown
    listed = desk(scene, "device", "list")
    assert re.search(r"^copier .*sales@example\.test.*partner\.test.*127\.0\.0\.1", listed, re.M)
    assert "copier" not in desk(scene, "app-password", "list", check=False).stdout
    assert re.search(rf"device add.*{ALICE}", scene.company.postern("acts"))
    for name, code in ((ALICE, 235), (ALICE.upper(), 235), ("bert@example.test", 535), (SALES, 535)):
        with connect(scene, files) as client:
            assert external(client, name)[0] == code, name
    with connect(scene, files) as client:  # asked for its name
        assert client.docmd("AUTH", "EXTERNAL")[0] == 334 and client.docmd("")[0] == 235


def test_a_foreign_client_signs_in(scene, tmp_path):
    files = certificate(scene, "printer")
    add(scene, "printer", files)
    (tmp_path / "letter").write_bytes(
        f"From: {ALICE}\r\nTo: paula@partner.test\r\nSubject: printed\r\n\r\nwords\r\n".encode())
    subprocess.run(["curl", "-sS", f"smtps://{scene.company.hostname}:{scene.company.submissions}",
                    "--resolve", f"{scene.company.hostname}:{scene.company.submissions}:127.0.0.1",
                    "--cacert", scene.company.authority.certificate, "--cert", files[0], "--key", files[1],
                    "--user", f"{ALICE}:", "--login-options", "AUTH=EXTERNAL", "--mail-from", ALICE,
                    "--mail-rcpt", "paula@partner.test", "--upload-file", tmp_path / "letter"], check=True, timeout=30)
    wait_for("the letter", lambda: any(b"printed" in content for _, content in scene.receiver.letters()))


def test_revoked_while_connected_the_next_letter_is_refused(scene):
    files = certificate(scene, "scanner")
    add(scene, "scanner", files)
    with connect(scene, files) as client, scene.client() as other:
        assert external(client)[0] == 235 and submit(client)[0] == 250
        desk(scene, "device", "revoke", "scanner")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            assert submit(client)[0] == 421
            client.noop()
        assert submit(other)[0] == 250
    with connect(scene, files) as client:
        assert external(client)[0] == 535
    add(scene, "scanner", files)  # and back again
    with connect(scene, files) as client:
        assert external(client)[0] == 235


def test_issuer_time_and_usage_count(scene, tmp_path):
    stranger = CA(tmp_path / "ca")
    for name, files in (
            ("stranger-ca", certificate(scene, "foreign", stranger)),
            ("over", certificate(scene, "over", days=-1)),
            ("server", certificate(scene, "server", usage="serverAuth"))):
        add(scene, name, files)
        with connect(scene, files) as client:
            assert external(client)[0] == 535, name


def test_a_device_belongs_to_one_account_and_others_need_a_reason(scene):
    files = certificate(scene, "shared")
    add(scene, "shared", files)
    company = scene.company
    args = ("device", "add", "theirs", "--account", "bert@example.test")
    done = company.postern(*args, "--certificate", str(files[0]), "--reason", "moved", check=False)
    assert done.returncode and ALICE in done.stderr  # whose it is
    key = subprocess.run(f"openssl x509 -in {certificate(scene, 'own')[0]} -noout -pubkey | openssl pkey -pubin -outform DER"
                         " | sha256sum", shell=True, check=True, capture_output=True, text=True).stdout.split()[0]
    done = company.postern(*args, "--pin", key, check=False)
    assert done.returncode and "--reason" in done.stderr
    company.postern(*args, "--pin", key.upper(), "--reason", "a machine of his")
    own = company.authority.folder / "own.example.test.pem", company.authority.folder / "own.example.test.key"
    with connect(scene, own) as client:
        assert external(client)[0] == 235 and submit(client, "bert@example.test")[0] == 250
    company.postern("user", "set", "bert@example.test", "--disable")
    with connect(scene, own) as client:
        assert external(client)[0] == 535
    done = desk(scene, "device", "add", "x", "--pin", "00", check=False)
    assert done.returncode and "64 hexadecimal digits" in done.stderr


def test_a_certificate_is_shown_on_every_connection(scene):
    """Who showed one gets no ticket, and who resumes a session without one is offered nothing."""
    files = certificate(scene, "resumer")
    add(scene, "resumer", files)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = scene.company.context()
        context.minimum_version = context.maximum_version = version
        bare = context.wrap_socket
        sessions = []
        for shows in (False, True):
            if shows:
                context.load_cert_chain(*files)
            session = None
            for _ in range(2):
                context.wrap_socket = lambda sock, **options: bare(
                    sock, **{**options, "server_hostname": scene.company.hostname, "session": session})
                client = smtplib.SMTP_SSL("127.0.0.1", scene.company.submissions, context=context, timeout=30)
                client.ehlo()
                session = client.sock.session
                sessions.append((shows, client.sock.session_reused, "EXTERNAL" in client.esmtp_features["auth"]))
                if shows:
                    assert external(client)[0] == 235
                client.close()
        assert sessions == [(False, False, False), (False, True, False), (True, False, True), (True, False, True)]


def app_client(scene, password, source="127.0.0.1"):
    client = smtplib.SMTP_SSL("127.0.0.1", scene.company.submissions, context=context_for(scene, scene.company.context()),
                              source_address=(source, 0), timeout=30)
    client.login(ALICE, password)
    return client


def test_an_app_password_and_a_device_have_limits_of_their_own(scene):
    password = add_app(scene, "meter", "--letters-per-hour", "2", "--bytes-per-day", "1")
    files = certificate(scene, "gauge")
    add(scene, "gauge", files, "--recipients-per-day", "1")
    assert re.search(r"^meter .* letters-per-hour 2 bytes-per-day 1048576 ", desk(scene, "app-password", "list"), re.M)
    assert "recipients-per-day 1" in desk(scene, "device", "list")
    scene.company.sign_in()
    assert "letters-per-hour 2" in scene.company.postern("acts")

    def exhausted():
        with app_client(scene, password) as client:
            code, text = submit(client)
            assert code == 450 and b"this program or device may send 2 letters within an hour" in text, text
        with connect(scene, files) as client:
            assert external(client)[0] == 235
            code, text = submit(client)
            assert code == 452 and b"this program or device may send to 1 recipients outside" in text, text

    with app_client(scene, password) as client:
        assert [submit(client)[0] for _ in range(2)] == [250] * 2
    with connect(scene, files) as client:
        assert external(client)[0] == 235 and submit(client)[0] == 250
    exhausted()
    exhausted()
    with scene.client() as client:
        assert submit(client)[0] == 250  # the account itself has not reached anything
    said = scene.company.log.read_text()
    assert said.count("event=limits.reached") == 2  # once a window for each, and of nobody else
    scene.company.stop()
    scene.company.start()
    exhausted()


def test_an_app_password_used_from_elsewhere_is_a_sign(scene):
    password = add_app(scene, "traveller")
    sign = "an app password was used from"

    def signs():
        return scene.company.postern("account", "show", ALICE)

    with app_client(scene, password, "127.7.7.7") as client:
        assert submit(client)[0] == 250  # its first network is nothing to say
    assert sign not in signs()
    with app_client(scene, password, "127.7.7.8"):
        assert sign not in signs()
    with app_client(scene, password, "127.8.8.8"), app_client(scene, password, "127.8.8.9"):
        assert f"{sign} 1 networks where it had not been" in signs()
    with scene.client():  # and from where the account is used always
        assert f"{sign} 1 networks" in signs()
