"""A real S3 server with Object Lock on loopback: Ceph's, with one monitor, one store in memory, one gateway."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import urllib.request
import uuid

from company import free_port, wait_for

MISSING = not all(map(shutil.which, ("radosgw", "ceph-mon", "ceph-osd", "radosgw-admin", "curl")))
ACCESS, SECRET = "AKTEST", "SKTEST1234567890"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

CONFIG = """[global]
fsid = {fsid}
mon_initial_members = a
mon_host = [v2:127.0.0.1:{monitor}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
public_network = 127.0.0.0/8
ms_bind_msgr1 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_supported = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
run_dir = {d}/run
admin_socket = {d}/run/$name.asok
pid_file = {d}/run/$name.pid
log_file = {d}/log/$name.log
crash_dir = {d}/crash
keyring = {d}/keyring
mon_data = {d}/mon/a
osd_data = {d}/osd/0
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_memory_target = 939524096
mon_data_avail_crit = 1
mon_data_avail_warn = 2
mon_osd_full_ratio = .97
mon_osd_backfillfull_ratio = .96
mon_osd_nearfull_ratio = .95
auth_allow_insecure_global_id_reclaim = false
mgr_initial_modules =
mon_mgr_inactive_grace = 1000
[client.rgw.a]
ms_mon_client_mode = crc
auth_client_required = none
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_thread_pool_size = 8
rgw_data = {d}/rgw
rgw_run_sync_thread = false
"""


class S3:
    def __init__(self, directory):
        self.directory = d = pathlib.Path(directory)
        for name in ("mon", "osd/0", "rgw", "run", "log"):
            (d / name).mkdir(parents=True)
        self.port = free_port()
        fsid = str(uuid.uuid4())
        (d / "ceph.conf").write_text(
            CONFIG.format(d=d, fsid=fsid, monitor=free_port(), port=self.port))
        monitor = next(line for line in (d / "ceph.conf").read_text().splitlines()
                       if line.startswith("mon_host")).split("= ")[1]
        self._run("ceph-authtool", "--create-keyring", d / "keyring", "--gen-key", "-n", "mon.",
                  "--cap", "mon", "allow *")
        self._run("ceph-authtool", d / "keyring", "--gen-key", "-n", "client.admin", "--cap", "mon",
                  "allow *", "--cap", "osd", "allow *")
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", monitor, d / "monmap")
        self._ceph("ceph-mon", "--mkfs", "-i", "a", "--monmap", d / "monmap", "--keyring",
                   d / "keyring")
        self._ceph("ceph-mon", "-i", "a")
        osd = str(uuid.uuid4())
        self._ceph("ceph", "osd", "new", osd)
        self._ceph("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._ceph("ceph-osd", "-i", "0")
        self._ceph("radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
                   f"--access-key={ACCESS}", f"--secret-key={SECRET}", "-n", "client.rgw.a")
        self._ceph("radosgw", "-n", "client.rgw.a")
        wait_for("the S3 server", self._answers, 30)
        self.credentials = d / "credentials"
        self.credentials.write_text(f"{ACCESS} {SECRET}\n")

    def _run(self, *arguments):
        subprocess.run(list(map(str, arguments)), check=True, capture_output=True,
                       stdin=subprocess.DEVNULL, timeout=60)

    def _ceph(self, program, *arguments):
        self._run(program, "-c", self.directory / "ceph.conf", *arguments)

    def _answers(self):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5).read()
            return True
        return False

    def curl(self, method, path, *more):
        """What curl, which signs by itself, gets."""
        return subprocess.run(
            ["curl", "-s", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{ACCESS}:{SECRET}",
             "-H", f"x-amz-content-sha256: {EMPTY}", "-X", method, *more,
             f"http://127.0.0.1:{self.port}/{path}"], capture_output=True, check=True, text=True).stdout

    def bucket(self, name, lock=False):
        self.curl("PUT", name, *(["-H", "x-amz-bucket-object-lock-enabled: true"] if lock else []))

    def settings(self, bucket):
        return {"backup_target": f"http://127.0.0.1:{self.port}/{bucket}/postern",
                "backup_credentials": self.credentials}

    def stop(self):
        for path in (self.directory / "run").glob("*.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(path.read_text()), signal.SIGKILL)
