"""Accounts from a directory: a real slapd with TLS says who there is, and whether a password is right."""
import contextlib
import re
import signal
import smtplib
import socket
import threading
import time

import pytest

import slapd
from company import CA, free_port, wait_for
from scene import PASSWORD as LOCAL_PASSWORD
from scene import Client, Scene
from slapd import BASE, GROUPS, PEOPLE, READER, READER_PASSWORD, Slapd, group, person

pytestmark = pytest.mark.skipif(slapd.MISSING is not None, reason=str(slapd.MISSING))

ANNA, BOB, CARL, DORA, EVE = (f"{n}@example.test" for n in ("anna", "bob", "carl", "dora", "eve"))
REFUSED = (535, b"5.7.8")

TREE = "".join([
    person("anna", None, None, "proxyAddresses: SMTP:Anna@Example.test",
           "proxyAddresses: smtp:a.example@example.test", "proxyAddresses: x500:/o=Example/cn=anna",
           "mail: anna@elsewhere.test"),
    person("bob"), person("carl"), person("dora"), person("eve"),
    person("fred"), person("gwen"), person("hugo"),
    group("sales", "anna", "bob"), group("audit", "carl"), group("mail", "dora"),
])


def section(name, server, folder, **more):
    (folder / f"{name}-password").write_text(READER_PASSWORD + "\n")
    rows = {"server": f"127.0.0.1:{server.port}", "tls-name": slapd.NAME, "bind-dn": READER,
            "bind-password-file": folder / f"{name}-password", "base": PEOPLE,
            "interval": "1d", "timeout": "2s",
            **{key.replace("_", "-"): value for key, value in more.items()}}
    return f"\n[directory {name}]\n" + "".join(f"{key} = {value}\n" for key, value in rows.items())


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("directory")
    authority = CA(folder / "company" / "ca")
    server = Slapd(folder / "slapd", authority, TREE)
    scene = Scene(folder, sections=section(
        "office", server, folder, trust_store=authority.certificate,
        auditor_group=f'"cn=audit,{GROUPS}"', administrator_group=f'"cn=mail,{GROUPS}"',
        group=f'"sales: cn=sales,{GROUPS}"'), auth_failures="10000", auth_failures_window="1s",
        auth_failure_delay="10ms")
    scene.server = server
    wait_for("the first synchronisation", lambda: "people; accounts" in status(scene))
    alias = person("alias", "alice@example.test")  # a local account's
    server.change(alias.replace("objectClass", "changetype: add\nobjectClass", 1))
    yield scene
    scene.close()
    server.stop()


def status(scene):
    return scene.company.postern("directory", "status", check=False).stdout


def sync(scene, *more):
    return scene.company.postern("directory", "sync", "office", *more)


def users(scene):
    """{account: the rest of its line}"""
    lines = scene.company.postern("user", "list").splitlines()[1:]
    return {line.split()[0]: line.split(None, 1)[1] for line in lines}


def sign_in(scene, user, password=None):
    """Reply code and text of a sign-in by PLAIN."""
    company = scene.company
    with contextlib.closing(Client(company.hostname, company.submissions, context=company.context(),
                                   timeout=60)) as smtp:
        smtp.ehlo()
        smtp.user, smtp.password = user, password or f"the password of {user.split('@')[0]}"
        try:
            return smtp.auth("PLAIN", smtp.auth_plain)
        except smtplib.SMTPAuthenticationError as refused:
            return refused.smtp_code, refused.smtp_error


def test_accounts_are_made_with_addresses_roles_and_groups(scene):
    found = users(scene)
    assert {ANNA, BOB, CARL, DORA, EVE} <= set(found)
    assert "active (office)" in found[ANNA] and "a.example@example.test" in found[ANNA]
    assert "elsewhere" not in found[ANNA] and "x500" not in found[ANNA]
    assert "sales" in found[ANNA] and "sales" in found[BOB] and "sales" not in found[CARL]
    assert found[CARL].startswith("auditor") and found[DORA].startswith("administrator")
    assert found[EVE].startswith("employee") and "Eve Example" in found[EVE]
    scene.company.sign_in()
    acts = scene.company.postern("acts", "--by", "directory office", "--limit", "50")
    assert len(re.findall("user add", acts)) == 8, acts
    assert "left out: alice@example.test is another account's" in scene.company.postern(
        "directory", "test", "office")
    assert "(office)" not in found["alice@example.test"]


