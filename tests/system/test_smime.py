"""S/MIME: certificates of recipients and of our own people, and what they are worth to openssl and gpgsm."""
import email
import email.policy
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest

import variety
from company import BUILD, ROOT, Company, wait_for
from gpgsm import Gpgsm
from scene import Client

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

ANNA = "anna@example.test"
PASSWORD = "a test's own pass phrase"
EXTENSIONS = ("basicConstraints=CA:FALSE", "extendedKeyUsage=emailProtection")


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **more).stdout


class Person:
    """Somebody with a key and a certificate, self-signed or by an issuer."""

    def __init__(self, folder, address, usage="digitalSignature,keyEncipherment", kind="rsa:2048"):
        self.address = address
        self.key, self.certificate = folder / f"{address}.key", folder / f"{address}.pem"
        extensions = [word for text in (*EXTENSIONS, f"keyUsage={usage}", f"subjectAltName=email:{address}")
                      for word in ("-addext", text)]
        openssl("req", "-x509", "-newkey", *kind.split(), "-nodes", "-keyout", self.key, "-out", self.certificate,
                "-subj", f"/CN={address}", "-days", "30", *extensions)

    def issued(self, authority, *more):
        """The same key, certified by an authority."""
        request, words = self.key.with_suffix(".csr"), self.key.with_suffix(".ext")
        words.write_text("\n".join((*EXTENSIONS, "keyUsage=digitalSignature,keyEncipherment,keyAgreement",
                                    f"subjectAltName=email:{self.address}", *more)) + "\n")
        openssl("req", "-new", "-key", self.key, "-subj", f"/CN={self.address}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.key,
                "-CAcreateserial", "-days", "30", "-extfile", words, "-out", self.certificate)
        return self

    def revoke(self, authority, folder):
        """A list of the authority in which the certificate is."""
        (folder / "index.txt").write_text("")
        (folder / "ca.cnf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index.txt\ndefault_md=sha256\n"
                                       "default_crl_days=7\n")
        words = ("ca", "-config", folder / "ca.cnf", "-cert", authority.certificate, "-keyfile", authority.key)
        openssl(*words, "-revoke", self.certificate)
        openssl(*words, "-gencrl", "-out", folder / "list.pem")
        return openssl("crl", "-in", folder / "list.pem", "-outform", "DER")

    def pkcs12(self, password, *more):
        path = self.key.with_suffix(".p12")
        openssl("pkcs12", "-export", "-inkey", self.key, "-in", self.certificate, "-out", path,
                "-passout", f"pass:{password}", *more)
        return path


def refused(company, *arguments, **options):
    """What a refusal says."""
    done = company.postern(*arguments, check=False, **options)
    assert done.returncode != 0, done.stdout
    return done.stderr


def acts(company):
    """What the auditor is shown, who signs in beside the others."""
    options = {"text": True, "env": {**os.environ, "POSTERN_SIGN_INS": str(company.directory / "auditors")}}
    company._run("login", company.auditor, "--password-stdin", input=company.passwords[company.auditor] + "\n", **options)
    return company._run("acts", "--reason", "test", **options).stdout


class Lists(http.server.BaseHTTPRequestHandler):
    """A proxy that knows the bytes of some URLs."""

    def do_GET(self):
        self.server.asked.append(self.path)
        found = self.server.lists.get(self.path)
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(found or b"")))
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smime")
    made = Company(folder / "company")
    certificate, key = made.authority.issue("mx.partner.test")
    made.outside = Receiver(folder / "outside", certificate=certificate, key=key).start()
    made.lists = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    made.lists.lists, made.lists.asked = {}, []
    threading.Thread(target=made.lists.serve_forever, daemon=True).start()
    made.create(settings={"courier-proxy": f"http://127.0.0.1:{made.lists.server_port}",
                          "smime-trust": made.authority.certificate, "outbound-tls": "verified", "dkim-selector": "rsa"},
                sections="".join(f"[domain {name}.test]\nroute = 127.0.0.1:{made.outside.port}\ntls-name = mx.partner.test\n"
                                 for name in ("partner", "gate")) +
                         "[policy partner]\nto-domain = partner.test, gate.test\nmethods = smime\n"
                         "reason = Ask for a certificate.\n")
    made.start()
    made.postern("dkim", "new", "rsa", "--algorithm", "rsa")
    made.add_user(ANNA, PASSWORD)
    yield made
    made.stop()
    made.outside.stop()
    made.lists.shutdown()


