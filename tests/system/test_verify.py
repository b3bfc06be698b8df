"""`postern-verify`: whether a ledger is whole, said by files and a public key alone."""
import os
import re
import shutil
import subprocess
import sys

import pytest

from company import BUILD, ROOT
from scene import Scene

sys.path.insert(0, str(ROOT / "tests" / "tamper"))
from campaign import Campaign  # noqa: E402

PROGRAM = BUILD / "verify" / "postern-verify"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("verify")
    directory.chmod(0o755)
    made = Scene(directory)
    yield made
    made.close()


@pytest.fixture(scope="module")
def copy(scene, tmp_path_factory):
    """What a lawyer gets: a copy of the ledger, the key, checkpoints that an auditor kept."""
    out = tmp_path_factory.mktemp("lawyer")
    company = scene.company
    (out / "key").write_text(company.postern("ledger", "key"))
    notes = []
    for number in range(3):
        scene.send(f"letter {number}")
        notes.append(company.postern("checkpoint"))
    (out / "notes").write_text("\n".join(notes))
    company.stop()
    shutil.copytree(company.directory / "data" / "ledger", out / "ledger")
    company.start()
    return out


def verify(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False,
                          env={"LC_ALL": "C"})
    return done.returncode, done.stdout + done.stderr


def proved(folder, ledger=None):
    return verify(ledger or folder / "ledger", "--key", folder / "key", "--checkpoint", folder / "notes")


def test_a_ledger_is_whole_and_the_one_that_was_signed(copy):
    code, said = proved(copy)
    assert code == 0, said
    assert re.search(r"^whole, and its first \d+ records are those that example\.test/ledger signed "
                     r"\(3 checkpoints\)$", said, re.M)
    code, said = verify(copy / "ledger")
    assert code == 0 and "does not\nexclude" in said


def test_the_ledger_that_is_being_written_is_whole_too(scene, copy):
    code, said = proved(copy, scene.company.directory / "data" / "ledger")
    assert code == 0, said


def test_it_agrees_with_the_other_program_about_the_root(scene, copy):
    company = scene.company
    company.stop()
    try:
        root = re.search(r"root ([0-9a-f]{64})",
                         proved(copy, company.directory / "data" / "ledger")[1])[1]
    finally:
        company.start()
    assert len(root) == 64
    note = company.postern("checkpoint")
    (copy / "new").write_text(note)
    code, said = verify(company.directory / "data" / "ledger", "--key", copy / "key", "--checkpoint",
                        copy / "new")
    assert code == 0, said


def test_a_changed_byte_is_named(copy, tmp_path):
    ledger = tmp_path / "ledger"
    shutil.copytree(copy / "ledger", ledger)
    segment = ledger / "0000000001.seg"
    data = bytearray(segment.read_bytes())
    at = [m.start() for m in re.finditer(b"PREC", data)][5]
    number = int.from_bytes(data[at + 104:at + 112], "big")
    data[at + 160] ^= 1
    segment.write_bytes(data)
    code, said = proved(copy, ledger)
    assert code == 1
    assert said.splitlines()[0] == (f"segment 1, byte {at}, record {number}: "
                                    "the record's payload is altered")


def test_a_ledger_that_was_cut_off_is_missed(copy, tmp_path):
    ledger = tmp_path / "ledger"
    shutil.copytree(copy / "ledger", ledger)
    segment = ledger / "0000000001.seg"
    os.truncate(segment, [m.start() for m in re.finditer(b"PREC", segment.read_bytes())][5])
    code, said = proved(copy, ledger)
    assert code == 1 and "the ledger was cut off or rolled back" in said


def test_what_is_no_checkpoint_gives_no_verdict(copy, tmp_path):
    for text in ("", "hello\n", (copy / "notes").read_text().replace("\n\n", "\n")):
        (tmp_path / "note").write_text(text)
        code, said = verify(copy / "ledger", "--key", copy / "key", "--checkpoint", tmp_path / "note")
        assert code == 2 and "no signed checkpoint" in said, said
    assert verify(copy / "ledger", "--checkpoint", copy / "notes")[0] == 2
    assert verify(copy / "ledger", "--key", copy / "notes", "--checkpoint", copy / "notes")[0] == 2
    assert verify(tmp_path)[0] == 2 and verify(tmp_path / "nowhere")[0] == 2 and verify()[0] == 2


