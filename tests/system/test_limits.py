"""How much an account may send: before 250, after a restart, and by a rule of its own."""
import datetime
import email
import email.mime.text
import os
import smtplib
import socket
import subprocess

import pytest

import mmdb
import variety
from company import BUILD, ROOT, wait_for
from scene import ALICE, PASSWORD, Client, Scene

FIRST_TIME = 40  # within an hour, by default


def letter(number, to):
    message = email.mime.text.MIMEText(f"Dear reader {number},\nkind regards\n")
    message["From"], message["To"], message["Subject"] = ALICE, ", ".join(to), f"Offer {number}"
    message["Message-ID"] = f"<{number}.{to[0]}>"
    return message.as_string()


def send(smtp, number, *to):
    """The reply to one letter: its code and its sentence."""
    try:
        smtp.sendmail(ALICE, to, letter(number, to))
        return 250, ""
    except smtplib.SMTPDataError as e:
        return e.smtp_code, e.smtp_error.decode()


@pytest.fixture
def scene(tmp_path):
    s = Scene(tmp_path, limits=True)
    try:
        yield s
    finally:
        s.close()


def sent(company, limit):
    """What `account show` says: sent, allowed."""
    rows = [line.split() for line in company.postern("account", "show", ALICE).splitlines()]
    return next(row[1:] for row in rows if row and row[0] == limit)


def test_an_account_reaches_its_limit_and_no_further(scene):
    company = scene.company
    told = company.directory / "told"
    command = company.directory / "alert"
    command.write_text(f'#!/bin/sh\nexec >> "{told}"\necho "$1"\ncat\n')
    command.chmod(0o755)
    told.touch()
    told.chmod(0o666)
    company.set("alert-command", command)
    company.stop()
    company.start()
    smtp = scene.client()
    assert send(smtp, 0, ALICE, "colleague@example.test")[0] == 250  # who is inside counts as nobody
    replies = [send(smtp, i, f"stranger{i}@partner.test") for i in range(1, FIRST_TIME + 6)]
    assert [code for code, _ in replies] == [250] * FIRST_TIME + [452] * 5
    assert replies[-1][1].startswith("4.5.3 Not sent, and nothing is lost: your account may send to 40 recipients "
                                     "to whom nobody here has written before within an hour. Send it again in ")
    # Whom somebody wrote to is known: that goes on.
    assert send(smtp, 100, "Stranger1@partner.test", "stranger2@partner.test", "stranger2@partner.test")[0] == 250
    assert sent(company, "first-time-per-hour") == ["40", "40"]
    assert sent(company, "recipients-per-day")[0] == "42" and sent(company, "addresses-per-day")[0] == "40"
    assert sent(company, "letters-per-day")[0] == "42"
    # The person responsible is told once, not for each letter; the log names nobody.
    wait_for("the alarm", lambda: told.read_text())
    assert told.read_text().count("account-limit") == 1 and ALICE in told.read_text()
    log = company.log.read_text()
    assert "event=limits.reached limit=first-time-per-hour" in log and ALICE not in log
    # A restart forgets nothing, and neither does a catalog made anew.
    smtp.quit()
    for rebuild in (False, True):
        if rebuild:
            company.postern("catalog", "rebuild")
        company.stop()
        company.start()
        smtp = scene.client()
        assert send(smtp, 200, "stranger200@partner.test")[0] == 452
        assert send(smtp, 201 + rebuild, "stranger3@partner.test")[0] == 250
        smtp.quit()
    assert sent(company, "letters-per-day")[0] == "44" and sent(company, "first-time-per-hour")[0] == "40"


