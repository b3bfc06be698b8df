"""What does whoever guesses passwords cost those who know theirs?"""
import contextlib
import shutil
import statistics
import subprocess

from machine import Failure
from postern import Postern

ROW = "| {:<72} | {:>9} | {:>7} |"
RATE, ADDRESSES = 1000, 200


class Guesser:
    """Guesses the user's password while a `with` lasts; then `said` tells how it went."""

    def __init__(self, program, stack):
        self.command = [program, "--port", str(stack.held), "--user", stack.user,
                        "--addresses", str(ADDRESSES), "--rate", str(RATE)]
        self.said = {}

    def __enter__(self):
        self.process = subprocess.Popen(self.command, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.process.stdout.readline()
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate()
        if self.process.returncode:
            raise Failure(f"the guesser ended with {self.process.returncode}")
        self.said = {name: float(value) for name, value in (p.split("=") for p in out.split())}


def run(folder, options, out, program, send):
    """`send(stack, letters)`: from connecting and signing in to 250, each on a new connection."""
    letters = 600 if options.quick else 3000
    quiet, under, guesses, cost = [], [], [], []
    with contextlib.ExitStack() as ending:
        stack = Postern(folder, "postern", None)
        ending.callback(shutil.rmtree, stack.folder, ignore_errors=True)
        ending.callback(stack.stop)
        stack.company.set("connections-per-address", "50")
        stack.restart()
        send(stack, 10)  # somebody who signed in from there before
        for _ in range(options.rounds):
            stack.settle()
            quiet.append(send(stack, letters)["p99_ms"])
            stack.settle()
            before = stack.group.cpu_seconds()
            with Guesser(program, stack) as guesser:
                under.append(send(stack, letters)["p99_ms"])
            guesses.append(guesser.said)
            cost.append(stack.group.cpu_seconds() - before)
            if guesser.said["in"]:
                raise Failure("a guess was right")
    begun = sum(g["begun"] for g in guesses)
    seconds = sum(g["seconds"] for g in guesses)
    ratio = statistics.median(u / q for u, q in zip(under, quiet))
    out(ROW.format("connecting, signing in, one letter of 4 KB until its 250", "measured", "wanted"))
    out(ROW.format("---", "---:", "---:"))
    out(ROW.format("p99, nobody guesses", f"{statistics.median(quiet):.1f} ms", ""))
    out(ROW.format(f"p99 while {ADDRESSES} addresses guess the password of the same account",
                   f"{statistics.median(under):.1f} ms", ""))
    out(ROW.format("the ratio", f"{ratio:.1f}", "3"))
    out(ROW.format("guesses a second that were made", f"{begun / seconds:.0f}", f"{RATE}"))
    out(ROW.format("of them answered with a connection's end", f"{sum(g['closed'] for g in guesses) / begun:.0%}", ""))
    out(ROW.format("all of Postern meanwhile, of one processor", f"{sum(cost) / seconds:.0%}", ""))
