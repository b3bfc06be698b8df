"""Letters that a malware scanner and a spam filter look at: real ones, and some that break."""
import contextlib
import email.message
import io
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request
import zipfile

import pytest

from company import DENIED, free_port, wait_for
from scene import ALICE, Scene

MALWARE = b"GATEWAY-TEST-MALWARE"  # what the test's own signature finds
BIG = 3 << 20                      # above the scanner's StreamMaxLength
TO = "paula@partner.test"
ORDER = 24                         # RECORD_ORDER


class Clamd:
    """The real clamd with one signature of our own."""

    def __init__(self, directory):
        self.directory = directory
        (directory / "db").mkdir(parents=True)
        (directory / "tmp").mkdir()
        (directory / "db" / "test.ndb").write_text(f"Gw.Test.Marker:0:*:{MALWARE.hex()}\n")
        self.socket = directory / "clamd.ctl"
        self.config = directory / "clamd.conf"
        self.config.write_text(f"""LocalSocket {self.socket}
LocalSocketMode 666
FixStaleSocket yes
DatabaseDirectory {directory / "db"}
TemporaryDirectory {directory / "tmp"}
LogFile {directory / "clamd.log"}
Foreground yes
User {pathlib.Path("/proc/self").owner()}
ScanMail yes
StreamMaxLength 2M
AlertExceedsMax yes
""")
        self.process = None

    def start(self):
        self.process = subprocess.Popen([shutil.which("clamd") or "/usr/sbin/clamd", "-c", str(self.config)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for("clamd", self._answers)
        return self

    def _answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(self.socket))
                s.sendall(b"zPING\0")
                return s.recv(10) == b"PONG\0"
        except OSError:
            return False

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None


class Broken:
    """Who sits in a scanner's place and answers what it is told to; None: nothing, ever."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.answer = None
        self.hangs = None  # over letters that hold this
        self.early = False  # it answers before it has read the letter
        self.open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                s, _ = self.listening.accept()
            except OSError:
                return
            self.open.append(s)
            if self.answer is not None:
                s.settimeout(1)
                try:
                    heard = b""
                    while not heard.endswith(b"\0\0\0\0") and not (self.early and heard):
                        heard += s.recv(10 if self.early else 1 << 20)
                    if self.hangs and self.hangs in heard:
                        continue
                    s.sendall(self.answer)
                    while self.early and s.recv(1 << 20):
                        pass
                except OSError:
                    pass
                s.close()

    def close(self):
        self.listening.close()
        for s in self.open:
            s.close()


def letter(subject, attached=None, name="report.bin"):
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = ALICE, TO, subject
    message["Message-ID"] = "<{}@example.test>".format(subject.translate(str.maketrans(" []", "...")).strip("."))
    message.set_content("Kind regards\n")
    if attached is not None:
        message.add_attachment(attached, "application", "octet-stream", filename=name)
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


def submit(scene, subject, attached=None):
    return scene.submit(letter(subject, attached), [TO])


def contents(scene):
    return [content for _, content in scene.receiver.letters()]


def subjects(scene):
    """Of what came from Alice."""
    letters = [email.message_from_bytes(c) for c in contents(scene)]
    return [m["Subject"] for m in letters if ALICE in m["From"]]


def id_bytes(letter_id):
    number = 0
    for character in letter_id:
        number = number << 5 | "0123456789abcdefghjkmnpqrstvwxyz".index(character)
    return number.to_bytes(10, "big")


def queue(scene):
    return scene.company.postern("queue", "list")


def held(scene, letter_id):
    """The archive's words on it, once it waits for a person."""
    wait_for("it in the queue", lambda: any(letter_id in line and " held " in line for line in queue(scene).splitlines()))
    return scene.company.show(letter_id)


def shown(scene, letter_id, what):
    return wait_for(f"{what} of the letter", lambda: (s := scene.company.show(letter_id)) and what in s and s)


@pytest.fixture(scope="module")
def clamd(tmp_path_factory):
    if not (shutil.which("clamd") or pathlib.Path("/usr/sbin/clamd").exists()):
        pytest.skip("clamd (Debian package clamav-daemon) is not installed")
    c = Clamd(tmp_path_factory.mktemp("clamd")).start()
    yield c
    c.stop()


def scanned(directory, sections="", **settings):
    """A scene whose own domain has its mailboxes at the receiver: what Postern writes to Alice arrives there."""
    s = Scene(directory, scan_timeout="1s", **settings)
    with s.company.config.open("a") as file:
        file.write(f"[domain example.test]\nroute = 127.0.0.1:{s.receiver.port}\ntls-name = mx.partner.test\n" + sections)
    s.company.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: "event=config.reloaded" in s.company.log.read_text())
    return s


