"""OpenPGP: what Postern encrypts and signs is opened by GnuPG and by Sequoia; keys are made, published and ended."""
import base64
import contextlib
import email
import email.utils
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import variety
from company import BUILD, wait_for
from outside import Outside
from scene import ALICE, Scene

SEAL = BUILD / "seal_openpgp"
KEYS = pathlib.Path(__file__).resolve().parents[1] / "corpus" / "openpgp_key"
MINE = "Anna <ann@example.test>"
BOB = "bob@partner.test"
CAROL = "carol@partner.test"
POLICY = "\n[policy pgp]\nsubject-tag = [pgp]\nmethods = openpgp\notherwise = hold\n"


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not there")


class Gnupg:
    """GnuPG with a home of its own."""

    def __init__(self, home):
        home.mkdir(mode=0o700)
        self.env = {**os.environ, "GNUPGHOME": str(home)}

    def __call__(self, *arguments, check=True, **options):
        done = subprocess.run(["gpg", "--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "",
                               "--trust-model", "always", *map(str, arguments)],
                              env=self.env, capture_output=True, check=False, **options)
        assert not check or done.returncode == 0, done.stderr
        return done

    def make(self, user_id):
        """A key with a subkey to encrypt with; its fingerprint."""
        self("--quick-gen-key", user_id, "ed25519", "sign", "never")
        listed = self("--with-colons", "-k", user_id).stdout.decode()
        fingerprint = re.search(r"^fpr:+([0-9A-F]+):", listed, re.M)[1]
        self("--quick-add-key", fingerprint, "cv25519", "encr", "never")
        return fingerprint

    def key_ids(self, message):
        """Of whom a message says that they can open it."""
        said = self("--list-packets", check=False, input=message).stdout.decode(errors="replace")
        return set(re.findall(r"^:pubkey enc packet:.*keyid ([0-9A-F]{16})", said, re.M))

    def encrypting(self, user_id):
        """The ids of the subkeys that encrypt to somebody."""
        rows = (line.split(":") for line in self("--with-colons", "-k", user_id).stdout.decode().splitlines())
        return {row[4] for row in rows if row[0] == "sub" and "e" in row[11]}

    def end(self):
        subprocess.run(["gpgconf", "--kill", "all"], env=self.env, check=False, capture_output=True)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Bob has a key made by GnuPG, Carol one made by Sequoia."""
    need("gpg", "sq")
    folder = tmp_path_factory.mktemp("people")
    gpg = Gnupg(folder / "gnupg")
    gpg.make(f"Bob <{BOB}>")
    (folder / "bob").write_bytes(gpg("--export", BOB).stdout)
    carol = folder / "carol.private"
    subprocess.run(["sq", "key", "generate", "--userid", f"Carol <{CAROL}>", "--export", str(carol)],
                   check=True, capture_output=True)
    with (folder / "carol").open("wb") as out:
        subprocess.run(["sq", "key", "extract-cert", str(carol)], check=True, stdout=out)
    gpg("--import", folder / "carol")
    yield folder, gpg
    gpg.end()


def sq_decrypt(message, signer, recipient):
    """What Sequoia makes of a message that must have one good signature; options have had other names."""
    known = subprocess.run(["sq", "decrypt", "--help"], check=False, capture_output=True, text=True).stdout
    who, whom = (("--signer-file", "--recipient-file") if "--signer-file" in known
                 else ("--signer-cert", "--recipient-key"))
    done = subprocess.run(["sq", "decrypt", who, signer, whom, recipient, "--signatures", "1"], input=message,
                          check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def message_of(sealed):
    """The OpenPGP message in a protected letter, whose form is looked at (RFC 3156 section 4)."""
    letter = email.message_from_bytes(sealed)
    assert letter.get_content_type() == "multipart/encrypted"
    assert letter.get_param("protocol") == "application/pgp-encrypted"
    version, encrypted = letter.get_payload()
    assert version.get_content_type() == "application/pgp-encrypted"
    assert version.get_payload().strip() == "Version: 1"
    assert encrypted.get_content_type() == "application/octet-stream"
    return encrypted.get_payload().encode()


def seal(folder, letters, *keys):
    """{name: (sealed, payload)}, and our fingerprint."""
    source, target = folder / "letters", folder / "sealed"
    source.mkdir()
    target.mkdir()
    for name, letter in letters.items():
        (source / name).write_bytes(letter)
    own = subprocess.run([SEAL, "own", folder / "own"], check=True, capture_output=True,
                         text=True).stdout.strip().upper()
    subprocess.run([SEAL, "seal", folder / "own", target, *keys, "--", *sorted(source.iterdir())], check=True)
    return {name: ((target / name).read_bytes(), (target / f"{name}.payload").read_bytes())
            for name in letters}, own


def open_all(people, tmp_path, count):
    folder, gpg = people
    letters = {str(n): letter for n, (_, letter) in
               enumerate(variety.letters(count, "ann@example.test"))}
    assert len(letters) == count
    sealed, own = seal(tmp_path, letters, folder / "bob", folder / "carol")
    gpg("--import", tmp_path / "own")
    bob, carol = gpg.encrypting(BOB), gpg.encrypting(CAROL)
    for name, (letter, payload) in sealed.items():
        message = message_of(letter)
        by_gpg = gpg("--status-fd", "2", "--decrypt", input=message)
        said = by_gpg.stderr.decode(errors="replace")
        assert by_gpg.stdout == payload, name
        assert f"[GNUPG:] VALIDSIG {own}" in said and "[GNUPG:] GOODMDC" in said, said
        ids = gpg.key_ids(message)
        assert len(ids) == 2 and len(ids & bob) == len(ids & carol) == 1
        assert sq_decrypt(message, tmp_path / "own", folder / "carol.private") == payload, name
        check_shared_out(letters[name], letter, payload)


def check_shared_out(submitted, sealed, payload):
    """The body is inside byte for byte, the subject inside alone, and nobody's Bcc anywhere."""
    assert payload.partition(b"\r\n\r\n")[2] == submitted.partition(b"\r\n\r\n")[2]
    outer = variety.fields_of(sealed.partition(b"\r\n\r\n")[0])
    inner = variety.fields_of(payload.partition(b"\r\n\r\n")[0])
    subjects = [f for f in variety.fields_of(submitted.partition(b"\r\n\r\n")[0])
                if f.lower().startswith(b"subject:")]
    assert [f for f in inner if f.lower().startswith(b"subject:")] == subjects
    assert [f for f in outer if f.lower().startswith(b"subject:")] == [b"Subject: [...]"] * len(subjects)
    assert not any(f.lower().startswith(b"bcc:") for f in outer + inner)
    assert any(b'hp="cipher"' in f for f in inner if f.lower().startswith(b"content-type:"))


