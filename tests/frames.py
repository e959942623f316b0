#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames of every kind that a wire must carry unchanged: frames.py OUT.pcap, or import it."""

import struct
import sys

from scapy.all import (ARP, BOOTP, DNS, DNSQR, GRE, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, ICMPv6EchoRequest, ICMPv6ND_NS,
                       ICMPv6ND_RA, LLC, Raw, SNAP, STP, VXLAN, fragment)
from scapy.config import conf
from scapy.contrib.lacp import LACP, SlowProtocol
from scapy.contrib.lldp import (LLDPDU, LLDPDUChassisID, LLDPDUEndOfLLDPDU, LLDPDUPortID,
                                LLDPDUTimeToLive)
from scapy.contrib.mpls import MPLS

conf.contribs["LLDP"].strict_mode_disable()
A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"
A4, B4 = "192.0.2.1", "198.51.100.1"
A6, B6 = "2001:db8::1", "2001:db8::2"
GET = b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n"


def ether(**fields):
    return Ether(**{"src": A, "dst": B, **fields})


def link_local():
    """What a bridge would keep to itself."""
    yield ether(dst="01:80:c2:00:00:00") / LLC() / STP()
    yield ether(dst="01:80:c2:00:00:01", type=0x8808) / Raw(b"\0\1\xff\xff" + bytes(42))  # pause
    yield ether(dst="01:80:c2:00:00:02") / SlowProtocol() / LACP()
    yield ether(dst="01:80:c2:00:00:03", type=0x888e) / Raw(b"\1\1\0\0")  # EAPOL
    yield ether(dst="01:80:c2:00:00:0e") / LLDPDUChassisID(subtype=4, id=A) / \
        LLDPDUPortID(subtype=5, id="1") / LLDPDUTimeToLive(ttl=120) / LLDPDUEndOfLLDPDU()
    yield ether(dst="01:00:0c:cc:cc:cc") / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / \
        SNAP(OUI=0x00000c, code=0x2000) / Raw(bytes(20))  # CDP


def neighbours():
    yield ether(dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=A, psrc=A4, pdst=B4)
    yield ether(dst="33:33:ff:00:00:02") / IPv6(src=A6, dst="ff02::1:ff00:2") / ICMPv6ND_NS(tgt=B6)
    yield ether(dst="33:33:00:00:00:01") / IPv6(src="fe80::1", dst="ff02::1") / ICMPv6ND_RA()
    yield ether(dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") / \
        UDP(sport=68, dport=67) / BOOTP(op=1)
    yield ether() / IP(src=A4, dst=A4) / UDP(sport=3785, dport=3785) / Raw(bytes(12))  # BFD echo


def tagged():
    get = IP(src=A4, dst=B4) / TCP(sport=1001, dport=80, flags="PA", seq=1) / Raw(GET)
    yield ether() / Dot1Q(vlan=10, prio=5) / get
    yield ether() / Dot1Q(vlan=0, prio=7) / get
    yield ether() / Dot1AD(vlan=100) / Dot1Q(vlan=10) / get
    yield ether() / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / get
    yield ether(type=0x9100) / Raw(b"\0\x0a\x08\0") / get
    yield ether() / MPLS(label=16, s=0) / MPLS(label=17, s=1) / get
    yield ether(type=0x8864) / Raw(b"\x11\0\0\1\0\x30\0\x21") / get  # PPPoE session


def transports():
    for ip in (IP(src=A4, dst=B4), IPv6(src=A6, dst=B6)):
        yield ether() / ip / TCP(sport=1002, dport=80, flags="S", seq=0, options=[("MSS", 1460)])
        yield ether() / ip / TCP(sport=1002, dport=80, flags="PA", seq=1) / Raw(GET)
        yield ether() / ip / TCP(sport=1002, dport=80, flags="FA", seq=1 + len(GET))
        yield ether() / ip / UDP(sport=1003, dport=53) / DNS(qd=DNSQR(qname="www.example"))
        yield ether() / ip / UDP(sport=1004, dport=4789) / VXLAN(vni=7) / ether() / ip / \
            UDP(sport=1, dport=2) / Raw(b"inner")
        yield ether() / ip / GRE() / IP(src=A4, dst=B4) / UDP(sport=3, dport=4) / Raw(b"inner")
        yield ether() / ip / UDP(sport=1005, dport=9) / Raw(bytes(8952))  # jumbo
    yield ether() / IP(src=A4, dst=B4) / ICMP() / Raw(bytes(56))
    yield ether() / IPv6(src=A6, dst=B6) / ICMPv6EchoRequest(data=bytes(56))
    yield ether() / IPv6(src=A6, dst=B6) / IPv6ExtHdrDestOpt() / UDP(sport=5, dport=6)
    yield ether() / IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment(offset=100, nh=17) / Raw(bytes(40))
    yield from fragment(ether() / IP(src=A4, dst=B4, id=9) / UDP(sport=7, dport=8) /
                        Raw(bytes(3000)), fragsize=1400)
    yield ether() / IP(src=A4, dst=B4, proto=132) / Raw(bytes(40))  # SCTP
    yield ether() / IP(src=A4, dst=B4, proto=253) / Raw(bytes(40))


def tunnels():
    """What is not in the kinds above."""
    get4 = IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1006, dport=80, flags="PA") / Raw(GET)
    get6 = IPv6(src="2001::1", dst=B6) / TCP(sport=1007, dport=80, flags="PA") / Raw(GET)
    outer = ether() / IP(src=A4, dst=B4)
    for inner in (get4, get6):
        for ip in (IP(src=A4, dst=B4), IPv6(src=A6, dst=B6)):
            yield ether() / ip / inner
            yield ether() / ip / GRE(chksum_present=1, key_present=1, seqnum_present=1) / inner
        yield outer / GRE(proto=0x6558, key_present=1, key=0x100) / ether() / Dot1Q(vlan=3) / inner
        yield ether() / MPLS(label=16, s=1) / Raw(bytes(4)) / ether() / inner
        yield ether() / MPLS(label=16, s=1) / Raw(bytes(ether() / inner))
        data = bytes(inner)
        yield outer / UDP(sport=1008, dport=6081) / Raw(b"\2\0\x65\x58\0\0\1\0" + bytes(8)) / \
            ether() / inner
        yield outer / UDP(sport=2152, dport=2152) / \
            Raw(b"\x34\xff" + struct.pack("!HI", len(data) + 8, 9) + b"\0\0\0\x85\1\0\0\0" + data)
    for head in (b"", b"\0\0" + bytes(6), b"\0\1\0\0" + bytes(9)):
        yield outer / UDP(sport=1009, dport=3544) / Raw(head + bytes(get6))


