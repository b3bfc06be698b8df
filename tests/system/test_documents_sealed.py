"""Files that a password opens: other programs open them with it, refuse without it, and find in them what went in."""
import email
import email.policy
import os
import pathlib
import shutil
import subprocess
from email.message import EmailMessage

import pytest

import variety
from company import BUILD, patience, wait_for
from scene import ALICE, PASSWORD, Scene

SECRET = "tango42-whiskey7"
CORPUS = variety.CORPORA / "documents"

pytestmark = pytest.mark.skipif(not shutil.which("7z") or not shutil.which("qpdf"),
                                reason="needs 7z (p7zip-full) and qpdf")


def protect(letter, where="inside"):
    """What an inspector makes of a letter, and what it says about it."""
    done = subprocess.run([BUILD / "lock_letter", SECRET, where], input=letter.as_bytes(
        policy=email.policy.SMTP), capture_output=True, timeout=60 * patience())
    assert done.returncode == 0, done.stderr
    assert SECRET.encode() not in done.stdout
    return email.message_from_bytes(done.stdout, policy=email.policy.default), done.stderr.decode()


def attached(files):
    letter = EmailMessage(policy=email.policy.SMTP)
    letter["From"], letter["To"], letter["Subject"] = ALICE, "paula@partner.test", "Offer"
    letter.set_content("The merger is on Monday.\n")
    for name, content in files.items():
        letter.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return letter


def unzip(content, directory):
    """The files in the archive within the archive, by 7z; nothing comes out without the password."""
    (directory / "a.zip").write_bytes(content)
    wrong = subprocess.run(["7z", "x", "-y", "-pwrong-password", f"-o{directory}/wrong",
                            directory / "a.zip"], capture_output=True, timeout=60)
    assert wrong.returncode != 0
    for arguments in ([f"-p{SECRET}", f"-o{directory}", directory / "a.zip"],
                      [f"-o{directory}/files", directory / "documents.zip"]):
        subprocess.run(["7z", "x", "-y", *arguments], capture_output=True, timeout=60, check=True)
    return {p.name: p.read_bytes() for p in (directory / "files").iterdir()}


