"""Signing in by SCRAM, with programs of others: gsasl(1) of GNU SASL, msmtp, and a client of ours for what
no honest program says.

Starts a company and ends it.
"""
import base64
import contextlib
import hashlib
import hmac
import os
import random
import re
import select
import shutil
import signal
import smtplib
import socket
import ssl
import statistics
import subprocess
import threading
import time

import pytest

from company import Company, wait_for

ADA = "ada@example.test"
BEA = "bea@example.test"
PASSWORD = "pewter walrus knits quietly"
ODD = "gru\u0308n \u00aa pass phrase, =2C"  # SASLprep: another text than it looks
BOB = "bob@partner.test"


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    made = Company(tmp_path_factory.mktemp("scram") / "company")
    made.create(settings={"auth-scram-iterations": "5000", "auth-failures": "10000",
                          "auth-failure-delay": "0s", "connections-per-address": "200"},
                sections="[domain partner.test]\nroute = 127.0.0.1:9\n")
    made.start()
    try:
        made.add_user(ADA, PASSWORD)
        made.add_user(BEA, ODD)
        yield made
    finally:
        made.stop()


def test_no_client_program_is_missing():
    assert shutil.which("gsasl") and shutil.which("msmtp")


def gsasl(company, mechanism, *more, user=ADA, password=PASSWORD, port=None):
    """Whether gsasl could sign in, over STARTTLS, and what it said."""
    done = subprocess.run(
        ["gsasl", "--smtp", f"--connect=127.0.0.1:{port or company.submission}", f"--mechanism={mechanism}",
         f"--authentication-id={user}", f"--password={password}",
         f"--hostname={company.hostname}",
         "--x509-ca-file=",  # it would want the certificate to name 127.0.0.1
         "--verbose", *more],
        input="", capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"})
    said = done.stdout + done.stderr
    return "235 2.7.0" in said, said


@pytest.mark.parametrize("user, password", [(ADA, PASSWORD), (ADA.upper(), PASSWORD), (BEA, ODD)])
def test_gsasl(company, user, password):
    signed_in, said = gsasl(company, "SCRAM-SHA-256", "--no-cb", user=user, password=password)
    assert signed_in, said


def test_gsasl_over_its_own_connection(company):
    """By tls-exporter, the one kind that both have."""
    signed_in, said = gsasl(company, "SCRAM-SHA-256-PLUS")
    assert signed_in and "AUTH SCRAM-SHA-256-PLUS" in said, said
    assert "p=tls-exporter,," in base64.b64decode(
        re.search(r"^(cD1[0-9A-Za-z+/=]+)$", said, re.M)[1]).decode()
    signed_in, said = gsasl(company, "SCRAM-SHA-256-PLUS", password="another pass phrase")
    assert not signed_in and "535 5.7.8" in said


def test_gsasl_with_an_app_password(company):
    """As it is shown, and without its dashes; not when it is revoked."""
    env = {**os.environ, "POSTERN_SIGN_INS": str(company.directory / "desk-ada")}
    company.postern("login", ADA, "--password-stdin", input=PASSWORD + "\n", env=env)
    password = company.postern("app-password", "add", "gsasl", "--password-stdin", input=PASSWORD + "\n", env=env).strip()
    for form in (password, password.replace("-", "")):
        signed_in, said = gsasl(company, "SCRAM-SHA-256-PLUS", password=form)
        assert signed_in, said
    company.postern("app-password", "revoke", "gsasl", env=env)
    signed_in, said = gsasl(company, "SCRAM-SHA-256-PLUS", password=password)
    assert not signed_in and "535 5.7.8" in said


class Between:
    """Somebody between client and server, who has a certificate of his own and passes on what both say."""

    def __init__(self, company):
        certificate, key = company.authority.issue("between.example.test")
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.load_cert_chain(certificate, key)
        self.client = company.context()
        self.client.check_hostname = False
        self.company, self.heard = company, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        near, _ = self.listener.accept()
        far = socket.create_connection(("127.0.0.1", self.company.submission))
        near.settimeout(10)
        far.settimeout(10)
        near.sendall(far.recv(1000))
        command = b""
        while not command.startswith(b"STARTTLS"):
            command = near.recv(1000)
            while not command.endswith(b"\n"):
                command += near.recv(1000)
            far.sendall(command)
            near.sendall(far.recv(4000))
        with self.server.wrap_socket(near, server_side=True) as near, \
                self.client.wrap_socket(far) as far, contextlib.suppress(OSError):
            while self.pass_on(near, far):
                pass

    def pass_on(self, near, far):
        """In one thread: a TLS connection is not to be read in one while another one writes on it."""
        for source in select.select([near, far], [], [], 10)[0]:
            source.setblocking(False)
            try:
                octets = source.recv(1 << 16)
            except ssl.SSLWantReadError:  # a ticket, say
                continue
            self.heard += octets if source is far else b""
            (near if source is far else far).sendall(octets)
            if not octets:
                return False
        return True

    def end(self):
        self.thread.join(30)
        self.listener.close()


@pytest.mark.parametrize("mechanism, more, through", [
    ("SCRAM-SHA-256", ["--no-cb"], True),  # nothing shows it to a client that looks at no certificate
    ("SCRAM-SHA-256-PLUS", [], False)])
def test_somebody_in_between(company, mechanism, more, through):
    between = Between(company)
    signed_in, said = gsasl(company, mechanism, *more, port=between.port)
    between.end()
    assert signed_in == through, said
    assert (b"535 5.7.8" in between.heard) != through


def test_gsasl_with_a_wrong_password(company):
    signed_in, said = gsasl(company, "SCRAM-SHA-256", "--no-cb", password="another pass phrase")
    assert not signed_in and "535 5.7.8" in said


def msmtp(company, folder, method, password=PASSWORD):
    config = folder / "msmtprc"
    config.write_text(
        f"account default\nhost 127.0.0.1\nport {company.submissions}\nfrom {ADA}\n"
        f"auth {method}\nuser {ADA}\npassword {password}\ntls on\ntls_starttls off\n"
        f"tls_trust_file {company.authority.certificate}\ntls_host_override {company.hostname}\n")
    config.chmod(0o600)
    return subprocess.run(
        ["msmtp", "-C", config, "--debug", BOB], capture_output=True, text=True, timeout=60,
        input=f"From: {ADA}\nTo: {BOB}\nSubject: by msmtp\n\nHello\n", check=False)


@pytest.mark.parametrize("method", ["scram-sha-256", "on"])
def test_msmtp(company, tmp_path, method):
    done = msmtp(company, tmp_path, method)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "AUTH SCRAM-SHA-256" in done.stdout and "235 2.7.0" in done.stdout
    done = msmtp(company, tmp_path, method, "another pass phrase")
    assert done.returncode != 0 and "235 2.7.0" not in done.stdout


# ---- a client of ours, from RFC 5802 -------------------------------------------------------------

def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


class Client:
    """One connection over TLS, said EHLO to."""

    def __init__(self, company):
        self.smtp = smtplib.SMTP_SSL("127.0.0.1", company.submissions,
                                     context=self.context(company), timeout=30)
        self.smtp.ehlo("laptop")

    @staticmethod
    def context(company):
        context = company.context()
        context.check_hostname = False
        return context

    def say(self, text):
        code, reply = self.smtp.docmd(text)
        return code, base64.b64decode(reply) if code == 334 else reply

    def begin(self, user=ADA, header="n,,", mechanism="SCRAM-SHA-256"):
        self.header, self.nonce = header, base64.b64encode(os.urandom(12)).decode()
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"
        first = base64.b64encode((header + self.bare).encode()).decode()
        code, self.server = self.say(f"AUTH {mechanism} {first}")
        if code == 334:
            self.server = self.server.decode()
            self.nonce, salt, count = re.fullmatch(r"r=(.+),s=(.+),i=(\d+)", self.server).groups()
            self.salt, self.count = base64.b64decode(salt), int(count)
        return code

    def proof(self, password=PASSWORD, binding=b"", **other):
        nonce = other.get("nonce", self.nonce)
        bound = base64.b64encode(other.get("header", self.header).encode() + binding).decode()
        bare = f"c={bound},r={nonce}"
        said = f"{other.get('bare', self.bare)},{self.server},{bare}".encode()
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), self.salt, self.count)
        key = mac(salted, b"Client Key")
        signature = mac(hashlib.sha256(key).digest(), said)
        self.expected = b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), said))
        shown = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
        return base64.b64encode(f"{bare},p={shown}".encode()).decode()

    def sign_in(self, password=PASSWORD, **other):
        code, reply = self.say(self.proof(password, **other))
        if code != 334:
            return code
        assert reply == self.expected
        return self.smtp.docmd("")[0]