@pytest.fixture(scope="module")
def paula(tmp_path_factory):
    return Person(tmp_path_factory.mktemp("paula"), "paula@partner.test")


def fingerprint(path):
    der = openssl("x509", "-in", path, "-outform", "DER")
    return subprocess.run(["sha256sum"], input=der, check=True, capture_output=True).stdout[:64].decode()


def test_a_certificate_is_kept_shown_and_taken_away(company, paula, tmp_path):
    said = company.postern("recipient", "add-key", "Paula@partner.test", paula.certificate, "--vouched",
                           "--reason", "read out on the telephone")
    assert fingerprint(paula.certificate) in said and "RSA 2048" in said and "vouched" in said
    assert fingerprint(paula.certificate)[:16] in company.postern("recipient", "list", "PARTNER")
    company.postern("recipient", "show", "paula@partner.test", "--output", tmp_path / "again.der")
    assert (tmp_path / "again.der").read_bytes() == openssl("x509", "-in", paula.certificate, "-outform", "DER")
    company.stop()
    company.start()  # it is durable
    assert "vouched" in company.postern("recipient", "show", "paula@partner.test")
    assert "recipient add-key" in acts(company)
    company.postern("recipient", "remove-key", "paula@partner.test", fingerprint(paula.certificate)[:12],
                    "--reason", "test")
    assert company.postern("recipient", "list", "partner", check=False).stdout == ""


def test_what_is_no_certificate_of_the_recipient_is_refused(company, paula, tmp_path):
    (tmp_path / "nothing").write_text("no certificate at all\n")
    for address, path, why in (("bert@partner.test", paula.certificate, "another address"),
                               ("paula@partner.test", tmp_path / "nothing", "no certificate"),
                               ("not an address", paula.certificate, "no address")):
        assert why in refused(company, "recipient", "add-key", address, path), why
    assert company.postern("recipient", "list", "partner", check=False).stdout == ""
    added = company.postern("recipient", "add-key", "partner.test", paula.certificate, "--reason", "their gateway")
    assert "nobody whom we trust issued it" in added  # it is kept, and not used
    assert refused(company, "recipient", "add-key", "paula@partner.test", tmp_path / "absent").count("absent") == 1
    company.postern("recipient", "remove-key", "partner.test", fingerprint(paula.certificate), "--reason", "test")


def test_our_authority_issues_what_openssl_and_gpgsm_trust(company, tmp_path):
    assert "no authority" in refused(company, "smime", "issue", ANNA)
    company.postern("smime", "ca", "Example AG", "--reason", "test")
    company.postern("smime", "issue", ANNA, "--days", "20", "--reason", "test")
    company.postern("recipient", "show", "smime-ca", "--output", tmp_path / "ca.der")
    company.postern("recipient", "show", ANNA, "--output", tmp_path / "chain.der")
    openssl("x509", "-inform", "DER", "-in", tmp_path / "ca.der", "-out", tmp_path / "ca.pem")
    openssl("x509", "-inform", "DER", "-in", tmp_path / "chain.der", "-out", tmp_path / "anna.pem")
    said = openssl("verify", "-x509_strict", "-purpose", "smimesign", "-CAfile", tmp_path / "ca.pem",
                   tmp_path / "anna.pem")
    assert b": OK" in said
    text = openssl("x509", "-in", tmp_path / "anna.pem", "-noout", "-text").decode()
    assert f"email:{ANNA}" in text and "E-mail Protection" in text and "CA:FALSE" in text
    assert "renew it" in company.postern("smime", "list")
    assert "is not in a domain of ours" in refused(company, "smime", "issue", "somebody@else.test")
    if shutil.which("gpgsm"):
        home = tmp_path / "gnupg"
        home.mkdir(mode=0o700)
        subprocess.run(["gpgsm", "--homedir", home, "--batch", "--import", tmp_path / "anna.pem"], check=True,
                       capture_output=True)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)


