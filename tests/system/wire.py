"""What goes over the wire of loopback, as somebody who listens there gets it: every segment of TCP from and to one port."""
import contextlib
import ctypes
import socket
import struct

ETH_P_IP = 0x0800  # each packet once: as it arrives
SO_ATTACH_FILTER, SO_RCVBUFFORCE = 26, 33
SOL_PACKET, PACKET_STATISTICS = 263, 6
ROOM = 128 << 20
PLAIN = {b"EHLO", b"HELO", b"STARTTLS", b"NOOP", b"RSET", b"QUIT"}  # what says nothing of a letter
FIN_SYN = 3
SYN = 2


def _of_port(port):
    """The kernel's filter: TCP over IPv4, one of both ports is this one. (code, true, false, value) each."""
    return [(0x30, 0, 0, 9), (0x15, 0, 6, 6),                   # the protocol is TCP
            (0xb1, 0, 0, 0),                                    # behind the head of IP
            (0x48, 0, 0, 0), (0x15, 2, 0, port), (0x48, 0, 0, 2), (0x15, 0, 1, port),
            (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0)]


class Stream:
    """One direction of one connection."""

    def __init__(self):
        self.first, self.parts = None, {}

    def add(self, number, flags, octets):
        if flags & SYN:
            self.first = number + 1 & 0xffffffff
        if octets:
            self.parts[number] = max(self.parts.get(number, b""), octets, key=len)

    @property
    def octets(self):
        """All that was sent, in order. It fails when something of it was not seen."""
        assert self.first is not None, "a connection was seen that was older than the capture"
        whole = b""
        for at, octets in sorted(((n - self.first) & 0xffffffff, o) for n, o in self.parts.items()):
            assert at <= len(whole), "a segment was not seen"
            whole += octets[max(len(whole) - at, 0):]
        return whole


class Connection:
    """What both sides of one connection said."""

    def __init__(self, server, client, up, down):
        self.server, self.client, self.up, self.down = server, client, up, down
        said, starttls, rest = up.partition(b"STARTTLS\r\n")
        self.clear, self.sealed = said + starttls, rest

    @property
    def is_tls(self):
        """Was everything behind STARTTLS records of TLS?"""
        at = 0
        while at + 5 <= len(self.sealed) and self.sealed[at] in range(20, 24) and self.sealed[at + 1] == 3:
            at += 5 + int.from_bytes(self.sealed[at + 3:at + 5], "big")
        return 0 < len(self.sealed) <= at

    @property
    def letters(self):
        """The lines in the clear that are of a letter or of its envelope."""
        return [line for line in self.clear.split(b"\r\n")
                if line and line.split()[0].upper() not in PLAIN]

    def __repr__(self):
        return f"{self.client} to {self.server}: {self.clear!r} and {len(self.sealed)} octets of TLS"


class Wire(contextlib.AbstractContextManager):
    """Listen to one port from now on; root's right."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        steps = b"".join(struct.pack("HBBI", *step) for step in _of_port(port))
        room = ctypes.create_string_buffer(steps)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                               struct.pack("HL", len(steps) // 8, ctypes.addressof(room)))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        self.socket.setblocking(False)
        self.socket.bind(("lo", ETH_P_IP))
        self.streams = {}

    def connections(self):
        """Everything that was said so far. It fails when the kernel had to throw something away."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._take(self.socket.recv(1 << 18))
        _, dropped = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        assert dropped == 0, f"{dropped} packets were not seen"
        return [Connection(server, client, stream.octets, self.streams[server, client].octets)
                for (client, server), stream in self.streams.items()
                if server[1] == self.port and (server, client) in self.streams]

    def _take(self, packet):
        head = (packet[0] & 15) * 4
        addresses = [socket.inet_ntoa(packet[at:at + 4]) for at in (12, 16)]
        packet = packet[head:int.from_bytes(packet[2:4], "big") or len(packet)]
        source, target, number, _, offset, flags = struct.unpack("!HHIIBB", packet[:14])
        ends = (addresses[0], source), (addresses[1], target)
        if flags & FIN_SYN == SYN and flags & 16 == 0:  # a port that is used again
            for both in (ends, ends[::-1]):
                self.streams.pop(both, None)
        self.streams.setdefault(ends, Stream()).add(number, flags, packet[(offset >> 4) * 4:])

    def __exit__(self, *_):
        self.socket.close()
