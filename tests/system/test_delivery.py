"""Delivery to real servers and to ones that misbehave: what arrives, what the sender is told, and
what `postern show` says about it afterwards. The servers are those of town.py; a letter often goes
to many of them at once."""
import os
import pathlib
import re
import shutil
import smtplib
import tempfile
import threading

import pytest

from company import CA, Company, wait_for
from town import NEEDED, Town, attempts, notices

MISSING = [name for name in NEEDED if not shutil.which(name)]
pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="Postfix wants to be started by root"),
              pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")]

PASSWORD = "a test's own pass phrase"
ANN = "ann@example.test"
PER_HOST = 3

# Postfix's options for a server that refuses at one step: (options, what becomes of the letter).
REFUSALS = {
    "greeting5": (["smtpd_delay_reject = no", "smtpd_client_restrictions = check_client_access "
                   "static:{554 5.7.1 not from you}"],
                  r"FAILED \(554 5\.7\.1\) .*Client host rejected: not from you$"),
    "greeting4": (["smtpd_delay_reject = no", "smtpd_client_restrictions = check_client_access "
                   "static:{421 4.3.2 no time}"],
                  r"deferred \(421 4\.3\.2\) .*Client host rejected: no time$"),
    "mail5": (["smtpd_delay_reject = no", "smtpd_sender_restrictions = check_sender_access "
               "static:{550 5.1.8 not her}"],
              r"FAILED \(550 5\.1\.8\) <ann@example\.test>: Sender address rejected: not her$"),
    "mail4": (["smtpd_delay_reject = no", "smtpd_sender_restrictions = check_sender_access "
               "static:{450 4.1.8 not now}"],
              r"deferred \(450 4\.1\.8\) .*Sender address rejected: not now$"),
    "data5": (["smtpd_data_restrictions = check_client_access static:{554 5.7.0 no data}"],
              r"FAILED \(554 5\.7\.0\) .* rejected: no data$"),
    "data4": (["smtpd_data_restrictions = check_client_access static:{450 4.7.0 not yet}"],
              r"deferred \(450 4\.7\.0\) .* rejected: not yet$"),
    "dot5": (["smtpd_end_of_data_restrictions = check_client_access static:{554 5.6.0 ugly}"],
             r"FAILED \(554 5\.6\.0\) .* rejected: ugly$"),
    "dot4": (["smtpd_end_of_data_restrictions = check_client_access static:{452 4.3.1 full}"],
             r"deferred \(452 4\.3\.1\) .* rejected: full$"),
}

# What a server says that is no reply, and what is said of it.
ODDITIES = {
    "garbage": "the server sent a line that is no SMTP reply",
    "lf": "the server sent a line that does not end in CRLF alone",
    "giant": "the server sent a line longer than 2000 octets",
    "many": "the server's reply has too many lines",
    "endless": "the server's reply has too many lines",
}
ODD_PHASES = ["greeting", "ehlo", "mail", "dot"]
DROP_PHASES = ["greeting", "ehlo", "starttls", "handshake", "mail", "rcpt", "data", "dot"]


class Sender:
    """A company with Postern in the town, and a person who sends."""

    def __init__(self, folder, town, home, settings, sections=""):
        self.company = Company(folder)
        self.town, self.home = town, home
        self.alarms = folder / "alarms"
        hook = folder / "alert"
        hook.write_text(f'#!/bin/sh\nread -r sentence\necho "$1: $sentence" >>{self.alarms}\n')
        hook.chmod(0o755)
        self.company.create(settings={
            "trust-store": town.authority.certificate, "dns-trust-anchor": town.dns.anchors,
            "dns-resolver": f"127.0.0.1:{town.dns.port}", "outbound-port": town.port,
            "alert-command": hook, "alert-interval": "1s",
            "per-host-concurrency": PER_HOST, **settings},
            sections=f"[domain example.test]\nroute = mx.home.test:{home.port}\n" + sections)
        self.company.start()
        self.company.add_user(ANN, PASSWORD)

    def client(self):
        smtp = smtplib.SMTP_SSL(context=self.company.context(), timeout=60)
        smtp._host = self.company.hostname
        smtp.connect("127.0.0.1", self.company.submissions)
        smtp.ehlo("client.example.test")
        smtp.login(ANN, PASSWORD)
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
                for part in message.get_payload()[1].get_payload()[1:]:
                    fields[part["Final-Recipient"].split("; ")[1]] = part
            return fields if len(fields) >= n else None
        return wait_for(f"{n} recipients in notices about {subject}", found, 40)

    def queue(self):
        """{id: line of `postern queue list`}."""
        return {line.split()[0]: line
                for line in self.company.postern("queue", "list").splitlines()[1:]}


def declare(town):
    """Whom letters go to."""
    town.real("partner")
    town.real("busy", "smtpd_end_of_data_restrictions = sleep 1")
    town.real("idle", "smtpd_timeout = 1s")
    for name, (options, _) in REFUSALS.items():
        town.real(name, *options)
    for phase in ODD_PHASES:
        for word in ODDITIES:
            town.odd(f"{word}-{phase}", f"{word}-{phase}")
    for phase in DROP_PHASES:
        town.odd(f"drop-{phase}", f"drop-{phase}")


@pytest.fixture(scope="module")
def town():
    # Not below pytest's own folder: Postfix leaves root's rights behind and must come here.
    with tempfile.TemporaryDirectory(prefix="postern-town-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        town = Town(folder, CA(folder / "ca"))
        town.home = town.odd("home")
        try:
            declare(town)
            town.open()
            yield town
        finally:
            town.close()


@pytest.fixture(scope="module")
def patient(town):
    """A sender that tries once and then waits for an hour."""
    sender = Sender(town.folder / "patient", town, town.home, {"retry-schedule": "1h"})
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
    waiting = patient.company.postern("queue", "list")
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
    assert patient.company.status()["queue.in_hand"] == "0"


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
    assert f"tried at once: {len(names)}" in patient.company.postern("queue", "retry", letter)
    for name in names:
        town.receivers[name].wait(1)
    wait_for("the queue to be done with it", lambda: letter not in patient.queue())
    sent = patient.company.postern("export", "--as-sent", letter, text=False)
    for name in names:
        (_, octets), = town.receivers[name].letters()
        assert octets == sent
