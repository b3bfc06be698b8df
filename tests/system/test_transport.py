"""What proves a receiving server, case by case: what the domain's DNS says, how its servers are named, what certificate they
show, what the settings demand. Each case is a domain with a real server, and one letter goes to all of them; what may not
leave must not have left. As RFC 7672, 7671 and 6698 say."""
import hashlib
import pathlib
import re
import shutil
import ssl
import subprocess
import tempfile

import pytest

from company import CA, wait_for
from test_delivery import Sender, pytestmark  # noqa: F401
from sts_web import Web, policy
from town import Town
from wire import Wire

SENT = "the matrix"
MARK = b"vermilion-otter-7731"  # in the text of each letter of the matrix
POLICIES = """
[policy sealed]
subject-tag = [sealed]
methods = encrypted
"""
OTHER = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, **more).stdout


class Certificate:
    """A certificate with its key, and TLSA records about it."""

    def __init__(self, certificate, key, shown=None):
        self.certificate, self.key = pathlib.Path(certificate), key
        self.shown = shown or certificate  # what the server has, with what it adds
        self.der = ssl.PEM_cert_to_DER_cert(self.certificate.read_text())
        pem = run("openssl", "x509", "-in", certificate, "-noout", "-pubkey")
        self.public = run("openssl", "pkey", "-pubin", "-outform", "DER", input=pem)

    def tlsa(self, usage, selector, matching):
        data = (self.der, self.public)[selector]
        data = (data, hashlib.sha256(data).digest(), hashlib.sha512(data).digest())[matching]
        return f"{usage} {selector} {matching} {data.hex()}"

    @property
    def pin(self):
        return hashlib.sha256(self.public).hexdigest()


class Case:
    """One domain. `records` are TLSA records of its server; `what` is what becomes of a letter: a level, or `deferred`;
    `sts` names the host that an MTA-STS policy means, which is enforced."""

    def __init__(self, name, server, what, words="", records=(), section="", zone="dane.test", sts=""):
        self.sts = sts
        self.name, self.server, self.what, self.words = name, server, what, words
        self.records, self.section, self.zone = records, section, zone
        self.domain = f"{name}.{zone}"


def certificates(folder, authority):
    """The certificates of the servers."""
    private = CA(folder / "private", "A private authority")
    made = {"ca": Certificate(private.certificate, None)}

    def issue(name, by, *names, **more):
        made[name] = Certificate(*by.issue(*names, file=name, **more))

    def with_authority(name):
        """It shows its issuer's certificate as well."""
        shown = folder / f"{name}-chain.pem"
        shown.write_bytes(made[name].certificate.read_bytes() + private.certificate.read_bytes())
        made[name].shown = shown

    issue("good", authority, "mx.good.dane.test", "*.good.test", "mx.fallback.dane.test", *(
        f"mx.{n}.{z}" for n, z in (("none", "dane.test"), ("plainzone", "test"), ("unsigned-tlsa", "test"),
                                   ("nothing", "dane.test"), ("mx-insecure", "test"),
                                   ("mx-insecure-strict", "test"), ("tlsa-insecure", "dane.test"))),
        "mx.elsewhere.dane.test", *(f"mx.{n}.dane.test" for n in ("sts", "sts-other", "sts-mismatch", "sts-unusable",
                                                                  "sts-bogus")))
    issue("issued", private, "mx.ta-key.dane.test", "mx.ta-cert.dane.test", "mx.ta-full.dane.test",
          "ta-nexthop.dane.test", "mx.pin-ca.dane.test", "mx.pin-other.dane.test")
    with_authority("issued")
    issue("over", private, "mx.ta-over.dane.test", days=-1)
    with_authority("over")
    issue("alone", CA(folder / "nobody", "Nobody"), "mx.nobody.invalid")
    return made