def of_corpus(count, *endings, largest=4 << 20):
    if not CORPUS.is_dir():
        pytest.skip("the corpora are not there")
    found = sorted(p for p in CORPUS.rglob("*") if p.suffix.lower() in endings and p.is_file()
                   and p.stat().st_size < largest)
    step = max(1, len(found) // count)
    return found[::step][:count]


COUNTS = [20, pytest.param(200, marks=pytest.mark.long)]


@pytest.mark.parametrize("count", COUNTS)
def test_everything_comes_back_out_of_the_archive(tmp_path, count):
    names = of_corpus(count, ".doc", ".xls", ".ppt", ".rtf", ".odt", ".zip", ".png", ".jpg", ".txt", ".eml",
                      ".uu", ".html")
    files = {f"{i}-{p.name}": p.read_bytes() for i, p in enumerate(names)}
    letter, said = protect(attached(files))
    part, = [p for p in letter.walk() if p.get_filename() == "secure.zip"]
    assert b"merger" not in letter.as_bytes()
    kept = [p.get_filename() for p in letter.walk() if p.get_filename()]
    out = unzip(part.get_content(), tmp_path)
    assert out.pop("message.txt").decode("utf-8-sig").strip() == "The merger is on Monday."
    for name, content in files.items():
        assert name in kept or out[name] == content, name
        assert name in said or "and further files" in said
    assert len(out) > len(files) / 2


def batches(paths):
    """The documents of a corpus in a few letters, each under a name that says which it is."""
    for at in range(0, len(paths), 40):
        some = {f"{i}{p.suffix}": p.read_bytes() for i, p in enumerate(paths[at:at + 40])}
        letter, said = protect(attached(some), "outside")
        yield some, {p.get_filename(): p.get_content() for p in letter.walk()
                     if p.get_filename()}, dict(line.split(": ", 1) for line in said.splitlines())


def text_of(path, *password):
    done = subprocess.run(["pdftotext", *password, path, "-"], capture_output=True, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.parametrize("count", COUNTS)
def test_pdf_documents_open_with_the_password(tmp_path, count):
    locked = 0
    for files, parts, said in batches(of_corpus(count, ".pdf")):
        plain = unzip(parts["secure.zip"], tmp_path) if "secure.zip" in parts else {}
        for name, content in files.items():
            if said.get(name, "and further files") != "PDF (AES-256)":
                assert content in (plain.get(name), parts.get(name)), name
                continue
            locked += 1
            (tmp_path / "plain.pdf").write_bytes(content)
            (tmp_path / "locked.pdf").write_bytes(parts[name])
            code, text = text_of(tmp_path / "locked.pdf")
            assert code and not text.strip()
            assert text_of(tmp_path / "plain.pdf") == text_of(tmp_path / "locked.pdf", "-upw", SECRET)
        shutil.rmtree(tmp_path / "files", ignore_errors=True)
    assert locked > count / 5
    shown = subprocess.run(["qpdf", "--show-encryption", f"--password={SECRET}",
                            tmp_path / "locked.pdf"], capture_output=True, text=True)
    assert "R = 6" in shown.stdout and "AESv3" in shown.stdout


def decrypted(path, password, directory):
    """The package out of an encrypted document, by a reader of our own over 7z and cryptography."""
    import base64
    import hashlib
    import re
    import struct

    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    subprocess.run(["7z", "x", "-y", f"-o{directory}", path], capture_output=True, check=True)
    info = (directory / "EncryptionInfo").read_bytes()[8:].decode()
    package = (directory / "EncryptedPackage").read_bytes()

    def value(behind, name):
        return base64.b64decode(re.search(name + '="([^"]*)"', info[info.index(behind):])[1])

    def aes(key, iv, data):
        return Cipher(algorithms.AES(key[:32]), modes.CBC(iv[:16])).decryptor().update(data)

    def sha(*parts):
        return hashlib.sha512(b"".join(parts)).digest()
    salt = value("<p:encryptedKey", " saltValue")
    h = sha(salt, password.encode("utf-16-le"))
    for i in range(int(re.search('spinCount="([0-9]+)"', info)[1])):
        h = sha(struct.pack("<I", i), h)
    verifier = aes(sha(h, bytes.fromhex("fea7d2763b4b9e79")), salt,
                   value("<p:", "encryptedVerifierHashInput"))
    expected = aes(sha(h, bytes.fromhex("d7aa0f6d3061344e")), salt,
                   value("<p:", "encryptedVerifierHashValue"))
    if sha(verifier) != expected:
        return None
    key = aes(sha(h, bytes.fromhex("146e0be7abacd0d6")), salt,
              value("<p:", "encryptedKeyValue"))
    salt = value("<keyData", " saltValue")
    size, = struct.unpack("<Q", package[:8])
    out = b"".join(aes(key, sha(salt, struct.pack("<I", i)), package[8 + 4096 * i:8 + 4096 * (i + 1)])
                   for i in range((len(package) - 8 + 4095) // 4096))
    return out[:size]


@pytest.mark.parametrize("count", COUNTS)
def test_office_documents_are_whole_behind_the_password(tmp_path, count):
    locked = 0
    for files, parts, said in batches(of_corpus(count, ".docx", ".xlsx", ".pptx", largest=1 << 17)):
        for name, content in files.items():
            if not said.get(name, "").startswith("Office ("):
                continue
            locked += 1
            file = tmp_path / f"{locked}.ole"
            file.write_bytes(parts[name])
            assert decrypted(file, SECRET, tmp_path / str(locked)) == content, name
    assert decrypted(file, "wrong-password", tmp_path / "wrong") is None
    assert locked > count / 2


# ---- the daemon ----

@pytest.fixture(scope="module", name="scene")
def fixture_scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("sealed"),
                  sections="[domain example.test]\nroute = @RECEIVER@\ntls-name = mx.partner.test\n"  # for notices
                           "[policy default]\nmethods = attachments\notherwise = hold\n")
    try:
        yield scene
    finally:
        scene.close()


def arrived(scene, subject):
    def look():
        for _, octets in scene.receiver.letters():
            letter = email.message_from_bytes(octets, policy=email.policy.default)
            if letter["Subject"] == subject:
                return letter
        return None
    return wait_for(f"the letter {subject}", look, 60)


def as_person(scene, *arguments):
    """Ask as Alice, who signs in beside the auditor."""
    own = {**os.environ, "POSTERN_SIGN_INS": str(scene.company.directory / "sign-ins-alice")}
    scene.company._run("login", ALICE, "--password-stdin", text=True, input=PASSWORD + "\n", env=own)
    return scene.company._run(*arguments, text=True, env=own)


def test_a_letter_is_protected_and_its_sender_alone_is_shown_the_password(scene, tmp_path):
    content = attached({"list.csv": b"1;2;3"})
    content.replace_header("Subject", "protected")
    letter_id = scene.submit(content.as_bytes(policy=email.policy.SMTP), ["paula@partner.test"])
    letter = arrived(scene, "protected")
    assert b"merger" not in letter.as_bytes() and b"list.csv" not in letter.as_bytes()
    shown = scene.company.show(letter_id)
    assert "list.csv: in secure.zip" in shown and "made for this letter" in shown
    denied = scene.company.postern("letter", "secret", letter_id, check=False)
    assert denied.returncode != 0 and not denied.stdout
    password = as_person(scene, "letter", "secret", letter_id).stdout.strip()
    assert len(password) == 23 and password not in shown
    archive, = [p for p in letter.walk() if p.get_filename() == "secure.zip"]
    (tmp_path / "secure.zip").write_bytes(archive.get_content())
    for name, *given in (("secure.zip", f"-p{password}"), ("documents.zip",)):
        subprocess.run(["7z", "x", "-y", *given, f"-o{tmp_path}", tmp_path / name],
                       check=True, capture_output=True)
    assert (tmp_path / "list.csv").read_bytes() == b"1;2;3"
    told, _ = scene.send("told", text=f"It is {password.replace('-', ' ')}.\n")
    wait_for("it to be held", lambda: told in scene.company.postern("queue", "list"), 60)
    assert "password of its recipient" in scene.company.postern("queue", "list")
    agreed = scene.company._run("recipient", "secret", "paula@partner.test", "generate", text=True)
    assert agreed.returncode == 0, agreed.stderr
    again = as_person(scene, "letter", "secret", letter_id).stdout.strip()
    assert again == password  # what she got opens with it all the same


def test_an_agreed_password_opens_and_is_never_sent(scene):
    done = scene.company._run("recipient", "secret", "otto@partner.test", "set", "--password-stdin",
                              text=True, input=SECRET + "\n")
    assert done.returncode == 0, done.stderr
    weak = scene.company._run("recipient", "secret", "otto@partner.test", "set", "--password-stdin",
                              text=True, input="short\n")
    assert weak.returncode != 0
    held, _ = scene.send(f"see {SECRET}", to="otto@partner.test")
    scene.send("agreed", to="otto@partner.test", text="Words for Otto\n")
    letter = arrived(scene, "agreed")
    assert b"Words" not in letter.as_bytes()
    assert held in scene.company.postern("queue", "list")
    assert "recipient secret set" in scene.company.postern("acts")
    assert SECRET not in scene.company.postern("acts")
    for path in scene.company.directory.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
