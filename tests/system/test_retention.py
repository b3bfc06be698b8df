"""How long letters are kept: rules, what they say of letters, and looking at all letters again."""
import contextlib
import os
import re
import shutil
import subprocess

import pytest

from company import ROOT, wait_for
from scene import ALICE, Scene

BOB = "bob@example.test"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("retention"))
    yield scene
    scene.close()


def ask(scene, account, *arguments, check=True):
    """`postern ...` as this account, which signs in again after a start."""
    company = scene.company
    done = company.postern("--as", account, *arguments, check=False)
    if done.returncode == 77 and "sign" in done.stderr:
        assert company.sign_in(account).returncode == 0
        done = company.postern("--as", account, *arguments, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


def retention(scene, *arguments, officer=True, check=True):
    company = scene.company
    return ask(scene, company.officer if officer else company.auditor, "retention", *arguments,
               check=check)


def show(scene, letter):
    return ask(scene, scene.company.auditor, "show", "--reason", "a test", letter).stdout


def listed(scene):
    """{class: letters} and {what: letters} of `postern retention list`."""
    text = retention(scene, "list").stdout
    rows = dict(re.findall(r"^([a-z][a-z0-9-]*) +(\d+) ", text, re.M))
    counts = re.search(r"(\d+) letters: (\d+) under no rule .*, (\d+) under one without an end, "
                       r"(\d+) whose time is over", text)
    left = re.search(r"^(\d+) are still to be looked at", text, re.M)
    return ({name: int(n) for name, n in rows.items()},
            dict(zip(("letters", "unruled", "for ever", "over"), map(int, counts.groups()))),
            int(left[1]) if left else 0)


def settled(scene):
    wait_for("all letters to be looked at", lambda: listed(scene)[2] == 0, pause=0.1)
    return listed(scene)


def kept(scene, letter):
    """What `postern show` says last about how long."""
    found = re.findall(r"record \d+  (kept .*|under no rule .*)\n((?:    .*\n)*)",
                       show(scene, letter))
    return found[-1] if found else None


def test_rules_stamp_letters(scene):
    early, _ = scene.send("an invoice", text="Please pay.\n")
    wait_for("a decision", lambda: "decided" in show(scene, early))
    assert kept(scene, early) is None
    done = retention(scene, "set", "tax", "6y", officer=False, check=False)
    assert done.returncode == 77 and "officer" in done.stderr
    retention(scene, "set", "tax", "6y", "--start", "year-end", "--words", "please pay",
              "--citation", "a law", "--review", "2020-02-29", "--reason", "a test")
    retention(scene, "set", "short", "90d", "--sender", "*@example.test")
    late, _ = scene.send("another", text="The other bill: please PAY.\n")
    wait_for("a decision", lambda: "decided" in show(scene, late))
    line, details = kept(scene, late)
    assert line.startswith("kept until 20") and line.endswith("-01-01")
    assert 'tax: until' in details and '("please pay"; rule of record' in details
    assert "short: until" in details and "(sender; rule" in details
    classes, counts, _ = settled(scene)
    assert classes == {"tax": 2, "short": 2} and counts["unruled"] == 0
    assert kept(scene, early)[0] == line
    done = retention(scene, "set", "Wrong Name", "6y", check=False)
    assert done.returncode == 65 and "class" in done.stderr
    acts = ask(scene, scene.company.officer, "acts").stdout
    assert "retention set" in acts and "6y from the end of the calendar year" in acts
    shown = retention(scene, "show", "tax").stdout
    assert "2020-02-29 DUE" in shown and "2020-02-29 DUE" in retention(scene, "list").stdout
    assert "a law" in shown and "Signed off" not in shown and scene.company.officer in shown


def test_a_changed_rule_is_applied_to_what_is_there(scene):
    before = settled(scene)[1]["letters"]
    other, _ = scene.send("a greeting", text="Hello.\n")
    wait_for("a decision", lambda: "decided" in show(scene, other))
    retention(scene, "set", "short", "91d", "--account", BOB)
    classes, counts, _ = settled(scene)
    assert classes == {"tax": 2, "short": 0}
    assert counts == {"letters": before + 1, "unruled": before - 1, "for ever": 0, "over": 0}
    assert kept(scene, other)[0] == "under no rule any more: kept for ever"
    done = retention(scene, "remove", "tax", check=False)
    assert done.returncode == 65 and "--reason" in done.stderr
    retention(scene, "remove", "tax", "--reason", "a mistake")
    assert settled(scene)[0] == {"short": 0}
    wait_for("the status", lambda: scene.company.status()["retention.unruled"] == str(before + 1))


def test_a_date_begins_a_term(scene):
    retention(scene, "set", "staff", "3y", "--start", "date", "--account", ALICE)
    classes, counts, _ = settled(scene)
    assert classes["staff"] == counts["letters"] == counts["for ever"]
    retention(scene, "date", "set", ALICE.upper(), "2020-06-30", "--reason", "left us")
    classes, counts, _ = settled(scene)
    assert counts["over"] == counts["letters"] and counts["for ever"] == 0
    assert ALICE in retention(scene, "date", "list").stdout
    retention(scene, "date", "remove", ALICE, "--reason", "came back")
    assert settled(scene)[1]["for ever"] == counts["letters"]


def test_a_pack_is_taken(scene):
    here = ["--from", str(ROOT / "packaging" / "retention")]
    text = retention(scene, "packs", *here).stdout
    names = re.findall(r"^([a-z-]+)  +[A-Z]", text, re.M)
    assert len(names) == 7 and "no legal advice" in text
    for name in names:
        text = retention(scene, "packs", *here, "show", name).stdout
        assert text.count("citation") == text.count("https://") == text.count("    review") > 3
    done = retention(scene, "take", "germany", *here, check=False)
    assert done.returncode == 65 and "--advice" in done.stderr
    sign = ["--advice", "our counsel, 2026", "--signed-off-by", "the board"]
    done = retention(scene, "take", "germany", *here, *sign, "--only", "de-leters", check=False)
    assert done.returncode == 65 and "de-leters" in done.stderr
    done = retention(scene, "take", "germany", *here, *sign, "--only", "de-letters,de-vouchers",
                     "--words", "glockenspiel")
    assert "set de-vouchers: 8y from the end of the calendar year" in done.stdout
    shown = retention(scene, "show", "de-letters").stdout
    assert "§ 257" in shown and "our counsel, 2026" in shown and "the board" in shown
    done = retention(scene, "take", "australia", *here, *sign, "--sender", "nobody@*")
    assert "1 unverified rules were left out" in done.stdout
    classes = settled(scene)[0]
    assert classes["au-tax"] == 0 and "au-money-laundering" not in classes


def test_the_catalog_made_anew_says_the_same(scene):
    before = settled(scene)
    scene.company.postern("catalog", "rebuild")
    assert settled(scene) == before


def test_imported_letters_are_stamped_as_well(scene, tmp_path):
    """By their owner and the keywords of their header; from the day on which they were sent."""
    (tmp_path / "one.eml").write_bytes(
        b"From: carl@elsewhere.test\r\nTo: alice@example.test\r\nKeywords: Contract,\r\n Urgent\r\n"
        b"Date: Mon, 5 Jan 2015 10:00:00 +0000\r\nSubject: a glockenspiel\r\n\r\nHello\r\n")
    retention(scene, "set", "contracts", "5y", "--label", "contract", "--account", ALICE)
    over = settled(scene)[1]["over"]
    scene.company.postern("import", "eml", tmp_path, "--owner", ALICE)
    wait_for("it to be inspected", lambda: settled(scene)[0]["contracts"] == 1)
    assert settled(scene)[0]["de-letters"] == 1
    retention(scene, "remove", "staff", "--reason", "a test")  # has no end
    retention(scene, "remove", "de-letters", "--reason", "a test")
    retention(scene, "remove", "de-vouchers", "--reason", "a test")
    assert settled(scene)[1]["over"] == over + 1


@contextlib.contextmanager
def slow_reading(company):
    """Each look of the keeper into a segment takes a while, so that a sweep over hundreds of letters takes seconds."""
    keeper = next(pid for pid, role in company.processes().items() if role == "keeper")
    paths = [word for path in (company.data / "ledger").glob("*.seg") for word in ("-P", str(path))]
    tracer = subprocess.Popen(["strace", "-f", "-p", str(keeper), "-o", "/dev/null", "-e", "trace=pread64", "-e",
                               "inject=pread64:delay_enter=30000", *paths],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert "attached" in tracer.stderr.readline()
        yield
    finally:
        tracer.kill()
        tracer.communicate()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"), reason="only root may trace the keeper, with strace")
def test_a_kill_loses_no_letter(scene):
    """The keeper dies when some letters were looked at and others were not."""
    company = scene.company
    with scene.client() as smtp:
        for i in range(250):
            scene.send(f"letter {i}", smtp=smtp)
    wait_for("all to be decided", lambda: company.status()["backlog.letters"] == "0")
    letters = settled(scene)[1]["letters"]
    retention(scene, "set", "all", "10y")
    with slow_reading(company):
        retention(scene, "set", "slow", "1d", "--words", "no such words")  # all are read again
        wait_for("some to be looked at, and not all", lambda: 0 < listed(scene)[2] < letters, pause=0)
        company.kill()
    company.start()
    classes, counts, _ = settled(scene)
    assert classes["all"] == counts["letters"] == letters and counts["unruled"] == 0


def test_a_group_is_that_of_its_time(scene):
    """The letter's record says in which groups its account was; who leaves one leaves his letters there."""
    company = scene.company
    company.postern("user", "set", ALICE, "--group", "accounting", "--group", "board")
    members = company.postern("user", "list", "--group", "board")
    assert ALICE in members and "accounting, board" in members and BOB not in members
    assert "no name of a group" in company.postern("user", "set", ALICE, "--group", "A B",
                                                   check=False).stderr
    before, _ = scene.send("a balance")
    retention(scene, "set", "books", "7y", "--group", "accounting", "--reason", "a test")
    settled(scene)
    said = show(scene, before)
    assert re.search(r"^ +groups +accounting, board$", said, re.M) and "books" in kept(scene, before)[1]
    assert re.search(r"^  books, by the rule of record \d+\n    rule +7y from sending\n    for +group accounting\n"
                     r"    met by +group\n    begins +(\d{4})-\d\d-\d\d\n    last day +\d{4}-\d\d-\d\d"
                     r"(, the longest: this decides)?\n    set by +officer@", said, re.M), said
    # A rule names it now: who changes the group changes how long letters are kept.
    nobody = {**os.environ, "POSTERN_SIGN_INS": str(company.directory / "nobody")}
    asked = company.postern("user", "set", ALICE, "--no-groups", "--reason", "moved", env=nobody)
    assert "waits" in asked and "accounting" in company.postern("user", "list", "--group", "board")
    assert company.second(asked).returncode == 0
    assert "in no group, approved by" in ask(scene, company.officer, "acts", "-n", "20").stdout
    after, _ = scene.send("another balance")
    wait_for("it to be decided", lambda: "decided" in show(scene, after), 60)
    assert "books" not in str(kept(scene, after)) and "books" in kept(scene, before)[1]
    found = wait_for("it in the index", lambda: ask(scene, company.auditor, "search", "--reason", "a test",
                                                    "group:accounting", check=False).stdout, 60)
    assert before in found and after not in found
    company.postern("catalog", "rebuild")
    settled(scene)
    assert "books" not in str(kept(scene, after)) and "books" in kept(scene, before)[1]
