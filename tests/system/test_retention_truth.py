"""What is destroyed is what the ledger says, whatever became of the catalog or of a letter's bytes."""
import contextlib
import os
import re
import sqlite3

import pytest

from company import wait_for
from scene import Scene
from test_disposal import import_letters
from test_holds import as_officer

CONTENT = 17


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
