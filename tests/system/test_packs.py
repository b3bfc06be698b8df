"""Segments become packs in the running system, and what is in them is read as before."""
import contextlib
import fcntl
import os
import re
import signal
import smtplib
import subprocess
import threading
import time
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from company import BUILD, Company, wait_for
from scene import ALICE, PASSWORD, Scene
from test_running import files_below, readable


@pytest.fixture
def scene(tmp_path):
    os.chmod(tmp_path, 0o755)
    scene = Scene(tmp_path, pack_after="200ms")
    yield scene
    scene.close()


def names(company, folder, ending):
    return sorted(p.name for p in (company.data / folder).glob(f"*{ending}"))


def is_packed(company):
    """Nothing but the segment that is written is left of the segments."""
    return len(names(company, "ledger", ".seg")) == 1 and names(company, "ledger", ".pack")


def settled(scene, letters):
    """Every letter is delivered, and no segment holds one any more."""
    company = scene.company
    wait_for("delivery", lambda: all("delivered (250" in company.show(i) for i, _ in letters), 30)
    packs = len(names(company, "ledger", ".pack"))
    wait_for("another pack", lambda: len(names(company, "ledger", ".pack")) > packs and
             is_packed(company), 30)


def read_back(company, letters):
    for letter, sent in letters:
        assert company.postern("export", letter, text=False) == sent
        assert "delivered (250" in company.show(letter)
    wait_for("the index", lambda: letters[0][0] in company.postern(
        "search", "blackcurrant", check=False).stdout, 20)
    said = company.postern("ledger", "verify")
    assert "\nwhole" in said, said


def test_letters_are_read_from_packs(scene, tmp_path):
    """Shown, searched, exported to the byte and verified: after packing, after a catalog made again,
    after a restart, and from a backup."""
    company = scene.company
    letters = [scene.send(f"blackcurrant {i}", text=f"grows in row {i}\n" * 300) for i in range(5)]
    settled(scene, letters)
    read_back(company, letters)
    wait_for("a key for each pack", lambda: [k.split(".")[0] for k in names(company, "record-keys", ".key")] ==
             [p.split(".")[0] for p in names(company, "ledger", ".pack")])
    company.postern("catalog", "rebuild")
    read_back(company, letters)

    backup = tmp_path / "backup"
    assert "verified:" in company.postern("backup", backup, "--with-master-key")
    assert re.search(r"record-keys/0000000001\.key$", (backup / "manifest").read_text(), re.M)
    assert company.stop() == 0
    company.start()
    letters.append(scene.send("blackcurrant, later"))
    settled(scene, letters)
    read_back(company, letters)

    restored = Company(tmp_path / "restored")
    restored.config.write_text((backup / "postern.conf").read_text())
    restored.set("data-directory", restored.data)
    restored.set("listen-submissions", f"127.0.0.1:{restored.submissions}")
    restored.set("listen-submission", f"127.0.0.1:{restored.submission}")
    restored.authority = company.authority
    restored.postern("restore", backup)
    restored.start()
    try:
        assert names(restored, "ledger", ".pack") and names(restored, "record-keys", ".key")
        read_back(restored, letters[:-1])
    finally:
        restored.stop()


def with_attachment(scene, subject, data, smtp):
    """Send one with these bytes as a PDF; its id and what was sent."""
    message = MIMEMultipart()
    message["From"], message["To"], message["Subject"] = ALICE, "paula@partner.test", subject
    message.attach(MIMEText(subject))
    message.attach(MIMEApplication(data, "pdf", name="contract.pdf"))
    content = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
    return scene.submit(content, ["paula@partner.test"], smtp), content


