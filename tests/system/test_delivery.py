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
            sections=f"[domain example.test]\nroute = 127.0.0.1:{home.port}\n"
                     "tls-name = mx.home.test\n" + sections)
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
