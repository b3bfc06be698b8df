"""Of a letter with Bccs, all that leaves is taken apart down to the last layer: no copy, report, notice or log line says who
another Bcc is, by address, name, certificate or key, and none has a password in it."""
import email
import email.policy
import json
import os
import re
import shutil
import subprocess
from email.message import EmailMessage

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Scene
from test_openpgp import Gnupg
from test_smime import Person, openssl

pytestmark = pytest.mark.skipif(not shutil.which("7z") or not shutil.which("gpg"), reason="needs 7z (p7zip-full) and gpg")

CARL = "carl@example.test"  # without certificate and key: what nothing encrypts leaves by TLS alone
TEXT = "The merger is on Monday."
ROLES = {"toto": "To", "coco": "Cc", "bibi": "Bcc", "bobo": "Bcc"}  # a word that stands nowhere else, and where it stands
SEALED, KEYED, AGREED, MADE, OPEN = DOMAINS = [f"{name}.test" for name in ("sealed", "keyed", "agreed", "made", "open")]
REFUSED = {ALICE: f"refuse-bubu@{SEALED}", CARL: f"refuse-bubu@{OPEN}"}  # the server outside wants none of it
HELD = f"baba@{KEYED}"  # nobody has a key for it
METHODS = {SEALED: "smime", KEYED: "openpgp", AGREED: "attachments", MADE: "attachments"}
SECTIONS = ("".join(f"[domain {name}]\nroute = @RECEIVER@\ntls-name = mx.partner.test\n"
                    for name in ("example.test", *DOMAINS)) +
            "".join(f"[policy {name[:-5]}]\nto-domain = {name}\nmethods = {method}\notherwise = hold\n"
                    for name, method in METHODS.items()))


def local(address):
    return address.partition("@")[0].removeprefix("refuse-")


def name_of(address):
    """What a letter calls him, and nothing else does."""
    return f"Dr{local(address)[::-1]}{address.partition('@')[2][:-5]}"


ADDRESSES = [f"{role}@{domain}" for domain in DOMAINS for role in ROLES]
BLIND = [a for a in ADDRESSES if ROLES[local(a)] == "Bcc"] + [HELD, *REFUSED.values()]
ALL = [*ADDRESSES, HELD, *REFUSED.values()]


