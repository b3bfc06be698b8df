"""A directory server for tests: OpenLDAP's slapd with TLS on loopback, and attributes of Active Directory's."""
import contextlib
import shutil
import socket
import subprocess

from company import free_port, wait_for

MISSING = None if shutil.which("slapd") and shutil.which("ldapmodify") else "needs slapd and ldap-utils"
NAME = "ldap.example.test"
BASE = "dc=example,dc=test"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
READER, READER_PASSWORD = f"cn=postern,{BASE}", "reader password of postern"
ADMIN = f"cn=admin,{BASE}"

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.99999.1.1 NAME 'proxyAddresses' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.99999.1.2 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'exchangePerson' SUP top AUXILIARY MAY ( proxyAddresses $ userAccountControl ) )
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database mdb
maxsize 104857600
suffix "{base}"
rootdn "{admin}"
rootpw admin
directory {folder}/db
index mail,uid,entryUUID eq
"""
TREE = f"""
dn: {BASE}
objectClass: domain
dc: example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: ou=moved,{PEOPLE}
objectClass: organizationalUnit
ou: moved

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: postern
userPassword: {READER_PASSWORD}
"""


def person(uid, mail=None, password=None, *more):
    """LDIF of one."""
    lines = [f"dn: uid={uid},{PEOPLE}", "objectClass: inetOrgPerson", "objectClass: exchangePerson",
             f"uid: {uid}", f"cn: {uid.capitalize()} Example", "sn: Example",
             f"mail: {mail or uid + '@example.test'}",
             f"userPassword: {password or 'the password of ' + uid}", *more]
    return "\n" + "\n".join(lines) + "\n"


def group(name, *members):
    return "\n" + "\n".join([f"dn: cn={name},{GROUPS}", "objectClass: groupOfNames", f"cn: {name}",
                             *(f"member: uid={m},{PEOPLE}" for m in members)]) + "\n"


class Slapd:
    def __init__(self, folder, authority, ldif, name=NAME):
        self.folder = folder
        self.port, self.plain = free_port(), free_port()
        (folder / "db").mkdir(parents=True)
        certificate, key = authority.issue(name, file=f"slapd-{name}-{self.port}")
        (folder / "slapd.conf").write_text(CONFIGURATION.format(
            folder=folder, ca=authority.certificate, certificate=certificate, key=key, base=BASE,
            admin=ADMIN))
        (folder / "tree.ldif").write_text(TREE + ldif)
        subprocess.run(["slapadd", "-q", "-f", folder / "slapd.conf", "-l", folder / "tree.ldif"],
                       check=True, capture_output=True)
        self.process = None
        self.start()

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["slapd", "-d", "stats", "-f", self.folder / "slapd.conf", "-h",
                 f"ldaps://127.0.0.1:{self.port}/ ldap://127.0.0.1:{self.plain}/"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("slapd", self.answers)

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
        self.process = None

    def change(self, ldif):
        subprocess.run(["ldapmodify", "-x", "-H", f"ldap://127.0.0.1:{self.plain}", "-D", ADMIN,
                        "-w", "admin"], input=ldif, text=True, check=True, capture_output=True)

    def modify(self, uid, *lines):
        self.change("\n".join([f"dn: uid={uid},{PEOPLE}", "changetype: modify", *lines]) + "\n")

    def said(self):
        return (self.folder / "log").read_text(errors="replace")
