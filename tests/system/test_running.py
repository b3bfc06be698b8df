"""Running it: what is on the disk and in the log, what SIGHUP does, alarms, metrics, memory, and
files that a newer version wrote."""
import base64
import contextlib
import ctypes
import ctypes.util
import email.policy
import hashlib
import io
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import stat
import struct
import subprocess
import tempfile
import time
import zipfile
from email.message import EmailMessage

import pytest

from company import BUILD, ROOT, wait_for
from pages import change_index, read_index
from scene import ALICE, PASSWORD, Scene

SANITIZED = "san" in BUILD.name
UIDS = range(61300, 61310)  # of the processes, where no users postern-NAME exist


def make_scene(tmp_path_factory, name, **settings):
    directory = tmp_path_factory.mktemp(name)
    os.chmod(directory, 0o755)
    return Scene(directory, **settings)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A company with a program that writes alarms down."""
    script = tmp_path_factory.mktemp("alarm") / "alarm"
    # In one piece, since two alarms may be told at once.
    script.write_text(f'#!/bin/sh\nsentence=$(cat)\nprintf "%s\\n%s\\n" "$#:$1" "$sentence" >>"{script}.said"\n')
    script.chmod(0o755)
    made = make_scene(tmp_path_factory, "running", alert_command=script, alert_interval="1s",
                      disk_warning="1MiB", disk_watermark="1MiB")
    made.alarms = script.with_name("alarm.said")
    yield made
    made.close()


def alarm(scene, name):
    """The sentence of an alarm of this name, from the program that was run."""
    def said():
        lines = scene.alarms.read_text().splitlines() if scene.alarms.exists() else []
        return next((after for line, after in zip(lines, lines[1:]) if line == f"1:{name}"), None)

    return wait_for(f"the alarm {name}", said)


def forget_alarms(scene):
    time.sleep(1.1)  # alert-interval
    scene.alarms.unlink(missing_ok=True)


def reload(company, **settings):
    """Change settings and have them read; waits until that was done."""
    for name, value in settings.items():
        company.set(name.replace("_", "-"), value)
    before = company.log.read_text().count(" event=config.re")
    company.process.send_signal(signal.SIGHUP)
    wait_for("the configuration to be read",
             lambda: company.log.read_text().count(" event=config.re") > before)


@contextlib.contextmanager
def with_settings(company, **settings):
    """Have these settings in force for a while."""
    good = company.config.read_text()
    reload(company, **settings)
    try:
        yield
    finally:
        company.config.write_text(good)
        reload(company)


def events(company, name):
    """The log's lines of one event."""
    return [line for line in company.log.read_text(errors="replace").splitlines()
            if f" event={name} " in line + " "]


# ---- nothing readable on the disk ----------------------------------------------------------------

WORDS = {  # where each was planted
    "quixotrysm": "the body", "Zwirbelbrunst": "the subject", "glimworm": "a recipient",
    "vortigaunt": "a hidden recipient", "plumbagine": "an attachment's name",
    "skreeglass": "a text attachment", "żółtowron": "the body, beyond ASCII",
    "Ottokarine": "a display name", "wobblegrass": "an order's reason",
    "ragnaplix": "a search", "hexenschuss": "a password", "mumpsimus": "an account's further address",
    "nirgendwo": "a domain that is nowhere", "tarabas": "an account's name",
    "frumiously": "a Message-ID", "klabauter": "the HELO name", "brodelbach": "an exported reason",
    "erinaceous": "a refused recipient", "zentripetal": "a binary attachment",
    "kuddelmuddel": "a document in an archive", "schlawiner": "a file's name in an archive",
    "kladderadatsch": "a PDF's text", "snollygost": "a header field of its own", "aurochsen": "a held letter's subject",
}


