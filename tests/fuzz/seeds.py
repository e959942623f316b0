#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Seeds of a fuzz target, made anew each time: seeds.py TARGET DIRECTORY"""

import pathlib
import random
import struct
import sys

TOP = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "tests"))

REQUESTS = [
    b"GET /ui/0/1.2.0.18/en/getlatestversion?ver=1.2.0.18&uhash=1 HTTP/1.1\r\n"
    b"User-Agent: Skype 1.2\r\nHost: ui.skype.com\r\nCache-Control: no-cache\r\n\r\n",
    b"GET http://ui.skype.com/ui/2/1.2.0.18/en/installed HTTP/1.0\r\nhost: ui.skype.com\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost:a:8080\r\nContent-Length: 3\r\n\r\nabc",
    b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\nHost: a\n folded\n\n",
    b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
    b"\x00\x01\x02\x62\x2a\x29\x6a\x2b\x4c",
]
RULES = [
    "rules:\n  - {id: 1, app: skype, confidence: certain, match: {http.host: 'ui\\.skype\\.com'}}\n",
    "rules:\n- id: 2\n  app: a\n  role: login\n  match: {payload: '^\\x16'}\n  src: 10.0.0.0/8\n"
    "  dst: 2001:db8::/32\n  port: 1-1024\n  proto: tcp\n  note: 'n'\n",
    "rules:\n- {id: 3, app: b, port: [80, 443]}\npolicy:\n  b: {tag: {dscp: cs1, vlan: 9, pcp: 7}}\n"
    "  default: drop\n",
    "rules: &a\n- *a\npolicy: [forward]\n",
    "? [a, b]\n: {c: d}\n--- !!str x\n...\n",
    "%YAML 1.1\n---\nrules: >\n  folded\n  text\n",
]


def framed(frames):
    """As path_fuzz.c reads them: length, and in the second byte the burst's end and the time."""
    for number, frame in enumerate(frames):
        frame = frame[:2047]
        yield struct.pack("<H", len(frame) | (number % 4 == 3) << 11 | 1 << 12) + frame


def conversation(payload):
    from scapy.all import IP, TCP, Dot1Q, IPv6, Raw
    from frames import ether
    for ip in (IP(src="192.0.2.1", dst="192.0.2.2"), IPv6(src="2001:db8::1", dst="2001:db8::2")):
        for tag in (ether(), ether() / Dot1Q(vlan=5)):
            for flags, data in (("S", b""), ("PA", payload), ("FA", b"")):
                yield bytes(tag / ip / TCP(sport=2000, dport=80, flags=flags) / Raw(data))


def seeds(target):
    if target in ("decode", "path"):
        import frames
        every = [frame for frame in frames.frames() if len(frame) < 2048]
    if target == "decode":
        for frame in every:
            yield b"\0\0" + frame  # Ethernet
            if frame[12:14] == b"\x08\0" and len(frame) > 14:
                yield b"\1\0" + bytes(14) + frame[12:]  # Linux cooked v1
                yield b"\2\0" + frame[12:14] + bytes(18) + frame[14:]  # v2
                yield b"\3\0" + frame[14:]  # raw IP
    elif target == "path":
        for start in range(0, len(every), 8):
            yield b"".join(framed(every[start:start + 8]))
        for request in REQUESTS:
            yield b"".join(framed(conversation(request)))
    elif target == "http":
        yield from REQUESTS
    elif target in ("flow", "fragment", "stream"):  # bytes that choose operations
        yield from (random.Random(seed).randbytes(2000) for seed in range(8))
    else:  # a file that a user writes
        yield from (rules.encode() for rules in RULES)
        yield from (path.read_bytes() for path in (TOP / "config").rglob("*.yaml"))


def main():
    target, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    for number, seed in enumerate(seeds(target)):
        (directory / f"{number:04}").write_bytes(seed)


main()
