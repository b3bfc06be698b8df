#!/usr/bin/env python3
"""Run every test and count them: `./do test` (its options are in `./do help`).

The runners are the unit tests in three builds (as shipped, ASan+UBSan, TSan), the whole-system
tests, with --long the mutations, and with --check `./do check`. The last line sums what all of them
counted; nothing counted is a failure too.

The whole-system tests wait much of their time, for clocks, disks and servers; the others compute. So they run beside
each other: the whole-system tests first at the processors, the others by what these leave (NICE), and what the former
print is kept in build/system-tests.log and shown behind the others. --unit and --system run one kind alone.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
NICE = 15  # what computes takes what the whole-system tests leave of the processors, whose clocks run
SANITIZED = ["-Db_lundef=false", "-Doptimization=1", "-Ddebug=false", "-Dc_args=-g1"]
BUILDS = {
    # directory: (what is printed, options of `meson setup`)
    "build": ("as shipped", ["--buildtype=release", "-Ddebug=true"]),
    # -O1 and line tables: reports name file and line, and both compile in half the time.
    "build-asan": ("ASan and UBSan", ["-Db_sanitize=address,undefined", *SANITIZED]),
    "build-tsan": ("TSan", ["-Db_sanitize=thread", *SANITIZED]),
}
# What TSan can find a fault in: races of threads, locks that are taken wrongly or in another order (also by one thread),
# handlers of signals that do what they must not.
FOR_TSAN = re.compile(r" U (pthread_create|pthread_(mutex|rwlock)_\w*lock|sigaction|signal)(@|$)", re.M)
CMOCKA = {
    "passed": re.compile(r"^\[  PASSED  \] (\d+) test", re.M),
    "failed": re.compile(r"^\[  FAILED  \] (\d+) test", re.M),
    "skipped": re.compile(r"^\[  SKIPPED \] (\d+) test", re.M),
}


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed"

    def line(self):
        """With what was skipped, which must not go unnoticed."""
        return f"{self}{f', {self.skipped} skipped' if self.skipped else ''}"


def run(*command, **options):
    return subprocess.run([str(c) for c in command], cwd=ROOT, check=False, **options).returncode


def configure(directory):
    """Configure once; False when that fails."""
    return (ROOT / directory / "build.ninja").exists() or \
        run("meson", "setup", directory, *BUILDS[directory][1], stdout=subprocess.DEVNULL) == 0


def build(directory, targets=()):
    """Compile everything, or only these; False when that fails."""
    return configure(directory) and run("ninja", "-C", directory, "--quiet", *targets) == 0


def programs():
    """{name of a unit test: its program in a build directory}, as the build as shipped knows them."""
    told = subprocess.run(["meson", "introspect", "--tests", "build"], cwd=ROOT, check=True, capture_output=True, text=True)
    return {test["name"]: pathlib.Path(test["cmd"][0]).relative_to(ROOT / "build")
            for test in json.loads(told.stdout) if any(suite.endswith("unit") for suite in test["suite"])}


def wanted(directory):
    """{name: program} of the tests that this build is for. What can start no thread, takes no lock and handles no signal is
    nothing to TSan; the program as shipped, which is linked from the same objects, tells."""
    def for_tsan(program):
        symbols = subprocess.run(["nm", "-u", ROOT / "build" / program], check=True, capture_output=True, text=True).stdout
        return FOR_TSAN.search(symbols)

    return {name: program for name, program in programs().items() if directory != "build-tsan" or for_tsan(program)}


def count_program(entry):
    """The cases that one test program ran; a program that counts none is one case itself."""
    text = entry.get("stdout", "") + "\n" + entry.get("stderr", "")
    count = Count()
    for name, pattern in CMOCKA.items():
        setattr(count, name, sum(int(n) for n in pattern.findall(text)))
    if entry["result"] == "OK":
        count.passed += count.passed + count.skipped == 0
    elif entry["result"] == "SKIP":
        count.skipped += count.passed + count.skipped == 0
    else:
        count.failed += count.failed == 0
        print(f"--- {entry['name']}: {entry['result']}\n{text[-6000:]}")
    return count


def unit_tests(directory, options):
    count = Count()
    log = ROOT / directory / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    # The others need what is told of the first; and of themselves nothing but the tests.
    if not build("build") or not (tests := wanted(directory)) or \
            not build(directory, () if directory == "build" else sorted(map(str, tests.values()))):
        print(f"{directory}: does not compile")
        count.failed = 1
        return count
    arguments = ["meson", "test", "-C", directory, "--suite", "unit", "-q", "--no-rebuild", "--timeout-multiplier", "5"]
    run(*arguments, *sorted(tests), stdout=subprocess.DEVNULL,
        env={**os.environ, **({"POSTERN_LONG": "1"} if options.long else {})})
    ran = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for entry in ran:
        count.add(count_program(entry))
    if len(ran) != len(tests):
        print(f"{directory}: {len(ran)} of {len(tests)} programs ran")
        count.failed += 1
    if directory == "build-tsan":
        print(f"{len(tests)} of {len(programs())} programs start threads, take locks or handle signals: the others have nothing for TSan")
    return count


SYSTEM_REPORT, SYSTEM_LOG = ROOT / "build/system-tests.xml", ROOT / "build/system-tests.log"


def start_system_tests(options, beside=False):
    """tests/system by pytest, Debian's: another python3 may stand first in the path. None when nothing could be compiled."""
    SYSTEM_REPORT.unlink(missing_ok=True)
    if not build("build"):
        return None
    into = SYSTEM_LOG.open("w") if beside else contextlib.nullcontext()
    arguments = ["-m", "pytest", "-q", "-ra", "--durations=25", f"--junitxml={SYSTEM_REPORT}", "tests/system",
                 "-n", options.jobs, "--dist", "loadfile"]
    arguments += ["--long"] if options.long else []
    arguments += ["--keep"] if options.keep else []
    with into as log:
        return subprocess.Popen(["/usr/bin/python3", *arguments], cwd=ROOT, stdout=log, stderr=log and subprocess.STDOUT,
                                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def end_system_tests(started):
    """Wait for them and count."""
    count = Count()
    if not started:
        count.failed = 1
        return count
    status = started.wait()
    for suite in xml.parse(SYSTEM_REPORT).getroot().iter("testsuite") if SYSTEM_REPORT.exists() else []:
        number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        count.failed += number["failures"] + number["errors"]
        count.skipped += number["skipped"]
        count.passed += number["tests"] - number["failures"] - number["errors"] - number["skipped"]
    count.failed += status not in (0, 5) and count.failed == 0
    return count


def system_tests(options):
    return end_system_tests(start_system_tests(options))


@contextlib.contextmanager
def system_tests_beside(options):
    """While the others run; gives the runner that is to come last. What is started from here on gives way to them."""
    started = start_system_tests(options, beside=True)

    def end():
        count = end_system_tests(started)
        print(SYSTEM_LOG.read_text(errors="replace") if started else "build: does not compile")
        return count

    os.nice(NICE)
    try:
        yield end
    except KeyboardInterrupt:  # they were told as well: they end what they started
        if started:
            started.wait()
        raise
    except BaseException:
        if started:
            started.send_signal(signal.SIGINT)
            started.wait()
        raise


def counting(program, last_line, *arguments):
    """Run a program of ours whose last line says how many passed and failed."""
    count, last = Count(), None
    with subprocess.Popen([ROOT / program, *arguments], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE) as runner:
        for line in runner.stdout:
            print(line, end="", flush=True)
            last = re.fullmatch(last_line, line)
    count.passed, count.failed = map(int, last.groups()) if last else (0, 1)
    count.failed += runner.returncode != 0 and count.failed == 0
    return count


def mutations():
    """Broken on purpose: each mutation's tests must fail."""
    return counting("tests/mutations/run", r"(\d+) caught, (\d+) missed\n")


def checks(options):
    return counting("tools/check.py", r"(\d+) passed, (\d+) failed\n", *["--deep"] * options.long)


def processor_s():
    """What the programs that were run and have ended took of the processors."""
    of = resource.getrusage(resource.RUSAGE_CHILDREN)
    return of.ru_utime + of.ru_stime


def stage(name, runner):
    """Run one; what it counted and the line about it. What runs beside it is not in its seconds of the processors."""
    print(f"\n== {name}", flush=True)
    began, worked = time.monotonic(), processor_s()
    count = runner()
    line = f"{name}: {count.line()} ({time.monotonic() - began:.0f} s, {processor_s() - worked:.0f} s of the processors)"
    print(line, flush=True)
    return count, line


def main():
    parser = argparse.ArgumentParser(prog="./do test")
    parser.add_argument("--unit", action="store_true", help="unit tests only")
    parser.add_argument("--system", action="store_true", help="whole-system tests only")
    parser.add_argument("--check", action="store_true", help="the checks first")
    parser.add_argument("--long", action="store_true", help="the campaigns as well")
    parser.add_argument("--jobs", default=str(min((os.cpu_count() or 1) * 3 // 2, 10)), metavar="N",
                        help="so many of the whole-system tests' files at once; three for two processors")
    parser.add_argument("--keep", action="store_true", help="keep the system tests' directories")
    options = parser.parse_args()
    everything = not options.unit and not options.system
    runners = [("checks", lambda: checks(options))] if options.check else []
    if everything or options.unit:
        runners += [(f"unit tests, {BUILDS[d][0]}", lambda d=d: unit_tests(d, options)) for d in BUILDS]
    began, total, lines = time.monotonic(), Count(), []
    with contextlib.ExitStack() as beside:
        if (everything or options.system) and (ROOT / "tests/system").exists():
            runners.append(("system tests, beside the others", beside.enter_context(system_tests_beside(options)))
                           if runners else ("system tests", lambda: system_tests(options)))
        if options.long and everything:
            runners.append(("mutations", mutations))
        for name, runner in runners:
            count, line = stage(name, runner)
            total.add(count)
            lines.append(line)
    took = time.monotonic() - began
    lines.append(f"all of it: {took:.0f} s, processors busy for {processor_s() / took / (os.cpu_count() or 1):.0%} of it")
    print("\n" + "\n".join(lines))
    if total.passed + total.failed == 0:
        total.failed = 1
        print("no test ran")
    print(total)
    return total.failed > 0


if __name__ == "__main__":
    sys.exit(main())
