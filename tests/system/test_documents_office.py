"""Office documents that a password opens, before LibreOffice: with the password it shows what went in, and otherwise nothing."""
import io
import os
import select
import shutil
import signal
import subprocess
import zipfile

import pytest

from company import ROOT, patience
from test_documents_sealed import SECRET, attached, batches, of_corpus, protect

ASK_S = 60  # for a document
TRIES = 6  # where it says one thing or another of the plain document (a sheet's name in a rule), for both to say the same
PLAIN_S = 15  # for one as it is: some LibreOffice does not open in an hour, and one that is opened in that time has ASK_S behind the password


def has_office():
    return shutil.which("soffice") and subprocess.run(["/usr/bin/python3", "-c", "import uno"], capture_output=True,
                                                      check=False).returncode == 0


pytestmark = [pytest.mark.long, pytest.mark.skipif(not has_office(), reason="needs LibreOffice and python3-uno")]


class Office:
    """LibreOffice, asked by tests/documents/office.py; started again when it ends or gives no answer."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = []
        self.started = 0

    def start(self):
        self.started += 1
        pipe = f"postern{os.getpid()}-{self.started}"
        options = {"stderr": subprocess.DEVNULL, "start_new_session": True}
        self.programs = [
            subprocess.Popen(["soffice", "--headless", "--norestore", "--nologo", f"--accept=pipe,name={pipe};urp;",
                              f"-env:UserInstallation=file://{self.folder}/office{self.started}"], stdout=subprocess.DEVNULL, **options),
            subprocess.Popen(["/usr/bin/python3", ROOT / "tests" / "documents" / "office.py", pipe, self.folder],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)]
        assert self.ask("", self.folder / "no such document", 120) == "REFUSED"

    def ask(self, password, path, seconds=ASK_S):
        """The digest of the content, REFUSED, or None when there is no answer in so many seconds of a quiet machine."""
        if not self.programs:
            self.start()
        helper = self.programs[1]
        helper.stdin.write(f"{password}\t{path}\n")
        helper.stdin.flush()
        ready, _, _ = select.select([helper.stdout], [], [], seconds * patience())
        answer = helper.stdout.readline().strip() if ready else ""
        if not answer:
            self.end()
        return answer or None

    def ask_anew(self, password, path):
        """The same of one that was started just now, and has read nothing else before."""
        self.end()
        return self.ask(password, path)

    def end(self):
        for program in self.programs:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
        self.programs = []


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path)
    yield made
    made.end()


def is_opened(office, path, plain, locked):
    """False when LibreOffice itself does not open the document, or finds another one in it each time. Both are asked for under the
    same name, from which it makes what it shows of links to other files."""
    def ask(content, *how, anew=False):
        path.write_bytes(content)
        return (office.ask_anew if anew else office.ask)(how[0], path, *how[1:])

    seen = {ask(plain, "", PLAIN_S)}
    if seen & {None, "REFUSED"}:
        return False
    found = ask(locked, SECRET)
    for password in ("wrong-password", ""):
        assert ask(locked, password) == "REFUSED", path
    for _ in range(TRIES):
        if found in seen:
            return True
        seen.add(ask(plain, "", anew=True))
        found = found if found in seen else ask(locked, SECRET, anew=True)
    assert found not in (None, "REFUSED") and len(seen) > 1, path
    return False


def test_the_documents_of_others_are_the_same_behind_the_password(office, tmp_path):
    opened = others = 0
    for files, parts, said in batches(of_corpus(200, ".docx", ".xlsx", ".pptx", largest=1 << 17)):
        for name, content in files.items():
            if not said.get(name, "").startswith("Office ("):
                continue
            good = is_opened(office, tmp_path / name, content, parts[name])
            opened, others = opened + good, others + (not good)
            print(f"{name}: {'the same' if good else 'not opened by LibreOffice, or not twice as the same'}", flush=True)
    print(f"{opened} documents opened, {others} that LibreOffice does not open or not twice as the same")
    assert opened > 100 and others < opened / 10


def ooxml_text(text):
    out = io.BytesIO()
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("[Content_Types].xml", f'<?xml version="1.0"?><Types xmlns="{types}"><Default '
                   'Extension="rels" ContentType="application/vnd.openxmlformats-package.'
                   'relationships+xml"/><Override PartName="/word/document.xml" ContentType="'
                   f'{main}"/></Types>')
        z.writestr("_rels/.rels", f'<?xml version="1.0"?><Relationships xmlns="{rels}"><Relationship '
                   'Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
                   'relationships/officeDocument" Target="word/document.xml"/></Relationships>')
        z.writestr("word/document.xml", '<?xml version="1.0"?><w:document xmlns:w="http://schemas.'
                   'openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>'
                   f'{text}</w:t></w:r></w:p></w:body></w:document>')
    return out.getvalue()


def test_a_document_opens_with_its_password_alone(office, tmp_path):
    plain, other = tmp_path / "plan.docx", tmp_path / "other.docx"
    letter, _ = protect(attached({"plan.docx": ooxml_text("quartermaster")}))
    locked = [p for p in letter.walk() if p.get_filename() == "plan.docx"][0].get_content()
    assert is_opened(office, plain, ooxml_text("quartermaster"), locked)
    plain.write_bytes(ooxml_text("quartermaster"))
    other.write_bytes(ooxml_text("headmaster"))
    assert office.ask("", other) not in (office.ask("", plain), "REFUSED", None)
