"""What files say of who made them: taken out of the copies that leave, as the policy says, and of nothing else."""
import base64
import email
import email.policy
import gzip
import io
import posixpath
import re
import shutil
import struct
import subprocess
import xml.dom.minidom
import zipfile
import zlib
from email.message import EmailMessage

import pytest

import variety
from company import BUILD, wait_for
from scene import ALICE, Scene

PAULA, OTTO, NOBODY, PIA = (f"{name}@partner.test" for name in ("paula", "otto", "nina", "pia"))
SECTIONS = f"""
[policy whole]
to = {OTTO}
methods = verified
metadata = require
[policy untouched]
to = {NOBODY}
methods = verified
[policy locked]
to = {PIA}
methods = attachments
metadata = remove
[policy default]
methods = verified
metadata = remove
"""


def picture(*texts):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) +
            b"".join(chunk(b"tEXt", b"Author\0" + text) for text in texts) +
            chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""))


def letter(subject, to, content, kind="mixed"):
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"], made["To"], made["Subject"] = ALICE, ", ".join(to), subject
    made.set_content("Kind regards\n")
    made.add_attachment(content, maintype="image", subtype="png", filename="plan.png")
    octets = made.as_bytes()
    return octets.replace(b"multipart/mixed", b"multipart/" + kind.encode())


@pytest.fixture(scope="module", name="scene")
def fixture_scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("metadata"), sections=SECTIONS)
    try:
        yield scene
    finally:
        scene.close()


def arrived(scene, subject, count=1):
    def look():
        found = [o for _, o in scene.receiver.letters() if f"Subject: {subject}\r\n".encode() in o]
        return found if len(found) == count else None
    return wait_for(f"the letter {subject}", look, 60)


def body(octets):
    return octets.split(b"\r\n\r\n", 1)[1].rstrip()


def files(octets):
    return [p.get_content() for p in email.message_from_bytes(octets, policy=email.policy.default).walk()
            if p.get_filename()]


def test_what_leaves_says_nothing_of_who_made_it_and_the_archive_all(scene):
    submitted = letter("cleaned", [PAULA, NOBODY, PIA], picture(b"Anna Lenz"))
    letter_id = scene.submit(submitted, [PAULA, NOBODY, PIA])
    got = arrived(scene, "cleaned", 3)
    locked, = [o for o in got if b"secure.zip" in o]
    got.remove(locked)
    assert sorted(files(o)[0] for o in got) == sorted([picture(), picture(b"Anna Lenz")])
    for octets in got:
        if files(octets)[0] == picture():
            assert b"Kind regards" in octets and b"Anna Lenz" not in octets
        else:
            assert body(octets) == body(submitted)
    shown = scene.company.show(letter_id)
    assert shown.count("plan.png: taken out: texts") == 2  # two copies are without
    assert scene.company.postern("export", "--eml", letter_id, text=False) == submitted


def test_what_cannot_be_taken_out_stays_or_keeps_the_letter(scene):
    signed = letter("signed", [PAULA, OTTO], picture(b"Anna Lenz"), kind="signed")
    letter_id = scene.submit(signed, [PAULA, OTTO])
    got, = arrived(scene, "signed")
    assert body(got) == body(signed)
    wait_for("it to be held", lambda: letter_id in scene.company.postern("queue", "list"), 60)
    shown = scene.company.show(letter_id)
    assert "plan.png: stays as it is, for its sender signed it: texts" in shown
    assert "policy whole; its files: plan.png: stays" in shown
    scene.company.sign_in(scene.company.officer)
    scene.company.postern("queue", "release", letter_id, "--reason", "she wants it so")
    scene.company.postern("logout")
    arrived(scene, "signed", 2)


def test_a_letter_without_such_files_leaves_as_ever(scene):
    letter_id = scene.submit(letter("plain", [OTTO], picture()), [OTTO])
    got, = arrived(scene, "plain")
    assert files(got) == [picture()]
    assert "nothing was found to take out" in scene.company.show(letter_id)


# ---- documents ----

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
CORPUS = variety.CORPORA / "documents"


