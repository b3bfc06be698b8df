"""Journal reports by SMTP: recorded before 250, with the envelope that the report tells, once."""
import datetime
import os
import re
import signal
import smtplib
import time

import pytest

from company import Company, free_port, wait_for

ADDRESS = "journal@archive.example.test"
LETTER = ("From: Anna <anna@example.test>\r\nTo: all@example.test\r\nSubject: Journalled\r\n"
          "Message-ID: <same@example.test>\r\n\r\njournalled{n} to everybody\r\n")


def letter(n):
    return LETTER.format(n=n).encode()


def report(inner, *recipients):
    """What Exchange sends for a letter."""
    lines = "".join(f"{r}\r\n" for r in recipients).encode()
    return (b"From: MicrosoftExchange@example.test\r\nTo: " + ADDRESS.encode() + b"\r\n"
            b"X-MS-Journal-Report:\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=\"_b_\"\r\n\r\n--_b_\r\n"
            b"Content-Type: text/plain; charset=\"us-ascii\"\r\n\r\nSender: anna@example.test\r\n"
            b"Subject: Journalled\r\nMessage-Id: <same@example.test>\r\n" + lines +
            b"\r\n--_b_\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--_b_--\r\n")


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    directory = tmp_path_factory.mktemp("journal")
    os.chmod(directory, 0o755)
    company = Company(directory / "company")
    company.journal = free_port()
    company.create(settings={"listen-journal": f"127.0.0.1:{company.journal}",
                             "journal-address": ADDRESS, "journal-network": "127.0.0.0/8, ::1"})
    company.start()
    yield company
    company.stop()


def connect(company, tls=True):
    client = smtplib.SMTP("127.0.0.1", company.journal, timeout=30)
    if tls:
        client._host = company.hostname  # the name that the certificate must show
        client.starttls(context=company.context())
    return client


def give(company, content, to=ADDRESS):
    """Deliver as a provider does; the code of the last reply."""
    with connect(company) as client:
        client.ehlo()
        assert client.mail("MicrosoftExchange@example.test")[0] == 250
        code = client.rcpt(to)[0]
        return code if code != 250 else client.data(content)[0]


def found(company, *query):
    lines = company.postern("search", *query, check=False).stdout.splitlines()[1:]
    return [line.split()[0] for line in lines]


def counts(company):
    line = re.search(r"^(\w+) .* journal +journal +(\d+) +(\d+) +(\d+) +goes on",
                     company.postern("import", "list"), re.M)
    return line.group(1), tuple(map(int, line.groups()[1:]))


def test_reports_are_recorded_with_their_true_envelope(company):
    inner = letter(1)
    first = report(inner, "To: bob@example.test, Expanded: all@example.test",
                   "Bcc: secret@partner.test")
    assert give(company, first) == 250
    assert counts(company)[1] == (1, 0, 0)
    wait_for("the index", lambda: len(found(company, "journalled1", "to:secret@partner.test")) == 1)
    (letter_id,) = found(company, "journalled1")
    assert company.postern("export", "-o", "-", letter_id, text=False) == inner
    assert "bob@example.test, secret@partner.test" in company.show(letter_id)
    # again: known by content and envelope; what only has its Message-ID is another letter
    assert give(company, first) == 250
    assert give(company, report(letter(2), "To: bob@example.test")) == 250
    assert give(company, report(inner, "To: carol@example.test")) == 250
    assert counts(company)[1] == (3, 1, 0)


def test_what_is_no_report_is_recorded_as_it_is_and_listed(company):
    plain = letter(3)
    assert give(company, plain) == 250
    assert give(company, b"neither header nor report, journalled4\r\n") == 250
    number, (taken, known, failed) = counts(company)
    assert (taken, known, failed) == (5, 1, 0)
    said = company.postern("import", "report", number)
    assert said.count("taken as it is: journal: it is no journal report") == 1
    assert said.count("taken as it is: journal: it has no header") == 1
    long = report(letter(8), *(f"To: {'x' * 200}{n}@example.test" for n in range(1000)))
    assert give(company, long) == 250
    assert counts(company)[1] == (6, 1, 0)
    assert "its envelope is longer than 64 KiB" in company.postern("import", "report", number)
    wait_for("the index", lambda: len(found(company, "journalled3")) == 1)
    assert company.postern("export", "-o", "-", found(company, "journalled3")[0], text=False) == plain
    assert len(company.postern("queue", "list").splitlines()) == 1  # nothing is relayed


def test_retention_begins_when_a_report_came_whatever_its_letter_says(company):
    old = b"Date: Thu, 1 Jan 1970 00:00:01 +0000\r\n"
    assert give(company, report(old + letter(6), "To: bob@example.test")) == 250
    assert give(company, old + letter(7)) == 250
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y")
    for n in (6, 7):
        wait_for("the index", lambda n=n: len(found(company, f"journalled{n}")) == 1)
        assert re.search(rf"there since +{today}-", company.show(found(company, f"journalled{n}")[0]))


def test_the_listener_is_no_way_out(company):
    assert give(company, letter(5), to="anybody@partner.test") == 550
    with connect(company, tls=False) as client:
        client.ehlo()
        assert client.mail("a@example.test")[0] == 530  # without TLS
    company.set("journal-network", "192.0.2.0/24")
    os.kill(company.process.pid, signal.SIGHUP)
    wait_for("the reload", lambda: "event=config.reloaded" in company.log.read_text())

    def turned_away():
        try:
            connect(company, tls=False).close()
        except smtplib.SMTPConnectError as refused:
            return refused.smtp_code == 554
        return False
    wait_for("strangers to be turned away", turned_away)
    # a user instead of networks counts at the next start: until then it is nobody's door
    secret = company.directory / "journal-password"
    secret.write_text("a long secret\n")
    before = company.config.read_text()
    company.config.write_text("".join(line for line in before.splitlines(True)
                                      if not line.startswith("journal-network")))
    company.set("journal-user", "provider")
    company.set("journal-password-file", secret)
    reloads = company.log.read_text().count("event=config.reloaded")
    os.kill(company.process.pid, signal.SIGHUP)
    wait_for("the reload", lambda: company.log.read_text().count("event=config.reloaded") > reloads)
    time.sleep(0.5)
    assert turned_away()
    company.config.write_text(before)
    company.set("journal-network", "127.0.0.0/8")


def test_the_provider_signs_in_and_a_dying_keeper_costs_no_report(company):
    secret = company.directory / "journal-password"
    secret.write_text("a long secret\n")
    company.set("journal-user", "provider")
    company.set("journal-password-file", secret)
    company.stop()
    company.start()
    with connect(company) as client:
        client.ehlo()
        assert client.mail("a@example.test")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("provider", "another secret")
        client.login("provider", "a long secret")
        before = counts(company)[1][0]
        done = 0
        for n in range(10, 22):
            if n in (13, 18):
                for pid, role in company.processes().items():
                    if role == "keeper":
                        os.kill(pid, signal.SIGKILL)
            client.mail("MicrosoftExchange@example.test")
            client.rcpt(ADDRESS)
            code = client.data(report(letter(n), "To: bob@example.test"))[0]
            while code != 250:
                assert code == 451
                client.mail("MicrosoftExchange@example.test")
                client.rcpt(ADDRESS)
                code = client.data(report(letter(n), "To: bob@example.test"))[0]
            done += 1
    taken, known, failed = counts(company)[1]
    assert taken - before == done == 12 and failed == 0
    for n in (10, 13, 18, 21):
        wait_for("the index", lambda n=n: len(found(company, f"journalled{n}")) == 1)
    assert "whole" in company.postern("ledger", "verify")
