"""What takes two persons: who may be the second one, and that nothing is done before, twice or never."""
import os
import re
import threading

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Scene
from test_roles import ADMIN, AUDITOR, OFFICER, person  # noqa: F401 - a fixture

SECOND = "second@example.test"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    directory = tmp_path_factory.mktemp("approvals")
    os.chmod(directory, 0o755)
    scene = Scene(directory, auth_failure_delay="0s")
    yield scene
    scene.close()


def request_of(done):
    return re.search(r"^request (\w+) waits", done.stdout, re.M)[1]


def role(company, account):
    line = next(x for x in company.postern("user", "list").splitlines() if x.startswith(account))
    return line.split()[1]


def test_the_only_officer_is_nobody_s_second_person(scene, person):
    """He can make nobody an auditor alone, himself least of all; and nobody else can make him one."""
    company = scene.company
    assert person.login(OFFICER).returncode == 0
    for account in (OFFICER, ALICE):
        done = person.postern("user", "set", account, "--role", "auditor", "--reason", "curious")
        assert done.returncode == 77 and "nobody else could approve it" in done.stderr, done
        assert "give another account the role officer or administrator" in done.stderr
    for change in (["--role", "auditor"], ["--password-stdin"], ["--disable"]):
        done = company.postern("user", "set", OFFICER, *change, "--reason", "x", check=False,
                               input=PASSWORD + " again\n")
        if change == ["--disable"]:  # he may say himself that he goes
            assert "refused" in company.second(done.stdout, verb="refuse").stdout
        else:
            assert done.returncode == 77 and "have another account be an officer's" in done.stderr
    assert role(company, OFFICER) == "officer" and role(company, ALICE) == "employee"


def test_one_asks_and_another_approves(scene, person):
    company = scene.company
    done = company.postern("user", "add", ADMIN, "--role", "administrator", "--password-stdin",
                           "--reason", "hired", check=False, input=PASSWORD + "\n")
    request = request_of(done)
    assert OFFICER in done.stdout and ADMIN not in company.postern("user", "list")
    for account in (None, AUDITOR):
        if account:
            assert person.login(account).returncode == 0
        done = person.postern("approve", request, "--reason", "why not")
        assert done.returncode == 77, done
    done = company.postern("approve", request, "--reason", "I am root", check=False)
    assert done.returncode == 77 and OFFICER in done.stderr
    assert person.login(OFFICER).returncode == 0
    assert "--reason" in person.postern("approve", request).stderr
    listed = person.postern("approvals").stdout
    assert re.search(rf"{request} +account +{ADMIN}: role administrator, a new password +uid 0 +hired",
                     listed), listed
    done = person.postern("approve", request, "--reason", "I know him")
    assert done.returncode == 0 and "approved and done" in done.stdout, done
    assert role(company, ADMIN) == "administrator"
    assert person.login(ADMIN).returncode == 0
    done = person.postern("approve", request, "--reason", "once more")
    assert done.returncode == 65 and "no request with this id waits" in done.stderr

    # What an officer asks, the administrator may now approve; the one who gains never.
    assert person.login(OFFICER).returncode == 0
    done = person.postern("user", "set", OFFICER, "--role", "auditor", "--reason", "curious")
    request = request_of(done)
    assert "you asked for it yourself" in person.postern("approve", request, "--reason", "x").stderr
    assert person.login(ADMIN).returncode == 0
    assert person.postern("withdraw", request, "--reason", "x").returncode == 77
    assert "refused" in person.postern("refuse", request, "--reason", "no").stdout
    assert role(company, OFFICER) == "officer"
    done = person.postern("user", "set", ADMIN, "--role", "auditor", "--reason", "curious")
    assert "withdrawn" in person.postern("withdraw", request_of(done), "--reason", "well").stdout


def test_what_was_approved_is_what_is_done(scene, person):
    """Not what the account has become meanwhile."""
    company = scene.company
    asked = company.postern("user", "set", ALICE, "--role", "auditor", "--reason", "elected")
    company.postern("user", "set", ALICE, "--name", "Another Alice")
    done = company.second(asked)
    assert done.returncode == 1 and "changed since that was asked" in done.stdout, done
    assert role(company, ALICE) == "employee"
    assert company.postern("approvals", check=False).returncode == 1