class Everybody:
    """Those outside, each with what opens his copy: {address: Person}, GnuPG with the keys, {(sender, address): password}."""

    def __init__(self, folder):
        self.folder, self.archives = folder, 0
        kinds = {"toto": "rsa:2048", "bibi": "rsa:2048"}
        self.persons = {a: Person(folder, a, "digitalSignature,keyEncipherment,keyAgreement",
                                  kinds.get(local(a), "ec -pkeyopt ec_paramgen_curve:P-256"))
                        for a in ALL if a.endswith(SEALED)}
        self.known = {}
        self.gpg = Gnupg(folder / "gnupg")
        self.keys = {a: self.gpg.make(f"<{a}>") for a in ADDRESSES if a.endswith(KEYED)}
        self.ids = {a: self.gpg.encrypting(a) for a in self.keys}
        self.passwords = {(sender, a): f"tango42-{local(a)[::-1]}7-whiskey7" for a in ADDRESSES if a.endswith(AGREED)
                          for sender in (ALICE, CARL)}
        self.serials = {a: openssl("x509", "-in", p.certificate, "-noout", "-serial").decode().strip().partition("=")[2]
                        for a, p in self.persons.items()}

    def marks(self, address):
        """By what he can be recognized: text in small letters, and bytes."""
        if address not in self.known:
            self.known[address] = self.marks_of(address)
        return self.known[address]

    def marks_of(self, address):
        texts, octets = {address, name_of(address)}, set()
        if address in self.persons:
            shown = openssl("x509", "-in", self.persons[address].certificate, "-noout", "-ext", "subjectKeyIdentifier").decode()
            texts |= {self.serials[address], str(int(self.serials[address], 16))}
            octets |= {bytes.fromhex(self.serials[address]), bytes.fromhex(shown.split()[-1].replace(":", ""))}
        if address in self.keys:
            ids = {self.keys[address], self.keys[address][-16:], *self.ids[address]}
            texts |= ids
            octets |= set(map(bytes.fromhex, ids))
        return {text.lower().encode() for text in texts}, octets

    def secrets(self):
        return {word.replace("-", between).encode() for word in self.passwords.values() for between in ("-", "", " ")}

    def unzip(self, archive, password):
        """What is in an archive, and in the archive within."""
        self.archives += 1
        folder = self.folder / f"archive{self.archives}"
        folder.mkdir()
        (folder / "a.zip").write_bytes(archive)
        for name, *given in (("a.zip", f"-p{password}"), ("documents.zip",)):
            subprocess.run(["7z", "x", "-y", *given, f"-o{folder}", folder / name], check=True, capture_output=True)
            (folder / name).unlink()
        return [path.name.encode() + b"\n" + path.read_bytes() for path in folder.iterdir()]

    def layers(self, octets, sender, reader):
        """All that he who reads a letter finds: fields and parts as they stand and decoded, opened, and what is inside."""
        yield octets
        for part in email.message_from_bytes(octets, policy=email.policy.default).walk():
            yield "\n".join(f"{name}: {value}" for name, value in part.items()).encode("utf-8", "replace")
            body = part.get_payload(decode=True)
            if not body:  # it holds others, or came back without its body
                continue
            yield body
            kind, more = part.get_content_type(), []
            if kind.startswith("application/pkcs7-"):
                yield openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", input=body)
            if part.get_param("smime-type") in ("enveloped-data", "authEnveloped-data"):
                person = self.persons[reader]
                more = [openssl("cms", "-decrypt", "-binary", "-inform", "DER", "-recip", person.certificate, "-inkey",
                                person.key, input=body)]
            elif part.get_param("smime-type") == "signed-data":
                more = [openssl("cms", "-verify", "-noverify", "-binary", "-inform", "DER", input=body)]
            elif body.startswith(b"-----BEGIN PGP MESSAGE"):
                yield self.gpg("--dearmor", input=body).stdout
                yield self.gpg("--list-packets", input=body).stdout
                more = [self.gpg("--decrypt", input=body).stdout]
            elif part.get_filename() == "secure.zip":
                yield from self.unzip(body, self.passwords[sender, reader])
            elif kind == "text/rfc822-headers":
                more = [body]
            for inside in more:
                yield from self.layers(inside, sender, reader)


def letter_of(sender, with_bcc):
    """A letter to all, in whose header the Bccs stand or do not."""
    letter = EmailMessage(policy=email.policy.SMTP)
    letter["From"] = sender
    for field in ("To", "Cc", *(["Bcc"] if with_bcc else [])):
        letter[field] = ", ".join(f"{name_of(a)} <{a}>" for a in ALL if ROLES.get(local(a), "Bcc") == field)
    letter["Subject"] = "An offer"
    letter.set_content(TEXT + "\n")
    letter.add_attachment(TEXT.encode(), maintype="application", subtype="octet-stream", filename="list.bin")
    return letter.as_bytes()


