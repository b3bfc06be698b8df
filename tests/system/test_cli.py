"""`postern`, verb by verb, against a running daemon: what a person types and what comes of it."""
import base64
import os
import re
import smtplib
import stat
import subprocess
import threading
import time

import pytest

from company import BUILD, Company, wait_for
from scene import ALICE, PASSWORD, Scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cli")
    os.chmod(directory, 0o755)
    scene = Scene(directory)
    yield scene
    scene.close()


def fails(company, status, *arguments, says="", **options):
    done = company.postern(*arguments, check=False, **options)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert says in done.stderr + done.stdout
    return done


# ── without a daemon ──

def run(*arguments, **options):
    return subprocess.run([str(BUILD / "postern"), *map(str, arguments)], capture_output=True,
                          text=True, check=False, **options)


def init(directory, *more, **options):
    return run("-c", directory / "etc" / "postern.conf", "init", "--domain", "example.test",
               "--hostname", "mail.example.test", "--data-directory", directory / "data", *more,
               **options)


def test_init_makes_what_is_needed_and_nothing_twice(tmp_path):
    done = init(tmp_path, "--recovery-key-out", tmp_path / "recovery", "--anchor",
                "auditor@audit.example", "--anchor", "https://tsa.example/tsr",
                "--set", f"timestamp-trust={tmp_path}/roots.pem", "--next-hop", "smtp.provider.example:587",
                "--set", "domain partner.test/tls=verified")
    assert done.returncode == 0, done.stderr
    for name in ("data/master.key", "data/recovery.sealed", "recovery"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert "_dmarc.example.test. IN TXT" in done.stdout
    text = (tmp_path / "etc/postern.conf").read_text()
    for line in ("anchor-mail = auditor@audit.example", "timestamp-url = https://tsa.example/tsr",
                 "host = smtp.provider.example:587",
                 "[domain partner.test]", "tls = verified"):
        assert f"\n{line}\n" in text
    before = (tmp_path / "data/master.key").read_bytes()
    again = init(tmp_path, "--recovery-key-out", tmp_path / "recovery2")
    assert again.returncode == 78 and "nothing is overwritten" in again.stderr
    (tmp_path / "etc/postern.conf").unlink()
    again = init(tmp_path, "--recovery-key-out", tmp_path / "recovery2")
    assert again.returncode == 78 and "in use already" in again.stderr
    assert (tmp_path / "data/master.key").read_bytes() == before
    assert not (tmp_path / "recovery2").exists()


def test_init_has_the_recovery_key_typed_back(tmp_path):
    command = [str(BUILD / "postern"), "-c", str(tmp_path / "postern.conf"), "init", "--domain",
               "example.test", "--hostname", "mail.example.test", "--data-directory",
               str(tmp_path / "data"), "--recovery-key-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE) as init_:
        for line in init_.stdout:
            key = re.search(r"(?:[0-9A-Z]{5}-){5}[0-9A-Z]{5}", line)
            if key:
                break
        assert not (tmp_path / "data/master.key").exists()
        init_.stdin.write("AAAAA\n" + key[0].lower().replace("-", " ") + "\n")
        init_.stdin.close()
        assert init_.wait(20) == 0
    assert (tmp_path / "data/master.key").exists()

    done = init(tmp_path / "other", "--recovery-key-stdin", input="no\nno\nno\n")
    assert done.returncode == 65 and "nothing was made" in done.stderr
    assert not (tmp_path / "other/data/master.key").exists()
    assert not (tmp_path / "other/etc/postern.conf").exists()
    done = init(tmp_path / "other", stdin=subprocess.DEVNULL)
    assert done.returncode == 65 and "--recovery-key-out" in done.stderr


def test_init_refuses_what_would_not_be_right(tmp_path):
    for more, says in ((["--set", "size-limit=50"], "unit"), (["--set", "sizelimit=1MiB"], "sizelimit"),
                       (["--next-hop", "not a host"], "host"), (["--set", "x"], "NAME=VALUE")):
        done = init(tmp_path, "--recovery-key-out", tmp_path / "recovery", *more)
        assert done.returncode in (65, 78) and says in done.stderr, done.stderr
        assert not (tmp_path / "etc/postern.conf").exists()
        assert not (tmp_path / "data/master.key").exists()


def test_wrong_command_lines_exit_64(tmp_path):
    for words in (["frobnicate"], ["user"], ["show"], ["show", "a", "b"], ["search"],
                  ["status", "--verbose"], ["export", "x", "-o"], []):
        assert run(*words).returncode == 64, words
    assert run("--version").stdout.startswith("postern ")
    assert "dkim dns" in run("help", "dkim").stdout
    assert run("help", "frobnicate").returncode == 65


def test_a_wrong_configuration_is_explained_line_by_line(tmp_path):
    file = tmp_path / "postern.conf"
    file.write_text("domain = example.test\nhostname = mail.example.test\nsize-limit = 50\n"
                    "nonsense = 1\n")
    done = run("-c", file, "check-config")
    assert done.returncode == 78
    assert "postern.conf:3:" in done.stdout and "postern.conf:4:" in done.stdout
    assert run("-c", file, "status").returncode == 78
    assert run("check-config", env={**os.environ, "POSTERN_CONF": str(file)}).returncode == 78
    assert "50MiB" in run("config", "explain", "size-limit").stdout
    done = run("config", "explain", "sizelimit")
    assert done.returncode == 65 and "`size-limit`" in done.stderr


def test_without_a_daemon_it_says_so(tmp_path):
    assert init(tmp_path, "--recovery-key-out", tmp_path / "recovery").returncode == 0
    done = run("-c", tmp_path / "etc/postern.conf", "status")
    assert done.returncode == 75 and "posternd does not answer" in done.stderr


# ── with one ──

def test_check_config_warns_of_steps_for_nobody(tmp_path):
    file = tmp_path / "postern.conf"
    policy = "[policy x]\noutside = yes\nmethods = attachments, authenticated\n"
    file.write_text(f"data-directory = {tmp_path}\nhostname = mail.example.test\ndomain = example.test\n{policy}")
    done = run("-c", file, "check-config")
    assert "[policy x]: `attachments-password = generated`" in done.stderr, done
    file.write_text("attachments-password = agreed\n" + file.read_text())
    assert "warning" not in run("-c", file, "check-config").stderr


def test_check_config_of_a_real_company(scene):
    assert "is right" in scene.company.postern("check-config")


def test_accounts(scene):
    c = scene.company
    fails(c, 65, "user", "add", ALICE, "--password-stdin", input=PASSWORD + "\n", says="exists")
    fails(c, 65, "user", "add", "x@elsewhere.test", "--password-stdin", input=PASSWORD + "\n",
          says="not in a domain of ours")
    fails(c, 65, "user", "add", "x@example.test", "--password-stdin", input="xkq7w\n",
          says="5 characters of the 15")
    c.add_user("bob@example.test", PASSWORD, "sales@example.test")
    assert re.search(r"^bob@example\.test +employee +active .*sales@example\.test$",
                     c.postern("user", "list"), re.M)
    scene.client("bob@example.test").quit()
    fails(c, 65, "user", "set", "bob@example.test", "--role", "king", says="say employee")
    c.both("user", "set", "bob@example.test", "--role", "administrator", "--reason", "a try")
    assert re.search(r"^bob@example\.test +administrator ", c.postern("user", "list"), re.M)
    c.postern("user", "set", "bob@example.test", "--role", "employee", "--reason", "a mistake")
    c.postern("user", "set", "bob@example.test", "--disable", "--reason", "left")
    assert re.search(r"^bob@example\.test +employee +disabled ", c.postern("user", "list"), re.M)
    with pytest.raises(smtplib.SMTPException):
        scene.client("bob@example.test")
    c.postern("user", "set", "bob@example.test", "--name", "Bob Example")
    c.postern("user", "set", "bob@example.test", "--address", "rob@example.test")
    assert " rob@example.test\n" in c.postern("user", "list")
    fails(c, 65, "user", "set", "bob@example.test", "--no-addresses", "--address",
          "rob@example.test", says="exclude each other")
    c.postern("user", "set", "bob@example.test", "--no-addresses")
    assert "rob@example.test" not in c.postern("user", "list")
    assert re.search(r"^bob@example\.test .*disabled .*Bob Example", c.postern("user", "list"), re.M)
    c.postern("user", "set", "bob@example.test", "--enable", "--password-stdin",
              input="velvet hinge marmalade goose\n")
    scene.client("bob@example.test", "velvet hinge marmalade goose").quit()
    fails(c, 65, "user", "set", "nobody@example.test", "--enable", says="there is no account")


def test_dkim_keys_and_their_records(scene, tmp_path):
    c = scene.company
    published = c.postern("dkim", "new", "t1")
    assert c.postern("dkim", "dns") == published
    records = dict(re.findall(r"^(\S+)\. IN TXT (.*?)$(?![^(]*\))", published.replace("\n    ", " "),
                              re.M))
    assert set(records) == {"t1-rsa._domainkey.example.test", "t1-ed25519._domainkey.example.test"}
    for name, record in records.items():
        strings = re.findall(r'"([^"]*)"', record)
        assert all(len(s) <= 255 for s in strings)
        key = re.fullmatch(r"v=DKIM1; h=sha256; k=(rsa|ed25519); p=([A-Za-z0-9+/=]+)",
                           "".join(strings))
        assert key, record
        if key[1] == "rsa":
            assert len(strings) > 1
            shown = subprocess.run(["openssl", "pkey", "-pubin", "-inform", "DER", "-text",
                                    "-noout"], input=base64.b64decode(key[2]),
                                   capture_output=True, check=True).stdout
            assert b"(2048 bit)" in shown
        else:
            assert len(base64.b64decode(key[2])) == 32
    assert re.search(r"^t1-rsa +example\.test +rsa .* no$", c.postern("dkim", "list"), re.M)
    fails(c, 65, "dkim", "new", "t1", says="t1-rsa._domainkey.example.test")
    c.postern("dkim", "new", "only", "--algorithm", "ed25519", "--domain", "example.test")
    assert c.postern("dkim", "dns", "only").startswith("only._domainkey.example.test. IN TXT")
    fails(c, 65, "dkim", "dns", "nothing", says="no such key")


def test_a_letter_is_found_shown_and_exported(scene, tmp_path):
    c = scene.company
    before = len(scene.receiver.letters())
    letter, sent = scene.send("Zwiebelkuchen for the north wing", text="the recipe\n")
    scene.receiver.wait(before + 1)
    arrived = scene.receiver.letters()[-1][1]
    found = wait_for("it to be found", lambda: next(
        (line for line in c.postern("search", "from:alice", "zwiebelkuchen", check=False).stdout
         .splitlines() if letter in line), None))
    assert "Zwiebelkuchen for the north wing" in found and "paula@partner.test" in found
    assert c.postern("search", "xyzzyplugh", check=False).returncode == 1

    shown = wait_for("it to be delivered", lambda: (
        lambda text: text if "delivered (250" in text else None)(c.show(letter)))
    for words in ("accepted and recorded", f"{ALICE} (PLAIN)", "TLSv1.3", "inspected: 1 part",
                  "decided", "verified or better", "copy 1 made", "attempt 1 to partner.test begins",
                  "SHA-256 ", "paula@partner.test: delivered"):
        assert words in shown, (words, shown)

    assert c.postern("export", "--eml", letter, text=False) == sent
    assert c.postern("export", "--as-sent", letter, text=False) == arrived
    file = tmp_path / "letter.eml"
    c.postern("export", letter, "-o", file)
    assert file.read_bytes() == sent
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    fails(c, 78, "export", letter, "-o", file, says="exists")
    fails(c, 65, "show", "0000", says="no letter's id")
    fails(c, 65, "show", "0" * 16)
    c.postern("show", letter.upper())


def test_hostile_text_does_not_reach_the_terminal(scene):
    c = scene.company
    letter, _ = scene.send("=?utf-8?q?glockenspiel_=1B]0;owned=07_=E2=80=AEgpj.exe?=")
    wait_for("it to be found", lambda: letter in c.postern("search", "glockenspiel",
                                                           check=False).stdout)
    for text in (c.postern("search", "glockenspiel"), c.show(letter)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
        assert "glockenspiel" in text


def test_the_queue_obeys(scene):
    c = scene.company
    before = len(scene.receiver.letters())
    c.postern("queue", "pause", "--reason", "test")
    one, _ = scene.send("queued one")
    two, _ = scene.send("queued two")

    def rows():
        return {line.split()[0]: line for line in c.postern("queue", "list").splitlines()[1:]}

    wait_for("both to wait", lambda: {one, two} <= set(rows()))
    assert c.status()["queue.paused"] == "1"
    c.stop()
    c.start()
    assert c.status()["queue.paused"] == "1"
    wait_for("both to wait again", lambda: {one, two} <= set(rows()))
    assert "held: 1" in c.postern("queue", "hold", one)
    assert " held " in rows()[one] and " waiting " in rows()[two]
    c.postern("queue", "resume")
    scene.receiver.wait(before + 1)
    wait_for("one to be left", lambda: set(rows()) == {one})
    assert "released: 1" in c.postern("queue", "release", "--all")
    scene.receiver.wait(before + 2)
    three, _ = scene.send("queued three", to="later-three@partner.test")
    wait_for("a deferral", lambda: three in rows() and re.search(r" waiting +[1-9] ", rows()[three]))
    assert "tried at once: 1" in c.postern("queue", "retry", three)
    wait_for("a second try", lambda: re.search(r" waiting +2 ", rows()[three]))
    assert "cancelled: 1" in c.postern("queue", "cancel", three, "--reason", "wrong price")
    wait_for("it to be gone", lambda: three not in rows())
    assert re.search("cancelled by (uid|auditor@)", c.show(three)) and "wrong price" in c.show(three)
    assert fails(c, 1, "queue", "retry", three)
    fails(c, 65, "queue", "retry", says="--all")
    assert "Cancelled by the administrator: wrong price" in c.show(three)


def test_the_ledger_is_verified(scene, tmp_path):
    c = scene.company
    note = tmp_path / "checkpoint"
    note.write_text(c.postern("checkpoint"))
    assert "\nwhole" in c.postern("ledger", "verify")
    assert "continues the ledger of the checkpoint" in c.postern("ledger", "verify", "--since", note)
    other = tmp_path / "other"
    lines = note.read_text().split("\n")
    lines[2] = "A" * 43 + "="
    other.write_text("\n".join(lines))
    assert c.postern("ledger", "verify", "--since", other, check=False).returncode in (65, 74, 77)
    segment = sorted((c.data / "ledger").glob("*.seg"))[0]
    with segment.open("r+b") as file:
        file.seek(2000)
        byte = file.read(1)
        file.seek(2000)
        file.write(bytes([byte[0] ^ 1]))
        file.flush()
        done = fails(c, 74, "ledger", "verify", says="not whole")
        file.seek(2000)
        file.write(byte)
    assert re.search(r"^segment 1, byte \d+, record \d+: ", done.stdout, re.M)
    assert "\nwhole" in c.postern("ledger", "verify")


def test_the_catalog_is_made_again(scene):
    c = scene.company
    letter, _ = scene.send("before the rebuild")
    wait_for("delivery", lambda: "delivered (250" in c.show(letter))
    before = c.show(letter)
    assert re.search(r"made again from \d+ records", c.postern("catalog", "rebuild"))
    # What was read since is recorded too and may be listed; what happened to the letter is the same.
    assert c.show(letter)[:len(before) // 2] == before[:len(before) // 2]
    wait_for("it to be found", lambda: letter in c.postern("search", "before the rebuild",
                                                           check=False).stdout)


def test_status_names_the_processes(scene):
    status = scene.company.status()
    for role in ("keeper", "signer", "auth", "reader", "intake", "delivery", "courier", "pull", "directory", "journal",
                 "connector", "submission", "scanner"):
        assert "resident" in status[f"process.{role}"]
    assert int(status["ledger.records"]) > 0 and status["ledger.last_commit"].startswith("2")


# ── backup and restore ──

class Load(threading.Thread):
    """Somebody who sends without pause and remembers what was acknowledged, and when."""

    def __init__(self, scene, number):
        super().__init__(daemon=True)
        self.scene, self.number = scene, number
        self.acknowledged = []
        self.enough = threading.Event()
        self.failure = None

    def run(self):
        try:
            smtp = self.scene.client()
            while not self.enough.is_set():
                n = len(self.acknowledged)
                letter, sent = self.scene.send(f"load {self.number} {n}", smtp=smtp,
                                               text=f"body {n}\n" * 200)
                self.acknowledged.append((time.monotonic(), letter, sent))
        except Exception as e:  # noqa: BLE001 - shown by the test
            self.failure = e


def restored_company(scene, directory, backup, *options, **more):
    """A new company of the same configuration but for its place and ports."""
    company = Company(directory)
    text = (backup / "postern.conf").read_text()
    company.config.write_text(text)
    company.set("data-directory", company.data)
    company.set("listen-submissions", f"127.0.0.1:{company.submissions}")
    company.set("listen-submission", f"127.0.0.1:{company.submission}")
    company.authority = scene.company.authority
    done = company.postern("restore", backup, *options, check=False, **more)
    return company, done


@pytest.fixture
def busy(tmp_path):
    os.chmod(tmp_path, 0o755)
    scene = Scene(tmp_path)
    scene.company.stop()
    scene.company.set("segment-size", "1MiB")  # so that segments begin while it is copied
    scene.company.start()
    yield scene
    scene.close()


def test_a_backup_under_load_restores_to_everything_acknowledged(busy, tmp_path):
    c = busy.company
    c.postern("dkim", "new", "t1")
    loads = [Load(busy, i) for i in range(3)]
    for load in loads:
        load.start()
    wait_for("some load", lambda: sum(len(x.acknowledged) for x in loads) > 300 or
             any(x.failure for x in loads), 60)
    backup = tmp_path / "backup"
    began = time.monotonic()
    said = c.postern("backup", backup)
    ended = time.monotonic()
    for load in loads:
        load.enough.set()
        load.join(30)
        assert load.failure is None, load.failure
    assert "verified:" in said
    before = [(letter, sent) for x in loads for at, letter, sent in x.acknowledged if at < began]
    during = sum(began <= at <= ended for x in loads for at, _, _ in x.acknowledged)
    assert len(before) > 300 and during > 0, (len(before), during)
    assert not list((c.data / "state").glob("*.backup*"))
    assert not (backup / "master.key").exists()

    # Without the recovery key it is closed; with it, everything is there.
    key = (c.directory / "recovery.key").read_text()
    restored, done = restored_company(busy, tmp_path / "restored", backup, "--recovery-key-stdin",
                                      input="00000-00000-00000-00000-00000-00000\n")
    assert done.returncode in (65, 77) and not (restored.data / "master.key").exists()
    restored, done = restored_company(busy, tmp_path / "restored", backup, "--recovery-key-stdin",
                                      input=key)
    assert done.returncode == 0, done.stderr
    c.stop()
    delivered = len(busy.receiver.letters())
    restored.start()
    try:
        assert "\nwhole" in restored.postern("ledger", "verify")
        assert "continues" in restored.postern("ledger", "verify", "--since", backup / "checkpoint")
        assert restored.status()["queue.paused"] == "1"
        assert "t1-rsa" in restored.postern("dkim", "list")
        for letter, sent in before:
            assert restored.postern("export", letter, text=False) == sent
        busy.client(company=restored).quit()  # the password is there as well
        time.sleep(1)
        assert len(busy.receiver.letters()) == delivered
        restored.postern("queue", "resume")
        letter, _ = busy.send("after the restore", smtp=busy.client(company=restored))
        wait_for("delivery goes on", lambda: "delivered (250" in restored.show(letter), 60)
    finally:
        restored.stop()
    fails(restored, 78, "restore", backup, "--recovery-key-stdin", input=key, says="not empty")


def test_a_damaged_backup_is_not_restored(scene, tmp_path):
    os.chmod(tmp_path, 0o755)
    backup = tmp_path / "backup"
    scene.company.postern("backup", backup, "--with-master-key")
    fails(scene.company, 78, "backup", backup, says="not empty")
    segment = sorted((backup / "ledger").glob("*.seg"))[-1]
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    restored, done = restored_company(scene, tmp_path / "one", backup)
    assert done.returncode == 74 and "is not what was backed up" in done.stderr
    assert not (restored.data / "master.key").exists()
    content[len(content) // 2] ^= 1
    segment.write_bytes(content[:-1])
    _, done = restored_company(scene, tmp_path / "two", backup)
    assert done.returncode in (74, 78)
    segment.write_bytes(content)
    (backup / "manifest").rename(backup / "manifest.not")
    _, done = restored_company(scene, tmp_path / "three", backup)
    assert done.returncode == 78 and "not finished" in done.stderr
    (backup / "manifest.not").rename(backup / "manifest")
    _, done = restored_company(scene, tmp_path / "four", backup)
    assert done.returncode == 0, done.stderr
