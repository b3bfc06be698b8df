#!/usr/bin/python3
"""Open documents with LibreOffice and say what is in them; for tests/system/test_documents_sealed.py.

    tests/documents/office.py PIPE FOLDER

Every line of standard input is a password, a tab and the path of a document; an empty password is none. For each a line comes back: `REFUSED`
when LibreOffice does not open it so, otherwise the SHA-256 of its content as OpenDocument, without properties and settings. PIPE is the
name by which soffice was told to listen; FOLDER is for files in between. Needs python3-uno.
"""
import contextlib
import hashlib
import pathlib
import re
import sys
import time

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.lang import DisposedException

FLAT = {"com.sun.star.text.TextDocument": "OpenDocument Text Flat XML",
        "com.sun.star.sheet.SpreadsheetDocument": "OpenDocument Spreadsheet Flat XML",
        "com.sun.star.presentation.PresentationDocument": "OpenDocument Presentation Flat XML"}


def values(**words):
    made = []
    for name, value in words.items():
        made.append(PropertyValue())
        made[-1].Name, made[-1].Value = name, value
    return tuple(made)


def desktop_of(pipe):
    """The desktop of the soffice that listens there, which may just be starting."""
    local = uno.getComponentContext().ServiceManager
    resolver = local.createInstance("com.sun.star.bridge.UnoUrlResolver")
    for _ in range(1200):
        with contextlib.suppress(Exception):
            context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        time.sleep(0.1)
    raise SystemExit("office.py: soffice does not answer")


def content(document, folder):
    kind = next(k for k in FLAT if document.supportsService(k))
    out = folder / "flat.xml"
    document.storeToURL(out.as_uri(), values(FilterName=FLAT[kind], Overwrite=True))
    body = re.search(rb"<office:body>.*</office:body>", out.read_bytes(), re.S)[0]
    return hashlib.sha256(body).hexdigest()


def opened(desktop, password, path, folder):
    words = {"Hidden": True, "MacroExecutionMode": 0, "UpdateDocMode": 0} | ({"Password": password} if password else {})
    try:
        document = desktop.loadComponentFromURL(pathlib.Path(path).as_uri(), "_blank", 0, values(**words))
    except DisposedException:  # soffice itself is gone
        raise
    except Exception:  # of many kinds, as the document's is
        return "REFUSED"
    if not document:
        return "REFUSED"
    said = content(document, folder)
    document.close(True)
    return said


def main():
    desktop = desktop_of(sys.argv[1])
    for line in sys.stdin:
        password, _, path = line.rstrip("\n").partition("\t")
        print(opened(desktop, password, path, pathlib.Path(sys.argv[2])), flush=True)
    with contextlib.suppress(Exception):  # it is gone before it has answered
        desktop.terminate()


if __name__ == "__main__":
    main()