def test_a_checkpoint_that_somebody_made_up_is_refused(copy, tmp_path):
    text = (copy / "notes").read_text().split("\n\n\n")[0]
    lines = text.splitlines()
    lines[1] = str(int(lines[1]) + 1)
    (tmp_path / "note").write_text("\n".join(lines) + "\n")
    code, said = verify(copy / "ledger", "--key", copy / "key", "--checkpoint", tmp_path / "note")
    assert code == 1 and "is not signed by the key" in said


def test_a_letter_is_proved_without_the_ledger(scene, copy, tmp_path):
    company = scene.company
    letter, content = scene.send("proved")
    proof = tmp_path / "proof"
    assert company.postern("ledger", "prove", letter, check=False).returncode == 77  # an auditor may
    company.sign_in()
    assert company.postern("ledger", "prove", letter, check=False).returncode == 77  # with a reason
    proof.write_text(company.postern("ledger", "prove", "--reason", "a test", letter))
    (tmp_path / "letter.eml").write_bytes(content)
    asked = ("--proof", proof, "--key", copy / "key", "--letter")
    code, said = verify(*asked, tmp_path / "letter.eml")
    assert code == 0 and said.startswith(f"holds: these bytes are the letter {letter}, recorded 20"), said
    exported = tmp_path / "exported.eml"
    company.postern("export", "-o", exported, letter)
    assert verify(*asked, exported)[0] == 0
    exported.write_bytes(content.replace(b"proved", b"Proved"))
    code, said = verify(*asked, exported)
    assert code == 1 and "does not hold" in said
    lines = proof.read_text().splitlines(keepends=True)
    for at, (old, new) in {1: (" ", " 1"), 2: (lines[2][0], "f" if lines[2][0] != "f" else "0"),
                           3: (lines[3][0], "f" if lines[3][0] != "f" else "0"),
                           4: (lines[4][0], "f" if lines[4][0] != "f" else "0")}.items():
        proof.write_text("".join(lines[:at] + [lines[at].replace(old, new, 1)] + lines[at + 1:]))
        assert verify(*asked, tmp_path / "letter.eml")[0] == 1, lines[at]
    for broken in (lines[:-1], lines[1:], lines[:4], lines + ["\n", "x\n"]):
        proof.write_text("".join(broken))
        assert verify(*asked, tmp_path / "letter.eml")[0] == 2, broken
    assert verify("--proof", proof, "--letter", exported)[0] == 2


def test_growth_since_a_checkpoint_is_proved(scene, copy, tmp_path):
    company = scene.company
    proof = tmp_path / "proof"
    proof.write_text(company.postern("ledger", "growth", copy / "notes"))
    code, said = verify("--proof", proof, "--key", copy / "key")
    assert code == 0 and re.match(r"holds: the ledger of \d+ records goes on from the one of \d+", said)
    lines = proof.read_text().splitlines(keepends=True)
    nodes = lines.index("\n")
    proof.write_text("".join([lines[0], *reversed(lines[1:nodes]), *lines[nodes:]]))
    assert nodes > 2 and verify("--proof", proof, "--key", copy / "key")[0] == 1
    note = (copy / "notes").read_text().splitlines()[-5:]
    note[1] = "1" + note[1]
    (tmp_path / "note").write_text("\n".join(note) + "\n")
    refused = company.postern("ledger", "growth", tmp_path / "note", check=False)
    assert refused.returncode == 65 and "newer than the second" in refused.stderr


def test_it_shares_nothing_with_the_writer():
    names = subprocess.run(["nm", "--defined-only", PROGRAM], capture_output=True, text=True,
                           check=True).stdout
    assert " ledger_check" in names and "scan_" not in names and "sealer_" not in names
    libraries = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^\s*(lib\w+)", libraries, re.M)) <= {"libcrypto", "libc"}, libraries


def tamper(folder, seed, edits):
    campaign = Campaign(BUILD, folder, seed)
    assert campaign.run(edits) == edits
    assert not campaign.problems, "\n".join(campaign.problems[:10])
    for program in ("postern-verify", "ledger_verify"):
        assert campaign.counts["named by " + program] == edits


def test_changed_ledgers_are_found_and_the_place_is_named(tmp_path):
    tamper(tmp_path, 1, 120)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_thousands_of_changed_ledgers_are_found_and_the_place_is_named(tmp_path, seed):
    tamper(tmp_path, seed, 1000)
