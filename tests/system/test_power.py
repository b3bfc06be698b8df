"""The power goes, at any moment of a cycle: a start, an account, letters, a checkpoint, a backup, packs.

The cycle runs once, with every write of every process noted (tests/faults/disk.py). Then, for many
moments, the directory is made as a disk could hold it had the power gone there, the daemon starts on it, and
what it had promised must be true: a letter that got 250 is there byte for byte and arrives, nothing is there
that nobody sent, an account can sign in, a checkpoint is the beginning of the ledger, the ledger verifies.
With --long that is done for every moment at which something promised may be lost, and for many others.

POSTERN_SEED   what was left by the cuts of an earlier run
"""
import contextlib
import os
import random
import re
import shutil
import smtplib
import subprocess
import sys
import threading
import time

import pytest

from company import BUILD, ROOT, Company, wait_for
from scene import ALICE, PASSWORD, Client, Scene

sys.path.insert(0, str(ROOT / "tests" / "faults"))
from disk import Bytes, Disk, Least, Most, Names, Some, record, spread  # noqa: E402

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may trace the roles"),
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed"),
]

SEED = int(os.environ.get("POSTERN_SEED", random.randrange(1 << 32)))
LATER = "later@example.test"
QUIET_S = 60


class Letter:
    def __init__(self, token, content):
        self.token, self.content, self.id, self.promised = token, content, None, None


