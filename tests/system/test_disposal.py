"""Letters whose time is over are destroyed when two persons said so, held ones never, whatever the clock shows."""
import os
import re
import signal

import pytest

from company import wait_for
from scene import Scene
from test_holds import as_officer
from test_packs import files_below, readable
from test_running import in_moved_time, move_clock

YEARS_20 = 20 * 365 * 86400


@pytest.fixture
def scene(tmp_path):
    os.chmod(tmp_path, 0o755)
    scene = Scene(tmp_path / "company")
    yield scene
    scene.close()


def import_letters(company, folder, words, year=2019):
    """A letter for each word, of long ago; {word: id}."""
    folder.mkdir()
    for i, word in enumerate(words):
        (folder / f"{i}.eml").write_bytes(
            f"From: alice@example.test\r\nTo: paula@partner.test\r\nSubject: {word}\r\n"
            f"Date: Mon, 4 Mar {year} 10:00:{i % 60:02} +0000\r\nMessage-ID: <{word}@example.test>\r\n"
            f"\r\nAbout {word}.\r\n".encode())
    company.postern("import", "eml", folder, "--owner", "alice@example.test", "--reason", "a test")
    return {word: wait_for(word, lambda w=word: re.search(
        r"\b[0-9a-z]{16}\b", company.postern("search", w, check=False).stdout), 30)[0]
        for word in words}


def rule(company, term, over):
    """One rule for all letters; wait until so many are over."""
    done = as_officer(company, "retention", "set", "all", term, "--reason", "a test")
    assert done.returncode == 0, done
    return wait_for("all letters to be looked at", lambda: (
        lambda said: said if f"{over} letters were over" in said and "still to be" not in said
        else None)(as_officer(company, "disposal", "preview").stdout), 30)


def over(company):
    """Wait until nothing waits or is being done."""
    wait_for("the disposal", lambda: company.postern("approvals", check=False).returncode == 1, 60)
    return as_officer(company, "acts", "-n", "50").stdout


def test_what_is_over_goes_and_what_is_held_stays(scene, tmp_path):
    company = scene.company
    young, _ = scene.send("tangelo")
    letters = import_letters(company, tmp_path / "old", ["kumquat", "calamondin", "yuzushka"])
    assert as_officer(company, "hold", "add", "case-7", "calamondin", "--reason",
                      "a court asks").returncode == 0
    done = as_officer(company, "disposal", "ask", "--reason", "too early")
    assert done.returncode != 0, done
    said = rule(company, "30d", 3)
    assert "class all: 3 letters" in said and "of these 1 are held" in said, said
    assert "by case-7: 1 letters" in said
    done = company.postern("disposal", "ask", "--reason", "their time is over")
    assert "3 letters whose retention ended before" in done
    assert "in the background" in company.second(done).stdout
    acts = over(company)
    assert re.search(r"disposal ended +request \w+: 2 destroyed, 1 held", acts), acts
    for word in ("kumquat", "yuzushka"):
        said = company.postern("show", letters[word], check=False)
        assert said.returncode == 65 and "their time is over" in said.stderr, said
    assert "calamondin" in company.postern("export", letters["calamondin"], "-o", "-")
    assert "tangelo" in company.postern("export", young, "-o", "-")
    company.postern("catalog", "rebuild")
    assert not readable([*files_below(company.data), company.log], ["kumquat", "yuzushka"])
    assert "\nwhole" in company.postern("ledger", "verify")


def test_a_disposal_goes_on_after_a_crash(scene, tmp_path):
    company = scene.company
    words = [f"pomelo{i}x" for i in range(90)]
    letters = import_letters(company, tmp_path / "old", words)
    assert as_officer(company, "hold", "add", "case-8", "--letter", letters["pomelo70x"],
                      "--reason", "a court asks").returncode == 0
    rule(company, "30d", 90)
    company.second(company.postern("disposal", "ask", "--reason", "over"))
    wait_for("the first batch", lambda: any(
        company.postern("show", letters[w], check=False).returncode == 65 for w in words[:3]), 30, 0)
    for pid, role in company.processes().items():
        if role == "keeper":
            os.kill(pid, signal.SIGKILL)
    wait_for("an answer", lambda: company.postern("status", check=False).returncode == 0, 30)
    acts = over(company)  # what went before the crash is counted
    assert re.search(r"disposal ended +request \w+: 89 destroyed, 1 held", acts), acts
    said = as_officer(company, "disposal", "preview").stdout
    assert "1 letters were over" in said and "of these 1 are held" in said, said
    assert "pomelo70x" in company.postern("export", letters["pomelo70x"], "-o", "-")
    assert "\nwhole" in company.postern("ledger", "verify")