def cleaned(name, content):
    """What an inspector makes of a file, and what it says about it."""
    made = letter("x", [], content).replace(b"plan.png", name.encode())
    done = subprocess.run([BUILD / "clean_letter"], input=made, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return files(done.stdout)[0], done.stderr.decode()


def parts(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def words(xml):
    return re.sub(rb"<[^>]*>", b"", xml)


def test_a_text_has_its_changes_and_none_of_who_made_them():
    types = ('<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/comments.xml" '
             'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.comments+xml"/></Types>')
    rels = ('<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type='
            '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/comments" Target="comments.xml"/></Relationships>')
    text = (f'<w:document {WORD}><w:body><w:p w:rsidR="00AA"><w:r><w:t>The price is </w:t></w:r><w:del w:author="Anna Lenz"><w:r><w:delText>'
            '90</w:delText></w:r></w:del><w:ins w:author="Anna Lenz"><w:r><w:t>100</w:t></w:r></w:ins></w:p></w:body></w:document>')
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"[Content_Types].xml": types, "word/document.xml": text, "word/_rels/document.xml.rels": rels,
                              "word/comments.xml": f'<w:comments {WORD}><w:comment w:author="Anna Lenz"/></w:comments>',
                              "word/media/image1.png": picture(b"Anna Lenz"),
                              "docProps/core.xml": "<a>Anna Lenz</a>"}.items():
            archive.writestr(name, content)
    made, said = cleaned("offer.docx", out.getvalue())
    after = parts(made)
    assert b"Lenz" not in b"".join(after.values()) and "word/comments.xml" not in after
    assert b"comments" not in after["[Content_Types].xml"] + after["word/_rels/document.xml.rels"]
    assert words(after["word/document.xml"]) == b"The price is 100"
    assert after["word/media/image1.png"] == picture()
    for word in ("comments", "tracked changes", "revision marks", "document properties", "data of pictures"):
        assert word in said


def test_pictures_have_the_same_pixels_and_the_same_side_up():
    image = pytest.importorskip("PIL.Image", reason="needs python3-pil")
    drawn = image.effect_noise((61, 37), 80).convert("RGB")
    said = {0x112: 6, 0x110: "Camera Seven", 0x13b: "Anna Lenz"}
    exif = image.Exif()
    for tag, value in said.items():
        exif[tag] = value
    for form, how in (("JPEG", {"exif": exif}), ("WEBP", {"exif": exif, "xmp": b"<x>Anna Lenz</x>"}),
                      ("TIFF", {"tiffinfo": said}), ("TIFF", {"tiffinfo": said, "compression": "tiff_lzw"})):
        out = io.BytesIO()
        drawn.save(out, form, **how)
        made, _ = cleaned(f"photo.{form.lower()}", out.getvalue())
        assert b"Lenz" in out.getvalue() and b"Lenz" not in made and b"Camera" not in made, form
        after = image.open(io.BytesIO(made))
        assert after.getexif()[0x112] == 6, form
        assert after.tobytes() == image.open(out).tobytes(), form


def test_a_moving_picture_moves_on():
    image = pytest.importorskip("PIL.Image", reason="needs python3-pil")
    frames = [image.effect_noise((31, 17), 80).convert("P") for _ in range(4)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], loop=3, duration=70, comment=b"by Anna Lenz")
    made, said = cleaned("photo.gif", out.getvalue())
    assert "taken out: comments" in said and b"Lenz" in out.getvalue() and b"Lenz" not in made
    before, after = image.open(out), image.open(io.BytesIO(made))
    assert after.n_frames == before.n_frames == 4 and after.info["loop"] == 3
    for n in range(4):
        before.seek(n)
        after.seek(n)
        assert (after.info["duration"], after.convert("RGB").tobytes()) == (70, before.convert("RGB").tobytes())


@pytest.mark.parametrize("suffix", ["heic", "avif"])
def test_a_telephone_s_picture_has_the_same_pixels(tmp_path, suffix):
    image = pytest.importorskip("PIL.Image", reason="needs python3-pil")
    if not shutil.which("heif-enc"):
        pytest.skip("needs heif-enc (libheif-examples)")
    exif = image.Exif()
    exif[0x110], exif[0x13b] = "Camera Seven", "Anna Lenz"
    photo, coded = tmp_path / "photo.jpg", tmp_path / f"photo.{suffix}"
    image.effect_noise((640, 360), 80).convert("RGB").save(photo, "JPEG", exif=exif)
    coder = subprocess.run(["heif-enc", *["--avif"] * (suffix == "avif"), "-o", coded, photo], capture_output=True, check=False)
    if coder.returncode:
        pytest.skip(f"this heif-enc writes no {suffix}")
    made, said = cleaned(coded.name, coded.read_bytes())
    assert b"Lenz" in coded.read_bytes() and b"Lenz" not in made and b"Camera" not in made
    assert "taken out: EXIF" in said
    (tmp_path / f"made.{suffix}").write_bytes(made)
    pixels = []
    for name in (coded.name, f"made.{suffix}"):
        shown = tmp_path / f"{name}.png"
        subprocess.run(["heif-convert", tmp_path / name, shown], capture_output=True, check=True)
        pixels.append(image.open(shown).tobytes())
    assert pixels[0] == pixels[1]