def send(company, subject, to, *more, bcc=""):
    """From Anna; the letter's id."""
    letter = (f"From: Anna <{ANNA}>\r\nTo: <{to}>\r\n{bcc}Subject: {subject}\r\nDate: Tue, 24 Nov 2026 07:30:00 +0000\r\n"
              "Content-Type: text/plain; charset=utf-8\r\n\r\nThe plan of J\u00fcrgen\r\n").encode()
    smtp = Client(company.hostname, company.submissions, context=company.context(), local_hostname="c.test", timeout=60)
    smtp.login(ANNA, PASSWORD)
    smtp.mail(ANNA, ["BODY=8BITMIME"])
    for address in (to, *more):
        assert smtp.rcpt(address)[0] == 250
    code, reply = smtp.data(letter)
    smtp.quit()
    assert code == 250, reply
    return re.search(rb"\b[0-9a-z]{16}\b", reply)[0].decode()


def dkim_is_good(company, letter):
    dkim = pytest.importorskip("dkim", reason="dkimpy (python3-dkim) is not installed")
    record = "".join(company.postern("dkim", "dns", "rsa").split('"')[1::2])
    return dkim.verify(letter, dnsfunc=lambda name, timeout=5: record.encode() if name.startswith(b"rsa.") else b"")


def test_a_letter_leaves_encrypted_and_signed(company, tmp_path):
    paula = Person(tmp_path, "paula@partner.test")
    emil = Person(tmp_path, "emil@partner.test", "keyAgreement", "ec -pkeyopt ec_paramgen_curve:P-256")
    for person in (paula, emil):
        company.postern("recipient", "add-key", person.address, person.certificate, "--vouched", "--reason", "test")
    company.postern("recipient", "show", "smime-ca", "--output", tmp_path / "ca.der")
    openssl("x509", "-inform", "DER", "-in", tmp_path / "ca.der", "-out", tmp_path / "ca.pem")
    letter = send(company, "the secret plan", paula.address, emil.address, bcc=f"Bcc: <{emil.address}>\r\n")
    came = {facts["to"][0]["address"]: octets for facts, octets in company.outside.wait(2, 90)}
    assert set(came) == {paula.address, emil.address}
    for person, other in ((paula, emil), (emil, paula)):
        (tmp_path / "came").write_bytes(came[person.address])
        inside = openssl("cms", "-decrypt", "-in", tmp_path / "came", "-inkey", person.key, "-recip", person.certificate,
                         "-binary")
        (tmp_path / "inside").write_bytes(inside)
        payload = openssl("cms", "-verify", "-in", tmp_path / "inside", "-CAfile", tmp_path / "ca.pem")
        assert b"Subject: the secret plan\r\n" in payload and "The plan of J\u00fcrgen\r\n".encode() in payload
        readable = openssl("cms", "-cmsout", "-print", "-noout", "-in", tmp_path / "came").decode()
        assert other.address not in readable and person.address in readable
        for text in (b"secret plan", b"Bcc", b"J\xc3"):
            assert text not in came[person.address]
        assert b"Subject: [...]\r\n" in came[person.address]
        assert emil.address.encode() not in payload
        assert dkim_is_good(company, came[person.address])
    shown = company.show(letter)
    for text in (f"encrypted for {paula.address}: RSA 2048", f"encrypted for {emil.address}: EC P-256", f"signed by {ANNA}",
                 "AES-256-CBC", "RSA PKCS #1 v1.5", "ECDH", fingerprint(paula.certificate)[:16], "subject hidden"):
        assert text in shown, (text, shown)


