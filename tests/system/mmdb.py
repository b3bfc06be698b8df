"""Write a small database of MaxMind's form (MaxMind DB File Format Specification 2.0), for IPv4 networks."""
import ipaddress
import struct


def head(kind, size):
    first = bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])
    assert size < 29
    return first


def encode(value, unsigned=6):
    if isinstance(value, dict):
        return head(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return head(11, len(value)) + b"".join(map(encode, value))
    if isinstance(value, str):
        return head(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return head(3, 8) + struct.pack(">d", value)
    size = {5: 2, 6: 4, 9: 8}[unsigned]
    return head(unsigned, size) + value.to_bytes(size, "big")


def place(country, latitude, longitude):
    return {"country": {"iso_code": country}, "location": {"latitude": latitude, "longitude": longitude}}


def write(path, networks):
    """{network: value} into a file."""
    nodes, data = [[None, None]], b""
    leaves = {}
    for network, value in networks.items():
        net = ipaddress.ip_network(network)
        bits, at = int(net.network_address), 0
        for depth in range(net.prefixlen):
            side = bits >> (31 - depth) & 1
            if depth == net.prefixlen - 1:
                leaves[at, side] = len(data)
            elif nodes[at][side] is None:
                nodes.append([None, None])
                nodes[at][side] = len(nodes) - 1
            at = nodes[at][side] if depth < net.prefixlen - 1 else at
        data += encode(value)
    tree = b""
    for i, sides in enumerate(nodes):
        for side, node in enumerate(sides):
            offset = leaves.get((i, side))
            record = len(nodes) + 16 + offset if offset is not None else len(nodes) if node is None else node
            tree += record.to_bytes(3, "big")
    about = {"node_count": (len(nodes), 6), "record_size": (24, 5), "ip_version": (4, 5), "database_type": ("Test-City", 0),
             "languages": (["en"], 0), "binary_format_major_version": (2, 5), "binary_format_minor_version": (0, 5),
             "build_epoch": (1767225600, 9), "description": ({"en": "A test"}, 0)}
    metadata = head(7, len(about)) + b"".join(encode(k) + encode(v, kind) for k, (v, kind) in about.items())
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + metadata)
