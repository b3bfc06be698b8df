"""Mail that was kept elsewhere: taken in byte for byte, found, shown, exported, never delivered."""
import mailbox
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from company import BUILD, Company, wait_for
from control import Refused, ask
from variety import CORPORA

LETTER = ("Received: from a by b; Mon, 5 Jan 2026 09:00:00 +0000\n"
          "From: Anna Tester <anna@old.test>\nTo: bob@old.test\nCc: Carl <carl@old.test>\nSubject: Order {n}\n"
          "Date: Mon, 5 Jan 2026 09:0{d}:00 +0000\nMessage-ID: <{n}@old.test>\n\n"
          "word{n} of the quarterly plan\n")


def letter(n, more=""):
    return (LETTER.format(n=n, d=n % 10) + more).encode()


def from_line(n):
    return f"From anna@old.test Mon Jan  5 09:0{n % 10}:01 2026\n".encode()


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    directory = tmp_path_factory.mktemp("import")
    os.chmod(directory, 0o755)
    company = Company(directory / "company")
    company.create()
    company.start()
    yield company
    company.stop()


def counts(text):
    taken, known, failed = re.search(r"^(\d+) taken, (\d+) were there already, (\d+) could not", text,
                                     re.M).groups()
    return int(taken), int(known), int(failed)


def find(company, *query):
    found = company.postern("search", *query, check=False).stdout.splitlines()[1:]
    return [line.split()[0] for line in found]


def find_one(company, *query):
    wait_for("the index", lambda: len(find(company, *query)) == 1)
    return find(company, *query)[0]


def export(company, letter_id):
    return company.postern("export", "-o", "-", letter_id, text=False)


def test_an_mbox_is_taken_in_once_and_byte_for_byte(company, tmp_path):
    first, second = letter(1), letter(2, ">From here on\n>>From there\n")
    box = tmp_path / "old.mbox"
    box.write_bytes(from_line(1) + first + b"\n" + from_line(2) + second + b"\n" +
                    b"From nobody Mon Jan  5 10:00:00 2026\nno header at all\n\n" +
                    from_line(3) + letter(3).replace(b"\n", b"\r\n") + b"\r\n")
    done = company.postern("import", "mbox", "--source", "old server", "--owner", "anna@old.test",
                           box, check=False)
    assert done.returncode == 1 and counts(done.stdout) == (3, 0, 1), done
    place = len(from_line(1) + first + b"\n" + from_line(2) + second + b"\n")
    assert f"not taken: old.mbox, byte {place}: it has no header" in done.stdout
    one = find_one(company, "word1", "after:2026-01-05", "before:2026-01-06")
    assert export(company, one) == first
    two = find_one(company, "word2")
    assert export(company, two) == letter(2, "From here on\n>From there\n")
    assert export(company, find_one(company, "word3")) == letter(3).replace(b"\n", b"\r\n")
    shown = company.postern("show", two)
    assert "imported and recorded" in shown and "old server" in shown and "from 2 lines" in shown
    assert "inspected" in shown and "2026-01-05" in company.postern("search", "word2")
    # without an envelope the header says to whom
    assert re.search(r"Anna Tester <anna@old\.test> +bob@old\.test, Carl <carl@old\.test> +Order 2$",
                     company.postern("search", "word2"), re.M)
    # again, and as a longer file: what is there is known by its content, not by its Message-ID
    box.write_bytes(box.read_bytes() + from_line(4) + letter(2, "another text\n"))
    again = company.postern("import", "mbox", "--source", "old server", "--owner", "anna@old.test",
                            box, check=False)
    assert counts(again.stdout) == (1, 3, 1)
    assert "old.test" not in company.postern("queue", "list")
    listed = company.postern("import", "list")
    assert listed.count("ended") == 2 and "old server" in listed
    report = company.postern("import", "report", listed.splitlines()[-1].split()[0])
    assert f"byte {place}" in report and "3 taken" in report
    # what was erased is not taken again, also when the catalog was made anew
    company.both("erase", two, "--reason", "asked for")
    for rebuilt in (False, True):
        if rebuilt:
            company.postern("catalog", "rebuild")
        again = company.postern("import", "mbox", "--source", "old server", "--owner", "anna@old.test",
                                box, check=False)
        assert counts(again.stdout) == (0, 3, 2), again
        assert re.search(rf"byte {len(from_line(1) + first) + 1}: it was erased on 20\d\d-\d\d-\d\d, and is not "
                         "taken again", again.stdout)
        assert not find(company, "word2", "there")
    assert "whole" in company.postern("ledger", "verify")


