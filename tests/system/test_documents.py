"""Words inside attached documents are found, and what harms readers is listed and harms nobody."""
import contextlib
import io
import os
import pathlib
import signal
import zipfile
from email.message import EmailMessage

import pytest

from company import wait_for
from scene import ALICE, PASSWORD, Scene

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


@pytest.fixture(scope="module", name="scene")
def fixture_scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("documents"))
    try:
        yield scene
    finally:
        scene.close()


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def ooxml(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        for name, content in files.items():
            archive.writestr(name.replace("__", "/") + ".xml", content)
    return out.getvalue()


def odf(kind, text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", f'<o xmlns:t="urn:t"><t:p>{text}</t:p></o>')
    return out.getvalue()


DOCX = ooxml(word__document=f"<w:document {W}><w:p><w:r><w:t>quarter</w:t></w:r><w:r><w:t>master"
                            "</w:t></w:r></w:p><w:p><w:del><w:r><w:delText>retracted</w:delText>"
                            "</w:r></w:del></w:p></w:document>",
             word__comments=f"<w:c {W}><w:p><w:r><w:t>remarkable</w:t></w:r></w:p></w:c>",
             docProps__core="<p><keywords>propertied</keywords></p>")
XLSX = ooxml(xl__sharedStrings="<sst><si><t>sharedcell</t></si></sst>",
             xl__worksheets__sheet1='<s><c t="s"><v>0</v></c><c><v>48151623</v></c>'
                                    '<c t="inlineStr"><is><t>inlinecell</t></is></c>'
                                    '<c><v>5555555555554444</v></c></s>')
PPTX = ooxml(ppt__slides__slide1='<s xmlns:a="urn:a"><a:p><a:r><a:t>slideword</a:t></a:r></a:p></s>',
             ppt__notesSlides__notesSlide1='<s xmlns:a="urn:a"><a:p><a:r><a:t>noteword</a:t></a:r>'
                                           "</a:p></s>")
PDF = pathlib.Path(__file__).parents[1] / "corpus" / "pdf"  # by cairo, Ghostscript, ReportLab, qpdf


def pdf(name):
    return (PDF / f"{name}.pdf").read_bytes()


EML = b"Subject: innersubject\r\nFrom: x@y.test\r\n\r\ninnerbody\r\n"

CASES = [
    ("plan.docx", DOCX, ["quartermaster", "retracted", "remarkable", "propertied", "name:plan"]),
    ("table.xlsx", XLSX, ["sharedcell", "48151623", "inlinecell", "finding:card"]),
    ("talk.pptx", PPTX, ["slideword", "noteword"]),
    ("text.odt", odf("text", "odtword"), ["odtword"]),
    ("table.ods", odf("spreadsheet", "odsword"), ["odsword"]),
    ("talk.odp", odf("presentation", "odpword"), ["odpword"]),
    ("rich.rtf", rb"{\rtf1\ansi r\'fcckseite\par}", ["ruckseite"]),
    ("page.html", b"<p>html<b>word</b></p>DE89&nbsp;3704 0044 0532 0130 00", ["htmlword", "finding:iban"]),
    ("cairo.pdf", pdf("cairo"), ["vierzehn", "grosse", "turbine", "nordwind"]),
    ("gs.pdf", pdf("ghostscript"), ["ghostscript", '"overdue invoice"']),
    ("rl.pdf", pdf("reportlab"), ["impayee", "oeuvre", "sommaire", "lenz"]),
    ("cover.pdf", pdf("attached"), ["coverpage", "zwieback", "name:inside"]),
    ("list.csv", "caf\u00e9word;2".encode("latin-1"), ["cafeword"]),
    ("inner.eml", EML, ["innersubject", "innerbody"]),
    ("all.zip", zipped(**{"in.zip": zipped(**{"deep.docx": ooxml(word__document=(
        f"<w:document {W}><w:t>deepword</w:t></w:document>"))})}), ["deepword", "name:deep"]),
]


def submit(scene, subject, *attachments, sender=ALICE):
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, "bob@partner.test", subject
    letter.set_content(f"bodyof{subject}")
    for name, content in attachments:
        letter.add_attachment(content, "application", "octet-stream", filename=name)
    with scene.client(sender) as client:
        client.send_message(letter)


def found(scene, query):
    """The id of the one letter that a query finds, or None."""
    lines = scene.company.postern("search", query, check=False).stdout.splitlines()
    return lines[1].split()[0] if len(lines) == 2 else None


def indexed(scene, subject):
    return wait_for(f"{subject} in the index", lambda: found(scene, f"bodyof{subject}"))


def test_words_in_documents_are_found(scene):
    for n, (name, content, _) in enumerate(CASES):
        submit(scene, f"case{n}", (name, content))
    for n, (name, _, words) in enumerate(CASES):
        letter = indexed(scene, f"case{n}")
        for word in words:
            assert found(scene, word) == letter, (name, word)
        shown = scene.company.show(letter)
        assert name in shown
        assert ("in it: 1 payment card number\n" in shown) == ("finding:card" in words)


def test_a_reader_that_dies_over_a_letter_is_asked_once_more(scene):
    """Its successor leaves the documents shut, and says so; the letter's own words are found. On a busy machine it may be killed behind
    the letter: then it is tried with another."""
    slow = zipped(**{f"{n}.txt": b"\0" * (60 << 20) for n in range(3)})

    def killed_over(subject):
        sender = f"{subject}@example.test"
        scene.company.add_user(sender, PASSWORD)  # whose letters no reader has read
        before = set(scene.company.descendants())
        submit(scene, subject, ("slow.zip", slow), sender=sender)

        def reading():
            return [pid for pid, name in scene.company.descendants().items()
                    if name == "reading" and pid not in before]

        with contextlib.suppress(ProcessLookupError):
            os.kill(wait_for("a reader", reading, 10, 0.001)[0], signal.SIGKILL)
        return "not opened: its reader failed over the letter" in scene.company.show(indexed(scene, subject))

    assert any(killed_over(f"slow{n}") for n in range(8))


def test_bombs_are_listed_and_harm_nobody(scene):
    bomb = zipped(**{f"{n}.txt": b"\0" * (80 << 20) for n in range(2)})
    broken = zipped(**{"a.txt": b"x" * 5000})[:60]
    entities = b'<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><a>&d;</a>'
    submit(scene, "bombs", ("bomb.zip", bomb), ("broken.zip", broken),
           ("laughs.docx", ooxml(word__document=entities)), ("closed.pdf", pdf("encrypted")))
    story = scene.company.show(indexed(scene, "bombs"))
    assert "files within files are too large" in story
    assert story.count("NOT READ") >= 5, story
    assert "encrypted with a password" in story
    submit(scene, "afterwards", ("plan.docx", DOCX))
    indexed(scene, "afterwards")
