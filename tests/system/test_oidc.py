"""Signing in by an OpenID provider: a real one (oidc-provider of npm, tests/oidc), with mail programs that show its tokens,
and with tokens that nobody honest makes.

Starts a company and providers, and ends them.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from company import BUILD, ROOT, Company, wait_for
from passkeys import Desk as PasskeyDesk
from passkeys import SoftKey
from scene import PASSWORD
from test_running import scrape

PROVIDER = ROOT / "tests" / "oidc"
ADA, BEA, CLEO, DORA, MIA, NIA = (f"{name}@example.test" for name in ("ada", "bea", "cleo", "dora", "mia", "nia"))
AUDIENCE = "https://mail.example.test"
SECRET = "the client's own secret"

pytestmark = pytest.mark.skipif(
    not shutil.which("node") or not (PROVIDER / "node_modules").exists(),
    reason="no provider: install nodejs and npm, then `npm ci --ignore-scripts` in tests/oidc")


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    """A key of a provider's, by which it signs with one algorithm."""

    def __init__(self, alg, kid):
        self.alg, self.kid = alg, kid
        self.private = {"RS256": lambda: rsa.generate_private_key(65537, 2048),
                        "PS256": lambda: rsa.generate_private_key(65537, 2048),
                        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
                        "EdDSA": ed25519.Ed25519PrivateKey.generate}[alg]()

    def jwk(self):
        """With its private part, as the provider wants it."""
        common = {"kid": self.kid, "alg": self.alg, "use": "sig"}
        if self.alg == "EdDSA":
            raw = serialization.Encoding.Raw
            return {**common, "kty": "OKP", "crv": "Ed25519",
                    "x": b64(self.private.public_key().public_bytes(raw, serialization.PublicFormat.Raw)),
                    "d": b64(self.private.private_bytes(raw, serialization.PrivateFormat.Raw,
                                                        serialization.NoEncryption()))}
        n = self.private.private_numbers()
        if self.alg == "ES256":
            side = {name: b64(value.to_bytes(32, "big")) for name, value in
                    (("x", n.public_numbers.x), ("y", n.public_numbers.y), ("d", n.private_value))}
            return {**common, "kty": "EC", "crv": "P-256", **side}
        return {**common, "kty": "RSA", "n": number(n.public_numbers.n), "e": number(n.public_numbers.e),
                "d": number(n.d), "p": number(n.p), "q": number(n.q), "dp": number(n.dmp1),
                "dq": number(n.dmq1), "qi": number(n.iqmp)}

    def sign(self, octets):
        if self.alg == "EdDSA":
            return self.private.sign(octets)
        if self.alg == "ES256":
            r, s = utils.decode_dss_signature(self.private.sign(octets, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        pad = padding.PKCS1v15() if self.alg == "RS256" else padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return self.private.sign(octets, pad, hashes.SHA256())

    def pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)


def token(key, header=None, sign=None, **claims):
    now = int(time.time())
    payload = {"iss": None, "sub": "ada", "aud": AUDIENCE, "client_id": "thunderbird", "iat": now,
               "exp": now + 600, "jti": os.urandom(8).hex(), "scope": "mail.send", "email": ADA,
               "email_verified": True, **claims}
    head = {"alg": key.alg, "typ": "at+jwt", "kid": key.kid, **(header or {})}
    text = ".".join(b64(json.dumps({name: value for name, value in part.items() if value is not None}).encode())
                    for part in (head, payload))
    return text + "." + b64((sign or key.sign)(text.encode()))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Provider:
    def __init__(self, directory, authority, name, alg="RS256", form="jwt", sparing=False):
        self.directory, self.alg, self.form, self.sparing = directory / name, alg, form, sparing
        self.directory.mkdir()
        self.port = free_port()
        self.issuer = f"https://127.0.0.1:{self.port}"
        self.certificate, self.private = authority.issue("127.0.0.1", file=f"provider-{name}")
        self.context = ssl.create_default_context(cafile=authority.certificate)
        self.keys = [Key(alg, "one")]
        self.process = None

    def start(self):
        loopback = {"redirect_uris": ["http://127.0.0.1/postern"], "application_type": "native",
                    "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
                    "response_types": ["code"],
                    "id_token_signed_response_alg": self.alg}
        people = {account.split("@")[0]: {"email": account, "email_verified": account != CLEO}
                  for account in (ADA, BEA, CLEO, DORA, MIA, NIA, "nobody@example.test", "officer@example.test")}
        people["twin"] = {"email": ADA, "email_verified": True, "speaks_of": "ada"}
        people["dora-mfa"] = {"email": DORA, "email_verified": True, "amr": ["pwd", "mfa"]}
        (self.directory / "settings.json").write_text(json.dumps({
            "issuer": self.issuer, "port": self.port, "certificate": str(self.certificate),
            "key": str(self.private), "audience": AUDIENCE, "format": self.form, "alg": self.alg,
            "sparing": self.sparing,
            "jwks": {"keys": [key.jwk() for key in self.keys]}, "people": people,
            "clients": [{"client_id": "postern", "client_secret": SECRET, **loopback},
                        {"client_id": "thunderbird", "token_endpoint_auth_method": "none", **loopback},
                        {"client_id": "newsletter", "token_endpoint_auth_method": "none", **loopback}]}))
        log_file = self.directory / "log"
        before = log_file.read_text().count("ready\n") if log_file.exists() else 0
        with open(log_file, "ab") as log:
            self.process = subprocess.Popen(["node", "provider.mjs", self.directory / "settings.json"], cwd=PROVIDER,
                                            stdout=log, stderr=log, env={**os.environ, "NODE_NO_WARNINGS": "1"})
        wait_for("the provider", lambda: log_file.read_text().count("ready\n") > before)
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def open(self, url, data=None, headers=None):
        return urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), timeout=10,
                                      context=self.context)

    def mint(self, account, client="thunderbird", scope="mail.send", **more):
        ask = {"account": account, "client": client, "scope": scope, **more}
        return self.open(self.issuer + "/test/mint", json.dumps(ask).encode()).read().decode()


