"""MTA-STS, case by case as RFC 8461 says: what a domain publishes, which server its names lead to, what becomes of a letter.
Then the same domains in the hands of somebody who sits between: he gets nothing, whatever he forges, strips or replays."""
import re
import ssl
import time

import pytest

from company import CA, wait_for
from scene import ALICE, PASSWORD, Receiver
from sts_web import policy
from test_mta_sts import NET, World, pytestmark  # noqa: F401
from test_transport import Certificate
from town import attempts
from wire import Wire

MARK = "cobalt-heron-4402"
PLAIN = {"Content-Type": "text/plain"}
ELSEWHERE = policy("enforce", "mx.elsewhere.test")  # means none of the servers: obeyed, nothing leaves
NOBODY = r"is no mail server of \S+ by the MTA-STS policy "


class Case:
    """A domain. `says` is its policy file ({d}: the domain itself), `what` becomes of a letter: MTA-STS, a level or `deferred`;
    `shown` stands in `postern domain show`."""

    def __init__(self, name, says, what, words="", server="good", txt=("v=STSv1; id=1;",), status=200, headers=None,
                 mx=None, host="mx.{d}", section="", shown=""):
        self.domain = f"{name}.test"
        self.name, self.what, self.words, self.server, self.txt = name, what, words, server, txt
        self.says = says and says.replace("{d}", self.domain)
        self.host = host.format(d=self.domain)  # who has an address
        self.mx = [m.format(d=self.domain) for m in (["10 " + self.host] if mx is None else mx)]
        self.section, self.status, self.headers, self.shown = section, status, PLAIN if headers is None else headers, shown


def body(*lines, end="\r\n"):
    return end.join([*lines, ""])


