#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A network of nodes that talk in simulated time, and what one sees of it on a link.

Processes are generators that yield how many seconds they wait. Everything that is sent is kept; a
View chooses the nodes on the inside of a link and gives the frames that cross it, in order, each as
it looks there: a node on the inside under its own address, any other under its public one.
"""

import collections
import csv
import heapq
import itertools
import random
import struct

START = 1156500000  # 2006-08-25 10:00:00 UTC
SEGMENT = 1448
TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

# A packet sent. `mark` is for whoever wants to know later what the payload is.
Packet = collections.namedtuple(
    'Packet', 'time protocol source sport target dport payload tcp mark')
TcpFields = collections.namedtuple('TcpFields', 'sequence acknowledged flags')


class Network:
    def __init__(self, seed=1):
        self.rng = random.Random(seed)
        self.now = 0.0
        self.packets = []
        self.labels = {}  # (protocol, both ends) -> (label, reason)
        self.connections = []
        self._queue = []
        self._order = itertools.count()

    def start(self, process, delay=0.0):
        heapq.heappush(self._queue, (self.now + delay, next(self._order), process))

    def run(self):
        while self._queue:
            self.now, _, process = heapq.heappop(self._queue)
            wait = next(process, None)
            if wait is not None:
                self.start(process, wait)

    def label(self, protocol, one, two, label, reason):
        self.labels.setdefault((protocol, frozenset((one, two))), (label, reason))

    def send(self, protocol, source, target, payload, tcp=None, mark=None):
        """Ends are (node, port)."""
        self.packets.append(Packet(self.now, protocol, *source, *target, payload, tcp, mark))

    def datagram(self, source, target, payload, label, reason, mark=None):
        self.label(UDP, source, target, label, reason)
        self.send(UDP, source, target, payload, mark=mark)


class Node:
    """A machine. Behind a NAT it has an address of its own and a public one."""

    def __init__(self, network, address, public=None):
        self.network = network
        self.rng = network.rng
        self.address = address
        self.public = public or address
        self.delay = self.rng.uniform(0.065, 0.31)  # answers, as measured in SkypeIRC.cap
        self._port = 1025  # Ehlert & Petgang 2006: counts up from 1026 to 5000

    def next_port(self):
        self._port += 1
        return self._port


class Connection:
    """A TCP connection. Its sides are True (the one that opens) and False."""

    def __init__(self, source, target, label, reason):
        self.network = source[0].network
        self.ends = {True: source, False: target}
        self.delay = target[0].delay
        self.sequence = {side: self.network.rng.randrange(1 << 32) for side in (True, False)}
        self.stream = {True: b'', False: b''}  # the first bytes of each side
        self.marks = {True: set(), False: set()}
        self.is_open = False
        self.network.label(TCP, source, target, label, reason)
        self.network.connections.append(self)

    def segment(self, side, flags, payload=b''):
        fields = TcpFields(self.sequence[side],
                           self.sequence[not side] if flags & ACK else 0, flags)
        self.network.send(TCP, self.ends[side], self.ends[not side], payload, fields)
        consumed = len(payload) + (flags & SYN != 0) + (flags & FIN != 0)
        self.sequence[side] = (self.sequence[side] + consumed) % (1 << 32)

    def open(self):
        self.segment(True, SYN)
        yield self.delay
        self.segment(False, SYN | ACK)
        yield 0.0002
        self.segment(True, ACK)
        self.is_open = True

    def open_in_vain(self, refused=False):
        """No answer to the SYN, which is repeated after 3 and 9 s; or a reset."""
        number = self.sequence[True]
        for pause in (3.0, 6.0, 6.1):
            self.sequence[True] = number
            self.segment(True, SYN)
            if refused:
                yield self.delay
                self.segment(False, RST | ACK)
                return
            yield pause

    def say(self, side, *messages, marks=(), acknowledged=True):
        """Sends, one segment or more for each message; the other side's stack acknowledges."""
        for message in messages:
            if len(self.stream[side]) < 256:
                self.stream[side] += message
            for at in range(0, len(message), SEGMENT):
                last = at + SEGMENT >= len(message)
                self.segment(side, ACK | (PSH if last else 0), message[at:at + SEGMENT])
        self.marks[side].update(marks)
        if acknowledged:
            self.segment(not side, ACK)

    def talk(self, *talk):
        """(side, message, marks...) after a delay each."""
        for side, message, *marks in talk:
            yield self.delay / 2
            self.say(side, message, marks=marks)

    def close(self, side=True):
        self.segment(side, FIN | ACK)
        yield self.delay
        self.segment(not side, FIN | ACK)
        yield 0.0002
        self.segment(side, ACK)
        self.is_open = False


