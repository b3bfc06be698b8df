"""S/MIME certificates of recipients: what a signed zone (Knot) publishes of them, and what a real OCSP responder (openssl) says."""
import hashlib
import http.client
import http.server
import subprocess
import sys
import threading

import pytest

from company import ROOT, Company, free_port, wait_for
from knot import Knot
from test_smime import ANNA, PASSWORD, Person, fingerprint, openssl, send

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

OCSP = "http://ocsp.partner.test"
REQUEST = "application/ocsp-request"


class Way(http.server.BaseHTTPRequestHandler):
    """The way to the responder: a proxy that knows where a name is."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers["Content-Type"]))
        if self.path != OCSP + "/":
            self.send_error(404)
            return
        to = http.client.HTTPConnection("127.0.0.1", self.server.responder, timeout=30)
        to.request("POST", "/", body, {"Content-Type": self.headers["Content-Type"]})
        answer = to.getresponse()
        said = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


class Responder:
    """`openssl ocsp` for the certificates of an authority, signed by whom it made a responder."""

    def __init__(self, folder, authority):
        self.folder, self.authority, self.port, self.process = folder, authority, free_port(), None
        self.index = folder / "index.txt"
        self.index.write_text("")
        (folder / "words").write_text("extendedKeyUsage=OCSPSigning\nkeyUsage=digitalSignature\n")
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "ocsp.key", "-subj", "/CN=OCSP",
                "-out", folder / "ocsp.csr")
        openssl("x509", "-req", "-in", folder / "ocsp.csr", "-CA", authority.certificate, "-CAkey", authority.key,
                "-CAcreateserial", "-days", "30", "-extfile", folder / "words", "-out", folder / "ocsp.pem")

    def knows(self, person, revoked=False):
        serial = openssl("x509", "-in", person.certificate, "-noout", "-serial").decode().strip().partition("=")[2]
        row = ("R", "300101000000Z", "260101000000Z") if revoked else ("V", "300101000000Z", "")
        self.index.write_text(self.index.read_text() + "\t".join((*row, serial, "unknown", f"/CN={person.address}")) + "\n")

    def start(self):
        self.process = subprocess.Popen(
            ["openssl", "ocsp", "-index", self.index, "-CA", self.authority.certificate, "-rsigner", self.folder / "ocsp.pem",
             "-rkey", self.folder / "ocsp.key", "-port", str(self.port), "-nmin", "60"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_for("the responder", lambda: b"waiting" in self.process.stdout.readline().lower(), 30)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    made = Company(folder / "company")
    (folder / "ocsp").mkdir()
    made.responder = Responder(folder / "ocsp", made.authority)
    made.way = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Way)
    made.way.asked, made.way.responder = [], made.responder.port
    threading.Thread(target=made.way.serve_forever, daemon=True).start()
    made.knot = Knot(folder / "knot", "partner.test")
    certificate, key = made.authority.issue("mx.partner.test")
    made.outside = Receiver(folder / "outside", certificate=certificate, key=key).start()
    made.create(settings={"courier-proxy": f"http://127.0.0.1:{made.way.server_port}", "smime-revocation": "hard",
                          "smime-trust": made.authority.certificate, "dns-resolver": f"127.0.0.1:{made.knot.port}",
                          "dns-trust-anchor": made.knot.anchor(folder / "anchor"), "dns-insecure-domain": "un.partner.test",
                          "smime-dns": "yes"},
                sections="".join(f"[domain {name}]\nroute = 127.0.0.1:{made.outside.port}\ntls-name = mx.partner.test\n"
                                 for name in ("partner.test", "un.partner.test")) +
                         "[policy all]\nto-domain = partner.test, un.partner.test\nmethods = smime\nreason = Ask for a certificate.\n")
    made.start()
    made.add_user(ANNA, PASSWORD)
    yield made
    made.stop()
    made.outside.stop()
    made.knot.stop()
    made.responder.stop()
    made.way.shutdown()


def test_a_responder_says_what_was_revoked(company, tmp_path):
    aia = f"authorityInfoAccess=OCSP;URI:{OCSP}/"
    good, gone, strange = (Person(tmp_path, f"{name}@partner.test").issued(company.authority, aia)
                           for name in ("good", "gone", "strange"))
    lost = Person(tmp_path, "lost@partner.test").issued(company.authority, f"authorityInfoAccess=OCSP;URI:{OCSP}/lost")
    company.responder.knows(good)
    company.responder.knows(gone, revoked=True)
    company.responder.start()
    unknown = "whether it was revoked cannot be found out"
    for person, why in ((good, "it is good"), (gone, "it was revoked"), (strange, unknown), (lost, unknown)):
        company.postern("recipient", "add-key", person.address, person.certificate, "--reason", "test")
        assert why in company.postern("recipient", "show", person.address), person.address
    assert {kind for _, kind in company.way.asked} == {REQUEST}
    assert [path for path, _ in company.way.asked] == [OCSP + "/"] * 3 + [OCSP + "/lost"]
    company.responder.stop()  # what it said holds until it ends
    company.postern("recipient", "add-key", "partner.test", good.certificate, "--reason", "their gateway's")
    assert "it is good" in company.postern("recipient", "show", "partner.test")
    assert len(company.way.asked) == 4
    company.postern("recipient", "remove-key", "partner.test", fingerprint(good.certificate), "--reason", "test")


def smimea(person, usage, address=None, selector=0, matching=0):
    """The line of a zone for a certificate."""
    local, _, domain = (address or person.address).partition("@")
    name = hashlib.sha256(local.encode()).hexdigest()[:56]
    data = openssl("x509", "-in", person.certificate, "-outform", "DER")
    data = hashlib.sha256(data).digest() if matching else data
    return f"{name}._smimecert.{domain}. IN SMIMEA {usage} {selector} {matching} {data.hex()}"


def test_a_certificate_is_taken_out_of_the_dns(company, tmp_path):
    names = ("vera", "ines", "otto", "hash", "dane")
    vera, ines, otto, hashed, authority = (Person(tmp_path, f"{name}@partner.test") for name in names)
    unproven = Person(tmp_path, "ulla@un.partner.test")
    ines.issued(company.authority)
    company.knot.publish("\n".join((
        smimea(vera, 3), smimea(ines, 1), smimea(otto, 1), smimea(hashed, 3, matching=1), smimea(authority, 2),
        smimea(unproven, 3))))
    for person, why in ((otto, "nobody whom we trust issued it"), (hashed, "a key or a hash"), (authority, "none of the recipient"),
                        (unproven, "DNSSEC does not prove")):
        letter = send(company, f"for {person.address}", person.address)
        wait_for(why, lambda letter=letter, why=why: why in company.show(letter), 60)
    assert company.outside.letters() == []
    letter = send(company, "for Vera", vera.address)
    (_, octets), = company.outside.wait(1, 90)
    (tmp_path / "came").write_bytes(octets)
    inside = openssl("cms", "-decrypt", "-in", tmp_path / "came", "-inkey", vera.key, "-recip", vera.certificate)
    assert b"Subject: for Vera" in inside
    assert f"encrypted for {vera.address}" in company.show(letter)
    shown = company.postern("recipient", "show", vera.address)
    assert "DNS (SMIMEA)" in shown and fingerprint(vera.certificate) in shown and "it is good" in shown
