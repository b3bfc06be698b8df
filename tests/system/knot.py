"""Knot DNS as the authority for a company's own zone: signed by itself, changed by dynamic update (RFC 2136)."""
import base64
import os
import subprocess
import time

from company import free_port

KEY = base64.b64encode(bytes(range(32))).decode()


class Knot:
    """Zones with these records; `anchor` is what a resolver trusts them by."""

    def __init__(self, folder, zone, *records):
        self.zone = zone
        self.folder = folder
        self.port = free_port()
        (folder / "zones").mkdir(parents=True)
        (folder / "zones" / f"{zone}.zone").write_text("\n".join(
            [f"$ORIGIN {zone}.", "$TTL 1", "@ SOA ns h 1 3600 600 86400 1", "@ NS ns", "ns A 127.0.0.1",
             *records, ""]))
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
    dnskey-ttl: 1
    propagation-delay: 0
    nsec3: off
template:
  - id: default
    storage: {folder}/zones
zone:
  - domain: {zone}
    acl: update
    dnssec-signing: on
    dnssec-policy: quick
""")
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
