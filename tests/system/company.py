"""A company with Postern, in one directory: certificates, configuration, the running daemon.

`./do up` and the system tests use the same class, so what a newcomer sees is what is tested. All
ports are free ones on loopback; only processes that were started here are ended here.
"""
import contextlib
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "receiver"))

from ca import CA  # noqa: E402

BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD", ROOT / "build")).resolve()
START_S = 30
READING = ("search", "show", "export")  # what an auditor does, with a reason
DENIED = 77
UNLIMITED = {f"{what}-per-{window}": "0B" if what == "bytes" else "0" for window in ("hour", "day")
             for what in ("letters", "recipients", "addresses", "first-time", "bytes")}
UNLIMITED["suspend-score"] = "0"
STOP_S = 30


# Ports that the system gives to no connection by itself: another test cannot be given one between the look and the use.
# Each worker of a parallel run has its own.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
PORTS = itertools.cycle(range(12000 + 2000 * (WORKER % 10), 14000 + 2000 * (WORKER % 10)))
for _ in range(os.getpid() % 2000):
    next(PORTS)


def free_port():
    """A TCP port of loopback that nobody listens at now."""
    for port in itertools.islice(PORTS, 2000):
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")


def patience():
    """How much longer than on a quiet machine things may take: by how many programs share a processor."""
    return min(max(os.getloadavg()[0] / (os.cpu_count() or 1), 1.0), 6.0)


def wait_for(what, condition, seconds=20.0, pause=0.05):
    """Wait until condition() is true and return its value; fail with `what` otherwise. The seconds are those of a quiet
    machine: a busy one gets more."""
    seconds *= patience()
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(pause)


