"""What is destroyed is what the ledger says, whatever became of the catalog or of a letter's bytes."""
import contextlib
import os
import re
import sqlite3

import pytest

from company import wait_for
from scene import Scene
from test_disposal import import_letters, over
from test_holds import as_officer
from test_subject import SECOND

CONTENT, CLASSES = 17, 49


@pytest.fixture
def scene(tmp_path):
    os.chmod(tmp_path, 0o755)
    scene = Scene(tmp_path / "company")
    yield scene
    scene.close()


@contextlib.contextmanager
def catalog(company):
    with contextlib.closing(sqlite3.connect(company.data / "catalog/catalog.db", timeout=30)) as db:
        yield db
        db.commit()


def places(company, kind):
    """[(letter, seq, segment, offset)] of the records of a kind, by letter."""
    with catalog(company) as db:
        return db.execute("SELECT letter, seq, segment, offset FROM records WHERE type = ? "
                          "ORDER BY letter, seq", (kind,)).fetchall()


def damage(company, place):
    """Spoil the bytes of a record where it stands."""
    _, _, segment, offset = place
    name, = (f for f in (company.data / "ledger").glob("*.seg") if int(f.stem, 16) == segment)
    with open(name, "r+b") as file:
        file.seek(offset + 200)
        byte = file.read(1)
        file.seek(offset + 200)
        file.write(bytes([byte[0] ^ 1]))


def rules(company, *ones):
    for one in ones:
        done = as_officer(company, "retention", "set", *one, "--reason", "a test")
        assert done.returncode == 0, done
    wait_for("all letters to be looked at", lambda: "still to be" not in as_officer(
        company, "retention", "list").stdout, 30)


def test_a_damaged_letter_stops_nothing_and_stays(scene, tmp_path):
    company = scene.company
    damaged = import_letters(company, tmp_path / "first", ["calamondin"])["calamondin"]
    import_letters(company, tmp_path / "second", ["kumquat", "yuzushka"])
    damage(company, places(company, CONTENT)[0])
    rules(company, ("fruit", "30d", "--words", "yuzushka"), ("marked", "30d", "--label", "x"))
    assert "alert=retention-unread" in company.log.read_text()
    said = as_officer(company, "retention", "list").stdout
    # The damaged one counts as holding the word and the label.
    assert re.search(r"^fruit +2 ", said, re.M) and re.search(r"^marked +1 ", said, re.M), said
    assert "not read whole" in company.postern("show", damaged)


def alarms(company):
    return company.log.read_text().count("alert=catalog-altered")


def test_an_altered_catalog_shortens_no_term(scene, tmp_path):
    """It names an older stamp, another letter's record as one's own, or hides a rule: what the ledger says counts."""
    company = scene.company
    letters = {}
    for word in ("calamondin", "kumquat", "medlar"):
        letters |= import_letters(company, tmp_path / word, [word])
    rules(company, ("all", "30d"))
    rules(company, ("court", "50y", "--words", "calamondin"))
    stamps = places(company, CLASSES)
    kept, _, free, other = [row[0] for row in stamps]
    assert kept == stamps[1][0] and len(stamps) == 4
    with catalog(company) as db:
        db.execute("DELETE FROM records WHERE seq = ?", (stamps[1][1],))
        db.execute("UPDATE stamps SET until = (SELECT until FROM stamps WHERE letter = ?)", (free,))
        db.execute("INSERT INTO records SELECT ?, seq, type, segment, offset FROM records "
                   "WHERE letter = ? AND type = ?", (other, kept, CONTENT))
    company.second(company.postern("disposal", "ask", "--reason", "over"))
    acts = over(company)
    assert re.search(r"disposal ended +request \w+: 1 destroyed, 0 held", acts), acts
    assert alarms(company) == 1  # of two that look alike one is told
    assert company.log.read_text().count("event=disposal.unread") == 1
    assert company.log.read_text().count("event=disposal.altered") == 1
    assert company.postern("show", letters["kumquat"], check=False).returncode == 65
    for word in ("calamondin", "medlar"):
        assert word in company.postern("export", letters[word], "-o", "-")
    company.postern("catalog", "rebuild")
    company.second(company.postern("disposal", "ask", "--reason", "over"))
    assert company.postern("show", letters["medlar"], check=False).returncode == 65 or over(company)
    # A rule is hidden before the start: the letters are stamped without it, and stay all the same.
    assert company.stop() == 0
    with catalog(company) as db:
        db.execute("DELETE FROM rules WHERE seq = (SELECT MAX(seq) FROM rules)")
    company.start()
    wait_for("the letter to be over", lambda: "1 letters were over" in as_officer(
        company, "disposal", "preview").stdout, 30)
    company.second(company.postern("disposal", "ask", "--reason", "over"))
    wait_for("the alarm", lambda: alarms(company) == 2, 30)
    assert "calamondin" in company.postern("export", letters["calamondin"], "-o", "-")
    company.postern("catalog", "rebuild")
    over(company)
    wait_for("the letter to be kept", lambda: "0 letters were over" in as_officer(
        company, "disposal", "preview").stdout, 30)
    assert "calamondin" in company.postern("export", letters["calamondin"], "-o", "-")
    assert "\nwhole" in company.postern("ledger", "verify")


