"""What was destroyed has a certificate that a lawyer proves with one program and the public key."""
import hashlib
import os
import re
import shutil
import struct
import subprocess

import pytest

from company import BUILD, wait_for
from scene import Scene
from test_disposal import import_letters, over, rule
from test_every_disposal import Traced
from test_holds import as_officer

PROGRAM = BUILD / "verify" / "postern-verify"
WORDS = ["kumquat", "calamondin", "yuzushka"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificate")
    directory.chmod(0o755)
    made = Scene(directory)
    yield made
    made.close()


@pytest.fixture(scope="module")
def done(scene, tmp_path_factory):
    """A disposal, one letter of it held, and its certificate."""
    company = scene.company
    out = tmp_path_factory.mktemp("lawyer")
    letters = import_letters(company, out / "old", WORDS)
    assert as_officer(company, "hold", "add", "case-7", "calamondin", "--reason",
                      "a court asks").returncode == 0
    rule(company, "30d", 3)
    asked = company.postern("disposal", "ask", "--reason", "their time is over")
    number = company.postern("disposal", "list").splitlines()[-1].split()[0]
    early = company.postern("disposal", "certificate", number, check=False)
    assert early.returncode == 65 and "nobody has approved it yet" in early.stderr, early
    company.second(asked)
    over(company)
    (out / "key").write_text(company.postern("ledger", "key"))
    said = company.postern("disposal", "certificate", number, "-o", out / "certificate")
    assert "keep it with the public key" in said, said
    return out, letters, number


def verify(certificate, key):
    said = subprocess.run([PROGRAM, "--certificate", certificate, "--key", key], capture_output=True,
                          text=True, check=False, env={"LC_ALL": "C"})
    return said.returncode, said.stdout + said.stderr


def test_a_certificate_says_what_was_done_and_proves_it(scene, done):
    out, letters, number = done
    text = (out / "certificate").read_text()
    people = text.split("---- proof")[0]
    assert re.search(r"^Asked  .* by auditor@example.test \(uid 0\), administrator; record \d+$", people, re.M), people
    assert re.search(rf"^Approved  .* by {scene.company.officer} \(uid 0\), officer", people, re.M)
    assert "because    their time is over" in people and "1 by holds" in people, people
    assert re.search(r"^  by hold +case-7: 1 letters$", people, re.M), people
    assert re.search(r"^Destroyed    2 letters .* \d+ records", people, re.M), people
    assert re.search("class +all, kept 30d from when it was sent", people), people
    assert letters["kumquat"] in people and letters["calamondin"] not in people
    assert re.search(rf"{letters['kumquat']}  facts \d+  removal \d+  kept until 2019-04-04T.*  rules \d+"
                     r"  records( \d+){3,}$", people, re.M), people
    for secret in [*WORDS, "alice", "paula"]:
        assert secret not in text and secret.encode().hex() not in text
    code, said = verify(out / "certificate", out / "key")
    assert code == 0 and "destroyed  2 letters" in said and "approved   20" in said and ": their time is over\n" in said, said
    assert re.search(r"^  held by    case-7: 1 letters$", said, re.M), said
    rows = scene.company.postern("disposal", "list").splitlines()
    assert re.search(rf"^ *{number}  disposal  done .* 2 +1 +0 ", rows[-1]), rows
    acts = as_officer(scene.company, "acts", "-n", "20").stdout
    assert re.search(r"certificate +request \w+ text [0-9a-f]{64}", acts), acts


def test_what_was_changed_in_it_shows(done, tmp_path):
    out, _, _ = done
    lines = (out / "certificate").read_text().splitlines(keepends=True)
    proof = lines.index("---- proof\n")
    changed = tmp_path / "changed"
    for at, line in enumerate(lines):
        if not re.search(r"[0-9a-z]", line) or at in (0, proof):
            continue
        last = max(i for i, c in enumerate(line) if c.isalnum())
        new = line[:last] + ("1" if line[last] != "1" else "2") + line[last + 1:]
        changed.write_text("".join([*lines[:at], new, *lines[at + 1:]]))
        assert verify(changed, out / "key")[0] != 0, line
    for at in range(proof + 1, len(lines)):  # nothing is there that is not needed
        changed.write_text("".join([*lines[:at], *lines[at + 1:]]))
        assert verify(changed, out / "key")[0] != 0, lines[at]
    code, said = verify(out / "key", out / "key")
    assert code == 2 and "this is no certificate" in said


def digest(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(line):
    """RFC 9162 leaf of a line of the proof, as docs/ledger-format.md section 4 has it."""
    seq, kind, at, *rest = line.split()
    rest = [bytes.fromhex(part) for part in rest]
    commitment = rest[0] if len(rest) == 1 else digest(*rest)
    return digest(b"\0", struct.pack(">QHQ", int(seq), int(kind), int(at)), commitment)


class Nodes:
    """Of a certificate's tree, from its leaves and the nodes that it has; and those that fewer leaves need."""

    def __init__(self, leaves, nodes, size):
        self.leaves, self.nodes, self.size, self.roots = leaves, iter(nodes), size, {}
        self.fill(0, size)

    def parts(self, low, high):
        half = 1 << (high - low - 1).bit_length() - 1
        return (low, low + half), (low + half, high)

    def has(self, leaves, part):
        return any(part[0] <= n < part[1] for n in leaves)

    def fill(self, low, high):
        if high - low == 1:
            self.roots[low, high] = self.leaves[low]
            return
        parts = self.parts(low, high)
        for part in parts:
            if self.has(self.leaves, part):
                self.fill(*part)
        for part in parts:
            if not self.has(self.leaves, part):
                self.roots[part] = next(self.nodes)
        self.roots[low, high] = digest(b"\1", *(self.roots[part] for part in parts))

    def proof(self, keep, low, high):
        if high - low == 1:
            return []
        parts = self.parts(low, high)
        out = [node for part in parts if self.has(keep, part) for node in self.proof(keep, *part)]
        return out + [self.roots[part] for part in parts if not self.has(keep, part)]


def test_what_was_left_out_of_it_shows(done, tmp_path):
    """Whoever has the file can make the nodes that fewer records need."""
    out, _, _ = done
    text, proof = (out / "certificate").read_text().split("---- proof\n")
    records, nodes, checkpoint = proof.split("\n\n", 2)
    lines = {int(line.split()[0]): line for line in records.splitlines()}
    tree = Nodes({seq: leaf(line) for seq, line in lines.items()}, map(bytes.fromhex, nodes.split()),
                 int(checkpoint.splitlines()[1]))

    def certificate(keep):
        (tmp_path / "made").write_text("\n\n".join([
            text + "---- proof\n" + "\n".join(lines[seq] for seq in keep),
            "\n".join(node.hex() for node in tree.proof(keep, 0, tree.size)), checkpoint]))
        return verify(tmp_path / "made", out / "key")

    def without(*types):  # nor the commitments of what was destroyed
        return certificate([seq for seq, line in lines.items()
                            if len(line.split()) == 5 and int(line.split()[1]) not in types])

    assert certificate(list(lines))[0] == 0
    erasures, removals, rules, disposals = (5, 6), 26, 48, 54
    code, said = without(*erasures, removals, rules)
    assert code == 1 and "it leaves out letters that were destroyed" in said, said
    code, said = without(*erasures, removals, rules, disposals)
    assert code == 1 and "it leaves out some of what was destroyed" in said, said
    code, said = without(*erasures, removals, disposals)
    assert code == 1 and "it opens a rule that no letter was under" in said, said
    code, said = certificate([seq for seq, line in lines.items() if int(line.split()[1]) != rules])
    assert code == 1 and "a rule that a letter was under is missing" in said, said


def test_one_erasure_has_one_too(scene, tmp_path):
    company = scene.company
    letter, _ = scene.send("tangelo")
    wait_for("delivery", lambda: "delivered (250" in company.show(letter), 20)
    wait_for("the index", lambda: letter in company.postern("search", "tangelo", check=False).stdout, 20)
    asked = company.postern("erase", letter, "--reason", "asked for")
    request = re.search(r"^request (\w+) waits", asked, re.M)[1]
    company.second(asked)
    (tmp_path / "key").write_text(company.postern("ledger", "key"))
    company.postern("disposal", "certificate", request, "-o", tmp_path / "certificate")
    text = (tmp_path / "certificate").read_text()
    assert "CERTIFICATE OF ERASURE" in text and letter in text and "tangelo" not in text
    code, said = verify(tmp_path / "certificate", tmp_path / "key")
    assert code == 0 and "says of this erasure" in said and "destroyed  1 letters" in said, said
    taken = company.postern("disposal", "certificate", request, "-o", tmp_path / "certificate", check=False)
    assert taken.returncode != 0  # nothing is overwritten
    assert os.path.getsize(tmp_path / "certificate") == len(text.encode())
    none = company.postern("disposal", "certificate", "0123456789abcdef", check=False)
    assert none.returncode == 65 and "there is no disposal or erasure of that id" in none.stderr


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"), reason="only root may trace the processes")
def test_there_is_none_before_the_keys_are_gone(scene, tmp_path):
    company = scene.company
    letter, other = (scene.send(word)[0] for word in ("loquat", "medlar"))
    for one in (letter, other):
        wait_for("delivery", lambda one=one: "delivered (250" in company.show(one), 20)
    wait_for("the index", lambda: other in company.postern("search", "medlar", check=False).stdout, 20)
    company.both("erase", other, "--reason", "asked for")  # now both are in a pack
    asked = company.postern("erase", letter, "--reason", "asked for")
    request = re.search(r"^request (\w+) waits", asked, re.M)[1]
    keeper = next(pid for pid, role in company.processes().items() if role == "keeper")
    keys = [path.name for path in (company.data / "record-keys").glob("*.key")]
    stuck = Traced(keeper, tmp_path / "calls", "unlinkat:error=EIO", paths=keys)  # the old keys stay
    try:
        company.second(asked)
        early = company.postern("disposal", "certificate", request, check=False)
    finally:
        stuck.end()
    assert early.returncode == 75 and "keys of it are still to be destroyed" in early.stderr, early
    wait_for("the certificate", lambda: company.postern(
        "disposal", "certificate", request, "-o", tmp_path / "certificate", check=False).returncode == 0, 30, 1)
    (tmp_path / "key").write_text(company.postern("ledger", "key"))
    code, said = verify(tmp_path / "certificate", tmp_path / "key")
    assert code == 0 and "destroyed  1 letters" in said, said
    acts = as_officer(company, "acts", "-n", "20").stdout
    assert re.search(rf"certificate proof +request {request}", acts), acts