def test_members_of_groups_within_groups_count(scene):
    """Groups may hold each other."""
    nested = "".join(f"\ndn: cn={name},{GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: {name}\n"
                     + "".join(f"member: {m}\n" for m in members)
                     for name, members in (("north", [f"uid=fred,{PEOPLE}", f"cn=ring,{GROUPS}"]),
                                           ("ring", [f"cn=north,{GROUPS}", f"CN=Ring,{GROUPS}", f"uid=gwen,{PEOPLE}"])))
    scene.server.change(nested)
    scene.server.change(f"dn: cn=sales,{GROUPS}\nchangetype: modify\nadd: member\nmember: cn=north,{GROUPS}\n")
    sync(scene)
    assert "sales" not in users(scene)["fred@example.test"]  # groups within count for nothing as it is set
    text = scene.company.config.read_text()
    scene.company.config.write_text(text.replace(f"\nbase = {PEOPLE}\n", f"\nbase = {PEOPLE}\ngroup-base = {GROUPS}\n"))
    reload(scene)
    sync(scene)
    found = users(scene)
    assert "sales" in found["fred@example.test"] and "sales" in found["gwen@example.test"] and "sales" in found[ANNA]
    assert "sales" not in found["hugo@example.test"]
    scene.company.config.write_text(text)
    reload(scene)
    scene.server.change(f"dn: cn=sales,{GROUPS}\nchangetype: modify\ndelete: member\nmember: cn=north,{GROUPS}\n")
    sync(scene)
    assert "sales" not in users(scene)["gwen@example.test"] and "sales" in users(scene)[ANNA]


def reload(scene):
    log = scene.company.log
    before = log.read_text().count("event=config.reloaded")
    scene.company.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: log.read_text().count("event=config.reloaded") > before)


def test_the_directory_says_whether_a_password_is_right(scene):
    assert sign_in(scene, ANNA)[0] == 235
    assert sign_in(scene, "ANNA@Example.test", "the password of anna")[0] == 235
    code, text = sign_in(scene, BOB, "the password of anna")
    assert (code, text[:5]) == REFUSED
    letter = f"From: {ANNA}\r\nTo: paula@partner.test\r\nSubject: From the directory\r\n\r\nKind regards\r\n"
    smtp = client(scene, ANNA)
    smtp.sendmail(ANNA, ["paula@partner.test"], letter)
    with pytest.raises(smtplib.SMTPException):  # it is its own, and nobody else's
        smtp.sendmail(BOB, ["paula@partner.test"], letter.replace(ANNA, BOB))
    assert sign_in(scene, "alice@example.test", LOCAL_PASSWORD)[0] == 235
    bind = [line for line in scene.server.said().splitlines() if 'method=128' in line]
    assert any(f'dn="uid=anna,{PEOPLE}"' in line for line in bind)
    refused = scene.company.postern("user", "set", ANNA, "--password-stdin", check=False,
                                    input="a long new password of hers\n")
    assert refused.returncode and "it is changed there" in refused.stderr


def client(scene, user):
    company = scene.company
    smtp = Client(company.hostname, company.submissions, context=company.context(),
                  local_hostname="client.example.test", timeout=60)
    smtp.login(user, f"the password of {user.split('@')[0]}")
    return smtp


def test_nothing_in_a_name_means_something(scene):
    """What a client calls itself never comes near a filter."""
    for user in ("*)(uid=*", "anna)(|(uid=*", f"uid=anna,{PEOPLE}", "anna", "*"):
        assert sign_in(scene, user, "the password of anna")[0] == 535, user
    words = [line for line in scene.server.said().splitlines() if "filter=" in line]
    assert words and not any("uid=" in line for line in words)


def test_an_empty_password_is_never_said(scene):
    """slapd takes a bind without a password for one of nobody, and says yes."""
    said = len(scene.server.said())
    company = scene.company
    with contextlib.closing(Client(company.hostname, company.submissions, context=company.context(),
                                   timeout=60)) as smtp:
        smtp.ehlo()
        code, _ = smtp.docmd("AUTH PLAIN", "AGV2ZUBleGFtcGxlLnRlc3QA")  # eve, and nothing
        assert code in (535, 501)
    assert f'BIND dn="uid=eve,{PEOPLE}"' not in scene.server.said()[said:]
    assert sign_in(scene, EVE)[0] == 235


