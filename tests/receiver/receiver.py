#!/usr/bin/python3
"""A small receiving mail server: the outside world of tests and of `./do up`.

    tests/receiver/receiver.py --listen 127.0.0.1:2525 --certificate PEM --key PEM FOLDER

Takes every letter into FOLDER as N.eml (the octets as they came, dots taken off) and N.json (the
envelope, what EHLO and TLS were, when). Prints `ready PORT` when it listens and runs until its
standard input ends, so that it never outlives who started it.

How it misbehaves is a set of words: --behave, or the file FOLDER/behave, which is read anew for
every connection and every letter. Server-wide:

    no-starttls no-8bitmime no-smtputf8 no-pipelining no-dsn no-enhanced no-size requiretls
    refuse-greeting (554)  later-greeting (421)  refuse-ehlo (550)
    refuse-starttls (454)  broken-tls (no TLS after 220)
    inject-starttls (replies behind the 220, in the same segment, still in the clear)
    later-mail refuse-mail later-data refuse-data   later-dot refuse-dot  (after the letter)
    FAULT-PHASE for the phases greeting ehlo starttls handshake mail rcpt data (within the letter)
    dot (the letter came, and is not kept) and the faults
        hang (say nothing)   drop (close)   slow (half a second later than usual)
        garbage (a line that is no reply)   lf (a reply that ends in a bare LF)
        giant (a line without end)   many (a reply of 500 lines)   endless (one of ever more lines)
    bye (421 and close after each letter)   close (close silently after each letter)
    size=N (announce and keep)   letters=N (421 to MAIL after N letters of a connection)

and by recipient, whatever the words: refuse-...@ gets 550 5.1.1, later-...@ 451 4.2.1, full-...@
452 4.2.2.
"""
import argparse
import base64
import json
import pathlib
import re
import socket
import ssl
import sys
import threading
import time

LINE_MAX = 4096
HANG_S = 3600
SLOW_S = 0.5
FLOOD_MAX = 64 << 20  # of what never ends: a client that takes all this has no limit


