"""MTA-STS (RFC 8461) and reports on TLS (RFC 8460), with a real https server, real DNS questions and servers of each
kind: who is not meant by an enforced policy gets nothing, and the domains hear of it the next day."""
import email
import gzip
import ipaddress
import json
import os
import re
import shutil
import time

import pytest

from company import Company, free_port, wait_for
from names import Names
from scene import ALICE, PASSWORD, Client, Receiver
from sts_web import Web, policy
from test_running import in_moved_time, move_clock

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the server of policies listens on port 443")

NET = f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}"
GZIP = "application/tlsrpt+gzip"
DOMAINS = [f"{name}.test" for name in ("good", "other", "forged", "bare", "trial", "led", "page", "huge", "moving",
                                       "inbox")]


class World:
    def __init__(self, folder, hosts, domains, settings=(), sections=""):
        self.folder = folder
        self.company = Company(folder / "company")
        self.names, self.receivers, self.used = Names(), {}, 1
        authority = self.company.authority
        self.own = authority.issue("mx.good.test", *hosts, *(f"mx.{d}" for d in domains))
        self.strange = authority.issue("mx.elsewhere.test")
        self.web = Web(f"{NET}.1", authority.issue("web.test", *(f"mta-sts.{d}" for d in domains)), self.strange)
        self.port = free_port()
        for kind in ("root.key", "root.hints"):
            (folder / kind).write_text("")
        self.company.create(settings={
            "courier-trust-store": self.company.authority.certificate,
            "dns-resolver": f"127.0.0.1:{self.names.port}", "dns-trust-anchor": folder / "root.key",
            "outbound-port": self.port, "retry-schedule": "1h", "outbound-idle": "1s", **dict(settings)},
            sections=sections)
        self.names.set("example.test", "MX", "mail.example.test")

    def receiver(self, host, strange=False, behave=""):
        """A mail server of this name; a `strange` one has a certificate for another name."""
        self.used += 1
        certificate, key = self.strange if strange else self.own
        self.names.set(host, "A", f"{NET}.{self.used}")
        self.receivers[host] = Receiver(self.folder / host, (f"{NET}.{self.used}", self.port),
                                        certificate, key, host, behave=behave).start()
        return self.receivers[host]

    def domain(self, domain, text, id="1", headers=None, status=200, **server):
        """A domain with a policy and one mail server, mx.DOMAIN."""
        self.names.set(domain, "MX", f"mx.{domain}")
        self.publish(domain, text, id, headers, status)
        self.names.set(f"mta-sts.{domain}", "A", f"{NET}.1")
        return self.receiver(f"mx.{domain}", **server)

    def publish(self, domain, text, id, headers=None, status=200):
        self.names.set(f"_mta-sts.{domain}", "TXT", f"v=STSv1; id={id};")
        self.web.answers[f"mta-sts.{domain}", "/.well-known/mta-sts.txt"] = (
            status, {"Content-Type": "text/plain"} if headers is None else headers, text)

    def send(self, *domains, subject="A letter", options=()):
        with Client(self.company.hostname, self.company.submissions, context=self.company.context(),
                    local_hostname="client.example.test", timeout=30) as smtp:
            smtp.login(ALICE, PASSWORD)
            smtp.mail(ALICE, options)
            for domain in domains:
                smtp.rcpt(f"paula@{domain}")
            code, reply = smtp.data(f"From: alice@example.test\r\nTo: x\r\nSubject: {subject}\r\n\r\nHello\r\n".encode())
        assert code == 250, reply
        return re.search(rb"\b[0-9a-z]{16}\b", reply)[0].decode()

    def story(self, letter, *words):
        """What `show` says, once it says all of this."""
        def look():
            text = self.company.postern("show", letter)
            self.shown = text
            return text if all(word in text for word in words) else None
        try:
            return wait_for(f"{words} of {letter}", look, 40)
        except TimeoutError as late:
            raise AssertionError(self.shown) from late

    def close(self):
        self.company.stop()
        self.web.close()
        self.names.close()
        for receiver in self.receivers.values():
            receiver.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sts")
    folder.chmod(0o755)
    made = World(folder, ["new.moving.test"], DOMAINS, sections="[policy proved]\nsubject-tag = [proved]\n"
                 "methods = authenticated\notherwise = hold\n")
    try:
        made.domain("good.test", policy("enforce", "*.good.test"))
        made.domain("other.test", policy("enforce", "mx.elsewhere.test"))
        made.domain("forged.test", policy("enforce", "mx.forged.test"), strange=True)
        made.domain("bare.test", policy("enforce", "mx.bare.test"), behave="no-starttls")
        made.domain("trial.test", policy("testing", "mx.elsewhere.test"))
        none = policy("enforce", "mx.elsewhere.test")  # would be obeyed, if it came in the right way
        made.domain("led.test", "", status=301, headers={
            "Location": "https://mta-sts.other.test/.well-known/mta-sts.txt"})
        made.domain("page.test", none, headers={"Content-Type": "text/html"})
        made.domain("huge.test", none + "x: y\r\n" * 20000)
        made.domain("mine.test", none)
        made.web.stranger = "mta-sts.mine.test"
        made.company.start()
        made.company.add_user(ALICE, PASSWORD)
        yield made
    finally:
        made.close()


