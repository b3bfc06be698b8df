#!/usr/bin/env python3
"""Hold the tree against the rules of CONTRIBUTING.md.

    ./do check            everything
    ./do check NAME...    only these
    ./do check --list     what there is
    ./do check --deep     clang's analyzer follows each function to its end, which takes four times as long

Each check returns the breaches it found as `file:line: sentence`; none means it passed. What a tool
said about a file is kept in .work/check until the file, what it includes or the tool's rules change.
"""
import ast
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD, SHIPPED = ROOT / "build-check", ROOT / "build"  # how clang is called; what the first users get
CACHE, CACHE_DAYS = ROOT / ".work/check", 14
FUNCTION_LINES, FILE_LINES, HEADER_LINES = 60, 500, 200
DEEP = "--deep" in sys.argv
# Tests run under ASan and UBSan each time: what an analyzer finds on their paths shows there. So clang's analyzer and cppcheck look
# at them by --deep only.
ANALYZER_NODES = 30000  # states of one function that clang's analyzer looks at; its own default is 225,000

BANNED = {
    # function: what to use instead
    "strcpy": "struct slice", "strcat": "struct buf", "sprintf": "snprintf or buf_printf",
    "vsprintf": "vsnprintf", "gets": "a bounded read", "strtok": "slice_cut", "atoi": "slice_decimal",
    "atol": "slice_decimal", "atoll": "slice_decimal", "strncpy": "struct slice", "strncat": "struct buf",
    "sscanf": "a lexer", "scanf": "a lexer", "system": "host/process", "popen": "host/process",
    "alloca": "an arena", "rand": "getrandom", "srand": "getrandom", "drand48": "getrandom",
    "tmpnam": "a directory of our own", "mktemp": "mkstemp",
    "gethostbyname": "host/resolver", "asctime": "clock_rfc3339", "ctime": "clock_rfc3339",
    "gmtime": "gmtime_r", "localtime": "localtime_r", "signal": "sigaction", "longjmp": "a return",
    "setjmp": "a return",
}
IN_TESTS = {"system", "popen", "signal"}  # a test may start a server through the shell


def tracked():
    """The files of the project, as git knows them or would after `git add`."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    return [ROOT / line for line in out.splitlines() if (ROOT / line).is_file()]


FILES = tracked()
CODE = [f for f in FILES if f.suffix in (".c", ".h")]
OURS = [f for f in CODE if f.is_relative_to(ROOT / "src") or f.is_relative_to(ROOT / "verify")]
HEADERS = [f for f in OURS if f.suffix == ".h"]
SOURCES = [f for f in OURS if f.suffix == ".c"]


def short(path):
    return str(path.relative_to(ROOT))


def is_test(path):
    return path.stem.endswith(("_test", "_fuzz")) or path.is_relative_to(ROOT / "tests")


def code_only(text):
    """The text with comments, strings and characters blanked, its lines kept."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def run(*command, **options):
    return subprocess.run([str(c) for c in command], cwd=ROOT, check=False, capture_output=True,
                          text=True, **options)


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [breach for found in pool.map(function, items) for breach in found]


@functools.cache
def included(path):
    """The file and every file of ours that it includes, however deep, by the names it uses."""
    found, waiting = {path}, [path]
    while waiting:
        at = waiting.pop()
        for name in re.findall(r'^\s*#include "([^"]+)"', at.read_text(), re.M):
            for base in (ROOT / "src", ROOT, at.parent):
                if (base / name).is_file() and base / name not in found:
                    found.add(base / name)
                    waiting.append(base / name)
    return sorted(found)


