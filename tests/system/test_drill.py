"""A played attack: few are reached, somebody is told, and nothing of it leaves or counts for anybody else."""
import http.server
import re
import subprocess
import threading

import pytest

from company import BUILD, wait_for
from scene import ALICE, PASSWORD, Scene


class Hook(http.server.BaseHTTPRequestHandler):
    """Somebody outside who is told alarms."""

    heard = []

    def do_POST(self):  # noqa: N802 - the library's name
        Hook.heard.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *unused):
        pass


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("drill")
    directory.chmod(0o755)
    hook = directory / "alarm"
    hook.write_text(f'#!/bin/sh\nread -r sentence\necho "$1: $sentence" >>{directory}/alarms\n')
    hook.chmod(0o755)
    s = Scene(directory, limits=True, auth_failure_delay="0s", alert_command=hook, contacts_per_hour="20")
    s.alarms = directory / "alarms"
    table = directory / "table.csv"
    table.write_text("Full Name;E-mail Address\n" + "".join(f"Customer {i};customer{i}@partner.test\n" for i in range(30)))
    s.company.postern("contact", "import", table, "--company")
    yield s
    s.close()


def drill(company, *words, reason="once a year"):
    return company.postern("drill", "stolen-account", *words, "--reason", reason, check=False)


def figure(said, name):
    return next(line.split(":", 1)[1].strip() for line in said.splitlines() if line.startswith(name + ":"))


def test_a_played_attack_reaches_few_and_somebody_is_told(scene):
    company = scene.company
    scene.send("before", to="paula@partner.test")
    wait_for("the letter", lambda: len(scene.receiver.letters()) == 1)
    known = company.postern("account", "show", ALICE)
    done = drill(company)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    taken = int(re.search(r"(\d+) letters were taken", done.stdout)[1])
    assert int(figure(done.stdout, "reached").split()[0]) == taken and 0 < taken <= 50
    assert re.search("nobody here has written|where it had not linked", figure(done.stdout, "suspended"))
    assert "5 networks within a day where it had not been" in figure(done.stdout, "suspended")
    assert "account-suspended: alert-command told, alert-webhook not set" in done.stdout
    assert "signs in from 4 networks where it had not been used: 4 let in" in done.stdout
    assert re.search(r"he reads the company's contacts: \d+, one after the other, until: ", done.stdout)
    assert figure(done.stdout, "result") == "held"
    told = scene.alarms.read_text()
    assert "account-suspended: DRILL: drill-" in told and "contacts-limit: DRILL: drill-" in told
    # Nothing of it left, waits, or can be made to leave.
    wait_for("nothing on its way", lambda: company.status()["backlog.letters"] == "0")
    status = company.status()
    assert status["queue.waiting"] == status["queue.held"] == "0" and len(scene.receiver.letters()) == 1
    account = re.search(r"drill-\w+@example\.test", done.stdout)[0]
    company.sign_in()
    found = wait_for("the index", lambda: company.postern(
        "search", "--reason", "a test", f"from:{account}", "--limit", "3", check=False).stdout)
    letter = re.findall(r"^[0-9a-z]{16}", found, re.M)[0]
    shown = company.postern("show", letter, "--reason", "a test")
    assert "accepted and recorded: a drill, never leaves" in shown and "of a drill, nothing leaves" in shown
    assert "DKIM" not in shown and "attempt" not in shown
    company.sign_in(company.officer)
    acts = company.postern("acts")
    assert "drill begin" in acts and "drill end" in acts and "recipients reached; suspended: " in acts
    company.postern("logout")
    company.postern("queue", "release", letter, check=False)
    # The account is closed for good, and nobody else's figures or acquaintances are others.
    assert re.search(rf"{account}.*(closed|disabled)", company.postern("user", "list"))
    for words in (("user", "set", account, "--enable"), ("user", "set", account, "--address", "x@example.test"),
                  ("delegate", "add", "--from", account, "--to", ALICE, "--reason", "x"),
                  ("delegate", "add", "--from", ALICE, "--to", account, "--reason", "x")):
        assert company.postern(*words, check=False).returncode != 0, words
    assert company.postern("account", "show", ALICE).splitlines()[3:] == known.splitlines()[3:]
    company.postern("catalog", "rebuild")
    company.stop()
    company.start()
    assert company.status()["queue.waiting"] == "0"
    smtp = scene.client()
    smtp.sendmail(ALICE, ["anna.adler0@company0.example"], f"From: {ALICE}\r\n\r\nx\r\n")
    assert "first-time-per-hour" in company.postern("account", "show", ALICE)
    line = next(x for x in company.postern("account", "show", ALICE).splitlines() if x.startswith("first-time-per-hour"))
    assert line.split()[1] == "2", "a stranger whom the drill wrote to is one still"
    company.postern("queue", "cancel", "--all", check=False)


