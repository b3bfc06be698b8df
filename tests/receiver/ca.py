#!/usr/bin/python3
"""A small certificate authority for tests and for `./do up`: EC keys, made by openssl(1).

    tests/receiver/ca.py FOLDER NAME...     makes FOLDER/ca.pem and FOLDER/NAME.pem, NAME.key

An authority that is there is used again. As a module: `CA(folder).issue("mx.partner.test")`.
"""
import pathlib
import subprocess
import sys


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def new_key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    path.chmod(0o600)


def subject(name):
    """How a certificate says whose it is: a host's name or address."""
    return ("IP:" if name.replace(".", "").isdigit() or ":" in name else "DNS:") + name


class CA:
    def __init__(self, folder, name="Test authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        if not self.certificate.exists():
            new_key(self.key)
            openssl("req", "-x509", "-new", "-key", self.key, "-days", "3650", "-subj",
                    f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
                    "keyUsage=critical,keyCertSign,cRLSign", "-out", self.certificate)

    def issue(self, name, *more_names, days=825, file=None, usage="serverAuth"):
        """A certificate for the names; returns the paths of certificate and key. Negative `days`
        give one that is over already."""
        stem = file or name
        certificate, key = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        request, extensions = self.folder / f"{stem}.csr", self.folder / f"{stem}.ext"
        new_key(key)
        extensions.write_text(
            f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\nsubjectAltName="
            + ",".join(map(subject, (name, *more_names))) + "\n")
        openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", certificate)
        request.unlink()
        extensions.unlink()
        return certificate, key


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    authority = CA(sys.argv[1])
    for host in sys.argv[2:]:
        authority.issue(host)
