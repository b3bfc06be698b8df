"""A disk that fails: EIO, ENOSPC and short writes injected into each call that one commit of the
ledger makes, a slow fdatasync, a full disk. A letter that was refused never arrives and is in no
archive; the next one is accepted; what was acknowledged stays.

strace puts the errors into the keeper's system calls, so the daemon is the real one.
"""
import base64
import contextlib
import os
import random
import re
import shutil
import smtplib
import socket
import subprocess
import sys
import threading
import time

import pytest

from company import ROOT, Company, patience, wait_for

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402
from test_kills import Sender  # noqa: E402

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may trace the keeper, or mount"),
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed"),
]

PASSWORD = "a test's own pass phrase"
ADA = "ada@example.test"
AGAIN_S = 30  # in which a letter must be accepted after a fault
SMALL = 0     # bytes of text: fits into the space that the segment has in advance
GROWING = 1 << 20    # does not: zeros are written and synced first
LARGE = 8 << 20  # too large to be written twice: grows the file by itself


class Client(smtplib.SMTP_SSL):
    """Connects to loopback whatever the name, which the certificate must carry."""

    def _get_socket(self, host, port, timeout):
        sock = socket.create_connection(("127.0.0.1", port), timeout)
        return self.context.wrap_socket(sock, server_hostname=host)


