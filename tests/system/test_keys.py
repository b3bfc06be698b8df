"""The master key: how it is kept, and what does not open without it."""
import contextlib
import email.policy
import os
import pathlib
import re
import shutil
import subprocess
from email.message import EmailMessage

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from company import BUILD, Company, wait_for
from scene import ALICE, PASSWORD, Scene
from test_running import files_below, readable

SECOND = "second@example.test"
PASSPHRASE = "seven horses in the rain"
SOFTHSM = pathlib.Path("/usr/lib/softhsm/libsofthsm2.so")


@contextlib.contextmanager
def lines(*texts):
    """A descriptor that gives these lines."""
    r, w = os.pipe()
    os.write(w, "".join(f"{t}\n" for t in texts).encode())
    os.close(w)
    try:
        yield r
    finally:
        os.close(r)


def key(company, *arguments, secrets=(), check=True, **options):
    """`postern ARGUMENTS`, with secrets for --passphrase-fd."""
    with lines(*secrets) as fd:
        more = ("--passphrase-fd", fd) if secrets else ()
        return company.postern(*arguments, *more, check=check, pass_fds=(fd,), **options)


def starts(company, secret=None):
    """What posternd says when it is given this secret, without being asked twice: (status, log)."""
    with lines(*([secret] if secret else ())) as fd:
        more = ("--passphrase-fd", str(fd)) if secret else ()
        done = subprocess.run([str(BUILD / "posternd"), "-c", str(company.config), *more],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              pass_fds=(fd,), timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def scene(tmp_path, monkeypatch):
    os.chmod(tmp_path, 0o755)
    scene = Scene(tmp_path)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    scene.secret = credentials / "postern-master-key"
    yield scene
    scene.close()


def restored_from(company, backup, path, **options):
    restored = Company(path)
    restored.config.write_text((backup / "postern.conf").read_text())
    restored.set("data-directory", restored.data)
    restored.set("listen-submissions", f"127.0.0.1:{restored.submissions}")
    restored.set("listen-submission", f"127.0.0.1:{restored.submission}")
    restored.authority = company.authority
    restored.passwords = company.passwords
    restored.postern("restore", backup, "--recovery-key-stdin",
                     input=(company.directory / "recovery.key").read_text(), **options)
    return restored


def test_a_passphrase_keeps_the_key(scene, tmp_path):
    """Nothing opens without it, everything with it; the recovery key goes on working."""
    c = scene.company
    letter, sent = scene.send("gooseberry")
    plain = (c.data / "master.key").read_text().split()[2]
    assert len(plain) == 64
    wrong = key(c, "key", "wrap", "--passphrase", secrets=["too short"], check=False)
    assert wrong.returncode == 65 and "shorter than 12" in wrong.stderr
    assert plain in (c.data / "master.key").read_text()
    assert "another way" in key(c, "key", "wrap", "--passphrase", secrets=[PASSPHRASE])
    assert not any(plain.encode() in p.read_bytes() for p in c.data.iterdir() if p.is_file())
    assert not (c.data / "master.key.new").exists()

    backup = tmp_path / "backup"  # the daemon still runs
    assert "verified" in key(c, "backup", backup, secrets=[PASSPHRASE])
    assert c.stop() == 0
    status, log = starts(c)
    assert status == 78 and "nobody is there to be asked" in log and "--passphrase-fd" in log, log
    status, log = starts(c, "seven horses in the sun")
    assert status == 77 and "this is not the passphrase" in log, log
    assert "ready" not in log and PASSPHRASE not in log

    scene.secret.write_text(PASSPHRASE + "\n")
    c.start()
    assert c.postern("export", letter, text=False) == sent
    r = restored_from(c, backup, tmp_path / "restored")
    r.start()
    try:
        assert r.postern("export", letter, text=False) == sent
    finally:
        r.stop()
    assert key(c, "key", "wrap", "--file", secrets=[PASSPHRASE])
    assert (c.data / "master.key").read_text().split()[2] == plain


@pytest.mark.skipif(not SOFTHSM.exists() or not shutil.which("softhsm2-util"),
                    reason="softhsm2 is not installed")
def test_a_token_keeps_the_key(scene, tmp_path, monkeypatch):
    """A PKCS#11 token must be there, with its PIN; what lies on the disk opens nothing."""
    c = scene.company
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    for command in (
            "softhsm2-util --init-token --free --label safe --pin 4321 --so-pin 8765",
            "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.p8",
            "softhsm2-util --import rsa.p8 --token safe --label postern --id 01 --pin 4321"):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    uri = f"pkcs11:token=safe;object=postern?module-path={SOFTHSM}"
    letter, sent = scene.send("gooseberry")
    plain = (c.data / "master.key").read_text().split()[2]
    wrong = key(c, "key", "wrap", "--pkcs11", uri, secrets=["1111"], check=False)
    assert wrong.returncode == 77 and "PIN is wrong" in wrong.stderr
    assert "posternd needs the token" in key(c, "key", "wrap", "--pkcs11", uri, secrets=["4321"])
    assert plain not in (c.data / "master.key").read_text()
    assert c.stop() == 0
    status, log = starts(c, "1111")
    assert status == 77 and "PIN is wrong" in log, log
    scene.secret.write_text("4321")
    (tmp_path / "tokens").rename(tmp_path / "away")
    (tmp_path / "tokens").mkdir()
    status, log = starts(c, "4321")
    assert status == 78 and "no token that its URI names" in log, log
    (tmp_path / "tokens").rmdir()
    (tmp_path / "away").rename(tmp_path / "tokens")
    c.start()
    assert c.postern("export", letter, text=False) == sent
    maps = [pathlib.Path(f"/proc/{pid}/maps").read_text() for pid in [c.process.pid, *c.processes()]]
    assert not any("softhsm" in m for m in maps), "the library stays in no process"
    wait_for("delivery", lambda: "delivered (250" in c.show(letter), 20)


def rotate(company, *options, secrets=(), **more):
    more.setdefault("input", (company.directory / "recovery.key").read_text())
    return key(company, "key", "rotate", "--recovery-key-stdin", *options, secrets=secrets, **more)


def uses(company, generation, secrets=()):
    """What `postern key list` says of a generation."""
    for line in key(company, "key", "list", secrets=secrets).splitlines():
        if line.split()[0] == str(generation):
            return line.split("former")[-1].strip() if "former" in line else line
    return None


def restart(company):
    company.stop()
    company.start()


def settled(company, generation):
    """Nothing is left for that generation, and it can be retired."""
    wait_for("the old key to be needed no more", lambda: uses(company, generation) == "nothing", 30)


def test_a_new_key_opens_all(scene, tmp_path):
    """A rotation: letters, accounts, private keys and packs stay; then the old key is retired, and neither it nor what was
    sealed under it is left. The recovery key of `init` opens backups of before and after."""
    c = scene.company
    c.set("pack-after", "200ms")
    c.postern("dkim", "new", "k1")
    letters = [scene.send(f"gooseberry {i}") for i in range(3)]
    restart(c)
    wait_for("a pack", lambda: list((c.data / "ledger").glob("*.pack")), 30)
    former = tmp_path / "former"
    c.postern("backup", former)
    old_text = (c.data / "master.key").read_text()
    old_key = old_text.split()[2]
    old_files = {p.name for p in (c.data / "keys").iterdir()}
    waits = c.postern("user", "add", SECOND, "--role", "officer", "--password-stdin", "--reason",
                      "hired", input=PASSWORD + "\n", check=False).stdout

    said = rotate(c)
    assert "Generation 2" in said and "works with generation 2 since now" in said, said
    letters.append(scene.send("gooseberry right behind it"))
    wait_for("the old key to open what waits alone", lambda: uses(c, 1) == "1 password", 30)
    refused = key(c, "key", "retire", "1", check=False)
    assert refused.returncode == 65 and "still opens 1 password" in refused.stderr
    c.stop()
    assert uses(c, 1) == "1 password", "nor when the state is looked into"
    c.start()
    assert "approved and done" in c.second(waits).stdout
    settled(c, 1)
    letters.append(scene.send("gooseberry under the new key"))
    for letter, sent in letters:
        assert c.postern("export", letter, text=False) == sent
    assert "k1" in c.postern("dkim", "list")
    assert not old_files & {p.name for p in (c.data / "keys").iterdir()}
    assert "whole" in c.postern("ledger", "verify")
    assert c.sign_in().returncode == 0
    acts = c.postern("acts", "--reason", "a test")
    assert "key rotate" in acts and "generation 2" in acts, acts

    wait_for("the index made anew", lambda: all(i in c.postern("search", "gooseberry", check=False).stdout
                                                for i, _ in letters), 20)
    assert "retired" in key(c, "key", "retire", "1")
    assert uses(c, 1) is None
    assert key(c, "key", "retire", "1", check=False).returncode == 65
    assert key(c, "key", "retire", "2", check=False).returncode == 65, "the one in force"
    for path in files_below(c.data):
        assert bytes.fromhex(old_key) not in path.read_bytes() and \
            old_key.encode() not in path.read_bytes(), path
    restart(c)
    for letter, sent in letters:
        assert c.postern("export", letter, text=False) == sent
    c.passwords[SECOND] = PASSWORD
    assert c.sign_in(SECOND).returncode == 0, "approved under the new key, asked under the old"
    assert c.sign_in().returncode == 0
    # The old key opens nothing of what is there now.
    master = c.data / "master.key"
    new_text = master.read_text()
    c.stop()
    master.write_text(old_text)
    status, log = starts(c)
    assert status in (74, 78) and "master key" in log, log
    master.write_text(new_text)
    state = c.data / "state" / "state.db"
    other = state.read_bytes()
    state.write_bytes(former.joinpath("state", "state.db").read_bytes())
    done = key(c, "key", "list", check=False)
    assert done.returncode != 0 and "opens under no master key" in done.stderr, done
    state.write_bytes(other)
    c.start()

    later = tmp_path / "later"
    c.postern("backup", later)
    for place, expected in ((former, letters[:3]), (later, letters)):  # the recovery key must do
        r = restored_from(c, place, tmp_path / f"restored-{place.name}")
        r.start()
        try:
            for letter, sent in expected:
                assert r.postern("export", letter, text=False) == sent
        finally:
            r.stop()


RECOVERY_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CALLS = "openat,pwrite64,fsync,renameat,renameat2,unlinkat"


def hkdf(key, info, salt=b""):
    return HKDF(hashes.SHA256(), 32, salt or b"\0" * 32, b"postern/v1/" + info).derive(key)


def unseal(key, context, sealed):
    """docs/ledger-format.md section 2."""
    return AESGCM(hkdf(key, b"seal", sealed[1:33])).decrypt(bytes(12), sealed[33:], context)


def recovered(company, data):
    """(generation, master key) that the recovery key opens."""
    bits = 0
    for character in (company.directory / "recovery.key").read_text().strip().replace("-", ""):
        bits = bits << 5 | RECOVERY_ALPHABET.index(character)
    words = (data / "recovery.sealed").read_text().split()
    generation = int(words[2]) if words[1] == "2" else 1
    context = b"recovery of the master key" + (b" %d" % generation if generation > 1 else b"")
    return generation, unseal(hkdf((bits >> 22).to_bytes(16, "big"), b"recovery"), context,
                              bytes.fromhex(words[-1]))


def opened(data):
    """(generation, master key) of a plain master.key."""
    words = (data / "master.key").read_text().split()
    return (1, bytes.fromhex(words[2])) if words[1] == "1" else (int(words[2]), bytes.fromhex(words[4]))


def all_keys(data, generation, master):
    """{generation: key} of a master key and its list of former ones."""
    keys = {generation: master}
    if generation > 1:
        listed = (data / f"former-keys-{hkdf(master, b'id')[:8].hex()}").read_bytes()
        rows = unseal(hkdf(master, b"former"), listed[:24], listed[24:])
        for at in range(0, len(rows), 48):
            if number := int.from_bytes(rows[at:at + 4], "big"):
                keys[number] = rows[at + 16:at + 48]
    return keys


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_rotation_is_killed_at_every_step(tmp_path):
    """Whatever of master.key and the recovery key opens which master key: all older ones come with it. Typed again, the
    rotation goes on; the key that was handed out by then is not lost."""
    os.chmod(tmp_path, 0o755)
    c = Company(tmp_path / "company")
    c.create()
    first = opened(c.data)[1]
    typed = (c.directory / "recovery.key").read_text()
    template = tmp_path / "template"
    shutil.copytree(c.data, template)
    killed = 0
    for n in range(1, 200):
        shutil.rmtree(c.data)
        shutil.copytree(template, c.data)
        done = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-P", c.data, "-P", c.data / "master.key",
             "-P", c.data / "master.key.new", "-P", c.data / "recovery.sealed",
             "-P", c.data / "recovery.sealed.new", "-e", f"trace={CALLS}",
             "-e", f"inject={CALLS}:signal=SIGKILL:when={n}", str(BUILD / "postern"), "-c",
             str(c.config), "key", "rotate", "--recovery-key-stdin"],
            input=typed, capture_output=True, text=True, check=False)
        in_force = all_keys(c.data, *opened(c.data))
        by_recovery = all_keys(c.data, *recovered(c, c.data))
        assert in_force[1] == by_recovery[1] == first, n
        assert set(in_force) <= set(by_recovery), n
        if done.returncode == 0:
            break
        killed += 1
        if n % 3 == 0 or len(by_recovery) > len(in_force):
            assert "in force" in rotate(c), n
            again = all_keys(c.data, *opened(c.data))
            assert again == all_keys(c.data, *recovered(c, c.data)) and again[1] == first
            assert len(list(c.data.glob("former-keys-*"))) == 1
            assert not (c.data / "master.key.new").exists()
            if by_recovery.keys() > in_force.keys():
                assert again[2] == by_recovery[2], "it went on with the key that it had"
    assert killed > 15


