"""What does it cost the sustained rate that the recipients' domains prove themselves, by DANE or by MTA-STS?

A company sends to four domains whose mail is taken by the same server: one of a route, one found by MX alone, one
whose zone is signed and has TLSA records, one whose MTA-STS policy is enforced. Another company has a [policy] that
lets nothing go to the last two without proof. They are sent to in turn, round after round, so that what else the
machine does falls on all of them; a ratio is that of two rates of one round. Of each round some letters' evidence is
read: that a letter was proven is what the figure is about.
"""
import contextlib
import hashlib
import os
import random
import re
import shutil
import statistics
import subprocess

import machine
from company import CA
from knot import Knot
from postern import Postern
from sink import Sink
from sts_web import Web, policy
from town import attempts

ROW = "| {:<44} | {:>9} | {:>18} | {:>18} | {:>6} | {:>6} |"
WANTED = "0.90"
SAMPLE = 5  # letters of each domain in each round whose evidence is read
TTL_S = 3600
AHEAD = "200"  # accepted and not yet delivered, at most
HOSTS = "mx.plain.test", "mx.signed.test", "mx.sts.test"
DEMAND = """
[policy proven]
to-domain = signed.test, sts.test
methods = authenticated
otherwise = hold
"""


class Way:
    """A domain, what is wanted of its rate, and what a letter's evidence must say."""

    def __init__(self, title, domain, wanted="", proof=None, secure=False, demanded=False):
        self.title, self.domain, self.wanted = title, domain, wanted
        self.demanded = demanded  # by a [policy]
        self.facts = {"level": "authenticated" if proof else "verified", "proof": proof, "verdict": "verified",
                      "DNS": "secure (DNSSEC)" if secure else "not secured by DNSSEC"}
        self.rates, self.costs = [], []


def ways():
    """The first two are what the others are compared with."""
    return [Way("a static route, TLS verified", "partner.test"),
            Way("MX by DNS, TLS verified", "plain.test"),
            Way("DANE: a signed zone, TLSA 3 1 1", "signed.test", WANTED, "DANE 3 1 1", secure=True),
            Way("MTA-STS: a policy in force", "sts.test", WANTED, "MTA-STS 1"),
            Way("DANE, and [policy] demands a proof", "signed.test", WANTED, "DANE 3 1 1", secure=True, demanded=True),
            Way("MTA-STS, and [policy] demands a proof", "sts.test", WANTED, "MTA-STS 1", demanded=True)]


def key_digest(certificate):
    """SHA-256 of the public key, as a TLSA record 3 1 1 has it."""
    pem = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True,
                         capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, check=True,
                         capture_output=True).stdout
    return hashlib.sha256(der).hexdigest()


class Outside:
    """An authority, a server that takes all letters, a DNS with a signed zone and others, a server of policies."""

    def __init__(self, folder, build, ending):
        folder.mkdir()
        folder.chmod(0o755)
        self.authority = CA(folder / "ca")
        shown = self.authority.issue("mx.partner.test", *HOSTS, "127.0.0.1")
        self.sink = Sink(build, folder, shown, "sealed-sink")
        ending.callback(self.sink.stop)
        web = f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}.1"
        self.web = Web(web, self.authority.issue("mta-sts.sts.test"), shown)
        ending.callback(self.web.close)
        self.web.answers["mta-sts.sts.test", "/.well-known/mta-sts.txt"] = (
            200, {"Content-Type": "text/plain"}, policy("enforce", "mx.sts.test"))
        server = ["@ MX 10 mx", "mx A 127.0.0.1"]
        self.knot = Knot(folder / "knot", "signed.test", *server,
                         f"_{self.sink.port}._tcp.mx TLSA 3 1 1 {key_digest(shown[0])}", ttl=TTL_S,
                         unsigned={"plain.test": server, "sts.test": [
                             *server, f"mta-sts A {web}", '_mta-sts TXT "v=STSv1; id=1;"']})
        ending.callback(self.knot.stop)
        self.anchor = self.knot.anchor(folder / "anchor")

    def settings(self):
        """Those of a company that knows this outside world."""
        return {"trust-store": self.authority.certificate, "courier-trust-store": self.authority.certificate,
                "dns-resolver": f"127.0.0.1:{self.knot.port}", "dns-trust-anchor": self.anchor,
                "outbound-port": self.sink.port}