def test_a_clock_that_is_twenty_years_ahead_destroys_nothing(scene, tmp_path):
    wrapper = in_moved_time(tmp_path)
    if not wrapper:
        pytest.skip("needs root, mounts and no sanitizer: the clock is moved by a library in /etc")
    company = scene.company
    letters = import_letters(company, tmp_path / "old", ["citron", "bergamot"])
    assert as_officer(company, "hold", "add", "case-9", "citron", "--reason", "x").returncode == 0
    rule(company, "15y", 0)
    assert company.stop() == 0
    shift = tmp_path / "shift"
    company.start(wrapper)
    move_clock(shift, YEARS_20)
    wait_for("doubt", lambda: "clock is not believed" in as_officer(
        company, "disposal", "preview").stdout)
    done = as_officer(company, "disposal", "ask", "--reason", "over")
    assert done.returncode == 75 and "disposal clock" in done.stderr, done
    assert company.stop() == 0
    company.start(wrapper)  # and a restart helps nobody
    assert "clock is not believed" in as_officer(company, "disposal", "preview").stdout
    assert "0 letters were over" in as_officer(company, "disposal", "preview").stdout
    # Somebody believes it: then what is held stays all the same.
    done = as_officer(company, "disposal", "clock", "--reason", "my watch says so")
    assert done.returncode == 0, done
    assert "2 letters were over" in as_officer(company, "disposal", "preview").stdout
    company.second(company.postern("disposal", "ask", "--reason", "over"))
    assert re.search(r"disposal ended +request \w+: 1 destroyed, 1 held", over(company))
    assert "citron" in company.postern("export", letters["citron"], "-o", "-")
    assert company.postern("show", letters["bergamot"], check=False).returncode == 65


def test_two_at_once_end_and_a_new_rule_keeps_what_is_left(scene, tmp_path):
    """More letters than one batch looks at, all of them held: neither disposal makes the other begin anew. Then nothing
    is destroyed behind a rule that keeps it."""
    company = scene.company
    import_letters(company, tmp_path / "old", [f"medlar{i}x" for i in range(70)])
    done = as_officer(company, "hold", "add", "case-10", "about", "--reason", "a court asks")
    assert done.returncode == 0, done
    rule(company, "30d", 70)
    asked = [company.postern("disposal", "ask", "--reason", f"over {i}") for i in range(2)]
    for one in asked:
        company.second(one)
    acts = over(company)
    assert len(re.findall(r"disposal ended +request \w+: 0 destroyed, 70 held", acts)) == 2, acts
    company.both("hold", "release", "case-10", "--reason", "the court is done")
    company.second(company.postern("disposal", "ask", "--reason", "over"))
    done = as_officer(company, "retention", "set", "all", "forever", "--reason", "kept after all")
    assert done.returncode == 0, done
    left = len(company.postern("search", "-n", "100", "about", check=False).stdout.splitlines())
    wait_for("the disposal", lambda: company.postern("approvals", check=False).returncode == 1, 60)
    assert len(company.postern("search", "-n", "100", "about", check=False).stdout.splitlines()) == left


def test_a_rule_that_comes_halfway_ends_it_and_what_is_gone_is_counted(scene, tmp_path):
    company = scene.company
    (tmp_path / "old").mkdir()
    for i in range(100):
        (tmp_path / "old" / f"{i}.eml").write_bytes(
            f"From: alice@example.test\r\nTo: paula@partner.test\r\nSubject: medlar{i}x\r\n"
            f"Date: Mon, 4 Mar 2019 10:00:00 +0000\r\n\r\nAbout {i}.\r\n".encode())
    company.postern("import", "eml", tmp_path / "old", "--reason", "a test")
    rule(company, "30d", 100)
    first, second = (company.postern("disposal", "ask", "--reason", why) for why in ("over", "over, too"))

    def found():  # each line has a day, the head has none
        return company.postern("search", "-n", "100", "about", check=False).stdout.count("  2019-03-04T")
    wait_for("the index", lambda: found() == 100)
    company.second(first)
    wait_for("its beginning", lambda: "event=disposal.begun" in company.log.read_text(), 30, 0)
    done = as_officer(company, "retention", "set", "all", "forever", "--reason", "kept after all")
    assert done.returncode == 0, done
    company.second(second)  # which has not begun, and hurries the first
    acts = over(company)
    assert acts.count("disposal ended") == 1 and "the rules have changed since that was asked: ask" in acts, acts
    gone = re.search(r"disposal ended +request \w+: (\d+) destroyed", acts)
    assert gone, acts
    assert int(gone[1]) == 100 - found(), acts
    assert int(gone[1]) == 100 or "the rules have changed since that was asked, and what was left" in acts, acts
