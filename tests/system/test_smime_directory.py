"""S/MIME certificates of recipients out of a directory: a real slapd with TLS, and what OpenSSL opens of the letters that come."""
import base64
import datetime
import http.server
import re
import socket
import sys
import threading

import pytest

import slapd
from company import ROOT, Company, wait_for
from slapd import PEOPLE, READER, READER_PASSWORD, Slapd
from test_smime import ANNA, PASSWORD, Lists, Person, fingerprint, openssl, send

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

pytestmark = pytest.mark.skipif(slapd.MISSING is not None, reason=str(slapd.MISSING))

DOMAINS = ("partner.test", "open.test", "liar.test", "two.test", "local.test")


def der(person):
    return openssl("x509", "-in", person.certificate, "-outform", "DER")


def unreadable(person):
    """A certificate as a directory takes it (it looks at its outer form), whose key is of no known kind."""
    rsa = bytes.fromhex("06092a864886f70d010101")  # rsaEncryption, RFC 8017
    octets = der(person)
    assert rsa in octets
    return octets.replace(rsa, rsa[:-1] + b"\x7f")


def dated(person, folder, authority, begun, over):
    """The same key, in a certificate of the authority that began, and was over, so many days ago."""
    person.issued(authority)
    (folder / "index.txt").write_text("")
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
    then = [(datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days)).strftime("%Y%m%d%H%M%SZ")
            for days in (begun, over)]
    openssl("ca", "-batch", "-config", folder / "ca.cnf", "-cert", authority.certificate, "-keyfile", authority.key,
            "-in", person.key.with_suffix(".csr"), "-startdate", then[0], "-enddate", then[1], "-notext",
            "-extfile", person.key.with_suffix(".ext"), "-out", person.certificate)
    return person


def entry(mail, *certificates):
    """LDIF of somebody whose certificates these are."""
    local = mail.partition("@")[0]
    return "\n" + "\n".join([f"dn: uid={local},{PEOPLE}", "objectClass: inetOrgPerson", f"uid: {local}", f"cn: {local}", "sn: x",
                             f"mail: {mail}", *(f"userCertificate;binary:: {base64.b64encode(octets).decode()}"
                                                for octets in certificates)]) + "\n"


def section(name, server, folder, authority, *more, port=None, tls_name=slapd.NAME):
    return (f"[certificates {name}]\nserver = 127.0.0.1:{port or server.port}\ntls-name = {tls_name}\ntimeout = 2s\n"
            f"trust-store = {authority.certificate}\nbase = {PEOPLE}\n" + "".join(f"{line}\n" for line in more))


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    made = Company(folder / "company")
    certificate, key = made.authority.issue("mx.partner.test")
    made.outside = Receiver(folder / "outside", certificate=certificate, key=key).start()
    made.lists = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    made.lists.lists, made.lists.asked = {}, []
    threading.Thread(target=made.lists.serve_forever, daemon=True).start()
    made.slapd = Slapd(folder / "slapd", made.authority, "")
    made.mute = socket.create_server(("127.0.0.1", 0))  # takes connections, and says nothing
    (folder / "password").write_text(READER_PASSWORD + "\n")
    made.create(settings={"courier-proxy": f"http://127.0.0.1:{made.lists.server_port}",
                          "smime-trust": made.authority.certificate},
                sections="".join(f"[domain {name}]\nroute = 127.0.0.1:{made.outside.port}\ntls-name = mx.partner.test\n"
                                 for name in DOMAINS) +
                section("partners", made.slapd, folder, made.authority, "domain = partner.test", f"bind-dn = {READER}",
                        f"bind-password-file = {folder / 'password'}") +
                section("liar", made.slapd, folder, made.authority, "domain = liar.test", tls_name="other.example.test") +
                section("two", made.slapd, folder, made.authority, "domain = two.test",
                        port=f"{made.mute.getsockname()[1]}, 127.0.0.1:{made.slapd.port}").replace("= 2s", "= 30s") +
                section("rest", made.slapd, folder, made.authority, "tls = starttls", port=made.slapd.plain) +
                "[policy plain]\nto-domain = local.test\nmethods = encrypted\nreason = None.\n"
                f"[policy all]\nto-domain = {', '.join(DOMAINS)}\nmethods = smime\nreason = Ask for a certificate.\n")
    made.start()
    made.add_user(ANNA, PASSWORD)
    yield made
    made.stop()
    made.outside.stop()
    made.slapd.stop()
    made.mute.close()
    made.lists.shutdown()


def publish(company, mail, *certificates):
    company.slapd.change(entry(mail, *certificates).replace("objectClass", "changetype: add\nobjectClass", 1))


def searches(company):
    return re.findall(r'filter="(.*)"\n', company.slapd.said())


def came_to(company, address, seconds=90):
    """The octets of the one letter that came to an address."""
    def found():
        return [octets for facts, octets in company.outside.letters() if facts["to"][0]["address"] == address]

    octets, = wait_for(f"the letter to {address}", found, seconds)
    return octets