def run(*words):
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def tools(*names):
    for name in names:
        if not shutil.which(name):
            pytest.skip(f"needs {name}")
    return pytest.importorskip("PIL.Image", reason="needs python3-pil")


DRAWING = """<?xml version="1.0" encoding="UTF-8"?>
<!-- by Anna Lenz --><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="90" height="60"
 xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" inkscape:export-filename="/mine/Lenz/a.png">
<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:li>Anna Lenz</rdf:li></rdf:RDF></metadata>
<g inkscape:label="Lenz 1"><rect x="5" y="7" width="30" height="20" style="fill:#c00"/></g>
<image x="40" y="10" width="40" height="40" xlink:href="data:image/jpeg;base64,%s"/></svg>"""


@pytest.mark.parametrize("suffix", ["svg", "svgz"])
def test_a_drawing_looks_the_same(tmp_path, suffix):
    image = tools("rsvg-convert")
    photo, out, exif = image.effect_noise((40, 40), 80).convert("RGB"), io.BytesIO(), image.Exif()
    exif[0x13b] = "Anna Lenz"
    photo.save(out, "JPEG", exif=exif)
    drawing = (DRAWING % base64.b64encode(out.getvalue()).decode()).encode()
    content = drawing if suffix == "svg" else gzip.compress(drawing)
    made, said = cleaned(f"plan.{suffix}", content)
    for word in ("comments", "metadata", "data of programs", "data of pictures"):
        assert word in said
    plain = made if suffix == "svg" else gzip.decompress(made)
    assert b"Lenz" not in plain and b"inkscape" not in plain
    href = re.search(rb'base64,([^"]*)"', plain)[1]
    assert b"Lenz" in out.getvalue() and b"Lenz" not in base64.b64decode(href)
    pixels = []
    for name, octets in (("before", content), ("after", made)):
        (tmp_path / f"{name}.{suffix}").write_bytes(octets)
        run("rsvg-convert", "-o", tmp_path / f"{name}.png", tmp_path / f"{name}.{suffix}")
        pixels.append(image.open(tmp_path / f"{name}.png").tobytes())
    assert pixels[0] == pixels[1] and len(set(pixels[0])) > 9


def test_a_jpeg_xl_picture_has_the_same_pixels(tmp_path):
    image = tools("cjxl", "djxl", "exiftool")
    image.effect_noise((64, 48), 80).convert("RGB").save(tmp_path / "a.jpg", "JPEG")
    run("cjxl", tmp_path / "a.jpg", tmp_path / "a.jxl")
    run("exiftool", "-XMP-dc:Creator=Anna Lenz", "-EXIF:Artist=Anna Lenz", tmp_path / "a.jxl")
    content = (tmp_path / "a.jxl").read_bytes()
    made, said = cleaned("a.jxl", content)
    assert "EXIF" in said and "XMP" in said and b"Lenz" in content and b"Lenz" not in made
    (tmp_path / "b.jxl").write_bytes(made)
    for name in "ab":
        run("djxl", tmp_path / f"{name}.jxl", tmp_path / f"{name}.png")
    before, after = (image.open(tmp_path / f"{name}.png") for name in "ab")
    assert before.tobytes() == after.tobytes()
    assert b"Lenz" not in run("exiftool", tmp_path / "b.jxl")


def layered():
    """A Photoshop file of one pixel."""
    return (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 1, 1, 8, 3) + struct.pack(">III", 0, 0, 0) + b"\0\0" + b"\1\2\3")


def test_a_photoshop_file_has_the_same_pixels(tmp_path):
    image = tools("exiftool")
    file = tmp_path / "a.psd"
    file.write_bytes(layered())
    run("exiftool", "-XMP-dc:Creator=Anna Lenz", "-EXIF:Artist=Anna Lenz", "-IPTC:By-line=Anna Lenz", file)
    content = file.read_bytes()
    made, said = cleaned("a.psd", content)
    assert "taken out: " in said and all(word in said for word in ("EXIF", "XMP", "IPTC"))
    assert content.count(b"Lenz") == 3 and b"Lenz" not in made
    assert image.open(io.BytesIO(made)).tobytes() == image.open(file).tobytes() == b"\1\2\3"
    (tmp_path / "b.psd").write_bytes(made)
    assert b"Lenz" not in run("exiftool", tmp_path / "b.psd")


