"""The search index, whose pages are encrypted (src/search/pages.c), read and written by other means: libsodium
by its C interface, SQLite by Python."""
import contextlib
import ctypes
import ctypes.util
import hashlib
import hmac
import pathlib
import sqlite3
import tempfile

PAGE, SEAL, HEAD, LOG_HEAD, LOG_FRAME = 4096, 40, 100, 32, 24
SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium"))
NAME = "crypto_aead_xchacha20poly1305_ietf_"


def page_key(data):
    """From the master key, as docs/ledger-format.md section 2 derives keys."""
    master = bytes.fromhex((data / "master.key").read_text().split()[2])
    extracted = hmac.digest(bytes(32), master, hashlib.sha256)
    search = hmac.digest(extracted, b"postern/v1/search\x01", hashlib.sha256)
    return hmac.digest(search, b"postern search pages", hashlib.sha256)


def context(log, at, page):
    clear = page[:HEAD] if at == 0 and not log else b""
    return bytes([log]) + at.to_bytes(8, "little") + clear, clear


def opened(key, log, at, page):
    """The page as SQLite has it; what is reserved is zeros."""
    about, clear = context(log, at, page)
    nonce, tag = page[PAGE - SEAL:PAGE - 16], page[PAGE - 16:]
    sealed = page[len(clear):PAGE - SEAL] + tag
    out, n = ctypes.create_string_buffer(len(sealed)), ctypes.c_ulonglong()
    if getattr(SODIUM, NAME + "decrypt")(out, ctypes.byref(n), None, sealed, ctypes.c_ulonglong(len(sealed)),
                                         about, ctypes.c_ulonglong(len(about)), nonce, key):
        raise ValueError(f"the page at {at} is not what was written")
    return clear + out.raw[:n.value] + bytes(SEAL)


def sealed(key, at, page):
    about, clear = context(False, at, page)
    nonce = hashlib.sha256(page).digest()[:24]
    plain = page[len(clear):PAGE - SEAL]
    out, n = ctypes.create_string_buffer(len(plain) + 16), ctypes.c_ulonglong()
    getattr(SODIUM, NAME + "encrypt")(out, ctypes.byref(n), plain, ctypes.c_ulonglong(len(plain)), about,
                                      ctypes.c_ulonglong(len(about)), None, nonce, key)
    return clear + out.raw[:len(plain)] + nonce + out.raw[len(plain):]


def read_index(data, folder):
    """Leave the index, and its log if there is one, in the folder as SQLite reads them."""
    key, log = page_key(data), data / "catalog/search.db-wal"
    whole = (data / "catalog/search.db").read_bytes()
    pages = [opened(key, False, at, whole[at:at + PAGE]) for at in range(0, len(whole), PAGE)]
    (folder / "search.db").write_bytes(b"".join(pages))
    if log.exists() and log.stat().st_size > LOG_HEAD:
        whole = log.read_bytes()
        out = bytearray(whole[:LOG_HEAD])
        for at in range(LOG_HEAD, len(whole) - LOG_FRAME - PAGE + 1, LOG_FRAME + PAGE):
            begin = at + LOG_FRAME
            out += whole[at:begin] + opened(key, True, begin, whole[begin:begin + PAGE])
        (folder / "search.db-wal").write_bytes(out)
    return folder / "search.db"


def write_index(data, path):
    """Put a file of SQLite's in the place of the index."""
    key, whole = page_key(data), path.read_bytes()
    for end in ("-wal", "-shm"):
        (data / f"catalog/search.db{end}").unlink(missing_ok=True)
    with (data / "catalog/search.db").open("r+b") as file:
        file.truncate(0)
        for at in range(0, len(whole), PAGE):
            file.write(sealed(key, at, whole[at:at + PAGE]))


def change_index(data, *statements):
    """Run statements, which need none of Postern's own functions, on the index of a company that is stopped."""
    with tempfile.TemporaryDirectory() as folder:
        path = read_index(data, pathlib.Path(folder))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            for statement in (*statements, "PRAGMA wal_checkpoint(TRUNCATE)"):
                db.execute(statement)
        write_index(data, path)
