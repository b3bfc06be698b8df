"""Backups that the daemon makes into a folder it does not trust: only what is new, sealed, found damaged,
made good, put back, tried by a real restore."""
import os
import pathlib
import re
import shutil
import signal
import threading
import time

import pytest

from company import Company, wait_for
from scene import ALICE, Scene

WORD = "gooseberry"


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backups") / "vault"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def scene(target):
    os.chmod(target.parent, 0o755)
    scene = Scene(target.parent, backup_target=f"file://{target}", backup_interval="90d",
                  backup_try_interval="0s", backup_report="officer@partner.test",
                  alert_interval="1s")
    wait_for("the first backup", lambda: scene.company.status()["backup.last_made"] != "never")
    yield scene
    scene.close()


def objects(target, kind="d"):
    return sorted(p for p in target.iterdir() if f"-{kind}-" in p.name)


def number(said):
    return int(re.match(r"backup of number (\d+): ", said)[1])


def alarms(company):
    return re.findall(r"event=alert .*?alert=(\S+)", company.log.read_text())


def test_only_what_is_new_and_nothing_readable(scene, target):
    company = scene.company
    scene.send(WORD, text=f"{WORD} jam\n" * 2000)
    said = company.postern("backup", "now", "--reason", "before the holidays")
    assert said.startswith("backup of number 2: ") and len(objects(target, "m")) == 2
    before = {p.name: p.stat().st_mtime_ns for p in target.iterdir()}
    company.postern("backup", "now")
    after = {p.name: p.stat().st_mtime_ns for p in target.iterdir()}
    assert all(after[name] == when for name, when in before.items()), "something was stored again"
    new = sum((target / name).stat().st_size for name in after.keys() - before.keys())
    assert new < 400_000, "what had been stored came again"
    for path in target.iterdir():
        data = path.read_bytes()
        assert WORD.encode() not in data and b"postern.conf" not in data and b".seg" not in data
        assert path.stat().st_uid != 0, "the process that stores is not root"
    company.sign_in()
    assert "before the holidays" in company.postern("acts", "--reason", "a test")
    listed = company.postern("backup", "list")
    assert f"target file://{target}" in listed and listed.count("good") == 3


def test_a_trial_restore_reads_it_and_leaves_nothing(scene):
    company = scene.company
    for i in range(3):
        scene.send(f"{WORD} {i}")
    company.postern("backup", "now")
    company.postern("backup", "verify")
    said = company.postern("backup", "try")
    assert "fetched and right" in said, said
    assert not list((company.data / "trial").iterdir())
    assert company.status()["backup.last_tried"] != "never"
    report = wait_for("the report", lambda: next(
        (data for _, data in scene.receiver.letters() if b"Trial restore" in data), None))
    assert b"it worked" in report and b"every one verified" in report
    assert re.search(rb"letters read +[1-9]", report)


def test_damage_is_found_and_made_good(scene, target):
    company = scene.company
    scene.send(WORD)
    company.postern("backup", "now")
    victims = objects(target)
    for victim in victims:
        data = bytearray(victim.read_bytes())
        data[70] ^= 1
        victim.write_bytes(data)
    done = company.postern("backup", "verify", check=False)
    assert done.returncode != 0 and re.search(r"0 objects are missing and [1-9]\d* damaged", done.stderr)
    assert "backup-trial-failed" in alarms(company)
    assert len(objects(target)) < len(victims), "what cannot be opened is worth nothing"
    company.postern("backup", "now")
    company.postern("backup", "verify")
    assert "fetched and right" in company.postern("backup", "try")


def test_a_target_that_was_put_back_is_noticed(scene, target, tmp_path):
    company = scene.company
    company.postern("backup", "now")
    shutil.copytree(target, tmp_path / "old")
    scene.send(WORD)
    last = number(company.postern("backup", "now"))
    for path in target.iterdir():
        if not (tmp_path / "old" / path.name).exists():
            path.unlink()
    done = company.postern("backup", "try", check=False)
    assert done.returncode != 0 and "put back to an earlier state" in done.stderr
    assert number(company.postern("backup", "now")) == last + 1, "a number was given twice"
    assert "backup-rolled-back" in alarms(company)
    assert "fetched and right" in company.postern("backup", "try")


def test_who_is_killed_goes_on(scene, target):
    company = scene.company
    scene.send(WORD, text="".join(f"{os.urandom(30).hex()}\n" for _ in range(50000)))
    ordering = []
    for _ in range(3):
        pid = next(p for p, role in company.processes().items() if role == "backup")
        ordering.append(threading.Thread(target=company.postern, args=("backup", "now"),
                                         kwargs={"check": False}))
        ordering[-1].start()
        os.kill(pid, signal.SIGKILL)
        wait_for("its successor", lambda old=pid: any(
            role == "backup" and p != old for p, role in company.processes().items()))
    company.postern("backup", "now")
    assert "fetched and right" in company.postern("backup", "try")
    assert not [p for p in target.iterdir() if p.name.endswith(".new")]
    for thread in ordering:
        thread.join(30)
        assert not thread.is_alive(), "who ordered a backup waits for one that nobody makes"


