"""Letters of 50 MB, by each way that they can take: they are in the archive byte for byte, and no process has had
more memory for them than one letter wants."""
import base64
import contextlib
import hashlib
import os
import pathlib
import re

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Client, Scene

BYTES = 50 << 20
LETTERS = 3
MOST = {"keeper": 150, "intake": 150, "submission": 60}  # MiB that each may have had at most


def letter(name, end):
    """What nothing makes smaller, as an attachment is. A line of it begins as a letter does in an mbox."""
    text = base64.encodebytes(os.urandom(BYTES * 3 // 4 - (1 << 20))).replace(b"\n", end)
    head = (f"From: {ALICE}\nTo: bob@partner.test\nSubject: {name}\nMIME-Version: 1.0\n"
            f"Date: Mon, 5 Jan 2026 09:00:00 +0000\nMessage-ID: <{name}@example.test>\n"
            "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n").encode()
    return head.replace(b"\n", end) + text


def most_of(company):
    """The most memory that each role had, in MiB."""
    found = {}
    for pid, role in company.processes().items():
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            found[role] = max(found.get(role, 0), int(re.search(r"VmHWM:\s+(\d+)", text)[1]) >> 10)
    return found


@pytest.fixture
def scene(tmp_path):
    tmp_path.chmod(0o755)
    s = Scene(tmp_path)
    yield s
    s.close()


def exported(company, subject):
    """SHA-256 of the one letter with that subject."""
    def found():
        lines = company.postern("search", f"subject:{subject}", check=False).stdout.splitlines()[1:]
        return lines[0].split()[0] if len(lines) == 1 else None
    return hashlib.sha256(company.postern("export", "-o", "-", wait_for("the index", found, 120), text=False)).digest()


def taken(company, *arguments):
    said = company.postern("import", *arguments, timeout=600)
    assert f"{LETTERS} taken, 0 were there already, 0 could not" in said


def test_large_letters_are_taken_without_a_second_copy(scene, tmp_path):
    company, digests = scene.company, {}
    box, folder = tmp_path / "large.mbox", tmp_path / "large"
    folder.mkdir()
    with box.open("wb") as file:
        for n in range(LETTERS):
            content = letter(f"boxed{n}", b"\n")
            more = b"From here on\n" if n == 1 else b""  # a letter that must be written anew, quoted as it was
            digests[f"boxed{n}"] = hashlib.sha256(content + more).digest()
            file.write(b"From a@example.test Mon Jan  5 09:00:00 2026\n" + content + more.replace(b"F", b">F") + b"\n")
            content = letter(f"filed{n}", b"\r\n")
            digests[f"filed{n}"] = hashlib.sha256(content).digest()
            (folder / f"{n}.eml").write_bytes(content)
    taken(company, "mbox", box)
    taken(company, "eml", folder)
    content = letter("sent", b"\r\n")
    digests["sent"] = hashlib.sha256(content).digest()
    smtp = Client(company.hostname, company.submissions, context=company.context(),
                  local_hostname="client.example.test", timeout=600)
    smtp.login(ALICE, PASSWORD)
    scene.submit(content, ["bob@partner.test"], smtp)
    most = most_of(company)
    print(most)
    for subject, digest in digests.items():
        assert exported(company, subject) == digest, subject
    for role, limit in MOST.items():
        assert most[role] <= limit, most
