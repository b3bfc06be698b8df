"""What a power cut may leave of the files that a program wrote.

`record()` gives the strace command that notes every call of a program, and of all it starts, which changes
files, with the bytes; `Disk` reads the notes and makes, for any moment, the directories that a disk could
hold if the power went then:

  * What a sync that had returned covered is there. A sync covers what was written to that file before
    it was called; the name of a file belongs to its directory, and wants a sync of that.
  * Of all else any part is there, in any order: of each file some of the writes, whole or torn at
    sectors; of each directory the changes up to one of them, since no file system makes names in
    another order. A file may have its new length and zeros instead of its bytes.
  * What was called afterwards is not there.

That is more than any one file system does, and what POSIX allows.
"""
import filecmp
import os
import random
import re
import shutil

SECTOR = 512
CALLS = ("openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,syncfs,sync,"
         "sync_file_range,ftruncate,truncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,link,"
         "linkat,symlink,symlinkat,mkdir,mkdirat,rmdir,copy_file_range,sendfile,splice,sendmsg")
UNREAD = {"symlink", "symlinkat", "link", "linkat", "copy_file_range", "sendfile", "splice", "truncate",
          "pwritev2"}
BY_PATH = {"rename", "unlink", "mkdir", "rmdir"}
LEFT_OUT = ("-shm",)  # SQLite's shared memory, which it makes anew from the log


def record(output, *more):
    """A command that runs another one behind it, which keeps its process id."""
    return ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-y", "-v", "-xx", "-ttt", "-s", "999999999",
            "-e", "signal=none", "-e", f"trace={CALLS}", "-o", str(output), *more]


# ── the notes ──

LINE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$", re.S)
HEX = re.compile(r"(?:\\x[0-9a-f]{2})+")
PATH = r"(?:AT_FDCWD|\d+)<([^>]*)>(?:\(deleted\))?"
OPENED = re.compile(rf'^(?:open|openat|creat)\(.*?, ([A-Z_|0-9]+)(?:, \d+)?\) = \d+<([^>]*)>$')
BYTES = re.compile(r'(?:, |iov_base=)"([^"]*)"')


def plain(text):
    """A path or name as strace -xx writes it."""
    return HEX.sub(lambda m: os.fsdecode(bytes.fromhex(m[0].replace("\\x", ""))), text)


def octets(text):
    return bytes.fromhex(text.replace("\\x", ""))


class Call:
    """One call, from the line where it began to the one where it had returned."""

    def __init__(self, begun, ended, at, text):
        self.begun, self.ended, self.at = begun, ended, at
        self.name = text.partition("(")[0]
        self.text = text

    @property
    def result(self):
        return int(re.search(r"\) += (-?\d+)", self.text[self.text.rfind(") "):])[1])


def read_calls(*traces):
    """The calls of some traces in the order in which they returned. The lines of several go by time."""
    lines = []
    for n, trace in enumerate(traces):
        with open(trace, encoding="ascii", errors="replace") as file:
            for text in file:
                if match := LINE.match(text.rstrip("\n")):
                    lines.append((float(match[2]), n, match[1], match[3]))
    if len(traces) > 1:
        lines.sort(key=lambda line: line[0])
    begun, calls = {}, []
    for number, (at, n, thread, text) in enumerate(lines):
        if text.endswith("<unfinished ...>"):
            begun[n, thread] = number, text[:-len("<unfinished ...>")].rstrip()
        elif resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", text, re.S):
            if first := begun.pop((n, thread), None):
                calls.append(Call(first[0], number, at, first[1] + resumed[1]))
        elif "(" in text and not text.startswith(("+++", "---")):
            calls.append(Call(number, number, at, text))
    # Whoever died within a call may have made it.
    calls += [Call(first, len(lines), float("inf"), text + ") = ?") for first, text in begun.values()]
    return calls, len(lines)


# ── the model ──

class Change:
    """Of a file: (offset, bytes), or a length; of a directory: {name: file or None}."""

    def __init__(self, call, what):
        self.begun, self.ended, self.what = call.begun, call.ended, what


class Node:
    """A file or a directory: how it was, what was done to it, and when syncs covered what."""

    def __init__(self, base=None):
        self.base = base  # a path to copy from; of a directory {name: node}
        self.changes = []
        self.written = 0  # by write(), which is used from a file's start on
        self.syncs = []   # (begun, ended)

    def split(self, cut):
        """What is there for sure after a cut at that line, and what may be."""
        covered = max((begun for begun, ended in self.syncs if ended <= cut), default=-1)
        sure = [c for c in self.changes if c.ended < covered]
        maybe = [c for c in self.changes if c.ended >= covered and c.begun <= cut]
        return sure, maybe


class Folder(Node):
    pass


