"""A new master key is put in force while mail comes in: nobody is refused, nothing is lost or sent twice, whatever is killed
in the middle; and what is written afterwards needs no former key."""
import os
import re
import shutil
import signal
import smtplib
import socket
import struct
import subprocess
import time

import pytest

from company import BUILD, wait_for
from test_keys import key, rotate, settled
from test_kills import ADA, PASSWORD, Ordeal, each, read

PATIENCE_S = 60
AWAY_MAX_S = 4  # on a machine that does other things as well; alone it is some tenths


@pytest.fixture
def busy(tmp_path):
    """A company whose people send all the time."""
    os.chmod(tmp_path, 0o755)
    ordeal = Ordeal(tmp_path)
    for sender in ordeal.senders:
        sender.start()
    wait_for("the first letters", lambda: len(ordeal.acknowledged()) > 10, PATIENCE_S)
    yield ordeal
    for sender in ordeal.senders:
        sender.enough.set()
    ordeal.company.stop()
    ordeal.receiver.stop()


def generation(company):
    return int(company.status()["key.generation"])


def calm(ordeal):
    """Nobody sends any more, and everything has arrived."""
    for sender in ordeal.senders:
        sender.enough.set()
    for sender in ordeal.senders:
        sender.join(PATIENCE_S)
        assert not sender.is_alive() and sender.failure is None, sender.failure
    wait_for("everything to be delivered", ordeal.is_drained, PATIENCE_S, 0.2)


def expect_all(ordeal):
    """What got 250 can be read, and has arrived."""
    company, sent = ordeal.company, ordeal.acknowledged()
    wait_for("the auditor", lambda: company.sign_in().returncode == 0)
    wrong = each(lambda i: i if read(company, "export", i, text=False) != sent[i][1] else None, sent)
    assert not any(wrong), wrong
    arrived = [letter for letter, _ in ordeal.arrived()]
    assert sent.keys() <= set(arrived)
    assert "\nwhole" in company.postern("ledger", "verify")
    return arrived