def test_an_address_that_was_another_s_takes_two_persons(scene, tmp_path):
    """By it one would read what was imported as that one's mail: of an account, of one that had it, of nobody any more."""
    company = scene.company

    def change(verb, account, *arguments):
        return company.postern("user", verb, f"{account}@example.test", *arguments, "--reason", "x",
                               check=False)

    def refused(done):
        request_of(done)
        listed = company.postern("approvals")
        assert "is or was another's" in listed, listed
        assert "refused" in company.second(done.stdout, verb="refuse").stdout

    for name in ("ida", "otto"):
        company.add_user(f"{name}@example.test", PASSWORD)
    assert "changed" in change("set", "ida", "--address", "info@example.test").stdout
    refused(change("set", "otto", "--address", "Info@example.test"))
    refused(change("set", "otto", "--address", "ida@example.test"))
    refused(change("add", "info", "--no-password"))
    assert "changed" in change("set", "ida", "--no-addresses").stdout
    refused(change("set", "otto", "--address", "info@example.test"))
    assert "changed" in change("set", "ida", "--address", "info@example.test").stdout
    (tmp_path / "one.eml").write_bytes(b"From: gone@example.test\r\nSubject: a mirabelle\r\n\r\nHi\r\n")
    company.postern("import", "eml", tmp_path, "--owner", "Gone@example.test", "--reason", "x")
    refused(change("add", "gone", "--no-password"))
    done = change("set", "otto", "--address", "gone@example.test")
    assert company.second(done.stdout).returncode == 0
    line = next(x for x in company.postern("user", "list").splitlines() if x.startswith("otto"))
    assert "gone@example.test" in line


def test_requests_outlive_restarts_and_expire(scene, person):
    company = scene.company
    asked = company.postern("user", "set", ALICE, "--role", "auditor", "--reason", "elected")
    request = re.search(r"^request (\w+) waits", asked, re.M)[1]
    assert company.stop() == 0
    company.start()
    assert request in company.postern("approvals")
    assert "made again" in company.postern("catalog", "rebuild")
    assert "approved and done" in company.second(asked).stdout
    assert role(company, ALICE) == "auditor"
    company.postern("user", "set", ALICE, "--role", "employee", "--reason", "done")


def test_root_is_the_second_person_where_that_is_set(scene, person):
    company = scene.company
    company.postern("user", "set", ADMIN, "--disable", "--reason", "left")
    company.set("second-person", "root")
    before = company.log.read_text().count("second-person-root")
    assert company.stop() == 0
    company.start()
    assert person.login(OFFICER).returncode == 0
    done = person.postern("user", "set", ALICE, "--role", "auditor", "--reason", "alone here")
    assert "root of the machine may say" in done.stdout, done
    assert person.postern("approve", request_of(done), "--reason", "x").returncode == 77
    company._run("logout", text=True)
    done = company._run("approve", request_of(done), "--reason", "there is nobody else", text=True)
    assert done.returncode == 0 and role(company, ALICE) == "auditor", done
    wait_for("the alarm", lambda: company.log.read_text().count("second-person-root") > before)
    done = company._run("user", "set", OFFICER, "--role", "auditor", "--reason", "mine", text=True)
    assert done.returncode == 77 and "nobody else could approve it" in done.stderr, done


def test_the_last_officer_is_the_last_also_when_two_go_at_once(scene):
    company = scene.company
    company.set("second-person", "account")
    assert company.stop() == 0
    company.start()
    company.both("user", "add", SECOND, "--role", "officer", "--password-stdin", "--reason", "hired",
                 input=PASSWORD + "\n")
    going = [threading.Thread(target=company._run, daemon=True, kwargs={"text": True}, args=(
        "user", "set", account, "--disable", "--reason", "left")) for account in (OFFICER, SECOND)]
    for thread in going:
        thread.start()
    for thread in going:
        thread.join(30)
    listed = [x for x in company.postern("user", "list").splitlines() if " officer" in x]
    assert sum("disabled" not in x for x in listed) == 1, listed