class Disk:
    """The directory `root`, as it was in the copy `base`, and what the traces say was done to it. Some
    processes have their root directory at `jail` below it."""

    def __init__(self, root, base, *traces, jail="data"):
        self.root, self.base, self.jail = str(root), str(base), jail
        self.needle = "".join(f"\\x{c:02x}" for c in os.fsencode(self.root))
        self.live = {}  # path below root: node
        self._read_base()
        self.calls, self.end = read_calls(*traces)
        self.moments = []  # lines after which something may be different
        self.times = [(c.at, c.ended) for c in self.calls]
        for call in sorted(self.calls, key=lambda c: c.begun):
            self._apply(call)
        self.moments = sorted(set(self.moments))

    def _read_base(self):
        for folder, folders, files in os.walk(self.base):
            path = os.path.relpath(folder, self.base)
            path = "" if path == "." else path
            node = self.live.setdefault(path, Folder({}))
            for name in folders:
                node.base[name] = self.live[os.path.join(path, name)] = Folder({})
            for name in files:
                if os.path.isfile(os.path.join(folder, name)) and not name.endswith(LEFT_OUT):
                    node.base[name] = self.live[os.path.join(path, name)] = Node(
                        os.path.join(folder, name))

    def _below(self, path):
        """A path below the root, or None."""
        if path == self.root:
            return ""
        inside = path.startswith(self.root + "/") and not path.endswith(LEFT_OUT)
        return path[len(self.root) + 1:] if inside else None

    def _below_jail(self, path):
        """The same for a path alone, which may count from a process's own root directory."""
        inside = self._below(path)
        jailed = f"{self.jail}{path}"
        return inside if inside is not None else jailed if jailed in self.live else None

    def _paths(self, call):
        """The paths that a call names: descriptors, and names behind one."""
        head = call.text[len(call.name) + 1:call.text.rfind(") ")]
        if call.name in BY_PATH:
            return [self._below_jail(plain(name)) for name in re.findall(r'"([^"]*)"', head)]
        found = []
        for match in re.finditer(rf'{PATH}(?:, "([^"]*)")?', head):
            directory, name = plain(match[1]), match[2]
            found.append(os.path.normpath(os.path.join(directory, plain(name)))
                         if name is not None and call.name.endswith(("at", "at2")) else directory)
        return [self._below(path) for path in found]

    def _change(self, node, call, what):
        node.changes.append(Change(call, what))
        self.moments += [call.begun, call.ended]

    def _name(self, path, node, call):
        """`path` leads to that node from now on, or to none."""
        folder, name = os.path.split(path)
        self._change(self.live[folder], call, {name: node})
        if node is None:
            self.live.pop(path, None)
        else:
            self.live[path] = node

    def _apply(self, call):
        if (call.name == "sendmsg" or "= -1 " in call.text or "(INJECTED)" in call.text or
                ">(deleted)" in call.text or
                (call.name not in BY_PATH and self.needle not in call.text)):
            return
        if call.name in ("open", "openat", "creat"):
            self._opened(call)
            return
        paths = [p for p in self._paths(call) if p is not None]
        if not paths:
            return
        if call.name in UNREAD:
            raise NotImplementedError(call.text[:200])
        getattr(self, "_" + {"pwrite64": "write", "writev": "append", "pwritev": "write",
                             "write": "append", "fdatasync": "fsync",
                             "renameat": "rename", "renameat2": "rename", "unlinkat": "unlink",
                             "rmdir": "unlink", "mkdirat": "mkdir"}.get(call.name, call.name))(
                                 call, *paths)

    def _opened(self, call):
        match = OPENED.match(call.text)
        path = self._below(plain(match[2])) if match else None
        if path is None or "O_DIRECTORY" in match[1] or "O_PATH" in match[1]:
            return
        if path not in self.live and "O_CREAT" in match[1]:
            self._name(path, Node(), call)
        if path in self.live:
            self.live[path].written = 0
        if "O_TRUNC" in match[1] and path in self.live:
            self._change(self.live[path], call, 0)

    def _write(self, call, path):
        if path not in self.live:
            return  # a file without a name
        data = b"".join(octets(text) for text in BYTES.findall(call.text[:call.text.rfind(") ")]))
        done = len(data) if call.text.endswith("= ?") else call.result
        offset = int(re.search(r", (\d+)\) += ", call.text[-80:])[1])
        self._change(self.live[path], call, (offset, data[:done]))

    def _append(self, call, path):
        node = self.live.get(path)
        if node is None:
            return
        data = b"".join(octets(text) for text in BYTES.findall(call.text))
        done = len(data) if call.text.endswith("= ?") else call.result
        self._change(node, call, (node.written, data[:done]))
        node.written += done

    def _ftruncate(self, call, path):
        if path in self.live:
            self._change(self.live[path], call, int(re.search(r", (\d+)\)", call.text)[1]))

    def _fallocate(self, call, path):
        flags, offset, length = re.search(r", (\w+), (\d+), (\d+)\)", call.text).groups()
        if path in self.live and flags == "0":
            self._change(self.live[path], call, (int(offset) + int(length), b""))

    def _fsync(self, call, path):
        if path in self.live and call.text.endswith("= 0"):
            self.live[path].syncs.append((call.begun, call.ended))
            self.moments.append(call.ended)

    def _sync_file_range(self, call, path):
        """Promises nothing."""

    def _unlink(self, call, path):
        self._name(path, None, call)

    def _mkdir(self, call, path):
        self._name(path, Folder({}), call)

    def _rename(self, call, old, new):
        assert os.path.dirname(old) == os.path.dirname(new), call.text
        node = self.live.pop(old)
        self._change(self.live[os.path.dirname(new)], call,
                     {os.path.basename(old): None, os.path.basename(new): node})
        self.live[new] = node

    # ── moments ──

    def line_at(self, seconds):
        """The last line of a call that had returned at that time of the wall clock."""
        return max((ended for at, ended in self.times if at <= seconds), default=-1)

    def line_of_message(self, octets_in_it):
        """The line where the first message left that holds these octets."""
        wanted = "".join(f"\\x{c:02x}" for c in octets_in_it)
        return min((c.begun for c in self.calls if c.name == "sendmsg" and wanted in c.text),
                   default=None)

    # ── what a cut leaves ──

    def differences(self, target):
        """Files that are not the same below `target` and in the directory as it is now."""
        def files(top):
            return {os.path.relpath(os.path.join(folder, name), top)
                    for folder, _, names in os.walk(top) for name in names
                    if os.path.isfile(os.path.join(folder, name)) and not name.endswith(LEFT_OUT)}
        here, there = files(self.root), files(target)
        return here ^ there | {name for name in here & there if not filecmp.cmp(
            os.path.join(self.root, name), os.path.join(target, name), shallow=False)}

    def leave(self, target, cut, policy):
        """Make in `target` what the disk holds when the power goes at that line."""
        self._leave_folder(self.live[""], str(target), cut, policy)
        self._leave_owners(str(target))

    def _leave_owners(self, target):
        """Owners and modes, which the notes do not have, are those that the directory has now."""
        for folder, folders, files in os.walk(target):
            for name in [*folders, *files]:
                path = os.path.join(folder, name)
                now = os.path.join(self.root, os.path.relpath(path, target))
                like = os.stat(now if os.path.exists(now) else os.path.dirname(now))
                os.chown(path, like.st_uid, like.st_gid)
                if os.path.exists(now):
                    os.chmod(path, like.st_mode & 0o7777)

    def _leave_folder(self, node, target, cut, policy):
        os.makedirs(target, exist_ok=True)
        sure, maybe = node.split(cut)
        names = dict(node.base)
        for change in sure + policy.names(maybe):
            names.update(change.what)
        for name, child in names.items():
            path = os.path.join(target, name)
            if isinstance(child, Folder):
                self._leave_folder(child, path, cut, policy)
            elif child is not None:
                self._leave_file(child, path, cut, policy)

    @staticmethod
    def _leave_file(node, path, cut, policy):
        if node.base:
            shutil.copyfile(node.base, path)
        sure, maybe = node.split(cut)
        with open(path, "r+b" if node.base else "w+b") as file:
            for change in sure + policy.writes(maybe):
                if isinstance(change.what, int):
                    file.truncate(change.what)
                    continue
                offset, data = change.what
                size = file.seek(0, os.SEEK_END)
                if offset + len(data) > size and not data:
                    file.truncate(offset)
                file.seek(offset)
                file.write(data)