def test_it_is_in_force_and_nobody_is_refused(busy):
    company, waited = busy.company, []
    for number in (2, 3):
        before = len(busy.acknowledged())
        said = rotate(company)
        found = re.search(rf"works with generation {number} since now.* clients waited for ([0-9.]+) s", said)
        assert found, said
        waited.append(float(found[1]))
        assert generation(company) == number
        wait_for("mail", lambda before=before: len(busy.acknowledged()) > before + 10, PATIENCE_S)
    print("clients waited for", waited, "s;", len(busy.acknowledged()), "letters; lost",
          [s.lost for s in busy.senders])
    assert max(waited) < AWAY_MAX_S
    calm(busy)
    assert all(s.lost <= 2 for s in busy.senders), "a client is sent away once by each at most"
    arrived = expect_all(busy)
    assert len(arrived) == len(set(arrived)), "delivery was let finish what it had in hand"
    for former in (1, 2):
        settled(company, former)
        assert "retired" in key(company, "key", "retire", str(former))
    assert company.stop() == 0
    company.start()  # without any former key
    expect_all(busy)
    assert "works with generation 3." in company.postern("key", "adopt"), "there is nothing to do"


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_whatever_is_killed_in_the_middle(busy, request):
    company = busy.company
    roles = ["delivery", "signer", "keeper"]
    if request.config.getoption("--long"):
        roles += ["backup", "reader", "auth", "keeper", "submission", "inspector"] + 3 * roles
    typed = (company.directory / "recovery.key").read_text()
    number = 1

    def begin(*wrapper):
        return subprocess.Popen([*wrapper, str(BUILD / "postern"), "-c", str(company.config), "key", "rotate",
                                 "--recovery-key-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def adopted():
        return company.log.read_text().count("event=key.adopted")

    for role in roles:
        number += 1
        known = adopted()
        one = begin()
        one.stdin.write(typed)
        one.stdin.close()
        wait_for("its beginning", lambda known=known: adopted() > known, PATIENCE_S, 0)
        time.sleep(0.04 * (number % 3))
        for pid, name in company.processes().items():
            if name == role:
                os.kill(pid, signal.SIGKILL)
        said = one.stdout.read()
        assert one.wait(PATIENCE_S) == 0 and f"works with generation {number} since now" in said, (role, said)
        wait_for("an answer", lambda: company.postern("status", check=False).returncode == 0, PATIENCE_S)
        assert generation(company) == number
    # The command line before it tells anybody: the old key stays in force until somebody does.
    said = begin("strace", "-f", "-o", "/dev/null", "-e", "trace=connect", "-e",
                 "inject=connect:signal=SIGKILL:when=1").communicate(typed)[0]
    assert "works with" not in said and generation(company) == number
    number += 1
    assert f"works with generation {number} since now" in company.postern("key", "adopt")
    # And all of it.
    number += 1
    known = adopted()
    one = begin()
    one.stdin.write(typed)
    one.stdin.close()
    wait_for("its beginning", lambda: adopted() > known, PATIENCE_S, 0)
    company.kill()
    assert "posternd does not work with it yet" in one.stdout.read() and one.wait(PATIENCE_S) == 0
    company.start()
    wait_for("an answer", lambda: company.postern("status", check=False).returncode == 0, PATIENCE_S)
    assert generation(company) == number
    calm(busy)
    expect_all(busy)


def test_no_keeper_with_new_keys_beside_an_auth_with_old_ones(busy):
    """Killed before its turn it is held: auth would tell it that nothing is left to be sealed anew, and the old key,
    which alone opens the passwords, could be retired."""
    company = busy.company
    calm(busy)
    typed = (company.directory / "recovery.key").read_text()
    delivery, = (pid for pid, name in company.processes().items() if name == "delivery")
    os.kill(delivery, signal.SIGSTOP)
    one = subprocess.Popen([str(BUILD / "postern"), "-c", str(company.config), "key", "rotate", "--recovery-key-stdin"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    one.stdin.write(typed)
    one.stdin.close()
    wait_for("its beginning", lambda: "event=key.adopted" in company.log.read_text(), PATIENCE_S, 0)
    for pid, name in company.processes().items():
        if name == "keeper":
            os.kill(pid, signal.SIGKILL)

    def since():
        return company.log.read_text().split("event=key.adopted", 1)[1]

    try:  # nobody waits for delivery, which has no keys
        wait_for("a keeper", lambda: "event=process.ready process=keeper" in since(), 20, 0.05)
        assert "event=process.ended process=delivery" not in since()
    finally:
        os.kill(delivery, signal.SIGCONT)
    happened = since()
    for role in ("auth", "signer", "backup", "reader"):
        assert (happened.index(f"event=process.ended process={role} ")
                < happened.index("event=process.started process=keeper")), role
    said = one.stdout.read()
    assert one.wait(PATIENCE_S) == 0 and "works with generation 2 since now" in said, said
    settled(company, 1)
    assert "retired" in key(company, "key", "retire", "1")
    assert company.stop() == 0
    company.start()
    wait_for("the auditor", lambda: company.sign_in().returncode == 0)
    with smtplib.SMTP(timeout=60) as smtp:
        smtp.sock = company.context().wrap_socket(socket.create_connection(("127.0.0.1", company.submissions), 60),
                                                  server_hostname=company.hostname)
        assert smtp.getreply()[0] == 220
        smtp.login(ADA, PASSWORD)


def test_who_is_not_root_says_nothing_to_the_supervisor(busy):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    at = busy.company.data / "run" / "supervisor.sock"
    about = at.stat()
    assert about.st_mode & 0o777 == 0o600 and about.st_uid == 0
    # A key that is not the one of master.key is not believed.
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(str(at))
        s.settimeout(PATIENCE_S)
        body = b"\xa1\x01\x58\x20" + bytes(32)
        s.send(struct.pack("<HBBI", 310, 0, 0, len(body)) + body)
        assert b"that is not the key of master.key" in s.recv(65536)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(str(at))
        s.settimeout(PATIENCE_S)
        s.send(b"\xff" * 40)
        assert s.recv(65536) == b"", "it is hung up on"
    assert generation(busy.company) == 1
