"""300 letters of real mail, and some made to be hard, through the whole path: what was submitted,
what is exported, what was sent and what arrived agree byte for byte.

The documented difference between the first two and the last two is all in the header: DKIM
signatures and a Received field in front, a Date and a Message-ID where they were missing, Bcc
fields left out.
"""
import concurrent.futures
import smtplib
import sys

import pytest

import variety
from company import ROOT, Company, wait_for

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

COUNT = 300
MARK = b"X-Postern-Test: "
PASSWORD = "a test's own pass phrase"
SENDER = "ann@example.test"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("letters")
    company = Company(folder / "company")
    certificate, key = company.authority.issue("mx.partner.test")
    receiver = Receiver(folder / "received", certificate=certificate, key=key).start()
    company.create(settings={"outbound-tls": "verified"},
                   sections=f"[domain partner.test]\nroute = 127.0.0.1:{receiver.port}\n"
                            "tls-name = mx.partner.test\n")
    company.start()
    try:
        company.add_user(SENDER, PASSWORD)
        for name in ("rsa", "ed25519"):
            company.postern("dkim", "new", name, "--algorithm", name)
        company.set("dkim-selector", "rsa, ed25519")
        company.stop()
        company.start()
        yield company, receiver
    finally:
        company.stop()
        receiver.stop()


def prepared():
    """{mark: letter}; each letter carries its mark. Every tenth also has a Bcc field."""
    if not variety.corpus_files():
        print(f"\nno corpora at {variety.CORPORA}: generated letters only")
    out = {}
    for n, (name, letter) in enumerate(variety.letters(COUNT, SENDER)):
        mark = f"{n}-{name}".encode()
        header, gap, body = letter.partition(b"\r\n\r\n")
        bcc = b"\r\nBcc: hidden@partner.test,\r\n other@partner.test" if n % 10 == 0 else b""
        out[mark] = header + bcc + b"\r\n" + MARK + mark + gap + body
    return out


def send(company, letters):
    """Submit letters over one connection; returns {mark: id of the letter}."""
    ids = {}
    with smtplib.SMTP_SSL(context=company.context(), timeout=60) as smtp:
        smtp._host = company.hostname  # whose certificate it must be
        smtp.connect("127.0.0.1", company.submissions)
        smtp.ehlo("client.example.test")
        smtp.login(SENDER, PASSWORD)
        for mark, letter in letters:
            body = "BODY=8BITMIME" if not letter.isascii() else ""
            assert smtp.docmd("MAIL", f"FROM:<{SENDER}> {body}")[0] == 250
            assert smtp.docmd("RCPT", "TO:<joe@partner.test>")[0] == 250
            code, text = smtp.data(letter)
            assert code == 250, (mark, code, text)
            ids[mark] = text.split()[-1].decode()
    return ids


def mark_of(letter):
    return letter.partition(MARK)[2].partition(b"\r\n")[0]


def expected(submitted, arrived):
    """Undo the documented changes in what arrived; what comes out must be what was submitted but
    for its Bcc."""
    header, gap, body = arrived.partition(b"\r\n\r\n")
    fields = variety.fields_of(header)
    ours = [f for f in variety.fields_of(submitted.partition(b"\r\n\r\n")[0])
            if not f.lower().startswith((b"bcc:", b"resent-bcc:", b"return-path:"))]
    added = fields[:len(fields) - len(ours)]
    labels = [f.partition(b":")[0].lower() for f in added]
    have = {f.partition(b":")[0].lower() for f in ours}
    missing = [name for name in (b"date", b"message-id") if name not in have]
    assert labels[:3] == [b"dkim-signature", b"dkim-signature", b"received"], labels
    assert sorted(labels[3:]) == missing, (labels, missing)
    assert fields[len(added):] == ours
    assert b"127.0.0.1" not in b"".join(added)
    return gap + body == submitted[submitted.index(b"\r\n\r\n"):]


def test_letters_stay_what_they_are(world):
    company, receiver = world
    letters = prepared()
    assert len(letters) == COUNT
    work = list(letters.items())
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        ids = {}
        for part in pool.map(lambda n: send(company, work[n::4]), range(4)):
            ids.update(part)
    assert len(ids) == COUNT and len(set(ids.values())) == COUNT
    wait_for("all letters to arrive", lambda: len(receiver.letters()) >= COUNT, 120, 0.5)
    arrived = {mark_of(letter): letter for _, letter in receiver.letters()}
    assert arrived.keys() == letters.keys()
    for mark, letter in letters.items():
        exported = company.postern("export", "--eml", ids[mark], text=False)
        assert exported == letter, mark
        sent = company.postern("export", "--eml", "--as-sent", ids[mark], text=False)
        assert sent == arrived[mark], mark
        assert expected(letter, arrived[mark]), mark


def test_both_signatures_are_valid(world):
    """Those of the running daemon, by dkimpy, against the records that `postern dkim dns` prints."""
    dkim = pytest.importorskip("dkim", reason="dkimpy (python3-dkim) is not installed")
    pytest.importorskip("nacl", reason="python3-nacl, for ed25519, is missing")
    company, receiver = world
    records = {}
    for name in ("rsa", "ed25519"):
        text = company.postern("dkim", "dns", name)
        records[f"{name}._domainkey.example.test"] = "".join(text.split('"')[1::2])

    def lookup(name, timeout=5):
        return records.get(name.decode().rstrip("."), "").encode()

    if not receiver.letters():
        pytest.skip("no letter arrived: see the test before")
    for _, letter in receiver.letters()[:300]:
        verifier = dkim.DKIM(letter)
        assert verifier.verify(idx=0, dnsfunc=lookup) and verifier.verify(idx=1, dnsfunc=lookup)