@functools.cache
def content(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def remembered(check, rules, function, items, batch=1):
    """function(paths) for so many paths at a time, {path: what it found}, or what it said last time about the same bytes.
    Large files come first, so that no processor is left alone with one of them at the end."""
    CACHE.mkdir(parents=True, exist_ok=True)

    def place(path):
        what = [check, str(rules), short(path), *(content(p) for p in included(path))]
        return CACHE / hashlib.sha256("\n".join(what).encode()).hexdigest()

    def some(paths):
        said = function(paths)
        for path in paths:
            fresh = kept[path].with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(said[path]))
            fresh.rename(kept[path])
        return []

    kept = {path: place(path) for path in items}
    new = sorted((path for path in items if not kept[path].exists()), key=lambda path: -path.stat().st_size)
    n = -(-len(new) // batch)
    in_parallel(some, [new[i::n] for i in range(n)])
    found = []
    for path in items:
        kept[path].touch()  # forget_old() keeps what is still asked for
        found += json.loads(kept[path].read_text())
    return found


def one_by_one(function):
    """For remembered(): a tool that is asked about one file at a time."""
    return lambda paths: {path: function(path) for path in paths}


def forget_old():
    for kept in CACHE.glob("*") if CACHE.exists() else []:
        if time.time() - kept.stat().st_mtime > CACHE_DAYS * 86400:
            kept.unlink(missing_ok=True)


def version(tool):
    return run(tool, "--version").stdout


@functools.cache
def commands():
    """{file: the words of one of its compilations, absolute}: some are compiled for several programs, by the same flags."""
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        found[(BUILD / entry["file"]).resolve()] = shlex.split(entry["command"])
    return found


def compile_flags():
    """Include paths and definitions of all compilations, once each."""
    flags = {}
    for words in commands().values():
        for flag in words:
            if flag.startswith(("-I", "-D")):
                flag = flag.replace("-I..", f"-I{ROOT}") if flag.startswith("-I..") else flag
                flags[flag] = None
    return ["-std=gnu17", *flags]


def defined(flags):
    """Of these flags those that change what a file means: paths come and go with the modules."""
    return [flag for flag in flags if flag.startswith("-D")]


def check_format():
    """clang-format 14 leaves every file as it is"""
    major = re.search(r"version (\d+)", version("clang-format"))
    if not major or major[1] != "14":
        print("   (skipped: formats differ between versions, and this is not clang-format 14)")
        return []

    def some(paths):
        result = run("clang-format", "--dry-run", *paths)
        at = dict(reversed(re.findall(r"^(.*?):(\d+):\d+: warning", result.stderr, re.M)))  # the first of each file
        crashed = [f"clang-format crashes on one of {', '.join(map(short, paths))}"]
        found = {path: [f"{short(path)}:{at[str(path)]}: not formatted"] if str(path) in at else [] for path in paths}
        return found if result.returncode in (0, 1) else {path: crashed for path in paths}
    return remembered("format", content(ROOT / ".clang-format"), some, CODE, batch=40)


def check_layers():
    """includes point downwards (src/LAYERS), and verify/ shares nothing with src/"""
    result = run("tools/layers.py")
    shared = re.compile(r'^\s*#include "(?!verify/|tests/test\.h)', re.M)
    return (result.stdout.splitlines() if result.returncode else []) + \
        [f"{short(path)}: includes what is not its own" for path in OURS
         if path.is_relative_to(ROOT / "verify") and shared.search(path.read_text())]


def check_mutations():
    """every patch of tests/mutations fits the tree"""
    return [f"{short(path)}: does not fit: make it anew"
            for path in sorted((ROOT / "tests/mutations").glob("*.patch"))
            if run("patch", "-p0", "--dry-run", "--force", "--silent", "-i", path).returncode]


def check_headers():
    """every header compiles alone, and opens with a paragraph that names it"""
    flags = compile_flags()

    def one(path):
        result = run("gcc", *flags, "-Wall", "-fsyntax-only", "-include", path, "-xc", "/dev/null")
        found = [f"{short(path)}: does not compile alone: {result.stderr.splitlines()[0]}"] \
            if result.returncode else []
        base = ROOT / "src" if path.is_relative_to(ROOT / "src") else ROOT
        name = str(path.relative_to(base).with_suffix(""))
        names = [name, str(path.parent.relative_to(base))]  # cbor/cbor.h is cbor's own
        if not path.read_text().startswith(tuple(f"/* {n} - " for n in names)):
            found.append(f"{short(path)}:1: does not open with `/* {name} - ...`")
        return found
    return remembered("headers", defined(flags), one_by_one(one), HEADERS)


def check_banned():
    """functions that have a better replacement"""
    harmless = r"(?!signal\s*\(\w+, SIG_(?:IGN|DFL)\))"  # it is handlers that signal() gets wrong
    pattern = re.compile(r"(?<![\w.>])" + harmless + "(" + "|".join(BANNED) + r")\s*\(|\b(goto)\b")
    found = []
    for path in CODE:
        for number, line in enumerate(code_only(path.read_text()).splitlines(), 1):
            for match in pattern.finditer(line):
                name = match[1] or match[2]
                if name in IN_TESTS and is_test(path):
                    continue
                found.append(f"{short(path)}:{number}: {name}: use {BANNED.get(name, 'a function')}")
    return found


DATA_LINE = re.compile(r"\s*(case [^:]+:|default:|return [^;(]+;|break;|switch \(.*\) \{|\}|\{|)\s*$")


def check_size():
    """functions, files and headers stay small"""
    found = []
    for path in CODE:
        lines = code_only(path.read_text()).splitlines()
        limit = HEADER_LINES if path.suffix == ".h" else FILE_LINES
        if len(lines) > limit:
            found.append(f"{short(path)}: {len(lines)} lines, {limit} allowed")
        start = 0
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                body = lines[start:number - 1]
                # A switch that is pure data may be longer.
                long = len(body) > FUNCTION_LINES and not all(DATA_LINE.match(b) for b in body)
                if long:
                    found.append(f"{short(path)}:{start}: function of {len(body)} lines, "
                                 f"{FUNCTION_LINES} allowed")
                start = 0
    return found


DECLARATION = re.compile(r"^(?!static |static_assert|_Static_assert|extern|typedef|OWN_|#|\s|/\*|\*)"
                         r"[a-z_][\w\s*]*\b(\w+)\(")


def check_comments():
    """every public function has a doc comment, its own or its group's"""
    found = []
    for path in HEADERS:
        lines = path.read_text().splitlines()
        covered = False
        for number, line in enumerate(lines, 1):
            if line.rstrip().endswith("*/"):
                covered = True
            elif not line.strip():
                covered = False
            else:
                match = DECLARATION.match(line)
                if match and not covered:
                    found.append(f"{short(path)}:{number}: {match[1]}() has no doc comment")
    return found


def check_words():
    """nothing unfinished, no path of somebody's machine"""
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    machine = re.compile(r"/(work|home|Users)/\w")
    found = []
    for path in FILES:
        if path == pathlib.Path(__file__).resolve() or "corpus" in path.parts:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if words.search(line):
                found.append(f"{short(path)}:{number}: {words.search(line)[1]}")
            if machine.search(line):
                found.append(f"{short(path)}:{number}: a path of one machine")
    return found


def check_tidy():
    """clang-tidy (.clang-tidy), with cognitive complexity at most 15"""
    sources = [s for s in SOURCES if not s.stem.endswith("_fuzz")]
    shown = re.compile(r"^(?:.*?/)?((?:src|tests|verify)/[^ ]*?:\d+):\d+: (?:error|warning): (.*)$", re.M)
    run_instead = [] if DEEP else ["--checks=-clang-analyzer-*"]

    def one(path):
        flags = [f"-I{(BUILD / word[2:]).resolve()}" if word.startswith("-I") else word for word in commands()[path][1:]
                 if word.startswith(("-I", "-D", "-W", "-std=", "-O"))]
        result = run("clang-tidy", "--quiet", *bound, *(run_instead if is_test(path) else []), path,
                     "--", *flags)
        return [f"{at}: {what}" for at, what in shown.findall(result.stdout)]
    bound = [] if DEEP else [f"--extra-arg={word}" for word in (
        "-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={ANALYZER_NODES}")]
    rules = [content(ROOT / ".clang-tidy"), version("clang-tidy"), defined(compile_flags()), bound, run_instead]
    found = [f"{short(path)}: is compiled by nothing" for path in sources if path not in commands()]  # never remembered
    return sorted({*found, *remembered("tidy", rules, one_by_one(one), [s for s in sources if s in commands()])})


def check_cppcheck():
    """cppcheck: warnings, performance, portability"""
    sources = sorted((s for s in SOURCES if DEEP or not is_test(s)), key=lambda path: -path.stat().st_size)
    result = run("cppcheck", "--enable=warning,performance,portability", "--inline-suppr", "--quiet",
                 f"-j{os.cpu_count()}", "--template={file}:{line}: {message} [{id}]", "--std=c11",
                 "--suppress=missingIncludeSystem", "--suppress=internalAstError",
                 "--library=tools/cppcheck.cfg", "-Isrc", "-I.", "-D_GNU_SOURCE",
                 *map(short, sources))
    return [line for line in result.stderr.splitlines() if line.strip()]


def check_analyzer():
    """gcc -fanalyzer over everything but tests"""
    flags = compile_flags()

    def one(path):
        result = run("gcc", *flags, "-fanalyzer", "-O1", "-c", path, "-o", "/dev/null")
        text = path.read_text().splitlines()
        found = []
        for line in result.stderr.splitlines():
            at = re.match(r".*?:(\d+):\d+: warning: .*-Wanalyzer", line)
            # An error of gcc's is pardoned by `-fanalyzer: reason` in its line or the one above.
            if at and not any("-fanalyzer: " in t for t in text[max(int(at[1]) - 2, 0):int(at[1])]):
                found.append(line.replace(f"{ROOT}/", ""))
        return found
    sources = [s for s in SOURCES if not is_test(s)]
    return remembered("analyzer", [version("gcc"), defined(flags)], one_by_one(one), sources)


def check_scripts():
    """shellcheck for shell, a parse for Python"""
    found = []
    for path in FILES:
        with path.open("rb") as f:
            first = f.readline()
        if first.startswith(b"#!") and re.search(rb"\b(ba|da)?sh\b", first):
            result = run("shellcheck", "--format=gcc", "--external-sources", path)
            found += [line.replace(f"{ROOT}/", "") for line in result.stdout.splitlines()]
        elif path.suffix == ".py" or (first.startswith(b"#!") and b"python" in first):
            try:
                ast.parse(path.read_text(), short(path))
            except SyntaxError as e:
                found.append(f"{short(path)}:{e.lineno}: {e.msg}")
    return found


def missing_verbs():
    """Verbs and options that `postern help` knows and postern(1) does not, and the reverse."""
    page = (ROOT / "docs/man/postern.1").read_text().replace("\\-", "-")
    listed = re.findall(r"^  (\S+(?: \S+)*?)  +\S", run(SHIPPED / "postern", "help").stdout, re.M)
    described = re.findall(r"^\.It Ic (\S+(?: (?!Ar|Op|Cm)\S+)*)", page, re.M)
    found = [f"docs/man/postern.1: `{v}` of src/cli/verbs.c is not described, or out of order"
             for v, d in zip(listed, described) if v != d][:1]
    found += [f"docs/man/postern.1: `{v}` is not the same there and in src/cli/verbs.c"
              for v in sorted(set(listed) ^ set(described))]
    for verb in listed:
        part = re.split(r"^\.It Ic ", page.split(f".It Ic {verb}", 1)[-1], maxsplit=1, flags=re.M)[0]
        options = re.findall(r"--([a-z0-9-]+)", run(SHIPPED / "postern", verb.split()[0], *verb.split()[1:],
                                                 "--help").stdout.splitlines()[0])
        found += [f"docs/man/postern.1: `{verb} --{o}` is not described" for o in options
                  if not re.search(rf"\bFl -{o}(?![\w-])|, -{o}(?![\w-])", part)]
    return found


def missing_alarms():
    """Alarms that the code raises and posternd(8) does not list, and the reverse."""
    raised = set()
    for path in (s for s in SOURCES if not is_test(s)):
        raised |= set(re.findall(r'(?:keeper_alert|role_alert|alarm_with|keeper_alert_about\([^,]+)[(,][^,]+,\s*"([a-z-]+)"|'
                                 r'\[LEDGER_ALARM_\w+\] = "([a-z-]+)"|'
                                 r'#define ALERT_\w+ +"([a-z-]+)"|'
                                 r'raise_alarm\([^;]*?SLICE\("([a-z-]+)"\)|'
                                 r'\btell\(\s*l,\s*"([a-z-]+)"', path.read_text()))
    raised = {name for names in raised for name in names if name}
    page = (ROOT / "docs/man/posternd.8").read_text()
    part = page.split(".Ss Alarms", 1)[-1].split(".Sh ", 1)[0]
    listed = {name for line in re.findall(r"^\.It Sy (.*)$", part, re.M) for name in line.split(" , ")}
    return [f"docs/man/posternd.8: the alarm {name} is not the same there and in the code"
            for name in sorted(raised ^ listed)]


def check_docs():
    """postern.conf(5) and postern(1) are current, and mandoc has no complaint about any page"""
    found = []
    if not (SHIPPED / "build.ninja").exists():
        run("meson", "setup", SHIPPED, "--buildtype=release", "-Ddebug=true")
    if run("ninja", "-C", SHIPPED, "settings_manual", "postern").returncode:
        return ["build: settings_manual or postern does not compile"]
    found += missing_verbs() + missing_alarms()
    page = ROOT / "docs/man/postern.conf.5"
    if not page.exists() or run(SHIPPED / "settings_manual", "man").stdout != page.read_text():
        found.append("docs/man/postern.conf.5: differs from the settings' tables: run ./do docs")
    for path in sorted((ROOT / "docs/man").glob("*.[0-9]")):
        result = run("mandoc", "-Tlint", "-Wwarning", path)
        found += [line.replace(f"mandoc: {ROOT}/", "") for line in result.stdout.splitlines()]
    return found


def members_of_code():
    """{record: {key: (optional, type, name)}} of the tables in src/letter."""
    rows = re.compile(r"\b(ID|ROW|MAYBE|CBOR_(?:FIELD|OPTIONAL|SUB|SUB_OPTIONAL))"
                      r"\(((?:[^()]|\([^()]*\))*)\)")
    found = {}
    for path in sorted((ROOT / "src/letter").glob("*.c")):
        for table, body in re.findall(r"cbor_field (\w+)_fields\[\] = \{(.*?)\n\};",
                                      path.read_text(), re.S):
            members = found.setdefault({"edit": "sealed_edit"}.get(table, table), {})
            for kind, text in rows.findall(body):
                words = [w.strip() for w in text.split(",")]
                if kind == "ID":
                    members[1] = (False, "BYTES", "id")
                    continue
                if kind.startswith("CBOR_"):
                    del words[2]  # the struct
                members[int(words[0])] = (kind in ("MAYBE", "CBOR_OPTIONAL", "CBOR_SUB_OPTIONAL"),
                                          words[1].removeprefix("CBOR_"), words[2])
    return found


def members_of_format():
    """The same of docs/ledger-format.md, section 11."""
    kinds = {"uint": "UINT", "bool": "BOOL", "tstr": "TEXT", "[* tstr]": "TEXTS"}
    found, record = {}, None
    for line in (ROOT / "docs/ledger-format.md").read_text().split("\n## 11. ", 1)[1].split("\n## ", 1)[0].splitlines():
        if match := re.match(r"    (\w+) = \{", line):
            record = found.setdefault(match[1], {})
        elif match := re.match(r"      (\? )?(\d+): (.*?), +; (\w+)", line):
            kind = kinds.get(match[3]) or ("BYTES" if match[3].startswith("bstr") else
                                           "LIST" if match[3].startswith("[") else "STRUCT")
            record[int(match[2])] = (bool(match[1]), kind, match[4])
    return found


def check_records():
    """docs/ledger-format.md describes every member of every record"""
    code, text = members_of_code(), members_of_format()
    return [f"docs/ledger-format.md: {record} {key}: {told.get(key)} there, {members.get(key)} in "
            "src/letter" for record in sorted({*code, *text})
            for told, members in [(text.get(record, {}), code.get(record, {}))]
            for key in sorted({*told, *members}) if told.get(key) != members.get(key)] or \
        ([] if len(code) > 10 else ["tools/check.py: finds no tables in src/letter"])


def check_links():
    """what the texts point at is there"""
    found = []
    for path in (f for f in FILES if f.suffix == ".md"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", line):
                if not (path.parent / target).exists():
                    found.append(f"{short(path)}:{number}: there is no {target}")
            for target in re.findall(r"`((?:src|tests|tools|docs|packaging|bench)/[\w./-]+)`", line):
                if not (ROOT / target).exists():
                    found.append(f"{short(path)}:{number}: there is no {target}")
    return found


CHECKS = {name[len("check_"):]: function for name, function in list(globals().items())
          if name.startswith("check_")}


def main():
    if "--list" in sys.argv:
        for name, check in CHECKS.items():
            print(f"{name:<10} {check.__doc__}")
        return 0
    wanted = [name for name in sys.argv[1:] if name != "--deep"] or list(CHECKS)
    unknown = [name for name in wanted if name not in CHECKS]
    if unknown:
        print(f"./do check: there is no check `{unknown[0]}`; --list shows what there is")
        return 64
    if not (BUILD / "build.ninja").exists():
        made = run("meson", "setup", BUILD, env={**os.environ, "CC": "clang"})
        if made.returncode:
            print(made.stdout + made.stderr)
            return 1
    else:
        run("ninja", "-C", BUILD, "build.ninja")
    forget_old()
    failed = 0
    for name in wanted:
        began = time.monotonic()
        breaches = CHECKS[name]()
        failed += bool(breaches)
        print(f"{'FAIL' if breaches else 'ok  '} {name:<10} {CHECKS[name].__doc__}"
              f" ({time.monotonic() - began:.0f} s)", flush=True)
        for breach in breaches:
            print(f"     {breach}")
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