@pytest.fixture(scope="module")
def scene(tmp_path_factory, clamd):
    s = scanned(tmp_path_factory.mktemp("scanned"), clamd=f"unix:{clamd.socket}",
                sections="[policy sealed]\nsubject-tag = [seal]\nmethods = smime\n")
    yield s
    s.close()


def test_what_is_clean_leaves_and_the_archive_says_who_looked(scene):
    assert "malware scanner: nothing found" in shown(scene, submit(scene, "Clean", b"numbers" * 1000), "delivered")
    assert subjects(scene) == ["Clean"]


def test_malware_in_an_attachment_is_held_until_the_officer_lets_it_go(scene):
    company = scene.company
    bad = submit(scene, "Bad", b"\0" * 100 + MALWARE + b"\0" * 100)
    text = held(scene, bad)
    assert "malware scanner: found Gw.Test.Marker" in text and "malware was found in it: Gw.Test.Marker" in text
    assert "a filter gives a letter 60 points" in company.postern("account", "show", ALICE)
    assert bad in queue(scene) and "alert=malware " in company.log.read_text()
    # Its sender is told, and nothing of it is quoted.
    told = wait_for("the notice", lambda: [c for c in contents(scene) if b"Your letter was not sent" in c])
    assert len(told) == 1 and b"malware was found in it: Gw.Test.Marker" in told[0] and b"attachment" not in told[0]
    # An administrator cannot let it go, nor can the officer without a reason; releasing everything passes over it.
    refused = company.postern("queue", "release", bad, "--reason", "I know it", check=False)
    assert refused.returncode == DENIED and "officer alone" in refused.stderr
    company.postern("queue", "release", "--all", "--reason", "all of it", check=False)
    assert bad in queue(scene) and "Bad" not in subjects(scene)
    company.sign_in(company.officer)
    assert "say with --reason" in company.postern("queue", "release", bad, check=False).stderr
    assert "released: 1" in company.postern("queue", "release", bad, "--reason", "A sample for the laboratory")
    wait_for("the letter outside", lambda: "Bad" in subjects(scene))
    company.sign_in()


def test_what_a_policy_holds_too_is_told_on_no_way_back(scene):
    """The scanner is its guard then; the subject that could not be sealed stays out of the bounce, after a restart as well."""
    company = scene.company
    bad = submit(scene, "[seal] the secret plan", MALWARE + b"plan")
    assert "not smime" in held(scene, bad)
    company.stop()
    company.start()
    company.postern("queue", "cancel", bad, "--reason", "a test")
    back = wait_for("the bounce", lambda: [c for c in contents(scene) if b"multipart/report" in c and b"Cancelled by" in c])
    assert len(back) == 1 and b"<seal..the.secret.plan@example.test>" in back[0] and b"secret plan" not in back[0]


def test_a_restart_forgets_nothing_of_what_a_scanner_keeps_back(scene):
    """Nor does an index that is made anew."""
    company = scene.company
    bad = submit(scene, "Kept", MALWARE + b"kept")
    held(scene, bad)
    alarms = company.log.read_text().count("alert=malware ")
    company.stop()
    company.start()
    assert company.log.read_text().count("alert=malware ") == alarms + 1
    assert "entries of the queue wait for the officer" in company.log.read_text()
    assert "a filter gives a letter 60 points" in company.postern("account", "show", ALICE)
    assert bad in queue(scene) and "Kept" not in subjects(scene)
    assert len([c for c in contents(scene) if bad.encode() in c and b"was not sent" in c]) <= 1

    def found(what="finding:malware"):
        return bad in company.postern("search", what, check=False).stdout

    wait_for("it in the index", found)
    assert not found("finding:unscanned")
    company.stop()
    for file in (company.data / "catalog").glob("search.db*"):
        file.unlink()
    company.start()
    wait_for("it in the index made anew", found)


