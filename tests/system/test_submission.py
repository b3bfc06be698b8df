"""Submission by real mail programs and by hostile ones, over both ports of a live posternd.

Needs swaks, msmtp, curl, s-nail and openssl; starts a company with its outside world and ends it.
"""
import base64
import contextlib
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time

import pytest

from company import ROOT, Company, wait_for

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

ADA = "ada@example.test"
PASSWORD = "pewter walrus knits quietly"
BOB = "bob@partner.test"
PORTS = ["submissions", "submission"]
SIZE = 1 << 20


def plain(user=ADA, password=PASSWORD, authorize=""):
    return base64.b64encode(f"{authorize}\0{user}\0{password}".encode())


class World:
    """A company whose letters to partner.test arrive at a receiver of ours."""

    def __init__(self, folder, **settings):
        self.company = Company(folder / "company")
        certificate, key = self.company.authority.issue("mx.partner.test")
        self.receiver = Receiver(folder / "received", certificate=certificate, key=key).start()
        self.company.create(
            settings={"size-limit": "1MiB", "recipients-limit": "100", "line-limit": "2KiB",
                      "header-limit": "128KiB", "header-field-limit": "64KiB",
                      "dns-timeout": "1s", **settings},
            sections=f"[domain partner.test]\nroute = 127.0.0.1:{self.receiver.port}\n"
                     "tls-name = mx.partner.test\n")
        self.company.start()
        self.company.add_user(ADA, PASSWORD)

    def end(self):
        self.company.stop()
        self.receiver.stop()

    def arrived(self, mark):
        """The letter that holds the mark, as it came, once it has come."""
        mark = mark.encode()
        return wait_for(f"the letter {mark}", lambda: next(
            (octets for octets in self.letters() if mark in octets), None))

    def letters(self):
        return [octets for _, octets in self.receiver.letters()]


def make_world(tmp_path_factory, **settings):
    made = World(tmp_path_factory.mktemp("submission"), **settings)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    yield from make_world(tmp_path_factory, **{"connections-per-address": "200"})


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """Impatient, and quick to block."""
    yield from make_world(tmp_path_factory, **{
        "auth-failures": "3", "auth-failure-delay": "300ms", "auth-block": "3s",
        "command-timeout": "2s", "data-timeout": "2s", "login-timeout": "4s",
        "connections-per-address": "5"})


@pytest.fixture
def quick(tmp_path_factory):
    """Blocks as others do, but lets nobody wait for it."""
    yield from make_world(tmp_path_factory, **{"auth-failure-delay": "10ms"})


class Client:
    """One connection, octet by octet."""

    def __init__(self, company, port, secure=True, source="127.0.0.1"):
        self.company = company
        self.sock = socket.create_connection(("127.0.0.1", getattr(company, port)), 20, source_address=(source, 0))
        self.sock.settimeout(20)
        self.buffer = b""
        if port == "submissions":
            self.wrap()
            self.expect(220)
        else:
            self.expect(220)
            if secure:
                self.ask("EHLO laptop", 250)
                self.ask("STARTTLS", 220)
                self.wrap()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def wrap(self):
        assert self.buffer == b""
        self.sock = self.company.context().wrap_socket(self.sock,
                                                       server_hostname=self.company.hostname)

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        """(code, text) of the next reply; (0, "") at the end of the connection."""
        lines = []
        while True:
            while b"\r\n" not in self.buffer:
                try:
                    more = self.sock.recv(65536)
                except (ConnectionError, ssl.SSLError):
                    more = b""
                if not more:
                    return 0, ""
                self.buffer += more
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            lines.append(line.decode())
            if line[3:4] != b"-":
                return int(line[:3]), "\n".join(lines)

    def expect(self, code, words=""):
        got, text = self.reply()
        assert got == code and words in text, f"wanted {code} {words}, got {got}: {text}"
        return text

    def ask(self, line, code, words=""):
        self.send(line if isinstance(line, bytes) else line + "\r\n")
        return self.expect(code, words)

    def expect_end(self):
        got, text = self.reply()
        assert got == 0, f"wanted the end, got {text}"

    def sign_in(self, **who):
        self.ask("EHLO laptop", 250)
        self.ask(b"AUTH PLAIN " + plain(**who) + b"\r\n", 235)
        return self

    def to_data(self, recipient=BOB):
        self.ask(f"MAIL FROM:<{ADA}>", 250)
        self.ask(f"RCPT TO:<{recipient}>", 250)
        self.ask("DATA", 354)

    def letter(self, mark, code=250, words=""):
        self.to_data()
        return self.ask(letter(mark) + b".\r\n", code, words)