# ── which of what may be there is there ──

class Least:
    """Nothing but what a sync covered."""
    name = "least"

    def names(self, changes):
        return []

    def writes(self, changes):
        return []


class Most(Least):
    """Everything: as after SIGKILL for all processes."""
    name = "most"

    def names(self, changes):
        return changes

    def writes(self, changes):
        return changes


class Names(Least):
    """Every name, and no bytes."""
    name = "names"

    def names(self, changes):
        return changes


class Bytes(Least):
    """All bytes of the files whose names are there."""
    name = "bytes"

    def writes(self, changes):
        return changes


class Some(Least):
    """A part that the seed decides."""

    def __init__(self, seed):
        self.name = f"some {seed}"
        self.random = random.Random(seed)

    def names(self, changes):
        return changes[:self.random.randint(0, len(changes))]

    def writes(self, changes):
        kept, cut_to = [], None
        share = self.random.choice([0.1, 0.5, 0.9])
        for change in changes:
            if isinstance(change.what, int):
                if cut_to is None and self.random.random() < share:
                    kept.append(change)
                else:  # what follows beyond this length needs it
                    cut_to = change.what if cut_to is None else min(cut_to, change.what)
                continue
            offset, data = change.what
            if cut_to is not None and offset + len(data) > cut_to:
                continue
            kept += self._torn(change, offset, data, share)
        return kept

    def _torn(self, change, offset, data, share):
        dice = self.random.random()
        if dice < share * 0.7:
            return [change]
        if dice < share and data:  # some of its sectors
            first = SECTOR - offset % SECTOR
            bounds = [0, *range(first, len(data), SECTOR), len(data)]
            return [Change(change, (offset + a, data[a:b])) for a, b in zip(bounds, bounds[1:])
                    if self.random.random() < 0.5]
        if self.random.random() < 0.5:  # its length, and no bytes
            return [Change(change, (offset + len(data), b""))]
        return []


def spread(moments, n):
    """n of the moments, from first to last."""
    if n >= len(moments):
        return list(moments)
    return [moments[i * (len(moments) - 1) // max(1, n - 1)] for i in range(n)]
