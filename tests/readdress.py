#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes a capture with other addresses, ports and times, or sees that its verdicts stay the same.

    readdress.py CAPTURE OUT          writes OUT
    readdress.py --check WIRETAG CAPTURE...

Every IPv4 address, every port from 1024 on that no protocol of its own stands behind, and every
time changes; a client keeps its clock, since pauses are evidence. Datagrams of Skype that name an
address, and requests to map a port, are changed alike. A verdict that rests on who talks instead
of on what is said does not survive this.
"""
import json
import random
import struct
import subprocess
import sys
import tempfile

import pcap_file

KEPT_PORTS = {1900, 3478, 4500, 5351, 5353}
NAT_PMP = 5351
# Counts connections to the login servers' ports, too: in the ledger, where it decides nothing.
BY_PORT = {"skype-connection"}
LATER_US = (5 * 365 * 86400 + 7 * 3600) * 10**6 + 123457


class Mapping:
    def __init__(self, seed):
        source = random.Random(seed)
        ports = [port for port in range(1024, 65536) if port not in KEPT_PORTS]
        shuffled = ports[:]
        source.shuffle(shuffled)
        self.ports = dict(zip(ports, shuffled))
        self.addresses = {}
        self.source = source

    def port(self, port):
        return self.ports.get(port, port)

    def address(self, address):
        """Four bytes to four others; groups and broadcasts stay."""
        if address[0] >= 224 or address[0] in (0, 127):
            return address
        if address not in self.addresses:
            while True:
                other = bytes([self.source.randrange(1, 223), *self.source.randbytes(3)])
                if other[0] != 127 and other not in self.addresses.values():
                    break
            self.addresses[address] = other
        return self.addresses[address]


def checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def rewrite_payload(mapping, payload, ports):
    """What a datagram says of addresses and ports."""
    if NAT_PMP in ports and len(payload) in (12, 16) and payload[0] == 0:
        at = 4 if len(payload) == 12 else 8
        pair = struct.unpack_from(">HH", payload, at)
        struct.pack_into(">HH", payload, at, *map(mapping.port, pair))
    elif len(payload) == 11 and payload[2] & 0x8f in (5, 7):
        payload[3:7] = mapping.address(bytes(payload[3:7]))
    elif len(payload) >= 23 and payload[2] & 0x8f == 3 and payload[3] == 1:
        payload[8:12] = mapping.address(bytes(payload[8:12]))


def rewrite_ip(mapping, packet):
    """In place. IPv4 only; what is cut short or a fragment keeps its ports."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return
    header = 4 * (packet[0] & 15)
    if header < 20 or len(packet) < header:
        return
    for at in (12, 16):
        packet[at:at + 4] = mapping.address(bytes(packet[at:at + 4]))
    packet[10:12] = b"\0\0"
    packet[10:12] = checksum(packet[:header]).to_bytes(2, "big")
    if struct.unpack_from(">H", packet, 6)[0] & 0x1fff or packet[9] not in (6, 17):
        return
    if len(packet) < header + 8:
        return
    ports = struct.unpack_from(">HH", packet, header)
    struct.pack_into(">HH", packet, header, *map(mapping.port, ports))
    if packet[9] == 17:
        packet[header + 6:header + 8] = b"\0\0"  # no checksum
        end = min(header + struct.unpack_from(">H", packet, header + 4)[0], len(packet))
        payload = packet[header + 8:end]
        if len(payload) >= 3:
            rewrite_payload(mapping, payload, ports)
            packet[header + 8:end] = payload


def rewrite(capture, out, mapping):
    """A classic pcap file of Ethernet frames."""
    header, frames = pcap_file.read(capture)
    for frame in frames:
        if frame.data[12:14] == b"\x08\x00":
            packet = frame.data[14:]
            rewrite_ip(mapping, packet)
            frame.data[14:] = packet
        frame.seconds, frame.part = divmod(frame.seconds * 10**6 + frame.part + LATER_US, 10**6)
    pcap_file.write(out, header, frames)


def dotted(address):
    return ".".join(map(str, address))


def verdicts(wiretag, capture, port, address):
    """What is said of Skype, with addresses and ports translated and times from the first record."""
    output = subprocess.run([wiretag, "read", "--json", capture], check=True,
                            stdout=subprocess.PIPE).stdout
    flows, hosts = [], []
    for line in output.splitlines():
        event = json.loads(line)
        verdict = event.get("wiretag", {})
        if verdict.get("app") != "skype":
            continue
        if event["event_type"] == "flow":
            ends = sorted([(address(event["src_ip"]), port(event["src_port"])),
                           (address(event["dest_ip"]), port(event["dest_port"]))])
            flows.append((event["proto"], *ends, event["flow"]["pkts_toserver"],
                          event["flow"]["pkts_toclient"], verdict["confidence"],
                          verdict.get("role"), tuple(verdict["evidence"])))
        elif event["event_type"] == "host":
            hosts.append((address(verdict["ip"]), verdict["confidence"],
                          verdict.get("version"), port(verdict.get("port")),
                          address(verdict.get("public_ip", "")), verdict["super_node"],
                          tuple((s["step"], s["packet"]) for s in verdict["steps"]),
                          tuple((e["signal"], e["count"], e["packet"])
                                for e in verdict["evidence"] if e["signal"] not in BY_PORT)))
    return sorted(flows), sorted(hosts, key=str)


def check(wiretag, capture):
    mapping = Mapping(capture.rsplit("/", 1)[-1])
    with tempfile.TemporaryDirectory() as folder:
        out = folder + "/other.pcap"
        rewrite(capture, out, mapping)
        names = {dotted(a): dotted(b) for a, b in mapping.addresses.items()}
        expected = verdicts(wiretag, capture, mapping.port, lambda a: names.get(a, a))
        found = verdicts(wiretag, out, lambda p: p, lambda a: a)
    print(f"{capture}: {len(expected[0])} flows, {len(expected[1])} hosts")
    for what, before, after in zip(("flow", "host"), expected, found):
        for record in sorted(set(before) - set(after), key=str):
            print(f"  lost {what}: {record}")
        for record in sorted(set(after) - set(before), key=str):
            print(f"  other {what}: {record}")
    return expected == found and len(expected[0]) > 0


def main():
    if sys.argv[1:2] != ["--check"]:
        capture, out = sys.argv[1:]
        rewrite(capture, out, Mapping(0))
        return 0
    wiretag, captures = sys.argv[2], sys.argv[3:]
    if not captures:
        captures = pcap_file.skype_captures()
        if captures is None:
            return 77
    return 0 if all([check(wiretag, capture) for capture in captures]) else 1


if __name__ == "__main__":
    sys.exit(main())