def test_gnupg_and_sequoia_open_letters(people, tmp_path):
    open_all(people, tmp_path, 20)


@pytest.mark.long
def test_gnupg_and_sequoia_open_a_thousand(people, tmp_path):
    open_all(people, tmp_path, 1000)


def judged(*files):
    """{file: "taken" or "refused"}"""
    said = subprocess.run([SEAL, "judge", *files], check=True, capture_output=True, text=True).stdout
    return dict(line.split("\t")[:2] for line in said.splitlines())


def test_no_forged_key_is_taken():
    """Keys that others made to deceive; those that are taken are named here, so that a change is seen."""
    folder = variety.CORPORA / "openpgp"
    if not folder.is_dir():
        pytest.skip(f"no corpora at {variety.CORPORA}")
    files = [f for f in sorted(folder.rglob("*")) if f.is_file()]
    verdicts = judged(*files)
    assert len(verdicts) == len(files) > 300
    taken = {str(pathlib.Path(f).relative_to(folder)) for f, verdict in verdicts.items() if verdict == "taken"}
    assert not [f for f in taken if "forged" in f or "malf" in f or "small-subgroup" in f or "fuzz" in f]
    assert "rpgp/openpgpjs/x25519.pub.asc" in taken  # and a good one is


class Tunnel:
    """An HTTP proxy that leads every CONNECT to one port of loopback, so that a server stands for any host."""

    def __init__(self):
        self.port = 0
        self.hosts = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        self.hosts.append(head.split()[1].decode().partition(":")[0])
        try:
            server = socket.create_connection(("127.0.0.1", self.port))
        except OSError:  # nobody stands for the others now
            client.close()
            return
        client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        for a, b in ((client, server), (server, client)):
            threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    @staticmethod
    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A company that looks for keys in the directories of others, all of which the tunnel leads to."""
    tunnel = Tunnel()
    scene = Scene(tmp_path_factory.mktemp("scene"), sections=POLICY, openpgp_lookup="yes",
                  openpgp_autocrypt="yes",
                  courier_proxy=f"http://127.0.0.1:{tunnel.socket.getsockname()[1]}")
    scene.tunnel = tunnel
    company = scene.company
    company.set("courier-trust-store", company.authority.certificate)
    company.postern("dkim", "new", "rsa", "--algorithm", "rsa")
    company.set("dkim-selector", "rsa")
    before = company.log.read_text().count(" event=config.re")
    company.process.send_signal(signal.SIGHUP)
    wait_for("the configuration to be read", lambda: company.log.read_text().count(" event=config.re") > before)
    yield scene
    scene.close()
    tunnel.close()


def test_a_recipients_key_is_kept_or_refused(scene, people):
    folder, gpg = people
    postern = scene.company.postern
    said = postern("recipient", "add-key", BOB, folder / "bob")
    fingerprint = re.search(r"^fpr:+([0-9A-F]+):", gpg("--with-colons", "-k", BOB).stdout.decode(), re.M)[1]
    assert fingerprint.lower() in said and "ECDH Curve25519" in said
    assert "OpenPGP" in postern("recipient", "list", BOB)
    for name, why in (("revoked", "revoked"), ("expired", "expired"), ("sha1", "SHA-1"), ("short", "2048 bits"),
                      ("signs_only", "no key to encrypt with"), ("private", "private key"), ("two", "2 usable keys")):
        done = postern("recipient", "add-key", BOB, KEYS / name, "--other-address", check=False)
        assert done.returncode != 0 and why in done.stderr, (name, done.stderr)
    done = postern("recipient", "add-key", BOB, KEYS / "carol", check=False)
    assert done.returncode != 0 and "names another address" in done.stderr


def test_our_own_key_is_made_published_and_ended(scene, people, tmp_path):
    _, gpg = people
    postern = scene.company.postern
    said = postern("pgp", "new", ALICE, "--name", "Alice Example", "--reason", "she signs")
    fingerprint = re.search(r"\b([0-9a-f]{40})\b", said)[1]
    assert "has a key" in postern("pgp", "new", ALICE, check=False).stderr
    assert "domain of ours" in postern("pgp", "new", "eve@elsewhere.test", check=False).stderr
    assert fingerprint in postern("pgp", "list")
    (tmp_path / "own").write_text(postern("pgp", "export", ALICE))
    gpg("--import", tmp_path / "own")
    listed = gpg("--with-colons", "--with-wkd-hash", "-k", ALICE).stdout.decode()
    assert fingerprint.upper() in listed and f"Alice Example <{ALICE}>" in listed
    name = gpg("--with-wkd-hash", "-k", ALICE).stdout.decode()
    where = re.search(r"([a-z0-9]{32})@example\.test", name)[1]
    postern("pgp", "wkd", tmp_path / "wkd")
    for host in ("openpgpkey.example.test/.well-known/openpgpkey/example.test", "example.test/.well-known/openpgpkey"):
        assert (tmp_path / "wkd" / host / "policy").exists()
        shown = gpg("--show-keys", "--with-colons", tmp_path / "wkd" / host / "hu" / where).stdout.decode()
        assert fingerprint.upper() in shown
    assert "reason" in postern("pgp", "revoke", ALICE, fingerprint[:16], check=False).stderr
    postern("pgp", "revoke", ALICE, fingerprint[:16], "--reason", "a test")
    (tmp_path / "own").write_text(postern("pgp", "export", ALICE))
    gpg("--import", tmp_path / "own")
    assert re.search(r"^pub:r:", gpg("--with-colons", "-k", ALICE).stdout.decode(), re.M)
    assert "revoked" in postern("pgp", "list")
    again = postern("pgp", "new", ALICE)
    assert fingerprint not in again
    scene.company.sign_in()
    assert "recipient add-key" in postern("acts")


def test_a_key_is_found_in_a_directory_once_a_day(scene, people):
    """Dave's domain has a directory; what it hands out for Eve is somebody else's key."""
    _, gpg = people
    gpg.make("Dave <dave@partner.test>")
    key = gpg("--export", "dave@partner.test").stdout
    postern = scene.company.postern
    server = Outside(lambda h, _: h.answer(200, key), tls=scene.company.authority, name="openpgpkey.partner.test")
    scene.tunnel.port = server.server.server_port
    try:
        for subject in ("first", "second"):
            scene.send(subject, to="dave@partner.test")
        scene.send("third", to="eve@partner.test")
        wait_for("the letters to arrive", lambda: len(scene.receiver.letters()) == 3)
    finally:
        server.close()
    said = postern("recipient", "show", "dave@partner.test")
    assert "OpenPGP: key " in said and "OpenPGP key" not in said
    assert "WKD" in said and "dave@partner.test" in said
    assert "no key" in postern("recipient", "show", "eve@partner.test", check=False).stderr
    assert scene.tunnel.hosts == ["openpgpkey.partner.test"] * 2
    paths = [server.asked.get(timeout=1)[0] for _ in range(2)]
    where = gpg("--with-wkd-hash", "-k", "dave@partner.test").stdout.decode()
    name = re.search(r"([a-z0-9]{32})@partner\.test", where)[1]
    assert f"/.well-known/openpgpkey/partner.test/hu/{name}?l=dave" in paths


def opened(message, own, folder, gpg, recipient):
    """The payload of a message that is signed with our key: Bob has GnuPG, Carol Sequoia."""
    if recipient == CAROL:
        return sq_decrypt(message, own, folder / "carol.private")
    done = gpg("--status-fd", "2", "--decrypt", input=message)
    assert b"[GNUPG:] VALIDSIG" in done.stderr and b"[GNUPG:] GOODMDC" in done.stderr
    return done.stdout


def test_a_letter_is_sealed_for_each_of_its_recipients(scene, people, tmp_path):
    """Carol is a Bcc: she has a copy of her own. Frank has no key: his letter waits."""
    dkim = pytest.importorskip("dkim")
    folder, gpg = people
    postern = scene.company.postern
    for who, name in ((BOB, "bob"), (CAROL, "carol")):
        postern("recipient", "add-key", who, folder / name)
    postern("pgp", "new", ALICE, check=False)  # unless she has one
    (tmp_path / "own").write_text(postern("pgp", "export", ALICE))
    gpg("--import", tmp_path / "own")
    before = len(scene.receiver.letters())
    text = "From: Alice <%s>\r\nTo: %s\r\nBcc: %s\r\nSubject: [pgp] the plan\r\n\r\nGr\u00fc\u00dfe  \r\n"
    letter = scene.submit((text % (ALICE, BOB, CAROL)).encode(), [BOB, CAROL, "frank@partner.test"])
    wait_for("two copies", lambda: len(scene.receiver.letters()) == before + 2, 30)
    records = re.findall(r'"([^"]*)"', postern("dkim", "dns"))
    came = {facts["to"][0]["address"]: sealed for facts, sealed in scene.receiver.letters()[before:]}
    assert came.keys() == {BOB, CAROL}
    for who, sealed in came.items():
        message = message_of(sealed)
        ids = gpg.key_ids(message)
        assert len(ids) == 1 and ids <= gpg.encrypting(who)
        payload = opened(message, tmp_path / "own", folder, gpg, who)
        assert payload.endswith("\r\n\r\nGr\u00fc\u00dfe  \r\n".encode())
        assert b"Subject: [pgp] the plan\r\n" in payload and b"Subject: [...]\r\n" in sealed
        assert b"plan" not in sealed and b"carol" not in (sealed + payload).lower()
        assert dkim.verify(sealed, dnsfunc=lambda *_, **__: "".join(records).encode())
    said = postern("show", letter)
    assert "OpenPGP" in said and "AES-256" in said
    assert "frank" in said and re.search("no OpenPGP key", said)


def test_a_letter_that_is_taken_in_offers_a_key(scene, people, tmp_path):
    """Grace offers her key; what is offered for Heidi is Grace's; and Bob keeps the key that a person put in."""
    folder, gpg = people
    postern = scene.company.postern
    postern("recipient", "add-key", BOB, folder / "bob")
    gpg.make("Grace <grace@partner.test>")
    keys = {name: base64.b64encode(gpg("--export-options", "export-minimal", "--export", of).stdout).decode()
            for name, of in (("grace", "grace@partner.test"), ("heidi", "grace@partner.test"))}
    gpg.make("Not Bob <bob@partner.test>")
    listed = gpg("--with-colons", "-k", BOB).stdout.decode()
    other = re.findall(r"^fpr:+([0-9A-F]+):", listed, re.M)[-2]
    keys["bob"] = base64.b64encode(gpg("--export-options", "export-minimal", "--export", other).stdout).decode()
    now = email.utils.formatdate()
    (tmp_path / "mbox").write_text("".join(
        f"From {name}@partner.test Mon Nov 30 08:00:00 2026\nFrom: {name}@partner.test\nTo: {ALICE}\nDate: {now}\n"
        f"Message-ID: <{name}@partner.test>\nSubject: hello\nAutocrypt: addr={name}@partner.test; keydata=\n"
        + "".join(f" {key[i:i + 70]}\n" for i in range(0, len(key), 70)) + "\nhello\n\n"
        for name, key in keys.items()))
    postern("import", "mbox", "--source", "a test", "--owner", ALICE, tmp_path / "mbox")
    said = wait_for("a key to be taken", lambda: "Autocrypt" in (
        told := postern("recipient", "show", "grace@partner.test", check=False).stdout) and told, 30)
    assert "grace@partner.test" in said
    assert "no key" in postern("recipient", "show", "heidi@partner.test", check=False).stderr
    before = len(scene.receiver.letters())
    scene.send("[pgp] still his own", to=BOB)
    wait_for("the letter", lambda: len(scene.receiver.letters()) == before + 1, 30)
    ids = gpg.key_ids(message_of(scene.receiver.letters()[-1][1]))
    first = (folder / "bob").read_bytes()
    shown = gpg("--show-keys", "--with-colons", input=first).stdout.decode()
    assert ids <= set(re.findall(r"^sub:(?:[^:]*:){3}([0-9A-F]{16}):", shown, re.M))


