"""A real OpenSSH server on loopback, with keys of its own, that serves SFTP alone."""
import os
import pathlib
import subprocess

from company import free_port, wait_for

SSHD = "/usr/sbin/sshd"
SERVER = "/usr/lib/openssh/sftp-server"
MISSING = not (os.path.exists(SSHD) and os.path.exists(SERVER))


class Sftp:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.folder = self.directory / "vault"
        self.folder.mkdir()
        self.port = free_port()
        self.key = self._key("client")
        host = self._key("host")
        print_ = subprocess.run(["ssh-keygen", "-lf", f"{host}.pub"], check=True,
                                capture_output=True, text=True).stdout
        self.host_key = print_.split()[1]
        self.config = self.directory / "sshd_config"
        self.config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {host}\nPidFile none\n"
            f"AuthorizedKeysFile {self.key}.pub\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            f"Subsystem sftp {SERVER}\n")
        self.process = None
        self.start()

    def _key(self, name):
        path = self.directory / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        return path

    def start(self):
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.config], stderr=log)
        wait_for("sshd", lambda: "Server listening" in (self.directory / "log").read_text())

    def stop(self):
        """The listener and every session."""
        sessions = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True,
                                  text=True, check=False).stdout.split()
        self.process.terminate()
        self.process.wait()
        for pid in sessions:
            subprocess.run(["kill", pid], check=False)

    def settings(self):
        return {"backup_target": f"sftp://root@127.0.0.1:{self.port}{self.folder}",
                "backup_credentials": self.key, "backup_host_key": self.host_key}