def test_an_attachment_is_stored_once(scene):
    """Ten letters with the same file take the room of one, in packs of their own as well; each can be
    erased, and the file goes with the last."""
    company = scene.company
    data = os.urandom(300_000)
    smtp = scene.client()
    letters = [with_attachment(scene, f"blackcurrant {i}", data, smtp) for i in range(5)]
    settled(scene, letters)
    letters += [with_attachment(scene, f"blackcurrant {i}", data, smtp) for i in range(5, 10)]
    smtp.quit()
    settled(scene, letters)
    read_back(company, letters)
    assert sum(p.stat().st_size for p in (company.data / "ledger").iterdir()
               if p.suffix != ".seg") < 1.5 * len(letters[0][1])

    def verified():
        done = subprocess.run([BUILD / "verify" / "postern-verify", company.data / "ledger"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "\nwhole" in company.postern("ledger", "verify")

    verified()
    for letter, _ in letters[:-1]:
        company.both("erase", letter, "--reason", "asked for")
    last, sent = letters[-1]
    assert company.postern("export", last, text=False) == sent
    verified()
    company.both("erase", last, "--reason", "asked for")
    assert "was erased" in refused(company, "export", last, "-o", "-")
    verified()


def test_a_pack_is_made_again(scene, tmp_path):
    """By order and, when enough is erased, by itself: what was erased takes no room any more, and all else is as before, also in
    a backup."""
    company = scene.company
    company.set("reseal-after", "100ms")
    company.set("reseal-erased", "0")
    company.process.send_signal(signal.SIGHUP)
    smtp = scene.client()
    letters = [with_attachment(scene, f"blackcurrant {i}", os.urandom(100_000), smtp) for i in range(4)]
    smtp.quit()
    settled(scene, letters)

    def size():
        return sum(p.stat().st_size for p in (company.data / "ledger").glob("*.objects"))

    def made_again():
        return [n for n in names(company, "record-keys", ".key") if "-" in n]

    def whole():
        done = subprocess.run([BUILD / "verify" / "postern-verify", company.data / "ledger"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        read_back(company, letters)

    before = size()
    company.both("erase", letters.pop()[0], "--reason", "asked for")
    assert size() == before and not made_again()
    assert company.postern("ledger", "reseal", "--before", "2001-02-03")
    assert company.postern("ledger", "reseal", "--before", "2001-02-30", check=False).returncode == 65
    assert company.postern("ledger", "reseal")
    wait_for("another making", made_again, 30)
    wait_for("its room", lambda: size() < before - 90_000, 30)
    whole()
    assert "ledger reseal" in company.postern("acts", "--reason", "a test")

    company.set("reseal-erased", "20")
    company.process.send_signal(signal.SIGHUP)
    company.both("erase", letters.pop()[0], "--reason", "asked for")
    wait_for("its room", lambda: size() < before - 190_000, 30)
    whole()
    assert "verified:" in company.postern("backup", tmp_path / "backup")
    company.stop()
    company.start()
    whole()


def one_making(company):
    """The names of all files, if of each pack the keys, payloads and objects of one making are there, and no other file."""
    ledger, keys = (sorted(os.listdir(company.data / folder)) for folder in ("ledger", "record-keys"))
    of = {n[:10]: n[11:16] for n in keys if re.fullmatch(r"\d{10}-\d{5}\.key", n)}
    packs = [n[:10] for n in ledger if n.endswith(".pack")]
    objects = [n[:10] for n in ledger if n.endswith(".objects")]
    others = [n for n in ledger if n.endswith((".new", ".old")) or
              (n.endswith(".data") and n[-10:-5] != of.get(n[:10]))]
    others += [n for n in keys if n.startswith("resealing") or (n[0].isdigit() and n[11:16] != of.get(n[:10]))]
    return packs and packs == sorted(of) and len(objects) == len(set(objects)) and not others and ledger + keys


def test_the_keeper_is_killed_while_a_pack_is_made_again(scene):
    """Twice, as letters come in: the order is carried out, nothing else is left, and every letter is there."""
    company = scene.company
    company.set("pack-after", "0s")  # the erasure makes the one pack
    company.process.send_signal(signal.SIGHUP)
    smtp = scene.client()
    letters = [with_attachment(scene, f"blackcurrant {i}", os.urandom(500_000), smtp) for i in range(4)]
    smtp.quit()
    wait_for("delivery", lambda: all("delivered (250" in company.show(i) for i, _ in letters), 30)
    company.both("erase", letters.pop()[0], "--reason", "asked for")
    ending, came = threading.Event(), []

    def send_on():
        while not ending.wait(0.2):
            with contextlib.suppress(AssertionError, OSError, smtplib.SMTPException):
                came.append(scene.send(f"blackcurrant, later {len(came)}"))

    def making():
        return {n for n in os.listdir(company.data / "record-keys") if re.match(r"\d{10}-\d{5}\.key", n)}

    def keepers():
        return {pid for pid, role in company.processes().items() if role == "keeper"}

    def room():
        return sum(p.stat().st_size for p in (company.data / "ledger").glob("*.objects"))

    before = room()
    sending = threading.Thread(target=send_on)
    sending.start()
    try:
        for pause in (0, 0.03):
            known = making()
            company.postern("ledger", "reseal", "--all")
            wait_for("work on a pack", lambda known=known: making() - known, 20, 0)
            time.sleep(pause)
            killed = keepers()
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            wait_for("the keeper again", lambda killed=killed: keepers() - killed, 20)
            wait_for("an answer", lambda: company.postern("status", check=False).returncode == 0, 20)
    finally:
        ending.set()
        sending.join(30)
    assert came and not sending.is_alive()
    wait_for("its room", lambda: room() < before - 400_000, 30)
    # 1.2 s: between two steps are 0.5 s
    wait_for("nothing else", lambda: (seen := one_making(company)) and not time.sleep(1.2) and
             seen == one_making(company), 20)
    done = subprocess.run([BUILD / "verify" / "postern-verify", company.data / "ledger"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for letter, sent in came:
        assert company.postern("export", letter, text=False) == sent
    read_back(company, letters)


def test_a_backup_and_packing_wait_for_each_other(scene, tmp_path):
    """As long as somebody copies nothing is packed, and nothing is copied as long as something is."""
    company = scene.company
    folder = os.open(company.data / "record-keys", os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(folder, fcntl.LOCK_SH)  # as a backup holds it
    before = names(company, "ledger", ".pack"), names(company, "record-keys", ".key")  # on a busy machine there may be some
    letter = scene.send("blackcurrant")
    company.stop()
    company.start()
    wait_for("an attempt", lambda: "event=ledger.unpacked" in company.log_tail(200), 20)
    assert "a backup is being made" in company.log_tail(200)
    assert (names(company, "ledger", ".pack"), names(company, "record-keys", ".key")) == before
    fcntl.flock(folder, fcntl.LOCK_UN)
    wait_for("the pack", lambda: is_packed(company), 30)
    read_back(company, [letter])

    fcntl.flock(folder, fcntl.LOCK_EX)  # as packing holds it
    waited = []
    backup = tmp_path / "backup"

    def copy():
        company.postern("backup", backup)
        waited.append(time.monotonic())

    copying = threading.Thread(target=copy)
    copying.start()
    time.sleep(0.7)
    released = time.monotonic()
    assert copying.is_alive() and not (backup / "manifest").exists()
    os.close(folder)
    copying.join(30)
    assert waited and waited[0] > released and (backup / "manifest").exists()


@pytest.mark.long
def test_the_keeper_is_killed_while_it_packs(scene):
    """Whatever was begun: the segment counts or the pack does, and the letters are there."""
    company = scene.company
    company.set("pack-after", "0s")
    company.set("segment-size", "1MiB")
    company.stop()
    company.start()
    words = re.sub("(.{70})", "\\1\n", os.urandom(60000).hex())
    smtp = scene.client()
    letters = [scene.send(f"blackcurrant {i}", text=words[i:] + "\n", smtp=smtp) for i in range(40)]
    smtp.quit()
    assert len(names(company, "ledger", ".seg")) >= 4
    company.set("pack-after", "200ms")
    company.process.send_signal(signal.SIGHUP)
    for i in range(2):
        known = set(os.listdir(company.data / "ledger"))
        wait_for("work on a pack",
                 lambda: set(os.listdir(company.data / "ledger")) - known or is_packed(company), 30, 0)
        time.sleep(i * 0.004)
        keeper = [pid for pid, role in company.processes().items() if role == "keeper"]
        for pid in keeper:
            os.kill(pid, signal.SIGKILL)
        wait_for("the keeper again", lambda: any(
            role == "keeper" and pid not in keeper for pid, role in company.processes().items()), 30)
    settled(scene, letters)
    read_back(company, letters)
    assert not [n for n in os.listdir(company.data / "ledger") if n.endswith((".new", ".old"))]


# ── erasing ──

def refused(company, *arguments):
    done = company.postern(*arguments, check=False)
    assert done.returncode != 0, done.stdout
    return done.stderr


def expect_untold(company, letter):
    """Of an erased letter an auditor hears with a reason alone, and who reads his own letters nothing."""
    assert company.sign_in().returncode == 0
    done = company._run("show", letter, text=True)
    assert done.returncode == 77 and "without a reason" in done.stderr, done
    assert company._run("login", ALICE, "--password-stdin", text=True,
                        input=PASSWORD + "\n").returncode == 0
    for verb in (["show", letter], ["export", letter, "-o", "-"]):
        done = company._run(*verb, text=True)
        assert done.returncode == 65 and "no letter with this id" in done.stderr, done
        assert "victor" not in done.stderr
    assert company.sign_in().returncode == 0


def expect_erased(company, letter, word, reason):
    """Nobody reads it any more, everybody is told so, and the rest is as it was."""
    for verb in (["show", letter], ["export", letter, "-o", "-"]):
        said = refused(company, *verb)
        assert re.search(rf"was erased on 20\S+Z by \S+: {reason}$", said, re.M), said
    found = company.postern("search", word, check=False)
    assert letter not in found.stdout and "Nothing was found" in found.stdout + found.stderr
    said = company.postern("ledger", "verify")
    assert "\nwhole" in said, said


def test_a_letter_is_erased(tmp_path):
    """With the report about it and its repetition, out of the segment that is written; the others stay,
    after a rebuild and a restart as well."""
    os.chmod(tmp_path, 0o755)
    scene = Scene(tmp_path)
    company = scene.company
    with company.config.open("a") as file:  # where reports to Alice go
        file.write(f"\n[domain example.test]\nroute = 127.0.0.1:{scene.receiver.port}\n"
                   "tls-name = mx.partner.test\n")
    company.process.send_signal(signal.SIGHUP)
    content = ("From: alice@example.test\r\nTo: refuse-victor@partner.test\r\nSubject: elderberryish\r\n"
               "Message-ID: <elderberryish@example.test>\r\n\r\nelderberryish\r\n").encode()
    try:
        kept, sent = scene.send("blackcurrant")
        gone = scene.submit(content, ["refuse-victor@partner.test"])
        assert scene.submit(content, ["refuse-victor@partner.test"]) == gone  # its repetition
        wait_for("the report", lambda: any(
            b"elderberryish" in letter for _, letter in scene.receiver.letters()), 30)
        wait_for("the index", lambda: gone in company.postern(
            "search", "elderberryish", check=False).stdout, 20)
        wait_for("delivery", lambda: "delivered (250" in company.show(kept), 20)
        assert "without a reason" in refused(company, "erase", gone)
        company.postern("queue", "pause")
        waits, _ = scene.send("blackcurrant waits")
        wait_for("the queue", lambda: waits in company.postern("queue", "list"), 20)
        assert "still to be delivered" in refused(company, "erase", waits, "--reason", "no")
        company.postern("queue", "resume")
        said = company.both("erase", gone, "--reason", "asked for by victor")
        assert re.search(r"^erased: \d\d+ records of 3 letters", said, re.M), said
        expect_erased(company, gone, "elderberryish", "asked for by victor")
        expect_untold(company, gone)
        assert "erased already" in refused(company, "erase", gone, "--reason", "once more")
        assert company.postern("export", kept, text=False) == sent
        made = company.postern("catalog", "rebuild")
        assert "made again" in made
        expect_erased(company, gone, "elderberryish", "asked for by victor")
        assert kept in company.postern("search", "blackcurrant")
        assert company.stop() == 0
        company.start()
        expect_erased(company, gone, "elderberryish", "asked for by victor")
        assert company.postern("export", kept, text=False) == sent
        again = content.replace(b"elderberryish", b"gooseberry").replace(b"refuse-", b"")
        first = scene.submit(again, ["victor@partner.test"])
        wait_for("delivery", lambda: "delivered (250" in company.show(first), 20)
        company.both("erase", first, "--reason", "sent too early")
        assert scene.submit(again, ["victor@partner.test"]) != first  # no repetition of what is gone
        assert not readable([*files_below(company.data), company.log], ["elderberryish"])
    finally:
        scene.close()


def test_the_keeper_is_killed_while_it_erases(scene):
    """All of a letter is erased or nothing; what was begun is finished by the next start."""
    company = scene.company
    company.set("pack-after", "0s")
    company.process.send_signal(signal.SIGHUP)
    letters = [scene.send(f"blackcurrant {i}", text=f"elderberry{i}\n" * 2000) for i in range(3)]
    wait_for("delivery", lambda: all("delivered (250" in company.show(i) for i, _ in letters), 30)
    for i in range(1, 3):
        letter, sent = letters[i]
        asked = company.postern("erase", letter, "--reason", "test")
        erasing = threading.Thread(target=company.second, args=(asked,))
        erasing.start()
        time.sleep(0.04 * i)
        keeper = [pid for pid, role in company.processes().items() if role == "keeper"]
        for pid in keeper:
            os.kill(pid, signal.SIGKILL)
        wait_for("the keeper again", lambda: any(
            role == "keeper" and pid not in keeper for pid, role in company.processes().items()), 30)
        erasing.join(30)
        wait_for("an answer", lambda: company.postern("status", check=False).returncode == 0, 30)
        done = company.postern("export", letter, text=False, check=False)
        if done.returncode == 0:
            assert done.stdout == sent
            if asked.split("request ")[1].split()[0] in company.postern("approvals", check=False).stdout:
                company.second(asked)
        wait_for("the erasure", lambda: company.postern(
            "approvals", check=False).returncode == 1, 30)
        expect_erased(company, letter, f"elderberry{i}", "test")
        assert "erasing" not in names(company, "record-keys", "")
    assert company.postern("export", letters[0][0], text=False) == letters[0][1]