def test_a_new_recovery_key(tmp_path):
    """It is handed out when the old one is lost; the old one opens nothing of what comes then."""
    c = Company(tmp_path / "company")
    c.create()
    old = recovered(c, c.data)[1]
    wrong = rotate(c, input="00000-00000-00000-00000-00000-00000\n", check=False)
    assert wrong.returncode == 65 and opened(c.data)[1] == old
    other = key(c, "key", "rotate", "--recovery-key-stdin", "--new-recovery-key", input="no\nno\nno\n",
                check=False)
    assert other.returncode == 65 and opened(c.data)[1] == old
    out = tmp_path / "new-recovery.key"
    assert "is the new one" in key(c, "key", "rotate", "--new-recovery-key", "--recovery-key-out", out)
    with pytest.raises(InvalidTag):
        recovered(c, c.data)
    (c.directory / "recovery.key").write_text(out.read_text())
    generation, master = recovered(c, c.data)
    assert generation == 2 and all_keys(c.data, generation, master)[1] == old
    assert opened(c.data) == (2, master)


def test_a_sign_in_outlives_a_restart(scene):
    """What ended it before a restart has ended it, and what is remembered on the disk is no pass."""
    c = scene.company
    letter, _ = scene.send("gooseberry")

    def may_search(check=True):
        done = c._run("search", "--reason", "a test", "--as", c.auditor, "gooseberry", text=True)
        return done.returncode in (0, 1) if check else done

    assert c.sign_in().returncode == 0 and may_search()
    file = next(p for p in (c.directory / "sign-ins").rglob("*") if p.is_file())
    passes = re.findall("^[0-9a-f]{64}", file.read_text(), re.M)
    assert passes
    restart(c)
    assert may_search()
    c.kill()
    c.start()
    assert may_search()
    for path in files_below(c.data):
        content = path.read_bytes()
        for shown in passes:
            assert bytes.fromhex(shown) not in content and shown.encode() not in content, path
    kept = file.read_text()
    c._run("logout", "--as", c.auditor)
    file.write_text(kept)  # somebody has copied the pass
    file.chmod(0o600)
    assert not may_search()
    restart(c)
    assert not may_search()

    assert c.sign_in().returncode == 0 and may_search()
    new, change = "pewter walrus knits quietly\n", ("user", "set", c.auditor, "--password-stdin", "--reason", "a test")
    for more in ("", "wrong\n"):  # an open desk is not enough to set one's own
        done = c.postern(*change, input=new + more, check=False)
        assert done.returncode != 0 and ("your own password wants" in done.stderr or "is wrong" in done.stderr), done
    assert may_search()
    c.postern(*change, input=new + c.passwords[c.auditor] + "\n")
    restart(c)
    assert not may_search()