def test_directories_are_taken_file_by_file(company, tmp_path):
    (tmp_path / "eml/below").mkdir(parents=True)
    (tmp_path / "eml/a.eml").write_bytes(letter(11))
    (tmp_path / "eml/below/b.EML").write_bytes(letter(12))
    (tmp_path / "eml/empty.eml").write_bytes(b"")
    (tmp_path / "eml/notes.txt").write_bytes(b"x")
    (tmp_path / "eml/link.eml").symlink_to("/etc/passwd")
    done = company.postern("import", "eml", tmp_path / "eml", check=False)
    assert done.returncode == 1 and counts(done.stdout) == (2, 0, 3), done
    for text in ("empty.eml: it is empty", "notes.txt: its name", "link.eml: it cannot be read"):
        assert text in done.stdout
    assert "file        below/b.EML" in company.postern("show", find_one(company, "word12"))
    box = mailbox.Maildir(tmp_path / "Maildir")
    for n in (13, 14):
        message = mailbox.MaildirMessage(letter(n))
        message.set_subdir("cur")
        message.add_flag("SF")
        (box if n == 13 else box.add_folder("Sent")).add(message)
    assert counts(company.postern("import", "maildir", tmp_path / "Maildir")) == (2, 0, 0)
    shown = company.postern("show", find_one(company, "word14"))
    assert ".Sent/cur/" in shown and re.search(r"flags +FS", shown) and "there since" in shown


