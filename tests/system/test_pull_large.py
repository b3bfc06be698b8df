"""A mailbox of many letters at a real Dovecot: what a pull of it takes of memory and time, `POSTERN_PULL_LETTERS` of them;
then what questions, a start and the first question after it take in an archive of that size."""
import calendar
import os
import pathlib
import random
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
FROM_YEAR, YEARS = 2006, 20
HWM = {"pull": 192, "keeper": 320}  # MiB that each may have had at most
QUESTIONS = 300


def words_of(n):
    return [WORDS[(n * k + k * k) % len(WORDS)] for k in range(1, 40)]


def year_of(n):
    return FROM_YEAR + n % YEARS


def content(n):
    return (f"From: Eve <eve@example.test>\r\nTo: x{n % 977}@partner.test\r\nSubject: Letter {n}\r\n"
            f"Date: 5 Jan {year_of(n)} 09:00:00 +0000\r\nMessage-ID: <{n}@example.test>\r\n\r\n{' '.join(words_of(n))}\r\n").encode()


def fill(provider, first, last):
    """Letters as files of the Maildir, with their sizes in their names, as Dovecot writes them; received when they were
    written, of which a file's time tells."""
    years = {year: calendar.timegm((year, 1, 5, 9, 0, 0)) for year in range(FROM_YEAR, FROM_YEAR + YEARS)}
    folder = provider.put(EVE, first, content(first)).parent
    directory = os.open(folder, os.O_DIRECTORY | os.O_RDONLY)
    for n in range(first, last):
        raw = content(n)
        # Dovecot's hash of names has 28 bits and takes neighbours for the same: with counted names it would look for minutes
        name = f"{1764000000 + n // 1000}.M{n * 2654435761 % (1 << 32):010d}.provider,S={len(raw)},W={len(raw)}:2,S"
        file = os.open(name, os.O_CREAT | os.O_WRONLY, 0o666, dir_fd=directory)
        os.write(file, raw)
        os.utime(file, (years[year_of(n)],) * 2)
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


def memory(company):
    """Of all processes together, what is shared counted once, in MiB."""
    total = 0
    for pid in [company.process.pid, *company.descendants()]:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue  # it has just ended
        total += int(re.search(r"Pss:\s+(\d+)", text)[1])
    return total >> 10


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
        pull_again(company)
        search(company)
    finally:
        company.stop()
        provider.stop()
    shutil.rmtree(directory)


def ended(company):
    return len(re.findall(r"event=pull.ended pull=large ", company.log.read_text()))


def pull(company):
    began, marks, together = time.monotonic(), [(time.monotonic(), 0)], 0
    while sum(counts(company)) < LETTERS:
        time.sleep(5)
        taken, together = counts(company)[0], max(together, memory(company))
        if taken >= marks[-1][1] + LETTERS // 20:
            marks.append((time.monotonic(), taken))
            rate = (taken - marks[-2][1]) / (marks[-1][0] - marks[-2][0])
            print(f"{taken} taken, {rate:.0f} a second, all {together} MiB, {peaks(company)}", flush=True)
        broken = re.search(r"large: .*\n.*\n +[^l].*", company.postern("pull", "status", check=False).stdout)
        if broken:
            print(broken[0], flush=True)
        assert time.monotonic() - began < 3600 + LETTERS / 100
    took = time.monotonic() - began
    assert counts(company) == (LETTERS, 0, 0), counts(company)
    most = peaks(company)
    print(f"{LETTERS} taken in {took:.0f} s ({LETTERS / took:.0f} a second); most memory (MiB): {most}, all at once {together}", flush=True)
    for role, limit in HWM.items():
        assert most[role] <= limit, most


def pull_again(company):
    """Nothing of what was taken is held in memory: a further pull takes nothing, also when the process was killed."""
    before = int(company.status()["ledger.records"])
    for kill in (False, True):
        again, was = time.monotonic(), ended(company)
        if kill:
            os.kill(next(pid for pid, role in company.processes().items() if role == "pull"), signal.SIGKILL)
        company.postern("pull", "now", "large")
        wait_for("the next pull", lambda was=was: ended(company) > was, 600, 0.2)
        assert "0 taken, 0 were there already, 0 could not be taken" in company.postern("pull", "status")
        print(f"a further pull took {time.monotonic() - again:.1f} s", flush=True)
    assert counts(company) == (LETTERS, 0, 0)
    assert int(company.status()["ledger.records"]) - before < 200


def ask(company, *words):
    """(milliseconds of the command line, of how many letters it tells)."""
    began = time.monotonic()
    told = company.postern("search", *words, check=False)
    assert told.returncode in (0, 1), told.stderr
    return (time.monotonic() - began) * 1000, told.stdout.count("Letter ")


def search(company):
    """A letter drawn by chance is found by each kind of question; how long that took is told, not judged."""
    wait_for("the index", lambda: (s := company.status()) and int(s["index.position"]) >= int(s["catalog.position"]),
             7200, 1)
    company.sign_in()
    chance, took = random.Random(2), {}
    for n in range(QUESTIONS):
        letter = chance.randrange(LETTERS - LARGE)
        words, year = words_of(letter), year_of(letter)
        at = chance.randrange(len(words) - 3)
        kind, question = (("word", [words[at]]), ("two words", [f"{words[at]} {words[at + 3]}"]),
                          ("phrase", [f'"{" ".join(words[at:at + 3])}"']),
                          ("recipient and year", [f"to:x{letter % 977}@partner.test after:{year - 1}-12-31 "
                                                  f"before:{year + 1}-01-01"]))[n % 4]
        ms, found = ask(company, *question)
        assert found, question
        took.setdefault(kind, []).append(ms)
    for kind, all_ms in {**took, "all": sum(took.values(), [])}.items():
        all_ms.sort()
        print(f"{kind}: p50 {all_ms[len(all_ms) // 2]:.0f} ms, p95 {all_ms[int(len(all_ms) * 0.95)]:.0f} ms", flush=True)
    print(f"memory of all: {memory(company)} MiB", flush=True)
    company.stop()
    began = time.monotonic()
    company.start()
    print(f"started in {time.monotonic() - began:.2f} s", flush=True)
    company.sign_in()
    print(f"first question after it: {ask(company, 'subject:letter')[0]:.0f} ms", flush=True)
