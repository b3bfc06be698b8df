"""An HTTP(S) server outside, whose answers a test chooses one by one."""
import http.server
import queue
import ssl
import threading


class Outside:
    """With `tls`, an authority, by https. Answers by `behave(handler, body)`; what was asked is in `asked` (path, headers, body)."""

    def __init__(self, behave, tls=None, name="127.0.0.1"):
        self.asked = queue.Queue()
        self.behave = behave
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.put((self.path, self.headers, body))
                outer.behave(self, body)

            do_GET = do_POST = do_PUT = handle_one

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):  # a client that does not like our certificate
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            certificate, key = tls.issue(name, file=f"outside-{self.server.server_port}")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            # The handshake is the connection's thread's, so that who fails it holds up nobody.
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
