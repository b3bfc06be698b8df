"""What proves a suspension is one file, which an investigator proves with one program and the public key."""
import hashlib
import os
import re

import pytest

from company import wait_for
from scene import ALICE, Scene
from test_certificate import verify
from test_holds import as_officer

BOB = "bob@example.test"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("evidence")
    directory.chmod(0o755)
    made = Scene(directory)
    yield made
    made.close()


@pytest.fixture(scope="module")
def taken(scene, tmp_path_factory):
    """One letter left, one was held; somebody else sent one in between; the evidence after the release."""
    company = scene.company
    out = tmp_path_factory.mktemp("investigator")
    company.add_user(BOB, "willow ember trellis quay")
    left, content = scene.send("Quarterly figures")
    wait_for("the first to leave", lambda: "delivered (250" in company.show(left), 20)
    company.postern("queue", "pause")
    held, _ = scene.send("Please pay at once", to="victim@partner.test")
    wait_for("the second to wait", lambda: company.status()["queue.waiting"] == "1")
    with scene.client(BOB, "willow ember trellis quay") as other:
        assert not other.sendmail(BOB, ["colleague@partner.test"], "From: bob@example.test\r\nSubject: lunch\r\n\r\nhi\r\n")
    company.postern("account", "suspend", ALICE, "--reason", "Her notebook was stolen")
    company.postern("account", "release", ALICE, "--reason", "It was found", "--cancel-held")
    company.postern("queue", "resume")
    said = as_officer(company, "account", "evidence", ALICE.upper(), "-o", out / "evidence", "--reason", "the police ask")
    assert said.returncode == 0 and "keep it with the public key" in said.stdout, said
    (out / "key").write_text(company.postern("ledger", "key"))
    return out, left, held, content


def test_it_says_what_happened_and_proves_it(scene, taken):
    out, left, held, content = taken
    people = (out / "evidence").read_text().split("---- proof")[0]
    assert re.search(rf"^Account +{ALICE}$", people, re.M), people
    assert re.search(r"^Suspended +20.* by auditor@example.test.*; record \d+\n  because +Her notebook was stolen$", people, re.M), people
    assert re.search(r"^Released .*\n  because +It was found\n  named +what was held was cancelled$", people, re.M), people
    assert re.search(r"^  signed in +20.* from 127\.0\.0\.1 by ", people, re.M), people
    assert re.search(rf"^  act .*: account suspend {ALICE}: Her notebook was stolen; record", people, re.M), people
    first, second = people.split(f"Letter       {left}\n")[1].split(f"Letter       {held}\n")
    assert f"SHA-256 {hashlib.sha256(content).hexdigest()}" in first and "Quarterly figures" in first
    assert re.search(r"^  to +paula@partner\.test: taken by its server 20.*TLSv1\.3", first, re.M), first
    assert re.search(r"^  order .* held by postern: its sender is suspended", second, re.M), second
    assert re.search(r"^  order .* cancelled by ", second, re.M), second
    assert re.search(r"^  to +victim@partner\.test: (refused for good|has not left)", second, re.M), second
    assert "lunch" not in people and BOB not in people and "Kind regards" not in people
    code, said = verify(out / "evidence", out / "key")
    assert code == 0 and f"account    {ALICE}" in said and ": Her notebook was stolen\n" in said, said
    assert "released   20" in said and "letters    2, of which 1 left for one recipient at least; of 2 that the suspension names 0 are" in said, said
    assert re.search(r"sign-ins +[2-9], of which 0 were refused", said), said
    acts = as_officer(scene.company, "acts", "-n", "20").stdout
    assert re.search(r"account evidence +suspension \d+ of \d+ records text [0-9a-f]{64} of ", acts), acts
    assert "account evidence proof" in acts and "the police ask" in acts