def resolve(client, name, address, delay=0.02):
    """A DNS query to the gateway and its answer (RFC 1035 4.1); none if `address` is None."""
    network, gateway = client.network, client.gateway
    number = network.rng.randrange(65536)
    own = (client, client.next_port())
    question = b''.join(bytes([len(part)]) + part.encode() for part in name.split('.'))
    question += b'\0' + struct.pack('>HH', 1, 1)
    network.datagram(own, (gateway, 53), struct.pack('>HHHHHH', number, 0x0100, 1, 0, 0, 0) +
                     question, 'skype-other', 'DNS')
    yield delay
    if address is not None:
        record = struct.pack('>HHHIH', 0xc00c, 1, 1, 300, 4) + address_bytes(address)
        network.datagram((gateway, 53), own, struct.pack('>HHHHHH', number, 0x8180, 1, 1, 0, 0) +
                         question + record, 'skype-other', 'DNS')


def address_bytes(address):
    return bytes(map(int, address.split('.')))


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def frame(protocol, ends, payload, tcp, number, is_outgoing):
    """Ethernet, IPv4 and UDP or TCP with right checksums; `ends` are (address, port)."""
    (source, sport), (target, dport) = ends
    addresses = address_bytes(source) + address_bytes(target)
    if protocol == UDP:
        segment = struct.pack('>HHHH', sport, dport, 8 + len(payload), 0)
        at = 6
    else:
        options = b'\x02\x04\x05\xb4' if tcp.flags & SYN else b''
        segment = struct.pack('>HHIIBBHHH', sport, dport, tcp.sequence, tcp.acknowledged,
                              (20 + len(options)) << 2, tcp.flags, 29200, 0, 0) + options
        at = 16
    segment += payload
    pseudo = addresses + struct.pack('>HH', protocol, len(segment))
    sums = checksum(pseudo + segment) or 0xffff
    segment = segment[:at] + struct.pack('>H', sums) + segment[at + 2:]
    header = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(segment), number & 0xffff, 0x4000, 64,
                         protocol, 0) + addresses
    header = header[:10] + struct.pack('>H', checksum(header)) + header[12:]
    macs = (b'\x02\0\0\0\0\x01', b'\x02\0\0\0\0\x02')  # gateway, inside
    return b''.join(macs if is_outgoing else macs[::-1]) + \
        b'\x08\x00' + header + segment


class View:
    """What crosses a link with the nodes `inside` on one side."""

    def __init__(self, network, inside):
        self.network = network
        self.inside = set(inside)

    def crosses(self, one, two):
        return (one in self.inside) != (two in self.inside)

    def seen(self, node):
        return node.address if node in self.inside else node.public

    def packets(self):
        ordered = sorted(self.network.packets, key=lambda packet: packet.time)  # stable
        return [packet for packet in ordered if self.crosses(packet.source, packet.target)]

    def frames(self):
        """(seconds, bytes of the frame)."""
        for number, packet in enumerate(self.packets()):
            ends = ((self.seen(packet.source), packet.sport),
                    (self.seen(packet.target), packet.dport))
            yield START + packet.time, frame(packet.protocol, ends, packet.payload, packet.tcp,
                                             number, packet.source in self.inside)

    def write(self, path):
        with open(path, 'wb') as out:
            out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for time, data in self.frames():
                micro = round(time * 1e6)
                out.write(struct.pack('<IIII', micro // 1000000, micro % 1000000, len(data),
                                      len(data)) + data)

    def truth(self):
        """One row for each bidirectional 5-tuple: a is who sent first; bytes are of frames; the
        label is skype-http, skype-login, skype-p2p-udp, skype-p2p-tcp, skype-other or not-skype;
        the reason says "no payload" when only headers crossed."""
        rows = {}
        for packet in self.packets():
            ends = ((packet.source, packet.sport), (packet.target, packet.dport))
            key = (packet.protocol, frozenset(ends))
            label, reason = self.network.labels[key]
            row = rows.setdefault(key, {
                'proto': 'udp' if packet.protocol == UDP else 'tcp',
                'ip_a': self.seen(packet.source), 'port_a': packet.sport,
                'ip_b': self.seen(packet.target), 'port_b': packet.dport,
                'packets': 0, 'bytes': 0, 'label': label,
                'certainty': 'none' if label == 'not-skype' else 'certain',
                'reason': reason + ', no payload'})
            row['packets'] += 1
            row['bytes'] += 34 + len(packet.payload) + \
                (8 if packet.tcp is None else 24 if packet.tcp.flags & SYN else 20)
            if packet.payload:
                row['reason'] = reason
        return list(rows.values())

    def write_truth(self, path):
        rows = self.truth()
        with open(path, 'w', newline='') as out:
            writer = csv.DictWriter(out, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
