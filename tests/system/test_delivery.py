"""Delivery to real servers and to ones that misbehave: what arrives, what the sender is told, and
what `postern show` says about it afterwards. The domains are those of domains.py, their servers
come from town.py; a letter often goes to many of them at once."""
import os
import pathlib
import re
import shutil
import signal
import smtplib
import tempfile
import threading

import pytest

from company import CA, Company, wait_for
from domains import (CERTIFICATES, DROP_PHASES, HANG_PHASES, HANG_WORDS, LEVELS, ODD_PHASES, ODDITIES,
                     REFUSALS, TARPITS, declare)
from town import NEEDED, Postfix, Town, attempts, notices, recipients_of

MISSING = [name for name in NEEDED if not shutil.which(name)]
pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="Postfix wants to be started by root"),
              pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")]

PASSWORD = "a test's own pass phrase"
ANN = "ann@example.test"
PER_HOST = 3


class Sender:
    """A company with Postern in the town, and a person who sends."""

    def __init__(self, folder, town, settings, sections):
        self.company = Company(folder)
        self.home = town.receivers["home"]
        self.alarms = folder / "alarms"
        hook = folder / "alert"
        hook.write_text(f'#!/bin/sh\nread -r sentence\necho "$1: $sentence" >>{self.alarms}\n')
        hook.chmod(0o755)
        self.company.create(settings={
            "trust-store": town.authority.certificate, "dns-trust-anchor": town.dns.anchors,
            "dns-resolver": f"127.0.0.1:{town.dns.port}", "outbound-port": town.port,
            "alert-command": hook, "alert-interval": "1s",
            "per-host-concurrency": PER_HOST, **settings},
            sections=f"[domain example.test]\nroute = mx.home.test:{town.port}\n" + sections)
        self.company.start()
        self.company.add_user(ANN, PASSWORD)

    def client(self):
        smtp = smtplib.SMTP_SSL(context=self.company.context(), timeout=60)
        smtp._host = self.company.hostname
        smtp.connect("127.0.0.1", self.company.submissions)
        smtp.ehlo("client.example.test")
        smtp.login(ANN, PASSWORD)
        smtp.command_encoding = "utf-8"
        return smtp

    def send(self, subject, recipients, body=b"the text\r\n", mail="", header=b"", smtp=None):
        """Submit a letter to addresses, or to {address: parameters}; returns its id."""
        octets = (f"From: <{ANN}>\r\nTo: somebody\r\nSubject: {subject}\r\n"
                  "Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n").encode() + header + b"\r\n" + body
        own = smtp or self.client()
        assert own.docmd("MAIL", f"FROM:<{ANN}> {mail}")[0] == 250
        for address in recipients:
            parameters = recipients[address] if isinstance(recipients, dict) else ""
            own.putcmd("RCPT", f"TO:<{address}> {parameters}")
            code, text = own.getreply()
            assert code == 250, (address, text)
        code, text = own.data(octets)
        assert code == 250, text
        if not smtp:
            own.quit()
        return text.split()[-1].decode()

    def attempts(self, letter, domain=None):
        """The attempts that ended; none while the catalog does not have the letter yet."""
        shown = self.company.postern("show", letter, check=False).stdout
        return [a for a in attempts(shown) if domain in (None, a.domain)]

    def outcomes(self, letter, n=1, seconds=40):
        """{domain: its last attempt}, once n domains have one."""
        def ended():
            found = {a.domain: a for a in self.attempts(letter)}
            return found if len(found) >= n else None
        try:
            return wait_for(f"outcomes at {n} domains", ended, seconds)
        except TimeoutError:
            raise AssertionError(self.company.show(letter)) from None

    def deliver(self, subject, domain, user="joe", **more):
        """Send to one recipient; the letter's id and its first attempt."""
        letter = self.send(subject, [f"{user}@{domain}"], **more)
        return letter, self.outcomes(letter)[domain]

    def told(self, subject, n=1):
        """{recipient: fields of the notice about it}, once there are n."""
        def found():
            fields = {}
            for envelope, message in notices(self.home, subject):
                assert envelope["from"]["address"] == ""
                for part in recipients_of(message):
                    fields[part["Final-Recipient"].split("; ")[1]] = part
            return fields if len(fields) >= n else None
        return wait_for(f"{n} recipients in notices about {subject}", found, 40)

    def order(self, verb, *letters):
        """Give an order once nothing of the letters is just being sent; how many rows obeyed."""
        wait_for("them to be at rest", lambda: not re.search(
            rf"^(?:{'|'.join(letters)}) .* sending ", self.company.postern("queue", "list"), re.M))
        said = self.company.postern("queue", verb, *letters, "--reason", "a test's")
        return int(said.split(": ")[1])

    def queue(self):
        """{id: line of `postern queue list`}."""
        return {line.split()[0]: line
                for line in self.company.postern("queue", "list").splitlines()[1:]}