OWN = policy("enforce", "mx.{d}")
CASES = [
    # Who is meant, and proves it.
    Case("exact", OWN, "MTA-STS"),
    Case("wild", policy("enforce", "*.{d}"), "MTA-STS"),
    Case("wild-deep", policy("enforce", "*.{d}"), "deferred", NOBODY, host="a.mx.{d}"),
    Case("wild-self", policy("enforce", "*.{d}"), "deferred", NOBODY, host="{d}", mx=[]),
    Case("implicit", policy("enforce", "{d}"), "MTA-STS", host="{d}", mx=[]),
    Case("in-capitals", policy("enforce", "MX.{d}"), "MTA-STS"),
    Case("many-hosts", policy("enforce", "mx.elsewhere.test", "*.another.test", "mx.{d}"), "MTA-STS"),
    Case("second", OWN, "MTA-STS", mx=["10 mx.evil.test", "20 mx.{d}"]),
    Case("other-host", ELSEWHERE, "deferred", NOBODY + "1"),
    # A host that is meant must show a certificate for its own name.
    Case("wrong-name", OWN, "deferred", "name-mismatch", "strange"),
    Case("over", OWN, "deferred", "expired", "over"),
    Case("nobodys", OWN, "deferred", "untrusted", "nobodys"),
    Case("no-tls", OWN, "deferred", "offers no STARTTLS", "bare"),
    Case("no-tls-clear", OWN, "deferred", "offers no STARTTLS", "bare", section="tls = cleartext"),
    Case("starred", OWN, "MTA-STS", server="starred"),
    Case("kept", OWN, "MTA-STS", server="keeps"),
    # What is no `enforce` is not enforced.
    Case("testing", policy("testing", "mx.elsewhere.test"), "verified", shown="MTA-STS: testing"),
    Case("testing-name", policy("testing", "mx.{d}"), "encrypted", server="strange"),
    Case("testing-clear", policy("testing", "mx.{d}"), "cleartext", server="bare", section="tls = cleartext"),
    Case("mode-none", policy("none"), "encrypted", server="strange", shown="MTA-STS: none"),
    # The TXT record.
    Case("two-texts", ELSEWHERE, "verified", txt=("v=STSv1; id=1;", "v=STSv1; id=2;")),
    Case("a-text-more", ELSEWHERE, "deferred", NOBODY, txt=("v=spf1 -all", "v=STSv1; id=1;")),
    Case("no-id", ELSEWHERE, "verified", txt=("v=STSv1;",)),
    Case("bad-id", ELSEWHERE, "verified", txt=("v=STSv1; id=a-b;",)),
    Case("other-version", ELSEWHERE, "verified", txt=("v=STSv2; id=1;",)),
    Case("text-extends", ELSEWHERE, "deferred", NOBODY, txt=("v=STSv1; id=1; more=this;",)),
    Case("no-text", ELSEWHERE, "verified", txt=()),
    # How the file comes.
    Case("led-away", ELSEWHERE, "verified", status=301, shown="status 301",
         headers={"Location": "https://mta-sts.exact.test/.well-known/mta-sts.txt"}),
    Case("absent", ELSEWHERE, "verified", status=404, shown="status 404"),
    Case("ill", ELSEWHERE, "verified", status=500, shown="status 500"),
    Case("a-page", ELSEWHERE, "verified", headers={"Content-Type": "text/html"}, shown="text/plain"),
    Case("charset", ELSEWHERE, "deferred", NOBODY, headers={"Content-Type": "text/plain; charset=utf-8"}),
    Case("stranger", ELSEWHERE, "verified", shown="sts-webpki-invalid"),
    Case("too-long", ELSEWHERE + "x: y\r\n" * 20000, "verified", shown="fetch-error"),
    # What stands in it.
    Case("line-feeds", body("version: STSv1", "mode: enforce", "mx: mx.elsewhere.test", "max_age: 600", end="\n"),
         "deferred", NOBODY),
    Case("unknown-field", ELSEWHERE + "color: blue\r\n", "deferred", NOBODY),
    Case("first-counts", body("version: STSv1", "mode: enforce", "mode: none", "mx: mx.elsewhere.test", "max_age: 600"),
         "deferred", NOBODY),
    Case("no-mode", body("version: STSv1", "mx: mx.elsewhere.test", "max_age: 600"), "verified",
         shown="sts-policy-invalid"),
    Case("no-age", body("version: STSv1", "mode: enforce", "mx: mx.elsewhere.test"), "verified",
         shown="sts-policy-invalid"),
    Case("no-hosts", body("version: STSv1", "mode: enforce", "max_age: 600"), "verified", shown="sts-policy-invalid"),
    Case("wrong-star", policy("enforce", "mx.*.test"), "verified", shown="sts-policy-invalid"),
    Case("age-zero", policy("enforce", "mx.elsewhere.test", max_age=0), "verified"),
    Case("age-huge", policy("enforce", "mx.elsewhere.test", max_age=9999999999), "deferred", NOBODY),
    # What counts before it.
    Case("sub.exact", None, "encrypted", server="strange", txt=()),
    Case("pinned", ELSEWHERE, "pinned key", section="tls-pin = {pin}"),
    Case("pinned-wrong", OWN, "deferred", "no-tlsa-match", section="tls-pin = " + "ab" * 32),
    Case("routed", ELSEWHERE, "verified", section="route = mx.{d}:{port}"),
]

# Who sits between us and domains whose policy is known. What he does: leads the server's name to one of his own, or forges the
# MX records and does something about the policy. And what the sender is told then.
ATTACKS = {
    "strip": ("bare", "offers no STARTTLS"),
    "junk": ("broken", "(STARTTLS|TLS with the server) failed"),
    "inject": ("inject", "STARTTLS"),
    "old-tls": ("old-tls", "TLS with the server failed"),
    "address": ("evil", "name-mismatch"),
    "selfmade": ("nobodys", "untrusted"),
    "outlived": ("over", "expired"),
    "forged": ("", NOBODY + "2"),
    "silenced": ("no text, no server", NOBODY + "2"),
    "replayed": ("an old policy", NOBODY + "2"),
    "led": ("a redirect", NOBODY + "2"),
    "garbled": ("no policy", NOBODY + "2"),
}
# And domains that change themselves.
MOVES = {"calm": "MTA-STS 2", "moved": "MTA-STS 3"}