@pytest.fixture
def client(company):
    made = Client(company)
    yield made
    made.smtp.close()


def test_a_letter_after_scram(company, client):
    assert client.begin() == 334 and client.count == 5000
    assert client.sign_in() == 235
    assert client.smtp.sendmail(ADA, [BOB], f"From: {ADA}\r\nSubject: x\r\n\r\nHello\r\n") == {}


def test_what_is_told_is_told_of_anybody(company):
    told = {}
    for user in [ADA, "nobody@example.test", ADA, "nobody@example.test"]:
        made = Client(company)
        assert made.begin(user) == 334
        told.setdefault(user, set()).add((made.salt, made.count, len(made.server)))
        assert made.sign_in("another pass phrase") == 535
        made.smtp.close()
    assert [len(each) for each in told.values()] == [1, 1]
    assert {each[1:] for one in told.values() for each in one} == {(5000, len(made.server))}


@pytest.mark.parametrize("other", [{"nonce": "x"}, {"header": "y,,"}, {"binding": b"\1"},
                                   {"bare": f"n={BEA},r=x"}])
def test_proofs_that_are_none(client, other):
    assert client.begin() == 334
    assert client.sign_in(**other) == 535


def end_point(client):
    """tls-server-end-point (RFC 5929) of the certificate that the server showed; it is signed with SHA-256."""
    return hashlib.sha256(client.smtp.sock.getpeercert(binary_form=True)).digest()