def letter(mark, more_header="", body="Hello.\r\n"):
    return (f"From: Ada <{ADA}>\r\nTo: {BOB}\r\nSubject: {mark}\r\n{more_header}"
            f"\r\n{body}").encode()


# ---- real clients ------------------------------------------------------------------------------

def run(*arguments, text=None, **options):
    done = subprocess.run([str(a) for a in arguments], input=text, capture_output=True, text=True,
                          timeout=60, check=False, **options)
    assert done.returncode == 0, f"{arguments[0]}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def by_swaks(world, port, mark, folder):
    del folder
    run("swaks", "--server", "127.0.0.1", "--port", getattr(world.company, port),
        "--tls-on-connect" if port == "submissions" else "--tls", "--tls-verify",
        "--tls-ca-path", world.company.authority.certificate, "--auth", "LOGIN", "--auth-user", ADA, "--auth-password", PASSWORD,
        "--from", ADA, "--to", BOB, "--header", f"Subject: {mark}", "--body", "by swaks")


def by_msmtp(world, port, mark, folder):
    config = folder / "msmtprc"
    config.write_text(
        f"account default\nhost 127.0.0.1\nport {getattr(world.company, port)}\nfrom {ADA}\n"
        f"auth on\nuser {ADA}\npassword {PASSWORD}\ntls on\n"
        f"tls_starttls {'off' if port == 'submissions' else 'on'}\n"
        f"tls_trust_file {world.company.authority.certificate}\n"
        f"tls_host_override {world.company.hostname}\n")
    config.chmod(0o600)
    run("msmtp", "-C", config, BOB, text=letter(mark).decode().replace("\r\n", "\n"))


def by_curl(world, port, mark, folder):
    file = folder / "letter.eml"
    file.write_bytes(letter(mark, body=".\r\n..\r\ndots at the beginning\r\n"))
    scheme = "smtps" if port == "submissions" else "smtp"
    name, number = world.company.hostname, getattr(world.company, port)
    run("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert",
        world.company.authority.certificate, "--resolve", f"{name}:{number}:127.0.0.1",
        f"{scheme}://{name}:{number}/laptop", "--user", f"{ADA}:{PASSWORD}", "--mail-from", ADA,
        "--mail-rcpt", BOB, "--upload-file", file)


def by_smtplib(world, port, mark, folder):
    del folder
    context = world.company.context()
    context.check_hostname = False
    number = getattr(world.company, port)
    if port == "submissions":
        client = smtplib.SMTP_SSL("127.0.0.1", number, context=context)
    else:
        client = smtplib.SMTP("127.0.0.1", number)
        client.starttls(context=context)
    with client:
        client.login(ADA, PASSWORD)
        assert client.sendmail(ADA, [BOB], letter(mark)) == {}


def by_snail(world, port, mark, folder):
    scheme = "smtps" if port == "submissions" else "submission"
    user, password = ADA.replace("@", "%40"), PASSWORD.replace(" ", "%20")
    url = f"{scheme}://{user}:{password}@127.0.0.1:{getattr(world.company, port)}"
    run("s-nail", "-:/", "-S", "v15-compat", "-S", f"mta={url}", "-S", "smtp-auth=plain",
        "-S", "smtp-use-starttls", "-S", f"from={ADA}", "-S", "sendwait", "-S",
        f"tls-ca-file={world.company.authority.certificate}", "-S", "tls-verify=ignore",
        "-s", mark, BOB, text="by s-nail\n",
        env={**os.environ, "HOME": str(folder), "MAILRC": "/dev/null"})


