"""A person asks that letters of or about him are erased: found, weighed, erased or kept with the reason."""
import os
import re
import signal
import subprocess

import pytest

from company import BUILD, wait_for
from scene import ALICE, Scene
from test_disposal import import_letters
from test_holds import as_officer
from test_running import files_below, readable

PAULA = "paula@partner.test"
SECOND = "director@example.test"


@pytest.fixture
def scene(tmp_path):
    os.chmod(tmp_path, 0o755)
    scene = Scene(tmp_path / "company")
    company = scene.company
    company.passwords[SECOND] = "pewter walrus knits quietly"
    company.both("user", "add", SECOND, "--role", "officer", "--reason", "hired", "--password-stdin",
                 input=company.passwords[SECOND] + "\n")
    yield scene
    scene.close()


def officer(company, *arguments):
    done = as_officer(company, *arguments)
    assert done.returncode == 0, done
    return done.stdout


def carried_out(company, number=1):
    """Wait for it, and show all of it."""
    return wait_for("the erasure", lambda: (
        lambda said: said if "it is not ended" not in said else None)(
            as_officer(company, "subject", "show", str(number)).stdout), 60)


def approve(company, said):
    done = company.second(said, SECOND)
    assert done.returncode == 0 and "in the background" in done.stdout, done


def rule(company, *arguments):
    officer(company, "retention", "set", *arguments, "--reason", "a test")
    wait_for("all letters to be looked at", lambda: "still to be" not in as_officer(
        company, "disposal", "preview").stdout, 30)


def test_what_may_go_goes_and_what_stays_has_its_reason(scene, tmp_path):
    company = scene.company
    letters = import_letters(company, tmp_path / "old", ["kumquat", "calamondin", "yuzushka"])
    other, _ = scene.send("tangelo", to="peter@partner.test", text="Ask Paula Quetzal about it.\n")
    named, _ = scene.send("pomelo", to="peter@partner.test", text=f"Write to {PAULA} please.\n")
    wait_for("delivery", lambda: all("delivered (250" in company.show(i) for i in (other, named)), 20)
    officer(company, "hold", "add", "case-7", "calamondin", "--reason", "a court asks")
    rule(company, "tax", "30y", "--words", "yuzushka", "--citation", "Tax Code, section 147")

    # Access (GDPR, Article 15) is an export by the same addresses.
    wait_for("the index", lambda: "5 of 5 letters" in company.postern("search", "pomelo", check=False).stderr, 60)
    company.postern("export", "--query", f"from:{PAULA} OR to:{PAULA} OR cc:{PAULA}", tmp_path / "copy")
    assert len(list((tmp_path / "copy" / "natives").rglob("*.eml"))) == 3

    meant = ["--subject", PAULA, "--words", "Paula Quetzal", "--reason", "her letter of 3 May"]
    done = company.postern("erase", *meant, "--preview", check=False)
    assert done.returncode == 77, done  # whose letters say what is not for everybody
    said = officer(company, "erase", *meant, "--preview")
    assert "4 letters found: 2 would be erased, 2 kept" in said, said
    assert re.search(rf"^{letters['calamondin']}  -  +legal claims: held by case-7$", said, re.M), said
    assert re.search(rf"^{letters['yuzushka']}  2\d{{3}}-\d\d-\d\d  duty to keep: class tax "
                     r"\(Tax Code, section 147\)$", said, re.M), said
    assert "Searched: 5 of 5 letters." in said
    assert "1 letters that name an address in their text alone" in said
    for wrong in (["--subject", "paula", "--reason", "x"], ["--subject", PAULA],
                  ["--subject", "nobody@nowhere.test", "--reason", "x"],
                  ["--words", 'a "quote"', "--reason", "x"]):
        done = as_officer(company, "erase", *wrong)
        assert done.returncode == 65, done
    long = [f"{i}{'x' * 190}" for i in range(16)]  # more than an act holds
    officer(company, "erase", "--preview", "--reason", "x", *(a for w in long for a in ("--words", w)))

    said = officer(company, "erase", *meant)
    assert "4 letters of or about paula@partner.test" in said
    assert company.second(said).returncode == 77  # who asked is no second person
    approve(company, said)
    request = re.search(r"^request (\w+) waits", said, re.M)[1]
    said = carried_out(company)
    assert f"postern disposal certificate {request}" in said
    (tmp_path / "key").write_text(company.postern("ledger", "key"))
    wait_for("its end", lambda: company.postern("approvals", check=False).returncode == 1, 20)
    company.postern("disposal", "certificate", request, "-o", tmp_path / "certificate")
    done = subprocess.run([BUILD / "verify" / "postern-verify", "--certificate", tmp_path / "certificate",
                           "--key", tmp_path / "key"], capture_output=True, text=True)
    assert done.returncode == 0 and "destroyed  2 letters" in done.stdout, done
    assert "says why; held by case-7: 1" in done.stdout, done
    assert "held by case-7: 1" in (tmp_path / "certificate").read_text()
    assert "Found       4 letters" in said and "Erased      2 of them" in said, said
    assert "Kept        2 of them" in said and "class tax (Tax Code, section 147)" in said, said
    assert "held by case-7" in said and letters["calamondin"] in said, said
    answer = officer(company, "subject", "show", "1", "--answer")
    assert "2 letters were erased" in answer and "legal obligation (Tax Code, section 147)" in answer
    assert "case-7" not in answer and "class tax" not in answer, answer
    assert "Backups     the daemon makes none" in said
    for letter in (letters["kumquat"], other):
        done = company.postern("show", letter, check=False)
        assert done.returncode == 65 and "her letter of 3 May" in done.stderr, done
    for letter in (letters["calamondin"], letters["yuzushka"], named):
        assert "Subject" in company.postern("export", letter, "-o", "-")
    acts = officer(company, "acts", "-n", "30")
    assert re.search(r"erase subject ended +number 1, request \w+: 2 erased, 2 kept", acts), acts
    assert "erase preview" in acts

    # The hold ends: the same once more, by its number, and what came since is not meant.
    late, _ = scene.send("clementine")
    company.second(officer(company, "hold", "release", "case-7", "--reason", "settled"), SECOND)
    assert "1 would be erased, 1 kept" in officer(
        company, "subject", "again", "1", "--preview", "--reason", "settled")
    approve(company, officer(company, "subject", "again", "1", "--reason", "settled"))
    wait_for("the second run", lambda: "Found       2 letters" in carried_out(company), 30)
    assert company.postern("show", letters["calamondin"], check=False).returncode == 65
    assert "clementine" in company.postern("export", late, "-o", "-")
    assert re.search(r"^ +1  paula@partner.test, \"Paula Quetzal\" .* 1 +1  first over on ",
                     officer(company, "subject", "list"), re.M)
    company.postern("catalog", "rebuild")
    assert "Kept        1 of them" in officer(company, "subject", "show", "1")
    assert not readable([*files_below(company.data), company.log],
                        ["kumquat", "calamondin", "quetzal"])
    assert "\nwhole" in company.postern("ledger", "verify")