def test_the_receipt_of_each_of_many_names_his_key(company, tmp_path):
    """And who signed it, what was tried, by whose server it went: for the last of them as for the first."""
    gate = Person(tmp_path, "gate.test", kind="ec -pkeyopt ec_paramgen_curve:P-256", usage="keyAgreement")
    company.postern("recipient", "add-key", "gate.test", gate.certificate, "--vouched", "--other-address", "--reason", "test")
    people = [f"person{n}@gate.test" for n in range(90)]
    letter = send(company, "to all of them", *people, bcc="Cc: " + ",\r\n ".join(people[1:]) + "\r\n")
    text = wait_for("all outcomes", lambda: (s := company.show(letter)) and s.count("    outcome ") >= len(people) and s, 60)
    receipts = text[text.index("Receipts"):].split("\n  <")[1:]
    assert [r.partition(">")[0] for r in receipts] == people
    for receipt in receipts:
        assert f"    key          EC P-256, certificate {fingerprint(gate.certificate)[:16]}\n" in receipt, receipt
        assert f"    signature    signed by {ANNA}: " in receipt and "    published    nothing that proves" in receipt, receipt
        assert "taken smime" in receipt and "TLSv1.3" in receipt and "    certificate  SHA-256 " in receipt, receipt


def test_a_letter_to_who_has_no_certificate_waits(company):
    before = len(company.outside.letters())
    letter = send(company, "the next plan", "nobody@partner.test")
    wait_for("the hold", lambda: "held" in company.postern("queue", "list", check=False).stdout, 60)
    assert "no certificate of the recipient is known" in company.show(letter)
    assert len(company.outside.letters()) == before


def test_a_key_is_imported(company, tmp_path):
    gateway = Person(tmp_path, "gateway@example.test")
    path = gateway.pkcs12("the file's password")
    assert "password" in refused(company, "smime", "import", path, "example.test", "--password-stdin", input="wrong\n")
    said = company.postern("smime", "import", path, "example.test", "--password-stdin", "--reason", "test",
                           input="the file's password\n")
    assert "its private key is ours" in said and fingerprint(gateway.certificate) in said
    other = Person(tmp_path, "somebody@else.test")
    assert "another address" in refused(company, "smime", "import", other.pkcs12("x"), ANNA, "--password-stdin",
                                                input="x\n")
    assert "example.test" in company.postern("smime", "list")
    secret = openssl("pkey", "-in", gateway.key, "-outform", "DER")[-200:]
    for path in company.data.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path


# ── what others make of our letters ──

COUNT = int(os.environ.get("POSTERN_SMIME_LETTERS", 0))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory, request):
    """(folder, {mode: {name: letter}}, {name: letter as it was}, the persons); signed by Anna for Paula (RSA) and Emil (EC)."""
    folder = tmp_path_factory.mktemp("sealed")
    count = COUNT or (1000 if request.config.getoption("--long", default=False) else 20)
    anna, paula = Person(folder, ANNA), Person(folder, "paula@partner.test")
    emil = Person(folder, "emil@partner.test", "keyAgreement", "ec -pkeyopt ec_paramgen_curve:P-256")
    (folder / "in").mkdir()
    was = dict(variety.letters(count, ANNA))
    for name, letter in was.items():
        (folder / "in" / name).write_bytes(letter)
    modes = {}
    for mode in ("cbc", "gcm", "sign"):
        (folder / mode).mkdir()
        subprocess.run([BUILD / "seal_smime", mode, anna.key, anna.certificate, folder / "in", folder / mode,
                        *((paula.certificate, emil.certificate) if mode != "sign" else ())], check=True)
        modes[mode] = {f.name: f for f in (folder / mode).iterdir()}
        assert len(modes[mode]) == count if mode != "sign" else len(modes[mode]) > count * 3 // 4
    return folder, modes, was, (anna, paula, emil)


