"""Letters of many shapes, as an employee's mail program would submit them.

From two sources: public corpora of real mail, where they are (`POSTERN_CORPORA`, or
`../shared/corpora` beside the project), and a generator of our own whose letters have what is hard
to sign and to keep: odd folding, white space at line ends, empty bodies, dots, long lines. Nothing
of the corpora is sent anywhere but to receivers of the test: who sends and who gets it is
replaced.
"""
import os
import pathlib
import random
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
BESIDE = [above / "shared" / "corpora" for above in ROOT.parents]
CORPORA = pathlib.Path(os.environ.get("POSTERN_CORPORA",
                                      next((b for b in BESIDE if b.is_dir()), BESIDE[0])))
SIZE_MAX = 1 << 20
FIELD_MAX = 60000

# What may stand once only, and what a submission must not carry (or what the test replaces).
ONCE = {b"reply-to", b"to", b"cc", b"bcc", b"date", b"message-id", b"in-reply-to", b"references",
        b"subject", b"mime-version", b"content-type", b"content-transfer-encoding",
        b"content-disposition"}
DROPPED = {b"from", b"sender", b"resent-from", b"resent-sender", b"bcc", b"resent-bcc",
           b"return-path", b"dkim-signature"}
FIELD = re.compile(rb"[!-9;-~]+:")
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]")


def corpus_files(root=None):
    """Files of the corpora that look like letters; none when the corpora are absent."""
    root = pathlib.Path(root or CORPORA)
    files = [f for part in ("mime", "spamassassin") for f in sorted((root / part).rglob("*"))
             if f.is_file() and f.suffix in {".eml", ".txt", ".raw", ".msg", ".mbox", ""}
             and 0 < f.stat().st_size <= SIZE_MAX]
    return files


def fields_of(header):
    """The fields of a header with CRLF line ends, each with its folds and without the last CRLF."""
    return re.split(rb"\r\n(?![ \t])", header)


def submitted(raw, sender):
    """The letter of a file as `sender` could submit it, or None when that would be another letter:
    not one, with lines too long, or with bytes in it that SMTP does not carry."""
    raw = re.sub(rb"\r\n|\r|\n", b"\r\n", raw).lstrip(b"\r\n")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\r\n")[2]
    header, gap, body = raw.partition(b"\r\n\r\n")
    if not gap or b"\0" in raw or any(len(line) > 998 for line in raw.split(b"\r\n")):
        return None
    kept, seen = [], set()
    for field in fields_of(header):
        name = field.partition(b":")[0].lower()
        whole = FIELD.match(field) and not CONTROL.search(field)
        blank = any(not line.strip() for line in field.split(b"\r\n")[1:])
        if not whole or blank or len(field) > FIELD_MAX or name in DROPPED or (name in ONCE and name in seen):
            continue
        seen.add(name)
        kept.append(field)
    if not kept:
        return None
    place = len(kept) // 2
    kept.insert(place, b"From: Ann <" + sender.encode() + b">")
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


WORDS = ("invoice", "castle", "gate", "=", ".", "..", "From here", "tab\there", "two  spaces", "é",
         "ünï", "€", "漢字", "=3D", "-- ", "quoted \"text\"", "x" * 70)


def _line(rng):
    text = rng.choice((" ", "  ", "\t")).join(rng.choices(WORDS, k=rng.randrange(12)))
    return text + rng.choice(("", "", "", " ", "\t", "  \t "))


def _value(rng):
    """A field's value, folded in places and with white space where it may stand."""
    words = [w for w in rng.choices(WORDS, k=1 + rng.randrange(9)) if w.isascii()] or ["x"]
    text = rng.choice((" ", "", "\t", "  ")) + words[0]
    for word in words[1:]:
        text += rng.choice((" ", "  ", "\t", "\r\n ", "\r\n\t", " \r\n  ")) + word
    return text + rng.choice(("", "", " ", "\t"))


def generated(seed, sender):
    """One letter, the same for the same seed. In eight of ten the body has bytes beyond ASCII."""
    rng = random.Random(seed)
    spelling = rng.choice((str, str.upper, str.lower))
    fields = [
        spelling("From") + ":" + rng.choice(("", " ", "\t", "\r\n ")) + rng.choice(
            (sender, f"Ann <{sender}>", f'"Ann, of Sales" <{sender}> (at work)',
             f"=?utf-8?q?=C3=84nn?=\r\n <{sender}>")),
        spelling("To") + ": joe@partner.test",
        spelling("Subject") + ":" + _value(rng),
        "X-Odd:" + _value(rng),
        "x-ODD:" + rng.choice(("", " ", _value(rng))),
    ]
    optional = ["Date: Tue, 24 Nov 2026 07:30:00 +0000", f"Message-ID: <{seed}@example.test>",
                "Cc: a@partner.test,\r\n\tb@partner.test", "Reply-To: " + sender,
                "MIME-Version: 1.0", "Content-Type: text/plain;\r\n charset=utf-8",
                "Content-Transfer-Encoding: 8bit", "References: <a@x>\r\n <b@x>",
                "Received: from a by b; Tue, 24 Nov 2026 07:29:00 +0000",
                "Received: from b by c; Tue, 24 Nov 2026 07:29:30 +0000"]
    fields += [f for f in optional if rng.random() < 0.6]
    rng.shuffle(fields)
    lines = [_line(rng) for _ in range(rng.choice((0, 1, 5, 40)))]
    lines += [""] * rng.choice((0, 0, 1, 3)) + rng.choice(([], [" "], ["\t "], ["."]))
    body = "".join(line + "\r\n" for line in lines)
    return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()


def letters(count, sender):
    """`count` letters as (name, bytes): of the corpora as many as there are, the rest made here.
    At least a tenth are made here."""
    found = []
    for file in corpus_files():
        letter = submitted(file.read_bytes(), sender)
        if letter:
            found.append((f"corpus-{len(found):04}-{file.name[:40]}", letter))
    random.Random(1).shuffle(found)
    found = found[:count - count // 10]
    made = [(f"made-{n:04}", generated(n, sender)) for n in range(count - len(found))]
    return found + made
