"""Backups to other machines: a real OpenSSH server, by the process that has the network and no key."""
import http.server
import itertools
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import s3
import sftp
from company import BUILD, Company, wait_for
from scene import ALICE, Scene

WORD = "gooseberry"
needs_sshd = pytest.mark.skipif(sftp.MISSING or os.geteuid() != 0,
                                reason="needs openssh-server and root")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("places")
    os.chmod(directory, 0o755)
    server = sftp.Sftp(directory / "sftp")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def scene(server):
    scene = Scene(server.directory.parent, backup_interval="90d", backup_try_interval="0s",
                  alert_interval="1s", **server.settings())
    wait_for("the first backup", lambda: scene.company.status()["backup.last_made"] != "never")
    yield scene
    scene.close()


@needs_sshd
def test_sftp(scene, server):
    company = scene.company
    scene.send(WORD)
    assert "backup of number 2" in company.postern("backup", "now")
    company.postern("backup", "verify")
    assert "fetched and right" in company.postern("backup", "try")
    names = [p.name for p in server.folder.iterdir()]
    assert all(re.fullmatch(r"[0-9a-f]{16}-[dmr]-[0-9a-f-]+", n) for n in names), names


@needs_sshd
def test_a_server_that_goes_away_and_comes_back(scene, server):
    company = scene.company
    server.stop()
    done = company.postern("backup", "now", check=False)
    assert done.returncode != 0
    server.start()
    company.postern("backup", "now")


@needs_sshd
def test_another_host_key_is_not_spoken_to(scene, server):
    company = scene.company
    company.set("backup-host-key", "SHA256:" + "A" * 43)
    company.stop()
    company.start()
    done = company.postern("backup", "now", check=False)
    assert done.returncode != 0 and "another host key" in done.stderr
    company.set("backup-host-key", server.host_key)
    company.stop()
    company.start()
    company.postern("backup", "now")


@needs_sshd
def test_an_empty_machine_needs_the_recovery_key_and_the_target(scene, server, tmp_path):
    """The process that speaks to the server is begun before there is a key, and gets none."""
    company = scene.company
    letter, sent = scene.send(WORD)
    company.postern("backup", "now")
    key = (company.directory / "recovery.key").read_text()
    os.chmod(tmp_path, 0o755)
    empty = Company(tmp_path / "empty")
    text = company.config.read_text().replace(str(company.data), str(empty.data))
    empty.config.write_text("".join(f"{line}\n" for line in text.splitlines()
                                    if not line.startswith("backup-")))
    means = ["--from", server.settings()["backup_target"], "--credentials", server.key,
             "--host-key", server.host_key, "--recovery-key-stdin"]
    said = empty.postern("restore", *means, input=key)
    assert "verified: " in said and (empty.data / "master.key").exists()
    said = empty.postern("restore", *means, "--letter", letter, "--output", tmp_path / "one.eml",
                         input=key)
    assert (tmp_path / "one.eml").read_bytes() == sent, said
    means[5] = "SHA256:" + "A" * 43
    done = empty.postern("restore", *means, "--letter", letter, "--output", tmp_path / "two.eml",
                         input=key, check=False)
    assert done.returncode != 0 and "another host key" in done.stderr


