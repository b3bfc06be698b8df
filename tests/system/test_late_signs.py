"""Signs that come when no letter does: what suspends an account need not wait until a thief sends again."""
import smtplib
import socket

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Client, Scene
from test_scanners import Broken

STRANGERS = [f"stranger{i}@partner.test" for i in range(40)]


def opened(directory, **settings):
    alarm = directory / "alarm"
    alarm.write_text(f'#!/bin/sh\nread -r sentence\necho "$1: $sentence" >>{directory}/alarms\n')
    alarm.chmod(0o755)
    (directory / "alarms").touch()
    (directory / "alarms").chmod(0o666)
    directory.chmod(0o755)
    scene = Scene(directory, limits=True, auth_failure_delay="0s", alert_command=alarm, **settings)
    scene.alarms = directory / "alarms"
    return scene


def suspended(scene, why):
    """Wait for it, with nobody sending anything meanwhile."""
    shown = wait_for("the suspension", lambda: "suspended: since" in (s := scene.company.postern("account", "show", ALICE)) and s)
    line = next(row for row in shown.splitlines() if row.startswith("suspended: "))
    assert "by its signs" in line and why in line
    wait_for("the alarm", lambda: f"account-suspended: {ALICE} sends no more" in scene.alarms.read_text())
    return shown


def rows(scene, letter):
    return [line for line in scene.company.postern("queue", "list", check=False).stdout.splitlines() if letter in line]


def letter_to(recipients, text="A short word"):
    return (f"From: {ALICE}\r\nTo: {recipients[0]}\r\nSubject: News\r\nMessage-ID: <1@example.test>\r\n\r\n{text}\r\n").encode()


@pytest.mark.parametrize("when", [None, "at once", "taken"])
def test_a_letter_that_is_the_last_sign_is_held_itself(tmp_path, when):
    """Malware to forty strangers: the letter that says so is held with the others, once, whenever everything is killed."""
    scanner = Broken()
    scanner.answer = b"stream: Evil.Thing-1 FOUND\0" if when != "taken" else b"stream: OK\0"
    scene = opened(tmp_path, clamd=f"127.0.0.1:{scanner.port}")
    company = scene.company
    try:
        before = None
        if when == "taken":  # what is clean and waits is held too
            company.postern("queue", "pause")
            before = scene.submit(letter_to(STRANGERS[:1]), STRANGERS[:1])
            wait_for("it in the queue", lambda: rows(scene, before))
            scanner.answer = b"stream: Evil.Thing-1 FOUND\0"
        letter = scene.submit(letter_to(STRANGERS), STRANGERS)
        if when == "at once":
            company.kill()
            company.start()
        suspended(scene, "a filter gives a letter 60 points")
        if when == "taken":
            company.kill()
            company.start()
            company.postern("queue", "resume")
        wait_for("a decision", lambda: company.status()["backlog.letters"] == "0")
        for one in filter(None, (letter, before)):
            assert rows(scene, one) and all(" held " in row for row in rows(scene, one))
        assert "its sender is suspended" in company.show(letter)
        assert company.show(letter).count("was decided") <= 1
        said = company.postern("account", "release", ALICE, "--reason", "It was an invoice", "--cancel-held")
        assert "sends again" in said
        assert not [to for envelope, _ in scene.receiver.letters() for to in envelope["to"]]
    finally:
        scene.close()
        scanner.close()


def test_bounces_suspend_when_they_come(tmp_path):
    scene = opened(tmp_path, suspend_score="50")
    try:
        gone = [f"refuse-{i}@partner.test" for i in range(15)]
        scene.submit(letter_to(gone), gone)
        suspended(scene, "15 recipients do not exist")
    finally:
        scene.close()


class There(Client):
    source = "127.9.0.1"

    def _get_socket(self, host, port, timeout):
        sock = socket.create_connection(("127.0.0.1", port), timeout, (self.source, 0))
        return self.context.wrap_socket(sock, server_hostname=host)


def connect(scene, source="127.9.0.1"):
    company = scene.company
    return type("From", (There,), {"source": source})(company.hostname, company.submissions, context=company.context(),
                                                      local_hostname="client.example.test", timeout=30)


def test_a_sign_in_suspends_when_it_is_the_last_sign(tmp_path):
    scene = opened(tmp_path, suspend_score="20")
    try:
        at_home = scene.client()
        scene.submit(letter_to(["karl@partner.test"]), ["karl@partner.test"], at_home)
        shown = scene.company.postern("account", "show", ALICE)
        assert "suspended" not in shown and "signs:     0 of 20 points\n" in shown
        connect(scene).login(ALICE, PASSWORD)
        suspended(scene, "used from 1 networks within a day where it had not been before")
        with pytest.raises(smtplib.SMTPException, match="Your sign-in has ended"):
            at_home.sendmail(ALICE, ["karl@partner.test"], letter_to(["karl@partner.test"]))
        again = connect(scene)  # who signs in again learns why
        again.login(ALICE, PASSWORD)
        with pytest.raises(smtplib.SMTPDataError, match="sending from your account is suspended"):
            again.sendmail(ALICE, ["karl@partner.test"], letter_to(["karl@partner.test"]))
    finally:
        scene.close()


def test_wrong_passwords_count_with_what_comes_next(tmp_path):
    """Who fails is not in, and nobody is suspended by others' failures."""
    scene = opened(tmp_path, suspend_score="1", auth_failures="1000")
    try:
        scene.submit(letter_to(["karl@partner.test"]), ["karl@partner.test"])
        for _ in range(70):
            with pytest.raises(smtplib.SMTPException):
                connect(scene).login(ALICE, "not this one at all")
        shown = scene.company.postern("account", "show", ALICE)
        assert "wrong passwords within an hour" in shown and "suspended" not in shown
        connect(scene).login(ALICE, PASSWORD)
        suspended(scene, "wrong passwords within an hour")
    finally:
        scene.close()
