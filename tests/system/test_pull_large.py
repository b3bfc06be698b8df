"""A mailbox of many letters at a real Dovecot: what a pull of it takes of memory and time, `POSTERN_PULL_LETTERS` of them."""
import os
import pathlib
import re
import shutil
import signal
import tempfile
import time

import pytest

import provider as providers
from company import Company, wait_for
from provider import PASSWORD, Provider

pytestmark = [pytest.mark.long,
              pytest.mark.skipif(providers.MISSING is not None, reason=str(providers.MISSING))]

LETTERS = int(os.environ.get("POSTERN_PULL_LETTERS", "100000"))
LARGE, LARGE_BYTES = 4, 50 << 20
EVE = "eve@example.test"
WORDS = [f"w{n * 2654435761 % 100003:05d}" for n in range(20000)]  # of a language that nobody speaks
HWM = {"pull": 192, "keeper": 320}  # MiB that each may have had at most


def content(n):
    words = " ".join(WORDS[(n * k + k * k) % len(WORDS)] for k in range(1, 40))
    return (f"From: Eve <eve@example.test>\r\nTo: x{n % 977}@partner.test\r\nSubject: Letter {n}\r\n"
            f"Date: Mon, 5 Jan 2026 09:00:00 +0000\r\nMessage-ID: <{n}@example.test>\r\n\r\n{words}\r\n").encode()


def fill(provider, first, last):
    """Letters as files of the Maildir, with their sizes in their names, as Dovecot writes them."""
    folder = provider.put(EVE, first, content(first)).parent
    directory = os.open(folder, os.O_DIRECTORY | os.O_RDONLY)
    for n in range(first, last):
        raw = content(n)
        name = f"{1764000000 + n // 1000}.M{n:07d}.provider,S={len(raw)},W={len(raw)}:2,S"
        file = os.open(name, os.O_CREAT | os.O_WRONLY, 0o666, dir_fd=directory)
        os.write(file, raw)
        os.close(file)
    os.close(directory)
    for n in range(last, last + LARGE):
        (folder / f"{1764000000 + last}.M{n}.provider:2,S").write_bytes(
            content(n) + (b"x" * 76 + b"\r\n") * (LARGE_BYTES // 78))
    next(folder.glob(f"{1764000000 + first}.M{first}.provider:2,S")).unlink()


def peaks(company):
    """Of each process, the most memory that it had, in MiB."""
    found = {}
    for pid, role in company.processes().items():
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        found[role] = max(found.get(role, 0), int(re.search(r"VmHWM:\s+(\d+)", text)[1]) >> 10)
    return found


def counts(company):
    found = re.search(r"large +eve@example.test +(\d+) +(\d+) +(\d+)", company.postern("import", "list", check=False).stdout)
    return tuple(map(int, found.groups())) if found else (0, 0, 0)


def test_a_mailbox_of_many_letters():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="postern-large-"))  # for the provider's own user
    directory.chmod(0o755)
    company = Company(directory / "company")
    provider = Provider(directory / "provider", company.authority)
    (directory / "password").write_text(PASSWORD + "\n")
    company.create(sections=provider.section("large", [EVE], directory / "password", interval="1min"))
    began = time.monotonic()
    fill(provider, 0, LETTERS - LARGE)
    print(f"\n{LETTERS} letters written in {time.monotonic() - began:.0f} s")
    provider.start()
    company.start()
    try:
        pull(company)
    finally:
        company.stop()
        provider.stop()
    shutil.rmtree(directory)


def ended(company):
    return len(re.findall(r"event=pull.ended pull=large ", company.log.read_text()))


def pull(company):
    began, marks = time.monotonic(), [(time.monotonic(), 0)]
    while sum(counts(company)) < LETTERS:
        time.sleep(5)
        taken = counts(company)[0]
        if taken >= marks[-1][1] + LETTERS // 20:
            marks.append((time.monotonic(), taken))
            rate = (taken - marks[-2][1]) / (marks[-1][0] - marks[-2][0])
            print(f"{taken} taken, {rate:.0f} a second, {peaks(company)}", flush=True)
        broken = re.search(r"large: .*\n.*\n +[^l].*", company.postern("pull", "status", check=False).stdout)
        if broken:
            print(broken[0], flush=True)
        assert time.monotonic() - began < 3600 + LETTERS / 100
    took = time.monotonic() - began
    assert counts(company) == (LETTERS, 0, 0), counts(company)
    most = peaks(company)
    print(f"{LETTERS} taken in {took:.0f} s ({LETTERS / took:.0f} a second); most memory (MiB): {most}", flush=True)
    for role, limit in HWM.items():
        assert most[role] <= limit, most
    before = int(company.status()["ledger.records"])
    for kill in (False, True):  # nothing of it is held in memory
        again, was = time.monotonic(), ended(company)
        if kill:
            os.kill(next(pid for pid, role in company.processes().items() if role == "pull"), signal.SIGKILL)
        company.postern("pull", "now", "large")
        wait_for("the next pull", lambda was=was: ended(company) > was, 600, 0.2)
        assert "0 taken, 0 were there already, 0 could not be taken" in company.postern("pull", "status")
        print(f"a further pull took {time.monotonic() - again:.1f} s", flush=True)
    assert counts(company) == (LETTERS, 0, 0)
    assert int(company.status()["ledger.records"]) - before < 200
