"""S/MIME letters that openssl and gpgsm signed are taken in as what they are, and of what was changed or only looks so, nothing is."""
import base64
import pathlib
import random
import re
import shutil
import subprocess

import pytest

import variety
from company import BUILD, CA, Company, wait_for
from gpgsm import Gpgsm
from test_smime import ANNA, PASSWORD, Person, fingerprint, openssl

WRITER = "writer@partner.test"  # in the letters as they are made; the signer takes its place
EC = "ec -pkeyopt ec_paramgen_curve:"
KINDS = ("rsa:2048", "rsa:3072", "rsa:4096", EC + "P-256", EC + "P-384", EC + "P-521")
DIGESTS = ("sha256", "sha384", "sha512")
WHOLE_MAX = 250000  # bytes of a letter that is within its SignedData: Postern reads 256 KiB of one
IMPORTED = 100  # letters of each program that a company imports
TAKEN = "it offers a certificate"


class Town:
    """An authority, and those whom it certified, by kind of key."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = CA(folder / "ca")
        self.people = [self.person(f"p{n}@partner.test", kind) for n, kind in enumerate(KINDS)]

    def person(self, address, kind="rsa:2048", *more, authority=None):
        made = Person(self.folder, address, kind=kind).issued(authority or self.authority, *more)
        made.kind = kind
        return made


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return Town(tmp_path_factory.mktemp("town"))


class Letter:
    """What a person signs (`entity`: the fields of the content, and the body), and the fields around it."""

    def __init__(self, octets, person):
        header, _, body = octets.replace(WRITER.encode(), person.address.encode()).partition(b"\r\n\r\n")
        fields = [f for f in variety.fields_of(header) if not f.lower().startswith(b"mime-version")]
        inner = [f for f in fields if f.lower().startswith(b"content-")]
        self.person = person
        self.outer = b"".join(f + b"\r\n" for f in fields if f not in inner)
        self.entity = b"\r\n".join(inner or [b"Content-Type: text/plain; charset=utf-8"]) + b"\r\n\r\n" + body

    def with_signature(self, signature, boundary=b"a-boundary=_of_the_test"):
        """multipart/signed of a signature in base64."""
        return (self.outer + b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=sha-256;\r\n\tboundary="' + boundary +
                b'"; protocol="application/pkcs7-signature"\r\n\r\n--' + boundary + b"\r\n" + self.entity + b"\r\n--" + boundary +
                b"\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n"
                b"Content-Disposition: attachment; filename=smime.p7s\r\n\r\n" + lines(signature) + b"\r\n--" + boundary + b"--\r\n")

    def with_all(self, signed, kind=b"signed-data"):
        """application/pkcs7-mime of what is in base64."""
        return (self.outer + b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=" + kind + b"; name=smime.p7m\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n" + lines(signed) + b"\r\n")


def lines(text):
    return b"\r\n".join(text.split())


def letters(count, people):
    """Of many shapes, each of another of these people."""
    return {f"{n:04}.eml": Letter(octets, people[n % len(people)])
            for n, (_, octets) in enumerate(variety.letters(count, WRITER))}


def by_openssl(letter, number, *more):
    """Signed by openssl, which writes the form as well: in turns beside the signature or around it."""
    person = letter.person
    more += ("-md", DIGESTS[number % 3])
    if number % 4 == 2 and person.kind.startswith("rsa"):
        more += ("-keyopt", "rsa_padding_mode:pss")
    if number % 2 and len(letter.entity) < WHOLE_MAX:
        more += ("-nodetach",)
    return letter.outer + openssl("cms", "-sign", "-binary", "-crlfeol", "-signer", person.certificate, "-inkey", person.key, *more,
                                  input=letter.entity)


def by_gpgsm(gpgsm, letter, number):
    """Signed by gpgsm, in turns beside the signature or around it."""
    if number % 2 and len(letter.entity) < WHOLE_MAX:
        return letter.with_all(gpgsm.sign(letter.entity, letter.person, DIGESTS[number % 3]))
    return letter.with_signature(gpgsm.sign(letter.entity, letter.person, DIGESTS[number % 3], "--detach-sign"))


def offers(folder, authority, made):
    """{name: (what became of it, address, fingerprint)} of letters by name."""
    folder.mkdir(exist_ok=True)
    for name, octets in made.items():
        (folder / name).write_bytes(octets)
    said = subprocess.run([BUILD / "harvest_smime", authority.certificate, *(folder / name for name in made)], check=True,
                          capture_output=True, text=True).stdout
    rows = [line.split("\t") for line in said.splitlines()]
    assert len(rows) == len(made)
    return {pathlib.Path(path).name: tuple(row) for path, *row in rows}


def all_are_taken(folder, town, signed):
    known = {person.address: fingerprint(person.certificate) for person in town.people}
    for name, offer in offers(folder, town.authority, {name: octets for name, (_, octets) in signed.items()}).items():
        address = signed[name][0].person.address
        assert offer == (TAKEN, address, known[address]), (name, offer)


@pytest.fixture(scope="module")
def count(request):
    return 1000 if request.config.getoption("--long", default=False) else 40


@pytest.fixture(scope="module")
def openssl_signed(town, count):
    """{name: (Letter, octets)}"""
    return {name: (letter, by_openssl(letter, n)) for n, (name, letter) in enumerate(letters(count, town.people).items())}


@pytest.fixture(scope="module")
def gpgsm_signed(town, count):
    if not shutil.which("gpgsm"):
        pytest.skip("gpgsm is not installed")
    people = [person for person in town.people if person.kind.startswith("rsa")]
    gpgsm = Gpgsm(town.folder / "g", [town.authority.certificate], people)
    try:
        return {name: (letter, by_gpgsm(gpgsm, letter, n)) for n, (name, letter) in enumerate(letters(count, people).items())}
    finally:
        gpgsm.end()


def test_what_openssl_signs_is_taken(town, openssl_signed, tmp_path):
    all_are_taken(tmp_path / "in", town, openssl_signed)
    texts = b"".join(octets for _, octets in openssl_signed.values())
    assert texts.count(b"smime-type=signed-data") > len(openssl_signed) // 4  # both forms were there
    assert texts.count(b"multipart/signed; protocol") > len(openssl_signed) // 4


def test_what_gpgsm_signs_is_taken(town, gpgsm_signed, tmp_path):
    all_are_taken(tmp_path / "in", town, gpgsm_signed)


# ── what is none of the sender's ──

def changed(letter, octets, rng):
    """The letter with one octet of what was signed another one."""
    at = octets.find(letter.entity)
    if at >= 0:
        at += rng.randrange(len(letter.entity))
        other = rng.choice([b for b in b"abcdefgh.\t" if b != octets[at]])
        return octets[:at] + bytes([other]) + octets[at + 1:]
    header, _, body = octets.partition(b"\r\n\r\n")
    der = bytearray(base64.b64decode(body))
    size = min(40, len(letter.entity))
    at = der.find(letter.entity[:size])
    assert at > 0
    der[at + rng.randrange(size)] ^= 1 << rng.randrange(8)
    return header + b"\r\n\r\n" + lines(base64.encodebytes(bytes(der))) + b"\r\n"


def with_from(octets, field):
    """Another From, and no other."""
    header, _, rest = octets.partition(b"\r\n\r\n")
    fields = variety.fields_of(header)
    at = [f.split(b":", 1)[0].lower() for f in fields].index(b"from")
    return b"\r\n".join([*fields[:at], field, *fields[at + 1:]]) + b"\r\n\r\n" + rest


def around(letter, octets):
    """The signed letter within one of a stranger, who says that he is the one who signed it."""
    whose = b"From: " + letter.person.address.encode() + b"\r\nMIME-Version: 1.0\r\n"
    begin = b"\r\n--o\r\nContent-Type: text/html\r\n\r\n<img src=\"http://evil.test/\r\n--o\r\n"
    signed = octets[octets.index(b"MIME-Version: 1.0\r\nContent-Type:"):] if b"MIME-Version: 1.0\r\nContent-Type:" in octets else octets
    yield whose + b"Content-Type: multipart/mixed; boundary=o\r\n" + begin + signed + b"\r\n--o--\r\n"
    yield whose + b"Content-Type: multipart/mixed; boundary=o\r\n" + begin + b"Content-Type: message/rfc822\r\n\r\n" + octets + b"\r\n--o--\r\n"
    yield (whose + b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=o\r\n' + begin + signed +
           b"\r\n--o--\r\n")


def spoofs(letter, octets, other, rng):
    """{what was done: the letter}; `other` is another person, whom the authority knows as well."""
    me, you = letter.person.address.encode(), other.address.encode()
    yield "an octet of the text", changed(letter, octets, rng)
    for field in (b"From: " + you, b"From: " + me + b", " + you, b"From: " + me + b"\r\nFrom: " + you, b"From: people: " + me + b";",
                  b"X-From: " + me, b"From: " + me + b" <" + you + b">", b"From: <" + you + b"> " + me, b"From: " + me + b"\0" + you):
        yield f"its sender: {field}", with_from(octets, field)
    for number, whole in enumerate(around(letter, octets)):
        yield f"within another one {number}", whole
    header, _, body = octets.partition(b"\r\n\r\n")
    yield "a second type", header.replace(b"MIME-Version", b"Content-Type: text/plain\r\nMIME-Version", 1) + b"\r\n\r\n" + body
    yield "encrypted, it says", octets.replace(b"signed-data", b"enveloped-data").replace(b"multipart/signed", b"multipart/encrypted")
    found = re.search(rb'boundary="([^"]+)"', header) if letter.entity in octets else None
    if found:
        mark = b"--" + found[1]
        yield "a part before", octets.replace(mark + b"\r\n", mark + b"\r\n\r\nPay here.\r\n" + mark + b"\r\n", 1)
        yield "a part behind", octets.replace(mark + b"--", mark + b"\r\n\r\nPay here.\r\n" + mark + b"--")
        yield "another boundary", octets.replace(b"boundary=", b"boundary=x; boundary=", 1)
        yield "two boundaries by RFC 2231", octets.replace(b"boundary=", b"boundary*0=x; boundary=", 1)
        mine = Letter(b"From: " + me + b"\r\n\r\nPay here.\r\n", letter.person)
        yield "another text", mine.with_signature(octets.split(mark)[2].partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("program", ["openssl", "gpgsm"])
def test_of_what_was_changed_nothing_is_taken(town, program, request, tmp_path):
    signed = request.getfixturevalue(f"{program}_signed")
    rng = random.Random(5)
    made, what = {}, {}
    for number, (letter, octets) in enumerate(signed.values()):
        other = town.people[(town.people.index(letter.person) + 1) % len(town.people)]
        for kind, spoof in spoofs(letter, octets, other, rng):
            name = f"{number}-{len(made)}"
            made[name], what[name] = spoof, kind
    wrong = {}
    for at in range(0, len(made), 500):
        some = dict(list(made.items())[at:at + 500])
        wrong |= {what[name]: offer for name, offer in offers(tmp_path / "in", town.authority, some).items() if offer[0] == TAKEN}
        shutil.rmtree(tmp_path / "in")
    print(f"{len(made)} letters that were changed, {len(wrong)} taken")
    assert not wrong and len(made) > 15 * len(signed)


def certify(folder, person, issuer, name, *words, days=30, subject=None):
    """A certificate for the key of a person, of any content; who holds it."""
    stem = folder / name.replace(" ", "-")
    stem.with_suffix(".ext").write_text("\n".join(words) + "\n")
    openssl("req", "-new", "-key", person.key, "-subj", subject or f"/CN={name}", "-out", stem.with_suffix(".csr"))
    openssl("x509", "-req", "-in", stem.with_suffix(".csr"), "-CA", issuer.certificate, "-CAkey", issuer.key, "-CAcreateserial",
            "-days", days, "-extfile", stem.with_suffix(".ext"), "-out", stem.with_suffix(".pem"))
    made = object.__new__(Person)
    made.address, made.key, made.certificate, made.kind = person.address, person.key, stem.with_suffix(".pem"), person.kind
    return made


MAIL = ("basicConstraints=CA:FALSE", "extendedKeyUsage=emailProtection")
USE = "keyUsage=digitalSignature,keyEncipherment"


def impostors(town, folder, victim):
    """Eve, who has a good certificate of her own, with others that should make her the victim: (what it is, she, more for openssl)."""
    eve = town.person("eve@partner.test")
    him = f"subjectAltName=email:{victim.address}"
    shown = openssl("x509", "-in", victim.certificate, "-noout", "-ext", "subjectKeyIdentifier").decode().split()[-1]
    good = (*MAIL, USE, him)
    yield "her own", eve, ()
    yield "the victim's beside it", eve, ("-certfile", victim.certificate)
    yield "an authority of the same name", certify(folder, eve, CA(folder / "twin"), "twin", *good), ("-certfile", town.authority.certificate)
    yield "issued by her own", certify(folder, eve, eve, "by eve", *good), ("-certfile", eve.certificate)
    yield "ended", certify(folder, eve, town.authority, "ended", *good, days=-1), ()
    yield "of a server", certify(folder, eve, town.authority, "server", MAIL[0], "extendedKeyUsage=serverAuth", USE, him), ()
    yield "for no signatures", certify(folder, eve, town.authority, "encrypts", *MAIL, "keyUsage=keyEncipherment", him), ()
    yield "his name alone", certify(folder, eve, town.authority, "name", *MAIL, USE, subject=f"/CN={victim.address}"), ()
    yield "his name as a host's", certify(folder, eve, town.authority, "host", *MAIL, USE, f"subjectAltName=DNS:{victim.address}"), ()
    yield "his name and more", certify(folder, eve, town.authority, "more", *MAIL, USE, f"subjectAltName=email:{victim.address}.evil.test"), ()
    yield "his key's id", certify(folder, eve, town.authority, "id", *MAIL, USE, "subjectAltName=email:eve@partner.test",
                                  f"subjectKeyIdentifier={shown.replace(':', '')}"), ("-keyid", "-certfile", victim.certificate)
    yield "by SHA-1", victim, ("-md", "sha1")
    yield "by MD5", victim, ("-md", "md5")
    yield "two signatures", victim, ("-signer", eve.certificate, "-inkey", eve.key)


def test_nobody_signs_for_another_one(town, tmp_path):
    """Nor is anything taken that is encrypted or has no signature; she who is herself is taken as herself."""
    victim = town.people[0]
    text = f"From: Vic <{victim.address}>\r\nSubject: x\r\n\r\nPay here.\r\n".encode()
    made = {}
    for what, signer, more in impostors(town, tmp_path, victim):
        letter = Letter(text, signer)
        for form in ((), ("-nodetach",)):
            name = f"{what}{' '.join(form)}".replace("/", "")
            made[name] = letter.outer + openssl("cms", "-sign", "-binary", "-crlfeol", "-signer", signer.certificate, "-inkey", signer.key,
                                                *more, *form, input=letter.entity)
    letter = Letter(text, victim)
    bag = base64.encodebytes(openssl("crl2pkcs7", "-nocrl", "-certfile", victim.certificate, "-outform", "DER"))
    made |= {"a bag within": letter.with_all(bag), "a bag beside": letter.with_signature(bag)}
    signed = by_openssl(letter, 1)
    for cipher in ("aes-256-cbc", "aes-256-gcm"):
        sealed = openssl("cms", "-encrypt", f"-{cipher}", "-binary", "-outform", "DER", victim.certificate,
                         input=signed[signed.index(b"MIME-Version"):])
        other = bytearray(sealed)
        other[len(other) // 2 + 40] ^= 1  # as EFAIL does, so that a block of the text is another one
        for kind in (b"enveloped-data", b"signed-data", b"authEnveloped-data"):
            for which, octets in (("", sealed), (" changed", bytes(other))):
                made[f"{cipher} {kind.decode()}{which}"] = letter.with_all(base64.encodebytes(octets), kind)
                for n, whole in enumerate(around(letter, letter.with_all(base64.encodebytes(octets), kind))):
                    made[f"{cipher} {kind.decode()}{which} {n}"] = whole
    taken = {name: offer for name, offer in offers(tmp_path / "in", town.authority, made).items() if offer[0] == TAKEN}
    assert len(made) > 70 and not taken, taken
    eve = town.person("eve@partner.test")
    hers = {}
    for n, field in enumerate((f"From: {victim.address} <eve@partner.test>", f"From: \"{victim.address}\" <eve@partner.test>",
                               f"From: ({victim.address}) eve@partner.test", f"From: =?utf-8?q?{victim.address}?= <eve@partner.test>",
                               f"From: eve@partner.test ({victim.address})", f"Reply-To: {victim.address}\r\nFrom: eve@partner.test",
                               f"Sender: {victim.address}\r\nFrom: eve@partner.test", f"From: <@{victim.address[3:]}:eve@partner.test>",
                               f"From: {victim.address}\r\n\t<eve@partner.test>", "From: <eve@partner.test>")):
        hers[str(n)] = by_openssl(Letter(field.encode() + b"\r\n\r\nHello\r\n", eve), n)
    said = offers(tmp_path / "hers", town.authority, hers)
    assert {offer[1:] for offer in said.values()} <= {("", ""), ("eve@partner.test", fingerprint(eve.certificate))}, said
    assert said["9"][0] == TAKEN


# ── the daemon ──

def test_a_company_keeps_what_they_offer(town, openssl_signed, gpgsm_signed, tmp_path):
    """Some of these letters, each twice, once under another name, are imported: everybody's certificate is known then, and nothing else."""
    company = Company(tmp_path / "company")
    company.create(settings={"smime-trust": town.authority.certificate})
    company.start()
    try:
        company.add_user(ANNA, PASSWORD)
        folder = tmp_path / "in"
        folder.mkdir()
        victim = town.person("victim@partner.test")
        for program, signed in (("openssl", openssl_signed), ("gpgsm", gpgsm_signed)):
            for name, (_, octets) in list(signed.items())[:IMPORTED]:
                (folder / f"{program}-{name}").write_bytes(octets)
                (folder / f"{program}-as-victim-{name}").write_bytes(with_from(octets, f"From: {victim.address}".encode()))
        words = ("import", "eml", folder, "--owner", ANNA, "--reason", "test")
        wait_for("a catalog that is up to date", lambda: company.postern(*words, check=False).returncode == 0, 60)
        for person in town.people:
            shown = wait_for(f"the certificate of {person.address}", lambda: company.postern(
                "recipient", "show", person.address, check=False).stdout, 120)
            assert fingerprint(person.certificate) in shown and "from a signed letter" in shown
        listed = company.postern("recipient", "list", "partner.test")
        assert victim.address not in listed and len(set(re.findall(r"\S+@partner\.test", listed))) == len(town.people), listed
    finally:
        company.stop()