def test_a_record_in_a_wrong_place_is_not_taken_for_a_damaged_one(scene, tmp_path):
    """The catalog names a held letter's content as another's, a byte beside where it stands."""
    company = scene.company
    held = import_letters(company, tmp_path / "first", ["calamondin"])["calamondin"]
    free = import_letters(company, tmp_path / "second", ["kumquat"])["kumquat"]
    as_officer(company, "hold", "add", "court", "calamondin", "--reason", "a court asks")
    contents = places(company, CONTENT)
    assert company.stop() == 0
    with catalog(company) as db:
        db.execute("INSERT INTO records SELECT ?, seq, type, segment, offset + 1 FROM records "
                   "WHERE letter = ? AND type = ?", (contents[1][0], contents[0][0], CONTENT))
    company.start()
    company.second(company.postern("erase", free, "--reason", "asked"))
    wait_for("the alarm", lambda: alarms(company) == 1, 30)
    for letter, word in ((held, "calamondin"), (free, "kumquat")):
        assert word in company.postern("export", letter, "-o", "-")
    company.postern("catalog", "rebuild")
    assert "erased" in company.both("erase", free, "--reason", "asked")
    assert "calamondin" in company.postern("export", held, "-o", "-")


def request(company, person):
    """A person's letters, erased by two officers."""
    company.passwords[SECOND] = "correct horse battery second"
    company.both("user", "add", SECOND, "--role", "officer", "--reason", "hired", "--password-stdin",
                 input=company.passwords[SECOND] + "\n")
    done = as_officer(company, "erase", "--subject", person, "--reason", "asked")
    assert done.returncode == 0, done
    done = company.second(done.stdout, SECOND)
    assert done.returncode == 0, done


def ended(company, found):
    return wait_for("the erasure", lambda: (lambda s: s if f"Found       {found} letters" in s else None)(
        as_officer(company, "subject", "show", "1").stdout), 30)


def test_one_altered_row_stalls_no_request_of_a_person(scene, tmp_path):
    """A record of another letter's, and a stamp that is nowhere: these two stay, with the ground, and the rest goes."""
    company = scene.company
    letters = {}
    for word in ("calamondin", "kumquat", "medlar"):
        letters |= import_letters(company, tmp_path / word, [word])
    rules(company, ("all", "30d"))
    contents, stamps = places(company, CONTENT), places(company, CLASSES)
    assert company.stop() == 0
    with catalog(company) as db:
        db.execute("INSERT INTO records SELECT ?, seq, type, segment, offset FROM records "
                   "WHERE letter = ? AND type = ?", (contents[0][0], contents[1][0], CONTENT))
        db.execute("UPDATE records SET offset = offset + 1 WHERE seq = ?", (stamps[2][1],))
    company.start()
    request(company, "paula@partner.test")
    said = ended(company, 3)
    assert "Erased      1 of them" in said and "Kept        2 of them" in said, said
    assert company.postern("show", letters["kumquat"], check=False).returncode == 65
    company.postern("catalog", "rebuild")
    for word in ("calamondin", "medlar"):
        assert letters[word] in said and word in company.postern("export", letters[word], "-o", "-")


def test_a_report_that_the_catalog_calls_a_repetition_is_kept_by_its_rule(scene):
    """A repetition goes whatever the rules say of it; a rule keeps the report, and so the letter that it quotes."""
    company = scene.company
    with company.config.open("a") as file:  # where reports go
        file.write(f"\n[domain example.test]\nroute = 127.0.0.1:{scene.receiver.port}\n"
                   "tls-name = mx.partner.test\n")
    assert company.stop() == 0
    company.start()
    people = ["quentin@partner.test", "refuse-rosalind@partner.test"]
    letter = scene.submit(f"From: alice@example.test\r\nTo: {', '.join(people)}\r\nSubject: durian\r\n"
                          "\r\nrambutan\r\n".encode(), people)
    wait_for("the report", lambda: re.search("^Reported|notice|report", company.show(letter), re.M | re.I)
             and company.status()["queue.waiting"] == "0", 30)
    rules(company, ("reports", "30y", "--words", "delivered"))
    assert company.stop() == 0
    with catalog(company) as db:
        (quoted, repeat), (report, _) = db.execute("SELECT seq, repeat FROM letters ORDER BY seq").fetchall()
        assert [row[0] for row in db.execute("SELECT letter FROM stamped")] == [report]
        db.execute("UPDATE letters SET kind = 3, repeat = ? WHERE seq = ?", (repeat, report))
    company.start()
    request(company, people[0])
    said = ended(company, 1)
    assert "Kept        1 of them" in said and "class reports" in said, said
    assert "rambutan" in company.postern("export", letter, "-o", "-")


def test_a_damaged_segment_puts_off_what_is_in_it_alone(scene, tmp_path):
    """It can become no pack, and so nothing in it is erased; what stands in others goes."""
    company = scene.company
    letters = import_letters(company, tmp_path / "first", ["calamondin", "tangelo"])
    damage(company, next(p for p in places(company, CONTENT)))
    assert company.stop() == 0
    company.start()  # which begins a segment
    letters |= import_letters(company, tmp_path / "second", ["kumquat", "medlar"])
    rules(company, ("all", "30d"))
    company.second(company.postern("disposal", "ask", "--reason", "over"))
    acts = over(company)
    assert re.search(r"disposal ended +request \w+: 2 destroyed, 0 held", acts), acts
    assert company.log.read_text().count("alert=segment-damaged") == 1
    for word in ("kumquat", "medlar"):
        assert company.postern("show", letters[word], check=False).returncode == 65
    officer = as_officer(company, "retention", "remove", "all", "--reason", "a test")
    assert officer.returncode == 0, officer
    letters |= import_letters(company, tmp_path / "third", ["citron"])
    request(company, "paula@partner.test")
    said = ended(company, 3)
    assert "Erased      1 of them" in said and "Kept        2 of them" in said, said
    assert company.postern("show", letters["citron"], check=False).returncode == 65
    assert "tangelo" in company.postern("export", letters["tangelo"], "-o", "-")