def opened(octets, person, folder):
    (folder / "came").write_bytes(octets)
    return openssl("cms", "-decrypt", "-in", folder / "came", "-inkey", person.key, "-recip", person.certificate)


def test_a_certificate_is_found_and_used(company, tmp_path):
    paula = Person(tmp_path, "paula@partner.test").issued(company.authority)
    publish(company, "Paula@Partner.test", der(paula))
    letter = send(company, "for Paula", paula.address)
    octets = came_to(company, paula.address)
    assert b"Subject: for Paula" in opened(octets, paula, tmp_path)
    assert b"The plan of" not in octets and b"for Paula" not in octets
    assert f"encrypted for {paula.address}" in company.show(letter)
    shown = company.postern("recipient", "show", paula.address)
    assert "directory (LDAP)" in shown and fingerprint(paula.certificate) in shown and "it is good" in shown
    assert [words for words in searches(company) if "paula" in words] == [r"(mail=paula@partner.test)"]
    assert f'BIND dn="{READER}" method=128' in company.slapd.said()
    send(company, "for Paula again", paula.address)  # what was found counts for a while
    wait_for("the second letter", lambda: len(company.outside.letters()) == 2, 60)
    assert len([words for words in searches(company) if "paula" in words]) == 1


def test_the_newest_good_one_of_several_is_used(company, tmp_path):
    """Of open.test, whose directory lets everybody read, by STARTTLS."""
    folders = [tmp_path / name for name in ("over", "old", "new", "other")]
    for folder in folders:
        folder.mkdir()
    over = dated(Person(folders[0], "nora@open.test"), folders[0], company.authority, 60, 30)
    old = dated(Person(folders[1], "nora@open.test"), folders[1], company.authority, 20, -5)
    other = Person(folders[3], "otto@open.test").issued(company.authority)
    new = Person(folders[2], "nora@open.test").issued(company.authority)
    spare = Person(tmp_path, "nora@open.test").issued(company.authority)
    publish(company, "nora@open.test", der(new), der(over), unreadable(spare), der(other), der(old))
    send(company, "for Nora", new.address)
    assert b"Subject: for Nora" in opened(came_to(company, new.address), new, tmp_path)
    said = company.slapd.said()
    number, = re.findall(r'conn=(\d+) .*filter="\(mail=nora@open.test\)"', said)
    doings = re.findall(rf"conn={number} op=\d+ (EXT|BIND|SRCH) ", said)
    assert doings[0] == "EXT" and "BIND" not in doings, doings


def test_newer_ones_that_are_of_no_use_take_no_place(company, tmp_path):
    folders = [tmp_path / str(number) for number in range(6)]
    for folder in folders:
        folder.mkdir()
    good = dated(Person(folders[0], "gina@partner.test"), folders[0], company.authority, 20, -5)
    useless = [der(Person(folder, "gina@partner.test")) for folder in folders[1:]]  # nobody whom we trust issued them
    publish(company, "gina@partner.test", *useless, der(good))
    send(company, "for Gina", good.address)
    assert b"Subject: for Gina" in opened(came_to(company, good.address), good, tmp_path)


def test_behind_a_server_that_is_mute_the_next_is_asked(company, tmp_path):
    theo = Person(tmp_path, "theo@two.test").issued(company.authority)
    publish(company, theo.address, der(theo))
    before = company.log.read_text().count("event=certificates.away")
    send(company, "for Theo", theo.address)
    assert b"Subject: for Theo" in opened(came_to(company, theo.address), theo, tmp_path)
    assert company.log.read_text().count("event=certificates.away") == before


