"""Checkpoints that go to somebody else: time-stamped, mailed, dropped as files."""
import base64
import contextlib
import datetime
import email
import email.policy
import hashlib
import re
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from company import wait_for
from scene import Scene
from test_courier import reload, said
from tsa import Authority, TimeServer


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A company without anchors, and an authority that its tests start servers for."""
    directory = tmp_path_factory.mktemp("anchors")
    directory.chmod(0o755)
    made = Scene(directory, alert_interval="1s", disk_warning="1MiB", disk_watermark="1MiB")
    made.authority = Authority(directory / "tsa")
    made.company.set("courier-trust-store", made.company.authority.certificate)
    made.company.set("timestamp-trust", made.authority.root)
    yield made
    made.close()


@pytest.fixture
def tsa(scene):
    server = TimeServer(scene.authority)
    yield server
    server.close()


def anchors(company, kind):
    done = company.postern("ledger", "anchors", check=False)
    return [line for line in done.stdout.splitlines() if f"  {kind}  " in line]


def stamp_now(company, server, **settings):
    """Use this server from now on, and ask for a stamp."""
    company.set("timestamp-url", server.url)
    for name, value in settings.items():
        company.set(name.replace("_", "-"), value)
    reload(company)
    company.postern("checkpoint")


def is_stamped(company, count):
    return lambda: len(anchors(company, "time stamp")) > count


def refusal(company, server, trick):
    """What the log says about an answer that proves nothing; none is recorded."""
    server.trick = trick
    before = len(said(company, "anchor.unstamped"))
    stamps = len(anchors(company, "time stamp"))
    stamp_now(company, server)
    wait_for("a refusal", lambda: len(said(company, "anchor.unstamped")) > before, 60)
    assert len(anchors(company, "time stamp")) == stamps
    return said(company, "anchor.unstamped")[-1]


def test_a_stamp_is_recorded_and_openssl_proves_it(scene, tsa, tmp_path):
    company = scene.company
    count = len(anchors(company, "time stamp"))
    stamp_now(company, tsa)
    wait_for("the stamp", is_stamped(company, count), 30)
    company.postern("ledger", "anchors", "--output", tmp_path / "out")
    token = max((tmp_path / "out").glob("*.tst"), key=lambda p: int(p.stem.split("-")[1]))
    note = token.with_suffix(".checkpoint")
    verify = ["openssl", "ts", "-verify", "-token_in", "-in", token, "-CAfile", scene.authority.root]
    assert b"Verification: OK" in subprocess.run([*verify, "-data", note], check=True,
                                                 capture_output=True).stdout
    note.write_text(note.read_text() + " ")
    assert subprocess.run([*verify, "-data", note], check=False,
                          capture_output=True).returncode != 0
    out = company.postern("ledger", "verify")
    assert re.search(r"time-stamped 20\S+, the first \d+ records: http://127.0.0.1", out)
    metrics = company.postern("status")
    stamped = re.search(r"anchor.last_timestamp +(\S+)", metrics)[1]
    age = (datetime.datetime.now(datetime.timezone.utc)
           - datetime.datetime.fromisoformat(stamped.replace("Z", "+00:00")))
    assert abs(age.total_seconds()) < 300


def test_an_authority_by_https(scene):
    company = scene.company
    server = TimeServer(scene.authority, tls=company.authority)
    try:
        count = len(anchors(company, "time stamp"))
        stamp_now(company, server)
        wait_for("the stamp", is_stamped(company, count), 30)
    finally:
        server.close()


def query(digest, *options):
    return subprocess.run(["openssl", "ts", "-query", "-digest", digest, "-sha256", "-cert", *options],
                          check=True, capture_output=True).stdout


def digest_in(request):
    """What is to be stamped: the OCTET STRING of 32 bytes."""
    at = request.index(b"\x04\x20") + 2
    return request[at:at + 32].hex()


def test_answers_that_prove_nothing_are_refused(scene, tsa, tmp_path):
    company = scene.company
    stranger = Authority(tmp_path / "stranger")
    expired = Authority(tmp_path / "expired", days=-1)
    genuine = scene.authority
    other = hashlib.sha256(b"something else").hexdigest()
    answers = {
        "another nonce": lambda r: genuine.stamp(query(digest_in(r))),
        "no nonce": lambda r: genuine.stamp(query(digest_in(r), "-no_nonce")),
        "another imprint": lambda r: genuine.stamp(query(other)),
        "another root": stranger.stamp,
        "an expired signer": expired.stamp,
        "garbage": lambda r: b"<html>hello</html>",
        "nothing": lambda r: b"",
        "cut off": lambda r: genuine.stamp(r)[:-10],
        "something behind": lambda r: genuine.stamp(r) + b"x",
        "a refusal": lambda r: bytes.fromhex("30053003020102"),
    }
    for what, answer in answers.items():
        why = refusal(company, tsa, lambda h, r, a=answer: tsa.reply(h, a(r)))
        assert "time stamp" in why, (what, why)


def test_servers_that_misbehave_are_refused(scene, tsa):
    company = scene.company

    def endless(handler, _):
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(bytes(4096))

    assert "longer than allowed" in refusal(company, tsa, endless)
    moved = TimeServer(scene.authority)
    try:
        assert "status 302" in refusal(company, tsa, lambda h, _: h.answer(302, Location=moved.url))
        assert moved.asked.empty()
    finally:
        moved.close()


@pytest.mark.long
def test_a_server_that_hangs_holds_up_nothing(scene, tsa):
    enough = threading.Event()
    try:
        why = refusal(scene.company, tsa, lambda *_: enough.wait(120))
        assert "time" in why.lower()
    finally:
        enough.set()
    scene.send("meanwhile")


def test_a_failure_raises_an_alarm_and_is_made_good(scene, tsa):
    """It is down, for longer than is allowed, and comes back."""
    company = scene.company
    count = len(anchors(company, "time stamp"))
    tsa.trick = lambda h, _: h.answer(503)
    stamp_now(company, tsa, anchor_alarm="1s")
    wait_for("the alarm", lambda: "alert=anchor-late" in company.log.read_text(), 30)
    tsa.trick = None
    wait_for("the stamp", is_stamped(company, count), 60)
    company.set("anchor-alarm", "3d")
    reload(company)


def test_a_mailed_checkpoint_arrives_and_is_recorded(scene, tmp_path):
    company = scene.company
    before = len(scene.receiver.letters())
    company.set("anchor-mail", "auditor@partner.test")
    reload(company)
    wait_for("the letter", lambda: len(scene.receiver.letters()) > before, 30)
    letters = [email.message_from_bytes(content, policy=email.policy.default)
               for _, content in scene.receiver.letters()]
    letter = next(m for m in letters if "Checkpoint" in (m["Subject"] or ""))
    note = tmp_path / "note"
    note.write_bytes(next(letter.iter_attachments()).get_payload(decode=True))
    text, signature = note.read_bytes().split(b"\n\n")
    name, _, key = company.postern("ledger", "key").strip().split("+", 2)
    assert name == "example.test/ledger"
    signed = base64.b64decode(signature.split()[2])
    Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:]).verify(signed[4:], text + b"\n")
    assert "continues" in company.postern("ledger", "verify", "--since", note)
    assert re.search(r"with somebody else since \S+, the first \d+ records: auditor@partner.test",
                     company.postern("ledger", "verify"))
    assert len(anchors(company, "mail")) == 1
    company.set("anchor-mail", "")


def test_files_and_folders(scene, tmp_path):
    company = scene.company
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    company.set("anchor-file", f"{folder}, {file}")
    reload(company)
    note = company.postern("checkpoint")
    size = note.splitlines()[1]
    assert [f.name for f in folder.iterdir()] == [f"example.test-{size}.checkpoint"]
    assert next(folder.iterdir()).read_text() == note
    assert file.read_text() == note + "\n"
    assert len(anchors(company, "file")) == 2
    company.postern("checkpoint")
    assert len(list(folder.iterdir())) == 2 and file.read_text().count("example.test/ledger\n") == 2


def test_a_file_that_cannot_be_written_is_told_and_the_others_are(scene, tmp_path):
    company = scene.company
    folder = tmp_path / "folder"
    folder.mkdir()
    count = len(anchors(company, "file"))
    company.set("anchor-file", f"{tmp_path}/missing/file, /dev/full, {folder}")
    done = company.postern("checkpoint", check=False)
    assert done.returncode != 0 and "missing" in done.stderr
    assert len(list(folder.iterdir())) == 1
    assert len(anchors(company, "file")) == count + 1