def test_higher_limits_have_a_reason_and_an_end(scene, tmp_path):
    company = scene.company
    smtp = scene.client()
    to = [f"reader{i}@partner.test" for i in range(60)]
    assert send(smtp, 1, *to)[0] == 452
    tomorrow = (datetime.date.today() + datetime.timedelta(days=1)).isoformat()

    def limits(*words):
        return company.postern("account", "limits", ALICE, *words, check=False)

    assert "say why" in limits("--first-time-per-hour", 500, "--until", tomorrow).stderr
    assert "is over" in limits("--first-time-per-hour", 500, "--until", "2020-01-01", "--reason", "x").stderr
    done = limits("--first-time-per-hour", 500, "--first-time-per-day", 500, "--until", tomorrow, "--reason",
                  "Invitations to the fair")
    assert done.returncode == 0, done.stderr
    assert send(smtp, 1, *to)[0] == 250
    shown = company.postern("account", "show", ALICE)
    assert "its own, until" in shown and "Invitations to the fair" in shown
    assert sent(company, "first-time-per-hour") == ["60", "500", "its", "own"]
    company.sign_in(company.officer)
    acts = company.postern("acts")
    assert "account limits" in acts and "first-time-per-hour 500, first-time-per-day 500, until" in acts
    assert limits("--none", "--reason", "The fair is over").returncode == 0
    assert send(smtp, 2, "somebody@partner.test")[0] == 452
    smtp.quit()


def test_whom_an_imported_letter_went_to_is_known(scene, tmp_path):
    company = scene.company
    known = [f"customer{i}@partner.test" for i in range(50)]
    mbox = tmp_path / "old.mbox"
    mbox.write_text("".join(f"From {ALICE} Mon Jan  5 09:00:00 2026\nFrom: Alice <{ALICE}>\nTo: {who}\n"
                            f"Date: Mon, 5 Jan 2026 09:00:00 +0000\nSubject: Hello\n\nHello {who}\n\n" for who in known))
    company.postern("import", "mbox", mbox, "--owner", ALICE)
    smtp = scene.client()
    for i, who in enumerate(known):
        assert send(smtp, i, who)[0] == 250
    assert sent(company, "first-time-per-hour")[0] == "0"
    assert sent(company, "letters-per-hour")[0] == "50"  # the imported ones count nowhere
    smtp.quit()


def test_one_letter_to_everybody_who_is_known_is_put_off(scene, tmp_path):
    """What a thief finds among the contacts: nobody is new, no limit is reached, and all of it would leave at once."""
    company = scene.company
    known = [f"customer{i}@partner.test" for i in range(300)]
    mbox = tmp_path / "old.mbox"
    mbox.write_text("".join(f"From {ALICE} Mon Jan  5 09:00:00 2026\nFrom: Alice <{ALICE}>\nTo: {', '.join(known[i:i + 30])}\n"
                            f"Date: Mon, 5 Jan 2026 09:00:00 +0000\nSubject: Hello\n\nHello\n\n" for i in range(0, 300, 30)))
    company.postern("import", "mbox", mbox, "--owner", ALICE)
    smtp = scene.client()
    assert send(smtp, 1, *known[:40])[0] == 250  # as offices do
    for n in (2, 3):
        code, sentence = send(smtp, n, *known)
        assert code == 452 and "it goes to 300 recipients outside" in sentence and "Ask your mail administrator" in sentence
    assert send(smtp, 4, known[0])[0] == 250  # and nobody is suspended for it
    assert send(smtp, 5, *known[40:84])[0] == 250
    for _ in range(3):  # nor does it help to say it again
        code, sentence = send(smtp, 6, *known[84:128])
        assert code == 452 and "it goes to 44 recipients outside, of 128 within an hour" in sentence
    assert send(smtp, 7, known[290])[0] == 250  # what was put off counts nowhere
    assert "suspended" not in company.postern("account", "show", ALICE)
    wait_for("the officer to hear of it", lambda: company.log_tail(400).count("event=limits.large") == 5)
    wait_for("the letters", lambda: company.status()["backlog.letters"] == "0")
    reached = {to["address"] for envelope, _ in scene.receiver.letters() for to in envelope["to"]}
    assert reached == set(known[:84]) | {known[290]}
    # By a rule of its own it may, and by no more than that.
    tomorrow = (datetime.date.today() + datetime.timedelta(days=1)).isoformat()
    company.postern("account", "limits", ALICE, "--recipients-per-hour", "30", "--until", tomorrow, "--reason", "Stricter")
    assert send(smtp, 8, *known[:48])[0] == 452
    company.postern("account", "limits", ALICE, "--recipients-per-hour", "600", "--until", tomorrow, "--reason", "The fair")
    assert send(smtp, 9, *known[:100])[0] == 250
    assert "suspended" not in company.postern("account", "show", ALICE)


