#!/usr/bin/python3
"""A name server for tests: NSD on loopback with the zones of one folder.

    tests/receiver/dns.py ZONES WORK PORT

Each ZONES/NAME.zone becomes the zone NAME. One whose first line says `; signed` is signed with a
fresh key, one that says `; bogus` is signed and then one address and one digest in it are changed. The keys'
DNSKEY records, to be trusted by the test, are in WORK/anchors. Prints `ready` when it answers and
runs until its standard input ends, so that it never outlives the test that started it.
"""
import pathlib
import socket
import struct
import subprocess
import sys
import time


def sign(zone, name, work):
    """Sign work/NAME with one fresh key; return the DNSKEY record."""
    key = subprocess.run(
        ["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", name],
        cwd=work, check=True, capture_output=True, text=True,
    ).stdout.strip()
    subprocess.run(
        ["ldns-signzone", "-f", zone.name, zone.name, key], cwd=work, check=True,
        stdout=subprocess.DEVNULL,
    )
    return (work / f"{key}.key").read_text()


def prepare(source, work):
    """Write the zone files and the anchors; return the names of the zones."""
    names, anchors = [], ""
    for path in sorted(source.glob("*.zone")):
        text = path.read_text()
        zone = work / path.name
        zone.write_text(text)
        kind = text.splitlines()[0].strip("; ")
        if kind in ("signed", "bogus"):
            anchors += sign(zone, path.stem, work)
        if kind == "bogus":
            signed = zone.read_text()
            for right, wrong in (("127.0.0.66", "127.0.0.67"), ("b0b0b0b0", "b1b1b1b1")):
                signed = signed.replace(right, wrong)
            zone.write_text(signed)
        names.append(path.stem)
    (work / "anchors").write_text(anchors)
    return names


def configuration(names, work, port):
    lines = [
        "server:",
        f"  ip-address: 127.0.0.1@{port}",
        f'  zonesdir: "{work}"',
        f'  pidfile: "{work}/nsd.pid"',
        '  database: ""',
        '  username: ""',
        '  chroot: ""',
        f'  xfrdfile: "{work}/xfrd"',
        f'  zonelistfile: "{work}/zonelist"',
        f'  logfile: "{work}/nsd.log"',
        "  server-count: 1",
        "  rrl-ratelimit: 0",
        "remote-control:",
        "  control-enable: no",
    ]
    for name in names:
        lines += ["zone:", f"  name: {name}", f'  zonefile: "{name}.zone"']
    return "\n".join(lines) + "\n"


def answers(port, name):
    """True when the server answers a question for the SOA of `name`."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    packet = struct.pack(">6H", 4711, 0, 1, 0, 0, 0) + question + b"\0\0\6\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        s.connect(("127.0.0.1", port))
        try:
            s.send(packet)
            return len(s.recv(512)) > 12
        except OSError:
            return False


def main():
    source, work, port = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    work.mkdir(parents=True, exist_ok=True)
    names = prepare(source, work.resolve())
    config = work / "nsd.conf"
    config.write_text(configuration(names, work.resolve(), port))
    server = subprocess.Popen(["nsd", "-d", "-c", str(config)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL)
    try:
        for _ in range(400):
            if answers(port, names[0]):
                break
            if server.poll() is not None:
                return 1
            time.sleep(0.05)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        server.terminate()
        server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