def test_a_killed_import_goes_on_without_doubles(company, tmp_path):
    box = tmp_path / "large.mbox"
    with box.open("wb") as file:
        for n in range(4000):
            file.write(from_line(n) + letter(100000 + n, "x" * 500 + ("\n" + "y" * 70) * 200 + "\n") +
                       b"\n")
    command = [str(BUILD / "postern"), "-c", str(company.config), "import", "mbox", str(box)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        wait_for("letters in the archive", lambda: re.search(
            r"large\.mbox +[1-9]", company.postern("import", "list", check=False).stdout), 20, 0)
        child.send_signal(signal.SIGKILL)
    state = company.postern("import", "list").splitlines()[1]
    assert "not ended" in state, state
    for pid, role in company.processes().items():  # whoever began again asks again
        if role == "intake":
            os.kill(pid, signal.SIGKILL)
    done = company.postern("import", "mbox", box, check=False)
    assert "goes on" in done.stderr and counts(done.stdout) == (4000, 0, 0), done
    wait_for("the index", lambda: len(find(company, "-n", "5000", "quarterly", "from:anna",
                                           "x" * 500)) == 4000, 60)
    assert "whole" in company.postern("ledger", "verify")


def test_what_cannot_be_read_stops_nothing_else(company, tmp_path):
    long = tmp_path / "long.mbox"
    with long.open("wb") as file:
        file.write(from_line(1) + letter(200001) + b"\n")
        place = file.tell()
        file.write(from_line(2) + letter(200002) + (b"x" * 1023 + b"\n") * (66 << 10) + b"\n")
        file.write(from_line(3) + letter(200003))
    done = company.postern("import", "mbox", long, check=False)
    assert counts(done.stdout) == (2, 0, 1)
    assert f"long.mbox, byte {place}: it is longer than 64 MiB" in done.stdout
    picture = tmp_path / "picture"
    picture.write_bytes(b"\x89PNG\r\n" + bytes(1000))
    for n in range(17):  # more than are remembered at once
        shutil.copy(picture, tmp_path / f"picture{n}")
        refused = company.postern("import", "mbox", tmp_path / f"picture{n}", check=False)
        assert refused.returncode == 65 and "no mbox" in refused.stderr
    assert counts(company.postern("import", "mbox", "--owner", "bob@old.test", long,
                                  check=False).stdout) == (2, 0, 1)


def test_journal_reports_are_unwrapped_with_their_envelope(company, tmp_path):
    (tmp_path / "journal").mkdir()
    inner = letter(300001).replace(b"\n", b"\r\n")
    report = (b"From: journal@old.test\r\nX-MS-Journal-Report:\r\nMIME-Version: 1.0\r\n"
              b"Content-Type: multipart/mixed; boundary=\"_b_\"\r\n\r\n--_b_\r\n"
              b"Content-Type: text/plain\r\n\r\nSender: anna@old.test\r\n"
              b"To: carol@old.test, Expanded: all@old.test\r\nBcc: secret@other.test\r\n"
              b"\r\n--_b_\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--_b_--\r\n")
    (tmp_path / "journal/1.eml").write_bytes(report)
    (tmp_path / "journal/2.eml").write_bytes(inner)
    done = company.postern("import", "eml", "--journal", tmp_path / "journal", check=False)
    assert counts(done.stdout) == (1, 0, 1) and "2.eml: it is no journal report" in done.stdout
    found = find_one(company, "word300001", "to:secret@other.test")
    assert export(company, found) == inner
    shown = company.postern("show", found)
    assert "anna@old.test" in shown and "carol@old.test, secret@other.test" in shown
    # lists that together are longer than a question to the keeper may be
    (tmp_path / "many").mkdir()
    for n in range(600):
        listed = b"".join(b"To: recipient-number-%d-of-%d@department.example.test\r\n" % (i, n) for i in range(8))
        (tmp_path / f"many/{n}.eml").write_bytes(report.replace(b"Sender: ", listed + b"Sender: "))
    done = company.postern("import", "eml", "--journal", tmp_path / "many", check=False)
    assert counts(done.stdout) == (600, 0, 0)


IMPORT_BEGIN, IMPORT_END, INTAKE_FILES = 110, 111, 2


def test_who_knows_an_imports_id_alone_adds_nothing_to_it(company):
    """What `import list` shows lets nobody put letters under an auditor's eyes; a ticket does."""
    mail = {1: b"", 2: 1, 3: 2, 4: "told by nobody", 6: "/nowhere"}
    first = ask(company, "keeper", IMPORT_BEGIN, mail)
    number, ticket = first[1][1], first[2]
    assert len(ticket) == 32

    def add(shown, n):
        return ask(company, "intake", INTAKE_FILES, {1: shown, 2: [{2: len(letter(n))}]}, letter(n))

    for shown in (number, number + bytes(22), bytes(32), ticket[:31], bytes([ticket[0] ^ 1]) + ticket[1:]):
        with pytest.raises(Refused, match="not under way"):
            add(shown, 400001)
    assert add(ticket, 400002)[1] == 1
    second = ask(company, "keeper", IMPORT_BEGIN, mail)
    assert second[1][1] == number and second[2] != ticket  # the same import goes on
    with pytest.raises(Refused, match="not under way"):
        add(ticket, 400003)
    assert add(second[2], 400004)[1] == 2
    ask(company, "keeper", IMPORT_END, {1: number, 2: 4})
    with pytest.raises(Refused, match="not under way"):
        add(second[2], 400005)
    find_one(company, "word400004")
    assert not find(company, "word400001") and not find(company, "word400003")


PST = CORPORA / "outlook/tika-msg/testPST_variousBodyTypes.pst"


@pytest.mark.skipif(not shutil.which("readpst"), reason="readpst is not here (package pst-utils)")
@pytest.mark.skipif(not PST.exists(), reason="the corpora with a PST file are not here")
def test_a_pst_is_taken_in_and_nothing_of_it_stays_behind(company, tmp_path):
    room = tmp_path / "room"
    room.mkdir()
    environment = {**os.environ, "TMPDIR": str(room)}
    done = company.postern("import", "pst", "--owner", "tim@old.test", PST, env=environment)
    assert counts(done) == (4, 0, 0), done
    time.sleep(1.1)  # readpst's random numbers begin with the second
    again = company.postern("import", "pst", "--owner", "tim@old.test", PST, env=environment)
    assert counts(again) == (0, 4, 0), again
    wait_for("the index", lambda: len(find(company, "from:tallison@mitre.org")) == 4)
    found = find(company, "from:tallison@mitre.org", "to:tallison@mitre.org")[0]
    shown = company.postern("show", found)
    assert "Inbox/tmp/" in shown and "pst" in company.postern("import", "list")
    cut = tmp_path / "cut.pst"
    cut.write_bytes(PST.read_bytes()[:100000])
    broken = company.postern("import", "pst", cut, env=environment, check=False)
    assert broken.returncode == 1 and "readpst passed over" in broken.stdout, broken
    cut.write_bytes(PST.read_bytes()[:3000])
    broken = company.postern("import", "pst", cut, env=environment, check=False)
    assert broken.returncode == 1 and "readpst did not come to the end" in broken.stdout, broken
    remarks = broken.stdout[broken.stdout.index("not taken"):].splitlines()
    assert "readpst did not come to the end" in remarks[0], broken
    assert not list(room.iterdir())


def test_a_killed_import_leaves_no_letters_of_a_pst_behind(company, tmp_path):
    """The folder goes although nobody is left to remove it but the janitor."""
    if not shutil.which("readpst") or not PST.exists():
        pytest.skip("neither readpst (package pst-utils) nor a PST file is here")
    pid = next(p for p, role in company.processes().items() if role == "intake")
    os.kill(pid, signal.SIGSTOP)  # the import waits, its letters lie in the folder
    command = [str(BUILD / "postern"), "-c", str(company.config), "import", "pst", str(PST)]
    try:
        with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}) as child:
            wait_for("letters in the folder", lambda: list(tmp_path.glob("*/letters/*/*/*/4.eml")))
            child.send_signal(signal.SIGKILL)
        wait_for("the folder to be gone", lambda: not list(tmp_path.iterdir()))
    finally:
        os.kill(pid, signal.SIGCONT)
