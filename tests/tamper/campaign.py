#!/usr/bin/env python3
"""Change stored ledgers at random, and demand that both verifiers say so and name the place.

    tests/tamper/campaign.py [--edits N] [--seed S] [--build DIR]

Each edit is made to a whole ledger, shown to `postern-verify` (files, public key, checkpoints) and to
ledger_verify() (what `postern ledger verify` asks, with the secret key), and taken back. It is found when
the verdict is "something is wrong", and named when a finding tells of the segment and of the batch, the
record in a pack, that was changed first. Between the edits the ledger as it was must give no finding.

What no verifier can see is left out: bytes that belong to no committed record (behind the last commit, or
what a failed write left), and records that no checkpoint covers. Where a refused batch stands behind a segment
because it could not be cut off, only the successor's start tells that it does not count; without that start the
refused records are counted, and the place is so many records further on (docs/ledger-format.md section 8).
"""
import argparse
import collections
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = ("plain", "crashed", "failed", "packed", "erased")
HEAD, RECORD, PACK_ROW, PACK_ENTRY, DATA_HEAD = 512, 144, 48, 72, 64
START, COMMIT = 1, 2
OBJECTS = 65535  # the class of a pack's row for its file of objects
FINDING = re.compile(r"^segment (\d+), byte \d+, records? (\d+)(?: to (\d+))?: ", re.M)

# Bytes of a file that belong to records first to last of a segment: where a change of them must be named.
Span = collections.namedtuple("Span", "start end segment first last kind")


def number(data, at, size):
    return int.from_bytes(data[at:at + size], "big")


def months(data, count):
    for i in range(count):
        row = HEAD + i * PACK_ROW
        yield number(data, row, 2), number(data, row + 4, 4)


class Ledger:
    """The files of a ledger, and which bytes belong to which records."""

    def __init__(self, folder):
        self.folder = folder
        self.at = folder / "ledger"
        self.files = {p.name: p.read_bytes() for p in sorted(self.at.iterdir())}
        notes = (folder / "checkpoints").read_text().strip().split("\n\n")
        self.size = max(int(note.split("\n")[1]) for note in notes[0::2])
        self.spans = {name: [] for name in self.files}
        self.segments = {}  # number: (first, last) record
        self.refused = 0    # records that stand behind the segment before, and do not count
        names = sorted(n for n in self.files if n.endswith((".seg", ".pack")))
        lengths = [self.start_length(n) for n in names[1:]] + [None]
        for name, length in zip(names, lengths):
            if name.endswith(".seg"):
                self.read_segment(name, length)
            else:
                self.read_pack(name)
        self.edges = {name: [s.start for s in spans if s.kind == "record"]
                      for name, spans in self.spans.items()}

    def clear_body(self, name):
        """The payload of the first record: the start."""
        data = self.files[name]
        if name.endswith(".seg"):
            return data[HEAD + RECORD:HEAD + RECORD + number(data, HEAD + 16, 4)]
        entry = HEAD + number(data, 68, 4) * PACK_ROW
        at = number(data, entry + 18, 6)
        return data[at:at + number(data, entry + 4, 4)]

    def start_length(self, name):
        """The predecessor's length: member 7, behind 5 (peaks) and 6."""
        body = self.clear_body(name)
        at = body.index(b"\x58\x20") + 34  # behind the root
        while body[at] != 7:
            kind, size = body[at + 1] >> 5, body[at + 1] & 31
            extra = {24: 1, 25: 2, 26: 4}.get(size, 0)
            value = number(body, at + 2, extra) if extra else size
            at += 2 + extra + (value if kind == 2 else 0)
        size = body[at + 1] & 31
        extra = {24: 1, 25: 2, 26: 4}.get(size, 0)
        return number(body, at + 2, extra) if extra else size

    def read_segment(self, name, length):
        data, segment, at, batch, first_batch = self.files[name], int(name[:10]), HEAD, [], True
        records, committed = [], []
        while data[at:at + 4] == b"PREC" and (length is None or at < length):
            end = at + RECORD + number(data, at + 16, 4)
            batch.append((at, end, number(data, at + 104, 8)))
            if number(data, at + 6, 2) == COMMIT:
                first, last = batch[0][2], batch[-1][2]
                if first_batch:
                    last += self.refused
                    committed.append(Span(0, HEAD, segment, first, last, "head"))
                    first_batch = False
                committed += [Span(a, e, segment, first, last, "record") for a, e, _ in batch]
                records += [n for _, _, n in batch]
                batch = []
            at = end
        self.spans[name] = [s for s in committed if s.last < self.size]
        self.segments[segment] = (records[0], records[-1])
        self.refused = 0 if length is None else sum(
            1 for m in re.finditer(b"PREC\x01", data[length:]))

    def read_pack(self, name):
        data, segment = self.files[name], int(name[:10])
        first, count, files = number(data, 56, 8), number(data, 64, 4), number(data, 68, 4)
        rows = HEAD + files * PACK_ROW
        last = first + count - 1
        data_names = [f"{segment:010}-{m:05}.objects" if c == OBJECTS else f"{segment:010}-{c:05}-{m:06}.data"
                      for c, m in months(data, files)]
        spans = [Span(0, rows, segment, first, last, "head")]
        for data_name in data_names:
            # Of objects only the records know which part is whose.
            end = len(self.files[data_name]) if data_name.endswith(".objects") else DATA_HEAD
            self.spans[data_name].append(Span(0, end, segment, first, last, "head"))
        for i in range(count):
            at = rows + i * PACK_ENTRY
            # What of an entry is a leaf's (time, commitment) only the next root binds.
            spans.append(Span(at, at + PACK_ENTRY, segment, *self.batch_of(data, rows, i, count, first),
                              "entry"))
            file, offset, length = number(data, at + 16, 2), number(data, at + 18, 6), number(data, at + 4, 4)
            span = Span(offset, offset + length, segment, first + i, first + i, "payload")
            (self.spans[data_names[file - 1]] if file else spans).append(span)
        self.spans[name] = spans
        self.segments[segment] = (first, last)

    def batch_of(self, data, rows, i, count, first):
        """The batch of a pack's i-th record: between two commits."""
        kinds = [number(data, rows + k * PACK_ENTRY, 2) for k in range(count)]
        begin = max((k + 1 for k in range(i) if kinds[k] == COMMIT), default=0)
        return first + begin, first + kinds.index(COMMIT, i)

    def place(self, name, start, end):
        """Where a change of these bytes must be named: the first record's place. None: nowhere."""
        for span in self.spans[name]:
            if span.start < end and start < span.end:
                return span
        return None

    def whole(self, segment):
        return Span(0, 0, segment, *self.segments[segment], "whole")


