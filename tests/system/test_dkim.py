"""1,000 varied letters signed by Postern's own code, judged by two verifiers of others: dkimpy
(python3-dkim) and OpenDKIM (opendkim-testmsg). Each signature of a letter is judged alone.

OpenDKIM looks keys up in the DNS by the system's resolver; so its part runs in a network and mount
namespace of its own with a small name server, which needs root, and is skipped without.
"""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import variety

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD", ROOT / "build"))
DOMAIN = "example.test"
COUNT = 1000
SIGNATURES = ("rsa-sha256", "ed25519-sha256")

dkim = pytest.importorskip("dkim", reason="dkimpy (python3-dkim) is not installed")
pytest.importorskip("nacl", reason="python3-nacl, which dkimpy needs for ed25519, is missing")


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True,
                          capture_output=True).stdout


def make_keys(folder):
    """Keys for both algorithms; returns {name in the DNS: text of the record}."""
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
            folder / "rsa.pem")
    openssl("genpkey", "-algorithm", "ED25519", "-out", folder / "ed.pem")
    rsa = openssl("pkey", "-in", folder / "rsa.pem", "-pubout", "-outform", "DER")
    ed = openssl("pkey", "-in", folder / "ed.pem", "-pubout", "-outform", "DER")[-32:]
    return {f"rsa._domainkey.{DOMAIN}": "v=DKIM1; k=rsa; p=" + base64.b64encode(rsa).decode(),
            f"ed._domainkey.{DOMAIN}": "v=DKIM1; k=ed25519; p=" + base64.b64encode(ed).decode()}


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """(records of the DNS, {name: signed letter}); 1,000 of them."""
    folder = tmp_path_factory.mktemp("dkim")
    records = make_keys(folder)
    (folder / "in").mkdir()
    (folder / "out").mkdir()
    if not variety.corpus_files():
        print(f"\nno corpora at {variety.CORPORA}: generated letters only")
    letters = variety.letters(COUNT, "ann@" + DOMAIN)
    for name, letter in letters:
        (folder / "in" / name).write_bytes(letter)
    done = subprocess.run([BUILD / "sign_letters", DOMAIN, folder / "rsa.pem", folder / "ed.pem",
                           folder / "in", folder / "out"],
                          check=True, capture_output=True, text=True)
    assert done.stdout == "", f"refused:\n{done.stdout}"
    out = {f.name: f.read_bytes() for f in sorted((folder / "out").iterdir())}
    assert len(out) == COUNT
    return records, out


def alone(letter, algorithm):
    """The letter with only that one of its signatures."""
    header, gap, body = letter.partition(b"\r\n\r\n")
    fields = variety.fields_of(header)
    ours = [f for f in fields if f.startswith(b"DKIM-Signature:")]
    assert len(ours) == len(SIGNATURES), ours
    mark = re.compile(rb"\ba=" + algorithm.encode() + rb"\b")
    wanted = [f for f in ours if mark.search(f)]
    assert len(wanted) == 1, ours
    return b"\r\n".join(wanted + [f for f in fields if f not in ours]) + gap + body


@pytest.mark.parametrize("algorithm", SIGNATURES)
def test_dkimpy_accepts(signed, algorithm):
    records, letters = signed

    def lookup(name, timeout=5):
        return records.get(name.decode().rstrip("."), "").encode()

    refused = [name for name, letter in letters.items()
               if not dkim.verify(alone(letter, algorithm), dnsfunc=lookup)]
    assert not refused


@pytest.mark.parametrize("algorithm", SIGNATURES)
def test_a_changed_letter_is_refused(signed, algorithm):
    """The verifier really looks: change a byte of the body, add a second From or Subject."""
    records, letters = signed

    def lookup(name, timeout=5):
        return records.get(name.decode().rstrip("."), "").encode()

    for name in list(letters)[::100]:
        letter = alone(letters[name], algorithm)
        header, gap, body = letter.partition(b"\r\n\r\n")
        for changed in (header + gap + b"x" + body,
                        b"From: ceo@example.test\r\n" + letter,
                        header + b"\r\nSubject: x" + gap + body,
                        header + b"\r\nContent-Type: text/html" + gap + body):
            assert not dkim.verify(changed, dnsfunc=lookup), name


def test_signatures_are_as_decided(signed):
    """relaxed/relaxed, never l=, oversigned: each of these once more than it occurs."""
    for name, letter in signed[1].items():
        fields = variety.fields_of(letter.partition(b"\r\n\r\n")[0])
        for field in (f for f in fields if f.startswith(b"DKIM-Signature:")):
            tags = dict(t.strip().split(b"=", 1) for t in
                        re.sub(rb"\s+", b"", field.partition(b":")[2]).split(b";") if t)
            assert tags[b"c"] == b"relaxed/relaxed", name
            assert b"l" not in tags, name
            covered = tags[b"h"].lower().split(b":")
            for label in (b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to",
                          b"mime-version", b"content-type", b"content-transfer-encoding"):
                there = sum(f.partition(b":")[0].lower() == label for f in fields)
                assert covered.count(label) == there + 1, (name, label)


# Runs inside the namespaces: a name server for the keys, then OpenDKIM once a letter.
JUDGE = r"""
import os, pathlib, socket, struct, subprocess, sys, threading, json
work = pathlib.Path(sys.argv[1])
records = json.loads((work / "records").read_text())
(work / "resolv.conf").write_text("nameserver 127.0.0.1\noptions attempts:1 timeout:5\n")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["mount", "--bind", work / "resolv.conf", "/etc/resolv.conf"], check=True)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))

def answer():
    while True:
        query, peer = server.recvfrom(4096)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        question = query[12:at + 5]
        text = records.get(".".join(labels), "").encode()
        parts = [text[i:i + 255] for i in range(0, len(text), 255)]
        data = b"".join(bytes([len(p)]) + p for p in parts)
        reply = query[:2] + struct.pack("!HHHHH", 0x8580, 1, 1, 0, 0) + question
        reply += struct.pack("!HHHIH", 0xc00c, 16, 1, 60, len(data)) + data
        server.sendto(reply, peer)

threading.Thread(target=answer, daemon=True).start()
for file in sorted((work / "letters").iterdir()):
    done = subprocess.run(["opendkim-testmsg", "-t", work], stdin=file.open("rb"),
                          capture_output=True, text=True)
    if done.returncode:
        print(file.name, done.returncode, done.stdout, done.stderr)
"""


def opendkim(folder, records, letters):
    """What OpenDKIM says against these letters; empty when it accepts all."""
    (folder / "letters").mkdir()
    (folder / "records").write_text(json.dumps(records))
    for name, letter in letters.items():
        (folder / "letters" / name).write_bytes(letter)
    done = subprocess.run(["unshare", "-n", "-m", sys.executable, "-c", JUDGE, folder],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


needs_opendkim = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("opendkim-testmsg") or not shutil.which("unshare"),
    reason="needs root (namespaces), opendkim-tools and util-linux")


@needs_opendkim
@pytest.mark.parametrize("algorithm", SIGNATURES)
def test_opendkim_accepts(signed, algorithm, tmp_path):
    records, letters = signed
    assert opendkim(tmp_path, records,
                    {n: alone(letter, algorithm) for n, letter in letters.items()}) == ""


@needs_opendkim
def test_opendkim_refuses_a_changed_letter(signed, tmp_path):
    records, letters = signed
    name, letter = next(iter(letters.items()))
    said = opendkim(tmp_path, records, {a: alone(letter, a) + b"x\r\n" for a in SIGNATURES})
    assert all(a in said for a in SIGNATURES), (name, said)
