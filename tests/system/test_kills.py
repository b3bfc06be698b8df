"""kill -9 of every process at random moments under load, and of all at once: what got 250 is in
the ledger and arrives, what was refused does not, and nothing arrives that is not in the ledger.

POSTERN_KILLS  how many processes are killed (default 200)
POSTERN_SEED   the moments and victims of an earlier run, as far as the machine repeats itself
"""
import collections
import concurrent.futures
import contextlib
import os
import random
import re
import signal
import smtplib
import socket
import sys
import threading
import time

import pytest

from company import ROOT, Company, wait_for

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

KILLS = int(os.environ.get("POSTERN_KILLS", "200"))
SEED = int(os.environ.get("POSTERN_SEED", random.randrange(1 << 32)))
COMPANY_KILLS = 10
SENDERS = 4
GAP_S = 0.12           # between a sender's letters, at most
PAUSE_S = (0.02, 0.35)  # between two kills
PASSWORD = "a test's own pass phrase"
ADA = "ada@example.test"
ROLES = ["keeper", "signer", "auth", "inspector", "reader", "intake", "delivery", "courier", "pull",
         "directory", "backup", "journal", "connector", "submission", "scanner"]


class Sender(threading.Thread):
    """A mail program: sends until told to stop, and sends again what it got no answer for."""

    def __init__(self, company, number):
        super().__init__(daemon=True)
        self.company, self.number = company, number
        self.random = random.Random(f"{SEED} {number}")
        self.context = company.context()
        self.enough = threading.Event()
        self.smtp = None
        self.unanswered = False
        self.acknowledged = {}  # id: (token, letter)
        self.refused = []       # tokens that got 4yz or 5yz after the final dot
        self.lost = 0           # connections that broke, letters or logins refused
        self.failure = None

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.company.submissions), 60)
        smtp = smtplib.SMTP(timeout=60)
        smtp.sock = self.context.wrap_socket(sock, server_hostname=self.company.hostname)
        smtp.file = None
        code, text = smtp.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        smtp.ehlo("client.example.test")
        smtp.login(ADA, PASSWORD)
        self.smtp = smtp

    def hang_up(self):
        self.lost += 1
        if self.smtp:
            self.smtp.close()
        self.smtp = None
        time.sleep(0.02)

    def make(self, count):
        token = f"{SEED:x}-{self.number}-{count}"
        lines = self.random.choice([3, 30, 300, 3000])
        letter = (f"From: <{ADA}>\r\nTo: <joe@partner.test>\r\nSubject: {token}\r\n"
                  f"Date: Tue, 24 Nov 2026 07:30:00 +0000\r\nMessage-ID: <{token}@client.test>\r\n"
                  f"\r\n{token}\r\n"
                  + "".join(f"{self.random.getrandbits(200):050x}\r\n" for _ in range(lines)))
        return token, letter.encode()

    def attempt(self, token, letter):
        """Send once. True when it is known what became of the letter: a refusal says nothing about
        an earlier attempt that ended without an answer."""
        handed_over = False
        try:
            if not self.smtp:
                self.connect()
            for command in (f"MAIL FROM:<{ADA}>", "RCPT TO:<joe@partner.test>"):
                code, text = self.smtp.docmd(command)
                if code != 250:
                    raise smtplib.SMTPResponseException(code, text)
            handed_over = True
            code, text = self.smtp.data(letter)
        except (OSError, smtplib.SMTPException):
            self.unanswered = self.unanswered or handed_over
            self.hang_up()
            return False
        if code == 250:
            letter_id = re.search(rb"Recorded as ([0-9a-z]{16})", text)[1].decode()
            self.acknowledged[letter_id] = (token, letter)
            return True
        self.hang_up()
        if not self.unanswered:
            self.refused.append(token)
        return not self.unanswered

    def run(self):
        try:
            count = 0
            while not self.enough.is_set():
                token, letter = self.make(count)
                self.unanswered = False
                while not self.attempt(token, letter):
                    pass
                count += 1
                if self.smtp and self.random.random() < 0.1:
                    self.smtp.close()
                    self.smtp = None
                time.sleep(self.random.uniform(0, GAP_S))
        except Exception as e:  # noqa: BLE001 - shown by the test
            self.failure = e


