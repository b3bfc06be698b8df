"""Letters that a second person must let go: held, seen, approved or refused, timed out; from a mail program to a server
outside, and through kill -9.

POSTERN_SEED   the moments of an earlier run
"""
import email
import email.policy
import hashlib
import os
import random
import re
import signal
import sys
import threading
import time

import pytest

from company import DENIED, ROOT, Company, wait_for
from scene import Client

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

SEED = int(os.environ.get("POSTERN_SEED", random.randrange(1 << 32)))  # of the moments at which the keeper dies
PASSWORD = "gravel orchid lantern spoon"
ANNA, BEA, CARL, DORA = (f"{name}@example.test" for name in ("anna", "bea", "carl", "dora"))
RULES = """
[approval quick]
subject-tag = [quick]
approver-group = leads
timeout = 2s

[approval tagged]
subject-tag = [secure-approval]
approver-group = leads

[approval soon]
subject-tag = [soon]
approver-group = leads
timeout = 15s

[approval many]
recipients-outside = 2
approver-role = officer
approver-account = bea@example.test
timeout = 4h
"""


def addresses(envelope):
    return [recipient["address"] for recipient in envelope["to"]]


class World:
    def __init__(self, folder):
        self.company = Company(folder / "company")
        self.signed = set()
        certificate, key = self.company.authority.issue("mx.partner.test")
        self.outside = Receiver(folder / "outside", certificate=certificate, key=key).start()
        self.routes = "".join(f"[domain {domain}]\nroute = 127.0.0.1:{self.outside.port}\n"
                              "tls-name = mx.partner.test\n"
                              for domain in ("partner.test", "example.test"))
        self.company.create(settings={"outbound-tls": "verified", "restart-delay": "1ms",
                                      "restart-delay-limit": "1s"}, sections=self.routes + RULES)
        self.company.start()
        for name, group in ((ANNA, "sales"), (BEA, "leads"), (CARL, "leads"), (DORA, "sales")):
            self.company.postern("user", "add", name, "--password-stdin", "--group", group,
                                 input=PASSWORD + "\n")
            self.company.passwords[name] = PASSWORD

    def stop(self):
        self.company.stop()
        self.outside.stop()

    def send(self, subject, *recipients, sender=ANNA, more=""):
        letter = (f"From: <{sender}>\r\nTo: somebody\r\nSubject: {subject}\r\n"
                  f"Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n{more}\r\nthe body\r\n").encode()
        smtp = Client(self.company.hostname, self.company.submissions,
                      context=self.company.context(), local_hostname="client.test", timeout=30)
        smtp.login(sender, PASSWORD)
        smtp.mail(sender)
        for recipient in recipients or ("joe@partner.test",):
            assert smtp.rcpt(recipient)[0] == 250
        code, text = smtp.data(letter)
        smtp.quit()
        assert code == 250, text
        return re.search(rb"\b[0-9a-z]{16}\b", text)[0].decode()

    def as_(self, account, *arguments):
        """Ask as this account, which signs in again when that is over."""
        passes = {"text": True, "env": {**os.environ, "POSTERN_SIGN_INS": str(
            self.company.directory / f"sign-ins-{account}")}}
        done = self.company._run("letter", *arguments, **passes) if account in self.signed else None
        if not done or done.returncode == DENIED:
            self.signed.add(account)
            self.company._run("login", account, "--password-stdin",
                              input=self.company.passwords[account] + "\n", **passes)
            done = self.company._run("letter", *arguments, **passes)
        return done

    def got(self, subject, recipient="joe@partner.test"):
        """The letters with this subject that reached somebody."""
        return [octets for envelope, octets in self.outside.letters()
                if recipient in addresses(envelope)
                and f"Subject: {subject}\r\n".encode() in octets]

    def told(self, account, letter):
        """What was mailed to an account about a letter: bodies as text."""
        found = []
        for envelope, octets in self.outside.letters():
            if account not in addresses(envelope):
                continue
            message = email.message_from_bytes(octets, policy=email.policy.SMTP)
            text = message.as_string() if message.is_multipart() else message.get_content()
            text = " ".join(text.split())
            if letter in text:
                found.append((message["Subject"], text))
        return found

    def root(self, *arguments):
        return self.company.postern("--as", "root", *arguments, check=False)

    def waits(self, letter):
        return re.search(rf"^{letter} ", self.root("letter", "waiting").stdout, re.M)

    def held(self, subject, *recipients, **options):
        """Send one and wait until it is held and everybody was told."""
        letter = self.send(subject, *recipients, **options)
        self.wait_held(letter)
        return letter

    def wait_held(self, *letters):
        for letter in letters:
            wait_for("it to be held and told", lambda: re.search(
                rf"event=letter.waits .*id={letter}", self.company.log.read_text()), 40)
            assert self.waits(letter)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("approval"))
    yield w
    w.stop()