def decoded(file):
    """What is seen and heard, as checksums of every picture and of the sound."""
    return run("ffmpeg", "-v", "error", "-i", file, "-map", "0:v?", "-map", "0:a?", "-f", "framemd5", "-")


@pytest.mark.parametrize("suffix", ["mp4", "mov", "m4a", "mp3", "flac", "wav"])
def test_films_and_sounds_are_the_same(tmp_path, suffix):
    tools("ffmpeg", "exiftool")
    film = suffix in ("mp4", "mov")
    file = tmp_path / f"a.{suffix}"
    inputs = ["-f", "lavfi", "-i", "sine=duration=1"] + ["-f", "lavfi", "-i", "testsrc=size=64x48:duration=1"] * film
    said_by = ["-metadata", "title=Lenz 1", "-metadata", "artist=Anna Lenz", "-metadata", "location=+52.5+013.4/",
               "-metadata", "creation_time=2026-05-01T10:00:00Z"] + ["-timecode", "01:02:03:04"] * (suffix == "mov")
    run("ffmpeg", "-v", "error", *inputs, *said_by, *["-write_id3v1", "1"] * (suffix == "mp3"), file)
    if film:
        run("exiftool", "-overwrite_original", "-XMP-dc:Creator=Anna Lenz", file)
    content = file.read_bytes()
    made, said = cleaned(file.name, content)
    assert b"Lenz" in content and b"Lenz" not in made and "taken out: " in said
    after = tmp_path / f"b.{suffix}"
    after.write_bytes(made)
    assert decoded(after) == decoded(file)
    shown = run("exiftool", "-ee", after)
    assert not any(word in shown for word in (b"Lenz", b"2026:05", b"GPS", b"52 deg", b"01:02:03")), shown
    assert cleaned(after.name, made)[1] == ""


RICH = r"""{\rtf1\ansi{\*\generator Lenz 1;}{\info{\author Anna Lenz}}{\*\revtbl{Unknown;}{Anna Lenz;}}
The price is {\deleted\revauthdel1\revdttmdel7 ninety}{\revised\revauth1\revdttm7 100}{\b\insrsid77 Euro}
{\*\atnid Lenz}{\*\atnauthor Anna Lenz}\chatn {\*\annotation{\*\atnref 1}a remark}{\pict\picw1\pich1\jpegblip %s}\par}"""


def test_a_rich_text_has_its_changes_and_none_of_who_made_them():
    image, out = tools(), io.BytesIO()
    exif = image.Exif()
    exif[0x13b] = "Anna Lenz"
    image.effect_noise((8, 8), 80).convert("RGB").save(out, "JPEG", exif=exif)
    made, said = cleaned("offer.rtf", (RICH % out.getvalue().hex()).encode())
    for word in ("comments", "tracked changes", "names of users", "document properties", "data of pictures"):
        assert word in said
    text, shown = re.fullmatch(rb"(.*)\\jpegblip([0-9a-f\s]*)\}\\par\}", made, re.S).groups()
    assert not any(word in text for word in (b"Lenz", b"ninety", b"remark"))
    assert b"{100}{\\b Euro}" in text
    photo = bytes.fromhex(shown.decode())
    assert b"Lenz" not in photo and image.open(io.BytesIO(photo)).tobytes() == image.open(out).tobytes()


@pytest.mark.long
def test_rich_texts_of_many_programs_say_the_same(tmp_path):
    if not CORPUS.is_dir() or not shutil.which("soffice"):
        pytest.skip("needs the corpora and soffice (libreoffice-writer)")
    changed = 0
    for n, path in enumerate(sorted(CORPUS.rglob("*.rtf"))):
        made, said = cleaned("f.rtf", path.read_bytes())
        if "taken out" in said:
            changed += 1
            (tmp_path / f"{n}-before.rtf").write_bytes(path.read_bytes())
            (tmp_path / f"{n}-after.rtf").write_bytes(made)
    run("soffice", f"-env:UserInstallation=file://{tmp_path}/office", "--headless", "--convert-to", "txt:Text",
        "--outdir", tmp_path, *tmp_path.glob("*.rtf"))
    assert changed > 5
    for before in tmp_path.glob("*-before.txt"):
        assert before.read_bytes() == before.with_name(before.name.replace("before", "after")).read_bytes(), before


