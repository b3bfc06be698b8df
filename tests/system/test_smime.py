"""S/MIME: certificates of recipients and of our own people, and what they are worth to openssl and gpgsm."""
import os
import shutil
import subprocess

import pytest

from company import Company

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

    def pkcs12(self, password):
        path = self.key.with_suffix(".p12")
        openssl("pkcs12", "-export", "-inkey", self.key, "-in", self.certificate, "-out", path,
                "-passout", f"pass:{password}")
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


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    made = Company(tmp_path_factory.mktemp("smime"))
    made.create()
    made.start()
    made.add_user(ANNA, PASSWORD)
    yield made
    made.stop()


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
    company.postern("recipient", "add-key", "partner.test", paula.certificate, "--reason", "their gateway")
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
