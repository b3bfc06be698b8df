"""Letters leave the archive for other programs: files, mailbox, EDRM XML, Concordance."""
import csv
import hashlib
import io
import mailbox
import os
import shutil
import subprocess
import xml.etree.ElementTree
from email.message import EmailMessage

import pytest

from company import BUILD, Company, wait_for

LETTERS = 230  # more than a page


def letter(n):
    message = EmailMessage()
    message["From"] = "Anna <anna@old.test>"
    message["To"] = "bob@old.test"
    message["Date"] = "Mon, 05 Jan 2026 09:00:00 +0100"
    message["Subject"] = ("=2+5 & <þ> " if n == 1 else "") + f"Order {n}"
    message["Message-ID"] = f"<{n}@old.test>"
    message.set_content(f"quarterly {n}\nFrom here on\n>From there\n")
    if n == 2:
        message.add_attachment(b"PK\x03\x04broken", maintype="application", subtype="zip",
                               filename="plan.zip")
        message.set_boundary("=_plan")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("export")
    os.chmod(directory, 0o755)
    company = Company(directory / "company")
    company.create()
    company.start()
    (directory / "eml").mkdir()
    originals = {}
    for n in range(LETTERS):
        (directory / f"eml/{n}.eml").write_bytes(letter(n))
        originals[hashlib.sha256(letter(n)).hexdigest()] = letter(n)
    company.postern("import", "eml", "--owner", "anna@old.test", directory / "eml")
    wait_for("the index", lambda: len(company.postern(
        "search", "-n", "1000", "quarterly", check=False).stdout.splitlines()) == LETTERS + 1)
    yield company, originals, directory
    company.stop()


def export(scene, form):
    company, _, directory = scene
    out = directory / form
    done = company.postern("export", "--query", "quarterly", "--format", form, "--reason",
                           "case 7", out, check=False)
    assert done.returncode == 1 and f"{LETTERS} letters exported, 1 exceptions" in done.stdout, done
    assert "plan.zip" in (out / "exceptions.csv").read_text()
    digest = hashlib.sha256((out / "manifest.csv").read_bytes()).hexdigest()
    assert digest in done.stdout and b"\n\xe2\x80\x94 " in (out / "checkpoint.txt").read_bytes()
    return out


def test_files_are_the_letters_byte_for_byte(scene):
    company, originals, _ = scene
    out = export(scene, "eml")
    rows = list(csv.DictReader(io.StringIO((out / "manifest.csv").read_text())))
    assert len(rows) == LETTERS and {row["CUSTODIAN"] for row in rows} == {"anna@old.test"}
    for row in rows:
        assert (out / row["FILE"]).read_bytes() == originals[row["SHA256"]]
    acts = company.postern("acts", "-n", "1000")  # every letter stands in one
    assert all(row["ID"] in acts for row in rows)
    again = company.postern("export", "--query", "quarterly", out, check=False)
    assert again.returncode == 65 and "whole" in again.stderr
    other = company.postern("export", "--query", "order", out, check=False)
    assert other.returncode == 65 and "another export" in other.stderr


def test_an_interrupted_export_goes_on_without_doubles(scene):
    company, _, directory = scene
    out = export(scene, "mbox")
    state = (out / "export.state").read_text()
    assert "whole 1" in state
    # as if the power had gone while the second page was being written
    part = directory / "part"
    shutil.copytree(out, part)
    lines = (out / "manifest.csv").read_bytes().split(b"\r\n")
    assert len(lines) == LETTERS + 2
    empty = sum(len(line) + 2 for line in lines[:1])
    fresh = [line for line in state.splitlines() if not line.startswith(("place", "size"))]
    fresh = [{"count": "count 0", "exceptions": "exceptions 0", "end": "end 0",
              "whole": "whole 0"}.get(line.split()[0], line) for line in fresh]
    fresh[3:3] = ["place "]
    sizes = [f"size {n}" for n in (empty, len(b"ID,WHAT,WHY\r\n"), 0, 0)]
    fresh[6:6] = sizes
    (part / "export.state").write_text("\n".join(fresh) + "\n")
    company.postern("export", "--query", "quarterly", "--format", "mbox", part, check=False)
    for name in ("manifest.csv", "letters.mbox", "exceptions.csv"):
        assert (part / name).read_bytes() == (out / name).read_bytes()


def test_a_mailbox_is_read_by_others(scene):
    _, originals, directory = scene
    box = mailbox.mbox(directory / "mbox/letters.mbox", create=False)
    texts = {text.replace(b"\r\n", b"\n") for text in originals.values()}
    read = {message.replace(b"\n>From here", b"\nFrom here").replace(b"\n>>From", b"\n>From")
            for message in (box.get_bytes(key) for key in box.keys())}
    assert len(box) == LETTERS and read == texts


def test_edrm_is_xml_with_families_and_hashes(scene):
    _, originals, _ = scene
    out = export(scene, "edrm")
    root = xml.etree.ElementTree.parse(out / "edrm.xml").getroot()
    assert root.attrib["MajorVersion"] == "1" and root.attrib["MinorVersion"] == "2"
    letters = root.findall(".//Document[@DocType='Message']")
    assert len(letters) == LETTERS
    for document in letters:
        file = document.find(".//ExternalFile").attrib
        data = (out / file["FilePath"] / file["FileName"]).read_bytes()
        assert data == originals[file["Hash"]] and len(data) == int(file["FileSize"])
    subjects = {tag.attrib["TagValue"] for tag in root.iter("Tag")
                if tag.attrib["TagName"] == "#Subject"}
    assert "=2+5 & <þ> Order 1" in subjects
    family, = root.findall(".//Relationship")
    child, = root.findall(f".//Document[@DocID='{family.attrib['ChildDocId']}']")
    assert child.find(".//Tag[@TagName='#FileName']").attrib["TagValue"] == "plan.zip"


def test_concordance_and_csv_are_safe(scene):
    out = export(scene, "concordance")
    lines = (out / "loadfile.dat").read_bytes().decode("utf-8-sig").split("\r\n")[:-1]
    rows = [[field.strip("þ") for field in line.split("\x14")] for line in lines]
    assert len(rows) == LETTERS + 2 and {len(row) for row in rows} == {len(rows[0])}
    table = [dict(zip(rows[0], row)) for row in rows[1:]]
    child, = (row for row in table if row["PARENTID"])
    parent, = (row for row in table if row["DOCID"] == child["PARENTID"])
    assert child["FILENAME"] == "plan.zip" and parent["ENDATTACH"] == child["DOCID"]
    assert parent["DATESENT"] == "2026-01-05" and parent["TIMESENT"] == "08:00:00"
    assert any(row["SUBJECT"] == "=2+5 & <th> Order 1" for row in table)


def test_a_letter_is_proved_without_the_ledger(scene):
    company, _, directory = scene
    out = directory / "proved"
    done = company.postern("export", "--query", "subject:7", "--proofs", "--reason", "case 7", out)
    assert "1 letters exported, 0 exceptions" in done
    key = directory / "key"
    key.write_text(company.postern("ledger", "key"))
    proof, = (out / "proofs").iterdir()
    native, = (out / "natives").iterdir()
    command = [BUILD / "verify/postern-verify", "--proof", proof, "--key", key, "--letter"]
    assert subprocess.run([*command, native], capture_output=True, check=False).returncode == 0
    native.write_bytes(native.read_bytes() + b"x")
    assert subprocess.run([*command, native], capture_output=True, check=False).returncode == 1