class World:
    def __init__(self, directory):
        directory.chmod(0o755)
        self.company, self.dora = Company(directory / "company"), set()
        authority = self.company.authority
        self.office = Provider(directory, authority, "office").start()
        self.vault = Provider(directory, authority, "vault", alg="ES256", form="opaque", sparing=True).start()
        secret = directory / "secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        mail = f"audience = {AUDIENCE}\nclient = thunderbird\nclient-secret-file = {secret}\n"
        self.company.create(
            settings={"courier-trust-store": str(authority.certificate), "auth-failures": "10000",
                      "auth-failure-delay": "0s", "connections-per-address": "200"},
            sections="[domain partner.test]\nroute = 127.0.0.1:9\n"
                     f"[oidc office]\nissuer = {self.office.issuer}\nclient-id = postern\n{mail}"
                     "second-factor = mfa\ndevice-login = yes\n"
                     f"[oidc vault]\nissuer = {self.vault.issuer}\nclient-id = postern\n{mail}"
                     "introspection = yes\n")
        self.company.start()
        for account in (ADA, BEA, CLEO, DORA, MIA, NIA):
            self.company.add_user(account, PASSWORD)

    def smtp(self):
        smtp = smtplib.SMTP("127.0.0.1", self.company.submission, "client.example.test", timeout=30)
        smtp.starttls(context=unverified())
        smtp.ehlo()
        return smtp

    def show(self, text, user="", mechanism="OAUTHBEARER", smtp=None):
        """Show a token: the reply, and the error that the server explains itself with before."""
        own = smtp or self.smtp()
        message = (f"user={user}\1auth=Bearer {text}\1\1" if mechanism == "XOAUTH2" else
                   f"n,{'a=' + user if user else ''},\1host=mail.example.test\1port=587\1auth=Bearer {text}\1\1")
        code, reply = own.docmd("AUTH", mechanism + " " + base64.b64encode(message.encode()).decode())
        error = None
        if code == 334:
            error = json.loads(base64.b64decode(reply))
            code, reply = own.docmd("" if mechanism == "XOAUTH2" else "AQ==")
        if not smtp:
            own.close()
        return code, error

    def close(self):
        self.company.stop()
        self.office.stop()
        self.vault.stop()

    def reason(self):
        """Why the last sign-in was refused, as the log says it."""
        lines = [line for line in self.company.log.read_text().splitlines() if " event=auth.refused " in line]
        return lines[-1].split("reason=", 1)[1] if lines else ""


def unverified():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("oidc"))
    try:
        yield made
    finally:
        made.close()


# ── mail programs ──

LETTER = f"From: {ADA}\r\nTo: bob@partner.test\r\nSubject: by token\r\n\r\nhello\r\n"