def test_an_enforced_policy_is_obeyed(world):
    letter = world.send("good.test", "other.test", "forged.test", "bare.test")
    text = world.story(letter, "MTA-STS 1", "mx.other.test is no mail server of other.test",
                       "name-mismatch", "offers no STARTTLS")
    assert re.search(r"proof +MTA-STS 1\n.*\n? *level +authenticated", text) or "authenticated" in text
    assert len(world.receivers["mx.good.test"].wait(1)) == 1
    for domain in ("other", "forged", "bare"):
        assert not world.receivers[f"mx.{domain}.test"].letters()
    assert world.receivers["mx.other.test"].connections == 0
    shown = world.company.postern("domain", "show", "good.test")
    assert "MTA-STS: enforce, id 1, fetched " in shown and "mx *.good.test" in shown
    assert "shown so far: authenticated" in shown and "proved by MTA-STS 1" in shown


def test_what_is_no_policy_keeps_nobody_waiting(world):
    domains = ["trial", "led", "page", "huge", "mine"]
    world.send(*(f"{d}.test" for d in domains))
    for domain in domains:
        assert len(world.receivers[f"mx.{domain}.test"].wait(1, 40)) == 1, domain
    assert "MTA-STS: testing" in world.company.postern("domain", "show", "trial.test")
    for domain, problem in {"led": "status 301", "page": "text/plain", "huge": "fetch-error",
                            "mine": "sts-webpki-invalid"}.items():
        said = world.company.postern("domain", "show", f"{domain}.test")
        assert "MTA-STS: no policy" in said and problem in said, said


def test_a_letter_that_must_be_proved_counts_on_a_policy(world):
    text = world.story(world.send("good.test", "trial.test", subject="[proved] A letter"),
                       "good.test: authenticated or better", "good.test ended", "held for a person")
    assert "trial.test ended" not in text


def test_a_domain_that_moves_is_followed_before_a_letter_fails(world):
    world.domain("moving.test", policy("enforce", "mx.moving.test"))
    world.send("moving.test")
    world.receivers["mx.moving.test"].wait(1)
    world.receiver("new.moving.test")
    world.names.set("moving.test", "MX", "new.moving.test")
    time.sleep(2.1)  # a policy is not fetched again at once
    world.publish("moving.test", policy("enforce", "new.moving.test"), "2")
    letter = world.send("moving.test")
    world.receivers["new.moving.test"].wait(1)
    world.story(letter, "MTA-STS 2")
    # A record that is taken away, and a web server that is silent, end nothing.
    del world.names.records["_mta-sts.moving.test", "TXT"]
    world.names.set("moving.test", "MX", "mx.moving.test")
    time.sleep(2.1)
    world.story(world.send("moving.test"), "is no mail server of moving.test by the MTA-STS policy 2")


def reported(letter):
    """The report in a letter, and the letter."""
    message = email.message_from_bytes(letter)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "tlsrpt"
    part = message.get_payload()[1]
    assert part.get_content_type() == GZIP
    return json.loads(gzip.decompress(part.get_payload(decode=True))), message


def failures(report):
    return {(p["policy"]["policy-type"], f["result-type"], f.get("receiving-mx-hostname"))
            for p in report["policies"] for f in p.get("failure-details", [])}


# RFC 8460 section 4.3: what may fail, and section 4.4: which members there are, of which kind; those with a star may be absent.
RESULTS = {"starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted",
           "validation-failure", "tlsa-invalid", "dnssec-invalid", "dane-required", "sts-policy-fetch-error",
           "sts-policy-invalid", "sts-webpki-invalid"}
DETAIL = {"result-type": RESULTS, "sending-mta-ip*": str, "receiving-mx-hostname*": str, "receiving-mx-helo*": str,
          "receiving-ip*": str, "failed-session-count": int, "additional-information*": str, "failure-reason-code*": str}
REPORT = {
    "organization-name": str, "date-range": {"start-datetime": str, "end-datetime": str}, "contact-info": str, "report-id": str,
    "policies": [{"policy": {"policy-type": {"tlsa", "sts", "no-policy-found"}, "policy-string*": [str], "policy-domain": str,
                             "mx-host*": [str]},
                  "summary": {"total-successful-session-count": int, "total-failure-session-count": int},
                  "failure-details*": [DETAIL]}],
}