def wrong():
    """What an end host would drop: a wire does not."""
    for chksum in (0, 1, 0xffff):
        yield ether() / IP(src=A4, dst=B4, chksum=chksum) / UDP(sport=9, dport=10) / Raw(b"x" * 30)
        yield ether() / IP(src=A4, dst=B4) / UDP(sport=9, dport=10, chksum=chksum) / Raw(b"x" * 30)
        yield ether() / IP(src=A4, dst=B4) / TCP(sport=9, dport=10, chksum=chksum) / Raw(GET)
        yield ether() / IPv6(src=A6, dst=B6) / TCP(sport=9, dport=10, chksum=chksum) / Raw(GET)
    yield ether() / IP(src=A4, dst=B4, len=4000) / UDP(sport=11, dport=12) / Raw(b"short")
    yield ether() / IP(src=A4, dst=B4, ihl=15, len=40) / Raw(bytes(20))
    yield ether() / IP(src=A4, dst=B4, version=7) / Raw(bytes(20))
    yield ether() / IP(src=A4, dst=B4) / TCP(sport=13, dport=14, dataofs=15)
    yield ether() / IP(src=A4, dst=B4, ttl=0) / UDP(sport=15, dport=16, len=3)
    yield ether(src=B, dst=B) / IP(src=A4, dst=B4) / UDP(sport=17, dport=18)
    for kind in (0x0000, 0x05ff, 0x0600, 0x1234, 0x88b5, 0xffff):
        yield ether(type=kind) / Raw(bytes(46))
    whole = bytes(ether() / IP(src=A4, dst=B4) / TCP(sport=19, dport=20) / Raw(GET))
    for length in (14, 15, 20, 33, 34, 42, 53, 54, 59):  # runts
        yield whole[:length]


def frames():
    kinds = (link_local, neighbours, tagged, transports, tunnels, wrong)
    return [bytes(frame) for kind in kinds for frame in kind()]


def write_pcap(path, records, interval=0.001):
    """Frames as a capture that begins at an hour of no meaning."""
    with open(path, "wb") as capture:
        capture.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number, record in enumerate(records):
            time = 1_000_000_000 + number * interval
            capture.write(struct.pack("<IIII", int(time), int(time % 1 * 1e6), len(record),
                                      len(record)) + record)


def read_pcap(path):
    """The frames of a little-endian capture."""
    found = []
    with open(path, "rb") as capture:
        capture.read(24)
        while header := capture.read(16):
            found.append(capture.read(struct.unpack("<IIII", header)[2]))
    return found


if __name__ == "__main__":
    write_pcap(sys.argv[1], frames())