def newest(company, domain, count):
    """Ids of the letters to this domain that came last, once all letters are in the index."""
    found = []

    def all_found():
        done = company.postern("search", f"to:*@{domain}", "--limit", str(count), check=False)
        found[:] = re.findall(r"^([0-9a-z]{16}) ", done.stdout, re.M)
        return "not indexed yet" not in done.stderr

    machine.wait_until(all_found, 120, "all letters are indexed", every=0.3)
    return found


def check(company, way, letters):
    """Read what `postern show` says of some of the letters that were just measured."""
    ids = newest(company, way.domain, letters)
    if len(ids) < letters:
        raise machine.Failure(f"{way.title}: {len(ids)} of {letters} letters are found")
    for letter in random.sample(ids, SAMPLE):
        shown = company.show(letter)
        ended = attempts(shown)
        facts = {name: ended[-1].facts.get(name) for name in way.facts} if ended else {}
        if facts != way.facts or not ended[-1].outcome.startswith("delivered") or \
                ("([policy proven]: " in shown) != way.demanded:
            raise machine.Failure(f"{way.title}: the evidence of a letter does not say so:\n{shown}")


def measure(stack, outside, way, letters, send):
    """One turn of one domain."""
    outside.sink.reset()
    return send(stack, letters, ["--domain", way.domain, "--counter", str(outside.sink.counter),
                                 "--ahead", AHEAD])


def ratio(way, to):
    """The median of the rounds' ratios, the least and the greatest."""
    if way is to:
        return "1"
    each = [mine / other for mine, other in zip(way.rates, to.rates)]
    return f"{statistics.median(each):.2f} ({min(each):.2f}-{max(each):.2f})"


def report(found, out):
    """The table."""
    out(ROW.format("accepted, signed, recorded, delivered, 4 KB", "letters/s", "of the route's", "of MX's",
                   "CPU ms", "wanted"))
    out(ROW.format("---", "---:", "---:", "---:", "---:", "---:"))
    route, plain = found[:2]
    for way in found:
        out(ROW.format(way.title, f"{statistics.median(way.rates):.0f}", ratio(way, route),
                       ratio(way, plain) if way is not route else "", f"{statistics.median(way.costs):.2f}",
                       way.wanted))


def companies(folder, outside, ending):
    """One without a [policy] and one with it."""
    made = []
    for name, sections in (("postern", ""), ("demanding", DEMAND)):
        made.append(Postern(folder, name, outside.sink.port, outside.settings(), sections))
        ending.callback(shutil.rmtree, made[-1].folder, ignore_errors=True)
        ending.callback(made[-1].stop)
    return made


def run(folder, options, out, build, send):
    """`send(stack, letters, more)`: submit them, and what the sender and the processors say of it."""
    machine.need("knotd", "kdig", "knotc")
    rounds, letters = (2, 500) if options.quick else (9, 2000)
    found, loads = ways(), []
    with contextlib.ExitStack() as ending:
        outside = Outside(folder / "outside", build, ending)
        stacks = companies(folder, outside, ending)
        for way in found:  # passwords, sessions, answers and the policy are remembered
            measure(stacks[way.demanded], outside, way, letters // 2, send)
        asked = outside.knot.questions()
        for n in range(rounds):
            turn = n % len(found)
            for way in found[turn:] + found[:turn]:
                result = measure(stacks[way.demanded], outside, way, letters, send)
                way.rates.append(result["rate"])
                way.costs.append(result["whole_ms"])
                loads.append(os.getloadavg()[0])
                check(stacks[way.demanded].company, way, letters)
        asked = outside.knot.questions() - asked
    report(found, out)
    out("")
    out(f"{rounds} rounds of {letters:,} letters each, with a load of {min(loads):.1f} to {max(loads):.1f} on "
        f"{machine.cores()} processors; the evidence of")
    out(f"{SAMPLE * rounds * len(found)} of them was read. The name server was asked {asked} questions meanwhile.")
