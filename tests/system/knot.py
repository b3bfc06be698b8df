"""Knot DNS as the authority for a zone: signed by itself, changed by dynamic update (RFC 2136)."""
import base64
import os
import re
import subprocess
import time

from company import free_port

KEY = base64.b64encode(bytes(range(32))).decode()


class Knot:
    """A zone with these records; `anchor` is what a resolver trusts it by. `unsigned` are more zones, {name: records}."""

    def __init__(self, folder, zone, *records, ttl=1, unsigned=None):
        self.zone = zone
        self.folder = folder
        self.port = free_port()
        zones = {zone: records, **(unsigned or {})}
        (folder / "zones").mkdir(parents=True)
        for name, lines in zones.items():
            (folder / "zones" / f"{name}.zone").write_text("\n".join(
                [f"$ORIGIN {name}.", f"$TTL {ttl}", f"@ SOA ns h 1 3600 600 86400 {ttl}", "@ NS ns",
                 "ns A 127.0.0.1", *lines, ""]))
        plain = "".join(f"  - domain: {name}\n" for name in zones if name != zone)
        (folder / "knot.conf").write_text(f"""
server:
    rundir: {folder}
    listen: 127.0.0.1@{self.port}
database:
    storage: {folder}
key:
  - id: postern
    algorithm: hmac-sha256
    secret: {KEY}
acl:
  - id: update
    key: postern
    action: update
policy:
  - id: quick
    algorithm: ecdsap256sha256
    dnskey-ttl: {ttl}
    propagation-delay: 0
    nsec3: off
template:
  - id: default
    storage: {folder}/zones
    global-module: mod-stats
zone:
  - domain: {zone}
    acl: update
    dnssec-signing: on
    dnssec-policy: quick
{plain}""")
        self.process = subprocess.Popen(
            ["knotd", "-c", folder / "knot.conf"], stdin=subprocess.DEVNULL,
            stdout=(folder / "knot.log").open("w"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 20
        while not self.ask(zone, "DNSKEY") or not self.ask(zone, "RRSIG"):
            assert time.monotonic() < deadline and self.process.poll() is None, \
                (folder / "knot.log").read_text()
            time.sleep(0.05)

    def ask(self, name, kind):
        """What it answers, a line each."""
        return subprocess.run(["kdig", "+short", "+time=2", f"@127.0.0.1", "-p", str(self.port), name, kind],
                              capture_output=True, text=True, check=False).stdout.splitlines()

    def questions(self):
        """How many it was asked by UDP and TCP since it began."""
        said = subprocess.run(["knotc", "-s", self.folder / "knot.sock", "stats", "mod-stats.request-protocol"],
                              capture_output=True, text=True, check=True).stdout
        return sum(int(n) for n in re.findall(r"= (\d+)$", said, re.M))

    def anchor(self, path):
        path.write_text("".join(f"{self.zone}. IN DNSKEY {line}\n"
                                for line in self.ask(self.zone, "DNSKEY") if line.startswith("257 ")))
        return path

    def update(self, *lines):
        """nsupdate's commands."""
        key = self.folder / "update.key"
        key.write_text(f"hmac-sha256:postern:{KEY}\n")
        os.chmod(key, 0o600)
        script = "\n".join([f"server 127.0.0.1 {self.port}", f"zone {self.zone}", *lines, "send", ""])
        done = subprocess.run(["knsupdate", "-k", key], input=script, text=True, capture_output=True,
                              check=False)
        assert done.returncode == 0 and "failed" not in done.stderr, done.stderr + done.stdout

    def publish(self, text):
        """Lines of a zone file, each record on one line or in parentheses."""
        joined, open_ = [], False
        for line in text.splitlines():
            if line.startswith(";") or not line.strip():
                continue
            if open_:
                joined[-1] += " " + line.strip()
            else:
                joined.append(line)
            open_ = "(" in joined[-1] and ")" not in joined[-1]
        self.update(*(f"add {name} 1 {rest}" for name, rest in
                      (line.replace("(", "").replace(")", "").replace(" IN ", " ", 1).split(" ", 1)
                       for line in joined)))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