def test_what_is_no_good_certificate_of_the_recipient_is_not_used(company, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    where = "http://crl.partner.test/list"
    eve, self_made, large = (Person(tmp_path, f"{name}@partner.test") for name in ("eve", "selma", "large"))
    eve.issued(company.authority)
    large.issued(company.authority, "nsComment=" + "x" * 20000)
    over = dated(Person(tmp_path, "olga@partner.test"), bad, company.authority, 60, 30)
    gone = Person(tmp_path, "gone@partner.test").issued(company.authority, f"crlDistributionPoints=URI:{where}")
    company.lists.lists[where] = gone.revoke(company.authority, tmp_path)
    publish(company, "victim@partner.test", der(eve))
    publish(company, "olga@partner.test", der(over))
    publish(company, "selma@partner.test", der(self_made))
    publish(company, "gone@partner.test", der(gone))
    publish(company, "junk@partner.test", unreadable(eve))
    publish(company, "large@partner.test", der(large))
    publish(company, "none@partner.test")
    before = len(company.outside.letters())
    for name, why in (("victim", "another address"), ("olga", "expired"), ("selma", "nobody whom we trust issued it"),
                      ("gone", "it was revoked"), ("junk", "cannot be read"), ("large", "too much"),
                      ("none", "no certificate of the recipient is known"),
                      ("nobody", "no certificate of the recipient is known")):
        letter = send(company, f"for {name}", f"{name}@partner.test")
        wait_for(f"{name}: {why}", lambda letter=letter, why=why: why in company.show(letter), 60)
    assert len(company.outside.letters()) == before


def test_an_address_matches_itself_alone(company):
    """Nothing in one means something in a filter."""
    said = len(searches(company))
    for address in ("*@partner.test", "p*@partner.test"):
        letter = send(company, "for everybody", address)
        wait_for("no certificate", lambda letter=letter: "no certificate of the recipient" in company.show(letter), 60)
    assert [words.lower() for words in searches(company)[said:]] == [r"(mail=\2a@partner.test)", r"(mail=p\2a@partner.test)"]


def test_one_given_by_hand_comes_first_and_nobody_is_asked(company, tmp_path):
    (tmp_path / "theirs").mkdir()
    theirs = Person(tmp_path / "theirs", "hana@partner.test").issued(company.authority)
    ours = Person(tmp_path, "hana@partner.test").issued(company.authority)
    publish(company, ours.address, der(theirs))
    company.postern("recipient", "add-key", ours.address, ours.certificate, "--reason", "by hand")
    send(company, "for Hana", ours.address)
    assert b"Subject: for Hana" in opened(came_to(company, ours.address), ours, tmp_path)
    assert not [words for words in searches(company) if "hana" in words]
    company.postern("recipient", "remove-key", ours.address, fingerprint(ours.certificate), "--reason", "test")
    letter = send(company, "for Hana again", ours.address)
    wait_for("the other one", lambda: fingerprint(theirs.certificate)[:16] in company.show(letter), 60)


def test_the_same_one_given_by_hand_stays_so(company, tmp_path):
    kurt = Person(tmp_path, "kurt@partner.test").issued(company.authority)
    publish(company, kurt.address, der(kurt))
    send(company, "for Kurt", kurt.address)
    came_to(company, kurt.address)
    assert "directory (LDAP)" in company.postern("recipient", "show", kurt.address)
    company.postern("recipient", "add-key", kurt.address, kurt.certificate, "--reason", "compared")
    shown = company.postern("recipient", "show", kurt.address)
    assert "uploaded" in shown and "directory (LDAP)" not in shown


def test_a_server_of_another_name_is_asked_nothing(company, tmp_path):
    lisa = Person(tmp_path, "lisa@liar.test").issued(company.authority)
    publish(company, lisa.address, der(lisa))
    letter = send(company, "for Lisa", lisa.address)
    wait_for("the refusal", lambda: "event=certificates.away" in company.log.read_text(), 60)
    line = next(line for line in company.log.read_text().splitlines() if "event=certificates.away" in line)
    assert "does not convince" in line and "lisa" not in line, line
    assert not [words for words in searches(company) if "lisa" in words]
    assert "lisa@liar.test" not in {facts["to"][0]["address"] for facts, _ in company.outside.letters()}
    assert "held" not in company.postern("queue", "show", letter, check=False).stdout


def test_while_the_directory_is_away_letters_that_need_it_wait(company, tmp_path):
    wanda = Person(tmp_path, "wanda@partner.test").issued(company.authority)
    hand = Person(tmp_path, "hugo@partner.test").issued(company.authority)
    publish(company, wanda.address, der(wanda))
    company.postern("recipient", "add-key", hand.address, hand.certificate, "--reason", "by hand")
    before = company.log.read_text().count("event=certificates.away")
    company.slapd.stop()
    try:
        send(company, "for Wanda", wanda.address)
        wait_for("the first try", lambda: company.log.read_text().count("event=certificates.away") > before, 60)
        send(company, "for Hugo", hand.address)  # who needs no directory
        send(company, "for Lorenz", "lorenz@local.test")
        came_to(company, hand.address)
        came_to(company, "lorenz@local.test")
        assert wanda.address not in {facts["to"][0]["address"] for facts, _ in company.outside.letters()}
    finally:
        company.slapd.start()
    octets = came_to(company, wanda.address, 240)
    assert b"Subject: for Wanda" in opened(octets, wanda, tmp_path)


def test_what_is_gone_from_the_directory_goes_here(company, tmp_path):
    """After a start nothing that was found before counts until it was asked for again."""
    ida = Person(tmp_path, "ida@partner.test").issued(company.authority)
    publish(company, ida.address, der(ida))
    send(company, "for Ida", ida.address)
    came_to(company, ida.address)
    company.slapd.modify("ida", "delete: userCertificate;binary")
    company.stop()
    company.start()
    letter = send(company, "for Ida again", ida.address)
    wait_for("no certificate", lambda: "no certificate of the recipient is known" in company.show(letter), 60)
    assert company.postern("recipient", "show", ida.address, check=False).stdout == ""
