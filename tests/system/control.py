"""Questions to the daemon's sockets, byte by byte: what a program of somebody else's could ask.

A packet is verb, status, flags, length of the body (src/ipc/packet.h), and its body CBOR.
"""
import fcntl
import os
import socket
import struct

F_ADD_SEALS, ALL_SEALS = 1033, 15


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    size = next(i for i in range(4) if value < 1 << (8 << i))
    return bytes([major << 5 | 24 + size]) + value.to_bytes(1 << size, "big")


def encode(value):
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in sorted(value.items()))


def decode(data):
    """The first value, and what stands behind it."""
    major, value, data = data[0] >> 5, data[0] & 31, data[1:]
    if value >= 24:
        size = 1 << (value - 24)
        value, data = int.from_bytes(data[:size], "big"), data[size:]
    if major in (2, 3):
        return (data[:value] if major == 2 else data[:value].decode()), data[value:]
    if major in (4, 5):
        items = []
        for _ in range(value * (major - 3)):
            item, data = decode(data)
            items.append(item)
        return (items if major == 4 else dict(zip(items[::2], items[1::2]))), data
    return value, data


def sealed(content):
    """A memory file that nobody can change any more."""
    fd = os.memfd_create("letters", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    fcntl.fcntl(fd, F_ADD_SEALS, ALL_SEALS)
    return fd


class Refused(Exception):
    """The daemon's sentence."""


def ask(company, name, verb, body, content=None):
    """Ask over run/NAME.sock; the answer as a dictionary."""
    packet = encode(body)
    packet = struct.pack("<HBBI", verb, 0, 0 if content is None else 2, len(packet)) + packet
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        at = os.open(company.data / "run", os.O_PATH)
        s.connect(f"/proc/self/fd/{at}/{name}.sock")
        os.close(at)
        fds = [] if content is None else [sealed(content)]
        socket.send_fds(s, [packet], fds)
        for fd in fds:
            os.close(fd)
        answer = s.recv(1 << 16)
    if answer[2]:
        raise Refused(answer[8:].decode())
    return decode(answer[8:])[0]