def test_what_changes_there_changes_here(scene):
    server = scene.server
    server.modify("bob", "replace: mail", "mail: robert@example.test")
    server.change(f"dn: uid=eve,{PEOPLE}\nchangetype: moddn\nnewrdn: uid=eva\ndeleteoldrdn: 1\n"
                  f"newsuperior: ou=moved,{PEOPLE}\n")
    assert sign_in(scene, EVE)[0] == 235  # moved, and nobody has synchronised
    server.change(f"dn: cn=audit,{GROUPS}\nchangetype: modify\nreplace: member\n"
                  f"member: uid=gwen,{PEOPLE}\n")
    server.modify("fred", "add: userAccountControl", "userAccountControl: 514")
    assert sign_in(scene, "fred@example.test")[0] == 535  # at once
    server.change(f"dn: uid=hugo,{PEOPLE}\nchangetype: delete\n")
    test = scene.company.postern("directory", "test", "office")
    assert "would be: 0 added, 3 changed, 2 closed" in test, test
    assert "active (office)" in users(scene)["hugo@example.test"]
    said = sync(scene)
    assert "close hugo@example.test: gone from the directory" in said
    assert "close fred@example.test: locked in the directory" in said
    found = users(scene)
    assert "robert@example.test" in found[BOB] and EVE in found
    assert found[CARL].startswith("employee") and found["gwen@example.test"].startswith("auditor")
    assert "disabled (office)" in found["hugo@example.test"]
    assert sign_in(scene, "hugo@example.test")[0] == 535
    server.modify("fred", "replace: userAccountControl", "userAccountControl: 512")
    assert "open fred@example.test" in sync(scene)
    assert sign_in(scene, "fred@example.test")[0] == 235
    assert "0 added, 0 changed, 0 closed, 0 opened" in sync(scene)


def test_what_a_closed_account_has_left_ends_when_it_is_looked_at_again(scene):
    """Not only with the closing: that may have failed, or something came to be left later."""
    company, hugo = scene.company, "hugo@example.test"

    def given():
        return f" {hugo} " in company.postern("delegate", "list", check=False).stdout

    assert "disabled (office)" in users(scene)[hugo]
    company.both("user", "set", "alice@example.test", "--address", hugo, "--reason", "instead of him")
    company.both("delegate", "add", "--from", hugo, "--to", ANNA, "--reason", "holidays")
    sync(scene)
    assert given()  # Alice has the address
    company.postern("user", "set", "alice@example.test", "--no-addresses", "--reason", "no more")
    company.postern("directory", "test", "office")
    assert given()
    sync(scene)
    assert not given()
    company.sign_in()
    assert f"{hugo} to {ANNA}" in company.postern("acts", "--by", "directory office", "--limit", "50")


def test_many_that_would_be_closed_want_a_person(scene):
    """A filter that is wrong, or a server that shows less than it did, closes nobody."""
    server = scene.server
    server.change(f"dn: ou=gone,{BASE}\nchangetype: add\nobjectClass: organizationalUnit\nou: gone\n")
    for uid in ("anna", "bob", "carl", "gwen", "fred"):
        server.change(f"dn: uid={uid},{PEOPLE}\nchangetype: moddn\nnewrdn: uid={uid}\n"
                      f"deleteoldrdn: 0\nnewsuperior: ou=gone,{BASE}\n")
    done = scene.company.postern("directory", "sync", "office", check=False)
    assert done.returncode and "postern directory sync office --close 5" in done.stderr, done
    assert "active (office)" in users(scene)[ANNA]
    assert "alert=directory-closes" in scene.company.log.read_text()
    assert "5 closed" in sync(scene, "--close", "5")
    assert "disabled (office)" in users(scene)[ANNA]
    for uid in ("anna", "bob", "carl", "gwen", "fred"):
        server.change(f"dn: uid={uid},ou=gone,{BASE}\nchangetype: moddn\nnewrdn: uid={uid}\n"
                      f"deleteoldrdn: 0\nnewsuperior: {PEOPLE}\n")
    assert "5 opened" in sync(scene)


def test_a_server_that_is_away_is_no_wrong_password(scene):
    scene.server.stop()
    try:
        code, text = sign_in(scene, CARL)
        assert (code, text[:5]) == (454, b"4.7.0")
        assert sign_in(scene, "nobody@example.test", "whatever it is")[0] == 454  # as for those it has
        assert sign_in(scene, "alice@example.test", LOCAL_PASSWORD)[0] == 235
        done = scene.company.postern("directory", "sync", "office", check=False)
        assert done.returncode and "active (office)" in users(scene)[CARL]
        assert "it failed" in status(scene)
    finally:
        scene.server.start()
    assert sign_in(scene, CARL)[0] == 235


