"""What each process cannot do, tried from inside, and what can be seen of its walls from outside.

The tests of deeds run the daemon with its own supervisor, table of roles and walls, in which every
duty is replaced by somebody who took the process over (tests/walls). The others look at the real
daemon in /proc. All of it needs root, because the roles become users of their own.
"""
import collections
import contextlib
import errno
import hashlib
import os
import pathlib
import re
import resource
import signal
import socket
import ssl
import stat
import subprocess
import tempfile

import pytest

from company import BUILD, CA, free_port, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the roles' own users need root")

ROLES = ["keeper", "signer", "auth", "inspector", "reader", "backup", "intake", "delivery", "courier", "pull",
         "directory", "journal", "connector", "submission", "scanner"]
PROCESSES = len(ROLES) + 1  # two inspectors
UID_BASE = 61300
AREAS = ["ledger", "record-keys", "catalog", "state", "keys", "trial", "passwords"]

# What a role may read and write of what was planted; everything else it may not even open.
READS = {"keeper": {"ledger", "record-keys", "catalog", "state"}, "signer": {"keys"},
         "reader": {"ledger", "record-keys", "catalog"}, "backup": {"trial"}, "auth": {"passwords"}}
WRITES = {"keeper": {"ledger", "record-keys", "catalog", "state"}, "signer": {"keys"},
          "backup": {"trial"}}

# Deeds that are part of a role's duty.
DUTIES = {"inspector": {("fork", "itself")}, "delivery": {("socket", "tcp")},
          "courier": {("socket", "tcp")}, "pull": {("socket", "tcp")},
          "directory": {("socket", "tcp")}}
DEADLY = ["exec", "ptrace", "vm-read", "pidfd", "connect", "socket", "listen", "namespace", "root",
          "chroot", "io-uring", "bpf"]
DEADLY_DUTIES = {(role, name) for role in ("delivery", "courier", "pull", "directory")
                 for name in ("connect", "socket")}

# With a sanitizer the groups of calls are the same, but what it needs is allowed or only refused.
SANITIZERS = {b"ASAN_OPTIONS", b"TSAN_OPTIONS", b"UBSAN_OPTIONS"} if "san" in BUILD.name else set()
as_shipped = pytest.mark.skipif(bool(SANITIZERS), reason="a sanitizer needs more than the walls allow")