def test_links_to_new_hosts_are_a_sign(scene):
    company, smtp = scene.company, scene.client()

    def link(*hosts):
        ids = [scene.send(host, text=f"See http://{host}.test/x\n", smtp=smtp)[0] for host in hosts]
        wait_for("all that is known of them", lambda: company.status()["backlog.letters"] == "0")
        return ids

    ids = link("shop", "shop", "one", "two", "three", "four", "five")
    assert "links to    five.test" in company.show(ids[-1])
    assert "5 letters within an hour with links to where it had not linked before" in company.postern("account", "show", ALICE)
    # What is known outlives the catalog.
    company.postern("catalog", "rebuild")
    company.stop()
    company.start()
    smtp = scene.client()
    link("one", "two", "three", "four", "five")
    assert "5 letters within an hour with links to where it had not linked before" in company.postern("account", "show", ALICE)
    # What was before a release counts no more, also when it is counted anew.
    company.postern("account", "suspend", ALICE, "--reason", "Somebody else wrote that")
    company.postern("account", "release", ALICE, "--reason", "It was her")
    smtp = scene.client()
    link("six")
    company.stop()
    company.start()
    shown = company.postern("account", "show", ALICE)
    assert "signs:     0 of 100 points\n" in shown, shown
    assert sent(company, "letters-per-hour")[0] == "1"


class From(Client):
    """A client at another address of loopback."""

    source = ""

    def _get_socket(self, host, port, timeout):
        sock = socket.create_connection(("127.0.0.1", port), timeout, (self.source, 0))
        return self.context.wrap_socket(sock, server_hostname=host)


def test_countries_and_travels_are_signs(tmp_path):
    database = tmp_path / "places.mmdb"
    mmdb.write(database, {"127.0.1.0/24": mmdb.place("DE", 52.5, 13.4), "127.0.2.0/24": mmdb.place("AU", -33.9, 151.2)})
    scene = Scene(tmp_path, limits=True, geo_database=database)
    company = scene.company

    def client(source):
        smtp = type("There", (From,), {"source": source})(company.hostname, company.submissions, context=company.context(), timeout=30)
        smtp.login(ALICE, PASSWORD)
        return smtp

    def shown():
        return company.postern("account", "show", ALICE)

    try:
        letter_id, _ = scene.send("From home", smtp=client("127.0.1.1"))
        wait_for("the letter", lambda: "127.0.1.1 in DE" in company.show(letter_id))
        client("127.0.1.200").quit()
        assert "countries" not in shown() and "travels" not in shown()
        smtp = client("127.0.2.1")
        assert "used from 1 countries within a day where it had not been before" in shown()
        assert "changed 1 times between places faster than anybody travels" in shown()
        scene.send("From far away", smtp=smtp)
        # Known from then on, also after a restart.
        company.stop()
        company.start()
        client("127.0.2.7").quit()
        client("127.0.9.1").quit()  # nobody knows where that is
        assert "used from 1 countries within a day where it had not been before" in shown()
        # A database that cannot be read is an alarm, and no reason to keep anybody out.
        database.write_bytes(b"none")
        company.stop()
        company.start()
        assert "alert=geo-database " in company.log.read_text()
        client("127.0.1.1").quit()
    finally:
        scene.close()


# ── a stolen account ──

PHRASES = ("Your mailbox is almost full and must be confirmed", "An invoice is overdue and will be collected",
           "You have been chosen for a prize of five thousand", "Somebody shared a document with you just now",
           "Your parcel waits at the depot until tomorrow", "We could not verify your payment details")


def phishing(number):
    """What an offender writes: of real spam where the corpora are, otherwise made up; never the same twice."""
    folder = variety.CORPORA / "spamassassin" / "spam-1"
    files = sorted(f for f in folder.glob("*") if f.is_file()) if folder.exists() else []
    if not files:
        return f"{PHRASES[number % 6]}.\n{PHRASES[number * 5 % 6]}: http://site{number}.evil.test/{number}\n" * 2
    text = files[number % len(files)].read_text("latin-1").partition("\n\n")[2][:3000]
    return "".join(c if c == "\n" or " " <= c < "\x7f" else " " for c in text) + f"\nhttp://site{number}.evil.test/\n"


def lines(company, event):
    return [line for line in company.log.read_text().splitlines() if f"event={event} " in line]


