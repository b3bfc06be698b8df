#!/usr/bin/env python3
"""Hold every #include in src/ against src/LAYERS.

    tools/layers.py            check; prints each breach with its file and line, exits 1 on any
    tools/layers.py --list     `name: needs` a line for meson.build, of the modules that exist
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "src"
INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)/([^/"]+)"')


def read_layers():
    """Return {module: set of modules it may include}, and the breaches inside LAYERS itself."""
    allowed, breaches = {}, []
    for number, line in enumerate((ROOT / "LAYERS").read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, needs = line.partition(":")
        needs = needs.split()
        for need in needs:
            if need not in allowed:
                breaches.append(f"src/LAYERS:{number}: {name} names {need}, which is not above it")
            if name.startswith("stages/") and need.startswith("stages/"):
                breaches.append(f"src/LAYERS:{number}: a stage may not know another stage")
        allowed[name.strip()] = set(needs)
    return allowed, breaches


def check_file(path, allowed):
    module = str(path.parent.relative_to(ROOT))
    if module not in allowed:
        return [f"{path}: src/LAYERS does not list {module}"]
    breaches = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match or match[1] == module or (match[1] == "tests" and path.stem.endswith(("_test", "_fuzz"))):
            continue
        if match[1] not in allowed[module]:
            breaches.append(f"{path}:{number}: {module} may not include {match[1]}")
        elif match[2] == "internal.h":
            breaches.append(f"{path}:{number}: {match[1]}/internal.h is private to {match[1]}")
    return breaches


def main():
    allowed, breaches = read_layers()
    if "--list" in sys.argv:
        for name, needs in allowed.items():
            if (ROOT / name / "meson.build").exists():
                print(f"{name}:{' '.join(sorted(needs))}")
        return 0
    for path in sorted(ROOT.rglob("*.[ch]")):
        breaches += check_file(path, allowed)
    print("\n".join(breaches) if breaches else "layers: every include points downwards")
    return bool(breaches)


if __name__ == "__main__":
    sys.exit(main())