def test_curl(world, tmp_path):
    (tmp_path / "letter").write_bytes(LETTER.encode())
    done = subprocess.run(
        ["curl", "-sv", "--ssl-reqd", "-k", f"smtp://127.0.0.1:{world.company.submission}", "--user", f"{ADA}:",
         "--oauth2-bearer", world.office.mint("ada"), "--mail-from", ADA, "--mail-rcpt", "bob@partner.test", "--upload-file", tmp_path / "letter"],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "AUTH OAUTHBEARER" in done.stderr, done.stderr


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_msmtp(world, mechanism):
    done = subprocess.run(
        ["msmtp", "--file=/dev/null", "--host=127.0.0.1", f"--port={world.company.submission}", "--tls=on",
         "--tls-certcheck=off", "--tls-starttls=on", f"--auth={mechanism.lower()}", f"--user={ADA}", f"--from={ADA}",
         f"--passwordeval=echo {world.office.mint('ada')}", "--debug", "bob@partner.test"],
        input=LETTER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and f"AUTH {mechanism}" in done.stdout, done.stdout + done.stderr


def test_a_token_in_a_line_of_its_own_and_without_a_name(world):
    with world.smtp() as smtp:
        assert "OAUTHBEARER XOAUTH2" in smtp.esmtp_features["auth"]
        assert smtp.docmd("AUTH", "OAUTHBEARER")[0] == 334
        said = base64.b64encode(f"n,,\1auth=Bearer {world.office.mint('ada')}\1\1".encode()).decode()
        assert smtp.docmd(said)[0] == 235
        smtp.sendmail(ADA, ["bob@partner.test"], LETTER)
        with pytest.raises(smtplib.SMTPDataError) as refused:  # its rights are everyone's
            smtp.sendmail(BEA, ["bob@partner.test"], LETTER.replace(ADA, BEA))
        assert refused.value.smtp_code == 550


def test_a_token_that_is_not_signed_is_introspected(world):
    opaque = world.vault.mint("ada")
    assert "." not in opaque
    assert world.show(opaque)[0] == 235
    assert world.show(opaque, ADA, "XOAUTH2")[0] == 235
    assert world.show(opaque, BEA)[0] == 535
    assert world.show(opaque[::-1])[0] == 535
    assert world.show(world.vault.mint("ada", scope="mail.read"))[1]["status"] == "insufficient_scope"


# ── who and what ──

def test_an_error_says_what_would_do_and_not_who_there_is(world):
    unknown, bad = world.show(world.office.mint("nobody")), world.show("x.y.z")
    assert unknown == bad and unknown[0] == 535
    assert unknown[1] == {"status": "invalid_token", "scope": "mail.send",
                          "openid-configuration": world.office.issuer + "/.well-known/openid-configuration"}
    assert world.show("x.y.z", ADA, "XOAUTH2") == (535, {"status": "401", "schemes": "bearer", "scope": "mail.send"})
    code, error = world.show(world.office.mint("ada", scope="mail.read"))
    assert (code, error["status"]) == (535, "insufficient_scope")


def test_who_may(world):
    assert world.show(world.office.mint("ada"), ADA.upper())[0] == 235
    assert world.show(world.office.mint("ada"), BEA)[0] == 535        # whom the token names counts
    assert world.show(world.office.mint("cleo"))[0] == 535            # the address was not verified
    assert "not verified" in world.reason()
    assert world.show(world.office.mint("ada", client="newsletter"))[0] == 535
    assert "client" in world.reason()
    bea = world.office.mint("bea")
    assert world.show(bea)[0] == 235
    world.company.postern("user", "set", BEA, "--disable")
    assert world.show(bea)[0] == 535 and "closed account" in world.reason()
    world.company.postern("user", "set", BEA, "--enable")


def test_who_has_a_role_sends_by_no_token_of_a_section_without_roles(world):
    assert world.show(world.office.mint("officer"))[0] == 535
    assert "accounts with a role" in world.reason()


def test_the_session_ends_with_the_token(world):
    with world.smtp() as smtp:
        assert world.show(world.office.mint("ada", expires=2), smtp=smtp)[0] == 235
        time.sleep(2.1)
        with pytest.raises(smtplib.SMTPException):
            smtp.sendmail(ADA, ["bob@partner.test"], LETTER)


# ── what nobody honest makes ──

def confuse(key):
    return lambda octets: hmac.new(key.pem(), octets, hashlib.sha256).digest()


ATTACKS = {
    "none": (dict(header={"alg": "none"}, sign=lambda _: b""), "cannot be read"),
    "none, with a signature": (dict(header={"alg": "none"}), "cannot be read"),
    "HS256 with the public key": ("confuse", "cannot be read"),
    "a signature of somebody else's": ("stranger", "signature is wrong"),
    "a key that nobody has": (dict(header={"kid": "nobody's"}), "a key that the provider has not"),
    "a kid that is a path": (dict(header={"kid": "../../../dev/null"}), "a key that the provider has not"),
    "a key in the header": ("embedded", "signature is wrong"),
    "another algorithm of the key's kind": (dict(header={"alg": "PS256"}), "a key that the provider has not"),
    "another issuer": (dict(iss="https://127.0.0.1:1"), "another issuer"),
    "an issuer that is nearly it": ("slash", "another issuer"),
    "another audience": (dict(aud="https://files.example.test"), "another audience"),
    "our client as audience": (dict(aud="postern"), "another audience"),
    "no client": (dict(client_id=None), "client"),
    "two clients": (dict(azp="newsletter"), "client"),
    "an ID token": (dict(header={"typ": "JWT"}, aud=[AUDIENCE, "postern"], nonce="n"), "no access token"),
    "no type": (dict(header={"typ": None}), "no access token"),
    "expired": (dict(exp=int(time.time()) - 1), "expired"),
    "no end": (dict(exp=None), "no end"),
    "not yet": (dict(nbf=int(time.time()) + 86400), "future"),
    "no account": (dict(email=None), "names no account"),
    "a list as account": (dict(email=[ADA]), "names no account"),
    "an audience that cannot be read": (dict(aud=[AUDIENCE, 1]), "cannot be read"),
    "a client that cannot be read": (dict(azp=["newsletter"]), "cannot be read"),
    "a nonce that cannot be read": (dict(nonce="n" * 256), "cannot be read"),
    "crit": (dict(header={"crit": ["exp"]}), "cannot be read"),
    "huge": (dict(padding="A" * 9000), "cannot be read"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(world, name):
    change, reason = ATTACKS[name]
    key = world.office.keys[0]
    if change == "confuse":
        change = dict(header={"alg": "HS256"}, sign=confuse(key))
    elif change == "stranger":
        change = dict(sign=Key("RS256", "one").sign)
    elif change == "embedded":
        own = Key("RS256", "one")
        public = {part: own.jwk()[part] for part in ("kty", "n", "e", "kid")}
        change = dict(header={"jwk": public, "jku": "https://127.0.0.1:1/"}, sign=own.sign)
    elif change == "slash":
        change = dict(iss=world.office.issuer + "/")
    code, error = world.show(token(key, **{"iss": world.office.issuer, **change}))
    if name == "huge" and code == 500:
        return  # it is longer than a line may be
    assert (code, (error or {}).get("status")) in ((535, "invalid_token"), (501, None)), name
    assert code == 501 or reason in world.reason()


def test_what_the_attacks_change_is_all_that_is_wrong_with_them(world):
    key = world.office.keys[0]
    good = token(key, iss=world.office.issuer)
    assert world.show(good)[0] == 235 and world.show(good)[0] == 235  # the second from memory
    head, payload, signature = good.split(".")
    for forged in (f"{head}.{payload}.{signature[:-2]}", f"{head}.{payload}.", f"{head}.{payload}.{signature}.",
                   f"{head}.{payload}.{signature}="):
        assert world.show(forged)[0] == 535


# ── second factors ──

def desk(world, account, *arguments, **options):
    env = {**os.environ, "POSTERN_SIGN_INS": str(world.company.directory / f"desk-{account}")}
    return world.company.postern(*arguments, env=env, **options)


def totp(secret):
    step = int(time.time()) // 30
    key = base64.b32decode(secret.replace(" ", "") + "=" * (-len(secret.replace(" ", "")) % 8))
    digest = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at:at + 4], 'big') & 0x7fffffff) % 1000000:06}"


