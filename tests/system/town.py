"""The world outside: domains with real Postfix servers and with servers that misbehave, and a DNS.

Every server has an address of its own on loopback and one port is common to all, as it is outside
with port 25. A town is declared first (domains, servers), then opened. Processes that were started
here end with close(), and none of them outlives the test: they are told by a pipe or hold our group.
"""
import contextlib
import datetime
import email
import email.policy
import hashlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading

from company import ROOT, free_port, wait_for

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

NEEDED = ["postfix", "dovecot", "nsd", "ldns-signzone"]

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
multi_instance_name = postfix-town
multi_instance_enable = yes
myhostname = {hostname}
smtpd_banner = {hostname} ESMTP
inet_interfaces = all
inet_protocols = ipv4
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks =
maillog_file_prefixes = {folder}
maillog_file = {folder}/mail.log
in_flow_delay = 0
local_header_rewrite_clients =
message_size_limit = 52428800
smtpd_peername_lookup = no
smtpd_recipient_restrictions = check_recipient_access regexp:{folder}/etc/away
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_tls_chain_files = {key}, {certificate}
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_sasl_authenticated_header = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
virtual_mailbox_domains = regexp:{folder}/etc/everything
virtual_mailbox_maps = regexp:{folder}/etc/mailboxes
virtual_mailbox_base = {folder}/mail
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""

MASTER_CF = """
cleanup    unix n - n -     0 cleanup
qmgr       unix n - n 300   1 qmgr
tlsmgr     unix - - n 1000? 1 tlsmgr
rewrite    unix - - n -     - trivial-rewrite
bounce     unix - - n -     0 bounce
defer      unix - - n -     0 bounce
trace      unix - - n -     0 bounce
proxymap   unix - - n -     - proxymap
error      unix - - n -     - error
retry      unix - - n -     - error
virtual    unix - n n -     - virtual
anvil      unix - - n -     1 anvil
postlog    unix-dgram n - n - 1 postlogd
"""