class Hostile(http.server.BaseHTTPRequestHandler):
    """An S3 server whose list never ends, or that says nothing."""
    entry = "<Contents><Key>a</Key></Contents>"
    page = entry * (7_500_000 // len(entry))
    silent = False
    tokens = itertools.count()

    def do_GET(self):
        if self.silent:
            self.server.asked.set()
            time.sleep(60)
        body = (f"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>"
                f"{next(self.tokens)}</NextContinuationToken>{self.page}</ListBucketResult>").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_hostile_store_holds_nobody(tmp_path):
    """What it lists is counted, whatever it is. The process that speaks to it has no terminal and nothing of what the
    command has open, and ends with it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.daemon_threads = True
    server.asked = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "credentials").write_text("access secret\n")
    (tmp_path / "postern.conf").touch()
    command = [str(BUILD / "postern"), "-c", str(tmp_path / "none.conf"), "restore", "--from",
               f"http://127.0.0.1:{server.server_port}/bucket", "--credentials",
               str(tmp_path / "credentials"), "--recovery-key-stdin", "--letter", "x"]
    key = "00000-00000-00000-00000-00000-0GVYM\n"
    done = subprocess.run(command, input=key, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "list of objects is too long" in done.stderr, done
    Hostile.silent = True
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as parent:
        parent.stdin.write(key)
        parent.stdin.close()
        assert server.asked.wait(20)
        child = int(subprocess.check_output(["pgrep", "-P", str(parent.pid)]))
        held = {int(n): os.readlink(f"/proc/{child}/fd/{n}") for n in os.listdir(f"/proc/{child}/fd")}
        assert all(held[n] == "/dev/null" for n in range(3)), held
        assert all("socket" in v or "anon" in v for n, v in held.items() if n > 2), held
        assert os.getsid(child) == child
        parent.kill()
    wait_for("the other process to end", lambda: not os.path.exists(f"/proc/{child}"))
    server.shutdown()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    directory = tmp_path_factory.mktemp("s3")
    os.chmod(directory, 0o755)
    gateway = s3.S3(directory / "ceph")
    yield gateway
    gateway.stop()


@pytest.mark.skipif(s3.MISSING or os.geteuid() != 0, reason="needs radosgw, ceph-mon, ceph-osd")
def test_s3_with_object_lock(gateway):
    """Stored, listed, fetched, tried, removed from a plain bucket; locked in another, where curl, the
    bucket's owner, cannot remove it."""
    gateway.bucket("plain")
    gateway.bucket("worm", lock=True)
    scene = Scene(gateway.directory.parent, backup_interval="90d", backup_try_interval="0s",
                  backup_keep="1s", alert_interval="1s", **gateway.settings("plain"))
    company = scene.company
    try:
        wait_for("the first backup", lambda: company.status()["backup.last_made"] != "never")
        scene.send(WORD)
        time.sleep(1.1)
        assert "backup of number 2" in company.postern("backup", "now")
        assert "fetched and right" in company.postern("backup", "try")
        keys = re.findall(r"<Key>([^<]*)</Key>", gateway.curl("GET", "plain?list-type=2"))
        assert sum("-m-" in k for k in keys) == 1, "the first backup was older than a second"
        assert all(k.startswith("postern/") for k in keys)
        key = (company.directory / "recovery.key").read_text()
        company.postern("restore", "--recovery-key-stdin", "--account", ALICE, "--output",
                        gateway.directory.parent / "letters", input=key)
        company.set("backup-target", gateway.settings("worm")["backup_target"])
        company.set("backup-lock", "1d")
        company.set("backup-keep", "1d")
        company.stop()
        company.start()
        company.postern("backup", "now")
        found = gateway.curl("GET", "worm?versions=")
        key, version = (re.search(rf"<{n}>([^<]*)</{n}>", found)[1] for n in ("Key", "VersionId"))
        refused = gateway.curl("DELETE", f"worm/{key}?versionId={version}")
        assert "AccessDenied" in refused
        shared = next(k for k in re.findall(r"<Key>([^<]*)</Key>", found) if "-r-" in k)

        data = [k for k in re.findall(r"<Key>([^<]*)</Key>", found) if "-d-" in k]

        def locked(key=shared):
            return re.search(r"<RetainUntilDate>([^<]*)", gateway.curl("GET", f"worm/{key}?retention="))[1]
        first, data_first = locked(), [locked(k) for k in data]
        time.sleep(1.1)
        company.postern("backup", "now")
        assert locked() > first, "what both backups need is locked for as long as the second"
        wait_for("the locks of what they share", lambda: any(
            locked(k) > at for k, at in zip(data, data_first, strict=True)))
        company.set("backup-lock", "1h")  # shorter: what is locked for longer is as good
        company.set("backup-keep", "1h")
        company.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: "config.reloaded" in company.log.read_text())
        before = locked()
        company.postern("backup", "now")
        versions = gateway.curl("GET", "worm?versions=")
        assert locked() == before and versions.count(f"<Key>{shared}</Key>") == 1
        company.set("backup-keep", "1s")
        company.set("backup-lock", "1s")
        company.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: company.log.read_text().count("config.reloaded") == 2)
        time.sleep(1.1)
        company.postern("backup", "now")  # removes nothing, for it is locked: no failure
        assert gateway.curl("GET", "worm?list-type=2").count("-m-") >= 3
        assert "fetched and right" in company.postern("backup", "try")
    finally:
        scene.close()
