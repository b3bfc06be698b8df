"""Our own domain's records are put into the DNS by dynamic update (RFC 2136), signed with TSIG. The primary is Knot."""
import os
import re
import signal
import time

import pytest

from company import Company, wait_for
from knot import KEY, Knot


class Scene:
    def __init__(self, folder):
        self.company = Company(folder / "company")
        self.knot = Knot(folder / "knot", self.company.domain, "mail A 127.0.0.1", "@ MX 10 mx",
                         '@ TXT "site-verification=1"', '_smtp._tls TXT "somebody else\'s"')
        self.key = folder / "dns-update"
        self.key.write_text(KEY + "\n")
        self.key.chmod(0o600)
        self.company.create(
            {"dns-resolver": f"127.0.0.1:{self.knot.port}", "dns-trust-anchor": self.knot.anchor(folder / "anchor"),
             "queue-lifetime": "1s", "dkim-rotate-seen": "1s", "dkim-rotate-retire": "2s"},
            sections=f"""[dns-update example.test]
server = 127.0.0.1:{self.knot.port}
key-name = postern
key-file = {self.key}
records = spf, dkim, dmarc, tls-rpt, mta-sts, srv, tlsa
ttl = 1s
""")
        self.company.start()
        self.company.sign_in()
        self.company.postern("dkim", "new", "one")
        self.company.set("dkim-selector", "one-rsa, one-ed25519")
        os.kill(self.company.process.pid, signal.SIGHUP)
        wait_for("the selectors", lambda: "yes" in self.company.postern("dkim", "list"))

    def publish(self, *options):
        done = self.company.postern("domain", "publish", "example.test", *options, check=False)
        return done if isinstance(done, str) else done.stdout + done.stderr

    def txt(self, name):
        return self.knot.ask(name, "TXT")

    def serial(self):
        return self.knot.ask("example.test", "SOA")[0].split()[2]

    def secret(self, text, mode=0o600):
        """Another key file; returns when courier has it."""
        self.key.write_text(text + "\n")
        self.key.chmod(mode)
        os.kill(self.company.process.pid, signal.SIGHUP)


@pytest.fixture(scope="module", name="scene")
def fixture_scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("publish"))
    try:
        yield scene
    finally:
        scene.company.stop()
        scene.knot.stop()


def test_a_dry_run_changes_nothing(scene):
    before = scene.serial()
    said = scene.publish("--dry-run")
    assert re.search(r"^to publish +TXT +_dmarc\.example\.test$", said, re.M), said
    assert scene.serial() == before


def test_what_is_missing_is_published_and_what_is_anothers_stays(scene):
    said = scene.publish("--reason", "a test")
    for name in ("example.test", "one-rsa._domainkey.example.test", "one-ed25519._domainkey.example.test",
                 "_dmarc.example.test", "_mta-sts.example.test"):
        assert re.search(rf"^published +TXT +{re.escape(name)}$", said, re.M), said
    assert re.search(r"^published +TLSA +_\d+\._tcp\.mail\.example\.test$", said, re.M), said
    assert re.search(r"^in the way +TXT +_smtp\._tls\.example\.test$", said, re.M), said
    assert "1 record could not be published" in said
    assert scene.txt("_smtp._tls.example.test") == ['"somebody else\'s"']
    assert sorted(scene.txt("example.test")) == ['"site-verification=1"', '"v=spf1 a:mail.example.test -all"']
    acts = scene.company.postern("acts")
    assert "domain publish" in acts and "_dmarc.example.test" in acts
    time.sleep(1.1)  # what was not there is remembered for a second
    done = scene.company.postern("domain", "check", check=False)
    checked = done if isinstance(done, str) else done.stdout
    assert re.findall(r"^ +missing +TXT +(.*)$", checked, re.M) == ["_smtp._tls.example.test"], checked
    assert "good     TXT  one-rsa._domainkey.example.test" in checked


def test_publishing_again_changes_nothing(scene):
    before = scene.serial()
    said = scene.publish()
    assert re.search(r"^unchanged +TXT +_dmarc\.example\.test$", said, re.M), said
    assert not re.search(r"^(published|replaced|taken away)", said, re.M), said
    assert scene.serial() == before


def test_what_a_person_changed_is_theirs(scene):
    scene.knot.update("del _dmarc.example.test TXT",
                      'add _dmarc.example.test 1 TXT "v=DMARC1; p=reject; rua=mailto:postmaster@example.test"')
    said = scene.publish()
    assert re.search(r"^kept +TXT +_dmarc\.example\.test$", said, re.M), said
    assert "postmaster" in scene.txt("_dmarc.example.test")[0]
    scene.knot.update("del example.test TXT", 'add example.test 1 TXT "v=spf1 include:other.test -all"')
    said = scene.publish()
    assert re.search(r"^(in the way|kept) +TXT +example\.test$", said, re.M), said
    assert scene.txt("example.test") == ['"v=spf1 include:other.test -all"']


def test_an_alias_is_in_the_way(scene):
    scene.knot.update("del _mta-sts.example.test TXT")
    scene.knot.update("add _mta-sts.example.test 1 CNAME else.example.test.")
    said = scene.publish()
    assert re.search(r"^in the way +TXT +_mta-sts\.example\.test$", said, re.M), said
    assert "alias" in said
    scene.knot.update("del _mta-sts.example.test CNAME")


def test_a_wrong_key_is_refused_with_a_sentence(scene):
    before = scene.serial()
    scene.secret("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    wait_for("the refusal", lambda: "another secret for this key" in scene.publish("--dry-run"))
    scene.secret(KEY, mode=0o644)
    wait_for("the file's mode", lambda: "mode 0600" in scene.publish("--dry-run"))
    assert scene.serial() == before
    scene.secret(KEY)
    wait_for("the right key", lambda: "failed" not in scene.publish("--dry-run"))


def test_keys_are_changed_without_a_person(scene):
    company = scene.company
    company.postern("dkim", "rotate", "--reason", "a test")
    listed = company.postern("dkim", "list")
    name = re.search(r"^(p\d{8}a)-rsa ", listed, re.M).group(1)
    for kind in ("rsa", "ed25519"):
        assert scene.txt(f"{name}-{kind}._domainkey.example.test"), "published at once"
    wait_for("the new keys to sign and the old ones to go",
             lambda: not scene.txt("one-rsa._domainkey.example.test")
             and not scene.txt("one-ed25519._domainkey.example.test"), 60)
    listed = company.postern("dkim", "list")
    assert re.search(rf"^{name}-rsa .* yes *$", listed, re.M), listed
    assert "one-rsa" not in listed
    assert scene.txt(f"{name}-rsa._domainkey.example.test")
    log = company.log.read_text()
    assert "dkim-publish" not in log and "dkim-remove" not in log, "nobody had to be told"
    assert re.search(r"take away TXT one-", company.postern("acts"))