def second_factor(world):
    """Dora's, once."""
    if "on" in world.dora:
        return
    world.dora.add("on")
    desk(world, DORA, "login", DORA, "--password-stdin", input=PASSWORD + "\n")
    secret = desk(world, DORA, "totp", "on", "--password-stdin", input=PASSWORD + "\n").splitlines()[1]
    desk(world, DORA, "totp", "on", "--code", totp(secret))


def test_a_second_factor_of_ours_is_the_providers_if_it_says_so(world):
    key = world.office.keys[0]
    mfa = token(key, iss=world.office.issuer, email=DORA, sub="dora", amr=["pwd", "mfa"])
    pwd = token(key, iss=world.office.issuer, email=DORA, sub="dora", amr=["pwd"])
    second_factor(world)
    assert world.show(mfa)[0] == 235
    assert world.show(pwd)[0] == 535 and "second factor" in world.reason()


# ── the desk ──

def action_of(page):
    return re.search(r'action="([^"]+)"', page)[1]


class Browser:
    """What a person's browser does at the provider: signs in by its form, agrees, and brings the answer to this machine."""

    def __init__(self, provider):
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        self.opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=provider.context), Stay,
            urllib.request.HTTPCookieProcessor())

    def get(self, url, form=None):
        try:
            answer = self.opener.open(url, urllib.parse.urlencode(form).encode() if form else None, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        return answer.headers.get("Location"), answer.read().decode()

    def sign_in(self, url, account):
        """Where the browser is sent with the answer; None when it ends at the provider."""
        forms = [{"prompt": "login", "login": account, "password": "any"}, {"prompt": "consent"}]
        while not url.startswith("http://127.0.0.1:"):
            there, page = self.get(url)
            if not there and not forms:
                assert "Sign-in Success" in page, page
                return None
            if not there:
                there, _ = self.get(action_of(page), forms.pop(0))
            url = urllib.parse.urljoin(url, there)
        return url

    def type(self, url, code, account, word="confirm"):
        """Type a code on the provider's page, and sign in there; or abort."""
        _, page = self.get(url)
        form = {"xsrf": re.search(r'name="xsrf" value="([^"]+)"', page)[1], "user_code": code}
        _, page = self.get(action_of(page), form)
        there, page = self.get(action_of(page), {**form, word: "yes"})
        return self.sign_in(urllib.parse.urljoin(url, there), account) if word == "confirm" else page

    def bring(self, url):
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()


class Desk:
    """`postern login --oidc`, waiting for a browser."""

    def __init__(self, world, provider="office", *options, stdin=subprocess.DEVNULL):
        self.env = {**os.environ, "POSTERN_SIGN_INS": str(world.company.directory / f"desk-{time.monotonic_ns()}")}
        self.process = subprocess.Popen(
            [BUILD / "postern", "-c", world.company.config, "login", "--oidc", provider, *options], env=self.env, text=True,
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.url = self.process.stdout.readline().strip()

    def end(self, answer=None):
        said, complaint = self.process.communicate(answer, timeout=30)
        return self.process.returncode, said + complaint


def test_a_person_signs_in_at_the_desk(world):
    for provider, name in ((world.office, "office"), (world.vault, "vault")):
        desk = Desk(world, name)
        browser = Browser(provider)
        answer = browser.sign_in(desk.url, "ada")
        with pytest.raises(urllib.error.HTTPError):  # somebody else on the machine, with a guess
            browser.bring(re.sub("state=[^&]+", "state=guess", answer))
        assert "close this page" in browser.bring(answer)
        code, said = desk.end()
        assert code == 0 and f"signed in as {ADA} (employee)" in said, said
        assert "OIDC " + name in world.company.postern("session", "list", env=desk.env)
        world.company.postern("logout", env=desk.env)


def test_whom_the_desk_refuses(world):
    for account, why in (("nobody", "unknown account"), ("cleo", "not verified"), ("officer", "accounts with a role")):
        desk, browser = Desk(world), Browser(world.office)
        browser.bring(browser.sign_in(desk.url, account))
        code, said = desk.end()
        assert code == 77 and why in world.reason(), said
    desk = Desk(world)
    port = urllib.parse.parse_qs(urllib.parse.urlparse(desk.url).query)
    back = port["redirect_uri"][0] + "?" + urllib.parse.urlencode({"error": "access_denied", "state": port["state"][0]})
    Browser(world.office).bring(back)
    code, said = desk.end()
    assert code == 77 and "access_denied" in said


def test_a_code_is_good_once_and_for_its_own_sign_in(world):
    first, second, browser = Desk(world), Desk(world), Browser(world.office)
    answer = browser.sign_in(first.url, "ada")
    asked = urllib.parse.parse_qs(urllib.parse.urlparse(second.url).query)
    stolen = urllib.parse.parse_qs(urllib.parse.urlparse(answer).query)["code"][0]
    browser.bring(answer)
    assert first.end()[0] == 0
    browser.bring(asked["redirect_uri"][0] + "?" + urllib.parse.urlencode(
        {"code": stolen, "state": asked["state"][0], "iss": world.office.issuer}))
    code, said = second.end()
    assert code == 77 and "did not take the code" in world.reason(), said


def test_a_second_factor_of_ours_is_asked_for_at_the_desk(world):
    second_factor(world)
    desk, browser = Desk(world, "office", "--code", "000000"), Browser(world.office)
    browser.bring(browser.sign_in(desk.url, "dora"))
    assert desk.end()[0] == 77 and "wrong code" in world.reason()


def test_a_passkey_is_a_second_factor_after_the_provider(world):
    """Whose only second factor it is signs in by it, and by nobody else's."""
    key, thief = SoftKey(), SoftKey()
    thief.credential = key.credential
    mia = PasskeyDesk(world.company, key, MIA)
    mia.password()
    assert mia.add("laptop").returncode == 0

    def sign_in(sign):
        desk, browser = Desk(world, "office", "--json", stdin=subprocess.PIPE), Browser(world.office)
        browser.bring(browser.sign_in(desk.url, "mia"))
        options = desk.process.stdout.readline()
        assert "challenge" in options, desk.end()
        return (desk, *desk.end(sign(options) + "\n"))

    _, code, said = sign_in(thief.sign)
    assert code == 77, said
    desk, code, said = sign_in(key.sign)
    assert code == 0 and f"signed in as {MIA}" in said, said
    assert "OIDC office" in world.company.postern("session", "list", env=desk.env)
    desk, browser = Desk(world), Browser(world.office)
    browser.bring(browser.sign_in(desk.url, "mia"))
    code, said = desk.end()
    assert code == 65 and "--json" in said, said


# ── what an ID token leaves out ──

def test_the_provider_is_asked_for_what_an_id_token_leaves_out(world):
    for account, status, why in (("ada", 0, None), ("cleo", 77, "not verified"), ("twin", 77, "somebody else")):
        desk, browser = Desk(world, "vault"), Browser(world.vault)
        browser.bring(browser.sign_in(desk.url, account))
        code, said = desk.end()
        assert code == status and (why or "") in world.reason(), said
        assert why or f"signed in as {ADA}" in said


# ── at any machine ──

def device(world, *options):
    """The desk, and the code that it shows."""
    desk = Desk(world, "office", "--device", *options)
    return desk, desk.process.stdout.readline().strip()


def test_a_code_is_typed_at_another_machine(world):
    desk, code = device(world)
    other, other_code = device(world)
    assert desk.url == other.url and desk.url.startswith(world.office.issuer) and code != other_code
    assert Browser(world.office).type(desk.url, code, "ada") is None
    status, said = desk.end()
    assert status == 0 and f"signed in as {ADA} (employee)" in said, said
    assert "OIDC office device" in world.company.postern("session", "list", env=desk.env)
    world.company.postern("logout", env=desk.env)
    assert other.process.poll() is None  # it is nobody's who typed another code
    assert Browser(world.office).type(other.url, other_code, "bea") is None
    status, said = other.end()
    assert status == 0 and f"signed in as {BEA}" in said, said
    assert code not in world.company.log.read_text() and other_code not in world.company.log.read_text()


def test_whom_a_typed_code_does_not_sign_in(world):
    desks = [(account, *device(world)) for account in ("ada", "nobody", "officer")]
    for account, desk, code in desks:
        Browser(world.office).type(desk.url, code, account, "abort" if account == "ada" else "confirm")
    for account, desk, _ in desks:
        status, said = desk.end()
        assert status == 77, said
    refused = [line for line in world.company.log.read_text().splitlines() if " event=auth.refused " in line][-3:]
    for why in ("said no at the provider", "unknown account", "accounts with a role"):
        assert any(why in line for line in refused), refused


def reload(world):
    log = world.company.log
    before = log.read_text().count("event=config.reloaded")
    world.company.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: log.read_text().count("event=config.reloaded") > before)


def test_a_typed_code_outlasts_a_block_of_the_account(tmp_path):
    """Whoever guesses somebody's password does not end what he does at another machine. In a world of its own: the address from which all
    tests come has failed often enough."""
    world = World(tmp_path)
    try:
        text = world.company.config.read_text()
        world.company.config.write_text(text.replace("auth-failures = 10000", "auth-failures = 3\nauth-block = 12s"))
        reload(world)
        desk, code = device(world)
        before = time.monotonic()
        for _ in range(3):
            with world.smtp() as smtp, pytest.raises(smtplib.SMTPAuthenticationError):
                smtp.login(NIA, "a guess that is wrong")
        with world.smtp() as smtp, pytest.raises(smtplib.SMTPAuthenticationError):  # neither has the right one a way now
            smtp.login(NIA, PASSWORD)
        assert Browser(world.office).type(desk.url, code, "nia") is None
        status, said = desk.end()
        assert status == 0 and f"signed in as {NIA}" in said, said
        assert time.monotonic() - before >= 12  # the block, which began later, was over: it was for the desk, too
    finally:
        world.close()


def test_a_second_factor_of_ours_is_asked_for_after_a_typed_code(world):
    second_factor(world)
    desk, code = device(world, "--code", "000000")
    Browser(world.office).type(desk.url, code, "dora")
    assert desk.end()[0] == 77 and "wrong code" in world.reason()


def test_a_code_is_typed_only_where_the_settings_allow_it(world):
    desk = Desk(world, "vault", "--device")
    code, said = desk.end()
    assert code != 0 and desk.url == "" and "device-login = yes" in said
    for options in (("--device",), ("--oidc", "office", "--device", "--port", "7777")):
        said = world.company.postern("login", *options, check=False)
        assert said.returncode == 64 or said.returncode == 65, said
        assert "--device" in said.stderr


# ── how it is going ──

def numbers(world, provider):
    """What `postern status` and the metrics say of it, which is the same."""
    status = world.company.status()
    kinds = {"signins": "sign_ins_total", "refused": "sign_in_failures_total", "unanswered": "unanswered_total"}
    said = {name: int(status[f"oidc.{provider}.{name}"]) for name in kinds}
    text = scrape(world.company)
    for name, metric in kinds.items():
        assert f'postern_oidc_{metric}{{provider="{provider}"}} {said[name]}\n' in text, text
    stamp = re.search(rf'^postern_oidc_keys_timestamp_ms{{provider="{provider}"}} (\d+)$', text, re.M)
    return {**said, "keys": int(stamp[1]) / 1000}


def test_status_and_metrics_say_how_it_is_going_with_each_provider(world):
    assert world.show(world.office.mint("ada"))[0] == 235
    office, vault = numbers(world, "office"), numbers(world, "vault")
    assert abs(office["keys"] - time.time()) < 700
    for wrong in (world.office.mint("nobody"), token(Key("RS256", "one"), iss=world.office.issuer)):
        assert world.show(wrong)[0] == 535
    assert world.show(world.office.mint("bea"))[0] == 235
    assert world.show("no.body.s")[0] == 535  # no provider's
    after = numbers(world, "office")
    assert [after[name] - office[name] for name in ("signins", "refused", "unanswered")] == [1, 2, 0]
    assert world.show("of-the-vault")[0] == 535
    world.vault.stop()
    assert world.show("of-the-vault-too")[0] == 454
    world.vault.start()
    later = numbers(world, "vault")
    assert [later[name] - vault[name] for name in ("signins", "refused", "unanswered")] == [0, 1, 1]


# ── keys that change, providers that are away ──

def test_a_new_key_is_fetched_and_an_old_one_is_gone(world):
    old = world.office.keys[0]
    assert world.show(token(old, iss=world.office.issuer))[0] == 235
    time.sleep(3.1)  # unknown keys are asked for so often
    world.office.stop()
    world.office.keys = [Key("RS256", "two")]
    unknown = token(world.office.keys[0], iss=world.office.issuer)
    assert world.show(unknown)[0] == 454                                   # nobody can say: later
    assert world.show(token(old, iss=world.office.issuer))[0] == 235       # what is known counts on
    world.office.start()
    time.sleep(3.1)
    assert world.show(unknown)[0] == 235
    assert world.show(token(old, iss=world.office.issuer))[0] == 535


def test_an_introspection_that_nobody_answers_is_for_later(world):
    world.vault.stop()
    assert world.show("an-opaque-token")[0] == 454
    world.vault.start()
