"""Who sits at a desk with a browser or a passkey of his own, and asks `postern --json`."""
import base64
import hashlib
import json
import os
import struct
import subprocess

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from company import BUILD
from scene import PASSWORD


def to_text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def to_bytes(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SoftKey:
    """A passkey in software, as a browser would hand it over (WebAuthn sections 6.1 and 6.5)."""

    def __init__(self, credential=None, verifies=True, origin="https://mail.example.test"):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.credential = credential or os.urandom(16)
        self.verifies, self.origin, self.counter = verifies, origin, 0

    def _client_data(self, kind, options):
        return json.dumps({"type": f"webauthn.{kind}", "challenge": options["challenge"],
                           "origin": self.origin, "crossOrigin": False}).encode()

    def _data(self, site, flags):
        self.counter += 1
        return (hashlib.sha256(site.encode()).digest()
                + struct.pack(">BI", flags | 1 | (4 if self.verifies else 0), self.counter))

    def _say(self, **response):
        return json.dumps({"id": to_text(self.credential), "rawId": to_text(self.credential), "type": "public-key",
                           "response": {name: to_text(value) for name, value in response.items()},
                           "clientExtensionResults": {}})

    def make(self, options):
        options = json.loads(options)
        numbers = self.private.public_key().public_numbers()
        key = (bytes.fromhex("a5010203262001215820") + numbers.x.to_bytes(32, "big")
               + bytes.fromhex("225820") + numbers.y.to_bytes(32, "big"))
        data = (self._data(options["rp"]["id"], 0x40) + bytes(16)
                + struct.pack(">H", len(self.credential)) + self.credential + key)
        return self._say(clientDataJSON=self._client_data("create", options), attestationObject=(
            b"\xa3cfmtdnonegattStmt\xa0hauthData" + b"\x58" + bytes([len(data)]) + data))

    def sign(self, options):
        options = json.loads(options)
        client_data, data = self._client_data("get", options), self._data(options["rpId"], 0)
        signature = self.private.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return self._say(clientDataJSON=client_data, authenticatorData=data, signature=signature)


class Desk:
    """Whoever holds an account; `key` is a SoftKey or a Browser."""

    def __init__(self, company, key, account):
        self.company, self.key, self.account = company, key, account
        self.env = {**os.environ, "POSTERN_SIGN_INS": str(company.directory / f"desk-{account}")}

    def postern(self, *arguments, **options):
        return self.company.postern(*arguments, env=self.env, **options)

    def ask(self, *arguments, answer, password=None):
        """Run a verb that asks a browser; `answer` gets what it is asked with and returns what it says."""
        process = subprocess.Popen(
            [str(BUILD / "postern"), "-c", str(self.company.config), *arguments, "--json"], env=self.env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if password:
            process.stdin.write(password + "\n")
            process.stdin.flush()
        options = process.stdout.readline()
        out, err = process.communicate(answer(options) + "\n" if options else None, timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, options + out, err)

    def password(self, check=True):
        return self.postern("login", self.account, "--password-stdin", input=PASSWORD + "\n", check=check)

    def add(self, name, password=PASSWORD, key=None):
        return self.ask("passkey", "add", name, "--password-stdin", password=password,
                        answer=(key or self.key).make)

    def alone(self, answer=None):
        return self.ask("login", self.account, "--passkey", answer=answer or self.key.sign)

    def second(self, answer=None):
        return self.ask("login", self.account, "--password-stdin", password=PASSWORD,
                        answer=answer or self.key.sign)
