"""Postern as the benchmark runs it: a company made by `postern init`, in a group of its own."""
import time

from company import Company
from machine import Group, answers, wait_until


class Postern:
    """A running company. `sink`: the port that its letters go to; None: its queue is paused. `settings`, `sections`: more
    of them."""

    name = "Postern"
    user, password = "alice@example.test", "correct horse battery staple"

    def __init__(self, parent, name, sink, settings=(), sections=""):
        self.group = Group(name)
        self.folder = parent / name
        self.company = Company(self.folder)
        self.company.create(
            settings={"connections-per-address": "20000", "connections-limit": "20000",
                      "connection-letters": "1000000", **dict(settings)},
            sections=(f"[domain partner.test]\nroute = 127.0.0.1:{sink}\n" if sink else "") + sections)
        self.held = self.free = self.company.submissions
        self.start()
        self.company.add_user(self.user, self.password)
        self.company.appoint()  # who searches
        self.company.postern("dkim", "new", "bench")
        self.company.set("dkim-selector", "bench-rsa, bench-ed25519")
        if sink is None:
            self.company.postern("queue", "pause")
        self.restart()

    def start(self):
        """Start posternd in the group; how many seconds it took until it accepted connections."""
        began = time.monotonic()
        self.company.start(wrapper=self.group.wrapper())
        self.group.adopt(self.company.process)
        wait_until(lambda: answers(self.company.submissions), 60, "Postern listens")
        return time.monotonic() - began

    def restart(self):
        """Stop in order and start again."""
        self.company.stop()
        return self.start()

    def count(self, name):
        """A number of `postern status`."""
        return int(self.company.status()[name])

    def settle(self, seconds=300):
        """Wait until nothing is on its way; what is paused stays."""
        def is_quiet():
            status = self.company.status()
            return status.get("backlog.letters") == "0" and status.get("queue.in_hand") == "0"

        wait_until(is_quiet, seconds, "Postern has nothing to do", every=0.2)

    def clear(self):
        """Nothing: a ledger forgets nothing."""

    def stop(self):
        """End it in order."""
        self.company.stop()
        self.group.stop()
