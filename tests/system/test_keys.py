"""The master key: how it is kept, and what does not open without it."""
import contextlib
import os
import pathlib
import shutil
import subprocess

import pytest

from company import BUILD, Company, wait_for
from scene import Scene

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