class OldTls(Receiver):
    """A server that speaks no newer TLS than 1.1."""

    def context(self):
        context = super().context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
        return context


class Matrix(World):
    """The domains of the cases and of those who are attacked."""

    def __init__(self, folder):
        self.at = {}
        self.known = [f"{name}.test" for name in (*ATTACKS, *MOVES, "gone", "outrun")]
        domains = [c.domain for c in CASES if c.name != "stranger"] + self.known
        hosts = ["a.mx.wild-deep.test", "new.moved.test", "new.gone.test", "wild-self.test", "implicit.test",
                 "mx.stranger.test"]
        hook, self.alarms = folder / "alert", folder / "alarms"
        hook.write_text(f'#!/bin/sh\nread -r sentence\necho "$1: $sentence" >>{self.alarms}\n')
        hook.chmod(0o755)
        self.alarms.write_text("")
        super().__init__(folder, hosts, domains, {"alert-command": hook, "alert-interval": "1s", "dns-timeout": "3s",
                                                  "delivery-concurrency": 20, "outbound-idle": "0s"})
        self.serve(folder, self.company.authority)
        self.write_sections()
        for case in CASES:
            self.declare(case)
        for name in (*ATTACKS, *MOVES, "gone", "outrun"):
            says = policy("enforce", "mx.{d}", max_age=4 if name == "outrun" else 604800)
            self.declare(Case(name, says, "MTA-STS", txt=("v=STSv1; id=2;",)))
        self.names.set("mx.evil.test", "A", self.at["evil"])
        self.web.stranger = "mta-sts.stranger.test"

    def serve(self, folder, authority):
        """The mail servers, by what is wrong with them."""
        nobody = CA(folder / "nobody", "Nobody")
        names = [f"mx.{n}.test" for n in ("nobodys", "selfmade")]
        for name, behave, pair in (
                ("good", "", self.own), ("strange", "", self.strange), ("bare", "no-starttls", self.own),
                ("over", "", authority.issue("mx.over.test", "mx.outlived.test", days=-1)),
                ("nobodys", "", nobody.issue(*names)), ("starred", "", authority.issue("*.starred.test", file="starred")),
                ("evil", "", authority.issue("mx.evil.test")), ("broken", "broken-tls", self.own),
                ("inject", "inject-starttls", self.own), ("keeps", "requiretls", self.own), ("old-tls", "", self.own)):
            self.used += 1
            self.at[name] = f"{NET}.{self.used}"
            kind = OldTls if name == "old-tls" else Receiver
            self.receivers[name] = kind(folder / name, (self.at[name], self.port), *pair, f"mx.{name}.test",
                                        behave=behave).start()

    def write_sections(self):
        pin = Certificate(*self.own).pin
        with self.company.config.open("a") as file:
            for case in CASES:
                if case.section:
                    section = case.section.format(d=case.domain, port=self.port, pin=pin)
                    file.write(f"\n[domain {case.domain}]\n{section}\n")

    def declare(self, case):
        self.names.set(case.host, "A", self.at[case.server])
        if case.mx:
            self.names.set(case.domain, "MX", *case.mx)
        if case.txt:
            self.names.set(f"_mta-sts.{case.domain}", "TXT", *case.txt)
        if case.says is not None:
            self.names.set(f"mta-sts.{case.domain}", "A", f"{NET}.1")
            self.web.answers[f"mta-sts.{case.domain}", "/.well-known/mta-sts.txt"] = (
                case.status, case.headers, case.says)

    def ended(self, letter, n):
        """{domain: its attempt}, once n domains have one."""
        def look():
            self.shown = self.company.postern("show", letter, check=False).stdout
            found = {a.domain: a for a in attempts(self.shown)}
            return found if len(found) >= n else None
        try:
            return wait_for(f"outcomes at {n} domains", look, 60, 0.3)
        except TimeoutError as late:
            raise AssertionError(self.shown) from late

    def took(self, domain):
        """The servers that have a letter to this domain."""
        return [name for name, receiver in self.receivers.items() for envelope, _ in receiver.letters()
                if any(to["address"].endswith("@" + domain) for to in envelope["to"])]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    folder.chmod(0o755)
    made = Matrix(folder)
    try:
        with Wire(made.port) as made.wire:
            made.company.start()
            made.company.add_user(ALICE, PASSWORD)
            yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def ended(world):
    """The first letter, to everybody."""
    domains = [c.domain for c in CASES] + world.known
    return world.ended(world.send(*domains, subject=MARK), len(domains))