@pytest.fixture(scope="module")
def town():
    # Not below pytest's own folder: Postfix leaves root's rights behind and must come here.
    with tempfile.TemporaryDirectory(prefix="postern-town-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        town = Town(folder, CA(folder / "ca"))
        town.odd("home")
        try:
            declare(town)
            town.open()
            yield town
        finally:
            town.close()


@pytest.fixture(scope="module")
def patient(town):
    """A sender that tries once and then waits for an hour."""
    sections = "".join(f"[domain {domain}]\ntls = {tls}\n" for domain, tls in LEVELS.items())
    sections += "".join(  # two domains at one server, of which one expects its other name
        f"[domain {domain}]\ntls = verified\nroute = mx.other-name.test:{town.port}\n{name}"
        for domain, name in (("named.test", "tls-name = mx.elsewhere.test\n"), ("unnamed.test", "")))
    sender = Sender(town.folder / "patient", town, {
        "retry-schedule": "1h", "dns-timeout": "2s", "delivery-concurrency": 10}, sections)
    yield sender
    sender.company.stop()


@pytest.fixture(scope="module")
def hasty(town):
    """A sender that waits for nobody, comes again soon, gives up soon, and has a smart host."""
    password = town.folder / "password"
    password.write_text(Postfix.password + "\n")
    routes = {f"hang-{phase}.test": f"mx.hang-{phase}.test" for phase in HANG_PHASES} | {
        f"{name}.test": f"mx.{name}.test" for name in ("unready", "never", "crowded")} | {
        "dead.test": town.address(), "deaf.test": town.deaf()}
    sections = "".join(f"[domain {domain}]\nroute = {host}:{town.port}\n"
                       for domain, host in routes.items()) + (
        f"[smarthost]\nhost = mx.provider.test:{town.port}\nuser = {Postfix.user}\n"
        f"password-file = {password}\n")
    sender = Sender(town.folder / "hasty", town, {
        "retry-schedule": "1s, 2s, 4s", "queue-lifetime": "30s", "delay-warning": "0s",
        "outbound-connect-timeout": "2s", "outbound-command-timeout": "2s",
        "outbound-data-timeout": "5s", "outbound-idle": "0s"}, sections)
    sender.password = password
    sender.hopeless = sender.send("hopeless", ["joe@never.test", "joe@dead.test"])
    yield sender
    sender.company.stop()


# ── to a real Postfix ──

def test_a_letter_arrives_byte_for_byte_with_its_evidence(town, patient):
    body = b"".join(b".%d %s\r\n" % (n, b"x" * (n % 998)) for n in range(2000)) + b"\r\n.\r\n..\r\n"
    letter, attempt = patient.deliver("to the byte", "partner.test", body=body)
    (own, arrived), = town.postfix.wait("to the byte")
    assert arrived == patient.company.postern("export", "--as-sent", letter, text=False)
    assert arrived.endswith(body)
    assert f"Return-Path: <{ANN}>" in own

    queue_id = re.search(r"^delivered \(250 2\.0\.0\) Ok: queued as (\S+)$", attempt.outcome)[1]
    assert f"\tby mx.town.test (Postfix) with ESMTPS id {queue_id}" in own
    version, cipher = re.search(r"\(using (\S+) with cipher (\S+) ", own).groups()
    assert attempt.facts["transport"] == f"{version}, {cipher}" and version == "TLSv1.3"
    assert attempt.facts["host"].startswith("mx.partner.test ")
    assert attempt.facts["certificate"] == "SHA-256 " + town.digest(town.certificate)
    assert attempt.facts["verdict"] == attempt.facts["level"] == "verified"
    assert attempt.facts["DNS"] == "not secured by DNSSEC"


def test_letters_share_connections(town, patient):
    before, _ = town.postfix.connections("partner")
    smtp = patient.client()
    letters = [patient.send(f"one of ten {n}", ["joe@partner.test"], smtp=smtp) for n in range(10)]
    for letter in letters:
        assert "queued as" in patient.outcomes(letter)["partner.test"].outcome
    town.postfix.wait("one of ten", 10)
    assert town.postfix.connections("partner")[0] - before <= PER_HOST


def test_a_host_gets_no_more_connections_than_allowed(town, patient):
    letters = []

    def load(number):
        smtp = patient.client()
        letters.extend(patient.send(f"rush {number} {n}", ["joe@busy.test"], smtp=smtp)
                       for n in range(4))

    senders = [threading.Thread(target=load, args=(n,)) for n in range(3)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    assert len(letters) == 12
    for letter in letters:
        attempt = patient.outcomes(letter)["busy.test"]
        assert attempt.number == 1 and "queued as" in attempt.outcome
    assert town.postfix.connections("busy")[1] == PER_HOST


def test_a_connection_that_the_server_gave_up_costs_no_attempt(town, patient):
    patient.deliver("first word", "idle.test")
    wait_for("Postfix to give up the connection",
             lambda: "timeout after" in town.postfix.log("idle"))
    _, attempt = patient.deliver("second word", "idle.test")
    assert attempt.number == 1 and "queued as" in attempt.outcome


def test_older_tls_and_what_came_before(town, patient):
    _, attempt = patient.deliver("older", "older.test")
    assert "queued as" in attempt.outcome
    assert re.match(r"TLSv1\.2, TLS_ECDHE_ECDSA_WITH_(AES_\d+_GCM|CHACHA20)_",
                    attempt.facts["transport"])
    _, attempt = patient.deliver("ancient", "ancient.test")
    assert attempt.outcome.startswith("delivered (250") and attempt.facts["level"] == "cleartext"


def test_servers_that_end_the_connection_lose_nothing(town, patient):
    smtp = patient.client()
    letters = {patient.send(f"{name} {n}", [f"joe@{name}.test"], smtp=smtp): name
               for n in range(8) for name in ("short", "curt")}
    for letter, name in letters.items():
        attempt = patient.outcomes(letter)[f"{name}.test"]
        assert attempt.number == 1 and attempt.outcome.startswith("delivered (250"), attempt
    for name in ("short", "curt"):
        assert len(town.receivers[name].letters()) == 8


# ── servers that refuse ──

def test_each_recipient_has_the_outcome_that_the_server_gave(town, patient):
    domains = [f"{name}.test" for name in REFUSALS]
    letter = patient.send("refused", [f"joe@{domain}" for domain in domains] + [
        "joe@partner.test", "nobody@partner.test", "later@partner.test"])
    ended = patient.outcomes(letter, len(domains) + 1)
    for name, (_, words) in REFUSALS.items():
        attempt = ended[f"{name}.test"]
        assert re.match(words, attempt.outcome), attempt
        assert attempt.number == 1 and ("next try" in attempt.facts) == name.endswith("4")
    partner = ended["partner.test"].recipients
    assert "queued as" in partner["joe@partner.test"]
    assert re.match(r"FAILED \(550 5\.1\.1\) .*unknown in virtual mailbox",
                    partner["nobody@partner.test"])
    assert re.match(r"deferred \(450 4\.2\.0\) .*Away for a moment", partner["later@partner.test"])
    assert len(town.postfix.wait("Subject: refused")) == 1

    # The sender hears of what failed, once, and of nothing else.
    failed = {f"joe@{name}.test" for name in REFUSALS if name.endswith("5")}
    told = patient.told("refused", len(failed) + 1)
    assert set(told) == failed | {"nobody@partner.test"}
    for address, fields in told.items():
        domain = address.split("@")[1]
        words = ended[domain].recipients[address]
        code, status, text = re.match(r"FAILED \((\d+) (\S+)\) (.*)", words).groups()
        assert fields["Action"] == "failed" and fields["Status"] == status
        assert fields["Remote-MTA"] == f"dns; mx.{domain}"
        assert re.sub(r"\s+", " ", fields["Diagnostic-Code"]) == f"smtp; {code} {text}"

    # What was deferred waits, with its reason.
    waiting = wait_for("all to be at rest", lambda: (
        lambda text: not re.search(rf"^{letter} .* sending ", text, re.M) and text)(
            patient.company.postern("queue", "list")))
    for name, (_, words) in REFUSALS.items():
        lines = re.findall(rf"^{letter} +{name}\.test +1 +waiting +1 .*$", waiting, re.M)
        assert len(lines) == name.endswith("4")
    assert re.search(rf"^{letter} +partner\.test +1 +waiting +1 .*Away for a moment", waiting, re.M)


# ── servers that misbehave ──

def test_what_is_no_reply_is_bounded_and_named(town, patient):
    names = [f"{word}-{phase}" for phase in ODD_PHASES for word in ODDITIES]
    ended = patient.outcomes(patient.send("odd", [f"joe@{name}.test" for name in names]),
                             len(names))
    for name in names:
        attempt = ended[f"{name}.test"]
        word, phase = name.split("-")
        lost = "UNKNOWN: lost before the reply" if phase == "dot" else "deferred"
        assert attempt.outcome.startswith(f"{lost} (4.4.2) ") and ODDITIES[word] in attempt.outcome
        assert "next try" in attempt.facts
        assert town.receivers[name].flooded < 16 << 20
    wait_for("nothing to be under way", lambda:
             patient.company.status()["queue.in_hand"] == "0")


def test_a_connection_that_breaks_is_no_loss(town, patient):
    names = [f"drop-{phase}" for phase in DROP_PHASES]
    letter = patient.send("dropped", [f"joe@{name}.test" for name in names],
                          body=(b"x" * 990 + b"\r\n") * 4000)
    ended = patient.outcomes(letter, len(names))
    for name in names:
        outcome = ended[f"{name}.test"].outcome
        if name == "drop-dot":
            assert re.match(r"UNKNOWN: lost before the reply \(4\.4\.2\) .*may have arrived", outcome)
        else:
            assert re.match(r"deferred \(4\.(4\.2|7\.5)\) ", outcome), (name, outcome)
        town.receivers[name].behave("")
    assert patient.order("retry", letter) == len(names)
    for name in names:
        town.receivers[name].wait(1)
    wait_for("the queue to be done with it", lambda: letter not in patient.queue())
    sent = patient.company.postern("export", "--as-sent", letter, text=False)
    for name in names:
        (_, octets), = town.receivers[name].letters()
        assert octets == sent


# ── levels of protection ──

def test_a_certificate_that_proves_nothing(town, patient):
    recipients = [f"joe@{name}{level}.test" for name in CERTIFICATES for level in ("", "-verified")]
    ended = patient.outcomes(patient.send("who are you", recipients), len(recipients))
    for name, verdict in CERTIFICATES.items():
        lax, strict = ended[f"{name}.test"], ended[f"{name}-verified.test"]
        assert "queued as" in lax.outcome and lax.facts["level"] == "encrypted"
        assert strict.outcome == (f"deferred (4.7.5) the certificate of mx.{name}.test is not proven "
                                  f"to be its own ({verdict}), and this letter needs it")
        assert "next try" in strict.facts
        for attempt in (lax, strict):
            assert attempt.facts["verdict"] == verdict
            assert attempt.facts["certificate"] == "SHA-256 " + town.digest(town.strange[name][0])
    arrived = town.postfix.wait("who are you", len(CERTIFICATES))
    assert sorted(re.search(r"X-Original-To: joe@(.*)\.test", own)[1] for own, _ in arrived) == \
        sorted(CERTIFICATES)


def test_a_certificate_proves_a_server_to_those_who_expect_its_name(patient):
    """A connection that rests is no other domain's when that would not have accepted it."""
    _, named = patient.deliver("named", "named.test")
    assert named.facts["level"] == "verified" and "queued as" in named.outcome, named
    _, unnamed = patient.deliver("unnamed", "unnamed.test")
    assert unnamed.outcome.startswith("deferred (4.7.5)"), unnamed
    assert unnamed.facts["verdict"] == "name-mismatch"


def test_a_server_without_tls_gets_only_what_may_leave_in_the_clear(town, patient):
    ended = patient.outcomes(patient.send("in the clear", [
        "joe@plain.test", "joe@plain-encrypted.test", "joe@plain-verified.test",
        "joe@broken-clear.test", "joe@broken.test"]), 5)
    for domain in ("plain.test", "broken-clear.test"):
        assert ended[domain].outcome.startswith("delivered (250 2.0.0) ")
        assert ended[domain].facts["transport"] == "no TLS"
        assert ended[domain].facts["level"] == "cleartext"
        assert "verdict" not in ended[domain].facts
    for domain in ("plain-encrypted.test", "plain-verified.test"):
        assert ended[domain].outcome == ("deferred (4.7.4) the server offers no STARTTLS, and this "
                                         "letter must not leave unencrypted")
    # What is no handshake may come in the same segment as the 220 or after it.
    assert re.match(r"deferred \(4\.7\.5\) (TLS with the server|STARTTLS) failed: ",
                    ended["broken.test"].outcome)
    (own, _), = town.postfix.wait("in the clear")
    assert "with ESMTP id" in own and "joe@plain.test" in own
    (facts, _), = town.receivers["broken"].letters()
    assert facts["tls"] is None and facts["to"][0]["address"] == "joe@broken-clear.test"


def test_replies_injected_before_tls_end_the_connection(town, patient):
    _, attempt = patient.deliver("injected", "inject.test")
    assert attempt.outcome == ("deferred (4.7.5) STARTTLS failed: the server sent more behind its "
                               "answer to STARTTLS")
    assert town.receivers["inject"].connections == 1 and not town.receivers["inject"].letters()


def test_whoever_gets_worse_gets_nothing_until_a_person_says_so(town, patient):
    worse = {"fallen": "no-starttls", "fallen-clear": "no-starttls", "refused": "refuse-starttls",
             "lapsed": "close"}
    receivers = {name: town.receivers[name] for name in worse}
    ended = patient.outcomes(patient.send("still fine", [f"joe@{name}.test" for name in worse]), 4)
    for name, words in worse.items():
        assert ended[f"{name}.test"].facts["level"] == "verified"
        receivers[name].behave(words)
    receivers["lapsed"].certificate, receivers["lapsed"].key = town.strange["other-name"]
    assert not patient.alarms.exists()

    letters = {name: patient.send(f"worse {name}", [f"joe@{name}.test"]) for name in worse}
    wait_for("all to be held", lambda: all(
        re.search(rf"^{letter} .* held .*the next hop offers weaker protection than before",
                  patient.queue().get(letter, "")) for letter in letters.values()))
    for name, letter in letters.items():
        shown = patient.company.show(letter)
        (attempt,) = patient.attempts(letter)
        code = "4.7.5" if name == "lapsed" else "4.7.4"
        assert attempt.outcome.startswith(f"deferred ({code}) ")
        assert "  held by postern\n" in shown
        assert len(receivers[name].letters()) == 1
    wait_for("the alarm", patient.alarms.exists)
    assert re.match(r"downgrade: A next hop offers weaker protection than before; its letters are "
                    r"held\.", patient.alarms.read_text())

    # What is held and what was released is so after a restart as well.
    released = [letters["fallen-clear"], letters["lapsed"]]
    held = [letters["fallen"], letters["refused"]]
    patient.company.postern("queue", "pause")
    assert patient.order("release", *released) == 2
    patient.company.stop()
    patient.company.start()
    rows = patient.queue()
    assert all(re.search(" waiting ", rows[letter]) for letter in released)
    assert all(re.search(" held .* weaker protection than before", rows[letter]) for letter in held)

    # Released, it leaves as the settings allow without the memory of better times.
    patient.company.postern("queue", "resume")
    assert patient.order("release", *held) == 2
    second = {name: wait_for(f"a second attempt for {name}", lambda: (
        patient.attempts(letter)[1:] or [None])[0]) for name, letter in letters.items()}
    assert second["fallen-clear"].outcome.startswith("delivered (250")
    assert second["fallen-clear"].facts["level"] == "cleartext"
    assert second["lapsed"].outcome.startswith("delivered (250")
    assert second["lapsed"].facts["verdict"] == "name-mismatch"
    for name in ("fallen", "refused"):
        assert second[name].outcome.startswith("deferred (4.7.4) ")
        assert len(receivers[name].letters()) == 1
        receivers[name].behave("")
    assert patient.order("retry", letters["fallen"], letters["refused"]) == 2
    for name in ("fallen", "refused"):
        receivers[name].wait(2)
        assert receivers[name].letters()[1][0]["tls"]

    # Or a person says that it may be worse from now on.
    forget = ("domain", "forget", "fallen-clear.test")
    assert patient.company.postern(*forget) == "fallen-clear.test had shown verified: forgotten\n"
    assert patient.company.postern(*forget, check=False).returncode == 1
    _, attempt = patient.deliver("cleared", "fallen-clear.test")
    assert attempt.outcome.startswith("delivered (250") and attempt.facts["level"] == "cleartext"


def test_tls_that_breaks_where_it_worked_raises_the_same_alarm(town, patient):
    patient.deliver("whole", "breaks.test")
    town.receivers["breaks"].behave("broken-tls")
    letter, attempt = patient.deliver("broken", "breaks.test")
    assert attempt.outcome.startswith("deferred (4.7.5) ")
    wait_for("the alarm", lambda: "downgrade: TLS breaks with a next hop that had it before" in
             patient.alarms.read_text())
    assert " waiting " in patient.queue()[letter]
    assert len(town.receivers["breaks"].letters()) == 1


# ── what the DNS says ──

def test_names_and_addresses(town, patient):
    taken = {"preferred.test": "taker", "next.test": "taker", "rude-first.test": "taker",
             "two-addresses.test": "two", "six.test": "six", "above.test": "taker",
             "aliased.test": "alias", "secure.test": "taker", "half.test": "taker",
             "aka.test": "taker", "shaky.test": "taker"}
    failed = {
        "nothing.test": r"5\.1\.10\) nothing\.test declares that it receives no mail",
        "unknown.test": r"5\.1\.2\) the domain unknown\.test does not exist",
        "textual.test": r"5\.4\.4\) no mail server of textual\.test has an address",
        "missing.test": r"5\.4\.4\) no mail server of missing\.test has an address",
        "ourselves.test": r"5\.4\.6\) the mail servers of ourselves\.test lead back to this one",
        "below.test": r"5\.4\.6\) the mail servers of below\.test lead back to this one"}
    deferred = {
        "a.servfail.test": r"4\.4\.3\) DNS: a\.servfail\.test: the name servers gave no usable answer",
        "a.silent.test": r"4\.4\.3\) DNS: a\.silent\.test: ",
        "bogus.test": r"4\.4\.3\) DNS: mx\.bogus\.test: DNSSEC validation failed: "}
    literal = f"[{town.addresses['taker']}]"
    domains = [*taken, *failed, *deferred, "implicit.test", "own.secure.test", literal]
    ended = {}
    for part in (domains[n::4] for n in range(4)):  # few at once: most are taken by one server
        letter = patient.send("by name", [f"joe@{domain}" for domain in part])
        ended.update(patient.outcomes(letter, len(part)))
    for domain, host in taken.items():
        assert ended[domain].outcome.startswith("delivered (250"), ended[domain]
        assert ended[domain].facts["host"].startswith(f"mx.{host}.test {town.addresses['taker']}:")
    assert ended["implicit.test"].facts["host"].startswith("implicit.test ")
    assert ended[literal].facts["host"].startswith(f"{town.addresses['taker']} ")
    assert ended["own.secure.test"].facts["host"].startswith("mx.secure.test ")
    for domain, words in failed.items():
        assert re.match(rf"FAILED \({words}$", ended[domain].outcome), ended[domain]
    for domain, words in deferred.items():
        assert re.match(rf"deferred \({words}", ended[domain].outcome), ended[domain]
        assert ended[domain].number == 1 and "next try" in ended[domain].facts
    for domain in domains:
        if "DNS" in ended[domain].facts:
            secure = domain == "own.secure.test"
            assert ended[domain].facts["DNS"].startswith("secure" if secure else "not secured")
    assert set(patient.told("by name", len(failed))) == {f"joe@{domain}" for domain in failed}
    assert not town.receivers["second"].letters()


def test_ipv6_comes_first(town, patient):
    if "sixth" not in town.receivers:
        pytest.skip("no IPv6 on loopback")
    _, attempt = patient.deliver("by six", "sixth.test")
    assert attempt.outcome.startswith("delivered (250")
    assert attempt.facts["host"].startswith(f"mx.sixth.test [::1]:{town.port}")
    assert [facts["peer"] for facts, _ in town.receivers["sixth"].letters()] == ["::1"]


def test_a_domain_beyond_ascii_is_asked_for_by_its_a_label(town, patient):
    letter = patient.send("Bücher", ["joe@bücher.test"], mail="SMTPUTF8")
    (attempt,) = patient.outcomes(letter).values()
    assert attempt.outcome.startswith("delivered (250"), attempt
    assert attempt.domain == "xn--bcher-kva.test"
    address, = town.receivers["taker"].letters()[-1][0]["to"]
    assert address["address"].encode("utf-8", "surrogateescape") == "joe@bücher.test".encode()


# ── what servers can do ──

def test_parameters_go_where_they_are_understood(town, patient):
    able = town.receivers["able"]
    eight, utf8 = "Grüße\r\n".encode(), "Subject2: Grüße\r\n".encode()

    def parameters(subject, *arguments, **more):
        patient.outcomes(patient.send(subject, *arguments, **more))
        (facts,) = (f for f, octets in able.letters() if f"Subject: {subject}\r".encode() in octets)
        size, = [p for p in facts["from"]["parameters"] if p.startswith("SIZE=")]
        assert size == f"SIZE={facts['size']}"
        return set(facts["from"]["parameters"]) - {size}, [set(r["parameters"]) for r in facts["to"]]

    joe = ["joe@able.test"]
    assert parameters("ascii", joe) == (set(), [set()])
    assert parameters("eight", joe, body=eight, mail="BODY=8BITMIME") == \
        ({"BODY=8BITMIME"}, [set()])
    assert parameters("claimed", joe, mail="BODY=8BITMIME SMTPUTF8") == (set(), [set()])
    assert parameters("header", joe, header=utf8, mail="BODY=8BITMIME SMTPUTF8") == \
        ({"BODY=8BITMIME", "SMTPUTF8"}, [set()])
    assert parameters("jörg", ["jörg@able.test"], mail="SMTPUTF8")[0] >= {"SMTPUTF8"}
    assert parameters("notify", {
        "joe@able.test": "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;jo+2Be@able.test",
        "jim@able.test": "NOTIFY=NEVER"}, mail="RET=HDRS ENVID=QQ+2B7") == (
        {"RET=HDRS", "ENVID=QQ+2B7"},
        [{"NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;jo+2Be@able.test"}, {"NOTIFY=NEVER"}])


def test_a_server_is_not_sent_what_it_cannot_take(town, patient):
    cannot = {
        "eight": ("5.6.3", {"body": "Grüße\r\n".encode(), "mail": "BODY=8BITMIME"}, "unable"),
        "header": ("5.6.7", {"header": "Subject2: Grüße\r\n".encode(),
                             "mail": "BODY=8BITMIME SMTPUTF8"}, "unable"),
        "jörg": ("5.6.7", {"mail": "SMTPUTF8"}, "unable"),
        "large": ("5.3.4", {"body": b"0123456789\r\n" * 2000}, "small")}
    for user, (code, more, name) in cannot.items():
        letter = patient.send(f"cannot {code} {user}", [f"{user}@{name}.test"], **more)
        (attempt,) = patient.outcomes(letter).values()
        assert attempt.outcome.startswith(f"FAILED ({code}) "), attempt
        told = patient.told(f"cannot {code}")
        assert code in {fields["Status"] for fields in told.values()}
    # What they can take, they get: without the parameters that they did not offer.
    for name in ("unable", "small"):
        letter, attempt = patient.deliver(f"plain for {name}", f"{name}.test",
                                          mail="RET=HDRS ENVID=QQ")
        assert "queued as" in attempt.outcome
    assert len(town.postfix.wait("plain for ", 2)) == 2
    assert not town.postfix.letters("Subject: cannot")


# ── what a person orders ──

def test_waiting_letters_obey(town, patient):
    healed = patient.send("healed", ["joe@healed.test"])
    unwanted = patient.send("unwanted", ["joe@unwanted.test", "jim@unwanted.test"])
    wait_for("both to wait", lambda: all(
        re.search(r" waiting +1 .* No letters now", patient.queue().get(letter, ""))
        for letter in (healed, unwanted)))
    assert patient.order("retry", unwanted) == 1
    wait_for("a second attempt", lambda: len(patient.attempts(unwanted)) == 2)
    assert patient.order("cancel", unwanted) == 1
    assert unwanted not in patient.queue()
    told = patient.told("unwanted", 2)
    assert {(address, fields["Action"]) for address, fields in told.items()} == {
        ("joe@unwanted.test", "failed"), ("jim@unwanted.test", "failed")}
    shown = patient.company.show(unwanted)
    assert "settled for unwanted.test without an attempt" in shown
    assert "joe@unwanted.test: FAILED (5.7.0) Cancelled by the administrator: a test's" in shown

    # Everything that waits, and how often it was tried, is the same after a restart.
    wait_for("all to be at rest", lambda: patient.company.status()["queue.in_hand"] == "0")

    def rows():
        return sorted(re.findall(r"^(\S+ +\S+ +\d+ +(?:waiting|held) +\d+ )",
                                 patient.company.postern("queue", "list"), re.M))

    before = rows()
    assert len(before) > 20
    patient.company.stop()
    patient.company.start()
    assert rows() == before
    town.receivers["healed"].behave("")
    assert patient.order("retry", healed) == 1
    town.receivers["healed"].wait(1)
    wait_for("the queue to be done with it", lambda: healed not in patient.queue())
    assert [a.number for a in patient.attempts(healed)] == [1, 2]
    assert not town.receivers["unwanted"].letters()


def test_servers_that_hang_keep_nobody_else_waiting(town, patient):
    smtp = patient.client()
    stuck = [patient.send(f"stuck {name} {n}", [f"joe@{name}.test"], smtp=smtp)
             for n in range(PER_HOST * 2) for name in TARPITS]
    wait_for("the servers to be reached", lambda: all(
        town.receivers[name].connections for name in TARPITS))
    letters = [patient.send(f"quick {n}", ["joe@partner.test"], smtp=smtp) for n in range(10)]
    for letter in letters:
        attempt = patient.outcomes(letter, seconds=20)["partner.test"]
        assert attempt.number == 1 and "queued as" in attempt.outcome
    assert not any(patient.attempts(letter) for letter in stuck)
    # Whoever finds all connections in use has asked nobody: that is no attempt.
    # The third connection to tar-one is for one of these two.
    shared = [patient.send(f"shared {n}", ["joe@tar-shared.test"], smtp=smtp) for n in range(2)]
    row = wait_for("one to come back", lambda: re.search(
        r"^(\w+) +tar-shared\.test .* waiting +0 .* connections to this server .* busy$",
        patient.company.postern("queue", "list"), re.M), 30)
    assert row[1] in shared and not patient.attempts(row[1])
    # What is ordered about a letter in hand is done when its attempt ends.
    held, given_up = [letter for letter in stuck if " sending " in patient.queue()[letter]][:2]
    assert "1 being delivered just now: held when the attempt ends" in patient.company.postern(
        "queue", "hold", held)
    assert "1 being delivered just now: cancelled when" in patient.company.postern(
        "queue", "cancel", given_up)
    for name in TARPITS:
        assert 1 <= town.receivers[name].most_open <= PER_HOST
        town.receivers[name].stop()
    wait_for("it to be held", lambda: " held " in patient.queue()[held])
    wait_for("it to be gone", lambda: given_up not in patient.queue())
    assert "FAILED (5.7.0) Cancelled by the administrator" in patient.company.show(given_up)


# ── a smart host ──

def test_a_smart_host_takes_everything_by_its_account(town, hasty):
    _, attempt = hasty.deliver("far away", "anywhere.invalid")
    assert re.match(r"handed to the smart host; beyond it unknown \(250 2\.0\.0\) Ok: queued as ",
                    attempt.outcome)
    assert attempt.facts["host"].startswith("mx.provider.test ")
    assert attempt.facts["level"] == "verified"
    (own, _), = town.postfix.wait("far away")
    assert f"(Authenticated sender: {Postfix.user})" in own
    refused = hasty.company.postern("domain", "override", "anywhere.invalid", "--level", "encrypted", "--until", "1d",
                                    "--reason", "theirs", check=False)
    assert "the smart host takes letters to this domain" in refused.stderr


def test_a_smart_host_that_refuses_the_account_is_no_reason_to_bounce(hasty):
    def reload():
        n = hasty.company.log.read_text().count("event=config.reloaded")
        hasty.company.process.send_signal(signal.SIGHUP)
        wait_for("the settings to be read again", lambda: hasty.company.log.read_text().count(
            "event=config.reloaded") > n)

    hasty.password.write_text("wrong\n")
    reload()
    letter, attempt = hasty.deliver("wrong account", "anywhere.invalid")
    assert re.match(r"deferred \(4\.7\.8\) the server refused our account: 535 ", attempt.outcome)
    hasty.password.write_text(Postfix.password + "\n")
    reload()
    wait_for("it to be taken", lambda: "handed to the smart host" in
             hasty.attempts(letter)[-1].outcome)
    assert notices(hasty.home, "wrong account") == []


# ── time ──

def test_servers_that_hang_are_given_up_and_tried_again(town, hasty):
    names = [f"hang-{phase}" for phase in HANG_PHASES]
    domains = [f"{name}.test" for name in names if name != "hang-data"] + ["deaf.test"]
    letter = hasty.send("hanging", [f"joe@{domain}" for domain in domains])
    # One that does not fit into the buffers of an idle connection: writing it comes to a halt.
    large = hasty.send("stuck", ["joe@hang-data.test"], body=(b"x" * 990 + b"\r\n") * 4000)
    first = {}
    for i, n in ((letter, len(domains)), (large, 1)):
        wait_for("all to be tried", lambda: len({a.domain for a in hasty.attempts(i)}) == n)
        first |= {a.domain: a for a in hasty.attempts(i) if a.number == 1}
    for name in names:
        town.receivers[name].behave("")
    for domain, attempt in first.items():
        lost = "UNKNOWN: lost before the reply" if domain == "hang-dot.test" else "deferred"
        assert attempt.outcome.startswith(lost), attempt
        assert HANG_WORDS.get(domain, "the server did not answer in time") in attempt.outcome
        assert 1.9 <= attempt.ended - attempt.began < 10, attempt
    for name in names:
        town.receivers[name].wait(1)
    wait_for("only the deaf to be left", lambda: set(re.findall(
        rf"^(?:{letter}|{large}) +(\S+)", hasty.company.postern("queue", "list"), re.M)) <=
        {"deaf.test"})
    for name in names:
        assert len(town.receivers[name].letters()) == 1


def check_pauses(found):
    """Attempts come when they were announced, after the pauses of the schedule."""
    for attempt, following in zip(found, found[1:]):
        pause = [1, 2, 4][min(attempt.number, 3) - 1]
        least = 0 if following.outcome.startswith("FAILED") else pause * 7 / 8 - 0.01
        assert least <= attempt.next_try - attempt.ended <= pause * 9 / 8 + 1
        assert following.began >= attempt.next_try - 0.01
        assert following.number == attempt.number + 1


def test_a_letter_is_tried_by_the_schedule_and_taken_once(town, hasty):
    letter = hasty.send("not yet", ["joe@unready.test"])
    wait_for("three attempts", lambda: len(hasty.attempts(letter)) == 3)
    town.receivers["unready"].behave("")
    town.receivers["unready"].wait(1)
    wait_for("the queue to be done with it", lambda: letter not in hasty.queue())
    found = hasty.attempts(letter)
    assert [re.match(r"\w+", a.outcome)[0] for a in found] == ["deferred"] * 3 + ["delivered"]
    check_pauses(found)
    assert len(town.receivers["unready"].letters()) == 1
    assert notices(hasty.home, "not yet") == []


def test_too_many_recipients_at_once_are_sent_in_parts(town, hasty):
    recipients = [f"r{n}@crowded.test" for n in range(25)]
    letter = hasty.send("a crowd", recipients)
    wait_for("the queue to be done with it", lambda: hasty.attempts(letter) and
             letter not in hasty.queue())
    found = hasty.attempts(letter)
    taken = [address for a in found for address, words in a.recipients.items()
             if "queued as" in words]
    assert sorted(taken) == sorted(recipients) and len(found) == 3
    arrived = town.postfix.wait("Subject: a crowd", 25)
    assert sorted(re.search(r"X-Original-To: (\S+)", own)[1] for own, _ in arrived) == \
        sorted(recipients)
    assert notices(hasty.home, "a crowd") == []


def test_after_the_lifetime_the_sender_is_told(town, hasty):
    told = hasty.told("hopeless", 2)
    for address in ("joe@never.test", "joe@dead.test"):
        assert told[address]["Action"] == "failed" and told[address]["Status"] == "5.4.7"
        found = hasty.attempts(hasty.hopeless, address.split("@")[1])
        check_pauses(found)
        assert len(found) >= 5
        assert all(a.outcome.startswith("deferred") for a in found[:-1])
        assert found[-1].outcome.startswith("FAILED")
        assert "5.4.7) Given up after too many attempts; the last: " in found[-1].outcome
        assert 29 <= found[-1].ended - found[0].began < 60
    assert town.receivers["never"].letters() == []
    assert hasty.hopeless not in hasty.queue()


def test_the_log_names_nobody(patient, hasty):
    for sender in (patient, hasty):
        assert not re.search(r"[\w.]@[\w.]", sender.company.log.read_text())
