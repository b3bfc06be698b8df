"""Letters that are signed alone (sign-letters): what openssl, gpgsm, GnuPG and Sequoia make of them, and what stays as it is."""
import re
import shutil
import subprocess
import sys

import pytest

from company import ROOT, Company, wait_for
from scene import Client
from test_openpgp import Gnupg
from test_smime import Person, openssl

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

ANNA, BERT, CARL = "anna@example.test", "bert@example.test", "carl@example.test"  # a certificate; a key; nothing
PAULA, BLIND = "paula@partner.test", "blind@partner.test"
PASSWORD = "a test's own pass phrase"
TEXT = "Gr\u00fc\u00dfe, J\u00fcrgen  \r\n-- \r\nFrom here on\r\n.\r\n"
MIXED = ('MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b 1"\r\n\r\n--b 1\r\nContent-Type: text/plain; '
         f'charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{TEXT}\r\n--b 1\r\nContent-Type: application/x-a\r\n'
         'Content-Transfer-Encoding: base64\r\n\r\n/wABAg==\r\n--b 1--\r\n').encode()
PLAIN = f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{TEXT}".encode()


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed")
    made = Company(folder / "company")
    certificate, key = made.authority.issue("mx.partner.test")
    made.outside = Receiver(folder / "outside", certificate=certificate, key=key).start()
    made.create(settings={"sign-letters": "smime, openpgp", "outbound-tls": "verified", "dkim-selector": "rsa"},
                sections=f"[domain partner.test]\nroute = 127.0.0.1:{made.outside.port}\ntls-name = mx.partner.test\n"
                         "[policy secret]\nsubject-tag = [secret]\nmethods = smime, encrypted\n")
    made.start()
    made.postern("dkim", "new", "rsa", "--algorithm", "rsa")
    for who in (ANNA, BERT, CARL):
        made.add_user(who, PASSWORD)
    made.postern("smime", "ca", "Example AG", "--reason", "test")
    made.postern("smime", "issue", ANNA, "--reason", "test")
    made.postern("pgp", "new", BERT, "--reason", "test")
    made.postern("recipient", "show", "smime-ca", "--output", folder / "ca.der")
    openssl("x509", "-inform", "DER", "-in", folder / "ca.der", "-out", folder / "ca.pem")
    made.folder = folder
    yield made
    made.stop()
    made.outside.stop()


def send(company, sender, content, to=(PAULA,), subject="the offer", bcc=""):
    """The letter's id, and what came of it, by recipient."""
    before = len(company.outside.letters())
    letter = (f"From: <{sender}>\r\nTo: <{to[0]}>\r\n{bcc}Subject: {subject}\r\nKeywords: a \r\n").encode() + content
    smtp = Client(company.hostname, company.submissions, context=company.context(), local_hostname="c.test", timeout=60)
    smtp.login(sender, PASSWORD)
    smtp.mail(sender, ["BODY=8BITMIME"])
    for address in to:
        assert smtp.rcpt(address)[0] == 250
    code, reply = smtp.data(letter)
    smtp.quit()
    assert code == 250, reply
    wait_for("the letter", lambda: sum(len(facts["to"]) for facts, _ in company.outside.letters()[before:]) == len(to), 60)
    came = {to["address"]: octets for facts, octets in company.outside.letters()[before:] for to in facts["to"]}
    return re.search(rb"\b[0-9a-z]{16}\b", reply)[0].decode(), came


def dkim_is_good(company, letter):
    dkim = pytest.importorskip("dkim", reason="dkimpy (python3-dkim) is not installed")
    record = "".join(company.postern("dkim", "dns", "rsa").split('"')[1::2])
    return dkim.verify(letter, dnsfunc=lambda name, timeout=5: record.encode() if name.startswith(b"rsa.") else b"")


def halves(letter):
    """What is signed, byte for byte, and the body of the signature's part."""
    header, _, body = letter.partition(b"\r\n\r\n")
    mark = b"--" + re.search(rb'Content-Type: multipart/signed;.*?boundary="([^"]+)"', header, re.S)[1]
    _, signed, signature, end = body.split(mark)
    assert end == b"--\r\n"
    assert signed.startswith(b"\r\n") and signed.endswith(b"\r\n")
    return signed[2:-2], signature.partition(b"\r\n\r\n")[2]


def check_form(letter, payload):
    """All of it survives transport; the header stands inside as well (RFC 9788), and nothing is hidden."""
    for line in letter.split(b"\r\n\r\n", 1)[1].split(b"\r\n"):
        assert line.isascii() and len(line) <= 998 and not line.startswith(b"From ")
    inner = payload.partition(b"\r\n\r\n")[0]
    assert b'hp="clear"' in inner and b"HP-Outer" not in inner
    for field in (b"Subject: the offer\r\n", b"Keywords: a", b"To: <%s>\r\n" % PAULA.encode()):
        assert field in letter.partition(b"\r\n\r\n")[0] + b"\r\n" and field in inner + b"\r\n"
    assert b"\r\nbcc:" not in letter.lower() and b"blind@" not in letter.lower()


