"""What does it cost to sign a letter, to encrypt it, to lock its files?"""
import base64
import os
import random
import resource
import subprocess

ROW = "| {:<72} | {:>9} | {:>7} |"
SIZE, RECIPIENTS, MIB = 50000, 3, 1 << 20
EXTENSIONS = ("basicConstraints=CA:FALSE", "extendedKeyUsage=emailProtection",
              "keyUsage=digitalSignature,keyEncipherment,keyAgreement")
SENDER = "ann@example.test"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, **options).stdout


def cpu_ms(*command, **options):
    """Processor time of a program and what it started."""
    def spent():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return 1e3 * (used.ru_utime + used.ru_stime)

    before = spent()
    run(*command, **options)
    return spent() - before


def letter(number, size, kind="application/pdf"):
    """Text, and an attachment that does not compress."""
    dice = random.Random(number)
    words = " ".join(dice.choice("the offer of your company was sent to me on Monday".split()) for _ in range(1600))
    text = "\r\n".join(words[at:at + 72] for at in range(0, len(words), 72))
    file = base64.encodebytes(dice.randbytes(max(size - len(text), 0) * 3 // 4)).replace(b"\n", b"\r\n").decode()
    return (f"From: Anna <{SENDER}>\r\nTo: Paul <paul@partner.test>\r\nSubject: Offer {number}\r\n"
            f"Date: Tue, 24 Nov 2026 07:30:00 +0000\r\nMessage-ID: <{number}@example.test>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
            f"{text}\r\n--b\r\nContent-Type: {kind}; name=a.bin\r\nContent-Disposition: attachment; filename=a.bin\r\n"
            f"Content-Transfer-Encoding: base64\r\n\r\n{file}\r\n--b--\r\n").encode()


class Letters:
    """Two folders, one with twice as many: what a program costs before its first letter falls out."""

    def __init__(self, folder, count):
        self.folder, self.count = folder, count
        for times in (1, 2):
            where = folder / f"in{times}"
            where.mkdir()
            for n in range(count * times):
                (where / str(n)).write_bytes(letter(n, SIZE))

    def cost(self, command, rounds):
        """Milliseconds for one letter: the least of some rounds, since what else goes on only adds."""
        best = None
        for _ in range(rounds):
            spent = [cpu_ms(*command(self.folder / f"in{times}", self.out())) for times in (1, 2)]
            one = (spent[1] - spent[0]) / self.count
            best = one if best is None else min(best, one)
        return best

    def out(self):
        where = self.folder / "out" / os.urandom(4).hex()
        where.mkdir(parents=True)
        return where


def person(folder, name, *kind):
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    words = [word for text in (*EXTENSIONS, f"subjectAltName=email:{name}") for word in ("-addext", text)]
    run("openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-keyout", key, "-out", certificate, "-subj",
        f"/CN={name}", "-days", "30", *words)
    return key, certificate


def run_dkim(letters, build, rounds, out):
    rsa, ed = letters.folder / "rsa.pem", letters.folder / "ed.pem"
    run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", rsa)
    run("openssl", "genpkey", "-algorithm", "ED25519", "-out", ed)
    cost = letters.cost(lambda source, to: [build / "sign_letters", "example.test", rsa, ed, source, to], rounds)
    out(ROW.format("DKIM, RSA-2048 and Ed25519", f"{cost:.2f} ms", "1.5 ms"))


def run_smime(letters, build, rounds, out):
    ec = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    signers = {"EC P-256 (`smime issue`)": person(letters.folder, SENDER, *ec),
               "RSA-2048": person(letters.folder, "two@example.test", "rsa:2048"),
               "RSA-3072": person(letters.folder, "three@example.test", "rsa:3072")}
    to = [person(letters.folder, f"r{n}@partner.test", "rsa:3072")[1] for n in range(RECIPIENTS)]
    for name, (key, certificate) in signers.items():
        cost = letters.cost(lambda source, where, k=key, c=certificate:
                            [build / "seal_smime", "cbc", k, c, source, where, *to], rounds)
        out(ROW.format(f"S/MIME to {RECIPIENTS} of RSA-3072, signed by {name}", f"{cost:.2f} ms", "3 ms"))
    key, certificate = next(iter(signers.values()))
    cost = letters.cost(lambda source, where: [build / "seal_smime", "sign", key, certificate, source, where], rounds)
    out(ROW.format("S/MIME, signed alone, EC P-256", f"{cost:.2f} ms", ""))


def run_openpgp(letters, build, rounds, out):
    own, home = letters.folder / "own", letters.folder / "gnupg"
    run(build / "seal_openpgp", "own", own)
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    keys = []
    for n in range(RECIPIENTS):
        run(*gpg, "--quick-gen-key", f"r{n}@partner.test", "future-default", "default", "never")
        keys.append(letters.folder / f"r{n}.pgp")
        keys[-1].write_bytes(run(*gpg, "--export", f"r{n}@partner.test"))
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    cost = letters.cost(lambda source, to: [build / "seal_openpgp", "seal", own, to, *keys, "--",
                                            *sorted(source.iterdir())], rounds)
    out(ROW.format(f"OpenPGP to {RECIPIENTS} of Curve25519, signed by Ed25519", f"{cost:.2f} ms", "3 ms"))


def run_zip(build, rounds, out):
    """Of a file that goes into an archive, by the mebibyte: the archive alone, and all that an inspector does to a letter for it."""
    mebibytes, times = 5, 5

    def cost(how, source):
        once, twice = [min(cpu_ms(build / "lock_letter", "Kettle-Meadow-Window-27", how, str(n), input=source)
                           for _ in range(rounds)) for n in (times, 2 * times)]
        return f"{(twice - once) / (times * mebibytes):.1f} ms"

    out(ROW.format("a file under a password (ZIP, AES-256), each MiB", cost("archive", random.Random(1).randbytes(mebibytes * MIB)),
                   "5 ms"))
    made = letter(1, 4 * mebibytes * MIB // 3, "application/octet-stream")
    out(ROW.format("the same in a letter: out of base64 and into it again, each MiB", cost("inside", made), ""))


def measure(folder, options, out, build):
    """`build`: where the programs are."""
    rounds = 2 if options.quick else 3
    letters = Letters(folder, 50 if options.quick else 100)
    out(ROW.format("processor time for a letter of 50 KB", "measured", "wanted"))
    out(ROW.format("---", "---:", "---:"))
    run_dkim(letters, build, rounds, out)
    run_smime(letters, build, rounds, out)
    run_openpgp(letters, build, rounds, out)
    run_zip(build, rounds, out)
