"""Which passwords may be set, and the list of those that were stolen."""
import base64
import hashlib
import os

import pytest

from company import Company
from scene import Client
from test_roles import Person

ANNA = "anna@example.test"
GOOD = "pewter walrus knits quietly"
STOLEN = "velvet hinge marmalade gong"


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    directory = tmp_path_factory.mktemp("passwords")
    directory.chmod(0o755)
    made = Company(directory / "company")
    made.create(settings={"auth-failure-delay": "0s"})
    made.start()
    try:
        made.add_user(ANNA, GOOD)
        yield made
    finally:
        made.stop()


def refused(company, password, says, *more):
    done = company.postern("user", "set", ANNA, "--password-stdin", *more, input=password + "\n",
                           check=False)
    assert done.returncode == 65 and says in done.stderr, done
    assert password not in done.stderr


def check(company, password, *more):
    done = company.postern("password", "check", *more, input=password + "\n", check=False)
    return done.returncode, done.stdout


def dump(path, passwords):
    """A file as Have I Been Pwned gives them out."""
    others = (f"{i}".encode() for i in range(2000))
    hashes = sorted(hashlib.sha1(word).hexdigest().upper() for word in [*passwords, *others])
    path.write_text("".join(f"{digest}:{n % 9 + 1}\r\n" for n, digest in enumerate(hashes)))
    return path


def sign_in(company, password):
    """The answer's code to ANNA with these bytes."""
    with Client(company.hostname, company.submissions, context=company.context(), timeout=30) as client:
        client.ehlo()
        said = base64.b64encode(b"\0" + ANNA.encode() + b"\0" + password).decode()
        return client.docmd("AUTH", "PLAIN " + said)[0]


def test_it_is_said_why_one_is_refused(company):
    refused(company, "Wq7#mZ2x!b", "10 characters of the 15")
    refused(company, "P@ssw0rdP@ssw0rd!", "attackers try first")
    refused(company, "\u00e4\tnicht getippt, nein", "cannot be typed")
    company.postern("user", "set", ANNA, "--name", "Kunigunde Krawuttke")
    refused(company, "Krawuttke, Kunigunde", "the account, its holder or the company")
    assert sign_in(company, GOOD.encode()) == 235


def test_one_form_for_each_way_of_typing(company):
    company.postern("user", "set", ANNA, "--password-stdin", input="Gru\u0308ne Quallen knistern leise\n")
    for typed, code in (("Gr\u00fcne Quallen knistern leise", 235), ("Gru\u0308ne Quallen\u00a0knistern leise", 235),
                        ("Grune Quallen knistern leise", 535)):
        assert sign_in(company, typed.encode()) == code, typed
    assert sign_in(company, "Gr\u00fcne Quallen knistern leise".encode("latin-1")) == 535


def test_a_check_keeps_nothing(company):
    assert check(company, "orchid lantern gravel spoon")[0] == 0
    status, said = check(company, "summer2026")
    assert status == 1 and "four or more unrelated words" in said
    assert check(company, "Wq7#mZ2x!b")[0] == 1
    assert check(company, "Wq7#mZ2x!b", "--second-factor")[0] == 0
    assert check(company, "kunigunde krawuttke", "--account", ANNA)[0] == 1
    done = company.postern("password", "check", "--account", "nobody@example.test", input="x\n", check=False)
    assert done.returncode == 65 and "no account" in done.stderr


def test_an_employee_asks_about_his_own_alone(company, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as somebody else")
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    person = Person(company, tmp_path)
    assert person.postern("password", "check", input=GOOD + "\n").returncode == 77
    assert person.login(ANNA, "Gr\u00fcne Quallen knistern leise").returncode == 0
    for more, status in ((), 0), (("--account", ANNA), 0), (("--account", company.auditor), 77):
        done = person.postern("password", "check", *more, input=GOOD + "\n")
        assert done.returncode == status, done


def test_an_imported_list_holds_at_once(company, tmp_path):
    assert check(company, STOLEN)[0] == 0
    list_ = dump(tmp_path / "dump", [STOLEN.encode(), "Gru\u0308ne Quallen knistern laut".encode()])
    done = company.postern("passwords", "import", list_, "--reason", "yearly")
    assert "2002 lines" in done
    refused(company, STOLEN, "stolen elsewhere")
    refused(company, "Gru\u0308ne Quallen knistern laut", "stolen elsewhere")
    assert check(company, "orchid lantern gravel spoon")[0] == 0
    company.sign_in()
    acts = company.postern("acts")
    company.postern("logout")
    assert "passwords import" in acts and "yearly" in acts
    for wrong, says in ((b"", "empty"), (b"password\n", "line 1 is no SHA-1"),
                        (list_.read_bytes() + list_.read_bytes(), "do not ascend")):
        (tmp_path / "wrong").write_bytes(wrong)
        failed = company.postern("passwords", "import", tmp_path / "wrong", check=False)
        assert failed.returncode == 65 and says in failed.stderr
    refused(company, STOLEN, "stolen elsewhere")
    with list_.open("rb") as pipe:
        company.postern("passwords", "import", "-", "--seen", "9", stdin=pipe, input=None)
    other = tmp_path / "other"
    company.postern("passwords", "import", list_, "--bits", "20", "--output", other)
    assert other.read_bytes().startswith(b"POSTERN FILTER 1")


def test_a_damaged_list_lets_none_be_set(company):
    file = company.data / "passwords" / "breached"
    kept = file.read_bytes()
    try:
        file.write_bytes(kept[:-1])
        done = company.postern("user", "set", ANNA, "--password-stdin", input=GOOD + "\n", check=False)
        assert done.returncode == 74 and "import it anew" in done.stderr
        assert sign_in(company, "Gr\u00fcne Quallen knistern leise".encode()) == 235
    finally:
        file.unlink()
    company.postern("user", "set", ANNA, "--password-stdin", input=GOOD + "\n")


def test_no_password_is_in_the_log(company):
    log = company.log.read_text()
    assert "Quallen" not in log and "marmalade" not in log and "walrus" not in log