def test_with_a_decoy_one_is_reached_at_most(scene):
    company = scene.company
    made = company.postern("user", "list").count("drill-")
    assert "decoys are off" in drill(company, "--decoy").stderr
    assert company.postern("user", "list").count("drill-") == made, "nothing is left of it"
    company.postern("decoys", "on", "--reason", "a test")
    done = drill(company, "--decoy", "--at-most", "1")
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(figure(done.stdout, "reached").split()[0]) <= 1
    assert "decoy-hit: alert-command told" in done.stdout and "a letter to a decoy" in figure(done.stdout, "suspended")
    assert "hits since the start        0" in company.postern("decoys", "status"), "a drill's counts as none"


def open_drills(company):
    return {line.split()[0] for line in company.postern("user", "list").splitlines()
            if line.startswith("drill-") and not re.search("closed|disabled", line)}


def own_decoys(company):
    return int(re.search(r"in accounts' own contacts +(\d+)", company.postern("decoys", "status"))[1])


def test_one_that_was_cut_off_is_closed_by_the_next(scene):
    """The command line and the gateway are killed: neither account nor decoy is left."""
    company = scene.company
    cut = subprocess.Popen([BUILD / "postern", "-c", company.config, "drill", "stolen-account", "--decoy", "--networks", "20",
                            "--reason", "cut off"], stdout=subprocess.DEVNULL)
    account, = wait_for("the account", lambda: open_drills(company))
    cut.kill()
    cut.wait()
    wait_for("its decoy", lambda: own_decoys(company) == 1)
    company.stop()
    company.start()
    assert open_drills(company) == {account}
    assert own_decoys(company) == 1
    drill(company, "--letters", "1", "--networks", "0")
    assert not open_drills(company) and own_decoys(company) == 0


def test_a_gateway_that_tells_nobody_or_lets_many_through_fails(scene):
    company = scene.company
    assert "--reason" in drill(company, reason="").stderr
    company.set("alert-command", "/bin/false")
    company.set("suspend-score", "0")
    company.stop()
    company.start()
    assert "signs:     0 points, and signs suspend nobody (suspend-score = 0)" in company.postern("account", "show", ALICE)
    done = drill(company, "--letters", "45", "--networks", "0")
    assert done.returncode == 1 and figure(done.stdout, "suspended") == "NO", done.stdout
    assert figure(done.stdout, "result").startswith("NOBODY WAS TOLD")
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    company.set("suspend-score", "100")
    company.set("alert-webhook", f"http://127.0.0.1:{server.server_port}/")
    company.stop()
    company.start()
    done = drill(company, "--at-most", "3")
    assert done.returncode == 1 and figure(done.stdout, "result").startswith("TOO MANY"), done.stdout
    assert "account-suspended: alert-command FAILED, alert-webhook told" in done.stdout
    assert any("DRILL: " in body for body in Hook.heard)
    server.shutdown()
    company.sign_in(company.officer)
    assert PASSWORD not in company.postern("acts")
