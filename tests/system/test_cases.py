"""Cases: letters gathered for a reason by an auditor, read for that reason, exported, held until two persons end it."""
import csv
import io
import os
import re
import xml.etree.ElementTree

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Scene
from test_disposal import import_letters
from test_holds import as_officer

WORDS = ["kumquat", "calamondin", "yuzushka", "tangelo"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cases")
    os.chmod(directory, 0o755)
    made = Scene(directory)
    made.letters = import_letters(made.company, directory / "old", WORDS)
    made.company.sign_in()
    yield made
    made.close()


def found(company, *arguments):
    """The letters that a search of this case shows, with its exit status."""
    done = company.postern("search", *arguments, check=False)
    assert done.returncode in (0, 1), done
    return set(re.findall(r"^([0-9a-z]{16}) ", done.stdout, re.M))


def refused(company, *arguments):
    done = company.postern(*arguments, check=False)
    assert done.returncode != 0, done
    return done.stderr


def test_a_case_grows_and_its_reason_is_the_reason(scene, tmp_path):
    company, letters = scene.company, scene.letters
    assert "has a reason" in refused(company, "case", "open", "c1", "--query", "kumquat")
    said = company.postern("case", "open", "c1", "--query", "subject:kumquat", "--reason", "fraud in 2019")
    assert "case c1 is open" in said and "held" not in said
    assert "a name is used once" in refused(company, "case", "open", "c1", "--reason", "again")
    assert "there is no letter" in refused(company, "case", "add", "c1", "0123456789abcdef")
    assert "there is no case" in refused(company, "case", "add", "c2", letters["tangelo"])
    company.postern("case", "add", "c1", letters["calamondin"], "--reason", "named by a witness")
    assert found(company, "--case", "c1") == {letters["kumquat"], letters["calamondin"]}
    assert found(company, "--case", "c1", "about") == {letters["kumquat"], letters["calamondin"]}
    assert found(company, "--case", "c1", "--order", "date") == {letters["kumquat"], letters["calamondin"]}
    assert found(company, "--case", "c1", "yuzushka") == set()
    one = company.postern("search", "--case", "c1", "-n", "1")
    import_letters(company, tmp_path / "more", ["kumquat"], year=2018)  # the query finds it too
    wait_for("the case to grow", lambda: len(found(company, "--case", "c1")) == 3)
    assert one.count("\n") == 2  # the head and one letter
    company.postern("case", "remove", "c1", letters["kumquat"], "--reason", "a private letter")
    assert letters["kumquat"] not in found(company, "--case", "c1")
    company.postern("case", "note", "c1", "counsel", "was", "told")
    shown = company.postern("case", "show", "c1")
    for part in ("fraud in 2019", "subject:kumquat", "named by a witness", "counsel was told", letters["calamondin"],
                 "Letters     2"):
        assert part in shown, shown
    assert re.search(r"^c1 .* open +- +1 +1 +1 +fraud in 2019$", company.postern("case", "list"), re.M)
    acts = company.postern("acts", "-n", "30")
    assert re.search(r"case note +c1 +counsel was told", acts), acts
    assert re.search(r"search +.*case c1: fraud in 2019", acts), acts


def test_only_letters_of_the_case_are_read_for_it(scene):
    company, letters = scene.company, scene.letters
    company.postern("case", "open", "narrow", letters["calamondin"], "--reason", "one letter")
    assert "calamondin" in company.postern("show", "--case", "narrow", letters["calamondin"])
    assert "About calamondin" in company.postern("export", "--case", "narrow", letters["calamondin"], "-o", "-")
    assert "is not in the case" in refused(company, "show", "--case", "narrow", letters["tangelo"])
    assert "is not in the case" in refused(company, "export", "--case", "narrow", letters["tangelo"], "-o", "-")
    officer = as_officer(company, "case", "show", "narrow")
    assert officer.returncode == 0 and "one letter" in officer.stdout
    assert as_officer(company, "search", "--case", "narrow").returncode == 77
    company._run("login", ALICE, "--password-stdin", text=True, input=PASSWORD + "\n")
    assert "role auditor or officer" in refused(company, "case", "list")
    own = company._run("search", "--case", "narrow", text=True)  # which signs nobody else in
    assert own.returncode == 77 and "read by an auditor" in own.stderr, own
    company.sign_in()
    dated = as_officer(company, "retention", "date", "set", "case:narrow", "2024-05-31", "--reason", "settled")
    assert dated.returncode == 0, dated  # from which a rule with --date-key case:narrow runs
    said = company.postern("case", "close", "narrow", "--reason", "done")
    assert "is closed\n" in said
    assert "is closed" in refused(company, "search", "--case", "narrow")
    assert "is closed" in refused(company, "case", "add", "narrow", letters["tangelo"])
    assert "closed by" in company.postern("case", "show", "narrow")
    acts = company.postern("acts", "-n", "40")  # what was refused as well
    for act in (rf"REFUSED show +{letters['tangelo']} +the letter is not in the case",
                r"REFUSED search +case narrow +letters of a case are read by an auditor",
                r"REFUSED search +case narrow +the case is closed"):
        assert re.search(act, acts), acts


@pytest.mark.parametrize("form", ["eml", "edrm", "concordance"])
def test_an_export_names_its_case(scene, tmp_path, form):
    company, letters = scene.company, scene.letters
    name = f"export-{form}"
    company.postern("case", "open", name, letters["yuzushka"], "--query", "tangelo", "--reason", "a court asks")
    out = tmp_path / "out"
    said = company.postern("export", "--case", name, "--format", form, "-o", out)
    assert "2 letters exported, 0 exceptions" in said, said
    rows = list(csv.DictReader(io.StringIO((out / "manifest.csv").read_text())))
    assert {row["ID"] for row in rows} == {letters["yuzushka"], letters["tangelo"]}
    assert {row["CASE"] for row in rows} == {name}
    if form == "edrm":
        root = xml.etree.ElementTree.parse(out / "edrm.xml").getroot()
        assert root.get("Description") == f"Letters from Postern: case {name}"
        assert {tag.get("TagValue") for tag in root.iter("Tag") if tag.get("TagName") == "Case"} == {name}
    if form == "concordance":
        lines = (out / "loadfile.dat").read_text().splitlines()
        assert lines[0].endswith("\u00feCASE\u00fe") and all(line.endswith(f"\u00fe{name}\u00fe") for line in lines[1:])
    assert "whole" in refused(company, "export", "--case", name, "--format", form, "-o", out)
    assert "another export" in refused(company, "export", "--query", "tangelo", "--format", form, "--reason", "x", out)
    assert re.search(rf"export whole +manifest \w+ of case {name} +case {name}: a court asks",
                     company.postern("acts", "-n", "20"))


def test_a_case_holds_until_two_persons_end_it(scene):
    company, letters = scene.company, scene.letters
    company.postern("case", "open", "held", "--query", "yuzushka", "--reason", "a court asks", "--hold")
    said = company.postern("case", "add", "held", letters["tangelo"])
    assert "and held" in said
    holds = company.postern("hold", "show", "held")
    assert "yuzushka" in holds and letters["tangelo"] in holds
    assert "its hold keeps them" in company.postern("case", "remove", "held", letters["tangelo"])
    assert company.postern("hold", "add", "taken", "kumquat", "--reason", "another")
    assert "is a hold of that name" in refused(company, "case", "open", "taken", "--reason", "x", "--hold")
    assert "has a hold" in refused(company, "case", "hold", "held", "--reason", "x")
    said = company.postern("case", "close", "held", "--reason", "the court is done")
    assert "its hold goes on until another person approves" in said and "hold held" in said, said
    assert "held" in company.postern("hold", "list")
    assert company.second(said).returncode == 0
    wait_for("the release", lambda: "yuzushka" not in company.postern("hold", "list"))
    company.stop()
    company.start()  # what there is is folded again from the ledger
    company.sign_in()
    assert "a name is used once" in refused(company, "case", "open", "held", "--reason", "again")
    assert re.search(r"^held .* closed +yes ", company.postern("case", "list"), re.M)


def test_a_case_gets_a_hold_later(scene):
    """All that is in it is held: by its queries, by ids, and what is added; not what was taken out of it before."""
    company, letters = scene.company, scene.letters
    company.postern("case", "open", "late", letters["tangelo"], "--query", "subject:yuzushka", "--reason", "a rumour")
    company.postern("case", "add", "late", letters["kumquat"], "--query", "subject:tangelo")
    company.postern("case", "remove", "late", letters["kumquat"], "--query", "subject:tangelo")
    assert "give --reason" in refused(company, "case", "hold", "late")
    assert "there is no case" in refused(company, "case", "hold", "later", "--reason", "x")
    company.postern("hold", "add", "late", "kumquat", "--reason", "another")
    assert "not the case's" in refused(company, "case", "hold", "late", "--reason", "x")
    said = company.postern("hold", "release", "late", "--reason", "its name is wanted")
    assert company.second(said).returncode == 0
    wait_for("the release", lambda: "late" not in company.postern("hold", "list", check=False).stdout)
    assert "is held from now on" in company.postern("case", "hold", "late", "--reason", "a court asks")
    shown = company.postern("hold", "show", "late")
    assert letters["tangelo"] in shown and "subject:yuzushka" in shown, shown
    assert letters["kumquat"] not in shown and "subject:tangelo" not in shown, shown
    for word in ("yuzushka", "tangelo"):
        done = company.postern("erase", letters[word], "--reason", "a try", check=False)
        assert done.returncode == 65 and "held by late" in done.stderr, done
    assert "and held" in company.postern("case", "add", "late", letters["calamondin"])
    assert "has a hold" in refused(company, "case", "hold", "late", "--reason", "x")
    company.stop()
    company.start()
    company.sign_in()
    assert re.search(r"^late .* open +yes ", company.postern("case", "list"), re.M)
    assert re.search(r"case hold +late +a court asks", company.postern("acts", "-n", "40"))
    said = company.postern("case", "close", "late", "--reason", "done")
    assert "its hold goes on until another person approves" in said, said
    assert company.second(said).returncode == 0
    assert "is closed" in refused(company, "case", "hold", "late", "--reason", "x")


def test_a_hold_is_named_once_however_often_it_finds(scene):
    company, letters = scene.company, scene.letters
    for name in ("first", "second"):
        company.postern("case", "open", name, "--query", "subject:calamondin", "--hold", "--reason", "a claim")
    company.postern("case", "add", "first", letters["calamondin"])
    done = company.postern("erase", letters["calamondin"], "--reason", "a try", check=False)
    named = re.search(r" is held by ([^:]+): nothing", done.stderr)[1].split(", ")
    assert {"first", "second"} <= set(named) and len(named) == len(set(named)), done