def contents(letter):
    """Of every part that holds no others, its type and what it decodes to."""
    return [(part.get_content_type(), part.get_payload(decode=True)) for part in email.message_from_bytes(letter).walk()
            if not part.is_multipart()]


def halves(signed):
    """Of multipart/signed, what is signed, byte for byte, and the signature in base64."""
    header, _, body = signed.partition(b"\r\n\r\n")
    mark = b"\r\n--" + re.search(rb'boundary="([^"]+)"', header)[1]
    _, payload, signature, end = (b"\r\n" + body).split(mark)
    assert b"multipart/signed" in header and end == b"--\r\n"
    return payload.removeprefix(b"\r\n"), signature.partition(b"\r\n\r\n")[2]


def payload_is(payload, letter, anew=False):
    """All fields and the body of the letter, and it says that its header is protected. `anew`: parts may be encoded another way."""
    header, _, body = letter.partition(b"\r\n\r\n")
    inside, _, text = payload.partition(b"\r\n\r\n")
    if not anew:
        assert text == body
    elif text != body:
        assert contents(payload) == contents(letter)
    assert b'hp="c' in inside
    fields = variety.fields_of(inside)
    for field in variety.fields_of(header):
        name = field.split(b":", 1)[0].lower()
        if name == b"content-transfer-encoding" and anew:
            continue
        if name not in (b"mime-version", b"content-type", b"bcc", b"resent-bcc", b"return-path", b"received", b"dkim-signature"):
            assert field in fields, field


@pytest.mark.parametrize("mode", ["cbc", "gcm"])
def test_openssl_opens_and_verifies(sealed, mode):
    folder, modes, was, (anna, *recipients) = sealed
    for number, (name, path) in enumerate(sorted(modes[mode].items())):
        person = recipients[number % 2]
        inside = openssl("cms", "-decrypt", "-in", path, "-inkey", person.key, "-recip", person.certificate, "-binary")
        (folder / "inside").write_bytes(inside)
        payload = openssl("cms", "-verify", "-in", folder / "inside", "-CAfile", anna.certificate, "-partial_chain")
        payload_is(payload, was[name])
        seen = path.read_bytes()
        outer = email.message_from_bytes(seen, policy=email.policy.compat32)
        assert outer["Subject"] in ("[...]", None)
        names = {f.partition(b":")[0].lower() for f in variety.fields_of(seen.partition(b"\r\n\r\n")[0])}
        assert not names & {b"bcc", b"resent-bcc"}


def test_openssl_verifies_what_is_signed_alone(sealed):
    _, modes, was, (anna, *_) = sealed
    for name, path in sorted(modes["sign"].items()):
        payload_is(openssl("cms", "-verify", "-in", path, "-CAfile", anna.certificate, "-partial_chain"), was[name], anew=True)


@pytest.mark.skipif(not shutil.which("gpgsm"), reason="gpgsm is not installed")
def test_gpgsm_opens_and_verifies(sealed, tmp_path):
    """AES-CBC alone: gpgsm 2.2.40 does not read the parameters of AES-GCM, which is why that is not the default."""
    _, modes, was, (anna, paula, _) = sealed
    gpgsm = Gpgsm(tmp_path / "g", [anna.certificate], [paula])
    try:
        for name, path in sorted(modes["cbc"].items()):
            inside = gpgsm.decrypt(path.read_bytes().partition(b"\r\n\r\n")[2])
            payload, signature = halves(inside)
            gpgsm.verify(signature, payload)
            payload_is(payload, was[name])
    finally:
        gpgsm.end()


# ── certificates out of signed letters ──