def test_it_is_held_seen_and_approved(world):
    letter = world.held("plan [secure-approval]", "joe@partner.test", "hidden@partner.test")
    (_, text), = wait_for("the sender to be told", lambda: world.told(ANNA, letter))
    assert "group leads" in text and "tagged" in text and BEA not in text
    for account in (BEA, CARL):
        (_, text), = wait_for("the approvers to be told", lambda: world.told(account, letter))
        assert f"postern letter approve {letter}" in text
    assert not world.told(DORA, letter) and not world.got("plan [secure-approval]")
    assert "letter-waiting" in world.company.log.read_text()
    assert "not approved" in world.root("queue", "list").stdout

    for account in (ANNA, DORA):  # neither her own nor anybody's
        assert world.as_(account, "show", letter).returncode != 0
        assert world.as_(account, "approve", letter).returncode != 0
    assert world.root("letter", "approve", letter).returncode != 0  # root
    shown = world.as_(BEA, "show", letter)
    assert "the body" in shown.stdout and "<hidden@partner.test>" in shown.stdout, shown.stderr
    copy = world.company.directory / "copy.eml"
    assert world.as_(BEA, "show", letter, "-o", copy).returncode == 0
    assert world.as_(BEA, "waiting").stdout.count(letter) == 1
    assert world.as_(DORA, "waiting").stdout == ""

    done = world.as_(BEA, "approve", letter)
    assert "it leaves" in done.stdout, done.stderr
    got, = wait_for("it to arrive", lambda: world.got("plan [secure-approval]"))
    assert got == copy.read_bytes()  # what was seen is what left
    timeline = world.company.show(letter)
    assert f"approved, by {BEA}" in timeline and "needs approval by the rule tagged" in timeline
    assert hashlib.sha256(got).hexdigest() in timeline
    acts = world.company.postern("acts")
    assert "letter approve" in acts and "letter show" in acts
    assert world.as_(CARL, "refuse", letter, "--reason", "too late").returncode != 0
    assert not world.waits(letter)


def test_it_is_refused(world):
    letter = world.held("offer", *(f"r{i}@partner.test" for i in range(3)))
    assert world.as_(CARL, "refuse", letter, "--reason", "no").returncode != 0  # not of this rule
    assert "--reason" in world.as_(BEA, "refuse", letter).stderr
    assert world.as_(BEA, "refuse", letter, "--reason", "price is wrong").returncode == 0
    notice = wait_for("it to come back", lambda: [
        text for _, text in world.told(ANNA, "price is wrong")])
    assert "Subject: offer" in notice[0] and "5.7.1" in notice[0]
    assert f"refused: back to its sender, by {BEA}" in world.company.show(letter)
    assert letter not in world.root("queue", "list").stdout
    assert not world.got("offer", "r0@partner.test")


def test_what_came_back_may_be_sent_again(world):
    """The very same letter, which would be known as a repetition; also by a keeper that was started since."""
    to = tuple(f"r{i}@partner.test" for i in range(3))
    ids = []
    for _ in range(3):
        ids.append(world.held("again", *to, more="Message-ID: <again@example.test>\r\n"))
        assert world.as_(BEA, "refuse", ids[-1], "--reason", "not yet").returncode == 0
        if len(ids) == 2:
            world.company.stop()
            world.company.start()
    assert len(set(ids)) == 3


def test_its_time_is_over(world):
    letter = world.send("now [quick]")
    wait_for("it to come back", lambda: world.told(ANNA, "nobody gave it in"))
    assert "approved by nobody in time" in world.company.show(letter)
    assert world.as_(BEA, "approve", letter).returncode != 0 and not world.got("now [quick]")


def test_one_of_two_wins(world):
    letter = world.held("race [secure-approval]")
    world.as_(BEA, "waiting")
    world.as_(CARL, "waiting")
    said = {}

    def say(account, *words):
        said[account] = world.as_(account, *words)

    both = [threading.Thread(target=say, args=(BEA, "approve", letter)),
            threading.Thread(target=say, args=(CARL, "refuse", letter, "--reason", "no"))]
    for one in both:
        one.start()
    for one in both:
        one.join()
    won = [account for account, done in said.items() if done.returncode == 0]
    assert len(won) == 1, said
    lost, = {BEA, CARL} - set(won)
    assert "no letter with this id waits" in said[lost].stderr
    time.sleep(1)
    assert len(world.got("race [secure-approval]")) == (won == [BEA])