PLUS = {"header": "p=tls-server-end-point,,", "mechanism": "SCRAM-SHA-256-PLUS"}


def test_bound_to_the_certificate(client):
    assert client.begin(**PLUS) == 334
    assert client.sign_in(binding=end_point(client)) == 235


def test_bound_to_another_certificate(client):
    assert client.begin(**PLUS) == 334
    assert client.sign_in(binding=hashlib.sha256(end_point(client)).digest()) == 535
    assert client.begin(**PLUS) == 334
    assert client.sign_in() == 535


def test_a_client_that_was_told_of_no_binding(client):
    """`y`: it could, and did not see PLUS offered. Somebody took it out of what the server said."""
    assert client.begin(header="y,,") == 535


def test_a_new_certificate(company, client):
    """Who came while the old one was shown is still known by it."""
    before = end_point(client)
    company.authority.issue(company.hostname)  # the files that the settings name
    company.process.send_signal(signal.SIGHUP)
    wait_for("the certificate", lambda: " event=certificate.loaded" in company.log.read_text())
    other = Client(company)
    assert end_point(other) != before
    for each in (client, other):
        assert each.begin(**PLUS) == 334
        assert each.sign_in(binding=end_point(each)) == 235
    other.smtp.close()


def test_a_proof_counts_once(client):
    assert client.begin() == 334
    proof = client.proof()
    assert client.say(proof)[0] == 334
    assert client.say("*")[0] == 501  # as a client does that our signature did not convince
    assert client.smtp.docmd("MAIL", f"FROM:<{ADA}>")[0] == 530
    assert client.begin() == 334
    assert client.say(proof)[0] == 535


