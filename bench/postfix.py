"""The stack that Postern is compared with: Postfix, Dovecot for AUTH, OpenDKIM, a Maildir archive.

Every letter is authenticated, signed with RSA-2048 by the milter and copied to an archive by
always_bcc, under the same TLS 1.3 and on the same disk. Nothing is relaxed in its durability
(Postfix syncs every queue file before its 250; its archive copy comes afterwards). What it could
lose time with for nothing is off: in_flow_delay, lookups of names, rate limits, Dovecot's slow
password hashes. It does what Postern does at that moment, and no more: on port `held`, letters stay in
the queue, signed; on port `free`, they go on to the archive and to `transport`.
"""
import base64
import hashlib
import os
import pwd
import shutil
import subprocess

from machine import Failure, Group, answers, free_port, make_certificate, need, wait_until

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
multi_instance_name = postfix-{name}
multi_instance_enable = yes
myhostname = gw.example.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks =
maillog_file_prefixes = {folder}
maillog_file = {folder}/mail.log
in_flow_delay = 0
message_size_limit = 52428800
mailbox_size_limit = 0
smtpd_tls_chain_files = {key}, {certificate}
smtpd_tls_security_level = encrypt
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_sasl_auth_enable = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
smtpd_milters = unix:{folder}/milter/socket
milter_default_action = tempfail
default_process_limit = 100
always_bcc = archive@archive.invalid
virtual_mailbox_domains = archive.invalid
virtual_mailbox_base = {folder}/archive
virtual_mailbox_maps = static:./
virtual_minimum_uid = 100
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
default_transport = {transport}
relay_transport = {transport}
smtp_tls_security_level = encrypt
smtp_tls_loglevel = 0
smtp_destination_concurrency_limit = 20
"""

MASTER_CF = """
127.0.0.1:{free} inet n - n - 5200 smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:{held} inet n - n - 5200 smtpd -o smtpd_tls_wrappermode=yes
    -o smtpd_sender_restrictions=check_client_access,static:HOLD
pickup     unix n - n 60    1 pickup
cleanup    unix n - n -     0 cleanup
qmgr       unix n - n 300   1 qmgr
tlsmgr     unix - - n 1000? 1 tlsmgr
rewrite    unix - - n -     - trivial-rewrite
bounce     unix - - n -     0 bounce
defer      unix - - n -     0 bounce
trace      unix - - n -     0 bounce
verify     unix - - n -     1 verify
flush      unix n - n 1000? 0 flush
proxymap   unix - - n -     - proxymap
proxywrite unix - - n -     1 proxymap
smtp       unix - - n -     - smtp
relay      unix - - n -     - smtp
showq      unix n - n -     - showq
error      unix - - n -     - error
retry      unix - - n -     - error
discard    unix - - n -     - discard
local      unix - n n -     - local
virtual    unix - n n -     - virtual
lmtp       unix - - n -     - lmtp
anvil      unix - - n -     1 anvil
scache     unix - - n -     1 scache
postlog    unix-dgram n - n - 1 postlogd
"""

DOVECOT_CONF = """
base_dir = {folder}/dovecot/run
state_dir = {folder}/dovecot/state
log_path = {folder}/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain login
default_client_limit = 8000
default_process_limit = 400
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  client_limit = 9000
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""

OPENDKIM_CONF = """
Syslog no
UMask 000
RequireSafeKeys no
Mode s
Domain example.test
Selector bench
KeyFile {folder}/milter/key.pem
Canonicalization relaxed/relaxed
SignatureAlgorithm rsa-sha256
OversignHeaders From
InternalHosts 127.0.0.0/8
UserID opendkim
Socket local:{folder}/milter/socket
"""


class Postfix:
    """The running stack. `sink`: the port that its letters go to; None: they are discarded."""

    name = "Postfix"
    user, password = "alice@example.test", "bench-password"

    def __init__(self, parent, name, sink):
        need("postfix", "dovecot", "opendkim", "openssl")
        if os.geteuid() != 0:
            raise Failure("Postfix wants to be started by root")
        self.folder = parent / name
        self.free, self.held = free_port(), free_port()
        self.group = Group(name)
        self._write(name, f"smtp:[127.0.0.1]:{sink}" if sink else "discard:")
        self._start()

    def _write(self, name, transport):
        owner = pwd.getpwnam("postfix")
        for part in ("spool", "data", "archive", "milter", "dovecot/run", "dovecot/state", "etc"):
            (self.folder / part).mkdir(parents=True)
        for part in ("data", "archive"):
            shutil.chown(self.folder / part, "postfix", "postfix")
        certificate, key = make_certificate(self.folder, "gw.example.test")
        subprocess.run(["openssl", "genrsa", "-out", self.folder / "milter/key.pem", "2048"],
                       check=True, capture_output=True)
        for path in (self.folder / "milter", self.folder / "milter/key.pem"):
            shutil.chown(path, "opendkim", "opendkim")
        values = {"folder": self.folder, "name": name, "transport": transport, "key": key,
                  "certificate": certificate, "uid": owner.pw_uid, "gid": owner.pw_gid,
                  "free": self.free, "held": self.held}
        for path, template in (("etc/main.cf", MAIN_CF), ("etc/master.cf", MASTER_CF),
                               ("dovecot.conf", DOVECOT_CONF), ("opendkim.conf", OPENDKIM_CONF)):
            (self.folder / path).write_text(template.format(**values))
        salt = b"salt"
        digest = hashlib.sha256(self.password.encode() + salt).digest()
        (self.folder / "users").write_text(
            f"{self.user}:{{SSHA256}}{base64.b64encode(digest + salt).decode()}::::::\n")

    def _start(self):
        log = open(self.folder / "start.log", "ab")
        to_log = {"stdout": log, "stderr": log}
        self.group.start(["dovecot", "-F", "-c", self.folder / "dovecot.conf"], **to_log)
        self.group.start(["opendkim", "-f", "-x", self.folder / "opendkim.conf"], **to_log)
        wait_until((self.folder / "auth").exists, 20, "Dovecot listens")
        wait_until((self.folder / "milter/socket").exists, 20, "OpenDKIM listens")
        self.group.start(["postfix", "-c", self.folder / "etc", "start-fg"], **to_log)
        wait_until(lambda: answers(self.held) and answers(self.free), 30, "Postfix listens")

    def _files(self, *queues):
        return sum(len(files) for queue in queues
                   for _, _, files in os.walk(self.folder / "spool" / queue))

    def pause(self):
        """Nothing: letters that come to `held` stay."""

    def settle(self):
        """Wait until nothing is under way any more, then make room."""
        wait_until(lambda: self._files("incoming", "active", "maildrop") == 0, 300,
                   "Postfix' queue is empty", every=0.3)

    def clear(self):
        """Remove held letters and the archive, so that the disk does not fill."""
        for folder in ("spool/hold", "archive/new"):
            for where, _, files in os.walk(self.folder / folder):
                for file in files:
                    os.unlink(os.path.join(where, file))
        with open(self.folder / "mail.log", "w", encoding="utf-8"):
            pass

    def stop(self):
        """End all three."""
        self.group.stop()
