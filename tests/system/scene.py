"""A company, one person in it who sends, and one server outside that receives."""
import re
import smtplib
import socket
import sys
from email.mime.text import MIMEText

from company import ROOT, Company

sys.path.insert(0, str(ROOT / "tests" / "receiver"))
from receiver import Receiver  # noqa: E402

PASSWORD = "gravel orchid lantern spoon"
ALICE = "alice@example.test"


class Client(smtplib.SMTP_SSL):
    """Connects to loopback whatever the name, which the certificate must carry."""

    def _get_socket(self, host, port, timeout):
        sock = socket.create_connection(("127.0.0.1", port), timeout)
        return self.context.wrap_socket(sock, server_hostname=host)


class Scene:
    """A company, somebody outside who receives, and a person who sends."""

    def __init__(self, directory, behave="", sections="", limits=False, **settings):
        self.company = Company(directory / "company")
        certificate, key = self.company.authority.issue("mx.partner.test")
        self.receiver = Receiver(directory / "partner", certificate=certificate, key=key).start()
        self.receiver.behave(behave)
        self.company.create(
            settings={"outbound-tls": "verified",
                      **{name.replace("_", "-"): value for name, value in settings.items()}},
            sections=f"[domain partner.test]\nroute = 127.0.0.1:{self.receiver.port}\n"
                     "tls-name = mx.partner.test\n" + sections.replace("@RECEIVER@", f"127.0.0.1:{self.receiver.port}"),
            limits=limits)
        self.company.start()
        self.company.add_user(ALICE, PASSWORD)

    def client(self, user=ALICE, password=PASSWORD, company=None):
        company = company or self.company
        smtp = Client(company.hostname, company.submissions, context=company.context(),
                      local_hostname="client.example.test", timeout=30)
        smtp.login(user, password)
        return smtp

    def send(self, subject, to="paula@partner.test", text="Kind regards\n", smtp=None):
        """Send one letter; its id, from the reply to its end."""
        message = MIMEText(text)  # its header fields stay as they are given
        message["From"] = ALICE
        message["To"] = to
        message["Subject"] = subject
        content = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
        return self.submit(content, [to], smtp), content

    def submit(self, content, recipients, smtp=None, options=()):
        """Send these bytes from Alice; the letter's id."""
        own = smtp or self.client()
        own.mail(ALICE, [*options, *(["SMTPUTF8", "BODY=8BITMIME"] if not content.isascii() else [])])
        for recipient in recipients:
            own.rcpt(recipient)
        code, reply = own.data(content)
        if not smtp:
            own.quit()
        assert code == 250, reply
        return re.search(rb"\b[0-9a-z]{16}\b", reply)[0].decode()

    def close(self):
        self.company.stop()
        self.receiver.stop()
