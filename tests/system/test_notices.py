"""Notices about what became of letters (RFC 3461, 3464), as they arrive at the sender's server,
read by Python's email package."""
import email
import email.policy
import re
import smtplib
import sys
import time

import pytest

from company import ROOT, Company, wait_for

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

PASSWORD = "a test's own pass phrase"
SENDER = "ann@example.test"
REFUSED_SENDER = "refuse-bea@example.test"  # whose own server takes nothing for her
BODY = b"only the recipient may read this\r\n"


class World:
    def __init__(self, folder, settings):
        self.company = Company(folder / "company")
        certificate, key = self.company.authority.issue("mx.partner.test", "mx.plain.test")
        # The world outside, and the company's own mailboxes: one server that knows DSN, one not.
        self.outside = Receiver(folder / "outside", certificate=certificate, key=key).start()
        self.plain = Receiver(folder / "plain", certificate=certificate, key=key,
                              behave="no-dsn").start()
        sections = "".join(f"[domain {domain}]\nroute = 127.0.0.1:{receiver.port}\n"
                           "tls-name = mx.partner.test\n"
                           for domain, receiver in (("partner.test", self.outside),
                                                    ("plain.test", self.plain),
                                                    ("example.test", self.outside)))
        self.company.create(settings=settings, sections=sections)
        self.company.start()
        self.company.add_user(SENDER, PASSWORD)
        self.company.add_user(REFUSED_SENDER, PASSWORD)

    def stop(self):
        self.company.stop()
        self.outside.stop()
        self.plain.stop()

    def send(self, subject, recipients, sender=SENDER, mail=""):
        """Submit a letter to {recipient: parameters of RCPT}."""
        letter = (f"From: <{sender}>\r\nTo: somebody\r\nSubject: {subject}\r\n"
                  "Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n\r\n").encode() + BODY
        with smtplib.SMTP_SSL(context=self.company.context(), timeout=60) as smtp:
            smtp._host = self.company.hostname
            smtp.connect("127.0.0.1", self.company.submissions)
            smtp.ehlo("client.example.test")
            smtp.login(sender, PASSWORD)
            assert smtp.docmd("MAIL", f"FROM:<{sender}> {mail}")[0] == 250
            for address, parameters in recipients.items():
                assert smtp.docmd("RCPT", f"TO:<{address}> {parameters}")[0] == 250
            code, text = smtp.data(letter)
            assert code == 250, text
        return text.split()[-1].decode()

    def notices(self, subject):
        """The notices about a letter that have arrived: (envelope, message)."""
        found = []
        for envelope, octets in self.outside.letters():
            message = email.message_from_bytes(octets, policy=email.policy.SMTP)
            if message.get_content_type() == "multipart/report" and subject in message["Subject"]:
                found.append((envelope, message))
        return found

    def notice(self, subject):
        """The one notice about a letter, once it is there."""
        wait_for(f"a notice about {subject}", lambda: self.notices(subject), 30)
        time.sleep(0.5)  # a second one would be an error
        (envelope, message), = self.notices(subject)
        return envelope, message

    def settled(self, letter):
        """Wait until the first attempt is over, and a little for what must not come."""
        wait_for("the first attempt to end",
                 lambda: re.search(r"attempt 1 .*ended", self.company.show(letter)), 30)
        time.sleep(1)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("notices"), {"outbound-tls": "verified"})
    yield w
    w.stop()


@pytest.fixture(scope="module")
def slow_world(tmp_path_factory):
    """One that warns after a second and gives up after some."""
    w = World(tmp_path_factory.mktemp("delays"),
              {"outbound-tls": "verified", "retry-schedule": "1s", "delay-warning": "1s",
               "queue-lifetime": "8s"})
    yield w
    w.stop()


def parts(message):
    """(sentences, [fields of the report, then of each recipient], what is returned)."""
    assert not message.defects
    assert message.get_param("report-type") == "delivery-status"
    text, status, returned = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    return text.get_content(), status.get_payload(), returned


