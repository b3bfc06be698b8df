"""A time stamp authority (RFC 3161): openssl(1) behind a small HTTP server, which may misbehave."""
import contextlib
import datetime
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from outside import Outside


def certificate(name, key, issuer, issuer_key, days, purpose=None):
    """One that `issuer` signed, from two years ago to so many days from now."""
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer.subject if issuer
                         else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=730))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(issuer is None, None), critical=True))
    if purpose:
        made = made.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    return made.sign(issuer_key, hashes.SHA256())


class Authority:
    """A root and a signer in a folder; `stamp` answers a request as openssl does."""

    def __init__(self, folder, days=365, purpose=ExtendedKeyUsageOID.TIME_STAMPING):
        self.folder = folder
        folder.mkdir(parents=True)
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root = certificate("Time root", root_key, None, root_key, 3650)
        signer = certificate("Time", key, root, root_key, days, purpose)
        self.root = folder / "root.pem"
        pem = serialization.Encoding.PEM
        self.root.write_bytes(root.public_bytes(pem))
        (folder / "tsa.pem").write_bytes(signer.public_bytes(pem))
        (folder / "tsa.key").write_bytes(key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        (folder / "serial").write_text("01\n")
        (folder / "tsa.conf").write_text(
            f"[tsa]\ndefault_tsa = t\n[t]\nserial = {folder}/serial\ndefault_policy = 1.2.3.4.1\n"
            "digests = sha256\nsigner_digest = sha256\ness_cert_id_alg = sha256\naccuracy = secs:1\n")

    def stamp(self, request):
        query, reply = self.folder / "query", self.folder / "reply"
        query.write_bytes(request)
        subprocess.run(["openssl", "ts", "-reply", "-config", self.folder / "tsa.conf", "-queryfile",
                        query, "-signer", self.folder / "tsa.pem", "-inkey", self.folder / "tsa.key",
                        "-out", reply], check=True, capture_output=True)
        return reply.read_bytes()


class TimeServer(Outside):
    """Stamps with `authority`, or does what `trick` says: a function of handler and request."""

    def __init__(self, authority, **options):
        self.authority = authority
        self.trick = None
        super().__init__(self.serve, **options)

    def serve(self, handler, body):
        with contextlib.suppress(OSError):  # who asked has hung up
            if self.trick:
                self.trick(handler, body)
            else:
                self.reply(handler, self.authority.stamp(body))

    @staticmethod
    def reply(handler, body):
        handler.answer(200, body, Content_Type="application/timestamp-reply")