def faults(value, schema, where="report"):
    """What is wrong with a value by a schema: a type, the words that are allowed, a list, or an object."""
    if isinstance(schema, type):
        return [] if isinstance(value, schema) and value != "" else [f"{where}: {value!r}"]
    if isinstance(schema, set):
        return [] if value in schema else [f"{where}: {value!r}"]
    if isinstance(schema, list):
        return (["no list at " + where] if not isinstance(value, list) or not value else
                [f for n, v in enumerate(value) for f in faults(v, schema[0], f"{where}[{n}]")])
    names = {name.rstrip("*"): kind for name, kind in schema.items()}
    return ([f"{where}.{n} is not known" for n in value if n not in names] +
            [f"{where}.{n} is missing" for n in schema if not n.endswith("*") and n not in value] +
            [f for n, v in value.items() if n in names for f in faults(v, names[n], f"{where}.{n}")])


def conforms(report):
    """By RFC 8460, with sums that are those of its parts."""
    assert faults(report, REPORT) == []
    for policy in report["policies"]:
        assert policy["summary"]["total-failure-session-count"] == sum(
            f["failed-session-count"] for f in policy.get("failure-details", []))
        for failure in policy.get("failure-details", []):
            ipaddress.ip_address(failure.get("receiving-ip", "127.0.0.1"))
    for when in report["date-range"].values():
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", when)
    return report


def test_a_report_that_is_none_is_seen():
    assert faults({"organization-name": 1, "policies": [], "more": 1}, REPORT) == [
        "report.more is not known", "report.date-range is missing", "report.contact-info is missing",
        "report.report-id is missing", "report.organization-name: 1", "no list at report.policies"]


def test_the_next_day_who_asked_is_told(world, tmp_path):
    os.chmod(tmp_path, 0o755)
    wrapper = in_moved_time(tmp_path)
    if not wrapper or not shutil.which("cc"):
        pytest.skip("needs root, mounts and no sanitizer: the clock is moved by a library in /etc")
    inbox = world.receiver("mx.inbox.test")
    world.names.set("inbox.test", "MX", "mx.inbox.test")
    world.names.set("web.test", "A", f"{NET}.1")
    failed = {"other": ("validation-failure", "mx.other.test"), "bare": ("starttls-not-supported", "mx.bare.test"),
              "led": ("sts-policy-fetch-error", None), "mine": ("sts-webpki-invalid", None),
              "trial": ("validation-failure", "mx.trial.test")}
    for domain, where in {"good": "mailto:tls@inbox.test", "forged": "mailto:tls@forged.test",
                          **{d: "https://web.test/tls" for d in failed}}.items():
        world.names.set(f"_smtp._tls.{domain}.test", "TXT", f"v=TLSRPTv1; rua={where}")
    time.sleep(4)  # what was counted a few seconds ago outlives it
    world.company.stop()
    world.company.start(wrapper)
    move_clock(tmp_path / "shift", 28 * 3600 + 60)
    (_, letter), = inbox.wait(1, 30)
    report, message = reported(letter)
    conforms(report)
    assert message["TLS-Report-Domain"] == "good.test"
    assert message["TLS-Report-Submitter"] == "example.test"
    assert message["TLS-Required"] == "No"
    assert re.fullmatch(r"Report Domain: good\.test\s+Submitter: example\.test\s+Report-ID: <\S+>",
                        message["Subject"])
    (one,) = report["policies"]
    assert one["policy"]["policy-type"] == "sts" and one["policy"]["mx-host"] == ["*.good.test"]
    assert one["policy"]["policy-string"][1] == "mode: enforce"
    assert one["summary"]["total-successful-session-count"] >= 1
    assert one["summary"]["total-failure-session-count"] == 0
    assert report["date-range"]["end-datetime"].endswith("T23:59:59Z")
    # By https; and by mail to the very server that no letter may go to.
    wait_for("the reports by https", lambda: len(world.web.posted) == len(failed), 30)
    told = {}
    for headers, path, body in world.web.posted:
        assert (path, headers["Content-Type"]) == ("/tls", GZIP)
        report = conforms(json.loads(gzip.decompress(body)))
        (domain,) = {p["policy"]["policy-domain"] for p in report["policies"]}
        told[domain.removesuffix(".test")] = failures(report)
    assert {d: ("sts", *f) in told[d] for d, f in failed.items()} == dict.fromkeys(failed, True), told
    (_, letter), = world.receivers["mx.forged.test"].wait(1, 30)
    assert ("sts", "certificate-host-mismatch", "mx.forged.test") in failures(conforms(reported(letter)[0]))
    said = wait_for("all to be listed", lambda: (lambda text: text if text.count("\n") == 2 + len(failed) else None)(
        world.company.postern("domain", "reports")))
    assert "to https://web.test/tls" in said and "to tls@inbox.test, letter " in said
    assert world.company.postern("domain", "reports", "good.test").count("\n") == 1
    assert len(inbox.letters()) == 1
