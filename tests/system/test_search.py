"""Searching as a person does it: queries, pages, coverage; and an index that is damaged, removed or cut
short while everything runs."""
import concurrent.futures
import os
import random
import signal
import time

import pytest

from company import wait_for
from scene import ALICE, Scene


@pytest.fixture(scope="module", name="scene")
def fixture_scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("search"))
    try:
        with scene.client() as client:
            for n in range(6):
                scene.send(f"Rechnung number{n}", smtp=client,
                           text=f"Die Rechnung der Firma M\u00fcller ist \u00fcberf\u00e4llig, lettre{n}\n")
        wait_for("six letters in the index", lambda: len(ids(scene, "rechnung")) == 6)
        yield scene
    finally:
        scene.close()


def search(scene, *arguments):
    return scene.company.postern("search", *arguments, check=False)


def ids(scene, *arguments):
    return [line.split()[0] for line in search(scene, *arguments).stdout.splitlines()[1:]]


def place(answer):
    """What --after takes to go on."""
    line, = (line for line in answer.stderr.splitlines() if "--after" in line)
    return line.split("--after ")[1].split()[0]


def child(scene, role):
    return next(pid for pid, name in scene.company.processes().items() if name == role)


def index(scene):
    return scene.company.data / "catalog" / "search.db"


def is_whole(scene):
    """All letters are found, and the answer says that all were searched."""
    found = search(scene, "rechnung", "NEAR/20", "ueberfaellig", "--limit", "1000")
    total = len(ids(scene, "after:2020", "--limit", "1000"))
    said = [line for line in found.stderr.splitlines() if line.startswith("Searched:")]
    return (found.stdout.count("rechnung") + found.stdout.count("Rechnung") >= 6
            and said == [f"Searched: {total} of {total} letters."])


def test_pages_stand_still_while_mail_arrives(scene):
    everything = ids(scene, "rechnung")
    for order in ("archived", "date", "relevance"):
        first = search(scene, "rechnung", "--limit", "2", "--order", order)
        late, _ = scene.send("Rechnung rechnung late", text="rechnung\n")
        wait_for("the late one in the index", lambda: late in ids(scene, "rechnung"))
        second = ids(scene, "rechnung", "--limit", "50", "--order", order, "--after", place(first))
        together = [line.split()[0] for line in first.stdout.splitlines()[1:]] + second
        assert late not in together
        assert sorted(together) == sorted(everything)
        everything.append(late)
    other = search(scene, "number1", "--after", place(search(scene, "rechnung", "--limit", "1")))
    assert other.returncode != 0 and "belongs to another query" in other.stderr


def test_errors_say_where(scene):
    wrong = search(scene, "rechnung form:anna")
    assert wrong.returncode != 0
    assert 'At character 10: "form:" is no field' in wrong.stderr


def test_an_account_and_every_address_of_a_domain(scene):
    assert len(ids(scene, "from:*@example.test", "number3")) == 1
    assert ids(scene, f"from:{ALICE}", "number3", "to:*@other.test") == []
    assert len(ids(scene, "MUELLER", "lettre2", "smaller:5K", "NOT", "has:attachment")) == 1


def test_an_index_that_is_removed_comes_back(scene):
    index(scene).unlink()
    wait_for("everything to be found again", lambda: is_whole(scene), 30)


def test_an_index_that_is_changed_is_noticed_and_made_anew(scene):
    words = random.Random(1).randbytes(6 * 300_000).hex()  # enough to go from SQLite's log into the file
    scene.send("many", text="\n".join(words[n:n + 12] for n in range(0, len(words), 12)))
    file = index(scene)
    wait_for("it in the index", lambda: ids(scene, "subject:many"), 30)
    wait_for("the file to grow", lambda: os.path.getsize(file) > 2 << 20, 30)

    def is_noticed():
        with open(file, "r+b") as changed:
            for page in range(os.path.getsize(file) // 4096):
                changed.seek(4096 * page + 2000)
                changed.write(os.urandom(8))
        return "damaged" in search(scene, "rechnung").stderr

    wait_for("the damage to be noticed", is_noticed, 10)
    wait_for("everything to be found again", lambda: is_whole(scene), 30)
    assert 'event=index.rebuild reason="the file is damaged"' in scene.company.log.read_text()


def test_a_crash_loses_nothing_of_the_index(scene):
    letter, _ = scene.send("Rechnung before the crash", text="rechnung \u00fcberf\u00e4llig crashword\n")
    os.kill(child(scene, "keeper"), signal.SIGKILL)
    wait_for("the letter to be found", lambda: ids(scene, "crashword") == [letter], 30)
    assert is_whole(scene)


def test_a_reader_that_dies_is_asked_again(scene):
    """Its successor answers the same question; nobody has to type it twice."""
    reader = child(scene, "reader")
    os.kill(reader, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(search, scene, "number4")
        time.sleep(0.3)  # it has been asked, and waits
        assert not asked.done()
        os.kill(reader, signal.SIGKILL)
        answer = asked.result(30)
    assert answer.returncode == 0, answer.stderr
    assert "number4" in answer.stdout