def test_who_waits_for_a_backup_hears_of_a_keeper_that_died(scene):
    company = scene.company

    def pids(role):
        return [p for p, name in company.processes().items() if name == role]

    backup, keeper = pids("backup")[0], pids("keeper")[0]
    os.kill(backup, signal.SIGSTOP)  # so that the order waits
    said = []
    thread = threading.Thread(target=lambda: said.append(
        company.postern("backup", "now", "--reason", "unheard", check=False)))
    try:
        thread.start()
        company.sign_in()
        wait_for("the order", lambda: "unheard" in company.postern("acts", "--reason", "a test"))
        os.kill(keeper, signal.SIGKILL)
        thread.join(30)
        assert not thread.is_alive() and said[0].returncode == 75, said
        assert "keeper" in said[0].stderr or "process is gone" in said[0].stderr, said
    finally:
        os.kill(backup, signal.SIGCONT)
    wait_for("a keeper", lambda: company.postern("status", check=False).returncode == 0)
    company.postern("backup", "now")


def test_a_target_that_fails_alarms_and_comes_back(scene, target):
    company = scene.company
    target.chmod(0o500)
    done = company.postern("backup", "now", check=False)
    assert done.returncode != 0 and "store an object" in done.stderr
    assert "backup-failed" in alarms(company)
    target.chmod(0o700)
    company.postern("backup", "now")
    assert "failed" not in company.postern("backup", "try")


def test_everything_to_an_empty_machine(scene, target, tmp_path):
    """Two commands: install, restore. What was acknowledged is there, proved, and delivery waits."""
    company = scene.company
    letter, sent = scene.send(WORD)
    company.postern("backup", "now")
    key = (company.directory / "recovery.key").read_text()
    os.chmod(tmp_path, 0o755)
    restored = Company(tmp_path / "restored")
    restored.config.write_text(company.config.read_text().replace("backup-target", "#"))
    restored.set("data-directory", restored.data)
    restored.set("listen-submissions", f"127.0.0.1:{restored.submissions}")
    restored.set("listen-submission", f"127.0.0.1:{restored.submission}")
    done = restored.postern("restore", "--from", f"file://{target}", "--recovery-key-stdin",
                            check=False, input=key)
    assert done.returncode == 0, done.stderr
    assert "verified: " in done.stdout and "Delivery is paused" in done.stdout
    restored.start()
    try:
        assert restored.postern("export", letter, text=False) == sent
        assert "\nwhole" in restored.postern("ledger", "verify")
    finally:
        restored.stop()
    again = restored.postern("restore", "--from", f"file://{target}", "--recovery-key-stdin",
                             check=False, input=key)
    assert again.returncode == 78 and "not empty" in again.stderr


def test_letters_without_touching_the_ledger(scene, target, tmp_path):
    company = scene.company
    letter, sent = scene.send(WORD)
    company.postern("backup", "now")
    key = (company.directory / "recovery.key").read_text()
    before = company.postern("ledger", "verify").split("records")[0]
    command = ["restore", "--recovery-key-stdin"]  # from the target of the configuration
    said = company.postern(*command, "--letter", letter, "--output", tmp_path / "one.eml", input=key)
    assert "1 letter written" in said
    assert (tmp_path / "one.eml").read_bytes() == sent
    company.postern(*command, "--account", ALICE, "--output", tmp_path / "all", input=key)
    assert (tmp_path / "all" / f"{letter}.eml").read_bytes() == sent
    assert company.postern("ledger", "verify").split("records")[0] >= before
    none = company.postern(*command, "--account", "nobody@example.test", "--output",
                           tmp_path / "none", input=key, check=False)
    assert none.returncode != 0 and not list((tmp_path / "none").iterdir())
    wrong = company.postern(*command, "--letter", letter, "--output", tmp_path / "two.eml",
                            input="00000-00000-00000-00000-00000-00000", check=False)
    assert wrong.returncode != 0 and not (tmp_path / "two.eml").exists()
    # other tests restore at the same time, but nothing stays
    wait_for("nothing to be left", lambda: not list(pathlib.Path("/var/tmp").glob("postern-restore-*")))