def signed(person, sender, subject):
    letter = openssl("cms", "-sign", "-signer", person.certificate, "-inkey", person.key, "-from", sender, "-to", ANNA,
                     "-subject", subject, input=b"Content-Type: text/plain\r\n\r\nGood morning\r\n")
    return letter.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_a_signed_letter_that_is_imported_gives_its_senders_certificate(company, tmp_path):
    trusted = Person(tmp_path, "nina@partner.test").issued(company.authority)
    changed = Person(tmp_path, "tess@partner.test").issued(company.authority)
    stranger = Person(tmp_path, "otto@partner.test")
    (tmp_path / "in").mkdir()
    for person, sender in ((changed, changed.address), (stranger, stranger.address), (trusted, "pete@partner.test"),
                           (trusted, trusted.address)):
        letter = signed(person, sender, "a letter")
        if person is changed:
            letter = letter.replace(b"Good morning", b"Good evening")
        (tmp_path / "in" / f"{sender}.eml").write_bytes(letter)
    words = ("import", "eml", tmp_path / "in", "--owner", ANNA, "--reason", "test")
    wait_for("a catalog that is up to date", lambda: company.postern(*words, check=False).returncode == 0, 60)
    shown = wait_for("the certificate",
                     lambda: company.postern("recipient", "show", trusted.address, check=False).stdout, 60)
    assert "from a signed letter" in shown and fingerprint(trusted.certificate) in shown
    for sender in (changed.address, stranger.address, "pete@partner.test"):
        assert company.postern("recipient", "show", sender, check=False).stdout == "", sender
    vera = Person(tmp_path, "vera@partner.test").issued(company.authority)
    company.postern("recipient", "remove-key", trusted.address, fingerprint(trusted.certificate), "--reason", "test")
    (tmp_path / "more").mkdir()
    for person in (trusted, vera):
        (tmp_path / "more" / f"{person.address}.eml").write_bytes(signed(person, person.address, "another letter"))
    company.postern("import", "eml", tmp_path / "more", "--owner", ANNA, "--reason", "test")
    wait_for("the other's", lambda: company.postern("recipient", "show", vera.address, check=False).stdout, 60)
    assert company.postern("recipient", "show", trusted.address, check=False).stdout == ""  # a person took it away


def test_what_was_revoked_or_nobody_issued_is_not_used(company, tmp_path):
    where, near = "http://crl.partner.test", f"http://127.0.0.1:{company.lists.server_port}/near"
    good = Person(tmp_path, "good@partner.test").issued(company.authority, f"crlDistributionPoints=URI:{where}/none")
    gone = Person(tmp_path, "gone@partner.test").issued(company.authority, f"crlDistributionPoints=URI:{where}/list")
    here = Person(tmp_path, "here@partner.test").issued(company.authority, f"crlDistributionPoints=URI:{near}")
    mixed = Person(tmp_path, "mixed@partner.test").issued(
        company.authority, f"crlDistributionPoints=URI:{where}/page,URI:{where}/mixed")
    self_made = Person(tmp_path, "self@partner.test", "digitalSignature,keyEncipherment")
    for person, path in ((gone, f"{where}/list"), (here, near), (mixed, f"{where}/mixed")):
        company.lists.lists[path] = person.revoke(company.authority, tmp_path)
    company.lists.lists[f"{where}/page"] = b"<html>moved</html>"
    for person, why in ((good, "it is good"), (gone, "it was revoked"), (here, "it is good"), (mixed, "it was revoked"),
                        (self_made, "nobody whom we trust issued it")):
        company.postern("recipient", "add-key", person.address, person.certificate, "--reason", "test")
        assert why in company.postern("recipient", "show", person.address), person.address
    assert f"{where}/list" in company.lists.asked and near not in company.lists.asked
    company.postern("recipient", "add-key", self_made.address, self_made.certificate, "--vouched", "--reason", "test")
    assert "it is good" in company.postern("recipient", "show", self_made.address)
