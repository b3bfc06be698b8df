"""What leaves always shows who may send it, whoever reads it; and without a login nothing leaves."""
import email
import email.header
import email.policy
import email.utils
import os
import random
import re
import socket
import ssl
import subprocess

import pytest

from company import BUILD
from scene import ALICE, Scene

CEO, TO = "ceo@example.test", "paula@partner.test"

# ── a million letters, read by the program's own eyes, by Python's and by a strict pair of ours ──

# What tests/senders knows: whose addresses are whose. Read strictly: RFC 5322 without obsolete forms.
OWN = r'(?:(?:"anna"|"an\\na"|anna|info)(?:\+(?!private(?:\+|@))[\w.+=~-]+)?)@(?i:example\.test)'
BOARD = r"board(?:\+[\w.+=~-]+)?@(?i:example\.test)"
COMMENT = r"(?:\((?:[^()\\]|\\.|\((?:[^()\\]|\\.|\([^()]*\))*\))*\)|\s)*"
PHRASE = r'(?:(?:"(?:[^"\\]|\\.)*"|[^\s"<>@,;:()\[\]\\]+)' + COMMENT + ")*"
WORD = re.compile(r"[^\s<>(),;:\[\]{}|]+")


def strictly(address):
    return re.compile(rf"{COMMENT}(?:{address}|{PHRASE}<{address}>){COMMENT}", re.S)


STRICT = {False: strictly(OWN), True: strictly(f"(?:{BOARD}|{OWN})")}
SHOWN = {False: re.compile(OWN), True: re.compile(f"{BOARD}|{OWN}")}


def addresses_in(text):
    """Words that look like an address."""
    text = text.translate(str.maketrans("\uff20\ufe6b\u3002\uff0e\uff61", "@@...", '"\\\u00ad\u200b'))
    words = (w.strip("'.!?`*_~") for w in WORD.findall(text))
    return [w for w in words if re.search(r"@[^@]*\.[^.@]", w)]


def decoded(value):
    """With its encoded words decoded, as programs that do that first see it."""
    parts = email.header.decode_header(value)
    text = ""
    for part, charset in parts:
        if isinstance(part, str):
            text += part
            continue
        try:
            text += part.decode(charset or "utf-8", "replace")
        except LookupError:
            text += part.decode("latin-1")
    return text


def flaw_of(copy, delegated):
    """Why Python, or somebody strict, could take another one for its sender; None: they cannot."""
    plain = email.message_from_bytes(copy)
    froms, senders = plain.get_all("From", []), plain.get_all("Sender", [])
    if len(froms) != 1 or len(senders) != (1 if delegated else len(senders[:1])):
        return f"{len(froms)} From, {len(senders)} Sender"
    raw = re.search(rb"^from:(.*(?:\r\n[ \t].*)*)\r\n", copy.split(b"\r\n\r\n")[0] + b"\r\n",
                    re.I | re.M)[1].decode()
    if not STRICT[delegated].fullmatch(raw):
        return f"read strictly: {raw!r}"
    for value, shown in ((raw, SHOWN[delegated]),
                         *((str(s), SHOWN[False]) for s in senders)):
        for text in (decoded(value.replace("\r\n", "")),):
            others = [a for a in addresses_in(text) if not shown.fullmatch(a)]
            if others:
                return f"decoded: {others}"
    found = [a for _, a in email.utils.getaddresses([str(froms[0])])]
    modern = email.message_from_bytes(copy, policy=email.policy.default)
    try:
        found += [a.addr_spec for a in modern["From"].addresses]
    except (AttributeError, IndexError):
        pass  # of empty quotes and some comments this reader makes nothing at all, it fails
    # The older one takes pieces of comments with quotes for addresses, which are none.
    found = [b for a in found for b in addresses_in(a)]
    if not found or not all(map(SHOWN[delegated].fullmatch, found)):
        return f"Python: {found}"
    return None