def test_a_stolen_account_reaches_few_and_is_suspended(scene):
    company, receiver = scene.company, scene.receiver
    smtp = scene.client()
    assert send(smtp, 0, "customer@partner.test")[0] == 250  # an account that has been used
    wait_for("the first letter", lambda: len(receiver.letters()) == 1)
    codes, sentence = [], ""
    for i in range(10000):
        message = email.mime.text.MIMEText(phishing(i))
        message["From"], message["To"], message["Subject"] = ALICE, f"victim{i}@partner.test", f"Re: {i}"
        try:
            smtp.sendmail(ALICE, [f"victim{i}@partner.test"], message.as_string())
            codes.append(250)
        except smtplib.SMTPDataError as e:
            codes.append(e.smtp_code)
            sentence = e.smtp_error.decode()
        except smtplib.SMTPException:
            codes.append(0)
        if codes[-1] in (0, 421):  # his sessions are ended as soon as it is known, and he signs in again
            smtp = scene.client()
        if "suspended" in sentence:
            break
    assert "sending from your account is suspended" in sentence and codes[-1] == 450
    assert codes.count(250) <= 50, codes
    # Whoever signs in again learns why, and sends nothing; what is still here is held.
    with pytest.raises(smtplib.SMTPException):
        smtp.sendmail(ALICE, ["x@partner.test"], letter(1, ["x@partner.test"]))
    again = scene.client()
    assert send(again, 2, "colleague@example.test")[0] == 450
    wait_for("nothing on its way but the notice to its holder, whose server nobody finds here",
             lambda: company.status()["backlog.letters"] == "0" and company.status()["queue.in_hand"] in "01")
    reached = len({str(who) for envelope, _ in receiver.letters() for who in envelope["to"]}) - 1
    assert reached <= 50, reached
    print(f"\nreached {reached} of 10000 outside, {codes.count(250)} letters were taken")
    assert lines(company, "account.suspended") and ALICE not in company.log.read_text()
    shown = company.postern("account", "show", ALICE)
    assert "suspended: since" in shown and "by its signs" in shown and "nobody here has written" in shown
    # It outlives a restart, and another person ends it.
    company.stop()
    company.start()
    again = scene.client()
    assert send(again, 3, "customer@partner.test")[0] == 450
    assert "--reason" in company.postern("account", "release", ALICE, check=False).stderr
    said = company.postern("account", "release", ALICE, "--reason", "New password, machine cleaned", "--cancel-held")
    assert "sends again; letters cancelled: " in said
    assert send(again, 4, "customer@partner.test")[0] == 250
    assert "suspended" not in company.postern("account", "show", ALICE)
    company.sign_in(company.officer)
    acts = [line for line in company.postern("acts", "--limit", "200").splitlines() if "account suspended" in line]
    assert len(acts) == 1 and ALICE in acts[0] and "postern" in acts[0]


def test_a_person_suspends_and_what_waits_is_held(scene):
    company, receiver = scene.company, scene.receiver
    smtp = scene.client()
    company.postern("queue", "pause")
    assert send(smtp, 1, "paula@partner.test")[0] == 250
    wait_for("a row", lambda: company.status()["queue.waiting"] == "1")
    company.kill()  # what was sent before is known afterwards
    company.start()
    company.postern("account", "suspend", ALICE, "--reason", "Her notebook was stolen")
    assert company.status()["queue.held"] == "1"
    company.kill()
    company.start()
    assert company.status()["queue.held"] == "1"
    company.postern("account", "suspend", ALICE, "--reason", "The police say so too")
    company.postern("queue", "resume")
    assert " held " in company.postern("queue", "list")
    said = company.postern("account", "release", ALICE, "--reason", "It was found", "--send-held")
    assert said.endswith("letters on their way: 1\n")
    wait_for("the letter", lambda: receiver.letters())
    company.sign_in(company.officer)
    assert {"account suspend", "account release"} <= set(
        next(v for v in ("account suspend", "account release") if v in line) for line in
        company.postern("acts").splitlines() if "account suspend" in line or "account release" in line)