def cases(c):
    """All of them, by what is different."""
    alone, issued, ca = c["alone"], c["issued"], c["ca"]
    match, wrong = alone.tlsa(3, 1, 1), f"3 1 1 {OTHER}"
    deferred = r"is not one that its domain means \({}"
    mismatch = deferred.format("no-tlsa-match")
    return [
        # The domain publishes nothing that counts.
        Case("plainzone", "good", "verified", zone="test"),
        Case("unsigned-tlsa", "good", "verified", records=[wrong], zone="test"),
        Case("none", "good", "verified"),
        Case("none-alone", "alone", "encrypted"),
        Case("none-clear", "plain", "cleartext", section="tls = cleartext"),
        Case("none-stripped", "plain", "deferred", "offers no STARTTLS"),
        Case("nothing", "good", "deferred", "nothing that the domain .* publishes proves",
             section="tls = authenticated"),
        Case("mx-insecure", "good", "verified", zone="test"),
        Case("mx-insecure-strict", "good", "deferred", "nothing that the domain", zone="test",
             section="tls = authenticated"),
        # DANE-EE: the key or the certificate is enough.
        Case("ee-key", "alone", "DANE 3 1 1", records=[match]),
        Case("ee-key-512", "alone", "DANE 3 1 2", records=[alone.tlsa(3, 1, 2)]),
        Case("ee-key-full", "alone", "DANE 3 1 0", records=[alone.tlsa(3, 1, 0)]),
        Case("ee-cert", "alone", "DANE 3 0 1", records=[alone.tlsa(3, 0, 1)]),
        Case("ee-cert-full", "alone", "DANE 3 0 0", records=[alone.tlsa(3, 0, 0)]),
        Case("ee-over", "over", "DANE 3 1 1", records=[c["over"].tlsa(3, 1, 1)]),
        Case("ee-rollover", "alone", "DANE 3 1 1", records=[wrong, match]),
        Case("ee-strict", "alone", "DANE 3 1 1", records=[match], section="tls = authenticated"),
        Case("ee-verified", "alone", "DANE 3 1 1", records=[match], section="tls = verified"),
        Case("ee-wrong", "good", "deferred", mismatch, records=[wrong]),
        Case("ee-wrong-clear", "alone", "deferred", mismatch, records=[wrong],
             section="tls = cleartext"),
        Case("ee-stripped", "plain", "deferred", "offers no STARTTLS", records=[match]),
        Case("ee-stripped-clear", "plain", "deferred", "offers no STARTTLS", records=[match],
             section="tls = cleartext"),
        Case("ee-broken", "broken", "deferred", "(STARTTLS|TLS with the server) failed", records=[match],
             section="tls = cleartext"),
        # DANE-TA: the authority, and then names and dates count.
        Case("ta-key", "issued", "DANE 2 1 1", records=[ca.tlsa(2, 1, 1)]),
        Case("ta-cert", "issued", "DANE 2 0 2", records=[ca.tlsa(2, 0, 2)]),
        Case("ta-full", "issued-bare", "DANE 2 0 0", records=[ca.tlsa(2, 0, 0)]),
        Case("ta-nexthop", "issued", "DANE 2 1 1", records=[ca.tlsa(2, 1, 1)]),
        Case("ta-name", "issued", "deferred", deferred.format("name-mismatch"),
             records=[ca.tlsa(2, 1, 1)]),
        Case("ta-over", "over", "deferred", deferred.format("expired"), records=[ca.tlsa(2, 1, 1)]),
        Case("ta-other", "alone", "deferred", mismatch, records=[ca.tlsa(2, 1, 1)]),
        # Records that cannot be used make TLS mandatory, and nothing else.
        Case("pkix", "alone", "encrypted", "none can be used", records=[f"1 1 1 {OTHER}"]),
        Case("pkix-clear", "plain", "deferred", "offers no STARTTLS", records=[f"0 0 1 {OTHER}"],
             section="tls = cleartext"),
        Case("strange", "alone", "encrypted", "none can be used",
             records=[f"3 1 7 {OTHER}", f"3 9 1 {OTHER}", f"9 1 1 {OTHER}"]),
        Case("short", "alone", "encrypted", "none can be used", records=["3 1 1 0011", "3 0 0 3000"]),
        Case("short-strict", "alone", "deferred", "not proven to be its own",
             records=["3 1 1 0011"], section="tls = authenticated"),
        Case("mixed", "alone", "deferred", mismatch, records=[f"1 1 1 {OTHER}", wrong]),
        # What the DNS does not say, nobody may assume.
        Case("tlsa-bogus", "alone", "deferred", "TLSA records is not known"),
        Case("tlsa-servfail", "alone", "deferred", "TLSA records is not known"),
        Case("mx-bogus", "alone", "deferred", "DNSSEC validation failed", zone="bogus.test"),
        Case("address-bogus", "alone", "deferred", "DNSSEC validation failed", records=[match]),
        # Names that lead on to others.
        Case("tlsa-alias", "alone", "DANE 3 1 1"),
        Case("tlsa-insecure", "good", "verified"),
        Case("alias-target", "alone", "DANE 3 1 1"),
        Case("alias-own", "alone", "DANE 3 1 1", records=[match]),
        Case("alias-insecure", "alone", "DANE 3 1 1", records=[match]),
        Case("alias-both", "alone", "deferred", mismatch, records=[match]),
        Case("implicit", "alone", "DANE 3 1 1"),
        Case("fallback", "alone", "DANE 3 1 1", records=[wrong]),
        # DANE counts before MTA-STS, which may neither mend a server that fails it nor take away one that fits (RFC 8461,
        # section 2); where it proves nothing a policy does.
        Case("sts", "good", "MTA-STS 1", sts="mx.sts.dane.test"),
        Case("sts-other", "good", "deferred", "is no mail server of", sts="mx.another.test"),
        Case("sts-match", "alone", "DANE 3 1 1", records=[match], sts="mx.another.test"),
        Case("sts-mismatch", "good", "deferred", mismatch, records=[wrong], sts="mx.sts-mismatch.dane.test"),
        Case("sts-unusable", "good", "MTA-STS 1", records=[f"1 1 1 {OTHER}"], sts="mx.sts-unusable.dane.test"),
        Case("sts-bogus", "good", "deferred", "TLSA records is not known", sts="mx.sts-bogus.dane.test"),
        # Pins of the settings count before all of it.
        Case("pin-key", "alone", "pinned key", section=f"tls-pin = {OTHER}, {alone.pin}"),
        Case("pin-wrong", "good", "deferred", mismatch, section=f"tls-pin = {OTHER}"),
        Case("pin-dane", "alone", "pinned key", records=[wrong], section=f"tls-pin = {alone.pin}"),
        Case("pin-ca", "issued", "pinned authority", section=f"tls-ca = {ca.certificate}"),
        Case("pin-other", "issued", "deferred", mismatch, section=f"tls-ca = {{town}}/nobody/ca.pem"),
    ]