class Daemon:
    """A data directory, a configuration, and a program that is run with it."""

    def __init__(self, directory, program, planted=False, **settings):
        self.directory = directory
        self.directory.mkdir()
        self.directory.chmod(0o755)
        self.data = directory / "data"
        self.data.mkdir()
        self.program = BUILD / program
        self.log = directory / "log"
        self.port = free_port()
        key = os.urandom(32)
        check = hashlib.sha256(b"postern master key check" + key).digest()[:8]
        self.plant("master.key", f"postern-master-key 1 {key.hex()} {check.hex()}\n", 0o600)
        for name in AREAS if planted else ():
            self.plant(f"{name}/planted-{name}", "planted", 0o644 if name == "passwords" else 0o640)
        if planted:  # what only landlock holds back
            self.plant("planted-open", "planted", 0o666)
            self.plant("open/planted", "planted", 0o666)
            (self.data / "open").chmod(0o777)
        certificate, key = CA(directory / "ca").issue("mail.example.test")
        self.settings = {
            "domain": "example.test", "hostname": "mail.example.test", "data-directory": self.data,
            "listen-submissions": f"127.0.0.1:{self.port}",
            "listen-submission": f"127.0.0.1:{free_port()}",
            "tls-certificate": certificate, "tls-key": key, "restart-delay": "100ms",
            "restart-delay-limit": "1s", "uid-base": UID_BASE,
            **{k.replace("_", "-"): v for k, v in settings.items()}}
        self.write_config()
        self.process = None

    def plant(self, name, text, mode):
        path = self.data / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def write_config(self):
        path = self.directory / "postern.conf"
        path.write_text("".join(f"{k} = {v}\n" for k, v in self.settings.items()))
        path.chmod(0o600)

    def start(self):
        config = self.directory / "postern.conf"
        with self.log.open("ab") as log, config.open("rb") as left_open:
            self.process = subprocess.Popen(
                [self.program, "-c", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, pass_fds=[left_open.fileno()])
        wait_for("all processes", lambda: self.lines("posternd.ready")
                 or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.log.read_text()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()  # its children follow it
                self.process.wait()

    def lines(self, event, process=None):
        """The fields of each log line of that event, about that process."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            fields = {m[1]: m[2].strip('"') for m in re.finditer(r'(\w+)=("[^"]*"|\S*)', line)}
            if fields.get("event") == event and process in (None, fields.get("process")):
                found.append(fields)
        return found

    def children(self):
        """{pid: role}"""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                name, rest = path.read_text().split("(", 1)[1].rsplit(")", 1)
                if int(rest.split()[1]) == self.process.pid:
                    found[int(path.parent.name)] = name
        return found


@contextlib.contextmanager
def running(directory, program, **settings):
    daemon = Daemon(directory, program, **settings)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="module")
def directory():
    with tempfile.TemporaryDirectory(prefix="postern-walls-") as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path


# ── deeds, from inside ──

def is_bound(sock, name):
    """Bind it, unless the name is taken just now."""
    try:
        sock.bind(name)
    except OSError as e:
        if e.errno != errno.EADDRINUSE:
            raise
        return False
    return True


@pytest.fixture(scope="module")
def taken_over(directory):
    daemon = Daemon(directory / "taken-over", "taken_over", planted=True)
    (daemon.data / "run").mkdir(mode=0o755)
    with contextlib.ExitStack() as stack:  # sockets that anybody may send to
        stack.callback(daemon.stop)
        for name in (str(daemon.data / "run" / "planted.sock"), "\0postern-walls"):
            planted = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            # The abstract name is the machine's: another run of these tests may have it.
            wait_for(f"the name {name!r}", lambda: is_bound(planted, name), 120)
        (daemon.data / "run" / "planted.sock").chmod(0o777)
        daemon.start()
        wait_for("every deed", lambda: sum(d["deed"] == "end" for d in daemon.lines("deed"))
                 >= PROCESSES, 60)
        yield daemon


def deeds_of(daemon, role):
    found = [((d["deed"], d["object"]), int(d["result"])) for d in daemon.lines("deed")
             if d["role"] == role and d["object"] != "deadly"]
    assert (("end", ""), 125) in found, f"{role} did not come to the end"
    return found


@pytest.mark.parametrize("role", ROLES)
def test_files(taken_over, role):
    """It opens what its row in the table of roles names, and nothing else, by whatever way."""
    possible = {"read": set(), "change": set(), "make": set(), "mode": set()}
    deeds = deeds_of(taken_over, role)
    for (deed, thing), result in deeds:
        if result == 0 and deed in possible:
            possible[deed].add(thing)
    assert {("read", "master.key"), ("read", "/etc/passwd"), ("change", "planted-open"),
            ("make", "open")} <= {what for what, _ in deeds}
    assert possible == {
        "read": {f"{a}/planted-{a}" for a in READS.get(role, ())},
        "change": {f"{a}/planted-{a}" for a in WRITES.get(role, ())},
        "make": WRITES.get(role, set()),
        "mode": set()}


@as_shipped
@pytest.mark.parametrize("role", ROLES)
def test_deeds_that_are_refused(taken_over, role):
    """No copy of itself, no signal, no other's limits, no code, no sockets, no way to be seen."""
    others = [(what, result) for what, result in deeds_of(taken_over, role)
              if what[0] not in ("read", "change", "make", "end")]
    assert len(others) >= 18
    assert {what for what, result in others if result == 0} == DUTIES.get(role, set())


@as_shipped
def test_deeds_that_end_the_process(taken_over):
    """Each is the end of the process, and the supervisor says of what."""
    for name in DEADLY:
        before = len(taken_over.lines("process.ended"))
        expected = PROCESSES - sum(d == name for _, d in DEADLY_DUTIES)
        taken_over.settings["hostname"] = f"{name}.walls.test"
        taken_over.write_config()
        taken_over.process.send_signal(signal.SIGHUP)
        wait_for(f"the end by {name}", lambda n=before + expected: len(
            taken_over.lines("process.ended")) >= n, 30)
        ends = taken_over.lines("process.ended")[before:]
        assert {(e["process"], e["how"]) for e in ends} == {
            (role, "killed by SIGSYS (a forbidden system call)")
            for role in ROLES if (role, name) not in DEADLY_DUTIES}, name
        wait_for("the restart", lambda: all_at_work(taken_over), 30)
    assert {(d["role"], d["deed"]) for d in taken_over.lines("deed")
            if d["object"] == "deadly"} == DEADLY_DUTIES


def all_at_work(daemon):
    """Has every process that was started said that it is at work?"""
    started, ready = daemon.lines("process.started"), daemon.lines("process.ready")
    return (len(daemon.children()) == PROCESSES
            and {s["pid"] for s in started} == {r["pid"] for r in ready})


# ── the real daemon, from outside ──

@pytest.fixture(scope="module")
def daemon(directory):
    with running(directory / "real", "posternd") as real:
        yield real


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def limits_of(pid):
    """{name: (soft, hard)}"""
    text = pathlib.Path(f"/proc/{pid}/limits").read_text()
    return {m[1]: (m[2], m[3])
            for m in re.finditer(r"^(Max [a-z ]+?) {2,}(\S+) +(\S+)", text, re.M)}


def test_every_process_is_locked_in(daemon):
    uids = collections.defaultdict(set)
    for pid, role in daemon.children().items():
        status = status_of(pid)
        uid = set(status["Uid"].split())
        assert len(uid) == 1 and uid == set(status["Gid"].split()), role
        uids[role] |= uid
        assert status["Groups"].strip() == "", role
        assert status["NoNewPrivs"] == "1", role
        assert status["Seccomp"] == "2", role
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == 0, (role, kind)
    assert sorted(uids) == sorted(ROLES)
    assert all(len(u) == 1 for u in uids.values())
    everybody = set.union(*uids.values())
    assert len(everybody) == len(ROLES), "two roles are one user"
    assert "0" not in everybody


@as_shipped
def test_limits(daemon):
    for pid, role in daemon.children().items():
        limits = limits_of(pid)
        assert limits["Max core file size"] == ("0", "0"), role
        most = min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        assert limits["Max open files"] == (str(most), str(most)), role
        assert limits["Max processes"][1] != "unlimited", role
        if role == "inspector":
            assert int(limits["Max address space"][1]) <= 1 << 30


def test_a_process_sees_its_directories_only(daemon):
    """Root directory, open descriptors and environment of each."""
    for pid, role in daemon.children().items():
        own = {str(daemon.data / area) for area in READS.get(role, ())}
        root = os.readlink(f"/proc/{pid}/root")
        assert root == str(daemon.data if own else daemon.data / "run" / "empty"), role
        directories = set()
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                target, mode = os.readlink(fd), fd.stat().st_mode
                if stat.S_ISDIR(mode):
                    directories.add(target)
                elif stat.S_ISREG(mode) and not target.startswith("/memfd:"):
                    assert str(pathlib.Path(target).parent) in own, (role, target)
        assert directories <= own, role
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert {e.split(b"=")[0] for e in environment if e} <= {
            b"LC_ALL", b"TZ", b"JOURNAL_STREAM", *SANITIZERS}, role


def test_the_supervisor_keeps_few_privileges(daemon):
    """It starts and ends processes: it keeps no connection, no raw devices, nobody's memory."""
    pid = daemon.process.pid
    status = status_of(pid)
    # CHOWN DAC_READ_SEARCH FOWNER KILL SETGID SETUID SETPCAP SYS_CHROOT SYS_NICE SYS_RESOURCE
    allowed = sum(1 << c for c in (0, 2, 3, 5, 6, 7, 8, 18, 23, 24))
    for kind in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[kind], 16) & ~allowed == 0, kind
    assert int(status["CapInh"], 16) == 0
    assert limits_of(pid)["Max core file size"] == ("0", "0")
    with Session(daemon):
        inodes = set()
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                inodes.add(os.readlink(fd))
        table = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        held = [row.split()[3] for row in table if f"socket:[{row.split()[9]}]" in inodes]
    assert held and set(held) == {"0A"}, "it holds more than sockets that listen"


def test_the_data_directory_belongs_to_the_roles(daemon):
    uid = {role: UID_BASE + i for i, role in enumerate(ROLES)}
    expected = {"ledger": ("keeper", "reader", 0o2750),
                "record-keys": ("keeper", "reader", 0o2750),
                "catalog": ("keeper", "reader", 0o2750),
                "state": ("keeper", "keeper", 0o700), "keys": ("signer", "signer", 0o700),
                "passwords": (None, "auth", 0o2750)}  # root's command line writes it
    for name, (owner, group, mode) in expected.items():
        about = (daemon.data / name).stat()
        assert (about.st_uid, about.st_gid) == (uid.get(owner, 0), uid[group]), name
        assert stat.S_IMODE(about.st_mode) == mode, name
    assert stat.S_IMODE((daemon.data / "master.key").stat().st_mode) == 0o600
    keys = list((daemon.data / "keys").iterdir())
    assert keys, "the signer made no checkpoint key"
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys)


