"""A provider's IMAP server: a real Dovecot with its own users, folders and certificate.

What it needs is Debian's dovecot-imapd; `NEEDED` says what is missing. It runs on loopback and is ended
with what it started.
"""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import subprocess
import time

from company import free_port, wait_for

IMAP = pathlib.Path("/usr/lib/dovecot/imap")
MISSING = None if shutil.which("dovecot") and IMAP.exists() else "Dovecot is not here (package dovecot-imapd)"
PASSWORD = "a-provider's-password"
SECRET = os.urandom(32)

CONF = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_mechanisms = plain {mechanisms}
auth_master_user_separator = *
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
default_vsz_limit = 2 G
mail_max_userip_connections = 100
passdb {{
  driver = passwd-file
  args = {folder}/masters
  master = yes
}}
passdb {{
  driver = static
  args = password={password}
  mechanisms = plain
}}
{oauth}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox "Gesendete Élemente" {{
    auto = create
    special_use = \\Sent
  }}
}}
"""

OAUTH = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth
}}
"""

OAUTH_ARGS = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = email
"""


def token(mailbox, lasts=3600):
    """An access token that lets its holder into one mailbox."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    now = int(time.time())
    signed = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(
        {"sub": mailbox, "email": mailbox, "iat": now - 5, "exp": now + lasts}).encode())
    return (signed + b"." + part(hmac.new(SECRET, signed, hashlib.sha256).digest())).decode()


class Provider:
    SENT = "Gesendete Élemente"
    SENT_FOLDER = ".Gesendete &AMk-lemente"

    def __init__(self, folder, authority, name="imap.provider.test"):
        self.folder = pathlib.Path(folder)
        for below in ("run", "state", "mail", "keys/default/HS256"):
            (self.folder / below).mkdir(parents=True)
        self.folder.chmod(0o755)
        self.name = name
        self.port = free_port()
        self.uid = self.gid = 65534 if os.geteuid() == 0 else os.geteuid()
        shutil.chown(self.folder / "mail", self.uid, self.gid)
        certificate, key = authority.issue(name)
        values = {"folder": self.folder, "certificate": certificate, "key": key, "port": self.port,
                  "password": PASSWORD, "uid": self.uid, "gid": self.gid, "mechanisms": "xoauth2"}
        values["oauth"] = OAUTH.format(**values)
        (self.folder / "keys/default/HS256/default").write_bytes(base64.b64encode(SECRET))
        (self.folder / "oauth").write_text(OAUTH_ARGS.format(**values))
        (self.folder / "masters").write_text(f"archive:{{PLAIN}}{PASSWORD}\n")
        (self.folder / "conf").write_text(CONF.format(**values))
        self.process = None

    def start(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.folder / "conf"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=(self.folder / "stderr").open("wb"))
        wait_for("Dovecot to listen", self._listens, 20)

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "stderr").read_text() + self.log()
        return b":%04X " % self.port in pathlib.Path("/proc/net/tcp").read_bytes()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)

    def log(self):
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    def put(self, mailbox, n, content, folder=SENT_FOLDER, flags="S"):
        """A letter in the mailbox's folder, as a file of its Maildir; returns it."""
        cur = self.folder / "mail" / mailbox / folder / "cur"
        if not cur.is_dir():
            for part in ("cur", "new", "tmp"):
                (cur.parent / part).mkdir(parents=True, exist_ok=True)
            for directory in (cur.parent, cur, cur.parent / "new", cur.parent / "tmp",
                              cur.parent.parent):
                shutil.chown(directory, self.uid, self.gid)
        file = cur / f"{1764000000 + n}.M{n}.provider:2,{flags}"
        file.write_bytes(content)
        shutil.chown(file, self.uid, self.gid)
        return file

    def section(self, name, mailboxes, password_file, **settings):
        """A [pull] section of postern.conf that reads these."""
        lines = {"host": f"127.0.0.1:{self.port}", "tls-name": self.name,
                 "mailbox": ", ".join(mailboxes), "password-file": password_file,
                 "interval": "7d", **{k.replace("_", "-"): v for k, v in settings.items()}}
        return f"[pull {name}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())