class World(Town):
    def __init__(self, folder):
        super().__init__(folder, CA(folder / "ca"))
        self.made = certificates(folder, self.authority)
        self.cases = cases(self.made)
        self.dns.add("bogus.test", "mx-bogus MX 10 mx", "mx A 127.0.0.66",
                     f"tlsa TLSA 3 1 1 b0b0b0b0{OTHER[8:]}", kind="bogus")
        self.dns.add("dane.test", kind="signed")
        self.odd("home")
        self.odd("broken", "broken-tls")
        self.odd("keeps", "requiretls")
        self.odd("loose")
        for name in ("good", "issued", "over", "alone"):
            self.listen(name, self.made[name].shown, self.made[name].key)
        self.listen("issued-bare", self.made["issued"].certificate, self.made["issued"].key)
        self.postfix.listen("plain", self.server_of("plain"), self.port, "smtpd_tls_security_level = none")
        web = self.address()
        self.web = Web(web, self.authority.issue("web.test", *(f"mta-sts.{c.domain}" for c in self.cases if c.sts)),
                       self.authority.issue("nobody.test"))
        for case in self.cases:
            self.declare(case)
            if case.sts:
                self.dns.add(case.zone, f"mta-sts.{case.name} A {web}", f'_mta-sts.{case.name} TXT "v=STSv1; id=1;"')
                self.web.answers[f"mta-sts.{case.domain}", "/.well-known/mta-sts.txt"] = (
                    200, {"Content-Type": "text/plain"}, policy("enforce", case.sts))
        self.declare_names()

    def close(self):
        super().close()
        self.web.close()

    def listen(self, name, certificate, key):
        self.postfix.listen(name, self.server_of(name), self.port,
                            f"smtpd_tls_chain_files = {key}, {certificate}")

    def declare(self, case):
        """The records that most cases have; what is special follows."""
        special = ("mx-insecure", "mx-insecure-strict", "mx-bogus", "address-bogus", "alias-target", "alias-own",
                   "alias-insecure", "alias-both", "implicit", "tlsa-bogus", "tlsa-servfail", "tlsa-alias",
                   "tlsa-insecure")
        tlsa = [f"_{self.port}._tcp.mx.{case.name} TLSA {r}" for r in case.records]
        if case.name not in special:
            tlsa.append(f"mx.{case.name} A {self.addresses[case.server]}")
        if case.name not in ("mx-bogus", "implicit"):
            tlsa.append(f"{case.name} MX 10 mx.{case.name}" if not case.name.startswith("mx-insecure")
                        else f"{case.name} MX 10 mx.elsewhere.dane.test.")
        self.dns.add(case.zone, *tlsa)

    def declare_names(self):
        """Where the names lead that are special."""
        own, port = self.addresses["alone"], self.port
        match, wrong = self.made["alone"].tlsa(3, 1, 1), f"3 1 1 {OTHER}"
        self.dns.add(
            "dane.test",
            f"mx.elsewhere A {self.addresses['good']}", f"_{port}._tcp.mx.elsewhere TLSA {wrong}",
            "mx.address-bogus CNAME mx.bogus.test.",
            f"mx.tlsa-bogus A {own}", f"_{port}._tcp.mx.tlsa-bogus CNAME tlsa.bogus.test.",
            f"_{port}._tcp.mx.sts-bogus CNAME tlsa.bogus.test.",
            f"mx.tlsa-servfail A {own}", f"_{port}._tcp.mx.tlsa-servfail CNAME x.servfail.test.",
            f"mx.tlsa-alias A {own}", f"_{port}._tcp.mx.tlsa-alias CNAME records",
            f"records TLSA {match}",
            f"mx.tlsa-insecure A {self.addresses['good']}",
            f"_{port}._tcp.mx.tlsa-insecure CNAME records.test.",
            "mx.alias-target CNAME target", f"target A {own}", f"_{port}._tcp.target TLSA {match}",
            "mx.alias-own CNAME silent-target", f"silent-target A {own}",
            "mx.alias-insecure CNAME target.test.",
            "mx.alias-both CNAME wrong-target", f"wrong-target A {own}",
            f"_{port}._tcp.wrong-target TLSA {wrong}",
            f"implicit A {own}", f"_{port}._tcp.implicit TLSA {match}",
            "fallback MX 20 mx2.fallback", f"mx2.fallback A {own}",
            f"_{port}._tcp.mx2.fallback TLSA {match}",
            *(f"{name}{more} MX 10 mx.{name}.test." for name in ("keeps", "loose") for more in ("", "-always")))
        self.records(f"target A {own}", f"records TLSA {wrong}")