class Faults:
    """strace in the keeper: injects as long as the context lasts, into calls on some files alone."""

    def __init__(self, world, *injections, segments=6):
        self.world, self.injections, self.segments = world, injections, segments
        self.output = world.company.directory / "strace"

    def paths(self):
        return self.world.ledger_paths(self.segments)

    def __enter__(self):
        self.keeper = keeper = self.world.keeper()
        calls = ",".join(i.partition(":")[0] for i in self.injections)
        arguments = ["strace", "-f", "-y", "-p", str(keeper), "-o", str(self.output), "-e",
                     f"trace={calls}"]
        for injection in self.injections:
            arguments += ["-e", "inject=" + injection]
        for path in self.paths():
            arguments += ["-P", str(path)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        said = ""
        while "attached" not in said:
            said = self.process.stderr.readline()
            assert said, "strace ended"
            assert "Operation not permitted" not in said, said
        return self

    def __exit__(self, *_):
        self.process.terminate()  # it lets go of the keeper
        try:
            self.process.communicate(timeout=2)
        except subprocess.TimeoutExpired:  # it waits for a thread of a keeper that is dead
            self.process.kill()
            self.process.communicate(timeout=20)

    def over(self):
        """The keeper it traced has ended. Strace itself may not notice when threads end at once."""
        return self.process.poll() is not None or self.world.keeper() != self.keeper

    def injected(self):
        """The lines of the calls that failed or were delayed by us."""
        return [line for line in self.output.read_text().splitlines()
                if "(INJECTED)" in line or "(DELAYED)" in line]


class World:
    def __init__(self, directory, data=None, **settings):
        self.company = Company(directory / "company")
        self.company.data = data or self.company.data
        certificate, key = self.company.authority.issue("mx.partner.test")
        self.receiver = Receiver(directory / "received", certificate=certificate, key=key).start()
        self.company.create(
            settings={"outbound-tls": "verified", "retry-schedule": "1s", "restart-delay": "1ms",
                      "restart-delay-limit": "1s", **settings},
            sections=f"[domain partner.test]\nroute = 127.0.0.1:{self.receiver.port}\n"
                     "tls-name = mx.partner.test\n")
        self.company.start()
        self.company.add_user(ADA, PASSWORD)
        self.refused = {}  # token: letter
        self.count = 0
        self.read, self.found = 0, {}

    def end(self):
        self.company.stop()
        self.receiver.stop()

    def keeper(self):
        """The pid of the keeper; None while there is none."""
        return next((pid for pid, role in self.company.processes().items() if role == "keeper"),
                    None)

    def ledger_paths(self, more):
        """The folder, the newest segment and those that will follow it."""
        folder = self.company.data / "ledger"
        last = int(max(folder.glob("*.seg")).stem)
        return [folder, *(folder / f"{n:010}.seg" for n in range(last, last + more))]

    def client(self):
        smtp = Client(self.company.hostname, self.company.submissions,
                      context=self.company.context(), timeout=60,
                      local_hostname="client.example.test")
        smtp.login(ADA, PASSWORD)
        return smtp

    def make(self, size=SMALL):
        self.count += 1
        token = f"fault-{self.count}"
        text = base64.encodebytes(random.randbytes(size * 3 // 4)).replace(b"\n", b"\r\n")
        head = (f"From: <{ADA}>\r\nTo: <joe@partner.test>\r\nSubject: {token}\r\n"
                f"Date: Tue, 24 Nov 2026 07:30:00 +0000\r\nMessage-ID: <{token}@client.test>\r\n"
                f"\r\n{token}\r\n")
        return token, head.encode() + text

    def give(self, smtp, letter):
        """Submit a letter; what was said to it: (code, text)."""
        assert smtp.docmd("MAIL", f"FROM:<{ADA}>")[0] == 250
        assert smtp.docmd("RCPT", "TO:<joe@partner.test>")[0] == 250
        code, text = smtp.data(letter)
        return code, text.decode()

    def arrived(self):
        """{token: how often} of what has arrived."""
        folder = self.receiver.folder
        while (folder / f"{self.read + 1}.json").exists():
            self.read += 1
            with (folder / f"{self.read}.eml").open("rb") as file:
                token = re.search(rb"\r\nSubject: (\S+)", file.read(4096))[1].decode()
            self.found[token] = self.found.get(token, 0) + 1
        return self.found

    def wait_for_arrival(self, token):
        wait_for(f"{token} to arrive", lambda: token in self.arrived(), 60)

    def rest(self):
        """Wait until what was accepted before is recorded to its end, outcome and all."""
        folder, last, since = self.company.data / "ledger", None, time.monotonic()
        end = since + AGAIN_S * patience()
        while last is None or time.monotonic() < since + 0.2:
            assert time.monotonic() < end, "the ledger is never at rest"
            status = self.company.status()
            now = sorted((p.name, p.stat().st_mtime_ns) for p in folder.glob("*.seg"))
            if now != last or any(status.get(name) != "0" for name in (
                    "backlog.letters", "queue.waiting", "queue.in_hand")):
                last, since = now, time.monotonic()
            time.sleep(0.05)

    def accepts_again(self):
        """The next letter is accepted soon, and arrives."""
        end = time.monotonic() + AGAIN_S * patience()
        token, letter = self.make()
        while True:
            code, text = 0, ""
            with contextlib.suppress(OSError, smtplib.SMTPException):
                code, text = self.give(self.client(), letter)
            if code == 250:
                break
            assert time.monotonic() < end, f"{code} {text}"
            time.sleep(0.1)
        self.wait_for_arrival(token)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("faults"))
    try:
        yield w
    finally:
        w.end()


# The calls of a commit, in their order: a growing letter's are pwritev (zeros), fdatasync, pwritev
# (the batch), fdatasync; a small one's and a large one's the last two, the latter after fallocate.
# Then, when the batch failed: ftruncate, fdatasync, and of the next segment openat, pwritev,
# fdatasync, and fsync of the folder.
COMMITS = [
    *((SMALL, [f"{call}:{error}:when=1"], 451)
      for call, errors in (("pwritev", ["error=EIO", "error=ENOSPC", "retval=0", "retval=100"]),
                           ("fdatasync", ["error=EIO", "error=ENOSPC"]))
      for error in errors),
    (GROWING, ["pwritev:error=EIO:when=1"], 451),
    (GROWING, ["pwritev:error=ENOSPC:when=1"], 250),  # less in advance is enough
    (GROWING, ["pwritev:retval=4096:when=1"], 250),
    (GROWING, ["pwritev:error=ENOSPC:when=1..2"], 452),
    (GROWING, ["fdatasync:error=EIO:when=1"], 451),
    (GROWING, ["fdatasync:error=ENOSPC:when=1"], 451),
    (GROWING, ["pwritev:error=EIO:when=2"], 451),
    (GROWING, ["pwritev:error=ENOSPC:when=2"], 451),
    (GROWING, ["pwritev:retval=4096:when=2"], 451),
    (GROWING, ["fdatasync:error=EIO:when=2"], 451),
    (GROWING, ["fdatasync:error=ENOSPC:when=2"], 451),
    (LARGE, ["fallocate:error=ENOSPC:when=1"], 452),
    (LARGE, ["pwritev:error=ENOSPC:when=1"], 451),
    (LARGE, ["fdatasync:error=EIO:when=1"], 451),
    # What follows the failure fails as well, one by one.
    (SMALL, ["fdatasync:error=EIO:when=1", "ftruncate:error=EIO:when=1"], 451),
    (SMALL, ["fdatasync:error=EIO:when=1..2"], 451),
    (SMALL, ["fdatasync:error=EIO:when=1", "openat:error=ENOSPC:when=1"], 451),
    (SMALL, ["pwritev:error=EIO:when=1..2"], 451),
    (SMALL, ["pwritev:error=EIO:when=1", "fdatasync:error=EIO:when=2"], 451),
    (SMALL, ["fdatasync:error=EIO:when=1", "fsync:error=EIO:when=1"], 451),
]


@pytest.mark.parametrize("size, injections, code", COMMITS, ids=lambda v: (
    "+".join(v) if isinstance(v, list) else {SMALL: "small", GROWING: "growing",
                                             LARGE: "large"}.get(v, str(v))))
def test_a_commit_fails(world, size, injections, code):
    token, letter = world.make(size)
    smtp = world.client()
    world.rest()  # so that the next commit is this letter's
    with Faults(world, *injections) as faults:
        got, text = world.give(smtp, letter)
        failed = faults.injected()
    assert len(failed) >= len(injections), (got, text, failed)
    assert got == code, (text, failed)
    if code == 250:
        world.wait_for_arrival(token)
    else:
        assert text.startswith("4.3."), text
        world.refused[token] = letter
    world.accepts_again()


def drained(world):
    """Try at once what waits for its time; true when nothing is left."""
    with contextlib.suppress(RuntimeError):  # a process is being started again
        world.company.postern("queue", "retry", "--all", check=False)
        status = world.company.status()
        return all(status.get(name) == "0" for name in
                   ("backlog.letters", "queue.waiting", "queue.in_hand"))
    return False


def test_a_disk_that_fails_again_and_again(world):
    """Also what is recorded after the answer fails: findings, intents, outcomes."""
    senders = [Sender(world.company, n) for n in range(3)]
    failed = []

    def enough():
        return len(failed) > 20 and all(len(s.acknowledged) >= 20 for s in senders)

    for sender in senders:
        sender.start()
    while not enough():
        wait_for("a keeper", world.keeper)
        with Faults(world, "pwritev:error=ENOSPC:when=5+19", "fdatasync:error=EIO:when=4+13",
                    "ftruncate:error=EIO:when=2+3", segments=100) as faults:
            before = list(failed)

            def over():  # also when it could not settle a batch, and a new one was started
                failed[:] = before + faults.injected()
                return enough() or faults.over()

            wait_for("failures and letters", over, 90)
    for sender in senders:
        sender.enough.set()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive() and sender.failure is None, sender.failure
    refused = {token for s in senders for token in s.refused}
    assert refused
    wait_for("everything to be delivered", lambda: drained(world), 120, 0.5)
    arrived = world.arrived()
    for sender in senders:
        for letter_id, (token, letter) in sender.acknowledged.items():
            assert token in arrived
            assert world.company.postern("export", letter_id, text=False) == letter
    assert refused & arrived.keys() == set()
    assert "\nwhole" in world.company.postern("ledger", "verify")


def test_when_nothing_helps_the_keeper_ends_itself(world):
    """It can neither remove the refused batch nor say in a next segment where the ledger ends."""
    token, letter = world.make()
    smtp = world.client()
    with Faults(world, "fdatasync:error=EIO", "ftruncate:error=EIO") as faults:
        with pytest.raises((OSError, smtplib.SMTPException)):
            assert world.give(smtp, letter) == "no answer"
        wait_for("the keeper to end", faults.over)
    wait_for("a new keeper", world.keeper)
    assert "alarm=ledger-unsettled" in world.company.log.read_text()
    world.accepts_again()
    # Nobody knew whether it was recorded. The client sends again; either way it arrives once.
    assert world.give(world.client(), letter)[0] == 250
    world.wait_for_arrival(token)
    world.accepts_again()
    assert world.arrived()[token] == 1


def test_a_disk_that_fails_all_the_time(world):
    """Many refusals are many alarms; the keeper lives on, and goes on when the disk does."""
    keeper = world.keeper()
    letters = [world.make() for _ in range(700)]
    clients = [world.client() for _ in range(4)]
    codes = []

    def give(smtp):
        while letters:
            token, letter = letters.pop()
            code, _ = world.give(smtp, letter)
            codes.append(code)
            if code != 250:
                world.refused[token] = letter

    # Of each batch; the next segment's head works.
    with Faults(world, "pwritev:error=EIO:when=1+2", segments=1000):
        threads = [threading.Thread(target=give, args=[smtp]) for smtp in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes.count(451) > 620, codes
    assert world.company.processes().get(keeper) == "keeper"
    world.accepts_again()


def test_the_answer_waits_for_the_disk(world):
    token, letter = world.make()
    smtp = world.client()
    began, said = time.monotonic(), []

    def give():
        said.append((world.give(smtp, letter), time.monotonic() - began))

    with Faults(world, "fdatasync:delay_enter=1500000:when=1") as faults:
        thread = threading.Thread(target=give)
        began = time.monotonic()
        thread.start()
        thread.join(1)
        early = (list(said), token in world.arrived())
        thread.join(30)
        assert faults.injected()
    assert early == ([], False)
    (answer, seconds), = said
    assert answer[0] == 250 and seconds >= 1.5, said
    world.wait_for_arrival(token)


def test_refused_letters_do_not_come_back(world):
    assert world.refused
    for end in (world.company.stop, world.company.kill):
        end()
        world.company.start()
        world.accepts_again()
        assert world.refused.keys() & world.arrived().keys() == set()
    world.company.postern("catalog", "rebuild")
    assert "\nwhole" in world.company.postern("ledger", "verify")
    # Had the ledger one of them, the same letter would be a repetition of it.
    smtp = world.client()
    for letter in world.refused.values():
        assert world.give(smtp, letter)[0] == 250
    assert world.company.status()["letters.repeated"] == "0"
    wait_for("all of them to arrive", lambda: world.refused.keys() <= world.arrived().keys(), 60)


# ── a full disk ──

@pytest.fixture
def small_disk(tmp_path_factory):
    """A company whose data directory has 24 MiB."""
    directory = tmp_path_factory.mktemp("full")
    disk = directory / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", str(disk)],
                          check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    w = None
    try:
        w = World(directory, disk / "data", **{"disk-watermark": "1MiB"})
        yield w
    finally:
        if w:
            w.end()
        subprocess.run(["umount", str(disk)], check=True)


def fill(disk, leave):
    """Take all space of the disk but `leave` bytes."""
    with (disk / "filler").open("ab") as file:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        os.posix_fallocate(file.fileno(), file.tell(), max(1, free - leave))


def test_a_full_disk(small_disk):
    w = small_disk
    disk = w.company.data.parent
    kept = {}

    def give(size):
        token, letter = w.make(size)
        code, text = w.give(w.client(), letter)
        if code == 250:
            kept[re.search(r"Recorded as (\w+)", text)[1]] = (token, letter)
        else:
            w.refused[token] = letter
        return code, text

    assert give(SMALL)[0] == 250
    fill(disk, 1 << 20)  # down to the reserve
    code, text = give(GROWING)
    assert code in (451, 452) and text.startswith("4.3.1"), text
    fill(disk, 0)
    code, text = give(GROWING)
    assert code in (451, 452) and text.startswith("4.3.1"), text
    (disk / "filler").unlink()
    w.accepts_again()
    assert give(GROWING)[0] == 250
    for letter_id, (token, letter) in kept.items():
        w.wait_for_arrival(token)
        assert w.company.postern("export", letter_id, text=False) == letter
    assert w.refused and w.refused.keys() & w.arrived().keys() == set()
    assert "\nwhole" in w.company.postern("ledger", "verify")
