"""Letters fetched from a provider: a real Dovecot on the other side."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import tempfile
import threading
import time

import pytest

import provider as providers
import variety
from company import Company, wait_for
from provider import PASSWORD, Provider

pytestmark = pytest.mark.skipif(providers.MISSING is not None, reason=str(providers.MISSING))

ANNA, BOB, CAROL = "anna@example.test", "bob@example.test", "carol@example.test"
LETTER = ("From: Anna <anna@example.test>\r\nTo: x@partner.test\r\nSubject: Pulled {n}\r\n"
          "Date: Mon, 5 Jan 2026 09:00:00 +0000\r\nMessage-ID: <same@example.test>\r\n\r\n"
          "pulled{n} of the provider\r\n")


def letter(n, more=""):
    return (LETTER.format(n=n) + more).encode()


def wire(content):
    """A file of a Maildir as IMAP gives it: Dovecot writes 0x80 for a NUL, which a literal may not hold (RFC 3501
    section 4.3)."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", content).replace(b"\0", b"\x80")


@pytest.fixture(scope="module")
def scene():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="postern-pull-"))  # for the provider's own user
    directory.chmod(0o755)
    company = Company(directory / "company")
    provider = Provider(directory / "provider", company.authority)
    (directory / "password").write_text(PASSWORD + "\n")
    (directory / "token").write_text(providers.token(CAROL, -10) + "\n")
    company.create(sections="\n".join([
        provider.section("office", [ANNA], directory / "password"),
        provider.section("masters", [BOB, "nobody@example.test"], directory / "password",
                         user="archive", on_behalf="yes", folder="INBOX, Gesendete Élemente"),
        provider.section("token", [CAROL], directory / "token", sign_in="xoauth2"),
        provider.section("liar", [ANNA], directory / "password").replace(
            "imap.provider.test", "imap.other.test")]))
    provider.start()
    company.start()
    yield company, provider, directory
    company.stop()
    provider.stop()
    shutil.rmtree(directory)


def status(company, name):
    """What `pull status` says of one: its two or three lines."""
    text = company.postern("pull", "status", check=False).stdout
    return re.search(rf"^{name}: .*\n(?:  .*\n)+", text, re.M).group()


def pulled(company, name):
    """Pull, and wait for the end; (taken, known, failed)."""
    before = company.log.read_text().count(f"event=pull.ended pull={name} ")
    company.postern("pull", "now", name)
    wait_for(f"the end of the pull {name}", lambda: company.log.read_text().count(
        f"event=pull.ended pull={name} ") > before, 30)
    found = re.search(r"(\d+) taken, (\d+) were there already, (\d+) could not", status(company, name))
    return tuple(map(int, found.groups()))


def exports(company, *query):
    """What the letters that are found were, byte for byte."""
    found = company.postern("search", "-n", "20000", *query, check=False).stdout.splitlines()[1:]
    return [company.postern("export", "-o", "-", line.split()[0], text=False) for line in found]