def test_what_was_changed_in_it_or_left_out_shows(taken, tmp_path):
    out, *_ = taken
    lines = (out / "evidence").read_text().splitlines(keepends=True)
    proof = lines.index("---- proof\n")
    changed = tmp_path / "changed"
    for at, line in enumerate(lines):
        if not re.search(r"[0-9a-z]", line) or at in (0, proof):
            continue
        last = max(i for i, c in enumerate(line) if c.isalnum())
        new = line[:last] + ("1" if line[last] != "1" else "2") + line[last + 1:]
        changed.write_text("".join([*lines[:at], new, *lines[at + 1:]]))
        assert verify(changed, out / "key")[0] != 0, line
    for at in range(proof + 1, len(lines)):
        changed.write_text("".join([*lines[:at], *lines[at + 1:]]))
        assert verify(changed, out / "key")[0] != 0, lines[at]
    code, said = verify(out / "key", out / "key")
    assert code == 2 and "this is no certificate or evidence" in said
    changed.write_text("".join(["postern-disposal-certificate 1\n", *lines[1:]]))  # it is not taken for the other kind
    assert verify(changed, out / "key")[0] == 1


def test_who_may_have_it_and_of_what(scene, taken, tmp_path):
    company = scene.company
    file = tmp_path / "evidence"
    none = as_officer(company, "account", "evidence", ALICE, "-o", file)
    assert none.returncode == 77 and "without a reason" in none.stderr, none
    employee = company._run("login", BOB, "--password-stdin", text=True, input="willow ember trellis quay\n",
                            env={**os.environ, "POSTERN_SIGN_INS": str(tmp_path / "bob")})
    assert employee.returncode == 0, employee
    refused = company._run("account", "evidence", ALICE, "-o", file, "--reason", "curious", text=True,
                           env={**os.environ, "POSTERN_SIGN_INS": str(tmp_path / "bob")})
    assert refused.returncode == 77 and not file.exists(), refused
    acts = as_officer(company, "acts", "-n", "20").stdout
    assert re.search(rf"{BOB} .*account evidence.*", acts), acts
    other = as_officer(company, "account", "evidence", BOB, "-o", file, "--reason", "x")
    assert other.returncode == 65 and "no suspension of that account is on record" in other.stderr, other
    number = re.search(r"^Suspended .*; record (\d+)$", (taken[0] / "evidence").read_text(), re.M)[1]
    wrong = as_officer(company, "account", "evidence", ALICE, "-o", file, "--reason", "x", "--suspension", str(int(number) + 1))
    assert wrong.returncode == 65 and "is no suspension of that account" in wrong.stderr, wrong
    there = as_officer(company, "account", "evidence", ALICE, "-o", taken[0] / "evidence", "--reason", "x")
    assert there.returncode != 0  # nothing is overwritten
    # A second suspension, in force and made by two orders: the first stays to be had by its number.
    company.postern("account", "suspend", ALICE, "--reason", "Once more")
    company.postern("account", "suspend", ALICE, "--reason", "The police say so too")
    again = as_officer(company, "account", "evidence", ALICE, "-o", file, "--reason", "x")
    assert again.returncode == 0, again
    text = file.read_text()
    assert "Once more" in text and "The police say so too" in text and "\nReleased" not in text
    assert len(re.findall("^Suspended ", text, re.M)) == 2
    code, said = verify(file, taken[0] / "key")
    assert code == 0 and "released" not in said, said
    first = as_officer(company, "account", "evidence", ALICE, "-o", tmp_path / "first", "--reason", "x", "--suspension", number)
    assert first.returncode == 0 and "It was found" in (tmp_path / "first").read_text(), first
    assert verify(tmp_path / "first", taken[0] / "key")[0] == 0
    # By the record that continues the second one it is not to be had: it would begin in the middle.
    begun, more = re.findall(r"^Suspended .*; record (\d+)$", text, re.M)
    middle = as_officer(company, "account", "evidence", ALICE, "-o", tmp_path / "middle", "--reason", "x", "--suspension", more)
    assert middle.returncode == 65 and f"--suspension {begun}" in middle.stderr, middle
    assert not (tmp_path / "middle").exists()
    # Each that was taken is heard of.
    assert "alert=evidence-taken" in company.log.read_text()
    # What was erased since is missing, and that is said.
    company.both("erase", taken[1], "--reason", "asked for")
    gone = as_officer(company, "account", "evidence", ALICE, "-o", tmp_path / "gone", "--reason", "x", "--suspension", number)
    assert gone.returncode == 0 and taken[1] not in (tmp_path / "gone").read_text(), gone
    code, said = verify(tmp_path / "gone", taken[0] / "key")
    assert code == 0 and "of 2 that the suspension names 1 are not in the file" in said, said