class Ordeal:
    """What was done, and what came of it."""

    def __init__(self, folder):
        self.company = Company(folder / "company")
        certificate, key = self.company.authority.issue("mx.partner.test")
        self.receiver = Receiver(folder / "received", certificate=certificate, key=key).start()
        self.company.create(
            settings={"restart-delay": "1ms", "restart-delay-limit": "1s",
                      "retry-schedule": "1s", "outbound-tls": "verified", "segment-size": "1MiB"},
            sections=f"[domain partner.test]\nroute = 127.0.0.1:{self.receiver.port}\n"
                     "tls-name = mx.partner.test\n")
        self.company.start()
        self.company.add_user(ADA, PASSWORD)
        self.kills = collections.Counter()
        self.senders = [Sender(self.company, n) for n in range(SENDERS)]

    def kill_one(self, role, dice):
        """A process of that role, or of the next one when that one is just down."""
        running = collections.defaultdict(list)
        for pid, name in self.company.descendants().items():
            running[name].append(pid)
        first = ROLES.index(role)
        for victim in ROLES[first:] + ROLES[:first]:
            if running[victim]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(dice.choice(running[victim]), signal.SIGKILL)
                    self.kills[victim] += 1
                return

    def run(self):
        dice = random.Random(SEED)
        roles = []
        for sender in self.senders:
            sender.start()
        for n in range(KILLS):
            time.sleep(dice.uniform(*PAUSE_S))
            if n % max(1, KILLS // COMPANY_KILLS) == 0:
                self.company.kill()
                self.kills["all"] += 1
                self.company.start()
            else:
                roles = roles or dice.sample(ROLES, len(ROLES))  # each as often as the others
                self.kill_one(roles.pop(), dice)
        for sender in self.senders:
            sender.enough.set()
        for sender in self.senders:
            sender.join(120)
            assert not sender.is_alive() and sender.failure is None, sender.failure
        try:
            wait_for("everything to be delivered", self.is_drained, 180, 0.2)
        except TimeoutError as late:
            raise AssertionError(self.company.postern("status") +
                                 self.company.postern("queue", "list")) from late

    def is_drained(self):
        try:
            status = self.company.status()
        except RuntimeError:  # a process is being started again
            return False
        return all(status.get(name) == "0"
                   for name in ("backlog.letters", "queue.waiting", "queue.in_hand"))

    def acknowledged(self):
        return {k: v for sender in self.senders for k, v in sender.acknowledged.items()}

    def arrived(self):
        """[(id, letter)] of all that the world outside has received."""
        return [(re.search(rb"\bid ([0-9a-z]{16})\b", letter)[1].decode(), letter)
                for _, letter in self.receiver.letters()]


@pytest.fixture(scope="module")
def ordeal(tmp_path_factory):
    print(f"POSTERN_SEED={SEED}")
    o = Ordeal(tmp_path_factory.mktemp("kills"))
    try:
        o.run()
        wait_for("the auditor", lambda: o.company.sign_in().returncode == 0)
        yield o
    finally:
        o.company.stop()
        o.receiver.stop()


def read(company, *arguments, **options):
    """What `postern` prints; it asks for patience when thousands of letters are read in a minute."""
    def answer():
        done = company.postern(*arguments, check=False, **options)
        assert done.returncode in (0, 75), done
        return done if done.returncode == 0 else None

    return wait_for(" ".join(arguments), answer, 90, 0.5).stdout


def each(function, items):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(function, items))


def test_enough_happened(ordeal):
    print(dict(ordeal.kills), "acknowledged", len(ordeal.acknowledged()), "refused",
          sum(len(s.refused) for s in ordeal.senders), "lost",
          sum(s.lost for s in ordeal.senders), "arrived", len(ordeal.arrived()))
    assert sum(ordeal.kills.values()) >= 0.95 * KILLS
    assert ordeal.kills["all"] >= min(KILLS, COMPANY_KILLS)
    assert all(ordeal.kills[role] >= KILLS // 20 for role in ROLES)
    assert all(len(s.acknowledged) >= KILLS // 10 and s.lost for s in ordeal.senders)


def test_what_was_acknowledged_is_in_the_ledger(ordeal):
    def exported(item):
        letter_id, (_, letter) = item
        return read(ordeal.company, "export", letter_id, text=False) == letter or letter_id

    assert [x for x in each(exported, ordeal.acknowledged().items()) if x is not True] == []


def test_what_was_acknowledged_arrived(ordeal):
    arrived = {letter_id for letter_id, _ in ordeal.arrived()}
    assert ordeal.acknowledged().keys() - arrived == set()


def test_what_was_refused_did_not_arrive(ordeal):
    refused = {token for s in ordeal.senders for token in s.refused}
    arrived = {re.search(rb"\r\nSubject: (\S+)", letter)[1].decode()
               for _, letter in ordeal.arrived()}
    assert refused & arrived == set()


def test_what_arrived_is_in_the_ledger(ordeal):
    def exported(item):
        letter_id, letter = item
        return read(ordeal.company, "export", "--as-sent", letter_id,
                    text=False) == letter or letter_id

    assert [x for x in each(exported, dict(ordeal.arrived()).items()) if x is not True] == []


def test_copies_of_a_letter_are_the_same(ordeal):
    """A duplicate is what was sent before, byte for byte; and a client that sends again because it
    got no answer does not make it two letters."""
    first = {}
    for letter_id, letter in ordeal.arrived():
        token = re.search(rb"\r\nSubject: (\S+)", letter)[1]
        assert first.setdefault(token, (letter_id, letter)) == (letter_id, letter)


def test_duplicates_are_of_unrecorded_outcomes_only(ordeal):
    counts = collections.Counter(letter_id for letter_id, _ in ordeal.arrived())
    duplicates = [letter_id for letter_id, n in counts.items() if n > 1]
    print(f"{len(duplicates)} letters arrived more than once")
    for letter_id in duplicates:
        story = read(ordeal.company, "show", letter_id)
        begun = len(re.findall(r"attempt \d+ to partner\.test begins", story))
        ended = len(re.findall(r"attempt \d+ to partner\.test ended", story))
        unknown = story.count("UNKNOWN: lost before the reply")
        assert counts[letter_id] <= 1 + begun - ended + unknown, story


def test_the_ledger_is_whole(ordeal):
    assert "\nwhole" in ordeal.company.postern("ledger", "verify")