def test_what_was_erased_leaves_the_backups_with_the_last_from_before(target, tmp_path):
    """The keys are in the backups from before the erasure, and in none once those are too old."""
    os.chmod(tmp_path, 0o755)
    folder = tmp_path / "vault"
    folder.mkdir()
    scene = Scene(tmp_path, backup_target=f"file://{folder}", backup_interval="90d",
                  backup_try_interval="0s", backup_keep="20s")
    company = scene.company
    key = (company.directory / "recovery.key").read_text()
    command = ["restore", "--recovery-key-stdin", "--letter"]
    try:
        kept, sent = scene.send("stays")
        letter, _ = scene.send("goes")
        wait_for("delivery", lambda: "delivered (250" in company.show(letter), 30)
        before = number(company.postern("backup", "now"))
        done = company.both("erase", letter, "--reason", "a test")
        assert "backups made until now hold the keys, the last of them until 2" in done
        company.postern("backup", "now")
        company.postern(*command, letter, "--number", before, "--output", tmp_path / "still.eml",
                        input=key)
        assert b"goes" in (tmp_path / "still.eml").read_bytes()
        newest = company.postern(*command, letter, "--output", tmp_path / "x.eml", input=key,
                                 check=False)
        assert newest.returncode != 0 and not (tmp_path / "x.eml").exists()
        company.set("backup-keep", "1s")
        company.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: "config.reloaded" in company.log.read_text())
        time.sleep(1.1)
        company.postern("backup", "now")
        assert len(objects(folder, "m")) == 1
        gone = company.postern(*command, letter, "--number", before, "--output", tmp_path / "y.eml",
                               input=key, check=False)
        assert gone.returncode != 0 and "no such backup" in gone.stderr
        assert "no backup holds a key that was destroyed" in company.postern("backup", "list")
        company.postern(*command, kept, "--output", tmp_path / "kept.eml", input=key)
        assert (tmp_path / "kept.eml").read_bytes() == sent
    finally:
        scene.close()


def test_after_a_rotation_or_elsewhere_backups_begin_anew(tmp_path):
    """No false alarm. At the same target those from before a rotation go as the others do, also when their key is retired;
    at another they are named until a person removes them and says so."""
    os.chmod(tmp_path, 0o755)
    first, second = tmp_path / "vault", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    scene = Scene(tmp_path, backup_target=f"file://{first}", backup_interval="90d",
                  backup_try_interval="0s", backup_keep="90d", alert_interval="1s")
    company = scene.company

    def rotate():
        company.postern("key", "rotate", "--recovery-key-stdin",
                        input=(company.directory / "recovery.key").read_text())
        company.stop()
        company.start()

    def vaults(folder):
        return {p.name[:17] for p in objects(folder, "m")}
    try:
        letter, _ = scene.send(WORD)
        wait_for("delivery", lambda: "delivered (250" in company.show(letter), 30)
        company.postern("backup", "now")
        assert "REMOVED BY" not in company.postern("backup", "list")
        rotate()
        wait_for("a backup in the new vault", lambda: len(vaults(first)) == 2, 30)
        company.postern("backup", "now")
        assert "fetched and right" in company.postern("backup", "try")
        assert "backup-rolled-back" not in alarms(company)
        listed = company.postern("backup", "list")
        assert re.search(r"-\* .*the daemon", listed) and "no backup holds a key" in listed, listed
        # With the former key, nothing goes unless the last backup of then comes back.
        old = max(p for p in objects(first, "m") if p.name.startswith(re.search(r"\w{16}-", listed)[0]))
        whole = old.read_bytes()
        old.write_bytes(bytes(len(whole)))
        done = company.postern("backup", "now", check=False)
        assert done.returncode != 0 and "the last backup does not come back" in done.stderr, done
        old.write_bytes(whole)
        company.postern("backup", "now")

        company.set("backup-target", f"file://{second}")
        company.stop()
        company.start()
        wait_for("a backup at the new target", lambda: vaults(second), 30)
        listed = company.postern("backup", "list")
        lines = [x for x in listed.splitlines() if "a person" in x]
        assert len(lines) == 2 and "no backup holds a key" not in listed, listed
        done = company.both("erase", letter, "--reason", "a test")
        assert f"at file://{first} until a person removes them" in done, done
        name = lines[0].split()[0]
        assert company.postern("backup", "forget", name, f"file://{first}", check=False).returncode == 65
        company.postern("backup", "forget", name, f"file://{first}", "--reason", "the disk is burnt")
        assert name not in company.postern("backup", "list")
        assert "the disk is burnt" in company.postern("acts", "--reason", "a test")

        company.set("backup-target", f"file://{first}")
        company.set("backup-keep", "1s")
        company.stop()
        company.start()
        time.sleep(1.1)
        said = company.postern("backup", "now")
        assert len(vaults(first)) == 1 and "-r-" in "".join(p.name for p in first.iterdir()), said
        assert {p.name[:17] for p in first.iterdir()} == vaults(first)
        assert "the daemon" not in company.postern("backup", "list")
    finally:
        scene.close()
