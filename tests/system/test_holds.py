"""Holds: what is under one stays, whatever people ask and whatever was done to catalog and index."""
import os
import re
import sqlite3

import pytest

from company import wait_for
from scene import Scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("holds")
    os.chmod(directory, 0o755)
    scene = Scene(directory)
    yield scene
    scene.close()


def as_officer(company, *arguments, **options):
    """Run a verb as the officer, whoever else is signed in."""
    options |= {"text": True, "env": {**os.environ, "POSTERN_SIGN_INS": str(
        company.directory / "officer-holds")}}
    done = company._run(*arguments, **options)
    if done.returncode == 77:
        company._run("login", company.officer, "--password-stdin",
                     **{**options, "input": company.passwords[company.officer] + "\n"})
        done = company._run(*arguments, **options)
    return done


def send(scene, subject):
    """A letter that is delivered and found."""
    letter, _ = scene.send(subject)
    wait_for("delivery", lambda: "delivered (250" in scene.company.show(letter), 20)
    wait_for("the index", lambda: letter in scene.company.postern(
        "search", *subject.split(), check=False).stdout, 20)
    return letter


def expect_held(company, letter, name):
    done = company.postern("erase", letter, "--reason", "a try", check=False)
    assert done.returncode == 65 and f"is held by {name}" in done.stderr, done


def test_a_hold_keeps_what_it_finds_and_what_it_will_find(scene):
    company = scene.company
    named, found, free = (send(scene, s) for s in ("quince one", "medlar two", "sorb three"))
    for wrong in (["hold", "add", "bad name", "medlar", "--reason", "x"],
                  ["hold", "add", "case-1", "medlar"], ["hold", "add", "case-1", "--reason", "x"],
                  ["hold", "add", "case-1", "--letter", "0" * 16, "--reason", "x"],
                  ["hold", "add", "case-1", "(medlar", "--reason", "x"]):
        done = as_officer(company, *wrong)
        assert done.returncode == 65, done
    done = company.postern("hold", "add", "case-1", "medlar", "--reason", "x", check=False)
    assert done.returncode == 77 or "held by" in done.stdout  # the auditor, when he is signed in
    done = as_officer(company, "hold", "add", "case-1", "subject:medlar", "--letter", named,
                      "--reason", "a court asks")
    assert done.returncode == 0, done
    expect_held(company, named, "case-1")
    expect_held(company, found, "case-1")
    assert re.search(r"^Held by +case-1$", company.show(found), re.M)
    assert "Held by" not in company.show(free)
    later = send(scene, "medlar later")
    expect_held(company, later, "case-1")
    said = as_officer(company, "hold", "show", "case-1").stdout
    assert "finds   2 letters" in said and f"letter  {named}" in said, said
    assert "subject:medlar" in as_officer(company, "hold", "list").stdout
    assert "erased" in company.both("erase", free, "--reason", "nobody needs it")


def test_a_hold_that_comes_before_the_second_person_holds(scene):
    company = scene.company
    letter = send(scene, "bullace")
    asked = company.postern("erase", letter, "--reason", "a try")
    assert as_officer(company, "hold", "add", "late", "--letter", letter, "--reason",
                      "just in time").returncode == 0
    done = company.second(asked)
    assert done.returncode == 1 and "is held by late" in done.stdout, done
    assert "delivered (250" in company.show(letter)


def test_neither_catalog_nor_index_are_believed(scene):
    """Who can write to the disk takes the holds out of the one, and the words out of the other."""
    company = scene.company
    letter = send(scene, "greengage")
    asked = company.postern("erase", letter, "--reason", "a try")
    assert as_officer(company, "hold", "add", "case-2", "greengage", "--reason",
                      "a court asks").returncode == 0
    assert "finds   1 letters" in as_officer(company, "hold", "show", "case-2").stdout
    assert company.stop() == 0
    with sqlite3.connect(company.data / "catalog" / "catalog.db") as db:
        n = db.execute("DELETE FROM records WHERE letter = ? AND type = 50", (2**63 - 1,)).rowcount
        assert n >= 3
    for file in (company.data / "catalog").glob("search.db*"):
        file.unlink()
    company.start()
    assert "case-2" not in as_officer(company, "hold", "list").stdout
    done = company.second(asked)
    assert done.returncode in (0, 1), done  # held at once, or when the index is whole again
    wait_for("the request to be over", lambda: company.postern(
        "approvals", check=False).returncode == 1, 30)
    assert "delivered (250" in company.show(letter)
    assert "case-2" in as_officer(company, "hold", "list").stdout
    expect_held(company, letter, "case-2")


def test_ending_a_hold_takes_two(scene):
    company = scene.company
    asked = as_officer(company, "hold", "release", "case-2", "--reason", "it is over")
    assert company.auditor in asked.stdout, asked
    done = company.second(asked.stdout)
    assert done.returncode == 77 and "you asked for it yourself" in done.stderr
    assert as_officer(company, "hold", "add", "case-2", "more", "--reason", "more").returncode == 0
    done = company.second(asked.stdout, account=company.auditor)
    assert done.returncode == 1 and "something was added" in done.stdout, done
    asked = as_officer(company, "hold", "release", "case-2", "--reason", "it is over")
    done = company.second(asked.stdout, account=company.auditor)
    assert done.returncode == 0 and "hold case-2 is released" in done.stdout, done
    letter = re.search(r"\b[0-9a-z]{16}\b", company.postern("search", "greengage"))[0]
    assert "erased" in company.both("erase", letter, "--reason", "it is over")
    acts = as_officer(company, "acts", "-n", "1000").stdout
    assert re.search(r"hold release +case-2 +it is over", acts), acts
    assert re.search(r"hold add +case-1: subject:medlar, 1 letters +a court asks", acts), acts
