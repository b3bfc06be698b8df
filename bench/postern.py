"""Postern as a benchmark sees it: a company made by `postern init`, measured in a group."""
from company import Company
from machine import Group, wait_until

CERTIFICATE_NAME = "mail.example.test"


class Postern:
    """A running company. `sink`: the port that its letters go to; None: delivery is paused."""

    name = "Postern"
    user, password = "alice@example.test", "correct horse battery staple"

    def __init__(self, parent, name, sink):
        self.group = Group(name)
        self.folder = parent / name
        self.company = Company(self.folder)
        self.paused = sink is None
        self.company.create(
            settings={"connections-per-address": "10000", "connections-limit": "10000",
                      "connection-letters": "1000000", "session-timeout": "1d"},
            sections=f"[domain partner.test]\nroute = 127.0.0.1:{sink}\n" if sink else "")
        self.held = self.free = self.company.submissions
        self.start()
        self.company.add_user(self.user, self.password)
        self.company.postern("dkim", "new", "rsa", "--kind", "rsa", "--bits", "2048")
        self.company.postern("dkim", "new", "ed25519", "--kind", "ed25519")
        self.company.set("dkim-selector", "rsa, ed25519")
        self.stop()
        self.start()
        if self.paused:
            self.company.postern("queue", "pause")

    def start(self):
        """Start posternd in the group and wait until it accepts."""
        self.company.start(wrapper=self.group.wrapper())
        self.group.adopt(self.company.process)

    def settle(self):
        """Wait until nothing is on its way; what is paused stays."""
        if not self.paused:
            wait_until(lambda: int(self.company.status()["queue"].split()[0]) == 0, 300,
                       "Postern's queue is empty", every=0.2)

    def clear(self):
        """Nothing: a ledger forgets nothing."""

    def stop(self):
        """End it in order."""
        self.company.stop()
