#!/usr/bin/env python3
"""Write a file's bytes as a C array: embed.py FILE HEADER NAME OUT."""
import sys


def main():
    source, header, name, out = sys.argv[1:]
    with open(source, "rb") as f:
        data = f.read()
    lines = [",".join(map(str, data[i:i + 64])) for i in range(0, len(data), 64)]
    with open(out, "w", encoding="ascii") as f:
        f.write(f'#include "{header}"\n\nconst uint8_t {name}_bytes[] = {{\n')
        f.write(",\n".join(lines))
        f.write(f"}};\nconst size_t {name}_len = sizeof({name}_bytes);\n")


main()
