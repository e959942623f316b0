#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the sample capture: an office network for two minutes, the same bytes on every run.

    tests/make_sample.py OUT.pcap

Hosts that browse, resolve names and speak TLS, on IPv4, on IPv6 and in a VLAN; ARP, neighbour
discovery and LLDP between them; two hosts that only talk about Skype; and one that runs it,
a Linux client 1.2 of 2006 behind a NAT. Its messages are made from what is public: templates whose
CRC is sent in clear, and random bytes where the real ones are encrypted.
"""

import random
import struct
import sys

import skype_wire as wire
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr,
                                ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import PcapWriter

START = 1709283600  # 2024-03-01 09:00:00 UTC
GATEWAY_MAC = '02:00:00:00:00:01'
PUBLIC = '203.0.113.77'  # what the NAT makes of the Skype client's address
SEGMENT = 1448
RTT = 0.030

rng = random.Random(1)
frames = []  # (time in microseconds, bytes)


def put(time, frame):
    frames.append((round((START + time) * 1000000), bytes(frame)))


def stack(layers):
    whole = layers[0]
    for layer in layers[1:]:
        whole /= layer
    return whole


class Host:
    """One machine on the inside; its frames cross the wire to the gateway and back."""

    def __init__(self, number, address, vlan=None):
        self.mac = f'02:00:00:00:01:{number:02x}'
        self.address = address
        self.is_ip6 = ':' in address
        # The gateway is the network's first address, and its resolver.
        separator = ':' if self.is_ip6 else '.'
        self.gateway = address.rpartition(separator)[0] + separator + '1'
        self.vlan = vlan
        self.ip_id = number * 1000
        self.port = 40000 + number * 100

    def next_port(self):
        self.port += 1
        return self.port

    def network(self, peer, outgoing):
        source, destination = (self.address, peer) if outgoing else (peer, self.address)
        if self.is_ip6:
            return IPv6(src=source, dst=destination, hlim=64)
        self.ip_id += 1
        return IP(src=source, dst=destination, id=self.ip_id & 0xffff, ttl=64, flags='DF')

    def send(self, time, peer, layers, outgoing=True):
        source, destination = (self.mac, GATEWAY_MAC) if outgoing else (GATEWAY_MAC, self.mac)
        frame = Ether(src=source, dst=destination)
        if self.vlan is not None:
            frame /= Dot1Q(vlan=self.vlan)
        put(time, frame / self.network(peer, outgoing) / layers)

    def udp(self, time, peer, ports, payload, outgoing=True):
        own, other = ports
        sport, dport = (own, other) if outgoing else (other, own)
        self.send(time, peer, UDP(sport=sport, dport=dport) / payload, outgoing)

    def resolve(self, time, name, addresses):
        """A query for one kind of address and its answer; no answer when `addresses` is None."""
        kind = 'AAAA' if self.is_ip6 else 'A'
        ports, number = (self.next_port(), 53), rng.randrange(65536)
        question = DNSQR(qname=name, qtype=kind)
        self.udp(time, self.gateway, ports, DNS(id=number, rd=1, qd=question))
        if addresses is None:
            return
        records = stack([DNSRR(rrname=name, type=kind, ttl=300, rdata=address)
                         for address in addresses])
        self.udp(time + 0.012, self.gateway, ports,
                 DNS(id=number, qr=1, rd=1, ra=1, qd=question, an=records), False)

    def tcp(self, time, peer, port, talk, inbound_port=None):
        """A whole connection: handshake, `talk` as (from us, payload, pause before), both FINs.

        With `inbound_port` the peer opens it, from `port` to that port of ours.
        """
        return Connection(self, peer, port, inbound_port).run(time, talk)


class Connection:
    def __init__(self, host, peer, port, inbound_port):
        self.host, self.peer = host, peer
        self.own_port = host.next_port() if inbound_port is None else inbound_port
        self.peer_port = port
        self.opener = inbound_port is None  # who sends the SYN: True for us
        self.next = {True: rng.randrange(1 << 32), False: rng.randrange(1 << 32)}

    def segment(self, time, ours, flags, payload=b'', options=()):
        ports = (self.own_port, self.peer_port) if ours else (self.peer_port, self.own_port)
        acknowledges = 'A' in flags
        header = TCP(sport=ports[0], dport=ports[1], seq=self.next[ours],
                     ack=self.next[not ours] if acknowledges else 0, flags=flags, window=29200,
                     options=list(options))
        self.host.send(time, self.peer, header / Raw(payload) if payload else header, ours)
        consumed = len(payload) + ('S' in flags) + ('F' in flags)
        self.next[ours] = (self.next[ours] + consumed) % (1 << 32)

    def run(self, time, talk):
        opener = self.opener
        self.segment(time, opener, 'S', options=[('MSS', 1460)])
        self.segment(time + RTT, not opener, 'SA', options=[('MSS', 1460)])
        time += RTT + 0.0002
        self.segment(time, opener, 'A')
        for ours, payload, pause in talk:
            time += pause
            for at in range(0, len(payload), SEGMENT):
                part = payload[at:at + SEGMENT]
                last = at + SEGMENT >= len(payload)
                self.segment(time, ours, 'PA' if last else 'A', part)
                time += 0.0001
            time += RTT / 2
            self.segment(time, not ours, 'A')
        time += 0.005
        self.segment(time, opener, 'FA')
        self.segment(time + RTT, not opener, 'FA')
        self.segment(time + RTT + 0.0002, opener, 'A')
        return time + RTT + 0.0002


# What everybody does.

def http_request(host, path, headers=()):
    lines = [f'GET {path} HTTP/1.1', f'Host: {host}', 'User-Agent: sample/1.0', 'Accept: */*']
    return '\r\n'.join([*lines, *headers, '', '']).encode()


def http_response(body, kind='text/html'):
    head = (f'HTTP/1.1 200 OK\r\nServer: sample\r\nContent-Type: {kind}\r\n'
            f'Content-Length: {len(body)}\r\n\r\n')
    return head.encode() + body


def text(length):
    words = b'a capture made by a script says nothing new but says it every time alike '
    return (words * (length // len(words) + 1))[:length]


def browse(host, time, name, address, pages, headers=()):
    talk = []
    for path, length in pages:
        talk.append((True, http_request(name, path, headers), 0.001 if not talk else 0.4))
        talk.append((False, http_response(text(length)), 0.020))
    host.tcp(time, address, 80, talk)


def tls_record(kind, payload, version=0x0303):
    return struct.pack('>BHH', kind, version, len(payload)) + payload


def tls_extension(kind, payload):
    return struct.pack('>HH', kind, len(payload)) + payload


def tls_client_hello(name):
    server = struct.pack('>HBH', len(name) + 3, 0, len(name)) + name.encode()
    extensions = tls_extension(0, server)
    extensions += tls_extension(10, bytes.fromhex('0004001d0017'))
    extensions += tls_extension(13, bytes.fromhex('00040403 0804'))
    extensions += tls_extension(16, bytes.fromhex('000c 02 6832 08 687474702f312e31'))
    extensions += tls_extension(43, bytes.fromhex('04 0304 0303'))
    body = bytes.fromhex('0303') + rng.randbytes(32) + b'\x20' + rng.randbytes(32)
    body += bytes.fromhex('0006 1301 1302 c02f 0100')
    body += struct.pack('>H', len(extensions)) + extensions
    return tls_record(22, b'\x01' + struct.pack('>I', len(body))[1:] + body, 0x0301)


def tls_server_hello():
    extensions = tls_extension(43, bytes.fromhex('0304'))
    extensions += tls_extension(51, bytes.fromhex('001d0020') + rng.randbytes(32))
    body = bytes.fromhex('0303') + rng.randbytes(32) + b'\x20' + rng.randbytes(32)
    body += bytes.fromhex('1301 00') + struct.pack('>H', len(extensions)) + extensions
    hello = tls_record(22, b'\x02' + struct.pack('>I', len(body))[1:] + body)
    return hello + tls_record(20, b'\x01') + tls_record(23, rng.randbytes(2400))


def talk_tls(host, time, name, address, sizes):
    talk = [(True, tls_client_hello(name), 0.001), (False, tls_server_hello(), 0.020),
            (True, tls_record(20, b'\x01') + tls_record(23, rng.randbytes(53)), 0.002)]
    for asked, answered in sizes:
        talk.append((True, tls_record(23, rng.randbytes(asked)), 0.3))
        talk.append((False, tls_record(23, rng.randbytes(answered)), 0.040))
    host.tcp(time, address, 443, talk)


def neighbours(hosts):
    """What keeps a link alive: ARP, IPv6 neighbour discovery, LLDP every 30 s, an echo."""
    for number, host in enumerate(hosts):
        time = 0.1 + number * 0.05
        if host.is_ip6:
            put(time, Ether(src=host.mac, dst='33:33:ff:00:00:01') /
                IPv6(src=host.address, dst='ff02::1:ff00:1', hlim=255) /
                ICMPv6ND_NS(tgt=host.gateway) / ICMPv6NDOptSrcLLAddr(lladdr=host.mac))
            put(time + 0.001, Ether(src=GATEWAY_MAC, dst=host.mac) /
                IPv6(src=host.gateway, dst=host.address, hlim=255) /
                ICMPv6ND_NA(tgt=host.gateway, S=1, O=1, R=1) /
                ICMPv6NDOptDstLLAddr(lladdr=GATEWAY_MAC))
            continue
        tag = [] if host.vlan is None else [Dot1Q(vlan=host.vlan)]
        put(time, stack([Ether(src=host.mac, dst='ff:ff:ff:ff:ff:ff'), *tag,
                         ARP(op=1, hwsrc=host.mac, psrc=host.address, pdst=host.gateway)]))
        put(time + 0.0004, stack([Ether(src=GATEWAY_MAC, dst=host.mac), *tag,
                                  ARP(op=2, hwsrc=GATEWAY_MAC, psrc=host.gateway,
                                      hwdst=host.mac, pdst=host.address)]))
    # IEEE 802.1AB: chassis id, port id, time to live, end.
    lldp = b'\x02\x07\x04' + bytes.fromhex(GATEWAY_MAC.replace(':', ''))
    lldp += b'\x04\x06\x05port1' + struct.pack('>HH', 3 << 9 | 2, 120) + b'\x00\x00'
    for time in range(0, 120, 30):
        put(time + 0.5, Ether(src=GATEWAY_MAC, dst='01:80:c2:00:00:0e', type=0x88cc) / Raw(lldp))
    hosts[0].send(20.0, '198.51.100.9', ICMP(type=8, id=77, seq=1) / Raw(text(56)))
    hosts[0].send(20.03, '198.51.100.9', ICMP(type=0, id=77, seq=1) / Raw(text(56)), False)


# What Skype does.

class Skype:
    """A client's UDP messages: header and CRC as they are, an encrypted text of the right length."""

    PORT = 35990

    def __init__(self, host):
        self.host = host
        self.number = 0x15e8  # one counter for all destinations, 2 a request

    def request(self, time, node, command='04da01', rest='4215'):
        """Sends a request (by default the probe, 0x1b) and returns its id."""
        number = self.number
        self.number += 2
        message = wire.payload(rng, number, wire.template(command, number, rest))
        self.host.udp(time, node[0], (self.PORT, node[1]), Raw(message))
        return number

    def answer(self, time, node, plain):
        message = wire.payload(rng, rng.randrange(0x1000, 0xf000), plain)
        self.host.udp(time, node[0], (self.PORT, node[1]), Raw(message), False)

    def accept(self, time, node, request):
        self.answer(time, node, wire.template('04e301', request))

    def refuse(self, time, node, request):
        """51 bytes that also list other nodes."""
        self.answer(time, node, wire.refusal(rng, request))

    def negative(self, time, node, request):
        """"Cannot decode, this is your address" (type 7); returns the nonce."""
        nonce = rng.randbytes(4)
        message = wire.acknowledgement(0x77, request, PUBLIC, nonce)
        self.host.udp(time, node[0], (self.PORT, node[1]), Raw(message), False)
        return nonce

    def resend(self, time, node, request, nonce):
        plain = wire.template('04da01', request)
        message = wire.resend(rng, request, nonce, node[0], plain)
        self.host.udp(time, node[0], (self.PORT, node[1]), Raw(message))

    def connect_back(self, time, node):
        """A stranger tests on a node's behalf whether our port can be reached: UDP, then TCP."""
        number = rng.randrange(0x1000, 0xf000)
        message = wire.payload(rng, number, wire.template('06d902', number, '42') + rng.randbytes(3))
        self.host.udp(time, node[0], (self.PORT, node[1]), Raw(message), False)
        message = wire.acknowledgement(wire.ACK, number, node[0], rng.randbytes(4))
        self.host.udp(time + 0.001, node[0], (self.PORT, node[1]), Raw(message))
        self.host.tcp(time + 0.13, node[0], node[1] + 7,
                      [(False, rng.randbytes(29), 0.02), (True, rng.randbytes(14), 0.02),
                       (False, rng.randbytes(12), 0.2), (True, rng.randbytes(4), 0.2)], self.PORT)


