"""Memory of all processes while letters of 50 MB come in, by each way that they can take."""
import base64
import contextlib
import os
import pathlib
import re
import shutil
import threading
import time

import machine
from postern import Postern
from scene import Client

ROW = "| {:<50} | {:>9} | {:>7} |"
LETTERS, BYTES = 4, 50 << 20
EVERY_S, REST_S = 0.1, 15  # readers of letters end when they had nothing to do for a while
FIELDS = ("Pss", "Pss_Shmem")


def letter(n, end=b"\n"):
    """What nothing makes smaller, as an attachment is; it is opened by what reads letters."""
    content = b"%PDF-1.4\n" + os.urandom(BYTES * 3 // 4 - (1 << 20))
    text = base64.encodebytes(content).replace(b"\n", end)
    head = (f"From: alice@example.test\nTo: bob@partner.test\nSubject: large {n}\nMIME-Version: 1.0\n"
            f"Date: Mon, 5 Jan 2026 09:00:00 +0000\nMessage-ID: <large-{n}@example.test>\n"
            "Content-Type: application/pdf; name=large.pdf\nContent-Transfer-Encoding: base64\n\n").encode()
    return head.replace(b"\n", end) + text


def pss(pid):
    """(KiB of a process, what is shared in parts; of these in memory files)."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0, 0  # it ended
    return tuple(int(re.search(rf"^{name}: +(\d+)", text, re.M)[1]) for name in FIELDS) if text else (0, 0)


def memory_files(pids):
    """{inode: KiB} of memory files that somebody has open, mapped or not."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for fd in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(fd.path).startswith("/memfd:"):
                        status = os.stat(fd.path)
                        found[status.st_ino] = status.st_blocks // 2
    return sum(found.values())


class Watch(threading.Thread):
    """The most that all processes had together, in MiB: as mapped, and with memory files that nobody has mapped."""

    def __init__(self, group):
        super().__init__(daemon=True)
        self.group, self.done = group, threading.Event()
        self.mapped = self.whole = 0

    def run(self):
        while not self.done.wait(EVERY_S):
            pids = self.group.pids()
            all_of = [pss(pid) for pid in pids]
            mapped, shared = (sum(column) for column in zip(*all_of))
            self.mapped = max(self.mapped, mapped >> 10)
            self.whole = max(self.whole, mapped - shared + memory_files(pids) >> 10)

    def stop(self):
        self.done.set()
        self.join()
        return self.mapped, self.whole


def by_mbox(stack):
    box = stack.folder / "large.mbox"
    with box.open("wb") as file:
        for n in range(LETTERS):
            file.write(b"From alice@example.test Mon Jan  5 09:00:00 2026\n" + letter(f"m{n}") + b"\n")
    return lambda: stack.company.postern("import", "mbox", box, timeout=3000)


def by_files(stack):
    folder = stack.folder / "large"
    folder.mkdir()
    for n in range(LETTERS):
        (folder / f"{n}.eml").write_bytes(letter(f"e{n}"))
    return lambda: stack.company.postern("import", "eml", folder, timeout=3000)


def by_submission(stack):
    letters = [letter(f"s{n}", b"\r\n") for n in range(LETTERS)]

    def give():
        smtp = Client(stack.company.hostname, stack.company.submissions, context=stack.company.context(),
                      local_hostname="client.example.test", timeout=600)
        smtp.login(stack.user, stack.password)
        for content in letters:
            smtp.sendmail(stack.user, ["bob@partner.test"], content)
        smtp.quit()
    return give


def most_of(stack):
    """The most that each role had, in MiB."""
    found = {}
    for pid, role in stack.company.processes().items():
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            found[role] = max(found.get(role, 0), int(re.search(r"VmHWM:\s+(\d+)", text)[1]) >> 10)
    return found


def run(folder, _sink, _options, out):
    out(ROW.format(f"{LETTERS} letters of {BYTES >> 20} MB, at most", "measured", "wanted"))
    out(ROW.format("---", "---:", "---:"))
    for way, prepare in (("`import mbox`", by_mbox), ("`import eml`", by_files), ("submission", by_submission)):
        with contextlib.ExitStack() as ending:
            stack = Postern(folder, "postern", None)
            ending.callback(shutil.rmtree, stack.folder, ignore_errors=True)
            ending.callback(stack.stop)
            give = prepare(stack)
            watch = Watch(stack.group)
            watch.start()
            give()
            stack.settle(3000)
            mapped, whole = watch.stop()
            time.sleep(REST_S)
            after = stack.group.memory_kib("Pss") >> 10
            out(ROW.format(f"{way}: all processes (Pss)", f"{mapped} MiB", "300 MB"))
            out(ROW.format("the same with memory files nobody has mapped", f"{whole} MiB", ""))
            out(ROW.format("the same afterwards, at rest (Pss)", f"{after} MiB", ""))
            most = most_of(stack)
            for role in ("keeper", "intake"):
                out(ROW.format(f"`{role}` at most (VmHWM)", f"{most[role]} MiB", ""))