def test_a_sent_folder_is_pulled_once_and_byte_for_byte(scene):
    company, provider, _ = scene
    content = {n: letter(n, "ä\r\n".encode("utf-8").decode("utf-8") * n) for n in range(40)}
    content[3] = letter(3).replace(b"\r\n", b"\n")
    content[4] = letter(4, ("x" * 70 + "\r\n") * 200000)  # 14 MB
    content[5] = b""
    for n, raw in content.items():
        provider.put(ANNA, n, raw)
    provider.put(ANNA, 41, letter(41)).chmod(0)  # what the server cannot read itself
    provider.put(ANNA, 42, letter(42))
    wait_for("the first pull", lambda: "last ended" in status(company, "office"), 30)
    assert pulled(company, "office") == (40, 0, 2)
    listed = re.search(r"^(\w+) .* imap +office +anna@example.test +40 +0 +2 +goes on",
                       company.postern("import", "list"), re.M)
    report = company.postern("import", "report", listed.group(1))
    assert f"not taken: {Provider.SENT}, UID 6: it is empty" in report
    assert f"{Provider.SENT}, UID 41: " in report and "more comes" in report
    wait_for("the index", lambda: len(exports(company, "provider", "pulled39")) == 1)
    for n in (0, 3, 4, 39, 42):
        wait_for("it in the index", lambda n=n: exports(company, f"pulled{n}"))
        assert exports(company, f"pulled{n}") == [wire(content.get(n, letter(42)))]
    found = company.postern("search", "pulled39").splitlines()[1].split()[0]
    shown = company.postern("show", found)
    assert "UID 40" in shown and "\\Seen" in shown and Provider.SENT in shown
    assert pulled(company, "office") == (0, 0, 0)
    provider.put(ANNA, 50, letter(50))
    assert pulled(company, "office") == (1, 0, 0)
    # the server counts anew: everything is looked at again and known
    for name in provider.folder.glob(f"mail/{ANNA}/{Provider.SENT_FOLDER}/dovecot*"):
        name.unlink()
    (provider.folder / f"mail/{ANNA}/{Provider.SENT_FOLDER}/dovecot-uidvalidity").unlink(missing_ok=True)
    time.sleep(1.1)  # UIDVALIDITY is the second in which the list was begun
    assert pulled(company, "office") == (0, 41, 2)
    assert re.search(r"office .* ended", company.postern("import", "list"))


def test_a_master_user_opens_others_mailboxes(scene):
    company, provider, _ = scene
    provider.put(BOB, 1, letter(101))
    provider.put(BOB, 2, letter(102), folder=".")
    assert pulled(company, "masters") == (2, 0, 0)
    assert "2 mailboxes at " in status(company, "masters")
    assert len(re.findall(r"masters +bob@", company.postern("import", "list"))) == 2


def test_a_token_is_read_again_when_it_is_renewed(scene):
    company, provider, directory = scene
    provider.put(CAROL, 1, letter(201))
    pulled(company, "token")
    assert "the sign-in is refused" in status(company, "token")
    assert "pull-failed" in company.log.read_text()
    (directory / "token").write_text(providers.token(CAROL) + "\n")
    os.kill(company.process.pid, signal.SIGHUP)
    wait_for("the reload", lambda: "event=config.reloaded" in company.log.read_text())
    wait_for("the letter", lambda: pulled(company, "token") == (1, 0, 0), 10)


def test_a_pull_is_never_given_to_a_process_that_died(scene):
    company = scene[0]

    def pid():
        return next((pid for pid, role in company.processes().items() if role == "pull"), None)

    for _ in range(3):  # each leaves questions that still wait in the keeper
        dead = wait_for("the process", pid)
        os.kill(dead, signal.SIGKILL)
        wait_for("the next one", lambda: pid() not in (None, dead))  # noqa: B023
    for _ in range(2):
        assert pulled(company, "masters") == (0, 0, 0)


def test_a_server_that_does_not_prove_itself_gets_no_password(scene):
    company, provider, _ = scene
    before = provider.log().count("Login: user=")
    pulled(company, "liar")
    assert "the server's certificate does not convince for imap.other.test: name-mismatch" in \
        status(company, "liar")
    assert provider.log().count("Login: user=") == before
    assert "whole" in company.postern("ledger", "verify")
    assert PASSWORD not in company.log.read_text()


