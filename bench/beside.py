"""Does accepting keep its rate while something goes on behind it?"""
import contextlib
import shutil
import statistics
import time

import machine
from postern import Postern

ROW = "| {:<58} | {:>9} | {:>7} |"
WANTED = "90 %"


def waiting(stack):
    """Letters that are not inspected yet."""
    return stack.count("backlog.letters")


def segments_left(stack):
    """Segments that are no packs yet, without the one that is written."""
    return len(list((stack.company.data / "ledger").glob("*.seg"))) - 1


def beside(stack, accept, letters, what, goes_on):
    """The rate of accepting so many letters; it must have gone on until the end."""
    if not goes_on():
        raise machine.Failure(f"{what} does not go on before it is measured: send more before")
    rate = accept(letters)
    if not goes_on():
        raise machine.Failure(f"{what} was over before it was measured: send more before")
    return rate


def run(folder, options, out, send):
    """`send(stack, letters)`: accept them on reused connections, in letters a second."""
    many, letters = (8000, 1000) if options.quick else (30000, 3000)
    found = {"nothing": [], "indexing": [], "packing": []}
    with contextlib.ExitStack() as ending:
        stack = Postern(folder, "postern", None)
        ending.callback(shutil.rmtree, stack.folder, ignore_errors=True)
        ending.callback(stack.stop)
        stack.company.set("segment-size", "16MiB")
        stack.restart()
        send(stack, letters)  # the password is remembered
        for _ in range(options.rounds):
            stack.settle(600)
            found["nothing"].append(send(stack, letters))
            send(stack, many)  # so much waits that no burst is let in first: keeper/burst
            time.sleep(0.5)
            found["indexing"].append(beside(stack, lambda n: send(stack, n), letters, "indexing",
                                            lambda: waiting(stack) > 0))
        stack.settle(600)
        stack.company.set("pack-after", "1s")
        stack.restart()
        for _ in range(options.rounds):
            found["packing"].append(beside(stack, lambda n: send(stack, n), letters // 3, "packing",
                                           lambda: segments_left(stack) > 0))
    rates = {what: statistics.median(r) for what, r in found.items()}
    out(ROW.format("accepting 4 KB, reused connections", "measured", "wanted"))
    out(ROW.format("---", "---:", "---:"))
    out(ROW.format("letters/s of a burst, nothing else going on", f"{rates['nothing']:.0f}", ""))
    for what, title in (("indexing", "the same while letters before it are inspected and indexed"),
                        ("packing", "the same while segments become packs")):
        out(ROW.format(title, f"{rates[what] / rates['nothing']:.0%}", WANTED))