def judge(world, domain, attempt, what, words, n=1):
    """What is wrong with an attempt; nothing when it is as it should be, and the servers say the same."""
    facts, took = attempt.facts, world.took(domain)
    if what == "deferred":
        fine = attempt.outcome.startswith("deferred") and re.search(words, attempt.outcome) and not took
    elif what in ("cleartext", "encrypted", "verified"):
        fine = (attempt.outcome.startswith("delivered") and facts.get("level") == what and "proof" not in facts and
                len(took) == n)
    else:
        fine = (attempt.outcome.startswith("delivered") and facts.get("level") == "authenticated" and
                facts.get("proof", "").startswith(what) and len(took) == n)
    return "" if fine else f"{domain} wants {what} {words}, {took} took it\n{attempt}\n"


def test_every_case_is_as_rfc_8461_says(world, ended):
    assert len(CASES) >= 40 and len({c.name for c in CASES}) == len(CASES)
    wrong = [judge(world, c.domain, ended[c.domain], c.what, c.words) for c in CASES]
    assert not any(wrong), "\n".join(w for w in wrong if w)
    assert world.receivers["evil"].connections == 0
    for case in CASES:
        if case.shown:
            said = world.company.postern("domain", "show", case.domain)
            assert case.shown in said, said


def change(world, domain, mx=None, text=None, says=None, status=200, headers=None):
    """Have the DNS and the policy's server of a domain say something else."""
    if mx:
        world.names.set(domain, "MX", mx)
        if mx.startswith("new."):
            world.names.set(mx, "A", world.at["good"])
    if text == "":
        del world.names.records[f"_mta-sts.{domain}", "TXT"]
    elif text:
        world.names.set(f"_mta-sts.{domain}", "TXT", text)
    if says is not None:
        world.web.answers[f"mta-sts.{domain}", "/.well-known/mta-sts.txt"] = (status, headers or PLAIN, says)


def attack(world):
    """All at once, each in his own way."""
    for name, (what, _) in ATTACKS.items():
        if what in world.at:
            world.names.set(f"mx.{name}.test", "A", world.at[what])
        else:
            change(world, f"{name}.test", "mx.evil.test")
    del world.names.records["mta-sts.silenced.test", "A"]
    change(world, "silenced.test", text="")
    evil = policy("enforce", "mx.evil.test")
    change(world, "replayed.test", text="v=STSv1; id=1;", says=evil)
    world.web.stranger = "mta-sts.replayed.test"  # nobody certifies that he is mta-sts.replayed.test
    change(world, "led.test", text="v=STSv1; id=3;", says="", status=302,
           headers={"Location": "https://mta-sts.garbled.test/.well-known/mta-sts.txt"})
    change(world, "garbled.test", text="v=STSv1; id=3;", says=evil.replace("mode", "node"))
    change(world, "outrun.test", "mx.evil.test", text="")


@pytest.fixture(scope="module")
def attacked(world, ended):
    """A second letter to the domains whose policy is known, who are in other hands by now or have moved."""
    attack(world)
    change(world, "moved.test", "new.moved.test", "v=STSv1; id=3;", policy("enforce", "new.moved.test"))
    change(world, "gone.test", "new.gone.test", "v=STSv1; id=3;", policy("none"))
    time.sleep(4.1)  # a policy is not fetched again at once, and outrun.test's is over
    return world.ended(world.send(*world.known, subject=MARK), len(world.known))