class Edits:
    """Each makes a change: {file: new bytes, None when it is gone}, and the places one of which must be
    named. None when this ledger has nothing to do it to."""

    def __init__(self, ledger, rng):
        self.ledger, self.rng = ledger, rng
        self.named = [n for n, spans in ledger.spans.items() if spans]
        self.segs = [n for n in self.named if len(ledger.edges[n]) > 4]

    def anywhere(self):
        """A file and a span in it; longer files more often."""
        rng = self.rng
        name = rng.choices(self.named, [len(self.ledger.files[n]) for n in self.named])[0]
        if rng.random() < 0.3:
            name = rng.choice(self.named)
        spans = self.ledger.spans[name]
        span = rng.choice(spans)
        if rng.random() < 0.5:  # heads, which are small, as often as what they are about
            return name, rng.randrange(span.start, min(span.end, span.start + RECORD))
        return name, rng.randrange(span.start, span.end)

    def put(self, name, start, end, new):
        data = self.ledger.files[name]
        return {name: data[:start] + new + data[end:]}

    def flip(self):
        name, at = self.anywhere()
        byte = self.ledger.files[name][at] ^ (1 << self.rng.randrange(8))
        return self.put(name, at, at + 1, bytes([byte])), [self.ledger.place(name, at, at + 1)]

    def overwrite(self):
        name, at = self.anywhere()
        end = min(at + self.rng.randint(1, 300), max(s.end for s in self.ledger.spans[name]))
        new = self.rng.choice([bytes(end - at), self.rng.randbytes(end - at)])
        old = self.ledger.files[name]
        while at < end and old[at] == new[0]:
            at, new = at + 1, new[1:]  # what stays as it was is no change
        return (self.put(name, at, end, new), [self.ledger.place(name, at, end)]) if at < end else None

    def take_out(self):
        name, at = self.anywhere()
        end = min(at + self.rng.randint(1, 300), max(s.end for s in self.ledger.spans[name]))
        return self.put(name, at, end, b""), [self.ledger.place(name, at, end)]

    def put_in(self):
        name, at = self.anywhere()
        new = self.rng.randbytes(self.rng.randint(1, 300))
        beside = [self.ledger.place(name, max(at - 1, 0), at), self.ledger.place(name, at, at + 1)]
        return self.put(name, at, at, new), [place for place in beside if place]

    def cut(self):
        name, at = self.anywhere()
        end = len(self.ledger.files[name])
        return self.put(name, at, end, b""), [self.ledger.place(name, at, end)]

    def pick(self, count=1):
        """A run of whole records of a segment."""
        name = self.rng.choice(self.segs)
        spans = [s for s in self.ledger.spans[name] if s.kind == "record"]
        at = self.rng.randrange(len(spans) - count + 1)
        return name, spans[at:at + count]

    def drop_records(self):
        name, run = self.pick(self.rng.randint(1, 4))
        return self.put(name, run[0].start, run[-1].end, b""), [run[0]]

    def drop_batch(self):
        name, (one,) = self.pick()
        batch = [s for s in self.ledger.spans[name] if s.first == one.first and s.kind == "record"]
        return self.put(name, batch[0].start, batch[-1].end, b""), [one]

    def repeat_record(self):
        name, (one,) = self.pick()
        other, (there,) = self.pick()
        copy = self.ledger.files[name][one.start:one.end]
        if name == other and one.start == there.end:
            there = one  # a copy before itself is one behind itself
        behind = self.ledger.place(other, there.end, there.end + 1)
        if not behind:  # the segment ends there
            if there.segment == max(self.ledger.segments):
                return None  # behind the last commit of all
            behind = there._replace(first=there.last + 1, last=there.last + 1)
        return self.put(other, there.end, there.end, copy), [there, behind]

    def swap_records(self):
        (a, (one,)), (b, (two,)) = self.pick(), self.pick()
        if a == b and one.start > two.start:
            one, two = two, one
        first, second = (self.ledger.files[n][s.start:s.end] for n, s in ((a, one), (b, two)))
        if first == second:
            return None
        if a != b:
            return {**self.put(a, one.start, one.end, second), **self.put(b, two.start, two.end, first)}, \
                [one, two]
        data = self.ledger.files[a]
        return {a: data[:one.start] + second + data[one.end:two.start] + first + data[two.end:]}, [one]

    def swap_batches(self):
        name, (one,) = self.pick()
        batches = sorted({(s.first, s.last) for s in self.ledger.spans[name]})
        at = [b[0] for b in batches].index(one.first)
        if at + 1 >= len(batches):
            return None
        run = [s for s in self.ledger.spans[name] if s.kind == "record"]
        first, second = ([s for s in run if s.first == batches[at + k][0]] for k in (0, 1))
        data = self.ledger.files[name]
        return self.put(name, first[0].start, second[-1].end,
                        data[second[0].start:second[-1].end] + data[first[0].start:first[-1].end]), \
            [first[0]]

    def swap_files(self):
        a, b = self.rng.sample(self.named, 2)
        files = self.ledger.files
        return {a: files[b], b: files[a]}, [self.ledger.whole(int(n[:10])) for n in (a, b)]

    def copy_file(self):
        a, b = self.rng.sample(self.named, 2)
        return {a: self.ledger.files[b]}, [self.ledger.whole(int(a[:10]))]

    def drop_file(self):
        name = self.rng.choice(self.named)
        segment = self.ledger.whole(int(name[:10]))
        places = [segment]
        if segment.segment == max(self.ledger.segments):  # then nothing says that it was there
            places.append(segment._replace(segment=segment.segment - 1))
        return {name: None}, places

    def roll_back(self):
        """To an earlier state: the last segments gone, the one before cut behind a commit."""
        last = max(self.ledger.segments)
        name, (one,) = self.pick()
        segment, changes = int(name[:10]), {}
        for other in self.ledger.files:
            if other[:10].isdigit() and int(other[:10]) > segment:
                changes[other] = None
        end = max(s.end for s in self.ledger.spans[name] if s.first == one.first)
        changes.update(self.put(name, end, len(self.ledger.files[name]), b""))
        later = [s.first for s in self.ledger.spans[name] if s.first > one.first]
        gone = Span(0, 0, segment, min(later, default=one.last + 1), self.ledger.size - 1, "gone")
        if gone.first > gone.last or (segment == last and end == max(self.ledger.spans[name]).end):
            return None
        return changes, [gone]