def test_orders_and_a_suspension_do_not_let_it_go(world):
    letter = world.held("suspended [secure-approval]", sender=DORA)
    said = world.root("queue", "release", letter)
    assert said.returncode != 0 and "approval" in said.stderr
    world.root("queue", "release", "--all")
    said = world.root("erase", letter, "--reason", "test")
    assert said.returncode != 0 and "queue cancel" in said.stderr
    world.root("account", "suspend", DORA, "--reason", "stolen")
    done = world.as_(BEA, "approve", letter)
    assert "suspended" in done.stdout, done.stderr
    time.sleep(1)
    assert not world.got("suspended [secure-approval]")
    assert "its sender is suspended" in world.root("queue", "list").stdout
    world.company.kill()
    world.company.start()
    assert re.search(rf"{letter}.* held ", world.root("queue", "list").stdout)
    world.root("account", "release", DORA, "--send-held", "--reason", "not stolen")
    wait_for("it to arrive", lambda: world.got("suspended [secure-approval]"))


def test_an_erasure_takes_along_who_was_told(world):
    company = world.company
    letter = world.held("gone [secure-approval]")
    assert world.as_(BEA, "refuse", letter, "--reason", "not yet").returncode == 0
    told = wait_for("the letters about it", lambda: (t := set(
        re.findall(r"^([0-9a-z]{16}) ", company.postern("search", letter, check=False).stdout, re.M))) and len(t) == 3 and t)
    wait_for("them to be delivered", lambda: all("delivered (250" in company.show(one) for one in told))
    company.second(company.postern("erase", letter, "--reason", "a request"))
    for one in told | {letter}:
        assert "was erased" in company.postern("show", one, check=False).stderr, one


def test_kill_9_of_the_keeper_while_somebody_says_something(world):
    """Whenever it dies: what was refused is sent to nobody and comes back once, what was approved arrives."""
    chance = random.Random(SEED)
    names = {f"{SEED:x}-{i} [secure-approval]": i % 2 == 0 for i in range(4)}
    letters = {name: world.send(name) for name in names}
    world.wait_held(*letters.values())
    for name, letter in letters.items():
        words = ["approve", letter] if names[name] else ["refuse", letter, "--reason", f"no to {name}"]
        world.as_(BEA, "waiting")
        one = threading.Thread(target=world.as_, args=(BEA, *words))
        one.start()
        time.sleep(chance.uniform(0, 0.15))
        keeper, = (pid for pid, role in world.company.processes().items() if role == "keeper")
        os.kill(keeper, signal.SIGKILL)
        one.join()
        wait_for("the keeper", lambda: world.root("queue", "list").returncode == 0)
        while world.waits(letter):
            world.as_(BEA, *words)
    for name, approved in names.items():
        if approved:
            wait_for("it to arrive", lambda: world.got(name))
        else:
            wait_for("it to come back", lambda: world.told(ANNA, f"no to {name}"))
    time.sleep(0.5)
    for name, approved in names.items():
        assert bool(world.got(name)) == approved
        # one notice, which may arrive twice when the keeper dies while it is on its way
        notices = {re.search(r"\(Postern\) id (\w+);", text)[1] for _, text in world.told(ANNA, f"no to {name}")}
        assert len(notices) == (not approved)


def test_kill_9_and_without_the_rule(world):
    """Neither a crash nor a rule that is gone lets it go, and it is sent once."""
    letter, refused, cancelled, late = (world.send(subject) for subject in (
        "crash [secure-approval]", "crash, refused [secure-approval]",
        "crash, cancelled [secure-approval]", "crash, late [soon]"))
    world.wait_held(letter, refused, cancelled, late)
    world.company.kill()
    text = world.company.config.read_text()
    world.company.config.write_text(text[:text.index("[approval quick]")])
    world.company.start()
    time.sleep(0.5)
    assert world.waits(letter) and world.waits(refused)
    told = len(world.told(BEA, letter))
    world.root("queue", "cancel", cancelled)
    assert not world.waits(cancelled)
    assert world.as_(BEA, "refuse", refused, "--reason", "crash test").returncode == 0
    assert world.as_(BEA, "approve", letter).returncode == 0
    world.company.kill()
    world.company.start()
    wait_for("it to arrive", lambda: world.got("crash [secure-approval]"))
    wait_for("the other to come back", lambda: world.told(ANNA, "crash test"))
    time.sleep(1)
    # What was on its way when the keeper died may arrive again, the same to the byte.
    assert len(set(world.got("crash [secure-approval]"))) == 1
    assert len(set(world.told(ANNA, "crash test"))) == 1 and len(set(world.told(BEA, letter))) == told == 1
    assert not world.got("crash, refused [secure-approval]")
    wait_for("the last one to come back", lambda: "nobody in time" in world.company.show(late), 40, 0.5)
    assert not world.got("crash, late [soon]")
    assert "no letter waits" in world.root("letter", "waiting").stderr.lower()
    assert world.root("ledger", "verify").returncode == 0
    assert world.root("catalog", "rebuild").returncode == 0
    assert letter not in world.root("queue", "list").stdout
    assert refused not in world.root("queue", "list").stdout