CLIENTS = {"swaks": by_swaks, "msmtp": by_msmtp, "curl": by_curl, "smtplib": by_smtplib,
           "s-nail": by_snail}


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_real_client(world, client, port, tmp_path):
    if client != "smtplib" and not shutil.which(client):
        pytest.skip(f"no {client}")
    mark = f"letter-by-{client}-{port}"
    CLIENTS[client](world, port, mark, tmp_path)
    came = world.arrived(mark)
    assert b"\r\nmessage-id:" in came.lower() and b"127.0.0.1" not in came


# ---- smuggling ---------------------------------------------------------------------------------

FORGED = b"MAIL FROM:<boss@example.test>\r\nRCPT TO:<bob@partner.test>\r\nDATA\r\n"
ENDS = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\n.\r", b"\r.\n",
        b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\0\r\n.\r\n", b"\r\r\n.\r\n", b"\n\n.\n\n"]


def test_no_client_program_is_missing():
    """The list above means something only where its programs are."""
    assert not [c for c in CLIENTS if c != "smtplib" and not shutil.which(c)]


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("end", ENDS, ids=[e.hex() for e in ENDS])
def test_smuggling(world, end, port):
    """Whatever somebody else may take for the end of a letter: refused, and the connection ends
    before anything behind it is read as a command."""
    mark = f"smuggled-{end.hex()}-{port}"
    with Client(world.company, port).sign_in() as c:
        c.to_data()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            c.send(letter(mark) + b"Bye." + end + FORGED + letter(mark) + b"\r\n.\r\n")
        code, text = c.reply()
        assert code == 554 and "5.6.0" in text
        c.expect_end()
    assert mark not in world.company.log_tail(5)
    with Client(world.company, port).sign_in() as c:
        c.letter(f"after-{mark}")
    world.arrived(f"after-{mark}")
    assert not [a for a in world.letters() if f"Subject: {mark}".encode() in a]


@pytest.mark.parametrize("port", PORTS)
def test_chunk_holds_no_commands(world, port):
    """What looks like the end of a letter within a chunk is text, and leaves as text."""
    mark = f"chunk-{port}"
    text = letter(mark, body="One.\r\n.\r\n" + FORGED.decode() + "Two.\r\n")
    with Client(world.company, port).sign_in() as c:
        c.ask(f"MAIL FROM:<{ADA}> BODY=8BITMIME", 250)
        c.ask(f"RCPT TO:<{BOB}>", 250)
        half = len(text) // 2
        c.ask(b"BDAT %d\r\n" % half + text[:half], 250)
        c.ask(b"BDAT %d LAST\r\n" % (len(text) - half) + text[half:], 250, "Recorded")
        c.ask("QUIT", 221)
    came = world.arrived(f"Subject: {mark}")
    assert b"One.\r\n.\r\nMAIL FROM" in came and came.endswith(b"Two.\r\n")
    assert sum(f"Subject: {mark}".encode() in a for a in world.letters()) == 1


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("chunk", [b"a\nb", b"a\rb", b"a\0b", b"a\r\n.\nb", b"half a line\r"],
                         ids=lambda c: c.hex())
def test_broken_chunk(world, chunk, port):
    with Client(world.company, port).sign_in() as c:
        c.ask(f"MAIL FROM:<{ADA}>", 250)
        c.ask(f"RCPT TO:<{BOB}>", 250)
        text = letter("broken-chunk") + chunk
        c.send(b"BDAT %d LAST\r\n" % len(text) + text + FORGED)
        c.expect(554, "5.6.0")
        c.expect_end()