def _running():
    """{pid: (name, parent)} of all processes that are no zombies."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
            state, parent = rest.split()[:2]
            if state not in "ZX":
                found[int(stat.parent.name)] = (name, int(parent))
    return found


def _is_alive(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    return False


class Company:
    """example.test and its gateway."""

    def __init__(self, directory, domain="example.test", hostname="mail.example.test"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.domain = domain
        self.hostname = hostname
        self.config = self.directory / "postern.conf"
        self.data = self.directory / "data"
        self.log = self.directory / "posternd.log"
        self.authority = CA(self.directory / "ca")
        self.process = None
        self.log_from = 0
        self.auditor = f"auditor@{domain}"
        self.officer = f"officer@{domain}"
        self.passwords = {name: "velvet hinge marmalade goose" for name in (self.auditor, self.officer)}
        self._ports()

    def _ports(self):
        """Those of the configuration when there is one, otherwise free ones."""
        text = self.config.read_text() if self.config.exists() else ""
        found = dict(re.findall(r"^listen-(submissions?) *= *\S*:(\d+)$", text, re.M))
        self.submissions = int(found.get("submissions", 0)) or free_port()
        self.submission = int(found.get("submission", 0)) or free_port()

    def create(self, settings=(), sections="", limits=False):
        """`postern init` as a script would call it, then the settings on top of it. Tests send more than a person may:
        limits are off unless they are asked for."""
        certificate, key = self.authority.issue(self.hostname)
        self.postern(
            "init", "--domain", self.domain, "--hostname", self.hostname,
            "--data-directory", self.data, "--tls-certificate", certificate, "--tls-key", key,
            "--listen-submissions", f"127.0.0.1:{self.submissions}",
            "--listen-submission", f"127.0.0.1:{self.submission}",
            "--recovery-key-out", self.directory / "recovery.key")
        self.set("trust-store", self.authority.certificate)
        for name, value in {**({} if limits else UNLIMITED), **dict(settings)}.items():
            self.set(name, value)
        if sections:
            with self.config.open("a") as file:
                file.write("\n" + sections)

    def set(self, name, value):
        """Give a setting of the first part of the file a value."""
        text = self.config.read_text()
        line = f"{name} = {value}"
        text, n = re.subn(rf"^{re.escape(name)} *=.*$", line.replace("\\", r"\\"), text,
                          count=1, flags=re.M)
        if n == 0:
            head, mark, rest = text.partition("\n[")
            text = head.rstrip("\n") + "\n" + line + "\n" + mark + rest
        self.config.write_text(text)

    def postern(self, *arguments, check=True, **options):
        """Run `postern` with this company's configuration; its output as text. Who reads letters is
        the auditor, who signs in again when that is over, as after each start."""
        verb, *rest = map(str, arguments)
        options.setdefault("text", True)
        if verb in READING and "--reason" not in rest:
            rest = ["--reason", "a test", *rest]
        done = self._run(verb, *rest, **options)
        if verb in READING and done.returncode == DENIED and self.sign_in().returncode == 0:
            done = self._run(verb, *rest, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"postern {verb} {' '.join(rest)}: {done.returncode}\n"
                               f"{done.stdout}{done.stderr}")
        return done if not check else done.stdout

    def _run(self, *arguments, **options):
        options.setdefault("env", {**os.environ,
                                   "POSTERN_SIGN_INS": str(self.directory / "sign-ins")})
        return subprocess.run([str(BUILD / "postern"), "-c", str(self.config), *arguments],
                              check=False, capture_output=True, **options)

    def sign_in(self, account=None):
        """Sign in at the command line, as the auditor unless it is said."""
        account = account or self.auditor
        return self._run("login", account, "--password-stdin", text=True,
                         input=self.passwords[account] + "\n")

    def second(self, said, account=None, verb="approve", reason="a test"):
        """Have another person, the officer unless it is said, approve what was asked for."""
        account = account or self.officer
        request = re.search(r"^request (\w+) waits", said, re.M)[1]
        options = {"text": True, "env": {**os.environ, "POSTERN_SIGN_INS": str(
            self.directory / f"sign-ins-{account}")}}
        self._run("login", account, "--password-stdin", input=self.passwords[account] + "\n",
                  **options)
        return self._run(verb, request, "--reason", reason, **options)

    def both(self, *arguments, **options):
        """Ask for what takes two persons and have it approved; what was said of it."""
        done = self.second(self.postern(*arguments, **options))
        if done.returncode != 0:
            raise RuntimeError(f"postern {arguments}, approved: {done.returncode}\n"
                               f"{done.stdout}{done.stderr}")
        return done.stdout

    def appoint(self):
        """Make accounts of the auditor, and then of the officer whose business auditors are from now on; once."""
        appointed = self.directory / "appointed"
        if not appointed.exists():
            for account, role in ((self.auditor, "auditor"), (self.officer, "officer")):
                self._run("user", "add", account, "--role", role, "--password-stdin", text=True,
                          input=self.passwords[account] + "\n")
            appointed.touch()

    def start(self, wrapper=()):
        """Start posternd and wait until it accepts letters."""
        self.log_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*map(str, wrapper), str(BUILD / "posternd"), "-c", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for("posternd to accept letters", self._is_up, START_S)
        except TimeoutError as late:
            self.stop()
            raise RuntimeError(f"posternd did not start:\n{self.log_tail()}") from late
        if not wrapper:
            self.appoint()

    def _is_up(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"posternd ended with {self.process.returncode}:\n"
                               f"{self.log_tail()}")
        return b" event=posternd.ready " in self.log.read_bytes()[self.log_from:]

    def log_tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self):
        """Stop in order; returns the exit status."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_S * patience())
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            status = None
        self.process = None
        return status

    def kill(self):
        """End everything at once, as a power cut would; returns when all of it is gone."""
        pids = [self.process.pid, *self.descendants()]
        for pid in pids:  # the supervisor first: it must not start anything again
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        wait_for("all processes to be gone", lambda: not any(map(_is_alive, pids)), STOP_S, 0.005)

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def processes(self):
        """{pid: role} of the daemon's children now."""
        return {pid: name for pid, (name, parent) in _running().items()
                if parent == self.process.pid}

    def descendants(self):
        """{pid: role} of its children and of theirs now."""
        running = _running()
        found = {self.process.pid: ""}
        while more := {pid: name for pid, (name, parent) in running.items()
                       if parent in found and pid not in found}:
            found.update(more)
        del found[self.process.pid]
        return found

    def add_user(self, name, password, *addresses):
        more = [a for address in addresses for a in ("--address", address)]
        self.postern("user", "add", name, "--password-stdin", *more, input=password + "\n")

    def context(self):
        """A TLS context of a client that trusts this company's authority."""
        return ssl.create_default_context(cafile=str(self.authority.certificate))

    def show(self, letter):
        return self.postern("show", letter)

    def status(self):
        """{name: value} of `postern status`."""
        pairs = (line.split(None, 1) for line in self.postern("status").splitlines())
        return {p[0].rstrip(":"): p[1].strip() for p in pairs if len(p) == 2}