class Cycle(Scene):
    """What was done while everything was noted, and what was promised when."""

    def __init__(self, directory):
        directory.chmod(0o755)
        super().__init__(directory, retry_schedule="1s", restart_delay="1ms", pack_after="200ms")
        self.directory, self.letters = directory, []
        self.disk_folder = directory / "disk"  # the data directory and a backup below it
        self.send_one("before")
        self.quiet()
        self.company.stop()
        self.disk_folder.mkdir()
        self.company.data.rename(self.disk_folder / "data")
        self.company.data = self.disk_folder / "data"
        self.company.set("data-directory", self.company.data)
        self.base = directory / "base"
        shutil.copytree(self.disk_folder, self.base, ignore=shutil.ignore_patterns("*.sock"))
        self.letters[0].promised = -1
        self.note = directory / "note"
        self.done = {}  # what: when whoever asked for it had the answer; then, behind which line

    def send_one(self, token, more="", smtp=None):
        letter = Letter(token, (
            f"From: <{ALICE}>\r\nTo: <paula@partner.test>\r\nSubject: {token}\r\n"
            f"Date: Tue, 24 Nov 2026 07:30:00 +0000\r\nMessage-ID: <{token}@client.test>\r\n"
            f"\r\n{token}\r\n{more}").encode())
        letter.id = self.submit(letter.content, ["paula@partner.test"], smtp)
        self.letters.append(letter)

    def quiet(self):
        wait_for("everything to be delivered", lambda: drained(self.company), QUIET_S)

    def run(self):
        """The cycle. Times are those at which whoever asked had the answer."""
        traces = self.directory / "daemon.trace", self.directory / "backup.trace"
        self.company.start(wrapper=record(traces[0]))
        self.company.add_user(LATER, PASSWORD)
        self.done["account"] = time.time()
        self.company.postern("dkim", "new", "fresh")
        self.done["key"] = time.time()
        smtp = self.client()
        for n in range(3):
            self.send_one(f"single-{n}", smtp=smtp)
        threads = [threading.Thread(target=self.send_one, args=(f"together-{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.send_one("large", "0123456789abcdef\r\n" * 40000, smtp=smtp)
        self.quiet()
        packs = len(list(self.company.data.glob("ledger/*.pack")))
        self.note.write_text(self.company.postern("checkpoint"))
        self.done["checkpoint"] = time.time()
        self.send_one("another", smtp=smtp)
        self.saved = list(self.letters)
        done = subprocess.run(
            [*record(traces[1]), BUILD / "postern", "-c", self.company.config, "backup",
             self.disk_folder / "backup", "--with-master-key"], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.done["backup"] = time.time()
        self.send_one("last", smtp=smtp)
        self.quiet()
        wait_for("packs", lambda: len(list(self.company.data.glob("ledger/*.pack"))) > packs)
        self.company.stop()
        wait_for("the notes", lambda: all(map(ended, traces)))
        return traces

    def read(self, traces):
        self.disk = Disk(self.disk_folder, self.base, *traces)
        self.done = {what: self.disk.line_at(when) for what, when in self.done.items()}
        for letter in self.letters[1:]:
            letter.promised = self.disk.line_of_message(letter.id.encode())
            assert letter.promised is not None

    def promises(self):
        """The lines with which something was promised."""
        return sorted([*(letter.promised for letter in self.letters[1:]), *self.done.values()])

    def leave(self, cut, policy):
        """A company on what a cut leaves."""
        folder = self.directory / "after"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)
        self.disk.leave(folder / "disk", cut, policy)
        shutil.copy(self.company.config, folder / "postern.conf")
        company = Company(folder)  # its ports are those of the configuration
        company.authority = self.company.authority
        company.data = folder / "disk" / "data"
        company.set("data-directory", company.data)
        return company

    def survive(self, cut, policy):
        """Start on what a cut leaves, and see that every promise is kept."""
        company = self.leave(cut, policy)
        company.start()
        try:
            self.judge(company, cut)
        finally:
            company.stop()

    def judge(self, company, cut):
        wait_for("everything to be delivered", lambda: drained(company), QUIET_S)
        for letter in self.letters:
            got = company.postern("export", letter.id, text=False, check=False)
            if letter.promised <= cut:
                assert got.returncode == 0, f"{letter.token} got 250 and is lost: {got.stderr}"
            if got.returncode == 0:
                assert got.stdout == letter.content, f"{letter.token} was altered"
                wait_for(f"{letter.token} to be found", lambda: letter.id in company.postern(  # noqa: B023
                    "search", letter.token, check=False).stdout)
                assert self.arrived(letter.token), f"{letter.token} was not delivered"
        since = ("--since", self.note) if self.done["checkpoint"] <= cut else ()
        assert "\nwhole" in company.postern("ledger", "verify", *since)
        if self.done["key"] <= cut:
            assert "fresh-rsa" in company.postern("dkim", "list")
            assert "signer.key_unreadable" not in company.log.read_text()
        accounts = [ALICE, *([LATER] if self.done["account"] <= cut else [])]
        for account in accounts:
            smtp = self.client(user=account, company=company)
            content = f"From: <{account}>\r\nSubject: after\r\n\r\nafter\r\n".encode()
            smtp.sendmail(account, ["paula@partner.test"], content)
            smtp.quit()

    def restore(self, cut, policy):
        """What the backup holds that a cut leaves."""
        company = self.leave(cut, policy)
        shutil.rmtree(company.data)
        company.postern("restore", company.data.parent / "backup")
        company.start()
        try:
            for letter in self.saved:
                assert company.postern("export", letter.id, text=False) == letter.content
            assert "\nwhole" in company.postern("ledger", "verify", "--since", self.note)
        finally:
            company.stop()

    def arrived(self, token):
        return any(f"\r\nSubject: {token}\r\n".encode() in path.read_bytes()[:4096]
                   for path in self.receiver.folder.glob("*.eml"))


def ended(trace):
    """Nobody has the file open any more: strace is gone."""
    for fd in os.scandir("/proc"):
        if fd.name.isdigit():
            with contextlib.suppress(OSError):
                if any(os.readlink(f.path) == str(trace) for f in os.scandir(f"{fd.path}/fd")):
                    return False
    return True


def drained(company):
    with contextlib.suppress(RuntimeError):  # a process is being started again
        status = company.status()
        if status.get("queue.deferred") != "0":
            company.postern("queue", "retry", "--all", check=False)
        return all(status.get(name) == "0" for name in
                   ("backlog.letters", "queue.waiting", "queue.in_hand"))
    return False


@pytest.fixture(scope="module")
def cycle(tmp_path_factory):
    print(f"POSTERN_SEED={SEED}")
    c = Cycle(tmp_path_factory.mktemp("power"))
    try:
        c.read(c.run())
        yield c
    finally:
        c.close()


def try_all(cycle, cuts):
    """Survive all of them; every failure is told."""
    failures = []
    for cut, policy in cuts:
        try:
            cycle.survive(cut, policy)
        except (AssertionError, RuntimeError, TimeoutError, OSError, smtplib.SMTPException) as e:
            failures.append(f"cut at {cut} of {cycle.disk.end}, {policy.name}: {e}")
    assert not failures, "\n".join(failures)


def test_the_notes_tell_all_that_was_written(cycle):
    cycle.disk.leave(cycle.directory / "all", cycle.disk.end, Most())
    assert cycle.disk.differences(cycle.directory / "all") == set()


def test_what_was_promised_is_there_after_a_power_cut(cycle):
    promises = cycle.promises()
    try_all(cycle, [(cut, Least()) for cut in spread(promises, 4)] +
            [(cut, Some(SEED + n)) for n, cut in enumerate(spread(cycle.disk.moments, 3))])


def test_a_backup_is_durable_when_it_is_said_to_be(cycle):
    cycle.restore(cycle.done["backup"], Least())


@pytest.mark.long
def test_every_promise_and_many_moments(cycle):
    moments = cycle.disk.moments
    cuts = [(cut, policy()) for cut in cycle.promises() for policy in (Least, Names, Bytes)]
    cuts += [(cut, policy()) for cut in spread(moments, 60) for policy in (Least, Most)]
    cuts += [(cut, Some(SEED + n)) for n, cut in enumerate(spread(moments, 200))]
    try_all(cycle, cuts)