def forms(word):
    """How the word could stand in a file: as it is, encoded, or as a hash that anybody can make."""
    found = set()
    for text in {word, word.lower(), word.upper(), word.capitalize()}:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le"):
            found.add(text.encode(encoding))
        plain = text.encode()
        found.add(plain.hex().encode())
        found.add(plain.hex().upper().encode())
        found.add(re.sub(rb"[\x80-\xff]", lambda m: b"=%02X" % m[0][0], plain))
        for shift in range(3):  # the characters that the word alone decides, wherever it begins
            coded = base64.b64encode(b"\0" * shift + plain)
            found.add(coded[-(-shift * 8 // 6):(shift + len(plain)) * 8 // 6])
        for algorithm in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            digest = hashlib.new(algorithm, plain).digest()[:8]
            found |= {digest, digest.hex().encode()}
    return found


ZSTD = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t


def decompressed(content):
    """What every Zstandard frame in it holds."""
    room = ctypes.create_string_buffer(4 << 20)
    for at in (m.start() for m in re.finditer(rb"\x28\xb5\x2f\xfd", content)):
        frame = content[at:]
        ZSTD.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t
        size = ZSTD.ZSTD_findFrameCompressedSize(frame, ctypes.c_size_t(len(frame)))
        if ZSTD.ZSTD_isError(ctypes.c_size_t(size)):
            continue
        got = ZSTD.ZSTD_decompress(room, ctypes.c_size_t(len(room)), frame, ctypes.c_size_t(size))
        if not ZSTD.ZSTD_isError(ctypes.c_size_t(got)):
            yield room.raw[:got]


def readable(paths, words):
    """Every word that stands in one of the files, as (word, file)."""
    wanted = {form: word for word in words for form in forms(word) if len(form) >= 6}
    pattern = re.compile(b"|".join(re.escape(form) for form in sorted(wanted)))
    return [(wanted[m[0]], str(path)) for path in paths
            for content in [pathlib.Path(path).read_bytes()]
            for part in [content, *decompressed(content)] for m in pattern.finditer(part)]


def files_below(directory):
    return [p for p in pathlib.Path(directory).rglob("*") if stat.S_ISREG(p.lstat().st_mode)]


def test_the_search_for_planted_words_finds_them(tmp_path):
    """In every form that test_nothing_is_readable looks for."""
    word = "żółtowron"
    text = f"so flog ein {word} davon".encode()
    compressed = ctypes.create_string_buffer(1000)
    ZSTD.ZSTD_compress.restype = ctypes.c_size_t
    size = ZSTD.ZSTD_compress(compressed, ctypes.c_size_t(1000), text * 9,
                              ctypes.c_size_t(9 * len(text)), 3)
    planted = {
        "plain": text, "upper": text.decode().upper().encode(), "utf16": text.decode().encode("utf-16-le"),
        "base64-0": base64.b64encode(word.encode()), "base64-1": base64.b64encode(b"x" + text),
        "base64-2": base64.b64encode(b"xy" + text), "qp": b"=C5=BC=C3=B3=C5=82towron",
        "zstd": b"\0" * 100 + compressed.raw[:size], "hash": hashlib.sha256(word.encode()).digest(),
        "hex": text.hex().encode(),
    }
    for name, content in planted.items():
        (tmp_path / name).write_bytes(content)
    found = {pathlib.Path(path).name for _, path in readable(files_below(tmp_path), [word])}
    assert found == set(planted)
    (tmp_path / "none").write_bytes(b"a zoltowron is another word")
    assert not readable([tmp_path / "none"], [word])


PDF = (b"%PDF-1.4\n1 0 obj <</Type/Page/Contents 2 0 R/Resources<</Font<</F 3 0 R>>>>>> endobj\n"
       b"3 0 obj <</Type/Font/Subtype/Type1>> endobj\n2 0 obj <<>> stream\n"
       b"BT /F 9 Tf (kladderadatsch) Tj ET\nendstream endobj\n")


def planted_letter():
    m = EmailMessage(policy=email.policy.SMTPUTF8)
    m["From"] = f'"Ottokarine Q." <{ALICE}>'
    m["To"] = "glimworm@partner.test, erinaceous@partner.test"
    m["Bcc"] = "vortigaunt@partner.test"
    m["Subject"] = "Zwirbelbrunst im Fruehling"
    m["Message-ID"] = "<frumiously@client.example.test>"
    m["X-Snollygost"] = "snollygost"
    m.set_content("Ein quixotrysm, und ein żółtowron.\n" * 3)
    m.add_attachment("one skreeglass, please\n" * 40, filename="plumbagine.txt")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as entries:
        entries.writestr("schlawiner.html", "<p>kuddelmuddel</p>" * 40)
    m.add_attachment(archive.getvalue(), maintype="application", subtype="zip", filename="a.zip")
    m.add_attachment(PDF, maintype="application", subtype="pdf", filename="b.pdf")
    m.add_attachment(b"%PDF-1.4 zentripetal\n" * 40, maintype="application", subtype="pdf",
                     filename="plumbagine.pdf")
    return m.as_bytes()


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A company in which every word of WORDS was said in its place, under load and disturbance."""
    started = time.time()
    scene = make_scene(tmp_path_factory, "planted", log_level="debug", retry_schedule="1h")
    scene.started = started
    c = scene.company
    c.postern("user", "add", "tarabas@example.test", "--password-stdin", "--address",
              "mumpsimus@example.test", "--name", "Ottokarine", "--reason", "wobblegrass",
              input="hexenschuss schluchzt quarkweise\n")
    c.postern("dkim", "new", "t1")
    reload(c, dkim_selector="t1-rsa, t1-ed25519")
    to = ["glimworm@partner.test", "vortigaunt@partner.test", "refuse-erinaceous@partner.test",
          "later-glimworm@partner.test", "glimworm@nirgendwo.test"]
    smtp = scene.client("tarabas@example.test", "hexenschuss schluchzt quarkweise")
    smtp.quit()
    scene.letter = scene.submit(planted_letter(), to)
    c.postern("queue", "pause")
    held, _ = scene.send("aurochsen", text="quixotrysm again\n")
    wait_for("a row", lambda: held in c.postern("queue", "list"))
    c.postern("queue", "hold", held, "--reason", "wobblegrass")
    c.postern("queue", "resume")
    scene.receiver.wait(1)
    wait_for("the refusal's notice", lambda: "notice" in c.show(scene.letter).lower(), 40)
    wait_for("it to be found", lambda: scene.letter in c.postern("search", "skreeglass",
                                                                 check=False).stdout)
    c.postern("search", "ragnaplix", check=False)
    for word in ("żółtowron", "kuddelmuddel", "filename:schlawiner", "kladderadatsch"):
        assert c.postern("search", word).count(scene.letter) == 1, word
    c.postern("export", scene.letter, text=False)
    c.postern("checkpoint")
    with contextlib.suppress(OSError), socket.create_connection(
            ("127.0.0.1", c.submission), 10) as s:
        s.sendall(b"EHLO klabauter.test\r\nMAIL FROM:<mumpsimus@example.test>\r\nQUIT\r\n")
        while s.recv(1000):
            pass
    with pytest.raises(Exception):
        scene.client("tarabas@example.test", "brodelbach")
    yield scene
    scene.close()


def places(scene):
    """Every file of the data directory and the log."""
    return [*files_below(scene.company.data), scene.company.log]


def test_nothing_is_readable(planted):
    c = planted.company
    found = places(planted)
    names = {p.name for p in found}
    assert {"catalog.db", "catalog.db-wal", "search.db", "search.db-wal", "state.db",
            "0000000001.seg", "posternd.log"} <= names, names
    assert not readable(found, WORDS), "while it runs"
    c.kill()  # what a crash leaves
    assert not readable(places(planted), WORDS), "after a crash"
    c.start()
    c.postern("catalog", "rebuild")
    assert not readable(places(planted), WORDS), "after a rebuild"
    assert c.stop() == 0
    assert not readable(places(planted), WORDS), "after a stop"
    c.start()
    assert planted.letter in c.postern("search", "quixotrysm"), "and yet it is there"


def test_names_of_files_tell_nothing(planted):
    forbidden = [form for word in WORDS for form in forms(word)]
    for path in files_below(planted.company.data):
        assert not any(form in os.fsencode(path.relative_to(planted.company.data))
                       for form in forbidden), path


def test_no_file_is_written_elsewhere(planted):
    """No spool, no temporary file, no core: open files are the data directory's or in memory."""
    c = planted.company
    allowed = re.compile(rf"{re.escape(str(c.data))}(/|$)|/memfd:|/dev/(null|urandom)$|"
                         r"(socket|pipe|anon_inode):|/$|.* \(deleted\)$")
    for pid, role in c.processes().items():
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                target = os.readlink(fd)
                assert allowed.match(target), (role, target)
                assert "(deleted)" not in target or "memfd" in target, (role, target)
    for place in ("/tmp", "/var/tmp", "/dev/shm", "/run"):
        for path in pathlib.Path(place).iterdir():
            with contextlib.suppress(FileNotFoundError):
                about = path.lstat()
                assert about.st_uid not in UIDS or about.st_mtime < planted.started, path


def test_the_log_is_one_event_a_line(planted):
    fields = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ "=\\]*)(?: |$)')
    for line in planted.company.log.read_text(errors="strict").splitlines():
        at = 0
        names = []
        while at < len(line):
            match = fields.match(line, at)
            assert match, line
            names.append(match[1])
            at = match.end()
        assert names[:4] == ["time", "level", "role", "event"], line
        assert line.isascii()


# ---- derived data, made again ------------------------------------------------------------------

def catalog_of(data):
    """Every table of the catalog; the position aside, which follows the ledger."""
    with contextlib.closing(sqlite3.connect(f"file:{data}/catalog/catalog.db?mode=ro",
                                            uri=True)) as db:
        tables = [n for n, in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        return {t: sorted(db.execute(f"SELECT * FROM {t}").fetchall()) for t in tables
                if t != "meta"}


def index_of(data, folder):
    """Every letter of the search index, and every hash of a word with its places. The tokenizer is
    Postern's own, so the tables are read in a copy that names another one."""
    folder.mkdir()
    read_index(data, folder)
    with contextlib.closing(sqlite3.connect(folder / "search.db", isolation_level=None)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = replace(sql, '''keyed''', '''ascii''')")
    with contextlib.closing(sqlite3.connect(folder / "search.db")) as db:
        db.text_factory = bytes  # a term is eight bytes of a hash
        db.execute("CREATE VIRTUAL TABLE temp.places USING fts5vocab('main', 'words', 'instance')")
        return {"letters": sorted(db.execute("SELECT * FROM letter").fetchall()),
                "counts": db.execute("SELECT letters, partly, unread FROM meta").fetchall(),
                "words": sorted(db.execute("SELECT * FROM temp.places").fetchall())}


def damage(path, *statements):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def test_catalog_and_index_are_the_same_made_from_nothing(planted, tmp_path):
    c = planted.company
    wait_for("every first attempt to be over", lambda: c.status()["queue.in_hand"] == "0", 60)
    c.show(planted.letter)  # whoever reads has the catalog catch up first
    assert c.stop() == 0
    before, words = catalog_of(c.data), index_of(c.data, tmp_path / "before")
    assert len(before["letters"]) >= 3 and before["queue"] and before["records"]
    assert len(words["letters"]) == len(before["letters"]) and len(words["words"]) > 50

    for file in (c.data / "catalog").iterdir():
        file.unlink()
    c.start()
    wait_for("the index", lambda: int(c.status()["index.position"]) >=
             int(c.status()["catalog.position"]), 60)
    assert c.stop() == 0
    assert catalog_of(c.data) == before
    assert index_of(c.data, tmp_path / "deleted") == words

    c.start()
    last, _ = planted.send("newer than the start", text="bonnyclabber\n")
    wait_for("its delivery", lambda: "delivered (250" in c.show(last))
    wait_for("it to be found", lambda: last in c.postern("search", "bonnyclabber",
                                                         check=False).stdout)
    c.postern("catalog", "rebuild")
    assert last in c.postern("search", "bonnyclabber"), "what came since the start"
    c.stop()
    before, words = catalog_of(c.data), index_of(c.data, tmp_path / "newer")
    damage(c.data / "catalog/catalog.db", "UPDATE letters SET size = 0",
           "DELETE FROM records WHERE letter NOT IN (SELECT letter FROM queue)")
    change_index(c.data, "DELETE FROM letter", "UPDATE meta SET unread = 7")
    assert catalog_of(c.data) != before and index_of(c.data, tmp_path / "damaged") != words
    c.start()
    assert re.match(r"made again from \d+ records\n$", c.postern("catalog", "rebuild"))
    assert c.stop() == 0
    assert catalog_of(c.data) == before
    assert index_of(c.data, tmp_path / "rebuilt") == words
    c.start()


# ---- reading the configuration again ----------------------------------------------------------

def test_settings_are_read_again_and_sessions_go_on(scene):
    company = scene.company
    big = b"From: alice@example.test\r\nSubject: big\r\n\r\n" + (b"y" * 76 + b"\r\n") * 3000
    with scene.client() as before:
        assert before.esmtp_features["size"] == str(50 << 20)
        with with_settings(company, size_limit="128KiB"):
            with scene.client() as after:
                assert after.esmtp_features["size"] == str(128 << 10)
                after.mail(ALICE)
                after.rcpt("paula@partner.test")
                assert after.data(big)[0] in (552, 554)
            scene.send("on the old session", smtp=before)
        scene.submit(big, ["paula@partner.test"], before)
    with scene.client() as again:
        assert again.esmtp_features["size"] == str(50 << 20)


def test_a_broken_configuration_leaves_the_old_in_force(scene):
    company = scene.company
    good = company.config.read_text()
    forget_alarms(scene)
    with scene.client() as session:
        for breach, says in ((good.replace("\n[", "\nsize-limit = 20\n[", 1), "`size-limit`"),
                             (good.replace("\n[", "\nnonsense = 1\n[", 1), "`nonsense`"),
                             (good.replace("trust-store = ", "trust-store = /nowhere"), "/nowhere")):
            company.config.write_text(breach)
            reload(company)
            assert says in events(company, "config.refused")[-1].replace('\\"', '"')
            assert session.noop()[0] == 250
        company.config.unlink()
        reload(company)
        assert "postern.conf" in events(company, "config.refused")[-1]
        scene.send("under the old configuration", smtp=session)
        scene.send("and on a new connection")
    company.config.write_text(good)
    line = next(i for i, text in enumerate(good.replace("\n[", "\nsize-limit = 20\n[", 1)
                                           .splitlines(), 1) if text == "size-limit = 20")
    assert f"postern.conf:{line}: " in alarm(scene, "config-refused")
    reload(company)
    assert len(events(company, "config.reloaded")) > 0


def test_the_log_level_changes_in_every_process(scene):
    company = scene.company

    def said(role):
        """Whether there is a line of that process about a letter, given a moment."""
        size = company.log.stat().st_size
        scene.send(f"a line or none, {size}")
        with contextlib.suppress(TimeoutError):
            return wait_for("a line", lambda: f" role={role} ".encode() in
                            company.log.read_bytes()[size:], 1)
        return False

    assert said("keeper")
    company.set("log-level", "error")  # the supervisor says no more that it was read
    company.process.send_signal(signal.SIGHUP)
    wait_for("silence", lambda: not said("keeper") and not said("submission"))
    company.set("log-level", "info")
    company.process.send_signal(signal.SIGHUP)
    wait_for("a line of the keeper", lambda: said("keeper"))


# ---- alarms ----------------------------------------------------------------------------------

def test_the_alarm_program_is_run_once_in_an_interval(scene):
    company = scene.company
    forget_alarms(scene)
    with with_settings(company, alert_interval="1h"):
        for _ in range(2):
            with with_settings(company, disk_warning="60TiB"):
                assert "less than `disk-warning`" in alarm(scene, "disk-warning")
                time.sleep(1.2)  # two looks at the disk
            time.sleep(1.2)
        assert scene.alarms.read_text().count("1:disk-warning\n") == 1
        assert len([a for a in events(company, "alert") if " alert=disk-warning " in a]) == 1


def test_below_the_watermark_nothing_is_accepted(scene):
    company = scene.company
    forget_alarms(scene)
    letter, _ = scene.send("before the disk is full")
    with with_settings(company, disk_warning="60TiB", disk_watermark="60TiB"):
        with scene.client() as smtp:  # signing in is recorded, out of the reserve
            def refused():
                smtp.mail(ALICE)
                smtp.rcpt("paula@partner.test")
                code, text = smtp.data(b"From: alice@example.test\r\nSubject: full\r\n\r\n" +
                                       os.urandom(8).hex().encode())
                return code == 452 and b"4.3.1" in text

            wait_for("the refusal", refused)
        assert "reserve" in alarm(scene, "disk-watermark")
        wait_for("it in the index", lambda: letter in company.postern("search", "subject:before", check=False).stdout)
    wait_for("space", lambda: accepts(scene))


def test_a_stop_does_not_wait_for_a_server_that_says_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = Scene(tmp_path, sections=f"[domain silent.test]\nroute = 127.0.0.1:{silent.getsockname()[1]}\n")
        try:
            letter, _ = made.send("nobody answers", to="joe@silent.test")
            reached, _ = silent.accept()
            made.company.process.send_signal(signal.SIGTERM)
            made.company.process.wait(20)  # it would wait 25 s for a letter that is on its way
            reached.close()
            assert made.company.process.returncode == 0
            made.company.process = None
            made.company.start()
            silent.accept()[0].close()  # it is tried again, and nothing was recorded of the first time
            shown = wait_for("an attempt", lambda: attempted(made.company, letter))
            assert "attempt 1 " in shown and "attempt 2 " not in shown
        finally:
            made.close()


def attempted(company, letter):
    shown = company.show(letter)
    return shown if "attempt " in shown else None


def accepts(scene):
    with contextlib.suppress(AssertionError):
        return scene.send("there is space again")
    return None


def move_clock(shift, seconds):
    """Written in place: a file cut to nothing would take the page away from who has it mapped."""
    with shift.open("r+b") as f:
        f.write(struct.pack("=q", seconds))


def in_moved_time(folder):
    """How to run a program with a clock that moves by the seconds written to folder/shift; None
    when this machine does not allow it."""
    if SANITIZED:
        return None
    (folder / "shift").write_bytes(struct.pack("=q", 0))
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-D_GNU_SOURCE",
                    f'-DSHIFT_FILE="{folder}/shift"', "-o", folder / "clock.so",
                    ROOT / "tests/clock/shifted_clock.c"], check=True)
    etc = folder / "etc"
    etc.mkdir()
    (etc / "ld.so.preload").write_text(f"{folder}/clock.so\n")
    wrapper = ["unshare", "--mount", "sh", "-ec",
               f"mount -t overlay overlay -o lowerdir={etc}:/etc /etc; exec \"$@\"", "sh"]
    tried = subprocess.run([*wrapper, "date", "+%s"], capture_output=True, check=False)
    return wrapper if tried.returncode == 0 else None


def test_a_clock_that_jumps_is_told(scene, tmp_path):
    os.chmod(tmp_path, 0o755)
    wrapper = in_moved_time(tmp_path)
    if not wrapper:
        pytest.skip("needs root, mounts and no sanitizer: the clock is moved by a library in /etc")
    company = scene.company
    shift = tmp_path / "shift"
    company.stop()
    forget_alarms(scene)
    company.start(wrapper)
    move_clock(shift, 3600)
    assert re.search(r"forwards by (3600|3599) seconds", alarm(scene, "clock-jump"))
    scene.send("from the future")
    forget_alarms(scene)
    move_clock(shift, -60)
    assert re.search(r"backwards by (3660|3659) seconds", alarm(scene, "clock-jump"))
    forget_alarms(scene)
    move_clock(shift, 7200)
    assert re.search(r"forwards by (7260|7259) seconds", alarm(scene, "clock-jump"))
    scene.send("from a further future")
    company.stop()
    forget_alarms(scene)
    company.start()
    assert re.search(r"clock is 7\d\d\d seconds behind the last commit", alarm(scene, "clock-jump"))
    assert "\nwhole" in company.postern("ledger", "verify")


def test_a_clock_set_back_makes_no_letter_wait(tmp_path_factory, tmp_path):
    """A pause that began when the clock was a day ahead ends when it should."""
    os.chmod(tmp_path, 0o755)
    wrapper = in_moved_time(tmp_path)
    if not wrapper:
        pytest.skip("needs root, mounts and no sanitizer: the clock is moved by a library in /etc")
    scene = make_scene(tmp_path_factory, "back", behave="later-data", retry_schedule="5s")
    shift = tmp_path / "shift"
    try:
        scene.company.stop()
        move_clock(shift, 86400)
        scene.company.start(wrapper)
        scene.send("for later")
        wait_for("its first attempt", lambda: scene.company.status()["queue.deferred"] == "1")
        move_clock(shift, 0)
        scene.receiver.behave("")
        assert scene.receiver.wait(1)
    finally:
        scene.close()


# ---- numbers ---------------------------------------------------------------------------------

def scrape(company, question=b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
    run = os.open(company.data / "run", os.O_PATH)  # its path may be longer than an address
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(f"/proc/self/fd/{run}/metrics.sock")
        os.close(run)
        if question:
            s.sendall(question)
        else:
            s.shutdown(socket.SHUT_WR)
        text = b""
        while piece := s.recv(65536):
            text += piece
    return text.decode("ascii")


def parse(text):
    """{name: (type, value)} of Prometheus' text format 0.0.4, strictly."""
    samples, types, helped = {}, {}, set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if match := re.fullmatch(r"# HELP ([a-z_:][a-z0-9_:]*) [^\n\\]+", line):
            assert match[1] not in helped
            helped.add(match[1])
        elif match := re.fullmatch(r"# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge)", line):
            assert match[1] in helped and match[1] not in types and match[1] not in samples
            types[match[1]] = match[2]
        else:
            match = re.fullmatch(r"([a-z_:][a-z0-9_:]*) (\d+)", line)
            assert match and match[1] in types and match[1] not in samples, line
            assert (types[match[1]] == "counter") == match[1].endswith("_total"), line
            samples[match[1]] = int(match[2])
    assert set(samples) == set(types) == helped
    return samples


def test_status_and_metrics_say_the_same(tmp_path_factory):
    scene = make_scene(tmp_path_factory, "numbers", retry_schedule="1h")
    company = scene.company
    try:
        for i in range(3):
            scene.send(f"letter {i}")
        deferred, _ = scene.send("deferred", to="later-paula@partner.test")
        refused, _ = scene.send("refused", to="refuse-paula@partner.test")
        with scene.client() as smtp, pytest.raises(Exception):
            smtp.mail(ALICE)
            smtp.rcpt("paula@partner.test")
            assert smtp.data(b"From: boss@example.test\r\n\r\n")[0] == 250
        wait_for("three deliveries and two failures", lambda: (
            lambda s: s["recipients.delivered"] == "3" and s["recipients.deferred"] == "1" and
            s["recipients.failed"] == "1" and s["notices.sent"] == "1")(company.status()), 40)
        held, _ = scene.send("held", to="later-nobody@partner.test")
        wait_for("it to be held", lambda: "held: 1" in company.postern("queue", "hold", held,
                                                                       check=False).stdout)
        company.postern("checkpoint")
        before = company.status()
        answer = scrape(company)
        head, _, body = answer.partition("\r\n\r\n")
        assert head.startswith("HTTP/1.0 200 OK\r\n") and f"Content-Length: {len(body)}" in head
        assert "Content-Type: text/plain; version=0.0.4" in head
        values = parse(body)
        assert parse(scrape(company, None)).keys() == values.keys()
        for name, value in {"letters_recorded_total": 6, "letters_refused_total": 1,
                            "recipients_delivered_total": 3, "recipients_failed_total": 1,
                            "notices_total": 1, "queue_held": 1, "queue_paused": 0,
                            "backlog_letters": 0, "sign_in_failures_total": 0}.items():
            assert values[f"postern_{name}"] == value, name
        assert before["letters.recorded"] == "6" and before["queue.held"] == "1"
        assert abs(values["postern_disk_free_bytes"] -
                   os.statvfs(company.data).f_bavail * os.statvfs(company.data).f_frsize) < 1 << 30
        stored = sum(f.stat().st_blocks * 512 for f in (company.data / "ledger").glob("*.seg"))
        assert 0 < values["postern_ledger_bytes"] <= stored + 65536
        assert abs(values["postern_ledger_checkpoint_timestamp_ms"] / 1000 - time.time()) < 60
        assert abs(values["postern_ledger_commit_timestamp_ms"] / 1000 - time.time()) < 60
        assert values["postern_queue_oldest_timestamp_ms"] / 1000 < time.time()
        assert re.search(r"^\d+ records in 1 segment,", company.postern("ledger", "verify"), re.M)
        wait_for("the index to cover all", lambda: (
            lambda s: s["index.position"] == s["ledger.records"])(company.status()))
        assert deferred in company.postern("queue", "list")
        assert refused not in company.postern("queue", "list")
    finally:
        scene.close()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs memory of its own")
def test_idle_processes_need_little_memory(tmp_path_factory):
    scene = make_scene(tmp_path_factory, "idle")
    try:
        scene.company.stop()
        scene.company.start()
        pids = [scene.company.process.pid, *scene.company.processes()]
        assert len(pids) >= 9
        resident = {}
        for pid in pids:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            resident[pid] = int(re.search(r"^Pss: +(\d+) kB", text, re.M)[1])
        assert sum(resident.values()) <= 100 * 1024, resident
    finally:
        scene.close()


# ---- files that a newer version wrote --------------------------------------------------------

def newer_segment(data):
    path = sorted((data / "ledger").glob("*.seg"))[-1]
    with path.open("r+b") as file:
        head = bytearray(file.read(512))
        head[8:10] = b"\0\2"
        head[480:] = hashlib.sha256(head[:480]).digest()
        file.seek(0)
        file.write(head)


def newer_index(data):
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.closing(sqlite3.connect(read_index(data, pathlib.Path(folder)))) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
    change_index(data, f"PRAGMA user_version = {version + 1}")


def newer_database(name):
    def change(data):
        with contextlib.closing(sqlite3.connect(data / name, isolation_level=None)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            db.execute(f"PRAGMA user_version = {version + 1}")
    return change


def newer_word(name, old, new):
    def change(data):
        text = (data / name).read_text()
        assert old in text
        (data / name).write_text(text.replace(old, new, 1))
    return change


@pytest.fixture
def stopped(scene, tmp_path):
    """The company with its daemon stopped; what a test changes is put back behind it."""
    company, kept = scene.company, tmp_path / "kept"
    company.stop()
    shutil.copytree(company.data, kept, ignore=shutil.ignore_patterns("run"))
    yield scene
    company.stop()
    for path in files_below(company.data):
        path.unlink()
    shutil.copytree(kept, company.data, dirs_exist_ok=True)
    company.start()
    scene.send("when the old files are back")


@pytest.mark.parametrize("kind, change", [
    ("ledger", newer_segment),
    ("state", newer_database("state/state.db")),
    ("catalog", newer_database("catalog/catalog.db")),
    ("search index", newer_index),
    ("master.key", newer_word("master.key", "postern-master-key 1 ", "postern-master-key 3 ")),
])
def test_a_newer_format_is_refused(stopped, tmp_path, kind, change):
    """The start ends at once, with a sentence; nothing is changed, and nothing is tried again."""
    company = stopped.company
    change(company.data)
    changed = digests(company.data)
    began = time.monotonic()
    ended = subprocess.run([BUILD / "posternd", "-c", company.config], capture_output=True,
                           text=True, check=False, timeout=60)
    assert ended.returncode == 78, ended.stderr
    assert time.monotonic() - began < 30
    reasons = [line for line in ended.stderr.splitlines() if "reason=" in line]
    assert any(kind in line and ("newer" in line or "format" in line) for line in reasons), reasons
    assert digests(company.data) == changed


def digests(data):
    """Of ledger and keys. A database is settled by SQLite, whoever opens it."""
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files_below(data)
            if ".db" not in p.name}


def test_a_newer_backup_is_refused(scene, tmp_path):
    os.chmod(tmp_path, 0o755)
    backup = tmp_path / "backup"
    scene.company.postern("backup", backup, "--with-master-key")
    manifest = backup / "manifest"
    first, rest = manifest.read_text().split("\n", 1)
    manifest.write_text(f"{first[:-1]}2\n{rest}")
    assert first.endswith("1")
    config = tmp_path / "postern.conf"
    config.write_text(scene.company.config.read_text().replace(str(scene.company.data),
                                                               str(tmp_path / "data")))
    done = subprocess.run([BUILD / "postern", "-c", config, "restore", backup],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 78 and "written by a newer version of Postern" in done.stderr
    assert not (tmp_path / "data" / "master.key").exists()


def test_a_newer_key_file_is_told(stopped):
    """It is one of many, so the others serve on."""
    company = stopped.company
    key = next((company.data / "keys").iterdir())
    key.write_bytes(b"\2" + key.read_bytes()[1:])
    forget_alarms(stopped)
    company.start()
    assert "keys/" in alarm(stopped, "signer-key-unreadable")
    assert any(key.name in line and "newer version of Postern" in line
               for line in events(company, "signer.key_unreadable"))


def test_a_newer_recovery_file_is_refused(scene, tmp_path):
    os.chmod(tmp_path, 0o755)
    backup = tmp_path / "backup"
    scene.company.postern("backup", backup)
    sealed = backup / "recovery.sealed"
    text = sealed.read_text()
    assert text.startswith("postern-recovery 1 ")
    newer = text.replace("postern-recovery 1 ", "postern-recovery 3 ")
    sealed.write_text(newer)
    manifest = backup / "manifest"
    manifest.write_text(manifest.read_text().replace(
        hashlib.sha256(text.encode()).hexdigest(), hashlib.sha256(newer.encode()).hexdigest()))
    config = tmp_path / "postern.conf"
    config.write_text(scene.company.config.read_text().replace(str(scene.company.data),
                                                               str(tmp_path / "data")))
    done = subprocess.run([BUILD / "postern", "-c", config, "restore", backup,
                           "--recovery-key-stdin"], capture_output=True, text=True, check=False,
                          input=(scene.company.directory / "recovery.key").read_text())
    assert done.returncode == 78 and "written by a newer version of Postern" in done.stderr