PLANTED = {
    "quixotrysm": "a body", "Zwirbelbrunst": "a subject", "glimworm": "a recipient",
    "plumbagine": "an attachment's name", "skreeglass": "an attachment's text",
    "ragwurzel": "an imported body", "tintenfleck": "an imported sender", "pumpernickel": "an import's source",
    "wobblegrass": "an erasure's reason", "Ottokarine": "an account's display name", "tarabas": "an account",
    "aurochsen": "an erased letter",
}


def test_nothing_is_readable_after_all_that(scene, tmp_path):
    """Packs, record keys, an import, an erasure, two rotations and what they leave, the lists of former keys, backups of
    before and after, what a crash leaves: no planted word in any of it, and no master key but the one in force."""
    c = scene.company
    c.set("pack-after", "200ms")
    restart(c)
    c.postern("user", "add", "tarabas@example.test", "--password-stdin", "--name", "Ottokarine",
              input="hexenschuss schluchzt quarkweise\n")
    m = EmailMessage(policy=email.policy.SMTP)
    m["From"], m["To"], m["Subject"] = ALICE, "glimworm@partner.test", "Zwirbelbrunst im Fruehling"
    m.set_content("Ein quixotrysm.\n" * 30)
    m.add_attachment("one skreeglass, please\n" * 40, filename="plumbagine.txt")
    letter = scene.submit(m.as_bytes(), ["glimworm@partner.test"])
    gone, _ = scene.send("aurochsen", text="aurochsen are no more\n" * 30)
    box = tmp_path / "pumpernickel.mbox"
    box.write_text("From x\nFrom: tintenfleck@example.test\nTo: b@example.test\nSubject: old\n\n"
                   + "ragwurzel\n" * 30)
    c.postern("import", "mbox", box, "--source", "pumpernickel", "--reason", "wobblegrass")
    wait_for("packs", lambda: list((c.data / "record-keys").glob("*.key")), 30)
    places = [tmp_path / "backup-1", tmp_path / "backup-2"]
    c.postern("backup", places[0])
    keys = [opened(c.data)[1]]
    c.postern("erase", gone, "--reason", "wobblegrass")
    for _ in range(2):
        rotate(c)
        keys.append(opened(c.data)[1])
    restart(c)
    c.postern("backup", places[1])

    def look(when, force=keys[-1]):
        paths = [c.log, *files_below(c.data), *(p for place in places for p in files_below(place))]
        assert any(p.name.startswith("former-keys-") for p in paths)
        assert not readable(paths, PLANTED), when
        for path in paths:
            content = path.read_bytes()
            for master in keys:
                assert master not in content, (path, when)
                assert path == c.data / "master.key" or master.hex().encode() not in content, (path, when)

    c.kill()  # perhaps while it seals anew
    look("after a crash")
    c.start()
    settled(c, 1)
    settled(c, 2)
    key(c, "key", "retire", "1")
    key(c, "key", "retire", "2")
    c.stop()
    look("after the end of the former keys")
    c.start()
    wait_for("it to be found", lambda: letter in c.postern("search", "quixotrysm", check=False).stdout)