def judged(first, count, *more):
    """The accepted copies of these letters, and the counts."""
    done = subprocess.run([str(BUILD / "senders"), str(first), str(count), *more],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    *copies, counts = done.stdout.splitlines()
    return [(c[0] == "1", bytes.fromhex(c[2:])) for c in copies], counts


def read_by_others(first, count):
    copies, counts = judged(first, count, "copies")
    assert len(copies) > count // 20, counts
    assert sum(delegated for delegated, _ in copies) > len(copies) // 20, counts
    flaws = [(f, copy) for delegated, copy in copies if (f := flaw_of(copy, delegated))]
    assert not flaws, (len(flaws), flaws[:3])


def test_a_million_letters_show_who_may_send_them():
    _, counts = judged(1, 1000000)
    assert int(re.search(r"accepted (\d+)", counts)[1]) > 100000, counts


def test_others_read_the_same_sender():
    read_by_others(1, 8000)


@pytest.mark.long
def test_others_read_the_same_sender_in_a_million_letters():
    for first in range(0, 1000000, 100000):
        read_by_others(first + 1, 100000)


def test_the_eyes_see():
    """Letters that are refused are such that these eyes would notice, were they not."""
    for header in (f"From: {CEO}", f"From: anna@example.test\r\nFrom: {CEO}",
                   f"From: <anna@example.test>, <{CEO}>", f'From: "{CEO}" <anna@example.test>',
                   f"From: {CEO} <anna@example.test>", f"From: <@{CEO}:anna@example.test>",
                   "From: =?utf-8?q?ceo=40example.test?= <anna@example.test>",
                   f"From: anna@example.test ({CEO})", f"Sender: {CEO}\r\nFrom: anna@example.test"):
        assert flaw_of(f"{header}\r\n\r\n".encode(), False), header
    assert flaw_of(b"From: board@example.test\r\n\r\n", True) == "1 From, 0 Sender"
    assert not flaw_of(b"From: A <anna@example.test>\r\n\r\n", False)


# ── over the wire ──

@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("senders"), auth_failure_delay="0s")
    yield scene
    scene.close()


# The client cases of espoofer, and what its server cases do with From and Sender, from an account of our own:
# "Composition Kills: A Case Study of Email Sender Authentication" (Chen, Paxson, Jiang, USENIX Security 2020),
# sections 5.1, 5.2 and 6.2, figures 6 and 8.
SPOOFED = {
    "client A1, several From fields": f"From: <{ALICE}>\r\nFrom: <{CEO}>\r\n",
    "client A1, the other way round": f"From: <{CEO}>\r\nFrom: <{ALICE}>\r\n",
    "client A2, several addresses": f"From: <{ALICE}>, <{CEO}>\r\nSender: <s@partner.test>\r\n",
    "client A2, our own Sender": f"From: <{ALICE}>, <{CEO}>\r\nSender: <{ALICE}>\r\n",
    "client A3, another's From": f"From: <{CEO}>\r\nSender: <s@partner.test>\r\n",
    "client A3, our own Sender": f"From: <{CEO}>\r\nSender: <{ALICE}>\r\n",
    "a space before the first": f" From: <{ALICE}>\r\nFrom: <{CEO}>\r\n",
    "a space before, ours second": f" From: <{CEO}>\r\nFrom: <{ALICE}>\r\n",
    "a space before the colon": f"From: <{ALICE}>\r\nFrom : <{CEO}>\r\n",
    "a folded name": f"From\r\n : <{CEO}>\r\nFrom: <{ALICE}>\r\n",
    "only a folded name": f"From\r\n : <{CEO}>\r\n",
    "Sender another's": f"From: <{ALICE}>\r\nSender: <{CEO}>\r\n",
    "no From, Sender another's": f"From\r\n : <{ALICE}>\r\nSender: <{CEO}>\r\n",
    "Resent-From another's": f"From: <{ALICE}>\r\nResent-From: <{CEO}>\r\n",
    "an encoded address": f"From: =?utf-8?B?PGNlb0BleGFtcGxlLnRlc3Q+?=,<{ALICE}>\r\n",
    "a route": f"From: <@evil.test,@any.test:{CEO}>\r\n",
    "a route to us": f"From: <@{CEO.split('@')[1]},@any.test:{ALICE}>\r\n",
    "a quoted pair": f"From: <{CEO}>\\,<{ALICE}>\r\n",
    "a bare one first": f"From: {CEO},<{ALICE}>\r\n",
    "one behind the brackets": f"From: <{ALICE}>{CEO}\r\n",
    "one before the brackets": f"From: {CEO}<{ALICE}>\r\n",
    "NUL in the name": f"From\0: <{CEO}>\r\nFrom: <{ALICE}>\r\n",
    "NUL in the value": f"From: <{CEO}>\0<{ALICE}>\r\n",
    "a bare CR": f"From: <{ALICE}>\rFrom: <{CEO}>\r\n",
    "a bare LF": f"From: <{ALICE}>\nFrom: <{CEO}>\r\n",
    "another's, in parentheses": f"From: ({CEO}) <{ALICE}>\r\n",
    "a group": f"From: x:{ALICE}, {CEO};\r\n",
}


