"""What a benchmark needs of the machine: processes in groups, their CPU time and memory, files.

A Group is a set of processes that were started here, with everything that they started. Its CPU
time comes from a cgroup of its own where one can be made (exact to the microsecond, whatever ends
or is born meanwhile), otherwise from /proc (ticks of 10 ms for each process, children that ended
counted once their parent waited for them).
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
TMPFS = {"tmpfs", "ramfs", "overlay"}


class Failure(Exception):
    """A sentence for the person who runs the benchmark."""


class Group:
    """Processes that are measured together and ended together."""

    def __init__(self, name):
        self.roots = []
        self.folder = self.usage = None
        for base, usage in (("/sys/fs/cgroup/cpuacct", "cpuacct.usage"),
                            ("/sys/fs/cgroup", "cpu.stat")):
            folder = pathlib.Path(base) / f"postern-bench-{os.getpid()}-{name}"
            try:
                folder.mkdir()
            except OSError:
                continue
            if (folder / usage).exists():
                self.folder, self.usage = folder, folder / usage
                break
            folder.rmdir()

    def start(self, command, **options):
        """Start a program in the group, in the foreground: it is the parent of all it starts."""
        procs = str(self.folder / "cgroup.procs") if self.folder else None

        def enter():
            if procs:
                with open(procs, "w", encoding="ascii") as file:
                    file.write(str(os.getpid()))
        process = subprocess.Popen([str(c) for c in command], preexec_fn=enter,
                                   stdin=subprocess.DEVNULL, **options)
        self.roots.append(process)
        return process

    def wrapper(self):
        """Words to put in front of a command that somebody else starts, so that it joins."""
        if not self.folder:
            return []
        return ["sh", "-c", f'echo $$ >{self.folder}/cgroup.procs; exec "$@"', "sh"]

    def adopt(self, process):
        """Count a process that somebody else has started (and ends)."""
        self.roots = [process]

    def pids(self):
        """Every process that is in the group now."""
        if self.folder:
            return [int(p) for p in (self.folder / "cgroup.procs").read_text().split()]
        children = {}
        for pid, fields in all_stats():
            children.setdefault(int(fields[1]), []).append(pid)
        found = [r.pid for r in self.roots if r.poll() is None]
        for pid in found:
            found.extend(children.get(pid, ()))
        return found

    def cpu_seconds(self):
        """CPU time of the group until now."""
        if self.usage and self.usage.name == "cpuacct.usage":
            return int(self.usage.read_text()) / 1e9
        if self.usage:
            return int(self.usage.read_text().split()[1]) / 1e6
        mine = set(self.pids())
        return sum(sum(int(x) for x in fields[11:15]) for pid, fields in all_stats()
                   if pid in mine) / TICK

    def memory_kib(self, what):
        """Sum of `what` of all processes: Pss counts what is shared once, Rss each time."""
        total = 0
        for pid in self.pids():
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue  # it ended, or is a zombie
            total += sum(int(line.split()[1]) for line in text.splitlines()
                         if line.startswith(what + ":"))
        return total

    def stop(self):
        """End what was started here, then what is left of it."""
        for process in reversed(self.roots):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.roots = []
        for _ in range(50 if self.folder else 0):
            left = self.pids()
            if not left:
                break
            time.sleep(0.1)
            for pid in left:
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
        if self.folder:
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not self.pids(), 10, "processes end")
            self.folder.rmdir()
            self.folder = self.usage = None


def all_stats():
    """(pid, fields of /proc/PID/stat from the state on) of every process."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                text = pathlib.Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            yield int(entry), text.rpartition(")")[2].split()


def free_port():
    """A TCP port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    """Does somebody listen there?"""
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition, seconds, what, every=0.02):
    """Ask again and again, until it is so."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"waited {seconds} s, and yet not: {what}")
        time.sleep(every)


def need(*programs):
    """All of these must be installed."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/postfix/sbin"
    missing = [p for p in programs if not shutil.which(p, path=path)]
    if missing:
        raise Failure("not installed: " + ", ".join(missing) + " (`./do bench` installs them)")


def need_disk(folder):
    """A benchmark of durability on a file system in memory says nothing."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], check=True, capture_output=True,
                          text=True).stdout.strip()
    if kind in TMPFS or kind.startswith("overlay"):
        raise Failure(f"{folder} is on {kind}; name a folder on a disk with --folder")
    return kind


def sync_rate(folder, seconds=1.0):
    """How many times a second can 4 KB be appended and made durable, one after the other?"""
    path = folder / "sync-rate"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        os.write(fd, bytes(4096))
        os.fdatasync(fd)
        n += 1
    os.close(fd)
    path.unlink()
    return n / seconds


def make_certificate(folder, name):
    """A self-signed P-256 certificate: NAME.pem and NAME.key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}", "-keyout", folder / f"{name}.key",
                    "-out", folder / f"{name}.pem"], check=True, capture_output=True)
    return folder / f"{name}.pem", folder / f"{name}.key"


def cores():
    """How many processors may be used."""
    return len(os.sched_getaffinity(0))


def processor():
    """Its name."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "processor"