@pytest.mark.parametrize("port", PORTS)
def test_chunks_and_data_do_not_mix(world, port):
    with Client(world.company, port).sign_in() as c:
        c.ask(f"MAIL FROM:<{ADA}>", 250)
        c.ask(f"RCPT TO:<{BOB}>", 250)
        c.ask(b"BDAT 6\r\nFrom: ", 250)
        c.ask("DATA", 503)
        c.ask("RSET", 250)
        # A chunk nobody asked for is swallowed whole: it holds no commands.
        c.ask(b"BDAT 14 LAST\r\nVRFY a\r\nQUIT\r\n", 503)
        c.ask("NOOP", 250)
        c.send(b"BDAT many\r\n" + FORGED)
        c.expect(501)
        c.expect_end()


# ---- STARTTLS ----------------------------------------------------------------------------------

def test_nothing_is_read_from_before_tls(world):
    with Client(world.company, "submission", secure=False) as c:
        c.ask("EHLO laptop", 250)
        c.send("STARTTLS\r\nEHLO injected\r\nNOOP\r\n")
        c.expect(501)
        c.expect_end()
    with Client(world.company, "submission", secure=False) as c:
        c.ask("EHLO laptop", 250)
        c.ask("STARTTLS", 220)
        c.send("NOOP\r\n")  # where a handshake must stand
        assert c.sock.recv(100)[:1] in (b"\x15", b"")  # a TLS alert, or nothing
    with Client(world.company, "submission", secure=False) as c:
        c.ask("EHLO laptop", 250)
        c.ask("STARTTLS", 220)
        c.wrap()
        c.ask(f"MAIL FROM:<{ADA}>", 530)  # the EHLO before TLS is forgotten
        assert "STARTTLS" not in c.ask("EHLO laptop", 250)


def test_nothing_confidential_without_tls(world):
    with Client(world.company, "submission", secure=False) as c:
        assert "AUTH" not in c.ask("EHLO laptop", 250)
        c.ask(b"AUTH PLAIN " + plain() + b"\r\n", 538)
        c.ask(f"MAIL FROM:<{ADA}>", 530)
        c.ask("QUIT", 221)


def openssl(world, *arguments, port="submissions", text="QUIT\r\n"):
    more = ["-starttls", "smtp"] if port == "submission" else []
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{getattr(world.company, port)}", "-CAfile",
         str(world.company.authority.certificate), "-crlf", *more, *map(str, arguments)],
        input=text, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("port", PORTS)
def test_tls_versions_and_ciphers(world, port):
    assert "Verify return code: 0 (ok)" in openssl(world, port=port)
    assert re.search(r"New, TLSv1\.3, Cipher is TLS_\w+", openssl(world, "-tls1_3", port=port))
    for cipher in ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256",
                   "ECDHE-ECDSA-CHACHA20-POLY1305"):
        assert f"Cipher is {cipher}" in openssl(world, "-tls1_2", "-cipher", cipher, port=port)
    for old in (["-tls1_1"], ["-tls1"],
                ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA"],
                ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM"],
                ["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384:AES256-GCM-SHA384"],
                ["-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"]):
        assert "Cipher is (NONE)" in openssl(world, *old, port=port), old


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_resumed(world, version, tmp_path):
    """A ticket of TLS 1.3 comes after the handshake: -ign_eof makes openssl read until we close."""
    kept = tmp_path / "session"
    first = openssl(world, version, "-ign_eof", "-sess_out", kept, text="QUIT\n")
    assert "New, TLSv1" in first and "221 " in first
    assert "Reused, TLSv1" in openssl(world, version, "-sess_in", kept)