DOVECOT_CONF = """
base_dir = {folder}/dovecot/run
state_dir = {folder}/dovecot/state
log_path = {folder}/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""


class Postfix:
    """One Debian Postfix with a listener for each kind of server; all mail goes to one Maildir.

    Nobody of the name nobody@ is known to it, later@ is away for a while."""

    user, password = "postern@example.test", "the-providers-password"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.services = []
        self.processes = []

    def listen(self, name, address, port, *options):
        self.services.append(
            f"{address}:{port} inet n - n - 200 smtpd\n  -o syslog_name={name}\n"
            + "".join(f"  -o {{ {option} }}\n" for option in options))

    def start(self, certificate, key):
        owner = pwd.getpwnam("postfix")
        for part in ("spool", "data", "mail", "etc", "dovecot/run", "dovecot/state"):
            (self.folder / part).mkdir(parents=True)
        for part in ("data", "mail"):
            shutil.chown(self.folder / part, "postfix", "postfix")
        values = {"folder": self.folder, "hostname": "mx.town.test", "certificate": certificate,
                  "key": key, "uid": owner.pw_uid, "gid": owner.pw_gid, "password": self.password}
        (self.folder / "etc/main.cf").write_text(MAIN_CF.format(**values))
        (self.folder / "etc/master.cf").write_text("\n".join(self.services) + MASTER_CF)
        (self.folder / "etc/everything").write_text("/./ yes\n")
        (self.folder / "etc/mailboxes").write_text("!/^nobody@/ all/\n")
        (self.folder / "etc/away").write_text("/^later@/ 450 4.2.0 Away for a moment\n")
        (self.folder / "dovecot.conf").write_text(DOVECOT_CONF.format(**values))
        self._run("dovecot", "-F", "-c", self.folder / "dovecot.conf")
        wait_for("Dovecot to listen", (self.folder / "auth").exists)
        self._run("postfix", "-c", self.folder / "etc", "start-fg")
        wait_for("Postfix to start", lambda: "daemon started" in self.log())

    def _run(self, *command):
        with (self.folder / "start.log").open("ab") as log:
            self.processes.append(subprocess.Popen(
                [str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True))

    def stop(self):
        # Its master has a session of its own, and a shell before it that a signal would end alone.
        subprocess.run(["postfix", "-c", self.folder / "etc", "stop"], capture_output=True, check=False)
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def log(self, name=None):
        """What Postfix logged: all of it, or the lines of one listener."""
        path = self.folder / "mail.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        if name is None:
            return text
        return "".join(line for line in text.splitlines(True) if f" {name}/smtpd[" in line)

    def connections(self, name):
        """(how many there were so far, how many at most at once)."""
        now = most = count = 0
        for line in self.log(name).splitlines():
            if re.search(r"\]: connect from ", line):
                now, count = now + 1, count + 1
                most = max(most, now)
            elif re.search(r"\]: disconnect from ", line):
                now -= 1
        return count, most

    def letters(self, mark):
        """The letters in the Maildir that have `mark` in them: what Postfix put in front of each,
        and the letter itself."""
        found = []
        for path in sorted(self.folder.glob("mail/all/new/*")):
            octets = path.read_bytes()
            if mark.encode() in octets:
                own = re.match(rb"(?:(?:Return-Path|X-Original-To|Delivered-To): .*\n)+"
                               rb"Received: .*\n(?:[\t ].*\n)+", octets)
                found.append((own[0].decode(), octets[own.end():].replace(b"\n", b"\r\n")))
        return found

    def wait(self, mark, n=1, seconds=30):
        return wait_for(f"{n} letters with {mark} at Postfix", lambda: (
            lambda found: found if len(found) >= n else None)(self.letters(mark)), seconds)


class Dns:
    """NSD with the town's zones, and a relay before it that stays silent about silent.test and
    answers SERVFAIL about servfail.test."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.zones = {}
        self.process = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.anchors = self.folder / "work" / "anchors"

    def add(self, zone, *records, kind="plain"):
        self.zones.setdefault(zone, (kind, []))[1].extend(records)

    def start(self):
        (self.folder / "zones").mkdir(parents=True)
        for zone, (kind, records) in self.zones.items():
            (self.folder / "zones" / f"{zone}.zone").write_text("\n".join(
                [f"; {kind}", f"$ORIGIN {zone}.", "$TTL 60", "@ SOA ns h 1 3600 600 86400 60",
                 "@ NS ns", "ns A 127.0.0.1", *records, ""]))
        port = free_port()
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(ROOT / "tests/receiver/dns.py"), str(self.folder / "zones"),
             str(self.folder / "work"), str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "NSD did not start"
        threading.Thread(target=self._relay, args=(port,), daemon=True).start()

    def _relay(self, port):
        while True:
            question, peer = self.socket.recvfrom(4096)
            if len(question) < 12:
                return  # from close()
            name = question[12:].lower()
            if b"\6silent\4test\0" in name:
                continue
            if b"\x08servfail\4test\0" in name:
                answer = question[:2] + bytes([question[2] | 0x80, 0x82]) + question[4:]
                self.socket.sendto(answer, peer)
                continue
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nsd:
                nsd.settimeout(5)
                nsd.sendto(question, ("127.0.0.1", port))
                with contextlib.suppress(TimeoutError):  # who asked asks again
                    self.socket.sendto(nsd.recv(4096), peer)

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait(20)
            self.socket.sendto(b"", self.socket.getsockname())