def offer(postern, folder, who, keys):
    """Have letters taken in that offer these keys for somebody."""
    folder.mkdir()
    fields = [base64.b64encode(key).decode() for key in keys]
    (folder / "mbox").write_text("".join(
        f"From {who} Mon Nov 30 08:00:00 2026\nFrom: {who}\nTo: {ALICE}\nDate: {email.utils.formatdate()}\n"
        f"Message-ID: <{n}.{who}>\nSubject: hello\nAutocrypt: addr={who}; keydata=\n"
        + "".join(f" {key[i:i + 70]}\n" for i in range(0, len(key), 70)) + "\nhello\n\n"
        for n, key in enumerate(fields)))
    postern("import", "mbox", "--source", f"offers of {who}", "--owner", ALICE, folder / "mbox")


def test_a_directory_renews_and_takes_back_its_key(scene, people, tmp_path):
    """Ivan's letters offered two keys, of which one is kept; his domain's directory has a third, renews it, has none."""
    _, gpg = people
    company, postern, ivan = scene.company, scene.company.postern, "ivan@partner.test"
    made = []
    for name in ("first", "second", "third"):
        time.sleep(1.1)  # the newer one has a later date, in seconds
        gpg.make(f"Ivan {name} <{ivan}>")
        listed = gpg("--with-colons", "-k", ivan).stdout.decode()
        made += [f for f in re.findall(r"^pub:.*\n^fpr:+([0-9A-F]+):", listed, re.M) if f not in made]
    minimal = ("--export-options", "export-minimal", "--export")
    offer(postern, tmp_path / "offers", ivan, [gpg(*minimal, f).stdout for f in (made[1], made[0])])
    shown = lambda: postern("recipient", "show", ivan, check=False).stdout.lower()  # noqa: E731
    wait_for("the second to be taken", lambda: made[1].lower() in shown(), 30)
    assert made[0].lower() not in shown()
    answers = []
    server = Outside(lambda h, _: h.answer(*answers[-1]), tls=company.authority, name="openpgpkey.partner.test")
    scene.tunnel.port = server.server.server_port

    def look(status, body=b""):
        """What is known of Ivan after the directory was asked once more, as it is after a restart."""
        wait_for("outcomes", lambda: not re.search(r"^\S+ +partner\.test +\d+ +(?! |held)", postern("queue", "list"), re.M), 30)
        company.stop()  # a letter whose outcome is not recorded would come again
        company.start()
        answers.append((status, body))
        before = len(scene.receiver.letters())
        scene.send("hello", to=ivan)
        wait_for("the letter", lambda: len(scene.receiver.letters()) == before + 1, 30)
        return shown()

    try:
        said = look(200, gpg("--export", made[2]).stdout)
        assert made[2].lower() in said and "wkd" in said
        gpg("--quick-add-key", made[2], "cv25519", "encr", "never")
        look(200, gpg("--export", made[2]).stdout)
        postern("recipient", "show", ivan, "--output", tmp_path / "kept")
        kept = gpg("--show-keys", "--with-colons", tmp_path / "kept").stdout.decode()
        assert kept.count("\nsub:") == 2
        assert made[2].lower() in look(503)
        said = look(404)
        assert made[2].lower() not in said and made[1].lower() in said
    finally:
        server.close()