def test_a_refusal_comes_back(world):
    world.send("no such user", {"refuse-joe@partner.test": "ORCPT=rfc822;jo+2Bhn@partner.test",
                                "ann@partner.test": ""}, mail="ENVID=QQ+2B7")
    envelope, message = world.notice("no such user")
    text, (about, joe), returned = parts(message)
    assert envelope["from"]["address"] == ""
    assert [to["address"] for to in envelope["to"]] == [SENDER]
    assert message["Auto-Submitted"] == "auto-replied"
    assert "refuse-joe@partner.test" in text and "no such user" in text
    assert "ann@partner.test" not in text
    assert about["Reporting-MTA"] == "dns; mail.example.test"
    assert about["Original-Envelope-Id"] == "QQ+7"
    assert about["Arrival-Date"]
    assert joe["Final-Recipient"] == "rfc822; refuse-joe@partner.test"
    assert joe["Original-Recipient"] == "rfc822; jo+hn@partner.test"
    assert joe["Action"] == "failed"
    assert joe["Status"] == "5.1.1"
    assert joe["Diagnostic-Code"].startswith("smtp; 550 ")
    # The header alone, as it was sent.
    assert returned.get_content_type() == "text/rfc822-headers"
    octets = returned.get_payload(decode=True)
    assert b"Subject: no such user" in octets and BODY.strip() not in octets


def test_the_whole_letter_comes_back_where_asked(world):
    world.send("whole", {"refuse-joe@partner.test": ""}, mail="RET=FULL")
    _, _, returned = parts(world.notice("whole")[1])
    assert returned.get_content_type() == "message/rfc822"
    assert BODY.decode().strip() in returned.get_payload(0).get_payload()


def test_never_is_never(world):
    letter = world.send("never", {"refuse-joe@partner.test": "NOTIFY=NEVER",
                                  "refuse-ann@partner.test": "NOTIFY=SUCCESS,DELAY"})
    world.settled(letter)
    assert world.notices("never") == []


def test_a_notice_is_never_about_a_notice(world):
    letter = world.send("lost", {"refuse-joe@partner.test": ""}, sender=REFUSED_SENDER)
    found = wait_for("a notice to be recorded", lambda: re.search(
        r"notice.*?([0-9a-z]{16})", world.company.show(letter), re.S), 30)
    world.settled(found[1])
    story = world.company.show(found[1])
    assert "FAILED" in story and "notice" not in story.partition("attempt 1")[2]


def test_success_is_told_where_the_next_server_does_not(world):
    world.send("taken", {"joe@plain.test": "NOTIFY=SUCCESS", "ann@plain.test": ""})
    _, message = world.notice("taken")
    _, (_, joe), returned = parts(message)
    assert joe["Final-Recipient"] == "rfc822; joe@plain.test"
    assert joe["Action"] == "relayed"
    assert joe["Status"].startswith("2.")
    assert returned.get_content_type() == "text/rfc822-headers"


def test_success_is_left_to_a_server_that_tells_it(world):
    letter = world.send("handed on", {"joe@partner.test": "NOTIFY=SUCCESS,FAILURE"})
    world.settled(letter)
    assert world.notices("handed on") == []


def test_a_delay_is_told_once_then_the_end(slow_world):
    slow_world.send("later", {"later-joe@partner.test": ""})
    wait_for("two notices", lambda: len(slow_world.notices("later")) >= 2, 60)
    time.sleep(3)
    (_, first), (_, second) = slow_world.notices("later")
    _, (_, joe), _ = parts(first)
    assert joe["Action"] == "delayed" and joe["Status"].startswith("4.")
    assert joe["Will-Retry-Until"]
    _, (_, joe), _ = parts(second)
    assert joe["Action"] == "failed" and joe["Status"] in ("5.4.7", "4.4.7")


def test_an_expired_letter_warns_nobody_who_wants_no_warning(slow_world):
    slow_world.send("quietly", {"later-joe@partner.test": "NOTIFY=FAILURE"})
    _, message = slow_world.notice("quietly")
    assert parts(message)[1][1]["Action"] == "failed"