class Town:
    """Declare domains and servers, then open()."""

    def __init__(self, folder, authority):
        self.folder = pathlib.Path(folder)
        self.authority = authority
        self.port = free_port()
        self.net = f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}"
        self.used = 0
        self.names = []
        self.addresses = {}
        self.receivers = {}
        self.sockets = []
        self.postfix = Postfix(self.folder / "postfix")
        self.dns = Dns(self.folder / "dns")
        self.certificate, self.key = self.folder / "mx.pem", self.folder / "mx.key"

    def address(self):
        """A fresh one; nobody listens there unless a server is declared."""
        self.used += 1
        assert self.used < 255
        return f"{self.net}.{self.used}"

    def records(self, *records):
        """Zone-file lines of the zone test."""
        self.dns.add("test", *records)

    def address_of(self, name):
        """That of the receiver NAME, declared now if need be."""
        if name not in self.receivers:
            self.odd(name)
        return self.addresses[name]

    def server_of(self, name):
        """An address for the mail server mx.NAME.test, and NAME's MX record that leads there."""
        address = self.addresses[name] = self.address()
        self.names.append(f"mx.{name}.test")
        self.records(f"mx.{name} A {address}", f"{name} MX 10 mx.{name}")
        return address

    def real(self, name, *options, aliases=()):
        """NAME.test with a Postfix that has these options; `aliases` have the same server."""
        self.postfix.listen(name, self.server_of(name), self.port, *options)
        self.records(*(f"{alias} MX 10 mx.{name}" for alias in aliases))

    def deaf(self):
        """An address where connecting neither succeeds nor fails."""
        address = (self.address(), self.port)
        listener = socket.socket()
        listener.bind(address)
        listener.listen(0)
        self.sockets.append(listener)
        for _ in range(3):  # the second fills the queue, a third finds it full
            own = socket.socket()
            own.setblocking(False)
            own.connect_ex(address)
            self.sockets.append(own)
        return address[0]

    def odd_v6(self, name):
        """NAME.test with a receiver at ::1 and a dead IPv4 address; where there is no IPv6, with
        nothing at all."""
        try:
            server = Receiver(self.folder / name, ("::1", self.port), self.certificate, self.key,
                              f"mx.{name}.test").start()
        except OSError:
            return
        self.records(f"mx.{name} AAAA ::1", f"mx.{name} A {self.address()}",
                     f"{name} MX 10 mx.{name}")
        self.receivers[name] = server

    def odd(self, name, behave="", aliases=(), **options):
        """NAME.test with a receiver that behaves so."""
        server = Receiver(self.folder / name, (self.server_of(name), self.port), self.certificate,
                          self.key, f"mx.{name}.test", behave=behave, **options).start()
        self.records(*(f"{alias} MX 10 mx.{name}" for alias in aliases))
        self.receivers[name] = server
        return server

    @staticmethod
    def digest(certificate):
        """SHA-256 of a certificate in a PEM file, as hex digits."""
        pem = pathlib.Path(certificate).read_text()
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def open(self):
        certificate, key = self.authority.issue("mx.town.test", *self.names)
        shutil.copy(certificate, self.certificate)
        shutil.copy(key, self.key)
        self.dns.start()
        self.postfix.start(self.certificate, self.key)

    def close(self):
        self.postfix.stop()
        self.dns.stop()
        for receiver in self.receivers.values():
            receiver.stop()
        for own in self.sockets:
            own.close()


def notices(receiver, subject):
    """The notices about a letter that a receiver got: (envelope, message)."""
    found = []
    for envelope, octets in receiver.letters():
        message = email.message_from_bytes(octets, policy=email.policy.SMTP)
        if message.get_content_type() == "multipart/report" and subject in message["Subject"]:
            found.append((envelope, message))
    return found


def recipients_of(notice):
    """The fields about each recipient, also when addresses in them are not ASCII (RFC 6533)."""
    report = notice.get_payload()[1]
    if report.get_content_type() == "message/delivery-status":
        return report.get_payload()[1:]
    assert report.get_content_type() == "message/global-delivery-status"
    text = report.as_bytes().decode().replace("\r\n", "\n").split("\n\n", 1)[1]
    return [email.message_from_string(block, policy=email.policy.SMTPUTF8)
            for block in text.strip().split("\n\n")[1:]]


class Attempt:
    """One ended attempt as `postern show` tells it."""

    def __init__(self, number, domain, text):
        text = text.split("\nReceipts\n")[0]
        self.number, self.domain, self.text = number, domain, text
        self.facts = dict(re.findall(r"^    ([A-Za-z]+(?: [a-z]+)?) +(\S.*)$", text, re.M))
        self.recipients = dict(re.findall(r"^    (\S+@\S+): (.*)$", text, re.M))

    def time(self, pattern):
        """The time in the text that the pattern's group has, in seconds."""
        return datetime.datetime.fromisoformat(re.search(pattern, self.text)[1]).timestamp()

    @property
    def began(self):
        return self.time(r"from (\S+) to ")

    @property
    def ended(self):
        return self.time(r"from \S+ to (\S+)")

    @property
    def next_try(self):
        return self.time(r"next try +(\S+)")

    @property
    def outcome(self):
        """The words about the only recipient."""
        (words,) = self.recipients.values()
        return words

    def __repr__(self):
        return f"attempt {self.number} to {self.domain}:\n{self.text}"


def attempts(shown):
    """The ended attempts in the output of `postern show`, in order."""
    found = []
    for part in re.split(r"^(?=20\d\d-)", shown, flags=re.M):
        match = re.match(r"\S+.*?  record \d+  attempt (\d+) to (\S+) ended\n(.*)", part, re.S)
        if match:
            found.append(Attempt(int(match[1]), match[2], match[3]))
    return found