def test_no_renegotiation(world):
    """`R` at the beginning of a line makes openssl ask for one (TLS 1.2)."""
    done = subprocess.Popen(
        ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{world.company.submissions}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(1)
    out, _ = done.communicate("R\n", timeout=20)
    assert "RENEGOTIATING" in out and ("no renegotiation" in out or "error" in out)


# ---- limits ------------------------------------------------------------------------------------

@pytest.mark.parametrize("port", PORTS)
def test_size(world, port):
    with Client(world.company, port).sign_in() as c:
        c.ask(f"MAIL FROM:<{ADA}> SIZE={SIZE + 1}", 552, "5.3.4")
        c.to_data()
        line = b"x" * 98 + b"\r\n"
        c.ask(letter("large") + line * (SIZE // 100 + 1) + b".\r\n", 552, "5.3.4")
        c.ask(f"MAIL FROM:<{ADA}>", 250)
        c.ask(f"RCPT TO:<{BOB}>", 250)
        c.send(b"BDAT %d LAST\r\n" % (SIZE + 1))
        c.expect(552, "5.3.4")
        c.expect_end()
    mark = f"just-fits-{port}"
    with Client(world.company, port).sign_in() as c:
        c.to_data()
        text = letter(mark)
        text += line * ((SIZE - len(text)) // 100)
        c.ask(text + b".\r\n", 250)
        world.arrived(mark)


def test_recipients(world):
    with Client(world.company, "submissions").sign_in() as c:
        c.ask(f"MAIL FROM:<{ADA}>", 250)
        c.send("".join(f"RCPT TO:<r{n}@partner.test>\r\n" for n in range(101)))
        for _ in range(100):
            c.expect(250)
        c.expect(452, "4.5.3")
        c.ask("DATA", 354)
        c.ask(letter("to-many") + b".\r\n", 250)
    world.arrived("to-many")


def test_lines_and_fields(world):
    with Client(world.company, "submissions").sign_in() as c:
        c.to_data()
        c.ask(letter("long-line", body="x" * 2047 + "\r\n") + b".\r\n", 554, "5.6.0")
        c.to_data()
        c.ask(letter("field", more_header="X-Long: a\r\n" + " bcdefgh\r\n" * 7000) + b".\r\n", 554)
        c.to_data()
        c.ask(letter("header", more_header="X-Many: abcdefgh\r\n" * 8000) + b".\r\n", 554)
        c.to_data()
        c.ask(letter("fits", body="x" * 2046 + "\r\n") + b".\r\n", 250)
        c.ask(b"NOOP " + b"x" * 3000 + b"\r\n", 500)
        c.send(b"NOOP " + b"x" * 13000 + b"\r\n")
        c.expect(500)
        c.expect_end()


def test_mistakes_and_commands_end(world):
    with Client(world.company, "submissions") as c:
        c.ask("EHLO laptop", 250)
        c.send("NONSENSE\r\n" * 21)
        for _ in range(20):
            c.expect(500)
        c.expect(421)
        c.expect_end()
    with Client(world.company, "submissions") as c, contextlib.suppress(ConnectionError):
        c.send("NOOP\r\n" * 2000)
        replies = [c.reply()[0] for _ in range(2000)]
        assert 421 in replies and replies[-1] == 0


def test_sender_is_proven(world):
    with Client(world.company, "submissions").sign_in() as c:
        c.ask("MAIL FROM:<boss@example.test>", 250)
        c.ask(f"RCPT TO:<{BOB}>", 250)
        c.ask("DATA", 354)
        c.ask(letter("forged-path") + b".\r\n", 550)
        c.to_data()
        forged = letter("forged-from").replace(f"<{ADA}>".encode(), b"<boss@example.test>")
        c.ask(forged + b".\r\n", 550)


NAMES = {  # in the From field, and whether a letter may bear it
    "Ada": 250, f'"{ADA}"': 250, '"Sales @ Example Inc."': 250,
    "=?iso-2022-jp?b?GyRCOzNFREJATzobKEI=?=": 250,  # read without iconv in the keeper's walls
    "=?koi8-r?b?4c7OwQ==?=": 250,
    '"boss@example.test"': 550, "=?utf-8?q?boss=40example.test?=": 550,
    "=?utf-7?q?boss+AEA-example.test?=": 550, "=?cp037?b?TIOFlnyFp4GUl5OFS6OFoqNua0A=?=": 550,
    "=?iso-2022-jp?b?PGJvc3NAZXhhbXBsZS50ZXN0Pg==?=": 550,
}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_show_an_address(world, name):
    with Client(world.company, "submissions").sign_in() as c:
        c.to_data()
        named = letter("named").replace(b"From: Ada ", f"From: {name} ".encode())
        c.ask(named + b".\r\n", NAMES[name])


# ---- signing in --------------------------------------------------------------------------------

def test_failures_are_slow_and_then_blocked(strict):
    company = strict.company
    for _ in range(3):
        with Client(company, "submissions") as c:
            c.ask("EHLO laptop", 250)
            began = time.monotonic()
            c.ask(b"AUTH PLAIN " + plain(password="wrong") + b"\r\n", 535, "5.7.8")
            assert time.monotonic() - began >= 0.3
    with Client(company, "submissions") as c:
        c.ask("EHLO laptop", 250)
        c.ask(b"AUTH PLAIN " + plain() + b"\r\n", 454, "4.7.0")

    def allowed():
        with contextlib.suppress(ConnectionError, ssl.SSLError), Client(company, "submissions") as again:
            again.ask("EHLO laptop", 250)
            again.send(b"AUTH PLAIN " + plain() + b"\r\n")
            return again.reply()[0] == 235

    wait_for("the end of the block", allowed, 15, 0.5)


def test_who_goes_on_guessing_finds_the_door_closed(quick):
    """Before TLS, which costs most. Where somebody signed in, and for whom nobody can guess, it stays open."""
    company = quick.company
    with Client(company, "submissions").sign_in():
        pass
    desk = {**os.environ, "POSTERN_SIGN_INS": str(company.directory / "desk-ada")}
    company.postern("login", ADA, "--password-stdin", input=PASSWORD + "\n", env=desk)
    app = company.postern("app-password", "add", "phone", "--password-stdin", input=PASSWORD + "\n", env=desk).strip()

    def guess(n, where, password=None):
        with Client(company, "submissions", source=where) as c:
            c.ask("EHLO laptop", 250)
            c.send(b"AUTH PLAIN " + plain(password=password or f"guess {n}") + b"\r\n")
            return c.reply()[0]

    told = [guess(n, f"127.1.2.{n}") for n in range(10)] + [guess(n, "127.1.2.99") for n in range(11)]
    assert told == [535] * 10 + [454] * 10 + [421]
    with pytest.raises((ConnectionError, ssl.SSLError)):
        guess(0, "127.1.2.99")
    with socket.create_connection(("127.0.0.1", company.submission), 20, source_address=("127.1.2.99", 0)) as s:
        assert b"421 4.7.0 Too many failed sign-ins from your address: please try again later\r\n" == s.makefile("rb").readline()
    assert guess(0, "127.0.0.1", "wrong") == 535  # she may mistype at her desk
    assert guess(0, "127.0.0.1", PASSWORD) == 235
    assert {guess(0, "127.1.2.50", PASSWORD) for _ in range(25)} == {454}  # the right one: no guess
    assert guess(0, "127.1.2.50", app) == 235
    assert guess(0, "127.1.2.50", PASSWORD) == 235
    assert len([line for line in company.log.read_text().splitlines() if "event=session.address_closed" in line]) == 1


def test_unknown_and_wrong_sound_the_same(strict):
    answers = set()
    for who in (plain(password="wrong"), plain(user="nobody@example.test")):
        with Client(strict.company, "submissions") as c:
            c.ask("EHLO laptop", 250)
            answers.add(c.ask(b"AUTH PLAIN " + who + b"\r\n", 535))
    assert len(answers) == 1
    with Client(strict.company, "submissions") as c:
        c.ask("EHLO laptop", 250)
        c.ask(b"AUTH PLAIN " + plain(authorize="boss@example.test") + b"\r\n", 535)


# ---- slow clients ------------------------------------------------------------------------------

def test_silence_is_ended(strict):
    with Client(strict.company, "submissions") as c:
        began = time.monotonic()
        c.expect(421, "4.4.2")
        c.expect_end()
        assert 1.5 < time.monotonic() - began < 6
    with Client(strict.company, "submissions").sign_in() as c:
        c.to_data()
        c.send("From: half a letter")
        c.expect(421, "4.4.2")
        c.expect_end()
    assert not [a for a in strict.letters() if b"half a letter" in a]


def test_who_never_signs_in_is_ended(strict):
    """However busy: the time to sign in is over after 4 s."""
    with Client(strict.company, "submissions") as c:
        began = time.monotonic()
        code = 250
        while code == 250 and time.monotonic() - began < 15:
            time.sleep(0.5)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                c.send("NOOP\r\n")
            code = c.reply()[0]
        assert code == 421 and 3 < time.monotonic() - began < 10


def test_no_handshake_is_ended(strict):
    with socket.create_connection(("127.0.0.1", strict.company.submissions), 20) as s:
        s.settimeout(15)
        assert s.recv(100) == b""


def test_slow_is_not_silent(strict):
    """Octet by octet takes longer than any single silence allowed, and is fine."""
    with Client(strict.company, "submissions").sign_in() as c:
        c.to_data()
        text = letter("slow-but-steady") + b".\r\n"
        for at in range(0, len(text), 8):
            c.send(text[at:at + 8])
            time.sleep(0.2)
        c.expect(250)
    strict.arrived("slow-but-steady")


def test_connections_from_one_address(strict):
    def places():
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(Client(strict.company, "submission", secure=False))
            with socket.create_connection(("127.0.0.1", strict.company.submission), 20) as s:
                s.settimeout(10)
                return s.recv(200)

    text = wait_for("five free places", lambda: retry(places), 20, 0.5)
    assert text.startswith(b"421 4.7.0")


def retry(attempt):
    """What the attempt returns, or None while other tests' connections still end."""
    try:
        return attempt()
    except (AssertionError, OSError, ValueError):
        return None


# ---- running on --------------------------------------------------------------------------------

def fingerprint(company):
    context = company.context()
    with socket.create_connection(("127.0.0.1", company.submissions), 20) as sock, \
            context.wrap_socket(sock, server_hostname=company.hostname) as s:
        return s.getpeercert(binary_form=True)


def test_reload_keeps_sessions(world):
    company = world.company
    before = fingerprint(company)
    with Client(company, "submissions").sign_in() as c:
        c.letter("before-reload")
        c.to_data()
        c.send(letter("across-reload"))
        certificate, _ = company.authority.issue(company.hostname)
        company.process.send_signal(signal.SIGHUP)
        wait_for("the new certificate", lambda: fingerprint(company) != before)
        c.ask(".", 250)
        c.letter("after-reload")
        good = certificate.read_bytes()
        now = fingerprint(company)
        certificate.write_bytes(b"no certificate\n")
        company.process.send_signal(signal.SIGHUP)
        wait_for("word of the broken file", lambda: "certificate" in "".join(
            line for line in company.log_tail(20).splitlines() if "level=error" in line))
        assert fingerprint(company) == now
        c.letter("after-broken-reload")
        certificate.write_bytes(good)
        company.process.send_signal(signal.SIGHUP)
        c.ask("QUIT", 221)
    for mark in ("before-reload", "across-reload", "after-reload", "after-broken-reload"):
        world.arrived(mark)


def test_a_dead_neighbour_is_temporary(world):
    """Sessions live on while auth, signer or keeper is started again."""
    company = world.company
    with Client(company, "submissions").sign_in() as c:
        for name in ("auth", "signer"):
            pid = next(p for p, role in company.processes().items() if role == name)
            os.kill(pid, signal.SIGKILL)
            c.letter(f"without-{name}")
        wait_for("signing in", lambda: retry(
            lambda: Client(company, "submissions").sign_in()), 20, 0.5).sock.close()
    for name in ("auth", "signer"):
        world.arrived(f"without-{name}")


def test_stop_is_orderly(tmp_path_factory):
    for w in make_world(tmp_path_factory):
        with Client(w.company, "submissions").sign_in() as idle, \
                Client(w.company, "submissions").sign_in() as busy:
            busy.to_data()
            busy.send(letter("across-the-end"))
            w.company.process.send_signal(signal.SIGTERM)
            idle.expect(421, "4.3.2")
            idle.expect_end()
            busy.ask(".", 250)
            busy.expect(421, "4.3.2")
        assert w.company.process.wait(30) == 0
        w.company.process = None