class Sent(Scene):
    """Two letters to everybody: Alice's is signed and has a Bcc field, Carl's is not and has none."""

    def __init__(self, folder):
        self.everybody = Everybody(folder)
        super().__init__(folder, behave="no-dsn", sections=SECTIONS, sign_letters="smime", log_level="debug")

    def prepare(self):
        company, everybody = self.company, self.everybody
        company.add_user(CARL, PASSWORD)
        company.postern("smime", "ca", "Example AG", "--reason", "test")
        company.postern("smime", "issue", ALICE, "--reason", "test")
        company.postern("pgp", "new", ALICE, "--reason", "test")
        everybody.gpg("--import", input=company.postern("pgp", "export", ALICE).encode())
        for address, person in everybody.persons.items():
            company.postern("recipient", "add-key", address, person.certificate, "--vouched", "--reason", "test")
        for address in everybody.keys:
            file = everybody.folder / f"{address}.pgp"
            file.write_bytes(everybody.gpg("--export", address).stdout)
            company.postern("recipient", "add-key", address, file, "--vouched", "--reason", "test")
        for (sender, address), word in everybody.passwords.items():
            if sender == ALICE:
                company.postern("recipient", "secret", address, "set", "--password-stdin", "--reason", "test",
                                input=word + "\n")

    def submit_as(self, sender):
        """To all of them, with the whole letter if it comes back; Alice wants to hear what becomes of it for the Bccs."""
        recipients = [*ADDRESSES, HELD, REFUSED[sender]]
        smtp = self.client(sender)
        smtp.mail(sender, ["RET=FULL"])
        for address in recipients:
            assert smtp.rcpt(address, ["NOTIFY=SUCCESS,FAILURE"] if sender == ALICE and address in BLIND else [])[0] == 250
        code, reply = smtp.data(letter_of(sender, sender == ALICE))
        smtp.quit()
        assert code == 250, reply
        return re.search(rb"\b[0-9a-z]{16}\b", reply)[0].decode()

    def look_up(self, sender, letter):
        """The passwords that were made, which their sender alone is shown."""
        own = {**os.environ, "POSTERN_SIGN_INS": str(self.company.directory / f"sign-ins-{sender}")}
        self.company._run("login", sender, "--password-stdin", text=True, input=PASSWORD + "\n", env=own)
        word = self.company._run("letter", "secret", letter, text=True, env=own).stdout.strip()
        assert len(word) == 23
        self.everybody.passwords.update({(sender, a): word for a in ADDRESSES if a.endswith(MADE)})

    def copies(self, sender):
        """What came of a letter: [(recipients, facts, octets)]."""
        return [({to["address"] for to in facts["to"]}, facts, octets) for facts, octets in self.receiver.letters()
                if facts["from"]["address"] == sender]

    def told(self, sender):
        """What came back to him: reports as [(recipients, octets)], and the other notices as {subject: octets}."""
        reports, notices = [], {}
        for facts, octets in self.receiver.letters():
            if facts["from"]["address"] or facts["to"][0]["address"] != sender:
                continue
            letter = email.message_from_bytes(octets, policy=email.policy.default)
            if letter.get_content_type() == "multipart/report":
                reports.append((set(re.findall(rb"^Final-Recipient: rfc822; (\S+)", octets, re.M)), octets))
            else:
                notices[letter["Subject"]] = octets
        return [({a.decode() for a in about}, octets) for about, octets in reports], notices

    def is_complete(self, sender):
        reports, notices = self.told(sender)
        about = set().union(*(about for about, _ in reports))
        wanted = {REFUSED[sender]} | {a for a in BLIND if a in ADDRESSES and sender == ALICE}
        came = [a for recipients, *_ in self.copies(sender) for a in recipients]
        return sorted(came) == sorted(ADDRESSES) and about == wanted and len(notices) == 2


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    scene = Sent(tmp_path_factory.mktemp("nothing"))
    try:
        scene.prepare()
        for sender, letter in [(sender, scene.submit_as(sender)) for sender in (ALICE, CARL)]:
            wait_for(f"all that comes of {sender}'s letter", lambda who=sender: scene.is_complete(who), 40, 0.2)
            scene.look_up(sender, letter)
        yield scene
    finally:
        scene.everybody.gpg.end()
        scene.close()


# ── what is looked for ──

def named(layers, marks):
    """Which of these marks stand in what was taken apart."""
    texts, octets = marks
    whole = b"\0".join(layers)
    return {text for text in texts if text in whole.lower()} | {mark for mark in octets if mark in whole}


def can_open(everybody, letter):
    """To whom an encrypted letter says that it is encrypted."""
    found = set()
    for part in email.message_from_bytes(letter).walk():
        body = part.get_payload(decode=True) or b""
        if part.get_content_type() == "application/pkcs7-mime":
            shown = openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", input=body).decode()
            infos = shown[shown.index("recipientInfos:"):shown.index("ncryptedContentInfo:")]
            serials = [int(serial, 16) for serial in re.findall(r"serialNumber: 0x([0-9A-F]+)", infos)]
            assert len(serials) == infos.count("encryptedKey:")
            owners = {int(serial, 16): address for address, serial in everybody.serials.items()}
            found |= {owners[serial] for serial in serials}
        elif body.startswith(b"-----BEGIN PGP MESSAGE"):
            owners = {i: address for address, ids in everybody.ids.items() for i in ids}
            found |= {owners[i] for i in everybody.gpg.key_ids(body)}
    return found