# ── deaths ──

class Session:
    """A client of the submission port that stays."""

    def __init__(self, daemon):
        context = ssl.create_default_context(cafile=daemon.directory / "ca" / "ca.pem")
        plain = socket.create_connection(("127.0.0.1", daemon.port), 30)
        self.socket = context.wrap_socket(plain, server_hostname="mail.example.test")
        self.file = self.socket.makefile("rb")
        assert self.answer().startswith(b"220")
        assert self.ask(b"EHLO client.example.test").startswith(b"250")

    def answer(self):
        line = self.file.readline()
        while line[3:4] == b"-":
            line = self.file.readline()
        return line

    def ask(self, command):
        self.socket.sendall(command + b"\r\n")
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.file.close()
        self.socket.close()


@pytest.mark.parametrize("role", [r for r in ROLES if r != "submission"])
def test_a_killed_process_comes_back_and_sessions_go_on(daemon, role):
    with Session(daemon) as session:
        before = daemon.children()
        victim = next(pid for pid, name in before.items() if name == role)
        ready = len(daemon.lines("process.ready", role))
        os.kill(victim, signal.SIGKILL)
        assert session.ask(b"NOOP").startswith(b"250")
        wait_for(f"{role} to come back", lambda: len(daemon.lines("process.ready", role)) > ready,
                 30)
        after = daemon.children()
        assert collections.Counter(after.values()) == collections.Counter(before.values())
        assert set(before) - set(after) == {victim}, "somebody else was restarted"
        assert session.ask(b"NOOP").startswith(b"250")
    with Session(daemon) as another:  # the signer signs its handshake
        assert another.ask(b"NOOP").startswith(b"250")


def test_who_dies_again_and_again_waits_longer_each_time(directory):
    with running(directory / "looping", "posternd", restart_delay="200ms",
                 restart_delay_limit="3s") as looping:
        pauses = []
        for _ in range(5):
            starts = looping.lines("process.started", "auth")
            os.kill(int(starts[-1]["pid"]), signal.SIGKILL)
            wait_for("the restart", lambda n=len(starts): len(
                looping.lines("process.ready", "auth")) > n, 30)
            pauses.append(moment(looping.lines("process.started", "auth")[-1])
                          - moment(looping.lines("process.ended", "auth")[-1]))
        for pause, least in zip(pauses, (0.2, 0.4, 0.8, 1.6, 3.0)):
            assert pause >= least * 0.95, pauses
        assert [a["alert"] for a in looping.lines("alert")].count("restart-loop") == 1
        with Session(looping) as session:
            assert session.ask(b"NOOP").startswith(b"250")


def moment(fields):
    hours, minutes, seconds = re.search(r"T(\d+):(\d+):([\d.]+)Z", fields["time"]).groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