def test_it_goes_on_after_a_crash(scene, tmp_path):
    company = scene.company
    (tmp_path / "old").mkdir()
    for i in range(70):
        (tmp_path / "old" / f"{i}.eml").write_bytes(
            f"From: alice@example.test\r\nTo: {PAULA}\r\nSubject: pomelo{i}x\r\n"
            f"Date: Mon, 4 Mar 2019 10:00:{i % 60:02} +0000\r\n\r\nAbout pomelo{i}x.\r\n".encode())
    company.postern("import", "eml", tmp_path / "old", "--reason", "a test")
    officer(company, "hold", "add", "case-8", "pomelo60x OR pomelo3x", "--reason", "a court asks")
    wait_for("the index", lambda: "finds   2 letters" in as_officer(
        company, "hold", "show", "case-8").stdout, 60)
    approve(company, officer(company, "erase", "--subject", PAULA, "--reason", "asked for"))
    wait_for("a batch", lambda: re.search(r"  [1-9]\d* +\d+  (being|done)", as_officer(
        company, "subject", "list").stdout), 60, 0)  # on a slow machine it may be done by now
    for pid, role in company.processes().items():
        if role == "keeper":
            os.kill(pid, signal.SIGKILL)
    wait_for("an answer", lambda: company.postern("status", check=False).returncode == 0, 30)
    said = carried_out(company)
    assert "Found       70 letters" in said and "Erased      68 of them" in said, said
    assert "Kept        2 of them" in said and "  2: legal claims: held by case-8" in said, said
    assert said.count(": held by case-8") == 3  # the group, and each letter once
    for word, status in (("pomelo60x", 0), ("pomelo3x", 0), ("pomelo4x", 1), ("pomelo69x", 1)):
        wait_for(word, lambda w=word, s=status: company.postern(
            "search", w, check=False).returncode == s, 30)
    assert left(company, "pomelo5x", "pomelo44x") == {"pomelo5x": set(), "pomelo44x": set()}
    assert "\nwhole" in company.postern("ledger", "verify")


def left(company, *words):
    """{word: types of the records that hold it}, for who has the master key."""
    done = subprocess.run([BUILD / "tests" / "words" / "words", company.data, *words],
                          capture_output=True, text=True)
    assert done.returncode == 0, done
    found = {word: set() for word in words}
    for line in done.stdout.splitlines()[:-1]:
        _, kind, word = line.split()
        found[word].add(int(kind))
    return found


def test_nothing_of_it_is_left_for_who_has_the_key(scene):
    """Not its words, subject, addresses nor names: not in its facts, what was decided, tried and delivered,
    not in the report about it. The request says whom it was about, and that is all."""
    company = scene.company
    with company.config.open("a") as file:  # where reports go
        file.write(f"\n[domain example.test]\nroute = 127.0.0.1:{scene.receiver.port}\n"
                   "tls-name = mx.partner.test\n")
    assert company.stop() == 0
    company.start()
    person, bystander = "quentin@partner.test", "refuse-rosalind@partner.test"
    letter = scene.submit(
        f"From: {ALICE}\r\nTo: Quentin Mangosteen <{person}>, {bystander}\r\nSubject: durian\r\n"
        "\r\nrambutan\r\n".encode(), [person, bystander])
    wait_for("the report", lambda: re.search(r"^Reported|notice|report", company.show(letter), re.M | re.I)
             and company.status()["queue.waiting"] == "0", 30)
    words = [person, bystander, "mangosteen", "durian", "rambutan"]
    before = left(company, *words)
    assert all(before.values()) and {16, 17} <= before[person], before
    approve(company, officer(company, "erase", "--subject", person, "--reason", "asked for"))
    carried_out(company)
    for again in (False, True):
        if again:
            company.postern("catalog", "rebuild")
        after = left(company, *words)
        assert after.pop(person) == {52, 56}, after
        assert not any(after.values()), after
        assert not readable([*files_below(company.data), company.log], words)
    assert company.postern("search", "rambutan", check=False).returncode == 1