def test_closed_in_between(company, client):
    company.add_user("carl@example.test", PASSWORD)
    assert client.begin("carl@example.test") == 334
    company.postern("user", "set", "--disable", "carl@example.test")
    assert client.sign_in() == 535


# ---- time ----------------------------------------------------------------------------------------

TRIES = 2000  # an arm
WELCH = 4.5


def welch(a, b):
    """Welch's t of two samples."""
    spread = (statistics.variance(a) / len(a) + statistics.variance(b) / len(b)) ** 0.5
    return (statistics.mean(a) - statistics.mean(b)) / spread


def without_slowest(a, b):
    """Both without what is slower than nine tenths of all: there the machine speaks and not the program."""
    most = sorted(a + b)[len(a + b) * 9 // 10]
    return [x for x in a if x <= most], [x for x in b if x <= most]


class Guesser:
    """Guesses passwords, on a new connection after every third, and takes the time of each answer."""

    def __init__(self, company):
        self.company, self.client, self.left = company, None, 0

    def ready(self):
        if self.left == 0:
            if self.client:
                self.client.smtp.close()
            self.client, self.left = Client(self.company), 3
        self.left -= 1
        return self.client

    def timed(self, client, text, code):
        began = time.perf_counter()
        got = client.smtp.docmd(text)[0]
        took = time.perf_counter() - began
        assert got == code
        return took

    def plain(self, user):
        said = base64.b64encode(f"\0{user}\0another pass phrase".encode()).decode()
        return [self.timed(self.ready(), f"AUTH PLAIN {said}", 535)]

    def scram(self, user):
        client = self.ready()
        nonce = base64.b64encode(os.urandom(12)).decode()
        first = base64.b64encode(f"n,,n={user},r={nonce}".encode()).decode()
        began = time.perf_counter()
        code, reply = client.smtp.docmd(f"AUTH SCRAM-SHA-256 {first}")
        took = time.perf_counter() - began
        assert code == 334
        whole = base64.b64decode(reply).decode().split(",")[0]
        proof = base64.b64encode(os.urandom(32)).decode()
        last = base64.b64encode(f"c=biws,{whole},p={proof}".encode()).decode()
        return [took, self.timed(client, last, 535)]


@pytest.mark.long
@pytest.mark.parametrize("mechanism", ["plain", "scram"])
def test_who_is_unknown_is_refused_in_the_same_time(company, mechanism):
    guess = getattr(Guesser(company), mechanism)
    arms = {ADA: [], "nob@example.test": []}
    for _ in range(TRIES):
        for user in random.sample(list(arms), 2):
            arms[user].append(guess(user))
    for known, unknown in zip(*(zip(*arm) for arm in arms.values())):
        print(mechanism, statistics.median(known), statistics.median(unknown),
              welch(known, unknown), welch(*without_slowest(known, unknown)))
        assert abs(welch(known, unknown)) < WELCH
        assert abs(welch(*without_slowest(known, unknown))) < WELCH


def test_off(company):
    company.set("auth-scram", "no")
    before = company.log.read_text().count(" event=config.reloaded")
    company.process.send_signal(signal.SIGHUP)
    wait_for("the configuration to be read", lambda:
             company.log.read_text().count(" event=config.reloaded") > before)
    with socket.create_connection(("127.0.0.1", company.submissions), 10) as plain, \
            Client.context(company).wrap_socket(plain) as tls:
        tls.recv(1000)
        tls.sendall(b"EHLO laptop\r\nAUTH SCRAM-SHA-256 =\r\n")
        said = b""
        while b"\r\n504 " not in said:
            more = tls.recv(1000)
            assert more, said
            said += more
        assert b"AUTH PLAIN LOGIN" in said and b"SCRAM" not in said
