"""OpenPGP keys that GnuPG and Sequoia made are taken, and what is encrypted with each is opened by the one who holds it."""
import base64
import email.utils
import subprocess

import pytest

import variety
from company import wait_for
from scene import ALICE, Scene
from test_openpgp import POLICY, SEAL, Gnupg, judged, message_of, need, sq_decrypt

KINDS = ("Key-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: sign\nSubkey-Type: ECDH\nSubkey-Curve: cv25519",
         "Key-Type: RSA\nKey-Length: 2048\nKey-Usage: sign\nSubkey-Type: RSA\nSubkey-Length: 2048",
         "Key-Type: ECDSA\nKey-Curve: nistp256\nKey-Usage: sign\nSubkey-Type: ECDH\nSubkey-Curve: nistp256",
         "Key-Type: RSA\nKey-Length: 3072\nKey-Usage: sign\nSubkey-Type: RSA\nSubkey-Length: 3072")
SUITES = ("cv25519", "rsa3k")
LOCAL_PARTS = ("nina", "Jürgen Groß, of Sales", "o'neill", "x" * 60)


class Holder:
    """Somebody with a key that GnuPG or Sequoia made: its public half is `key`, a file of Autocrypt's form."""

    def __init__(self, folder, number, program, gpg):
        self.address = f"{program}{number}@partner.test"
        self.name = LOCAL_PARTS[number // 2 % len(LOCAL_PARTS)]
        self.program, self.number, self.gpg = program, number, gpg
        self.key, self.private = folder / f"{program}{number}.key", folder / f"{program}{number}.private"

    def order(self):
        """What GnuPG is told about the key."""
        kind = KINDS[self.number // 2 % len(KINDS)]
        return (f"%no-protection\n{kind}\nSubkey-Usage: encrypt\nName-Real: {self.name.replace('<', '')}\nName-Email: {self.address}\n"
                "Expire-Date: 2y\n%commit\n")

    def make_by_sq(self):
        suite = SUITES[self.number // 2 % len(SUITES)]
        subprocess.run(["sq", "key", "generate", "--cipher-suite", suite, "--userid", f"{self.name} <{self.address}>", "--export",
                        self.private], check=True, capture_output=True)
        armored = subprocess.run(["sq", "key", "extract-cert", self.private], check=True, capture_output=True).stdout
        self.key.write_bytes(subprocess.run(["sq", "dearmor"], input=armored, check=True, capture_output=True).stdout)

    def opened(self, message, own):
        """What the holder reads in a message with a good signature of ours."""
        if self.program == "sq":
            return sq_decrypt(message, own, self.private)
        done = self.gpg("--status-fd", "2", "--decrypt", input=message)
        assert b"[GNUPG:] VALIDSIG" in done.stderr and b"[GNUPG:] GOODMDC" in done.stderr, done.stderr
        return done.stdout


def holders(folder, count, gpg):
    """So many, half of each program."""
    all_ = [Holder(folder, n, ("gpg", "sq")[n % 2], gpg) for n in range(count)]
    with_gpg = [h for h in all_ if h.program == "gpg"]
    (folder / "order").write_text("".join(h.order() for h in with_gpg))
    gpg("--no-auto-check-trustdb", "--gen-key", folder / "order")
    for h in with_gpg:
        h.key.write_bytes(gpg("--export-options", "export-minimal", "--export", f"<{h.address}>").stdout)
    for h in all_:
        if h.program == "sq":
            h.make_by_sq()
    return all_


@pytest.fixture
def gpg(tmp_path):
    need("gpg", "sq")
    made = Gnupg(tmp_path / "gnupg")
    yield made
    made.end()


@pytest.mark.parametrize("people, each", [(8, 3), pytest.param(40, 25, marks=pytest.mark.long)])
def test_every_key_is_taken_and_its_holder_opens_what_is_encrypted_with_it(gpg, tmp_path, people, each):
    """With so many letters for each."""
    all_ = holders(tmp_path, people, gpg)
    assert set(judged(*(h.key for h in all_)).values()) == {"taken"}
    subprocess.run([SEAL, "own", tmp_path / "own"], check=True, capture_output=True)
    gpg("--import", tmp_path / "own")
    letters = [letter for _, letter in variety.letters(len(all_) * each, "ann@example.test")]
    opened = 0
    for number, holder in enumerate(all_):
        folder = tmp_path / f"for-{holder.address}"
        folder.mkdir()
        (folder / "out").mkdir()
        own = {f"{n}": letter for n, letter in enumerate(letters[number * each:(number + 1) * each])}
        for name, letter in own.items():
            (folder / name).write_bytes(letter)
        subprocess.run([SEAL, "seal", tmp_path / "own", folder / "out", holder.key, "--", *(folder / name for name in own)], check=True)
        for name, letter in own.items():
            payload = (folder / "out" / f"{name}.payload").read_bytes()
            assert holder.opened(message_of((folder / "out" / name).read_bytes()), tmp_path / "own") == payload, holder.address
            assert payload.partition(b"\r\n\r\n")[2] == letter.partition(b"\r\n\r\n")[2]
            opened += 1
    assert opened == len(all_) * each


def offering(holder):
    """A letter in which the key stands, as a mail program that knows Autocrypt writes it."""
    key = base64.b64encode(holder.key.read_bytes()).decode()
    return (f"From: <{holder.address}>\r\nTo: {ALICE}\r\nDate: {email.utils.formatdate()}\r\nMessage-ID: <{holder.address}>\r\n"
            f"Subject: hello\r\nAutocrypt: addr={holder.address}; prefer-encrypt=mutual; keydata=\r\n"
            + "".join(f" {key[i:i + 70]}\r\n" for i in range(0, len(key), 70)) + "\r\nhello\r\n").encode()


def test_who_offered_a_key_gets_letters_that_he_opens(gpg, tmp_path):
    """Letters are imported, with keys of both programs; what is sent to their writers then is for each alone."""
    all_ = holders(tmp_path, 8, gpg)
    scene = Scene(tmp_path / "scene", sections=POLICY, openpgp_autocrypt="yes")
    postern = scene.company.postern
    try:
        (tmp_path / "in").mkdir()
        for holder in all_:
            (tmp_path / "in" / f"{holder.address}.eml").write_bytes(offering(holder))
        words = ("import", "eml", tmp_path / "in", "--owner", ALICE, "--reason", "test")
        wait_for("a catalog that is up to date", lambda: postern(*words, check=False).returncode == 0, 60)
        for holder in all_:
            wait_for(f"the key of {holder.address}", lambda h=holder: "Autocrypt" in postern(
                "recipient", "show", h.address, check=False).stdout, 30)
        postern("pgp", "new", ALICE, "--reason", "test")
        (tmp_path / "own").write_text(postern("pgp", "export", ALICE))
        gpg("--import", tmp_path / "own")
        before = len(scene.receiver.letters())
        text = f"From: {ALICE}\r\nTo: {all_[0].address}\r\nSubject: [pgp] the plan\r\n\r\nGr\u00fc\u00dfe\r\n".encode()
        scene.submit(text, [holder.address for holder in all_])
        wait_for("all copies", lambda: len(scene.receiver.letters()) == before + len(all_), 60)
        came = {facts["to"][0]["address"]: sealed for facts, sealed in scene.receiver.letters()[before:]}
        assert came.keys() == {holder.address for holder in all_}
        for holder in all_:
            assert b"plan" not in came[holder.address]
            payload = holder.opened(message_of(came[holder.address]), tmp_path / "own")
            assert payload.endswith("\r\n\r\nGr\u00fc\u00dfe\r\n".encode()) and b"Subject: [pgp] the plan" in payload
            assert not any(h.address.encode() in payload for h in all_[1:])
    finally:
        scene.close()
