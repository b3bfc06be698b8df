"""An https server on port 443 that serves the MTA-STS policies of all domains and takes reports."""
import http.server
import ssl
import threading


def policy(mode, *hosts, max_age=604800):
    return "\r\n".join(["version: STSv1", f"mode: {mode}", *(f"mx: {h}" for h in hosts),
                        f"max_age: {max_age}", ""])


class Web:
    """The https server of all domains; by SNI `stranger` gets a certificate for another name."""

    def __init__(self, address, certificate, strange):
        self.answers, self.posted, self.stranger, outer = {}, [], None, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.headers["Host"]
                status, headers, body = outer.answers.get((name, self.path), (404, {}, "no"))
                self.reply(status, headers, body.encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posted.append((self.headers, self.path, body))
                self.reply(201, {}, b"")

            def reply(self, status, headers, body):
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):  # a client that does not like our certificate, or our length
                pass

        self.server = Server((address, 443), Handler)
        self.server.daemon_threads = True
        context, other = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
        context.load_cert_chain(*certificate)
        other.load_cert_chain(*strange)

        def choose(sock, name, _):
            if name == self.stranger:
                sock.context = other

        context.sni_callback = choose
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                               do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
