"""Chromium with a virtual authenticator, over the DevTools protocol, and the page that it is on."""
import base64
import hashlib
import http.server
import json
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

CHROMIUM = shutil.which("chromium")


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Postern</title>")

    def log_message(self, *_):
        pass


def serve(certificate, key):
    """A page over https; its server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def key_hash(certificate):
    """As --ignore-certificate-errors-spki-list takes it."""
    public = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    der = public.public_bytes(serialization.Encoding.DER,
                              serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Browser:
    """One tab; its hosts are those of the pages, all on 443 as it sees them."""

    def __init__(self, pages, hashes):
        if not CHROMIUM:
            pytest.skip("needs Chromium: apt-get install chromium python3-websocket")
        self.websocket = pytest.importorskip("websocket", reason="needs python3-websocket")
        self.directory = tempfile.TemporaryDirectory(prefix="postern-browser-", ignore_cleanup_errors=True)
        rules = ",".join(f"MAP {host}:443 127.0.0.1:{port}" for host, port in pages.items())
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", f"--user-data-dir={self.directory.name}",
             "--remote-debugging-port=0", f"--host-resolver-rules={rules}",
             f"--ignore-certificate-errors-spki-list={','.join(hashes)}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.last = 0
        try:
            self.socket = self._connect()
            self.call("WebAuthn.enable")
            self.authenticator = self.call("WebAuthn.addVirtualAuthenticator", options={
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                "hasUserVerification": True, "isUserVerified": True})["authenticatorId"]
        except BaseException:
            self.close()
            raise

    def _connect(self):
        ready = f"{self.directory.name}/DevToolsActivePort"
        end = time.monotonic() + 30
        while True:
            try:
                with open(ready, encoding="ascii") as file:
                    port = int(file.readline())
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                    tab, = [tab for tab in json.load(answer) if tab["type"] == "page"]
                return self.websocket.create_connection(tab["webSocketDebuggerUrl"], timeout=30,
                                                        suppress_origin=True)
            except (OSError, ValueError):
                assert self.process.poll() is None and time.monotonic() < end, "Chromium does not start"
                time.sleep(0.1)

    def call(self, method, **parameters):
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.last:
                assert "error" not in answer, answer
                return answer["result"]

    def go(self, url):
        self.call("Page.navigate", url=url)
        end = time.monotonic() + 20
        while self.run("location.href + document.readyState") != url + "complete":
            assert time.monotonic() < end, f"{url} does not load"
            time.sleep(0.05)

    def run(self, script):
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True,
                           returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def make(self, options):
        """A new passkey, as its toJSON() says it."""
        return self.run("navigator.credentials.create({publicKey: PublicKeyCredential."
                        f"parseCreationOptionsFromJSON({options})}}).then(c => JSON.stringify(c.toJSON()))")

    def sign(self, options):
        return self.run("navigator.credentials.get({publicKey: PublicKeyCredential."
                        f"parseRequestOptionsFromJSON({options})}}).then(c => JSON.stringify(c.toJSON()))")

    def keys(self):
        return self.call("WebAuthn.getCredentials", authenticatorId=self.authenticator)["credentials"]

    def put_back(self, key):
        """Have this key again as it was."""
        self.forget()
        self.call("WebAuthn.addCredential", authenticatorId=self.authenticator, credential=key)

    def forget(self):
        self.call("WebAuthn.clearCredentials", authenticatorId=self.authenticator)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.directory.cleanup()
