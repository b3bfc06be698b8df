"""What files say of who made them: taken out of the copies that leave, as the policy says, and of nothing else."""
import email
import email.policy
import struct
import zlib
from email.message import EmailMessage

import pytest

from company import wait_for
from scene import ALICE, Scene

PAULA, OTTO, NOBODY, PIA = (f"{name}@partner.test" for name in ("paula", "otto", "nina", "pia"))
SECTIONS = f"""
[policy whole]
to = {OTTO}
methods = verified
metadata = require
[policy untouched]
to = {NOBODY}
methods = verified
[policy locked]
to = {PIA}
methods = attachments
metadata = remove
[policy default]
methods = verified
metadata = remove
"""


def picture(*texts):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) +
            b"".join(chunk(b"tEXt", b"Author\0" + text) for text in texts) +
            chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""))


def letter(subject, to, content, kind="mixed"):
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"], made["To"], made["Subject"] = ALICE, ", ".join(to), subject
    made.set_content("Kind regards\n")
    made.add_attachment(content, maintype="image", subtype="png", filename="plan.png")
    octets = made.as_bytes()
    return octets.replace(b"multipart/mixed", b"multipart/" + kind.encode())


@pytest.fixture(scope="module", name="scene")
def fixture_scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("metadata"), sections=SECTIONS)
    try:
        yield scene
    finally:
        scene.close()


def arrived(scene, subject, count=1):
    def look():
        found = [o for _, o in scene.receiver.letters() if f"Subject: {subject}\r\n".encode() in o]
        return found if len(found) == count else None
    return wait_for(f"the letter {subject}", look, 60)


def body(octets):
    return octets.split(b"\r\n\r\n", 1)[1].rstrip()


def files(octets):
    return [p.get_content() for p in email.message_from_bytes(octets, policy=email.policy.default).walk()
            if p.get_filename()]


def test_what_leaves_says_nothing_of_who_made_it_and_the_archive_all(scene):
    submitted = letter("cleaned", [PAULA, NOBODY, PIA], picture(b"Anna Lenz"))
    letter_id = scene.submit(submitted, [PAULA, NOBODY, PIA])
    got = arrived(scene, "cleaned", 3)
    locked, = [o for o in got if b"secure.zip" in o]
    got.remove(locked)
    assert sorted(files(o)[0] for o in got) == sorted([picture(), picture(b"Anna Lenz")])
    for octets in got:
        if files(octets)[0] == picture():
            assert b"Kind regards" in octets and b"Anna Lenz" not in octets
        else:
            assert body(octets) == body(submitted)
    shown = scene.company.show(letter_id)
    assert shown.count("plan.png: taken out: texts") == 2  # two copies are without
    assert scene.company.postern("export", "--eml", letter_id, text=False) == submitted


def test_what_cannot_be_taken_out_stays_or_keeps_the_letter(scene):
    signed = letter("signed", [PAULA, OTTO], picture(b"Anna Lenz"), kind="signed")
    letter_id = scene.submit(signed, [PAULA, OTTO])
    got, = arrived(scene, "signed")
    assert body(got) == body(signed)
    wait_for("it to be held", lambda: letter_id in scene.company.postern("queue", "list"), 60)
    shown = scene.company.show(letter_id)
    assert "plan.png: stays as it is, for its sender signed it: texts" in shown
    assert "policy whole; its files: plan.png: stays" in shown
    scene.company.sign_in(scene.company.officer)
    scene.company.postern("queue", "release", letter_id, "--reason", "she wants it so")
    scene.company.postern("logout")
    arrived(scene, "signed", 2)


def test_a_letter_without_such_files_leaves_as_ever(scene):
    letter_id = scene.submit(letter("plain", [OTTO], picture()), [OTTO])
    got, = arrived(scene, "plain")
    assert files(got) == [picture()]
    assert "nothing was found to take out" in scene.company.show(letter_id)
