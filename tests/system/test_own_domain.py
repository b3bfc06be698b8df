"""What our own domains say in the DNS: printed, looked up, judged. The DNS is Knot's, the resolver the daemon's own."""
import os
import re
import signal
import time

import pytest

from company import Company, wait_for
from knot import Knot


@pytest.fixture(scope="module", name="scene")
def fixture_scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own-domain")
    company = Company(folder / "company")
    knot = Knot(folder / "knot", company.domain, "mail A 127.0.0.1", "@ MX 10 mx")
    company.create({"dns-resolver": f"127.0.0.1:{knot.port}",
                    "dns-trust-anchor": knot.anchor(folder / "anchor"), "dkim-rotate-seen": "1s"})
    company.start()
    try:
        company.postern("dkim", "new", "one")
        company.set("dkim-selector", "one-rsa, one-ed25519")
        os.kill(company.process.pid, signal.SIGHUP)
        wait_for("the selectors", lambda: "yes" in company.postern("dkim", "list"))
        yield company, knot
    finally:
        company.stop()
        knot.stop()


def check(company):
    done = company.postern("domain", "check", check=False)
    return done if isinstance(done, str) else done.stdout


def test_nothing_published_is_told(scene):
    company, _ = scene
    said = check(company)
    assert "missing  TXT  example.test" in said
    assert "missing  TXT  one-rsa._domainkey.example.test" in said
    assert "missing  TXT  _dmarc.example.test" in said


def test_what_is_printed_is_good_when_it_is_published(scene):
    company, knot = scene
    printed = company.postern("domain", "dns")
    assert 'example.test. IN TXT "v=spf1 a:mail.example.test -all"' in printed
    assert "; https://mta-sts.example.test/.well-known/mta-sts.txt" in printed
    assert "; mx: mx.example.test" in printed
    knot.publish(printed)
    time.sleep(2.1)  # what was not there is remembered for a second
    said = check(company)
    assert "wrong" not in said and "missing" not in said and "unknown" not in said, said
    assert "good     TXT  example.test\n" in said
    assert "good     TXT  one-rsa._domainkey.example.test" in said
    assert "DNSSEC proves it" in said
    assert "it leads" in said


def test_keys_are_changed_without_a_letter_unsigned(scene):
    company, knot = scene
    printed = company.postern("dkim", "rotate", "--reason", "a test")
    names = re.findall(r"^(p\d{8}a-(?:rsa|ed25519))\._domainkey", printed, re.M)
    assert len(names) == 2
    listed = company.postern("dkim", "list")
    assert "new keys wait for being published" in listed
    assert re.search(r"^one-rsa .* yes *$", listed, re.M)
    again = company.postern("dkim", "rotate", check=False)
    assert again.returncode != 0 and "under way" in again.stderr
    knot.publish(printed)
    wait_for("the new keys to sign",
             lambda: re.search(rf"^{names[0]} .* yes *$", company.postern("dkim", "list"), re.M), 60)
    listed = company.postern("dkim", "list")
    assert re.search(r"^one-rsa .* no *$", listed, re.M)
    assert "the former keys wait for being destroyed: one-" in listed
    company.stop()
    company.start()
    company.sign_in()
    assert re.search(rf"^{names[1]} .* yes *$", company.postern("dkim", "list"), re.M)
    company.set("dkim-selector", "one-ed25519")  # what the settings name now says nothing about these keys any more
    os.kill(company.process.pid, signal.SIGHUP)
    time.sleep(1)
    listed = company.postern("dkim", "list")
    for name in names:
        assert re.search(rf"^{name} .* yes *$", listed, re.M), listed
    assert not re.search(r"^one-\S+ .* yes *$", listed, re.M), listed
    acts = company.postern("acts")
    assert "dkim rotate" in acts