def test_a_catalog_that_was_changed_lets_nothing_go(scene):
    company = scene.company
    bad = submit(scene, "Forged", MALWARE + b"forged")
    held(scene, bad)
    company.stop()
    with contextlib.closing(sqlite3.connect(company.data / "catalog" / "catalog.db", isolation_level=None)) as db:
        letter = db.execute("SELECT seq FROM letters WHERE id = ?", (id_bytes(bad),)).fetchone()[0]
        assert db.execute("UPDATE queue SET state = 1, next_at = 0 WHERE letter = ?", (letter,)).rowcount == 1
        # What lets another letter go lets this one go as little.
        other = db.execute("SELECT seq, segment, offset FROM records WHERE type = ? ORDER BY seq DESC", (ORDER,)).fetchone()
        assert other
        db.execute("INSERT INTO records (letter, seq, type, segment, offset) VALUES (?, ?, ?, ?, ?)", (letter, other[0], ORDER, *other[1:]))
    company.start()
    assert "alert=catalog-altered " in company.log.read_text()
    assert "malware was found in it" in held(scene, bad) and "Forged" not in subjects(scene)
    company.sign_in(company.officer)
    assert "released: 1" in company.postern("queue", "release", bad, "--reason", "A sample for the laboratory")
    wait_for("the letter outside", lambda: "Forged" in subjects(scene))
    company.sign_in()


def test_a_letter_that_is_too_large_for_the_scanner_is_held(scene):
    large = submit(scene, "Large", bytes(range(256)) * (BIG >> 8))
    text = held(scene, large)
    assert "did not look, it is too large for it" in text and "StreamMaxLength" in text
    refused = scene.company.postern("queue", "release", large, "--reason", "I know it", check=False)
    assert refused.returncode == DENIED


def test_what_the_scanner_does_not_look_at_is_held(scene):
    """Beyond its limits clamd would say that an archive is clean."""
    content = b"\0" * 100 + MALWARE + b"\0" * 100
    for _ in range(20):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.zip", content)
        content = file.getvalue()
    nested = submit(scene, "Nested", content)
    text = held(scene, nested)
    assert "did not look at all of it: Heuristics.Limits.Exceeded.MaxRecursion" in text
    refused = scene.company.postern("queue", "release", nested, "--reason", "I know it", check=False)
    assert refused.returncode == DENIED and "Nested" not in subjects(scene)


def test_letters_wait_while_the_scanner_is_away(scene, clamd):
    clamd.stop()
    waiting = submit(scene, "Waiting")
    wait_for("the alarm", lambda: "alert=scanner-away " in scene.company.log.read_text())
    assert scene.company.status()["backlog.letters"] != "0" and "Waiting" not in subjects(scene)
    # A restart forgets nothing and lets nothing go.
    scene.company.stop()
    scene.company.start()
    time.sleep(1)
    assert "Waiting" not in subjects(scene)
    clamd.start()
    shown(scene, waiting, "delivered")
    assert "Waiting" in subjects(scene)


def test_what_is_no_verdict_is_none(tmp_path):
    broken = Broken()
    scene = scanned(tmp_path, clamd=f"127.0.0.1:{broken.port}")
    try:
        hanging = submit(scene, "Hanging")
        wait_for("the alarm", lambda: "does not answer in time" in scene.company.log.read_text())
        broken.answer = b"stream: everything is all right\0"
        wait_for("the next alarm", lambda: "what is no verdict" in scene.company.log.read_text())
        broken.answer = b"stream: " + b"A" * 5000 + b" FOUND\0"
        wait_for("the third alarm", lambda: "answers too much" in scene.company.log.read_text())
        broken.answer = b""
        wait_for("the fourth alarm", lambda: "broke off its answer" in scene.company.log.read_text())
        assert subjects(scene) == [] and scene.company.status()["backlog.letters"] == "1"
        # `send`: it leaves, and its record says that nobody looked.
        scene.company.set("scanner-away", "send")
        scene.company.process.send_signal(signal.SIGHUP)
        assert "malware scanner: did not look: " in shown(scene, hanging, "delivered")
        # `refuse`: what malware is found in goes back without its text.
        broken.answer = b"stream: Evil.Thing-1 FOUND\0"
        scene.company.set("malware", "refuse")
        scene.company.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: scene.company.log.read_text().count("config.reloaded") == 3)
        back = submit(scene, "Back", MALWARE)
        text = shown(scene, back, "Not sent: malware was found in it")
        assert "found Evil.Thing-1" in text
        returned = wait_for("the report", lambda: [c for c in contents(scene) if b"Not sent: malware" in c])
        assert len(returned) == 1 and MALWARE not in returned[0] and b"Kind regards" not in returned[0]
        assert subjects(scene) == ["Hanging"] and back not in queue(scene)
    finally:
        scene.close()
        broken.close()


