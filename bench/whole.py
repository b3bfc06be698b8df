"""The whole system at size: taking mail in, searching meanwhile and afterwards, packing, verifying."""
import contextlib
import random
import resource
import shutil
import statistics
import threading
import time

import machine
from postern import Postern

ROW = "| {:<50} | {:>9} | {:>7} |"
QUESTIONS = 300


class Watch(threading.Thread):
    """The most memory that all processes had together, looked at every second."""

    def __init__(self, group):
        super().__init__(daemon=True)
        self.group, self.most, self.done = group, 0, threading.Event()

    def run(self):
        while not self.done.wait(1):
            self.most = max(self.most, self.group.memory_kib("Pss"))

    def stop(self):
        """In MiB."""
        self.done.set()
        self.join()
        return self.most / 1024


class Questions:
    """What is asked: words, pairs, phrases, sender and month, drawn from the letters."""

    def __init__(self, texts):
        self.texts, self.dice = texts, random.Random(2)

    def next(self):
        text = self.dice.choice(self.texts)
        at = self.dice.randrange(len(text) - 3)
        return self.dice.choice((
            [text[at]], [f"{text[at]} {text[at + 3]}"], [f'"{" ".join(text[at:at + 3])}"'],
            [f"from:{text[0]}@old.test after:2025-12-31 before:2026-02-01"]))


def busy_seconds(stack):
    """Processor time of all processes and of what was run from here."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return stack.group.cpu_seconds() + own.ru_utime + own.ru_stime


def ask(stack, questions, count):
    """Milliseconds of the command line for so many questions, sorted."""
    took = []
    for _ in range(count):
        words = questions.next()
        began = time.monotonic()
        done = stack.company.postern("search", *words, check=False)
        took.append((time.monotonic() - began) * 1000)
        if done.returncode not in (0, 1):
            raise machine.Failure(f"{words} is not answered: {done.stderr}")
    return sorted(took)


def p95(took):
    return f"{took[int(len(took) * 0.95)]:.0f} ms"


def ask_meanwhile(stack, questions, importing):
    """As people do while mail is taken in: a question every second."""
    took = []
    while importing.is_alive():
        took += ask(stack, questions, 1)
        importing.join(1)
    return sorted(took)


def pack_and_verify(stack, out):
    """Everything becomes packs; `postern ledger verify` reads it through the daemon."""
    company = stack.company

    def ledger_files(ending):
        return list((company.data / "ledger").glob("*" + ending))

    watch = Watch(stack.group)
    watch.start()
    company.set("pack-after", "1s")
    stack.restart()
    began = time.monotonic()
    machine.wait_until(lambda: len(ledger_files(".seg")) == 1 and ledger_files(".pack") and
                       not ledger_files(".old") and not ledger_files(".new"), 3000, "packs", every=1)
    segments = time.monotonic() - began
    out(ROW.format("all segments become packs", f"{segments:.0f} s", ""))
    out(ROW.format("all processes meanwhile, at most (Pss)", f"{watch.stop():.0f} MiB", "300 MB"))
    size = sum(f.stat().st_size for f in ledger_files(""))
    began, busy = time.monotonic(), busy_seconds(stack)
    if "\nwhole" not in company.postern("ledger", "verify", timeout=600):
        raise machine.Failure("the ledger is not whole")
    seconds, busy = time.monotonic() - began, busy_seconds(stack) - busy
    out(ROW.format(f"`postern ledger verify`, {size / 1e6:,.0f} MB of packs",
                   f"{size / seconds / 1e6:.0f} MB/s", ""))
    out(ROW.format("the same by processor time", f"{size / busy / 1e6:.0f} MB/s", "150 MB/s"))


def run(folder, options, out, write_mailbox):
    """`write_mailbox(path, count, texts)` writes the mail and says how large it is."""
    count = options.letters or (10000 if options.quick else 200000)
    box, texts = folder / "whole.mbox", []
    size = write_mailbox(box, count, texts)
    questions = Questions(texts)
    out(ROW.format(f"the whole system, {count:,} letters of {size / count / 1000:.1f} KB", "measured", "wanted"))
    out(ROW.format("---", "---:", "---:"))
    with contextlib.ExitStack() as ending:
        stack = Postern(folder, "postern", None)
        ending.callback(shutil.rmtree, stack.folder, ignore_errors=True)
        ending.callback(stack.stop)
        stack.company.sign_in()
        watch = Watch(stack.group)
        watch.start()
        began = time.monotonic()
        importing = threading.Thread(target=stack.company.postern, args=("import", "mbox", box),
                                     kwargs={"timeout": 3000})
        importing.start()
        meanwhile = ask_meanwhile(stack, questions, importing)
        stack.settle(3000)
        while int(stack.company.status()["index.position"]) < int(stack.company.status()["catalog.position"]):
            time.sleep(0.5)
        out(ROW.format("letters/s, index included, searched meanwhile",
                       f"{count / (time.monotonic() - began):.0f}", "2000"))
        out(ROW.format("all processes meanwhile, at most (Pss)", f"{watch.stop():.0f} MiB", "300 MB"))
        box.unlink()
        if meanwhile:
            out(ROW.format("a question meanwhile, by the command line, p95", p95(meanwhile), ""))
        asked = 30 if options.quick else QUESTIONS
        busy = busy_seconds(stack)
        took = ask(stack, questions, asked)
        busy = busy_seconds(stack) - busy
        out(ROW.format("a question afterwards, by the command line, p50", f"{statistics.median(took):.0f} ms", ""))
        out(ROW.format("a question afterwards, by the command line, p95", p95(took), "50 ms"))
        out(ROW.format("processor time of a question, command line included", f"{busy / asked * 1000:.1f} ms", ""))
        out(ROW.format("start until it accepts", f"{stack.restart():.2f} s", "3 s"))
        out(ROW.format("first question after the start", f"{ask(stack, questions, 1)[0]:.0f} ms", ""))
        pack_and_verify(stack, out)