def test_files_in_an_archive_are_cleaned_and_what_stays_is_named():
    def pack(files):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return out.getvalue()

    files = {"photos/plan.png": picture(b"Anna Lenz"),
             "__MACOSX/photos/._plan.png": b"\0\5\x16\7\0\2\0\0Mac OS X        \0\1\0\0\0\x09\0\0\0\x26\0\0\0\x09from Lenz",
             "words.txt": b"words",
             "offer.rtf": b"{\\rtf1{\\info{\\author Anna Lenz}}words}"}
    made, said = cleaned("all.zip", pack(files))
    assert said.startswith("all.zip: taken out: ") and "stays" not in said
    assert parts(made) == {"photos/plan.png": picture(), "words.txt": b"words", "offer.rtf": b"{\\rtf1 words}"}
    files["old.7z"] = b"7z\xbc\xaf\x27\x1c"
    made, said = cleaned("all.zip", pack(files))
    assert "taken out, but not all: " in said and "; it holds old.7z: it is an archive that is not opened" in said
    assert parts(made)["photos/plan.png"] == picture() and parts(made)["old.7z"] == files["old.7z"]
    files["offer.rtf.p7s"] = b"a signature"
    made, said = cleaned("all.zip", pack(files))
    assert said == "all.zip: stays as it is: it is signed\n" and made == pack(files)


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.long)])
def test_documents_of_many_programs_say_the_same_and_are_whole(count):
    if not CORPUS.is_dir():
        pytest.skip("the corpora are not there")
    found = sorted(p for p in CORPUS.rglob("*") if p.suffix in (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp")
                   and p.stat().st_size < 1 << 19)
    changed = 0
    for path in found[::max(1, len(found) // count)][:count]:
        content = path.read_bytes()
        made, said = cleaned("f" + path.suffix, content)
        if "taken out" not in said:
            assert made == content
            continue
        changed += 1
        before, after = parts(content), parts(made)
        for name in after:
            if name.endswith((".xml", ".rels")) and after[name] != before[name]:
                xml.dom.minidom.parseString(after[name])
            if name.endswith(".rels"):
                for target in re.findall(rb'Target="([^"]*)"', after[name]):
                    at = posixpath.normpath(posixpath.join("/", posixpath.dirname(posixpath.dirname(name)), target.decode()))
                    assert at[1:] not in before or at[1:] in after, (path, name, target)
            if "/printerSettings/" in name and not after[name].startswith(b"<?xml"):
                assert after[name][:64].strip(b"\0") == b"", (path, name)
            if posixpath.basename(name) == "settings.xml" and not name.startswith("word/"):
                assert b'"PrinterName" config:type="string">' not in after[name], (path, name)
            if name == "word/document.xml" and not re.search(rb"<w:(ins|del|moveFrom|moveTo)\b", before[name]):
                assert words(after[name]) == words(before[name]), path
    assert changed > count / 2


@pytest.mark.skipif(not shutil.which("qpdf") or not shutil.which("pdftotext"), reason="needs qpdf and pdftotext (poppler-utils)")
@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.long)])
def test_pdf_documents_say_the_same_and_are_whole(tmp_path, count):
    if not CORPUS.is_dir():
        pytest.skip("the corpora are not there")
    found = sorted(p for p in CORPUS.rglob("*.pdf") if p.stat().st_size < 1 << 20)
    changed = 0
    for path in found[::max(1, len(found) // count)][:count]:
        content = path.read_bytes()
        made, said = cleaned("f.pdf", content)
        if "taken out" not in said:
            assert made == content
            continue
        changed += 1
        (tmp_path / "made.pdf").write_bytes(made)
        checked = subprocess.run(["qpdf", "--check", tmp_path / "made.pdf"], capture_output=True, check=False)
        before = subprocess.run(["qpdf", "--check", path], capture_output=True, check=False)
        assert checked.returncode in (0, before.returncode), (path, checked.stderr)
        texts = [subprocess.run(["pdftotext", p, "-"], capture_output=True, check=False).stdout for p in (path, tmp_path / "made.pdf")]
        assert texts[0] == texts[1], path
        said_of_it = subprocess.run(["pdfinfo", tmp_path / "made.pdf"], capture_output=True, check=False).stdout
        assert b"Author:" not in said_of_it and b"Metadata Stream: no" in said_of_it.replace(b"  ", b"").replace(b":no", b": no"), path
    assert changed > count / 4