@pytest.fixture(scope="module")
def world():
    with tempfile.TemporaryDirectory(prefix="postern-transport-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        world = World(folder)
        try:
            world.open()
            yield world
        finally:
            world.close()


@pytest.fixture(scope="module")
def sender(world, wire):
    """A sender that tries once and then waits for an hour."""
    sections = "".join(f"[domain {c.domain}]\n{c.section.format(town=world.folder)}\n"
                       for c in world.cases if c.section)
    sections += "".join(f"[domain {name}-always.dane.test]\nrequire-tls = yes\n" for name in ("keeps", "loose"))
    sender = Sender(world.folder / "sender", world,
                    {"retry-schedule": "1h", "dns-timeout": "3s", "delivery-concurrency": 20,
                     "courier-trust-store": world.authority.certificate},
                    sections + POLICIES)
    yield sender
    sender.company.stop()


@pytest.fixture(scope="module")
def wire(world):
    """An eavesdropper, from before the first letter on."""
    with Wire(world.port) as wire:
        yield wire


def to_all(wire, sender, subject, cases):
    """Send one letter to all of these domains; what became of it, and what an eavesdropper got of it."""
    letter = sender.send(subject, [f"joe@{c.domain}" for c in cases], body=MARK + b"\r\n")
    return sender.outcomes(letter, len(cases), 60), wire.connections()


@pytest.fixture(scope="module")
def heard(world, wire, sender):
    """The matrix, with what was heard of it."""
    return to_all(wire, sender, SENT, world.cases)


@pytest.fixture(scope="module")
def ended(heard):
    return heard[0]


def judge(case, attempt):
    """What is wrong with the attempt; nothing when it is as the case says."""
    facts = attempt.facts
    if case.what == "deferred":
        fine = attempt.outcome.startswith("deferred") and re.search(case.words, attempt.outcome)
    elif case.what in ("cleartext", "encrypted", "verified"):
        fine = (attempt.outcome.startswith("delivered") and facts.get("level") == case.what and
                "proof" not in facts and re.search(case.words, facts.get("published", "")))
    else:
        fine = (attempt.outcome.startswith("delivered") and facts.get("level") == "authenticated" and
                facts.get("proof") == case.what and facts["verdict"] == "verified")
    return "" if fine else f"{case.name} wants {case.what} {case.words}\n{attempt}\n"


def test_every_case_is_as_the_rfcs_say(world, ended):
    assert len(world.cases) >= 40 and len({c.name for c in world.cases}) == len(world.cases)
    wrong = [judge(c, ended[c.domain]) for c in world.cases]
    assert not any(wrong), "\n".join(w for w in wrong if w)


def test_what_left_is_what_might_leave(world, ended):
    """By the servers' own word: who got the letter, and how."""
    sent = [c for c in world.cases if c.what != "deferred"]
    got = {}
    for own, _ in world.postfix.wait(f"Subject: {SENT}", len(sent)):
        got[re.search(r"X-Original-To: joe@(\S+)", own)[1]] = own
    assert sorted(got) == sorted(c.domain for c in sent)
    assert [d for d, own in got.items() if "using TLS" not in own] == ["none-clear.dane.test"]
    assert world.receivers["broken"].letters() == []
    assert world.postfix.log("plain").count(" client=") == 1
    assert ended["fallback.dane.test"].facts["host"].startswith("mx2.fallback.dane.test ")


def in_the_clear(connections, *words):
    """What an eavesdropper could read of letters: lines that only a letter has, words anywhere, and what is no TLS."""
    found = [line for c in connections for line in c.letters]
    found += [word for c in connections for word in words if word in c.up + c.down]
    # A server that was to speak TLS and did not got the first message of a handshake, and no more.
    return found + [c for c in connections if c.sealed and not c.is_tls]


def test_an_eavesdropper_reads_the_one_letter_that_may_be_read(world, heard):
    """Of the whole matrix, on the wire: a letter is read where the settings say cleartext and the domain publishes
    nothing, which shows that it would be seen; of all others not a line, no subject, no recipient."""
    ended, connections = heard
    words = MARK, SENT.encode(), b"joe@"
    (control,) = [c for c in connections if c.letters]
    assert {line for line in control.letters if line.startswith(b"RCPT")} == {b"RCPT TO:<joe@none-clear.dane.test>"}
    assert control.up.count(MARK) == 1 and b"\r\nSubject: the matrix\r\n" in control.up
    rest = [c for c in connections if c is not control]
    assert in_the_clear(rest, *words) == []
    assert len(in_the_clear([control], *words)) > len(words)
    sealed = [c for c in rest if c.is_tls]  # and nothing of all this because nobody was heard
    assert {c.server[0] for c in sealed} - {world.addresses["broken"]} == {
        world.addresses[name] for name in ("good", "alone", "issued", "issued-bare", "over")}
    assert len(sealed) >= len([c for c in world.cases if c.what not in ("deferred", "cleartext")])
    assert len(rest) > len([c for c in world.cases if c.server == "plain"])


def test_an_eavesdropper_reads_nothing_under_a_policy(world, wire, sender, heard):
    """[policy] counts before the domain's `tls = cleartext`: also the letter that this lets go is not read, and it does
    not take the connection that was left open behind the one that was."""
    cases = [c for c in world.cases if "cleartext" in c.section or c.server in ("plain", "broken")]
    proven = [c for c in world.cases if c.what.startswith("DANE")][:6]
    ended, connections = to_all(wire, sender, "[sealed] to read", cases + proven)
    assert {d for d, a in ended.items() if a.outcome.startswith("delivered")} == {c.domain for c in proven}
    assert not any(b"to read" in c.up + c.down for c in connections)
    assert sum(c.up.count(MARK) for c in connections) == 1  # from the matrix
    assert in_the_clear([c for c in connections if not c.letters], MARK, b"joe@") == []
    assert len([c for c in connections if not c.sealed]) > len(
        [c for c in heard[1] if not c.sealed])  # servers without TLS were tried again


def test_requiretls_goes_on_or_comes_back(world, sender):
    """RFC 8689: the parameter is passed on to who offers it, and who does not gets nothing; nor does a server that an
    insecure DNS names."""
    names = ["keeps.dane.test", "keeps.test", "loose.dane.test", "none-alone.dane.test"]
    letter = sender.send("keep it", [f"joe@{name}" for name in names], mail="REQUIRETLS")
    found = sender.outcomes(letter, 4)
    assert found["keeps.dane.test"].outcome.startswith("delivered")
    assert found["keeps.test"].outcome.startswith("FAILED (5.7.30) REQUIRETLS is wanted, and neither DNSSEC")
    assert found["loose.dane.test"].outcome.startswith("FAILED (5.7.30) REQUIRETLS is wanted, and mx.loose.test does not")
    assert found["none-alone.dane.test"].outcome.startswith("FAILED (5.7.30)")
    assert "certificate that proves itself" in found["none-alone.dane.test"].outcome
    ((envelope, _),) = [got for got in world.receivers["keeps"].letters() if b"Subject: keep it" in got[1]]
    assert "REQUIRETLS" in envelope["from"]["parameters"]
    assert "REQUIRETLS" in sender.company.show(letter)
    wait_for("the notices", lambda: len(sender.home.letters()) >= 3)
    for _, octets in sender.home.letters():  # they say nothing of the letter but which one it was
        assert b"keep it" not in octets and b"5.7.30" in octets


def test_a_domain_may_want_requiretls(world, sender):
    letter = sender.send("always", ["joe@keeps-always.dane.test", "joe@loose-always.dane.test"])
    found = sender.outcomes(letter, 2)
    assert found["keeps-always.dane.test"].outcome.startswith("delivered")
    assert found["loose-always.dane.test"].outcome.startswith("FAILED (5.7.30)")
    assert world.receivers["loose"].letters() == []


def test_a_sender_may_waive_tls_where_nothing_demands_it(world, sender):
    letter = sender.send("anyhow", [f"joe@{name}.dane.test" for name in ("ee-wrong-clear", "ee-wrong", "pin-wrong")],
                         header=b"TLS-Required: No\r\n")
    found = sender.outcomes(letter, 3)
    assert found["ee-wrong-clear.dane.test"].outcome.startswith("delivered")
    assert found["ee-wrong.dane.test"].outcome.startswith("deferred")
    assert found["pin-wrong.dane.test"].outcome.startswith("deferred")
    assert len(world.postfix.wait("Subject: anyhow")) == 1


def test_a_person_may_override_for_a_while(world, sender):
    """What the domain publishes and showed counts no more, until it ends; the act and the attempt say so."""
    domain = "ta-over.dane.test"
    sender.company.postern("domain", "override", domain, "--level", "encrypted", "--until", "1d",
                           "--reason", "their certificate is over")
    assert sender.company.status()[f"override.{domain}"].startswith("encrypted until ")
    shown = sender.company.postern("domain", "show", domain)
    assert "override: encrypted is enough until " in shown and ": their certificate is over\n" in shown
    _, attempt = sender.deliver("overridden", domain)
    assert attempt.outcome.startswith("delivered") and attempt.facts["level"] == "encrypted"
    assert attempt.facts["published"].startswith("not asked for: an override")
    sender.company.postern("domain", "override", domain, "--end", "--reason", "mended")
    assert f"override.{domain}" not in sender.company.status()
    _, attempt = sender.deliver("not overridden", domain)
    assert attempt.outcome.startswith("deferred")
    for wrong in (["--level", "cleartext", "--until", "1d"], ["--level", "verified"],
                  ["--level", "verified", "--until", "2020-01-01"]):
        assert sender.company.postern("domain", "override", domain, *wrong, "--reason", "x",
                                      check=False).returncode != 0


def test_a_decision_knows_what_a_domain_proves(world, sender):
    """[policy] methods = authenticated: by DANE, by a pin, not known now; who proves nothing gets no letter."""
    names = ["ee-cert", "pin-key", "tlsa-servfail", "none"]
    with sender.company.config.open("a") as file:
        file.write("\n[policy proven]\nmethods = authenticated\notherwise = hold\nto-domain = "
                   + ", ".join(f"{name}.dane.test" for name in names) + "\n")
    sender.company.stop()
    sender.company.start()
    letter = sender.send("proven", [f"joe@{name}.dane.test" for name in names])
    found = sender.outcomes(letter, 3)
    assert found["ee-cert.dane.test"].facts["proof"] == "DANE 3 0 1"
    assert found["pin-key.dane.test"].facts["proof"] == "pinned key"
    assert found["tlsa-servfail.dane.test"].outcome.startswith("deferred")
    assert "none.dane.test" not in found
    assert re.search(rf"^{letter} +none.dane.test .* held ", sender.company.postern("queue", "list"), re.M)
    assert "it has no TLSA records that DNSSEC proves" in sender.company.show(letter)


def test_a_domain_that_was_authenticated_is_never_less(world, sender, ended):
    """Its records vanish: the next letter waits for a person, and the alarm is raised."""
    assert ended["ee-key.dane.test"].facts["proof"] == "DANE 3 1 1"
    nothing = world.folder / "no-anchors"
    nothing.write_text("; nobody is trusted\n")
    sender.company.set("dns-trust-anchor", nothing)
    sender.company.stop()
    sender.company.start()
    letter, attempt = sender.deliver("records are gone", "ee-key.dane.test")
    assert attempt.outcome.startswith("deferred") and attempt.facts["level"] == "encrypted"
    assert "held" in sender.queue()[letter]
    wait_for("the alarm", lambda: "downgrade" in sender.alarms.read_text())
    assert len(world.postfix.letters("records are gone")) == 0


UNBOUND = """
server:
  interface: {address}
  port: 53
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  do-not-query-localhost: no
  trust-anchor-file: "{anchors}"
  local-zone: "test." nodefault
  logfile: "{folder}/unbound.log"
  use-syslog: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{port}
remote-control:
  control-enable: no
"""


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("unbound") or not shutil.which("posttls-finger"),
                    reason="needs unbound and posttls-finger")
