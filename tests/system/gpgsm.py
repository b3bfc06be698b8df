"""gpgsm with a home of its own."""
import subprocess


class Gpgsm:
    """Trusts these certificates, and has the keys of people, which must be RSA: gpgsm 2.2 takes no others out of a file."""

    def __init__(self, home, trusted, people):
        self.home = home
        home.mkdir(mode=0o700)
        (home / "gpg-agent.conf").write_text("allow-loopback-pinentry\ns2k-count 65536\n")
        (home / "gpgsm.conf").write_text("disable-crl-checks\n")
        marks = []
        for certificate in trusted:
            shown = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha1"], check=True,
                                   capture_output=True, text=True).stdout
            marks.append(f"{shown.split('=')[1].strip()} S relax\n")
        (home / "trustlist.txt").write_text("".join(marks))
        for certificate in trusted:
            self("--import", certificate)
        for person in people:
            self("--import", person.pkcs12("x", "-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"))

    def __call__(self, *arguments):
        done = subprocess.run(["gpgsm", "--homedir", self.home, "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0",
                               *map(str, arguments)], input=b"x\n", check=False, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sign(self, octets, person, digest, *more):
        """In base64."""
        (self.home / "signed").write_bytes(octets)
        return self("--sign", "--base64", "--local-user", person.address, "--digest-algo", digest, *more, self.home / "signed")

    def decrypt(self, base64):
        (self.home / "sealed").write_bytes(base64)
        return self("--decrypt", "--assume-base64", self.home / "sealed")

    def verify(self, base64, content):
        """Fails unless the signature of the content is good, and of somebody who is trusted."""
        (self.home / "signature").write_bytes(base64)
        (self.home / "signed").write_bytes(content)
        self("--assume-base64", "--verify", self.home / "signature", self.home / "signed")

    def end(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False, capture_output=True)