def look_through(everybody, octets, sender, reader, allowed, more=b""):
    """Take a letter apart and find of the Bccs those that are allowed, and no password; all that was looked at."""
    layers = [more, *everybody.layers(octets, sender, reader)]
    for other in set(BLIND) - set(allowed):
        assert not named(layers, everybody.marks(other)), (reader, other)
    assert not named(layers, (set(), everybody.secrets())), reader
    return layers


@pytest.mark.parametrize("sender", [ALICE, CARL])
def test_a_copy_names_no_bcc_but_its_own(sent, sender):
    everybody = sent.everybody
    for recipients, facts, octets in sent.copies(sender):
        encrypted = [a for a in recipients if a.endswith((SEALED, KEYED))]
        assert can_open(everybody, octets) == set(encrypted)
        assert not encrypted or not recipients & set(BLIND) or len(recipients) == 1
        envelope = json.dumps([facts["from"], facts["to"]]).encode() if encrypted else b""
        for reader in recipients:
            layers = look_through(everybody, octets, sender, reader, encrypted, envelope)
            assert named(layers, ({TEXT.lower().encode()}, set())), reader  # nothing was left closed
            assert named(layers, everybody.marks(f"coco@{MADE}"))  # who is no secret is found
            _, octets_of_his = everybody.marks(reader)
            assert not encrypted or named(layers, (set(), octets_of_his))
            assert reader in encrypted or reader not in BLIND or not named(layers, everybody.marks(reader))


@pytest.mark.parametrize("sender", [ALICE, CARL])
def test_a_report_names_no_bcc_but_those_it_is_about(sent, sender):
    everybody = sent.everybody
    reports, notices = sent.told(sender)
    for about, octets in reports:
        assert about <= set(BLIND)
        look_through(everybody, octets, sender, min(about), about)
        _, _, returned = email.message_from_bytes(octets, policy=email.policy.default).iter_parts()
        body = returned.get_content()
        back = body if isinstance(body, str) else body.as_bytes().decode()
        keys = about if min(about).endswith((SEALED, KEYED)) else ()
        layers = look_through(everybody, back.encode(), sender, min(about), keys)
        assert named(layers, ({f"toto@{OPEN}".encode()}, set()))
        if about == {REFUSED[sender]}:  # all of it came back, and he alone could have opened it
            assert named(layers, ({TEXT.lower().encode()}, set()))
            assert can_open(everybody, back.encode()) == set(keys)
    kept, = [octets for subject, octets in notices.items() if "waits" in subject]
    look_through(everybody, kept, sender, HELD, [HELD])
    secret, = [octets for subject, octets in notices.items() if "password" in subject]
    look_through(everybody, secret, sender, None, [a for a in BLIND if a.endswith(MADE)])


def test_only_senders_are_told_anything(sent):
    """Reports and notices, which have no reverse-path, have come to nobody else, and each recipient has two letters."""
    came = [(facts["from"]["address"], to["address"]) for facts, _ in sent.receiver.letters() for to in facts["to"]]
    assert {to for sender, to in came if not sender} == {ALICE, CARL}
    assert sorted(pair for pair in came if pair[0]) == sorted((sender, a) for sender in (ALICE, CARL) for a in ADDRESSES)


def test_neither_log_nor_disk_tells(sent):
    """No Bcc in the log, whatever is written to it; no password in any file."""
    everybody, company = sent.everybody, sent.company
    log = company.log.read_bytes()
    assert b"alert=policy-holds " in log  # what became of the letters is in it
    look_through(everybody, log, None, None, [])
    for path in company.directory.rglob("*"):
        assert not path.is_file() or not named([path.read_bytes()], (set(), everybody.secrets())), path