def test_posttls_finger_agrees(world, ended):
    """Postfix's own client, told to use DANE alone, verifies whom we called authenticated by DANE and nobody else."""
    folder = world.folder / "unbound"
    folder.mkdir()
    address = world.address()
    (folder / "unbound.conf").write_text(UNBOUND.format(
        address=address, folder=folder, anchors=world.dns.anchors.resolve(), port=world.dns.port))
    (folder / "resolv.conf").write_text(f"nameserver {address}\noptions edns0 trust-ad\n")
    unbound = subprocess.Popen(["unbound", "-c", folder / "unbound.conf"])
    try:
        log = folder / "unbound.log"
        wait_for("unbound", lambda: log.exists() and "start of service" in log.read_text())
        disagree = []
        for case in world.cases:
            if case.section.startswith("tls-") or case.name == "fallback":  # it asks the first server alone
                continue
            said = subprocess.run(
                ["unshare", "-m", "sh", "-c", 'mount --bind "$1" /etc/resolv.conf && '
                 'exec posttls-finger -c -l dane -L summary -t 10 "$2"', "sh", folder / "resolv.conf",
                 f"{case.domain}:{world.port}"], capture_output=True, text=True, check=False)
            verified = "Verified TLS connection established" in said.stdout + said.stderr
            if verified != case.what.startswith("DANE"):
                disagree.append(f"{case.name}: {case.what}\n{said.stdout}{said.stderr}")
        assert not disagree, "\n".join(disagree)
    finally:
        unbound.terminate()
        unbound.wait()


