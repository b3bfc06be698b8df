"""The program that tells recipients their passwords: what it gets, what its exit status decides, and that nobody is told twice."""
import email
import email.policy
import os
import signal
import subprocess

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Scene

NUMBER = "+493012345678"

HOOK = """#!/bin/sh
read -r number
read -r password
read -r letter
echo "$# $number $password $letter" >> {directory}/calls
echo "this is $password" >&2
. {directory}/behaviour-$number
"""


class Told(Scene):
    """A company whose program writes down what it is told, and then does what the number's file says."""

    def __init__(self, directory):
        self.directory = directory
        hook = directory / "tell"
        hook.write_text(HOOK.format(directory=directory))
        hook.chmod(0o755)
        self.people = 0
        super().__init__(directory, sections="[domain example.test]\nroute = @RECEIVER@\ntls-name = mx.partner.test\n"
                                            "[policy default]\nmethods = attachments\notherwise = hold\n",
                         attachments_password_command=hook, attachments_password_timeout="1s")

    def person(self, behaviour):
        """Somebody whose telephone behaves so: address and number."""
        self.people += 1
        address, number = f"p{self.people}@partner.test", f"{NUMBER}{self.people}"
        (self.directory / f"behaviour-{number}").write_text(behaviour)
        self.company.postern("recipient", "phone", address, number, "--reason", "on her form")
        return address, number

    def calls(self, number):
        file = self.directory / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split() for line in lines if line.split()[1] == number]

    def arrived(self, subject):
        def look():
            for _, octets in self.receiver.letters():
                letter = email.message_from_bytes(octets, policy=email.policy.default)
                if letter["Subject"] == subject:
                    return letter
            return None
        return wait_for(f"the letter {subject}", look, 60)

    def secret(self, letter):
        own = {**os.environ, "POSTERN_SIGN_INS": str(self.company.directory / "sign-ins-alice")}
        self.company._run("login", ALICE, "--password-stdin", text=True, input=PASSWORD + "\n", env=own)
        ask = lambda: self.company._run("letter", "secret", letter, text=True, env=own).stdout.strip()  # noqa: E731
        return wait_for("the password", ask, 60)


@pytest.fixture(scope="module", name="scene")
def fixture_scene(tmp_path_factory):
    scene = Told(tmp_path_factory.mktemp("telling"))
    try:
        yield scene
    finally:
        scene.close()


def test_the_program_is_told_the_password_that_opens_the_letter(scene, tmp_path):
    address, number = scene.person("exit 0")
    letter_id, _ = scene.send("told", to=address, text="The merger is on Monday.\n")
    letter = scene.arrived("told")
    assert b"merger" not in letter.as_bytes()
    (arguments, _, password, named), = scene.calls(number)
    assert arguments == "0" and named == letter_id
    archive, = [p for p in letter.walk() if p.get_filename() == "secure.zip"]
    (tmp_path / "secure.zip").write_bytes(archive.get_content())
    opened = subprocess.run(["7z", "x", "-y", f"-p{password}", f"-o{tmp_path}", tmp_path / "secure.zip"],
                            capture_output=True, timeout=60)
    assert opened.returncode == 0
    refused = subprocess.run(["7z", "t", "-pwrong-password", tmp_path / "secure.zip"], capture_output=True,
                             timeout=60)
    assert refused.returncode != 0
    assert scene.secret(letter_id) == password
    assert "told the recipient by telephone" in scene.company.show(letter_id)
    acts = scene.company.postern("acts")
    assert "letter secret told" in acts and "recipient phone set" in acts and "recipient 1: the program says" in acts
    assert scene.company.postern("recipient", "phone", address).strip() == number
    for path in scene.company.directory.rglob("*"):
        held = path.read_bytes() if path.is_file() else b""
        assert password.encode() not in held and number.encode() not in held, path
    marked, _ = scene.send("marked", to=address, text=f"It is {password.replace('-', ' ')}.\n")
    wait_for("it to be held", lambda: marked in scene.company.postern("queue", "list"), 60)


def test_who_cannot_be_told_gets_the_next_step(scene):
    address, number = scene.person("exit 1")
    letter_id, _ = scene.send("never", to=address)
    wait_for("it to be held", lambda: letter_id in scene.company.postern("queue", "list"), 60)
    assert "could not be told the password" in scene.company.show(letter_id)
    assert "alert=secret-not-told" in scene.company.log.read_text()
    assert len(scene.calls(number)) == 1


def test_later_is_tried_again_and_holds_up_nobody(scene):
    address, number = scene.person(f"[ $(grep -c {NUMBER}3 {scene.directory}/calls) -ge 3 ] || exit 75\n")
    assert number == f"{NUMBER}3"
    letter_id, _ = scene.send("later", to=address)
    wait_for("the first try", lambda: scene.calls(number), 60)
    other, _ = scene.person("exit 0")
    scene.send("meanwhile", to=other)
    scene.arrived("meanwhile")
    scene.arrived("later")
    assert len(scene.calls(number)) == 3
    assert len({password for _, _, password, _ in scene.calls(number)}) == 1
    assert "told the recipient by telephone" in scene.company.show(letter_id)


def test_one_that_hangs_is_ended_and_not_run_again(scene):
    address, number = scene.person(f"echo $$ > {scene.directory}/hanging; sleep 1000")
    letter_id, _ = scene.send("hangs", to=address)
    scene.arrived("hangs")
    assert "not known whether the recipient was told" in scene.company.show(letter_id)
    assert len(scene.calls(number)) == 1
    pid = (scene.directory / "hanging").read_text().strip()
    wait_for("its end", lambda: not os.path.exists(f"/proc/{pid}"), 30)
    assert "it is not known whether" in scene.company.postern("acts")


def test_the_sender_hears_of_a_password_that_nobody_was_told(scene):
    own, _ = scene.send("to myself", to=ALICE)
    scene.arrived("to myself")
    letter_id, _ = scene.send("untold", to="nina@partner.test")
    scene.arrived("untold")
    password = scene.secret(letter_id)

    def notices():
        letters = [email.message_from_bytes(octets, policy=email.policy.default)
                   for _, octets in scene.receiver.letters()]
        return {letter.get_content(): letter for letter in letters
                if letter["Subject"] == "Your letter has a password that you have to tell"}
    body = wait_for("the notice", lambda: [body for body in notices() if letter_id in body], 60)[0]
    assert notices()[body]["To"] == ALICE and "nina@partner.test" in body
    assert f"postern letter secret {letter_id}" in body and password not in body
    assert not any(own in body for body in notices())  # it would reach the recipient


@pytest.mark.parametrize("whole", [False, True])
def test_nobody_is_told_twice_across_a_kill(scene, whole):
    address, number = scene.person("sleep 0.7")
    letter_id, _ = scene.send(f"killed {whole}", to=address)
    wait_for("the program to run", lambda: scene.calls(number), 60)
    if whole:
        scene.company.kill()
        scene.company.start()
    else:
        keeper, = [pid for pid, role in scene.company.processes().items() if role == "keeper"]
        os.kill(keeper, signal.SIGKILL)
    scene.arrived(f"killed {whole}")
    assert len(scene.calls(number)) == 1
    assert "not known whether the recipient was told" in scene.company.show(letter_id)