def newest(target):
    """The manifests of the vault that was written last."""
    last = max((p for p in target.iterdir() if "-m-" in p.name), key=lambda p: p.stat().st_mtime_ns)
    return [p for p in target.iterdir() if p.name.startswith(last.name[:17] + "m-")]


def test_a_vault_is_restored_after_a_rotation(scene, tmp_path):
    """The daemon's backups begin anew under the new key, and the same recovery key opens the newest."""
    c = scene.company
    target = tmp_path / "vault"
    target.mkdir()
    c.set("backup-target", f"file://{target}")
    restart(c)
    letters = [scene.send("gooseberry")]
    c.postern("backup", "now", "--reason", "a test")
    rotate(c)
    restart(c)
    settled(c, 1)
    letters.append(scene.send("gooseberry later"))
    c.postern("backup", "now", "--reason", "a test")
    r = Company(tmp_path / "restored")
    r.authority, r.passwords = c.authority, c.passwords
    text = c.config.read_text().replace(str(c.data), str(r.data))
    r.config.write_text("\n".join(line for line in text.splitlines() if not line.startswith("backup-")) + "\n")
    r.set("listen-submissions", f"127.0.0.1:{r.submissions}")
    r.set("listen-submission", f"127.0.0.1:{r.submission}")
    r.postern("restore", "--from", f"file://{target}", "--recovery-key-stdin",
              input=(c.directory / "recovery.key").read_text())
    assert opened(r.data) == opened(c.data)
    r.start()
    try:
        for letter, sent in letters:
            wait_for("the catalog made anew",
                     lambda letter=letter: r.postern("show", letter, check=False).returncode == 0)
            assert r.postern("export", letter, text=False) == sent
    finally:
        r.stop()
    for path in newest(target):
        path.write_bytes(bytes(path.stat().st_size))
    said = r.postern("restore", "--from", f"file://{target}", "--recovery-key-stdin", "--letter",
                     letters[0][0], "--output", tmp_path / "one.eml",
                     input=(c.directory / "recovery.key").read_text())
    assert "from before a rotation" in said
    assert (tmp_path / "one.eml").read_bytes() == letters[0][1]