def test_a_letter_that_gets_no_verdict_alone_is_held(tmp_path):
    """The others leave meanwhile, and nobody need turn the scanner off."""
    broken = Broken()
    broken.answer, broken.hangs = b"stream: OK\0", b"Stuck"
    scene = scanned(tmp_path, clamd=f"127.0.0.1:{broken.port}")
    try:
        stuck = [submit(scene, f"Stuck {i}") for i in range(4)]
        number = 0

        def all_held():
            nonlocal number
            number += 1
            shown(scene, submit(scene, f"Good {number}"), "delivered")
            return all(letter_id in queue(scene) for letter_id in stuck)

        wait_for("them to be held", all_held, 60)
        assert "the malware scanner gives no verdict of it" in held(scene, stuck[0])
        refused = scene.company.postern("queue", "release", stuck[0], "--reason", "I know it", check=False)
        assert refused.returncode == DENIED and not [s for s in subjects(scene) if "Stuck" in s]
        # One that calls a letter clean before it has it is not believed.
        broken.early = True
        submit(scene, "Early", b"numbers" * 300000)
        wait_for("the alarm", lambda: "clean before it has it" in scene.company.log.read_text())
        assert "Early" not in subjects(scene)
    finally:
        scene.close()
        broken.close()


def test_settings_that_no_scanner_can_be_at(tmp_path):
    scene = Scene(tmp_path)
    company = scene.company
    scene.close()
    for name, value, complaint in (("clamd", "clamd.example.test:3310", "wants `unix:`"), ("clamd", "unix:relative", "wants `unix:`"),
                                   ("rspamd", "https://127.0.0.1:11333", "http://127.0.0.1:11333"),
                                   ("spam-score-hold", "5", "without `rspamd`")):
        text = company.config.read_text()
        company.set(name, value)
        refused = company.postern("check-config", check=False)
        assert refused.returncode != 0 and complaint in refused.stdout + refused.stderr, (name, value)
        company.config.write_text(text)


RSPAMD = """.include "$CONFDIR/common.conf"
options {{
  .include "$CONFDIR/options.inc"
  pidfile = "{d}/rspamd.pid"; dns {{ nameserver = ["127.0.0.1:{dns}"]; timeout = 0.2s; retransmits = 1; }}
  tempdir = "{d}"; history_file = "{d}/history"; cores_dir = "{d}"; control_socket = "{d}/control.sock mode=0600";
}}
logging {{ type = "file"; filename = "{d}/rspamd.log"; level = "notice"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; enabled = true; }}
worker "controller" {{ enabled = false; }} worker "rspamd_proxy" {{ enabled = false; }}
worker "fuzzy" {{ enabled = false; }} worker "hs_helper" {{ enabled = false; }}
"""
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n"


@pytest.mark.long
def test_a_real_rspamd_gives_points(tmp_path):
    program = shutil.which("rspamd")
    if not program:
        pytest.skip("rspamd (Debian package rspamd) is not installed")
    port = free_port()
    config = tmp_path / "rspamd.conf"
    config.write_text(RSPAMD.format(d=tmp_path, port=port, dns=free_port()))
    process = subprocess.Popen([program, "-i", "-f", "-c", config, *(f"--var={name}={tmp_path}" for name in ("DBDIR", "RUNDIR", "LOGDIR"))],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    scene = None
    try:
        wait_for("rspamd", answers, 300)  # it compiles its patterns first
        scene = Scene(tmp_path, rspamd=f"http://127.0.0.1:{port}", spam_score_hold=10)
        assert "spam filter: " in shown(scene, submit(scene, "Ordinary"), "delivered")
        spam, _ = scene.send("Spam", TO, text=GTUBE)
        text = held(scene, spam)
        assert "points, reject" in text and "the spam filter gives it" in text
        assert "released: 1" in scene.company.postern("queue", "release", spam)  # not the officer's alone
        wait_for("the letter outside", lambda: "Spam" in subjects(scene))
    finally:
        if scene:
            scene.close()
        process.terminate()
        process.wait(30)