@pytest.mark.parametrize("content", [PLAIN, MIXED], ids=["text", "parts"])
def test_a_letter_is_signed_by_smime(company, tmp_path, content):
    import email  # pylint: disable=import-outside-toplevel
    letter, came = send(company, ANNA, content, (PAULA, BLIND), bcc=f"Bcc: <{BLIND}>\r\n")
    assert came[PAULA] == came[BLIND]  # nobody is named in it: one copy does for all
    (tmp_path / "came").write_bytes(came[PAULA])
    payload = openssl("cms", "-verify", "-in", tmp_path / "came", "-CAfile", company.folder / "ca.pem", "-purpose", "smimesign")
    signed, signature = halves(came[PAULA])
    assert payload == signed
    check_form(came[PAULA], payload)
    text = next(p for p in email.message_from_bytes(payload).walk() if p.get_content_type() == "text/plain")
    assert text.get_payload(decode=True).decode().rstrip("\r\n") == TEXT.rstrip("\r\n")
    assert dkim_is_good(company, came[PAULA])
    shown = company.show(letter)
    assert "smime-signed" in shown and f"signed by {ANNA}" in shown and "can be read by everybody" in shown
    if shutil.which("gpgsm"):
        home = tmp_path / "g"
        home.mkdir(mode=0o700)
        (home / "gpgsm.conf").write_text("disable-crl-checks\nauto-issuer-key-retrieve\n")
        root = subprocess.run(["openssl", "x509", "-in", company.folder / "ca.pem", "-noout", "-fingerprint", "-sha1"],
                              capture_output=True, text=True, check=True).stdout.split("=")[1].strip()
        (home / "trustlist.txt").write_text(f"{root} S relax\n")
        (tmp_path / "signed").write_bytes(signed)
        (tmp_path / "p7s").write_bytes(b"-----BEGIN PKCS7-----\n" + signature.replace(b"\r\n", b"\n").rstrip() +
                                       b"\n-----END PKCS7-----\n")
        gpgsm = ["gpgsm", "--homedir", home, "--batch"]
        subprocess.run([*gpgsm, "--import", company.folder / "ca.pem"], check=True, capture_output=True)
        done = subprocess.run([*gpgsm, "--verify", tmp_path / "p7s", tmp_path / "signed"], check=False, capture_output=True)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)
        assert done.returncode == 0 and b"Good signature" in done.stderr, done.stderr


def test_a_letter_is_signed_by_openpgp(company, tmp_path):
    _, came = send(company, BERT, MIXED)
    signed, signature = halves(came[PAULA])
    check_form(came[PAULA], signed)
    assert dkim_is_good(company, came[PAULA])
    for name, octets in (("own", company.postern("pgp", "export", BERT).encode()), ("signed", signed), ("asc", signature)):
        (tmp_path / name).write_bytes(octets)
    if shutil.which("gpg"):
        gpg = Gnupg(tmp_path / "gnupg")
        gpg("--import", tmp_path / "own")
        assert b"VALIDSIG" in gpg("--status-fd", "2", "--verify", tmp_path / "asc", tmp_path / "signed").stderr
        (tmp_path / "other").write_bytes(signed.replace(b"offer", b"order"))
        assert gpg("--verify", tmp_path / "asc", tmp_path / "other", check=False).returncode != 0
        gpg.end()
    if shutil.which("sq"):
        known = subprocess.run(["sq", "verify", "--help"], check=False, capture_output=True, text=True).stdout
        who = "--signer-file" if "--signer-file" in known else "--signer-cert"
        done = subprocess.run(["sq", "verify", who, tmp_path / "own", "--detached", tmp_path / "asc", tmp_path / "signed"],
                              check=False, capture_output=True)
        assert done.returncode == 0, done.stderr


def test_what_cannot_be_signed_leaves_as_it_is(company):
    letter, came = send(company, CARL, PLAIN)
    assert came[PAULA].endswith(PLAIN.partition(b"\r\n\r\n")[2])
    shown = company.show(letter)
    assert "not smime-signed: the sender has no certificate" in shown and "not openpgp-signed: the sender has no" in shown
    own = PLAIN.replace(b"text/plain; charset=utf-8", b"multipart/signed; boundary=b")
    letter, came = send(company, ANNA, own)
    assert came[PAULA].endswith(own.partition(b"\r\n\r\n")[2])
    assert "not smime-signed: the letter cannot be signed" not in came[PAULA].decode(errors="replace")
    assert "it is signed or encrypted already" in company.show(letter)


def test_who_gets_it_encrypted_is_no_part_of_it(company, tmp_path):
    """Of a letter that is encrypted for one, signed for another, each gets his own; its subject is in the second alone."""
    emil = Person(tmp_path, "emil@partner.test")
    company.postern("recipient", "add-key", emil.address, emil.certificate, "--vouched", "--reason", "test")
    letter, came = send(company, ANNA, PLAIN, (PAULA, emil.address), subject="[secret] the offer")
    assert b"the offer" not in came[emil.address] and b"multipart/signed" in came[PAULA]
    (tmp_path / "came").write_bytes(came[PAULA])
    openssl("cms", "-verify", "-in", tmp_path / "came", "-CAfile", company.folder / "ca.pem")
    shown = company.show(letter)
    assert "its content protected by smime\n" in shown and "its content protected by smime-signed\n" in shown