KINDS = {"flip": 8, "overwrite": 4, "take_out": 3, "put_in": 3, "cut": 2, "drop_records": 2, "drop_batch": 1,
         "repeat_record": 2, "swap_records": 2, "swap_batches": 1, "swap_files": 1, "copy_file": 1,
         "drop_file": 1, "roll_back": 2}


class Campaign:
    """Ledgers of every shape in a folder, and what the two verifiers say of them."""

    def __init__(self, build, folder, seed):
        self.tool = build / "tests" / "tamper" / "tamper_ledgers"
        self.program = build / "verify" / "postern-verify"
        self.rng = random.Random(seed)
        self.ledgers, self.problems, self.counts = [], [], collections.Counter()
        for shape in SHAPES:
            home = folder / shape
            home.mkdir()
            subprocess.run([self.tool, "make", home, shape, str(seed)], check=True)
            self.ledgers.append(Ledger(home))

    def verdicts(self, ledger):
        """(name, exit status, what it said) of both."""
        home = ledger.folder
        asked = (("postern-verify", [self.program, home / "ledger", "--key", home / "public",
                                     "--checkpoint", home / "checkpoints"]),
                 ("ledger_verify", [self.tool, "check", home]))
        running = [(name, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                           text=True)) for name, command in asked]
        for name, process in running:
            said = process.communicate(timeout=60)[0]
            yield name, process.returncode, said

    def clean(self, ledger):
        for name, status, said in self.verdicts(ledger):
            if status:
                self.problems.append(f"{ledger.folder.name}: {name} cries wolf: {said}")

    def apply(self, ledger, changes):
        for name, data in changes.items():
            if data is None:
                (ledger.at / name).unlink()
            else:
                (ledger.at / name).write_bytes(data)

    def judge(self, what, places, name, status, said):
        if status != 1:
            self.problems.append(f"{what}: {name} does not find it (status {status}): {said.strip()}")
            return
        for segment, first, last in FINDING.findall(said):
            if any(int(segment) == p.segment and int(first) <= p.last and int(last or first) >= p.first
                   for p in places):
                self.counts["named by " + name] += 1
                return
        self.problems.append(f"{what}: {name} does not name the place: {said.strip()}")

    def edit(self):
        """Make one, judge it, take it back. 0 when this ledger has nothing to do it to."""
        ledger = self.rng.choice(self.ledgers)
        kind = self.rng.choices(list(KINDS), list(KINDS.values()))[0]
        edits = Edits(ledger, self.rng)
        made = getattr(edits, kind)() if edits.segs or kind in ("flip", "overwrite") else None
        if not made or None in made[1] or all(ledger.files[n] == d for n, d in made[0].items()):
            return 0
        changes, places = made
        self.counts[kind] += 1
        self.apply(ledger, changes)
        what = (f"{ledger.folder.name}: {kind} of {', '.join(sorted(changes)[:3])}: segment "
                f"{places[0].segment}, records {places[0].first} to {places[0].last} ({places[0].kind})")
        for name, status, said in self.verdicts(ledger):
            self.judge(what, places, name, status, said)
        self.apply(ledger, {name: ledger.files[name] for name in changes})
        return 1

    def run(self, edits):
        """How many edits were made; the problems are in .problems."""
        made = 0
        for ledger in self.ledgers:
            self.clean(ledger)
        while made < edits:
            made += self.edit()
            if made % 500 == 0:
                self.clean(self.rng.choice(self.ledgers))
        for ledger in self.ledgers:
            self.clean(ledger)
        return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--edits", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-tamper-"))
    campaign = Campaign(options.build.resolve(), folder, options.seed)
    made = campaign.run(options.edits)
    shutil.rmtree(folder)
    for problem in campaign.problems:
        print(problem)
    print(f"{made} edits, seed {options.seed}: {len(campaign.problems)} problems; "
          + ", ".join(f"{n} {k}" for k, n in sorted(campaign.counts.items())))
    return 1 if campaign.problems else 0


if __name__ == "__main__":
    sys.exit(main())