# What a server may say that is no reply: the piece, and how often it comes.
ODDITIES = {
    "garbage": (b"\x16\x03\x01 what is this?\xff\xfe\r\n", 1),
    "lf": (b"250 2.0.0 almost\n", 1),
    "giant": (b"250 " + b"x" * 65532, FLOOD_MAX >> 16),
    "many": (b"250-2.0.0 and\r\n" * 499 + b"250 2.0.0 done\r\n", 1),
    "endless": (b"250-2.0.0 and then\r\n" * 3000, FLOOD_MAX // 57000),
}


class Gone(Exception):
    """The connection is over."""


class Connection:
    def __init__(self, server, sock, peer):
        self.server, self.sock, self.peer = server, sock, peer
        self.words = server.words()
        self.buffer = b""
        self.tls = None
        self.ehlo = None
        self.account = None
        self.letters = 0
        self.reset()

    def reset(self):
        self.sender, self.recipients = None, []

    def has(self, word):
        return word in self.words

    def value(self, name):
        for word in self.words:
            if word.startswith(name + "="):
                return int(word.split("=", 1)[1])
        return None

    def fault(self, where):
        """Misbehave when the words say so."""
        if self.has("slow-" + where):
            self.server.stopped.wait(SLOW_S)
        if self.has("hang-" + where):
            self.server.stopped.wait(HANG_S)
            raise Gone
        if self.has("drop-" + where):
            raise Gone
        for word, (piece, times) in ODDITIES.items():
            if self.has(f"{word}-{where}"):
                self.flood(piece, times)

    def flood(self, piece, times):
        """Say something odd, wait until the client has had enough, and count what it took."""
        try:
            for _ in range(times):
                self.sock.sendall(piece)
                self.server.flooded += len(piece)
            while self.sock.recv(65536):
                pass
        except OSError:
            pass
        raise Gone

    def say(self, code, text, enhanced=None):
        lines = text.split("\n")
        if enhanced and not self.has("no-enhanced"):
            lines = [f"{enhanced} {line}" for line in lines]
        out = "".join(f"{code}{'-' if i < len(lines) - 1 else ' '}{line}\r\n"
                      for i, line in enumerate(lines))
        self.sock.sendall(out.encode())

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise Gone
        self.buffer += got

    def line(self):
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > LINE_MAX:
                raise Gone
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def secure(self):
        if self.has("broken-tls"):
            self.sock.sendall(b"this is no handshake\r\n" * 10)
            raise Gone
        self.fault("handshake")
        self.sock = self.server.context().wrap_socket(self.sock, server_side=True)
        cipher = self.sock.cipher()  # None when the peer was gone right behind its handshake
        if not cipher:
            raise Gone
        self.tls = {"version": self.sock.version(), "cipher": cipher[0]}
        self.buffer = b""

    def run(self):
        if self.server.implicit:
            self.secure()
        self.fault("greeting")
        if self.has("refuse-greeting"):
            return self.say(554, f"{self.server.name} does not want your mail", "5.7.1")
        if self.has("later-greeting"):
            return self.say(421, f"{self.server.name} has no time", "4.3.2")
        self.say(220, f"{self.server.name} ESMTP")
        while self.command(self.line()):
            pass

    def command(self, line):
        verb, _, rest = line.decode("utf-8", "surrogateescape").partition(" ")
        handler = getattr(self, "on_" + verb.lower(), None)
        if not handler or not verb.isalpha():
            self.say(502, "What is that?", "5.5.1")
            return True
        return handler(rest) is not False

    def on_helo(self, rest):
        self.ehlo = rest
        self.say(250, self.server.name)

    def on_ehlo(self, rest):
        self.fault("ehlo")
        if self.has("refuse-ehlo"):
            return self.say(550, "Not for you", "5.7.1")
        self.ehlo = rest
        self.reset()
        offers = {"PIPELINING": "no-pipelining", "8BITMIME": "no-8bitmime", "DSN": "no-dsn",
                  "SMTPUTF8": "no-smtputf8", "ENHANCEDSTATUSCODES": "no-enhanced"}
        lines = [self.server.name] + [k for k, no in offers.items() if not self.has(no)]
        if not self.has("no-size"):
            lines.append(f"SIZE {self.value('size') or 60000000}")
        if not self.tls and self.server.certificate and not self.has("no-starttls"):
            lines.append("STARTTLS")
        if self.has("requiretls") and self.tls:
            lines.append("REQUIRETLS")
        if self.server.user and self.tls:
            lines.append("AUTH PLAIN LOGIN")
        self.say(250, "\n".join(lines))
        return None

    def on_starttls(self, _):
        if self.tls or self.has("no-starttls"):
            return self.say(502, "No TLS here", "5.5.1")
        if self.has("refuse-starttls"):
            return self.say(454, "TLS is not available now", "4.7.0")
        self.fault("starttls")
        if self.has("inject-starttls"):
            self.sock.sendall(b"220 2.0.0 Go ahead\r\n250 2.0.0 Injected\r\n")
        else:
            self.say(220, "Go ahead", "2.0.0")
        self.secure()
        return None

    def on_auth(self, rest):
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            if not initial:
                self.say(334, "")
                initial = self.line().decode()
            _, user, password = base64.b64decode(initial).decode().split("\0")
        else:
            answers = []
            for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"):
                self.say(334, prompt)
                answers.append(base64.b64decode(self.line()).decode())
            user, password = answers
        if (user, password) != (self.server.user, self.server.password):
            return self.say(535, "Wrong user or password", "5.7.8")
        self.account = user
        self.say(235, "Welcome", "2.7.0")
        return None

    def on_mail(self, rest):
        self.words = self.server.words()
        self.fault("mail")
        if self.server.user and not self.account:
            return self.say(530, "Sign in first", "5.7.0")
        if self.value("letters") is not None and self.letters >= self.value("letters"):
            self.say(421, "Enough for one connection", "4.7.0")
            return False
        if self.has("refuse-mail"):
            return self.say(550, "We do not like this sender", "5.7.1")
        if self.has("later-mail"):
            return self.say(451, "Ask again later", "4.7.1")
        match = re.fullmatch(r"(?i)FROM:<([^>]*)>(.*)", rest)
        if not match:
            return self.say(501, "MAIL FROM:<address>", "5.5.4")
        if "BODY=8BITMIME" in match[2].upper() and self.has("no-8bitmime"):
            return self.say(555, "No BODY here", "5.5.4")
        if "REQUIRETLS" in match[2].upper() and not self.has("requiretls"):
            return self.say(555, "No REQUIRETLS here", "5.5.4")
        if "SMTPUTF8" in match[2].upper() and self.has("no-smtputf8"):
            return self.say(555, "No SMTPUTF8 here", "5.5.4")
        self.sender = {"address": match[1], "parameters": match[2].split()}
        self.say(250, "Sender noted", "2.1.0")
        return None

    def on_rcpt(self, rest):
        self.fault("rcpt")
        match = re.fullmatch(r"(?i)TO:<([^>]+)>(.*)", rest)
        if not match or not self.sender:
            return self.say(503 if match else 501, "RCPT TO:<address> after MAIL", "5.5.1")
        if match[1].startswith("refuse-"):
            return self.say(550, "Nobody of that name", "5.1.1")
        if match[1].startswith("later-"):
            return self.say(451, "Away for a moment", "4.2.1")
        if match[1].startswith("full-"):
            return self.say(452, "Mailbox full", "4.2.2")
        self.recipients.append({"address": match[1], "parameters": match[2].split()})
        self.say(250, "Recipient noted", "2.1.5")
        return None

    def on_data(self, _):
        if not self.recipients:
            return self.say(503 if not self.sender else 554, "No valid recipients", "5.5.1")
        if self.has("refuse-data"):
            return self.say(554, "No letters today", "5.3.2")
        if self.has("later-data"):
            return self.say(451, "No letters now", "4.3.2")
        self.say(354, "End with a dot alone")
        letter = self.read_letter()
        self.fault("dot")
        self.letters += 1
        if self.has("refuse-dot"):
            self.say(554, "The letter does not please", "5.6.0")
        elif self.has("later-dot"):
            self.say(451, "The disk is full", "4.3.1")
        elif self.value("size") is not None and len(letter) > self.value("size"):
            self.say(552, "Too large", "5.3.4")
        else:
            number = self.server.store(self, letter)
            self.say(250, f"Taken as {number}", "2.0.0")
        self.reset()
        if self.has("bye"):
            self.say(421, "Enough", "4.3.2")
        return not (self.has("bye") or self.has("close"))

    def read_letter(self):
        """The octets up to CRLF.CRLF, the dots that SMTP added taken off."""
        data = bytearray(b"\r\n" + self.buffer)
        end = data.find(b"\r\n.\r\n")
        self.fault("data")
        while end < 0:
            looked, self.buffer = max(0, len(data) - 4), b""
            self.more()
            data += self.buffer
            end = data.find(b"\r\n.\r\n", looked)
        self.buffer = bytes(data[end + 5:])
        return bytes(data[:end] + b"\r\n").replace(b"\r\n..", b"\r\n.")[2:]

    def on_rset(self, _):
        self.reset()
        self.say(250, "Forgotten", "2.0.0")

    def on_noop(self, _):
        self.say(250, "Still here", "2.0.0")

    def on_quit(self, _):
        self.say(221, "Bye", "2.0.0")
        return False


class Receiver:
    """The server: Receiver(...).start(), then .port, .letters(), .wait(n), .stop()."""

    def __init__(self, folder, listen=("127.0.0.1", 0), certificate=None, key=None,
                 name="mx.partner.test", implicit=False, user=None, password=None, behave=""):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key, self.name = certificate, key, name
        self.implicit, self.user, self.password = implicit, user, password
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.count = 0
        self.connections = 0
        self.open = set()
        self.most_open = 0
        self.flooded = 0
        if behave or not (self.folder / "behave").exists():
            self.behave(behave)
        family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        self.listener = socket.create_server(listen, family=family, backlog=128)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # or hanging takes MBs
        self.port = self.listener.getsockname()[1]

    def behave(self, words):
        """Change how it behaves from the next connection and the next letter on."""
        path = self.folder / "behave"
        path.with_suffix(".new").write_text(words)
        path.with_suffix(".new").rename(path)

    def words(self):
        return set((self.folder / "behave").read_text().replace(",", " ").split())

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def store(self, connection, letter):
        with self.lock:
            self.count += 1
            number = self.count
        about = {
            "from": connection.sender, "to": connection.recipients, "ehlo": connection.ehlo,
            "peer": connection.peer[0], "tls": connection.tls, "account": connection.account,
            "at": time.time(), "connection": connection.number, "size": len(letter),
        }
        (self.folder / f"{number}.eml").write_bytes(letter)
        path = self.folder / f"{number}.json.new"
        path.write_text(json.dumps(about, indent=1, ensure_ascii=True) + "\n")
        path.rename(self.folder / f"{number}.json")
        return number

    def letters(self):
        """What came so far: a list of (facts, octets), in the order of arrival."""
        found = []
        for number in range(1, self.count + 1):
            path = self.folder / f"{number}.json"
            if path.exists():
                found.append((json.loads(path.read_text()),
                              (self.folder / f"{number}.eml").read_bytes()))
        return found

    def wait(self, n, seconds=20):
        """Wait until there are n letters, and return them all."""
        end = time.monotonic() + seconds
        while len(self.letters()) < n:
            if time.monotonic() > end:
                raise AssertionError(f"{len(self.letters())} of {n} letters came in {seconds} s")
            time.sleep(0.02)
        return self.letters()

    def serve(self, sock, peer, number):
        connection = Connection(self, sock, peer)
        connection.number = number
        try:
            connection.run()
        except (Gone, OSError, ValueError):
            pass
        finally:
            try:
                connection.sock.close()
            except OSError:
                pass
            with self.lock:
                self.open.discard(sock)

    def accept(self):
        while not self.stopped.is_set():
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
                self.open.add(sock)
                self.most_open = max(self.most_open, len(self.open))
            threading.Thread(target=self.serve, args=(sock, peer, self.connections),
                             daemon=True).start()

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def stop(self):
        self.stopped.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--name", default="mx.partner.test")
    parser.add_argument("--implicit", action="store_true", help="TLS from the first byte")
    parser.add_argument("--user", help="an account that clients must sign in to")
    parser.add_argument("--password")
    parser.add_argument("--behave", default="")
    a = parser.parse_args()
    host, _, port = a.listen.rpartition(":")
    receiver = Receiver(a.folder, (host.strip("[]"), int(port)), a.certificate, a.key, a.name,
                        a.implicit, a.user, a.password, a.behave).start()
    sys.stdout.write(f"ready {receiver.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    receiver.stop()


if __name__ == "__main__":
    main()