def test_a_certificate_of_another_name_is_shown_no_password(scene, tmp_path):
    other = Slapd(tmp_path / "other", scene.company.authority, TREE, name="other.example.test")
    try:
        config = scene.company.config
        before = config.read_text()
        config.write_text(before + section("liar", other, tmp_path,
                                           trust_store=scene.company.authority.certificate))
        scene.company.process.send_signal(1)
        done = wait_for("the reload", lambda: tried(scene, "liar"))
        assert "certificate does not convince" in done.stderr, done
        assert "BIND" not in other.said()
        config.write_text(before)
        scene.company.process.send_signal(1)
    finally:
        other.stop()


ANSWER = bytes.fromhex("300c02010178070a010004000400")  # STARTTLS, yes
LIES = {
    "it hangs": b"",
    "it refuses": bytes.fromhex("300c02010178070a010204000400"),
    "it talks on": ANSWER + bytes.fromhex("300c02010261070a010004000400"),  # and "you are signed in"
    "it speaks in cleartext": ANSWER,
    "it speaks of lengths": bytes.fromhex("3084ffffffff020101"),
    "it speaks for ever": bytes.fromhex("3080") + b"\x02\x01\x01" * 40000,
    "it is no directory": b"220 mail.example.test ESMTP\r\n" * 1000,
}


@contextlib.contextmanager
def liar(answer):
    """Answers what it is asked first so, and then with the same bytes again; `heard` is what it was told."""
    heard = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                with listening.accept()[0] as sock, contextlib.suppress(OSError):
                    sock.settimeout(10)
                    while part := sock.recv(65536):
                        heard.append(part)
                        sock.sendall(answer)

    with socket.create_server(("127.0.0.1", free_port())) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], heard


def test_who_speaks_before_tls_is_told_nothing(scene, tmp_path):
    config = scene.company.config
    before = config.read_text()
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: (config.write_text(before), scene.company.process.send_signal(1)))
        liars = {name: stack.enter_context(liar(answer)) for name, answer in LIES.items()}
        sections = ""
        for n, (port, _) in enumerate(liars.values()):
            sections += section(f"liar{n}", scene.server, tmp_path, tls="starttls", interval="7d",
                                trust_store=scene.company.authority.certificate).replace(
                f":{scene.server.port}", f":{port}").replace("timeout = 2s", "timeout = 500ms")
        config.write_text(before + sections)
        scene.company.process.send_signal(1)
        wait_for("the reload", lambda: tried(scene, "liar0"))
        for n, (name, (_, heard)) in enumerate(liars.items()):
            done = scene.company.postern("directory", "test", f"liar{n}", check=False)
            assert done.returncode and "127.0.0.1:" in done.stderr, (name, done)
            said = b"".join(heard)
            assert b"1.3.6.1.4.1.1466.20037" in said, name
            assert b"reader password" not in said and b"cn=postern" not in said, name
        assert sign_in(scene, CARL)[0] == 235  # the process is as it was


def tried(scene, name):
    done = scene.company.postern("directory", "test", name, check=False)
    return None if "no section" in done.stderr else done


def test_starttls_and_a_thousand_people_in_pages(scene, tmp_path):
    """slapd gives 500 at once and no more; before STARTTLS nothing but it is said."""
    many = Slapd(tmp_path / "many", scene.company.authority,
                 "".join(person(f"p{n}", f"p{n}@example.test") for n in range(1000)))
    config = scene.company.config
    before = config.read_text()
    try:
        config.write_text(before + section("many", many, tmp_path, tls="starttls",
                                           trust_store=scene.company.authority.certificate).replace(
            f":{many.port}", f":{many.plain}"))
        scene.company.process.send_signal(1)
        wait_for("the reload", lambda: tried(scene, "many"))
        begun = time.monotonic()
        wait_for("a thousand accounts",
                 lambda: "1000 people; accounts: 1000 added" in status(scene), 60)
        print(f"a thousand accounts in {time.monotonic() - begun:.1f} s")
        assert "p999@example.test" in users(scene)
        assert sign_in(scene, "p77@example.test")[0] == 235
        first = {}
        for line in many.said().splitlines():
            if m := re.search(r"conn=(\d+) op=(\d+) (\w+)", line):
                first.setdefault(m[1], m[3])
        assert set(first.values()) == {"EXT"}, first
    finally:
        config.write_text(before)
        scene.company.process.send_signal(1)
        many.stop()