@pytest.mark.parametrize("first, what", [(None, "--cancel-held"), (None, "--send-held"), (None, None), ("--cancel-held", "--send-held")])
def test_a_release_counts_for_what_was_not_decided_meanwhile(scene, first, what):
    """A letter that nobody could look at while its sender was suspended goes the way of the others, also after a restart; and what cancelled it
    once counts, whatever a later release says."""
    company, receiver = scene.company, scene.receiver
    text = company.config.read_text()

    def came(to):
        return any(to == who["address"] for envelope, _ in receiver.letters() for who in envelope["to"])

    company.stop()
    company.set("clamd", "127.0.0.1:9")  # nobody
    company.start()
    smtp = scene.client()
    assert send(smtp, 1, "paula@partner.test")[0] == 250
    wait_for("the letter to wait", lambda: company.status()["backlog.letters"] == "1")
    for release in [first, what] if first else [what]:
        company.postern("account", "suspend", ALICE, "--reason", "Her notebook was stolen")
        company.postern("account", "release", ALICE, "--reason", "New password", *([release] if release else []))
    assert company.status()["backlog.letters"] != "0"
    company.stop()
    company.config.write_text(text)
    company.start()
    wait_for("a decision", lambda: company.status()["backlog.letters"] == "0")
    assert send(scene.client(), 2, "karl@partner.test")[0] == 250  # what she sends since then goes
    wait_for("the second letter", lambda: came("karl@partner.test"))
    if what == "--send-held" and not first:
        wait_for("the first letter", lambda: came("paula@partner.test"))
    else:
        assert not came("paula@partner.test")
    assert (" held " in company.postern("queue", "list", check=False).stdout) == (what is None)


def notices(scene, subject):
    return [(m["To"], m.get_payload(decode=True).decode()) for _, octets in scene.receiver.letters()
            if (m := email.message_from_bytes(octets))["Subject"] == subject]


class Away(Client):
    """A mail program in another network."""

    def __init__(self, source, company):
        self.source = source
        super().__init__(company.hostname, company.submissions, context=company.context(),
                         local_hostname="client.example.test", timeout=30)

    def _get_socket(self, host, port, timeout):
        sock = socket.create_connection(("127.0.0.1", port), timeout, (self.source, 0))
        return self.context.wrap_socket(sock, server_hostname=host)


@pytest.mark.long
def test_nobody_is_suspended_in_four_thousand_years():
    """The model of office mail, played by twenty seeds of 200 person-years each."""
    played = subprocess.run([BUILD / "stages_limits_traffic_test"], capture_output=True, text=True, timeout=3000,
                            env={**os.environ, "TRAFFIC_SEEDS": "20", "CORPUS": str(ROOT / "tests" / "corpus")})
    print(played.stdout + played.stderr)
    assert played.returncode == 0 and "4000 years" in played.stdout + played.stderr


def test_the_holder_is_told_and_a_thief_learns_nothing(scene):
    """By mail to the account's own address and to another one, of a new network and of a suspension."""
    company = scene.company
    company.postern("user", "set", ALICE, "--notify", "alice.home@partner.test")
    assert "is no address" in company.postern("user", "set", ALICE, "--notify", "x y", check=False).stderr
    smtp = scene.client()
    assert not notices(scene, "A sign-in from a new place"), "nobody is told of the first one"
    assert send(smtp, 1, "customer@partner.test")[0] == 250
    smtp.quit()
    for number in (1, 1, 2, 3, 4, 5):  # the second time it is no news, and three a day are enough
        smtp = Away(f"127.{number}.0.1", company)
        smtp.login(ALICE, PASSWORD)
        smtp.close()
    told = wait_for("the notices", lambda: len(found := notices(scene, "A sign-in from a new place")) >= 3 and found)
    assert {to for to, _ in told} == {"alice.home@partner.test"} and len(told) == 3
    assert any("127.1.0.1" in text and "with its main password" in text for _, text in told)
    company.postern("account", "suspend", ALICE, "--reason", "Her notebook was stolen in Rome")
    told = wait_for("the notice", lambda: notices(scene, "Your account sends no letters"))
    assert told[0][0] == "alice.home@partner.test" and "call your mail administrator" in told[0][1]
    assert "Rome" not in told[0][1] and "point" not in told[0][1] and "network" not in told[0][1]
    assert company.status()["accounts.no_second_factor"] != "0" and company.status()["accounts.second_factor"] == "0"
    company.postern("user", "set", ALICE, "--notify", "none")