def test_letters_wait_while_another_one_asks_for_the_key(scene, people):
    """Judith's directory is slow: of letters that come at once one asks, and the others do not go the next step meanwhile."""
    _, gpg = people
    company, judith = scene.company, "judith@partner.test"
    gpg.make(f"Judith <{judith}>")
    key = gpg("--export", judith).stdout
    company.stop()  # whoever asked in vain before asks again
    company.start()
    server = Outside(lambda h, _: (time.sleep(1), h.answer(200, key)), tls=company.authority, name="openpgpkey.partner.test")
    scene.tunnel.port = server.server.server_port
    before = len(scene.receiver.letters())
    try:
        for n in range(3):
            scene.submit(f"From: {ALICE}\r\nTo: {judith}\r\nSubject: [pgp] {n}\r\n\r\nhello\r\n".encode(), [judith])
        wait_for("three letters", lambda: len(scene.receiver.letters()) == before + 3, 30)
    finally:
        server.close()
    assert all(b"multipart/encrypted" in sealed for _, sealed in scene.receiver.letters()[before:])
    assert scene.tunnel.hosts[-1] == "openpgpkey.partner.test" and server.asked.qsize() == 1


def test_slow_directories_keep_no_other_letters(scene, people):
    """Eight letters to places that do not answer: half of the workers wait for them at most, and what needs nobody leaves meanwhile."""
    folder, _ = people
    company = scene.company
    company.postern("recipient", "add-key", BOB, folder / "bob")
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and says nothing
    tunnel, scene.tunnel.port = scene.tunnel.port, silent.getsockname()[1]
    before = len(scene.receiver.letters())
    asked = len(scene.tunnel.hosts)
    try:
        for n in range(8):
            to = f"someone@silent{n}.test"
            scene.submit(f"From: {ALICE}\r\nTo: {to}\r\nSubject: [pgp] {n}\r\n\r\nhello\r\n".encode(), [to])
        wait_for("questions", lambda: len(scene.tunnel.hosts) > asked)
        scene.submit(f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: [pgp] now\r\n\r\nhello\r\n".encode(), [BOB])
        wait_for("Bob's letter", lambda: len(scene.receiver.letters()) == before + 1, 30)
        assert "cannot be asked just now" in company.log.read_text()  # some were put off, with no worker
    finally:
        silent.close()
        scene.tunnel.port = tunnel