def test_every_case_of_espoofer_is_refused(scene):
    for name, header in SPOOFED.items():
        smtp = scene.client()  # each its own: some are such that the connection ends
        smtp.mail(ALICE)
        smtp.rcpt(TO)
        code, reply = smtp.data(f"{header}To: <{TO}>\r\nSubject: x\r\n\r\nHi\r\n".encode())
        smtp.close()
        assert 550 <= code <= 554, (name, code, reply)
    # The envelope's: a return address that others read another way.
    for path in ("<(anna@example.test>", "<alice@example.test(a.evil.test>", f"<@a,@b:{CEO}>", "<>",
                 "<alice@example.test'@evil.test>", f"<{CEO}>", "<alice@evil.test>"):
        smtp = scene.client()
        code, _ = smtp.docmd("MAIL", f"FROM:{path}")
        if code == 250:
            smtp.rcpt(TO)
            code, _ = smtp.data(f"From: {ALICE}\r\nTo: {TO}\r\nSubject: x\r\n\r\nHi\r\n".encode())
        smtp.close()
        assert 500 <= code <= 555, (path, code)
    assert not scene.receiver.letters()


class Peer:
    """A connection that never proves who it is."""

    def __init__(self, company, implicit, tls):
        self.socket = socket.create_connection(
            ("127.0.0.1", company.submissions if implicit else company.submission), 20)
        context = company.context()
        if implicit:
            self.socket = context.wrap_socket(self.socket, server_hostname=company.hostname)
        self.file = self.socket.makefile("rb")
        self.reply()
        if tls and not implicit:
            self.say(b"EHLO peer.test\r\n")
            assert self.say(b"STARTTLS\r\n") == 220
            self.socket = context.wrap_socket(self.socket, server_hostname=company.hostname)
            self.file = self.socket.makefile("rb")

    def reply(self):
        line = self.file.readline()
        while line[3:4] == b"-":
            line = self.file.readline()
        return int(line[:3] or 0)

    def say(self, line):
        """The code of the reply; 0 when the connection has ended."""
        try:
            self.socket.sendall(line)
            return self.reply()
        except (OSError, ssl.SSLError):
            return 0


LINES = [b"EHLO peer.test\r\n", b"HELO peer.test\r\n", b"RSET\r\n", b"NOOP\r\n", b"VRFY alice\r\n",
         b"EHLO mail.example.test\r\n", b"MAIL FROM:<alice@example.test>\r\n",
         b"MAIL FROM:<>\r\n", b"MAIL FROM:<postmaster@example.test> AUTH=<alice@example.test>\r\n",
         b"MAIL FROM:<alice@example.test> SIZE=10 BODY=8BITMIME\r\n",
         b"RCPT TO:<paula@partner.test>\r\n", b"RCPT TO:<alice@example.test>\r\n",
         b"RCPT TO:<paula%partner.test@example.test>\r\n", b"RCPT TO:<@example.test:paula@partner.test>\r\n",
         b"DATA\r\n", b"BDAT 5 LAST\r\nabc\r\n", b"From: alice@example.test\r\n", b".\r\n",
         b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdAB3cm9uZw==\r\n", b"AUTH PLAIN =\r\n",
         b"AUTH PLAIN\r\n", b"*\r\n", b"AUTH LOGIN\r\n", b"YWxpY2VAZXhhbXBsZS50ZXN0\r\n",
         b"AUTH EXTERNAL =\r\n", b"AUTH ANONYMOUS eA==\r\n", b"XCLIENT LOGIN=alice@example.test\r\n",
         b"STARTTLS\r\n", b"HELP\r\n"]
TAKEN = (b"MAIL", b"RCPT", b"DATA", b"BDAT", b"From", b"XCLI")


def test_without_a_login_nothing_is_taken(scene):
    """No order of commands lets a peer send who did not prove who it is."""
    company, chance = scene.company, random.Random(4)
    recorded = company.status().get("letters.recorded")
    for number in range(90):
        peer = Peer(company, implicit=number % 3 == 0, tls=number % 3 != 1)
        if number % 2:
            peer.say(b"EHLO peer.test\r\n")
        for line in chance.choices(LINES, k=14):
            code = peer.say(line)
            assert not (line[:4].upper() in TAKEN and 200 <= code < 400), (number, line, code)
            assert code != 235, (number, line)
            if code == 0 or (line == b"STARTTLS\r\n" and code == 220):
                break
        peer.socket.close()
    assert company.status().get("letters.recorded") == recorded
    assert not scene.receiver.letters()