def test_whoever_sits_between_gets_nothing(world, ended, attacked):
    """He strips STARTTLS, offers an old TLS, shows other certificates, forges MX records, replays an old policy, silences or
    garbles it: each letter waits, and no server of his has one."""
    for name in (*ATTACKS, *MOVES, "gone", "outrun"):
        assert not judge(world, f"{name}.test", ended[f"{name}.test"], "MTA-STS 2", "", 2 if name in MOVES else 1)
    for name, (_, words) in ATTACKS.items():
        attempt = attacked[f"{name}.test"]
        assert attempt.outcome.startswith("deferred") and re.search(words, attempt.outcome), attempt
        assert world.took(f"{name}.test") == ["good"]  # the first letter
    assert not world.receivers["evil"].letters() and not world.receivers["old-tls"].letters()
    wait_for("the alarm", lambda: "downgrade: " in world.alarms.read_text())
    shown = world.company.postern("domain", "show", "replayed.test")
    assert "MTA-STS: enforce, id 2" in shown and "sts-webpki-invalid" in shown, shown


def test_a_policy_that_is_over_opens_nothing(world, attacked):
    """Whoever keeps a policy from being fetched until it ends gets no letter: what the domain showed is still demanded, and
    the letter is held for a person."""
    attempt = attacked["outrun.test"]
    assert attempt.outcome.startswith("deferred") and attempt.facts["level"] == "verified", attempt
    assert world.took("outrun.test") == ["good"]
    assert re.search(r" outrun.test .* held ", world.company.postern("queue", "list"))
    wait_for("the alarm", lambda: "downgrade: " in world.alarms.read_text())


def test_a_domain_may_move_and_withdraw(world, attacked):
    """It says so itself, by https: letters follow it."""
    for name, proof in MOVES.items():
        assert not judge(world, f"{name}.test", attacked[f"{name}.test"], proof, "", 2)
    # Who has none any more is held to a certificate that proves itself, from the letter behind the one that found out.
    wait_for("the alarm about who withdrew", lambda: "sts-withdrawn: " in world.alarms.read_text())
    assert attacked["gone.test"].outcome.startswith("deferred")
    later = world.ended(world.send("gone.test", subject=MARK), 1)
    assert not judge(world, "gone.test", later["gone.test"], "verified", "", 2)


def test_an_override_takes_nothing_from_a_promise(world, ended):
    """REQUIRETLS (RFC 8689) is the sender's wish: what the domain publishes counts for such a letter, override or not. One
    that was not promised anything needs no more than the override says."""
    world.company.postern("domain", "override", "kept.test", "--level", "encrypted", "--until", "1d", "--reason", "x")
    promised = world.ended(world.send("kept.test", subject=MARK, options=["REQUIRETLS"]), 1)["kept.test"]
    assert promised.outcome.startswith("delivered") and promised.facts["proof"] == "MTA-STS 1", promised
    ((envelope, _),) = [got for got in world.receivers["keeps"].letters() if "REQUIRETLS" in got[0]["from"]["parameters"]]
    assert envelope["to"][0]["address"] == "paula@kept.test"
    free = world.ended(world.send("kept.test", subject=MARK), 1)["kept.test"]
    assert free.outcome.startswith("delivered") and "proof" not in free.facts
    assert free.facts["published"].startswith("not asked for: an override"), free


def test_he_reads_nothing_either(world, attacked):
    """On the wire, of both letters: one left in the clear, where the settings and the domain say that it may."""
    clear = [c for c in world.wire.connections() if c.letters]
    assert [line for c in clear for line in c.letters if line.startswith(b"RCPT")] == [
        b"RCPT TO:<paula@testing-clear.test>"]
    assert sum((c.up + c.down).count(MARK.encode()) for c in world.wire.connections()) == 1