def super_node_talk(number):
    """The connection to the node that accepted: hello, "client accept", the node's answer."""
    hello, accept = wire.client_hello(rng, number)
    greeting = wire.node_hello(rng)
    return [(True, hello, 0.002), (False, greeting, 0.130), (True, accept, 0.002),
            (False, rng.randbytes(587), 0.160), (True, rng.randbytes(14), 20.0),
            (False, rng.randbytes(12), 0.140)]


def login_talk():
    return [(index % 2 == 0, message, pause) for index, (message, pause)
            in enumerate(zip(wire.login(rng), (0.001, 0.090, 0.001, 0.210)))]


def version_check():
    request, response = wire.version_check(rng)
    assert len(request) == 166
    return [(True, request, 0.001), (False, response, 0.060)]


def run_skype(host, time):
    """A start as it was seen in 2006: probes, the NAT's address, a node, login, version check."""
    skype = Skype(host)
    nodes = [(f'198.51.100.{101 + 9 * i}', rng.randrange(1024, 65000)) for i in range(9)]

    # One probe, four more a second later; nobody answers.
    skype.request(time, nodes[0])
    for i in range(1, 5):
        skype.request(time + 1.08 + i * 0.00005, nodes[i])
    # The next node tells the public address; asked again under the right key it refuses.
    first = skype.request(time + 6.14, nodes[5])
    nonce = skype.negative(time + 6.266, nodes[5], first)
    skype.resend(time + 6.2662, nodes[5], first, nonce)
    skype.refuse(time + 6.387, nodes[5], first)
    second = skype.request(time + 6.3874, nodes[6])
    skype.refuse(time + 6.56, nodes[6], second)
    # This one accepts, and is called over TCP at once.
    third = skype.request(time + 6.5604, nodes[7])
    skype.accept(time + 6.708, nodes[7], third)
    host.tcp(time + 6.7084, nodes[7][0], nodes[7][1], super_node_talk(skype.number))
    skype.number += 2
    host.tcp(time + 7.6, '198.51.100.33', 33033, login_talk())
    # A list of nodes from one of them, and how long another takes to answer.
    skype.request(time + 8.8, nodes[7], '08e202', '42b3799396a0')
    skype.answer(time + 8.92, nodes[7], rng.randbytes(660))
    for i in range(3):
        ping = skype.request(time + 9.0 + i * 0.11, nodes[8], '049a02')
        skype.answer(time + 9.1 + i * 0.11, nodes[8],
                     wire.template('0ca302', ping, '42fcdf1c73f58056968c'))
    skype.connect_back(time + 11.3, ('198.51.100.222', 24317))
    host.resolve(time + 14.98, 'ui.skype.com', ['198.51.100.31'])
    host.tcp(time + 15.0, '198.51.100.31', 80, version_check())


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
        print(__doc__, file=sys.stderr)
        return 2
    desk, laptop, phone, curious, skyper = (
        Host(1, '192.168.10.11'), Host(2, '192.168.10.12'), Host(3, '2001:db8:10::13'),
        Host(4, '192.168.10.14'), Host(5, '192.168.10.20'))
    tagged = Host(6, '10.20.0.16', vlan=20)
    neighbours([desk, laptop, phone, curious, skyper, tagged])

    desk.resolve(2.0, 'www.example.org', ['198.51.100.10'])
    browse(desk, 2.05, 'www.example.org', '198.51.100.10', [('/', 5200), ('/style.css', 900)])
    desk.resolve(8.0, 'no.such.name.example', None)
    laptop.resolve(4.0, 'mail.example.net', ['198.51.100.20', '198.51.100.21'])
    talk_tls(laptop, 4.05, 'mail.example.net', '198.51.100.20', [(310, 4100), (120, 900)])
    phone.resolve(6.0, 'app.example.com', ['2001:db8:99::30'])
    browse(phone, 6.05, 'app.example.com', '2001:db8:99::30', [('/api/v1/news', 3000)])
    talk_tls(phone, 9.0, 'push.example.com', '2001:db8:99::31', [(64, 128)])
    browse(tagged, 12.0, 'intranet.example.com', '10.20.0.80', [('/', 700), ('/menu', 1500)])

    # Not Skype: its web page, and a page that says where one came from.
    curious.resolve(15.0, 'www.skype.com', ['198.51.100.30'])
    browse(curious, 15.05, 'www.skype.com', '198.51.100.30', [('/download', 2100)])
    browse(curious, 25.0, 'www.example.org', '198.51.100.10', [('/help', 1100)],
           ['Referer: http://ui.skype.com/ui/2/1.2.0.18/en/getlatestversion?ver=1.2.0.18'])

    run_skype(skyper, 30.0)
    browse(skyper, 70.0, 'www.example.org', '198.51.100.10', [('/', 5200)])
    talk_tls(desk, 100.0, 'shop.example.org', '198.51.100.12', [(400, 9000)])

    frames.sort(key=lambda frame: frame[0])
    with PcapWriter(sys.argv[1], linktype=1) as out:
        out.write_header(None)
        for time, data in frames:
            out.write_packet(data, sec=time // 1000000, usec=time % 1000000)
    return 0


if __name__ == '__main__':
    sys.exit(main())