class Liar(threading.Thread):
    """A server that says what none should: each letter is wrong in a way of its own."""

    LONG = 65 << 20
    LETTERS = {1: letter(301), 2: None, 3: letter(303), 4: letter(304), 5: letter(305), 7: letter(307)}

    def __init__(self, context):
        super().__init__(daemon=True)
        self.context = context
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.sessions = 0

    def run(self):
        while True:
            with contextlib.suppress(OSError):
                plain, _ = self.listening.accept()
                with self.context.wrap_socket(plain, server_side=True) as client:
                    self.sessions += 1
                    self.serve(client, client.makefile("rb"))

    def serve(self, client, lines):
        client.sendall(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n")
        for line in lines:
            tag, verb, *rest = line.split()
            if verb == b"AUTHENTICATE":
                client.sendall(b"+ \r\n")
                lines.readline()
            elif verb == b"LIST":
                client.sendall(b'* LIST () "/" "Sent Items"\r\n* LIST () "/" INBOX\r\n')
            elif verb == b"EXAMINE":
                client.sendall(b"* 6 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 8] x\r\n")
            elif verb == b"UID" and b"BODY.PEEK" in line:
                if not self.give(client, tag, int(rest[1])):
                    return
                continue
            elif verb == b"UID":
                for n in (7, 1, 2, 3, 4, 5, 5, 4000000000):  # in no order, one twice, one from nowhere
                    client.sendall(b"* 1 FETCH (UID %d FLAGS () RFC822.SIZE 10)\r\n" % n)
            client.sendall(tag + b" OK done\r\n")

    def give(self, client, tag, n):
        if n == 2:
            client.sendall(tag + b" NO [UNAVAILABLE] lost it {5}\r\n")
            return True
        if n == 4:  # longer than it said, and than any letter may be
            client.sendall(b"* 1 FETCH (UID 4 BODY[] {%d}\r\n" % self.LONG)
            for _ in range(65):
                client.sendall(b"x" * (1 << 20))
            client.sendall(b")\r\n")
        elif n == 5:
            client.sendall(b"* 1 FETCH (UID 5 BODY[] {99999999999999999999}\r\n")
            return False
        else:
            body = self.LETTERS[n]
            once = b"* 1 FETCH (BODY[] {%d}\r\n%s UID %d)\r\n" % (len(body), body, n)
            client.sendall(once + (once if n == 3 else b""))
        client.sendall(tag + b" OK done\r\n")
        return True


def test_a_hostile_server_costs_its_own_letters_only(scene):
    company, _, directory = scene
    certificate, key = company.authority.issue("imap.liar.test")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    liar = Liar(context)
    liar.start()
    with company.config.open("a") as file:
        file.write(f"\n[pull hostile]\nhost = 127.0.0.1:{liar.port}\ntls-name = imap.liar.test\n"
                   f"mailbox = eve@example.test\npassword-file = {directory / 'password'}\n"
                   "interval = 7d\n")
    os.kill(company.process.pid, signal.SIGHUP)
    wait_for("the pull", lambda: "event=pull.ended pull=hostile" in company.log.read_text(), 30)
    assert "3 taken, 0 were there already, 3 could not be taken" in status(company, "hostile")
    listed = re.search(r"^(\w+) .* hostile +eve@", company.postern("import", "list"), re.M)
    report = company.postern("import", "report", listed.group(1))
    assert re.search(r"Sent Items, UID 2: .*\[?.*lost it \{5\}", report)
    assert "Sent Items, UID 4: it is longer than 64 MiB" in report
    assert "Sent Items, UID 5: the server hung up over it again and again" in report
    wait_for("the index", lambda: len(exports(company, "pulled307")) == 1)
    wait_for("the other", lambda: exports(company, "pulled303"))
    assert exports(company, "pulled303") == [letter(303)]


class Moody(Liar):
    """A server that cannot, for a while: what it does with a list, and with each letter."""

    LETTERS = {n: letter(400 + n) for n in range(1, 6)}
    removed = ()
    listing = b"NO [UNAVAILABLE] not now"
    letters = b"NO [UNAVAILABLE] not now"
    there = 1

    def serve(self, client, lines):
        client.sendall(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n")
        for line in lines:
            tag, verb, *rest = line.split()
            said = b"OK done"
            if verb == b"AUTHENTICATE":
                client.sendall(b"+ \r\n")
                lines.readline()
            elif verb == b"LIST":
                client.sendall(b'* LIST () "/" "Sent Items"\r\n')
            elif verb == b"EXAMINE":
                client.sendall(b"* %d EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT %d] x\r\n"
                               % (self.there, self.there + 1))
            elif verb == b"UID" and b"BODY.PEEK" in line:
                said = self.letters or self.one(client, self.there if rest[1] == b"*" else int(rest[1]))
            elif verb == b"UID":
                said, self.listing = self.listing, b"OK done"
                if not said:
                    return  # hangs up, once
                if said == b"OK done":
                    for n in range(int(rest[1].split(b":")[0]), self.there + 1):
                        if n not in self.removed:
                            client.sendall(b"* %d FETCH (UID %d FLAGS () RFC822.SIZE 10)\r\n" % (n, n))
            client.sendall(tag + b" " + said + b"\r\n")

    def one(self, client, n):
        body = self.LETTERS[n]
        if n == 2:
            client.sendall(b"* 2 FETCH (UID 2 BODY[] NIL)\r\n")
        if n == 3:
            client.sendall(b"* 3 FETCH (BODY[] {%d}\r\n%s)\r\n" % (len(body), body))
        if n == 5:
            self.removed = (5,)
        if n in (2, 3, 5):
            return b"OK done"
        client.sendall(b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (n, n, len(body), body))
        return b"OK done"


class Broken(Moody):
    """A server that never gives one letter, which stands far from all others, nor lists another."""

    def serve(self, client, lines):
        client.sendall(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n")
        for line in lines:
            tag, verb, *rest = line.split()
            said = b"OK done"
            if verb == b"AUTHENTICATE":
                client.sendall(b"+ \r\n")
                lines.readline()
            elif verb == b"LIST":
                client.sendall(b'* LIST () "/" "Sent Items"\r\n')
            elif verb == b"EXAMINE":
                client.sendall(b"* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 5003] x\r\n")
            elif verb == b"UID" and b"BODY.PEEK" in line:
                n = 5002 if rest[1] == b"*" else int(rest[1])
                if n == 5002:
                    client.sendall(b"* 3 FETCH (UID 5002 BODY[] {%d}\r\n%s)\r\n" % (len(letter(501)), letter(501)))
                else:
                    said = b"NO [SERVERBUG] it is broken"
            elif verb == b"UID":
                low, high = map(int, rest[1].split(b":"))
                if low <= 5000 <= high:
                    said = b"NO [SERVERBUG] its size is not known"
                for n in (5, 5002):
                    if low <= n <= high and said == b"OK done":
                        client.sendall(b"* 1 FETCH (UID %d FLAGS () RFC822.SIZE 10)\r\n" % n)
            client.sendall(tag + b" " + said + b"\r\n")


class Killer(Moody):
    """A server that gives its letters when the keeper has just died."""

    listing = letters = None
    company = None
    there = 2

    def one(self, client, n):
        if n == 1:
            os.kill(next(pid for pid, role in self.company.processes().items() if role == "keeper"), signal.SIGKILL)
        body = self.LETTERS[n]
        client.sendall(b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (n, n, len(body), body))
        return b"OK done"


def serving(scene, kind, name, **more):
    """A server of that kind, and a section that pulls from it; None until its first pull has ended."""
    company, _, directory = scene
    certificate, key = company.authority.issue(f"imap.{name}.test")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = kind(context)
    vars(server).update(more)
    server.start()
    with company.config.open("a") as file:
        file.write(f"\n[pull {name}]\nhost = 127.0.0.1:{server.port}\ntls-name = imap.{name}.test\n"
                   f"mailbox = {name}@example.test\npassword-file = {directory / 'password'}\n"
                   "interval = 7d\n")
    os.kill(company.process.pid, signal.SIGHUP)
    wait_for("the pull", lambda: f"event=pull.ended pull={name}" in company.log.read_text(), 30)
    return server


def test_what_a_server_cannot_give_for_a_while_is_given_later(scene):
    company = scene[0]
    moody = serving(scene, Moody, "moody")
    assert "the server says: not now" in status(company, "moody")  # the list
    assert pulled(company, "moody") == (0, 0, 0)  # its only letter
    assert "the server says: not now" in status(company, "moody")
    moody.letters, moody.listing = None, None
    assert pulled(company, "moody") == (1, 0, 0)
    wait_for("the index", lambda: exports(company, "pulled401"))
    number = company.postern("search", "pulled401").splitlines()[1].split()[0]
    assert "there since" in company.postern("show", number)  # the server tells no date: now
    moody.there, moody.letters = 3, b"OK done"  # all is well, it says, and gives nothing
    assert pulled(company, "moody") == (0, 0, 0)
    assert "the server listed it and did not give it" in status(company, "moody")
    moody.letters = None  # or one without its bytes, and one without its UID
    assert pulled(company, "moody") == (0, 0, 0)
    assert "the server listed it and did not give it" in status(company, "moody")
    moody.there = 4  # what it lists and does not give is told when it gives others
    assert pulled(company, "moody") == (1, 0, 2)
    listed = re.search(r"^(\w+) .* moody +moody@", company.postern("import", "list"), re.M)
    report = company.postern("import", "report", listed.group(1))
    for uid in (2, 3):
        assert f"Sent Items, UID {uid}: the server listed it and did not give it" in report
    moody.there = 5  # one that was removed meanwhile is nobody's failure, but it is not known yet
    assert pulled(company, "moody") == (0, 0, 0)
    assert "the server listed it and did not give it" in status(company, "moody")
    assert pulled(company, "moody") == (0, 0, 0)
    assert "did not give it" not in status(company, "moody")


def test_a_letter_that_is_never_given_stops_no_other(scene):
    company = scene[0]
    serving(scene, Broken, "broken")
    listed = re.search(r"^(\w+) .* broken +broken@", company.postern("import", "list"), re.M)
    report = company.postern("import", "report", listed.group(1))
    assert re.search(r"Sent Items, UID 5: .*it is broken", report), report
    assert re.search(r"Sent Items, UID 5000: .*its size is not known", report), report
    assert "1 taken, 0 were there already, 2 could not be taken" in status(company, "broken")
    wait_for("the index", lambda: exports(company, "pulled501"))


def test_a_pull_goes_on_when_the_keeper_was_away(scene):
    company = scene[0]
    serving(scene, Killer, "killer", company=company, LETTERS={n: letter(600 + n) for n in (1, 2)})
    assert "2 taken, 0 were there already, 0 could not be taken" in status(company, "killer")
    assert company.log.read_text().count("event=pull.ended pull=killer ") == 1


@pytest.mark.long
def test_ten_thousand_letters_are_pulled_and_a_killed_pull_goes_on(scene):
    """Real mail, as much as there is; the process that pulls is killed again and again meanwhile."""
    company, provider, _ = scene
    dave = "dave@example.test"
    source = [file.read_bytes() for file in variety.corpus_files()]
    source = [raw for raw in source if raw and len(raw) < 1 << 20 and re.match(rb"[!-9;-~]+:", raw)]
    if not source:
        pytest.skip(f"no corpora at {variety.CORPORA}")
    contents = {}
    for n in range(10000):
        contents[n] = b"X-Number: %d\r\n" % n + source[n % len(source)]
        provider.put(dave, n, contents[n])
    with company.config.open("a") as file:
        file.write("\n" + provider.section("many", [dave], company.directory.parent / "password",
                                           interval="1s"))
    os.kill(company.process.pid, signal.SIGHUP)
    count = re.compile(r"many +dave@example.test +(\d+) +(\d+) +(\d+)")
    for more in (500, 3000, 6000):
        wait_for(f"{more} letters", lambda: (m := count.search(company.postern("import", "list"))) and
                 int(m.group(1)) > more, 600)
        for pid, role in company.processes().items():
            if role == "pull":
                os.kill(pid, signal.SIGKILL)
    wait_for("all letters", lambda: sum(map(int, count.search(
        company.postern("import", "list")).groups())) == 10000, 600)
    taken, known, failed = map(int, count.search(company.postern("import", "list")).groups())
    assert failed == 0 and known == 0 and taken == 10000
    listed = re.search(r"^(\w+) .* many +dave@", company.postern("import", "list"), re.M)
    assert "10000 taken" in company.postern("import", "report", listed.group(1))
    records = int(company.status()["ledger.records"])
    wait_for("the index", lambda: int(company.status()["index.position"]) >= records, 600)
    out = company.directory / "all"
    # status 1: there are exceptions, files in real mail whose text could not be read
    done = company.postern("export", "--query", "after:2000-01-01", "--format", "eml", out, check=False)
    said = re.search(r"(\d+) letters exported", done.stdout)
    assert done.returncode in (0, 1) and said and int(said[1]) >= 10000, done
    exported = {file.read_bytes() for file in out.rglob("*.eml")}
    assert all(wire(raw) in exported for raw in contents.values())
