"""A DNS of a test's own, whose records may change while it runs: A, MX and TXT of the domains below .test, unsigned."""
import ipaddress
import socket
import struct
import threading

TYPES = {"A": 1, "SOA": 6, "MX": 15, "TXT": 16}


def wire(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"


def rdata(kind, value):
    if kind == "A":
        return ipaddress.ip_address(value).packed
    if kind == "MX":  # "mx.partner.test", or with its preference before it
        preference, _, host = value.rpartition(" ")
        return struct.pack("!H", int(preference or 10)) + wire(host)
    return bytes([len(value)]) + value.encode()


class Names:
    """`records` maps (name, type) to a list of values; what is not there does not exist."""

    def __init__(self):
        self.records = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def set(self, name, kind, *values):
        self.records[name, kind] = list(values)

    def _serve(self):
        while True:
            question, peer = self.socket.recvfrom(4096)
            if len(question) < 17:
                return  # from close()
            self.socket.sendto(self._answer(question), peer)

    def _answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
            at += 1 + question[at]
        number = struct.unpack("!H", question[at + 1:at + 3])[0]
        name = ".".join(labels)
        known = any(key[0] == name or key[0].endswith("." + name) for key in self.records)
        kind = next((k for k, v in TYPES.items() if v == number), None)
        answers = [rdata(kind, value) for value in self.records.get((name, kind), [])]
        head = question[:2] + struct.pack("!5H", 0x8180 | (0 if known else 3), 1, len(answers),
                                          0 if answers else 1, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 0, len(a)) + a for a in answers)
        if not answers:  # how long there is nothing
            soa = wire("ns.test") + wire("h.test") + struct.pack("!5I", 1, 60, 60, 600, 0)
            body = wire("test") + struct.pack("!HHIH", 6, 1, 0, len(soa)) + soa
        return head + question[12:at + 5] + body

    def close(self):
        self.socket.sendto(b"", self.socket.getsockname())
